//! Uuencoded files, as mails had them before MIME: in a body of their own, or within a text.
//!
//! Standard: POSIX uuencode (the historic form). In: bytes. Out: bytes; how many lines were damaged.
//! Left out: `begin-base64`. Shown by: the tests here, `fixtures/mail/uuencode.eml`.

/// A file within a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Within {
    /// From its `begin` to behind its `end`, in bytes of the text.
    pub range: std::ops::Range<usize>,
    pub name: String,
}

/// The files within a text, in their order, 100 at the most.
pub(super) fn within(text: &[u8]) -> Vec<Within> {
    let mut found = vec![];
    let mut begun: Option<(usize, String, usize)> = None;
    let mut at = 0;
    for whole in text.split_inclusive(|b| *b == b'\n') {
        let line = whole.trim_ascii_end();
        match &mut begun {
            None => begun = name(line).map(|name| (at, name, 0)),
            Some((start, name, lines)) => match line {
                b"end" if *lines > 0 => {
                    found.push(Within { range: *start..at + whole.len(), name: std::mem::take(name) });
                    begun = None;
                }
                _ if fits(line) => *lines += 1,
                _ => begun = self::name(line).map(|name| (at, name, 0)),
            },
        }
        at += whole.len();
        if found.len() == 100 {
            break;
        }
    }
    found
}

/// `begin 644 name`
fn name(line: &[u8]) -> Option<String> {
    let rest = line.strip_prefix(b"begin ")?;
    let mode = rest.iter().take_while(|b| matches!(b, b'0'..=b'7')).count();
    let name = rest.get(mode..)?.strip_prefix(b" ")?;
    ((3..=4).contains(&mode) && (1..=250).contains(&name.len())).then(|| String::from_utf8_lossy(name).into_owned())
}

/// Whether it has the length its first sign says (up to two more: some put a check sign, some pad).
fn fits(line: &[u8]) -> bool {
    let Some((&first, rest)) = line.split_first() else { return true };
    let bytes = usize::from(first.wrapping_sub(b' ') & 63);
    let signs = bytes.div_ceil(3) * 4;
    matches!(first, b' '..=b'`') && rest.len() <= signs + 2 && rest.iter().all(|b| matches!(b, b' '..=b'`'))
}

/// Decodes the lines between `begin` and `end` (both may be missing); gives how many lines were damaged.
pub(super) fn decode<E>(coded: &[u8], mut out: impl FnMut(&[u8]) -> Result<(), E>) -> Result<usize, E> {
    let mut bad = 0;
    let mut first = true;
    for line in coded.split(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line == b"end" {
            break;
        }
        if std::mem::take(&mut first) && name(line.trim_ascii_end()).is_some() || line.is_empty() {
            continue;
        }
        if !fits(line.trim_ascii_end()) {
            bad += 1;
            continue;
        }
        let length = usize::from(line[0].wrapping_sub(b' ') & 63);
        let sign = |i: usize| line.get(1 + i).map_or(0, |b| u32::from(b.wrapping_sub(b' ') & 63));
        let mut bytes = Vec::with_capacity(48);
        for group in 0..length.div_ceil(3) {
            let bits = (0..4).fold(0, |bits, i| bits << 6 | sign(group * 4 + i));
            bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
        }
        out(&bytes[..length])?;
    }
    Ok(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_within_a_text_is_found_and_decoded() {
        let text = b"Hello\r\nbegin 644 cat.txt\r\n#0V%T\r\n`\r\nend\r\nbye begin 644 x\nbegin the day\n";
        let found = within(text);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name, "cat.txt");
        assert_eq!(&text[found[0].range.end..][..3], b"bye");
        let mut out = vec![];
        let bad = decode::<()>(&text[found[0].range.clone()], |b| {
            out.extend_from_slice(b);
            Ok(())
        });
        assert_eq!((out, bad), (b"Cat".to_vec(), Ok(0)));
    }

    #[test]
    fn what_only_begins_like_one_is_text() {
        for text in [
            &b"begin 644 x\nhello, this is no such line\nend\n"[..],
            b"begin 644 x\n#0V%T\n",
            b"begin 999 x\n#0V%T\nend\n",
            b"begin 644 x\nend\n",
        ] {
            assert_eq!(within(text), vec![], "{}", String::from_utf8_lossy(text));
        }
        let mut n = 0;
        assert_eq!(
            decode::<()>(b"M\nnot a line of it at all\n#0V%T\n", |b| {
                n += b.len();
                Ok(())
            }),
            Ok(1)
        );
        assert_eq!(n, 45 + 3, "a line cut short is filled with zeros");
    }
}

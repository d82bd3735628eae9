//! Quoted-printable, written for text and read from whatever came.
//!
//! Standard: RFC 2045 6.7. In: bytes. Out: bytes; how many `=` stood for nothing.
//! Left out: forms for EBCDIC gateways. Shown by: the tests here.

/// Decodes what came, a piece at a time; a `=` that stands for nothing stays as it is and is counted.
pub(super) fn decode<E>(coded: &[u8], mut out: impl FnMut(&[u8]) -> Result<(), E>) -> Result<usize, E> {
    let mut bad = 0;
    for whole in coded.split_inclusive(|b| *b == b'\n') {
        let (text, end) = match whole.strip_suffix(b"\n") {
            Some(line) => (line.strip_suffix(b"\r").unwrap_or(line), &whole[line.strip_suffix(b"\r").unwrap_or(line).len()..]),
            None => (whole, &b""[..]),
        };
        // Rule 3: white space at a line's end was put there on the way.
        let text = text.trim_ascii_end();
        let (text, soft) = text.strip_suffix(b"=").map_or((text, false), |t| (t, true));
        let mut at = 0;
        let mut piece = Vec::with_capacity(text.len().min(8_192));
        while at < text.len() {
            let plain = text[at..].iter().take(8_000).position(|b| *b == b'=').unwrap_or((text.len() - at).min(8_000));
            piece.extend_from_slice(&text[at..at + plain]);
            at += plain;
            if text.get(at) == Some(&b'=') {
                match (hex(text.get(at + 1)), hex(text.get(at + 2))) {
                    (Some(high), Some(low)) => {
                        piece.push(high << 4 | low);
                        at += 3;
                    }
                    _ => {
                        piece.push(b'=');
                        bad += 1;
                        at += 1;
                    }
                }
            }
            if piece.len() >= 8_000 {
                out(&piece)?;
                piece.clear();
            }
        }
        out(&piece)?;
        if !soft {
            out(end)?;
        }
    }
    Ok(bad)
}

fn hex(digit: Option<&u8>) -> Option<u8> {
    char::from(*digit?).to_digit(16).map(|d| d as u8)
}

/// Text in lines of 76 at the most, with CR LF for LF; a carriage return that is text becomes `=0D`.
pub(super) fn encode(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 8);
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        one_line(line.as_bytes(), &mut out);
        if lines.peek().is_some() {
            out.extend_from_slice(b"\r\n");
        }
    }
    out
}

fn one_line(line: &[u8], out: &mut Vec<u8>) {
    let mut column = 0;
    for (at, &b) in line.iter().enumerate() {
        let last = at + 1 == line.len();
        // RFC 2049 3: a dot alone and `From ` at a line's begin are what servers and mailboxes stumble over.
        let hidden = column == 0 && (b == b'.' || b == b'F' || b == b'-');
        let plain = (b.is_ascii_graphic() && b != b'=' || matches!(b, b' ' | b'\t') && !last) && !hidden;
        let width = if plain { 1 } else { 3 };
        if column + width > 75 {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
        match plain {
            true => out.push(b),
            false => out.extend_from_slice(format!("={b:02X}").as_bytes()),
        }
        column += width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(coded: &[u8]) -> (String, usize) {
        let mut out = vec![];
        let bad = decode::<()>(coded, |b| {
            out.extend_from_slice(b);
            Ok(())
        });
        (String::from_utf8_lossy(&out).into_owned(), bad.unwrap())
    }

    #[test]
    fn text_comes_back_and_no_line_is_longer_than_76() {
        let long = "ОЧЕНЬ ДЛИННАЯ СТРОКА ".repeat(50) + "\n" + &"x".repeat(500);
        for text in ["", "a", "a\n", "\n\n", " lead, trail \n\t\n", "=?=3D=\n=", "a\rb\r\nc", ".\n..\nFrom me\n--x", "\0\u{7}é", &long] {
            let coded = encode(text);
            assert!(coded.split(|b| *b == b'\n').all(|l| l.len() <= 77), "{text}");
            assert!(!coded.starts_with(b".") && coded.is_ascii());
            assert_eq!(decoded(&coded), (text.replace('\n', "\r\n"), 0));
        }
    }

    #[test]
    fn damage_stays_as_it_came() {
        assert_eq!(decoded(b"a=ZZb=\r\nc =4"), ("a=ZZbc =4".into(), 2));
        assert_eq!(decoded(b"caf=c3=a9  \nx=  \ny="), ("café\nxy".into(), 0));
    }
}

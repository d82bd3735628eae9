//! Header fields as they stand, unfolded.
//!
//! Standard: RFC 5322 2.2.3 (folding). In: the bytes of a header. Out: a field's value as text, the first of its name.
//! Left out: encoded words (mail-parser reads the fields that have them). Shown by: the tests here.

/// The header of a mail: everything up to the first empty line.
pub fn header_of(mail: &[u8]) -> &[u8] {
    let mut at = 0;
    while at < mail.len() {
        let end = mail[at..].iter().position(|b| *b == b'\n').map_or(mail.len(), |n| at + n + 1);
        if matches!(&mail[at..end], b"\n" | b"\r\n") {
            return &mail[..at];
        }
        at = end;
    }
    mail
}

/// The value of the first field of that name, unfolded, at the most 2,000 characters, without control characters.
pub fn field(header: &[u8], name: &str) -> Option<String> {
    all(header, name).next()
}

/// The values of all fields of that name, in their order.
pub(in crate::email) fn all<'a>(header: &'a [u8], name: &'a str) -> impl Iterator<Item = String> + 'a {
    let mut lines = header.split(|b| *b == b'\n').peekable();
    std::iter::from_fn(move || {
        while let Some(line) = lines.next() {
            let Some(first) = value(line, name) else { continue };
            let mut whole = first.to_vec();
            while let Some(more) = lines.next_if(|l| matches!(l.first(), Some(b' ' | b'\t'))) {
                whole.push(b' ');
                whole.extend_from_slice(&more[..more.len().min(2_000)]);
                whole.truncate(2_000);
            }
            let text = String::from_utf8_lossy(&whole);
            return Some(text.split_ascii_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).collect());
        }
        None
    })
}

fn value<'a>(line: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let (head, rest) = (line.get(..name.len())?, &line[name.len()..]);
    if !head.eq_ignore_ascii_case(name.as_bytes()) {
        return None;
    }
    let value = rest.trim_ascii_start().strip_prefix(b":")?;
    Some(&value[..value.len().min(2_000)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_unfolded_and_only_the_header_is_looked_at() {
        let mail = b"A: x\r\nMolink-Via : london\r\n helsinki\x07\r\nmolink-via: oslo\r\n\r\nMolink-Part: no\r\n";
        let header = header_of(mail);
        assert_eq!(field(header, "molink-via").as_deref(), Some("london helsinki"));
        assert_eq!(all(header, "Molink-Via").count(), 2);
        assert_eq!(field(header, "Molink-Part"), None);
        assert_eq!(field(b"", "A"), None);
        assert_eq!(header_of(b"no end"), b"no end");
    }
}

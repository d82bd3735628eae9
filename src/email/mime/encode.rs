//! Header fields, and texts in a form that every server passes on.
//!
//! Standards: RFC 5322 2.1.1 and 2.2.3 (line length, folding), 2047, 2231, 2045 6. mail-builder writes the fields.
//! In: values. Out: lines with CR LF, ASCII, 78 columns where they can be folded. Left out: 8bit, binary.
//! Shown by: `email::mime::tests`.

use super::{base64, quoted};
use crate::time::Utc;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::text::Text;
use mail_builder::headers::{Header, HeaderType};

/// The lines of a header.
#[derive(Default)]
pub(in crate::email) struct Head(pub Vec<u8>);

impl Head {
    fn put(&mut self, name: &str, value: HeaderType<'_>) {
        self.0.extend_from_slice(format!("{name}: ").as_bytes());
        value.write_header(&mut self.0, name.len() + 2);
    }
    /// A field whose value is ASCII that we made.
    pub fn raw(&mut self, name: &str, value: &str) {
        self.0.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    /// A field of words, in any script.
    pub fn words(&mut self, name: &str, text: &str) {
        let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let whole = line.trim() == line && !line.contains("  ") && !line.contains("=?") && line.split(' ').all(|w| w.len() <= 60);
        match (whole && line.is_ascii(), line.len()) {
            (true, ..=60) => self.raw(name, &line),
            (true, _) => self.put(name, HeaderType::Text(Text::new(line))),
            // Other letters, spaces that folding or a server would eat, words that cannot be folded or that a reader would take for coded ones.
            (false, _) => self.raw(name, &coded_words(&line)),
        }
    }
    pub fn date(&mut self, name: &str, at: Utc) {
        self.put(name, HeaderType::Date(Date::new(at.0.div_euclid(1_000_000))));
    }
    /// Content-Type or Content-Disposition.
    pub fn kind(&mut self, name: &str, kind: &str, attributes: &[(&str, &str)]) {
        let start = ContentType::new(kind.to_owned());
        let whole = attributes.iter().fold(start, |c, (k, v)| c.attribute((*k).to_owned(), (*v).to_owned()));
        self.put(name, HeaderType::ContentType(whole));
    }
}

/// A value of words, folded at spaces where it would be longer than 900; a longer word is parted (RFC 5322 2.1.1: 998 at the most).
pub(in crate::email) fn folded(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut column = 0;
    for word in value.split(' ') {
        if column > 0 {
            let fold = column + word.len() > 900;
            out.push_str(if fold { "\r\n " } else { " " });
            column = if fold { 1 } else { column + 1 };
        }
        for c in word.chars() {
            if column > 950 {
                out.push_str("\r\n ");
                column = 1;
            }
            out.push(c);
            column += c.len_utf8();
        }
    }
    out
}

/// RFC 2047 2: words of 75 signs at the most; a character is not parted.
fn coded_words(line: &str) -> String {
    let mut words: Vec<String> = vec![];
    let mut rest = line;
    while !rest.is_empty() {
        let most = rest.len().min(36);
        // A word without padding, if it can be: GMime (notmuch, mu) joins words of one charset and stops at the first padding.
        let unpadded = |end: &usize| *end == rest.len() || end.is_multiple_of(3);
        let ends = || (1..=most).rev().filter(|end| rest.is_char_boundary(*end));
        let end = ends().find(unpadded).or_else(|| ends().next()).unwrap_or(rest.len());
        let mut coded = vec![];
        let _ = base64::encode(&mut &rest.as_bytes()[..end], &mut coded); // memory takes it
        words.push(format!("=?utf-8?B?{}?=", String::from_utf8_lossy(coded.trim_ascii_end())));
        rest = &rest[end..];
    }
    words.join("\r\n ")
}

/// A text's transfer encoding and its bytes in it. `apart` may not begin a line of it.
pub(in crate::email) fn text(text: &str, apart: &str) -> (&'static str, Vec<u8>) {
    let harmless = |line: &str| {
        let short = line.len() <= 76 && line.bytes().all(|b| matches!(b, b' '..=b'~' | b'\t'));
        // RFC 2049 3: what servers and mailboxes change.
        let stumbled_over = line.ends_with([' ', '\t']) || line.starts_with("From ") || line.starts_with('.');
        let parts = line.starts_with("--") && line.contains(apart);
        short && !stumbled_over && !parts
    };
    if text.split('\n').all(harmless) {
        return ("7bit", text.replace('\n', "\r\n").into_bytes());
    }
    let costly = text.bytes().filter(|b| !matches!(b, b' '..=b'~' | b'\n' | b'\t') || *b == b'=').count();
    if costly * 6 <= text.len() && !text.contains(['\r', '\0']) {
        return ("quoted-printable", quoted::encode(text));
    }
    let mut coded = vec![];
    let canonical = text.replace('\n', "\r\n");
    let _ = base64::encode(&mut canonical.as_bytes(), &mut coded); // memory takes it
    ("base64", coded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_word_of_a_field_is_padded() {
        let mut head = Head::default();
        for text in [
            "Уведомление о происшествии в сети",
            "Срочно: 12 кабелей и ещё кое-что, о чём нельзя написать короче",
            "日本語とрусский и english 🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂",
        ] {
            head.words("Subject", text);
        }
        let lines = String::from_utf8(head.0).unwrap();
        assert_eq!(lines.matches("?=\r\n =?").count(), lines.matches("?=").count() - 3, "{lines}");
        assert!(!lines.contains("=?=\r\n ") && lines.lines().all(|l| l.len() <= 78), "{lines}");
    }
}

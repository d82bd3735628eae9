//! What one of our own parts says of itself, so that it comes back exactly.
//!
//! Standard: ours (`docs/mail.md`). In: the value of `Molink-Part`. Out: which kind of part it is, its type as the sender had it, its hash.
//! Left out: trust: whoever writes such a field says no more than a mail may say anyhow. Shown by: the tests here.

/// Which kind of part of a message it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Text, taken exactly as it was.
    Text,
    /// A page.
    Page,
    /// A file.
    File,
    /// The message has no parts.
    None,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Own {
    pub kind: Kind,
    /// The SHA-256 it had when it was sent.
    pub sha256: Option<String>,
    /// Its media type, where the mail's own field could not hold it.
    pub media_type: Option<String>,
}

impl Own {
    pub fn text() -> Own {
        Own { kind: Kind::Text, sha256: None, media_type: None }
    }

    pub fn read(value: &str) -> Option<Own> {
        let mut words = value.split(';').map(str::trim);
        let kind = match words.next()? {
            "text" => Kind::Text,
            "page" => Kind::Page,
            "file" => Kind::File,
            "none" => Kind::None,
            _ => return None,
        };
        let mut own = Own { kind, sha256: None, media_type: None };
        for word in words {
            match word.split_once('=') {
                Some(("sha256", h)) if h.len() == 64 && h.bytes().all(|b| b.is_ascii_hexdigit()) => {
                    own.sha256 = Some(h.to_ascii_lowercase())
                }
                Some(("type", hex)) => own.media_type = text_of(hex),
                Some(_) | None => {}
            }
        }
        Some(own)
    }

    pub fn value(&self) -> String {
        let mut out = match self.kind {
            Kind::Text => "text",
            Kind::Page => "page",
            Kind::File => "file",
            Kind::None => "none",
        }
        .to_owned();
        if let Some(hash) = &self.sha256 {
            out += &format!(";\r\n sha256={hash}");
        }
        if let Some(media_type) = &self.media_type {
            let hex: String = media_type.bytes().map(|b| format!("{b:02x}")).collect();
            out += &format!(";\r\n type={hex}");
        }
        out
    }
}

/// A media type in hexadecimal digits (it may hold anything).
fn text_of(hex: &str) -> Option<String> {
    if !hex.is_ascii() || hex.len() > 500 || !hex.len().is_multiple_of(2) {
        return None;
    }
    let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).ok()).collect();
    String::from_utf8(bytes?).ok().filter(|t| !t.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_part_says_of_itself_is_read_back() {
        for own in [
            Own::text(),
            Own { kind: Kind::Page, sha256: Some("0a".repeat(32)), media_type: Some("text/plain; charset=koi8-r".into()) },
            Own { kind: Kind::None, sha256: None, media_type: None },
        ] {
            assert_eq!(Own::read(&own.value().replace("\r\n", "")), Some(own));
        }
        assert_eq!(Own::read("stamp"), None);
        for odd in ["file; sha256=12", "file; type=é", "file; type=0", "file; type=0a", "file; ==;;", "file; type=ff"] {
            assert_eq!(Own::read(odd), Some(Own { kind: Kind::File, sha256: None, media_type: None }), "{odd}");
        }
    }
}

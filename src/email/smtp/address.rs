//! Mail addresses as a session takes and says them.
//!
//! Standards: RFC 5321 4.1.2 (dot-string, domain), RFC 6531 3.3 (UTF-8 in both parts); xtext RFC 3461 4.
//! In: what stood between `<` and `>`. Out: whether it is one we carry. Left out: quoted local parts that need their quotes, address
//! literals, source routes: refused. Shown by: the tests here, `fixtures/dialogues/smtp/commands-*`.

use std::fmt::Write;

/// The longest local part and domain (RFC 5321 4.5.3.1.1 and 2).
const LONGEST: (usize, usize) = (64, 255);

/// Whether it is `local-part@domain` of atoms and labels, ASCII or UTF-8, without anything that would need quotes.
pub fn is_plain(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || utf8(c);
    let label = |l: &str| !l.is_empty() && l.len() <= 63 && !l.starts_with('-') && !l.ends_with('-');
    local.len() <= LONGEST.0
        && domain.len() <= LONGEST.1
        && local.split('.').all(|a| !a.is_empty() && a.chars().all(atom))
        && domain.split('.').all(|l| label(l) && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || utf8(c)))
}

/// A character beyond ASCII that may stand in an address: neither a control nor one the parser put in for bytes that were none.
fn utf8(c: char) -> bool {
    !c.is_ascii() && !c.is_control() && !c.is_whitespace() && c != char::REPLACEMENT_CHARACTER
}

/// Whether it is a name a host may call itself by: printable ASCII or UTF-8 without space (domains, address literals, what clients make of them).
pub fn is_host(name: &str) -> bool {
    (1..=LONGEST.1).contains(&name.len()) && name.chars().all(|c| c.is_ascii_graphic() || utf8(c))
}

/// A parameter's value as xtext: everything outside `!` to `~`, and `+` and `=`, as `+HH`.
pub fn xtext(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        match b {
            b'!'..=b'~' if b != b'+' && b != b'=' => out.push(b.into()),
            _ => {
                let _ = write!(out, "+{b:02X}");
            }
        }
    }
    out
}

/// Whether a decoded xtext holds only what may be said again in a header: printable ASCII and spaces.
pub fn is_clean(text: &str) -> bool {
    text.bytes().all(|b| (b' '..=b'~').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_need_quotes_is_not_carried() {
        for good in ["chairman@moscow", "a.b+c@x-y.example", "дежурный@москва.рф", "o'neil@washington"] {
            assert!(is_plain(good), "{good}");
        }
        for bad in [
            "",
            "@",
            "a@",
            "@b",
            "a b@c",
            "a..b@c",
            ".a@c",
            "a@b@c",
            "a@-b",
            "a@b.",
            "a@[127.0.0.1]",
            "a@b c",
            "a\u{fffd}@b",
            "a\u{85}@b",
            "a>@b",
        ] {
            assert!(!is_plain(bad), "{bad}");
        }
        assert!(!is_plain(&format!("{}@x", "a".repeat(65))));
    }

    #[test]
    fn xtext_hides_what_would_end_a_parameter() {
        assert_eq!(xtext("QQ 314+=\r\n~"), "QQ+20314+2B+3D+0D+0A~");
        assert!(is_clean("rfc822; a") && !is_clean("a\r\nX: b") && !is_clean("é"));
    }
}

//! The characters of a text that came in any charset.
//!
//! Standards: RFC 2978 (names of charsets), RFC 2152 (UTF-7). mail-parser has the tables.
//! In: bytes, and the charset's name if one was given. Out: text; what had to be assumed.
//! Left out: guessing more than Cyrillic from Western. Shown by: `email::mime::tests`, `fixtures/mail`.

use mail_parser::decoders::charsets::map::charset_decoder;

/// The text, and a note when something was assumed.
pub fn text(bytes: &[u8], charset: Option<&str>) -> (String, Option<String>) {
    let name = charset.map(|c| c.trim().trim_matches('"')).filter(|c| !c.is_empty() && c.len() <= 45);
    let usual = name.is_none_or(|n| ["utf-8", "utf8", "us-ascii", "ascii", "7bit"].iter().any(|u| n.eq_ignore_ascii_case(u)));
    if usual && let Ok(text) = std::str::from_utf8(bytes) {
        return (text.to_owned(), None);
    }
    let shown = || name.unwrap_or_default().escape_debug().to_string();
    match name.filter(|_| !usual).map(|n| (n, charset_decoder(n.as_bytes()))) {
        Some((_, Some(decode))) => {
            let text = decode(bytes);
            let damaged = text.contains(char::REPLACEMENT_CHARACTER);
            let note = damaged.then(|| format!("a text in `{}` with bytes that are no character of it", shown()));
            (text, note)
        }
        Some((_, None)) => {
            let (text, how) = assumed(bytes);
            (text, Some(format!("a text in the charset `{}`, which is not known; it was read as {how}", shown())))
        }
        None => {
            let (text, how) = assumed(bytes);
            let said = name.map_or("without a charset".to_owned(), |_| format!("in `{}`", shown()));
            (text, Some(format!("a text {said} with bytes that are no character of it; it was read as {how}")))
        }
    }
}

/// UTF-8 where it is that but for a few bytes; a Cyrillic code page where such letters stand side by side, as they do in words of it; else the
/// Western Windows code page, in which every byte is a character.
fn assumed(bytes: &[u8]) -> (String, &'static str) {
    let text = String::from_utf8_lossy(bytes);
    let beyond = text.chars().filter(|c| !c.is_ascii()).count();
    let damaged = text.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER).count();
    if damaged * 2 <= beyond && damaged < beyond {
        return (text.into_owned(), "UTF-8");
    }
    let count = |from: u8, to: u8| bytes.iter().filter(|b| **b >= from && **b <= to).count();
    let high = count(0xc0, 0xff);
    let side_by_side = bytes.windows(2).filter(|w| w[0] >= 0xc0 && w[1] >= 0xc0).count();
    // Most letters are small: 0xE0 and up in windows-1251, 0xC0 to 0xDF in KOI8-R.
    let name = match (side_by_side * 2 > high, count(0xe0, 0xff) >= count(0xc0, 0xdf)) {
        (true, true) => "windows-1251",
        (true, false) => "koi8-r",
        (false, _) => "windows-1252",
    };
    (charset_decoder(name.as_bytes()).map_or(text.into_owned(), |decode| decode(bytes)), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charsets_of_the_field_are_read() {
        for (charset, bytes) in [
            ("koi8-r", &b"\xf0\xd2\xc9\xd7\xc5\xd4"[..]),
            ("windows-1251", b"\xcf\xf0\xe8\xe2\xe5\xf2"),
            ("iso-8859-5", b"\xbf\xe0\xd8\xd2\xd5\xe2"),
            ("cp866", b"\x8f\xe0\xa8\xa2\xa5\xe2"),
            ("utf-7", b"+BB8EQAQ4BDIENQRC-"),
            ("utf-8", "Привет".as_bytes()),
        ] {
            assert_eq!(text(bytes, Some(charset)), ("Привет".into(), None), "{charset}");
        }
        assert_eq!(text(b"\x1b$B%O%m!<\x1b(B", Some("ISO-2022-JP")).0, "ハロー");
    }

    #[test]
    fn what_had_to_be_assumed_is_said() {
        assert_eq!(text(b"caf\xe9 fran\xe7ais", None).0, "café français");
        for charset in ["koi8-r", "windows-1251"] {
            let words = b"\xf0\xd2\xcf\xd7\xc5\xd2\xcb\xc1";
            let words = if charset == "koi8-r" { &words[..] } else { b"\xcf\xf0\xee\xe2\xe5\xf0\xea\xe0" };
            let (read, note) = text(words, None);
            assert!(read == "Проверка" && note.unwrap().ends_with(charset));
        }
        let (cafe, note) = text("café \u{fffd}".as_bytes(), Some("x-nonesuch"));
        assert!(cafe.starts_with("café") && note.unwrap().contains("`x-nonesuch`, which is not known; it was read as UTF-8"));
        assert!(text(b"a\xffb", Some("utf-8")).1.unwrap().contains("in `utf-8`"));
        let strange = text(b"x", Some(&"\u{7}".repeat(60)));
        assert_eq!(strange, ("x".into(), None));
    }
}

//! Names of files that a stranger chose, made safe.
//!
//! Standards: none; what file systems, terminals and people's eyes take for something else. In: a name as it came. Out: one that is only a name.
//! Left out: whether what is in the file is what its name says. Shown by: the tests here, `fixtures/mail/names.eml`.

/// The longest name, in bytes: with a hash and an ending beside it, it still fits the 255 of most file systems.
const LONGEST: usize = 150;

/// The name without folders, control characters, signs that turn the writing direction, dots before and dots or spaces behind; `None` if nothing is left.
pub fn safe(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).find(|part| !clean(part).is_empty())?;
    let cleaned = clean(last);
    Some(shortened(&cleaned))
}

fn clean(part: &str) -> String {
    let kept: String = part.chars().filter(|c| !hidden(*c)).map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    kept.trim_start_matches(['.', ' ', '~', '-']).trim_end_matches(['.', ' ']).to_owned()
}

/// Control characters, characters without width, marks that turn or hide the direction of writing, and what stands for no character.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

/// At most [`LONGEST`] bytes; its ending is kept.
fn shortened(name: &str) -> String {
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let ending = name.rfind('.').filter(|dot| name.len() - dot <= 16).map_or("", |dot| &name[dot..]);
    let mut end = LONGEST - ending.len();
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{ending}", name[..end].trim_end_matches(['.', ' ']))
}

/// A name for a file that came without one.
pub(super) fn made_up(number: usize, media_type: &str) -> String {
    let ending = match media_type {
        "text/plain" => "txt",
        "text/html" => "html",
        "text/calendar" => "ics",
        "message/rfc822" | "message/global" => "eml",
        "message/delivery-status" | "message/disposition-notification" | "text/rfc822-headers" => "txt",
        "application/pdf" => "pdf",
        "application/zip" => "zip",
        "application/pgp-signature" => "asc",
        "application/pkcs7-signature" | "application/x-pkcs7-signature" => "p7s",
        "image/jpeg" => "jpg",
        "image/svg+xml" => "svg",
        "image/tiff" => "tif",
        "image/png" => "png",
        "image/gif" => "gif",
        "image/bmp" => "bmp",
        "image/webp" => "webp",
        _ => "bin",
    };
    format!("part-{number}.{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_only_a_name() {
        for (came, safe_one) in [
            ("map.pdf", "map.pdf"),
            ("Карта района.pdf", "Карта района.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Windows\\system32\\cmd.exe", "cmd.exe"),
            ("/etc/", "etc"),
            ("..", ""),
            (".bashrc", "bashrc"),
            ("a\0b\r\nc\x1b[31m.txt", "abc[31m.txt"),
            ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
            ("-rf", "rf"),
            ("  . ", ""),
            ("report.txt. .", "report.txt"),
            ("", ""),
        ] {
            assert_eq!(safe(came).unwrap_or_default(), safe_one, "{came:?}");
            assert_eq!(safe(safe_one).unwrap_or_default(), safe_one);
        }
        let long = safe(&format!("{}.jpeg", "Ж".repeat(500))).unwrap();
        assert!(long.len() <= LONGEST && long.ends_with(".jpeg"));
        assert_eq!(safe(&long), Some(long));
        let cut = safe(&format!("{}.example of something longer than an ending", "x".repeat(LONGEST - 1))).unwrap();
        assert_eq!((cut.len(), safe(&cut)), (LONGEST - 1, Some(cut.clone())), "no dot is left behind where it is cut");
    }
}

//! What a file with pages is, by its first bytes and by its media type.
//!
//! Standards: the files' own; media types as registered with IANA. In: bytes, a type. Out: a [`Kind`].
//! Left out: names' endings (see `cli::convert`). Shown by: `fixtures/answers/convert.txt`, the tests below.

use super::raw::Family;

/// What a file with pages is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// PNG, JPEG, GIF, BMP, WebP, PGM, PPM.
    Picture,
    /// A document.
    Pdf,
    /// A file of fax pages.
    Tiff,
    /// Bilevel pictures, one after the other.
    Pbm,
    /// The codes of one page.
    Raw(Family),
}

/// How a file begins.
const BEGINNINGS: [(&[u8], Kind, &str); 13] = [
    (b"%PDF-", Kind::Pdf, "pdf"),
    (b"II*\0", Kind::Tiff, "tif"),
    (b"MM\0*", Kind::Tiff, "tif"),
    (b"\x89PNG", Kind::Picture, "png"),
    (b"\xff\xd8\xff", Kind::Picture, "jpg"),
    (b"GIF8", Kind::Picture, "gif"),
    (b"RIFF", Kind::Picture, "webp"),
    (b"P1", Kind::Pbm, "pbm"),
    (b"P4", Kind::Pbm, "pbm"),
    (b"P2", Kind::Picture, "pgm"),
    (b"P5", Kind::Picture, "pgm"),
    (b"P3", Kind::Picture, "ppm"),
    (b"P6", Kind::Picture, "ppm"),
];

/// What the bytes begin like, if they say.
pub fn begins(head: &[u8]) -> Option<(Kind, &'static str)> {
    BEGINNINGS.iter().find(|(start, ..)| head.starts_with(start)).map(|(_, from, name)| (*from, *name))
}

/// What a content is, by its bytes, or else by its media type; `None` if it is nothing that has pages.
pub fn of_content(head: &[u8], media_type: &str) -> Option<Kind> {
    let told = match media_type {
        "application/pdf" => Some(Kind::Pdf),
        "image/tiff" => Some(Kind::Tiff),
        "image/x-portable-bitmap" => Some(Kind::Pbm),
        other => other.starts_with("image/").then_some(Kind::Picture),
    };
    told.map(|told| begins(head).map_or(told, |(seen, _)| seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_what_its_bytes_say_and_else_what_its_type_says() {
        assert_eq!(of_content(b"II*\0", "image/tiff"), Some(Kind::Tiff));
        assert_eq!(of_content(b"%PDF-1.4", "image/png"), Some(Kind::Pdf));
        assert_eq!(of_content(b"BM", "image/bmp"), Some(Kind::Picture));
        assert_eq!(of_content(b"?", "application/pdf"), Some(Kind::Pdf), "and the reader says what is wrong with it");
        assert_eq!(of_content(b"%PDF-1.4", "audio/wav"), None);
    }
}

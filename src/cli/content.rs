//! Files made into the parts of a message: text, page or file, by name and content.
//!
//! Standards: media types (IANA); text is UTF-8. In: a path, or `-`. Out: a [`Content`], or one sentence that names file and place.
//! Left out: looking into pages. Shown by: `cli::content::tests`.

use super::Usage;
use crate::router::journal::store::{LARGEST, hexadecimal};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Bytes of text that go into the request itself; the router refuses long texts long before, and says how long they would take.
const TEXT: usize = 3 << 20;

/// What a file is to a message.
#[derive(Debug)]
pub(super) enum Content {
    /// Text.
    Text(String),
    /// A page or a file, sent ahead under its hash.
    Blob { name: String, media_type: &'static str, sha256: String, bytes: Vec<u8> },
}

/// By extension, in lower case. What is not here is a file of unknown type.
const TYPES: &[(&str, &str)] = &[
    ("txt", "text/plain"),
    ("text", "text/plain"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("bmp", "image/bmp"),
    ("webp", "image/webp"),
    ("pbm", "image/x-portable-bitmap"),
    ("pgm", "image/x-portable-graymap"),
    ("ppm", "image/x-portable-pixmap"),
    ("pdf", "application/pdf"),
    ("wav", "audio/wav"),
    ("eml", "message/rfc822"),
    ("zip", "application/zip"),
    ("json", "application/json"),
];

/// Reads one file, or standard input for `-`.
pub(super) fn read(path: &Path) -> Result<Content, Usage> {
    made(path, &shown(path), bytes(path)?)
}

fn shown(path: &Path) -> String {
    path.display().to_string().escape_debug().to_string()
}

/// The bytes of a file, or of standard input for `-`; one more than are allowed, if there are more.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, Usage> {
    let shown = shown(path);
    let failed = |e: std::io::Error| Usage(format!("cannot read `{shown}`: {e}"));
    let mut bytes = vec![];
    if path.as_os_str() == "-" {
        std::io::stdin().take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        let file = File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.is_dir() {
            return Err(Usage(format!("`{shown}` is a folder; name the files in it")));
        }
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    }
    Ok(bytes)
}

fn made(path: &Path, shown: &str, bytes: Vec<u8>) -> Result<Content, Usage> {
    if bytes.is_empty() {
        return Err(Usage(format!("`{shown}` is empty; there is nothing to send")));
    }
    if bytes.len() as u64 > LARGEST {
        return Err(Usage(format!("`{shown}` is larger than {} MiB; send it in parts", LARGEST >> 20)));
    }
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    let media_type = match &extension {
        None => "text/plain",
        Some(e) => TYPES.iter().find(|(known, _)| known == e).map_or("application/octet-stream", |(_, t)| *t),
    };
    if media_type != "text/plain" {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        return Ok(Content::Blob { name, media_type, sha256: hexadecimal(&Sha256::digest(&bytes)), bytes });
    }
    if bytes.len() > TEXT {
        return Err(Usage(format!("the text `{shown}` has {} bytes, more than any line takes; send it in parts", bytes.len())));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Content::Text(text)),
        Err(e) => Err(not_utf8(shown, &e)),
    }
}

fn not_utf8(shown: &str, e: &std::string::FromUtf8Error) -> Usage {
    let at = e.utf8_error().valid_up_to();
    let byte = e.as_bytes().get(at).copied().unwrap_or_default();
    Usage(format!(
        "`{shown}` is not UTF-8 text (byte 0x{byte:02X} at offset {at}); convert it with `iconv -f ISO-8859-1 -t UTF-8` (or from what it is), or give it the extension of what it is to send it as a file"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, bytes: &[u8]) -> String {
        match made(Path::new(name), name, bytes.to_vec()) {
            Ok(Content::Text(text)) => format!("text {text}"),
            Ok(Content::Blob { name, media_type, .. }) => format!("{media_type} {name}"),
            Err(e) => e.0,
        }
    }

    #[test]
    fn files_become_text_pages_or_files_by_their_names() {
        assert_eq!(kind("note.txt", b"A"), "text A");
        assert_eq!(kind("NOTE.TXT", b"A"), "text A");
        assert_eq!(kind("-", "Ж".as_bytes()), "text Ж");
        assert_eq!(kind("dir/map.PNG", b"\x89PNG"), "image/png map.PNG");
        assert_eq!(kind("a.pdf", b"%PDF"), "application/pdf a.pdf");
        assert_eq!(kind("a.dat", b"\xff"), "application/octet-stream a.dat");
    }

    #[test]
    fn what_cannot_be_sent_is_named_with_its_place() {
        let why = kind("memo", b"caf\xe9");
        assert!(why.contains("`memo`") && why.contains("0xE9 at offset 3") && why.contains("iconv"), "{why}");
        assert!(kind("memo", b"").contains("empty"));
        assert!(kind("memo", &vec![b'A'; TEXT + 1]).contains("bytes"));
        assert!(read(Path::new("/")).unwrap_err().0.contains("folder"));
        assert!(read(Path::new("/no/such/file")).unwrap_err().0.contains("`/no/such/file`"));
    }
}

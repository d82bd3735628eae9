//! What a timeline sends beside text: pages drawn when they are needed, documents typed in the scenario, and files that lie beside it.
//!
//! Standards: TIFF-F for drawn pages (`fax::tiff`), so that they arrive pel by pel. In: a name. Out: a file's name, media type and bytes.
//! Left out: reading (whoever reads the scenario hands the bytes over; a scenario in the program has none beside it).
//! Shown by: the tests below, `docs/scenarios.md`.

use crate::fax::code::Damage;
use crate::fax::file::PageAbout;
use crate::fax::kind::{self, Kind};
use crate::fax::pages::{self, Look};
use crate::message::Part;
use crate::paper::{self, About, Sheet, chart};
use std::fmt;
use std::sync::Arc;

/// Most bytes of a file beside a scenario.
pub const MOST: usize = 16 << 20;
/// Most octets of a document's text.
const MOST_TYPED: usize = 200_000;
/// Most files of one message.
pub const MOST_FILES: usize = 20;

/// A file of a message.
#[derive(Clone, PartialEq)]
pub struct Exhibit {
    /// As the scenario names it.
    pub name: String,
    from: Source,
}

/// Where its bytes come from.
#[derive(Clone, PartialEq)]
enum Source {
    /// It is drawn: a page.
    Drawn,
    /// It lies beside the scenario: a page.
    Beside(Arc<[u8]>),
    /// It is typed: a document.
    Typed(Arc<str>),
}

impl fmt::Debug for Exhibit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exhibit({})", self.name)
    }
}

/// A content: its file's name, its media type, its bytes.
pub type Content = (String, &'static str, Vec<u8>);

/// Gives the bytes of a file beside the scenario, or one sentence why not.
pub type Beside<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

/// There is nothing beside it.
pub fn nothing_beside(name: &str) -> Result<Vec<u8>, String> {
    Err(format!("`{name}` cannot be read: no files lie beside this scenario"))
}

impl Exhibit {
    /// A page of our own, or a file beside the scenario: what has a dot in its name.
    pub fn named(name: &str, beside: Beside<'_>) -> Result<Exhibit, String> {
        if !name.contains('.') {
            let known = [&chart::EXHIBITS[..], &chart::PAGES].concat();
            let why =
                || format!("there is no page `{name}`; there are {}, or a file beside the scenario, such as map.png", known.join(", "));
            return known.contains(&name).then(|| Exhibit { name: name.to_owned(), from: Source::Drawn }).ok_or_else(why);
        }
        if !plain(name) {
            return Err(format!("`{name}` is not the name of a file beside the scenario; it has no folders"));
        }
        let bytes = beside(name)?;
        if bytes.len() > MOST {
            return Err(format!("`{name}` has {} MB; a scenario's file has {} at the most", bytes.len() >> 20, MOST >> 20));
        }
        match media_type(&bytes) {
            Some(_) => Ok(Exhibit { name: name.to_owned(), from: Source::Beside(bytes.into()) }),
            None => Err(format!("`{name}` is no picture, PDF or file of fax pages")),
        }
    }
    /// A document typed in the scenario: a PDF, or a file of text (`.txt`, `.csv`), by the ending of its name.
    pub fn typed(name: &str, text: &str) -> Result<Exhibit, String> {
        if !plain(name) {
            return Err(format!("`{name}` is not a document's name; it has no folders"));
        }
        if text.is_empty() || text.len() > MOST_TYPED {
            return Err(format!("the document `{name}` has {} octets; 1 to {MOST_TYPED} are typed", text.len()));
        }
        match document_type(name) {
            Some(_) => Ok(Exhibit { name: name.to_owned(), from: Source::Typed(text.into()) }),
            None => Err(format!("the document `{name}` is none that can be typed; its name ends with .pdf, .txt or .csv")),
        }
    }
    /// Its content. A drawn page is drawn now, a document typed.
    pub fn content(&self) -> Result<Content, String> {
        match &self.from {
            Source::Beside(bytes) => Ok((self.name.clone(), media_type(bytes).unwrap_or("application/octet-stream"), bytes.to_vec())),
            Source::Typed(text) => {
                let kind = document_type(&self.name).unwrap_or("text/plain");
                let about = About { title: self.name.clone(), ..About::default() };
                let bytes = if kind == "application/pdf" { paper::pdf(&Sheet::of_text(text), &about)? } else { text.as_bytes().to_vec() };
                Ok((self.name.clone(), kind, bytes))
            }
            Source::Drawn => {
                let page = chart::chart(&self.name, &Look::default().form)?;
                let damage = Damage { rows: page.height(), ended: true, ..Damage::default() };
                let name = format!("{}.tif", self.name);
                let bytes = pages::file_of([(page, damage)], &PageAbout { name: Some(name.clone()), ..PageAbout::default() })?;
                Ok((name, "image/tiff", bytes))
            }
        }
    }
}

/// The parts of a message: its text, if it has one, and its files, each kept by `keep`.
pub fn parts(
    text: &str,
    files: &[Exhibit],
    mut keep: impl FnMut(Content) -> Result<crate::message::Blob, String>,
) -> Result<Vec<Part>, String> {
    let text = (!text.is_empty()).then(|| Ok(Part::Text { text: text.to_owned() }));
    let files = files.iter().map(|file| {
        let blob = keep(file.content()?)?;
        Ok(if matches!(file.from, Source::Typed(_)) { Part::File(blob) } else { Part::Page(blob) })
    });
    text.into_iter().chain(files).collect()
}

/// Whether it can be a file's name, and of no folder.
fn plain(name: &str) -> bool {
    !name.contains(['/', '\\']) && !name.chars().any(char::is_control) && !name.starts_with('.') && name.len() <= 100
}

fn document_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "pdf" => Some("application/pdf"),
        "txt" => Some("text/plain"),
        "csv" => Some("text/csv"),
        _ => None, // cannot be typed
    }
}

fn media_type(bytes: &[u8]) -> Option<&'static str> {
    let (kind, name) = kind::begins(bytes)?;
    Some(match (kind, name) {
        (Kind::Pdf, _) => "application/pdf",
        (Kind::Tiff, _) => "image/tiff",
        (Kind::Pbm, _) => "image/x-portable-bitmap",
        (_, "png") => "image/png",
        (_, "jpg") => "image/jpeg",
        (_, "gif") => "image/gif",
        (_, "webp") => "image/webp",
        _ => "image/x-portable-anymap",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawn_page_is_a_file_of_fax_pages_the_same_each_time() {
        let map = Exhibit::named("map", &nothing_beside).unwrap();
        let (name, media_type, bytes) = map.content().unwrap();
        assert_eq!((name.as_str(), media_type, &bytes[..4]), ("map.tif", "image/tiff", &b"II*\0"[..]));
        assert_eq!(map.content().unwrap().2, bytes);
        let kept = parts("", &[map], |(name, _, bytes)| {
            Ok(crate::message::Blob { sha256: "0".repeat(64), name, media_type: "image/tiff".into(), size: bytes.len() as u64 })
        });
        assert!(matches!(kept.unwrap().as_slice(), [Part::Page(_)]), "no text, no part for it");
    }

    #[test]
    fn what_is_not_there_or_not_a_page_is_named() {
        let beside = |name: &str| match name {
            "a.png" => Ok(b"\x89PNG\r\n".to_vec()),
            "b.png" => Ok(b"MZ".to_vec()),
            "c.pdf" => Ok(b"%PDF-".iter().copied().chain(std::iter::repeat_n(0, MOST)).collect()),
            other => nothing_beside(other),
        };
        let why = |name: &str| Exhibit::named(name, &beside).unwrap_err();
        assert_eq!(Exhibit::named("a.png", &beside).unwrap().content().unwrap().1, "image/png");
        assert!(why("b.png").contains("is no picture"));
        assert!(why("c.pdf").contains("has 16 MB"));
        assert!(why("d.png").contains("no files lie beside"));
        assert!(why("mpa").contains("there are satellites,"));
        for path in ["../a.png", "/a.png", ".png", "a\\b.png"] {
            assert!(why(path).contains("it has no folders"), "{path}");
        }
    }
}

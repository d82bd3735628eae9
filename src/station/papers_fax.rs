//! The papers of what came by fax: the pages as they came (TIFF), and as a document (PDF).
//!
//! Standards: TIFF-F (`fax::tiff`), PDF with T.6 pages (`fax::pdf`). In: a message's contents. Out: `DATA/fax/IDENTITY.tif` and `.pdf`.
//! Bounded: a document's pages and bytes (`fax::pdf`); of what is longer there is the TIFF. Left out: pictures and PDFs that came by other
//! media. Shown by: `tests/it/commands.rs`, `molink demo --era 1986`.

use crate::fax::code::{Coding, Layout, encode};
use crate::fax::pdf::{Document, Leaf};
use crate::fax::tiff::Reader;
use crate::message::{Blob, Message, Part};
use crate::paper::About;
use crate::router::Contents;
use std::io::{Cursor, Read};

/// Most bytes of a TIFF that is copied beside the papers.
const MOST: u64 = 1 << 28;

/// The files of fax pages that a message has.
pub(super) fn of(message: &Message) -> impl Iterator<Item = &Blob> {
    let blobs = message.content.iter().filter_map(|part| if let Part::Page(blob) = part { Some(blob) } else { None });
    blobs.filter(|blob| blob.media_type == "image/tiff" && blob.size <= MOST)
}

/// The bytes of one.
pub(super) fn read(blob: &Blob, contents: &Contents) -> Result<Vec<u8>, String> {
    let mut bytes = vec![];
    contents.open(blob)?.take(MOST).read_to_end(&mut bytes).map_err(|e| format!("cannot read `{}`: {e}", blob.name))?;
    Ok(bytes)
}

/// The same as a document.
pub(super) fn document(bytes: &[u8], name: &str, about: About) -> Result<Vec<u8>, String> {
    let mut reader = Reader::open(Cursor::new(bytes), name).map_err(|e| e.to_string())?;
    let mut document = Document::new(about);
    while let Some(page) = reader.next_page() {
        let page = page.map_err(|e| e.to_string())?.page;
        let t6 = encode(&page, Coding::Mmr, Layout { end: true, ..Layout::default() });
        let leaf = Leaf { t6, width: page.width(), height: page.height(), resolution: page.resolution };
        document.push(leaf).map_err(|e| format!("`{name}` page {}: {e}", document.pages() + 1))?;
    }
    let mut out = vec![];
    document.write(&mut out).map_err(|e| format!("`{name}`: {e}"))?;
    Ok(out)
}

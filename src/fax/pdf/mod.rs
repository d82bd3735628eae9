//! Fax pages as a document, and a document's pages as fax pages.
//!
//! Standard: PDF 1.4 out, 1.7 (ISO 32000-1) in: 7.4.6 (CCITTFaxDecode), 14.11.2 (page boxes). In: T.6 pages, or a file's bytes.
//! Out: a file, the same bytes for the same input; or pages, pel for pel where they are one fax image, else drawn in grey.
//! Left out: text one can search, forms, scripts, passwords. Shown by: `docs/fax-pages.md`, `tests/it/fax_pdf.rs`.

mod read;
mod scan;
mod write;

pub use read::{Drawn, File, MOST_FILE};
pub use write::{Document, Leaf, MOST_BYTES, MOST_PAGES, WriteError};

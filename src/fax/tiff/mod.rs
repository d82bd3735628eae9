//! TIFF-F: the files fax pages lie in.
//!
//! Standards: TIFF 6.0; RFC 2301 (its successor is RFC 3949), profiles S and F; the older customs of TIFF-F (RFC 2306).
//! In: what can be read and sought in, a page at a time. Out: what can be written, a page at a time; memory is one page's.
//! Left out: tiles, grey, colour, other compressions: each is refused by name. Shown by: `tests/it/tiff_files.rs`, `fixtures/tiff`.

mod about;
mod fields;
mod image;
mod places;
mod read;
mod strips;
mod turn;
mod write;

pub use read::Reader;
pub use write::{WriteOptions, Writer};

/// Most pages of a file, thumbnails counted: as many as a PageNumber can tell apart.
pub const MOST_PAGES: usize = 65_535;

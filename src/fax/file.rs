//! What every file of fax pages has: pages with what is told of them, and errors that name file, page and field.
//!
//! Standards: none of its own (see `tiff`, `raw`, `pbm`). In and out: plain values.
//! Left out: reading and writing. Shown by: `tests/it/tiff_files.rs`.

use super::code::{Coding, Damage};
use crate::paper::Page;
use crate::time::Utc;

/// What is wrong with a file: `letter.tif page 3: ImageLength is 0; a page has rows`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{file}{}: {what}", page.map_or(String::new(), |n| format!(" page {n}")))]
pub struct FileError {
    /// The file, as it was called when it was opened.
    pub file: String,
    /// Which page, from 1; none where it is the file as a whole.
    pub page: Option<usize>,
    /// What, with the field's name.
    pub what: String,
}

/// A page of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FilePage {
    /// Which of the file, from 1.
    pub number: usize,
    /// Its pels, 1 = black, upright.
    pub page: Page,
    /// How it is coded in the file; none if it is not.
    pub coding: Option<Coding>,
    /// What of it could not be read now.
    pub damage: Damage,
    /// What the file tells of it.
    pub about: PageAbout,
    /// What was missing or wrong and how it was taken, a sentence each.
    pub notes: Vec<String>,
}

/// What a file tells of a page, or shall tell.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PageAbout {
    /// Which page, from 1, of how many (0: not known).
    pub number: Option<(u16, u16)>,
    /// The document's name.
    pub name: Option<String>,
    /// What the page is, in words.
    pub description: Option<String>,
    /// Who sent it (the tag Artist).
    pub sender: Option<String>,
    /// The program that made the file.
    pub software: Option<String>,
    /// When it was made or received.
    pub date: Option<Utc>,
    /// How it was received, where that is told: rows, bad rows that were replaced, and the longest run of them.
    pub received: Option<Damage>,
}

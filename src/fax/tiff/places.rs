//! Where the strips of a page lie, and how many rows are in each.
//!
//! Standard: TIFF 6.0 section 3 (StripOffsets, StripByteCounts, RowsPerStrip). In: a directory. Out: strips that lie in the file.
//! Counts that are missing are made good from where the next strip is; rows that do not go with the strips are shared out evenly.
//! Left out: tiles. Shown by: `tests/it/tiff_files.rs`, `tests/it/tiff_bad.rs`.

use super::fields::{Directory, Source, tag};
use crate::paper::page::MOST_ROWS;
use std::io::{Read, Seek};

/// The strips of a page may have this many times the bytes of the file: equal ones may be shared, but not to make a reader work for ever.
const MOST_SHARED: u64 = 4;

/// Where a part of a page lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Strip {
    pub at: u64,
    /// Bytes that are there.
    pub len: u64,
    /// Bytes that the file says there are.
    pub said: u64,
}

/// Where the strips are and how many rows each has but the last.
pub fn strips<R: Read + Seek>(
    from: &mut Source<R>,
    directory: &Directory,
    height: usize,
    notes: &mut Vec<String>,
) -> Result<(Vec<Strip>, usize), String> {
    let most = MOST_ROWS as u64;
    let Some(mut offsets) = directory.numbers(from, tag::STRIP_OFFSETS, most)?.filter(|o| !o.is_empty()) else {
        return Err("StripOffsets is missing; there is no picture".into());
    };
    let rows = rows_of_each(directory.number(from, tag::ROWS_PER_STRIP)?, offsets.len(), height, notes);
    offsets.truncate(height.div_ceil(rows));
    let counts = directory.numbers(from, tag::STRIP_BYTE_COUNTS, most)?.unwrap_or_default();
    let mut sorted = offsets.clone();
    sorted.sort_unstable();
    let next = |at: u64| sorted.get(sorted.partition_point(|o| *o <= at)).copied().unwrap_or(from.len);
    let mut guessed = false;
    let mut strips = vec![];
    for (n, at) in offsets.iter().copied().enumerate() {
        if at >= from.len {
            let len = from.len;
            return Err(format!("StripOffsets {at} lies beyond the end of the file ({len} bytes); the file is cut short or damaged"));
        }
        if at < 8 {
            return Err(format!("StripOffsets {at} lies in the head of the file; the file is damaged"));
        }
        let told = counts.get(n).copied().filter(|c| *c > 0);
        guessed |= told.is_none();
        let said = told.unwrap_or_else(|| next(at).min(from.len) - at);
        strips.push(Strip { at, len: said.min(from.len - at), said });
    }
    if guessed {
        notes.push("StripByteCounts is missing; each strip is read up to the next one or the file's end".into());
    }
    let all: u64 = strips.iter().map(|s| s.len).sum();
    match all > MOST_SHARED * from.len {
        true => Err(format!("StripByteCounts come to {all} bytes, and the file has {}; the file is damaged", from.len)),
        false => Ok((strips, rows)),
    }
}

/// Rows of each strip. Where what is said does not go with the number of strips, they share the rows.
fn rows_of_each(said: Option<u64>, strips: usize, height: usize, notes: &mut Vec<String>) -> usize {
    let rows = said.and_then(|r| usize::try_from(r).ok()).filter(|r| *r > 0).unwrap_or(height).min(height);
    if height.div_ceil(rows) == strips {
        return rows;
    }
    let (even, said) = (height.div_ceil(strips), said.map_or("missing".to_owned(), |r| r.to_string()));
    notes.push(format!("RowsPerStrip is {said} with {strips} strips and {height} rows; {even} rows are taken for each"));
    even
}

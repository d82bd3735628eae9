//! Raw fax data: the bits of one page as they were on the line, without a file around them (`.g3`, `.g4`).
//!
//! Standards: ITU-T T.4, T.6. In: bytes, the width (the data does not tell it). Out: a page, and its damage; and back.
//! Whether T.4 data is one- or two-dimensional, and which bit of a byte is first, is found by reading it each way.
//! Left out: several pages in a file. Shown by: `tests/it/tiff_files.rs`, `tests/it/tiff_peers.rs`.

use super::code::{BitOrder, Coding, Damage, Layout, ReadAs, decode, encode};
use super::file::{FileError, FilePage, PageAbout};
use super::resolution::by_shape;
use crate::paper::page::WIDEST;
use crate::paper::{Page, Resolution};
use std::io::{Read, Write};

/// Longest file that is read, in bytes: a page of [`MOST_ROWS`](crate::paper::page::MOST_ROWS) rows takes less.
pub const MOST_BYTES: u64 = 64 << 20;

/// What is known of raw data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RawOptions {
    /// How it is coded.
    pub family: Family,
    /// Which bit is first, if known.
    pub order: Option<BitOrder>,
    /// Pels of a row.
    pub width: usize,
    /// Pels an inch, if known; else by the page's shape.
    pub resolution: Option<Resolution>,
}

/// What the name of a file tells of its coding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// Group 3: MH or MR, found by reading.
    G3,
    /// Group 4: MMR.
    G4,
    /// Just this one.
    Known(Coding),
}

/// Reads one page.
pub fn read(input: impl Read, name: &str, options: &RawOptions) -> Result<FilePage, FileError> {
    let error = |what: String| FileError { file: name.to_owned(), page: None, what };
    if !(1..=WIDEST).contains(&options.width) {
        return Err(error(format!("a page of {} pels a row; 1 to {WIDEST} are read", options.width)));
    }
    let mut bytes = vec![];
    input.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|e| error(format!("cannot be read: {e}")))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(error(format!("has more than {} MiB, which no fax page has", MOST_BYTES >> 20)));
    }
    if bytes.is_empty() {
        return Err(error("is empty (0 bytes)".into()));
    }
    let (coding, page, damage) = best(&bytes, options);
    if damage.bad_rows >= damage.rows {
        let width = options.width;
        return Err(error(format!("has no row of {width} pels that can be read; is the width right, is it raw fax data?")));
    }
    Ok(FilePage { number: 1, page, coding: Some(coding), damage, about: PageAbout::default(), notes: vec![] })
}

/// The reading with the most good rows; of equals the first.
fn best(bytes: &[u8], options: &RawOptions) -> (Coding, Page, Damage) {
    let codings = match options.family {
        Family::G3 => vec![Coding::Mh, Coding::Mr { k: 4 }],
        Family::G4 => vec![Coding::Mmr],
        Family::Known(coding) => vec![coding],
    };
    let orders = options.order.map_or(vec![BitOrder::MsbFirst, BitOrder::LsbFirst], |o| vec![o]);
    let mut found: Option<(Coding, Page, Damage)> = None;
    let good = |d: &Damage| d.rows - d.bad_rows;
    for coding in codings {
        for order in &orders {
            let read_as = ReadAs { order: *order, rows: None, aligned: false };
            let (page, damage) = decode(bytes, coding, options.width, read_as, Resolution::FINE);
            let better = |(_, _, d): &(Coding, Page, Damage)| (good(&damage), d.bad_rows) > (good(d), damage.bad_rows);
            if found.as_ref().is_none_or(better) {
                found = Some((coding, page, damage));
            }
        }
    }
    let none = || (Coding::Mh, Page::new(options.width, Resolution::FINE), Damage::default());
    let (coding, mut page, damage) = found.unwrap_or_else(none);
    page.resolution = options.resolution.unwrap_or_else(|| by_shape(page.width(), page.height()));
    (coding, page, damage)
}

/// Writes one page: top bit first, T.4 with an EOL before each row and RTC, T.6 with EOFB.
pub fn write(page: &Page, coding: Coding, mut out: impl Write) -> std::io::Result<()> {
    let layout = Layout { order: BitOrder::MsbFirst, eol: true, aligned: false, end: true, least_bits: 0 };
    out.write_all(&encode(page, coding, layout))?;
    out.flush()
}

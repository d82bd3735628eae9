//! One page's fields, understood: how large it is, how it is coded, where its strips lie.
//!
//! Standards: TIFF 6.0 sections 3, 7, 10 and 11; RFC 2301. In: a directory. Out: an [`Image`] that can be decoded, or why not.
//! What the files of the field lack or have wrong is made good where that can be done safely, and said in `notes`.
//! Left out: what else a page tells (see `about`). Shown by: `tests/it/tiff_files.rs`, `tests/it/tiff_bad.rs`.

use super::fields::{Directory, Source, tag};
use super::places::{Strip, strips};
use crate::fax::code::BitOrder;
use crate::fax::resolution::{Tagged, judge};
use crate::paper::Resolution;
use crate::paper::page::{MOST_ROWS, WIDEST};
use std::io::{Read, Seek};

/// How the rows are coded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    /// As they are, 8 pels a byte.
    Plain,
    /// Macintosh PackBits, bytes in runs.
    PackBits,
    /// One-dimensional without EOLs, rows begun on whole bytes.
    Rle,
    /// T.4, one- or two-dimensional.
    T4 {
        /// Whether the file says two-dimensional.
        two: bool,
    },
    /// T.6.
    T6,
}

/// A page that can be decoded.
#[derive(Debug)]
pub struct Image {
    pub width: usize,
    pub height: usize,
    pub scheme: Scheme,
    pub order: BitOrder,
    /// Whether 1 is white.
    pub inverted: bool,
    /// Rows of each strip but the last.
    pub rows_per_strip: usize,
    pub strips: Vec<Strip>,
    /// 1 to 8, as in TIFF 6.0 section 8.
    pub orientation: u64,
    pub resolution: Resolution,
    /// What was made good, a sentence each.
    pub notes: Vec<String>,
}

/// Whether a directory is of a page, not of its thumbnail or mask (NewSubfileType bits 0 and 2; SubfileType 2).
pub fn is_page<R: Read + Seek>(from: &mut Source<R>, directory: &Directory) -> bool {
    let kind = directory.number(from, tag::NEW_SUBFILE_TYPE).ok().flatten().unwrap_or(0);
    let old = directory.number(from, tag::SUBFILE_TYPE).ok().flatten().unwrap_or(1);
    kind & 0b101 == 0 && old != 2
}

impl Image {
    /// Understands a directory. The error is what is wrong, with the field's name.
    pub fn read<R: Read + Seek>(from: &mut Source<R>, directory: &Directory) -> Result<Image, String> {
        if directory.has(tag::TILE_WIDTH) || directory.has(tag::TILE_OFFSETS) {
            return Err(
                "lies in tiles (TileOffsets), which is not done with fax pages; write it in strips, for instance with `tiffcp -s`".into()
            );
        }
        let mut notes = vec![];
        let scheme = scheme(from, directory, &mut notes)?;
        one_bit(from, directory)?;
        let width = size(from, directory, tag::IMAGE_WIDTH, WIDEST, "pels")?;
        let height = size(from, directory, tag::IMAGE_LENGTH, MOST_ROWS, "rows")?;
        let inverted = match directory.number(from, tag::PHOTOMETRIC)? {
            Some(0) => false,
            Some(1) => true,
            None => {
                notes.push("PhotometricInterpretation is missing; 0 is taken for white".into());
                false
            }
            Some(other) => return Err(format!("PhotometricInterpretation is {other}; a fax page has 0 or 1 (white is 0, or black is 0)")),
        };
        let order = match directory.number(from, tag::FILL_ORDER)? {
            Some(2) => BitOrder::LsbFirst,
            None | Some(1) => BitOrder::MsbFirst,
            Some(other) => return Err(format!("FillOrder is {other}; there are 1 and 2")),
        };
        let orientation = directory.number(from, tag::ORIENTATION)?.filter(|n| (1..=8).contains(n)).unwrap_or(1);
        let (strips, rows_per_strip) = strips(from, directory, height, &mut notes)?;
        let resolution = resolution(from, directory, width, height, &mut notes);
        Ok(Image { width, height, scheme, order, inverted, rows_per_strip, strips, orientation, resolution, notes })
    }
}

fn scheme<R: Read + Seek>(from: &mut Source<R>, directory: &Directory, notes: &mut Vec<String>) -> Result<Scheme, String> {
    let compression = directory.number(from, tag::COMPRESSION)?.unwrap_or(1);
    let options = match compression {
        3 => directory.number(from, tag::T4_OPTIONS)?.unwrap_or(0),
        4 => directory.number(from, tag::T6_OPTIONS)?.unwrap_or(0),
        _ => 0,
    };
    if options & 2 != 0 {
        notes.push("the file allows uncompressed mode, which is not read; rows in it count as bad".into());
    }
    Ok(match compression {
        1 => Scheme::Plain,
        2 => Scheme::Rle,
        3 => Scheme::T4 { two: options & 1 != 0 },
        4 => Scheme::T6,
        32773 => Scheme::PackBits,
        other => {
            let name = compression_name(other);
            return Err(format!(
                "Compression is {other} ({name}); a fax page has 3 (T.4) or 4 (T.6): write it so, for instance with `tiffcp -c g4`"
            ));
        }
    })
}

fn compression_name(number: u64) -> &'static str {
    match number {
        5 => "LZW",
        6 | 7 => "JPEG",
        8 | 32946 => "deflate",
        9 | 34661 => "JBIG",
        10 => "JBIG in colour, T.43",
        32771 => "run lengths on 16-bit words",
        34712 => "JPEG 2000",
        34715 => "JBIG2",
        34925 => "LZMA",
        50000 => "Zstandard",
        50001 => "WebP",
        _ => "not known",
    }
}

/// Pages of grey or colour are refused.
fn one_bit<R: Read + Seek>(from: &mut Source<R>, directory: &Directory) -> Result<(), String> {
    let bits = directory.number(from, tag::BITS_PER_SAMPLE)?.unwrap_or(1);
    let samples = directory.number(from, tag::SAMPLES_PER_PIXEL)?.unwrap_or(1);
    match (bits, samples) {
        (1, 1) => Ok(()),
        (1, more) => Err(format!("SamplesPerPixel is {more}; a fax page has 1, black or white: make it bilevel first")),
        (more, _) => Err(format!("BitsPerSample is {more}; a fax page has 1, black or white: make it bilevel first")),
    }
}

fn size<R: Read + Seek>(from: &mut Source<R>, directory: &Directory, tag: u16, most: usize, what: &str) -> Result<usize, String> {
    let name = super::fields::name(tag);
    match directory.number(from, tag)? {
        None => Err(format!("{name} is missing")),
        Some(0) => Err(format!("{name} is 0; a page has {what}")),
        Some(n) => usize::try_from(n).ok().filter(|n| *n <= most).ok_or(format!("{name} is {n} {what}; at most {most} are read")),
    }
}

fn resolution<R: Read + Seek>(
    from: &mut Source<R>,
    directory: &Directory,
    width: usize,
    height: usize,
    notes: &mut Vec<String>,
) -> Resolution {
    let unit = directory.number(from, tag::RESOLUTION_UNIT).ok().flatten().unwrap_or(2);
    let inch = if unit == 3 { 2.54 } else { 1.0 };
    let mut real = |t: u16| directory.real(from, t).map(|v| v * inch);
    let said = Tagged { x: real(tag::X_RESOLUTION), y: real(tag::Y_RESOLUTION), unit: unit != 1 };
    let (resolution, note) = judge(said, width, height);
    notes.extend(note);
    resolution
}

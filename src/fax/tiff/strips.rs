//! The strips of a page, decoded: each is a stream of its own, read in pieces, never held whole.
//!
//! Standards: TIFF 6.0 sections 9 to 11; T.4, T.6 by `fax::code`. In: an [`Image`] and the file. Out: a page and its damage.
//! A strip that reads badly as it is tagged is tried the other ways files of the field are wrong: bit order, one- or two-dimensional.
//! Left out: uncompressed mode. Shown by: `tests/it/tiff_files.rs`, `tests/it/tiff_bad.rs`.

use super::fields::Source;
use super::image::{Image, Scheme};
use super::places::Strip;
use crate::fax::code::{BitOrder, Coding, Damage, Decoder, ReadAs};
use crate::paper::Page;
use std::io::{Read, Seek};

/// Bytes read at a time.
const PIECE: usize = 64 << 10;

/// A page as it was read.
pub struct Decoded {
    pub page: Page,
    pub damage: Damage,
    /// How it was read; none if it is not coded.
    pub coding: Option<Coding>,
    pub order: BitOrder,
}

/// Decodes a page, the way its tags say or, if more than a quarter of it cannot be read so, the way most of it can.
pub fn decode<R: Read + Seek>(from: &mut Source<R>, image: &mut Image) -> Result<Decoded, String> {
    let mut best = decode_as(from, image, image.scheme, image.order)?;
    if best.coding.is_some() && best.damage.bad_rows * 4 > image.height {
        for (scheme, order) in others(image.scheme, image.order) {
            let other = decode_as(from, image, scheme, order)?;
            if other.damage.bad_rows < best.damage.bad_rows {
                best = other;
            }
        }
        if best.order != image.order {
            image.notes.push("FillOrder is wrong; the bits were read the other way round".into());
        }
        match (image.scheme, best.coding) {
            (Scheme::T4 { two: true }, Some(Coding::Mh)) => image.notes.push("T4Options is wrong; the rows are one-dimensional".into()),
            (Scheme::T4 { two: false }, Some(Coding::Mr { .. })) => {
                image.notes.push("T4Options is wrong; the rows are two-dimensional".into())
            }
            _ => {}
        }
    }
    cut_short(from, image, &best)?;
    Ok(best)
}

/// The ways of reading that are left when the first did not do.
fn others(scheme: Scheme, order: BitOrder) -> Vec<(Scheme, BitOrder)> {
    let turned = match order {
        BitOrder::MsbFirst => BitOrder::LsbFirst,
        BitOrder::LsbFirst => BitOrder::MsbFirst,
    };
    match scheme {
        Scheme::T4 { two } => vec![(scheme, turned), (Scheme::T4 { two: !two }, order), (Scheme::T4 { two: !two }, turned)],
        _ => vec![(scheme, turned)],
    }
}

/// A strip that the file's end cuts is an error if rows are missing; else its count was wrong, which harms nobody.
fn cut_short<R>(from: &Source<R>, image: &mut Image, decoded: &Decoded) -> Result<(), String> {
    let Some(Strip { at, said, .. }) = image.strips.iter().find(|s| s.len < s.said) else { return Ok(()) };
    let what = format!("StripByteCounts {said} at {at} reaches beyond the end of the file ({} bytes)", from.len);
    match decoded.damage.bad_rows {
        0 => image.notes.push(format!("{what}; all rows are there")),
        bad => return Err(format!("{what}, and {bad} of {} rows are missing or bad; the file is cut short", image.height)),
    }
    Ok(())
}

fn decode_as<R: Read + Seek>(from: &mut Source<R>, image: &Image, scheme: Scheme, order: BitOrder) -> Result<Decoded, String> {
    // MR's greatest distance of one-dimensional rows is not written in a file: that of T.4 4.2.1 for the resolution.
    let k = if image.resolution.y > 100 { 4 } else { 2 };
    let coding = match scheme {
        Scheme::Plain | Scheme::PackBits => None,
        Scheme::Rle | Scheme::T4 { two: false } => Some(Coding::Mh),
        Scheme::T4 { two: true } => Some(Coding::Mr { k }),
        Scheme::T6 => Some(Coding::Mmr),
    };
    let mut rows = Rows { page: Page::new(image.width, image.resolution), upto: 0, inverted: image.inverted, line: vec![] };
    let mut damage = Damage { ended: true, ..Damage::default() };
    for (n, strip) in image.strips.iter().enumerate() {
        let from_row = n * image.rows_per_strip;
        rows.upto = (from_row + image.rows_per_strip).min(image.height);
        let of_strip = match coding {
            Some(coding) => {
                let read_as = ReadAs { order, rows: Some(rows.upto - from_row), aligned: scheme == Scheme::Rle };
                let mut decoder = Decoder::new(coding, image.width, read_as);
                pieces(from, strip, |piece| decoder.push(piece, &mut |row| rows.take(row)))?;
                decoder.finish(&mut |row| rows.take(row))
            }
            None => {
                let mut bytes = Bytes::new(image, scheme, order);
                pieces(from, strip, |piece| piece.iter().for_each(|b| bytes.take(*b, &mut rows)))?;
                Damage { ended: true, ..Damage::default() }
            }
        };
        let missing = rows.fill();
        damage.bad_rows += (of_strip.bad_rows + missing).min(rows.upto - from_row);
        damage.longest_bad_run = damage.longest_bad_run.max(of_strip.longest_bad_run).max(missing);
        damage.ended &= of_strip.ended;
    }
    damage.rows = rows.page.height();
    Ok(Decoded { page: rows.page, damage, coding, order })
}

/// The bytes of a strip, a piece at a time.
fn pieces<R: Read + Seek>(from: &mut Source<R>, strip: &Strip, mut each: impl FnMut(&[u8])) -> Result<(), String> {
    let mut buffer = vec![0; PIECE.min(strip.len as usize)];
    let mut done = 0;
    while done < strip.len {
        let piece = &mut buffer[..(strip.len - done).min(PIECE as u64) as usize];
        from.fill(strip.at + done, piece)?;
        each(piece);
        done += piece.len() as u64;
    }
    Ok(())
}

/// Where rows go: into the page, no more than the strip has, 1 = black.
struct Rows {
    page: Page,
    /// The page's height when this strip is done.
    upto: usize,
    inverted: bool,
    line: Vec<u64>,
}

impl Rows {
    fn take(&mut self, row: &[u64]) {
        if self.page.height() >= self.upto {
            return;
        }
        match self.inverted {
            false => self.page.push(row),
            true => {
                self.line.clear();
                self.line.extend(row.iter().map(|word| !word));
                self.page.push(&self.line);
            }
        }
    }
    /// White rows for those that are missing; says how many.
    fn fill(&mut self) -> usize {
        let missing = self.upto - self.page.height().min(self.upto);
        let white = vec![0; self.page.stride()];
        (0..missing).for_each(|_| self.page.push(&white));
        missing
    }
}

/// Bytes that are not coded, or in PackBits: gathered into rows.
struct Bytes {
    packed: bool,
    turned: bool,
    width: usize,
    row: Vec<u8>,
    /// PackBits: bytes to come as they are, or how often the next one is meant.
    plain: usize,
    repeat: usize,
}

impl Bytes {
    fn new(image: &Image, scheme: Scheme, order: BitOrder) -> Bytes {
        let (packed, turned) = (scheme == Scheme::PackBits, order == BitOrder::LsbFirst);
        Bytes { packed, turned, width: image.width, row: vec![], plain: 0, repeat: 0 }
    }
    fn take(&mut self, byte: u8, rows: &mut Rows) {
        // FillOrder 2 turns every byte of a strip, those that count in PackBits as well: so libtiff writes and reads it.
        let byte = if self.turned { byte.reverse_bits() } else { byte };
        // TIFF 6.0 section 9: 0 to 127: so many and one more as they are; -1 to -127: the next one so often and once more; -128: nothing.
        match (self.packed, self.plain, self.repeat) {
            (false, ..) => self.pels(byte, rows),
            (true, 0, 0) => match byte {
                0..=127 => self.plain = usize::from(byte) + 1,
                128 => {}
                129..=255 => self.repeat = 257 - usize::from(byte),
            },
            (true, 0, times) => {
                (0..times).for_each(|_| self.pels(byte, rows));
                self.repeat = 0;
            }
            (true, ..) => {
                self.pels(byte, rows);
                self.plain -= 1;
            }
        }
    }
    fn pels(&mut self, byte: u8, rows: &mut Rows) {
        self.row.push(byte);
        if self.row.len() == self.width.div_ceil(8) {
            let words: Vec<u64> = self.row.chunks(8).map(word).collect();
            rows.take(&words);
            self.row.clear();
        }
    }
}

fn word(eight: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes[..eight.len()].copy_from_slice(eight);
    u64::from_be_bytes(bytes)
}

//! Rows of T.4 and the EOLs between them.
//!
//! Standards: ITU-T T.4 4.1.2 (EOL), 4.1.3 (fill), 4.1.4 (RTC), 4.2 (tag bits). In: bits. Out: rows; those that cannot be read go to `resync`.
//! Left out: T.6 (see `t6`). Shown by: `tests`, `tests/it/fax_codes.rs`.

use super::Coding;
use super::bits::Bits;
use super::decode::{Out, State};
use super::lookup::CODES;
use super::resync::nearly_eol;
use super::rows;
use super::tables::EOL;

/// Zeros before the 1 of an EOL, at least.
pub(super) const EOL_ZEROS: usize = 11;
/// EOLs of an RTC.
const RTC: u32 = 6;

/// What is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Is {
    /// What was asked for; it ends at this bit.
    There(usize),
    /// Something else.
    Not,
    /// That cannot be said without more bytes.
    Unknown,
}

/// The codes of a white row, from the EOL before it to that behind it.
#[derive(Clone, Copy, Default)]
pub(super) struct Blank {
    bits: u64,
    /// How many; 0 if they do not fit a window.
    all: u32,
    /// Without the EOL behind.
    row: u32,
}

impl Blank {
    /// Coded by itself, and by a white row above.
    pub fn of(coding: Coding, width: usize) -> [Blank; 2] {
        let row = |tag: u64, tags: u32, code: u64, len: u32| Blank {
            bits: ((u64::from(EOL.bits) << tags | tag) << len | code) << EOL.len | u64::from(EOL.bits),
            all: 2 * EOL.len + tags + len,
            row: EOL.len + tags + len,
        };
        let run = CODES[0].get(width).map(|entry| (u64::from(entry >> 5), entry & 31));
        match (coding, run) {
            (Coding::Mh, Some((code, len))) => [row(0, 0, code, len), Blank::default()],
            (Coding::Mr { .. }, Some((code, len))) => [row(1, 1, code, len), row(0, 1, 1, 1)],
            _ => [Blank::default(); 2],
        }
    }
}

impl State {
    /// Reads rows until the bytes are used up; what is not a whole row is left for next time, unless these are the `last`.
    pub(super) fn t4(&mut self, bytes: &[u8], last: bool, out: &mut impl Out) {
        let mut bits = Bits::at(bytes, self.at);
        while !self.done {
            bits.refill();
            if self.eols == 0 && self.lines == 2 && self.above.n == 0 && self.blank_row(&mut bits, out) {
                continue;
            }
            let eol = bits.window >> (64 - EOL_ZEROS) == 0;
            if eol || self.eols == 0 || self.damage.rows == 0 {
                match self.between(&mut bits, last) {
                    Some(true) => {}
                    Some(false) => continue,
                    None => break,
                }
            }
            let begun = bits.place();
            // Nothing between two EOLs: a row was there once, and who refers to it refers to nothing known.
            self.waits |= self.eols > 1 && self.damage.rows > 0;
            let good = self.two_or_one(&mut bits);
            let place = bits.place();
            // With an EOL to come and a code being found by 13 bits.
            if !last && place + 64 > bits.end() {
                bits = bits.from(begun);
                break;
            }
            bits.refill();
            // Eleven zeros are an EOL's, however much fill there is before its 1.
            if good && place <= bits.end() && (self.lines < 2 || bits.window >> (64 - EOL_ZEROS) == 0) {
                self.t4_good(place - begun, out);
                continue;
            }
            match self.resync(bits.from(begun), good.then_some(place), last, out) {
                Some(on) => bits = bits.from(on),
                None => {
                    bits = bits.from(begun);
                    break;
                }
            }
        }
        self.at = bits.place().min(bits.end());
    }
    /// A white row below a white one and the EOLs around it, known by their bits; true if it was there.
    #[inline]
    fn blank_row(&mut self, bits: &mut Bits, out: &mut impl Out) -> bool {
        for blank in &self.blank[..if self.waits { 1 } else { 2 }] {
            if blank.all > 0 && bits.window >> (64 - blank.all) == blank.bits {
                bits.skip(blank.row);
                self.waits = false;
                self.good(true, out);
                return true;
            }
        }
        false
    }
    /// Gives out the row just read.
    #[inline]
    pub(super) fn t4_good(&mut self, len: usize, out: &mut impl Out) {
        if self.eols > 1 && self.damage.rows > 0 {
            self.skip(self.eols as usize - 1, out);
        }
        if self.tag {
            self.usual = len.max(self.usual - self.usual / 8);
        }
        (self.eols, self.waits) = (0, false);
        let blank = self.row.n + self.above.n == 0;
        self.good(blank, out);
    }
    /// Reads a row by its tag; true if its codes end at the width.
    #[inline]
    fn two_or_one(&mut self, bits: &mut Bits) -> bool {
        if self.tag {
            rows::one(bits, &mut self.row, self.width)
        } else {
            !self.waits && rows::two(bits, &mut self.row, &self.above, self.width)
        }
    }
    /// What stands before a row. True: a row is next. False: something was taken. None: more bytes are needed, or it is over.
    #[inline]
    fn between(&mut self, bits: &mut Bits, last: bool) -> Option<bool> {
        if self.aligned && self.lines == 0 {
            *bits = bits.from(bits.place().next_multiple_of(8));
        }
        bits.refill();
        if bits.window >> 52 == 1 && bits.place() + 12 + self.behind() <= bits.end() {
            bits.skip(12);
            return Some(self.line(bits));
        }
        if bits.window >> (64 - EOL_ZEROS) != 0 {
            return self.damaged_eol(bits, last);
        }
        match self.eol(*bits, last) {
            Is::There(end) => {
                *bits = bits.from(end);
                Some(self.line(bits))
            }
            Is::Not => Some(true),
            Is::Unknown => {
                if last {
                    self.damage.ended |= self.eols > 1;
                    self.done = true;
                } else {
                    // However long the fill, as much of it as an EOL begins with is enough.
                    *bits = bits.from(bits.place().max(bits.end().saturating_sub(64)));
                }
                None
            }
        }
    }
    /// The same where no EOL is: one of an RTC may be damaged, or the first of all, if no row is there; elsewhere a row tells that one is to come.
    #[inline]
    fn damaged_eol(&mut self, bits: &mut Bits, last: bool) -> Option<bool> {
        if self.eols == 1 || self.eols == 0 && self.damage.rows > 0 {
            return Some(true);
        }
        let mut row = *bits;
        if self.eols == 0 && rows::one(&mut row, &mut self.row, self.width) {
            return Some(true);
        }
        if !last && row.place() + 64 > row.end() {
            return None;
        }
        match nearly_eol(*bits) {
            Is::There(end) if last || end + self.behind() <= bits.end() => {
                *bits = bits.from(end);
                Some(self.line(bits))
            }
            Is::There(_) | Is::Unknown if !last => None,
            _ => Some(true),
        }
    }
    /// Whether an EOL is next, with fill before it.
    pub(super) fn eol(&self, mut bits: Bits, last: bool) -> Is {
        match bits.zeros() {
            Some(zeros) if zeros < EOL_ZEROS => Is::Not,
            Some(zeros) if last || bits.place() + zeros + 1 + self.behind() <= bits.end() => Is::There(bits.place() + zeros + 1),
            _ => Is::Unknown,
        }
    }
    /// Bits that have to be known behind an EOL: a tag bit, and whether it is one.
    pub(super) fn behind(&self) -> usize {
        if self.has_tags() { EOL_ZEROS } else { 0 }
    }
    pub(super) fn has_tags(&self) -> bool {
        matches!(self.coding, Coding::Mr { .. })
    }
    /// An EOL was read: its tag, whether it is one of an RTC. False: a row need not be next.
    #[inline]
    fn line(&mut self, bits: &mut Bits) -> bool {
        if self.has_tags() {
            bits.refill();
            self.tag = bits.window >> 63 == 1;
            // A row by the row above never begins with ten zeros: where they are, the next EOL lost its first to a tag bit.
            if bits.window >> (64 - EOL_ZEROS) != 0 {
                bits.skip(1);
            }
        }
        self.eols += 1;
        if self.eols == 1 {
            self.lines = if self.damage.rows == 0 { 2 } else { self.lines + u32::from(self.lines < 2) };
        }
        if self.eols == RTC {
            (self.damage.ended, self.done) = (true, true);
        }
        false
    }
}

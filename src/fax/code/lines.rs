//! Rows of T.4 and the EOLs between them.
//!
//! Standards: ITU-T T.4 4.1.2 (EOL), 4.1.3 (fill), 4.1.4 (RTC), 4.2 (tag bits). In: bits. Out: rows; those that cannot be read go to `resync`.
//! Left out: T.6 (see `t6`). Shown by: `tests`, `tests/it/fax_codes.rs`.

use super::Coding;
use super::bits::Bits;
use super::decode::{Out, State};
use super::rows;

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

impl State {
    /// Reads rows until the bytes are used up; what is not a whole row is left for next time, unless these are the `last`.
    pub(super) fn t4(&mut self, bytes: &[u8], last: bool, out: &mut impl Out) {
        let mut bits = Bits::at(bytes, self.at);
        while !self.done {
            bits.refill();
            let eol = bits.window >> (64 - EOL_ZEROS) == 0;
            if eol || self.eols == 0 || self.damage.rows == 0 {
                match self.between(&mut bits, last) {
                    Some(true) => {}
                    Some(false) => continue,
                    None => break,
                }
            }
            let begun = bits.place();
            let good = self.two_or_one(&mut bits);
            let place = bits.place();
            // With an EOL to come and a code being found by 13 bits.
            if !last && place + 64 > bits.end() {
                bits = bits.from(begun);
                break;
            }
            bits.refill();
            if good && place <= bits.end() && (self.lines < 2 || bits.window >> 52 == 1) {
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
    /// Gives out the row just read.
    #[inline]
    pub(super) fn t4_good(&mut self, len: usize, out: &mut impl Out) {
        self.usual = len.max(self.usual - self.usual / 8);
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
        if bits.window >> 52 == 1 && bits.place() + 13 <= bits.end() {
            bits.skip(12);
            return Some(self.line(bits));
        }
        if bits.window >> (64 - EOL_ZEROS) != 0 {
            return Some(true);
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
    /// Whether an EOL is next, with fill before it.
    pub(super) fn eol(&self, mut bits: Bits, last: bool) -> Is {
        let tag = usize::from(self.has_tags());
        match bits.zeros() {
            Some(zeros) if zeros < EOL_ZEROS => Is::Not,
            Some(zeros) if last || bits.place() + zeros + 1 + tag <= bits.end() => Is::There(bits.place() + zeros + 1),
            _ => Is::Unknown,
        }
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
            bits.skip(1);
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

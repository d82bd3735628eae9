//! Codes to rows.
//!
//! Standards: ITU-T T.4 4.1, 4.2; T.6 2. In: bytes in any pieces. Out: rows of words, and what was damaged.
//! Left out: uncompressed mode (it is damage), files. Shown by: `tests`, `tests/it/fax_codes.rs`.

use super::bits::Bits;
use super::changes::Changes;
use super::lookup::PEEK;
use super::rows;
use super::{BitOrder, Coding, Damage};
use crate::paper::page::{MOST_ROWS, WIDEST};
use crate::paper::{Page, Resolution};

/// Zeros before the 1 of an EOL.
const EOL_ZEROS: usize = 11;
/// A row's codes take fewer bytes; more without an end is not a row.
const LONGEST_ROW: usize = 16_384;

/// What a decoder is told of the codes it reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ReadAs {
    /// Which bit is first.
    pub order: BitOrder,
    /// How many rows there are, where that is known: no more are given out, and those that are missing at the end are given out white.
    pub rows: Option<usize>,
    /// Whether rows without EOLs begin on whole bytes. EOLs are found whether or not they are announced.
    pub aligned: bool,
}

/// Takes codes and gives rows.
pub struct Decoder {
    coding: Coding,
    width: usize,
    read: ReadAs,
    /// What is not yet decoded, first bit on top.
    bytes: Vec<u8>,
    /// The bit of it that is next.
    at: usize,
    above: Changes,
    row: Changes,
    words: Vec<u64>,
    damage: Damage,
    bad_run: usize,
    /// EOLs in a run, just read.
    eols: u32,
    /// Whether there are EOLs.
    lines: bool,
    tag: bool,
    waits: bool,
    done: bool,
}

/// Rows are given to it.
type Rows<'a> = &'a mut dyn FnMut(&[u64]);

enum Step {
    /// Something was read.
    On,
    /// More bytes are needed.
    More,
}

/// A whole page at once. Codes without EOLs that cannot be read as announced are also tried with the other alignment.
/// Panics where `Decoder::new` does.
pub fn decode(bytes: &[u8], coding: Coding, width: usize, read: ReadAs, resolution: Resolution) -> (Page, Damage) {
    let first = decode_as(bytes, coding, width, read, resolution);
    if first.1.bad_rows == 0 || matches!(coding, Coding::Mr { .. }) {
        return first;
    }
    let other = decode_as(bytes, coding, width, ReadAs { aligned: !read.aligned, ..read }, resolution);
    if other.1.bad_rows * 2 < first.1.bad_rows && other.1.rows >= first.1.rows { other } else { first }
}
fn decode_as(bytes: &[u8], coding: Coding, width: usize, read: ReadAs, resolution: Resolution) -> (Page, Damage) {
    let mut page = Page::new(width, resolution);
    let mut decoder = Decoder::new(coding, width, read);
    decoder.push(bytes, &mut |row| page.push(row));
    let damage = decoder.finish(&mut |row| page.push(row));
    (page, damage)
}

impl Decoder {
    /// For rows of `width` pels. Panics unless the width is 1 to [`WIDEST`]: who reads a width from a file checks it first.
    pub fn new(coding: Coding, width: usize, read: ReadAs) -> Decoder {
        assert!((1..=WIDEST).contains(&width), "a width of {width} pels; 1 to {WIDEST} can be coded");
        Decoder {
            coding,
            width,
            read,
            bytes: vec![],
            at: 0,
            above: Changes::white(width),
            row: Changes::white(width),
            words: vec![0; width.div_ceil(64)],
            damage: Damage::default(),
            bad_run: 0,
            eols: 0,
            lines: false,
            tag: true,
            waits: false,
            done: false,
        }
    }
    /// Takes bytes; gives the rows that are whole by now.
    pub fn push(&mut self, bytes: &[u8], rows: Rows) {
        if self.done {
            return;
        }
        match self.read.order {
            BitOrder::MsbFirst => self.bytes.extend_from_slice(bytes),
            BitOrder::LsbFirst => self.bytes.extend(bytes.iter().map(|b| b.reverse_bits())),
        }
        self.steps(false, rows);
        self.bytes.drain(..(self.at / 8).min(self.bytes.len()));
        self.at %= 8;
    }
    /// There are no more bytes: gives the rows that are left.
    pub fn finish(mut self, rows: Rows) -> Damage {
        self.steps(true, rows);
        while self.read.rows.is_some_and(|n| self.damage.rows < n.min(MOST_ROWS)) {
            self.words.fill(0);
            self.count(false, rows);
        }
        self.damage
    }
    fn steps(&mut self, last: bool, rows: Rows) {
        while !self.done {
            let step = match self.coding {
                Coding::Mmr => self.mmr(last, rows),
                Coding::Mh | Coding::Mr { .. } => self.line(last, rows),
            };
            if matches!(step, Step::More) {
                break;
            }
        }
    }
    /// Gives out `words`.
    fn count(&mut self, good: bool, rows: Rows) {
        if self.damage.rows == MOST_ROWS {
            (self.damage.too_many, self.done) = (true, true);
            return;
        }
        rows(&self.words);
        self.damage.rows += 1;
        self.bad_run = if good { 0 } else { self.bad_run + 1 };
        self.damage.bad_rows += usize::from(!good);
        self.damage.longest_bad_run = self.damage.longest_bad_run.max(self.bad_run);
        self.done |= self.read.rows == Some(self.damage.rows);
    }
    fn good(&mut self, to: usize, rows: Rows) -> Step {
        self.at = to;
        self.row.paint(&mut self.words, self.width);
        std::mem::swap(&mut self.row, &mut self.above);
        self.count(true, rows);
        Step::On
    }
    fn ended(&mut self) -> Step {
        (self.damage.ended, self.done) = (true, true);
        Step::On
    }
    /// Where the next row may begin: on a whole byte, where rows do so and no EOLs say it.
    fn begin(&self) -> usize {
        match self.read.aligned && !self.lines {
            true => self.at.next_multiple_of(8),
            false => self.at,
        }
    }
    /// How many zeros are next, from `begin` on; None if nothing else is left.
    fn zeros(&self) -> Option<usize> {
        Bits::at(&self.bytes, self.begin()).zeros()
    }
    /// Whether so near to the end of the bytes it is not sure what was read: a code is found by 13 bits.
    fn wants(&self, bits: &Bits, last: bool) -> bool {
        !last && bits.place() + PEEK as usize > self.bytes.len() * 8
    }
    /// A row of T.6, or its end.
    fn mmr(&mut self, last: bool, rows: Rows) -> Step {
        let Some(zeros) = self.zeros() else {
            self.done |= last;
            return Step::More;
        };
        if zeros >= EOL_ZEROS {
            self.at = self.begin() + zeros + 1;
            self.lines = true;
            self.eols += 1;
            return if self.eols == 2 { self.ended() } else { Step::On };
        }
        let mut bits = Bits::at(&self.bytes, self.begin());
        let good = rows::two(&mut bits, &mut self.row, &self.above, self.width);
        if self.wants(&bits, last) {
            return Step::More;
        }
        if good && bits.within() {
            self.eols = 0;
            let to = bits.place();
            return self.good(to, rows);
        }
        self.done = true;
        Step::More
    }
    /// An EOL, or a row, of T.4.
    fn line(&mut self, last: bool, rows: Rows) -> Step {
        let Some(zeros) = self.zeros() else {
            if last {
                self.damage.ended |= self.eols > 1;
                self.done = true;
            }
            return Step::More;
        };
        let two = matches!(self.coding, Coding::Mr { .. });
        if zeros >= EOL_ZEROS {
            let at = self.begin() + zeros + 1;
            if two && at >= self.bytes.len() * 8 && !last {
                return Step::More;
            }
            self.at = at;
            if two {
                self.tag = Bits::at(&self.bytes, self.at).window >> 63 == 1;
                self.at += 1;
            }
            self.lines = true;
            self.eols += 1;
            return if self.eols == 6 { self.ended() } else { Step::On };
        }
        let mut bits = Bits::at(&self.bytes, self.begin());
        let by_itself = !two || self.tag;
        let good = match by_itself {
            true => rows::one(&mut bits, &mut self.row, self.width),
            false => !self.waits && rows::two(&mut bits, &mut self.row, &self.above, self.width),
        };
        if self.wants(&bits, last) {
            return Step::More;
        }
        if good && bits.within() {
            self.eols = 0;
            self.waits = false;
            let to = bits.place();
            return self.good(to, rows);
        }
        self.bad(last, rows)
    }
    /// A row that cannot be read: on to the next EOL.
    fn bad(&mut self, last: bool, rows: Rows) -> Step {
        let mut at = self.at;
        loop {
            let mut bits = Bits::at(&self.bytes, at);
            match bits.zeros() {
                Some(zeros) if zeros >= EOL_ZEROS => break,
                Some(zeros) => at += zeros + 1,
                None if last => {
                    at = self.bytes.len() * 8;
                    break;
                }
                None if at - self.at > LONGEST_ROW * 8 => break,
                None => return Step::More,
            }
        }
        self.at = at;
        self.eols = 0;
        self.waits = true;
        self.count(false, rows);
        Step::On
    }
}

//! Codes to rows.
//!
//! Standards: ITU-T T.4 4.1, 4.2; T.6 2. In: bytes in any pieces. Out: rows, as words or packed, and what was damaged.
//! Left out: what is between rows (`lines`, `t6`), damage (`resync`), files. Shown by: `tests`, `tests/it/fax_codes.rs`.

use super::changes::Changes;
use super::lines::Blank;
use super::{BitOrder, Coding, Damage};
use crate::paper::page::{MOST_ROWS, WIDEST, WORD, pack};
use crate::paper::{Page, Resolution};

/// Bytes of a row that are tried anew whenever more come.
const PATIENT: usize = 1024;

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

/// Takes codes and gives rows. It holds at most one row's codes, the widest picture of a row, and what is pushed at once.
pub struct Decoder {
    read: ReadAs,
    /// What is not yet decoded, first bit on top.
    bytes: Vec<u8>,
    /// How many of them it takes before another try is worth its while.
    enough: usize,
    state: State,
}

/// What is known between two rows.
pub(super) struct State {
    pub coding: Coding,
    pub width: usize,
    pub aligned: bool,
    most: usize,
    /// The bit that is next.
    pub at: usize,
    /// The last good row, and the one being read.
    pub above: Changes,
    pub row: Changes,
    words: Vec<u64>,
    pub damage: Damage,
    bad_run: usize,
    /// EOLs read since the last row.
    pub eols: u32,
    /// EOLs that stood before rows, up to two; then rows are known to end with them.
    pub lines: u32,
    /// Whether the row that is next is coded by itself.
    pub tag: bool,
    /// Whether rows coded by the row above cannot be read, because that is not known.
    pub waits: bool,
    /// Bits of a row's codes of late.
    pub usual: usize,
    /// How often a row may still be looked for where codes have no EOLs.
    pub patience: u32,
    pub done: bool,
    /// Codes of a white row below a white one, coded by itself and by that.
    pub blank: [Blank; 2],
}

/// A whole page at once. Codes without EOLs that cannot be read as announced are also tried with the other alignment.
/// Panics where `Decoder::new` does.
pub fn decode(bytes: &[u8], coding: Coding, width: usize, read: ReadAs, resolution: Resolution) -> (Page, Damage) {
    let first = decode_as(bytes, coding, width, read, resolution);
    if first.1.bad_rows == 0 || matches!(coding, Coding::Mr { .. }) {
        return first;
    }
    let other = decode_as(bytes, coding, width, ReadAs { aligned: !read.aligned, ..read }, resolution);
    let good = |damage: &Damage| damage.rows - damage.bad_rows;
    if good(&other.1) > good(&first.1) { other } else { first }
}
fn decode_as(bytes: &[u8], coding: Coding, width: usize, read: ReadAs, resolution: Resolution) -> (Page, Damage) {
    let mut page = Page::new(width, resolution);
    let mut decoder = Decoder::new(coding, width, read);
    decoder.push(bytes, &mut |row| page.push(row));
    let damage = decoder.finish(&mut |row| page.push(row));
    (page, damage)
}

impl Decoder {
    /// For rows of `width` pels; an MR's `k` does not matter. Panics unless the width is 1 to [`WIDEST`]: who reads a width
    /// from a file checks it first.
    pub fn new(coding: Coding, width: usize, read: ReadAs) -> Decoder {
        assert!((1..=WIDEST).contains(&width), "a width of {width} pels; 1 to {WIDEST} can be coded");
        let state = State {
            coding,
            width,
            aligned: read.aligned,
            most: read.rows.unwrap_or(usize::MAX),
            at: 0,
            above: Changes::white(width),
            row: Changes::white(width),
            words: vec![0; width.div_ceil(WORD)],
            damage: Damage::default(),
            bad_run: 0,
            eols: 0,
            lines: if matches!(coding, Coding::Mr { .. }) { 2 } else { 0 },
            tag: true,
            waits: false,
            usual: 0,
            patience: 1 << 14,
            done: read.rows == Some(0),
            blank: Blank::of(coding, width),
        };
        Decoder { read, bytes: vec![], enough: 0, state }
    }
    /// Takes bytes; gives the rows that are whole by now.
    pub fn push(&mut self, bytes: &[u8], rows: &mut dyn FnMut(&[u64])) {
        self.take(bytes, &mut Words(rows));
    }
    /// There are no more bytes: gives the rows that are left.
    pub fn finish(self, rows: &mut dyn FnMut(&[u64])) -> Damage {
        self.end(&mut Words(rows))
    }
    /// The same, the rows appended as in a PBM file (`paper::page`).
    pub fn push_packed(&mut self, bytes: &[u8], rows: &mut Vec<u8>) {
        let width = self.state.width;
        self.take(bytes, &mut Packed { rows, width, begun: false });
    }
    /// The same, the rows appended as in a PBM file.
    pub fn finish_packed(self, rows: &mut Vec<u8>) -> Damage {
        let width = self.state.width;
        self.end(&mut Packed { rows, width, begun: false })
    }
    fn take(&mut self, bytes: &[u8], out: &mut impl Out) {
        if self.state.done {
            return;
        }
        match self.read.order {
            BitOrder::MsbFirst => self.bytes.extend_from_slice(bytes),
            BitOrder::LsbFirst => self.bytes.extend(bytes.iter().map(|b| b.reverse_bits())),
        }
        if self.bytes.len() < self.enough {
            return;
        }
        self.state.read(&self.bytes, false, out);
        self.bytes.drain(..(self.state.at / 8).min(self.bytes.len()));
        self.state.at %= 8;
        // What is so long without being a row is not tried again at every byte.
        self.enough = if self.bytes.len() > PATIENT { self.bytes.len() + self.bytes.len() / 8 } else { 0 };
    }
    fn end(mut self, out: &mut impl Out) -> Damage {
        self.state.read(&self.bytes, true, out);
        let state = &mut self.state;
        if state.most < usize::MAX {
            state.words.fill(0);
            state.done = false;
            while state.damage.rows < state.most && !state.damage.too_many {
                state.give(false, false, out);
            }
        }
        state.damage
    }
}

impl State {
    fn read(&mut self, bytes: &[u8], last: bool, out: &mut impl Out) {
        match self.coding {
            Coding::Mmr => self.t6(bytes, last, out),
            Coding::Mh | Coding::Mr { .. } => self.t4(bytes, last, out),
        }
    }
    /// Gives out the row just read. `same`: it is like the one before.
    #[inline]
    pub fn good(&mut self, same: bool, out: &mut impl Out) {
        if !same {
            self.row.paint(&mut self.words, self.width);
            std::mem::swap(&mut self.row, &mut self.above);
        }
        self.give(true, same, out);
    }
    /// Gives out the last row again, as good ones that are like it.
    pub fn again(&mut self, times: usize, out: &mut impl Out) {
        let times = times.min(self.most - self.damage.rows);
        let most = times.min(MOST_ROWS - self.damage.rows);
        out.again(&self.words, most);
        self.damage.rows += most;
        self.damage.too_many = most < times;
        self.done |= most < times || self.damage.rows == self.most;
        self.bad_run = 0;
    }
    /// Gives out the last good row once more, in place of one that cannot be read.
    pub fn bad(&mut self, out: &mut impl Out) {
        self.give(false, true, out);
    }
    #[inline]
    fn give(&mut self, good: bool, same: bool, out: &mut impl Out) {
        if self.done {
            return;
        }
        if self.damage.rows == MOST_ROWS {
            (self.damage.too_many, self.done) = (true, true);
            return;
        }
        out.row(&self.words, same);
        self.damage.rows += 1;
        self.done |= self.damage.rows == self.most;
        if good {
            self.bad_run = 0;
        } else {
            self.bad_run += 1;
            self.damage.bad_rows += 1;
            self.damage.longest_bad_run = self.damage.longest_bad_run.max(self.bad_run);
        }
    }
}

/// Where rows go.
pub(super) trait Out {
    /// `same`: it is like the one before.
    fn row(&mut self, words: &[u64], same: bool);
    /// The same row some times.
    fn again(&mut self, words: &[u64], times: usize) {
        (0..times).for_each(|_| self.row(words, true));
    }
}

struct Words<'a>(&'a mut dyn FnMut(&[u64]));
impl Out for Words<'_> {
    #[inline]
    fn row(&mut self, words: &[u64], _: bool) {
        (self.0)(words);
    }
}

struct Packed<'a> {
    rows: &'a mut Vec<u8>,
    width: usize,
    /// Whether the last row is there.
    begun: bool,
}
impl Out for Packed<'_> {
    #[inline]
    fn row(&mut self, words: &[u64], same: bool) {
        match self.rows.len().checked_sub(self.width.div_ceil(8)) {
            Some(last) if same && self.begun => self.rows.extend_from_within(last..),
            _ => pack(words, self.width, self.rows),
        }
        self.begun = true;
    }
    fn again(&mut self, words: &[u64], times: usize) {
        if times == 0 {
            return;
        }
        self.row(words, true);
        // Twice as many at a time.
        let (from, end) = (self.rows.len() - self.width.div_ceil(8), self.rows.len() + (times - 1) * self.width.div_ceil(8));
        while self.rows.len() < end {
            let some = (self.rows.len() - from).min(end - self.rows.len());
            self.rows.extend_from_within(from..from + some);
        }
    }
}

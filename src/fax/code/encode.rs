//! Rows to codes.
//!
//! Standards: ITU-T T.4 4.1 (MH), 4.2 (MR); T.6 2 (MMR). In: rows of words. Out: bytes, a row's as soon as they are whole.
//! Left out: uncompressed mode. Shown by: `tests`, `tests/it/fax_codes.rs`.

use super::changes::Changes;
use super::lookup::{CODES, LONGEST};
use super::tables::{Code, EOL, HORIZONTAL, PASS, VERTICAL};
use super::writer::Writer;
use super::{Coding, Layout};
use crate::paper::Page;
use crate::paper::page::{WIDEST, WORD, last_word};

/// Takes rows from the top and appends their codes.
pub struct Encoder {
    coding: Coding,
    layout: Layout,
    width: usize,
    rows: u64,
    above: Changes,
    row: Changes,
    words: Vec<u64>,
    to: Writer,
}

/// A whole page. Panics where `Encoder::new` does.
pub fn encode(page: &Page, coding: Coding, layout: Layout) -> Vec<u8> {
    let mut out = vec![];
    let mut encoder = Encoder::new(coding, page.width(), layout);
    page.rows().for_each(|row| encoder.row(row, &mut out));
    encoder.finish(&mut out);
    out
}

impl Encoder {
    /// For rows of `width` pels. Panics unless the width is 1 to [`WIDEST`]: who reads a width from a file checks it first.
    pub fn new(coding: Coding, width: usize, layout: Layout) -> Encoder {
        assert!((1..=WIDEST).contains(&width), "a width of {width} pels; 1 to {WIDEST} can be coded");
        let (above, row) = (Changes::white(width), Changes::white(width));
        Encoder { coding, layout, width, rows: 0, above, row, words: vec![0; width.div_ceil(WORD)], to: Writer::new(layout.order) }
    }
    /// Adds a row; the bits beyond the width must be 0. Appends whole bytes.
    pub fn row(&mut self, row: &[u64], out: &mut Vec<u8>) {
        assert_eq!(row.len(), self.width.div_ceil(WORD), "a row of another width");
        self.row.find(row, self.width);
        self.code(out);
    }
    /// Adds a row that is packed as in a PBM file (`paper::page`); bits beyond the width do not matter.
    pub fn packed(&mut self, row: &[u8], out: &mut Vec<u8>) {
        assert_eq!(row.len(), self.width.div_ceil(8), "a row of another width");
        if row.iter().fold(0, |all, byte| all | byte) == 0 {
            self.row.end(0, self.width);
            return self.code(out);
        }
        let (eights, rest) = row.as_chunks::<8>();
        self.words.iter_mut().zip(eights).for_each(|(word, eight)| *word = u64::from_be_bytes(*eight));
        if let Some(word) = self.words.last_mut() {
            if !rest.is_empty() {
                let mut eight = [0; 8];
                eight[..rest.len()].copy_from_slice(rest);
                *word = u64::from_be_bytes(eight);
            }
            *word &= last_word(self.width);
        }
        self.row.find(&self.words, self.width);
        self.code(out);
    }
    /// Writes the codes of the row whose changes were found.
    fn code(&mut self, out: &mut Vec<u8>) {
        let begun = u64::from(self.to.held());
        match self.coding {
            Coding::Mh => {
                if self.layout.eol {
                    self.end_of_line(EOL, out);
                }
                one(&self.row, self.width, &mut self.to);
            }
            Coding::Mr { k } if self.rows.is_multiple_of(u64::from(k.max(1))) => {
                self.end_of_line(EOL.then(Code::of("1")), out);
                one(&self.row, self.width, &mut self.to);
            }
            Coding::Mr { .. } => {
                self.end_of_line(EOL.then(Code::of("0")), out);
                two(&self.row, &self.above, self.width, &mut self.to);
            }
            Coding::Mmr => two(&self.row, &self.above, self.width, &mut self.to),
        }
        self.fill(begun, out);
        self.to.give(out);
        std::mem::swap(&mut self.row, &mut self.above);
        self.rows += 1;
    }
    /// Fill before an EOL so that the EOL, without its tag bit, ends with a byte; then the EOL.
    fn end_of_line(&mut self, code: Code, out: &mut Vec<u8>) {
        if self.layout.aligned {
            self.to.zeros(u64::from((4u32.wrapping_sub(self.to.held())) & 7), out);
        }
        self.to.put(u64::from(code.bits), code.len);
    }
    /// What a row that is too short is filled up with, and the rest of its last byte where it ends with one.
    fn fill(&mut self, begun: u64, out: &mut Vec<u8>) {
        let lines = match self.coding {
            Coding::Mh => self.layout.eol,
            Coding::Mr { .. } => true,
            Coding::Mmr => false,
        };
        if lines {
            let short = u64::from(self.layout.least_bits).saturating_sub(self.to.bits() - begun);
            self.to.zeros(short, out);
        } else if self.layout.aligned {
            self.to.align();
        }
    }
    /// The end code, if the layout asks for it, and the rest of the last byte.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        if self.layout.end {
            let (code, times) = match self.coding {
                Coding::Mh => (EOL, 6),                            // T.4 4.1.4
                Coding::Mr { .. } => (EOL.then(Code::of("1")), 6), // T.4 4.2.4
                Coding::Mmr => (EOL, 2),                           // T.6 2.4.1.1
            };
            for n in 0..times {
                match (n, self.coding) {
                    (0, Coding::Mh | Coding::Mr { .. }) => self.end_of_line(code, out),
                    _ => self.to.put(u64::from(code.bits), code.len),
                }
            }
        }
        self.to.align();
        self.to.give(out);
    }
}

/// The code of a run and its length. `run` is at most WIDEST, so that no more than 49 bits come of it.
#[inline(always)]
fn run(black: usize, run: usize) -> (u64, u32) {
    match CODES[black].get(run) {
        Some(entry) => (u64::from(entry >> 5), entry & 31),
        None => long(black, run),
    }
}
#[cold]
fn long(black: usize, run: usize) -> (u64, u32) {
    let most = Code::of(super::tables::EXTENDED[12].1);
    let (mut left, mut bits, mut len) = (run, 0u64, 0);
    while left > LONGEST {
        (bits, len, left) = (bits << most.len | u64::from(most.bits), len + most.len, left - 2560);
    }
    let entry = CODES[black][left];
    (bits << (entry & 31) | u64::from(entry >> 5), len + (entry & 31))
}

/// A row by itself (T.4 4.1.1): white and black runs in turn, the first white.
fn one(row: &Changes, width: usize, to: &mut Writer) {
    let mut from = 0;
    for i in 1..=row.n + 1 {
        let place = usize::from(row.at[i]);
        let (bits, len) = run((i - 1) & 1, place - from);
        to.put(bits, len);
        from = place;
    }
    debug_assert_eq!(from, width);
}

/// A row by the row above (T.4 4.2.1.3.3, T.6 2.2.3).
fn two(row: &Changes, above: &Changes, width: usize, to: &mut Writer) {
    // i: the next change of this row (a1). k: that of the row above to the right of a0, of the same direction (b1).
    let (mut i, mut k, mut a0) = (1, 1, 0);
    loop {
        let (a1, b1, b2) = (usize::from(row.at[i]), usize::from(above.at[k]), usize::from(above.at[k + 1]));
        if b2 < a1 {
            to.put(u64::from(PASS.bits), PASS.len);
            (a0, k) = (b2, k + 2);
            continue;
        }
        let off = (a1 + 3).wrapping_sub(b1);
        if let Some(code) = VERTICAL.get(off) {
            to.put(u64::from(code.bits), code.len);
            (a0, i) = (a1, i + 1);
            k = if usize::from(above.at[k - 1]) > a0 { k - 1 } else { k + 1 };
        } else {
            let a2 = usize::from(row.at[i + 1]);
            let colour = (i - 1) & 1;
            to.put(u64::from(HORIZONTAL.bits), HORIZONTAL.len);
            for (colour, length) in [(colour, a1 - a0), (1 - colour, a2 - a1)] {
                let (bits, len) = run(colour, length);
                to.put(bits, len);
            }
            (a0, i) = (a2, i + 2);
        }
        if a0 >= width {
            return;
        }
        while usize::from(above.at[k]) <= a0 {
            k += 2;
        }
    }
}

//! A row as the places where its colour changes; words to changes by bit scan, and back by masks.
//!
//! Standards: ITU-T T.4 4.2.1.3.1 (changing elements). In: words of a row (`paper::page`). Out: places, ends behind them; and back.
//! Left out: codes. Shown by: the tests below.

use crate::paper::page::{WORD, last_word};

/// Room for a change at every pel of the widest row, and the ends behind.
pub(super) const ROOM: usize = 8192;
/// How many places at least say "the width" behind the last change.
pub(super) const ENDS: usize = 16;

/// More changes a word than this are painted in a register.
const DENSE: usize = 6;

/// Places where the colour changes, growing; the first is to black. `at[0]` is 0 and stands before the row.
pub(super) struct Changes {
    /// From 1 on; behind the last change, the width.
    pub at: Box<[u16; ROOM]>,
    /// How many changes.
    pub n: usize,
}

impl Changes {
    /// A white row.
    pub fn white(width: usize) -> Changes {
        let mut white = Changes { at: Box::new([0; ROOM]), n: 0 };
        white.end(0, width);
        white
    }
    /// Puts the ends behind `n` changes.
    #[inline]
    pub fn end(&mut self, n: usize, width: usize) {
        self.n = n;
        self.at[n + 1..n + 1 + ENDS].fill(width as u16);
    }
    /// The changes themselves.
    pub fn places(&self) -> &[u16] {
        &self.at[1..=self.n]
    }
    /// Finds the changes of a row. What lies beyond the width is 0.
    pub fn find(&mut self, row: &[u64], width: usize) {
        let (mut n, mut before) = (0, 0);
        for (i, &word) in row.iter().enumerate() {
            let mut edges = word ^ (word >> 1 | before << 63);
            before = word & 1;
            while edges != 0 {
                let place = edges.leading_zeros();
                edges ^= 1 << 63 >> place;
                n += 1;
                self.at[n & (ROOM - 1)] = (i * WORD) as u16 + place as u16;
            }
        }
        // A row that is black up to its end changes behind it: that is the end itself.
        if n > 0 && usize::from(self.at[n]) >= width {
            n -= 1;
        }
        self.end(n, width);
    }
    /// Paints the row, over whatever was in it.
    pub fn paint(&self, row: &mut [u64], width: usize) {
        if self.n > row.len() * DENSE {
            self.paint_dense(row);
        } else {
            self.paint_sparse(row);
        }
        if let Some(word) = row.last_mut() {
            *word &= last_word(width);
        }
    }
    /// Each change turns the rest of its word; what is then on at a word's end goes on through the next ones.
    fn paint_sparse(&self, row: &mut [u64]) {
        row.fill(0);
        for &place in self.places() {
            if let Some(word) = row.get_mut(usize::from(place) / WORD) {
                *word ^= !0 >> (usize::from(place) % WORD);
            }
        }
        let mut on = 0;
        for word in row.iter_mut() {
            *word ^= on;
            on = 0u64.wrapping_sub(*word & 1);
        }
    }
    /// The same with the word in a register, for where many changes lie in a word.
    fn paint_dense(&self, row: &mut [u64]) {
        let (mut word, mut i, places) = (0u64, 0, &self.at[1..]);
        for (nth, to) in row.iter_mut().enumerate() {
            let end = ((nth + 1) * WORD) as u16;
            // The ends behind the last change stop this, or turn what lies beyond the width.
            while i < self.n && places[i] < end {
                word ^= !0 >> (usize::from(places[i]) % WORD);
                i += 1;
            }
            *to = word;
            word = 0u64.wrapping_sub(word & 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::{Rng, SeedableRng};

    #[test]
    fn changes_of_a_row_paint_the_row() {
        let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(1);
        for width in [1usize, 2, 63, 64, 65, 127, 128, 129, 1728, 4864] {
            for density in 0..6 {
                let mut row: Vec<u64> = (0..width.div_ceil(WORD)).map(|_| (0..density).fold(!0, |word, _| word & rng.next_u64())).collect();
                *row.last_mut().unwrap() &= last_word(width);
                let mut changes = Changes::white(width);
                changes.find(&row, width);
                assert!(changes.places().is_sorted_by(|a, b| a < b) && changes.places().iter().all(|p| usize::from(*p) < width));
                let mut back = vec![0x5555; row.len()];
                changes.paint(&mut back, width);
                assert_eq!(back, row, "{width}, {density}");
            }
        }
    }
}

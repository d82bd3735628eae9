//! A page of a fax as block characters: two rows of two quarters a character, or a shade where a picture is even.
//!
//! Standards: none; Unicode's block elements. In: scan lines as they come. Out: rows of characters, from the top of the page.
//! Left out: where they stand, their colour. Shown by: the tests below.

use std::ops::Range;

/// Pels an inch across of a row no wider than an A3 sheet's; a wider one has twice as many.
const ACROSS: usize = 204;
/// The widest row, and the most rows of characters, that are taken: four sheets of paper.
const WIDEST: usize = 4864;
const LONGEST: usize = 200;
/// Lines beyond it are beyond every page.
const LAST: usize = 1 << 24;

/// From this much ink around on it is a picture; quarters that differ by less are one shade.
const PICTURE: u32 = 60;
const STEP: u32 = 90;

/// Quarters by which of them are black: 1 upper left, 2 upper right, 4 lower left, 8 lower right.
const QUARTERS: [char; 16] = [' ', '▘', '▝', '▀', '▖', '▌', '▞', '▛', '▗', '▚', '▐', '▜', '▄', '▙', '▟', '█'];
const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];

/// A page, as far as it has come.
pub(super) struct Blocks {
    columns: usize,
    width: usize,
    per_inch: usize,
    /// Black pels and all pels of each half row of characters, quarter by quarter.
    halves: Vec<Vec<(u32, u32)>>,
}

impl Blocks {
    /// A page of so many pels, shown so many characters wide; none if no fax is like that.
    pub fn new(width: usize, per_inch: u16, columns: usize) -> Option<Blocks> {
        let fits = (64..=WIDEST).contains(&width) && (40..=600).contains(&per_inch);
        fits.then(|| Blocks { columns, width, per_inch: per_inch.into(), halves: vec![] })
    }
    /// A scan line, by its number from 0; eight pels an octet.
    pub fn line(&mut self, number: usize, octets: &[u8]) {
        // A character is twice as high as wide, so half a row of them is as high as a character is wide.
        let across = if self.width > WIDEST / 2 { 2 * ACROSS } else { ACROSS };
        let half = number.min(LAST) * self.columns * across / (self.width * self.per_inch);
        if half >= 2 * LONGEST {
            return;
        }
        if self.halves.len() <= half {
            self.halves.resize(half + 1, vec![(0, 0); 2 * self.columns]);
        }
        for (quarter, tally) in self.halves[half].iter_mut().enumerate() {
            let place = |n: usize| n * self.width / (2 * self.columns);
            for pel in place(quarter)..place(quarter + 1) {
                tally.0 += u32::from(octets.get(pel / 8).is_some_and(|octet| octet >> (7 - pel % 8) & 1 == 1));
                tally.1 += 1;
            }
        }
    }
    /// How many rows of characters there are.
    pub fn rows(&self) -> usize {
        self.halves.len().div_ceil(2)
    }
    /// How many there are down to the last that is not blank.
    pub fn inked(&self) -> usize {
        (0..self.rows()).rev().find(|n| self.row(*n).chars().any(|c| c != ' ')).map_or(0, |n| n + 1)
    }
    /// One of them.
    pub fn row(&self, n: usize) -> String {
        (0..self.columns).map(|column| self.character(n, column)).collect()
    }

    /// How black a quarter is, of 255; paper where nothing came.
    fn ink(&self, half: usize, quarter: usize) -> u32 {
        self.halves.get(half).and_then(|h| h.get(quarter)).map_or(0, |(black, all)| black * 255 / (*all).max(1))
    }
    /// How black it is around a character: on that side of it where it is blackest, so that a picture is one up to its edge.
    fn around(&self, n: usize, column: usize) -> u32 {
        let mean = |halves: Range<usize>, quarters: Range<usize>| {
            let (halves, quarters) = (halves.start..halves.end.min(self.halves.len()), quarters.start..quarters.end.min(2 * self.columns));
            let count = (halves.len() * quarters.len()).max(1) as u32;
            halves.map(|half| quarters.clone().map(|quarter| self.ink(half, quarter)).sum::<u32>()).sum::<u32>() / count
        };
        let (half, quarter) = (2 * n, 2 * column);
        let sides = [half.saturating_sub(2)..half + 2, half..half + 4];
        let across = [quarter.saturating_sub(4)..quarter + 2, quarter..quarter + 6];
        sides.iter().flat_map(|s| across.iter().map(|a| mean(s.clone(), a.clone()))).max().unwrap_or(0)
    }
    fn character(&self, n: usize, column: usize) -> char {
        // Where the lower half has not come yet it is taken to be as the upper one.
        let half = |down: usize| (2 * n + down).min(self.halves.len().saturating_sub(1));
        let quarters = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(down, right)| self.ink(half(down), 2 * column + right));
        let (least, most) = (quarters.into_iter().min().unwrap_or(0), quarters.into_iter().max().unwrap_or(0));
        let around = self.around(n, column);
        // Writing and lines are thin: on white paper little ink is a mark. In a picture it is a light grey.
        let edge = if around < PICTURE { (around * 3 / 4 + 16).min(60) } else { (least + most) / 2 };
        if around >= PICTURE && most - least < STEP {
            let mean = quarters.iter().sum::<u32>() / 4;
            return SHADES[((mean * 4 + 128) / 255).min(4) as usize];
        }
        let bit = |(n, ink): (usize, &u32)| usize::from(*ink > edge) << n;
        QUARTERS[quarters.iter().enumerate().map(bit).sum::<usize>()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of 64 pels at 16 columns, drawn by a rule; two pels make a quarter.
    fn drawn(rows: usize, black: impl Fn(usize, usize) -> bool) -> Vec<String> {
        let mut blocks = Blocks::new(64, 102, 16).unwrap();
        for y in 0..rows {
            let octet = |n: usize| (0..8).fold(0, |octet, bit| octet << 1 | u8::from(black(8 * n + bit, y)));
            blocks.line(y, &(0..8).map(octet).collect::<Vec<u8>>());
        }
        (0..blocks.rows()).map(|n| blocks.row(n)).collect()
    }

    #[test]
    fn black_is_black_in_its_quarter_and_a_thin_line_is_not_lost() {
        let shown = drawn(12, |x, y| (8..24).contains(&x) && y < 6 || x == y * 5);
        assert_eq!(shown, ["  ████          ", "  ▀▀▀▀  ▗       ", "          ▘▘▗▗  "]);
    }

    #[test]
    fn a_picture_is_shaded_up_to_its_edge() {
        let grey = |x: usize, y: usize| match x / 16 {
            0 => x.is_multiple_of(2) && y.is_multiple_of(2),
            1 => (x + y).is_multiple_of(2),
            2 => x.is_multiple_of(2) || y.is_multiple_of(2),
            _ => false,
        };
        assert_eq!(drawn(12, grey), ["░░░░▒▒▒▒▓▓▓▓    "; 3]);
    }
}

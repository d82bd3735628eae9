//! A bilevel page: what a fax machine scans, sends and prints.
//!
//! Standards: widths after ITU-T T.4 2.1, resolutions after T.4 2.2 and T.30 table 2, in whole pels an inch (RFC 2301 2.2.2).
//! In: rows. Out: the same rows, as words of 64 pels. A pel is 1 where it is black; pel 0 is the top bit of the first word.
//! Left out: codes and files (see `fax`), how a page is set and drawn. Shown by: the tests below.

/// Pels in a word of a row.
pub const WORD: usize = 64;
/// Widest page: A3 at 408 pels an inch (T.30 table 2, note 33).
pub const WIDEST: usize = 4864;
/// Most rows of a page: 12 metres of paper at 204 x 196.
pub const MOST_ROWS: usize = 100_000;

/// Pels an inch, across and down. They are seldom the same: a fax's pels are not square.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Resolution {
    /// Along the row.
    pub x: u16,
    /// Rows an inch.
    pub y: u16,
}

impl Resolution {
    /// 3.85 rows a millimetre.
    pub const STANDARD: Resolution = Resolution { x: 204, y: 98 };
    /// 7.7 rows a millimetre.
    pub const FINE: Resolution = Resolution { x: 204, y: 196 };
    /// 15.4 rows a millimetre.
    pub const SUPERFINE: Resolution = Resolution { x: 204, y: 391 };
}

/// Rows of pels, all of one width. The bits of a row's last word beyond the width are 0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    width: usize,
    stride: usize,
    words: Vec<u64>,
    /// Pels an inch.
    pub resolution: Resolution,
}

impl Page {
    /// A page without rows. Width in pels, at least 1.
    pub fn new(width: usize, resolution: Resolution) -> Page {
        assert!(width > 0, "a page has a width");
        Page { width, stride: width.div_ceil(WORD), words: vec![], resolution }
    }
    /// A page of white rows.
    pub fn white(width: usize, height: usize, resolution: Resolution) -> Page {
        let mut page = Page::new(width, resolution);
        page.words = vec![0; page.stride * height];
        page
    }
    /// Pels of a row.
    pub fn width(&self) -> usize {
        self.width
    }
    /// Rows.
    pub fn height(&self) -> usize {
        self.words.len() / self.stride
    }
    /// Words of a row.
    pub fn stride(&self) -> usize {
        self.stride
    }
    /// One row.
    pub fn row(&self, y: usize) -> &[u64] {
        &self.words[y * self.stride..(y + 1) * self.stride]
    }
    /// One row, to draw on. Who writes must leave the bits beyond the width 0.
    pub fn row_mut(&mut self, y: usize) -> &mut [u64] {
        &mut self.words[y * self.stride..(y + 1) * self.stride]
    }
    /// All rows, from the top.
    pub fn rows(&self) -> std::slice::ChunksExact<'_, u64> {
        self.words.chunks_exact(self.stride)
    }
    /// Adds a row at the foot; what lies beyond the width is cleared.
    pub fn push(&mut self, row: &[u64]) {
        assert_eq!(row.len(), self.stride, "a row of another width");
        self.words.extend_from_slice(row);
        let last = self.words.len() - 1;
        self.words[last] &= last_word(self.width);
    }
    /// Whether the pel is black.
    pub fn black(&self, x: usize, y: usize) -> bool {
        assert!(x < self.width, "beyond the row");
        self.row(y)[x / WORD] >> (WORD - 1 - x % WORD) & 1 == 1
    }
    /// Adds a row that is packed as in a PBM file: 8 pels a byte, the first on top, rows begun on whole bytes, 1 = black.
    pub fn push_packed(&mut self, packed: &[u8]) {
        assert_eq!(packed.len(), self.width.div_ceil(8), "a row of another width");
        for eight in packed.chunks(8) {
            let mut bytes = [0; 8];
            bytes[..eight.len()].copy_from_slice(eight);
            self.words.push(u64::from_be_bytes(bytes));
        }
        let last = self.words.len() - 1;
        self.words[last] &= last_word(self.width);
    }
    /// Writes a row as in a PBM file behind what `into` has.
    pub fn pack(&self, y: usize, into: &mut Vec<u8>) {
        pack(self.row(y), self.width, into);
    }
}

/// Writes a row of words as in a PBM file: 8 pels a byte, the first on top, the last byte filled with 0.
pub fn pack(row: &[u64], width: usize, into: &mut Vec<u8>) {
    let end = into.len() + width.div_ceil(8);
    row.iter().for_each(|word| into.extend_from_slice(&word.to_be_bytes()));
    into.truncate(end);
}

/// The bits of a row's last word that are pels.
pub fn last_word(width: usize) -> u64 {
    match width % WORD {
        0 => !0,
        used => !0 << (WORD - used),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_rows_come_back_and_nothing_lies_beyond_the_width() {
        for width in [1, 7, 8, 9, 63, 64, 65, 1728, 2432] {
            let mut page = Page::new(width, Resolution::FINE);
            let packed: Vec<u8> = (0..width.div_ceil(8)).map(|i| (i * 37 + 129) as u8).collect();
            page.push_packed(&packed);
            page.push(&vec![!0; page.stride()]);
            assert_eq!((page.height(), page.rows().count()), (2, 2));
            let mut back = vec![];
            page.pack(0, &mut back);
            let tail = if width.is_multiple_of(8) { 255 } else { !0u8 << (8 - width % 8) };
            assert_eq!(back[..back.len() - 1], packed[..packed.len() - 1], "{width}");
            assert_eq!(back.last().copied(), packed.last().map(|b| b & tail), "{width}");
            assert_eq!(page.row(1).iter().map(|w| w.count_ones() as usize).sum::<usize>(), width);
            assert!(page.black(0, 0) && page.black(width - 1, 1));
        }
    }
}

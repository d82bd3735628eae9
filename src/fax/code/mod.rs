//! The codes of a page: one-dimensional (MH), two-dimensional (MR) and T.6 (MMR), rows to bits and back.
//!
//! Standards: ITU-T T.4 4.1 (MH), 4.2 (MR); T.6 2 (MMR). In: rows of words (`paper::page`). Out: bytes; and back.
//! Left out: files around them (see `fax::tiff`). Shown by: the tests of each file, `tests/it/fax_codes.rs`.

mod bits;
mod changes;
mod decode;
mod encode;
mod lines;
mod lookup;
mod resync;
mod rows;
mod t6;
pub mod tables;
#[cfg(test)]
mod tests;
mod writer;

pub use decode::{Decoder, ReadAs, decode};
pub use encode::{Encoder, encode};

/// How rows are coded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Coding {
    /// One-dimensional: Modified Huffman (T.4 4.1).
    Mh,
    /// Two-dimensional: Modified READ, a one-dimensional row at least every `k` rows (T.4 4.2; 2 at standard, 4 at fine resolution).
    Mr {
        /// At least 1.
        k: u32,
    },
    /// Modified modified READ (T.6): every row two-dimensional, no line ends.
    Mmr,
}

/// Which bit of a byte is on the line first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum BitOrder {
    /// The top bit (TIFF FillOrder 1, PDF, raw files of the field).
    #[default]
    MsbFirst,
    /// The lowest bit (TIFF FillOrder 2, the line of T.30).
    LsbFirst,
}

/// How rows lie in the bits. What does not fit a coding is ignored by it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Layout {
    /// Which bit is first.
    pub order: BitOrder,
    /// An EOL before each row (MH; MR always has them, with their tag bits).
    pub eol: bool,
    /// Fill before each EOL so that it ends on a whole byte; without EOLs, each row begins on one.
    pub aligned: bool,
    /// RTC (six EOLs; T.4 4.1.4) or EOFB (T.6 2.4.1.1) at the end.
    pub end: bool,
    /// Fewest bits of a coded row, EOL included, made up by fill (T.4 4.1.3); 0: none.
    pub least_bits: u32,
}

/// What a decoder could not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Damage {
    /// Rows given out.
    pub rows: usize,
    /// Of them, those that are copies of the last good row because theirs could not be read.
    pub bad_rows: usize,
    /// Most of them in a run.
    pub longest_bad_run: usize,
    /// Whether the end (RTC, EOFB) was seen.
    pub ended: bool,
    /// Whether there were more rows than `paper::page::MOST_ROWS`; they are not given out.
    pub too_many: bool,
}

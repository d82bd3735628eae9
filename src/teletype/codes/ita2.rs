//! ITA2, the International Telegraph Alphabet No. 2, as the printed table has it.
//!
//! Standard: ITU-T S.1 (03/93), clause 3 and Table 1/S.1; code element 1 is bit 0.
//! In: nothing. Out: [`TABLE`]. Left out: what a country puts on figures F, G and H (clause 4.2: undefined).
//! Shown by: `docs/code-tables.md`, `teletype::codes::tests`.

use super::table::Sign::*;
use super::table::{Shift, Table, both, key};

/// Combinations 1 to 32, in the order of S.1.
pub const TABLE: Table = Table {
    shifts: &[Shift::Letters, Shift::Figures],
    source: "ITU-T S.1 (03/93), Table 1/S.1",
    rows: [
        //  code  letters figures
        key(0x03, 'A', Char('-')),
        key(0x19, 'B', Char('?')),
        key(0x0e, 'C', Char(':')),
        key(0x09, 'D', WhoAreYou),
        key(0x01, 'E', Char('3')),
        key(0x0d, 'F', National),
        key(0x1a, 'G', National),
        key(0x14, 'H', National),
        key(0x06, 'I', Char('8')),
        key(0x0b, 'J', Bell),
        key(0x0f, 'K', Char('(')),
        key(0x12, 'L', Char(')')),
        key(0x1c, 'M', Char('.')),
        key(0x0c, 'N', Char(',')),
        key(0x18, 'O', Char('9')),
        key(0x16, 'P', Char('0')),
        key(0x17, 'Q', Char('1')),
        key(0x0a, 'R', Char('4')),
        key(0x05, 'S', Char('\'')),
        key(0x10, 'T', Char('5')),
        key(0x07, 'U', Char('7')),
        key(0x1e, 'V', Char('=')),
        key(0x13, 'W', Char('2')),
        key(0x1d, 'X', Char('/')),
        key(0x15, 'Y', Char('6')),
        key(0x11, 'Z', Char('+')),
        both(0x08, CarriageReturn),
        both(0x02, LineFeed),
        both(0x1f, To(Shift::Letters)),
        both(0x1b, To(Shift::Figures)),
        both(0x04, Space),
        both(0x00, Blank),
    ],
};

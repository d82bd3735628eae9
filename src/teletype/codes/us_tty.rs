//! US-TTY, the five-unit code of American teletypewriters: ITA2's letters and digits, other signs.
//!
//! Source: no standard could be opened; the "USTTY" column of G. Smith, Teletypewriter Communication Codes (2001), as Teletype
//! machines of the Bell System had it. There is no WRU, no `=` and no `+`; the bell and the apostrophe have changed places.
//! In: nothing. Out: [`TABLE`]. Left out: type boxes of weather, bank and military services (figures H as a motor stop).
//! Shown by: `docs/code-tables.md`, `teletype::codes::tests`.

use super::table::Sign::*;
use super::table::{Shift, Table, both, key};

/// The 32 combinations, in the order of ITA2.
pub const TABLE: Table = Table {
    shifts: &[Shift::Letters, Shift::Figures],
    source: "G. Smith, Teletypewriter Communication Codes (2001), column USTTY",
    rows: [
        //  code  letters figures
        key(0x03, 'A', Char('-')),
        key(0x19, 'B', Char('?')),
        key(0x0e, 'C', Char(':')),
        key(0x09, 'D', Char('$')),
        key(0x01, 'E', Char('3')),
        key(0x0d, 'F', Char('!')),
        key(0x1a, 'G', Char('&')),
        key(0x14, 'H', Char('#')),
        key(0x06, 'I', Char('8')),
        key(0x0b, 'J', Char('\'')),
        key(0x0f, 'K', Char('(')),
        key(0x12, 'L', Char(')')),
        key(0x1c, 'M', Char('.')),
        key(0x0c, 'N', Char(',')),
        key(0x18, 'O', Char('9')),
        key(0x16, 'P', Char('0')),
        key(0x17, 'Q', Char('1')),
        key(0x0a, 'R', Char('4')),
        key(0x05, 'S', Bell),
        key(0x10, 'T', Char('5')),
        key(0x07, 'U', Char('7')),
        key(0x1e, 'V', Char(';')),
        key(0x13, 'W', Char('2')),
        key(0x1d, 'X', Char('/')),
        key(0x15, 'Y', Char('6')),
        key(0x11, 'Z', Char('"')),
        both(0x08, CarriageReturn),
        both(0x02, LineFeed),
        both(0x1f, To(Shift::Letters)),
        both(0x1b, To(Shift::Figures)),
        both(0x04, Space),
        both(0x00, Blank),
    ],
};

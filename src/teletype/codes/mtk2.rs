//! MTK-2, the three-shift code of Soviet teleprinters from 1963 on: ITA2 with Cyrillic letters under a shift of their own.
//!
//! Standard: GOST 15607 (1970, 1984), which was not at hand; the table is its column in published course notes, compared with
//! the Crypto Museum's. Blank (00) is the shift to Cyrillic. Э Ш Щ Ю stand in figures; Ч is the figure 4; Ё and Ъ have no code.
//! In: nothing. Out: [`TABLE`]. Left out: the bell (its place is Ю's), a glyph of its own for Ч.
//! Shown by: `docs/code-tables.md`, `teletype::codes::tests`.

use super::table::Sign::*;
use super::table::{Shift, Table, all, cyr};
use crate::message::Twin;

/// Ч has no code of its own: the machine sends and prints the figure 4.
pub const CHE: Twin = Twin { letter: 'Ч', digit: '4' };

/// The 32 combinations, in the order of ITA2.
pub const TABLE: Table = Table {
    shifts: &[Shift::Letters, Shift::Figures, Shift::Cyrillic],
    source: "GOST 15607-70, after published course notes; Crypto Museum",
    rows: [
        //  code  letters figures  Cyrillic
        cyr(0x03, 'A', Char('-'), 'А'),
        cyr(0x19, 'B', Char('?'), 'Б'),
        cyr(0x0e, 'C', Char(':'), 'Ц'),
        cyr(0x09, 'D', WhoAreYou, 'Д'),
        cyr(0x01, 'E', Char('3'), 'Е'),
        cyr(0x0d, 'F', Char('Э'), 'Ф'),
        cyr(0x1a, 'G', Char('Ш'), 'Г'),
        cyr(0x14, 'H', Char('Щ'), 'Х'),
        cyr(0x06, 'I', Char('8'), 'И'),
        cyr(0x0b, 'J', Char('Ю'), 'Й'),
        cyr(0x0f, 'K', Char('('), 'К'),
        cyr(0x12, 'L', Char(')'), 'Л'),
        cyr(0x1c, 'M', Char('.'), 'М'),
        cyr(0x0c, 'N', Char(','), 'Н'),
        cyr(0x18, 'O', Char('9'), 'О'),
        cyr(0x16, 'P', Char('0'), 'П'),
        cyr(0x17, 'Q', Char('1'), 'Я'),
        cyr(0x0a, 'R', Char('4'), 'Р'), // and Ч
        cyr(0x05, 'S', Char('\''), 'С'),
        cyr(0x10, 'T', Char('5'), 'Т'),
        cyr(0x07, 'U', Char('7'), 'У'),
        cyr(0x1e, 'V', Char('='), 'Ж'),
        cyr(0x13, 'W', Char('2'), 'В'),
        cyr(0x1d, 'X', Char('/'), 'Ь'),
        cyr(0x15, 'Y', Char('6'), 'Ы'),
        cyr(0x11, 'Z', Char('+'), 'З'),
        all(0x08, CarriageReturn),
        all(0x02, LineFeed),
        all(0x1f, To(Shift::Letters)),
        all(0x1b, To(Shift::Figures)),
        all(0x04, Space),
        all(0x00, To(Shift::Cyrillic)),
    ],
};

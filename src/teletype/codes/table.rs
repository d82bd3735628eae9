//! The form of a code table: 32 rows, and in each what the code is under every shift.
//!
//! Standards: the tables' own (see `ita2`, `us_tty`, `mtk2`). In: rows laid out as the printed table has them.
//! Out: which character a code is under a shift, and which shift and code a character has.
//! Left out: which shift a machine stands in (see [`super::Coder`]). Shown by: `teletype::codes::tests`.

use crate::line::Code;
use serde::{Deserialize, Serialize};

/// Who are you: asks the far machine for its answerback.
pub const WRU: char = '\u{5}';
/// Rings the bell.
pub const BELL: char = '\u{7}';

/// In which of its shifts a machine stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Shift {
    /// Latin letters.
    Letters,
    /// Figures and signs.
    Figures,
    /// Cyrillic letters.
    Cyrillic,
}

/// What a code does in one shift.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sign {
    /// Prints this character.
    Char(char),
    /// Space.
    Space,
    /// Carriage return.
    CarriageReturn,
    /// Line feed.
    LineFeed,
    /// Rings the bell.
    Bell,
    /// Starts the far machine's answerback.
    WhoAreYou,
    /// Puts the machine in this shift.
    To(Shift),
    /// Nothing.
    Blank,
    /// Not defined by the standard, so that countries had signs of their own there; here nothing.
    National,
}

impl Sign {
    /// What comes of it in a text, if anything.
    pub const fn char(self) -> Option<char> {
        match self {
            Sign::Char(c) => Some(c),
            Sign::Space => Some(' '),
            Sign::CarriageReturn => Some('\r'),
            Sign::LineFeed => Some('\n'),
            Sign::Bell => Some(BELL),
            Sign::WhoAreYou => Some(WRU),
            Sign::To(_) | Sign::Blank | Sign::National => None,
        }
    }
}

/// One code of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// The code.
    pub code: Code,
    /// Under the letters shift.
    pub letters: Sign,
    /// Under the figures shift.
    pub figures: Sign,
    /// Under the Cyrillic shift; `None` where the machine has none.
    pub cyrillic: Option<Sign>,
}

impl Row {
    /// What the code is under a shift; under one that the machine has not, nothing.
    pub fn sign(&self, shift: Shift) -> Sign {
        match shift {
            Shift::Letters => self.letters,
            Shift::Figures => self.figures,
            Shift::Cyrillic => self.cyrillic.unwrap_or(Sign::Blank),
        }
    }
}

/// A key of a machine with two shifts.
pub(super) const fn key(code: u8, letter: char, figure: Sign) -> Row {
    Row { code: Code::new(code), letters: Sign::Char(letter), figures: figure, cyrillic: None }
}
/// A function of a machine with two shifts: the same in both.
pub(super) const fn both(code: u8, sign: Sign) -> Row {
    Row { code: Code::new(code), letters: sign, figures: sign, cyrillic: None }
}
/// A key of a machine with three shifts.
pub(super) const fn cyr(code: u8, letter: char, figure: Sign, cyrillic: char) -> Row {
    Row { code: Code::new(code), letters: Sign::Char(letter), figures: figure, cyrillic: Some(Sign::Char(cyrillic)) }
}
/// A function of a machine with three shifts: the same in all.
pub(super) const fn all(code: u8, sign: Sign) -> Row {
    Row { code: Code::new(code), letters: sign, figures: sign, cyrillic: Some(sign) }
}

/// All of a code.
#[derive(Debug)]
pub struct Table {
    /// The shifts of the machine.
    pub shifts: &'static [Shift],
    /// Where the table is from.
    pub source: &'static str,
    /// Every code once, in the order of the printed table: the keys A to Z, then the functions.
    pub rows: [Row; 32],
}

impl Table {
    /// What a code is under a shift.
    pub fn sign(&self, shift: Shift, code: Code) -> Sign {
        self.rows.iter().find(|row| row.code == code).map_or(Sign::Blank, |row| row.sign(shift))
    }
    /// The shift and code of a character that has a key; no character has two.
    pub fn find(&self, c: char) -> Option<(Shift, Code)> {
        let under = |shift: Shift| {
            let row = self
                .rows
                .iter()
                .find(|row| matches!(row.sign(shift), s @ (Sign::Char(_) | Sign::Bell | Sign::WhoAreYou) if s.char() == Some(c)));
            row.map(|row| (shift, row.code))
        };
        self.shifts.iter().copied().find_map(under)
    }
    /// The code that puts the machine in a shift.
    pub fn shift_code(&self, shift: Shift) -> Option<Code> {
        self.rows.iter().find(|row| row.letters == Sign::To(shift)).map(|row| row.code)
    }
}

/// Which code a machine has: one explicit setting a machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum CodeTable {
    /// International Telegraph Alphabet No. 2.
    #[default]
    Ita2,
    /// American teletypewriters.
    UsTty,
    /// Soviet teleprinters, with Cyrillic.
    Mtk2,
}

impl CodeTable {
    /// All three.
    pub const ALL: [CodeTable; 3] = [CodeTable::Ita2, CodeTable::UsTty, CodeTable::Mtk2];
    /// As it is called in a station file.
    pub const fn name(self) -> &'static str {
        match self {
            CodeTable::Ita2 => "ita2",
            CodeTable::UsTty => "us-tty",
            CodeTable::Mtk2 => "mtk-2",
        }
    }
}

impl From<CodeTable> for &'static str {
    fn from(code: CodeTable) -> &'static str {
        code.name()
    }
}

impl TryFrom<String> for CodeTable {
    type Error = String;
    fn try_from(text: String) -> Result<CodeTable, String> {
        let names: Vec<String> = CodeTable::ALL.iter().map(|c| format!("\"{}\"", c.name())).collect();
        let unknown = || format!("code `{text}` is not known; give one of {}", names.join(", "));
        CodeTable::ALL.into_iter().find(|c| c.name() == text).ok_or_else(unknown)
    }
}

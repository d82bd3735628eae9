//! The five-unit codes of teleprinters: ITA2, US-TTY and MTK-2, each with its shifts.
//!
//! Standards: ITU-T S.1 (clause 4.4: the shifts); the tables name theirs. What a machine does at a space is a setting.
//! In: characters, or codes off a line. Out: codes, or characters; damage decodes to something or nothing, never fails.
//! Left out: answerback and bell as acts. Shown by: `docs/code-tables.md`, `teletype::codes::tests`.

pub mod ita2;
pub mod mtk2;
pub mod page;
mod table;
#[cfg(test)]
mod tests;
pub mod us_tty;

pub use table::{BELL, CodeTable, Row, Shift, Sign, Table, WRU};

use crate::line::Code;
use crate::machine::Codec;
use crate::message::{Alphabet, TextForm, Twin};
use serde::{Deserialize, Serialize};

// The functions that are the same in every table (a test compares them); the procedure is written with them.

/// Blank: nothing on ITA2 and US-TTY, the shift to Cyrillic on MTK-2.
pub const BLANK: Code = Code::new(0x00);
/// Line feed.
pub const LF: Code = Code::new(0x02);
/// Space.
pub const SP: Code = Code::new(0x04);
/// Carriage return.
pub const CR: Code = Code::new(0x08);
/// Figures shift.
pub const FIGS: Code = Code::new(0x1b);
/// Letters shift.
pub const LTRS: Code = Code::new(0x1f);

/// Columns of a page: 69, so that every machine of the time (69, 72 or 76) prints a line whole.
pub const COLUMNS: usize = 69;

/// The code of a letter's key, in all tables; blank if it is not A to Z.
pub const fn key(letter: char) -> Code {
    let mut i = 0;
    while i < ita2::TABLE.rows.len() {
        match ita2::TABLE.rows[i].letters.char() {
            Some(c) if c == letter && c.is_ascii_uppercase() => return ita2::TABLE.rows[i].code,
            Some(_) | None => i += 1,
        }
    }
    BLANK
}

impl CodeTable {
    /// Its table.
    pub const fn table(self) -> &'static Table {
        match self {
            CodeTable::Ita2 => &ita2::TABLE,
            CodeTable::UsTty => &us_tty::TABLE,
            CodeTable::Mtk2 => &mtk2::TABLE,
        }
    }
    /// The letter that shares a digit's code, if there is one.
    pub const fn twin(self) -> Option<Twin> {
        match self {
            CodeTable::Ita2 | CodeTable::UsTty => None,
            CodeTable::Mtk2 => Some(mtk2::CHE),
        }
    }
    /// What a text may hold on its way over the line (besides the line feed): all that prints, shift by shift.
    pub fn repertoire(self) -> String {
        let table = self.table();
        let printed = |shift: &Shift| {
            table.rows.iter().filter_map(|row| if let Sign::Char(c) = row.sign(*shift) { Some(c) } else { None }).collect::<String>()
        };
        let shifts: String = table.shifts.iter().map(printed).collect();
        format!("{shifts}{} ", self.twin().map(|t| t.letter.to_string()).unwrap_or_default())
    }
    /// The text as the machine prints it: what shares a digit's code is that digit.
    pub fn printed(self, text: &str) -> String {
        self.twin().map_or_else(|| text.to_owned(), |twin| twin.printed(text))
    }
    /// The printed text as a reader takes it: the digit is its letter where it stands among such letters.
    pub fn read_back(self, printed: &str) -> String {
        self.twin().map_or_else(|| printed.to_owned(), |twin| twin.read_back(printed))
    }
    /// The form of text that a line with this code takes, at `baud` with `units` to a code.
    pub fn text_form(self, baud: f64, units: f64, longest: usize) -> TextForm {
        let per_hour = (3600.0 * baud / units) as u32;
        TextForm { alphabet: Alphabet::Of(self.repertoire()), twin: self.twin(), columns: COLUMNS, longest, per_hour: Some(per_hour) }
    }
}

/// Whether the far machine goes back to letters at a space.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnshiftOnSpace {
    /// Not known: shifts are sent so that both kinds print the same, and again at each line's start (this limits noise).
    #[default]
    Unknown,
    /// It does not: as few shifts as can be.
    No,
    /// It does: figures after a space are shifted anew. Only then does our own decoding unshift too.
    Yes,
}

/// One direction of each: what shift the far machine stands in, and what shift we read in.
///
/// With [`UnshiftOnSpace::Yes`] a three-shift machine goes from figures to (Latin) letters at a space and stays in Cyrillic:
/// no source says what such a machine did, so this is ours.
#[derive(Clone, Debug)]
pub struct Coder {
    code: CodeTable,
    setting: UnshiftOnSpace,
    /// `None`: cannot be known, so the next character that has a shift gets its shift code first.
    far: Option<Shift>,
    near: Shift,
}

impl Coder {
    /// The far machine's shift is not known; reading starts in letters.
    pub fn new(code: CodeTable, setting: UnshiftOnSpace) -> Coder {
        Coder { code, setting, far: None, near: Shift::Letters }
    }
    /// A letters shift has just gone over.
    pub fn in_letters(code: CodeTable, setting: UnshiftOnSpace) -> Coder {
        Coder { code, setting, far: Some(Shift::Letters), near: Shift::Letters }
    }
    /// Appends the codes of a text; `Err` is the first character that has none.
    pub fn write(&mut self, text: &str, out: &mut Vec<Code>) -> Result<(), char> {
        text.chars().try_for_each(|c| self.encode(c, out))
    }
    /// The characters of codes as the machine prints them, carriage returns left out. Codes may come in any pieces.
    pub fn print(&mut self, codes: &[Code]) -> String {
        codes.iter().filter_map(|c| self.decode(*c)).filter(|c| *c != '\r').collect()
    }
    /// The text of codes as a reader takes it (on MTK-2 a 4 among Cyrillic letters is Ч). Needs whole words at once.
    pub fn read(&mut self, codes: &[Code]) -> String {
        let printed = self.print(codes);
        self.code.read_back(&printed)
    }
    /// In which shift a machine stands after a space.
    fn after_space(&self, far: Option<Shift>) -> Option<Shift> {
        match (self.setting, far) {
            (UnshiftOnSpace::No, far) => far,
            (UnshiftOnSpace::Unknown, Some(Shift::Figures)) => None,
            (UnshiftOnSpace::Unknown, far) => far,
            (UnshiftOnSpace::Yes, Some(Shift::Cyrillic)) => Some(Shift::Cyrillic),
            (UnshiftOnSpace::Yes, Some(Shift::Letters | Shift::Figures)) => Some(Shift::Letters),
            // A machine of two shifts is in letters now, whatever it was in.
            (UnshiftOnSpace::Yes, None) => (self.code.table().shifts.len() == 2).then_some(Shift::Letters),
        }
    }
    fn shifted(&mut self, shift: Shift, code: Code, out: &mut Vec<Code>) {
        if self.far != Some(shift) {
            out.extend(self.code.table().shift_code(shift));
            self.far = Some(shift);
        }
        out.push(code);
    }
}

impl Codec for Coder {
    type Item = char;
    type Symbol = Code;

    /// A line feed is CR CR LF (two CR, for a slow carriage). Never sends LTRS twice running: that pair opens a service line.
    fn encode(&mut self, c: char, out: &mut Vec<Code>) -> Result<(), char> {
        match c {
            ' ' => {
                out.push(SP);
                self.far = self.after_space(self.far);
            }
            '\r' => out.push(CR),
            '\n' => {
                out.extend([CR, CR, LF]);
                if self.setting == UnshiftOnSpace::Unknown {
                    self.far = None;
                }
            }
            c => {
                let sent = self.code.twin().map_or(c, |twin| twin.sent_as(c));
                let (shift, code) = self.code.table().find(sent).ok_or(c)?;
                self.shifted(shift, code, out);
            }
        }
        Ok(())
    }

    /// The character that the machine prints, one code at a time.
    fn decode(&mut self, code: Code) -> Option<char> {
        let sign = self.code.table().sign(self.near, code);
        match sign {
            Sign::To(shift) => self.near = shift,
            // With the setting unknown the sender shifts anew, so that staying is right for both kinds.
            Sign::Space if self.setting == UnshiftOnSpace::Yes && self.near == Shift::Figures => self.near = Shift::Letters,
            Sign::Space
            | Sign::Char(_)
            | Sign::CarriageReturn
            | Sign::LineFeed
            | Sign::Bell
            | Sign::WhoAreYou
            | Sign::Blank
            | Sign::National => {}
        }
        sign.char()
    }
}

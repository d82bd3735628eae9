//! A page printer with a carriage: codes in, strikes on a sheet out.
//!
//! Standards: the code tables' (ITU-T S.1 for CR and LF as two functions). No manual of the Model 28 or T-63 was at hand: that type
//! piles up at the right margin and that a return takes about two codes is what users report; the bell's column is ours.
//! In: codes, each when it is complete. Out: [`Act`]s; the [`Sheet`]. Left out: answering WRU (told only), automatic CR and LF at
//! the margin, tabs. Shown by: `fixtures/printer/cases.txt`.

use super::codes::{BELL, CodeTable, Coder, UnshiftOnSpace, WRU};
use crate::line::Code;
use crate::machine::{Codec, Machine};
use crate::paper::Sheet;
use crate::time::Instant;
use std::time::Duration;

/// Columns of a machine unless said otherwise: usual were 69, 72 and 76.
pub const COLUMNS: usize = 72;
/// The columns a page printer may be set to.
pub const WIDTHS: [usize; 3] = [69, 72, 76];
/// How many columns before the margin the bell rings; ours (at 72 columns, with the 66th character).
const BELL_BEFORE: usize = 6;

/// How a printer is set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its code, and with it its type: Latin, or Latin and Cyrillic.
    pub code: CodeTable,
    /// Whether it goes back to letters at a space.
    pub unshift: UnshiftOnSpace,
    /// How many columns it prints.
    pub columns: usize,
    /// How long the returning carriage takes for a column; zero: a return takes no time.
    pub return_per_column: Duration,
}

impl Settings {
    /// A carriage as fast as machines of the 1960s had it: about two codes at 50 Bd for a whole line. The figure is ours.
    pub const RETURN_PER_COLUMN: Duration = Duration::from_millis(4);

    /// A machine of this code, 72 columns, its return without time (codes from a file have none).
    pub fn of(code: CodeTable) -> Settings {
        Settings { code, unshift: UnshiftOnSpace::Unknown, columns: COLUMNS, return_per_column: Duration::ZERO }
    }
    /// At so many characters from the left the bell rings.
    pub fn bell_at(&self) -> usize {
        self.columns.saturating_sub(BELL_BEFORE)
    }
    fn last(&self) -> usize {
        self.columns.saturating_sub(1)
    }
}

/// What the machine does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// A type strikes the paper.
    Struck {
        /// The row, from 0.
        row: usize,
        /// The column, from 0.
        column: usize,
        /// Which.
        character: char,
    },
    /// The paper moves up a row.
    Fed,
    /// The carriage flies back, and is at rest at this time.
    Returning(Instant),
    /// The carriage is at rest at the left.
    AtLeft,
    /// The bell, by its code.
    Bell,
    /// The bell, because the line nears its end.
    MarginBell,
    /// Who are you: the answerback is asked for.
    WhoAreYou,
}

/// Where the carriage is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Carriage {
    At(usize),
    Flying { from: usize, since: Instant },
}

/// The machine: its shift, its carriage, its paper.
#[derive(Clone, Debug)]
pub struct Printer {
    settings: Settings,
    coder: Coder,
    carriage: Carriage,
    sheet: Sheet,
}

impl Printer {
    /// At the left of blank paper, in letters.
    pub fn new(settings: Settings) -> Printer {
        let coder = Coder::new(settings.code, settings.unshift);
        Printer { settings, coder, carriage: Carriage::At(0), sheet: Sheet::new() }
    }
    /// Its paper.
    pub fn sheet(&self) -> &Sheet {
        &self.sheet
    }
    /// Tears the paper off: what is printed so far. Carriage and shift stay as they are.
    pub fn tear_off(&mut self) -> Sheet {
        std::mem::take(&mut self.sheet)
    }
    /// Over which column the type is.
    fn column(&self, now: Instant) -> usize {
        match self.carriage {
            Carriage::At(column) => column,
            Carriage::Flying { from, since } => {
                let flown = now.micros().saturating_sub(since.micros()) / self.per_column();
                from.saturating_sub(flown as usize)
            }
        }
    }
    fn per_column(&self) -> u64 {
        (self.settings.return_per_column.as_micros() as u64).max(1)
    }
    /// Lets a carriage that has arrived be at rest.
    fn arrive(&mut self, now: Instant, acts: &mut Vec<Act>) {
        if self.deadline().is_some_and(|at| at <= now) {
            self.carriage = Carriage::At(0);
            acts.push(Act::AtLeft);
        }
    }
    fn back(&mut self, now: Instant, acts: &mut Vec<Act>) {
        match self.carriage {
            Carriage::At(0) | Carriage::Flying { .. } => {} // there, or under way
            Carriage::At(_) if self.settings.return_per_column.is_zero() => {
                self.carriage = Carriage::At(0);
                acts.push(Act::AtLeft);
            }
            Carriage::At(from) => {
                self.carriage = Carriage::Flying { from, since: now };
                acts.extend(self.deadline().map(Act::Returning));
            }
        }
    }
    /// One step to the right, where there is room. A flying carriage does not step.
    fn step(&mut self, acts: &mut Vec<Act>) {
        match self.carriage {
            Carriage::At(column) if column < self.settings.last() => {
                self.carriage = Carriage::At(column + 1);
                if column + 1 == self.settings.bell_at() {
                    acts.push(Act::MarginBell);
                }
            }
            Carriage::At(_) | Carriage::Flying { .. } => {}
        }
    }
}

impl Machine for Printer {
    type Input = Code;
    type Output = Act;

    /// Takes one code, complete at `now`.
    fn handle(&mut self, now: Instant, code: Code) -> Vec<Act> {
        let mut acts = vec![];
        self.arrive(now, &mut acts);
        match self.coder.decode(code) {
            None => {} // a shift, or a code without a sign: the carriage stays
            Some('\r') => self.back(now, &mut acts),
            Some('\n') => {
                self.sheet.feed();
                acts.push(Act::Fed);
            }
            Some(BELL) => acts.push(Act::Bell),
            Some(WRU) => acts.push(Act::WhoAreYou),
            Some(' ') => self.step(&mut acts),
            Some(character) => {
                let column = self.column(now);
                self.sheet.strike(column, character);
                acts.push(Act::Struck { row: self.sheet.row(), column, character });
                self.step(&mut acts);
            }
        }
        acts
    }
    fn tick(&mut self, now: Instant) -> Vec<Act> {
        let mut acts = vec![];
        self.arrive(now, &mut acts);
        acts
    }
    fn deadline(&self) -> Option<Instant> {
        match self.carriage {
            Carriage::At(_) => None,
            Carriage::Flying { from, since } => Some(since + Duration::from_micros(self.per_column() * from as u64)),
        }
    }
}

/// Prints codes that come one after the other, each taking `code_time`: the sheet, and all that was done.
pub fn print(codes: &[Code], settings: Settings, code_time: Duration) -> (Sheet, Vec<Act>) {
    let mut printer = Printer::new(settings);
    let (mut now, mut acts) = (Instant(0), vec![]);
    for code in codes {
        now += code_time;
        acts.extend(printer.handle(now, *code));
    }
    (printer.tear_off(), acts)
}

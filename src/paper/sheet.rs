//! A sheet of a page printer, with every strike on it in the order struck.
//!
//! Standard: none. In: strikes and line feeds. Out: rows of strikes; the base lines as text; what was struck over them.
//! Left out: how it looks (see `png`, `pdf`); how far a carriage gets (the machine's). Shown by: `paper::sheet::tests`.

use std::ops::Range;

/// One blow of a type on the paper.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Strike {
    /// The column, from 0.
    pub column: usize,
    /// What was struck; never a blank.
    pub character: char,
}

/// A row taken apart; strikes by their numbers in the order struck.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Layers {
    /// What a reader takes for the line: a strike, or none, for each column.
    pub base: Vec<Option<usize>>,
    /// What was struck over it.
    pub over: Vec<usize>,
}

/// The paper so far: rows, each as the line feeds parted them.
///
/// A strike on a place that has one already is kept beside it: nothing on paper is ever taken back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sheet {
    rows: Vec<Vec<Strike>>,
}

impl Default for Sheet {
    fn default() -> Sheet {
        Sheet { rows: vec![vec![]] }
    }
}

impl Sheet {
    /// Blank paper.
    pub fn new() -> Sheet {
        Sheet::default()
    }
    /// A text as lines of strikes, one a column: for what no machine printed.
    pub fn of_text(text: &str) -> Sheet {
        let mut sheet = Sheet::new();
        for (row, line) in text.trim_end_matches('\n').split('\n').enumerate() {
            if row > 0 {
                sheet.feed();
            }
            for (column, character) in line.chars().enumerate() {
                sheet.strike(column, character);
            }
        }
        sheet
    }
    /// Strikes a character on the row at the type. A blank or a control leaves no ink.
    pub fn strike(&mut self, column: usize, character: char) {
        if !character.is_whitespace() && !character.is_control() {
            self.last_mut().push(Strike { column, character });
        }
    }
    /// Moves the paper up by one row.
    pub fn feed(&mut self) {
        self.rows.push(vec![]);
    }
    /// The rows, each with its strikes in the order struck. There is always one.
    pub fn rows(&self) -> &[Vec<Strike>] {
        &self.rows
    }
    /// The number of the row at the type, from 0.
    pub fn row(&self) -> usize {
        self.rows.len() - 1
    }
    /// How many columns are used.
    pub fn width(&self) -> usize {
        self.rows.iter().flatten().map(|s| s.column + 1).max().unwrap_or(0)
    }
    /// A row taken apart: its base line, and what was struck over it.
    ///
    /// A run of strikes to the right that meets none before it belongs to the base. One that strikes over something is over the
    /// line, its strikes on blanks too, as far as the line goes; beyond its end it goes on with the line.
    pub fn layers(&self, row: usize) -> Layers {
        let strikes = self.rows.get(row).map_or(&[][..], Vec::as_slice);
        let mut layers = Layers::default();
        let mut from = 0;
        while from < strikes.len() {
            let steps = strikes[from..].windows(2).take_while(|two| two[0].column < two[1].column).count();
            layers.add(strikes, from..from + steps + 1);
            from += steps + 1;
        }
        layers
    }
    /// The base line of a row.
    pub fn line(&self, row: usize) -> String {
        let base = self.layers(row).base;
        base.into_iter().map(|number| number.map_or(' ', |number| self.rows[row][number].character)).collect()
    }
    /// The base lines, each with a line feed; blank rows at the end are left out.
    pub fn text(&self) -> String {
        let mut text: String = (0..self.rows.len()).map(|row| self.line(row) + "\n").collect();
        text.truncate(text.trim_end_matches('\n').len());
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }
    /// Every strike over a base line, with its row.
    pub fn overstrikes(&self) -> Vec<(usize, Strike)> {
        let of = |row: usize| self.layers(row).over.into_iter().map(move |number| (row, self.rows[row][number]));
        (0..self.rows.len()).flat_map(of).collect()
    }
    fn last_mut(&mut self) -> &mut Vec<Strike> {
        if self.rows.is_empty() {
            self.rows.push(vec![]);
        }
        let last = self.rows.len() - 1;
        &mut self.rows[last]
    }
}

impl Layers {
    /// Takes in one run of strikes to the right.
    fn add(&mut self, strikes: &[Strike], run: Range<usize>) {
        let end = self.base.len();
        let over = strikes[run.clone()].iter().any(|s| self.base.get(s.column).is_some_and(Option::is_some));
        for number in run {
            let column = strikes[number].column;
            if over && column < end {
                self.over.push(number);
                continue;
            }
            if self.base.len() <= column {
                self.base.resize(column + 1, None);
            }
            self.base[column] = Some(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strike_is_kept_and_the_first_line_of_a_row_is_the_base() {
        let mut sheet = Sheet::of_text("AB D\nE");
        for (column, c) in [(0, 'E'), (0, '='), (1, 'X'), (2, ' ')] {
            sheet.strike(column, c);
        }
        assert_eq!(sheet.text(), "AB D\nEX\n");
        assert_eq!(sheet.rows()[1].len(), 4, "the same character twice is two blows, a blank is none");
        let over: Vec<(usize, usize, char)> = sheet.overstrikes().iter().map(|(r, s)| (*r, s.column, s.character)).collect();
        assert_eq!(over, [(1, 0, 'E'), (1, 0, '=')]);
        assert_eq!((sheet.width(), sheet.row()), (4, 1));
    }

    #[test]
    fn what_is_struck_out_reads_as_before_and_what_is_added_goes_on() {
        let strikes = |text: &str, runs: &[(usize, &str)]| {
            let mut sheet = Sheet::of_text(text);
            runs.iter().for_each(|(at, run)| run.chars().enumerate().for_each(|(i, c)| sheet.strike(at + i, c)));
            (sheet.line(0), sheet.overstrikes().iter().map(|(_, s)| s.character).collect::<String>())
        };
        assert_eq!(strikes("LINE IN THE MIDDLE", &[(5, "XXXXXX")]), ("LINE IN THE MIDDLE".into(), "XXXXXX".into()), "the blank too");
        assert_eq!(strikes("ABC", &[(6, "DEF")]), ("ABC   DEF".into(), String::new()));
        assert_eq!(strikes("A   B", &[(1, "XX")]), ("AXX B".into(), String::new()), "on blanks only it is the line's");
        assert_eq!(strikes("ABC", &[(0, "ABC DEF")]), ("ABC DEF".into(), "ABC".into()));
        assert_eq!(strikes("AB", &[(1, "C"), (1, "D"), (0, "EF")]), ("AB".into(), "CDEF".into()));
    }

    #[test]
    fn blank_rows_stand_between_lines_and_not_at_the_end() {
        let mut sheet = Sheet::of_text("A\n\n\nB");
        sheet.feed();
        sheet.feed();
        assert_eq!((sheet.text().as_str(), sheet.rows().len()), ("A\n\n\nB\n", 6));
        assert_eq!((Sheet::new().text(), Sheet::new().rows().len()), (String::new(), 1));
    }
}

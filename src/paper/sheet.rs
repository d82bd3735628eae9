//! A sheet of a page printer, with every strike on it in the order struck.
//!
//! Standard: none. In: strikes and line feeds. Out: rows of strikes; the base lines as text; what was struck over them.
//! Left out: how it looks (see `png`, `pdf`); how far a carriage gets (the machine's). Shown by: `paper::sheet::tests`.

/// One blow of a type on the paper.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Strike {
    /// The column, from 0.
    pub column: usize,
    /// What was struck; never a blank.
    pub character: char,
}

/// What was struck on top of something, or a row's base line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Layers {
    /// The first strike of each column, blanks between, none at the end.
    pub base: String,
    /// All others, in the order struck.
    pub over: Vec<Strike>,
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
    /// A row taken apart: its base line and what was struck over it.
    pub fn layers(&self, row: usize) -> Layers {
        let strikes = self.rows.get(row).map_or(&[][..], Vec::as_slice);
        let mut base: Vec<Option<char>> = vec![];
        let mut over = vec![];
        for strike in strikes {
            if base.len() <= strike.column {
                base.resize(strike.column + 1, None);
            }
            match base[strike.column] {
                None => base[strike.column] = Some(strike.character),
                Some(_) => over.push(*strike),
            }
        }
        Layers { base: base.into_iter().map(|c| c.unwrap_or(' ')).collect(), over }
    }
    /// The base lines, each with a line feed; blank rows at the end are left out.
    pub fn text(&self) -> String {
        let mut text: String = (0..self.rows.len()).map(|row| self.layers(row).base + "\n").collect();
        text.truncate(text.trim_end_matches('\n').len());
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }
    /// Every strike on top of another, with its row.
    pub fn overstrikes(&self) -> Vec<(usize, Strike)> {
        (0..self.rows.len()).flat_map(|row| self.layers(row).over.into_iter().map(move |s| (row, s))).collect()
    }
    fn last_mut(&mut self) -> &mut Vec<Strike> {
        if self.rows.is_empty() {
            self.rows.push(vec![]);
        }
        let last = self.rows.len() - 1;
        &mut self.rows[last]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strike_is_kept_and_the_first_of_a_place_is_the_base() {
        let mut sheet = Sheet::of_text("AB D\nE");
        for (column, c) in [(0, 'E'), (2, ' '), (0, '='), (1, 'X')] {
            sheet.strike(column, c);
        }
        assert_eq!(sheet.text(), "AB D\nEX\n");
        assert_eq!(sheet.rows()[1].len(), 4, "the same character twice is two blows, a blank is none");
        let over: Vec<(usize, usize, char)> = sheet.overstrikes().iter().map(|(r, s)| (*r, s.column, s.character)).collect();
        assert_eq!(over, [(1, 0, 'E'), (1, 0, '=')]);
        assert_eq!((sheet.width(), sheet.row()), (4, 1));
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

//! A terminal whose last rows change while the text above them stands: what is written scrolls up over them.
//!
//! Standards: ECMA-48 (cursor up, erase in line, erase in page; a row may have colours and ends without) and nothing else of it.
//! In: text, the rows to show below it.
//! Out: the same bytes if it is no terminal, or one too small: then nothing moves. Left out: other terminals' codes.
//! Shown by: the tests below, `molink demo`.

use std::io::{IsTerminal, Stdout, Write};

/// The least that rows may be shown on.
const LEAST: (u16, u16) = (80, 20);

/// Text above, rows below.
pub(super) struct Screen<W: Write> {
    out: W,
    /// What was written since the last flush.
    above: String,
    rows: Vec<String>,
    /// How many rows the terminal shows below the text.
    shown: usize,
}

/// How many rows standard output has, if it is a terminal that some of them may be shown on, now.
pub(super) fn rows(out: &Stdout) -> Option<usize> {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    let size = rustix::termios::tcgetwinsize(out).map(|size| (size.ws_col, size.ws_row)).ok()?;
    (out.is_terminal() && !dumb && size.0 >= LEAST.0 && size.1 >= LEAST.1).then_some(size.1.into())
}

impl<W: Write> Screen<W> {
    pub fn new(out: W) -> Screen<W> {
        Screen { out, above: String::new(), rows: vec![], shown: 0 }
    }
    /// These rows stand below the text from the next flush on.
    pub fn below(&mut self, rows: Vec<String>) {
        self.rows = rows;
    }
    #[cfg(test)]
    pub fn into_inner(self) -> W {
        self.out
    }
    #[cfg(test)]
    pub fn written(&self) -> String
    where
        W: AsRef<[u8]>,
    {
        String::from_utf8_lossy(self.out.as_ref()).into_owned()
    }
}

impl<W: Write> Write for Screen<W> {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.above += &String::from_utf8_lossy(text);
        Ok(text.len())
    }
    /// One write, so that no half of it is seen.
    fn flush(&mut self) -> std::io::Result<()> {
        let above = std::mem::take(&mut self.above);
        let mut painted = String::new();
        if self.shown > 0 {
            painted += &format!("\x1b[{}A\r", self.shown);
            painted += &above.replace('\n', "\x1b[K\n");
        } else {
            painted += &above;
        }
        let end = if self.shown > 0 { "\x1b[K\n" } else { "\n" };
        for row in &self.rows {
            painted += row;
            painted += end;
        }
        if self.shown > 0 {
            painted += "\x1b[J";
        }
        self.shown = self.rows.len();
        self.out.write_all(painted.as_bytes())?;
        self.out.flush()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What a terminal of 80 columns has, its lines without blanks at their ends; it knows the codes that are used and no others, and no line
    /// may end in colours.
    pub fn terminal(bytes: &str) -> Vec<String> {
        let (mut lines, mut row, mut column, mut coloured) = (vec![vec![]], 0usize, 0usize, false);
        let mut rest = bytes.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\x1b' => {
                    assert_eq!(rest.next(), Some('['));
                    let mut number = String::new();
                    let code = loop {
                        match rest.next().unwrap() {
                            digit if digit.is_ascii_digit() || digit == ';' => number.push(digit),
                            code => break code,
                        }
                    };
                    match code {
                        'm' => coloured = number != "0",
                        'A' => row -= number.parse::<usize>().unwrap(),
                        'K' => lines[row].truncate(column),
                        'J' => {
                            lines[row].truncate(column);
                            lines.truncate(row + 1);
                        }
                        other => panic!("code {other}"),
                    }
                }
                '\r' => column = 0,
                '\n' => {
                    assert!(!coloured, "a line ends in colours");
                    row += 1;
                    column = 0;
                    if row == lines.len() {
                        lines.push(vec![]);
                    }
                }
                c => {
                    let width = lines[row].len().max(column + 1);
                    lines[row].resize(width, ' ');
                    lines[row][column] = c;
                    column += 1;
                    assert!(column < 80, "a line wraps");
                }
            }
        }
        lines.into_iter().map(|l| l.into_iter().collect::<String>().trim_end().to_owned()).collect()
    }

    #[test]
    fn rows_change_in_place_and_text_scrolls_up_over_them() {
        let mut screen = Screen::new(vec![]);
        let rows = |rows: &[&str]| rows.iter().map(|r| (*r).to_owned()).collect::<Vec<_>>();
        writeln!(screen, "one").unwrap();
        screen.below(rows(&["A long row", "B"]));
        screen.flush().unwrap();
        screen.below(rows(&["A", "BB"]));
        write!(screen, "two, which is longer than the row that stood here\nthree\n").unwrap();
        screen.flush().unwrap();
        screen.below(rows(&["BBB"]));
        screen.flush().unwrap();
        screen.below(vec![]);
        writeln!(screen, "end").unwrap();
        screen.flush().unwrap();
        let shown = String::from_utf8(screen.into_inner()).unwrap();
        assert_eq!(terminal(&shown), ["one", "two, which is longer than the row that stood here", "three", "end", ""]);
    }

    #[test]
    fn without_rows_the_bytes_are_the_text() {
        let mut screen = Screen::new(vec![]);
        for part in ["on", "e\nЖ", "\n\n"] {
            write!(screen, "{part}").unwrap();
            screen.flush().unwrap();
        }
        assert_eq!(String::from_utf8(screen.into_inner()).unwrap(), "one\nЖ\n\n");
    }
}

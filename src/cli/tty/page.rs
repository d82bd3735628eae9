//! The terminal as a page printer: capitals, 72 columns, a bell at the margin; and its keys, one by one.
//!
//! Standard: none. In: characters. Out: the same on standard output, with nothing in it that moves a cursor but CR, LF and BS.
//! Left out: what is typed (`teletype::typist`). Shown by: `cli::tty::page::tests`, `tests/it/tty.rs`.

use rustix::termios::{InputModes, LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{self, IsTerminal, Write};

/// Columns of a line.
pub(super) const COLUMNS: usize = 72;
/// Where the bell rings, so that the line can be ended in time.
const MARGIN: usize = 64;

/// The terminal's settings, put back when this is dropped.
pub(super) struct Raw(Termios);

impl Raw {
    /// From now on keys come one by one, and nothing of the terminal's own answers them.
    pub(super) fn begin() -> io::Result<Raw> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
        raw.input_modes -= InputModes::IXON | InputModes::INLCR;
        raw.input_modes |= InputModes::ICRNL;
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        Ok(Raw(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// Paper and carriage.
pub(super) struct Page {
    out: Vec<u8>,
    column: usize,
    /// What is typed is shown by us.
    echoes: bool,
    /// Bells are for ears, not for files.
    bells: bool,
    /// The beginning of a character, or of an escape sequence, that is not whole yet.
    partial: Vec<u8>,
}

impl Page {
    /// A page at its left margin.
    pub(super) fn new(terminal: bool) -> Page {
        Page { out: vec![], column: 0, echoes: terminal, bells: io::stdout().is_terminal(), partial: vec![] }
    }
    /// The characters of some bytes from the keyboard. Cursor keys are passed over.
    pub(super) fn typed(&mut self, bytes: &[u8]) -> Vec<char> {
        self.partial.extend(bytes);
        let mut chars = vec![];
        loop {
            let taken = match &self.partial[..] {
                [] => return chars,
                [0x1b, rest @ ..] => match escape(rest) {
                    Some(n) => n + 1,
                    None => return chars, // more of it is on its way
                },
                bytes => match std::str::from_utf8(&bytes[..bytes.len().min(4)]) {
                    Ok(text) => push(&mut chars, text),
                    Err(e) if e.valid_up_to() > 0 => push(&mut chars, std::str::from_utf8(&bytes[..e.valid_up_to()]).unwrap_or_default()),
                    Err(e) => match e.error_len() {
                        Some(n) => n,
                        None if bytes.len() >= 4 => 1,
                        None => return chars,
                    },
                },
            };
            self.partial.drain(..taken);
        }
    }

    /// A key that was pressed, on the paper.
    pub(super) fn echo(&mut self, c: char) {
        if !self.echoes {
            return;
        }
        if c == '\n' {
            return self.feed(1);
        }
        if self.column == COLUMNS {
            self.out.push(0x08); // the carriage stands at its stop: one strikes over the other
            self.column -= 1;
        }
        self.put(c);
        if self.column == MARGIN {
            self.ring(1);
        }
    }
    /// A line of a message.
    pub(super) fn print(&mut self, line: &str) {
        line.chars().for_each(|c| self.put(c));
        self.feed(1);
    }
    /// A sentence on a line of its own, broken at blanks.
    pub(super) fn line(&mut self, sentence: &str) {
        self.home();
        for word in sentence.replace('`', "'").split_whitespace() {
            if self.column > 0 && self.column + 1 + word.chars().count() > COLUMNS {
                self.feed(1);
            }
            if self.column > 0 {
                self.put(' ');
            }
            word.chars().for_each(|c| self.put(c));
        }
        self.feed(1);
    }
    /// What was being typed, once more.
    pub(super) fn again(&mut self, typed: &str) {
        if self.echoes {
            typed.chars().take(COLUMNS).for_each(|c| self.put(c));
        }
    }
    fn put(&mut self, c: char) {
        for c in c.to_uppercase() {
            let shown = if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') { '?' } else { c };
            self.out.extend(shown.encode_utf8(&mut [0; 4]).as_bytes());
            self.column += 1;
        }
    }
    /// Line feeds, and the carriage back.
    pub(super) fn feed(&mut self, lines: usize) {
        for _ in 0..lines {
            self.out.push(b'\n');
        }
        self.column = 0;
    }
    /// The carriage to the left margin of an empty line.
    pub(super) fn home(&mut self) {
        if self.column > 0 {
            self.feed(1);
        }
    }
    pub(super) fn ring(&mut self, times: usize) {
        if self.bells {
            self.out.extend(std::iter::repeat_n(0x07, times));
        }
    }
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let out = std::mem::take(&mut self.out);
        io::stdout().write_all(&out)?;
        io::stdout().flush()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

/// Takes the first character of a text.
fn push(chars: &mut Vec<char>, text: &str) -> usize {
    let c = text.chars().next();
    chars.extend(c);
    c.map_or(1, char::len_utf8)
}

/// How long an escape sequence is, behind its ESC; `None` if it is not whole.
fn escape(rest: &[u8]) -> Option<usize> {
    match rest {
        [] => Some(0), // the key itself
        [b'[', body @ ..] => {
            body.iter().position(|b| (0x40..=0x7e).contains(b)).map(|n| n + 2).or_else(|| (body.len() > 20).then_some(rest.len()))
        }
        [b'O'] => None,
        [b'O', _, ..] => Some(2),
        [_, ..] => Some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        Page { out: vec![], column: 0, echoes: true, bells: true, partial: vec![] }
    }

    #[test]
    fn keys_come_one_by_one_in_whatever_pieces() {
        let mut p = page();
        assert_eq!(p.typed(b"ab\x1b[A\x1b[1;5Cc"), ['a', 'b', 'c']);
        assert_eq!(p.typed(&"Ж".as_bytes()[..1]), []);
        assert_eq!(p.typed(&"Ж".as_bytes()[1..]), ['Ж']);
        assert_eq!(p.typed(b"\xff\x1b["), []);
        assert_eq!(p.typed(b"Bx\x05"), ['x', '\u{5}']);
    }

    #[test]
    fn the_bell_rings_at_the_margin_and_the_last_column_is_struck_over() {
        let mut p = page();
        "a".repeat(74).chars().for_each(|c| p.echo(c));
        let out = String::from_utf8(p.out.split_off(0)).unwrap();
        assert_eq!(out, format!("{}\u{7}{}\u{8}A\u{8}A", "A".repeat(64), "A".repeat(8)));
        p.line("not sent: `x` is no word");
        p.print("a\u{1b}[2J\u{202e}b");
        let out = String::from_utf8(p.out.split_off(0)).unwrap();
        assert_eq!(out, "\nNOT SENT: 'X' IS NO WORD\nA?[2J?B\n");
    }
}

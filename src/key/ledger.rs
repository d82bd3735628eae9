//! The ledger of a folder of key tapes or diskettes: every reservation of key, in order, one JSON line each.
//!
//! Standard: decision 6 of the project. The ledger says what is used; the label's `next` follows it.
//! In: the ledger's bytes, entries. Out: [`Positions`], the lines; or the line that is damaged and why.
//! Left out: the file, its lock and its sync (`backend_disk`). Shown by: the tests below.

use super::Copy;
use super::label::{LONGEST, SERIALS};
use crate::time::Utc;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One reservation: from here on the tape or diskette is used up to `from + count`, whatever became of the codes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// When, by the machine's clock.
    pub utc: Utc,
    /// The tape or diskette.
    pub serial: u32,
    /// Which of its copies.
    pub copy: Copy,
    /// The first position reserved, from 0; what lies before it is used or burned.
    pub from: u64,
    /// How many; 0 where key was only skipped.
    pub count: u64,
}

impl Entry {
    /// The first position after it.
    pub fn end(&self) -> u64 {
        self.from.saturating_add(self.count)
    }
    /// As written in the file, its line feed included.
    pub fn line(&self) -> String {
        serde_json::to_string(self)
            .map(|mut l| {
                l.push('\n');
                l
            })
            .unwrap_or_default()
    }
}

/// How far a tape has been used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// The first position not used.
    pub next: u64,
    /// The lowest and the highest `next` that a label may still show if a crash came between the ledger's last line and the label.
    crash: (u64, u64),
}

impl Position {
    /// Whether a label that lags behind and says `next` can be explained by a crash before it was written.
    pub fn explains(&self, next: u64) -> bool {
        (self.crash.0..=self.crash.1).contains(&next)
    }
}

/// How far each tape of a folder has been used.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Positions(BTreeMap<(u32, Copy), Position>);

/// A ledger as read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ledger {
    /// How far each tape has been used.
    pub positions: Positions,
    /// Bytes of whole lines; what follows them was torn off by a crash and was never promised to anybody.
    pub whole: u64,
}

impl Positions {
    /// How far a tape has been used; `None` if the ledger does not know it.
    pub fn of(&self, serial: u32, copy: Copy) -> Option<Position> {
        self.0.get(&(serial, copy)).copied()
    }
    /// Counts a reservation; one that does not rise is refused.
    pub fn take(&mut self, entry: &Entry) -> Result<(), String> {
        let known = self.of(entry.serial, entry.copy);
        if let Some(known) = known.filter(|k| entry.from < k.next) {
            return Err(format!("serial {} goes back from position {} to {}", entry.serial, known.next, entry.from));
        }
        // Before its first line here, a tape's label alone knew its position.
        let crash = known.map_or((0, entry.from), |k| (k.next, k.next));
        self.0.insert((entry.serial, entry.copy), Position { next: entry.end(), crash });
        Ok(())
    }
}

impl Ledger {
    /// Reads a ledger. An unfinished last line is left out; a damaged line is an error: its number, and why.
    pub fn read(bytes: &[u8]) -> Result<Ledger, (usize, String)> {
        let mut ledger = Ledger::default();
        for (n, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
            let Some(line) = line.strip_suffix(b"\n") else { break };
            let entry: Entry = serde_json::from_slice(line).map_err(|_| (n + 1, "is not a reservation".to_owned()))?;
            if !SERIALS.contains(&entry.serial) || entry.end() > LONGEST {
                return Err((n + 1, "names a serial or a position that cannot be".to_owned()));
            }
            ledger.positions.take(&entry).map_err(|why| (n + 1, why))?;
            ledger.whole += line.len() as u64 + 1;
        }
        Ok(ledger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(serial: u32, copy: Copy, from: u64, count: u64) -> Entry {
        Entry { utc: Utc(0), serial, copy, from, count }
    }

    fn text(entries: &[Entry]) -> String {
        entries.iter().map(Entry::line).collect()
    }

    #[test]
    fn the_last_reservation_of_each_tape_counts() {
        let written = text(&[
            entry(111_111, Copy::Send, 0, 100),
            entry(111_111, Copy::Receive, 5, 5),
            entry(111_111, Copy::Send, 150, 50),
            entry(222_222, Copy::Send, 7, 0),
        ]);
        assert!(
            written.starts_with("{\"utc\":\"1970-01-01T00:00:00.000Z\",\"serial\":111111,\"copy\":\"send\",\"from\":0,\"count\":100}\n")
        );
        let ledger = Ledger::read(written.as_bytes()).unwrap();
        assert_eq!(ledger.whole, written.len() as u64);
        assert_eq!(ledger.positions.of(111_111, Copy::Send), Some(Position { next: 200, crash: (100, 100) }));
        assert_eq!(ledger.positions.of(111_111, Copy::Receive), Some(Position { next: 10, crash: (0, 5) }));
        assert_eq!(ledger.positions.of(222_222, Copy::Send), Some(Position { next: 7, crash: (0, 7) }));
        assert_eq!(ledger.positions.of(222_222, Copy::Receive), None);
    }

    #[test]
    fn a_torn_last_line_is_left_out_wherever_it_was_torn() {
        let (first, second) = (entry(111_111, Copy::Send, 0, 100).line(), entry(111_111, Copy::Send, 100, 100).line());
        for torn in 0..second.len() {
            let ledger = Ledger::read(format!("{first}{}", &second[..torn]).as_bytes()).unwrap();
            assert_eq!(ledger.positions.of(111_111, Copy::Send), Some(Position { next: 100, crash: (0, 0) }), "torn after {torn} bytes");
            assert_eq!(ledger.whole, first.len() as u64);
        }
        let zeros = [first.as_bytes(), &[0; 500]].concat();
        assert_eq!(Ledger::read(&zeros).unwrap().whole, first.len() as u64);
    }

    #[test]
    fn a_damaged_line_inside_is_named() {
        let good = entry(111_111, Copy::Send, 0, 100).line();
        for (bad, why) in [
            ("{\"utc\":\"x\"}\n".to_owned(), "is not a reservation"),
            ("\n".to_owned(), "is not a reservation"),
            (good.replace("111111", "1"), "cannot be"),
            (good.replace("100", "100000001"), "cannot be"),
            (good.replace("100", "18446744073709551615"), "cannot be"),
            (good.replace("\"from\":0", "\"from\":99"), "goes back from position 100 to 99"),
        ] {
            let (line, said) = Ledger::read(format!("{good}{bad}{good}").as_bytes()).unwrap_err();
            assert_eq!(line, 2);
            assert!(said.contains(why), "{bad}: {said}");
        }
    }
}

//! What an earlier run of the printer left unmade though a machine had printed it: looked for in the journal's events, a page at a time.
//!
//! Standards: none. In: the number of the event up to which all was made, kept in `DATA/paper.made`. Out: messages that a machine printed since.
//! Written aside and renamed, not synced: without it, or with an older one, only more is looked at.
//! Left out: what is made, and whether it is there (`printer`). Shown by: the tests below, `tests/it/desk_mail.rs`.

use crate::message::Identity;
use crate::router::Event;
use crate::router::journal::JournalError;
use crate::router::journal::reader::Reader;
use std::path::{Path, PathBuf};

/// Events looked at in one go.
const PAGE: usize = 500;

/// How far it was looked back.
pub(super) struct Owed {
    path: PathBuf,
    /// Whether it was known at the start what was made.
    known: bool,
    /// The next event is behind this one.
    next: u64,
    /// The last event of earlier runs.
    end: u64,
}

impl Owed {
    /// What earlier runs in this `data` folder left.
    pub fn open(data: &Path, reader: &Reader) -> Result<Owed, JournalError> {
        let (path, end) = (data.join("paper.made"), reader.last_event()?);
        let kept = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
        // More than there are: of another journal.
        let made = kept.filter(|n| *n <= end);
        let owed = Owed { path, known: made.is_some() || end == 0, next: made.unwrap_or(end), end };
        if end == 0 {
            owed.all_made(0).unwrap_or_else(|why| tracing::warn!("{why}"));
        }
        Ok(owed)
    }
    /// Whether it is known what was made: else an older program ran here, or the note is gone.
    pub fn known(&self) -> bool {
        self.known
    }
    /// Whether all that earlier runs did was looked at.
    pub fn looked(&self) -> bool {
        self.next >= self.end
    }
    /// What machines printed in the next page of events.
    pub fn page(&mut self, reader: &Reader) -> Result<Vec<Identity>, JournalError> {
        let events = reader.events_after(self.next, PAGE)?;
        self.next = events.last().map_or(self.end, |(n, _)| *n);
        // What the printer itself made is printed by no port.
        let by_machine = events.into_iter().filter(|(_, e)| e.event == Event::Printed && e.port.is_some());
        Ok(by_machine.filter_map(|(_, e)| e.id).collect())
    }
    /// All up to this event is made: the next run looks behind it.
    pub fn all_made(&self, event: u64) -> Result<(), String> {
        let aside = self.path.with_extension("made-new");
        let written = std::fs::write(&aside, format!("{event}\n")).and_then(|()| std::fs::rename(&aside, &self.path));
        written.map_err(|e| format!("cannot write `{}`: {e}; the next start looks at more", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Name;
    use crate::router::Stamped;
    use crate::router::journal::sqlite::{self, Options};
    use crate::time::Utc;

    /// A journal with so many events: a port's machine printed every hundredth.
    fn journal(dir: &Path, events: usize) -> Reader {
        let station: Name = "moscow".parse().unwrap();
        let path = dir.join("journal.sqlite");
        let (db, _lock) = sqlite::open(&Options::new(&path, station.clone())).unwrap();
        db.execute_batch("BEGIN").unwrap();
        for n in 1..=events {
            let id = Some(format!("MOSCOW-{n:04}-20161031T1200Z").parse().unwrap());
            let port = (n % 100 == 0).then(|| "tty".to_owned());
            let event = Stamped { t: 0, utc: Utc(0), station: station.clone(), port, id, event: Event::Printed };
            db.execute("INSERT INTO event (identity, json) VALUES (NULL, ?1)", [serde_json::to_string(&event).unwrap()]).unwrap();
        }
        db.execute_batch("COMMIT").unwrap();
        Reader::open(&path).unwrap()
    }

    #[test]
    fn what_machines_printed_behind_the_note_is_looked_at_page_by_page() {
        let dir = tempfile::tempdir().unwrap();
        let reader = journal(dir.path(), 1_250);
        let unknown = Owed::open(dir.path(), &reader).unwrap();
        assert!(!unknown.known() && unknown.looked(), "an older program ran here");
        unknown.all_made(150).unwrap();
        let mut owed = Owed::open(dir.path(), &reader).unwrap();
        assert!(owed.known());
        let mut pages = vec![];
        while !owed.looked() {
            pages.push(owed.page(&reader).unwrap().len());
        }
        assert_eq!(pages, [5, 5, 1]);
        for damaged in ["", "x", "1251"] {
            std::fs::write(dir.path().join("paper.made"), damaged).unwrap();
            assert!(!Owed::open(dir.path(), &reader).unwrap().known(), "`{damaged}` is as if it were not there");
        }
    }

    #[test]
    fn of_a_new_station_it_is_known_that_nothing_is_owed() {
        let dir = tempfile::tempdir().unwrap();
        let owed = Owed::open(dir.path(), &journal(dir.path(), 0)).unwrap();
        assert!(owed.known() && owed.looked());
        let reader = journal(dir.path(), 100);
        assert!(Owed::open(dir.path(), &reader).unwrap().known(), "and that is kept");
    }
}

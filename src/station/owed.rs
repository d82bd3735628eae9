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

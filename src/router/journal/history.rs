//! What a station did, for a backend that has to tell others about it: durable events by number, and the messages they are about.
//!
//! Standards: none. In: the number up to which somebody has looked. Out: the events behind it, once they are on disk.
//! Left out: derived events; changing anything. Shown by: `tests/it/email_notices.rs`.

use super::super::event::Stamped;
use super::Row;
use super::reader::Reader;
use crate::message::{Identity, Message};
use std::path::PathBuf;
use tokio::sync::watch;

/// The durable events of a station. Clones are cheap.
#[derive(Clone, Debug)]
pub struct History {
    journal: PathBuf,
    /// The number of the last event on disk.
    committed: watch::Receiver<u64>,
}

/// A look into the journal, from a thread that may wait for the disk.
pub struct Look(Reader);

impl History {
    /// The history in this journal; `committed` holds the number of the last durable event on disk.
    pub fn new(journal: PathBuf, committed: watch::Receiver<u64>) -> History {
        History { journal, committed }
    }
    /// Waits until there are events behind number `n`; `false` when the station stops. Cancel-safe.
    pub async fn beyond(&mut self, n: u64) -> bool {
        self.committed.wait_for(|last| *last > n).await.is_ok()
    }
    /// Opens the journal for reading.
    pub fn look(&self) -> Result<Look, String> {
        Reader::open(&self.journal).map(Look).map_err(|e| e.0)
    }
}

impl Look {
    /// The next events behind number `n`, oldest first, `limit` at most.
    pub fn events_after(&self, n: u64, limit: usize) -> Result<Vec<(u64, Stamped)>, String> {
        self.0.events_after(n, limit).map_err(|e| e.0)
    }
    /// The events of one message, oldest first, `limit` at most.
    pub fn events_of(&self, id: &Identity, limit: usize) -> Result<Vec<(u64, Stamped)>, String> {
        self.0.events_of(id, limit).map_err(|e| e.0)
    }
    /// A message with its content, telling a journal that cannot be read (outer error) from one message that is damaged in it (inner error).
    pub fn content(&self, id: &Identity) -> Result<Option<Result<Message, String>>, String> {
        Ok(self.0.content(id).map_err(|e| e.0)?.map(|message| message.map_err(|e| e.0)))
    }
    /// A message with its content, if it is in the journal and whole.
    pub fn message(&self, id: &Identity) -> Result<Option<Message>, String> {
        self.0.load(id).map_err(|e| e.0)
    }
    /// A message's row.
    pub fn row(&self, id: &Identity) -> Result<Option<Row>, String> {
        self.0.find(id).map_err(|e| e.0)
    }
    /// The port that a message came by: `None` if it was handed in here.
    pub fn came_by(&self, id: &Identity) -> Result<Option<String>, String> {
        Ok(self.0.find(id).map_err(|e| e.0)?.and_then(|row| row.came_by))
    }
}

//! The one writer of a journal: a thread that takes batches, commits them in groups, and says when they are on disk.
//!
//! Standards: none; the order is: batch waits, transaction, COMMIT (synced), only then [`Confirm::Persisted`].
//! In: numbered batches. Out: confirmations, in order, through a callback on the writer's thread.
//! Left out: what to do while stuck (the router shows nothing; the API says 503). Shown by: `tests/it/journal.rs`.

use super::reader::Reader;
use super::sqlite::{self, Options, WriteError, sql};
use super::{Change, JournalError, Recovered};
use crate::faults::{KillPoint, kill_point};
use rusqlite::Connection;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a writer that could not write waits before it tries again.
const AGAIN: Duration = Duration::from_secs(1);

/// Under load, how long a group waits for the next batch that is about to come: a sync costs more.
const GATHER: Duration = Duration::from_micros(300);

/// What the writer says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Confirm {
    /// On disk.
    Persisted {
        /// This batch and all before it.
        batch: u64,
        /// The number of the last durable event on disk.
        events: u64,
    },
    /// Cannot write now. Nothing is lost or confirmed meanwhile; it tries again each second.
    Stuck {
        /// What, where and what to do.
        error: String,
    },
    /// Writes again.
    Unstuck,
}

/// Where confirmations go. Called on the writer's thread; must not block for long.
pub type OnConfirm = Box<dyn Fn(Confirm) + Send>;

/// The writer's handle. Dropped, it writes what waits, closes the journal and gives up its lock.
pub struct Writer {
    batches: Option<Sender<(u64, Vec<Change>)>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Opens the journal, reads what is in it, and starts the thread.
    pub fn start(options: Options, on: OnConfirm) -> Result<(Writer, Recovered), JournalError> {
        let (db, lock) = sqlite::open(&options)?;
        let reader = Reader::open(&options.path)?;
        let (recovered, events) = (reader.recover(&options.station)?, reader.last_event()?);
        drop(reader);
        let (batches, waiting) = channel();
        let work = move || {
            let _held = lock; // until the connection is closed
            Clerk { db, options, events, on, stuck: false, together: 0 }.run(&waiting);
        };
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(work)
            .map_err(|e| JournalError(format!("cannot start the journal's thread: {e}")))?;
        Ok((Writer { batches: Some(batches), thread: Some(thread) }, recovered))
    }

    /// Hands over a batch; returns at once. Numbers must rise.
    ///
    /// The queue has no bound of its own: whoever hands in a message waits for its confirmation, so as many
    /// batches wait as there are callers.
    pub fn persist(&self, batch: u64, changes: Vec<Change>) {
        if let Some(batches) = &self.batches {
            let _ = batches.send((batch, changes)); // a writer that met a bug has stopped, and said so
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread's own.
struct Clerk {
    db: Connection,
    options: Options,
    events: u64,
    on: OnConfirm,
    stuck: bool,
    /// Batches that were last written together: about as many will come again.
    together: usize,
}

impl Clerk {
    fn run(mut self, waiting: &Receiver<(u64, Vec<Change>)>) {
        let mut group: Vec<(u64, Vec<Change>)> = vec![];
        loop {
            let more = if group.is_empty() {
                waiting.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                waiting.recv_timeout(AGAIN) // stuck: more to write, or time to try again
            };
            let last_try = matches!(more, Err(RecvTimeoutError::Disconnected));
            group.extend(more);
            group.extend(waiting.try_iter());
            while !last_try && group.len() < self.together {
                match waiting.recv_timeout(GATHER) {
                    Ok(more) => group.push(more),
                    Err(_) => break,
                }
            }
            self.together = group.len();
            let bug = !group.is_empty() && self.commit(&mut group).is_err();
            if last_try {
                // So that the one file holds all of it for whoever copies it; a reader in the middle of a look may prevent that, and nothing is lost.
                let _ = self.db.execute_batch("PRAGMA busy_timeout = 200; PRAGMA wal_checkpoint(TRUNCATE)");
            }
            if bug || last_try {
                return;
            }
        }
    }

    /// Writes the group in one transaction and confirms it; keeps it for the next try if the disk will not have it.
    /// `Err` is a bug: the writer stops, since nothing after that batch may be confirmed.
    fn commit(&mut self, group: &mut Vec<(u64, Vec<Change>)>) -> Result<(), ()> {
        kill_point(KillPoint::BeforePersist);
        match self.transaction(group) {
            Ok(events) => {
                kill_point(KillPoint::AfterPersist);
                if std::mem::take(&mut self.stuck) {
                    (self.on)(Confirm::Unstuck);
                }
                self.events = events;
                let batch = group.last().map_or(0, |(n, _)| *n);
                group.clear();
                (self.on)(Confirm::Persisted { batch, events });
                Ok(())
            }
            Err(WriteError::Disk(e)) => {
                let error = sql("write", &self.options.path, &e).to_string();
                if !std::mem::replace(&mut self.stuck, true) {
                    (self.on)(Confirm::Stuck { error });
                }
                Ok(())
            }
            Err(WriteError::Bug(what)) => {
                let error = format!("internal error: {what}; nothing after it is written: stop the station and report this");
                (self.on)(Confirm::Stuck { error });
                Err(())
            }
        }
    }

    fn transaction(&self, group: &[(u64, Vec<Change>)]) -> Result<u64, WriteError> {
        if let Some(most) = &self.options.most_pages {
            self.db.query_row(&format!("PRAGMA max_page_count = {}", most.load(Ordering::SeqCst)), [], |_| Ok(()))?;
        }
        let tx = self.db.unchecked_transaction()?; // rolled back when dropped
        let mut events = self.events;
        for change in group.iter().flat_map(|(_, changes)| changes) {
            events = sqlite::write(&tx, change)?.unwrap_or(events);
        }
        tx.commit()?;
        Ok(events)
    }
}

//! The printer of a station: a thread of its own that makes papers and mails of what is filed, so that nothing waits for them.
//!
//! Standards: none. In: identities of filed messages. Out: papers (see `papers`) and mails at desks (see `mailboxes`); then, that it is done.
//! What cannot be made (a full disk, a folder in the way) is tried again until it can, also at the next start; other messages go on.
//! Left out: a machine at a desk prints by itself. Shown by: `tests/it/papers.rs`, `tests/it/desk_mail.rs`.

use super::StationConfig;
use super::faxes::Faxes;
use super::hub::StationError;
use super::mailboxes::{Letter, Mailboxes};
use super::owed::Owed;
use super::papers::{Press, receives};
use crate::message::{Identity, Name};
use crate::router::journal::reader::{Filter, Reader};
use crate::router::journal::{JournalError, Row, State};
use crate::router::{Contents, Forms};
use crate::time::{Clock, Instant, Speed, Utc};
use std::collections::{BTreeSet, VecDeque};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Messages of earlier runs that are owed at one time; those behind them are looked for when there are less. Where it is not known what was
/// made, so many of those printed last are looked at.
const OWED: usize = 1000;
/// Messages that share the syncs of their desks' Maildirs.
const TOGETHER: usize = 64;
/// How long what could not be made rests; after so many failures in a row the others rest as well.
const REST: Duration = Duration::from_secs(2);
const FAILURES: usize = 8;
/// How often what was filed is forgotten, and how much longer than a message may live it is known: the journal knows it for ever.
const FORGETS: Duration = Duration::from_secs(24 * 3600);
const KNOWN: Duration = Duration::from_secs(7 * 24 * 3600);

/// The printer of a running station.
pub(super) struct Papers {
    queue: mpsc::Sender<Identity>,
    ended: oneshot::Receiver<()>,
}

impl Papers {
    /// Starts it: `done` is told each message whose papers and mail are all there. What a crash left unmade comes first.
    pub(super) fn start(
        config: &StationConfig,
        journal: &Path,
        forms: Forms,
        done: impl Fn(Identity) + Send + 'static,
    ) -> Result<Papers, StationError> {
        // Unbounded, but each entry is a row of the journal waiting for a file of its own: small, and gone within moments.
        let (queue, wanted) = mpsc::channel::<Identity>();
        let reader = Reader::open(journal).map_err(|e| StationError(e.0))?;
        let codes = config.ports.iter().filter_map(|(name, port)| Some((name.clone(), receives(port)?))).collect();
        let faxes = Faxes { contents: Contents::in_folder(config.data.join("content")), dir: config.data.join("fax") };
        let mail = Mailboxes::of(config, forms);
        let mails = mail.as_ref().is_some_and(Mailboxes::keeps);
        let press = Press { dir: config.data.join("paper"), faxes, mails, kinds: config.papers.clone(), codes };
        let clock = Clock::new(None, Speed::REAL); // files have the system's time
        let behind = Owed::open(&config.data, &reader).map_err(|e| StationError(e.0))?;
        let printer = Printer {
            reader,
            behind,
            press,
            mail,
            machines: config.machines.keys().cloned().collect(),
            done: Box::new(done),
            known: config.retry.expire + KNOWN,
            owed: VecDeque::new(),
            said: BTreeSet::new(),
            tried: clock.now(),
            forgot: None,
            clock,
        };
        for id in printer.unmade(&config.station).map_err(|e| StationError(e.0))? {
            let _ = queue.send(id);
        }
        let (ending, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name("printer".into())
            .spawn(move || {
                printer.run(&wanted);
                let _ = ending.send(());
            })
            .map_err(|e| StationError(format!("no thread for the printer: {e}")))?;
        Ok(Papers { queue, ended })
    }
    /// Asks for the papers of a message.
    pub(super) fn want(&self, id: Identity) {
        let _ = self.queue.send(id);
    }
    /// No more are wanted; waits until those that are have been made, at the most so long. The rest are made at the next start.
    pub(super) async fn finish(self, longest: Duration) {
        drop(self.queue);
        let _ = tokio::time::timeout(longest, self.ended).await;
    }
}

/// The printer's own thread: what waits here, nothing else waits for.
struct Printer {
    reader: Reader,
    /// What machines printed in earlier runs, whose files may be owed.
    behind: Owed,
    press: Press,
    mail: Option<Mailboxes>,
    /// Desks whose machine says itself when it has printed.
    machines: BTreeSet<Name>,
    done: Box<dyn Fn(Identity) + Send>,
    /// How long it is known which mails were filed.
    known: Duration,
    /// What could not be made, to be tried again.
    owed: VecDeque<Identity>,
    /// Desks of which that was said.
    said: BTreeSet<Name>,
    tried: Instant,
    forgot: Option<Instant>,
    clock: Clock,
}

impl Printer {
    /// What an earlier run left to be made, the oldest first.
    fn unmade(&self, here: &Name) -> Result<Vec<Identity>, JournalError> {
        let mut unmade = self.reader.list(&Filter { state: Some(State::Filed), limit: usize::MAX })?;
        unmade.retain(|row| row.to.station == *here);
        if !self.machines.is_empty() && !self.behind.known() {
            let newest = self.reader.list(&Filter { state: Some(State::Printed), limit: OWED })?;
            unmade.extend(newest.into_iter().filter(|row| self.machines.contains(&row.to.desk) && self.is_owed(row)));
        }
        Ok(unmade.into_iter().rev().map(|row| row.id).collect())
    }
    /// Whether a message's files are not there.
    fn is_owed(&self, row: &Row) -> bool {
        let Ok(paper) = std::fs::metadata(self.press.dir.join(format!("{}.txt", row.id))) else { return true };
        let forgotten = !self.behind.known() && paper.mtime().saturating_mul(1_000_000) < self.forgotten().0;
        !forgotten && self.mail.as_ref().is_some_and(|mail| mail.lacks(row))
    }
    /// Makes what is owed of a page of what machines printed in earlier runs (a machine may be faster than a disk that is full, or away);
    /// whether there is more to look at now.
    fn look_back(&mut self) -> bool {
        if self.behind.looked() || self.owed.len() >= OWED {
            return false;
        }
        let owed = self.behind.page(&self.reader).and_then(|printed| {
            let rows = printed.iter().map(|id| self.reader.find(id)).collect::<Result<Vec<_>, _>>()?;
            Ok(rows.into_iter().flatten().filter(|row| self.is_owed(row)).map(|row| row.id).collect::<Vec<_>>())
        });
        match owed {
            Ok(owed) => owed.chunks(TOGETHER).for_each(|some| {
                let failed = self.make(some.to_vec());
                self.owed.extend(failed);
            }),
            Err(why) => {
                tracing::warn!("{}", why.0);
                return false;
            }
        }
        !self.behind.looked()
    }
    /// What was filed before then may be forgotten.
    fn forgotten(&self) -> Utc {
        let now = self.clock.utc(self.clock.now());
        Utc(now.0.saturating_sub(i64::try_from(self.known.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Makes what is wanted until nothing more can be.
    fn run(mut self, wanted: &mpsc::Receiver<Identity>) {
        loop {
            let forgets = self.forgot.is_none_or(|at| self.clock.now().since(at) >= FORGETS);
            let quiet = match self.look_back() {
                true => Duration::ZERO,
                false if self.owed.is_empty() && self.behind.looked() && !forgets => FORGETS,
                false => REST,
            };
            match wanted.recv_timeout(quiet) {
                Ok(first) => {
                    let all = std::iter::once(first).chain(wanted.try_iter().take(TOGETHER - 1)).collect();
                    let failed = self.make(all);
                    self.owed.extend(failed);
                }
                Err(mpsc::RecvTimeoutError::Timeout) if self.all_made() && forgets => {
                    if self.settle(wanted) {
                        self.forget();
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    let _ = self.all_made() && self.settle(wanted);
                    return;
                }
            }
            if !self.owed.is_empty() && self.clock.now().since(self.tried) >= REST {
                self.try_again();
            }
        }
    }
    fn all_made(&self) -> bool {
        self.owed.is_empty() && self.behind.looked()
    }
    /// Writes down, in a quiet moment, that nothing is owed; whether it was so.
    fn settle(&mut self, wanted: &mpsc::Receiver<Identity>) -> bool {
        // Asked first: what a machine printed by then was wanted before, so it is made, or still in the queue.
        let last = self.reader.last_event().map_err(|e| e.0);
        if let Ok(id) = wanted.try_recv() {
            let failed = self.make(vec![id]);
            self.owed.extend(failed);
            return false;
        }
        let settled = last.and_then(|last| self.behind.all_made(last));
        if let Err(why) = &settled {
            tracing::warn!("{why}");
            self.forgot = Some(self.clock.now()); // no mark is forgotten of what may be looked at again
        }
        settled.is_ok()
    }
    /// Nothing is owed, so no mark is needed but those of messages that are still on their way to `printed`: a machine may be off for weeks,
    /// and what it has not printed is gone through at each start.
    fn forget(&mut self) {
        let before = self.forgotten();
        match self.reader.list(&Filter { state: Some(State::Filed), limit: usize::MAX }) {
            Ok(rows) => {
                let waiting: Vec<Identity> = rows.into_iter().map(|row| row.id).collect();
                self.mail.iter_mut().for_each(|mail| mail.forget(before, &waiting));
            }
            Err(why) => tracing::warn!("{}", why.0),
        }
        self.forgot = Some(self.clock.now());
    }
    fn try_again(&mut self) {
        let mut failures = 0;
        for _ in 0..self.owed.len() {
            if failures == FAILURES {
                break;
            }
            let Some(id) = self.owed.pop_front() else { break };
            let failed = self.make(vec![id]);
            failures = if failed.is_empty() { 0 } else { failures + 1 };
            self.owed.extend(failed);
        }
        self.tried = self.clock.now();
    }
    /// Makes papers and mails; gives those that could not be made.
    fn make(&mut self, all: Vec<Identity>) -> Vec<Identity> {
        let (mut made, mut letters, mut failed) = (vec![], vec![], vec![]);
        for id in all {
            match self.paper(&id) {
                Ok(Some(Work::Mailed(letter))) => letters.push(letter),
                Ok(Some(Work::Done(row))) => made.push(row),
                Ok(None) => {} // damaged: said, and left as it is
                Err((desk, why)) => {
                    self.failed(desk, &why);
                    failed.push(id);
                }
            }
        }
        let filed = self.mail.as_mut().map(|mail| mail.file(&letters)).unwrap_or_default();
        for (letter, filed) in letters.into_iter().zip(filed) {
            match filed {
                Ok(()) => made.push(letter.row),
                Err(why) => {
                    failed.push(letter.row.id);
                    self.failed(Some(letter.row.to.desk), &why);
                }
            }
        }
        for row in made {
            self.said.remove(&row.to.desk);
            // What a machine printed has been told, also where the machine is gone since.
            if !self.machines.contains(&row.to.desk) && row.state == State::Filed {
                (self.done)(row.id);
            }
        }
        failed
    }
    /// Makes a message's papers and writes its mail; `None` if it never can.
    fn paper(&self, id: &Identity) -> Result<Option<Work>, (Option<Name>, String)> {
        let lost = |e: JournalError| (None, e.0);
        let (row, content) = (self.reader.find(id).map_err(lost)?, self.reader.content(id).map_err(lost)?);
        let (row, message) = match (row, content) {
            (Some(row), Some(Ok(message))) => (row, message),
            (_, Some(Err(damaged))) => return Ok(self.never(&damaged.0)),
            (None, _) | (_, None) => return Ok(self.never(&format!("the journal has no content for {id}"))),
        };
        let desk = row.to.desk.clone();
        let here = |why: String| (Some(desk.clone()), why);
        self.press.print(&message, &row).map_err(here)?;
        match self.mail.as_ref().filter(|mail| mail.serves(&desk)) {
            Some(mail) => mail.write(&message, row).map(|letter| Some(Work::Mailed(letter))).map_err(here),
            None => Ok(Some(Work::Done(row))),
        }
    }
    fn never(&self, why: &str) -> Option<Work> {
        tracing::error!("{why}; no paper is made of it");
        None
    }
    fn failed(&mut self, desk: Option<Name>, why: &str) {
        if desk.is_none_or(|desk| self.said.insert(desk)) {
            tracing::error!("{why}; tried again until it can be made, also at the next start");
        }
    }
}

/// How far a message is.
enum Work {
    /// Its papers are made, and it gets no mail.
    Done(Row),
    /// Its mail is written, and not filed yet.
    Mailed(Letter),
}

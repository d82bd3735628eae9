//! The clerk of an e-mail port: tells the senders of mails what became of them, by notices; and hears the notices of others.
//!
//! Standards: RFC 3464, 3461, 3834. In: the station's durable events, a chunk at a time; reports that came. Out: notices, handed in as messages, each once;
//! news for the router. A cursor (and who waits to hear of a delay) lies in `DATA/mail/PORT.clerk`; without it the events are looked at again, and what was
//! handed in is known by its key. Left out: what a notice says (`told`). Shown by: `tests/it/email_notices.rs`, `tests/it/email_heard.rs`.

pub(in crate::email) mod told;

use self::told::About;
use crate::email::backend::Shared;
use crate::email::mime::Heading;
use crate::email::notice::{self, Action};
use crate::message::{Draft, Edit, Identity};
use crate::router::{Event, Look, News, Stamped, State, Submitted, Verdict};
use crate::time::{Instant, Utc};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Events looked at in one go.
const CHUNK: usize = 500;
/// Between two looks, so that a busy station is not read event by event.
const REST: Duration = Duration::from_millis(50);
/// After a journal that could not be read, or did not take a notice.
const AGAIN: Duration = Duration::from_secs(5);
/// Between two writings of the cursor, if nobody was told anything.
const KEEP: Duration = Duration::from_secs(2);
/// How long the journal is waited for by whoever brings a report.
const PATIENCE: Duration = Duration::from_secs(60);
/// Mails that wait and whose senders want to hear of a delay; whoever comes beyond does not hear of one.
const MOST_WAITING: usize = 10_000;
/// Events of one message that are looked through for what was changed in it.
const MOST_EVENTS: usize = 1_000;

/// What the clerk keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Memory {
    /// The last event it has dealt with.
    seen: u64,
    /// Mails that wait, and when their senders are told so.
    waiting: BTreeMap<Identity, Utc>,
}

impl Memory {
    /// A line with the number, then one for each mail that waits. What cannot be read is as if it were not there.
    fn read(path: &Path) -> Memory {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let mut lines = text.lines();
        let seen = lines.next().and_then(|n| n.parse().ok()).unwrap_or(0);
        let waits = |line: &str| line.split_once(' ').and_then(|(id, due)| Some((id.parse().ok()?, Utc(due.parse().ok()?))));
        Memory { seen, waiting: lines.filter_map(waits).take(MOST_WAITING).collect() }
    }
    /// Written aside and renamed; not synced, since losing it only means looking again.
    fn write(&self, path: &Path) -> std::io::Result<()> {
        let waiting: String = self.waiting.iter().map(|(id, due)| format!("{id} {}\n", due.0)).collect();
        let aside = path.with_extension("clerk-new");
        std::fs::write(&aside, format!("{}\n{waiting}", self.seen))?;
        std::fs::rename(aside, path)
    }
}

/// Runs until the port ends.
pub(super) async fn run(shared: Arc<Shared>) -> Result<(), String> {
    let Some(mut history) = shared.place.history.clone() else { return std::future::pending().await };
    let path = shared.place.data.join("mail").join(format!("{}.clerk", shared.port));
    let mut memory = Memory::read(&path);
    let mut kept = shared.clock.now();
    let mut trouble = String::new();
    loop {
        tokio::select! {
            more = history.beyond(memory.seen) => if !more {
                return std::future::pending().await; // the station stops; the port ends when its orders do
            },
            () = until_due(&shared, &memory) => {}
        }
        let (of, known) = (shared.clone(), memory.clone());
        let looked = tokio::task::spawn_blocking(move || Reading::look(&of, known)).await.unwrap_or_else(|e| Err(e.to_string()));
        let told = match looked {
            Ok((next, notices)) => hand_in(&shared, notices).await.map(|told| (next, told)),
            Err(why) => Err(why),
        };
        match told {
            Err(why) => {
                if trouble != why {
                    shared.note(format!("notices to senders of mails wait: {why}"));
                }
                trouble = why;
                tokio::time::sleep(AGAIN).await;
            }
            Ok((next, told)) => {
                trouble.clear();
                let (full, changed) = (next.seen >= memory.seen + CHUNK as u64, next.waiting != memory.waiting);
                memory = next;
                let now = shared.clock.now();
                if told || changed || now.since(kept) >= KEEP {
                    keep(&shared, &path, &memory).await;
                    kept = now;
                }
                if !full {
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }
}

/// Until somebody is to be told that his mail still waits.
async fn until_due(shared: &Shared, memory: &Memory) {
    let Some(due) = memory.waiting.values().min() else { return std::future::pending().await };
    let now = shared.clock.now();
    let left = u64::try_from(due.0.saturating_sub(shared.clock.utc(now).0)).unwrap_or(0);
    let at: Instant = now + Duration::from_micros(left);
    tokio::time::sleep(shared.clock.until(at)).await;
}

async fn keep(shared: &Shared, path: &Path, memory: &Memory) {
    let (to, memory): (PathBuf, Memory) = (path.to_owned(), memory.clone());
    let written = tokio::task::spawn_blocking(move || memory.write(&to)).await;
    if let Ok(Err(e)) = written {
        shared.note(format!("cannot write `{}`: {e}; notices go on, and are looked for again at the next start", path.display()));
    }
}

/// Hands notices in; each is on disk once, whoever hands it in again. Whether there were any; or why they cannot be taken just now.
async fn hand_in(shared: &Shared, notices: Vec<(Draft, String)>) -> Result<bool, String> {
    let told = !notices.is_empty();
    let mut asked = JoinSet::new();
    for (draft, key) in notices {
        let to = draft.envelope.to.clone();
        let answer = shared.door.hand_in(draft, Some(key));
        asked.spawn(async move { (to, answer.await) });
    }
    while let Some(answered) = asked.join_next().await {
        match answered.map_err(|e| e.to_string())? {
            (_, Submitted::Accepted(_) | Submitted::Known(_)) => {}
            (to, Submitted::Unknown(why) | Submitted::Refused(why)) => {
                shared.note(format!("the sender of a mail, {to}, cannot be told what became of it: {why}"));
            }
            (_, Submitted::Stuck(why)) => return Err(why),
        }
    }
    Ok(told)
}

/// One look into the journal. It waits for the disk.
struct Reading<'a> {
    shared: &'a Shared,
    look: Look,
    memory: Memory,
    /// What was read of the messages of this chunk.
    known: BTreeMap<Identity, Option<About>>,
    notices: Vec<(Draft, String)>,
}

impl Reading<'_> {
    fn look(shared: &Shared, memory: Memory) -> Result<(Memory, Vec<(Draft, String)>), String> {
        let look = shared.place.history.as_ref().ok_or("there is no journal")?.look()?;
        let mut reading = Reading { shared, look, memory, known: BTreeMap::new(), notices: vec![] };
        for (n, event) in reading.look.events_after(reading.memory.seen, CHUNK)? {
            reading.event(&event)?;
            reading.memory.seen = n;
        }
        reading.late()?;
        Ok((reading.memory, reading.notices))
    }

    fn event(&mut self, stamped: &Stamped) -> Result<(), String> {
        let (Some(id), event) = (&stamped.id, &stamped.event) else { return Ok(()) };
        match event {
            Event::Accepted { tell_delay: true, .. } => {
                let due = stamped.utc.plus(self.shared.keys.delay());
                if self.memory.waiting.len() < MOST_WAITING && self.about(id)?.is_some_and(|about| about.wants_delays()) {
                    self.memory.waiting.insert(id.clone(), due);
                }
                Ok(())
            }
            Event::Filed { .. } | Event::Custody { .. } | Event::Returned { .. } => {
                self.memory.waiting.remove(id);
                let Some(about) = self.about(id)? else { return Ok(()) };
                let edits = self.edits(id)?;
                about.told(event, &edits).map_or(Ok(()), |notice| self.tell(&about, notice))
            }
            _ => Ok(()), // nothing that a sender is told
        }
    }

    /// The message, if its sender may be told of it.
    fn about(&mut self, id: &Identity) -> Result<Option<About>, String> {
        if let Some(known) = self.known.get(id) {
            return Ok(known.clone());
        }
        let ours = |about: &About| {
            let from = &about.envelope.from.station;
            *from == self.shared.station || self.shared.keys.outside().as_ref() == Some(from)
        };
        // A message damaged in the journal has been told of by whoever read it before; a journal that cannot be read is tried again.
        let about = self.look.content(id)?.and_then(Result::ok).and_then(About::of).filter(ours);
        self.known.insert(id.clone(), about.clone());
        Ok(about)
    }

    /// What was changed in a message when it was last sent.
    fn edits(&self, id: &Identity) -> Result<Vec<Edit>, String> {
        let events = self.look.events_of(id, MOST_EVENTS)?;
        let sent = events.into_iter().rev().find_map(|(_, stamped)| match stamped.event {
            Event::Sent { edits, .. } | Event::Printing { edits, .. } => Some(edits),
            _ => None,
        });
        Ok(sent.unwrap_or_default())
    }

    fn tell(&mut self, about: &About, notice: crate::message::Notice) -> Result<(), String> {
        self.notices.push(about.draft(self.shared, notice)?);
        Ok(())
    }

    /// Who waits too long is told.
    fn late(&mut self) -> Result<(), String> {
        let now = self.shared.clock.utc(self.shared.clock.now());
        let due: Vec<Identity> = self.memory.waiting.iter().filter(|(_, at)| **at <= now).map(|(id, _)| id.clone()).collect();
        for id in due {
            self.memory.waiting.remove(&id);
            let row = self.look.row(&id)?.filter(|row| !row.state.ended());
            if let (Some(row), Some(about)) = (row, self.about(&id)?) {
                let why = match row.attempts {
                    0 => "",
                    _ if row.state == State::Sent => "it is being handed over just now",
                    _ => &row.detail,
                };
                let notice = about.late(why, row.accepted.plus(self.shared.place.expire));
                self.tell(&about, notice)?;
            }
        }
        Ok(())
    }
}

/// A report came (a mail with the null reverse-path): what is learned from it of a message of ours is on disk when this says so. It waits
/// for the disk, and for the router. The error is this machine's: the report must come again.
pub(super) fn heard(shared: &Shared, mail: &[u8], _: &Heading) -> Result<(), String> {
    let Some((id, news)) = news(shared, mail)? else { return Ok(()) };
    let learned = shared.door.learned(id, news);
    let (answer, answered) = std::sync::mpsc::channel();
    // A task of its own, not this thread, waits in time: a runtime that ends drops it, and this thread hears so.
    shared.runtime.spawn(async move { answer.send(tokio::time::timeout(PATIENCE, learned).await) });
    match answered.recv() {
        Ok(Ok(Verdict::Filed | Verdict::FiledBefore)) => Ok(()),
        Ok(Ok(Verdict::Refused(reason) | Verdict::TryLater(reason))) => Err(reason.text),
        Ok(Err(_)) => Err("the journal did not take what a report says within a minute".into()),
        Err(_) => Err("the station is stopping".into()),
    }
}

/// What a report says of a message of ours.
///
/// It is easily forged. So it must name a message that the journal knows to have gone to the world outside, and speak of its one recipient.
fn news(shared: &Shared, mail: &[u8]) -> Result<Option<(Identity, News)>, String> {
    let Some(report) = notice::read(mail) else { return Ok(None) };
    let named = |id: &Option<String>| id.as_ref().and_then(|id| id.split('@').next()?.parse().ok());
    let about = report.identity.clone().or_else(|| named(&report.envid)).or_else(|| named(&report.message_id));
    let (Some(id), Some(history)) = (about, &shared.place.history) else { return Ok(None) };
    let outside = shared.keys.outside();
    let Some(row) = history.look()?.row(&id)?.filter(|row| outside.as_ref() == Some(&row.to.station)) else { return Ok(None) };
    let address = shared.book.address(&row.to.desk).unwrap_or_default();
    let is_it = |fate: &&notice::Fate| {
        fate.recipient.eq_ignore_ascii_case(&address) || fate.original.as_ref().is_some_and(|o| o.eq_ignore_ascii_case(&address))
    };
    let only = || report.fates.first().filter(|_| report.fates.len() == 1);
    let Some(fate) = report.fates.iter().find(is_it).or_else(only) else { return Ok(None) };
    let said = notice::one_line(&format!("{} said: {}", report.by.as_deref().unwrap_or("the far end"), fate.said));
    Ok(match fate.action {
        Action::Failed => Some((id, News::Failed(said))),
        Action::Delivered => Some((id, News::Delivered(said))),
        Action::Delayed | Action::Relayed | Action::Expanded => {
            let text = format!("{} by a host outside: {said}", fate.action);
            shared.events.emit(Event::Note { text }, Some(&id));
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_clerk_keeps_is_read_back_and_what_is_damaged_is_as_if_it_were_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("post.clerk");
        assert_eq!(Memory::read(&path), Memory::default());
        let id: Identity = "MOSCOW-0001-20161031T1200Z".parse().unwrap();
        let memory = Memory { seen: 42, waiting: [(id, Utc(1_477_915_200_000_000))].into() };
        memory.write(&path).unwrap();
        assert_eq!(Memory::read(&path), memory);
        std::fs::write(&path, "42\nMOSCOW-0001-2016\n\nMOSCOW-0001-20161031T1200Z 147").unwrap();
        let torn = Memory::read(&path);
        assert_eq!((torn.seen, torn.waiting.len()), (42, 1), "told a little early at the worst");
        std::fs::write(&path, b"\xff\xfe").unwrap();
        assert_eq!(Memory::read(&path), Memory::default());
    }
}

//! The journal of a replay: everything in memory, durable as soon as it is applied.
//!
//! Standards: none; keeps the same rules as `sqlite` (identity and key unique, a batch whole or not at all).
//! In: batches of [`Change`]s. Out: rows, messages, events, [`Recovered`].
//! Left out: batches not yet on disk; who replays a crash does not apply them. Shown by: `tests/it/journal.rs`.

use super::super::event::Stamped;
use super::{Change, JournalError, Recovered, Row, State};
use crate::message::{Identity, Message, Name};
use std::collections::BTreeMap;

/// A journal that outlives its station only as long as the process runs.
#[derive(Clone, Debug, Default)]
pub struct MemoryJournal {
    rows: Vec<Row>,
    index: BTreeMap<Identity, (usize, Message)>,
    keys: BTreeMap<String, Identity>,
    numbered: BTreeMap<(Identity, String), u32>,
    channels: BTreeMap<String, u32>,
    events: Vec<Stamped>,
}

impl MemoryJournal {
    /// An empty journal.
    pub fn new() -> MemoryJournal {
        MemoryJournal::default()
    }

    /// Writes a batch whole, or nothing of it if one of its changes cannot be.
    pub fn apply(&mut self, batch: Vec<Change>) -> Result<(), JournalError> {
        self.check(&batch)?;
        for change in batch {
            match change {
                Change::New { row, message, key } => {
                    self.keys.extend(key.map(|k| (k, row.id.clone())));
                    self.index.insert(row.id.clone(), (self.rows.len(), message));
                    self.rows.push(row);
                }
                Change::Moved { id, state, attempts, detail } => {
                    if let Some((at, _)) = self.index.get(&id) {
                        let row = &mut self.rows[*at];
                        (row.state, row.attempts, row.detail) = (state, attempts, detail);
                    }
                }
                Change::Channel { id, port, serial } => {
                    let highest = self.channels.entry(port.clone()).or_default();
                    *highest = serial.max(*highest);
                    self.numbered.insert((id, port), serial);
                }
                Change::Event(event) => self.events.push(event),
            }
        }
        Ok(())
    }

    fn check(&self, batch: &[Change]) -> Result<(), JournalError> {
        let (mut ids, mut keys) = (vec![], vec![]);
        for change in batch {
            match change {
                Change::New { row, key, .. } => {
                    if self.index.contains_key(&row.id) || ids.contains(&&row.id) {
                        return Err(JournalError(format!("internal error: message {} is in the journal already", row.id)));
                    }
                    if key.as_ref().is_some_and(|k| self.keys.contains_key(k) || keys.contains(&k)) {
                        return Err(JournalError(format!("internal error: the key of message {} is in the journal already", row.id)));
                    }
                    ids.push(&row.id);
                    keys.extend(key);
                }
                Change::Moved { id, .. } | Change::Channel { id, .. } => {
                    if !self.index.contains_key(id) && !ids.contains(&id) {
                        return Err(JournalError(format!("internal error: message {id} is not in the journal")));
                    }
                }
                Change::Event(_) => {}
            }
        }
        Ok(())
    }

    /// What a station called `station` finds when it starts.
    pub fn recover(&self, station: &Name) -> Recovered {
        let mut found = Recovered { channels: self.channels.clone(), ..Recovered::default() };
        for row in &self.rows {
            if !row.state.ended() {
                found.waiting.push(row.clone());
            } else if row.state == State::Filed && row.to.station == *station {
                found.unprinted.push(row.clone());
            }
            if row.id.station == *station {
                let highest = found.serials.entry(row.id.dtg.day_number()).or_default();
                *highest = row.id.serial.max(*highest);
            }
        }
        let waits = |id: &Identity| self.find(id).is_some_and(|r| !r.state.ended());
        found.numbered = self.numbered.iter().filter(|((id, _), _)| waits(id)).map(|(k, n)| (k.clone(), *n)).collect();
        found
    }

    /// A message with its content.
    pub fn load(&self, id: &Identity) -> Option<Message> {
        self.index.get(id).map(|(_, m)| m.clone())
    }
    /// A message's row.
    pub fn find(&self, id: &Identity) -> Option<Row> {
        self.index.get(id).map(|(at, _)| self.rows[*at].clone())
    }
    /// The message handed in with this idempotency key.
    pub fn find_key(&self, key: &str) -> Option<Identity> {
        self.keys.get(key).cloned()
    }
    /// All rows, oldest first.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
    /// All durable events, oldest first; the first is number 1.
    pub fn events(&self) -> &[Stamped] {
        &self.events
    }
    /// How many messages stand in `state`.
    pub fn count(&self, state: State) -> usize {
        self.rows.iter().filter(|r| r.state == state).count()
    }
}

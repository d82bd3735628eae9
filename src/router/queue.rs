//! The queue: what waits, in order of precedence and then age, and which port each may take now.
//!
//! Standards: precedence as STANAG 4406. In: rows, ports' conditions, the time. Out: the next [`Step`]s.
//! Left out: content (it stays in the journal), policy (see `retry`). Shown by: `router::tests`.

use super::journal::Row;
use crate::message::{Identity, Precedence, Takes};
use crate::time::Instant;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// A message that waits or is on its way.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub row: Row,
    /// The ports of its route, in order.
    pub ports: Vec<String>,
    /// Ports that cannot carry it, with the reason.
    pub unfit: BTreeMap<String, String>,
    pub failures: u32,
    /// Not before this.
    pub not_before: Instant,
    /// When it is given back.
    pub expires: Instant,
    /// The port it is on.
    pub on: Option<String>,
    /// For a desk of this station: filed already, and waits only to be printed.
    pub here: bool,
}

/// For what does not expire.
pub(super) const NEVER: Instant = Instant(u64::MAX);

/// What a port is busy with.
#[derive(Clone, Debug)]
pub(super) struct Busy {
    pub id: Identity,
    pub precedence: Precedence,
    /// The delivery's number, once ordered.
    pub delivery: Option<u64>,
    pub called_off: bool,
}

/// A port as the router sees it.
#[derive(Clone, Debug)]
pub(super) struct PortState {
    pub takes: Takes,
    pub ready: bool,
    pub busy: Option<Busy>,
    pub failures: u32,
    pub suspended_until: Instant,
    /// The highest channel serial given.
    pub channel: u32,
}

impl PortState {
    fn usable(&self, now: Instant) -> bool {
        self.ready && self.suspended_until <= now
    }
}

/// What to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// Load this message and send it by this port.
    Take { id: Identity, port: String },
    /// Call off what this port is sending.
    CallOff { port: String, delivery: u64 },
}

type Key = (Reverse<Precedence>, i64, Identity);

/// All entries, and the order of those that wait.
#[derive(Default)]
pub(super) struct Queue {
    entries: BTreeMap<Identity, Entry>,
    waiting: BTreeSet<Key>,
}

impl Queue {
    fn key(row: &Row) -> Key {
        (Reverse(row.precedence), row.accepted.0, row.id.clone())
    }
    pub fn len(&self) -> usize {
        self.entries.len()
    }
    pub fn add(&mut self, entry: Entry) {
        self.waiting.insert(Self::key(&entry.row));
        self.entries.insert(entry.row.id.clone(), entry);
    }
    pub fn entry(&mut self, id: &Identity) -> Option<&mut Entry> {
        self.entries.get_mut(id)
    }
    pub fn remove(&mut self, id: &Identity) -> Option<Entry> {
        let entry = self.entries.remove(id)?;
        self.waiting.remove(&Self::key(&entry.row));
        Some(entry)
    }
    /// Marks an entry as on its way by `port`.
    pub fn take(&mut self, id: &Identity, port: &str) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.on = Some(port.to_owned());
            self.waiting.remove(&Self::key(&entry.row));
        }
    }
    /// Puts an entry back among those that wait.
    pub fn put_back(&mut self, id: &Identity) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.on = None;
            self.waiting.insert(Self::key(&entry.row));
        }
    }
    /// Waiting entries whose time is up.
    pub fn expired(&self, now: Instant) -> Vec<Identity> {
        self.waiting.iter().filter(|k| self.entries[&k.2].expires <= now).map(|k| k.2.clone()).collect()
    }
    /// When something may change by time alone.
    pub fn deadline(&self, ports: &BTreeMap<String, PortState>) -> Option<Instant> {
        let wake = |e: &Entry| {
            let port = |p: &String| ports.get(p).filter(|s| s.ready && s.busy.is_none()).map(|s| s.suspended_until.max(e.not_before));
            e.ports.iter().filter(|p| !e.unfit.contains_key(*p)).filter_map(port).min().unwrap_or(e.expires).min(e.expires)
        };
        self.waiting.iter().map(|k| wake(&self.entries[&k.2])).min().filter(|at| *at < NEVER)
    }
    /// The next step, most urgent and oldest first. A busy port is waited for, or called off by flash and above;
    /// only a port that gives no answer is passed over for the next of the route.
    pub fn next(&self, now: Instant, ports: &BTreeMap<String, PortState>) -> Option<Step> {
        let mut claimed = BTreeSet::new();
        for (_, _, id) in &self.waiting {
            let entry = &self.entries[id];
            if entry.not_before > now {
                continue;
            }
            let usable = |p: &&String| !entry.unfit.contains_key(*p) && ports.get(*p).is_some_and(|s| s.usable(now));
            let Some(name) = entry.ports.iter().find(usable) else { continue };
            match &ports[name].busy {
                None if claimed.insert(name) => return Some(Step::Take { id: id.clone(), port: name.clone() }),
                Some(busy) if claimed.insert(name) && !busy.called_off && entry.row.precedence.pre_empts(busy.precedence) => {
                    if let Some(delivery) = busy.delivery {
                        return Some(Step::CallOff { port: name.clone(), delivery });
                    }
                }
                None | Some(_) => {}
            }
        }
        None
    }
}

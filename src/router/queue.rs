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
    ports: Vec<String>,
    /// Ports that cannot carry it, with the reason.
    unfit: BTreeMap<String, String>,
    pub failures: u32,
    /// Not before this.
    not_before: Instant,
    /// When it is given back.
    expires: Instant,
    /// The port it is on.
    pub on: Option<String>,
    /// For a desk of this station: filed already, and waits only to be printed.
    pub here: bool,
}

impl Entry {
    /// One that waits from `now` on for these ports.
    pub fn new(row: Row, ports: Vec<String>, now: Instant, expires: Instant, here: bool) -> Entry {
        Entry { row, ports, unfit: BTreeMap::new(), failures: 0, not_before: now, expires, on: None, here }
    }
    /// The ports it may take, in order.
    pub fn lane(&self) -> Lane {
        self.ports.iter().filter(|p| !self.unfit.contains_key(*p)).cloned().collect()
    }
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
/// The ports that some entries may take, in order. Entries of one lane are in each other's way, so only its first counts.
type Lane = Vec<String>;

/// The waiting entries of one lane.
#[derive(Default)]
struct Line {
    /// Those that may go.
    due: BTreeSet<Key>,
    /// Those that are held back, and until when.
    held: BTreeSet<(Instant, Key)>,
}

/// All entries, and the order of those that wait. What the router asks after each input costs the same for one and for a hundred thousand.
#[derive(Default)]
pub(super) struct Queue {
    entries: BTreeMap<Identity, Entry>,
    waiting: BTreeMap<Lane, Line>,
    expiring: BTreeSet<(Instant, Key)>,
    /// When it was last looked for a step.
    decided: Instant,
}

impl Queue {
    fn key(row: &Row) -> Key {
        (Reverse(row.precedence), row.accepted.0, row.id.clone())
    }
    /// Puts an entry into its place among those that wait.
    fn place(&mut self, id: &Identity) {
        let Some(entry) = self.entries.get(id) else { return };
        let key = Self::key(&entry.row);
        if entry.expires < NEVER {
            self.expiring.insert((entry.expires, key.clone()));
        }
        self.waiting.entry(entry.lane()).or_default().held.insert((entry.not_before, key));
    }
    /// Takes an entry from its place.
    fn displace(&mut self, id: &Identity) {
        let Some(entry) = self.entries.get(id) else { return };
        let (key, lane) = (Self::key(&entry.row), entry.lane());
        self.expiring.remove(&(entry.expires, key.clone()));
        if let Some(line) = self.waiting.get_mut(&lane) {
            let _ = line.due.remove(&key) || line.held.remove(&(entry.not_before, key));
            if line.due.is_empty() && line.held.is_empty() {
                self.waiting.remove(&lane);
            }
        }
    }
    /// Changes an entry, and with that its place if it waits.
    fn change<T>(&mut self, id: &Identity, what: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        let waits = self.entries.get(id)?.on.is_none();
        if waits {
            self.displace(id);
        }
        let done = self.entries.get_mut(id).map(what);
        if waits {
            self.place(id);
        }
        done
    }
    pub fn len(&self) -> usize {
        self.entries.len()
    }
    pub fn add(&mut self, entry: Entry) {
        let id = entry.row.id.clone();
        self.entries.insert(id.clone(), entry);
        self.place(&id);
    }
    pub fn entry(&mut self, id: &Identity) -> Option<&mut Entry> {
        self.entries.get_mut(id)
    }
    pub fn remove(&mut self, id: &Identity) -> Option<Entry> {
        self.displace(id);
        self.entries.remove(id)
    }
    /// Marks an entry as on its way by `port`.
    pub fn take(&mut self, id: &Identity, port: &str) {
        self.displace(id);
        if let Some(entry) = self.entries.get_mut(id) {
            entry.on = Some(port.to_owned());
        }
    }
    /// Puts an entry back among those that wait.
    pub fn put_back(&mut self, id: &Identity) {
        self.displace(id);
        if let Some(entry) = self.entries.get_mut(id) {
            entry.on = None;
            self.place(id);
        }
    }
    /// Holds an entry back.
    pub fn hold_back(&mut self, id: &Identity, until: Instant) {
        self.change(id, |entry| entry.not_before = until);
    }
    /// Notes that a port cannot carry an entry; whether no port of its route is left.
    pub fn cannot(&mut self, id: &Identity, port: &str, why: &str) -> bool {
        let note = |entry: &mut Entry| {
            entry.unfit.insert(port.to_owned(), why.to_owned());
            entry.ports.iter().all(|p| entry.unfit.contains_key(p))
        };
        self.change(id, note).unwrap_or(false)
    }
    /// Waiting entries whose time is up, most urgent and oldest first.
    pub fn expired(&self, now: Instant) -> Vec<Identity> {
        let mut keys: Vec<&Key> = self.expiring.iter().take_while(|(at, _)| *at <= now).map(|(_, key)| key).collect();
        keys.sort();
        keys.into_iter().map(|key| key.2.clone()).collect()
    }
    /// When something may change by time alone.
    pub fn deadline(&self, ports: &BTreeMap<String, PortState>) -> Option<Instant> {
        let wake = |(lane, line): (&Lane, &Line)| {
            let ready = || lane.iter().filter_map(|p| ports.get(p)).filter(|s| s.ready).map(|s| s.suspended_until);
            // What was due and did not go waits for an event, or for a port's rest to end: what lies before was decided.
            let opens = ready().filter(|at| *at > self.decided && !line.due.is_empty()).min();
            let comes_due = line.held.first().zip(ready().min()).map(|((at, _), port)| port.max(*at));
            opens.into_iter().chain(comes_due).min()
        };
        let expires = self.expiring.first().map(|(at, _)| *at);
        self.waiting.iter().filter_map(wake).chain(expires).min()
    }
    /// The next step, most urgent and oldest first. A busy port is waited for, or called off by flash and above;
    /// only a port that gives no answer is passed over for the next of the route.
    pub fn next(&mut self, now: Instant, ports: &BTreeMap<String, PortState>) -> Option<Step> {
        self.decided = now;
        let mut first: Vec<(&Key, &String)> = vec![];
        for (lane, line) in &mut self.waiting {
            while line.held.first().is_some_and(|(at, _)| *at <= now) {
                line.due.extend(line.held.pop_first().map(|(_, key)| key));
            }
            let usable = |p: &&String| ports.get(*p).is_some_and(|s| s.usable(now));
            first.extend(line.due.first().zip(lane.iter().find(usable)));
        }
        first.sort();
        let mut claimed = BTreeSet::new();
        for (key, name) in first.into_iter().filter(|(_, name)| claimed.insert(*name)) {
            match &ports[name].busy {
                None => return Some(Step::Take { id: key.2.clone(), port: name.clone() }),
                Some(busy) if !busy.called_off && key.0.0.pre_empts(busy.precedence) => {
                    if let Some(delivery) = busy.delivery {
                        return Some(Step::CallOff { port: name.clone(), delivery });
                    }
                }
                Some(_) => {}
            }
        }
        None
    }
}

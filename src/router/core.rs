//! The router: a machine that accepts, files, queues and sends on, and shows the world nothing before it is on disk.
//!
//! Standards: none; states and custody are told in `docs/flow.md`.
//! In: [`Input`]. Out: [`Output`]; changes leave in batches, and what follows from a batch waits for its [`Input::Persisted`].
//! Left out: all I/O. Shown by: `router::tests`, `tests/it/world.rs`.

mod heard;
mod intake;
mod paper;

use super::event::{Event, Stamped};
use super::journal::{Change, Row, State};
use super::port::{Delivery, Fault, Order, Outcome, Reason, Receipt, Verdict};
use super::queue::{Busy, Entry, NEVER, PortState, Queue, Step};
use super::retry::{Hold, hold};
use super::route::ports_for;
use super::talk::{Config, Input, Output, Submitted};
use crate::faults;
use crate::machine::Machine;
use crate::message::{Address, Draft, Envelope, Identity, Message, Name, Part, Takes, convert};
use crate::time::{Instant, Utc};
use heard::Heard;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Batches that may wait for the disk at one time: what comes while it is stuck must not fill the memory.
const MOST_HELD: usize = 500;

/// What waits for a batch to be on disk.
enum Effect {
    Show(Output),
    Queue(Box<Row>),
    Settle(Identity),
    Forget(String, Identity),
    Learned(Identity),
}

/// Who waits for a lookup.
enum Asking {
    Submit { token: u64, draft: Draft, key: String },
    Came { token: u64, port: String, message: Message },
}

/// The router of one station.
pub struct Router {
    config: Config,
    recovered: bool,
    ports: BTreeMap<String, PortState>,
    queue: Queue,
    serials: BTreeMap<u32, u32>,
    numbered: BTreeMap<(Identity, String), u32>,
    next_delivery: u64,
    batch: u64,
    held: VecDeque<(u64, Vec<Effect>)>,
    asking: BTreeMap<u64, Asking>,
    next_lookup: u64,
    /// Identities between coming in and being on disk, with those who wait to hear "before".
    filing: BTreeMap<Identity, Vec<u64>>,
    keys: BTreeMap<String, Vec<u64>>,
    /// What was heard of messages, until it is on disk.
    learning: BTreeMap<Identity, Heard>,
    /// Filled only with the planted fault that files without the date-time group.
    filed_without_dtg: BTreeSet<(Name, u32)>,
    changes: Vec<Change>,
    effects: Vec<Effect>,
    outputs: Vec<Output>,
}

impl Machine for Router {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Instant, input: Input) -> Vec<Output> {
        match input {
            Input::Recovered(recovered) => self.recover(now, recovered),
            Input::Submit { token, draft, key } => self.submit(now, token, draft, key),
            Input::Came { token, port, message } => self.came(now, token, port, message),
            Input::Found { token, found } => self.found(now, token, found),
            Input::Learned { token, port, id, news } => self.learned(token, port, id, news),
            Input::Recalled { id, row } => self.recalled(now, &id, row),
            Input::Loaded { id, message } => self.loaded(now, &id, message),
            Input::Ended { port, delivery, outcome } => self.ended(now, &port, delivery, outcome),
            Input::PortReady { port, ready } => self.port_ready(now, &port, ready),
            Input::Noted(event) => self.noted(now, event),
            Input::Printed(id) => self.printed(now, &id),
            Input::Persisted(batch) => self.persisted(now, batch),
        }
        self.dispatch(now);
        self.flush()
    }

    fn tick(&mut self, now: Instant) -> Vec<Output> {
        for id in self.queue.expired(now) {
            let age = self.config.retry.expire.as_secs();
            let last = self.queue.entry(&id).map(|e| e.row.detail.clone()).filter(|why| !why.is_empty());
            let last = last.map_or(String::new(), |why| format!("; at the last try: {why}"));
            self.give_back(now, &id, format!("not delivered within {} h {} min{last}", age / 3600, age / 60 % 60));
        }
        self.dispatch(now);
        self.flush()
    }

    fn deadline(&self) -> Option<Instant> {
        self.queue.deadline(&self.ports)
    }
}

impl Router {
    /// A router that has not yet heard from its journal.
    pub fn new(config: Config) -> Router {
        let state = |takes: &Takes| PortState {
            takes: takes.clone(),
            ready: false,
            busy: None,
            failures: 0,
            suspended_until: Instant::ZERO,
            channel: 0,
        };
        let ports = config.ports.iter().map(|(name, info)| (name.clone(), state(info))).collect();
        Router {
            config,
            recovered: false,
            ports,
            queue: Queue::default(),
            serials: BTreeMap::new(),
            numbered: BTreeMap::new(),
            next_delivery: 1,
            batch: 0,
            held: VecDeque::new(),
            asking: BTreeMap::new(),
            next_lookup: 1,
            filing: BTreeMap::new(),
            keys: BTreeMap::new(),
            learning: BTreeMap::new(),
            filed_without_dtg: BTreeSet::new(),
            changes: vec![],
            effects: vec![],
            outputs: vec![],
        }
    }

    /// Messages this station answers for: waiting or on their way.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    // ---- the seam to the disk ----

    fn flush(&mut self) -> Vec<Output> {
        let effects = std::mem::take(&mut self.effects);
        if !self.changes.is_empty() {
            self.batch += 1;
            let changes = std::mem::take(&mut self.changes);
            self.outputs.push(Output::Persist { batch: self.batch, changes });
            if faults::planted(faults::Fault::ReceiptBeforeSync) {
                effects.into_iter().for_each(|e| self.carry_out(e));
            } else {
                self.held.push_back((self.batch, effects));
            }
        } else if let Some((_, held)) = self.held.back_mut() {
            held.extend(effects); // what follows no change of its own still keeps its place in the order
        } else {
            effects.into_iter().for_each(|e| self.carry_out(e));
        }
        std::mem::take(&mut self.outputs)
    }

    fn persisted(&mut self, now: Instant, batch: u64) {
        while self.held.front().is_some_and(|(n, _)| *n <= batch) {
            let (_, effects) = self.held.pop_front().unwrap_or_default();
            for effect in effects {
                match effect {
                    Effect::Queue(row) => self.enqueue(now, *row),
                    other => self.carry_out(other),
                }
            }
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Show(output) => self.outputs.push(output),
            Effect::Queue(row) => self.enqueue(Instant::ZERO, *row),
            Effect::Learned(id) => self.forget_heard(&id),
            Effect::Settle(id) => {
                for token in self.filing.remove(&id).unwrap_or_default() {
                    self.outputs.push(Output::Verdict { token, verdict: Verdict::FiledBefore });
                }
            }
            Effect::Forget(key, id) => {
                for token in self.keys.remove(&key).unwrap_or_default() {
                    self.outputs.push(Output::Answer { token, submitted: Submitted::Known(id.clone()) });
                }
            }
        }
    }

    fn show(&mut self, output: Output) {
        self.effects.push(Effect::Show(output));
    }

    fn event(&mut self, now: Instant, port: Option<&str>, id: Option<&Identity>, event: Event) {
        let stamped = Stamped {
            t: now.micros(),
            utc: self.utc(now),
            station: self.config.station.clone(),
            port: port.map(str::to_owned),
            id: id.cloned(),
            event,
        };
        self.changes.push(Change::Event(stamped));
    }

    fn utc(&self, now: Instant) -> Utc {
        self.config.epoch.plus(now.since(Instant::ZERO))
    }

    // ---- going out ----

    fn enqueue(&mut self, now: Instant, row: Row) {
        // Why its last try failed, once there is one; also of a run before this one.
        let detail = if row.attempts > 0 { row.detail } else { String::new() };
        let row = Row { detail, ..row };
        let here = row.to.station == self.config.station;
        let mut ports = match here {
            true => self.config.machines.get(&row.to.desk).cloned().into_iter().collect(),
            false => ports_for(&self.config.routes, &row.to, row.class).unwrap_or_default().to_vec(),
        };
        ports.retain(|p| row.came_by.as_ref() != Some(p) && self.ports.contains_key(p));
        let age = std::time::Duration::from_micros(u64::try_from(self.utc(now).0 - row.accepted.0).unwrap_or(0));
        // What is filed here is nobody's to return: it waits for its machine as long as it takes.
        let expires = if here { NEVER } else { now + self.config.retry.expire.saturating_sub(age) };
        self.queue.add(Entry::new(row, ports, now, expires, here));
    }

    fn dispatch(&mut self, now: Instant) {
        while let Some(step) = self.queue.next(now, &self.ports) {
            match step {
                Step::Take { id, port } if self.unattended(now, &id, &port) => {}
                Step::Take { id, port } => {
                    self.queue.take(&id, &port);
                    let precedence = self.queue.entry(&id).map(|e| e.row.precedence).unwrap_or_default();
                    if let Some(state) = self.ports.get_mut(&port) {
                        state.busy = Some(Busy { id: id.clone(), precedence, delivery: None, called_off: false });
                    }
                    self.outputs.push(Output::Load(id));
                }
                Step::CallOff { port, delivery } => {
                    if let Some(busy) = self.ports.get_mut(&port).and_then(|p| p.busy.as_mut()) {
                        busy.called_off = true;
                    }
                    self.show(Output::Order { port, order: Order::CallOff(delivery) });
                }
            }
        }
    }

    fn loaded(&mut self, now: Instant, id: &Identity, message: Result<Message, String>) {
        let Some((port, here)) = self.queue.entry(id).and_then(|e| e.on.clone().map(|on| (on, e.here))) else { return };
        let Some(state) = self.ports.get_mut(&port) else { return };
        let message = message.map(|m| if here { convert::printable(m, &state.takes) } else { m });
        let takes = state.takes.clone();
        let message = message.and_then(|m| match self.carries_whole(id, &port, &m, &takes) {
            Some(other) => Err(format!("port {other} of its route carries all of it")),
            None => convert::convert_message(m, &takes),
        });
        let Some(state) = self.ports.get_mut(&port) else { return };
        let (message, edits) = match message {
            Ok(made) => made,
            Err(why) => {
                state.busy = None;
                return self.unfit(now, id, &port, why);
            }
        };
        let (channel, new) = match self.numbered.get(&(id.clone(), port.clone())) {
            Some(n) => (*n, false),
            None => (state.channel + 1, true),
        };
        state.channel = state.channel.max(channel);
        let number = self.next_delivery;
        self.next_delivery += 1;
        if let Some(busy) = &mut state.busy {
            busy.delivery = Some(number);
        }
        if new {
            self.numbered.insert((id.clone(), port.clone()), channel);
            self.changes.push(Change::Channel { id: id.clone(), port: port.clone(), serial: channel });
        }
        let Some(entry) = self.queue.entry(id) else { return };
        let again = entry.row.attempts > 0;
        entry.row.attempts += 1;
        entry.row.state = if here { State::Filed } else { State::Sent };
        let (attempt, state) = (entry.row.attempts, entry.row.state);
        self.moved(id, state, attempt, format!("{} {port}", if here { "printing at" } else { "by" }));
        let event = if here { Event::Printing { channel, attempt, edits } } else { Event::Sent { channel, attempt, edits } };
        self.event(now, Some(&port), Some(id), event);
        self.show(Output::Order { port, order: Order::Deliver(Delivery { number, message, channel, again }) });
    }

    fn moved(&mut self, id: &Identity, state: State, attempts: u32, detail: String) {
        self.changes.push(Change::Moved { id: id.clone(), state, attempts, detail });
    }

    /// Where this port would leave something of a message out: another of its route that would not.
    fn carries_whole(&mut self, id: &Identity, port: &str, message: &Message, takes: &Takes) -> Option<String> {
        let entry = self.queue.entry(id).filter(|_| convert::lessens(message, takes))?;
        let others: Vec<String> = entry.lane().into_iter().filter(|p| p != port).collect();
        others.into_iter().find(|p| self.ports.get(p).is_some_and(|state| convert::fits(&message.content, &state.takes).is_ok()))
    }
    /// This port cannot carry that message; another of its route may.
    fn unfit(&mut self, now: Instant, id: &Identity, port: &str, why: String) {
        self.queue.put_back(id);
        let Some(here) = self.queue.entry(id).map(|e| e.here) else { return };
        if here {
            // Damaged in the journal; its desk's only machine is asked again later.
            self.deferred(now, port, id, Reason::new(Fault::Peer, why));
        } else if self.queue.cannot(id, port, &why) {
            self.give_back(now, id, why);
        }
    }

    fn ended(&mut self, now: Instant, port: &str, delivery: u64, outcome: Outcome) {
        let Some(state) = self.ports.get_mut(port) else { return };
        let Some(busy) = state.busy.take_if(|b| b.delivery == Some(delivery)) else { return };
        let id = busy.id;
        match outcome {
            Outcome::Delivered(receipt) => {
                state.failures = 0;
                self.delivered(now, port, &id, receipt);
            }
            Outcome::Deferred(reason) => self.deferred(now, port, &id, reason),
            Outcome::NotBegun(reason) => {
                if let Some(entry) = self.queue.entry(&id) {
                    entry.row.attempts = entry.row.attempts.saturating_sub(1);
                }
                self.deferred(now, port, &id, reason);
            }
            Outcome::Refused(reason) if self.queue.entry(&id).is_some_and(|e| e.here) => self.deferred(now, port, &id, reason),
            Outcome::Refused(reason) => {
                state.failures = 0;
                self.give_back(now, &id, reason.text);
            }
            Outcome::CalledOff { at } => {
                let (state, attempts) = self.back_to_waiting(&id);
                self.moved(&id, state, attempts, format!("called off {at}"));
                self.event(now, Some(port), Some(&id), Event::CalledOff { at });
            }
        }
    }

    fn delivered(&mut self, now: Instant, port: &str, id: &Identity, receipt: Receipt) {
        let Some(entry) = self.queue.remove(id) else { return };
        self.unnumber(id);
        if entry.here {
            self.moved(id, State::Printed, entry.row.attempts, receipt.text);
            return self.event(now, Some(port), Some(id), Event::Printed);
        }
        let at = receipt.station;
        let filed = entry.row.to.station == at;
        let state = if filed { State::Filed } else { State::Custody };
        self.moved(id, state, entry.row.attempts, receipt.text.clone());
        let receipt = receipt.text;
        let event = if filed { Event::Filed { at, receipt } } else { Event::Custody { at, receipt } };
        self.event(now, Some(port), Some(id), event);
        let row = Row { state, ..entry.row };
        self.recalled(now, id, Some(row)); // in the same batch: what was heard before this answer is not lost behind it
    }

    /// Forgets the numbers that a message had on its ports.
    fn unnumber(&mut self, id: &Identity) {
        let first = (id.clone(), String::new());
        while let Some(next) = self.numbered.range(&first..).next().map(|(key, _)| key.clone()).filter(|(i, _)| i == id) {
            self.numbered.remove(&next);
        }
    }

    fn back_to_waiting(&mut self, id: &Identity) -> (State, u32) {
        self.queue.put_back(id);
        self.queue.entry(id).map_or((State::Accepted, 0), |entry| {
            entry.row.state = if entry.here { State::Filed } else { State::Accepted };
            (entry.row.state, entry.row.attempts)
        })
    }

    fn deferred(&mut self, now: Instant, port: &str, id: &Identity, reason: Reason) {
        let (state, attempts) = self.back_to_waiting(id);
        let (retry, speed) = (&self.config.retry, self.config.speed);
        let until = match (hold(reason.fault), self.ports.get_mut(port), self.queue.entry(id)) {
            (Hold::Port, Some(state), _) => {
                state.failures += 1;
                state.suspended_until = now + retry.wait(state.failures, speed);
                state.suspended_until
            }
            (Hold::Message, _, Some(entry)) => {
                entry.failures += 1;
                let until = now + retry.wait(entry.failures, speed);
                self.queue.hold_back(id, until);
                until
            }
            (Hold::Port | Hold::Message, _, _) => now,
        };
        self.moved(id, state, attempts, reason.text.clone());
        if let Some(entry) = self.queue.entry(id) {
            entry.row.detail.clone_from(&reason.text);
        }
        let retry = self.utc(until);
        self.event(now, Some(port), Some(id), Event::Delayed { reason: reason.text, retry });
    }

    /// Returns a message to its sender: to the desk here, or by a notice if it came from elsewhere.
    fn give_back(&mut self, now: Instant, id: &Identity, why: String) {
        let Some(entry) = self.queue.remove(id) else { return };
        self.unnumber(id);
        self.forget_heard(id);
        self.moved(id, State::Returned, entry.row.attempts, why.clone());
        self.event(now, None, Some(id), Event::Returned { reason: why.clone() });
        let (row, router) = (entry.row, router_desk());
        if row.came_by.is_none() || row.from.desk == router {
            return; // handed in here: the journal tells; and never a notice about a notice
        }
        let from = Address { desk: router, station: self.config.station.clone() };
        let text = format!("YOUR MESSAGE {} TO {} WAS NOT DELIVERED: {why}", row.id.heading(), row.to);
        // The message's own class: its sender is known to send by that one, so it has a way back.
        let (to, precedence, class) = (row.from, row.precedence, row.class);
        let envelope = Envelope { from, to, precedence, class, subject: "RETURNED MESSAGE".into(), via: vec![], post: None };
        let draft = Draft { envelope, content: vec![Part::Text { text }] };
        if let Err(Submitted::Unknown(why) | Submitted::Refused(why) | Submitted::Stuck(why)) = self.admissible(&draft) {
            let reason = format!("the sender, {}, could not be told: {why}", draft.envelope.to);
            return self.event(now, None, Some(id), Event::Refused { reason });
        }
        self.accept(now, None, draft, None);
    }

    // ---- ports and papers ----

    fn port_ready(&mut self, now: Instant, port: &str, ready: Result<(), String>) {
        let Some(state) = self.ports.get_mut(port) else { return };
        state.ready = ready.is_ok();
        state.suspended_until = now;
        if let Err(why) = ready {
            let lost = state.busy.take();
            self.event(now, Some(port), None, Event::LineDown { reason: why.clone() });
            if let Some(busy) = lost {
                self.deferred(now, port, &busy.id, Reason::new(Fault::Us, why));
            }
        }
    }

    fn noted(&mut self, now: Instant, event: Stamped) {
        if let (Event::LineUp { .. }, Some(state)) = (&event.event, event.port.as_ref().and_then(|p| self.ports.get_mut(p))) {
            // The far end is there: whoever fell to another port may come back to this one.
            state.suspended_until = now;
            state.failures = 0;
        }
        self.changes.push(Change::Event(event));
    }

    fn printed(&mut self, now: Instant, id: &Identity) {
        self.moved(id, State::Printed, 0, String::new());
        // The desk's name is in the row; the event needs only say that it is done.
        self.event(now, None, Some(id), Event::Printed);
    }
}

/// The desk that notices come from. Nothing is ever returned to it.
fn router_desk() -> Name {
    match "router".parse() {
        Ok(name) => name,
        Err(_) => unreachable!("`router` is a name"),
    }
}

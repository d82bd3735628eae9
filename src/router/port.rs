//! The door between the router and a medium: the [`Backend`] trait and the [`Port`] it is given.
//!
//! Standards: none; see `docs/add-a-backend.md`.
//! In: deliveries and call-offs from the router. Out: outcomes, submissions, events.
//! Left out: what a backend does inside. Shown by: `router::conformance`, `tests/it/courier.rs`.

use super::event::{Event, EventSink, Stamped};
use super::journal::contents::Contents;
use super::journal::history::History;
use super::retry::RetryPolicy;
use super::talk::Submitted;
use crate::message::{Address, Class, Draft, Identity, Message, Name, Takes};
use crate::time::{Clock, Hours, Speed, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// A future on the heap, as trait objects need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A medium, plugged into one port of a station.
pub trait Backend: Send + 'static {
    /// What its line can carry. The router converts or refuses; a backend gets only what it takes.
    fn takes(&self) -> Takes;
    /// Tries its device and, where that does no harm, its far end, before the station runs: notes, or why it would not work.
    fn check(&self, _station: &Name, _speed: Speed) -> BoxFuture<'_, Result<Vec<String>, String>> {
        Box::pin(async { Ok(vec![]) })
    }
    /// What it must have for itself, in words (a device, a key tape): no two ports of a station may name the same.
    fn holds(&self) -> Vec<String> {
        vec![]
    }
    /// Tries the address where it listens, if there is one: why it cannot be had just now, in a sentence that is said when the station starts.
    /// The port runs all the same: who has the address may end, as a device may be plugged in.
    fn listens(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
    /// Why nothing can ever leave by it, if its keys say that: a route to it leads nowhere.
    fn sends(&self) -> Result<(), String> {
        Ok(())
    }
    /// Desks of this station that its own files name, each with who is to write from it, in words: that they exist is for `molink check`.
    fn writers(&self) -> Vec<(String, Name)> {
        vec![]
    }
    /// What it is if it is no line to a station but a machine at a desk of this one: messages for that desk are printed there.
    fn at_desk(&self) -> Option<AtDesk> {
        None
    }
    /// The name that stands for the world outside, if this port leads to it: its correspondents are desks of that name, and messages
    /// from them are accepted here.
    fn outside(&self) -> Option<Name> {
        None
    }
    /// Runs until the port closes (its orders end) or the backend cannot go on.
    ///
    /// Every [`Delivery`] taken must end in one report, also when the line is lost; whoever is dropped in mid-delivery
    /// (a crash) is given the message anew.
    fn run(self: Box<Self>, port: Port) -> BoxFuture<'static, Result<(), BackendError>>;
}

/// Why a backend cannot go on: what, where and what to do, in one sentence. The station starts it again after a while.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BackendError(pub String);

/// A machine at a desk, as the station has to know it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AtDesk {
    /// When nobody is there: only flash and above is printed then.
    pub unattended: Option<Hours>,
}

/// Whether an address can be reached from here, or one sentence that names the nearest.
pub type Reachable = Arc<dyn Fn(&Address, Class) -> Result<(), String> + Send + Sync>;

/// A message in another form beside its own parts, for people who get it as a mail: a paper as a document, a fax as PDF.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Form {
    /// A file's name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Form {
    /// The media type of a form that is a text to read before the rest, where a message has no text of its own (a fax).
    pub const TEXT: &str = "text/plain";
}

/// Makes the forms of a message that came by the port named (`None`: handed in here). It waits for the disk.
pub type Forms = Arc<dyn Fn(&Message, Option<&str>) -> Vec<Form> + Send + Sync>;

/// What a port has to know of its station; all but the folder is for a machine at a desk.
#[derive(Clone)]
pub struct Place {
    /// The desks that print there, the one that typed messages come from first.
    pub desks: Vec<Name>,
    /// The stations that a route names, and this one; the others are strangers.
    pub known: BTreeSet<Name>,
    /// Where messages can be sent.
    pub reachable: Reachable,
    /// The station's folder.
    pub data: PathBuf,
    /// The station's number, if it has one: fax calls carry it.
    pub number: Option<u8>,
    /// The desks of this station, sorted.
    pub all_desks: Vec<Name>,
    /// The names that stand for the world outside, of all its ports.
    pub outsides: BTreeSet<Name>,
    /// What the station did; `None` where a port stands alone (a test).
    pub history: Option<History>,
    /// Other forms of a message.
    pub forms: Forms,
    /// How old a message is when it is given back.
    pub expire: Duration,
}

impl Place {
    /// The bytes of pages and files.
    pub fn contents(&self) -> Contents {
        Contents::in_folder(self.data.join("content"))
    }
}

impl Default for Place {
    /// No desk; everybody can be reached; the current folder.
    fn default() -> Self {
        Place {
            desks: vec![],
            known: BTreeSet::new(),
            reachable: Arc::new(|_, _| Ok(())),
            data: PathBuf::new(),
            number: None,
            all_desks: vec![],
            outsides: BTreeSet::new(),
            history: None,
            forms: Arc::new(|_, _| vec![]),
            expire: RetryPolicy::default().expire,
        }
    }
}

/// A message to carry over this port.
#[derive(Clone, PartialEq, Debug)]
pub struct Delivery {
    /// The router's number of this attempt; reports and call-offs name it.
    pub number: u64,
    /// The message, made into what the port takes.
    pub message: Message,
    /// The channel serial: the message's number on this port, outgoing, from 1; the same in each attempt.
    pub channel: u32,
    /// An earlier attempt was begun and may have left something at the far end. A machine at a desk says so on its paper.
    pub again: bool,
}

/// What the router tells a backend.
#[derive(Clone, PartialEq, Debug)]
pub enum Order {
    /// Carry this.
    Deliver(Delivery),
    /// Stop this delivery at the next boundary (something more urgent waits). It still ends in one report.
    CallOff(u64),
    /// What became of a message that was typed here.
    Tell {
        /// Which.
        id: Identity,
        /// What: custody, filed or returned.
        event: Event,
    },
}

/// Whose fault a failure is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// The line: no answer, noise, cut.
    Line,
    /// The far end answered, and said no or nonsense.
    Peer,
    /// This end: a device, a disk, a bug.
    Us,
}

/// Why something did not go through.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reason {
    /// Whose fault.
    pub fault: Fault,
    /// One sentence naming the stage, the peer and what was expected.
    pub text: String,
}

impl Reason {
    /// A reason.
    pub fn new(fault: Fault, text: impl Into<String>) -> Reason {
        Reason { fault, text: text.into() }
    }
}

/// The far station's word that it has the message on disk.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// The station that said so.
    pub station: Name,
    /// It had it already (an earlier receipt was lost).
    #[serde(default)]
    pub before: bool,
    /// What the receipt said, as it came.
    pub text: String,
}

/// How a delivery ended. The backend says whose fault; the router decides what follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The far station has it on disk and said so.
    Delivered(Receipt),
    /// Not now: the router tries again or elsewhere.
    Deferred(Reason),
    /// The same, and nothing of it has gone out: the attempt does not count.
    NotBegun(Reason),
    /// Never: the router returns it to the sender.
    Refused(Reason),
    /// Stopped as told; nothing was filed.
    CalledOff {
        /// Where it stopped, e.g. `after 132 of 410 codes`.
        at: String,
    },
}

/// The router's answer to a message that came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// On disk here.
    Filed,
    /// It was on disk here before; nothing was filed again.
    FiledBefore,
    /// Final: unknown desk, no route, a loop.
    Refused(Reason),
    /// Cannot be filed now.
    TryLater(Reason),
}

/// What the world outside said later of a message that went there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// It arrived; in whose words.
    Delivered(String),
    /// It was given up; why.
    Failed(String),
}

/// What a port tells the router.
#[derive(Debug)]
pub enum PortReport {
    /// Word came of a message that went to the world outside.
    Learned {
        /// Which.
        id: Identity,
        /// What.
        news: News,
        /// Told when it is on disk, or nothing will come of it; or to say it later.
        answer: oneshot::Sender<Verdict>,
    },
    /// A delivery ended.
    Ended {
        /// Which.
        delivery: u64,
        /// How.
        outcome: Outcome,
    },
    /// A message came in; answer when it is on disk.
    Came {
        /// The message, with the identity it carries.
        message: Message,
        /// Where the verdict goes.
        answer: oneshot::Sender<Verdict>,
    },
    /// A message was typed; answer when it is on disk.
    Typed {
        /// The message, which has no identity yet.
        draft: Draft,
        /// Its idempotency key: the same draft handed in again under it is known, not filed anew.
        key: Option<String>,
        /// Where the answer goes.
        answer: oneshot::Sender<Submitted>,
    },
}

/// A backend's end of the door.
pub struct Port {
    station: Name,
    orders: mpsc::Receiver<Order>,
    door: Door,
    events: Events,
    clock: Clock,
    place: Place,
}

/// The way from a backend to the router; clones may be given to tasks of their own.
#[derive(Clone)]
pub struct Door {
    port: String,
    reports: mpsc::Sender<(String, PortReport)>,
}

/// The router's end: where its orders go.
pub type Orders = mpsc::Sender<Order>;

impl Port {
    /// Makes a port of `station` and the sender of its orders. Reports arrive at `reports` with the port's name.
    pub fn new(
        name: &str,
        station: &Name,
        reports: mpsc::Sender<(String, PortReport)>,
        sink: Arc<dyn EventSink>,
        clock: Clock,
    ) -> (Port, Orders) {
        let (tx, orders) = mpsc::channel(8);
        let events = Events { station: station.clone(), port: name.to_owned(), sink, clock: clock.clone() };
        let door = Door { port: name.to_owned(), reports };
        (Port { station: station.clone(), orders, door, events, clock, place: Place::default() }, tx)
    }
    /// The same port, at a place.
    pub fn at(self, place: Place) -> Port {
        Port { place, ..self }
    }
    /// What it has to know of its station.
    pub fn place(&self) -> &Place {
        &self.place
    }
    /// The port's name in the station file.
    pub fn name(&self) -> &str {
        &self.door.port
    }
    /// The station it belongs to.
    pub fn station(&self) -> &Name {
        &self.station
    }
    /// The station's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
    /// Where events go.
    pub fn events(&self) -> &Events {
        &self.events
    }
    /// Where reports and messages go.
    pub fn door(&self) -> Door {
        self.door.clone()
    }
    /// The next order; `None` when the station stops. Cancel-safe.
    pub async fn next_order(&mut self) -> Option<Order> {
        self.orders.recv().await
    }
}

impl Door {
    /// Says how a delivery ended.
    pub async fn report(&self, delivery: u64, outcome: Outcome) {
        // A station that stops no longer listens; the journal knows what was not reported.
        let _ = self.reports.send((self.port.clone(), PortReport::Ended { delivery, outcome })).await;
    }
    /// Tells what was heard of a message that went to the world outside. Only one that the journal has in the custody of a host there changes.
    /// Resolves once that is on disk, or nothing will come of it; to `TryLater` if it has to be told again.
    pub fn learned(&self, id: Identity, news: News) -> impl Future<Output = Verdict> + Send + 'static {
        let (answer, verdict) = oneshot::channel();
        self.told(PortReport::Learned { id, news, answer }, verdict)
    }
    /// Hands in a message that came; resolves once it is on disk (or will not be).
    pub fn submit(&self, message: Message) -> impl Future<Output = Verdict> + Send + 'static {
        let (answer, verdict) = oneshot::channel();
        self.told(PortReport::Came { message, answer }, verdict)
    }
    fn told(&self, report: PortReport, verdict: oneshot::Receiver<Verdict>) -> impl Future<Output = Verdict> + Send + 'static {
        let (reports, name) = (self.reports.clone(), self.port.clone());
        async move {
            let gone = || Verdict::TryLater(Reason::new(Fault::Us, "the station is stopping"));
            if reports.send((name, report)).await.is_err() {
                return gone();
            }
            verdict.await.unwrap_or_else(|_| gone())
        }
    }
    /// Hands in a message that has no identity yet (typed here, or come from a machine that gives none); resolves once it is on disk (or
    /// will not be). Under a key it is filed once, however often it is handed in.
    pub fn hand_in(&self, draft: Draft, key: Option<String>) -> impl Future<Output = Submitted> + Send + 'static {
        let (answer, submitted) = oneshot::channel();
        let (reports, name) = (self.reports.clone(), self.port.clone());
        async move {
            let gone = || Submitted::Stuck("the station is stopping".into());
            if reports.send((name, PortReport::Typed { draft, key, answer })).await.is_err() {
                return gone();
            }
            submitted.await.unwrap_or_else(|_| gone())
        }
    }
}

/// Emits events in a port's name.
#[derive(Clone)]
pub struct Events {
    station: Name,
    port: String,
    sink: Arc<dyn EventSink>,
    clock: Clock,
}

impl Events {
    /// Emits `event` now, about the message `id` if it is about one.
    pub fn emit(&self, event: Event, id: Option<&Identity>) {
        self.sink.take(self.stamped(event, id));
    }
    /// A note that somebody should act on: what was set up does not work.
    pub fn warn(&self, text: impl Into<String>) {
        self.sink.warn(self.stamped(Event::Note { text: text.into() }, None));
    }
    fn stamped(&self, event: Event, id: Option<&Identity>) -> Stamped {
        let now = self.clock.now();
        let utc: Utc = self.clock.utc(now);
        let (station, port) = (self.station.clone(), Some(self.port.clone()));
        Stamped { t: now.micros(), utc, station, port, id: id.cloned(), event }
    }
}

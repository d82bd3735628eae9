//! What a router is made with, told, and says: plain values.
//!
//! Standards: none. In: nothing. Out: [`Config`], [`Input`], [`Output`] and what they hold.
//! Left out: what follows from what (see `core`). Shown by: `router::tests`.

use super::event::Stamped;
use super::journal::{Change, Recovered, Row};
use super::port::{News, Order, Outcome, Verdict};
use super::retry::RetryPolicy;
use super::route::Route;
use crate::message::{Draft, Identity, Message, Name, Takes};
use crate::time::{Hours, Speed, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// What a router needs to know of its station.
#[derive(Clone, Debug)]
pub struct Config {
    /// The station's name.
    pub station: Name,
    /// UTC at [`crate::time::Instant::ZERO`].
    pub epoch: Utc,
    /// The clock's speed (for the floor of waiting times).
    pub speed: Speed,
    /// The desks here.
    pub desks: BTreeSet<Name>,
    /// Desks with a machine: the port that prints what is filed for them.
    pub machines: BTreeMap<Name, String>,
    /// Ports of machines, and when nobody is there.
    pub unattended: BTreeMap<String, Hours>,
    /// Names that stand for the world outside: messages from their desks are handed in here.
    pub outsides: BTreeSet<Name>,
    /// The ports, and what each takes.
    pub ports: BTreeMap<String, Takes>,
    /// Routes, in order.
    pub routes: Vec<Route>,
    /// When to try again, when to give up.
    pub retry: RetryPolicy,
    /// Messages that may wait at one time.
    pub most_waiting: usize,
}

/// The answer to a message handed in here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Submitted {
    /// On disk, under this identity.
    Accepted(Identity),
    /// Handed in before with the same key.
    Known(Identity),
    /// Nobody of that name; the sentence names the nearest.
    Unknown(String),
    /// Cannot be carried.
    Refused(String),
    /// Not now.
    Stuck(String),
}

/// What a router asks the journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Query {
    /// A message by identity.
    Identity(Identity),
    /// A message by idempotency key.
    Key(String),
}

/// What a router is told.
#[derive(Clone, PartialEq, Debug)]
pub enum Input {
    /// What the journal held at start. Comes first, once.
    Recovered(Recovered),
    /// A message was handed in here.
    Submit {
        /// Names the answer.
        token: u64,
        /// The message.
        draft: Draft,
        /// The idempotency key.
        key: Option<String>,
    },
    /// A message came by a port.
    Came {
        /// Names the answer.
        token: u64,
        /// Which port.
        port: String,
        /// The message.
        message: Message,
    },
    /// The answer to [`Output::Lookup`].
    Found {
        /// Its token.
        token: u64,
        /// What the journal holds.
        found: Option<Identity>,
    },
    /// What was heard of a message that went to the world outside.
    Learned {
        /// Names the answer: filed when there is nothing left to lose of it, later when too much waits.
        token: u64,
        /// Which port heard it.
        port: String,
        /// Which message it names.
        id: Identity,
        /// What became of it.
        news: News,
    },
    /// The answer to [`Output::Recall`].
    Recalled {
        /// Which.
        id: Identity,
        /// Its row, if it is in the journal.
        row: Option<Row>,
    },
    /// The answer to [`Output::Load`].
    Loaded {
        /// Which.
        id: Identity,
        /// Its content, or why it cannot be read.
        message: Result<Message, String>,
    },
    /// A delivery ended.
    Ended {
        /// Which port.
        port: String,
        /// Which delivery.
        delivery: u64,
        /// How.
        outcome: Outcome,
    },
    /// A port's backend runs (again), or stopped for the reason given.
    PortReady {
        /// Which.
        port: String,
        /// `Err`: why it does not run.
        ready: Result<(), String>,
    },
    /// A port said something durable.
    Noted(Stamped),
    /// A paper was made for a desk.
    Printed(Identity),
    /// This batch, and all before it, are on disk.
    Persisted(u64),
}

/// What a router does.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// Write these, whole, then say [`Input::Persisted`].
    Persist {
        /// Rises by one.
        batch: u64,
        /// What to write.
        changes: Vec<Change>,
    },
    /// Look this up in the journal, then say [`Input::Found`].
    Lookup {
        /// Names the answer.
        token: u64,
        /// What.
        query: Query,
    },
    /// Read this message's row from the journal, then say [`Input::Recalled`].
    Recall(Identity),
    /// Read this message from the journal, then say [`Input::Loaded`].
    Load(Identity),
    /// Tell a port.
    Order {
        /// Which.
        port: String,
        /// What.
        order: Order,
    },
    /// Answer [`Input::Submit`].
    Answer {
        /// Its token.
        token: u64,
        /// What to say.
        submitted: Submitted,
    },
    /// Answer [`Input::Came`] or [`Input::Learned`].
    Verdict {
        /// Its token.
        token: u64,
        /// What to say.
        verdict: Verdict,
    },
    /// A message for a desk here is on disk: a paper can be made.
    Paper(Identity),
}

//! The journal: what a station has on disk, as the router sees it.
//!
//! Standards: none; states are listed in `docs/flow.md`.
//! In: [`Change`]s, in batches, each all or nothing. Out: [`Recovered`] at start; rows, messages and events on request.
//! Left out: where it lies; see [`sqlite`] (one machine's disk) and [`memory`] (replay). Shown by: `tests/it/journal.rs`.

pub mod contents;
mod form;
pub mod history;
pub mod memory;
pub mod reader;
pub mod sqlite;
pub mod store;
mod waits;
pub mod wal;
pub mod writer;

use super::event::Stamped;
use crate::message::{Address, Class, Identity, Message, Precedence};
use crate::time::Utc;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a message stands, in the order of its life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// On disk here; waits for a line.
    Accepted,
    /// Going out, or gone out and not yet receipted.
    Sent,
    /// On disk at a station that passes it on.
    Custody,
    /// On disk at the addressed station.
    Filed,
    /// On paper at the desk.
    Printed,
    /// Given back to the sender.
    Returned,
}

impl State {
    /// All, in order.
    pub const ALL: [State; 6] = [State::Accepted, State::Sent, State::Custody, State::Filed, State::Printed, State::Returned];
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            State::Accepted => "accepted",
            State::Sent => "sent",
            State::Custody => "custody",
            State::Filed => "filed",
            State::Printed => "printed",
            State::Returned => "returned",
        }
    }
    /// Whether this station is done with the message.
    pub fn ended(self) -> bool {
        self >= State::Custody
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

impl std::str::FromStr for State {
    type Err = String;
    fn from_str(s: &str) -> Result<State, String> {
        State::ALL
            .into_iter()
            .find(|w| w.word() == s)
            .ok_or_else(|| format!("`{s}` is not a state; it is one of accepted, sent, custody, filed, printed, returned"))
    }
}

/// One message's line in the journal, without its content.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Who it is; unique in a journal.
    pub id: Identity,
    /// From whom.
    pub from: Address,
    /// For whom.
    pub to: Address,
    /// How urgent.
    pub precedence: Precedence,
    /// Which kind of traffic: its route hangs on it, after a restart too.
    #[serde(default, skip_serializing_if = "Class::is_usual")]
    pub class: Class,
    /// About what.
    pub subject: String,
    /// When it came to be on disk here.
    pub accepted: Utc,
    /// The port it came in by; `None` if handed in here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came_by: Option<String>,
    /// Where it stands.
    pub state: State,
    /// Attempts made to send it on.
    pub attempts: u32,
    /// The last word on it: a receipt, a reason; may be empty.
    pub detail: String,
}

/// One change to the journal. A batch of them is written whole or not at all.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Change {
    /// A new message; refused by the journal if its identity is there already.
    New {
        /// Its row.
        row: Row,
        /// Its content.
        message: Message,
        /// The idempotency key it was handed in with.
        key: Option<String>,
    },
    /// A message stands elsewhere now.
    Moved {
        /// Which.
        id: Identity,
        /// Where.
        state: State,
        /// Attempts so far.
        attempts: u32,
        /// The last word on it.
        detail: String,
    },
    /// A message got its number on a port.
    Channel {
        /// Which message.
        id: Identity,
        /// Which port.
        port: String,
        /// The number; also the highest given on that port so far.
        serial: u32,
    },
    /// A durable event happened; the journal numbers it.
    Event(Stamped),
}

/// What a station finds in its journal at start.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Recovered {
    /// Messages this station still answers for (not [`State::ended`]), oldest first.
    pub waiting: Vec<Row>,
    /// Messages filed for this station's desks and not printed, oldest first.
    pub unprinted: Vec<Row>,
    /// The highest serial given here, for each day ([`crate::time::Dtg::day_number`]) the journal knows.
    pub serials: BTreeMap<u32, u32>,
    /// The highest channel serial given, for each port.
    pub channels: BTreeMap<String, u32>,
    /// Channel serials of the waiting messages: (message, port) to number.
    pub numbered: BTreeMap<(Identity, String), u32>,
}

/// Why a journal could not be read or written: what, where and what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct JournalError(pub String);

/// An error of the system in our form: its first letter small.
pub(crate) fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

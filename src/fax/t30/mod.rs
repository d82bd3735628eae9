//! T.30: the fax call. The caller and the answerer are machines; they speak to a modem (`fax::modem`), whatever carries it.
//!
//! Standard: ITU-T T.30 (07/96 as far as it was at hand; `docs/fax-call.md` says what is from elsewhere and what is ours).
//! In: pages, what a modem hears. Out: orders to the modem, pages received, events, an outcome that names the stage.
//! Left out: polling, V.34, operators. Shown by: `fixtures/dialogues/fax`, `docs/fax-call.md`.

pub mod answerer;
mod answerer_key;
mod answerer_page;
pub mod caller;
mod caller_answers;
mod caller_key;
pub mod capabilities;
pub mod cipher;
mod correction;
pub mod event;
pub mod facility;
pub mod frame;
mod leg;
pub mod outcome;
pub mod settings;
pub mod timers;
pub mod verdict;

pub use crate::key::reel::Reservation;
pub use answerer::Answerer;
pub use caller::Caller;
pub use capabilities::{Capabilities, FrameSize, Width};
pub use cipher::{KeyEvent, Keys};
pub use event::CallEvent;
pub use facility::{Entry, Facilities};
pub use frame::{Frame, Kind, Post};
pub use outcome::{Blame, Failure, Report};
pub use settings::{Settings, Wishes};
pub use timers::Timer;
pub use verdict::{Thresholds, Verdict};

use super::code::Damage;
use super::modem::{Heard, Order};
use crate::paper::Page;
use std::sync::Arc;

/// What a machine of a call is told.
#[derive(Debug)]
pub enum Input {
    /// The line is there: call, or answer.
    Start,
    /// What the modem hears.
    Heard(Heard),
    /// A page of [`Output::Page`] is on disk.
    Stored {
        /// Which, from 1.
        page: usize,
    },
    /// A page cannot be stored.
    NotStored {
        /// Which, from 1.
        page: usize,
        /// Why: one sentence.
        why: String,
    },
    /// For a caller, before [`Input::SetUp`]: these pages instead, as many as before.
    Pages(Vec<Arc<Page>>),
    /// What follows from [`Output::Identified`]: go on. A caller says these entries (NSS) to a station of molink; an answerer says none.
    SetUp(Vec<Entry>),
    /// For an answerer: what came, or is to come, is not taken. The call ends as soon as the far end hears: with these entries, where it is a
    /// station of molink, and DCN.
    Refuse {
        /// Why: one sentence, for this end's report.
        why: String,
        /// Whose fault.
        blame: Blame,
        /// What the far end is told.
        entries: Vec<Entry>,
    },
    /// For a caller: end the call at the next boundary: now, or once the page that is being sent was answered.
    Halt {
        /// Why: one sentence.
        why: String,
    },
    /// A reservation of key is on disk ([`Output::Reserve`]): its octets.
    Reserved {
        /// Which.
        made: Reservation,
        /// The key.
        key: Vec<u8>,
    },
    /// A reservation of key could not be made.
    NotReserved {
        /// Which.
        made: Reservation,
        /// Why: one sentence.
        why: String,
    },
    /// End the call.
    Stop {
        /// Why: one sentence.
        why: String,
    },
}

/// What a machine of a call wants done.
#[derive(Debug)]
pub enum Output {
    /// For the modem.
    Order(Order),
    /// Something to be seen.
    Event(CallEvent),
    /// The far end is known: a caller heard its DIS, an answerer a DCS. Only of a machine with facilities, which waits for [`Input::SetUp`]
    /// before the DCS, or before it says whether the training check passed.
    Identified(Identified),
    /// Key of the diskettes at this port is to be put on record: then [`Input::Reserved`]. None of it is used before.
    Reserve(Reservation),
    /// A page came that is good or fair: store it, then say [`Input::Stored`]. Nothing is confirmed before.
    Page(Received),
    /// The call is over, and the modem has hung up.
    Ended(Report),
}

/// Who is at the far end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identified {
    /// Its number, as it says (CSI, TSI).
    pub number: Option<String>,
    /// The sub-address it named (SUB).
    pub sub: Option<String>,
    /// What it can do (DIS).
    pub capabilities: Option<Capabilities>,
    /// What it says in NSF or NSS, if it is a station of molink.
    pub facilities: Option<Facilities>,
}

/// A page that came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Which, from 1. One that was refused (RTN) comes again under its number.
    pub number: usize,
    /// Its rows.
    pub page: Page,
    /// What could not be read.
    pub damage: Damage,
    /// Good or fair. (Fair with error correction: the sender gave up correcting.)
    pub verdict: Verdict,
    /// How it was sent.
    pub settings: Settings,
    /// Whether the far end has no more (EOP).
    pub last: bool,
}

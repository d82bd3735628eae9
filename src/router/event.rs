//! Events: every change a person may want to see, as one serde enum.
//!
//! Standards: JSON, one object a line: `t` (µs), `utc`, `station`, `port`, `event`, `id`, then the event's own fields.
//! In: what machines and the router report. Out: the journal's history, the API, the terminal, the trace.
//! Two kinds: durable (numbered, in the journal) and derived (never stored). Left out: who reads them. Shown by: `fixtures/dialogues`, the demo's trace.

use crate::message::{Address, Class, Edit, Identity, Name, Precedence};
use crate::time::Utc;
use serde::{Deserialize, Serialize};

/// Which way something went, as the reporting station sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From this station.
    Out,
    /// To this station.
    In,
}

/// Whether a span of a line is readable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Span {
    /// In clear.
    Clear,
    /// Enciphered.
    Cipher,
}

/// Which key a span was enciphered with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeySpan {
    /// The tape's serial number.
    pub tape: u32,
    /// The position of the first code.
    pub position: u64,
}

/// What happened. The first group is durable, the second derived (see [`Event::durable`]).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// On disk here; this station answers for it.
    Accepted {
        /// From whom.
        from: Address,
        /// For whom.
        to: Address,
        /// How urgent.
        precedence: Precedence,
        /// Which kind of traffic.
        #[serde(default, skip_serializing_if = "Class::is_usual")]
        class: Class,
        /// About what.
        subject: String,
        /// Whether its sender asked to hear of a delay (`NOTIFY=DELAY`, RFC 3461 4.1).
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        tell_delay: bool,
    },
    /// Going out over the port.
    Sent {
        /// Its number on that port.
        channel: u32,
        /// Which attempt, from 1.
        attempt: u32,
        /// What was changed in it for this port.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        edits: Vec<Edit>,
    },
    /// On disk at another station, which passes it on.
    Custody {
        /// That station.
        at: Name,
        /// Its receipt.
        receipt: String,
    },
    /// On disk at the addressed station.
    Filed {
        /// That station.
        at: Name,
        /// Its receipt; empty at that station itself.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        receipt: String,
    },
    /// Being printed at the machine of its desk.
    Printing {
        /// Its number on that port.
        channel: u32,
        /// Which attempt, from 1; after the first it is headed as a duplicate.
        attempt: u32,
        /// What was changed in it for this machine.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        edits: Vec<Edit>,
    },
    /// At the desk, on paper.
    Printed,
    /// Came again; not filed again.
    CameAgain,
    /// Did not go through this time.
    Delayed {
        /// Why.
        reason: String,
        /// When it is tried again at the latest.
        retry: Utc,
    },
    /// Stopped for something more urgent; waits again.
    CalledOff {
        /// Where it stopped.
        at: String,
    },
    /// Given back to the sender.
    Returned {
        /// Why.
        reason: String,
    },
    /// A message that came in was refused, or the notice about one that failed.
    Refused {
        /// Why.
        reason: String,
    },
    /// The far end answered a call-up.
    LineUp {
        /// The far end.
        peer: Name,
    },
    /// The far end does not answer, or the device is gone.
    LineDown {
        /// Why.
        reason: String,
    },
    /// A key tape was put into the mixer.
    KeyTaken {
        /// For what goes out, or for what comes in.
        dir: Direction,
        /// Its serial number.
        tape: u32,
        /// Its next position.
        position: u64,
        /// Codes left on it.
        left: u64,
    },
    /// Key was passed over and will never be used.
    KeyBurned {
        /// For what goes out, or for what comes in.
        dir: Direction,
        /// The tape.
        tape: u32,
        /// The first position burned.
        from: u64,
        /// The next position to be used.
        to: u64,
        /// Why.
        reason: String,
    },
    /// Key runs low.
    KeyLow {
        /// For what goes out, or for what comes in.
        dir: Direction,
        /// Codes left on the tapes that hang here.
        left: u64,
        /// What that is at line speed.
        minutes: u64,
    },
    /// Something is wrong with key: nothing is sent with it.
    KeyTrouble {
        /// What, and what to do.
        reason: String,
    },
    /// What came does not decipher: codes were lost or doubled on the way.
    StepLost {
        /// How it was noticed.
        reason: String,
    },
    /// After a loss, what comes deciphers again.
    StepRegained {
        /// The tape.
        tape: u32,
        /// From where.
        position: u64,
    },
    /// A page of a fax call is confirmed: the far end said so (out), or it is on disk here (in).
    PageConfirmed {
        /// Which way the page went.
        dir: Direction,
        /// Which, from 1.
        page: usize,
        /// Of how many, as far as that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<usize>,
        /// Its rows.
        rows: usize,
        /// Of them, those that could not be read (known where it came).
        #[serde(default)]
        bad: usize,
    },
    /// The station started.
    Started {
        /// The program's version.
        version: String,
        /// Messages found waiting in the journal.
        waiting: usize,
    },

    /// A service line of the procedure.
    Service {
        /// Which way.
        dir: Direction,
        /// The line, without its check group.
        line: String,
        /// Readable or not.
        #[serde(rename = "as")]
        span: Span,
    },
    /// A span of codes; a viewer unrolls it in time.
    Transmission {
        /// Which way.
        dir: Direction,
        /// The codes, two hexadecimal digits each.
        codes: String,
        /// When the first began (µs on the station's clock).
        start: u64,
        /// Microseconds per code; 0 without pacing.
        unit: u64,
        /// Readable or not.
        #[serde(rename = "as")]
        span: Span,
        /// Of an enciphered span: the tape, and the position on it of the first code.
        #[serde(default, flatten, skip_serializing_if = "Option::is_none")]
        key: Option<KeySpan>,
    },
    /// Characters of a message: as they come off the line, or, going out, what the last transmission says before the mixer.
    Characters {
        /// Which way.
        dir: Direction,
        /// The characters.
        text: String,
    },
    /// A fax call goes on to another phase.
    Call {
        /// Who called: out, this station.
        dir: Direction,
        /// The far end, as it names itself, or as it was called.
        peer: String,
        /// `A` (the line is taken), `B` (how to send is agreed), `C` (a page), `D` (whether it came), `E` (the line is left), and what is being
        /// done: `B: waiting for CFR`.
        phase: String,
    },
    /// A frame of a fax call, by name and with its fields.
    Frame {
        /// Which way.
        dir: Direction,
        /// As `DCS 14400 MMR fine`.
        frame: String,
    },
    /// How the pages of a fax call are sent from here on.
    Settled {
        /// Which way the pages go.
        dir: Direction,
        /// Modulation and rate, code, correction, resolution.
        text: String,
        /// Bits a second.
        rate: u32,
    },
    /// Scan lines of a page that comes in.
    Scan {
        /// Which page, from 1.
        page: usize,
        /// The first line, from 0.
        first: usize,
        /// Pels of a line.
        width: usize,
        /// Lines an inch.
        per_inch: u16,
        /// The lines, one octet for eight pels, the first pel highest, 1 black, each line in whole octets; as PackBits (TIFF 6.0 section 9), two
        /// hexadecimal digits an octet.
        lines: String,
    },
    /// A part of a message that was cut off: shown, never filed.
    Fragment {
        /// What came of it.
        text: String,
        /// Why it ended.
        reason: String,
    },
    /// Something on the line that the procedure does not know or did not ask for.
    Ignored {
        /// What, and why.
        what: String,
    },
    /// What a port wants said (settings really in force, a note about a device).
    Note {
        /// One sentence.
        text: String,
    },
    /// A slow reader lost derived events.
    Gap {
        /// How many.
        lost: u64,
    },
}

impl Event {
    /// Whether the journal keeps it.
    pub fn durable(&self) -> bool {
        use Event::*;
        match self {
            Accepted { .. } | Sent { .. } | Custody { .. } | Filed { .. } | Printing { .. } | Printed => true,
            CameAgain | Delayed { .. } => true,
            CalledOff { .. } | Returned { .. } | Refused { .. } | LineUp { .. } | LineDown { .. } | Started { .. } => true,
            PageConfirmed { .. } => true,
            Call { .. } | Frame { .. } | Settled { .. } | Scan { .. } => false,
            KeyTaken { .. } | KeyBurned { .. } | KeyLow { .. } | KeyTrouble { .. } | StepLost { .. } | StepRegained { .. } => true,
            Service { .. } | Transmission { .. } | Characters { .. } | Fragment { .. } | Ignored { .. } | Note { .. } | Gap { .. } => false,
        }
    }
    /// Its name in the trace.
    pub fn name(&self) -> &'static str {
        use Event::*;
        match self {
            Accepted { .. } => "accepted",
            Sent { .. } => "sent",
            Custody { .. } => "custody",
            Filed { .. } => "filed",
            Printing { .. } => "printing",
            Printed => "printed",
            CameAgain => "came_again",
            Delayed { .. } => "delayed",
            CalledOff { .. } => "called_off",
            Returned { .. } => "returned",
            Refused { .. } => "refused",
            LineUp { .. } => "line_up",
            LineDown { .. } => "line_down",
            KeyTaken { .. } => "key_taken",
            KeyBurned { .. } => "key_burned",
            KeyLow { .. } => "key_low",
            KeyTrouble { .. } => "key_trouble",
            StepLost { .. } => "step_lost",
            StepRegained { .. } => "step_regained",
            PageConfirmed { .. } => "page_confirmed",
            Started { .. } => "started",
            Service { .. } => "service",
            Transmission { .. } => "transmission",
            Characters { .. } => "characters",
            Call { .. } => "call",
            Frame { .. } => "frame",
            Settled { .. } => "settled",
            Scan { .. } => "scan",
            Fragment { .. } => "fragment",
            Ignored { .. } => "ignored",
            Note { .. } => "note",
            Gap { .. } => "gap",
        }
    }
}

/// An event with its time and place.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Stamped {
    /// Microseconds on the station's clock.
    pub t: u64,
    /// The same moment in UTC.
    pub utc: Utc,
    /// Which station.
    pub station: Name,
    /// Which port, if one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// Which message, if one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Identity>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Where events go. Must not block: a slow reader loses, never the line.
pub trait EventSink: Send + Sync {
    /// Takes one event.
    fn take(&self, event: Stamped);
    /// The same of a note that somebody should act on: logged as a warning.
    fn warn(&self, event: Stamped) {
        self.take(event);
    }
}

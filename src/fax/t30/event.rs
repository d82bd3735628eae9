//! What a viewer of a call is shown: frames by name, rates, rows as they come, verdicts. The time is that of the call that returned it.
//!
//! Standards: none. In: nothing. Out: values, and a line of text for each. Left out: durable events (see `router`).
//! Shown by: `fixtures/dialogues/fax`.

use super::cipher::KeyEvent;
use super::settings::Settings;
use super::verdict::Verdict;
use crate::line::Modulation;
use std::fmt;

/// Something to be seen.
#[derive(Clone, PartialEq, Debug)]
pub enum CallEvent {
    /// A frame begins to go out.
    Said {
        /// With its fields, as `frame::Frame` shows itself.
        frame: String,
    },
    /// A frame came.
    Heard {
        /// With its fields.
        frame: String,
    },
    /// Something came that is no frame, or a frame that does not belong here.
    Odd {
        /// What, in a sentence.
        what: String,
    },
    /// The machine is in another state.
    State {
        /// Its name.
        name: &'static str,
    },
    /// A timer ran out.
    RanOut {
        /// Its name.
        timer: &'static str,
    },
    /// How pages will be sent is agreed, or proposed.
    Settled {
        /// Everything that a DCS says.
        settings: Settings,
    },
    /// A training check was judged (by the answerer).
    Checked {
        /// At this rate.
        modulation: Modulation,
        /// How.
        passed: bool,
    },
    /// A page, or a block of one, begins to go out.
    Sending {
        /// Which, from 1.
        page: usize,
        /// Which block, from 0; none without error correction.
        block: Option<usize>,
        /// Octets, or frames.
        size: usize,
        /// At this rate.
        modulation: Modulation,
    },
    /// Rows came.
    Rows {
        /// Of which page, from 1.
        page: usize,
        /// The first of them, from 0.
        first: usize,
        /// Pels of a row.
        width: usize,
        /// Their words, row by row (`paper::page`).
        words: Vec<u64>,
    },
    /// A page was judged (by the answerer).
    Judged {
        /// Which, from 1.
        page: usize,
        /// Its rows.
        rows: usize,
        /// Of them, those that could not be read.
        bad: usize,
        /// How.
        verdict: Verdict,
    },
    /// Something about the key of an enciphered line.
    Key(KeyEvent),
    /// A page was confirmed (MCF heard by the caller, said by the answerer).
    Confirmed {
        /// Which, from 1.
        page: usize,
    },
    /// A page arrived damaged (RTP or PIP heard by the caller).
    Doubtful {
        /// Which, from 1.
        page: usize,
    },
}

impl fmt::Display for CallEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallEvent::Said { frame } => write!(f, "says {frame}"),
            CallEvent::Heard { frame } => write!(f, "hears {frame}"),
            CallEvent::Odd { what } => write!(f, "odd: {what}"),
            CallEvent::State { name } => write!(f, "is {name}"),
            CallEvent::RanOut { timer } => write!(f, "{timer} ran out"),
            CallEvent::Settled { settings } => {
                let correction = settings.correction.map_or("without correction".into(), |s| format!("correction by {}", s.octets()));
                let (width, rows) = (settings.width.pels(), settings.resolution.y);
                write!(f, "settles {}, {:?}, {correction}, {width} pels, {rows} rows an inch", settings.modulation, settings.coding)
            }
            CallEvent::Checked { modulation, passed } => {
                write!(f, "training at {modulation} {}", if *passed { "passed" } else { "failed" })
            }
            CallEvent::Sending { page, block: None, size, modulation } => write!(f, "sends page {page}, {size} octets at {modulation}"),
            CallEvent::Sending { page, block: Some(block), size, modulation } => {
                write!(f, "sends page {page} block {block}, {size} frames at {modulation}")
            }
            CallEvent::Rows { page, first, width, words } => {
                let count = words.len() / width.div_ceil(64).max(1);
                write!(f, "has rows {first} to {} of page {page}", first + count - 1)
            }
            CallEvent::Judged { page, rows, bad, verdict } => write!(f, "judges page {page}: {rows} rows, {bad} bad: {verdict:?}"),
            CallEvent::Key(event) => write!(f, "{event}"),
            CallEvent::Confirmed { page } => write!(f, "page {page} confirmed"),
            CallEvent::Doubtful { page } => write!(f, "page {page} arrived damaged"),
        }
    }
}

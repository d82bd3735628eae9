//! Key tapes as the terminal sees them: which hang at this port, whose they are, how far each has been used.
//!
//! Standard: decision 6 of the project; the practice of one-time tape is history (`docs/cipher.md`).
//! In: labels. Out: tapes and their positions. Left out: files and disks (`backend_keys`), the mixing (`cipher`).
//! Shown by: `tests/it/rooms.rs`.

pub mod label;
pub mod ledger;
pub mod reel;

use serde::{Deserialize, Serialize};

/// Which copy of a pair a tape is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Copy {
    /// Enciphers: it hangs at the station whose outgoing traffic it is for.
    Send,
    /// Deciphers: the twin, at the far end.
    Receive,
}

/// One tape at a port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tape {
    /// Its serial number, printed on the label and named on the line: six digits.
    pub serial: u32,
    /// The length, in key characters.
    pub characters: u64,
    /// The first position not yet used or burned, from 0; durable.
    pub next: u64,
}

impl Tape {
    /// Characters left.
    pub fn left(&self) -> u64 {
        self.characters.saturating_sub(self.next)
    }
}

/// The tapes of one port, each direction in the order in which they are taken up; used-up tapes are listed too.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tapes {
    /// For what this station sends.
    pub send: Vec<Tape>,
    /// For what comes from the far end.
    pub receive: Vec<Tape>,
    /// Tapes that hang there and cannot be used, each with its sentence.
    pub troubles: Vec<String>,
}

impl Tapes {
    /// The tapes of a direction.
    pub fn of(&self, copy: Copy) -> &[Tape] {
        match copy {
            Copy::Send => &self.send,
            Copy::Receive => &self.receive,
        }
    }
}

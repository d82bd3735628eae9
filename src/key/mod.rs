//! Key media as a machine sees them: which hang at this port, whose they are, how far each has been used.
//!
//! Standard: decision 6 of the project; one-time tape, and random data on a diskette, are history (`docs/cipher.md`, `docs/fax-cipher.md`).
//! In: labels. Out: tapes and diskettes, and their positions. Left out: files and disks (`backend_disk`), the mixing (each medium's own).
//! Shown by: `tests/it/rooms.rs`, `docs/key-media.md`.

pub mod backend_disk;
pub mod label;
pub mod ledger;
pub mod reel;

use serde::{Deserialize, Serialize};
use std::fmt;

/// What key stands on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Medium {
    /// Paper tape: codes of five bits, a character each, for a teletype.
    #[default]
    Tape,
    /// A diskette: octets, for the bits of fax pages.
    Diskette,
}

impl Medium {
    /// Both.
    pub const ALL: [Medium; 2] = [Medium::Tape, Medium::Diskette];
    /// `tape`, `diskette`.
    pub const fn name(self) -> &'static str {
        match self {
            Medium::Tape => "tape",
            Medium::Diskette => "diskette",
        }
    }
    /// What its length is counted in.
    pub const fn units(self) -> &'static str {
        match self {
            Medium::Tape => "characters",
            Medium::Diskette => "octets",
        }
    }
    /// The highest value of one of them.
    pub const fn highest(self) -> u8 {
        match self {
            Medium::Tape => 31,
            Medium::Diskette => 255,
        }
    }
    /// For `serde`: whether a label leaves it out. Labels of before there were diskettes did.
    fn is_tape(&self) -> bool {
        *self == Medium::Tape
    }
}

impl fmt::Display for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which copy of a pair a tape or a diskette is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Copy {
    /// Enciphers: it hangs at the station whose outgoing traffic it is for.
    Send,
    /// Deciphers: the twin, at the far end.
    Receive,
}

/// One tape at a port, or one diskette.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tape {
    /// Its serial number, printed on the label and named on the line: six digits.
    pub serial: u32,
    /// The length, in characters; of a diskette, in octets.
    pub characters: u64,
    /// The first position not yet used or burned, from 0; durable.
    pub next: u64,
}

impl Tape {
    /// What is left of it.
    pub fn left(&self) -> u64 {
        self.characters.saturating_sub(self.next)
    }
}

/// The tapes, or diskettes, of one port, each direction in the order in which they are taken up; used-up tapes are listed too.
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

//! The modem as the machines of T.30 see it: what one is told to do, and what one hears.
//!
//! Standards: none; the seam between T.30 and what carries it (a simulated circuit, T.38, a modem with Class 1 commands, audio).
//! In: [`Order`]s. Out: [`Heard`]. A modem sends or hears, never both; bits and octets are in the order of the line, lowest bit first.
//! HDLC flags, zeros and checks are the modem's business (T.38 has none; a simulated circuit and audio use `hdlc`). Left out: dialling, ringing.
//! Shown by: `circuit`, `docs/fax-call.md`.

pub use crate::line::{Modulation, Training};
use std::time::Duration;

/// Silence between a signal and the next, and before an answer: T.30 5 note 3 and 4, 75 ms ± 20 ms.
pub const SILENCE: Duration = Duration::from_millis(75);
/// Flags before the first frame of V.21: T.30 5.3.1, 1 s ± 15 %.
pub const PREAMBLE: Duration = Duration::from_secs(1);
/// Flags before the first frame of a page in frames: T.4 annex A, 200 ms ± 100 ms (secondary sources).
pub const FAST_PREAMBLE: Duration = Duration::from_millis(200);
/// A called station's tone: T.30 4, 2.6 to 4 s (secondary sources).
pub const CED: Duration = Duration::from_secs(3);
/// A calling station's tone, sounded (T.30 4: 0.5 s ± 15 %, 1100 Hz; secondary sources) …
pub const CNG_ON: Duration = Duration::from_millis(500);
/// … and silent (3 s ± 15 %).
pub const CNG_OFF: Duration = Duration::from_secs(3);

/// The two tones of phase A.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Tone {
    /// Of the calling station: half a second in every three and a half, until the next order; the modem hears V.21 meanwhile.
    Cng,
    /// Of the called station, once.
    Ced,
}

/// A carrier for pages and training checks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Fast {
    /// Never V.21.
    pub modulation: Modulation,
    /// Long or short.
    pub training: Training,
    /// Whether frames are on it (error correction), or bits.
    pub framed: bool,
}

/// What is sent in one piece, from carrier on to carrier off.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Signal {
    /// Frames in V.21, each without its check.
    Frames(Vec<Vec<u8>>),
    /// Bits after training.
    Bits(Fast, Vec<u8>),
    /// Frames after training.
    FastFrames(Fast, Vec<Vec<u8>>),
}

/// What a modem is told to do. Each order takes the place of the last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Order {
    /// Sound this.
    Tone(Tone),
    /// Send this, after [`SILENCE`]; then say [`Heard::Sent`].
    Send(Signal),
    /// Hear V.21, and this besides.
    Listen(Option<Fast>),
    /// Leave the line.
    HangUp,
}

/// What a modem tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Heard {
    /// A tone of the far end.
    Tone(Tone),
    /// V.21 flags (`None`), or a fast carrier that was trained on.
    Carrier(Option<Modulation>),
    /// A signal that cannot be read: training failed, or it is not what was listened for.
    Unreadable,
    /// A frame without its check, whose check fitted.
    Frame(Vec<u8>),
    /// What was between two flags and is no frame: why, in a sentence.
    Damaged(String),
    /// Bits of a fast carrier.
    Bits(Vec<u8>),
    /// The carrier is gone.
    Quiet,
    /// What was to be sent is out.
    Sent,
    /// The far end has left the line, and the modem knows it.
    Lost,
}

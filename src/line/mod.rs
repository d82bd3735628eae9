//! What symbols travel over: the simulated circuit, the paced device, and the relay between two ends.
//!
//! Standards: start-stop at 50 Bd and 7.5 units (ITU-T S.3/S.4) by default.
//! In: codes to send. Out: codes that arrived, with their times. Left out: what the codes mean.
//! Shown by: `tests/it/line.rs`, `tests/bench/pacing.rs`.

pub mod adapter;
pub mod circuit;
pub mod device;
pub mod driver;
pub mod ip;
pub mod modulation;
pub mod pacer;
pub mod profile;
pub mod pty;
pub mod punctual;
pub mod relay;
pub mod symbol;
pub mod voice;

pub use circuit::{Arrival, Circuit, Fate};
pub use device::{AsyncReadWrite, Kind, Line, LineSpec, Opened, Settings, Switch, open, refuse_speed};
pub use modulation::{Modulation, Training};
pub use pacer::{Handover, OutputQueue, Paced, Pacer};
pub use profile::{Burst, Noise, Profile};
pub use pty::{PtyEnd, pty_pair_with_link};
pub use relay::{End, Relay, RelayConfig, RelayHandle};
pub use symbol::{Code, Symbol};
pub use voice::{Quality, Voice, VoiceNoise};

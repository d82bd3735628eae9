//! T.38: a fax call in packets over IP.
//!
//! Standard: ITU-T T.38 (packets: annex A; over UDP: 9). In: orders of a fax machine, datagrams. Out: datagrams, what is heard.
//! Left out: setting up the call (SIP, H.323: peers and ports are configured), TCP, RTP, V.34. Shown by: `docs/t38.md`, `tests/it/t38.rs`.

mod hearing;
pub mod ifp;
pub mod per;
mod sending;
pub mod terminal;
pub mod udptl;

pub use ifp::{Carried, Field, FieldKind, Ifp, Indicator, Syntax};
pub use terminal::{Config, Input, Output, Terminal};

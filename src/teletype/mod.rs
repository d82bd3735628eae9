//! The teletype: codes, the procedure, the backend.
//!
//! Standards: ITA2 (ITU-T S.1), US-TTY, MTK-2; the procedure is ours where the sources are silent (`docs/procedure.md`).
//! In: messages and codes. Out: codes and messages, receipts. Left out: what the codes travel over (see `line`).
//! Shown by: `fixtures/dialogues`.

mod backend;
mod backend_check;
mod backend_punch;
mod cipher;
pub mod codes;
pub mod desk;
mod inbound;
pub mod keys;
pub mod printer;
mod receiver;
mod sender;
pub mod service;
pub mod slip;
pub mod tape;
pub mod terminal;
pub mod timing;
pub mod typing;
pub mod typist;
pub mod wire;

pub use backend::{Opener, Teletype};
pub use cipher::{Rules, mixed};
pub use codes::{CodeTable, Coder, UnshiftOnSpace};
pub use desk::Desk;
pub use terminal::{Config, Input, Output, Terminal};

//! The message router: routes, queue, retry, conversion; the journal; the door to the media.
//!
//! Standards: precedence as STANAG 4406; the rest is ours (`docs/flow.md`).
//! In: messages handed in, what ports report, what the disk confirms. Out: deliveries, answers, changes to the journal.
//! Left out: every medium. Shown by: `tests/it` (worlds under the driver).

pub mod conformance;
pub mod core;
pub mod event;
pub mod journal;
pub mod port;
mod queue;
pub mod retry;
pub mod route;
pub mod talk;
#[cfg(test)]
mod tests;

pub use core::Router;
pub use event::{Event, EventSink, Stamped};
pub use journal::State;
pub use journal::contents::Contents;
pub use journal::history::{History, Look};
pub use port::{
    AtDesk, Backend, BackendError, BoxFuture, Delivery, Door, Fault, Form, Forms, News, Order, Outcome, Place, Port, Reason, Receipt,
    Verdict,
};
pub use talk::{Config, Input, Output, Query, Submitted};

//! Key tapes on disk: a folder of `NAME.key` and `NAME.toml`, its ledger, and what is done with them.
//!
//! Standard: decision 6 of the project: made from the system's randomness, used once, forward only, on disk before it is used.
//! In: folders. Out: [`Tapes`](super::key::Tapes) and key codes. Left out: the mixing, thresholds, who moves how far (`terminal`).
//! Shown by: `backend_keys::tests`, `docs/key-tapes.md`.

mod files;
mod hand;
mod ledger;
mod make;
mod shelf;

pub use hand::{Shown, destroy, show, skip};
pub use make::{Made, Order, make};
pub use shelf::Shelf;

#[cfg(test)]
mod tests;

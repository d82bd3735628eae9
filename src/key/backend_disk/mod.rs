//! Key tapes and diskettes on disk: a folder of `NAME.key` and `NAME.toml`, its ledger, and what is done with them.
//!
//! Standard: decision 6 of the project: made from the system's randomness, used once, forward only, on disk before it is used.
//! In: folders. Out: [`Tapes`](super::Tapes) and key. Left out: the mixing, thresholds, who moves how far (the machines).
//! Shown by: `backend_disk::tests`, `docs/key-media.md`.

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

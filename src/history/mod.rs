//! Scenarios, and the world in memory that replays them under a virtual clock.
//!
//! Standards: none. In: scenario files. Out: traces and journals. Left out: live running (`cli::demo`).
//! It may know `station::config` for a station file's keys, and drives the machines of router and teletype itself.
//! Shown by: `tests/it/world.rs`, `fixtures/scenarios`.

pub mod exhibit;
pub mod hourly;
pub mod keys;
pub mod scenario;
pub mod timeline;
mod wire;
pub mod world;

pub use scenario::Scenario;
pub use world::World;

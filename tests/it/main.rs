//! The one test binary.

mod api;
mod conformance;
mod courier;
mod durability;
mod journal;
#[cfg(feature = "faults")]
mod kill;
mod processes;
mod storm;
#[cfg_attr(not(feature = "faults"), allow(dead_code))]
mod support;
mod world;

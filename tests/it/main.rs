//! The one test binary.

mod api;
mod conformance;
mod courier;
mod docs;
mod journal;
mod rooms;
mod storm;
mod world;

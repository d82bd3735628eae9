//! The one test binary.

mod api;
mod conformance;
mod courier;
mod journal;
mod rooms;
mod storm;
mod world;

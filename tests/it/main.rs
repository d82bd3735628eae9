//! The one test binary.

mod api;
mod conformance;
mod courier;
mod journal;
mod send;
mod storm;
mod world;

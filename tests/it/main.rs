//! The one test binary.

mod api;
mod conformance;
mod courier;
mod backend;
mod dialogues;
mod journal;
mod pair;
mod procedure;
mod storm;
mod world;

//! The one test binary.

mod api;
mod backend;
mod conformance;
mod courier;
mod dialogues;
mod docs;
mod journal;
mod line;
mod pair;
mod procedure;
mod rooms;
mod send;
mod storm;
mod world;

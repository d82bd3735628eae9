//! The one test binary.

mod api;
mod backend;
mod cipher;
mod codes;
mod commands;
mod conformance;
mod courier;
mod desk;
mod desk_live;
mod dialogues;
mod docs;
mod durability;
mod journal;
mod keys;
#[cfg(feature = "faults")]
mod kill;
mod line;
mod lines;
mod pair;
mod procedure;
mod processes;
mod rooms;
mod send;
mod storm;
#[cfg_attr(not(feature = "faults"), allow(dead_code))]
mod support;
mod tty;
mod world;

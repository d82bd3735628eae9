//! The one test binary.

mod accidents;
mod api;
mod backend;
mod certs;
mod cipher;
mod cipher_page;
mod codes;
mod commands;
mod conformance;
mod courier;
mod cuts;
mod desk;
mod desk_live;
mod dialogues;
mod docs;
mod durability;
mod fax_call;
mod fax_dialogues;
mod fuzz;
mod hostile;
mod ip;
mod journal;
#[cfg_attr(not(feature = "faults"), allow(dead_code))]
mod judge;
mod keys;
#[cfg(feature = "faults")]
mod kill;
mod line;
mod lines;
mod mixer;
mod pair;
mod paper;
mod paper_commands;
mod papers;
mod printer;
mod procedure;
mod processes;
mod rooms;
mod send;
mod storm;
#[cfg_attr(not(feature = "faults"), allow(dead_code))]
mod support;
mod tape;
mod tls;
mod tty;
mod unplug;
mod wire;
mod world;

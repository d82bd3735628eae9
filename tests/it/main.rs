//! The one test binary.

mod api;
mod journal;
mod rooms;

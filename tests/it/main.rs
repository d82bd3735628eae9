//! The one test binary.
mod line;

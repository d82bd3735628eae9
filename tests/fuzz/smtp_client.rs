//! The fuzz target `smtp_client`; its body is shared with `tests/it/fuzz.rs`.
#![no_main]

#[path = "bodies/mod.rs"]
#[allow(dead_code)]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::smtp::client(data));

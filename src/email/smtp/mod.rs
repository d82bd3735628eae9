//! ESMTP: a server session and a client session, each a machine.
//!
//! Standards: RFC 5321; 1870 SIZE, 2920 PIPELINING, 2034 and 3463 enhanced codes, 3030 CHUNKING, 3207 STARTTLS, 3461 DSN,
//! 4954 AUTH, 6152 8BITMIME, 6531 SMTPUTF8, 6710 MT-PRIORITY.
//! In: bytes, and what the world answers. Out: bytes, questions, pieces of messages.
//! Left out: BINARYMIME, REQUIRETLS, LMTP; see `docs/smtp.md`. Shown by: `fixtures/dialogues/smtp`, `tests/it/smtp_pair.rs`.

pub mod address;
mod base64;
pub mod client;
mod client_greeting;
mod client_message;
pub mod data;
pub mod envelope;
pub mod limits;
pub mod lines;
pub mod priority;
pub mod replies;
pub mod server;
mod server_auth;
mod server_commands;
mod server_data;
mod server_envelope;
mod server_talk;
pub mod stuffing;
pub mod trace;

pub use client::Client;
pub use server::Server;

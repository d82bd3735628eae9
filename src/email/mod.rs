//! The e-mail medium: SMTP sessions, and what the far end's replies mean.
//!
//! Standards: RFC 5321 and its extensions (`docs/smtp.md` lists them).
//! In: bytes of a connection, what the world answers. Out: bytes to send, pieces for a spool, what became of each recipient.
//! Left out: sockets, TLS, disk; they belong to `backend*.rs`. Shown by: `fixtures/dialogues/smtp`, `tests/it/smtp_dialogues.rs`.

pub mod reply;
pub mod smtp;

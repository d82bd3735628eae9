//! The e-mail medium: SMTP sessions, what a mail says, notices about mails, and the Maildir of a desk.
//!
//! Standards: RFC 5321 and its extensions (`docs/smtp.md` lists them); RFC 5322 and MIME, RFC 3464 (`docs/mail.md` says which part becomes what).
//! In: bytes of a connection, what the world answers; messages. Out: bytes to send, pieces for a spool, messages, what became of each recipient.
//! Left out: sockets, TLS, disk; they belong to `backend*.rs`. Shown by: `fixtures/dialogues/smtp`, `fixtures/mail`, `tests/it/mail.rs`.

pub mod backend;
mod backend_anybody;
mod backend_book;
mod backend_clerk;
mod backend_client;
pub mod backend_maildir;
mod backend_server;
pub mod backend_users;
pub mod keys;
pub mod loops;
pub mod mime;
pub mod notice;
pub mod reply;
pub mod smtp;

pub use backend::Email;

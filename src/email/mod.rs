//! The e-mail medium: SMTP sessions, what a mail says, notices about mails, and the Maildir of a desk.
//!
//! Standards: RFC 5321 and its extensions (`docs/smtp.md` lists them); RFC 5322 and MIME, RFC 3464 (`docs/mail.md` says which part becomes what).
//! In: bytes of a connection, what the world answers; messages. Out: bytes to send, pieces for a spool, messages, what became of each recipient.
//! Left out: sockets, TLS, disk; they belong to `backend*.rs`. Shown by: `fixtures/dialogues/smtp`, `fixtures/mail`, `tests/it/mail.rs`.

pub mod backend;
mod backend_book;
mod backend_book_file;
mod backend_call;
mod backend_clerk;
mod backend_client;
mod backend_directory;
mod backend_intake;
pub mod backend_maildir;
mod backend_outgoing;
mod backend_quota;
mod backend_server;
mod backend_session;
mod backend_spool;
mod backend_tls;
mod backend_tls_client;
mod backend_told;
pub mod backend_users;
mod backend_wire;
pub mod keys;
pub mod loops;
pub mod mime;
pub mod notice;
pub mod reply;
pub mod smtp;

pub use backend::Email;

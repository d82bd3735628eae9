//! The e-mail medium: what a mail says, notices about mails, and the Maildir of a desk.
//!
//! Standards: RFC 5322 and MIME, RFC 3464 (`docs/mail.md` says which part becomes what).
//! In: messages, bytes of mails. Out: bytes, messages, what became of each recipient.
//! Left out: sockets, TLS, disk; they belong to `backend*.rs`. Shown by: `fixtures/mail`, `tests/it/mail.rs`.

pub mod mime;

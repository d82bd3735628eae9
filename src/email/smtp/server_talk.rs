//! What a server session and its world say to each other.
//!
//! Standards: none; the terms are those of RFC 5321. In: settings, octets, what became of a message. Out: octets, pieces for a spool, a complete mail.
//! After `Finish` and `StartTls` no octets are to be given until they are answered (what comes all the same is held, up to a limit).
//! Left out: what is done about it (`server`). Shown by: `tests/it/smtp_dialogues.rs`.

use super::envelope::{Envelope, Who};
use super::limits::Limits;
use crate::message::Precedence;
use crate::time::Speed;
use std::sync::Arc;

/// What the session has to ask about people and places. Answers at once, from memory.
pub trait Directory: Send + Sync {
    /// Where an address belongs. `postmaster` alone is asked about too, and has to be somebody (RFC 5321 4.5.1).
    fn standing(&self, who: &Who, address: &str) -> Standing;
    /// Whose address it is: two of one desk give the same.
    fn owner(&self, address: &str) -> String {
        address.to_owned()
    }
    /// Whether name and password are right.
    fn login(&self, name: &str, password: &str) -> Checked;
}

/// What a name and a password are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Checked {
    /// Right.
    Right,
    /// Wrong.
    Wrong,
    /// It cannot be told now, and that is not the client's fault.
    NotNow,
}

/// Where an address belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// A desk here, or at a station the routes know.
    Known,
    /// Elsewhere: only for peers that are pinned or have logged in.
    Elsewhere,
    /// It would belong here, and there is none of that name.
    Unknown,
    /// It cannot be told now.
    NotNow,
}

/// What a session has to know.
#[derive(Clone)]
pub struct Config {
    /// The name it says of itself.
    pub host: String,
    /// Whom it asks.
    pub directory: Arc<dyn Directory>,
    /// Its limits.
    pub limits: Limits,
    /// Whether STARTTLS is offered.
    pub tls: bool,
    /// Whether nothing is taken before TLS stands.
    pub tls_required: bool,
    /// Whether AUTH is offered (once TLS stands).
    pub auth: bool,
    /// Whether nothing is taken without a login or a pinned certificate.
    pub auth_required: bool,
    /// The clock's speed.
    pub speed: Speed,
}

/// What the session is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// The connection stands. With TLS from the first octet, `Secured` follows before any octets.
    Connected,
    /// Octets came.
    Octets(Vec<u8>),
    /// TLS stands; the station whose pinned certificate was shown.
    Secured(Option<String>),
    /// The spool cannot take the message that is coming in.
    SpoolFailed,
    /// The message of this number is on disk, under this identity.
    Filed(u32, String),
    /// It is not.
    NotFiled(u32, NotFiled),
    /// The station stops.
    Stop,
    /// The connection is gone.
    Closed,
}

/// Why a message was not filed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotFiled {
    /// No room: 452.
    NoRoom,
    /// The disk, the journal: 451.
    Trouble,
    /// Somebody's rule, for now: 450, with the reason.
    Later(String),
    /// No room for one more correspondent: 452.
    BookFull,
    /// It has been here before: 554.
    Loop,
    /// It cannot be read: 554.
    Content,
    /// Somebody's rule: 550, with the reason.
    Policy(String),
}

impl NotFiled {
    /// Whether the client is to come again with it (4xx).
    pub fn for_now(&self) -> bool {
        match self {
            NotFiled::NoRoom | NotFiled::Trouble | NotFiled::Later(_) | NotFiled::BookFull => true,
            NotFiled::Loop | NotFiled::Content | NotFiled::Policy(_) => false,
        }
    }
}

/// A mail that is complete and waits to be filed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mail {
    /// Which of the session it is, from 1: the answer names it, so that a late one is not taken for the next message's.
    pub number: u32,
    /// Its outside. `precedence` is what was granted.
    pub envelope: Envelope,
    /// Who brought it.
    pub who: Who,
    /// The precedence asked for, where less was granted.
    pub asked: Option<Precedence>,
    /// Octets that went to the spool.
    pub octets: u64,
    /// Whether there are eight-bit octets among them, declared or not.
    pub eight: bool,
}

/// What the session does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Octets to send.
    Send(Vec<u8>),
    /// Start TLS behind what was sent; octets that have come in clear are gone.
    StartTls,
    /// A message begins: open a spool.
    Open,
    /// The next octets of it.
    Piece(Vec<u8>),
    /// It is complete: put it on disk, then say `Filed` or `NotFiled`. A `Discard` behind it says that nobody waits for that any more.
    Finish(Mail),
    /// Nothing comes of it: forget the spool.
    Discard,
    /// Close the connection behind what was sent.
    Close,
}

//! The envelope of a mail: who it is from, who it is for, and what was asked along the way.
//!
//! Standards: RFC 5321 3.3; DSN parameters RFC 3461 4; BODY RFC 6152; MT-PRIORITY RFC 6710.
//! In: parameters of MAIL and RCPT. Out: the same for the far end. Left out: BY, HOLDFOR, MTRK, SOLICIT: refused as not implemented.
//! Shown by: `fixtures/dialogues/smtp`, `tests/it/smtp_pair.rs`.

use super::address::xtext;
use super::priority;
use crate::message::Precedence;
use std::fmt::Write;

/// Who is at the far end of a connection, and how it was made.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Who {
    /// Its address, for the trace.
    pub address: String,
    /// What it calls itself in EHLO or HELO.
    pub helo: String,
    /// Whether it said EHLO.
    pub extended: bool,
    /// Whether TLS stands.
    pub secured: bool,
    /// The station whose certificate it showed, if that is pinned here.
    pub pinned: Option<String>,
    /// The name it logged in under.
    pub login: Option<String>,
}

impl Who {
    /// Whether it may relay, and ask for more than routine.
    pub fn trusted(&self) -> bool {
        self.pinned.is_some() || self.login.is_some()
    }
}

/// How the octets of a mail were declared.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Body {
    /// ASCII only.
    #[default]
    Seven,
    /// Lines of any octets.
    Eight,
}

/// What a notice about a mail shall bring back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Return {
    /// All of it.
    Full,
    /// Its header.
    Headers,
}

/// What the sender wants to be told of a recipient.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Notify {
    /// Nothing, ever.
    pub never: bool,
    /// That it arrived.
    pub success: bool,
    /// That it failed.
    pub failure: bool,
    /// That it is late.
    pub delay: bool,
}

impl Notify {
    /// As a parameter's value; empty when nothing was said.
    pub fn words(self) -> String {
        let words = [(self.never, "NEVER"), (self.success, "SUCCESS"), (self.failure, "FAILURE"), (self.delay, "DELAY")];
        words.iter().filter(|(set, _)| *set).map(|(_, word)| *word).collect::<Vec<_>>().join(",")
    }
}

/// One recipient.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Recipient {
    /// `local-part@domain`; `postmaster` alone, which every server takes, has no domain.
    pub address: String,
    /// What it is to be told of; as default: nothing was said.
    pub notify: Notify,
    /// The address it had first, without its type (`rfc822;`).
    pub original: Option<String>,
}

impl Recipient {
    /// A recipient about whom nothing more was said.
    pub fn new(address: impl Into<String>) -> Recipient {
        Recipient { address: address.into(), ..Recipient::default() }
    }
    /// The command that names it, without CR LF.
    pub(super) fn command(&self, dsn: bool) -> String {
        let mut line = format!("RCPT TO:<{}>", self.address);
        let words = self.notify.words();
        if dsn && !words.is_empty() {
            let _ = write!(line, " NOTIFY={words}");
        }
        if let Some(original) = self.original.as_ref().filter(|_| dsn) {
            let _ = write!(line, " ORCPT=rfc822;{}", xtext(original));
        }
        line
    }
}

/// The outside of a mail, as MAIL and RCPT say it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Envelope {
    /// Where notices go; empty: nowhere (it is a notice itself).
    pub from: String,
    /// Its recipients.
    pub to: Vec<Recipient>,
    /// Octets, where known.
    pub size: Option<u64>,
    /// How its octets are declared.
    pub body: Body,
    /// Whether header or addresses have UTF-8.
    pub utf8: bool,
    /// What notices bring back.
    pub ret: Option<Return>,
    /// The sender's own name for it, in notices.
    pub envid: Option<String>,
    /// Its precedence, where said.
    pub precedence: Option<Precedence>,
}

/// What of an envelope a far end takes.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Says {
    pub size: bool,
    pub eight: bool,
    pub utf8: bool,
    pub dsn: bool,
    pub priority: bool,
}

impl Envelope {
    /// The command that opens it, without CR LF.
    pub(super) fn command(&self, says: Says) -> String {
        let mut line = format!("MAIL FROM:<{}>", self.from);
        if let Some(size) = self.size.filter(|_| says.size) {
            let _ = write!(line, " SIZE={size}");
        }
        if says.eight && self.body == Body::Eight {
            line.push_str(" BODY=8BITMIME");
        }
        if says.utf8 && self.utf8 {
            line.push_str(" SMTPUTF8");
        }
        if let Some(ret) = self.ret.filter(|_| says.dsn) {
            line.push_str(if ret == Return::Full { " RET=FULL" } else { " RET=HDRS" });
        }
        if let Some(envid) = self.envid.as_ref().filter(|_| says.dsn) {
            let _ = write!(line, " ENVID={}", xtext(envid));
        }
        if let Some(precedence) = self.precedence.filter(|_| says.priority) {
            let _ = write!(line, " MT-PRIORITY={}", priority::level(precedence));
        }
        line
    }
}

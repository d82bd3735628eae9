//! What a mail's header says of the mail.
//!
//! Standards: RFC 5322 3.6 (fields), RFC 2047 (encoded words), RFC 3834 (automatic mail); our own fields are in `docs/mail.md`.
//! In: the bytes of a header. Out: a [`Heading`]; what is not understood is as if it were not there. mail-parser reads the fields.
//! Left out: Cc, threads, lists; signatures (DKIM). Shown by: `email::mime::tests`.

use super::fields::{all, field};
use super::{LARGEST_HEADER, urgency};
use crate::message::{Address, Class, Draft, Envelope, Identity, Name, Precedence};
use crate::time::Utc;
use mail_parser::{HeaderName, MessageParser};

/// A person's or a program's mail address.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mailbox {
    /// The name beside it; may be empty.
    pub name: String,
    /// `local@domain`, as it came.
    pub address: String,
}

/// Whether a program sent it by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Automatic {
    /// A person did, as far as the header tells.
    #[default]
    No,
    /// A list or a bulk mailing.
    Bulk,
    /// An answer or a notice by a program (RFC 3834).
    Yes,
}

/// What a mail's header says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Heading {
    /// Which message it is, if a station sent it.
    pub identity: Option<Identity>,
    /// Without its angle brackets.
    pub message_id: Option<String>,
    /// Who wrote it.
    pub from: Option<Mailbox>,
    /// Whom it names, 100 at the most. (Who it is for is said in the envelope of the session.)
    pub to: Vec<Mailbox>,
    /// One line, 500 characters at the most.
    pub subject: String,
    /// When it says it was written.
    pub date: Option<Utc>,
    /// How urgent it asks to be; who may ask for that is not decided here.
    pub precedence: Option<Precedence>,
    /// Which kind of traffic.
    pub class: Class,
    /// Stations that passed it on, oldest first, 100 at the most.
    pub via: Vec<Name>,
    /// Between which desks, if a station sent it.
    pub desks: Option<(Address, Address)>,
    /// Hosts that passed it on: its `Received` fields.
    pub hops: usize,
    /// Whether a program sent it.
    pub automatic: Automatic,
}

impl Heading {
    /// Reads a header.
    pub fn read(header: &[u8]) -> Heading {
        let header = &header[..header.len().min(LARGEST_HEADER)];
        let parser = MessageParser::new()
            .with_minimal_headers()
            .without_header(HeaderName::Cc)
            .without_header(HeaderName::Bcc)
            .header_id(HeaderName::MessageId)
            .default_header_ignore();
        let parsed = parser.parse_headers(header);
        let mut heading = Heading { automatic: automatic(header), hops: all(header, "Received").count(), ..Heading::default() };
        if let Some(mail) = &parsed {
            let people = |a: Option<&mail_parser::Address<'_>>| -> Vec<Mailbox> {
                a.map(|a| a.iter().take(100).filter_map(mailbox).collect()).unwrap_or_default()
            };
            heading.from = people(mail.from()).into_iter().next();
            heading.to = people(mail.to());
            heading.subject = one_line(mail.subject().unwrap_or_default(), 500);
            heading.date = mail.date().filter(|d| d.is_valid()).map(|d| Utc(d.to_timestamp().saturating_mul(1_000_000)));
            heading.message_id = mail.message_id().map(|id| one_line(id, 250)).filter(|id| !id.is_empty());
        }
        let own = |name: &str| field(header, name);
        heading.identity = own("Molink-Identity").and_then(|v| v.parse().ok());
        heading.precedence = urgency::asked(header);
        heading.class = own("Molink-Class").and_then(|v| v.parse().ok()).unwrap_or_default();
        heading.via = own("Molink-Via").map(|v| v.split(' ').take(100).map_while(|n| n.parse().ok()).collect()).unwrap_or_default();
        heading.desks = own("Molink-From").and_then(|f| Some((f.parse().ok()?, own("Molink-To")?.parse().ok()?)));
        heading
    }

    /// The outside of the message that a station sent: `None` for a stranger's mail.
    pub fn envelope(&self) -> Option<Envelope> {
        let (from, to) = self.desks.clone().filter(|_| self.identity.is_some())?;
        let precedence = self.precedence.unwrap_or_default();
        Some(Envelope { from, to, precedence, class: self.class, subject: self.subject.clone(), via: self.via.clone(), post: None })
    }
}

impl super::Mail<'_> {
    /// The message that a station sent, its files kept by `keep`: `None` for a stranger's mail.
    pub fn message<E>(
        &self,
        keep: impl FnMut(&super::Attached<'_>) -> Result<crate::message::Blob, E>,
    ) -> Option<Result<crate::message::Message, E>> {
        let (identity, envelope) = (self.heading.identity.clone()?, self.heading.envelope()?);
        Some(self.content(keep).map(|content| crate::message::Message { identity, envelope, content }))
    }
    /// A stranger's mail as it may be handed in: between these desks, with the precedence that `allow` grants.
    pub fn draft<E>(
        &self,
        from: Address,
        to: Address,
        allow: Precedence,
        keep: impl FnMut(&super::Attached<'_>) -> Result<crate::message::Blob, E>,
    ) -> Result<Draft, E> {
        let precedence = self.heading.precedence.unwrap_or_default().min(allow);
        let envelope =
            Envelope { from, to, precedence, class: Class::Message, subject: self.heading.subject.clone(), via: vec![], post: None };
        Ok(Draft { envelope, content: self.content(keep)? })
    }
}

fn mailbox(a: &mail_parser::Addr<'_>) -> Option<Mailbox> {
    let address = one_line(a.address.as_deref()?, 320);
    (!address.is_empty()).then(|| Mailbox { name: one_line(a.name.as_deref().unwrap_or_default(), 200), address })
}

/// Without line ends and control characters, cut to so many characters. What is plain is not touched.
fn one_line(text: &str, most: usize) -> String {
    text.replace(['\r', '\n', '\t'], " ").chars().filter(|c| !c.is_control()).take(most).collect()
}

fn automatic(header: &[u8]) -> Automatic {
    let says = |name: &str| field(header, name).map(|v| v.to_ascii_lowercase());
    // RFC 3834 5: anything but `no` is automatic; RFC 5321 4.5.5: a null reverse-path; RFC 6522: a report.
    let submitted = says("Auto-Submitted").is_some_and(|v| !v.starts_with("no") || v.starts_with("no-"));
    let report = says("Content-Type").is_some_and(|v| v.starts_with("multipart/report"));
    let null = says("Return-Path").is_some_and(|v| v.replace(' ', "").starts_with("<>"));
    let precedence = says("Precedence").unwrap_or_default();
    if submitted
        || report
        || null
        || precedence.starts_with("auto")
        || says("X-Autoreply").is_some()
        || says("X-Failed-Recipients").is_some()
    {
        return Automatic::Yes;
    }
    let bulk = ["bulk", "list", "junk"].iter().any(|w| precedence.starts_with(w))
        || says("List-Id").is_some()
        || says("List-Unsubscribe").is_some();
    if bulk { Automatic::Bulk } else { Automatic::No }
}

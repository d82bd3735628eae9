//! What the sender of a mail is told of it: whether, in which words, and as which message.
//!
//! Standards: RFC 3461 4.1 (who wants what), RFC 3463 (status), RFC 3834 (no answer to programs). In: a message that came as a mail, what became of it.
//! Out: a [`Notice`], and the draft that carries it; of a far station's `RETURNED MESSAGE` the same notice, found again.
//! Left out: when to look (`backend_clerk`), the form of a notice as a mail (`notice`). Shown by: the tests below, `tests/it/email_notices.rs`.

use crate::email::backend::Shared;
use crate::email::backend_book::{NoName, STRANGER, Whose};
use crate::email::backend_client::MAIL_SERVER;
use crate::email::notice::{Action, one_line};
use crate::email::reply;
use crate::email::smtp::envelope::Notify;
use crate::message::convert::from_receipt;
use crate::message::{Address, Draft, Edit, Envelope, Identity, Message, Notice, Part, Post};
use crate::router::{Event, Fault, Outcome, Reason};
use crate::time::Utc;

/// Changes that a notice lists at the most.
const MOST_EDITS: usize = 20;
/// The desk that notices come from.
const ROUTER: &str = "router";

/// What is known of a message that somebody is to be told of; the mail itself is not in memory.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub id: Identity,
    pub envelope: Envelope,
}

impl About {
    /// Of a message: nothing unless it came as a mail that may be answered by a notice.
    pub fn of(message: Message) -> Option<About> {
        let mut envelope = message.envelope;
        let post = envelope.post.as_deref_mut()?;
        post.mail = None;
        let told = post.notice.is_none() && !post.reverse_path.is_empty() && !never(&post.notify) && envelope.from.desk.as_str() != ROUTER;
        told.then_some(About { id: message.identity, envelope })
    }
    fn post(&self) -> Post {
        self.envelope.post.as_deref().cloned().unwrap_or_default()
    }
    /// Whether the sender wants to hear that it is late.
    pub fn wants_delays(&self) -> bool {
        Action::Delayed.is_wanted(notify(&self.post().notify))
    }
    /// What is to be told of an event; `edits` are the changes made for the line it went by.
    pub fn told(&self, event: &Event, edits: &[Edit]) -> Option<Notice> {
        let asked = self.post();
        let lost = match event {
            Event::Filed { receipt, .. } | Event::Custody { receipt, .. } => from_receipt(receipt, edits),
            _ => vec![],
        };
        let edits = &[edits, &lost].concat();
        let wants = |action: Action| action.is_wanted(notify(&asked.notify));
        let (action, why) = match event {
            Event::Returned { reason } => {
                return wants(Action::Failed).then(|| self.notice(Action::Failed, reply::status(true, reason), reason.clone()));
            }
            Event::Filed { at, .. } => (Action::Delivered, format!("It is on disk at {}, for its desk to read.", at.upper())),
            Event::Custody { at, .. } if at.as_str() == MAIL_SERVER => {
                (Action::Relayed, "The next mail server has it and passes it on.".into())
            }
            Event::Custody { at, .. } => (Action::Relayed, format!("{} has it and passes it on.", at.upper())),
            _ => return None,
        };
        // Somebody who asked for no word of failures does not want to hear of a part of one.
        let lessened = edits.iter().any(|e| e.left_out) && asked.answerable && wants(Action::Failed);
        let status = if edits.iter().any(|e| e.left_out) { "2.6.4" } else { "2.0.0" }; // RFC 3463 3.7: conversion with loss
        (wants(action) || lessened).then(|| self.notice(action, status.into(), why + &changes(edits)))
    }
    /// That it is late; it is tried until then.
    pub fn late(&self, reason: &str, until: Utc) -> Notice {
        let why = if reason.is_empty() { "no line to its station is free" } else { reason };
        Notice { until: Some(until), ..self.notice(Action::Delayed, reply::status(false, reason), why.to_owned()) }
    }
    fn notice(&self, action: Action, status: String, why: String) -> Notice {
        Notice { about: self.id.clone(), action: action.word().into(), status, why, until: None }
    }
    /// The message that carries a notice, and the key it is handed in once under.
    pub fn draft(&self, shared: &Shared, notice: Notice) -> Result<(Draft, String), String> {
        let key = format!("notice-{}-{}", notice.about, notice.action);
        let (what, text) = words(&notice, &real(shared, &self.envelope.to));
        let subject = format!("{what}: {}", self.envelope.subject).chars().take(200).collect();
        let post = Post { notice: Some(notice), answerable: false, ..self.post() };
        let envelope = Envelope {
            from: Address { desk: ROUTER.parse()?, station: shared.station.clone() },
            to: self.sender(shared)?,
            subject,
            via: vec![],
            post: Some(Box::new(post)),
            ..self.envelope.clone()
        };
        Ok((Draft { envelope, content: vec![Part::Text { text }] }, key))
    }
    /// A desk here if a user sent it, else the correspondent outside.
    fn sender(&self, shared: &Shared) -> Result<Address, String> {
        match shared.keys.outside() {
            Some(outside) if self.envelope.from.station == outside => {
                let at = shared.clock.utc(shared.clock.now());
                let desk = match shared.book.name(&self.post().reverse_path, Whose::Stranger, at) {
                    Ok(desk) => desk,
                    // The notice goes to the reverse-path, whoever it is addressed to.
                    Err(NoName::Full(_)) => STRANGER.parse()?,
                    Err(NoName::Disk(why)) => return Err(why),
                };
                Ok(Address { desk, station: outside })
            }
            _ => Ok(self.envelope.from.clone()),
        }
    }
}

/// Whom people know: of a correspondent outside the mail address, not the name that only this station has for him.
fn real(shared: &Shared, to: &Address) -> String {
    let outside = shared.keys.outside().is_some_and(|outside| outside == to.station);
    outside.then(|| shared.book.address(&to.desk)).flatten().unwrap_or_else(|| to.to_string())
}

/// The same of a recipient as RCPT had it: a user may write to `alice@mail`.
pub(in crate::email) fn real_recipient(shared: &Shared, recipient: &str) -> String {
    let named = shared.domains.desk(recipient).filter(|to| shared.keys.outside().as_ref() == Some(&to.station));
    named.and_then(|to| shared.book.address(&to.desk)).unwrap_or_else(|| recipient.to_owned())
}

/// A notice in words that a teletype has, too.
fn words(notice: &Notice, to: &str) -> (&'static str, String) {
    let (what, became) = match notice.action.as_str() {
        "delivered" => ("Delivered", "WAS DELIVERED"),
        "relayed" => ("Passed on", "WAS PASSED ON"),
        "delayed" => ("Not yet delivered", "IS DELAYED"),
        _ => ("Not delivered", "WAS NOT DELIVERED"),
    };
    (what, format!("YOUR MESSAGE {} TO {to} {became}: {}", notice.about.heading(), one_line(&notice.why)))
}

fn changes(edits: &[Edit]) -> String {
    let told: Vec<String> = edits.iter().take(MOST_EDITS).map(ToString::to_string).collect();
    let more = edits.len().saturating_sub(MOST_EDITS);
    match (told.is_empty(), more) {
        (true, _) => String::new(),
        (false, 0) => format!(" On the way it was changed: {}.", told.join("; ")),
        (false, more) => format!(" On the way it was changed: {}; and {more} more.", told.join("; ")),
    }
}

/// The value of NOTIFY as it was said.
fn notify(words: &str) -> Notify {
    let has = |word: &str| words.split(',').any(|w| w.eq_ignore_ascii_case(word));
    Notify { never: has("NEVER"), success: has("SUCCESS"), failure: has("FAILURE"), delay: has("DELAY") }
}

fn never(words: &str) -> bool {
    notify(words).never
}

/// A far station's word that it gave a mail back, as the notice that it is: with what came with the mail, from our own journal.
/// `None`: it is nothing of the kind, or about a mail that is not known here. An outcome: its sender wanted no word of it.
pub(in crate::email) fn returned(shared: &Shared, message: &Message) -> Result<Option<Box<Post>>, Outcome> {
    let e = &message.envelope;
    if e.post.is_some() || e.from.desk.as_str() != ROUTER {
        return Ok(None);
    }
    let Some((about, why)) = read(&message.text(), message.identity.dtg.utc()) else { return Ok(None) };
    let original = || shared.place.history.as_ref()?.look().ok()?.message(&about).ok()?;
    let Some(original) = original().filter(|o| o.envelope.from == e.to && o.envelope.post.is_some()) else { return Ok(None) };
    let reason = format!("{} said: {why}", e.from.station.upper());
    let asked = About::of(original).and_then(|about| Some((about.told(&Event::Returned { reason }, &[])?, about.post())));
    let Some((notice, post)) = asked else {
        let text = "the sender asked for no notice of failures";
        return Err(Outcome::Refused(Reason::new(Fault::Us, text)));
    };
    Ok(Some(Box::new(Post { notice: Some(notice), answerable: false, ..post })))
}

/// `YOUR MESSAGE … TO … WAS NOT DELIVERED: …`, however its lines were broken on the way.
fn read(text: &str, near: Utc) -> Option<(Identity, String)> {
    let text = text.split_ascii_whitespace().take(2_000).collect::<Vec<_>>().join(" ");
    let (heading, rest) = text.strip_prefix("YOUR MESSAGE ")?.split_once(" TO ")?;
    let (_, why) = rest.split_once(" WAS NOT DELIVERED: ")?;
    Some((Identity::from_heading(heading, near)?, why.to_owned()))
}

#[cfg(test)]
#[path = "told_tests.rs"]
mod tests;

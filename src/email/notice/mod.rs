//! Notices to the sender of a mail: it arrived, it is late, it failed.
//!
//! Standards: RFC 3464 and 6522 (the form), RFC 3461 4 and 5.2 (NOTIFY, RET, ENVID, ORCPT), RFC 6533 (addresses in UTF-8), RFC 5321 4.5.5 (null reverse-path).
//! In: an envelope, the mail, what became of each recipient. Out: a mail to the sender, or none. Left out: when to say that a mail is late.
//! Shown by: `email::notice::tests`, `tests/it/mail_peers.rs`.

mod read;
mod words;

pub use read::{Fate, Report, read};

use super::mime::{self, header_of};
use super::smtp::envelope::{Envelope, Notify, Recipient, Return};
use crate::time::Utc;
use std::fmt;

/// The most of a mail that a notice brings back whole, in bytes; of a larger one it brings the header.
pub const LARGEST_WHOLE: usize = 64 << 10;
/// The most of a header that a notice brings back, in bytes.
pub const LARGEST_HEADER: usize = 16 << 10;

/// What became of a mail for one recipient (RFC 3464 2.3.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Action {
    /// It was given up.
    Failed,
    /// It is late, and still being tried.
    Delayed,
    /// It is where it was to be.
    Delivered,
    /// It went to a host that tells nothing more.
    Relayed,
    /// It went to several in this one's stead.
    Expanded,
}

impl Action {
    const ALL: [Action; 5] = [Action::Failed, Action::Delayed, Action::Delivered, Action::Relayed, Action::Expanded];
    /// The word of the standard.
    pub fn word(self) -> &'static str {
        match self {
            Action::Failed => "failed",
            Action::Delayed => "delayed",
            Action::Delivered => "delivered",
            Action::Relayed => "relayed",
            Action::Expanded => "expanded",
        }
    }
    /// Whether the sender wants to be told; unasked it is told of failures only (RFC 3461 4.1).
    pub fn is_wanted(self, notify: Notify) -> bool {
        let nothing_said = notify == Notify::default();
        !notify.never
            && match self {
                Action::Failed => notify.failure || nothing_said,
                Action::Delayed => notify.delay,
                Action::Delivered | Action::Relayed | Action::Expanded => notify.success,
            }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What is told of one recipient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// Who.
    pub recipient: Recipient,
    /// What became of it.
    pub action: Action,
    /// The enhanced status code (RFC 3463): `5.1.1`.
    pub status: String,
    /// One sentence for people.
    pub why: String,
    /// The host that answered, and its reply.
    pub answer: Option<(String, String)>,
    /// Until when it is tried, of a late one.
    pub until: Option<Utc>,
}

/// A notice on its way out.
#[derive(Clone, Copy, Debug)]
pub struct Notice<'a> {
    /// The host that speaks.
    pub host: &'a str,
    /// Its name for this notice, `left@right` without angle brackets.
    pub id: &'a str,
    /// When.
    pub at: Utc,
    /// The outside of the mail it is about.
    pub envelope: &'a Envelope,
    /// That mail, or as much of it as there is.
    pub original: &'a [u8],
    /// When it came.
    pub arrived: Option<Utc>,
    /// What became of its recipients; those who want no notice are left out.
    pub told: &'a [Told],
}

/// A notice as a mail. It goes out with the null reverse-path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// Its one recipient.
    pub to: String,
    /// The mail.
    pub mail: Vec<u8>,
    /// Whether it has octets beyond ASCII (BODY=8BITMIME).
    pub eight: bool,
    /// Whether addresses in it are in UTF-8 (SMTPUTF8).
    pub utf8: bool,
}

/// The notice, if anybody wants it: none about a mail with the null reverse-path, none about a report.
pub fn write(notice: &Notice<'_>) -> Option<Written> {
    let told: Vec<&Told> = notice.told.iter().filter(|t| t.action.is_wanted(t.recipient.notify)).collect();
    let header = header_of(notice.original);
    let report = mime::field(header, "Content-Type").is_some_and(|t| t.to_ascii_lowercase().starts_with("multipart/report"));
    if told.is_empty() || notice.envelope.from.is_empty() || report {
        return None;
    }
    let utf8 = !notice.envelope.from.is_ascii()
        || told.iter().any(|t| !t.recipient.address.is_ascii() || t.recipient.original.as_ref().is_some_and(|o| !o.is_ascii()));
    // RFC 3461 4.3: RET is about failures; other notices bring the header.
    let failed = told.iter().any(|t| t.action == Action::Failed);
    let whole = failed && notice.envelope.ret == Some(Return::Full) && notice.original.len() <= LARGEST_WHOLE;
    let mut mail = heading(notice, &told);
    let boundary = format!("=_{}", notice.id.replace(|c: char| !(c.is_ascii_alphanumeric() || c == '-'), "."));
    let boundary = &boundary[..boundary.len().min(68)];
    mail += &format!("Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n");
    let (coding, words) = mime::coded_text(&words::words(notice, &told), boundary);
    mail += &format!(
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {coding}\r\n\r\n{}\r\n",
        String::from_utf8_lossy(&words)
    );
    let kind = if utf8 { "message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit" } else { "message/delivery-status" };
    mail += &format!("--{boundary}\r\nContent-Type: {kind}\r\n\r\n{}", status(notice, &told));
    let back = brought_back(if whole { notice.original } else { &header[..header.len().min(LARGEST_HEADER)] });
    let kind = if whole { "message/rfc822" } else { "text/rfc822-headers" };
    let coding = if back.is_ascii() { "7bit" } else { "8bit" };
    mail += &format!("--{boundary}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {coding}\r\n\r\n");
    let mut mail = mail.into_bytes();
    mail.extend_from_slice(&back);
    mail.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    Some(Written { to: notice.envelope.from.clone(), eight: !mail.is_ascii(), mail, utf8 })
}

/// The longest line that is brought back: with its CR LF no line of a mail has more than 1,000 octets (RFC 5321 4.5.3.1.6).
const LONGEST_BACK: usize = 990;

/// With CR LF at each line's end and no other CR; NUL left out; lines that no server need take parted, those of the header by folding.
fn brought_back(original: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(original.len() + 100);
    let mut header = true;
    for line in original.split_inclusive(|b| *b == b'\n') {
        let line: Vec<u8> = line.iter().filter(|b| !matches!(b, b'\r' | b'\n' | 0)).copied().collect();
        header &= !line.is_empty();
        for (n, piece) in line.chunks(LONGEST_BACK).enumerate() {
            if n > 0 {
                out.extend_from_slice(if header { b"\r\n " } else { b"\r\n" });
            }
            out.extend_from_slice(piece);
        }
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn heading(notice: &Notice<'_>, told: &[&Told]) -> String {
    let worst = told.iter().map(|t| t.action).min().unwrap_or(Action::Failed);
    let subject = match worst {
        Action::Failed => "Not delivered",
        Action::Delayed => "Not yet delivered",
        Action::Delivered => "Delivered",
        Action::Relayed | Action::Expanded => "Passed on",
    };
    let about = mime::field(header_of(notice.original), "Subject").filter(|s| s.is_ascii() && s.len() <= 200).unwrap_or_default();
    let mut head = mime::HeadLines::default();
    head.date("Date", notice.at);
    head.raw("From", &format!("Mail delivery <postmaster@{}>", notice.host));
    head.raw("To", &format!("<{}>", notice.envelope.from));
    head.raw("Subject", &mime::folded(&format!("{subject}: {about}")));
    head.raw("Message-ID", &format!("<{}>", notice.id));
    head.raw("Auto-Submitted", "auto-replied");
    if let Some(identity) =
        mime::field(header_of(notice.original), "Molink-Identity").and_then(|i| i.parse::<crate::message::Identity>().ok())
    {
        head.raw("Molink-Notice", &format!("{worst} {identity}"));
    }
    head.raw("MIME-Version", "1.0");
    String::from_utf8(head.0).unwrap_or_default()
}

/// The part for programs: a group of fields about the mail, one for each recipient.
fn status(notice: &Notice<'_>, told: &[&Told]) -> String {
    let mut out = format!("Reporting-MTA: dns; {}\r\n", notice.host);
    if let Some(envid) = &notice.envelope.envid {
        out += &format!("Original-Envelope-Id: {}\r\n", mime::folded(&one_line(envid)));
    }
    if let Some(at) = notice.arrived {
        out += &format!("Arrival-Date: {}\r\n", date(at));
    }
    for t in told {
        let kind = |address: &str| if address.is_ascii() { "rfc822" } else { "utf-8" };
        out += "\r\n";
        if let Some(original) = &t.recipient.original {
            out += &format!("Original-Recipient: {}; {}\r\n", kind(original), mime::folded(&one_line(original)));
        }
        let address = &t.recipient.address;
        out += &format!(
            "Final-Recipient: {}; {}\r\nAction: {}\r\nStatus: {}\r\n",
            kind(address),
            mime::folded(&one_line(address)),
            t.action,
            one_line(&t.status)
        );
        if let Some((host, reply)) = &t.answer {
            let reply: String = one_line(reply).chars().map(|c| if c.is_ascii() { c } else { '?' }).collect();
            out += &format!("Remote-MTA: dns; {}\r\nDiagnostic-Code: smtp; {}\r\n", mime::folded(&one_line(host)), mime::folded(&reply));
        }
        if let Some(until) = t.until {
            out += &format!("Will-Retry-Until: {}\r\n", date(until));
        }
    }
    out + "\r\n"
}

/// What others said, as one line of 1,000 characters at the most.
pub(in crate::email) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(1_000).collect::<String>().trim().to_owned()
}

/// As RFC 5322 3.3 writes it.
pub fn date(at: Utc) -> String {
    mail_builder::headers::date::Date::new(at.0.div_euclid(1_000_000)).to_rfc822()
}

#[cfg(test)]
mod tests;

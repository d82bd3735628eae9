//! What a far end's replies mean: whose fault, whether to try again, and which status a sender is told. The only file that classifies.
//!
//! Standards: RFC 5321 4.2 (codes), RFC 3463 and its registry (enhanced codes).
//! In: lines of a reply; the stage of the session; a connection that broke. Out: a [`Reply`]; a [`Verdict`] for a recipient.
//! Left out: retries, which are the router's; notices (`notice`). Shown by: `reply_tests.rs`, `fixtures/dialogues/smtp/client-*`.

use crate::message::Name;
use crate::router::{Fault, Outcome, Reason, Receipt};
use std::fmt;

/// The most octets of a reply, all its lines together; the longest known answer to EHLO has some hundreds.
pub const LONGEST: usize = 16 << 10;

/// A whole reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// 200 to 599.
    pub code: u16,
    /// Class, subject, detail, where they were said.
    pub enhanced: Option<[u16; 3]>,
    /// Its words, one line, without control characters, at most 500 characters.
    pub text: String,
}

impl Reply {
    /// A 2xx.
    pub fn is_yes(&self) -> bool {
        self.code / 100 == 2
    }
    /// A 4xx.
    pub fn is_later(&self) -> bool {
        self.code / 100 == 4
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some([class, subject, detail]) = self.enhanced {
            write!(f, " {class}.{subject}.{detail}")?;
        }
        if !self.text.is_empty() {
            write!(f, " {}", self.text)?;
        }
        Ok(())
    }
}

/// What stands at the front of the octets that came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Front {
    /// A reply of so many octets.
    Whole(usize, Reply),
    /// Not all of it yet.
    Part,
    /// Not a reply of SMTP.
    Nonsense,
}

/// Reads the reply at the front. Lines may end with LF alone; all have to have one code.
pub fn front(octets: &[u8]) -> Front {
    let (mut at, mut code, mut enhanced, mut text) = (0, None, None, String::new());
    while let Some(end) = octets[at..].iter().position(|b| *b == b'\n') {
        let line = octets[at..at + end].strip_suffix(b"\r").unwrap_or(&octets[at..at + end]);
        at += end + 1;
        let Some((number, last, words)) = parts(line).filter(|_| at <= LONGEST) else { return Front::Nonsense };
        if *code.get_or_insert(number) != number {
            return Front::Nonsense;
        }
        let words = String::from_utf8_lossy(words);
        let (said, words) = enhanced_of(&words, number);
        enhanced = enhanced.or(said);
        if !text.is_empty() && !words.is_empty() {
            text.push(' ');
        }
        text.extend(words.chars().filter(|c| !c.is_control()).take(500_usize.saturating_sub(text.chars().count())));
        if last {
            return Front::Whole(at, Reply { code: number, enhanced, text });
        }
    }
    if octets.len() >= LONGEST { Front::Nonsense } else { Front::Part }
}

/// Code, whether it is the last line, and the words.
fn parts(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let code = line.get(..3).filter(|c| c.iter().all(u8::is_ascii_digit) && (b'2'..=b'5').contains(&c[0]))?;
    let number = code.iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'));
    match line.get(3) {
        None => Some((number, true, &[])),
        Some(b' ') => Some((number, true, &line[4..])),
        Some(b'-') => Some((number, false, &line[4..])),
        Some(_) => None,
    }
}

/// An enhanced code at the front, if it is of the reply's class (RFC 2034 4), and the rest.
fn enhanced_of(words: &str, code: u16) -> (Option<[u16; 3]>, &str) {
    let (first, rest) = words.split_once(' ').unwrap_or((words, ""));
    let numbers: Vec<Option<u16>> = first.split('.').map(|n| n.parse().ok().filter(|n| *n < 1000)).collect();
    match numbers[..] {
        [Some(class), Some(subject), Some(detail)] if class == code / 100 => (Some([class, subject, detail]), rest),
        _ => (None, words),
    }
}

/// How far a session was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Until the greeting.
    Greeting,
    /// EHLO or HELO.
    Hello,
    /// STARTTLS and the handshake.
    Tls,
    /// AUTH.
    Login,
    /// MAIL.
    Sender,
    /// RCPT.
    Recipient,
    /// DATA, until 354.
    Data,
    /// The message's octets.
    Message,
    /// After the final dot or the last chunk.
    End,
    /// Between messages.
    Between,
}

const STAGES: [Stage; 10] = {
    use Stage::*;
    [Greeting, Hello, Tls, Login, Sender, Recipient, Data, Message, End, Between]
};

impl Stage {
    /// What was being waited for, in a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Stage::Greeting => "the greeting",
            Stage::Hello => "the answer to EHLO",
            Stage::Tls => "TLS",
            Stage::Login => "the answer to AUTH",
            Stage::Sender => "the answer to MAIL",
            Stage::Recipient => "the answer to RCPT",
            Stage::Data => "the answer to DATA",
            Stage::Message => "the end of the message",
            Stage::End => "the answer to the message",
            Stage::Between => "the next message",
        }
    }
}

/// What became of one recipient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The far end has it and said so.
    Taken(Reply),
    /// Not now; nothing was filed for this recipient.
    Deferred(Reason, Option<Reply>),
    /// Never.
    Refused(Reason, Option<Reply>),
    /// The connection was lost between the final dot and its answer: the far end may have it. Sent again, it is told by its identity.
    InDoubt(Reason),
}

/// What a no means: whose fault, and whether for good.
///
/// - 4xx: deferred, the peer's. A few name the line (X.4.1, X.4.2) or us (X.7.x of AUTH are set up here).
/// - 5xx: refused, the peer's; but those that say that *this end* spoke wrongly (5.5.x, 500–504 without an enhanced code) are ours, and a
///   login that fails or TLS that is demanded (530, 534, 535, 538) is ours and deferred: an operator can mend it while the mail waits.
/// - 552 with X.2.2 (mailbox full) is deferred, as RFC 5321 4.5.3.1.10 asks for 552 in answer to RCPT.
/// - 421 at any stage: deferred.
pub fn verdict(stage: Stage, peer: &str, reply: &Reply) -> Verdict {
    let (subject, detail) = reply.enhanced.map_or((0, 0), |[_, s, d]| (s, d));
    let fault = match (reply.code, subject, detail) {
        (530 | 534 | 535 | 538, _, _) => Fault::Us,
        (500..=504, 0 | 5, _) | (555, _, _) => Fault::Us,
        (400..=499, 4, 1 | 2) => Fault::Line,
        _ => Fault::Peer,
    };
    let later = reply.code < 500
        || matches!(reply.code, 530 | 534 | 535 | 538)
        || subject == 2 && detail == 2
        || reply.code == 552 && stage == Stage::Recipient && reply.enhanced.is_none()
        // A greeting of 554 or an EHLO refused: this host, today. Another route or another day may do.
        || matches!(stage, Stage::Greeting | Stage::Hello | Stage::Tls);
    let reason = Reason::new(fault, format!("{peer} answered `{reply}` while waiting for {}", stage.words()));
    match later {
        true => Verdict::Deferred(reason, Some(reply.clone())),
        false => Verdict::Refused(reason, Some(reply.clone())),
    }
}

/// What a connection that broke means: before the final dot nothing was filed, behind it nobody knows.
pub fn broken(stage: Stage, peer: &str, how: &str) -> Verdict {
    let text = format!("{peer} {how} while waiting for {}", stage.words());
    match stage {
        Stage::End => Verdict::InDoubt(Reason::new(Fault::Line, format!("{text}; it may have the message"))),
        _ => Verdict::Deferred(Reason::new(Fault::Line, text), None),
    }
}

/// What a verdict is to the router: the receipt is of this station, or of the relay that stands for the world outside.
pub fn outcome(verdict: &Verdict, station: &Name) -> Outcome {
    match verdict {
        Verdict::Taken(reply) => Outcome::Delivered(Receipt { station: station.clone(), before: false, text: reply.to_string() }),
        Verdict::Deferred(reason, _) | Verdict::InDoubt(reason) => Outcome::Deferred(reason.clone()),
        Verdict::Refused(reason, _) => Outcome::Refused(reason.clone()),
    }
}

/// A session that never came to take a message: whoever said no, it is the whole line that does not work, and the next port is tried.
pub fn unopened(reason: Reason) -> Outcome {
    let fault = if reason.fault == Fault::Us { Fault::Us } else { Fault::Line };
    Outcome::Deferred(Reason { fault, ..reason })
}

/// Whether the far end had left before it was asked anything about the message: on a connection that was kept, that says nothing.
pub fn had_left(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Deferred(_, None)) || matches!(verdict, Verdict::Deferred(_, Some(reply)) if reply.code == 421)
}

/// A reply that a sentence of ours brings word for word: who said it, without a port, and what.
///
/// Only whole sentences of [`verdict`] count, alone or behind the words of a message that grew too old: what others tell of replies is hearsay.
pub fn said(reason: &str) -> Option<(String, Reply, String)> {
    let sentence = if reason.starts_with(TOO_OLD) { expired(reason)? } else { reason };
    let (peer, rest) = sentence.split_once(" answered `")?;
    let (words, stage) = rest.rsplit_once("` while waiting for ")?;
    let known = STAGES.into_iter().any(|s| s.words() == stage);
    let Front::Whole(_, reply) = front(format!("{words}\r\n").as_bytes()) else { return None };
    let host = match peer.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host.trim_matches(['[', ']']),
        _ => peer,
    };
    // An address is written in brackets (RFC 5321 4.1.3).
    let number = host.contains(':') || host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let host = if number && !host.is_empty() { format!("[{host}]") } else { host.to_owned() };
    (known && !host.is_empty() && !host.contains(char::is_whitespace)).then(|| (host, reply, stage.to_owned()))
}

/// Why the last try failed, of a message that was given up as too old; empty if there was none.
pub fn expired(reason: &str) -> Option<&str> {
    let small = reason.to_ascii_lowercase(); // a teletype has no small letters
    let told = || small.find(SAID).map(|at| at + SAID.len()).filter(|at| small[*at..].starts_with(TOO_OLD));
    let at = if small.starts_with(TOO_OLD) { 0 } else { told()? };
    let end = at + small[at..].find(" min")? + " min".len();
    Some(if small[end..].starts_with(LAST_TRY) { &reason[end + LAST_TRY.len()..] } else { "" })
}

/// How the router begins when it gives a message up.
const TOO_OLD: &str = "not delivered within ";
const LAST_TRY: &str = "; at the last try: ";
/// Behind the name of a station that gave it back.
const SAID: &str = " said: ";

/// The status that a sender is told of a reason (RFC 3463): as the far end gave it, else after its code or our own words.
///
/// Its class is 5 of what failed; 4 of what is late, and of what was given up because it was late too long (RFC 3463 3.1).
pub fn status(failed: bool, reason: &str) -> String {
    let last = expired(reason);
    let class = if failed && last.is_none() { '5' } else { '4' };
    let why = last.unwrap_or(reason);
    if let Some((_, reply, stage)) = said(reason) {
        let detail = match reply.enhanced {
            Some([_, subject, detail]) => format!("{subject}.{detail}"),
            None => plain(reply.code, stage == Stage::Recipient.words()).to_owned(),
        };
        return format!("{class}.{detail}");
    }
    if let Some(code) = code(why, class) {
        return code;
    }
    let words = why.to_lowercase().replace(['\'', '"'], "`");
    let ours = SENTENCES.iter().find(|(known, _)| words.contains(known)).map(|(_, detail)| *detail);
    let unknown = match last {
        Some("") => "4.7", // delivery time expired
        _ if reason.is_empty() && !failed => "4.1",
        _ => "0.0",
    };
    format!("{class}.{}", ours.unwrap_or(unknown))
}

/// Subject and detail of a reply without an enhanced code, so far as RFC 5321 4.2.3 says what it means.
fn plain(code: u16, to_recipient: bool) -> &'static str {
    match code {
        421 => "3.2",
        450 => "2.0",
        451 => "3.0",
        452 => "3.1",
        500..=504 | 555 => "5.0",
        530 | 534 | 535 | 538 => "7.0",
        551 => "1.6",
        552 if to_recipient => "2.2",
        552 => "3.4",
        553 => "1.3",
        556 => "1.10",
        _ => "0.0", // 550 and 554 may mean anything
    }
}

/// Sentences of this house and of its lines, in small letters, and subject and detail of what they say; the first that fits counts.
const SENTENCES: &[(&str, &str)] = &[
    ("loop:", "4.6"),
    ("has been here before", "4.6"),
    // Addresses.
    ("no desk `", "1.1"),
    ("unknown desk", "1.1"),
    ("no mail address here", "1.1"),
    ("has no route to", "1.2"),
    ("no port of the route", "4.4"),
    ("is not an address of mail", "1.3"),
    ("is not one that mail can be sent to", "1.3"),
    // Too much.
    (" octets at the most", "3.4"),
    ("send it to fewer", "3.4"),
    ("characters, and the line takes", "3.4"),
    ("characters as the line spells it", "3.4"),
    // Contents.
    ("does not take smtputf8", "6.7"),
    ("does not take 8bitmime", "6.3"),
    ("carries no", "6.1"),
    ("is of no kind that can be made into pages", "6.1"),
    ("has no letter for", "6.1"),
    ("the message has a ", "6.0"),
    // Machines at desks.
    ("no paper", "3.1"),
    ("disk full", "3.1"),
    ("cannot file", "3.2"),
    ("is stopping", "3.2"),
    ("the station stopped", "3.2"),
    ("the file ", "3.0"),
    // Who is there, and who may.
    ("certificate", "7.5"),
    ("tls", "7.5"),
    ("key tape", "7.5"),
    ("no key", "7.5"),
    ("no tape", "7.5"),
    ("password", "7.0"),
    ("logged in to", "7.0"),
    // The line.
    ("busy", "4.1"),
    ("engaged", "4.1"),
    ("cannot connect", "4.1"),
    ("no answer", "4.1"),
    ("without answer", "4.1"),
    ("no reply", "4.1"),
    ("while waiting for", "4.2"),
    ("the line ", "4.2"),
    // Of the far end's own reasons none is known.
    ("refused it", "7.1"),
];

/// An enhanced status code of this class, if a text has one.
fn code(text: &str, class: char) -> Option<String> {
    let number = |n: &str| (1..=3).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit());
    let is_code = |word: &&str| {
        let parts: Vec<&str> = word.split('.').collect();
        parts.len() == 3 && parts[0].len() == 1 && parts[0].starts_with(class) && parts.iter().copied().all(number)
    };
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).find(is_code).map(str::to_owned)
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;

//! What a far end's replies mean: whose fault, and whether to try again. The only file that classifies.
//!
//! Standards: RFC 5321 4.2 (codes), RFC 3463 and its registry (enhanced codes).
//! In: lines of a reply; the stage of the session; a connection that broke. Out: a [`Reply`]; a [`Verdict`] for a recipient.
//! Left out: retries and notices, which are the router's. Shown by: the tests here, `fixtures/dialogues/smtp/client-*`.

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

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &str) -> Reply {
        match front(format!("{text}\r\n").as_bytes()) {
            Front::Whole(_, reply) => reply,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn replies_are_read_in_any_pieces_and_nonsense_is_named() {
        let wire = b"250-first\r\n250-2.1.5 two\r\n250 2.1.5 three\r\n354 go";
        let whole = Reply { code: 250, enhanced: Some([2, 1, 5]), text: "first two three".into() };
        for n in 0..wire.len() {
            let expected = if n < 43 { Front::Part } else { Front::Whole(43, whole.clone()) };
            assert_eq!(front(&wire[..n]), expected, "{n}");
        }
        assert_eq!(reply("250").to_string(), "250");
        assert_eq!(reply("550 5.1.1 no\u{7} one").to_string(), "550 5.1.1 no one");
        assert_eq!(reply("250 5.1.1 x").enhanced, None, "of another class");
        for bad in ["HTTP/1.1 400", "25", "150 x", "600 x", "250_x", "250-a\r\n251 b", "", "SSH-2.0"] {
            assert_eq!(front(format!("{bad}\r\n").as_bytes()), Front::Nonsense, "{bad}");
        }
        assert_eq!(front(&[b'2'; LONGEST]), Front::Nonsense);
        assert_eq!(front("250-a\r\n".repeat(3000).as_bytes()), Front::Nonsense);
    }

    #[test]
    fn each_no_is_classified() {
        use Fault::*;
        use Stage::*;
        for (stage, text, later, fault) in [
            (Recipient, "550 5.1.1 no such user", false, Peer),
            (Recipient, "450 4.2.1 busy", true, Peer),
            (Recipient, "452 4.5.3 too many recipients", true, Peer),
            (Recipient, "552 mailbox full", true, Peer),
            (Recipient, "552 5.2.2 mailbox full", true, Peer),
            (Recipient, "450 4.4.1 no route", true, Line),
            (Recipient, "501 5.1.3 bad address", false, Peer),
            (End, "552 5.3.4 too big", false, Peer),
            (End, "554 5.6.0 bare LF", false, Peer),
            (End, "451 4.3.0 disk", true, Peer),
            (Sender, "421 4.3.2 stopping", true, Peer),
            (Sender, "501 5.5.4 parameter", false, Us),
            (Sender, "555 5.5.4 parameter", false, Us),
            (Sender, "503 order", false, Us),
            (Sender, "530 5.7.0 login first", true, Us),
            (Login, "535 5.7.8 wrong", true, Us),
            (Tls, "454 4.7.0 no TLS now", true, Peer),
            (Greeting, "554 go away", true, Peer),
            (Hello, "502 5.5.1 no", true, Us),
        ] {
            match verdict(stage, "moscow", &reply(text)) {
                Verdict::Deferred(reason, Some(_)) => assert_eq!((true, reason.fault), (later, fault), "{text}"),
                Verdict::Refused(reason, Some(_)) => assert_eq!((false, reason.fault), (later, fault), "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn only_behind_the_final_dot_is_there_a_doubt() {
        use Stage::*;
        for stage in [Greeting, Hello, Tls, Login, Sender, Recipient, Data, Message, Between] {
            assert!(matches!(broken(stage, "moscow", "closed"), Verdict::Deferred(r, None) if r.fault == Fault::Line), "{stage:?}");
        }
        assert!(matches!(broken(End, "moscow", "closed"), Verdict::InDoubt(_)));
    }
}

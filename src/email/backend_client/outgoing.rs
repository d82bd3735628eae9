//! What is sent for a delivery: the envelope, and the octets of the mail in pieces.
//!
//! Standards: RFC 5321 3.3 and 4.4 (Return-Path is taken off), 1870, 3461, 6531, 6710; forms of mails in `docs/mail.md`. In: a delivery. Out: a [`Prepared`].
//! Rendered once to be counted and, if it is long, once more to be sent, by a thread that waits for the disk; a long mail is never whole in memory.
//! Left out: the session; who is on the line. Shown by: `tests/it/email_client.rs`, the tests below.

use crate::email::backend::Shared;
use crate::email::backend_clerk::told;
use crate::email::keys::Kind;
use crate::email::mime::{self, Outgoing, People};
use crate::email::notice::{self, Action, Told};
use crate::email::reply;
use crate::email::smtp::address::is_plain;
use crate::email::smtp::client::PIECE;
use crate::email::smtp::envelope::{Body, Envelope, Notify, Recipient, Return};
use crate::message::post::{AsCame, Notice, Post};
use crate::message::{Address, Blob, Identity, Message};
use crate::router::{Contents, Delivery, Fault, Form, Outcome, Reason};
use crate::time::Utc;
use std::io::{self, BufRead, BufReader, Cursor, Read, Write};
use std::sync::Arc;
use tokio::sync::mpsc;

/// A mail of up to so many octets is rendered once and kept; a longer one is rendered again while it is sent.
const SHORT: usize = 256 << 10;
/// Pieces that are rendered ahead.
const AHEAD: usize = 2;
/// The most of a mail that a notice is written from, in octets.
const ORIGINAL: u64 = (mime::LARGEST_HEADER + notice::LARGEST_WHOLE) as u64;

/// A delivery, ready to be handed over.
pub(super) struct Prepared {
    pub delivery: Delivery,
    pub envelope: Envelope,
    /// Octets of the mail.
    pub size: u64,
    what: What,
    kept: Option<Vec<u8>>,
    shared: Arc<Shared>,
}

/// What the octets are made of.
enum What {
    /// A message of ours, between these people, in these other forms too.
    Ours { message: Box<Message>, from: String, to: String, forms: Vec<Form> },
    /// A mail as it came.
    AsCame(AsCame),
    /// A mail in memory.
    Whole(Vec<u8>),
}

/// What comes of the thread that renders.
pub(super) enum Piece {
    /// The next octets.
    Octets(Vec<u8>),
    /// That was all.
    End,
    /// It cannot be read.
    Unreadable(String),
}

/// The octets of a mail, piece by piece.
pub(super) struct Pieces(mpsc::Receiver<Piece>);

fn refused(fault: Fault, text: String) -> Outcome {
    Outcome::Refused(Reason::new(fault, text))
}

/// Prepares a delivery. It waits for the disk.
pub(super) fn prepare(shared: &Arc<Shared>, delivery: Delivery) -> Result<Prepared, Outcome> {
    let message = &delivery.message;
    let e = &message.envelope;
    let outside = shared.keys.outside();
    let to_outside = outside.as_ref() == Some(&e.to.station);
    let given_back = if to_outside { told::returned(shared, message)? } else { None };
    let post = e.post.as_deref().or(given_back.as_deref());
    let to = match post {
        // Where the mail came from, whatever its writer is called in the book by now.
        Some(post) if to_outside && post.notice.is_some() && is_plain(&post.reverse_path) => post.reverse_path.clone(),
        _ => {
            let to = address(shared, &e.to)?;
            if to_outside && e.from.desk.as_str() != "router" {
                // Whom somebody here writes to keeps his name.
                shared.book.keep(&e.to.desk, shared.clock.utc(shared.clock.now())).unwrap_or_else(|why| shared.note(why));
            }
            to
        }
    };
    let (what, mut envelope) = match post {
        Some(post) if to_outside && post.notice.is_some() => {
            let mail = notice_of(shared, message, post, &to)?;
            let recipient = Recipient { notify: Notify { never: true, ..Notify::default() }, ..Recipient::new(&to) };
            (What::Whole(mail), Envelope { to: vec![recipient], ..Envelope::default() })
        }
        _ => {
            let from = address(shared, &e.from)?;
            let envelope = envelope(shared, message, &from, &to);
            let what = match post.and_then(|p| p.mail.clone()) {
                Some(mail) if to_outside => What::AsCame(mail),
                _ => ours(shared, message, to_outside, from, to),
            };
            (what, envelope)
        }
    };
    envelope.precedence = Some(e.precedence);
    let mut prepared = Prepared { envelope, size: 0, what, kept: None, shared: shared.clone(), delivery };
    let mut tally = Tally { kept: Some(vec![]), ..Tally::default() };
    prepared.write(&mut tally).map_err(|e| unreadable(&e))?;
    prepared.size = tally.octets;
    prepared.envelope.size = Some(tally.octets);
    prepared.envelope.body = if tally.eight { Body::Eight } else { Body::Seven };
    prepared.envelope.utf8 |= !tally.head.is_ascii() && std::str::from_utf8(&tally.head).is_ok();
    prepared.kept = tally.kept;
    Ok(prepared)
}

/// A content that is gone or damaged does not come back by waiting; a disk may.
fn unreadable(e: &io::Error) -> Outcome {
    match e.kind() {
        io::ErrorKind::Other | io::ErrorKind::NotFound => refused(Fault::Us, e.to_string()),
        _ => Outcome::Deferred(Reason::new(Fault::Us, e.to_string())),
    }
}

fn open(contents: &Contents, blob: &Blob) -> io::Result<std::fs::File> {
    let kind = if contents.has(blob) { io::ErrorKind::ResourceBusy } else { io::ErrorKind::NotFound };
    contents.open(blob).map_err(|why| io::Error::new(kind, why))
}

/// The mail address of a desk: a station's, or a correspondent's by the book.
fn address(shared: &Shared, who: &Address) -> Result<String, Outcome> {
    if shared.keys.outside().as_ref() != Some(&who.station) {
        return Ok(shared.domains.mail(who));
    }
    let found = shared.book.address(&who.desk);
    // Told to whoever sent it: who reads it may know nothing of station files.
    let unknown = || {
        let (name, port) = (&who.desk, &shared.port);
        format!(
            "`{who}` has no mail address here: nobody of that name has written to this station; \
             give an address, people = {{ {name} = \"NAME@DOMAIN\" }} in [port.{port}] of the station file, or write to who has written before"
        )
    };
    let address = found.ok_or_else(|| refused(Fault::Us, unknown()))?;
    match is_plain(&address) {
        true => Ok(address),
        false => {
            Err(refused(Fault::Us, format!("`{}`, the address of `{who}`, is not one that mail can be sent to", address.escape_debug())))
        }
    }
}

/// The outside of a mail that is no notice.
fn envelope(shared: &Shared, message: &Message, from: &str, to: &str) -> Envelope {
    let mut recipient = Recipient::new(to);
    let mut envelope = Envelope { from: from.to_owned(), ..Envelope::default() };
    let all = Notify { success: true, failure: true, delay: true, never: false };
    match message.envelope.post.as_deref() {
        // A notice, of another station's router: nobody is told about it (RFC 5321 4.5.5).
        None if message.envelope.from.desk.as_str() == "router" && shared.keys.kind == Kind::Gateway => {
            envelope.from.clear();
            recipient.notify.never = true;
        }
        Some(post) => {
            envelope.from.clone_from(&post.reverse_path);
            envelope.envid.clone_from(&post.envid);
            envelope.ret = post.whole.then_some(Return::Full);
            recipient.notify = notify(&post.notify);
            recipient.original.clone_from(&post.original_recipient);
        }
        // A station's receipt says all there is to say.
        None if shared.keys.kind == Kind::Line => {}
        None => {
            envelope.ret = Some(Return::Headers);
            envelope.envid = Some(message.identity.to_string());
            recipient.notify = all;
        }
    }
    envelope.to = vec![recipient];
    envelope
}

/// The value of NOTIFY as it was said.
fn notify(words: &str) -> Notify {
    let has = |word: &str| words.split(',').any(|w| w.eq_ignore_ascii_case(word));
    Notify { never: has("NEVER"), success: has("SUCCESS"), failure: has("FAILURE"), delay: has("DELAY") }
}

/// A message of ours; for people outside with its other forms.
fn ours(shared: &Shared, message: &Message, to_outside: bool, from: String, to: String) -> What {
    let came_by = || shared.place.history.as_ref().and_then(|h| h.look().ok()?.came_by(&message.identity).ok()?);
    let forms = if to_outside { (shared.place.forms)(message, came_by().as_deref()) } else { vec![] };
    What::Ours { message: Box::new(message.clone()), from, to, forms }
}

/// A notice as a mail.
fn notice_of(shared: &Shared, message: &Message, post: &Post, to: &str) -> Result<Vec<u8>, Outcome> {
    let Some(said) = &post.notice else { return Err(refused(Fault::Us, "the message is no notice".into())) };
    let all = Notify { success: true, failure: true, delay: true, never: false }; // who handed it in has seen to what is wanted
    let recipient =
        Recipient { address: told::real_recipient(shared, &post.recipient), notify: all, original: post.original_recipient.clone() };
    let envelope = Envelope {
        from: to.to_owned(),
        to: vec![recipient.clone()],
        ret: post.whole.then_some(Return::Full),
        envid: post.envid.clone(),
        ..Envelope::default()
    };
    let action = [Action::Failed, Action::Delayed, Action::Delivered, Action::Relayed].into_iter().find(|a| a.word() == said.action);
    let told = Told {
        recipient,
        action: action.unwrap_or(Action::Failed),
        status: said.status.clone(),
        why: said.why.clone(),
        answer: reply::said(&said.why).map(|(host, reply, _)| (host, reply.to_string())),
        until: said.until,
    };
    let id = &message.identity;
    let written = notice::write(&notice::Notice {
        host: &shared.keys.host(&shared.station),
        id: &format!("{id}@{}", shared.domains.of(&id.station)),
        at: taken(shared, id),
        envelope: &envelope,
        original: &original(shared, post, said),
        arrived: Some(taken(shared, &said.about)),
        told: &[told],
    });
    written.map(|w| w.mail).ok_or_else(|| refused(Fault::Us, "there is no notice about a notice".into()))
}

/// When this station took a message, to the second: its date-time group ends with the minute, which lies before a mail's own Date.
fn taken(shared: &Shared, id: &Identity) -> Utc {
    let row = || shared.place.history.as_ref()?.look().ok()?.row(id).ok()?;
    row().map_or_else(|| id.dtg.utc(), |row| row.accepted)
}

/// The mail that a notice is about, as much of it as may be needed.
fn original(shared: &Shared, post: &Post, said: &Notice) -> Vec<u8> {
    let about = || {
        let message = shared.place.history.as_ref()?.look().ok()?.message(&said.about).ok()??;
        Some((message.envelope.post.and_then(|p| p.mail), message.envelope.subject))
    };
    let (mail, subject) = match post.mail.clone() {
        Some(mail) => (Some(mail), String::new()),
        None => about().unwrap_or_default(),
    };
    let mut bytes = vec![];
    let read = mail.map(|mail| as_came(&mail, &shared.place.contents()).and_then(|m| m.take(ORIGINAL).read_to_end(&mut bytes)));
    match read {
        Some(Ok(_)) => bytes,
        _ => {
            let subject: String = subject.chars().filter(|c| c.is_ascii() && !c.is_control()).take(200).collect();
            format!("Molink-Identity: {}\r\nSubject: {subject}\r\n\r\n", said.about).into_bytes()
        }
    }
}

/// The octets of a mail as it came, without the Return-Path that its arrival here put on top (RFC 5321 4.4).
fn as_came(mail: &AsCame, contents: &Contents) -> io::Result<Box<dyn Read>> {
    let from: Box<dyn Read> = match mail {
        AsCame::Short(text) => Box::new(Cursor::new(text.clone().into_bytes())),
        AsCame::Kept(blob) => Box::new(open(contents, blob)?),
    };
    let mut from = BufReader::new(from);
    let mut first = vec![];
    (&mut from).take(4 << 10).read_until(b'\n', &mut first)?;
    if !first.get(..12).is_some_and(|name| name.eq_ignore_ascii_case(b"return-path:")) {
        return Ok(Box::new(Cursor::new(first).chain(from)));
    }
    while from.fill_buf()?.first().is_some_and(|b| matches!(b, b' ' | b'\t')) {
        (&mut from).take(4 << 10).read_until(b'\n', &mut vec![])?;
    }
    Ok(Box::new(from))
}

impl Prepared {
    fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        let contents = self.shared.place.contents();
        match &self.what {
            What::Whole(mail) => to.write_all(mail),
            What::AsCame(mail) => io::copy(&mut as_came(mail, &contents)?, to).map(drop),
            What::Ours { message, from, to: reader, forms } => {
                let mut open = |blob: &Blob| -> io::Result<Box<dyn Read>> { Ok(Box::new(self::open(&contents, blob)?)) };
                let mail = Outgoing { message, domains: &self.shared.domains, on_top: "", forms };
                mime::write_between(mail, People { from, to: reader }, &mut open, to)
            }
        }
    }

    /// Its octets, from a thread of their own if there are many.
    pub fn pieces(self: Arc<Prepared>) -> Pieces {
        let (tell, pieces) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || {
            let mut out = Cut { tell, held: Vec::with_capacity(PIECE) };
            let written = match &self.kept {
                Some(all) => out.write_all(all),
                None => self.write(&mut out),
            };
            let last = match written.and_then(|()| out.flush()) {
                Ok(()) => Piece::End,
                Err(e) => Piece::Unreadable(e.to_string()),
            };
            let _ = out.tell.blocking_send(last); // whoever is gone does not ask any more
        });
        Pieces(pieces)
    }
}

impl Pieces {
    /// The next one. Cancel-safe.
    pub async fn next(&mut self) -> Piece {
        self.0.recv().await.unwrap_or_else(|| Piece::Unreadable("the mail could not be written (a bug)".into()))
    }
}

/// Cuts a stream into pieces.
struct Cut {
    tell: mpsc::Sender<Piece>,
    held: Vec<u8>,
}

impl Write for Cut {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let some = &octets[..octets.len().min(PIECE - self.held.len())];
        self.held.extend_from_slice(some);
        if self.held.len() == PIECE {
            self.flush()?;
        }
        Ok(some.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.held, Vec::with_capacity(PIECE));
        self.tell.blocking_send(Piece::Octets(piece)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Counts octets; keeps those of a short mail, and the header.
#[derive(Default)]
struct Tally {
    octets: u64,
    eight: bool,
    kept: Option<Vec<u8>>,
    head: Vec<u8>,
    headed: bool,
    /// Octets of the line in hand, CR not counted.
    line: usize,
}

impl Tally {
    fn header(&mut self, octets: &[u8]) {
        for b in octets {
            match (b, self.line) {
                (b'\n', 0) => return self.headed = true,
                (b'\n', _) => self.line = 0,
                (b'\r', _) => {}
                _ => self.line += 1,
            }
            self.head.push(*b);
            if self.head.len() == mime::LARGEST_HEADER {
                return self.headed = true;
            }
        }
    }
}

impl Write for Tally {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.octets += octets.len() as u64;
        self.eight |= !octets.is_ascii();
        if !self.headed {
            self.header(octets);
        }
        self.kept = self.kept.take().filter(|k| k.len() + octets.len() <= SHORT).map(|mut kept| {
            kept.extend_from_slice(octets);
            kept
        });
        Ok(octets.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_return_path_of_an_arrival_is_taken_off_and_nothing_else() {
        let contents = Contents::in_folder("/nowhere");
        for (came, goes) in [
            ("Return-Path: <a@b.example>\r\nReceived: x\r\n\r\nReturn-Path: y\r\n", "Received: x\r\n\r\nReturn-Path: y\r\n"),
            ("return-path:\r\n <a@b.example>\r\n\t\r\nA: b\r\n\r\n", "A: b\r\n\r\n"),
            ("Received: x\r\nReturn-Path: <a>\r\n\r\n", "Received: x\r\nReturn-Path: <a>\r\n\r\n"),
            ("", ""),
            ("Return-Path: <>", ""),
        ] {
            let mut bytes = vec![];
            as_came(&AsCame::Short(came.into()), &contents).unwrap().read_to_end(&mut bytes).unwrap();
            assert_eq!(String::from_utf8(bytes).unwrap(), goes);
        }
    }

    #[test]
    fn a_mail_is_counted_and_only_a_short_one_is_kept() {
        let mail = "Subject: г\r\nA: b\r\n\r\nbody д\r\n";
        for step in 1..mail.len() {
            let mut tally = Tally { kept: Some(vec![]), ..Tally::default() };
            mail.as_bytes().chunks(step).for_each(|c| tally.write_all(c).unwrap());
            assert_eq!((tally.octets, tally.eight), (mail.len() as u64, true));
            assert_eq!((tally.kept.unwrap(), tally.head), (mail.into(), b"Subject: \xd0\xb3\r\nA: b\r\n\r".to_vec()), "{step}");
        }
        let mut tally = Tally { kept: Some(vec![]), ..Tally::default() };
        tally.write_all(&vec![b'x'; SHORT]).unwrap();
        assert!(tally.kept.is_some() && !tally.eight);
        tally.write_all(b"x").unwrap();
        assert!(tally.kept.is_none() && tally.octets == SHORT as u64 + 1);
    }

    #[test]
    fn what_was_asked_of_notices_is_read_back() {
        for words in ["", "NEVER", "SUCCESS,FAILURE,DELAY", "DELAY"] {
            assert_eq!(notify(words).words(), words);
        }
    }
}

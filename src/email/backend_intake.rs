//! What becomes of a mail that came in: a message of a pinned station is filed as it is, any other is handed in as a draft for each recipient.
//!
//! Standards: RFC 5321 4.4 (Return-Path, Received), RFC 3461 (what is kept for notices). In: a complete mail, its octets in the spool.
//! Out: `Ok` only when the journal has it, with the identity; else why not. Contents are on disk before the journal hears of them.
//! Left out: the session (`smtp::server`), whom an address means (`backend_directory`). Shown by: `tests/it/email_server.rs`.

use super::backend::Shared;
use super::backend_book::DAEMON;
use super::backend_directory::Directory;
use super::backend_quota::Quota;
use super::backend_spool::{Incoming, SHORT};
use super::mime::{self, Heading};
use super::notice;
use super::smtp::envelope::{Recipient, Return};
use super::smtp::server::{Mail, NotFiled};
use super::smtp::trace;
use super::{backend_clerk, loops};
use crate::faults::{KillPoint, kill_point};
use crate::message::{Address, AsCame, Blob, Class, Draft, Envelope, Identity, Message, Notice, Post, Precedence};
use crate::router::{Contents, Event, Submitted, Verdict};
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Octets of mails that are being read, at one time. A mail is in memory once, and its texts a few times.
const IN_HAND: usize = 32 << 20;
/// A mail up to this length, for so many recipients at the most, is kept in the journal as it came; any other among the contents.
const KEPT_SHORT: usize = 32 << 10;
const KEPT_SHORT_FOR: usize = 16;
/// How long the journal is waited for. Who hears 451 then comes again, and is known by the key.
const PATIENCE: Duration = Duration::from_secs(60);
/// Recipients handed in at one time.
const TOGETHER: usize = 64;

/// What takes mails in.
pub(super) struct Intake {
    pub shared: Arc<Shared>,
    pub directory: Arc<Directory>,
    pub quota: Mutex<Quota>,
    in_hand: Semaphore,
}

/// A mail, read: nothing of it is in memory any more but its texts.
enum Read {
    /// A message of a station, and what was noted about it.
    Message(Message, Vec<String>),
    /// For each recipient, a draft and the key it is filed once by.
    Drafts(Vec<(Draft, Option<String>)>, Vec<String>),
}

impl Intake {
    /// Of one port.
    pub fn new(shared: Arc<Shared>, directory: Arc<Directory>) -> Intake {
        let quota = Mutex::new(Quota::new(shared.keys.quota));
        Intake { shared, directory, quota, in_hand: Semaphore::new(IN_HAND / SHORT) }
    }

    /// Files a mail; the text is for the answer. It goes on when nobody waits for the answer any more.
    pub async fn file(self: Arc<Self>, mail: Mail, spool: Incoming) -> Result<String, NotFiled> {
        kill_point(KillPoint::MailSpooled);
        if !mail.who.trusted() {
            let sender = if mail.envelope.from.is_empty() { &mail.who.address } else { &mail.envelope.from };
            let now = self.shared.clock.now();
            self.quota.lock().unwrap_or_else(PoisonError::into_inner).admit(now, sender).map_err(NotFiled::Later)?;
        }
        let size = usize::try_from(mail.octets).unwrap_or(usize::MAX);
        let places = size.div_ceil(SHORT).clamp(1, IN_HAND / SHORT);
        let _in_hand = self.in_hand.acquire_many(places as u32).await.map_err(|_| NotFiled::Trouble)?;
        let intake = self.clone();
        let reading = move || intake.read(&mail, spool);
        let read = match size {
            0..=SHORT => tokio::task::spawn_blocking(reading).await.unwrap_or(Err(NotFiled::Trouble)),
            _ => alone(reading).await.unwrap_or(Err(NotFiled::Trouble)),
        };
        let filed = match read? {
            Read::Message(message, notes) => self.submit(message, notes).await,
            Read::Drafts(drafts, notes) => self.hand_in(drafts, notes).await,
        };
        if filed.is_ok() {
            kill_point(KillPoint::MailFiled);
        }
        filed
    }

    /// Reads a mail, and keeps its contents. It waits for the disk.
    fn read(&self, mail: &Mail, spool: Incoming) -> Result<Read, NotFiled> {
        let shared = &self.shared;
        let head = self.head(mail);
        let octets = spool.read(head.as_bytes()).map_err(|e| self.trouble(&format!("the spool cannot be read: {e}")))?;
        let came = &octets[head.len()..];
        let parsed = mime::read(came);
        if let Some(why) = loops::round(&parsed.heading, &shared.station) {
            shared.note(why);
            return Err(NotFiled::Loop);
        }
        let passes = loops::passes(mime::header_of(came), &shared.keys.host(&shared.station));
        if passes > loops::MOST_PASSES {
            shared.note(format!("the mail came through this host {passes} times before; it goes round in a loop"));
            return Err(NotFiled::Loop);
        }
        let contents = shared.place.contents();
        let keep = |file: &mime::Attached<'_>| contents.keep_from(&file.blob, |out| file.write_to(out)).map(|()| file.blob.clone());
        if mail.who.pinned.is_some()
            && let Some(message) = parsed.message(keep)
        {
            return Ok(Read::Message(message.map_err(|e| self.trouble(&e))?, parsed.notes));
        }
        if mail.envelope.from.is_empty() {
            backend_clerk::heard(shared, came, &parsed.heading);
        }
        let content = parsed.content(keep).map_err(|e| self.trouble(&e))?;
        let from = self.from(mail)?;
        let kept = self.as_came(&octets, mail.envelope.to.len(), &contents)?;
        let asked = mail.envelope.precedence.or(parsed.heading.precedence).unwrap_or_default();
        let precedence = if mail.who.trusted() { asked } else { asked.min(Precedence::Routine) };
        let mut notes = parsed.notes;
        if precedence < asked {
            notes.push(format!("{asked} was asked for; only stations and users that are known have more than {precedence}"));
        }
        let digest = Keyed::new(mail, &parsed.heading, &came[mime::header_of(came).len()..], passes);
        let mut drafts = vec![];
        for recipient in &mail.envelope.to {
            let to = self.to(&recipient.address)?;
            let post = Some(Box::new(self.post(mail, recipient, &parsed.heading, kept.clone())));
            let subject = parsed.heading.subject.clone();
            let envelope = Envelope { from: from.clone(), to, precedence, class: Class::Message, subject, via: vec![], post };
            drafts.push((Draft { envelope, content: content.clone() }, digest.key(&recipient.address)));
        }
        Ok(Read::Drafts(drafts, notes))
    }

    /// The two fields on top of what came (RFC 5321 4.4).
    fn head(&self, mail: &Mail) -> String {
        let shared = &self.shared;
        let date = notice::date(shared.clock.utc(shared.clock.now()));
        let id = format!("{}-{}", shared.port, shared.clock.now().micros());
        let received = trace::received(&mail.who, &shared.keys.host(&shared.station), mail.envelope.utf8, &id, &date);
        format!("Return-Path: <{}>\r\n{received}", mail.envelope.from)
    }

    fn as_came(&self, octets: &[u8], recipients: usize, contents: &Contents) -> Result<AsCame, NotFiled> {
        if let (true, true, Ok(text)) = (octets.len() <= KEPT_SHORT, recipients <= KEPT_SHORT_FOR, std::str::from_utf8(octets)) {
            return Ok(AsCame::Short(text.to_owned()));
        }
        let sha256 = hexadecimal(&Sha256::digest(octets));
        let blob = Blob { sha256, name: "original.eml".into(), media_type: "message/rfc822".into(), size: octets.len() as u64 };
        contents.keep_from(&blob, |out| out.write_all(octets)).map_err(|e| self.trouble(&e))?;
        Ok(AsCame::Kept(blob))
    }

    /// Who it is from: the desk of a user, else a correspondent outside.
    fn from(&self, mail: &Mail) -> Result<Address, NotFiled> {
        let shared = &self.shared;
        if let Some(desk) = mail.who.login.as_deref().and_then(|user| self.directory.desk_of(user)) {
            return Ok(Address { desk, station: shared.station.clone() });
        }
        let Some(outside) = shared.keys.outside() else {
            return Err(NotFiled::Policy("this line takes messages of stations, and mail of users who have a desk here".into()));
        };
        let desk = match mail.envelope.from.as_str() {
            "" => DAEMON.parse().map_err(|_| NotFiled::Trouble)?,
            address => shared.book.name(address).map_err(|e| self.trouble(&e))?,
        };
        Ok(Address { desk, station: outside })
    }

    fn to(&self, address: &str) -> Result<Address, NotFiled> {
        if let Some(named) = self.directory.desk(address).or_else(|| self.directory.correspondent(address)) {
            return Ok(named);
        }
        // The directory lets this be asked for only by those who are known.
        let Some(outside) = self.shared.keys.outside() else { return Err(NotFiled::Policy(format!("`{address}` is no desk here"))) };
        let desk = self.shared.book.name(address).map_err(|e| self.trouble(&e))?;
        Ok(Address { desk, station: outside })
    }

    fn post(&self, mail: &Mail, recipient: &Recipient, heading: &Heading, kept: AsCame) -> Post {
        let writer = heading.from.as_ref().map_or(String::new(), |w| match w.name.is_empty() {
            true => w.address.clone(),
            false => format!("{} <{}>", w.name, w.address),
        });
        Post {
            reverse_path: mail.envelope.from.clone(),
            recipient: recipient.address.clone(),
            writer,
            notify: recipient.notify.words(),
            original_recipient: recipient.original.clone(),
            envid: mail.envelope.envid.clone(),
            whole: mail.envelope.ret == Some(Return::Full),
            trusted: mail.who.trusted(),
            answerable: loops::may_answer(heading, &mail.envelope.from),
            mail: Some(kept),
            notice: None,
        }
    }

    async fn submit(&self, message: Message, notes: Vec<String>) -> Result<String, NotFiled> {
        let id = message.identity.clone();
        let verdict = tokio::time::timeout(PATIENCE, self.shared.door.submit(message)).await;
        match verdict {
            Ok(Verdict::Filed | Verdict::FiledBefore) => {
                notes.into_iter().for_each(|text| self.shared.events.emit(Event::Note { text }, Some(&id)));
                Ok(id.to_string())
            }
            Ok(Verdict::Refused(reason)) if reason.text.starts_with("loop:") => Err(NotFiled::Loop),
            Ok(Verdict::Refused(reason)) => Err(NotFiled::Policy(reason.text)),
            Ok(Verdict::TryLater(reason)) => Err(self.trouble(&reason.text)),
            Err(_) => Err(self.trouble(SLOW)),
        }
    }

    async fn hand_in(&self, drafts: Vec<(Draft, Option<String>)>, notes: Vec<String>) -> Result<String, NotFiled> {
        let mut filed = vec![];
        let mut refused: Vec<(Address, Box<Post>, String)> = vec![];
        let mut drafts = drafts.into_iter().peekable();
        while drafts.peek().is_some() {
            let mut asked = JoinSet::new();
            for (draft, key) in drafts.by_ref().take(TOGETHER) {
                let (from, post) = (draft.envelope.from.clone(), draft.envelope.post.clone());
                let answer = self.shared.door.hand_in(draft, key);
                asked.spawn(async move { (from, post, tokio::time::timeout(PATIENCE, answer).await) });
            }
            while let Some(answered) = asked.join_next().await {
                let (from, post, answer) = answered.map_err(|_| NotFiled::Trouble)?;
                match answer {
                    Ok(Submitted::Accepted(id) | Submitted::Known(id)) => filed.push(id),
                    Ok(Submitted::Unknown(why) | Submitted::Refused(why)) => refused.push((from, post.unwrap_or_default(), why)),
                    // Some may be on disk by now: the whole mail comes again, and they are known by their keys.
                    Ok(Submitted::Stuck(why)) => return Err(self.trouble(&why)),
                    Err(_) => return Err(self.trouble(SLOW)),
                }
            }
        }
        filed.sort();
        let Some(first) = filed.first() else {
            let why = refused.into_iter().next().map_or_else(|| "nobody it is for is known".into(), |(_, _, why)| why);
            return Err(NotFiled::Policy(why));
        };
        for (from, post, why) in refused {
            self.tell(first, from, post, why).await?;
        }
        notes.into_iter().for_each(|text| self.shared.events.emit(Event::Note { text }, Some(first)));
        Ok(first.to_string())
    }

    /// Somebody of several was refused, and the others were not: the answer is one for all, so that the sender is told by a notice.
    async fn tell(&self, about: &Identity, sender: Address, post: Box<Post>, why: String) -> Result<(), NotFiled> {
        self.shared.note(format!("`{}` of {about} was refused: {why}", post.recipient));
        let wanted = post.notify.is_empty() || post.notify.contains("FAILURE");
        if !wanted || post.reverse_path.is_empty() {
            return Ok(());
        }
        let key = format!("notice-{about}-failed-{}", hexadecimal(&Sha256::digest(&post.recipient)));
        let notice = Notice { about: about.clone(), action: "failed".into(), status: "5.1.1".into(), why, until: None };
        let router = Address { desk: "router".parse().map_err(|_| NotFiled::Trouble)?, station: self.shared.station.clone() };
        let envelope = Envelope {
            from: router,
            to: sender,
            precedence: Precedence::Routine,
            class: Class::Service,
            subject: format!("Not delivered to {}", post.recipient),
            via: vec![],
            post: Some(Box::new(Post { notice: Some(notice), mail: None, ..*post })),
        };
        let draft = Draft { envelope, content: vec![] };
        match tokio::time::timeout(PATIENCE, self.shared.door.hand_in(draft, Some(key))).await {
            Ok(Submitted::Stuck(why)) => Err(self.trouble(&why)),
            Err(_) => Err(self.trouble(SLOW)),
            // A notice that nobody can carry is the end of it.
            Ok(Submitted::Accepted(_) | Submitted::Known(_) | Submitted::Unknown(_) | Submitted::Refused(_)) => Ok(()),
        }
    }

    /// Not the sender's fault: said to whoever watches the port.
    fn trouble(&self, why: &str) -> NotFiled {
        self.shared.note(format!("a mail could not be filed: {why}"));
        NotFiled::Trouble
    }
}

/// Does it on a thread that ends with it. One of the pool keeps what it once had for its next work, and there are many: each would keep a large mail's room.
async fn alone<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (answer, answered) = tokio::sync::oneshot::channel();
    std::thread::Builder::new().name("intake".into()).spawn(move || answer.send(work())).ok()?;
    answered.await.ok()
}

const SLOW: &str = "the journal did not answer within a minute";

/// What a mail is known by when it comes again: who sent it, its Message-ID and subject, its body. A mail without Message-ID is not known.
struct Keyed(Option<Sha256>);

impl Keyed {
    fn new(mail: &Mail, heading: &Heading, body: &[u8], passes: usize) -> Keyed {
        Keyed(heading.message_id.as_ref().map(|id| {
            let mut hash = Sha256::new();
            for field in [mail.envelope.from.as_bytes(), id.as_bytes(), heading.subject.as_bytes()] {
                hash.update((field.len() as u64).to_be_bytes());
                hash.update(field);
            }
            hash.update(body);
            // What comes back is not what comes again: it goes on, or in a loop, and is not lost as known.
            if passes > 0 {
                hash.update((passes as u64).to_be_bytes());
            }
            hash
        }))
    }
    fn key(&self, recipient: &str) -> Option<String> {
        let mut hash = self.0.clone()?;
        hash.update(recipient.as_bytes());
        Some(format!("mail-{}", hexadecimal(&hash.finalize())))
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

//! What becomes of a mail that came in: a message of a pinned station is filed as it is, any other is handed in as a draft for each recipient.
//!
//! Standards: RFC 5321 4.4 (Return-Path, Received), RFC 3461 (what is kept for notices). In: a complete mail, its octets in the spool.
//! Out: `Ok` only when the journal has it, with the identity; else why not. Contents are on disk before the journal hears of them.
//! Left out: the session (`smtp::server`), whom an address means (`directory`). Shown by: `tests/it/email_server.rs`.

use super::directory::Directory;
use super::quota::Quota;
use super::spool::{Incoming, SHORT};
use crate::email::backend::Shared;
use crate::email::backend_book::{DAEMON, NoName, STRANGER, Whose};
use crate::email::backend_clerk::{self, told};
use crate::email::mime::{self, Heading};
use crate::email::notice;
use crate::email::smtp::envelope::{Recipient, Return};
use crate::email::smtp::server::{Directory as _, Mail, NotFiled};
use crate::email::smtp::trace;
use crate::email::{loops, reply};
use crate::faults::{KillPoint, kill_point};
use crate::message::{Address, AsCame, Blob, Class, Draft, Envelope, Identity, Message, Name, Notice, Part, Post, Precedence};
use crate::router::{Contents, Event, Submitted, Verdict};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Octets of mails that are being read, at one time. A mail is in memory once, and its texts a few times.
const IN_HAND: usize = 32 << 20;
/// A mail up to this length, for so many recipients at the most, is kept in the journal as it came; any other among the contents.
const KEPT_SHORT: usize = 32 << 10;
const KEPT_SHORT_FOR: usize = 16;
/// A mail up to this length is read at once if that needs no disk.
const AT_ONCE: usize = 16 << 10;
/// How long the journal is waited for. Who hears 451 then comes again, and is known by the key.
const PATIENCE: Duration = Duration::from_secs(60);
/// Recipients handed in at one time, and octets of text in their drafts together.
const TOGETHER: usize = 64;
const TEXT_TOGETHER: usize = 16 << 20;
/// Octets that the copies of a mail for all its recipients may come to in the journal.
const COPIES: usize = 256 << 20;

/// What takes mails in.
pub(super) struct Intake {
    pub shared: Arc<Shared>,
    pub directory: Arc<Directory>,
    pub quota: Mutex<Quota>,
    in_hand: Semaphore,
    /// Where large mails are read.
    room: Mutex<Vec<u8>>,
}

/// A mail, read: nothing of it is in memory any more but its texts.
enum Read {
    /// A message of a station, and what was noted about it.
    Message(Message, Vec<String>),
    /// A draft as it is for each recipient, and the notes.
    Drafts(Drafts, Vec<String>),
}

/// What a mail is for each of those it is for. Its content is here once: a thousand copies of a long one are not made at one time.
struct Drafts {
    /// Without recipient and post.
    envelope: Envelope,
    content: Vec<Part>,
    /// For whom, what its notices need, the key it is filed once by.
    to: Vec<(Address, Box<Post>, Option<String>)>,
}

impl Drafts {
    /// How many are handed in at one time.
    fn together(&self) -> usize {
        (TEXT_TOGETHER / self.text().max(1)).clamp(1, TOGETHER)
    }
    /// Octets of its texts.
    fn text(&self) -> usize {
        let length = |part: &Part| match part {
            Part::Text { text } => text.len(),
            Part::Page(_) | Part::File(_) => 0,
        };
        self.content.iter().map(length).sum()
    }
}

impl Intake {
    /// Of one port.
    pub fn new(shared: Arc<Shared>, directory: Arc<Directory>) -> Intake {
        let quota = Mutex::new(Quota::new(shared.keys.quota));
        Intake { shared, directory, quota, in_hand: Semaphore::new(IN_HAND / SHORT), room: Mutex::default() }
    }

    /// Files a mail; the text is for the answer. It goes on when nobody waits for the answer any more.
    pub async fn file(self: Arc<Self>, mail: Mail, spool: Incoming) -> Result<String, NotFiled> {
        kill_point(KillPoint::MailSpooled);
        if mail.who.trusted() {
            return self.take_in(mail, spool).await;
        }
        let sender = if mail.envelope.from.is_empty() { &mail.who.address } else { &mail.envelope.from }.clone();
        let (desks, quota) = (self.desks(&mail), || self.quota.lock().unwrap_or_else(PoisonError::into_inner));
        quota().admit(self.shared.clock.now(), &sender, desks).map_err(NotFiled::Later)?;
        let filed = self.clone().take_in(mail, spool).await;
        if filed.as_ref().is_err_and(NotFiled::for_now) {
            quota().give_back(&sender, desks);
        }
        filed
    }

    async fn take_in(self: Arc<Self>, mail: Mail, spool: Incoming) -> Result<String, NotFiled> {
        let size = usize::try_from(mail.octets).unwrap_or(usize::MAX);
        let places = size.div_ceil(SHORT).clamp(1, IN_HAND / SHORT);
        let _in_hand = self.in_hand.acquire_many(places as u32).await.map_err(|_| NotFiled::Trouble)?;
        let read = match self.read_at_once(&mail, &spool) {
            Some(read) => read,
            None => {
                let intake = self.clone();
                let reading = move || intake.read(&mail, spool);
                let read = match size {
                    0..=SHORT => tokio::task::spawn_blocking(reading).await.ok(),
                    _ => alone(reading).await,
                };
                read.unwrap_or(Err(NotFiled::Trouble))
            }
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

    /// Reads a mail for which no disk has to be waited for: a short text for few people from a correspondent who is known.
    fn read_at_once(&self, mail: &Mail, spool: &Incoming) -> Option<Result<Read, NotFiled>> {
        let short = spool.in_memory().filter(|octets| octets.len() <= AT_ONCE && std::str::from_utf8(octets).is_ok())?;
        let (from, to) = (&mail.envelope.from, &mail.envelope.to);
        let whose = if mail.who.trusted() { Whose::Known } else { Whose::Stranger };
        let known = |address: &str| self.shared.book.known(address, whose, self.shared.clock.utc(self.shared.clock.now())).is_some();
        let plain = mail.who.pinned.is_none() && to.len() <= KEPT_SHORT_FOR && !from.is_empty();
        if !plain || !known(from) || !to.iter().all(|r| self.directory.desk(&r.address).is_some()) {
            return None;
        }
        let head = self.head(mail);
        let octets = [head.as_bytes(), short].concat();
        let parsed = mime::read(&octets[head.len()..]);
        let texts = octets.len() <= KEPT_SHORT && parsed.pieces.iter().all(|piece| matches!(piece, mime::Piece::Text(_)));
        texts.then(|| self.take(mail, &octets, head.len(), parsed))
    }

    /// Reads a mail, and keeps its contents. It waits for the disk.
    fn read(&self, mail: &Mail, spool: Incoming) -> Result<Read, NotFiled> {
        let head = self.head(mail);
        // Large mails have one room, used again and again: an allocator keeps what each thread had, and a mail came to be there many times.
        let room = || self.room.lock().unwrap_or_else(PoisonError::into_inner);
        let large = mail.octets > SHORT as u64;
        let mut octets = if large { std::mem::take(&mut *room()) } else { vec![] };
        let spooled = spool.read(head.as_bytes(), &mut octets);
        let read = match spooled {
            Ok(()) => self.take(mail, &octets, head.len(), mime::read(&octets[head.len()..])),
            Err(e) => Err(self.trouble(&format!("the spool cannot be read: {e}"))),
        };
        if large {
            *room() = octets;
        }
        read
    }

    /// Takes a mail that was read; its own octets stand behind the first `head`.
    fn take(&self, mail: &Mail, octets: &[u8], head: usize, parsed: mime::Mail<'_>) -> Result<Read, NotFiled> {
        let shared = &self.shared;
        let came = &octets[head..];
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
            backend_clerk::heard(shared, came, &parsed.heading).map_err(|e| self.trouble(&e))?;
        }
        let from = self.from(mail)?; // before anything of it is kept
        let content = parsed.content(keep).map_err(|e| self.trouble(&e))?;
        let kept = self.as_came(octets, mail.envelope.to.len(), &contents)?;
        let asked = mail.envelope.precedence.or(parsed.heading.precedence).unwrap_or_default();
        let precedence = if mail.who.trusted() { asked } else { asked.min(Precedence::Routine) };
        let mut notes = parsed.notes;
        if precedence < asked {
            notes.push(format!("{asked} was asked for; only stations and users that are known have more than {precedence}"));
        }
        let digest = Keyed::new(mail, &parsed.heading, &came[mime::header_of(came).len()..], passes);
        // A desk that is named twice, in other letters or as postmaster, gets one.
        let mut desks = BTreeSet::new();
        let mut to = vec![];
        for recipient in &mail.envelope.to {
            let desk = self.to(&recipient.address)?;
            if desks.insert(desk.to_string()) {
                let key = digest.key(&desk.to_string());
                to.push((desk, Box::new(self.post(mail, recipient, &parsed.heading, kept.clone())), key));
            }
        }
        let Some((first, ..)) = to.first() else { return Err(NotFiled::Content) };
        let subject = parsed.heading.subject.clone();
        let envelope = Envelope { from, to: first.clone(), precedence, class: Class::Message, subject, via: vec![], post: None };
        let drafts = Drafts { envelope, content, to };
        if drafts.text().saturating_mul(drafts.to.len()) > COPIES {
            let most = COPIES >> 20;
            return Err(NotFiled::Policy(format!("its text, once for each recipient, comes to more than {most} MiB; send it to fewer")));
        }
        Ok(Read::Drafts(drafts, notes))
    }

    /// How many desks a mail is for.
    fn desks(&self, mail: &Mail) -> usize {
        mail.envelope.to.iter().map(|r| self.directory.owner(&r.address)).collect::<BTreeSet<_>>().len()
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
        let desk = mail.who.login.as_deref().map_or(Ok(None), |user| self.directory.desk_of(user)).map_err(|e| self.trouble(&e))?;
        if let Some(desk) = desk {
            return Ok(Address { desk, station: shared.station.clone() });
        }
        let Some(outside) = shared.keys.outside() else {
            return Err(NotFiled::Policy("this line takes messages of stations, and mail of users who have a desk here".into()));
        };
        let desk = match mail.envelope.from.as_str() {
            "" => DAEMON.parse().map_err(|_| NotFiled::Trouble)?,
            address if mail.who.trusted() => self.name(address, Whose::Known)?,
            // One too many is a stranger: his mail is taken, and nobody can answer it by a name.
            address => match self.name(address, Whose::Stranger) {
                Err(NotFiled::BookFull) => STRANGER.parse().map_err(|_| NotFiled::Trouble)?,
                named => named?,
            },
        };
        Ok(Address { desk, station: outside })
    }

    fn to(&self, address: &str) -> Result<Address, NotFiled> {
        if let Some(named) = self.directory.desk(address).or_else(|| self.directory.correspondent(address)) {
            return Ok(named);
        }
        // The directory lets this be asked for only by those who are known.
        let Some(outside) = self.shared.keys.outside() else { return Err(NotFiled::Policy(format!("`{address}` is no desk here"))) };
        Ok(Address { desk: self.name(address, Whose::Known)?, station: outside })
    }

    /// What a correspondent outside is called here.
    fn name(&self, address: &str, whose: Whose) -> Result<Name, NotFiled> {
        let shared = &self.shared;
        shared.book.name(address, whose, shared.clock.utc(shared.clock.now())).map_err(|no| match no {
            NoName::Disk(why) => self.trouble(&why),
            NoName::Full(why) => {
                why.into_iter().for_each(|why| shared.note(why));
                NotFiled::BookFull
            }
        })
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

    async fn hand_in(&self, drafts: Drafts, notes: Vec<String>) -> Result<String, NotFiled> {
        let mut filed = vec![];
        let mut refused: Vec<(Address, Box<Post>, String)> = vec![];
        let together = drafts.together();
        let Drafts { envelope, content, to } = drafts;
        let mut to = to.into_iter().peekable();
        while to.peek().is_some() {
            let draft = |(to, post, key)| {
                (Draft { envelope: Envelope { to, post: Some(post), ..envelope.clone() }, content: content.clone() }, key)
            };
            for (from, post, answer) in self.ask(to.by_ref().take(together).map(draft).collect()).await {
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

    /// Hands drafts in together. The answer comes with the sender and the post (without its mail) of the draft it is about.
    async fn ask(&self, drafts: Vec<(Draft, Option<String>)>) -> Vec<(Address, Option<Box<Post>>, Answer)> {
        let mut asked = drafts.into_iter().map(|(mut draft, key)| {
            let mail = draft.envelope.post.as_mut().and_then(|post| post.mail.take());
            let (from, post) = (draft.envelope.from.clone(), draft.envelope.post.clone());
            if let Some(post) = &mut draft.envelope.post {
                post.mail = mail;
            }
            let answer = tokio::time::timeout(PATIENCE, self.shared.door.hand_in(draft, key));
            async move { (from, post, answer.await) }
        });
        match (asked.next(), asked.len()) {
            (None, _) => vec![],
            // The usual one needs no task of its own.
            (Some(one), 0) => vec![one.await],
            (Some(one), _) => asked.chain([one]).collect::<JoinSet<_>>().join_all().await,
        }
    }

    /// Somebody of several was refused, and the others were not: the answer is one for all, so that the sender is told by a notice.
    async fn tell(&self, about: &Identity, sender: Address, post: Box<Post>, why: String) -> Result<(), NotFiled> {
        self.shared.note(format!("`{}` of {about} was refused: {why}", post.recipient));
        let wanted = post.notify.is_empty() || post.notify.contains("FAILURE");
        if !wanted || post.reverse_path.is_empty() {
            return Ok(());
        }
        let key = format!("notice-{about}-failed-{}", hexadecimal(&Sha256::digest(&post.recipient)));
        let (recipient, reason) = (told::real_recipient(&self.shared, &post.recipient), why.clone());
        let notice = Notice { about: about.clone(), action: "failed".into(), status: reply::status(true, &why), why, until: None };
        let router = Address { desk: "router".parse().map_err(|_| NotFiled::Trouble)?, station: self.shared.station.clone() };
        let envelope = Envelope {
            from: router,
            to: sender,
            precedence: Precedence::Routine,
            class: Class::Service,
            subject: format!("Not delivered to {recipient}"),
            via: vec![],
            post: Some(Box::new(Post { notice: Some(notice), mail: None, ..*post })),
        };
        let text = format!("YOUR MESSAGE TO {recipient} WAS NOT DELIVERED: {reason}");
        let draft = Draft { envelope, content: vec![Part::Text { text }] };
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

/// What the router said, if it did in time.
type Answer = Result<Submitted, tokio::time::error::Elapsed>;

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

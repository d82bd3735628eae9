//! What a terminal does with a call that comes in: is it taken, which message is it, is the page on disk, is the message filed.
//!
//! Standards: none; ours (`docs/fax.md`). In: who calls, pages, what is on disk, verdicts. Out: pages for the spool, messages for the router.
//! No page is confirmed before it is on disk, and the last one not before the router has filed the message. Bounded: pages of the spool.
//! Left out: the call (see `t30::answerer`), the disk. Shown by: `tests/it/fax_terminal.rs`.

use super::{Call, HAND_OVER, Output, Terminal, Timer};
use crate::faults::{KillPoint, kill_point};
use crate::fax::cover::{Cover, Sub};
use crate::fax::pages::MOST_PAGES;
use crate::fax::spool::Entry;
use crate::fax::t30::facility::tag;
use crate::fax::t30::{self, Answerer, Blame, Entry as Said, Facilities, Identified, Received, Report, answerer};
use crate::message::{Address, Class, Draft, Envelope, Message, Name, Precedence};
use crate::router::event::Direction;
use crate::router::{Event, Reason, Submitted, Verdict};
use crate::time::{Instant, Utc};
use std::time::Duration;

/// Entries that are kept at most, those filed long ago counted.
const MOST_ENTRIES: usize = 1000;
/// How long a call that broke off makes the next one of the same number a possible duplicate: a day.
const DUPLICATE: i64 = 86_400_000_000;
/// What a call left behind is not gone on with any more after this: an hour, in microseconds …
const UNFINISHED: i64 = 3_600_000_000;
/// … and as long a while before it is looked for.
const LEFT_LYING: Duration = Duration::from_secs(3600);
/// Characters of a reason that the far end is told.
const MOST_SAID: usize = 200;

/// A call that is coming in.
#[derive(Default)]
pub(super) struct Incoming {
    /// The entry it goes to, once that is known.
    pub(super) entry: Option<String>,
    /// The page of that entry that is the call's first.
    first: usize,
    /// The page that came last: its number in the call, rows, bad rows.
    last: (usize, usize, usize),
    /// The page of the call that waits for its message to be filed.
    waits: Option<usize>,
    /// MCF is on its way out.
    pub(super) confirming: bool,
}

impl Incoming {
    /// Pages of its entry that came in earlier calls.
    pub(super) fn pages_before(&self) -> usize {
        self.first.saturating_sub(1)
    }
}

/// Why a call is not taken, and what the far end is told besides.
struct Refusal {
    why: String,
    blame: Blame,
    entries: Vec<Said>,
}

impl Refusal {
    fn for_good(why: String) -> Refusal {
        Refusal { entries: vec![said(tag::REFUSED, &why)], why, blame: Blame::Peer }
    }
    fn not_now(why: String, blame: Blame) -> Refusal {
        Refusal { entries: vec![said(tag::NOT_NOW, &why)], why, blame }
    }
    fn input(self) -> t30::Input {
        t30::Input::Refuse { why: self.why, blame: self.blame, entries: self.entries }
    }
}

fn said(tag: u8, why: &str) -> Said {
    Said::new(tag, why.chars().take(MOST_SAID).collect::<String>())
}

impl Terminal {
    /// What lies in the spool at the start; what is whole is handed over.
    pub(super) fn recovered(&mut self, entries: Vec<Entry>) {
        self.entries = entries.into_iter().map(|e| (e.name.clone(), e)).collect();
        self.ready = true;
        let cut_off: Vec<String> = self.entries.values().filter(|e| self.broke_off_here(e)).map(|e| e.name.clone()).collect();
        cut_off.iter().for_each(|name| self.breaks_off(name)); // no other call can go on with these
        self.hand_over();
    }
    fn broke_off_here(&self, entry: &Entry) -> bool {
        let unfinished = !entry.filed && entry.of.is_none_or(|of| entry.pages < of);
        entry.identity.is_none() && unfinished && entry.port == self.config.port
    }
    /// What lies in the spool now, before a call: another port of the station may have gone on with a message, or filed it.
    pub(super) fn refreshed(&mut self, entries: Vec<Entry>) {
        let filing: Vec<String> = self.filing.values().cloned().collect();
        self.entries.retain(|name, _| filing.contains(name));
        self.entries.extend(entries.into_iter().filter(|e| !filing.contains(&e.name)).map(|e| (e.name.clone(), e)));
    }
    /// Hands in what is whole and not filed.
    pub(super) fn hand_over(&mut self) {
        let waiting: Vec<String> = self.entries.values().filter(|e| e.waits()).map(|e| e.name.clone()).collect();
        for name in waiting {
            self.file(&name);
        }
    }
    /// Hands an entry in, unless that is done already. Its number.
    fn file(&mut self, name: &str) -> Option<u64> {
        if let Some((token, _)) = self.filing.iter().find(|(_, filing)| *filing == name) {
            return Some(*token);
        }
        let entry = self.entries.get(name)?.clone();
        kill_point(KillPoint::BeforeHandOver);
        let token = self.next_token;
        self.next_token += 1;
        self.filing.insert(token, name.to_owned());
        self.out.push(match (&entry.identity, &entry.envelope) {
            (Some(identity), Some(envelope)) => {
                let message = Message { identity: identity.clone(), envelope: envelope.clone(), content: vec![] };
                Output::Submit { token, entry, message }
            }
            _ => {
                let draft = self.draft(&entry);
                Output::HandIn { token, key: format!("fax {}", entry.name), entry, draft }
            }
        });
        Some(token)
    }
    /// A message of a machine that does not say which it is.
    fn draft(&self, entry: &Entry) -> Draft {
        let desk = Address { desk: self.config.desk.clone(), station: self.config.station.clone() };
        let number = entry.peer.as_deref().map_or("A NUMBER THAT WAS NOT SAID".into(), |n| n.to_owned());
        let mut subject = format!("FAX FROM {number}, {} {}", entry.pages, if entry.pages == 1 { "PAGE" } else { "PAGES" });
        if let Some(sub) = &entry.sub {
            subject.push_str(&format!(", SUB {sub}"));
        }
        if entry.broken {
            subject.push_str(", BROKEN OFF");
        }
        let before = |e: &&Entry| e.broken && e.peer == entry.peer && e.name != entry.name && e.identity.is_none();
        let recent = |e: &Entry| (0..DUPLICATE).contains(&(entry.began.0 - e.began.0));
        if self.entries.values().filter(before).any(recent) {
            subject.push_str(", POSSIBLE DUPLICATE");
        }
        let (from, to) = (desk.clone(), desk);
        let envelope = Envelope { from, to, precedence: Precedence::Routine, class: Class::Message, subject, via: vec![], post: None };
        Draft { envelope, content: vec![] }
    }

    /// Picks up.
    pub(super) fn answer(&mut self, now: Instant) {
        let c = &self.config;
        let config = answerer::Config {
            number: c.number.clone(),
            facilities: Some(vec![Said::new(tag::STATION, c.station.as_str())]),
            capabilities: c.capabilities.clone(),
            thresholds: c.thresholds,
            speed: c.speed,
        };
        self.show.begins(false, "");
        if let Some(job) = &mut self.job {
            job.dials = 0;
        }
        let answerer = Answerer::new(config);
        let answerer = if self.config.foreign { answerer } else { answerer.only_kin() };
        let answerer = match self.keys() {
            Some(keys) => answerer.keyed(&keys),
            None => answerer,
        };
        self.call = Call::In(Box::new(answerer), Box::default());
        self.tell(now, t30::Input::Start);
    }
    /// Who calls is known: is the message taken?
    pub(super) fn called(&mut self, now: Instant, far: &Identified) -> Vec<t30::Input> {
        self.show.far(far.number.as_deref());
        if let Some(answer) = self.goes_on(far) {
            return vec![answer];
        }
        let began = self.utc(now);
        let taken = match &far.facilities {
            Some(said) => self.kin_calls(said, far, began),
            None => self.foreigner_calls(far, began),
        };
        vec![match taken {
            Ok((entry, first)) => {
                self.line_up();
                self.make_room(&entry);
                if let Call::In(_, incoming) = &mut self.call {
                    let before = incoming.entry.replace(entry.clone()).filter(|before| *before != entry);
                    incoming.first = first;
                    // It said who it is once more, and otherwise.
                    if let Some(before) = before.filter(|b| self.entries.get(b).is_some_and(|e| e.pages == 0)) {
                        self.entries.remove(&before);
                    }
                }
                t30::Input::SetUp(vec![])
            }
            Err(refusal) => {
                self.event(Event::Refused { reason: refusal.why.clone() }, None);
                refusal.input()
            }
        }]
    }
    /// Who calls says so once more after a page: the pages of a call are of one message, however the far end calls itself now.
    fn goes_on(&mut self, far: &Identified) -> Option<t30::Input> {
        let Call::In(_, incoming) = &self.call else { return None };
        let entry = incoming.entry.as_ref().filter(|_| incoming.last.0 > 0).and_then(|name| self.entries.get(name))?;
        let envelope = far.facilities.as_ref().and_then(|said| said.value(tag::ENVELOPE));
        let same = envelope.is_none_or(|octets| Cover::decode(octets).is_ok_and(|cover| Some(cover.identity) == entry.identity));
        Some(match same {
            true => t30::Input::SetUp(vec![]),
            false => Refusal::not_now("a call brings one message, and after its first pages another is named".into(), Blame::Peer).input(),
        })
    }
    /// Pages that are in the spool and not filed.
    fn unfiled(&self) -> usize {
        self.entries.values().filter(|e| !e.filed).map(|e| e.pages).sum()
    }
    /// Whether so many more pages may come. Where they may not, beginnings that a station left lying go first: it is told to begin anew.
    fn room_for(&mut self, pages: usize, keep: &str, now: Utc) -> Result<(), Refusal> {
        while self.unfiled() + pages > self.config.most_spooled {
            let left = |e: &&Entry| e.identity.is_some() && !e.filed && !e.waits() && e.name != keep && now.0 - e.began.0 > UNFINISHED;
            let oldest = self.entries.values().filter(left).filter(|e| !self.filing.values().any(|filing| *filing == e.name));
            let Some(name) = oldest.min_by_key(|e| e.began).map(|e| e.name.clone()) else {
                return Err(Refusal::not_now(format!("the spool holds {} pages already", self.unfiled()), Blame::Us));
            };
            self.note(format!("the spool is full: the pages of {name} that came are let go; its sender begins anew"));
            self.drop_entry(&name);
        }
        Ok(())
    }
    /// A station of molink calls: the entry of its message, and the call's first page.
    fn kin_calls(&mut self, said: &Facilities, far: &Identified, began: Utc) -> Result<(String, usize), Refusal> {
        let name = said.text(tag::STATION).unwrap_or_default();
        if !name.is_empty() && name.parse::<Name>().as_ref() != Ok(&self.config.peer) {
            return Err(Refusal::not_now(format!("this line is for {}, and `{name}` calls", self.config.peer), Blame::Peer));
        }
        let Some(octets) = said.value(tag::ENVELOPE) else { return self.foreigner_calls(far, began) };
        let cover = Cover::decode(octets).map_err(|why| Refusal::not_now(format!("its envelope cannot be read: {why}"), Blame::Peer))?;
        self.addressee(&cover.envelope).map_err(Refusal::for_good)?;
        let name = cover.identity.to_string();
        let there = self.entries.get(&name).filter(|e| e.of == Some(cover.pages) && e.envelope.as_ref() == Some(&cover.envelope));
        let have = there.map_or(0, |e| e.pages);
        let anew = cover.first == 1 && there.is_none_or(|e| e.filed);
        if cover.first > have + 1 {
            let mut refusal = Refusal::not_now(format!("page {} comes, and page {} is wanted first", cover.first, have + 1), Blame::Peer);
            refusal.entries.push(Said::new(tag::FROM_PAGE, (have + 1).to_string()));
            return Err(refusal);
        }
        if there.is_none_or(|e| !e.filed) {
            self.room_for(cover.pages.saturating_sub(have), &name, began)?;
        }
        if anew && !self.filing.values().any(|filing| *filing == name) {
            if self.entries.remove(&name).is_some() {
                self.out.push(Output::Discard(name.clone()));
            }
            let entry = Entry {
                name: name.clone(),
                identity: Some(cover.identity),
                envelope: Some(cover.envelope),
                peer: far.number.clone(),
                sub: far.sub.clone(),
                port: self.config.port.clone(),
                began,
                of: Some(cover.pages),
                broken: false,
                filed: false,
                blob: None,
                pages: 0,
            };
            self.entries.insert(name.clone(), entry);
        }
        Ok((name, cover.first))
    }
    /// Another machine calls, or a station that says only digits.
    fn foreigner_calls(&mut self, far: &Identified, began: Utc) -> Result<(String, usize), Refusal> {
        let desk = &self.config.desk;
        if !self.config.place.all_desks.is_empty() && !self.config.place.all_desks.contains(desk) {
            return Err(Refusal::not_now(format!("this station has no desk `{desk}` for what comes without an address"), Blame::Us));
        }
        self.room_for(1, "", began)?;
        let digits = far.sub.as_deref().and_then(|sub| Sub::read(sub, began));
        let joined = digits.map(|sub| (format!("sub-{}", &sub.digits()[..17]), sub.first));
        let (name, first) = match joined {
            // What is filed may come once more: then it is known, and not filed again.
            Some((name, first)) if self.entries.get(&name).map_or(first == 1, |e| first <= e.pages + usize::from(!e.filed)) => {
                (name, first)
            }
            _ => (format!("call-{}", began.0), 1),
        };
        let entry = Entry {
            name: name.clone(),
            identity: None,
            envelope: None,
            peer: far.number.clone(),
            sub: far.sub.clone(),
            port: self.config.port.clone(),
            began,
            of: None,
            broken: false,
            filed: false,
            blob: None,
            pages: 0,
        };
        self.entries.entry(name.clone()).or_insert(entry);
        Ok((name, first))
    }
    /// Whether a message for this address is taken at all; the router has the last word.
    fn addressee(&self, envelope: &Envelope) -> Result<(), String> {
        let to = &envelope.to;
        if to.station != self.config.station {
            return (self.config.place.reachable)(to, envelope.class);
        }
        match self.config.place.all_desks.is_empty() || self.config.place.all_desks.contains(&to.desk) {
            true => Ok(()),
            false => Err(format!("unknown desk `{}`; {} has: {}", to.desk, self.config.station, list(&self.config.place.all_desks))),
        }
    }
    /// What was filed longest ago is forgotten, where there are too many.
    fn make_room(&mut self, keep: &str) {
        while self.entries.len() > MOST_ENTRIES {
            let oldest = self.entries.values().filter(|e| e.name != keep && !e.waits()).min_by_key(|e| (!e.filed, e.began));
            let Some(name) = oldest.map(|e| e.name.clone()) else { return };
            self.entries.remove(&name);
            self.out.push(Output::Discard(name));
        }
    }

    /// A page came: into the spool with it, unless its message is filed.
    pub(super) fn page_came(&mut self, received: Received) -> Vec<t30::Input> {
        let Call::In(_, incoming) = &mut self.call else { return vec![] };
        let Some(entry) = incoming.entry.as_ref().and_then(|name| self.entries.get_mut(name)) else {
            return vec![Refusal::not_now("it was not said whose page this is".into(), Blame::Us).input()];
        };
        let page = incoming.first + received.number - 1;
        incoming.last = (received.number, received.damage.rows, received.damage.bad_rows);
        if page > entry.of.unwrap_or(MOST_PAGES) {
            let why = format!("page {page} came, and the message has {} at the most", entry.of.unwrap_or(MOST_PAGES));
            return vec![Refusal::not_now(why, Blame::Peer).input()];
        }
        if entry.identity.is_none() && received.last && !entry.filed {
            entry.of = Some(page);
        }
        let entry = entry.clone();
        if entry.filed {
            return self.on_disk(entry.name, page, received.number);
        }
        self.out.push(Output::Spool { entry, page, received: Box::new(received) });
        vec![]
    }
    pub(super) fn spooled(&mut self, now: Instant, name: &str, page: usize) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        entry.pages = entry.pages.max(page);
        kill_point(KillPoint::PageSpooled);
        let Call::In(_, incoming) = &self.call else { return };
        if incoming.entry.as_deref() != Some(name) || page < incoming.first {
            return;
        }
        let number = page + 1 - incoming.first;
        let then = self.on_disk(name.to_owned(), page, number);
        then.into_iter().for_each(|input| self.tell(now, input));
    }
    /// A page is on disk: confirmed at once, or, the last one, once the message is filed.
    fn on_disk(&mut self, name: String, page: usize, number: usize) -> Vec<t30::Input> {
        let last = self.entries.get(&name).is_some_and(|e| e.of == Some(page) && e.pages >= page);
        if !last {
            return vec![t30::Input::Stored { page: number }];
        }
        if let Call::In(_, incoming) = &mut self.call {
            incoming.waits = Some(number);
        }
        self.file(&name);
        vec![]
    }
    pub(super) fn not_spooled(&mut self, now: Instant, name: &str, page: usize, why: &str) {
        if matches!(&self.call, Call::In(_, incoming) if incoming.entry.as_deref() == Some(name)) {
            self.tell(now, Refusal::not_now(format!("page {page} cannot be stored: {why}"), Blame::Us).input());
        }
    }

    pub(super) fn verdict(&mut self, now: Instant, token: u64, verdict: Verdict) {
        let Some(name) = self.filing.remove(&token) else { return };
        match verdict {
            Verdict::Filed | Verdict::FiledBefore => self.is_filed(now, &name),
            Verdict::Refused(Reason { text, .. }) => {
                self.drop_entry(&name);
                self.turn_down(now, &name, Refusal::for_good(text));
            }
            Verdict::TryLater(Reason { text, .. }) => self.turn_down(now, &name, Refusal::not_now(text, Blame::Us)),
        }
    }
    pub(super) fn handed_in(&mut self, now: Instant, token: u64, submitted: Submitted) {
        let Some(name) = self.filing.remove(&token) else { return };
        match submitted {
            Submitted::Accepted(_) | Submitted::Known(_) => self.is_filed(now, &name),
            Submitted::Unknown(why) | Submitted::Refused(why) | Submitted::Stuck(why) => {
                // It stays in the spool: pages of it may be confirmed.
                self.arm(now, Timer::HandOver, HAND_OVER);
                self.turn_down(now, &name, Refusal::not_now(why, Blame::Us));
            }
        }
    }
    fn drop_entry(&mut self, name: &str) {
        self.entries.remove(name);
        self.out.push(Output::Discard(name.to_owned()));
    }
    /// The page of the call that waits for this entry, if one does.
    fn waited(&mut self, name: &str) -> Option<usize> {
        match &mut self.call {
            Call::In(_, incoming) if incoming.entry.as_deref() == Some(name) => incoming.waits.take(),
            _ => None,
        }
    }
    fn is_filed(&mut self, now: Instant, name: &str) {
        kill_point(KillPoint::FiledNotConfirmed);
        if let Some(entry) = self.entries.get_mut(name) {
            entry.filed = true;
            let entry = entry.clone();
            self.out.push(Output::Retire(entry));
        }
        if let Some(page) = self.waited(name) {
            self.tell(now, t30::Input::Stored { page });
        }
    }
    fn turn_down(&mut self, now: Instant, name: &str, refusal: Refusal) {
        if self.waited(name).is_some() {
            self.tell(now, refusal.input());
        }
    }
    /// A page of this call was answered MCF.
    pub(super) fn confirmed_in(&mut self, page: usize) {
        let Call::In(_, incoming) = &mut self.call else { return };
        incoming.confirming = true;
        let entry = incoming.entry.as_ref().and_then(|name| self.entries.get(name));
        let (_, rows, bad) = incoming.last;
        let (id, of) = (entry.and_then(|e| e.identity.clone()), entry.and_then(|e| e.of));
        let page = incoming.first + page - 1;
        self.event(Event::PageConfirmed { dir: Direction::In, page, of, rows, bad }, id.as_ref());
    }

    /// A call that came in is over.
    pub(super) fn call_taken(&mut self, now: Instant, incoming: &Incoming, report: Report) {
        if let Some(failure) = &report.failure {
            match failure.blame {
                Blame::Line => self.line_down(&failure.to_string()),
                Blame::Peer | Blame::Us => self.note(failure.to_string()),
            }
        }
        let Some(name) = &incoming.entry else { return };
        let Some(entry) = self.entries.get(name) else { return };
        match (entry.identity.is_none(), entry.pages) {
            (_, 0) => {
                self.entries.remove(name); // nothing of it is on disk
            }
            // Another call of the same sub-address may go on with it; nobody else can.
            (true, _) if !self.broke_off_here(entry) => {}
            (true, _) if name.starts_with("sub-") => self.arm(now, Timer::Unfinished, LEFT_LYING),
            (true, _) => self.breaks_off(name),
            _ => {}
        }
    }
    /// Calls of a sub-address that nobody went on with: what came is handed in.
    pub(super) fn left_lying(&mut self, now: Instant) {
        let utc = self.utc(now);
        let current = if let Call::In(_, incoming) = &self.call { incoming.entry.clone() } else { None };
        let lying = self.entries.values().filter(|e| e.pages > 0 && self.broke_off_here(e) && Some(&e.name) != current.as_ref());
        let (old, young): (Vec<&Entry>, Vec<&Entry>) = lying.partition(|e| utc.0 - e.began.0 >= UNFINISHED);
        let (old, young) = (old.into_iter().map(|e| e.name.clone()).collect::<Vec<_>>(), !young.is_empty() || current.is_some());
        old.iter().for_each(|name| self.breaks_off(name));
        if young {
            self.arm(now, Timer::Unfinished, LEFT_LYING);
        }
    }
    /// A call of a machine that cannot go on with it in another: what came is handed in.
    fn breaks_off(&mut self, name: &str) {
        let Some(entry) = self.entries.get_mut(name).filter(|e| e.pages > 0) else { return };
        (entry.of, entry.broken) = (Some(entry.pages), true);
        let entry = entry.clone();
        self.out.push(Output::Note(entry));
        self.file(name);
    }
}

fn list(names: &[Name]) -> String {
    names.iter().map(Name::to_string).collect::<Vec<_>>().join(", ")
}

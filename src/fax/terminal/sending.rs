//! What a terminal does with a delivery: have it drawn, call, count what is confirmed, call again where that helps, report.
//!
//! Standards: none; ours (`docs/fax.md`). In: deliveries, pages, how calls ended. Out: calls, reports. Pages that are confirmed are not sent again,
//! in this delivery or a later one. Left out: the call (see `t30::caller`). Shown by: `tests/it/fax_terminal.rs`.

use super::{Call, Output, REDIAL, Terminal, Timer};
use crate::fax::cover::{Cover, Sub};
use crate::fax::pages::printable;
use crate::fax::t30::facility::{self, tag};
use crate::fax::t30::{self, Blame, Caller, Entry as Said, Failure, Identified, Report, caller};
use crate::message::Name;
use crate::paper::Page;
use crate::router::event::Direction;
use crate::router::{Delivery, Event, Fault, Outcome, Reason, Receipt};
use crate::time::Instant;
use std::sync::Arc;

/// A delivery in hand.
pub(super) struct Job {
    pub(super) delivery: Delivery,
    /// Once they are drawn.
    pages: Option<Vec<Arc<Page>>>,
    /// How many of them the far end has.
    confirmed: usize,
    /// Pages that were confirmed as damaged (RTP).
    doubtful: Vec<usize>,
    /// How often the line was refused since the last call.
    pub(super) dials: u32,
    redials: u32,
    pub(super) called_off: bool,
    /// Why the far machine cannot print a page of it.
    unprintable: Option<String>,
}

impl Job {
    pub(super) fn drawn(&self) -> bool {
        self.pages.is_some()
    }
    fn count(&self) -> usize {
        self.pages.as_ref().map_or(0, Vec::len)
    }
    fn at(&self) -> String {
        match self.confirmed {
            0 => "before the first page was confirmed".into(),
            n => format!("after page {n} of {}", self.count()),
        }
    }
    /// What its next call says of it.
    fn cover(&self) -> Cover {
        let message = &self.delivery.message;
        let pages = self.count().max(1);
        Cover { identity: message.identity.clone(), envelope: message.envelope.clone(), first: (self.confirmed + 1).min(pages), pages }
    }
}

impl Terminal {
    pub(super) fn deliver(&mut self, delivery: Delivery) {
        self.waiting.push_back(delivery);
    }
    /// Takes up the next delivery, if none is in hand.
    pub(super) fn next_job(&mut self) {
        while self.job.is_none()
            && let Some(delivery) = self.waiting.pop_front()
        {
            let (number, message) = (delivery.number, delivery.message.clone());
            let job = Job {
                delivery,
                pages: None,
                confirmed: 0,
                doubtful: vec![],
                dials: 0,
                redials: self.config.redials,
                called_off: false,
                unprintable: None,
            };
            let said = facility::encode(&self.said_of(&job));
            self.job = Some(job);
            match said {
                Ok(_) => self.out.push(Output::Draw { delivery: number, message }),
                Err(over) => {
                    let why = format!("the envelope is {over} octets too long for a fax call; make the subject shorter");
                    self.finish(Outcome::Refused(Reason::new(Fault::Us, why)));
                }
            }
        }
    }
    /// What a station of molink is told of a message.
    fn said_of(&self, job: &Job) -> Vec<Said> {
        vec![Said::new(tag::STATION, self.config.station.as_str()), Said::new(tag::ENVELOPE, job.cover().encode())]
    }

    pub(super) fn drawn(&mut self, delivery: u64, pages: Vec<Arc<Page>>, confirmed: usize) {
        let Some(job) = self.job.as_mut().filter(|job| job.delivery.number == delivery && job.pages.is_none()) else { return };
        // The far end is asked about the last page at the least: it may have it, and not have filed the message.
        job.confirmed = confirmed.min(pages.len().saturating_sub(1));
        job.pages = Some(pages);
        if job.confirmed > 0 {
            let text = format!("{} of {} pages are confirmed from an earlier call and not sent again", job.confirmed, job.count());
            let id = job.delivery.message.identity.clone();
            self.event(Event::Note { text }, Some(&id));
        }
    }
    pub(super) fn not_drawn(&mut self, delivery: u64, outcome: Outcome) {
        if self.job.as_ref().is_some_and(|job| job.delivery.number == delivery && !job.drawn()) {
            self.finish(outcome);
        }
    }
    pub(super) fn call_off(&mut self, now: Instant, number: u64) {
        if let Some(at) = self.waiting.iter().position(|d| d.number == number) {
            self.waiting.remove(at);
            let outcome = Outcome::CalledOff { at: "before the call".into() };
            return self.out.push(Output::Report { delivery: number, outcome });
        }
        let Some(job) = self.job.as_mut().filter(|job| job.delivery.number == number) else { return };
        job.called_off = true;
        let at = job.at();
        match self.call {
            Call::Out(_) => self.tell(now, t30::Input::Halt { why: "called off for something more urgent".into() }),
            Call::Dialling => {
                self.call = Call::None;
                self.out.push(Output::HangUp);
                self.finish(Outcome::CalledOff { at });
            }
            Call::None | Call::In(..) => self.finish(Outcome::CalledOff { at }),
        }
    }

    pub(super) fn line_taken(&mut self, now: Instant) {
        let Some(job) = self.job.as_mut().filter(|_| matches!(self.call, Call::Dialling)) else {
            self.call = Call::None;
            return self.out.push(Output::HangUp);
        };
        job.dials = 0;
        let Some(pages) = &job.pages else { return };
        let (identity, c) = (&job.delivery.message.identity, &self.config);
        let caller = caller::Config {
            number: c.number.clone(),
            called: if c.call.is_empty() { c.peer.upper() } else { c.call.clone() },
            sub: Sub::of(c.place.number, identity, job.confirmed + 1).map(|sub| sub.digits()),
            facilities: true,
            pages: pages[job.confirmed..].to_vec(),
            capabilities: c.capabilities.clone(),
            wishes: c.wishes,
            speed: c.speed,
        };
        self.show.takes_line(&caller.called);
        let caller = Caller::new(caller);
        let caller = if self.config.foreign { caller } else { caller.only_kin() };
        self.call = Call::Out(Box::new(match self.keys() {
            Some(keys) => caller.keyed(&keys),
            None => caller,
        }));
        self.tell(now, t30::Input::Start);
    }
    /// The far end said what it can: what it is told.
    pub(super) fn answered(&mut self, far: &Identified) -> Vec<t30::Input> {
        self.show.far(far.number.as_deref());
        let name = far.facilities.as_ref().and_then(|said| said.text(tag::STATION));
        if let Some(name) = name.filter(|name| name.parse::<Name>().as_ref() != Ok(&self.config.peer)) {
            let why = format!("`{name}` answers, and `peer` of this port is `{}`", self.config.peer);
            return vec![t30::Input::Stop { why }];
        }
        self.line_up();
        let Some(job) = &self.job else { return vec![] };
        let mut told = vec![];
        if let (Some(pages), Some(there)) = (&job.pages, &far.capabilities) {
            match fitted(&pages[job.confirmed..], job.confirmed, there) {
                Ok((pages, notes)) => {
                    told.extend(pages.map(t30::Input::Pages));
                    let id = job.delivery.message.identity.clone();
                    notes.into_iter().for_each(|text| self.event(Event::Note { text }, Some(&id)));
                }
                Err(why) => {
                    self.job.iter_mut().for_each(|job| job.unprintable = Some(why.clone()));
                    return vec![t30::Input::Stop { why }];
                }
            }
        }
        let Some(job) = &self.job else { return vec![] };
        told.push(t30::Input::SetUp(if far.facilities.is_some() { self.said_of(job) } else { vec![] }));
        told
    }
    /// MCF for a page of this call.
    pub(super) fn confirmed_out(&mut self, page: usize) {
        let Some(job) = &mut self.job else { return };
        job.confirmed += 1; // one after the other
        let (confirmed, of) = (job.confirmed, job.count());
        let identity = job.delivery.message.identity.clone();
        let rows = job.pages.as_ref().and_then(|pages| pages.get(confirmed - 1)).map_or(0, |p| p.height());
        debug_assert!(page <= confirmed, "pages of a call begin after those confirmed before");
        self.event(Event::PageConfirmed { dir: Direction::Out, page: confirmed, of: Some(of), rows, bad: 0 }, Some(&identity));
        if confirmed < of {
            self.out.push(Output::Progress { identity, confirmed, of });
        }
    }

    /// A call of ours is over.
    pub(super) fn call_made(&mut self, now: Instant, report: Report) {
        let Some(job) = &mut self.job else { return };
        let peer = report.peer.clone().unwrap_or_else(|| self.config.peer.upper());
        let progress = !report.confirmed.is_empty() || !report.doubtful.is_empty();
        let parting = report.parting.as_ref();
        if job.confirmed == job.count() && job.drawn() {
            let doubt = match job.doubtful.as_slice() {
                [] => String::new(),
                pages => format!("; damaged there: {}", pages.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
            };
            let text = format!("MCF from {peer} for page {0} of {0}{doubt}", job.count());
            return self.finish(Outcome::Delivered(Receipt { station: self.config.peer.clone(), before: false, text }));
        }
        let failure = report.failure.clone().unwrap_or(Failure {
            stage: "after the last page to".into(),
            peer,
            what: "not every page was confirmed".into(),
            blame: Blame::Line,
        });
        let text = failure.to_string();
        if let Some(why) = parting.and_then(|said| said.text(tag::REFUSED)) {
            return self.finish(Outcome::Refused(Reason::new(Fault::Peer, why)));
        }
        if failure.blame == Blame::Line {
            self.line_down(&text);
        }
        let Some(job) = &mut self.job else { return };
        if let Some(why) = job.unprintable.take() {
            return self.finish(Outcome::Refused(Reason::new(Fault::Peer, why)));
        }
        if job.called_off {
            let at = job.at();
            return self.finish(Outcome::CalledOff { at });
        }
        let from = parting.and_then(|said| said.text(tag::FROM_PAGE)?.parse::<usize>().ok()).filter(|n| (1..=job.confirmed).contains(n));
        if let Some(page) = from {
            job.confirmed = page - 1;
            let (identity, confirmed, of) = (job.delivery.message.identity.clone(), job.confirmed, job.count());
            self.out.push(Output::Progress { identity, confirmed, of });
        }
        let Some(job) = &mut self.job else { return };
        if (progress || from.is_some()) && failure.blame != Blame::Us && job.redials > 0 && !self.stopping {
            job.redials -= 1;
            let text = format!("{text}; the call is made anew, from page {} on", job.confirmed + 1);
            self.note(text);
            return self.arm(now, Timer::Redial, REDIAL);
        }
        let fault = match failure.blame {
            Blame::Line => Fault::Line,
            Blame::Peer => Fault::Peer,
            Blame::Us => Fault::Us,
        };
        self.finish(Outcome::Deferred(Reason::new(fault, text)));
    }
    /// RTP: the far end has the page, damaged.
    pub(super) fn doubtful_out(&mut self) {
        if let Some(job) = &mut self.job {
            job.confirmed += 1;
            job.doubtful.push(job.confirmed);
            let (identity, confirmed, of) = (job.delivery.message.identity.clone(), job.confirmed, job.count());
            let text = format!("page {confirmed} of {of} arrived damaged (RTP)");
            self.event(Event::Note { text }, Some(&identity));
            if confirmed < of {
                self.out.push(Output::Progress { identity, confirmed, of });
            }
        }
    }
    /// The delivery in hand ended so.
    pub(super) fn finish(&mut self, outcome: Outcome) {
        let Some(job) = self.job.take() else { return };
        if matches!(outcome, Outcome::Delivered(_) | Outcome::Refused(_)) {
            self.out.push(Output::Forget(job.delivery.message.identity));
        }
        self.out.push(Output::Report { delivery: job.delivery.number, outcome });
    }
}

/// Pages as the far machine can print them, if any has to be made so; the error names the page.
type Fitted = (Option<Vec<Arc<Page>>>, Vec<String>);
fn fitted(pages: &[Arc<Page>], before: usize, there: &t30::Capabilities) -> Result<Fitted, String> {
    let (mut made, mut notes, mut changed) = (vec![], vec![], false);
    for (n, page) in pages.iter().enumerate() {
        match printable(page, there).map_err(|why| format!("page {}: {why}", before + n + 1))? {
            None => made.push(page.clone()),
            Some((page, note)) => {
                changed = true;
                notes.push(format!("page {}: {note}", before + n + 1));
                made.push(Arc::new(page));
            }
        }
    }
    Ok((changed.then_some(made), notes))
}

//! The terminal: a fax port as a [`Machine`]. It queues deliveries, calls, answers, joins calls of one message, and says what became of each.
//!
//! Standard: none; the call itself is ITU-T T.30 (`t30`), the rest is ours (`docs/fax.md`). In: deliveries, pages drawn, what the modem hears,
//! what is on disk, verdicts. Out: orders for the modem, pages to be spooled, messages to be filed, reports, events. One call at a time.
//! Left out: lines, disks, drawing (see `backend`). Shown by: `tests/it/fax_terminal.rs`, the conformance suite.

mod key;
mod receiving;
mod sending;
mod show;

use super::modem::{Heard, Order, Tone};
use super::spool::Entry;
use super::t30::{self, Answerer, CallEvent, Caller, Capabilities, Received, Report, Thresholds, Wishes};
use crate::faults::{KillPoint, kill_point};
use crate::key::Tapes;
use crate::key::reel::Reservation;
use crate::machine::{Machine, Timers};
use crate::message::{Draft, Identity, Message, Name};
use crate::paper::Page;
use crate::router::{Delivery, Event, Fault, Outcome, Place, Reason, Submitted, Verdict};
use crate::time::{Instant, Speed, Utc};
use key::Key;
use receiving::Incoming;
use sending::Job;
use show::Show;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// What a terminal has to know.
#[derive(Clone)]
pub struct Config {
    /// Its own station.
    pub station: Name,
    /// The station at the far end.
    pub peer: Name,
    /// The port's own name.
    pub port: String,
    /// Its own telephone number, for CSI and TSI; empty: not said.
    pub number: String,
    /// The number that is called, to name the far end until that names itself; may be empty.
    pub call: String,
    /// Whether the far end may be a machine of another maker.
    pub foreign: bool,
    /// The desk that gets what a machine sends that does not say for whom.
    pub desk: Name,
    /// What it has to know of its station: number, desks, who can be reached. No desks: whoever is named is taken to be there.
    pub place: Place,
    /// What this end can do.
    pub capabilities: Capabilities,
    /// How it would like to send.
    pub wishes: Wishes,
    /// Where a page without correction stops being good.
    pub thresholds: Thresholds,
    /// Of an enciphered line: how many octets a far end may be ahead on a diskette, and at how many left a warning is given. With it
    /// nothing goes or comes in clear.
    pub key: Option<Rules>,
    /// How often a call that broke off after a page is made anew within one delivery.
    pub redials: u32,
    /// Pages that the spool holds at most.
    pub most_spooled: usize,
    /// The clock's speed.
    pub speed: Speed,
    /// UTC at the clock's zero.
    pub epoch: Utc,
}

/// What is settled about key before a station runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rules {
    /// How many octets a far end may be ahead of this one; beyond it an operator decides.
    pub jump: u64,
    /// At so many octets left a warning is given.
    pub warn: Vec<u64>,
}

/// What the terminal is told.
#[derive(Debug)]
pub enum Input {
    /// The diskettes that hang at the port, before anything else; and again after [`Output::Rescan`].
    Diskettes(Tapes),
    /// A reservation of key is on disk: its octets.
    Reserved {
        /// Which.
        made: Reservation,
        /// The key.
        key: Vec<u8>,
    },
    /// A reservation of key could not be made.
    NotReserved {
        /// Which.
        made: Reservation,
        /// Why: one sentence.
        why: String,
    },
    /// What lies in the station's spool, once, before anything else.
    Spool(Vec<Entry>),
    /// The same, before each [`Input::Rings`]: other ports of the station share it.
    SpoolNow(Vec<Entry>),
    /// Carry this.
    Deliver(Delivery),
    /// Stop that delivery.
    CallOff(u64),
    /// The answer to [`Output::Draw`].
    Drawn {
        /// Of which delivery.
        delivery: u64,
        /// The pages, in order.
        pages: Vec<Arc<Page>>,
        /// How many of them the far end has confirmed, in calls before ([`Output::Progress`]).
        confirmed: usize,
    },
    /// The same: there are no pages.
    NotDrawn {
        /// Of which delivery.
        delivery: u64,
        /// What it is answered with.
        outcome: Outcome,
    },
    /// The line is taken: call.
    LineTaken,
    /// There is no call, and why.
    LineRefused(Reason),
    /// The far end called, and the line is taken: answer.
    Rings,
    /// What the modem hears.
    Heard(Heard),
    /// A page is on disk.
    Spooled {
        /// Of which entry.
        entry: String,
        /// Which page of it, from 1.
        page: usize,
    },
    /// A page is not on disk.
    NotSpooled {
        /// Of which entry.
        entry: String,
        /// Which page of it, from 1.
        page: usize,
        /// Why: one sentence.
        why: String,
    },
    /// The router's answer to a [`Output::Submit`].
    Verdict {
        /// Its number.
        token: u64,
        /// The answer.
        verdict: Verdict,
    },
    /// The router's answer to a [`Output::HandIn`].
    HandedIn {
        /// Its number.
        token: u64,
        /// The answer.
        submitted: Submitted,
    },
    /// The station stops: end the call and say [`Output::Stopped`].
    Stop,
}

/// What the terminal wants done.
#[derive(Debug)]
pub enum Output {
    /// Make this message into pages, and look up how many of them are confirmed.
    Draw {
        /// For which delivery.
        delivery: u64,
        /// The message.
        message: Message,
    },
    /// Call. At most one is outstanding.
    Dial,
    /// For the modem of the call.
    Order(Order),
    /// Put this reservation of key on disk, then say [`Input::Reserved`].
    Reserve(Reservation),
    /// Look which diskettes hang there now, then say [`Input::Diskettes`].
    Rescan,
    /// The call is over, or is not to be: let the modem, or the dialling, go.
    HangUp,
    /// So many pages of a message are confirmed: keep that, in case the call breaks off.
    Progress {
        /// Which message.
        identity: Identity,
        /// How many.
        confirmed: usize,
        /// Of how many.
        of: usize,
    },
    /// A message is done with: what [`Output::Progress`] kept may go.
    Forget(Identity),
    /// Put this page into the spool, synced, then say [`Input::Spooled`].
    Spool {
        /// Its entry, as it is to stand there. (Its `pages` are those before.)
        entry: Entry,
        /// Which page of it.
        page: usize,
        /// The page. (Its own number is that of the call.)
        received: Box<Received>,
    },
    /// What is known of an entry has changed.
    Note(Entry),
    /// An entry is filed: its pages may go, what it was is kept for a while.
    Retire(Entry),
    /// An entry is of no use any more.
    Discard(String),
    /// File this message; its content is the entry's pages.
    Submit {
        /// Number for the verdict.
        token: u64,
        /// Whose pages.
        entry: Entry,
        /// The message, without its content.
        message: Message,
    },
    /// Take this message, which came without an identity; its content is the entry's pages.
    HandIn {
        /// Number for the answer.
        token: u64,
        /// Whose pages.
        entry: Entry,
        /// The message, without its content.
        draft: Draft,
        /// Under this it is filed once.
        key: String,
    },
    /// A delivery ended.
    Report {
        /// Which.
        delivery: u64,
        /// How.
        outcome: Outcome,
    },
    /// Something to be seen.
    Event {
        /// What.
        event: Event,
        /// About which message.
        id: Option<Identity>,
    },
    /// The answer to [`Input::Stop`].
    Stopped,
}

/// The timers of a terminal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Timer {
    /// Until the line is tried again.
    Redial,
    /// Until what could not be filed is handed in again.
    HandOver,
    /// Until what calls of a sub-address left behind is looked at.
    Unfinished,
}

/// Before a call is made anew: the far end has left the line by then.
const REDIAL: Duration = Duration::from_secs(2);
/// Between two calls: what is left of the last one on the line has gone by then.
const REST: Duration = Duration::from_secs(1);
/// Before what could not be filed is handed in again.
const HAND_OVER: Duration = Duration::from_secs(60);
/// How often a line is tried that is refused, while the far end may be calling itself.
const DIALS: u32 = 3;

/// What is on the line.
enum Call {
    None,
    Dialling,
    Out(Box<Caller>),
    In(Box<Answerer>, Box<Incoming>),
}

/// A fax port. With nothing to deliver and nothing coming in it does nothing.
pub struct Terminal {
    config: Config,
    timers: Timers<Timer>,
    call: Call,
    job: Option<Job>,
    waiting: VecDeque<Delivery>,
    entries: BTreeMap<String, Entry>,
    /// What was submitted or handed in and is not answered, by its number: which entry.
    filing: BTreeMap<u64, String>,
    next_token: u64,
    show: Show,
    key: Key,
    /// Whether the spool is known.
    ready: bool,
    stopping: bool,
    stopped: bool,
    out: Vec<Output>,
}

impl Terminal {
    /// A terminal at rest; it begins with [`Input::Spool`].
    pub fn new(config: Config) -> Terminal {
        Terminal {
            timers: Timers::default(),
            call: Call::None,
            job: None,
            waiting: VecDeque::new(),
            entries: BTreeMap::new(),
            filing: BTreeMap::new(),
            next_token: 1,
            show: Show::new(if config.call.is_empty() { config.peer.upper() } else { config.call.clone() }),
            key: Key::default(),
            ready: false,
            stopping: false,
            stopped: false,
            out: vec![],
            config,
        }
    }

    fn utc(&self, now: Instant) -> Utc {
        self.config.epoch.plus(now.since(Instant::ZERO))
    }
    fn event(&mut self, event: Event, id: Option<&Identity>) {
        self.out.push(Output::Event { event, id: id.cloned() });
    }
    fn note(&mut self, text: impl Into<String>) {
        self.event(Event::Note { text: text.into() }, None);
    }
    fn arm(&mut self, now: Instant, timer: Timer, nominal: Duration) {
        self.timers.arm(timer, now + self.config.speed.timer(nominal));
    }

    /// Tells the machine of the call something, and does what it wants done.
    fn tell(&mut self, now: Instant, input: t30::Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let outputs = match &mut self.call {
                Call::None | Call::Dialling => return,
                Call::Out(caller) => caller.handle(now, input),
                Call::In(answerer, _) => answerer.handle(now, input),
            };
            self.carry_out(now, outputs, &mut inputs);
        }
    }
    fn carry_out(&mut self, now: Instant, outputs: Vec<t30::Output>, then: &mut VecDeque<t30::Input>) {
        for output in outputs {
            match output {
                t30::Output::Order(Order::HangUp) => self.out.push(Output::HangUp),
                t30::Output::Order(order) => self.out.push(Output::Order(order)),
                t30::Output::Event(event) => self.seen(event),
                t30::Output::Identified(far) => match self.call {
                    Call::Out(_) => then.extend(self.answered(&far)),
                    _ => then.extend(self.called(now, &far)),
                },
                t30::Output::Reserve(reservation) => self.out.push(Output::Reserve(reservation)),
                t30::Output::Page(received) => then.extend(self.page_came(received)),
                t30::Output::Ended(report) => self.ended(now, report),
            }
        }
    }
    /// Shows what happens in a call, and keeps count of confirmed pages.
    fn seen(&mut self, event: CallEvent) {
        let outgoing = matches!(self.call, Call::Out(_));
        match event {
            CallEvent::Confirmed { page } if outgoing => self.confirmed_out(page),
            CallEvent::Confirmed { page } => self.confirmed_in(page),
            CallEvent::Doubtful { .. } => self.doubtful_out(),
            CallEvent::Key(event) => self.key_event(event),
            mut other => {
                // A viewer is shown the pages of the message; those of the call may be only its rest.
                if let (CallEvent::Rows { page, .. }, Call::In(_, incoming)) = (&mut other, &self.call) {
                    *page += incoming.pages_before();
                }
                let id = self.identity();
                let shown = self.show.events(&other, outgoing);
                self.out.extend(shown.into_iter().map(|event| Output::Event { event, id: id.clone() }));
            }
        }
    }
    /// The message that the call is about, where that is known.
    fn identity(&self) -> Option<Identity> {
        match &self.call {
            Call::Out(_) | Call::Dialling => self.job.as_ref().map(|job| job.delivery.message.identity.clone()),
            Call::In(_, incoming) => incoming.entry.as_ref().and_then(|name| self.entries.get(name)?.identity.clone()),
            Call::None => None,
        }
    }
    fn ended(&mut self, now: Instant, report: Report) {
        if let Some(event) = self.show.over() {
            self.event(event, None);
        }
        self.look_for_diskettes();
        match std::mem::replace(&mut self.call, Call::None) {
            Call::Out(_) => self.call_made(now, report),
            Call::In(_, incoming) => self.call_taken(now, &incoming, report),
            Call::None | Call::Dialling => {}
        }
        if !self.timers.runs(Timer::Redial) {
            self.arm(now, Timer::Redial, REST);
        }
    }
    /// The line is up, and the far end known.
    fn line_up(&mut self) {
        if self.show.up != Some(true) {
            self.show.up = Some(true);
            let peer = self.config.peer.clone();
            self.event(Event::LineUp { peer }, None);
        }
    }
    fn line_down(&mut self, reason: &str) {
        if self.show.up != Some(false) {
            self.show.up = Some(false);
            self.event(Event::LineDown { reason: reason.to_owned() }, None);
        }
    }

    /// The next call, or the next delivery, if the line is free for it.
    fn pump(&mut self) {
        if !self.ready || self.stopping {
            return self.stop_if_free();
        }
        self.next_job();
        let free = matches!(self.call, Call::None) && !self.timers.runs(Timer::Redial);
        if free && self.job.as_ref().is_some_and(Job::drawn) {
            self.call = Call::Dialling;
            self.show.begins(true, &self.config.call);
            self.out.push(Output::Dial);
        }
    }
    fn rings(&mut self, now: Instant) {
        match self.call {
            Call::Out(_) | Call::In(..) => self.note("a call while the line was taken; it is not answered"),
            Call::None | Call::Dialling if self.stopping || !self.ready => self.out.push(Output::HangUp),
            Call::None | Call::Dialling => self.answer(now),
        }
    }
    /// Both ends call at one time, and each hears the other's calling tone: the station whose name comes later in the alphabet answers.
    fn both_call(&mut self, now: Instant) {
        if self.config.station > self.config.peer {
            self.note("both ends are calling: this one answers, and calls afterwards");
            self.out.push(Output::Order(Order::Listen(None)));
            self.answer(now);
        }
    }
    fn heard(&mut self, now: Instant, heard: Heard) {
        if let (Call::Out(caller), Heard::Tone(Tone::Cng)) = (&self.call, &heard)
            && caller.unanswered()
        {
            self.both_call(now);
        }
        if let (Call::In(_, incoming), Heard::Sent) = (&mut self.call, &heard)
            && std::mem::take(&mut incoming.confirming)
        {
            kill_point(KillPoint::PageConfirmed);
        }
        self.tell(now, t30::Input::Heard(heard));
    }
    fn line_refused(&mut self, now: Instant, reason: Reason) {
        if !matches!(self.call, Call::Dialling) {
            return;
        }
        self.call = Call::None;
        let Some(job) = &mut self.job else { return };
        job.dials += 1;
        // A line that is out of order is for the router; one that is taken may be free in a moment.
        let taken = reason.fault != Fault::Line;
        match (job.called_off, taken && job.dials < DIALS) {
            (true, _) => self.finish(Outcome::CalledOff { at: "before the call".into() }),
            (false, true) => self.arm(now, Timer::Redial, REDIAL),
            (false, false) => {
                if !taken {
                    self.line_down(&reason.text);
                }
                self.finish(Outcome::Deferred(reason));
            }
        }
    }

    fn stop(&mut self, now: Instant) {
        self.stopping = true;
        self.timers.clear();
        let reason = || Reason::new(Fault::Us, "the station is stopping");
        for delivery in std::mem::take(&mut self.waiting) {
            self.out.push(Output::Report { delivery: delivery.number, outcome: Outcome::NotBegun(reason()) });
        }
        match self.call {
            Call::Dialling => {
                self.call = Call::None;
                self.out.push(Output::HangUp);
            }
            Call::None => {}
            Call::Out(_) | Call::In(..) => self.tell(now, t30::Input::Stop { why: "the station stops".into() }),
        }
        if matches!(self.call, Call::None) && self.job.is_some() {
            self.finish(Outcome::Deferred(reason()));
        }
        self.stop_if_free();
    }
    fn stop_if_free(&mut self) {
        if self.stopping && !self.stopped && matches!(self.call, Call::None) {
            self.stopped = true;
            self.out.push(Output::Stopped);
        }
    }
}

impl Machine for Terminal {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Instant, input: Input) -> Vec<Output> {
        match input {
            Input::Diskettes(diskettes) => self.diskettes(diskettes),
            Input::Reserved { made, key } => self.reserved(now, made, key),
            Input::NotReserved { made, why } => self.tell(now, t30::Input::NotReserved { made, why }),
            Input::Spool(entries) => self.recovered(entries),
            Input::SpoolNow(entries) => self.refreshed(entries),
            Input::Deliver(delivery) => self.deliver(delivery),
            Input::CallOff(number) => self.call_off(now, number),
            Input::Drawn { delivery, pages, confirmed } => self.drawn(delivery, pages, confirmed),
            Input::NotDrawn { delivery, outcome } => self.not_drawn(delivery, outcome),
            Input::LineTaken => self.line_taken(now),
            Input::LineRefused(reason) => self.line_refused(now, reason),
            Input::Rings => self.rings(now),
            Input::Heard(heard) => self.heard(now, heard),
            Input::Spooled { entry, page } => self.spooled(now, &entry, page),
            Input::NotSpooled { entry, page, why } => self.not_spooled(now, &entry, page, &why),
            Input::Verdict { token, verdict } => self.verdict(now, token, verdict),
            Input::HandedIn { token, submitted } => self.handed_in(now, token, submitted),
            Input::Stop => self.stop(now),
        }
        self.tick(now)
    }

    fn tick(&mut self, now: Instant) -> Vec<Output> {
        let mut then = VecDeque::new();
        let due = match &mut self.call {
            Call::Out(caller) => caller.tick(now),
            Call::In(answerer, _) => answerer.tick(now),
            Call::None | Call::Dialling => vec![],
        };
        self.carry_out(now, due, &mut then);
        then.into_iter().for_each(|input| self.tell(now, input));
        while let Some(timer) = self.timers.due(now) {
            match timer {
                Timer::Redial => {} // the line is tried below
                Timer::HandOver => self.hand_over(),
                Timer::Unfinished => self.left_lying(now),
            }
        }
        self.pump();
        std::mem::take(&mut self.out)
    }

    fn deadline(&self) -> Option<Instant> {
        let call = match &self.call {
            Call::Out(caller) => caller.deadline(),
            Call::In(answerer, _) => answerer.deadline(),
            Call::None | Call::Dialling => None,
        };
        call.into_iter().chain(self.timers.deadline()).min()
    }
}

//! The terminal: one end of a full-duplex teletype line, as a [`Machine`].
//!
//! Standard: none is published for the whole; `docs/procedure.md` says what is documented and what is ours.
//! In: deliveries, codes off the line, verdicts. Out: codes for the line, submissions, reports, events.
//! Left out: devices and sockets (`backend`), the mixer (`cipher`). Shown by: `fixtures/dialogues`.

use super::cipher::{Cipher, Rules};
use super::codes::{CodeTable, Coder, UnshiftOnSpace};
use super::receiver::{Pending, Receiving};
use super::sender::Sending;
use super::service::{Detector, Line};
use super::timing::Timing;
use crate::faults::{KillPoint, kill_point_once_sent};
use crate::key::Tapes;
use crate::key::reel::Reservation;
use crate::line::{Code, symbol};
use crate::machine::{Machine, Timers};
use crate::message::{Draft, Identity, Message, Name};
use crate::router::event::{Direction, KeySpan, Span};
use crate::router::{Delivery, Event, Outcome, Reason, Submitted, Verdict};
use crate::time::{Instant, Speed, Utc};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// What a terminal has to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its own station.
    pub station: Name,
    /// The station at the far end, where only that one may call or answer.
    pub peer: Option<Name>,
    /// The code of the machine it sends with; the far printer has the same.
    pub send: CodeTable,
    /// The code of the machine it receives with.
    pub receive: CodeTable,
    /// How the far machine behaves at a space.
    pub unshift: UnshiftOnSpace,
    /// Time of one code on the line.
    pub code_time: Duration,
    /// The clock's speed.
    pub speed: Speed,
    /// UTC at the clock's zero.
    pub epoch: Utc,
    /// The line's longest delay, one way.
    pub max_delay: Duration,
    /// Number of the first call-up.
    pub first_call: u32,
    /// Codes of the longest message that is taken in.
    pub longest: usize,
    /// On an enciphered line: its rules. The tapes come by [`Input::Tapes`].
    pub cipher: Option<Rules>,
}

impl Config {
    /// The procedure's timers for this line.
    pub fn timing(&self) -> Timing {
        Timing::new(self.code_time, self.max_delay, self.speed, self.cipher.is_some())
    }
}

/// What the terminal is told.
#[derive(Debug)]
pub enum Input {
    /// Carry this.
    Deliver(Delivery),
    /// Stop that delivery.
    CallOff(u64),
    /// Codes that came, in order.
    Received(Vec<Code>),
    /// The last [`Output::Send`] has gone out, or will within moments.
    Transmitted,
    /// The answer to [`Output::Halt`]: how many of the codes sent, the last ones, have not gone out and never will. That can be more than
    /// the last send, for [`Input::Transmitted`] may come a little early.
    Halted {
        /// So many.
        left: usize,
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
    /// What became of a message that was typed here.
    Became {
        /// Which.
        id: Identity,
        /// What.
        event: Event,
    },
    /// These key tapes hang here: at the start, and after [`Output::Rescan`].
    Tapes(Tapes),
    /// A reservation is on disk: its key.
    Reserved {
        /// What was asked for.
        made: Reservation,
        /// The key, from its first position on.
        codes: Vec<Code>,
    },
    /// A reservation could not be made.
    NotReserved {
        /// What was asked for.
        made: Reservation,
        /// Why: one sentence.
        why: String,
    },
    /// The device is gone; nothing sent before counts as outstanding.
    LineLost(String),
    /// The device is there again.
    LineBack,
    /// The station stops: cut what is being sent and say [`Output::Stopped`].
    Stop,
}

/// What the terminal wants done.
#[derive(Debug)]
pub enum Output {
    /// Send these codes. At most one is outstanding until [`Input::Transmitted`] (or [`Input::Halted`]).
    Send(Vec<Code>),
    /// Stop sending after the current code.
    Halt,
    /// Reserve this key on disk, then say [`Input::Reserved`]. At most one a direction is outstanding.
    Reserve(Reservation),
    /// Look for tapes that were hung meanwhile, then say [`Input::Tapes`].
    Rescan,
    /// File this message.
    Submit {
        /// Number for the verdict.
        token: u64,
        /// The message.
        message: Message,
    },
    /// Take this message, which was typed here.
    HandIn {
        /// Number for the answer.
        token: u64,
        /// The message.
        draft: Draft,
    },
    /// Switch the machine's motor.
    Motor(bool),
    /// A message's tape, for a punch: all its codes as they stand before the mixer.
    Tape {
        /// Going out, and none of it has gone yet; or come in and filed.
        dir: Direction,
        /// Which message.
        id: Identity,
        /// From the start sequence to the end sequence.
        codes: Vec<Code>,
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
pub(super) enum Timer {
    /// We called and wait for the ready answer.
    Ready,
    /// We sent and wait for the receipt.
    Receipt,
    /// A message is coming in and has fallen silent.
    Idle,
    /// We answered a call-up and wait for the heading.
    Called,
}

/// What is going out at this moment.
#[derive(Debug)]
pub(super) enum OnLine {
    Nothing,
    Service(Line),
    /// The chunk of this number, of the message in [`Sending::Transmitting`].
    Chunk(usize),
    /// A chunk that was told to stop; its `Halted` is on the way.
    Braking,
    Cut,
}

#[derive(PartialEq, Debug)]
pub(super) enum Link {
    Unknown,
    Up,
    Down,
}

/// Service lines that wait for their turn; answers to a peer that asks for more than these are dropped.
const WAITING_LINES: usize = 32;

/// One end of a line. With nothing to deliver and nothing coming in it does nothing.
pub struct Terminal {
    pub(super) config: Config,
    pub(super) timing: Timing,
    pub(super) timers: Timers<Timer>,
    /// A timer that stands still while a message comes in.
    pub(super) held: Option<Timer>,
    pub(super) lines: VecDeque<Line>,
    pub(super) on_line: OnLine,
    pub(super) sending: Sending,
    pub(super) waiting: VecDeque<Delivery>,
    pub(super) next_call: u32,
    pub(super) detector: Detector,
    pub(super) cipher: Option<Cipher>,
    /// What came and waits for its key.
    pub(super) backlog: VecDeque<Code>,
    pub(super) receiving: Receiving,
    pub(super) pending: BTreeMap<u64, Pending>,
    pub(super) next_token: u64,
    pub(super) heard: Option<Name>,
    pub(super) link: Link,
    /// Why the device is gone, while it is.
    pub(super) lost: Option<String>,
    pub(super) stopping: bool,
    stopped: bool,
    printer: Coder,
    printed: String,
    /// The printer beside what is sent.
    copier: Coder,
    out: Vec<Output>,
}

impl Terminal {
    /// A terminal at rest.
    pub fn new(config: Config) -> Terminal {
        Terminal {
            timing: config.timing(),
            timers: Timers::default(),
            held: None,
            lines: VecDeque::new(),
            on_line: OnLine::Nothing,
            sending: Sending::Idle,
            waiting: VecDeque::new(),
            next_call: config.first_call,
            detector: Detector::new(config.unshift),
            cipher: config.cipher.clone().map(Cipher::new),
            backlog: VecDeque::new(),
            receiving: Receiving::Idle,
            pending: BTreeMap::new(),
            next_token: 1,
            heard: None,
            link: Link::Unknown,
            lost: None,
            stopping: false,
            stopped: false,
            printer: Coder::in_letters(config.receive, config.unshift),
            printed: String::new(),
            copier: Coder::in_letters(config.send, config.unshift),
            out: vec![],
            config,
        }
    }

    /// The far station's name: configured, or heard.
    pub(super) fn peer(&self) -> Option<&Name> {
        self.config.peer.as_ref().or(self.heard.as_ref())
    }
    /// Its name for people.
    pub(super) fn peer_name(&self) -> String {
        self.peer().map_or("the far end".into(), Name::upper)
    }
    pub(super) fn utc(&self, now: Instant) -> Utc {
        self.config.epoch.plus(Duration::from_micros(now.micros()))
    }

    pub(super) fn push(&mut self, output: Output) {
        self.flush_printed();
        self.out.push(output);
    }
    pub(super) fn event(&mut self, event: Event) {
        self.push(Output::Event { event, id: None });
    }
    pub(super) fn ignored(&mut self, what: impl Into<String>) {
        self.event(Event::Ignored { what: what.into() });
    }
    /// Prints a code of a message that is coming in.
    pub(super) fn print(&mut self, codes: &[Code]) {
        let text = self.printer.print(codes);
        self.printed.push_str(&text);
    }
    /// A message begins: the printer stands in letters.
    pub(super) fn printer_home(&mut self) {
        self.flush_printed();
        self.printer = Coder::in_letters(self.config.receive, self.config.unshift);
    }
    /// Tells what a printer beside the sender makes of codes of a message, which have just been given to the line.
    pub(super) fn copy(&mut self, codes: &[Code], begins: bool) {
        if begins {
            self.copier = Coder::in_letters(self.config.send, self.config.unshift);
        }
        let text = self.copier.print(codes);
        self.event(Event::Characters { dir: Direction::Out, text });
    }
    fn flush_printed(&mut self) {
        if !self.printed.is_empty() {
            let text = std::mem::take(&mut self.printed);
            self.out.push(Output::Event { event: Event::Characters { dir: Direction::In, text }, id: None });
        }
    }

    /// Puts a service line in the queue.
    pub(super) fn say(&mut self, line: Line) {
        if self.lost.is_some() {
            return;
        }
        // A call-up always has a place, for nothing would follow if it were not said; there is one at most.
        if self.lines.len() >= WAITING_LINES && !matches!(line, Line::Call { .. }) {
            self.ignored(format!("{WAITING_LINES} service lines wait already; `{}` is not said", line.body()));
        } else {
            self.lines.push_back(line);
        }
    }

    /// If nothing is going out, sends what is next: the rest of a message, else a service line, else a message's start.
    pub(super) fn pump(&mut self, now: Instant) {
        if self.stopped || self.lost.is_some() || !matches!(self.on_line, OnLine::Nothing) {
            return;
        }
        self.catch_up();
        if self.in_mid_message() || !self.send_service_line(now) {
            self.send_chunk(now);
        }
    }
    /// Sends the next service line; `false` if none waits. Answers to messages go enciphered where the line is.
    fn send_service_line(&mut self, now: Instant) -> bool {
        let Some(line) = self.lines.front() else { return false };
        let codes = line.codes(self.config.unshift);
        let cipher = self.keyed() && line.answers_a_message();
        match if cipher { self.answer_covered(codes.len()) } else { Some(true) } {
            Some(true) => {}
            Some(false) => return true, // its key is being reserved
            None => {
                let unsaid = self.lines.pop_front().map(|l| l.body()).unwrap_or_default();
                self.push(Output::Rescan);
                self.trouble(format!("key is short: `{unsaid}` is not said; hang a new tape"));
                return true;
            }
        }
        let Some(mut line) = self.lines.pop_front() else { return false };
        match &mut line {
            Line::Ready { no, .. } => self.ready_begins(*no),
            Line::Call { key, .. } => match self.claim_for_call() {
                Ok(claim) => *key = claim,
                Err(why) => {
                    self.key_is_short(why);
                    return true;
                }
            },
            Line::NotReady { .. } | Line::Key { .. } | Line::Received { .. } | Line::NotReceived { .. } | Line::Refused { .. } => {}
        }
        let codes = line.codes(self.config.unshift);
        let body = line.body();
        self.on_line = OnLine::Service(line);
        if cipher {
            self.send_cipher(now, &codes, codes.len(), Some(body));
        } else {
            self.event(Event::Service { dir: Direction::Out, line: body, span: Span::Clear });
            self.show(now, 0, &codes, None);
            self.handed_clear(codes.len());
            self.push(Output::Send(codes));
        }
        true
    }
    /// Sends codes of a message, or of an answer (`said`): enciphered where the line is. `announced`: a span begins, of at most so many.
    pub(super) fn send_cipher(&mut self, now: Instant, codes: &[Code], announced: usize, said: Option<String>) {
        let announcement = if announced > 0 { self.announcement(announced) } else { None };
        let mut all = vec![];
        if let Some(line) = announcement {
            all = line.codes(self.config.unshift);
            self.event(Event::Service { dir: Direction::Out, line: line.body(), span: Span::Clear });
            self.show(now, 0, &all, None);
            self.handed_clear(all.len());
        }
        let (codes, key) = self.mix(codes);
        if let Some(line) = said {
            self.event(Event::Service { dir: Direction::Out, line, span: Span::Cipher });
        }
        self.show(now, all.len(), &codes, key);
        all.extend(codes);
        self.push(Output::Send(all));
    }
    /// Tells of a span of what is being sent, that begins after so many codes.
    fn show(&mut self, now: Instant, after: usize, codes: &[Code], key: Option<KeySpan>) {
        let unit = if self.config.speed == Speed::Max { 0 } else { self.config.code_time.as_micros() as u64 };
        let span = if key.is_some() { Span::Cipher } else { Span::Clear };
        let start = now.micros() + unit * after as u64;
        self.event(Event::Transmission { dir: Direction::Out, codes: symbol::hex(codes), start, unit, span, key });
    }

    fn transmitted(&mut self, now: Instant) {
        match std::mem::replace(&mut self.on_line, OnLine::Nothing) {
            OnLine::Nothing => {}
            OnLine::Braking => self.on_line = OnLine::Braking, // its `Halted` settles it
            OnLine::Chunk(number) => self.chunk_sent(now, number),
            OnLine::Cut => self.stop_if_asked(),
            OnLine::Service(line) => match line {
                Line::Call { no, .. } => self.call_sent(now, no),
                Line::Ready { no, .. } => self.ready_sent(now, no),
                Line::Received { .. } => kill_point_once_sent(KillPoint::ReceiptSent),
                Line::NotReady { .. } | Line::Key { .. } | Line::NotReceived { .. } | Line::Refused { .. } => {}
            },
        }
    }

    /// A service line came whose check group fits.
    pub(super) fn service_line(&mut self, now: Instant, body: String, span: Span) {
        self.event(Event::Service { dir: Direction::In, line: body.clone(), span });
        let line = Line::read(&body, self.utc(now));
        if span == Span::Clear {
            self.clear_line_came(now, matches!(&line, Some(Line::Call { to, from, .. }) if self.is_called(to.as_ref(), from)));
        }
        let secret = line.as_ref().is_some_and(Line::answers_a_message);
        if self.keyed() && line.is_some() && secret != (span == Span::Cipher) {
            let how = if secret { "clear" } else { "cipher" };
            return self.ignored(format!("`{body}` came in {how}, which is not how it is said on this line"));
        }
        match line {
            Some(Line::Call { to, from, no, code, key }) => self.on_call(now, to, from, no, (code, key)),
            Some(Line::Ready { to, from, no, key }) => self.on_ready(to, from, no, key),
            Some(Line::NotReady { to, from, no, reason }) => self.on_not_ready(to, from, no, reason),
            Some(Line::Key { from, count }) => self.on_key(from, count),
            Some(Line::Received { before, stamp }) => self.on_received(now, before, stamp, body),
            Some(Line::NotReceived { no, why }) => self.on_not_received(now, no, why),
            Some(Line::Refused { stamp, reason }) => self.on_refused(now, stamp, reason, body),
            None => self.ignored(format!("`{body}` is no service line of this procedure")),
        }
    }
    /// Whether a station may speak on this line.
    pub(super) fn is_peer(&self, from: &Name) -> bool {
        self.config.peer.as_ref().is_none_or(|peer| peer == from)
    }
    pub(super) fn line_up(&mut self, peer: Name) {
        self.heard = Some(peer.clone());
        if self.link != Link::Up {
            self.link = Link::Up;
            self.event(Event::LineUp { peer });
        }
    }
    pub(super) fn line_down(&mut self, reason: String) {
        if self.link != Link::Down {
            self.link = Link::Down;
            self.event(Event::LineDown { reason });
        }
    }

    fn line_lost(&mut self, now: Instant, why: String) {
        self.on_line = OnLine::Nothing;
        self.lines.clear();
        self.lost = Some(why.clone());
        self.detector = Detector::new(self.config.unshift);
        self.close_inbound();
        self.backlog.clear();
        self.abandon(now, &format!("the line is gone: {why}"));
        self.line_down(why.clone());
        self.fail_all(&Reason::new(crate::router::Fault::Line, format!("the line to {} is gone: {why}", self.peer_name())));
        self.timers.clear();
        self.held = None;
        self.stop_if_asked();
    }
    fn stop(&mut self, now: Instant) {
        self.stopping = true;
        self.lines.clear();
        self.stop_sending(now);
        self.stop_if_asked();
    }
    /// Stopped as soon as no message of ours is open on the line.
    pub(super) fn stop_if_asked(&mut self) {
        if self.stopping && !self.stopped && !matches!(self.on_line, OnLine::Chunk(_) | OnLine::Braking | OnLine::Cut) {
            self.stopped = true;
            self.push(Output::Stopped);
        }
    }

    /// Stops `timer` while a message comes in, or arms it.
    pub(super) fn wait(&mut self, now: Instant, timer: Timer) {
        if matches!(self.receiving, Receiving::Message { .. }) {
            self.held = Some(timer);
        } else {
            let length = if timer == Timer::Ready { self.timing.ready() } else { self.timing.receipt() };
            self.timers.arm(timer, now + length);
        }
    }
    pub(super) fn wait_no_more(&mut self) {
        self.held = None;
        self.timers.stop(Timer::Ready);
        self.timers.stop(Timer::Receipt);
    }
}

impl Machine for Terminal {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Instant, input: Input) -> Vec<Output> {
        match input {
            Input::Deliver(delivery) => self.deliver(delivery),
            Input::CallOff(number) => self.call_off(now, number),
            Input::Received(codes) => self.received(now, &codes),
            Input::Transmitted => self.transmitted(now),
            Input::Halted { left } => self.halted(now, left),
            Input::Verdict { token, verdict } => self.verdict(token, verdict),
            Input::Tapes(tapes) => self.tapes(now, &tapes),
            Input::Reserved { made, codes } => self.reserved(now, &made, &codes),
            Input::NotReserved { made, why } => self.not_reserved(now, &made, why),
            Input::LineLost(why) => self.line_lost(now, why),
            Input::LineBack => self.lost = None,
            Input::HandedIn { .. } | Input::Became { .. } => {} // nobody types on a line between stations
            Input::Stop => self.stop(now),
        }
        // What is due is done here too: a line that never falls silent must not keep the timers from running out.
        self.tick(now)
    }

    fn tick(&mut self, now: Instant) -> Vec<Output> {
        while let Some(timer) = self.timers.due(now) {
            match timer {
                Timer::Ready => self.no_ready(),
                Timer::Receipt => self.no_receipt(),
                Timer::Idle => self.fell_silent(now),
                Timer::Called => self.no_heading(now),
            }
        }
        self.pump(now);
        self.flush_printed();
        std::mem::take(&mut self.out)
    }

    fn deadline(&self) -> Option<Instant> {
        self.timers.deadline()
    }
}

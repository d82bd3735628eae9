//! The terminal: one end of a full-duplex teletype line, as a [`Machine`].
//!
//! Standard: none is published for the whole; `docs/procedure.md` says what is documented and what is ours.
//! In: deliveries, codes off the line, verdicts. Out: codes for the line, submissions, reports, events.
//! Left out: devices and sockets (`backend`), a mixer (its place: `mix_out`, `mix_in`). Shown by: `fixtures/dialogues`.

use super::codes::{CodeTable, Coder, UnshiftOnSpace};
use super::receiver::{Pending, Receiving};
use super::sender::Sending;
use super::service::{Detector, Line};
use super::timing::Timing;
use crate::faults::{KillPoint, kill_point_once_sent};
use crate::line::{Code, symbol};
use crate::machine::{Machine, Timers};
use crate::message::{Identity, Message, Name};
use crate::router::event::{Direction, Span};
use crate::router::{Delivery, Event, Outcome, Reason, Verdict};
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
}

impl Config {
    /// The procedure's timers for this line.
    pub fn timing(&self) -> Timing {
        Timing::new(self.code_time, self.max_delay, self.speed)
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
    /// The answer to [`Output::Halt`]: how many codes of the last send have not gone out and never will.
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
    /// File this message.
    Submit {
        /// Number for the verdict.
        token: u64,
        /// The message.
        message: Message,
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

    /// A message's codes on their way out: here a mixer will stand.
    fn mix_out(&mut self, codes: &[Code]) -> (Vec<Code>, Span) {
        (codes.to_vec(), Span::Clear)
    }
    /// A message's codes on their way in: here the far mixer's twin will stand.
    pub(super) fn mix_in(&mut self, code: Code) -> Code {
        code
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
        if self.lines.len() >= WAITING_LINES {
            self.ignored(format!("{WAITING_LINES} service lines wait already; `{}` is not said", line.body()));
        } else {
            self.lines.push_back(line);
        }
    }

    /// If nothing is going out, sends what is next: the rest of a message, else a service line, else a message's start.
    fn pump(&mut self, now: Instant) {
        if self.lost.is_some() || !matches!(self.on_line, OnLine::Nothing) {
            return;
        }
        if self.in_mid_message() {
            self.send_chunk(now);
        } else if let Some(line) = self.lines.pop_front() {
            let codes = line.codes(self.config.unshift);
            if let Line::Ready { no, .. } = line {
                self.ready_begins(no);
            }
            self.event(Event::Service { dir: Direction::Out, line: line.body(), span: Span::Clear });
            self.on_line = OnLine::Service(line);
            self.send(now, codes, Span::Clear);
        } else {
            self.send_chunk(now);
        }
    }
    /// Sends a message's codes.
    pub(super) fn send_message_codes(&mut self, now: Instant, codes: &[Code]) {
        let (codes, span) = self.mix_out(codes);
        self.send(now, codes, span);
    }
    fn send(&mut self, now: Instant, codes: Vec<Code>, span: Span) {
        let unit = if self.config.speed == Speed::Max { 0 } else { self.config.code_time.as_micros() as u64 };
        let event = Event::Transmission { dir: Direction::Out, codes: symbol::hex(&codes), start: now.micros(), unit, span };
        self.event(event);
        self.push(Output::Send(codes));
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
                Line::NotReceived { .. } | Line::Refused { .. } => {}
            },
        }
    }

    /// A service line came whose check group fits.
    pub(super) fn service_line(&mut self, now: Instant, body: String) {
        self.event(Event::Service { dir: Direction::In, line: body.clone(), span: Span::Clear });
        match Line::read(&body, self.utc(now)) {
            Some(Line::Call { to, from, no }) => self.on_call(now, to, from, no),
            Some(Line::Ready { to, from, no }) => self.on_ready(to, from, no),
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
            Input::LineLost(why) => self.line_lost(now, why),
            Input::LineBack => self.lost = None,
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

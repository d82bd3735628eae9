//! A machine at a desk, as a [`Machine`]: prints what comes for the desk, takes what its operator types, answers WRU. In clear, without procedure.
//!
//! Standards: WRU and answerback as ITU-T S.1 and S.6; what stops a print, who waits for whom and every sentence are ours
//! (`docs/machine-at-a-desk.md`). In: deliveries, codes. Out: codes, typed messages, reports, the motor's switch.
//! Left out: what is typed and printed (`typist`, `slip`), one print (`printing`), devices (`backend`). Shown by: `tests/it/desk.rs`.

mod operator;
mod printing;

use super::codes::{CodeTable, Coder};
use super::slip::Hand;
use super::terminal::{Input, Output};
use super::typist::Typist;
use crate::line::{Code, symbol};
use crate::machine::{Machine, Timers};
use crate::message::{Address, Identity, Name, Part, Precedence, Takes, convert};
use crate::router::event::{Direction, Span};
use crate::router::{Event, Fault, Outcome, Place, Reason};
use crate::time::{Instant, Speed};
use operator::Bucket;
use printing::{Job, Why};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// What a machine has to know.
#[derive(Clone)]
pub struct Config {
    /// The station it stands at.
    pub station: Name,
    /// Its desks, and who can be reached from there.
    pub place: Place,
    /// How it is written to.
    pub hand: Hand,
    /// The code of its keyboard.
    pub receive: CodeTable,
    /// What it prints of a text.
    pub takes: Takes,
    /// Time of one code.
    pub code_time: Duration,
    /// The clock's speed.
    pub speed: Speed,
    /// Characters of a typed text.
    pub longest: usize,
    /// Give back what is typed.
    pub echo: bool,
    /// Ring before urgent messages.
    pub bell: bool,
    /// The line gives back what is sent on it, as a single current loop does.
    pub half_duplex: bool,
    /// Print that a typed message was filed.
    pub receipts: bool,
    /// Print our own answerback before each message.
    pub here_is: bool,
    /// The drum that answers WRU.
    pub answerback: Option<Vec<Code>>,
    /// What the machine must answer to WRU before anything is printed.
    pub expect: Option<String>,
    /// Its motor, if we switch it.
    pub motor: Option<Motor>,
    /// Messages an hour from, and to, stations that no route names.
    pub quota: usize,
}

/// A motor that the station switches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Motor {
    /// From the switch to the first code.
    pub run_up: Duration,
    /// Switched off after so long without a code.
    pub idle: Duration,
}

/// The timers of a machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Timer {
    /// It was asked who it is.
    Asked,
    /// It is to be asked again.
    AskAgain,
    /// A message waits for the operator.
    Held,
    /// The motor gathers speed.
    RunUp,
    /// The motor has run for nothing.
    Idle,
}

#[derive(PartialEq, Debug)]
enum Link {
    Up,
    /// Asked who it is; this came so far.
    Asking(String),
    /// It answered otherwise, or not.
    Wrong(String),
    Lost(String),
}

/// What is going out at this moment.
#[derive(PartialEq, Debug)]
enum OnLine {
    Nothing,
    /// A sentence, an echo, the answerback, WRU.
    Answer,
    /// A line of the message that prints.
    Chunk,
    /// The same, told to stop; its `Halted` is on the way.
    Braking,
    /// What stands where a message breaks off.
    Broken,
}

#[derive(PartialEq, Debug)]
enum Running {
    Off,
    Up,
    On,
}

/// Codes that may wait to be printed besides messages; what is more is not said.
const MOST_SAID: usize = 4096;
/// After a wrong answer it is asked again after this, doubling to [`ASK_LATEST`].
const ASK_AGAIN: Duration = Duration::from_secs(60);
const ASK_LATEST: Duration = Duration::from_secs(600);

/// A machine at a desk. With nothing to print and nothing typed it does nothing.
pub struct Desk {
    config: Config,
    timers: Timers<Timer>,
    link: Link,
    started: bool,
    on_line: OnLine,
    running: Running,
    typist: Typist,
    reader: Coder,
    /// Sentences, in order.
    said: VecDeque<Vec<Code>>,
    /// Sentences that answer nothing: they wait for whoever types, as messages do.
    news: VecDeque<String>,
    /// What was typed and goes back: last, since noise on a line must not keep messages from being printed.
    echoed: Vec<Code>,
    owes_drum: bool,
    owes_question: bool,
    asked: u32,
    job: Option<Job>,
    waiting: VecDeque<Job>,
    /// On a half-duplex line: what was sent and has not come back.
    returning: VecDeque<Code>,
    /// How often the operator has broken off a message.
    breaks: BTreeMap<Identity, u32>,
    pending: BTreeMap<u64, Address>,
    next_token: u64,
    strangers: [Bucket; 2],
    stopping: bool,
    out: Vec<Output>,
}

impl Desk {
    /// A machine at rest.
    pub fn new(config: Config) -> Desk {
        Desk {
            timers: Timers::default(),
            link: Link::Up,
            started: false,
            on_line: OnLine::Nothing,
            running: Running::Off,
            typist: Typist::new(config.longest),
            reader: Coder::in_letters(config.receive, config.hand.unshift),
            said: VecDeque::new(),
            news: VecDeque::new(),
            echoed: vec![],
            owes_drum: false,
            owes_question: false,
            asked: 0,
            job: None,
            waiting: VecDeque::new(),
            returning: VecDeque::new(),
            breaks: BTreeMap::new(),
            pending: BTreeMap::new(),
            next_token: 1,
            strangers: Default::default(),
            stopping: false,
            out: vec![],
            config,
        }
    }

    fn event(&mut self, event: Event) {
        self.out.push(Output::Event { event, id: None });
    }

    // ---- the line ----

    /// The device is there.
    fn line_there(&mut self, now: Instant) {
        self.started = true;
        self.reader = Coder::in_letters(self.config.receive, self.config.hand.unshift);
        if self.config.motor.is_some() {
            self.running = Running::Off;
            self.out.push(Output::Motor(false)); // opening a serial port switches it on
        }
        self.asked = 0;
        match self.config.expect {
            Some(_) => self.ask(now),
            None => self.up(),
        }
    }
    fn up(&mut self) {
        self.timers.stop(Timer::Asked);
        self.link = Link::Up;
        let peer = self.config.place.desks.first().unwrap_or(&self.config.station).clone();
        self.event(Event::LineUp { peer });
    }
    fn ask(&mut self, now: Instant) {
        self.link = Link::Asking(String::new());
        self.owes_question = true;
        self.asked += 1;
        // Its drum has 20 codes; a motor may have to start first.
        let run_up = self.config.motor.map_or(Duration::ZERO, |m| m.run_up);
        let wait = self.config.speed.timer(self.config.code_time * 60 + Duration::from_secs(3));
        self.timers.arm(Timer::Asked, now + run_up + wait);
    }
    /// Characters while it is asked who it is.
    fn answered(&mut self, codes: &[Code]) {
        let printed = self.reader.print(codes);
        let Link::Asking(heard) = &mut self.link else { return };
        if heard.len() < 200 {
            heard.push_str(&printed);
        }
        let words = |t: &str| t.split_whitespace().map(|w| w.replace(|c: char| c.is_control(), "")).collect::<Vec<_>>().join(" ");
        if self.config.expect.as_ref().is_some_and(|wanted| words(heard).contains(&words(wanted))) {
            self.up();
        }
    }
    fn no_answer(&mut self, now: Instant) {
        let Link::Asking(heard) = &self.link else { return };
        let wanted = self.config.expect.clone().unwrap_or_default();
        let got = match heard.split_whitespace().collect::<Vec<_>>().join(" ") {
            none if none.is_empty() => "nothing came".to_owned(),
            got => format!("`{}` came", got.escape_debug()),
        };
        let why = format!("asked WRU, expected the answerback `{wanted}`, and {got}; is it the right machine, and on?");
        self.event(Event::LineDown { reason: why.clone() });
        self.link = Link::Wrong(why);
        let pause = ASK_AGAIN.saturating_mul(1 << self.asked.saturating_sub(1).min(6)).min(ASK_LATEST);
        self.timers.arm(Timer::AskAgain, now + self.config.speed.timer(pause));
        self.fail_waiting();
    }
    fn line_lost(&mut self, why: String) {
        self.started = true;
        if !matches!(self.link, Link::Lost(_)) {
            self.event(Event::LineDown { reason: why.clone() });
        }
        self.link = Link::Lost(why.clone());
        self.on_line = OnLine::Nothing;
        self.timers.clear();
        self.said.clear();
        self.echoed.clear();
        self.returning.clear();
        (self.owes_drum, self.owes_question) = (false, false);
        if let Some(job) = self.job.take() {
            let text = format!("the machine is gone {}: {why}", job.place(0));
            self.report(job.delivery.number, Outcome::Deferred(Reason::new(Fault::Line, text)));
        }
        self.fail_waiting();
        if let Some(to) = self.typist.forget() {
            self.say(&format!("your message to {to} was dropped: the line was gone")); // printed when it is back
        }
        if self.stopping {
            self.out.push(Output::Stopped);
        }
    }
    /// Why nothing can be printed, while nothing can.
    fn down(&self) -> Option<String> {
        match &self.link {
            Link::Up => None,
            Link::Asking(_) => Some("the machine has not said yet who it is".into()),
            Link::Wrong(why) => Some(why.clone()),
            Link::Lost(why) => Some(format!("the machine is gone: {why}")),
        }
    }
    fn fail_waiting(&mut self) {
        let why = self.down().unwrap_or_else(|| "the station is stopping".into());
        for job in std::mem::take(&mut self.waiting) {
            self.report(job.delivery.number, Outcome::NotBegun(Reason::new(Fault::Line, why.clone())));
        }
    }
    fn report(&mut self, delivery: u64, outcome: Outcome) {
        self.out.push(Output::Report { delivery, outcome });
    }

    // ---- what goes out ----

    /// Prints a sentence, in the machine's letters, on lines of its own.
    fn say(&mut self, sentence: &str) {
        let convert = |text: String| convert::convert(&[Part::Text { text }], &self.config.takes).ok();
        let ascii = || sentence.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect();
        let made = convert(sentence.to_owned()).or_else(|| convert(ascii())).map(|(parts, _)| parts);
        let lines: Vec<String> = match made.as_deref() {
            Some([Part::Text { text }]) => text.split('\n').map(str::to_owned).collect(),
            Some(_) | None => return self.event(Event::Ignored { what: format!("cannot be printed: {sentence}") }),
        };
        let codes = self.config.hand.say(&lines);
        match self.said.iter().map(Vec::len).sum::<usize>() + codes.len() <= MOST_SAID {
            true => self.said.push_back(codes),
            false => self.event(Event::Ignored { what: format!("too much waits to be printed; not said: {sentence}") }),
        }
    }

    /// If nothing is going out, sends what is next: the rest of a message, else answers, else the next message.
    fn pump(&mut self, now: Instant) {
        if self.on_line != OnLine::Nothing || matches!(self.link, Link::Lost(_)) {
            return;
        }
        if self.job.is_some() {
            return self.next_chunk(now);
        }
        let answers = matches!(self.link, Link::Up) && (!self.said.is_empty() || self.owes_drum);
        if self.owes_question || answers {
            if !self.power(now) {
                return;
            }
            if let Some(codes) = self.answer() {
                return self.send(now, codes, OnLine::Answer);
            }
        }
        if self.begin_next(now) {
            return;
        }
        if !self.echoed.is_empty() {
            if self.power(now) {
                let codes = std::mem::take(&mut self.echoed);
                self.send(now, codes, OnLine::Answer);
            }
        } else if !self.news.is_empty() && self.down().is_none() {
            self.tell_news(now);
        }
    }
    /// Says what nobody asked for, once the keys are quiet.
    fn tell_news(&mut self, now: Instant) {
        if let Some(until) = self.typist.holds(Precedence::Routine).filter(|until| *until > now) {
            return self.timers.arm(Timer::Held, until);
        }
        if let Some(sentence) = self.news.pop_front() {
            self.say(&sentence);
            self.pump(now);
        }
    }
    fn answer(&mut self) -> Option<Vec<Code>> {
        if std::mem::take(&mut self.owes_question) {
            return self.config.hand.who_are_you();
        }
        if std::mem::take(&mut self.owes_drum) {
            return self.config.answerback.clone();
        }
        self.said.pop_front()
    }
    fn send(&mut self, now: Instant, codes: Vec<Code>, what: OnLine) {
        let unit = if self.config.speed == Speed::Max { 0 } else { self.config.code_time.as_micros() as u64 };
        let (dir, span) = (Direction::Out, Span::Clear);
        self.event(Event::Transmission { dir, codes: symbol::hex(&codes), start: now.micros(), unit, span, key: None });
        if self.config.half_duplex {
            self.returning.extend(&codes);
        }
        self.on_line = what;
        self.runs(now);
        self.out.push(Output::Send(codes));
    }
    fn transmitted(&mut self, now: Instant) {
        match std::mem::replace(&mut self.on_line, OnLine::Nothing) {
            OnLine::Nothing | OnLine::Answer => {}
            OnLine::Braking => self.on_line = OnLine::Braking, // its `Halted` settles it
            OnLine::Chunk => self.chunk_sent(),
            OnLine::Broken => self.broken_off(),
        }
        self.runs(now);
        if self.stopping && self.job.is_none() && self.on_line == OnLine::Nothing {
            self.out.push(Output::Stopped);
        }
    }

    // ---- the motor ----

    /// Whether the machine runs; starts it if it does not.
    fn power(&mut self, now: Instant) -> bool {
        let Some(motor) = self.config.motor else { return true };
        if self.running == Running::Off {
            self.running = Running::Up;
            self.out.push(Output::Motor(true));
            self.timers.arm(Timer::RunUp, now + motor.run_up);
        }
        self.running == Running::On
    }
    fn runs(&mut self, now: Instant) {
        if let (Some(motor), Running::On) = (self.config.motor, &self.running) {
            self.timers.arm(Timer::Idle, now + motor.idle);
        }
    }
    fn idle(&mut self, now: Instant) {
        if self.on_line != OnLine::Nothing || self.job.is_some() || !self.waiting.is_empty() || !self.typist.rests() {
            return self.runs(now);
        }
        self.running = Running::Off;
        self.out.push(Output::Motor(false));
    }

    fn stop(&mut self) {
        self.stopping = true;
        self.said.clear();
        (self.owes_drum, self.owes_question) = (false, false);
        self.fail_waiting();
        match self.on_line {
            OnLine::Nothing | OnLine::Answer if self.job.is_none() => self.out.push(Output::Stopped),
            OnLine::Nothing | OnLine::Answer | OnLine::Chunk | OnLine::Braking | OnLine::Broken => self.brake(Why::Stop),
        }
    }
}

impl Machine for Desk {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Instant, input: Input) -> Vec<Output> {
        if !self.started && !matches!(input, Input::LineLost(_)) {
            self.line_there(now);
        }
        match input {
            Input::Deliver(delivery) => self.deliver(now, delivery),
            Input::CallOff(number) => self.call_off(number),
            Input::Received(codes) => self.received(now, &codes),
            Input::Transmitted => self.transmitted(now),
            Input::Halted { left } => self.halted(now, left),
            Input::HandedIn { token, submitted } => self.handed_in(token, submitted),
            Input::Became { id, event } => self.became(&id, &event),
            Input::LineLost(why) => self.line_lost(why),
            Input::LineBack => self.line_there(now),
            Input::Stop => self.stop(),
            // A machine at a desk files nothing itself and has no key.
            Input::Verdict { .. } | Input::Tapes(_) | Input::Reserved { .. } | Input::NotReserved { .. } => {}
        }
        self.tick(now)
    }

    fn tick(&mut self, now: Instant) -> Vec<Output> {
        if !self.started {
            self.line_there(now);
        }
        while let Some(timer) = self.timers.due(now) {
            match timer {
                Timer::Asked => self.no_answer(now),
                Timer::AskAgain => self.ask(now),
                Timer::Held => {} // `pump` looks again
                Timer::RunUp => {
                    self.running = Running::On;
                    self.runs(now);
                }
                Timer::Idle => self.idle(now),
            }
        }
        if let Some(heard) = self.typist.tick(now) {
            self.heard(now, heard);
        }
        self.pump(now);
        std::mem::take(&mut self.out)
    }

    fn deadline(&self) -> Option<Instant> {
        if !self.started {
            return Some(Instant::ZERO);
        }
        self.timers.deadline().into_iter().chain(self.typist.deadline()).min()
    }
}

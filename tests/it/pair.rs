//! Two terminals on a line in memory, under a virtual clock, with everything written down as it happens.

use molink::history::keys::SimulatedKeys;
use molink::key::Copy;
use molink::line::{Code, Symbol};
use molink::machine::Machine;
use molink::message::{Class, Envelope, Identity, Message, Name, Part, Precedence};
use molink::router::event::Direction;
use molink::router::{Delivery, Event, Fault, Outcome, Reason, Verdict};
use molink::teletype::codes::{CR, FIGS, LF, LTRS, SP};
use molink::teletype::service::{Line, Place};
use molink::teletype::{CodeTable, Coder, Config, Input, Output, Rules, Terminal, UnshiftOnSpace};
use molink::time::{Instant, Speed};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub const CODE: Duration = Duration::from_millis(150);
pub const DELAY: Duration = Duration::from_millis(50);
pub const W: usize = 0;
pub const M: usize = 1;
const NAMES: [&str; 2] = ["washington", "moscow"];

/// What the line does to a span of codes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    Lost,
    Flipped(usize),
    Dropped(usize),
    Doubled(usize),
}

impl Fate {
    pub fn apply(self, codes: &mut Vec<Code>) {
        match self {
            Fate::Lost => codes.clear(),
            Fate::Flipped(at) if at < codes.len() => codes[at] = codes[at].flip(1),
            Fate::Dropped(at) if at < codes.len() => drop(codes.remove(at)),
            Fate::Doubled(at) if at < codes.len() => codes.insert(at, codes[at]),
            other => panic!("{other:?} is beyond {} codes", codes.len()),
        }
    }
}

/// One span as it is sent: whose, the how many-th of that side, its text, its codes.
pub struct Span<'a> {
    pub side: usize,
    pub number: usize,
    pub text: &'a str,
    pub codes: &'a mut Vec<Code>,
}

type Mischief<'a> = Box<dyn FnMut(&mut Span) -> Option<Fate> + 'a>;

struct Flight {
    start: Instant,
    codes: Vec<Code>,
    done: u64,
}

pub struct End {
    pub terminal: Terminal,
    flight: Option<Flight>,
    sent: usize,
    service: Option<String>,
    /// The text of the enciphered span that is about to go out.
    plain: Option<Vec<Code>>,
    pub keys: SimulatedKeys,
    shown: Coder,
    pub filed: BTreeSet<Identity>,
    pub texts: Vec<String>,
    pub outcomes: Vec<(u64, Outcome)>,
    pub tapes: Vec<(Direction, Identity, Vec<Code>)>,
    pub events: Vec<Event>,
    /// What the router says to the next messages instead of filing them.
    pub verdicts: Vec<Verdict>,
    pub stopped: bool,
}

enum Due {
    Input(usize, Input),
    /// A side hears a service line that nobody on the line said.
    Hears(usize, String),
    /// A side's router will answer so next.
    WillSay(usize, Verdict),
    Done(usize, u64),
    /// A side's process dies and starts again.
    Dies(usize),
}

pub struct Pair<'a> {
    pub ends: [End; 2],
    pub now: Instant,
    queue: BTreeMap<(Instant, u64), Due>,
    next: u64,
    mischief: Mischief<'a>,
    /// What happened, one line each, as the dialogues have it.
    pub log: Vec<String>,
    /// Whether the log shows every code sent.
    pub codes: bool,
}

pub fn config(side: usize, unshift: UnshiftOnSpace) -> Config {
    Config {
        station: NAMES[side].parse().unwrap(),
        peer: Some(NAMES[1 - side].parse().unwrap()),
        send: CodeTable::Ita2,
        receive: CodeTable::Ita2,
        unshift,
        code_time: CODE,
        speed: Speed::REAL,
        epoch: "1963-08-30T16:00:00Z".parse().unwrap(),
        max_delay: Duration::from_secs(1),
        first_call: 1,
        longest: 500_000,
        cipher: crate::lines::cipher().then(|| Rules { jump: 20_000, warn: vec![6_000] }),
    }
}

/// The tapes of a side: 100001 for what Washington sends, 100002 for what Moscow sends.
fn keys(side: usize) -> SimulatedKeys {
    let mut keys = SimulatedKeys::new(1963);
    let of = |sender: usize| if side == sender { Copy::Send } else { Copy::Receive };
    keys.hang(of(W), 100_001, 1_000_000);
    keys.hang(of(M), 100_002, 1_000_000);
    keys
}

/// A terminal at rest, its tapes hung.
pub fn hung(config: Config, keys: &SimulatedKeys) -> Terminal {
    let mut terminal = Terminal::new(config);
    let outputs = terminal.handle(Instant::ZERO, Input::Tapes(keys.tapes.clone()));
    assert!(outputs.is_empty());
    terminal
}

/// Delivery `number` of a side: serial and channel number are the same number.
pub fn delivery(side: usize, number: u32, text: &str) -> Delivery {
    let (own, far): (Name, Name) = (NAMES[side].parse().unwrap(), NAMES[1 - side].parse().unwrap());
    let identity = Identity { station: own.clone(), serial: number, dtg: "19630830T1600Z".parse().unwrap() };
    let desk = |station: Name| molink::message::Address { desk: "operator".parse().unwrap(), station };
    let envelope = Envelope {
        from: desk(own),
        to: desk(far),
        precedence: Precedence::Routine,
        class: Class::Message,
        subject: String::new(),
        via: vec![],
        post: None,
    };
    let content = vec![Part::Text { text: text.into() }];
    Delivery { number: u64::from(number), message: Message { identity, envelope, content }, channel: number, again: false }
}

impl<'a> Pair<'a> {
    pub fn new(unshift: UnshiftOnSpace, mischief: impl FnMut(&mut Span) -> Option<Fate> + 'a) -> Pair<'a> {
        let end = |side: usize| End {
            terminal: hung(config(side, unshift), &keys(side)),
            flight: None,
            sent: 0,
            service: None,
            plain: None,
            keys: keys(side),
            shown: Coder::new(CodeTable::Ita2, unshift),
            filed: BTreeSet::new(),
            texts: vec![],
            outcomes: vec![],
            tapes: vec![],
            events: vec![],
            verdicts: vec![],
            stopped: false,
        };
        let mischief: Mischief = Box::new(mischief);
        Pair { ends: [end(W), end(M)], now: Instant::ZERO, queue: BTreeMap::new(), next: 0, mischief, log: vec![], codes: false }
    }
    pub fn clean() -> Pair<'a> {
        Pair::new(UnshiftOnSpace::Unknown, |_| None)
    }

    pub fn at(&mut self, at: Instant, side: usize, input: Input) {
        self.plan(at, Due::Input(side, input));
    }
    pub fn input(&mut self, side: usize, input: Input) {
        self.at(self.now, side, input);
    }
    /// The codes of a line as the other side would send them now: an answer to a message goes enciphered where the line is.
    pub fn as_sent_to(&self, side: usize, line: &Line) -> Vec<Code> {
        let codes = line.codes(UnshiftOnSpace::Unknown);
        if !crate::lines::cipher() || !line.answers_a_message() {
            return codes;
        }
        let keys = &self.ends[1 - side].keys;
        let tape = &keys.tapes.send[0];
        let from = Place::new(tape.serial, tape.next);
        let mut all = Line::Key { from, count: codes.len() as u64 }.codes(UnshiftOnSpace::Unknown);
        let key = keys.key(tape.serial, tape.next, codes.len() as u64);
        all.extend(codes.iter().zip(key).map(|(c, k)| Code::new(c.value() ^ k.value())));
        all
    }
    /// A side hears a line that nobody on the line said.
    pub fn hears(&mut self, side: usize, line: &Line) {
        let codes = self.as_sent_to(side, line);
        self.input(side, Input::Received(codes));
    }
    /// Takes one line of a dialogue that tells an end what to do; `false` if it is none.
    pub fn command(&mut self, at: Instant, words: &str) -> bool {
        let Some((name, what)) = words.split_once(' ') else { return false };
        let Some(side) = NAMES.iter().position(|n| *n == name) else { return false };
        let due = if let Some((number, text)) = what.strip_prefix("delivers ").and_then(|w| w.split_once(": ")) {
            Due::Input(side, Input::Deliver(delivery(side, number.parse().expect("a number"), &text.replace(" / ", "\n"))))
        } else if let Some(number) = what.strip_prefix("calls off ") {
            Due::Input(side, Input::CallOff(number.parse().expect("a number")))
        } else if let Some(body) = what.strip_prefix("hears ") {
            Due::Hears(side, body.to_owned())
        } else if let Some(reason) = what.strip_prefix("will refuse: ") {
            Due::WillSay(side, Verdict::Refused(Reason::new(Fault::Us, reason)))
        } else if what == "dies" {
            Due::Dies(side)
        } else if what == "stops" {
            Due::Input(side, Input::Stop)
        } else {
            return false;
        };
        self.plan(at, due);
        true
    }
    pub fn deliver(&mut self, side: usize, number: u32, text: &str) {
        self.input(side, Input::Deliver(delivery(side, number, text)));
    }
    /// The process at `side` dies and starts again: its terminal is new, its disk is not.
    pub fn restart(&mut self, side: usize) {
        self.ends[side].terminal = hung(config(side, UnshiftOnSpace::Unknown), &self.ends[side].keys);
        self.halt(side); // what was begun of a code goes out
        self.ends[side].flight = None;
        // The dead process hears nothing of it.
        let heard = |input: &Input| matches!(input, Input::Halted { .. } | Input::Reserved { .. });
        self.queue.retain(|_, due| !matches!(due, Due::Input(to, input) if *to == side && heard(input)));
    }

    fn plan(&mut self, at: Instant, due: Due) -> u64 {
        self.next += 1;
        self.queue.insert((at, self.next), due);
        self.next
    }
    /// The tapes that hang at a side, as after a look into its folder.
    pub fn hang(&mut self, side: usize) {
        let tapes = self.ends[side].keys.tapes.clone();
        self.input(side, Input::Tapes(tapes));
    }
    /// Runs until nothing is planned and no timer runs, or until `limit` seconds.
    pub fn run(&mut self, limit: u64) {
        while self.step(Instant(limit * 1_000_000)) {}
    }
    /// Runs until `done` says so; whether it did before `limit` seconds.
    pub fn run_until(&mut self, limit: u64, mut done: impl FnMut(&Pair) -> bool) -> bool {
        loop {
            if done(self) {
                return true;
            }
            if !self.step(Instant(limit * 1_000_000)) {
                return false;
            }
        }
    }
    fn step(&mut self, limit: Instant) -> bool {
        let planned = self.queue.keys().next().map(|(at, _)| *at);
        let timer = (0..2).filter_map(|s| self.ends[s].terminal.deadline().map(|at| (at, s))).min();
        match (planned, timer) {
            (Some(at), _) if at > limit => return false,
            (None, Some((at, _))) if at > limit => return false,
            (None, None) => return false,
            (planned, Some((at, side))) if planned.is_none_or(|p| at < p) => {
                self.now = self.now.max(at);
                let outputs = self.ends[side].terminal.tick(self.now);
                self.carry_out(side, outputs);
            }
            _ => {
                let Some(((at, _), due)) = self.queue.pop_first() else { return false };
                self.now = self.now.max(at);
                self.due(due);
            }
        }
        true
    }
    fn due(&mut self, due: Due) {
        let (side, input) = match due {
            Due::Done(side, done) => match self.ends[side].flight.take_if(|f| f.done == done) {
                Some(_) => (side, Input::Transmitted),
                None => return, // halted meanwhile
            },
            Due::Hears(side, body) => {
                self.note(format!("{} hears {body}", NAMES[side]));
                let line = Line::read(&body, config(side, UnshiftOnSpace::Unknown).epoch).expect("a service line");
                (side, Input::Received(self.as_sent_to(side, &line)))
            }
            Due::WillSay(side, verdict) => {
                let said = match &verdict {
                    Verdict::Refused(reason) => format!("refuse: {}", reason.text),
                    other => format!("{other:?}"),
                };
                self.note(format!("{} will {said}", NAMES[side]));
                return self.ends[side].verdicts.push(verdict);
            }
            Due::Dies(side) => {
                self.note(format!("{} dies", NAMES[side]));
                return self.restart(side);
            }
            Due::Input(side, input) => (side, input),
        };
        match &input {
            Input::Deliver(d) => self.note(format!("{} delivers {}: {}", NAMES[side], d.number, one_line(&d.message.text()))),
            Input::CallOff(n) => self.note(format!("{} calls off {n}", NAMES[side])),
            Input::Stop => self.note(format!("{} stops", NAMES[side])),
            _ => {}
        }
        let outputs = self.ends[side].terminal.handle(self.now, input);
        self.carry_out(side, outputs);
    }

    fn note(&mut self, what: String) {
        self.log.push(format!("+{:.2} {what}", self.now.micros() as f64 / 1e6));
    }
    fn carry_out(&mut self, side: usize, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(codes) => self.send(side, codes),
                Output::Halt => self.halt(side),
                Output::Submit { token, message } => self.submit(side, token, message),
                Output::Report { delivery, outcome } => {
                    self.note(format!("= {} {}", NAMES[side], told(delivery, &outcome)));
                    self.ends[side].outcomes.push((delivery, outcome));
                }
                Output::Event { event, .. } => self.event(side, event),
                Output::Reserve(made) => {
                    let input = match self.ends[side].keys.reserve(&made) {
                        Ok(codes) => Input::Reserved { made, codes },
                        Err(why) => Input::NotReserved { made, why },
                    };
                    self.at(self.now + Duration::from_millis(5), side, input);
                }
                Output::Rescan => self.hang(side),
                Output::Tape { dir, id, codes } => self.ends[side].tapes.push((dir, id, codes)),
                Output::HandIn { .. } | Output::Motor(_) => panic!("a line is no machine at a desk"),
                Output::Stopped => {
                    self.note(format!("= {} stopped", NAMES[side]));
                    self.ends[side].stopped = true;
                }
            }
        }
    }
    fn event(&mut self, side: usize, event: Event) {
        let name = NAMES[side];
        match &event {
            Event::Service { dir: Direction::Out, line, .. } if line.starts_with("KEY ") => {} // what it announces tells more
            Event::Transmission { dir: Direction::Out, codes, key: Some(key), .. } => {
                let cipher = codes.as_bytes().chunks(2).map(|hex| u8::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap());
                let used = self.ends[side].keys.key(key.tape, key.position, codes.len() as u64 / 2);
                self.ends[side].plain = Some(cipher.zip(used).map(|(c, k)| Code::new(c ^ k.value())).collect());
            }
            Event::StepLost { reason } => self.note(format!("= {name} is out of step: {reason}")),
            Event::StepRegained { tape, position } => self.note(format!("= {name} is in step again: tape {tape} from {position}")),
            Event::KeyTrouble { reason } => self.note(format!("= {name} has trouble: {reason}")),
            Event::KeyBurned { tape, from, to, reason, .. } => self.note(format!("= {name} burns {tape} from {from} to {to}: {reason}")),
            Event::Service { dir: Direction::Out, line, .. } => self.ends[side].service = Some(line.clone()),
            Event::Fragment { reason, .. } => self.note(format!("= {name} has a fragment: {reason}")),
            Event::Ignored { what } => self.note(format!("= {name} ignores: {what}")),
            Event::LineUp { peer } => self.note(format!("= {name}: line up to {peer}")),
            Event::LineDown { reason } => self.note(format!("= {name}: line down: {reason}")),
            _ => {}
        }
        self.ends[side].events.push(event);
    }
    fn send(&mut self, side: usize, codes: Vec<Code>) {
        assert!(self.ends[side].flight.is_none(), "two sends outstanding");
        let end = &mut self.ends[side];
        let mut arriving = codes.clone();
        let text = match end.service.take() {
            Some(line) => line,
            None => format!("| {}", end.shown.read(end.plain.as_ref().unwrap_or(&codes)).trim_end_matches('\n').replace('\n', " / ")),
        };
        end.plain = None;
        end.sent += 1;
        let fate = (self.mischief)(&mut Span { side, number: end.sent, text: &text, codes: &mut arriving });
        if let Some(fate) = fate {
            fate.apply(&mut arriving);
        }
        let fate = match fate {
            None => String::new(),
            Some(Fate::Lost) => "   -- lost".into(),
            Some(Fate::Flipped(at)) => format!("   -- code {at} flipped"),
            Some(Fate::Dropped(at)) => format!("   -- code {at} dropped"),
            Some(Fate::Doubled(at)) => format!("   -- code {at} doubled"),
        };
        self.note(format!("{}> {}{fate}", NAMES[side][..1].to_uppercase(), text));
        if self.codes {
            self.log.extend(table(&codes));
        }
        let end = self.now + CODE * codes.len() as u32;
        let done = self.plan(end, Due::Done(side, self.next + 1));
        self.plan(end + DELAY, Due::Input(1 - side, Input::Received(arriving)));
        self.ends[side].flight = Some(Flight { start: self.now, codes, done });
    }
    fn halt(&mut self, side: usize) {
        let Some(flight) = self.ends[side].flight.take() else {
            // It had gone out in the same moment.
            return self.at(self.now, side, Input::Halted { left: 0 });
        };
        let begun = self.now.since(flight.start).as_micros().div_ceil(CODE.as_micros()) as usize;
        let sent = begun.min(flight.codes.len());
        let end = flight.start + CODE * sent as u32;
        let whole = flight.start + CODE * flight.codes.len() as u32 + DELAY;
        // The burst that was planned whole arrives cut short.
        let planned =
            self.queue.iter_mut().find(|((at, _), due)| *at == whole && matches!(due, Due::Input(to, Input::Received(_)) if *to != side));
        if let Some((key, Due::Input(_, Input::Received(codes)))) = planned {
            let (key, mut codes) = (*key, std::mem::take(codes));
            self.queue.remove(&key);
            codes.truncate(sent);
            self.plan(end + DELAY, Due::Input(1 - side, Input::Received(codes)));
        }
        self.at(end, side, Input::Halted { left: flight.codes.len() - sent });
    }
    fn submit(&mut self, side: usize, token: u64, message: Message) {
        let end = &mut self.ends[side];
        let verdict = if !end.verdicts.is_empty() {
            end.verdicts.remove(0)
        } else if end.filed.insert(message.identity.clone()) {
            end.texts.push(message.text());
            Verdict::Filed
        } else {
            Verdict::FiledBefore
        };
        let what = match &verdict {
            Verdict::Filed => "files",
            Verdict::FiledBefore => "had filed",
            Verdict::Refused(_) => "refuses",
            Verdict::TryLater(_) => "cannot file",
        };
        self.note(format!("= {} {what} {}: {}", NAMES[side], message.identity, one_line(&message.text())));
        self.at(self.now + Duration::from_millis(20), side, Input::Verdict { token, verdict });
    }
}

fn told(delivery: u64, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Delivered(receipt) => format!("delivered {delivery}: {}", receipt.text),
        Outcome::Deferred(reason) => format!("deferred {delivery} ({}): {}", fault(reason), reason.text),
        Outcome::NotBegun(reason) => format!("not begun {delivery} ({}): {}", fault(reason), reason.text),
        Outcome::Refused(reason) => format!("refused {delivery} ({}): {}", fault(reason), reason.text),
        Outcome::CalledOff { at } => format!("called off {delivery}: {at}"),
    }
}
fn fault(reason: &Reason) -> &'static str {
    match reason.fault {
        Fault::Line => "line",
        Fault::Peer => "peer",
        Fault::Us => "us",
    }
}

fn one_line(text: &str) -> String {
    text.replace('\n', " / ")
}

/// Codes in two aligned rows, characters over hexadecimal, 24 to a row.
fn table(codes: &[Code]) -> Vec<String> {
    let mut read = Coder::new(CodeTable::Ita2, UnshiftOnSpace::Unknown);
    let cells: Vec<(String, String)> = codes
        .iter()
        .map(|c| {
            let shown = read.read(&[*c]);
            let name = match *c {
                CR => "CR",
                LF => "LF",
                SP => "SP",
                LTRS => "LTRS",
                FIGS => "FIGS",
                _ => &shown,
            };
            let width = name.len().max(2);
            (format!("{name:<width$}"), format!("{:<width$}", format!("{c:?}")))
        })
        .collect();
    let row = |cells: &[(String, String)], hex: bool| {
        let cells: Vec<&str> = cells.iter().map(|(name, code)| if hex { code.as_str() } else { name.as_str() }).collect();
        format!("    {}", cells.join(" ").trim_end())
    };
    cells.chunks(24).flat_map(|c| [row(c, false), row(c, true)]).collect()
}

//! One end of the fuzzed line: a terminal, its disk, its router, its device; and what it must never do, checked at every output.

use super::procedure::CODE;
use molink::history::keys::SimulatedKeys;
use molink::key::reel::Reservation;
use molink::line::Code;
use molink::message::{Identity, Message};
use molink::router::event::{Direction, KeySpan, Span};
use molink::router::{Delivery, Event, Outcome};
use molink::teletype::service::{Detector, Line};
use molink::teletype::wire::{CUT, END, START, compose};
use molink::teletype::{Config, Input, Output, Terminal};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Where on a tape a code was enciphered.
pub type Offset = (u32, u64);

pub struct End {
    pub config: Config,
    pub terminal: Terminal,
    pub keys: SimulatedKeys,
    /// Codes at the device that have not gone out.
    pub queue: VecDeque<(Code, Option<Offset>)>,
    /// `Transmitted` is owed for the last send.
    pub owed: bool,
    /// Told to halt; so many codes still go out before it does.
    pub halting: Option<u8>,
    /// Came off the line, not yet read.
    pub inbox: Vec<Code>,
    /// Codes read, those at the most that wait for key.
    pub unread: usize,
    pub lost: bool,
    pub stopping: bool,
    pub stopped: bool,
    pub asked: Vec<Reservation>,
    pub rescans: u32,
    /// At the router: token and message.
    pub pending: Vec<(u64, Message)>,
    /// Deliveries not reported yet.
    pub open: BTreeMap<u64, Delivery>,
    pub outcomes: Vec<(u64, Outcome)>,
    pub filed: BTreeSet<Identity>,
    /// All codes that went out, as they arrived.
    pub recorded: Vec<Code>,
    /// The spans told of since the last send.
    spans: Vec<(Vec<Code>, Span, Option<KeySpan>)>,
    /// Offsets that went out, and the highest of each tape.
    spent: BTreeSet<Offset>,
    /// All codes of each message handed in, as they are before the mixer.
    composed: BTreeSet<Vec<Code>>,
    /// The message that is going out, deciphered, and where its next code must be enciphered.
    open_text: Option<(Vec<Code>, Offset)>,
}

impl End {
    pub fn new(config: Config, keys: SimulatedKeys) -> End {
        End {
            terminal: Terminal::new(config.clone()),
            config,
            keys,
            queue: VecDeque::new(),
            owed: false,
            halting: None,
            inbox: vec![],
            unread: 0,
            lost: false,
            stopping: false,
            stopped: false,
            asked: vec![],
            rescans: 0,
            pending: vec![],
            open: BTreeMap::new(),
            outcomes: vec![],
            filed: BTreeSet::new(),
            recorded: vec![],
            spans: vec![],
            spent: BTreeSet::new(),
            composed: BTreeSet::new(),
            open_text: None,
        }
    }
    pub fn keyed(&self) -> bool {
        self.config.cipher.is_some()
    }

    /// The process died, or its device did: nothing of what was going out is going out any more.
    pub fn forget_line(&mut self) {
        self.queue.clear();
        (self.owed, self.halting, self.open_text) = (false, None, None);
        self.spans.clear();
    }

    pub fn hand_in(&mut self, delivery: &Delivery) {
        self.open.insert(delivery.number, delivery.clone());
        if let Some(peer) = &self.config.peer {
            let wire = compose(delivery, &self.config.station, peer, self.config.send, self.config.unshift);
            self.composed.extend(wire.map(|w| w.codes));
        }
    }

    /// The next code goes out: with key that never went out before, in rising order.
    pub fn next_code(&mut self) -> Option<Code> {
        let (code, offset) = self.queue.pop_front()?;
        if let Some((tape, position)) = offset {
            let last = self.spent.range(..=(tape, u64::MAX)).next_back().filter(|(t, _)| *t == tape);
            assert!(last.is_none_or(|(_, p)| *p < position), "key {position} of tape {tape} goes out after {last:?}");
            self.spent.insert((tape, position));
        }
        Some(code)
    }
    /// What did not go out at a halt; the text that is open is shorter by it.
    pub fn halted(&mut self) -> usize {
        let left: Vec<_> = self.queue.drain(..).collect();
        let keyed = left.iter().filter(|(_, offset)| offset.is_some()).count();
        if let Some((text, next)) = &mut self.open_text {
            let of_text = keyed.min(text.len());
            text.truncate(text.len() - of_text);
            next.1 -= of_text as u64;
        }
        (self.owed, self.halting) = (false, None);
        left.len()
    }

    /// Takes note of an output and checks it; what needs an answer is kept for its time.
    pub fn output(&mut self, output: Output) {
        self.show(&output);
        assert!(!self.stopped || matches!(output, Output::Event { .. }), "stopped, and then {output:?}");
        match output {
            Output::Send(codes) => self.send(codes),
            Output::Halt => {
                assert!(self.halting.is_none() && !self.lost, "told to halt twice, or without a line");
                self.halting = Some(1);
            }
            Output::Reserve(wanted) => {
                assert!(self.asked.iter().all(|a| a.copy != wanted.copy), "two reservations outstanding");
                assert!(wanted.count > 0);
                self.asked.push(wanted);
            }
            Output::Rescan => self.rescans += 1,
            Output::Tape { codes, .. } => assert!(codes.starts_with(&START) && codes.ends_with(&END)),
            Output::HandIn { .. } | Output::Motor(_) => panic!("a line has neither operator nor motor: {output:?}"),
            Output::Submit { token, message } => {
                assert!(self.pending.len() < 16, "more than 16 messages at the router");
                self.pending.push((token, message));
            }
            Output::Report { delivery, outcome } => {
                assert!(self.open.remove(&delivery).is_some(), "delivery {delivery} is reported twice: {outcome:?}");
                self.outcomes.push((delivery, outcome));
            }
            Output::Event { event: Event::Transmission { dir: Direction::Out, codes, span, key, unit, .. }, .. } => {
                assert_eq!(u128::from(unit), CODE.as_micros());
                let digits = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ascii"), 16).expect("hexadecimal");
                self.spans.push((codes.as_bytes().chunks(2).map(|p| Code::new(digits(p))).collect(), span, key));
            }
            Output::Event { .. } => {}
            Output::Stopped => {
                assert!(self.stopping && self.open.is_empty(), "stopped with {} deliveries not reported", self.open.len());
                self.stopped = true;
            }
        }
    }

    /// With `MOLINK_FUZZ_TRACE` set, what an end does is printed: for whoever looks into a finding.
    fn show(&self, output: &Output) {
        let quiet = matches!(output, Output::Event { event: Event::Transmission { .. } | Event::Characters { .. }, .. });
        if !quiet && std::env::var_os("MOLINK_FUZZ_TRACE").is_some() {
            match output {
                Output::Send(codes) => println!("{}: sends {} codes", self.config.station, codes.len()),
                other => println!("{}: {other:?}", self.config.station),
            }
        }
    }

    fn send(&mut self, codes: Vec<Code>) {
        assert!(!self.owed, "two sends outstanding");
        assert!(self.halting.is_none() && !self.lost, "sent while halting, or without a line");
        assert!(!codes.is_empty() && codes.len() <= 1_000, "{} codes at once", codes.len());
        let spans = std::mem::take(&mut self.spans);
        let told: Vec<Code> = spans.iter().flat_map(|(codes, ..)| codes.iter().copied()).collect();
        assert_eq!(told, codes, "what is sent is not what is told of it");
        let mut announced = false;
        for (codes, span, key) in &spans {
            match (span, key) {
                (Span::Clear, None) => {
                    announced |= self.keyed() && self.clear_is_a_service_line(codes);
                    self.queue.extend(codes.iter().map(|c| (*c, None)));
                }
                (Span::Cipher, Some(key)) => {
                    self.enciphered(codes, key, announced);
                    self.queue.extend(codes.iter().zip(key.position..).map(|(c, p)| (*c, Some((key.tape, p)))));
                }
                other => panic!("a span that is {other:?}"),
            }
        }
        self.owed = true;
    }
    /// On an enciphered line nothing is in clear but one whole service line that is no answer; says whether it announces cipher.
    fn clear_is_a_service_line(&self, codes: &[Code]) -> bool {
        let mut detector = Detector::new(self.config.unshift);
        let bodies: Vec<String> = codes.iter().filter_map(|c| detector.take(*c)).collect();
        let [body] = bodies.as_slice() else { panic!("{bodies:?} goes out in clear") };
        let line = Line::read(body, self.config.epoch).unwrap_or_else(|| panic!("`{body}` goes out in clear"));
        assert!(!line.answers_a_message(), "`{body}` goes out in clear");
        assert!(codes == line.codes(self.config.unshift), "there is more in clear than `{body}`");
        matches!(line, Line::Key { .. })
    }
    /// A span deciphers, with the key it is said to have, to an answer, the cut, or the next piece of a message handed in.
    fn enciphered(&mut self, codes: &[Code], key: &KeySpan, announced: bool) {
        let tape = self.keys.tapes.send.iter().find(|t| t.serial == key.tape);
        let end = key.position + codes.len() as u64;
        assert!(tape.is_none_or(|t| end <= t.next), "key up to {end} of tape {} was not reserved", key.tape);
        let plain: Vec<Code> = codes
            .iter()
            .zip(self.keys.key(key.tape, key.position, codes.len() as u64))
            .map(|(c, k)| Code::new(c.value() ^ k.value()))
            .collect();
        let mut detector = Detector::new(self.config.unshift);
        let answer = plain.iter().filter_map(|c| detector.take(*c)).filter_map(|b| Line::read(&b, self.config.epoch)).next();
        if announced && answer.is_some_and(|l| l.answers_a_message() && l.codes(self.config.unshift) == plain) {
            self.open_text = None;
            return;
        }
        if announced {
            assert!(plain.starts_with(&START), "an announced span is neither a message nor an answer");
            self.open_text = Some((vec![], (key.tape, key.position)));
        }
        let Some((text, next)) = &mut self.open_text else { panic!("cipher goes out that was not announced") };
        assert_eq!(*next, (key.tape, key.position), "the far reader cannot know where the key goes on");
        if plain == CUT {
            self.open_text = None;
            return;
        }
        text.extend(&plain);
        *next = (key.tape, end);
        let known = self.config.peer.is_none() || self.composed.iter().any(|w| w.starts_with(text));
        assert!(known, "what goes out is no message that was handed in");
    }

    /// What the disk says to a reservation.
    pub fn granted(&mut self, at: usize, refuse: bool) -> Input {
        let made = self.asked.remove(at);
        if refuse {
            return Input::NotReserved { made, why: "the disk is full".into() };
        }
        match self.keys.reserve(&made) {
            Ok(codes) => Input::Reserved { made, codes },
            Err(why) => Input::NotReserved { made, why },
        }
    }
}

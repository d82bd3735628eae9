//! The modem of a call over T.38: orders become packets with the pace of the line they stand for, packets become what is heard.
//!
//! Standard: ITU-T T.38 7 and 8.2 (data rate management method 2: training checks go end to end, as data). In: [`Input`]. Out: [`Output`].
//! It sends or hears, never both. A hole in a frame damages it; in bits without correction it is just missing. Every carrier is followed by `Quiet`.
//! What is sent when is `sending`, what comes in is `hearing`. Left out: who the far end is (see `backend_t38`). Shown by: the tests below, `tests/it/t38.rs`.

use super::hearing::Hearing;
use super::ifp::{Ifp, Indicator, Syntax};
use super::sending::{Step, cng, signal};
use super::udptl::{Datagram, Got, Receiver, Sender};
use crate::fax::modem::{CED, Heard, Order, Tone};
use crate::machine::Machine;
use crate::time::{Instant, Speed};
use std::collections::VecDeque;
use std::time::Duration;

/// The last packet before a pause is sent again so long after, where nothing follows it that would repeat it. Ours.
const AGAIN: [Duration; 3] = [Duration::from_millis(40), Duration::from_millis(120), Duration::from_millis(240)];

/// What a terminal has to know.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Config {
    /// How fields are written and read.
    pub syntax: Syntax,
    /// How many packets before it a datagram repeats.
    pub repeats: usize,
    /// The clock's speed. At `max` there is no pace but what the network needs.
    pub speed: Speed,
}

/// What a terminal is told.
#[derive(Clone, PartialEq, Debug)]
pub enum Input {
    /// By the fax machine.
    Order(Order),
    /// A datagram of the far end.
    Datagram(Vec<u8>),
}

/// What a terminal wants done.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// Send this to the far end.
    Datagram(Vec<u8>),
    /// Tell the fax machine. After `Lost` nothing more is heard.
    Heard(Heard),
    /// The far end has begun a new call with this datagram; the old one is lost.
    Anew(Vec<u8>),
    /// A datagram that could not be read, or that stands for something this terminal does not know: why.
    Odd(String),
}

/// A call's modem.
#[derive(Clone, Debug)]
pub struct Terminal {
    config: Config,
    sender: Sender,
    receiver: Receiver,
    hearing: Hearing,
    plan: VecDeque<(Instant, Step)>,
    /// The datagram that is sent again, from when on, and how often it was.
    again: Option<(Instant, usize, Vec<u8>)>,
    /// Whether the line has a signal of ours on it.
    sounding: bool,
    /// Whether anything was heard but tones.
    met: bool,
    lost: bool,
    out: Vec<Output>,
}

impl Terminal {
    /// A call's, from its beginning.
    pub fn new(config: Config) -> Terminal {
        Terminal {
            config,
            sender: Sender::new(config.repeats),
            receiver: Receiver::new(),
            hearing: Hearing::new(config.speed),
            plan: VecDeque::new(),
            again: None,
            sounding: false,
            met: false,
            lost: false,
            out: vec![],
        }
    }
    /// What a datagram that comes while no call is on begins with.
    pub fn opening(octets: &[u8], syntax: Syntax) -> Option<Indicator> {
        let datagram = Datagram::decode(octets).ok()?;
        match Ifp::decode(&datagram.primary, syntax) {
            Ok(Ifp::Indicator(indicator)) => Some(indicator),
            Ok(Ifp::Data(..)) | Err(_) => None,
        }
    }

    fn order(&mut self, now: Instant, order: Order) {
        self.plan.clear();
        if std::mem::take(&mut self.sounding) {
            self.send(now, &Ifp::Indicator(Indicator::NoSignal), true);
        }
        let listens = match &order {
            Order::Tone(Tone::Cng) => Some(None),
            Order::Listen(fast) => Some(*fast),
            Order::Tone(Tone::Ced) | Order::Send(_) | Order::HangUp => None,
        };
        let told = self.hearing.listen(listens);
        self.heard(told);
        match order {
            Order::Tone(Tone::Cng) => self.plan.extend(cng(now)),
            Order::Tone(Tone::Ced) => {
                self.plan.push_back((now, Step::Packet(Ifp::Indicator(Indicator::Ced), true)));
                self.plan.push_back((now + if self.config.speed == Speed::Max { Duration::ZERO } else { CED }, Step::Sent));
            }
            Order::Send(what) => self.plan.extend(signal(now, what, self.config.speed)),
            Order::Listen(_) | Order::HangUp => {}
        }
        self.due(now);
    }
    fn datagram(&mut self, now: Instant, octets: Vec<u8>) {
        match Datagram::decode(&octets) {
            Ok(datagram) => {
                let got = self.receiver.take(now, datagram);
                self.got(now, got, Some(octets));
            }
            Err(flaw) => self.out.push(Output::Odd(format!("a datagram that is none of T.38: {flaw}"))),
        }
    }
    fn got(&mut self, now: Instant, got: Vec<Got>, whole: Option<Vec<u8>>) {
        for got in got {
            match got {
                Got::Packet(octets) => match Ifp::decode(&octets, self.config.syntax) {
                    Ok(ifp) => {
                        self.met |= matches!(ifp, Ifp::Data(..));
                        let told = self.hearing.packet(now, &ifp);
                        self.heard(told);
                    }
                    Err(flaw) => {
                        // It held something, and that is missing now.
                        self.hearing.hole();
                        self.out.push(Output::Odd(format!("a packet that is none of T.38: {flaw}")));
                    }
                },
                Got::Hole(_) => self.hearing.hole(),
                Got::Anew if self.met => {
                    let told = self.hearing.end();
                    self.heard(told);
                    self.heard(vec![Heard::Lost]);
                    self.lost = true;
                    self.plan.clear();
                    self.out.extend(whole.map(Output::Anew));
                    return;
                }
                Got::Anew => {}
            }
        }
    }
    fn heard(&mut self, told: Vec<Heard>) {
        if !self.lost {
            self.out.extend(told.into_iter().map(Output::Heard));
        }
    }

    /// Does what is planned up to now.
    fn due(&mut self, now: Instant) {
        while let Some((at, step)) = self.plan.pop_front_if(|(at, _)| *at <= now) {
            match step {
                Step::Packet(ifp, pause) => {
                    self.sounding = ifp != Ifp::Indicator(Indicator::NoSignal);
                    self.send(at, &ifp, pause);
                }
                Step::Sent => {
                    self.sounding = false;
                    self.heard(vec![Heard::Sent]);
                }
                Step::CngAgain => self.plan.extend(cng(at)),
            }
        }
    }
    fn send(&mut self, at: Instant, ifp: &Ifp, pause: bool) {
        let datagram = self.sender.datagram(ifp.encode(self.config.syntax));
        self.again = pause.then(|| (at, 0, datagram.clone()));
        self.out.push(Output::Datagram(datagram));
    }
    fn repeat(&mut self, now: Instant) {
        if let Some((since, times, datagram)) = &mut self.again {
            while AGAIN.get(*times).is_some_and(|after| *since + *after <= now) {
                *times += 1;
                self.out.push(Output::Datagram(datagram.clone()));
            }
            if *times == AGAIN.len() {
                self.again = None;
            }
        }
    }
}

impl Machine for Terminal {
    type Input = Input;
    type Output = Output;
    fn handle(&mut self, now: Instant, input: Input) -> Vec<Output> {
        let mut out = self.tick(now);
        match input {
            Input::Order(order) => self.order(now, order),
            Input::Datagram(octets) => self.datagram(now, octets),
        }
        out.append(&mut self.out);
        out
    }
    fn tick(&mut self, now: Instant) -> Vec<Output> {
        self.due(now);
        self.repeat(now);
        let got = self.receiver.tick(now);
        self.got(now, got, None);
        let told = self.hearing.tick(now);
        self.heard(told);
        std::mem::take(&mut self.out)
    }
    fn deadline(&self) -> Option<Instant> {
        let planned = self.plan.front().map(|(at, _)| *at);
        let again = self.again.as_ref().and_then(|(since, times, _)| AGAIN.get(*times).map(|after| *since + *after));
        [planned, again, self.receiver.deadline(), self.hearing.deadline()].into_iter().flatten().min()
    }
}

//! Calls over T.38 in virtual time: two ends, ours or SpanDSP's, and a network between them that loses, doubles, delays.

use crate::spandsp::{Spandsp, Told};
use molink::fax::simulated::End;
use molink::fax::t30::{Input, Output, Received, Report};
use molink::fax::t38::udptl::{Datagram, Got, Receiver, Sender};
use molink::fax::t38::{self, Config, Syntax, Terminal};
use molink::line::driver::Driver;
use molink::machine::Machine;
use molink::time::{Instant, Speed};
use std::time::Duration;

/// Nothing takes longer: a call that does hangs.
const MOST_TIME: Duration = Duration::from_secs(900);
const STEP: Duration = Duration::from_millis(20);

pub const AS_1998: Config = Config { syntax: Syntax::Of1998, repeats: 3, speed: Speed::REAL };
pub const AS_2002: Config = Config { syntax: Syntax::Of2002, ..AS_1998 };

/// What the network does, in thousandths of the datagrams.
#[derive(Clone, Copy, Default)]
pub struct Net {
    pub lost: u32,
    pub doubled: u32,
    pub late: u32,
    pub seed: u32,
}

/// An end of a call.
pub enum Side {
    Ours { end: End, terminal: Terminal, report: Option<Report> },
    Spandsp { peer: Spandsp, sender: Sender, receiver: Receiver, number: u32, done: Option<(u32, String)> },
    Gone,
}

impl Side {
    pub fn ours(end: End, config: Config) -> Side {
        Side::Ours { end, terminal: Terminal::new(config), report: None }
    }
    pub fn spandsp(peer: Spandsp) -> Side {
        Side::Spandsp { peer, sender: Sender::new(3), receiver: Receiver::new(), number: 0, done: None }
    }
    fn over(&self) -> bool {
        match self {
            Side::Ours { report, .. } => report.is_some(),
            Side::Spandsp { done, .. } => done.is_some(),
            Side::Gone => true,
        }
    }
}

enum What {
    Arrives(usize, Vec<u8>),
    Tick(usize),
    Step(usize),
    Vanishes(usize),
    Stored(usize, usize),
}

/// A call.
pub struct Call {
    driver: Driver<What>,
    pub sides: [Side; 2],
    net: Net,
    luck: u64,
    /// For when each side's tick is set.
    set: [Option<Instant>; 2],
    /// Datagrams as they were sent, lost ones too.
    pub sent: Vec<(Instant, usize, Vec<u8>)>,
    pub odd: Vec<String>,
    pub lost: usize,
    pub pages: Vec<Received>,
    /// What the machines saw, as sentences.
    pub events: Vec<String>,
}

impl Call {
    pub fn new(sides: [Side; 2], net: Net) -> Call {
        let luck = u64::from(net.seed) ^ 0x9e37_79b9_7f4a_7c15;
        let (sent, odd, pages, events) = (vec![], vec![], vec![], vec![]);
        Call { driver: Driver::default(), sides, net, luck, set: [None; 2], sent, odd, lost: 0, pages, events }
    }
    /// An end falls silent for good.
    pub fn vanishes(&mut self, side: usize, at: Instant) {
        self.driver.set(at, What::Vanishes(side));
    }
    fn luck(&mut self) -> u32 {
        self.luck = self.luck.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.luck >> 33) as u32
    }
    /// Runs until both ends are done; how long it took.
    pub fn run(&mut self) -> Result<Duration, String> {
        for side in 0..2 {
            match &mut self.sides[side] {
                Side::Ours { end, .. } => {
                    let outputs = end.handle(Instant::ZERO, Input::Start);
                    self.end(side, outputs);
                }
                Side::Spandsp { .. } => self.driver.set(Instant::ZERO, What::Step(side)),
                Side::Gone => {}
            }
        }
        while !self.sides.iter().all(Side::over) {
            let what = self.driver.step().ok_or("nothing happens any more, and the call is not over")?;
            if self.driver.now().since(Instant::ZERO) > MOST_TIME {
                return Err("the call does not end".into());
            }
            match what {
                What::Arrives(side, datagram) => self.arrives(side, datagram)?,
                What::Tick(side) => self.tick(side),
                What::Step(side) => self.step(side)?,
                What::Stored(side, page) => {
                    if let Side::Ours { end, .. } = &mut self.sides[side] {
                        let outputs = end.handle(self.driver.now(), Input::Stored { page });
                        self.end(side, outputs);
                    }
                }
                What::Vanishes(side) => self.sides[side] = Side::Gone,
            }
        }
        Ok(self.driver.now().since(Instant::ZERO))
    }
    pub fn report(&self, side: usize) -> &Report {
        match &self.sides[side] {
            Side::Ours { report: Some(report), .. } => report,
            _ => panic!("no report of side {side}"),
        }
    }
    pub fn done(&self, side: usize) -> &(u32, String) {
        match &self.sides[side] {
            Side::Spandsp { done: Some(done), .. } => done,
            _ => panic!("side {side} is not done, or not SpanDSP"),
        }
    }

    fn arrives(&mut self, side: usize, datagram: Vec<u8>) -> Result<(), String> {
        let now = self.driver.now();
        match &mut self.sides[side] {
            Side::Ours { terminal, .. } => {
                let outputs = terminal.handle(now, t38::Input::Datagram(datagram));
                self.terminal(side, outputs);
            }
            Side::Spandsp { peer, receiver, number, .. } => {
                let mut told = vec![];
                for got in receiver.take(now, Datagram::decode(&datagram).unwrap()) {
                    match got {
                        Got::Packet(octets) => {
                            told.extend(peer.packet(*number as u16, &octets)?);
                            *number += 1;
                        }
                        Got::Hole(missing) => *number += missing,
                        Got::Anew => panic!("the number began anew"),
                    }
                }
                self.told(side, told);
            }
            Side::Gone => {}
        }
        Ok(())
    }
    fn step(&mut self, side: usize) -> Result<(), String> {
        if let Side::Spandsp { peer, .. } = &mut self.sides[side] {
            let told = peer.step(160)?;
            self.told(side, told);
            self.driver.set(self.driver.now() + STEP, What::Step(side));
        }
        Ok(())
    }
    fn told(&mut self, side: usize, told: Vec<Told>) {
        for told in told {
            let Side::Spandsp { sender, done, .. } = &mut self.sides[side] else { return };
            match told {
                Told::Packet(times, octets) => {
                    let datagram = sender.datagram(octets);
                    (0..times.max(1)).for_each(|_| self.send(side, datagram.clone()));
                }
                Told::Page(_) => {}
                Told::Done(code, words) => *done = Some((code, words)),
            }
        }
    }
    fn tick(&mut self, side: usize) {
        let now = self.driver.now();
        self.set[side] = self.set[side].filter(|at| *at > now);
        let Side::Ours { end, terminal, .. } = &mut self.sides[side] else { return };
        if terminal.deadline().is_some_and(|at| at <= now) {
            let outputs = terminal.tick(now);
            self.terminal(side, outputs);
        } else if end.deadline().is_some_and(|at| at <= now) {
            let outputs = end.tick(now);
            self.end(side, outputs);
        } // else its timer was stopped or set anew
    }
    fn send(&mut self, side: usize, datagram: Vec<u8>) {
        let now = self.driver.now();
        self.sent.push((now, side, datagram.clone()));
        let net = self.net;
        let copies = 1 + u32::from(self.luck() % 1000 < net.doubled);
        for _ in 0..copies {
            if self.luck() % 1000 < net.lost {
                self.lost += 1;
                continue;
            }
            let late = if self.luck() % 1000 < net.late { u64::from(self.luck() % 90_000) } else { 0 };
            self.driver.set(now + Duration::from_micros(10_000 + late), What::Arrives(1 - side, datagram.clone()));
        }
    }
    fn terminal(&mut self, side: usize, outputs: Vec<t38::Output>) {
        for output in outputs {
            match output {
                t38::Output::Datagram(datagram) => self.send(side, datagram),
                t38::Output::Heard(heard) => {
                    let now = self.driver.now();
                    if let Side::Ours { end, .. } = &mut self.sides[side] {
                        let outputs = end.handle(now, Input::Heard(heard));
                        self.end(side, outputs);
                    }
                }
                t38::Output::Odd(why) => self.odd.push(why),
                t38::Output::Anew(_) => self.odd.push("anew".into()),
            }
        }
        self.ticks(side);
    }
    fn end(&mut self, side: usize, outputs: Vec<Output>) {
        let now = self.driver.now();
        for output in outputs {
            let Side::Ours { terminal, report, .. } = &mut self.sides[side] else { return };
            match output {
                Output::Order(order) => {
                    let outputs = terminal.handle(now, t38::Input::Order(order));
                    self.terminal(side, outputs);
                }
                Output::Event(event) => self.events.push(format!("{:>7.3} {side} {event}", now.micros() as f64 / 1e6)),
                Output::Page(received) => {
                    self.driver.set(now, What::Stored(side, received.number));
                    self.pages.push(received);
                }
                Output::Ended(ended) => *report = Some(ended),
                Output::Identified(_) => {}
                Output::Reserve(reservation) => panic!("there is no diskette here: {reservation:?}"),
            }
        }
        self.ticks(side);
    }
    fn ticks(&mut self, side: usize) {
        let Side::Ours { end, terminal, .. } = &self.sides[side] else { return };
        let at = [end.deadline(), terminal.deadline()].into_iter().flatten().min();
        if at != self.set[side] {
            self.set[side] = at;
            at.into_iter().for_each(|at| self.driver.set(at, What::Tick(side)));
        }
    }
}

//! A call in memory: two machines of T.30 on a simulated circuit, in virtual time (`line::driver`).
//!
//! Standards: none. In: two machines, a circuit, things to happen at times. Out: what was said and seen, pages, reports, line seconds.
//! Left out: more than two ends (a scenario drives machine and circuit itself, as `history::world` does). A call ends: [`MOST_TIME`] is a bug.
//! Shown by: `tests/it/fax_call.rs`, `fixtures/dialogues/fax`.

use super::circuit::{Circuit, Due};
use super::modem::{Order, Signal};
use super::t30::{CallEvent, Identified, Input, Output, Received, Report, Reservation};
use crate::line::Quality;
use crate::line::driver::Driver;
use crate::machine::Machine;
use crate::time::Instant;
use std::time::Duration;

/// No call of ours lasts longer: a page has half an hour, a command under a minute.
pub const MOST_TIME: Duration = Duration::from_secs(24 * 3600);

/// An end of a call.
pub type End = Box<dyn Machine<Input = Input, Output = Output>>;

/// What an end (0 or 1) is told once it knows who is at the other.
pub type Decide = Box<dyn Fn(usize, &Identified) -> Input>;

/// Something done to the circuit or an end.
#[derive(Debug)]
pub enum Act {
    /// Both ways are cut.
    Cut,
    /// And joined again.
    Restore,
    /// Both ways become better or worse.
    Quality(Quality),
    /// An end leaves the line without a word.
    Vanish(usize),
    /// An end is told something.
    Tell(usize, Input),
}

/// What was seen of a call.
#[derive(Clone, PartialEq, Debug)]
pub enum Seen {
    /// An end began a signal.
    Signal(Signal),
    /// An end told of something.
    Event(CallEvent),
    /// An end is done.
    Ended(Report),
}

enum Happening {
    Due(Due),
    Tick(usize),
    Act(Act),
}

/// Reserves key at an end, as a disk would; or says why not.
pub type Reserve = dyn FnMut(usize, &Reservation) -> Result<Vec<u8>, String>;

/// A call. End 0 and end 1 both get [`Input::Start`] at time 0.
pub struct Call {
    driver: Driver<Happening>,
    /// The circuit; fates are planned here before [`Call::run`].
    pub circuit: Circuit,
    ends: [End; 2],
    gone: [bool; 2],
    /// How long an end takes to store a page; `None`: it never does.
    pub storing: Option<Duration>,
    /// What an end is told once it knows the other.
    pub decide: Decide,
    /// The diskettes of an enciphered call: reserves key of an end, and gives it.
    pub reserve: Box<Reserve>,
    /// What was seen, of which end.
    pub seen: Vec<(Instant, usize, Seen)>,
    /// Pages stored, in order.
    pub pages: Vec<Received>,
    /// How each end's call went.
    pub reports: [Option<Report>; 2],
}

impl Call {
    /// Two ends on a circuit.
    pub fn new(ends: [End; 2], circuit: Circuit) -> Call {
        let (gone, reports) = ([false; 2], [None, None]);
        let storing = Some(Duration::ZERO);
        let decide = Box::new(|_: usize, _: &Identified| Input::SetUp(vec![]));
        let reserve = Box::new(|_: usize, made: &Reservation| Err(format!("there is no diskette {:06} here", made.serial)));
        Call { driver: Driver::default(), circuit, ends, gone, storing, decide, reserve, seen: vec![], pages: vec![], reports }
    }
    /// Something is done at a time.
    pub fn at(&mut self, at: Instant, act: Act) {
        self.driver.set(at, Happening::Act(act));
    }
    /// Runs until both ends are done; returns how long the line was held. A call that does not end says so.
    pub fn run(&mut self) -> Result<Duration, String> {
        for end in 0..2 {
            self.driver.set(Instant::ZERO, Happening::Act(Act::Tell(end, Input::Start)));
        }
        while (0..2).any(|end| self.reports[end].is_none() && !self.gone[end]) {
            let Some(happening) = self.driver.step() else {
                return Err("nothing happens any more, and the call is not over".into());
            };
            if self.driver.now().since(Instant::ZERO) > MOST_TIME {
                return Err("the call does not end".into());
            }
            self.happen(happening);
        }
        Ok(self.driver.now().since(Instant::ZERO))
    }

    fn happen(&mut self, happening: Happening) {
        let now = self.driver.now();
        match happening {
            Happening::Due(due) => {
                let (heard, more) = self.circuit.happen(due);
                self.set(more);
                if let Some((end, heard)) = heard {
                    self.tell(end, Input::Heard(heard));
                }
            }
            Happening::Tick(end) if !self.gone[end] && self.ends[end].deadline().is_some_and(|at| at <= now) => {
                let outputs = self.ends[end].tick(now);
                self.carry_out(end, outputs);
            }
            Happening::Tick(_) => {} // its timer was stopped or set anew
            Happening::Act(act) => self.act(now, act),
        }
    }
    fn act(&mut self, now: Instant, act: Act) {
        match act {
            Act::Cut => (0..2).for_each(|end| self.circuit.way(end).cut(now, None)),
            Act::Restore => (0..2).for_each(|end| self.circuit.way(end).restore(now)),
            Act::Quality(quality) => (0..2).for_each(|end| self.circuit.way(end).set_quality(quality)),
            Act::Vanish(end) => {
                self.gone[end] = true;
                let due = self.circuit.order(now, end, Order::HangUp);
                self.set(due);
            }
            Act::Tell(end, input) => self.tell(end, input),
        }
    }
    fn set(&mut self, due: Vec<Due>) {
        due.into_iter().for_each(|d| self.driver.set(d.at, Happening::Due(d)));
    }
    fn tell(&mut self, end: usize, input: Input) {
        if !self.gone[end] {
            let outputs = self.ends[end].handle(self.driver.now(), input);
            self.carry_out(end, outputs);
        }
    }
    fn carry_out(&mut self, end: usize, outputs: Vec<Output>) {
        let now = self.driver.now();
        for output in outputs {
            match output {
                Output::Order(order) => {
                    if let Order::Send(signal) = &order {
                        self.seen.push((now, end, Seen::Signal(signal.clone())));
                    }
                    let due = self.circuit.order(now, end, order);
                    self.set(due);
                }
                Output::Event(event) => self.seen.push((now, end, Seen::Event(event))),
                Output::Page(received) => {
                    let stored = Input::Stored { page: received.number };
                    self.pages.push(received);
                    if let Some(storing) = self.storing {
                        self.driver.set(now + storing, Happening::Act(Act::Tell(end, stored)));
                    }
                }
                Output::Reserve(made) => {
                    let told = match (self.reserve)(end, &made) {
                        Ok(key) => Input::Reserved { made, key },
                        Err(why) => Input::NotReserved { made, why },
                    };
                    self.driver.set(now, Happening::Act(Act::Tell(end, told)));
                }
                Output::Identified(far) => {
                    let told = (self.decide)(end, &far);
                    self.driver.set(now, Happening::Act(Act::Tell(end, told)));
                }
                Output::Ended(report) => {
                    self.seen.push((now, end, Seen::Ended(report.clone())));
                    self.reports[end] = Some(report);
                }
            }
        }
        if let Some(at) = self.ends[end].deadline() {
            self.driver.set(at, Happening::Tick(end));
        }
    }
}

/// An end that never says anything, and hears nothing: nobody there.
pub struct Nobody;

impl Machine for Nobody {
    type Input = Input;
    type Output = Output;
    fn handle(&mut self, _: Instant, input: Input) -> Vec<Output> {
        match input {
            Input::Start => vec![Output::Ended(Report::default())],
            _ => vec![],
        }
    }
    fn tick(&mut self, _: Instant) -> Vec<Output> {
        vec![]
    }
    fn deadline(&self) -> Option<Instant> {
        None
    }
}

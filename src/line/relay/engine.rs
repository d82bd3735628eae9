//! The engine of a relay: two circuits, what is on them, and what may be read and written next. A value without I/O.
//!
//! Standards: none. A code lies on the near wire for its unit, is under way for the delay, and is handed over when it is whole; codes never
//! follow each other faster than the rate. In: bytes from the ends, word that bytes were written, commands. Out: [`Output`]s.
//! Left out: the ends (`end.rs`). What is in flight is bounded: an end is read again only when there is room. Shown by: `relay::engine::tests`.

use super::control::{Command, Way};
use crate::line::{Arrival, Circuit, Code, Fate, Noise, Profile, Symbol};
use crate::machine::Machine;
use crate::time::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// What the engine is told.
#[derive(Debug)]
pub enum Input {
    /// Bytes came in at the near end of a way, as one read allowed by [`Output::Read`].
    Bytes(Way, Vec<u8>),
    /// So many bytes of a way were taken by its far end (or were lost there).
    Wrote(Way, usize),
    /// A command; answered by [`Output::Answer`].
    Command(Command),
}

/// What it wants done.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// Hand bytes to the far end of a way; answer with [`Input::Wrote`].
    Write(Way, Vec<u8>),
    /// The near end of a way may be read once more, at most [`Engine::chunk`] bytes.
    Read(Way),
    /// A code entered a way whole at `at`.
    Log(Entry),
    /// The answer to a command, without its newline.
    Answer(String),
    /// The relay is to end.
    Stop,
}

/// One code in the log.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Entry {
    /// When it was whole at the near end.
    pub at: Instant,
    /// Which way it went.
    pub way: Way,
    /// As it was sent.
    pub code: Code,
    /// As it arrived, if it did.
    pub arrived: Option<Code>,
    /// What became of it.
    pub fate: Fate,
}

/// Planned faults a way keeps at most.
const PLANNED: usize = 10_000;

/// The two circuits of a relay.
#[derive(Debug)]
pub struct Engine {
    ways: [OneWay; 2],
    noise: Noise,
    unit: Duration,
}

#[derive(Debug)]
struct OneWay {
    way: Way,
    circuit: Circuit<Code>,
    /// Whether the delay counts (not at speed max).
    delayed: bool,
    /// Read and not yet on the wire, with the moment each came in.
    waiting: VecDeque<(Instant, Code)>,
    /// When the near wire is free.
    free_at: Instant,
    /// Under way.
    flying: VecDeque<Arrival<Code>>,
    /// When the far wire is free.
    far_free_at: Instant,
    /// The far end gets a code this long before it is whole (a UART shifts it out itself).
    lead: Duration,
    /// Handed over and not yet taken.
    unwritten: usize,
    /// Whether a read has been allowed and has not come.
    reading: bool,
    counts: [u64; 5],
}

impl Engine {
    /// An engine with both ways of one profile; `unit` is the time of a code, zero for no pacing and no delay.
    /// `leads`: how long before its end a code is handed to the far end of each way.
    pub fn new(profile: Profile, seed: u64, unit: Duration, leads: [Duration; 2]) -> Engine {
        let delayed = !unit.is_zero();
        let make = |way: Way, lead| OneWay {
            way,
            circuit: Circuit::new(shown(profile, delayed), seed, way as u8),
            delayed,
            waiting: VecDeque::new(),
            free_at: Instant::ZERO,
            flying: VecDeque::new(),
            far_free_at: Instant::ZERO,
            lead,
            unwritten: 0,
            reading: false,
            counts: [0; 5],
        };
        Engine { ways: [make(Way::AToB, leads[0]), make(Way::BToA, leads[1])], noise: Noise::Profile, unit }
    }

    /// How many bytes one read may bring.
    pub fn chunk(unit: Duration) -> usize {
        if unit.is_zero() { 4_096 } else { 16 }
    }

    /// Codes in the relay: read and not yet taken by the far end. At most [`Engine::bound`], whatever comes in.
    pub fn in_flight(&self) -> usize {
        self.ways.iter().map(|w| w.waiting.len() + w.flying.len() + w.unwritten).sum()
    }

    /// The most codes that can be in the relay: for each way a chunk waiting over a half-empty one, what the delay holds, what is being written,
    /// and one doubled.
    pub fn bound(&self) -> usize {
        let chunk = Engine::chunk(self.unit);
        self.ways.iter().map(|w| chunk * 2 + w.most_flying(self.unit) + w.most_unwritten(self.unit) + 2).sum()
    }

    fn command(&mut self, now: Instant, command: Command) -> Vec<Output> {
        let mut stop = false;
        let answer = match command {
            Command::Cut(time) => {
                self.each(|w| w.circuit.cut(now, time.map(|t| now + t)));
                time.map_or("ok cut until `restore`".to_owned(), |t| format!("ok cut for {} s", t.as_secs_f64()))
            }
            Command::Restore => {
                self.each(|w| w.circuit.restore(now));
                "ok restored".into()
            }
            Command::Noise(noise) => {
                self.noise = noise;
                self.each(|w| w.circuit.set_noise(noise));
                format!("ok noise {}", format!("{noise:?}").to_lowercase())
            }
            Command::Profile(profile) => {
                self.each(|w| w.circuit.set_profile(shown(profile, w.delayed)));
                format!("ok profile {}", profile.name)
            }
            Command::Plan { way, fate, nth } => self.plan(way, fate, nth),
            Command::Status => self.status(now),
            Command::Stop => {
                stop = true;
                "ok stopping".into()
            }
        };
        let mut out = vec![Output::Answer(answer)];
        out.extend(stop.then_some(Output::Stop));
        out
    }

    fn each(&mut self, mut what: impl FnMut(&mut OneWay)) {
        self.ways.iter_mut().for_each(&mut what);
    }

    fn plan(&mut self, way: Way, fate: Fate, nth: u64) -> String {
        let circuit = &mut self.ways[way as usize].circuit;
        if circuit.planned() >= PLANNED {
            return format!("error {PLANNED} faults are planned already: let some codes pass first");
        }
        let index = circuit.carried() + nth - 1;
        circuit.plan(index, fate);
        format!("ok {} of code {index} {}", format!("{fate:?}").to_lowercase(), way.name())
    }

    fn status(&self, now: Instant) -> String {
        let ways = self.ways.each_ref().map(|w| {
            let [ok, flip, drop, double, cut] = w.counts;
            let (name, on) = (w.way.name(), w.waiting.len() + w.flying.len() + w.unwritten);
            format!("{name} carried {} ok {ok} flip {flip} drop {drop} double {double} cut {cut} in-flight {on}", w.circuit.carried())
        });
        let circuit = &self.ways[0].circuit;
        let cut = if circuit.cuts_arrival(now + circuit.profile().delay, Duration::ZERO) { "yes" } else { "no" };
        let noise = format!("{:?}", self.noise).to_lowercase();
        format!("ok {}; {}; profile {} noise {noise} cut {cut}", ways[0], ways[1], circuit.profile().name)
    }
}

/// The profile as it is in force: at speed max there is no delay.
fn shown(profile: Profile, delayed: bool) -> Profile {
    if delayed { profile } else { Profile { delay: Duration::ZERO, ..profile } }
}

impl OneWay {
    /// Room for what the delay holds at full rate, and a little more.
    fn most_flying(&self, unit: Duration) -> usize {
        let held = self.circuit.profile().delay.as_micros().checked_div(unit.as_micros()).unwrap_or(0);
        Engine::chunk(unit) + usize::try_from(held).unwrap_or(0).min(10_000)
    }

    fn most_unwritten(&self, unit: Duration) -> usize {
        Engine::chunk(unit)
    }

    /// The slot on the near wire of the first code waiting. A code that came in at `at` was whole then: it lay on the wire before.
    fn slot(&self, unit: Duration) -> Option<Instant> {
        let (at, _) = self.waiting.front()?;
        Some(self.free_at.max(Instant(at.0.saturating_sub(unit.as_micros() as u64))))
    }

    fn room_to_fly(&self, unit: Duration) -> bool {
        self.flying.len() < self.most_flying(unit)
    }

    fn room_to_write(&self, unit: Duration) -> bool {
        self.unwritten < self.most_unwritten(unit)
    }

    /// When the first code under way is to be handed over.
    fn due(&self, unit: Duration) -> Option<Instant> {
        let first = self.flying.front()?;
        let lead = self.lead.as_micros() as u64;
        Some(Instant(first.at.0.saturating_sub(lead)).max(self.far_free_at)).filter(|_| self.room_to_write(unit))
    }

    fn deadline(&self, unit: Duration) -> Option<Instant> {
        let enters = self.slot(unit).filter(|_| self.room_to_fly(unit)).map(|start| start + unit);
        [enters, self.due(unit)].into_iter().flatten().min()
    }

    /// Lets one code enter the circuit.
    fn enter(&mut self, unit: Duration, start: Instant, out: &mut Vec<Output>) {
        let Some((_, code)) = self.waiting.pop_front() else { return };
        self.free_at = start + unit;
        let mut fate = Fate::Ok;
        let arrivals = self.circuit.carry_logged(start, unit, &[code], &mut |_, _, f| fate = f);
        self.counts[fate as usize] += 1;
        let arrived = arrivals.first().map(|a| a.symbol);
        self.flying.extend(arrivals);
        out.push(Output::Log(Entry { at: self.free_at, way: self.way, code, arrived, fate }));
    }

    /// All that is due by now: codes enter, codes are handed over, the near end may be read again.
    fn advance(&mut self, now: Instant, unit: Duration, out: &mut Vec<Output>) {
        while let Some(start) = self.slot(unit).filter(|s| *s + unit <= now && self.room_to_fly(unit)) {
            self.enter(unit, start, out);
        }
        let mut bytes = vec![];
        while self.due(unit).is_some_and(|due| due <= now) {
            let Some(arrival) = self.flying.pop_front() else { break };
            bytes.push(arrival.symbol.value());
            self.unwritten += 1;
            // Never faster than the rate; a hand-over that was late does not make the next one late too, unless they would touch.
            let due = Instant(arrival.at.0.saturating_sub(self.lead.as_micros() as u64)).max(self.far_free_at);
            let behind = unit * 2;
            self.far_free_at = due.max(Instant(now.0.saturating_sub(behind.as_micros() as u64))) + unit;
        }
        if !bytes.is_empty() {
            out.push(Output::Write(self.way, bytes));
        }
        if !self.reading && self.waiting.len() <= Engine::chunk(unit) / 2 {
            self.reading = true;
            out.push(Output::Read(self.way));
        }
    }
}

impl Machine for Engine {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Instant, input: Input) -> Vec<Output> {
        let mut out = match input {
            Input::Bytes(way, bytes) => {
                let w = &mut self.ways[way as usize];
                w.reading = false;
                w.waiting.extend(bytes.iter().map(|b| (now, Code::new(*b))));
                vec![]
            }
            Input::Wrote(way, n) => {
                let w = &mut self.ways[way as usize];
                w.unwritten = w.unwritten.saturating_sub(n);
                vec![]
            }
            Input::Command(command) => self.command(now, command),
        };
        out.extend(self.tick(now));
        out
    }

    fn tick(&mut self, now: Instant) -> Vec<Output> {
        let mut out = vec![];
        let unit = self.unit;
        for w in &mut self.ways {
            loop {
                let before = out.len();
                w.advance(now, unit, &mut out);
                if out.len() == before {
                    break;
                }
            }
        }
        out
    }

    fn deadline(&self) -> Option<Instant> {
        self.ways.iter().filter_map(|w| w.deadline(self.unit)).min()
    }
}

const _: () = assert!(Code::BITS == 5); // the log writes a code in two digits

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;

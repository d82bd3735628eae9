//! One print of a machine at a desk: when it begins, what stops it, what is reported.
//!
//! Standards: none; ours (`docs/machine-at-a-desk.md`). In: deliveries, call-offs, what came back on a half-duplex line. Out: lines of codes, reports.
//! Left out: what a message looks like (`slip`), whose turn it is in the queue (the router's). No `paper::Sheet` is kept of the machine:
//! nobody asks for one (the desk's file is made at filing, each slip begins on a new line, what was broken off is repeated whole), and it
//! would not be the paper's: a machine with a local copy also prints what never comes over its line. Shown by: `tests/it/desk.rs`.

use super::operator::Way;
use super::{Desk, OnLine, Timer};
use crate::line::Code;
use crate::message::Precedence;
use crate::router::{Delivery, Fault, Outcome, Reason, Receipt};
use crate::teletype::codes::{BLANK, CR, LF, LTRS};
use crate::teletype::slip::BROKEN;
use crate::teletype::terminal::Output;
use crate::time::Instant;
use std::time::Duration;

/// Codes typed into a print on a half-duplex line that break it off; shifts, blanks, CR and LF do not count.
const BREAK: usize = 10;
/// So often may the operator break off one message; then it prints to its end. Flash and above is not broken off.
const BREAKS: u32 = 2;
/// A message waits so long for whoever types, however busy; flash and above so long.
const LONGEST_HOLD: Duration = Duration::from_secs(30 * 60);
const LONGEST_URGENT_HOLD: Duration = Duration::from_secs(60);

/// A message in hand.
pub(super) struct Job {
    pub(super) delivery: Delivery,
    /// When it came.
    since: Instant,
    chunks: Vec<Vec<Code>>,
    /// The next chunk to go.
    next: usize,
    /// Codes gone before the chunk that is on the line.
    sent: usize,
    brake: Option<Why>,
    /// Codes that came and were not ours.
    typed: usize,
}

/// Why a print is broken off; the later outweighs the earlier.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Why {
    Operator,
    CalledOff,
    Stop,
}

impl Job {
    /// How far it got, `left` codes of the chunk on the line not counted.
    pub(super) fn place(&self, left: usize) -> String {
        let chunk = self.next.checked_sub(1).and_then(|n| self.chunks.get(n)).map_or(0, Vec::len);
        let of: usize = self.chunks.iter().map(Vec::len).sum();
        format!("after {} of {of} codes", self.sent + chunk - left.min(chunk))
    }
    fn urgent(&self) -> bool {
        self.delivery.message.envelope.precedence >= Precedence::Flash
    }
    /// Whether what is on the line, or after it, is the message's end: too late to break off.
    fn ending(&self) -> bool {
        self.next + 1 >= self.chunks.len()
    }
}

impl Desk {
    pub(super) fn deliver(&mut self, now: Instant, delivery: Delivery) {
        let why = self.down().map(|why| Reason::new(Fault::Line, why));
        let why = why.or_else(|| self.stopping.then(|| Reason::new(Fault::Us, "the station is stopping")));
        if let Some(why) = why {
            return self.report(delivery.number, Outcome::NotBegun(why));
        }
        let mut chunks = self.config.hand.message(&delivery.message, delivery.again, self.config.bell);
        if self.config.here_is {
            chunks.splice(0..0, self.config.answerback.clone());
        }
        self.waiting.push_back(Job { delivery, since: now, chunks, next: 0, sent: 0, brake: None, typed: 0 });
    }

    pub(super) fn call_off(&mut self, number: u64) {
        if self.job.as_ref().is_some_and(|job| job.delivery.number == number) {
            return self.brake(Why::CalledOff);
        }
        let waits = self.waiting.iter().position(|job| job.delivery.number == number);
        if waits.and_then(|at| self.waiting.remove(at)).is_some() {
            let reason = Reason::new(Fault::Peer, "called off before it was begun");
            self.report(number, Outcome::NotBegun(reason));
        }
    }

    /// Begins the next message, unless the operator is at the keys; whether something is on the line now, or will be at once.
    pub(super) fn begin_next(&mut self, now: Instant) -> bool {
        let Some(job) = self.waiting.front() else { return false };
        let envelope = &job.delivery.message.envelope;
        let longest = job.since + if job.urgent() { LONGEST_URGENT_HOLD } else { LONGEST_HOLD };
        let held = self.typist.holds(envelope.precedence).map(|until| until.min(longest)).filter(|until| *until > now);
        if let Some(until) = held {
            self.timers.arm(Timer::Held, until);
            return false;
        }
        let stranger = self.stranger(&envelope.from.station).then(|| envelope.from.station.clone());
        if !self.power(now) {
            return true;
        }
        let Some(job) = self.waiting.pop_front() else { return false };
        if let Some(station) = stranger.filter(|_| !self.strangers[Way::Printed as usize].takes(now, self.config.quota)) {
            let most = self.config.quota;
            let text = format!("no route names {station}, and the machine prints {most} messages an hour of such stations (`quota`)");
            self.report(job.delivery.number, Outcome::NotBegun(Reason::new(Fault::Peer, text)));
            return self.begin_next(now);
        }
        self.job = Some(job);
        self.echoed.clear();
        self.next_chunk(now);
        true
    }

    pub(super) fn next_chunk(&mut self, now: Instant) {
        let Some(job) = &mut self.job else { return };
        let chunk = job.chunks.get(job.next).cloned().unwrap_or_default();
        job.next += 1;
        self.send(now, chunk, OnLine::Chunk);
    }

    pub(super) fn chunk_sent(&mut self) {
        let Some(job) = &mut self.job else { return };
        job.sent += job.chunks[job.next - 1].len();
        if job.next < job.chunks.len() {
            return;
        }
        let (number, id) = (job.delivery.number, job.delivery.message.identity.clone());
        let text = format!("printed, {} codes", job.sent);
        self.breaks.remove(&id);
        self.job = None;
        self.report(number, Outcome::Delivered(Receipt { station: self.config.station.clone(), before: false, text }));
        self.say_open();
    }

    /// After a print the operator is told where he was.
    fn say_open(&mut self) {
        if let Some(to) = self.typist.open().filter(|_| !self.stopping) {
            self.say(&format!("go on: your message to {to} is open"));
        }
    }

    /// Stops the print at the next character, unless it is as good as done.
    pub(super) fn brake(&mut self, why: Why) {
        let Some(job) = &mut self.job else { return };
        match self.on_line {
            OnLine::Chunk if !job.ending() => {
                job.brake = Some(why);
                self.on_line = OnLine::Braking;
                self.out.push(Output::Halt);
            }
            OnLine::Braking => job.brake = job.brake.max(Some(why)),
            // It is at its end, or broken off already: what was asked for comes by itself.
            OnLine::Chunk | OnLine::Nothing | OnLine::Answer | OnLine::Broken => {}
        }
    }

    pub(super) fn halted(&mut self, now: Instant, left: usize) {
        let Some(job) = self.job.as_mut().filter(|_| self.on_line == OnLine::Braking) else { return };
        let chunk = job.chunks[job.next - 1].len();
        let gone = chunk - left.min(chunk);
        job.sent += gone;
        job.next = 0; // nothing of it is on the line any more
        let id = job.delivery.message.identity.heading();
        let again = format!("{id} WILL BE REPEATED WHOLE");
        let lines = match job.brake {
            Some(Why::Stop) => vec![BROKEN.to_owned()], // the station waits for no more than this
            Some(Why::CalledOff) | None => vec![format!("{BROKEN} BROKEN OFF FOR MORE URGENT TRAFFIC"), again],
            Some(Why::Operator) => vec![format!("{BROKEN} BROKEN OFF BY THE OPERATOR"), again],
        };
        let kept = self.returning.len() - left.min(self.returning.len());
        self.returning.truncate(kept);
        let codes = self.config.hand.say(&lines);
        self.send(now, codes, OnLine::Broken);
    }

    pub(super) fn broken_off(&mut self) {
        let Some(job) = self.job.take() else { return };
        let at = job.place(0);
        let outcome = match job.brake {
            Some(Why::Operator) => {
                if self.breaks.len() >= 64 {
                    self.breaks.pop_first();
                }
                *self.breaks.entry(job.delivery.message.identity.clone()).or_default() += 1;
                Outcome::Deferred(Reason::new(Fault::Peer, format!("broken off by the operator {at}")))
            }
            Some(Why::Stop) => Outcome::Deferred(Reason::new(Fault::Us, format!("the station stopped {at}"))),
            Some(Why::CalledOff) | None => Outcome::CalledOff { at },
        };
        self.report(job.delivery.number, outcome);
        self.say_open();
    }

    /// On a half-duplex line: whether a code is what we sent, come back, or is lost in what we print.
    pub(super) fn came_back(&mut self, code: Code) -> bool {
        match (self.returning.front(), &mut self.job) {
            (Some(sent), _) if *sent == code => {
                self.returning.pop_front();
                true
            }
            (Some(_), Some(job)) => {
                self.returning.pop_front(); // the two fell on each other
                if ![BLANK, LTRS, CR, LF].contains(&code) {
                    job.typed += 1;
                }
                let often = self.breaks.get(&job.delivery.message.identity).is_some_and(|n| *n >= BREAKS);
                if job.typed >= BREAK && !job.urgent() && !often {
                    self.brake(Why::Operator);
                }
                true
            }
            (_, None) => {
                self.returning.clear(); // what has not come back by now never will
                false
            }
            (None, Some(_)) => true,
        }
    }
}

//! The terminal's outgoing half: call up, send, wait for the receipt.
//!
//! Standard: ours (`docs/procedure.md`). In: deliveries, call-offs, answers of the far end, timers.
//! Out: call-ups, message chunks, the cut sequence, one report for each delivery.
//! Left out: what follows from a report (the router's). Shown by: `fixtures/dialogues`, `tests/it/procedure.rs`.

use super::service::{Claim, Line, Place, Stamp, Why};
use super::terminal::{OnLine, Output, Terminal, Timer};
use super::timing::{CALLS, TRANSMISSIONS};
use super::wire::{self, Wire};
use crate::faults::{self, KillPoint, kill_point, kill_point_once_sent};
use crate::message::Name;
use crate::router::event::Direction;
use crate::router::{Delivery, Fault, Outcome, Reason, Receipt};
use crate::time::Instant;

/// A delivery in hand.
#[derive(Debug)]
pub(super) struct Job {
    delivery: Delivery,
    /// Its codes, once the far end's name is known.
    wire: Option<Wire>,
    /// How many codes it has.
    codes: usize,
    /// How often it was begun.
    transmissions: u32,
    /// The last answer that made it be sent again.
    said: String,
}

/// Where the outgoing half stands.
#[derive(Debug)]
pub(super) enum Sending {
    /// Nothing to deliver.
    Idle,
    /// Call-up `no` is on its way or out; no ready answer yet.
    Calling { job: Job, no: u32, tries: u32 },
    /// The far end is ready; chunk `next` is the next to go.
    Transmitting { job: Job, no: u32, next: usize, brake: Option<After> },
    /// All of it is out.
    Awaiting { job: Job, no: u32, called_off: bool },
}

/// What follows once a message being sent has been stopped.
#[derive(Debug)]
pub(super) enum After {
    /// The router called it off.
    CalledOff,
    /// The far end did not receive it: again.
    Again,
    /// This ends it.
    End(Outcome),
    /// The station stops.
    Stop,
}

impl After {
    /// Which of two wins.
    fn weight(&self) -> u8 {
        match self {
            After::Again => 0,
            After::CalledOff => 1,
            After::Stop => 2,
            After::End(_) => 3,
        }
    }
}

impl Sending {
    fn job(&self) -> Option<&Job> {
        match self {
            Sending::Idle => None,
            Sending::Calling { job, .. } | Sending::Transmitting { job, .. } | Sending::Awaiting { job, .. } => Some(job),
        }
    }
}

impl Terminal {
    pub(super) fn deliver(&mut self, delivery: Delivery) {
        let reason = match &self.lost {
            Some(why) => Some(Reason::new(Fault::Line, format!("the line to {} is gone: {why}", self.peer_name()))),
            None if self.stopping => Some(Reason::new(Fault::Us, "the station is stopping")),
            None => None,
        };
        match reason {
            Some(reason) => self.push(Output::Report { delivery: delivery.number, outcome: Outcome::Deferred(reason) }),
            None => {
                self.waiting.push_back(delivery);
                self.next_delivery();
            }
        }
    }

    fn next_delivery(&mut self) {
        while matches!(self.sending, Sending::Idle) {
            let Some(delivery) = self.waiting.pop_front() else { return };
            // Tried here with any name for the far end, so that what has no code is refused before a call-up.
            match wire::compose(&delivery, &self.config.station, &self.config.station, self.config.send, self.config.unshift) {
                Ok(wire) => self.call(Job { delivery, codes: wire.codes.len(), wire: None, transmissions: 0, said: String::new() }, 1),
                Err(why) => {
                    let outcome = Outcome::Refused(Reason::new(Fault::Us, why));
                    self.push(Output::Report { delivery: delivery.number, outcome });
                }
            }
        }
    }

    /// Puts a new call-up in the queue.
    fn call(&mut self, job: Job, tries: u32) {
        self.wait_no_more();
        let no = self.next_call;
        self.next_call = if no >= 999_999_999 { 1 } else { no + 1 };
        self.lines.retain(|l| !matches!(l, Line::Call { .. }));
        self.say(Line::Call { to: self.peer().cloned(), from: self.config.station.clone(), no, code: self.config.send, key: None });
        self.sending = Sending::Calling { job, no, tries };
    }
    /// What the call-up that is about to go out says of key.
    pub(super) fn claim_for_call(&mut self) -> Result<Option<Claim>, String> {
        let need = self.sending.job().map_or(0, |job| (job.codes + wire::CUT.len()) as u64);
        self.claim(need)
    }
    /// There is no key for the delivery in hand: it ends, and whoever hangs a tape is looked for.
    pub(super) fn key_is_short(&mut self, why: String) {
        self.push(Output::Rescan);
        self.trouble(why.clone());
        match std::mem::replace(&mut self.sending, Sending::Idle) {
            Sending::Calling { job, .. } => self.end(job, Outcome::Deferred(Reason::new(Fault::Us, why))),
            other @ (Sending::Idle | Sending::Transmitting { .. } | Sending::Awaiting { .. }) => self.sending = other,
        }
    }
    pub(super) fn call_sent(&mut self, now: Instant, sent: u32) {
        match &self.sending {
            Sending::Calling { no, .. } if *no == sent => self.wait(now, Timer::Ready),
            Sending::Idle | Sending::Calling { .. } | Sending::Transmitting { .. } | Sending::Awaiting { .. } => {} // answered or called off meanwhile
        }
    }
    pub(super) fn no_ready(&mut self) {
        match std::mem::replace(&mut self.sending, Sending::Idle) {
            Sending::Calling { job, tries, .. } if tries < CALLS => self.call(job, tries + 1),
            Sending::Calling { job, .. } => {
                let reason = format!("while waiting for READY from {}: no answer to {CALLS} call-ups", self.peer_name());
                self.line_down(reason.clone());
                self.end(job, Outcome::Deferred(Reason::new(Fault::Line, reason)));
            }
            other @ (Sending::Idle | Sending::Transmitting { .. } | Sending::Awaiting { .. }) => self.sending = other, // the timer was stopped
        }
    }

    pub(super) fn on_ready(&mut self, to: Name, from: Name, no: u32, key: Option<Place>) {
        let ours = to == self.config.station && self.is_peer(&from);
        match std::mem::replace(&mut self.sending, Sending::Idle) {
            Sending::Calling { mut job, no: called, tries } if ours && called == no => {
                self.wait_no_more();
                self.lines.retain(|l| !matches!(l, Line::Call { .. }));
                self.line_up(from.clone());
                match self.start_from(key, (job.codes + wire::CUT.len()) as u64) {
                    Ok(true) => {}
                    Ok(false) if tries < CALLS => return self.call(job, tries + 1),
                    Ok(false) => {
                        return self
                            .end(job, Outcome::Deferred(Reason::new(Fault::Us, "the key tapes here and there do not agree on a place")));
                    }
                    Err(why) => {
                        self.trouble(why.clone());
                        return self.end(job, Outcome::Deferred(Reason::new(Fault::Line, why)));
                    }
                }
                job.transmissions += 1;
                self.remember_or_reuse_key(job.transmissions);
                let composed = || wire::compose(&job.delivery, &self.config.station, &from, self.config.send, self.config.unshift);
                match job.wire.take().map_or_else(composed, Ok) {
                    Ok(wire) => job.wire = Some(wire),
                    Err(why) => return self.end(job, Outcome::Refused(Reason::new(Fault::Us, why))),
                }
                if let Some(wire) = job.wire.as_ref().filter(|_| job.transmissions == 1) {
                    let (id, codes) = (job.delivery.message.identity.clone(), wire.codes.clone());
                    self.push(Output::Tape { dir: Direction::Out, id, codes });
                }
                self.sending = Sending::Transmitting { job, no, next: 0, brake: None };
            }
            other => {
                self.sending = other;
                self.ignored(format!("`{} DE {} READY {no}` answers no call-up of ours that waits", to.upper(), from.upper()));
            }
        }
    }

    pub(super) fn on_not_ready(&mut self, to: Name, from: Name, no: u32, reason: String) {
        let ours = to == self.config.station && self.is_peer(&from);
        match std::mem::replace(&mut self.sending, Sending::Idle) {
            Sending::Calling { job, no: called, .. } if ours && called == no => {
                let text = format!("{} is not ready: {reason}", from.upper());
                self.line_up(from);
                self.end(job, Outcome::Deferred(Reason::new(Fault::Line, text)));
            }
            other => {
                self.sending = other;
                self.ignored(format!("`{} DE {} NOT READY {no}` answers no call-up of ours that waits", to.upper(), from.upper()));
            }
        }
    }

    /// Whether a message of ours is open on the line: nothing else may go out.
    pub(super) fn in_mid_message(&self) -> bool {
        matches!(self.sending, Sending::Transmitting { next: 1.., .. })
    }
    /// Whether codes of a message of ours are going out, or will before anything else.
    pub(super) fn mid_cipher(&self) -> bool {
        self.in_mid_message() || matches!(self.on_line, OnLine::Chunk(_) | OnLine::Braking | OnLine::Cut)
    }
    /// Whether a message of ours is being sent, or is about to be.
    pub(super) fn transmits(&self) -> bool {
        matches!(self.sending, Sending::Transmitting { .. })
    }
    pub(super) fn send_chunk(&mut self, now: Instant) {
        let Sending::Transmitting { job, next, .. } = &mut self.sending else { return };
        let Some(wire) = &job.wire else { return };
        let from = if *next == 0 { 0 } else { wire.ends[*next - 1] };
        let Some(to) = wire.ends.get(*next) else { return };
        let codes = wire.codes[from..*to].to_vec();
        let (rest, begins) = (wire.codes.len() - to, *next == 0);
        let announced = if begins { wire.codes.len() + wire::CUT.len() } else { 0 };
        if begins && !self.suffices(announced as u64) {
            self.brake(now, After::Again); // an answer of ours took key in between
            return self.pump(now);
        }
        if !self.chunk_covered(codes.len(), rest) {
            return; // until its key is reserved
        }
        let Sending::Transmitting { next, .. } = &mut self.sending else { return };
        self.on_line = OnLine::Chunk(*next);
        *next += 1;
        self.send_cipher(now, &codes, announced, None);
        self.copy(&codes, begins);
    }
    pub(super) fn chunk_sent(&mut self, now: Instant, number: usize) {
        let chunks = self.sending.job().and_then(|j| j.wire.as_ref()).map_or(0, |w| w.ends.len());
        if number == chunks / 2 {
            kill_point_once_sent(KillPoint::MidText);
        }
        if number + 1 == chunks {
            kill_point_once_sent(KillPoint::AfterEnd);
            self.all_sent(now, false);
        }
    }
    fn all_sent(&mut self, now: Instant, called_off: bool) {
        match std::mem::replace(&mut self.sending, Sending::Idle) {
            Sending::Transmitting { job, no, .. } => {
                if !(faults::planted(faults::Fault::TimerNotRearmed) && job.transmissions > 1) {
                    self.wait(now, Timer::Receipt);
                }
                self.sending = Sending::Awaiting { job, no, called_off };
            }
            other @ (Sending::Idle | Sending::Calling { .. } | Sending::Awaiting { .. }) => self.sending = other,
        }
    }

    pub(super) fn on_received(&mut self, now: Instant, before: bool, stamp: Stamp, text: String) {
        let late = faults::planted(faults::Fault::LateReceiptTaken) && matches!(self.sending, Sending::Awaiting { .. });
        if late || self.is_for_us(&stamp) {
            let station = self.peer().unwrap_or(&self.config.station).clone();
            self.finish(now, Outcome::Delivered(Receipt { station, before, text }));
        } else {
            self.ignored(format!("`{text}` fits nothing that waits for a receipt"));
        }
    }
    pub(super) fn on_refused(&mut self, now: Instant, stamp: Stamp, reason: String, text: String) {
        if self.is_for_us(&stamp) {
            let text = format!("{} refused it: {reason}", self.peer_name());
            self.finish(now, Outcome::Refused(Reason::new(Fault::Peer, text)));
        } else {
            self.ignored(format!("`{text}` fits nothing that was sent"));
        }
    }
    /// Whether identity, count and check group are those of the delivery in hand, once sent.
    fn is_for_us(&self, stamp: &Stamp) -> bool {
        let wire = self.sending.job().filter(|j| j.transmissions > 0).and_then(|j| j.wire.as_ref());
        wire.is_some_and(|w| w.stamp.text() == stamp.text())
    }
    pub(super) fn on_not_received(&mut self, now: Instant, answered: u32, why: Option<Why>) {
        let current = match &mut self.sending {
            Sending::Transmitting { job, no, .. } | Sending::Awaiting { job, no, .. } if *no == answered => Some(job),
            Sending::Idle | Sending::Calling { .. } | Sending::Transmitting { .. } | Sending::Awaiting { .. } => None,
        };
        let Some(job) = current else {
            return self.ignored(format!("`NOT RECEIVED {answered}` is about nothing that was sent last"));
        };
        job.said = why.map_or("NOT RECEIVED".into(), |w| format!("NOT RECEIVED {}", w.word()));
        if why == Some(Why::Busy) {
            let text = format!("{} cannot file now", self.peer_name());
            return self.finish(now, Outcome::Deferred(Reason::new(Fault::Peer, text)));
        }
        if why == Some(Why::Key) {
            let text = format!("{} has no key left for it", self.peer_name());
            return self.finish(now, Outcome::Deferred(Reason::new(Fault::Line, text)));
        }
        match std::mem::replace(&mut self.sending, Sending::Idle) {
            Sending::Awaiting { job, called_off, .. } => self.again(job, called_off),
            other => {
                self.sending = other;
                self.brake(now, After::Again);
            }
        }
    }
    pub(super) fn no_receipt(&mut self) {
        match std::mem::replace(&mut self.sending, Sending::Idle) {
            Sending::Awaiting { mut job, called_off, .. } => {
                job.said = "no receipt".into();
                self.again(job, called_off);
            }
            other @ (Sending::Idle | Sending::Calling { .. } | Sending::Transmitting { .. }) => self.sending = other, // the timer was stopped
        }
    }
    /// Sends once more, unless it was called off or has been sent often enough.
    fn again(&mut self, job: Job, called_off: bool) {
        if called_off {
            let at = format!("after all of {} codes, no receipt", job.wire.as_ref().map_or(0, |w| w.codes.len()));
            self.end(job, Outcome::CalledOff { at });
        } else if job.transmissions >= TRANSMISSIONS {
            let (peer, said) = (self.peer_name(), job.said.clone());
            let text =
                format!("while waiting for the receipt from {peer}: {TRANSMISSIONS} transmissions, none received in full (last: {said})");
            self.end(job, Outcome::Deferred(Reason::new(Fault::Line, text)));
        } else {
            self.call(job, 1);
        }
    }

    pub(super) fn call_off(&mut self, now: Instant, number: u64) {
        if let Some(at) = self.waiting.iter().position(|d| d.number == number) {
            self.waiting.remove(at);
            let outcome = Outcome::CalledOff { at: "before its call-up".into() };
            return self.push(Output::Report { delivery: number, outcome });
        }
        if self.sending.job().is_none_or(|j| j.delivery.number != number) {
            return; // it ended meanwhile; its report crosses this
        }
        match std::mem::replace(&mut self.sending, Sending::Idle) {
            Sending::Calling { job, .. } => self.end(job, Outcome::CalledOff { at: "before the heading".into() }),
            // All of it is out: the receipt, or the want of it, decides.
            Sending::Awaiting { job, no, .. } => self.sending = Sending::Awaiting { job, no, called_off: true },
            other @ (Sending::Idle | Sending::Transmitting { .. }) => {
                self.sending = other;
                self.brake(now, After::CalledOff);
            }
        }
    }

    /// Ends the delivery in hand, stopping it first if it is on the line.
    pub(super) fn finish(&mut self, now: Instant, outcome: Outcome) {
        match std::mem::replace(&mut self.sending, Sending::Idle) {
            Sending::Calling { job, .. } | Sending::Awaiting { job, .. } => self.end(job, outcome),
            other @ (Sending::Idle | Sending::Transmitting { .. }) => {
                self.sending = other;
                self.brake(now, After::End(outcome));
            }
        }
    }
    /// Stops the message that is being sent: its current code goes out, then the cut sequence.
    fn brake(&mut self, now: Instant, after: After) {
        let Sending::Transmitting { next, brake, .. } = &mut self.sending else { return };
        if let Some(before) = brake {
            // A receipt that crosses a call-off wins; a stop does not wait for what else was meant to follow.
            if after.weight() > before.weight() {
                *brake = Some(after);
            }
            return;
        }
        *brake = Some(after);
        if *next == 0 {
            self.braked(now, None);
        } else if matches!(self.on_line, OnLine::Nothing) {
            self.braked(now, Some(0)); // the next chunk waits for its key
        } else {
            self.on_line = OnLine::Braking;
            self.push(Output::Halt);
        }
    }
    pub(super) fn halted(&mut self, now: Instant, left: usize) {
        if matches!(self.on_line, OnLine::Braking) {
            self.on_line = OnLine::Nothing;
            self.unmix(left);
            self.braked(now, Some(left));
        }
    }
    /// The line stands still. `left`: codes of the last chunk that did not go out; `None` if nothing had been sent.
    fn braked(&mut self, now: Instant, left: Option<usize>) {
        let Sending::Transmitting { job, no: _, next, brake } = &mut self.sending else { return };
        let Some(after) = brake.take() else { return };
        let (sent, of) = match (left, &job.wire) {
            (Some(left), Some(wire)) => (wire.ends[next.saturating_sub(1)].saturating_sub(left), wire.codes.len()),
            (_, wire) => (0, wire.as_ref().map_or(0, |w| w.codes.len())),
        };
        let whole = of > 0 && sent == of;
        if whole && matches!(after, After::CalledOff) {
            return self.all_sent(now, true);
        }
        if sent > 0 && !whole && self.cut_covered() {
            self.on_line = OnLine::Cut;
            self.send_cipher(now, &wire::CUT, 0, None);
        }
        let Sending::Transmitting { job, .. } = std::mem::replace(&mut self.sending, Sending::Idle) else { return };
        match after {
            After::CalledOff => self.end(job, Outcome::CalledOff { at: format!("after {sent} of {of} codes") }),
            After::Again => self.again(job, false),
            After::End(outcome) => self.end(job, outcome),
            After::Stop => {
                let reason = Reason::new(Fault::Us, format!("the station stopped after {sent} of {of} codes"));
                self.end(job, Outcome::Deferred(reason));
            }
        }
        self.stop_if_asked();
    }

    /// Reports a delivery's end and takes the next.
    fn end(&mut self, job: Job, outcome: Outcome) {
        self.wait_no_more();
        self.lines.retain(|l| !matches!(l, Line::Call { .. }));
        if matches!(outcome, Outcome::Delivered(_)) {
            kill_point(KillPoint::ReceiptReceived);
        }
        self.sending = Sending::Idle;
        self.push(Output::Report { delivery: job.delivery.number, outcome });
        self.next_delivery();
    }
    /// Everything in hand or waiting ends with `reason`.
    pub(super) fn fail_all(&mut self, reason: &Reason) {
        let sending = std::mem::replace(&mut self.sending, Sending::Idle);
        let numbers: Vec<u64> =
            sending.job().map(|j| j.delivery.number).into_iter().chain(self.waiting.drain(..).map(|d| d.number)).collect();
        for delivery in numbers {
            self.push(Output::Report { delivery, outcome: Outcome::Deferred(reason.clone()) });
        }
    }
    /// The station stops: a message on the line is cut, all else ends at once.
    pub(super) fn stop_sending(&mut self, now: Instant) {
        let reason = Reason::new(Fault::Us, "the station is stopping");
        for delivery in std::mem::take(&mut self.waiting) {
            self.push(Output::Report { delivery: delivery.number, outcome: Outcome::Deferred(reason.clone()) });
        }
        if matches!(self.sending, Sending::Transmitting { .. }) {
            self.brake(now, After::Stop);
        } else {
            self.wait_no_more();
            self.fail_all(&reason);
        }
    }
}

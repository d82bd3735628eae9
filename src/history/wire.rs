//! A circuit of a world, both ways: bursts of codes on their way, with their errors already drawn.
//!
//! Standards: none. In: codes sent, the time. Out: when they have gone and when they arrive; fewer, if they are stopped or cut.
//! Left out: who sends them (`world`). Shown by: `tests/it/world.rs`.

use super::world::End;
use crate::line::{Arrival, Circuit, Code, Profile};
use crate::time::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// A circuit, both ways, and what is on its way in it.
pub(super) struct Wire {
    pub ends: [End; 2],
    pub ways: [Way; 2],
}

pub(super) struct Way {
    pub circuit: Circuit<Code>,
    pub delay: Duration,
    pub free_at: Instant,
    /// What is being sent (the last) and what is still on its way.
    pub flights: VecDeque<Flight>,
    pub counted: u64,
    /// When the last flight arrives: none after it comes before, though the way may have become shorter.
    arrives_at: Instant,
    /// What has been sent so far, where that is recorded.
    pub recorded: Option<Vec<Code>>,
}

pub(super) struct Flight {
    pub number: u64,
    pub start: Instant,
    pub unit: Duration,
    pub codes: usize,
    pub halted: bool,
    pub arrivals: Vec<Arrival<Code>>,
}

impl Wire {
    /// A circuit between two ends, each way with errors of its own.
    pub fn new(ends: [End; 2], profile: &Profile, seed: u64) -> Wire {
        let way = |direction| Way {
            delay: profile.delay,
            circuit: Circuit::new(*profile, seed, direction),
            free_at: Instant::ZERO,
            flights: VecDeque::new(),
            counted: 0,
            arrives_at: Instant::ZERO,
            recorded: None,
        };
        Wire { ends, ways: [way(0), way(1)] }
    }
}

impl Way {
    /// Sends codes after what is being sent; returns the flight's number, when its last code has gone, and when it has arrived.
    pub fn send(&mut self, now: Instant, unit: Duration, codes: &[Code]) -> (u64, Instant, Instant) {
        let start = now.max(self.free_at);
        let arrivals = self.circuit.carry(start, unit, codes);
        let gone = start + unit * codes.len() as u32;
        self.free_at = gone;
        self.counted += 1;
        if let Some(recorded) = &mut self.recorded {
            recorded.extend(codes);
        }
        let last = arrivals.last().map_or(gone + self.delay, |a| a.at).max(gone).max(self.arrives_at);
        self.arrives_at = last;
        self.flights.push_back(Flight { number: self.counted, start, unit, codes: codes.len(), halted: false, arrivals });
        (self.counted, gone, last)
    }

    /// Goes by another path from now on; what is on its way is lost.
    pub fn become_another(&mut self, now: Instant, profile: Profile) {
        self.delay = profile.delay;
        self.circuit.set_profile(profile);
        self.flights.iter_mut().for_each(|f| f.arrivals.retain(|a| a.at <= now));
    }

    /// Takes a flight that has arrived: its codes.
    pub fn take(&mut self, flight: u64) -> Option<Vec<Code>> {
        let at = self.flights.iter().position(|f| f.number == flight)?;
        Some(self.flights.remove(at)?.arrivals.iter().map(|a| a.symbol).collect())
    }

    /// Stops what is being sent after the code of this moment; returns how many codes were not sent.
    pub fn stop_after(&mut self, now: Instant) -> usize {
        let Some(flight) = self.flights.back_mut().filter(|f| f.start + f.unit * f.codes as u32 > now) else { return 0 };
        let unit = flight.unit.as_micros().max(1) as u64;
        let begun = (now.since(flight.start).as_micros() as u64).div_ceil(unit) as usize;
        let sent = begun.min(flight.codes);
        let gone = flight.start + flight.unit * sent as u32;
        let last = gone + self.delay;
        flight.arrivals.retain(|a| a.at <= last);
        let left = flight.codes - sent;
        if let Some(recorded) = &mut self.recorded {
            recorded.truncate(recorded.len().saturating_sub(left));
        }
        flight.codes = sent;
        flight.halted = true;
        self.free_at = gone.max(now);
        left
    }
}

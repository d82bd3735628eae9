//! The circuits of a world in memory: codes put on a wire, on their way, and arriving.
//!
//! Standards: none. In: codes a terminal sends. Out: codes at the far end's terminal, in one burst, with their errors drawn.
//! Left out: what a circuit does to a code (`line::circuit`). Shown by: `tests/it/world.rs`.

use super::{End, Happening, World};
use crate::line::symbol::Code;
use crate::line::{Arrival, Circuit};
use crate::teletype;
use crate::time::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// A circuit, both ways, and what is on its way in it.
pub(super) struct Wire {
    pub(super) ends: [End; 2],
    pub(super) ways: [Way; 2],
}

pub(super) struct Way {
    pub(super) circuit: Circuit<Code>,
    pub(super) delay: Duration,
    pub(super) free_at: Instant,
    /// What is being sent (the last) and what is still on its way.
    pub(super) flights: VecDeque<Flight>,
    pub(super) counted: u64,
}

pub(super) struct Flight {
    pub(super) number: u64,
    pub(super) start: Instant,
    pub(super) unit: Duration,
    pub(super) codes: usize,
    pub(super) halted: bool,
    pub(super) arrivals: Vec<Arrival<Code>>,
}

impl World {
    pub(super) fn wire_of(&mut self, end: &End) -> Option<(String, usize)> {
        self.circuits.iter().find_map(|(name, w)| w.ends.iter().position(|e| e == end).map(|i| (name.clone(), i)))
    }

    pub(super) fn transmit(&mut self, end: &End, codes: &[Code]) {
        let now = self.now();
        let Some((circuit, i)) = self.wire_of(end) else { return };
        let Some(node) = self.stations.get(&end.0) else { return };
        let (life, unit) = (node.life, node.terminals[&end.1].code_time);
        let Some(wire) = self.circuits.get_mut(&circuit) else { return };
        let way = &mut wire.ways[i];
        let start = now.max(way.free_at);
        let arrivals = way.circuit.carry(start, unit, codes);
        let gone = start + unit * codes.len() as u32;
        way.free_at = gone;
        way.counted += 1;
        let flight = way.counted;
        let last = arrivals.last().map_or(gone + way.delay, |a| a.at).max(gone);
        way.flights.push_back(Flight { number: flight, start, unit, codes: codes.len(), halted: false, arrivals });
        self.driver.set(gone, Happening::Gone { from: end.clone(), life, circuit: circuit.clone(), way: i, flight });
        self.driver.set(last, Happening::Arrived { circuit, way: i, flight });
    }

    pub(super) fn arrived(&mut self, circuit: &str, way: usize, flight: u64) {
        let Some(wire) = self.circuits.get_mut(circuit) else { return };
        let to = wire.ends[1 - way].clone();
        let flights = &mut wire.ways[way].flights;
        let Some(flight) = flights.iter().position(|f| f.number == flight).and_then(|at| flights.remove(at)) else { return };
        let codes: Vec<Code> = flight.arrivals.iter().map(|a| a.symbol).collect();
        if !codes.is_empty() {
            self.tell_port(&to, teletype::Input::Received(codes));
        }
    }

    pub(super) fn halt(&mut self, end: &End) {
        let now = self.now();
        let Some((circuit, i)) = self.wire_of(end) else { return };
        let left = self.circuits.get_mut(&circuit).map_or(0, |w| w.ways[i].stop_after(now));
        self.tell_port(end, teletype::Input::Halted { left });
    }
}

impl Way {
    /// Stops what is being sent after the code of this moment; returns how many codes were not sent.
    pub(super) fn stop_after(&mut self, now: Instant) -> usize {
        let Some(flight) = self.flights.back_mut().filter(|f| f.start + f.unit * f.codes as u32 > now) else { return 0 };
        let unit = flight.unit.as_micros().max(1) as u64;
        let begun = (now.since(flight.start).as_micros() as u64).div_ceil(unit) as usize;
        let sent = begun.min(flight.codes);
        let gone = flight.start + flight.unit * sent as u32;
        let last = gone + self.delay;
        flight.arrivals.retain(|a| a.at <= last);
        let left = flight.codes - sent;
        flight.codes = sent;
        flight.halted = true;
        self.free_at = gone.max(now);
        left
    }
}

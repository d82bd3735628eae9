//! Machines at the desks of a world: their paper, what is typed on them, and codes that take their time.
//!
//! Standards: none. In: codes that a machine is to print; codes that a test types. Out: the paper, all that was printed.
//! Left out: lines with noise (a machine stands in the same room), `Became` (the hub's, live). Shown by: `tests/it/desk.rs`.

use super::{End, Happening, World};
use crate::line::symbol::Code;
use crate::teletype;
use crate::time::Instant;
use std::time::Duration;

/// What a machine has printed, and what it prints.
#[derive(Default)]
pub(super) struct Paper {
    printed: Vec<Code>,
    going: Option<Going>,
    flights: u64,
}

struct Going {
    start: Instant,
    codes: Vec<Code>,
}

impl World {
    /// All codes that a machine has printed, whole or cut off by a kill.
    pub fn paper(&self, end: &End) -> &[Code] {
        self.papers.get(end).map_or(&[], |paper| &paper.printed)
    }
    /// Somebody types on a machine: these codes come at once (for as many as a line holds).
    pub fn type_at(&mut self, end: &End, codes: Vec<Code>) {
        self.tell_port(end, teletype::Input::Received(codes));
    }

    /// If that port is a machine, it is switched on.
    pub(super) fn switch_on(&mut self, end: &End) {
        if self.stations.get(&end.0).is_some_and(|node| node.desks.contains_key(&end.1)) {
            self.tell_port(end, teletype::Input::LineBack);
        }
    }

    fn unit(&self, (station, port): &End) -> Duration {
        self.stations.get(station).map_or(Duration::ZERO, |n| n.terminals[port].code_time)
    }
    pub(super) fn print(&mut self, end: &End, codes: &[Code]) {
        let (now, unit) = (self.now(), self.unit(end));
        let Some(life) = self.stations.get(&end.0).map(|n| n.life) else { return };
        let paper = self.papers.entry(end.clone()).or_default();
        paper.flights += 1;
        paper.going = Some(Going { start: now, codes: codes.to_vec() });
        let flight = paper.flights;
        self.driver.set(now + unit * codes.len() as u32, Happening::Typed { end: end.clone(), life, flight });
    }
    /// The last code of what was being printed is out.
    pub(super) fn typed(&mut self, end: &End, life: u64, flight: u64) {
        let alive = self.stations.get(&end.0).is_some_and(|n| n.life == life);
        let Some(paper) = self.papers.get_mut(end).filter(|p| alive && p.flights == flight) else { return };
        if let Some(going) = paper.going.take() {
            paper.printed.extend(going.codes);
            self.tell_port(end, teletype::Input::Transmitted);
        }
    }
    pub(super) fn halt_print(&mut self, end: &End) {
        let left = self.cut_print(end);
        self.tell_port(end, teletype::Input::Halted { left });
    }
    /// Stops after the code in hand; how many codes never come to paper.
    pub(super) fn cut_print(&mut self, end: &End) -> usize {
        let (now, unit) = (self.now(), self.unit(end).max(Duration::from_micros(1)));
        let Some(paper) = self.papers.get_mut(end) else { return 0 };
        let Some(going) = paper.going.take() else { return 0 };
        let begun = (now.since(going.start).as_micros().div_ceil(unit.as_micros()) as usize).min(going.codes.len());
        paper.printed.extend(&going.codes[..begun]);
        going.codes.len() - begun
    }
}

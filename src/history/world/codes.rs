//! Teletype ports of a world, and the bursts of codes between them.
//!
//! Standards: none. In: what routers and circuits say to a port. Out: codes on their way; what the port says to its router.
//! Left out: machines at desks (see `machine`), the circuit itself (see `wire`). Shown by: `tests/it/world.rs`.

use super::{AnyPort, Codes, End, Happening, World};
use crate::line::symbol::Code;
use crate::router;
use crate::teletype;

impl World {
    pub(in crate::history) fn tell_port(&mut self, end: &End, input: teletype::Input) {
        let now = self.now();
        let Some(terminal) = self.terminal(end) else { return };
        let outputs = terminal.handle(now, input);
        self.port_says(end, outputs);
    }

    pub(super) fn tick_codes(&mut self, end: &End) {
        let now = self.now();
        let Some(terminal) = self.terminal(end) else { return };
        if terminal.deadline().is_some_and(|d| d <= now) {
            let outputs = terminal.tick(now);
            self.port_says(end, outputs);
        }
    }

    fn terminal(&mut self, end: &End) -> Option<&mut Codes> {
        match self.port(end)? {
            AnyPort::Codes(codes) => Some(codes),
            AnyPort::Voice(_) => None,
        }
    }

    fn port_says(&mut self, end: &End, outputs: Vec<teletype::Output>) {
        let (station, port) = end;
        for output in outputs {
            match output {
                teletype::Output::Send(codes) => self.transmit(end, &codes),
                teletype::Output::Halt => self.halt(end),
                teletype::Output::Reserve(wanted) => self.reserve_later(end, wanted),
                teletype::Output::Rescan => self.show_tapes(end),
                teletype::Output::Submit { token, message } => self.submit_from(end, token, message),
                teletype::Output::HandIn { token, draft } => self.hand_in_at(end, token, draft, None),
                teletype::Output::Motor(_) | teletype::Output::Tape { .. } => {} // nobody hears it, nobody keeps it
                teletype::Output::Report { delivery, outcome } => {
                    self.tell_router(station, router::Input::Ended { port: port.clone(), delivery, outcome });
                }
                teletype::Output::Event { event, id } => self.port_event(end, event, id),
                teletype::Output::Stopped => {}
            }
        }
        let at = self.terminal(end).and_then(|t| t.deadline());
        self.set_port_tick(end, at);
    }

    fn wire_of(&mut self, end: &End) -> Option<(String, usize)> {
        self.circuits.iter().find_map(|(name, w)| w.ends.iter().position(|e| e == end).map(|i| (name.clone(), i)))
    }

    fn transmit(&mut self, end: &End, codes: &[Code]) {
        let now = self.now();
        let Some((circuit, i)) = self.wire_of(end) else { return self.print(end, codes) };
        let Some(node) = self.stations.get(&end.0) else { return };
        let (life, unit) = (node.life, node.terminals[&end.1].code_time);
        let Some(wire) = self.circuits.get_mut(&circuit) else { return };
        let (flight, gone, last) = wire.ways[i].send(now, unit, codes);
        self.driver.set(gone, Happening::Gone { from: end.clone(), life, circuit: circuit.clone(), way: i, flight });
        self.driver.set(last, Happening::Arrived { circuit, way: i, flight });
    }

    pub(super) fn arrived(&mut self, circuit: &str, way: usize, flight: u64) {
        let Some(wire) = self.circuits.get_mut(circuit) else { return };
        let to = wire.ends[1 - way].clone();
        let Some(codes) = wire.ways[way].take(flight) else { return };
        if !codes.is_empty() {
            self.tell_port(&to, teletype::Input::Received(codes));
        }
    }

    /// The last code of a burst has left its end.
    pub(super) fn gone(&mut self, from: &End, life: u64, (circuit, way, flight): (&str, usize, u64)) {
        let flights = self.circuits.get(circuit).map(|w| &w.ways[way].flights);
        let halted = flights.is_some_and(|flights| flights.iter().any(|f| f.number == flight && f.halted));
        if !halted && self.stations.get(&from.0).is_some_and(|n| n.life == life) {
            self.tell_port(from, teletype::Input::Transmitted);
        }
    }

    fn halt(&mut self, end: &End) {
        let now = self.now();
        let Some((circuit, i)) = self.wire_of(end) else { return self.halt_print(end) };
        let left = self.circuits.get_mut(&circuit).map_or(0, |w| w.ways[i].stop_after(now));
        self.tell_port(end, teletype::Input::Halted { left });
    }
}

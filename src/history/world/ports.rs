//! The ports of a world's stations, whatever their medium: orders and verdicts to them, messages and events from them.
//!
//! Standards: none. In: what a router says to a port, and a port to its router. Out: the same, to whom it is for.
//! Left out: lines (see `codes`, `voice`). Shown by: `tests/it/world.rs`.

use super::{AnyPort, End, Happening, Node, World};
use crate::fax::terminal as fax;
use crate::message::{Draft, Identity, Message, Name};
use crate::router::{self, Event, Stamped, Submitted, Verdict};
use crate::teletype;
use crate::time::Instant;

impl World {
    pub(super) fn port(&mut self, (station, port): &End) -> Option<&mut AnyPort> {
        self.stations.get_mut(station)?.alive.as_mut()?.ports.get_mut(port)
    }
    pub(in crate::history) fn is_voice(&self, (station, port): &End) -> bool {
        self.stations.get(station).is_some_and(|node| node.faxes.contains_key(port))
    }

    /// The router's order to a port.
    pub(super) fn order(&mut self, end: &End, order: router::Order) {
        if self.is_voice(end) {
            return self.order_fax(end, order);
        }
        let input = match order {
            router::Order::Deliver(delivery) => teletype::Input::Deliver(delivery),
            router::Order::CallOff(number) => teletype::Input::CallOff(number),
            router::Order::Tell { id, event } => teletype::Input::Became { id, event },
        };
        self.tell_port(end, input);
    }
    pub(super) fn verdict(&mut self, station: &Name, token: u64, verdict: Verdict) {
        // The token of a submission is (port, the terminal's own token); see `submit_from`.
        let Some((port, own)) = self.stations.get_mut(station).and_then(|n| n.take_token(token)) else { return };
        let end = (station.clone(), port);
        match self.is_voice(&end) {
            true => self.tell_fax(&end, fax::Input::Verdict { token: own, verdict }),
            false => self.tell_port(&end, teletype::Input::Verdict { token: own, verdict }),
        }
    }
    /// The router's answer to a message that was handed in at a port.
    pub(super) fn handed_in(&mut self, end: &End, token: u64, submitted: Submitted) {
        match self.is_voice(end) {
            true => self.tell_fax(end, fax::Input::HandedIn { token, submitted }),
            false => self.tell_port(end, teletype::Input::HandedIn { token, submitted }),
        }
    }
    pub(super) fn tick_port(&mut self, end: &End, life: u64) {
        if self.stations.get(&end.0).is_none_or(|n| n.life != life) {
            return;
        }
        match self.is_voice(end) {
            true => self.tick_fax(end),
            false => self.tick_codes(end),
        }
    }
    pub(super) fn set_port_tick(&mut self, end: &End, at: Option<Instant>) {
        let life = self.stations.get(&end.0).map_or(0, |n| n.life);
        if let Some(at) = at {
            self.driver.set(at, Happening::TickPort(end.clone(), life));
        }
    }

    /// A message came at a port.
    pub(super) fn submit_from(&mut self, (station, port): &End, own: u64, message: Message) {
        let Some(node) = self.stations.get_mut(station) else { return };
        let token = node.give_token(port, own);
        self.tell_router(station, router::Input::Came { token, port: port.clone(), message });
    }
    /// A message without an identity was typed, or came, at a port.
    pub(super) fn hand_in_at(&mut self, (station, port): &End, own: u64, draft: Draft, key: Option<String>) {
        let token = self.token();
        if let Some(node) = self.stations.get_mut(station) {
            node.typing.insert(token, (port.clone(), own));
        }
        self.tell_router(station, router::Input::Submit { token, draft, key });
    }
    /// A port has seen something.
    pub(super) fn port_event(&mut self, (station, port): &End, event: Event, id: Option<Identity>) {
        let now = self.now();
        let utc = self.epoch.plus(now.since(Instant::ZERO));
        let stamped = Stamped { t: now.micros(), utc, station: station.clone(), port: Some(port.clone()), id, event };
        if stamped.event.durable() {
            self.tell_router(station, router::Input::Noted(stamped));
        } else {
            self.trace.push(stamped);
        }
    }
}

impl Node {
    fn give_token(&mut self, port: &str, own: u64) -> u64 {
        // Ports of one station, in order, take turns in the low bits: enough for any station.
        let index = self.config.ports.keys().position(|p| p == port).unwrap_or(0) as u64;
        own * 64 + index
    }
    fn take_token(&mut self, token: u64) -> Option<(String, u64)> {
        let port = self.config.ports.keys().nth((token % 64) as usize)?.clone();
        Some((port, token / 64))
    }
}

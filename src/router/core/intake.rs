//! The router's way in: what is found at start, handed in here, or comes by a port, up to its batch for the disk.
//!
//! Standards: none; states and custody are told in `docs/flow.md`.
//! In: drafts and messages. Out: changes to the journal, and the answers that wait for them.
//! Left out: going out (`core`). Shown by: `router::tests`, `tests/it/world.rs`.

use super::{Asking, Effect, MOST_HELD, Router};
use crate::faults;
use crate::message::{Address, Class, Draft, Identity, Message, convert};
use crate::router::event::Event;
use crate::router::journal::{Change, Recovered, Row, State};
use crate::router::port::{Fault, Reason, Verdict};
use crate::router::route::{no_desk, ports_for, unknown};
use crate::router::talk::{Output, Query, Submitted};
use crate::time::{Dtg, Instant};

impl Router {
    pub(super) fn recover(&mut self, now: Instant, recovered: Recovered) {
        self.recovered = true;
        if !faults::planted(faults::Fault::SerialTwiceAfterRestart) {
            self.serials = recovered.serials;
        }
        self.numbered = recovered.numbered;
        for (name, port) in &mut self.ports {
            port.channel = recovered.channels.get(name).copied().unwrap_or(0);
        }
        let waiting = recovered.waiting.len();
        let machines = &self.config.machines;
        let unprinted: Vec<Row> = recovered.unprinted.into_iter().filter(|row| machines.contains_key(&row.to.desk)).collect();
        for row in recovered.waiting.into_iter().chain(unprinted) {
            self.enqueue(now, row);
        }
        self.event(now, None, None, Event::Started { version: env!("CARGO_PKG_VERSION").into(), waiting });
    }

    pub(super) fn submit(&mut self, now: Instant, token: u64, draft: Draft, key: Option<String>) {
        let from = &draft.envelope.from;
        // Only the mail's own backend gives a message a post: nobody else writes in the name of the world outside, or notices.
        let post = draft.envelope.post.as_ref();
        let notice = post.is_some_and(|p| p.notice.is_some()) && from.desk == super::router_desk();
        let own = from.station == self.config.station && (self.config.desks.contains(&from.desk) || notice);
        let outside = post.is_some() && self.config.outsides.contains(&from.station);
        if !own && !outside {
            let here = Address { station: self.config.station.clone(), ..from.clone() };
            let submitted = Submitted::Unknown(format!("`from`: {}", self.unknown(&here, draft.envelope.class)));
            return self.show(Output::Answer { token, submitted });
        }
        let Some(key) = key else {
            return self.accept(now, Some(token), draft, None);
        };
        if let Some(others) = self.keys.get_mut(&key) {
            return others.push(token);
        }
        self.ask(Query::Key(key.clone()), Asking::Submit { token, draft, key });
    }

    fn ask(&mut self, query: Query, asking: Asking) {
        let token = self.next_lookup;
        self.next_lookup += 1;
        self.asking.insert(token, asking);
        self.outputs.push(Output::Lookup { token, query });
    }

    pub(super) fn found(&mut self, now: Instant, token: u64, found: Option<Identity>) {
        match (self.asking.remove(&token), found) {
            (Some(Asking::Submit { token, .. }), Some(id)) => self.show(Output::Answer { token, submitted: Submitted::Known(id) }),
            (Some(Asking::Submit { token, draft, key }), None) => match self.keys.get_mut(&key) {
                Some(others) => others.push(token),
                None => self.accept(now, Some(token), draft, Some(key)),
            },
            (Some(Asking::Came { token, port, message }), Some(_)) => self.came_again(now, token, &port, &message.identity),
            (Some(Asking::Came { token, port, message }), None) => self.file(now, token, port, message),
            (None, _) => {}
        }
    }

    /// Takes a message handed in here: gives it its identity, has it written, answers then.
    pub(super) fn accept(&mut self, now: Instant, token: Option<u64>, draft: Draft, key: Option<String>) {
        if let Err(submitted) = self.admissible(&draft) {
            if let Some(token) = token {
                self.show(Output::Answer { token, submitted });
            }
            return;
        }
        let utc = self.utc(now);
        let dtg = Dtg::of(utc);
        let serial = self.serials.entry(dtg.day_number()).or_insert(0);
        *serial += 1;
        let identity = Identity { station: self.config.station.clone(), serial: *serial, dtg };
        let message = Message { identity: identity.clone(), envelope: draft.envelope, content: draft.content };
        if let Some(key) = &key {
            self.keys.insert(key.clone(), vec![]);
        }
        self.new_message(now, message, None, key.clone());
        if let Some(token) = token {
            self.show(Output::Answer { token, submitted: Submitted::Accepted(identity.clone()) });
        }
        if let Some(key) = key {
            self.effects.push(Effect::Forget(key, identity));
        }
    }

    pub(super) fn admissible(&self, draft: &Draft) -> Result<(), Submitted> {
        let (to, class) = (&draft.envelope.to, draft.envelope.class);
        if !self.recovered {
            return Err(Submitted::Stuck("the station is starting; try again in a moment".into()));
        }
        if self.held.len() >= MOST_HELD {
            return Err(Submitted::Stuck("the journal cannot be written just now; try again with the same key".into()));
        }
        if to.station == self.config.station {
            return if self.config.desks.contains(&to.desk) { Ok(()) } else { Err(Submitted::Unknown(self.unknown(to, class))) };
        }
        let Some(ports) = ports_for(&self.config.routes, to, class) else { return Err(Submitted::Unknown(self.unknown(to, class))) };
        if self.queue.len() >= self.config.most_waiting {
            return Err(Submitted::Stuck(format!("{} messages wait already; try again when some have gone", self.queue.len())));
        }
        let mut why = format!("no port of the route to {} exists", to.station);
        for port in ports.iter().filter_map(|p| self.ports.get(p)) {
            match convert::admits(&draft.envelope, &draft.content, &port.takes) {
                Ok(()) => return Ok(()),
                Err(reason) => why = reason,
            }
        }
        Err(Submitted::Refused(why))
    }

    fn unknown(&self, to: &Address, class: Class) -> String {
        unknown(to, class, &self.config.station, &self.config.desks, &self.config.routes)
    }

    pub(super) fn came(&mut self, now: Instant, token: u64, port: String, message: Message) {
        let (own, to, class) = (&self.config.station, &message.envelope.to, message.envelope.class);
        let refused = if message.identity.station == *own || message.envelope.via.contains(own) {
            Some(format!("loop: {own} sent this message before"))
        } else if to.station == *own {
            (!self.config.desks.contains(&to.desk)).then(|| no_desk(&to.desk, &self.config.desks))
        } else {
            let onward = ports_for(&self.config.routes, to, class).is_some_and(|ports| ports.iter().any(|p| *p != port));
            (!onward).then(|| self.unknown(to, class))
        };
        if let Some(text) = refused {
            self.event(now, Some(&port), Some(&message.identity), Event::Refused { reason: text.clone() });
            return self.show(Output::Verdict { token, verdict: Verdict::Refused(Reason::new(Fault::Peer, text)) });
        }
        if !self.recovered || self.queue.len() >= self.config.most_waiting || self.held.len() >= MOST_HELD {
            let verdict = Verdict::TryLater(Reason::new(Fault::Us, "the station cannot file just now"));
            return self.show(Output::Verdict { token, verdict });
        }
        if faults::planted(faults::Fault::FilingKeyWithoutDtg)
            && !self.filed_without_dtg.insert((message.identity.station.clone(), message.identity.serial))
        {
            return self.show(Output::Verdict { token, verdict: Verdict::FiledBefore });
        }
        if let Some(others) = self.filing.get_mut(&message.identity) {
            return others.push(token);
        }
        self.ask(Query::Identity(message.identity.clone()), Asking::Came { token, port, message });
    }

    fn came_again(&mut self, now: Instant, token: u64, port: &str, id: &Identity) {
        self.event(now, Some(port), Some(id), Event::CameAgain);
        self.show(Output::Verdict { token, verdict: Verdict::FiledBefore });
    }

    fn file(&mut self, now: Instant, token: u64, port: String, mut message: Message) {
        // Two copies may have been looked up at one time (two lines): the first to get here is filed.
        if let Some(others) = self.filing.get_mut(&message.identity) {
            return others.push(token);
        }
        let id = message.identity.clone();
        if message.envelope.to.station != self.config.station {
            message.envelope.via.push(self.config.station.clone());
        }
        self.filing.insert(id.clone(), vec![]);
        self.new_message(now, message, Some(port), None);
        self.show(Output::Verdict { token, verdict: Verdict::Filed });
        self.effects.push(Effect::Settle(id));
    }

    fn new_message(&mut self, now: Instant, message: Message, came_by: Option<String>, key: Option<String>) {
        let here = message.envelope.to.station == self.config.station;
        let e = &message.envelope;
        let id = message.identity.clone();
        let row = Row {
            id: id.clone(),
            from: e.from.clone(),
            to: e.to.clone(),
            precedence: e.precedence,
            class: e.class,
            subject: e.subject.clone(),
            accepted: self.utc(now),
            came_by: came_by.clone(),
            state: if here { State::Filed } else { State::Accepted },
            attempts: 0,
            detail: String::new(),
        };
        let accepted = Event::Accepted {
            from: e.from.clone(),
            to: e.to.clone(),
            precedence: e.precedence,
            class: e.class,
            subject: e.subject.clone(),
            tell_delay: e.post.as_ref().is_some_and(|post| post.tell_delay()),
        };
        self.changes.push(Change::New { row: row.clone(), message, key });
        if came_by.is_none() || !here {
            self.event(now, came_by.as_deref(), Some(&id), accepted);
        }
        if here {
            let at = self.config.station.clone();
            self.event(now, came_by.as_deref(), Some(&id), Event::Filed { at, receipt: String::new() });
            self.show(Output::Paper(id));
        }
        if !here || self.config.machines.contains_key(&row.to.desk) {
            self.effects.push(Effect::Queue(Box::new(row)));
        }
    }
}

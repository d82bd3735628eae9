//! The operator of a machine at a desk: what comes off its keyboard, what is handed in, what is said about it.
//!
//! Standards: none; the sentences are ours (`docs/machine-at-a-desk.md`). In: codes, the router's answers. Out: drafts, sentences for the paper.
//! Left out: what makes a message of characters (`typist`). Shown by: `tests/it/desk.rs`.

use super::{Desk, Link, Running};
use crate::line::Code;
use crate::machine::Codec;
use crate::message::{Address, Draft, Envelope, Identity, Name, Part};
use crate::router::event::Direction;
use crate::router::{Event, Submitted};
use crate::teletype::codes::WRU;
use crate::teletype::terminal::Output;
use crate::teletype::typist::{Heard, Typed};
use crate::time::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// Typed messages that may wait for the disk.
const MOST_PENDING: usize = 8;
/// Codes that may wait to be given back; what is typed faster than a machine can is not.
const MOST_ECHOED: usize = 4096;
/// Sentences about messages on their way that may wait for the keys to be quiet.
const MOST_NEWS: usize = 100;
const HOUR: Duration = Duration::from_secs(3600);

/// Which way a stranger's message goes.
#[derive(Clone, Copy)]
pub(super) enum Way {
    Printed,
    Typed,
}

/// When strangers' messages went, within the last hour.
#[derive(Default)]
pub(super) struct Bucket(VecDeque<Instant>);

impl Bucket {
    pub(super) fn takes(&mut self, now: Instant, most: usize) -> bool {
        while self.0.front().is_some_and(|at| now.since(*at) >= HOUR) {
            self.0.pop_front();
        }
        let free = self.0.len() < most;
        if free {
            self.0.push_back(now);
        }
        free
    }
}

impl Desk {
    pub(super) fn received(&mut self, now: Instant, codes: &[Code]) {
        match &self.link {
            Link::Up => {}
            Link::Asking(_) => return self.answered(codes),
            Link::Wrong(_) | Link::Lost(_) => return, // whoever it is, not our operator
        }
        if self.config.motor.is_some() && self.running == Running::Off {
            self.running = Running::On; // switched on by hand: nobody types on a machine that stands still
            self.out.push(Output::Motor(true));
        }
        self.runs(now);
        let mut typed = String::new();
        for code in codes {
            if self.config.half_duplex && self.came_back(*code) {
                continue;
            }
            let c = self.reader.decode(*code);
            typed.extend(c.filter(|c| *c == '\n' || !c.is_control()));
            if self.config.echo && self.job.is_none() && c != Some(WRU) {
                self.echoed.push(*code);
                self.echoed.truncate(MOST_ECHOED); // typed faster than a machine can
            }
            let reachable = self.config.place.reachable.clone();
            let heard = c.and_then(|c| self.typist.take(now, c, &*reachable));
            if let Some(heard) = heard {
                self.heard(now, heard);
            }
        }
        if !typed.is_empty() {
            self.event(Event::Characters { dir: Direction::In, text: typed });
        }
    }

    pub(super) fn heard(&mut self, now: Instant, heard: Heard) {
        match heard {
            Heard::Message(typed) => self.hand_in(now, typed),
            Heard::Say(sentence) => self.say(&sentence),
            Heard::WhoAreYou => self.owes_drum = self.config.answerback.is_some(),
        }
    }

    fn hand_in(&mut self, now: Instant, typed: Typed) {
        let desks = &self.config.place.desks;
        let Some(desk) = typed.from.or_else(|| desks.first().cloned()).filter(|d| desks.contains(d)) else {
            let known: Vec<&str> = desks.iter().map(Name::as_str).collect();
            let sentence = format!("not sent: FM must name a desk of this machine: {}", known.join(", "));
            return self.say(&sentence);
        };
        if self.pending.len() >= MOST_PENDING {
            return self.say(&format!("not sent: {MOST_PENDING} messages wait for the disk already; type it again later"));
        }
        if self.stranger(&typed.to.station) && !self.strangers[Way::Typed as usize].takes(now, self.config.quota) {
            let most = self.config.quota;
            return self.say(&format!("not sent: no route names {}, and {most} messages an hour go to such stations", typed.to.station));
        }
        let from = Address { desk, station: self.config.station.clone() };
        let (to, precedence, class) = (typed.to, typed.precedence, typed.class);
        let read = |t: &str| self.config.receive.read_back(t);
        let envelope = Envelope { from, to: to.clone(), precedence, class, subject: read(&typed.subject), via: vec![], post: None };
        let draft = Draft { envelope, content: vec![Part::Text { text: read(&typed.text) }] };
        let token = self.next_token;
        self.next_token += 1;
        self.pending.insert(token, to);
        self.out.push(Output::HandIn { token, draft });
    }
    pub(super) fn handed_in(&mut self, token: u64, submitted: Submitted) {
        let Some(to) = self.pending.remove(&token) else { return };
        match submitted {
            Submitted::Accepted(id) | Submitted::Known(id) => self.say(&format!("sent {} to {to}", id.heading())),
            Submitted::Unknown(why) | Submitted::Refused(why) => self.say(&format!("not sent: {why}")),
            Submitted::Stuck(why) => self.say(&format!("not sent: {why}; type it again later")),
        }
    }
    pub(super) fn became(&mut self, id: &Identity, event: &Event) {
        let id = id.heading();
        let sentence = match event {
            Event::Filed { at, .. } if self.config.receipts => format!("filed {id} at {at}"),
            Event::Custody { at, .. } if self.config.receipts => format!("{id} is in custody of {at}"),
            Event::Returned { reason } => format!("not delivered {id}: {reason}"),
            _ => return, // the station tells of nothing else
        };
        if self.news.len() < MOST_NEWS {
            self.news.push_back(sentence); // of more the journal tells
        }
    }
    pub(super) fn stranger(&self, station: &Name) -> bool {
        !self.config.place.known.contains(station)
    }
}

//! What a timeline does to a world: messages handed in, circuits cut, mended and re-routed, stations killed and started.
//!
//! Standards: none. In: entries that are due. Out: changes to the world.
//! Left out: when (the world's driver calls). Shown by: `tests/it/world.rs`.

use super::{Happening, World};
use crate::fax::switch::Command;
use crate::history::exhibit;
use crate::history::hourly::Hourly;
use crate::history::timeline::{Act, When};
use crate::line::{Noise, Profile};
use crate::message::{Draft, Envelope, Identity};
use crate::time::Instant;
use std::time::Duration;

impl World {
    /// Cuts a circuit both ways; what is on its way in it is lost.
    pub fn cut(&mut self, circuit: &str, lasts: Option<Duration>) {
        if self.command_voice(circuit, Command::Cut(lasts)) {
            return;
        }
        let now = self.now();
        if let Some(wire) = self.circuits.get_mut(circuit) {
            for way in &mut wire.ways {
                way.circuit.cut(now, lasts.map(|d| now + d));
                way.flights.iter_mut().for_each(|f| f.arrivals.retain(|a| a.at <= now));
            }
        }
        if let Some(lasts) = lasts {
            self.driver.set(now + lasts, Happening::Mend(circuit.to_owned()));
        }
    }

    /// Takes a circuit to another path, both ways; what is on its way in it is lost.
    pub fn reroute(&mut self, circuit: &str, profile: Profile) {
        if self.command_voice(circuit, Command::Profile(profile)) {
            return;
        }
        let now = self.now();
        if let Some(wire) = self.circuits.get_mut(circuit) {
            wire.ways.iter_mut().for_each(|w| w.become_another(now, profile));
        }
    }

    pub(super) fn mend(&mut self, circuit: &str) {
        if self.command_voice(circuit, Command::Restore) {
            return;
        }
        let now = self.now();
        if let Some(wire) = self.circuits.get_mut(circuit) {
            wire.ways.iter_mut().for_each(|w| w.circuit.restore(now));
        }
    }

    pub(super) fn due(&mut self, index: usize) {
        let Some(entry) = self.timeline.get(index).cloned() else { return };
        match entry.act {
            Act::Send { from, to, precedence, class, subject, text, files } => {
                let envelope = Envelope { from, to, precedence, class, subject, via: vec![], post: None };
                let sends_before = self.timeline[..index].iter().filter(|e| matches!(e.act, Act::Send { .. })).count();
                self.submissions.insert(self.next_token, sends_before + 1);
                let station = envelope.from.station.clone();
                match exhibit::parts(&text, &files, |content| self.keep(&station, content)) {
                    Ok(content) => self.hand_in(Draft { envelope, content }),
                    Err(why) => self.note(&station, format!("timeline: {why}")),
                }
            }
            Act::Hourly(hourly) => self.plan_tests(&hourly),
            Act::Say(text) => self.said.push((self.now(), text)),
            Act::Cut { circuit, lasts, .. } => self.cut(&circuit, lasts),
            Act::Restore { circuit } => self.mend(&circuit),
            Act::Reroute { circuit, profile, text } => {
                self.reroute(&circuit, profile);
                let now = self.now();
                self.said.extend(text.map(|text| (now, text)));
            }
            Act::Noise { circuit, level } => {
                if let Ok(noise) = level.parse()
                    && self.command_voice(&circuit, Command::Noise(noise))
                {
                    return;
                }
                let level = level.parse::<Noise>();
                if let (Some(wire), Ok(level)) = (self.circuits.get_mut(&circuit), level) {
                    wire.ways.iter_mut().for_each(|w| w.circuit.set_noise(level));
                }
            }
            Act::Kill(station) => self.kill(&station),
            Act::Start(station) => self.start(&station),
        }
    }

    /// Hourly tests have no number: no entry can hang on them.
    fn plan_tests(&mut self, hourly: &Hourly) {
        let now = self.now();
        for test in hourly.tests(self.epoch.plus(now.since(Instant::ZERO))) {
            self.driver.set(now + test.after, Happening::Test(Box::new(test.draft)));
        }
    }

    pub(super) fn hand_in(&mut self, draft: Draft) {
        let station = draft.envelope.from.station.clone();
        self.submit(&station, draft);
    }

    /// Entries that hang on a message's state fall due when their station sees it.
    pub(super) fn follow(&mut self, id: &Identity, reached: &str) {
        let Some(number) = self.sent.iter().find(|(_, i)| *i == id).map(|(n, _)| *n) else { return };
        let now = self.now();
        let due = self.timeline.iter().enumerate().filter_map(|(i, e)| match &e.when {
            When::After { state, message, pause } if state == reached && *message == number => Some((i, now + *pause)),
            When::After { .. } | When::At(_) => None,
        });
        for (i, at) in due.collect::<Vec<_>>() {
            self.driver.set(at, Happening::Due(i));
        }
    }
}

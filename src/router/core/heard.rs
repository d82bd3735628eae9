//! What the router hears later of a message that went to the world outside: a notice came, by mail, that it arrived or was given up.
//!
//! Standards: none; what a notice says is read elsewhere (RFC 3464). In: an identity, and news. Out: the message's row moved, and an event.
//! A notice is easily forged. So only a message that the journal has in custody, and whose addressee is outside, is moved by one; nothing is sent again.
//! Left out: whether the notice speaks the truth. Shown by: `router::tests`.

use super::{Effect, Router};
use crate::message::Identity;
use crate::router::event::Event;
use crate::router::journal::{Row, State};
use crate::router::port::News;
use crate::router::talk::Output;
use crate::time::Instant;

/// News that wait for the journal at one time; what comes beyond is not learned.
const MOST: usize = 1_000;

/// News of a message, from when they are heard until they are on disk. What is heard of it meanwhile is a repeat.
pub(super) struct Heard {
    port: String,
    news: News,
}

impl Router {
    /// How many news wait for the journal.
    #[cfg(test)]
    pub(in crate::router) fn learning_now(&self) -> usize {
        self.learning.len()
    }

    pub(super) fn learned(&mut self, port: String, id: Identity, news: News) {
        if self.learning.len() >= MOST || self.learning.contains_key(&id) {
            return;
        }
        match self.queue.entry(&id).map(|entry| entry.row.state) {
            None => {
                self.learning.insert(id.clone(), Heard { port, news });
                self.recall(&id);
            }
            // Still going out, as far as is known here: the host that took it was faster with its notice than with its answer.
            Some(State::Sent) => drop(self.learning.insert(id, Heard { port, news })),
            // It has not gone out: no host can know of it.
            Some(State::Accepted | State::Custody | State::Filed | State::Printed | State::Returned) => {}
        }
    }

    /// Asks for the row of a message that there are news of, behind all that is not on disk yet.
    pub(super) fn recall(&mut self, id: &Identity) {
        if self.learning.contains_key(id) {
            self.show(Output::Recall(id.clone()));
        }
    }

    pub(super) fn recalled(&mut self, now: Instant, id: &Identity, row: Option<Row>) {
        let gone = row.filter(|row| row.state == State::Custody && self.config.outsides.contains(&row.to.station));
        let (Some(row), Some(Heard { port, news })) = (gone, self.learning.get(id)) else {
            self.learning.remove(id);
            return;
        };
        let (port, news) = (port.clone(), news.clone());
        let (state, detail, event) = match news {
            News::Delivered(receipt) => (State::Filed, receipt.clone(), Event::Filed { at: row.to.station.clone(), receipt }),
            News::Failed(reason) => (State::Returned, reason.clone(), Event::Returned { reason }),
        };
        self.moved(id, state, row.attempts, detail);
        self.event(now, Some(&port), Some(id), event);
        self.effects.push(Effect::Learned(id.clone()));
    }
}

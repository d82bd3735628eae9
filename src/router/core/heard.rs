//! What the router hears later of a message that went to the world outside: a notice came, by mail, that it arrived or was given up.
//!
//! Standards: none; what a notice says is read elsewhere (RFC 3464). In: an identity, and news. Out: the message's row moved, and an event.
//! A notice is easily forged. So only a message that the journal has in custody, and whose addressee is outside, is moved by one; nothing is sent again.
//! Left out: whether the notice speaks the truth. Shown by: `router::tests`.

use super::{Effect, Router};
use crate::message::Identity;
use crate::router::event::Event;
use crate::router::journal::{Row, State};
use crate::router::port::{Fault, News, Reason, Verdict};
use crate::router::talk::Output;
use crate::time::Instant;

/// News that wait for the journal at one time; what comes beyond is not learned.
const MOST: usize = 1_000;

/// News of a message, from when they are heard until they are on disk. What is heard of it meanwhile is a repeat.
pub(super) struct Heard {
    port: String,
    news: News,
    /// Who is told when they are on disk.
    tokens: Vec<u64>,
}

impl Router {
    /// How many news wait for the journal.
    #[cfg(test)]
    pub(in crate::router) fn learning_now(&self) -> usize {
        self.learning.len()
    }

    pub(super) fn learned(&mut self, token: u64, port: String, id: Identity, news: News) {
        let (state, known) = (self.queue.entry(&id).map(|entry| entry.row.state), self.learning.contains_key(&id));
        match state {
            None | Some(State::Sent) if !known && self.learning.len() >= MOST => {
                let verdict = Verdict::TryLater(Reason::new(Fault::Us, "too many reports wait for the journal"));
                return self.outputs.push(Output::Verdict { token, verdict });
            }
            // Its row is asked for, behind all that is not on disk yet. The first news count; who repeats them waits with the first.
            None => {
                let heard = self.learning.entry(id.clone()).or_insert(Heard { port, news, tokens: vec![] });
                heard.tokens.push(token);
                if !known {
                    self.show(Output::Recall(id));
                }
                return;
            }
            // Still going out, as far as is known here: the host that took it was faster with its notice than with its answer. It may wait for
            // ours before it gives its own, so it has it now; a crash costs nothing, since the message is then sent anew, and reported anew.
            Some(State::Sent) => {
                self.learning.entry(id).or_insert(Heard { port, news, tokens: vec![] });
            }
            // It has not gone out: no host can know of it.
            Some(State::Accepted | State::Custody | State::Filed | State::Printed | State::Returned) => {}
        }
        self.outputs.push(Output::Verdict { token, verdict: Verdict::Filed });
    }

    /// News are on disk, or nothing comes of them.
    pub(super) fn forget_heard(&mut self, id: &Identity) {
        let tokens = self.learning.remove(id).map_or(vec![], |heard| heard.tokens);
        self.outputs.extend(tokens.into_iter().map(|token| Output::Verdict { token, verdict: Verdict::Filed }));
    }

    pub(super) fn recalled(&mut self, now: Instant, id: &Identity, row: Option<Row>) {
        let gone = row.filter(|row| row.state == State::Custody && self.config.outsides.contains(&row.to.station));
        let (Some(row), Some(Heard { port, news, .. })) = (gone, self.learning.get(id)) else {
            return self.forget_heard(id);
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

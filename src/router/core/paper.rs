//! What is filed here and printed at a desk's machine: whether now is a time for it.
//!
//! Standards: none; ours (`docs/machine-at-a-desk.md`). In: a message for a desk of this station. Out: a later time, or none.
//! Left out: the machine (a medium's), papers as files (the hub's). Shown by: `router::tests`.

use super::Router;
use crate::message::{Identity, Precedence};
use crate::router::event::Event;
use crate::time::Instant;

impl Router {
    /// Whether nobody is at that machine now; the message then waits until somebody is.
    pub(super) fn unattended(&mut self, now: Instant, id: &Identity, port: &str) -> bool {
        let left = self.config.unattended.get(port).and_then(|hours| hours.left(self.utc(now)));
        let Some((left, _)) = left.zip(self.queue.entry(id)).filter(|(_, e)| e.row.precedence < Precedence::Flash) else {
            return false;
        };
        self.queue.hold_back(id, now + left);
        let retry = self.utc(now + left);
        let reason = "nobody is at the machine".to_owned();
        self.event(now, Some(port), Some(id), Event::Delayed { reason, retry });
        true
    }
}

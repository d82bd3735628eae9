//! All retry policy of the router, in this one file: what follows a failed attempt, and when.
//!
//! Standards: none; doubling back-off between a floor and a ceiling is mail practice (Postfix's qmgr).
//! In: an outcome's reason, counts. Out: waiting times. Left out: the procedure's own repeats on a line (`teletype::timing`).
//! Shown by: `router::tests`, `tests/it/world.rs`.

use super::port::Fault;
use crate::time::Speed;
use std::time::Duration;

/// How long to wait, and when to give up. Times are on the station's clock, floored by [`Speed::timer`].
#[derive(Clone, PartialEq, Debug)]
pub struct RetryPolicy {
    /// After the first failure.
    pub first: Duration,
    /// Never longer than this; it doubles up to here.
    pub longest: Duration,
    /// A message older than this is returned to its sender.
    pub expire: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy { first: Duration::from_secs(5), longest: Duration::from_secs(300), expire: Duration::from_secs(24 * 3600) }
    }
}

/// What a failure holds up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hold {
    /// The port: every message for it looks for the next one of its route.
    Port,
    /// Only this message.
    Message,
}

impl RetryPolicy {
    /// The wait after the `failures`-th failure in a row (from 1).
    pub fn wait(&self, failures: u32, speed: Speed) -> Duration {
        let doubled = self.first.saturating_mul(1u32 << failures.saturating_sub(1).min(16));
        speed.timer(doubled.min(self.longest))
    }
}

/// A line or a device that fails is held for all; a far end that says no to one message holds only that message.
pub(super) fn hold(fault: Fault) -> Hold {
    match fault {
        Fault::Line | Fault::Us => Hold::Port,
        Fault::Peer => Hold::Message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_ceiling() {
        let p = RetryPolicy::default();
        let waits: Vec<u64> = (1..=8).map(|n| p.wait(n, Speed::REAL).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(p.wait(u32::MAX, Speed::REAL).as_secs(), 300);
    }
}

//! How much strangers may send: so many mails an hour each, and ten times that all together. What they send may print on a real machine.
//!
//! Standards: none. In: the time, who sends. Out: whether the mail is taken; else a sentence for the sender's server, which comes again.
//! In memory only: a restart begins anew. A mail for more desks than that comes in several: the session takes no more of them (`Limits::desks`).
//! Left out: what stations and users send. Shown by: the tests here, `tests/it/email_limits.rs`.

use crate::time::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
/// All strangers together have so many times the quota of one.
const ALL: usize = 10;

/// The mails of the last hour.
pub(super) struct Quota {
    each: usize,
    /// When, and who; the oldest first. Bounded by the quota of all.
    taken: VecDeque<(Instant, String)>,
    count: BTreeMap<String, usize>,
}

impl Quota {
    /// So many an hour from one; 0: no limit.
    pub fn new(each: u32) -> Quota {
        Quota { each: each as usize, taken: VecDeque::new(), count: BTreeMap::new() }
    }

    /// Counts a mail of this sender for so many desks, as one for each, or says why it is not taken now.
    pub fn admit(&mut self, now: Instant, sender: &str, desks: usize) -> Result<(), String> {
        if self.each == 0 {
            return Ok(());
        }
        while self.taken.front().is_some_and(|(at, _)| now.since(*at) >= HOUR) {
            let Some((_, who)) = self.taken.pop_front() else { break };
            self.release(&who);
        }
        let who = sender.to_lowercase();
        if self.count.get(&who).copied().unwrap_or_default() + desks > self.each {
            return Err(format!("{} mails an hour, counted for each desk, are taken from one sender who is not known here", self.each));
        }
        if self.taken.len() + desks > self.each.saturating_mul(ALL) {
            return Err(format!(
                "{} mails an hour, counted for each desk, are taken from senders who are not known here",
                self.each.saturating_mul(ALL)
            ));
        }
        *self.count.entry(who.clone()).or_default() += desks;
        self.taken.extend(std::iter::repeat_n((now, who), desks));
        Ok(())
    }

    /// Forgets the latest mail that this sender was admitted with: it was not taken, and not by his fault. He comes again with it.
    pub fn give_back(&mut self, sender: &str, desks: usize) {
        let who = sender.to_lowercase();
        for _ in 0..desks {
            let Some(latest) = self.taken.iter().rposition(|(_, taken)| *taken == who) else { return };
            self.taken.remove(latest);
            self.release(&who);
        }
    }

    /// One less of this sender.
    fn release(&mut self, who: &str) {
        if let Some(n) = self.count.get_mut(who) {
            *n -= 1;
            if *n == 0 {
                self.count.remove(who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_taken_is_given_back_and_nothing_more() {
        let (mut quota, at) = (Quota::new(2), Instant(0));
        assert!(quota.admit(at, "a@x", 1).is_ok() && quota.admit(at, "b@x", 2).is_ok() && quota.admit(at, "A@x", 1).is_ok());
        assert!(quota.admit(at, "a@x", 1).is_err());
        quota.give_back("A@x", 1);
        assert_eq!((quota.count["a@x"], quota.count["b@x"], quota.taken.len()), (1, 2, 3));
        assert!(quota.admit(at, "a@x", 1).is_ok() && quota.admit(at, "a@x", 1).is_err());
        quota.give_back("a@x", 5);
        quota.give_back("nobody@x", 1);
        assert_eq!((quota.count.len(), quota.taken.len()), (1, 2));
        Quota::new(0).give_back("a@x", 1);
    }

    #[test]
    fn one_sender_and_all_together_are_held_to_their_quota_for_an_hour() {
        let (mut quota, at) = (Quota::new(2), |s: u64| Instant(s * 1_000_000));
        assert!(quota.admit(at(0), "a@x", 1).is_ok() && quota.admit(at(1), "A@x", 1).is_ok());
        assert!(quota.admit(at(2), "a@x", 1).unwrap_err().contains("2 mails an hour"));
        for n in 0..18 {
            assert!(quota.admit(at(3), &format!("s{n}@x"), 1).is_ok());
        }
        assert!(quota.admit(at(4), "new@x", 1).unwrap_err().contains("20 mails an hour"));
        assert!(quota.admit(at(3600), "a@x", 1).is_ok(), "the first is an hour old");
        assert!(quota.admit(at(3600), "a@x", 1).is_err(), "the second is not");
        assert!(quota.admit(at(8000), "a@x", 1).is_ok());
        assert_eq!((quota.taken.len(), quota.count.len()), (1, 1));
        assert!(quota.admit(at(8000), "b@x", 3).is_err(), "each desk counts");
        assert!((0..100).all(|_| Quota::new(0).admit(at(0), "a@x", 1).is_ok()));
    }
}

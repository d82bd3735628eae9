//! The discrete-event driver: owns the time of lines and machines in memory, and skips what nobody waits for.
//!
//! Standards: none. In: things to happen, with their times. Out: the same, earliest first; equal times in the order they were set.
//! Left out: what the things are (see `history::world`). Shown by: `line::driver::tests`, `tests/it/world.rs`.

use crate::time::Instant;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A virtual clock and what is still to happen on it.
pub struct Driver<E> {
    now: Instant,
    set: u64,
    agenda: BinaryHeap<Reverse<Due<E>>>,
}

struct Due<E> {
    at: Instant,
    order: u64,
    what: E,
}

impl<E> PartialEq for Due<E> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}
impl<E> Eq for Due<E> {}
impl<E> PartialOrd for Due<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<E> Ord for Due<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl<E> Default for Driver<E> {
    fn default() -> Self {
        Driver { now: Instant::ZERO, set: 0, agenda: BinaryHeap::new() }
    }
}

impl<E> Driver<E> {
    /// The time of what happened last.
    pub fn now(&self) -> Instant {
        self.now
    }
    /// Sets something to happen at `at` (or now, if that has passed).
    pub fn set(&mut self, at: Instant, what: E) {
        self.set += 1;
        self.agenda.push(Reverse(Due { at: at.max(self.now), order: self.set, what }));
    }
    /// When the next thing happens.
    pub fn upcoming(&self) -> Option<Instant> {
        self.agenda.peek().map(|Reverse(due)| due.at)
    }
    /// Takes the next thing, and moves the time to it.
    pub fn step(&mut self) -> Option<E> {
        let Reverse(due) = self.agenda.pop()?;
        self.now = due.at;
        Some(due.what)
    }
    /// Moves the time on when nothing happens before `at`.
    pub fn pass_to(&mut self, at: Instant) {
        self.now = self.now.max(self.upcoming().map_or(at, |next| next.min(at)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_happen_in_order_of_time_then_of_setting() {
        let mut d = Driver::default();
        for (at, what) in [(5, 'c'), (1, 'a'), (5, 'd'), (2, 'b')] {
            d.set(Instant(at), what);
        }
        let happened: Vec<char> = std::iter::from_fn(|| d.step()).collect();
        assert_eq!((happened, d.now()), (vec!['a', 'b', 'c', 'd'], Instant(5)));
        d.set(Instant(3), 'e');
        assert_eq!((d.step(), d.now()), (Some('e'), Instant(5)), "the past is now");
        d.pass_to(Instant(9));
        assert_eq!(d.now(), Instant(9));
    }
}

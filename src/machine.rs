//! Machines: everything that decides is a value with no I/O. [`drive`] is the only loop that mixes one with tokio.
//!
//! Standards: none; the form is ours (see `docs/architecture.md`).
//! In: the time, an input. Out: every effect, in order, and the next deadline.
//! Left out: threads, sockets, clocks. Shown by: `machine::tests`; each protocol of the house is one.

use crate::time::{Clock, Instant};
use std::collections::BTreeMap;
use std::future::Future;
use std::ops::ControlFlow;

/// A protocol, a router, a printer: fed with the time and an input, it answers with outputs.
pub trait Machine {
    /// What it is told.
    type Input;
    /// What it does about it.
    type Output;
    /// Takes one input; returns all effects, in order.
    fn handle(&mut self, now: Instant, input: Self::Input) -> Vec<Self::Output>;
    /// Time has passed (at the least up to [`Machine::deadline`]); returns all effects, in order.
    fn tick(&mut self, now: Instant) -> Vec<Self::Output>;
    /// When it wants its next [`Machine::tick`].
    fn deadline(&self) -> Option<Instant>;
}

/// A stateful translation between what people write and what a line carries (shifts, stuffing, runs).
pub trait Codec {
    /// The richer side: a character, a frame.
    type Item;
    /// The line's side: a code, a bit group.
    type Symbol;
    /// Appends the symbols of `item`. `Err` gives the item back when it has none.
    fn encode(&mut self, item: Self::Item, out: &mut Vec<Self::Symbol>) -> Result<(), Self::Item>;
    /// Takes one symbol; the item it completes, if any. Never fails: damage decodes to something or nothing.
    fn decode(&mut self, symbol: Self::Symbol) -> Option<Self::Item>;
}

/// Named timers of a machine: one deadline a name.
#[derive(Clone, Debug)]
pub struct Timers<K: Ord + Copy> {
    set: BTreeMap<K, Instant>,
}

impl<K: Ord + Copy> Default for Timers<K> {
    fn default() -> Self {
        Timers { set: BTreeMap::new() }
    }
}

impl<K: Ord + Copy> Timers<K> {
    /// Sets (or sets anew) a timer.
    pub fn arm(&mut self, name: K, at: Instant) {
        self.set.insert(name, at);
    }
    /// Stops a timer; says whether it ran.
    pub fn stop(&mut self, name: K) -> bool {
        self.set.remove(&name).is_some()
    }
    /// Stops them all.
    pub fn clear(&mut self) {
        self.set.clear();
    }
    /// Whether a timer runs.
    pub fn runs(&self, name: K) -> bool {
        self.set.contains_key(&name)
    }
    /// The earliest deadline.
    pub fn deadline(&self) -> Option<Instant> {
        self.set.values().min().copied()
    }
    /// Takes one timer that is due, earliest first (by name among equals).
    pub fn due(&mut self, now: Instant) -> Option<K> {
        let (at, name) = self.set.iter().map(|(k, at)| (*at, *k)).min()?;
        (at <= now).then(|| {
            self.set.remove(&name);
            name
        })
    }
}

/// The world around a live machine: where its inputs come from and its outputs go.
pub trait World<I, O>: Send {
    /// Waits for the next input; `None` ends the drive. Must be cancel-safe.
    fn next(&mut self) -> impl Future<Output = Option<I>> + Send;
    /// Carries out one output; `Break` ends the drive.
    fn act(&mut self, now: Instant, output: O) -> impl Future<Output = ControlFlow<()>> + Send;
}

/// Runs a machine under tokio until its world ends: the only loop that mixes the two.
///
/// Inputs are taken before timers when both are ready, so that an answer that came in time counts.
pub async fn drive<M, W>(mut machine: M, world: &mut W, clock: &Clock) -> M
where
    M: Machine + Send,
    M::Input: Send,
    M::Output: Send,
    W: World<M::Input, M::Output>,
{
    loop {
        let wait = async {
            match machine.deadline() {
                Some(at) => tokio::time::sleep(clock.until(at)).await,
                None => std::future::pending().await,
            }
        };
        let input = tokio::select! {
            biased;
            input = world.next() => match input {
                Some(input) => Some(input),
                None => return machine,
            },
            () = wait => None,
        };
        let now = clock.now();
        let outputs = match input {
            Some(input) => machine.handle(now, input),
            None => machine.tick(now),
        };
        for output in outputs {
            if world.act(now, output).await.is_break() {
                return machine;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Speed;
    use std::time::Duration;

    #[test]
    fn timers_come_due_in_order_and_once() {
        let mut t = Timers::default();
        t.arm('b', Instant(5));
        t.arm('a', Instant(5));
        t.arm('c', Instant(3));
        assert_eq!(t.deadline(), Some(Instant(3)));
        assert_eq!(t.due(Instant(2)), None);
        assert_eq!([t.due(Instant(9)), t.due(Instant(9)), t.due(Instant(9)), t.due(Instant(9))], [Some('c'), Some('a'), Some('b'), None]);
    }

    /// Echoes its input and, 1 ms later, says so once.
    struct Echo(Option<Instant>);
    impl Machine for Echo {
        type Input = u32;
        type Output = String;
        fn handle(&mut self, now: Instant, input: u32) -> Vec<String> {
            self.0 = Some(now + Duration::from_millis(1));
            vec![format!("heard {input}")]
        }
        fn tick(&mut self, now: Instant) -> Vec<String> {
            self.0.take_if(|at| *at <= now).map(|_| "ticked".into()).into_iter().collect()
        }
        fn deadline(&self) -> Option<Instant> {
            self.0
        }
    }
    struct Room(tokio::sync::mpsc::Receiver<u32>, Vec<String>);
    impl World<u32, String> for Room {
        async fn next(&mut self) -> Option<u32> {
            self.0.recv().await
        }
        async fn act(&mut self, _: Instant, output: String) -> ControlFlow<()> {
            self.1.push(output);
            if self.1.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }

    #[tokio::test]
    async fn drive_feeds_inputs_and_ticks_at_deadlines() {
        let (tx, rx) = tokio::sync::mpsc::channel(1);
        tx.send(7).await.unwrap();
        let mut room = Room(rx, vec![]);
        drive(Echo(None), &mut room, &Clock::new(None, Speed::REAL)).await;
        assert_eq!(room.1, ["heard 7", "ticked"]);
    }
}

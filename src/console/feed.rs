//! The event feed's source: derived events in a ring of bounded bytes, and the number of the last durable one.
//!
//! Standards: none. In: events as they happen (never blocks, never waits for a reader), numbers the journal confirmed.
//! Out: to each reader the events it has not had, and how many it lost.
//! Left out: durable events themselves; readers take those from the journal (`sse`). Shown by: `console::feed::tests`.

use crate::router::{EventSink, Stamped};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Derived events kept for readers that are behind.
const EVENTS: usize = 4096;
/// Their bytes, as JSON.
const BYTES: usize = 2 << 20;

/// Where the console's events come from. Clones are the same feed.
#[derive(Clone)]
pub struct Feed {
    inner: Arc<Inner>,
}

struct Inner {
    ring: Mutex<Ring>,
    /// Number of the next derived event.
    derived: watch::Sender<u64>,
    /// Number of the last durable event on disk.
    committed: watch::Sender<u64>,
}

#[derive(Default)]
struct Ring {
    next: u64,
    bytes: usize,
    events: VecDeque<Arc<str>>,
}

impl Feed {
    /// A feed of a journal whose last event has this number.
    pub fn new(last_event: u64) -> Feed {
        let (ring, derived, committed) = (Mutex::default(), watch::Sender::new(0), watch::Sender::new(last_event));
        Feed { inner: Arc::new(Inner { ring, derived, committed }) }
    }
    /// The journal has durable events on disk up to this number.
    pub fn committed(&self, last_event: u64) {
        self.inner.committed.send_if_modified(|n| {
            let newer = last_event > *n;
            *n = last_event.max(*n);
            newer
        });
    }
    /// Told when a derived event happened; holds the number of the next.
    pub(super) fn derived(&self) -> watch::Receiver<u64> {
        self.inner.derived.subscribe()
    }
    /// Told when durable events are on disk; holds the number of the last.
    pub(crate) fn durable(&self) -> watch::Receiver<u64> {
        self.inner.committed.subscribe()
    }
    /// The derived events from number `from` on, in order, `most` bytes at the most (but one event at the least);
    /// how many were lost before them; and where to go on.
    pub(super) fn read(&self, from: u64, most: usize) -> (u64, Vec<Arc<str>>, u64) {
        let ring = self.ring();
        let first = ring.next - ring.events.len() as u64;
        let at = from.max(first);
        let mut bytes = 0;
        let waiting = ring.events.iter().skip(usize::try_from(at - first).unwrap_or(usize::MAX));
        let events: Vec<Arc<str>> = waiting
            .take_while(|e| {
                let room = bytes == 0 || bytes + e.len() <= most;
                bytes += e.len();
                room
            })
            .cloned()
            .collect();
        let next = at + events.len() as u64;
        (at - from.min(at), events, next)
    }
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.inner.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventSink for Feed {
    /// Takes derived events; durable ones come from the journal, once they are on disk.
    fn take(&self, event: Stamped) {
        if event.event.durable() || self.inner.derived.receiver_count() == 0 {
            return;
        }
        let Ok(json) = serde_json::to_string(&event) else { return };
        let mut ring = self.ring();
        ring.next += 1;
        ring.bytes += json.len();
        ring.events.push_back(json.into());
        while ring.events.len() > EVENTS || ring.bytes > BYTES {
            let Some(oldest) = ring.events.pop_front() else { break };
            ring.bytes -= oldest.len();
        }
        let next = ring.next;
        drop(ring);
        self.inner.derived.send_modify(|n| *n = next.max(*n));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::Event;
    use crate::time::Utc;

    fn note(text: String) -> Stamped {
        Stamped { t: 0, utc: Utc(0), station: "moscow".parse().unwrap(), port: None, id: None, event: Event::Note { text } }
    }

    #[test]
    fn a_reader_gets_what_it_has_not_had_and_the_number_it_lost() {
        let feed = Feed::new(0);
        let _reader = feed.derived();
        (0..10).for_each(|n| feed.take(note(format!("n{n}"))));
        let (lost, events, next) = feed.read(8, 1 << 20);
        assert_eq!((lost, events.len(), next), (0, 2, 10));
        (0..EVENTS).for_each(|n| feed.take(note(format!("m{n}"))));
        let (lost, events, next) = feed.read(8, 1 << 20);
        assert_eq!((lost, events.len() as u64 + 10, next), (2, next, next));
        assert_eq!(feed.read(next - 2, 1).1.len(), 1, "one event at the least");
    }

    #[test]
    fn large_events_do_not_grow_the_ring() {
        let feed = Feed::new(0);
        let _reader = feed.derived();
        (0..100).for_each(|_| feed.take(note("x".repeat(200_000))));
        assert!(feed.ring().bytes <= BYTES);
        feed.take(note("x".repeat(2 * BYTES)));
        let bytes = feed.ring().bytes;
        assert_eq!((bytes, feed.read(0, 1).0), (0, 101), "one larger than the ring is lost, and counted");
    }

    #[test]
    fn durable_events_are_left_to_the_journal() {
        let feed = Feed::new(4);
        let _reader = feed.derived();
        feed.take(Stamped { event: Event::CameAgain, ..note(String::new()) });
        assert_eq!(feed.read(0, 1).1.len(), 0);
        feed.committed(3);
        assert_eq!(*feed.durable().borrow(), 4, "a number never falls");
    }
}

//! The pacer: hands codes to a device one at a time, on an absolute schedule, from threads of its own.
//!
//! Standards: start-stop at the line's rate (50 Bd, 7.5 units: 150 ms a code). Why threads: under load tokio's timers were seen 15 ms late,
//! and a single thread is late too where the processor is busy (see `punctual`). In: codes, any amount at a time. Out: bytes on a writer, and word of how far it is ([`Paced`]).
//! Left out: flow control (a line has none). The schedule itself (`Schedule`) is a value and is tested in virtual time.
//! Shown by: `line::pacer::tests`, `tests/bench/pacing.rs`.

use super::punctual;
use super::symbol::Code;
use crate::time::{Clock, Instant, Speed};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

/// How many codes a device has still to send.
pub type OutputQueue = Box<dyn FnMut() -> usize + Send>;

/// When, within a code's time on the line, its byte is handed to the device.
pub enum Handover {
    /// At its end: on a pty or TCP the far end has a byte at once, and a receiver has a code only when it is whole.
    AtEnd,
    /// At its start: a UART shifts it out itself. With a way to ask its output queue, no code is handed over while two are waiting.
    AtStart(Option<OutputQueue>),
}

impl std::fmt::Debug for Handover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Handover::AtEnd => "AtEnd",
            Handover::AtStart(_) => "AtStart",
        })
    }
}

/// What a pacer tells.
#[derive(Debug)]
pub enum Paced {
    /// Fewer than the low-water mark are left: send more now and the line stays continuous. Once after each `send`.
    Low,
    /// The last code's time is over.
    Drained,
    /// Stopped by `halt`.
    Halted {
        /// Codes that were not written.
        left: usize,
    },
    /// The device refused; the pacer has ended.
    Failed(io::Error),
}

enum Command {
    Send(Instant, Vec<Code>),
    Halt,
}

/// A handle on a pacer; its threads end, without writing more, when the last clone is dropped.
#[derive(Clone)]
pub struct Pacer {
    clock: Clock,
    desk: Arc<Desk>,
    /// Breaks off a write that the device does not take.
    halts: Arc<Halts>,
}

/// Dropped with the last handle.
struct Halts(watch::Sender<u64>, Arc<Desk>);

impl Drop for Halts {
    fn drop(&mut self) {
        self.1.lock().ended = true;
        self.1.changed.notify_all();
    }
}

impl Pacer {
    /// Starts a pacer on `writer`; `unit` is the real time of one code, zero writes whatever is queued at once.
    ///
    /// The events cannot pile up: at most one `Low` and one `Drained` follow each `send`, one `Halted` each `halt`, one `Failed` at all;
    /// and the queue is as long as what its one sender sends ahead, who waits for `Low`.
    pub fn start<W>(writer: W, unit: Duration, handover: Handover, runtime: Handle) -> (Pacer, UnboundedReceiver<Paced>)
    where
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let clock = Clock::new(None, Speed::REAL); // pacing is real time, not the station's
        let (halts, halted) = watch::channel(0);
        let (events, told) = unbounded_channel();
        let (at_end, output_queue) = match handover {
            Handover::AtEnd => (true, None),
            Handover::AtStart(queue) => (false, queue),
        };
        let schedule = Schedule::new(unit, at_end);
        let writer: Box<dyn AsyncWrite + Send + Unpin> = Box::new(writer);
        let work = Work { writer, unit, output_queue, clock: clock.clone(), halted, events: events.clone(), runtime, schedule };
        let desk = Arc::new(Desk { state: Mutex::new(State { work: Some(work), ..State::default() }), changed: Condvar::new() });
        // Unpaced there is no moment to miss: one ordinary thread.
        let places = if unit.is_zero() { vec![None] } else { punctual::places() };
        for place in places {
            let (desk, clock) = (desk.clone(), clock.clone());
            let thread = std::thread::Builder::new().name("pacer".into());
            if let Err(e) = thread.spawn(move || desk.wake_in_time(&clock, place, unit.is_zero())) {
                let _ = events.send(Paced::Failed(e));
            }
        }
        (Pacer { clock, desk: desk.clone(), halts: Arc::new(Halts(halts, desk)) }, told)
    }

    /// Appends to the queue. An idle line starts at once; else the codes follow without a gap.
    pub fn send(&self, codes: Vec<Code>) {
        self.desk.order(Command::Send(self.clock.now(), codes)); // a pacer that failed has said so
    }

    /// Forgets everything not yet written; answered by [`Paced::Halted`].
    pub fn halt(&self) {
        self.desk.order(Command::Halt);
        self.halts.0.send_modify(|n| *n += 1); // after the order: a write broken off finds it waiting, or is tried again
    }
}

/// Where a pacer's threads meet.
struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Away while one of the threads is at work.
    work: Option<Work>,
    orders: VecDeque<Command>,
    /// When there is work again; `None`: when there is an order.
    next: Option<Instant>,
    ended: bool,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn order(&self, order: Command) {
        let mut state = self.lock();
        if !state.ended {
            state.orders.push_back(order);
            self.changed.notify_all();
        }
    }

    /// One thread: waits with the others, does the work when it is the first to wake.
    fn wake_in_time(&self, clock: &Clock, place: Option<usize>, unpaced: bool) {
        if !unpaced {
            punctual::take_place(place);
        }
        let mut state = self.lock();
        while !state.ended {
            let wait = match (&state.work, state.next) {
                (None, _) => None, // another is at work
                (Some(_), _) if !state.orders.is_empty() => Some(Duration::ZERO),
                (Some(_), Some(at)) => Some(clock.until(at)),
                (Some(_), None) => None,
            };
            state = match wait {
                Some(Duration::ZERO) => self.work(state),
                Some(time) => self.changed.wait_timeout(state, time).unwrap_or_else(|e| e.into_inner()).0,
                None => self.changed.wait(state).unwrap_or_else(|e| e.into_inner()),
            };
        }
    }

    fn work<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let Some(mut work) = state.work.take() else { return state };
        let orders = std::mem::take(&mut state.orders);
        drop(state);
        let next = work.turn(orders);
        let mut state = self.lock();
        match next {
            Ok(next) => {
                state.next = next;
                state.work = Some(work);
            }
            Err(e) => {
                let _ = work.events.send(Paced::Failed(e));
                state.ended = true;
            }
        }
        self.changed.notify_all(); // the others wait for the new moment
        state
    }
}

/// What the pacer's threads pass to each other.
struct Work {
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    unit: Duration,
    output_queue: Option<OutputQueue>,
    clock: Clock,
    halted: watch::Receiver<u64>,
    events: UnboundedSender<Paced>,
    runtime: Handle,
    schedule: Schedule,
}

impl Work {
    /// Takes the orders, does what is due, at most one write; answers with the moment there is more.
    fn turn(&mut self, orders: VecDeque<Command>) -> io::Result<Option<Instant>> {
        orders.into_iter().for_each(|order| self.obey(order));
        loop {
            let now = self.clock.now();
            match self.schedule.step(now) {
                Step::Idle => return Ok(None),
                Step::Wait(until) => return Ok(Some(until)),
                Step::Tell(paced) => {
                    let _ = self.events.send(paced);
                }
                Step::Hand(_) if self.device_is_behind() => self.schedule.put_off(now + self.unit / 4),
                Step::Hand(codes) => {
                    let written = self.write(&codes)?;
                    self.schedule.handed(written);
                    return Ok(Some(now)); // orders first
                }
            }
        }
    }

    fn obey(&mut self, order: Command) {
        match order {
            Command::Send(at, codes) => self.schedule.append(at, codes),
            Command::Halt => {
                self.halted.borrow_and_update();
                let left = self.schedule.halt(self.clock.now());
                let _ = self.events.send(Paced::Halted { left });
            }
        }
    }

    /// Two codes waiting in a UART are enough: it may be slower than asked (45 Bd for 45.45, 2 stop bits for 1.5).
    fn device_is_behind(&mut self) -> bool {
        self.output_queue.as_mut().is_some_and(|queue| queue() >= 2)
    }

    /// Writes what the device takes at once; zero when a halt, or the end of all handles, broke it off.
    fn write(&mut self, codes: &[u8]) -> io::Result<usize> {
        let Work { writer, halted, runtime, .. } = self;
        runtime.block_on(async {
            let written = tokio::select! {
                biased;
                written = writer.write(codes) => written?,
                // The order that did this is waiting, or all handles are gone.
                _ = halted.changed() => return Ok(0),
            };
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            // Taken is sent, also if a halt comes before TLS has handed its record on: it goes with the next.
            tokio::select! {
                biased;
                flushed = writer.flush() => flushed?,
                _ = halted.changed() => {}
            }
            Ok(written)
        })
    }
}

/// What to do now.
#[derive(Debug)]
enum Step {
    Idle,
    Wait(Instant),
    Hand(Vec<u8>),
    Tell(Paced),
}

/// Unpaced codes are handed over this many at a time.
const UNPACED: usize = 4096;

/// The schedule: one code a slot, slots back to back while there are codes. A value; time is passed in.
#[derive(Debug)]
struct Schedule {
    unit: Duration,
    at_end: bool,
    /// Fewer than this many left is low.
    mark: usize,
    queue: VecDeque<u8>,
    /// When the line is free for the next code: the start of the slot of the first in the queue.
    free_at: Instant,
    low_owed: bool,
    drained_owed: bool,
}

impl Schedule {
    fn new(unit: Duration, at_end: bool) -> Schedule {
        // About 0.3 s, in which whoever feeds the line can surely answer; at least 3 codes.
        let mark = Duration::from_millis(300).as_micros().checked_div(unit.as_micros()).unwrap_or(1).clamp(3, 1000) as usize;
        let queue = VecDeque::new();
        Schedule { unit, at_end, mark, queue, free_at: Instant::ZERO, low_owed: false, drained_owed: false }
    }

    fn append(&mut self, at: Instant, codes: Vec<Code>) {
        if self.queue.is_empty() {
            self.free_at = self.free_at.max(at); // ran dry: from now
        }
        self.queue.extend(codes.iter().map(|c| c.value()));
        (self.low_owed, self.drained_owed) = (true, true);
    }

    fn halt(&mut self, now: Instant) -> usize {
        let left = self.queue.len();
        if left > 0 {
            self.free_at = self.free_at.min(now.max(self.begun(now))); // the slot that had begun is given up
        }
        self.queue.clear();
        (self.low_owed, self.drained_owed) = (false, false);
        left
    }

    /// A UART's code that is already on the wire stays there to its end.
    fn begun(&self, now: Instant) -> Instant {
        if self.at_end { now } else { self.free_at }
    }

    fn step(&mut self, now: Instant) -> Step {
        if self.low_owed && self.queue.len() < self.mark {
            self.low_owed = false;
            return Step::Tell(Paced::Low);
        }
        if self.queue.is_empty() {
            return match self.drained_owed {
                true if now < self.free_at => Step::Wait(self.free_at),
                true => {
                    self.drained_owed = false;
                    Step::Tell(Paced::Drained)
                }
                false => Step::Idle,
            };
        }
        if self.unit.is_zero() {
            return Step::Hand(self.queue.iter().copied().take(UNPACED).collect());
        }
        let before = if self.at_end { self.unit } else { Duration::ZERO };
        let due = self.free_at + before;
        if now < due {
            return Step::Wait(due);
        }
        if now > due + self.unit * 2 {
            // Held up for longer (a far end that did not read, a stopped process): go on from here, never in a rush.
            self.free_at = Instant(now.0.saturating_sub(before.as_micros() as u64));
        }
        Step::Hand(self.queue.front().copied().into_iter().collect())
    }

    fn handed(&mut self, written: usize) {
        for _ in self.queue.drain(..written.min(self.queue.len())) {
            self.free_at += self.unit;
        }
    }

    /// The device is not ready: the slot begins at `until` (AtStart only; nothing has been handed over).
    fn put_off(&mut self, until: Instant) {
        self.free_at = self.free_at.max(until);
    }
}

#[cfg(test)]
#[path = "pacer_tests.rs"]
mod tests;

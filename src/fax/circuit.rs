//! A simulated telephone circuit with a fax modem at each end: orders in, what is heard out, with the times of life.
//!
//! Standards: V.21 and its preamble (T.30 5.3.1), training times and rates (`line::modulation`), HDLC (`hdlc`). Noise, bursts, delay, cuts: `line::voice`.
//! In: orders of either end, with the time. Out: [`Due`]s for whoever owns the time (`line::driver`, a live clock); handed back when due.
//! A modem that sends hears nothing; a signal whose beginning was missed is heard from the next flags on (V.21), or not at all.
//! Left out: echo, tones' spectra, two signals on top of each other. Shown by: the tests below, `tests/it/fax_call.rs`.

use super::hdlc::{Deframer, Framer};
use super::modem::{CED, CNG_OFF, CNG_ON, FAST_PREAMBLE, Fast, Heard, Modulation, Order, PREAMBLE, SILENCE, Signal, Tone};
use crate::line::{Quality, Voice};
use crate::time::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

/// Something that happens at one end.
#[derive(Clone, PartialEq, Debug)]
pub struct Due {
    /// When.
    pub at: Instant,
    /// At which end, 0 or 1.
    pub end: usize,
    /// The signal it belongs to.
    signal: u64,
    what: What,
}

#[derive(Clone, PartialEq, Debug)]
enum What {
    /// The far end's signal begins, or can be joined.
    Begins(Carrying),
    /// Part of it; when that entered the circuit.
    Part(Heard, Instant),
    /// It is over; when it was.
    Over(Instant),
    /// This end's signal is out.
    Sent,
    /// The next calling tone of this end is due.
    Cng,
}

/// What a signal is carried by.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Carrying {
    V21,
    /// And whether the far modem can train on it.
    Fast(Fast, bool),
}

#[derive(Clone, Debug, Default)]
struct End {
    /// The signal it sends, and when it is out.
    sending: Option<(u64, Instant)>,
    /// A signal of it that was broken off, and when.
    broken: Option<(u64, Instant)>,
    /// What it listens for; `None`: it does not.
    listens: Option<Option<Fast>>,
    /// The signal it hears.
    hears: Option<u64>,
    /// A signal it cannot read.
    passes: Option<u64>,
    /// A signal whose carrier it lost.
    lost: Option<u64>,
    calls: bool,
    gone: bool,
}

/// What is planned for a signal, whatever the noise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It does not arrive.
    Lost,
    /// One bit of every fifty is turned over.
    Damaged,
    /// Of its frames these, from 0, have a bit turned over.
    FramesDamaged(Vec<usize>),
    /// The far modem cannot train on it.
    Unreadable,
    /// It is another: a far end that does what it should not.
    Becomes(Signal),
}

/// The circuit.
#[derive(Clone, Debug)]
pub struct Circuit {
    planned: BTreeMap<(usize, usize), Fate>,
    sent: [usize; 2],
    ways: [Voice; 2],
    ends: [End; 2],
    signals: u64,
    piece: Duration,
    due: Vec<Due>,
}

impl Due {
    /// Whether nothing is on its way with it: a tone's next sounding. Who skips time waits for these as in life, or would skip for ever.
    pub fn is_pause(&self) -> bool {
        self.what == What::Cng
    }
}

impl Circuit {
    /// A circuit with the same quality both ways. A page's bits are heard in pieces of `piece`.
    pub fn new(quality: Quality, seed: u64, piece: Duration) -> Circuit {
        let ways = [0, 1].map(|direction| Voice::new(quality, seed, direction));
        let ends = [End::default(), End::default()];
        Circuit { planned: BTreeMap::new(), sent: [0; 2], ways, ends, signals: 0, piece, due: vec![] }
    }
    /// The way from an end (0 or 1).
    pub fn way(&mut self, from: usize) -> &mut Voice {
        &mut self.ways[from]
    }

    /// A new call: what the ends did in the last one is forgotten. (What was still due of it is for its owner to throw away.)
    pub fn begin_call(&mut self) {
        self.ends = [End::default(), End::default()];
        self.due.clear();
    }

    /// Plans what becomes of the n-th signal (from 0) that an end is told to send.
    pub fn plan(&mut self, end: usize, n: usize, fate: Fate) {
        self.planned.insert((end, n), fate);
    }

    /// An end's modem is told something. Returns what comes of it.
    pub fn order(&mut self, now: Instant, end: usize, order: Order) -> Vec<Due> {
        self.break_off(now, end);
        let this = &mut self.ends[end];
        this.calls = false;
        match order {
            Order::Listen(fast) => this.listens = Some(fast),
            Order::HangUp => (this.listens, this.hears, this.gone) = (None, None, true),
            Order::Tone(Tone::Cng) => {
                (this.listens, this.calls) = (Some(None), true);
                self.cng(now, end);
            }
            Order::Tone(Tone::Ced) => {
                (this.listens, this.hears) = (None, None);
                let signal = self.begin(end, now + CED);
                self.part(now, end, signal, CNG_ON, Heard::Tone(Tone::Ced));
                self.push(now + CED, end, signal, What::Sent);
            }
            Order::Send(signal) => {
                (this.listens, this.hears) = (None, None);
                self.send(now + SILENCE, end, signal);
            }
        }
        std::mem::take(&mut self.due)
    }
    /// A `Due` whose time has come. Returns who hears what, if anybody does, and what comes of it.
    pub fn happen(&mut self, due: Due) -> (Option<(usize, Heard)>, Vec<Due>) {
        let heard = self.hear(&due).map(|heard| (due.end, heard));
        (heard, std::mem::take(&mut self.due))
    }

    fn hear(&mut self, due: &Due) -> Option<Heard> {
        let from = 1 - due.end;
        let delay = self.ways[from].quality().delay;
        match &due.what {
            What::Sent => {
                let end = &mut self.ends[due.end];
                let ours = end.sending.is_some_and(|(signal, _)| signal == due.signal);
                end.sending = end.sending.filter(|_| !ours);
                ours.then_some(Heard::Sent)
            }
            What::Cng => {
                if self.ends[due.end].calls && !self.ends[due.end].gone {
                    self.cng(due.at, due.end);
                }
                None
            }
            What::Begins(carrying) => {
                let entered = Instant(due.at.since(Instant::ZERO + delay).as_micros() as u64);
                if self.lost(from, due.signal, entered) {
                    return None;
                }
                self.begins(due.end, due.signal, *carrying)
            }
            What::Part(heard, entered) => {
                let lost = self.lost(from, due.signal, *entered);
                self.part_comes(due, heard, lost)
            }
            What::Over(_) => {
                let end = &mut self.ends[due.end];
                let known = end.hears == Some(due.signal) || end.passes == Some(due.signal);
                end.hears = end.hears.filter(|s| *s != due.signal);
                end.passes = end.passes.filter(|s| *s != due.signal);
                known.then_some(Heard::Quiet)
            }
        }
    }
    /// Part of a signal comes, or would have come. Who loses a carrier does not find it again; it knows that something passes.
    fn part_comes(&mut self, due: &Due, heard: &Heard, lost: bool) -> Option<Heard> {
        let end = &mut self.ends[due.end];
        if matches!(heard, Heard::Tone(_)) {
            return (end.listens.is_some() && !lost).then(|| heard.clone());
        }
        if end.hears == Some(due.signal) {
            if lost {
                (end.hears, end.lost) = (None, Some(due.signal));
                return Some(Heard::Quiet);
            }
            return Some(heard.clone());
        }
        let again = end.lost == Some(due.signal) && !lost && end.listens.is_some();
        again.then(|| {
            (end.lost, end.passes) = (None, Some(due.signal));
            Heard::Unreadable
        })
    }
    /// A signal begins at an end: can it be heard?
    fn begins(&mut self, at: usize, signal: u64, carrying: Carrying) -> Option<Heard> {
        let end = &mut self.ends[at];
        let listens = end.listens.filter(|_| !end.gone)?;
        if end.hears.is_some() || end.passes == Some(signal) || end.lost == Some(signal) {
            return None;
        }
        let (fits, carrier) = match carrying {
            Carrying::V21 => (true, None),
            // The long training is understood by who expects the short one, and no more.
            Carrying::Fast(fast, trains) => {
                let fits = listens.is_some_and(|l| l.modulation == fast.modulation && l.framed == fast.framed);
                (fits && trains, Some(fast.modulation))
            }
        };
        if fits {
            end.hears = Some(signal);
            Some(Heard::Carrier(carrier))
        } else {
            end.passes = Some(signal);
            Some(Heard::Unreadable)
        }
    }
    /// Whether what entered the circuit then did not get through.
    fn lost(&self, from: usize, signal: u64, entered: Instant) -> bool {
        let broken = self.ends[from].broken.is_some_and(|(s, at)| s == signal && entered >= at);
        broken || self.ways[from].is_cut(entered)
    }
    /// What an end sends ends now, before its time.
    fn break_off(&mut self, now: Instant, end: usize) {
        if let Some((signal, until)) = self.ends[end].sending.take().filter(|(_, until)| *until > now) {
            self.ends[end].broken = Some((signal, now));
            let _ = until;
            let delay = self.ways[end].quality().delay;
            self.push(now + delay, 1 - end, signal, What::Over(now));
        }
    }

    fn begin(&mut self, end: usize, until: Instant) -> u64 {
        self.signals += 1;
        self.ends[end].sending = Some((self.signals, until));
        self.signals
    }
    fn push(&mut self, at: Instant, end: usize, signal: u64, what: What) {
        self.due.push(Due { at, end, signal, what });
    }
    /// Something that is known at the far end when `after` of the signal that began at `start` has arrived.
    fn part(&mut self, start: Instant, from: usize, signal: u64, after: Duration, heard: Heard) {
        let delay = self.ways[from].quality().delay;
        self.push(start + after + delay, 1 - from, signal, What::Part(heard, start + after));
    }
    fn cng(&mut self, now: Instant, end: usize) {
        self.signals += 1;
        let signal = self.signals;
        self.part(now, end, signal, CNG_ON, Heard::Tone(Tone::Cng));
        self.push(now + CNG_ON + CNG_OFF, end, signal, What::Cng);
    }

    fn send(&mut self, start: Instant, end: usize, signal: Signal) {
        let fate = self.planned.remove(&(end, self.sent[end]));
        self.sent[end] += 1;
        let before = self.due.len();
        let (mut signal, mut hit) = (signal, vec![]);
        match &fate {
            Some(Fate::Becomes(other)) => signal = other.clone(),
            Some(Fate::FramesDamaged(frames)) => hit.clone_from(frames),
            Some(Fate::Damaged | Fate::Lost | Fate::Unreadable) | None => {}
        }
        let (damaged, readable) = (fate == Some(Fate::Damaged), fate != Some(Fate::Unreadable));
        match signal {
            Signal::Frames(frames) => {
                let mut framer = Framer::new();
                framer.flags(flags(PREAMBLE, Modulation::V21));
                let joins: Vec<u64> = frames.iter().map(|f| (framer.bits(), framer.frame(f)).0).collect();
                let line = Line { carrying: Carrying::V21, trained: Duration::ZERO, joins, framer, hit, damaged };
                self.frames(start, end, line);
            }
            Signal::FastFrames(fast, frames) => {
                let mut framer = Framer::new();
                framer.flags(flags(FAST_PREAMBLE, fast.modulation));
                let joins: Vec<u64> = frames.iter().map(|f| (framer.bits(), framer.frame(f)).0).collect();
                let trained = fast.modulation.training(fast.training);
                let carrying = Carrying::Fast(fast, readable && self.ways[end].trains(fast.modulation, start));
                self.frames(start, end, Line { carrying, trained, joins, framer, hit, damaged });
            }
            Signal::Bits(fast, mut bits) => {
                if damaged {
                    turn_over(&mut bits);
                }
                let carrying = Carrying::Fast(fast, readable && self.ways[end].trains(fast.modulation, start));
                self.bits(start, end, (fast, carrying), bits);
            }
        }
        if fate == Some(Fate::Lost) {
            let kept = self.due.split_off(before);
            self.due.extend(kept.into_iter().filter(|due| due.what == What::Sent));
        }
    }
    /// Frames: each is heard when its last bit has come.
    fn frames(&mut self, start: Instant, from: usize, line: Line) {
        let Line { carrying, trained, joins, framer, hit, damaged } = line;
        let modulation = match carrying {
            Carrying::V21 => Modulation::V21,
            Carrying::Fast(fast, _) => fast.modulation,
        };
        let (count, mut bits) = (framer.bits(), framer.finish());
        let begin = start + trained;
        let (delay, signal) = (self.ways[from].quality().delay, self.begin(from, begin + modulation.time(count)));
        // V.21 is known by its first flags, a fifth of a second, or by those between frames. A fast carrier is joined at its training or not at all.
        let v21 = carrying == Carrying::V21;
        let more = joins.iter().filter(|_| v21).map(|j| j.saturating_sub(8));
        for join in [if v21 { 60 } else { 0 }].into_iter().chain(more) {
            self.push(begin + modulation.time(join) + delay, 1 - from, signal, What::Begins(carrying));
        }
        self.ways[from].carry(begin, modulation, &mut bits);
        for join in hit.iter().filter_map(|n| joins.get(*n)) {
            bits[(*join / 8) as usize + 2] ^= 1; // the frame's second octet or so
        }
        if damaged {
            turn_over(&mut bits);
        }
        let mut deframer = Deframer::new();
        for (n, byte) in bits.iter().enumerate() {
            let mut found = vec![];
            deframer.push(&[*byte], &mut |f| found.push(f));
            for frame in found {
                let heard = frame.map_or_else(|flaw| Heard::Damaged(flaw.to_string()), Heard::Frame);
                self.part(begin, from, signal, modulation.time((n as u64 + 1) * 8).min(modulation.time(count)), heard);
            }
        }
        self.over(begin + modulation.time(count), from, signal);
    }
    fn bits(&mut self, start: Instant, from: usize, (fast, carrying): (Fast, Carrying), mut bits: Vec<u8>) {
        let modulation = fast.modulation;
        let begin = start + modulation.training(fast.training);
        let end = begin + modulation.time(bits.len() as u64 * 8);
        let (delay, signal) = (self.ways[from].quality().delay, self.begin(from, end));
        self.push(begin + delay, 1 - from, signal, What::Begins(carrying));
        self.ways[from].carry(begin, modulation, &mut bits);
        let octets = (self.piece.as_micros() as u64 * u64::from(modulation.bit_rate()) / 8_000_000).max(1) as usize;
        for (n, piece) in bits.chunks(octets).enumerate() {
            let after = modulation.time((n * octets + piece.len()) as u64 * 8);
            self.part(begin, from, signal, after, Heard::Bits(piece.to_vec()));
        }
        self.over(end, from, signal);
    }
    fn over(&mut self, at: Instant, from: usize, signal: u64) {
        let delay = self.ways[from].quality().delay;
        self.push(at + delay, 1 - from, signal, What::Over(at));
        self.push(at, from, signal, What::Sent);
    }
}

/// Frames as bits, on their way.
struct Line {
    carrying: Carrying,
    trained: Duration,
    /// Bits at which frames begin.
    joins: Vec<u64>,
    framer: Framer,
    hit: Vec<usize>,
    damaged: bool,
}

fn turn_over(bits: &mut [u8]) {
    (0..bits.len() * 8).step_by(50).for_each(|at| bits[at / 8] ^= 1 << (at % 8));
}

/// Flags that fill a time.
fn flags(time: Duration, modulation: Modulation) -> usize {
    (time.as_millis() as usize * modulation.bit_rate() as usize).div_ceil(8000)
}

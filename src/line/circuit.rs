//! A simulated circuit, one direction: symbols go in with their time, arrivals come out with theirs, errors drawn.
//!
//! Standards: none. Seeding: xoshiro256++ from `seed_from_u64(seed XOR (direction × 2 + stream) << 56)`, stream 0 for symbols, 1 for bursts;
//! a stretch of bursts is seeded with its number added. In: a burst of symbols, cuts, planned faults. Out: [`Arrival`]s, fates.
//! Left out: queueing (symbols last `unit` each; the sender keeps its own pace). A cut is at the near end: what has passed it arrives.
//! Shown by: `line::circuit::tests`, `tests/it/line.rs`.

use super::profile::{Burst, Noise, Profile};
use super::symbol::Symbol;
use crate::time::Instant;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What became of a symbol.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// Arrived as sent.
    Ok,
    /// Arrived with one or more bits turned over.
    Flip,
    /// Lost.
    Drop,
    /// Arrived twice.
    Double,
    /// Lost in a cut.
    Cut,
}

/// A symbol at the far end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrival<S> {
    /// The end of the symbol at the far end.
    pub at: Instant,
    /// As it arrived.
    pub symbol: S,
    /// Ok, Flip or Double (a doubled one is there twice, at one moment).
    pub fate: Fate,
}

/// One direction of a simulated circuit. A value: the same seed and the same calls give the same arrivals.
#[derive(Clone, Debug)]
pub struct Circuit<S> {
    profile: Profile,
    noise: Noise,
    luck: Xoshiro256PlusPlus,
    bursts: Bursts,
    cuts: Vec<(Instant, Option<Instant>)>,
    planned: BTreeMap<u64, Fate>,
    carried: u64,
    symbol: std::marker::PhantomData<S>,
}

impl<S: Symbol> Circuit<S> {
    /// A circuit of a profile; `direction` (0 or 1) gives each way its own errors from one seed.
    pub fn new(profile: Profile, seed: u64, direction: u8) -> Self {
        let stream = |n: u64| seed ^ ((u64::from(direction) * 2 + n) << 56);
        Circuit {
            profile,
            noise: Noise::Profile,
            luck: Xoshiro256PlusPlus::seed_from_u64(stream(0)),
            bursts: Bursts::new(stream(1)),
            cuts: Vec::new(),
            planned: BTreeMap::new(),
            carried: 0,
            symbol: std::marker::PhantomData,
        }
    }

    /// Carries `symbols` sent back to back, the first starting at `start`, each lasting `unit`: arrivals in order of time
    /// (a dropped or cut one is not there, a doubled one twice).
    pub fn carry(&mut self, start: Instant, unit: Duration, symbols: &[S]) -> Vec<Arrival<S>> {
        self.carry_logged(start, unit, symbols, &mut |_, _, _| ())
    }

    /// [`Circuit::carry`]; `log` gets every symbol with the time it began, as sent, and its fate: the lost ones too.
    pub fn carry_logged(
        &mut self,
        start: Instant,
        unit: Duration,
        symbols: &[S],
        log: &mut dyn FnMut(Instant, S, Fate),
    ) -> Vec<Arrival<S>> {
        self.cuts.retain(|(_, until)| until.is_none_or(|u| u > start));
        let mut arrivals = Vec::with_capacity(symbols.len());
        for (i, symbol) in symbols.iter().enumerate() {
            let sent = start + times(unit, i);
            let (fate, arrived) = self.pass(sent, unit, *symbol);
            log(sent, *symbol, fate);
            let arrival = Arrival { at: start + times(unit, i + 1) + self.profile.delay, symbol: arrived, fate };
            match fate {
                Fate::Ok | Fate::Flip => arrivals.push(arrival),
                Fate::Double => arrivals.extend([arrival, arrival]),
                Fate::Drop | Fate::Cut => (),
            }
        }
        arrivals
    }

    /// One symbol's fate. The same number of draws whatever happens: the n-th symbol's luck does not hang on the others'.
    fn pass(&mut self, sent: Instant, unit: Duration, symbol: S) -> (Fate, S) {
        let index = self.carried;
        self.carried += 1;
        let p = self.noise.over(self.profile);
        let draw = self.luck.next_u64();
        let (loss, bit) = (scale(draw, 1_000_000), (draw & 0xffff_ffff) as u32 % S::BITS);
        let mut hit = symbol;
        for i in 0..S::BITS {
            let at = sent + times(unit, i as usize) / S::BITS;
            let burst = p.burst.filter(|b| self.bursts.covers(b, at));
            let rate = burst.map_or(p.bit_errors_ppb, |b| b.bit_errors_ppb);
            if scale(self.luck.next_u64(), 1_000_000_000) < rate {
                hit = hit.flip(i);
            }
        }
        let drawn = match loss {
            n if n < p.drop_ppm => Fate::Drop,
            n if n < p.drop_ppm.saturating_add(p.double_ppm) => Fate::Double,
            _ if hit != symbol => Fate::Flip,
            _ => Fate::Ok,
        };
        match self.planned.remove(&index) {
            _ if self.is_cut(sent, unit) => (Fate::Cut, symbol),
            Some(Fate::Flip) => (Fate::Flip, symbol.flip(bit)),
            Some(fate) => (fate, symbol),
            None if drawn == Fate::Flip => (drawn, hit),
            None => (drawn, symbol),
        }
    }

    fn is_cut(&self, sent: Instant, unit: Duration) -> bool {
        let end = sent + unit.max(Duration::from_micros(1)); // a symbol without length still is somewhere
        self.cuts.iter().any(|(from, until)| *from < end && until.is_none_or(|u| u > sent))
    }

    /// Whether a symbol that was to arrive at `at` is lost in a cut made after it was carried (for whoever carries ahead of time).
    pub fn cuts_arrival(&self, at: Instant, unit: Duration) -> bool {
        let sent = Instant(at.since(Instant::ZERO + self.profile.delay + unit).as_micros() as u64);
        self.is_cut(sent, unit)
    }

    /// Cuts the circuit: symbols under way at the near end between `from` and `until` (or [`Circuit::restore`]) are lost.
    pub fn cut(&mut self, from: Instant, until: Option<Instant>) {
        let covers = |(f, u): &(Instant, Option<Instant>)| *f <= from && u.is_none_or(|u| until.is_some_and(|until| until <= u));
        if !self.cuts.iter().any(covers) {
            self.cuts.push((from, until));
        }
    }

    /// Ends the cuts that run at `at`. Cuts that begin later stay.
    pub fn restore(&mut self, at: Instant) {
        for (from, until) in &mut self.cuts {
            if *from <= at && until.is_none_or(|u| u > at) {
                *until = Some(at);
            }
        }
    }

    /// Chooses the errors.
    pub fn set_noise(&mut self, noise: Noise) {
        self.noise = noise;
    }

    /// Becomes another kind of circuit; the seed goes on.
    pub fn set_profile(&mut self, profile: Profile) {
        self.profile = profile;
        self.bursts = self.bursts.anew();
    }

    /// The profile in force.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Plans a fault for the symbol of number `index` (counted from 0 as they enter this direction); it happens exactly there,
    /// whatever the noise, unless the circuit is cut then. `Flip` turns over one drawn bit.
    pub fn plan(&mut self, index: u64, fate: Fate) {
        self.planned.insert(index, fate);
    }

    /// Faults planned and still to come.
    pub fn planned(&self) -> usize {
        self.planned.len()
    }

    /// How many symbols have entered.
    pub fn carried(&self) -> u64 {
        self.carried
    }
}

/// `unit` × `n`, held at the largest duration.
fn times(unit: Duration, n: usize) -> Duration {
    unit.saturating_mul(u32::try_from(n).unwrap_or(u32::MAX))
}

/// A draw brought to 0..`range`, in integers (the upper 32 bits, multiplied).
pub(super) fn scale(draw: u64, range: u32) -> u32 {
    (((draw >> 32) * u64::from(range)) >> 32) as u32
}

/// From, until: microseconds.
type Span = (u64, u64);

/// When the bursts are. Time is cut into stretches of the mean interval; each has none, one or two bursts (1 : 2 : 1), drawn from its
/// number. So a burst is found in constant time after any silence, and does not depend on what was sent.
#[derive(Clone, Debug)]
pub(super) struct Bursts {
    seed: u64,
    /// The stretch made last, with the bursts that may reach into it.
    made: Option<(u64, [Option<Span>; 4])>,
}

impl Bursts {
    pub(super) fn new(seed: u64) -> Bursts {
        Bursts { seed, made: None }
    }
    /// The same luck for another kind of burst.
    pub(super) fn anew(&self) -> Bursts {
        Bursts::new(self.seed)
    }
    pub(super) fn covers(&mut self, burst: &Burst, at: Instant) -> bool {
        let length = micros(burst.mean_interval).max(1);
        let stretch = at.0 / length;
        let made = match self.made {
            Some((n, made)) if n == stretch => made,
            _ => {
                let before = stretch.checked_sub(1).map_or([None; 2], |n| self.stretch(burst, n));
                let [a, b] = self.stretch(burst, stretch);
                let made = [before[0], before[1], a, b];
                self.made = Some((stretch, made));
                made
            }
        };
        made.iter().flatten().any(|(from, until)| (*from..*until).contains(&at.0))
    }

    fn stretch(&self, burst: &Burst, number: u64) -> [Option<Span>; 2] {
        let mut luck = Xoshiro256PlusPlus::seed_from_u64(self.seed.wrapping_add(number));
        let interval = micros(burst.mean_interval).max(1);
        let longest = (micros(burst.mean_length) * 2).min(interval);
        let count = [0, 1, 1, 2][(luck.next_u64() >> 62) as usize];
        let mut draw = || {
            let from = number.saturating_mul(interval).saturating_add(luck.next_u64() % interval);
            (from, from.saturating_add(luck.next_u64() % longest.max(1)))
        };
        let (first, second) = (draw(), draw());
        [(count > 0).then_some(first), (count > 1).then_some(second)]
    }
}

fn micros(d: Duration) -> u64 {
    u64::try_from(d.as_micros()).unwrap_or(u64::MAX / 4).min(u64::MAX / 4)
}

#[cfg(test)]
#[path = "circuit_tests.rs"]
mod tests;

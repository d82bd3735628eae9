//! A simulated voice circuit, one direction: a modem's bits go in, the same with errors come out, later.
//!
//! Standards: none (the modulations' curves are in `modulation`). Seeding: xoshiro256++ as in `circuit`, streams 4 to 7 of a seed.
//! In: bits and when they begin. Out: how many were turned over, in place; whether the far modem could train. Cuts as in `circuit`: at the near end.
//! Left out: tones and silence (see `fax::circuit`); noise is a signal-to-noise ratio, bursts are in time. Shown by: the tests below.

use super::circuit::{Bursts, scale};
use super::modulation::Modulation;
use super::profile::{Burst, Profile};
use crate::time::Instant;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::time::Duration;

/// A modem cannot train, nor hold a carrier, where it mistakes more bits than this, per billion. Ours: one in ten.
pub const UNREADABLE_PPB: u32 = 100_000_000;

/// How good a circuit is. Ratios of signal to noise are in tenths of a decibel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quality {
    /// One way.
    pub delay: Duration,
    /// Always.
    pub snr: i32,
    /// Stretches of time with another ratio. (The burst's own rate of errors is not used: each modulation has its curve.)
    pub burst: Option<(Burst, i32)>,
}

impl Quality {
    /// A ratio at which nothing errs.
    pub const CLEAN: i32 = 400;
    /// Ours: V.17 fails its training check at 14400 and 12000, and passes at 9600.
    pub const LIGHT: i32 = 190;
    /// Ours: V.17 passes at 7200 only; of the older modulations only 2400.
    pub const HEAVY: i32 = 140;

    /// No noise.
    pub const fn clean(delay: Duration) -> Quality {
        Quality { delay, snr: Quality::CLEAN, burst: None }
    }
    /// One hop by a geostationary satellite: 268 ms (`profile`).
    pub const fn geo() -> Quality {
        Quality::clean(Duration::from_millis(268))
    }
    /// The voice circuit by the way of a profile. Its ratios are ours: a wire or a satellite at which 14400 bit/s just pass without
    /// errors, radio at which 7200 do, with the profile's own fades, in which nothing can be read.
    pub fn of(profile: &Profile) -> Quality {
        let fades = |burst: Burst| (burst, Quality::FADE);
        let snr = match profile {
            Profile { bit_errors_ppb: 0, .. } => Quality::CLEAN,
            Profile { burst: Some(_), .. } => Quality::RADIO,
            Profile { .. } => Quality::TRUNK,
        };
        Quality { delay: profile.delay, snr, burst: profile.burst.map(fades) }
    }
    /// Ours: a leased trunk, by wire or satellite.
    pub const TRUNK: i32 = 300;
    /// Ours: short wave between fades.
    pub const RADIO: i32 = 170;
    /// Ours: short wave in a fade.
    pub const FADE: i32 = 0;
    /// The same way, under other noise.
    pub fn under(self, noise: VoiceNoise) -> Quality {
        match noise {
            VoiceNoise::Profile => self,
            VoiceNoise::Ratio(snr) => Quality { snr, burst: None, ..self },
        }
    }
}

/// What noise a voice circuit has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum VoiceNoise {
    /// Its profile's own.
    #[default]
    Profile,
    /// This ratio of signal to noise, in tenths of a decibel, and no bursts.
    Ratio(i32),
}

impl std::str::FromStr for VoiceNoise {
    type Err = String;
    fn from_str(s: &str) -> Result<VoiceNoise, String> {
        let bad = || format!("no noise `{s}`: there are clean, profile, light, heavy, or a ratio from 0 to 60 dB such as `17.5`");
        match s {
            "clean" | "none" => Ok(VoiceNoise::Ratio(Quality::CLEAN)),
            "profile" => Ok(VoiceNoise::Profile),
            "light" => Ok(VoiceNoise::Ratio(Quality::LIGHT)),
            "heavy" => Ok(VoiceNoise::Ratio(Quality::HEAVY)),
            ratio => {
                let db: f64 = ratio.parse().map_err(|_| bad())?;
                // Tenths: a whole number, so that nothing depends on how a machine rounds later.
                if (0.0..=60.0).contains(&db) { Ok(VoiceNoise::Ratio((db * 10.0).round() as i32)) } else { Err(bad()) }
            }
        }
    }
}

/// One direction. A value: the same seed and the same calls give the same errors.
#[derive(Clone, Debug)]
pub struct Voice {
    quality: Quality,
    luck: Xoshiro256PlusPlus,
    bursts: Bursts,
    cuts: Vec<(Instant, Option<Instant>)>,
}

impl Voice {
    /// `direction` (0 or 1) gives each way its own errors from one seed.
    pub fn new(quality: Quality, seed: u64, direction: u8) -> Voice {
        let stream = |n: u64| seed ^ ((4 + u64::from(direction) * 2 + n) << 56);
        Voice { quality, luck: Xoshiro256PlusPlus::seed_from_u64(stream(0)), bursts: Bursts::new(stream(1)), cuts: vec![] }
    }
    /// How good it is.
    pub fn quality(&self) -> Quality {
        self.quality
    }
    /// Becomes better or worse; the seed goes on.
    pub fn set_quality(&mut self, quality: Quality) {
        self.quality = quality;
        self.bursts = self.bursts.anew();
    }
    /// Errors of a modulation at a moment, per billion.
    pub fn errors_ppb(&mut self, modulation: Modulation, at: Instant) -> u32 {
        let burst = self.quality.burst.filter(|(burst, _)| self.bursts.covers(burst, at));
        modulation.errors_ppb(burst.map_or(self.quality.snr, |(_, snr)| snr))
    }
    /// Carries bits (the lowest of a byte first) that begin at `start`; turns over what errs, and returns how many bits of the line did.
    /// The descrambler makes more of them.
    pub fn carry(&mut self, start: Instant, modulation: Modulation, bits: &mut [u8]) -> usize {
        let count = bits.len() * 8;
        let mut hits = 0;
        for byte in 0..bits.len() {
            let rate = self.errors_ppb(modulation, start + modulation.time(byte as u64 * 8));
            if rate == 0 {
                continue; // luck is drawn only where there is any
            }
            for bit in byte * 8..byte * 8 + 8 {
                if scale(self.luck.next_u64(), 1_000_000_000) < rate {
                    hits += 1;
                    for at in [0].iter().chain(modulation.echoes()).map(|later| bit + later).filter(|at| *at < count) {
                        bits[at / 8] ^= 1 << (at % 8);
                    }
                }
            }
        }
        hits
    }
    /// Whether a modem at the far end can train on a signal that begins at `at`.
    pub fn trains(&mut self, modulation: Modulation, at: Instant) -> bool {
        self.errors_ppb(modulation, at) <= UNREADABLE_PPB
    }
    /// Cuts it from `from` until `until`, or [`Voice::restore`].
    pub fn cut(&mut self, from: Instant, until: Option<Instant>) {
        self.cuts.push((from, until));
    }
    /// Ends the cuts that run at `at`.
    pub fn restore(&mut self, at: Instant) {
        for (from, until) in &mut self.cuts {
            if *from <= at && until.is_none_or(|u| u > at) {
                *until = Some(at);
            }
        }
    }
    /// Whether what enters at `at` is lost.
    pub fn is_cut(&self, at: Instant) -> bool {
        self.cuts.iter().any(|(from, until)| *from <= at && until.is_none_or(|u| at < u))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(quality: Quality, modulation: Modulation, start: u64) -> (usize, Vec<u8>) {
        let mut bits = vec![0; 12_500];
        let hits = Voice::new(quality, 7, 0).carry(Instant(start), modulation, &mut bits);
        (hits, bits)
    }

    #[test]
    fn errors_come_as_often_as_the_curve_says_and_each_makes_three() {
        let light = Quality { snr: Quality::LIGHT, ..Quality::geo() };
        let (hit, bits) = hits(light, Modulation::V17At14400, 0);
        let turned: u32 = bits.iter().map(|b| b.count_ones()).sum();
        assert!((230..370).contains(&hit), "299 in 100,000 expected, {hit} seen");
        assert!((hit * 5 / 2..=hit * 3).contains(&(turned as usize)), "{hit} made {turned}");
        assert_eq!(hits(light, Modulation::V17At9600, 0).0, 0);
        assert_eq!(hits(light, Modulation::V17At14400, 0), (hit, bits), "the same seed");
    }

    #[test]
    fn a_burst_is_in_time_and_hits_whatever_is_sent_then() {
        let burst = Burst { mean_interval: Duration::from_secs(1), mean_length: Duration::from_millis(200), bit_errors_ppb: 0 };
        let quality = Quality { burst: Some((burst, 0)), ..Quality::geo() };
        let (hit, bits) = hits(quality, Modulation::V29At9600, 0);
        let quiet = bits.chunks(60).filter(|c| c.iter().all(|b| *b == 0)).count(); // 50 ms each
        assert!(hit > 2_000 && quiet > 100, "{hit} hits, {quiet} of 209 pieces without one");
    }

    #[test]
    fn a_profile_says_what_a_page_can_be_sent_at() {
        let passes = |profile: &Profile, m: Modulation| m.errors_ppb(Quality::of(profile).snr) < 100_000;
        for trunk in [Profile::clean(), Profile::cable(), Profile::geo(), Profile::molniya()] {
            assert!(passes(&trunk, Modulation::V17At14400), "{}", trunk.name);
            assert_eq!(Quality::of(&trunk).delay, trunk.delay);
        }
        let radio = Profile::hf();
        assert!(!passes(&radio, Modulation::V17At12000) && passes(&radio, Modulation::V17At7200));
        assert!(Quality::of(&radio).burst.is_some_and(|(_, snr)| Modulation::V27ter2400.errors_ppb(snr) > UNREADABLE_PPB));
    }

    #[test]
    fn noise_is_a_word_or_a_ratio() {
        let read = |s: &str| s.parse::<VoiceNoise>().map(|n| Quality::of(&Profile::hf()).under(n));
        assert_eq!(read("profile"), Ok(Quality::of(&Profile::hf())));
        for (text, snr) in [("clean", 400), ("none", 400), ("light", 190), ("heavy", 140), ("17.5", 175), ("0", 0)] {
            assert_eq!(read(text).map(|q| (q.snr, q.burst)), Ok((snr, None)), "{text}");
        }
        for bad in ["loud", "-1", "61", "nan", "", "1e9"] {
            assert!(read(bad).unwrap_err().contains("from 0 to 60 dB"), "{bad}");
        }
    }

    #[test]
    fn a_cut_ends_when_it_is_restored() {
        let mut voice = Voice::new(Quality::geo(), 1, 1);
        voice.cut(Instant(5), None);
        assert!(!voice.is_cut(Instant(4)) && voice.is_cut(Instant(5)));
        voice.restore(Instant(9));
        assert!(voice.is_cut(Instant(8)) && !voice.is_cut(Instant(9)));
    }
}

//! Profiles of simulated circuits: how long a code is under way, and how often it is damaged.
//!
//! Standards: none binding. The one-way delays are the modelling choices of `docs/history.md` (path length × 5 µs/km; the geostationary hop).
//! In: a name. Out: a [`Profile`]. Left out: jitter and distortion of code elements (a code is hit or it is not).
//! Every rate of errors here is ours: no figure for the real circuits is published. Shown by: `line::circuit::tests`.

use std::time::Duration;

/// What a circuit does to what it carries. Rates of bit errors are per billion bits, of lost and doubled symbols per million symbols.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Profile {
    /// Its name, as in scenario files and `--profile`.
    pub name: &'static str,
    /// One way, end of symbol to end of symbol.
    pub delay: Duration,
    /// Bits turned over, per billion, outside bursts.
    pub bit_errors_ppb: u32,
    /// Stretches of time with many errors.
    pub burst: Option<Burst>,
    /// Symbols lost, per million.
    pub drop_ppm: u32,
    /// Symbols that arrive twice, per million.
    pub double_ppm: u32,
}

/// Bursts of errors, in time: they come whether anything is sent or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Burst {
    /// Mean time from one burst to the next.
    pub mean_interval: Duration,
    /// Mean length of a burst (0 to twice this; at most half the interval).
    pub mean_length: Duration,
    /// Bits turned over within a burst, per billion.
    pub bit_errors_ppb: u32,
}

impl Profile {
    /// No delay, no errors: a piece of wire.
    pub const fn clean() -> Profile {
        Profile { name: "clean", delay: Duration::ZERO, bit_errors_ppb: 0, burst: None, drop_ppm: 0, double_ppm: 0 }
    }
    /// The duplex wire by London, Copenhagen, Stockholm and Helsinki, 1963: 80 ms (16,000 km × 5 µs/km).
    /// Ours: one code in about 50,000 hit.
    pub const fn cable() -> Profile {
        Profile { name: "cable", delay: Duration::from_millis(80), bit_errors_ppb: 4_000, burst: None, drop_ppm: 2, double_ppm: 1 }
    }
    /// Radio by Tangier, 1963: 35 ms (10,080 km), with fading. Ours: a fade of a second or so each minute, in which one bit in seven is wrong.
    pub const fn hf() -> Profile {
        let burst =
            Burst { mean_interval: Duration::from_secs(60), mean_length: Duration::from_millis(1_200), bit_errors_ppb: 150_000_000 };
        Profile { name: "hf", delay: Duration::from_millis(35), bit_errors_ppb: 20_000, burst: Some(burst), drop_ppm: 50, double_ppm: 20 }
    }
    /// One hop by a geostationary satellite, 1978: 268 ms. Ours: one code in about 200,000 hit.
    pub const fn geo() -> Profile {
        Profile { name: "geo", delay: Duration::from_millis(268), bit_errors_ppb: 1_000, burst: None, drop_ppm: 1, double_ppm: 0 }
    }

    /// One hop by a Molniya near the top of its ellipse, 1978: 300 ms (145 to 305 ms over a pass, which is left out). Ours: errors as by `geo`.
    pub const fn molniya() -> Profile {
        Profile { name: "molniya", delay: Duration::from_millis(300), ..Profile::geo() }
    }

    /// A glass fibre over land and sea, 2008: 45 ms (the chain of great circles, 8,670 km × 5 µs/km). Ours: next to no errors.
    pub const fn fibre() -> Profile {
        Profile { name: "fibre", delay: Duration::from_millis(45), bit_errors_ppb: 1, ..Profile::clean() }
    }

    /// All of them.
    pub const ALL: [Profile; 6] = [Profile::clean(), Profile::cable(), Profile::hf(), Profile::geo(), Profile::molniya(), Profile::fibre()];

    /// The profile of a name; the error names the nearest.
    pub fn named(name: &str) -> Result<Profile, String> {
        Profile::ALL.into_iter().find(|p| p.name == name).ok_or_else(|| {
            let names = Profile::ALL.map(|p| p.name);
            let near = nearest(name, &names).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
            format!("no profile `{name}`: there are {}{near}", names.join(", "))
        })
    }

    /// The same way, without errors of its own.
    pub(super) const fn quiet(self) -> Profile {
        Profile { bit_errors_ppb: 0, burst: None, drop_ppm: 0, double_ppm: 0, ..self }
    }
}

/// The name most like `word`, if one is at all like it.
pub(crate) fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    let (far, name) = names.iter().map(|n| (strsim::damerau_levenshtein(word, n), *n)).min()?;
    (far <= (name.len() / 3).max(1)).then_some(name)
}

/// Which errors a circuit makes; the delay is always the profile's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Noise {
    /// None, until told otherwise.
    None,
    /// The profile's own.
    #[default]
    Profile,
    /// One bit in 2,000 (about one code in 400).
    Light,
    /// One bit in 50, one code in 500 lost and one in 1,000 doubled.
    Heavy,
}

impl Noise {
    /// What `profile` becomes under this noise.
    pub(super) const fn over(self, profile: Profile) -> Profile {
        match self {
            Noise::None => profile.quiet(),
            Noise::Profile => profile,
            Noise::Light => Profile { bit_errors_ppb: 500_000, ..profile.quiet() },
            Noise::Heavy => Profile { bit_errors_ppb: 20_000_000, drop_ppm: 2_000, double_ppm: 1_000, ..profile.quiet() },
        }
    }
}

impl std::str::FromStr for Noise {
    type Err = String;
    fn from_str(s: &str) -> Result<Noise, String> {
        match s {
            "none" => Ok(Noise::None),
            "profile" => Ok(Noise::Profile),
            "light" => Ok(Noise::Light),
            "heavy" => Ok(Noise::Heavy),
            _ => Err(format!("no noise `{s}`: there are none, profile, light, heavy")),
        }
    }
}

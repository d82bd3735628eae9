//! The keys of a fax port in a station file.
//!
//! Standards: rates, codes, widths and resolutions by the names of ITU-T T.30 and T.4. In: the table `[port.NAME]`, its `backend` taken off.
//! Out: how pages are drawn, a terminal's configuration. Left out: the line (see `backend`). Shown by: the tests below, `fixtures/stations`.

use super::code::Coding;
use super::pages::{self, Look};
use super::t30::{Capabilities, FrameSize, Thresholds, Wishes};
use super::terminal::{Config, Rules};
use crate::key::label::LONGEST;
use crate::line::Modulation;
use crate::message::{Attachments, Name, Takes};
use crate::paper::{Dither, Form, Resolution, Width};
use crate::router::Place;
use crate::time::{Speed, Utc};
use serde::Deserialize;
use std::path::PathBuf;

/// Pages in the spool at most, if the station file does not say.
const SPOOL: usize = 2000;
/// Characters of a number: T.30 5.3.6.2.4.
const NUMBER: usize = 20;

/// All keys, each with its default.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// What carries the calls: `{ t38 = "HOST:PORT", listen = "PORT" }`. In a scenario `{ circuit = NAME }`.
    pub line: Option<toml::Table>,
    /// The station at the far end.
    pub peer: Option<Name>,
    /// This end's telephone number (CSI, TSI): digits, blanks and `+`, 20 at most.
    pub number: String,
    /// The number that is called; names the far end until that names itself.
    pub call: String,
    /// Whether the far end may be a machine of another maker; without it only a station of molink is sent to, and taken from.
    pub foreign: bool,
    /// The desk for what comes from a machine that does not say for whom it is.
    pub desk: Option<Name>,
    /// Error correction: `true`, `false`, or the octets of a frame, 64 or 256.
    pub correction: Correction,
    /// No faster than this, in bits a second.
    pub fastest: u32,
    /// The codes of a page that it sends and takes, the best of which is used: `mh`, `mr`, `mmr`.
    pub codes: Vec<String>,
    /// The paper of what it draws: `a4`, `b4`, `a3`.
    pub width: String,
    /// How fine it draws: `standard`, `fine`, `superfine`.
    pub resolution: String,
    /// How grey becomes black and white.
    pub dither: Option<String>,
    /// Whether a line stands over each page.
    pub header: bool,
    /// Where a page without correction stops being good: `usual`, `strict`.
    pub thresholds: String,
    /// The folder of its key diskettes: with it the line is enciphered (`docs/fax-cipher.md`).
    pub keys: Option<PathBuf>,
    /// How many octets it follows a far end that is ahead on a diskette; further, an operator decides.
    pub key_jump: u64,
    /// At so many octets left on the diskettes a warning is given.
    pub key_warn: Vec<u64>,
    /// How often a call that broke off after a page is made anew at once.
    pub redials: u32,
    /// Pages that the spool holds at most.
    pub spool: usize,
    /// What becomes of files that have no pages: `name` them on the cover, or `refuse` the message. Unset: named if it came as a mail.
    pub attachments: Attachments,
}

/// Error correction as it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "toml::Value")]
pub struct Correction(pub Option<FrameSize>);

impl TryFrom<toml::Value> for Correction {
    type Error = String;
    fn try_from(value: toml::Value) -> Result<Correction, String> {
        match value {
            toml::Value::Boolean(true) | toml::Value::Integer(256) => Ok(Correction(Some(FrameSize::Large))),
            toml::Value::Integer(64) => Ok(Correction(Some(FrameSize::Small))),
            toml::Value::Boolean(false) => Ok(Correction(None)),
            other => Err(format!("correction = `{other}` is not known; give true, false, 64 or 256")),
        }
    }
}

impl Default for Keys {
    fn default() -> Keys {
        Keys {
            line: None,
            peer: None,
            number: String::new(),
            call: String::new(),
            foreign: false,
            desk: None,
            correction: Correction(Some(FrameSize::Large)),
            fastest: 14_400,
            codes: ["mh", "mr", "mmr"].map(str::to_owned).to_vec(),
            width: "a4".into(),
            resolution: "fine".into(),
            dither: None,
            header: true,
            thresholds: "usual".into(),
            keys: None,
            key_jump: 200_000,
            key_warn: vec![100_000, 30_000],
            redials: 2,
            spool: SPOOL,
            attachments: Attachments::AsItCame,
        }
    }
}

impl Keys {
    /// Reads and checks the table; the error is one sentence.
    pub fn read(table: toml::Table) -> Result<Keys, String> {
        let keys: Keys = toml::Value::Table(table).try_into().map_err(|e: toml::de::Error| e.to_string().trim_end().replace('\n', "; "))?;
        for (key, number) in [("number", &keys.number), ("call", &keys.call)] {
            if number.len() > NUMBER || !number.bytes().all(|b| b.is_ascii_digit() || matches!(b, b' ' | b'+')) {
                return Err(format!("{key} = `{number}` is no telephone number; give digits, blanks and +, {NUMBER} at most"));
            }
        }
        keys.look()?;
        keys.wishes()?;
        keys.thresholds()?;
        keys.capabilities()?;
        if keys.redials > 20 {
            return Err(format!("redials = `{}` is out of range; give 0 to 20", keys.redials));
        }
        if !(1..=LONGEST).contains(&keys.key_jump) {
            return Err(format!("key_jump = `{}` is out of range; give 1 to {LONGEST} octets", keys.key_jump));
        }
        if !(pages::MOST_PAGES..=1_000_000).contains(&keys.spool) {
            return Err(format!("spool = `{}` is out of range; give {} to 1000000 pages", keys.spool, pages::MOST_PAGES));
        }
        Ok(keys)
    }
    /// How messages are drawn.
    pub fn look(&self) -> Result<Look, String> {
        let width = match self.width.as_str() {
            "a4" => Width::A4,
            "b4" => Width::B4,
            "a3" => Width::A3,
            other => return Err(format!("width = `{other}` is not known; it is one of a4, b4, a3")),
        };
        let resolution = match self.resolution.as_str() {
            "standard" => Resolution::STANDARD,
            "fine" => Resolution::FINE,
            "superfine" => Resolution::SUPERFINE,
            other => return Err(format!("resolution = `{other}` is not known; it is one of standard, fine, superfine")),
        };
        let dither = match self.dither.as_deref() {
            None | Some("auto") => Dither::Auto,
            Some("none") => Dither::None,
            Some("floyd") => Dither::Floyd,
            Some("ordered") => Dither::Ordered,
            Some(other) => return Err(format!("dither = `{other}` is not known; it is one of auto, none, floyd, ordered")),
        };
        Ok(Look { form: Form { width, resolution }, dither, header: self.header, attachments: self.attachments })
    }
    fn wishes(&self) -> Result<Wishes, String> {
        let fastest = Modulation::FAST.into_iter().filter(|m| m.bit_rate() == self.fastest).max_by_key(|m| m.standard() == "V.17");
        let fastest = fastest.ok_or_else(|| {
            let mut rates: Vec<u32> = Modulation::FAST.iter().map(|m| m.bit_rate()).collect();
            rates.sort_unstable();
            rates.dedup();
            let rates = rates.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
            format!("`fastest = {}` is no rate of a fax; give one of {rates} bits a second", self.fastest)
        })?;
        let mut best = None;
        for code in &self.codes {
            let (rank, coding) = match code.as_str() {
                "mh" => (0, Coding::Mh),
                "mr" => (1, Coding::Mr { k: 4 }),
                "mmr" => (2, Coding::Mmr),
                other => return Err(format!("codes: `{other}` is not known; give some of \"mh\", \"mr\", \"mmr\"")),
            };
            best = best.filter(|(r, _)| *r > rank).or(Some((rank, coding)));
        }
        match best {
            Some((_, best_coding)) if self.codes.iter().any(|c| c == "mh") => {
                Ok(Wishes { fastest, correction: self.correction.0, best_coding })
            }
            _ => Err("codes: `mh` is missing; every fax machine has it".into()),
        }
    }
    fn thresholds(&self) -> Result<Thresholds, String> {
        match self.thresholds.as_str() {
            "usual" => Ok(Thresholds::default()),
            "strict" => Ok(Thresholds::STRICT),
            other => Err(format!("thresholds = `{other}` is not known; it is one of usual, strict")),
        }
    }
    /// What it says it can do: everything, but what is taken out here.
    fn capabilities(&self) -> Result<Capabilities, String> {
        let has = |code: &str| self.codes.iter().any(|c| c == code);
        let correction = self.correction.0.is_some();
        let v17 = self.wishes()?.fastest.standard() == "V.17";
        Ok(Capabilities { mr: has("mr"), mmr: has("mmr") && correction, correction, v17, ..Capabilities::OURS })
    }
    /// What the port carries.
    pub fn takes(&self) -> Takes {
        Takes { attachments: self.attachments, ..pages::takes() }
    }
    /// A terminal's configuration (but its port's name) at `station`, whose clock runs at `speed` from `epoch`; the error is one sentence.
    pub fn config(&self, station: &Name, place: Place, speed: Speed, epoch: Utc) -> Result<Config, String> {
        let peer = self.peer.clone().ok_or("`peer` is missing; name the station at the far end")?;
        let desk = match &self.desk {
            Some(desk) if place.all_desks.is_empty() || place.all_desks.contains(desk) => desk.clone(),
            Some(desk) => {
                let desks = place.all_desks.iter().map(Name::to_string).collect::<Vec<_>>().join(", ");
                return Err(format!("desk = `{desk}` is no desk of this station; it has: {desks}"));
            }
            None => place
                .all_desks
                .iter()
                .find(|d| d.as_str() == "operator")
                .or(place.all_desks.first())
                .cloned()
                .unwrap_or("operator".parse()?),
        };
        Ok(Config {
            station: station.clone(),
            peer,
            port: String::new(),
            number: self.number.clone(),
            call: self.call.clone(),
            foreign: self.foreign,
            desk,
            place,
            capabilities: self.capabilities()?,
            wishes: self.wishes()?,
            thresholds: self.thresholds()?,
            key: self.keys.as_ref().map(|_| Rules { jump: self.key_jump, warn: self.key_warn.clone() }),
            redials: self.redials,
            most_spooled: self.spool,
            speed,
            epoch,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Keys, String> {
        Keys::read(text.parse().unwrap())
    }

    #[test]
    fn the_defaults_are_all_that_a_fax_can() {
        let keys = read("peer = \"moscow\"").unwrap();
        let config = keys.config(&"washington".parse().unwrap(), Place::default(), Speed::REAL, Utc(0)).unwrap();
        assert_eq!((config.capabilities, config.wishes), (Capabilities::OURS, Wishes::default()));
        assert_eq!((config.desk.as_str(), keys.look().unwrap()), ("operator", Look::default()));
    }

    #[test]
    fn what_is_taken_out_is_neither_offered_nor_used() {
        let keys = read("peer = \"moscow\"\ncorrection = false\nfastest = 9600\ncodes = [\"mh\", \"mr\"]").unwrap();
        let config = keys.config(&"washington".parse().unwrap(), Place::default(), Speed::REAL, Utc(0)).unwrap();
        assert_eq!((config.wishes.correction, config.wishes.fastest), (None, Modulation::V17At9600));
        assert!(!config.capabilities.correction && !config.capabilities.mmr && config.capabilities.mr);
        assert_eq!(read("correction = 64").unwrap().correction, Correction(Some(FrameSize::Small)));
        assert_eq!(read("fastest = 4800").unwrap().wishes().unwrap().fastest, Modulation::V27ter4800);
    }

    #[test]
    fn a_wrong_value_is_named_with_what_may_stand_there() {
        let why = |text: &str| read(text).unwrap_err();
        assert!(why("colour = 1").starts_with("unknown field `colour`"));
        assert_eq!(
            why("fastest = 300"),
            "`fastest = 300` is no rate of a fax; give one of 2400, 4800, 7200, 9600, 12000, 14400 bits a second"
        );
        assert_eq!(why("correction = 100"), "correction = `100` is not known; give true, false, 64 or 256; in `correction`");
        assert_eq!(why("width = \"a5\""), "width = `a5` is not known; it is one of a4, b4, a3");
        assert_eq!(why("resolution = \"best\""), "resolution = `best` is not known; it is one of standard, fine, superfine");
        assert_eq!(why("codes = [\"mmr\"]"), "codes: `mh` is missing; every fax machine has it");
        assert_eq!(why("codes = [\"jbig\"]"), "codes: `jbig` is not known; give some of \"mh\", \"mr\", \"mmr\"");
        assert_eq!(why("thresholds = \"lax\""), "thresholds = `lax` is not known; it is one of usual, strict");
        assert!(why("number = \"MOSCOW\"").contains("is no telephone number"));
        assert!(why("key_jump = 0").contains("give 1 to 100000000 octets"));
        assert!(why("spool = 3").contains("out of range") && why("redials = 99").contains("out of range"));
        let place = Place { all_desks: vec!["duty".parse().unwrap()], ..Place::default() };
        let config = |text: &str| read(text).unwrap().config(&"w".parse().unwrap(), place.clone(), Speed::REAL, Utc(0));
        assert_eq!(config("").err().unwrap(), "`peer` is missing; name the station at the far end");
        let desk = "peer = \"m\"\ndesk = \"operator\"";
        assert_eq!(config(desk).err().unwrap(), "desk = `operator` is no desk of this station; it has: duty");
    }
}

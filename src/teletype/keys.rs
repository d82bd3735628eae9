//! A teletype port's keys in the station file, read without touching any device.
//!
//! Standards: TOML 1.0; the keys are listed in `docs/station-file.md`. In: a table. Out: [`Keys`], a [`Config`], what the port takes.
//! Left out: opening the line (`backend`). Shown by: `teletype::keys::tests`.

use super::{Config, UnshiftOnSpace, ita2};
use crate::message::{Name, Takes};
use crate::time::{Speed, Utc};
use serde::Deserialize;
use std::time::Duration;

/// The keys of `[port.NAME]` with `backend = "teletype"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Where the line is; its form is the line room's (`line::device::LineSpec`).
    pub line: Option<toml::Value>,
    /// `line` (default): the far end is a station. `machine` comes with the printing teleprinter.
    #[serde(default = "line_kind")]
    pub kind: String,
    /// Modulation rate, baud.
    #[serde(default = "fifty")]
    pub baud: f64,
    /// Units to a code: start, five, stop.
    #[serde(default = "seven_and_a_half")]
    pub units: f64,
    /// The alphabet; only `ita2` yet.
    #[serde(default = "ita2_code")]
    pub code: String,
    /// Whether the far machine falls back to letters at a space.
    #[serde(default)]
    pub unshift_on_space: UnshiftOnSpace,
    /// The station at the far end.
    pub peer: Option<Name>,
    /// The longest text, characters.
    #[serde(default = "longest")]
    pub longest: usize,
}

fn line_kind() -> String {
    "line".into()
}
fn fifty() -> f64 {
    50.0
}
fn seven_and_a_half() -> f64 {
    7.5
}
fn ita2_code() -> String {
    "ita2".into()
}
fn longest() -> usize {
    100_000
}

impl Keys {
    /// Reads and checks a table.
    pub fn read(table: toml::Table) -> Result<Keys, String> {
        let keys: Keys = toml::Value::Table(table).try_into().map_err(|e: toml::de::Error| e.message().to_owned())?;
        if keys.kind != "line" {
            return Err(format!("`kind` is `{}`; this build has only `line`", keys.kind));
        }
        if keys.code != "ita2" {
            return Err(format!("`code` is `{}`; this build has only `ita2`", keys.code));
        }
        if !(10.0..=1200.0).contains(&keys.baud) {
            return Err(format!("`baud` is {}; give 45.45, 50, 75 or 100", keys.baud));
        }
        if ![7.0, 7.42, 7.5].contains(&keys.units) {
            return Err(format!("`units` is {}; give 7.0, 7.42 or 7.5", keys.units));
        }
        if !(1..=10_000_000).contains(&keys.longest) {
            return Err(format!("`longest` is {}; give 1 to 10000000 characters", keys.longest));
        }
        Ok(keys)
    }

    /// The time one code takes at speed 1.
    pub fn code_time(&self) -> Duration {
        Duration::from_secs_f64(self.units / self.baud)
    }

    /// What the port carries.
    pub fn takes(&self) -> Takes {
        Takes { text: Some(ita2::text_form(self.baud, self.units, self.longest)), pages: false, files: false }
    }

    /// The terminal's configuration at `station`, whose clock shows `epoch` at zero.
    pub fn config(&self, station: &Name, speed: Speed, epoch: Utc) -> Config {
        Config {
            station: station.clone(),
            peer: self.peer.clone(),
            unshift: self.unshift_on_space,
            code_time: self.code_time(),
            speed,
            epoch,
            max_delay: Duration::from_secs(1),
            first_call: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_defaults_and_each_wrong_one_is_named() {
        let read = |text: &str| Keys::read(toml::from_str(text).unwrap());
        let keys = read("line = { pty = \"/tmp/x\" }").unwrap();
        assert_eq!((keys.code_time(), keys.unshift_on_space), (Duration::from_millis(150), UnshiftOnSpace::Unknown));
        for (text, word) in [("baud = 0", "`baud`"), ("units = 8", "`units`"), ("code = \"x\"", "`code`"), ("bauds = 50", "`bauds`"), ("longest = 0", "`longest`")] {
            assert!(read(text).unwrap_err().contains(word), "{text}");
        }
    }
}

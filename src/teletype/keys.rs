//! The keys of a teletype port in a station file.
//!
//! Standards: speeds and units as telex and telegraph lines had them (ITU-T S.3, S.4; 7.42 and 7.0 in the United States).
//! In: the table `[port.NAME]`, its `backend` taken off. Out: what a port takes, a terminal's configuration.
//! Left out: the device that `line` names (see `backend`). Shown by: the tests below, `fixtures/stations`.

use super::cipher::Rules;
use super::codes::{CodeTable, UnshiftOnSpace};
use super::terminal::Config;
use crate::line::LineSpec;
use crate::message::{Name, Takes};
use crate::time::{Speed, Utc};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// All keys, each with its default.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// `line`: the far end is a station and speaks the procedure. (`machine`, a teleprinter at a desk, comes later.)
    pub kind: String,
    /// The device: `{ pty = PATH }`, `{ serial = PATH }`, `{ tcp = "HOST:PORT" }`, `{ listen = "HOST:PORT" }`. Not needed in memory.
    pub line: Option<LineSpec>,
    /// Bits a second on the line.
    pub baud: f64,
    /// Bit times to a code: start, five bits, stop.
    pub units: f64,
    /// The codes of the two machines: what is sent with, what is received with.
    pub code: Codes,
    /// What the far machine does at a space.
    pub unshift_on_space: UnshiftOnSpace,
    /// The only station that may call or answer.
    pub peer: Option<Name>,
    /// Characters to a message.
    pub longest: usize,
    /// The line's longest delay, one way, in seconds.
    pub max_delay: f64,
    /// The folder of its key tapes: with it the line is enciphered.
    pub keys: Option<PathBuf>,
    /// How many codes a reader follows a far end that is ahead of it; further, an operator decides.
    pub key_jump: u64,
    /// At so many codes left on the tapes a warning is given.
    pub key_warn: Vec<u64>,
}

impl Default for Keys {
    fn default() -> Keys {
        Keys {
            kind: "line".into(),
            line: None,
            baud: 50.0,
            units: 7.5,
            code: Codes::default(),
            unshift_on_space: UnshiftOnSpace::Unknown,
            peer: None,
            longest: 100_000,
            max_delay: 1.0,
            keys: None,
            key_jump: 20_000,
            key_warn: vec![24_000, 6_000],
        }
    }
}

impl Keys {
    /// Reads and checks the table; the error is one sentence.
    pub fn read(table: toml::Table) -> Result<Keys, String> {
        let keys: Keys = toml::Value::Table(table).try_into().map_err(|e: toml::de::Error| e.message().to_owned())?;
        if keys.kind != "line" {
            return Err(format!("kind = `{}` is not known to the teletype backend; it is \"line\"", keys.kind));
        }
        within("baud", keys.baud, 40.0, 1200.0, "bits a second; usual are 45.45, 50, 75 and 100")?;
        if ![7.0, 7.42, 7.5].contains(&keys.units) {
            return Err(format!("units = `{}` is not known; give 7.0, 7.42 or 7.5 bit times to a code", keys.units));
        }
        within("max_delay", keys.max_delay, 0.0, 60.0, "seconds")?;
        if !(1..=10_000_000).contains(&keys.longest) {
            return Err(format!("longest = `{}` is out of range; give 1 to 10000000 characters", keys.longest));
        }
        Ok(keys)
    }
    /// The time of one code on the line.
    pub fn code_time(&self) -> Duration {
        Duration::from_secs_f64(self.units / self.baud)
    }
    /// What the port carries.
    pub fn takes(&self) -> Takes {
        Takes { text: Some(self.code.send.text_form(self.baud, self.units, self.longest)), pages: false, files: false }
    }
    /// A terminal's configuration at `station`, whose clock runs at `speed` from `epoch`.
    pub fn config(&self, station: &Name, speed: Speed, epoch: Utc) -> Config {
        Config {
            station: station.clone(),
            peer: self.peer.clone(),
            send: self.code.send,
            receive: self.code.receive,
            unshift: self.unshift_on_space,
            code_time: self.code_time(),
            speed,
            epoch,
            max_delay: Duration::from_secs_f64(self.max_delay),
            first_call: 1,
            // Were every character a line of its own: CR CR LF, a shift, a code; and the heading.
            longest: self.longest * 5 + 5_000,
            cipher: self.keys.as_ref().map(|_| Rules { jump: self.key_jump, warn: self.key_warn.clone() }),
        }
    }
}

/// Which code each machine of a port has: `"ita2"` for both, or `{ send = "ita2", receive = "mtk-2" }`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Codes {
    /// Of the machine that is sent with, and of the far printer.
    pub send: CodeTable,
    /// Of the machine that is received with.
    pub receive: CodeTable,
}

impl<'de> Deserialize<'de> for Codes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Codes, D::Error> {
        from.deserialize_any(CodesVisitor)
    }
}

/// One name or a table of two; said by hand, since serde's untagged enums cannot say what is wrong.
struct CodesVisitor;

impl<'de> Visitor<'de> for CodesVisitor {
    type Value = Codes;
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a code's name, or { send = NAME, receive = NAME }")
    }
    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Codes, E> {
        let code = CodeTable::try_from(name.to_owned()).map_err(E::custom)?;
        Ok(Codes { send: code, receive: code })
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Codes, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Two {
            send: CodeTable,
            receive: CodeTable,
        }
        let Two { send, receive } = Two::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Codes { send, receive })
    }
}

fn within(key: &str, value: f64, low: f64, high: f64, unit: &str) -> Result<(), String> {
    let fits = (low..=high).contains(&value); // false for NaN
    if fits { Ok(()) } else { Err(format!("{key} = `{value}` is out of range; give {low} to {high} {unit}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Keys, String> {
        Keys::read(text.parse().unwrap())
    }

    #[test]
    fn the_defaults_are_50_bd_and_7_5_units() {
        let keys = read("").unwrap();
        assert_eq!(keys.code_time(), Duration::from_millis(150));
        let form = keys.takes().text.unwrap();
        assert_eq!((form.columns, form.longest, form.per_hour), (69, 100_000, Some(24_000)));
    }

    #[test]
    fn every_key_is_read() {
        let keys = read(
            "kind = \"line\"\nline = { pty = \"x\" }\nbaud = 45.45\nunits = 7.42\ncode = { send = \"us-tty\", receive = \"mtk-2\" }\nunshift_on_space = \"yes\"\npeer = \"Moscow\"\nlongest = 5\nmax_delay = 0.3",
        );
        let keys = keys.unwrap();
        let config = keys.config(&"washington".parse().unwrap(), Speed::REAL, Utc(0));
        assert_eq!((config.unshift, config.peer.unwrap().as_str()), (UnshiftOnSpace::Yes, "moscow"));
        assert_eq!((config.send, config.receive), (CodeTable::UsTty, CodeTable::Mtk2));
        assert_eq!(config.code_time.as_micros(), 163_256);
        assert!(keys.takes().text.unwrap().alphabet.has('$'), "the port takes what the sending machine has");
        assert!(keys.line == Some(LineSpec::Pty("x".into())) && config.max_delay.as_millis() == 300);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, named) in [
            ("bauds = 50", "`bauds`"),
            ("baud = 0", "`0`"),
            ("baud = nan", "baud"),
            ("units = 5", "`5`"),
            ("code = \"mtk2\"", "code `mtk2` is not known; give one of \"ita2\", \"us-tty\", \"mtk-2\""),
            ("code = 2", "2"),
            ("code = { send = \"ita3\", receive = \"mtk-2\" }", "`ita3`"),
            ("code = { send = \"ita2\" }", "receive"),
            ("code = { send = \"ita2\", recieve = \"mtk-2\" }", "`recieve`"),
            ("kind = \"machine\"", "`machine`"),
            ("unshift_on_space = \"maybe\"", "`maybe`"),
            ("peer = \"1st\"", "`1st`"),
            ("line = { ptty = \"x\" }", "`ptty`"),
            ("longest = 0", "`0`"),
            ("max_delay = -1", "`-1`"),
        ] {
            let why = read(text).unwrap_err();
            assert!(why.contains(named), "{text}: {why}");
        }
    }
}

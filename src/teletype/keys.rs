//! The keys of a teletype port in a station file.
//!
//! Standards: speeds and units as telex and telegraph lines had them (ITU-T S.3, S.4; 7.42 and 7.0 in the United States).
//! In: the table `[port.NAME]`, its `backend` taken off. Out: what a port takes, a terminal's configuration.
//! Left out: the device that `line` names (see `backend`). Shown by: the tests below, `fixtures/stations`.

use super::cipher::Rules;
use super::codes::{CodeTable, UnshiftOnSpace};
use super::desk::{self, Motor};
use super::slip::Hand;
use super::terminal::Config;
use crate::line::LineSpec;
use crate::message::{Attachments, Name, Takes};
use crate::router::Place;
use crate::time::{Hours, Speed, Utc, parse_duration};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Keys that only one kind of port has.
const OF_A_LINE: [&str; 8] = ["peer", "max_delay", "keys", "key_jump", "key_warn", "punch", "reperforator", "attachments"];
const OF_A_MACHINE: [&str; 12] = [
    "answerback",
    "expect_answerback",
    "here_is",
    "echo",
    "half_duplex",
    "bell",
    "receipts",
    "unattended",
    "quota",
    "motor",
    "run_up",
    "idle",
];

/// All keys, each with its default.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// `line`: the far end is a station and speaks the procedure. `machine`: a teleprinter at a desk.
    pub kind: Kind,
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
    /// What becomes of pages and files: `name` them in the text, or `refuse` the message. Unset: named if it came as a mail.
    pub attachments: Attachments,
    /// The line's longest delay, one way, in seconds.
    pub max_delay: f64,
    /// The folder of its key tapes: with it the line is enciphered.
    pub keys: Option<PathBuf>,
    /// How many codes a reader follows a far end that is ahead of it; further, an operator decides.
    pub key_jump: u64,
    /// At so many codes left on the tapes a warning is given.
    pub key_warn: Vec<u64>,
    /// The tapes left of what is sent.
    pub punch: BTreeSet<TapeKind>,
    /// The tapes left of what comes in and is filed.
    pub reperforator: BTreeSet<TapeKind>,
    /// A machine: the drum that answers WRU, 20 codes with its shifts, CR and LF.
    pub answerback: Option<String>,
    /// A machine: what it must itself answer to WRU before anything is printed on it.
    pub expect_answerback: Option<String>,
    /// A machine: print our own answerback before each message, unasked.
    pub here_is: Option<bool>,
    /// A machine: give back what is typed, for one without a local copy.
    pub echo: Option<bool>,
    /// A machine: the line gives back what is sent on it, as a single current loop does.
    pub half_duplex: Option<bool>,
    /// A machine: ring before urgent messages.
    pub bell: Option<bool>,
    /// A machine: print that a typed message was filed.
    pub receipts: Option<bool>,
    /// A machine: hours (UTC) in which only flash and above is printed, such as `22:00-06:00`.
    pub unattended: Option<String>,
    /// A machine: messages an hour from, and to, stations that no route names.
    pub quota: Option<usize>,
    /// A machine: `rts`, the line of the serial port that switches its motor.
    pub motor: Option<String>,
    /// A machine with a motor switch: from the switch to the first code.
    pub run_up: Option<String>,
    /// A machine with a motor switch: switched off after so long without a code.
    pub idle: Option<String>,
}

/// What is at the far end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A station.
    #[default]
    Line,
    /// A teleprinter at a desk.
    Machine,
}

/// A kind of tape.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(try_from = "String")]
pub enum TapeKind {
    /// One code a byte.
    Codes,
    /// A picture.
    Png,
}

impl TapeKind {
    /// As in the station file, and the ending of its files.
    pub fn word(self) -> &'static str {
        match self {
            TapeKind::Codes => "codes",
            TapeKind::Png => "png",
        }
    }
}

impl TryFrom<String> for TapeKind {
    type Error = String;
    fn try_from(word: String) -> Result<TapeKind, String> {
        let known = [TapeKind::Codes, TapeKind::Png].into_iter().find(|k| k.word() == word);
        known.ok_or_else(|| format!("`{word}` is no kind of tape; give some of \"codes\", \"png\""))
    }
}

impl Default for Keys {
    fn default() -> Keys {
        Keys {
            kind: Kind::Line,
            line: None,
            baud: 50.0,
            units: 7.5,
            code: Codes::default(),
            unshift_on_space: UnshiftOnSpace::Unknown,
            peer: None,
            longest: 100_000,
            attachments: Attachments::AsItCame,
            max_delay: 1.0,
            keys: None,
            key_jump: 20_000,
            key_warn: vec![24_000, 6_000],
            punch: BTreeSet::new(),
            reperforator: BTreeSet::new(),
            answerback: None,
            expect_answerback: None,
            here_is: None,
            echo: None,
            half_duplex: None,
            bell: None,
            receipts: None,
            unattended: None,
            quota: None,
            motor: None,
            run_up: None,
            idle: None,
        }
    }
}

impl Keys {
    /// Reads and checks the table; the error is one sentence.
    pub fn read(table: toml::Table) -> Result<Keys, String> {
        let given: Vec<String> = table.keys().cloned().collect();
        let keys: Keys = toml::Value::Table(table).try_into().map_err(|e: toml::de::Error| e.to_string().trim_end().replace('\n', "; "))?;
        keys.of_its_kind(&given)?;
        within("baud", keys.baud, 40.0, 1200.0, "bits a second; usual are 45.45, 50, 75 and 100")?;
        if ![7.0, 7.42, 7.5].contains(&keys.units) {
            return Err(format!("units = `{}` is not known; give 7.0, 7.42 or 7.5 bit times to a code", keys.units));
        }
        within("max_delay", keys.max_delay, 0.0, 60.0, "seconds")?;
        if !(1..=10_000_000).contains(&keys.longest) {
            return Err(format!("longest = `{}` is out of range; give 1 to 10000000 characters", keys.longest));
        }
        if keys.kind == Kind::Machine {
            keys.machine("desk", Speed::REAL, Place::default())?;
        }
        Ok(keys)
    }
    /// Refuses the keys of a line on a machine, and those of a machine on a line.
    fn of_its_kind(&self, given: &[String]) -> Result<(), String> {
        let (foreign, other): (&[&str], _) = match self.kind {
            Kind::Machine => (&OF_A_LINE, "a line to a station (kind = \"line\")"),
            Kind::Line => (&OF_A_MACHINE, "a machine at a desk (kind = \"machine\")"),
        };
        match given.iter().find(|key| foreign.contains(&key.as_str())) {
            Some(key) => Err(format!("`{key}` is a key of {other}; take it out, or set `kind`")),
            None => Ok(()),
        }
    }
    /// When nobody is at the machine.
    pub fn unattended(&self) -> Option<Hours> {
        self.unattended.as_deref().and_then(|hours| hours.parse().ok())
    }
    /// A machine's configuration, of the station `station`, at `place`; the error names the key that is wrong.
    pub fn machine(&self, station: &str, speed: Speed, place: Place) -> Result<desk::Config, String> {
        let hand = Hand { code: self.code.send, unshift: self.unshift_on_space };
        let at = |key: &str, e: String| format!("{key}: {e}");
        let duration = |key: &str, given: &Option<String>, default: u64| {
            given.as_deref().map_or(Ok(Duration::from_secs(default)), |t| parse_duration(t).map_err(|e| at(key, e)))
        };
        self.unattended.as_deref().map(str::parse::<Hours>).transpose().map_err(|e| at("unattended", e))?;
        let drum = |key: &str, text: &Option<String>| text.as_deref().map(|t| hand.drum(t).map_err(|e| at(key, e))).transpose();
        drum("expect_answerback", &self.expect_answerback)?;
        let motor = match self.motor.as_deref() {
            None if self.run_up.is_some() || self.idle.is_some() => {
                return Err("`run_up` and `idle` need motor = \"rts\" beside them".into());
            }
            None => None,
            Some("rts") => Some(Motor { run_up: duration("run_up", &self.run_up, 1)?, idle: duration("idle", &self.idle, 120)? }),
            Some(other) => return Err(format!("motor = `{other}` is not known; it is \"rts\"")),
        };
        if self.here_is == Some(true) && self.answerback.is_none() {
            return Err("`here_is` needs `answerback` beside it: that is what it prints".into());
        }
        Ok(desk::Config {
            station: station.parse()?,
            place,
            hand,
            receive: self.code.receive,
            takes: self.takes(),
            code_time: self.code_time(),
            speed,
            longest: self.longest,
            echo: self.echo.unwrap_or(false),
            bell: self.bell.unwrap_or(true),
            half_duplex: self.half_duplex.unwrap_or(false),
            receipts: self.receipts.unwrap_or(false),
            here_is: self.here_is.unwrap_or(false),
            answerback: drum("answerback", &self.answerback)?,
            expect: self.expect_answerback.clone(),
            motor,
            quota: self.quota.unwrap_or(20),
        })
    }
    /// The time of one code on the line.
    pub fn code_time(&self) -> Duration {
        Duration::from_secs_f64(self.units / self.baud)
    }
    /// What the port carries.
    pub fn takes(&self) -> Takes {
        let text = self.code.send.text_form(self.baud, self.units, self.longest);
        Takes { attachments: self.attachments, ..Takes::texts(text) }
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
            ("kind = \"teleprinter\"", "`teleprinter`"),
            ("echo = true", "`echo` is a key of a machine at a desk"),
            ("kind = \"machine\"\npeer = \"moscow\"", "`peer` is a key of a line"),
            ("kind = \"machine\"\npunch = []", "`punch` is a key of a line"),
            ("punch = [\"pdf\"]", "`pdf` is no kind of tape; give some of \"codes\", \"png\""),
            ("reperforator = \"png\"", "expected a sequence"),
            (
                "kind = \"machine\"\nanswerback = \"THE MOLINK AT WASHINGTON\"",
                "answerback: the answerback `THE MOLINK AT WASHINGTON` takes 27 codes",
            ),
            ("kind = \"machine\"\ncode = \"us-tty\"\nexpect_answerback = \"A\"", "expect_answerback: code us-tty has no WRU"),
            ("kind = \"machine\"\nunattended = \"22-6\"", "`22-6`"),
            ("kind = \"machine\"\nmotor = \"dtr\"", "`dtr`"),
            ("kind = \"machine\"\nidle = \"5m\"", "motor = \"rts\""),
            ("kind = \"machine\"\nmotor = \"rts\"\nidle = \"5\"", "idle: `5`"),
            ("kind = \"machine\"\nhere_is = true", "`answerback`"),
            ("unshift_on_space = \"maybe\"", "`maybe`"),
            ("peer = \"1st\"", "`1st`"),
            ("line = { ptty = \"x\" }", "`ptty`"),
            ("longest = 0", "`0`"),
            ("attachments = \"drop\"", "`drop`"),
            ("kind = \"machine\"\nattachments = \"name\"", "`attachments` is a key of a line"),
            ("max_delay = -1", "`-1`"),
        ] {
            let why = read(text).unwrap_err();
            assert!(why.contains(named), "{text}: {why}");
        }
    }
}

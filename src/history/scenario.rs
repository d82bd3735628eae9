//! The scenario file: stations, circuits, a timeline, what must hold.
//!
//! Standards: TOML 1.0; the form is decision 13 of the project (`docs/scenarios.md`).
//! In: text. Out: a [`Scenario`], or one sentence with file and line.
//! Left out: running it (see `world` under the driver, `station::live` for real). Shown by: `fixtures/scenarios`.

use crate::line::Profile;
use crate::message::{Address, Name, Precedence};
use crate::time::{Speed, Utc, parse_duration};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// A scenario, read and checked.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// One line for people.
    pub title: String,
    /// What is documented, what is disputed and what we chose, for people.
    pub sources: String,
    /// UTC at its beginning.
    pub start: Utc,
    /// The seed of its noise.
    pub seed: u64,
    /// The speed it is told at by default.
    pub speed: Speed,
    /// What the audience is told of each station, place and machine: whoever sends first comes first.
    pub cast: Vec<(Name, String)>,
    /// Its stations: station-file keys.
    pub stations: BTreeMap<Name, toml::Table>,
    /// Its circuits.
    pub circuits: BTreeMap<String, CircuitPlan>,
    /// What happens, in the order of the file.
    pub timeline: Vec<Entry>,
}

/// A circuit between two ports.
#[derive(Clone, Debug)]
pub struct CircuitPlan {
    /// (station, port) of both ends.
    pub ends: [(Name, String); 2],
    /// How it behaves.
    pub profile: Profile,
}

/// When an entry is due.
#[derive(Clone, PartialEq, Debug)]
pub enum When {
    /// So long after the start.
    At(Duration),
    /// After the n-th message sent by the timeline (from 1) reached a state, or a `say` number; plus a pause.
    After {
        /// `accepted`, `sent`, `filed` or `returned`.
        state: String,
        /// The message's number in the timeline.
        message: usize,
        /// Then so long after that.
        pause: Duration,
    },
}

/// One entry of the timeline.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// When it is due.
    pub when: When,
    /// What happens.
    pub act: Act,
}

/// What a timeline can do.
#[derive(Clone, PartialEq, Debug)]
pub enum Act {
    /// Hand in a message.
    Send {
        /// From which desk and station.
        from: Address,
        /// For whom.
        to: Address,
        /// How urgent.
        precedence: Precedence,
        /// About what.
        subject: String,
        /// The text.
        text: String,
    },
    /// Tell the audience something.
    Say(String),
    /// Cut a circuit, for a while or for good.
    Cut {
        /// Which.
        circuit: String,
        /// How long.
        lasts: Option<Duration>,
    },
    /// Mend a circuit.
    Restore {
        /// Which.
        circuit: String,
    },
    /// Change a circuit's noise.
    Noise {
        /// Which.
        circuit: String,
        /// none, profile, light or heavy.
        level: String,
    },
    /// Kill a station: under the driver as `kill -9` would; live, where stations share a process, it is stopped in order.
    Kill(Name),
    /// Start it again.
    Start(Name),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    #[serde(default)]
    sources: String,
    start: String,
    #[serde(default)]
    seed: u64,
    speed: Option<toml::Value>,
    #[serde(default)]
    cast: BTreeMap<String, String>,
    station: BTreeMap<String, toml::Table>,
    #[serde(default)]
    circuit: BTreeMap<String, FileCircuit>,
    #[serde(default)]
    timeline: Vec<FileEntry>,
    /// Reserved for what must hold.
    #[serde(default)]
    expect: Vec<toml::Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileCircuit {
    ends: [String; 2],
    profile: Option<String>,
    via: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEntry {
    at: Option<String>,
    after: Option<String>,
    pause: Option<String>,
    #[serde(rename = "do")]
    what: String,
    from: Option<String>,
    to: Option<String>,
    precedence: Option<String>,
    subject: Option<String>,
    text: Option<String>,
    circuit: Option<String>,
    station: Option<String>,
    lasts: Option<String>,
    level: Option<String>,
}

impl Scenario {
    /// Reads a scenario's text; `name` is for sentences.
    pub fn parse(name: &str, text: &str) -> Result<Scenario, String> {
        let file: File = toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(1, |s| text[..s.start.min(text.len())].matches('\n').count() + 1);
            format!("{name}:{line}: {}", e.message().replace('\n', " "))
        })?;
        Scenario::take(file).map_err(|what| format!("{name}: {what}"))
    }

    fn take(file: File) -> Result<Scenario, String> {
        let mut stations = BTreeMap::new();
        for (station, keys) in file.station {
            stations.insert(station.parse::<Name>()?, keys);
        }
        let mut cast =
            file.cast.into_iter().map(|(name, line)| Ok((name.parse()?, line))).collect::<Result<Vec<(Name, String)>, String>>()?;
        let mut circuits = BTreeMap::new();
        for (name, circuit) in file.circuit {
            circuits.insert(name.clone(), circuit.take(&name, &stations)?);
        }
        if !file.expect.is_empty() {
            return Err("[[expect]] is reserved and not yet carried out; take it out".into());
        }
        let number = |i: usize| format!("timeline entry {}", i + 1);
        let timeline = file.timeline.into_iter().enumerate().map(|(i, e)| e.take().map_err(|why| format!("{}: {why}", number(i))));
        let speed = match file.speed {
            None => Speed::REAL,
            Some(toml::Value::String(s)) => s.parse()?,
            Some(other) => other.to_string().parse()?,
        };
        let timeline: Vec<Entry> = timeline.collect::<Result<_, String>>()?;
        let sends = timeline.iter().filter(|e| matches!(e.act, Act::Send { .. })).count();
        for (i, entry) in timeline.iter().enumerate() {
            entry.check(&stations, &circuits, sends).map_err(|why| format!("{}: {why}", number(i)))?;
        }
        let first_word = |name: &Name| timeline.iter().position(|e| matches!(&e.act, Act::Send { from, .. } if from.station == *name));
        cast.sort_by_key(|(name, _)| first_word(name).unwrap_or(usize::MAX));
        Ok(Scenario {
            title: file.title,
            sources: file.sources,
            start: file.start.parse()?,
            seed: file.seed,
            speed,
            cast,
            stations,
            circuits,
            timeline,
        })
    }
}

impl Entry {
    /// Names of stations, circuits and messages that do not exist are errors now, not silence later.
    fn check(&self, stations: &BTreeMap<Name, toml::Table>, circuits: &BTreeMap<String, CircuitPlan>, sends: usize) -> Result<(), String> {
        if let When::After { message, .. } = self.when
            && !(1..=sends).contains(&message)
        {
            return Err(format!("there is no message {message}; the timeline sends {sends}"));
        }
        let station = |name: &Name| match stations.contains_key(name) {
            true => Ok(()),
            false => Err(format!("there is no [station.{name}]")),
        };
        match &self.act {
            Act::Send { from, .. } => station(&from.station),
            Act::Kill(name) | Act::Start(name) => station(name),
            Act::Cut { circuit, .. } | Act::Restore { circuit } if !circuits.contains_key(circuit) => {
                Err(format!("there is no [circuit.{circuit}]"))
            }
            Act::Noise { circuit, .. } if !circuits.contains_key(circuit) => Err(format!("there is no [circuit.{circuit}]")),
            Act::Noise { level, .. } => level.parse::<crate::line::Noise>().map(drop),
            Act::Cut { .. } | Act::Restore { .. } | Act::Say(_) => Ok(()),
        }
    }
}

impl FileCircuit {
    fn take(self, name: &str, stations: &BTreeMap<Name, toml::Table>) -> Result<CircuitPlan, String> {
        if let Some(via) = self.via.as_deref().filter(|v| !matches!(*v, "pty" | "memory")) {
            return Err(format!("circuit `{name}`: `{via}` is not a way to carry it; use `pty` or `memory`"));
        }
        let end = |e: &str| -> Result<(Name, String), String> {
            let bad = || format!("circuit `{name}`: `{e}` is not an end; write it as station:port");
            let (station, port) = e.split_once(':').ok_or_else(bad)?;
            let station: Name = station.parse()?;
            let ports = stations.get(&station).and_then(|s| s.get("port")).and_then(|p| p.as_table());
            match ports.is_some_and(|p| p.contains_key(port)) {
                true => Ok((station, port.to_owned())),
                false => Err(format!("circuit `{name}`: there is no [station.{station}.port.{port}]")),
            }
        };
        let profile = self.profile.as_deref().unwrap_or("clean");
        Ok(CircuitPlan { ends: [end(&self.ends[0])?, end(&self.ends[1])?], profile: Profile::named(profile)? })
    }
}

impl FileEntry {
    fn take(self) -> Result<Entry, String> {
        let pause = self.pause.as_deref().map_or(Ok(Duration::ZERO), parse_duration)?;
        let when = match (&self.at, &self.after) {
            (Some(at), None) => When::At(parse_duration(at.trim_start_matches('+'))?),
            (None, Some(after)) => {
                let bad = || format!("`{after}` is not an event; write it as filed 1");
                let (state, message) = after.split_once(' ').ok_or_else(bad)?;
                if !matches!(state, "accepted" | "sent" | "filed" | "returned") {
                    return Err(bad());
                }
                When::After { state: state.to_owned(), message: message.parse().map_err(|_| bad())?, pause }
            }
            (None, None) | (Some(_), Some(_)) => return Err("needs either `at` or `after`".into()),
        };
        let need = |v: Option<String>, key: &str| v.ok_or_else(|| format!("`{}` needs `{key}`", self.what));
        let act = match self.what.as_str() {
            "send" => Act::Send {
                from: need(self.from, "from")?.parse()?,
                to: need(self.to, "to")?.parse()?,
                precedence: self.precedence.map_or(Ok(Precedence::default()), |p| p.parse())?,
                subject: self.subject.unwrap_or_default(),
                text: need(self.text, "text")?,
            },
            "say" => Act::Say(need(self.text, "text")?),
            "cut" => Act::Cut { circuit: need(self.circuit, "circuit")?, lasts: self.lasts.as_deref().map(parse_duration).transpose()? },
            "restore" => Act::Restore { circuit: need(self.circuit, "circuit")? },
            "noise" => Act::Noise { circuit: need(self.circuit, "circuit")?, level: need(self.level, "level")? },
            "kill" => Act::Kill(need(self.station, "station")?.parse()?),
            "start" => Act::Start(need(self.station, "station")?.parse()?),
            other => {
                return Err(format!("`{other}` is not something a timeline can do; it can send, say, cut, restore, noise, kill, start"));
            }
        };
        Ok(Entry { when, act })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = include_str!("../../fixtures/scenarios/1963.toml");

    #[test]
    fn what_a_timeline_names_must_exist() {
        assert!(Scenario::parse("1963.toml", GOOD).is_ok());
        for (entry, word) in [
            ("at = \"0s\"\ndo = \"cut\"\ncircuit = \"radio\"", "no [circuit.radio]"),
            ("at = \"0s\"\ndo = \"noise\"\ncircuit = \"cable\"\nlevel = \"loud\"", "`loud`"),
            ("at = \"0s\"\ndo = \"kill\"\nstation = \"paris\"", "no [station.paris]"),
            ("after = \"filed 3\"\ndo = \"say\"\ntext = \"x\"", "no message 3"),
            ("after = \"filed\"\ndo = \"say\"\ntext = \"x\"", "`filed` is not an event"),
            ("at = \"0s\"\ndo = \"dance\"", "`dance`"),
            ("at = \"0s\"\nafter = \"filed 1\"\ndo = \"say\"\ntext = \"x\"", "either `at` or `after`"),
            ("at = \"soon\"\ndo = \"say\"\ntext = \"x\"", "`soon`"),
            ("at = \"0s\"\ndo = \"say\"", "needs `text`"),
        ] {
            let why = Scenario::parse("1963.toml", &format!("{GOOD}\n[[timeline]]\n{entry}\n")).unwrap_err();
            assert!(why.starts_with("1963.toml: timeline entry 5: ") && why.contains(word), "{why}");
        }
        let why = Scenario::parse("1963.toml", &GOOD.replace("seed = 1963", "sede = 1963")).unwrap_err();
        assert!(why.starts_with("1963.toml:") && why.contains("`sede`"), "{why}");
    }
}

//! The timeline of a scenario: when each entry is due, and what happens then.
//!
//! Standards: TOML 1.0; the keys are listed in `docs/scenarios.md`.
//! In: `[[timeline]]` tables. Out: [`Entry`]s, or one sentence why not.
//! Left out: carrying them out (`world` under the driver, `station::live` for real). Shown by: `fixtures/scenarios`.

use super::exhibit::{Beside, Exhibit, MOST_FILES};
use super::hourly::Hourly;
use super::scenario::{CircuitPlan, Medium};
use crate::line::{Profile, VoiceNoise};
use crate::message::{Address, Class, Name, Precedence};
use crate::router::Event;
use crate::time::parse_duration;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// When an entry is due.
#[derive(Clone, PartialEq, Debug)]
pub enum When {
    /// So long after the start.
    At(Duration),
    /// After the n-th message sent by the timeline (from 1) reached a state, or a `say` number; plus a pause.
    After {
        /// `accepted`, `sent`, `delayed` (an attempt failed), `filed` or `returned`; of a message by fax also `confirmed`: a page of it arrived, any but the last.
        state: String,
        /// The message's number in the timeline.
        message: usize,
        /// Then so long after that.
        pause: Duration,
    },
}

/// The state of a message that an event tells of, as entries name it: the event's name, and `confirmed` of a page.
pub fn state_of(event: &Event) -> &'static str {
    match event {
        Event::PageConfirmed { .. } => "confirmed",
        other => other.name(),
    }
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
        /// Which kind of traffic.
        class: Class,
        /// About what.
        subject: String,
        /// The text; may be empty where there are files.
        text: String,
        /// Pages of our own and files, in order.
        files: Vec<Exhibit>,
    },
    /// Test the link at each full hour, for some hours.
    Hourly(Hourly),
    /// Tell the audience something.
    Say(String),
    /// Cut a circuit, for a while or for good.
    Cut {
        /// Which.
        circuit: String,
        /// How long.
        lasts: Option<Duration>,
        /// Of a mail circuit: once so many octets more have passed.
        octets: Option<u64>,
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
        /// none, profile, light or heavy; of a voice circuit also a ratio in dB.
        level: String,
    },
    /// Take a circuit to another path: another delay, other errors. What is on its way is lost at most.
    Reroute {
        /// Which.
        circuit: String,
        /// What it becomes.
        profile: Profile,
        /// What the audience is told of it.
        text: Option<String>,
    },
    /// Kill a station: under the driver as `kill -9` would; live, where stations share a process, it is stopped in order.
    Kill(Name),
    /// Start it again.
    Start(Name),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileEntry {
    at: Option<String>,
    after: Option<String>,
    pause: Option<String>,
    #[serde(rename = "do")]
    what: String,
    from: Option<String>,
    to: Option<String>,
    precedence: Option<String>,
    class: Option<String>,
    subject: Option<String>,
    text: Option<String>,
    files: Option<Vec<String>>,
    circuit: Option<String>,
    station: Option<String>,
    lasts: Option<String>,
    octets: Option<u64>,
    documents: Option<Vec<FileDocument>>,
    level: Option<String>,
    profile: Option<String>,
    even: Option<String>,
    odd: Option<String>,
    basis: Option<String>,
    lead: Option<String>,
    hours: Option<u32>,
    even_text: Option<Vec<String>>,
    odd_text: Option<Vec<String>>,
}

/// A document that is typed here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileDocument {
    name: String,
    text: String,
}

impl Entry {
    /// Names of stations, circuits and messages that do not exist are errors now, not silence later.
    pub(super) fn check(
        &self,
        stations: &BTreeMap<Name, toml::Table>,
        circuits: &BTreeMap<String, CircuitPlan>,
        sends: usize,
    ) -> Result<(), String> {
        if let When::After { message, .. } = self.when
            && !(1..=sends).contains(&message)
        {
            return Err(format!("there is no message {message}; the timeline sends {sends}"));
        }
        let station = |name: &Name| match stations.contains_key(name) {
            true => Ok(()),
            false => Err(format!("there is no [station.{name}]")),
        };
        let circuit = |name: &String| match circuits.contains_key(name) {
            true => Ok(()),
            false => Err(format!("there is no [circuit.{name}]")),
        };
        let medium = |name: &String| circuits.get(name).map(|plan| plan.medium);
        match &self.act {
            Act::Send { from, .. } => station(&from.station),
            Act::Hourly(hourly) => {
                station(&hourly.even.station)?;
                station(&hourly.odd.station)?;
                hourly.check()
            }
            Act::Kill(name) | Act::Start(name) => station(name),
            Act::Cut { circuit: name, octets, .. } => {
                circuit(name)?;
                match octets.is_none() || medium(name) == Some(Medium::Mail) {
                    true => Ok(()),
                    false => Err(format!("`octets` is for a mail circuit, and `{name}` is none")),
                }
            }
            Act::Restore { circuit: name } | Act::Reroute { circuit: name, .. } => circuit(name),
            Act::Noise { circuit: name, level } => {
                circuit(name)?;
                match medium(name) {
                    Some(Medium::Voice) => level.parse::<VoiceNoise>().map(drop),
                    Some(Medium::Mail) => Err(format!("`{name}` carries mail, by TCP, which lets no noise through: cut it instead")),
                    Some(Medium::Codes) | None => level.parse::<crate::line::Noise>().map(drop),
                }
            }
            Act::Say(_) => Ok(()),
        }
    }
}

impl FileEntry {
    pub(super) fn take(self, beside: Beside<'_>) -> Result<Entry, String> {
        Ok(Entry { when: self.when()?, act: self.act(beside)? })
    }

    fn when(&self) -> Result<When, String> {
        let pause = self.pause.as_deref().map_or(Ok(Duration::ZERO), parse_duration)?;
        match (&self.at, &self.after) {
            (Some(at), None) => Ok(When::At(parse_duration(at.trim_start_matches('+'))?)),
            (None, Some(after)) => {
                let bad = || format!("`{after}` is not an event; write it as filed 1");
                let (state, message) = after.split_once(' ').ok_or_else(bad)?;
                if !matches!(state, "accepted" | "sent" | "delayed" | "confirmed" | "filed" | "returned") {
                    return Err(bad());
                }
                Ok(When::After { state: state.to_owned(), message: message.parse().map_err(|_| bad())?, pause })
            }
            (None, None) | (Some(_), Some(_)) => Err("needs either `at` or `after`".into()),
        }
    }

    /// What a message carries: text, files, or both.
    fn carries(&self, beside: Beside<'_>) -> Result<(String, Vec<Exhibit>), String> {
        let (names, documents) = (self.files.as_deref().unwrap_or_default(), self.documents.as_deref().unwrap_or_default());
        if names.len() + documents.len() > MOST_FILES {
            return Err(format!("`files` and `documents` name {}; {MOST_FILES} at the most", names.len() + documents.len()));
        }
        let files = names.iter().map(|name| Exhibit::named(name, beside));
        let typed = documents.iter().map(|document| Exhibit::typed(&document.name, &document.text));
        let files = files.chain(typed).collect::<Result<Vec<_>, _>>()?;
        match &self.text {
            None if files.is_empty() => Err("`send` needs `text`, `files` or `documents`".into()),
            text => Ok((text.clone().unwrap_or_default(), files)),
        }
    }

    fn act(self, beside: Beside<'_>) -> Result<Act, String> {
        for (key, there) in [("files", self.files.is_some()), ("documents", self.documents.is_some())] {
            if there && self.what != "send" {
                return Err(format!("`{}` has no `{key}`; only `send` has", self.what));
            }
        }
        let carries = (self.what == "send").then(|| self.carries(beside)).transpose()?;
        let need = |v: Option<String>, key: &str| v.ok_or_else(|| format!("`{}` needs `{key}`", self.what));
        Ok(match self.what.as_str() {
            "send" => {
                let (text, files) = carries.unwrap_or_default();
                Act::Send {
                    from: need(self.from, "from")?.parse()?,
                    to: need(self.to, "to")?.parse()?,
                    precedence: self.precedence.map_or(Ok(Precedence::default()), |p| p.parse())?,
                    class: self.class.map_or(Ok(Class::default()), |c| c.parse())?,
                    subject: self.subject.unwrap_or_default(),
                    text,
                    files,
                }
            }
            "hourly" => Act::Hourly(Hourly {
                even: need(self.even, "even")?.parse()?,
                odd: need(self.odd, "odd")?.parse()?,
                basis: self.basis.as_deref().unwrap_or("washington").parse()?,
                lead: parse_duration(self.lead.as_deref().unwrap_or("3m"))?,
                hours: self.hours.ok_or("`hourly` needs `hours`")?,
                precedence: self.precedence.map_or(Ok(Precedence::default()), |p| p.parse())?,
                class: self.class.map_or(Ok(Class::default()), |c| c.parse())?,
                subject: self.subject.unwrap_or_default(),
                even_text: self.even_text.unwrap_or_default(),
                odd_text: self.odd_text.unwrap_or_default(),
            }),
            "say" => Act::Say(need(self.text, "text")?),
            "cut" => Act::Cut {
                circuit: need(self.circuit, "circuit")?,
                lasts: self.lasts.as_deref().map(parse_duration).transpose()?,
                octets: self.octets,
            },
            "restore" => Act::Restore { circuit: need(self.circuit, "circuit")? },
            "reroute" => Act::Reroute {
                circuit: need(self.circuit, "circuit")?,
                profile: Profile::named(&need(self.profile, "profile")?)?,
                text: self.text,
            },
            "noise" => Act::Noise { circuit: need(self.circuit, "circuit")?, level: need(self.level, "level")? },
            "kill" => Act::Kill(need(self.station, "station")?.parse()?),
            "start" => Act::Start(need(self.station, "station")?.parse()?),
            other => {
                let can = "send, hourly, say, cut, restore, reroute, noise, kill, start";
                return Err(format!("`{other}` is not something a timeline can do; it can {can}"));
            }
        })
    }
}

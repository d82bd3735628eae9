//! What travels: address, precedence, identity, envelope, content; and the forms a period gave it.
//!
//! Standards: precedence in the order of STANAG 4406; heading lines after ACP 127 (see [`period`]).
//! In: what a person or a port hands in. Out: a [`Message`] any medium can carry.
//! Left out: how it travels. Shown by: the tests of each file.

pub mod address;
pub mod charset;
pub mod class;
pub mod convert;
pub mod html;
pub mod period;
pub mod post;
mod twin;

pub use address::{Address, Name};
pub use class::Class;
pub use convert::{Alphabet, Attachments, Edit, Takes, TextForm};
pub use post::{AsCame, Notice, Post};
pub use twin::{Twin, is_cyrillic};

use crate::time::Dtg;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Urgency, in the order of STANAG 4406 (lowest first, so that `>` means more urgent).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precedence {
    /// When nothing else waits.
    Deferred,
    /// The ordinary class.
    #[default]
    Routine,
    /// Ahead of routine.
    Priority,
    /// Ahead of priority.
    Immediate,
    /// As fast as possible; cuts off what is being sent below it.
    Flash,
    /// Ahead of everything.
    Override,
}

impl Precedence {
    /// All six, lowest first.
    pub const ALL: [Precedence; 6] = {
        use Precedence::*;
        [Deferred, Routine, Priority, Immediate, Flash, Override]
    };
    /// The word, in lower case.
    pub fn word(self) -> &'static str {
        match self {
            Precedence::Deferred => "deferred",
            Precedence::Routine => "routine",
            Precedence::Priority => "priority",
            Precedence::Immediate => "immediate",
            Precedence::Flash => "flash",
            Precedence::Override => "override",
        }
    }
    /// Whether it cuts off a message of `other` that is being sent.
    pub fn pre_empts(self, other: Precedence) -> bool {
        self >= Precedence::Flash && self > other
    }
}

impl fmt::Display for Precedence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Precedence {
    type Err = String;
    fn from_str(s: &str) -> Result<Precedence, String> {
        Precedence::ALL
            .into_iter()
            .find(|p| p.word().eq_ignore_ascii_case(s))
            .ok_or_else(|| format!("`{s}` is not a precedence; it is one of deferred, routine, priority, immediate, flash, override"))
    }
}

/// Who a message is: its origin, that station's serial, and its date-time group. Unique for ever.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Identity {
    /// The station that accepted it first.
    pub station: Name,
    /// That station's serial; restarts each day at 0000Z.
    pub serial: u32,
    /// When it was accepted.
    pub dtg: Dtg,
}

impl Identity {
    /// As printed in a heading: `WASHINGTON 01 301600Z AUG 63` (the serial has two digits at the least).
    pub fn heading(&self) -> String {
        format!("{} {:02} {}", self.station.upper(), self.serial, self.dtg.heading())
    }
    /// Reads the heading's form; `near` settles the century.
    pub fn from_heading(text: &str, near: crate::time::Utc) -> Option<Identity> {
        let mut words = text.splitn(3, ' ');
        let station = words.next()?.parse().ok()?;
        let serial = words.next().filter(|s| (2..=9).contains(&s.len()))?;
        let serial = serial.bytes().all(|b| b.is_ascii_digit()).then(|| serial.parse().ok())??;
        Some(Identity { station, serial, dtg: Dtg::from_heading(words.next()?, near)? })
    }
}

impl fmt::Display for Identity {
    /// As in commands, URLs, file names and mail: `WASHINGTON-0001-19630830T1600Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:04}-{}", self.station.upper(), self.serial, self.dtg)
    }
}

impl FromStr for Identity {
    type Err = String;
    fn from_str(s: &str) -> Result<Identity, String> {
        let bad = || format!("`{s}` is not a message identity; write it as WASHINGTON-0001-19630830T1600Z");
        let mut words = s.rsplitn(3, '-');
        let (dtg, serial, station) = (words.next(), words.next(), words.next());
        let serial = serial.filter(|d| (4..=9).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_digit())).ok_or_else(bad)?;
        Ok(Identity {
            station: station.ok_or_else(bad)?.parse().map_err(|_| bad())?,
            serial: serial.parse().map_err(|_| bad())?,
            dtg: dtg.ok_or_else(bad)?.parse().map_err(|_| bad())?,
        })
    }
}

impl Serialize for Identity {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Identity, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The outside of a message: who, to whom, how urgent, about what.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// The desk it comes from.
    pub from: Address,
    /// The desk it is for.
    pub to: Address,
    /// How urgent.
    pub precedence: Precedence,
    /// Which kind of traffic.
    #[serde(default, skip_serializing_if = "Class::is_usual")]
    pub class: Class,
    /// One line; may be empty.
    pub subject: String,
    /// Stations that passed it on, oldest first: a station that finds itself here refuses (a loop).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<Name>,
    /// What a mail brought along, if it came as one or goes out as a notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<Box<Post>>,
}

/// Content kept as a file beside the journal, named by its SHA-256.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Blob {
    /// Lower-case hexadecimal SHA-256 of the bytes.
    pub sha256: String,
    /// The name a person gave it (no folders).
    pub name: String,
    /// Media type, e.g. `image/png`.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
}

impl Blob {
    /// As people are told of it, on one line: `report.pdf (application/pdf, 12345 bytes)`.
    pub fn shown(&self) -> String {
        let line = format!("{} ({}, {} bytes)", self.name, self.media_type, self.size);
        line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

/// One part of a message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Part {
    /// Text in lines parted by LF, the last without one.
    Text {
        /// The text.
        text: String,
    },
    /// A page or pages to look at: an image or a paged document.
    Page(Blob),
    /// Any other file.
    File(Blob),
}

/// A message as handed in, before it has an identity.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Draft {
    /// Its outside.
    pub envelope: Envelope,
    /// Its parts, in order.
    pub content: Vec<Part>,
}

/// A message: identity, envelope, content.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Message {
    /// Who it is.
    pub identity: Identity,
    /// Its outside.
    pub envelope: Envelope,
    /// Its parts, in order.
    pub content: Vec<Part>,
}

impl Message {
    /// The text parts, joined by a blank line.
    pub fn text(&self) -> String {
        let texts: Vec<&str> = self
            .content
            .iter()
            .filter_map(|p| match p {
                Part::Text { text } => Some(text.as_str()),
                Part::Page(_) | Part::File(_) => None,
            })
            .collect();
        texts.join("\n\n")
    }
}

/// The media types that are pages to look at; everything else that is not text is a file.
pub fn is_page(media_type: &str) -> bool {
    media_type.starts_with("image/") || media_type == "application/pdf"
}

/// The media types of files that are texts to read.
pub fn is_text(media_type: &str) -> bool {
    media_type.get(..5).is_some_and(|kind| kind.eq_ignore_ascii_case("text/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_reads_back_both_forms() {
        let id: Identity = "WASHINGTON-0001-19630830T1600Z".parse().unwrap();
        assert_eq!(id.heading(), "WASHINGTON 01 301600Z AUG 63");
        assert_eq!(Identity::from_heading(&id.heading(), id.dtg.utc()), Some(id.clone()));
        assert_eq!(id.to_string(), "WASHINGTON-0001-19630830T1600Z");
        let long = Identity { serial: 123_456, station: "new-york".parse().unwrap(), ..id };
        assert_eq!(long.to_string().parse::<Identity>().unwrap(), long);
        assert_eq!(Identity::from_heading(&long.heading(), long.dtg.utc()), Some(long));
    }

    #[test]
    fn what_is_not_an_identity_is_refused() {
        for s in ["", "W-1-19630830T1600Z", "-0001-19630830T1600Z", "WASHINGTON-0001", "WASHINGTON-00é1-19630830T1600Z"] {
            assert!(s.parse::<Identity>().is_err(), "{s}");
        }
    }

    #[test]
    fn only_flash_and_above_cut_off_what_is_below_them() {
        use Precedence::*;
        assert!(Flash.pre_empts(Routine) && Override.pre_empts(Flash));
        assert!(!Flash.pre_empts(Flash) && !Immediate.pre_empts(Deferred));
        assert_eq!("FLASH".parse(), Ok(Flash));
    }
}

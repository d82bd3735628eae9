//! The class of a message: the correspondents' own, or the operators' service messages about the link itself.
//!
//! Standard: `SVC` as the mark of a service message, after the military networks' practice (US Navy training manual NAVEDTRA 14222, which
//! puts it into the text behind the classification); where it stands here, behind the precedence, is ours (`docs/procedure.md`).
//! In: a word. Out: a [`Class`]. Left out: what a route does with it (`router::route`). Shown by: `message::class::tests`, `router::tests`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What kind of traffic a message is. It does not change how urgent it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Between correspondents.
    #[default]
    Message,
    /// Between operators, about the link: maintenance, re-routing, schedules.
    Service,
}

impl Class {
    /// Both.
    pub const ALL: [Class; 2] = [Class::Message, Class::Service];
    /// The word, in lower case.
    pub fn word(self) -> &'static str {
        match self {
            Class::Message => "message",
            Class::Service => "service",
        }
    }
    /// What stands behind the precedence in headings and lists: ` svc`, or nothing.
    pub fn mark(self) -> &'static str {
        match self {
            Class::Message => "",
            Class::Service => " svc",
        }
    }
    /// Whether it is the class that needs no word (files and events leave it out).
    pub fn is_usual(&self) -> bool {
        *self == Class::default()
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Class {
    type Err = String;
    fn from_str(s: &str) -> Result<Class, String> {
        Class::ALL
            .into_iter()
            .find(|c| c.word().eq_ignore_ascii_case(s))
            .ok_or_else(|| format!("`{s}` is not a class; it is one of message, service"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_reads_back_and_another_word_is_refused() {
        assert!(Class::ALL.into_iter().all(|c| c.word().parse() == Ok(c)));
        assert!("servise".parse::<Class>().unwrap_err().contains("one of message, service"));
    }
}

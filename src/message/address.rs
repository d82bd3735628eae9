//! Names of stations and desks, and `desk@station`.
//!
//! Standards: none; letters, digits and hyphen are what ITA2, US-TTY and MTK-2 all have.
//! In: text from a person or a line. Out: a lower-case [`Name`] or [`Address`], or one sentence why not.
//! Left out: whether anybody of that name exists (see `router::route`). Shown by: `message::address::tests`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A station's or a desk's name: a letter, then letters, digits or hyphens, 32 at most; kept in lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Name(String);

impl Name {
    /// In lower case, as in configurations and addresses.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// In upper case, as printed on paper and in identities.
    pub fn upper(&self) -> String {
        self.0.to_ascii_uppercase()
    }
}

impl FromStr for Name {
    type Err = String;
    fn from_str(s: &str) -> Result<Name, String> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        let good = (1..=32).contains(&s.len()) && s.bytes().all(legal) && s.as_bytes()[0].is_ascii_alphabetic() && !s.ends_with('-');
        good.then(|| Name(s.to_ascii_lowercase())).ok_or_else(|| {
            let shown: String = s.chars().take(40).collect();
            format!("`{}` is not a name; use a letter, then letters, digits or hyphens, 32 at most", shown.escape_debug())
        })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who a message is for or from: a desk at a station.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Address {
    /// The desk at that station.
    pub desk: Name,
    /// The station.
    pub station: Name,
}

impl FromStr for Address {
    type Err = String;
    fn from_str(s: &str) -> Result<Address, String> {
        let Some((desk, station)) = s.split_once('@') else {
            let shown: String = s.chars().take(40).collect();
            return Err(format!("`{}` is not an address; write it as desk@station", shown.escape_debug()));
        };
        Ok(Address { desk: desk.parse()?, station: station.parse()? })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.desk, self.station)
    }
}

macro_rules! serde_as_text {
    ($t:ty) => {
        impl Serialize for $t {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $t {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<$t, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
serde_as_text!(Name);
serde_as_text!(Address);

/// The name of `known` nearest to what was written, if any is near enough to be meant.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|k| (strsim::damerau_levenshtein(&written.to_lowercase(), &k.to_lowercase()), k))
        .filter(|(d, k)| *d <= 1 + k.len().max(written.len()) / 3)
        .min_by_key(|(d, _)| *d)
        .map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back_in_lower_case() {
        let a: Address = "Chairman@MOSCOW".parse().unwrap();
        assert_eq!(a.to_string(), "chairman@moscow");
        assert_eq!(a.station.upper(), "MOSCOW");
    }

    #[test]
    fn what_is_not_a_name_is_refused() {
        for s in ["", "1st", "a b", "москва", "a/../b", "a-", &"x".repeat(33)] {
            assert!(s.parse::<Name>().is_err(), "{s}");
        }
        assert!("moscow".parse::<Address>().is_err());
        assert!("a@b@c".parse::<Address>().is_err());
    }

    #[test]
    fn the_nearest_name_is_named() {
        assert_eq!(nearest("moskow", ["washington", "moscow"]), Some("moscow"));
        assert_eq!(nearest("paris", ["washington", "moscow"]), None);
    }
}

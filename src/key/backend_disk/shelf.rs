//! The tapes or diskettes that hang at a port: a folder, locked, looked through again whenever asked; and key taken from them.
//!
//! Standard: decision 6 of the project. In: a folder, whose station and whose far end. Out: [`Tapes`], key that was on record first.
//! Order of a reservation: the key is read, the ledger has it on disk, the label follows, the key is given out.
//! Left out: which tape is taken up, warnings (the machines). Shown by: `tests/it/keys.rs`, `docs/key-media.md`.

use super::files::{Stamp, cannot, check_key, open_key, pair, read_key, read_label, write_label};
use super::ledger::LedgerFile;
use crate::key::label::Label;
use crate::key::ledger::Entry;
use crate::key::{Copy, Medium, Tape, Tapes};
use crate::message::Name;
use crate::time::{Clock, Speed};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The tapes of one port. While it exists, nobody else can use the folder.
#[derive(Debug)]
pub struct Shelf {
    dir: PathBuf,
    medium: Medium,
    station: Name,
    peer: Option<Name>,
    clock: Clock,
    ledger: LedgerFile,
    /// Keys already checked, as they were then and against which checksum.
    checked: BTreeMap<PathBuf, (Stamp, String)>,
    /// The tapes that can be used, by serial: their labels' paths, and for what.
    hung: BTreeMap<u32, (PathBuf, Copy)>,
}

/// A tape that can be used.
struct Good {
    label: Label,
    copy: Copy,
    key: PathBuf,
    file: File,
}

impl Shelf {
    /// Locks the folder `dir` of tapes or diskettes for `station`, whose far end is `peer` (any other station if `None`), and looks through it.
    /// Fails with one sentence if the folder cannot be read, is in use, or its ledger is damaged; a tape that cannot be used is
    /// no failure but a trouble of [`Shelf::tapes`].
    pub fn open(dir: &Path, medium: Medium, station: &Name, peer: Option<&Name>) -> Result<Shelf, String> {
        let mut shelf = Shelf {
            dir: dir.to_owned(),
            medium,
            station: station.clone(),
            peer: peer.cloned(),
            clock: Clock::new(None, Speed::REAL),
            ledger: LedgerFile::open(dir)?,
            checked: BTreeMap::new(),
            hung: BTreeMap::new(),
        };
        shelf.look()?;
        Ok(shelf)
    }

    /// The tapes as they hang now, each direction in order of file name. A key that was checked and has not changed is not read again.
    pub fn tapes(&mut self) -> Tapes {
        self.look().unwrap_or_else(|why| {
            self.hung.clear();
            Tapes { troubles: vec![why], ..Tapes::default() }
        })
    }

    /// Reserves `count` characters from position `from` on and returns them. They, and whatever lies before them, are used from
    /// then on: it is on disk before this returns. Refused, in one sentence: key below the next position, beyond the end, a tape
    /// that does not hang here (or no longer as it was). With `count` 0 the reader only moves forward.
    pub fn reserve(&mut self, copy: Copy, serial: u32, from: u64, count: u64) -> Result<Vec<u8>, String> {
        let it = self.medium;
        let Some((path, _)) = self.hung.get(&serial).filter(|(_, c)| *c == copy).cloned() else {
            return Err(format!("no {it} {serial} hangs in `{}` for that direction", self.dir.display()));
        };
        let good = self.examine(&path)?;
        if good.label.serial != serial || good.copy != copy {
            return Err(format!("`{}` is not the label of {it} {serial} any more; it was changed while the station ran", path.display()));
        }
        let (next, end) = (self.next(&good.label), from.saturating_add(count));
        if from < next {
            return Err(format!("position {from} of {it} {serial} is used key; its next position is {next}"));
        }
        if end > good.label.characters {
            return Err(format!("{it} {serial} ends at {}; it has no key for {from} to {end}", good.label.characters));
        }
        let key = read_key(&good.key, &good.file, from, count)?;
        if end > next {
            let utc = self.clock.utc(self.clock.now());
            advance(&mut self.ledger, &path, good.label, &Entry { utc, serial, copy, from, count })?;
        }
        Ok(key)
    }

    fn next(&self, label: &Label) -> u64 {
        let known = self.ledger.positions().of(label.serial, label.copy);
        known.map_or(label.next, |known| known.next.max(label.next))
    }

    fn look(&mut self) -> Result<Tapes, String> {
        let (labels, keys) = list(&self.dir)?;
        let mut tapes = Tapes::default();
        let mut good = vec![];
        let mut holders: BTreeMap<u32, Vec<PathBuf>> = BTreeMap::new();
        for path in &labels {
            match self.examine(path) {
                Ok(tape) => good.push((path, tape)),
                Err(why) => tapes.troubles.push(why),
            }
            if let Ok(label) = read_label(path) {
                holders.entry(label.serial).or_default().push(path.clone());
            }
        }
        for key in keys.iter().filter(|k| !labels.contains(&k.with_extension("toml"))) {
            tapes.troubles.push(format!("`{}` has no label; put its .toml beside it", key.display()));
        }
        holders.retain(|_, paths| paths.len() > 1);
        for (serial, paths) in &holders {
            let named: Vec<String> = paths.iter().map(|p| format!("`{}`", p.display())).collect();
            tapes.troubles.push(format!(
                "{} are both {} {serial}; take away the one that does not belong here",
                named.join(" and "),
                self.medium
            ));
        }
        good.retain(|(_, tape)| !holders.contains_key(&tape.label.serial));
        self.hung = good.iter().map(|(path, tape)| (tape.label.serial, ((*path).clone(), tape.copy))).collect();
        for (path, Good { label, copy, .. }) in good {
            tapes.troubles.extend(self.behind(path, &label));
            let tape = Tape { serial: label.serial, characters: label.characters, next: self.next(&label).min(label.characters) };
            match copy {
                Copy::Send => tapes.send.push(tape),
                Copy::Receive => tapes.receive.push(tape),
            }
        }
        self.checked.retain(|key, _| keys.contains(key));
        Ok(tapes)
    }

    /// Reads a label and, unless it is known, its key; or why the tape cannot be used here.
    fn examine(&mut self, path: &Path) -> Result<Good, String> {
        let label = read_label(path)?;
        let here = |why: String| format!("`{}`: {why}", path.display());
        let copy = label.place(self.medium, &self.station, self.peer.as_ref()).map_err(here)?;
        let (key, _) = pair(path)?;
        let file = open_key(&key)?;
        let stamp = Stamp::of(&file).map_err(|e| cannot("read", &key, e))?;
        let known = self.checked.get(&key).is_some_and(|(s, sum)| *s == stamp && *sum == label.checksum);
        if !known || stamp.length() != label.characters {
            self.checked.remove(&key);
            check_key(&key, &file, &label)?;
            self.checked.insert(key.clone(), (stamp, label.checksum.clone()));
        }
        Ok(Good { label, copy, key, file })
    }

    /// The sentence about a label that lags behind the ledger by more than a crash explains.
    fn behind(&self, path: &Path, label: &Label) -> Option<String> {
        let known = self.ledger.positions().of(label.serial, label.copy)?;
        let older = label.next < known.next && !known.explains(label.next);
        older.then(|| {
            format!(
                "`{}`: the label of {} {} says position {} and the ledger {}: the label is an old copy; the ledger counts, and no key before {} is used again",
                path.display(), label.medium, label.serial, label.next, known.next, known.next
            )
        })
    }
}

/// Puts a reservation on disk: the ledger first, and the label after it. A label that could not be written last time is
/// written first, so that it never lags by more than one reservation.
pub(super) fn advance(ledger: &mut LedgerFile, path: &Path, mut label: Label, entry: &Entry) -> Result<(), String> {
    let known = ledger.positions().of(label.serial, label.copy).map_or(0, |k| k.next);
    if label.next < known {
        label.next = known.min(label.characters);
        write_label(path, &label)?;
    }
    ledger.append(entry)?;
    label.next = entry.end();
    // The ledger has it: whether the label follows now or next time, this key is used once.
    if let Err(why) = write_label(path, &label) {
        tracing::warn!("the ledger has the position of {} {}, its label not yet: {why}", label.medium, label.serial);
    }
    Ok(())
}

/// The labels and the keys of a folder, in order of file name.
pub(super) fn list(dir: &Path) -> Result<(BTreeSet<PathBuf>, BTreeSet<PathBuf>), String> {
    let (mut labels, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for entry in std::fs::read_dir(dir).map_err(|e| cannot("read", dir, e))? {
        let path = entry.map_err(|e| cannot("read", dir, e))?.path();
        let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
        match path.extension().and_then(|e| e.to_str()) {
            Some("toml") if !hidden => labels.insert(path),
            Some("key") if !hidden => keys.insert(path),
            Some(_) | None => false,
        };
    }
    Ok((labels, keys))
}

//! What an operator does to tapes and diskettes by hand: look, move a reader forward, destroy.
//!
//! Standards: NIST SP 800-88 (one overwrite clears a disk that writes in place). In: paths. Out: what was found or done.
//! Looking takes no lock; the others take the folder's, so never while a station uses it.
//! Left out: asking whether it is meant (`cli::keys`). Shown by: `tests/it/keys.rs`, `docs/key-media.md`.

use super::files::{cannot, check_key, folder, open_key, pair, read_label, write_label};
use super::ledger::{LedgerFile, peek};
use super::shelf::{advance, list};
use crate::key::label::{Label, State};
use crate::key::ledger::Entry;
use crate::time::Utc;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A tape as it lies there.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The label's file.
    pub path: PathBuf,
    /// The label; its `next` is the ledger's where that is further.
    pub label: Label,
    /// What is wrong with the key.
    pub trouble: Option<String>,
}

/// The tapes of a folder, or the one that a .key or .toml names; a label that cannot be read is a sentence in its place.
/// Keys are read and checked. Nothing is written or locked.
pub fn show(path: &Path) -> Result<Vec<Result<Shown, String>>, String> {
    if !path.exists() {
        return Err(format!("there is no `{}`; `molink keys make` makes key", path.display()));
    }
    let is_dir = std::fs::metadata(path).map_err(|e| cannot("read", path, e))?.is_dir();
    if !is_dir {
        let (key, label) = pair(path)?;
        if !label.exists() {
            return Err(unlabelled(&key));
        }
        return look(&label).map(|s| vec![Ok(s)]);
    }
    let (labels, keys) = list(path)?;
    let mut shown: Vec<_> = labels.iter().map(|l| look(l)).collect();
    let bare = keys.iter().filter(|k| !labels.contains(&k.with_extension("toml")));
    shown.extend(bare.map(|k| Err(unlabelled(k))));
    Ok(shown)
}

fn unlabelled(key: &Path) -> String {
    format!("`{}` has no label; put its .toml beside it", key.display())
}

/// Moves the reader of a tape forward to position `to`; what it passes over is burned. Returns the tape as it is then, and how
/// many characters were passed over.
pub fn skip(path: &Path, to: u64, utc: Utc) -> Result<(Label, u64), String> {
    let (_, at) = pair(path)?;
    read_label(&at)?; // before a ledger is made where no tape is
    let mut ledger = LedgerFile::open(folder(&at))?;
    let mut label = read_label(&at)?;
    let next = ledger.positions().of(label.serial, label.copy).map_or(label.next, |k| k.next.max(label.next));
    let (it, serial) = (label.medium, label.serial);
    if label.state == State::Destroyed {
        return Err(format!("{it} {serial} is destroyed; it has no positions any more"));
    }
    if to < next {
        return Err(format!("position {to} of {it} {serial} is used key; its next position is {next}, and a reader only moves forward"));
    }
    if to > label.characters {
        return Err(format!("{it} {serial} ends at {}; position `{to}` is beyond it", label.characters));
    }
    if to > next {
        let entry = Entry { utc, serial, copy: label.copy, from: to, count: 0 };
        advance(&mut ledger, &at, label.clone(), &entry)?;
    }
    label.next = to;
    Ok((label, to - next))
}

/// Destroys a tape: its ledger says that all is used, the key is overwritten with zeros and synced, the label says destroyed.
/// Once, and with zeros: where a disk writes in place, that is enough; where it does not (SSDs, snapshots), no number of times is.
pub fn destroy(path: &Path, utc: Utc, progress: &mut dyn FnMut(u64)) -> Result<Label, String> {
    let (key, at) = pair(path)?;
    read_label(&at)?; // before a ledger is made where no tape is
    let mut ledger = LedgerFile::lock(folder(&at))?;
    let mut label = read_label(&at)?;
    // A damaged ledger keeps the tapes from being used; it must not keep them from being destroyed.
    if ledger.load().is_ok() {
        let next = ledger.positions().of(label.serial, label.copy).map_or(label.next, |k| k.next.max(label.next));
        if next < label.characters {
            ledger.append(&Entry { utc, serial: label.serial, copy: label.copy, from: next, count: label.characters - next })?;
        }
    }
    overwrite(&key, progress)?;
    label.next = label.characters;
    label.state = State::Destroyed;
    write_label(&at, &label)?;
    Ok(label)
}

fn look(path: &Path) -> Result<Shown, String> {
    let mut label = read_label(path)?;
    let (key, _) = pair(path)?;
    let mut trouble = None;
    match peek(folder(path)) {
        Ok(positions) => label.next = positions.of(label.serial, label.copy).map_or(label.next, |k| k.next.max(label.next)),
        Err(why) => trouble = Some(why),
    }
    if label.state == State::Whole {
        let checked = open_key(&key).and_then(|file| check_key(&key, &file, &label));
        trouble = checked.err().or(trouble);
    }
    Ok(Shown { path: path.to_owned(), label, trouble })
}

fn overwrite(key: &Path, progress: &mut dyn FnMut(u64)) -> Result<(), String> {
    let length = open_key(key)?.metadata().map_err(|e| cannot("read", key, e))?.len();
    let written = (|| {
        // Not truncated: the zeros must go where the key is.
        let mut file = OpenOptions::new().write(true).open(key)?;
        let (zeros, mut done) = (vec![0; 1 << 16], 0);
        while done < length {
            let n = (length - done).min(zeros.len() as u64);
            file.write_all(&zeros[..n as usize])?;
            done += n;
            progress(done);
        }
        file.sync_all()
    })();
    written.map_err(|e: std::io::Error| cannot("overwritten", key, e))
}

//! The ledger's file, `ledger.jsonl`: locked while it is open, and on disk before anybody is told.
//!
//! Standards: JSON lines; flock(2). In: reservations. Out: the same, synced; or a sentence, and nothing is promised.
//! Whoever holds the ledger holds the folder: a station, or a command of the operator.
//! Left out: what a line means (`key::ledger`). Shown by: `tests/it/keys.rs`.

use super::files::{cannot, folder, sync_folder};
use crate::faults::{self, Fault};
use crate::key::ledger::{Entry, Ledger, Positions};
use rustix::fs::{FlockOperation, Mode, OFlags};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Its name in the folder.
pub(super) const NAME: &str = "ledger.jsonl";
/// A ledger is at most this long, in bytes: some two million reservations.
const LARGEST: u64 = 256 << 20;

/// The open ledger of one folder, and the lock on it.
#[derive(Debug)]
pub(super) struct LedgerFile {
    path: PathBuf,
    file: File,
    ledger: Ledger,
    /// What was read or written cannot be relied on any more: why.
    broken: Option<String>,
}

/// How often, and after what pause, a lock is tried that somebody has: a second in all.
const TRIES: usize = 20;
const PAUSE: Duration = Duration::from_millis(50);

fn in_use(dir: &Path) -> String {
    format!("the key in `{}` is in use by another molink; stop that first", dir.display())
}

impl Drop for LedgerFile {
    /// Said out loud: a process that is just being started from this one holds the file open, and with it the lock, for a moment.
    fn drop(&mut self) {
        let _ = rustix::fs::flock(&self.file, FlockOperation::Unlock);
    }
}

impl LedgerFile {
    /// Opens the ledger of `dir`, made if it is not there, locks it and reads it.
    pub(super) fn open(dir: &Path) -> Result<LedgerFile, String> {
        // A port that failed and begins anew: what it still does on the disk holds the lock for a moment more.
        let mut tries = 0..TRIES;
        let mut open = loop {
            match LedgerFile::try_lock(dir)? {
                Some(open) => break open,
                None if tries.next().is_some() => std::thread::sleep(PAUSE),
                None => return Err(in_use(dir)),
            }
        };
        open.load()?;
        Ok(open)
    }

    /// The lock alone: nothing can be reserved before [`LedgerFile::load`] has read what there is.
    pub(super) fn lock(dir: &Path) -> Result<LedgerFile, String> {
        LedgerFile::try_lock(dir)?.ok_or_else(|| in_use(dir))
    }
    fn try_lock(dir: &Path) -> Result<Option<LedgerFile>, String> {
        let path = dir.join(NAME);
        if !dir.is_dir() {
            return Err(format!("`{}` is not a folder; `molink keys make` makes key and its folders", dir.display()));
        }
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let opened = rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR);
        let file = File::from(opened.map_err(|e| cannot("opened", &path, e))?);
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(e) => return Err(cannot("locked", &path, e)),
        }
        let unread = Some(format!("`{}` is not read", path.display()));
        Ok(Some(LedgerFile { path, file, ledger: Ledger::default(), broken: unread }))
    }

    /// Reads the ledger. What a crash tore off is cut away, so that the next line begins a line.
    pub(super) fn load(&mut self) -> Result<(), String> {
        self.still_there()?;
        self.ledger = read(&self.path, &self.file)?;
        let cut = self.file.set_len(self.ledger.whole).and_then(|()| self.file.sync_all());
        cut.and_then(|()| sync_folder(folder(&self.path))).map_err(|e| cannot("written", &self.path, e))?;
        self.broken = None;
        Ok(())
    }

    /// How far each tape has been used.
    pub(super) fn positions(&self) -> &Positions {
        &self.ledger.positions
    }

    /// Writes a reservation; when this returns `Ok`, it is on disk.
    pub(super) fn append(&mut self, entry: &Entry) -> Result<(), String> {
        if let Some(why) = &self.broken {
            return Err(why.clone());
        }
        self.still_there()?;
        let mut risen = self.ledger.positions.clone();
        risen.take(entry)?;
        let line = entry.line();
        if let Err(e) = self.file.write_all_at(line.as_bytes(), self.ledger.whole) {
            // Half a line must not stand before the next one.
            if let Err(worse) = self.file.set_len(self.ledger.whole) {
                self.broken = Some(cannot("mended", &self.path, worse));
            }
            return Err(cannot("written", &self.path, e));
        }
        // The line counts from here on, synced or not: rather burn key than use it twice.
        self.ledger.positions = risen;
        self.ledger.whole += line.len() as u64;
        if faults::planted(Fault::ReservationNotSynced) {
            return Ok(());
        }
        self.file.sync_data().map_err(|e| {
            // After a failed sync a second one may claim success for what is lost.
            let why = format!("{}; start again when the disk is sound", cannot("synced", &self.path, e));
            self.broken = Some(why.clone());
            why
        })
    }

    /// A ledger that was put in the place of ours, or taken away, would forget what we write.
    fn still_there(&self) -> Result<(), String> {
        let identity = |m: std::fs::Metadata| (m.dev(), m.ino());
        let ours = self.file.metadata().map(identity).map_err(|e| cannot("read", &self.path, e))?;
        match std::fs::symlink_metadata(&self.path).map(identity) {
            Ok(there) if there == ours => Ok(()),
            Ok(_) => Err(format!(
                "`{}` was replaced while it was in use; stop the station, and see that the right one is there",
                self.path.display()
            )),
            Err(e) => Err(format!("`{}` was taken away while it was in use: {e}; stop the station, and put it back", self.path.display())),
        }
    }
}

/// Reads a folder's ledger without its lock; empty if there is none.
pub(super) fn peek(dir: &Path) -> Result<Positions, String> {
    let path = dir.join(NAME);
    match std::fs::metadata(&path) {
        Ok(m) if !m.is_file() => return Err(format!("`{}` is not a file", path.display())),
        Ok(_) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Positions::default()),
        Err(e) => return Err(cannot("read", &path, e)),
    }
    let file = File::open(&path).map_err(|e| cannot("read", &path, e))?;
    read(&path, &file).map(|l| l.positions)
}

fn read(path: &Path, file: &File) -> Result<Ledger, String> {
    let meta = file.metadata().map_err(|e| cannot("read", path, e))?;
    if !meta.is_file() || meta.len() > LARGEST {
        return Err(format!("`{}` is not a ledger of key: it is no file, or longer than {} MB", path.display(), LARGEST >> 20));
    }
    let mut bytes = vec![];
    let mut from_start = file;
    from_start.read_to_end(&mut bytes).map_err(|e| cannot("read", path, e))?;
    Ledger::read(&bytes).map_err(|(line, why)| {
        format!("`{}` is damaged in line {line}, which {why}; the key of this folder is not used: hang new tapes or diskettes in another folder, and destroy these", path.display())
    })
}

//! The spool of an e-mail server: octets of mails that are coming in, in memory while they are short, else in files.
//!
//! Standards: none. In: pieces of a mail. Out: the mail. Bounded: in memory all together, on disk all together, and by what the disk has left.
//! Nothing in it was promised to anybody: what a crash leaves is cleared at the start. Left out: what is kept for good (`Contents`).
//! Shown by: the tests below, `tests/it/email_limits.rs`.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A mail up to this length stays in memory.
pub(super) const SHORT: usize = 64 << 10;
/// Short mails in memory at one time, in octets; with more of them they go to the disk as well.
const IN_MEMORY: u64 = 16 << 20;
/// Mails of the largest size that fit on disk at one time.
const LARGE_ONES: u64 = 16;
/// What a disk has to have left beside the spool: the journal needs it.
const LEFT: u64 = 32 << 20;

/// The spool of one port.
pub(super) struct Spool {
    dir: PathBuf,
    most: u64,
    in_memory: AtomicU64,
    on_disk: AtomicU64,
    next: AtomicU64,
}

/// A mail that is coming in; dropped, it leaves nothing.
pub(super) struct Incoming {
    spool: Arc<Spool>,
    short: Vec<u8>,
    /// What of `short` is counted in the spool's memory.
    counted: u64,
    file: Option<(File, PathBuf)>,
    written: u64,
}

/// Why a mail cannot be spooled.
#[derive(Debug)]
pub(super) enum NoSpool {
    /// The spool, or the disk, is full.
    Full,
    /// The disk, in a sentence.
    Disk(String),
}

impl Spool {
    /// Opens it in `dir`, made if it is missing and cleared of what is in it; mails of `size` octets at the most.
    pub fn open(dir: PathBuf, size: u64) -> Result<Arc<Spool>, String> {
        let say = |e: io::Error| format!("the spool `{}` cannot be made: {}; let the station's account write there", dir.display(), e);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(say)?;
        for entry in std::fs::read_dir(&dir).map_err(say)?.flatten() {
            let _ = std::fs::remove_file(entry.path()); // a folder somebody put there is not ours
        }
        let (in_memory, on_disk, next) = Default::default();
        Ok(Arc::new(Spool { dir, most: size.saturating_mul(LARGE_ONES), in_memory, on_disk, next }))
    }

    /// Begins a mail.
    pub fn begin(self: &Arc<Self>) -> Incoming {
        Incoming { spool: self.clone(), short: vec![], counted: 0, file: None, written: 0 }
    }

    fn file(&self) -> io::Result<(File, PathBuf)> {
        let path = self.dir.join(format!("{}.eml", self.next.fetch_add(1, Ordering::Relaxed)));
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        Ok((file, path))
    }
}

/// Adds to a count unless it would go beyond `most`.
fn add(count: &AtomicU64, n: u64, most: u64) -> bool {
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now + n).filter(|sum| *sum <= most)).is_ok()
}

fn free(dir: &Path) -> u64 {
    rustix::fs::statvfs(dir).map_or(u64::MAX, |v| v.f_bavail.saturating_mul(v.f_frsize))
}

impl Incoming {
    /// Whether the next piece of that length stays in memory: then [`Incoming::push`] does not wait for the disk.
    pub fn stays_in_memory(&self, piece: usize) -> bool {
        self.file.is_none() && self.short.len() + piece <= SHORT
    }

    /// Whether the memory for short mails is used up.
    pub fn is_crowded(&self) -> bool {
        self.spool.in_memory.load(Ordering::Relaxed) + (SHORT as u64) > IN_MEMORY
    }

    /// Takes a piece. It may wait for the disk.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), NoSpool> {
        let n = piece.len() as u64;
        if self.stays_in_memory(piece.len()) && add(&self.spool.in_memory, n, IN_MEMORY) {
            self.short.extend_from_slice(piece);
            self.counted += n;
            return Ok(());
        }
        if self.file.is_none() {
            self.file = Some(self.spool.file().map_err(|e| self.why(&e))?);
            let short = std::mem::take(&mut self.short);
            self.spool.in_memory.fetch_sub(std::mem::take(&mut self.counted), Ordering::Relaxed);
            self.write(&short)?;
        }
        self.write(piece)
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), NoSpool> {
        let n = piece.len() as u64;
        // Looked at with each megabyte: a disk does not fill between two of them unseen, and a write says so too.
        let looks = self.written == 0 || (self.written >> 20) != ((self.written + n) >> 20);
        if looks && free(&self.spool.dir) < LEFT || !add(&self.spool.on_disk, n, self.spool.most) {
            return Err(NoSpool::Full);
        }
        self.written += n;
        match self.file.as_mut().map(|(file, _)| file.write_all(piece)) {
            Some(Err(e)) => Err(self.why(&e)),
            Some(Ok(())) | None => Ok(()),
        }
    }

    fn why(&self, e: &io::Error) -> NoSpool {
        match e.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => NoSpool::Full,
            _ => NoSpool::Disk(format!("the spool `{}` cannot be written: {e}", self.spool.dir.display())),
        }
    }

    /// Its octets, if they stayed in memory.
    pub fn in_memory(&self) -> Option<&[u8]> {
        self.file.is_none().then_some(&self.short)
    }

    /// Puts the mail, whole, behind `head` into `all`, whose room is used.
    pub fn read(mut self, head: &[u8], all: &mut Vec<u8>) -> io::Result<()> {
        all.clear();
        all.reserve_exact(head.len() + self.short.len() + usize::try_from(self.written).unwrap_or(0));
        all.extend_from_slice(head);
        match &mut self.file {
            None => all.extend_from_slice(&self.short),
            Some((file, _)) => {
                file.seek(io::SeekFrom::Start(0))?;
                io::Read::read_to_end(file, all)?;
            }
        }
        Ok(())
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.spool.in_memory.fetch_sub(self.counted, Ordering::Relaxed);
        self.spool.on_disk.fetch_sub(self.written, Ordering::Relaxed);
        if let Some((_, path)) = self.file.take() {
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_mail_makes_no_file_and_a_long_one_is_read_back_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("7.eml"), "of a crash").unwrap();
        let spool = Spool::open(dir.path().to_owned(), 1 << 20).unwrap();
        let files = || std::fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(files(), 0);
        let mut short = spool.begin();
        short.push(b"hello").unwrap();
        let mut all = vec![];
        short.read(b"H: x\r\n", &mut all).unwrap();
        assert_eq!((files(), &all), (0, &b"H: x\r\nhello".to_vec()));
        let (mut long, piece) = (spool.begin(), vec![b'x'; 40_000]);
        (0..3).for_each(|_| long.push(&piece).unwrap());
        assert_eq!(files(), 1);
        long.read(b"", &mut all).unwrap();
        assert_eq!(all, vec![b'x'; 120_000]);
        assert_eq!((files(), spool.on_disk.load(Ordering::Relaxed), spool.in_memory.load(Ordering::Relaxed)), (0, 0, 0));
    }

    #[test]
    fn a_full_spool_takes_no_more_until_something_goes() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(dir.path().to_owned(), 10_000).unwrap();
        let piece = vec![b'x'; 150_000];
        let mut first = spool.begin();
        first.push(&piece).unwrap();
        assert!(matches!(spool.begin().push(&piece), Err(NoSpool::Full)));
        drop(first);
        spool.begin().push(&piece).unwrap();
    }
}

//! The content store: files beside the journal, named by the SHA-256 of their bytes.
//!
//! Standards: SHA-256 (FIPS 180-4). In: bytes and the name they must have. Out: a file that is whole, or none.
//! A file is on disk before it has its name: written aside, synced, renamed, the folder synced.
//! Left out: removal (nothing removes content yet). Shown by: `journal::store::tests`.

use super::JournalError;
use rustix::fs::{Mode, OFlags};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The most bytes one content may have.
pub const LARGEST: u64 = 64 << 20;

/// Contents of one station, in one folder.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
}

/// Why bytes were not taken into the store.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The name is not a SHA-256.
    #[error("`{0}` is not a SHA-256; write it as 64 lower-case hexadecimal digits")]
    Name(String),
    /// The bytes have another hash.
    #[error("the bytes have the SHA-256 {got}, expected {expected}; they were changed on the way, send them again")]
    Mismatch {
        /// The name they came under.
        expected: String,
        /// What they are.
        got: String,
    },
    /// More than [`LARGEST`].
    #[error("the content is larger than {} MiB; send it in parts", LARGEST >> 20)]
    TooLarge,
    /// The disk.
    #[error("{0}")]
    Disk(JournalError),
    /// Who gives the bytes.
    #[error("the bytes cannot be read: {0}")]
    Source(std::io::Error),
}

/// Bytes of a content that is being taken in; dropped before [`Incoming::keep`], it leaves nothing.
pub struct Incoming {
    dir: PathBuf,
    aside: PathBuf,
    file: File,
    hash: Sha256,
    size: u64,
    expected: Option<String>,
}

impl Store {
    /// Opens the store in `dir`, making the folder (0700) if it is missing; leftovers of a crash are cleared.
    pub fn open_in(dir: impl Into<PathBuf>) -> Result<Store, JournalError> {
        let dir = dir.into();
        make_folder(&dir).map_err(|e| disk("make the folder", &dir, &e))?;
        let listed = std::fs::read_dir(&dir).map_err(|e| disk("read the folder", &dir, &e))?;
        for entry in listed.flatten() {
            if entry.file_name().to_string_lossy().starts_with("tmp-") {
                let _ = std::fs::remove_file(entry.path());
            }
        }
        Ok(Store { dir })
    }
    /// The store in `dir`, which another has opened: nothing in it is touched.
    pub fn at(dir: impl Into<PathBuf>) -> Store {
        Store { dir: dir.into() }
    }
    /// Makes the folder, if it is missing.
    pub fn make(&self) -> Result<(), PutError> {
        make_folder(&self.dir).map_err(|e| PutError::Disk(disk("make the folder", &self.dir, &e)))
    }
    /// Puts the names of the contents that are here on disk.
    pub fn sync(&self) -> Result<(), PutError> {
        sync_folder(&self.dir).map_err(|e| PutError::Disk(disk("sync", &self.dir, &e)))
    }
    /// Whether the content is here, whole.
    pub fn has(&self, sha256: &str) -> bool {
        self.size(sha256).is_some()
    }
    /// Its bytes, if it is here.
    pub fn size(&self, sha256: &str) -> Option<u64> {
        is_sha256(sha256).then(|| std::fs::metadata(self.path(sha256)).ok()).flatten().map(|m| m.len())
    }
    /// Opens it for reading.
    pub fn open(&self, sha256: &str) -> Result<File, JournalError> {
        if !is_sha256(sha256) {
            return Err(JournalError(PutError::Name(sha256.escape_debug().to_string()).to_string()));
        }
        let path = self.path(sha256);
        File::open(&path).map_err(|e| disk("read the content", &path, &e))
    }
    /// Takes in what `bytes` gives, up to [`LARGEST`], if it has this hash. `true` if it was not here before.
    pub fn put(&self, sha256: &str, mut bytes: impl Read) -> Result<bool, PutError> {
        let mut incoming = self.begin(sha256)?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            match bytes.read(&mut buffer) {
                Ok(0) => return incoming.keep(),
                Ok(n) => incoming.write(&buffer[..n])?,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(PutError::Disk(disk("read the bytes for", &self.path(sha256), &e))),
            }
        }
    }
    /// Begins to take in bytes that must have this hash.
    pub fn begin(&self, sha256: &str) -> Result<Incoming, PutError> {
        if !is_sha256(sha256) {
            return Err(PutError::Name(sha256.chars().take(80).collect::<String>().escape_debug().to_string()));
        }
        self.aside(Some(sha256.to_owned()))
    }
    /// Begins to take in bytes whose hash is known at their end.
    pub fn begin_unnamed(&self) -> Result<Incoming, PutError> {
        self.aside(None)
    }
    fn aside(&self, expected: Option<String>) -> Result<Incoming, PutError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let aside = self.dir.join(format!("tmp-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = rustix::fs::open(&aside, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|e| PutError::Disk(disk("write the content", &aside, &e.into())))?;
        Ok(Incoming { dir: self.dir.clone(), aside, file: file.into(), hash: Sha256::new(), size: 0, expected })
    }
    fn path(&self, sha256: &str) -> PathBuf {
        self.dir.join(sha256)
    }
}

impl Incoming {
    /// Takes more bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), PutError> {
        self.size += bytes.len() as u64;
        if self.size > LARGEST {
            return Err(PutError::TooLarge);
        }
        self.hash.update(bytes);
        self.file.write_all(bytes).map_err(|e| PutError::Disk(disk("write the content", &self.aside, &e)))
    }
    /// Keeps the content, on disk, under its name. `true` if it was not here before.
    pub fn keep(self) -> Result<bool, PutError> {
        self.keep_named().map(|(_, _, new)| new)
    }
    /// The same; gives its hash, its bytes and whether it is new.
    pub fn keep_named(self) -> Result<(String, u64, bool), PutError> {
        let got = hexadecimal(&self.hash.clone().finalize());
        if let Some(expected) = self.expected.clone().filter(|expected| *expected != got) {
            return Err(PutError::Mismatch { expected, got });
        }
        let place = self.dir.join(&got);
        let new = !place.exists();
        let kept = self.file.sync_all().and_then(|()| std::fs::rename(&self.aside, &place)).and_then(|()| sync_folder(&self.dir));
        kept.map_err(|e| PutError::Disk(disk("write the content", &place, &e)))?;
        Ok((got, self.size, new))
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.aside); // gone already if it was kept
    }
}

/// Whether this is how we write a SHA-256: 64 lower-case hexadecimal digits.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Bytes as lower-case hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Makes a folder and those above it, open to this account only.
pub(crate) fn make_folder(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Puts the names in a folder on disk.
pub(crate) fn sync_folder(dir: &Path) -> std::io::Result<()> {
    File::open(dir)?.sync_all()
}

pub(crate) fn disk(what: &str, path: &Path, e: &std::io::Error) -> JournalError {
    let hint = match e.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => "; make room on that disk",
        std::io::ErrorKind::PermissionDenied => "; give this account the right to it, or name another `data` folder",
        _ => "",
    };
    JournalError(format!("cannot {what} `{}`: {}{hint}", path.display(), super::lower(&e.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn content_is_kept_under_its_hash_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open_in(dir.path().join("content")).unwrap();
        assert!(store.put(ABC, &b"abc"[..]).unwrap());
        assert!(!store.put(ABC, &b"abc"[..]).unwrap());
        assert_eq!(store.size(ABC), Some(3));
        let mut text = String::new();
        store.open(ABC).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc");
    }

    #[test]
    fn other_bytes_leave_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open_in(dir.path()).unwrap();
        assert!(matches!(store.put(ABC, &b"abd"[..]), Err(PutError::Mismatch { .. })));
        assert!(matches!(store.put(ABC, std::io::repeat(7)), Err(PutError::TooLarge)));
        assert!(matches!(store.put("../../etc/passwd", &b"abc"[..]), Err(PutError::Name(_))));
        assert!(store.open("../../etc/passwd").is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

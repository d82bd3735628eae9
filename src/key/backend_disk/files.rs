//! The two files of a tape or diskette: reading and checking them, writing a label so that it is whole or the old one.
//!
//! Standards: SHA-256 (FIPS 180-4). In: paths. Out: labels, key, a verdict on a key; errors are sentences.
//! A label is written aside, synced, renamed, and its folder synced.
//! Left out: positions (`ledger`), which tapes may be used (`shelf`). Shown by: `tests/it/keys.rs`.

use crate::key::label::{LARGEST, Label};
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How a file was when it was checked: whatever changes it changes this.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp {
    inode: (u64, u64),
    length: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(file: &File) -> std::io::Result<Stamp> {
        let m = file.metadata()?;
        Ok(Stamp { inode: (m.dev(), m.ino()), length: m.len(), written: (m.mtime(), m.mtime_nsec()), changed: (m.ctime(), m.ctime_nsec()) })
    }
    /// In bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }
}

/// The key and the label of the tape that one of them names.
pub(super) fn pair(path: &Path) -> Result<(PathBuf, PathBuf), String> {
    match path.extension().and_then(|e| e.to_str()) {
        Some("key" | "toml") => Ok((path.with_extension("key"), path.with_extension("toml"))),
        Some(_) | None => Err(format!("`{}` is not a key tape or diskette; name its .key or its .toml", path.display())),
    }
}

/// The folder a file lies in.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(super) fn cannot(what: &str, path: &Path, why: impl std::fmt::Display) -> String {
    format!("`{}` cannot be {what}: {why}", path.display())
}

/// Opens an ordinary file. (A pipe or a device of that name would hold us up for ever.)
fn open_file(path: &Path, options: &OpenOptions) -> Result<File, String> {
    let is_file = std::fs::metadata(path).map_err(|e| cannot("read", path, e))?.is_file();
    if !is_file {
        return Err(format!("`{}` is not a file", path.display()));
    }
    options.open(path).map_err(|e| cannot("opened", path, e))
}

pub(super) fn open_key(path: &Path) -> Result<File, String> {
    open_file(path, OpenOptions::new().read(true))
}

/// Reads a label; the sentence names file and line.
pub(super) fn read_label(path: &Path) -> Result<Label, String> {
    let file = open_file(path, OpenOptions::new().read(true))?;
    let mut text = String::new();
    file.take(LARGEST + 1).read_to_string(&mut text).map_err(|e| cannot("read as a label", path, e))?;
    if text.len() as u64 > LARGEST {
        return Err(format!(
            "`{}` is too long for the label of a key tape or diskette; a label has at most {LARGEST} bytes",
            path.display()
        ));
    }
    Label::read(&text).map_err(|why| {
        let why = why.split(", expected one of").next().unwrap_or_default(); // all keys of a label: no help to who gave another file
        format!("`{}` is not the label of a key tape or diskette: {why}", path.display())
    })
}

/// Writes a label so that after a crash it is there whole, the old one or this one.
pub(super) fn write_label(path: &Path, label: &Label) -> Result<(), String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = path.with_file_name(format!(".{name}.new"));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
        file.write_all(label.text().as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&aside, path)?;
        sync_folder(folder(path))
    })();
    written.map_err(|e| {
        let _ = std::fs::remove_file(&aside);
        cannot("written", path, e)
    })
}

pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Lower-case hexadecimal digits of a hash.
pub(super) fn hexadecimal(hash: impl AsRef<[u8]>) -> String {
    hash.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// Whether the key is the one its label describes: its length, values that can be, its checksum.
pub(super) fn check_key(path: &Path, mut file: &File, label: &Label) -> Result<(), String> {
    let length = file.metadata().map_err(|e| cannot("read", path, e))?.len();
    let (shown, it, serial) = (path.display(), label.medium, label.serial);
    if length != label.characters {
        return Err(format!(
            "`{shown}` has {length} {} where the label of {it} {serial} says {}; it was cut short, or it is another {it}'s",
            it.units(),
            label.characters
        ));
    }
    let (mut hash, mut at, mut chunk) = (Sha256::new(), 0, vec![0; 1 << 16]);
    loop {
        let n = file.read(&mut chunk).map_err(|e| cannot("read", path, e))?;
        if n == 0 {
            break;
        }
        if let Some(i) = chunk[..n].iter().position(|b| *b > it.highest()) {
            return Err(format!(
                "`{shown}` is not a key {it}: {} stands at position {}, and a code is 0 to {}",
                chunk[i],
                at + i as u64,
                it.highest()
            ));
        }
        hash.update(&chunk[..n]);
        at += n as u64;
    }
    if hexadecimal(hash.finalize()) != label.checksum {
        return Err(format!("`{shown}` does not fit the checksum of {it} {serial}; it is damaged, or it is another {it}'s"));
    }
    Ok(())
}

/// The key from `from` on.
pub(super) fn read_key(path: &Path, file: &File, from: u64, count: u64) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; usize::try_from(count).map_err(|e| cannot("read", path, e))?];
    file.read_exact_at(&mut bytes, from).map_err(|e| cannot("read", path, e))?;
    Ok(bytes)
}

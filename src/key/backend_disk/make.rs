//! Making a pair of key tapes or diskettes from the system's randomness.
//!
//! Standards: getrandom(2); 1963's tapes were punched two at a time through one punch, so that the copies match (history).
//! In: how long, for whose traffic. Out: two folders with a copy each, synced; on failure nothing is left.
//! Left out: carrying the second copy to the far end, which is for people. Shown by: `tests/it/keys.rs`.

use super::files::{cannot, folder, hexadecimal, read_label, sync_folder, write_label};
use super::shelf::list;
use crate::key::label::{Kind, LONGEST, Label, SERIALS, State};
use crate::key::{Copy, Medium};
use crate::message::Name;
use crate::time::Utc;
use rustix::rand::{GetRandomFlags, getrandom};
use sha2::{Digest, Sha256};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Characters made and written at a time.
const CHUNK: usize = 1 << 16;

/// What is to be made.
#[derive(Clone, Debug)]
pub struct Order {
    /// What it is.
    pub medium: Medium,
    /// The name of the files, without ending.
    pub name: String,
    /// The length, 1 to [`LONGEST`].
    pub characters: u64,
    /// Whose outgoing traffic it is for.
    pub from: Name,
    /// Who deciphers it.
    pub to: Name,
    /// The time that goes on the label.
    pub utc: Utc,
}

impl Order {
    /// Whether it can be made in `out` at all; the error is one sentence.
    pub fn check(&self, out: &Path) -> Result<(), String> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let (it, name) = (self.medium, &self.name);
        if !(1..=64).contains(&name.len()) || !name.bytes().all(legal) || !name.as_bytes()[0].is_ascii_alphanumeric() {
            let shown: String = name.chars().take(40).collect();
            return Err(format!("`{}` is not a {it}'s name; use letters, digits, hyphens, dots, 64 at most", shown.escape_debug()));
        }
        if !(1..=LONGEST).contains(&self.characters) {
            return Err(format!("a {it} of `{}` {} cannot be made; give 1 to {LONGEST}", self.characters, it.units()));
        }
        if self.from == self.to {
            return Err(format!("from and to are both `{}`; a {it} is for what one station sends to another", self.to));
        }
        if out.exists() && !out.is_dir() {
            return Err(format!("`{}` is not a folder; give one with --out", out.display()));
        }
        let files = self.files(out, "key").into_iter().chain(self.files(out, "toml"));
        let mut taken = files.filter(|f| f.symlink_metadata().is_ok());
        taken.next().map_or(Ok(()), |f| Err(there(&f, it)))
    }
    fn label(&self, serial: u32, copy: Copy, checksum: &str) -> Label {
        Label {
            serial,
            from: self.from.clone(),
            to: self.to.clone(),
            copy,
            characters: self.characters,
            made: self.utc,
            checksum: checksum.to_owned(),
            kind: Kind::Live,
            medium: self.medium,
            next: 0,
            state: State::Whole,
        }
    }
    /// The two copies' files of that ending: the sender's, the receiver's.
    fn files(&self, out: &Path, ending: &str) -> [PathBuf; 2] {
        [&self.from, &self.to].map(|station| out.join(station.as_str()).join(format!("{}.{ending}", self.name)))
    }
}

fn there(path: &Path, it: Medium) -> String {
    format!("`{}` is there already; key {it}s are never replaced, take another name", path.display())
}

/// What was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// The number of the pair.
    pub serial: u32,
    /// The label of the copy that enciphers.
    pub send: PathBuf,
    /// The label of the copy that deciphers.
    pub receive: PathBuf,
}

/// What lies on the disk and is not finished: taken away again, the last first, unless it was kept.
#[derive(Default)]
struct Unfinished(Vec<PathBuf>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        for path in self.0.iter().rev() {
            let _ = if path.is_dir() { std::fs::remove_dir(path) } else { std::fs::remove_file(path) };
        }
    }
}

/// Makes a pair: `OUT/FROM/NAME.{key,toml}` to encipher with, `OUT/TO/NAME.{key,toml}` to decipher with. Never over an existing
/// file. `progress` gets the characters made so far; when it says `false`, the work ends with an error.
/// The error is one sentence, and nothing is left of the pair.
pub fn make(order: &Order, out: &Path, progress: &mut dyn FnMut(u64) -> bool) -> Result<Made, String> {
    order.check(out)?;
    let mut unfinished = Unfinished::default();
    let (keys, labels) = (order.files(out, "key"), order.files(out, "toml"));
    let folders = keys.each_ref().map(|k| folder(k));
    for folder in folders {
        make_folder(folder, &mut unfinished)?;
    }
    let serial = serial(folders, order.medium)?;
    let mut files = vec![];
    for key in &keys {
        files.push(new_file(key, order.medium)?);
        unfinished.0.push(key.clone());
    }
    let checksum =
        write_key(&mut files, order.medium, order.characters, &mut random, progress).map_err(|e| cannot("written", &keys[0], e))?;
    for (file, key) in files.iter().zip(&keys) {
        file.sync_all().map_err(|e| cannot("written", key, e))?;
    }
    for (path, copy) in labels.iter().zip([Copy::Send, Copy::Receive]) {
        unfinished.0.push(path.clone());
        write_label(path, &order.label(serial, copy, &checksum))?;
    }
    // A folder made just now is only there after a crash if the one above it is synced.
    for made in unfinished.0.iter().filter(|p| p.is_dir()) {
        sync_folder(folder(made)).map_err(|e| cannot("synced", made, e))?;
    }
    unfinished.0.clear();
    let [send, receive] = labels;
    Ok(Made { serial, send, receive })
}

/// Makes the folder and those above it, open to its owner alone.
fn make_folder(folder: &Path, unfinished: &mut Unfinished) -> Result<(), String> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|f| !f.as_os_str().is_empty() && f.symlink_metadata().is_err()).collect();
    for folder in missing.into_iter().rev() {
        DirBuilder::new().mode(0o700).create(folder).map_err(|e| cannot("made", folder, e))?;
        unfinished.0.push(folder.to_owned());
    }
    if folder.is_dir() { Ok(()) } else { Err(format!("`{}` is not a folder", folder.display())) }
}

fn new_file(path: &Path, it: Medium) -> Result<File, String> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => there(path, it),
        _ => cannot("made", path, e),
    })
}

/// A serial that nothing in the folders has.
fn serial(folders: [&Path; 2], it: Medium) -> Result<u32, String> {
    let mut taken = vec![];
    for folder in folders {
        taken.extend(list(folder)?.0.iter().filter_map(|path| read_label(path).ok()).map(|l| l.serial));
    }
    let span = SERIALS.end() - SERIALS.start() + 1;
    let mut bytes = [0; 4];
    // Draws that would favour low numbers, and numbers in use, are drawn again.
    for _ in 0..1000 {
        random(&mut bytes).map_err(|e| format!("the system gives no random numbers: {e}"))?;
        let drawn = u32::from_le_bytes(bytes);
        let serial = SERIALS.start() + drawn % span;
        if drawn < u32::MAX - u32::MAX % span && !taken.contains(&serial) {
            return Ok(serial);
        }
    }
    Err(format!("no serial number is free for the {it}; take another folder"))
}

/// Fills `bytes` from the system's randomness.
fn random(bytes: &mut [u8]) -> std::io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match getrandom(&mut bytes[done..], GetRandomFlags::empty()) {
            Ok(n) => done += n,
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

/// Writes the same `characters` random codes or octets to all copies; returns their SHA-256. A code is five bits of a random byte, so
/// that each of the 32 is as likely as any other.
pub(super) fn write_key<W: Write>(
    copies: &mut [W],
    medium: Medium,
    characters: u64,
    random: &mut dyn FnMut(&mut [u8]) -> std::io::Result<()>,
    progress: &mut dyn FnMut(u64) -> bool,
) -> std::io::Result<String> {
    let (mut chunk, mut hash, mut done) = (vec![0; CHUNK], Sha256::new(), 0);
    while done < characters {
        let n = usize::try_from(characters - done).unwrap_or(CHUNK).min(CHUNK);
        random(&mut chunk[..n])?;
        chunk[..n].iter_mut().for_each(|b| *b &= medium.highest());
        hash.update(&chunk[..n]);
        for copy in copies.iter_mut() {
            copy.write_all(&chunk[..n])?;
        }
        done += n as u64;
        if !progress(done) {
            return Err(std::io::Error::other("interrupted"));
        }
    }
    for copy in copies.iter_mut() {
        copy.flush()?;
    }
    Ok(hexadecimal(hash.finalize()))
}

//! The diskettes of a fax port on disk: locked while the port runs, looked through, reserved from; on a thread that may wait for a disk.
//!
//! Standard: none; the rules are those of all key media (`docs/key-media.md`). In: the port's folder, reservations. Out: what the terminal is told.
//! Left out: what hangs on it (`terminal`), the folder itself (`key::backend_disk`). Shown by: `tests/it/fax_cipher.rs`.

use super::terminal::Input;
use crate::key::backend_disk::{Shelf, show};
use crate::key::reel::Reservation;
use crate::key::{Medium, Tape};
use crate::message::Name;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The diskettes of a port.
#[derive(Clone)]
pub struct Diskettes(Arc<Mutex<Shelf>>);

impl Diskettes {
    /// Locks the folder of a port of `station` to `peer`; the error is one sentence.
    pub async fn open(dir: PathBuf, station: Name, peer: Name) -> Result<Diskettes, String> {
        let opened = tokio::task::spawn_blocking(move || Shelf::open(&dir, Medium::Diskette, &station, Some(&peer))).await;
        let shelf = opened.map_err(|e| format!("the key diskettes could not be looked through: {e}"))??;
        Ok(Diskettes(Arc::new(Mutex::new(shelf))))
    }
    /// What hangs there now.
    pub async fn look(self) -> Option<Input> {
        self.with(|shelf| Input::Diskettes(shelf.tapes())).await
    }
    /// Puts a reservation on disk.
    pub async fn reserve(self, made: Reservation) -> Option<Input> {
        let done = move |shelf: &mut Shelf| match shelf.reserve(made.copy, made.serial, made.from, made.count) {
            Ok(key) => Input::Reserved { made, key },
            Err(why) => Input::NotReserved { made, why },
        };
        self.with(done).await
    }
    /// `None` only if the work failed inside.
    async fn with(self, work: impl FnOnce(&mut Shelf) -> Input + Send + 'static) -> Option<Input> {
        tokio::task::spawn_blocking(move || work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))).await.ok()
    }
}

/// What is to be said of a port's diskettes before it runs; `Err` if it could not run.
pub fn notes(dir: &Path, station: &Name, peer: &Name) -> Result<Vec<String>, String> {
    let hung = Shelf::open(dir, Medium::Diskette, station, Some(peer))?.tapes();
    let tell = |way: &str, hung: &[Tape]| {
        let left: u64 = hung.iter().map(Tape::left).sum();
        format!("key for {way} pages: {} diskettes, {left} octets left, {} minutes at 4800 bit/s", hung.len(), left * 8 / 4800 / 60)
    };
    let mut notes = vec![tell("outgoing", &hung.send), tell("incoming", &hung.receive)];
    notes.extend(hung.troubles);
    Ok(notes)
}

/// What no other port may have: the diskettes by their numbers.
pub fn held(dir: &Path) -> Vec<String> {
    let labels = show(dir).unwrap_or_default();
    labels.into_iter().flatten().map(|shown| format!("key {} {:06}", shown.label.medium, shown.label.serial)).collect()
}

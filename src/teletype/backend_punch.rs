//! The punches of a line's port: a perforator for what it sends, a reperforator for what comes in.
//!
//! Standards: the tape's (`tape`). In: a message's codes as they stand before the mixer. Out: `DATA/tape/IDENTITY.codes` and `.png`, each
//! written aside and renamed. A tape is no record: one that cannot be written is said and left out, and the line goes on.
//! Left out: what stands on a line besides messages. Shown by: the tests below, `tests/it/punch.rs`.

use super::keys::{Keys, TapeKind};
use super::tape;
use crate::line::Code;
use crate::message::Identity;
use crate::router::event::Direction;
use crate::router::port::Events;
use crate::router::{Event, Port};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

/// Tapes that wait for the disk; more are left out.
const WAITING: usize = 16;
/// How long a stop waits for tapes that are being written: a picture takes a slow machine seconds.
const LONGEST_STOP: Duration = Duration::from_secs(5);

/// The punches of a running port.
pub(super) struct Punches {
    dir: PathBuf,
    port: String,
    sent: BTreeSet<TapeKind>,
    received: BTreeSet<TapeKind>,
    events: Events,
    /// Held by who writes: one at a time. Whether the last could not be written: then the next is not told again.
    failing: Arc<Mutex<bool>>,
    work: JoinSet<()>,
}

impl Punches {
    /// As a port's keys ask for, in the folder of its station.
    pub(super) fn of(keys: &Keys, port: &Port) -> Punches {
        Punches {
            dir: port.place().data.join("tape"),
            port: port.name().to_owned(),
            sent: keys.punch.clone(),
            received: keys.reperforator.clone(),
            events: port.events().clone(),
            failing: Arc::default(),
            work: JoinSet::new(),
        }
    }
    /// Punches a message on a thread that may wait for a disk.
    pub(super) fn take(&mut self, dir: Direction, id: &Identity, codes: Vec<Code>) {
        let kinds = match dir {
            Direction::Out => self.sent.clone(),
            Direction::In => self.received.clone(),
        };
        while self.work.try_join_next().is_some() {}
        if kinds.is_empty() {
            return;
        }
        let events = self.events.clone();
        let say = move |why: String| events.emit(Event::Note { text: format!("{why}; the message goes on without its tape") }, None);
        if self.work.len() >= WAITING {
            return say(format!("{WAITING} tapes wait for the disk of `{}`", self.dir.display()));
        }
        let (folder, name, port, failing) = (self.dir.clone(), id.to_string(), self.port.clone(), self.failing.clone());
        self.work.spawn_blocking(move || {
            let mut failing = failing.lock().unwrap_or_else(PoisonError::into_inner);
            let done = kinds.iter().try_for_each(|kind| write(&folder, &name, &port, *kind, &codes));
            let told = std::mem::replace(&mut *failing, done.is_err());
            if let Some(why) = done.err().filter(|_| !told) {
                say(why);
            }
        });
    }
    /// Waits for what is being written.
    pub(super) async fn finish(&mut self) {
        let _ = tokio::time::timeout(LONGEST_STOP, async { while self.work.join_next().await.is_some() {} }).await;
    }
}

/// Whole or not at all; what two ports write at a time has two names until it is whole.
fn write(dir: &Path, name: &str, port: &str, kind: TapeKind, codes: &[Code]) -> Result<(), String> {
    let path = dir.join(format!("{name}.{}", kind.word()));
    let say = |e: String| format!("the tape `{}` cannot be punched: {e}", path.display());
    let bytes = match kind {
        TapeKind::Codes => tape::to_bytes(codes),
        TapeKind::Png => {
            let punched = tape::punched(codes, "").map_err(|c| say(format!("no letter `{c}` for its leader")))?;
            tape::png(&punched, tape::STRIP).map_err(say)?
        }
    };
    let half = dir.join(format!("{name}.{}.{port}.part", kind.word()));
    let written = std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&half, bytes)).and_then(|()| std::fs::rename(&half, &path));
    written.map_err(|e| {
        let _ = std::fs::remove_file(&half); // a full disk is not filled further by halves
        say(e.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::teletype::codes::{LF, LTRS};

    #[test]
    fn a_tape_is_whole_or_not_there_and_a_folder_that_takes_none_is_named() {
        let house = tempfile::tempdir().unwrap();
        let dir = house.path().join("tape");
        for kind in [TapeKind::Codes, TapeKind::Png] {
            write(&dir, "WASHINGTON-0001-19630830T1600Z", "cable", kind, &[LTRS, LF]).unwrap();
        }
        let mut names: Vec<String> =
            std::fs::read_dir(&dir).unwrap().map(|f| f.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        assert_eq!(names, ["WASHINGTON-0001-19630830T1600Z.codes", "WASHINGTON-0001-19630830T1600Z.png"]);
        assert_eq!(std::fs::read(dir.join(&names[0])).unwrap(), [0x1f, 0x02]);
        let in_the_way = house.path().join("file");
        std::fs::write(&in_the_way, "").unwrap();
        let why = write(&in_the_way, "A", "cable", TapeKind::Codes, &[LF]).unwrap_err();
        assert!(why.starts_with("the tape `") && why.contains("/file/A.codes` cannot be punched: "), "{why}");
        // No room: a device that is always full stands where the half would be written.
        std::os::unix::fs::symlink("/dev/full", dir.join("B.codes.cable.part")).unwrap();
        let why = write(&dir, "B", "cable", TapeKind::Codes, &[LF]).unwrap_err();
        assert!(why.contains("No space left on device"), "{why}");
        assert!(!dir.join("B.codes").exists() && std::fs::symlink_metadata(dir.join("B.codes.cable.part")).is_err());
    }
}

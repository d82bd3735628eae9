//! The papers of a station's desks: made from the journal, by a thread of their own, so that nothing waits for them.
//!
//! Standards: none. In: identities of filed messages. Out: `DATA/paper/IDENTITY.txt`, and `.png` and `.pdf` where the station file
//! asks for them; each written aside and renamed. Text is as filed; picture and document show what the machine printed (4 for Ч).
//! Pages are laid beside it first (see `faxes`), and the text says which. Shown by: `tests/it/papers.rs`.

use super::StationConfig;
use super::config::{PaperKind, PortConfig};
use super::faxes::Faxes;
use super::hub::StationError;
use crate::message::{Identity, Message, Name, period};
use crate::paper::{self, About, Sheet};
use crate::router::Contents;
use crate::router::journal::State;
use crate::router::journal::reader::{Filter, Reader};
use crate::teletype::codes::CodeTable;
use crate::teletype::keys::Codes;
use crate::teletype::{printer, typing};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Messages that a machine printed last, whose files are looked for at the start.
const OWED: usize = 1000;

/// The printer of a running station.
pub(super) struct Papers {
    queue: mpsc::UnboundedSender<Identity>,
    ended: oneshot::Receiver<()>,
}

impl Papers {
    /// Starts it: `done` is told each message whose papers are all there. Papers that a crash left unmade come first.
    pub(super) fn start(config: &StationConfig, journal: &Path, done: impl Fn(Identity) + Send + 'static) -> Result<Papers, StationError> {
        // Unbounded, but each entry is a row of the journal waiting for a file of its own: small, and gone within moments.
        let (queue, mut wanted) = mpsc::unbounded_channel::<Identity>();
        let reader = Reader::open(journal).map_err(|e| StationError(e.0))?;
        let unmade = reader.list(&Filter { state: Some(State::Filed), limit: usize::MAX }).map_err(|e| StationError(e.0))?;
        for row in unmade.into_iter().filter(|r| r.to.station == config.station) {
            let _ = queue.send(row.id);
        }
        let (machines, dir) = (config.machines.clone(), config.data.join("paper"));
        if !machines.is_empty() {
            // A machine may have been faster than a disk that was full: then the file is still owed.
            let newest = reader.list(&Filter { state: Some(State::Printed), limit: OWED }).map_err(|e| StationError(e.0))?;
            for row in newest.into_iter().filter(|r| machines.contains_key(&r.to.desk) && !dir.join(format!("{}.txt", r.id)).exists()) {
                let _ = queue.send(row.id);
            }
        }
        let codes = config.ports.iter().filter_map(|(name, port)| Some((name.clone(), receives(port)?))).collect();
        let faxes = Faxes { contents: Contents::in_folder(config.data.join("content")), dir: config.data.join("fax") };
        let press = Press { reader, dir, faxes, kinds: config.papers.clone(), codes };
        let (ending, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name("printer".into())
            .spawn(move || {
                while let Some(id) = wanted.blocking_recv() {
                    let by_machine = press.desk(&id).is_some_and(|desk| machines.contains_key(&desk));
                    if press.print_or_wait(&id, &wanted) && !by_machine {
                        done(id); // a desk's machine says itself when it has printed
                    }
                }
                let _ = ending.send(());
            })
            .map_err(|e| StationError(format!("no thread for the printer: {e}")))?;
        Ok(Papers { queue, ended })
    }
    /// Asks for the papers of a message.
    pub(super) fn want(&self, id: Identity) {
        let _ = self.queue.send(id);
    }
    /// No more are wanted; waits until those that are have been made, at the most so long. The rest are made at the next start.
    pub(super) async fn finish(self, longest: Duration) {
        drop(self.queue);
        let _ = tokio::time::timeout(longest, self.ended).await;
    }
}

/// The code of the machine that a port receives on, if it has one.
pub(super) fn receives(port: &PortConfig) -> Option<CodeTable> {
    let named = port.keys.get("code").map(|code| code.clone().try_into::<Codes>().unwrap_or_default());
    (port.backend == "teletype").then(|| named.unwrap_or_default().receive)
}

/// What makes the papers.
struct Press {
    reader: Reader,
    dir: PathBuf,
    faxes: Faxes,
    kinds: BTreeSet<PaperKind>,
    /// By port.
    codes: BTreeMap<String, CodeTable>,
}

impl Press {
    /// The desk a message is for.
    fn desk(&self, id: &Identity) -> Option<Name> {
        self.reader.find(id).ok().flatten().map(|row| row.to.desk)
    }
    /// Tries until they are made; `false` if the station stops before that.
    fn print_or_wait(&self, id: &Identity, wanted: &mpsc::UnboundedReceiver<Identity>) -> bool {
        let mut said = false;
        while let Err(why) = self.print(id) {
            if !std::mem::replace(&mut said, true) {
                tracing::error!("{why}; tried again until it can be made, also at the next start");
            }
            if wanted.is_closed() {
                return false;
            }
            std::thread::sleep(Duration::from_secs(5)); // the printer's own thread: nothing else waits for it
        }
        true
    }

    fn print(&self, id: &Identity) -> Result<(), String> {
        let message = self.reader.load(id).map_err(|e| e.0)?.ok_or_else(|| format!("the journal has no content for {id}"))?;
        let text = period::paper_with(&message, &self.faxes.write(&message, &about(&message))?);
        self.write(id, "txt", text.as_bytes())?;
        if self.kinds.iter().all(|kind| *kind == PaperKind::Txt) {
            return Ok(());
        }
        let row = self.reader.find(id).map_err(|e| e.0)?;
        let machine = row.and_then(|row| self.codes.get(&row.came_by?).copied());
        let sheet = sheet(&text, machine);
        for kind in &self.kinds {
            let made = match kind {
                PaperKind::Txt => continue, // made first, always
                PaperKind::Png => paper::png(&sheet),
                PaperKind::Pdf => paper::pdf(&sheet, &about(&message)),
            };
            match made {
                Ok(bytes) => self.write(id, kind.word(), &bytes)?,
                // A roll too long for a picture stays too long; its text is there.
                Err(why) => tracing::warn!("no {} of {id}: {why}", kind.word()),
            }
        }
        Ok(())
    }

    /// Whole or not at all, once.
    fn write(&self, id: &Identity, kind: &str, bytes: &[u8]) -> Result<(), String> {
        let path = self.dir.join(format!("{id}.{kind}"));
        let half = self.dir.join(format!("{id}.{kind}.part"));
        let say = |e: std::io::Error| format!("the paper `{}` cannot be written: {e}", path.display());
        std::fs::create_dir_all(&self.dir).map_err(say)?;
        std::fs::write(&half, bytes).map_err(say)?;
        std::fs::rename(&half, &path).map_err(say)
    }
}

/// What the machine printed. A text of no machine is printed on one that has its letters, or else as it stands.
pub(super) fn sheet(text: &str, machine: Option<CodeTable>) -> Sheet {
    let code = machine.unwrap_or_else(|| typing::code_for(text));
    typing::printed(text, code, printer::COLUMNS).map_or_else(|_| Sheet::of_text(text), |(sheet, _)| sheet)
}

pub(super) fn about(message: &Message) -> About {
    About { title: message.identity.to_string(), author: message.envelope.from.to_string(), date: Some(message.identity.dtg) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paper_shows_what_the_machine_printed() {
        let russian = "ЧЕЛОВЕК, 1963\n";
        assert_eq!(sheet(russian, Some(CodeTable::Mtk2)).text(), "4ЕЛОВЕК, 1963\n");
        assert_eq!(sheet(russian, None).text(), "4ЕЛОВЕК, 1963\n", "at a desk of the same station too");
        assert_eq!(sheet("DOG'S\n", Some(CodeTable::UsTty)).text(), "DOG'S\n");
        assert_eq!(sheet("αβγ\n", None).text(), "αβγ\n", "what no machine has stays as it is");
    }

    #[test]
    fn the_machine_is_the_one_the_port_receives_on() {
        let port = |backend: &str, keys: &str| receives(&PortConfig { backend: backend.into(), keys: keys.parse().unwrap() });
        assert_eq!(port("teletype", "code = { send = \"ita2\", receive = \"mtk-2\" }"), Some(CodeTable::Mtk2));
        assert_eq!(port("teletype", "code = \"us-tty\""), Some(CodeTable::UsTty));
        assert_eq!(port("teletype", ""), Some(CodeTable::Ita2));
        assert_eq!(port("courier", ""), None);
    }
}

//! The papers of a station's desks: made from the journal, by the printer's thread.
//!
//! Standards: none. In: filed messages. Out: `DATA/paper/IDENTITY.txt`, and `.png` and `.pdf` where the station file
//! asks for them; each written aside and renamed. Text is as filed; picture and document show what the machine printed (4 for Ч).
//! Pages are laid beside it first (see `faxes`), and the text says which. Shown by: `tests/it/papers.rs`.

use super::config::{PaperKind, PortConfig};
use super::faxes::Faxes;
use crate::message::{Identity, Message, Part, period};
use crate::paper::{self, About, Sheet};
use crate::router::journal::Row;
use crate::teletype::codes::CodeTable;
use crate::teletype::keys::Codes;
use crate::teletype::{printer, typing};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The code of the machine that a port receives on, if it has one.
pub(super) fn receives(port: &PortConfig) -> Option<CodeTable> {
    let named = port.keys.get("code").map(|code| code.clone().try_into::<Codes>().unwrap_or_default());
    (port.backend == "teletype").then(|| named.unwrap_or_default().receive)
}

/// What makes the papers.
pub(super) struct Press {
    pub dir: PathBuf,
    pub faxes: Faxes,
    /// Whether each message also lies there as a mail.
    pub mails: bool,
    pub kinds: BTreeSet<PaperKind>,
    /// By port.
    pub codes: BTreeMap<String, CodeTable>,
}

impl Press {
    /// Makes all papers of a message. The error is this machine's: the same may go later.
    pub(super) fn print(&self, message: &Message, row: &Row) -> Result<(), String> {
        let id = &message.identity;
        let mut enclosed = self.faxes.write(message, &about(message))?;
        if self.mails && message.content.iter().any(|part| !matches!(part, Part::Text { .. })) {
            enclosed.push(format!("as a mail: mail/{id}.eml"));
        }
        let text = period::paper_with(message, &enclosed);
        self.write(id, "txt", text.as_bytes())?;
        if self.kinds.iter().all(|kind| *kind == PaperKind::Txt) {
            return Ok(());
        }
        let machine = row.came_by.as_ref().and_then(|port| self.codes.get(port).copied());
        let sheet = sheet(&text, machine);
        for kind in &self.kinds {
            let made = match kind {
                PaperKind::Txt => continue, // made first, always
                PaperKind::Png => paper::png(&sheet),
                PaperKind::Pdf => paper::pdf(&sheet, &about(message)),
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

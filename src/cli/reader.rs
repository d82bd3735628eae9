//! Tapes that `molink send` sends: read, shown and made into text.
//!
//! Standards: see `teletype::tape`. In: files of codes, one a byte. Out: the text as a part of a message; on standard error what was
//! read and what was left out. Left out: pictures of tape. Shown by: `docs/paper.md`, `tests/it/punch.rs`.

use super::Usage;
use super::content::{self, Content};
use super::source;
use crate::line::Code;
use crate::teletype::codes::CodeTable;
use crate::teletype::tape::{self, Reading};
use crate::time::{Clock, Speed};
use std::path::{Path, PathBuf};

/// Codes of a tape at the most: as the text of one message has.
const MOST: usize = 3 << 20;
/// Lines of a tape that are shown, and columns of a line.
const SHOWN: usize = 20;
const COLUMNS: usize = 75;

/// What of the files is tape.
#[derive(clap::Args)]
pub struct Reader {
    /// FILEs are punched tapes: five-unit codes, one a byte (as .codes always are)
    #[arg(long)]
    codes: bool,
    /// The code of the tapes: ita2, us-tty or mtk-2 [default: ita2]
    #[arg(long, value_name = "NAME", value_parser = source::code)]
    code: Option<CodeTable>,
}

impl Reader {
    /// Refuses a code where nothing is tape.
    pub(super) fn check(&self, files: &[PathBuf]) -> Result<(), Usage> {
        match self.code {
            Some(code) if !self.codes && !files.iter().any(|f| ends(f, "codes") || ends(f, "bin")) => {
                Err(Usage(format!("--code {} is for tapes, and no FILE is one; name it .codes or add --codes", code.name())))
            }
            Some(_) | None => Ok(()),
        }
    }
    /// Reads a file, tape or not.
    pub(super) fn read(&self, file: &Path) -> Result<Content, Usage> {
        match self.tape(file)? {
            Some(text) => Ok(Content::Text(text)),
            None => content::read(file),
        }
    }

    /// The text of a tape; nothing if the file is none.
    fn tape(&self, file: &Path) -> Result<Option<String>, Usage> {
        if !self.codes && !ends(file, "codes") && !ends(file, "bin") {
            return Ok(None);
        }
        let shown = file.display().to_string().escape_debug().to_string();
        let bytes = content::bytes(file)?;
        match bytes.len() {
            0 => return Err(Usage(format!("`{shown}` is empty; there is nothing to send"))),
            n if n > MOST => return Err(Usage(format!("the tape `{shown}` has more than {MOST} codes; send it in parts"))),
            _ => {}
        }
        match tape::from_bytes(&bytes) {
            Ok(codes) => self.said(&shown, &codes).map(Some),
            Err(_) if !self.codes && ends(file, "bin") => Ok(None), // a file of another kind
            Err((at, byte)) => Err(Usage(format!(
                "`{shown}` has byte 0x{byte:02X} at offset {at}, and a five-unit code is 0x00 to 0x1F; if it is a text, name it .txt and take --codes away"
            ))),
        }
    }

    fn said(&self, shown: &str, codes: &[Code]) -> Result<String, Usage> {
        if self.code.is_none() && tape::may_be_cyrillic(codes) {
            return Err(Usage(format!(
                "`{shown}` has unpunched places between its codes, which shift an MTK-2 machine to Cyrillic; say which code it is with --code mtk-2 (or ita2, us-tty)"
            )));
        }
        let (code, clock) = (self.code.unwrap_or_default(), Clock::new(None, Speed::REAL));
        let near = clock.utc(clock.now());
        let read = tape::reading(codes, code, near).map_err(|why| Usage(format!("`{shown}` {why} (read as {})", code.name())))?;
        show(shown, code, &read);
        Ok(read.text)
    }
}

fn ends(file: &Path, with: &str) -> bool {
    file.extension().is_some_and(|e| e.eq_ignore_ascii_case(with))
}

fn show(shown: &str, code: CodeTable, read: &Reading) {
    let of = read.of.as_ref().map(|m| format!(", the text of {}, sent as a message of its own", m.identity.heading()));
    eprintln!("molink: read from `{shown}` as {}{}:", code.name(), of.unwrap_or_default());
    for line in read.text.lines().take(SHOWN) {
        let more = if line.chars().nth(COLUMNS).is_some() { "…" } else { "" };
        eprintln!("  | {}{more}", line.chars().take(COLUMNS - more.chars().count()).collect::<String>());
    }
    let lines = read.text.lines().count();
    if lines > SHOWN {
        eprintln!("  | … and {} lines more", lines - SHOWN);
    }
    if !read.left_out.is_empty() {
        eprintln!("molink: left out: {}", read.left_out.join(", "));
    }
}

//! What `molink paper` and `molink tape` are made from, and where they go: a text, raw codes or a filed message; a file or a pipe.
//!
//! Standards: UTF-8; raw codes are one a byte. In: names as the user wrote them. Out: codes, or one sentence that says what to do.
//! Left out: messages of a station on another machine (its API does not give contents). Shown by: `tests/it/paper_commands.rs`.

use super::Usage;
use super::client::{Client, usual};
use super::content::{self, Content};
use crate::console::token;
use crate::line::Code;
use crate::message::{Edit, Identity, period};
use crate::paper::About;
use crate::router::journal::reader::Reader;
use crate::teletype::codes::CodeTable;
use crate::teletype::printer::{COLUMNS, WIDTHS};
use crate::teletype::{tape, typing};
use anyhow::anyhow;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Codes of a file at the most: a hundred long messages.
const MOST: usize = 10_000_000;

/// What to make it from.
#[derive(clap::Args)]
pub struct Source {
    /// A text, raw codes (.codes, .bin), `-`, or a filed message's identity
    #[arg(value_name = "FILE|ID")]
    from: String,
    /// FILE holds raw codes, whatever its name
    #[arg(long)]
    codes: bool,
    /// ita2, us-tty or mtk-2 [default: mtk-2 for Cyrillic text, else ita2]
    #[arg(long, value_name = "NAME", value_parser = code)]
    pub(super) code: Option<CodeTable>,
    /// Columns of the machine: 69, 72 or 76
    #[arg(long, value_name = "N", default_value_t = COLUMNS, value_parser = columns)]
    pub(super) columns: usize,
    /// The data folder of the station that has the message
    #[arg(long, value_name = "DIR", conflicts_with = "station")]
    data: Option<PathBuf>,
    /// Or that station itself, if it is on this machine
    #[arg(long, value_name = "URL", default_value_t = usual())]
    station: String,
}

/// The codes of a source, and what is known of it.
pub(super) struct Given {
    pub(super) codes: Vec<Code>,
    pub(super) code: CodeTable,
    pub(super) about: About,
}

fn code(name: &str) -> Result<CodeTable, String> {
    CodeTable::try_from(name.to_owned())
}

fn columns(text: &str) -> Result<usize, String> {
    let known = text.parse().ok().filter(|n| WIDTHS.contains(n));
    known.ok_or_else(|| format!("`{text}` is no width of a machine; give 69, 72 or 76"))
}

impl Source {
    /// Reads it. What a text had to be changed for the machine is told on standard error.
    pub(super) fn read(&self) -> anyhow::Result<Given> {
        let path = Path::new(&self.from);
        let identity = self.from.parse::<Identity>().ok().filter(|_| !path.exists());
        if let Some(id) = identity {
            return self.message(&id);
        }
        let about = About { title: path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(), ..About::default() };
        let of_codes = path.extension().is_some_and(|e| e == "codes" || e == "bin");
        if self.codes || of_codes {
            let bytes = content::bytes(path)?;
            let code = self.code.unwrap_or_default();
            return Ok(Given { codes: self.raw(&bytes)?, code, about });
        }
        match content::read(path).map_err(|e| self.hint(e))? {
            Content::Text(text) => self.typed(&text, about),
            Content::Blob { media_type, .. } => Err(Usage(format!(
                "`{}` is {media_type}, and a machine prints text; give a text (.txt), raw codes (.codes) or add --codes",
                self.from.escape_debug()
            ))
            .into()),
        }
    }

    /// A name that is no file, but nearly an identity, was meant as one.
    fn hint(&self, error: Usage) -> Usage {
        match self.from.contains("Z") && self.from.matches('-').count() >= 2 && !Path::new(&self.from).exists() {
            true => Usage(format!("{}; if it names a message, write it as WASHINGTON-0001-19630830T1600Z", error.0)),
            false => error,
        }
    }

    fn raw(&self, bytes: &[u8]) -> Result<Vec<Code>, Usage> {
        let shown = self.from.escape_debug();
        match bytes.len() {
            0 => return Err(Usage(format!("`{shown}` is empty; there is nothing to print"))),
            n if n > MOST => return Err(Usage(format!("`{shown}` has more than {MOST} codes; take it in parts"))),
            _ => {}
        }
        tape::from_bytes(bytes).map_err(|(at, byte)| {
            Usage(format!(
                "`{shown}` has byte 0x{byte:02X} at offset {at}, and a five-unit code is 0x00 to 0x1F; if it is a text, name it .txt"
            ))
        })
    }

    fn typed(&self, text: &str, about: About) -> anyhow::Result<Given> {
        let code = self.code.unwrap_or_else(|| typing::code_for(text));
        let typed = typing::typed(text, code, self.columns)
            .map_err(|why| Usage(format!("`{}` cannot be printed with {}: {why}", self.from.escape_debug(), code.name())))?;
        tell(code, &typed.edits);
        Ok(Given { codes: typed.codes, code, about })
    }

    fn message(&self, id: &Identity) -> anyhow::Result<Given> {
        let data = match &self.data {
            Some(data) => data.clone(),
            None => {
                let client = Client::new(&self.station)?;
                let found = token::data(&client.host, client.port);
                found.ok_or_else(|| {
                    Usage(format!("no station at {} keeps its data on this machine; give its folder with --data DIR", client.url()))
                })?
            }
        };
        let journal = data.join("journal.sqlite");
        if !journal.exists() {
            return Err(Usage(format!("`{}` has no journal.sqlite; give the data folder of a station", data.display())).into());
        }
        let reader = Reader::open(&journal).map_err(|e| Usage(e.0))?;
        let message = reader.load(id)?.ok_or_else(|| anyhow!("there is no message {id} in `{}`", journal.display()))?;
        let about = About { title: id.to_string(), author: message.envelope.from.to_string(), date: Some(id.dtg) };
        self.typed(&period::paper(&message), about)
    }
}

fn tell(code: CodeTable, edits: &[Edit]) {
    if !edits.is_empty() {
        let edits: Vec<String> = edits.iter().map(ToString::to_string).collect();
        eprintln!("molink: changed for {}: {}", code.name(), edits.join(", "));
    }
}

/// Where it goes, and as what.
#[derive(clap::Args)]
pub struct Target {
    /// The file to write, its kind by its ending; `-` for standard output
    #[arg(short, long, value_name = "OUT", default_value = "-")]
    out: PathBuf,
    /// The kind, where the ending of OUT does not say it
    #[arg(long, value_name = "KIND")]
    format: Option<String>,
}

impl Target {
    /// Which of the kinds is asked for; the first for a pipe that does not say.
    pub(super) fn kind<K: Copy>(&self, kinds: &[(&str, K)]) -> Result<K, Usage> {
        let of = |name: &str| kinds.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, kind)| *kind);
        let known: Vec<&str> = kinds.iter().map(|(name, _)| *name).collect();
        let known = known.join(", ");
        if let Some(name) = &self.format {
            return of(name).ok_or_else(|| Usage(format!("--format `{}` is not known; give one of: {known}", name.escape_debug())));
        }
        if self.out.as_os_str() == "-" {
            return kinds.first().map(|(_, kind)| *kind).ok_or_else(|| Usage("there is nothing to make (a bug)".into()));
        }
        let extension = self.out.extension().map(|e| e.to_string_lossy().into_owned()).unwrap_or_default();
        of(&extension).ok_or_else(|| {
            let shown = self.out.display().to_string();
            Usage(format!("the ending of `{}` does not say what to make; it is one of: {known} (or give --format)", shown.escape_debug()))
        })
    }
    /// Writes it; only a text may go to a terminal.
    pub(super) fn write(&self, bytes: &[u8], text: bool) -> Result<(), Usage> {
        let shown = self.out.display().to_string().escape_debug().to_string();
        if self.out.as_os_str() != "-" {
            return std::fs::write(&self.out, bytes).map_err(|e| Usage(format!("`{shown}` cannot be written: {e}")));
        }
        let mut out = std::io::stdout();
        if !text && out.is_terminal() {
            return Err(Usage("this is nothing for a terminal; give a file with -o, or a pipe".into()));
        }
        match out.write_all(bytes).and_then(|()| out.flush()) {
            // `molink paper … | head` has read enough.
            Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            done => done.map_err(|e| Usage(format!("standard output cannot be written: {e}"))),
        }
    }
}

//! `molink paper`: what a page printer leaves of a text, of codes or of a filed message: as text, picture or document.
//!
//! Standards: PNG, PDF (see `paper`). In: a file or an identity. Out: a file. Left out: nothing of the sheet; txt has base lines only.
//! Shown by: `docs/paper.md`, `tests/it/paper_commands.rs`.

use super::source::{Given, Source, Target};
use super::{Usage, source};
use crate::paper;
use crate::teletype::printer::{Act, Settings, print};
use crate::time::parse_duration;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Picture,
    Document,
}

/// The kinds of paper; the first is what a pipe gets.
const KINDS: [(&str, Kind); 3] = [("txt", Kind::Text), ("png", Kind::Picture), ("pdf", Kind::Document)];
/// A code at 50 Bd, 7.5 units: what a returning carriage is measured against.
const CODE_TIME: Duration = Duration::from_millis(150);

/// Print a text, raw codes or a filed message as a teleprinter would
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  molink paper note.txt -o note.pdf
  molink paper line.codes --code us-tty -o line.png
  molink paper WASHINGTON-0001-19630830T1600Z --data molink-demo/moscow -o p.png
  echo 'hello' | molink paper - -o -

The kind is the ending of OUT: txt (what a reader takes for the lines), png (a
picture of the roll, 150 dots an inch) or pdf (A4, searchable). What the
machine has not is spelt otherwise and told. With --carriage, what comes before
the carriage is back is struck on its way, as on a real machine.")]
pub struct Paper {
    #[command(flatten)]
    source: source::Source,
    #[command(flatten)]
    target: source::Target,
    /// Time of a whole carriage return, at 50 Bd, e.g. 300ms [default: none]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    carriage: Option<Duration>,
}

pub(super) fn run(Paper { source, target, carriage }: Paper) -> anyhow::Result<ExitCode> {
    make(&source, &target, carriage.unwrap_or_default())?;
    Ok(ExitCode::SUCCESS)
}

fn make(source: &Source, target: &Target, carriage: Duration) -> anyhow::Result<()> {
    let kind = target.kind(&KINDS)?;
    let Given { codes, code, about } = source.read()?;
    let columns = source.columns;
    let return_per_column = carriage / u32::try_from(columns - 1).unwrap_or(u32::MAX);
    let (sheet, acts) = print(&codes, Settings { columns, return_per_column, ..Settings::of(code) }, CODE_TIME);
    let bytes = match kind {
        Kind::Picture => paper::png(&sheet).map_err(Usage)?,
        Kind::Document => paper::pdf(&sheet, &about).map_err(Usage)?,
        Kind::Text => sheet.text().into_bytes(),
    };
    target.write(&bytes, matches!(kind, Kind::Text))?;
    let count = |act: Act| acts.iter().filter(|a| **a == act).count();
    for (count, what) in [(count(Act::Bell), "bell"), (count(Act::WhoAreYou), "WRU")] {
        if count > 0 {
            eprintln!("molink: {what}: {count}");
        }
    }
    Ok(())
}

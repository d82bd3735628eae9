//! `molink init ERA|teletype|fax|email|desk`: writes a commented station file to start from.
//!
//! Standards: none. In: a kind. Out: TOML on standard output, or in a new file.
//! Left out: asking questions. Shown by: `fixtures/stations`, `tests/it/processes.rs`.

use super::Usage;
use anyhow::Context;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

const KINDS: &[(&str, &str)] = &[
    ("teletype", include_str!("../../fixtures/stations/teletype.toml")),
    ("fax", include_str!("../../fixtures/stations/fax.toml")),
    ("email", include_str!("../../fixtures/stations/email.toml")),
    ("desk", include_str!("../../fixtures/stations/desk.toml")),
    ("1963", include_str!("../../fixtures/stations/1963.toml")),
];

/// Write a commented station file to start from.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  molink init teletype -o washington.toml\n  molink check washington.toml")]
pub struct Init {
    /// `teletype` for a line of today, `fax` for a fax line over IP, `email` for a mail gateway, `desk` for a machine at a desk, or an era (1963)
    kind: String,
    /// Write it here (never over an existing file) instead of on standard output
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: Init) -> anyhow::Result<ExitCode> {
    let known: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
    let text = KINDS.iter().find(|(kind, _)| *kind == args.kind).map(|(_, text)| *text);
    let text =
        text.ok_or_else(|| Usage(format!("there is no station file for `{}`; there is one for: {}", args.kind, known.join(", "))))?;
    let Some(path) = args.out else {
        std::io::stdout().write_all(text.as_bytes()).context("standard output cannot be written")?;
        return Ok(ExitCode::SUCCESS);
    };
    let new = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
    new.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|e| {
        let shown = path.display();
        Usage(match e.kind() {
            ErrorKind::AlreadyExists => format!("`{shown}` is there already, and nothing is ever replaced; give another name with -o"),
            _ => format!("`{shown}` cannot be written: {e}; give another place with -o"),
        })
    })?;
    say!("wrote {}; try it with: molink check {}", path.display(), path.display());
    Ok(ExitCode::SUCCESS)
}

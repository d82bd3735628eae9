//! `molink tape`: a text, codes or a filed message as punched tape: a picture, or the codes as bytes; and codes back to text.
//!
//! Standards: see `teletype::tape`. In: a file or an identity. Out: a file. Left out: reading pictures of tape.
//! Shown by: `docs/paper.md`, `tests/it/paper_commands.rs`.

use super::Usage;
use super::source::{self, Given};
use crate::teletype::tape::{self, STRIP};
use std::process::ExitCode;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Codes,
    Picture,
}

/// What a tape can become; the first is what a pipe gets.
const KINDS: [(&str, Kind); 4] = [("txt", Kind::Text), ("codes", Kind::Codes), ("bin", Kind::Codes), ("png", Kind::Picture)];

/// Punch a tape: as a picture, or as raw codes; and read raw codes back
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  molink tape note.txt --leader MOSCOW -o note.png
  molink tape note.txt -o note.codes
  molink tape note.codes -o back.txt

The kind is the ending of OUT: png (five tracks at true proportions, 160 dots
an inch), codes or bin (one code a byte, 0 to 31), txt (what the codes say).")]
pub struct Tape {
    #[command(flatten)]
    source: source::Source,
    #[command(flatten)]
    target: source::Target,
    /// Letters for people, punched before the codes; only in a picture
    #[arg(long, value_name = "LETTERS", default_value = "", hide_default_value = true)]
    leader: String,
    /// Codes on a strip of the picture; 0 for one strip
    #[arg(long, value_name = "N", default_value_t = STRIP)]
    strip: usize,
}

pub(super) fn run(args: Tape) -> anyhow::Result<ExitCode> {
    let kind = args.target.kind(&KINDS)?;
    if !args.leader.is_empty() && kind != Kind::Picture {
        return Err(Usage("a leader is for people to read, and a machine would print it; take --leader away, or make a png".into()).into());
    }
    let Given { codes, code, .. } = args.source.read()?;
    let bytes = match kind {
        Kind::Picture => {
            let no_shape =
                |c: char| Usage(format!("the leader's `{}` has no shape; use letters, figures and - . , / + ? ! :", c.escape_debug()));
            let punched = tape::punched(&codes, &args.leader).map_err(no_shape)?;
            let strip = if args.strip == 0 { punched.len() } else { args.strip };
            tape::png(&punched, strip).map_err(Usage)?
        }
        Kind::Text => tape::read(&codes, code).into_bytes(),
        Kind::Codes => tape::to_bytes(&codes),
    };
    args.target.write(&bytes, kind == Kind::Text)?;
    Ok(ExitCode::SUCCESS)
}

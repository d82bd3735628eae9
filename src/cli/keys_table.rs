//! The table of `molink keys show`, and the same as JSON.
//!
//! Standards: none. In: tapes as they lie there. Out: lines of at most 80 characters while names are short; rows for programs.
//! What is wrong with a tape stands below the table, one line each.
//! Left out: finding them (`backend_disk`). Shown by: `tests/it/keys.rs`.

use crate::key::backend_disk::Shown;
use crate::key::label::{Kind, Label, State};
use crate::key::{Copy, Medium};
use crate::message::Name;
use crate::time::Utc;
use serde::Serialize;
use std::path::PathBuf;

/// One tape.
#[derive(Serialize)]
pub(super) struct Row {
    #[serde(flatten)]
    tape: Option<Tape>,
    /// What is wrong with it
    trouble: Option<String>,
}

#[derive(Serialize)]
struct Tape {
    path: PathBuf,
    name: String,
    serial: u32,
    from: Name,
    to: Name,
    copy: Copy,
    kind: Kind,
    medium: Medium,
    characters: u64,
    used: u64,
    left: u64,
    /// Of what is left, at line speed
    minutes: f64,
    next: u64,
    /// `whole`, `used up`, `damaged` or `destroyed`
    state: &'static str,
    made: Utc,
}

impl Row {
    /// A tape, or why it cannot be told; `minutes` says how long so many characters take.
    pub(super) fn of(shown: &Result<Shown, String>, minutes: impl Fn(Medium, u64) -> f64) -> Row {
        match shown {
            Err(why) => Row { tape: None, trouble: Some(why.clone()) },
            Ok(shown) => Row { tape: Some(Tape::of(shown, minutes)), trouble: shown.trouble.clone() },
        }
    }
}

impl Tape {
    fn of(shown: &Shown, minutes: impl Fn(Medium, u64) -> f64) -> Tape {
        let Shown { path, label, trouble } = shown;
        let Label { serial, from, to, copy, characters, kind, medium, next, made, .. } = label.clone();
        let left = characters.saturating_sub(next);
        let state = match label.state {
            State::Destroyed => "destroyed",
            State::Whole if trouble.is_some() => "damaged",
            State::Whole if left == 0 => "used up",
            State::Whole => "whole",
        };
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let minutes = (minutes(medium, left) * 10.0).round() / 10.0;
        Tape { path: path.clone(), name, serial, from, to, copy, kind, medium, characters, used: next, left, minutes, next, state, made }
    }
    fn cells(&self) -> [String; 9] {
        [
            self.name.clone(),
            self.serial.to_string(),
            format!("{} > {}", self.from, self.to),
            match self.copy {
                Copy::Send => "send".into(),
                Copy::Receive => "receive".into(),
            },
            self.used.to_string(),
            self.left.to_string(),
            format!("{:.0}", self.minutes),
            self.next.to_string(),
            match self.kind {
                Kind::Live => self.state.into(),
                Kind::Simulation => format!("{}, SIMULATION", self.state),
            },
        ]
    }
}

const HEAD: [&str; 9] = ["", "SERIAL", "FOR", "COPY", "USED", "LEFT", "MIN", "NEXT", "STATE"];
/// Numbers stand right.
const RIGHT: std::ops::RangeInclusive<usize> = 4..=7;

fn what_they_are(rows: &[Row]) -> &'static str {
    let any = |medium| rows.iter().filter_map(|r| r.tape.as_ref()).any(|t| t.medium == medium);
    match (any(Medium::Tape), any(Medium::Diskette)) {
        (true, true) => "KEY",
        (false, true) => "DISKETTE",
        (_, false) => "TAPE",
    }
}

/// A line a tape under a head, and the troubles below.
pub(super) fn table(rows: &[Row]) -> String {
    let mut lines: Vec<[String; 9]> = rows.iter().filter_map(|r| r.tape.as_ref()).map(Tape::cells).collect();
    if !lines.is_empty() {
        lines.insert(0, HEAD.map(str::to_owned));
        lines[0][0] = what_they_are(rows).to_owned();
    }
    let width = |column: usize| lines.iter().map(|l| l[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let mut out = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths).enumerate();
        let cells = cells.map(|(n, (text, w))| if RIGHT.contains(&n) { format!("{text:>w$}") } else { format!("{text:w$}") });
        out.push_str(cells.collect::<Vec<_>>().join(" ").trim_end());
        out.push('\n');
    }
    for trouble in rows.iter().filter_map(|r| r.trouble.as_ref()) {
        out.push_str(trouble);
        out.push('\n');
    }
    out
}

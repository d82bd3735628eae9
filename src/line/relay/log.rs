//! The log of a relay: one JSON object a line for every code, also the lost ones.
//!
//! Standards: none, ours: `{"t":MICROSECONDS,"dir":"a>b","code":"1f","fate":"ok"}`, `t` in real time since the start, `code` as sent in
//! hexadecimal; a flipped one has `"arrived"` too. In: entries. Out: lines. Left out: rotation. A full disk ends the log, not the line.
//! Shown by: `tests/it/line.rs`.

use super::engine::Entry;
use crate::line::Fate;
use crate::time::Speed;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Where the log goes.
pub struct Log {
    out: Option<BufWriter<File>>,
    path: PathBuf,
    speed: Speed,
}

impl Log {
    /// Makes the file anew.
    pub fn create(path: &Path, speed: Speed) -> Result<Log, String> {
        let file = File::create(path).map_err(|e| format!("cannot write the log `{}`: {e}", path.display()))?;
        Ok(Log { out: Some(BufWriter::new(file)), path: path.to_owned(), speed })
    }

    /// Adds a code. The error, told once, is a sentence for people.
    pub fn add(&mut self, entry: &Entry) -> Result<(), String> {
        let written = self.out.as_mut().map_or(Ok(()), |out| write(out, entry, self.speed));
        self.ended_by(written)
    }

    /// Brings what was added to the file.
    pub fn flush(&mut self) -> Result<(), String> {
        let written = self.out.as_mut().map_or(Ok(()), |out| out.flush());
        self.ended_by(written)
    }

    fn ended_by(&mut self, written: io::Result<()>) -> Result<(), String> {
        written.map_err(|e| {
            if let Some(out) = self.out.take() {
                let _ = out.into_parts(); // not flushed once more: that would fail again
            }
            format!("the log `{}` cannot be written and ends here: {e}; the line goes on", self.path.display())
        })
    }
}

fn write(out: &mut impl Write, entry: &Entry, speed: Speed) -> io::Result<()> {
    let real = match speed {
        Speed::Times(_) => speed.real(std::time::Duration::from_micros(entry.at.0)).as_micros(),
        Speed::Max => u128::from(entry.at.0),
    };
    let fate = match entry.fate {
        Fate::Ok => "ok",
        Fate::Flip => "flip",
        Fate::Drop => "drop",
        Fate::Double => "double",
        Fate::Cut => "cut",
    };
    write!(out, r#"{{"t":{real},"dir":"{}","code":"{:02x}","fate":"{fate}""#, entry.way.name(), entry.code.value())?;
    match entry.arrived.filter(|a| *a != entry.code) {
        Some(arrived) => writeln!(out, r#","arrived":"{:02x}"}}"#, arrived.value()),
        None => writeln!(out, "}}"),
    }
}

//! What became of the pages: for people on standard error, for programs as JSON.
//!
//! Standards: JSON (RFC 8259). In: pages as they are made. Out: sentences; one object. Left out: what went well, for people.
//! Shown by: `tests/it/convert.rs`, `fixtures/answers/convert.txt`.

use crate::fax::code::Damage;
use crate::paper::Page;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Most sentences for people; the rest is counted.
const MOST: usize = 20;

/// What is told in the end.
#[derive(Default)]
pub struct Report {
    pages: usize,
    rows: usize,
    bad_rows: usize,
    longest_bad_run: usize,
    said: usize,
    /// Page by page, only if asked for: it grows with them.
    list: Option<Vec<Value>>,
}

/// A page that was made.
pub struct Entry<'a> {
    /// The input, and which page of it.
    pub input: &'a str,
    pub page: usize,
    pub made: &'a Page,
    pub damage: Damage,
    /// What a person should know.
    pub notes: &'a [String],
    /// Whether it is pel for pel as it was.
    pub kept: bool,
}

impl Report {
    /// One that also lists the pages if `listed`.
    pub fn new(listed: bool) -> Report {
        Report { list: listed.then(Vec::new), ..Report::default() }
    }
    /// Adds a page; the sentences for people go to `tell`.
    pub fn page(&mut self, entry: &Entry, mut tell: impl FnMut(String)) {
        let Damage { bad_rows, longest_bad_run, rows, .. } = entry.damage;
        self.pages += 1;
        self.rows += entry.made.height();
        self.bad_rows += bad_rows;
        self.longest_bad_run = self.longest_bad_run.max(longest_bad_run);
        let bad = (bad_rows > 0).then(|| {
            format!("{bad_rows} of {rows} rows could not be read and are copies of the row above (longest run {longest_bad_run})")
        });
        for note in entry.notes.iter().chain(&bad) {
            if self.said < MOST {
                tell(format!("{} page {}: {note}", entry.input, entry.page));
            }
            self.said += 1;
        }
        if let Some(list) = &mut self.list {
            let resolution = entry.made.resolution;
            list.push(json!({
                "page": self.pages, "from": entry.input.trim_matches('`'), "from_page": entry.page,
                "width": entry.made.width(), "rows": entry.made.height(), "resolution": [resolution.x, resolution.y],
                "bad_rows": bad_rows, "longest_bad_run": longest_bad_run, "unchanged": entry.kept, "notes": entry.notes,
            }));
        }
    }
    /// What was left unsaid.
    pub fn rest(&self) -> Option<String> {
        (self.said > MOST).then(|| format!("and {} more of the kind; --json lists them", self.said - MOST))
    }
    /// Everything, as one object.
    pub fn json(self, files: &[PathBuf], format: &str) -> Value {
        let files: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
        json!({
            "files": files, "format": format, "pages": self.pages, "rows": self.rows, "bad_rows": self.bad_rows,
            "longest_bad_run": self.longest_bad_run, "page": self.list.unwrap_or_default(),
        })
    }
}

//! `molink pdf-apart`: the process in which a stranger's PDF is read; started by `molink` itself.
//!
//! Standards: none; see `fax::backend_apart`. In: a form, a range. Out: pages. Left out: use by hand. Shown by: `tests/it/convert_bad.rs`.

use crate::fax::backend_apart::{self, Task};
use crate::fax::range::Pages;
use crate::paper::Resolution;
use std::process::ExitCode;

/// Reads a PDF from standard input (started by `molink` itself)
#[derive(clap::Args)]
pub struct PdfApart {
    width: usize,
    x: u16,
    y: u16,
    range: Pages,
    most: Option<u64>,
}

pub(in crate::cli) fn run(args: PdfApart) -> anyhow::Result<ExitCode> {
    let PdfApart { width, x, y, range, most } = args;
    backend_apart::run(Task { width, resolution: Resolution { x, y }, range, most }).map_err(anyhow::Error::msg)
}

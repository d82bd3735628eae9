//! The inputs: what is opened under a name, and how its pages are read.
//!
//! Standards: those of the files (see `fax::backend_input`). In: a name. Out: an [`Input`], or one sentence that names the file.
//! Left out: what is in it. Shown by: `tests/it/convert.rs`, `tests/it/convert_bad.rs`.

use super::files;
use crate::cli::Usage;
pub use crate::fax::backend_input::{Input, Sheet};
use crate::fax::backend_input::{MOST_PAGES, Reading, head};
use crate::fax::kind::Kind;
use crate::fax::range::Pages;
use crate::paper::Asked;
use std::path::Path;

/// Opens one. Of a PDF only the pages of `range` can be asked for.
pub fn open(path: &Path, told: Option<Kind>, asked: Asked, range: &Pages) -> anyhow::Result<Input> {
    let shown = files::shown(path);
    let mut file = files::open(path, MOST_PAGES)?;
    let head = head(&mut file).map_err(|e| Usage(format!("cannot read {shown}: {e}")))?;
    if head.is_empty() {
        return Err(Usage(format!("{shown}: it is empty; there is no page in it")).into());
    }
    let kind = super::format::of_input(path, &shown, told, &head)?;
    Ok(Input::of(file, kind, &Reading { shown: &shown, asked, range, seconds: None }).map_err(|e| Usage(e.to_string()))?)
}

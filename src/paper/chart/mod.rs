//! The test chart: pages that show what a fax can do to a page, drawn by code.
//!
//! Standard: none; ours, nothing of it is from ITU's charts. In: a name, a [`Form`]. Out: a page, the same everywhere.
//! Left out: colour. Shown by: `docs/fax-pages.md`, `tests/it/fax_pages.rs`.

mod patterns;
mod texts;

use super::form::Form;
use super::letter::typeset;
use super::page::Page;

/// The pages by name.
pub const PAGES: [&str; 8] = ["text", "cyrillic", "dense", "runs", "alternate", "verticals", "blank", "noise"];

/// A page of the chart. The error names those there are.
pub fn chart(name: &str, form: &Form) -> Result<Page, String> {
    let form = Form::new(form.width, form.resolution)?;
    let first = |text: &str| typeset(text, &form).map(|pages| pages.into_iter().next().unwrap_or_else(|| form.blank()));
    match name {
        "text" => first(texts::ENGLISH),
        "cyrillic" => first(texts::RUSSIAN),
        "dense" => first(&texts::dense()),
        "runs" => Ok(patterns::runs(&form)),
        "alternate" => Ok(patterns::alternate(&form)),
        "verticals" => Ok(patterns::verticals(&form)),
        "blank" => Ok(form.blank()),
        "noise" => Ok(patterns::noise(&form)),
        _ => Err(format!("the chart has no page `{name}`; it has {}", PAGES.join(", "))),
    }
}

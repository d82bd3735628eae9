//! A letter: text set in type on pages for fax, as a typist would.
//!
//! Standard: none; ours. In: text, a [`Form`]. Out: pages, one at a time; what could not be printed.
//! Ten characters and six lines to the inch at true size; twelve characters where only that saves lines from being broken.
//! Left out: hyphenation, right-to-left and wide scripts. Shown by: `docs/fax-pages.md`, `tests/it/fax_pages.rs`.

mod header;
mod layout;
pub(crate) mod stamp;

pub use header::{HEADER_ROWS, header, heading};
pub use layout::MOST_PAGES;

use super::form::Form;
use super::page::Page;
use layout::Layout;
use stamp::Type;
use std::sync::OnceLock;

/// From the sheet's left edge to the first column, in tenths of a millimetre.
const LEFT: usize = 200;
/// From the last column to the sheet's right edge, at least.
const RIGHT: usize = 120;
/// From the sheet's upper edge to the first line's top.
const ABOVE: usize = 254;
/// From the last line's foot to the lower edge, at least.
const BELOW: usize = 200;
/// Lines an inch.
const LINES: usize = 6;
/// Feet of letters below the line's top, in hundredths of a line.
const FOOT: usize = 75;

/// A text laid out.
pub struct Letter {
    form: Form,
    pitch: usize,
    layout: Layout,
}

impl Letter {
    /// Lays the text out. The error is one sentence.
    pub fn of(text: &str, form: &Form) -> Result<Letter, String> {
        let form = Form::new(form.width, form.resolution)?;
        let lines = (form.width.sheet().1 * 10 - ABOVE - BELOW) * LINES / 254;
        let columns = |pitch: usize| (form.width.sheet().0 * 10 - LEFT - RIGHT) * pitch / 254;
        let longest = layout::longest(text);
        let pitch = if longest > columns(10) && longest <= columns(12) { 12 } else { 10 };
        let mut layout = Layout::of(text, columns(pitch), lines)?;
        let types = Type::new(120, form.resolution)?;
        layout.missing.retain(|c| !types.has(*c));
        Ok(Letter { form, pitch, layout })
    }
    /// How many pages it has; at least one.
    pub fn len(&self) -> usize {
        self.layout.pages.len()
    }
    /// Never: a letter of nothing is a blank page.
    pub fn is_empty(&self) -> bool {
        false
    }
    /// Characters to the inch.
    pub fn pitch(&self) -> usize {
        self.pitch
    }
    /// Characters the font lacks, shown as boxes.
    pub fn missing(&self) -> Vec<char> {
        self.layout.missing.iter().copied().collect()
    }
    /// Control characters that were left out, and how often in all.
    pub fn dropped(&self) -> (Vec<char>, usize) {
        (self.layout.dropped.iter().copied().collect(), self.layout.drops)
    }
    /// What a sender should be told of: one sentence each.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = vec![];
        let list = |of: &[char]| of.iter().take(10).map(|c| format!("U+{:04X}", u32::from(*c))).collect::<Vec<_>>().join(" ");
        let (dropped, drops) = self.dropped();
        if !self.missing().is_empty() {
            let shown: String = self.missing().iter().take(10).collect();
            notes.push(format!("{} characters are not in the font and stand as boxes: `{shown}`", self.missing().len()));
        }
        if drops > 0 {
            notes.push(format!("{drops} control characters were left out: {}", list(&dropped)));
        }
        notes
    }
    /// The lines of a page, from 0, as they stand on it.
    pub fn lines(&self, page: usize) -> &[String] {
        self.layout.pages.get(page).map_or(&[], Vec::as_slice)
    }
    /// The pages, set as they are asked for.
    pub fn pages(&self) -> Result<impl Iterator<Item = Page> + '_, String> {
        let mut types = Type::new(1200 / self.pitch, self.form.resolution)?;
        Ok(self.layout.pages.iter().map(move |lines| self.set(lines, &mut types)))
    }
    /// The same, for whoever keeps no letter.
    pub fn into_pages(mut self) -> Result<impl Iterator<Item = Page>, String> {
        let mut types = Type::new(1200 / self.pitch, self.form.resolution)?;
        let pages = std::mem::take(&mut self.layout.pages);
        Ok(pages.into_iter().map(move |lines| self.set(&lines, &mut types)))
    }
    fn set(&self, lines: &[String], types: &mut Type) -> Page {
        let mut page = self.form.blank();
        let (left, top) = (self.form.left() + self.form.across(LEFT), self.form.down(ABOVE));
        let (across, down) = (usize::from(self.form.resolution.x), usize::from(self.form.resolution.y));
        for (n, line) in lines.iter().enumerate() {
            let foot = top + ((100 * n + FOOT) * down + 50 * LINES) / (100 * LINES);
            for (column, c) in line.chars().enumerate().filter(|(_, c)| *c != ' ') {
                types.stamp(&mut page, c, (left + (column * across + self.pitch / 2) / self.pitch) as isize, foot as isize);
            }
        }
        page
    }
}

/// All characters that the type has, blanks among them.
pub fn letters() -> &'static str {
    static ALL: OnceLock<String> = OnceLock::new();
    ALL.get_or_init(stamp::letters)
}

/// Sets a text: all its pages. For a long one [`Letter::pages`] needs less room.
pub fn typeset(text: &str, form: &Form) -> Result<Vec<Page>, String> {
    Ok(Letter::of(text, form)?.pages()?.collect())
}

//! A message's parts made into fax pages: texts set as a letter, pictures and PDFs drawn, fax pages as they are.
//!
//! Standards: those of the files (see `backend_input`). In: a message, the contents. Out: [`Drawn`] pages; or one sentence that names the part.
//! Bounded: `pages::{MOST_PAGES, MOST_BYTES}`, [`SECONDS`] of processor time for a PDF, and one message at a time is drawn. It waits for
//! disk and for a process: call it from a thread that may. Left out: what the far machine can print. Shown by: `tests/it/fax_document.rs`.

use super::backend_input::{Input, Reading, Sheet, head};
use super::kind;
use super::pages::{Drawn, Look, MOST_BYTES, MOST_PAGES, header_line, letterhead, usual};
use super::range::Pages;
use crate::message::{Blob, Message, Name, Part};
use crate::paper::{Asked, Letter, Page, header};
use crate::router::Contents;
use std::sync::{Arc, Mutex, PoisonError};

/// Seconds of processor time for all pages of a PDF.
pub const SECONDS: u64 = 120;
/// Who draws. A stranger's picture may take half a gigabyte; so one message is drawn after the other.
static TURN: Mutex<()> = Mutex::new(());

/// Why a message did not become pages.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Undrawn {
    /// It never will: what, why, and what to do.
    #[error("{0}")]
    Never(String),
    /// It may later: this station's disk.
    #[error("{0}")]
    NotNow(String),
}

/// The pages of a message, in the order of its parts. `station` is the one that draws: over fax pages of other stations stands no second line.
pub fn pages(message: &Message, contents: &Contents, look: &Look, station: &Name) -> Result<Drawn, Undrawn> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut job = Job { look, drawn: Drawn::default(), bytes: 0, headed: vec![] };
    let mut first = true;
    for part in &message.content {
        match part {
            Part::Text { text } => {
                let head = if std::mem::take(&mut first) { letterhead(&message.identity, &message.envelope) } else { String::new() };
                job.text(&(head + text))?;
            }
            Part::Page(blob) => job.blob(blob, contents, message.identity.station == *station)?,
            Part::File(blob) => {
                let Blob { name, media_type, .. } = blob;
                return Err(Undrawn::Never(format!(
                    "`{name}` ({media_type}) cannot be sent by fax; a fax carries texts, pictures and PDF: make it one of them"
                )));
            }
        }
    }
    if job.drawn.pages.is_empty() {
        job.text(&letterhead(&message.identity, &message.envelope))?;
    }
    Ok(job.done(message))
}

/// A message's pages in the making.
struct Job<'a> {
    look: &'a Look,
    drawn: Drawn,
    bytes: usize,
    /// Page by page, whether the line goes over it, and whether white rows at its foot may make room for that.
    headed: Vec<Headed>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Headed {
    No,
    Above,
    InPlace,
}

impl Job<'_> {
    /// Adds a page; the error is a sentence without the part's name.
    fn page(&mut self, page: Page, headed: Headed) -> Result<(), String> {
        self.bytes += page.stride() * 8 * page.height();
        if page.height() == 0 {
            return Err("it has no rows".into());
        }
        if self.drawn.pages.len() == MOST_PAGES {
            return Err(format!("with it the message has more than {MOST_PAGES} pages; send it in parts"));
        }
        if self.bytes > MOST_BYTES {
            return Err(format!("with it the message has more than {} MiB of rows; send it in parts", MOST_BYTES >> 20));
        }
        self.drawn.pages.push(Arc::new(page));
        self.headed.push(headed);
        Ok(())
    }
    fn text(&mut self, text: &str) -> Result<(), Undrawn> {
        let named = |why: String| Undrawn::Never(format!("the text cannot be sent by fax: {why}"));
        let letter = Letter::of(text, &self.look.form).map_err(named)?;
        if letter.len() > MOST_PAGES {
            return Err(named(format!("it has {} pages, and a message {MOST_PAGES} at the most; send it in parts", letter.len())));
        }
        self.drawn.notes.extend(letter.notes().into_iter().map(|note| format!("the text: {note}")));
        letter.into_pages().map_err(named)?.try_for_each(|page| self.page(page, Headed::InPlace)).map_err(named)
    }
    fn blob(&mut self, blob: &Blob, contents: &Contents, ours: bool) -> Result<(), Undrawn> {
        let (shown, range) = (format!("`{}`", blob.name), Pages::default());
        let never = |why: String| Undrawn::Never(format!("{why}; it cannot be sent by fax"));
        let mut file = contents.open(blob).map_err(Undrawn::NotNow)?;
        let head = head(&mut file).map_err(|e| Undrawn::NotNow(format!("cannot read {shown}: {e}")))?;
        let Some(kind) = kind::of_content(&head, &blob.media_type) else {
            return Err(never(format!("{shown} ({}) has no pages", blob.media_type)));
        };
        let asked = Asked { width: Some(self.look.form.width), resolution: Some(self.look.form.resolution), dither: self.look.dither };
        let reading = Reading { shown: &shown, asked, range: &range, seconds: Some(SECONDS) };
        let mut input = Input::of(file, kind, &reading).map_err(never)?;
        if let Some(pages) = input.pages().filter(|n| *n > MOST_PAGES) {
            return Err(never(format!("{shown} has {pages} pages, and a message {MOST_PAGES} at the most; send it in parts")));
        }
        let fax = matches!(kind, kind::Kind::Tiff | kind::Kind::Pbm);
        while let Some(sheet) = input.next(true).map_err(never)? {
            let Some(sheet) = sheet else { continue };
            let number = self.drawn.pages.len() + 1;
            let headed = if fax && !ours {
                Headed::No
            } else if fax {
                Headed::Above
            } else {
                Headed::InPlace
            };
            self.sheet(sheet, &shown, headed).map_err(|why| never(format!("{shown} (page {number} of the message): {why}")))?;
        }
        Ok(())
    }
    fn sheet(&mut self, sheet: Sheet, shown: &str, headed: Headed) -> Result<(), String> {
        let (page, note) = usual(sheet.page, self.look)?;
        self.drawn.notes.extend(sheet.notes.into_iter().chain(note).map(|note| format!("{shown}: {note}")));
        self.page(page, headed)
    }
    /// All pages, with the line over them.
    fn done(mut self, message: &Message) -> Drawn {
        let count = self.drawn.pages.len();
        let rows = self.look.form.rows();
        for (n, (page, headed)) in self.drawn.pages.iter_mut().zip(&self.headed).enumerate() {
            if !self.look.header || *headed == Headed::No {
                continue;
            }
            let page = Arc::make_mut(page);
            let room = if *headed == Headed::InPlace && page.height() <= rows { page.height() } else { usize::MAX };
            header(page, &header_line(message, n + 1, count));
            trim(page, room);
        }
        self.drawn
    }
}

/// Takes white rows from the foot until the page has no more than so many, or as far as they are white.
fn trim(page: &mut Page, most: usize) {
    let mut height = page.height();
    while height > most && page.row(height - 1).iter().all(|word| *word == 0) {
        height -= 1;
    }
    if height < page.height() {
        let mut kept = Page::new(page.width(), page.resolution);
        page.rows().take(height).for_each(|row| kept.push(row));
        *page = kept;
    }
}

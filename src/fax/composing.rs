//! A message's pages, put together: texts set as a letter, pages as they are or made fit, the line over each.
//!
//! Standards: none (TIFF-F for files of fax pages). In: texts, pages, a message. Out: [`Drawn`], or one sentence.
//! Bounded: `pages::{MOST_PAGES, MOST_BYTES}`. Left out: reading pictures and PDFs (see `backend_document`), what the far machine can print.
//! Shown by: `tests/it/satellites.rs`.

use super::cover_sheet::{self, Listed};
use super::pages::{Drawn, Look, MOST_BYTES, MOST_PAGES, header_line, letterhead, usual};
use super::tiff::Reader;
use crate::message::{Blob, Message};
use crate::paper::{Letter, Page, header};
use std::io::Cursor;
use std::sync::Arc;

/// A message's pages in the making.
pub struct Composing<'a> {
    message: &'a Message,
    look: &'a Look,
    /// Whether a text was set: the first has the letter's head.
    lettered: bool,
    drawn: Drawn,
    bytes: usize,
    /// Page by page, whether the line goes over it, and whether white rows at its foot may make room for that.
    headed: Vec<Headed>,
    /// What a cover sheet lists; `None` if there is none.
    listed: Option<Vec<Listed>>,
}

/// How far a message was composed.
pub struct Mark {
    pages: usize,
    bytes: usize,
    notes: usize,
}

/// Where the line over a page goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Headed {
    /// No line.
    No,
    /// Added at its head.
    Above,
    /// In the white at its head.
    InPlace,
}

impl<'a> Composing<'a> {
    /// No pages yet.
    pub fn new(message: &'a Message, look: &'a Look) -> Composing<'a> {
        let listed = cover_sheet::has(message, look.attachments).then(Vec::new);
        Composing { message, look, lettered: false, drawn: Drawn::default(), bytes: 0, headed: vec![], listed }
    }
    /// How its pages look.
    pub fn look(&self) -> &Look {
        self.look
    }
    /// How many pages there are.
    pub fn count(&self) -> usize {
        self.drawn.pages.len()
    }

    /// How far it is, to come back to.
    pub fn mark(&self) -> Mark {
        Mark { pages: self.drawn.pages.len(), bytes: self.bytes, notes: self.drawn.notes.len() }
    }
    /// What was added since then is a part called `what`, for the cover sheet.
    pub fn list(&mut self, what: String, since: &Mark) {
        let pages = self.count() - since.pages;
        self.listed.iter_mut().filter(|_| pages > 0).for_each(|listed| listed.push(Listed { what: what.clone(), pages }));
    }
    /// Whether a part that cannot be printed is named on the cover sheet; else the message is refused.
    pub fn names(&self) -> bool {
        self.listed.is_some() && self.look.attachments.named(&self.message.envelope)
    }
    /// A part that cannot be printed, for such a reason: what was drawn of it since then is taken back.
    pub fn leave_out(&mut self, blob: &Blob, why: &str, since: &Mark) {
        self.drawn.pages.truncate(since.pages);
        self.headed.truncate(since.pages);
        self.drawn.notes.truncate(since.notes);
        self.bytes = since.bytes;
        let named = format!("`{}`", blob.name);
        let why = why.strip_prefix(&named).unwrap_or(why).trim_start_matches([':', ' ']);
        self.drawn.left_out.push(format!("{}: {why}", blob.shown()));
    }

    /// Adds a page; the error is a sentence without the part's name.
    fn add(&mut self, page: Page, headed: Headed) -> Result<(), String> {
        self.bytes += page.stride() * 8 * page.height();
        if page.height() == 0 {
            return Err("it has no rows".into());
        }
        if self.drawn.pages.len() == MOST_PAGES - self.listed.as_ref().map_or(0, |_| cover_sheet::MOST_PAGES) {
            return Err(format!("with it the message has more than {MOST_PAGES} pages; send it in parts"));
        }
        if self.bytes > MOST_BYTES {
            return Err(format!("with it the message has more than {} MiB of rows; send it in parts", MOST_BYTES >> 20));
        }
        self.drawn.pages.push(Arc::new(page));
        self.headed.push(headed);
        Ok(())
    }
    /// A text as pages; the first text of a message stands under the letter's head. The error is a sentence.
    pub fn text(&mut self, text: &str) -> Result<(), String> {
        let named = |why: String| format!("the text cannot be sent by fax: {why}");
        let mark = self.mark();
        let head = match std::mem::replace(&mut self.lettered, true) || self.listed.is_some() {
            true => String::new(),
            false => letterhead(&self.message.identity, &self.message.envelope),
        };
        self.set(&(head + text), "the text").map_err(named)?;
        self.list("the text".into(), &mark);
        Ok(())
    }
    /// A file that is a text, under its name. The error is a sentence without it.
    pub fn text_file(&mut self, blob: &Blob, text: &str) -> Result<(), String> {
        self.set(&format!("{}\n\n\n{text}", blob.shown()), &format!("`{}`", blob.name))
    }
    /// Sets a letter of a text that is called `shown` in what a person should know of it.
    fn set(&mut self, text: &str, shown: &str) -> Result<(), String> {
        let letter = Letter::of(text, &self.look.form)?;
        if letter.len() > MOST_PAGES {
            return Err(format!("it has {} pages, and a message {MOST_PAGES} at the most; send it in parts", letter.len()));
        }
        self.drawn.notes.extend(letter.notes().into_iter().map(|note| format!("{shown}: {note}")));
        letter.into_pages()?.try_for_each(|page| self.add(page, Headed::InPlace))
    }
    /// A page of a content that is called `shown`, with what a person should know of it. The error is a sentence without that name.
    pub fn page(&mut self, page: Page, notes: Vec<String>, shown: &str, headed: Headed) -> Result<(), String> {
        let (page, note) = usual(page, self.look)?;
        self.drawn.notes.extend(notes.into_iter().chain(note).map(|note| format!("{shown}: {note}")));
        self.add(page, headed)
    }
    /// The pages of a file of fax pages; `ours`: it comes from the station that draws, and gets the line over its pages. The error is a sentence.
    pub fn fax_pages(&mut self, name: &str, bytes: &[u8], ours: bool) -> Result<(), String> {
        let headed = if ours { Headed::Above } else { Headed::No };
        for page in fax_pages(bytes).map_err(|why| format!("`{name}`: {why}"))? {
            self.page(page, vec![], name, headed).map_err(|why| format!("`{name}`: {why}; it cannot be sent by fax"))?;
        }
        Ok(())
    }
    /// Puts the cover sheet before all pages.
    fn cover(&mut self, listed: &[Listed]) -> Result<(), String> {
        let set = |own| Letter::of(&cover_sheet::text(self.message, listed, &self.drawn.left_out, own), &self.look.form);
        let mut letter = set(1)?;
        if letter.len() > 1 {
            letter = set(letter.len())?; // its own pages move the numbers
        }
        self.drawn.notes.extend(letter.notes().into_iter().map(|note| format!("the cover sheet: {note}")));
        let sheets: Vec<Arc<Page>> = letter.into_pages()?.map(Arc::new).collect();
        self.headed.splice(0..0, sheets.iter().map(|_| Headed::InPlace));
        self.drawn.pages.splice(0..0, sheets);
        Ok(())
    }
    /// All pages, with the line over them. Without any there is one with the letter's head.
    pub fn done(mut self) -> Result<Drawn, String> {
        if let Some(listed) = self.listed.take() {
            self.cover(&listed).map_err(|why| format!("the cover sheet cannot be set: {why}"))?;
        } else if self.drawn.pages.is_empty() {
            self.text("")?;
        }
        let message = self.message;
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
        Ok(self.drawn)
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

/// The pages of a file of fax pages in memory.
pub fn fax_pages(bytes: &[u8]) -> Result<Vec<Page>, String> {
    let mut reader = Reader::open(Cursor::new(bytes), "it").map_err(|e| e.to_string())?;
    std::iter::from_fn(|| reader.next_page())
        .map(|read| read.map(|file| file.page).map_err(|e| e.to_string()))
        .take(MOST_PAGES + 1)
        .collect()
}

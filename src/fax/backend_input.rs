//! Files with pages, one page at a time: texts, pictures, PDFs and files of fax pages all become pages that can be asked for one by one.
//!
//! Standards: those of the files (see `paper`, `fax`). In: an open file. Out: [`Sheet`]s, or one sentence that names file and page.
//! Bounded: see the constants; what is read page by page stays so. Left out: what was asked of the page's form (see `paper::fit`, but a
//! text, a picture and a drawn PDF page are made for it at once). Shown by: `tests/it/convert.rs`, `tests/it/convert_bad.rs`.

use super::backend_apart::{Apart, Wrong};
use super::code::Damage;
use super::file::PageAbout;
use super::kind::Kind;
use super::pdf::{Drawn, MOST_FILE};
use super::range::Pages;
use super::raw::{self, Family, RawOptions};
use super::{pbm, tiff};
use crate::paper::{Asked, Form, Grey, Letter, Page, bilevel, draw, picture};
use std::fs::File;
use std::io::{BufReader, Read};
use std::panic::catch_unwind;

/// Largest text, in bytes.
pub const MOST_TEXT: u64 = 3 << 20;
/// Largest file of a picture, in bytes.
pub const MOST_PICTURE: u64 = 128 << 20;
/// Largest file of fax pages, in bytes: TIFF ends at 4 GiB by itself.
pub const MOST_PAGES: u64 = 4 << 30;
/// Bytes by which a file is known.
const HEAD: u64 = 16;

/// A page, and what is known of it.
pub struct Sheet {
    /// Its pels.
    pub page: Page,
    /// The page as T.6 as it stood in the file, if it may be used so.
    pub t6: Option<Vec<u8>>,
    /// What of it could not be read.
    pub damage: Damage,
    /// What the file tells of it.
    pub about: PageAbout,
    /// What a person should know: a sentence each.
    pub notes: Vec<String>,
}

impl Sheet {
    fn of(page: Page) -> Sheet {
        let damage = Damage { rows: page.height(), ended: true, ..Damage::default() };
        Sheet { page, t6: None, damage, about: PageAbout::default(), notes: vec![] }
    }
}

/// A file that is open.
pub struct Input {
    /// How it is called.
    pub shown: String,
    open: Open,
    asked: Asked,
    /// Pages given out, and passed over.
    at: usize,
}

enum Open {
    Text { pages: Box<dyn Iterator<Item = Page>>, count: usize, notes: Vec<String> },
    Picture(Option<File>),
    Raw(Option<File>, Family),
    Tiff(tiff::Reader<BufReader<File>>, usize),
    Pbm(pbm::Reader<BufReader<File>>),
    Pdf(Apart),
}

/// Why a file is not read: a sentence with its name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unread {
    /// It lies with the file.
    #[error("{0}")]
    File(String),
    /// It lies with this machine.
    #[error("{0}")]
    Machine(String),
}

impl From<String> for Unread {
    fn from(why: String) -> Unread {
        Unread::File(why)
    }
}

/// How a file is to be read.
pub struct Reading<'a> {
    /// How errors call it, in backticks.
    pub shown: &'a str,
    /// What its pages shall be.
    pub asked: Asked,
    /// Of a PDF only these pages can be asked for.
    pub range: &'a Pages,
    /// Seconds of processor time for all of a PDF, if that is bounded.
    pub seconds: Option<u64>,
}

impl Input {
    /// Begins to read a file of a kind.
    pub fn of(file: File, kind: Kind, reading: &Reading) -> Result<Input, Unread> {
        Ok(Input { shown: reading.shown.to_owned(), open: reading.open(kind, file)?, asked: reading.asked, at: 0 })
    }
    /// How many pages it has, where that can be known beforehand.
    pub fn pages(&mut self) -> Option<usize> {
        match &self.open {
            Open::Text { count, .. } | Open::Tiff(_, count) => Some(*count),
            Open::Picture(_) | Open::Raw(..) => Some(1),
            Open::Pdf(apart) => Some(apart.pages),
            Open::Pbm(_) => None,
        }
    }
    /// The next page; `Ok(None)` at the end. One that is not wanted is passed over, and is there as `Some(None)`.
    pub fn next(&mut self, wanted: bool) -> Result<Option<Option<Sheet>>, String> {
        self.at += 1;
        let (at, shown) = (self.at, &self.shown);
        let pels = Pels { shown, asked: self.asked };
        let named = |why: String| format!("{shown} page {at}: {why}");
        Ok(match &mut self.open {
            Open::Text { pages, notes, .. } => {
                pages.next().map(|page| wanted.then(|| Sheet { notes: std::mem::take(notes), ..Sheet::of(page) }))
            }
            Open::Picture(file) => file.take().map(|file| wanted.then(|| pels.picture(file)).transpose()).transpose()?,
            Open::Raw(file, family) => file.take().map(|file| wanted.then(|| pels.raw(file, *family)).transpose()).transpose()?,
            Open::Pbm(reader) => match reader.next_page() {
                None => None,
                Some(page) => {
                    let page = page.map_err(|e| e.to_string())?;
                    if wanted { Some(Some(of_pbm(page, &self.asked).map_err(named)?)) } else { Some(None) }
                }
            },
            Open::Tiff(reader, _) => match reader.next_page() {
                None => None,
                Some(page) => {
                    let page = page.map_err(|e| e.to_string())?;
                    let t6 = if wanted { reader.t6_strip().map_err(|e| e.to_string())? } else { None };
                    Some(wanted.then_some(Sheet { page: page.page, t6, damage: page.damage, about: page.about, notes: page.notes }))
                }
            },
            Open::Pdf(apart) if at > apart.pages => None,
            Open::Pdf(_) if !wanted => Some(None),
            Open::Pdf(apart) => {
                let drawn = apart.next(at).map_err(|wrong| named(wrong.why))?;
                Some(Some(of_pdf(drawn, &self.asked).map_err(named)?))
            }
        })
    }
}

/// The first bytes, and the file at its start again.
pub fn head(file: &mut File) -> std::io::Result<Vec<u8>> {
    use std::io::{Seek, SeekFrom};
    let mut head = vec![];
    (&mut *file).take(HEAD).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(head)
}

impl Reading<'_> {
    fn open(&self, kind: Kind, file: File) -> Result<Open, Unread> {
        let shown = self.shown;
        Ok(match kind {
            Kind::Text => Pels { shown, asked: self.asked }.text(file)?,
            Kind::Picture => Open::Picture(Some(file)),
            Kind::Pbm => Open::Pbm(pbm::Reader::new(BufReader::new(file), shown, self.asked.resolution)),
            Kind::Raw(family) => Open::Raw(Some(file), family),
            Kind::Tiff => {
                let mut reader = tiff::Reader::open(BufReader::new(file), shown).map_err(|e| e.to_string())?;
                let pages = reader.pages().map_err(|e| e.to_string())?;
                Open::Tiff(reader, pages)
            }
            Kind::Pdf => {
                if file.metadata().map_err(|e| Unread::Machine(format!("cannot read {shown}: {e}")))?.len() > MOST_FILE {
                    return Err(too_long(shown, "a PDF", MOST_FILE).into());
                }
                let named = |wrong: Wrong| match (wrong.page, wrong.ours) {
                    (_, true) => Unread::Machine(format!("{shown}: {}", wrong.why)),
                    (0, false) => Unread::File(format!("{shown}: {}", wrong.why)),
                    (page, false) => Unread::File(format!("{shown} page {page}: {}", wrong.why)),
                };
                Open::Pdf(Apart::open(file, self.asked.form(), self.range, self.seconds).map_err(named)?)
            }
        })
    }
}

fn too_long(shown: &str, what: &str, most: u64) -> String {
    format!("{shown}: {what} may have {} MiB, and this one has more", most >> 20)
}

/// What makes the pages of a file that is read whole.
struct Pels<'a> {
    shown: &'a str,
    asked: Asked,
}

impl Pels<'_> {
    fn bytes(&self, file: File, what: &str, most: u64) -> Result<Vec<u8>, String> {
        let mut bytes = vec![];
        let read = file.take(most + 1).read_to_end(&mut bytes);
        read.map_err(|e| format!("cannot read {}: {e}", self.shown))?;
        if bytes.len() as u64 > most { Err(too_long(self.shown, what, most)) } else { Ok(bytes) }
    }
    fn text(&self, file: File) -> Result<Open, String> {
        let shown = self.shown;
        let text = String::from_utf8(self.bytes(file, "a text", MOST_TEXT)?).map_err(|e| {
            let at = e.utf8_error().valid_up_to();
            let byte = e.as_bytes().get(at).copied().unwrap_or_default();
            format!(
                "{shown}: it is not UTF-8 text (byte 0x{byte:02X} at offset {at}); convert it with `iconv -f ISO-8859-1 -t UTF-8` (or from what it is), or say what it is with --from"
            )
        })?;
        let letter = Letter::of(&text, &self.asked.form()).map_err(|why| format!("{shown}: {why}"))?;
        let (count, notes) = (letter.len(), letter.notes());
        Ok(Open::Text { pages: Box::new(letter.into_pages()?), count, notes })
    }
    fn picture(&self, file: File) -> Result<Sheet, String> {
        let bytes = self.bytes(file, "a picture", MOST_PICTURE)?;
        let (shown, name) = (self.shown, self.shown.trim_matches('`'));
        let fault = |_| Err(format!("{shown}: it cannot be read (a fault of the picture reader, which gave up)"));
        if let Some(page) = catch_unwind(|| bilevel(&bytes)).unwrap_or_default() {
            return Ok(Sheet::of(page));
        }
        let grey = catch_unwind(|| picture(&bytes, name)).unwrap_or_else(fault)?;
        drop(bytes);
        let page = match grey.bilevel() {
            Some(page) => page,
            None => draw(&grey, &self.asked.form(), self.asked.dither).map_err(|why| format!("{shown}: {why}"))?,
        };
        Ok(Sheet::of(page))
    }
    fn raw(&self, file: File, family: Family) -> Result<Sheet, String> {
        let form = Form { width: self.asked.width.unwrap_or_default(), ..self.asked.form() };
        let options = RawOptions { family, order: None, width: form.pels(), resolution: self.asked.resolution };
        let read = raw::read(file, self.shown, &options).map_err(|e| e.to_string())?;
        Ok(Sheet { damage: read.damage, about: read.about, notes: read.notes, ..Sheet::of(read.page) })
    }
}

/// A PBM of a fax page's width is one; any other is a drawing.
fn of_pbm(page: Page, asked: &Asked) -> Result<Sheet, String> {
    if Form::of(&page).is_some() {
        return Ok(Sheet::of(page));
    }
    let pels = (0..page.height()).flat_map(|y| (0..page.width()).map(move |x| (x, y)));
    let pels = pels.map(|(x, y)| if page.black(x, y) { 0 } else { 255 }).collect();
    let grey = Grey { width: page.width(), height: page.height(), pels, dpi: None };
    Ok(Sheet::of(draw(&grey, &asked.form(), asked.dither)?))
}

fn of_pdf(drawn: Drawn, asked: &Asked) -> Result<Sheet, String> {
    Ok(match drawn {
        Drawn::Scan { rows, damage, notes } => Sheet { damage, notes, ..Sheet::of(rows) },
        Drawn::Grey { grey, notes } => Sheet { notes, ..Sheet::of(draw(&grey, &asked.form(), asked.dither)?) },
    })
}

//! The inputs, one page at a time: texts, pictures, PDFs and files of fax pages all become pages that can be asked for one by one.
//!
//! Standards: those of the files (see `paper`, `fax`). In: a name. Out: [`Sheet`]s, or one sentence that names file and page.
//! Bounded: see the constants; what is read page by page stays so. Left out: what was asked of the page's form (see `fit`, but a text,
//! a picture and a drawn PDF page are made for it at once). Shown by: `tests/it/convert.rs`, `tests/it/convert_bad.rs`.

use super::apart::Apart;
use super::files;
use super::fit::Asked;
use super::format::From;
use super::range::Pages;
use crate::cli::Usage;
use crate::fax::code::Damage;
use crate::fax::file::PageAbout;
use crate::fax::pdf::{Drawn, MOST_FILE};
use crate::fax::raw::{self, Family, RawOptions};
use crate::fax::{pbm, tiff};
use crate::paper::{Form, Grey, Letter, Page, bilevel, draw, picture};
use std::fs::File;
use std::io::{BufReader, Read};
use std::panic::catch_unwind;
use std::path::Path;

/// Largest text, in bytes.
pub const MOST_TEXT: u64 = 3 << 20;
/// Largest file of a picture, in bytes.
pub const MOST_PICTURE: u64 = 128 << 20;
/// Largest file of fax pages, in bytes: TIFF ends at 4 GiB by itself.
pub const MOST_PAGES: u64 = 4 << 30;
/// Bytes by which a file is known.
const HEAD: usize = 16;

/// A page, and what is known of it.
pub struct Sheet {
    pub page: Page,
    /// The page as T.6 as it stood in the file, if it may be used so.
    pub t6: Option<Vec<u8>>,
    /// What of it could not be read.
    pub damage: Damage,
    pub about: PageAbout,
    pub notes: Vec<String>,
}

impl Sheet {
    fn of(page: Page) -> Sheet {
        let damage = Damage { rows: page.height(), ended: true, ..Damage::default() };
        Sheet { page, t6: None, damage, about: PageAbout::default(), notes: vec![] }
    }
}

/// An input that is open.
pub struct Input {
    /// How it is called.
    pub shown: String,
    kind: Kind,
    asked: Asked,
    /// Pages given out, and passed over.
    at: usize,
}

enum Kind {
    Text { pages: Box<dyn Iterator<Item = Page>>, count: usize, notes: Vec<String> },
    Picture(Option<File>),
    Raw(Option<File>, Family),
    Tiff(tiff::Reader<BufReader<File>>, usize),
    Pbm(pbm::Reader<BufReader<File>>),
    Pdf(Apart),
}

impl Input {
    /// Opens one. Of a PDF only the pages of `range` can be asked for.
    pub fn open(path: &Path, told: Option<From>, asked: Asked, range: &Pages) -> anyhow::Result<Input> {
        let shown = files::shown(path);
        let mut file = files::open(path, MOST_PAGES)?;
        let head = head(&mut file).map_err(|e| Usage(format!("cannot read {shown}: {e}")))?;
        if head.is_empty() {
            return Err(Usage(format!("{shown}: it is empty; there is no page in it")).into());
        }
        let from = super::format::of_input(path, &shown, told, &head)?;
        let kind = Reading { shown: &shown, asked }.kind(from, file, range)?;
        Ok(Input { shown, kind, asked, at: 0 })
    }
    /// How many pages it has, where that can be known beforehand.
    pub fn pages(&mut self) -> Option<usize> {
        match &self.kind {
            Kind::Text { count, .. } | Kind::Tiff(_, count) => Some(*count),
            Kind::Picture(_) | Kind::Raw(..) => Some(1),
            Kind::Pdf(apart) => Some(apart.pages),
            Kind::Pbm(_) => None,
        }
    }
    /// The next page; `Ok(None)` at the end. One that is not wanted is passed over, and is there as `Some(None)`.
    pub fn next(&mut self, wanted: bool) -> anyhow::Result<Option<Option<Sheet>>> {
        self.at += 1;
        let (at, shown) = (self.at, &self.shown);
        let reading = Reading { shown, asked: self.asked };
        let named = |why: String| anyhow::Error::from(Usage(format!("{shown} page {at}: {why}")));
        Ok(match &mut self.kind {
            Kind::Text { pages, notes, .. } => {
                pages.next().map(|page| wanted.then(|| Sheet { notes: std::mem::take(notes), ..Sheet::of(page) }))
            }
            Kind::Picture(file) => file.take().map(|file| wanted.then(|| reading.picture(file)).transpose()).transpose()?,
            Kind::Raw(file, family) => file.take().map(|file| wanted.then(|| reading.raw(file, *family)).transpose()).transpose()?,
            Kind::Pbm(reader) => match reader.next_page() {
                None => None,
                Some(page) => {
                    let page = page.map_err(|e| Usage(e.to_string()))?;
                    if wanted { Some(Some(of_pbm(page, &self.asked).map_err(named)?)) } else { Some(None) }
                }
            },
            Kind::Tiff(reader, _) => match reader.next_page() {
                None => None,
                Some(page) => {
                    let page = page.map_err(|e| Usage(e.to_string()))?;
                    let t6 = if wanted { reader.t6_strip().map_err(|e| Usage(e.to_string()))? } else { None };
                    Some(wanted.then_some(Sheet { page: page.page, t6, damage: page.damage, about: page.about, notes: page.notes }))
                }
            },
            Kind::Pdf(apart) if at > apart.pages => None,
            Kind::Pdf(_) if !wanted => Some(None),
            Kind::Pdf(apart) => {
                let drawn = apart.next(at).map_err(|(_, why)| named(why))?;
                Some(Some(of_pdf(drawn, &self.asked).map_err(named)?))
            }
        })
    }
}

/// The first bytes, and the file at its start again.
fn head(file: &mut File) -> std::io::Result<Vec<u8>> {
    use std::io::{Seek, SeekFrom};
    let mut head = vec![];
    (&mut *file).take(HEAD as u64).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(head)
}

struct Reading<'a> {
    shown: &'a str,
    asked: Asked,
}

impl Reading<'_> {
    fn kind(&self, from: From, file: File, range: &Pages) -> anyhow::Result<Kind> {
        let shown = self.shown;
        Ok(match from {
            From::Text => self.text(file)?,
            From::Picture => Kind::Picture(Some(file)),
            From::Pbm => Kind::Pbm(pbm::Reader::new(BufReader::new(file), shown, self.asked.resolution)),
            From::Raw(family) => Kind::Raw(Some(file), family),
            From::Tiff => {
                let mut reader = tiff::Reader::open(BufReader::new(file), shown).map_err(|e| Usage(e.to_string()))?;
                let pages = reader.pages().map_err(|e| Usage(e.to_string()))?;
                Kind::Tiff(reader, pages)
            }
            From::Pdf => {
                if file.metadata()?.len() > MOST_FILE {
                    return Err(self.too_long("a PDF", MOST_FILE).into());
                }
                let named = |(page, why): (usize, String)| match page {
                    0 => Usage(format!("{shown}: {why}")),
                    n => Usage(format!("{shown} page {n}: {why}")),
                };
                Kind::Pdf(Apart::open(file, self.asked.form(), range).map_err(named)?)
            }
        })
    }
    fn too_long(&self, what: &str, most: u64) -> Usage {
        Usage(format!("{}: {what} may have {} MiB, and this one has more", self.shown, most >> 20))
    }
    fn bytes(&self, file: File, what: &str, most: u64) -> anyhow::Result<Vec<u8>> {
        let mut bytes = vec![];
        let read = file.take(most + 1).read_to_end(&mut bytes);
        read.map_err(|e| Usage(format!("cannot read {}: {e}", self.shown)))?;
        if bytes.len() as u64 > most { Err(self.too_long(what, most).into()) } else { Ok(bytes) }
    }
    fn text(&self, file: File) -> anyhow::Result<Kind> {
        let shown = self.shown;
        let text = String::from_utf8(self.bytes(file, "a text", MOST_TEXT)?).map_err(|e| {
            let at = e.utf8_error().valid_up_to();
            let byte = e.as_bytes().get(at).copied().unwrap_or_default();
            Usage(format!(
                "{shown}: it is not UTF-8 text (byte 0x{byte:02X} at offset {at}); convert it with `iconv -f ISO-8859-1 -t UTF-8` (or from what it is), or say what it is with --from"
            ))
        })?;
        let letter = Letter::of(&text, &self.asked.form()).map_err(|why| Usage(format!("{shown}: {why}")))?;
        let (count, notes) = (letter.len(), letter.notes());
        Ok(Kind::Text { pages: Box::new(letter.into_pages().map_err(Usage)?), count, notes })
    }
    fn picture(&self, file: File) -> anyhow::Result<Sheet> {
        let bytes = self.bytes(file, "a picture", MOST_PICTURE)?;
        let (shown, name) = (self.shown, self.shown.trim_matches('`'));
        let fault = |_| Err(format!("{shown}: it cannot be read (a fault of the picture reader, which gave up)"));
        if let Some(page) = catch_unwind(|| bilevel(&bytes)).unwrap_or_default() {
            return Ok(Sheet::of(page));
        }
        let grey = catch_unwind(|| picture(&bytes, name)).unwrap_or_else(fault).map_err(Usage)?;
        drop(bytes);
        let page = match grey.bilevel() {
            Some(page) => page,
            None => draw(&grey, &self.asked.form(), self.asked.dither).map_err(|why| Usage(format!("{shown}: {why}")))?,
        };
        Ok(Sheet::of(page))
    }
    fn raw(&self, file: File, family: Family) -> anyhow::Result<Sheet> {
        let form = Form { width: self.asked.width.unwrap_or_default(), ..self.asked.form() };
        let options = RawOptions { family, order: None, width: form.pels(), resolution: self.asked.resolution };
        let read = raw::read(file, self.shown, &options).map_err(|e| Usage(e.to_string()))?;
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

//! Writes a file a page at a time: one coded page is in memory, and nothing has to be sought, so that the end may be a pipe.
//!
//! Standard: RFC 2301 profile S (MH) and F (MR, MMR): `II`, FillOrder 2, one strip a page, each directory before its data, in the
//! order of the pages. In: pages. Out: bytes, the same for the same input. EOLs end on whole bytes (T4Options bit 2), as RFC 2306
//! would have it; no RTC, but T.6 has its EOFB. Left out: files over 4 GiB. Shown by: `tests/it/tiff_files.rs`, `tests/it/tiff_peers.rs`.

use super::MOST_PAGES;
use super::about::{MOST_TEXT, date_text};
use super::fields::tag;
use crate::fax::code::{BitOrder, Coding, Layout, encode};
use crate::fax::file::{FileError, PageAbout};
use crate::paper::Page;
use std::io::Write;

/// How a file is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WriteOptions {
    /// Of the rows.
    pub coding: Coding,
    /// Of the bits; the last one first is what RFC 2301 wants of profile S.
    pub order: BitOrder,
    /// How many pages there will be, for PageNumber; 0: not known.
    pub pages: u16,
}

impl WriteOptions {
    /// As RFC 2301 wants it.
    pub fn new(coding: Coding) -> WriteOptions {
        WriteOptions { coding, order: BitOrder::LsbFirst, pages: 0 }
    }
}

/// Writes the pages of a file.
pub struct Writer<W> {
    inner: W,
    name: String,
    options: WriteOptions,
    /// Bytes that are out.
    at: u64,
    pages: usize,
    /// The last page, held back until it is known whether another one follows.
    held: Option<Held>,
}

struct Held {
    fields: Vec<Field>,
    strip: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins a file; `name` is what errors call it. Nothing is written before the second page or the end.
    pub fn new(inner: W, name: &str, options: WriteOptions) -> Writer<W> {
        Writer { inner, name: name.to_owned(), options, at: 0, pages: 0, held: None }
    }
    /// Adds a page.
    pub fn page(&mut self, page: &Page, about: &PageAbout) -> Result<(), FileError> {
        self.let_go(true)?;
        self.pages += 1;
        if self.pages > MOST_PAGES {
            return Err(self.error(format!("a file has at most {MOST_PAGES} pages; write several files")));
        }
        if page.height() == 0 {
            return Err(self.error("has no rows, and a file cannot say so; leave it out".into()));
        }
        let layout = Layout {
            order: self.options.order,
            eol: true,
            aligned: self.options.coding != Coding::Mmr,
            end: self.options.coding == Coding::Mmr,
            least_bits: 0,
        };
        let strip = encode(page, self.options.coding, layout);
        let number = about.number.unwrap_or((self.pages as u16, self.options.pages));
        self.held = Some(Held { fields: fields(page, &self.options, strip.len(), number, about), strip });
        Ok(())
    }
    /// Writes the last page and gives back what was written to. A file without pages is an error: there is no such TIFF.
    pub fn finish(mut self) -> Result<W, FileError> {
        if self.pages == 0 {
            return Err(FileError { file: self.name, page: None, what: "would have no page; a TIFF has at least one".into() });
        }
        self.let_go(false)?;
        self.inner.flush().map_err(|e| self.error(format!("cannot be written: {e}")))?;
        Ok(self.inner)
    }
    /// Writes the page that was held back.
    fn let_go(&mut self, more: bool) -> Result<(), FileError> {
        let Some(held) = self.held.take() else { return Ok(()) };
        let mut bytes = vec![];
        if self.at == 0 {
            // TIFF 6.0 section 2: the head, and the first directory right behind it.
            bytes.extend_from_slice(b"II\x2a\0\x08\0\0\0");
        }
        let directory = self.at + bytes.len() as u64;
        let values = directory + 2 + 12 * held.fields.len() as u64 + 4;
        let strip = values + held.fields.iter().map(|f| f.outside()).sum::<u64>();
        // Directories begin on even bytes (TIFF 6.0 section 2).
        let end = (strip + held.strip.len() as u64).next_multiple_of(2);
        if end > u64::from(u32::MAX) {
            return Err(self.error("would begin beyond 4 GiB, which a TIFF cannot; write several files".into()));
        }
        lay(&held.fields, values as u32, strip as u32, if more { end as u32 } else { 0 }, &mut bytes);
        bytes.extend_from_slice(&held.strip);
        bytes.resize((end - self.at) as usize, 0);
        self.at = end;
        self.inner.write_all(&bytes).map_err(|e| self.error(format!("cannot be written: {e}")))
    }
    fn error(&self, what: String) -> FileError {
        FileError { file: self.name.clone(), page: Some(self.pages), what }
    }
}

/// A directory with the values that do not fit into it, little end first.
fn lay(fields: &[Field], values: u32, strip: u32, next: u32, into: &mut Vec<u8>) {
    let (mut at, mut outside) = (values, vec![]);
    into.extend_from_slice(&(fields.len() as u16).to_le_bytes());
    for field in fields {
        into.extend_from_slice(&field.tag.to_le_bytes());
        into.extend_from_slice(&field.kind.to_le_bytes());
        into.extend_from_slice(&field.count.to_le_bytes());
        match field.outside() {
            _ if field.tag == tag::STRIP_OFFSETS => into.extend_from_slice(&strip.to_le_bytes()),
            0 => {
                let mut inside = field.value.clone();
                inside.resize(4, 0);
                into.extend_from_slice(&inside);
            }
            long => {
                into.extend_from_slice(&at.to_le_bytes());
                outside.extend_from_slice(&field.value);
                outside.resize((at - values) as usize + long as usize, 0);
                at += long as u32;
            }
        }
    }
    into.extend_from_slice(&next.to_le_bytes());
    into.extend_from_slice(&outside);
}

/// A field as it will lie in the file.
struct Field {
    tag: u16,
    kind: u16,
    count: u32,
    value: Vec<u8>,
}

impl Field {
    fn short(tag: u16, values: &[u16]) -> Field {
        Field { tag, kind: 3, count: values.len() as u32, value: values.iter().flat_map(|v| v.to_le_bytes()).collect() }
    }
    fn long(tag: u16, value: usize) -> Field {
        Field { tag, kind: 4, count: 1, value: (value as u32).to_le_bytes().to_vec() }
    }
    fn rational(tag: u16, value: u16) -> Field {
        Field { tag, kind: 5, count: 1, value: [u32::from(value).to_le_bytes(), 1u32.to_le_bytes()].concat() }
    }
    fn text(tag: u16, text: &str) -> Field {
        let mut end = text.len().min(MOST_TEXT);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut value: Vec<u8> = text[..end].bytes().filter(|b| *b != 0).collect();
        value.push(0);
        Field { tag, kind: 2, count: value.len() as u32, value }
    }
    /// Bytes of the value that lie behind the directory, an even number of them.
    fn outside(&self) -> u64 {
        if self.value.len() <= 4 { 0 } else { self.value.len().next_multiple_of(2) as u64 }
    }
}

/// The fields of a page, by rising tags.
fn fields(page: &Page, options: &WriteOptions, bytes: usize, number: (u16, u16), about: &PageAbout) -> Vec<Field> {
    let compression = if options.coding == Coding::Mmr { 4 } else { 3 };
    let order = if options.order == BitOrder::LsbFirst { 2 } else { 1 };
    let mut fields = vec![
        // Bit 1: a page of several.
        Field::long(tag::NEW_SUBFILE_TYPE, 2),
        Field::long(tag::IMAGE_WIDTH, page.width()),
        Field::long(tag::IMAGE_LENGTH, page.height()),
        Field::short(tag::BITS_PER_SAMPLE, &[1]),
        Field::short(tag::COMPRESSION, &[compression]),
        // 0 is white.
        Field::short(tag::PHOTOMETRIC, &[0]),
        Field::short(tag::FILL_ORDER, &[order]),
        Field::long(tag::STRIP_OFFSETS, 0),
        Field::short(tag::ORIENTATION, &[1]),
        Field::short(tag::SAMPLES_PER_PIXEL, &[1]),
        Field::long(tag::ROWS_PER_STRIP, page.height()),
        Field::long(tag::STRIP_BYTE_COUNTS, bytes),
        Field::rational(tag::X_RESOLUTION, page.resolution.x),
        Field::rational(tag::Y_RESOLUTION, page.resolution.y),
        // Inches.
        Field::short(tag::RESOLUTION_UNIT, &[2]),
        Field::short(tag::PAGE_NUMBER, &[number.0.saturating_sub(1), number.1]),
    ];
    fields.push(match options.coding {
        // Bit 0: two-dimensional; bit 2: EOLs end on whole bytes.
        Coding::Mh => Field::long(tag::T4_OPTIONS, 4),
        Coding::Mr { .. } => Field::long(tag::T4_OPTIONS, 5),
        Coding::Mmr => Field::long(tag::T6_OPTIONS, 0),
    });
    let texts = [
        (tag::DOCUMENT_NAME, &about.name),
        (tag::IMAGE_DESCRIPTION, &about.description),
        (tag::SOFTWARE, &about.software),
        (tag::DATE_TIME, &about.date.map(date_text)),
        (tag::ARTIST, &about.sender),
    ];
    fields.extend(texts.iter().filter_map(|(tag, text)| text.as_deref().map(|t| Field::text(*tag, t))));
    if let Some(damage) = about.received {
        // CleanFaxData: 0 none were bad, 1 bad ones were replaced.
        fields.push(Field::long(tag::BAD_FAX_LINES, damage.bad_rows));
        fields.push(Field::short(tag::CLEAN_FAX_DATA, &[u16::from(damage.bad_rows > 0)]));
        fields.push(Field::long(tag::CONSECUTIVE_BAD_FAX_LINES, damage.longest_bad_run));
    }
    fields.sort_by_key(|f| f.tag);
    fields
}

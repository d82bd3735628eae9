//! Reads a file a page at a time: one page is in memory, whatever the file.
//!
//! Standards: TIFF 6.0 section 2 (directories), RFC 2301. In: what can be read and sought in. Out: pages, upright, with what is told of them.
//! Bounded: page `WIDEST` x `MOST_ROWS`, [`MOST_PAGES`] directories, each once. Damage in a strip is counted, not an error.
//! Left out: SubIFDs, thumbnails, masks (passed over). Shown by: `tests/it/tiff_files.rs`, `fixtures/tiff`.

use super::about;
use super::fields::{self, Directory, Source};
use super::image::{Image, Scheme, is_page};
use super::places::Strip;
use super::{MOST_PAGES, strips, turn};
use crate::fax::code::BitOrder;
use crate::fax::file::{FileError, FilePage};
use std::collections::BTreeMap;
use std::io::{Read, Seek};

/// Longest strip that is handed on as it is.
const MOST_STRIP: u64 = 32 << 20;

/// Reads the pages of a file.
pub struct Reader<R> {
    source: Source<R>,
    name: String,
    first: u64,
    walk: Walk,
    over: bool,
    strip: Option<(Strip, BitOrder)>,
}

/// Where in the chain of directories a reader is.
#[derive(Clone)]
struct Walk {
    next: u64,
    /// The directories that were read, and which one it was, from 1.
    seen: BTreeMap<u64, usize>,
    /// Pages that were found.
    pages: usize,
}

impl Walk {
    fn new(first: u64) -> Walk {
        Walk { next: first, seen: BTreeMap::new(), pages: 0 }
    }
    /// The next directory that is a page's.
    fn step<R: Read + Seek>(&mut self, from: &mut Source<R>) -> Result<Option<Directory>, String> {
        while self.next != 0 {
            if let Some(which) = self.seen.get(&self.next) {
                return Err(format!(
                    "its directory at {} is also directory {which} of the file, which goes round in a circle; it is damaged",
                    self.next
                ));
            }
            if self.seen.len() == MOST_PAGES {
                return Err(format!("the file has more than {MOST_PAGES} directories; the rest is not read"));
            }
            self.seen.insert(self.next, self.seen.len() + 1);
            let directory = from.directory(self.next)?;
            self.next = directory.next;
            if is_page(from, &directory) {
                self.pages += 1;
                return Ok(Some(directory));
            }
        }
        Ok(None)
    }
}

impl<R: Read + Seek> Reader<R> {
    /// Opens a file; `name` is what errors call it.
    pub fn open(inner: R, name: &str) -> Result<Reader<R>, FileError> {
        let error = |what| FileError { file: name.to_owned(), page: None, what };
        let (source, first) = fields::open(inner).map_err(error)?;
        if first == 0 {
            return Err(error("has no page: its head names no directory".into()));
        }
        Ok(Reader { source, name: name.to_owned(), first, walk: Walk::new(first), over: false, strip: None })
    }
    /// How many pages there are; nothing is decoded. An error is that of the first directory that cannot be read.
    pub fn pages(&mut self) -> Result<usize, FileError> {
        let mut walk = Walk::new(self.first);
        loop {
            match walk.step(&mut self.source) {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(walk.pages),
                Err(what) => return Err(FileError { file: self.name.clone(), page: Some(walk.pages + 1), what }),
            }
        }
    }
    /// The next page; none after the last one, and after an error.
    pub fn next_page(&mut self) -> Option<Result<FilePage, FileError>> {
        if self.over {
            return None;
        }
        let before = self.walk.pages;
        let read = self.read_page();
        self.over = !matches!(read, Ok(Some(_)));
        match read {
            Ok(None) if before == 0 => {
                Some(Err(FileError { file: self.name.clone(), page: None, what: "has thumbnails and no page".into() }))
            }
            Err(what) => Some(Err(FileError { file: self.name.clone(), page: Some(before + 1), what })),
            Ok(page) => page.map(Ok),
        }
    }
    fn read_page(&mut self) -> Result<Option<FilePage>, String> {
        self.strip = None;
        let Some(directory) = self.walk.step(&mut self.source)? else { return Ok(None) };
        let mut image = Image::read(&mut self.source, &directory)?;
        let about = about::read(&mut self.source, &directory, image.height);
        let decoded = strips::decode(&mut self.source, &mut image)?;
        let sound = decoded.damage.bad_rows == 0 && image.scheme == Scheme::T6 && !image.inverted && image.orientation == 1;
        self.strip = match image.strips[..] {
            [strip] if sound && strip.len == strip.said && strip.len <= MOST_STRIP => Some((strip, decoded.order)),
            _ => None,
        };
        let page = turn::upright(decoded.page, image.orientation).unwrap_or_else(|page| {
            image
                .notes
                .push(format!("Orientation is {}, and upright the page would be too wide; it is left as it lies", image.orientation));
            page
        });
        let number = self.walk.pages;
        Ok(Some(FilePage { number, page, coding: decoded.coding, damage: decoded.damage, about, notes: image.notes }))
    }
    /// The T.6 stream of the page that was just read, top bit first, white runs first as in PDF's `/K -1 /BlackIs1 false`:
    /// if it is one strip, of a page that was read without damage and lies upright, so that it may be used as it is.
    pub fn t6_strip(&mut self) -> Result<Option<Vec<u8>>, FileError> {
        let Some((strip, order)) = self.strip else { return Ok(None) };
        let bytes = self.source.bytes(strip.at, strip.len as usize);
        let mut bytes = bytes.map_err(|what| FileError { file: self.name.clone(), page: Some(self.walk.pages), what })?;
        if order == BitOrder::LsbFirst {
            bytes.iter_mut().for_each(|b| *b = b.reverse_bits());
        }
        Ok(Some(bytes))
    }
}

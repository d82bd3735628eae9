//! PBM: bilevel pictures of the netpbm tools, rows as they are.
//!
//! Standard: pbm(5) of netpbm, P4 (packed) and P1 (digits), any number of pictures in a stream. In: what can be read.
//! Out: pages, one at a time, 1 = black; and back, as P4. A PBM has no resolution: the caller knows it, or the page's shape tells.
//! Left out: grey and colour. Shown by: `tests/it/tiff_files.rs`, `tests/it/tiff_peers.rs`.

use super::file::FileError;
use super::resolution::by_shape;
use crate::paper::page::{MOST_ROWS, WIDEST, WORD};
use crate::paper::{Page, Resolution};
use std::io::{self, BufRead, Write};

/// Most blanks and comments before a number, in bytes.
const MOST_BLANKS: usize = 100_000;

/// Reads the pictures of a stream.
pub struct Reader<R> {
    inner: R,
    name: String,
    resolution: Option<Resolution>,
    pages: usize,
    over: bool,
}

impl<R: BufRead> Reader<R> {
    /// Begins; `name` is what errors call the file.
    pub fn new(inner: R, name: &str, resolution: Option<Resolution>) -> Reader<R> {
        Reader { inner, name: name.to_owned(), resolution, pages: 0, over: false }
    }
    /// The next picture; none after the last one, and after an error.
    pub fn next_page(&mut self) -> Option<Result<Page, FileError>> {
        if self.over {
            return None;
        }
        let read = self.read_page();
        self.over = !matches!(read, Ok(Some(_)));
        let page = Some(self.pages + 1);
        self.pages += 1;
        read.map_err(|what| FileError { file: self.name.clone(), page, what }).transpose()
    }
    fn read_page(&mut self) -> Result<Option<Page>, String> {
        let Some(p) = self.begins()? else { return Ok(None) };
        let kind = self.byte()?.unwrap_or(b' ');
        match (p, kind) {
            (b'P', b'1' | b'4') => {}
            (b'P', b'2' | b'3' | b'5' | b'6' | b'7') => {
                return Err(format!("is a picture in grey or colour (P{}), not a PBM (P1, P4)", char::from(kind)));
            }
            _ => return Err(format!("is no PBM: it begins with {p:02x} {kind:02x}, not with `P1` or `P4`")),
        }
        let width = self.number("width", WIDEST)?;
        let height = self.number("height", MOST_ROWS)?;
        let mut page = Page::new(width, self.resolution.unwrap_or_else(|| by_shape(width, height)));
        for y in 0..height {
            let read = if kind == b'4' { self.packed_row(&mut page) } else { self.digit_row(&mut page) };
            read.map_err(|e| format!("row {} of {height}: {e}", y + 1))?;
        }
        Ok(Some(page))
    }
    /// The first byte of a picture, or none at the end; the first picture must be there.
    fn begins(&mut self) -> Result<Option<u8>, String> {
        let first = self.pages == 0;
        loop {
            match self.byte()? {
                None if first => return Err("is empty (0 bytes)".into()),
                None => return Ok(None),
                Some(b' ' | b'\t' | b'\r' | b'\n') if !first => {}
                byte => return Ok(byte),
            }
        }
    }
    fn packed_row(&mut self, page: &mut Page) -> Result<(), String> {
        let mut row = vec![0; page.width().div_ceil(8)];
        self.inner.read_exact(&mut row).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => "the file ends here; it is cut short".to_owned(),
            _ => format!("cannot be read: {e}"),
        })?;
        page.push_packed(&row);
        Ok(())
    }
    fn digit_row(&mut self, page: &mut Page) -> Result<(), String> {
        let mut row = vec![0u64; page.stride()];
        for x in 0..page.width() {
            match self.after_blanks()? {
                b'0' => {}
                b'1' => row[x / WORD] |= 1 << (WORD - 1 - x % WORD),
                other => return Err(format!("there stands {other:02x}, not `0` or `1`")),
            }
        }
        page.push(&row);
        Ok(())
    }
    /// A number of the head, and the one byte behind it.
    fn number(&mut self, what: &str, most: usize) -> Result<usize, String> {
        let mut next = Some(self.after_blanks().map_err(|e| format!("{what}: {e}"))?);
        let mut number = 0usize;
        let mut digits = 0;
        while let Some(digit @ b'0'..=b'9') = next {
            number = number.saturating_mul(10).saturating_add(usize::from(digit - b'0'));
            digits += 1;
            next = if digits < 20 { self.byte()? } else { None };
        }
        match (digits, number) {
            (0, _) => Err(format!("{what} is no number")),
            (_, 0) => Err(format!("{what} is 0; a page has at least one pel and one row")),
            (_, n) if n > most => Err(format!("{what} is {n}; at most {most} are read")),
            (_, n) => Ok(n),
        }
    }
    /// The next byte that is neither blank nor in a comment.
    fn after_blanks(&mut self) -> Result<u8, String> {
        let mut comment = false;
        for _ in 0..MOST_BLANKS {
            match self.byte()? {
                None => return Err("the file ends here; it is cut short".into()),
                Some(b'\n' | b'\r') => comment = false,
                Some(b'#') => comment = true,
                Some(b' ' | b'\t' | 0x0b | 0x0c) => {}
                Some(_) if comment => {}
                Some(byte) => return Ok(byte),
            }
        }
        Err(format!("there are more than {MOST_BLANKS} blanks"))
    }
    fn byte(&mut self) -> Result<Option<u8>, String> {
        let buffer = self.inner.fill_buf().map_err(|e| format!("cannot be read: {e}"))?;
        let byte = buffer.first().copied();
        self.inner.consume(usize::from(byte.is_some()));
        Ok(byte)
    }
}

/// Writes a picture as P4, rows as they are.
pub fn write(page: &Page, mut out: impl Write) -> io::Result<()> {
    writeln!(out, "P4\n{} {}", page.width(), page.height())?;
    let mut row = vec![];
    for y in 0..page.height() {
        row.clear();
        page.pack(y, &mut row);
        out.write_all(&row)?;
    }
    out.flush()
}

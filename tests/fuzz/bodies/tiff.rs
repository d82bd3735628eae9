//! Files of fax pages: TIFF as bytes, TIFF with fields and strips that the bytes choose, PBM, raw data.
//!
//! The first byte says which; the rest is read by it. Held to: no panic; an error is a sentence with the file's name; a page is within
//! its bounds and its damage within the page; a T.6 strip that is handed on is that page; what is read comes back from every coding.

use super::Bytes;
use molink::fax::code::{BitOrder, Coding, ReadAs, decode};
use molink::fax::file::{FileError, FilePage, PageAbout};
use molink::fax::raw::{Family, RawOptions};
use molink::fax::{pbm, raw, tiff};
use molink::paper::page::{MOST_ROWS, WIDEST};
use molink::paper::{Page, Resolution};
use std::io::Cursor;

#[allow(dead_code, clippy::duplicate_mod)]
#[path = "../../it/tiff_made.rs"]
mod made;

/// Pages that are read of one input.
const MOST_PAGES: usize = 4;
/// Pels of a page that is written again.
const MOST_PELS: usize = 1 << 20;
const CODINGS: [Coding; 3] = [Coding::Mh, Coding::Mr { k: 4 }, Coding::Mmr];

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    match bytes.byte() % 8 {
        0 | 1 => file(bytes.rest()),
        2..=5 => file(&chosen(&mut bytes)),
        6 => pictures(bytes.rest()),
        _ => bits(&mut bytes),
    }
}

fn said(why: &FileError) {
    let text = why.to_string();
    assert!(text.starts_with("a.tif") && text.len() < 500 && !text.contains('\n'), "{text}");
}

fn file(bytes: &[u8]) {
    let mut reader = match tiff::Reader::open(Cursor::new(bytes), "a.tif") {
        Ok(reader) => reader,
        Err(why) => return said(&why),
    };
    let pages = reader.pages();
    for n in 1..=MOST_PAGES {
        match reader.next_page() {
            None => return assert_eq!(pages.as_ref().ok().copied(), Some(n - 1)),
            Some(Err(why)) => {
                assert!(reader.next_page().is_none());
                return said(&why);
            }
            Some(Ok(found)) => {
                assert!(found.number == n && pages.as_ref().is_ok_and(|p| *p >= n) || pages.is_err());
                let strip = reader.t6_strip().expect("the strip was just read");
                held(&found, strip.as_deref(), n == 1);
            }
        }
    }
}

fn held(found: &FilePage, strip: Option<&[u8]>, again: bool) {
    let (page, damage) = (&found.page, &found.damage);
    assert!((1..=WIDEST).contains(&page.width()) && (1..=MOST_ROWS).contains(&page.height()));
    assert!(damage.rows <= MOST_ROWS && damage.longest_bad_run <= damage.bad_rows && damage.bad_rows <= damage.rows);
    assert!(page.resolution.x >= 10 && page.resolution.y >= 10, "{:?}", page.resolution);
    assert!(found.notes.len() < 12 && found.notes.iter().all(|n| n.len() < 300 && !n.contains('\n')));
    if let Some(strip) = strip {
        let read_as = ReadAs { order: BitOrder::MsbFirst, rows: Some(page.height()), aligned: false };
        let (same, _) = decode(strip, Coding::Mmr, page.width(), read_as, page.resolution);
        assert!(same == *page, "a strip that is not its page");
    }
    if again && page.width() * page.height() <= MOST_PELS {
        CODINGS.iter().for_each(|coding| comes_back(page, &found.about, *coding));
    }
}

fn comes_back(page: &Page, about: &PageAbout, coding: Coding) {
    let mut writer = tiff::Writer::new(vec![], "b.tif", tiff::WriteOptions::new(coding));
    writer.page(page, about).expect("a page that was read can be written");
    let file = writer.finish().expect("memory takes it");
    let back = tiff::Reader::open(Cursor::new(file), "b.tif").and_then(|mut r| r.next_page().expect("a page")).expect("ours");
    assert!(back.page.rows().eq(page.rows()) && back.page.width() == page.width() && back.damage.bad_rows == 0, "{coding:?}");
    assert!(about.number.is_none() || back.about.number == about.number);
    assert_eq!((&back.about.name, &back.about.sender, back.about.date), (&about.name, &about.sender, about.date));
}

/// A file that is right but for the fields that the bytes choose.
fn chosen(bytes: &mut Bytes) -> Vec<u8> {
    let form = made::Form { little: bytes.bit(), big: bytes.byte().is_multiple_of(8) };
    let directories: Vec<made::Directory> = (0..1 + bytes.below(3)).map(|_| directory(bytes)).collect();
    let mut file = made::file(form, &directories);
    for _ in 0..bytes.below(4) {
        let at = bytes.long() as usize % file.len();
        file[at] = bytes.byte();
    }
    if bytes.byte().is_multiple_of(8) {
        file.truncate(bytes.long() as usize % (file.len() + 1));
    }
    file
}

fn directory(bytes: &mut Bytes) -> made::Directory {
    const TAGS: [u16; 24] =
        [254, 255, 256, 257, 258, 259, 262, 266, 269, 270, 273, 274, 277, 278, 279, 282, 283, 292, 293, 296, 297, 306, 326, 328];
    let page = made::drawn(1 + bytes.below(200), 1 + bytes.below(40), Resolution { x: 204, y: *bytes.of(&[98, 196]) });
    let mut directory = made::Directory::of(&page, *bytes.of(&CODINGS));
    for _ in 0..bytes.below(5) {
        let (tag, kind) = (*bytes.of(&TAGS), *bytes.of(&[1, 2, 3, 4, 5, 11, 12, 16]));
        let values: Vec<u64> = (0..bytes.below(5)).map(|_| value(bytes)).collect();
        directory = if bytes.byte().is_multiple_of(4) { directory.without(tag) } else { directory.with(tag, kind, &values) };
    }
    for _ in 0..bytes.below(4) {
        let strip = &mut directory.strips[0];
        let (at, value) = (usize::from(bytes.word()) % strip.len().max(1), bytes.byte());
        strip.iter_mut().skip(at).take(1).for_each(|b| *b = value);
    }
    if bytes.byte().is_multiple_of(4) {
        let more = bytes.below(200);
        directory.strips.push(bytes.take(more).to_vec());
    }
    directory
}

/// Mostly small, now and then anything.
fn value(bytes: &mut Bytes) -> u64 {
    match bytes.byte() % 4 {
        0 => u64::from(bytes.long()),
        1 => *bytes.of(&[0, 1, 2, 3, 4, 5, 32773, 1728, 65535, 100_000, u64::MAX]),
        _ => bytes.byte().into(),
    }
}

fn pictures(bytes: &[u8]) {
    let mut reader = pbm::Reader::new(bytes, "a.tif", None);
    for _ in 0..MOST_PAGES {
        let Some(page) = reader.next_page() else { return };
        match page {
            Err(why) => return said(&why),
            Ok(page) => {
                let mut again = vec![];
                pbm::write(&page, &mut again).expect("memory takes it");
                let back = pbm::Reader::new(&again[..], "b.pbm", Some(page.resolution)).next_page();
                assert!(back.is_some_and(|b| b.is_ok_and(|b| b == page)));
            }
        }
    }
}

fn bits(bytes: &mut Bytes) {
    let family = *bytes.of(&[Family::G3, Family::G4, Family::Known(Coding::Mr { k: 2 })]);
    let order = *bytes.of(&[None, Some(BitOrder::MsbFirst), Some(BitOrder::LsbFirst)]);
    let width = *bytes.of(&[1, 8, 63, 64, 65, 200, 1728, 4864]);
    match raw::read(bytes.rest(), "a.tif", &RawOptions { family, order, width, resolution: None }) {
        Err(why) => said(&why),
        Ok(found) => {
            assert!(found.page.width() == width && found.damage.bad_rows < found.damage.rows);
            held(&found, None, true);
        }
    }
}

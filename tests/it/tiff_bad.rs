//! Files of fax pages that lie: each ends in a sentence that names file, page and field, or in a page with its damage counted.

use crate::tiff_made::{self as made, CODINGS, Directory, Form, II};
use molink::fax::code::Coding;
use molink::fax::file::FilePage;
use molink::fax::raw::{Family, RawOptions};
use molink::fax::{pbm, raw, tiff};
use molink::paper::page::MOST_ROWS;
use std::io::Cursor;

/// The pages before the first error, and what it says.
fn read(bytes: &[u8]) -> (Vec<FilePage>, Option<String>) {
    let mut reader = match tiff::Reader::open(Cursor::new(bytes), "letter.tif") {
        Ok(reader) => reader,
        Err(why) => return (vec![], Some(why.to_string())),
    };
    let mut pages = vec![];
    while let Some(page) = reader.next_page() {
        match page {
            Ok(page) => pages.push(page),
            Err(why) => {
                assert!(reader.next_page().is_none(), "after an error there is nothing more");
                return (pages, Some(why.to_string()));
            }
        }
    }
    (pages, None)
}

pub fn right() -> Directory {
    Directory::of(&made::page(), Coding::Mmr)
}

/// Files that are no TIFF, or none to speak of, and what is said of each.
pub const NO_TIFF: [(&[u8], &str); 9] = [
    (b"", "letter.tif: is no TIFF: it has 0 bytes, and the head alone has 8"),
    (b"II\x2a\0\x08", "letter.tif: is no TIFF: it has 5 bytes"),
    (b"\x89PNG\r\n\x1a\n", "letter.tif: is no TIFF: it begins with 89 50, not with `II` or `MM`"),
    (b"II\x2c\0\x08\0\0\0", "letter.tif: is no TIFF: after `II` or `MM` stands 44, not 42"),
    (b"MM\0\x2a\0\0\0\0", "letter.tif: has no page: its head names no directory"),
    (b"II\x2a\0\xff\xff\xff\xff", "letter.tif page 1: its directory at 4294967295 lies beyond the end of the file (8 bytes)"),
    (b"II\x2a\0\x08\0\0\0\xff\xff", "letter.tif page 1: its directory at 8 has 65535 fields; at most 1024 are read"),
    (
        b"II\x2b\0\x08\0\0\0\x10\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
        "page 1: its directory at 16 has 18446744073709551615 fields",
    ),
    (
        b"II\x2a\0\x08\0\0\0\x02\0abc",
        "letter.tif page 1: its directory at 8 lies beyond the end of the file (13 bytes); the file is cut short",
    ),
];

#[test]
fn a_file_that_is_no_tiff_is_named_with_what_it_is() {
    for (bytes, says) in NO_TIFF {
        let (pages, error) = read(bytes);
        let error = error.unwrap_or_else(|| panic!("{says}"));
        assert!(pages.is_empty() && error.contains(says), "{error}\nshould say: {says}");
    }
}

/// Pages with a field that lies, and what is said of each.
pub fn lies() -> Vec<(Directory, &'static str)> {
    let long = u64::from(u32::MAX);
    vec![
        (right().with(made::WIDTH, 4, &[0]), "ImageWidth is 0; a page has pels"),
        (right().with(made::WIDTH, 4, &[4865]), "ImageWidth is 4865 pels; at most 4864 are read"),
        (right().with(made::WIDTH, 4, &[30_000]).with(made::LENGTH, 4, &[30_000]), "ImageWidth is 30000 pels"),
        (right().with(made::WIDTH, 4, &[long]), "ImageWidth is 4294967295 pels"),
        (right().without(made::WIDTH), "ImageWidth is missing"),
        (right().with(made::LENGTH, 4, &[0]), "ImageLength is 0; a page has rows"),
        (right().with(made::LENGTH, 4, &[100_001]), "ImageLength is 100001 rows; at most 100000 are read"),
        (right().with(made::LENGTH, 4, &[long]), "ImageLength is 4294967295 rows"),
        (right().without(made::LENGTH), "ImageLength is missing"),
        (right().with(made::LENGTH, 4, &[]), "ImageLength is missing"),
        (right().with(made::WIDTH, 5, &[100, 1]), "ImageWidth is of type 5, not a whole number"),
        (right().with(made::OFFSETS, 4, &[99_999]), "StripOffsets 99999 lies beyond the end of the file ("),
        (right().with(made::OFFSETS, 4, &[long]), "bytes); the file is cut short or damaged"),
        (right().with(made::OFFSETS, 4, &[0]), "StripOffsets 0 lies in the head of the file"),
        (right().without(made::OFFSETS), "StripOffsets is missing; there is no picture"),
        (right().with(made::OFFSETS, 4, &[]), "StripOffsets is missing"),
        (right().with(made::COUNTS, 2, &[1]), "StripByteCounts is of type 2"),
        (right().with(made::LENGTH, 4, &[61]).with(made::COUNTS, 4, &[70_000]), "StripByteCounts 70000 at"),
        (right().with(made::LENGTH, 4, &[61]).with(made::COUNTS, 4, &[long]), "and 1 of 61 rows are missing or bad; the file is cut short"),
        (right().with(258, 3, &[8]), "BitsPerSample is 8; a fax page has 1"),
        (right().with(258, 3, &[8, 8, 8]).with(277, 3, &[3]), "BitsPerSample is 8"),
        (right().with(277, 3, &[3]), "SamplesPerPixel is 3; a fax page has 1"),
        (right().with(made::PHOTOMETRIC, 3, &[2]), "PhotometricInterpretation is 2; a fax page has 0 or 1"),
        (right().with(made::FILL_ORDER, 3, &[3]), "FillOrder is 3; there are 1 and 2"),
        (right().with(322, 3, &[256]), "lies in tiles (TileOffsets)"),
        (right().with(made::COMPRESSION, 3, &[5]), "Compression is 5 (LZW); a fax page has 3 (T.4) or 4 (T.6)"),
        (right().with(made::COMPRESSION, 3, &[7]), "Compression is 7 (JPEG)"),
        (right().with(made::COMPRESSION, 3, &[8]), "Compression is 8 (deflate)"),
        (right().with(made::COMPRESSION, 3, &[34661]), "Compression is 34661 (JBIG)"),
        (right().with(made::COMPRESSION, 3, &[999]), "Compression is 999 (not known)"),
    ]
}

#[test]
fn a_field_that_lies_is_named_with_its_page_and_the_page_before_it_is_read() {
    for (second, says) in lies() {
        let (pages, error) = read(&made::file(II, &[right(), second]));
        let error = error.unwrap_or_else(|| panic!("{says}"));
        assert!(error.starts_with("letter.tif page 2: ") && error.contains(says), "{error}\nshould say: {says}");
        assert!(pages.len() == 1 && pages[0].page == made::page());
    }
}

#[test]
fn counts_of_values_are_bounded_and_held_against_the_files_length() {
    let mut bytes = made::file(II, &[right()]);
    let at = bytes.windows(4).position(|w| w == [0x11, 1, 4, 0]).unwrap();
    for (count, says) in [
        (2u32, "the 2 values of StripOffsets at 8 lie beyond"),
        (50_000, "the 50000 values of StripOffsets at 8 lie beyond the end of the file"),
        (100_001, "StripOffsets has 100001 values; at most 100000 are read"),
        (u32::MAX, "StripOffsets has 4294967295 values"),
    ] {
        bytes[at + 4..at + 8].copy_from_slice(&count.to_le_bytes());
        let (_, error) = read(&bytes);
        // Two values at 8 are there: the strip itself, taken for places.
        let error = error.unwrap();
        assert!(error.contains(says) || (count == 2 && error.contains("StripOffsets")), "{error}\nshould say: {says}");
    }
}

/// A file whose strips are all the whole of it.
pub fn again_and_again() -> Vec<u8> {
    let long = Directory::of(&made::drawn(100, 5_000, molink::paper::Resolution::FINE), Coding::Mh).with(made::ROWS, 4, &[1]);
    let many = long.with(made::OFFSETS, 4, &vec![8; 5_000]).with(made::COUNTS, 4, &vec![90_000; 5_000]);
    made::file(II, &[many])
}

#[test]
fn strips_that_are_the_whole_file_again_and_again_are_not_read() {
    let (_, error) = read(&again_and_again());
    let error = error.unwrap();
    assert!(error.starts_with("letter.tif page 1: StripByteCounts come to ") && error.contains("; the file is damaged"), "{error}");
}

/// A file whose second directory is its first.
pub fn circle() -> (Vec<u8>, u64) {
    let file = made::file(II, &[right()]);
    let at = u64::from(u32::from_le_bytes(file[4..8].try_into().unwrap()));
    let mut first = right();
    first.next = Some(at);
    (made::file(II, &[first]), at)
}

#[test]
fn directories_in_a_circle_and_files_without_a_page_are_named() {
    let (file, at) = circle();
    let (pages, error) = read(&file);
    assert_eq!(pages.len(), 1);
    assert_eq!(
        error.unwrap(),
        format!("letter.tif page 2: its directory at {at} is also directory 1 of the file, which goes round in a circle; it is damaged")
    );
    let (pages, error) = read(&made::file(II, &[right().with(254, 4, &[1])]));
    assert_eq!((pages.len(), error.as_deref()), (0, Some("letter.tif: has thumbnails and no page")));
}

#[test]
fn every_file_cut_short_anywhere_is_an_error_or_has_all_its_rows() {
    let page = made::page();
    for form in [II, Form { little: false, big: true }] {
        for coding in CODINGS {
            let whole = made::file(form, &[Directory::of(&page, coding), Directory::of(&page, coding)]);
            for end in 0..whole.len() {
                let (pages, error) = read(&whole[..end]);
                let error = error.unwrap_or_else(|| panic!("{form:?} {coding:?}: cut at {end} of {} and nothing is said", whole.len()));
                assert!(error.starts_with("letter.tif"), "{error}");
                assert!(pages.iter().all(|p| p.page == page && p.damage.bad_rows == 0), "{coding:?} cut at {end}");
            }
        }
    }
    let mut writer = tiff::Writer::new(vec![], "out.tif", tiff::WriteOptions::new(Coding::Mmr));
    (0..2).for_each(|_| writer.page(&page, &Default::default()).unwrap());
    let ours = writer.finish().unwrap();
    for end in 0..ours.len() - 1 {
        let (pages, error) = read(&ours[..end]);
        let whole = error.is_none() && pages.len() == 2 && pages.iter().all(|p| p.page == page);
        assert!(whole || error.is_some_and(|e| e.starts_with("letter.tif")), "cut at {end}");
    }
}

#[test]
fn every_byte_of_a_file_may_be_anything() {
    for form in [II, Form { little: false, big: false }, Form { little: true, big: true }] {
        let whole = made::file(form, &[right(), Directory::of(&made::page(), Coding::Mr { k: 2 })]);
        let mut ends = 0;
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                let (pages, error) = read(&bytes);
                assert!(pages.iter().all(|p| p.page.height() <= MOST_ROWS && p.damage.bad_rows <= p.page.height()));
                ends += usize::from(error.is_some());
            }
        }
        assert!(ends > 100, "{ends}");
    }
}

#[test]
fn the_longest_page_is_read_and_what_is_missing_of_it_is_white_and_counted() {
    let most = right().with(made::LENGTH, 4, &[100_000]).with(made::ROWS, 4, &[100_000]);
    let (pages, error) = read(&made::file(II, &[most]));
    assert_eq!(error, None);
    assert_eq!((pages[0].page.height(), pages[0].damage.rows, pages[0].damage.bad_rows), (100_000, 100_000, 99_940));
    assert!(pages[0].page.row(99_999).iter().all(|w| *w == 0));
}

#[test]
fn a_file_that_cannot_be_written_says_why() {
    let options = tiff::WriteOptions::new(Coding::Mmr);
    let none = tiff::Writer::new(vec![], "out.tif", options).finish().unwrap_err().to_string();
    assert_eq!(none, "out.tif: would have no page; a TIFF has at least one");
    let mut writer = tiff::Writer::new(vec![], "out.tif", options);
    let empty = molink::paper::Page::new(1728, molink::paper::Resolution::FINE);
    let said = writer.page(&empty, &Default::default()).unwrap_err().to_string();
    assert_eq!(said, "out.tif page 1: has no rows, and a file cannot say so; leave it out");
    let mut small = [0u8; 100];
    let mut writer = tiff::Writer::new(&mut small[..], "out.tif", options);
    writer.page(&made::page(), &Default::default()).unwrap();
    let said = writer.finish().unwrap_err().to_string();
    assert!(said.starts_with("out.tif page 1: cannot be written: "), "{said}");
}

#[test]
fn bad_pbm_and_raw_data_are_named() {
    for (bytes, says) in [
        (&b""[..], "a.pbm page 1: is empty (0 bytes)"),
        (b"P5\n1 1\n255\nx", "a.pbm page 1: is a picture in grey or colour (P5), not a PBM (P1, P4)"),
        (b"GIF89a", "a.pbm page 1: is no PBM: it begins with 47 49"),
        (b"P4", "a.pbm page 1: width: the file ends here"),
        (b"P4\n0 4\n", "a.pbm page 1: width is 0"),
        (b"P4\n4 0\n", "a.pbm page 1: height is 0"),
        (b"P4\n30000 30000\n", "a.pbm page 1: width is 30000; at most 4864 are read"),
        (b"P4\n8 999999999999\n", "a.pbm page 1: height is 999999999999; at most 100000 are read"),
        (b"P4\nx 4\n", "a.pbm page 1: width is no number"),
        (b"P4\n16 2\nabc", "a.pbm page 1: row 2 of 2: the file ends here; it is cut short"),
        (b"P1\n2 1\n1 7", "a.pbm page 1: row 1 of 1: there stands 37, not `0` or `1`"),
        (b"P1\n1 1\n1\nP4", "a.pbm page 2: width: the file ends here"),
    ] {
        let mut reader = pbm::Reader::new(bytes, "a.pbm", None);
        let error = std::iter::from_fn(|| reader.next_page()).find_map(Result::err).unwrap_or_else(|| panic!("{says}"));
        assert!(error.to_string().contains(says), "{error}\nshould say: {says}");
    }
    let ask = |bytes: &[u8], width| {
        let options = RawOptions { family: Family::G3, order: None, width, resolution: None };
        raw::read(bytes, "a.g3", &options).map(|p| p.damage).unwrap_err().to_string()
    };
    assert_eq!(ask(b"", 1728), "a.g3: is empty (0 bytes)");
    assert_eq!(ask(b"x", 0), "a.g3: a page of 0 pels a row; 1 to 4864 are read");
    assert!(ask(b"\0\0\0\0", 1728).contains("has no row of 1728 pels that can be read"));
}

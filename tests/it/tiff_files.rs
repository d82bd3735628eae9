//! Files of fax pages: foreign ones are read, ours come back, what is odd is made good and said.

use crate::tiff_made::{self as made, CODINGS, Directory, Form, II, ORDERS};
use molink::fax::code::{BitOrder, Coding, Damage, Layout, encode};
use molink::fax::file::{FilePage, PageAbout};
use molink::fax::raw::{Family, RawOptions};
use molink::fax::{pbm, raw, tiff};
use molink::paper::{Page, Resolution};
use std::io::Cursor;
use std::path::{Path, PathBuf};

fn read(bytes: &[u8]) -> Vec<FilePage> {
    let mut reader = tiff::Reader::open(Cursor::new(bytes), "a.tif").unwrap();
    let expected = reader.pages().unwrap();
    let pages: Vec<FilePage> = std::iter::from_fn(|| reader.next_page()).map(Result::unwrap).collect();
    assert_eq!(pages.len(), expected);
    pages
}
fn only(bytes: &[u8]) -> FilePage {
    let mut pages = read(bytes);
    assert_eq!(pages.len(), 1);
    pages.remove(0)
}
/// What is noted of a page that is read without loss.
fn notes(directory: Directory) -> String {
    let found = only(&made::file(II, &[directory]));
    assert!(found.page == made::page(), "{:?} {:?}", found.damage, found.notes);
    assert_eq!(found.damage.bad_rows, 0);
    found.notes.join("; ")
}
fn written(pages: &[(Page, PageAbout)], options: tiff::WriteOptions) -> Vec<u8> {
    let mut writer = tiff::Writer::new(vec![], "out.tif", options);
    pages.iter().for_each(|(page, about)| writer.page(page, about).unwrap());
    writer.finish().unwrap()
}

#[test]
fn files_of_other_programs_are_read_pel_for_pel() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tiff");
    let original = std::fs::read(folder.join("page.pbm")).unwrap();
    let original = pbm::Reader::new(&original[..], "page.pbm", Some(Resolution::FINE)).next_page().unwrap().unwrap();
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "tif"));
    assert_eq!(files.len(), 11);
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let pages = read(&std::fs::read(&file).unwrap());
        assert_eq!(pages.len(), if name.contains("two-pages") { 2 } else { 1 }, "{name}");
        for found in pages {
            assert_eq!((found.damage.bad_rows, found.notes.len()), (0, 0), "{name}: {:?}", found.notes);
            assert_eq!((found.page.width(), found.page.resolution), (460, Resolution::FINE), "{name}");
            assert!(found.page.rows().zip(original.rows()).all(|(a, b)| a == b), "{name}");
            assert_eq!(found.page.height(), if name.starts_with("fax2tiff") { 48 + 6 } else { 48 }, "{name}");
        }
    }
}

#[test]
fn a_page_reads_the_same_in_every_byte_order_bit_order_photometric_and_coding() {
    let page = made::page();
    let mut negative = Page::new(page.width(), page.resolution);
    page.rows().for_each(|row| negative.push(&row.iter().map(|w| !w).collect::<Vec<_>>()));
    for (little, big) in [(true, false), (false, false), (true, true), (false, true)] {
        for (photometric, inside) in [(0, &page), (1, &negative)] {
            for coding in CODINGS {
                let plain = Directory::of(inside, coding).with(made::PHOTOMETRIC, 3, &[photometric]);
                let turned = plain.clone().turned().with(made::FILL_ORDER, 3, &[2]);
                for directory in [plain, turned] {
                    let found = only(&made::file(Form { little, big }, &[directory]));
                    assert!(found.page == page, "{little} {big} {photometric} {coding:?}");
                    assert_eq!((found.damage.bad_rows, found.notes.len()), (0, 0));
                }
            }
        }
    }
}

#[test]
fn strips_are_streams_of_their_own_and_their_rows_need_not_be_told_rightly() {
    let page = made::page();
    let part = |from: usize, to: usize| {
        let mut part = Page::new(page.width(), page.resolution);
        (from..to).for_each(|y| part.push(page.row(y)));
        part
    };
    for coding in CODINGS {
        let layout = Layout { eol: true, end: true, ..Layout::default() };
        let strips: Vec<Vec<u8>> = [(0, 25), (25, 50), (50, 60)].iter().map(|(a, b)| encode(&part(*a, *b), coding, layout)).collect();
        let directory = Directory::of(&page, coding).strips(strips).with(made::ROWS, 4, &[25]);
        assert_eq!(notes(directory.clone()), "");
        let missing = notes(directory.clone().without(made::COUNTS));
        assert_eq!(missing, "StripByteCounts is missing; each strip is read up to the next one or the file's end");
        let missing = notes(directory.with(made::COUNTS, 4, &[0, 0, 0]));
        assert!(missing.contains("StripByteCounts"), "{missing}");
        // Two equal strips without RowsPerStrip, and with a wrong one.
        let halves = vec![encode(&part(0, 30), coding, layout), encode(&part(30, 60), coding, layout)];
        let directory = Directory::of(&page, coding).strips(halves);
        assert_eq!(
            notes(directory.clone().without(made::ROWS)),
            "RowsPerStrip is missing with 2 strips and 60 rows; 30 rows are taken for each"
        );
        assert!(notes(directory.with(made::ROWS, 4, &[7])).starts_with("RowsPerStrip is 7 with 2 strips"));
        // Of one strip it does not matter what is said.
        for rows in [0, 60, 61, u64::from(u32::MAX)] {
            assert_eq!(notes(Directory::of(&page, coding).with(made::ROWS, 4, &[rows])), "", "{rows}");
        }
        assert_eq!(notes(Directory::of(&page, coding).without(made::ROWS)), "");
    }
}

#[test]
fn pages_that_are_not_coded_or_in_packbits_or_without_ends_of_line_are_read() {
    let page = made::page();
    let bytes = made::packed(&page);
    // TIFF 6.0 section 9: runs of one, as they are, and one that repeats.
    let mut packbits: Vec<u8> = bytes.chunks(100).flat_map(|c| [&[c.len() as u8 - 1][..], c].concat()).collect();
    packbits.splice(0..0, [128]);
    let rle = encode(&page, Coding::Mh, Layout { aligned: true, ..Layout::default() });
    for (compression, strip) in [(1, bytes.clone()), (32773, packbits), (2, rle)] {
        let directory = Directory::of(&page, Coding::Mh).with(made::COMPRESSION, 3, &[compression]).strips(vec![strip]);
        assert_eq!(notes(directory.clone()), "", "{compression}");
        assert_eq!(notes(directory.turned().with(made::FILL_ORDER, 3, &[2])), "", "{compression}");
    }
    let black = Directory::of(&Page::white(64, 20, Resolution::FINE), Coding::Mh).with(made::COMPRESSION, 3, &[32773]);
    let found =
        only(&made::file(II, &[black.strips(vec![vec![257u16.wrapping_sub(100) as u8, 0xff, 257u16.wrapping_sub(60) as u8, 0x0f]])]));
    assert!(found.page.row(11) == [!0] && found.page.row(19) == [0x0f0f_0f0f_0f0f_0f0f], "{:x?}", found.page.row(12));
}

#[test]
fn wrong_tags_of_the_coding_are_found_out_and_said() {
    let page = made::page();
    for coding in CODINGS {
        assert_eq!(notes(Directory::of(&page, coding).turned()), "FillOrder is wrong; the bits were read the other way round");
    }
    let said = notes(Directory::of(&page, Coding::Mh).with(made::T4_OPTIONS, 4, &[1]));
    assert_eq!(said, "T4Options is wrong; the rows are one-dimensional");
    let said = notes(Directory::of(&page, Coding::Mr { k: 4 }).without(made::T4_OPTIONS));
    assert_eq!(said, "T4Options is wrong; the rows are two-dimensional");
    let said = notes(Directory::of(&page, Coding::Mmr).without(made::PHOTOMETRIC));
    assert_eq!(said, "PhotometricInterpretation is missing; 0 is taken for white");
    let found = only(&made::file(II, &[Directory::of(&page, Coding::Mmr).with(made::COUNTS, 4, &[1_000_000])]));
    assert!(found.page == page && found.notes[0].ends_with("all rows are there"), "{:?}", found.notes);
}

#[test]
fn resolutions_are_read_in_every_unit_and_doubted_where_they_cannot_be() {
    let page = made::drawn(1728, 1143, Resolution::STANDARD);
    let read = |x: &[u64], y: &[u64], unit: Option<u64>| {
        let mut directory =
            Directory::of(&page, Coding::Mmr).with(made::X_RESOLUTION, 5, x).with(made::Y_RESOLUTION, if y.len() == 2 { 5 } else { 3 }, y);
        if let Some(unit) = unit {
            directory = directory.with(made::UNIT, 3, &[unit]);
        }
        let found = only(&made::file(II, &[directory]));
        (found.page.resolution, found.notes.join("; "))
    };
    for (x, y, unit, note) in [
        (&[204, 1][..], &[98, 1][..], None, ""),
        (&[204, 1], &[98], Some(2), ""),
        (&[8000, 100], &[385, 10], Some(3), ""),
        (&[72, 1], &[72, 1], Some(2), "resolution 72 x 72 cannot be that of a page of this width; taken as 204 x 98"),
        (&[98, 1], &[204, 1], Some(2), "resolution 98 x 204 is the wrong way round; taken as 204 x 98"),
        (&[0, 0], &[0, 0], Some(2), "resolution none x none says nothing; taken as 204 x 98"),
        (&[204, 1], &[98, 1], Some(1), "resolution 204 x 98 has no unit; taken as 204 x 98"),
    ] {
        assert_eq!(read(x, y, unit), (Resolution::STANDARD, note.to_owned()), "{x:?} {y:?} {unit:?}");
    }
    let bare = Directory::of(&page, Coding::Mmr).without(made::X_RESOLUTION).without(made::Y_RESOLUTION);
    assert_eq!(only(&made::file(II, &[bare])).page.resolution, Resolution::STANDARD);
}

#[test]
fn thumbnails_and_masks_are_passed_over_and_a_page_on_its_side_is_set_upright() {
    let page = made::page();
    let small = Directory::of(&Page::white(10, 6, Resolution::FINE), Coding::Mmr);
    let directories = [
        small.clone().with(254, 4, &[1]),
        Directory::of(&page, Coding::Mmr),
        small.clone().with(255, 3, &[2]),
        small.with(254, 4, &[4]),
        Directory::of(&page, Coding::Mh).with(254, 4, &[2]).with(made::ORIENTATION, 3, &[6]),
    ];
    let found = read(&made::file(II, &directories));
    assert_eq!(found.iter().map(|f| f.number).collect::<Vec<_>>(), [1, 2]);
    assert!(found[0].page == page);
    let turned = &found[1].page;
    assert_eq!((turned.width(), turned.height(), turned.resolution), (60, 100, Resolution { x: 196, y: 204 }));
    assert!((0..100).all(|y| (0..60).all(|x| turned.black(x, y) == page.black(y, 59 - x))));
}

fn about() -> PageAbout {
    PageAbout {
        number: Some((2, 7)),
        name: Some("note 41".into()),
        description: Some("a letter, two pages".into()),
        sender: Some("+7 495 000 00 00".into()),
        software: Some("molink".into()),
        date: Some("1963-08-30T16:00:00Z".parse().unwrap()),
        received: Some(Damage { rows: 60, bad_rows: 7, longest_bad_run: 3, ..Damage::default() }),
    }
}

#[test]
fn what_is_written_comes_back_with_all_that_is_told_of_it_and_the_same_input_gives_the_same_bytes() {
    for coding in CODINGS {
        for order in ORDERS {
            let pages = [(made::page(), about()), (made::drawn(1728, 30, Resolution::STANDARD), PageAbout::default())];
            let options = tiff::WriteOptions { coding, order, pages: 2 };
            let bytes = written(&pages, options);
            assert!(bytes == written(&pages, options));
            let found = read(&bytes);
            assert_eq!((found[0].coding, &found[0].about, &found[0].notes), (Some(coding_at(coding, 4)), &about(), &vec![]));
            assert_eq!(found[1].about, PageAbout { number: Some((2, 2)), ..PageAbout::default() });
            assert_eq!(found[1].coding, Some(coding_at(coding, 2)));
            assert!(found.iter().zip(&pages).all(|(f, (page, _))| f.page == *page && f.damage.bad_rows == 0));
        }
    }
}
/// MR's `k` is not in a file; a reader says that of T.4 for the resolution.
fn coding_at(coding: Coding, k: u32) -> Coding {
    if matches!(coding, Coding::Mr { .. }) { Coding::Mr { k } } else { coding }
}

/// RFC 2301 profile S and its advice for the order of things: `II`, the first directory at 8, each directory before its strip, all even.
#[test]
fn a_file_of_ours_lies_as_the_standard_advises_and_ends_with_its_last_strip() {
    let pages = [(made::page(), about()), (made::page(), about()), (made::page(), PageAbout::default())];
    let bytes = written(&pages, tiff::WriteOptions::new(Coding::Mh));
    assert_eq!(bytes[..8], *b"II\x2a\0\x08\0\0\0");
    let long = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let short = |at: usize| u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap());
    let (mut directory, mut count) = (8, 0);
    while directory != 0 {
        let entries: Vec<(u16, usize)> =
            (0..short(directory).into()).map(|n: usize| (short(directory + 2 + 12 * n), directory + 10 + 12 * n)).collect();
        assert!(entries.is_sorted_by(|a, b| a.0 < b.0) && directory % 2 == 0, "{entries:?}");
        let value = |tag: u16| entries.iter().find(|e| e.0 == tag).map(|e| long(e.1)).unwrap();
        let (strip, length) = (value(made::OFFSETS), value(made::COUNTS));
        assert!(strip > directory + 2 + 12 * entries.len() + 4);
        assert_eq!((value(made::FILL_ORDER), value(made::T4_OPTIONS), value(made::COMPRESSION), value(254)), (2, 4, 3, 2));
        assert_eq!((value(made::ROWS), value(made::PHOTOMETRIC), value(made::UNIT)), (60, 0, 2));
        directory = long(directory + 2 + 12 * entries.len());
        let end = (strip + length).next_multiple_of(2);
        assert_eq!(end, if directory == 0 { bytes.len() } else { directory });
        count += 1;
    }
    assert_eq!(count, 3);
}

#[test]
fn damage_in_a_strip_is_counted_and_the_page_keeps_its_height() {
    let page = made::drawn(1728, 400, Resolution::FINE);
    for coding in CODINGS {
        let mut directory = Directory::of(&page, coding);
        let middle = directory.strips[0].len() / 2;
        directory.strips[0][middle] ^= 0x10;
        let found = only(&made::file(II, &[directory]));
        let same = found.page.rows().zip(page.rows()).filter(|(a, b)| a == b).count();
        assert_eq!((found.page.height(), found.damage.rows), (400, 400));
        assert!(found.damage.bad_rows > 0 || same > 390, "{coding:?}: {:?}, {same} rows the same", found.damage);
        assert!(same > if coding == Coding::Mmr { 150 } else { 390 }, "{coding:?}: {same}");
    }
}

#[test]
fn a_t6_strip_is_handed_on_only_if_it_may_be_used_as_it_is() {
    let page = made::page();
    let strip = |directory: Directory| {
        let file = made::file(II, &[directory]);
        let mut reader = tiff::Reader::open(Cursor::new(file), "a.tif").unwrap();
        assert_eq!(reader.t6_strip().unwrap(), None);
        reader.next_page().unwrap().unwrap();
        reader.t6_strip().unwrap()
    };
    let right = Directory::of(&page, Coding::Mmr);
    let bits = encode(&page, Coding::Mmr, Layout { end: true, ..Layout::default() });
    assert_eq!(strip(right.clone()), Some(bits.clone()));
    assert_eq!(strip(right.clone().turned().with(made::FILL_ORDER, 3, &[2])), Some(bits.clone()));
    assert_eq!(strip(right.clone().turned()), Some(bits), "the order is wrong, and was found out");
    let mut damaged = right.clone();
    damaged.strips[0][40] ^= 4;
    for wrong in [
        Directory::of(&page, Coding::Mh),
        right.clone().with(made::PHOTOMETRIC, 3, &[1]),
        right.clone().with(made::ORIENTATION, 3, &[3]),
        right.clone().with(made::LENGTH, 4, &[70]),
        damaged,
    ] {
        assert_eq!(strip(wrong), None);
    }
}

#[test]
fn a_pbm_stream_is_read_picture_by_picture_packed_or_in_digits() {
    let page = made::page();
    let mut stream = vec![];
    pbm::write(&page, &mut stream).unwrap();
    assert!(stream.starts_with(b"P4\n100 60\n") && stream.len() == 10 + 13 * 60);
    stream.extend(b"P1 # made by hand\n# width and height\n3 2\n1 0 1\n011 \n");
    pbm::write(&page, &mut stream).unwrap();
    let mut reader = pbm::Reader::new(&stream[..], "a.pbm", Some(Resolution::FINE));
    let pages: Vec<Page> = std::iter::from_fn(|| reader.next_page()).map(Result::unwrap).collect();
    assert!(pages.len() == 3 && pages[0] == page && pages[2] == page);
    assert_eq!((pages[1].row(0), pages[1].row(1)), (&[0b101 << 61][..], &[0b011 << 61][..]));
}

#[test]
fn raw_data_is_read_whatever_its_coding_and_order() {
    let page = made::drawn(1728, 200, Resolution::FINE);
    let ask = |family, order| RawOptions { family, order, width: 1728, resolution: Some(Resolution::FINE) };
    for coding in CODINGS {
        let mut bits = vec![];
        raw::write(&page, coding, &mut bits).unwrap();
        let turned: Vec<u8> = bits.iter().map(|b| b.reverse_bits()).collect();
        let family = if coding == Coding::Mmr { Family::G4 } else { Family::G3 };
        for (bytes, order) in [(&bits, BitOrder::MsbFirst), (&turned, BitOrder::LsbFirst)] {
            for options in [ask(family, None), ask(Family::Known(coding), Some(order))] {
                let found = raw::read(&bytes[..], "a.g3", &options).unwrap();
                assert!(found.page == page, "{coding:?} {order:?}");
                assert_eq!((found.coding.map(|c| coding_at(c, 4)), found.damage.bad_rows), (Some(coding), 0));
            }
        }
    }
}

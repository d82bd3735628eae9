//! Fax pages as they come out: their size in millimetres, their margins, what is in them; read back by another program.

use crate::support::peer;
use molink::paper::chart::{EXHIBITS, PAGES, chart};
use molink::paper::{Dither, Form, Grey, Letter, Page, Resolution, Width, draw, header, mix, picture, square, typeset};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::process::Command;

const RESOLUTIONS: [Resolution; 3] = [Resolution::STANDARD, Resolution::FINE, Resolution::SUPERFINE];

fn a4(resolution: Resolution) -> Form {
    Form { width: Width::A4, resolution }
}

/// The black on a page, in tenths of a millimetre: left, top, right, foot.
fn ink(page: &Page) -> [usize; 4] {
    let pels = |x: usize| x * 254 / usize::from(page.resolution.x);
    let rows = |y: usize| y * 254 / usize::from(page.resolution.y);
    let (mut left, mut right, mut top, mut foot) = (page.width(), 0, page.height(), 0);
    for (y, row) in page.rows().enumerate() {
        let first = row.iter().position(|w| *w != 0).map(|n| n * 64 + row[n].leading_zeros() as usize);
        let last = row.iter().rposition(|w| *w != 0).map(|n| n * 64 + 64 - row[n].trailing_zeros() as usize);
        if let (Some(first), Some(last)) = (first, last) {
            (left, right, top, foot) = (left.min(first), right.max(last), top.min(y), y + 1);
        }
    }
    [pels(left), rows(top), pels(right), rows(foot)]
}

fn black(page: &Page) -> usize {
    page.rows().flatten().map(|word| word.count_ones() as usize).sum()
}

#[test]
fn a_page_is_a_sheet_and_its_edges_are_white_at_every_resolution() {
    let text = "Жы@#█_|/ ".repeat(3000);
    for (resolution, rows) in RESOLUTIONS.into_iter().zip([1146, 2292, 4572]) {
        let pages = typeset(&text, &a4(resolution)).unwrap();
        assert!(pages.len() > 5);
        for page in pages.iter().take(2) {
            assert_eq!((page.width(), page.height()), (1728, rows));
            let [left, top, right, foot] = ink(page);
            // 25 pels are 3.1 mm; the sheet lies from 2.5 to 212.6 mm of the row.
            assert!(left >= 200 && right <= 2025 && top >= 230 && foot <= 2800, "{:?}", ink(page));
        }
    }
}

#[test]
fn a_letter_stands_in_the_same_place_whatever_the_resolution() {
    let places = RESOLUTIONS.map(|r| ink(&typeset("Hg\nmiddle\nЩЩ", &a4(r)).unwrap()[0]));
    for place in &places[1..] {
        assert!(place.iter().zip(places[0]).all(|(a, b)| a.abs_diff(b) <= 4), "{places:?}");
    }
    // Ten characters and six lines to the inch.
    let at = |text: &str| ink(&typeset(text, &a4(Resolution::SUPERFINE)).unwrap()[0]);
    assert_eq!(at(&format!("{}H", " ".repeat(60)))[0] - at("H")[0], 60 * 254 / 10);
    assert!((at(&format!("{}H", "\n".repeat(30)))[1] - at("H")[1]).abs_diff(30 * 254 / 6) <= 1);
}

#[test]
fn twelve_characters_to_the_inch_are_taken_where_that_keeps_lines_whole() {
    let of = |columns: usize| Letter::of(&"x".repeat(columns), &a4(Resolution::FINE)).unwrap();
    assert_eq!([70, 71, 84, 85].map(|n| (of(n).pitch(), of(n).lines(0).len())), [(10, 1), (12, 1), (12, 1), (10, 2)]);
    for columns in [70, 84] {
        let pages: Vec<Page> = of(columns).pages().unwrap().collect();
        assert!(ink(&pages[0])[2] <= 2025, "{:?}", ink(&pages[0]));
    }
}

#[test]
fn what_the_font_lacks_is_a_box_and_is_told() {
    let letter = Letter::of("sun \u{2600}, moon \u{4e00}\u{1f319} and \x07", &a4(Resolution::FINE)).unwrap();
    assert_eq!(letter.missing(), ['\u{2600}', '\u{4e00}', '\u{1f319}']);
    let notes = letter.notes().join("; ");
    assert!(notes.contains("3 characters") && notes.contains("1 control") && notes.contains("U+0007"), "{notes}");
    assert!(Letter::of("Plain. «Простой» № 5 — …", &a4(Resolution::FINE)).unwrap().notes().is_empty());
    assert_ne!(typeset("\u{4e00}", &a4(Resolution::FINE)).unwrap(), typeset("", &a4(Resolution::FINE)).unwrap());
}

fn grey(width: usize, height: usize, dpi: Option<(f32, f32)>, of: impl Fn(usize, usize) -> u8) -> Grey {
    Grey { width, height, pels: (0..width * height).map(|n| of(n % width, n / width)).collect(), dpi }
}

#[test]
fn a_square_in_a_picture_is_square_on_paper() {
    let square = |x: usize, y: usize| if (100..300).contains(&x) && (100..300).contains(&y) { 0 } else { 255 };
    // 200 pels are 84.6 mm at 60 an inch, and 25.4 mm at 200; the last has rows half as many.
    let cases = [(grey(400, 400, None, square), 847), (grey(400, 400, Some((200.0, 200.0)), square), 254)];
    let flat = grey(400, 200, Some((200.0, 100.0)), |x, y| square(x, 2 * y));
    for (picture, side) in cases.into_iter().chain([(flat, 254)]) {
        for resolution in RESOLUTIONS {
            for dither in [Dither::Auto, Dither::Ordered] {
                let [left, top, right, foot] = ink(&draw(&picture, &a4(resolution), dither).unwrap());
                assert!(
                    (right - left).abs_diff(side) <= 4 && (foot - top).abs_diff(side) <= 6,
                    "{:?} {dither:?}",
                    (left, top, right, foot)
                );
            }
        }
    }
}

#[test]
#[ignore = "seconds in a debug build: run through tests/run"]
fn a_picture_as_large_as_the_sheet_fills_it_and_no_more() {
    for (width, height) in [(2480, 3508), (4000, 3000), (300, 5000), (1, 60_000), (60_000, 1), (1, 1), (3000, 7)] {
        for dpi in [None, Some((300.0, 300.0))] {
            let page = draw(&grey(width, height, dpi, |_, _| 0), &a4(Resolution::FINE), Dither::None).unwrap();
            assert_eq!((page.width(), page.height()), (1728, 2292));
            let [left, top, right, foot] = ink(&page);
            assert!(black(&page) > 0 && right <= 2151 && foot <= 2970, "{width} x {height}: {:?}", ink(&page));
            if dpi.is_none() {
                assert!(left >= 30 && top >= 30 && right <= 2122 && foot <= 2940, "{width} x {height}: {:?}", ink(&page));
            }
            if width == 2480 {
                assert!(right - left >= 2050 && foot - top >= 2900, "{:?}", ink(&page));
            }
        }
    }
}

#[test]
#[ignore = "seconds in a debug build: run through tests/run"]
fn a_photograph_keeps_its_mean_and_nothing_to_draw_is_an_error() {
    let wave = |at: usize, long: usize| (at % long).abs_diff(long / 2) * 120 / long;
    let of = |x: usize, y: usize| (50 + wave(x + y / 3, 80) + wave(y, 130)) as u8 + (mix((y * 1000 + x) as u64) % 30) as u8;
    let picture = grey(900, 1200, None, of);
    let mean = picture.pels.iter().map(|v| 255 - usize::from(*v)).sum::<usize>() / picture.pels.len();
    for resolution in RESOLUTIONS {
        let page = draw(&picture, &a4(resolution), Dither::Auto).unwrap();
        let pels = 1678 * (1678 * usize::from(resolution.y) * 4 / 3 / 204);
        // Light is averaged as light, and the scale of greys is stretched a little: within 12 of 255.
        let of = black(&page) * 255 / pels;
        assert!(of.abs_diff(mean) <= 12, "{of}, should be {mean}");
    }
    for broken in [grey(0, 0, None, |_, _| 0), grey(3, 0, None, |_, _| 0), Grey { width: 5, height: 5, pels: vec![0; 24], dpi: None }] {
        assert!(draw(&broken, &a4(Resolution::FINE), Dither::Auto).is_err());
    }
    let odd = Form { width: Width::A4, resolution: Resolution { x: 72, y: 72 } };
    assert!(draw(&picture, &odd, Dither::Auto).unwrap_err().contains("`72`"));
    assert!(typeset("x", &odd).is_err() && chart("text", &odd).is_err());
}

#[test]
fn the_chart_is_the_same_pel_for_pel_everywhere() {
    let mut sums = String::new();
    let fine = PAGES.iter().map(|name| (*name, "fine", Resolution::FINE));
    let others = [("chart", "standard", Resolution::STANDARD), ("text", "superfine", Resolution::SUPERFINE)];
    let beside = EXHIBITS.iter().flat_map(|name| [(*name, "fine", Resolution::FINE), (*name, "standard", Resolution::STANDARD)]);
    for (name, at, resolution) in fine.chain(others).chain(beside) {
        let mut page = chart(name, &a4(resolution)).unwrap();
        assert_eq!(page.height(), a4(resolution).rows(), "{name}");
        assert!((black(&page) == 0) == (name == "blank"), "{name}");
        if name == "text" {
            header(&mut page, "1963-08-30\tWASHINGTON\tPAGE 1 OF 1");
        }
        let mut packed = vec![];
        (0..page.height()).for_each(|y| page.pack(y, &mut packed));
        let sum: String = Sha256::digest(&packed).iter().take(16).map(|b| format!("{b:02x}")).collect();
        sums += &format!("{sum} {name} {at}\n");
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/pages/chart.sums");
    if std::env::var_os("MOLINK_RENEW").is_some() {
        std::fs::write(&path, &sums).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(sums, committed, "a page changed; if it was meant to, look at it, then MOLINK_RENEW=1 cargo test --test it fax_pages::");
    assert!(chart("nothing", &a4(Resolution::FINE)).unwrap_err().contains("halftone"));
}

/// A word as compared: quotation marks and dots as a reader may take them, small letters (the type's l is taken for L).
fn words(text: &str) -> Vec<String> {
    let plain = text.replace(['‘', '’'], "'").replace(['“', '”', '„'], "\"").replace('…', "...").to_lowercase();
    plain.split_whitespace().filter(|w| !w.starts_with("__") && !w.starts_with("——")).map(str::to_owned).collect()
}

/// How many words of one are in the other, in order.
fn common(a: &[String], b: &[String]) -> usize {
    let mut row = vec![0; b.len() + 1];
    for word in a {
        let mut corner = 0;
        for (n, other) in b.iter().enumerate() {
            let own = if word == other { corner + 1 } else { row[n + 1].max(row[n]) };
            corner = std::mem::replace(&mut row[n + 1], own);
        }
    }
    row[b.len()]
}

fn read(file: &[u8], language: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("page.png");
    std::fs::write(&path, file).unwrap();
    let mut tesseract = Command::new(peer("tesseract", "tesseract-ocr tesseract-ocr-rus"));
    let done = tesseract.arg(&path).args(["-", "-l", language, "--psm", "6"]).env("OMP_THREAD_LIMIT", "1").output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    words(&String::from_utf8_lossy(&done.stdout))
}

#[test]
#[ignore = "peer: run through tests/run"]
fn another_program_reads_the_words_of_a_fine_page_in_both_languages() {
    for (name, language, least) in [("text", "eng", 99), ("cyrillic", "rus", 97)] {
        let written = words(molink::paper::chart::text(name).unwrap());
        let seen = read(&square(&chart(name, &a4(Resolution::FINE)).unwrap()).unwrap(), language);
        let same = common(&written, &seen);
        println!("{name}: {same} of {} words", written.len());
        assert!(same * 100 >= written.len() * least, "{name}: {same} of {}: {seen:?}", written.len());
    }
}

#[test]
#[ignore = "peer: run through tests/run"]
fn a_letter_scanned_in_bad_light_is_read_after_it_was_drawn() {
    let page = chart("text", &Form { width: Width::A4, resolution: Resolution { x: 300, y: 300 } }).unwrap();
    // Soft edges, grain, and light that falls off to half towards the foot.
    let at = |x: usize, y: usize| usize::from(!page.black(x.min(page.width() - 1), y.min(page.height() - 1)));
    let scan = grey(page.width(), page.height(), Some((300.0, 300.0)), |x, y| {
        let white = at(x, y) * 2 + at(x + 1, y) + at(x, y + 1);
        let light = 245 - y * 120 / page.height();
        (light * (20 + 20 * white) / 100) as u8 - (mix((y * 5000 + x) as u64) % 12) as u8
    });
    let drawn = draw(&scan, &a4(Resolution::FINE), Dither::Auto).unwrap();
    let (written, seen) = (words(molink::paper::chart::text("text").unwrap()), read(&square(&drawn).unwrap(), "eng"));
    let same = common(&written, &seen);
    println!("{same} of {} words", written.len());
    assert!(same * 100 >= written.len() * 99, "{same} of {}: {seen:?}", written.len());
}

#[test]
fn a_picture_file_becomes_a_page() {
    let file = std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/pages/grey.jpg")).unwrap();
    let page = draw(&picture(&file, "grey.jpg").unwrap(), &a4(Resolution::FINE), Dither::Auto).unwrap();
    // 64 pels of 200 and 48 of 100 to the inch, the uppermost white.
    let [left, top, right, foot] = ink(&page);
    assert!((right - left).abs_diff(81) <= 4 && (105..=123).contains(&(foot - top)), "{:?}", ink(&page));
}

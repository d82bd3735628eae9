//! PDFs as fax pages: fax images are taken as they are in every way PDF can say them, and everything else is drawn at its true size.

use crate::convert_bad::pdf;
use molink::fax::code::{Coding, Layout, encode};
use molink::fax::pdf::{Drawn, File};
use molink::paper::{Dither, Form, Page, Resolution, Width, draw};

fn form(resolution: Resolution) -> Form {
    Form::new(Width::A4, resolution).unwrap()
}

/// Slanted strokes, each row of its own.
fn strokes(height: usize) -> Page {
    let mut page = Page::new(1728, Resolution::FINE);
    for y in 0..height {
        let row: Vec<u64> = (0..page.stride()).map(|n| 0xff00 << ((y + n) % 40) | ((y * 31 + n) as u64) << 3).collect();
        page.push(&row);
    }
    page
}

/// A document of one page: its entries, its content, an image's dictionary and code.
fn document(entries: &str, content: &str, image: &str, code: &[u8]) -> Vec<u8> {
    let stream =
        |dict: &str, data: &[u8]| [format!("<<{dict} /Length {}>>\nstream\n", data.len()).as_bytes(), data, b"\nendstream"].concat();
    pdf(&[
        b"<</Type/Catalog /Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages /Kids[3 0 R] /Count 1>>".to_vec(),
        format!("<</Type/Page /Parent 2 0 R /Contents 4 0 R /Resources<</XObject<</I 5 0 R>>>> {entries}>>").into_bytes(),
        stream("", content.as_bytes()),
        stream(&format!("/Type/XObject /Subtype/Image {image}"), code),
    ])
}

fn page_of(bytes: Vec<u8>, resolution: Resolution) -> Drawn {
    File::open(bytes).unwrap().page(0, &form(resolution)).unwrap()
}

const BOX: &str = "/MediaBox[0 0 609.88 367.34]";
const DRAW: &str = "q 609.88 0 0 367.34 0 0 cm /I Do Q";
const PLAIN: &str = "/Width 1728 /Height 1000 /BitsPerComponent 1 /Filter/CCITTFaxDecode";

fn scan(drawn: Drawn) -> Option<Page> {
    match drawn {
        Drawn::Scan { rows, damage, .. } => (damage.bad_rows == 0).then_some(rows),
        Drawn::Grey { .. } => None,
    }
}

#[test]
fn a_fax_image_that_is_the_page_comes_back_pel_for_pel() {
    let page = strokes(1000);
    let coded = |coding: Coding, aligned: bool, eol: bool| encode(&page, coding, Layout { aligned, eol, end: true, ..Layout::default() });
    let (mmr, mh) = (coded(Coding::Mmr, false, false), coded(Coding::Mh, false, true));
    for (what, image, code) in [
        ("T.6", "/ColorSpace/DeviceGray /DecodeParms<</K -1 /Columns 1728 /Rows 1000>>", &mmr),
        ("T.6 without rows, in lists", "/ColorSpace/DeviceGray /DecodeParms[<</K -1>>]", &mmr),
        ("T.6 as a stencil", "/ImageMask true /DecodeParms<</K -1>>", &mmr),
        ("one-dimensional", "/ColorSpace/DeviceGray /DecodeParms<</K 0 /EndOfLine true>>", &mh),
        ("no K", "/ColorSpace/DeviceGray", &mh),
        ("rows of bytes", "/ColorSpace/DeviceGray /DecodeParms<</EncodedByteAlign true>>", &coded(Coding::Mh, true, false)),
        ("two-dimensional", "/ColorSpace/DeviceGray /DecodeParms<</K 4 /EndOfLine true>>", &coded(Coding::Mr { k: 4 }, false, true)),
        ("turned twice", "/ColorSpace/DeviceGray /Decode[1 0] /DecodeParms<</K -1 /BlackIs1 true>>", &mmr),
    ] {
        let found = scan(page_of(document(BOX, DRAW, &format!("{PLAIN} {image}"), code), Resolution::FINE));
        assert!(found.as_ref() == Some(&page), "{what}");
    }
    let turned = document(BOX, DRAW, &format!("{PLAIN} /ColorSpace/DeviceGray /DecodeParms<</K -1 /BlackIs1 true>>"), &mmr);
    let turned = scan(page_of(turned, Resolution::FINE)).unwrap();
    assert!((0..1000).all(|y| page.row(y).iter().zip(turned.row(y)).all(|(a, b)| *a == !b)), "white on black");
    // Half the rows an inch, by its size on the page.
    let tall = document(
        "/MediaBox[0 0 609.88 734.69]",
        "q 609.88 0 0 734.69 0 0 cm /I Do Q",
        &format!("{PLAIN} /ColorSpace/DeviceGray /DecodeParms<</K -1>>"),
        &mmr,
    );
    assert_eq!(scan(page_of(tall, Resolution::FINE)).map(|p| p.resolution), Some(Resolution::STANDARD));
}

#[test]
fn a_page_that_is_more_than_its_image_is_drawn() {
    let mmr = encode(&strokes(1000), Coding::Mmr, Layout { end: true, ..Layout::default() });
    let image = format!("{PLAIN} /ColorSpace/DeviceGray /DecodeParms<</K -1>>");
    for (what, entries, content) in [
        ("turned", "/Rotate 90", DRAW),
        ("a note on it", "/Annots[<</Type/Annot /Subtype/Square /Rect[0 0 9 9]>>]", DRAW),
        ("a line over it", "", "q 609.88 0 0 367.34 0 0 cm /I Do Q 0 0 m 99 99 l S"),
        ("half of the page", "", "q 300 0 0 180 0 0 cm /I Do Q"),
        ("upside down", "", "q 609.88 0 0 -367.34 0 367.34 cm /I Do Q"),
        ("twice", "", "q 609.88 0 0 367.34 0 0 cm /I Do /I Do Q"),
    ] {
        let drawn = page_of(document(&format!("{BOX} {entries}"), content, &image, &mmr), Resolution::FINE);
        assert!(matches!(drawn, Drawn::Grey { .. }), "{what}");
    }
}

/// The page as it would be sent.
fn sent(entries: &str, content: &str, resolution: Resolution) -> Page {
    match page_of(document(entries, content, "", b""), resolution) {
        Drawn::Grey { grey, notes } => {
            assert!(notes.is_empty(), "{notes:?}");
            draw(&grey, &form(resolution), Dither::None).unwrap()
        }
        Drawn::Scan { .. } => panic!("no fax image is there"),
    }
}

/// Left, right, top and bottom pel that is black.
fn extent(page: &Page) -> [usize; 4] {
    let black = |y: usize| (0..page.width()).filter(move |x| page.black(*x, y));
    let rows: Vec<usize> = (0..page.height()).filter(|y| page.row(*y).iter().any(|w| *w != 0)).collect();
    let xs = || rows.iter().flat_map(|y| black(*y));
    [xs().min().unwrap(), xs().max().unwrap(), rows[0], *rows.last().unwrap()]
}

#[test]
fn a_drawn_page_has_its_true_size_in_its_place() {
    // A rectangle of 4 by 5 inches, an inch from the left and two from the top of A4.
    let content = "72 337.89 288 360 re f";
    for (resolution, rows) in [(Resolution::FINE, 196), (Resolution::STANDARD, 98)] {
        let page = sent("/MediaBox[0 0 595.28 841.89]", content, resolution);
        let left = form(resolution).left();
        let near = |seen: usize, due: usize| assert!(seen.abs_diff(due) <= 2, "{seen} and not {due}");
        assert_eq!((page.width(), page.height()), (1728, form(resolution).rows()));
        let [a, b, c, d] = extent(&page);
        near(a, left + 204);
        near(b, left + 5 * 204);
        near(c, 2 * rows);
        near(d, 7 * rows);
    }
    // The same on a page whose unit is half an inch's 72nd, and on one that is cut out of a larger one.
    let fine = extent(&sent("/MediaBox[0 0 595.28 841.89]", content, Resolution::FINE));
    let cut = extent(&sent("/MediaBox[-100 -100 900 1000] /CropBox[0 0 595.28 841.89]", content, Resolution::FINE));
    assert!(fine.iter().zip(cut).all(|(a, b)| a.abs_diff(b) <= 1), "{fine:?} {cut:?}");
    let unit = extent(&sent("/MediaBox[0 0 297.64 420.945] /UserUnit 2.0", "36 168.945 144 180 re f", Resolution::FINE));
    assert!(fine.iter().zip(unit).all(|(a, b)| a.abs_diff(b) <= 1), "{fine:?} {unit:?}");
}

#[test]
fn a_page_that_is_larger_than_the_sheet_is_made_to_fit_it() {
    for (entries, wide) in [("/MediaBox[0 0 1190.55 841.89]", true), ("/MediaBox[0 0 200 3000]", false), ("/MediaBox[0 0 612 792]", true)] {
        let page = sent(entries, "0 0 5000 5000 re f", Resolution::FINE);
        let [left, right, top, bottom] = extent(&page);
        assert!(page.width() == 1728 && page.height() == 2292 && (right - left + 1 == 1728) == wide, "{entries}: {left} {right}");
        assert!(wide || bottom - top + 1 >= 2290, "{entries}: {top} {bottom}");
    }
    let small = extent(&sent("/MediaBox[0 0 72 72]", "0 0 72 72 re f", Resolution::FINE));
    assert!(small[1] - small[0] + 1 == 204 && small[3] - small[2] + 1 == 196, "a small page stays small: {small:?}");
}

#[test]
#[ignore = "seconds in a debug build: run through tests/run"]
fn a_thin_rule_stays_on_the_page_wherever_it_falls() {
    // Four tenths of a point: the bar of a small letter.
    for resolution in [Resolution::FINE, Resolution::STANDARD] {
        for part in 0..5 {
            let y = 400.0 + f64::from(part) * 0.19;
            let page = sent("/MediaBox[0 0 595.28 841.89]", &format!("72 {y} 400 0.4 re f"), resolution);
            let rows = (0..page.height()).filter(|y| page.black(864, *y)).count();
            assert!((1..=3).contains(&rows), "{rows} rows of it at {y} points, {resolution:?}");
        }
    }
}

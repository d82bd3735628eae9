//! What a message holds made into fax pages: texts, pictures, PDFs and fax pages in order; what cannot be is named, and nothing hangs.

use crate::convert_bad::{fixture, page as one_page, pdf, png};
use crate::support::molink;
use molink::fax::backend_apart::read_by;
use molink::fax::backend_document::{Undrawn, pages, pages_within};
use molink::fax::code::{Coding, Damage, Layout, encode};
use molink::fax::file::PageAbout;
use molink::fax::pages::{Drawn, Look, MOST_PAGES, file_of, header_line};
use molink::fax::pdf::{Document, Leaf};
use molink::fax::tiff::Reader;
use molink::message::{Class, Envelope, Message, Name, Part, Precedence};
use molink::paper::letter::{HEADER_ROWS, header};
use molink::paper::{About, Form, Page, Resolution, Width, chart, typeset};
use molink::router::Contents;
use std::sync::Arc;
use std::time::Duration;

const A4: &str = "/MediaBox[0 0 595.28 841.89]";

fn message(content: Vec<Part>) -> Message {
    let desk = |a: &str| a.parse().unwrap();
    let (from, to) = (desk("operator@washington"), desk("operator@moscow"));
    let envelope =
        Envelope { from, to, precedence: Precedence::Flash, class: Class::Message, subject: "MAPS".into(), via: vec![], post: None };
    Message { identity: "WASHINGTON-0007-19860830T1600Z".parse().unwrap(), envelope, content }
}

fn text(text: &str) -> Part {
    Part::Text { text: text.into() }
}

/// A station's contents, and what is made of parts there.
struct Room {
    _dir: tempfile::TempDir,
    contents: Contents,
}

impl Room {
    fn new() -> Room {
        read_by(molink());
        let dir = tempfile::tempdir().unwrap();
        let contents = Contents::in_folder(dir.path().join("content"));
        Room { _dir: dir, contents }
    }
    fn part(&self, name: &str, media_type: &str, bytes: &[u8]) -> Part {
        Part::Page(self.contents.keep(name, media_type, bytes).unwrap())
    }
    fn drawn(&self, content: Vec<Part>, look: &Look) -> Drawn {
        pages(&message(content), &self.contents, look, &"washington".parse().unwrap()).unwrap()
    }
    fn refused(&self, part: Part) -> String {
        match pages(&message(vec![part]), &self.contents, &Look::default(), &"washington".parse().unwrap()) {
            Err(Undrawn::Never(why)) => why,
            other => panic!("it was to be refused: {other:?}"),
        }
    }
}

fn plain() -> Look {
    Look { header: false, ..Look::default() }
}

fn fine(name: &str) -> Page {
    chart(name, &Form { width: Width::A4, resolution: Resolution::FINE }).unwrap()
}

pub fn tiff(pages: &[Page]) -> Vec<u8> {
    file_of(pages.iter().map(|p| (p, Damage::default())), &PageAbout::default()).unwrap()
}

/// The pages of a TIFF.
pub fn pages_of(file: &[u8]) -> Vec<Page> {
    let mut reader = Reader::open(std::io::Cursor::new(file), "fax.tif").unwrap();
    std::iter::from_fn(|| reader.next_page().map(|page| page.unwrap().page)).collect()
}

/// A page as a PDF that is nothing but that fax page.
fn scanned(page: &Page) -> Vec<u8> {
    let t6 = encode(page, Coding::Mmr, Layout { end: true, ..Layout::default() });
    let (mut document, mut out) = (Document::new(About::default()), vec![]);
    document.push(Leaf { t6, width: page.width(), height: page.height(), resolution: page.resolution }).unwrap();
    document.write(&mut out).unwrap();
    out
}

/// A page's pels without the line over it.
fn below(page: &Page) -> Page {
    let mut rest = Page::new(page.width(), page.resolution);
    page.rows().skip(HEADER_ROWS).for_each(|row| rest.push(row));
    rest
}

#[test]
fn parts_become_pages_in_their_order_and_fax_pages_are_as_they_were() {
    let room = Room::new();
    let (map, drawing) = (fine("map"), fine("drawing"));
    let content = vec![
        text("The maps are enclosed."),
        room.part("map.tif", "image/tiff", &tiff(&[map.clone(), drawing.clone()])),
        room.part("photo.jpg", "image/jpeg", &fixture("pages/grey.jpg")),
        room.part("drawing.pdf", "application/pdf", &scanned(&drawing)),
        room.part("box.pdf", "application/pdf", &one_page(A4, b"72 337.89 288 360 re f", &[])),
        text("That is all."),
    ];
    let Drawn { pages, notes, .. } = room.drawn(content.clone(), &plain());
    assert_eq!(pages.len(), 7, "{notes:?}");
    assert!(pages.iter().all(|p| p.width() == 1728 && p.resolution == Resolution::FINE && p.height() == 2292));
    assert!(*pages[1] == map && *pages[2] == drawing && *pages[4] == drawing, "pel for pel");
    assert!(pages[5].black(20 + 204 * 2, 196 * 3) && !pages[5].black(20 + 100, 196 * 3), "the rectangle is in its place");
    let ink = |p: &Page| p.rows().flatten().map(|w| u64::from(w.count_ones())).sum::<u64>();
    assert!(ink(&pages[3]) > 100 && ink(&pages[0]) > ink(&pages[6]), "the first text has the heading");
    let head = "WASHINGTON-0007-19860830T1600Z    FLASH\n\nFrom:     operator@washington\nTo:       operator@moscow\nSubject:  MAPS\n\n\n";
    let form = Look::default().form;
    assert!(vec![(*pages[0]).clone()] == typeset(&format!("{head}The maps are enclosed."), &form).unwrap());
    assert!(vec![(*pages[6]).clone()] == typeset("That is all.", &form).unwrap());
    // The same with the line over each page.
    let headed = room.drawn(content, &Look::default()).pages;
    for n in [1, 2] {
        assert!(below(&headed[n]) == *pages[n], "page {} is pel for pel below its line", n + 1);
        let mut line = Page::new(1728, Resolution::FINE);
        header(&mut line, &header_line(&message(vec![]), n + 1, 7));
        assert!((0..HEADER_ROWS).all(|y| line.row(y) == headed[n].row(y)), "and says which it is");
    }
    assert!([0, 3, 5, 6].iter().all(|n| headed[*n].height() == 2292), "what is drawn stays a sheet");
}

#[test]
fn a_page_of_another_station_gets_no_second_line() {
    let room = Room::new();
    let map = fine("map");
    let relayed = message(vec![room.part("fax.tif", "image/tiff", &tiff(std::slice::from_ref(&map)))]);
    let relay: Name = "london".parse().unwrap();
    assert_eq!(pages(&relayed, &room.contents, &Look::default(), &relay).unwrap().pages, vec![Arc::new(map)]);
}

#[test]
fn a_message_without_parts_is_its_heading() {
    let room = Room::new();
    assert_eq!(room.drawn(vec![], &plain()).pages.len(), 1);
}

#[test]
fn what_cannot_be_made_into_pages_is_refused_by_name() {
    let room = Room::new();
    let whole = {
        let (mut out, pels) = (vec![], vec![128; 300 * 200]);
        let mut encoder = png::Encoder::new(&mut out, 300, 200);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(&pels).unwrap();
        out
    };
    let kids: String = (0..10_000).map(|n| format!("{} 0 R ", n + 3)).collect();
    let mut many = vec![b"<</Type/Catalog /Pages 2 0 R>>".to_vec(), format!("<</Type/Pages /Kids[{kids}] /Count 10000>>").into_bytes()];
    many.extend((0..10_000).map(|_| format!("<</Type/Page /Parent 2 0 R {A4}>>").into_bytes()));
    let line = Page::white(1728, 1, Resolution::FINE);
    let long = vec![line; MOST_PAGES + 1];
    for (name, media_type, bytes, says) in [
        ("damaged.png", "image/png", whole[..whole.len() / 2].to_vec(), "`damaged.png`"),
        ("small.png", "image/png", png(30_000, 30_000), "`small.png` is a picture of 30000 x 30000 pels"),
        ("thread.png", "image/png", png(1, 100_000), "`thread.png` is a picture of 1 x 100000 pels"),
        ("locked.pdf", "application/pdf", fixture("pdf/locked.pdf"), "`locked.pdf`: it is locked with a password"),
        ("many.pdf", "application/pdf", pdf(&many), "`many.pdf` has 10000 pages, and a message 200 at the most; send it in parts"),
        ("many.tif", "image/tiff", tiff(&long), "`many.tif` has 201 pages"),
        ("cut.pdf", "application/pdf", b"%PDF-1.7\n".to_vec(), "`cut.pdf`: it is damaged"),
        ("text.pdf", "application/pdf", b"no PDF".to_vec(), "`text.pdf`: it is no PDF"),
        ("cut.tif", "image/tiff", b"II*\0\x08\0\0\0".to_vec(), "`cut.tif`"),
        ("drawing.svg", "image/svg+xml", b"<svg/>".to_vec(), "`drawing.svg`"),
    ] {
        let why = room.refused(room.part(name, media_type, &bytes));
        assert!(why.contains(says) && why.ends_with("; it cannot be sent by fax"), "{name}: {why}");
        assert!(!why.contains('\n'), "{why}");
    }
    let Part::Page(wav) = room.part("notes.wav", "audio/wav", b"RIFF") else { unreachable!() };
    assert_eq!(
        room.refused(Part::File(wav.clone())),
        "`notes.wav` (audio/wav) cannot be sent by fax; a fax carries texts, pictures and PDF: make it one of them"
    );
    assert!(room.refused(Part::Page(wav)).starts_with("`notes.wav` (audio/wav) has no pages"));
    assert!(room.refused(text(&"A line.\n".repeat(250_000))).starts_with("the text cannot be sent by fax: "));
}

#[test]
fn a_message_that_takes_too_long_to_draw_is_refused_by_the_part_it_was_at() {
    let room = Room::new();
    let content = vec![text("A"), room.part("photo.jpg", "image/jpeg", &fixture("pages/grey.jpg"))];
    let drawn = pages_within(Duration::ZERO, &message(content), &room.contents, &plain(), &"washington".parse().unwrap());
    let why = "`photo.jpg`: with it the message takes more than 0 seconds to draw; send it in parts; it cannot be sent by fax";
    assert_eq!(drawn, Err(Undrawn::Never(why.into())));
}

#[test]
fn what_is_not_at_the_station_may_be_there_later() {
    let room = Room::new();
    let Part::Page(mut blob) = room.part("map.png", "image/png", b"x") else { unreachable!() };
    blob.sha256 = "0".repeat(64);
    let gone = pages(&message(vec![Part::Page(blob)]), &room.contents, &plain(), &"washington".parse().unwrap());
    assert!(matches!(&gone, Err(Undrawn::NotNow(why)) if why.contains("`map.png`")), "{gone:?}");
}

#[test]
fn letters_the_type_lacks_stand_as_boxes_and_are_told() {
    // The router refuses them before (see `fax::pages::takes`); a subject is not looked at there.
    let room = Room::new();
    let drawn = room.drawn(vec![text("字")], &plain());
    assert_eq!(drawn.notes, ["the text: 1 characters are not in the font and stand as boxes: `字`"]);
}

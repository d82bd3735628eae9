//! A mail on paper: what is printed of it, in what order, and what is said of the rest.

use crate::convert_bad::fixture;
use crate::fax_document::tiff;
use crate::support::molink;
use molink::email::Email;
use molink::fax::backend_apart::read_by;
use molink::fax::backend_document::{Undrawn, pages};
use molink::fax::cover::Cover;
use molink::fax::pages::{Drawn, Look, MOST_PAGES};
use molink::message::{Attachments, Blob, Class, Envelope, Message, Part, Post, Precedence, period};
use molink::paper::{About, Page, Resolution, Sheet};
use molink::router::Contents;
use molink::station::StationConfig;

/// A mail of alice's to a desk behind a fax line.
pub fn mail(content: Vec<Part>) -> Message {
    let post = Post { writer: "Alice Example <alice@example.org>".into(), ..Post::default() };
    let envelope = Envelope {
        from: "alice@mail".parse().unwrap(),
        to: "operator@moscow".parse().unwrap(),
        precedence: Precedence::Routine,
        class: Class::Message,
        subject: "The maps".into(),
        via: vec![],
        post: Some(Box::new(post)),
    };
    Message { identity: "WASHINGTON-0007-20081030T1600Z".parse().unwrap(), envelope, content }
}

fn drawn(message: &Message, contents: &Contents, look: &Look) -> Result<Drawn, Undrawn> {
    read_by(molink());
    pages(message, contents, look, &"washington".parse().unwrap())
}

struct Room(tempfile::TempDir);

impl Room {
    fn new() -> Room {
        Room(tempfile::tempdir().unwrap())
    }
    fn contents(&self) -> Contents {
        Contents::in_folder(self.0.path().join("content"))
    }
    fn keep(&self, name: &str, media_type: &str, bytes: &[u8]) -> Blob {
        self.contents().keep(name, media_type, bytes).unwrap()
    }
    fn page(&self, name: &str, media_type: &str, bytes: &[u8]) -> Part {
        Part::Page(self.keep(name, media_type, bytes))
    }
    fn file(&self, name: &str, media_type: &str, bytes: &[u8]) -> Part {
        Part::File(self.keep(name, media_type, bytes))
    }
}

#[test]
fn a_mail_by_fax_is_a_cover_its_text_and_its_attachments_and_the_cover_names_the_rest() {
    let room = Room::new();
    let paper = molink::paper::pdf(&Sheet::of_text("WE MEET AT THE RIVER\n"), &About::default()).unwrap();
    let message = mail(vec![
        Part::Text { text: "Dear operator,\n\nthe maps are enclosed. Please call.\n\nAlice".into() },
        room.page("letter.pdf", "application/pdf", &paper),
        room.file("notes.txt", "text/plain", "Заметки: встреча в 16:00\r\n".as_bytes()),
        room.file("old.txt", "text/plain", b"\xcf\xf0\xee\xe2\xe5\xf0\xea\xe0\n"),
        room.file("page.html", "text/html", b"<h1>Title</h1><p>One <b>bold</b> line"),
        room.file("archive.zip", "application/zip", b"PK\x03\x04"),
        room.page("locked.pdf", "application/pdf", &fixture("pdf/locked.pdf")),
        room.file("data.csv", "text/csv", b"a\0b"),
        room.page("photo.jpg", "image/jpeg", &fixture("pages/grey.jpg")),
    ]);
    let Drawn { pages, left_out, notes } = drawn(&message, &room.contents(), &Look::default()).unwrap();
    assert_eq!(pages.len(), 7, "{notes:?}");
    assert_eq!(
        left_out,
        [
            "archive.zip (application/zip, 4 bytes): it has no pages",
            "locked.pdf (application/pdf, 2441 bytes): it is locked with a password; unlock it (`qpdf --decrypt --password=… IN OUT`) and give that",
            "data.csv (text/csv, 3 bytes): it is no text"
        ]
    );
}

#[test]
fn an_attachment_too_long_for_a_fax_is_named_and_the_rest_is_printed() {
    let room = Room::new();
    let line = Page::white(1728, 1, Resolution::FINE);
    let message = mail(vec![
        room.page("many.tif", "image/tiff", &tiff(&vec![line.clone(); MOST_PAGES - 10])),
        room.page("more.tif", "image/tiff", &tiff(&vec![line.clone(); 20])),
        room.page("one.tif", "image/tiff", &tiff(&[line])),
    ]);
    let Drawn { pages, left_out, .. } = drawn(&message, &room.contents(), &Look::default()).unwrap();
    assert_eq!(pages.len(), 1 + MOST_PAGES - 10 + 1);
    assert!(left_out.len() == 1 && left_out[0].starts_with("more.tif (image/tiff, ") && left_out[0].contains("more than 200 pages"));
}

#[test]
fn the_setting_of_the_port_decides_what_becomes_of_a_message_that_cannot_all_be_printed() {
    let room = Room::new();
    let parts = || vec![Part::Text { text: "See file.".into() }, room.file("a.zip", "application/zip", b"PK")];
    let here = Message { envelope: Envelope { post: None, ..mail(vec![]).envelope }, ..mail(parts()) };
    let duty = Message { envelope: Envelope { from: "operator@washington".parse().unwrap(), ..mail(vec![]).envelope }, ..mail(parts()) };
    let nobodys = Message { envelope: Envelope { post: Some(Box::default()), ..mail(vec![]).envelope }, ..mail(parts()) };
    for (message, attachments, pages) in [
        (mail(parts()), Attachments::AsItCame, Some(2)),
        (mail(parts()), Attachments::Refuse, None),
        (here.clone(), Attachments::AsItCame, None),
        (here, Attachments::Name, Some(2)),
        (duty, Attachments::AsItCame, Some(2)),
        (nobodys, Attachments::AsItCame, Some(2)),
    ] {
        let made = drawn(&message, &room.contents(), &Look { attachments, ..Look::default() });
        assert_eq!(made.as_ref().ok().map(|drawn| drawn.pages.len()), pages, "{attachments:?}: {made:?}");
        assert!(pages.is_some() || made.unwrap_err().to_string().starts_with("`a.zip` (application/zip) cannot be sent by fax"));
    }
}

#[test]
fn the_example_of_the_page_is_a_station_file() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/gateways.md")).unwrap();
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let config = StationConfig::parse("example.toml", example).unwrap();
    for port in config.ports.values() {
        let (keys, station) = (port.keys.clone(), &config.station);
        match port.backend.as_str() {
            "email" => drop(Email::from_table(station, keys).unwrap_or_else(|e| panic!("{e}"))),
            "teletype" => assert!(molink::teletype::keys::Keys::read(keys).unwrap().attachments == Attachments::Name),
            "fax" => assert!(molink::fax::keys::Keys::read(keys).unwrap().attachments == Attachments::AsItCame),
            other => panic!("{other}"),
        }
    }
    assert_eq!((config.ports.len(), config.routes.len()), (3, 3));
}

#[test]
fn what_only_a_mail_has_goes_by_no_other_medium() {
    let message = mail(vec![Part::Text { text: "X".into() }]);
    let cover = Cover { identity: message.identity.clone(), envelope: message.envelope.clone(), first: 1, pages: 2 };
    let call = cover.encode();
    let far = Cover::decode(&call).unwrap();
    assert_eq!((far.envelope.post, far.envelope.from), (None, message.envelope.from.clone()));
    for said in [String::from_utf8(call).unwrap(), period::heading(&message, "The maps").join("\n"), period::paper(&message)] {
        assert!(!said.contains("example.org") && !said.contains("EXAMPLE.ORG"), "{said}");
    }
}

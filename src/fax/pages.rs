//! A message's pages for fax: how they look, what stands over them, what the far machine can print of them; and the file of those that came.
//!
//! Standards: TIFF-F (see `tiff`); widths and resolutions of T.30 table 2 (see `t30`). In: a message, pages, a DIS. Out: words, pages, bytes.
//! Bounded: see the constants. Left out: reading contents (see `backend_document`). Shown by: the tests below, `docs/fax-pages.md`.

use super::code::{Coding, Damage, Layout, encode};
use super::file::{FilePage, PageAbout};
use super::pdf::{Document, Leaf};
use super::t30::{Capabilities, capabilities};
use super::tiff::{Reader, WriteOptions, Writer};
use crate::message::{Alphabet, Attachments, Envelope, Identity, Message, Takes, TextForm};
use crate::paper::fit::onto;
use crate::paper::letter::{heading, letters};
use crate::paper::{About, Dither, Form, Page, Resolution, Width};
use std::borrow::Borrow;
use std::io::{Read, Seek};
use std::sync::Arc;

/// Most pages of a message: at the least 20 seconds each, so more than an hour.
pub const MOST_PAGES: usize = 200;
/// Most bytes of them as rows: 260 sheets of A4 at fine resolution.
pub const MOST_BYTES: usize = 128 << 20;
/// Most characters of a message's text.
pub const MOST_TEXT: usize = 300_000;

/// How pages are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Look {
    /// The form of texts, pictures and drawn pages. Fax pages that came as such keep their own.
    pub form: Form,
    /// How grey becomes black and white.
    pub dither: Dither,
    /// Whether a line stands over each page: when, who and which message, page of pages.
    pub header: bool,
    /// What becomes of parts that cannot be printed.
    pub attachments: Attachments,
}

impl Default for Look {
    /// A4, fine, with the line.
    fn default() -> Look {
        Look {
            form: Form { width: Width::A4, resolution: Resolution::FINE },
            dither: Dither::Auto,
            header: true,
            attachments: Attachments::AsItCame,
        }
    }
}

/// A message's pages.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Drawn {
    /// In order.
    pub pages: Vec<Arc<Page>>,
    /// What a sender should know (a character that is a box, a font that is not there): a sentence each, with the part's name.
    pub notes: Vec<String>,
    /// Parts that were not printed and are named on the cover sheet, each with the reason.
    pub left_out: Vec<String>,
}

/// What a fax line takes: texts in letters the type has, pages; no files.
pub fn takes() -> Takes {
    let alphabet = Alphabet::Of(format!("{}\t\u{c}", letters()));
    let text = TextForm { alphabet, twin: None, columns: usize::MAX, longest: MOST_TEXT, per_hour: None };
    Takes { pages: true, cover: true, ..Takes::texts(text) }
}

/// What stands at the head of the letter that a message's text becomes.
pub fn letterhead(identity: &Identity, envelope: &Envelope) -> String {
    let mut lines = vec![
        format!("{identity}    {}{}", envelope.precedence.word().to_uppercase(), envelope.class.mark()),
        String::new(),
        format!("From:     {}", envelope.from),
        format!("To:       {}", envelope.to),
    ];
    if !envelope.subject.is_empty() {
        lines.push(format!("Subject:  {}", envelope.subject));
    }
    if !envelope.via.is_empty() {
        lines.push(format!("Via:      {}", envelope.via.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")));
    }
    lines.join("\n") + "\n\n\n"
}

/// The line over a page.
pub fn header_line(message: &Message, page: usize, pages: usize) -> String {
    heading(Some(message.identity.dtg), &format!("{} {}", message.envelope.from, message.identity), page, pages)
}

/// A page in a form that a call can have (1,728, 2,048 or 2,432 pels at 98, 196 or 391 rows an inch), and a sentence if it was scaled for it.
/// What has 200 pels and 100, 200 or 400 rows an inch is taken for it as it is, as fax machines do.
pub fn usual(mut page: Page, look: &Look) -> Result<(Page, Option<String>), String> {
    let resolution = match page.resolution {
        Resolution { x: 200 | 204, y: 96..=102 } => Resolution::STANDARD,
        Resolution { x: 200 | 204, y: 192..=204 } => Resolution::FINE,
        Resolution { x: 200 | 204, y: 384..=408 } => Resolution::SUPERFINE,
        _ => return onto(&page, &look.form, look.dither, false).map(|(page, note)| (page, Some(note))),
    };
    if Form::of(&page).is_none() {
        return onto(&page, &look.form, look.dither, false).map(|(page, note)| (page, Some(note)));
    }
    page.resolution = resolution;
    Ok((page, None))
}

/// A page made so that a machine that can do `far` prints it: `None` if it does so as it is; else the page, and what was done to it.
///
/// It is scaled at its true size: to the next coarser resolution the machine has, and smaller where its paper is narrower. A machine that
/// takes no pages longer than a sheet gets a longer one made smaller, down to half; the error is a sentence, without the page's number.
pub fn printable(page: &Page, far: &Capabilities) -> Result<Option<(Page, String)>, String> {
    let width = match far.width {
        capabilities::Width::A4 => Width::A4,
        capabilities::Width::B4 => Width::B4,
        capabilities::Width::A3 => Width::A3,
    };
    let own = Form::of(page);
    let resolution = match page.resolution {
        Resolution { y: ..150, .. } => Resolution::STANDARD,
        Resolution { y: 300.., .. } if far.superfine => Resolution::SUPERFINE,
        _ if far.fine => Resolution::FINE,
        _ => Resolution::STANDARD,
    };
    let form = Form { width: own.map_or(width, |own| own.width.min(width)), resolution };
    let long = !far.unlimited && page.height() > form.rows() && own == Some(form);
    if own == Some(form) && !long {
        return Ok(None);
    }
    if !far.unlimited && inches(page) > 2.0 * sheet_inches(form) {
        return Err(format!(
            "it is {:.0} inches long, and the far machine prints sheets of {:.0}; send it in parts",
            inches(page),
            sheet_inches(form)
        ));
    }
    onto(page, &form, Dither::Auto, !far.unlimited).map(Some)
}

fn inches(page: &Page) -> f32 {
    page.height() as f32 / f32::from(page.resolution.y).max(1.0)
}

fn sheet_inches(form: Form) -> f32 {
    form.rows() as f32 / f32::from(form.resolution.y)
}

/// The file of pages that came, as TIFF-F (T.6): bad rows are told in its tags. `about` is what is told of all pages.
pub fn file_of<P: Borrow<Page>>(pages: impl IntoIterator<Item = (P, Damage)>, about: &PageAbout) -> Result<Vec<u8>, String> {
    let (name, pages) = (about.name.clone().unwrap_or_else(|| "fax.tif".into()), pages.into_iter());
    // PageNumber has 0 for "not known".
    let count = if let (least, Some(most)) = pages.size_hint() { u16::try_from(most).ok().filter(|_| least == most) } else { None };
    let options = WriteOptions { pages: count.unwrap_or(0), ..WriteOptions::new(Coding::Mmr) };
    let mut writer = Writer::new(vec![], &name, options);
    for (page, damage) in pages {
        let about = PageAbout { received: Some(damage), ..about.clone() };
        writer.page(page.borrow(), &about).map_err(|e| e.to_string())?;
    }
    writer.finish().map_err(|e| e.to_string())
}

/// Most pages of a file that are shown as a document, and most bytes of them as rows: a small file can say that it has very many.
pub const MOST_SHOWN: (usize, usize) = (1_000, 2 << 30);

/// A file of fax pages as a document.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Shown {
    /// PDF: each page as the T.6 it is coded in, or is coded in now; A4 where the page is.
    pub pdf: Vec<u8>,
    /// How many.
    pub pages: usize,
    /// All rows.
    pub rows: usize,
    /// Of them, those that could not be read when they came, or now.
    pub bad_rows: usize,
}

/// Makes a TIFF file a document. The error is one sentence that names file and page.
pub fn shown(file: impl Read + Seek, name: &str, about: About) -> Result<Shown, String> {
    let (mut reader, mut document) = (Reader::open(file, name).map_err(|e| e.to_string())?, Document::new(about));
    let (mut shown, mut bytes) = (Shown::default(), 0);
    while let Some(read) = reader.next_page() {
        let FilePage { page, damage, about, .. } = read.map_err(|e| e.to_string())?;
        let t6 = reader.t6_strip().map_err(|e| e.to_string())?;
        bytes += page.stride() * 8 * page.height();
        if shown.pages == MOST_SHOWN.0 || bytes > MOST_SHOWN.1 {
            return Err(format!("{name}: it has more than {} pages or {} MiB of rows", MOST_SHOWN.0, MOST_SHOWN.1 >> 20));
        }
        let t6 = t6.unwrap_or_else(|| encode(&page, Coding::Mmr, Layout { end: true, ..Layout::default() }));
        let (width, height, resolution) = (page.width(), page.height(), page.resolution);
        document.push(Leaf { t6, width, height, resolution }).map_err(|e| format!("{name} page {}: {e}", shown.pages + 1))?;
        shown.pages += 1;
        shown.rows += height;
        shown.bad_rows += about.received.map_or(0, |came| came.bad_rows).max(damage.bad_rows);
    }
    document.write(&mut shown.pdf).map_err(|e| format!("{name}: {e}"))?;
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Class, Part, Precedence, convert};
    use crate::paper::typeset;
    use std::io::Cursor;

    const OLD: Capabilities = Capabilities { width: capabilities::Width::A4, fine: false, superfine: false, ..Capabilities::OURS };

    fn message(text: &str) -> Message {
        let desk = |a: &str| a.parse().unwrap();
        let envelope = Envelope {
            from: desk("chairman@moscow"),
            to: desk("president@washington"),
            precedence: Precedence::Flash,
            class: Class::Message,
            subject: "THE STRAIT".into(),
            via: vec![],
            post: None,
        };
        Message { identity: "MOSCOW-0003-19860830T1600Z".parse().unwrap(), envelope, content: vec![Part::Text { text: text.into() }] }
    }

    #[test]
    fn the_letter_says_what_the_envelope_says() {
        let m = message("");
        let head = letterhead(&m.identity, &m.envelope);
        assert_eq!(
            head,
            "MOSCOW-0003-19860830T1600Z    FLASH\n\nFrom:     chairman@moscow\nTo:       president@washington\nSubject:  THE STRAIT\n\n\n"
        );
        assert_eq!(header_line(&m, 1, 2), "19860830T1600Z\tchairman@moscow MOSCOW-0003-19860830T1600Z\tPAGE 1 OF 2");
    }

    #[test]
    fn a_line_takes_what_the_type_has_and_names_the_rest() {
        let fits = |part: Part| convert::fits(&[part], &takes());
        let blob = |name: &str, media_type: &str| crate::message::Blob {
            sha256: String::new(),
            name: name.into(),
            media_type: media_type.into(),
            size: 1,
        };
        assert_eq!(fits(Part::Text { text: "Привет, Æsop:\t½ “x”\u{c}é".into() }), Ok(()));
        assert!(fits(Part::Text { text: "字典".into() }).unwrap_err().contains("no letter for `字`"));
        assert!(fits(Part::Text { text: "x".repeat(MOST_TEXT + 1) }).unwrap_err().contains("300000"));
        assert_eq!(fits(Part::Page(blob("map.png", "image/png"))), Ok(()));
        let wav = fits(Part::File(blob("notes.wav", "audio/wav"))).unwrap_err();
        assert_eq!(
            wav,
            "the line carries no files, and `notes.wav` (audio/wav) is one; send what is in it as text, PDF or a picture, or by a route with an e-mail port"
        );
        assert!(fits(Part::Page(blob("a.svg", "image/svg+xml"))).unwrap_err().contains("`a.svg` (image/svg+xml)"));
        let (parts, edits) = convert::convert(&[Part::Text { text: "é\t→ ☃".into() }], &takes()).unwrap();
        assert_eq!((&parts[0], edits.len()), (&Part::Text { text: "é\t→ ?".into() }, 1), "what stands for a sign is told");
    }

    #[test]
    fn a_machine_that_can_all_gets_pages_as_they_are() {
        for resolution in [Resolution::STANDARD, Resolution::FINE, Resolution::SUPERFINE] {
            for width in Width::ALL {
                let page = Form { width, resolution }.blank();
                assert_eq!(printable(&page, &Capabilities::OURS), Ok(None));
            }
        }
    }

    #[test]
    fn an_old_machine_gets_pages_it_can_print() {
        let fine = Page::white(1728, 200, Resolution::FINE);
        let (page, note) = printable(&fine, &OLD).unwrap().unwrap();
        assert_eq!((page.width(), page.height(), page.resolution), (1728, 100, Resolution::STANDARD));
        assert_eq!(note, "scaled from 1728 pels a row at 204 x 196 an inch to 1728 at 204 x 98");
        let wide = Page::white(2432, 90, Resolution::SUPERFINE);
        let (page, _) = printable(&wide, &Capabilities { fine: true, ..OLD }).unwrap().unwrap();
        assert_eq!((page.width(), page.resolution), (1728, Resolution::FINE));
        assert_eq!(printable(&page, &Capabilities { fine: true, ..OLD }).unwrap(), None, "and that is enough");
    }

    #[test]
    fn a_machine_of_single_sheets_gets_a_long_page_made_smaller() {
        let sheets = Capabilities { unlimited: false, ..Capabilities::OURS };
        let long = Page::white(1728, 1158, Resolution::STANDARD);
        let (page, note) = printable(&long, &sheets).unwrap().unwrap();
        assert!(page.height() <= 1146 && page.width() == 1728, "{}", page.height());
        assert!(note.ends_with("made smaller to 99 % so that it fits one sheet"), "{note}");
        assert_eq!(printable(&page, &sheets), Ok(None));
        let sheet = Page::white(1728, 2292, Resolution::FINE);
        let (page, note) = printable(&sheet, &Capabilities { unlimited: false, ..OLD }).unwrap().unwrap();
        assert_eq!(page.height(), 1146);
        assert!(!note.contains("smaller"), "{note}");
        let roll = Page::white(1728, 10_000, Resolution::FINE);
        assert_eq!(
            printable(&roll, &sheets).unwrap_err(),
            "it is 51 inches long, and the far machine prints sheets of 12; send it in parts"
        );
        assert_eq!(printable(&roll, &Capabilities::OURS), Ok(None));
    }

    #[test]
    fn pages_of_other_machines_get_the_form_of_a_call() {
        let look = Look::default();
        for (x, y, to) in [(200, 100, Resolution::STANDARD), (204, 196, Resolution::FINE), (200, 400, Resolution::SUPERFINE)] {
            let page = Page::white(1728, 50, Resolution { x, y });
            let (made, note) = usual(page, &look).unwrap();
            assert_eq!((made.resolution, made.height(), note), (to, 50, None), "{x} x {y}");
        }
        let (made, note) = usual(Page::white(2592, 3300, Resolution { x: 300, y: 300 }), &look).unwrap();
        assert_eq!((made.width(), made.resolution), (1728, Resolution::FINE));
        assert!(note.unwrap().contains("300 x 300"));
    }

    #[test]
    fn pages_that_came_lie_in_a_file_that_tells_their_damage_and_are_shown() {
        let form = Look::default().form;
        let pages = typeset(&"A line of the letter.\n".repeat(100), &form).unwrap();
        let damage = Damage { rows: pages[1].height(), bad_rows: 7, longest_bad_run: 4, ended: true, too_many: false };
        let about = PageAbout { sender: Some("MOSCOW".into()), ..PageAbout::default() };
        let whole = Damage { rows: pages[0].height(), ended: true, ..Damage::default() };
        let file = file_of(pages.iter().zip([whole, damage]), &about).unwrap();
        let mut reader = Reader::open(Cursor::new(&file), "fax.tif").unwrap();
        let (first, second) = (reader.next_page().unwrap().unwrap(), reader.next_page().unwrap().unwrap());
        assert!(reader.next_page().is_none());
        assert_eq!((&first.page, &second.page), (&pages[0], &pages[1]), "pel for pel");
        assert_eq!(second.about.received.map(|d| (d.bad_rows, d.longest_bad_run)), Some((7, 4)));
        assert_eq!((second.about.number, second.about.sender.as_deref()), (Some((2, 2)), Some("MOSCOW")));
        let document = shown(Cursor::new(&file), "fax.tif", About::default()).unwrap();
        assert_eq!((document.pages, document.rows, document.bad_rows), (2, 2 * 2292, 7));
        assert!(document.pdf.starts_with(b"%PDF"));
        assert!(file_of(Vec::<(Page, Damage)>::new(), &about).unwrap_err().contains("no page"));
    }
}

//! Other forms of a message, for people who get it as a mail: what a teleprinter printed as PDF, fax pages as PDF and a text that says what they are.
//!
//! Standards: PDF. In: a message, the port it came by. Out: [`Form`]s. It waits for the disk: call it from a thread that may.
//! Bounded: see the constants. A form that cannot be made is logged and left out; the message goes without. Nothing of a stranger's is drawn
//! but TIFF, by the reader that is bounded. Left out: the mail (see `email::mime`). Shown by: the tests below, `docs/gateways.md`.

use super::StationConfig;
use super::papers::{about, receives, sheet};
use crate::fax::pages::{Shown, shown};
use crate::message::{Blob, Message, Name, Part, period};
use crate::paper;
use crate::router::{Contents, Form, Forms};
use crate::teletype::codes::CodeTable;
use std::collections::BTreeMap;
use std::io::{BufReader, Read, Seek};
use std::sync::Arc;

/// The largest file of fax pages that is made a document, in bytes.
const LARGEST: u64 = 64 << 20;
/// Most bytes of all forms of a message.
const MOST: usize = 32 << 20;

/// What makes the forms of this station's messages.
pub(super) fn of(config: &StationConfig) -> Forms {
    let shop = Shop::of(config, MOST);
    Arc::new(move |message, came_by| shop.forms(message, came_by))
}

struct Shop {
    station: Name,
    /// By port, what its machine receives in.
    codes: BTreeMap<String, CodeTable>,
    /// By desk, the code of its machine.
    typed: BTreeMap<Name, CodeTable>,
    contents: Contents,
    /// Most bytes of all forms of a message, but for the text that names them.
    most: usize,
}

impl Shop {
    fn of(config: &StationConfig, most: usize) -> Shop {
        let codes: BTreeMap<String, CodeTable> =
            config.ports.iter().filter_map(|(name, port)| Some((name.clone(), receives(port)?))).collect();
        Shop {
            station: config.station.clone(),
            typed: config.machines.iter().filter_map(|(desk, port)| Some((desk.clone(), *codes.get(port)?))).collect(),
            codes,
            contents: Contents::in_folder(config.data.join("content")),
            most,
        }
    }
    fn forms(&self, message: &Message, came_by: Option<&str>) -> Vec<Form> {
        let mut forms = vec![];
        if let Some(machine) = self.machine(message, came_by) {
            let text = period::paper(message);
            match paper::pdf(&sheet(&text, Some(machine)), &about(message)) {
                Ok(bytes) => _ = self.push(&mut forms, pdf(message.identity.to_string(), bytes), message),
                Err(why) => tracing::warn!("no paper of {} goes with the mail: {why}", message.identity),
            }
        }
        let mut told = vec![];
        for blob in message.content.iter().filter_map(page) {
            match self.fax(message, blob) {
                Ok(Some((form, pages))) => {
                    let line = match pages {
                        1 => format!("1 page: {} as it came, {} to read", blob.shown(), form.name),
                        n => format!("{n} pages: {} as they came, {} to read", blob.shown(), form.name),
                    };
                    if !self.push(&mut forms, form, message) {
                        break; // nor is more made that has no room
                    }
                    told.push(line);
                }
                Ok(None) => {}
                Err(why) => tracing::warn!("no PDF of `{}` goes with the mail of {}: {why}", blob.name, message.identity),
            }
        }
        if !told.is_empty() {
            let text = format!("A fax from {}, {}.\n\n{}\n", message.envelope.from, message.identity, told.join("\n"));
            forms.insert(0, Form { name: String::new(), media_type: Form::TEXT.into(), bytes: text.into_bytes() });
        }
        forms
    }
    /// Adds a form as long as there is room; whether there was.
    fn push(&self, forms: &mut Vec<Form>, form: Form, message: &Message) -> bool {
        let fits = forms.iter().map(|form| form.bytes.len()).sum::<usize>() + form.bytes.len() <= self.most;
        if fits {
            forms.push(form);
        } else {
            tracing::warn!("{} is too large to go with the mail of {}", form.name, message.identity);
        }
        fits
    }
    /// The code of the teleprinter that a message came from: at the far end of the port, or at its sender's desk here.
    fn machine(&self, message: &Message, came_by: Option<&str>) -> Option<CodeTable> {
        let from = &message.envelope.from;
        match came_by {
            Some(port) => self.codes.get(port).copied(),
            None if from.station == self.station => self.typed.get(&from.desk).copied(),
            None => None,
        }
    }
    /// A file of fax pages as a document, and how many pages it has; `None` if it is no such file.
    fn fax(&self, message: &Message, blob: &Blob) -> Result<Option<(Form, usize)>, String> {
        let mut file = self.contents.open(blob)?;
        let mut head = vec![];
        file.by_ref().take(4).read_to_end(&mut head).and_then(|_| file.rewind()).map_err(|e| e.to_string())?;
        if head != b"II*\0" && head != b"MM\0*" {
            return Ok(None);
        }
        if blob.size > LARGEST {
            return Err(format!("it has {} bytes, and {LARGEST} are shown at the most", blob.size));
        }
        let Shown { pdf: bytes, pages, .. } = shown(BufReader::new(file), &blob.name, about(message))?;
        let stem = blob.name.rsplit_once('.').map_or(blob.name.as_str(), |(stem, _)| stem);
        Ok(Some((pdf(stem.to_owned(), bytes), pages)))
    }
}

fn page(part: &Part) -> Option<&Blob> {
    match part {
        Part::Page(blob) => Some(blob),
        Part::Text { .. } | Part::File(_) => None,
    }
}

fn pdf(stem: String, bytes: Vec<u8>) -> Form {
    Form { name: format!("{stem}.pdf"), media_type: "application/pdf".into(), bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fax::code::Damage;
    use crate::fax::file::PageAbout;
    use crate::fax::pages::file_of;
    use crate::message::{Class, Envelope, Precedence};
    use crate::paper::{Page, Resolution};

    const FILE: &str = "station = \"washington\"\n[desk.operator]\nport = \"tty\"\n[desk.chairman]\n[port.cable]\nbackend = \"teletype\"\ncode = \"mtk-2\"\n[port.tty]\nbackend = \"teletype\"\nkind = \"machine\"\n[port.satellite]\nbackend = \"fax\"\n";

    fn forms(dir: &std::path::Path, content: Vec<Part>, from: &str, came_by: Option<&str>) -> Vec<Form> {
        forms_within(MOST, dir, content, from, came_by)
    }

    fn forms_within(most: usize, dir: &std::path::Path, content: Vec<Part>, from: &str, came_by: Option<&str>) -> Vec<Form> {
        let mut config = StationConfig::parse("w.toml", FILE).unwrap();
        config.data = dir.to_owned();
        let (from, to) = (from.parse().unwrap(), "alice@mail".parse().unwrap());
        let envelope =
            Envelope { from, to, precedence: Precedence::Routine, class: Class::Message, subject: String::new(), via: vec![], post: None };
        let message = Message { identity: "MOSCOW-0001-20081030T1600Z".parse().unwrap(), envelope, content };
        Shop::of(&config, most).forms(&message, came_by)
    }

    #[test]
    fn what_came_from_a_teleprinter_has_its_paper_and_what_did_not_has_none() {
        let dir = tempfile::tempdir().unwrap();
        let text = || vec![Part::Text { text: "HELLO".into() }];
        let made = forms(dir.path(), text(), "operator@moscow", Some("cable"));
        assert_eq!((made.len(), made[0].name.as_str()), (1, "MOSCOW-0001-20081030T1600Z.pdf"));
        assert!(made[0].bytes.starts_with(b"%PDF"));
        assert_eq!(forms(dir.path(), text(), "operator@washington", None).len(), 1, "a desk with a machine");
        for (from, came_by) in [("chairman@washington", None), ("operator@moscow", Some("satellite")), ("operator@moscow", None)] {
            assert_eq!(forms(dir.path(), text(), from, came_by), vec![], "{from}");
        }
    }

    #[test]
    fn fax_pages_have_a_document_and_a_text_and_what_cannot_be_shown_goes_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let contents = Contents::in_folder(dir.path().join("content"));
        let page = Page::white(1728, 100, Resolution::FINE);
        let file = file_of([(&page, Damage::default()), (&page, Damage::default())], &PageAbout::default()).unwrap();
        let keep = |name: &str, kind: &str, bytes: &[u8]| Part::Page(contents.keep(name, kind, bytes).unwrap());
        let content = vec![
            keep("fax.tif", "image/tiff", &file),
            keep("bad.tif", "image/tiff", b"II*\0\x08\0\0\0"),
            keep("map.png", "image/png", b"\x89PNG"),
            Part::Page(Blob { sha256: "0".repeat(64), name: "gone.tif".into(), media_type: "image/tiff".into(), size: 9 }),
        ];
        let made = forms(dir.path(), content, "operator@moscow", Some("satellite"));
        assert_eq!(made.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["", "fax.pdf"]);
        let text = String::from_utf8(made[0].bytes.clone()).unwrap();
        assert_eq!(
            text,
            format!(
                "A fax from operator@moscow, MOSCOW-0001-20081030T1600Z.\n\n2 pages: fax.tif (image/tiff, {} bytes) as they came, fax.pdf to read\n",
                file.len()
            )
        );
    }

    #[test]
    fn a_form_without_room_is_left_out_and_the_text_names_only_what_goes() {
        let dir = tempfile::tempdir().unwrap();
        let contents = Contents::in_folder(dir.path().join("content"));
        let page = Page::white(1728, 100, Resolution::FINE);
        let file = file_of([(&page, Damage::default())], &PageAbout::default()).unwrap();
        let fax = |name: &str| Part::Page(contents.keep(name, "image/tiff", &file).unwrap());
        let within = |most| forms_within(most, dir.path(), vec![fax("a.tif"), fax("b.tif"), fax("c.tif")], "operator@moscow", None);
        let all = within(MOST);
        let names = |made: &[Form]| made.iter().map(|f| f.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&all), ["", "a.pdf", "b.pdf", "c.pdf"]);
        let two = within(all[1].bytes.len() + all[2].bytes.len());
        assert_eq!(names(&two), ["", "a.pdf", "b.pdf"]);
        let text = String::from_utf8(two[0].bytes.clone()).unwrap();
        assert!(text.contains("a.pdf to read") && text.contains("b.pdf to read") && !text.contains("c."), "{text}");
        assert_eq!(within(all[1].bytes.len() - 1), vec![]);
    }
}

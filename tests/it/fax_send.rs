//! `molink send` with texts, pictures and PDFs to a station over fax: what arrives is, pel for pel, what was drawn; what cannot go is named.

use crate::convert_bad::{fixture, page as one_page, pdf, png};
use crate::fax_document::{pages_of, tiff};
use crate::support::{House, SOON, Station, free_udp_ports, peer, text};
use molink::fax::backend_apart::read_by;
use molink::fax::backend_document::pages;
use molink::fax::pages::Look;
use molink::message::Message;
use molink::paper::{Form, Resolution, Width, chart};
use molink::router::Contents;
use std::fs;
use std::process::Command;
use std::time::Duration;

const A_MINUTE: Duration = Duration::from_secs(60);

/// Two stations with a fax line between them.
struct Pair {
    house: House,
    washington: Station,
    moscow: Station,
}

fn pair() -> Pair {
    let house = House::new();
    let [here, there] = free_udp_ports();
    for (name, peer, own, far) in [("washington", "moscow", here, there), ("moscow", "washington", there, here)] {
        house.file(
            &format!("{name}.toml"),
            format!(
                "station = \"{name}\"\ndata = \"{name}\"\nlisten = \"127.0.0.1:0\"\nspeed = \"max\"\n[desk.operator]\n\
                 [port.fax]\nbackend = \"fax\"\npeer = \"{peer}\"\nline = {{ t38 = \"127.0.0.1:{far}\", listen = \"127.0.0.1:{own}\" }}\n\
                 [[route]]\nto = \"*@{peer}\"\nports = [\"fax\"]\n"
            ),
        );
    }
    let (washington, moscow) = (house.start("washington", &[]).unwrap(), house.start("moscow", &[]).unwrap());
    Pair { house, washington, moscow }
}

impl Pair {
    /// `molink send` from Washington: exit code, identity or nothing, what it said.
    fn send(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let token = self.house.path("washington/api-token").display().to_string();
        let mut all = vec!["send", "--station", &self.washington.api, "--token-file", &token, "--to", "operator@moscow"];
        all.extend_from_slice(args);
        let done = self.house.run(&all, A_MINUTE * 3);
        (done.status.code(), text(&done.stdout).trim().to_owned(), text(&done.stderr))
    }
    /// The message as Washington has it.
    fn message(&self, id: &str) -> Message {
        let token = fs::read_to_string(self.house.path("washington/api-token")).unwrap();
        let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
        let url = format!("{}/api/messages/{id}/content", self.washington.api);
        let mut answer = agent.get(url).header("Authorization", format!("Bearer {}", token.trim())).call().unwrap();
        serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
    }
    fn printed(&self, id: &str) {
        let printed = self.house.board.until(SOON, |s| s.told("moscow", id, "printed").then_some(()));
        assert!(printed.is_some(), "{}", self.moscow.process.errors());
    }
}

/// The files of a message of every kind.
fn every_kind(house: &House) -> [&'static str; 5] {
    house.file("letter.txt", chart::text("text").unwrap());
    house.file("письмо.txt", chart::text("cyrillic").unwrap());
    let form = Form { width: Width::A4, resolution: Resolution::FINE };
    house.file("map.tif", tiff(&[chart("map", &form).unwrap()]));
    house.file("photo.jpg", fixture("pages/grey.jpg"));
    house.file("box.pdf", one_page("/MediaBox[0 0 595.28 841.89]", b"72 337.89 288 360 re f", &[]));
    ["letter.txt", "письмо.txt", "map.tif", "photo.jpg", "box.pdf"]
}

#[test]
#[ignore = "seconds in a debug build: run through tests/run"]
fn what_arrives_is_pel_for_pel_what_was_drawn() {
    let pair = pair();
    let files = every_kind(&pair.house);
    let (code, id, said) = pair.send(&[&["--precedence", "flash", "--subject", "MAPS", "--wait"][..], &files].concat());
    assert_eq!(code, Some(0), "{said}\n{}\n{}", pair.washington.process.errors(), pair.moscow.process.errors());
    pair.printed(&id);
    read_by(pair.house.program().to_owned());
    let contents = Contents::in_folder(pair.house.path("washington/content"));
    let drawn = pages(&pair.message(&id), &contents, &Look::default(), &"washington".parse().unwrap()).unwrap();
    let came = pages_of(&fs::read(pair.house.path(&format!("moscow/fax/{id}.tif"))).unwrap());
    assert_eq!((came.len(), drawn.pages.len()), (5, 5));
    for (n, (came, drawn)) in came.iter().zip(&drawn.pages).enumerate() {
        assert!(came == &**drawn, "page {}", n + 1);
    }
    let paper = fs::read_to_string(pair.house.path(&format!("moscow/paper/{id}.txt"))).unwrap();
    assert!(paper.contains(&format!("ENCL 5 pages: fax/{id}.tif, fax/{id}.pdf\n")) && paper.contains("SUBJ MAPS"), "{paper}");
    assert!(pair.washington.stop().success() && pair.moscow.stop().success());
}

#[test]
#[ignore = "seconds in a debug build: run through tests/run"]
fn what_cannot_be_sent_by_fax_is_named_and_the_next_message_goes() {
    let pair = pair();
    let house = &pair.house;
    house.file("notes.wav", "RIFF");
    house.file("drawing.svg", "<svg/>");
    house.file("chinese.txt", "字典\n");
    for (file, says) in [
        ("notes.wav", "`notes.wav` (audio/wav)"),
        ("drawing.svg", "`drawing.svg`"),
        ("chinese.txt", "no letter for `字` and 1 other of the text"),
    ] {
        let (code, out, said) = pair.send(&[file]);
        assert!(code == Some(1) && out.is_empty() && said.contains(says), "{file}: {code:?} {said}");
    }
    let whole = {
        let mut out = vec![];
        let mut encoder = ::png::Encoder::new(&mut out, 300, 200);
        encoder.set_color(::png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(&vec![128; 300 * 200]).unwrap();
        out
    };
    house.file("damaged.png", &whole[..whole.len() / 2]);
    house.file("thread.png", png(1, 100_000));
    house.file("locked.pdf", fixture("pdf/locked.pdf"));
    let kids: String = (0..10_000).map(|n| format!("{} 0 R ", n + 3)).collect();
    let mut many = vec![b"<</Type/Catalog /Pages 2 0 R>>".to_vec(), format!("<</Type/Pages /Kids[{kids}] /Count 10000>>").into_bytes()];
    many.extend((0..10_000).map(|_| b"<</Type/Page /Parent 2 0 R /MediaBox[0 0 595 842]>>".to_vec()));
    house.file("many.pdf", pdf(&many));
    for (file, says) in [
        ("damaged.png", "`damaged.png`"),
        ("thread.png", "`thread.png` is a picture of 1 x 100000 pels"),
        ("locked.pdf", "`locked.pdf`: it is locked with a password"),
        ("many.pdf", "`many.pdf` has 10000 pages, and a message 200 at the most"),
    ] {
        let (code, id, said) = pair.send(&["--wait", file]);
        let told = format!("{id} {said}");
        assert!(code == Some(1) && told.contains(says) && told.contains("cannot be sent by fax"), "{file}: {code:?} {told}");
    }
    house.file("note.txt", "And this one goes.\n");
    let (code, _, said) = pair.send(&["--wait", "note.txt"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(pair.washington.stop().success() && pair.moscow.stop().success());
}

#[test]
#[ignore = "peer: run through tests/run"]
fn the_document_that_arrives_is_drawn_by_poppler_and_read_by_tesseract() {
    let pair = pair();
    let files = every_kind(&pair.house);
    let (code, id, said) = pair.send(&[&["--wait"][..], &files].concat());
    assert_eq!(code, Some(0), "{said}");
    pair.printed(&id);
    let run = |program: &str, package: &str, args: &[&str]| {
        let mut command = Command::new(peer(program, package));
        pair.house.clean(command.args(args).env("OMP_THREAD_LIMIT", "1"));
        let done = pair.house.end(command, program, A_MINUTE * 2);
        assert!(done.status.success(), "{program}: {}", text(&done.stderr));
        text(&done.stdout)
    };
    let document = pair.house.path(&format!("moscow/fax/{id}.pdf")).display().to_string();
    run("pdftoppm", "poppler-utils", &["-r", "204", "-gray", "-png", &document, "page"]);
    for (page, language, name) in [("page-1.png", "eng", "text"), ("page-2.png", "rus", "cyrillic")] {
        // It takes the type's l for L (see docs/fax-pages.md).
        let read = run("tesseract", "tesseract-ocr tesseract-ocr-rus", &[page, "-", "-l", language, "--psm", "6"]).to_lowercase();
        let words: Vec<&str> = chart::text(name).unwrap().split_whitespace().filter(|w| w.chars().all(char::is_alphabetic)).collect();
        let seen = words.iter().filter(|word| read.contains(&word.to_lowercase())).count();
        println!("{name}: {seen} of {} words", words.len());
        assert!(seen * 100 >= words.len() * 95, "{name}: {seen} of {} words\n{read}", words.len());
    }
    assert!(pair.washington.stop().success() && pair.moscow.stop().success());
}

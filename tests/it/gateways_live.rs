//! The gateways end to end, between processes, judged at the far end with other people's programs: a mail to a teleprinter and to a fax,
//! a fax and a teleprinter's message to a mail. Washington is the gateway; Moscow has a teleprinter line to it, Geneva a fax line.

use crate::fax_document::tiff;
use crate::support::{House, Process, Station, free_udp_ports, peer, text};
use crate::wire::address;
use molink::fax::backend_apart::read_by;
use molink::fax::backend_document::pages;
use molink::fax::pages::Look;
use molink::paper::{About, Sheet, pdf};
use molink::router::Contents;
use molink::router::journal::reader::Reader;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// From a mail's last line to the paper, with all programs of a busy machine in between.
const SETTLED: Duration = Duration::from_secs(120);

/// The three stations, and the mail server of the world outside, which keeps what it gets.
struct Gateway {
    house: House,
    washington: Station,
    moscow: Station,
    geneva: Station,
    _outside: Process,
    /// Where Washington takes mails.
    listen: String,
}

impl Gateway {
    fn start() -> Gateway {
        let house = House::new();
        let (listen, sink, cable) = (address(), address(), address());
        let [near, far] = free_udp_ports();
        let top = |name: &str, number: u8| {
            format!(
                "station = \"{name}\"\nnumber = {number}\ndata = \"{name}\"\nlisten = \"127.0.0.1:0\"\nspeed = \"max\"\npapers = [\"txt\", \"pdf\"]\n\
                 [desk.operator]\n[retry]\nfirst = \"500ms\"\nlongest = \"3s\"\nexpire = \"9000h\"\n"
            )
        };
        let fax = |peer: &str, to: u16, own: u16| {
            format!("[port.satellite]\nbackend = \"fax\"\nline = {{ t38 = \"127.0.0.1:{to}\", listen = \"{own}\" }}\npeer = \"{peer}\"\n")
        };
        let route = |to: &str, port: &str| format!("[[route]]\nto = \"*@{to}\"\nports = [\"{port}\"]\n");
        let washington = top("washington", 1)
            + &format!(
                "[port.post]\nbackend = \"email\"\nkind = \"gateway\"\nline = {{ listen = \"{listen}\", smtp = \"{sink}\" }}\n\
                 people = {{ alice = \"alice@example.org\" }}\n\
                 [port.cable]\nbackend = \"teletype\"\nline = {{ listen = \"{cable}\" }}\npeer = \"moscow\"\n"
            )
            + &fax("geneva", far, near)
            + &route("moscow", "cable")
            + &route("geneva", "satellite")
            + &route("mail", "post");
        let moscow = top("moscow", 2)
            + &format!("[port.cable]\nbackend = \"teletype\"\nline = {{ tcp = \"{cable}\" }}\npeer = \"washington\"\n")
            + &route("washington", "cable")
            + &route("mail", "cable");
        let geneva = top("geneva", 3) + &fax("washington", near, far) + &route("washington", "satellite") + &route("mail", "satellite");
        house.file("washington.toml", washington);
        house.file("moscow.toml", moscow);
        house.file("geneva.toml", geneva);
        std::fs::create_dir(house.path("mails")).unwrap();
        let mut server = Command::new(peer("smtp-sink", "postfix"));
        // As root it wants to be somebody; the folder is ours.
        if rustix::process::geteuid().is_root() {
            server.args(["-u", "root"]);
        }
        server.args(["-d", &format!("{}/mail.", house.path("mails").display()), &sink, "16"]);
        let outside = Process::start(server, &house.board, &house.path("sink.log"));
        let start = |name: &str| house.start(name, &[]).unwrap_or_else(|s| panic!("{name} ended: {s}"));
        let (washington, moscow, geneva) = (start("washington"), start("moscow"), start("geneva"));
        Gateway { house, washington, moscow, geneva, _outside: outside, listen }
    }
    /// Runs a program to its end; its output.
    fn run(&self, program: &str, package: &str, args: &[&str]) -> String {
        let mut command = Command::new(peer(program, package));
        command.args(args).current_dir(self.house.dir.path());
        let done = self.house.end(command, &format!("{program} {args:?}"), SETTLED);
        assert!(done.status.success(), "{program} {args:?}: {}", text(&done.stderr));
        text(&done.stdout)
    }
    fn python(&self, args: &[&str]) -> String {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/mail_gateway.py");
        self.run("python3", "python3", &[&[script], args].concat())
    }
    /// Hands a mail of alice's in; the reply.
    fn hand_in(&self, to: &str, subject: &str, words: &str, files: &[&str]) -> String {
        self.house.file("words.txt", words);
        self.python(&[&["send", &self.listen, to, subject, "words.txt"], files].concat())
    }
    /// The same of one that is taken; the identity it got.
    fn mail(&self, to: &str, subject: &str, words: &str, files: &[&str]) -> String {
        let reply = self.hand_in(to, subject, words, files);
        let id = reply.strip_prefix("250 2.0.0 filed as ").unwrap_or_else(|| panic!("{reply}\n{}", self.washington.process.errors()));
        id.trim().to_owned()
    }
    /// A page as tesseract reads it: line by line, and what stands alone.
    fn read(&self, page: &str) -> String {
        ["6", "11"].map(|way| self.run("tesseract", "tesseract-ocr", &[page, "-", "--psm", way])).concat()
    }
    /// Waits until a station tells of that event of a message; the event.
    fn until(&self, station: &Station, id: &str, event: &str) -> Value {
        let found = |s: &crate::support::Seen| {
            let of = |e: &&Value| e["station"] == *station.name && e["id"] == *id && e["event"] == *event;
            s.events.iter().find(of).cloned()
        };
        let logs = || [&self.washington, &self.moscow, &self.geneva].map(|s| s.process.errors()).join("\n");
        self.house.board.until(SETTLED, found).unwrap_or_else(|| panic!("{id} is not {event} at {}\n{}", station.name, logs()))
    }
    /// What the server of the world outside was handed that has these words: opened, its attachments in `folder`.
    fn outside(&self, words: &str, folder: &str) -> Value {
        let has = |path: &PathBuf| std::fs::read_to_string(path).is_ok_and(|mail| mail.contains(words));
        let all: Vec<PathBuf> = std::fs::read_dir(self.house.path("mails")).unwrap().map(|f| f.unwrap().path()).filter(has).collect();
        let [path] = &all[..] else { panic!("{} mails with `{words}`", all.len()) };
        std::fs::create_dir_all(self.house.path(folder)).unwrap();
        let mail: Value = serde_json::from_str(&self.python(&["open", &path.display().to_string(), folder])).unwrap();
        assert_eq!(mail["defects"].as_array().map(Vec::len), Some(0), "{mail}");
        mail
    }
    /// The notice about a message of alice's, as the server of the world outside was handed it.
    fn notice(&self, about: &str) -> Value {
        let of = |e: &&Value| e["station"] == "washington" && e["event"] == "accepted" && e["from"] == "router@washington";
        let handed = |s: &crate::support::Seen| {
            let notice = s.events.iter().find(of)?["id"].as_str()?.to_owned();
            s.told("washington", &notice, "custody").then_some(notice)
        };
        let notice = self.house.board.until(SETTLED, handed);
        let notice = notice.unwrap_or_else(|| panic!("nobody is told of {about}\n{}", self.washington.process.errors()));
        self.outside(&format!("<{notice}@"), "notice")
    }
    fn stop(self) {
        [self.washington, self.moscow, self.geneva].into_iter().for_each(|s| assert!(s.stop().success()));
    }
}

/// However wide the blanks are.
fn has(all: &str, words: &[&str]) {
    let folded = all.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in words {
        assert!(folded.contains(word), "no `{word}` in:\n{all}");
    }
}
/// What was read by eye, so to speak: capitals are not told from small letters, nor @ from an a.
fn shows(all: &str, words: &[&str]) {
    has(&all.to_lowercase(), &words.iter().map(|w| w.to_lowercase()).collect::<Vec<_>>().iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
#[ignore = "peer: run through tests/run"]
fn a_mail_to_a_teleprinter_is_its_text_on_paper_with_its_attachments_named() {
    let g = Gateway::start();
    g.house.file("Отчёт_1.zip", b"PK\x05\x06 not for paper");
    let words = "Dear operator,\n\nmeet me at “Noon” – by the bridge: 100 % sure; yes!\n\nАлиса\n";
    let id = g.mail("operator@moscow", "Lunch & more", words, &["Отчёт_1.zip"]);
    let sent = g.until(&g.washington, &id, "sent");
    let edits: Vec<&Value> = sent["edits"].as_array().unwrap().iter().collect();
    let left_out: Vec<&str> = edits.iter().filter(|e| e["left_out"] == true).map(|e| e["what"].as_str().unwrap()).collect();
    assert_eq!(left_out, ["left out: Отчёт_1.zip (application/zip, 18 bytes)"], "the sender's station can tell him");
    assert!(edits.iter().any(|e| e["what"].as_str().unwrap().starts_with("Cyrillic to Latin")), "{edits:?}");
    g.until(&g.moscow, &id, "printed");
    let paper = g.run("pdftotext", "poppler-utils", &["-layout", &format!("moscow/paper/{id}.pdf"), "-"]);
    has(
        &paper,
        &[
            "FM ALICE AT MAIL",
            "TO OPERATOR AT MOSCOW",
            "SUBJ LUNCH + MORE",
            "BY MAIL FROM ALICE EXAMPLE (ALICE(AT)EXAMPLE.ORG)",
            "MEET ME AT ''NOON'' - BY THE BRIDGE: 100 O/O SURE, YES.",
            "ALISA",
            "ATTACHMENT NOT SENT: OTCHET-1.ZIP (APPLICATION/ZIP, 18 BYTES)",
        ],
    );
    let told = g.notice(&id);
    has(told["texts"][0].as_str().unwrap(), &["left out: Отчёт_1.zip (application/zip, 18 bytes)"]);
    assert!(told["reports"].as_array().unwrap().iter().any(|r| r["Action"] == "delivered"), "{told}");
    let strange = g.hand_in("operator@moscow", "Greek", "Γειά σου", &[]);
    assert!(strange.starts_with("550 5.7.1 refused: the line has no letter for `Γ`"), "{strange}");
    g.stop();
}

#[test]
#[ignore = "peer: run through tests/run"]
fn a_mail_to_a_fax_is_a_cover_its_text_and_its_attachments_as_pages() {
    let g = Gateway::start();
    g.house.file("orders.pdf", pdf(&Sheet::of_text("THE ORDERS ARE ENCLOSED\n"), &About::default()).unwrap());
    g.run(
        "convert",
        "imagemagick",
        &["-size", "900x300", "-gravity", "center", "-fill", "black", "-pointsize", "90", "label:HARBOUR", "map.png"],
    );
    g.house.file("notes.txt", "Remember the lighthouse keeper.\n");
    g.house.file("archive.zip", b"PK\x05\x06");
    let id = g.mail("operator@geneva", "The maps", "Please call me at once.\n", &["orders.pdf", "map.png", "notes.txt", "archive.zip"]);
    let filed = g.until(&g.washington, &id, "filed");
    has(filed["receipt"].as_str().unwrap(), &["MCF from", "left out: archive.zip (application/zip, 4 bytes): it has no pages"]);
    let sent = g.until(&g.washington, &id, "sent");
    assert_eq!(sent["edits"][0]["what"], "left out: archive.zip (application/zip, 4 bytes)");
    has(g.notice(&id)["texts"][0].as_str().unwrap(), &["left out: archive.zip (application/zip, 4 bytes)"]);
    g.until(&g.geneva, &id, "printed");
    g.run("pdftoppm", "poppler-utils", &["-r", "200", "-gray", "-png", &format!("geneva/fax/{id}.pdf"), "page"]);
    let read: Vec<String> = (1..=5).map(|n| g.read(&format!("page-{n}.png"))).collect();
    assert!(!g.house.path("page-6.png").exists());
    shows(
        &read[0],
        &[
            "Alice Example",
            "example.org",
            "Answer: alice",
            "The maps",
            "5, this one included",
            "orders.pdf",
            "notes.txt",
            "NOT PRINTED",
            "archive.zip",
        ],
    );
    for (page, words) in
        read[1..].iter().zip(["Please call me at once", "THE ORDERS ARE ENCLOSED", "HARBOUR", "Remember the lighthouse keeper"])
    {
        shows(page, &[words]);
    }
    g.stop();
}

#[test]
#[ignore = "peer: run through tests/run"]
fn a_fax_to_a_mail_is_a_text_with_its_pages_as_tiff_and_pdf() {
    let g = Gateway::start();
    let long: String = (1..=90).map(|n| format!("LINE {n} OF A REPORT TO ALICE\n")).collect();
    let id = g.geneva.accept("alice@mail", &long);
    g.until(&g.washington, &id, "custody");
    let mail = g.outside(&id, "fax");
    assert_eq!((&mail["subject"], &mail["id"]), (&Value::from("TEST"), &Value::from(id.as_str())));
    assert!(mail["to"].as_str().unwrap().contains("alice@example.org"), "{mail}");
    let told = mail["texts"][0].as_str().unwrap();
    has(told, &[&format!("A fax from operator@geneva, {id}."), "2 pages: "]);
    let files: Vec<(&str, &str)> =
        mail["files"].as_array().unwrap().iter().map(|f| (f[0].as_str().unwrap(), f[1].as_str().unwrap())).collect();
    let [(tif, "image/tiff"), (document, "application/pdf")] = files[..] else { panic!("{files:?}") };
    assert_eq!(g.run("tiffinfo", "libtiff-tools", &[&format!("fax/{tif}")]).matches("Image Width: 1728 Image Length: 2292").count(), 2);
    // The pages as Geneva drew them, pel for pel.
    read_by(crate::support::molink());
    let message = Reader::open(&g.house.path("geneva/journal.sqlite")).unwrap().load(&id.parse().unwrap()).unwrap().unwrap();
    let contents = Contents::in_folder(g.house.path("geneva/content"));
    let drawn = pages(&message, &contents, &Look::default(), &"geneva".parse().unwrap()).unwrap().pages;
    g.house.file("drawn.tif", tiff(&drawn.iter().map(|page| (**page).clone()).collect::<Vec<_>>()));
    g.run("tiffcmp", "libtiff-tools", &["-t", "drawn.tif", &format!("fax/{tif}")]);
    assert!(g.run("pdfinfo", "poppler-utils", &[&format!("fax/{document}")]).lines().any(|l| l.starts_with("Pages:") && l.ends_with(" 2")));
    g.run("pdftoppm", "poppler-utils", &["-r", "200", "-gray", "-png", "-f", "2", "-l", "2", &format!("fax/{document}"), "page"]);
    shows(&g.read("page-2.png"), &["LINE 90 OF A REPORT TO ALICE"]);
    g.stop();
}

#[test]
#[ignore = "peer: run through tests/run"]
fn a_teleprinters_message_to_a_mail_is_its_text_with_the_paper_as_pdf() {
    let g = Gateway::start();
    let id = g.moscow.accept("alice@mail", "ALL IS WELL.\nTHE QUICK BROWN FOX, 1963");
    g.until(&g.washington, &id, "custody");
    let mail = g.outside(&id, "paper");
    assert_eq!(mail["texts"][0].as_str().unwrap().trim_end(), "ALL IS WELL.\nTHE QUICK BROWN FOX, 1963");
    let name = format!("{id}.pdf");
    assert_eq!(mail["files"], serde_json::json!([[name, "application/pdf"]]));
    let paper = g.run("pdftotext", "poppler-utils", &["-layout", &format!("paper/{name}"), "-"]);
    has(&paper, &["FM OPERATOR AT MOSCOW", "TO ALICE AT MAIL", "SUBJ TEST", "ALL IS WELL.", "THE QUICK BROWN FOX, 1963", "NNNN"]);
    g.stop();
}

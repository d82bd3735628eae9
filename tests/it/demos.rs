//! The demos with mail, as processes: what an audience is told, what lies in the folder afterwards, and a circuit cut in mid-message.

use crate::support::{House, text};
use molink::history::Scenario;
use molink::router::{Event, Stamped};
use molink::station::live::{Live, Told};
use molink::time::Speed;
use std::path::{Path, PathBuf};
use std::time::Duration;

const A_MINUTE: Duration = Duration::from_secs(60);

/// Runs a demo at full speed; what it told. It ended well, and no row is wider than a terminal.
fn demo(house: &House, era: &str) -> String {
    let done = house.run(&["demo", "--era", era, "--speed", "max", "--out", "d"], 3 * A_MINUTE);
    let told = text(&done.stdout);
    assert_eq!((done.status.code(), text(&done.stderr).as_str()), (Some(0), ""), "{told}");
    assert!(told.lines().all(|l| l.chars().count() < 80) && !told.contains('\u{1b}'), "{told}");
    told
}

/// The files of a folder whose names end so, in order.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).filter(|p| p.to_string_lossy().ends_with(ending)).collect();
    found.sort();
    found
}

/// What was attached to a mail, by mail-parser: (name, octets).
fn attached(eml: &Path) -> Vec<(String, Vec<u8>)> {
    use mail_parser::MimeHeaders;
    let mail = std::fs::read(eml).unwrap();
    let mail = mail_parser::MessageParser::default().parse(&mail).unwrap_or_else(|| panic!("{} is no mail", eml.display()));
    mail.attachments().map(|part| (part.attachment_name().unwrap_or_default().to_owned(), part.contents().to_vec())).collect()
}

/// What was told at a time, each on one line.
fn news(told: &str) -> Vec<String> {
    let mut all: Vec<String> = vec![];
    for line in told.lines() {
        match (line.as_bytes().get(2), all.last_mut()) {
            (Some(b':'), _) => all.push(line.get(10..).unwrap_or_default().to_owned()),
            (Some(_), Some(last)) if line.starts_with("          ") => *last += &format!(" {}", line.trim()),
            _ => {} // not news
        }
    }
    all
}

/// A mail is read where and after it was filed, and whoever hands in the next has heard of it: he may answer it.
fn told_in_order(told: &str) {
    let news = news(told);
    let between = |line: &str, from: &str, to: &str| Some(line.split_once(from)?.1.split_once(to)?.0.to_owned());
    let (mut under_way, mut read) = (vec![], 0);
    for (n, line) in news.iter().enumerate() {
        let station = line.split(' ').next().unwrap_or_default();
        if let Some(id) = between(line, " accepts ", ",") {
            assert!(under_way.is_empty(), "{id} is handed in before {under_way:?} is read\n{told}");
            under_way.push(id);
        }
        if let Some(id) = between(line, " has ", " in its mailbox:").or_else(|| between(line, " reads ", " on the screen:")) {
            let filed = |line: &String| line.starts_with(station) && line.contains(&format!(" files {id}:"));
            assert!(news[..n].iter().any(filed), "{station} reads {id} before it is filed there\n{told}");
            under_way.retain(|other| *other != id);
            read += 1;
        }
    }
    assert!(under_way.is_empty() && read >= 5, "{read} are read, {under_way:?} not\n{told}");
}

/// No key of the run is left, none is in the trace, and what was said under TLS went over no circuit in clear.
fn nothing_secret_in(house: &House, trace: &str) {
    let trace = std::fs::read_to_string(house.path(trace)).unwrap();
    assert!(trace.lines().count() > 20, "{trace}");
    assert!(!trace.contains("PRIVATE KEY") && !trace.contains("AUTH PLAIN"), "a secret in the trace");
    for line in trace.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let said = event["line"].as_str().unwrap_or_default();
        assert!(
            event["as"] == "cipher" || !["MAIL FROM", "RCPT TO", "DATA", "BDAT"].iter().any(|c| said.starts_with(c)),
            "in clear: {line}"
        );
    }
}

#[test]
#[ignore = "seconds in a debug build: run through tests/run"]
fn the_demo_of_2008_leaves_mails_with_their_document_and_one_satellite_has_dropped_out() {
    let house = House::new();
    let told = demo(&house, "2008");
    told_in_order(&told);
    assert!(told.contains("goes over to TLS") && told.contains("breaks off"), "{told}");
    assert!(told.find("breaks off") < told.find("MOSCOW (sat-2) files WASHINGTON"), "the other satellite carries it\n{told}");
    assert!(told.contains("Satellite 1 drops out") && told.contains("Хэш сошёлся") && told.contains("зачем лиса"), "{told}");
    assert_eq!(files(&house.path("d/moscow/mail"), ".eml").len(), 3, "a test, a line of chat, the greeting");
    assert_eq!(files(&house.path("d/washington/mail"), ".eml").len(), 3, "two lines of chat, the answer");
    let documents = files(&house.path("d/moscow/mail"), "-1-machines-of-45-years.pdf");
    let document = std::fs::read(&documents[0]).unwrap();
    let eml = documents[0].to_string_lossy().replace("-1-machines-of-45-years.pdf", ".eml");
    assert_eq!(attached(Path::new(&eml)), [("machines-of-45-years.pdf".to_owned(), document.clone())]);
    let sent = files(&house.path("d/washington/content"), "").into_iter().any(|kept| std::fs::read(kept).is_ok_and(|c| c == document));
    assert!(sent && document.starts_with(b"%PDF-"), "what came is what was sent");
    assert!(told.contains("d/moscow/mail/WASHINGTON-0003-20080830T1400Z-1-machines-of-45-years.pdf"), "{told}");
    for (folder, row) in [("d/moscow/maildir/duty/new", "    d/moscow/maildir/duty\n"), ("d/moscow/paper", "    d/moscow/paper/*.txt\n")] {
        assert!(told.contains(row) && files(&house.path(folder), "").len() == 3, "{folder} is named, and holds what came\n{told}");
    }
    assert!(told.contains("mutt -f") && !told.contains("sender's paper"), "{told}");
    nothing_secret_in(&house, "d/trace.jsonl");
    for (circuit, station) in [("sat-1", "washington"), ("sat-2", "moscow"), ("fibre", "moscow")] {
        let folder = house.path(&format!("d/keys/{circuit}/{station}"));
        assert!(files(&folder, ".key").is_empty() && files(&folder, ".crt").len() == 2, "{}", folder.display());
    }
}

#[test]
#[ignore = "seconds in a debug build: run through tests/run"]
fn the_demo_of_2013_brings_a_notification_an_inquiry_with_two_documents_and_its_acknowledgement() {
    let house = House::new();
    let told = demo(&house, "2013");
    told_in_order(&told);
    assert!(told.contains("УВЕДОМЛЕНИЕ / NOTIFICATION") && told.contains("law of armed conflict") && told.contains("Передано"), "{told}");
    let pdf = files(&house.path("d/nrrc-moscow/mail"), "-1-chronology.pdf");
    let eml = pdf[0].to_string_lossy().replace("-1-chronology.pdf", ".eml");
    let table = pdf[0].to_string_lossy().replace("-1-chronology.pdf", "-2-indicators.csv");
    let (pdf, table) = (std::fs::read(&pdf[0]).unwrap(), std::fs::read(table).unwrap());
    assert!(table.starts_with(b"kind,value,") && pdf.starts_with(b"%PDF-"));
    assert_eq!(attached(Path::new(&eml)), [("chronology.pdf".to_owned(), pdf), ("indicators.csv".to_owned(), table)]);
    nothing_secret_in(&house, "d/trace.jsonl");
}

#[test]
#[ignore = "peer: run through tests/run"]
fn the_demo_of_all_eras_tells_five_acts_each_in_a_folder_of_its_own() {
    let house = House::new();
    std::fs::create_dir_all(house.path("d/notes")).unwrap();
    let refused = house.run(&["demo", "--era", "all", "--out", "d"], A_MINUTE);
    assert!(refused.status.code() == Some(2) && text(&refused.stderr).contains("not made by a demo"), "{}", text(&refused.stderr));
    std::fs::remove_dir(house.path("d/notes")).unwrap();
    for _ in 0..2 {
        let told = demo(&house, "all");
        let acts = ["1 of 5", "2 of 5, 13 years later", "3 of 5, 10 years later", "4 of 5, 22 years later", "5 of 5, 8 years later"];
        let places = acts.map(|act| told.find(act));
        assert!(places.is_sorted() && places[0].is_some(), "{places:?}\n{told}");
        assert!(told.contains("QUICK BROWN FOX") && told.contains("ploughed") && told.contains("breaks off"), "{told}");
    }
    for (act, file) in [
        ("1963", "moscow/paper/WASHINGTON-0001-19630830T1600Z.txt"),
        ("1976", "moscow/paper/WASHINGTON-0001-19760807T1257Z.pdf"),
        ("1986", "moscow/fax/WASHINGTON-0001-19860618T1400Z.tif"),
        ("2008", "washington/mail/MOSCOW-0001-20080830T1400Z.eml"),
        ("2013", "nrrc-moscow/mail/NRRC-WASHINGTON-0001-20161031T1400Z-2-indicators.csv"),
    ] {
        let path = house.path("d").join(act).join(file);
        assert!(path.metadata().is_ok_and(|m| m.len() > 0), "{}", path.display());
        assert!(house.path("d").join(act).join("trace.jsonl").exists());
    }
}

/// The circuit breaks after 8,000 octets of a mail that has more, and is mended when the sender knows; nothing is filed by half.
#[test]
#[ignore = "seconds in a debug build: run through tests/run"]
fn a_circuit_cut_in_mid_message_files_nothing_and_the_mail_goes_again_when_it_is_mended() {
    let scenario = Scenario::parse(
        "cut.toml",
        &r#"
title = "a cut"
start = "2008-08-30T14:00:00Z"
[station.washington]
number = 1
desk.duty = {}
port.sat = { backend = "email", peer = "moscow" }
route = [{ to = "*@moscow", ports = ["sat"] }]
[station.moscow]
number = 2
desk.duty = {}
port.sat = { backend = "email", peer = "washington" }
[circuit.sat]
ends = ["washington:sat", "moscow:sat"]
[[timeline]]
at = "+0s"
do = "cut"
circuit = "sat"
octets = 8000
[[timeline]]
at = "+0s"
do = "send"
from = "duty@washington"
to = "duty@moscow"
documents = [{ name = "long.txt", text = "LONG" }]
[[timeline]]
after = "delayed 1"
do = "restore"
circuit = "sat"
"#
        .replace("LONG", &"A LINE OF A LONG DOCUMENT.\\n".repeat(2000)),
    )
    .unwrap();
    let out = tempfile::tempdir().unwrap();
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (mut delayed, mut filed, mut read) = (0, 0, vec![]);
    let told = rt.block_on(async {
        let mut live = Live::start(&scenario, Speed::Max, out.path()).await.unwrap();
        let story = live.perform(|told| {
            match told {
                Told::Event(Stamped { event: Event::Delayed { .. }, .. }) => delayed += 1,
                Told::Event(Stamped { station, event: Event::Filed { .. }, .. }) if station.as_str() == "moscow" => filed += 1,
                Told::Read(at, message) => read.push((at.to_string(), message.content.len())),
                Told::Event(_) | Told::Say(_) | Told::Tapped(_) | Told::Moment => {}
            }
            Ok(())
        });
        let told = tokio::time::timeout(A_MINUTE, story).await.expect("within a minute").unwrap();
        live.stop(|_| ()).await.unwrap();
        told
    });
    assert!(told && delayed >= 1, "it was cut, and it arrived: {told}, {delayed}");
    assert_eq!((filed, read), (1, vec![("moscow".to_owned(), 1)]), "once");
}

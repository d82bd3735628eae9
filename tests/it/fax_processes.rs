//! Two stations of their own processes with a fax line between them (T.38 on this machine): a message arrives; kill -9 at named points
//! loses no confirmed page and files none twice; and under strace no MCF is sent before page and message are on disk.

use crate::durability::{Call, JOURNAL, calls, end_traced, file_synced_between, text_of, traced, unquoted};
use crate::support::{House, Station, free_udp_ports, seconds};
#[cfg(feature = "faults")]
use crate::support::{killed, molink_with_faults};
#[cfg(feature = "faults")]
use molink::faults::KillPoint;
use molink::fax::tiff::Reader as Tiff;
use molink::message::Part;
use molink::paper::Page;
use molink::router::Contents;
use molink::router::journal::reader::{Filter, Reader};
use std::collections::BTreeMap;
use std::io::BufReader;
use std::time::Duration;

const ENDS: [&str; 2] = ["washington", "moscow"];
/// From acceptance to receipt, with a kill and what follows from it.
const SETTLED: Duration = Duration::from_secs(180);

/// Writes both station files.
fn station_files(house: &House, extra: &str) {
    let ports: [u16; 2] = free_udp_ports();
    for (end, name) in ENDS.into_iter().enumerate() {
        let (peer, far, own, number) = (ENDS[1 - end], ports[1 - end], ports[end], end + 1);
        let text = format!(
            "station = \"{name}\"\nnumber = {number}\ndata = \"{name}\"\nlisten = \"127.0.0.1:0\"\nspeed = \"max\"\n{extra}\n[desk.operator]\n\
             [port.satellite]\nbackend = \"fax\"\nline = {{ t38 = \"127.0.0.1:{far}\", listen = \"{own}\" }}\npeer = \"{peer}\"\n\
             number = \"+{number}\"\nresolution = \"standard\"\n[[route]]\nto = \"*@{peer}\"\nports = [\"satellite\"]\n\
             [retry]\nfirst = \"500ms\"\nlongest = \"3s\"\nexpire = \"9000h\"\n"
        );
        house.file(&format!("{name}.toml"), text);
    }
}
fn start(house: &House, end: usize, environment: &[(&str, &str)]) -> Station {
    house.start(ENDS[end], environment).unwrap_or_else(|s| panic!("{} does not start: {s}", ENDS[end]))
}
/// Three pages of text, no two messages alike.
fn three_pages(n: usize) -> String {
    (1..=130).map(|line| format!("MESSAGE {n} LINE {line} THE QUICK BROWN FOX JUMPED OVER THE LAZY DOG\n")).collect()
}
fn filed(house: &House, id: &str) -> bool {
    let told = house.board.until(SETTLED, |s| s.told(ENDS[0], id, "filed").then_some(()));
    told.is_some()
}
fn log(house: &House, end: usize) -> String {
    std::fs::read_to_string(house.path(&format!("{}.log", ENDS[end]))).unwrap_or_default()
}
/// What is filed at Moscow: each message's pages.
fn held(house: &House) -> BTreeMap<String, Vec<Page>> {
    let reader = Reader::open(&house.path("moscow").join("journal.sqlite")).unwrap();
    let contents = Contents::in_folder(house.path("moscow").join("content"));
    let rows = reader.list(&Filter { state: None, limit: usize::MAX }).unwrap();
    let mut held = BTreeMap::new();
    for row in rows {
        let message = reader.load(&row.id).unwrap().unwrap();
        let [Part::Page(blob)] = message.content.as_slice() else { panic!("{:?}", message.content) };
        let mut file = Tiff::open(BufReader::new(contents.open(blob).unwrap()), &blob.name).unwrap();
        let pages = std::iter::from_fn(|| file.next_page()).map(|page| page.unwrap().page).collect();
        assert!(held.insert(row.id.to_string(), pages).is_none(), "{} is filed twice", row.id);
    }
    held
}
/// The pages that a text is drawn as by its sender.
fn drawn(house: &House, id: &str) -> Vec<Page> {
    let reader = Reader::open(&house.path("washington").join("journal.sqlite")).unwrap();
    let message = reader.load(&id.parse().unwrap()).unwrap().unwrap();
    let contents = Contents::in_folder(house.path("washington").join("content"));
    let mut look = molink::fax::pages::Look::default();
    look.form.resolution = molink::paper::Resolution::STANDARD;
    let drawn = molink::fax::backend_document::pages(&message, &contents, &look, &ENDS[0].parse().unwrap()).unwrap();
    drawn.pages.into_iter().map(|page| (*page).clone()).collect()
}

#[test]
#[ignore = "peer: run through tests/run"]
fn a_message_goes_by_fax_from_one_process_to_another() {
    let house = House::new();
    station_files(&house, "");
    let (washington, moscow) = (start(&house, 0, &[]), start(&house, 1, &[]));
    let began = seconds();
    let id = washington.accept("operator@moscow", &three_pages(1));
    assert!(filed(&house, &id), "{}\n{}", log(&house, 0), log(&house, 1));
    println!("three pages in {:.1} s", seconds() - began);
    let unknown = washington.accept("nobody@moscow", "FOR NOBODY");
    let returned = house.board.until(SETTLED, |s| s.told(ENDS[0], &unknown, "returned").then_some(()));
    assert!(returned.is_some(), "{}", log(&house, 0));
    let why = house.board.read(|s| s.events.iter().find(|e| e["event"] == "returned").map(|e| e["reason"].to_string()));
    assert!(why.unwrap().contains("unknown desk `nobody`; moscow has: operator"));
    assert!(washington.stop().success() && moscow.stop().success());
    assert!(held(&house)[&id] == drawn(&house, &id));
}

/// The points that a receiver passes, and how often before it is killed.
#[cfg(feature = "faults")]
const POINTS: [(KillPoint, usize); 7] = [
    (KillPoint::StartUp, 1),
    (KillPoint::PageSpooled, 1),
    (KillPoint::PageSpooled, 3),
    (KillPoint::PageConfirmed, 1),
    (KillPoint::BeforeHandOver, 1),
    (KillPoint::FiledNotConfirmed, 1),
    (KillPoint::PageConfirmed, 3),
];

#[cfg(feature = "faults")]
fn kill_rounds(rounds: usize) {
    let house = House::of(molink_with_faults());
    station_files(&house, "");
    let mut hits: BTreeMap<String, u32> = BTreeMap::new();
    let mut ids = vec![];
    let mut washington = start(&house, 0, &[]);
    for round in 0..rounds {
        let (point, nth) = POINTS[round % POINTS.len()];
        let at = format!("{}:{nth}", point.name());
        let killed_at = match house.start(ENDS[1], &[("MOLINK_KILL_AT", &at)]) {
            Err(status) => {
                ids.push(washington.accept("operator@moscow", &three_pages(round)));
                Some(status)
            }
            Ok(mut moscow) => {
                let id = washington.accept("operator@moscow", &three_pages(round));
                ids.push(id.clone());
                house.board.until(SETTLED, |s| (moscow.process.gone_in(s) || s.told(ENDS[0], &id, "filed")).then_some(()));
                let gone = moscow.process.exit(Duration::from_secs(10));
                gone.or_else(|| panic!("moscow was not killed at {at}\n{}\n{}", log(&house, 0), log(&house, 1)))
            }
        };
        let status = killed_at.unwrap();
        assert!(killed(status), "moscow ended by itself at {at}: {status}\n{}", log(&house, 1));
        *hits.entry(at.clone()).or_default() += 1;
        if round % 3 == 2 {
            washington.process.kill(); // what it knows of confirmed pages is on its disk
            washington = start(&house, 0, &[]);
        }
        let moscow = start(&house, 1, &[]);
        assert!(filed(&house, ids.last().unwrap()), "round {round}, {at}\n{}\n{}", log(&house, 0), log(&house, 1));
        assert!(moscow.stop().success());
    }
    // The last kill's hand-over comes before another message.
    let moscow = start(&house, 1, &[]);
    ids.push(washington.accept("operator@moscow", &three_pages(rounds)));
    assert!(filed(&house, ids.last().unwrap()), "{}\n{}", log(&house, 0), log(&house, 1));
    assert!(moscow.stop().success() && washington.stop().success());
    let held = held(&house);
    assert_eq!(held.len(), ids.len(), "each is filed once");
    for id in &ids {
        assert!(held[id] == drawn(&house, id), "{id}: other pages than were sent");
    }
    let confirmed = |dir: &str| {
        let of = |e: &&serde_json::Value| e["event"] == "page_confirmed" && e["dir"] == dir;
        house.board.read(|s| s.events.iter().filter(of).count())
    };
    let left =
        |e: std::fs::DirEntry| std::fs::read_dir(e.path()).unwrap().any(|f| f.unwrap().path().extension().is_some_and(|x| x == "tif"));
    let spool = std::fs::read_dir(house.path("moscow/fax/spool")).unwrap();
    assert!(!spool.map(Result::unwrap).any(left), "pages of filed messages are left in the spool");
    assert_eq!(confirmed("out"), ids.len() * 3, "no page is confirmed to its sender twice, none missing");
    println!("{} messages of three pages; kill points hit: {hits:?}; {} confirmed pages sent", ids.len(), confirmed("out"));
}

#[cfg(feature = "faults")]
#[test]
#[ignore = "peer: run through tests/run"]
fn a_receiver_killed_at_each_point_loses_no_confirmed_page_and_files_once() {
    kill_rounds(POINTS.len());
}

#[cfg(feature = "faults")]
#[test]
#[ignore = "full: run through tests/run --full"]
fn full_a_receiver_killed_at_each_point_five_times() {
    kill_rounds(POINTS.len() * 5);
}

// ---- under strace ----

/// A datagram with this frame in it, without its X bit: address, control of a last frame, FCF, highest bit first as T.38 has them.
fn carries(call: &Call, fcf: u8) -> bool {
    let shown = call.args.split_once('"').and_then(|(_, rest)| rest.rsplit_once('"')).map_or("", |(shown, _)| shown);
    unquoted(shown).windows(3).any(|w| w[..2] == [0xff, 0xc8] && w[2] & 0x7f == fcf)
}

/// Between the end of the last page (PPS) and the first MCF: the page is written and synced, then the journal.
fn confirmed_on_disk(calls: &[Call]) -> Result<(), String> {
    let udp = |c: &&Call| !c.on.contains("TCP") && c.on.contains(':');
    let asked = calls.iter().filter(udp).find(|c| c.reads() && carries(c, 0b0111_1101)).ok_or("no PPS is read")?;
    let said = calls.iter().filter(udp).find(|c| c.writes() && carries(c, 0b0011_0001)).ok_or("no MCF is written")?;
    file_synced_between(calls, "001.tif.part", asked, said)?;
    file_synced_between(calls, JOURNAL, asked, said)
}

/// One page from Washington to Moscow, Moscow under strace: its calls.
fn observed(extra: &str, house: &House, fault: Option<&str>) -> Vec<Call> {
    station_files(house, extra);
    let moscow = traced(house, "moscow", fault);
    let washington = start(house, 0, &[]);
    let id = washington.accept("operator@moscow", "ON DISK BEFORE IT IS CLAIMED");
    assert!(filed(house, &id), "{}\n{}", log(house, 0), log(house, 1));
    assert!(washington.stop().success());
    end_traced(house, moscow);
    calls(&text_of(&house.path("moscow.trace")))
}

#[test]
#[ignore = "peer: run through tests/run"]
fn no_page_is_confirmed_before_it_and_its_message_are_on_disk() {
    assert_eq!(confirmed_on_disk(&observed("", &House::new(), None)), Ok(()));
}

#[test]
#[ignore = "peer: run through tests/run"]
fn a_journal_that_is_not_synced_before_mcf_is_found_out() {
    let why = confirmed_on_disk(&observed("test_only_unsynced_journal = true", &House::new(), None)).unwrap_err();
    assert!(why.contains("the journal is written, but no sync of it returns before"), "{why}");
}

#[cfg(feature = "faults")]
#[test]
#[ignore = "peer: run through tests/run"]
fn a_page_that_is_not_synced_before_mcf_is_found_out() {
    let house = House::of(molink_with_faults());
    let why = confirmed_on_disk(&observed("", &house, Some(molink::faults::Fault::PageNotSynced.name()))).unwrap_err();
    assert!(why.contains("001.tif.part is written, but no sync of it returns before"), "{why}");
    println!("found out: {why}");
}

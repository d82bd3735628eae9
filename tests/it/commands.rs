//! The commands that need no second process: the demos as an audience gets them, init, check, doctor.

use crate::cipher::codes;
use crate::support::{House, Process, text};
use crate::world::RUSSIAN_LINE;
use crate::world::TEST_LINE;
use molink::history::Scenario;
use molink::history::scenario::Act;
use molink::line::Code;
use molink::router::{Event, Stamped};
use molink::station::live::{Live, Told};
use molink::teletype::codes::{BLANK, FIGS, LTRS};
use molink::teletype::{CodeTable, Coder, UnshiftOnSpace};
use molink::time::Speed;
use std::time::Duration;

const A_MINUTE: Duration = Duration::from_secs(60);

#[test]
fn the_demo_at_full_speed_leaves_papers_journals_and_a_trace() {
    let house = House::new();
    for round in 1..=2 {
        let done = house.run(&["demo", "--speed", "max", "--out", "d"], A_MINUTE);
        let told = text(&done.stdout);
        assert_eq!((done.status.code(), text(&done.stderr).as_str()), (Some(0), ""), "round {round}: {told}");
        assert!(told.lines().all(|l| l.chars().count() < 80), "{told}");
        assert!(told.contains(TEST_LINE) && told.contains("documented:") && told.contains("ours:"), "{told}");
        assert!(told.find("Washington, the Pentagon") < told.find("Moscow: T-63"), "the sender is introduced first");
    }
    let paper = std::fs::read_to_string(house.path("d/moscow/paper/WASHINGTON-0001-19630830T1600Z.txt")).unwrap();
    assert!(paper.lines().any(|l| l == TEST_LINE), "{paper}");
    let reply = std::fs::read_to_string(house.path("d/washington/paper/MOSCOW-0001-19630830T1600Z.txt")).unwrap();
    assert!(reply.contains(&format!("\n{RUSSIAN_LINE}\n")), "{reply}");
    let trace = std::fs::read_to_string(house.path("d/trace.jsonl")).unwrap();
    let events: Vec<serde_json::Value> = trace.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let spans: Vec<_> = events.iter().filter(|e| e["event"] == "transmission").collect();
    let enciphered: Vec<_> = spans.iter().filter(|e| e["as"] == "cipher").collect();
    assert!(spans.iter().all(|e| e["as"] == "clear" || e["as"] == "cipher"), "every span says how it can be read");
    assert!(enciphered.len() > 20 && spans.len() > enciphered.len() + 8, "{} of {}", enciphered.len(), spans.len());
    assert!(enciphered.iter().all(|e| e["tape"].is_u64() && e["position"].is_u64()), "and an enciphered one with which key");
    let spans: Vec<Vec<Code>> = spans.iter().map(|e| codes(e["codes"].as_str().unwrap())).collect();
    assert_eq!(text_in(&spans), None);
    // The check would find a line that had gone out as its sender's machine has it.
    for (line, table) in [(TEST_LINE, CodeTable::Ita2), (RUSSIAN_LINE, CodeTable::Mtk2)] {
        let mut clear = vec![];
        Coder::in_letters(table, UnshiftOnSpace::Unknown).write(line, &mut clear).unwrap();
        assert!(text_in(&[clear]).is_some(), "{line}");
    }
    assert!(!house.path("d/lines").exists(), "the ptys are gone");
}

/// A piece of the demo's texts that a printer of one of the codes, in some shift, makes of one of the spans. A piece is nine characters:
/// a cipher is a word of three by mere chance once in thirty demos, and nine once in thousands of millions.
fn text_in(spans: &[Vec<Code>]) -> Option<String> {
    let scenario = Scenario::parse("1963.toml", include_str!("../../fixtures/scenarios/1963.toml")).unwrap();
    let texts = scenario.timeline.iter().filter_map(|e| if let Act::Send { text, .. } = &e.act { Some(text.as_str()) } else { None });
    let pieces: Vec<String> =
        texts.flat_map(|t| t.chars().collect::<Vec<_>>().windows(9).map(String::from_iter).collect::<Vec<_>>()).collect();
    assert!(pieces.len() > 100, "{} pieces", pieces.len());
    let mut printed = spans.iter().flat_map(|span| {
        let shifts = CodeTable::ALL.into_iter().flat_map(|t| [LTRS, FIGS, BLANK].map(|s| (t, s)));
        shifts.map(move |(table, shift)| Coder::new(table, UnshiftOnSpace::No).read(&[&[shift], span.as_slice()].concat()))
    });
    printed.find_map(|text| pieces.iter().find(|p| text.contains(p.as_str())).map(|p| format!("`{p}` can be read in a span: {text}")))
}

/// Every message of 1976 in its hour's turn, without the cut: three call-ups without an answer take a minute at full speed.
#[test]
fn the_story_of_1976_goes_through_at_full_speed_with_its_tests_in_turn() {
    let mut scenario = Scenario::parse("1976.toml", include_str!("../../fixtures/scenarios/1976.toml")).unwrap();
    scenario.timeline.retain(|e| !matches!(e.act, Act::Cut { .. }));
    let out = tempfile::tempdir().unwrap();
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (mut tests, mut said) = (vec![], vec![]);
    let told = rt.block_on(async {
        let mut live = Live::start(&scenario, Speed::Max, out.path()).await.unwrap();
        let story = live.perform(|told| {
            match told {
                Told::Say(text) => said.push(text),
                Told::Event(Stamped { station, event: Event::Accepted { subject, .. }, .. }) if subject == "HOURLY TEST" => {
                    tests.push(station.to_string());
                }
                Told::Event(_) | Told::Tapped(_) | Told::Read(..) | Told::Moment => {}
            }
            Ok(())
        });
        let told = tokio::time::timeout(A_MINUTE, story).await.expect("within a minute").unwrap();
        live.stop(|_| ()).await.unwrap();
        told
    });
    assert!(told, "not every message was filed");
    assert_eq!(tests, ["washington", "moscow", "washington", "moscow"]);
    assert_eq!(said.len(), 4, "{said:?}");
    assert!(said[1].contains("Rome") && said[2].contains("plough") && said[3].contains("spliced"), "in the story's order: {said:?}");
}

#[test]
#[ignore = "peer: run through tests/run"]
fn the_demo_of_1976_at_full_speed_ends_well_with_its_cable_cut() {
    let house = House::new();
    let done = house.run(&["demo", "--era", "1976", "--speed", "max", "--out", "d"], 3 * A_MINUTE);
    let told = text(&done.stdout);
    assert_eq!((done.status.code(), text(&done.stderr).as_str()), (Some(0), ""), "{told}");
    assert!(told.lines().all(|l| l.chars().count() < 80), "{told}");
    assert!(told.contains("MOSCOW (cable) has lost the line") && told.contains("WASHINGTON (second) files"), "{told}");
    for (station, messages) in [("moscow", 3), ("washington", 3)] {
        let papers = std::fs::read_dir(house.path(&format!("d/{station}/paper"))).unwrap().count();
        assert_eq!(papers, messages * 3, "{station}: text, picture and document of each");
    }
}

/// Pages by satellite, one of which fades; most of its time the machines wait for an answer that cannot come.
#[test]
#[ignore = "peer: run through tests/run"]
fn the_demo_of_1986_at_full_speed_leaves_its_pages_as_files_and_tells_them_by_lines() {
    let house = House::new();
    let done = house.run(&["demo", "--era", "1986", "--speed", "max", "--out", "d"], A_MINUTE);
    let told = text(&done.stdout);
    assert_eq!((done.status.code(), text(&done.stderr).as_str()), (Some(0), ""), "{told}");
    assert!(told.lines().all(|l| l.chars().count() < 80) && !told.contains(['\u{1b}', '█', '▀']), "{told}");
    // How far Intelsat gets with the second page, no clock says at full speed: it may be there, and its confirmation lost.
    for (page, by) in [(1, "intelsat"), (2, "gorizont"), (3, "gorizont")] {
        assert!(told.contains(&format!("MOSCOW ({by}) has page {page} of 3 on disk: ")), "{page} by {by}\n{told}");
    }
    assert!(told.contains("Intelsat fades") && told.contains("d/moscow/fax/WASHINGTON-0002-19860618T1400Z.{pdf,tif}"), "{told}");
    let fax = std::fs::File::open(house.path("d/moscow/fax/WASHINGTON-0002-19860618T1400Z.tif")).unwrap();
    assert_eq!(molink::fax::tiff::Reader::open(fax, "fax").unwrap().pages().unwrap(), 3);
    let trace = std::fs::read_to_string(house.path("d/trace.jsonl")).unwrap();
    for frame in ["DIS", "DCS", "CFR", "MPS", "MCF", "EOP", "DCN"] {
        assert!(trace.lines().any(|l| l.contains("\"event\":\"frame\"") && l.contains(&format!("\"frame\":\"{frame}"))), "no {frame}");
    }
}

#[test]
fn the_demo_names_its_eras() {
    let house = House::new();
    let help = text(&house.run(&["demo", "--help"], A_MINUTE).stdout);
    let wrong = text(&house.run(&["demo", "--era", "1812"], A_MINUTE).stderr);
    assert!(["1963", "1976", "1986", "2008", "2013", "all"].iter().all(|era| help.contains(era) && wrong.contains(era)), "{help}{wrong}");
}

#[test]
fn the_demo_stopped_by_ctrl_c_ends_with_130_and_says_where_things_are() {
    let house = House::new();
    let mut demo = Process::start(house.command(&["demo", "--speed", "1", "--out", "d"]), &house.board, &house.path("log"));
    assert!(demo.line("CALL 1", A_MINUTE).is_some(), "{}", demo.errors());
    demo.signal(rustix::process::Signal::INT);
    assert_eq!(demo.exit(A_MINUTE).and_then(|s| s.code()), Some(130));
    assert!(demo.line("Interrupted. What there is so far lies in d", A_MINUTE).is_some());
    assert!(house.path("d/trace.jsonl").exists() && house.path("d/washington/journal.sqlite").exists());
}

#[test]
fn the_demo_replaces_its_own_files_and_nobody_elses() {
    let house = House::new();
    house.file("thesis.txt", "years of work");
    let done = house.run(&["demo", "--speed", "max", "--out", "."], A_MINUTE);
    assert_eq!(done.status.code(), Some(2));
    assert!(text(&done.stderr).contains("was not made by a demo"), "{}", text(&done.stderr));
    assert!(house.path("thesis.txt").exists());
}

#[test]
fn init_writes_what_check_takes_once_the_line_is_there() {
    let house = House::new();
    for kind in ["teletype", "email", "desk", "1963"] {
        let file = format!("{kind}.toml");
        assert_eq!(house.run(&["init", kind, "-o", &file], A_MINUTE).status.code(), Some(0));
        assert_eq!(house.run(&["init", kind, "-o", &file], A_MINUTE).status.code(), Some(2), "never over an existing file");
        let plain = std::fs::read_to_string(house.path(&file)).unwrap();
        // Another address than the usual one, and a line that waits for a caller: nothing else is needed.
        let ours = plain
            .replace("127.0.0.1:1963", "127.0.0.1:0")
            .replace("{ serial = \"/dev/ttyUSB0\" }", "{ listen = \"localhost:0\" }")
            .replace("127.0.0.1:2525", "127.0.0.1:0")
            .replace("{ pty = \"/tmp/molink/washington\" }", "{ listen = \"127.0.0.1:0\" }");
        house.file(&file, ours);
        let done = house.run(&["check", &file], A_MINUTE);
        assert_eq!(done.status.code(), Some(0), "{}{}", text(&done.stdout), text(&done.stderr));
        assert!(text(&done.stdout).lines().all(|l| l.starts_with("ok ")), "{}", text(&done.stdout));
    }
}

#[test]
fn doctor_says_what_there_is_and_what_to_do_without() {
    let house = House::new();
    let done = house.run(&["doctor"], A_MINUTE);
    assert_eq!(done.status.code(), Some(0));
    assert!(text(&done.stdout).contains("molink line pty:"), "{}", text(&done.stdout));
    let done = house.run(&["doctor", "--json"], A_MINUTE);
    assert_eq!(done.status.code(), Some(0));
    let told: serde_json::Value = serde_json::from_str(&text(&done.stdout)).unwrap();
    assert!(told.is_object() || told.is_array(), "{told}");
}

#[test]
fn a_station_that_stops_in_order_leaves_one_file_that_holds_all() {
    let house = House::new();
    house.file("w.toml", "station = \"washington\"\ndata = \"w\"\nlisten = \"127.0.0.1:0\"\n[desk.operator]\n");
    let washington = house.start("w", &[]).unwrap_or_else(|s| panic!("ended: {s}"));
    let id = washington.accept("operator@washington", "ALL IN ONE FILE");
    assert!(washington.stop().success());
    std::fs::copy(house.path("w/journal.sqlite"), house.path("copy.sqlite")).unwrap();
    let done = house.run(&["log", "--journal", "copy.sqlite", "--id", &id], A_MINUTE);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert!(text(&done.stdout).contains(&id), "{}", text(&done.stdout));
}

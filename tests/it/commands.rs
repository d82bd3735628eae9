//! The commands that need no second process: the demo as an audience gets it, init, check, doctor.

use crate::support::{House, Process, text};
use crate::world::RUSSIAN_LINE;
use crate::world::TEST_LINE;
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
    no_text_in(&spans.iter().filter_map(|e| e["codes"].as_str()).collect::<Vec<_>>());
    assert!(!house.path("d/lines").exists(), "the ptys are gone");
}

/// What a printer of any of the codes makes of the spans, in any shift it may stand in, holds no word of the texts.
fn no_text_in(spans: &[&str]) {
    use molink::line::Code;
    use molink::teletype::codes::{BLANK, FIGS, LTRS};
    use molink::teletype::{CodeTable, Coder, UnshiftOnSpace};
    let hex = |pair: &[u8]| Code::new(u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
    let codes: Vec<Vec<Code>> = spans.iter().map(|s| s.as_bytes().chunks(2).map(hex).collect()).collect();
    for (table, shift) in CodeTable::ALL.into_iter().flat_map(|t| [LTRS, FIGS, BLANK].map(|s| (t, s))) {
        for span in &codes {
            let text = Coder::new(table, UnshiftOnSpace::No).read(&[&[shift], span.as_slice()].concat());
            for word in ["QUICK", "FOX", "1234567890", "ПРОБА", "ЛИСА", "ХОРОШО", "RADIO", "OPERATOR"] {
                assert!(!text.contains(word), "`{word}` can be read in a span: {text}");
            }
        }
    }
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
    for kind in ["teletype", "1963"] {
        let file = format!("{kind}.toml");
        assert_eq!(house.run(&["init", kind, "-o", &file], A_MINUTE).status.code(), Some(0));
        assert_eq!(house.run(&["init", kind, "-o", &file], A_MINUTE).status.code(), Some(2), "never over an existing file");
        let plain = std::fs::read_to_string(house.path(&file)).unwrap();
        // Another address than the usual one, and a line that waits for a caller: nothing else is needed.
        let ours =
            plain.replace("127.0.0.1:1963", "127.0.0.1:0").replace("{ pty = \"/tmp/molink/washington\" }", "{ listen = \"127.0.0.1:0\" }");
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

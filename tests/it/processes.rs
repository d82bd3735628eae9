//! molink as people run it: stations, a line and `molink send` as processes; faults on the line while messages go; bad input.
//!
//! Standards: exit codes 0 done, 1 not delivered, 2 usage or configuration. In: command lines. Out: exit codes, sentences, journals.
//! Left out: kill -9 (`kill`), the order of disk and answer (`durability`). Shown by: itself.

use crate::lines::both_lines;
use crate::support::{Board, End, House, Process, Station, free_port, peer, text};
use molink::router::journal::State;
use molink::router::journal::reader::{Filter, Reader};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

const A_MINUTE: Duration = Duration::from_secs(60);
const TEST_LINE: &str = "THE QUICK BROWN FOX JUMPED OVER THE LAZY DOG'S BACK 1234567890";

/// Washington and Moscow on the ptys `a` and `b` of a house.
fn pair(house: &House, speed: &str) -> [Station; 2] {
    [("washington", "moscow", "a"), ("moscow", "washington", "b")].map(|(name, peer, link)| {
        house.station_file(&End { name, peer, line: house.path(link), speed, extra: "" });
        house.start(name, &[]).unwrap_or_else(|s| panic!("{name} ended: {s}"))
    })
}

/// `molink send --wait` of one text; gives the identity it printed.
fn send(house: &House, from: &Station, to: &str, words: &str, within: Duration) -> String {
    let file = house.file(&format!("{}-{}.txt", from.name, words.len()), words);
    let timeout = format!("{}s", within.as_secs());
    let file = file.display().to_string();
    let args = ["send", "--station", &from.api, "--to", to, "--wait", "--timeout", &timeout, &file];
    let done = house.run(&args, within + Duration::from_secs(10));
    let said = (text(&done.stdout), text(&done.stderr));
    assert_eq!(done.status.code(), Some(0), "{said:?}\n{}", from.process.errors());
    let id = said.0.trim().to_owned();
    assert!(id.parse::<molink::message::Identity>().is_ok(), "not one identity: {said:?}");
    id
}

/// What lies at a station's desks: identity and text, in order of arrival; each filed or printed.
fn at_desk(house: &House, station: &str) -> Vec<(String, String)> {
    let reader = Reader::open(&house.path(station).join("journal.sqlite")).unwrap();
    let mut rows = reader.list(&Filter { state: None, limit: usize::MAX }).unwrap();
    rows.retain(|r| r.to.station.as_str() == station);
    rows.reverse();
    assert!(rows.iter().all(|r| [State::Filed, State::Printed].contains(&r.state)), "{rows:?}");
    rows.iter().map(|r| (r.id.to_string(), reader.load(&r.id).unwrap().unwrap().text())).collect()
}

/// A message's events at both ends are the named ones, in order; gives how often it was sent.
fn in_order(board: &Board, from: &str, to: &str, id: &str) -> usize {
    let durable = |station: &str| {
        let names = ["accepted", "sent", "delayed", "filed", "printed", "came_again", "returned", "refused", "called_off", "custody"];
        board.read(|s| s.life(station, id).into_iter().filter(|e| names.contains(e)).map(str::to_owned).collect::<Vec<_>>())
    };
    // The command that waited has its own feed; ours may bring the same a moment later.
    let both = |s: &crate::support::Seen| (s.told(from, id, "filed") && s.told(to, id, "filed")).then_some(());
    assert!(board.until(A_MINUTE, both).is_some(), "{id}: {:?} {:?}", durable(from), durable(to));
    let (here, there) = (durable(from), durable(to));
    let [first, between @ .., last] = &here[..] else { panic!("{id} at {from}: {here:?}") };
    assert_eq!((first.as_str(), last.as_str()), ("accepted", "filed"), "{id} at {from}: {here:?}");
    assert!(between.iter().all(|e| e == "sent" || e == "delayed"), "{id} at {from}: {here:?}");
    assert_eq!(between.last().map(String::as_str), Some("sent"), "{id} at {from}: {here:?}");
    assert_eq!(there.first().map(String::as_str), Some("filed"), "{id} at {to}: {there:?}");
    assert_eq!(there.iter().filter(|e| *e == "filed").count(), 1, "{id} at {to}: {there:?}");
    assert!(there[1..].iter().all(|e| e == "printed" || e == "came_again"), "{id} at {to}: {there:?}");
    between.iter().filter(|e| *e == "sent").count()
}

/// One message each way at the same time, with the real command.
fn exchange(house: &House) {
    let ends = pair(house, "20");
    let [washington, moscow] = &ends;
    let (one, two) = std::thread::scope(|s| {
        let one = s.spawn(|| send(house, washington, "operator@moscow", TEST_LINE, A_MINUTE));
        let two = s.spawn(|| send(house, moscow, "operator@washington", "YOUR TEST RECEIVED COMPLETE", A_MINUTE));
        (one.join().unwrap(), two.join().unwrap())
    });
    let listed = house.run(&["log", "--station", &washington.api, "--id", &one], A_MINUTE);
    assert!(listed.status.success() && text(&listed.stdout).contains("filed"), "{}", text(&listed.stdout));
    in_order(&house.board, "washington", "moscow", &one);
    in_order(&house.board, "moscow", "washington", &two);
    let paper = house.board.until(A_MINUTE, |s| s.told("moscow", &one, "printed").then_some(()));
    assert!(paper.is_some(), "no paper at Moscow");
    ends.into_iter().for_each(|s| assert!(s.stop().success()));
    assert_eq!(at_desk(house, "moscow"), [(one.clone(), TEST_LINE.to_owned())]);
    assert_eq!(at_desk(house, "washington"), [(two, "YOUR TEST RECEIVED COMPLETE".to_owned())]);
    let paper = std::fs::read_to_string(house.path("moscow").join("paper").join(format!("{one}.txt"))).unwrap();
    assert!(paper.contains(TEST_LINE), "{paper}");
}

both_lines!(two_stations_on_molink_line_exchange_messages, #[ignore = "peer: run through tests/run"]);
fn two_stations_on_molink_line_exchange_messages() {
    let house = House::new();
    let _line = house.line(&["--speed", "20"]);
    exchange(&house);
}

both_lines!(two_stations_on_plain_socat_exchange_messages, #[ignore = "peer: run through tests/run"]);
fn two_stations_on_plain_socat_exchange_messages() {
    let house = House::new();
    let end = |name: &str| format!("pty,raw,echo=0,link={}", house.path(name).display());
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "exec \"$0\" -d -d \"$1\" \"$2\" 2>&1"]).arg(peer("socat", "socat")).args([end("a"), end("b")]);
    let socat = Process::start(command, &house.board, &house.path("socat.log"));
    assert!(socat.line("starting data transfer loop", A_MINUTE).is_some());
    exchange(&house);
}

// ---- faults on the line ----

/// The control socket of a `molink line`.
struct Control(BufReader<UnixStream>);

impl Control {
    fn open(path: PathBuf) -> Control {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(A_MINUTE)).unwrap();
        Control(BufReader::new(stream))
    }
    fn say(&mut self, command: &str) {
        writeln!(self.0.get_mut(), "{command}").unwrap();
        let mut answer = String::new();
        self.0.read_line(&mut answer).unwrap();
        assert!(answer.starts_with("ok"), "`{command}`: {answer}");
    }
}

/// A small generator for where a seed puts its faults.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// How many codes have left both ends so far.
fn codes_out(events: &[Value]) -> usize {
    let spans = events.iter().filter(|e| e["event"] == "transmission" && e["dir"] == "out");
    spans.filter_map(|e| e["codes"].as_str()).map(|c| c.len() / 2).sum()
}

/// Messages both ways while the line does its worst; gives what became of the codes.
fn a_bad_line(seed: u64) -> BTreeMap<String, u32> {
    let house = House::new();
    let number = seed.to_string();
    let (control, log) = (house.path("control"), house.path("codes.jsonl"));
    let _line =
        house.line(&["--speed", "20", "--seed", &number, "--control", &control.display().to_string(), "--log", &log.display().to_string()]);
    let ends = pair(&house, "20");
    let [washington, moscow] = &ends;
    let long = format!("SEED {seed}\n{TEST_LINE}\n{TEST_LINE}\n{TEST_LINE}\nEND");
    let reply = format!("REPLY {seed}\n{TEST_LINE}\nEND");
    let patience = Duration::from_secs(180);
    // A line that is cut may carry nothing for a while: not longer than this.
    let after_codes = |n: usize| {
        let from = house.board.read(|s| codes_out(&s.events));
        house.board.until(Duration::from_secs(10), |s| (codes_out(&s.events) >= from + n).then_some(()));
    };
    let (one, two) = std::thread::scope(|s| {
        let one = s.spawn(|| send(&house, washington, "operator@moscow", &long, patience));
        let two = s.spawn(|| send(&house, moscow, "operator@washington", &reply, patience));
        let mut draw = Draw(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let mut control = Control::open(control);
        // Three codes of what is to come, drawn: of a call-up, a heading, a text, an end, a receipt.
        for fault in ["drop", "double", "flip"] {
            let way = ["a>b", "b>a"][draw.below(2) as usize];
            control.say(&format!("{fault} {way} {}", 1 + draw.below(250)));
        }
        let mut left = vec!["cut 10s", "noise heavy"];
        while !left.is_empty() {
            // Each at a drawn number of codes after the last.
            after_codes(draw.below(250) as usize);
            let command = left.remove(draw.below(left.len() as u64) as usize);
            control.say(command);
            if command == "noise heavy" {
                after_codes(200);
                control.say("noise none");
            }
        }
        (one.join().unwrap(), two.join().unwrap())
    });
    let sent = in_order(&house.board, "washington", "moscow", &one) + in_order(&house.board, "moscow", "washington", &two);
    ends.into_iter().for_each(|s| assert!(s.stop().success()));
    assert_eq!(at_desk(&house, "moscow"), [(one, long)], "seed {seed}");
    assert_eq!(at_desk(&house, "washington"), [(two, reply)], "seed {seed}");
    let mut fates = BTreeMap::from([("attempts".to_owned(), sent as u32)]);
    for line in std::fs::read_to_string(log).unwrap().lines() {
        let code: Value = serde_json::from_str(line).unwrap();
        if let Some(fate) = code["fate"].as_str() {
            *fates.entry(fate.to_owned()).or_default() += 1;
        }
    }
    fates
}

fn bad_lines(seeds: std::ops::Range<u64>) {
    let mut all: BTreeMap<String, u32> = BTreeMap::new();
    for seed in seeds.clone() {
        let fates = a_bad_line(seed);
        println!("seed {seed}: {fates:?}");
        fates.into_iter().for_each(|(fate, n)| *all.entry(fate).or_default() += n);
    }
    println!("seeds {seeds:?} in all: {all:?}");
    for fate in ["ok", "drop", "double", "flip", "cut"] {
        assert!(all.get(fate).is_some_and(|n| *n > 0), "no code met `{fate}`: {all:?}");
    }
}

both_lines!(a_line_that_cuts_drops_doubles_and_flips_spoils_no_message, #[ignore = "peer: run through tests/run"]);
fn a_line_that_cuts_drops_doubles_and_flips_spoils_no_message() {
    bad_lines(0..2);
}

both_lines!(full_ten_bad_lines_spoil_no_message, #[ignore = "full: run through tests/run --full"]);
fn full_ten_bad_lines_spoil_no_message() {
    bad_lines(0..10);
}

both_lines!(sigterm_in_mid_message_ends_in_order_and_the_message_goes_after_the_restart, #[ignore = "peer: run through tests/run"]);
fn sigterm_in_mid_message_ends_in_order_and_the_message_goes_after_the_restart() {
    let house = House::new();
    let _line = house.line(&["--speed", "20"]);
    let [washington, moscow] = pair(&house, "20");
    let long = [TEST_LINE; 12].join("\n");
    let id = washington.accept("operator@moscow", &long);
    let begun = |s: &crate::support::Seen| {
        let seen = s.events.iter().filter(|e| e["station"] == "moscow" && e["event"] == "characters");
        let printed: String = seen.filter_map(|e| e["text"].as_str()).collect();
        printed.contains("LAZY DOG").then_some(())
    };
    assert!(house.board.until(A_MINUTE, begun).is_some(), "Moscow prints nothing");
    let status = washington.stop();
    assert_eq!(status.code(), Some(0));
    let cut = |s: &crate::support::Seen| s.events.iter().any(|e| e["station"] == "moscow" && e["event"] == "fragment").then_some(());
    assert!(house.board.until(A_MINUTE, cut).is_some(), "Moscow was not told that the message ends");
    assert!(!house.board.read(|s| s.told("moscow", &id, "filed")), "a fragment was filed");
    let washington = house.start("washington", &[]).unwrap();
    assert!(house.board.until(A_MINUTE, |s| s.told("washington", &id, "filed").then_some(())).is_some(), "{}", washington.process.errors());
    [washington, moscow].into_iter().for_each(|s| assert!(s.stop().success()));
    assert_eq!(at_desk(&house, "moscow"), [(id, long)]);
}

// ---- what people get wrong ----

/// A command's failure: its exit code, and its one sentence.
fn refused(house: &House, args: &[&str], code: i32) -> String {
    let done = house.run(args, A_MINUTE);
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(code), "molink {args:?} said `{said}`");
    assert!(!said.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{said}");
    let sentence = said.trim_end();
    assert_eq!(sentence.lines().count(), 1, "molink {args:?}: more than one sentence: {said}");
    sentence.to_owned()
}

/// A station without a line.
fn alone(house: &House) -> Station {
    house.file(
        "washington.toml",
        "station = \"washington\"\ndata = \"washington\"\nlisten = \"127.0.0.1:0\"\n[desk.operator]\n[desk.chairman]\n",
    );
    house.start("washington", &[]).unwrap_or_else(|s| panic!("ended: {s}"))
}

fn says(said: &str, all: &[&str]) {
    all.iter().for_each(|part| assert!(said.contains(part), "`{part}` is not in: {said}"));
}

#[test]
fn a_misspelt_key_is_named_with_its_line_and_what_was_meant() {
    let house = House::new();
    let file = house.file("w.toml", "station = \"washington\"\nspede = 20\n");
    for command in ["station", "check"] {
        says(&refused(&house, &[command, &file.display().to_string()], 2), &["w.toml:2: ", "`spede`", "did you mean `speed`"]);
    }
    let file = house.file("p.toml", "station = \"w\"\n[port.cable]\nbackend = \"teletype\"\nline = { pty = \"x\" }\nbuad = 50\n");
    for command in ["station", "check"] {
        says(&refused(&house, &[command, &file.display().to_string()], 2), &["p.toml:5: ", "`buad`", "did you mean `baud`"]);
    }
}

#[test]
fn a_station_file_that_is_not_there_or_not_text_is_named() {
    let house = House::new();
    says(&refused(&house, &["station", "nowhere.toml"], 2), &["nowhere.toml", "cannot be read", "molink init"]);
    let file = house.file("w.toml", b"station = \"caf\xe9\"\n");
    says(&refused(&house, &["station", &file.display().to_string()], 2), &["w.toml", "UTF-8"]);
    says(&refused(&house, &["station", "."], 2), &["is not a station file"]);
}

#[test]
fn a_port_in_use_and_a_journal_in_use_are_named() {
    let house = House::new();
    let first = alone(&house);
    let address = first.api.trim_start_matches("http://").to_owned();
    let other = house.file("m.toml", format!("station = \"moscow\"\ndata = \"m\"\nlisten = \"{address}\"\n"));
    says(&refused(&house, &["station", &other.display().to_string()], 2), &[&address, "in use"]);
    let checked = house.run(&["check", &other.display().to_string()], A_MINUTE);
    assert_eq!(checked.status.code(), Some(2));
    says(&text(&checked.stdout), &["bad", &address, "in use"]);
    let same = house.path("washington.toml").display().to_string();
    says(&refused(&house, &["station", &same], 2), &["washington", "journal"]);
    assert!(first.stop().success());
}

#[test]
fn a_missing_device_is_named_with_what_to_do() {
    let house = House::new();
    let text_of = |line: &str| format!("station = \"w\"\nlisten = \"off\"\n[port.cable]\nbackend = \"teletype\"\nline = {{ {line} }}\n");
    for (line, parts) in [
        ("serial = \"/dev/ttyNONE\"", ["`/dev/ttyNONE`", "plugged in", "molink doctor"]),
        ("pty = \"/dev/nowhere/pty\"", ["`/dev/nowhere/pty`", "", "molink line"]),
        ("serial = \"/dev/null\"", ["`/dev/null`", "not a serial", ""]),
    ] {
        let file = house.file("w.toml", text_of(line)).display().to_string();
        let checked = house.run(&["check", &file], A_MINUTE);
        assert_eq!(checked.status.code(), Some(2), "{}", text(&checked.stdout));
        let bad = text(&checked.stdout).lines().find(|l| l.starts_with("bad")).unwrap_or_default().to_owned();
        says(&bad, &parts);
    }
}

#[test]
fn a_message_nobody_can_have_is_refused_in_one_sentence() {
    let house = House::new();
    let station = alone(&house);
    let note = house.file("note.txt", "HELLO").display().to_string();
    let to = |to: &str, code: i32| refused(&house, &["send", "--station", &station.api, "--to", to, &note], code);
    says(&to("operater@washington", 1), &["`operater`", "did you mean `operator"]);
    says(&to("operator@moscow", 1), &["moscow"]);
    let nonsense = house.run(&["send", "--station", &station.api, "--to", "everybody", &note], A_MINUTE);
    assert_eq!(nonsense.status.code(), Some(2));
    says(&text(&nonsense.stderr), &["everybody", "desk@station"]);
    assert!(station.stop().success());
}

#[test]
fn a_file_that_cannot_be_sent_is_named() {
    let house = House::new();
    let station = alone(&house);
    let send = |file: &str| refused(&house, &["send", "--station", &station.api, "--to", "operator@washington", file], 2);
    let file = house.file("memo.txt", b"caf\xe9").display().to_string();
    says(&send(&file), &["memo.txt` is not UTF-8", "0xE9 at offset 3", "iconv"]);
    says(&send("nowhere.txt"), &["nowhere.txt"]);
    says(&send(&house.file("empty.txt", "").display().to_string()), &["is empty"]);
    assert!(station.stop().success());
}

#[test]
fn a_station_that_is_not_there_is_named_with_what_to_do() {
    let house = House::new();
    let note = house.file("note.txt", "HELLO").display().to_string();
    let at = |url: &str, code: i32| refused(&house, &["send", "--station", url, "--to", "operator@moscow", &note], code);
    let free = format!("127.0.0.1:{}", free_port());
    says(&at(&format!("http://{free}"), 1), &["no station answers", &free, "molink station"]);
    says(&at("ftp://washington", 2), &["is not a URL", "http://127.0.0.1:1963"]);
    says(&at("https://127.0.0.1:1963", 2), &["TLS"]);
    says(&refused(&house, &["log", "--station", &format!("http://{free}")], 1), &["no station answers"]);
    says(&refused(&house, &["log", "--journal", "nowhere.sqlite"], 2), &["nowhere.sqlite", "no journal"]);
}

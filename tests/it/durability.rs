//! On disk before it is claimed: a station under strace syncs its journal before it says 201, and before it says RECEIVED; and its
//! ledger of key before the first code enciphered with that key is on the line.
//!
//! Standards: none; fsync(2), fdatasync(2). In: traces of `strace -f -y`. Out: where the sync is, or what is missing.
//! kill -9 cannot show this (the page cache survives it), so the system calls themselves are read.
//! Left out: disks that lie about a sync. Shown by: the same check finding fault with `test_only_unsynced_journal = true`, and with the
//! planted fault of a reservation that is not synced.

use crate::lines::{both_lines, cipher};
use crate::support::{End, House, Station, peer};
use molink::key::Copy;
use molink::key::ledger::Entry;
use molink::line::Code;
use molink::teletype::UnshiftOnSpace;
use molink::teletype::service::{Detector, Line, Place};
use molink::time::Utc;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// One system call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// The line of the trace at which it began.
    pub began: usize,
    /// The line at which it returned.
    pub returned: usize,
    name: String,
    /// What it was about: the path or socket of its first argument.
    pub on: String,
    pub args: String,
    /// `None` if it failed or never returned.
    result: Option<i64>,
}

impl Call {
    pub fn reads(&self) -> bool {
        ["read", "recvfrom", "readv"].contains(&self.name.as_str()) && self.result.is_some_and(|n| n > 0)
    }
    /// Also one that failed or never returned: it may have shown something.
    pub fn writes(&self) -> bool {
        ["write", "writev", "sendto", "sendmsg"].contains(&self.name.as_str())
    }
    pub fn writes_to(&self, file: &str) -> bool {
        ["pwrite64", "pwritev", "write"].contains(&self.name.as_str()) && self.on.contains(file) && self.result.is_some()
    }
    pub fn syncs(&self, file: &str) -> bool {
        ["fsync", "fdatasync"].contains(&self.name.as_str()) && self.on.contains(file) && self.result == Some(0)
    }
}

pub const JOURNAL: &str = "journal.sqlite";
const LEDGER: &str = "ledger.jsonl";

/// Reads a trace; calls stand in the order in which they began.
pub fn calls(trace: &str) -> Vec<Call> {
    let mut found: Vec<Call> = vec![];
    let mut unfinished: Vec<(&str, usize)> = vec![];
    for (n, line) in trace.lines().enumerate() {
        let Some((pid, rest)) = line.split_once(char::is_whitespace) else { continue };
        let rest = rest.trim_start();
        if let Some((_, tail)) = rest.strip_prefix("<... ").and_then(|r| r.split_once(" resumed>")) {
            let Some(open) = unfinished.iter().position(|(p, _)| *p == pid) else { continue };
            let call = &mut found[unfinished.remove(open).1];
            call.args.push_str(tail);
            (call.returned, call.result) = (n, result(tail));
            continue;
        }
        let Some((name, args)) = rest.split_once('(') else { continue };
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            continue; // `+++ exited`, `--- SIGTERM`
        }
        let on = args.split_once('<').and_then(|(fd, path)| fd.bytes().all(|b| b.is_ascii_digit()).then_some(path));
        // A path may hold a `<char 136:3>` of its own; the first `>` ends what is told apart here.
        let on = on.and_then(|p| p.split_once(['>', '<'])).map_or("", |(p, _)| p).to_owned();
        let open = args.ends_with("<unfinished ...>");
        if open {
            unfinished.push((pid, found.len()));
        }
        let (returned, result) = if open { (usize::MAX, None) } else { (n, result(args)) };
        found.push(Call { began: n, returned, name: name.into(), on, args: args.into(), result });
    }
    found
}

/// What stands after the last ` = `.
fn result(tail: &str) -> Option<i64> {
    let number = tail.rsplit_once(" = ")?.1.split_whitespace().next()?;
    number.parse().ok().filter(|n| *n >= 0)
}

/// Whether the journal was written and then synced after `heard` returned and before `said` began.
fn synced_between(calls: &[Call], heard: &Call, said: &Call) -> Result<(), String> {
    file_synced_between(calls, JOURNAL, heard, said)
}

/// The same of a file.
pub fn file_synced_between(calls: &[Call], file: &str, heard: &Call, said: &Call) -> Result<(), String> {
    let shown = if file == JOURNAL { "the journal" } else { file };
    let within = |c: &&Call| c.began > heard.returned && c.returned < said.began;
    let Some(written) = calls.iter().filter(within).filter(|c| c.writes_to(file)).map(|c| c.returned).min() else {
        return Err(format!("lines {} to {}: nothing is written to {shown} before `{}`", heard.returned, said.began, said.args));
    };
    let synced = calls.iter().filter(within).any(|c| c.syncs(file) && c.began > written);
    synced.then_some(()).ok_or_else(|| {
        format!("lines {} to {}: {shown} is written, but no sync of it returns before `{}`", heard.returned, said.began, said.args)
    })
}

/// Between the `POST` and the 201 to it.
fn accepted_on_disk(calls: &[Call]) -> Result<(), String> {
    let asked = calls.iter().find(|c| c.reads() && c.args.contains("\"POST /api/messages ")).ok_or("no POST is read")?;
    let told = |c: &&Call| c.writes() && c.on == asked.on && c.began > asked.returned && c.args.contains("HTTP/1.1 201");
    let said = calls.iter().find(told).ok_or("no 201 is written")?;
    // The body may have come by a later read than the head.
    let heard = calls.iter().rfind(|c| c.reads() && c.on == asked.on && c.returned < said.began).unwrap_or(asked);
    synced_between(calls, heard, said)
}

/// Reads in a row that are a message; a paced line gives one code at a time.
const MESSAGE: usize = 50;

/// Between the last code of a message and the first of the receipt for it. On the line stand, in turn, what is read and what is
/// written: the call-up, READY, the message, the receipt.
fn received_on_disk(calls: &[Call], device: &str) -> Result<(), String> {
    let mut runs: Vec<Vec<&Call>> = vec![];
    for call in calls.iter().filter(|c| c.on == device && (c.reads() || c.writes())) {
        match runs.last_mut().filter(|run| run[0].reads() == call.reads()) {
            Some(run) => run.push(call),
            None => runs.push(vec![call]),
        }
    }
    let shape: Vec<(&str, usize)> = runs.iter().map(|r| (if r[0].reads() { "read" } else { "written" }, r.len())).collect();
    // Either end begins to answer while the other's last code is on the line: a run of a few codes is no message.
    let message =
        runs.iter().rposition(|r| r[0].reads() && r.len() >= MESSAGE).ok_or_else(|| format!("no message on {device}: {shape:?}"))?;
    let receipt = runs.get(message + 1).ok_or_else(|| format!("no receipt on {device}: {shape:?}"))?;
    let last = runs[message].iter().max_by_key(|c| c.returned).ok_or("no message")?;
    synced_between(calls, last, receipt[0]).map_err(|why| format!("{shape:?}: {why}"))
}

/// The codes written to a device, each with its call.
fn codes_out<'a>(calls: &'a [Call], device: &str) -> Vec<(Code, &'a Call)> {
    let bytes = |call: &'a Call| {
        // `5</dev/pts/3>, "\\33\\n", 2) = 2`: what was written stands between the first quote and the last.
        let shown = call.args.split_once('"').and_then(|(_, rest)| rest.rsplit_once('"')).map_or("", |(shown, _)| shown);
        unquoted(shown).into_iter().map(move |byte| (Code::new(byte), call))
    };
    calls.iter().filter(|c| c.on == device && c.writes()).flat_map(bytes).collect()
}

/// The bytes of a string as strace shows it: octal, `\n` and its like, or as they are.
pub fn unquoted(shown: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (vec![], shown.as_bytes());
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let digits = rest.iter().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
        let known = b"nrtvf\\\"".iter().zip(b"\n\r\t\x0b\x0c\\\"").find(|(name, _)| rest.first() == Some(name));
        let (byte, length) = match known {
            Some((_, byte)) => (*byte, 1),
            None => (rest[..digits].iter().fold(0, |n: u8, d| n.wrapping_mul(8).wrapping_add(d - b'0')), digits),
        };
        bytes.push(byte);
        rest = &rest[length..];
    }
    bytes
}

/// Before each enciphered span's first code is written, the reservation that holds its key is written to the ledger and a sync of the
/// ledger returns. Returns how many spans there are.
fn reserved_on_disk(calls: &[Call], device: &str) -> Result<usize, String> {
    let codes = codes_out(calls, device);
    let mut detector = Detector::new(UnshiftOnSpace::Unknown);
    let mut spans = 0;
    for (i, (code, _)) in codes.iter().enumerate() {
        let Some(body) = detector.take(*code) else { continue };
        let Some(Line::Key { from, .. }) = Line::read(&body, Utc(0)) else { continue };
        let first = codes.get(i + 3).ok_or_else(|| format!("nothing follows `{body}`"))?.1; // after the line's CR and LF
        let holds = |c: &&Call| {
            let told = c.args.replace('\\', "");
            let entry = told.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(entry, _)| format!("{{{entry}}}"));
            let entry = entry.and_then(|e| serde_json::from_str::<Entry>(&e).ok());
            entry.is_some_and(|e| (e.serial, e.copy) == (from.serial, Copy::Send) && (e.from..e.end()).contains(&from.position))
        };
        let reserved = calls.iter().filter(|c| c.writes_to(LEDGER) && c.returned < first.began).find(holds);
        let reserved = reserved.ok_or_else(|| format!("no reservation in the ledger before the key of `{body}` is used"))?;
        let synced = |c: &Call| c.syncs(LEDGER) && c.began > reserved.returned && c.returned < first.began;
        if !calls.iter().any(synced) {
            return Err(format!(
                "the key of `{body}` is reserved at line {}, but no sync of the ledger returns before it is used",
                reserved.returned
            ));
        }
        spans += 1;
    }
    if spans > 0 { Ok(spans) } else { Err(format!("nothing enciphered is written on {device}")) }
}

// ---- the checker, tried ----

const GOOD: &str = r#"10 recvfrom(9<socket:[77]>, "POST /api/messages HTTP/1.1\r\nhost"..., 8192, 0, NULL, NULL) = 300
11 pwrite64(7</d/journal.sqlite-wal>, "\0\0"..., 4096, 0) = 4096
11 fdatasync(7</d/journal.sqlite-wal> <unfinished ...>
10 read(9<socket:[77]>, 0x55, 8192) = -1 EAGAIN (Resource temporarily unavailable)
11 <... fdatasync resumed>)            = 0
10 writev(9<socket:[77]>, [{iov_base="HTTP/1.1 201 Created\r\n"..., iov_len=120}], 1) = 120
10 +++ exited with 0 +++
"#;

/// `GOOD` with its lines in another order, some left out.
fn lines(of: &str, order: &[usize]) -> String {
    let all: Vec<&str> = of.lines().collect();
    order.iter().map(|n| format!("{}\n", all[*n])).collect()
}

#[test]
fn calls_that_were_interrupted_are_joined_by_their_process() {
    let found = calls(GOOD);
    assert_eq!(found.len(), 5);
    assert_eq!((found[2].name.as_str(), found[2].began, found[2].returned, found[2].result), ("fdatasync", 2, 4, Some(0)));
    assert_eq!((found[2].on.as_str(), found[0].on.as_str()), ("/d/journal.sqlite-wal", "socket:[77]"));
    assert_eq!(found[3].result, None, "a read that failed brought nothing");
    let two =
        "1 fsync(3</a> <unfinished ...>\n2 fsync(4</b> <unfinished ...>\n2 <... fsync resumed>) = 0\n1 <... fsync resumed>) = -1 EIO (x)\n";
    let two = calls(two);
    assert_eq!((two[0].result, two[0].returned, two[1].result, two[1].returned), (None, 3, Some(0), 2));
    let tty = calls("5 write(11</dev/pts/3<char 136:3>>, \"\\33\", 1) = 1\n");
    assert_eq!((tty[0].on.as_str(), tty[0].result), ("/dev/pts/3", Some(1)));
}

#[test]
fn a_201_before_the_sync_has_returned_is_found() {
    assert_eq!(accepted_on_disk(&calls(GOOD)), Ok(()));
    let early = accepted_on_disk(&calls(&lines(GOOD, &[0, 1, 2, 3, 5, 4]))).unwrap_err();
    assert!(early.contains("no sync of it returns before"), "{early}");
    let none = accepted_on_disk(&calls(&lines(GOOD, &[0, 1, 3, 5]))).unwrap_err();
    assert!(none.contains("no sync"), "{none}");
    let before = accepted_on_disk(&calls(&lines(GOOD, &[1, 2, 4, 0, 5]))).unwrap_err();
    assert!(before.contains("nothing is written to the journal"), "a sync of what was there before proves nothing: {before}");
    let then_written = accepted_on_disk(&calls(&lines(GOOD, &[0, 2, 4, 1, 5]))).unwrap_err();
    assert!(then_written.contains("no sync"), "{then_written}");
    let other_file = GOOD.replace("fdatasync(7</d/journal.sqlite-wal>", "fdatasync(8</d/api-token>");
    assert!(accepted_on_disk(&calls(&other_file)).is_err());
    let failed = GOOD.replace("resumed>)            = 0", "resumed>)            = -1 EIO (Input/output error)");
    assert!(accepted_on_disk(&calls(&failed)).is_err());
    let other_socket = GOOD.replace("writev(9<socket:[77]>", "writev(9<socket:[78]>");
    assert_eq!(accepted_on_disk(&calls(&other_socket)).unwrap_err(), "no 201 is written");
}

/// Call-up, READY, a message of 60 codes, its receipt.
fn exchange(order: &[&str]) -> Vec<Call> {
    let one = |what: &str| match what {
        "call" => {
            "10 read(5</dev/pts/3>, \"\\33\", 512) = 1\n10 read(5</dev/pts/3>, 0x7f, 512) = -1 EAGAIN (Resource temporarily unavailable)\n"
                .to_owned()
        }
        "ready" | "receipt" => "12 write(5</dev/pts/3>, \"\\33\", 1) = 1\n12 write(5</dev/pts/3>, \"\\4\", 1) = 1\n".to_owned(),
        "message" => "10 read(5</dev/pts/3>, \"\\1\", 512) = 1\n".repeat(60),
        "journal" => "11 pwrite64(7</d/journal.sqlite-wal>, \"\\0\"..., 4096, 0) = 4096\n".to_owned(),
        "sync" => "11 fsync(7</d/journal.sqlite-wal>)       = 0\n".to_owned(),
        other => panic!("{other}"),
    };
    calls(&order.iter().map(|w| one(w)).collect::<String>())
}

#[test]
fn a_receipt_before_the_sync_is_found() {
    let found = |order: &[&str]| received_on_disk(&exchange(order), "/dev/pts/3");
    assert_eq!(found(&["call", "ready", "message", "journal", "sync", "receipt"]), Ok(()));
    let overlapping = ["call", "ready", "call", "ready", "message", "journal", "sync", "receipt", "call", "receipt"];
    assert_eq!(found(&overlapping), Ok(()), "an answer may begin while the last code comes");
    for wrong in [
        &["call", "ready", "message", "journal", "receipt", "sync"][..],
        &["call", "ready", "message", "journal", "receipt"],
        &["call", "ready", "message", "receipt"],
        &["call", "ready", "journal", "sync", "message", "receipt"],
        &["journal", "sync", "call", "ready", "message", "receipt"],
    ] {
        assert!(found(wrong).is_err(), "{wrong:?}");
    }
    assert!(found(&["call", "ready", "message", "journal", "sync"]).unwrap_err().contains("no receipt"));
    assert!(found(&["call", "ready"]).unwrap_err().contains("no message"));
    assert!(received_on_disk(&exchange(&["call", "ready", "message", "journal", "sync", "receipt"]), "/dev/pts/4").is_err());
}

/// A reservation, its sync, an announcement, cipher; in this order of the four, or without some.
fn keyed(order: &[&str]) -> Vec<Call> {
    let line = Line::Key { from: Place::new(100_001, 40), count: 30 }.codes(UnshiftOnSpace::Unknown);
    let one = |what: &str| match what {
        "reserve" | "other" => {
            let from = if what == "reserve" { 0 } else { 41 };
            let entry = format!(
                "{{\\\"utc\\\":\\\"1963-08-30T16:00:00.000Z\\\",\\\"serial\\\":100001,\\\"copy\\\":\\\"send\\\",\\\"from\\\":{from},\\\"count\\\":512}}\\n"
            );
            format!("11 pwrite64(8</d/tapes/ledger.jsonl>, \"{entry}\", 90, 0) = 90\n")
        }
        "sync" => "11 fdatasync(8</d/tapes/ledger.jsonl>) = 0\n".into(),
        "announce" => line.iter().map(|c| format!("12 write(5</dev/pts/3>, \"\\{:o}\", 1) = 1\n", c.value())).collect(),
        "cipher" => "12 write(5</dev/pts/3>, \"\\r\", 1) = 1\n12 write(5</dev/pts/3>, \"\\33\\n\", 2) = 2\n".into(),
        other => panic!("{other}"),
    };
    calls(&order.iter().map(|w| one(w)).collect::<String>())
}

#[test]
fn key_used_before_the_sync_of_its_reservation_is_found() {
    let found = |order: &[&str]| reserved_on_disk(&keyed(order), "/dev/pts/3");
    assert_eq!(found(&["reserve", "sync", "announce", "cipher"]), Ok(1));
    assert_eq!(found(&["announce", "reserve", "sync", "cipher"]), Ok(1), "what is announced in clear is no key yet");
    assert_eq!(found(&["reserve", "sync", "announce", "cipher", "announce", "cipher"]), Ok(2));
    for (wrong, why) in [
        (&["reserve", "announce", "cipher", "sync"][..], "no sync"),
        (&["sync", "reserve", "announce", "cipher"], "no sync"),
        (&["reserve", "announce", "cipher"], "no sync"),
        (&["announce", "cipher", "reserve", "sync"], "no reservation"),
        (&["other", "sync", "announce", "cipher"], "no reservation"),
        (&["reserve", "sync"], "nothing enciphered"),
        (&["reserve", "sync", "announce"], "nothing follows"),
    ] {
        let said = found(wrong).unwrap_err();
        assert!(said.contains(why), "{wrong:?}: {said}");
    }
    assert_eq!(unquoted("\\33\\n\\0A\\\\\\\"\\0331"), [0o33, 10, 0, 65, b'\\', b'"', 0o33, b'1']);
}

// ---- the stations ----

/// Starts a station under strace; its trace is in `NAME.trace`.
pub fn traced(house: &House, name: &str, fault: Option<&str>) -> Station {
    let mut command = Command::new(peer("strace", "strace"));
    house.clean(&mut command).process_group(0);
    let trace = house.path(&format!("{name}.trace"));
    let kinds = "trace=read,recvfrom,readv,write,writev,sendto,sendmsg,pwrite64,pwritev,fsync,fdatasync";
    command.args(["-f", "-y", "-s", "200", "-e", kinds, "-o"]).arg(trace).arg(house.program());
    command.envs(fault.map(|f| ("MOLINK_FAULT", f)));
    command.arg("station").arg(house.path(&format!("{name}.toml")));
    house.start_as(name, command).unwrap_or_else(|s| panic!("{name} under strace ended: {s}"))
}

/// One message from Washington to Moscow, both under strace; gives their calls and their devices.
fn observed(extra: &str) -> ([Vec<Call>; 2], [String; 2]) {
    observed_in(House::new(), extra, None)
}
fn observed_in(house: House, extra: &str, fault: Option<&str>) -> ([Vec<Call>; 2], [String; 2]) {
    let _line = house.line(&["--speed", "20", "--baud", "50"]);
    let ends = [("washington", "moscow", "a"), ("moscow", "washington", "b")];
    for (name, peer, link) in ends {
        house.station_file(&End { name, peer, line: house.path(link), speed: "20", extra });
    }
    let devices = ["a", "b"].map(|link| std::fs::canonicalize(house.path(link)).unwrap().display().to_string());
    let moscow = traced(&house, "moscow", fault);
    let washington = traced(&house, "washington", fault);
    let id = washington.accept("operator@moscow", "ON DISK BEFORE IT IS CLAIMED");
    let through = house.board.until(Duration::from_secs(60), |s| s.told("washington", &id, "filed").then_some(()));
    assert!(
        through.is_some(),
        "not filed: {:?}\n{}",
        house.board.read(|s| format!("{:?}", s.life("washington", &id))),
        washington.process.errors()
    );
    for station in [washington, moscow] {
        end_traced(&house, station);
    }
    let read = |name: &str| calls(&text_of(&house.path(&format!("{name}.trace"))));
    ([read("washington"), read("moscow")], devices)
}

/// Ends the station itself: strace ends with it, and has then written everything.
pub fn end_traced(house: &House, mut station: Station) {
    let trace = text_of(&house.path(&format!("{}.trace", station.name)));
    let pid = trace.split_whitespace().next().and_then(|p| p.parse().ok()).and_then(rustix::process::Pid::from_raw).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let status = station.process.exit(Duration::from_secs(20)).unwrap_or_else(|| panic!("{} does not stop", station.name));
    assert!(status.success(), "{status}\n{}", station.process.errors());
}

/// A trace may hold half a character.
pub fn text_of(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
}

both_lines!(nothing_is_claimed_before_a_sync_of_the_journal_has_returned, #[ignore = "peer: run through tests/run"]);
fn nothing_is_claimed_before_a_sync_of_the_journal_has_returned() {
    let ([washington, moscow], devices) = observed("");
    assert_eq!(accepted_on_disk(&washington), Ok(()));
    assert_eq!(received_on_disk(&moscow, &devices[1]), Ok(()));
    println!("{} calls at Washington, {} at Moscow: synced before 201 and before the receipt", washington.len(), moscow.len());
    if cipher() {
        let spans = [reserved_on_disk(&washington, &devices[0]), reserved_on_disk(&moscow, &devices[1])];
        assert_eq!(spans, [Ok(1), Ok(1)], "the message and its receipt");
        println!("the ledger of key is synced before the first enciphered code of the message, and of the receipt");
    }
}

both_lines!(a_journal_that_is_not_synced_is_found_out, #[ignore = "peer: run through tests/run"]);
fn a_journal_that_is_not_synced_is_found_out() {
    let ([washington, moscow], devices) = observed("test_only_unsynced_journal = true");
    let accepted = accepted_on_disk(&washington).unwrap_err();
    assert!(accepted.contains("no sync of it returns before"), "{accepted}");
    let received = received_on_disk(&moscow, &devices[1]).unwrap_err();
    assert!(received.contains("no sync of it returns before"), "{received}");
    println!("found out: {accepted}\n           {received}");
}

#[cfg(feature = "faults")]
#[test]
#[ignore = "peer: run through tests/run"]
fn a_reservation_of_key_that_is_not_synced_is_found_out() {
    crate::lines::over(crate::lines::Lines::Cipher, || {
        let house = House::of(crate::support::molink_with_faults());
        let fault = molink::faults::Fault::ReservationNotSynced.name();
        let (calls, devices) = observed_in(house, "", Some(fault));
        for (calls, device) in calls.iter().zip(&devices) {
            let why = reserved_on_disk(calls, device).unwrap_err();
            assert!(why.contains("no sync of the ledger returns before it is used"), "{why}");
            println!("found out: {why}");
        }
    });
}

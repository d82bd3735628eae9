//! Clients that mean harm, at a station's process: the reply that is owed, memory that stays bounded, nothing lost, and a good client is served after each.
//!
//! The clients are `tests/peers/mail_hostile.py`, which holds the replies to what they must be; the peak of the station's memory (VmHWM) is read after
//! each and printed with it (`--nocapture`). What was answered 250 is looked for at the desk, or in the journal.

use crate::mail_clients::LONG;
use crate::mail_matrix::{Washington, sample};
use crate::support::{House, Station, peer, text};
use molink::line::ip::certs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// No client does its harm for longer.
const LONGEST: Duration = Duration::from_secs(300);
/// The most memory that the station may ever have had, in KiB: 55 MB were seen in a release build, 93 in a debug build (six of the largest mails at once).
const MOST: u64 = 192 << 10;

fn script(at: &str, what: &str, more: &[String]) -> Command {
    let (host, port) = at.split_once(':').unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/mail_hostile.py");
    let mut command = Command::new(peer("python3", "python3"));
    command.arg(script).args([what, host, port]).args(more);
    command
}

/// Lets a client do its harm; what it was told.
fn harm(house: &House, at: &str, what: &str, more: &[String]) -> String {
    let done = house.end(script(at, what, more), what, LONGEST);
    assert!(done.status.success(), "{what} {more:?}: {}{}", text(&done.stdout), text(&done.stderr));
    text(&done.stdout).trim().to_owned()
}

/// The most memory a process ever had, in KiB.
fn peak(station: &Station) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", station.process.pid())).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn words(more: &[(&str, &str)]) -> Vec<String> {
    more.iter().map(|(key, value)| format!("{key}={value}")).collect()
}

/// Lets each client do its harm and a good one come after it; prints what was answered and the peak.
fn each(washington: &Washington, all: &[(&str, Vec<String>)]) {
    let Washington { house, station, at } = washington;
    println!("{:18} {:>7} KiB at the begin", "", peak(station));
    for (n, (what, more)) in all.iter().enumerate() {
        let told = harm(house, at, what, more);
        let after = harm(house, at, "good", &words(&[("id", &format!("after-{n}-{what}"))]));
        println!("{what:18} {:>7} KiB  {told}", peak(station));
        assert_eq!(after, "250", "{what}");
        assert!(peak(station) < MOST, "{what}: {} KiB", peak(station));
    }
}

/// Message-IDs in a Maildir.
fn at_desk(maildir: &Path) -> Vec<String> {
    let mut found = vec![];
    for entry in std::fs::read_dir(maildir.join("new")).unwrap_or_else(|e| panic!("{}: {e}", maildir.display())) {
        let mail = std::fs::read(entry.unwrap().path()).unwrap();
        let head = String::from_utf8_lossy(&mail[..mail.len().min(8_192)]).into_owned();
        found.extend(head.lines().find_map(|l| l.strip_prefix("Message-ID: <")).map(|l| l.trim_end_matches('>').to_owned()));
    }
    found
}

const FAR: &str = "quota = 0\n[port.far]\nbackend = \"email\"\npeer = \"moscow\"\nline = { smtp = \"127.0.0.1:9\" }\n[[route]]\nto = \"*@moscow\"\nports = [\"far\"]\n";

#[test]
#[ignore = "peer: run through tests/run"]
fn hostile_clients_get_the_reply_that_is_owed_and_the_next_good_one_is_served() {
    let washington = Washington::start(FAR, "");
    let house = &washington.house;
    let eight = house.path("eight.eml").display().to_string();
    let none = Vec::new;
    let all = [
        ("garbage", none()),
        ("errors", none()),
        ("endless_command", none()),
        ("endless_header", none()),
        ("endless_data", none()),
        ("long_lines", none()),
        ("nul", none()),
        ("bare", none()),
        ("eight", words(&[("id", "eight"), ("file", &eight)])),
        ("chunks", none()),
        ("recipients", none()),
        ("nested", words(&[("deep", "500")])),
        ("nested", words(&[("deep", "20000")])),
        ("bomb", none()),
        ("names", none()),
        ("largest", words(&[("count", "6")])),
    ];
    each(&washington, &all);
    // Nothing lost: every good mail, the eight-bit one, one with a line of 998, four nested, the bomb, the names and six large ones lie at the desk.
    let printed = all.len() + 1 + 1 + 4 + 2 + 6;
    washington.wait_printed(printed);
    let found = at_desk(&washington.maildir());
    for (n, (what, _)) in all.iter().enumerate() {
        assert!(found.contains(&format!("after-{n}-{what}@good.example")), "{what}: {found:?}");
    }
    let accepted = house.board.read(|s| s.events.iter().filter(|e| e["event"] == "accepted").count());
    assert_eq!(accepted, printed + 1_000, "at the desk, and for a thousand at moscow");
    the_mail_of_undeclared_bits_is_the_same(&washington, &eight);
    names_lead_nowhere(house);
    assert!(washington.station.stop().success());
}

fn the_mail_of_undeclared_bits_is_the_same(washington: &Washington, sent: &str) {
    let sent = std::fs::read(sent).unwrap();
    let sent = &sent[sent.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4..];
    let body: Vec<u8> = sent.iter().copied().filter(|octet| *octet != b'\r').collect();
    let mails = std::fs::read_dir(washington.maildir().join("new")).unwrap().map(|e| std::fs::read(e.unwrap().path()).unwrap());
    assert!(mails.filter(|m| m.ends_with(&body)).count() == 1, "the body of undeclared bits is not at the desk as it was sent");
}

/// No name of an attachment became a path, and no control character of one is in a text that is shown.
fn names_lead_nowhere(house: &House) {
    let (mut folders, mut texts) = (vec![house.dir.path().to_owned()], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            assert!(!path.to_string_lossy().contains("molink-escaped"), "{}", path.display());
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "txt") {
                texts += 1;
                let shown = std::fs::read_to_string(&path).unwrap();
                assert!(!shown.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}'), "{}: {shown:?}", path.display());
            }
        }
    }
    assert!(texts > 10, "{texts} papers");
    for outside in ["/tmp/molink-escaped", "/etc/molink-escaped"] {
        assert!(!Path::new(outside).exists(), "{outside}");
    }
    let used = std::process::Command::new("du").arg("-sk").arg(house.dir.path()).output().unwrap();
    let used: u64 = text(&used.stdout).split_whitespace().next().unwrap().parse().unwrap();
    assert!(used < 700 << 10, "{used} KiB: a bomb was unpacked");
}

#[test]
#[ignore = "peer: run through tests/run"]
fn ten_thousand_connections_are_refused_or_wait_and_a_good_client_is_served() {
    let washington = Washington::start("quota = 0\nconnections = 100\nper_address = 20\n", "");
    let crowd = |count: &str, addresses: &str, good: &str| {
        let told = words(&[("count", count), ("addresses", addresses), ("good", good)]);
        ("crowd", told)
    };
    each(&washington, &[crowd("10000", "1", "250"), crowd("10000", "200", "421")]);
    washington.wait_printed(5);
    assert!(washington.station.stop().success());
}

#[test]
#[ignore = "peer: run through tests/run"]
fn clients_of_an_octet_a_minute_are_ended_and_hold_nobody_up() {
    // Sixty times as fast: an octet a second is an octet a minute, and five minutes are five seconds.
    let washington = Washington::start("quota = 0\n", "speed = 60");
    each(&washington, &[("slowly", words(&[("count", "80")]))]);
    assert!(washington.station.stop().success());
}

#[test]
#[ignore = "peer: run through tests/run"]
fn certificates_that_are_wrong_expired_or_not_valid_yet_make_nobody_known() {
    let washington = Washington::start("quota = 0\n", "");
    let house = &washington.house;
    let day = 86_400_000_000;
    let now = certs::world_utc();
    let at = |micros: i64| molink::time::Utc(now.0 + micros);
    let mut more = vec![];
    for (kind, station, from, days) in
        [("wrong", "moscow", 0, 30), ("pinned", "moscow", 0, 30), ("expired", "paris", -60 * day, 30), ("early", "london", 10 * day, 30)]
    {
        let folder = house.path(kind);
        certs::make(&folder, station, at(from), days).unwrap();
        if kind != "wrong" {
            std::fs::copy(certs::file(&folder, station, "crt"), house.path("certs").join(format!("{station}.crt"))).unwrap();
        }
        more.push(format!("{kind}={}", folder.join(station).display()));
    }
    each(&washington, &[("certificates", more)]);
    assert!(washington.station.stop().success());
}

/// A station whose disk is one of `size` of its own, and where that disk is to be seen from here.
fn on_a_disk_of(size: &str) -> (Washington, PathBuf) {
    let (house, at) = Washington::write("quota = 0\n", "");
    std::fs::create_dir(house.path("washington")).unwrap();
    let script = format!("mount -t tmpfs -o size={size} tmpfs washington || exit 99; exec \"$0\" station washington.toml");
    let mut unshare = Command::new(peer("unshare", "util-linux"));
    house.clean(&mut unshare).args(["-U", "-r", "-m", "sh", "-c", &script]).arg(house.program());
    let station = house.start_as("washington", unshare).unwrap();
    let disk = PathBuf::from(format!("/proc/{}/root{}", station.process.pid(), house.path("washington").display()));
    (Washington { house, station, at }, disk)
}

#[test]
#[ignore = "peer: run through tests/run"]
fn a_full_disk_is_answered_4xx_and_all_that_was_answered_250_is_at_the_desk() {
    let (washington, disk) = on_a_disk_of("64m");
    let Washington { house, station, at } = &washington;
    let mut taken: Vec<String> = vec![];
    let mut fill = |id: &str, size: &str, count: &str| {
        let told = harm(house, at, "fill", &words(&[("id", id), ("size", size), ("count", count)]));
        let (last, ids) = told.split_once('|').unwrap();
        let new: Vec<String> = ids.split_whitespace().map(str::to_owned).collect();
        println!("{id:10} {size:>9} octets each: {} taken, then {last}; {} KiB at the most", new.len(), peak(station));
        let count = new.len();
        taken.extend(new);
        (last.to_owned(), count)
    };
    // Long mails: the spool leaves room for the journal.
    let (last, count) = fill("long", "3000000", "40");
    assert!(last.starts_with("452") && count > 0, "{last}, {count}");
    // Short ones do not need the spool: they go on to the last block of the disk, and the journal cannot be written.
    let filler = disk.join("filler");
    let full = std::fs::write(&filler, vec![0; 64 << 20]).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    let (last, _) = fill("short", "20000", "400");
    assert!(last.starts_with("451") || last.starts_with("452"), "a journal that cannot be written: {last}");
    let (last, count) = fill("none", "200", "400");
    assert!(last.starts_with('4'), "{last}, {count}");
    // Room again: it goes on by itself, and nothing that was promised is missing.
    std::fs::remove_file(&filler).unwrap();
    let (last, _) = fill("room", "20000", "20");
    assert_eq!(last, "250");
    let there = |found: &[String]| taken.iter().filter(|id| !found.contains(id)).count();
    let until = crate::support::seconds() + LONG.as_secs_f64();
    while there(&at_desk(&disk.join("maildir/duty"))) > 0 && crate::support::seconds() < until {
        std::thread::sleep(Duration::from_millis(50)); // the desk's thread tries again every few seconds
    }
    let found = at_desk(&disk.join("maildir/duty"));
    assert_eq!(there(&found), 0, "of {} that were answered 250, {} are at the desk", taken.len(), found.len());
    println!("{} mails were answered 250, and all are at the desk", taken.len());
    assert!(washington.station.stop().success());
}

#[test]
#[ignore = "peer: run through tests/run"]
fn the_makers_of_mails_make_what_their_checker_calls_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (maildir, sent) = (dir.path().join("duty"), dir.path().join("sent.eml"));
    for folder in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(maildir.join(folder)).unwrap();
    }
    let shown = [maildir.to_str().unwrap(), sent.to_str().unwrap()];
    assert!(sample(&["make", "ascii", "x@y", shown[1]]).0);
    let came = [b"Return-Path: <alice@x>\r\n".to_vec(), std::fs::read(&sent).unwrap()].concat();
    let seen = |mail: &[u8]| {
        std::fs::write(maildir.join("new/1.x"), mail).unwrap();
        sample(&["seen", shown[0], shown[1]])
    };
    assert!(seen(&came).0);
    for (from, to, word) in
        [(&b"spaces   "[..], &b"spaces"[..], "octets"), (b"\r\n..\r\n", b"\r\n.\r\n", "text"), (b"x@y", b"x@z", "0 mails")]
    {
        let at = came.windows(from.len()).position(|w| w == from).unwrap();
        let changed = [&came[..at], to, &came[at + from.len()..]].concat();
        let (same, told) = seen(&changed);
        assert!(!same && told.contains(word), "{word}: {told}");
    }
}

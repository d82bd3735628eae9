//! `molink keys` as a person has it: made, shown, moved forward, destroyed; on a full disk, against a second process, at a terminal.

use crate::support::{House, text};
use molink::key::backend_disk::{self, Shelf};
use molink::key::{Copy, Medium};
use rustix::pty::OpenptFlags;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const A_MINUTE: Duration = Duration::from_secs(60);

fn ok(done: &Output) -> String {
    let told = text(&done.stdout);
    assert_eq!((done.status.code(), text(&done.stderr).as_str()), (Some(0), ""), "{told}");
    assert!(told.lines().all(|l| l.chars().count() <= 80), "{told}");
    told
}

fn fails(done: &Output, code: i32, named: &str) {
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(code), "{said}");
    assert!(said.contains(named), "{said}\nshould name: {named}");
}

fn with_tapes() -> House {
    let house = House::new();
    let made = ok(&house.run(&["keys", "make", "--characters", "12k", "--out", "keys", "one"], A_MINUTE));
    assert!(made.contains("for what washington sends to moscow: 12000 characters,\n30 minutes at 50 Bd"), "{made}");
    assert!(made.contains("keys/washington/one.key  enciphers: it hangs at washington"), "{made}");
    assert!(made.contains("keys/moscow/one.key      deciphers: it hangs at moscow"), "{made}");
    assert!(made.contains("by hand, never over a line"), "{made}");
    house
}

fn shown(house: &House, path: &str) -> Vec<Value> {
    serde_json::from_str(&text(&house.run(&["keys", "show", "--json", path], A_MINUTE).stdout)).unwrap()
}

#[test]
fn a_pair_is_made_shown_and_never_made_over() {
    let house = with_tapes();
    assert_eq!(fs::read(house.path("keys/washington/one.key")).unwrap(), fs::read(house.path("keys/moscow/one.key")).unwrap());
    fails(&house.run(&["keys", "make", "--characters", "10", "--out", "keys", "one"], A_MINUTE), 2, "one.key` is there already");
    let back = ["keys", "make", "--minutes", "60", "--from", "moscow", "--to", "washington", "--out", "keys", "two"];
    assert!(ok(&house.run(&back, A_MINUTE)).contains("24000 characters,\n60 minutes"));
    let table = ok(&house.run(&["keys", "show", "keys/washington"], A_MINUTE));
    let lines: Vec<Vec<&str>> = table.lines().map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["TAPE", "SERIAL", "FOR", "COPY", "USED", "LEFT", "MIN", "NEXT", "STATE"]);
    assert_eq!(lines[1][2..], ["washington", ">", "moscow", "send", "0", "12000", "30", "0", "whole"]);
    assert_eq!(lines[2][2..], ["moscow", ">", "washington", "receive", "0", "24000", "60", "0", "whole"]);
    assert_eq!(shown(&house, "keys/moscow/one.toml")[0]["serial"].to_string(), lines[1][1]);
    let two = ok(&house.run(&["keys", "show", "--baud", "100", "keys/washington", "keys/moscow/two.key"], A_MINUTE));
    assert!(two.starts_with("keys/washington:\nTAPE") && two.contains("\n\nkeys/moscow/two.key:\nTAPE"), "{two}");
    assert!(two.contains("24000  30    0 whole"), "twice as fast: {two}");
}

#[test]
fn every_help_has_an_example() {
    let house = House::new();
    for command in
        [&["keys", "--help"][..], &["keys", "make", "-h"], &["keys", "show", "-h"], &["keys", "skip", "-h"], &["keys", "destroy", "-h"]]
    {
        let help = ok(&house.run(command, A_MINUTE));
        assert!(help.contains("Example") && help.contains("\n  molink keys "), "{help}");
    }
}

#[test]
fn what_is_not_understood_is_a_matter_of_usage() {
    let house = with_tapes();
    for (args, named) in [
        (&["make", "--characters", "0", "--out", "k", "x"][..], "such as 120000 or 120k"),
        (&["make", "--characters", "101M", "--out", "k", "x"], "1 to 100000000"),
        (&["make", "--out", "k", "x"], "--characters"),
        (&["make", "--characters", "9", "--minutes", "9", "--out", "k", "x"], "do not go together"),
        (&["make", "--minutes", "99999999", "--out", "k", "x"], "cannot be made"),
        (&["make", "--characters", "9", "--to", "washington", "--out", "k", "x"], "both `washington`"),
        (&["make", "--characters", "9", "--out", "k", "../x"], "`../x` is not a tape's name"),
        (&["show", "nothing"], "there is no `nothing`"),
        (&["show", "keys/washington/ledger.jsonl"], "there is no `keys/washington/ledger.jsonl`"),
        (&["skip", "keys/washington", "--to", "1"], "is a folder"),
        (&["destroy", "keys/washington/one.key"], "add --yes"),
        (&["destroy", "--yes", "keys/washington/two.key"], "there is no `keys/washington/two.key`"),
    ] {
        let args: Vec<&str> = ["keys"].iter().chain(args).copied().collect();
        fails(&house.run(&args, A_MINUTE), 2, named);
    }
    assert!(!house.path("k").exists());
}

#[test]
fn a_damaged_tape_is_shown_and_is_a_failed_check() {
    let house = with_tapes();
    let key = house.path("keys/moscow/one.key");
    let mut bytes = fs::read(&key).unwrap();
    bytes[5] ^= 1;
    fs::write(&key, bytes).unwrap();
    let done = house.run(&["keys", "show", "keys/moscow"], A_MINUTE);
    let told = text(&done.stdout);
    assert!(done.status.code() == Some(1) && told.contains(" damaged\n") && told.contains("does not fit the checksum"), "{told}");
    assert!(shown(&house, "keys/moscow")[0]["trouble"].as_str().unwrap().contains("one.key`"));
}

#[test]
fn a_disk_that_is_full_leaves_nothing_of_a_tape() {
    let house = House::new();
    // A limit on the size of files stands for the disk; it gives an error instead of a signal.
    let limited = |blocks: u32, args: &str| {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" keys {args}");
        let mut command = Command::new("sh");
        house.clean(&mut command).args(["-c", &script]).arg(house.command(&[]).get_program()).output().unwrap()
    };
    fails(&limited(64, "make --characters 1M --out keys one"), 1, "cannot be written: File too large");
    assert!(!house.path("keys").exists(), "the folders are gone as well");
    let house = with_tapes();
    let limited = |args: &str| {
        let script = format!("trap '' XFSZ; ulimit -f 0; exec \"$0\" keys {args}");
        let mut command = Command::new("sh");
        house.clean(&mut command).args(["-c", &script]).arg(house.command(&[]).get_program()).output().unwrap()
    };
    fails(&limited("skip keys/moscow/one.key --to 500"), 1, "ledger.jsonl` cannot be written");
    assert_eq!(fs::read(house.path("keys/moscow/ledger.jsonl")).unwrap(), b"", "no half a line");
    assert_eq!(shown(&house, "keys/moscow")[0]["next"], 0);
    ok(&house.run(&["keys", "skip", "keys/moscow/one.key", "--to", "500"], A_MINUTE));
    assert_eq!(shown(&house, "keys/moscow")[0]["next"], 500);
}

#[test]
fn a_station_that_runs_keeps_its_tapes_to_itself() {
    let house = with_tapes();
    let (station, folder) = ("washington".parse().unwrap(), house.path("keys/washington"));
    let mut shelf = Shelf::open(&folder, Medium::Tape, &station, None).unwrap();
    let serial = shelf.tapes().send[0].serial;
    shelf.reserve(Copy::Send, serial, 0, 700).unwrap();
    for args in [&["skip", "keys/washington/one.key", "--to", "900"][..], &["destroy", "--yes", "keys/washington/one.key"]] {
        let args: Vec<&str> = ["keys"].iter().chain(args).copied().collect();
        fails(&house.run(&args, A_MINUTE), 1, "in use by another molink; stop that first");
    }
    assert_eq!(shown(&house, "keys/washington")[0]["next"], 700, "looking is allowed");
    drop(shelf);
    let skipped = ok(&house.run(&["keys", "skip", "keys/washington/one.key", "--to", "900"], A_MINUTE));
    assert_eq!(skipped, format!("tape {serial}: next position 900; 200 characters burned, 11100 left\n"));
    fails(&house.run(&["keys", "skip", "keys/washington/one.key", "--to", "899"], A_MINUTE), 1, "only moves forward");
    let mut shelf = Shelf::open(&folder, Medium::Tape, &station, None).unwrap();
    assert!(shelf.reserve(Copy::Send, serial, 899, 1).unwrap_err().contains("used key"));
}

#[test]
fn a_destroyed_tape_is_zeros_on_the_disk_and_stays_on_record() {
    let house = with_tapes();
    let done = ok(&house.run(&["keys", "destroy", "--yes", "keys/washington/one.key"], A_MINUTE));
    assert!(done.contains("is zeros; its twin is at moscow") && done.contains("SSD"), "{done}");
    assert_eq!(fs::read(house.path("keys/washington/one.key")).unwrap(), vec![0; 12_000]);
    let table = ok(&house.run(&["keys", "show", "keys/washington"], A_MINUTE));
    let line: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(line[6..], ["12000", "0", "0", "12000", "destroyed"], "{table}");
    assert_ne!(fs::read(house.path("keys/moscow/one.key")).unwrap(), vec![0; 12_000], "the twin is another matter");
}

#[test]
fn at_a_terminal_destroy_asks_first() {
    let house = with_tapes();
    let answered = |answer: &[u8]| {
        let controller = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        rustix::pty::grantpt(&controller).unwrap();
        rustix::pty::unlockpt(&controller).unwrap();
        let name = rustix::pty::ptsname(&controller, vec![]).unwrap();
        let terminal = fs::OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        fs::File::from(controller.try_clone().unwrap()).write_all(answer).unwrap();
        let mut command = house.command(&["keys", "destroy", "keys/washington/one.key"]);
        command.stdin(terminal).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()
    };
    let done = answered(b"y\n");
    fails(&done, 1, "not destroyed");
    assert!(text(&done.stderr).contains("12000 characters not used"), "{}", text(&done.stderr));
    assert_ne!(fs::read(house.path("keys/washington/one.key")).unwrap(), vec![0; 12_000]);
    assert_eq!(answered(b"yes\n").status.code(), Some(0));
    assert_eq!(fs::read(house.path("keys/washington/one.key")).unwrap(), vec![0; 12_000]);
}

#[test]
fn the_same_tape_at_two_ports_of_a_station_is_refused_before_it_starts() {
    let dir = tempfile::tempdir().unwrap();
    let order = backend_disk::Order {
        medium: Medium::Tape,
        name: "w".into(),
        characters: 500,
        from: "washington".parse().unwrap(),
        to: "moscow".parse().unwrap(),
        utc: "1963-08-30T16:00:00Z".parse().unwrap(),
    };
    let made = backend_disk::make(&order, &dir.path().join("cable"), &mut |_| true).unwrap();
    let radio = dir.path().join("radio/washington");
    std::fs::create_dir_all(&radio).unwrap();
    for end in ["key", "toml"] {
        std::fs::copy(made.send.with_extension(end), radio.join(format!("w.{end}"))).unwrap();
    }
    let file = dir.path().join("washington.toml");
    let port = |name: &str| {
        format!(
            "[port.{name}]\nbackend = \"teletype\"\npeer = \"moscow\"\nkeys = \"{name}/washington\"\nline = {{ pty = \"/tmp/{name}\" }}\n"
        )
    };
    std::fs::write(&file, format!("station = \"washington\"\n[desk.operator]\n{}{}", port("cable"), port("radio"))).unwrap();
    let config = molink::station::StationConfig::read(&file).unwrap();
    let why = molink::station::Station::builder().check(&config).map(|_| ()).unwrap_err().to_string();
    assert!(why.contains(&format!("key tape {} is at port `cable` already", made.serial)), "{why}");
}

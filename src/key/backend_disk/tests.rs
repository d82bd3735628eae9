//! The folder of tapes against what can happen to it: every trouble made for real, reservations against crashes and backups,
//! a disk that is full.

use super::*;
use crate::key::label::{Kind, Label, State};
use crate::key::ledger::Ledger;
use crate::key::{Copy, Medium, Tape, Tapes};
use crate::message::Name;
use crate::time::Utc;
use rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A folder with a pair in it: `a` from washington to moscow, `b` the other way, 1,000 characters each.
struct Rooms {
    folder: tempfile::TempDir,
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn order(tape: &str, from: &str, to: &str, characters: u64) -> Order {
    order_of(Medium::Tape, tape, from, to, characters)
}

fn order_of(medium: Medium, it: &str, from: &str, to: &str, characters: u64) -> Order {
    Order { medium, name: it.into(), characters, from: name(from), to: name(to), utc: "1963-08-30T16:00:00Z".parse().unwrap() }
}

impl Rooms {
    fn new() -> Rooms {
        let rooms = Rooms { folder: tempfile::tempdir().unwrap() };
        rooms.make(&order("a", "washington", "moscow", 1000)).unwrap();
        rooms.make(&order("b", "moscow", "washington", 1000)).unwrap();
        rooms
    }
    fn make(&self, order: &Order) -> Result<Made, String> {
        make(order, self.folder.path(), &mut |_| true)
    }
    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }
    fn label(&self, path: &str) -> Label {
        Label::read(&fs::read_to_string(self.at(path)).unwrap()).unwrap()
    }
    fn edit(&self, path: &str, change: impl FnOnce(&mut Label)) {
        let mut label = self.label(path);
        change(&mut label);
        fs::write(self.at(path), label.text()).unwrap();
    }
    fn open(&self, station: &str) -> Result<Shelf, String> {
        let peer = if station == "washington" { "moscow" } else { "washington" };
        Shelf::open(&self.at(station), Medium::Tape, &name(station), Some(&name(peer)))
    }
    fn tapes(&self, station: &str) -> Tapes {
        self.open(station).unwrap().tapes()
    }
    fn key(&self, path: &str) -> Vec<u8> {
        fs::read(self.at(path)).unwrap()
    }
    /// What a shelf at `washington` says after `change`, which must be one sentence with `named` in it.
    fn trouble(&self, change: impl FnOnce(&Rooms), named: &[&str]) {
        change(self);
        let tapes = self.tapes("washington");
        assert_eq!(tapes.troubles.len(), 1, "{tapes:?}");
        let said = &tapes.troubles[0];
        for named in named {
            assert!(said.contains(named), "{said}\nshould name: {named}");
        }
        assert!(!said.ends_with('.') && !said.contains('\n'), "{said}");
    }
}

fn everything_under(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(everything_under(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

#[test]
fn a_pair_is_two_equal_keys_for_the_owner_alone_and_fits_its_label() {
    let rooms = Rooms::new();
    let (key, twin) = (rooms.key("washington/a.key"), rooms.key("moscow/a.key"));
    assert!(key == twin && key.len() == 1000 && key.iter().all(|b| *b < 32));
    assert_ne!(key, rooms.key("moscow/b.key"));
    let (send, receive) = (rooms.label("washington/a.toml"), rooms.label("moscow/a.toml"));
    assert_eq!((send.copy, receive.copy, send.next, send.kind), (Copy::Send, Copy::Receive, 0, Kind::Live));
    assert_eq!((send.serial, &send.checksum), (receive.serial, &receive.checksum));
    assert_eq!(send.checksum, Sha256::digest(&key).iter().map(|b| format!("{b:02x}")).collect::<String>());
    assert_ne!(send.serial, rooms.label("moscow/b.toml").serial);
    for (path, mode) in [("washington/a.key", 0o600), ("moscow/a.toml", 0o600), ("washington", 0o700), ("moscow", 0o700)] {
        assert_eq!(fs::metadata(rooms.at(path)).unwrap().permissions().mode() & 0o777, mode, "{path}");
    }
}

#[test]
fn each_end_finds_what_it_sends_and_what_it_receives_with() {
    let rooms = Rooms::new();
    let (a, b) = (rooms.label("washington/a.toml").serial, rooms.label("moscow/b.toml").serial);
    let tape = |serial| Tape { serial, characters: 1000, next: 0 };
    assert_eq!(rooms.tapes("washington"), Tapes { send: vec![tape(a)], receive: vec![tape(b)], troubles: vec![] });
    assert_eq!(rooms.tapes("moscow"), Tapes { send: vec![tape(b)], receive: vec![tape(a)], troubles: vec![] });
    let open = Shelf::open(&rooms.at("washington"), Medium::Tape, &name("washington"), None).unwrap().tapes();
    assert_eq!((open.send.len(), open.receive.len(), open.troubles.len()), (1, 1, 0), "any far end");
}

#[test]
fn tapes_hang_in_order_of_file_name_also_those_put_in_later() {
    let rooms = Rooms::new();
    let mut shelf = rooms.open("washington").unwrap();
    for (tape, characters) in [("10", 10), ("09", 9), ("b2", 12)] {
        rooms.make(&order(tape, "washington", "moscow", characters)).unwrap();
    }
    let lengths: Vec<u64> = shelf.tapes().send.iter().map(|t| t.characters).collect();
    assert_eq!(lengths, [9, 10, 1000, 12]);
}

#[test]
fn damaged_labels_and_ledgers_are_read_or_refused_and_nothing_else() {
    let rooms = Rooms::new();
    for to in [100, 200, 300] {
        skip(&rooms.at("washington/a.key"), to, Utc(0)).unwrap();
    }
    let (label, ledger) = (rooms.key("washington/a.toml"), rooms.key("washington/ledger.jsonl"));
    let mut random = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(4);
    let mut spoil = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        for _ in 0..=random.next_u32() % 3 {
            let at = random.next_u32() as usize % bytes.len();
            bytes[at] = random.next_u32() as u8;
        }
        bytes
    };
    let (mut refused, mut closed) = (0, 0);
    for _ in 0..20_000 {
        if let Some(why) = String::from_utf8(spoil(&label)).ok().and_then(|text| Label::read(&text).err()) {
            assert!(!why.contains('\n') && !why.is_empty(), "{why}");
            refused += 1;
        }
        closed += usize::from(Ledger::read(&spoil(&ledger)).is_err_and(|(line, _)| (1..=6).contains(&line)));
    }
    println!("of 20000 spoilt labels {refused} were refused, of as many ledgers {closed}");
    assert!(refused > 2_000 && closed > 10_000);
}

#[test]
fn each_of_the_32_codes_is_as_frequent_as_any_other() {
    let rooms = Rooms::new();
    rooms.make(&order("long", "washington", "moscow", 100_000)).unwrap();
    let mut counts = [0u32; 32];
    rooms.key("washington/long.key").iter().for_each(|b| counts[usize::from(*b)] += 1);
    let expected = 100_000.0 / 32.0;
    let chi: f64 = counts.iter().map(|n| (f64::from(*n) - expected).powi(2) / expected).sum();
    println!("chi-squared of 100,000 characters, 31 degrees of freedom: {chi:.1}");
    // Above 75 by chance once in 60,000 tapes.
    assert!(chi < 75.0, "{chi}");
}

#[test]
fn an_existing_tape_is_never_replaced() {
    for there in ["washington/a.key", "washington/a.toml", "moscow/a.key", "moscow/a.toml"] {
        let rooms = Rooms::new();
        for path in ["washington/a.key", "washington/a.toml", "moscow/a.key", "moscow/a.toml"] {
            fs::remove_file(rooms.at(path)).unwrap();
        }
        fs::write(rooms.at(there), "mine").unwrap();
        let before = everything_under(rooms.folder.path());
        let why = rooms.make(&order("a", "washington", "moscow", 10)).unwrap_err();
        assert!(why.contains(there) && why.contains("never replaced"), "{why}");
        assert_eq!((everything_under(rooms.folder.path()), rooms.key(there)), (before, b"mine".to_vec()));
    }
}

#[test]
fn what_cannot_be_made_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("deep/out");
    for (bad, named) in [
        (order("a", "washington", "moscow", 0), "`0`"),
        (order("a", "washington", "moscow", 100_000_001), "`100000001`"),
        (order("../a", "washington", "moscow", 10), "`../a`"),
        (order(".a", "washington", "moscow", 10), "`.a`"),
        (order("", "washington", "moscow", 10), "``"),
        (order("a", "moscow", "moscow", 10), "`moscow`"),
    ] {
        let why = make(&bad, &out, &mut |_| true).unwrap_err();
        assert!(why.contains(named), "{why}");
    }
    let why = make(&order("a", "washington", "moscow", 1_000_000), &out, &mut |done| done < 500_000).unwrap_err();
    assert!(why.contains("interrupted"), "{why}");
    fs::create_dir_all(out.join("moscow")).unwrap();
    fs::write(out.join("moscow/a.key"), "mine").unwrap();
    assert!(make(&order("a", "washington", "moscow", 10), &out, &mut |_| true).is_err());
    assert_eq!(everything_under(folder.path()).len(), 4, "deep, out, moscow and the file that was there");
}

#[test]
fn a_disk_that_fills_up_under_either_copy_is_an_error() {
    struct Disk {
        room: usize,
    }
    impl std::io::Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let n = bytes.len().min(self.room);
            self.room -= n;
            if n == 0 { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(n) }
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let key = |rooms: [usize; 2], random: &mut dyn FnMut(&mut [u8]) -> std::io::Result<()>| {
        make::write_key(&mut rooms.map(|room| Disk { room }), Medium::Tape, 200_000, random, &mut |_| true)
    };
    assert!(key([200_000, 200_000], &mut |_| Ok(())).is_ok());
    for rooms in [[199_999, 200_000], [200_000, 199_999], [0, 0]] {
        assert_eq!(key(rooms, &mut |_| Ok(())).unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    }
    assert!(key([200_000, 200_000], &mut |_| Err(std::io::ErrorKind::Other.into())).is_err(), "no randomness, no tape");
}

#[test]
fn a_tape_at_the_wrong_station_or_the_wrong_copy_is_told() {
    Rooms::new().trouble(
        |r| {
            let elsewhere = make(&order("p", "paris", "london", 10), r.folder.path(), &mut |_| true).unwrap();
            fs::copy(elsewhere.send.with_extension("key"), r.at("washington/p.key")).unwrap();
            fs::copy(elsewhere.send, r.at("washington/p.toml")).unwrap();
        },
        &["washington/p.toml`", "paris sends to london, and this is washington"],
    );
    Rooms::new().trouble(
        |r| {
            r.make(&order("p", "washington", "paris", 10)).unwrap();
        },
        &["washington/p.toml`", "the far end here is moscow"],
    );
    // The two folders carried to the wrong ends: every tape is told, none is used.
    let rooms = Rooms::new();
    let swapped = Shelf::open(&rooms.at("moscow"), Medium::Tape, &name("washington"), Some(&name("moscow"))).unwrap().tapes();
    assert_eq!((swapped.send.len(), swapped.receive.len(), swapped.troubles.len()), (0, 0, 2));
    assert!(swapped.troubles[0].contains("deciphers and belongs at moscow; the two copies were swapped"), "{swapped:?}");
    assert!(swapped.troubles[1].contains("enciphers and belongs at moscow; the two copies were swapped"), "{swapped:?}");
}

#[test]
fn a_simulations_tape_and_a_destroyed_one_are_told() {
    Rooms::new()
        .trouble(|r| r.edit("washington/a.toml", |l| l.kind = Kind::Simulation), &["was made for a simulation", "molink keys make"]);
    Rooms::new().trouble(|r| r.edit("washington/a.toml", |l| l.state = State::Destroyed), &["washington/a.toml`", "is destroyed"]);
}

#[test]
fn a_key_that_is_not_its_labels_is_told() {
    let rewrite = |r: &Rooms, change: &dyn Fn(&mut Vec<u8>)| {
        let mut key = r.key("washington/a.key");
        change(&mut key);
        fs::write(r.at("washington/a.key"), key).unwrap();
    };
    let key = "washington/a.key`";
    Rooms::new().trouble(|r| rewrite(r, &|k| k.truncate(999)), &[key, "999 characters where", "says 1000"]);
    Rooms::new().trouble(|r| rewrite(r, &|k| k.push(1)), &[key, "1001 characters where"]);
    Rooms::new().trouble(|r| rewrite(r, &|k| k[500] ^= 1), &[key, "does not fit the checksum"]);
    Rooms::new().trouble(|r| rewrite(r, &|k| k[17] = 200), &[key, "200 stands at position 17"]);
    Rooms::new().trouble(|r| fs::remove_file(r.at("washington/a.key")).unwrap(), &[key, "cannot be read"]);
    Rooms::new().trouble(|r| fs::remove_file(r.at("washington/a.toml")).unwrap(), &[key, "has no label"]);
    let rooms = Rooms::new();
    let (a, b) = (rooms.key("washington/a.key"), rooms.key("washington/b.key"));
    fs::write(rooms.at("washington/a.key"), b).unwrap();
    fs::write(rooms.at("washington/b.key"), a).unwrap();
    let tapes = rooms.tapes("washington");
    assert!(tapes.send.is_empty() && tapes.receive.is_empty() && tapes.troubles.len() == 2, "swapped: {tapes:?}");
    assert!(tapes.troubles.iter().all(|t| t.contains("does not fit the checksum")), "{tapes:?}");
}

#[test]
fn a_label_that_cannot_be_read_is_told_with_its_line() {
    let replace = |r: &Rooms, from: &str, to: &str| {
        let text = fs::read_to_string(r.at("washington/a.toml")).unwrap().replacen(from, to, 1);
        fs::write(r.at("washington/a.toml"), text).unwrap();
    };
    Rooms::new().trouble(|r| replace(r, "next = 0", "next = 0\nnote = 1"), &["washington/a.toml`", "line 12: unknown field `note`"]);
    Rooms::new().trouble(|r| replace(r, "next = 0", "next = 1001"), &["washington/a.toml`", "line 11: next = `1001`"]);
    Rooms::new()
        .trouble(|r| fs::write(r.at("washington/a.toml"), [0xff; 10]).unwrap(), &["washington/a.toml`", "cannot be read as a label"]);
    Rooms::new().trouble(|r| fs::write(r.at("washington/a.toml"), vec![b' '; 20_000]).unwrap(), &["washington/a.toml`", "too long"]);
    Rooms::new().trouble(
        |r| {
            fs::remove_file(r.at("washington/a.toml")).unwrap();
            fs::create_dir(r.at("washington/a.toml")).unwrap();
        },
        &["washington/a.toml` is not a file"],
    );
}

#[test]
fn two_tapes_of_one_serial_are_told_and_neither_is_used() {
    let rooms = Rooms::new();
    for ending in ["key", "toml"] {
        fs::copy(rooms.at(&format!("washington/a.{ending}")), rooms.at(&format!("washington/c.{ending}"))).unwrap();
    }
    rooms.trouble(|_| {}, &["washington/a.toml` and `", "washington/c.toml` are both tape"]);
    let mut shelf = rooms.open("washington").unwrap();
    assert!(shelf.tapes().send.is_empty() && shelf.tapes().receive.len() == 1);
    let serial = rooms.label("washington/a.toml").serial;
    assert!(shelf.reserve(Copy::Send, serial, 0, 1).unwrap_err().contains("no tape"));
}

#[test]
fn key_is_given_once_forward_only_and_is_on_record_first() {
    let rooms = Rooms::new();
    let (serial, key) = (rooms.label("washington/a.toml").serial, rooms.key("washington/a.key"));
    let mut shelf = rooms.open("washington").unwrap();
    assert_eq!(shelf.reserve(Copy::Send, serial, 0, 100).unwrap(), key[..100]);
    let ledger = Ledger::read(&rooms.key("washington/ledger.jsonl")).unwrap();
    assert_eq!((ledger.positions.of(serial, Copy::Send).unwrap().next, rooms.label("washington/a.toml").next), (100, 100));
    assert_eq!(shelf.reserve(Copy::Send, serial, 250, 50).unwrap(), key[250..300], "100 to 249 are burned");
    let mut refused = |copy, serial, from, count, named: &str| {
        let why = shelf.reserve(copy, serial, from, count).unwrap_err();
        assert!(why.contains(named), "{why}");
    };
    refused(Copy::Send, serial, 299, 1, "position 299 of tape");
    refused(Copy::Send, serial, 0, 0, "is used key; its next position is 300");
    refused(Copy::Send, serial, 300, 701, "ends at 1000");
    refused(Copy::Send, serial, 1001, 0, "ends at 1000");
    refused(Copy::Send, serial, u64::MAX, u64::MAX, "ends at 1000");
    refused(Copy::Receive, serial, 300, 1, "no tape");
    refused(Copy::Send, 1, 300, 1, "no tape 1 hangs");
    assert_eq!(shelf.tapes().send[0].next, 300, "what is refused uses nothing");
    assert_eq!(shelf.reserve(Copy::Send, serial, 300, 0), Ok(vec![]));
    assert_eq!(shelf.reserve(Copy::Send, serial, 400, 0), Ok(vec![]));
    assert_eq!(shelf.reserve(Copy::Send, serial, 400, 600).unwrap(), key[400..]);
    drop(shelf);
    let used = rooms.tapes("washington");
    assert_eq!((used.send[0].left(), used.troubles.len()), (0, 0), "a tape that is used up is listed: {used:?}");
}

#[test]
fn no_position_is_given_twice_in_1000_rounds_of_crashes() {
    // In memory where that can be had: 5,000 syncs take a disk a quarter of a minute.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let rooms = Rooms { folder };
    let serial = rooms.make(&order("a", "washington", "moscow", 200_000)).unwrap().serial;
    let (label, ledger) = (rooms.at("washington/a.toml"), rooms.at("washington/ledger.jsonl"));
    let mut random = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(3);
    let mut given = vec![false; 200_000];
    let (mut highest, mut crashes, mut torn) = (0, 0, 0);
    let mut shelf = rooms.open("washington").unwrap();
    for round in 0..1000 {
        let next = shelf.tapes().send[0].next;
        assert!(next >= highest, "round {round}: at {next} after {highest}");
        let (from, count) = (next + u64::from(random.next_u32() % 4 * 10), u64::from(random.next_u32() % 150));
        let codes = shelf.reserve(Copy::Send, serial, from, count).unwrap();
        for at in from..from + codes.len() as u64 {
            assert!(!std::mem::replace(&mut given[at as usize], true), "round {round}: position {at} twice");
        }
        highest = from + count;
        match random.next_u32() % 3 {
            0 => continue,
            1 => drop(shelf),
            _ => {
                drop(shelf);
                let before = Label { next, ..rooms.label("washington/a.toml") };
                fs::write(&label, before.text()).unwrap(); // the crash came before the label
                crashes += 1;
            }
        }
        if random.next_u32() % 4 == 0 {
            let whole = fs::read(&ledger).unwrap();
            fs::write(&ledger, [&whole[..], &whole[..random.next_u32() as usize % 60]].concat()).unwrap();
            torn += 1;
        }
        shelf = rooms.open("washington").unwrap();
        assert_eq!(shelf.tapes().troubles, Vec::<String>::new(), "round {round}: a crash is no trouble");
    }
    println!("1000 reservations, {crashes} crashes before the label, {torn} torn lines, up to position {highest}");
    assert!(crashes > 200 && torn > 100 && highest > 50_000);
}

#[test]
fn a_label_copied_back_from_a_backup_is_caught_and_the_ledger_counts() {
    let rooms = Rooms::new();
    let serial = rooms.label("washington/a.toml").serial;
    let backup = rooms.key("washington/a.toml");
    let mut shelf = rooms.open("washington").unwrap();
    for from in [0, 100, 200] {
        shelf.reserve(Copy::Send, serial, from, 100).unwrap();
    }
    // While the station runs, and after it was started again.
    fs::write(rooms.at("washington/a.toml"), &backup).unwrap();
    assert_eq!((shelf.tapes().send[0].next, shelf.tapes().troubles.len()), (300, 1));
    drop(shelf);
    rooms.trouble(|_| {}, &["washington/a.toml`", "says position 0 and the ledger 300", "no key before 300 is used again"]);
    let mut shelf = rooms.open("washington").unwrap();
    assert!(shelf.reserve(Copy::Send, serial, 100, 1).unwrap_err().contains("used key"));
    assert_eq!(shelf.reserve(Copy::Send, serial, 300, 10).unwrap(), rooms.key("washington/a.key")[300..310]);
    assert_eq!(shelf.tapes().troubles, Vec::<String>::new(), "its label is right again");
    assert_eq!(rooms.label("washington/a.toml").next, 310);
}

#[test]
fn a_tape_that_was_taken_away_and_comes_back_is_known_by_the_ledger() {
    let rooms = Rooms::new();
    let serial = rooms.label("washington/a.toml").serial;
    let (label, key) = (rooms.key("washington/a.toml"), rooms.key("washington/a.key"));
    let mut shelf = rooms.open("washington").unwrap();
    shelf.reserve(Copy::Send, serial, 0, 500).unwrap();
    fs::remove_file(rooms.at("washington/a.toml")).unwrap();
    fs::remove_file(rooms.at("washington/a.key")).unwrap();
    assert_eq!((shelf.tapes().send.len(), shelf.tapes().troubles.len()), (0, 0), "files that are gone are no trouble");
    fs::write(rooms.at("washington/copy.toml"), label).unwrap();
    fs::write(rooms.at("washington/copy.key"), key).unwrap();
    assert_eq!(shelf.tapes().send[0].next, 500);
}

#[test]
fn a_ledger_that_is_lost_leaves_the_label_to_count() {
    let rooms = Rooms::new();
    let serial = rooms.label("washington/a.toml").serial;
    rooms.open("washington").unwrap().reserve(Copy::Send, serial, 0, 500).unwrap();
    fs::remove_file(rooms.at("washington/ledger.jsonl")).unwrap();
    assert_eq!(rooms.tapes("washington").send[0].next, 500);
}

#[test]
fn a_damaged_ledger_closes_the_folder_and_names_the_line() {
    let rooms = Rooms::new();
    let serial = rooms.label("washington/a.toml").serial;
    let mut shelf = rooms.open("washington").unwrap();
    for from in [0, 100, 200] {
        shelf.reserve(Copy::Send, serial, from, 100).unwrap();
    }
    drop(shelf);
    let ledger = rooms.at("washington/ledger.jsonl");
    let text = fs::read_to_string(&ledger).unwrap();
    fs::write(&ledger, text.replacen("\"from\":100", "\"from\":1OO", 1)).unwrap();
    let why = rooms.open("washington").unwrap_err();
    assert!(why.contains("washington/ledger.jsonl` is damaged in line 2"), "{why}");
    assert!(skip(&rooms.at("washington/a.key"), 900, Utc(0)).unwrap_err().contains("damaged in line 2"));
    assert!(show(&rooms.at("washington/a.key")).unwrap()[0].as_ref().unwrap().trouble.as_ref().unwrap().contains("damaged in line 2"));
    destroy(&rooms.at("washington/a.key"), Utc(0), &mut |_| {}).unwrap();
    assert!(rooms.key("washington/a.key").iter().all(|b| *b == 0), "destroying it is still possible");
}

#[test]
fn a_folder_belongs_to_one_at_a_time() {
    let rooms = Rooms::new();
    let shelf = rooms.open("washington").unwrap();
    let in_use = |why: String| assert!(why.contains("in use by another molink"), "{why}");
    in_use(rooms.open("washington").unwrap_err());
    in_use(skip(&rooms.at("washington/a.key"), 10, Utc(0)).unwrap_err());
    in_use(destroy(&rooms.at("washington/a.key"), Utc(0), &mut |_| {}).unwrap_err());
    assert_eq!(show(&rooms.at("washington")).unwrap().len(), 2, "looking is allowed");
    assert!(rooms.open("moscow").is_ok(), "another folder is another matter");
    drop(shelf);
    assert!(rooms.open("washington").is_ok());
    let why = Shelf::open(&rooms.at("nowhere"), Medium::Tape, &name("washington"), None).unwrap_err();
    assert!(why.contains("nowhere` is not a folder"), "{why}");
}

#[test]
fn what_changes_under_a_running_station_is_seen_before_key_is_given() {
    let rooms = Rooms::new();
    let serial = rooms.label("washington/a.toml").serial;
    let mut shelf = rooms.open("washington").unwrap();
    let mut key = rooms.key("washington/a.key");
    key[999] ^= 1;
    fs::write(rooms.at("washington/a.key"), &key).unwrap();
    assert!(shelf.reserve(Copy::Send, serial, 0, 10).unwrap_err().contains("does not fit the checksum"));
    key[999] ^= 1;
    fs::write(rooms.at("washington/a.key"), &key).unwrap();
    assert!(shelf.reserve(Copy::Send, serial, 0, 10).is_ok());
    fs::copy(rooms.at("washington/b.toml"), rooms.at("washington/a.toml")).unwrap();
    assert!(shelf.reserve(Copy::Send, serial, 10, 10).is_err(), "another tape's label");
    assert_eq!(rooms.label("washington/a.toml"), rooms.label("washington/b.toml"), "and it is left as it is");
    // A new tape is found, and in order of file name.
    rooms.make(&order("0", "moscow", "washington", 10)).unwrap();
    let receive: Vec<u64> = shelf.tapes().receive.iter().map(|t| t.characters).collect();
    assert_eq!(receive, [10], "b and its label's copy are out of use");
}

#[test]
fn a_ledger_that_is_replaced_under_a_running_station_stops_its_key() {
    let rooms = Rooms::new();
    let serial = rooms.label("washington/a.toml").serial;
    let mut shelf = rooms.open("washington").unwrap();
    let ledger = rooms.at("washington/ledger.jsonl");
    fs::rename(&ledger, rooms.at("washington/old")).unwrap();
    assert!(shelf.reserve(Copy::Send, serial, 0, 10).unwrap_err().contains("taken away"));
    fs::write(&ledger, "").unwrap();
    assert!(shelf.reserve(Copy::Send, serial, 0, 10).unwrap_err().contains("replaced"));
    fs::rename(rooms.at("washington/old"), &ledger).unwrap();
    assert!(shelf.reserve(Copy::Send, serial, 0, 10).is_ok());
}

#[test]
fn a_label_that_cannot_follow_holds_up_the_next_reservation_and_uses_nothing_twice() {
    let rooms = Rooms::new();
    let serial = rooms.label("washington/a.toml").serial;
    let mut shelf = rooms.open("washington").unwrap();
    // A folder stands where the label is written aside.
    fs::create_dir(rooms.at("washington/.a.toml.new")).unwrap();
    assert_eq!(shelf.reserve(Copy::Send, serial, 0, 10).unwrap().len(), 10, "the ledger has it");
    assert!(shelf.reserve(Copy::Send, serial, 10, 10).unwrap_err().contains("a.toml` cannot be written"));
    assert_eq!((rooms.label("washington/a.toml").next, shelf.tapes().send[0].next), (0, 10));
    fs::remove_dir(rooms.at("washington/.a.toml.new")).unwrap();
    assert!(shelf.reserve(Copy::Send, serial, 10, 10).is_ok());
    assert_eq!((rooms.label("washington/a.toml").next, shelf.tapes().troubles.len()), (20, 0));
}

#[test]
fn a_reader_is_moved_forward_by_hand_and_never_back() {
    let rooms = Rooms::new();
    let path = rooms.at("washington/a.key");
    let (label, passed) = skip(&path, 300, Utc(0)).unwrap();
    assert_eq!((label.next, passed, rooms.tapes("washington").send[0].next), (300, 300, 300));
    assert_eq!(skip(&path, 300, Utc(0)).unwrap().1, 0);
    assert!(skip(&path, 299, Utc(0)).unwrap_err().contains("only moves forward"));
    assert!(skip(&path, 1001, Utc(0)).unwrap_err().contains("ends at 1000"));
    assert!(skip(&rooms.at("washington"), 1, Utc(0)).unwrap_err().contains("is not a key tape"));
    fs::copy(rooms.at("moscow/b.toml"), rooms.at("elsewhere.toml")).unwrap();
    fs::create_dir(rooms.at("empty")).unwrap();
    assert!(skip(&rooms.at("empty/x.key"), 1, Utc(0)).is_err());
    assert!(!rooms.at("empty/ledger.jsonl").exists(), "no ledger where no tape is");
}

#[test]
fn a_destroyed_tape_is_zeros_and_its_backup_is_no_use() {
    let rooms = Rooms::new();
    let (label, key) = (rooms.key("washington/a.toml"), rooms.key("washington/a.key"));
    let told = destroy(&rooms.at("washington/a.toml"), Utc(0), &mut |_| {}).unwrap();
    assert_eq!((told.state, told.next), (State::Destroyed, 1000));
    assert_eq!(rooms.key("washington/a.key"), vec![0; 1000]);
    assert_eq!(rooms.label("washington/a.toml"), told);
    rooms.trouble(|_| {}, &["is destroyed"]);
    assert!(skip(&rooms.at("washington/a.key"), 1000, Utc(0)).unwrap_err().contains("is destroyed"));
    fs::write(rooms.at("washington/a.toml"), label).unwrap();
    fs::write(rooms.at("washington/a.key"), key).unwrap();
    assert_eq!(rooms.tapes("washington").send[0].left(), 0, "the ledger says that all is used");
    destroy(&rooms.at("washington/a.key"), Utc(0), &mut |_| {}).unwrap();
    assert_eq!(rooms.key("washington/a.key"), vec![0; 1000], "and it can be destroyed again");
}

#[test]
fn looking_tells_position_and_damage_and_writes_nothing() {
    let rooms = Rooms::new();
    let before = everything_under(rooms.folder.path());
    let shown = show(&rooms.at("moscow")).unwrap();
    assert_eq!(shown.len(), 2);
    assert_eq!(everything_under(rooms.folder.path()), before);
    skip(&rooms.at("moscow/a.key"), 10, Utc(0)).unwrap();
    rooms.edit("moscow/a.toml", |l| l.next = 0);
    fs::write(rooms.at("moscow/b.key"), "short").unwrap();
    fs::write(rooms.at("moscow/c.toml"), "serial = 1").unwrap();
    let shown = show(&rooms.at("moscow")).unwrap();
    let a = shown[0].as_ref().unwrap();
    assert_eq!((a.label.next, &a.trouble), (10, &None), "the ledger counts");
    assert!(shown[1].as_ref().unwrap().trouble.as_ref().unwrap().contains("5 characters where"));
    assert!(shown[2].as_ref().unwrap_err().contains("c.toml` is not the label"));
    assert!(show(&rooms.at("moscow/nothing.toml")).unwrap_err().contains("there is no `"));
    assert!(show(&rooms.at("moscow/ledger.jsonl")).unwrap_err().contains("is not a key tape"));
}

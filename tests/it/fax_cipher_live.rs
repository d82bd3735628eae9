//! Two stations with diskettes, as processes over T.38: a page goes over and the ledgers agree; one that is killed between the
//! reservation of key and the page burns that key.

use crate::support::{House, SOON, Station, free_udp_ports};
use molink::key::backend_disk::{Order, make};
use molink::key::label::{Kind, Label};
use molink::key::ledger::Entry;
use molink::key::{Copy, Medium};
use std::fs;

const ENDS: [&str; 2] = ["washington", "moscow"];

/// Station files of two ends of a T.38 line, and a pair of diskettes for each way.
fn enciphered(house: &House) {
    let ports: [u16; 2] = free_udp_ports();
    for end in 0..2 {
        let (name, peer) = (ENDS[end], ENDS[1 - end]);
        let (medium, utc) = (Medium::Diskette, "1986-06-17T12:00:00Z".parse().unwrap());
        let order = Order { medium, name: name.into(), characters: 368_640, from: name.parse().unwrap(), to: peer.parse().unwrap(), utc };
        make(&order, &house.path("fax-keys"), &mut |_| true).unwrap();
        house.file(
            &format!("{name}.toml"),
            format!(
                "station = \"{name}\"\nnumber = {}\ndata = \"{name}\"\nlisten = \"127.0.0.1:0\"\nspeed = 20\n[desk.operator]\n[port.fax]\nbackend = \"fax\"\n\
                 line = {{ t38 = \"127.0.0.1:{}\", listen = \"{}\" }}\npeer = \"{peer}\"\nkeys = \"fax-keys/{name}\"\nresolution = \"standard\"\n\
                 [[route]]\nto = \"*@{peer}\"\nports = [\"fax\"]\n[retry]\nfirst = \"5s\"\nlongest = \"20s\"\nexpire = \"9000h\"\n",
                end + 1,
                ports[1 - end],
                ports[end],
            ),
        );
    }
}
fn start(house: &House, end: usize, environment: &[(&str, &str)]) -> Station {
    let started = house.start(ENDS[end], environment);
    started.unwrap_or_else(|s| {
        let log = fs::read_to_string(house.path(&format!("{}.log", ENDS[end]))).unwrap_or_default();
        panic!("{} does not start: {s}\n{log}", ENDS[end])
    })
}
/// What was reserved of washington's diskette at an end.
fn reserved(house: &House, end: usize) -> Vec<Entry> {
    let copy = if end == 0 { Copy::Send } else { Copy::Receive };
    let text = fs::read_to_string(house.path(&format!("fax-keys/{}/ledger.jsonl", ENDS[end]))).unwrap_or_default();
    text.lines().map(|l| serde_json::from_str::<Entry>(l).unwrap()).filter(|e| e.copy == copy).collect()
}
fn filed(house: &House, id: &str) {
    let there = house.board.until(SOON * 4, |s| s.told("moscow", id, "filed").then_some(()));
    assert!(
        there.is_some(),
        "{id} is not filed at moscow\n{:#?}",
        house.board.read(|s| s.events.iter().rev().take(60).cloned().collect::<Vec<_>>())
    );
}

#[test]
#[ignore = "a fax call in real time: run through tests/run"]
fn a_message_goes_enciphered_between_two_stations_and_their_ledgers_agree() {
    let house = House::new();
    enciphered(&house);
    let stations = [0, 1].map(|end| start(&house, end, &[]));
    let id = stations[0].accept("operator@moscow", "ENCIPHERED BY DISKETTE");
    filed(&house, &id);
    let [sent, read] = [0, 1].map(|end| reserved(&house, end).iter().map(|e| (e.serial, e.from, e.count)).collect::<Vec<_>>());
    assert!(sent == read && sent.len() == 1 && sent[0].1 == 0, "{sent:?} {read:?}");
    let told = house.board.read(|s| s.events.iter().filter(|e| e["event"] == "key_taken").count());
    assert!(told >= 2, "{told} ends told that they took up a diskette");
    let shown = house.run(&["keys", "show", "fax-keys/washington"], SOON);
    assert!(crate::support::text(&shown.stdout).starts_with("DISKETTE"), "a station may be running");
    stations.into_iter().for_each(|s| assert!(s.stop().success()));
}

#[test]
#[ignore = "starts a station: run through tests/run"]
fn diskettes_of_a_simulation_are_refused_by_a_live_station() {
    let house = House::new();
    enciphered(&house);
    for end in ENDS {
        for tape in ENDS {
            let path = house.path(&format!("fax-keys/{end}/{tape}.toml"));
            let label = Label { kind: Kind::Simulation, ..Label::read(&fs::read_to_string(&path).unwrap()).unwrap() };
            fs::write(&path, label.text()).unwrap();
        }
    }
    let checked = house.run(&["check", "washington.toml"], SOON);
    let said = crate::support::text(&checked.stdout) + &crate::support::text(&checked.stderr);
    assert!(said.contains("key for outgoing pages: 0 diskettes") && said.contains("was made for a simulation"), "{said}");
}

#[test]
#[cfg(feature = "faults")]
#[ignore = "a fax call in real time: run through tests/run"]
fn a_station_killed_between_reserving_and_sending_burns_that_key() {
    let house = House::of(crate::support::molink_with_faults());
    enciphered(&house);
    let moscow = start(&house, 1, &[]);
    let mut washington = start(&house, 0, &[("MOLINK_KILL_AT", "key-reserved:1")]);
    let id = washington.accept("operator@moscow", "KILLED AND SENT AGAIN");
    let status = washington.process.exit(SOON * 4).unwrap_or_else(|| panic!("it was not killed\n{}", washington.process.errors()));
    assert!(crate::support::killed(status), "{status}");
    let before = reserved(&house, 0);
    assert_eq!(before.len(), 1, "{before:?}");
    let washington = start(&house, 0, &[]);
    filed(&house, &id);
    let after = reserved(&house, 0);
    assert!(after.len() >= 2 && after.windows(2).all(|w| w[0].end() <= w[1].from), "{after:?}");
    let read = reserved(&house, 1);
    assert_eq!(read.last().map(|e| (e.from, e.count)), after.last().map(|e| (e.from, e.count)), "{read:?} {after:?}");
    println!("reserved and burned: {}..{}; sent with {}..{}", before[0].from, before[0].end(), after[1].from, after[1].end());
    assert!(washington.stop().success() && moscow.stop().success());
}

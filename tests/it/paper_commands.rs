//! `molink paper` and `molink tape` as a person uses them: what they make. (What they say: `tests/it/answers.rs`.)

use crate::answers::furnish;
use crate::support::{House, text};
use molink::teletype::codes::CodeTable;
use molink::teletype::typing;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);
const ENGLISH: &str = "THE QUICK BROWN FOX JUMPED OVER THE LAZY DOG'S BACK 1234567890\n";

fn house() -> House {
    let house = House::new();
    furnish(&house);
    house
}

#[test]
fn a_text_becomes_paper_of_every_kind() {
    let house = house();
    for (out, starts) in [("p.txt", &b"HELLO"[..]), ("p.PNG", b"\x89PNG"), ("p.pdf", b"%PDF"), ("t.png", b"\x89PNG")] {
        let command = if out == "t.png" { "tape" } else { "paper" };
        let done = house.run(&[command, "note.txt", "-o", out], SOON);
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        assert!(std::fs::read(house.path(out)).unwrap().starts_with(starts), "{out}");
    }
}

#[test]
fn a_text_goes_to_codes_and_comes_back_the_same() {
    let house = house();
    for code in CodeTable::ALL {
        assert_eq!(house.run(&["tape", "plain.txt", "--code", code.name(), "-o", "plain.codes"], SOON).status.code(), Some(0));
        let codes = std::fs::read(house.path("plain.codes")).unwrap();
        assert_eq!(codes, typing::typed(ENGLISH, code, 72).unwrap().codes.iter().map(|c| c.value()).collect::<Vec<_>>());
        let back = house.run(&["tape", "plain.codes", "--code", code.name()], SOON);
        assert_eq!(text(&back.stdout), ENGLISH);
    }
}

#[test]
fn a_filed_message_is_found_by_its_identity() {
    let house = house();
    assert_eq!(house.run(&["demo", "--speed", "max", "--out", "d"], Duration::from_secs(60)).status.code(), Some(0));
    let id = "WASHINGTON-0001-19630830T1600Z";
    let done = house.run(&["paper", id, "--data", "d/moscow"], SOON);
    assert_eq!(text(&done.stdout), std::fs::read_to_string(house.path(&format!("d/moscow/paper/{id}.txt"))).unwrap());
    assert_eq!(house.run(&["tape", id, "--data", "d/moscow", "-o", "id.png"], SOON).status.code(), Some(0));
    let done = house.run(&["paper", "WASHINGTON-0099-19630830T1600Z", "--data", "d/moscow"], SOON);
    assert_eq!(done.status.code(), Some(1));
    assert!(text(&done.stderr).contains("there is no message WASHINGTON-0099-19630830T1600Z in `d/moscow/journal.sqlite`"));
}

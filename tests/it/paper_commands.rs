//! `molink paper` and `molink tape` as a person uses them: what they make, and what they say to wrong inputs (`fixtures/answers`).

use crate::support::{House, text};
use molink::teletype::codes::CodeTable;
use molink::teletype::typing;
use std::path::Path;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);
const ENGLISH: &str = "THE QUICK BROWN FOX JUMPED OVER THE LAZY DOG'S BACK 1234567890\n";

fn house() -> House {
    let house = House::new();
    house.file("note.txt", "Hello \u{2014} é\nчеловек\n");
    house.file("plain.txt", ENGLISH);
    house.file("greek.txt", "αβγ\n");
    house.file("latin1.txt", b"caf\xe9\n");
    house.file("empty.txt", "");
    house.file("empty.codes", "");
    house.file("map.png", "\u{89}PNG");
    // A B CR X: struck over; figures J rings, figures D asks.
    house.file("over.codes", [0x1f, 0x03, 0x19, 0x08, 0x1d, 0x1b, 0x0b, 0x09, 0x08, 0x02]);
    house
}

/// The table of commands and answers: each command is run, and its answer set in place of what stands there.
fn answered(table: &str) -> String {
    let house = house();
    let (mut said, mut within) = (String::new(), false);
    for line in table.lines() {
        let Some(command) = line.strip_prefix("$ molink ") else {
            if !within {
                said += &format!("{line}\n");
            }
            within &= !line.starts_with("-> ");
            continue;
        };
        within = true;
        let done = house.run(&command.split(' ').collect::<Vec<_>>(), SOON);
        said += &format!("{line}\n{}{}-> {}\n", text(&done.stdout), text(&done.stderr), done.status.code().unwrap());
    }
    said
}

#[test]
fn answers_to_right_and_wrong_inputs_are_as_kept() {
    for name in ["paper", "tape"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/answers/{name}.txt"));
        let kept = std::fs::read_to_string(&file).unwrap();
        let said = answered(&kept);
        assert!(said.matches("\n-> 2\n").count() >= 3, "{name}: three wrong inputs at the least");
        if std::env::var_os("MOLINK_RENEW").is_some() {
            std::fs::write(&file, &said).unwrap();
        } else {
            assert!(said == kept, "{} says otherwise; look, then renew it with MOLINK_RENEW=1\n{said}", file.display());
        }
    }
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

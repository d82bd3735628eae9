//! The papers of pages at a running station: files beside the text, once, also after a crash.

use crate::fax_document::{pages_of, tiff};
use crate::support::{House, SOON, Station, text};
use molink::paper::{Form, Page, Resolution, Width, chart};
use std::fs;
use std::time::Duration;

const A_MINUTE: Duration = Duration::from_secs(60);

fn station(house: &House) -> Station {
    house.file("moscow.toml", "station = \"moscow\"\ndata = \"moscow\"\nlisten = \"127.0.0.1:0\"\n[desk.operator]\n");
    house.start("moscow", &[]).unwrap()
}

fn send(house: &House, station: &Station, args: &[&str]) -> String {
    let token = house.path("moscow/api-token").display().to_string();
    let mut all = vec!["send", "--station", &station.api, "--token-file", &token, "--to", "operator@moscow"];
    all.extend_from_slice(args);
    let done = house.run(&all, A_MINUTE);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    text(&done.stdout).trim().to_owned()
}

fn map() -> Page {
    chart("map", &Form { width: Width::A4, resolution: Resolution::FINE }).unwrap()
}

#[test]
fn pages_lie_beside_the_paper_and_the_paper_names_them() {
    let house = House::new();
    let moscow = station(&house);
    house.file("map.tif", tiff(&[map(), map()]));
    house.file("note.txt", "THE MAPS ARE ENCLOSED.\n");
    house.file("photo.jpg", crate::convert_bad::fixture("pages/grey.jpg"));
    house.file("notes.wav", "RIFF");
    let id = send(&house, &moscow, &["--wait=printed", "note.txt", "map.tif", "photo.jpg", "notes.wav"]);
    let paper = fs::read_to_string(house.path(&format!("moscow/paper/{id}.txt"))).unwrap();
    let below: Vec<&str> = paper.lines().skip_while(|l| *l != "BT").collect();
    assert_eq!(
        below,
        [
            "BT",
            "THE MAPS ARE ENCLOSED.",
            &format!("ENCL 2 pages: fax/{id}.tif, fax/{id}.pdf"),
            &format!("ENCL fax/{id}-3-photo.jpg"),
            "ENCL notes.wav (audio/wav, 4 bytes)",
            "BT",
            "",
            "NNNN"
        ]
    );
    let of = |name: &str| fs::read(house.path(&format!("moscow/fax/{id}{name}"))).unwrap();
    assert_eq!(of(".tif"), tiff(&[map(), map()]), "as it came");
    assert_eq!(of("-3-photo.jpg"), crate::convert_bad::fixture("pages/grey.jpg"));
    house.file("back.pdf", of(".pdf"));
    let done = house.run(&["convert", "back.pdf", "back.tif"], A_MINUTE);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert!(pages_of(&fs::read(house.path("back.tif")).unwrap()) == [map(), map()], "pel for pel");
    assert!(moscow.stop().success());
}

#[test]
fn papers_that_a_crash_left_unmade_are_made_at_the_next_start() {
    let house = House::new();
    let mut moscow = station(&house);
    house.file("map.tif", tiff(&[map()]));
    // Where the folder should be stands a file: nothing can be written.
    house.file("moscow/fax", "in the way");
    let id = send(&house, &moscow, &["--wait=filed", "map.tif"]);
    assert!(!house.path(&format!("moscow/paper/{id}.txt")).exists(), "the paper does not name what is not there");
    moscow.process.kill();
    fs::remove_file(house.path("moscow/fax")).unwrap();
    let moscow = house.start("moscow", &[]).unwrap();
    let printed = house.board.until(SOON, |s| s.told("moscow", &id, "printed").then_some(()));
    assert!(printed.is_some(), "{}", moscow.process.errors());
    let mut names: Vec<_> =
        fs::read_dir(house.path("moscow/fax")).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, [format!("{id}.pdf"), format!("{id}.tif")]);
    assert!(fs::read_to_string(house.path(&format!("moscow/paper/{id}.txt"))).unwrap().contains("ENCL 1 page: fax/"));
    assert!(moscow.stop().success());
}

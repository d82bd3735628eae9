//! `molink convert` and every bad TIFF that the library is tested with: the command ends with the same sentence, and leaves nothing.

use crate::support::{House, text};
use crate::tiff_bad::{NO_TIFF, again_and_again, circle, lies, right};
use crate::tiff_made::{self as made, Directory, II};
use molink::fax::code::Coding;
use std::fmt::Write as _;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

/// Runs the command on these bytes: how it ended, and the last thing it said (before stand notes of the pages that were read).
fn convert(house: &House, bytes: &[u8]) -> (Option<i32>, String) {
    house.file("letter.tif", bytes);
    let done = house.run(&["convert", "letter.tif", "out.tif", "--from", "tif"], SOON);
    let (code, said) = (done.status.code(), text(&done.stderr));
    let made = house.path("out.tif").exists();
    assert_eq!(made, code == Some(0), "{said}");
    if made {
        std::fs::remove_file(house.path("out.tif")).unwrap();
    }
    let left: Vec<_> = std::fs::read_dir(house.dir.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(left, ["letter.tif"], "{said}");
    assert!(!said.contains("panicked"), "{said}");
    (code, said.lines().last().unwrap_or_default().to_owned())
}

#[test]
#[ignore = "seconds in a debug build: run through tests/run"]
fn every_bad_tiff_ends_the_command_with_the_sentence_of_the_library() {
    let house = House::new();
    let (round, at) = circle();
    let mut cases: Vec<(Vec<u8>, String)> = NO_TIFF.iter().skip(1).map(|(bytes, says)| (bytes.to_vec(), says.to_string())).collect();
    cases.extend(lies().into_iter().map(|(second, says)| (made::file(II, &[right(), second]), format!("page 2: {says}"))));
    cases.push((again_and_again(), "page 1: StripByteCounts come to ".into()));
    cases.push((round, format!("page 2: its directory at {at} is also directory 1 of the file")));
    cases.push((made::file(II, &[right().with(254, 4, &[1])]), "has thumbnails and no page".into()));
    let mut wrong = String::new();
    for (bytes, says) in &cases {
        let (code, said) = convert(&house, bytes);
        // The library's sentence begins with the file's name; the command puts it in backticks.
        let says = says.replace("letter.tif", "`letter.tif`");
        let (place, what) = says.split_once(": ").unwrap_or(("", &says));
        if code != Some(2) || !said.contains("`letter.tif`") || !said.contains(place) || !said.contains(what) {
            writeln!(wrong, "{code:?} {said}    and not 2 with `{says}`").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(cases.len() > 40, "{}", cases.len());
}

#[test]
#[ignore = "seconds in a debug build: run through tests/run"]
fn a_tiff_cut_short_or_damaged_anywhere_ends_the_command_in_a_sentence_or_a_whole_file() {
    let house = House::new();
    let page = made::page();
    let whole = made::file(II, &[right(), Directory::of(&page, Coding::Mr { k: 2 })]);
    let mut ends = [0, 0];
    let steps = (1..whole.len()).step_by(whole.len() / 40).map(|end| whole[..end].to_vec());
    let damaged = (0..whole.len()).step_by(whole.len() / 40).map(|at| {
        let mut bytes = whole.clone();
        bytes[at] = !bytes[at];
        bytes
    });
    for bytes in steps.chain(damaged) {
        let (code, said) = convert(&house, &bytes);
        match code {
            Some(0) => ends[0] += 1,
            Some(2) => {
                assert!(said.starts_with("molink: `letter.tif`"), "{said}");
                ends[1] += 1;
            }
            other => panic!("{other:?} {said}"),
        }
    }
    assert!(ends[0] > 0 && ends[1] > 40, "{ends:?}");
}

//! The memory of `molink convert` from TIFF to TIFF does not grow with the pages.

use crate::support::{molink, peer, seconds};
use molink::fax::code::Coding;
use molink::fax::file::PageAbout;
use molink::fax::tiff;
use molink::paper::{Form, Resolution, Width, chart};
use std::fs::File;
use std::path::Path;
use std::process::Command;

/// Runs a command and gives the most memory it had resident, in kB, and its seconds.
fn measured(arguments: &[&Path]) -> (u64, f64) {
    let script = "import resource, subprocess, sys\n\
                  subprocess.run(sys.argv[1:], check=True)\n\
                  print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let began = seconds();
    let done = Command::new(peer("python3", "python3")).args(["-c", script]).args(arguments).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    let said = String::from_utf8(done.stdout).unwrap();
    (said.lines().last().unwrap().trim().parse().unwrap(), seconds() - began)
}

#[test]
#[ignore = "full: run through tests/run --full"]
fn full_memory_does_not_grow_with_the_pages_of_a_tiff() {
    let dir = tempfile::tempdir().unwrap();
    let page = chart("dense", &Form::new(Width::A4, Resolution::FINE).unwrap()).unwrap();
    let file = |name: &str| dir.path().join(name);
    let made = |pages: u16| {
        let path = file(&format!("{pages}.tif"));
        let options = tiff::WriteOptions { pages, ..tiff::WriteOptions::new(Coding::Mmr) };
        let mut writer = tiff::Writer::new(File::create(&path).unwrap(), "in.tif", options);
        (0..pages).for_each(|_| writer.page(&page, &PageAbout::default()).unwrap());
        writer.finish().unwrap();
        path
    };
    let (few, many, out, coding) = (made(50), made(500), file("out.tif"), Path::new("--coding=mr"));
    let [(small, _), (large, took)] = [&few, &many].map(|input| measured(&[molink().as_path(), Path::new("convert"), input, &out, coding]));
    let pages = tiff::Reader::open(File::open(&out).unwrap(), "out.tif").unwrap().pages().unwrap();
    let (theirs, their_time) = measured(&[peer("tiffcp", "libtiff-tools").as_path(), Path::new("-c"), Path::new("g3:2d"), &many, &out]);
    println!(
        "50 pages {small} kB, {pages} pages {large} kB, {:.0} pages/s; tiffcp {theirs} kB, {:.0} pages/s",
        500.0 / took,
        500.0 / their_time
    );
    assert_eq!(pages, 500);
    assert!(large < small + 2_000, "50 pages take {small} kB and 500 pages {large} kB");
}

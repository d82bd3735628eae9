//! `molink convert` as a person uses it: pages come out as they went in, files are whole or not there, and the report is true.

use crate::support::{House, SOON, text};
use molink::fax::code::{Coding, Layout, encode};
use molink::paper::chart::{PAGES, chart};
use molink::paper::{Form, Page, Resolution, Width, square};
use rustix::process::Signal;
use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(120);
const LETTER: &str = "TO THE CHAIRMAN\n\nThe quick brown fox jumped over the lazy dog's back 1234567890.\n\nПривет, Москва!\n";

fn convert(house: &House, line: &str) -> Output {
    let args: Vec<&str> = std::iter::once("convert").chain(line.split(' ')).collect();
    house.run(&args, LONG)
}

/// Converts, and it must go well and silently.
fn made(house: &House, line: &str) -> Vec<u8> {
    let done = convert(house, line);
    assert_eq!((done.status.code(), text(&done.stderr).as_str()), (Some(0), ""), "{line}");
    done.stdout
}

fn bytes(house: &House, name: &str) -> Vec<u8> {
    std::fs::read(house.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// A page of noise and runs, of this form.
fn noise(width: usize, height: usize, resolution: Resolution) -> Page {
    let mut page = Page::new(width, resolution);
    let mut state = width as u64 * 31 + height as u64;
    for y in 0..height {
        let row: Vec<u64> = (0..page.stride())
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                if y % 3 == 0 { state } else { u64::MAX << (state >> 58) }
            })
            .collect();
        page.push(&row);
    }
    page
}

fn pbm(pages: &[&Page]) -> Vec<u8> {
    let mut file = vec![];
    for page in pages {
        write!(file, "P4\n{} {}\n", page.width(), page.height()).unwrap();
        (0..page.height()).for_each(|y| page.pack(y, &mut file));
    }
    file
}

fn left(house: &House) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(&house.dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_black_and_white_page_as_wide_as_a_fax_passes_pel_for_pel_through_every_format() {
    let house = House::new();
    let forms = [
        (Width::A4, Resolution::FINE),
        (Width::A4, Resolution::STANDARD),
        (Width::B4, Resolution::FINE),
        (Width::A3, Resolution::SUPERFINE),
    ];
    for (width, resolution) in forms {
        let form = Form::new(width, resolution).unwrap();
        let page = noise(form.pels(), 217, resolution);
        let rows = pbm(&[&page]);
        house.file("in.pbm", &rows);
        let name = ["a4", "b4", "a3"][Width::ALL.iter().position(|w| *w == width).unwrap()];
        let fine = [(98, "standard"), (196, "fine"), (391, "superfine")].into_iter().find(|(y, _)| *y == resolution.y).unwrap().1;
        for step in ["tif", "tif --coding mh", "tif --coding mr", "pdf", "pbm", "g4", "g3", "g3 --coding mr", "mr"] {
            let (ending, more) = step.split_once(' ').unwrap_or((step, ""));
            made(&house, format!("in.pbm step.{ending} --resolution {fine} {more}").trim_end());
            made(&house, &format!("step.{ending} out.pbm --width {name}"));
            assert!(bytes(&house, "out.pbm") == rows, "{} pels at {resolution:?} by {step}", form.pels());
        }
    }
}

#[test]
#[ignore = "seconds in a debug build: run through tests/run"]
fn every_pel_of_the_chart_comes_back_from_a_pdf() {
    let house = House::new();
    let form = Form::new(Width::A4, Resolution::FINE).unwrap();
    let pages: Vec<Page> = PAGES.iter().map(|name| chart(name, &form).unwrap()).collect();
    house.file("chart.pbm", pbm(&pages.iter().collect::<Vec<_>>()));
    made(&house, "chart.pbm chart.pdf");
    made(&house, "chart.pdf back.pbm");
    assert!(bytes(&house, "back.pbm") == bytes(&house, "chart.pbm"));
}

#[test]
fn several_inputs_become_one_document_and_a_range_takes_pages_of_it() {
    let house = House::new();
    house.file("letter.txt", LETTER);
    let (first, second) = (noise(1728, 40, Resolution::FINE), noise(1728, 50, Resolution::FINE));
    house.file("two.pbm", pbm(&[&first, &second]));
    house.file("page.g4", encode(&first, Coding::Mmr, Layout { end: true, ..Layout::default() }));
    made(&house, "letter.txt two.pbm page.g4 all.tif --resolution fine");
    made(&house, "all.tif all.pdf");
    let report: Value = serde_json::from_slice(&made(&house, "all.pdf some.pbm --page-range 2-3 --json")).unwrap();
    assert_eq!((report["pages"].as_u64(), report["rows"].as_u64(), report["bad_rows"].as_u64()), (Some(2), Some(90), Some(0)));
    assert!(report["page"].as_array().unwrap().iter().all(|p| p["unchanged"] == true && p["from"] == "all.pdf"));
    assert!(bytes(&house, "some.pbm") == pbm(&[&first, &second]));
    made(&house, "letter.txt two.pbm page.g4 last.pbm --page-range 4");
    assert!(bytes(&house, "last.pbm") == pbm(&[&first]));
    made(&house, "all.tif sheet.png --page-range 2-");
    assert_eq!(
        left(&house).iter().filter(|n| n.ends_with(".png")).collect::<Vec<_>>(),
        ["sheet-001.png", "sheet-002.png", "sheet-003.png"]
    );
    assert!(bytes(&house, "sheet-002.png") == square(&second).unwrap());
}

#[test]
fn pipes_are_read_and_written() {
    let house = House::new();
    house.file("letter.txt", LETTER);
    made(&house, "letter.txt letter.tif");
    let run = |line: &str| {
        let mut command = house.command(&[]);
        command.args(["-c", line]);
        let mut shell = Command::new("sh");
        house.clean(&mut shell).args(["-c", line]).env("MOLINK", house.program());
        house.end(shell, line, LONG)
    };
    let done = run(
        "\"$MOLINK\" convert - - --to tif < letter.txt | \"$MOLINK\" convert - - --to pbm | \"$MOLINK\" convert - - --to tif --title letter > piped.tif",
    );
    assert_eq!((done.status.code(), text(&done.stderr).as_str()), (Some(0), ""));
    made(&house, "piped.tif piped.pbm");
    made(&house, "letter.tif letter.pbm");
    assert!(bytes(&house, "piped.pbm") == bytes(&house, "letter.pbm"));
    let done = run("cat letter.tif | \"$MOLINK\" convert - - --to pdf | head -c 5");
    assert_eq!((text(&done.stdout).as_str(), text(&done.stderr).as_str()), ("%PDF-", ""));
    let done = run("mkfifo out; cat out > caught.pdf & \"$MOLINK\" convert letter.txt out --to pdf; wait");
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert!(bytes(&house, "caught.pdf").starts_with(b"%PDF-1.4"));
}

#[test]
fn the_same_input_gives_the_same_pdf_and_says_whose_it_is() {
    let house = House::new();
    house.file("letter.txt", LETTER);
    let with = "letter.txt one.pdf --sender WASHINGTON --date 19630830T1600Z";
    made(&house, with);
    made(&house, &with.replace("one.pdf", "two.pdf"));
    assert!(bytes(&house, "one.pdf") == bytes(&house, "two.pdf"));
    let file = text(&bytes(&house, "one.pdf"));
    assert!(file.contains("D:19630830160000Z") && !file.contains("PDFX"));
    made(&house, "letter.txt other.pdf");
    assert!(bytes(&house, "one.pdf") != bytes(&house, "other.pdf") && !text(&bytes(&house, "other.pdf")).contains("Date"));
    made(&house, "letter.txt one.tif --sender WASHINGTON --date 19630830T1600Z");
    made(&house, "one.tif from-tif.pdf");
    assert!(text(&bytes(&house, "from-tif.pdf")).contains("D:19630830160000Z"), "a TIFF's date goes on");
    assert!(file.len() < 60_000, "{} bytes", file.len());
}

#[test]
fn a_header_has_rows_of_its_own_and_only_if_asked_for() {
    let house = House::new();
    let page = noise(1728, 100, Resolution::FINE);
    house.file("in.pbm", pbm(&[&page, &page]));
    made(&house, "in.pbm out.tif --resolution fine --header on --sender MOSCOW --date 19630830T1600Z");
    let report: Value = serde_json::from_slice(&made(&house, "out.tif back.pbm --json")).unwrap();
    assert_eq!(report["page"][0]["rows"], 124);
    let (with, without) = (bytes(&house, "back.pbm"), pbm(&[&page]));
    let rows = &without[without.len() - 100 * 216..];
    assert!(with.ends_with(rows) && with.windows(100 * 216).filter(|w| *w == rows).count() == 2);
    made(&house, "in.pbm again.tif --resolution fine --header on --sender MOSCOW --date 19630830T1600Z");
    assert!(bytes(&house, "again.tif") == bytes(&house, "out.tif"));
}

#[test]
fn what_is_asked_for_is_made_and_told() {
    let house = House::new();
    house.file("in.pbm", pbm(&[&noise(1728, 2292, Resolution::FINE)]));
    made(&house, "in.pbm in.tif");
    let done = convert(&house, "in.tif std.tif --resolution standard --json");
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    let page = &report["page"][0];
    assert_eq!((&page["rows"], &page["resolution"], &page["unchanged"]), (&1146.into(), &serde_json::json!([204, 98]), &false.into()));
    assert_eq!(text(&done.stderr), "molink: `in.tif` page 1: scaled from 1728 pels a row at 204 x 196 an inch to 1728 at 204 x 98\n");
    let report: Value = serde_json::from_slice(&convert(&house, "in.tif b4.tif --width b4 --json").stdout).unwrap();
    assert_eq!(report["page"][0]["width"], 2048);
}

#[test]
fn damage_is_counted_and_told() {
    let house = House::new();
    let page = noise(1728, 600, Resolution::FINE);
    let mut code = encode(&page, Coding::Mh, Layout { eol: true, end: true, ..Layout::default() });
    let middle = code.len() / 2;
    code[middle..middle + 40].fill(0x55);
    house.file("hurt.g3", &code);
    let done = convert(&house, "hurt.g3 hurt.tif --json");
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    let bad = report["bad_rows"].as_u64().unwrap();
    assert!((1..12).contains(&bad) && report["longest_bad_run"].as_u64().unwrap() <= bad, "{report}");
    assert!(text(&done.stderr).contains(&format!("`hurt.g3` page 1: {bad} of ")), "{}", text(&done.stderr));
}

#[test]
fn an_output_is_replaced_whole_or_stays_as_it_was() {
    let house = House::new();
    house.file("letter.txt", LETTER);
    house.file("bad.tif", "II*\0");
    house.file("out.pdf", "old");
    house.file("out.tif", "old");
    for out in ["out.pdf", "out.tif"] {
        assert_eq!(convert(&house, &format!("letter.txt bad.tif {out}")).status.code(), Some(2));
        assert_eq!(bytes(&house, out), b"old");
        std::os::unix::fs::symlink(out, house.path("link.pdf")).unwrap();
        made(&house, "letter.txt link.pdf");
        assert!(bytes(&house, out).starts_with(b"%PDF") && house.path("link.pdf").is_symlink(), "the file, not the link to it");
        std::fs::remove_file(house.path("link.pdf")).unwrap();
    }
    assert_eq!(left(&house), ["bad.tif", "letter.txt", "out.pdf", "out.tif"]);
}

#[test]
fn a_full_disk_leaves_nothing() {
    let house = House::new();
    house.file("noise.pbm", pbm(&[&noise(1728, 2000, Resolution::FINE), &noise(1728, 1000, Resolution::FINE)]));
    for out in ["out.pdf", "out.tif", "out.pbm", "out.png", "out.g4"] {
        // A limit on the size of files, in blocks of 512 bytes or 1 KiB, stands for a disk that is full.
        let mut shell = Command::new("sh");
        let line = format!("ulimit -f 16; exec \"$0\" convert noise.pbm {out}");
        house.clean(&mut shell).arg("-c").arg(&line).arg(house.program());
        let done = house.end(shell, &line, LONG);
        let said = text(&done.stderr);
        assert!(
            done.status.code() == Some(1) && said.contains(out.trim_end_matches(".g4")) && said.contains("cannot be written"),
            "{out}: {:?} {said}",
            done.status
        );
        assert_eq!(left(&house), ["noise.pbm"], "{out}");
    }
}

/// A conversion that has begun to write, interrupted.
fn interrupted(house: &House, out: &str, signal: Signal) -> (Option<i32>, String) {
    let mut command = house.command(&["convert", "long.txt", out]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let began = crate::support::seconds();
    while !left(house).iter().any(|name| name.contains(".molink-")) {
        assert!(crate::support::seconds() - began < SOON.as_secs_f64(), "nothing is begun");
        assert!(child.try_wait().unwrap().is_none(), "it is done before it could be interrupted");
        std::thread::yield_now();
    }
    rustix::process::kill_process(rustix::process::Pid::from_raw(child.id() as i32).unwrap(), signal).unwrap();
    let done = child.wait_with_output().unwrap();
    (done.status.code(), text(&done.stderr))
}

#[test]
fn ctrl_c_leaves_nothing_and_ends_with_130() {
    let house = House::new();
    house.file("long.txt", "A line of a long text.\n".repeat(54 * 400));
    for (out, signal) in [("out.png", Signal::INT), ("out.pdf", Signal::INT), ("out.tif", Signal::TERM)] {
        assert_eq!(interrupted(&house, out, signal), (Some(130), "molink: interrupted; nothing was written\n".into()), "{out}");
        assert_eq!(left(&house), ["long.txt"], "{out}");
    }
}

//! Paper as other programs read it: text, fonts, pages and pixels of our documents; the tape's holes, by their proportions alone.

use crate::support::peer;
use molink::paper::{About, Sheet, pdf};
use molink::teletype::{CodeTable, typing};
use std::path::{Path, PathBuf};
use std::process::Command;

const ENGLISH: &str = "THE QUICK BROWN FOX JUMPED OVER THE LAZY DOG'S BACK 1234567890";
const RUSSIAN: &str = "ЮЖНО-ЭФИОПСКИЙ ГРАЧ УВЁЛ МЫШЬ ЗА ХОБОТ НА СЪЕЗД ЯЩЕРИЦ, 1963";

fn about() -> About {
    About { title: "Проба / test".into(), author: "operator@moscow".into(), date: Some("19630830T1600Z".parse().unwrap()) }
}

/// The standard output of a peer that must be content.
fn said(program: &str, package: &str, arguments: &[&str], file: &Path) -> String {
    let done =
        Command::new(peer(program, package)).args(arguments).arg(file).args((program == "pdftotext").then_some("-")).output().unwrap();
    assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

fn written(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("paper.pdf");
    std::fs::write(&file, bytes).unwrap();
    (dir, file)
}

/// Lines, blank ones and the page's end left out.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(|l| l.trim_end().trim_start_matches('\u{c}').to_owned()).filter(|l| !l.is_empty()).collect()
}

fn both() -> Sheet {
    let (mut sheet, _) = typing::printed(&format!("{ENGLISH}\n{RUSSIAN}"), CodeTable::Mtk2, 72).unwrap();
    "STRUCK OVER IN THE MIDDLE".chars().enumerate().for_each(|(i, c)| sheet.strike(i, c));
    "XXXXXXX".chars().enumerate().for_each(|(i, c)| sheet.strike(7 + i, c));
    sheet
}

#[test]
fn the_same_paper_gives_the_same_bytes_and_another_date_another_file() {
    let first = pdf(&both(), &about()).unwrap();
    assert!(first == pdf(&both(), &about()).unwrap());
    assert!(first != pdf(&both(), &About { date: None, ..about() }).unwrap());
    assert!(first.len() < 60_000, "{} bytes", first.len());
}

#[test]
fn a_document_needs_paper_that_fits() {
    let why = pdf(&Sheet::of_text(&"A".repeat(79)), &about()).unwrap_err();
    assert!(why.contains("79 columns") && why.contains("78"), "{why}");
}

#[test]
#[ignore = "peer: run through tests/run"]
fn a_document_is_sound_has_its_font_and_says_whose_it_is() {
    let (_dir, file) = written(&pdf(&both(), &about()).unwrap());
    assert!(said("qpdf", "qpdf", &["--check"], &file).contains("No syntax or stream encoding errors"));
    let fonts = said("pdffonts", "poppler-utils", &[], &file);
    let font: Vec<&str> = fonts.lines().last().unwrap().split_whitespace().collect();
    assert!(font[0].len() == 21 && font[0].ends_with("+PTMono-Regular"), "{fonts}");
    assert_eq!(font[4..7], ["yes", "yes", "yes"], "embedded, a subset, with its characters: {fonts}");
    let info = said("pdfinfo", "poppler-utils", &["-isodates"], &file);
    for line in ["Title:           Проба / test", "Author:          operator@moscow", "CreationDate:    1963-08-30T16:00:00Z"] {
        assert!(info.contains(line), "{line}: {info}");
    }
}

#[test]
#[ignore = "peer: run through tests/run"]
fn every_line_is_read_back_whole_also_one_that_was_struck_over() {
    let (_dir, file) = written(&pdf(&both(), &about()).unwrap());
    let russian = "ЮЖНО-ЭФИОПСКИЙ ГРА4 УВЕЛ МЫШЬ ЗА ХОБОТ НА СЬЕЗД ЯЩЕРИЦ, 1963";
    for mode in ["-layout", "-raw"] {
        assert_eq!(lines(&said("pdftotext", "poppler-utils", &[mode], &file)), [ENGLISH, russian, "STRUCK OVER IN THE MIDDLE"], "{mode}");
    }
}

/// How dark a document is, dot by dot added up, in the place of a column of its third line.
fn darkness(sheet: &Sheet, column: usize) -> u64 {
    let (_dir, file) = written(&pdf(sheet, &about()).unwrap());
    let done = Command::new(peer("pdftoppm", "poppler-utils")).args(["-gray", "-r", "150"]).arg(&file).output().unwrap();
    let header: Vec<&[u8]> = done.stdout.splitn(4, |b| *b == b'\n').collect();
    let width: usize = String::from_utf8_lossy(header[1]).split(' ').next().unwrap().parse().unwrap();
    // 32 points to the first column, 66 from the upper edge to the first foot, 12 a line; at 150 dots an inch.
    let (left, foot) = (67 + column * 15, (66 + 2 * 12) * 150 / 72);
    let picture = header[3];
    let dots = (foot - 20..foot + 4).flat_map(|y| (left..left + 15).map(move |x| 255 - u64::from(picture[y * width + x])));
    dots.sum()
}

#[test]
#[ignore = "peer: run through tests/run"]
fn both_strikes_of_a_place_are_in_the_documents_picture() {
    let (mut sheet, _) = typing::printed(&format!("{ENGLISH}\n{RUSSIAN}"), CodeTable::Mtk2, 72).unwrap();
    "STRUCK OVER IN THE MIDDLE".chars().enumerate().for_each(|(i, c)| sheet.strike(i, c));
    let over = both();
    for column in 7..14 {
        let (before, after) = (darkness(&sheet, column), darkness(&over, column));
        assert!(after > before + 2_000, "column {column}: {before}, struck over {after}");
    }
    assert_eq!(darkness(&sheet, 20), darkness(&over, 20), "a place that is not struck over");
}

#[test]
#[ignore = "peer: run through tests/run"]
fn columns_are_a_tenth_of_an_inch_apart_and_lines_a_sixth() {
    // One letter a word, so that each gets a box of its own.
    let text = format!("{}\nA\nA", "A ".repeat(36));
    let (_dir, file) = written(&pdf(&Sheet::of_text(&text), &about()).unwrap());
    let boxes = said("pdftotext", "poppler-utils", &["-bbox"], &file);
    let value =
        |line: &str, key: &str| -> f64 { line.split(&format!("{key}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap() };
    let words: Vec<&str> = boxes.lines().filter(|l| l.contains("<word")).collect();
    assert_eq!(words.len(), 38, "{boxes}");
    for (n, word) in words[..36].iter().enumerate() {
        let off = value(word, "xMin") - value(words[0], "xMin") - n as f64 * 14.4;
        assert!(off.abs() < 0.001, "column {} is {off} points off", 2 * n);
    }
    for n in 36..38 {
        let off = value(words[n], "yMin") - value(words[0], "yMin") - (n - 35) as f64 * 12.0;
        assert!(off.abs() < 0.5, "line {} is {off} points off: more than the unevenness of a strike", n - 35);
    }
}

#[test]
#[ignore = "peer: run through tests/run"]
fn a_long_roll_is_cut_into_sheets_and_no_line_is_lost() {
    let text: Vec<String> = (1..=150).map(|n| format!("LINE {n}")).collect();
    let bytes = pdf(&Sheet::of_text(&text.join("\n")), &about()).unwrap();
    let (_dir, file) = written(&bytes);
    assert!(said("pdfinfo", "poppler-utils", &[], &file).contains("Pages:           3"));
    assert_eq!(lines(&said("pdftotext", "poppler-utils", &["-layout"], &file)), text);
    assert!(bytes.len() < 60_000, "{} bytes", bytes.len());
}

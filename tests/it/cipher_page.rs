//! The worked example of `docs/cipher.md`, added up again with the program's own mixer and code table.

use molink::line::Code;
use molink::teletype::codes::Sign;
use molink::teletype::codes::{Shift, Table};
use molink::teletype::{CodeTable, Coder, UnshiftOnSpace, mixed};
use std::path::Path;

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cipher.md")).unwrap()
}

/// The rows of the table under the heading that begins with `heading`.
fn rows(page: &str, heading: &str) -> Vec<Vec<String>> {
    let table: Vec<&str> = page.lines().skip_while(|l| !l.starts_with(heading)).take_while(|l| l.starts_with('|')).skip(2).collect();
    table.iter().map(|l| l.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}
fn code(hex: &str) -> Code {
    Code::new(u8::from_str_radix(hex, 16).unwrap())
}
/// Element 1 first.
fn elements(code: Code) -> String {
    (0..5).map(|bit| if code.value() >> bit & 1 == 1 { '1' } else { '0' }).collect()
}

/// How the page names what a code does to a printer, from letters on.
fn signs(codes: &[Code]) -> Vec<String> {
    let table: &Table = CodeTable::Ita2.table();
    let mut shift = Shift::Letters;
    let mut name = |code: &Code| match table.sign(shift, *code) {
        Sign::To(to) => {
            shift = to;
            if to == Shift::Figures { "FIGS".into() } else { "LTRS".into() }
        }
        Sign::Space => "SP".into(),
        Sign::CarriageReturn => "CR".into(),
        Sign::LineFeed => "LF".into(),
        Sign::Bell => "BELL".into(),
        Sign::WhoAreYou => "WRU".into(),
        Sign::Char(c) => c.to_string(),
        other @ (Sign::Blank | Sign::National) => panic!("{other:?} is not in the example"),
    };
    codes.iter().map(&mut name).collect()
}
fn column(rows: &[Vec<String>], n: usize) -> Vec<String> {
    rows.iter().map(|r| r[n].clone()).collect()
}
fn codes(rows: &[Vec<String>], n: usize) -> Vec<Code> {
    rows.iter().map(|r| code(&r[n])).collect()
}
fn sums(a: &[Code], b: &[Code]) -> Vec<Code> {
    a.iter().zip(b).map(|(a, b)| mixed(*a, *b)).collect()
}
fn written(codes: &[Code]) -> Vec<String> {
    codes.iter().map(|c| elements(*c)).collect()
}

#[test]
fn the_worked_example_adds_up() {
    let rows = rows(&page(), "| text | code |");
    let (text, key, cipher) = (codes(&rows, 1), codes(&rows, 4), codes(&rows, 6));
    assert_eq!(rows.len(), 7);
    let mut sent = vec![];
    Coder::in_letters(CodeTable::Ita2, UnshiftOnSpace::Unknown).write("MIR 63", &mut sent).unwrap();
    assert_eq!((&text, column(&rows, 0)), (&sent, signs(&sent)), "the text's codes");
    assert_eq!([column(&rows, 2), column(&rows, 3), column(&rows, 5)], [written(&text), written(&key), written(&cipher)]);
    assert_eq!(cipher, sums(&text, &key), "cipher");
    assert_eq!(text, sums(&cipher, &key), "and back");
    assert_eq!(column(&rows, 7), signs(&cipher), "what an eavesdropper has");
}

#[test]
fn with_one_code_lost_the_example_goes_on_as_the_page_says() {
    let page = page();
    let (whole, damaged) = (rows(&page, "| text | code |"), rows(&page, "| cipher that came |"));
    let mut cipher = codes(&whole, 6);
    cipher.remove(2);
    let key = codes(&whole, 4);
    assert_eq!((codes(&damaged, 0), codes(&damaged, 3)), (cipher.clone(), key[..cipher.len()].to_vec()));
    let read = sums(&cipher, &key);
    assert_eq!(codes(&damaged, 5), read);
    assert_eq!([column(&damaged, 1), column(&damaged, 2), column(&damaged, 4)], [written(&cipher), written(&key[..6]), written(&read)]);
    assert_eq!(column(&damaged, 6), signs(&read));
}

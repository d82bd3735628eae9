//! The page printer against `fixtures/printer/cases.txt`, worked out by hand; and its times.

use molink::line::Code;
use molink::machine::Machine;
use molink::teletype::codes::{self, CodeTable};
use molink::teletype::printer::{Act, Printer, Settings, print};
use molink::teletype::{UnshiftOnSpace, typing};
use molink::time::Instant;
use std::time::Duration;

const CASES: &str = include_str!("../../fixtures/printer/cases.txt");
const CODE_TIME: Duration = Duration::from_millis(150);

struct Case<'a> {
    name: &'a str,
    settings: Settings,
    codes: Vec<Code>,
    rows: Vec<String>,
    over: Vec<(usize, usize, char)>,
    bells: [usize; 3],
}

fn code(word: &str) -> Code {
    match word {
        "SP" => codes::SP,
        "CR" => codes::CR,
        "LF" => codes::LF,
        "LTRS" => codes::LTRS,
        "FIGS" => codes::FIGS,
        "BLANK" => codes::BLANK,
        letter => {
            let c = letter.chars().next().filter(|c| c.is_ascii_uppercase() && letter.len() == 1);
            codes::key(c.unwrap_or_else(|| panic!("`{word}` is no key")))
        }
    }
}

fn cases() -> Vec<Case<'static>> {
    let mut cases: Vec<Case> = vec![];
    for line in CASES.lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "==" {
            let settings = Settings::of(CodeTable::Ita2);
            cases.push(Case { name: rest, settings, codes: vec![], rows: vec![], over: vec![], bells: [0; 3] });
            continue;
        }
        let case = cases.last_mut().expect("a case begins with ==");
        let number = || rest.parse::<usize>().unwrap_or_else(|_| panic!("{}: `{line}`", case.name));
        match word {
            "code" => case.settings.code = CodeTable::try_from(rest.to_owned()).unwrap(),
            "columns" => case.settings.columns = number(),
            "unshift" => {
                case.settings.unshift = match rest {
                    "yes" => UnshiftOnSpace::Yes,
                    "no" => UnshiftOnSpace::No,
                    other => panic!("`{other}`"),
                }
            }
            "return" => case.settings.return_per_column = Duration::from_millis(number() as u64),
            "codes" => {
                for word in rest.split(' ') {
                    let (word, times) = word.split_once('*').map_or((word, 1), |(w, n)| (w, n.parse().unwrap()));
                    case.codes.extend(std::iter::repeat_n(code(word), times));
                }
            }
            "|" => case.rows.push(rest.to_owned()),
            "over" => {
                let words: Vec<&str> = rest.split(' ').collect();
                let (row, column) = (words[0].parse().unwrap(), words[1].parse().unwrap());
                case.over.extend(words[2].chars().map(|c| (row, column, c)));
            }
            "bell" => case.bells[0] = number(),
            "margin-bell" => case.bells[1] = number(),
            "wru" => case.bells[2] = number(),
            other => panic!("{}: `{other}` is no word of the table", case.name),
        }
    }
    cases
}

#[test]
fn the_printer_leaves_what_the_table_worked_out_by_hand_says() {
    let cases = cases();
    assert!(cases.len() >= 30, "only {} cases were read", cases.len());
    for case in cases {
        let (sheet, acts) = print(&case.codes, case.settings.clone(), CODE_TIME);
        let rows: Vec<String> = (0..sheet.rows().len()).map(|row| sheet.line(row)).collect();
        let over: Vec<(usize, usize, char)> = sheet.overstrikes().iter().map(|(r, s)| (*r, s.column, s.character)).collect();
        let count = |act: Act| acts.iter().filter(|a| **a == act).count();
        let bells = [count(Act::Bell), count(Act::MarginBell), count(Act::WhoAreYou)];
        assert_eq!((rows, over, bells), (case.rows, case.over, case.bells), "{}", case.name);
        let struck = acts.iter().filter(|a| matches!(a, Act::Struck { .. })).count();
        assert_eq!(struck, sheet.rows().iter().map(Vec::len).sum::<usize>(), "{}: every strike told is on the paper", case.name);
    }
}

#[test]
fn the_carriage_says_when_it_will_be_at_rest() {
    let mut printer = Printer::new(Settings { return_per_column: Duration::from_millis(4), ..Settings::of(CodeTable::Ita2) });
    assert_eq!(printer.deadline(), None);
    (0..50).for_each(|_| drop(printer.handle(Instant(0), codes::key('A'))));
    let due = Instant(1_000_000) + Duration::from_millis(200);
    assert_eq!(printer.handle(Instant(1_000_000), codes::CR), [Act::Returning(due)]);
    assert_eq!(printer.deadline(), Some(due));
    assert_eq!(printer.tick(Instant(1_199_999)), []);
    assert_eq!(printer.tick(due), [Act::AtLeft]);
    assert_eq!((printer.deadline(), printer.tick(due)), (None, vec![]));
}

#[test]
fn our_own_line_ends_give_a_carriage_of_the_time_enough_time() {
    let text = format!("{}\n{}\nEND 1", "A".repeat(72), "B 2".repeat(20));
    for code in CodeTable::ALL {
        let codes = typing::typed(&text, code, 72).unwrap().codes;
        let settings = Settings { return_per_column: Settings::RETURN_PER_COLUMN, ..Settings::of(code) };
        let (sheet, _) = print(&codes, settings.clone(), CODE_TIME);
        assert_eq!((sheet.text(), sheet.overstrikes()), (text.clone() + "\n", vec![]), "{code:?}");
        let faster = print(&codes, settings, CODE_TIME / 4).0;
        assert_ne!(faster.text(), text.clone() + "\n", "at four times the speed it strikes in flight");
    }
}

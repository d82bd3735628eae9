//! The tables against what is printed, and the coder against every table and setting.

use super::UnshiftOnSpace::{No, Unknown, Yes};
use super::*;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::collections::{BTreeMap, BTreeSet};

const SETTINGS: [UnshiftOnSpace; 3] = [Unknown, No, Yes];
const LATIN: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// What each machine prints, listed here a second time.
const PRINTED: [(CodeTable, &str); 3] = [
    (CodeTable::Ita2, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -?:().,'/=+"),
    (CodeTable::UsTty, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -?:().,'/$!&#;\""),
    (CodeTable::Mtk2, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -?:().,'/=+АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЫЬЭЮЯ"),
];

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}
fn encoded(code: CodeTable, setting: UnshiftOnSpace, text: &str) -> Vec<Code> {
    let mut out = vec![];
    Coder::new(code, setting).write(text, &mut out).unwrap();
    out
}
/// Any characters of the repertoire, with many spaces, lines and figures.
fn random_text(code: CodeTable, rng: &mut impl Rng, length: usize) -> String {
    let chars: Vec<char> = code.repertoire().chars().chain(['\n', ' ', ' ', '1', '2']).collect();
    (0..length).map(|_| chars[rng.next_u32() as usize % chars.len()]).collect()
}
fn is_shift(code: CodeTable, c: &Code) -> bool {
    code.table().shifts.iter().any(|s| code.table().shift_code(*s) == Some(*c))
}

#[test]
fn every_table_has_all_32_codes_in_every_shift_and_each_character_once() {
    for (code, printed) in PRINTED {
        let table = code.table();
        let codes: BTreeSet<Code> = table.rows.iter().map(|r| r.code).collect();
        assert_eq!(codes.len(), 32, "{code:?}");
        let letters: String = table.rows[..26].iter().filter_map(|r| r.letters.char()).collect();
        assert_eq!(letters, LATIN, "{code:?}");
        let mut seen = BTreeMap::new();
        for shift in table.shifts {
            let chars: Vec<char> = table.rows.iter().filter_map(|r| r.sign(*shift).char()).collect();
            assert_eq!(chars.len(), chars.iter().collect::<BTreeSet<_>>().len(), "{code:?} {shift:?}: one character has two codes");
            chars.iter().for_each(|c| *seen.entry(*c).or_insert(0) += 1);
        }
        let common: BTreeSet<char> = seen.iter().filter(|(_, n)| **n > 1).map(|(c, _)| *c).collect();
        assert_eq!(common, BTreeSet::from([' ', '\r', '\n']), "{code:?}: only functions stand in more than one shift");
        assert_eq!(table.rows.iter().all(|r| r.cyrillic.is_some()), table.shifts.contains(&Shift::Cyrillic));
        let repertoire = code.repertoire();
        assert_eq!(repertoire.chars().collect::<BTreeSet<_>>(), printed.chars().collect(), "{code:?}");
        assert_eq!(repertoire.chars().count(), printed.chars().count(), "{code:?}");
    }
}

#[test]
fn letters_digits_functions_and_the_signs_of_service_lines_are_the_same_codes_in_all_three() {
    let common = LATIN.chars().chain("0123456789-?:().,/".chars());
    for c in common {
        let found: BTreeSet<_> = CodeTable::ALL.iter().map(|code| code.table().find(c).unwrap()).collect();
        assert_eq!(found.len(), 1, "`{c}`: {found:?}");
    }
    for code in CodeTable::ALL {
        for (function, sign) in [
            (LF, Sign::LineFeed),
            (SP, Sign::Space),
            (CR, Sign::CarriageReturn),
            (FIGS, Sign::To(Shift::Figures)),
            (LTRS, Sign::To(Shift::Letters)),
        ] {
            assert!(code.table().shifts.iter().all(|s| code.table().sign(*s, function) == sign), "{code:?} {sign:?}");
        }
    }
    assert_eq!(mtk2::TABLE.shift_code(Shift::Cyrillic), Some(BLANK));
    assert_eq!((ita2::TABLE.sign(Shift::Letters, BLANK), ita2::TABLE.shift_code(Shift::Cyrillic)), (Sign::Blank, None));
}

#[test]
fn the_three_differ_where_the_printed_tables_differ() {
    let signs = |c: char| CodeTable::ALL.map(|code| code.table().sign(Shift::Figures, key(c)));
    use Sign::{Bell, Char, National, WhoAreYou};
    assert_eq!(signs('D'), [WhoAreYou, Char('$'), WhoAreYou]);
    assert_eq!(signs('J'), [Bell, Char('\''), Char('Ю')]);
    assert_eq!(signs('S'), [Char('\''), Bell, Char('\'')]);
    assert_eq!(signs('F'), [National, Char('!'), Char('Э')]);
    assert_eq!(signs('G'), [National, Char('&'), Char('Ш')]);
    assert_eq!(signs('H'), [National, Char('#'), Char('Щ')]);
    assert_eq!(signs('V'), [Char('='), Char(';'), Char('=')]);
    assert_eq!(signs('Z'), [Char('+'), Char('"'), Char('+')]);
    let bells = CodeTable::ALL.map(|c| c.table().find(BELL).is_some());
    let wrus = CodeTable::ALL.map(|c| c.table().find(WRU).is_some());
    assert_eq!((bells, wrus), ([true, true, false], [true, false, true]));
}

#[test]
fn an_apostrophe_of_one_latin_machine_rings_the_bell_of_the_other() {
    let codes = encoded(CodeTable::UsTty, No, "DOG'S");
    assert_eq!(Coder::new(CodeTable::Ita2, No).read(&codes), "DOG\u{7}S");
    let codes = encoded(CodeTable::Ita2, No, "DOG'S");
    assert_eq!(Coder::new(CodeTable::UsTty, No).read(&codes), "DOG\u{7}S");
}

#[test]
fn the_whole_repertoire_round_trips_in_all_three_settings() {
    let mut rng = rng(1);
    let russian = "ЧЕЛОВЕЧЕСТВО И ЩУКА: ЭТО ЮНОША, 4 ЧАСА 15.\nШЕСТЬ (6) SHIPS, ТЫ ИХ ЗНАЕШЬ?";
    for code in CodeTable::ALL {
        let mut texts: Vec<String> = (0..200).map(|_| code.read_back(&random_text(code, &mut rng, 100))).collect();
        texts.push(code.read_back(&code.repertoire()));
        texts.extend((code == CodeTable::Mtk2).then(|| russian.to_owned()));
        for setting in SETTINGS {
            for text in &texts {
                assert_eq!(&Coder::new(code, setting).read(&encoded(code, setting, text)), text, "{code:?} {setting:?}");
            }
        }
    }
}

#[test]
fn che_prints_as_four_and_is_read_as_che() {
    for setting in SETTINGS {
        let codes = encoded(CodeTable::Mtk2, setting, "ЧЕЛОВЕК 4");
        assert_eq!(Coder::new(CodeTable::Mtk2, setting).print(&codes), "4ЕЛОВЕК 4");
        assert_eq!(Coder::new(CodeTable::Mtk2, setting).read(&codes), "ЧЕЛОВЕК 4");
        let one_by_one: String = {
            let mut printer = Coder::new(CodeTable::Mtk2, setting);
            codes.iter().filter_map(|c| printer.decode(*c)).collect()
        };
        assert_eq!(one_by_one, CodeTable::Mtk2.printed("ЧЕЛОВЕК 4"));
    }
    let (che, four) = (encoded(CodeTable::Mtk2, No, "Ч"), encoded(CodeTable::Mtk2, No, "4"));
    assert_eq!(che, four);
    for none in ['Ё', 'Ъ', 'ё'] {
        assert_eq!(Coder::new(CodeTable::Mtk2, No).write(&format!("А{none}"), &mut vec![]), Err(none));
    }
}

#[test]
fn with_the_setting_unknown_both_kinds_of_machine_print_the_same() {
    let mut rng = rng(2);
    for code in CodeTable::ALL {
        for _ in 0..500 {
            let text = random_text(code, &mut rng, 80);
            let codes = encoded(code, Unknown, &text);
            let printed = code.printed(&text);
            assert_eq!((Coder::new(code, No).print(&codes), Coder::new(code, Yes).print(&codes)), (printed.clone(), printed));
        }
    }
}

#[test]
fn unknown_shifts_again_after_a_space_in_figures_and_at_each_line() {
    let (ita2, k, rus) = (CodeTable::Ita2, key, BLANK);
    let codes = encoded(ita2, Unknown, "A 1 2\nB");
    assert_eq!(codes, [LTRS, k('A'), SP, FIGS, k('Q'), SP, FIGS, k('W'), CR, CR, LF, LTRS, k('B')]);
    assert_eq!(encoded(ita2, No, "1 2\n3"), [FIGS, k('Q'), SP, k('W'), CR, CR, LF, k('E')]);
    assert_eq!(encoded(ita2, Yes, "1 2 A"), [FIGS, k('Q'), SP, FIGS, k('W'), SP, k('A')]);
    let mtk2 = CodeTable::Mtk2;
    assert_eq!(encoded(mtk2, Unknown, "А Б\nВ"), [rus, k('A'), SP, k('B'), CR, CR, LF, rus, k('W')]);
    // ЩА: Щ stands in figures; after a space in figures Cyrillic is shifted anew in every setting.
    assert_eq!(encoded(mtk2, Unknown, "Щ Щ А"), [FIGS, k('H'), SP, FIGS, k('H'), SP, rus, k('A')]);
    assert_eq!(encoded(mtk2, No, "Щ Щ А"), [FIGS, k('H'), SP, k('H'), SP, rus, k('A')]);
    assert_eq!(encoded(mtk2, Yes, "Щ A А Б"), [FIGS, k('H'), SP, k('A'), SP, rus, k('A'), SP, k('B')]);
}

/// The fewest shift codes with which `text` can be sent, by trying every shift before every character.
fn fewest_shifts(code: CodeTable, setting: UnshiftOnSpace, text: &str) -> usize {
    const NEVER: usize = usize::MAX / 2;
    let shifts = code.table().shifts;
    // The cost of standing in no known shift, and in each shift.
    let (mut unknown, mut cost) = (0, vec![NEVER; shifts.len()]);
    for c in text.chars() {
        let any = cost.iter().copied().min().unwrap_or(NEVER).min(unknown) + 1;
        let mut may: Vec<usize> = cost.iter().map(|n| (*n).min(any)).collect();
        match c {
            ' ' if setting == Yes => {
                may[0] = may[0].min(may[1]);
                may[1] = NEVER;
                if shifts.len() == 2 {
                    (may[0], unknown) = (may[0].min(unknown), NEVER);
                }
            }
            ' ' | '\n' => {}
            c => {
                let (shift, _) = code.table().find(code.twin().map_or(c, |t| t.sent_as(c))).unwrap();
                shifts.iter().zip(&mut may).filter(|(s, _)| **s != shift).for_each(|(_, n)| *n = NEVER);
                unknown = NEVER;
            }
        }
        cost = may;
    }
    cost.into_iter().min().unwrap_or(NEVER).min(unknown)
}

#[test]
fn minimal_shifts_are_minimal() {
    let mut rng = rng(3);
    for code in CodeTable::ALL {
        for setting in [No, Yes] {
            for round in 0..2000 {
                let text = random_text(code, &mut rng, round % 40);
                let codes = encoded(code, setting, &text);
                let shifts = codes.iter().filter(|c| is_shift(code, c)).count();
                assert_eq!(shifts, fewest_shifts(code, setting, &text), "{code:?} {setting:?} {text:?}");
            }
        }
    }
}

#[test]
fn any_codes_decode_in_every_table_to_nothing_but_its_characters() {
    let mut rng = rng(4);
    for code in CodeTable::ALL {
        let has: BTreeSet<char> = code.repertoire().chars().chain(['\n', BELL, WRU]).collect();
        for setting in SETTINGS {
            for shift in code.table().shifts {
                let opens = code.table().shift_code(*shift).unwrap();
                let mut read = Coder::new(code, setting);
                let seen = (0..32).filter(|b| !read.print(&[opens, Code::new(*b)]).is_empty()).count();
                let national = code.table().rows.iter().filter(|r| r.sign(*shift) == Sign::National).count();
                assert_eq!(seen, 26 + 2 - national, "{code:?} {shift:?}: the keys, space and line feed");
            }
        }
        let mut longest = 0;
        for round in 0..100_000 {
            let length = rng.next_u32() as usize % 40;
            let codes: Vec<Code> = (0..length).map(|_| Code::new(rng.next_u32() as u8)).collect();
            let read = Coder::new(code, SETTINGS[round % 3]).read(&codes);
            assert!(read.chars().all(|c| has.contains(&c)), "{code:?} {codes:?} {read:?}");
            assert!(read.chars().count() <= length);
            longest = longest.max(read.chars().count());
        }
        assert!(longest > 20);
    }
}

#[test]
fn letters_shift_is_never_sent_twice_running() {
    let mut rng = rng(5);
    for code in CodeTable::ALL {
        for setting in SETTINGS {
            for _ in 0..500 {
                let codes = encoded(code, setting, &random_text(code, &mut rng, 100));
                assert!(!codes.windows(2).any(|w| w == [LTRS, LTRS]));
            }
        }
    }
}

#[test]
fn what_has_no_code_is_given_back() {
    let write = |code, text| Coder::new(code, No).write(text, &mut vec![]);
    assert_eq!(write(CodeTable::Ita2, "AÉ"), Err('É'));
    assert_eq!(write(CodeTable::Ita2, "a"), Err('a'));
    assert_eq!(write(CodeTable::Ita2, "А"), Err('А'));
    assert_eq!(write(CodeTable::UsTty, "1+1"), Err('+'));
    assert_eq!(write(CodeTable::Mtk2, "$"), Err('$'));
    assert_eq!(write(CodeTable::Mtk2, "A\u{7}"), Err('\u{7}'));
}

//! ITA2, the five-unit telegraph alphabet, with its two shifts.
//!
//! Standard: International Telegraph Alphabet No. 2 (ITU-T S.1); code element 1 is bit 0.
//! In: characters, or codes off a line. Out: codes, or characters; damage decodes to something or nothing, never fails.
//! Left out: national figures (F, G, H have no character), the third shift of other alphabets. Shown by: the tests below.

use crate::line::Code;
use crate::machine::Codec;
use crate::message::{Alphabet, TextForm};
use serde::{Deserialize, Serialize};

/// The letters' keys, in the order of the printed table: code, letter, figure (`None`: national use).
pub const TABLE: [(u8, char, Option<char>); 26] = [
    (0x03, 'A', Some('-')),
    (0x19, 'B', Some('?')),
    (0x0e, 'C', Some(':')),
    (0x09, 'D', Some(WRU)),
    (0x01, 'E', Some('3')),
    (0x0d, 'F', None),
    (0x1a, 'G', None),
    (0x14, 'H', None),
    (0x06, 'I', Some('8')),
    (0x0b, 'J', Some(BELL)),
    (0x0f, 'K', Some('(')),
    (0x12, 'L', Some(')')),
    (0x1c, 'M', Some('.')),
    (0x0c, 'N', Some(',')),
    (0x18, 'O', Some('9')),
    (0x16, 'P', Some('0')),
    (0x17, 'Q', Some('1')),
    (0x0a, 'R', Some('4')),
    (0x05, 'S', Some('\'')),
    (0x10, 'T', Some('5')),
    (0x07, 'U', Some('7')),
    (0x1e, 'V', Some('=')),
    (0x13, 'W', Some('2')),
    (0x1d, 'X', Some('/')),
    (0x15, 'Y', Some('6')),
    (0x11, 'Z', Some('+')),
];

/// Who are you: figures D asks the far machine for its answerback.
pub const WRU: char = '\u{5}';
/// Figures J rings the bell.
pub const BELL: char = '\u{7}';
/// Nothing: a blank stretch of tape.
pub const BLANK: Code = Code::new(0x00);
/// Line feed.
pub const LF: Code = Code::new(0x02);
/// Space.
pub const SP: Code = Code::new(0x04);
/// Carriage return.
pub const CR: Code = Code::new(0x08);
/// Figures shift.
pub const FIGS: Code = Code::new(0x1b);
/// Letters shift.
pub const LTRS: Code = Code::new(0x1f);

/// What a text may hold on its way over the line (besides the line feed).
pub const REPERTOIRE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -?:().,'/=+";

/// Columns of a page: 69, so that every machine of the time (69, 72 or 76) prints a line whole.
pub const COLUMNS: usize = 69;

/// The code of a letter's key; blank if it is not A to Z.
pub const fn key(letter: char) -> Code {
    let mut i = 0;
    while i < TABLE.len() {
        if TABLE[i].1 == letter {
            return Code::new(TABLE[i].0);
        }
        i += 1;
    }
    BLANK
}

/// The form of text a line takes, at `baud` with `units` to a code.
pub fn text_form(baud: f64, units: f64, longest: usize) -> TextForm {
    let per_hour = (3600.0 * baud / units) as u32;
    TextForm { alphabet: Alphabet::Of(REPERTOIRE.into()), columns: COLUMNS, longest, per_hour: Some(per_hour) }
}

/// Whether the far machine goes back to letters at a space.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnshiftOnSpace {
    /// Not known: shifts are sent so that both kinds print the same, and again at each line's start (this limits noise).
    #[default]
    Unknown,
    /// It does not: as few shifts as can be.
    No,
    /// It does: figures after a space are shifted anew. Only then does our own decoding unshift too.
    Yes,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shift {
    Letters,
    Figures,
}

/// One direction of each: what shift the far machine stands in, and what shift we read in.
#[derive(Clone, Debug)]
pub struct Ita2 {
    setting: UnshiftOnSpace,
    /// `None`: cannot be known, so the next character that has a shift gets its shift code first.
    far: Option<Shift>,
    near: Shift,
}

impl Ita2 {
    /// The far machine's shift is not known; reading starts in letters.
    pub fn new(setting: UnshiftOnSpace) -> Ita2 {
        Ita2 { setting, far: None, near: Shift::Letters }
    }
    /// A letters shift has just gone over.
    pub fn in_letters(setting: UnshiftOnSpace) -> Ita2 {
        Ita2 { setting, far: Some(Shift::Letters), near: Shift::Letters }
    }
    /// Appends the codes of a text; `Err` is the first character that has none.
    pub fn write(&mut self, text: &str, out: &mut Vec<Code>) -> Result<(), char> {
        text.chars().try_for_each(|c| self.encode(c, out))
    }
    /// The characters of codes, carriage returns left out.
    pub fn read(&mut self, codes: &[Code]) -> String {
        codes.iter().filter_map(|c| self.decode(*c)).filter(|c| *c != '\r').collect()
    }
    fn shifted(&mut self, shift: Shift, code: u8, out: &mut Vec<Code>) {
        if self.far != Some(shift) {
            out.push(match shift {
                Shift::Letters => LTRS,
                Shift::Figures => FIGS,
            });
            self.far = Some(shift);
        }
        out.push(Code::new(code));
    }
}

impl Codec for Ita2 {
    type Item = char;
    type Symbol = Code;

    /// A line feed is CR CR LF (two CR, for a slow carriage). Never sends LTRS twice running: that pair opens a service line.
    fn encode(&mut self, c: char, out: &mut Vec<Code>) -> Result<(), char> {
        match c {
            ' ' => {
                out.push(SP);
                self.far = match (self.setting, self.far) {
                    (UnshiftOnSpace::Yes, _) => Some(Shift::Letters),
                    (UnshiftOnSpace::Unknown, Some(Shift::Figures)) => None,
                    (UnshiftOnSpace::Unknown | UnshiftOnSpace::No, far) => far,
                };
            }
            '\r' => out.push(CR),
            '\n' => {
                out.extend([CR, CR, LF]);
                if self.setting == UnshiftOnSpace::Unknown {
                    self.far = None;
                }
            }
            c => {
                let letter = TABLE.iter().find(|(_, l, _)| *l == c).map(|row| (Shift::Letters, row.0));
                let figure = || TABLE.iter().find(|(_, _, f)| *f == Some(c)).map(|row| (Shift::Figures, row.0));
                let (shift, code) = letter.or_else(figure).ok_or(c)?;
                self.shifted(shift, code, out);
            }
        }
        Ok(())
    }

    fn decode(&mut self, code: Code) -> Option<char> {
        match code {
            BLANK => None,
            CR => Some('\r'),
            LF => Some('\n'),
            SP => {
                if self.setting == UnshiftOnSpace::Yes {
                    self.near = Shift::Letters;
                }
                Some(' ')
            }
            LTRS => {
                self.near = Shift::Letters;
                None
            }
            FIGS => {
                self.near = Shift::Figures;
                None
            }
            code => TABLE.iter().find(|row| row.0 == code.value()).and_then(|(_, letter, figure)| match self.near {
                Shift::Letters => Some(*letter),
                Shift::Figures => *figure,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::UnshiftOnSpace::{No, Unknown, Yes};
    use super::*;
    use rand_core::{Rng, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;
    use std::collections::BTreeSet;

    fn encoded(setting: UnshiftOnSpace, text: &str) -> Vec<Code> {
        let mut out = vec![];
        Ita2::new(setting).write(text, &mut out).unwrap();
        out
    }
    fn random_text(rng: &mut impl Rng, length: usize) -> String {
        let chars: Vec<char> = REPERTOIRE.chars().chain(['\n', ' ', ' ', '1', '2']).collect();
        (0..length).map(|_| chars[rng.next_u32() as usize % chars.len()]).collect()
    }

    #[test]
    fn the_table_has_every_code_and_character_once() {
        let codes: BTreeSet<u8> = TABLE.iter().map(|r| r.0).chain([BLANK, LF, SP, CR, FIGS, LTRS].map(Code::value)).collect();
        assert_eq!(codes.len(), 32);
        let chars: BTreeSet<char> = TABLE.iter().flat_map(|r| [Some(r.1), r.2]).flatten().collect();
        assert_eq!(chars.len(), 26 + 23);
        let repertoire: BTreeSet<char> = REPERTOIRE.chars().collect();
        let printed = chars.iter().copied().filter(|c| !c.is_control()).chain([' ']).collect();
        assert_eq!(repertoire, printed);
        assert_eq!(REPERTOIRE.chars().count(), repertoire.len());
    }

    #[test]
    fn the_whole_repertoire_round_trips_in_all_three_settings() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut texts: Vec<String> = (0..200).map(|_| random_text(&mut rng, 100)).collect();
        texts.push(REPERTOIRE.into());
        for setting in [Unknown, No, Yes] {
            for text in &texts {
                assert_eq!(&Ita2::new(setting).read(&encoded(setting, text)), text, "{setting:?}");
            }
        }
    }

    #[test]
    fn with_the_setting_unknown_both_kinds_of_machine_print_the_same() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
        for _ in 0..500 {
            let text = random_text(&mut rng, 80);
            let codes = encoded(Unknown, &text);
            assert_eq!((Ita2::new(No).read(&codes), Ita2::new(Yes).read(&codes)), (text.clone(), text));
        }
    }

    #[test]
    fn unknown_shifts_again_after_a_space_in_figures_and_at_each_line() {
        let codes = encoded(Unknown, "A 1 2\nB");
        let k = key;
        assert_eq!(codes, [LTRS, k('A'), SP, FIGS, k('Q'), SP, FIGS, k('W'), CR, CR, LF, LTRS, k('B')]);
        assert_eq!(encoded(No, "1 2\n3"), [FIGS, k('Q'), SP, k('W'), CR, CR, LF, k('E')]);
        assert_eq!(encoded(Yes, "1 2 A"), [FIGS, k('Q'), SP, FIGS, k('W'), SP, k('A')]);
    }

    /// The fewest shift codes with which `text` can be sent, by trying every shift before every character.
    fn fewest_shifts(setting: UnshiftOnSpace, text: &str) -> usize {
        const NEVER: usize = usize::MAX / 2;
        // The cost of standing in: no known shift, letters, figures.
        let mut cost = [0, NEVER, NEVER];
        for c in text.chars() {
            let any = *cost.iter().min().unwrap() + 1;
            let may = [cost[0], cost[1].min(any), cost[2].min(any)];
            cost = match c {
                ' ' if setting == Yes => [NEVER, *may.iter().min().unwrap(), NEVER],
                ' ' | '\n' => may,
                _ if TABLE.iter().any(|r| r.1 == c) => [NEVER, may[1], NEVER],
                _ => [NEVER, NEVER, may[2]],
            };
        }
        *cost.iter().min().unwrap()
    }

    #[test]
    fn minimal_shifts_are_minimal() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        for setting in [No, Yes] {
            for round in 0..2000 {
                let text = random_text(&mut rng, round % 40);
                let codes = encoded(setting, &text);
                let shifts = codes.iter().filter(|c| [LTRS, FIGS].contains(c)).count();
                assert_eq!(shifts, fewest_shifts(setting, &text), "{setting:?} {text:?}");
            }
        }
    }

    #[test]
    fn every_code_decodes_in_both_shifts_and_any_bytes_decode() {
        for setting in [Unknown, No, Yes] {
            for shift in [LTRS, FIGS] {
                let mut read = Ita2::new(setting);
                let seen: usize = (0..32).map(|b| read.read(&[shift, Code::new(b)]).chars().count()).sum();
                assert_eq!(seen, if shift == LTRS { 26 + 2 } else { 23 + 2 });
            }
        }
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
        let mut longest = 0;
        for _ in 0..100_000 {
            let length = rng.next_u32() as usize % 40;
            let codes: Vec<Code> = (0..length).map(|_| Code::new(rng.next_u32() as u8)).collect();
            let read = Ita2::new(Unknown).read(&codes);
            assert!(read.chars().count() <= length);
            longest = longest.max(read.len());
        }
        assert!(longest > 20);
    }

    #[test]
    fn letters_shift_is_never_sent_twice_running() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
        for setting in [Unknown, No, Yes] {
            for _ in 0..500 {
                let codes = encoded(setting, &random_text(&mut rng, 100));
                assert!(!codes.windows(2).any(|w| w == [LTRS, LTRS]));
            }
        }
    }

    #[test]
    fn what_has_no_code_is_given_back() {
        assert_eq!(Ita2::new(No).write("AÉ", &mut vec![]), Err('É'));
        assert_eq!(Ita2::new(No).write("a", &mut vec![]), Err('a'));
    }
}

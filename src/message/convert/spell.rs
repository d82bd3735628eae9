//! Spells a text in the characters a line has, and keeps the list of what was changed.
//!
//! Standards: the tables' (see `tables`). In: a text and a [`TextForm`]. Out: the text as the far end will read it; [`Edit`]s.
//! Left out: lines and their length, what is refused (see `convert`). Shown by: `message::convert::tests`.

use super::tables::{COMPOSED, CYRILLIC_STANDARD, CYRILLIC_TO_LATIN, SUBSTITUTES, row};
use super::{Alphabet, TextForm};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One kind of change made to a content, for the sender.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Edit {
    /// What was done, e.g. `é as E`, `upper case`, `Cyrillic to Latin (ICAO Doc 9303)`.
    pub what: String,
    /// How often: characters, or lines broken.
    pub count: usize,
    /// A word before and after, where `what` does not show it: `ПРИВЕТ as PRIVET`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
    /// A part was left out of the message: `what` names it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left_out: bool,
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.left_out {
            return f.write_str(&self.what);
        }
        let times = if self.count == 1 { "once".into() } else { format!("{} times", self.count) };
        match &self.example {
            Some(example) => write!(f, "{} ({times}, e.g. {example})", self.what),
            None => write!(f, "{} ({times})", self.what),
        }
    }
}

/// What was changed so far.
#[derive(Default)]
pub(super) struct Edits(pub Vec<Edit>);

/// Shortest word that makes a good example, and the longest.
const EXAMPLE: std::ops::RangeInclusive<usize> = 4..=24;

impl Edits {
    /// Characters listed apart; more than these are counted together, so that the list stays short.
    const CHARACTERS: usize = 16;

    /// One character was replaced.
    fn character(&mut self, what: String) {
        let full = self.0.len() >= Self::CHARACTERS;
        let what = if full && !self.0.iter().any(|e| e.what == what) { "others".into() } else { what };
        self.kind(&what, 1, None);
    }
    /// A change of a kind that is always listed, `count` times, in a word that was `before` and is `after`.
    pub(super) fn kind(&mut self, what: &str, count: usize, word: Option<(&str, &str)>) {
        let at = self.0.iter().position(|e| e.what == what).unwrap_or_else(|| {
            self.0.push(Edit { what: what.into(), count: 0, example: None, left_out: false });
            self.0.len() - 1
        });
        let edit = &mut self.0[at];
        edit.count += count;
        let Some((before, after)) = word.filter(|(before, _)| before.chars().count() <= *EXAMPLE.end()) else { return };
        let had = edit.example.as_ref().map_or(0, |e| e.split(" as ").next().unwrap_or_default().chars().count());
        if had < *EXAMPLE.start() && before.chars().count() > had {
            edit.example = Some(format!("{before} as {after}"));
        }
    }
}

/// What a letter or sign becomes.
enum Becomes {
    Itself,
    Capitals(String),
    Row(&'static str),
    Latin(&'static str),
    /// It prints nothing.
    LeftOut,
    Unknown,
}

fn becomes(c: char, alphabet: &Alphabet) -> Becomes {
    if alphabet.has(c) {
        return Becomes::Itself;
    }
    let upper: String = c.to_uppercase().collect();
    let fits = |to: &str| to.chars().all(|t| alphabet.has(t));
    let latin = || CYRILLIC_TO_LATIN.iter().find(|(from, to)| upper.chars().eq([*from]) && fits(to));
    if fits(&upper) {
        Becomes::Capitals(upper)
    } else if let Some(at) = row(c, |t| alphabet.has(t)) {
        Becomes::Row(SUBSTITUTES[at].1)
    } else if let Some((_, to)) = latin() {
        Becomes::Latin(to)
    } else if c.is_control() || ('\u{300}'..='\u{36f}').contains(&c) || c == '\u{feff}' {
        Becomes::LeftOut
    } else {
        Becomes::Unknown
    }
}

/// The first letter that a line has not and nothing stands for, and how many more there are: such a text would be unreadable.
/// (Signs without a counterpart become `?`, and are counted among the edits.)
pub(super) fn strangers(text: &str, alphabet: &Alphabet) -> Option<(char, usize)> {
    if *alphabet == Alphabet::Any {
        return None;
    }
    let mut found = text.chars().filter(|c| c.is_alphabetic() && matches!(becomes(*c, alphabet), Becomes::Unknown));
    found.next().map(|first| (first, found.count()))
}

/// The text in characters of the form.
pub(super) fn spell(text: &str, form: &TextForm, edits: &mut Edits) -> String {
    if form.alphabet == Alphabet::Any {
        return text.to_owned();
    }
    let text = COMPOSED.iter().fold(text.to_owned(), |text, (two, one)| if text.contains(two) { text.replace(two, one) } else { text });
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive(|c: char| !c.is_alphabetic()) {
        spell_word(word, form, edits, &mut out);
    }
    out
}

/// A word, and the one character after it that is no letter.
fn spell_word(word: &str, form: &TextForm, edits: &mut Edits, out: &mut String) {
    let from = out.len();
    let (mut raised, mut latin, mut letters) = (0, 0, (0, 0));
    for c in word.chars() {
        match becomes(c, &form.alphabet) {
            Becomes::Itself => out.push(c),
            Becomes::Capitals(upper) => {
                raised += 1;
                out.push_str(&upper);
            }
            Becomes::Row(to) => {
                edits.character(format!("{c} as {}", to.trim()));
                out.push_str(to);
            }
            Becomes::Latin(to) => {
                latin += 1;
                out.push_str(to);
            }
            Becomes::LeftOut => edits.character(format!("U+{:04X} left out", u32::from(c))),
            Becomes::Unknown => {
                edits.character(format!("{c} as ?"));
                out.push('?');
            }
        }
        if c.is_alphabetic() {
            letters = (letters.0 + c.len_utf8(), out.len() - from);
        }
    }
    let pair = (&word[..letters.0], &out[from..from + letters.1]);
    if raised > 0 {
        edits.kind("upper case", raised, Some(pair));
    }
    if latin > 0 {
        edits.kind(&format!("Cyrillic to Latin ({CYRILLIC_STANDARD})"), latin, Some(pair));
    }
}

/// The text as the far end will read it, where a letter and a digit are one code.
pub(super) fn read_back(text: String, form: &TextForm, edits: &mut Edits) -> String {
    let Some(twin) = form.twin else { return text };
    let read = twin.read_back(&text);
    if read != text {
        let words = |t: &str| t.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>();
        for (before, after) in words(&text).iter().zip(words(&read)).filter(|(before, after)| *before != after) {
            for (from, to) in [(twin.letter, twin.digit), (twin.digit, twin.letter)] {
                let count = before.chars().zip(after.chars()).filter(|pair| *pair == (from, to)).count();
                if count > 0 {
                    edits.kind(&format!("{from} as {to} (one code)"), count, Some((before, &after)));
                }
            }
        }
    }
    read
}

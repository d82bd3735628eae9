//! Conversion: makes the parts of a message into what a port takes, and lists every change.
//!
//! Standards: none; the substitutes are telex practice (`%` as `O/O`) or ours, all in one table.
//! In: parts and a [`Takes`]. Out: parts and [`Edit`]s, or one sentence why it cannot be done.
//! Left out: pages to text and text to pages (with the fax). Shown by: `message::convert::tests`.

use super::{Part, Twin};
use serde::{Deserialize, Serialize};

/// What a port's line can carry.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Takes {
    /// Text, and in what form; `None` if no text.
    pub text: Option<TextForm>,
    /// Pages to look at.
    pub pages: bool,
    /// Files of any kind.
    pub files: bool,
}

impl Takes {
    /// Everything, unchanged.
    pub fn everything() -> Takes {
        let text = TextForm { alphabet: Alphabet::Any, twin: None, columns: usize::MAX, longest: usize::MAX, per_hour: None };
        Takes { text: Some(text), pages: true, files: true }
    }
}

/// The form of text a line carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextForm {
    /// Which characters.
    pub alphabet: Alphabet,
    /// A letter of it that is sent as a digit.
    pub twin: Option<Twin>,
    /// Characters to a line; longer lines are broken at a space.
    pub columns: usize,
    /// Characters to a message; longer texts are refused.
    pub longest: usize,
    /// Characters an hour at line speed, to say how long a text would take.
    pub per_hour: Option<u32>,
}

/// A repertoire of characters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Alphabet {
    /// Any character.
    Any,
    /// These, and the line feed. If it has no lower case, texts are put in upper case.
    Of(String),
}

impl Alphabet {
    /// Whether it holds `c`.
    pub fn has(&self, c: char) -> bool {
        match self {
            Alphabet::Any => true,
            Alphabet::Of(chars) => c == '\n' || chars.contains(c),
        }
    }
}

/// One kind of change made to a content, for the sender.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Edit {
    /// What was done, e.g. `é as E`.
    pub what: String,
    /// How often.
    pub count: usize,
}

/// What stands for a character that a line has not. Data, so that it can be read as a table.
const SUBSTITUTES: &[(&str, &str)] = &[
    ("“”„«»\"", "''"),
    ("‘’‚`´", "'"),
    ("–—−‐‑_~", "-"),
    ("…", "..."),
    (";", ","),
    ("!", "."),
    ("&", "+"),
    ("@", " AT "),
    ("%", " O/O"),
    ("‰", " O/OO"),
    ("#№", "NR "),
    ("*×", "X"),
    ("[{<", "("),
    ("]}>", ")"),
    ("\\|", "/"),
    ("\u{a0}\u{2009}\u{202f}\t", " "),
    ("°", " DEG "),
    ("€", "EUR "),
    ("$", "USD "),
    ("£", "GBP "),
    ("ÀÁÂÃÅĀĂĄ", "A"),
    ("ÄÆ", "AE"),
    ("ÇĆČ", "C"),
    ("ÐĎ", "D"),
    ("ÈÉÊËĒĘĚ", "E"),
    ("ĞĢ", "G"),
    ("ÌÍÎÏĪİ", "I"),
    ("ŁĽ", "L"),
    ("ÑŃŇ", "N"),
    ("ÒÓÔÕŌŐ", "O"),
    ("ÖØŒ", "OE"),
    ("ŘŔ", "R"),
    ("ŚŠŞȘ", "S"),
    ("ẞß", "SS"),
    ("ŤȚŢ", "T"),
    ("ÙÚÛŪŮŰ", "U"),
    ("Ü", "UE"),
    ("ÝŸ", "Y"),
    ("ŹŻŽ", "Z"),
    ("Þ", "TH"),
];

/// Whether the parts could go over a port at all; the sentence says which part could not, and why.
pub fn fits(parts: &[Part], takes: &Takes) -> Result<(), String> {
    for part in parts {
        match (part, &takes.text) {
            (Part::Text { .. }, None) => return Err("the line carries no text".into()),
            (Part::Text { text }, Some(form)) => {
                let n = text.chars().count();
                if let Some((letter, others)) = strangers(text, &form.alphabet) {
                    let more = if others > 0 { format!(" and {others} others of the text") } else { String::new() };
                    return Err(format!("the line has no letter for `{letter}`{more}; write the text in letters it has"));
                }
                if n > form.longest {
                    let time = form.per_hour.map(|h| format!(" ({:.1} hours at line speed)", n as f64 / f64::from(h))).unwrap_or_default();
                    return Err(format!(
                        "the text has {n} characters{time} and the line takes {} at the most; send it in parts or raise `longest` in the station file",
                        form.longest
                    ));
                }
            }
            (Part::Page(blob), _) if !takes.pages => return Err(format!("the line carries no pages, and `{}` is one", blob.name)),
            (Part::File(blob), _) if !takes.files => return Err(format!("the line carries no files, and `{}` is one", blob.name)),
            (Part::Page(_) | Part::File(_), _) => {}
        }
    }
    Ok(())
}

/// The first letter that a line has not and nothing stands for, and how many more there are: such a text would be unreadable.
/// (Signs without a counterpart become `?`, and are counted among the edits.)
fn strangers(text: &str, alphabet: &Alphabet) -> Option<(char, usize)> {
    let strange =
        |c: &char| c.is_alphabetic() && !alphabet.has(*c) && !c.to_uppercase().all(|u| alphabet.has(u)) && substitute(*c).is_none();
    let mut found = text.chars().filter(strange);
    found.next().map(|first| (first, found.count()))
}

fn substitute(c: char) -> Option<&'static str> {
    let upper: String = c.to_uppercase().collect();
    SUBSTITUTES.iter().find(|(from, _)| from.contains(c) || from.contains(upper.as_str())).map(|(_, to)| *to)
}

/// Makes parts into what a port takes: all of them, or the reason why not.
pub fn convert(parts: &[Part], takes: &Takes) -> Result<(Vec<Part>, Vec<Edit>), String> {
    fits(parts, takes)?;
    let mut edits = Edits::default();
    let made = parts
        .iter()
        .map(|part| match (part, &takes.text) {
            (Part::Text { text }, Some(form)) => Part::Text { text: convert_text(text, form, &mut edits) },
            (other, _) => other.clone(),
        })
        .collect();
    Ok((made, edits.0))
}

/// Makes one line of text (a subject) into the form's characters.
pub fn convert_line(text: &str, form: &TextForm) -> String {
    let one_line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spell(&one_line, &form.alphabet, &mut Edits::default()).trim().to_owned()
}

#[derive(Default)]
struct Edits(Vec<Edit>);

impl Edits {
    /// Kinds listed apart; more than these are counted together, so that the list stays short.
    const KINDS: usize = 16;
    fn count(&mut self, what: String) {
        let full = self.0.len() >= Self::KINDS;
        let what = if full && !self.0.iter().any(|e| e.what == what) { "others".into() } else { what };
        match self.0.iter_mut().find(|e| e.what == what) {
            Some(edit) => edit.count += 1,
            None => self.0.push(Edit { what, count: 1 }),
        }
    }
}

fn convert_text(text: &str, form: &TextForm, edits: &mut Edits) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let spelt = spell(&text, &form.alphabet, edits);
    let mut out = String::with_capacity(spelt.len() + 16);
    for (i, line) in spelt.trim_end_matches('\n').split('\n').enumerate() {
        if i > 0 {
            out.push('\n');
        }
        // A line in clear text that ends in blanks prints the same without them.
        break_line(line.trim_end_matches(' '), form.columns, &mut out, edits);
    }
    out
}

fn spell(text: &str, alphabet: &Alphabet, edits: &mut Edits) -> String {
    let mut out = String::with_capacity(text.len());
    let mut raised = false;
    for c in text.chars() {
        if alphabet.has(c) {
            out.push(c);
            continue;
        }
        let upper: String = c.to_uppercase().collect();
        if upper.chars().all(|u| alphabet.has(u)) {
            raised = true;
            out.push_str(&upper);
        } else if let Some(to) = substitute(c) {
            edits.count(format!("{c} as {}", to.trim()));
            out.push_str(to);
        } else if c.is_control() || ('\u{300}'..='\u{36f}').contains(&c) || c == '\u{feff}' {
            edits.count(format!("U+{:04X} left out", u32::from(c)));
        } else {
            edits.count(format!("{c} as ?"));
            out.push('?');
        }
    }
    if raised {
        edits.count("upper case".into());
    }
    out
}

fn break_line(line: &str, columns: usize, out: &mut String, edits: &mut Edits) {
    let chars: Vec<char> = line.chars().collect();
    let mut from = 0;
    while chars.len() - from > columns {
        let room = &chars[from..from + columns + 1];
        // Break at the last blank that leaves something on the line, else in mid-word.
        let at = room.iter().rposition(|c| *c == ' ').filter(|at| *at > 0).unwrap_or(columns);
        let piece: String = chars[from..from + at].iter().collect();
        out.push_str(piece.trim_end_matches(' '));
        out.push('\n');
        from += at;
        while chars.get(from) == Some(&' ') {
            from += 1;
        }
        edits.count(format!("lines broken at {columns} columns"));
    }
    out.extend(&chars[from..]);
}

#[cfg(test)]
mod tests {
    use super::super::Blob;
    use super::*;

    fn teletype() -> Takes {
        let alphabet = Alphabet::Of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -?:().,'/+=".into());
        Takes {
            text: Some(TextForm { alphabet, twin: None, columns: 20, longest: 100, per_hour: Some(24_000) }),
            pages: false,
            files: false,
        }
    }
    fn text(s: &str) -> Vec<Part> {
        vec![Part::Text { text: s.into() }]
    }

    #[test]
    fn text_becomes_what_the_machine_has_and_every_change_is_listed() {
        let (parts, edits) = convert(&text("Dear “Nikita” — 5 % is é;\r\n\r\n"), &teletype()).unwrap();
        assert_eq!(parts, text("DEAR ''NIKITA'' - 5\nO/O IS E,"));
        let listed: Vec<String> = edits.iter().map(|e| format!("{} x{}", e.what, e.count)).collect();
        assert!(listed.contains(&"“ as '' x1".to_string()), "{listed:?}");
        assert!(listed.iter().any(|e| e.starts_with("upper case")) && listed.iter().any(|e| e.starts_with("é as E")));
        assert!(listed.contains(&"lines broken at 20 columns x1".to_string()));
    }

    #[test]
    fn what_a_machine_has_passes_unchanged() {
        let (parts, edits) = convert(&text("RYRY 123\n\n  A (B)"), &teletype()).unwrap();
        assert_eq!((parts, edits), (text("RYRY 123\n\n  A (B)"), vec![]));
    }

    #[test]
    fn a_word_longer_than_the_line_is_broken() {
        let (parts, _) = convert(&text(&"X".repeat(45)), &teletype()).unwrap();
        assert_eq!(parts, text(&format!("{0}\n{0}\nXXXXX", "X".repeat(20))));
    }

    #[test]
    fn too_long_a_text_is_refused_with_its_hours() {
        let why = convert(&text(&"X".repeat(48_000)), &teletype()).unwrap_err();
        assert!(why.contains("48000 characters (2.0 hours at line speed)"), "{why}");
    }

    #[test]
    fn a_text_in_letters_the_line_has_not_is_refused_and_not_spoilt() {
        let why = convert(&text("Привет, café"), &teletype()).unwrap_err();
        assert!(why.contains("no letter for `П` and 5 others"), "{why}");
        let (parts, edits) = convert(&text("10 € → 5 ♥"), &teletype()).unwrap();
        assert_eq!(parts, text("10 EUR  ? 5 ?"));
        assert!(edits.iter().any(|e| e.what == "→ as ?"), "{edits:?}");
    }

    #[test]
    fn pages_and_files_are_refused_by_name() {
        let blob = Blob { sha256: "0".repeat(64), name: "map.png".into(), media_type: "image/png".into(), size: 1 };
        assert!(convert(&[Part::Page(blob.clone())], &teletype()).unwrap_err().contains("`map.png`"));
        assert!(convert(&[Part::File(blob)], &Takes::everything()).is_ok());
    }
}

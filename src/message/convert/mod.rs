//! Conversion: makes the parts of a message into what a port takes, and lists every change.
//!
//! Standards: those of the tables (`tables`; Cyrillic to Latin by ICAO Doc 9303).
//! In: parts and a [`Takes`]. Out: parts and [`Edit`]s, or one sentence why it cannot be done.
//! Left out: pages to text and text to pages (with the fax). Shown by: `message::convert::tests`.

mod spell;
pub mod tables;

pub use spell::Edit;

use super::{Blob, Message, Part, Twin};
use spell::{Edits, read_back, spell, strangers};

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

/// What a line that carries pages and no files can make pages of (see `fax::kind`).
const DRAWN: [&str; 12] = [
    "application/pdf",
    "image/tiff",
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/bmp",
    "image/x-ms-bmp",
    "image/webp",
    "image/x-portable-bitmap",
    "image/x-portable-graymap",
    "image/x-portable-pixmap",
    "image/x-portable-anymap",
];

/// Whether the parts could go over a port at all; the sentence says which part could not, and why.
pub fn fits(parts: &[Part], takes: &Takes) -> Result<(), String> {
    for part in parts {
        match (part, &takes.text) {
            (Part::Text { .. }, None) => return Err("the line carries no text".into()),
            (Part::Text { text }, Some(form)) => {
                if let Some((letter, others)) = strangers(text, &form.alphabet) {
                    let more = if others > 0 { format!(" and {others} others of the text") } else { String::new() };
                    return Err(format!("the line has no letter for `{letter}`{more}; write the text in letters it has"));
                }
                too_long(text, form)?;
            }
            (Part::Page(Blob { name, media_type, .. }), _) if !takes.pages => {
                return Err(format!("the line carries no pages, and `{name}` ({media_type}) is one"));
            }
            (Part::Page(Blob { name, media_type, .. }), _) if !takes.files && !DRAWN.contains(&media_type.as_str()) => {
                return Err(format!(
                    "`{name}` ({media_type}) is of no kind that can be made into pages; send it as PDF, png, jpeg or tiff"
                ));
            }
            (Part::File(Blob { name, media_type, .. }), _) if !takes.files => {
                let instead = if takes.pages { "text, PDF or a picture" } else { "text" };
                return Err(format!("the line carries no files, and `{name}` ({media_type}) is one; send what is in it as {instead}"));
            }
            (Part::Page(_) | Part::File(_), _) => {}
        }
    }
    Ok(())
}

/// Refuses a text that is longer than the line takes, or is so once it is spelt for it (Щ as SHCH); line feeds do not count.
fn too_long(text: &str, form: &TextForm) -> Result<(), String> {
    let given = text.chars().count();
    let (n, spelt) = if given > form.longest {
        (given, "")
    } else {
        let made = convert_text(text, form, &mut Edits::default());
        (made.chars().filter(|c| *c != '\n').count(), " as the line spells it")
    };
    if n <= form.longest {
        return Ok(());
    }
    let time = form.per_hour.map(|h| format!(" ({:.1} hours at line speed)", n as f64 / f64::from(h))).unwrap_or_default();
    Err(format!(
        "the text has {n} characters{spelt}{time} and the line takes {} at the most; send it in parts or raise `longest` in the station file",
        form.longest
    ))
}

/// A message as a printer of this form can show it: what it has no means for is named in its place, so that nothing is kept from a desk.
pub fn printable(mut message: Message, takes: &Takes) -> Message {
    let id = message.identity.clone();
    for part in &mut message.content {
        let why = match (fits(std::slice::from_ref(part), takes), &part) {
            (Ok(()), _) => continue,
            (Err(why), Part::Text { .. }) => format!("the text cannot be printed here: {why}"),
            (Err(_), Part::Page(blob) | Part::File(blob)) => {
                format!("{} ({}, {} bytes) came with this message and cannot be printed here", blob.name, blob.media_type, blob.size)
            }
        };
        // Said in letters that every machine has.
        let said: String = format!("{why}; look for {id} at the station").chars().map(|c| if c.is_ascii() { c } else { '?' }).collect();
        *part = Part::Text { text: said };
    }
    message
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
    convert_subject(text, form).0
}

/// The same, with what was changed, told as of the subject.
pub fn convert_subject(text: &str, form: &TextForm) -> (String, Vec<Edit>) {
    let one_line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut edits = Edits::default();
    let spelt = spell(&one_line, form, &mut edits).trim().to_owned();
    let read = read_back(spelt, form, &mut edits);
    edits.0.iter_mut().for_each(|edit| edit.what.insert_str(0, "subject: "));
    (read, edits.0)
}

fn convert_text(text: &str, form: &TextForm, edits: &mut Edits) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let spelt = spell(&text, form, edits);
    let mut out = String::with_capacity(spelt.len() + 16);
    for (i, line) in spelt.trim_end_matches('\n').split('\n').enumerate() {
        if i > 0 {
            out.push('\n');
        }
        // A line in clear text that ends in blanks prints the same without them.
        break_line(line.trim_end_matches(' '), form.columns, &mut out, edits);
    }
    read_back(out, form, edits)
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
        edits.kind(&format!("lines broken at {columns} columns"), 1, None);
    }
    out.extend(&chars[from..]);
}

#[cfg(test)]
mod tests;

//! Conversion: makes the parts of a message into what a port takes, and lists every change.
//!
//! Standards: those of the tables (`tables`; Cyrillic to Latin by ICAO Doc 9303).
//! In: parts and a [`Takes`]. Out: parts and [`Edit`]s, or one sentence why it cannot be done.
//! Left out: pages to text and text to pages (with the fax). Shown by: `message::convert::tests`, `docs/gateways.md`.

mod leave;
mod spell;
pub mod tables;

pub use leave::{Attachments, foreseen, from_receipt, into_receipt, writer};
pub use spell::Edit;

use super::{Blob, Envelope, Message, Part, Twin, is_text};
use leave::blob;
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
    /// What becomes of parts that it cannot carry.
    pub attachments: Attachments,
    /// Whether the medium has a cover of its own, on which it says what was left out and who wrote a mail; else the text says it.
    pub cover: bool,
}

impl Takes {
    /// Texts in this form, and nothing else.
    pub fn texts(form: TextForm) -> Takes {
        Takes { text: Some(form), ..Takes::default() }
    }
    /// Everything, unchanged.
    pub fn everything() -> Takes {
        let text = TextForm { alphabet: Alphabet::Any, twin: None, columns: usize::MAX, longest: usize::MAX, per_hour: None };
        Takes { pages: true, files: true, ..Takes::texts(text) }
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

/// Characters of a subject that a line on paper carries; mails have longer ones.
const SUBJECT: usize = 200;
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

/// Whether the parts could go over a port as they are; the sentence says which part could not, and why.
pub fn fits(parts: &[Part], takes: &Takes) -> Result<(), String> {
    parts.iter().try_for_each(|part| match part {
        Part::Text { text } => text_fits(text, takes),
        Part::Page(blob) if !takes.pages => Err(format!(
            "the line carries no pages, and `{}` ({}) is one; send it by a route with a fax or an e-mail port",
            blob.name, blob.media_type
        )),
        Part::Page(blob) if !takes.files && !DRAWN.contains(&blob.media_type.as_str()) => Err(format!(
            "`{}` ({}) is of no kind that can be made into pages; send it as PDF, png, jpeg or tiff",
            blob.name, blob.media_type
        )),
        Part::File(Blob { name, media_type, .. }) if !(takes.files || takes.pages && is_text(media_type)) => {
            let instead = if takes.pages { "text, PDF or a picture" } else { "text" };
            Err(format!("the line carries no files, and `{name}` ({media_type}) is one; send what is in it as {instead}, or by a route with an e-mail port"))
        }
        Part::Page(_) | Part::File(_) => Ok(()),
    })
}

fn text_fits(text: &str, takes: &Takes) -> Result<(), String> {
    let form = takes.text.as_ref().ok_or("the line carries no text")?;
    if let Some((letter, others)) = strangers(text, &form.alphabet) {
        let more = match others {
            0 => String::new(),
            1 => " and 1 other of the text".into(),
            _ => format!(" and {others} others of the text"),
        };
        return Err(format!("the line has no letter for `{letter}`{more}; write the text in letters it has"));
    }
    too_long(text, form)
}

/// Whether a message of these parts may go over a port: its texts must fit, and so must the rest unless it is left out (see [`Attachments`]).
pub fn admits(envelope: &Envelope, parts: &[Part], takes: &Takes) -> Result<(), String> {
    let texts = |part: &&Part| !takes.names(envelope) || blob(part).is_none();
    parts.iter().filter(texts).try_for_each(|part| fits(std::slice::from_ref(part), takes))
}

/// Whether a port would leave something of a message out.
pub fn lessens(message: &Message, takes: &Takes) -> bool {
    let mut rest = message.content.iter().filter(|part| blob(part).is_some());
    takes.names(&message.envelope) && rest.any(|part| fits(std::slice::from_ref(part), takes).is_err())
}

/// Refuses a text that is longer than the line takes, or is so once it is spelt for it (Щ as SHCH); line feeds do not count.
fn too_long(text: &str, form: &TextForm) -> Result<(), String> {
    if form.longest == usize::MAX {
        return Ok(());
    }
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

/// A message as a printer of this form can show it: what it has no means for is named below the text, so that nothing is kept from a desk.
pub fn printable(mut message: Message, takes: &Takes) -> Message {
    let unfit = |part: &Part| fits(std::slice::from_ref(part), takes).err();
    let id = message.identity.clone();
    for part in &mut message.content {
        if let (Some(why), None) = (unfit(part), blob(part)) {
            // Said in letters that every machine has.
            let said = format!("the text cannot be printed here: {why}; look for {id} at the station");
            *part = Part::Text { text: said.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect() };
        }
    }
    let (left_out, kept): (Vec<Part>, _) = message.content.into_iter().partition(|part| unfit(part).is_some());
    message.content = kept;
    if let (false, Some(form)) = (left_out.is_empty(), &takes.text) {
        let said = leave::not_printed(&left_out.iter().filter_map(blob).collect::<Vec<_>>(), &id);
        message.content.push(Part::Text { text: convert_text(&said, form, &mut Edits::default()) });
    }
    message
}

/// Makes a message into what a port takes: its texts and subject in the line's letters; what the line cannot carry is left out and named
/// where the port's setting says so; who wrote a stranger's mail stands above the text. Every change is listed. Or the reason why it cannot go.
pub fn convert_message(mut message: Message, takes: &Takes) -> Result<(Message, Vec<Edit>), String> {
    admits(&message.envelope, &message.content, takes)?;
    let Some(form) = &takes.text else { return Ok((message, vec![])) };
    let mut edits = Edits::default();
    let (kept, left_out): (Vec<Part>, Vec<Part>) =
        message.content.iter().cloned().partition(|part| blob(part).is_none() || fits(std::slice::from_ref(part), takes).is_ok());
    let left_out: Vec<&Blob> = left_out.iter().filter_map(blob).collect();
    let said = |text: String| Part::Text { text: convert_text(&text, form, &mut Edits::default()) };
    if !takes.cover && !takes.files {
        let writer = writer(&message).map(|writer| said(format!("BY MAIL FROM {}", in_letters(&writer, form))));
        let named = (!left_out.is_empty()).then(|| said(leave::not_sent(&left_out)));
        let texts = kept.iter().map(|part| converted(part, form, &mut edits)).collect::<Vec<_>>();
        message.content = writer.into_iter().chain(texts).chain(named).collect();
    } else {
        message.content = message.content.iter().map(|part| converted(part, form, &mut edits)).collect();
    }
    let mut edits = edits.0;
    edits.extend(leave::edits(&left_out));
    if !takes.files && message.envelope.subject.chars().count() > SUBJECT {
        message.envelope.subject = message.envelope.subject.chars().take(SUBJECT).collect();
        edits.push(Edit { what: format!("subject: cut to {SUBJECT} characters"), count: 1, example: None, left_out: false });
    }
    let (subject, changes) = convert_subject(&message.envelope.subject, form);
    message.envelope.subject = subject;
    edits.extend(changes);
    Ok((message, edits))
}

fn converted(part: &Part, form: &TextForm, edits: &mut Edits) -> Part {
    match part {
        Part::Text { text } => Part::Text { text: convert_text(text, form, edits) },
        Part::Page(_) | Part::File(_) => part.clone(),
    }
}

/// The sign in a mail address so that it is not taken for a word.
fn in_letters(address: &str, form: &TextForm) -> String {
    if form.alphabet.has('@') { address.to_owned() } else { address.replace('@', "(AT)") }
}

/// Makes parts into what a port takes: all of them, or the reason why not.
pub fn convert(parts: &[Part], takes: &Takes) -> Result<(Vec<Part>, Vec<Edit>), String> {
    fits(parts, takes)?;
    let mut edits = Edits::default();
    let made = parts.iter().map(|part| takes.text.as_ref().map_or_else(|| part.clone(), |form| converted(part, form, &mut edits)));
    let made = made.collect();
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

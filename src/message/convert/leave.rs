//! What becomes of parts that a line cannot carry: named in the text, or the message is refused.
//!
//! Standards: none; the words are ours (`docs/gateways.md`). In: parts, what a port takes. Out: lines for the paper, [`Edit`]s for the sender.
//! Bounded: [`MOST`] parts are named apart. Left out: texts, which are never left out. Shown by: the tests below, `message::convert::tests`.

use super::{Edit, Takes};
use crate::message::{Blob, Envelope, Identity, Message, Part};
use serde::Deserialize;

/// Parts that are named apart; of more their number is told.
const MOST: usize = 20;
/// Characters of a writer's name and address.
const WRITER: usize = 200;

/// What becomes of parts that a line cannot carry. (Unset in a station file: the first.)
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Attachments {
    /// Named where the message came as a mail; else it is refused, since whoever hands it in can be told at once.
    #[default]
    #[serde(skip)]
    AsItCame,
    /// Named.
    Name,
    /// The message is refused.
    Refuse,
}

impl Attachments {
    /// Whether parts of a message in this envelope that cannot be carried are named.
    pub fn named(self, envelope: &Envelope) -> bool {
        match self {
            Attachments::AsItCame => envelope.post.is_some(),
            Attachments::Name => true,
            Attachments::Refuse => false,
        }
    }
}

impl Takes {
    /// The same, of a port: there must be a text to name them in.
    pub(super) fn names(&self, envelope: &Envelope) -> bool {
        self.text.is_some() && self.attachments.named(envelope)
    }
}

/// The file of a part that is none of text.
pub(super) fn blob(part: &Part) -> Option<&Blob> {
    match part {
        Part::Text { .. } => None,
        Part::Page(blob) | Part::File(blob) => Some(blob),
    }
}

/// One line for each, and one for those beyond [`MOST`].
fn each(blobs: &[&Blob], line: impl Fn(&str) -> String) -> Vec<String> {
    let mut lines: Vec<String> = blobs.iter().take(MOST).map(|blob| line(&blob.shown())).collect();
    if blobs.len() > MOST {
        lines.push(line(&format!("{} more", blobs.len() - MOST)));
    }
    lines
}

/// The sender is told so.
pub(super) fn edits(left_out: &[&Blob]) -> Vec<Edit> {
    let edit = |what: String| Edit { what, count: 1, example: None, left_out: true };
    each(left_out, |shown| format!("left out: {shown}")).into_iter().map(edit).collect()
}

/// Stands before each part in a receipt that names what showed only when it was drawn that it cannot be carried.
const IN_RECEIPT: &str = "; left out: ";

/// The parts of a message that a port cannot carry, as that shows before anything is drawn: the sender is told of all by edits.
pub fn foreseen(message: &Message, takes: &Takes) -> Vec<String> {
    let unfit = message.content.iter().filter(|part| super::fits(std::slice::from_ref(part), takes).is_err());
    unfit.filter_map(blob).map(Blob::shown).collect()
}

/// The parts that edits name.
fn names(told: &[Edit]) -> impl Iterator<Item = &str> {
    told.iter().filter(|edit| edit.left_out).filter_map(|edit| edit.what.strip_prefix("left out: "))
}

/// Whether they name this part, which stands with its reason.
fn is_told<'a>(what: &str, mut told: impl Iterator<Item = &'a str>) -> bool {
    told.any(|told| what.strip_prefix(told).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')))
}

/// How many parts a line tells of that names none.
fn more(what: &str) -> Option<usize> {
    what.strip_suffix(" more")?.parse().ok()
}

/// A receipt that names such parts, with the reasons: first those that were not `foreseen`, and of very many the number of the rest.
pub fn into_receipt(receipt: &mut String, left_out: &[String], foreseen: &[String]) {
    let (known, new): (Vec<&String>, Vec<&String>) = left_out.iter().partition(|what| is_told(what, foreseen.iter().map(String::as_str)));
    new.into_iter().chain(known).take(MOST).for_each(|what| *receipt += &format!("{IN_RECEIPT}{what}"));
    if left_out.len() > MOST {
        *receipt += &format!("{IN_RECEIPT}{} more", left_out.len() - MOST);
    }
}

/// The parts that a receipt names or counts, but for those that the sender is told of already.
pub fn from_receipt(receipt: &str, told: &[Edit]) -> Vec<Edit> {
    let mut named: Vec<&str> = receipt.split(IN_RECEIPT).skip(1).take(MOST + 1).collect();
    let counted = named.last().and_then(|last| more(last));
    named.truncate(named.len() - usize::from(counted.is_some()));
    let (known, new): (Vec<&str>, Vec<&str>) = named.into_iter().partition(|what| is_told(what, names(told)));
    let all_told: usize = names(told).map(|what| more(what).unwrap_or(1)).sum();
    let untold = counted.unwrap_or(0).saturating_sub(all_told.saturating_sub(known.len()));
    let rest = (untold > 0).then(|| format!("{untold} more"));
    let lines = new.into_iter().map(str::to_owned).chain(rest);
    lines.map(|what| Edit { what: format!("left out: {what}"), count: 1, example: None, left_out: true }).collect()
}

/// What the far end reads below the text.
pub(super) fn not_sent(left_out: &[&Blob]) -> String {
    each(left_out, |shown| format!("ATTACHMENT NOT SENT: {shown}")).join("\n")
}

/// What a desk reads below the text: there the file is not far.
pub(super) fn not_printed(left_out: &[&Blob], id: &Identity) -> String {
    let mut lines = each(left_out, |shown| format!("ATTACHMENT NOT PRINTED: {shown}"));
    lines.push(format!("LOOK FOR {id} AT THE STATION"));
    lines.join("\n")
}

/// Who wrote a stranger's mail, as its line can be read on paper; `None` of any other message.
pub fn writer(message: &Message) -> Option<String> {
    let post = message.envelope.post.as_ref().filter(|post| post.notice.is_none())?;
    if message.envelope.from.station == message.identity.station {
        return None; // a desk of this station, which the heading names
    }
    let written = [&post.writer, &post.reverse_path].into_iter().find(|w| !w.trim().is_empty())?;
    let line: String = written.trim().chars().take(WRITER).map(|c| if c.is_control() { ' ' } else { c }).collect();
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_very_many_parts_the_number_is_told() {
        let blob = |n: usize| Blob { sha256: String::new(), name: format!("{n}.zip"), media_type: "application/zip".into(), size: 9 };
        let blobs: Vec<Blob> = (0..1000).map(blob).collect();
        let all: Vec<&Blob> = blobs.iter().collect();
        let told = not_sent(&all);
        assert_eq!(told.lines().count(), MOST + 1);
        assert!(told.starts_with("ATTACHMENT NOT SENT: 0.zip (application/zip, 9 bytes)\n") && told.ends_with("NOT SENT: 980 more"));
        let edits = edits(&all);
        assert!(edits.len() == MOST + 1 && edits.iter().all(|e| e.left_out && e.to_string().starts_with("left out: ")));
        assert_eq!(edits[0].to_string(), "left out: 0.zip (application/zip, 9 bytes)");
        let (mut receipt, locked) = ("MCF".to_owned(), "a.pdf (application/pdf, 9 bytes): it is locked; unlock it");
        into_receipt(
            &mut receipt,
            &["0.zip (application/zip, 9 bytes): it has no pages".into(), locked.into()],
            &blobs.iter().map(Blob::shown).collect::<Vec<_>>(),
        );
        let more: Vec<String> = from_receipt(&receipt, &edits).iter().map(ToString::to_string).collect();
        assert_eq!(more, [format!("left out: {locked}")], "each once");
    }

    /// The lines of a receipt, and what is told of it besides the edits: `zips` were left out before drawing and `pdfs` in drawing.
    fn told(zips: usize, pdfs: usize) -> (Vec<String>, Vec<String>) {
        let zip = |n| Blob { sha256: String::new(), name: format!("{n}.zip"), media_type: "application/zip".into(), size: 9 };
        let blobs: Vec<Blob> = (0..zips).map(zip).collect();
        let edits = edits(&blobs.iter().collect::<Vec<_>>());
        let drawn = blobs.iter().map(|blob| format!("{}: it has no pages", blob.shown()));
        let broken = (0..pdfs).map(|n| format!("{n}.pdf (application/pdf, 9 bytes): it is broken"));
        let mut receipt = "MCF".to_owned();
        into_receipt(&mut receipt, &drawn.chain(broken).collect::<Vec<_>>(), &blobs.iter().map(Blob::shown).collect::<Vec<_>>());
        let lines = receipt.split(IN_RECEIPT).skip(1).map(str::to_owned).collect();
        (lines, from_receipt(&receipt, &edits).iter().map(ToString::to_string).collect())
    }

    #[test]
    fn behind_twenty_parts_that_are_told_the_next_is_told_too() {
        let pdf = |n: usize| format!("{n}.pdf (application/pdf, 9 bytes): it is broken");
        for zips in [20, 30, 100] {
            let (receipt, besides) = told(zips, 1);
            assert_eq!((receipt.len(), &receipt[0], &receipt[MOST]), (MOST + 1, &pdf(0), &format!("{} more", zips + 1 - MOST)));
            assert_eq!(besides, [format!("left out: {}", pdf(0))], "the rest is told by the edits");
        }
        let (_, besides) = told(30, 25);
        assert_eq!((besides.len(), besides[MOST].as_str()), (MOST + 1, "left out: 5 more"));
        assert_eq!((told(0, 20).1.len(), told(1000, 0).1), (20, vec![]));
    }

    #[test]
    fn a_file_called_like_a_number_of_files_is_told_apart() {
        assert!(!is_told("5 more.pdf (application/pdf, 9 bytes): it is broken", std::iter::once("5 more")));
    }
}

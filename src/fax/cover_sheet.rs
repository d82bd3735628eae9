//! The cover sheet over a mail's pages: who wrote it, which page has what, and what was not printed.
//!
//! Standards: none; ours (`docs/gateways.md`). In: a message, what its pages are, what was left out. Out: its text, set as a letter.
//! Bounded: `MOST` lines of either list. Left out: the pages (see `composing`). Shown by: the tests below, `tests/it/gateways.rs`.

use super::pages::letterhead;
use crate::message::convert::{Attachments, writer};
use crate::message::{Message, Part};

/// Pages of a cover sheet: two lists of lines that take three at the most each.
pub const MOST_PAGES: usize = 4;
/// Lines of a list; of more their number is told.
const MOST: usize = 20;
/// Characters of a line of a list.
const LINE: usize = 200;

/// Pages that belong together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// What they are.
    pub what: String,
    /// How many.
    pub pages: usize,
}

/// Whether a message goes under a cover sheet: a stranger's mail, and what may come with parts that are named instead of printed (by the rule
/// that it was admitted by).
pub fn has(message: &Message, attachments: Attachments) -> bool {
    let parts = || message.content.iter().any(|part| !matches!(part, Part::Text { .. }));
    writer(message).is_some() || attachments.named(&message.envelope) && parts()
}

/// The sheet's text; it has `own` pages itself.
pub fn text(message: &Message, listed: &[Listed], left_out: &[String], own: usize) -> String {
    let head = letterhead(&message.identity, &message.envelope);
    let head = match writer(message) {
        Some(writer) => {
            let from = format!("From:     {}\n", message.envelope.from);
            head.replacen(&from, &format!("From:     {writer}\nAnswer:   {}\n", message.envelope.from), 1)
        }
        None => head,
    };
    let all: usize = own + listed.iter().map(|l| l.pages).sum::<usize>();
    let mut lines = vec![format!("Pages:    {all}, this one included"), String::new()];
    let mut at = own;
    for Listed { what, pages } in listed.iter().take(MOST) {
        let span = if *pages == 1 { format!("{}", at + 1) } else { format!("{}-{}", at + 1, at + pages) };
        lines.push(format!("  {span:<8}{}", cut(what)));
        at += pages;
    }
    if listed.len() > MOST {
        lines.push(format!("  {:<8}{} more", format!("{}-{all}", at + 1), listed.len() - MOST));
    }
    if !left_out.is_empty() {
        lines.extend([String::new(), "NOT PRINTED:".into(), String::new()]);
        lines.extend(left_out.iter().take(MOST).map(|what| format!("  {}", cut(what))));
        if left_out.len() > MOST {
            lines.push(format!("  {} more", left_out.len() - MOST));
        }
    }
    head.trim_end_matches('\n').to_owned() + "\n" + &lines.join("\n") + "\n"
}

/// What the sender could do stands behind a semicolon, and is not for the reader.
fn cut(what: &str) -> String {
    what.split("; ").next().unwrap_or_default().chars().take(LINE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Blob, Class, Envelope, Post, Precedence};

    fn mail() -> Message {
        let post = Post { writer: "Alice Example <alice@example.org>".into(), ..Post::default() };
        let envelope = Envelope {
            from: "alice@mail".parse().unwrap(),
            to: "operator@moscow".parse().unwrap(),
            precedence: Precedence::Routine,
            class: Class::Message,
            subject: "The maps".into(),
            via: vec![],
            post: Some(Box::new(post)),
        };
        Message { identity: "WASHINGTON-0007-20081030T1600Z".parse().unwrap(), envelope, content: vec![] }
    }

    #[test]
    fn a_sheet_says_who_wrote_which_page_is_what_and_what_is_not_there() {
        let listed = [("the text", 2), ("map.pdf (application/pdf, 99 bytes)", 1)].map(|(w, pages)| Listed { what: w.into(), pages });
        let left_out = vec!["a.zip (application/zip, 5 bytes): it has no pages; send it unpacked".into()];
        assert_eq!(
            text(&mail(), &listed, &left_out, 1),
            "WASHINGTON-0007-20081030T1600Z    ROUTINE\n\n\
             From:     Alice Example <alice@example.org>\nAnswer:   alice@mail\nTo:       operator@moscow\nSubject:  The maps\n\
             Pages:    4, this one included\n\n  2-3     the text\n  4       map.pdf (application/pdf, 99 bytes)\n\n\
             NOT PRINTED:\n\n  a.zip (application/zip, 5 bytes): it has no pages\n"
        );
    }

    #[test]
    fn only_a_mail_has_one_unless_attachments_are_named() {
        let other = Message { envelope: Envelope { post: None, ..mail().envelope }, ..mail() };
        assert!(has(&mail(), Attachments::AsItCame) && !has(&other, Attachments::AsItCame) && !has(&other, Attachments::Name));
    }

    #[test]
    fn whatever_may_be_named_has_a_sheet_to_name_it_on_also_if_a_desk_here_or_nobody_wrote_it() {
        let blob = Blob { sha256: String::new(), name: "a.zip".into(), media_type: "application/zip".into(), size: 5 };
        let nobody = Envelope { post: Some(Box::default()), ..mail().envelope };
        let desk = Envelope { from: "operator@washington".parse().unwrap(), ..mail().envelope };
        let station = Envelope { post: None, ..mail().envelope };
        for envelope in [nobody, desk, station] {
            let bare = Message { envelope, ..mail() };
            let message = Message { content: vec![Part::File(blob.clone())], ..bare.clone() };
            for attachments in [Attachments::AsItCame, Attachments::Name, Attachments::Refuse] {
                assert_eq!(has(&message, attachments), attachments.named(&message.envelope), "{attachments:?}: {:?}", message.envelope);
                assert!(!has(&bare, attachments));
            }
        }
    }
}

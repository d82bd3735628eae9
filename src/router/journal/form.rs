//! The form of a message in the journal: JSON; a text that its mail has word for word as well stands there once.
//!
//! Standards: JSON (RFC 8259). In: a message, or what was written of one. Out: the text of a row's `content`, or the message as it was.
//! A mail for a station is there twice, as a text and as it came (`post.mail`), and most are nothing but a heading and that text.
//! Left out: the row's other columns (`sqlite`). Shown by: the tests below, `tests/it/journal.rs`.

use crate::message::{AsCame, Message, Part};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A message whose mail is left out: it is what stands before the text of the first part, that text, and what stands behind it.
#[derive(Serialize, Deserialize)]
struct Around<'a> {
    #[serde(borrow)]
    around: (Cow<'a, str>, Cow<'a, str>),
    message: Cow<'a, Message>,
}

/// How a row begins that is in this form; any other is the message itself.
const BEGINS: &str = "{\"around\":";
/// A shorter text is not worth it.
const SHORT: usize = 64;

/// A message as it stands in a row.
pub(super) fn write(message: &Message) -> serde_json::Result<String> {
    let Some(around) = around(message) else { return serde_json::to_string(message) };
    let (before, after) = (Cow::Borrowed(around.0), Cow::Borrowed(around.1));
    let mut message = message.clone();
    if let Some(post) = &mut message.envelope.post {
        post.mail = None;
    }
    serde_json::to_string(&Around { around: (before, after), message: Cow::Owned(message) })
}

/// The message of a row.
pub(super) fn read(json: &str) -> serde_json::Result<Message> {
    if !json.starts_with(BEGINS) {
        return serde_json::from_str(json);
    }
    let Around { around: (before, after), message } = serde_json::from_str(json)?;
    let mut message = message.into_owned();
    let mail = first_text(&message).map(|text| [&*before, &text.replace('\n', "\r\n"), &*after].concat());
    if let Some(post) = &mut message.envelope.post {
        post.mail = mail.map(AsCame::Short);
    }
    Ok(message)
}

fn first_text(message: &Message) -> Option<&str> {
    match message.content.first()? {
        Part::Text { text } => Some(text),
        Part::Page(_) | Part::File(_) => None,
    }
}

/// What stands before and behind the text of the first part in its mail, if the mail's body begins with that text.
fn around(message: &Message) -> Option<(&str, &str)> {
    let AsCame::Short(mail) = message.envelope.post.as_ref()?.mail.as_ref()? else { return None };
    let text = first_text(message).filter(|text| text.len() >= SHORT)?;
    let body = mail.find("\r\n\r\n")? + 4;
    let mut rest = &mail[body..];
    for (n, line) in text.split('\n').enumerate() {
        rest = if n == 0 { rest } else { rest.strip_prefix("\r\n")? }.strip_prefix(line)?;
    }
    Some((&mail[..body], rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Class, Envelope, Post, Precedence};

    fn came(text: &str, mail: &str) -> Message {
        let post = Post { reverse_path: "a@example.org".into(), mail: Some(AsCame::Short(mail.into())), ..Post::default() };
        let envelope = Envelope {
            from: "alice@mail".parse().unwrap(),
            to: "operator@moscow".parse().unwrap(),
            precedence: Precedence::Routine,
            class: Class::Message,
            subject: "SUBJECT".into(),
            via: vec![],
            post: Some(Box::new(post)),
        };
        let text = text.to_owned();
        Message { identity: "WASHINGTON-0001-19630830T1600Z".parse().unwrap(), envelope, content: vec![Part::Text { text }] }
    }

    #[test]
    fn a_mail_is_read_back_octet_for_octet_and_its_text_is_written_once() {
        let line = "THE QUICK BROWN FOX JUMPED OVER THE LAZY DOG'S BACK 1234567890";
        let [text, crlf] = ["\n", "\r\n"].map(|end| [line; 60].join(end));
        for (ends, once) in [("", true), ("\r\n", true), ("\r\n\r\n-- \r\nK. Ö.\r\n", true), ("\n", true), ("\r", true)] {
            let message = came(&text, &format!("Subject: A\r\n\r\n{crlf}{ends}"));
            let json = write(&message).unwrap();
            assert_eq!(read(&json).unwrap(), message, "{ends:?}");
            assert_eq!(json.matches("LAZY DOG").count(), if once { 60 } else { 120 }, "{ends:?}");
        }
    }

    #[test]
    fn a_mail_that_has_its_text_otherwise_is_written_whole() {
        let text = "A LINE THAT IS LONG ENOUGH TO BE WORTH IT, AND SOME MORE OF IT\nAND A SECOND ONE";
        let crlf = text.replace('\n', "\r\n");
        let quoted = format!("A: B\r\n\r\n{}", crlf.replace(' ', "=20"));
        let within = format!("A: B\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\n{crlf}\r\n--x--\r\n");
        let bare = format!("A: B\r\n\r\n{text}\r\n");
        let no_head = format!("A: B\r\n{crlf}\r\n");
        for mail in [&quoted, &within, &bare, &no_head, "", &crlf[..40]] {
            let message = came(text, mail);
            let json = write(&message).unwrap();
            assert!(!json.starts_with(BEGINS), "{mail:?}");
            assert_eq!(read(&json).unwrap(), message, "{mail:?}");
        }
    }

    #[test]
    fn a_message_without_mail_is_written_as_it_is() {
        let mut message = came(&"X".repeat(100), "");
        message.envelope.post = None;
        assert_eq!(write(&message).unwrap(), serde_json::to_string(&message).unwrap());
        assert_eq!(read(&write(&message).unwrap()).unwrap(), message);
    }
}

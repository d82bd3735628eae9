//! A text part as a message's text.
//!
//! Standards: RFC 2046 4.1 (charset, line ends), RFC 3676 (flowed). In: a part's head and bytes. Out: text in lines parted by LF.
//! Left out: markup other than HTML. Shown by: `email::mime::tests`.

use super::head::Head;
use super::own::Kind;
use super::{Notes, attached, flowed};
use crate::message::{charset, html};

/// The text of a part of ours: exactly as it was sent.
pub(super) fn exact(head: &Head, body: &[u8]) -> Option<String> {
    let own = head.own.as_ref().is_some_and(|o| o.kind == Kind::Text);
    let text = own.then(|| String::from_utf8(decoded(head, body).0).ok())??;
    Some(text.replace("\r\n", "\n"))
}

/// The text of a stranger's part: its charset read, HTML as text, flowed lines joined, control characters left out.
pub(super) fn readable(head: &Head, body: &[u8], notes: &mut Notes) -> String {
    let (bytes, bad) = decoded(head, body);
    if bad > 0 {
        notes.say(format!("a text with {bad} damaged signs in its transfer encoding"));
    }
    let (text, note) = charset::text(&bytes, head.charset.as_deref());
    note.into_iter().for_each(|n| notes.say(n));
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n").replace('\r', "\n");
    let text = match head.media_type.as_str() {
        "text/html" => html::to_text(&text),
        _ if head.flowed => flowed::joined(&text, head.delsp),
        _ => text,
    };
    let before = text.len();
    let plain = |b: u8| matches!(b, b'\n' | b'\t' | b' '..=b'~');
    if text.bytes().all(plain) {
        return text.trim_end_matches('\n').to_owned(); // most are: not looked at sign by sign
    }
    let kept: String = text.chars().filter(|c| matches!(c, '\n' | '\t') || !c.is_control()).collect();
    if kept.len() < before {
        notes.say(format!("{} control characters left out of a text", before - kept.len()));
    }
    kept.trim_end_matches('\n').to_owned()
}

/// The text of a part for a machine's eyes (a delivery report): decoded, as UTF-8 or what stands for it.
pub(super) fn lossy(head: &Head, body: &[u8]) -> String {
    charset::text(&decoded(head, body).0, head.charset.as_deref()).0.replace("\r\n", "\n")
}

fn decoded(head: &Head, body: &[u8]) -> (Vec<u8>, usize) {
    let mut bytes = Vec::with_capacity(body.len());
    let bad = attached::each(body, head.coding, |piece| {
        bytes.extend_from_slice(piece);
        Ok::<(), std::convert::Infallible>(())
    });
    (bytes, bad.unwrap_or(0))
}

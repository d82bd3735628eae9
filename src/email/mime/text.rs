//! A text part as a message's text.
//!
//! Standards: RFC 2046 4.1 (charset, line ends), RFC 3676 (flowed). In: a part's head and bytes. Out: text in lines parted by LF.
//! Left out: markup other than HTML. Shown by: `email::mime::tests`.

use super::head::{Coding, Head};
use super::own::Kind;
use super::{Notes, attached, flowed};
use crate::message::{charset, html};
use std::borrow::Cow;

/// The text of a part of ours: exactly as it was sent.
pub(super) fn exact(head: &Head, body: &[u8]) -> Option<String> {
    let own = head.own.as_ref().is_some_and(|o| o.kind == Kind::Text);
    let text = own.then(|| String::from_utf8(decoded(head, body).0.into_owned()).ok())??;
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
    let text = line_ends(text.strip_prefix('\u{feff}').unwrap_or(&text));
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

/// CRLF, and a bare CR, as LF; in one pass.
fn line_ends(text: &str) -> String {
    let mut lf = String::with_capacity(text.len());
    let mut pieces = text.split('\r').peekable();
    while let Some(piece) = pieces.next() {
        lf.push_str(piece);
        if pieces.peek().is_some_and(|next| !next.starts_with('\n')) {
            lf.push('\n');
        }
    }
    lf
}

/// The text of a part for a machine's eyes (a delivery report): decoded, as UTF-8 or what stands for it.
pub(super) fn lossy(head: &Head, body: &[u8]) -> String {
    charset::text(&decoded(head, body).0, head.charset.as_deref()).0.replace("\r\n", "\n")
}

fn decoded<'a>(head: &Head, body: &'a [u8]) -> (Cow<'a, [u8]>, usize) {
    if head.coding == Coding::Plain {
        return (Cow::Borrowed(body), 0);
    }
    let mut bytes = Vec::with_capacity(body.len());
    let bad = attached::each(body, head.coding, |piece| {
        bytes.extend_from_slice(piece);
        Ok::<(), std::convert::Infallible>(())
    });
    (Cow::Owned(bytes), bad.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_of_every_kind_become_one() {
        for (came, is) in
            [("", ""), ("a", "a"), ("a\r\nb\r\n", "a\nb\n"), ("a\rb\r", "a\nb\n"), ("\r\r\n\n\r", "\n\n\n\n"), ("я\r\n\r\n\nю", "я\n\n\nю")]
        {
            assert_eq!(line_ends(came), is);
            assert_eq!(line_ends(came), came.replace("\r\n", "\n").replace('\r', "\n"));
        }
    }
}

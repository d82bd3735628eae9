//! What `POST /api/messages` takes: JSON from outside made into a [`Draft`], or one sentence why not.
//!
//! Standards: JSON (RFC 8259). In: `{to, from?, precedence?, class?, subject?, parts: [{text} | {sha256, name, type}]}`.
//! Out: a draft whose contents are in the store. Unknown keys are errors.
//! Left out: whether anybody has that address (the router says). Shown by: `tests/it/api.rs`.

use super::Console;
use super::api::Fail;
use crate::message::{Address, Blob, Draft, Envelope, Part, is_page};
use crate::router::journal::store::is_sha256;
use axum::http::StatusCode;
use serde::Deserialize;
use std::io::Read;
use std::str::FromStr;

/// Parts a message may have.
const PARTS: usize = 100;
/// Characters a subject may have.
const SUBJECT: usize = 200;
/// Bytes of an uploaded text that still becomes a text part; a longer one stays a file.
const TEXT: u64 = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Submission {
    to: String,
    from: Option<String>,
    precedence: Option<String>,
    class: Option<String>,
    subject: Option<String>,
    parts: Vec<PartGiven>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartGiven {
    text: Option<String>,
    sha256: Option<String>,
    name: Option<String>,
    #[serde(rename = "type")]
    media_type: Option<String>,
}

fn wrong(why: impl Into<String>) -> Fail {
    Fail(StatusCode::UNPROCESSABLE_ENTITY, why.into())
}

/// Reads a submission. Looks into the store, so not for an async thread.
pub(super) fn read(console: &Console, json: &[u8]) -> Result<Draft, Fail> {
    let given: Submission = serde_json::from_slice(json).map_err(|e| Fail(StatusCode::BAD_REQUEST, format!("not a message: {e}")))?;
    let to: Address = named("to", &given.to)?;
    let from: Address = match &given.from {
        None => named("from", &format!("operator@{}", console.station))?,
        Some(from) if !from.contains('@') => named("from", &format!("{from}@{}", console.station))?,
        Some(from) => named("from", from)?,
    };
    if from.station != console.station {
        return Err(wrong(format!("`from`: `{from}` is not at this station, which is `{}`", console.station)));
    }
    let precedence = given.precedence.as_deref().map_or(Ok(Default::default()), |p| named("precedence", p))?;
    let class = given.class.as_deref().map_or(Ok(Default::default()), |c| named("class", c))?;
    let subject = given.subject.unwrap_or_default();
    if subject.chars().count() > SUBJECT || subject.contains(char::is_control) {
        return Err(wrong(format!("`subject` must be one line of {SUBJECT} characters at the most")));
    }
    if given.parts.is_empty() || given.parts.len() > PARTS {
        return Err(wrong(format!("`parts` has {} parts, expected 1 to {PARTS}", given.parts.len())));
    }
    let content = given.parts.into_iter().map(|p| part(console, p)).collect::<Result<_, _>>()?;
    Ok(Draft { envelope: Envelope { from, to, precedence, class, subject, via: vec![], post: None }, content })
}

fn named<T: FromStr<Err = String>>(key: &str, value: &str) -> Result<T, Fail> {
    value.parse().map_err(|e| wrong(format!("`{key}`: {e}")))
}

fn part(console: &Console, given: PartGiven) -> Result<Part, Fail> {
    match (given.text, given.sha256) {
        (Some(text), None) if given.name.is_none() && given.media_type.is_none() => Ok(Part::Text { text: lines(&text) }),
        (None, Some(sha256)) => {
            let name = file_name(given.name.as_deref().unwrap_or_default());
            blob(console, sha256, name, given.media_type)
        }
        _ => Err(wrong("a part has either `text`, or `sha256` with `name` and `type`")),
    }
}

fn blob(console: &Console, sha256: String, name: String, media_type: Option<String>) -> Result<Part, Fail> {
    if !is_sha256(&sha256) {
        return Err(wrong("`sha256` must be 64 lower-case hexadecimal digits"));
    }
    let media_type = media_type.unwrap_or_else(|| "application/octet-stream".into()).to_ascii_lowercase();
    let legal = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    if media_type.len() > 127 || !media_type.split_once('/').is_some_and(|(a, b)| legal(a) && legal(b)) {
        return Err(wrong("`type` must be a media type such as `image/png`, without parameters"));
    }
    let Some(size) = console.store.size(&sha256) else {
        return Err(wrong(format!("content {sha256} is not here; send it first with PUT /api/content/{sha256}")));
    };
    if media_type.starts_with("text/") && size <= TEXT {
        return text(console, &sha256, &name);
    }
    let blob = Blob { sha256, name, media_type, size };
    Ok(if is_page(&blob.media_type) { Part::Page(blob) } else { Part::File(blob) })
}

fn text(console: &Console, sha256: &str, name: &str) -> Result<Part, Fail> {
    let broken = |e: String| Fail(StatusCode::SERVICE_UNAVAILABLE, e);
    let mut bytes = vec![];
    let file = console.store.open(sha256).map_err(|e| broken(e.to_string()))?;
    file.take(TEXT).read_to_end(&mut bytes).map_err(|e| broken(format!("cannot read content {sha256}: {e}")))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Part::Text { text: lines(&text) }),
        Err(e) => Err(wrong(format!("`{name}` is not UTF-8 (byte {}); convert it, or send it as a file", e.utf8_error().valid_up_to()))),
    }
}

/// Lines parted by LF, the last without one; no byte order mark.
fn lines(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    text.trim_end_matches('\n').to_owned()
}

/// The last component of what was given, without control characters, 200 bytes at the most.
fn file_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut name = String::new();
    for c in last.chars().filter(|c| !c.is_control()) {
        if name.len() + c.len_utf8() > 200 {
            break;
        }
        name.push(c);
    }
    if name.trim_matches(['.', ' ']).is_empty() { "unnamed".into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_cannot_leave_their_folder() {
        for (given, kept) in
            [("a/b/map.png", "map.png"), ("..\\..\\x", "x"), ("..", "unnamed"), ("", "unnamed"), ("a\u{1b}[2Jb\n", "a[2Jb")]
        {
            assert_eq!(file_name(given), kept);
        }
        assert_eq!(file_name(&"Ж".repeat(300)).len(), 200);
    }

    #[test]
    fn lines_are_parted_by_line_feeds_alone() {
        assert_eq!(lines("\u{feff}A\r\nB\rC\n\n"), "A\nB\nC");
    }
}

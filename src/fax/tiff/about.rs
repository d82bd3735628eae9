//! What stands in a file beside a page's pels: its number, who made and sent it and when, and how it was received.
//!
//! Standards: TIFF 6.0 section 8 (DateTime, ImageDescription, Artist, Software); RFC 2301 (PageNumber; BadFaxLines, CleanFaxData,
//! ConsecutiveBadFaxLines). In: fields. Out: values; and back. Texts are cut at [`MOST_TEXT`] and cleaned of control characters.
//! Left out: the private tags of single programs. Shown by: `tests/it/tiff_files.rs`.

use super::fields::{Directory, Source, tag};
use crate::fax::code::Damage;
use crate::fax::file::PageAbout;
use crate::time::Utc;
use std::io::{Read, Seek};

/// Longest text field that is read or written, in bytes.
pub const MOST_TEXT: usize = 1_000;

/// Reads what is there. What cannot be read is left out: none of it is needed to show the page.
pub fn read<R: Read + Seek>(from: &mut Source<R>, directory: &Directory, rows: usize) -> PageAbout {
    let mut text = |t: u16| directory.text(from, t).and_then(|bytes| clean(&bytes));
    let (name, description) = (text(tag::DOCUMENT_NAME), text(tag::IMAGE_DESCRIPTION));
    let (sender, software, date) = (text(tag::ARTIST), text(tag::SOFTWARE), text(tag::DATE_TIME));
    let mut number = |t: u16| directory.number(from, t).ok().flatten();
    let (bad, run) = (number(tag::BAD_FAX_LINES), number(tag::CONSECUTIVE_BAD_FAX_LINES));
    let count = |n: Option<u64>| usize::try_from(n.unwrap_or(0)).unwrap_or(rows).min(rows);
    let received = (bad.is_some() || run.is_some()).then(|| Damage {
        rows,
        bad_rows: count(bad).max(count(run)),
        longest_bad_run: count(run),
        ..Damage::default()
    });
    let number = directory.numbers(from, tag::PAGE_NUMBER, 2).ok().flatten().and_then(|n| match n[..] {
        [page, of] => Some((u16::try_from(page).ok()?.saturating_add(1), u16::try_from(of).ok()?)),
        _ => None,
    });
    PageAbout { number, name, description, sender, software, date: date.and_then(|d| date_of(&d)), received }
}

/// A text as it may be shown: what is not UTF-8 replaced, control characters gone; none if nothing is left.
fn clean(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    let text: String = String::from_utf8_lossy(&bytes[..end]).chars().filter(|c| !c.is_control()).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// `1963:08:30 16:00:00`, taken as UTC: TIFF has no zones.
fn date_of(text: &str) -> Option<Utc> {
    let (day, time) = text.split_once(' ')?;
    format!("{}T{time}Z", day.replace(':', "-")).parse().ok()
}

/// The other way round.
pub fn date_text(date: Utc) -> String {
    let text = date.to_string();
    text.get(..19).unwrap_or_default().replace('-', ":").replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_texts_come_back_and_nonsense_is_none() {
        let date: Utc = "1963-08-30T16:00:01Z".parse().unwrap();
        assert_eq!(date_text(date), "1963:08:30 16:00:01");
        assert_eq!(date_of("1963:08:30 16:00:01"), Some(date));
        assert_eq!((date_of("today"), date_of("0000:00:00 00:00:00"), date_of("")), (None, None, None));
        assert_eq!(clean(b" Hei\x1b[2J \xff\0rest").as_deref(), Some("Hei[2J \u{fffd}"));
        assert_eq!(clean(b"\0"), None);
    }
}

//! A message's parts made into fax pages: texts set as a letter, pictures and PDFs drawn, fax pages as they are.
//!
//! Standards: those of the files (see `backend_input`). In: a message, the contents. Out: [`Drawn`] pages; or one sentence that names the part.
//! Bounded: `pages::{MOST_PAGES, MOST_BYTES}`, [`SECONDS`] of processor time for a PDF, [`LONGEST`] for a message, and one message at a time
//! is drawn. It waits for disk and for a process: call it from a thread that may. Left out: what the far machine can print. Shown by: `tests/it/fax_document.rs`.

use super::backend_input::{Input, MOST_TEXT, Reading, Unread, head};
use super::composing::{Composing, Headed};
use super::kind;
use super::pages::{Drawn, Look, MOST_PAGES, takes};
use super::range::Pages;
use crate::message::{Blob, Message, Name, Part, charset, convert, html, is_text};
use crate::paper::Asked;
use crate::router::Contents;
use crate::time::{Clock, Instant, Speed};
use std::io::Read;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Seconds of processor time for all pages of a PDF.
pub const SECONDS: u64 = 120;
/// How long a message may take to draw.
pub const LONGEST: Duration = Duration::from_secs(300);
/// Who draws. A stranger's picture may take half a gigabyte; so one message is drawn after the other.
static TURN: Mutex<()> = Mutex::new(());

/// Why a message did not become pages.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Undrawn {
    /// It never will: what, why, and what to do.
    #[error("{0}")]
    Never(String),
    /// It may later: this station's disk.
    #[error("{0}")]
    NotNow(String),
}

/// The pages of a message, in the order of its parts. `station` is the one that draws: over fax pages of other stations stands no second line.
pub fn pages(message: &Message, contents: &Contents, look: &Look, station: &Name) -> Result<Drawn, Undrawn> {
    pages_within(LONGEST, message, contents, look, station)
}

/// The same, in another time than [`LONGEST`].
pub fn pages_within(longest: Duration, message: &Message, contents: &Contents, look: &Look, station: &Name) -> Result<Drawn, Undrawn> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let patience = Patience::begin(longest);
    let mut job = Composing::new(message, look);
    for part in &message.content {
        match part {
            Part::Text { text } => job.text(text).map_err(Undrawn::Never)?,
            Part::Page(blob) | Part::File(blob) => {
                let mark = job.mark();
                let drawn = match part {
                    Part::File(_) if is_text(&blob.media_type) => write(&mut job, blob, contents),
                    Part::File(_) => Err(Undrawn::Never(no_pages(blob, job.names()))),
                    _ => draw(&mut job, blob, contents, message.identity.station == *station, &patience),
                };
                match drawn {
                    Ok(()) => job.list(blob.shown(), &mark),
                    Err(Undrawn::Never(why)) if job.names() => job.leave_out(blob, why.trim_end_matches(UNSENT), &mark),
                    Err(other) => return Err(other),
                }
            }
        }
    }
    job.done().map_err(Undrawn::Never)
}

/// How the sentences about parts end.
const UNSENT: &str = "; it cannot be sent by fax";

fn no_pages(Blob { name, media_type, .. }: &Blob, named: bool) -> String {
    match named {
        true => "it has no pages".into(),
        false => format!("`{name}` ({media_type}) cannot be sent by fax; a fax carries texts, pictures and PDF: make it one of them"),
    }
}

/// Sets a file that is a text.
fn write(job: &mut Composing<'_>, blob: &Blob, contents: &Contents) -> Result<(), Undrawn> {
    let never = |why: String| Undrawn::Never(format!("`{}`: {why}{UNSENT}", blob.name));
    if blob.size > MOST_TEXT {
        return Err(never(format!("it has {} bytes, and a text {MOST_TEXT} at the most", blob.size)));
    }
    let (mut file, mut bytes) = (contents.open(blob).map_err(Undrawn::NotNow)?, vec![]);
    let read = file.by_ref().take(MOST_TEXT).read_to_end(&mut bytes);
    read.map_err(|e| Undrawn::NotNow(format!("cannot read `{}`: {e}", blob.name)))?;
    if bytes.contains(&0) && !bytes.starts_with(b"\xff\xfe") && !bytes.starts_with(b"\xfe\xff") {
        return Err(never("it is no text".into()));
    }
    let text = readable(&bytes, &blob.media_type);
    let (made, _) = convert::convert(&[Part::Text { text }], &takes()).map_err(never)?;
    match made.first() {
        Some(Part::Text { text }) => job.text_file(blob, text).map_err(never),
        _ => Ok(()),
    }
}

/// A text file's text: a byte order mark says its code, else it is guessed; HTML as text that can be read on paper.
fn readable(bytes: &[u8], media_type: &str) -> String {
    let marked = match bytes {
        [0xff, 0xfe, ..] => Some("utf-16le"),
        [0xfe, 0xff, ..] => Some("utf-16be"),
        _ => None,
    };
    let (text, _) = charset::text(bytes, marked);
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    if media_type.to_ascii_lowercase().starts_with("text/html") { html::to_text(&text) } else { text }
}

/// What is left of a message's time.
struct Patience {
    clock: Clock,
    ends: Instant,
    longest: Duration,
}

impl Patience {
    fn begin(longest: Duration) -> Patience {
        let clock = Clock::new(None, Speed::REAL);
        Patience { ends: clock.now() + longest, clock, longest }
    }
    /// Seconds, at least one; the error is a sentence without the part's name.
    fn left(&self) -> Result<u64, String> {
        let over = || format!("with it the message takes more than {} seconds to draw; send it in parts", self.longest.as_secs());
        let left = self.ends.since(self.clock.now());
        if left.is_zero() { Err(over()) } else { Ok(left.as_secs().max(1)) }
    }
}

/// Draws a content.
fn draw(job: &mut Composing<'_>, blob: &Blob, contents: &Contents, ours: bool, patience: &Patience) -> Result<(), Undrawn> {
    let (shown, range) = (format!("`{}`", blob.name), Pages::default());
    let never = |why: String| Undrawn::Never(format!("{why}{UNSENT}"));
    let mut file = contents.open(blob).map_err(Undrawn::NotNow)?;
    let head = head(&mut file).map_err(|e| Undrawn::NotNow(format!("cannot read {shown}: {e}")))?;
    let Some(kind) = kind::of_content(&head, &blob.media_type) else {
        return Err(never(format!("{shown} ({}) has no pages", blob.media_type)));
    };
    let asked = Asked { width: Some(job.look().form.width), resolution: Some(job.look().form.resolution), dither: job.look().dither };
    let left = || patience.left().map_err(|why| never(format!("{shown}: {why}")));
    let reading = Reading { shown: &shown, asked, range: &range, seconds: Some(left()?.min(SECONDS)) };
    let mut input = Input::of(file, kind, &reading).map_err(|unread| match unread {
        Unread::File(why) => never(why),
        Unread::Machine(why) => Undrawn::NotNow(why),
    })?;
    if let Some(pages) = input.pages().filter(|n| *n > MOST_PAGES) {
        return Err(never(format!("{shown} has {pages} pages, and a message {MOST_PAGES} at the most; send it in parts")));
    }
    let fax = matches!(kind, kind::Kind::Tiff | kind::Kind::Pbm);
    while let Some(sheet) = input.next(true).map_err(never)? {
        let Some(sheet) = sheet else { continue };
        left()?;
        let number = job.count() + 1;
        let headed = if fax && !ours {
            Headed::No
        } else if fax {
            Headed::Above
        } else {
            Headed::InPlace
        };
        job.page(sheet.page, sheet.notes, &shown, headed).map_err(|why| never(format!("{shown} (page {number} of the message): {why}")))?;
    }
    Ok(())
}

//! A message's pages for fax: how they look, what stands over them, what the far machine can print of them; and the file of those that came.
//!
//! Standards: TIFF-F (see `tiff`); widths and resolutions of T.30 table 2 (see `t30`). In: a message, pages, a DIS. Out: words, pages, bytes.
//! Bounded: see the constants. Left out: reading contents (see `backend_document`). Shown by: the tests below, `docs/fax-pages.md`.

use super::code::{Coding, Damage};
use super::file::PageAbout;
use super::t30::{Capabilities, capabilities};
use super::tiff::{WriteOptions, Writer};
use crate::message::{Alphabet, Envelope, Identity, Message, Takes, TextForm};
use crate::paper::fit::onto;
use crate::paper::letter::{heading, letters};
use crate::paper::{Dither, Form, Page, Resolution, Width};
use std::borrow::Borrow;
use std::sync::Arc;

/// Most pages of a message: at the least 20 seconds each, so more than an hour.
pub const MOST_PAGES: usize = 200;
/// Most bytes of them as rows: 260 sheets of A4 at fine resolution.
pub const MOST_BYTES: usize = 128 << 20;
/// Most characters of a message's text.
pub const MOST_TEXT: usize = 300_000;

/// How pages are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Look {
    /// The form of texts, pictures and drawn pages. Fax pages that came as such keep their own.
    pub form: Form,
    /// How grey becomes black and white.
    pub dither: Dither,
    /// Whether a line stands over each page: when, who and which message, page of pages.
    pub header: bool,
}

impl Default for Look {
    /// A4, fine, with the line.
    fn default() -> Look {
        Look { form: Form { width: Width::A4, resolution: Resolution::FINE }, dither: Dither::Auto, header: true }
    }
}

/// A message's pages.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Drawn {
    /// In order.
    pub pages: Vec<Arc<Page>>,
    /// What a sender should know (a character that is a box, a font that is not there): a sentence each, with the part's name.
    pub notes: Vec<String>,
}

/// What a fax line takes: texts in letters the type has, pages; no files.
pub fn takes() -> Takes {
    let alphabet = Alphabet::Of(format!("{}\t\u{c}", letters()));
    let text = TextForm { alphabet, twin: None, columns: usize::MAX, longest: MOST_TEXT, per_hour: None };
    Takes { text: Some(text), pages: true, files: false }
}

/// What stands at the head of the letter that a message's text becomes.
pub fn letterhead(identity: &Identity, envelope: &Envelope) -> String {
    let mut lines = vec![
        format!("{identity}    {}{}", envelope.precedence.word().to_uppercase(), envelope.class.mark()),
        String::new(),
        format!("From:     {}", envelope.from),
        format!("To:       {}", envelope.to),
    ];
    if !envelope.subject.is_empty() {
        lines.push(format!("Subject:  {}", envelope.subject));
    }
    if !envelope.via.is_empty() {
        lines.push(format!("Via:      {}", envelope.via.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")));
    }
    lines.join("\n") + "\n\n\n"
}

/// The line over a page.
pub fn header_line(message: &Message, page: usize, pages: usize) -> String {
    heading(Some(message.identity.dtg), &format!("{} {}", message.envelope.from, message.identity), page, pages)
}

/// A page in a form that a call can have (1,728, 2,048 or 2,432 pels at 98, 196 or 391 rows an inch), and a sentence if it was scaled for it.
/// What has 200 pels and 100, 200 or 400 rows an inch is taken for it as it is, as fax machines do.
pub fn usual(mut page: Page, look: &Look) -> Result<(Page, Option<String>), String> {
    let resolution = match page.resolution {
        Resolution { x: 200 | 204, y: 96..=102 } => Resolution::STANDARD,
        Resolution { x: 200 | 204, y: 192..=204 } => Resolution::FINE,
        Resolution { x: 200 | 204, y: 384..=408 } => Resolution::SUPERFINE,
        _ => return onto(&page, &look.form, look.dither, false).map(|(page, note)| (page, Some(note))),
    };
    if Form::of(&page).is_none() {
        return onto(&page, &look.form, look.dither, false).map(|(page, note)| (page, Some(note)));
    }
    page.resolution = resolution;
    Ok((page, None))
}

/// A page made so that a machine that can do `far` prints it: `None` if it does so as it is; else the page, and what was done to it.
///
/// It is scaled at its true size: to the next coarser resolution the machine has, and smaller where its paper is narrower. A machine that
/// takes no pages longer than a sheet gets a longer one made smaller, down to half; the error is a sentence, without the page's number.
pub fn printable(page: &Page, far: &Capabilities) -> Result<Option<(Page, String)>, String> {
    let width = match far.width {
        capabilities::Width::A4 => Width::A4,
        capabilities::Width::B4 => Width::B4,
        capabilities::Width::A3 => Width::A3,
    };
    let own = Form::of(page);
    let resolution = match page.resolution {
        Resolution { y: ..150, .. } => Resolution::STANDARD,
        Resolution { y: 300.., .. } if far.superfine => Resolution::SUPERFINE,
        _ if far.fine => Resolution::FINE,
        _ => Resolution::STANDARD,
    };
    let form = Form { width: own.map_or(width, |own| own.width.min(width)), resolution };
    let long = !far.unlimited && page.height() > form.rows() && own == Some(form);
    if own == Some(form) && !long {
        return Ok(None);
    }
    if !far.unlimited && inches(page) > 2.0 * sheet_inches(form) {
        return Err(format!(
            "it is {:.0} inches long, and the far machine prints sheets of {:.0}; send it in parts",
            inches(page),
            sheet_inches(form)
        ));
    }
    onto(page, &form, Dither::Auto, !far.unlimited).map(Some)
}

fn inches(page: &Page) -> f32 {
    page.height() as f32 / f32::from(page.resolution.y).max(1.0)
}

fn sheet_inches(form: Form) -> f32 {
    form.rows() as f32 / f32::from(form.resolution.y)
}

/// The file of pages that came, as TIFF-F (T.6): bad rows are told in its tags. `about` is what is told of all pages.
pub fn file_of<P: Borrow<Page>>(pages: impl IntoIterator<Item = (P, Damage)>, about: &PageAbout) -> Result<Vec<u8>, String> {
    let name = about.name.clone().unwrap_or_else(|| "fax.tif".into());
    let mut writer = Writer::new(vec![], &name, WriteOptions::new(Coding::Mmr));
    for (page, damage) in pages {
        let about = PageAbout { received: Some(damage), ..about.clone() };
        writer.page(page.borrow(), &about).map_err(|e| e.to_string())?;
    }
    writer.finish().map_err(|e| e.to_string())
}

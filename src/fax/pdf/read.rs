//! A document's pages as fax pages: the fax image itself where a page is nothing but one, else drawn in grey.
//!
//! Standard: PDF 1.7 (ISO 32000-1), as far as hayro draws it. In: a file's bytes. Out: [`Drawn`] pages, one at a time; or a sentence.
//! A file can make hayro take any memory and time, and end the process by its stack: whoever gives it a stranger's file does so in a
//! process with limits (see `backend_apart`). Left out: forms, scripts, passwords, layers' switches. Shown by: `tests/it/fax_pdf.rs`.

use super::scan;
use crate::fax::code::Damage;
use crate::paper::{Form, Grey, Page as Rows};
use hayro::hayro_interpret::{InterpreterSettings, InterpreterWarning};
use hayro::hayro_syntax::page::Page;
use hayro::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro::kurbo::Affine;
use hayro::vello_cpu::color::PremulRgba8;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::vello_cpu::{Pixmap, RasterizerSettings, RenderContext, Resources, TargetInit};
use hayro::{RenderCache, RenderSettings, render_into};
use std::sync::{Arc, Mutex, PoisonError};

/// Largest file, in bytes.
pub const MOST_FILE: u64 = 128 << 20;
/// Points an inch.
const INCH: f64 = 72.0;

/// An open file.
pub struct File {
    pdf: Pdf,
}

/// A page of it.
#[derive(Debug)]
pub enum Drawn {
    /// It was one fax image: its rows, and what of them was damaged.
    Scan {
        /// As they were coded, pel for pel.
        rows: Rows,
        /// What could not be read.
        damage: Damage,
        /// What was not believed, for people.
        notes: Vec<String>,
    },
    /// It was drawn: at true size, or smaller so that it fits the form's sheet.
    Grey {
        /// With the pels an inch that give it that size.
        grey: Grey,
        /// What could not be drawn, for people.
        notes: Vec<String>,
    },
}

impl File {
    /// Opens one. The error is a sentence without the file's name.
    pub fn open(bytes: Vec<u8>) -> Result<File, String> {
        if !bytes[..bytes.len().min(1024)].windows(5).any(|w| w == b"%PDF-") {
            return Err(match bytes.len() {
                0 => "it is empty".into(),
                _ => "it is no PDF: `%PDF-` does not stand in its first 1,024 bytes".to_owned(),
            });
        }
        let pdf = Pdf::new(bytes).map_err(|e| match e {
            LoadPdfError::Decryption(DecryptionError::PasswordProtected) => {
                "it is locked with a password; unlock it (`qpdf --decrypt --password=… IN OUT`) and give that".to_owned()
            }
            LoadPdfError::Decryption(_) => "it is enciphered in a way that is not known here".into(),
            LoadPdfError::Invalid => "it is damaged: no page can be found (neither by /Pages nor by search)".into(),
        })?;
        Ok(File { pdf })
    }
    /// Pages that are there, whatever the file says of their number.
    pub fn pages(&self) -> usize {
        self.pdf.pages().len()
    }
    /// A page, from 0. The error is a sentence without file and page.
    pub fn page(&self, number: usize, form: &Form) -> Result<Drawn, String> {
        let page = self.pdf.pages().get(number).ok_or("it is not there")?;
        if page.raw().contains_key("Contents") && page.page_stream().is_none() {
            return Err("its /Contents cannot be read; the file is damaged".into());
        }
        if let Some((rows, damage, note)) = scan::find(page).map(|scan| scan.rows()) {
            // A code that cannot be read here may still be drawn.
            if damage.bad_rows * 2 < damage.rows {
                return Ok(Drawn::Scan { rows, damage, notes: note.into_iter().collect() });
            }
        }
        drawn(page, form)
    }
}

/// What a page measures, in inches.
fn inches(page: &Page<'_>) -> Result<(f64, f64), String> {
    let shown = page.intersected_crop_box();
    if !(shown.width().is_finite() && shown.height().is_finite()) || shown.width() < 0.01 || shown.height() < 0.01 {
        let (wide, long) = (shown.width(), shown.height());
        return Err(format!("its box (/MediaBox and /CropBox) is {wide:.2} x {long:.2} points, and a page has a size"));
    }
    // ISO 32000-1 table 30: UserUnit, in 1/72 inch.
    let unit = page.raw().get::<f32>("UserUnit").map_or(1.0, f64::from);
    let unit = if unit.is_finite() && unit > 0.0 { unit } else { 1.0 };
    let (wide, long) = page.render_dimensions();
    Ok((f64::from(wide) * unit / INCH, f64::from(long) * unit / INCH))
}

/// Below so many rows an inch a page is drawn twice as high: thin strokes are then averaged instead of lost.
const COARSE: u16 = 150;
/// Rows above and below in which white paper must be for a dark place to be a stroke, and how light that is.
const AROUND: usize = 4;
const PAPER: u8 = 224;

fn drawn(page: &Page<'_>, form: &Form) -> Result<Drawn, String> {
    let (wide, long) = inches(page)?;
    let across = f64::from(form.resolution.x);
    let times = if form.resolution.y < COARSE { 2 } else { 1 };
    let (down, most) = (f64::from(form.resolution.y) * times as f64, form.rows() * times);
    let shrink = (form.pels() as f64 / (wide * across)).min(most as f64 / (long * down)).min(1.0);
    let (width, height) = ((wide * across * shrink).round() as usize, (long * down * shrink).round() as usize);
    let (width, height) = (width.clamp(1, form.pels()), height.clamp(1, most));
    let told = Arc::new(Mutex::new(vec![]));
    let pixels = pixels(page, width, height, &told)?;
    let notes = told.lock().unwrap_or_else(PoisonError::into_inner).iter().map(ToString::to_string).collect();
    // On white, so nothing shows through; ITU-R BT.601 luma.
    let luma = |p: &PremulRgba8| (u32::from(p.r) * 299 + u32::from(p.g) * 587 + u32::from(p.b) * 114 + 500) / 1000;
    let mut pels: Vec<u8> = pixels.data().iter().map(|p| luma(p) as u8).collect();
    if times == 2 {
        pels = strengthened(&pels, width);
    }
    Ok(Drawn::Grey { grey: Grey { width, height, pels, dpi: Some((across as f32, down as f32)) }, notes })
}

/// Thin strokes across a white page, as dark in both rows of a pair as in the darker one, and half as dark again: the mean of the two,
/// which the page will have, is then black where the stroke fills three tenths of a row or more.
fn strengthened(pels: &[u8], width: usize) -> Vec<u8> {
    let rows: Vec<&[u8]> = pels.chunks_exact(width).collect();
    let mut out = Vec::with_capacity(pels.len());
    for y in 0..rows.len() {
        let twin = rows.get(y ^ 1).unwrap_or(&rows[y]);
        let around = &rows[y.saturating_sub(AROUND)..(y + AROUND + 1).min(rows.len())];
        out.extend((0..width).map(|x| {
            let (dark, light) = (rows[y][x].min(twin[x]), around.iter().map(|row| row[x]).max().unwrap_or(0));
            if light < PAPER { rows[y][x] } else { dark.saturating_sub((light - dark) / 2) }
        }));
    }
    out
}

fn pixels(page: &Page<'_>, width: usize, height: usize, notes: &Arc<Mutex<Vec<&'static str>>>) -> Result<Pixmap, String> {
    let size = |pels: usize| u16::try_from(pels).map_err(|_| format!("{pels} pels are too many to draw"));
    let mut context = RenderContext::new(size(width)?, size(height)?);
    let (wide, long) = page.render_dimensions();
    let scale = Affine::scale_non_uniform(width as f64 / f64::from(wide), height as f64 / f64::from(long));
    let upright = Affine::new(page.initial_transform(true).as_coeffs());
    let told = notes.clone();
    let settings = InterpreterSettings {
        warning_sink: Arc::new(move |warning| {
            let note = match warning {
                InterpreterWarning::UnsupportedFont => "a font could not be read, its text is missing or in another type",
                InterpreterWarning::ImageDecodeFailure => "an image could not be read and is missing",
                InterpreterWarning::UnresolvedAnnotationAppearance => "a note or field has no look of its own and is missing",
                _ => "something could not be drawn",
            };
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            if !told.contains(&note) {
                told.push(note);
            }
        }),
        ..InterpreterSettings::default()
    };
    // A cache of its own: that of a whole document would grow with its pages.
    let cache = RenderCache::new();
    render_into(page, &cache, &settings, &RenderSettings::default(), &mut context, scale * upright);
    context.flush();
    let mut pixels = Pixmap::new(size(width)?, size(height)?);
    let clear = RasterizerSettings { target_init: TargetInit::Clear(WHITE), ..RasterizerSettings::default() };
    context.render_with(&mut pixels, &mut Resources::default(), clear);
    Ok(pixels)
}

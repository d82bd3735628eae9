//! A document's pages as fax pages: the fax image itself where a page is nothing but one, else drawn in grey.
//!
//! Standard: PDF 1.7 (ISO 32000-1), as far as hayro draws it. In: a file's bytes. Out: [`Drawn`] pages, one at a time; or a sentence.
//! A file can make hayro take any memory and time, and end the process by its stack: whoever gives it a stranger's file does so in a
//! process with limits (see `cli::convert::apart`). Left out: forms, scripts, passwords, layers' switches. Shown by: `tests/it/fax_pdf.rs`.

use super::scan::{self, Scan};
use crate::paper::Resolution;
use hayro::hayro_interpret::{InterpreterSettings, InterpreterWarning};
use hayro::hayro_syntax::page::Page;
use hayro::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro::kurbo::Affine;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::vello_cpu::{Pixmap, RasterizerSettings, RenderContext, Resources, TargetInit};
use hayro::{RenderCache, RenderSettings, render_into};
use std::sync::{Arc, Mutex, PoisonError};

/// Largest file, in bytes.
pub const MOST_FILE: u64 = 128 << 20;
/// Most rows of a page that is drawn: at the widest, 370 MB while it is.
pub const MOST_DRAWN: usize = 20_000;
/// Points an inch.
const INCH: f64 = 72.0;

/// An open file.
pub struct File {
    pdf: Pdf,
}

/// A page of it.
#[derive(Debug)]
pub enum Drawn {
    /// It was one fax image, and here it is.
    Scan(Scan),
    /// It was drawn: no wider than was asked, at the asked resolution.
    Grey {
        /// Pels of a row.
        width: usize,
        /// 0 is black; rows of `width`, from the top.
        pels: Vec<u8>,
        /// What could not be drawn, for people.
        notes: Vec<&'static str>,
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
    /// Draws a page (from 0): at true size, and smaller if that is wider than `widest` pels. The error is a sentence without file and page.
    pub fn draw(&self, number: usize, widest: usize, resolution: Resolution) -> Result<Drawn, String> {
        let page = self.pdf.pages().get(number).ok_or("it is not there")?;
        match scan::find(page) {
            Some(scan) => Ok(Drawn::Scan(scan)),
            None => drawn(page, widest, resolution),
        }
    }
}

/// What a page measures, in inches.
fn inches(page: &Page<'_>) -> Result<(f64, f64), String> {
    let shown = page.intersected_crop_box();
    if !(shown.width().is_finite() && shown.height().is_finite()) || shown.width() < 0.01 || shown.height() < 0.01 {
        return Err(format!("its box (/MediaBox and /CropBox) is {:.2} x {:.2} points; there is nothing to draw on", shown.width(), shown.height()));
    }
    // ISO 32000-1 table 30: UserUnit, in 1/72 inch.
    let unit = page.raw().get::<f32>("UserUnit").map_or(1.0, f64::from);
    let unit = if unit.is_finite() && unit > 0.0 { unit } else { 1.0 };
    let (wide, long) = page.render_dimensions();
    Ok((f64::from(wide) * unit / INCH, f64::from(long) * unit / INCH))
}

fn drawn(page: &Page<'_>, widest: usize, resolution: Resolution) -> Result<Drawn, String> {
    let (wide, long) = inches(page)?;
    let shrink = (widest as f64 / (wide * f64::from(resolution.x))).min(1.0);
    let pels = |inches: f64, an_inch: u16| ((inches * f64::from(an_inch) * shrink).round() as usize).max(1);
    let (width, height) = (pels(wide, resolution.x).min(widest), pels(long, resolution.y));
    if height > MOST_DRAWN {
        return Err(format!("its box (/MediaBox and /CropBox) makes {height} rows, and {MOST_DRAWN} are drawn at the most"));
    }
    let notes = Arc::new(Mutex::new(vec![]));
    let pixels = pixels(page, width, height, &notes)?;
    let notes = std::mem::take(&mut *notes.lock().unwrap_or_else(PoisonError::into_inner));
    // On white, so nothing shows through; ITU-R BT.601 luma.
    let grey = |p: &hayro::vello_cpu::color::PremulRgba8| (u32::from(p.r) * 299 + u32::from(p.g) * 587 + u32::from(p.b) * 114 + 500) / 1000;
    Ok(Drawn::Grey { width, pels: pixels.data().iter().map(|p| grey(p) as u8).collect(), notes })
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

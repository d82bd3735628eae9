//! A picture that already is a fax page: black and white, and of a fax page's width.
//!
//! Standards: PBM (netpbm, P4); PNG of one bit a pel. In: a file's bytes. Out: its rows as they are, or none.
//! Left out: other kinds, which [`super::Grey::bilevel`] knows after reading. Shown by: the tests below.

use super::super::form::{Form, Width};
use super::super::page::{MOST_ROWS, Page, Resolution};
use png::{BitDepth, ColorType, Decoder, Limits, Transformations, Unit};
use std::io::Cursor;

/// The page that a file is, pel for pel, if it is one.
pub fn bilevel(bytes: &[u8]) -> Option<Page> {
    if bytes.starts_with(b"P4") { pbm(bytes) } else { png(bytes) }
}

/// The resolution of a page so wide, if a page can be: as told, else fine.
pub(super) fn resolution(width: usize, told: Option<(f32, f32)>) -> Option<Resolution> {
    let usual = [Resolution::FINE, Resolution { x: 300, y: 300 }, Resolution { x: 408, y: 391 }];
    let fits = |r: &Resolution| Width::ALL.into_iter().any(|w| Form { width: w, resolution: *r }.pels() == width);
    let usual = usual.into_iter().find(fits)?;
    let whole = |v: f32| if (1.0..2000.0).contains(&v) { (v + 0.5) as u16 } else { 0 };
    let told = told.map(|(x, y)| Resolution { x: whole(x), y: whole(y) });
    Some(told.filter(|r| Form::new(Width::A4, *r).is_ok() && fits(r)).unwrap_or(usual))
}

fn pbm(bytes: &[u8]) -> Option<Page> {
    let (mut at, mut numbers) = (2, [0usize; 2]);
    for number in &mut numbers {
        let first = at;
        while bytes.get(at)?.is_ascii_whitespace() || bytes[at] == b'#' {
            at = if bytes[at] == b'#' { at + bytes[at..].iter().position(|b| *b == b'\n')? } else { at + 1 };
        }
        let digits = bytes[at..].iter().take(7).take_while(|b| b.is_ascii_digit()).count();
        if first == at || digits == 0 {
            return None;
        }
        *number = std::str::from_utf8(&bytes[at..at + digits]).ok()?.parse().ok()?;
        at += digits;
    }
    let [width, height] = numbers;
    let resolution = resolution(width, None)?;
    let packed = bytes.get(at + 1..)?.get(..width.div_ceil(8).checked_mul(height)?)?;
    let fits = bytes[at].is_ascii_whitespace() && (1..=MOST_ROWS).contains(&height);
    fits.then(|| {
        let mut page = Page::new(width, resolution);
        packed.chunks_exact(width.div_ceil(8)).for_each(|row| page.push_packed(row));
        page
    })
}

fn png(bytes: &[u8]) -> Option<Page> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: 1 << 20 });
    decoder.set_transformations(Transformations::IDENTITY);
    let mut reader = decoder.read_info().ok()?;
    let info = reader.info();
    let (width, height) = (info.width as usize, info.height as usize);
    let flip = match (info.color_type, info.palette.as_deref()) {
        (ColorType::Grayscale, _) => true,
        (ColorType::Indexed, Some([0, 0, 0, 255, 255, 255, ..])) => true,
        (ColorType::Indexed, Some([255, 255, 255, 0, 0, 0, ..])) => false,
        _ => return None,
    };
    let plain = info.bit_depth == BitDepth::One && !info.interlaced && info.trns.is_none() && (1..=MOST_ROWS).contains(&height);
    let resolution = resolution(width, dpi(info))?;
    if !plain {
        return None;
    }
    let mut page = Page::new(width, resolution);
    while let Some(row) = reader.next_row().ok()? {
        let packed: Vec<u8> = row.data().iter().map(|b| if flip { !b } else { *b }).collect();
        page.push_packed(packed.get(..width.div_ceil(8))?);
    }
    (page.height() == height).then_some(page)
}

/// Pels an inch of a PNG.
pub(super) fn dpi(info: &png::Info) -> Option<(f32, f32)> {
    let inch = |metre: u32| metre as f32 * 0.0254;
    info.pixel_dims.filter(|d| d.unit == Unit::Meter).map(|d| (inch(d.xppu), inch(d.yppu)))
}

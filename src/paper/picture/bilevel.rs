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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::{mix, picture};

    fn noise(width: usize, height: usize) -> Page {
        let mut page = Page::new(width, Resolution::FINE);
        let words = width.div_ceil(64);
        (0..height).for_each(|y| page.push(&(0..words).map(|n| mix((y * 100 + n) as u64)).collect::<Vec<_>>()));
        page
    }

    fn packed(page: &Page) -> Vec<u8> {
        let mut packed = vec![];
        (0..page.height()).for_each(|y| page.pack(y, &mut packed));
        packed
    }

    fn png(page: &Page, dots: Option<(u32, u32)>, palette: Option<Vec<u8>>) -> Vec<u8> {
        let mut file = vec![];
        let mut encoder = png::Encoder::new(&mut file, page.width() as u32, page.height() as u32);
        encoder.set_depth(BitDepth::One);
        encoder.set_color(if palette.is_some() { ColorType::Indexed } else { ColorType::Grayscale });
        let flip = palette.as_ref().is_none_or(|p| p[0] == 0);
        palette.into_iter().for_each(|p| encoder.set_palette(p));
        encoder.set_pixel_dims(dots.map(|(xppu, yppu)| png::PixelDimensions { xppu, yppu, unit: Unit::Meter }));
        let data: Vec<u8> = packed(page).iter().map(|b| if flip { !b } else { *b }).collect();
        encoder.write_header().unwrap().write_image_data(&data).unwrap();
        file
    }

    #[test]
    fn a_fax_page_as_a_picture_comes_back_pel_for_pel() {
        for width in [1728, 2048, 2432, 2592, 3456, 4864] {
            let page = noise(width, 20);
            let pbm = [format!("P4\n# a note\n{width} 20\n").into_bytes(), packed(&page)].concat();
            let two = [vec![0, 0, 0, 255, 255, 255], vec![255, 255, 255, 0, 0, 0]];
            let [first, second] = two.map(|palette| png(&page, None, Some(palette)));
            for file in [pbm, png(&page, None, None), first, second] {
                let back = bilevel(&file).unwrap();
                assert!(packed(&back) == packed(&page), "{width}");
                let grey = picture(&file, "x").unwrap();
                assert!(packed(&grey.bilevel().unwrap()) == packed(&page), "{width}, by way of grey");
            }
        }
    }

    #[test]
    fn the_resolution_is_taken_from_the_file_where_it_can_be_one() {
        let of = |dots| bilevel(&png(&noise(1728, 3), dots, None)).unwrap().resolution;
        assert_eq!(of(Some((8031, 3858))), Resolution::STANDARD);
        assert_eq!(of(Some((8031, 15_394))), Resolution::SUPERFINE);
        assert_eq!(of(None), Resolution::FINE);
        assert_eq!(of(Some((2835, 2835))), Resolution::FINE, "72 an inch is no fax");
        assert_eq!(bilevel(&png(&noise(2592, 3), None, None)).unwrap().resolution, Resolution { x: 300, y: 300 });
    }

    #[test]
    fn others_and_damaged_ones_are_none() {
        let whole = png(&noise(1728, 200), None, None);
        let pbm = [b"P4 1728 20 ".to_vec(), packed(&noise(1728, 20))].concat();
        assert!(bilevel(&pbm).is_some());
        for file in
            [&whole[..whole.len() / 2], &pbm[..pbm.len() - 1], b"P4", b"P4 1728", b"P4 1728 9999999 x", b"P4 0 0 ", b"P41728 1 x", b""]
        {
            assert!(bilevel(file).is_none(), "{:?}", &file[..file.len().min(20)]);
        }
        assert!(bilevel(&png(&noise(1729, 3), None, None)).is_none());
        assert!(bilevel(&png(&noise(1728, 3), None, Some(vec![0, 0, 0, 254, 255, 255]))).is_none());
    }
}

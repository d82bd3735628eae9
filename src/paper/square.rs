//! A fax page as a picture of square pels, in its right proportions.
//!
//! Standard: PNG (ISO/IEC 15948), 16 greys, with its density. In: a [`Page`]. Out: a file. Black pels are averaged over the area that a
//! pel of the picture covers, so no row is doubled or lost. Left out: the sheet around it (see `fax`'s PDF). Shown by: the tests below.

use super::page::{Page, WORD};
use png::{BitDepth, ColorType, DeflateCompression, Encoder, Filter, PixelDimensions, Unit};
use std::io::Write;

/// Most pels of such a picture.
const MOST: usize = 400_000_000;

/// The page with as many pels an inch down as across. The error is one sentence.
pub fn square(page: &Page) -> Result<Vec<u8>, String> {
    square_at(page, page.resolution.x)
}

/// The page at a density, pels an inch.
pub fn square_at(page: &Page, inch: u16) -> Result<Vec<u8>, String> {
    let (x, y, inch) = (usize::from(page.resolution.x).max(1), usize::from(page.resolution.y).max(1), usize::from(inch).max(1));
    let size = |of: usize, at: usize| ((of * inch + at / 2) / at).max(1);
    let (width, height) = (size(page.width(), x), size(page.height(), y));
    if page.height() == 0 {
        return Err("a page without rows makes no picture".into());
    }
    if width.saturating_mul(height) > MOST {
        return Err(format!("a picture of {width} x {height} pels is too large; ask for fewer pels an inch"));
    }
    let mut file = vec![];
    write(page, (width, height), inch, &mut file).map_err(|e| format!("the picture cannot be made: {e}"))?;
    Ok(file)
}

fn write(page: &Page, (width, height): (usize, usize), inch: usize, file: &mut Vec<u8>) -> Result<(), png::EncodingError> {
    let mut encoder = Encoder::new(file, width as u32, height as u32);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::Four);
    let metre = (inch * 10_000 / 254) as u32;
    encoder.set_pixel_dims(Some(PixelDimensions { xppu: metre, yppu: metre, unit: Unit::Meter }));
    encoder.set_filter(Filter::NoFilter);
    encoder.set_deflate_compression(DeflateCompression::Level(6));
    let mut writer = encoder.write_header()?;
    let mut stream = writer.stream_writer()?;
    let parts = Parts { page, across: shares(width, page.width()), area: page.width() as u64 * page.height() as u64 };
    let down = shares(page.height(), height);
    for rows in &down {
        let mut sum = vec![0u64; width];
        rows.iter().for_each(|(y, weight)| parts.add(*y, *weight, &mut sum));
        let grey = |black: &u64| 15 - ((black * 15 + parts.area / 2) / parts.area) as u8;
        let packed: Vec<u8> = sum.chunks(2).map(|two| grey(&two[0]) << 4 | two.get(1).map_or(0, grey)).collect();
        stream.write_all(&packed)?;
    }
    stream.finish()
}

struct Parts<'a> {
    page: &'a Page,
    /// For each pel of the page, the pels of the picture it reaches into, and how far.
    across: Vec<Vec<(usize, u64)>>,
    area: u64,
}

impl Parts<'_> {
    /// Adds the black of one row, `weight` of it.
    fn add(&self, y: usize, weight: u64, sum: &mut [u64]) {
        for (n, word) in self.page.row(y).iter().enumerate() {
            let mut left = *word;
            while left != 0 {
                let bit = left.leading_zeros() as usize;
                left ^= 1 << (WORD - 1 - bit);
                self.across[n * WORD + bit].iter().for_each(|(x, part)| sum[*x] += part * weight);
            }
        }
    }
}

/// Which of `old` pels lie under each of `new`, and how much of each: together `old`.
fn shares(old: usize, new: usize) -> Vec<Vec<(usize, u64)>> {
    let of = |n: usize| {
        let (start, end) = (n * old, (n + 1) * old);
        (start / new..end.div_ceil(new)).map(|k| (k, (((k + 1) * new).min(end) - (k * new).max(start)) as u64)).collect()
    };
    (0..new).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::super::page::Resolution;
    use super::*;

    /// Width, height and a value of 0 (black) to 15 a pel.
    fn read(file: &[u8]) -> (usize, usize, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut packed = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut packed).unwrap();
        let rows = packed.chunks(info.line_size);
        let pels = rows.flat_map(|row| row.iter().flat_map(|b| [b >> 4, b & 15]).take(info.width as usize)).collect();
        (info.width as usize, info.height as usize, pels)
    }

    #[test]
    fn a_square_inch_is_square_and_as_black_as_it_was() {
        for resolution in [Resolution::STANDARD, Resolution::FINE, Resolution::SUPERFINE] {
            let mut page = Page::white(1728, usize::from(resolution.y) * 3, resolution);
            let inch = usize::from(resolution.y)..2 * usize::from(resolution.y);
            inch.for_each(|y| (204..408).for_each(|x| page.row_mut(y)[x / 64] |= 1 << (63 - x % 64)));
            for dots in [204, 102, 100] {
                let (width, height, pels) = read(&square_at(&page, dots).unwrap());
                let dots = usize::from(dots);
                assert_eq!((width, height), ((1728 * dots + 102) / 204, 3 * dots));
                let black: usize = pels.iter().map(|v| 15 - usize::from(*v)).sum::<usize>() / 15;
                assert!(black.abs_diff(dots * dots) <= 2 * dots, "{black} of {dots} squared");
                assert_eq!(pels[(dots + 2) * width + dots + 2], 0);
                assert_eq!(pels[(dots - 2) * width + dots + 2], 15);
            }
        }
        assert!(square(&Page::new(1728, Resolution::FINE)).unwrap_err().contains("without rows"));
        assert!(square_at(&Page::white(1728, 100_000, Resolution::STANDARD), 408).unwrap_err().contains("too large"));
        assert_eq!(read(&square(&Page::white(1, 1, Resolution::FINE)).unwrap()).0, 1);
    }
}

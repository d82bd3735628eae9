//! Pictures of other makes: PNG, JPEG, GIF, BMP, WebP, PNM made grey.
//!
//! Standards: the files' own, by the `image` crate; EXIF orientation; JFIF and pHYs densities. In: a file's bytes. Out: a [`Grey`].
//! Refused from its header: a picture of more than [`MOST_PELS`], or a side of more than [`MOST_SIDE`]; of an animation the first
//! picture is read. Left out: colour profiles. Shown by: the tests below.

use super::{Grey, bilevel};
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageReader, Limits};
use std::io::Cursor;

/// Most pels of a picture.
pub const MOST_PELS: u64 = 100_000_000;
/// Most pels of a side.
pub const MOST_SIDE: u32 = 65_535;
/// Most bytes of a picture while it is read: four a pel.
const MOST_BYTES: u64 = 4 * MOST_PELS;

/// Reads a picture. The error is one sentence that names it.
pub fn picture(bytes: &[u8], name: &str) -> Result<Grey, String> {
    let bad = |e: &dyn std::fmt::Display| format!("`{name}` cannot be read: {e}");
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| bad(&e))?;
    if reader.format().is_none() {
        return Err(format!("`{name}` is no picture that can be read: a PNG, JPEG, GIF, BMP, WebP or PNM file is"));
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|e| bad(&e))?;
    let ((width, height), colour) = (decoder.dimensions(), decoder.color_type());
    let pels = u64::from(width) * u64::from(height);
    if pels == 0 {
        return Err(format!("`{name}` is a picture of {width} x {height} pels: there is nothing in it"));
    }
    if pels > MOST_PELS || width > MOST_SIDE || height > MOST_SIDE || decoder.total_bytes() > MOST_BYTES {
        return Err(format!("`{name}` is a picture of {width} x {height} pels; at most {MOST_PELS} in all are taken: make it smaller"));
    }
    if cut_off(bytes) {
        return Err(format!("`{name}` is cut off: its picture has no end"));
    }
    let turn = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut raw = vec![0; decoder.total_bytes() as usize];
    decoder.read_image(&mut raw).map_err(|e| bad(&e))?;
    let pels = grey(raw, colour).ok_or_else(|| bad(&"its kind of colour is not known"))?;
    Ok(turned(Grey { width: width as usize, height: height as usize, pels, dpi: dpi(bytes) }, turn))
}

/// Brightness by the weights of ITU-R BT.709, over white paper.
fn grey(raw: Vec<u8>, colour: ColorType) -> Option<Vec<u8>> {
    let luma = |p: &[u8]| ((u32::from(p[0]) * 54 + u32::from(p[1]) * 183 + u32::from(p[2]) * 19 + 128) >> 8) as u8;
    let over = |v: u8, alpha: u8| ((u32::from(v) * u32::from(alpha) + 255 * (255 - u32::from(alpha)) + 127) / 255) as u8;
    let high = |raw: &[u8]| -> Vec<u8> { raw.chunks_exact(2).map(|two| (u16::from_ne_bytes([two[0], two[1]]) >> 8) as u8).collect() };
    match colour {
        ColorType::L8 => Some(raw),
        ColorType::La8 => Some(raw.chunks_exact(2).map(|p| over(p[0], p[1])).collect()),
        ColorType::Rgb8 => Some(raw.chunks_exact(3).map(luma).collect()),
        ColorType::Rgba8 => Some(raw.chunks_exact(4).map(|p| over(luma(p), p[3])).collect()),
        ColorType::L16 => Some(high(&raw)),
        ColorType::La16 => grey(high(&raw), ColorType::La8),
        ColorType::Rgb16 => grey(high(&raw), ColorType::Rgb8),
        ColorType::Rgba16 => grey(high(&raw), ColorType::Rgba8),
        _ => None,
    }
}

fn turned(from: Grey, turn: Orientation) -> Grey {
    use Orientation::*;
    let (w, h) = (from.width, from.height);
    let at = |x: usize, y: usize| from.pels[y * w + x];
    let build = |width: usize, height: usize, of: &dyn Fn(usize, usize) -> u8| {
        let pels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| of(x, y)).collect();
        (width, height, pels)
    };
    let (width, height, pels) = match turn {
        NoTransforms => return from,
        FlipHorizontal => build(w, h, &|x, y| at(w - 1 - x, y)),
        Rotate180 => build(w, h, &|x, y| at(w - 1 - x, h - 1 - y)),
        FlipVertical => build(w, h, &|x, y| at(x, h - 1 - y)),
        Rotate90FlipH => build(h, w, &|x, y| at(y, x)),
        Rotate90 => build(h, w, &|x, y| at(y, h - 1 - x)),
        Rotate270FlipH => build(h, w, &|x, y| at(w - 1 - y, h - 1 - x)),
        Rotate270 => build(h, w, &|x, y| at(w - 1 - y, x)),
    };
    let dpi = if width == w && h != w { from.dpi } else { from.dpi.map(|(x, y)| (y, x)) };
    Grey { width, height, pels, dpi }
}

/// Pels an inch, where the file says so.
fn dpi(bytes: &[u8]) -> Option<(f32, f32)> {
    if bytes.starts_with(b"\x89PNG") {
        return bilevel::dpi(png::Decoder::new(Cursor::new(bytes)).read_info().ok()?.info());
    }
    let jfif = segments(bytes).find(|(marker, body)| *marker == 0xe0 && body.starts_with(b"JFIF\0") && body.len() >= 12)?.1;
    let (x, y) = (f32::from(u16::from_be_bytes([jfif[8], jfif[9]])), f32::from(u16::from_be_bytes([jfif[10], jfif[11]])));
    match jfif[7] {
        1 => Some((x, y)),
        2 => Some((x * 2.54, y * 2.54)),
        _ => None,
    }
}

/// The segments of a JPEG before its picture: marker and body. The last one's body reaches to the file's end.
fn segments(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8]);
    std::iter::from_fn(move || {
        let body = rest.take()?;
        let body = &body[body.iter().take_while(|b| **b == 0xff).count().checked_sub(1)?..];
        let (marker, size) = (*body.get(1)?, usize::from(u16::from_be_bytes([*body.get(2)?, *body.get(3)?])));
        if marker == 0xda {
            return Some((marker, body));
        }
        rest = body.get(2 + size..);
        Some((marker, body.get(4..2 + size)?))
    })
}

/// Whether a JPEG has no end: its decoder would make up the rest.
fn cut_off(bytes: &[u8]) -> bool {
    let scan = segments(bytes).find(|(marker, _)| *marker == 0xda);
    scan.is_some_and(|(_, body)| !body.windows(2).any(|two| two == [0xff, 0xd9]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ppm(kind: &str, width: usize, height: usize, most: u32, data: &[u8]) -> Vec<u8> {
        [format!("{kind}\n{width} {height}\n{most}\n").as_bytes(), data].concat()
    }

    fn png(width: u32, height: u32, colour: png::ColorType, depth: png::BitDepth, data: &[u8]) -> Vec<u8> {
        let mut file = vec![];
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(colour);
        encoder.set_depth(depth);
        if colour == png::ColorType::Indexed {
            encoder.set_palette(vec![255, 255, 255, 0, 0, 255, 0, 255, 0]);
            encoder.set_trns(vec![255, 128]);
        }
        encoder.write_header().unwrap().write_image_data(data).unwrap();
        file
    }

    /// A PNG's header alone, with the size it claims.
    fn claim(width: u32, height: u32) -> Vec<u8> {
        let mut file = png(1, 1, png::ColorType::Grayscale, png::BitDepth::Eight, &[0]);
        file[16..20].copy_from_slice(&width.to_be_bytes());
        file[20..24].copy_from_slice(&height.to_be_bytes());
        let crc = file[12..29]
            .iter()
            .fold(!0u32, |crc, b| (0..8).fold(crc ^ u32::from(*b), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }));
        file[29..33].copy_from_slice(&(!crc).to_be_bytes());
        file
    }

    fn pels(file: &[u8]) -> Vec<u8> {
        picture(file, "x").unwrap().pels
    }

    #[test]
    fn colours_depths_and_transparency_become_grey_on_white_paper() {
        use png::{BitDepth::*, ColorType::*};
        assert_eq!(pels(&ppm("P6", 4, 1, 255, &[255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255])), [255, 54, 182, 19]);
        assert_eq!(pels(&ppm("P5", 2, 1, 65_535, &[0x80, 0xff, 0xff, 0x00])), [128, 255]);
        assert_eq!(pels(&ppm("P6", 1, 1, 65_535, &[0xff, 0, 0xff, 0, 0xff, 0])), [255]);
        assert_eq!(pels(&png(3, 1, GrayscaleAlpha, Eight, &[0, 0, 0, 255, 0, 128])), [255, 0, 127]);
        assert_eq!(pels(&png(1, 1, Rgba, Sixteen, &[0, 0, 0, 0, 0, 0, 0, 0])), [255]);
        assert_eq!(pels(&png(3, 1, Indexed, Two, &[0b00_01_10_00])), [255, 137, 182]);
        assert_eq!(pels(&png(2, 1, Grayscale, One, &[0b1000_0000])), [255, 0]);
    }

    #[test]
    fn a_picture_is_turned_as_its_camera_was() {
        let of = |turn| {
            let grey = turned(Grey { width: 3, height: 2, pels: vec![1, 2, 3, 4, 5, 6], dpi: Some((1.0, 2.0)) }, turn);
            (grey.width, grey.pels, grey.dpi.unwrap())
        };
        assert_eq!(of(Orientation::NoTransforms), (3, vec![1, 2, 3, 4, 5, 6], (1.0, 2.0)));
        assert_eq!(of(Orientation::Rotate90), (2, vec![4, 1, 5, 2, 6, 3], (2.0, 1.0)));
        assert_eq!(of(Orientation::Rotate180), (3, vec![6, 5, 4, 3, 2, 1], (1.0, 2.0)));
        assert_eq!(of(Orientation::Rotate270), (2, vec![3, 6, 2, 5, 1, 4], (2.0, 1.0)));
        assert_eq!(of(Orientation::FlipHorizontal).1, [3, 2, 1, 6, 5, 4]);
        assert_eq!(of(Orientation::FlipVertical).1, [4, 5, 6, 1, 2, 3]);
        assert_eq!(of(Orientation::Rotate90FlipH).1, [1, 4, 2, 5, 3, 6]);
        assert_eq!(of(Orientation::Rotate270FlipH).1, [6, 3, 5, 2, 4, 1]);
    }

    #[test]
    fn a_picture_too_large_is_refused_before_it_is_unpacked() {
        for (width, height) in [(30_000, 30_000), (70_000, 1), (1, 4_000_000_000), (65_535, 65_535)] {
            let why = picture(&claim(width, height), "big.png").unwrap_err();
            assert!(why.contains("`big.png`") && why.len() < 200, "{why}");
        }
        let why = picture(&claim(30_000, 30_000), "big.png").unwrap_err();
        assert!(why.contains("30000 x 30000") && why.contains("100000000"), "{why}");
        let lie = picture(&ppm("P5", 9000, 9000, 255, &[0; 10]), "lie.pgm").unwrap_err();
        assert!(lie.contains("`lie.pgm`"), "{lie}");
        assert!(picture(&claim(9000, 9000), "lie.png").unwrap_err().contains("`lie.png`"));
    }

    #[test]
    fn what_is_cut_off_empty_or_no_picture_says_so() {
        let whole = png(300, 300, png::ColorType::Grayscale, png::BitDepth::Eight, &noise());
        for cut in [0, 7, 20, 40, 60, whole.len() / 2, whole.len() - 20] {
            assert!(picture(&whole[..cut], "a").is_err(), "{cut}");
        }
        assert!(picture(b"%PDF-1.7", "a.pdf").unwrap_err().contains("is no picture"));
        assert!(picture(b"", "a").unwrap_err().contains("`a`"));
        assert!(picture(b"P5 0 0 255\n", "a").is_err());
    }

    fn noise() -> Vec<u8> {
        (0..90_000).map(|n| crate::paper::mix(n) as u8).collect()
    }

    #[test]
    fn a_jpeg_says_its_density_and_whether_it_has_an_end() {
        let file = include_bytes!("../../../fixtures/pages/grey.jpg");
        let grey = picture(file, "grey.jpg").unwrap();
        assert_eq!((grey.width, grey.height, grey.dpi), (64, 48, Some((200.0, 100.0))));
        for cut in [3, 50, 200, file.len() / 2, file.len() - 2] {
            let why = picture(&file[..cut], "grey.jpg").unwrap_err();
            assert!(why.contains("`grey.jpg`"), "{why}");
        }
        assert!(picture(&file[..file.len() - 2], "grey.jpg").unwrap_err().contains("cut off"));
        let turned = picture(include_bytes!("../../../fixtures/pages/turned.jpg"), "turned.jpg").unwrap();
        assert_eq!((turned.width, turned.height), (48, 64));
    }
}

//! A sheet as a picture of teleprinter roll paper.
//!
//! Standard: PNG (ISO/IEC 15948), 16 colours; 150 dots an inch, so that 10 characters and 6 lines an inch are whole dots.
//! In: a [`Sheet`]. Out: a file. Every strike is drawn, one over the other. Ink, paper and torn edges are ours.
//! Left out: the type face of the machines. Shown by: `docs/paper.md`, the tests below.

use super::Sheet;
use super::font::{Face, POINTS};
use super::ink::{Look, look, mix, seed};
use super::pen::cover;
use png::{BitDepth, ColorType, DeflateCompression, Encoder, Filter, PixelDimensions, Unit};
use std::collections::BTreeMap;
use std::io::Write;

/// Dots an inch.
pub const DPI: u32 = 150;
/// Dots from column to column.
pub const PITCH: usize = 15;
/// Dots from line to line.
pub const LEAD: usize = 25;
/// Dots of air around the paper.
pub const AIR: usize = 15;
/// Dots from the paper's left edge to the first column.
pub const LEFT: usize = 6 * PITCH;
/// Blank lines above what is printed.
pub const ABOVE: usize = 3;
/// Blank lines below.
const BELOW: usize = 4;
/// The paper, 8.5 inches wide.
const PAPER: usize = 1275;
/// Width of the picture; even, since two dots share a byte.
const WIDTH: usize = (AIR + PAPER + AIR).next_multiple_of(2);
/// Dots from a line's top to the foot of its letters.
const FOOT: f32 = 18.0;
/// Longer rolls are for documents.
pub const MOST_ROWS: usize = 10_000;

/// All light: none is kept back by ink.
const LIGHT: u32 = 1024;
// The 16 colours: nothing, the paper's shadow, ink to paper in steps, and the paper's own unevenness.
const CLEAR: u8 = 0;
const SHADOW: u8 = 1;
const INK: u8 = 2;
const PLAIN: u8 = 12;
const DULL: u8 = 13;
const BRIGHT: u8 = 14;
const EDGE: u8 = 15;
const INK_COLOUR: [i32; 3] = [36, 34, 44];
const PAPER_COLOUR: [i32; 3] = [244, 237, 217];

/// Draws the sheet. The error is one sentence.
pub fn png(sheet: &Sheet) -> Result<Vec<u8>, String> {
    let rows = sheet.rows().len();
    if rows > MOST_ROWS {
        return Err(format!("the roll has {rows} lines and a picture takes {MOST_ROWS}; make a PDF, which is cut into sheets"));
    }
    let mut brush = Brush { face: Face::read()?, seed: seed(sheet), masks: BTreeMap::new() };
    let paper = Paper { seed: brush.seed, height: ((ABOVE + rows + BELOW) * LEAD) as i32 };
    let mut file = vec![];
    encode(&mut file, sheet, &mut brush, &paper).map_err(|e| format!("the picture cannot be made: {e}"))?;
    Ok(file)
}

fn encode(file: &mut Vec<u8>, sheet: &Sheet, brush: &mut Brush, paper: &Paper) -> Result<(), png::EncodingError> {
    let air = AIR as i32;
    let mut encoder = Encoder::new(file, WIDTH as u32, (paper.height + 2 * air) as u32);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Four);
    encoder.set_palette(palette());
    encoder.set_trns(vec![0, 60]);
    let metre = DPI * 10_000 / 254;
    encoder.set_pixel_dims(Some(PixelDimensions { xppu: metre, yppu: metre, unit: Unit::Meter }));
    encoder.set_filter(Filter::NoFilter);
    encoder.set_deflate_compression(DeflateCompression::Level(9));
    let mut writer = encoder.write_header()?;
    let mut stream = writer.stream_writer()?;
    let mut light = vec![];
    for y in -air..paper.height + air {
        if y.rem_euclid(LEAD as i32) == 0 || light.is_empty() {
            light = brush.band(sheet, y.div_euclid(LEAD as i32) as isize - ABOVE as isize);
        }
        let from = y.rem_euclid(LEAD as i32) as usize * PAPER;
        let of = |x: usize| x.checked_sub(AIR).filter(|x| *x < PAPER).map_or(LIGHT, |x| light[from + x]);
        let dots: Vec<u8> = (0..WIDTH).map(|x| paper.colour(x as i32 - air, y, of(x))).collect();
        let packed: Vec<u8> = dots.chunks(2).map(|two| two[0] << 4 | two.get(1).unwrap_or(&CLEAR)).collect();
        stream.write_all(&packed)?;
    }
    stream.finish()
}

fn palette() -> Vec<u8> {
    let between = |part: i32| (0..3).map(move |i| (INK_COLOUR[i] + (PAPER_COLOUR[i] - INK_COLOUR[i]) * part / 100) as u8);
    let mut colours = vec![255, 255, 255, 0, 0, 0];
    let steps = i32::from(PLAIN - INK);
    (0..=steps).for_each(|step| colours.extend(between(step * 100 / steps)));
    [97, 102, 92].into_iter().for_each(|part| colours.extend(between(part)));
    colours
}

/// The bare paper: where it ends, and where it is not even.
struct Paper {
    seed: u64,
    height: i32,
}

impl Paper {
    fn colour(&self, x: i32, y: i32, light: u32) -> u8 {
        if !self.here(x, y) {
            return if self.here(x - 4, y - 4) { SHADOW } else { CLEAR };
        }
        let tone = INK + ((light * u32::from(PLAIN - INK) + LIGHT / 2) / LIGHT) as u8;
        if tone < PLAIN {
            return tone;
        }
        if !self.here(x - 2, y - 2) || !self.here(x + 2, y + 2) {
            return EDGE;
        }
        // Fibres lie along the roll, a few dots long.
        match mix(self.seed ^ (x as u64) << 32 ^ (y / 3) as u64) % 150 {
            0 => DULL,
            1 => BRIGHT,
            _ => PLAIN,
        }
    }
    fn here(&self, x: i32, y: i32) -> bool {
        (0..PAPER as i32).contains(&x) && y >= self.torn(x, 1) && y < self.height - self.torn(x, 2)
    }
    /// How far the paper is torn off at this place: the teeth of the tear bar, and a hand that is not quite even.
    fn torn(&self, x: i32, which: u64) -> i32 {
        let teeth = ((x + 7 * which as i32) % 12 - 6).abs() / 2;
        let hand = |n: i32| (mix(self.seed ^ which << 50 ^ n as u64) % 8) as i32;
        let (n, part) = (x / 80, x % 80);
        teeth + (hand(n) * (80 - part) + hand(n + 1) * part) / 80
    }
}

/// What draws the strikes.
struct Brush {
    face: Face,
    seed: u64,
    masks: BTreeMap<(char, i32), Mask>,
}

/// How much of each dot a type covers, 0 to 255; `left` and `top` are from the place's upper left corner.
struct Mask {
    left: i32,
    top: i32,
    width: usize,
    cover: Vec<u8>,
}

impl Brush {
    /// The light that a row's place on the paper gives back, dot by dot. Neighbours may reach into it.
    fn band(&mut self, sheet: &Sheet, row: isize) -> Vec<u32> {
        let mut light = vec![LIGHT; PAPER * LEAD];
        for near in [row - 1, row, row + 1] {
            let Some((strikes, at)) = usize::try_from(near).ok().and_then(|at| Some((sheet.rows().get(at)?, at))) else { continue };
            for (number, strike) in strikes.iter().enumerate() {
                let look = look(self.seed, at, number, strike.character);
                let corner = ((LEFT + strike.column * PITCH) as i32, ((near - row) * LEAD as isize) as i32);
                self.strike(&mut light, strike.character, look, corner, (at, number));
            }
        }
        light
    }

    fn strike(&mut self, light: &mut [u32], character: char, look: Look, corner: (i32, i32), blow: (usize, usize)) {
        let seed = mix(self.seed ^ (blow.0 as u64) << 24 ^ blow.1 as u64);
        let face = &self.face;
        let mask = self.masks.entry((character, look.rise)).or_insert_with(|| mask(face, character, look.rise));
        for (n, cover) in mask.cover.iter().enumerate().filter(|(_, cover)| **cover > 0) {
            let (dx, dy) = (mask.left + (n % mask.width) as i32, mask.top + (n / mask.width) as i32);
            let (x, y) = (corner.0 + dx, corner.1 + dy);
            if !(0..PAPER as i32).contains(&x) || !(0..LEAD as i32).contains(&y) {
                continue;
            }
            let pressed = 100 + look.lean * (2 * dx - PITCH as i32) / 3;
            let weave = if mix(seed ^ n as u64).is_multiple_of(8) { 84 } else { 97 };
            // Of 1024 parts of light a strike keeps back so many; a stroke as thin as a dot is spread by the ribbon.
            let strength = (640 + 50 * look.dark) * pressed.clamp(80, 110) as u32 / 100 * weave / 100;
            let kept = (u32::from(*cover) * 5 / 4).min(255) * strength.min(LIGHT) / 255;
            let dot = &mut light[y as usize * PAPER + x as usize];
            *dot = *dot * (LIGHT - kept) / LIGHT;
        }
    }
}

fn mask(face: &Face, character: char, rise: i32) -> Mask {
    const ROOM: usize = 4; // dots around a place that a type may reach into
    let (width, height) = (PITCH + 2 * ROOM, LEAD + 4 * ROOM);
    let scale = POINTS * DPI as f32 / 72.0 / face.units();
    let foot = 2.0 * ROOM as f32 + FOOT - rise as f32 / 4.0;
    let cover = cover(face, face.glyph(character), (width, height), |x, y| (ROOM as f32 + x * scale, foot - y * scale));
    Mask { left: -(ROOM as i32), top: -2 * ROOM as i32, width, cover }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns, rows, and a colour number a dot.
    fn read(file: &[u8]) -> (usize, usize, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut packed = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut packed).unwrap();
        let dots = packed.iter().flat_map(|b| [b >> 4, b & 15]).collect();
        (info.width as usize, info.height as usize, dots)
    }

    /// How much ink lies in the place of a column and row: the sum of steps below paper.
    fn ink(picture: &(usize, usize, Vec<u8>), row: usize, column: usize) -> u32 {
        let (x, y) = (AIR + LEFT + column * PITCH, AIR + (ABOVE + row) * LEAD);
        let dots = (y..y + LEAD).flat_map(|y| (x..x + PITCH).map(move |x| (x, y)));
        dots.map(|(x, y)| picture.2[y * picture.0 + x]).filter(|d| (INK..PLAIN).contains(d)).map(|d| u32::from(PLAIN - d)).sum()
    }

    #[test]
    fn ink_lies_where_the_strikes_are_and_nowhere_else() {
        let picture = read(&png(&Sheet::of_text("A B\n\n    C")).unwrap());
        assert_eq!((picture.0, picture.1), (1306, (3 + 3 + 4) * 25 + 30));
        for (row, column, struck) in [(0, 0, true), (0, 1, false), (0, 2, true), (1, 0, false), (2, 4, true), (2, 3, false), (2, 5, false)]
        {
            assert_eq!(ink(&picture, row, column) > 100, struck, "row {row}, column {column}");
        }
    }

    #[test]
    fn a_place_struck_twice_has_the_ink_of_both() {
        let mut sheet = Sheet::of_text("OOO");
        sheet.strike(1, 'X');
        sheet.strike(2, 'O');
        let picture = read(&png(&sheet).unwrap());
        let once = ink(&picture, 0, 0);
        assert!(ink(&picture, 0, 1) > once * 5 / 4, "another type shows beside the first");
        assert!(ink(&picture, 0, 2) > once, "the same type again is darker");
    }

    #[test]
    fn the_same_sheet_gives_the_same_file_and_a_page_of_text_is_small() {
        let line = "THE QUICK BROWN FOX JUMPED OVER THE LAZY DOG'S BACK 1234567890\n";
        let (first, again) = (png(&Sheet::of_text(&line.repeat(60))).unwrap(), png(&Sheet::of_text(&line.repeat(60))).unwrap());
        assert!(first == again);
        assert!(first.len() < 300_000, "{} bytes", first.len());
        assert!(png(&Sheet::of_text(&"\n".repeat(MOST_ROWS + 1))).is_ok(), "blank lines at the end are none");
        let long = png(&Sheet::of_text(&("\n".repeat(MOST_ROWS + 1) + "A"))).unwrap_err();
        assert!(long.contains("10002 lines") && long.contains("PDF"), "{long}");
    }
}

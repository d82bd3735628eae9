//! A type set for fax: each character as black pels, at its true size whatever the shape of a pel.
//!
//! Standard: none; ours. In: a character, a size, a resolution. Out: its pels, put on a page.
//! No threshold is laid on grey: strokes are found as runs on a finer raster and rounded to whole pels, never to none, so that all
//! strokes of a weight come out alike and a bar between two rows stays. Feet, x-height and capitals are drawn to whole rows first.
//! Left out: kerning, other faces. Shown by: the tests below, `docs/fax-pages.md`.

use super::super::font::Face;
use super::super::page::{Page, Resolution, WORD, last_word};
use super::super::pen::cover;
use std::collections::BTreeMap;

/// Parts of a pel, across and down, in which strokes are measured.
const PARTS: usize = 8;
/// How much thicker than the font's strokes are, in tenths of a thousandth of an inch.
const WEIGHT: usize = 20;

/// A size of the type at a resolution.
pub(crate) struct Type {
    face: Face,
    /// Pels and rows of a font unit.
    scale: (f32, f32),
    /// By how many parts strokes are drawn thicker, across and down: ribbon and fax both need it.
    weight: (usize, usize),
    masks: BTreeMap<char, Mask>,
}

/// The pels of a character. `left` and `top` lead from where it stands (its left end, its foot) to the first pel.
struct Mask {
    left: isize,
    top: isize,
    stride: usize,
    words: Vec<u64>,
}

impl Type {
    /// The type in so many tenths of a point.
    pub(crate) fn new(tenths: usize, resolution: Resolution) -> Result<Type, String> {
        let face = Face::read()?;
        let size = |inch: u16| tenths as f32 * f32::from(inch) / 720.0 / face.units();
        let weight = |inch: u16| usize::from(inch) * PARTS * WEIGHT / 10_000;
        let weight = (weight(resolution.x), weight(resolution.y));
        Ok(Type { scale: (size(resolution.x), size(resolution.y)), weight, face, masks: BTreeMap::new() })
    }
    /// Whether the font has the character.
    pub(crate) fn has(&self, character: char) -> bool {
        self.face.glyph(character) != 0
    }
    /// Prints a character: its left end at pel `x`, its foot on the line between rows `foot - 1` and `foot`.
    pub(crate) fn stamp(&mut self, page: &mut Page, character: char, x: isize, foot: isize) {
        let (face, scale, weight) = (&self.face, self.scale, self.weight);
        let mask = self.masks.entry(character).or_insert_with(|| Mask::draw(face, character, scale, weight));
        mask.put(page, x + mask.left, foot + mask.top);
    }
}

/// All characters that the font has.
pub(super) fn letters() -> String {
    Face::read().map_or_else(|_| String::new(), |face| face.characters()) // the font in the program is read by its own test
}

impl Mask {
    fn draw(face: &Face, character: char, scale: (f32, f32), weight: (usize, usize)) -> Mask {
        let glyph = face.glyph(character);
        let bounds = face.bounds(glyph).unwrap_or_default();
        // A pel more at each side than the outline reaches: strokes grow.
        let whole = |units: f32, scale: f32| (units * scale).max(0.0) as usize + 2;
        let (left, right) = (whole(-bounds[0], scale.0), whole(bounds[2], scale.0));
        let (below, above) = (whole(-bounds[1], scale.1), whole(bounds[3], scale.1));
        let (width, height) = (left + right, above + below);
        let rows = Rows::of(face, scale.1);
        let parts = PARTS as f32;
        let place = |x: f32, y: f32| ((left as f32 + x * scale.0) * parts, (above as f32 - rows.of_units(y)) * parts);
        let fine = cover(face, glyph, (width * PARTS, height * PARTS), place);
        let words = settle(&fine, (width, height), weight);
        Mask { left: -(left as isize), top: -(above as isize), stride: width.div_ceil(WORD), words }
    }
    fn put(&self, page: &mut Page, x: isize, y: isize) {
        let (height, stride, last) = (page.height() as isize, page.stride() as isize, last_word(page.width()));
        for (n, row) in self.words.chunks_exact(self.stride).enumerate() {
            let y = y + n as isize;
            if !(0..height).contains(&y) || row.iter().all(|word| *word == 0) {
                continue;
            }
            let into = page.row_mut(y as usize);
            for (i, word) in row.iter().enumerate() {
                let at = x + (i * WORD) as isize;
                let (slot, shift) = (at.div_euclid(WORD as isize), at.rem_euclid(WORD as isize) as u32);
                let halves = [(slot, word >> shift), (slot + 1, if shift == 0 { 0 } else { word << (64 - shift) })];
                halves.into_iter().filter(|(slot, _)| (0..stride).contains(slot)).for_each(|(slot, bits)| into[slot as usize] |= bits);
            }
            into[stride as usize - 1] &= last;
        }
    }
}

/// Where heights of the font fall: its own lines on whole rows, what is between them in proportion. Round letters reach a little over
/// the lines; here they do not.
struct Rows {
    scale: f32,
    over: f32,
    lines: [(f32, f32); 2],
}

impl Rows {
    fn of(face: &Face, scale: f32) -> Rows {
        let whole = |units: f32| (units, (units * scale).round().max(1.0));
        let (small, capitals) = face.heights();
        Rows { scale, over: face.units() / 50.0, lines: [whole(small), whole(capitals)] }
    }
    fn of_units(&self, y: f32) -> f32 {
        let [small, capitals] = self.lines;
        let part = |y: f32, from: (f32, f32), to: (f32, f32)| from.1 + (y - from.0) * (to.1 - from.1) / (to.0 - from.0);
        if y < 0.0 {
            (y + self.over).min(0.0) * self.scale
        } else if y <= small.0 {
            part(y, (0.0, 0.0), small)
        } else if y <= capitals.0 {
            part(y.max(small.0 + self.over), (small.0 + self.over, small.1), capitals)
        } else {
            capitals.1 + (y - capitals.0 - self.over).max(0.0) * self.scale
        }
    }
}

/// A fine raster as whole pels: strokes across first, then down.
fn settle(fine: &[u8], (width, height): (usize, usize), weight: (usize, usize)) -> Vec<u64> {
    let (across, down) = (width * PARTS, height * PARTS);
    let stride = width.div_ceil(WORD);
    let mut half = vec![false; width * down];
    for y in 0..down {
        let ink = |x: usize| fine[y * across + x] > 127;
        runs(across, weight.0, ink, |from, to| (from..to).for_each(|x| half[y * width + x] = true));
    }
    let mut words = vec![0; stride * height];
    for x in 0..width {
        let mut blacken = |from: usize, to: usize| (from..to).for_each(|y| words[y * stride + x / WORD] |= 1 << (WORD - 1 - x % WORD));
        runs(down, weight.1, |y| half[y * width + x], &mut blacken);
    }
    words
}

/// Finds the runs of ink among `parts`, and tells the whole pels of each.
fn runs(parts: usize, weight: usize, ink: impl Fn(usize) -> bool, mut tell: impl FnMut(usize, usize)) {
    let mut at = 0;
    while at < parts {
        if !ink(at) {
            at += 1;
            continue;
        }
        let from = at;
        while at < parts && ink(at) {
            at += 1;
        }
        let pels = ((at - from + weight + PARTS / 2) / PARTS).max(1);
        let start = (from + at + PARTS).saturating_sub(pels * PARTS) / (2 * PARTS);
        tell(start, (start + pels).min(parts / PARTS));
    }
}

//! Lines, areas and words drawn on a page by their places in millimetres.
//!
//! Standard: none; ours. In: places in hundredths of a millimetre from the sheet's upper left corner. Out: black pels.
//! A line is never thinner than a pel. Whole numbers only; the sine is Bhaskara's, right to 2 in 1,000.
//! Left out: curves other than circles. Shown by: the tests below.

use super::super::form::Form;
use super::super::letter::stamp::Type;
use super::super::page::Page;
use super::patterns::{fill, unfill};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// A place: across, down, in hundredths of a millimetre.
pub(super) type Place = (i64, i64);

/// Parts of a pel in which places are counted.
const PARTS: i64 = 256;

/// A page being drawn on.
pub(super) struct Canvas {
    pub(super) page: Page,
    form: Form,
    types: BTreeMap<usize, Type>,
}

impl Canvas {
    pub(super) fn new(form: &Form) -> Canvas {
        Canvas { page: form.blank(), form: *form, types: BTreeMap::new() }
    }
    pub(super) fn form(&self) -> &Form {
        &self.form
    }
    /// A place in parts of pels and rows.
    fn parts(&self, (x, y): Place) -> Place {
        let left = self.form.left() as i64 * PARTS;
        (left + x * i64::from(self.form.resolution.x) * PARTS / 2540, y * i64::from(self.form.resolution.y) * PARTS / 2540)
    }
    /// The pel and the row at a place.
    pub(super) fn pel(&self, place: Place) -> (usize, usize) {
        let (x, y) = self.parts(place);
        let within = |v: i64, most: usize| (v / PARTS).clamp(0, most as i64 - 1) as usize;
        (within(x, self.page.width()), within(y, self.page.height()))
    }
    /// Blackens what the corners enclose.
    pub(super) fn area(&mut self, corners: &[Place]) {
        let corners: Vec<Place> = corners.iter().map(|p| self.parts(*p)).collect();
        self.inside(&corners);
    }
    fn inside(&mut self, corners: &[Place]) {
        let rows = corners.iter().map(|p| p.1);
        let (Some(top), Some(foot)) = (rows.clone().min(), rows.max()) else { return };
        let last = self.page.height() as i64;
        let width = self.page.width() as i64;
        for y in (top / PARTS).clamp(0, last)..(foot / PARTS + 1).clamp(0, last) {
            let mut edges = crossings(corners, y * PARTS + PARTS / 2);
            edges.sort_unstable();
            for two in edges.chunks_exact(2) {
                let pel = |x: i64| ((x + PARTS / 2 - 1).div_euclid(PARTS)).clamp(0, width) as usize;
                fill(self.page.row_mut(y as usize), pel(two[0]), pel(two[1]));
            }
        }
    }
    /// A straight line, so many hundredths of a millimetre thick.
    pub(super) fn line(&mut self, from: Place, to: Place, thick: i64) {
        let ((x0, y0), (x1, y1)) = (self.parts(from), self.parts(to));
        // Across the line, in millimetres: pels are not square, so the offset is made there.
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let long = ((dx * dx + dy * dy) as u64).isqrt().max(1) as i64;
        let zero = self.parts((0, 0));
        let (ox, oy) = self.parts((-dy * thick / (2 * long), dx * thick / (2 * long)));
        let (ox, oy) = (ox - zero.0, oy - zero.1);
        self.inside(&[(x0 - ox, y0 - oy), (x1 - ox, y1 - oy), (x1 + ox, y1 + oy), (x0 + ox, y0 + oy)]);
        self.thin((x0, y0), (x1, y1));
    }
    /// The pels that a line runs through.
    fn thin(&mut self, from: Place, to: Place) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let steps = (dx.abs().max(dy.abs()) / PARTS).max(1);
        for n in 0..=steps {
            let (x, y) = ((from.0 + dx * n / steps).div_euclid(PARTS), (from.1 + dy * n / steps).div_euclid(PARTS));
            if (0..self.page.width() as i64).contains(&x) && (0..self.page.height() as i64).contains(&y) {
                fill(self.page.row_mut(y as usize), x as usize, x as usize + 1);
            }
        }
    }
    /// Lines from place to place.
    pub(super) fn lines(&mut self, places: &[Place], thick: i64) {
        places.windows(2).for_each(|two| self.line(two[0], two[1], thick));
    }
    /// The outline of a rectangle.
    pub(super) fn frame(&mut self, (x0, y0): Place, (x1, y1): Place, thick: i64) {
        self.lines(&[(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)], thick);
    }
    /// A black rectangle.
    pub(super) fn block(&mut self, (x0, y0): Place, (x1, y1): Place) {
        self.area(&[(x0, y0), (x1, y0), (x1, y1), (x0, y1)]);
    }
    /// A white rectangle.
    pub(super) fn clear(&mut self, from: Place, to: Place) {
        let ((left, top), (right, foot)) = (self.pel(from), self.pel(to));
        for y in top..=foot {
            unfill(self.page.row_mut(y), left, right + 1);
        }
    }
    /// A circle's line.
    pub(super) fn circle(&mut self, middle: Place, radius: i64, thick: i64) {
        let places: Vec<Place> = (0..=72).map(|n| around(middle, radius, n * 5)).collect();
        self.lines(&places, thick);
    }
    /// A black disc.
    pub(super) fn disc(&mut self, middle: Place, radius: i64) {
        let places: Vec<Place> = (0..72).map(|n| around(middle, radius, n * 5)).collect();
        self.area(&places);
    }
    /// Words in so many tenths of a point: their left end and their foot at a place.
    pub(super) fn words(&mut self, place: Place, tenths: usize, words: &str) -> Result<(), String> {
        let (x, foot) = self.parts(place);
        let resolution = self.form.resolution;
        let types = match self.types.entry(tenths) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(none) => none.insert(Type::new(tenths, resolution)?),
        };
        let wide = |n: usize| (n * tenths * usize::from(resolution.x) * 6 / 7200) as i64;
        for (n, c) in words.chars().enumerate().filter(|(_, c)| *c != ' ') {
            types.stamp(&mut self.page, c, (x / PARTS + wide(n)) as isize, (foot / PARTS) as isize);
        }
        Ok(())
    }
    /// Puts a page's pels where they are black, at a place.
    pub(super) fn put(&mut self, other: &Page, place: Place) {
        let (left, top) = self.pel(place);
        for y in 0..other.height().min(self.page.height() - top) {
            let black = (0..other.width().min(self.page.width() - left)).filter(|x| other.black(*x, y));
            black.for_each(|x| fill(self.page.row_mut(top + y), left + x, left + x + 1));
        }
    }
}

/// Where a line of corners crosses a height.
pub(super) fn crossings(corners: &[Place], y: i64) -> Vec<i64> {
    let edges = corners.iter().zip(corners.iter().cycle().skip(1));
    let of = |((x0, y0), (x1, y1)): (&Place, &Place)| ((*y0 <= y) != (*y1 <= y)).then(|| x0 + (y - y0) * (x1 - x0) / (y1 - y0));
    edges.filter_map(of).collect()
}

/// The place at a distance and an angle, in degrees from the right, clockwise.
pub(super) fn around((x, y): Place, radius: i64, degrees: i64) -> Place {
    (x + radius * sine(degrees + 90) / 10_000, y + radius * sine(degrees) / 10_000)
}

/// 10,000 times the sine.
fn sine(degrees: i64) -> i64 {
    let (turn, sign) = match degrees.rem_euclid(360) {
        d @ 0..180 => (d, 1),
        d => (d - 180, -1),
    };
    let part = turn * (180 - turn);
    sign * 40_000 * part / (40_500 - part)
}

#[cfg(test)]
mod tests {
    use super::super::super::form::Width;
    use super::super::super::page::Resolution;
    use super::*;

    fn black(page: &Page) -> (usize, usize, usize, usize) {
        let pels = || (0..page.height()).flat_map(|y| (0..page.width()).map(move |x| (x, y))).filter(|(x, y)| page.black(*x, *y));
        let (left, right) = (pels().map(|p| p.0).min().unwrap(), pels().map(|p| p.0).max().unwrap() + 1);
        (left, pels().map(|p| p.1).min().unwrap(), right, pels().map(|p| p.1).max().unwrap() + 1)
    }

    #[test]
    fn places_are_true_at_every_resolution() {
        for resolution in [Resolution::STANDARD, Resolution::FINE, Resolution::SUPERFINE] {
            let form = Form { width: Width::A4, resolution };
            let mut canvas = Canvas::new(&form);
            canvas.block((2540, 2540), (7620, 5080));
            let (x, y) = (usize::from(resolution.x), usize::from(resolution.y));
            assert_eq!(black(&canvas.page), (form.left() + x, y, form.left() + 3 * x, 2 * y));
        }
    }

    #[test]
    fn no_line_is_lost_and_what_lies_outside_is_cut() {
        let form = Form { width: Width::A4, resolution: Resolution::STANDARD };
        for angle in 0..180 {
            let mut canvas = Canvas::new(&form);
            let ends = (around((10_000, 10_000), 2000, angle), around((10_000, 10_000), -2000, angle));
            canvas.line(ends.0, ends.1, 1);
            let ink: u32 = canvas.page.rows().flatten().map(|w| w.count_ones()).sum();
            assert!(ink >= 130, "{angle}: {ink}");
            canvas.line((-50_000, -50_000), (90_000, 90_000), 300);
            canvas.words((-3000, 400), 120, "ЖЖЖ").unwrap();
        }
    }

    #[test]
    fn sines_are_near_enough() {
        for degrees in -360..720 {
            assert!((sine(degrees) as f64 / 10_000.0 - f64::from(degrees as i32).to_radians().sin()).abs() < 0.002, "{degrees}");
        }
    }
}

//! The pen: an outline of the type drawn on a raster.
//!
//! Standard: none. In: outlines in font units, y upwards; where a point of them falls. Out: how much of each dot is covered.
//! Left out: which dots are inked (see `png`, `letter::stamp`). Shown by: the tests of those.

use super::font::Face;
use ab_glyph_rasterizer::{Point, Rasterizer, point};

/// How much of each dot of a raster a glyph covers, 0 to 255, row by row. `place` leads from font units to dots, y downwards.
pub(super) fn cover(face: &Face, glyph: u16, size: (usize, usize), place: impl Fn(f32, f32) -> (f32, f32)) -> Vec<u8> {
    let (at, start) = (point(0.0, 0.0), point(0.0, 0.0));
    let mut pen = Pen { raster: Rasterizer::new(size.0, size.1), place, at, start };
    face.outline(glyph, &mut pen);
    let mut cover = vec![0; size.0 * size.1];
    pen.raster.for_each_pixel(|n, part| cover[n] = (part.clamp(0.0, 1.0) * 255.0) as u8);
    cover
}

/// From the font's outline to the raster's lines.
struct Pen<F> {
    raster: Rasterizer,
    place: F,
    at: Point,
    start: Point,
}

impl<F: Fn(f32, f32) -> (f32, f32)> Pen<F> {
    fn place(&self, x: f32, y: f32) -> Point {
        let (x, y) = (self.place)(x, y);
        point(x, y)
    }
}

impl<F: Fn(f32, f32) -> (f32, f32)> ttf_parser::OutlineBuilder for Pen<F> {
    fn move_to(&mut self, x: f32, y: f32) {
        (self.at, self.start) = (self.place(x, y), self.place(x, y));
    }
    fn line_to(&mut self, x: f32, y: f32) {
        let to = self.place(x, y);
        self.raster.draw_line(self.at, to);
        self.at = to;
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let to = self.place(x, y);
        self.raster.draw_quad(self.at, self.place(x1, y1), to);
        self.at = to;
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let to = self.place(x, y);
        self.raster.draw_cubic(self.at, self.place(x1, y1), self.place(x2, y2), to);
        self.at = to;
    }
    fn close(&mut self) {
        self.raster.draw_line(self.at, self.start);
        self.at = self.start;
    }
}

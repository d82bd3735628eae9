//! A picture in tiles of four millimetres: how dark, how light, how evenly shaded each is.
//!
//! Standard: none; ours. In: a plane. Out: numbers a tile, and numbers between tiles. Bounds of a tile leave out its darkest and
//! lightest 4 %, which may be dirt. Left out: what follows from them (see `threshold`, `judge`). Shown by: the tests of those.

use super::super::page::Resolution;
use super::Plane;

/// What is known of a tile.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Tile {
    pub(super) dark: u8,
    pub(super) light: u8,
    /// Of 1,000 pels, those between dark and light.
    pub(super) mid: u32,
    /// Of 1,000 pels, those between dark and light whose neighbours are much the same: shading, which writing has not.
    pub(super) shaded: u32,
}

impl Tile {
    /// Whether there is more than one thing in it.
    pub(super) fn contrast(&self) -> bool {
        self.light - self.dark >= 48
    }
    /// Whether it looks like a part of a photograph.
    pub(super) fn photo(&self) -> bool {
        self.contrast() && (self.shaded >= 160 || self.mid >= 450)
    }
}

/// Tiles of a plane.
pub(super) struct Tiles {
    pub(super) across: usize,
    pub(super) down: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) tiles: Vec<Tile>,
}

impl Tiles {
    pub(super) fn of(plane: &Plane, resolution: Resolution) -> Tiles {
        let size = |inch: u16| (usize::from(inch) * 40 / 254).max(8);
        let (width, height) = (size(resolution.x), size(resolution.y));
        let (across, down) = (plane.width.div_ceil(width), plane.height.div_ceil(height));
        // Neighbours are a hundredth of an inch away, whatever the resolution.
        let step = |inch: u16| usize::from(inch).div_ceil(150);
        let steps = (step(resolution.x), step(resolution.y));
        let tile = |n: usize| tile(plane, (n % across * width, n / across * height), (width, height), steps);
        Tiles { across, down, width, height, tiles: (0..across * down).map(tile).collect() }
    }
    pub(super) fn at(&self, x: usize, y: usize) -> &Tile {
        &self.tiles[y * self.across + x]
    }
    /// A value at each pel of row `y`, given one for each tile's middle, in proportion between them.
    pub(super) fn between(&self, of: &[u8], y: usize, into: &mut [u8]) {
        let (above, below, part) = share(y, self.height, self.down);
        let column = |x: usize| {
            let (up, low) = (u32::from(of[above * self.across + x]), u32::from(of[below * self.across + x]));
            up * (256 - part) + low * part
        };
        let columns: Vec<u32> = (0..self.across).map(column).collect();
        for (x, into) in into.iter_mut().enumerate() {
            let (left, right, part) = share(x, self.width, self.across);
            *into = ((columns[left] * (256 - part) + columns[right] * part) >> 16) as u8;
        }
    }
}

/// The two tiles whose middles a pel lies between, and how far it is on the way, of 256.
fn share(at: usize, size: usize, count: usize) -> (usize, usize, u32) {
    let from = (at * 2 + 1).saturating_sub(size);
    let first = (from / (2 * size)).min(count - 1);
    let part = if at * 2 + 1 < size { 0 } else { from % (2 * size) * 256 / (2 * size) };
    (first, (first + 1).min(count - 1), part as u32)
}

fn tile(plane: &Plane, (left, top): (usize, usize), (width, height): (usize, usize), steps: (usize, usize)) -> Tile {
    let (right, foot) = ((left + width).min(plane.width), (top + height).min(plane.height));
    let mut counts = [0u32; 256];
    (top..foot).for_each(|y| plane.row(y)[left..right].iter().for_each(|v| counts[usize::from(*v)] += 1));
    let total: u32 = counts.iter().sum();
    let bound = |part: u32| rank(&counts, total * part / 100);
    let (dark, light) = (bound(4), bound(96));
    let (range, mut mid, mut shaded) = (light - dark, 0, 0);
    let (from, to, same) = (dark + range / 4, light - range / 4, range / 6);
    for y in top..foot {
        let (row, below) = (plane.row(y), plane.row((y + steps.1).min(plane.height - 1)));
        for x in left..right {
            let v = row[x];
            if from <= v && v <= to {
                mid += 1;
                let near = [row[(x + steps.0).min(plane.width - 1)], below[x]];
                shaded += u32::from(near.iter().all(|n| n.abs_diff(v) <= same));
            }
        }
    }
    Tile { dark, light, mid: mid * 1000 / total, shaded: shaded * 1000 / total }
}

/// The value that `below` of the counted ones lie under.
pub(super) fn rank(counts: &[u32; 256], below: u32) -> u8 {
    let mut sum = 0;
    let over = |n: &u32| {
        sum += n;
        sum > below
    };
    counts.iter().position(over).unwrap_or(255) as u8
}

/// How often each value is in a plane.
pub(super) fn counts(plane: &Plane) -> [u32; 256] {
    let mut counts = [0u32; 256];
    plane.pels.iter().for_each(|v| counts[usize::from(*v)] += 1);
    counts
}

//! Grey by black pels: error diffusion, and a screen of clustered dots.
//!
//! Source: R. W. Floyd and L. Steinberg, An adaptive algorithm for spatial grey scale (1976), run back and forth. In: a plane.
//! Out: ink. Left out: what is a photograph (see `judge`); the gain of a printer's dots. Shown by: the tests below, `docs/fax-pages.md`.

use super::super::page::Resolution;
use super::{Ink, Plane};

/// Error diffusion: what a pel is too dark or too light goes to its neighbours.
pub(super) fn floyd(plane: &Plane, ink: &mut Ink) {
    let width = plane.width;
    let (mut here, mut below) = (vec![0i32; width + 2], vec![0i32; width + 2]); // in 16ths; one more at either side
    let mut black = vec![false; width];
    for y in 0..plane.height {
        let row = plane.row(y);
        let back = y % 2 == 1;
        for n in 0..width {
            let x = if back { width - 1 - n } else { n };
            let value = i32::from(row[x]) * 16 + here[x + 1];
            black[x] = value < 128 * 16;
            let error = if black[x] { value } else { value - 255 * 16 };
            let (ahead, behind) = if back { (x, x + 2) } else { (x + 2, x) };
            let shares = [error * 7 / 16, error * 3 / 16, error * 5 / 16];
            here[ahead] += shares[0];
            below[behind] += shares[1];
            below[x + 1] += shares[2];
            below[ahead] += error - shares.iter().sum::<i32>();
        }
        ink.row(y, width, |x| black[x]);
        std::mem::swap(&mut here, &mut below);
        below.fill(0);
    }
}

/// Pels of the screen's cell, across.
const CELL: usize = 8;

/// A screen at 45 degrees, two dots a cell, as many rows a cell as make it square on paper.
pub(super) fn ordered(plane: &Plane, resolution: Resolution, ink: &mut Ink) {
    let cell = Cell::of(resolution);
    for y in 0..plane.height {
        let (row, limits) = (plane.row(y), cell.row(ink.top + y));
        let left = ink.left;
        ink.row(y, plane.width, |x| u16::from(row[x]) < limits[(left + x) % CELL]);
    }
}

struct Cell {
    limits: Vec<u16>,
}

impl Cell {
    fn of(resolution: Resolution) -> Cell {
        let (x, y) = (usize::from(resolution.x), usize::from(resolution.y));
        let rows = ((CELL * y + x) / (2 * x) * 2).max(2);
        // How far a place is from the dots' middles: a wave of straight lines along and across, as whole numbers.
        let wave = |at: usize, of: usize| ((2 * at + 1) as i64 * 2 - 2 * of as i64).abs() * 1000 / of as i64;
        let mut places: Vec<(i64, usize)> = (0..CELL * rows).map(|n| (spot(wave(n % CELL, CELL), wave(n / CELL, rows)), n)).collect();
        places.sort_unstable();
        let mut limits = vec![0; CELL * rows];
        let count = places.len();
        places.iter().enumerate().for_each(|(rank, (_, n))| limits[*n] = ((count - rank) * 255 / count) as u16);
        Cell { limits }
    }
    fn row(&self, y: usize) -> &[u16] {
        let rows = self.limits.len() / CELL;
        &self.limits[y % rows * CELL..(y % rows + 1) * CELL]
    }
}

/// The order in which places are inked: the middle and the corners first, both together as at 45 degrees.
fn spot(across: i64, down: i64) -> i64 {
    -(across - 1000) * (down - 1000)
}

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
        places.iter().enumerate().for_each(|(rank, (_, n))| limits[*n] = ((2 * (count - rank) - 1) * 255 / (2 * count)) as u16);
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

#[cfg(test)]
mod tests {
    use super::super::super::page::Page;
    use super::*;

    fn drawn(width: usize, height: usize, resolution: Resolution, of: impl Fn(usize, usize) -> u8, screen: bool) -> Page {
        let plane = Plane { width, height, pels: (0..width * height).map(|n| of(n % width, n / width)).collect() };
        let mut page = Page::white(width, height, resolution);
        let mut ink = Ink { page: &mut page, left: 0, top: 0 };
        if screen {
            ordered(&plane, resolution, &mut ink)
        } else {
            floyd(&plane, &mut ink)
        }
        page
    }

    fn black(page: &Page) -> usize {
        page.rows().flatten().map(|word| word.count_ones() as usize).sum()
    }

    #[test]
    fn diffusion_keeps_the_mean_within_two_in_a_thousand_and_the_screen_within_two_in_a_hundred() {
        for grey in 0..=255u8 {
            let should = (255 - usize::from(grey)) * 240 * 240 / 255;
            let diffused = black(&drawn(240, 240, Resolution::FINE, |_, _| grey, false));
            assert!(diffused.abs_diff(should) <= 240 * 240 / 500, "{grey}: {diffused} for {should}");
            for resolution in [Resolution::STANDARD, Resolution::FINE, Resolution::SUPERFINE] {
                let screened = black(&drawn(240, 240, resolution, |_, _| grey, true));
                assert!(screened.abs_diff(should) <= 240 * 240 / 50, "{grey} at {resolution:?}: {screened} for {should}");
            }
        }
    }

    #[test]
    fn white_and_black_have_no_specks_and_a_ramp_rises() {
        for screen in [false, true] {
            assert_eq!(black(&drawn(100, 100, Resolution::FINE, |_, _| 255, screen)), 0);
            assert_eq!(black(&drawn(100, 100, Resolution::FINE, |_, _| 0, screen)), 10_000);
            let ramp = drawn(256, 256, Resolution::FINE, |x, _| x as u8, screen);
            let part = |n: usize| (0..256).map(|y| (n * 32..n * 32 + 32).filter(|x| ramp.black(*x, y)).count()).sum::<usize>();
            assert!((1..8).all(|n| part(n) < part(n - 1)), "darker to the left");
        }
    }

    #[test]
    fn the_screen_has_longer_runs_than_diffusion() {
        let changes = |page: &Page| {
            (0..page.height()).map(|y| (1..page.width()).filter(|x| page.black(*x, y) != page.black(x - 1, y)).count()).sum::<usize>()
        };
        let [diffused, screened] =
            [false, true].map(|screen| changes(&drawn(400, 400, Resolution::FINE, |x, _| (x / 2 + 20) as u8, screen)));
        assert!(screened * 3 < diffused * 2, "{screened}, {diffused}");
    }
}

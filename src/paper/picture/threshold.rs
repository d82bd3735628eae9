//! Writing and drawings: black and white by a threshold that follows paper and ink.
//!
//! Standard: none; ours, an adaptive threshold by tiles. In: a plane. Out: ink.
//! A tile's threshold lies between the paper around it and the darkest in it, so that a shadow on a scan does not become ink and faint
//! writing is not lost; between tiles it changes evenly. Left out: photographs (see `dither`). Shown by: the tests below.

use super::tiles::{Tiles, counts, rank};
use super::{Ink, Plane};

/// Where between ink and paper the threshold lies, of 100; and where it lies with nothing but paper in sight.
const WITHIN: u32 = 60;
const BLANK: u32 = 62;
/// Darker than this part of the brightest paper, of 100, is no paper but ink, however wide.
const PAPER: u32 = 55;

/// Draws the plane at its thresholds.
pub(super) fn cut(plane: &Plane, tiles: &Tiles, ink: &mut Ink) {
    let limits = limits(plane, tiles);
    let mut limit = vec![0; plane.width];
    for y in 0..plane.height {
        tiles.between(&limits, y, &mut limit);
        let row = plane.row(y);
        ink.row(y, plane.width, |x| row[x] < limit[x]);
    }
}

/// A threshold for each tile.
fn limits(plane: &Plane, tiles: &Tiles) -> Vec<u8> {
    let white = u32::from(rank(&counts(plane), plane.pels.len() as u32 / 20 * 19)).max(64);
    let near = |x: usize, of: usize| x.saturating_sub(1)..(x + 2).min(of);
    // The middle one of the tiles around: neither a wide stroke nor the lid of a scanner beside the sheet is its paper.
    let paper = |x: usize, y: usize| {
        let mut around: Vec<u8> = near(y, tiles.down).flat_map(|y| near(x, tiles.across).map(move |x| tiles.at(x, y).light)).collect();
        around.sort_unstable();
        u32::from(around[(around.len() - 1) / 2]).max(white * PAPER / 100)
    };
    let limit = |n: usize| {
        let (x, y) = (n % tiles.across, n / tiles.across);
        let (paper, dark) = (paper(x, y), u32::from(tiles.at(x, y).dark));
        let apart = paper.saturating_sub(dark);
        let limit = if apart < 48 || dark < 48 { paper * BLANK / 100 } else { dark + apart * WITHIN / 100 };
        limit.max(1) as u8
    };
    (0..tiles.tiles.len()).map(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::page::{Page, Resolution};
    use super::*;

    const R: Resolution = Resolution::FINE;

    fn drawn(width: usize, height: usize, of: impl Fn(usize, usize) -> u8) -> Page {
        let plane = Plane { width, height, pels: (0..width * height).map(|n| of(n % width, n / width)).collect() };
        let mut page = Page::white(width, height, R);
        cut(&plane, &Tiles::of(&plane, R), &mut Ink { page: &mut page, left: 0, top: 0 });
        page
    }

    /// Bars three pels thick, twelve apart, with a break in each.
    fn writing(x: usize, y: usize) -> bool {
        y % 12 < 3 && x % 40 < 30
    }

    fn wrong(page: &Page, black: impl Fn(usize, usize) -> bool) -> usize {
        (0..page.height()).map(|y| (0..page.width()).filter(|x| page.black(*x, y) != black(*x, y)).count()).sum()
    }

    #[test]
    fn writing_under_uneven_light_is_read_whole() {
        let light = |x: usize, y: usize| 255 - (x / 6 + y / 12) as u8; // from 255 down to 110
        let page = drawn(600, 500, |x, y| if writing(x, y) { light(x, y) / 4 } else { light(x, y) });
        assert_eq!(wrong(&page, writing), 0);
    }

    #[test]
    fn faint_writing_is_kept_and_faint_dirt_is_not() {
        assert_eq!(wrong(&drawn(300, 300, |x, y| if writing(x, y) { 170 } else { 240 }), writing), 0);
        assert_eq!(wrong(&drawn(300, 300, |x, y| if writing(x, y) { 225 } else { 245 }), |_, _| false), 0);
        let noisy = |x: usize, y: usize| (crate::paper::mix((y * 300 + x) as u64) % 24) as u8;
        assert_eq!(wrong(&drawn(300, 300, |x, y| if writing(x, y) { 60 } else { 215 } + noisy(x, y)), writing), 0);
    }

    #[test]
    fn wide_black_stays_black_and_a_blank_page_blank() {
        let block = |x: usize, y: usize| (50..250).contains(&x) && (50..250).contains(&y);
        assert_eq!(wrong(&drawn(300, 300, |x, y| if block(x, y) { 20 } else { 255 }), block), 0);
        assert_eq!(wrong(&drawn(300, 300, |_, _| 255), |_, _| false), 0);
        assert_eq!(wrong(&drawn(300, 300, |_, _| 0), |_, _| true), 0);
    }
}

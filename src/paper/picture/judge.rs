//! What of a picture is a photograph, a drawing with grey in it, or writing.
//!
//! Standard: none; ours. In: a plane and its tiles. Out: ink, each part drawn in the way that suits it.
//! Told by two things: how much of it is paper, bright and much the same as what is around; and by the tiles with contrast: in writing
//! hardly a pel lies between ink and paper but at edges, in a photograph many do, and their neighbours are like them.
//! Left out: pictures on a page that are no rectangles. Shown by: the tests below, `docs/fax-pages.md`.

use super::tiles::{Tiles, counts, rank};
use super::{Ink, Plane, dither, threshold};

/// What a picture is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A photograph, all of it.
    Photo,
    /// Drawn by a program in a few greys, with areas of grey.
    Greys,
    /// Writing or a drawing; with photographs at these places, in pels.
    Writing(Vec<Area>),
}

/// A rectangle: from, and up to but not with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Area {
    left: usize,
    top: usize,
    right: usize,
    foot: usize,
}

/// Of 100 tiles with contrast, so many of a photograph make the whole one.
const WHOLE: usize = 60;
/// Of 100 tiles, at least so many are paper where there is writing.
const PAPER: usize = 50;
/// With fewer than one tile in so many with contrast, a picture is hardly written on.
const EVEN: usize = 50;
/// The least photograph on a page, in tiles: eight millimetres square.
const LEAST: usize = 4;

/// Draws the plane, each part in its way. `light` gives the same plane made for dithering.
pub(super) fn auto(plane: &Plane, light: impl Fn() -> Plane, tiles: &Tiles, ink: &mut Ink) {
    match judge(plane, tiles) {
        Kind::Photo => dither::floyd(&light(), ink),
        Kind::Greys => dither::floyd(plane, ink),
        Kind::Writing(photos) => {
            threshold::cut(plane, tiles, ink);
            let light = if photos.is_empty() { None } else { Some(light()) };
            light.iter().for_each(|light| photos.iter().for_each(|area| patch(light, area, ink)));
        }
    }
}

fn patch(light: &Plane, area: &Area, ink: &mut Ink) {
    let (x, y) = (area.left..area.right, area.top..area.foot);
    let pels = y.clone().flat_map(|y| light.row(y)[x.clone()].iter().copied()).collect();
    ink.clear(x.clone(), y.clone());
    let mut part = Ink { page: ink.page, left: ink.left + area.left, top: ink.top + area.top };
    dither::floyd(&Plane { width: x.len(), height: y.len(), pels }, &mut part);
}

pub(super) fn judge(plane: &Plane, tiles: &Tiles) -> Kind {
    let counts = counts(plane);
    let total = plane.pels.len();
    let contrast = tiles.tiles.iter().filter(|t| t.contrast()).count();
    let photo = tiles.tiles.iter().filter(|t| t.photo()).count();
    let few = few_greys(&counts, total);
    if few && flat(plane) * 100 >= total {
        return Kind::Greys;
    }
    if few && photo * 100 < WHOLE * contrast {
        return Kind::Writing(vec![]);
    }
    if contrast * EVEN < tiles.tiles.len() {
        // Hardly an edge: paper, or a photograph out of focus.
        let all = total as u32;
        let (dark, light) = (rank(&counts, all / 100), rank(&counts, all - 1 - all / 100));
        return if light - dark >= 96 || light < 128 && light > 32 { Kind::Photo } else { Kind::Writing(vec![]) };
    }
    let paper = paper(plane, tiles);
    let share = paper.iter().filter(|p| **p).count() * 100 / paper.len();
    if photo * 100 >= WHOLE * contrast || share < PAPER {
        return Kind::Photo;
    }
    Kind::Writing(areas(tiles, &paper).into_iter().map(|area| trimmed(area, plane, tiles)).collect())
}

/// Whether sixteen values make up nearly all of it: drawn, not scanned.
fn few_greys(counts: &[u32; 256], total: usize) -> bool {
    let mut counts = *counts;
    counts.sort_unstable();
    counts[240..].iter().map(|n| *n as usize).sum::<usize>() * 100 >= total * 85
}

/// Pels of middle greys among others of just their value.
fn flat(plane: &Plane) -> usize {
    let of = |y: usize| {
        let (row, above, below) = (plane.row(y), plane.row(y - 1), plane.row(y + 1));
        let same = |x: &usize| [row[x - 1], row[x + 1], above[*x], below[*x]].iter().all(|v| *v == row[*x]);
        (1..plane.width - 1).filter(|x| (40..=215).contains(&row[*x])).filter(same).count()
    };
    if plane.width < 3 { 0 } else { (1..plane.height.max(1) - 1).map(of).sum() }
}

/// Which tiles show paper: no darker than what is around them, and no darker than paper can be.
fn paper(plane: &Plane, tiles: &Tiles) -> Vec<bool> {
    let white = u32::from(rank(&counts(plane), plane.pels.len() as u32 / 100 * 99));
    let near = |at: usize, of: usize| at.saturating_sub(3)..(at + 4).min(of);
    let of = |n: usize| {
        let (x, y) = (n % tiles.across, n / tiles.across);
        let around = near(y, tiles.down).flat_map(|y| near(x, tiles.across).map(move |x| tiles.at(x, y).light));
        let (own, most) = (u32::from(tiles.tiles[n].light), around.max().map_or(0, u32::from));
        own * 100 >= most * 85 && own * 100 >= white * 50
    };
    (0..tiles.tiles.len()).map(of).collect()
}

/// Where photographs lie on a page: among what hangs together and is no paper, where there is enough that looks like one.
fn areas(tiles: &Tiles, paper: &[bool]) -> Vec<Area> {
    let mut seen: Vec<bool> = tiles.tiles.iter().zip(paper).map(|(t, paper)| *paper && !t.photo()).collect();
    let mut areas = vec![];
    for n in 0..seen.len() {
        if seen[n] {
            continue;
        }
        let (area, count, photo) = together(n, tiles, &mut seen);
        let (wide, high) = (area.right - area.left, area.foot - area.top);
        if wide.min(high) > 1 && wide * high >= LEAST && count * 100 >= wide * high * 50 && photo * 100 >= count * 25 {
            areas.push(area);
        }
    }
    areas
}

/// The tiles that hang together with tile `n`: the rectangle around them, how many, and how many of them of a photograph.
fn together(n: usize, tiles: &Tiles, seen: &mut [bool]) -> (Area, usize, usize) {
    let (x, y) = (n % tiles.across, n / tiles.across);
    let mut area = Area { left: x, top: y, right: x + 1, foot: y + 1 };
    let (mut coming, mut count, mut photo) = (vec![(x, y)], 0, 0);
    seen[n] = true;
    let near = |at: usize, of: usize| at.saturating_sub(1)..(at + 2).min(of);
    while let Some((x, y)) = coming.pop() {
        count += 1;
        photo += usize::from(tiles.at(x, y).photo());
        area = Area { left: area.left.min(x), top: area.top.min(y), right: area.right.max(x + 1), foot: area.foot.max(y + 1) };
        for (x, y) in near(y, tiles.down).flat_map(|y| near(x, tiles.across).map(move |x| (x, y))) {
            if !std::mem::replace(&mut seen[y * tiles.across + x], true) {
                coming.push((x, y));
            }
        }
    }
    (area, count, photo)
}

/// An area of tiles in pels, its sides moved to where the photograph ends: past what is mostly paper.
fn trimmed(tile: Area, plane: &Plane, tiles: &Tiles) -> Area {
    let (right, foot) = ((tile.right + 1).min(tiles.across), (tile.foot + 1).min(tiles.down));
    let (left, top) = (tile.left.saturating_sub(1), tile.top.saturating_sub(1));
    let lights = (top..foot).flat_map(|y| (left..right).map(move |x| tiles.at(x, y).light));
    let paper = u32::from(lights.max().unwrap_or(255)) * 88 / 100;
    let mut area = Area {
        left: left * tiles.width,
        top: top * tiles.height,
        right: (right * tiles.width).min(plane.width),
        foot: (foot * tiles.height).min(plane.height),
    };
    let bare = |light: usize, of: usize| light * 10 >= of * 7;
    let pale = |x: usize, y: usize| u32::from(plane.row(y)[x]) > paper;
    let row = |a: &Area, y: usize| bare((a.left..a.right).filter(|x| pale(*x, y)).count(), a.right - a.left);
    let column = |a: &Area, x: usize| bare((a.top..a.foot).filter(|y| pale(x, *y)).count(), a.foot - a.top);
    // No further in than two tiles: the rest is the photograph's own.
    let (wide, high) = ((2 * tiles.width).min((area.right - area.left) / 3), (2 * tiles.height).min((area.foot - area.top) / 3));
    area.top += (0..high).take_while(|n| row(&area, area.top + n)).count();
    area.foot -= (0..high).take_while(|n| row(&area, area.foot - 1 - n)).count();
    area.left += (0..wide).take_while(|n| column(&area, area.left + n)).count();
    area.right -= (0..wide).take_while(|n| column(&area, area.right - 1 - n)).count();
    area
}

/// A photograph's pels: its darkest and lightest brought near black and white, its edges a little sharper.
pub(super) fn toned(plane: Plane) -> Plane {
    let (counts, all) = (counts(&plane), plane.pels.len() as u32);
    let (dark, light) = (rank(&counts, all / 200).min(64), rank(&counts, all - 1 - all / 200).max(192));
    let (dark, range) = (i32::from(dark), i32::from(light) - i32::from(dark));
    let tone = |v: i32| ((v - dark) * 255 + range / 2) / range;
    let (width, last) = (plane.width, plane.height - 1);
    let mut pels = Vec::with_capacity(plane.pels.len());
    for y in 0..plane.height {
        let (row, above, below) = (plane.row(y), plane.row(y.saturating_sub(1)), plane.row((y + 1).min(last)));
        for x in 0..width {
            let own = i32::from(row[x]);
            let around: i32 =
                [row[x.saturating_sub(1)], row[(x + 1).min(width - 1)], above[x], below[x]].iter().map(|v| i32::from(*v)).sum();
            pels.push(tone(own + (4 * own - around) / 6).clamp(0, 255) as u8);
        }
    }
    Plane { pels, ..plane }
}

#[cfg(test)]
mod tests {
    use super::super::super::page::{Page, Resolution};
    use super::*;
    use crate::paper::mix;

    const R: Resolution = Resolution::FINE;

    fn plane(width: usize, height: usize, of: impl Fn(usize, usize) -> u8) -> Plane {
        Plane { width, height, pels: (0..width * height).map(|n| of(n % width, n / width)).collect() }
    }

    fn kind(plane: &Plane) -> Kind {
        judge(plane, &Tiles::of(plane, R))
    }

    fn noise(x: usize, y: usize) -> u8 {
        (mix((y * 5000 + x) as u64) % 20) as u8
    }

    /// Writing with soft edges, on paper not quite white.
    fn writing(x: usize, y: usize) -> u8 {
        let ink = [235u8, 140, 40, 140, 235, 235, 235, 235, 235, 235, 235, 235];
        (if x % 60 < 45 { ink[y % 12] } else { 235 }) - noise(x, y)
    }

    fn shading(x: usize, y: usize) -> u8 {
        (40 + (x * 3 + y * 2) % 350 / 2) as u8 + noise(x, y)
    }

    #[test]
    fn writing_photographs_and_drawings_are_told_apart() {
        assert_eq!(kind(&plane(800, 900, writing)), Kind::Writing(vec![]));
        assert_eq!(kind(&plane(800, 900, |x, y| writing(x, y) / 2 + 60 - (x / 20) as u8)), Kind::Writing(vec![]), "in a shadow");
        assert_eq!(kind(&plane(800, 900, shading)), Kind::Photo);
        assert_eq!(kind(&plane(800, 900, |_, y| (y / 4) as u8)), Kind::Photo, "nothing but a gradient");
        assert_eq!(kind(&plane(800, 900, |x, y| 240 - noise(x, y))), Kind::Writing(vec![]), "bare paper");
        assert_eq!(kind(&plane(800, 900, |x, y| if (x / 200 + y / 200) % 2 == 0 { 255 } else { 130 })), Kind::Greys);
        assert_eq!(kind(&plane(1, 1, |_, _| 0)), Kind::Writing(vec![]));
    }

    #[test]
    fn a_photograph_on_a_page_of_writing_is_found_where_it_is() {
        let inside = |x: usize, y: usize| (203..611).contains(&x) && (400..705).contains(&y);
        let around = |x: usize, y: usize| (160..650).contains(&x) && (360..750).contains(&y);
        let page = plane(800, 1100, |x, y| match (inside(x, y), around(x, y)) {
            (true, _) => shading(x, y),
            (_, true) => 235 - noise(x, y),
            _ => writing(x, y),
        });
        let Kind::Writing(photos) = kind(&page) else { panic!("{:?}", kind(&page)) };
        let [found] = photos[..] else { panic!("{photos:?}") };
        let near = |a: usize, b: usize| a.abs_diff(b) <= 3;
        assert!(near(found.left, 203) && near(found.right, 611) && near(found.top, 400) && near(found.foot, 705), "{found:?}");
        let mut sheet = Page::white(800, 1100, R);
        let tiles = Tiles::of(&page, R);
        auto(&page, || page.clone(), &tiles, &mut Ink { page: &mut sheet, left: 0, top: 0 });
        let black = |x: std::ops::Range<usize>, y: usize| x.filter(|x| sheet.black(*x, y)).count();
        assert!((450..650).all(|y| (30..370).contains(&black(210..600, y))), "grey within");
        assert!((0..300).all(|y| black(0..40, y) == if (1..4).contains(&(y % 12)) { 40 } else { 0 }), "writing around");
    }
}

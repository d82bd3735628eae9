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
    /// Writing or a drawing; with photographs at these places, in tiles.
    Writing(Vec<Area>),
}

/// A rectangle of tiles: from, and up to but not with.
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
            light.iter().for_each(|light| photos.iter().for_each(|area| patch(light, tiles, area, ink)));
        }
    }
}

fn patch(light: &Plane, tiles: &Tiles, area: &Area, ink: &mut Ink) {
    let (x, y) = (area.left * tiles.width, area.top * tiles.height);
    let (right, foot) = ((area.right * tiles.width).min(light.width), (area.foot * tiles.height).min(light.height));
    let pels = (y..foot).flat_map(|y| light.row(y)[x..right].iter().copied()).collect();
    ink.clear(x..right, y..foot);
    let mut part = Ink { page: ink.page, left: ink.left + x, top: ink.top + y };
    dither::floyd(&Plane { width: right - x, height: foot - y, pels }, &mut part);
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
    if contrast == 0 {
        let all = total as u32;
        let (dark, light) = (rank(&counts, all / 100), rank(&counts, all - 1 - all / 100));
        return if light - dark >= 64 || light < 128 && light > 32 { Kind::Photo } else { Kind::Writing(vec![]) };
    }
    let paper = paper(plane, tiles);
    let share = paper.iter().filter(|p| **p).count() * 100 / paper.len();
    if photo * 100 >= WHOLE * contrast || share < PAPER {
        return Kind::Photo;
    }
    Kind::Writing(areas(tiles, &paper))
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

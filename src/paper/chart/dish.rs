//! A photograph, computed: the dish of an earth station against the sky, hills and a wood behind it.
//!
//! Standard: none; ours. In: a size. Out: a [`Grey`]. Whole numbers only. Left out: any real station; what of it is lit is reckoned, nothing
//! is retouched. Shown by: `paper::chart`, the demo of 1986.

use super::super::picture::Grey;
use super::scene::{field, grain, wave};

/// Places are in parts of which the picture is so many wide.
const ACROSS: i64 = 16_000;
/// The middle of the dish, and half its width and its height across the way it looks.
const MIDDLE: (i64, i64) = (8_300, 4_900);
const HALF: (i64, i64) = (4_700, 3_500);
/// Which way it looks, as seen: up and to the left. Of 1000.
const LOOKS: (i64, i64) = (-574, -819);
/// Where the light comes from, in the dish's own directions: along its rim, across it, out of it. Of 1000.
const LIGHT: (i64, i64, i64) = (-560, -330, 760);

/// The photograph, `width` x `height`; 4 to 3 looks best.
pub(super) fn dish(width: usize, height: usize) -> Grey {
    let of = |n: usize| {
        let (x, y) = ((n % width) as i64, (n / width) as i64);
        let at = |v: i64| v * ACROSS / width.max(1) as i64;
        (tone(at(x), at(y)) + grain(x, y, 7)).clamp(0, 255) as u8
    };
    Grey { width, height, pels: (0..width * height).map(of).collect(), dpi: None }
}

fn tone(x: i64, y: i64) -> i64 {
    horn(x, y).or_else(|| front(x, y)).or_else(|| back(x, y)).or_else(|| mount(x, y)).unwrap_or_else(|| land(x, y))
}

/// A place in the dish's own directions: along its long axis and across it, 1000 at the rim.
fn own((x, y): (i64, i64)) -> (i64, i64) {
    let (dx, dy) = (x - MIDDLE.0, y - MIDDLE.1);
    let (along, across) = ((-LOOKS.1 * dx + LOOKS.0 * dy) / 1000, (LOOKS.0 * dx + LOOKS.1 * dy) / 1000);
    (along * 1000 / HALF.0, across * 1000 / HALF.1)
}
/// The place so far along and across.
fn seen((along, across): (i64, i64)) -> (i64, i64) {
    let (u, v) = (along * HALF.0 / 1000, across * HALF.1 / 1000);
    (MIDDLE.0 + (-LOOKS.1 * u + LOOKS.0 * v) / 1000, MIDDLE.1 + (LOOKS.0 * u + LOOKS.1 * v) / 1000)
}
fn root(square: i64) -> i64 {
    (square.max(0) as u64).isqrt() as i64
}

/// The hollow of the dish: panels, brightest where they face the light.
fn front(x: i64, y: i64) -> Option<i64> {
    let (p, q) = own((x, y));
    let far = root(p * p + q * q);
    match far {
        0..=965 => {}
        966..=1000 => return Some(if p + q < 300 { 245 } else { 150 }), // the rim
        _ => return None,
    }
    // It faces inward, the more the nearer the rim.
    let face = (-p * 9 / 10, -q * 9 / 10, 1000);
    let long = root(face.0 * face.0 + face.1 * face.1 + face.2 * face.2).max(1);
    let lit = (face.0 * LIGHT.0 + face.1 * LIGHT.1 + face.2 * LIGHT.2) / long;
    // The rim on the light's side throws its shadow into the hollow.
    let (sp, sq) = (p + LIGHT.0 * 55 / 100, q + LIGHT.1 * 55 / 100);
    let shadow = (root(sp * sp + sq * sq) - 1000).clamp(0, 60) * 95 / 60;
    let seam = |distance: i64| if distance < 9 { 34 } else { 0 };
    let rings = [330, 560, 770].into_iter().map(|r| seam((far - r).abs())).max().unwrap_or(0);
    let spokes = SPOKES.into_iter().map(|(c, s)| if far > 200 { seam((p * s - q * c).abs() / 1000) } else { 0 }).max().unwrap_or(0);
    Some(70 + lit * 175 / 1000 - shadow - rings.max(spokes))
}

/// Directions of the seams between panels, of 1000: six lines through the middle.
const SPOKES: [(i64, i64); 8] = [(981, 195), (831, 556), (556, 831), (195, 981), (-195, 981), (-556, 831), (-831, 556), (-981, 195)];

/// What stands before the dish: a horn on three legs.
fn horn(x: i64, y: i64) -> Option<i64> {
    let top = seen((0, 960));
    let (dx, dy) = (x - top.0, y - top.1);
    let (across, along) = ((-LOOKS.1 * dx + LOOKS.0 * dy) / 1000, (LOOKS.0 * dx + LOOKS.1 * dy) / 1000);
    if (-420..420).contains(&along) && across.abs() < 430 - (along + 420) / 4 {
        return Some(112 + -across * 150 / 430);
    }
    let legs = [(-860, 160), (860, 160), (0, -900)].map(seen);
    legs.into_iter().find_map(|leg| (near((x, y), leg, top) < 85).then_some(38))
}

/// How far a place lies from a line between two.
fn near((x, y): (i64, i64), from: (i64, i64), to: (i64, i64)) -> i64 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let part = ((x - from.0) * dx + (y - from.1) * dy).clamp(0, dx * dx + dy * dy);
    let square = (dx * dx + dy * dy).max(1);
    let (nx, ny) = (from.0 + dx * part / square, from.1 + dy * part / square);
    root((x - nx) * (x - nx) + (y - ny) * (y - ny))
}

/// The ribs behind the dish, as far as they are seen below its rim.
fn back(x: i64, y: i64) -> Option<i64> {
    let (p, q) = own((x, y));
    let behind = (1..=6).find(|n| {
        let (less, q) = (1000 - n * n * 9, q + n * 62);
        p * p + q * q <= less * less
    })?;
    let rib = if (p + 1000) % 190 < 34 { 45 } else { 0 };
    Some(92 - behind * 9 + rib - p / 25)
}

/// The tower under it, with its door and the house beside.
fn mount(x: i64, y: i64) -> Option<i64> {
    let tower = (8_900, 6_800, 10_300);
    let half = 900 + (y - tower.1) / 5;
    if (tower.1..tower.2).contains(&y) && (x - tower.0).abs() < half {
        let door = (x - tower.0).abs() < 260 && y > 9_400;
        return Some(if door { 25 } else { 196 - (x - tower.0 + half) * 130 / (2 * half) });
    }
    let (left, right, roof) = (10_200, 14_300, 9_050);
    if (left..right).contains(&x) && (roof..10_400).contains(&y) {
        let window = (x - left) % 800 > 420 && (9_420..9_800).contains(&y) && x > left + 300;
        return Some(match y - roof {
            0..150 => 60,
            _ if window => 40,
            _ => 205,
        });
    }
    None
}

fn land(x: i64, y: i64) -> i64 {
    let hills = 8_300 - wave(x, 3_000, 41) * 6 - wave(x, 1_100, 42) * 2;
    let wood = 9_350 - wave(x, 900, 43) * 2 - wave(x, 260, 44) * 2 - wave(x, 90, 45);
    if y > 10_250 {
        let near = (y - 10_250) / 12;
        return 150 - near / 3 + (field(x, y * 4, 700, 46) - 128) / 3 + (field(x, y * 3, 160, 47) - 128) / 5;
    }
    if y > wood {
        return 34 + field(x, y, 240, 48) / 6 + field(x, y, 90, 49) / 8;
    }
    if y > hills {
        return 100 + (field(x, y * 2, 900, 50) - 128) / 6;
    }
    let cloud = field(x, y * 3, 4_200, 51) * 2 + field(x, y * 3, 1_700, 52) + field(x, y * 2, 600, 53) / 2;
    88 + y * 80 / 8_300 + (cloud - 390).max(0) / 4
}

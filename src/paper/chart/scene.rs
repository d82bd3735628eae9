//! A scene like a photograph, computed: hills one behind the other over a lake, a sun, a ball in the light.
//!
//! Standard: none; ours. In: a size. Out: a [`Grey`]. Whole numbers only, drawn by [`mix`].
//! Left out: any resemblance to a place. Shown by: `paper::chart`, `docs/fax-pages.md`.

use super::super::ink::mix;
use super::super::picture::Grey;

/// The scene, `width` x `height`; 4 to 3 looks best.
pub(super) fn scene(width: usize, height: usize) -> Grey {
    let unit = width as i64 / 160; // everything is measured in it
    let skyline: Vec<Vec<i64>> = (0..4).map(|n| ridge(n, width, unit.max(1))).collect();
    let of = |n: usize| tone((n % width) as i64, (n / width) as i64, unit.max(1), &skyline);
    Grey { width, height, pels: (0..width * height).map(|n| of(n).clamp(0, 255) as u8).collect(), dpi: None }
}

/// The heights of a range of hills: waves of ever shorter length.
fn ridge(n: i64, width: usize, unit: i64) -> Vec<i64> {
    let base = (38 + 10 * n) * unit;
    let waves =
        |x: i64| (0..6).map(|i| wave(x, (48 >> i).max(2) * unit, n * 100 + i) * (14 - 2 * n).max(4) * unit / (256 << i)).sum::<i64>();
    (0..width as i64).map(|x| base - waves(x)).collect()
}

fn tone(x: i64, y: i64, unit: i64, skyline: &[Vec<i64>]) -> i64 {
    let shore = 80 * unit;
    if let Some(tone) = ball(x - 118 * unit, y - 92 * unit, 17 * unit) {
        return tone + grain(x, y, 3);
    }
    if y < shore {
        return hills(x, y, unit, skyline) + grain(x, y, 5);
    }
    // The water: the hills upside down, broken by waves that are the longer the nearer they are.
    let near = y - shore;
    let long = unit + near / 8;
    let swell = field(x, y * 5, 4 * long, 900) - 128;
    let at = (x + swell * (unit + near / 6) / 256).clamp(0, skyline[0].len() as i64 - 1);
    let mirrored = hills(at, (shore - near * 5 / 4).max(0), unit, skyline);
    let path = 8 * unit + near / 3 - (x - 50 * unit).abs();
    let glitter = if path > 0 && field(x, y * 7, 2 * long, 902) > 150 - (path / unit).min(30) { 85 } else { 0 };
    mirrored * 3 / 4 + 14 + glitter + swell / 7 + grain(x, y, 5)
}

fn hills(x: i64, y: i64, unit: i64, skyline: &[Vec<i64>]) -> i64 {
    let ahead = (0..skyline.len()).rev().find(|n| y >= skyline[*n][x as usize]);
    let Some(n) = ahead else { return sky(x, y, unit) };
    // The nearer, the darker and the rougher; lit from the sun's side.
    let depth = y - skyline[n][x as usize];
    let seed = 500 + 10 * n as i64;
    let rough = |x: i64| field(x, y, 5 * unit, seed) * 2 + field(x, y, 2 * unit, seed + 1) + field(x, y, unit.max(2), seed + 2) / 2;
    let slope = (rough(x + unit / 2 + 1) - rough(x)) * (n as i64 + 2) / 8;
    168 - 38 * n as i64 + slope.clamp(-45, 45) + (rough(x) - 450) * (n as i64 + 1) / 40 + depth / unit
}

fn sky(x: i64, y: i64, unit: i64) -> i64 {
    let (dx, dy) = (x - 50 * unit, y - 18 * unit);
    let far = ((dx * dx + dy * dy) as u64).isqrt() as i64;
    if far < 7 * unit {
        return 255;
    }
    let cloud = field(x, y * 3, 40 * unit, 700) * 2 + field(x, y * 3, 17 * unit, 701) + field(x, y * 2, 7 * unit, 702) / 2;
    let glow = (60 * 7 * unit / far.max(1)).min(60);
    (140 + y * 50 / (40 * unit) + glow + (cloud - 420).max(0) / 4).min(250)
}

/// A ball lit from the upper left, with its gleam.
fn ball(x: i64, y: i64, radius: i64) -> Option<i64> {
    let rest = radius * radius - x * x - y * y;
    if rest < 0 {
        return None;
    }
    let z = (rest as u64).isqrt() as i64;
    let light = (-5 * x - 6 * y + 6 * z) * 100 / (10 * radius); // of about 100
    let gleam = (light - 88).max(0) * 8;
    Some(35 + light.max(0) * 170 / 100 + gleam + (y * 20 / radius).max(0))
}

/// Even noise between places `long` apart, 0 to 255.
pub(super) fn wave(at: i64, long: i64, seed: i64) -> i64 {
    let (n, part) = (at.div_euclid(long), at.rem_euclid(long) * 256 / long);
    let value = |n: i64| (mix(n as u64 ^ (seed as u64) << 40) & 255) as i64;
    let ease = part * part * (768 - 2 * part) / 65_536;
    (value(n) * (256 - ease) + value(n + 1) * ease) / 256
}

/// Even noise over the plane, 0 to 255.
pub(super) fn field(x: i64, y: i64, long: i64, seed: i64) -> i64 {
    let (row, part) = (y.div_euclid(long), y.rem_euclid(long) * 256 / long);
    let ease = part * part * (768 - 2 * part) / 65_536;
    let along = |row: i64| wave(x, long, seed + row * 4096);
    (along(row) * (256 - ease) + along(row + 1) * ease) / 256
}

/// A film's grain.
pub(super) fn grain(x: i64, y: i64, strong: i64) -> i64 {
    (mix((x as u64) << 32 ^ y as u64) % (2 * strong as u64 + 1)) as i64 - strong
}

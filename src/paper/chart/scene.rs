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
    // The water: the hills upside down, broken by waves that are longer the nearer they are.
    let near = y - shore;
    let shift = wave(y, 3 * unit, 900) * near / (96 * unit) + wave(x + y * 3, 7 * unit, 901) * near / (160 * unit) / 8;
    let width = skyline[0].len() as i64;
    let mirrored = hills((x + shift / 16).clamp(0, width - 1), (shore - near * 5 / 4).max(0), unit, skyline);
    let glitter = if wave(y * 3 + x / 4, 2 * unit, 902) > 150 && (x - 50 * unit).abs() < 10 * unit + near / 3 { 70 } else { 0 };
    mirrored * 3 / 4 + 10 + glitter - wave(y, 2 * unit, 903) / 24 + grain(x, y, 5)
}

fn hills(x: i64, y: i64, unit: i64, skyline: &[Vec<i64>]) -> i64 {
    let ahead = (0..skyline.len()).rev().find(|n| y >= skyline[*n][x as usize]);
    let Some(n) = ahead else { return sky(x, y, unit) };
    // The nearer, the darker and the rougher.
    let (depth, slope) = (y - skyline[n][x as usize], skyline[n][(x as usize + 2).min(skyline[n].len() - 1)] - skyline[n][x as usize]);
    let rough = wave(x + y / 2, 3 * unit, 500 + n as i64) + wave(x - y, unit.max(2), 600 + n as i64) - 256;
    165 - 36 * n as i64 + slope * 10 / unit.max(1) + rough * (n as i64 + 1) / 24 + depth / unit
}

fn sky(x: i64, y: i64, unit: i64) -> i64 {
    let (dx, dy) = (x - 50 * unit, y - 18 * unit);
    let far = ((dx * dx + dy * dy) as u64).isqrt() as i64;
    if far < 7 * unit {
        return 255;
    }
    let cloud = wave(x + y, 22 * unit, 700) + wave(x - 2 * y, 11 * unit, 701) / 2 + wave(y * 4 + x / 3, 9 * unit, 702) / 2;
    let glow = (60 * 7 * unit / far.max(1)).min(60);
    (140 + y * 50 / (40 * unit) + glow + (cloud - 300).max(0) / 4).min(250)
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
fn wave(at: i64, long: i64, seed: i64) -> i64 {
    let (n, part) = (at.div_euclid(long), at.rem_euclid(long) * 256 / long);
    let value = |n: i64| (mix(n as u64 ^ (seed as u64) << 40) & 255) as i64;
    let ease = part * part * (768 - 2 * part) / 65_536;
    (value(n) * (256 - ease) + value(n + 1) * ease) / 256
}

/// A film's grain.
fn grain(x: i64, y: i64, strong: i64) -> i64 {
    (mix((x as u64) << 32 ^ y as u64) % (2 * strong as u64 + 1)) as i64 - strong
}

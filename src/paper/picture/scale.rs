//! A picture at another size, across and down by factors of their own.
//!
//! Standard: none. In: a [`Grey`]. Out: grey pels at the new size. Smaller: the mean of the area each new pel covers; larger: cubic
//! (Catmull and Rom's) between pels. Light is averaged as light (the square of the value, near enough to sRGB) where asked.
//! Left out: sharpening. Shown by: the tests below.

use super::Grey;

/// What the weights of a new pel add up to.
const ONE: i32 = 1 << BITS;
const BITS: u32 = 14;

/// The old pels that a new one is made of: the first, and their weights.
struct Tap {
    from: usize,
    weights: Vec<i32>,
}

/// The picture in `width` x `height` pels.
pub(super) fn scale(picture: &Grey, width: usize, height: usize, light: bool) -> Vec<u8> {
    let (across, down) = (taps(picture.width, width), taps(picture.height, height));
    let value: Vec<i32> = (0..256).map(|v| if light { v * v } else { v * 255 }).collect();
    let mut rows: Vec<(usize, Vec<i32>)> = vec![]; // old rows, their pels scaled across
    let mut pels = Vec::with_capacity(width * height);
    for tap in &down {
        rows.retain(|(y, _)| *y >= tap.from);
        let mut sum = vec![ONE / 2; width];
        for (n, weight) in tap.weights.iter().enumerate() {
            let y = tap.from + n;
            if !rows.iter().any(|(at, _)| *at == y) {
                rows.push((y, row(&picture.pels[y * picture.width..(y + 1) * picture.width], &across, &value)));
            }
            let Some((_, row)) = rows.iter().find(|(at, _)| *at == y) else { continue };
            sum.iter_mut().zip(row).for_each(|(sum, v)| *sum += v * weight);
            if n + 4 < tap.weights.len() {
                rows.retain(|(at, _)| *at != y);
            }
        }
        pels.extend(sum.into_iter().map(|v| back(v >> BITS, light)));
    }
    pels
}

fn row(pels: &[u8], taps: &[Tap], value: &[i32]) -> Vec<i32> {
    let of = |tap: &Tap| {
        let old = &pels[tap.from..tap.from + tap.weights.len()];
        (old.iter().zip(&tap.weights).map(|(v, weight)| value[usize::from(*v)] * weight).sum::<i32>() + ONE / 2) >> BITS
    };
    taps.iter().map(of).collect()
}

fn back(value: i32, light: bool) -> u8 {
    let value = value.clamp(0, 255 * 255) as u32;
    match light {
        false => ((value + 127) / 255) as u8,
        true => {
            let root = value.isqrt();
            (root + u32::from(value - root * root > root)) as u8
        }
    }
}

/// What each of `new` pels is made of.
fn taps(old: usize, new: usize) -> Vec<Tap> {
    (0..new).map(|n| if new > old { between(n, old, new) } else { area(n, old, new) }).collect()
}

/// The old pels under new pel `n`; lengths are counted in parts of which an old pel has `new`, a new one `old`.
fn area(n: usize, old: usize, new: usize) -> Tap {
    let (start, end) = (n * old, (n + 1) * old);
    let (from, to) = (start / new, end.div_ceil(new));
    let mut gone = 0;
    let upto = |part: usize| ((part as u64 * ONE as u64 + old as u64 / 2) / old as u64) as i32;
    let weight = |k: usize| {
        let sum = upto(((k + 1) * new).min(end) - start);
        let own = sum - gone;
        gone = sum;
        own
    };
    Tap { from, weights: (from..to).map(weight).collect() }
}

/// The four old pels around the middle of new pel `n`.
fn between(n: usize, old: usize, new: usize) -> Tap {
    // The middle in 256ths of an old pel, counted from the middle of the first.
    let middle = ((2 * n + 1) * old * 128 / new) as i64 - 128;
    let (at, t) = (middle.div_euclid(256), middle.rem_euclid(256) as i32);
    let (t1, t2, t3) = (t * 64, t * t / 4, t * t / 4 * t / 256); // t, t squared, t cubed; 1 is ONE
    let cubic = [(-t3 + 2 * t2 - t1) / 2, (3 * t3 - 5 * t2 + 2 * ONE) / 2, (-3 * t3 + 4 * t2 + t1) / 2];
    let cubic = [cubic[0], cubic[1], cubic[2], ONE - cubic.iter().sum::<i32>()];
    let last = old as i64 - 1;
    let from = (at - 1).clamp(0, last) as usize;
    let to = (at + 2).clamp(0, last) as usize;
    let mut weights = vec![0; to - from + 1];
    (-1..3).zip(cubic).for_each(|(k, weight)| weights[(at + k).clamp(0, last) as usize - from] += weight);
    Tap { from, weights }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: usize, height: usize, of: impl Fn(usize, usize) -> u8) -> Grey {
        let pels = (0..width * height).map(|n| of(n % width, n / width)).collect();
        Grey { width, height, pels, dpi: None }
    }

    #[test]
    fn the_weights_of_every_pel_add_up_to_one_and_stay_within_the_picture() {
        for (old, new) in [(1, 1), (1, 7), (7, 1), (3, 2), (2, 3), (65_535, 1678), (60_000, 7), (100, 1678), (1679, 1678), (1, 5000)] {
            for tap in taps(old, new) {
                assert_eq!(tap.weights.iter().sum::<i32>(), ONE, "{old} to {new}");
                assert!(tap.from + tap.weights.len() <= old, "{old} to {new}");
            }
        }
    }

    #[test]
    fn smaller_is_the_mean_and_the_same_size_is_the_same() {
        let board = grey(64, 64, |x, y| if (x + y) % 2 == 0 { 0 } else { 255 });
        assert!(scale(&board, 32, 16, false).iter().all(|v| *v == 128), "half the values");
        assert!(scale(&board, 32, 16, true).iter().all(|v| (180..=181).contains(v)), "half the light");
        let ramp = grey(50, 9, |x, y| (x * 5 + y) as u8);
        assert_eq!(scale(&ramp, 50, 9, false), ramp.pels);
        assert_eq!(scale(&ramp, 50, 9, true), ramp.pels);
        assert_eq!(scale(&grey(3, 1, |x, _| [0, 90, 240][x]), 2, 1, false), [30, 190]);
    }

    #[test]
    fn larger_keeps_flat_grey_flat_and_a_step_a_step() {
        assert!(scale(&grey(1, 1, |_, _| 77), 40, 30, false).iter().all(|v| *v == 77));
        let step = scale(&grey(4, 1, |x, _| if x < 2 { 0 } else { 255 }), 400, 1, false);
        assert!(step[..170].iter().all(|v| *v < 64) && step[230..].iter().all(|v| *v > 191));
    }
}

//! How large a page is: what a file says of its resolution, and what to believe where it says nothing or nonsense.
//!
//! Standards: the pairs of RFC 2301 (XResolution, YResolution), after T.4 2.2 and T.30 table 2. In: tags, width and rows.
//! Out: pels an inch, and a sentence where a file was not believed. Programs write 72 x 72 into files of 204 x 98: a page twice as high.
//! Left out: scaling. Shown by: the tests below, `tests/it/tiff_files.rs`.

use crate::paper::Resolution;

/// Widths of fax pages in pels, and the pels an inch they go with (T.30 table 2; RFC 2301, ImageWidth).
pub const WIDTHS: [(usize, u16); 9] =
    [(1728, 204), (2048, 204), (2432, 204), (2592, 300), (3072, 300), (3648, 300), (3456, 408), (4096, 408), (4864, 408)];
/// Pels an inch of fax machines, along the row and down.
const ACROSS: [f64; 7] = [200.0, 204.0, 300.0, 400.0, 408.0, 600.0, 1200.0];
const DOWN: [f64; 10] = [98.0, 100.0, 196.0, 200.0, 300.0, 391.0, 400.0, 600.0, 800.0, 1200.0];
/// Inches of an A4 sheet.
const A4: (f64, f64) = (8.27, 11.69);
/// Inches: no paper is wider.
const WIDEST_PAPER: f64 = 20.0;

/// What a file says.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Tagged {
    /// Pels an inch along the row, if said.
    pub x: Option<f64>,
    /// Rows an inch, if said.
    pub y: Option<f64>,
    /// Whether the numbers have a unit at all.
    pub unit: bool,
}

/// The resolution to go by, and why it is not the one that is written.
pub fn judge(said: Tagged, width: usize, height: usize) -> (Resolution, Option<String>) {
    let text = |v: Option<f64>| match v {
        None => "none".to_owned(),
        Some(v) if v.abs() < 1e6 => format!("{}", (v * 100.0).round() / 100.0),
        Some(v) => format!("{v:.0e}"),
    };
    let instead = |found: Resolution, why: &str| {
        let note = format!("resolution {} x {} {why}; taken as {} x {}", text(said.x), text(said.y), found.x, found.y);
        (found, Some(note))
    };
    let (Some(x), Some(y)) = (said.x.filter(|v| sound(*v)), said.y.filter(|v| sound(*v))) else {
        return instead(by_shape(width, height), "says nothing");
    };
    if [98.0, 196.0, 391.0].contains(&snap(x, &DOWN)) && snap(y, &ACROSS) == 204.0 {
        return instead(whole(y, x), "is the wrong way round");
    }
    let across = width as f64 / x;
    let paper = WIDTHS.iter().find(|(w, _)| *w == width).map(|(w, x)| *w as f64 / f64::from(*x));
    let fits = paper.map_or(across <= WIDEST_PAPER, |p| (0.6 * p..=1.6 * p).contains(&across));
    match fits && (0.4..=2.6).contains(&(y / x)) {
        false => instead(by_shape(width, height), "cannot be that of a page of this width"),
        true if said.unit => (whole(x, y), None),
        true => instead(whole(x, y), "has no unit"),
    }
}

/// The fax resolution that makes a page of this many pels and rows most like a sheet of its paper.
pub fn by_shape(width: usize, height: usize) -> Resolution {
    let x = WIDTHS.iter().find(|(w, _)| *w == width).map_or(near_a4(width), |(_, x)| *x);
    let sheet = width as f64 / f64::from(x) * A4.1 / A4.0;
    let off = |y: &u16| (height.max(1) as f64 / f64::from(*y) / sheet).ln().abs();
    let ys: &[u16] = match x {
        204 => &[98, 196, 391],
        408 => &[391],
        300 => &[300],
        _ => &[200],
    };
    let y = ys.iter().copied().min_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or(196);
    Resolution { x, y }
}

/// Of the resolutions of fax machines, the one at which this many pels are nearest to A4's width.
fn near_a4(width: usize) -> u16 {
    let off = |x: &u16| (width.max(1) as f64 / f64::from(*x) / A4.0).ln().abs();
    [204, 300, 408].into_iter().min_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or(204)
}

fn sound(value: f64) -> bool {
    (10.0..=5000.0).contains(&value)
}

/// The nearest of some values if it is within 1 % (8 pels/mm are 203.2 an inch and called 204), else the value itself.
fn snap(value: f64, to: &[f64]) -> f64 {
    let near = to.iter().copied().min_by(|a, b| (a - value).abs().total_cmp(&(b - value).abs()));
    near.filter(|n| (n - value).abs() <= n / 100.0).unwrap_or(value)
}

fn whole(x: f64, y: f64) -> Resolution {
    Resolution { x: snap(x, &ACROSS).round() as u16, y: snap(y, &DOWN).round() as u16 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(x: f64, y: f64, width: usize, height: usize) -> ((u16, u16), bool) {
        let (r, note) = judge(Tagged { x: Some(x), y: Some(y), unit: true }, width, height);
        ((r.x, r.y), note.is_some())
    }

    #[test]
    fn what_fax_programs_write_is_believed_and_rounded_to_what_it_stands_for() {
        for (x, y, width, is) in [
            (204.0, 196.0, 1728, (204, 196)),
            (203.2, 97.79, 1728, (204, 98)),
            (203.0, 392.0, 2048, (204, 391)),
            (200.0, 100.0, 1728, (200, 100)),
            (406.4, 391.16, 3456, (408, 391)),
            (150.0, 150.0, 1275, (150, 150)),
            (300.0, 300.0, 2592, (300, 300)),
        ] {
            assert_eq!(judged(x, y, width, 1100), (is, false), "{x} x {y}");
        }
    }

    #[test]
    fn what_cannot_be_is_taken_by_the_shape_of_the_page_and_said() {
        for (x, y, width, height, is) in [
            (72.0, 72.0, 1728, 1143, (204, 98)),
            (72.0, 72.0, 1728, 2287, (204, 196)),
            (0.0, 0.0, 1728, 4573, (204, 391)),
            (1.0, 1.0, 2432, 3307, (204, 196)),
            (98.0, 204.0, 1728, 1143, (204, 98)),
            (196.0, 204.0, 1728, 2287, (204, 196)),
            (391.16, 203.2, 1728, 4573, (204, 391)),
            (204.0, 5.0, 1728, 2287, (204, 196)),
            (f64::NAN, f64::INFINITY, 4864, 6600, (408, 391)),
            (72.0, 72.0, 2550, 3300, (300, 300)),
        ] {
            assert_eq!(judged(x, y, width, height), (is, true), "{x} x {y} of {width} x {height}");
        }
        let (r, note) = judge(Tagged { x: Some(204.0), y: Some(98.0), unit: false }, 1728, 1143);
        assert_eq!((r, note.as_deref()), (Resolution::STANDARD, Some("resolution 204 x 98 has no unit; taken as 204 x 98")));
        let (_, note) = judge(Tagged { x: Some(1e300), y: Some(-0.001), unit: true }, 1728, 1143);
        assert_eq!(note.as_deref(), Some("resolution 1e300 x -0 says nothing; taken as 204 x 98"));
        let (r, note) = judge(Tagged::default(), 1728, 2287);
        assert_eq!((r, note.as_deref()), (Resolution::FINE, Some("resolution none x none says nothing; taken as 204 x 196")));
    }

    #[test]
    fn any_shape_has_a_resolution() {
        for width in [1, 2, 1000, 1728, 4864] {
            for height in [0, 1, 2000, 100_000] {
                let found = by_shape(width, height);
                assert!(found.x >= 204 && found.y >= 98, "{width} x {height}: {found:?}");
            }
        }
    }
}

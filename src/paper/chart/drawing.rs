//! Drawings: what the link is made of, as boxes and arrows, and a wheel with its section.
//!
//! Standard: none; ours. In: a [`Canvas`]. Out: ink. Left out: a real machine. Shown by: `paper::chart`.

use super::canvas::{Canvas, Place, around};

/// The page `drawing`.
pub(super) fn drawing(canvas: &mut Canvas) -> Result<(), String> {
    canvas.frame((1500, 1500), (19_500, 28_200), 60);
    canvas.words((2300, 2700), 140, "A PAGE ON ITS WAY")?;
    let boxes = [("PAPER", 2300), ("SCANNER", 5900), ("CODER", 9500), ("MODEM", 13_100)];
    for (name, x) in boxes {
        boxed(canvas, (x, 4000), name)?;
    }
    for (name, x) in [("PAPER", 2300), ("PRINTER", 5900), ("DECODER", 9500), ("MODEM", 13_100)] {
        boxed(canvas, (x, 9000), name)?;
    }
    for x in [4900, 8500, 12_100] {
        arrow(canvas, (x, 4750), (x + 1000, 4750));
        arrow(canvas, (x + 1000, 9750), (x, 9750));
    }
    canvas.lines(&[(15_700, 4750), (17_500, 4750), (17_500, 9750)], 40);
    arrow(canvas, (17_500, 9750), (15_700, 9750));
    canvas.words((15_900, 7400), 100, "CABLE")?;
    wheel(canvas, (7000, 18_000));
    section(canvas, (12_300, 14_200));
    canvas.words((4000, 25_000), 90, "FIG. 1  FEED WHEEL, 24 TEETH")?;
    canvas.words((12_300, 25_000), 90, "FIG. 2  SECTION A-A, 1 : 2")?;
    canvas.words((2300, 27_400), 80, "DRAWN BY CODE. ALL MEASURES IN MM.  \u{41c}\u{410}\u{421}\u{428}\u{422}\u{410}\u{411} 1 : 1")
}

fn boxed(canvas: &mut Canvas, (x, y): Place, name: &str) -> Result<(), String> {
    canvas.frame((x, y), (x + 2600, y + 1500), 40);
    canvas.block((x + 100, y + 1500), (x + 2700, y + 1600));
    canvas.block((x + 2600, y + 100), (x + 2700, y + 1600));
    let room = 2600 - name.len() as i64 * 212;
    canvas.words((x + room / 2, y + 900), 100, name)
}

fn arrow(canvas: &mut Canvas, from: Place, to: Place) {
    canvas.line(from, to, 40);
    let back = if to.0 > from.0 { -250 } else { 250 };
    canvas.area(&[to, (to.0 + back, to.1 - 110), (to.0 + back, to.1 + 110)]);
}

fn wheel(canvas: &mut Canvas, middle: Place) {
    let teeth = (0..24).flat_map(|n| [(4000, 0), (4000, 5), (4500, 7), (4500, 12)].map(|(r, d)| around(middle, r, n * 15 + d)));
    let mut outline: Vec<Place> = teeth.collect();
    outline.push(outline[0]);
    canvas.lines(&outline, 45);
    for (radius, thick) in [(3400, 25), (1300, 25), (800, 60)] {
        canvas.circle(middle, radius, thick);
    }
    for n in 0..6 {
        canvas.circle(around(middle, 2350, n * 60 + 30), 600, 30);
    }
    canvas.block((middle.0 - 150, middle.1 - 1000), (middle.0 + 150, middle.1 - 700));
    // The axes, long and short strokes.
    for n in -6..6 {
        for (from, to) in [(n * 850, n * 850 + 550), (n * 850 + 670, n * 850 + 730)] {
            canvas.line((middle.0 + from, middle.1), (middle.0 + to, middle.1), 12);
            canvas.line((middle.0, middle.1 + from), (middle.0, middle.1 + to), 12);
        }
    }
}

fn section(canvas: &mut Canvas, (x, y): Place) {
    let (wide, high) = (2400, 7600);
    for (top, foot) in [(0, 2900), (4700, high)] {
        canvas.frame((x + 1500, y + top), (x + 1500 + wide, y + foot), 45);
        for n in 0..(wide + foot - top) / 160 {
            let at = n * 160;
            let from = (at.min(wide), (at - wide).max(0));
            let to = ((at - (foot - top)).max(0), at.min(foot - top));
            canvas.line((x + 1500 + from.0, y + top + from.1), (x + 1500 + to.0, y + top + to.1), 12);
        }
    }
    canvas.lines(&[(x + 1500, y + 2900), (x + 1500, y + 4700)], 25);
    canvas.lines(&[(x + 1500 + wide, y + 2900), (x + 1500 + wide, y + 4700)], 25);
    // A measure with its arrows.
    let foot = y + high + 900;
    for at in [x + 1500, x + 1500 + wide] {
        canvas.line((at, y + high + 150), (at, foot + 200), 12);
    }
    arrow(canvas, (x + 1500 + wide / 2, foot), (x + 1500, foot));
    arrow(canvas, (x + 1500 + wide / 2, foot), (x + 1500 + wide, foot));
    let _ = canvas.words((x + 1500 + wide / 2 - 200, foot - 120), 80, "48");
}

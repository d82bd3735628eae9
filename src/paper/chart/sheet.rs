//! The chart's first page: everything a line or a machine can spoil, small, on one sheet.
//!
//! Standard: none; ours. In: a [`Canvas`]. Out: ink. Rules along two sides are in millimetres, so that proportions can be measured.
//! Left out: colour. Shown by: `paper::chart`, `docs/fax-pages.md`.

use super::super::form::Form;
use super::super::page::Page;
use super::super::picture::{Dither, Grey, sized};
use super::canvas::{Canvas, Place, around};
use super::map::{Window, map};
use super::patterns::fill;
use super::scene::scene;

/// The page `chart`.
pub(super) fn sheet(canvas: &mut Canvas) -> Result<(), String> {
    canvas.words((2200, 2000), 160, "MOLINK TEST CHART   ИСПЫТАТЕЛЬНАЯ ТАБЛИЦА")?;
    rules(canvas)?;
    sizes(canvas)?;
    lines(canvas, (2200, 11_700))?;
    fan(canvas, (15_600, 13_900));
    wedges(canvas, (2200, 16_700));
    canvas.words((2200, 19_400), 70, "GREY, BY SCREEN AND BY DIFFUSION: 0 TO 100 %")?;
    for (n, dither) in [Dither::Ordered, Dither::Floyd].into_iter().enumerate() {
        steps(canvas, (2200, 19_600 + n as i64 * 1100), dither);
    }
    let scene = shown(&scene(800, 600), canvas.form(), 6800, 5100, Dither::Floyd);
    canvas.put(&scene, (2200, 22_200));
    map(canvas, &Window { west: -850, north: 700, south: 400, corner: (9300, 22_200), scale: 80, width: 10_400, names: 50 })
}

/// Millimetres along the top and the left side.
fn rules(canvas: &mut Canvas) -> Result<(), String> {
    for mm in 0..=170 {
        let long = if mm % 10 == 0 {
            400
        } else if mm % 5 == 0 {
            280
        } else {
            180
        };
        canvas.line((2200 + mm * 100, 700), (2200 + mm * 100, 700 + long), 10);
    }
    for mm in 0..=260 {
        let long = if mm % 10 == 0 {
            400
        } else if mm % 5 == 0 {
            280
        } else {
            180
        };
        canvas.line((700, 1500 + mm * 100), (700 + long, 1500 + mm * 100), 10);
    }
    (0..=17).try_for_each(|cm| canvas.words((2230 + cm * 1000, 1330), 60, &(cm * 10).to_string()))?;
    (1..=26).try_for_each(|cm| canvas.words((1150, 1480 + cm * 1000), 60, &(cm * 10).to_string()))
}

fn sizes(canvas: &mut Canvas) -> Result<(), String> {
    let mut foot = 2600;
    for points in [4, 5, 6, 7, 8, 9, 10, 12, 14, 18, 24] {
        foot += points * 60 + 30;
        let columns = (17_000 / (points * 21)) as usize;
        let words = format!(
            "{points} pt: the quick brown fox jumps, 1234567890. Съешь же ещё этих мягких булок, да выпей чаю. Pack my box with jugs"
        );
        let words: String = words.chars().take(columns).collect();
        canvas.words((2200, foot), points as usize * 10, &words)?;
    }
    Ok(())
}

/// Lines one to eight pels thick and apart, across and along; boards of single pels and of four.
fn lines(canvas: &mut Canvas, (x, y): Place) -> Result<(), String> {
    canvas.words((x, y - 100), 70, "LINES AND BOARDS OF 1 2 3 4 8 PELS")?;
    for (n, pels) in [1usize, 2, 3, 4, 8].into_iter().enumerate() {
        let at = x + n as i64 * 1900;
        pattern(canvas, (at, y), (at + 1700, y + 1300), |x, _| x / pels % 2 == 0);
        pattern(canvas, (at, y + 1500), (at + 1700, y + 2800), |_, y| y / pels % 2 == 0);
        pattern(canvas, (at, y + 3000), (at + 1700, y + 4300), |x, y| (x / pels + y / pels) % 2 == 0);
    }
    Ok(())
}

fn pattern(canvas: &mut Canvas, from: Place, to: Place, black: impl Fn(usize, usize) -> bool) {
    let ((left, top), (right, foot)) = (canvas.pel(from), canvas.pel(to));
    for y in top..foot {
        let row = canvas.page.row_mut(y);
        (left..right).filter(|x| black(x - left, y - top)).for_each(|x| fill(row, x, x + 1));
    }
}

/// Lines at all angles from one middle, and circles around it.
fn fan(canvas: &mut Canvas, middle: Place) {
    for degrees in (0..360).step_by(5) {
        canvas.line(around(middle, 500, degrees), around(middle, 2400, degrees), 12);
    }
    [500, 2400, 2550].into_iter().for_each(|radius| canvas.circle(middle, radius, 15));
    for n in 0..9 {
        let from = n * 40;
        canvas.area(&[middle, around(middle, 500, from), around(middle, 500, from + 20)]);
    }
}

/// Lines that come ever nearer, and a grid.
fn wedges(canvas: &mut Canvas, (x, y): Place) {
    for n in 0..13 {
        canvas.area(&[(x, y + n * 180), (x, y + n * 180 + 90), (x + 8000, y + 1080 + n * 25), (x + 8000, y + 1070 + n * 25)]);
    }
    let corner = (x + 9200, y + 200);
    for n in 0..=8 {
        let thick = if n % 4 == 0 { 40 } else { 10 };
        canvas.line((corner.0 + n * 250, corner.1), (corner.0 + n * 250, corner.1 + 2000), thick);
        canvas.line((corner.0, corner.1 + n * 250), (corner.0 + 2000, corner.1 + n * 250), thick);
    }
    for n in 0..=20 {
        canvas.line((corner.0 + 2600 + n * 100, corner.1), (corner.0 + 2600 + n * 100, corner.1 + 2000), 10);
        canvas.line((corner.0 + 2600, corner.1 + n * 100), (corner.0 + 4600, corner.1 + n * 100), 10);
    }
    canvas.disc((corner.0 + 6600, corner.1 + 1000), 1000);
    canvas.frame((corner.0 + 5600, corner.1), (corner.0 + 7600, corner.1 + 2000), 30);
}

fn steps(canvas: &mut Canvas, place: Place, dither: Dither) {
    let pels = (0..1700 * 100).map(|n| (255 - n % 1700 / 100 * 255 / 16) as u8).collect();
    let grey = Grey { width: 1700, height: 100, pels, dpi: None };
    let shown = shown(&grey, canvas.form(), 17_000, 1000, dither);
    canvas.put(&shown, place);
}

/// A picture at a size in hundredths of a millimetre, without the paper around it.
pub(super) fn shown(grey: &Grey, form: &Form, width: usize, height: usize, dither: Dither) -> Page {
    let (w, h) = (form.across(width / 10), form.down(height / 10));
    sized(grey, (w, h), form.resolution, dither)
}

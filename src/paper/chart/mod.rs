//! The test chart: pages that show what a fax can do to a page, drawn by code.
//!
//! Standard: none; ours, nothing of it is from ITU's charts. In: a name, a [`Form`]. Out: a page, the same everywhere.
//! Left out: colour. Shown by: `docs/fax-pages.md`, `tests/it/fax_pages.rs`.

mod canvas;
mod dish;
mod drawing;
mod map;
mod patterns;
mod scene;
mod sheet;
mod sky;
mod texts;

use super::form::Form;
use super::letter::typeset;
use super::page::Page;
use super::picture::{Dither, draw};
use canvas::Canvas;
use map::Window;

/// The pages by name.
pub const PAGES: [&str; 12] =
    ["chart", "drawing", "halftone", "map", "text", "cyrillic", "dense", "runs", "alternate", "verticals", "blank", "noise"];

/// Pages beside the chart, for a message to carry: a map and a photograph. They spoil no measured figure of the chart's.
pub const EXHIBITS: [&str; 2] = ["satellites", "photograph"];

/// A page of the chart, or beside it. The error names those there are.
pub fn chart(name: &str, form: &Form) -> Result<Page, String> {
    let form = Form::new(form.width, form.resolution)?;
    let first = |text: &str| typeset(text, &form).map(|pages| pages.into_iter().next().unwrap_or_else(|| form.blank()));
    match name {
        "chart" => drawn(&form, sheet::sheet),
        "photograph" => drawn(&form, photograph),
        "drawing" => drawn(&form, drawing::drawing),
        "halftone" => draw(&scene::scene(1040, 780), &form, Dither::Auto),
        "map" => drawn(&form, maps),
        "text" => first(texts::ENGLISH),
        "cyrillic" => first(texts::RUSSIAN),
        "dense" => first(&texts::dense()),
        "runs" => Ok(patterns::runs(&form)),
        "alternate" => Ok(patterns::alternate(&form)),
        "verticals" => Ok(patterns::verticals(&form)),
        "blank" => Ok(form.blank()),
        "satellites" => drawn(&form, sky::sky),
        "noise" => Ok(patterns::noise(&form)),
        _ => Err(format!("the chart has no page `{name}`; it has {}, and beside it {}", PAGES.join(", "), EXHIBITS.join(", "))),
    }
}

/// The words of a page that has nothing else, as they were set: of `text` and `cyrillic`.
pub fn text(name: &str) -> Option<&'static str> {
    match name {
        "text" => Some(texts::ENGLISH),
        "cyrillic" => Some(texts::RUSSIAN),
        _ => None,
    }
}

fn drawn(form: &Form, by: fn(&mut Canvas) -> Result<(), String>) -> Result<Page, String> {
    let mut canvas = Canvas::new(form);
    by(&mut canvas)?;
    Ok(canvas.page)
}

/// The page `map`: the whole way, and its European part larger.
fn maps(canvas: &mut Canvas) -> Result<(), String> {
    canvas.words((1500, 2600), 140, "FROM WASHINGTON TO MOSCOW")?;
    map::map(canvas, &Window { west: -850, north: 720, south: 320, corner: (1500, 3200), scale: 138, width: 17_900, names: 80 })?;
    map::map(canvas, &Window { west: -120, north: 665, south: 480, corner: (1500, 13_800), scale: 330, width: 17_900, names: 80 })?;
    canvas.words((1500, 25_400), 90, "Way of the cable, station by station. Dotted: land. Net: ten degrees.")?;
    canvas.words((1500, 26_000), 90, "Путь кабеля от станции к станции. Точками: суша. Сетка: десять градусов.")?;
    canvas.words((1500, 26_800), 60, "Drawn for this chart, true to a degree or so; not to be used for navigation.")
}

/// The page `photograph`: one, mounted.
fn photograph(canvas: &mut Canvas) -> Result<(), String> {
    let dish = sheet::shown(&dish::dish(880, 660), canvas.form(), 16_000, 12_000, Dither::Ordered);
    canvas.put(&dish, (2500, 3400));
    canvas.words((2500, 3000), 120, "PHOTOGRAPH 1    ФОТОГРАФИЯ 1")?;
    canvas.words((2500, 16_200), 100, "The dish of an earth station, looking south-west over the wood.")?;
    canvas.words((2500, 16_800), 100, "Зеркало земной станции; смотрит на юго-запад, за лесом холмы.")?;
    canvas.words((2500, 17_600), 70, "Computed for molink: no camera was there, and no such station.")
}

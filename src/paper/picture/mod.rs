//! Pictures on a fax page: fitted to it, and made black and white so that they can be read.
//!
//! Standard: none; ours. In: a [`Grey`], a [`Form`], a [`Dither`]. Out: a page. Whole numbers only: the same input gives the same bytes.
//! A picture is scaled by area for pels that are not square, then dithered where it is a photograph and cut at a threshold where it is
//! writing or a drawing. Left out: colour, rotation. Shown by: `docs/fax-pages.md`, `tests/it/fax_pages.rs`.

mod bilevel;
mod dither;
mod judge;
mod read;
mod scale;
mod threshold;
mod tiles;

pub use bilevel::bilevel;
pub use read::{MOST_PELS, MOST_SIDE, picture};

use super::form::Form;
use super::page::{MOST_ROWS, Page, Resolution, WORD};
use tiles::Tiles;

/// A grey picture.
#[derive(Clone, PartialEq, Debug)]
pub struct Grey {
    /// Pels of a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Row by row, 0 is black.
    pub pels: Vec<u8>,
    /// Pels an inch across and down, where the picture says so.
    pub dpi: Option<(f32, f32)>,
}

/// How grey becomes black and white.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Dither {
    /// Photographs, and photographs on a page, by error diffusion; writing and drawings by threshold.
    #[default]
    Auto,
    /// By threshold.
    None,
    /// All of it by error diffusion, Floyd and Steinberg's weights.
    Floyd,
    /// All of it by a screen of clustered dots: coarser, far shorter to send.
    Ordered,
}

/// The fewest pels an inch a picture is taken to have: a smaller one is not blown up further.
const FEWEST: usize = 60;

/// Where a picture goes on a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Place {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

/// Draws a picture on a sheet of the form: at its true size where it says one and fits, otherwise as large as the printable part takes.
pub fn draw(picture: &Grey, form: &Form, dither: Dither) -> Result<Page, String> {
    let form = Form::new(form.width, form.resolution)?;
    if picture.width == 0 || picture.height == 0 || picture.pels.len() != picture.width * picture.height {
        return Err(format!("a picture of {} x {} pels has nothing to draw", picture.width, picture.height));
    }
    let place = fit(picture, &form);
    let mut page = form.blank();
    ink(picture, (place.width, place.height), dither, &mut Ink { page: &mut page, left: place.left, top: place.top });
    Ok(page)
}

/// A picture in so many pels and rows, with no paper around it.
pub(super) fn sized(picture: &Grey, size: (usize, usize), resolution: Resolution, dither: Dither) -> Page {
    let mut page = Page::white(size.0, size.1, resolution);
    ink(picture, size, dither, &mut Ink { page: &mut page, left: 0, top: 0 });
    page
}

fn ink(picture: &Grey, (width, height): (usize, usize), dither: Dither, ink: &mut Ink) {
    let resolution = ink.page.resolution;
    let plane = |light: bool| Plane { width, height, pels: scale::scale(picture, width, height, light) };
    let light = || judge::toned(plane(true));
    match dither {
        Dither::None => {
            let plane = plane(false);
            threshold::cut(&plane, &Tiles::of(&plane, resolution), ink);
        }
        Dither::Floyd => dither::floyd(&light(), ink),
        Dither::Ordered => dither::ordered(&light(), resolution, ink),
        Dither::Auto => {
            let plane = plane(false);
            judge::auto(&plane, light, &Tiles::of(&plane, resolution), ink);
        }
    }
}

/// Grey at a page's pels.
#[derive(Clone)]
struct Plane {
    width: usize,
    height: usize,
    pels: Vec<u8>,
}

impl Plane {
    fn row(&self, y: usize) -> &[u8] {
        &self.pels[y * self.width..(y + 1) * self.width]
    }
}

/// Where black pels of a plane go.
struct Ink<'a> {
    page: &'a mut Page,
    left: usize,
    top: usize,
}

impl Ink<'_> {
    /// Blackens the pels of a row that `black` says.
    fn row(&mut self, y: usize, width: usize, black: impl Fn(usize) -> bool) {
        let left = self.left;
        let row = self.page.row_mut(self.top + y);
        (0..width).filter(|x| black(*x)).for_each(|x| row[(left + x) / WORD] |= 1 << (WORD - 1 - (left + x) % WORD));
    }
    /// Whitens a rectangle, to draw it in another way.
    fn clear(&mut self, x: std::ops::Range<usize>, y: std::ops::Range<usize>) {
        for y in y {
            let row = self.page.row_mut(self.top + y);
            x.clone().for_each(|x| row[(self.left + x) / WORD] &= !(1 << (WORD - 1 - (self.left + x) % WORD)));
        }
    }
}

fn fit(picture: &Grey, form: &Form) -> Place {
    let (x, y) = (usize::from(form.resolution.x), usize::from(form.resolution.y));
    let (pels, rows) = (form.pels(), form.rows());
    // Below 100 an inch it is what cameras and browsers put there for want of anything better.
    let told = picture.dpi.filter(|(x, y)| [x, y].iter().all(|v| (100.0..=2400.0).contains(*v)));
    let (across, down) = told.map_or((FEWEST * 100, FEWEST * 100), |(x, y)| ((x * 100.0) as usize, (y * 100.0) as usize));
    let size = |of: usize, at: usize, inch: usize| ((of * at * 100 + inch / 2) / inch).max(1);
    let (width, height) = (size(picture.width, x, across), size(picture.height, y, down));
    if told.is_some() && width <= pels && height <= rows {
        return Place { left: (pels - width) / 2, top: (rows - height) / 3, width, height };
    }
    let edge = form.edge();
    let (room, high) = (pels - 2 * edge.0, rows - 2 * edge.1);
    // Without a size of its own a pel of the picture is square. What it is across and down, in one measure:
    let (wide, tall) = ((picture.width * down * x) as u128, (picture.height * across * y) as u128);
    let part = |side: u128, other: u128, of: usize| ((side * of as u128 * 2 + other) / (2 * other)) as usize;
    let w = room.min(width);
    let h = part(tall, wide, w);
    let most = high.min(height);
    let (w, h) = if h > most { (part(wide, tall, most), most) } else { (w, h) };
    let (w, h) = (w.clamp(1, room), h.clamp(1, high));
    Place { left: (pels - w) / 2, top: edge.1 + (high - h) / 3, width: w, height: h }
}

impl Grey {
    /// Whether it is black and white and as wide as a fax page: then it is one, pel for pel.
    pub fn bilevel(&self) -> Option<Page> {
        let resolution = bilevel::resolution(self.width, self.dpi)?;
        let fits = (1..=MOST_ROWS).contains(&self.height) && self.pels.iter().all(|v| matches!(v, 0 | 255));
        fits.then(|| self.as_page(resolution))
    }
    fn as_page(&self, resolution: Resolution) -> Page {
        let mut page = Page::white(self.width, self.height, resolution);
        let mut ink = Ink { page: &mut page, left: 0, top: 0 };
        let rows = self.pels.chunks_exact(self.width).enumerate();
        rows.for_each(|(y, row)| ink.row(y, self.width, |x| row[x] == 0));
        page
    }
}

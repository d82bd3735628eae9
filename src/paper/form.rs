//! The form of a fax page: how wide, how long, how fine; and what of it may be printed on.
//!
//! Standards: pels of a row after ITU-T T.4 2.2 and T.30 table 2 (RFC 2301 2.2.2); A4, B4, A3 after ISO 216.
//! In: a width and a [`Resolution`]. Out: pels, rows, places in pels. A row is wider than its sheet: 215 mm for A4's 210.
//! Left out: North American paper. Shown by: the tests below.

use super::page::{Page, Resolution};

/// How wide the paper is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Width {
    /// 210 mm; 1,728 pels at 204 an inch.
    #[default]
    A4,
    /// 250 mm; 2,048 pels.
    B4,
    /// 297 mm; 2,432 pels.
    A3,
}

impl Width {
    /// All of them, the narrowest first.
    pub const ALL: [Width; 3] = [Width::A4, Width::B4, Width::A3];

    /// The sheet across and down, in millimetres.
    pub const fn sheet(self) -> (usize, usize) {
        match self {
            Width::A4 => (210, 297),
            Width::B4 => (250, 353),
            Width::A3 => (297, 420),
        }
    }
}

/// What a page has to be.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Form {
    /// Of the paper.
    pub width: Width,
    /// Pels an inch.
    pub resolution: Resolution,
}

/// Pels at either edge of a row that a machine may lose, at 204 an inch: nothing of ours is printed there.
const EDGE: usize = 25;

impl Form {
    /// A form that can be worked with; the error says what may be asked for.
    pub fn new(width: Width, resolution: Resolution) -> Result<Form, String> {
        let Resolution { x, y } = resolution;
        if !matches!(x, 200 | 204 | 300 | 400 | 408) {
            return Err(format!("a fax page has 200, 204, 300, 400 or 408 pels an inch across, not `{x}`"));
        }
        match y {
            50..=600 => Ok(Form { width, resolution }),
            _ => Err(format!("a fax page has 50 to 600 rows an inch, not `{y}`")),
        }
    }
    /// The form of a page, where it is as wide as one; its length does not matter.
    pub fn of(page: &Page) -> Option<Form> {
        let of = |width| Form::new(width, page.resolution).ok().filter(|form| form.pels() == page.width());
        Width::ALL.into_iter().find_map(of)
    }
    /// Pels of a row.
    pub const fn pels(&self) -> usize {
        let [a4, b4, a3] = match self.resolution.x {
            0..=250 => [1728, 2048, 2432],
            251..=350 => [2592, 3072, 3648],
            _ => [3456, 4096, 4864],
        };
        match self.width {
            Width::A4 => a4,
            Width::B4 => b4,
            Width::A3 => a3,
        }
    }
    /// Rows of a whole sheet: 2,292 of A4 at 196 an inch.
    pub const fn rows(&self) -> usize {
        self.down(self.width.sheet().1 * 10)
    }
    /// So many tenths of a millimetre as pels of a row.
    pub const fn across(&self, tenths: usize) -> usize {
        (tenths * self.resolution.x as usize + 127) / 254
    }
    /// So many tenths of a millimetre as rows.
    pub const fn down(&self, tenths: usize) -> usize {
        (tenths * self.resolution.y as usize + 127) / 254
    }
    /// Pels from the row's start to the sheet's left edge: the row is a little wider than the sheet.
    pub const fn left(&self) -> usize {
        self.pels().saturating_sub(self.across(self.width.sheet().0 * 10)) / 2
    }
    /// Pels at either side, and rows above and below, that stay white.
    pub const fn edge(&self) -> (usize, usize) {
        let pels = (EDGE * self.resolution.x as usize).div_ceil(204);
        (pels, (pels * self.resolution.y as usize).div_ceil(self.resolution.x as usize))
    }
    /// A blank sheet.
    pub fn blank(&self) -> Page {
        Page::white(self.pels(), self.rows(), self.resolution)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheets_have_the_rows_and_pels_of_the_standards() {
        let form = |width, x, y| Form::new(width, Resolution { x, y }).unwrap();
        let sizes = |x, y| Width::ALL.map(|w| (form(w, x, y).pels(), form(w, x, y).rows()));
        assert_eq!(sizes(204, 196), [(1728, 2292), (2048, 2724), (2432, 3241)]);
        assert_eq!(sizes(204, 98), [(1728, 1146), (2048, 1362), (2432, 1620)]);
        assert_eq!(sizes(204, 391), [(1728, 4572), (2048, 5434), (2432, 6465)]);
        assert_eq!(sizes(300, 300).map(|s| s.0), [2592, 3072, 3648]);
        assert_eq!(sizes(408, 391).map(|s| s.0), [3456, 4096, 4864]);
        assert_eq!((form(Width::A4, 204, 196).edge(), form(Width::A4, 204, 98).edge()), ((25, 25), (25, 13)));
        assert_eq!(form(Width::A4, 204, 98).left(), 20);
        assert!(Form::new(Width::A4, Resolution { x: 96, y: 96 }).unwrap_err().contains("not `96`"));
        assert_eq!(Form::of(&form(Width::B4, 204, 98).blank()).map(|f| f.width), Some(Width::B4));
        assert_eq!(Form::of(&Page::new(1000, Resolution::FINE)), None);
    }
}

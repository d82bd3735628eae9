//! A page made to fit what was asked for: left as it is where it is a fax page, else scaled at its true size.
//!
//! Standards: none of its own (see `paper::picture`). In: a page, a form. Out: a page of that form, as long as it was.
//! Left out: enlarging, turning. Shown by: the tests below.

use super::{Dither, Form, Grey, Page, Resolution, Width, draw};

/// What was asked for; what was not is left as a page has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Asked {
    /// Of the paper.
    pub width: Option<Width>,
    /// Pels an inch.
    pub resolution: Option<Resolution>,
    /// How the grey becomes black and white that comes of scaling.
    pub dither: Dither,
}

impl Asked {
    /// The form of what has none of its own: A4, fine.
    pub fn form(&self) -> Form {
        Form { width: self.width.unwrap_or_default(), resolution: self.resolution.unwrap_or(Resolution::FINE) }
    }
    /// The form this page must get; none if it may stay as it is.
    fn other(&self, page: &Page) -> Option<Form> {
        let own = Form::of(page);
        let width = self.width.or(own.map(|f| f.width)).unwrap_or_default();
        let resolution = self.resolution.or(own.map(|f| f.resolution)).unwrap_or(Resolution::FINE);
        let asked = Form { width, resolution };
        (own != Some(asked)).then_some(asked)
    }
    /// The page as it was asked for, and a sentence if it is not as it was.
    pub fn fit(&self, page: Page) -> Result<(Page, Option<String>), String> {
        let Some(form) = self.other(&page) else { return Ok((page, None)) };
        let made = scaled(&page, &form, self.dither, 1.0)?;
        let note = told(&page, &made);
        Ok((made, Some(note)))
    }
}

/// What was done to a page.
fn told(page: &Page, made: &Page) -> String {
    let (from, to) = (page.resolution, made.resolution);
    format!("scaled from {} pels a row at {} x {} an inch to {} at {} x {}", page.width(), from.x, from.y, made.width(), to.x, to.y)
}

/// The page in another form; if it may be no longer than the form's sheet, so much smaller that it is not. With a sentence.
pub fn onto(page: &Page, form: &Form, dither: Dither, one_sheet: bool) -> Result<(Page, String), String> {
    let inches = page.height() as f32 / f32::from(page.resolution.y).max(1.0);
    let sheet = |rows: usize| rows as f32 / f32::from(form.resolution.y);
    // A whole sheet is not made smaller for a fraction of a row; what is longer gets a row less than fits, for rounding.
    let part = if one_sheet && inches > sheet(form.rows()) + 0.001 { sheet(form.rows() - 1) / inches } else { 1.0 };
    let made = scaled(page, form, dither, part)?;
    let mut note = told(page, &made);
    if part < 1.0 {
        note += &format!(", and made smaller to {:.0} % so that it fits one sheet", part * 100.0);
    }
    Ok((made, note))
}

/// The page in another form, at that part of its true size, or smaller if the form is narrower than it.
fn scaled(page: &Page, form: &Form, dither: Dither, part: f32) -> Result<Page, String> {
    let own = (f32::from(page.resolution.x).max(1.0), f32::from(page.resolution.y).max(1.0));
    let wide = page.width() as f32 / own.0 * f32::from(form.resolution.x);
    let shrink = (form.pels() as f32 / wide).min(part);
    // A picture that says it is finer than it is comes out smaller.
    let inch = (own.0 / shrink, own.1 / shrink);
    // `draw` makes whole sheets; a longer page goes through it in pieces.
    let rows = |height: usize| (height as f32 / inch.1 * f32::from(form.resolution.y)).round() as usize;
    let mut made = Page::new(form.pels(), form.resolution);
    let piece = ((form.rows() - 1) as f32 / f32::from(form.resolution.y) * inch.1) as usize;
    let mut from = 0;
    while from < page.height() {
        let to = (from + piece.max(1)).min(page.height());
        let sheet = draw(&grey(page, from..to, inch), form, dither)?;
        // Where the pieces meet, rows are counted from the page's top, so that rounding does not add up.
        let (first, last) = (rows(from), rows(to).max(rows(from) + usize::from(from == 0)));
        let high = rows(to - from).clamp(1, form.rows());
        let top = (form.rows() - high) / 3;
        (0..last - first).for_each(|y| made.push(sheet.row((top + y.min(high - 1)).min(sheet.height() - 1))));
        from = to;
    }
    Ok(made)
}

/// Rows as grey. A picture's pels an inch are believed from 100 on, so coarser ones are doubled.
fn grey(page: &Page, rows: std::ops::Range<usize>, inch: (f32, f32)) -> Grey {
    let times = |inch: f32| (1..64).find(|n| inch * *n as f32 >= 100.0).unwrap_or(64);
    let (across, down) = (times(inch.0), times(inch.1));
    let height = rows.len() * down;
    let mut pels = Vec::with_capacity(page.width() * across * height);
    for y in rows {
        let start = pels.len();
        for x in 0..page.width() {
            pels.extend(std::iter::repeat_n(if page.black(x, y) { 0 } else { 255 }, across));
        }
        (1..down).for_each(|_| pels.extend_from_within(start..start + page.width() * across));
    }
    Grey { width: page.width() * across, height, pels, dpi: Some((inch.0 * across as f32, inch.1 * down as f32)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame around everything, and a rule a quarter down.
    fn framed(width: usize, height: usize, resolution: Resolution) -> Page {
        let mut page = Page::white(width, height, resolution);
        let thick = height / 100 + 3;
        for y in 0..height {
            let ruled = y < thick || y >= height - thick || (height / 4..height / 4 + thick).contains(&y);
            let words: Vec<u64> = (0..page.stride()).map(|_| if ruled { !0 } else { 0 }).collect();
            page.row_mut(y).copy_from_slice(&words);
            page.row_mut(y)[0] = !0;
        }
        let mut clean = Page::new(width, resolution);
        page.rows().for_each(|row| clean.push(row));
        clean
    }

    #[test]
    fn a_fax_page_stays_as_it_is_unless_something_else_is_asked() {
        let asked = Asked::default();
        for resolution in [Resolution::STANDARD, Resolution::FINE, Resolution { x: 200, y: 100 }] {
            let page = framed(1728, 500, resolution);
            assert_eq!(asked.fit(page.clone()).unwrap(), (page, None));
        }
        let same = Asked { resolution: Some(Resolution::FINE), width: Some(Width::A4), ..asked };
        assert_eq!(same.fit(framed(1728, 9, Resolution::FINE)).unwrap().1, None);
    }

    #[test]
    fn another_resolution_keeps_size_and_proportions() {
        for (from, to) in
            [(Resolution::FINE, Resolution::STANDARD), (Resolution::STANDARD, Resolution::FINE), (Resolution::FINE, Resolution::SUPERFINE)]
        {
            // 2,400 rows are more than a sheet, and go through in pieces.
            for height in if to == Resolution::STANDARD { [1, 2400] } else { [7, 400] } {
                let asked = Asked { resolution: Some(to), ..Asked::default() };
                let (made, note) = asked.fit(framed(1728, height, from)).unwrap();
                let due = height as f32 * f32::from(to.y) / f32::from(from.y);
                assert!((made.height() as f32 - due).abs() <= 1.0, "{height} rows of {from:?}: {} of {to:?}", made.height());
                assert_eq!((made.width(), made.resolution), (1728, to));
                assert!(note.unwrap().contains("1728 pels"));
                if height > 399 {
                    let rule = made.height() / 4 + made.height() / 200;
                    assert!(made.black(900, rule) && !made.black(900, made.height() / 2), "the rule is in its place");
                    assert!(made.black(900, 0) && made.black(900, made.height() - 1) && made.black(0, made.height() / 2), "the frame");
                }
            }
        }
    }

    #[test]
    fn what_is_no_fax_page_becomes_one_of_its_size() {
        // An office's scan: letter paper, 300 pels an inch.
        let (made, _) = Asked::default().fit(framed(2550, 3300, Resolution { x: 300, y: 300 })).unwrap();
        assert_eq!((made.width(), made.resolution), (1728, Resolution::FINE));
        assert!((2140..=2156).contains(&made.height()), "{}", made.height());
        let (made, _) = Asked { width: Some(Width::A4), ..Asked::default() }.fit(framed(2432, 3241, Resolution::FINE)).unwrap();
        assert!(made.width() == 1728 && (2295..2310).contains(&made.height()), "A3 on A4: {}", made.height());
        let (made, _) = Asked::default().fit(framed(100, 50, Resolution::FINE)).unwrap();
        assert_eq!((made.width(), made.height()), (1728, 50), "small things stay small");
    }
}

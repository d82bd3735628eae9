//! The header line of a fax page: over the page, in rows of its own.
//!
//! Standard: none binding (47 CFR 68.318(d) asks for date, sender and number on each page; T.30 leaves it to the terminal).
//! In: a page, a line. Out: the page with its rows added above; its own rows are as they were.
//! Left out: the line's words beyond [`heading`]. Shown by: the tests below.

use super::super::form::Form;
use super::super::page::{Page, Resolution};
use super::stamp::Type;
use crate::time::Dtg;

/// Rows of a header at 196 an inch; in proportion at others.
pub const HEADER_ROWS: usize = 24;
/// Its type: eight points, fifteen characters to the inch.
const TENTHS: usize = 80;
const PITCH: usize = 15;

/// What stands in a header line: when, whose, which page of how many; the parts set apart by tabs.
pub fn heading(date: Option<Dtg>, station: &str, page: usize, pages: usize) -> String {
    let date = date.map(|d| d.to_string()).unwrap_or_default();
    format!("{date}\t{station}\tPAGE {page} OF {pages}")
}

/// Adds the header over a page. Parts of the line set apart by tabs stand at the left, in the middle and at the right; what is too long is cut.
pub fn header(page: &mut Page, line: &str) {
    let resolution = page.resolution;
    let rows = (HEADER_ROWS * usize::from(resolution.y)).div_ceil(usize::from(Resolution::FINE.y));
    let mut with = Page::white(page.width(), rows, resolution);
    print(&mut with, line);
    page.rows().for_each(|row| with.push(row));
    *page = with;
}

fn print(strip: &mut Page, line: &str) {
    let Ok(mut types) = Type::new(TENTHS, strip.resolution) else { return }; // the font in the program is read by its own test
    let across = usize::from(strip.resolution.x);
    let edge = Form::of(strip).map_or(across / 8, |form| form.left().max(form.edge().0) + form.across(60));
    let columns = strip.width().saturating_sub(2 * edge) * PITCH / across.max(1);
    let foot = strip.height() * 3 / 4;
    let parts: Vec<&str> = line.splitn(3, '\t').collect();
    let mut free = 0;
    for (n, part) in parts.iter().enumerate() {
        let part: Vec<char> = part.chars().filter(|c| !c.is_control()).collect();
        let at = match n {
            0 => 0,
            1 => columns.saturating_sub(part.len()) / 2,
            _ => columns.saturating_sub(part.len()),
        };
        let at = at.max(free);
        for (i, c) in part.iter().enumerate().filter(|(i, c)| at + i < columns && **c != ' ') {
            types.stamp(strip, *c, (edge + ((at + i) * across + PITCH / 2) / PITCH) as isize, foot as isize);
        }
        free = at + part.len() + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_rows_of_its_own_and_the_pages_are_as_they_were() {
        for (resolution, rows) in [(Resolution::STANDARD, 12), (Resolution::FINE, 24), (Resolution::SUPERFINE, 48)] {
            let mut page = Page::white(1728, 10, resolution);
            (0..10).for_each(|y| page.row_mut(y)[y] = 0x1234_5678_9abc_def0);
            let before = page.clone();
            header(&mut page, &heading(Some("19630830T1600Z".parse().unwrap()), "WASHINGTON", 1, 3));
            assert_eq!(page.height(), rows + 10);
            assert!((0..10).all(|y| page.row(rows + y) == before.row(y)));
            let ink = |from: usize, to: usize| (0..rows).any(|y| (from..to).any(|x| page.black(x, y)));
            assert!(ink(70, 300) && ink(780, 950) && ink(1400, 1660), "three parts");
            assert!(!ink(0, 65) && !ink(1663, 1728), "nothing at the edges");
            assert!((0..page.width()).all(|x| !page.black(x, 0) && !page.black(x, rows - 1)), "it touches nothing");
        }
    }

    #[test]
    fn a_long_header_is_cut_and_a_narrow_page_takes_what_it_can() {
        let mut page = Page::white(1728, 1, Resolution::FINE);
        header(&mut page, &"Ж".repeat(5000));
        assert_eq!(page.height(), 25);
        assert!((0..24).all(|y| (1700..1728).all(|x| !page.black(x, y))));
        let mut narrow = Page::white(3, 1, Resolution::FINE);
        header(&mut narrow, "A\tB\tC");
        assert_eq!((narrow.width(), narrow.height()), (3, 25));
    }
}

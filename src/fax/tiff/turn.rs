//! Pages that lie in a file on their side or on their head, set upright.
//!
//! Standard: TIFF 6.0 section 8, Orientation 1 to 8. In: a page as its rows lie in the file. Out: as it is read.
//! Left out: pages that would be wider than the widest; they stay as they are. Shown by: the tests below.

use crate::paper::page::{WIDEST, WORD};
use crate::paper::{Page, Resolution};

/// Sets a page upright; gives it back as it is if it would be too wide.
pub fn upright(page: Page, orientation: u64) -> Result<Page, Page> {
    let (w, h) = (page.width(), page.height());
    // For each pel of the upright page, which one of the file it is.
    let turned: fn(usize, usize, usize, usize) -> (usize, usize) = match orientation {
        2 => |x, y, w, _| (w - 1 - x, y),
        3 => |x, y, w, h| (w - 1 - x, h - 1 - y),
        4 => |x, y, _, h| (x, h - 1 - y),
        5 => |x, y, _, _| (y, x),
        6 => |x, y, _, h| (y, h - 1 - x),
        7 => |x, y, w, h| (w - 1 - y, h - 1 - x),
        8 => |x, y, w, _| (w - 1 - y, x),
        _ => return Ok(page),
    };
    let aside = orientation >= 5;
    if aside && !(1..=WIDEST).contains(&h) {
        return Err(page);
    }
    let Resolution { x, y } = page.resolution;
    let (width, height, resolution) = if aside { (h, w, Resolution { x: y, y: x }) } else { (w, h, page.resolution) };
    let mut upright = Page::white(width, height, resolution);
    for y in 0..height {
        let row = upright.row_mut(y);
        for x in 0..width {
            let (from_x, from_y) = turned(x, y, w, h);
            if page.black(from_x, from_y) {
                row[x / WORD] |= 1 << (WORD - 1 - x % WORD);
            }
        }
    }
    Ok(upright)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of 3 x 2: `ABC` over `DEF`, one letter black at a time.
    fn letter(n: usize) -> Page {
        let mut page = Page::white(3, 2, Resolution::STANDARD);
        page.row_mut(n / 3)[0] |= 1 << (63 - n % 3);
        page
    }

    /// The letters of the upright page, row by row.
    fn read(orientation: u64) -> String {
        let pages: Vec<Page> = (0..6).map(|n| upright(letter(n), orientation).unwrap()).collect();
        let (w, h) = (pages[0].width(), pages[0].height());
        let at = |x, y| (0..6).find(|n| pages[*n].black(x, y)).map_or('?', |n| char::from(b'A' + n as u8));
        (0..h).map(|y| (0..w).map(|x| at(x, y)).collect::<String>()).collect::<Vec<_>>().join("/")
    }

    #[test]
    fn each_of_the_eight_ways_a_page_can_lie_is_set_upright() {
        // TIFF 6.0: which side of the picture the file's first row and first column are.
        for (orientation, reads) in [
            (1, "ABC/DEF"),
            (2, "CBA/FED"),
            (3, "FED/CBA"),
            (4, "DEF/ABC"),
            (5, "AD/BE/CF"),
            (6, "DA/EB/FC"),
            (7, "FC/EB/DA"),
            (8, "CF/BE/AD"),
        ] {
            assert_eq!(read(orientation), reads, "orientation {orientation}");
        }
        assert_eq!(upright(letter(0), 6).unwrap().resolution, Resolution { x: 98, y: 204 });
        assert!(upright(Page::white(1, WIDEST + 1, Resolution::FINE), 6).is_err());
    }
}

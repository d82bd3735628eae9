//! Which pages: `2-5,7`, `3-`, `-4`.
//!
//! Standards: none; as page ranges of print dialogues. In: the user's words. Out: [`Pages`]. Counted from 1.
//! Left out: another order than the document's, a page twice. Shown by: the tests below.

use std::fmt;
use std::str::FromStr;

/// Most parts of a range.
const MOST: usize = 1_000;

/// Pages of a document, from 1. By default all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pages(Vec<(usize, usize)>);

impl Default for Pages {
    fn default() -> Pages {
        Pages(vec![(1, usize::MAX)])
    }
}

impl Pages {
    /// Whether the page is wanted.
    pub fn wants(&self, page: usize) -> bool {
        self.0.iter().any(|(from, to)| (*from..=*to).contains(&page))
    }
    /// Whether no page from this one on is wanted.
    pub fn over(&self, page: usize) -> bool {
        self.0.iter().all(|(_, to)| *to < page)
    }
    /// How many of so many pages are wanted.
    pub fn of(&self, pages: usize) -> usize {
        (1..=pages).filter(|page| self.wants(*page)).count()
    }
    /// The same pages, counted in a file that begins after so many.
    pub fn after(&self, pages: usize) -> Pages {
        let moved = self.0.iter().filter(|(_, to)| *to > pages);
        Pages(moved.map(|(from, to)| (from.saturating_sub(pages).max(1), if *to == usize::MAX { *to } else { to - pages })).collect())
    }
}

impl FromStr for Pages {
    type Err = String;
    fn from_str(text: &str) -> Result<Pages, String> {
        let bad = || format!("`{text}` is no range of pages; write it as 2-5,7 or 3- (pages count from 1)");
        let number = |part: &str| part.parse::<usize>().ok().filter(|n| *n > 0).ok_or_else(bad);
        let part = |part: &str| match part.trim().split_once('-') {
            None => number(part.trim()).map(|n| (n, n)),
            Some(("", "")) => Err(bad()),
            Some(("", to)) => number(to).map(|to| (1, to)),
            Some((from, "")) => number(from).map(|from| (from, usize::MAX)),
            Some((from, to)) => Ok((number(from)?, number(to)?)).and_then(|(a, b)| if a <= b { Ok((a, b)) } else { Err(bad()) }),
        };
        let parts: Vec<(usize, usize)> = text.split(',').take(MOST + 1).map(part).collect::<Result<_, _>>()?;
        (parts.len() <= MOST).then_some(Pages(parts)).ok_or_else(|| format!("a range of more than {MOST} parts; write it shorter"))
    }
}

impl fmt::Display for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (from, to)) in self.0.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            match *to {
                usize::MAX => write!(f, "{comma}{from}-")?,
                to if to == *from => write!(f, "{comma}{to}")?,
                to => write!(f, "{comma}{from}-{to}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_written() {
        for (text, wanted) in [("2-5,7", vec![2, 3, 4, 5, 7]), ("3-", vec![3, 4, 5, 6, 7, 8]), ("-2", vec![1, 2]), ("8, 1", vec![1, 8])] {
            let pages: Pages = text.parse().unwrap();
            assert_eq!((1..9).filter(|n| pages.wants(*n)).collect::<Vec<_>>(), wanted, "{text}");
            assert_eq!(pages.of(8), wanted.len());
            assert_eq!(pages.to_string().parse::<Pages>().unwrap(), pages);
        }
        for bad in ["", "0", "5-2", "a", "1-2-3", "-", "1,,2", "99999999999999999999"] {
            assert!(bad.parse::<Pages>().unwrap_err().contains("2-5,7"), "{bad}");
        }
        assert!("1,".repeat(5000).parse::<Pages>().is_err());
    }

    #[test]
    fn a_range_goes_on_in_the_next_file() {
        let pages: Pages = "2-5,7".parse().unwrap();
        assert_eq!(pages.after(3).to_string(), "1-2,4");
        assert_eq!(Pages::default().after(100), Pages::default());
        assert!(pages.over(8) && !pages.over(7) && !Pages::default().over(1_000_000));
    }
}

//! A picture of a tape, read by somebody who knows the standard's dimensions and has the picture: nothing of how it was drawn.

use molink::line::Code;
use molink::teletype::codes::CodeTable;
use molink::teletype::{tape, typing};

/// Inches, from the standard's table (ISO 1154) once more: not the program's constants.
const WIDTH: f64 = 17.46 / 25.4;
const PITCH: f64 = 2.54 / 25.4;
const FEED_FROM_EDGE: f64 = 9.96 / 25.4;
const CODE_HOLE: f64 = 1.83 / 25.4;
const FEED_HOLE: f64 = 1.17 / 25.4;

/// A picture in greys, 0 to 255, and its dots an inch.
struct Picture {
    width: usize,
    height: usize,
    grey: Vec<u8>,
    inch: f64,
}

impl Picture {
    fn read(file: &[u8]) -> Picture {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut dots = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut dots).unwrap();
        let each = frame.color_type.samples();
        let grey = dots.chunks(each).map(|dot| (dot[..3].iter().map(|v| u32::from(*v)).sum::<u32>() / 3) as u8).collect();
        let inch = f64::from(reader.info().pixel_dims.unwrap().xppu) * 0.0254;
        Picture { width: frame.width as usize, height: frame.height as usize, grey, inch }
    }
    fn paper(&self, x: f64, y: f64) -> bool {
        let (x, y) = (x.floor() as usize, y.floor() as usize);
        x < self.width && y < self.height && self.grey[y * self.width + x] > 128
    }
    /// Where runs of paper lie along a line of dots.
    fn runs(&self, dots: usize, paper: impl Fn(usize) -> bool) -> Vec<(usize, usize)> {
        let (mut runs, mut from) = (vec![], None);
        for n in 0..=dots {
            match (n < dots && paper(n), from) {
                (true, None) => from = Some(n),
                (false, Some(start)) => {
                    runs.push((start, n));
                    from = None;
                }
                (true, Some(_)) | (false, None) => {}
            }
        }
        runs
    }
    /// The codes of all strips, from top to bottom: each is looked for, then its feed holes, then the tracks beside them.
    fn codes(&self) -> Vec<Code> {
        let mut codes = vec![];
        // A strip's left end is paper all the way down, but for nothing: the first hole is half a pitch away.
        let end = (0..self.width).find(|x| (0..self.height).any(|y| self.paper(*x as f64, y as f64))).unwrap();
        let strips = self.runs(self.height, |y| self.paper(end as f64 + 1.0, y as f64));
        for (top, bottom) in strips {
            let found = (bottom - top) as f64 / self.inch;
            assert!((found - WIDTH).abs() < 0.01, "a strip is {found} inches wide");
            let feed = bottom as f64 - FEED_FROM_EDGE * self.inch;
            let holes = self.holes(feed, FEED_HOLE);
            for (n, middle) in holes.iter().enumerate() {
                let off = middle - holes[0] - n as f64 * PITCH * self.inch;
                assert!(off.abs() <= 1.0, "feed hole {n} is {off} dots from its place");
                let bit = |(track, pitches): (usize, &f64)| {
                    let y = feed + pitches * PITCH * self.inch;
                    if self.paper(*middle, y) { 0 } else { 1 << track }
                };
                // Elements 1 and 2 lie on one side of the feed holes, 3 to 5 on that of the reference edge.
                codes.push(Code::new([-2.0, -1.0, 1.0, 2.0, 3.0].iter().enumerate().map(bit).sum()));
            }
        }
        codes
    }
    /// The middles of holes of a diameter along a line; every gap in the paper must be such a hole.
    fn holes(&self, y: f64, diameter: f64) -> Vec<f64> {
        let runs = self.runs(self.width, |x| self.paper(x as f64, y));
        runs.windows(2)
            .map(|two| {
                let (from, to) = (two[0].1 as f64, two[1].0 as f64);
                assert!(((to - from) / self.inch - diameter).abs() < 1.5 / self.inch, "a hole of {} inches", (to - from) / self.inch);
                (from + to) / 2.0
            })
            .collect()
    }
}

const TEXTS: [(&str, CodeTable); 4] = [
    ("THE QUICK BROWN FOX JUMPED OVER THE LAZY DOG'S BACK 1234567890\n", CodeTable::Ita2),
    ("RYRYRYRY & $ 4\n", CodeTable::UsTty),
    ("ЮЖНО-ЭФИОПСКИЙ ГРАЧ УВЕЛ МЫШЬ ЗА ХОБОТ НА СЬЕЗД ЯЩЕРИЦ, 1963\n", CodeTable::Mtk2),
    ("MOSCOW ПРОВЕРКА\n\nEND КОНЕЦ\n", CodeTable::Mtk2),
];

#[test]
fn the_tapes_picture_reads_back_hole_by_hole() {
    for (text, code) in TEXTS {
        let typed = typing::typed(text, code, 72).unwrap().codes;
        for (letters, strip) in [("", 80), ("МОСКВА 1", 80), ("", 7), ("W", 1000)] {
            let punched = tape::punched(&typed, letters).unwrap();
            let read = Picture::read(&tape::png(&punched, strip).unwrap()).codes();
            assert_eq!(read, punched, "{code:?}, leader `{letters}`, strips of {strip}");
        }
        // What was punched between the unpunched ends is the text.
        let read = Picture::read(&tape::png(&tape::punched(&typed, "").unwrap(), 80).unwrap()).codes();
        assert_eq!(tape::read(&read[8..read.len() - 8], code), text);
    }
}

#[test]
fn every_code_has_its_own_holes_of_the_standards_size() {
    let all: Vec<Code> = (0..32).map(Code::new).collect();
    let picture = Picture::read(&tape::png(&all, 80).unwrap());
    assert_eq!(picture.codes(), all);
    let letters = Picture::read(&tape::png(&[Code::new(31); 12], 80).unwrap());
    let bottom = (letters.height as f64 - tape::AIR as f64) - FEED_FROM_EDGE * letters.inch;
    for pitches in [-2.0, -1.0, 1.0, 2.0, 3.0] {
        assert_eq!(letters.holes(bottom + pitches * PITCH * letters.inch, CODE_HOLE).len(), 12);
    }
}

#[test]
fn the_leader_can_be_read_as_it_lies() {
    let punched = tape::punched(&[], "LO").unwrap();
    let picture = Picture::read(&tape::png(&punched, 80).unwrap());
    let codes = picture.codes();
    let rows: Vec<String> =
        (0..5).map(|track| codes[8..17].iter().map(|c| if c.value() >> track & 1 == 1 { 'O' } else { '.' }).collect()).collect();
    assert_eq!(rows, ["O....OO..", "O...O..O.", "O...O..O.", "O...O..O.", "OOO..OO.."]);
}

#[test]
fn the_reader_of_pictures_notices_a_hole_too_many() {
    let punched: Vec<Code> = (0..20).map(|n| Code::new(n % 31)).collect();
    let mut other = punched.clone();
    other[7] = Code::new(other[7].value() ^ 16);
    assert_ne!(Picture::read(&tape::png(&other, 80).unwrap()).codes(), punched);
}

#[test]
fn a_picture_has_its_bounds_and_is_small() {
    let long = vec![Code::new(21); tape::MOST + 1];
    assert!(tape::png(&long, 80).unwrap_err().contains("100001 codes"));
    let page = tape::png(&long[..1500], 80).unwrap();
    assert!(page.len() < 150_000, "{} bytes", page.len());
    assert!(page == tape::png(&long[..1500], 80).unwrap());
}

//! Fax codes with errors in them: rows keep their place, and what cannot be read is counted. Beside libtiff on the same streams.

#[path = "../peers/libtiff.rs"]
mod libtiff;

use libtiff::Libtiff;
use molink::fax::code::{Coding, Damage, Layout, ReadAs, decode, encode};
use molink::paper::form::{Form, Width};
use molink::paper::{Page, Resolution, chart};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const SEEDS: u64 = 100;
const ERRORS: usize = 20;
const CODINGS: [(&str, Coding); 2] = [("mh", Coding::Mh), ("mr", Coding::Mr { k: 4 })];

fn page(name: &str) -> Page {
    chart::chart(name, &Form::new(Width::A4, Resolution::FINE).unwrap()).unwrap()
}
fn lines() -> Layout {
    Layout { eol: true, ..Layout::default() }
}
fn read(codes: &[u8], coding: Coding, width: usize) -> (Page, Damage) {
    decode(codes, coding, width, ReadAs::default(), Resolution::FINE)
}

/// The codes with single bits turned, uniformly over them.
fn damaged(codes: &[u8], errors: usize, seed: u64) -> Vec<u8> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut codes = codes.to_vec();
    for _ in 0..errors {
        let bit = (rng.next_u64() % (codes.len() as u64 * 8)) as usize;
        codes[bit / 8] ^= 0x80 >> (bit % 8);
    }
    codes
}

/// Of the rows that differ from the row above, how many in a hundred are bit-exact in their place.
fn in_place(page: &Page, row: impl Fn(usize) -> Option<Vec<u64>>) -> f64 {
    let differ: Vec<usize> = (1..page.height()).filter(|y| page.row(*y) != page.row(*y - 1)).collect();
    let exact = differ.iter().filter(|y| row(**y).is_some_and(|row| row == page.row(**y))).count();
    exact as f64 * 100.0 / differ.len() as f64
}
fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// For every seed: rows in place in a hundred, rows too many or too few, what was counted bad.
fn figures(page: &Page, coding: Coding) -> Vec<(f64, usize, Damage)> {
    let codes = encode(page, coding, lines());
    let one = |seed| {
        let (back, damage) = read(&damaged(&codes, ERRORS, seed), coding, page.width());
        assert_eq!(damage.rows, back.height());
        let share = in_place(page, |y| (y < back.height()).then(|| back.row(y).to_vec()));
        (share, back.height().abs_diff(page.height()), damage)
    };
    (0..SEEDS).map(one).collect()
}

#[test]
fn rows_keep_their_place_when_bits_are_wrong() {
    let page = page("dense");
    for ((name, coding), least) in CODINGS.into_iter().zip([98.0, 95.0]) {
        let of = figures(&page, coding);
        let share = median(&mut of.iter().map(|f| f.0).collect::<Vec<_>>());
        let worst = of.iter().map(|f| f.0).fold(100.0, f64::min);
        let (most, bad) = (of.iter().map(|f| f.1).max().unwrap(), of.iter().map(|f| f.2.bad_rows).max().unwrap());
        println!("{name}: {share:.2} % in place on the median, {worst:.2} % at worst; height off by at most {most}; at most {bad} bad rows");
        assert!(share >= least, "{name}: {share}");
        assert!(most <= 3, "{name}: the page is {most} rows off");
        assert!(of.iter().all(|f| f.2.bad_rows > 0));
    }
}

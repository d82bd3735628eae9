//! Encoder and decoder against each other.

use super::*;
use crate::paper::page::{WORD, last_word};
use crate::paper::{Page, Resolution};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// A page of random rows of many densities, some of them like the row above but for a few pels.
fn page(width: usize, height: usize, seed: u64) -> Page {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut page = Page::new(width, Resolution::FINE);
    let mut row = vec![0u64; width.div_ceil(WORD)];
    for _ in 0..height {
        match rng.next_u64() % 8 {
            0 => row.fill(0),
            1 => row.fill(!0),
            2 => row.iter_mut().for_each(|w| *w = rng.next_u64()),
            3 => row.iter_mut().for_each(|w| *w = rng.next_u64() & rng.next_u64() & rng.next_u64() & rng.next_u64()),
            4 => row.iter_mut().for_each(|w| *w = !0 >> (rng.next_u64() % 64)),
            5 => {}
            6 => row.iter_mut().for_each(|w| *w = w.rotate_left((rng.next_u64() % 7) as u32).rotate_right(3)),
            _ => row.iter_mut().for_each(|w| *w ^= 1 << (rng.next_u64() % 64)),
        }
        *row.last_mut().unwrap() &= last_word(width);
        page.push(&row);
    }
    page
}

fn codings() -> [Coding; 5] {
    [Coding::Mh, Coding::Mr { k: 1 }, Coding::Mr { k: 2 }, Coding::Mr { k: 4 }, Coding::Mmr]
}

fn layouts() -> Vec<Layout> {
    let mut all = vec![];
    for order in [BitOrder::MsbFirst, BitOrder::LsbFirst] {
        for n in 0..16 {
            all.push(Layout { order, eol: n & 1 > 0, aligned: n & 2 > 0, end: n & 4 > 0, least_bits: n / 8 * 600 });
        }
    }
    all
}

#[test]
fn every_page_comes_back_from_every_coding_and_layout() {
    for (seed, width) in [1, 2, 3, 8, 63, 64, 65, 200, 1728, 2048, 2432, 4864].into_iter().enumerate() {
        let page = page(width, 30, seed as u64);
        for coding in codings() {
            for layout in layouts() {
                let bytes = encode(&page, coding, layout);
                let read = ReadAs { order: layout.order, rows: (!layout.end).then_some(30), aligned: layout.aligned };
                let (back, damage) = decode(&bytes, coding, width, read, page.resolution);
                assert_eq!(damage, Damage { rows: 30, ended: layout.end, ..Damage::default() }, "{width} {coding:?} {layout:?}");
                assert!(back == page, "{width} {coding:?} {layout:?}");
            }
        }
    }
}

#[test]
fn bytes_may_come_in_any_pieces() {
    let page = page(1728, 40, 9);
    for coding in codings() {
        for layout in [Layout { eol: true, ..Layout::default() }, Layout { end: true, aligned: true, ..Layout::default() }] {
            let bytes = encode(&page, coding, layout);
            for piece in [1, 2, 7, 100] {
                let mut back = Page::new(1728, page.resolution);
                let mut decoder = Decoder::new(coding, 1728, ReadAs { aligned: layout.aligned, ..ReadAs::default() });
                bytes.chunks(piece).for_each(|some| decoder.push(some, &mut |row| back.push(row)));
                let damage = decoder.finish(&mut |row| back.push(row));
                assert_eq!((damage.rows, damage.bad_rows), (40, 0), "{coding:?} {layout:?} {piece}");
                assert!(back == page, "{coding:?} {layout:?} {piece}");
            }
        }
    }
}

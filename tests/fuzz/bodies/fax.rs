//! The fax codes: any bits as a page, and pages of any rows as codes that are then damaged.
//!
//! The first bytes say width, layout and pieces. Held to: no panic; as many rows as are counted, and no more than were asked for;
//! the same rows whole, in pieces and packed; what was read comes back when it is written in any layout.

use super::Bytes;
use molink::fax::code::{BitOrder, Coding, Damage, Decoder, Layout, ReadAs, decode, encode};
use molink::paper::{Page, Resolution};

const WIDTHS: [usize; 10] = [1, 2, 7, 8, 64, 65, 200, 1728, 2432, 4864];

pub fn mh(data: &[u8]) {
    run(Coding::Mh, data);
}
pub fn mr(data: &[u8]) {
    run(Coding::Mr { k: 4 }, data);
}
pub fn mmr(data: &[u8]) {
    run(Coding::Mmr, data);
}

fn run(coding: Coding, data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let width = if bytes.bit() { 1 + usize::from(bytes.word()) % 300 } else { *bytes.of(&WIDTHS) };
    let layout = layout(&mut bytes);
    let rows = bytes.bit().then(|| usize::from(bytes.word()) % 300);
    let piece = 1 + usize::from(bytes.byte());
    let read = ReadAs { order: layout.order, rows, aligned: layout.aligned };
    if bytes.bit() {
        any_bits(coding, width, read, piece, layout, bytes.rest());
    } else {
        damaged(coding, width, read, piece, layout, &mut bytes);
    }
}
fn layout(bytes: &mut Bytes) -> Layout {
    let flags = bytes.byte();
    let order = if flags & 1 == 0 { BitOrder::MsbFirst } else { BitOrder::LsbFirst };
    let least_bits = if flags & 16 == 0 { 0 } else { u32::from(bytes.word()) };
    Layout { order, eol: flags & 2 > 0, aligned: flags & 4 > 0, end: flags & 8 > 0, least_bits }
}

/// The rows and what was damaged, having read it in pieces as well.
fn read_as(codes: &[u8], coding: Coding, width: usize, read: ReadAs, piece: usize) -> (Page, Damage) {
    let mut whole = Page::new(width, Resolution::FINE);
    let mut decoder = Decoder::new(coding, width, read);
    decoder.push(codes, &mut |row| whole.push(row));
    let damage = decoder.finish(&mut |row| whole.push(row));
    let (mut packed, mut decoder) = (vec![], Decoder::new(coding, width, read));
    codes.chunks(piece).for_each(|some| decoder.push_packed(some, &mut packed));
    assert_eq!(decoder.finish_packed(&mut packed), damage, "in pieces of {piece}");
    let mut expected = vec![];
    (0..whole.height()).for_each(|y| whole.pack(y, &mut expected));
    assert!(packed == expected, "in pieces of {piece}");
    assert_eq!(whole.height(), damage.rows);
    assert!(damage.bad_rows <= damage.rows && damage.longest_bad_run <= damage.bad_rows);
    assert!(read.rows.is_none_or(|rows| damage.rows == rows), "{damage:?}");
    (whole, damage)
}

fn any_bits(coding: Coding, width: usize, read: ReadAs, piece: usize, layout: Layout, codes: &[u8]) {
    let (page, damage) = read_as(codes, coding, width, read, piece);
    let (_, at_once) = decode(codes, coding, width, read, Resolution::FINE);
    assert!(at_once.rows - at_once.bad_rows >= damage.rows - damage.bad_rows);
    comes_back(&page, coding, layout);
}
fn comes_back(page: &Page, coding: Coding, layout: Layout) {
    let codes = encode(page, coding, layout);
    let read = ReadAs { order: layout.order, rows: (!layout.end).then_some(page.height()), aligned: layout.aligned };
    let (back, damage) = decode(&codes, coding, page.width(), read, Resolution::FINE);
    assert_eq!((damage.rows, damage.bad_rows), (page.height(), 0), "{coding:?} {layout:?}");
    assert!(back == *page, "{coding:?} {layout:?}");
}

fn damaged(coding: Coding, width: usize, read: ReadAs, piece: usize, layout: Layout, bytes: &mut Bytes) {
    let errors: Vec<(u16, u8)> = (0..bytes.below(8)).map(|_| (bytes.word(), bytes.byte())).collect();
    let mut page = Page::new(width, Resolution::FINE);
    let mut row = vec![0; width.div_ceil(8)];
    while !bytes.is_empty() && page.height() < 200 {
        // A run to paint or turn in the row above, so that rows are like each other.
        for _ in 0..bytes.below(4) {
            let (from, len, value) = (usize::from(bytes.word()), usize::from(bytes.byte()), bytes.byte());
            let end = row.len();
            row.iter_mut().skip(from % end).take(len).for_each(|b| *b ^= value);
        }
        page.push_packed(&row);
    }
    comes_back(&page, coding, layout);
    let mut codes = encode(&page, coding, layout);
    for (at, how) in errors {
        let at = usize::from(at) % codes.len().max(1);
        match how % 10 {
            _ if codes.is_empty() => {}
            8 => drop(codes.remove(at)),
            9 => codes.truncate(at.max(1)),
            bit => codes[at] ^= 1 << bit,
        }
    }
    read_as(&codes, coding, width, read, piece);
}

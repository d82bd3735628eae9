//! TIFF files made by hand, right ones and wrong ones, byte by byte.

use molink::fax::code::{BitOrder, Coding, Layout, encode};
use molink::paper::{Page, Resolution};
use std::collections::BTreeMap;

/// Tags that the tests touch.
pub const WIDTH: u16 = 256;
pub const LENGTH: u16 = 257;
pub const COMPRESSION: u16 = 259;
pub const PHOTOMETRIC: u16 = 262;
pub const FILL_ORDER: u16 = 266;
pub const OFFSETS: u16 = 273;
pub const ORIENTATION: u16 = 274;
pub const ROWS: u16 = 278;
pub const COUNTS: u16 = 279;
pub const X_RESOLUTION: u16 = 282;
pub const Y_RESOLUTION: u16 = 283;
pub const T4_OPTIONS: u16 = 292;
pub const UNIT: u16 = 296;

/// A directory that is to be: its fields with type and values, and its strips. Offsets and counts are those of the strips unless said.
#[derive(Clone, Default)]
pub struct Directory {
    pub fields: BTreeMap<u16, (u16, Vec<u64>)>,
    pub strips: Vec<Vec<u8>>,
    /// Where the next directory is, if it is not where it is.
    pub next: Option<u64>,
    without: Vec<u16>,
}

impl Directory {
    /// A right one, of one strip.
    pub fn of(page: &Page, coding: Coding) -> Directory {
        let compression = if coding == Coding::Mmr { 4 } else { 3 };
        let layout = Layout { eol: true, end: coding == Coding::Mmr, ..Layout::default() };
        let mut made = Directory { strips: vec![encode(page, coding, layout)], ..Directory::default() }
            .with(WIDTH, 4, &[page.width() as u64])
            .with(LENGTH, 4, &[page.height() as u64])
            .with(COMPRESSION, 3, &[compression])
            .with(PHOTOMETRIC, 3, &[0])
            .with(ROWS, 4, &[page.height() as u64])
            .with(X_RESOLUTION, 5, &[page.resolution.x.into(), 1])
            .with(Y_RESOLUTION, 5, &[page.resolution.y.into(), 1]);
        if matches!(coding, Coding::Mr { .. }) {
            made = made.with(T4_OPTIONS, 4, &[1]);
        }
        made
    }
    /// With a field, or another value of it. A rational has two values.
    pub fn with(mut self, tag: u16, kind: u16, values: &[u64]) -> Directory {
        self.fields.insert(tag, (kind, values.to_vec()));
        self
    }
    /// Without a field.
    pub fn without(mut self, tag: u16) -> Directory {
        self.fields.remove(&tag);
        self.without.push(tag);
        self
    }
    pub fn strips(mut self, strips: Vec<Vec<u8>>) -> Directory {
        self.strips = strips;
        self
    }
    /// Every bit of the strips the other way round, as FillOrder 2 has it.
    pub fn turned(mut self) -> Directory {
        self.strips.iter_mut().flatten().for_each(|b| *b = b.reverse_bits());
        self
    }
}

/// How numbers lie.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Form {
    pub little: bool,
    pub big: bool,
}

pub const II: Form = Form { little: true, big: false };

fn number(form: Form, value: u64, size: usize) -> Vec<u8> {
    match form.little {
        true => value.to_le_bytes()[..size].to_vec(),
        false => value.to_be_bytes()[8 - size..].to_vec(),
    }
}

/// The bytes of a file: head, strips, then directories with their long values before them.
pub fn file(form: Form, directories: &[Directory]) -> Vec<u8> {
    let offset = if form.big { 8 } else { 4 };
    let mut bytes = if form.little { b"II".to_vec() } else { b"MM".to_vec() };
    bytes.extend(number(form, if form.big { 43 } else { 42 }, 2));
    if form.big {
        bytes.extend([number(form, 8, 2), vec![0; 2]].concat());
    }
    let mut link = bytes.len();
    bytes.extend(vec![0; offset]);
    for directory in directories {
        let mut fields = directory.fields.clone();
        let (mut offsets, mut counts) = (vec![], vec![]);
        for strip in &directory.strips {
            offsets.push(bytes.len() as u64);
            counts.push(strip.len() as u64);
            bytes.extend(strip);
        }
        for (tag, values) in [(OFFSETS, offsets), (COUNTS, counts)] {
            if !directory.without.contains(&tag) {
                fields.entry(tag).or_insert((4, values));
            }
        }
        let mut entries = vec![];
        for (tag, (kind, values)) in &fields {
            let size = match kind {
                1 | 2 => 1,
                3 => 2,
                16 => 8,
                _ => 4,
            };
            let mut value: Vec<u8> = values.iter().flat_map(|v| number(form, *v, size)).collect();
            let count = if *kind == 5 { values.len() / 2 } else { values.len() };
            if value.len() > offset {
                let at = bytes.len() as u64;
                bytes.extend(&value);
                value = number(form, at, offset);
            }
            value.resize(offset, 0);
            entries.extend(
                [number(form, (*tag).into(), 2), number(form, (*kind).into(), 2), number(form, count as u64, offset), value].concat(),
            );
        }
        let here = number(form, bytes.len() as u64, offset);
        bytes[link..link + offset].copy_from_slice(&here);
        bytes.extend(number(form, fields.len() as u64, if form.big { 8 } else { 2 }));
        bytes.extend(entries);
        link = bytes.len();
        bytes.extend(number(form, directory.next.unwrap_or(0), offset));
    }
    bytes
}

/// A small page that is not the same turned any way: a frame, a slope, a spot.
pub fn page() -> Page {
    drawn(100, 60, Resolution::FINE)
}
pub fn drawn(width: usize, height: usize, resolution: Resolution) -> Page {
    let mut page = Page::white(width, height, resolution);
    for y in 0..height {
        for x in 0..width {
            let spot = x < width / 3 && (4..height / 4).contains(&y);
            if y == 2 || x == width - 1 || x == 3 * y % width || spot {
                page.row_mut(y)[x / 64] |= 1 << (63 - x % 64);
            }
        }
    }
    page
}

/// The page as rows of bytes.
pub fn packed(page: &Page) -> Vec<u8> {
    let mut bytes = vec![];
    (0..page.height()).for_each(|y| page.pack(y, &mut bytes));
    bytes
}

pub const ORDERS: [BitOrder; 2] = [BitOrder::MsbFirst, BitOrder::LsbFirst];
pub const CODINGS: [Coding; 3] = [Coding::Mh, Coding::Mr { k: 4 }, Coding::Mmr];

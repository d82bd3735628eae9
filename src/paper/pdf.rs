//! A sheet as a document: real text at the machine's pitch, on A4.
//!
//! Standard: PDF 1.7 (ISO 32000-1): 9.10.3 (ToUnicode), 14.9.4 (ActualText). In: a [`Sheet`], [`About`]. Out: a file, the same bytes
//! for the same input. Strikes over others are drawn and left out of the text, so that a line reads as it was meant.
//! Left out: PDF/A, a tagged structure. Shown by: `docs/paper.md`, `tests/it/paper.rs`.

use super::font::{self, Face, POINTS};
use super::ink::{look, seed};
use super::{Sheet, Strike};
use crate::time::Dtg;
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Date, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use subsetter::GlyphRemapper;

/// What a document says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct About {
    /// Its title.
    pub title: String,
    /// Who wrote it; may be empty.
    pub author: String,
    /// When; to the minute.
    pub date: Option<Dtg>,
}

/// Points from column to column: a tenth of an inch.
pub const PITCH: f32 = 7.2;
/// Points from line to line: a sixth of an inch.
pub const LEAD: f32 = 12.0;
/// Lines on a sheet: ten inches of the roll.
pub const LINES: usize = 60;
/// A4, in points.
const PAGE: (f32, f32) = (595.28, 841.89);
/// From the left edge to the first column: 76 columns stand within A4.
const LEFT: f32 = 32.0;
/// From the lower edge to the first line's foot.
const TOP: f32 = PAGE.1 - 66.0;
/// Columns that A4 holds.
const WIDEST: usize = 78;
const PAPER: [f32; 3] = [0.984, 0.968, 0.918];
const SYSTEM: SystemInfo = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// Writes the document. The error is one sentence.
pub fn pdf(sheet: &Sheet, about: &About) -> Result<Vec<u8>, String> {
    if sheet.width() > WIDEST {
        return Err(format!("the paper has {} columns and A4 takes {WIDEST}; print it in fewer", sheet.width()));
    }
    let kind = Kind::of(sheet)?;
    let last = sheet.rows().iter().rposition(|row| !row.is_empty()).unwrap_or(0);
    let seed = seed(sheet);
    let contents: Vec<Vec<u8>> =
        (0..=last / LINES).map(|page| content(sheet, page * LINES..(last + 1).min((page + 1) * LINES), seed, &kind)).collect();
    let mut pdf = Pdf::new();
    let (catalog, tree, info) = (Ref::new(1), Ref::new(2), Ref::new(3));
    let page = |n: usize| Ref::new(20 + 2 * n as i32);
    pdf.catalog(catalog).pages(tree).lang(TextStr(if kind.cyrillic { "ru" } else { "en" }));
    pdf.pages(tree).kids((0..contents.len()).map(page)).count(contents.len() as i32);
    for (n, content) in contents.iter().enumerate() {
        let body = Ref::new(page(n).get() + 1);
        let mut leaf = pdf.page(page(n));
        leaf.parent(tree).media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1)).contents(body);
        leaf.resources().fonts().pair(FONT, Ref::new(10));
        leaf.finish();
        pdf.stream(body, content).filter(Filter::FlateDecode);
    }
    kind.write(&mut pdf);
    describe(&mut pdf, info, about);
    let mut hash = Sha256::new();
    contents.iter().for_each(|c| hash.update(c));
    hash.update(format!("{about:?}"));
    let id = hash.finalize()[..16].to_vec();
    pdf.set_file_id((id.clone(), id));
    Ok(pdf.finish())
}

const FONT: Name = Name(b"F");

fn describe(pdf: &mut Pdf, at: Ref, about: &About) {
    let mut info = pdf.document_info(at);
    info.title(TextStr(&about.title)).producer(TextStr(concat!("molink ", env!("CARGO_PKG_VERSION"))));
    if !about.author.is_empty() {
        info.author(TextStr(&about.author));
    }
    if let Some(d) = about.date {
        let date = Date::new(d.year.max(0) as u16).month(d.month).day(d.day).hour(d.hour).minute(d.minute).second(0).utc_offset_hour(0);
        info.creation_date(date).modified_date(date);
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(bytes, 9)
}

/// One page: the paper's tone, then every line, its base first.
fn content(sheet: &Sheet, rows: std::ops::Range<usize>, seed: u64, kind: &Kind) -> Vec<u8> {
    let mut page = Content::new();
    page.set_fill_rgb(PAPER[0], PAPER[1], PAPER[2]).rect(0.0, 0.0, PAGE.0, PAGE.1).fill_nonzero();
    page.begin_text().set_font(FONT, POINTS);
    let first = rows.start;
    for row in rows {
        let strikes = &sheet.rows()[row];
        let foot = TOP - (row - first) as f32 * LEAD;
        let layers = sheet.layers(row);
        let style = |number: usize| Style::of(look(seed, row, number, strikes[number].character));
        // Blanks are set as glyphs too: else a reader of the text must guess them from gaps.
        run(&mut page, kind, (LEFT, foot), layers.base.iter().map(|n| n.map_or((None, ' '), |n| (Some(style(n)), strikes[n].character))));
        if layers.over.is_empty() {
            continue;
        }
        page.begin_marked_content_with_properties(Name(b"Span")).properties().actual_text(TextStr(""));
        for number in layers.over {
            let Strike { column, character } = strikes[number];
            run(&mut page, kind, (LEFT + column as f32 * PITCH, foot), std::iter::once((Some(style(number)), character)));
        }
        page.end_marked_content();
    }
    page.end_text();
    packed(&page.finish())
}

/// How strikes are set apart in a document: coarser than in a picture.
#[derive(Clone, Copy, PartialEq)]
struct Style {
    rise: f32,
    grey: f32,
}

impl Style {
    fn of(look: super::ink::Look) -> Style {
        // Less than in a picture (there 0.12 points a step): a document is also read on coarse screens.
        Style { rise: look.rise as f32 * 0.08, grey: if look.dark >= 6 { 0.13 } else { 0.24 } }
    }
}

/// Characters on one line, each a pitch after the other.
fn run(page: &mut Content, kind: &Kind, at: (f32, f32), line: impl Iterator<Item = (Option<Style>, char)>) {
    let (mut glyphs, mut now) = (vec![], None);
    page.set_text_matrix([1.0, 0.0, 0.0, 1.0, at.0, at.1]);
    for (style, character) in line {
        if let Some(new) = style.filter(|new| now != Some(*new)) {
            if !glyphs.is_empty() {
                page.show(Str(&std::mem::take(&mut glyphs)));
            }
            page.set_rise(new.rise).set_fill_gray(new.grey);
            now = Some(new);
        }
        glyphs.extend(kind.glyph(character).to_be_bytes());
    }
    if !glyphs.is_empty() {
        page.show(Str(&glyphs));
    }
}

/// The part of the font that a sheet needs.
struct Kind {
    face: Face,
    map: BTreeMap<char, u16>,
    file: Vec<u8>,
    cyrillic: bool,
}

impl Kind {
    fn of(sheet: &Sheet) -> Result<Kind, String> {
        let face = Face::read()?;
        let used: BTreeSet<char> = sheet.rows().iter().flatten().map(|s| s.character).chain([' ']).collect();
        let mut remapper = GlyphRemapper::new();
        let map: BTreeMap<char, u16> = used.iter().map(|c| (*c, remapper.remap(face.glyph(*c)))).collect();
        let file = subsetter::subset(font::FILE, 0, &remapper).map_err(|e| format!("the font cannot be cut down: {e} (a bug)"))?;
        Ok(Kind { face, map, file, cyrillic: used.iter().any(|c| ('\u{400}'..='\u{4ff}').contains(c)) })
    }
    fn glyph(&self, c: char) -> u16 {
        self.map.get(&c).copied().unwrap_or(0)
    }
    /// `ABCDEF+PTMono-Regular`: the six letters stand for the characters in it (ISO 32000-1, 9.6.4).
    fn name(&self) -> String {
        let hash = Sha256::digest(self.map.keys().collect::<String>());
        let tag: String = hash.iter().take(6).map(|b| char::from(b'A' + b % 26)).collect();
        format!("{tag}+{}", font::NAME)
    }
    fn write(&self, pdf: &mut Pdf) {
        let (outer, inner, descriptor, file, words) = (Ref::new(10), Ref::new(11), Ref::new(12), Ref::new(13), Ref::new(14));
        let (name, measures) = (self.name(), self.face.measures());
        let name = Name(name.as_bytes());
        pdf.type0_font(outer).base_font(name).encoding_predefined(Name(b"Identity-H")).descendant_font(inner).to_unicode(words);
        let mut cid = pdf.cid_font(inner);
        cid.subtype(CidFontType::Type2).base_font(name).system_info(SYSTEM).font_descriptor(descriptor);
        cid.default_width(measures.width).cid_to_gid_map_predefined(Name(b"Identity"));
        cid.finish();
        let mut d = pdf.font_descriptor(descriptor);
        let [left, low, right, high] = measures.bounds;
        d.name(name).flags(FontFlags::FIXED_PITCH | FontFlags::SYMBOLIC).bbox(Rect::new(left, low, right, high));
        d.italic_angle(0.0).ascent(measures.ascent).descent(measures.descent).cap_height(measures.capitals).stem_v(80.0);
        d.font_file2(file);
        d.finish();
        let small = packed(&self.file);
        pdf.stream(file, &small).filter(Filter::FlateDecode).pair(Name(b"Length1"), self.file.len() as i32);
        let mut unicode = UnicodeCmap::<u16>::new(Name(b"molink"), SYSTEM);
        self.map.iter().filter(|(_, glyph)| **glyph != 0).for_each(|(c, glyph)| unicode.pair(*glyph, *c));
        let unicode = packed(unicode.finish().as_slice());
        pdf.stream(words, &unicode).filter(Filter::FlateDecode);
    }
}

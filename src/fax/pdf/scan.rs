//! Finds the fax image that a page of a document is: then it need not be drawn, and no pel is lost.
//!
//! Standard: PDF 1.7 (ISO 32000-1): 7.4.6 and table 11 (CCITTFaxDecode and its parameters), 8.9.5 (images). In: a page of hayro's.
//! Out: its rows, decoded as any fax is, with what was damaged. Anything beside the one image, and the page is drawn instead.
//! Left out: images in several strips, several filters. Shown by: `tests/it/fax_pdf.rs`.

use crate::fax::code::{Coding, Damage, ReadAs, decode};
use crate::fax::resolution::{Tagged, judge};
use crate::paper::Page as Rows;
use crate::paper::page::{MOST_ROWS, WIDEST, last_word};
use hayro::hayro_syntax::Filter;
use hayro::hayro_syntax::content::ops::TypedInstruction;
use hayro::hayro_syntax::object::{Array, Dict, Name, Object, Stream};
use hayro::hayro_syntax::page::{Page, Rotation};

/// Instructions that such a page may have; a program that writes one image needs four.
const MOST_INSTRUCTIONS: usize = 32;
/// Largest code of a page, in bytes.
const MOST_CODE: usize = 64 << 20;

/// A fax image, coded.
pub(super) struct Scan {
    /// As it stands in the file, the top bit first.
    code: Vec<u8>,
    /// /K: below 0 T.6, 0 one-dimensional, above 0 two-dimensional.
    k: i32,
    /// /EncodedByteAlign.
    aligned: bool,
    /// Whether what is coded as black is white on the page.
    inverted: bool,
    width: usize,
    height: usize,
    /// Pels an inch, from its size on the page.
    inch: (f64, f64),
}

impl Scan {
    /// The rows; what of them was damaged; a sentence where the size on the page was not believed.
    pub(super) fn rows(&self) -> (Rows, Damage, Option<String>) {
        let coding = match self.k {
            ..0 => Coding::Mmr,
            0 => Coding::Mh,
            k => Coding::Mr { k: k.unsigned_abs() },
        };
        let said = Tagged { x: Some(self.inch.0), y: Some(self.inch.1), unit: true };
        let (resolution, note) = judge(said, self.width, self.height);
        let how = ReadAs { rows: Some(self.height), aligned: self.aligned, ..ReadAs::default() };
        let (mut rows, damage) = decode(&self.code, coding, self.width, how, resolution);
        if self.inverted {
            turn(&mut rows);
        }
        (rows, damage, note)
    }
}

/// Black becomes white, and white black.
fn turn(rows: &mut Rows) {
    let (stride, last) = (rows.stride(), last_word(rows.width()));
    for y in 0..rows.height() {
        let row = rows.row_mut(y);
        row.iter_mut().for_each(|word| *word = !*word);
        row[stride - 1] &= last;
    }
}

/// The image that covers the page, if the page is nothing else and the image is fax.
pub(super) fn find(page: &Page<'_>) -> Option<Scan> {
    let upright = matches!(page.rotation(), Rotation::None);
    let bare = page.raw().get::<Array<'_>>("Annots").is_none_or(|notes| notes.raw_iter().next().is_none());
    if !upright || !bare {
        return None;
    }
    let (name, at) = only_image(page)?;
    let [wide, _, _, high, left, low] = at;
    let shown = page.intersected_crop_box();
    let near = |of: f64, to: f64| (of - to).abs() <= 2.0 + to.abs() / 20.0;
    let covers = near(wide, shown.width()) && near(high, shown.height()) && near(left, shown.x0) && near(low, shown.y0);
    // The sheet may be cut out of the image (ours is), so the image may reach a little beyond on all sides.
    let beyond = left < shown.x0 + 0.5 && low < shown.y0 + 0.5 && left + wide > shown.x1 - 0.5 && low + high > shown.y1 - 0.5;
    if !(covers || beyond && near(wide, shown.width()) && near(high, shown.height())) {
        return None;
    }
    let unit = page.raw().get::<f32>("UserUnit").map_or(1.0, f64::from);
    read(&page.resources().get_x_object(&Name::new_unescaped(&name))?, wide * unit, high * unit)
}

/// The name of the one image that the page draws, and where.
fn only_image(page: &Page<'_>) -> Option<(Vec<u8>, [f64; 6])> {
    let (mut found, mut at, mut kept) = (None, [1.0, 0.0, 0.0, 1.0, 0.0, 0.0], vec![]);
    let mut instructions = page.typed_operations();
    for seen in 0.. {
        let Some(instruction) = instructions.next() else { break };
        if seen == MOST_INSTRUCTIONS {
            return None;
        }
        match instruction {
            TypedInstruction::SaveState(_) => kept.push(at),
            TypedInstruction::RestoreState(_) => at = kept.pop().unwrap_or(at),
            TypedInstruction::Transform(t) => at = product([t.0, t.1, t.2, t.3, t.4, t.5].map(|n| n.as_f64()), at),
            TypedInstruction::XObject(x) if found.is_none() => found = Some((x.0.as_ref().to_vec(), at)),
            TypedInstruction::BeginMarkedContent(_)
            | TypedInstruction::EndMarkedContent(_)
            | TypedInstruction::BeginCompatibility(_)
            | TypedInstruction::EndCompatibility(_) => {}
            _ => return None,
        }
    }
    found.filter(|(_, [wide, b, c, high, ..])| *wide > 0.0 && *high > 0.0 && *b == 0.0 && *c == 0.0)
}

/// One matrix after another (8.3.4).
fn product(a: [f64; 6], b: [f64; 6]) -> [f64; 6] {
    [
        a[0] * b[0] + a[1] * b[2],
        a[0] * b[1] + a[1] * b[3],
        a[2] * b[0] + a[3] * b[2],
        a[2] * b[1] + a[3] * b[3],
        a[4] * b[0] + a[5] * b[2] + b[4],
        a[4] * b[1] + a[5] * b[3] + b[5],
    ]
}

fn read(image: &Stream<'_>, wide: f64, high: f64) -> Option<Scan> {
    let dict = image.dict();
    let stencil = dict.get::<bool>("ImageMask").unwrap_or(false);
    let grey = dict.get::<Name<'_>>("ColorSpace").is_some_and(|space| matches!(space.as_ref(), b"DeviceGray" | b"CalGray" | b"G"));
    let plain = !["SMask", "Mask", "OC"].iter().any(|key| dict.contains_key(key));
    let image_of_faxes =
        dict.get::<Name<'_>>("Subtype").is_some_and(|s| s.as_ref() == b"Image") && image.filters()[..] == [Filter::CcittFaxDecode];
    if !image_of_faxes || !plain || !(stencil || grey) || dict.get::<i32>("BitsPerComponent").unwrap_or(1) != 1 {
        return None;
    }
    let how = parameters(dict);
    let number = |key: &str| dict.get::<i32>(key).and_then(|n| usize::try_from(n).ok());
    let (width, height) = (number("Width")?, number("Height")?);
    // Table 11: 1,728 columns where none are given. Another number than the image's would shear it.
    let columns = how.get::<i32>("Columns").unwrap_or(1728);
    if !(1..=WIDEST).contains(&width) || !(1..=MOST_ROWS).contains(&height) || usize::try_from(columns) != Ok(width) {
        return None;
    }
    let code = image.raw_data();
    let turned = dict.get::<Array<'_>>("Decode").is_some_and(|d| d.iter::<f32>().next().is_some_and(|first| first > 0.5));
    (code.len() <= MOST_CODE).then(|| Scan {
        code: code.into_owned(),
        k: how.get::<i32>("K").unwrap_or(0),
        aligned: how.get::<bool>("EncodedByteAlign").unwrap_or(false),
        inverted: how.get::<bool>("BlackIs1").unwrap_or(false) != turned,
        width,
        height,
        inch: (width as f64 * 72.0 / wide, height as f64 * 72.0 / high),
    })
}

fn parameters<'a>(dict: &Dict<'a>) -> Dict<'a> {
    let of = |key: &str| {
        let first = |list: Array<'a>| list.iter::<Object<'a>>().next().and_then(Object::into_dict);
        dict.get::<Dict<'a>>(key).or_else(|| dict.get::<Array<'a>>(key).and_then(first))
    };
    of("DecodeParms").or_else(|| of("DP")).unwrap_or_default()
}

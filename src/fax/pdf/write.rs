//! Pages as a document: each its own T.6 stream, unchanged, at its true size on its sheet.
//!
//! Standard: PDF 1.4: 7.4.6 (CCITTFaxDecode), 14.11.2 (boxes). In: [`Leaf`]s, [`About`]. Out: a file, the same bytes for the same input.
//! The media box is the image, cut to whole hundredths of a point so that no viewer adds a column of pels and resamples; the crop box is
//! the sheet, so that a viewer shows A4. Left out: writing without the whole document in memory. Shown by: `tests/it/fax_pdf.rs`.

use crate::paper::{About, Resolution, Width};
use lopdf::{Dictionary, Object, StringFormat};
use printpdf::{
    DictItem, ExternalStream, ExternalXObject, Op, PdfDocument, PdfPage, PdfSaveOptions, Pt, Rect, XObject, XObjectId, XObjectTransform,
};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Most pages of a document.
pub const MOST_PAGES: usize = 5_000;
/// Most bytes of its pages as T.6: some 5,000 pages of dense text. Writing takes about twice as much memory.
pub const MOST_BYTES: usize = 256 << 20;
/// Hundredths of a point that a page may be long or wide (ISO 32000-1 annex C.2: 14,400 units).
const LONGEST: u64 = 1_440_000;

/// A page as T.6, and what it measures.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leaf {
    /// The code: the top bit first, 0 runs first, EOFB at the end or not.
    pub t6: Vec<u8>,
    /// Pels of a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Pels an inch.
    pub resolution: Resolution,
}

/// Why a document cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The pages do not fit the format, or what we give it.
    #[error("{0}")]
    Pages(String),
    /// The file could not take them.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// A document in the making.
#[derive(Debug, Default)]
pub struct Document {
    about: About,
    leaves: Vec<Leaf>,
    bytes: usize,
}

impl Document {
    /// One without pages.
    pub fn new(about: About) -> Document {
        Document { about, ..Document::default() }
    }
    /// Adds a page. The error is one sentence, without the page's number.
    pub fn push(&mut self, leaf: Leaf) -> Result<(), WriteError> {
        let refuse = |why: String| Err(WriteError::Pages(why));
        if self.leaves.len() == MOST_PAGES {
            return refuse(format!("a PDF takes {MOST_PAGES} pages here; write them in parts with --page-range, or as TIFF"));
        }
        if self.bytes + leaf.t6.len() > MOST_BYTES {
            return refuse(format!(
                "a PDF takes {} MiB of pages here and this one is beyond; write them in parts with --page-range, or as TIFF",
                MOST_BYTES >> 20
            ));
        }
        if leaf.width == 0 || leaf.height == 0 || leaf.resolution.x == 0 || leaf.resolution.y == 0 {
            return refuse(format!("a page of {} x {} pels has no size on paper", leaf.width, leaf.height));
        }
        let (wide, long) = size(&leaf);
        if wide.max(long) > LONGEST {
            return refuse(format!(
                "{} rows at {} an inch are longer than the 200 inches of a PDF's page; write it as TIFF",
                leaf.height, leaf.resolution.y
            ));
        }
        self.bytes += leaf.t6.len();
        self.leaves.push(leaf);
        Ok(())
    }
    /// Pages so far.
    pub fn pages(&self) -> usize {
        self.leaves.len()
    }
    /// Writes the file, in small pieces.
    pub fn write(self, out: &mut impl Write) -> Result<(), WriteError> {
        if self.leaves.is_empty() {
            return Err(WriteError::Pages("a PDF has a page at least, and there is none".into()));
        }
        let id = digest(&self.about, &self.leaves);
        let mut document = assembled(&self.about, self.leaves);
        describe(&mut document, &self.about, id)?;
        document.save_to(out)?;
        Ok(())
    }
}

/// All that makes one document differ from another, in sixteen bytes.
fn digest(about: &About, leaves: &[Leaf]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(format!("{about:?}"));
    for leaf in leaves {
        hash.update(format!("{}x{} {:?} {}", leaf.width, leaf.height, leaf.resolution, leaf.t6.len()));
        hash.update(&leaf.t6);
    }
    hash.finalize()[..16].to_vec()
}

/// Its size in hundredths of a point, always a little less than true: at the page's own resolution a viewer rounds up to the same pels.
fn size(leaf: &Leaf) -> (u64, u64) {
    let of = |pels: usize, inch: u16| (pels as u64 * 7200).saturating_sub(1) / u64::from(inch);
    (of(leaf.width, leaf.resolution.x), of(leaf.height, leaf.resolution.y))
}

/// Left, lower, right and upper edge of what a viewer shows.
fn sheet(wide: u64, long: u64) -> [u64; 4] {
    // The scan lines of T.4 2.1 are 215, 255 and 303 mm, 5 to 6 mm more than the sheets.
    let points = |millimetres: usize| (millimetres as u64 * 72_000 + 127) / 254;
    let mut sheets = Width::ALL.map(Width::sheet).into_iter().map(|(across, down)| (points(across), points(down)));
    let Some((across, down)) = sheets.find(|s| (s.0..s.0 + 20_00).contains(&wide)) else {
        return [0, 0, wide, long];
    };
    // A page of the sheet's rows, up to a row too many; any other keeps its own length.
    let (left, low) = ((wide - across) / 2, long.checked_sub(down).filter(|over| *over <= 1_00).map(|over| (over / 2, down)));
    let (low, long) = low.unwrap_or((0, long));
    [left, low, left + across, low + long]
}

/// Points, from hundredths.
fn points(hundredths: u64) -> f32 {
    (hundredths as f64 / 100.0) as f32
}

/// printpdf writes a `Rect` as x, y, width, height where the format wants two corners; so the corner goes in as a size.
fn corners([left, low, right, high]: [u64; 4]) -> Rect {
    Rect::from_xywh(Pt(points(left)), Pt(points(low)), Pt(points(right)), Pt(points(high)))
}

fn assembled(about: &About, leaves: Vec<Leaf>) -> lopdf::Document {
    let mut document = PdfDocument::new(&about.title);
    let info = &mut document.metadata.info;
    info.document_title.clone_from(&about.title);
    info.author.clone_from(&about.author);
    info.producer = concat!("molink ", env!("CARGO_PKG_VERSION")).into();
    let mut pages = vec![];
    for (number, leaf) in leaves.into_iter().enumerate() {
        let (wide, long) = size(&leaf);
        // Objects stand in the order of their names.
        let id = XObjectId(format!("Fax{:05}", number + 1));
        document.resources.xobjects.map.insert(id.clone(), image(leaf));
        let transform = XObjectTransform {
            scale_x: Some(points(wide)),
            scale_y: Some(points(long)),
            no_auto_scale: true,
            ..XObjectTransform::default()
        };
        let (all, shown) = (corners([0, 0, wide, long]), corners(sheet(wide, long)));
        pages.push(PdfPage { media_box: all, trim_box: shown.clone(), crop_box: shown, ops: vec![Op::UseXobject { id, transform }] });
    }
    document.with_pages(pages);
    let options = PdfSaveOptions { image_optimization: None, ..PdfSaveOptions::default() };
    document.to_lopdf_document(&options, &mut vec![])
}

/// The stream as it is (7.4.6): K -1 is T.6; BlackIs1 false because T.6 codes paper as white and DeviceGray has 1 as white.
fn image(leaf: Leaf) -> XObject {
    let name = |s: &str| DictItem::Name(s.as_bytes().to_vec());
    let number = |n: usize| DictItem::Int(n as i64);
    let dict = |of: Vec<(&str, DictItem)>| of.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<BTreeMap<_, _>>();
    let (width, height) = (leaf.width, leaf.height);
    let how =
        dict(vec![("K", DictItem::Int(-1)), ("Columns", number(width)), ("Rows", number(height)), ("BlackIs1", DictItem::Bool(false))]);
    let what = dict(vec![
        ("Type", name("XObject")),
        ("Subtype", name("Image")),
        ("Width", number(width)),
        ("Height", number(height)),
        ("BitsPerComponent", number(1)),
        ("ColorSpace", name("DeviceGray")),
        ("Filter", name("CCITTFaxDecode")),
        ("DecodeParms", DictItem::Dict { map: how }),
    ]);
    let stream = ExternalStream { dict: what, content: leaf.t6, compress: false };
    XObject::External(ExternalXObject { stream, width: None, height: None, dpi: None })
}

/// What printpdf leaves to chance, or claims: the ids, the claim to be PDF/X, dates nobody gave, all images in every page's resources.
fn describe(document: &mut lopdf::Document, about: &About, id: Vec<u8>) -> Result<(), WriteError> {
    let bug = |e: lopdf::Error| WriteError::Pages(format!("the document cannot be put together: {e}"));
    let id = Object::String(id, StringFormat::Hexadecimal);
    document.trailer.set("ID", Object::Array(vec![id.clone(), id]));
    document.version = "1.4".into();
    let info = document.trailer.get(b"Info").and_then(Object::as_reference).map_err(bug)?;
    let info = document.get_dictionary_mut(info).map_err(bug)?;
    for claim in ["GTS_PDFXVersion", "Identifier", "Trapped", "CreationDate", "ModDate", "Subject", "Keywords", "Creator"] {
        info.remove(claim.as_bytes());
    }
    if about.author.is_empty() {
        info.remove(b"Author");
    }
    if let Some(d) = about.date {
        let date = format!("D:{:04}{:02}{:02}{:02}{:02}00Z", d.year.max(0), d.month, d.day, d.hour, d.minute);
        for field in ["CreationDate", "ModDate"] {
            info.set(field, Object::string_literal(date.clone()));
        }
    }
    own_resources(document).map_err(bug)?;
    document.compress();
    Ok(())
}

/// Each page names its own image only, so that a program that takes pages apart takes one image with each.
fn own_resources(document: &mut lopdf::Document) -> Result<(), lopdf::Error> {
    let pages: Vec<lopdf::ObjectId> = document.get_pages().into_values().collect();
    for (number, page) in pages.into_iter().enumerate() {
        let name = format!("Fax{:05}", number + 1);
        let shared = document.get_dictionary(page)?.get(b"Resources").and_then(Object::as_reference)?;
        let images = document.get_dictionary(shared)?.get(b"XObject").and_then(Object::as_reference)?;
        let image = document.get_dictionary(images)?.get(name.as_bytes())?.clone();
        let own = Dictionary::from_iter([(name, image)]);
        let resources = Dictionary::from_iter([("XObject", Object::Dictionary(own))]);
        document.objects.remove(&shared);
        let page = document.get_dictionary_mut(page)?;
        page.set("Resources", Object::Dictionary(resources));
        page.remove(b"Annots");
    }
    document.prune_objects();
    document.renumber_objects();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Dtg;

    /// A white row of T.6 is one bit, V0.
    fn white(width: usize, height: usize, resolution: Resolution) -> Leaf {
        Leaf { t6: vec![0xFF; height.div_ceil(8)], width, height, resolution }
    }

    fn written(about: &About, leaves: Vec<Leaf>) -> Vec<u8> {
        let mut document = Document::new(about.clone());
        leaves.into_iter().for_each(|leaf| document.push(leaf).unwrap());
        let mut out = vec![];
        document.write(&mut out).unwrap();
        out
    }

    #[test]
    fn a_page_shows_its_sheet_and_keeps_its_pels() {
        let shown = |width, height, resolution| {
            let (wide, long) = size(&white(width, height, resolution));
            (wide, long, sheet(wide, long))
        };
        assert_eq!(shown(1728, 2292, Resolution::FINE), (609_88, 841_95, [7_30, 3, 602_58, 841_92]));
        assert_eq!(shown(1728, 1146, Resolution::STANDARD), (609_88, 841_95, [7_30, 3, 602_58, 841_92]), "the same proportions");
        assert_eq!(shown(1728, 1000, Resolution::FINE), (609_88, 367_34, [7_30, 0, 602_58, 367_34]), "its own length");
        assert_eq!(shown(2048, 1000, Resolution::FINE).2, [7_08, 0, 715_74, 367_34], "B4");
        assert_eq!(shown(2432, 1000, Resolution::FINE).2, [8_23, 0, 850_12, 367_34], "A3");
        assert_eq!(shown(100, 100, Resolution::FINE).2, [0, 0, 35_29, 36_73], "no sheet");
        assert_eq!(size(&white(204, 196, Resolution::FINE)), (71_99, 71_99), "never a pel more by rounding");
    }

    #[test]
    fn the_same_input_gives_the_same_bytes_and_any_other_another_id() {
        let leaf = white(1728, 2292, Resolution::FINE);
        let about = About { title: "Записка".into(), ..About::default() };
        let first = written(&about, vec![leaf.clone(), leaf.clone()]);
        assert_eq!(first, written(&about, vec![leaf.clone(), leaf.clone()]), "saved twice in one process");
        assert!(first.starts_with(b"%PDF-1.4"));
        let dated = About { date: Some(Dtg { year: 1963, month: 8, day: 30, hour: 16, minute: 0 }), ..about.clone() };
        let text = String::from_utf8_lossy(&written(&dated, vec![leaf.clone(), leaf])).into_owned();
        assert!(text.contains("D:19630830160000Z") && !String::from_utf8_lossy(&first).contains("Date"));
        assert!(!text.contains("PDFX") && text.matches("/XObject<<").count() == 2, "{text}");
    }

    #[test]
    fn what_no_document_takes_is_refused_in_a_sentence() {
        let mut document = Document::new(About::default());
        let said = |e: Result<(), WriteError>| e.unwrap_err().to_string();
        assert!(said(document.push(white(1728, 0, Resolution::FINE))).contains("no size on paper"));
        assert!(said(document.push(white(1728, 100_000, Resolution::FINE))).contains("200 inches"));
        for _ in 0..MOST_PAGES {
            document.push(white(8, 8, Resolution::FINE)).unwrap();
        }
        assert!(said(document.push(white(8, 8, Resolution::FINE))).contains("5000 pages"));
        assert!(Document::new(About::default()).write(&mut vec![]).unwrap_err().to_string().contains("there is none"));
    }
}

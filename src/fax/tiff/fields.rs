//! The bones of a TIFF: its head, its directories, their fields.
//!
//! Standard: TIFF 6.0 section 2; BigTIFF (43) by the design of libtiff. In: what can be read and sought in. Out: numbers, texts, places.
//! Everything is held against the file's length before it is believed; a directory has at most [`MOST_FIELDS`] fields.
//! Left out: what the fields mean (see `image`, `about`). Shown by: `tests/it/tiff_bad.rs`.

use super::about::MOST_TEXT;
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};

/// Most fields of a directory.
pub const MOST_FIELDS: u64 = 1_024;

/// Tags, by the names of TIFF 6.0 and RFC 2301.
#[rustfmt::skip]
pub mod tag {
    pub const NEW_SUBFILE_TYPE: u16 = 254;
    pub const SUBFILE_TYPE: u16 = 255;
    pub const IMAGE_WIDTH: u16 = 256;
    pub const IMAGE_LENGTH: u16 = 257;
    pub const BITS_PER_SAMPLE: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const PHOTOMETRIC: u16 = 262;
    pub const FILL_ORDER: u16 = 266;
    pub const DOCUMENT_NAME: u16 = 269;
    pub const IMAGE_DESCRIPTION: u16 = 270;
    pub const STRIP_OFFSETS: u16 = 273;
    pub const ORIENTATION: u16 = 274;
    pub const SAMPLES_PER_PIXEL: u16 = 277;
    pub const ROWS_PER_STRIP: u16 = 278;
    pub const STRIP_BYTE_COUNTS: u16 = 279;
    pub const X_RESOLUTION: u16 = 282;
    pub const Y_RESOLUTION: u16 = 283;
    pub const T4_OPTIONS: u16 = 292;
    pub const T6_OPTIONS: u16 = 293;
    pub const RESOLUTION_UNIT: u16 = 296;
    pub const PAGE_NUMBER: u16 = 297;
    pub const SOFTWARE: u16 = 305;
    pub const DATE_TIME: u16 = 306;
    pub const ARTIST: u16 = 315;
    pub const TILE_WIDTH: u16 = 322;
    pub const TILE_OFFSETS: u16 = 324;
    pub const BAD_FAX_LINES: u16 = 326;
    pub const CLEAN_FAX_DATA: u16 = 327;
    pub const CONSECUTIVE_BAD_FAX_LINES: u16 = 328;
}

/// A tag's name, as people know it.
pub fn name(tag: u16) -> &'static str {
    match tag {
        tag::NEW_SUBFILE_TYPE => "NewSubfileType",
        tag::SUBFILE_TYPE => "SubfileType",
        tag::IMAGE_WIDTH => "ImageWidth",
        tag::IMAGE_LENGTH => "ImageLength",
        tag::BITS_PER_SAMPLE => "BitsPerSample",
        tag::COMPRESSION => "Compression",
        tag::PHOTOMETRIC => "PhotometricInterpretation",
        tag::FILL_ORDER => "FillOrder",
        tag::STRIP_OFFSETS => "StripOffsets",
        tag::ORIENTATION => "Orientation",
        tag::SAMPLES_PER_PIXEL => "SamplesPerPixel",
        tag::ROWS_PER_STRIP => "RowsPerStrip",
        tag::STRIP_BYTE_COUNTS => "StripByteCounts",
        tag::X_RESOLUTION => "XResolution",
        tag::Y_RESOLUTION => "YResolution",
        tag::T4_OPTIONS => "T4Options",
        tag::T6_OPTIONS => "T6Options",
        tag::RESOLUTION_UNIT => "ResolutionUnit",
        tag::PAGE_NUMBER => "PageNumber",
        _ => "a field",
    }
}

/// The file, and how its numbers lie.
pub struct Source<R> {
    inner: R,
    /// Bytes of the file.
    pub len: u64,
    little: bool,
    big: bool,
}

/// Opens a file: its head is read, and where its first directory is.
pub fn open<R: Read + Seek>(mut inner: R) -> Result<(Source<R>, u64), String> {
    let len = inner.seek(SeekFrom::End(0)).map_err(|e| format!("cannot be read: {e}"))?;
    let mut source = Source { inner, len, little: true, big: false };
    if len < 8 {
        return Err(format!("is no TIFF: it has {len} bytes, and the head alone has 8"));
    }
    let head = source.bytes(0, 8)?;
    source.little = match &head[..2] {
        b"II" => true,
        b"MM" => false,
        other => return Err(format!("is no TIFF: it begins with {:02x} {:02x}, not with `II` or `MM`", other[0], other[1])),
    };
    let first = match source.number(&head[2..4]) {
        42 => source.number(&head[4..8]),
        43 if len >= 16 => {
            source.big = true;
            let offset = source.bytes(8, 8)?;
            source.number(&offset)
        }
        other => return Err(format!("is no TIFF: after `II` or `MM` stands {other}, not 42")),
    };
    Ok((source, first))
}

impl<R: Read + Seek> Source<R> {
    /// Some bytes at a place; the caller has bounded how many.
    pub fn bytes(&mut self, at: u64, count: usize) -> Result<Vec<u8>, String> {
        if at.checked_add(count as u64).is_none_or(|end| end > self.len) {
            return Err(format!("at {at} there should be {count} bytes, and the file has {} in all", self.len));
        }
        let mut bytes = vec![0; count];
        self.fill(at, &mut bytes)?;
        Ok(bytes)
    }
    /// Fills a buffer from a place.
    pub fn fill(&mut self, at: u64, into: &mut [u8]) -> Result<(), String> {
        let mut read = |r: &mut R| -> io::Result<()> {
            r.seek(SeekFrom::Start(at))?;
            r.read_exact(into)
        };
        read(&mut self.inner).map_err(|e| format!("cannot be read at {at}: {e}"))
    }
    /// A number of up to 8 bytes.
    fn number(&self, bytes: &[u8]) -> u64 {
        let join = |n: u64, b: &u8| n << 8 | u64::from(*b);
        if self.little { bytes.iter().rev().fold(0, join) } else { bytes.iter().fold(0, join) }
    }
    /// The directory at a place.
    pub fn directory(&mut self, at: u64) -> Result<Directory, String> {
        let (count_size, entry, offset) = if self.big { (8, 20, 8) } else { (2, 12, 4) };
        let short =
            |len: u64| format!("its directory at {at} lies beyond the end of the file ({len} bytes); the file is cut short or damaged");
        let count = self.bytes(at, count_size).map_err(|_| short(self.len))?;
        let count = self.number(&count);
        if count > MOST_FIELDS {
            return Err(format!("its directory at {at} has {count} fields; at most {MOST_FIELDS} are read: the file is damaged"));
        }
        let body = self.bytes(at + count_size as u64, count as usize * entry + offset).map_err(|_| short(self.len))?;
        let (entries, next) = body.split_at(count as usize * entry);
        let mut fields = BTreeMap::new();
        for one in entries.chunks_exact(entry) {
            let kind = self.number(&one[2..4]) as u16;
            let mut value = [0; 8];
            value[..offset].copy_from_slice(&one[entry - offset..]);
            let field = Field { kind, count: self.number(&one[4..4 + offset]), value };
            fields.entry(self.number(&one[..2]) as u16).or_insert(field);
        }
        Ok(Directory { fields, next: self.number(next) })
    }
}

/// One entry of a directory.
struct Field {
    kind: u16,
    count: u64,
    /// The value if it is short enough, else where it is.
    value: [u8; 8],
}

/// The fields of one page.
pub struct Directory {
    fields: BTreeMap<u16, Field>,
    /// Where the next one is; 0 after the last.
    pub next: u64,
}

impl Directory {
    /// Whether a field is there.
    pub fn has(&self, tag: u16) -> bool {
        self.fields.contains_key(&tag)
    }
    /// A field of whole numbers, at most `most` of them.
    pub fn numbers<R: Read + Seek>(&self, from: &mut Source<R>, tag: u16, most: u64) -> Result<Option<Vec<u64>>, String> {
        let Some(field) = self.fields.get(&tag) else { return Ok(None) };
        let size = match field.kind {
            1 => 1,
            3 => 2,
            4 | 13 => 4,
            16 | 18 => 8,
            other => return Err(format!("{} is of type {other}, not a whole number", name(tag))),
        };
        if field.count > most {
            return Err(format!("{} has {} values; at most {most} are read", name(tag), field.count));
        }
        let bytes = field.bytes(from, tag, size)?;
        Ok(Some(bytes.chunks_exact(size).map(|b| from.number(b)).collect()))
    }
    /// The first number of a field; an empty field is none.
    pub fn number<R: Read + Seek>(&self, from: &mut Source<R>, tag: u16) -> Result<Option<u64>, String> {
        Ok(self.numbers(from, tag, MOST_FIELDS)?.and_then(|n| n.first().copied()))
    }
    /// A rational, floating or whole number. What is not one is none: only resolutions are such, and they are judged anyway.
    pub fn real<R: Read + Seek>(&self, from: &mut Source<R>, tag: u16) -> Option<f64> {
        let field = self.fields.get(&tag).filter(|f| f.count > 0)?;
        let size = match field.kind {
            5 | 12 => 8,
            11 => 4,
            _ => return self.number(from, tag).ok().flatten().map(|n| n as f64),
        };
        let one = Field { kind: field.kind, count: 1, value: field.value };
        let bytes = one.bytes(from, tag, size).ok()?;
        let value = match field.kind {
            5 => from.number(&bytes[..4]) as f64 / from.number(&bytes[4..]) as f64,
            11 => f64::from(f32::from_bits(from.number(&bytes) as u32)),
            _ => f64::from_bits(from.number(&bytes)),
        };
        value.is_finite().then_some(value)
    }
    /// The first bytes of a text.
    pub fn text<R: Read + Seek>(&self, from: &mut Source<R>, tag: u16) -> Option<Vec<u8>> {
        let field = self.fields.get(&tag).filter(|f| matches!(f.kind, 1 | 2 | 7))?;
        let room = if from.big { 8 } else { 4 };
        match field.count <= room {
            true => Some(field.value[..field.count as usize].to_vec()),
            false => from.bytes(from.number(&field.value[..room as usize]), field.count.min(MOST_TEXT as u64) as usize).ok(),
        }
    }
}

impl Field {
    /// The bytes of the values; the caller has bounded how many there are.
    fn bytes<R: Read + Seek>(&self, from: &mut Source<R>, tag: u16, size: usize) -> Result<Vec<u8>, String> {
        let room = if from.big { 8 } else { 4 };
        let total = self.count as usize * size;
        if total <= room {
            return Ok(self.value[..total].to_vec());
        }
        let at = from.number(&self.value[..room]);
        if at.checked_add(total as u64).is_none_or(|end| end > from.len) {
            let (values, name, len) = (self.count, name(tag), from.len);
            return Err(format!(
                "the {values} values of {name} at {at} lie beyond the end of the file ({len} bytes); it is cut short or damaged"
            ));
        }
        from.bytes(at, total)
    }
}

//! The type: PT Mono, Latin and Cyrillic, ten characters to the inch at 12 points.
//!
//! Source: PT Mono 1.001W by ParaType, SIL Open Font License 1.1, unmodified (`src/paper/font/`, licence beside it).
//! In: a character. Out: its glyph, its outline. The zero is the font's open one, as teleprinters have it.
//! Left out: a type face of the 1960s: no free one has both alphabets. Shown by: `paper::font::tests`.

use ttf_parser::{Face as Parsed, GlyphId, OutlineBuilder};

/// The font file.
pub(super) static FILE: &[u8] = include_bytes!("font/PTMono-Regular.ttf");
/// Its PostScript name.
pub(super) const NAME: &str = "PTMono-Regular";
/// Size in points: a glyph is 0.6 of it wide, so 7.2 points or a tenth of an inch.
pub(super) const POINTS: f32 = 12.0;

/// The font, read.
pub(super) struct Face {
    parsed: Parsed<'static>,
    open_zero: Option<GlyphId>,
}

/// What a page writer wants to know of it, in thousandths of the size.
pub(super) struct Measures {
    pub(super) ascent: f32,
    pub(super) descent: f32,
    pub(super) capitals: f32,
    pub(super) bounds: [f32; 4],
    pub(super) width: f32,
}

impl Face {
    /// Reads the font in the program.
    pub(super) fn read() -> Result<Face, String> {
        let parsed = Parsed::parse(FILE, 0).map_err(|e| format!("the font in the program cannot be read: {e} (a bug)"))?;
        let open_zero = parsed.glyph_index_by_name("zero.alt");
        Ok(Face { parsed, open_zero })
    }
    /// The glyph of a character; 0, an empty box, where the font has none.
    pub(super) fn glyph(&self, c: char) -> u16 {
        let own = if c == '0' { self.open_zero } else { None };
        own.or_else(|| self.parsed.glyph_index(c)).map_or(0, |id| id.0)
    }
    /// The characters it has of the first plane, control characters apart.
    pub(super) fn characters(&self) -> String {
        let all = ('\u{20}'..='\u{ffff}').filter(|c| !c.is_control());
        all.filter(|c| self.glyph(*c) != 0).collect()
    }
    /// Draws a glyph, in font units, y upwards.
    pub(super) fn outline(&self, glyph: u16, into: &mut dyn OutlineBuilder) {
        let _ = self.parsed.outline_glyph(GlyphId(glyph), into); // nothing to draw is no fault
    }
    /// Left, lower, right and upper bound of a glyph's outline, in font units; none of a blank.
    pub(super) fn bounds(&self, glyph: u16) -> Option<[f32; 4]> {
        let bounds = self.parsed.glyph_bounding_box(GlyphId(glyph))?;
        Some([bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max].map(f32::from))
    }
    /// Font units to an em.
    pub(super) fn units(&self) -> f32 {
        f32::from(self.parsed.units_per_em())
    }
    /// Heights of small letters and of capitals, in font units.
    pub(super) fn heights(&self) -> (f32, f32) {
        let of = |own: Option<i16>, plain: f32| own.map(f32::from).filter(|v| *v > 0.0).unwrap_or(plain * self.units());
        (of(self.parsed.x_height(), 0.5), of(self.parsed.capital_height(), 0.7))
    }
    /// Its measures.
    pub(super) fn measures(&self) -> Measures {
        let scale = 1000.0 / self.units();
        let (face, bounds) = (&self.parsed, self.parsed.global_bounding_box());
        let capitals = face.capital_height().unwrap_or(700);
        Measures {
            ascent: f32::from(face.ascender()) * scale,
            descent: f32::from(face.descender()) * scale,
            capitals: f32::from(capitals) * scale,
            bounds: [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max].map(|v| f32::from(v) * scale),
            width: f32::from(face.glyph_hor_advance(GlyphId(self.glyph('A'))).unwrap_or(600)) * scale,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_is_six_tenths_of_the_size_wide_and_the_zero_is_open() {
        let face = Face::read().unwrap();
        assert_eq!(face.measures().width, 600.0);
        for c in "ABCXYZ0123456789-?:$!&#'().,;/=+\"ЁЪАБВЧЩЭЮЯйж".chars() {
            let glyph = face.glyph(c);
            assert_ne!(glyph, 0, "{c}");
            assert_eq!(face.parsed.glyph_hor_advance(GlyphId(glyph)), Some(600), "{c}");
        }
        for (latin, cyrillic) in "ABCEHKMOPTXYBT".chars().zip("АВСЕНКМОРТХУБТ".chars()) {
            assert_ne!(face.glyph(latin), face.glyph(cyrillic), "a reader of the text must be able to tell {latin} from {cyrillic}");
        }
        assert_ne!(Some(GlyphId(face.glyph('0'))), face.parsed.glyph_index('0'));
        assert_eq!(face.glyph('\u{2720}'), 0, "what is not there is a box");
    }

    #[test]
    fn the_licence_stands_beside_the_font() {
        let licence = include_str!("font/OFL.txt");
        assert!(licence.contains("ParaType") && licence.contains("SIL OPEN FONT LICENSE Version 1.1"));
    }
}

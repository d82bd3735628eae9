//! Punched tape of five tracks: codes as holes, and as bytes.
//!
//! Standards: ISO 1154 and ECMA-10 for the dimensions, by way of the manual of a punch (Facit 4070), which gives them; ITU-T S.1: a
//! hole is mark, element 1 the first sent. A file is one code a byte (0 to 31), as key tapes and lines have it.
//! In: codes, letters for people. Out: a picture (see `picture`), bytes; from bytes, codes and text.
//! Left out: printing tape, chadless tape, six to eight tracks. Shown by: `docs/paper.md`, `tests/it/tape.rs`.

mod leader;
mod picture;
mod reading;

pub use picture::{AIR, DPI, MOST, STRIP, png};
pub use reading::{Reading, may_be_cyrillic, reading};

use super::codes::{BELL, BLANK, CodeTable, Coder, LTRS, UnshiftOnSpace, WRU};
use crate::line::Code;

/// Width of the tape, in inches: 17.46 mm.
pub const WIDTH: f64 = 11.0 / 16.0;
/// From code to code along the tape, and from track to track across it, in inches: 2.54 mm.
pub const PITCH: f64 = 0.1;
/// Diameter of a code hole, in inches: 1.83 mm.
pub const CODE_HOLE: f64 = 0.072;
/// Diameter of a feed hole, in inches: 1.17 mm.
pub const FEED_HOLE: f64 = 0.046;
/// From the edge on the side of tracks 3 to 5 (the reference edge) to the middle of the feed holes, in inches: 9.96 mm.
pub const FEED_FROM_EDGE: f64 = 0.392;
/// How many pitches a track lies above the feed holes, with the reference edge below; tracks 1 to 5.
pub const TRACKS: [i32; 5] = [2, 1, -1, -2, -3];
/// Unpunched places before, between and after what is punched (ours).
const FEED: usize = 8;

/// A tape as it leaves the punch: feed, letters for people if any, feed, the codes, feed. `Err` is a letter the leader has not.
pub fn punched(codes: &[Code], letters: &str) -> Result<Vec<Code>, char> {
    let mut tape = vec![BLANK; FEED];
    if !letters.is_empty() {
        tape.extend(leader::columns(letters)?);
        tape.extend([BLANK; FEED]);
    }
    tape.extend(codes);
    tape.extend([BLANK; FEED]);
    Ok(tape)
}

/// The bytes of a file of codes.
pub fn to_bytes(codes: &[Code]) -> Vec<u8> {
    codes.iter().map(|c| c.value()).collect()
}

/// The codes of a file. `Err` is the place of the first byte that is none, and the byte.
pub fn from_bytes(bytes: &[u8]) -> Result<Vec<Code>, (usize, u8)> {
    match bytes.iter().position(|b| *b > LTRS.value()) {
        Some(at) => Err((at, bytes[at])),
        None => Ok(bytes.iter().map(|b| Code::new(*b)).collect()),
    }
}

/// The text of codes, as a reader takes it: lines parted by LF, without bell and WRU.
pub fn read(codes: &[Code], code: CodeTable) -> String {
    let text = Coder::new(code, UnshiftOnSpace::Unknown).read(codes);
    text.chars().filter(|c| !matches!(*c, BELL | WRU)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::teletype::typing::typed;

    #[test]
    fn a_text_comes_back_from_the_bytes() {
        let russian = "ЧЕЛОВЕК ЗА БОРТОМ, 1963\n\nКОНЕЦ (4)\n";
        let english = "THE QUICK BROWN FOX JUMPED OVER THE LAZY DOG'S BACK 1234567890\n";
        for (text, code) in
            [(english, CodeTable::Ita2), (english, CodeTable::UsTty), (english, CodeTable::Mtk2), (russian, CodeTable::Mtk2)]
        {
            let bytes = to_bytes(&typed(text, code, 72).unwrap().codes);
            assert_eq!(read(&from_bytes(&bytes).unwrap(), code), text, "{code:?}");
        }
    }

    #[test]
    fn a_byte_that_is_no_code_is_named_with_its_place() {
        assert_eq!(from_bytes(b"\x1f\x00A"), Err((2, b'A')));
        assert_eq!(from_bytes(&[0, 31]).map(|c| c.len()), Ok(2));
    }

    #[test]
    fn a_leader_stands_before_the_codes_with_feed_around() {
        let tape = punched(&[LTRS], "I").unwrap();
        let i = leader::columns("I").unwrap();
        assert_eq!(tape, [&[BLANK; FEED][..], &i, &[BLANK; FEED], &[LTRS], &[BLANK; FEED]].concat());
        assert_eq!(punched(&[LTRS], "").unwrap().len(), 2 * FEED + 1);
        assert_eq!(punched(&[], "Ω"), Err('Ω'));
    }
}

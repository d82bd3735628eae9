//! HDLC as fax has it: flags, zero insertion, a frame check of 16 bits; bits on the line to frames, and back.
//!
//! Standards: ITU-T T.30 5.3 (5.3.7: the frame check), T.4 annex A (coded pages in frames); ISO/IEC 13239. The lowest bit of an octet is on the line first.
//! In: octets of a frame without its check; or bits in any pieces. Out: bits; or frames, and what was wrong with those that are not. Bounded: [`LONGEST`].
//! Left out: addresses and controls beyond one octet each (see `t30::frame`). Shown by: the tests below, `tests/fuzz/bodies/call.rs`.

use std::fmt;

/// Octets of the longest frame that is taken, without its check: address, control, type, number and 256 octets of a page, and some.
pub const LONGEST: usize = 300;
/// A flag: it begins and ends frames.
const FLAG: u8 = 0x7e;
/// What the check register holds after a good frame and its check (ISO/IEC 13239; T.30 5.3.7 writes it 0001 1101 0000 1111).
const GOOD: u16 = 0xf0b8;

/// Why bits between two flags are no frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Flaw {
    /// The check does not fit.
    Check,
    /// More than [`LONGEST`] octets.
    Long,
    /// Not whole octets.
    Ragged,
    /// Seven ones or more.
    Abort,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Check => f.write_str("a frame whose check does not fit"),
            Flaw::Long => write!(f, "a frame of more than {LONGEST} octets"),
            Flaw::Ragged => f.write_str("a frame that is not whole octets"),
            Flaw::Abort => f.write_str("an aborted frame"),
        }
    }
}

/// One octet more in the check register: x¹⁶ + x¹² + x⁵ + 1, lowest bit first.
fn check(register: u16, octet: u8) -> u16 {
    (0..8).fold(register ^ u16::from(octet), |r, _| if r & 1 == 1 { r >> 1 ^ 0x8408 } else { r >> 1 })
}

/// The check of a frame: its two octets, in the order they are sent.
pub fn frame_check(octets: &[u8]) -> [u8; 2] {
    (!octets.iter().fold(0xffff, |r, o| check(r, *o))).to_le_bytes()
}

/// Frames to bits.
#[derive(Clone, Default, Debug)]
pub struct Framer {
    bytes: Vec<u8>,
    bits: u64,
    ones: u32,
}

impl Framer {
    /// Nothing on the line yet.
    pub fn new() -> Framer {
        Framer::default()
    }
    fn put(&mut self, bit: bool) {
        if self.bits.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(bit) << (self.bits % 8);
        }
        self.bits += 1;
    }
    /// So many flags.
    pub fn flags(&mut self, count: usize) {
        for _ in 0..count {
            (0..8).for_each(|i| self.put(FLAG >> i & 1 == 1));
        }
        self.ones = 0;
    }
    /// A frame with its check and the flag that ends it. A flag must stand before it.
    pub fn frame(&mut self, octets: &[u8]) {
        for octet in octets.iter().copied().chain(frame_check(octets)) {
            for i in 0..8 {
                let bit = octet >> i & 1 == 1;
                self.put(bit);
                self.ones = if bit { self.ones + 1 } else { 0 };
                if self.ones == 5 {
                    self.put(false);
                    self.ones = 0;
                }
            }
        }
        self.flags(1);
    }
    /// How many bits there are by now.
    pub fn bits(&self) -> u64 {
        self.bits
    }
    /// All bits, the lowest of a byte first; the last byte is filled with ones, as a line at rest has them.
    pub fn finish(mut self) -> Vec<u8> {
        while !self.bits.is_multiple_of(8) {
            self.put(true);
        }
        self.bytes
    }
}

/// Bits to frames.
#[derive(Clone, Debug)]
pub struct Deframer {
    /// The last eight bits as they came, the latest on top.
    recent: u8,
    /// Ones in a run.
    ones: u32,
    /// Bits since the last flag, stuffed zeros not counted.
    bits: usize,
    octets: Vec<u8>,
    /// Whether a flag was seen, and nothing since that ends a frame without one.
    open: bool,
    long: bool,
}

impl Default for Deframer {
    fn default() -> Self {
        Deframer { recent: 0xff, ones: 0, bits: 0, octets: vec![], open: false, long: false }
    }
}

/// What bits turned out to be.
pub type Found = Result<Vec<u8>, Flaw>;

impl Deframer {
    /// Nothing heard yet.
    pub fn new() -> Deframer {
        Deframer::default()
    }
    /// Takes bits, the lowest of a byte first; gives each frame without its check.
    pub fn push(&mut self, bytes: &[u8], found: &mut dyn FnMut(Found)) {
        for byte in bytes {
            (0..8).for_each(|i| self.bit(byte >> i & 1 == 1, found));
        }
    }
    fn bit(&mut self, bit: bool, found: &mut dyn FnMut(Found)) {
        self.recent = self.recent >> 1 | u8::from(bit) << 7;
        if self.recent == FLAG {
            self.flag(found);
            return;
        }
        if bit {
            self.ones += 1;
            if self.ones == 7 && self.open {
                self.open = false;
                if self.bits > 8 + 7 {
                    found(Err(Flaw::Abort));
                }
            }
        } else if std::mem::take(&mut self.ones) == 5 {
            return; // an inserted zero
        }
        if self.open && !self.long {
            self.append(bit);
        }
    }
    fn append(&mut self, bit: bool) {
        if self.bits.is_multiple_of(8) {
            // Two of the check, and one that the flag begins in.
            if self.octets.len() == LONGEST + 3 {
                self.long = true;
                return;
            }
            self.octets.push(0);
        }
        if let Some(last) = self.octets.last_mut() {
            *last |= u8::from(bit) << (self.bits % 8);
        }
        self.bits += 1;
    }
    /// A flag: of its eight bits all but the last were taken for a frame's.
    fn flag(&mut self, found: &mut dyn FnMut(Found)) {
        let (was_open, long) = (std::mem::replace(&mut self.open, true), std::mem::take(&mut self.long));
        let bits = std::mem::take(&mut self.bits).saturating_sub(7);
        self.ones = 0;
        let mut octets = std::mem::take(&mut self.octets);
        if !was_open || (bits < 24 && !long) {
            return; // less than an octet and its check: damaged flags
        }
        octets.truncate(bits / 8);
        found(if long || octets.len() > LONGEST + 2 {
            Err(Flaw::Long)
        } else if !bits.is_multiple_of(8) {
            Err(Flaw::Ragged)
        } else if octets.iter().fold(0xffff, |r, o| check(r, *o)) == GOOD {
            octets.truncate(octets.len() - 2);
            Ok(octets)
        } else {
            Err(Flaw::Check)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bytes: &[u8]) -> Vec<Found> {
        let (mut deframer, mut all) = (Deframer::new(), vec![]);
        deframer.push(bytes, &mut |f| all.push(f));
        all
    }
    fn bits(frames: &[&[u8]]) -> Vec<u8> {
        let mut framer = Framer::new();
        framer.flags(3);
        frames.iter().for_each(|f| framer.frame(f));
        framer.finish()
    }

    #[test]
    fn frames_of_every_length_and_content_come_back() {
        for length in 1..=LONGEST {
            let frames: [Vec<u8>; 3] = [vec![0xff; length], vec![0; length], (0..length).map(|i| (i * 89) as u8 ^ 0x7e).collect()];
            let line = bits(&[&frames[0], &frames[1], &frames[2]]);
            assert_eq!(found(&line), frames.map(Ok), "{length}");
        }
    }

    #[test]
    fn the_check_is_the_published_one() {
        // The check value of CRC-16/X-25, in the order of the line.
        assert_eq!(u16::from_le_bytes(frame_check(b"123456789")), 0x906e);
    }

    #[test]
    fn a_frame_in_any_place_of_the_bits_is_found() {
        let line = bits(&[&[0xff, 0x13, 0x84]]);
        for late in 1..40 {
            // Ones before: a line at rest.
            let mut shifted = vec![0xff; line.len() + 6];
            for (at, bit) in (0..line.len() * 8).map(|i| (i + late, line[i / 8] >> (i % 8) & 1)) {
                shifted[at / 8] = shifted[at / 8] & !(1 << (at % 8)) | bit << (at % 8);
            }
            assert_eq!(found(&shifted), [Ok(vec![0xff, 0x13, 0x84])], "{late} bits late");
        }
    }

    #[test]
    fn no_single_damaged_bit_gives_another_frame() {
        let frame = [0xff, 0x13, 0xbf, 0x2f, 0, 0, 11];
        let line = bits(&[&frame]);
        for at in 24..line.len() * 8 {
            let mut hit = line.clone();
            hit[at / 8] ^= 1 << (at % 8);
            assert!(found(&hit).iter().flatten().all(|f| f[..] == frame[..]), "bit {at}");
        }
    }

    #[test]
    fn flaws_are_named() {
        let with = |line: &[u8]| found(line).into_iter().filter_map(Result::err).collect::<Vec<_>>();
        let mut hit = bits(&[&[0xff, 3, 4, 5, 6]]);
        hit[5] ^= 0x10;
        assert_eq!(with(&hit), [Flaw::Check]);
        assert_eq!(with(&bits(&[&vec![0x55; LONGEST + 1]])), [Flaw::Long]);
        assert_eq!(with(&bits(&[&vec![0x55; 5_000], &[1, 2, 3]])), [Flaw::Long]);
        assert_eq!(with(&[0x7e, 0x55, 0x55, 0x55, 0xff, 0xff]), [Flaw::Abort]);
        assert_eq!(with(&[0x7e, 0x55, 0x55, 0x55, 0xfa, 0x01]), [Flaw::Ragged]);
    }

    #[test]
    fn ones_and_flags_without_end_give_nothing() {
        assert_eq!(found(&[0xff; 10_000]), []);
        assert_eq!(found(&[0x7e; 10_000]), []);
        assert_eq!(found(&bits(&[&[]])), [], "a check of nothing is no frame");
    }
}

//! A window of bits over bytes.
//!
//! Standards: none. In: bytes, first bit on top. Out: the next bits in a register; behind the last byte, zeros without end.
//! Left out: what the bits mean. Shown by: the tests below.

#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// The byte to be taken next.
    at: usize,
    /// The next bits, from the top.
    pub window: u64,
    /// How many of the window are sure.
    held: u32,
}

impl<'a> Bits<'a> {
    /// From a bit on.
    pub fn at(bytes: &'a [u8], bit: usize) -> Bits<'a> {
        let mut bits = Bits { bytes, at: bit / 8, window: 0, held: 0 };
        bits.refill();
        bits.skip((bit % 8) as u32);
        bits
    }
    /// The bit that is next.
    #[inline(always)]
    pub fn place(&self) -> usize {
        self.at * 8 - self.held as usize
    }
    /// Makes 56 bits of the window sure.
    #[inline(always)]
    pub fn refill(&mut self) {
        let eight = match self.bytes.get(self.at..self.at + 8) {
            Some(eight) => u64::from_be_bytes(eight.try_into().unwrap_or_default()),
            None => last(self.bytes, self.at),
        };
        self.window |= eight >> self.held;
        self.at += ((63 - self.held) >> 3) as usize;
        self.held |= 56;
    }
    /// Drops bits that are sure.
    #[inline(always)]
    pub fn skip(&mut self, bits: u32) {
        self.window <<= bits;
        self.held -= bits;
    }
    /// How many bits there are.
    #[inline(always)]
    pub fn end(&self) -> usize {
        self.bytes.len() * 8
    }
    /// The same bytes, from another bit on.
    pub fn from(&self, bit: usize) -> Bits<'a> {
        Bits::at(self.bytes, bit)
    }
    /// Zeros up to the next 1, without dropping them; None if only zeros are left.
    pub fn zeros(&mut self) -> Option<usize> {
        self.refill();
        let near = self.window.leading_zeros();
        if near < self.held {
            return Some(near as usize);
        }
        let mut byte = (self.place() + near.min(self.held) as usize) / 8;
        let begun = self.place();
        while byte < self.bytes.len() {
            if self.bytes[byte] != 0 {
                return Some(byte * 8 + self.bytes[byte].leading_zeros() as usize - begun);
            }
            byte += 1;
        }
        None
    }
}

/// Eight bytes from one on, zeros where there are none. (By values, so that a window stays in registers.)
#[cold]
#[inline(never)]
fn last(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    let left = bytes.get(at..).unwrap_or_default();
    let some = left.len().min(8);
    eight[..some].copy_from_slice(&left[..some]);
    u64::from_be_bytes(eight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_in_order_and_zeros_after_them() {
        let bytes: Vec<u8> = (0..40).map(|i| (i * 91 + 7) as u8).collect();
        for step in [1, 3, 7, 12, 31, 56] {
            let mut bits = Bits::at(&bytes, 0);
            for place in (0..400).step_by(step as usize) {
                bits.refill();
                assert_eq!(bits.place(), place);
                let bit = bytes.get(place / 8).map_or(0, |b| b >> (7 - place % 8) & 1);
                assert_eq!(bits.window >> 63, u64::from(bit), "{place}");
                assert_eq!(bits.end(), 320);
                bits.skip(step);
            }
        }
    }

    #[test]
    fn zeros_are_counted_over_any_length() {
        for ones in 0..200 {
            let mut bytes = [0; 30];
            bytes[ones / 8] |= 0x80 >> (ones % 8);
            for from in 0..=ones {
                assert_eq!(Bits::at(&bytes, from).zeros(), Some(ones - from));
            }
            assert_eq!(Bits::at(&bytes, ones + 1).zeros(), None);
        }
    }
}

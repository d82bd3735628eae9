//! Bits put together into bytes.
//!
//! Standards: none. In: codes. Out: whole bytes, either bit first; a rest of less than a byte is kept.
//! Left out: what the bits mean. Shown by: the tests of `encode`.

use super::BitOrder;

/// Most bytes of a row: nine bits a pel of the widest (a change a pel, three to the right, and a pass every second), and a rest.
const MOST: usize = 8192;

pub(super) struct Writer {
    bytes: Box<[u8; MOST]>,
    at: usize,
    /// The bits that are not yet a byte, from the top.
    rest: u64,
    held: u32,
    order: BitOrder,
}

impl Writer {
    pub fn new(order: BitOrder) -> Writer {
        Writer { bytes: Box::new([0; MOST]), at: 0, rest: 0, held: 0, order }
    }
    /// Adds the lowest `len` bits, at least 1 and at most 56.
    #[inline(always)]
    pub fn put(&mut self, bits: u64, len: u32) {
        let held = self.held + len;
        let rest = self.rest | bits << (64 - held);
        if let Some(place) = self.bytes.get_mut(self.at..self.at + 8) {
            place.copy_from_slice(&rest.to_be_bytes());
        }
        self.at += (held >> 3) as usize;
        self.rest = rest << (held & !7);
        self.held = held & 7;
    }
    /// Bits of a byte begun.
    pub fn held(&self) -> u32 {
        self.held
    }
    /// Adds zeros.
    pub fn zeros(&mut self, bits: u64, out: &mut Vec<u8>) {
        let mut left = bits;
        while left > 0 {
            let some = left.min(56);
            self.put(0, some as u32);
            left -= some;
            if self.at > MOST / 2 {
                self.give(out);
            }
        }
    }
    /// Adds zeros up to the next whole byte.
    pub fn align(&mut self) {
        if self.held > 0 {
            self.put(0, 8 - self.held);
        }
    }
    /// Bits since the last `give`, and the rest kept over from before.
    pub fn bits(&self) -> u64 {
        self.at as u64 * 8 + u64::from(self.held)
    }
    /// Appends the whole bytes.
    pub fn give(&mut self, out: &mut Vec<u8>) {
        let bytes = &mut self.bytes[..self.at];
        if self.order == BitOrder::LsbFirst {
            bytes.iter_mut().for_each(|b| *b = b.reverse_bits());
        }
        out.extend_from_slice(bytes);
        self.at = 0;
    }
}

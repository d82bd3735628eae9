//! The little of ASN.1's packed encoding that T.38 needs: bits, aligned octets, lengths, enumerations that may grow.
//!
//! Standard: ITU-T X.691, aligned variant (lengths 10.9, small whole numbers 10.6, enumerations 13). In: octets. Out: values; and back.
//! Left out: lengths of 16,384 and more (fragments). No datagram holds one. Bounded by its input. Shown by: the tests of `ifp` and `udptl`.

/// Why octets are not what they should be, in a few words.
pub type Flaw = &'static str;

const SHORT: Flaw = "it ends too soon";

/// Reads.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    octets: &'a [u8],
    /// In bits.
    at: usize,
}

impl<'a> Reader<'a> {
    /// From the first bit on.
    pub fn new(octets: &'a [u8]) -> Reader<'a> {
        Reader { octets, at: 0 }
    }
    /// One bit.
    pub fn bit(&mut self) -> Result<bool, Flaw> {
        let octet = self.octets.get(self.at / 8).ok_or(SHORT)?;
        let bit = octet >> (7 - self.at % 8) & 1 == 1;
        self.at += 1;
        Ok(bit)
    }
    /// A number of so many bits, up to eight.
    pub fn bits(&mut self, count: u32) -> Result<u8, Flaw> {
        (0..count).try_fold(0, |n, _| Ok(n << 1 | u8::from(self.bit()?)))
    }
    /// So many octets, from the next whole one on.
    pub fn octets(&mut self, count: usize) -> Result<&'a [u8], Flaw> {
        let from = self.at.div_ceil(8);
        let octets = self.octets.get(from..from.saturating_add(count)).ok_or(SHORT)?;
        self.at = (from + count) * 8;
        Ok(octets)
    }
    /// A number of 16 bits, aligned.
    pub fn word(&mut self) -> Result<u16, Flaw> {
        let octets = self.octets(2)?;
        Ok(u16::from_be_bytes([octets[0], octets[1]]))
    }
    /// A length without bounds.
    pub fn length(&mut self) -> Result<usize, Flaw> {
        let first = self.octets(1)?[0];
        match first >> 6 {
            0 | 1 => Ok(usize::from(first)),
            2 => Ok(usize::from(first & 0x3f) << 8 | usize::from(self.octets(1)?[0])),
            _ => Err("a length of 16,384 or more"),
        }
    }
    /// Octets with their length before them.
    pub fn open(&mut self) -> Result<&'a [u8], Flaw> {
        let length = self.length()?;
        self.octets(length)
    }
    /// One of an enumeration: of `root` bits, or, marked by a bit, of those that were added later, which count from `added`.
    pub fn growing(&mut self, root: u32, added: u8) -> Result<u8, Flaw> {
        if !self.bit()? {
            return self.bits(root);
        }
        if self.bit()? {
            return Err("a kind beyond all that are known");
        }
        Ok(added + self.bits(6)?)
    }
    /// Whether all is read, but for what fills the last octet.
    pub fn at_end(&self) -> bool {
        self.at.div_ceil(8) >= self.octets.len()
    }
}

/// Writes.
#[derive(Clone, Default, Debug)]
pub struct Writer {
    octets: Vec<u8>,
    bits: u32,
}

impl Writer {
    /// One bit.
    pub fn bit(&mut self, bit: bool) {
        if self.bits == 0 {
            self.octets.push(0);
        }
        if let Some(last) = self.octets.last_mut() {
            *last |= u8::from(bit) << (7 - self.bits);
        }
        self.bits = (self.bits + 1) % 8;
    }
    /// A number of so many bits.
    pub fn bits(&mut self, count: u32, value: u8) {
        (0..count).rev().for_each(|i| self.bit(value >> i & 1 == 1));
    }
    /// Octets, from the next whole one on.
    pub fn octets(&mut self, octets: &[u8]) {
        self.bits = 0;
        self.octets.extend(octets);
    }
    /// A length without bounds, below 16,384.
    pub fn length(&mut self, length: usize) {
        match length {
            0..128 => self.octets(&[length as u8]),
            _ => self.octets(&[0x80 | (length >> 8) as u8 & 0x3f, length as u8]),
        }
    }
    /// Octets with their length before them.
    pub fn open(&mut self, octets: &[u8]) {
        self.length(octets.len());
        self.octets(octets);
    }
    /// See [`Reader::growing`].
    pub fn growing(&mut self, root: u32, added: u8, value: u8) {
        self.bit(value >= added);
        if value >= added {
            self.bit(false);
            self.bits(6, value - added);
        } else {
            self.bits(root, value);
        }
    }
    /// What is written.
    pub fn finish(self) -> Vec<u8> {
        self.octets
    }
}

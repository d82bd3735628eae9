//! Symbols: the unit a line carries, all of the same number of bits.
//!
//! Standards: five-unit start-stop code (ITU-T S.1); code element 1 is bit 0, as a UART sends it.
//! In: a byte from a device. Out: a [`Code`]. Left out: characters (see `teletype`). Shown by: `line::symbol::tests`.

/// A symbol of a line.
pub trait Symbol: Copy + Eq + std::fmt::Debug + Send + 'static {
    /// How many bits it has.
    const BITS: u32;
    /// The symbol with bit `bit` (0 to `BITS - 1`) turned over.
    fn flip(self, bit: u32) -> Self;
}

/// A five-unit code, 0–31.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Code(u8);

impl Code {
    /// The low five bits of a byte: what a device without 5 data bits (a pty) hands over is masked here.
    pub const fn new(byte: u8) -> Code {
        Code(byte & 0x1f)
    }
    /// 0–31.
    pub const fn value(self) -> u8 {
        self.0
    }
}

impl Symbol for Code {
    const BITS: u32 = 5;
    fn flip(self, bit: u32) -> Code {
        Code::new(self.0 ^ (1 << (bit % Self::BITS)))
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02x}", self.0)
    }
}

/// Codes as the trace writes them: two hexadecimal digits each.
pub fn hex(codes: &[Code]) -> String {
    codes.iter().map(|c| format!("{:02x}", c.0)).collect()
}

/// Codes out of a trace; what is no pair of digits is left out.
pub fn from_hex(text: &str) -> Vec<Code> {
    let pairs = text.as_bytes().chunks(2).filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    pairs.map(Code::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_masked_and_a_flip_turns_one_bit() {
        assert_eq!(Code::new(0xff).value(), 31);
        assert_eq!(Code::new(1).flip(0).value(), 0);
        assert_eq!(Code::new(0).flip(4).value(), 16);
        assert_eq!(hex(&[Code::new(1), Code::new(31)]), "011f");
        assert_eq!(from_hex("011fxx"), [Code::new(1), Code::new(31)]);
    }
}

//! The code tables of T.4, as they are printed, and what encoder and decoder look up in.
//!
//! Standards: ITU-T T.4 tables 2, 3a, 3b (runs), 4 (modes); T.6 table 1 (the same modes). In: nothing. Out: constants.
//! Left out: uncompressed mode and other extensions (T.4 4.2.5, T.6 2.5). Shown by: the tests below.

/// T.4 table 2, terminating codes: pels of a run, the code where it is white, where it is black.
pub const TERMINATING: [(u16, &str, &str); 64] = [
    (0, "00110101", "0000110111"),
    (1, "000111", "010"),
    (2, "0111", "11"),
    (3, "1000", "10"),
    (4, "1011", "011"),
    (5, "1100", "0011"),
    (6, "1110", "0010"),
    (7, "1111", "00011"),
    (8, "10011", "000101"),
    (9, "10100", "000100"),
    (10, "00111", "0000100"),
    (11, "01000", "0000101"),
    (12, "001000", "0000111"),
    (13, "000011", "00000100"),
    (14, "110100", "00000111"),
    (15, "110101", "000011000"),
    (16, "101010", "0000010111"),
    (17, "101011", "0000011000"),
    (18, "0100111", "0000001000"),
    (19, "0001100", "00001100111"),
    (20, "0001000", "00001101000"),
    (21, "0010111", "00001101100"),
    (22, "0000011", "00000110111"),
    (23, "0000100", "00000101000"),
    (24, "0101000", "00000010111"),
    (25, "0101011", "00000011000"),
    (26, "0010011", "000011001010"),
    (27, "0100100", "000011001011"),
    (28, "0011000", "000011001100"),
    (29, "00000010", "000011001101"),
    (30, "00000011", "000001101000"),
    (31, "00011010", "000001101001"),
    (32, "00011011", "000001101010"),
    (33, "00010010", "000001101011"),
    (34, "00010011", "000011010010"),
    (35, "00010100", "000011010011"),
    (36, "00010101", "000011010100"),
    (37, "00010110", "000011010101"),
    (38, "00010111", "000011010110"),
    (39, "00101000", "000011010111"),
    (40, "00101001", "000001101100"),
    (41, "00101010", "000001101101"),
    (42, "00101011", "000011011010"),
    (43, "00101100", "000011011011"),
    (44, "00101101", "000001010100"),
    (45, "00000100", "000001010101"),
    (46, "00000101", "000001010110"),
    (47, "00001010", "000001010111"),
    (48, "00001011", "000001100100"),
    (49, "01010010", "000001100101"),
    (50, "01010011", "000001010010"),
    (51, "01010100", "000001010011"),
    (52, "01010101", "000000100100"),
    (53, "00100100", "000000110111"),
    (54, "00100101", "000000111000"),
    (55, "01011000", "000000100111"),
    (56, "01011001", "000000101000"),
    (57, "01011010", "000001011000"),
    (58, "01011011", "000001011001"),
    (59, "01001010", "000000101011"),
    (60, "01001011", "000000101100"),
    (61, "00110010", "000001011010"),
    (62, "00110011", "000001100110"),
    (63, "00110100", "000001100111"),
];

/// T.4 table 3a, make-up codes: pels, white, black.
pub const MAKE_UP: [(u16, &str, &str); 27] = [
    (64, "11011", "0000001111"),
    (128, "10010", "000011001000"),
    (192, "010111", "000011001001"),
    (256, "0110111", "000001011011"),
    (320, "00110110", "000000110011"),
    (384, "00110111", "000000110100"),
    (448, "01100100", "000000110101"),
    (512, "01100101", "0000001101100"),
    (576, "01101000", "0000001101101"),
    (640, "01100111", "0000001001010"),
    (704, "011001100", "0000001001011"),
    (768, "011001101", "0000001001100"),
    (832, "011010010", "0000001001101"),
    (896, "011010011", "0000001110010"),
    (960, "011010100", "0000001110011"),
    (1024, "011010101", "0000001110100"),
    (1088, "011010110", "0000001110101"),
    (1152, "011010111", "0000001110110"),
    (1216, "011011000", "0000001110111"),
    (1280, "011011001", "0000001010010"),
    (1344, "011011010", "0000001010011"),
    (1408, "011011011", "0000001010100"),
    (1472, "010011000", "0000001010101"),
    (1536, "010011001", "0000001011010"),
    (1600, "010011010", "0000001011011"),
    (1664, "011000", "0000001100100"),
    (1728, "010011011", "0000001100101"),
];

/// T.4 table 3b, make-up codes of wide rows, of either colour.
pub const EXTENDED: [(u16, &str); 13] = [
    (1792, "00000001000"),
    (1856, "00000001100"),
    (1920, "00000001101"),
    (1984, "000000010010"),
    (2048, "000000010011"),
    (2112, "000000010100"),
    (2176, "000000010101"),
    (2240, "000000010110"),
    (2304, "000000010111"),
    (2368, "000000011100"),
    (2432, "000000011101"),
    (2496, "000000011110"),
    (2560, "000000011111"),
];

/// T.4 4.1.2: the end of a line; no row of codes holds eleven zeros in a run.
pub const EOL: Code = Code::of("000000000001");

/// T.4 table 4, T.6 table 1: how a change lies to the changes of the row above.
pub const PASS: Code = Code::of("0001");
/// Both runs up to the second change, by the tables above.
pub const HORIZONTAL: Code = Code::of("001");
/// The change is as far right of that of the row above as the place here, less three: VL3, VL2, VL1, V0, VR1, VR2, VR3.
pub const VERTICAL: [Code; 7] =
    [Code::of("0000010"), Code::of("000010"), Code::of("010"), Code::of("1"), Code::of("011"), Code::of("000011"), Code::of("0000011")];

/// One code: its bits, the last one lowest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Code {
    /// At most 25 of them.
    pub bits: u32,
    /// How many.
    pub len: u32,
}

impl Code {
    /// A code from its digits.
    pub const fn of(digits: &str) -> Code {
        let (digits, mut code) = (digits.as_bytes(), Code { bits: 0, len: digits.len() as u32 });
        let mut i = 0;
        while i < digits.len() {
            code.bits = code.bits << 1 | (digits[i] - b'0') as u32;
            i += 1;
        }
        code
    }
    /// This code and another behind it.
    pub const fn then(self, next: Code) -> Code {
        Code { bits: self.bits << next.len | next.bits, len: self.len + next.len }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All codes that may come where a run of the colour (0: white) is read.
    fn runs(black: usize) -> Vec<(u16, Code)> {
        let of = |white: &str, dark: &str| Code::of([white, dark][black]);
        let plain = TERMINATING.iter().chain(&MAKE_UP).map(|(run, w, b)| (*run, of(w, b)));
        plain.chain(EXTENDED.iter().map(|(run, both)| (*run, Code::of(both)))).collect()
    }
    fn modes() -> Vec<Code> {
        [PASS, HORIZONTAL].into_iter().chain(VERTICAL).collect()
    }
    fn begins_with(code: Code, other: Code) -> bool {
        code.len >= other.len && code.bits >> (code.len - other.len) == other.bits
    }
    fn none_begins_with_another(codes: &[Code]) {
        for (i, code) in codes.iter().enumerate() {
            for (k, other) in codes.iter().enumerate() {
                assert!(i == k || !begins_with(*code, *other), "{code:?} begins with {other:?}");
            }
        }
    }

    #[test]
    fn the_tables_have_every_run_once_and_as_many_codes_as_printed() {
        for black in [0, 1] {
            let runs: Vec<u16> = runs(black).iter().map(|(run, _)| *run).collect();
            let printed: Vec<u16> = (0..64).chain((1..=40).map(|n| n * 64)).collect();
            assert_eq!(runs, printed);
        }
        assert_eq!(modes().len(), 9);
    }

    #[test]
    fn no_code_begins_with_another_or_with_an_end_of_line() {
        for black in [0, 1] {
            let codes: Vec<Code> = runs(black).iter().map(|(_, code)| *code).chain([EOL, Code::of("000000001")]).collect();
            none_begins_with_another(&codes);
        }
        none_begins_with_another(&modes().into_iter().chain([EOL, Code::of("0000001")]).collect::<Vec<_>>());
    }

    #[test]
    fn the_codes_fill_their_space_but_for_what_is_reserved() {
        // Kraft's sum, in 4,096ths of a 13-bit code: what is left begins with eight zeros (runs) or six (modes).
        let share = |codes: &[Code]| codes.iter().map(|c| 1u32 << (13 - c.len)).sum::<u32>();
        for black in [0, 1] {
            let codes: Vec<Code> = runs(black).iter().map(|(_, code)| *code).collect();
            assert!(share(&codes) <= (1 << 13) - (1 << 5), "colour {black}: {}", share(&codes));
            assert!(codes.iter().all(|c| c.bits >> (c.len.saturating_sub(8)) != 0 || c.len < 8));
        }
        assert_eq!(share(&modes()), (1 << 13) - (1 << 7));
    }
}

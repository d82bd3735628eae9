//! What encoder and decoder look up in, made of the printed tables when the program is built.
//!
//! Standards: ITU-T T.4 tables 2, 3a, 3b, 4. In: `tables`. Out: the code of a run; the run of a code; two runs at once; the mode of a code.
//! Left out: extensions. Shown by: the tests below, `tests`.

use super::tables::{Code, EXTENDED, HORIZONTAL, MAKE_UP, PASS, TERMINATING, VERTICAL};

/// Longest run that a make-up and a terminating code say; longer ones have 2560 before them, as often as needed (T.4 4.1.1).
pub const LONGEST: usize = 2623;
/// Bits of the longest code.
pub const PEEK: u32 = 13;
/// Bits in which two codes are looked for at once.
pub const PEEK_PAIR: u32 = 12;

/// The code of a run of white (0) or black (1), make-up and terminating together: bits above, five bits of length below.
pub static CODES: [[u32; LONGEST + 1]; 2] = [codes(0), codes(1)];
/// By the next 13 bits: pels of a run above, four bits of length below; 0 where there is no code.
pub static RUNS: [[u16; 1 << PEEK]; 2] = [runs(0), runs(1)];
/// By the next 12 bits, where a run of the colour begins: two runs of 1 to 63 pels that lie whole in them, 8 bits each
/// from the lowest, and above them the bits they take; 0 where that is not so.
pub static PAIRS: [[u32; 1 << PEEK_PAIR]; 2] = [pairs(0), pairs(1)];

/// By the next 7 bits, what they say of the next change.
pub static MODES: [Mode; 128] = modes();

/// A mode of T.4 table 4.
#[derive(Clone, Copy)]
pub struct Mode {
    /// Its bits; 0 where there is no code (and then the rest says what cannot be).
    pub len: u8,
    /// Whether two runs follow.
    pub runs: bool,
    /// Whether the next two changes of the row above are passed over.
    pub pass: bool,
    /// How far right of the change above the change is.
    pub off: i8,
}

const fn modes() -> [Mode; 128] {
    let mut table = [Mode { len: 0, runs: false, pass: true, off: i8::MIN }; 128];
    let mut i = 0;
    while i < 128 {
        let mut way = 0;
        while way < VERTICAL.len() {
            if i >> (7 - VERTICAL[way].len) == VERTICAL[way].bits as usize {
                table[i] = Mode { len: VERTICAL[way].len as u8, runs: false, pass: false, off: way as i8 - 3 };
            }
            way += 1;
        }
        if i >> (7 - PASS.len) == PASS.bits as usize {
            table[i] = Mode { len: PASS.len as u8, runs: false, pass: true, off: 0 };
        }
        if i >> (7 - HORIZONTAL.len) == HORIZONTAL.bits as usize {
            table[i] = Mode { len: HORIZONTAL.len as u8, runs: true, pass: false, off: 0 };
        }
        i += 1;
    }
    table
}

const fn terminating(black: usize, run: usize) -> Code {
    let (_, white, dark) = TERMINATING[run];
    Code::of(if black == 0 { white } else { dark })
}
const fn make_up(black: usize, sixty_fours: usize) -> Code {
    if sixty_fours > MAKE_UP.len() {
        return Code::of(EXTENDED[sixty_fours - MAKE_UP.len() - 1].1);
    }
    let (_, white, dark) = MAKE_UP[sixty_fours - 1];
    Code::of(if black == 0 { white } else { dark })
}

const fn codes(black: usize) -> [u32; LONGEST + 1] {
    let mut table = [0; LONGEST + 1];
    let mut run = 0;
    while run <= LONGEST {
        let mut code = terminating(black, run % 64);
        if run >= 64 {
            code = make_up(black, run / 64).then(code);
        }
        table[run] = code.bits << 5 | code.len;
        run += 1;
    }
    table
}

const fn fill(mut table: [u16; 1 << PEEK], code: Code, run: usize) -> [u16; 1 << PEEK] {
    let free = PEEK - code.len;
    let mut i = 0;
    while i < 1 << free {
        table[((code.bits << free) as usize) + i] = (run as u16) << 4 | code.len as u16;
        i += 1;
    }
    table
}
const fn runs(black: usize) -> [u16; 1 << PEEK] {
    let mut table = [0; 1 << PEEK];
    let mut i = 0;
    while i < 64 {
        table = fill(table, terminating(black, i), i);
        i += 1;
    }
    i = 1;
    while i <= MAKE_UP.len() + EXTENDED.len() {
        table = fill(table, make_up(black, i), i * 64);
        i += 1;
    }
    table
}

const fn pairs(black: usize) -> [u32; 1 << PEEK_PAIR] {
    let (first, second) = (runs(black), runs(1 - black));
    let mut table = [0; 1 << PEEK_PAIR];
    let mut bits = 0;
    while bits < table.len() {
        let a = first[bits << (PEEK - PEEK_PAIR)] as u32;
        let (run_a, len_a) = (a >> 4, a & 15);
        let b = if a == 0 || len_a > PEEK_PAIR { 0 } else { second[(bits << len_a & 0xfff) << (PEEK - PEEK_PAIR)] as u32 };
        let (run_b, len_b) = (b >> 4, b & 15);
        if b != 0 && len_a + len_b <= PEEK_PAIR && run_a > 0 && run_a < 64 && run_b > 0 && run_b < 64 {
            table[bits] = run_a | run_b << 8 | (len_a + len_b) << 16;
        }
        bits += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_is_found_again_by_its_code() {
        for black in [0, 1] {
            for (run, entry) in CODES[black].iter().enumerate() {
                let (bits, mut len) = (entry >> 5, entry & 31);
                let mut back = 0;
                while len > 0 {
                    let next = if len >= PEEK { bits >> (len - PEEK) } else { bits << (PEEK - len) } & 0x1fff;
                    let found = RUNS[black][next as usize];
                    assert!(found != 0 && u32::from(found & 15) <= len, "{run}");
                    (back, len) = (back + usize::from(found >> 4), len - u32::from(found & 15));
                }
                assert_eq!(back, run);
            }
        }
    }

    #[test]
    fn two_runs_at_once_are_what_they_are_one_by_one() {
        let mut seen = 0;
        for black in [0, 1] {
            for (bits, pair) in PAIRS[black].iter().enumerate().filter(|(_, pair)| **pair != 0) {
                let a = RUNS[black][bits << 1];
                let b = RUNS[1 - black][(bits << 1 << (a & 15)) & 0x1fff];
                assert_eq!(*pair, u32::from(a >> 4) | u32::from(b >> 4) << 8 | u32::from((a & 15) + (b & 15)) << 16);
                seen += 1;
            }
        }
        assert!(seen > 2000, "{seen}");
    }
}

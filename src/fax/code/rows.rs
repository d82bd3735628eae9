//! The codes of one row to the places where its colour changes.
//!
//! Standards: ITU-T T.4 4.1.1, 4.2.1.3; T.6 2.2. In: bits, the row above. Out: changes, and whether the codes fill the row exactly.
//! Left out: what is between rows (see `lines`), uncompressed mode (it is damage). Shown by: `tests`, `tests/it/fax_codes.rs`.

use super::bits::Bits;
use super::changes::{Changes, ROOM};
use super::lookup::{MODES, PAIRS, PEEK, PEEK_PAIR, RUNS};

/// Most changes that are taken over from the row above in one go.
const MANY: usize = 16;

/// Adds a change; one at the place of the last undoes it (a run of no pels joins its neighbours).
#[inline(always)]
fn change(at: &mut [u16; ROOM], n: &mut usize, place: u32) {
    if *n > 0 && u32::from(at[*n % ROOM]) == place {
        *n -= 1;
    } else {
        *n += 1;
        at[*n % ROOM] = place as u16;
    }
}

/// A run of a colour. None where there is no code of that colour, or the run is longer than `most`.
#[inline(always)]
pub(super) fn run(bits: &mut Bits, black: usize, most: u32) -> Option<u32> {
    let mut sum = 0;
    loop {
        bits.refill();
        let entry = u32::from(RUNS[black][(bits.window >> (64 - PEEK)) as usize]);
        let (part, len) = (entry >> 4, entry & 15);
        sum += part;
        if sum > most {
            return None;
        }
        if len == 0 {
            // Some leave out the terminating code of no pels before an EOL.
            return (sum > 0 && sum == most && bits.window >> 53 == 0).then_some(sum);
        }
        bits.skip(len);
        if part < 64 {
            return Some(sum);
        }
    }
}

/// Reads a row coded by itself. False where the codes do not end at the width.
pub(super) fn one(from: &mut Bits, row: &mut Changes, width: usize) -> bool {
    let (mut bits, at, width) = (*from, &mut *row.at, width as u32);
    let (mut n, mut a0) = (0, 0);
    let good = 'row: loop {
        bits.refill();
        // 56 bits hold four pairs; where there is none, a run of each colour, one by one.
        for _ in 0..4 {
            let pair = PAIRS[0][(bits.window >> (64 - PEEK_PAIR)) as usize];
            let a1 = a0 + (pair & 255);
            let a2 = a1 + (pair >> 8 & 255);
            if pair == 0 || a2 >= width {
                break;
            }
            at[n + 1] = a1 as u16;
            at[n + 2] = a2 as u16;
            (n, a0) = (n + 2, a2);
            bits.skip(pair >> 16);
        }
        for black in [0, 1] {
            let Some(pels) = run(&mut bits, black, width - a0) else { break 'row false };
            a0 += pels;
            if a0 == width {
                break 'row true;
            }
            change(at, &mut n, a0);
        }
    };
    row.end(n, width as usize);
    *from = bits;
    good
}

/// How far a row coded by the row above is read.
struct Walk {
    /// Changes so far; their number tells the colour.
    n: usize,
    /// The change of the row above that is b1.
    k: usize,
    /// Where the next change may be at the soonest.
    least: u32,
}

/// How a part of a row's codes ends.
enum Part {
    /// More are to come.
    On,
    /// Two runs are next.
    Runs,
    /// The row ends here; whether it is good.
    End(bool),
}

/// Reads a row coded by the row above. False where the codes do not end at the width.
pub(super) fn two(from: &mut Bits, row: &mut Changes, above: &Changes, width: usize) -> bool {
    let (mut bits, at, width) = (*from, &mut *row.at, width as u32);
    let mut walk = Walk { n: 0, k: 1, least: 0 };
    let good = loop {
        bits.refill();
        if bits.window >= 0xf << 60 && walk.same(&mut bits, at, above) {
            continue;
        }
        let mut part = walk.modes(&mut bits, at, &above.at, width);
        if let Part::Runs = part {
            part = walk.runs(&mut bits, at, &above.at, width);
        }
        if let Part::End(good) = part {
            break good;
        }
    };
    row.end(walk.n, width as usize);
    *from = bits;
    good
}

impl Walk {
    /// V0, many times: the changes of the row above. False at its end.
    #[inline(always)]
    fn same(&mut self, bits: &mut Bits, at: &mut [u16; ROOM], above: &Changes) -> bool {
        let ones = (!bits.window).leading_zeros() as usize;
        let same = ones.min((above.n + 1).saturating_sub(self.k)).min(MANY);
        if same == 0 {
            return false;
        }
        at[self.n + 1..self.n + 1 + MANY].copy_from_slice(&above.at[self.k..self.k + MANY]);
        (self.n, self.k) = (self.n + same, self.k + same);
        self.least = u32::from(at[self.n]) + 1;
        bits.skip(same as u32);
        true
    }
    /// V and P, up to three: 56 bits hold them and two runs behind.
    #[inline(always)]
    fn modes(&mut self, bits: &mut Bits, at: &mut [u16; ROOM], b: &[u16; ROOM], width: u32) -> Part {
        for _ in 0..3 {
            let mode = MODES[(bits.window >> 57) as usize];
            bits.skip(u32::from(mode.len));
            if mode.runs {
                return Part::Runs;
            }
            // V: a change near b1. P: none, on from b2.
            let pass = usize::from(mode.pass);
            let a1 = u32::from(b[(self.k + pass) % ROOM]).wrapping_add_signed(i32::from(mode.off));
            if a1.wrapping_sub(self.least) >= width - self.least {
                return Part::End(pass == 0 && a1 == width && mode.len > 0);
            }
            at[(self.n + 1) % ROOM] = a1 as u16;
            self.n += 1 - pass;
            self.least = a1 + 1;
            // Seldom does the row above change again so near.
            if mode.off < 0 && u32::from(b[(self.k - 1) % ROOM]) > a1 {
                self.k -= 1;
            } else {
                self.k += 1 + pass;
                while u32::from(b[self.k % ROOM]) <= a1 {
                    self.k += 2;
                }
            }
        }
        Part::On
    }
    /// The two runs of H.
    #[inline(always)]
    fn runs(&mut self, bits: &mut Bits, at: &mut [u16; ROOM], b: &[u16; ROOM], width: u32) -> Part {
        let (a0, black) = (self.least.saturating_sub(1), self.n & 1);
        let pair = PAIRS[black][(bits.window >> (64 - PEEK_PAIR)) as usize];
        let a1 = a0 + (pair & 255);
        let mut a2 = a1 + (pair >> 8 & 255);
        if pair != 0 && a2 < width {
            at[self.n + 1] = a1 as u16;
            at[self.n + 2] = a2 as u16;
            self.n += 2;
            bits.skip(pair >> 16);
        } else {
            let Some(first) = run(bits, black, width - a0) else { return Part::End(false) };
            let Some(second) = run(bits, black ^ 1, width - a0 - first) else { return Part::End(false) };
            a2 = a0 + first + second;
            if a0 + first < width {
                change(at, &mut self.n, a0 + first);
            }
            if a2 == width {
                return Part::End(true);
            }
            change(at, &mut self.n, a2);
        }
        while u32::from(b[self.k % ROOM]) <= a2 {
            self.k += 2;
        }
        self.least = a2 + 1;
        Part::On
    }
}

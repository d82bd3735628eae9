//! The codes of one row to the places where its colour changes.
//!
//! Standards: ITU-T T.4 4.1.1, 4.2.1.3; T.6 2.2. In: bits, the row above. Out: changes, and whether the codes fill the row exactly.
//! Left out: what is between rows (see `decode`), uncompressed mode (it is damage). Shown by: the tests of `decode`.

use super::bits::Bits;
use super::changes::{Changes, ROOM};
use super::lookup::{PEEK, RUNS};

/// Adds a change; one at the place of the last undoes it (a run of no pels joins its neighbours).
#[inline(always)]
fn change(to: &mut Changes, n: &mut usize, place: usize) {
    if *n > 0 && usize::from(to.at[*n & (ROOM - 1)]) == place {
        *n -= 1;
    } else {
        *n += 1;
        to.at[*n & (ROOM - 1)] = place as u16;
    }
}

/// A run of a colour. None where there is no code of that colour, or the run is longer than `most`.
#[inline(always)]
fn run(bits: &mut Bits, black: usize, most: usize) -> Option<usize> {
    let mut sum = 0;
    loop {
        bits.refill();
        let entry = RUNS[black][(bits.window >> (64 - PEEK)) as usize];
        let (part, len) = (usize::from(entry >> 4), u32::from(entry & 15));
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
pub(super) fn one(bits: &mut Bits, row: &mut Changes, width: usize) -> bool {
    let (mut n, mut a0, mut black) = (0, 0, 0);
    while let Some(pels) = run(bits, black, width - a0) {
        a0 += pels;
        black ^= 1;
        if a0 == width {
            row.end(n, width);
            return true;
        }
        change(row, &mut n, a0);
    }
    row.end(n, width);
    false
}

/// Reads a row coded by the row above. False where the codes do not end at the width.
pub(super) fn two(bits: &mut Bits, row: &mut Changes, above: &Changes, width: usize) -> bool {
    let (mut n, mut a0, mut k, mut black) = (0, 0, 1, 0);
    let good = loop {
        bits.refill();
        let b1 = usize::from(above.at[k]);
        let off = match bits.window.leading_zeros() {
            0 => (0, 1),
            1 => ([-1, 1][(bits.window >> 61 & 1) as usize], 3),
            2 => {
                bits.skip(3);
                let (first, second) = match run(bits, black, width - a0) {
                    Some(first) => match run(bits, black ^ 1, width - a0 - first) {
                        Some(second) => (first, second),
                        None => break false,
                    },
                    None => break false,
                };
                if a0 + first < width {
                    change(row, &mut n, a0 + first);
                    if a0 + first + second < width {
                        change(row, &mut n, a0 + first + second);
                    }
                }
                a0 += first + second;
                if a0 == width {
                    break true;
                }
                while usize::from(above.at[k]) <= a0 {
                    k += 2;
                }
                continue;
            }
            3 => {
                bits.skip(4);
                a0 = usize::from(above.at[k + 1]);
                if a0 == width {
                    break false;
                }
                k += 2;
                continue;
            }
            4 => ([-2, 2][(bits.window >> 58 & 1) as usize], 6),
            5 => ([-3, 3][(bits.window >> 57 & 1) as usize], 7),
            _ => break false,
        };
        bits.skip(off.1);
        let a1 = match b1.checked_add_signed(off.0) {
            Some(a1) if (a1 > a0 || n == 0 && a0 == 0 || a1 == a0) && a1 <= width => a1,
            _ => break false,
        };
        if a1 == width {
            break true;
        }
        change(row, &mut n, a1);
        (a0, black) = (a1, black ^ 1);
        k = if usize::from(above.at[k - 1]) > a0 { k - 1 } else { k + 1 };
        while usize::from(above.at[k]) <= a0 {
            k += 2;
        }
    };
    row.end(n, width);
    good
}

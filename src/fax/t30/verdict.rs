//! Whether a training check passed, and whether a page is good enough.
//!
//! Standards: T.30 leaves both to the receiver (5.3.6.1.4: TCF is 1.5 s ± 10 % of zeros); the page's shares are those SpanDSP and TSB-85 use.
//! In: bits, a count of damage. Out: a verdict. Left out: what follows from it (see `answerer`).
//! Shown by: the tests below, `tests/it/fax_call.rs`.

use crate::fax::code::Damage;
use std::time::Duration;

/// A training check lasts this (T.30 5.3.6.1.4).
pub const TCF: Duration = Duration::from_millis(1500);

/// The longest run of zeros, fed with bits in any pieces.
#[derive(Clone, Copy, Debug, Default)]
pub struct Zeros {
    run: u64,
    longest: u64,
    bits: u64,
    ones: u64,
}

impl Zeros {
    /// More bits.
    pub fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.bits += 8;
            self.ones += u64::from(byte.count_ones());
            if *byte == 0 {
                self.run += 8;
            } else {
                for i in 0..8 {
                    self.run = if byte >> i & 1 == 1 { 0 } else { self.run + 1 };
                    self.longest = self.longest.max(self.run);
                }
            }
            self.longest = self.longest.max(self.run);
        }
    }
    /// Whether a check at a rate passed: two thirds of it are zeros in one run, and not more than a tenth of what came are ones.
    /// (The thresholds are those HylaFAX states.)
    pub fn pass(&self, bit_rate: u32) -> bool {
        let expected = u64::from(bit_rate) * TCF.as_millis() as u64 / 1000;
        self.longest * 3 >= expected * 2 && self.ones * 10 <= self.bits
    }
}

/// What a page is worth.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Verdict {
    /// MCF.
    Good,
    /// RTP: received, and the line is to be trained again.
    Fair,
    /// RTN: to be sent again.
    Bad,
}

/// Where a page stops being good. (Not used with error correction: there a page is exact or is not confirmed.)
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Thresholds {
    /// Good with less than this share of bad rows, in thousandths.
    pub good: usize,
    /// Fair with less than this share, in thousandths.
    pub fair: usize,
    /// And with no more bad rows in a run than this.
    pub longest_run: Option<usize>,
    /// Whether a page must have its end (RTC, T.4 4.1.4): one that has not was cut off, whatever its rows say.
    pub whole: bool,
}

impl Default for Thresholds {
    /// 5 % and 15 % (TSB-85, as SpanDSP has it); no limit for a run.
    fn default() -> Self {
        Thresholds { good: 50, fair: 150, longest_run: None, whole: true }
    }
}

impl Thresholds {
    /// HylaFAX's: 5 %, five rows in a run, and nothing between good and bad.
    pub const STRICT: Thresholds = Thresholds { good: 51, fair: 51, longest_run: Some(5), whole: true };

    /// A page with this damage. One without rows is bad, and so is one without end.
    pub fn judge(&self, damage: &Damage) -> Verdict {
        let share = |thousandths: usize| damage.bad_rows * 1000 < damage.rows * thousandths;
        let cut_off = damage.too_many || self.whole && !damage.ended;
        if damage.rows == 0 || cut_off || self.longest_run.is_some_and(|most| damage.longest_bad_run > most) {
            Verdict::Bad
        } else if share(self.good) {
            Verdict::Good
        } else if share(self.fair) {
            Verdict::Fair
        } else {
            Verdict::Bad
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_passes_with_two_thirds_of_it_zeros_in_one_run() {
        let pass = |bytes: &[u8]| {
            let mut z = Zeros::default();
            bytes.chunks(7).for_each(|c| z.push(c));
            z.pass(9600)
        };
        assert!(pass(&[0; 1800]));
        assert!(pass(&[&[0; 590][..], &[1], &[0; 1209]].concat()));
        assert!(!pass(&[&[0; 700][..], &[1], &[0; 1099]].concat()));
        assert!(!pass(&[0; 1199]) && pass(&[0; 1200]), "a check of a second is as good");
        assert!(!pass(&[&[0; 1300][..], &[0xff; 500]].concat()));
        assert!(!pass(&[]));
    }

    #[test]
    fn shares_of_bad_rows_decide() {
        let judge = |rows, bad_rows, longest_bad_run, t: Thresholds| {
            t.judge(&Damage { rows, bad_rows, longest_bad_run, ended: true, ..Damage::default() })
        };
        let usual = Thresholds::default();
        assert_eq!([0, 49, 50, 149, 150].map(|bad| judge(1000, bad, bad, usual)), {
            use Verdict::{Bad, Fair, Good};
            [Good, Good, Fair, Fair, Bad]
        });
        assert_eq!(judge(0, 0, 0, usual), Verdict::Bad);
        assert_eq!(judge(1000, 6, 6, Thresholds::STRICT), Verdict::Bad);
        assert_eq!(judge(1000, 50, 5, Thresholds::STRICT), Verdict::Good);
        assert_eq!(usual.judge(&Damage { rows: 9, too_many: true, ended: true, ..Damage::default() }), Verdict::Bad);
        assert_eq!(usual.judge(&Damage { rows: 9, ..Damage::default() }), Verdict::Bad, "a page without its end was cut off");
    }
}

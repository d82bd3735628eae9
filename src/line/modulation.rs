//! The modulations of a fax modem: rates, training times, and how often each mistakes a bit at a signal-to-noise ratio.
//!
//! Standards: ITU-T V.21 channel 2, V.27ter, V.29, V.17 (rates, symbol rates, scramblers); training times as makers' service manuals print them.
//! In: a modulation, a ratio in tenths of a decibel. Out: its error rate. Left out: the signal itself (samples, constellations, echo).
//! The error curves are OURS, worked out from the standards' constellations (below), not measured. Shown by: the tests below, `docs/fax-call.md`.

use std::fmt;
use std::time::Duration;

/// How a fax modem puts bits on a line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Modulation {
    /// 300 bit/s, two tones: the frames of T.30.
    V21,
    /// 2400 bit/s, four phases, 1200 Bd.
    V27ter2400,
    /// 4800 bit/s, eight phases, 1600 Bd.
    V27ter4800,
    /// 7200 bit/s, eight points, 2400 Bd.
    V29At7200,
    /// 9600 bit/s, sixteen points, 2400 Bd.
    V29At9600,
    /// 7200 bit/s, trellis-coded, 2400 Bd.
    V17At7200,
    /// 9600 bit/s, trellis-coded, 2400 Bd.
    V17At9600,
    /// 12000 bit/s, trellis-coded, 2400 Bd.
    V17At12000,
    /// 14400 bit/s, trellis-coded, 2400 Bd.
    V17At14400,
}

/// How a modem learns the line before fast bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Training {
    /// From nothing: before a training check, and after a change of rate.
    Long,
    /// V.17's resynchronization, where both modems know the line; the other modulations have only the long one.
    Short,
}

impl Modulation {
    /// Those that carry pages, slowest first.
    pub const FAST: [Modulation; 8] = [
        Modulation::V27ter2400,
        Modulation::V27ter4800,
        Modulation::V29At7200,
        Modulation::V17At7200,
        Modulation::V29At9600,
        Modulation::V17At9600,
        Modulation::V17At12000,
        Modulation::V17At14400,
    ];

    /// Bits a second.
    pub const fn bit_rate(self) -> u32 {
        match self {
            Modulation::V21 => 300,
            Modulation::V27ter2400 => 2400,
            Modulation::V27ter4800 => 4800,
            Modulation::V29At7200 | Modulation::V17At7200 => 7200,
            Modulation::V29At9600 | Modulation::V17At9600 => 9600,
            Modulation::V17At12000 => 12_000,
            Modulation::V17At14400 => 14_400,
        }
    }
    /// Its Recommendation.
    pub const fn standard(self) -> &'static str {
        match self {
            Modulation::V21 => "V.21",
            Modulation::V27ter2400 | Modulation::V27ter4800 => "V.27ter",
            Modulation::V29At7200 | Modulation::V29At9600 => "V.29",
            Modulation::V17At7200 | Modulation::V17At9600 | Modulation::V17At12000 | Modulation::V17At14400 => "V.17",
        }
    }
    /// Time from silence to the first bit. V.27ter with protection against talker echo (215 ms more than without).
    pub const fn training(self, training: Training) -> Duration {
        Duration::from_millis(match (self, training) {
            (Modulation::V21, _) => 0,
            (Modulation::V27ter2400, _) => 1158,
            (Modulation::V27ter4800, _) => 923,
            (Modulation::V29At7200 | Modulation::V29At9600, _) => 253,
            (_, Training::Long) => 1393,
            (_, Training::Short) => 142, // 256 + 38 + 48 symbols at 2400 Bd
        })
    }
    /// Time that so many bits take.
    pub fn time(self, bits: u64) -> Duration {
        Duration::from_micros(bits.saturating_mul(1_000_000) / u64::from(self.bit_rate()))
    }
    /// How many bits later one that the line turned over turns over others, in the self-synchronizing descrambler
    /// (1 + x⁻¹⁸ + x⁻²³ of V.29 and V.17; 1 + x⁻⁶ + x⁻⁷ of V.27ter; V.21 has none).
    pub const fn echoes(self) -> &'static [usize] {
        match self {
            Modulation::V21 => &[],
            Modulation::V27ter2400 | Modulation::V27ter4800 => &[6, 7],
            _ => &[18, 23],
        }
    }
    /// Line bits mistaken, per billion, at a ratio of signal to noise in tenths of a decibel (noise over 3,100 Hz of a telephone channel).
    /// Between the table's whole decibels in a straight line.
    pub fn errors_ppb(self, snr: i32) -> u32 {
        let curve = self.curve();
        let at = |db: i32| curve.get(db.max(0) as usize).copied().unwrap_or(0);
        let (whole, tenths) = (snr.div_euclid(10), snr.rem_euclid(10) as u32);
        let (here, next) = (at(whole), at(whole + 1));
        here - (here - next) / 10 * tenths
    }
    /// Errors per billion at 0, 1, 2 … dB; none beyond the end.
    ///
    /// Ours. With g = the ratio of energy a symbol to noise density = 10^(dB/10) × 3100 Hz / symbol rate, less 2 dB for a real receiver:
    /// V.21 ½·exp(−g/2); V.27ter 2·Q(√2g · sin(π/√2M))/log₂M (M phases, differential); V.29 the union bound over the points of its
    /// figure, doubled for its differential phase; V.17 square QAM of as many data bits, 4(1−1/√M)/b · Q(√(3·g·c/(M−1))), with
    /// c = 3.3 dB for an eight-state trellis. Held at ½ and never rising.
    fn curve(self) -> &'static [u32] {
        match self {
            Modulation::V21 => &[19_195_230, 8_253_017, 2_851_774, 748_383, 138_899, 16_668, 1_155, 40, 1],
            Modulation::V27ter2400 => &[
                170_557_115,
                142_732_424,
                115_370_126,
                89_363_054,
                65_679_498,
                45_240_915,
                28_754_515,
                16_536_895,
                8_396_005,
                3_648_198,
                1_304_602,
                365_470,
                75_371,
                10_580,
                916,
                43,
                1,
            ],
            Modulation::V27ter4800 => &[
                222_730_209,
                210_187_880,
                196_487_188,
                181_624_548,
                165_641_480,
                148_641_212,
                130_807_123,
                112_420_730,
                93_874_956,
                75_675_911,
                58_424_185,
                42_766_178,
                29_310_152,
                18_513_174,
                10_564_586,
                5_311_997,
                2_280_319,
                803_152,
                220_749,
                44_449,
                6_055,
                505,
                23,
            ],
            Modulation::V29At7200 => &[
                500_000_000,
                500_000_000,
                500_000_000,
                500_000_000,
                463_836_147,
                370_159_949,
                286_961_199,
                215_066_503,
                154_677_732,
                105_591_044,
                67_393_383,
                39_452_481,
                20_701_782,
                9_476_298,
                3_663_730,
                1_150_444,
                279_745,
                49_686,
                5_992,
                446,
                18,
            ],
            Modulation::V29At9600 => &[
                500_000_000,
                500_000_000,
                500_000_000,
                500_000_000,
                500_000_000,
                500_000_000,
                500_000_000,
                465_415_793,
                361_231_335,
                273_276_984,
                200_799_435,
                142_645_644,
                97_368_358,
                63_317_096,
                38_754_920,
                21_964_084,
                11_283_839,
                5_115_670,
                1_978_653,
                625_859,
                153_642,
                27_450,
                3_295,
                240,
                9,
            ],
            Modulation::V17At7200 => &[
                167_002_159,
                143_188_933,
                119_222_694,
                95_770_276,
                73_616_741,
                53_598_504,
                36_490_757,
                22_859_119,
                12_911_160,
                6_409_098,
                2_707_476,
                934_624,
                250_490,
                48_867,
                6_397,
                507,
                21,
            ],
            Modulation::V17At9600 => &[
                208_115_118,
                190_404_119,
                171_516_239,
                151_636_139,
                131_054_686,
                110_185_591,
                89_571_058,
                69_866_747,
                51_795_232,
                36_060_281,
                23_225_275,
                13_579_212,
                7_037_741,
                3_137_724,
                1_158_798,
                338_008,
                73_333,
                10_971,
                1_029,
                54,
                1,
            ],
            Modulation::V17At12000 => &[
                224_358_269,
                212_386_952,
                199_281_185,
                185_024_472,
                169_639_447,
                153_203_306,
                135_865_533,
                117_866_206,
                99_551_487,
                81_380_550,
                63_915_774,
                47_786_661,
                33_619_971,
                21_936_958,
                13_035_165,
                6_893_479,
                3_151_894,
                1_201_364,
                364_569,
                83_123,
                13_237,
                1_343,
                77,
                2,
            ],
            Modulation::V17At14400 => &[
                225_548_643,
                217_742_885,
                209_090_042,
                199_528_190,
                189_003_422,
                177_476_128,
                164_929_445,
                151_380_186,
                136_892_316,
                121_592_528,
                105_686_504,
                89_472_993,
                73_350_789,
                57_811_537,
                43_409_924,
                30_704_302,
                20_167_656,
                12_082_984,
                6_455_922,
                2_989_968,
                1_158_104,
                358_591,
                83_852,
                13_783,
                1_455,
                88,
                3,
            ],
        }
    }
}

impl fmt::Display for Modulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.standard(), self.bit_rate())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_better_line_never_errs_more_and_a_slower_rate_of_one_standard_never_does() {
        for m in Modulation::FAST.into_iter().chain([Modulation::V21]) {
            for snr in -50..500 {
                assert!(m.errors_ppb(snr) >= m.errors_ppb(snr + 1), "{m} at {snr}");
            }
            assert_eq!(m.errors_ppb(400), 0, "{m}");
        }
        for (slow, fast) in Modulation::FAST.iter().flat_map(|a| Modulation::FAST.iter().map(move |b| (*a, *b))) {
            if slow.standard() == fast.standard() && slow.bit_rate() < fast.bit_rate() {
                assert!((60..300).all(|snr| slow.errors_ppb(snr) <= fast.errors_ppb(snr)), "{slow} and {fast}");
            }
        }
    }

    #[test]
    fn between_whole_decibels_the_curve_is_straight() {
        let m = Modulation::V17At14400;
        assert_eq!([m.errors_ppb(200), m.errors_ppb(210)], [1_158_104, 358_591]);
        assert_eq!(m.errors_ppb(205), 1_158_104 - 79_951 * 5);
    }

    #[test]
    fn times_are_those_of_the_standards() {
        assert_eq!(Modulation::V21.time(300), Duration::from_secs(1));
        assert_eq!(Modulation::V17At14400.time(21_600), Duration::from_millis(1500));
        assert_eq!(Modulation::V29At9600.training(Training::Short), Duration::from_millis(253), "V.29 has no short training");
    }
}

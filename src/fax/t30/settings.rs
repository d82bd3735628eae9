//! How pages are sent: the field of a DCS, and how it is chosen.
//!
//! Standards: ITU-T T.30 table 2, by bit number; annex A.4.1 (CTC); T.4 4.2 (the K of MR), 4.1.3 (least time of a row).
//! In: what both stations can, a page, wishes; or octets of a field. Out: [`Settings`]; or why not, in a sentence.
//! Left out: what is not in `capabilities`. Shown by: the tests below, `docs/fax-call.md`.

use super::capabilities::{Capabilities, Field, FrameSize, LENGTH, RATE, SCAN, ScanTime, WIDTH, Width};
use crate::fax::code::Coding;
use crate::line::Modulation;
use crate::paper::Resolution;

/// How pages are sent: what a DCS says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Bits 11 to 14.
    pub modulation: Modulation,
    /// Bits 17 and 18.
    pub width: Width,
    /// Bits 15 and 41.
    pub resolution: Resolution,
    /// Bits 16 and 31. `k` is the sender's; it is not in the DCS.
    pub coding: Coding,
    /// Bits 27 and 28.
    pub correction: Option<FrameSize>,
    /// Bits 21 to 23: least time of a row in milliseconds; 0 with correction.
    pub scan_ms: u8,
}

/// Rows at most from one coded by itself to the next (T.4 4.2): 2 at standard resolution, 4 at fine, 8 at 391 an inch.
fn k(resolution: Resolution) -> u32 {
    match resolution {
        Resolution::STANDARD => 2,
        Resolution::FINE => 4,
        _ => 8,
    }
}

/// What a sender would like, within what both can.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wishes {
    /// No faster than this.
    pub fastest: Modulation,
    /// Frames with correction, where both can.
    pub correction: Option<FrameSize>,
    /// Nothing better than this: MH, MR, MMR.
    pub best_coding: Coding,
}

impl Default for Wishes {
    fn default() -> Self {
        Wishes { fastest: Modulation::V17At14400, correction: Some(FrameSize::Large), best_coding: Coding::Mmr }
    }
}

impl Settings {
    /// What a page of this width and resolution is sent with, between two stations that both can `both`; why it cannot.
    pub fn choose(both: &Capabilities, wishes: Wishes, pels: usize, resolution: Resolution) -> Result<Settings, String> {
        let width = Width::of(pels).ok_or_else(|| format!("rows of {pels} pels; a fax has 1728, 2048 or 2432"))?;
        if width > both.width {
            return Err(format!("rows of {pels} pels; the far end takes {} at most", both.width.pels()));
        }
        let has = match resolution {
            Resolution::STANDARD => true,
            Resolution::FINE => both.fine,
            Resolution::SUPERFINE => both.superfine,
            Resolution { x, y } => return Err(format!("{x} x {y} pels an inch; a fax here has 204 x 98, 204 x 196 or 204 x 391")),
        };
        if !has {
            return Err(format!("{} rows an inch, which the far end cannot print", resolution.y));
        }
        let correction = wishes.correction.filter(|_| both.correction);
        let coding = match wishes.best_coding {
            Coding::Mmr if correction.is_some() && both.mmr => Coding::Mmr,
            Coding::Mmr | Coding::Mr { .. } if both.mr => Coding::Mr { k: k(resolution) },
            Coding::Mmr | Coding::Mr { .. } | Coding::Mh => Coding::Mh,
        };
        let scan_ms = if correction.is_some() { 0 } else { both.scan.at(resolution) };
        Ok(Settings { modulation: both.fastest(wishes.fastest), width, resolution, coding, correction, scan_ms })
    }

    /// The field of a DCS.
    pub fn encode(&self) -> Vec<u8> {
        let mut f = Field::default();
        f.set(10, true);
        f.set_all(RATE, rate_bits(self.modulation));
        f.set(15, self.resolution == Resolution::FINE);
        f.set(16, matches!(self.coding, Coding::Mr { .. }));
        f.set_all(
            WIDTH,
            match self.width {
                Width::A4 => [0, 0],
                Width::A3 => [0, 1],
                Width::B4 => [1, 0],
            },
        );
        f.set_all(LENGTH, [0, 1]);
        f.set_all(SCAN, ScanTime { standard: self.scan_ms, ..ScanTime::NONE }.bits());
        f.set(27, self.correction.is_some());
        f.set(28, self.correction == Some(FrameSize::Small));
        f.set(31, self.coding == Coding::Mmr);
        f.set(41, self.resolution == Resolution::SUPERFINE);
        f.finish()
    }
    /// The field of a CTC: the rate, in the places it has in a DCS (annex A.4.1).
    pub fn rate_field(modulation: Modulation) -> Vec<u8> {
        let mut f = Field::default();
        f.set(10, true);
        f.set_all(RATE, rate_bits(modulation));
        f.0.resize(2, 0);
        f.0
    }
    /// The rate of a DCS or CTC.
    pub fn rate(octets: &[u8]) -> Option<Modulation> {
        let bits = Field(octets.to_vec()).bits(RATE);
        Modulation::FAST.into_iter().find(|m| rate_bits(*m) == bits)
    }
    /// Reads the field of a DCS; why it cannot be followed by a station that offered `offered`.
    pub fn decode(octets: &[u8], offered: &Capabilities) -> Result<Settings, String> {
        let f = Field::read(octets);
        let modulation = Settings::rate(octets).ok_or_else(|| format!("a rate of no meaning ({:?})", f.bits(RATE)))?;
        if !offered.has(modulation) {
            return Err(format!("{modulation}, which was not offered"));
        }
        let correction = f.bit(27).then_some(if f.bit(28) { FrameSize::Small } else { FrameSize::Large });
        let (width, resolution) = (Settings::width(&f)?, Settings::resolution(&f));
        let coding = match (f.bit(31), f.bit(16)) {
            (true, _) => Coding::Mmr,
            (false, true) => Coding::Mr { k: k(resolution) },
            (false, false) => Coding::Mh,
        };
        let not_offered = [
            (correction.is_some() && !offered.correction, "correction"),
            (width > offered.width, "that width"),
            (resolution == Resolution::FINE && !offered.fine, "196 rows an inch"),
            (resolution == Resolution::SUPERFINE && !offered.superfine, "391 rows an inch"),
            (coding == Coding::Mmr && !offered.mmr, "T.6 coding"),
            (matches!(coding, Coding::Mr { .. }) && !offered.mr, "two-dimensional coding"),
        ];
        if let Some((_, what)) = not_offered.iter().find(|(asked, _)| *asked) {
            return Err(format!("{what}, which was not offered"));
        }
        if coding == Coding::Mmr && correction.is_none() {
            return Err("T.6 coding without correction".into());
        }
        let scan_ms = ScanTime::of(f.bits(SCAN), false).standard;
        Ok(Settings { modulation, width, resolution, coding, correction, scan_ms })
    }
    fn width(f: &Field) -> Result<Width, String> {
        match f.bits(WIDTH) {
            [0, 0] => Ok(Width::A4),
            [1, 0] => Ok(Width::B4),
            [0, 1] => Ok(Width::A3),
            _ => Err("a width of no meaning".into()),
        }
    }
    fn resolution(f: &Field) -> Resolution {
        match (f.bit(41), f.bit(15)) {
            (true, _) => Resolution::SUPERFINE,
            (false, true) => Resolution::FINE,
            (false, false) => Resolution::STANDARD,
        }
    }
    /// Fewest bits of a coded row (T.4 4.1.3); 0 with correction.
    pub fn least_bits(&self) -> u32 {
        match self.correction {
            Some(_) => 0,
            None => (self.modulation.bit_rate() * u32::from(self.scan_ms)).div_ceil(1000),
        }
    }
}

/// Bits 11 to 14 of a DCS.
fn rate_bits(modulation: Modulation) -> [u8; 4] {
    match modulation {
        Modulation::V21 | Modulation::V27ter2400 => [0, 0, 0, 0],
        Modulation::V27ter4800 => [0, 1, 0, 0],
        Modulation::V29At9600 => [1, 0, 0, 0],
        Modulation::V29At7200 => [1, 1, 0, 0],
        Modulation::V17At14400 => [0, 0, 0, 1],
        Modulation::V17At12000 => [0, 1, 0, 1],
        Modulation::V17At9600 => [1, 0, 0, 1],
        Modulation::V17At7200 => [1, 1, 0, 1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_reads_back() {
        for modulation in Modulation::FAST {
            for (coding, correction) in
                [(Coding::Mh, None), (Coding::Mr { k: 4 }, Some(FrameSize::Small)), (Coding::Mmr, Some(FrameSize::Large))]
            {
                for (width, scan_ms) in [(Width::A4, 0), (Width::B4, 20), (Width::A3, 40)] {
                    let s = Settings { modulation, width, resolution: Resolution::FINE, coding, correction, scan_ms };
                    assert_eq!(Settings::decode(&s.encode(), &Capabilities::OURS), Ok(s));
                }
            }
            assert_eq!(Settings::rate(&Settings::rate_field(modulation)), Some(modulation));
        }
    }

    #[test]
    fn what_was_not_offered_is_refused_by_name() {
        let all = Settings::choose(&Capabilities::OURS, Wishes::default(), 2432, Resolution::SUPERFINE).unwrap();
        assert_eq!((all.coding, all.modulation), (Coding::Mmr, Modulation::V17At14400));
        let refuse = |offered: Capabilities| Settings::decode(&all.encode(), &offered).unwrap_err();
        let ours = Capabilities::OURS;
        assert_eq!(refuse(Capabilities { v17: false, ..ours.clone() }), "V.17 14400, which was not offered");
        assert_eq!(refuse(Capabilities { correction: false, ..ours.clone() }), "correction, which was not offered");
        assert_eq!(refuse(Capabilities { width: Width::B4, ..ours.clone() }), "that width, which was not offered");
        assert_eq!(refuse(Capabilities { superfine: false, ..ours.clone() }), "391 rows an inch, which was not offered");
        assert_eq!(refuse(Capabilities { mmr: false, ..ours.clone() }), "T.6 coding, which was not offered");
        let mut bare = all.encode();
        bare[3] &= !4; // bit 27
        assert_eq!(Settings::decode(&bare, &ours).unwrap_err(), "T.6 coding without correction");
    }

    #[test]
    fn what_cannot_be_printed_there_is_not_sent() {
        let old = Capabilities { width: Width::A4, fine: false, superfine: false, ..Capabilities::OURS };
        let choose = |pels, resolution| Settings::choose(&old, Wishes::default(), pels, resolution).unwrap_err();
        assert_eq!(choose(2432, Resolution::STANDARD), "rows of 2432 pels; the far end takes 1728 at most");
        assert_eq!(choose(1728, Resolution::FINE), "196 rows an inch, which the far end cannot print");
        assert_eq!(choose(1000, Resolution::FINE), "rows of 1000 pels; a fax has 1728, 2048 or 2432");
    }

    #[test]
    fn a_slow_printer_gets_rows_no_faster_than_it_prints() {
        let slow = Capabilities { scan: ScanTime::of([1, 1, 0], false), correction: false, ..Capabilities::OURS };
        let at = |r| Settings::choose(&slow, Wishes::default(), 1728, r).unwrap();
        assert_eq!((at(Resolution::STANDARD).scan_ms, at(Resolution::STANDARD).least_bits()), (20, 288));
        assert_eq!((at(Resolution::FINE).scan_ms, at(Resolution::FINE).least_bits()), (10, 144));
    }
}

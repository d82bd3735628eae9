//! What a station can do (DIS), and how pages will be sent (DCS).
//!
//! Standards: ITU-T T.30 table 2, by bit number; bit 1 is on the line first, bits that are not sent are 0.
//! In: octets of an information field. Out: [`Capabilities`], [`Settings`]; and back. The choice is [`Settings::choose`].
//! Left out: polling, 300 and 408 pels an inch, colour, binary files, 2400 bit/s frames, V.33, V.34. Shown by: the tests below, `docs/fax-call.md`.

use crate::fax::code::Coding;
use crate::line::Modulation;
use crate::paper::Resolution;

/// Bits of a field, numbered from 1.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Field(Vec<u8>);

impl Field {
    fn bit(&self, n: usize) -> bool {
        self.0.get((n - 1) / 8).is_some_and(|o| o >> ((n - 1) % 8) & 1 == 1)
    }
    fn bits<const N: usize>(&self, numbers: [usize; N]) -> [u8; N] {
        numbers.map(|n| u8::from(self.bit(n)))
    }
    fn set(&mut self, n: usize, on: bool) {
        if on {
            if self.0.len() <= (n - 1) / 8 {
                self.0.resize((n - 1) / 8 + 1, 0);
            }
            self.0[(n - 1) / 8] |= 1 << ((n - 1) % 8);
        }
    }
    fn set_all<const N: usize>(&mut self, numbers: [usize; N], to: [u8; N]) {
        numbers.into_iter().zip(to).for_each(|(n, on)| self.set(n, on == 1));
    }
    /// At least 24 bits; from bit 24 on the last of an octet says that another follows (table 2 note 4).
    fn finish(mut self) -> Vec<u8> {
        self.0.resize(self.0.len().max(3), 0);
        (3..self.0.len()).for_each(|octet| self.set(octet * 8, true));
        self.0
    }
    /// Without what lies behind an octet that does not say another follows.
    fn read(octets: &[u8]) -> Field {
        let end = (2..octets.len()).find(|i| octets[*i] & 0x80 == 0).map_or(octets.len(), |i| i + 1);
        Field(octets[..end].to_vec())
    }
}

const RATE: [usize; 4] = [11, 12, 13, 14];
const WIDTH: [usize; 2] = [17, 18];
const LENGTH: [usize; 2] = [19, 20];
const SCAN: [usize; 3] = [21, 22, 23];

/// Widths of a row at 204 pels an inch (T.4 2.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Width {
    /// 215 mm, 1728 pels.
    A4,
    /// 255 mm, 2048 pels.
    B4,
    /// 303 mm, 2432 pels.
    A3,
}

impl Width {
    /// Pels of a row.
    pub const fn pels(self) -> usize {
        match self {
            Width::A4 => 1728,
            Width::B4 => 2048,
            Width::A3 => 2432,
        }
    }
    /// The width of so many pels.
    pub fn of(pels: usize) -> Option<Width> {
        [Width::A4, Width::B4, Width::A3].into_iter().find(|w| w.pels() == pels)
    }
}

/// Time a printer needs for a row, in milliseconds: at 98 rows an inch, at 196 and at 391.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ScanTime {
    /// 0, 5, 10, 20 or 40.
    pub standard: u8,
    /// Whether it is half of that at 196 rows an inch. (Not with 0 or 5.)
    pub fine_half: bool,
    /// Whether it is half of the time at 196 at 391 rows an inch.
    pub superfine_half: bool,
}

impl ScanTime {
    /// A printer that keeps up with anything.
    pub const NONE: ScanTime = ScanTime { standard: 0, fine_half: false, superfine_half: false };
    /// At a resolution.
    pub fn at(self, resolution: Resolution) -> u8 {
        let fine = if self.fine_half { self.standard / 2 } else { self.standard };
        match resolution {
            Resolution::STANDARD => self.standard,
            Resolution::FINE => fine,
            _ if self.superfine_half => fine / 2,
            _ => fine,
        }
    }
    fn of(bits: [u8; 3], superfine_half: bool) -> ScanTime {
        let (standard, fine_half) = match bits {
            [0, 0, 0] => (20, false),
            [0, 0, 1] => (40, false),
            [0, 1, 0] => (10, false),
            [1, 0, 0] => (5, false),
            [0, 1, 1] => (10, true),
            [1, 1, 0] => (20, true),
            [1, 0, 1] => (40, true),
            _ => (0, false),
        };
        ScanTime { standard, fine_half, superfine_half }
    }
    fn bits(self) -> [u8; 3] {
        match (self.standard, self.fine_half) {
            (20, false) => [0, 0, 0],
            (40, false) => [0, 0, 1],
            (10, false) => [0, 1, 0],
            (5, _) => [1, 0, 0],
            (10, true) => [0, 1, 1],
            (20, true) => [1, 1, 0],
            (40, true) => [1, 0, 1],
            _ => [1, 1, 1],
        }
    }
}

/// Octets of a page in a frame (DCS bit 28, annex A).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FrameSize {
    /// 64.
    Small,
    /// 256.
    Large,
}

impl FrameSize {
    /// In octets.
    pub const fn octets(self) -> usize {
        match self {
            FrameSize::Small => 64,
            FrameSize::Large => 256,
        }
    }
}

/// What a station can receive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Capabilities {
    /// Bit 10: that it receives fax at all.
    pub receives: bool,
    /// Bit 9: that it has something to be polled.
    pub sends: bool,
    /// Bits 11 to 14: V.27ter at 4800 (all have 2400), V.29, V.17.
    pub v27ter: bool,
    /// 9600 and 7200.
    pub v29: bool,
    /// 14400, 12000, 9600 and 7200.
    pub v17: bool,
    /// Bit 15: 196 rows an inch.
    pub fine: bool,
    /// Bit 41: 391 rows an inch.
    pub superfine: bool,
    /// Bit 16.
    pub mr: bool,
    /// Bit 31. Only with correction.
    pub mmr: bool,
    /// Bit 27.
    pub correction: bool,
    /// Bits 17 and 18: the widest row.
    pub width: Width,
    /// Bits 19 and 20: pages longer than the paper.
    pub unlimited: bool,
    /// Bits 21 to 23, 46.
    pub scan: ScanTime,
    /// Bit 49: that it takes a sub-address.
    pub sub: bool,
    /// Bit 50: that it takes a sender's password.
    pub password: bool,
}

impl Capabilities {
    /// All that a station of ours has.
    pub const OURS: Capabilities = Capabilities {
        receives: true,
        sends: false,
        v27ter: true,
        v29: true,
        v17: true,
        fine: true,
        superfine: true,
        mr: true,
        mmr: true,
        correction: true,
        width: Width::A3,
        unlimited: true,
        scan: ScanTime::NONE,
        sub: true,
        password: false,
    };

    /// The field of a DIS.
    pub fn encode(&self) -> Vec<u8> {
        let mut f = Field::default();
        f.set(9, self.sends);
        f.set(10, self.receives);
        f.set_all(
            RATE,
            match (self.v27ter, self.v29, self.v17) {
                (false, false, _) => [0, 0, 0, 0],
                (true, false, _) => [0, 1, 0, 0],
                (false, true, _) => [1, 0, 0, 0],
                (true, true, false) => [1, 1, 0, 0],
                (true, true, true) => [1, 1, 0, 1],
            },
        );
        f.set(15, self.fine);
        f.set(16, self.mr);
        f.set_all(
            WIDTH,
            match self.width {
                Width::A4 => [0, 0],
                Width::A3 => [0, 1],
                Width::B4 => [1, 0],
            },
        );
        f.set_all(LENGTH, if self.unlimited { [0, 1] } else { [0, 0] });
        f.set_all(SCAN, self.scan.bits());
        f.set(27, self.correction);
        f.set(31, self.correction && self.mmr);
        f.set(41, self.superfine);
        f.set(46, self.scan.superfine_half);
        f.set(49, self.sub);
        f.set(50, self.password);
        f.finish()
    }
    /// Reads the field of a DIS or DTC. Bits that mean nothing to us are passed over.
    pub fn decode(octets: &[u8]) -> Capabilities {
        let f = Field::read(octets);
        // Rows that table 2 leaves unused are read as 2400 bit/s, which every station has.
        let (v27ter, v29, v17) = match f.bits(RATE) {
            [0, 1, 0, 0] => (true, false, false),
            [1, 0, 0, 0] => (false, true, false),
            [1, 1, 0, 0] | [1, 1, 1, 0] => (true, true, false), // the second has V.33 besides
            [1, 1, 0, 1] => (true, true, true),
            _ => (false, false, false),
        };
        Capabilities {
            receives: f.bit(10),
            sends: f.bit(9),
            v27ter,
            v29,
            v17,
            fine: f.bit(15),
            superfine: f.bit(41),
            mr: f.bit(16),
            correction: f.bit(27),
            mmr: f.bit(27) && f.bit(31),
            width: match f.bits(WIDTH) {
                [1, 0] => Width::B4,
                [0, 1] | [1, 1] => Width::A3, // 1,1 is invalid; of 1984 on it is to be read as 0,1 (note 5)
                _ => Width::A4,
            },
            unlimited: f.bits(LENGTH) == [0, 1],
            scan: ScanTime::of(f.bits(SCAN), f.bit(46)),
            sub: f.bit(49),
            password: f.bit(50),
        }
    }
    /// Whether it can use a modulation.
    pub fn has(&self, modulation: Modulation) -> bool {
        match modulation {
            Modulation::V21 => false,
            Modulation::V27ter2400 => true,
            Modulation::V27ter4800 => self.v27ter,
            Modulation::V29At7200 | Modulation::V29At9600 => self.v29,
            Modulation::V17At7200 | Modulation::V17At9600 | Modulation::V17At12000 | Modulation::V17At14400 => self.v17,
        }
    }
    /// What both can.
    pub fn both(&self, other: &Capabilities) -> Capabilities {
        Capabilities {
            receives: other.receives,
            sends: other.sends,
            v27ter: self.v27ter && other.v27ter,
            v29: self.v29 && other.v29,
            v17: self.v17 && other.v17,
            fine: self.fine && other.fine,
            superfine: self.superfine && other.superfine,
            mr: self.mr && other.mr,
            mmr: self.mmr && other.mmr,
            correction: self.correction && other.correction,
            width: self.width.min(other.width),
            unlimited: self.unlimited && other.unlimited,
            scan: other.scan,
            sub: self.sub && other.sub,
            password: self.password && other.password,
        }
    }
    /// The fastest modulation, of those not faster than `most`. V.17 before V.29, which errs more.
    pub fn fastest(&self, most: Modulation) -> Modulation {
        let fits = |m: &&Modulation| self.has(**m) && m.bit_rate() <= most.bit_rate();
        Modulation::FAST.iter().rev().find(fits).copied().unwrap_or(Modulation::V27ter2400)
    }
    /// The next slower one (a rate is not tried in two modulations); none below 2400.
    pub fn slower(&self, than: Modulation) -> Option<Modulation> {
        Modulation::FAST.iter().rev().find(|m| self.has(**m) && m.bit_rate() < than.bit_rate()).copied()
    }
}

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
    fn what_a_station_can_do_reads_back() {
        let plain = Capabilities { mmr: false, correction: false, sub: false, superfine: false, ..Capabilities::OURS };
        let old = Capabilities { v17: false, v29: false, fine: false, mr: false, width: Width::A4, unlimited: false, ..plain.clone() };
        for c in [Capabilities::OURS, plain, old] {
            assert_eq!(Capabilities::decode(&c.encode()), c);
        }
        assert_eq!(Capabilities::OURS.encode(), [0x00, 0xee, 0xfa, 0xc4, 0x80, 0x81, 0x01], "bit by bit in docs/fax-call.md");
    }

    #[test]
    fn a_field_published_with_a_makers_trace_is_read_as_it_means() {
        // Fuji Xerox DC SC2020 service manual, 6.6.4.1: "DIS FIF = 20EEFAC4801F".
        let c = Capabilities::decode(&[0x20, 0xee, 0xfa, 0xc4, 0x80, 0x1f]);
        assert!(c.v17 && c.v29 && c.v27ter && c.fine && c.mr && c.mmr && c.correction && c.unlimited && c.superfine);
        assert_eq!((c.width, c.scan.at(Resolution::STANDARD), c.sub), (Width::A3, 0, false));
    }

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
    fn the_ladder_goes_down_one_rate_at_a_time() {
        let ladder = |c: Capabilities| {
            let mut all = vec![c.fastest(Modulation::V17At14400)];
            while let Some(next) = c.slower(all[all.len() - 1]) {
                all.push(next);
            }
            all.iter().map(|m| m.to_string()).collect::<Vec<_>>().join(", ")
        };
        let ours = Capabilities::OURS;
        assert_eq!(ladder(ours.clone()), "V.17 14400, V.17 12000, V.17 9600, V.17 7200, V.27ter 4800, V.27ter 2400");
        assert_eq!(ladder(Capabilities { v17: false, ..ours.clone() }), "V.29 9600, V.29 7200, V.27ter 4800, V.27ter 2400");
        assert_eq!(ladder(Capabilities { v17: false, v29: false, v27ter: false, ..ours }), "V.27ter 2400");
    }

    #[test]
    fn a_slow_printer_gets_rows_no_faster_than_it_prints() {
        let slow = Capabilities { scan: ScanTime::of([1, 1, 0], false), correction: false, ..Capabilities::OURS };
        let at = |r| Settings::choose(&slow, Wishes::default(), 1728, r).unwrap();
        assert_eq!((at(Resolution::STANDARD).scan_ms, at(Resolution::STANDARD).least_bits()), (20, 288));
        assert_eq!((at(Resolution::FINE).scan_ms, at(Resolution::FINE).least_bits()), (10, 144));
    }
}

//! What a station can do: the field of a DIS.
//!
//! Standards: ITU-T T.30 table 2, by bit number; bit 1 is on the line first, bits that are not sent are 0.
//! In: octets of an information field. Out: [`Capabilities`]; and back. What is made of them is `settings`.
//! Left out: polling, 300 and 408 pels an inch, colour, binary files, 2400 bit/s frames, V.33, V.34. Shown by: the tests below, `docs/fax-call.md`.

use crate::line::Modulation;
use crate::paper::Resolution;

/// Bits of a field, numbered from 1.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Field(pub(super) Vec<u8>);

impl Field {
    pub(super) fn bit(&self, n: usize) -> bool {
        self.0.get((n - 1) / 8).is_some_and(|o| o >> ((n - 1) % 8) & 1 == 1)
    }
    pub(super) fn bits<const N: usize>(&self, numbers: [usize; N]) -> [u8; N] {
        numbers.map(|n| u8::from(self.bit(n)))
    }
    pub(super) fn set(&mut self, n: usize, on: bool) {
        if on {
            if self.0.len() <= (n - 1) / 8 {
                self.0.resize((n - 1) / 8 + 1, 0);
            }
            self.0[(n - 1) / 8] |= 1 << ((n - 1) % 8);
        }
    }
    pub(super) fn set_all<const N: usize>(&mut self, numbers: [usize; N], to: [u8; N]) {
        numbers.into_iter().zip(to).for_each(|(n, on)| self.set(n, on == 1));
    }
    /// At least 24 bits; from bit 24 on the last of an octet says that another follows (table 2 note 4).
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.0.resize(self.0.len().max(3), 0);
        (3..self.0.len()).for_each(|octet| self.set(octet * 8, true));
        self.0
    }
    /// Without what lies behind an octet that does not say another follows.
    pub(super) fn read(octets: &[u8]) -> Field {
        let end = (2..octets.len()).find(|i| octets[*i] & 0x80 == 0).map_or(octets.len(), |i| i + 1);
        Field(octets[..end].to_vec())
    }
}

pub(super) const RATE: [usize; 4] = [11, 12, 13, 14];
pub(super) const WIDTH: [usize; 2] = [17, 18];
pub(super) const LENGTH: [usize; 2] = [19, 20];
pub(super) const SCAN: [usize; 3] = [21, 22, 23];

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
            // A DCS can say no half of 5 ms: then it is 5, and the printer has time to spare.
            _ if self.superfine_half && fine != 5 => fine / 2,
            _ => fine,
        }
    }
    pub(super) fn of(bits: [u8; 3], superfine_half: bool) -> ScanTime {
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
    pub(super) fn bits(self) -> [u8; 3] {
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
}

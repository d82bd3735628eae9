//! IFP packets: what one end of a fax call tells the other over IP: an indicator, or data of a modulation in typed fields.
//!
//! Standard: ITU-T T.38 7 and annex A, in aligned PER. Two syntaxes are about: that of 06/1998 (versions 0 and 1) and that of 2002 (from version 2),
//! whose list of field types may grow and so has a bit more; nothing in a packet tells which it is. In: octets. Out: [`Ifp`]; and back.
//! V.8, V.33 and V.34 are read and kept as numbers. Octets of fields are in T.38's order: the first bit of the line is the highest. Shown by: the tests below.

use super::per::{Flaw, Reader, Writer};
use crate::line::{Modulation, Training};
use std::fmt;

/// Octets of the longest IFP packet that is taken.
pub const LONGEST: usize = 2048;

/// Which list of field types.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Syntax {
    /// Of 1998: T.38 version 0 (which is meant where none is said) and 1.
    #[default]
    Of1998,
    /// Of 2002: from version 2.
    Of2002,
}

/// An IFP packet.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Ifp {
    /// What the far end's line is at now.
    Indicator(Indicator),
    /// What is on it.
    Data(Carried, Vec<Field>),
}

/// `t30-indicator`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Indicator {
    /// Silence.
    NoSignal,
    /// The tone of a calling station.
    Cng,
    /// The tone of a called station.
    Ced,
    /// Flags of V.21.
    V21Preamble,
    /// A fast modem trains.
    Training(Modulation, Training),
    /// V.8, V.33, V.34, or later: its number.
    Other(u8),
}

/// `t30-data`: what carries the data.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Carried {
    /// One of ours.
    By(Modulation),
    /// V.8, V.33, V.34, or later: its number.
    Other(u8),
}

/// A field of data; without octets they are left out.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Field {
    /// What it is.
    pub kind: FieldKind,
    /// What it holds.
    pub octets: Vec<u8>,
}

/// `field-type`, in the order of the standard.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FieldKind {
    /// Octets of a frame.
    Hdlc,
    /// The carrier goes.
    SigEnd,
    /// A frame ends, and its check fits.
    FcsOk,
    /// A frame ends, and its check does not fit.
    FcsBad,
    /// A good frame and the carrier end.
    FcsOkSigEnd,
    /// A bad frame and the carrier end.
    FcsBadSigEnd,
    /// Bits of a page or a training check.
    NonEcm,
    /// Bits, and the carrier goes after them.
    NonEcmSigEnd,
    /// CM, JM, CI, the rate of V.34, or later: its number.
    Other(u8),
}

/// `t30-data` and, from 4 on, the trainings: in the order of the standard.
const CARRIERS: [Modulation; 9] = [
    Modulation::V21,
    Modulation::V27ter2400,
    Modulation::V27ter4800,
    Modulation::V29At7200,
    Modulation::V29At9600,
    Modulation::V17At7200,
    Modulation::V17At9600,
    Modulation::V17At12000,
    Modulation::V17At14400,
];
const KINDS: [FieldKind; 8] = [
    FieldKind::Hdlc,
    FieldKind::SigEnd,
    FieldKind::FcsOk,
    FieldKind::FcsBad,
    FieldKind::FcsOkSigEnd,
    FieldKind::FcsBadSigEnd,
    FieldKind::NonEcm,
    FieldKind::NonEcmSigEnd,
];
/// Where the lists of the first syntax end.
const INDICATORS: u8 = 16;

impl Indicator {
    /// Its number in the standard's list. V.17 has two trainings, short and long; the others one.
    fn number(self) -> u8 {
        match self {
            Indicator::NoSignal => 0,
            Indicator::Cng => 1,
            Indicator::Ced => 2,
            Indicator::V21Preamble | Indicator::Training(Modulation::V21, _) => 3,
            Indicator::Training(modulation, training) => {
                let place = CARRIERS.iter().position(|m| *m == modulation).unwrap_or_default() as u8; // all are in it
                match place {
                    0..=4 => 3 + place,
                    _ => 8 + (place - 5) * 2 + u8::from(training == Training::Long),
                }
            }
            Indicator::Other(n) => n,
        }
    }
    fn of(number: u8) -> Indicator {
        match number {
            0 => Indicator::NoSignal,
            1 => Indicator::Cng,
            2 => Indicator::Ced,
            3 => Indicator::V21Preamble,
            4..=7 => Indicator::Training(CARRIERS[usize::from(number) - 3], Training::Long),
            8..INDICATORS => {
                let training = if number.is_multiple_of(2) { Training::Short } else { Training::Long };
                Indicator::Training(CARRIERS[5 + (usize::from(number) - 8) / 2], training)
            }
            _ => Indicator::Other(number),
        }
    }
}

impl Field {
    /// A field.
    pub fn new(kind: FieldKind, octets: impl Into<Vec<u8>>) -> Field {
        Field { kind, octets: octets.into() }
    }
}

impl FieldKind {
    fn number(self) -> u8 {
        match self {
            FieldKind::Other(n) => n,
            kind => KINDS.iter().position(|k| *k == kind).unwrap_or_default() as u8, // all are in it
        }
    }
}

impl Ifp {
    /// As octets. A field of a kind that the first syntax has not is left out there.
    pub fn encode(&self, syntax: Syntax) -> Vec<u8> {
        let mut out = Writer::default();
        match self {
            Ifp::Indicator(indicator) => {
                out.bits(2, 0b00); // no data, an indicator
                out.growing(4, INDICATORS, indicator.number());
            }
            Ifp::Data(carried, fields) => {
                let known = |f: &&Field| syntax == Syntax::Of2002 || usize::from(f.kind.number()) < KINDS.len();
                let fields: Vec<&Field> = fields.iter().filter(known).collect();
                out.bits(2, 0b11); // data follow, data
                let number = match carried {
                    Carried::By(m) => CARRIERS.iter().position(|c| c == m).unwrap_or_default() as u8,
                    Carried::Other(n) => *n,
                };
                out.growing(4, CARRIERS.len() as u8, number);
                out.length(fields.len());
                fields.iter().for_each(|f| f.encode(syntax, &mut out));
            }
        }
        out.finish()
    }
    /// From octets. What cannot be read is said in a few words.
    pub fn decode(octets: &[u8], syntax: Syntax) -> Result<Ifp, Flaw> {
        if octets.len() > LONGEST {
            return Err("it is longer than any that is taken");
        }
        let mut from = Reader::new(octets);
        let (with_data, data) = (from.bit()?, from.bit()?);
        let root = if data { CARRIERS.len() as u8 } else { INDICATORS };
        let number = from.growing(4, root)?;
        let fields = if with_data { Field::decode_all(&mut from, syntax)? } else { vec![] };
        if !from.at_end() {
            return Err("octets are left over");
        }
        Ok(match data {
            false => Ifp::Indicator(Indicator::of(number)),
            true => Ifp::Data(CARRIERS.get(usize::from(number)).map_or(Carried::Other(number), |m| Carried::By(*m)), fields),
        })
    }
}

impl Field {
    fn encode(&self, syntax: Syntax, out: &mut Writer) {
        // Lengths from 1 to 65,535 are written less one, in 16 bits.
        let octets = &self.octets[..self.octets.len().min(LONGEST)];
        out.bit(!octets.is_empty());
        match syntax {
            Syntax::Of1998 => out.bits(3, self.kind.number()),
            Syntax::Of2002 => out.growing(3, KINDS.len() as u8, self.kind.number()),
        }
        if let Some(less) = octets.len().checked_sub(1) {
            out.octets(&(less as u16).to_be_bytes());
            out.octets(octets);
        }
    }
    fn decode_all(from: &mut Reader, syntax: Syntax) -> Result<Vec<Field>, Flaw> {
        let count = from.length()?;
        let mut fields = vec![];
        for _ in 0..count {
            let with_octets = from.bit()?;
            let number = match syntax {
                Syntax::Of1998 => from.bits(3)?,
                Syntax::Of2002 => from.growing(3, KINDS.len() as u8)?,
            };
            let octets = match with_octets {
                true => {
                    let less = from.word()?;
                    from.octets(usize::from(less) + 1)?.to_vec()
                }
                false => vec![],
            };
            let kind = KINDS.get(usize::from(number)).copied().unwrap_or(FieldKind::Other(number));
            fields.push(Field { kind, octets });
        }
        Ok(fields)
    }
}

impl fmt::Display for Ifp {
    /// For people: `v21: hdlc 3, fcs-OK`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ifp::Indicator(Indicator::Training(m, Training::Short)) => write!(f, "training of {m}, short"),
            Ifp::Indicator(Indicator::Training(m, Training::Long)) => write!(f, "training of {m}"),
            Ifp::Indicator(indicator) => write!(f, "{indicator:?}"),
            Ifp::Data(Carried::By(m), fields) => {
                write!(f, "{m}:")?;
                fields.iter().try_for_each(|field| write!(f, " {:?} {}", field.kind, field.octets.len()))
            }
            Ifp::Data(Carried::Other(n), fields) => write!(f, "carrier {n}, {} fields", fields.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Syntax; 2] = [Syntax::Of1998, Syntax::Of2002];

    #[test]
    fn every_packet_reads_as_it_was_written() {
        let indicators = (0..23).map(|n| Ifp::Indicator(Indicator::of(n)));
        let carriers = (0..15).map(|n| CARRIERS.get(n).map_or(Carried::Other(n as u8), |m| Carried::By(*m)));
        let kinds: Vec<FieldKind> = KINDS.into_iter().chain((8..12).map(FieldKind::Other)).collect();
        for syntax in BOTH {
            let kinds = if syntax == Syntax::Of1998 { &kinds[..8] } else { &kinds[..] };
            let fields: Vec<Field> = kinds.iter().enumerate().map(|(n, k)| Field::new(*k, vec![n as u8; n % 3 * 65])).collect();
            let data = carriers.clone().map(|c| Ifp::Data(c, fields.clone()));
            for ifp in indicators.clone().chain(data) {
                assert_eq!(Ifp::decode(&ifp.encode(syntax), syntax), Ok(ifp.clone()), "{syntax:?} {ifp}");
            }
        }
    }

    #[test]
    fn indicators_have_the_numbers_of_the_standard() {
        let octets = |i| Ifp::Indicator(i).encode(Syntax::Of1998);
        assert_eq!([octets(Indicator::NoSignal), octets(Indicator::Cng), octets(Indicator::Ced)], [[0x00], [0x02], [0x04]]);
        assert_eq!(octets(Indicator::V21Preamble), [0x06]);
        assert_eq!(octets(Indicator::Training(Modulation::V27ter2400, Training::Long)), [0x08]);
        assert_eq!(octets(Indicator::Training(Modulation::V29At9600, Training::Long)), [0x0e]);
        assert_eq!(octets(Indicator::Training(Modulation::V17At7200, Training::Short)), [0x10]);
        assert_eq!(octets(Indicator::Training(Modulation::V17At14400, Training::Long)), [0x1e]);
        assert_eq!(octets(Indicator::Other(22)), [0x21, 0x80]); // V.33 at 14400: the sixth that was added
    }

    #[test]
    fn the_syntaxes_differ_in_the_field_type_by_one_bit() {
        let ifp = Ifp::Data(
            Carried::By(Modulation::V21),
            vec![Field::new(FieldKind::Hdlc, [0xff, 0xc8]), Field::new(FieldKind::FcsOkSigEnd, [])],
        );
        assert_eq!(ifp.encode(Syntax::Of1998), [0xc0, 2, 0x80, 0, 1, 0xff, 0xc8, 0x40]);
        assert_eq!(ifp.encode(Syntax::Of2002), [0xc0, 2, 0x80, 0, 1, 0xff, 0xc8, 0x20]);
        // Read by the other, an end of frame and signal is an end of frame: hence the key `version`.
        let other = Ifp::decode(&ifp.encode(Syntax::Of2002), Syntax::Of1998);
        assert!(matches!(other, Ok(Ifp::Data(_, fields)) if fields[1].kind == FieldKind::FcsOk));
    }

    #[test]
    fn what_ends_too_soon_or_goes_on_too_long_is_refused() {
        let whole =
            Ifp::Data(Carried::By(Modulation::V17At14400), vec![Field::new(FieldKind::NonEcm, vec![0; 200])]).encode(Syntax::Of2002);
        for cut in 0..whole.len() {
            assert_eq!(Ifp::decode(&whole[..cut], Syntax::Of2002), Err("it ends too soon"), "{cut}");
        }
        assert_eq!(Ifp::decode(&[&whole[..], &[0]].concat(), Syntax::Of2002), Err("octets are left over"));
        assert_eq!(Ifp::decode(&[0xc0, 0xff, 0xff], Syntax::Of1998), Err("a length of 16,384 or more"));
        assert_eq!(Ifp::decode(&vec![0; LONGEST + 1], Syntax::Of1998), Err("it is longer than any that is taken"));
        assert_eq!(Ifp::decode(&[0x3f, 0xff], Syntax::Of1998), Err("a kind beyond all that are known"));
    }
}

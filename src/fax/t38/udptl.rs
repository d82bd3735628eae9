//! UDPTL: numbered datagrams, each with the packets before it repeated, so that a lost one is made good by the next.
//!
//! Standard: ITU-T T.38 9.1 and annex A (UDPTLPacket). In: IFP packets as octets; datagrams, lost, doubled, out of order, or anything.
//! Out: datagrams; packets in order, each once, and where some are missing for good. Bounded: [`LONGEST`], [`HELD`].
//! Left out: parity (annex C): it is read, its packet is taken, the parity is not used. Shown by: the tests below.

use super::per::{Flaw, Reader, Writer};
use crate::time::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Octets of the longest datagram that is taken.
pub const LONGEST: usize = 8192;
/// How many packets wait for one that is missing …
pub const HELD: usize = 8;
/// … and how long, before it is given up. Ours.
pub const HOLD: Duration = Duration::from_millis(150);
/// The most packets that are repeated in a datagram of ours.
pub const MOST_REPEATED: usize = 8;
/// A number further on than this, or as far behind, is not taken for a datagram of this call …
const WINDOW: i32 = 256;
const BEHIND: i32 = 64;
/// … until so many came in a row: the far end has begun anew, or much was lost.
const STRANGERS: usize = 3;

/// A datagram.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Datagram {
    /// Its number.
    pub number: u16,
    /// Its packet.
    pub primary: Vec<u8>,
    /// What is said besides.
    pub recovery: Recovery,
}

/// `error-recovery`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Recovery {
    /// The packets before, the latest first.
    Repeated(Vec<Vec<u8>>),
    /// Parity over so many packets.
    Parity(i64, Vec<Vec<u8>>),
}

impl Datagram {
    /// As octets.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.octets(&self.number.to_be_bytes());
        out.open(&self.primary);
        let (parity, list) = match &self.recovery {
            Recovery::Repeated(list) => (None, list),
            Recovery::Parity(over, list) => (Some(over), list),
        };
        out.bit(parity.is_some());
        if let Some(over) = parity {
            let octets = over.to_be_bytes();
            let spare = octets.windows(2).take_while(|w| w[0] == 0 && w[1] < 0x80 || w[0] == 0xff && w[1] >= 0x80).count();
            out.open(&octets[spare..]);
        }
        out.length(list.len());
        list.iter().for_each(|packet| out.open(packet));
        out.finish()
    }
    /// From octets. What cannot be read is said in a few words.
    pub fn decode(octets: &[u8]) -> Result<Datagram, Flaw> {
        if octets.len() > LONGEST {
            return Err("it is longer than any that is taken");
        }
        let mut from = Reader::new(octets);
        let (number, primary) = (from.word()?, from.open()?.to_vec());
        let over = match from.bit()? {
            true => {
                let octets = from.open()?;
                let sign = octets.first().ok_or("a number without octets")? >> 7;
                let number = octets
                    .iter()
                    .fold(-i128::from(sign), |n, o| (n << 8 | i128::from(*o)).clamp(i128::from(i64::MIN), i128::from(i64::MAX)));
                Some(number as i64)
            }
            false => None,
        };
        let list = (0..from.length()?).map(|_| Ok(from.open()?.to_vec())).collect::<Result<Vec<_>, Flaw>>()?;
        if !from.at_end() {
            return Err("octets are left over");
        }
        let recovery = over.map_or(Recovery::Repeated(list.clone()), |over| Recovery::Parity(over, list));
        Ok(Datagram { number, primary, recovery })
    }
}

/// Numbers packets and repeats those before.
#[derive(Clone, Debug)]
pub struct Sender {
    number: u16,
    depth: usize,
    before: VecDeque<Vec<u8>>,
}

impl Sender {
    /// A call's, from number 0 on; each datagram repeats `depth` packets.
    pub fn new(depth: usize) -> Sender {
        Sender { number: 0, depth: depth.min(MOST_REPEATED), before: VecDeque::new() }
    }
    /// The next datagram.
    pub fn datagram(&mut self, primary: Vec<u8>) -> Vec<u8> {
        let repeated = Recovery::Repeated(self.before.iter().cloned().collect());
        let datagram = Datagram { number: self.number, primary: primary.clone(), recovery: repeated }.encode();
        self.number = self.number.wrapping_add(1);
        self.before.push_front(primary);
        self.before.truncate(self.depth);
        datagram
    }
}

/// What came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Got {
    /// A packet.
    Packet(Vec<u8>),
    /// So many packets are missing here, and will not come.
    Hole(u32),
    /// The far end counts from the start again: it has begun a new call.
    Anew,
}

/// Puts datagrams in order.
#[derive(Clone, Default, Debug)]
pub struct Receiver {
    /// The number that is to come.
    next: u16,
    /// Whether any came.
    begun: bool,
    /// Packets that came too early, by how many are before them.
    held: BTreeMap<u16, Vec<u8>>,
    /// Since when one is missing.
    missing: Option<Instant>,
    strangers: usize,
}

impl Receiver {
    /// A call's.
    pub fn new() -> Receiver {
        Receiver::default()
    }
    /// Takes a datagram; gives what is in order now.
    pub fn take(&mut self, now: Instant, datagram: Datagram) -> Vec<Got> {
        let mut got = vec![];
        if !self.begun {
            // A first number that is high: the far end does not count from 0, or was long at it.
            self.begun = true;
            if i32::from(datagram.number) >= WINDOW {
                let repeated = if let Recovery::Repeated(list) = &datagram.recovery { list.len() } else { 0 };
                self.next = datagram.number.wrapping_sub(repeated.min(MOST_REPEATED) as u16);
                got.push(Got::Hole(u32::from(self.next)));
            }
        }
        let ahead = self.ahead(datagram.number);
        if !(-BEHIND..WINDOW).contains(&ahead) {
            // Who begins anew does so at 0. What else is far behind is a datagram that was long on its way.
            if ahead < 0 && datagram.number >= BEHIND as u16 {
                return got;
            }
            self.strangers += 1;
            if self.strangers < STRANGERS {
                return got;
            }
            (self.held, self.missing) = (BTreeMap::new(), None);
            let anew = ahead < 0;
            got.push(if anew { Got::Anew } else { Got::Hole(ahead.unsigned_abs()) });
            self.next = if anew { 0 } else { datagram.number };
        }
        self.strangers = 0;
        self.hold(datagram);
        self.settle(now, &mut got);
        got
    }
    /// When [`Receiver::tick`] has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        self.missing.map(|since| since + HOLD)
    }
    /// Time has passed: what is missing may be given up.
    pub fn tick(&mut self, now: Instant) -> Vec<Got> {
        let mut got = vec![];
        self.settle(now, &mut got);
        got
    }

    /// How far a number is from the one that is to come.
    fn ahead(&self, number: u16) -> i32 {
        i32::from(number.wrapping_sub(self.next) as i16)
    }
    fn hold(&mut self, datagram: Datagram) {
        let repeated = match datagram.recovery {
            Recovery::Repeated(list) => list,
            Recovery::Parity(..) => vec![],
        };
        for (back, packet) in std::iter::once(datagram.primary).chain(repeated).enumerate() {
            let Some(number) = u16::try_from(back).ok().map(|back| datagram.number.wrapping_sub(back)) else { return };
            if self.ahead(number) < 0 {
                return;
            }
            self.held.entry(number).or_insert(packet);
        }
    }
    fn settle(&mut self, now: Instant, got: &mut Vec<Got>) {
        loop {
            while let Some(packet) = self.held.remove(&self.next) {
                got.push(Got::Packet(packet));
                self.next = self.next.wrapping_add(1);
                self.missing = None;
            }
            let Some(first) = self.held.keys().copied().min_by_key(|n| self.ahead(*n)) else {
                self.missing = None;
                return;
            };
            let since = *self.missing.get_or_insert(now);
            if self.held.len() <= HELD && now < since + HOLD {
                return;
            }
            got.push(Got::Hole(self.ahead(first).unsigned_abs()));
            (self.next, self.missing) = (first, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(count: u8, depth: usize) -> Vec<Datagram> {
        let mut sender = Sender::new(depth);
        (0..count).map(|n| Datagram::decode(&sender.datagram(vec![n, n])).unwrap()).collect()
    }
    fn take(receiver: &mut Receiver, now: u64, datagram: &Datagram) -> Vec<Got> {
        receiver.take(Instant(now * 1000), datagram.clone())
    }
    fn packets(numbers: impl IntoIterator<Item = u8>) -> Vec<Got> {
        numbers.into_iter().map(|n| Got::Packet(vec![n, n])).collect()
    }

    #[test]
    fn a_datagram_reads_as_it_was_written() {
        for recovery in [
            Recovery::Repeated(vec![]),
            Recovery::Repeated(vec![vec![2; 200], vec![3]]),
            Recovery::Parity(3, vec![vec![1; 130], vec![]]),
            Recovery::Parity(-129, vec![]),
            Recovery::Parity(0x1234_5678, vec![vec![]]),
        ] {
            let datagram = Datagram { number: 0xfffe, primary: vec![0x06], recovery };
            assert_eq!(Datagram::decode(&datagram.encode()), Ok(datagram));
        }
        let datagram = Datagram { number: 1, primary: vec![0x06], recovery: Recovery::Repeated(vec![vec![0x02]]) };
        assert_eq!(datagram.encode(), [0, 1, 1, 6, 0, 1, 1, 2]);
    }

    #[test]
    fn any_cut_of_a_datagram_is_refused() {
        let whole = Datagram { number: 9, primary: vec![6; 20], recovery: Recovery::Repeated(vec![vec![2; 200], vec![3]]) }.encode();
        for cut in 0..whole.len() {
            assert_eq!(Datagram::decode(&whole[..cut]), Err("it ends too soon"), "{cut}");
        }
        assert_eq!(Datagram::decode(&[&whole[..], &[1]].concat()), Err("octets are left over"));
        assert_eq!(Datagram::decode(&vec![0; LONGEST + 1]), Err("it is longer than any that is taken"));
    }

    #[test]
    fn what_is_lost_is_made_good_by_the_next() {
        let (all, mut receiver) = (sent(9, 3), Receiver::new());
        assert_eq!(take(&mut receiver, 0, &all[0]), packets([0]));
        assert_eq!(take(&mut receiver, 1, &all[4]), packets([1, 2, 3, 4]));
        assert_eq!(take(&mut receiver, 2, &all[2]), []); // late
        assert_eq!(take(&mut receiver, 2, &all[4]), []); // again
        assert_eq!(take(&mut receiver, 3, &all[8]), packets([5, 6, 7, 8]));
        assert_eq!(receiver.deadline(), None);
        // And where nothing is repeated, it is waited for.
        let (all, mut receiver) = (sent(4, 0), Receiver::new());
        assert_eq!(take(&mut receiver, 0, &all[1]), []);
        assert_eq!(take(&mut receiver, 1, &all[0]), packets([0, 1]));
    }

    #[test]
    fn what_does_not_come_leaves_a_hole() {
        let (all, mut receiver) = (sent(30, 0), Receiver::new());
        assert_eq!(take(&mut receiver, 0, &all[0]), packets([0]));
        assert_eq!(take(&mut receiver, 1, &all[3]), []);
        assert_eq!(receiver.deadline(), Some(Instant(1000) + HOLD));
        assert_eq!(receiver.tick(Instant(1000) + HOLD), [vec![Got::Hole(2)], packets([3])].concat());
        let more: Vec<Got> = (5..5 + HELD + 1).flat_map(|n| take(&mut receiver, 200, &all[n])).collect();
        assert_eq!(more, [vec![Got::Hole(1)], packets(5..14)].concat());
        assert_eq!(take(&mut receiver, 201, &all[2]), []);
    }

    #[test]
    fn numbers_go_round() {
        let mut receiver = Receiver::new();
        let one = |number: u16| Datagram { number, primary: vec![number as u8], recovery: Recovery::Repeated(vec![]) };
        for number in [65_533, 65_534, 65_535, 0, 1] {
            let got = take(&mut receiver, 0, &one(number));
            assert_eq!(got.last(), Some(&Got::Packet(vec![number as u8])), "{number}");
        }
    }

    #[test]
    fn one_strange_number_is_passed_over_and_three_are_believed() {
        let (all, mut receiver) = (sent(200, 3), Receiver::new());
        all[..100].iter().for_each(|d| drop(take(&mut receiver, 0, d)));
        let strange = Datagram { number: 9000, ..all[0].clone() };
        assert_eq!(
            [take(&mut receiver, 0, &strange), take(&mut receiver, 0, &all[0]), take(&mut receiver, 0, &all[100])].concat(),
            packets([100])
        );
        assert_eq!([0, 0, 1].map(|n| take(&mut receiver, 0, &all[n])).concat(), [vec![Got::Anew], packets([0, 1])].concat());
        let far: Vec<Got> =
            [9000u16, 9001, 9002].into_iter().flat_map(|number| take(&mut receiver, 0, &Datagram { number, ..all[0].clone() })).collect();
        assert_eq!(far, [vec![Got::Hole(9000)], packets([0])].concat());
    }

    #[test]
    fn what_is_held_is_bounded_whatever_comes() {
        let mut receiver = Receiver::new();
        let mut n = 1u32;
        for _ in 0..20_000 {
            n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let repeated = Recovery::Repeated(vec![vec![1]; (n >> 8) as usize % 300]);
            take(&mut receiver, 0, &Datagram { number: (n >> 20) as u16 % 600, primary: vec![0], recovery: repeated });
            assert!(receiver.held.len() <= HELD, "{}", receiver.held.len());
        }
    }
}

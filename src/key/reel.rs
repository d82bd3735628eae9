//! One direction's reel: the tape in the mixer, the key at hand, what must be reserved next.
//!
//! Standard: decision 6 of the project: key is reserved on disk before its first code is used, and positions only rise.
//! In: tapes, reservations that are on disk, positions named on the line. Out: key, each position once; what to reserve.
//! Left out: disks (`backend_disk`), the words on the line (`teletype`, `fax`). Shown by: the tests below, `tests/it/cipher.rs`.

use super::{Copy, Tape};
use std::collections::VecDeque;

/// Codes of a tape reserved at a time, at the least: what a crash burns at the most, 77 s of a line of 50 Bd.
pub const BLOCK: u64 = 512;

/// A reservation to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reservation {
    /// Which direction.
    pub copy: Copy,
    /// Which tape.
    pub serial: u32,
    /// The first position.
    pub from: u64,
    /// How many codes.
    pub count: u64,
}

/// The tapes of one direction and the key at hand. With `position` it never goes back, except over key that never reached a line.
/// `K` is a unit of key: a code of a tape, an octet of a diskette.
#[derive(Clone, Debug)]
pub struct Reel<K> {
    copy: Copy,
    /// Reserved at a time, at the least.
    block: u64,
    tapes: Vec<Tape>,
    /// The tape in the mixer.
    serial: Option<u32>,
    position: u64,
    at_hand: VecDeque<K>,
    asked: Option<Reservation>,
}

impl<K: Clone> Reel<K> {
    /// An empty reel, that reserves `block` units at a time at the least.
    pub fn new(copy: Copy, block: u64) -> Reel<K> {
        Reel { copy, block, tapes: vec![], serial: None, position: 0, at_hand: VecDeque::new(), asked: None }
    }
    /// These tapes hang here now.
    pub fn hang(&mut self, tapes: &[Tape]) {
        let known = |serial: u32| self.tapes.iter().find(|t| t.serial == serial).map_or(0, |t| t.next);
        // A look into a folder may be older than a reservation made since.
        self.tapes = tapes.iter().map(|t| Tape { next: t.next.max(known(t.serial)), ..t.clone() }).collect();
        if self.serial.is_some_and(|s| self.tape(s).is_none()) {
            self.take_out();
        }
    }
    /// What hangs here, in the order in which it is taken up.
    pub fn tapes(&self) -> &[Tape] {
        &self.tapes
    }
    fn tape(&self, serial: u32) -> Option<&Tape> {
        self.tapes.iter().find(|t| t.serial == serial)
    }
    /// The serial of the tape in the mixer and the next position on it.
    pub fn stands(&self) -> Option<(u32, u64)> {
        self.serial.map(|s| (s, self.position))
    }
    /// The next position of any tape that hangs here: what has been used, or may have been before a crash, lies below it.
    pub fn next_of(&self, serial: u32) -> Option<u64> {
        let tape = self.tape(serial)?;
        Some(if self.serial == Some(serial) { self.position } else { tape.next })
    }
    /// Codes left on a tape from its next position on.
    pub fn left_of(&self, serial: u32) -> u64 {
        let next = self.next_of(serial).unwrap_or(u64::MAX);
        self.tape(serial).map_or(0, |t| t.characters.saturating_sub(next))
    }
    /// Codes left on the tape in the mixer and on those to be taken up after it.
    pub fn left(&self) -> u64 {
        self.in_turn().map(|t| self.left_of(t.serial)).sum()
    }
    /// Whether one of them has `need` codes left.
    pub fn has(&self, need: u64) -> bool {
        self.in_turn().any(|t| self.left_of(t.serial) >= need)
    }
    fn in_turn(&self) -> impl Iterator<Item = &Tape> {
        let first = self.tapes.iter().position(|t| Some(t.serial) == self.serial).unwrap_or(0);
        self.tapes[first..].iter()
    }
    /// Takes up the first tape in turn that has `need` codes left; `Ok(true)` if it is another than before.
    pub fn choose(&mut self, need: u64) -> Option<bool> {
        let serial = self.in_turn().find(|t| self.left_of(t.serial) >= need)?.serial;
        Some(self.take_up(serial))
    }
    /// Puts a tape into the mixer at its next position; `true` if it is another than before.
    pub fn take_up(&mut self, serial: u32) -> bool {
        if self.serial == Some(serial) {
            return false;
        }
        if let Some(next) = self.tape(serial).map(|t| t.next) {
            self.take_out();
            (self.serial, self.position) = (Some(serial), next);
        }
        true
    }
    fn take_out(&mut self) {
        self.serial = None;
        self.at_hand.clear();
    }
    /// Moves forward to a position; what lies between is burned. Never moves back.
    pub fn advance(&mut self, position: u64) {
        let skipped = position.saturating_sub(self.position);
        let at_hand = usize::try_from(skipped).unwrap_or(usize::MAX).min(self.at_hand.len());
        self.at_hand.drain(..at_hand);
        self.position += skipped;
    }
    /// Codes at hand.
    pub fn at_hand(&self) -> usize {
        self.at_hand.len()
    }
    /// Whether the tape in the mixer has no more than what is at hand.
    pub fn all_at_hand(&self) -> bool {
        self.serial.is_none_or(|serial| self.left_of(serial) <= self.at_hand.len() as u64)
    }
    /// What has to be reserved so that `need` codes are at hand; `None` if they are, or will be, or the tape has no more.
    pub fn reserve(&mut self, need: usize) -> Option<Reservation> {
        let serial = self.serial.filter(|_| self.at_hand.len() < need && self.asked.is_none())?;
        let from = self.position + self.at_hand.len() as u64;
        let end = self.tape(serial)?.characters;
        let missing = (need - self.at_hand.len()) as u64;
        let count = missing.max(self.block).min(end.saturating_sub(from));
        let asked = (count > 0).then_some(Reservation { copy: self.copy, serial, from, count });
        self.asked = asked.clone();
        asked
    }
    /// A reservation is on disk: its codes. Those the reel has meanwhile moved past are burned.
    pub fn reserved(&mut self, serial: u32, from: u64, codes: &[K]) {
        self.asked = None;
        let end = from + codes.len() as u64;
        if let Some(tape) = self.tapes.iter_mut().find(|t| t.serial == serial) {
            tape.next = tape.next.max(end);
        }
        let expected = self.position + self.at_hand.len() as u64;
        if self.serial == Some(serial) && (from..=end).contains(&expected) {
            self.at_hand.extend(codes[(expected - from) as usize..].iter().cloned());
        }
    }
    /// A reservation failed.
    pub fn not_reserved(&mut self) {
        self.asked = None;
    }
    /// The next key code, used by this.
    pub fn take(&mut self) -> Option<K> {
        let code = self.at_hand.pop_front()?;
        self.position += 1;
        Some(code)
    }
    /// Gives back the key code taken last, whose cipher never went out; `false` if it is not the last, or of another tape.
    pub fn give_back(&mut self, serial: u32, position: u64, code: K) -> bool {
        let last = self.serial == Some(serial) && self.position == position + 1;
        if last {
            self.at_hand.push_front(code);
            self.position = position;
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Code;

    fn tape(serial: u32, characters: u64, next: u64) -> Tape {
        Tape { serial, characters, next }
    }
    fn key(from: u64, count: u64) -> Vec<Code> {
        (from..from + count).map(|n| Code::new((n % 32) as u8)).collect()
    }
    fn reel(tapes: &[Tape]) -> Reel<Code> {
        let mut reel = Reel::new(Copy::Send, BLOCK);
        reel.hang(tapes);
        reel
    }
    fn grant(reel: &mut Reel<Code>, need: usize) {
        let asked = reel.reserve(need).unwrap();
        reel.reserved(asked.serial, asked.from, &key(asked.from, asked.count));
    }

    #[test]
    fn codes_come_in_order_and_only_once() {
        let mut reel = reel(&[tape(100_000, 2_000, 30)]);
        assert_eq!((reel.choose(10), reel.take()), (Some(true), None));
        grant(&mut reel, 10);
        let taken: Vec<Code> = (0..5).filter_map(|_| reel.take()).collect();
        assert_eq!(taken, key(30, 5));
        assert_eq!((reel.stands(), reel.at_hand()), (Some((100_000, 35)), 507));
        assert!(!reel.give_back(100_000, 33, taken[3]), "not the last");
        assert!(!reel.give_back(100_001, 34, taken[4]), "of another tape");
        assert!(reel.give_back(100_000, 34, taken[4]) && reel.give_back(100_000, 33, taken[3]));
        assert_eq!((reel.take(), reel.at_hand()), (Some(key(33, 1)[0]), 508));
        reel.advance(100);
        assert!(!reel.give_back(100_000, 33, taken[3]), "it has moved on");
    }

    #[test]
    fn a_reel_moves_forward_only_and_burns_what_lies_between() {
        let mut reel = reel(&[tape(100_000, 2_000, 0)]);
        reel.choose(1);
        grant(&mut reel, 1);
        reel.advance(100);
        reel.advance(50);
        assert_eq!((reel.stands(), reel.take()), (Some((100_000, 100)), Some(key(100, 1)[0])));
        reel.advance(1_000);
        assert_eq!((reel.at_hand(), reel.reserve(1).unwrap().from), (0, 1_000));
    }

    #[test]
    fn a_reservation_that_comes_late_gives_only_what_is_still_ahead() {
        let mut reel = reel(&[tape(100_000, 2_000, 0)]);
        reel.choose(1);
        let asked = reel.reserve(1).unwrap();
        assert_eq!((asked.count, reel.reserve(600)), (BLOCK, None), "one at a time");
        reel.advance(500);
        reel.reserved(asked.serial, asked.from, &key(0, asked.count));
        assert_eq!((reel.at_hand(), reel.take()), (12, Some(key(500, 1)[0])));
    }

    #[test]
    fn the_next_tape_is_taken_up_in_turn_and_the_rest_of_the_old_one_stays_unused() {
        let mut reel = reel(&[tape(1, 600, 595), tape(2, 600, 0), tape(3, 9_000, 0)]);
        assert_eq!((reel.choose(5), reel.stands()), (Some(true), Some((1, 595))));
        assert_eq!((reel.choose(6), reel.stands()), (Some(true), Some((2, 0))));
        assert_eq!((reel.choose(601), reel.choose(1), reel.stands()), (Some(true), Some(false), Some((3, 0))));
        assert_eq!((reel.choose(9_001), reel.left()), (None, 9_000));
    }

    #[test]
    fn a_tape_is_never_read_beyond_its_end() {
        let mut reel = reel(&[tape(1, 100, 0)]);
        reel.choose(100);
        grant(&mut reel, 100);
        assert_eq!((0..200).filter_map(|_| reel.take()).count(), 100);
        assert_eq!((reel.reserve(1), reel.left()), (None, 0));
    }

    #[test]
    fn what_is_reserved_stays_behind_after_a_change_of_tapes() {
        let mut reel = reel(&[tape(1, 5_000, 0), tape(2, 5_000, 0)]);
        reel.choose(1);
        grant(&mut reel, 1);
        reel.take_up(2);
        assert_eq!((reel.next_of(1), reel.take_up(1), reel.stands()), (Some(BLOCK), true, Some((1, BLOCK))));
    }
}

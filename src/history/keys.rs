//! Key tapes of a world in memory: made from its seed, so that a replay is the same each time, and never fit for a live line.
//!
//! Standards: none. Seeding: the codes of block `b` (512 codes) of tape `s` are the upper five bits of each byte of xoshiro256++ from
//! `seed_from_u64(seed XOR s << 32 XOR b)`; a diskette has the whole bytes. In: reservations. Out: key; what each end has used, which a kill does not undo.
//! Left out: files (`key::backend_disk`). Shown by: `tests/it/cipher.rs`.

use super::world::{End, Happening, World};
use crate::faults::{self, Fault};
use crate::fax::terminal as fax;
use crate::key::reel::Reservation;
use crate::key::{Copy, Tape, Tapes};
use crate::line::Code;
use crate::teletype::Input;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const BLOCK: u64 = 512;
/// Characters of the first pair of tapes: more than any scenario uses.
const FIRST: u64 = 10_000_000;

/// The tapes that hang at one port, and how far each is reserved.
#[derive(Clone, Default)]
pub struct SimulatedKeys {
    seed: u64,
    /// As they hang; a test may move, swap or cut them.
    pub tapes: Tapes,
}

impl SimulatedKeys {
    /// None yet.
    pub fn new(seed: u64) -> SimulatedKeys {
        SimulatedKeys { seed, tapes: Tapes::default() }
    }
    /// Hangs one copy of a new tape.
    pub fn hang(&mut self, copy: Copy, serial: u32, characters: u64) {
        let tape = Tape { serial, characters, next: 0 };
        match copy {
            Copy::Send => self.tapes.send.push(tape),
            Copy::Receive => self.tapes.receive.push(tape),
        }
    }
    /// The key of a place on a tape.
    pub fn key(&self, serial: u32, from: u64, count: u64) -> Vec<Code> {
        self.octets(serial, from, count).iter().map(|b| Code::new(b >> 3)).collect()
    }
    /// The key of a place on a diskette.
    pub fn octets(&self, serial: u32, from: u64, count: u64) -> Vec<u8> {
        let mut octets = Vec::with_capacity(count as usize);
        let mut at = from;
        while at < from + count {
            let mut random = Xoshiro256PlusPlus::seed_from_u64(self.seed ^ u64::from(serial) << 32 ^ (at / BLOCK));
            let mut bytes = [0; BLOCK as usize];
            random.fill_bytes(&mut bytes);
            let end = (from + count).min((at / BLOCK + 1) * BLOCK);
            octets.extend(bytes[(at % BLOCK) as usize..].iter().take((end - at) as usize));
            at = end;
        }
        octets
    }
    /// Reserves on a tape; its key.
    pub fn reserve(&mut self, wanted: &Reservation) -> Result<Vec<Code>, String> {
        self.take(wanted).map(|()| self.key(wanted.serial, wanted.from, wanted.count))
    }
    /// Reserves, as a disk would: refuses what has been reserved before and what is not on the tape.
    fn take(&mut self, wanted: &Reservation) -> Result<(), String> {
        let Reservation { copy, serial, from, count } = *wanted;
        let tapes = match copy {
            Copy::Send => &mut self.tapes.send,
            Copy::Receive => &mut self.tapes.receive,
        };
        let tape = tapes.iter_mut().find(|t| t.serial == serial).ok_or_else(|| format!("tape {serial:06} does not hang here any more"))?;
        if from < tape.next || from + count > tape.characters {
            return Err(format!(
                "tape {serial:06}: {count} codes from {from} cannot be reserved; it stands at {} of {}",
                tape.next, tape.characters
            ));
        }
        // What is not synced may be gone after a kill.
        if !faults::planted(Fault::ReservationNotSynced) {
            tape.next = from + count;
        }
        Ok(())
    }
}

impl World {
    /// Where both ends of a circuit are enciphered, a pair of tapes for each way is hung.
    pub(super) fn hang_first_pairs(&mut self, circuit: &str, seed: u64) {
        let Some(ends) = self.ends_of(circuit) else { return };
        let mut keyed = 0;
        for (station, port) in &ends {
            let Some(node) = self.stations.get_mut(station) else { continue };
            keyed += usize::from(node.terminals.get(port).is_some_and(|t| t.cipher.is_some()) || node.enciphers_pages(port));
            node.keys.insert(port.clone(), SimulatedKeys::new(seed));
        }
        if keyed == 2 {
            self.hang_pair(circuit, 0, FIRST);
            self.hang_pair(circuit, 1, FIRST);
        }
    }
    /// Hangs a new pair of tapes for one way of a circuit (0 is from its first end); returns its serial number.
    pub fn hang_pair(&mut self, circuit: &str, way: usize, characters: u64) -> u32 {
        let serial = self.next_tape;
        self.next_tape += 1;
        let Some(ends) = self.ends_of(circuit) else { return serial };
        for (end, copy) in [(&ends[way], Copy::Send), (&ends[1 - way], Copy::Receive)] {
            if let Some(keys) = self.keys(end) {
                keys.hang(copy, serial, characters);
            }
        }
        serial
    }
    /// The key tapes at a port: what survives a kill.
    pub fn keys(&mut self, end: &End) -> Option<&mut SimulatedKeys> {
        self.stations.get_mut(&end.0)?.keys.get_mut(&end.1)
    }

    pub(super) fn show_tapes(&mut self, end: &End) {
        let Some(tapes) = self.keys(end).map(|k| k.tapes.clone()) else { return };
        match self.is_voice(end) {
            true => self.tell_fax(end, fax::Input::Diskettes(tapes)),
            false => self.tell_port(end, Input::Tapes(tapes)),
        }
    }
    pub(super) fn reserve_later(&mut self, end: &End, wanted: Reservation) {
        let Some(life) = self.stations.get(&end.0).map(|n| n.life) else { return };
        let at = self.on_disk_at(&end.0);
        self.driver.set(at, Happening::Reserved { end: end.clone(), life, wanted });
    }
    pub(super) fn reserved(&mut self, end: &End, life: u64, made: Reservation) {
        let Some(keys) = self.stations.get_mut(&end.0).filter(|n| n.life == life).and_then(|n| n.keys.get_mut(&end.1)) else { return };
        let (reserved, serial, from, count) = (keys.take(&made), made.serial, made.from, made.count);
        let keys = keys.clone();
        match (self.is_voice(end), reserved) {
            (false, Ok(())) => self.tell_port(end, Input::Reserved { made, codes: keys.key(serial, from, count) }),
            (false, Err(why)) => self.tell_port(end, Input::NotReserved { made, why }),
            (true, Ok(())) => self.tell_fax(end, fax::Input::Reserved { made, key: keys.octets(serial, from, count) }),
            (true, Err(why)) => self.tell_fax(end, fax::Input::NotReserved { made, why }),
        }
    }
}

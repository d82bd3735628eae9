//! The cipher of a call: which diskette and from where, key that is reserved before it is used, and the mixing with the octets of a page.
//!
//! Standard: random data on a diskette, mixed to the bits by a device at each end, is what is told of 1986; all else is ours (`docs/fax-cipher.md`).
//! In: diskettes, what the far end names, reservations that are on disk. Out: what is named, what to reserve, mixed octets, events.
//! Left out: who says it when (`caller_key`, `answerer_key`), disks (`key::backend_disk`). Shown by: the tests below, `tests/it/fax_cipher.rs`.

use super::correction::MOST_OCTETS;
use super::facility::{Entry, tag};
use crate::faults::{self, Fault};
use crate::key::reel::{Reel, Reservation};
use crate::key::{Copy, Tapes};
use std::fmt;

/// Diskettes that an answerer names, at most.
pub const MOST_OFFERED: usize = 4;

/// What is settled about key before a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keys {
    /// The diskettes at this port.
    pub diskettes: Tapes,
    /// How many octets a far end may be ahead of this one; beyond it an operator decides.
    pub jump: u64,
    /// At so many octets left a warning is given.
    pub warn: Vec<u64>,
}

/// A place on a diskette.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The number of the pair.
    pub serial: u32,
    /// The next octet, from 0.
    pub position: u64,
}

/// Where the key of a page begins, and how much there is of it: what a caller names in NSS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Start {
    /// The diskette and the first position.
    pub at: Place,
    /// Octets of the page.
    pub count: u64,
}

/// What became of key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeyEvent {
    /// A diskette was put into the device.
    Taken {
        /// For what goes out, or for what comes in.
        copy: Copy,
        /// It, and its next position.
        at: Place,
        /// Octets left on it.
        left: u64,
    },
    /// Key was passed over and will never be used.
    Burned {
        /// For what goes out, or for what comes in.
        copy: Copy,
        /// The diskette and the first position burned.
        from: Place,
        /// The next position to be used.
        to: u64,
        /// Why.
        reason: String,
    },
    /// Key runs low.
    Low {
        /// For what goes out, or for what comes in.
        copy: Copy,
        /// Octets left on the diskettes that hang here.
        left: u64,
    },
    /// Something is wrong with key: nothing is sent or taken with it.
    Trouble {
        /// What, and what to do.
        reason: String,
    },
    /// The key of a page is reserved on disk.
    Page {
        /// For what goes out, or for what comes in.
        copy: Copy,
        /// Which page, from 1.
        page: usize,
        /// Where its key stands.
        start: Start,
    },
}

impl fmt::Display for KeyEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = |copy: &Copy| if *copy == Copy::Send { "outgoing" } else { "incoming" };
        match self {
            KeyEvent::Taken { copy, at, left } => {
                write!(f, "takes diskette {:06} for {} pages, from {}, {left} octets left", at.serial, way(copy), at.position)
            }
            KeyEvent::Burned { from, to, reason, .. } => {
                write!(f, "burns {} to {to} of diskette {:06}: {reason}", from.position, from.serial)
            }
            KeyEvent::Low { copy, left } => write!(f, "has {left} octets of key left for {} pages", way(copy)),
            KeyEvent::Trouble { reason } => write!(f, "has trouble with key: {reason}"),
            KeyEvent::Page { page, start, .. } => {
                let Start { at, count } = start;
                write!(f, "reserves {count} octets of diskette {:06} from {} for page {page}", at.serial, at.position)
            }
        }
    }
}

/// What an answerer says in NSF: the diskettes in its reader, and how far it has read them.
pub fn offer(places: &[Place]) -> Entry {
    let octets = places.iter().take(MOST_OFFERED).flat_map(|p| [p.serial, p.position as u32]); // positions end at 100,000,000
    Entry::new(tag::CIPHER, octets.flat_map(u32::to_be_bytes).collect::<Vec<u8>>())
}
/// Reads it.
pub fn read_offer(value: &[u8]) -> Result<Vec<Place>, String> {
    let (places, rest) = value.as_chunks::<8>();
    if !rest.is_empty() || places.len() > MOST_OFFERED {
        return Err(format!("it names diskettes in {} octets; expected 8 for each, {MOST_OFFERED} at most", value.len()));
    }
    Ok(places.iter().map(|p| Place { serial: word(&p[..4]), position: word(&p[4..]).into() }).collect())
}
fn word(octets: &[u8]) -> u32 {
    octets.iter().fold(0, |sum, o| sum << 8 | u32::from(*o))
}

impl Start {
    /// What a caller says in NSS.
    pub fn entry(&self) -> Entry {
        let words = [self.at.serial, self.at.position as u32, self.count as u32];
        Entry::new(tag::CIPHER, words.into_iter().flat_map(u32::to_be_bytes).collect::<Vec<u8>>())
    }
    /// Reads it.
    pub fn read(value: &[u8]) -> Result<Start, String> {
        if value.len() != 12 {
            return Err(format!("it names key in {} octets; expected 12", value.len()));
        }
        let at = Place { serial: word(&value[..4]), position: word(&value[4..8]).into() };
        Ok(Start { at, count: word(&value[8..]).into() })
    }
    fn end(&self) -> u64 {
        self.at.position + self.count
    }
}

/// One end's device: the diskettes of the direction it works in, and the key of the page in hand.
pub(super) struct Mixer {
    copy: Copy,
    reel: Reel<u8>,
    jump: u64,
    warn: Vec<u64>,
    troubles: Vec<String>,
    /// What was named for the page in hand.
    pub start: Option<Start>,
    /// Its key, reserved on disk.
    key: Option<Vec<u8>>,
    /// Whether a reservation is being made.
    asked: bool,
    /// For the planted fault only: the key of the page before.
    before: Option<Vec<u8>>,
}

impl Mixer {
    /// A device with the diskettes of a direction.
    pub fn new(copy: Copy, keys: &Keys) -> Mixer {
        let mut reel = Reel::new(copy, 1); // a page is reserved in one piece, and no more
        reel.hang(keys.diskettes.of(copy));
        let (warn, troubles) = (keys.warn.clone(), keys.diskettes.troubles.clone());
        Mixer { copy, reel, jump: keys.jump, warn, troubles, start: None, key: None, asked: false, before: None }
    }
    /// What is wrong with diskettes that hang here, once.
    pub fn troubles(&mut self) -> Vec<KeyEvent> {
        std::mem::take(&mut self.troubles).into_iter().map(|reason| KeyEvent::Trouble { reason }).collect()
    }
    /// The diskettes that have something left, in the order they are taken up.
    fn usable(&self) -> Vec<Place> {
        let left = self.reel.tapes().iter().filter(|t| self.reel.left_of(t.serial) > 0);
        let place = |t: &crate::key::Tape| Some(Place { serial: t.serial, position: self.reel.next_of(t.serial)? });
        left.filter_map(place).collect()
    }
    /// Of these the ones that the far end is told of: where there are many, those with most left, so that remnants do not hide a full one.
    pub fn places(&self) -> Vec<Place> {
        let mut usable = self.usable();
        while usable.len() > MOST_OFFERED {
            let least = (0..usable.len()).min_by_key(|n| self.reel.left_of(usable[*n].serial)).unwrap_or(0);
            usable.remove(least);
        }
        usable
    }
    /// Chooses where the key of a page of `need` octets begins, on a diskette that the far end has: at the larger of both positions.
    pub fn claim(&mut self, need: u64, there: &[Place]) -> Result<Start, String> {
        (self.start, self.key) = (None, None);
        let ours = self.usable();
        let largest = ours.iter().map(|p| self.reel.left_of(p.serial)).max().unwrap_or(0);
        if largest < need {
            return Err(format!(
                "key is short: no diskette for what is sent here has more than {largest} octets left, and the page needs {need} in one piece; hang a new pair (`molink keys make --medium diskette`)"
            ));
        }
        if there.is_empty() {
            return Err("the far end has no key left for what is sent here; hang a new pair of diskettes".into());
        }
        let mut why = None;
        for place in &ours {
            let Some(far) = there.iter().find(|p| p.serial == place.serial) else { continue };
            let position = place.position.max(far.position);
            let (serial, left) = (place.serial, self.reel.left_of(place.serial) + place.position);
            if position > place.position + self.jump {
                why = Some(format!(
                    "the far end claims to have read diskette {serial:06} to {position}, and it was used here to {}: more than {} further; see that it is the right one, then `molink keys skip` it",
                    place.position, self.jump
                ));
            } else if position + need <= left {
                let start = Start { at: Place { serial, position }, count: need };
                self.start = Some(start);
                return Ok(start);
            }
        }
        Err(why.unwrap_or_else(|| {
            let named: Vec<String> = there.iter().map(|p| format!("{:06}", p.serial)).collect();
            format!(
                "the far end's reader has diskette {}, and none of them has a twin here with {need} octets left; hang pairs at both ends",
                named.join(", ")
            )
        }))
    }
    /// A caller names this for a page: whether it can be read with it.
    pub fn accept(&mut self, start: Start) -> Result<(), String> {
        let Start { at: Place { serial, position }, count } = start;
        if self.start == Some(start) && (self.key.is_some() || self.asked) {
            return Ok(()); // said again, and no page came meanwhile
        }
        (self.start, self.key) = (None, None);
        let Some(next) = self.reel.next_of(serial) else {
            return Err(format!("it enciphers with diskette {serial:06}, and its twin does not hang here"));
        };
        if position < next {
            return Err(format!(
                "it enciphers from {position} of diskette {serial:06}, which was read here to {next}: a recording, or its diskette was copied back; it is not read"
            ));
        }
        if position > next + self.jump {
            return Err(format!(
                "it enciphers from {position} of diskette {serial:06}, which was read here to {next}: more than {} further; see that it is the right one, then `molink keys skip` it",
                self.jump
            ));
        }
        let end = next + self.reel.left_of(serial);
        if !(1..=MOST_OCTETS as u64).contains(&count) || start.end() > end {
            return Err(format!("it enciphers {count} octets from {position} of diskette {serial:06}, whose twin here ends at {end}"));
        }
        self.start = Some(start);
        Ok(())
    }
    /// What is to be reserved for the page in hand; `None` if its key is at hand, or was asked for.
    pub fn reserve(&mut self) -> (Option<Reservation>, Vec<KeyEvent>) {
        let Some(Start { at, count }) = self.start.filter(|_| self.key.is_none() && !self.asked) else { return (None, vec![]) };
        let (copy, mut events) = (self.copy, vec![]);
        let from = Place { position: self.reel.next_of(at.serial).unwrap_or(at.position), ..at };
        if self.reel.take_up(at.serial) {
            events.push(KeyEvent::Taken { copy, at: from, left: self.reel.left_of(at.serial) });
        }
        if from.position < at.position {
            let who = if copy == Copy::Send { "the far end has read to here" } else { "the far end enciphers from here" };
            events.push(KeyEvent::Burned { copy, from, to: at.position, reason: who.to_owned() });
        }
        self.reel.advance(at.position);
        let wanted = self.reel.reserve(usize::try_from(count).unwrap_or(usize::MAX));
        self.asked = wanted.is_some();
        (wanted, events)
    }
    /// A reservation is on disk: its key. Events to be told, or why it is of no use.
    pub fn reserved(&mut self, page: usize, made: &Reservation, key: &[u8]) -> Result<Vec<KeyEvent>, String> {
        let before = self.reel.left();
        self.asked = false;
        self.reel.reserved(made.serial, made.from, key);
        let Some(start) = self.start.filter(|s| (s.at.serial, s.at.position, s.count) == (made.serial, made.from, made.count)) else {
            while self.reel.take().is_some() {} // burned
            return Err("key came that nobody waits for".into());
        };
        let taken: Vec<u8> = (0..start.count).filter_map(|_| self.reel.take()).collect();
        if taken.len() as u64 != start.count {
            return Err(format!("{} octets of key came where {} were wanted", taken.len(), start.count));
        }
        self.key = Some(taken);
        let copy = self.copy;
        let after = self.reel.left();
        let low = self.warn.iter().any(|mark| before > *mark && after <= *mark).then_some(KeyEvent::Low { copy, left: after });
        Ok([KeyEvent::Page { copy, page, start }].into_iter().chain(low).collect())
    }
    /// A reservation failed.
    pub fn not_reserved(&mut self) {
        self.asked = false;
        self.reel.not_reserved();
        (self.start, self.key) = (None, None);
    }
    /// Whether the key of the page in hand is there.
    pub fn ready(&self) -> bool {
        self.key.is_some()
    }
    /// The page in hand is over: its key is gone.
    pub fn spent(&mut self) {
        (self.start, self.key) = (None, None);
    }
    /// Enciphers a page and gives its key away: it is used once.
    pub fn encipher(&mut self, octets: &mut [u8]) -> Result<(), String> {
        let Some(key) = self.key.take() else { return Err("there is no key for the page".into()) };
        self.start = None;
        if key.len() < octets.len() {
            return Err(format!("the page has {} octets, and {} of key were reserved for it", octets.len(), key.len()));
        }
        let old = self.before.take().filter(|old| old.len() >= octets.len() && faults::planted(Fault::RetryReusesKey));
        mix(octets, old.as_ref().unwrap_or(&key));
        self.before = faults::planted(Fault::RetryReusesKey).then_some(key);
        Ok(())
    }
    /// Takes the key off octets of a page that begin at `from`; what lies behind the page's end stays as it is.
    pub fn decipher(&self, octets: &mut [u8], from: usize) {
        if let Some(key) = self.key.as_ref().and_then(|key| key.get(from..)) {
            mix(octets, key);
        }
    }
}

/// Adds key to octets without carry; the same again takes it off.
fn mix(octets: &mut [u8], key: &[u8]) {
    octets.iter_mut().zip(key).for_each(|(octet, key)| *octet ^= key);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Tape, Tapes};

    #[test]
    fn remnants_do_not_hide_a_full_diskette() {
        let tape = |(serial, left): (u32, u64)| Tape { serial, characters: 1000, next: 1000 - left };
        let hang: Vec<Tape> = [(1, 40), (2, 30), (3, 20), (4, 10), (5, 1000)].map(tape).into();
        let keys = Keys { diskettes: Tapes { send: hang.clone(), receive: hang, troubles: vec![] }, jump: 0, warn: vec![] };
        let (mut sender, receiver) = (Mixer::new(Copy::Send, &keys), Mixer::new(Copy::Receive, &keys));
        let offered: Vec<u32> = receiver.places().iter().map(|place| place.serial).collect();
        assert_eq!(offered, [1, 2, 3, 5], "four, those with most left, in the order they are taken up");
        let start = sender.claim(900, &receiver.places()).unwrap();
        assert_eq!((start.at.serial, start.at.position, start.count), (5, 0, 900));
    }
}

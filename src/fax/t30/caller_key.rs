//! What a caller does about key: names where a page's key begins, has it reserved, mixes it to the page.
//!
//! Standard: none; ours (`docs/fax-cipher.md`). In: what the far end's NSF names, reservations that are on disk. Out: an entry of NSS, cipher.
//! Nothing goes out in clear on an enciphered line, and no octet of key before it is reserved; a page sent again takes fresh key.
//! Left out: which key (`cipher`). Shown by: `fixtures/dialogues/fax/enciphered-call.txt`, `tests/it/fax_cipher.rs`.

use super::caller::{Caller, State};
use super::cipher::{KeyEvent, Keys, Mixer, read_offer};
use super::correction::Sender;
use super::event::CallEvent;
use super::facility::Entry;
use super::outcome::Blame;
use super::settings::Settings;
use super::timers::Timer;
use super::{Output, Reservation};
use crate::faults::{KillPoint, kill_point};
use crate::key::Copy;
use crate::time::Instant;

impl Caller {
    /// The same caller on an enciphered line.
    pub fn keyed(mut self, keys: &Keys) -> Caller {
        self.mixer = Some(Mixer::new(Copy::Send, keys));
        self.leg.long_signals();
        self
    }

    /// A DIS came, and this beside it: whether pages can go as this line wants them.
    pub(super) fn hear_offer(&mut self) -> Result<(), (String, Blame)> {
        let said = self.leg.cipher.take();
        let troubles = self.mixer.as_mut().map_or(vec![], Mixer::troubles);
        troubles.into_iter().for_each(|event| self.leg.event(CallEvent::Key(event)));
        match (&self.mixer, said) {
            (None, None) => Ok(()),
            (None, Some(_)) => {
                Err(("the far end's line is enciphered, and this one has no diskettes; nothing is sent in clear".into(), Blame::Us))
            }
            (Some(_), None) => {
                Err(("this line is enciphered, and the far end names no diskette; nothing is sent in clear".into(), Blame::Peer))
            }
            (Some(_), Some(value)) => {
                self.offer = read_offer(&value).map_err(|why| (why, Blame::Peer))?;
                Ok(())
            }
        }
    }
    /// A page is about to be named in a DCS: codes it and chooses its key. The entry that says where that begins.
    pub(super) fn claim_key(&mut self, settings: &Settings) -> Result<Option<Entry>, String> {
        if self.mixer.is_none() {
            return Ok(None);
        }
        let mut octets = self.coded(settings).ok_or("there is no page left")?;
        if let Some(size) = settings.correction {
            Sender::fill(&mut octets, size); // the last frame is enciphered whole
        }
        let Some(mixer) = &mut self.mixer else { return Ok(None) };
        let start = mixer.claim(octets.len() as u64, &self.offer)?;
        self.clear = octets;
        Ok(Some(start.entry()))
    }
    /// The far end is ready for the page: its key is reserved, and then it goes out.
    pub(super) fn reserve_key(&mut self, now: Instant) {
        let Some(mixer) = &mut self.mixer else { return };
        let (wanted, events) = mixer.reserve();
        events.into_iter().for_each(|event| self.leg.event(CallEvent::Key(event)));
        match wanted {
            Some(reservation) => {
                self.leg.out.push(Output::Reserve(reservation));
                self.enter(now, State::Keying);
            }
            None => self.key_trouble(now, "the diskette in the device has no key where it was to begin".into(), Blame::Us),
        }
    }
    /// The key is on record.
    pub(super) fn reserved(&mut self, now: Instant, made: &Reservation, key: &[u8]) {
        kill_point(KillPoint::KeyReserved);
        let page = self.page + 1;
        let Some(mixer) = &mut self.mixer else { return self.leg.odd("key for a line in clear") };
        let told = mixer.reserved(page, made, key);
        if self.state != State::Keying {
            return self.leg.odd("key came too late: it is burned");
        }
        self.leg.timers.stop(Timer::Deciding);
        let mut octets = std::mem::take(&mut self.clear);
        let mixed = told.and_then(|events| Ok((events, self.mixer.as_mut().ok_or("no device")?.encipher(&mut octets)?)));
        match mixed {
            Ok((events, ())) => {
                events.into_iter().for_each(|event| self.leg.event(CallEvent::Key(event)));
                self.send_octets(now, octets);
            }
            Err(why) => self.key_trouble(now, why, Blame::Us),
        }
    }
    /// The key could not be put on record.
    pub(super) fn not_reserved(&mut self, now: Instant, why: String) {
        if let Some(mixer) = &mut self.mixer {
            mixer.not_reserved();
        }
        self.key_trouble(now, why, Blame::Us);
    }
    /// Ends the call for want of key.
    pub(super) fn key_trouble(&mut self, now: Instant, why: String, blame: Blame) {
        self.leg.event(CallEvent::Key(KeyEvent::Trouble { reason: why.clone() }));
        if self.state != State::Keying {
            self.note_failure_in(format!("before sending page {} to", self.page + 1), why.clone(), blame);
        }
        self.fail(now, why, blame);
    }
}

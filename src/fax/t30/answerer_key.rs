//! What an answerer does about key: names its diskettes, has the key of a page reserved before it is ready for it, takes it off the page.
//!
//! Standard: none; ours (`docs/fax-cipher.md`). In: what the caller's NSS names, reservations that are on disk. Out: an entry of NSF, clear octets.
//! Nothing is taken in clear on an enciphered line. A page that does not decipher is never confirmed.
//! Left out: which key (`cipher`). Shown by: `fixtures/dialogues/fax/enciphered-call.txt`, `tests/it/fax_cipher.rs`.

use super::Reservation;
use super::answerer::{Answerer, Await, Refusal, State};
use super::cipher::{KeyEvent, Keys, Mixer, Start, offer};
use super::event::CallEvent;
use super::facility::{Entry, tag};
use super::frame::{Frame, Kind};
use super::outcome::Blame;
use super::timers::{PASSED_OVER, Timer};
use super::{Output, verdict::Verdict};
use crate::fax::code::Damage;
use crate::key::Copy;
use crate::time::Instant;

impl Answerer {
    /// The same answerer on an enciphered line.
    pub fn keyed(mut self, keys: &Keys) -> Answerer {
        self.mixer = Some(Mixer::new(Copy::Receive, keys));
        self.leg.long_signals();
        self
    }

    /// What is said of diskettes beside a DIS.
    pub(super) fn offer_of_key(&mut self) -> Option<Entry> {
        let troubles = self.mixer.as_mut().map_or(vec![], Mixer::troubles);
        troubles.into_iter().for_each(|event| self.leg.event(CallEvent::Key(event)));
        self.mixer.as_ref().map(|mixer| offer(&mixer.places()))
    }
    /// Whether a DCS is worth nothing because what stood beside it was damaged, and may have been the place of its key.
    pub(super) fn key_was_damaged(&mut self) -> bool {
        let missed = self.mixer.is_some() && self.leg.cipher.is_none() && !self.leg.whole && self.passed_over < PASSED_OVER;
        self.passed_over += u32::from(missed);
        missed
    }
    /// A DCS came: whether its page can be read. Why not is said when the far end hears.
    pub(super) fn hear_start(&mut self) -> Option<Refusal> {
        if self.state == State::Keying {
            self.leg.timers.stop(Timer::Deciding); // a slow disk: the far end asks once more, and the check comes again
        }
        let said = self.leg.cipher.take();
        self.names_key |= said.is_some();
        let accepted = match (&mut self.mixer, said) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err("its pages are enciphered, and this line has no diskettes".to_owned()),
            (Some(_), None) => Err("this line is enciphered, and it names no key; nothing is taken in clear".to_owned()),
            (Some(mixer), Some(value)) => Start::read(&value).and_then(|start| mixer.accept(start)),
        };
        let what = accepted.err()?;
        if let Some(mixer) = &mut self.mixer {
            mixer.spent();
        }
        self.leg.event(CallEvent::Key(KeyEvent::Trouble { reason: what.clone() }));
        let entries = vec![Entry::new(tag::NOT_NOW, what.clone())];
        Some(Refusal { what, blame: Blame::Peer, entries, of_settings: true })
    }
    /// The training check passed: ready, once the key of the page is on record.
    pub(super) fn ready_for_page(&mut self, now: Instant) {
        let Some(mixer) = &mut self.mixer else {
            return self.answer(now, vec![Frame::bare(Kind::Cfr)], Await::Page);
        };
        if mixer.ready() {
            return self.answer(now, vec![Frame::bare(Kind::Cfr)], Await::Page);
        }
        let (wanted, events) = mixer.reserve();
        events.into_iter().for_each(|event| self.leg.event(CallEvent::Key(event)));
        self.leg.out.extend(wanted.map(Output::Reserve));
        self.leg.arm(now, Timer::Deciding);
        self.enter(now, State::Keying);
    }
    /// The key is on record.
    pub(super) fn reserved(&mut self, now: Instant, made: &Reservation, key: &[u8]) {
        let page = self.pages + 1;
        let Some(mixer) = &mut self.mixer else { return self.leg.odd("key for a line in clear") };
        match mixer.reserved(page, made, key) {
            Ok(events) => events.into_iter().for_each(|event| self.leg.event(CallEvent::Key(event))),
            Err(why) => {
                self.leg.odd(why); // another place was named meanwhile; this one is burned
                if self.state == State::Keying {
                    return self.ready_for_page(now);
                }
            }
        }
        self.go_on(now);
    }
    /// The key could not be put on record.
    pub(super) fn not_reserved(&mut self, now: Instant, why: String) {
        if let Some(mixer) = &mut self.mixer {
            mixer.not_reserved();
        }
        self.leg.event(CallEvent::Key(KeyEvent::Trouble { reason: why.clone() }));
        self.fail(now, why, Blame::Us);
    }
    /// Says CFR, if that is all that waits for the key.
    pub(super) fn ready_if_keyed(&mut self, now: Instant) {
        if !self.leg.carrier && self.mixer.as_ref().is_some_and(Mixer::ready) {
            self.leg.timers.stop(Timer::Deciding);
            self.ready_for_page(now);
        }
    }
    /// Whether there is key for a page that begins; if not, the call is ended: it is in clear, or a second one under the same key.
    pub(super) fn key_for_page(&mut self, now: Instant) -> bool {
        let there = self.mixer.as_ref().is_none_or(Mixer::ready);
        if !there {
            self.fail(now, "a page comes for which no key was named; it is not read".into(), Blame::Peer);
        }
        there
    }
    /// Takes the key off octets that begin at `from` of the page in hand.
    pub(super) fn decipher(&self, octets: &mut [u8], from: usize) {
        if let Some(mixer) = &self.mixer {
            mixer.decipher(octets, from);
        }
    }
    /// A page is over, and its key is used. With correction every octet came: rows that cannot be read mean another key, and end the call.
    pub(super) fn key_is_spent(&mut self, now: Instant, damage: &Damage, corrected: bool) -> bool {
        let Some(mixer) = &mut self.mixer else { return true };
        let start = mixer.start;
        mixer.spent();
        if !corrected || damage.bad_rows == 0 && damage.ended {
            return true;
        }
        let (bad, rows, number) = (damage.bad_rows, damage.rows, self.pages + 1);
        let of = start.map_or(String::new(), |s| format!(" with diskette {:06} from {}", s.at.serial, s.at.position));
        self.leg.event(CallEvent::Judged { page: number, rows, bad, verdict: Verdict::Bad });
        let what =
            format!("page {number} does not decipher{of}: {bad} of {rows} rows cannot be read; see that the two diskettes are twins");
        self.leg.event(CallEvent::Key(KeyEvent::Trouble { reason: what.clone() }));
        self.fail(now, what, Blame::Peer);
        false
    }
}

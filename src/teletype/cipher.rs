//! The terminal's mixer: what goes out is enciphered, what comes in deciphered, and key is asked for before it is needed.
//!
//! Standard: the one-time tape mixer of 1963 added five bits of key to five of text (`docs/cipher.md`); the words around it are ours.
//! In: codes before the mixer, cipher off the line, reservations that are on disk. Out: cipher, text, reservations to be made, events.
//! Left out: the line's words (`service`), reels (`key::reel`), disks (`key::backend_disk`). Shown by: `tests/it/cipher.rs`.

use super::service::{Claim, Line, Place, Why};
use super::terminal::{Output, Terminal};
use super::wire::{CHUNK, CUT};
use crate::faults::{self, KillPoint, kill_point};
use crate::key::reel::{BLOCK, Reel, Reservation};
use crate::key::{Copy, Tapes};
use crate::line::Code;
use crate::message::Name;
use crate::router::event::{Direction, Event, KeySpan};
use crate::router::{Fault, Outcome, Reason};
use crate::time::Instant;
use std::collections::VecDeque;

/// What is settled about key before a station runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rules {
    /// How far a reader follows a far end that claims a higher position; beyond it an operator decides.
    pub jump: u64,
    /// At so many codes left a warning is given.
    pub warn: Vec<u64>,
}

/// The longest enciphered answer: a service line with its shifts.
pub(super) const ANSWER: u64 = 260;
/// What a call-up in clear is told.
pub(super) const ENCIPHERED: &str = "THIS LINE IS ENCIPHERED";
/// Codes of a cut's end that nobody waits for: a reader left behind by so many has lost nothing.
const CUT_REST: u64 = 3;
/// Codes that a line may hold back when it is halted: what a pacer takes ahead (a thousand), a chunk, an announcement.
const HANDED: usize = 1_500;

/// The two tapes of a line, and the span that is coming in.
pub(super) struct Cipher {
    pub rules: Rules,
    pub send: Reel<Code>,
    pub receive: Reel<Code>,
    /// The codes handed to the line last: of those in cipher tape, position and key.
    handed: VecDeque<Option<(u32, u64, Code)>>,
    /// How far the far end has read our tape, if it said so while a message of ours was open on the line.
    far_read: Option<Place>,
    /// A call-up (from, number) whose ready answer waits for its key.
    pub ready: Option<(Name, u32)>,
    pub inbound: Option<super::inbound::Inbound>,
    /// A span did not decipher, and none has since.
    pub lost: bool,
    /// The trouble told last, so that one that goes on is told once.
    told: String,
    /// The lowest warning given, each way.
    warned: [u64; 2],
    before: Option<Reel<Code>>,
}

impl Cipher {
    pub(super) fn new(rules: Rules) -> Cipher {
        let (send, receive) = (Reel::new(Copy::Send, BLOCK), Reel::new(Copy::Receive, BLOCK));
        let (told, warned) = (String::new(), [u64::MAX; 2]);
        let handed = VecDeque::new();
        Cipher { rules, send, receive, handed, far_read: None, ready: None, inbound: None, lost: false, told, warned, before: None }
    }
    fn hand(&mut self, codes: impl IntoIterator<Item = Option<(u32, u64, Code)>>) {
        self.handed.extend(codes);
        self.handed.drain(..self.handed.len().saturating_sub(HANDED));
    }
    fn reel(&mut self, copy: Copy) -> &mut Reel<Code> {
        match copy {
            Copy::Send => &mut self.send,
            Copy::Receive => &mut self.receive,
        }
    }
}

fn direction(copy: Copy) -> Direction {
    match copy {
        Copy::Send => Direction::Out,
        Copy::Receive => Direction::In,
    }
}

impl Terminal {
    /// Whether this line is enciphered.
    pub(super) fn keyed(&self) -> bool {
        self.cipher.is_some()
    }

    /// These tapes hang here.
    pub(super) fn tapes(&mut self, now: Instant, tapes: &Tapes) {
        let Some(cipher) = &mut self.cipher else { return };
        cipher.send.hang(&tapes.send);
        cipher.receive.hang(&tapes.receive);
        let gone = cipher.send.stands().is_none();
        for trouble in &tapes.troubles {
            self.trouble(trouble.clone());
        }
        if gone && self.transmits() {
            let why = "the key tape that was being sent with has been taken away".to_owned();
            self.finish(now, Outcome::Deferred(Reason::new(Fault::Us, why)));
        }
        self.ready_if_covered();
        self.work_off(now); // what waited for a tape that is gone waits no more
    }
    /// Says once what is wrong with key, and has the folder looked through for tapes put in meanwhile.
    pub(super) fn trouble(&mut self, reason: String) {
        let Some(cipher) = &mut self.cipher else { return };
        if cipher.told == reason {
            return self.ignored(reason);
        }
        cipher.told.clone_from(&reason);
        self.event(Event::KeyTrouble { reason });
    }

    // ---- reservations ----

    /// Sees to it that `need` codes are at hand: `true` if they are, else they are being reserved (or there are none left).
    fn cover(&mut self, copy: Copy, need: usize) -> bool {
        let Some(cipher) = &mut self.cipher else { return true };
        let reel = cipher.reel(copy);
        if let Some(reservation) = reel.reserve(need) {
            self.push(Output::Reserve(reservation));
            return false;
        }
        reel.at_hand() >= need
    }
    /// A reservation is on disk.
    pub(super) fn reserved(&mut self, now: Instant, made: &Reservation, codes: &[Code]) {
        let Some(cipher) = &mut self.cipher else { return };
        if made.copy == Copy::Send {
            kill_point(KillPoint::KeyReserved);
        }
        cipher.reel(made.copy).reserved(made.serial, made.from, codes);
        self.warn_of(made.copy);
        if made.copy == Copy::Receive {
            self.ready_if_covered();
            self.work_off(now);
        }
    }
    /// A reservation could not be made: nothing goes out with it.
    pub(super) fn not_reserved(&mut self, now: Instant, made: &Reservation, why: String) {
        let Some(cipher) = &mut self.cipher else { return };
        cipher.reel(made.copy).not_reserved();
        self.trouble(why.clone());
        match made.copy {
            Copy::Send => {
                self.lines.retain(|l| !l.answers_a_message());
                if !matches!(self.sending, super::sender::Sending::Idle) {
                    self.finish(now, Outcome::Deferred(Reason::new(Fault::Us, why)));
                }
            }
            Copy::Receive => {
                if let Some((to, no)) = self.cipher.as_mut().and_then(|c| c.ready.take()) {
                    self.not_ready(to, no, "THE KEY CANNOT BE RESERVED");
                }
                self.step_lost(now, Why::Key, "the key could not be reserved");
                self.work_off(now);
            }
        }
    }
    fn warn_of(&mut self, copy: Copy) {
        let (code, Some(cipher)) = (self.config.code_time, &mut self.cipher) else { return };
        let (left, way) = (cipher.reel(copy).left(), usize::from(copy == Copy::Receive));
        let Some(mark) = cipher.rules.warn.iter().copied().filter(|w| left <= *w).min() else { return };
        if mark < cipher.warned[way] {
            cipher.warned[way] = mark;
            let minutes = code.as_micros() as u64 * left / 60_000_000;
            self.event(Event::KeyLow { dir: direction(copy), left, minutes });
        }
    }
    fn taken(&mut self, copy: Copy) {
        let Some(cipher) = &mut self.cipher else { return };
        let reel = cipher.reel(copy);
        if let Some((tape, position)) = reel.stands() {
            let left = reel.left_of(tape);
            self.event(Event::KeyTaken { dir: direction(copy), tape, position, left });
        }
    }
    /// Moves a reel forward, and says what is burned by it.
    fn move_to(&mut self, copy: Copy, to: u64, silent: u64, reason: &str) {
        let Some(cipher) = &mut self.cipher else { return };
        let reel = cipher.reel(copy);
        let Some((tape, from)) = reel.stands().filter(|(_, from)| *from < to) else { return };
        reel.advance(to);
        if to - from > silent {
            self.event(Event::KeyBurned { dir: direction(copy), tape, from, to, reason: reason.to_owned() });
        }
    }

    // ---- going out ----

    /// What a call-up for a message of `need` codes says of key; `Err` says what is missing here.
    pub(super) fn claim(&mut self, need: u64) -> Result<Option<Claim>, String> {
        let (peer, own) = (self.peer_name(), self.config.station.upper());
        let Some(cipher) = &mut self.cipher else { return Ok(None) };
        let Some(other) = cipher.send.choose(need) else {
            let left = cipher.send.left();
            return Err(format!(
                "key is short: the tapes for what {own} sends have {left} codes left and the message needs {need} in one piece; hang a new tape (`molink keys make`)"
            ));
        };
        if !cipher.receive.has(1) {
            return Err(format!(
                "key is short: no tape of what {peer} sends is left here, so its receipt could not be read; hang the twin of its tape"
            ));
        }
        // The tape in the reader is named even when it is used up: so the far end learns that it is, and takes the next.
        let new = cipher.receive.stands().is_none() && cipher.receive.choose(1) == Some(true);
        let places = (cipher.send.stands(), cipher.receive.stands());
        if other {
            self.taken(Copy::Send);
        }
        if new {
            self.taken(Copy::Receive);
        }
        let place = |(serial, position)| Place { serial, position };
        Ok(places.0.zip(places.1).map(|(send, read)| Claim { from: place(send), count: need, read: place(read) }))
    }
    /// The far end is ready from `place` on: the line starts at the larger of both. `Ok(false)`: the tape has too little left from there.
    pub(super) fn start_from(&mut self, place: Option<Place>, need: u64) -> Result<bool, String> {
        let peer = self.peer_name();
        let Some(cipher) = &self.cipher else {
            return if place.is_none() { Ok(true) } else { Err(format!("{peer} speaks of key, and this line has none")) };
        };
        let Some(place) = place else {
            return Err(format!("{peer} is ready in clear, and this line is enciphered; nothing is sent"));
        };
        let Some((serial, position)) = cipher.send.stands().filter(|(serial, _)| *serial == place.serial) else {
            return Err(format!("{peer} is ready with tape {:06}, which is not the one called up with; nothing is sent", place.serial));
        };
        let jump = cipher.rules.jump;
        if place.position > position + jump {
            let to = place.position;
            return Err(format!(
                "{peer} claims to have read tape {serial:06} to {to}, and it was used here to {position}: more than {jump} further; see that it is the right tape, then `molink keys skip` it"
            ));
        }
        self.move_to(Copy::Send, place.position, 0, &format!("{peer} has read to here"));
        Ok(self.cipher.as_ref().is_none_or(|c| c.send.left_of(serial) >= need))
    }
    /// Whether a chunk of `chunk` codes can go out, with `rest` to follow: the cut sequence must always be at hand too.
    pub(super) fn chunk_covered(&mut self, chunk: usize, rest: usize) -> bool {
        let need = chunk + CUT.len();
        let covered = self.cover(Copy::Send, need);
        if covered {
            self.cover(Copy::Send, need + rest.min(CHUNK)); // ahead, so that the line need not stand still for a disk
        }
        covered
    }
    /// Whether an answer can go out enciphered now; `None`: never, for want of key.
    pub(super) fn answer_covered(&mut self, codes: usize) -> Option<bool> {
        let Some(cipher) = &mut self.cipher else { return Some(true) };
        if cipher.send.choose(codes as u64)? {
            self.taken(Copy::Send);
        }
        Some(self.cover(Copy::Send, codes))
    }
    /// The line that says that cipher begins, for at most `count` codes.
    pub(super) fn announcement(&self, count: usize) -> Option<Line> {
        let (serial, position) = self.cipher.as_ref()?.send.stands()?;
        Some(Line::Key { from: Place { serial, position }, count: count as u64 })
    }
    /// Mixes key into codes: five bits to five bits (modulo 2). All of the key must be at hand.
    pub(super) fn mix(&mut self, codes: &[Code]) -> (Vec<Code>, Option<KeySpan>) {
        let Some(cipher) = &mut self.cipher else { return (codes.to_vec(), None) };
        let span = cipher.send.stands().map(|(tape, position)| KeySpan { tape, position });
        let (mut out, mut keys) = (vec![], vec![]);
        for code in codes {
            let (place, Some(key)) = (cipher.send.stands(), cipher.send.take()) else { break };
            out.push(mixed(*code, key));
            keys.push(place.map(|(serial, position)| (serial, position, key)));
        }
        cipher.hand(keys);
        (out, span)
    }
    /// So many codes went to the line in clear.
    pub(super) fn handed_clear(&mut self, codes: usize) {
        if let Some(cipher) = &mut self.cipher {
            cipher.hand(std::iter::repeat_n(None, codes));
        }
    }
    /// The last `left` codes handed to the line have not gone out and never will: their key is there again.
    pub(super) fn unmix(&mut self, left: usize) {
        let Some(cipher) = &mut self.cipher else { return };
        let kept = cipher.handed.len().saturating_sub(left);
        for (serial, position, key) in cipher.handed.drain(kept..).rev().flatten() {
            if !cipher.send.give_back(serial, position, key) {
                break; // the reel has moved since: burned
            }
        }
    }
    /// Whether the tape in the mixer has key for a message of `need` codes that is about to begin.
    pub(super) fn suffices(&self, need: u64) -> bool {
        self.cipher.as_ref().is_none_or(|c| c.send.stands().is_some_and(|(serial, _)| c.send.left_of(serial) >= need))
    }
    /// Whether the key of a cut sequence is at hand: always in a message, unless its tape was taken away.
    pub(super) fn cut_covered(&self) -> bool {
        self.cipher.as_ref().is_none_or(|c| c.send.at_hand() >= CUT.len())
    }
    /// For the planted fault only: a message sent again takes its old key.
    pub(super) fn remember_or_reuse_key(&mut self, transmissions: u32) {
        if let Some(cipher) = self.cipher.as_mut().filter(|_| faults::planted(faults::Fault::RetryReusesKey)) {
            match cipher.before.take() {
                Some(before) if transmissions > 1 => cipher.send = before,
                _ => cipher.before = Some(cipher.send.clone()),
            }
        }
    }

    // ---- called up ----

    /// A call-up names these tapes: readies our reader, or says why not, in the words of the answer.
    pub(super) fn take_up(&mut self, from: &Name, claim: Option<Claim>) -> Result<(), String> {
        let Some(cipher) = &self.cipher else {
            return if claim.is_none() { Ok(()) } else { Err("NO KEY TAPES ON THIS LINE".into()) };
        };
        let Some(claim) = claim else { return Err(ENCIPHERED.into()) };
        let (serial, jump) = (claim.from.serial, cipher.rules.jump);
        let Some(next) = cipher.receive.next_of(serial) else {
            self.push(Output::Rescan);
            self.trouble(format!("{} calls up with tape {serial:06}, and its twin does not hang here", from.upper()));
            return Err(format!("NO TAPE {serial:06}"));
        };
        self.claims_fit(from, &claim, next, jump)?;
        let Some(cipher) = &mut self.cipher else { return Ok(()) };
        if cipher.receive.take_up(serial) {
            self.taken(Copy::Receive);
        }
        self.move_to(Copy::Receive, claim.from.position, CUT_REST, &format!("{} calls up from here", from.upper()));
        if let Some(cipher) = &mut self.cipher {
            cipher.far_read = Some(claim.read);
        }
        self.catch_up();
        if self.cipher.as_ref().is_some_and(|c| c.send.has(ANSWER)) {
            return Ok(());
        }
        self.push(Output::Rescan);
        self.trouble(format!(
            "key is short: no tape for what {} sends has {ANSWER} codes left for a receipt; hang a new tape",
            self.config.station.upper()
        ));
        Err("NO KEY FOR THE RECEIPT".into())
    }
    /// Our tape moves up to where the far end says it has read; not under a message that is open on the line, whose key was announced
    /// as one piece.
    pub(super) fn catch_up(&mut self) {
        if self.mid_cipher() {
            return;
        }
        let Some(Place { serial, position }) = self.cipher.as_mut().and_then(|c| c.far_read.take()) else { return };
        let Some(cipher) = &mut self.cipher else { return };
        if cipher.send.stands().is_none() && cipher.send.next_of(serial).is_some() && cipher.send.take_up(serial) {
            self.taken(Copy::Send);
        }
        if self.cipher.as_ref().and_then(|c| c.send.stands()).is_some_and(|(there, _)| there == serial) {
            let reason = format!("{} has read to here", self.peer_name());
            self.move_to(Copy::Send, position, CUT_REST, &reason);
        }
    }
    fn claims_fit(&mut self, from: &Name, claim: &Claim, next: u64, jump: u64) -> Result<(), String> {
        let Place { serial, position } = claim.from;
        let from = from.upper();
        if position > next + jump {
            self.trouble(format!(
                "{from} calls up from {position} of tape {serial:06}, which was read here to {next}: more than {jump} further; see that it is the right tape, then `molink keys skip` it"
            ));
            return Err(format!("TAPE {serial:06} STANDS AT {next} HERE"));
        }
        let Some(cipher) = &self.cipher else { return Ok(()) };
        // Only if the twin is too short: a reader that stands further on says so when it is ready, and the caller takes another tape.
        let end = next + cipher.receive.left_of(serial);
        if position.saturating_add(claim.count) > end {
            self.trouble(format!(
                "{from} calls up for {} codes from {position} of tape {serial:06}, whose twin here ends at {end}",
                claim.count
            ));
            return Err(format!("TAPE {serial:06} ENDS AT {end} HERE"));
        }
        let read = claim.read;
        if let Some(next) = cipher.send.next_of(read.serial)
            && read.position > next + jump
        {
            self.trouble(format!(
                "{from} claims to have read tape {:06} to {}, and it was used here to {next}: more than {jump} further; see that it is the right tape, then `molink keys skip` it",
                read.serial, read.position
            ));
            return Err(format!("TAPE {:06} STANDS AT {next} HERE", read.serial));
        }
        if position < next {
            self.ignored(format!(
                "{from} calls up from {position} of tape {serial:06}, which was read here to {next}; the line starts there"
            ));
        }
        Ok(())
    }
    /// Says ready once the first of the message's key is at hand.
    pub(super) fn ready_if_covered(&mut self) {
        let Some((to, no)) = self.cipher.as_ref().and_then(|c| c.ready.clone()) else { return };
        let covered = self.cover(Copy::Receive, CHUNK);
        let Some(cipher) = &mut self.cipher else { return };
        let Some((serial, position)) = cipher.receive.stands() else {
            cipher.ready = None; // its tape was taken away meanwhile
            return self.not_ready(to, no, "NO TAPE ANY MORE");
        };
        if covered || cipher.receive.all_at_hand() {
            cipher.ready = None;
            let key = Some(Place { serial, position });
            self.say(Line::Ready { to, from: self.config.station.clone(), no, key });
        }
    }
    pub(super) fn not_ready(&mut self, to: Name, no: u32, reason: &str) {
        self.say(Line::NotReady { to, from: self.config.station.clone(), no, reason: reason.to_owned() });
    }

    // ---- coming in ----

    /// Whether the next code off the line can be taken: that of an enciphered span only with its key at hand.
    pub(super) fn covered_inbound(&mut self, now: Instant) -> bool {
        if !self.cipher.as_ref().and_then(|c| c.inbound.as_ref()).is_some_and(super::inbound::Inbound::needs_key) {
            return true;
        }
        self.cover(Copy::Receive, CHUNK); // ahead, so that nobody need wait for a disk
        let Some(cipher) = &self.cipher else { return true };
        if cipher.receive.stands().is_none_or(|(serial, _)| cipher.receive.left_of(serial) == 0) {
            self.step_lost(now, Why::Key, "the key tape has ended");
            return true;
        }
        cipher.receive.at_hand() > 0
    }
    /// `KEY …` came: from the code after its end on, all is cipher.
    pub(super) fn on_key(&mut self, from: Place, count: u64) {
        let Some(cipher) = &mut self.cipher else {
            return self.ignored("a far end speaks of key, and this line has none");
        };
        if count == 0 {
            return self.ignored("the far end announces cipher of no codes");
        }
        let (Place { serial, position }, jump) = (from, cipher.rules.jump);
        let Some(next) = cipher.receive.next_of(serial) else {
            self.push(Output::Rescan);
            return self.trouble(format!("the far end enciphers with tape {serial:06}, and its twin does not hang here"));
        };
        if position < next {
            // The next call-up names this tape and how far it was read: a far end that means it goes on from there.
            cipher.receive.take_up(serial);
            return self.trouble(format!(
                "the far end enciphers from {position} of tape {serial:06}, which was read here to {next}: a recording, or its tape was copied back; it is not read"
            ));
        }
        if position > next + jump {
            return self.trouble(format!(
                "the far end enciphers from {position} of tape {serial:06}, which was read here to {next}: more than {jump} further; it is not read"
            ));
        }
        if cipher.receive.take_up(serial) {
            self.taken(Copy::Receive);
        }
        self.move_to(Copy::Receive, position, CUT_REST, "the far end enciphers from here");
        if let Some(cipher) = &mut self.cipher {
            cipher.inbound = Some(super::inbound::Inbound::new(from, count, self.config.unshift));
        }
    }
}

/// Five bits of key added to five of text, without carry; the same again takes it off.
pub fn mixed(code: Code, key: Code) -> Code {
    Code::new(code.value() ^ key.value())
}

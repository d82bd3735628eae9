//! An enciphered span that comes in: where it begins, what it turns out to be, and how a loss of step is seen.
//!
//! Standard: ours (`docs/cipher.md`). In: cipher codes, deciphered ones. Out: a message's codes, an answer, or a loss of step.
//! Left out: keys and reservations (`cipher`), what a message or an answer means (`receiver`, `sender`).
//! Shown by: the tests below, `tests/it/cipher.rs`.

use super::cipher::mixed;
use super::codes::{CR, LF, LTRS, UnshiftOnSpace};
use super::receiver::Receiving;
use super::service::{Detector, Place, Why};
use super::terminal::Terminal;
use super::wire::{Flaw, START};
use crate::line::Code;
use crate::router::event::{Event, Span};
use crate::time::Instant;

/// How a service line begins.
const LINE_START: [Code; 5] = [CR, CR, LF, LTRS, LTRS];
/// What follows the announcing line's first CR, in clear.
const LINE_REST: u8 = 2;

/// The span that is coming in.
pub(super) struct Inbound {
    from: Place,
    /// Codes of the announcing line's end, still in clear.
    clear: u8,
    /// Codes that may still come.
    left: u64,
    kind: Kind,
    suspects: Suspects,
    setting: UnshiftOnSpace,
}

enum Kind {
    /// Not known yet: the first codes tell.
    Head(Vec<Code>),
    Message,
    /// An answer; once its line is whole, so many codes of its end are still to come.
    Answer(Box<Detector>, Option<u8>),
}

impl Inbound {
    /// A span announced from `from` on, of at most `count` codes.
    pub fn new(from: Place, count: u64, setting: UnshiftOnSpace) -> Inbound {
        Inbound { from, clear: LINE_REST, left: count, kind: Kind::Head(vec![]), suspects: Suspects::default(), setting }
    }
    /// Whether its next code is cipher (the announcing line's end is not).
    pub fn needs_key(&self) -> bool {
        self.clear == 0
    }
}

/// Counts what no text of ours has: a CR without CR or LF after it, an LF without either before it. Where step is lost every
/// seventeenth code is one; the last 64 are looked at.
#[derive(Default)]
struct Suspects {
    last: Option<Code>,
    seen: u64,
}

impl Suspects {
    /// Four among 64: noise alone would have to be so heavy that the message is lost anyway.
    const LIMIT: u32 = 4;
    fn take(&mut self, code: Code) -> bool {
        let line_end = |c: Code| c == CR || c == LF;
        let alone = self.last.is_some_and(|last| (last == CR && !line_end(code)) || (code == LF && !line_end(last)));
        self.last = Some(code);
        self.seen = self.seen << 1 | u64::from(alone);
        self.seen.count_ones() >= Self::LIMIT
    }
}

impl Terminal {
    fn inbound(&mut self) -> Option<&mut Inbound> {
        self.cipher.as_mut()?.inbound.as_mut()
    }
    /// Takes a code off the line if a span is open (its key is at hand, see `covered_inbound`): `true` if it did.
    pub(super) fn cipher_code(&mut self, now: Instant, code: Code) -> bool {
        let Some(cipher) = self.cipher.as_mut() else { return false };
        let Some(inbound) = cipher.inbound.as_mut() else { return false };
        if inbound.clear > 0 {
            inbound.clear -= 1;
            return true;
        }
        let Some(key) = cipher.receive.take() else { return false };
        inbound.left -= 1;
        self.deciphered(now, mixed(code, key));
        true
    }
    /// A code of the span, deciphered.
    fn deciphered(&mut self, now: Instant, code: Code) {
        let Some(inbound) = self.inbound() else { return };
        match &mut inbound.kind {
            Kind::Head(head) => {
                head.push(code);
                if head.len() == START.len() {
                    let head = std::mem::take(head);
                    self.head(now, &head);
                }
            }
            Kind::Message => {
                let out_of_step = inbound.suspects.take(code);
                self.text_code(now, code);
                if out_of_step {
                    self.step_lost(now, Why::Step, "what comes is no text any more");
                }
            }
            Kind::Answer(_, Some(rest)) => {
                *rest -= 1;
                if *rest == 0 {
                    self.close_inbound();
                }
            }
            Kind::Answer(detector, rest) => {
                if let Some(body) = detector.take(code) {
                    *rest = Some(LINE_REST);
                    self.heard_service_line(now, body, Span::Cipher);
                }
            }
        }
        if self.inbound().is_some_and(|i| i.left == 0) {
            self.step_lost(now, Why::Step, "no end came within the codes announced");
        }
    }
    fn head(&mut self, now: Instant, head: &[Code]) {
        let called = match &self.receiving {
            Receiving::Called { no, answered: true, .. } => Some(*no),
            Receiving::Idle | Receiving::Called { .. } | Receiving::Message { .. } => None,
        };
        let Some(inbound) = self.inbound() else { return };
        if head == LINE_START {
            let mut detector = Detector::new(inbound.setting);
            head.iter().for_each(|c| {
                detector.take(*c);
            });
            inbound.kind = Kind::Answer(Box::new(detector), None);
            self.regained();
        } else if head != START {
            self.step_lost(now, Why::Step, "its first codes do not decipher");
        } else if let Some(no) = called {
            inbound.kind = Kind::Message;
            self.regained();
            self.begin(no);
        } else {
            self.close_inbound();
            self.ignored("an enciphered message began that nobody had called up for");
        }
    }
    fn regained(&mut self) {
        let Some(cipher) = self.cipher.as_mut().filter(|c| c.lost) else { return };
        cipher.lost = false;
        if let Some(Place { serial, position }) = cipher.inbound.as_ref().map(|i| i.from) {
            self.event(Event::StepRegained { tape: serial, position });
        }
    }
    /// The span does not decipher (any more): nothing of it is filed, and its sender is told where it was a message.
    pub(super) fn step_lost(&mut self, now: Instant, why: Why, reason: &str) {
        let Some(cipher) = self.cipher.as_mut() else { return };
        let Some(inbound) = cipher.inbound.take() else { return };
        cipher.lost = true;
        self.event(Event::StepLost { reason: reason.to_owned() });
        let answer = matches!(inbound.kind, Kind::Answer(..));
        match self.receiving {
            Receiving::Called { no, answered: true, .. } | Receiving::Message { no, .. } if !answer => {
                self.not_received(now, no, Flaw { why, text: reason.to_owned() });
            }
            Receiving::Idle | Receiving::Called { .. } | Receiving::Message { .. } => {}
        }
    }
    /// A line in clear came: whatever was coming in enciphered has ended without its end.
    pub(super) fn clear_line_came(&mut self, now: Instant, call: bool) {
        let Some(inbound) = self.inbound() else { return };
        // The end of an answer is two codes without meaning; a message that a call-up breaks off is begun anew.
        let whole = matches!(inbound.kind, Kind::Answer(_, Some(_)));
        if whole || (call && matches!(inbound.kind, Kind::Message)) {
            self.close_inbound();
        } else {
            self.step_lost(now, Why::Step, "a line in clear came before its end");
        }
    }
    pub(super) fn close_inbound(&mut self) {
        if let Some(cipher) = &mut self.cipher {
            cipher.inbound = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::{Rng, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    #[test]
    fn text_has_no_suspects_and_random_codes_soon_have_enough() {
        let mut text = vec![];
        super::super::codes::Coder::new(super::super::codes::CodeTable::Ita2, UnshiftOnSpace::Unknown)
            .write("A LINE\nTWO 12\n\nTHREE\n", &mut text)
            .unwrap();
        let mut suspects = Suspects::default();
        assert!(!text.iter().cycle().take(10_000).any(|c| suspects.take(*c)));
        let mut random = Xoshiro256PlusPlus::seed_from_u64(3);
        let mut longest = 0;
        for _ in 0..200 {
            let mut suspects = Suspects::default();
            let until = (0..2_000).position(|_| suspects.take(Code::new(random.next_u32() as u8))).unwrap();
            longest = longest.max(until);
        }
        assert!((20..800).contains(&longest), "{longest}");
    }
}

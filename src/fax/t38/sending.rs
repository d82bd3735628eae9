//! What a signal is in packets, and when each goes: silence, preamble or training, then octets as a line of that rate would bring them.
//!
//! Standards: ITU-T T.38 7.3 to 7.5, 8.2; times as in `modem` and `line::modulation`. In: a signal. Out: steps with their times.
//! A packet goes when its last bit would have come: so a gateway at the far end never has to wait. The octets of a page are about 40 ms each.
//! Left out: numbering, repeating (see `udptl`, `terminal`). Shown by: the tests of `terminal`, `docs/t38.md`.

use super::ifp::{Carried, Field, FieldKind, Ifp, Indicator};
use crate::fax::hdlc::Framer;
use crate::fax::modem::{CNG_OFF, CNG_ON, FAST_PREAMBLE, Modulation, PREAMBLE, SILENCE, Signal};
use crate::time::{Instant, Speed};
use std::time::Duration;

/// Octets of a V.21 frame in a packet: T.38 7.5 keeps them few, for the gateways' sake (7 at the most; secondary sources).
const OF_V21: usize = 5;
/// Time that a packet of a fast carrier stands for. Ours.
const PIECE: Duration = Duration::from_millis(40);
/// At `max`: octets of a packet, and the pause after each, so that the far end's buffers hold. Ours.
const OF_MAX: usize = 128;
const PAUSE: Duration = Duration::from_micros(150);

/// Something to do.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Step {
    /// Send a packet; whether a pause follows, in which it may be sent again.
    Packet(Ifp, bool),
    /// Say that the signal is out.
    Sent,
    /// Plan the next calling tone.
    CngAgain,
}

/// A calling tone, and when the next begins.
pub(super) fn cng(now: Instant) -> [(Instant, Step); 3] {
    let packet = |indicator| Step::Packet(Ifp::Indicator(indicator), true);
    let off = now + CNG_ON;
    [(now, packet(Indicator::Cng)), (off, packet(Indicator::NoSignal)), (off + CNG_OFF, Step::CngAgain)]
}

/// A whole signal, from the silence before it on.
pub(super) fn signal(now: Instant, signal: Signal, speed: Speed) -> Vec<(Instant, Step)> {
    let modulation = match &signal {
        Signal::Frames(_) => Modulation::V21,
        Signal::Bits(fast, _) | Signal::FastFrames(fast, _) => fast.modulation,
    };
    let mut plan = Plan { at: now, max: speed == Speed::Max, modulation, steps: vec![] };
    plan.wait(SILENCE);
    match signal {
        Signal::Frames(frames) => {
            plan.indicate(Indicator::V21Preamble);
            plan.wait(PREAMBLE);
            plan.frames(&frames);
        }
        Signal::FastFrames(fast, frames) => {
            plan.indicate(Indicator::Training(modulation, fast.training));
            plan.wait(modulation.training(fast.training) + FAST_PREAMBLE);
            plan.frames(&frames);
        }
        Signal::Bits(fast, bits) => {
            plan.indicate(Indicator::Training(modulation, fast.training));
            plan.wait(modulation.training(fast.training));
            plan.bits(&bits);
        }
    }
    plan.indicate(Indicator::NoSignal);
    plan.steps.push((plan.at, Step::Sent));
    plan.steps
}

struct Plan {
    at: Instant,
    max: bool,
    modulation: Modulation,
    steps: Vec<(Instant, Step)>,
}

impl Plan {
    fn wait(&mut self, time: Duration) {
        if !self.max {
            self.at += time;
        }
    }
    fn indicate(&mut self, indicator: Indicator) {
        self.steps.push((self.at, Step::Packet(Ifp::Indicator(indicator), true)));
    }
    fn send(&mut self, fields: Vec<Field>, last: bool) {
        self.steps.push((self.at, Step::Packet(Ifp::Data(Carried::By(self.modulation), fields), last)));
        if self.max {
            self.at += PAUSE;
        }
    }
    /// Octets of a packet.
    fn piece(&self) -> usize {
        match self.modulation {
            _ if self.max => OF_MAX,
            Modulation::V21 => OF_V21,
            fast => (PIECE.as_millis() as usize * fast.bit_rate() as usize / 8000).max(1),
        }
    }
    fn frames(&mut self, frames: &[Vec<u8>]) {
        for (n, frame) in frames.iter().enumerate() {
            let last = n + 1 == frames.len();
            let (piece, begun) = (self.piece(), self.at);
            let mut framer = Framer::new();
            framer.frame(frame);
            let time = self.modulation.time(framer.bits());
            for (k, octets) in frame.chunks(piece).enumerate() {
                let done = k * piece + octets.len();
                let ends = done == frame.len();
                let mut fields = vec![Field::new(FieldKind::Hdlc, turned(octets))];
                if ends {
                    fields.push(Field::new(if last { FieldKind::FcsOkSigEnd } else { FieldKind::FcsOk }, []));
                }
                if !self.max {
                    self.at = begun + time * done as u32 / frame.len() as u32;
                }
                self.send(fields, ends && last);
            }
        }
        if frames.last().is_none_or(Vec::is_empty) {
            self.send(vec![Field::new(FieldKind::SigEnd, [])], true);
        }
    }
    fn bits(&mut self, bits: &[u8]) {
        let (piece, begun) = (self.piece(), self.at);
        let count = bits.len().div_ceil(piece);
        for (k, octets) in bits.chunks(piece).enumerate() {
            let last = k + 1 == count;
            if !self.max {
                self.at = begun + self.modulation.time((k * piece + octets.len()) as u64 * 8);
            }
            self.send(vec![Field::new(if last { FieldKind::NonEcmSigEnd } else { FieldKind::NonEcm }, turned(octets))], last);
        }
        if count == 0 {
            self.send(vec![Field::new(FieldKind::NonEcmSigEnd, [])], true);
        }
    }
}

/// Octets between T.38's order, the first bit highest (7.1.2), and that of the seam, the first bit lowest.
pub(super) fn turned(octets: &[u8]) -> Vec<u8> {
    octets.iter().map(|o| o.reverse_bits()).collect()
}

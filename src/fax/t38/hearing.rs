//! What packets are to a fax machine: tones, carriers, frames, bits, quiet.
//!
//! Standard: ITU-T T.38 7.3, 7.4. In: packets in order, and where some are missing; what is listened for. Out: [`Heard`].
//! A signal whose beginning was missed is heard from the next frame on (V.21), or not at all. Bounded: `hdlc::LONGEST` octets of a frame are kept.
//! A carrier that is not followed by anything for [`DROP`] is taken to be gone. Left out: V.8, V.33, V.34. Shown by: the tests of `terminal`.

use super::ifp::{Carried, Field, FieldKind, Ifp, Indicator};
use super::sending::turned;
use crate::fax::hdlc::LONGEST;
use crate::fax::modem::{Fast, Heard, Modulation, Tone};
use crate::time::{Instant, Speed};
use std::time::Duration;

/// Without a packet for so long there is no carrier. Ours; a page and a training leave no such gaps.
pub const DROP: Duration = Duration::from_secs(5);

/// A signal of the far end.
#[derive(Clone, Debug)]
struct Carrier {
    modulation: Modulation,
    /// Whether the fax machine was told of it, and is told what is in it.
    told: bool,
    /// Whether it was told that something passes that it cannot read.
    passes: bool,
    /// Whether data of it came.
    data: bool,
    frame: Vec<u8>,
    /// Whether a frame has begun, and was heard from its beginning.
    open: Option<bool>,
}

/// The ear.
#[derive(Clone, Debug)]
pub(super) struct Hearing {
    drop: Duration,
    /// What is listened for; `None`: nothing is.
    listens: Option<Option<Fast>>,
    carrier: Option<Carrier>,
    /// When the last packet of the carrier came.
    last: Instant,
    /// Packets are missing since the last end of a frame or beginning of a signal.
    holed: bool,
    out: Vec<Heard>,
}

impl Hearing {
    pub fn new(speed: Speed) -> Hearing {
        Hearing { drop: speed.timer(DROP), listens: None, carrier: None, last: Instant::ZERO, holed: false, out: vec![] }
    }
    /// From now on this is listened for (`None`: nothing). A signal that has begun, and nothing of it has come yet, is not missed.
    pub fn listen(&mut self, listens: Option<Option<Fast>>) -> Vec<Heard> {
        self.listens = listens;
        match &mut self.carrier {
            Some(carrier) if listens.is_none() => (carrier.told, carrier.passes) = (false, false),
            Some(carrier) if !carrier.told && !carrier.data => self.announce(),
            Some(_) | None => {}
        }
        std::mem::take(&mut self.out)
    }
    /// A packet.
    pub fn packet(&mut self, now: Instant, ifp: &Ifp) -> Vec<Heard> {
        self.last = now;
        match ifp {
            Ifp::Indicator(indicator) => self.indicator(*indicator),
            Ifp::Data(Carried::By(modulation), fields) => self.data(*modulation, fields),
            Ifp::Data(Carried::Other(_), _) => {} // V.33, V.34: nobody listens for them
        }
        std::mem::take(&mut self.out)
    }
    /// Packets are missing here.
    pub fn hole(&mut self) {
        self.holed = true;
    }
    /// The signal is over, whatever it was.
    pub fn end(&mut self) -> Vec<Heard> {
        self.ends();
        std::mem::take(&mut self.out)
    }
    pub fn deadline(&self) -> Option<Instant> {
        self.carrier.as_ref().map(|_| self.last + self.drop)
    }
    pub fn tick(&mut self, now: Instant) -> Vec<Heard> {
        match self.deadline() {
            Some(at) if at <= now => {
                // The rest of a frame may still come, and would look like a whole one.
                self.holed |= self.carrier.as_ref().is_some_and(|c| c.open.is_some());
                self.end()
            }
            _ => vec![],
        }
    }

    fn indicator(&mut self, indicator: Indicator) {
        match indicator {
            Indicator::NoSignal | Indicator::Other(_) => self.ends(),
            Indicator::Cng => self.tone(Tone::Cng),
            Indicator::Ced => self.tone(Tone::Ced),
            Indicator::V21Preamble => self.begins(Modulation::V21),
            Indicator::Training(modulation, _) => self.begins(modulation),
        }
        self.holed = false;
    }
    fn tone(&mut self, tone: Tone) {
        self.ends();
        if self.listens.is_some() {
            self.out.push(Heard::Tone(tone));
        }
    }
    /// A carrier is announced. Again and with nothing in between, it is the same.
    fn begins(&mut self, modulation: Modulation) {
        if self.carrier.as_ref().is_some_and(|c| c.modulation == modulation && !c.data) {
            return;
        }
        self.ends();
        self.carrier = Some(Carrier { modulation, told: false, passes: false, data: false, frame: vec![], open: None });
        self.announce();
    }
    fn announce(&mut self) {
        let (Some(carrier), Some(listens)) = (&mut self.carrier, self.listens) else { return };
        let fits = carrier.modulation == Modulation::V21 || listens.is_some_and(|l| l.modulation == carrier.modulation);
        if fits {
            (carrier.told, carrier.passes) = (true, false);
            self.out.push(Heard::Carrier(Some(carrier.modulation).filter(|m| *m != Modulation::V21)));
        } else if !carrier.passes {
            carrier.passes = true;
            self.out.push(Heard::Unreadable);
        }
    }
    fn ends(&mut self) {
        let Some(carrier) = self.carrier.take() else { return };
        if carrier.told && carrier.open == Some(true) {
            self.out.push(Heard::Damaged("a frame that was broken off".into()));
        }
        if carrier.told || carrier.passes {
            self.out.push(Heard::Quiet);
        }
    }

    fn data(&mut self, modulation: Modulation, fields: &[Field]) {
        if self.carrier.as_ref().is_none_or(|c| c.modulation != modulation) {
            // Its beginning was lost, or the end of the one before.
            self.begins(modulation);
        }
        for field in fields {
            let Some(carrier) = &mut self.carrier else { return };
            carrier.data = true;
            match field.kind {
                FieldKind::Hdlc => self.octets(&field.octets),
                FieldKind::FcsOk => self.frame(&field.octets, true),
                FieldKind::FcsBad => self.frame(&field.octets, false),
                FieldKind::FcsOkSigEnd | FieldKind::FcsBadSigEnd => {
                    self.frame(&field.octets, field.kind == FieldKind::FcsOkSigEnd);
                    self.ends();
                }
                FieldKind::NonEcm => self.bits(&field.octets),
                FieldKind::NonEcmSigEnd => {
                    self.bits(&field.octets);
                    self.ends();
                }
                FieldKind::SigEnd => self.ends(),
                FieldKind::Other(_) => {}
            }
        }
    }
    fn bits(&mut self, octets: &[u8]) {
        let plain = self.listens.flatten().is_some_and(|l| !l.framed);
        let told = self.carrier.as_ref().is_some_and(|c| c.told && c.modulation != Modulation::V21);
        if plain && told && !octets.is_empty() {
            self.out.push(Heard::Bits(turned(octets)));
        }
    }
    /// Octets of a frame. V.21 can be joined where a frame begins.
    fn octets(&mut self, octets: &[u8]) {
        let Some(carrier) = &mut self.carrier else { return };
        if carrier.open.is_none() && !octets.is_empty() {
            let join = carrier.modulation == Modulation::V21 && !carrier.told && self.listens.is_some();
            if join {
                carrier.told = true;
                self.out.push(Heard::Carrier(None));
            }
            carrier.open = Some(carrier.told);
        }
        // One more than is taken, to know that it is too many.
        let room = (LONGEST + 1).saturating_sub(carrier.frame.len());
        carrier.frame.extend(octets.iter().take(room).map(|o| o.reverse_bits()));
    }
    fn frame(&mut self, octets: &[u8], good: bool) {
        self.octets(octets);
        let holed = std::mem::take(&mut self.holed);
        let Some(carrier) = &mut self.carrier else { return };
        let (frame, open) = (std::mem::take(&mut carrier.frame), carrier.open.take());
        let framed = carrier.modulation == Modulation::V21 || self.listens.flatten().is_some_and(|l| l.framed);
        // Without an octet it is no frame: flags between frames, or all of it is missing.
        if !carrier.told || !framed || open == Some(false) || (open.is_none() && !holed) {
            return;
        }
        let why = match () {
            () if holed => "a frame that packets are missing of",
            () if !good => "a frame whose check does not fit",
            () if frame.len() > LONGEST => "a frame that is too long",
            () => return self.out.push(Heard::Frame(frame)),
        };
        self.out.push(Heard::Damaged(why.into()));
    }
}

//! Fax: HDLC bits, frames, what they say, and the two machines of T.30 against a far end that is the input's bytes.
//!
//! The first byte says which. Held to: no panic; bits in any pieces give the same frames; what is read and written again reads the same;
//! a machine confirms no page that was not stored, and ends within an hour whatever it hears and whenever it falls silent.

use super::Bytes;
use molink::fax::hdlc::{Deframer, Found, Framer, LONGEST};
use molink::fax::modem::{Heard, Modulation, Order, Signal, Tone};
use molink::fax::t30::cipher::{Place, Start, offer};
use molink::fax::t30::facility::{encode, tag};
use molink::fax::t30::{
    Answerer, Blame, Caller, Capabilities, Entry, Frame, FrameSize, Input, Keys, Kind, Output, Post, Report, Reservation, Settings,
    Thresholds, Wishes, answerer, caller,
};
use molink::key::{Tape, Tapes};
use molink::machine::Machine;
use molink::paper::{Page, Resolution};
use molink::time::{Instant, Speed};
use std::sync::Arc;
use std::time::Duration;

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let first = bytes.byte();
    match first % 5 {
        0 => bits(&mut bytes),
        1 => framed(&mut bytes),
        2 => frame(bytes.rest()),
        3 => hostile(&mut bytes, true, first >= 128),
        _ => hostile(&mut bytes, false, first >= 128),
    }
}

fn found(pieces: &[&[u8]]) -> Vec<Found> {
    let (mut deframer, mut all) = (Deframer::new(), vec![]);
    pieces.iter().for_each(|p| deframer.push(p, &mut |f| all.push(f)));
    all
}

/// Any bits, whole and in two pieces.
fn bits(bytes: &mut Bytes) {
    let at = usize::from(bytes.word());
    let line = bytes.rest();
    let (a, b) = line.split_at(at.min(line.len()));
    let frames = found(&[line]);
    assert_eq!(found(&[a, b]), frames);
    assert!(frames.iter().flatten().all(|f| (1..=LONGEST).contains(&f.len())));
    frames.into_iter().flatten().for_each(|f| frame(&f));
}

/// Frames to bits and back; with some bits turned over, frames that come are those that were sent (a check of 16 bits: seldom another).
fn framed(bytes: &mut Bytes) {
    let frames: Vec<Vec<u8>> = (0..bytes.below(6)).map(|_| bytes.byte()).map(|n| vec![n; usize::from(n % 40) + 1]).collect();
    let mut framer = Framer::new();
    framer.flags(2 + bytes.below(3));
    frames.iter().for_each(|f| framer.frame(f));
    let mut line = framer.finish();
    assert_eq!(found(&[&line]).into_iter().map(|f| f.expect("a frame")).collect::<Vec<_>>(), frames);
    let count = line.len() * 8;
    let at = usize::from(bytes.word()) % count;
    line[at / 8] ^= 1 << (at % 8);
    assert!(found(&[&line]).into_iter().flatten().all(|f| frames.contains(&f)), "one bit made another frame");
}

/// Octets that passed their check.
fn frame(octets: &[u8]) {
    match Frame::decode(octets) {
        Ok(frame) => {
            assert_eq!(Frame::decode(&frame.encode()), Ok(frame.clone()));
            assert!(!frame.to_string().is_empty() && frame.text().len() <= frame.fif.len());
            assert!(frame.wanted().len() <= 256);
            said(&frame);
        }
        Err(flaw) => assert!(!flaw.to_string().is_empty()),
    }
}
fn said(frame: &Frame) {
    match frame.kind {
        Kind::Dis | Kind::Dtc => {
            let can = Capabilities::decode(&frame.fif);
            assert_eq!(Capabilities::decode(&can.encode()), can);
            for (pels, resolution) in [(1728, Resolution::STANDARD), (2432, Resolution::SUPERFINE), (7, Resolution::FINE)] {
                let both = Capabilities::OURS.both(&can);
                if let Ok(settings) = Settings::choose(&both, Wishes::default(), pels, resolution) {
                    assert_eq!(Settings::decode(&settings.encode(), &can), Ok(settings), "what is chosen was offered");
                }
            }
        }
        Kind::Dcs => {
            if let Ok(settings) = Settings::decode(&frame.fif, &Capabilities::OURS) {
                assert_eq!(Settings::decode(&settings.encode(), &Capabilities::OURS), Ok(settings));
            }
        }
        Kind::Ctc => drop(Settings::rate(&frame.fif)),
        _ => {}
    }
}

/// A frame that makes sense now and then.
fn some_frame(bytes: &mut Bytes) -> Vec<u8> {
    const KINDS: [Kind; 26] = {
        use Kind::*;
        [Cfr, Ftt, Ctr, Eom, Mps, Eop, PriEop, Rr, Mcf, Rtp, Rtn, Pip, Pin, Rnr, Err, Dcn, Crp, Csi, Tsi, Sub, Nsf, Pwd, Rcp, Ctr, Cfr, Mcf]
    };
    let modulation = *bytes.of(&Modulation::FAST);
    let wishes =
        Wishes { fastest: modulation, correction: *bytes.of(&[None, Some(FrameSize::Small), Some(FrameSize::Large)]), ..Wishes::default() };
    let post = *bytes.of(&[Post::Null, Post::Mps, Post::Eom, Post::Eop]);
    let frame = match bytes.below(12) {
        0 => Frame::with(Kind::Dis, Capabilities::OURS.encode()),
        1 => Frame::with(Kind::Dis, bytes.take(4).to_vec()),
        2 | 3 => match Settings::choose(&Capabilities::OURS, wishes, 1728, Resolution::STANDARD) {
            Ok(settings) => Frame::with(Kind::Dcs, settings.encode()),
            Err(_) => Frame::bare(Kind::Dcn),
        },
        4 => Frame::pps(
            molink::fax::t30::frame::Partial { post, page: bytes.byte() % 3, block: bytes.byte() % 3, last: bytes.byte() % 4 },
            true,
        ),
        5 => Frame::eor(post, true),
        6 => Frame::ppr(bytes.take(3).iter().map(|n| n % 9)),
        7 => Frame::with(Kind::Ctc, Settings::rate_field(modulation)),
        8 => Frame::fcd(bytes.byte() % 5, bytes.take(6)),
        9 => return bytes.take(8).to_vec(),
        _ => match *bytes.of(&KINDS) {
            Kind::Nsf => Frame::with(if post == Post::Eop { Kind::Nss } else { Kind::Nsf }, facilities(bytes)),
            kind => Frame::bare(kind),
        },
    };
    frame.encode()
}

/// What a station of molink says beside the standard's frames.
fn facilities(bytes: &mut Bytes) -> Vec<u8> {
    let at = Place { serial: SERIAL, position: u64::from(bytes.word()) };
    let key = match bytes.below(4) {
        0 => offer(&[at]),
        1 => Start { at, count: u64::from(bytes.word()) }.entry(),
        2 => Entry::new(tag::CIPHER, bytes.take(17)),
        _ => Entry::new(tag::REFUSED, "NO"),
    };
    encode(&[key]).unwrap_or_default().concat()
}

const SERIAL: u32 = 483_920;
/// A diskette for each way.
fn keys() -> Keys {
    let hung = || vec![Tape { serial: SERIAL, characters: 100_000, next: 5 }];
    Keys { diskettes: Tapes { send: hung(), receive: hung(), troubles: vec![] }, jump: 50_000, warn: vec![90_000] }
}

struct Far<'a, 'b> {
    bytes: &'a mut Bytes<'b>,
    now: Instant,
    /// The machine is sending; `Sent` is owed.
    owed: bool,
    said_mcf: usize,
    stored: usize,
    /// Whether it asked who is there, and is to be told what to do.
    asked: bool,
    /// A reservation that is to be answered, and the first position that may be.
    reserving: Option<Reservation>,
    next: u64,
    report: Option<Report>,
}

impl Far<'_, '_> {
    fn take(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Order(order) => {
                    self.owed = matches!(order, Order::Send(_) | Order::Tone(Tone::Ced));
                    if let Order::Send(Signal::Frames(frames)) = &order {
                        let mcf = |f: &Vec<u8>| Frame::decode(f).is_ok_and(|f| f.kind == Kind::Mcf);
                        self.said_mcf += usize::from(frames.iter().any(mcf));
                    }
                }
                Output::Event(event) => assert!(event.to_string().len() < 2_000),
                Output::Page(received) => assert!(received.page.height() <= molink::paper::page::MOST_ROWS),
                Output::Identified(_) => self.asked = true,
                Output::Reserve(made) => {
                    assert!(made.from >= self.next && made.count > 0 && made.from + made.count <= 100_000, "{made:?} after {}", self.next);
                    self.next = made.from + made.count;
                    self.reserving = Some(made);
                }
                Output::Ended(report) => {
                    assert!(self.report.is_none(), "ended twice");
                    self.report = Some(report);
                }
            }
        }
    }
    /// What the machine hears next.
    fn next(&mut self, page: usize) -> Input {
        let bytes = &mut *self.bytes;
        Input::Heard(match bytes.byte() % 16 {
            0 => Heard::Tone(Tone::Ced),
            1 => Heard::Tone(Tone::Cng),
            2..=4 => Heard::Carrier(None),
            5 => Heard::Carrier(Some(*bytes.of(&Modulation::FAST))),
            6 => Heard::Unreadable,
            7 | 8 => Heard::Frame(some_frame(bytes)),
            9 => Heard::Damaged("noise".into()),
            10 => Heard::Bits(match bytes.below(3) {
                0 => vec![0; 2700],
                1 => bytes.take(40).to_vec(),
                _ => [&[0, 0x80, 1][..], &[0x9a; 30], &[0, 8, 0x80, 0, 8, 0x80, 0, 8, 0x80, 0, 8, 0x80]].concat(),
            }),
            11..=13 => Heard::Quiet,
            14 if self.reserving.is_some() => {
                let Some(made) = self.reserving.take() else { return Input::Start };
                let key = vec![0; made.count as usize];
                return if bytes.byte() == 9 { Input::NotReserved { made, why: "no".into() } } else { Input::Reserved { made, key } };
            }
            14 if std::mem::take(&mut self.asked) => {
                let (why, entries) = ("no".to_owned(), vec![Entry::new(tag::REFUSED, "NO")]);
                return if page == 1 { Input::SetUp(entries) } else { Input::Refuse { why, blame: Blame::Us, entries } };
            }
            14 => {
                self.stored += 1;
                return Input::Stored { page };
            }
            _ if bytes.byte() == 7 => Heard::Lost,
            _ => Heard::Sent,
        })
    }
}

/// A machine against the bytes; then silence until it ends.
fn hostile(bytes: &mut Bytes, calls: bool, keyed: bool) {
    let mut page = Page::white(1728, 3, Resolution::STANDARD);
    page.row_mut(1)[3] = 0xff00;
    let number = "+1 202 555 0123".to_owned();
    let correction = *bytes.of(&[None, Some(FrameSize::Small)]);
    let (capabilities, speed) = (Capabilities::OURS, Speed::REAL);
    let wishes = Wishes { correction, ..Wishes::default() };
    let mut machine: Box<dyn Machine<Input = Input, Output = Output>> = if calls {
        let page = Arc::new(page);
        let pages = vec![page.clone(), page];
        let caller = Caller::new(caller::Config {
            number,
            called: "x".into(),
            sub: Some("1".into()),
            facilities: correction.is_some(),
            pages,
            capabilities,
            wishes,
            speed,
        });
        Box::new(if keyed { caller.keyed(&keys()) } else { caller })
    } else {
        let answerer = Answerer::new(answerer::Config {
            number,
            facilities: correction.map(|_| vec![]),
            capabilities,
            thresholds: Thresholds::default(),
            speed,
        });
        Box::new(if keyed { answerer.keyed(&keys()) } else { answerer })
    };
    let mut far =
        Far { bytes, now: Instant::ZERO, owed: false, said_mcf: 0, stored: 0, asked: false, reserving: None, next: 5, report: None };
    let outputs = machine.handle(far.now, Input::Start);
    far.take(outputs);
    while !far.bytes.is_empty() && far.report.is_none() {
        let wait = Duration::from_millis(u64::from(far.bytes.byte()) * 20);
        pass(&mut far, &mut *machine, wait);
        let page = 1 + far.bytes.below(2);
        let input = if far.owed && far.bytes.bit() { Input::Heard(Heard::Sent) } else { far.next(page) };
        let outputs = machine.handle(far.now, input);
        far.take(outputs);
    }
    let silent = far.now;
    while far.report.is_none() {
        assert!(far.now.since(silent) < Duration::from_secs(3600), "an hour of silence, and no end");
        if far.owed {
            far.owed = false;
            let outputs = machine.handle(far.now, Input::Heard(Heard::Sent));
            far.take(outputs);
        } else {
            assert!(machine.deadline().is_some(), "it waits for nothing, and has not ended");
            pass(&mut far, &mut *machine, Duration::from_secs(1));
        }
    }
    let report = far.report.unwrap_or_default();
    assert!(report.confirmed.len() <= 2 || !calls, "more pages confirmed than there were");
    assert!(calls || far.stored > 0 || report.confirmed.is_empty(), "confirmed, and nothing was stored");
}
fn pass(far: &mut Far, machine: &mut dyn Machine<Input = Input, Output = Output>, wait: Duration) {
    let until = far.now + wait;
    while let Some(at) = machine.deadline().filter(|at| *at <= until) {
        far.now = far.now.max(at);
        let outputs = machine.tick(far.now);
        far.take(outputs);
    }
    far.now = until;
}

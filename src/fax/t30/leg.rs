//! What caller and answerer have in common: frames said and heard, timers, the far end's name.
//!
//! Standard: ITU-T T.30 5.3 (frames), 5.3.6.1 (the X bit). In: octets, frames. Out: orders and events, in order.
//! Left out: every decision (see `caller`, `answerer`). Bounded: 16 frames of one signal are kept.
//! Shown by: `fixtures/dialogues/fax`.

use super::Output;
use super::event::CallEvent;
use super::facility::{self, Entry, Facilities, tag};
use super::frame::{Frame, Kind};
use super::outcome::Report;
use super::settings::Settings;
use super::timers::Timer;
use crate::fax::modem::{Fast, Order, Signal, Training};
use crate::machine::Timers;
use crate::time::{Instant, Speed};

/// Frames of one V.21 signal that are kept; T.30 knows no signal with more than six.
const MOST_FRAMES: usize = 16;

/// One end's side of a call.
pub(super) struct Leg {
    speed: Speed,
    /// Whether this end got a DIS: its X bit.
    x: bool,
    pub timers: Timers<Timer>,
    pub out: Vec<Output>,
    /// The frames of the V.21 signal that is coming in.
    frames: Vec<Frame>,
    /// Whether V.21 is coming in.
    pub carrier: bool,
    /// When the last V.21 signal began.
    pub began: Instant,
    pub report: Report,
    /// What the last V.21 signal said in NSF, NSC or NSS, if that is ours and whole.
    pub facilities: Option<Facilities>,
    /// What it said there of key, which is nobody's but this call's.
    pub cipher: Option<Vec<u8>>,
    /// Whether all of the last V.21 signal could be read.
    pub whole: bool,
    /// How long its signals may be.
    carrier_timer: Timer,
    /// How the far end is called as long as it has not said its number.
    called: String,
}

impl Leg {
    pub fn new(speed: Speed, x: bool, called: String, kin: bool) -> Leg {
        let (timers, report) = (Timers::default(), Report::default());
        let (facilities, whole) = (None, true);
        let carrier_timer = if kin { Timer::LongCarrier } else { Timer::Carrier };
        Leg {
            speed,
            x,
            timers,
            out: vec![],
            frames: vec![],
            carrier: false,
            began: Instant::ZERO,
            report,
            facilities,
            cipher: None,
            whole,
            carrier_timer,
            called,
        }
    }
    /// Signals may be longer than T.30 has them: facilities stand beside.
    pub fn long_signals(&mut self) {
        self.carrier_timer = Timer::LongCarrier;
    }
    /// The far end's name for people.
    pub fn peer(&self) -> String {
        self.report.peer.clone().unwrap_or_else(|| self.called.clone())
    }
    pub fn arm(&mut self, now: Instant, timer: Timer) {
        self.timers.arm(timer, now + timer.length(self.speed));
    }
    pub fn stop(&mut self, timers: [Timer; 2]) {
        for timer in timers {
            self.timers.stop(timer);
        }
    }
    pub fn order(&mut self, order: Order) {
        self.out.push(Output::Order(order));
    }
    pub fn event(&mut self, event: CallEvent) {
        self.out.push(Output::Event(event));
    }
    pub fn odd(&mut self, what: impl Into<String>) {
        self.event(CallEvent::Odd { what: what.into() });
    }
    /// Says frames in one V.21 signal.
    pub fn say(&mut self, mut frames: Vec<Frame>) {
        let count = frames.len();
        for (n, frame) in frames.iter_mut().enumerate() {
            (frame.last, frame.x) = (n + 1 == count, self.x);
            self.event(CallEvent::Said { frame: frame.to_string() });
        }
        self.order(Order::Send(Signal::Frames(frames.iter().map(Frame::encode).collect())));
    }
    /// The frames that say entries; none if they are too many, which whoever made them has seen to (`facility::ROOM`).
    pub fn facility_frames(&mut self, kind: Kind, entries: &[Entry]) -> Vec<Frame> {
        match facility::encode(entries) {
            Ok(fields) => fields.into_iter().map(|field| Frame::with(kind, field)).collect(),
            Err(over) => {
                self.odd(format!("{over} octets too many for {}; it is left out", kind.name()));
                vec![]
            }
        }
    }
    pub fn x(&self) -> bool {
        self.x
    }

    /// V.21 begins.
    pub fn carrier_on(&mut self, now: Instant) {
        (self.carrier, self.began, self.whole) = (true, now, true);
        self.frames.clear();
        self.arm(now, self.carrier_timer);
    }
    /// A frame of V.21.
    pub fn frame(&mut self, octets: &[u8]) {
        match Frame::decode(octets) {
            Ok(frame) => {
                self.event(CallEvent::Heard { frame: frame.to_string() });
                if self.frames.len() < MOST_FRAMES {
                    self.frames.push(frame);
                }
            }
            Err(flaw) => self.damaged(flaw.to_string()),
        }
    }
    /// Something of V.21 that is no frame.
    pub fn damaged(&mut self, what: String) {
        self.whole = false;
        self.odd(what);
    }
    /// V.21 ends: what it was about, and what it said besides. The command or answer of a signal is its last frame that is one.
    pub fn carrier_off(&mut self) -> Option<Frame> {
        self.carrier = false;
        self.timers.stop(self.carrier_timer);
        let mut main = None;
        let makers = self.frames.iter().filter(|f| matches!(f.kind, Kind::Nsf | Kind::Nsc | Kind::Nss)).map(|f| f.fif.as_slice());
        self.facilities = match facility::decode(makers).transpose() {
            Ok(facilities) => facilities,
            Err(why) => {
                self.damaged(why);
                None
            }
        };
        self.cipher = self.facilities.as_mut().and_then(|said| said.take(tag::CIPHER));
        for frame in std::mem::take(&mut self.frames) {
            match frame.kind {
                Kind::Csi | Kind::Tsi | Kind::Cig => {
                    let text = frame.text();
                    self.report.peer = Some(text).filter(|t| !t.is_empty()).or(self.report.peer.take());
                }
                Kind::Sub => self.report.sub = Some(frame.text()),
                Kind::Nsf | Kind::Nsc | Kind::Nss => {} // above
                Kind::Pwd | Kind::Sep | Kind::Sid => {} // noted as events; nothing hangs on them
                _ => main = Some(frame),
            }
        }
        main
    }
}

impl Settings {
    /// The carrier of pages and training checks.
    pub(super) fn fast(&self, training: Training, framed: bool) -> Fast {
        Fast { modulation: self.modulation, training, framed }
    }
}

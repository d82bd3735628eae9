//! The caller: one end of a call, that sends pages. A machine.
//!
//! Standard: ITU-T T.30, figures 5-2a to 5-2t (phases A to E of the sender), annex A. In: pages, what the modem hears.
//! Out: orders to the modem, events, a report. Every change of state is `Caller::enter`; what follows from an answer is `caller_answers`.
//! Left out: polling, operators, EOR (a block that cannot be corrected ends the call: a page is exact or not confirmed).
//! Shown by: `fixtures/dialogues/fax`, `tests/it/fax_call.rs`.

use super::capabilities::Capabilities;
use super::cipher::{Mixer, Place};
use super::correction::Sender;
use super::event::CallEvent;
use super::facility::Entry;
use super::frame::{Frame, Kind, Partial, Post};
use super::leg::Leg;
use super::outcome::{Blame, Failure};
use super::settings::{Settings, Wishes};
use super::timers::{TRIES, Timer};
use super::verdict::TCF;
use super::{Input, Output};
use crate::fax::code::{BitOrder, Coding, Layout, encode};
use crate::fax::modem::{Heard, Order, Signal, Tone, Training};
use crate::machine::Machine;
use crate::paper::Page;
use crate::time::{Instant, Speed};
use std::sync::Arc;

/// What a caller has to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its own number, for TSI; empty: not said.
    pub number: String,
    /// The number it called, to name the far end until that names itself.
    pub called: String,
    /// A sub-address, said where the far end takes one.
    pub sub: Option<String>,
    /// Whether it speaks with stations of molink as such: it says who it found ([`super::Output::Identified`]) and waits to be told what to say.
    pub facilities: bool,
    /// The pages.
    pub pages: Vec<Arc<Page>>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// How it would like to send.
    pub wishes: Wishes,
    /// The clock's speed.
    pub speed: Speed,
}

/// What is asked of the far end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ask {
    /// DCS and a training check.
    Settings,
    /// What follows a page.
    Post(Post),
    /// What follows a block.
    Partial(Post),
    /// Whether it is ready by now.
    Ready(Post),
    /// To go on correcting at another rate.
    Correct(Post),
}

impl Ask {
    fn name(self) -> String {
        match self {
            Ask::Settings => "DCS".into(),
            Ask::Post(post) => post.name().into(),
            Ask::Partial(post) => format!("PPS-{}", post.name()),
            Ask::Ready(_) => "RR".into(),
            Ask::Correct(_) => "CTC".into(),
        }
    }
    fn expected(self) -> &'static str {
        match self {
            Ask::Settings => "CFR",
            Ask::Post(_) | Ask::Partial(_) | Ask::Ready(_) => "MCF",
            Ask::Correct(_) => "CTR",
        }
    }
}

/// Where the call stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// Not begun.
    Idle,
    /// The far end is to say what it can (phase A, and after EOM).
    Calling,
    /// The far end is known, and it is decided what it is told.
    Deciding,
    /// A command goes out.
    Asking(Ask),
    /// The training check goes out.
    Checking,
    /// The key of the page is being put on record.
    Keying,
    /// A page or a block goes out.
    Sending,
    /// An answer is to come.
    Waiting(Ask),
    /// DCN goes out.
    Leaving,
    /// Over.
    Ended,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Idle => "idle",
            State::Calling => "waiting for DIS",
            State::Deciding => "deciding what to say",
            State::Asking(_) => "saying a command",
            State::Checking => "sending a training check",
            State::Keying => "reserving key",
            State::Sending => "sending",
            State::Waiting(Ask::Settings) => "waiting for CFR",
            State::Waiting(Ask::Correct(_)) => "waiting for CTR",
            State::Waiting(_) => "waiting for MCF",
            State::Leaving => "disconnecting",
            State::Ended => "done",
        }
    }
}

/// The sending end of a call.
pub struct Caller {
    pub(super) config: Config,
    pub(super) leg: Leg,
    pub(super) state: State,
    /// What both can, once a DIS came.
    pub(super) both: Option<Capabilities>,
    pub(super) settings: Option<Settings>,
    /// The page that is next, from 0.
    pub(super) page: usize,
    /// How often the command in hand was said.
    pub(super) tries: u32,
    /// How often the page was refused.
    pub(super) refusals: u32,
    /// How often training, or correction, failed at the slowest rate.
    pub(super) slowest: u32,
    pub(super) training: Training,
    pub(super) block: Option<Sender>,
    /// Whether a calling tone came: the far end is calling too.
    both_call: bool,
    /// Whether only a station of molink is sent to.
    pub(super) only_kin: bool,
    /// What is said in NSS, once that is decided.
    pub(super) set_up: Option<Vec<Entry>>,
    /// Whether the far end is a station of molink.
    pub(super) kin: bool,
    /// Whether it has heard the NSS.
    pub(super) introduced: bool,
    /// How often a DIS was passed over because something beside it was damaged.
    pub(super) passed_over: u32,
    /// The device of an enciphered line, the far end's diskettes, and the page in hand before it is enciphered.
    pub(super) mixer: Option<Mixer>,
    pub(super) offer: Vec<Place>,
    pub(super) clear: Vec<u8>,
    /// Why the call is to end at the next boundary.
    pub(super) halt: Option<String>,
}

impl Caller {
    /// A caller that waits for [`Input::Start`].
    pub fn new(config: Config) -> Caller {
        let leg = Leg::new(config.speed, true, config.called.clone(), config.facilities);
        Caller {
            leg,
            state: State::Idle,
            both: None,
            settings: None,
            page: 0,
            tries: 0,
            refusals: 0,
            slowest: 0,
            training: Training::Long,
            block: None,
            both_call: false,
            only_kin: false,
            set_up: None,
            kin: false,
            introduced: false,
            passed_over: 0,
            mixer: None,
            offer: vec![],
            clear: vec![],
            halt: None,
            config,
        }
    }

    /// The same, that sends to a station of molink only. Its NSF may have been lost: it is waited for twice more.
    pub fn only_kin(mut self) -> Caller {
        (self.config.facilities, self.only_kin) = (true, true);
        self
    }
    /// Whether nothing of the far end but tones was heard.
    pub fn unanswered(&self) -> bool {
        self.state == State::Calling && self.both.is_none() && !self.leg.carrier && self.leg.timers.runs(Timer::T0)
    }

    /// The one place where the state changes: what it waits for, and how long.
    pub(super) fn enter(&mut self, now: Instant, state: State) {
        if self.state == State::Ended {
            return;
        }
        self.leg.timers.stop(Timer::T4);
        match state {
            State::Idle | State::Asking(_) | State::Checking | State::Sending | State::Leaving => {}
            State::Deciding | State::Keying => {
                self.leg.arm(now, Timer::Deciding);
                self.leg.order(Order::Listen(None));
            }
            State::Calling if self.both.is_none() => self.leg.arm(now, Timer::T0),
            State::Calling => {
                self.leg.arm(now, Timer::T1);
                self.leg.order(Order::Listen(None));
            }
            State::Waiting(_) => {
                self.leg.arm(now, Timer::T4);
                self.leg.order(Order::Listen(None));
            }
            State::Ended => self.leg.timers.clear(),
        }
        if self.state.name() != state.name() {
            self.leg.event(CallEvent::State { name: state.name() });
        }
        self.state = state;
        if state == State::Ended {
            self.leg.order(Order::HangUp);
            let report = self.leg.report.clone();
            self.leg.out.push(Output::Ended(report));
        }
    }

    /// Says a command for the first time.
    pub(super) fn ask(&mut self, now: Instant, ask: Ask) {
        self.tries = 1;
        self.command(now, ask);
    }
    /// Says the command in hand again, or gives up.
    pub(super) fn again(&mut self, now: Instant, ask: Ask, why: &str) {
        if self.tries >= TRIES {
            return self.fail(now, format!("{why} after {TRIES} tries of {}", ask.name()), Blame::Line);
        }
        self.tries += 1;
        self.command(now, ask);
    }
    fn command(&mut self, now: Instant, ask: Ask) {
        let frames = match ask {
            Ask::Settings => match self.choose() {
                Ok(settings) => {
                    self.settings = Some(settings);
                    self.leg.event(CallEvent::Settled { settings });
                    match self.claim_key(&settings) {
                        Ok(key) => self.commands(&settings, key),
                        Err(why) => return self.key_trouble(now, why, Blame::Us),
                    }
                }
                Err(why) => {
                    let what = format!("page {} has {why}", self.page + 1);
                    self.note_failure_in("before sending to".into(), what, Blame::Us);
                    return self.leave(now);
                }
            },
            Ask::Post(post) => vec![Frame::bare(post.kind().unwrap_or(Kind::Eop))],
            Ask::Partial(post) => self.partial(post),
            Ask::Ready(_) => vec![Frame::bare(Kind::Rr)],
            Ask::Correct(_) => {
                let modulation = self.settings.map_or(crate::line::Modulation::V27ter2400, |s| s.modulation);
                vec![Frame::with(Kind::Ctc, Settings::rate_field(modulation))]
            }
        };
        self.leg.say(frames);
        self.enter(now, State::Asking(ask));
    }
    /// How the page in hand will be sent: the rate as it stands, the rest as the page asks.
    fn choose(&self) -> Result<Settings, String> {
        let (Some(both), Some(page)) = (&self.both, self.config.pages.get(self.page)) else {
            return Err("no page".into());
        };
        let chosen = Settings::choose(both, self.config.wishes, page.width(), page.resolution)?;
        Ok(self.settings.map_or(chosen, |now| Settings { modulation: now.modulation, ..chosen }))
    }
    /// NSS, TSI, SUB, DCS. (T.30 5.3.6.1.2: the identifications before the DCS, which is last.)
    fn commands(&mut self, settings: &Settings, key: Option<Entry>) -> Vec<Frame> {
        let mut said = self.set_up.clone().filter(|_| self.kin && !self.introduced).unwrap_or_default();
        said.extend(key);
        let nss = if said.is_empty() { vec![] } else { self.leg.facility_frames(Kind::Nss, &said) };
        let takes_sub = self.both.as_ref().is_some_and(|b| b.sub);
        let sub = self.config.sub.iter().filter(|_| takes_sub).map(|s| Frame::ident(Kind::Sub, s));
        let tsi = Some(&self.config.number).filter(|n| !n.is_empty()).map(|n| Frame::ident(Kind::Tsi, n));
        nss.into_iter().chain(tsi).chain(sub).chain([Frame::with(Kind::Dcs, settings.encode())]).collect()
    }
    fn partial(&self, post: Post) -> Vec<Frame> {
        let Some(block) = &self.block else { return vec![] };
        let (page, number) = (self.page as u8, block.block() as u8); // both are modulo 256 (annex A.4.3)
        vec![Frame::pps(Partial { post, page, block: number, last: block.last() }, self.leg.x())]
    }

    /// What follows the page in hand.
    pub(super) fn post(&self) -> Post {
        let form = |n: usize| self.config.pages.get(n).map(|p| (p.width(), p.resolution));
        match (form(self.page), form(self.page + 1)) {
            (_, None) => Post::Eop,
            _ if self.mixer.is_some() => Post::Eom, // so that the DCS of each page names its key
            (this, next) if this == next => Post::Mps,
            _ => Post::Eom,
        }
    }
    /// Sends the page in hand, or its first block.
    pub(super) fn send_page(&mut self, now: Instant) {
        if self.mixer.is_some() {
            return self.reserve_key(now);
        }
        match self.settings.and_then(|settings| self.coded(&settings)) {
            Some(octets) => self.send_octets(now, octets),
            None => self.fail(now, "there is no page left".into(), Blame::Us),
        }
    }
    /// The page in hand as it goes over the line.
    pub(super) fn coded(&self, settings: &Settings) -> Option<Vec<u8>> {
        let page = self.config.pages.get(self.page)?;
        let lines = settings.coding != Coding::Mmr;
        let least_bits = settings.least_bits();
        let layout = Layout { order: BitOrder::LsbFirst, eol: lines, aligned: false, end: true, least_bits };
        Some(encode(page, settings.coding, layout))
    }
    pub(super) fn send_octets(&mut self, now: Instant, octets: Vec<u8>) {
        let Some(settings) = self.settings else { return };
        match settings.correction {
            Some(size) => {
                self.block = Some(Sender::new(octets, size));
                self.send_block(now);
            }
            None => {
                self.sending(None, octets.len(), &settings);
                self.leg.order(Order::Send(Signal::Bits(settings.fast(self.training, false), octets)));
                self.enter(now, State::Sending);
            }
        }
    }
    /// Sends what the far end wants of a block.
    pub(super) fn send_block(&mut self, now: Instant) {
        let (Some(settings), Some(block)) = (self.settings, &self.block) else {
            return self.fail(now, "there is no block left".into(), Blame::Us);
        };
        let (frames, number, count) = (block.signal(), block.block(), block.count());
        self.sending(Some(number), count, &settings);
        self.leg.order(Order::Send(Signal::FastFrames(settings.fast(self.training, true), frames)));
        self.enter(now, State::Sending);
    }
    fn sending(&mut self, block: Option<usize>, size: usize, settings: &Settings) {
        self.leg.event(CallEvent::Sending { page: self.page + 1, block, size, modulation: settings.modulation });
    }

    fn start(&mut self, now: Instant) {
        let pages = &self.config.pages;
        let empty = pages.iter().position(|p| p.height() == 0);
        if let Some(n) = empty {
            return self.end_before(now, format!("page {} has no rows", n + 1));
        }
        if pages.is_empty() {
            return self.end_before(now, "there are no pages".into());
        }
        self.leg.order(Order::Tone(Tone::Cng));
        self.enter(now, State::Calling);
    }
    fn end_before(&mut self, now: Instant, what: String) {
        self.note_failure(what, Blame::Us);
        self.enter(now, State::Ended);
    }

    fn heard(&mut self, now: Instant, heard: Heard) {
        match (self.state, heard) {
            (State::Idle | State::Ended, _) => {}
            (_, Heard::Lost) => {
                self.note_failure("the far end left the line".into(), Blame::Peer);
                self.enter(now, State::Ended);
            }
            (_, Heard::Sent) => self.sent(now),
            (State::Leaving, _) => {}
            (State::Calling, Heard::Tone(Tone::Ced)) => self.identified(now),
            (_, Heard::Tone(Tone::Cng)) => {
                if !std::mem::replace(&mut self.both_call, true) {
                    self.leg.odd("a calling tone: the far end is calling too");
                }
            }
            (_, Heard::Tone(Tone::Ced)) => self.leg.odd("the tone of a station that is called"),
            (state, Heard::Carrier(None)) => {
                self.leg.timers.stop(Timer::T4);
                if state == State::Calling {
                    self.leg.order(Order::Listen(None)); // no more CNG
                    self.identified(now);
                }
                self.leg.carrier_on(now);
            }
            (_, Heard::Frame(octets)) => self.leg.frame(&octets),
            (_, Heard::Damaged(what)) => self.leg.damaged(what),
            (_, Heard::Quiet) => self.quiet(now),
            (_, Heard::Unreadable) => self.leg.odd("a signal that cannot be read"),
            (_, Heard::Carrier(Some(modulation))) => self.leg.odd(format!("a carrier of {modulation}, which is for the sender")),
            (_, Heard::Bits(_)) => self.leg.odd("bits of a page, which are for the receiver"),
        }
    }
    /// Something of the far end was heard: from dialling to identification (T0 to T1).
    fn identified(&mut self, now: Instant) {
        if self.leg.timers.stop(Timer::T0) {
            self.leg.arm(now, Timer::T1);
        }
    }
    /// A signal of ours is out.
    fn sent(&mut self, now: Instant) {
        match self.state {
            State::Asking(Ask::Settings) => {
                let Some(settings) = self.settings else { return };
                let zeros = settings.modulation.bit_rate() as usize * TCF.as_millis() as usize / 8000;
                self.leg.order(Order::Send(Signal::Bits(settings.fast(Training::Long, false), vec![0; zeros])));
                self.enter(now, State::Checking);
            }
            State::Asking(ask) => self.enter(now, State::Waiting(ask)),
            State::Checking => self.enter(now, State::Waiting(Ask::Settings)),
            State::Sending if self.block.is_some() => {
                let ends = self.block.as_ref().is_some_and(Sender::ends);
                let post = if ends { self.post() } else { Post::Null };
                self.ask(now, Ask::Partial(post));
            }
            State::Sending => self.ask(now, Ask::Post(self.post())),
            State::Leaving => self.enter(now, State::Ended),
            State::Idle | State::Calling | State::Deciding | State::Keying | State::Waiting(_) | State::Ended => {
                self.leg.odd("the modem sent what it was not told to")
            }
        }
    }
    /// A signal of the far end is over.
    fn quiet(&mut self, now: Instant) {
        if !self.leg.carrier {
            return;
        }
        match (self.leg.carrier_off(), self.state) {
            (Some(frame), _) => self.answered(now, &frame),
            (None, State::Waiting(ask)) => self.again(now, ask, "no answer that can be read"),
            (None, _) => {}
        }
        self.begin_if_decided(now);
    }
    /// It is decided what the far end is told.
    fn decided(&mut self, now: Instant, entries: Vec<Entry>) {
        if self.state != State::Deciding || self.set_up.is_some() {
            return self.leg.odd("a set-up that nobody asked for");
        }
        self.set_up = Some(entries);
        self.begin_if_decided(now);
    }
    /// Says the DCS, unless the far end is saying its DIS again.
    fn begin_if_decided(&mut self, now: Instant) {
        if self.state == State::Deciding && self.set_up.is_some() && !self.leg.carrier {
            self.leg.timers.stop(Timer::Deciding);
            self.ask(now, Ask::Settings);
        }
    }
    /// Ends the call at the next boundary.
    fn halt(&mut self, now: Instant, why: String) {
        match self.state {
            State::Idle => self.end_before(now, why),
            State::Calling
            | State::Deciding
            | State::Asking(Ask::Settings)
            | State::Checking
            | State::Keying
            | State::Waiting(Ask::Settings) => {
                self.fail(now, why, Blame::Us);
            }
            State::Asking(_) | State::Sending | State::Waiting(_) => self.halt = Some(why),
            State::Leaving | State::Ended => {}
        }
    }
    /// Gives up: DCN (T.30 5.3.6.1.8), then off the line.
    pub(super) fn fail(&mut self, now: Instant, what: String, blame: Blame) {
        self.note_failure(what, blame);
        self.leave(now);
    }
    pub(super) fn leave(&mut self, now: Instant) {
        if matches!(self.state, State::Leaving | State::Ended) {
            return;
        }
        self.leg.timers.clear();
        self.leg.say(vec![Frame::bare(Kind::Dcn)]);
        self.enter(now, State::Leaving);
    }
    /// A failure of the stage that the call is in.
    pub(super) fn note_failure(&mut self, what: String, blame: Blame) {
        let page = self.page + 1;
        let stage = match self.state {
            State::Idle => "before calling".into(),
            State::Calling => "while waiting for DIS from".into(),
            State::Deciding => "before sending to".into(),
            State::Asking(ask) => format!("while saying {} to", ask.name()),
            State::Checking => "while training with".into(),
            State::Keying => format!("while reserving the key of page {page} for"),
            State::Sending => format!("while sending page {page} to"),
            State::Waiting(ask @ (Ask::Settings | Ask::Correct(_))) => format!("while waiting for {} from", ask.expected()),
            State::Waiting(ask) => format!("while waiting for {} (page {page}) from", ask.expected()),
            State::Leaving | State::Ended => "after the last page to".into(),
        };
        self.note_failure_in(stage, what, blame);
    }
    /// The first failure counts, and none after the last page.
    pub(super) fn note_failure_in(&mut self, stage: String, what: String, blame: Blame) {
        if self.leg.report.failure.is_none() && self.state != State::Leaving {
            self.leg.report.failure = Some(Failure { stage, peer: self.leg.peer(), what, blame });
        }
    }

    fn ran_out(&mut self, now: Instant, timer: Timer) {
        self.leg.event(CallEvent::RanOut { timer: timer.name() });
        let both = if self.both_call { "; a calling tone came: both ends are calling" } else { "" };
        match (timer, self.state) {
            (Timer::T4, State::Waiting(ask)) => self.again(now, ask, "no reply"),
            (Timer::T0, State::Calling) => self.fail(now, format!("nothing was heard within T0 (60 s){both}"), Blame::Line),
            (Timer::T1, State::Calling) => self.fail(now, format!("no DIS within T1 (35 s){both}"), Blame::Line),
            (Timer::T5, _) => self.fail(now, "the far end was not ready within T5 (60 s)".into(), Blame::Peer),
            (Timer::Deciding, State::Deciding) => self.fail(now, "it was not decided within 20 s what to say".into(), Blame::Us),
            (Timer::Deciding, State::Keying) => self.not_reserved(now, "the key was not put on record within 20 s".into()),
            (Timer::Carrier | Timer::LongCarrier, _) => self.fail(now, "a signal without end".into(), Blame::Line),
            (timer, _) => self.leg.odd(format!("{} ran out, for which nobody waited", timer.name())),
        }
    }
}

impl Machine for Caller {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Instant, input: Input) -> Vec<Output> {
        match input {
            Input::Start if self.state == State::Idle => self.start(now),
            Input::Start => self.leg.odd("a second start"),
            Input::Heard(heard) => self.heard(now, heard),
            Input::Stored { .. } | Input::NotStored { .. } | Input::Refuse { .. } => self.leg.odd("a caller stores nothing"),
            Input::Reserved { made, key } => self.reserved(now, &made, &key),
            Input::NotReserved { why, .. } => self.not_reserved(now, why),
            Input::SetUp(entries) => self.decided(now, entries),
            Input::Pages(pages) if self.state == State::Deciding && pages.len() == self.config.pages.len() => self.config.pages = pages,
            Input::Pages(_) => self.leg.odd("pages at the wrong time"),
            Input::Halt { why } => self.halt(now, why),
            Input::Stop { why } if self.state == State::Idle => self.end_before(now, why),
            Input::Stop { why } => self.fail(now, why, Blame::Us),
        }
        self.tick(now)
    }
    fn tick(&mut self, now: Instant) -> Vec<Output> {
        while let Some(timer) = self.leg.timers.due(now) {
            self.ran_out(now, timer);
        }
        std::mem::take(&mut self.leg.out)
    }
    fn deadline(&self) -> Option<Instant> {
        self.leg.timers.deadline()
    }
}

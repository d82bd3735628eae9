//! The answerer: the end of a call that receives pages. A machine.
//!
//! Standard: ITU-T T.30, figures 5-2a to 5-2t (phases A to E of the receiver), annex A. In: what the modem hears, which pages are on disk.
//! Out: orders to the modem, pages, events, a report. Every change of state is `Answerer::enter`; pages and blocks are `answerer_page`.
//! A page is confirmed (MCF) only after [`Input::Stored`]. Left out: polling, operators (PRI-EOP is taken as EOP), passwords.
//! Shown by: `fixtures/dialogues/fax`, `tests/it/fax_call.rs`.

use super::answerer_page::{Incoming, Storing};
use super::capabilities::Capabilities;
use super::cipher::Mixer;
use super::event::CallEvent;
use super::facility::Entry;
use super::frame::{Frame, Kind, Post};
use super::leg::Leg;
use super::outcome::{Blame, Failure};
use super::settings::Settings;
use super::timers::{MOST_TURNS, PASSED_OVER, Timer};
use super::verdict::{Thresholds, Zeros};
use super::{Identified, Input, Output};
use crate::fax::modem::{Heard, Order, Tone, Training};
use crate::machine::Machine;
use crate::time::{Instant, Speed};

/// What an answerer has to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its own number, for CSI; empty: not said.
    pub number: String,
    /// What it says in NSF to a station of molink; `None`: no NSF, and no [`super::Output::Identified`].
    pub facilities: Option<Vec<Entry>>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Where a page stops being good.
    pub thresholds: Thresholds,
    /// The clock's speed.
    pub speed: Speed,
}

/// What is to come next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Await {
    /// The first command, after a DIS.
    Command,
    /// A DCS: after FTT, RTP, RTN.
    Settings,
    /// A training check.
    Check,
    /// A page or a block, or a command about the last.
    Page,
    /// What follows a page or block that came.
    Post,
    /// Phase B again: after EOM.
    Begin,
    /// DCN: after EOP.
    End,
}

/// Where the call stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// Not begun.
    Idle,
    /// Silence before the tone.
    Picking,
    /// CED goes out.
    Tone,
    /// DIS goes out.
    Identifying,
    /// Something is to come.
    Awaiting(Await),
    /// A training check comes.
    Checking,
    /// It is decided whether the message is taken; the training check is answered then.
    Deciding,
    /// The key of the next page is being put on record; the training check is answered then.
    Keying,
    /// A page or a block comes.
    Receiving,
    /// A page is being stored; nothing is said before it is.
    Storing,
    /// An answer goes out; what follows it.
    Answering(Await),
    /// DCN goes out.
    Leaving,
    /// Over.
    Ended,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Idle => "idle",
            State::Picking => "taking the line",
            State::Tone => "sounding CED",
            State::Identifying => "saying what it can",
            State::Awaiting(Await::Command | Await::Settings) => "waiting for DCS",
            State::Awaiting(Await::Check) => "waiting for the training check",
            State::Awaiting(Await::Page) => "waiting for a page",
            State::Awaiting(Await::Post) => "waiting for what follows the page",
            State::Awaiting(Await::Begin) => "waiting to begin anew",
            State::Awaiting(Await::End) => "waiting for DCN",
            State::Checking => "hearing a training check",
            State::Deciding => "deciding whether to receive",
            State::Keying => "reserving key",
            State::Receiving => "receiving",
            State::Storing => "storing",
            State::Answering(_) => "answering",
            State::Leaving => "disconnecting",
            State::Ended => "done",
        }
    }
}

/// Why a call is ended, and what the far end is told besides.
pub(super) struct Refusal {
    pub what: String,
    pub blame: Blame,
    pub entries: Vec<Entry>,
    /// Another DCS does away with it.
    pub of_settings: bool,
}

/// The receiving end of a call.
pub struct Answerer {
    pub(super) config: Config,
    pub(super) leg: Leg,
    pub(super) state: State,
    pub(super) settings: Option<Settings>,
    zeros: Zeros,
    /// The page that is coming in.
    pub(super) incoming: Option<Incoming>,
    /// Pages stored, and answered MCF or RTP.
    pub(super) pages: usize,
    pub(super) storing: Option<Storing>,
    /// What was answered last, and what follows it: said again when the question is.
    pub(super) last: Option<(Vec<Frame>, Await)>,
    /// The question it answered, where that was about a page.
    pub(super) about: Option<Post>,
    /// When that question ended.
    pub(super) asked: Instant,
    /// Answers, and signals that said nothing, since the last page or block.
    pub(super) turns: u32,
    /// Why the last DCS cannot be followed, or the message is not taken; said when the far end hears again.
    pub(super) refusal: Option<Refusal>,
    /// Whether only a station of molink is taken.
    only_kin: bool,
    /// Whether it is still to be decided if the message is taken, and what was asked.
    undecided: bool,
    asked_of: Option<Identified>,
    /// How often a DCS was passed over because something beside it was damaged.
    pub(super) passed_over: u32,
    /// The device of an enciphered line, and whether the far end speaks of key.
    pub(super) mixer: Option<Mixer>,
    pub(super) names_key: bool,
    /// Whether a signal passes that cannot be read.
    passes: bool,
    /// The block closed last: page and block as the PPS counts them.
    pub(super) closed: Option<(u8, u8)>,
    /// Whether any signal came since the last answer that was no V.21.
    pub(super) stirred: bool,
    /// Whether long training is to be expected: after a change of rate.
    pub(super) training: Training,
}

impl Answerer {
    /// An answerer that waits for [`Input::Start`].
    pub fn new(config: Config) -> Answerer {
        Answerer {
            leg: Leg::new(config.speed, false, "the caller".into(), config.facilities.is_some()),
            state: State::Idle,
            settings: None,
            zeros: Zeros::default(),
            incoming: None,
            pages: 0,
            storing: None,
            last: None,
            about: None,
            asked: Instant::ZERO,
            turns: 0,
            refusal: None,
            only_kin: false,
            undecided: false,
            asked_of: None,
            passed_over: 0,
            mixer: None,
            names_key: false,
            passes: false,
            closed: None,
            stirred: false,
            training: Training::Long,
            config,
        }
    }

    /// The same, that takes the calls of a station of molink only. Its NSS may have been lost: it is waited for twice more.
    pub fn only_kin(mut self) -> Answerer {
        self.config.facilities.get_or_insert_default();
        self.only_kin = true;
        self
    }

    /// The one place where the state changes: what it listens for, and how long.
    pub(super) fn enter(&mut self, now: Instant, state: State) {
        if self.state == State::Ended {
            return;
        }
        for timer in [Timer::T2, Timer::T4, Timer::Check, Timer::Page] {
            // A check is timed from its DCS to its end.
            if timer != Timer::Check || state != State::Checking {
                self.leg.timers.stop(timer);
            }
        }
        match state {
            State::Idle | State::Checking | State::Answering(_) | State::Leaving => {}
            State::Picking => self.leg.arm(now, Timer::Pickup),
            State::Tone => self.leg.order(Order::Tone(Tone::Ced)),
            State::Identifying => self.identify(now),
            State::Awaiting(what) => self.wait(now, what),
            State::Receiving => self.leg.arm(now, Timer::Page),
            State::Storing | State::Deciding | State::Keying => self.leg.order(Order::Listen(None)),
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
    fn wait(&mut self, now: Instant, what: Await) {
        let fast = self.settings.and_then(|s| match what {
            Await::Check => Some(s.fast(Training::Long, false)),
            Await::Page => Some(s.fast(self.training, s.correction.is_some())),
            Await::Command | Await::Settings | Await::Post | Await::Begin | Await::End => None,
        });
        self.leg.order(Order::Listen(fast));
        let timer = match what {
            Await::Command => Timer::T4,
            Await::Check => Timer::Check,
            Await::Settings | Await::Page | Await::Post | Await::Begin | Await::End => Timer::T2,
        };
        self.leg.arm(now, timer);
    }
    /// NSF, CSI, DIS (T.30 5.3.6.1.1).
    fn identify(&mut self, now: Instant) {
        if !self.leg.timers.runs(Timer::T1) {
            self.leg.arm(now, Timer::T1);
        }
        let csi = Some(&self.config.number).filter(|n| !n.is_empty()).map(|n| Frame::ident(Kind::Csi, n));
        let key = self.offer_of_key();
        let said = match (self.config.facilities.clone(), key) {
            (None, None) => None,
            (said, key) => Some(said.into_iter().flatten().chain(key).collect::<Vec<_>>()),
        };
        let nsf = said.map_or(vec![], |entries| self.leg.facility_frames(Kind::Nsf, &entries));
        self.leg.say(nsf.into_iter().chain(csi).chain([Frame::with(Kind::Dis, self.config.capabilities.encode())]).collect());
    }

    fn heard(&mut self, now: Instant, heard: Heard) {
        match (self.state, heard) {
            (State::Idle | State::Ended, _) => {}
            (_, Heard::Lost) => self.lost(now),
            (_, Heard::Sent) => self.sent(now),
            (State::Leaving, _) => {}
            (_, Heard::Tone(Tone::Cng)) => {} // a fax calls; nothing hangs on it
            (_, Heard::Tone(Tone::Ced)) => self.leg.odd("the tone of a station that is called"),
            (state, Heard::Carrier(None)) => {
                if matches!(state, State::Checking | State::Receiving) {
                    self.fast_ended(now); // its end was not heard
                }
                self.leg.stop([Timer::T2, Timer::T4]);
                self.leg.carrier_on(now);
            }
            (State::Awaiting(Await::Check), Heard::Carrier(Some(_))) => {
                self.zeros = Zeros::default();
                self.enter(now, State::Checking);
            }
            (State::Awaiting(Await::Page), Heard::Carrier(Some(_))) => self.page_begins(now),
            (_, Heard::Carrier(Some(modulation))) => self.leg.odd(format!("a carrier of {modulation} at the wrong time")),
            (State::Checking, Heard::Bits(bits)) => self.zeros.push(&bits),
            (State::Receiving, Heard::Bits(bits)) => self.page_bits(now, &bits),
            (_, Heard::Bits(_)) => self.leg.odd("bits at the wrong time"),
            (State::Receiving, Heard::Frame(octets)) => self.page_frame(&octets),
            (State::Receiving, Heard::Damaged(_)) => {} // the frame is missing, and PPR asks for it
            (_, Heard::Frame(octets)) => self.leg.frame(&octets),
            (_, Heard::Damaged(what)) => self.leg.damaged(what),
            (State::Checking | State::Receiving, Heard::Quiet) => self.fast_ended(now),
            (_, Heard::Quiet) => self.quiet(now),
            (state, Heard::Unreadable) => self.unreadable(now, state),
        }
    }
    fn unreadable(&mut self, now: Instant, state: State) {
        self.stirred = true;
        self.leg.odd("a signal that cannot be read");
        if matches!(state, State::Awaiting(Await::Page | Await::Post)) {
            // A page, it seems, or the rest of one: what follows it is waited for from its end on.
            self.passes = true;
            self.leg.timers.stop(Timer::T2);
            self.leg.arm(now, Timer::Page);
        }
    }
    /// A training check or a page is over.
    fn fast_ended(&mut self, now: Instant) {
        match self.state {
            State::Checking => self.judge_check(now),
            _ => self.enter(now, State::Awaiting(Await::Post)),
        }
    }
    fn judge_check(&mut self, now: Instant) {
        if let Some(refusal) = self.refusal.take() {
            return self.refuse(now, refusal);
        }
        if self.undecided {
            return self.enter(now, State::Deciding);
        }
        let Some(settings) = self.settings else { return };
        let passed = self.zeros.pass(settings.modulation.bit_rate());
        self.leg.event(CallEvent::Checked { modulation: settings.modulation, passed });
        self.zeros = Zeros::default();
        match passed {
            true => self.ready_for_page(now),
            false => self.answer(now, vec![Frame::bare(Kind::Ftt)], Await::Settings),
        }
    }
    /// Answers, and keeps the answer, should it be asked for again.
    pub(super) fn answer(&mut self, now: Instant, frames: Vec<Frame>, then: Await) {
        if !self.another_turn(now) {
            return;
        }
        self.last = Some((frames.clone(), then));
        self.stirred = false;
        self.leg.say(frames);
        self.enter(now, State::Answering(then));
    }
    /// Counts a turn in which nothing came; false when there were too many, and the call is given up.
    fn another_turn(&mut self, now: Instant) -> bool {
        self.turns += 1;
        if self.turns > MOST_TURNS {
            self.fail(now, format!("{MOST_TURNS} turns without a page"), Blame::Peer);
        }
        self.turns <= MOST_TURNS
    }
    pub(super) fn answer_again(&mut self, now: Instant) {
        match self.last.take() {
            Some((frames, then)) => self.answer(now, frames, then),
            None => self.enter(now, State::Identifying),
        }
    }
    /// A signal of ours is out.
    fn sent(&mut self, now: Instant) {
        match self.state {
            State::Tone => self.enter(now, State::Identifying),
            State::Identifying => self.enter(now, State::Awaiting(Await::Command)),
            State::Answering(then) => self.enter(now, State::Awaiting(then)),
            State::Leaving => self.enter(now, State::Ended),
            State::Idle | State::Picking | State::Awaiting(_) | State::Checking | State::Deciding | State::Keying | State::Receiving => {
                self.leg.odd("the modem sent what it was not told to");
            }
            State::Storing | State::Ended => {
                self.leg.odd("the modem sent what it was not told to");
            }
        }
    }
    /// A V.21 signal of the far end is over.
    fn quiet(&mut self, now: Instant) {
        if !self.leg.carrier {
            if std::mem::take(&mut self.passes) && matches!(self.state, State::Awaiting(Await::Page | Await::Post)) {
                self.enter(now, State::Awaiting(Await::Post));
            }
            return;
        }
        self.passes = false;
        match (self.leg.carrier_off(), self.state) {
            (Some(frame), State::Awaiting(_) | State::Storing | State::Deciding | State::Keying) => self.command(now, &frame),
            (Some(frame), _) => self.leg.odd(format!("{} came while it was not this station's turn to hear", frame.kind.name())),
            // Nothing that can be read: wait on (T.30 figure 5-2: no command, T2 anew).
            (None, State::Awaiting(what)) if self.another_turn(now) => self.enter(now, State::Awaiting(what)),
            (None, _) => {}
        }
        self.go_on(now);
    }
    /// What waited for the far end to be quiet.
    pub(super) fn go_on(&mut self, now: Instant) {
        match self.state {
            State::Keying => self.ready_if_keyed(now),
            State::Storing => self.answer_if_stored(now),
            State::Deciding if !self.leg.carrier && (!self.undecided || self.refusal.is_some()) => {
                self.leg.timers.stop(Timer::Deciding);
                self.judge_check(now);
            }
            _ => {}
        }
    }
    /// The far end is known: is its message taken? Asked once for what it says.
    fn identify_caller(&mut self, now: Instant) {
        if self.config.facilities.is_none() {
            return;
        }
        let facilities = self
            .leg
            .facilities
            .take()
            .filter(|f| !f.entries.is_empty())
            .or_else(|| self.asked_of.as_ref().and_then(|a| a.facilities.clone()));
        let caller = Identified { number: self.leg.report.peer.clone(), sub: self.leg.report.sub.clone(), capabilities: None, facilities };
        if self.asked_of.as_ref() == Some(&caller) {
            return;
        }
        self.asked_of = Some(caller.clone());
        self.undecided = true;
        self.leg.arm(now, Timer::Deciding);
        self.leg.out.push(Output::Identified(caller));
    }
    fn decided(&mut self, now: Instant) {
        if !std::mem::take(&mut self.undecided) {
            return self.leg.odd("a set-up that nobody asked for");
        }
        self.leg.timers.stop(Timer::Deciding);
        self.go_on(now);
    }
    /// What comes is not taken: said as soon as the far end hears.
    fn refused(&mut self, now: Instant, refusal: Refusal) {
        self.undecided = false;
        self.leg.timers.stop(Timer::Deciding);
        self.refusal = Some(refusal);
        self.go_on(now);
    }
    /// Says why, to a station of molink, and leaves.
    pub(super) fn refuse(&mut self, now: Instant, refusal: Refusal) {
        if matches!(self.state, State::Leaving | State::Ended) {
            return;
        }
        self.note_failure(refusal.what, refusal.blame);
        self.leg.timers.clear();
        let known = self.names_key || self.asked_of.as_ref().is_some_and(|a| a.facilities.is_some());
        let kin = known && !refusal.entries.is_empty();
        let mut frames = if kin { self.leg.facility_frames(Kind::Nsf, &refusal.entries) } else { vec![] };
        frames.push(Frame::bare(Kind::Dcn));
        self.leg.say(frames);
        self.enter(now, State::Leaving);
    }

    /// A command came, and the far end is quiet.
    fn command(&mut self, now: Instant, frame: &Frame) {
        match (frame.kind, self.state) {
            (Kind::Dcn, _) => self.disconnected(now),
            (Kind::Dcs, State::Awaiting(_) | State::Deciding | State::Keying) => self.on_settings(now, frame),
            (Kind::Crp, State::Awaiting(_)) => self.answer_again(now),
            (Kind::Dtc, _) => self.fail(now, "it wants to poll (DTC), and there is nothing to be polled".into(), Blame::Peer),
            (Kind::Mps | Kind::Eom | Kind::Eop | Kind::PriMps | Kind::PriEom | Kind::PriEop, _) => self.on_post(now, frame),
            (Kind::Pps, _) => self.on_partial(now, frame),
            (Kind::Rr, _) => self.on_ready(now),
            (Kind::Ctc, State::Awaiting(Await::Page | Await::Post)) => self.on_correct(now, frame),
            (Kind::Eor, State::Awaiting(Await::Page | Await::Post)) => self.on_no_more(now, frame),
            _ => self.unexpected(now, frame),
        }
    }
    pub(super) fn unexpected(&mut self, now: Instant, frame: &Frame) {
        self.leg.odd(format!("{} ({}) has no place here", frame.kind.name(), frame.kind.means()));
        if let State::Awaiting(what) = self.state
            && self.another_turn(now)
        {
            self.enter(now, State::Awaiting(what));
        }
    }
    fn on_settings(&mut self, now: Instant, frame: &Frame) {
        if !self.another_turn(now) {
            return;
        }
        if self.config.facilities.is_some() && self.asked_of.is_none() {
            let unknown = self.only_kin && self.leg.facilities.is_none();
            if (unknown || !self.leg.whole) && self.passed_over < PASSED_OVER {
                self.passed_over += 1;
                self.leg.odd("a DCS beside which an NSS is missing or damaged; it is waited for once more");
                return self.enter(now, State::Awaiting(Await::Command));
            }
            if unknown {
                let what = "it is no station of molink (no NSS of one came), and this line is for one";
                return self.fail(now, what.into(), Blame::Peer);
            }
        }
        if self.key_was_damaged() {
            self.leg.odd("a DCS with something damaged beside it, which may have named its key; it is waited for once more");
            return self.enter(now, State::Awaiting(Await::Command));
        }
        self.leg.timers.stop(Timer::T1);
        self.identify_caller(now);
        self.incoming = None;
        let unread = self.hear_start();
        match Settings::decode(&frame.fif, &self.config.capabilities) {
            Ok(settings) => {
                self.leg.event(CallEvent::Settled { settings });
                (self.settings, self.refusal, self.training) =
                    (Some(settings), self.refusal.take().filter(|r| !r.of_settings).or(unread), Training::Short);
                self.enter(now, State::Awaiting(Await::Check));
            }
            Err(why) => {
                let what = format!("its DCS asks for {why}");
                (self.settings, self.refusal) = (None, Some(Refusal { what, blame: Blame::Peer, entries: vec![], of_settings: true }));
                self.enter(now, State::Awaiting(Await::Check));
            }
        }
    }
    fn disconnected(&mut self, now: Instant) {
        if self.state != State::Awaiting(Await::End) {
            self.note_failure("it disconnected (DCN)".into(), Blame::Peer);
        }
        self.enter(now, State::Ended);
    }
    fn lost(&mut self, now: Instant) {
        if self.state != State::Awaiting(Await::End) {
            self.note_failure("it left the line".into(), Blame::Peer);
        }
        self.enter(now, State::Ended);
    }

    /// Gives up: DCN, then off the line.
    pub(super) fn fail(&mut self, now: Instant, what: String, blame: Blame) {
        self.refuse(now, Refusal { what, blame, entries: vec![], of_settings: false });
    }
    /// The first failure counts.
    fn note_failure(&mut self, what: String, blame: Blame) {
        let page = self.pages + 1;
        let stage = match self.state {
            _ if self.storing.is_some() => format!("while storing page {page} from"),
            State::Idle | State::Picking | State::Tone => "while answering".into(),
            State::Identifying | State::Awaiting(Await::Command | Await::Settings) => "while waiting for DCS from".into(),
            State::Awaiting(Await::Check) | State::Checking | State::Deciding | State::Keying => "while training with".into(),
            State::Awaiting(Await::Page) => format!("while waiting for page {page} from"),
            State::Receiving => format!("while receiving page {page} from"),
            State::Awaiting(Await::Post) => format!("while waiting for what follows page {page} from"),
            State::Storing => format!("while storing page {page} from"),
            State::Awaiting(Await::Begin) => "while waiting to begin anew with".into(),
            State::Answering(_) => "while answering".into(),
            State::Awaiting(Await::End) | State::Leaving | State::Ended => "after the last page from".into(),
        };
        if self.leg.report.failure.is_none() {
            self.leg.report.failure = Some(Failure { stage, peer: self.leg.peer(), what, blame });
        }
    }

    fn ran_out(&mut self, now: Instant, timer: Timer) {
        if !matches!(timer, Timer::Pickup | Timer::Storing) {
            self.leg.event(CallEvent::RanOut { timer: timer.name() });
        }
        match (timer, self.state) {
            (Timer::Pickup, _) => self.enter(now, State::Tone),
            (Timer::T1, _) => self.fail(now, "no DCS within T1 (35 s)".into(), Blame::Line),
            (Timer::T4, State::Awaiting(Await::Command)) => self.enter(now, State::Identifying),
            (Timer::Check, State::Awaiting(Await::Check) | State::Checking) => self.judge_check(now),
            (Timer::T2, State::Awaiting(Await::End)) => self.enter(now, State::Ended), // all was confirmed; only its DCN is missing
            (Timer::T2, State::Awaiting(Await::Begin)) => self.enter(now, State::Identifying),
            (Timer::T2, _) => self.fail(now, "nothing within T2 (6 s)".into(), Blame::Line),
            (Timer::Deciding, State::Keying) => self.not_reserved(now, "the key was not put on record within 20 s".into()),
            (Timer::Deciding, _) => self.fail(now, "it was not decided within 20 s whether to receive".into(), Blame::Us),
            (Timer::Carrier | Timer::LongCarrier, _) => self.fail(now, "a signal without end".into(), Blame::Line),
            (Timer::Page, _) => self.fail(now, "a page without end".into(), Blame::Peer),
            (Timer::Storing, State::Storing) => self.not_ready(now),
            (Timer::Stored, _) => self.fail(now, "the page was not stored within 70 s".into(), Blame::Us),
            (timer, _) => self.leg.odd(format!("{} ran out, for which nobody waited", timer.name())),
        }
    }
}

impl Machine for Answerer {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Instant, input: Input) -> Vec<Output> {
        match input {
            Input::Start if self.state == State::Idle => self.enter(now, State::Picking),
            Input::Start => self.leg.odd("a second start"),
            Input::Heard(heard) => self.heard(now, heard),
            Input::Stored { page } => self.stored(now, page),
            Input::NotStored { page, why } => self.fail(now, format!("page {page} cannot be stored: {why}"), Blame::Us),
            Input::SetUp(_) => self.decided(now),
            Input::Reserved { made, key } => self.reserved(now, &made, &key),
            Input::NotReserved { why, .. } => self.not_reserved(now, why),
            Input::Pages(_) => self.leg.odd("pages, and this end receives"),
            Input::Refuse { why, blame, entries } => self.refused(now, Refusal { what: why, blame, entries, of_settings: false }),
            Input::Halt { why } | Input::Stop { why } => self.fail(now, why, Blame::Us),
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

//! What a caller does about each answer of the far end.
//!
//! Standard: ITU-T T.30, figures 5-2 (responses to DCS and to post-message commands), annex A.5 (PPR, RNR, CTR). In: a frame.
//! Out: the next command, page, block or end. Left out: how long it waits (see `caller`). Every pair of command and answer that is not
//! in a table is odd: said, and the command is repeated. Shown by: `fixtures/dialogues/fax`.

use super::caller::{Ask, Caller, State};
use super::capabilities::Capabilities;
use super::correction::Sender;
use super::event::CallEvent;
use super::frame::{Frame, Kind, Post};
use super::outcome::Blame;
use super::settings::Settings;
use super::timers::{ASKS, PAGE_TRIES, PASSED_OVER, SLOWEST_TRIES, Timer};
use super::{Identified, Output};
use crate::fax::modem::Training;
use crate::time::Instant;

impl Caller {
    /// An answer came, and the far end is quiet.
    pub(super) fn answered(&mut self, now: Instant, frame: &Frame) {
        if frame.kind == Kind::Dcn {
            return self.disconnected(now);
        }
        match self.state {
            State::Calling => self.on_capabilities(now, frame),
            State::Waiting(ask) if frame.kind == Kind::Crp => self.again(now, ask, "the far end asked for it again"),
            State::Waiting(Ask::Settings) => self.on_training(now, frame),
            State::Waiting(ask @ Ask::Post(post)) => self.on_page(now, frame, ask, post),
            State::Waiting(ask @ (Ask::Partial(post) | Ask::Ready(post))) => self.on_block(now, frame, ask, post),
            State::Waiting(ask @ Ask::Correct(_)) => match frame.kind {
                Kind::Ctr => self.send_block(now),
                _ => self.unexpected(now, frame, ask),
            },
            State::Deciding if frame.kind == Kind::Dis => {} // said again meanwhile
            State::Idle
            | State::Deciding
            | State::Asking(_)
            | State::Checking
            | State::Keying
            | State::Sending
            | State::Leaving
            | State::Ended => {
                self.leg.odd(format!("{} came while it was not this station's turn to hear", frame.kind.name()));
            }
        }
    }
    fn disconnected(&mut self, now: Instant) {
        self.leg.report.parting = self.leg.facilities.take();
        let why = self.leg.report.parting.as_ref().and_then(|said| said.why());
        let what = why.map_or("the far end disconnected (DCN)".into(), |why| format!("the far end disconnected (DCN) and says: {why}"));
        self.note_failure(what, Blame::Peer);
        self.enter(now, State::Ended);
    }
    /// An answer that does not fit what was asked.
    fn unexpected(&mut self, now: Instant, frame: &Frame, ask: Ask) {
        self.leg.odd(format!("{} ({}) does not answer what was asked", frame.kind.name(), frame.kind.means()));
        self.again(now, ask, &format!("no fitting answer (the last was {})", frame.kind.name()));
    }

    fn on_capabilities(&mut self, now: Instant, frame: &Frame) {
        match frame.kind {
            Kind::Dis => {
                let there = Capabilities::decode(&frame.fif);
                if !there.receives {
                    return self.fail(now, "the far end does not receive fax".into(), Blame::Peer);
                }
                let unknown = self.only_kin && self.leg.facilities.is_none() && self.set_up.is_none();
                let damaged = (self.config.facilities || self.mixer.is_some() && self.leg.cipher.is_none()) && !self.leg.whole;
                if (damaged || unknown) && self.passed_over < PASSED_OVER {
                    self.passed_over += 1;
                    return self.leg.odd("a DIS beside which an NSF is missing or damaged; it is waited for once more");
                }
                if unknown {
                    let what = "the far end is no station of molink (no NSF of one came), and this line is for one";
                    return self.fail(now, what.into(), Blame::Peer);
                }
                self.leg.stop([Timer::T0, Timer::T1]);
                self.both = Some(self.config.capabilities.both(&there));
                match self.hear_offer() {
                    Ok(()) => self.decide(now, there),
                    Err((why, blame)) => self.key_trouble(now, why, blame),
                }
            }
            Kind::Dtc => self.fail(now, "the far end wants to poll (DTC), and there is nothing to be polled".into(), Blame::Peer),
            _ => self.leg.odd(format!("{} came before DIS", frame.kind.name())),
        }
    }

    /// Says who is there, and waits to be told what to say; the second time in a call that is known.
    fn decide(&mut self, now: Instant, there: Capabilities) {
        if !self.config.facilities || self.set_up.is_some() {
            return self.ask(now, Ask::Settings);
        }
        let facilities = self.leg.facilities.take();
        self.kin = facilities.is_some();
        let number = self.leg.report.peer.clone();
        self.enter(now, State::Deciding);
        self.leg.out.push(Output::Identified(Identified { number, sub: None, capabilities: Some(there), facilities }));
    }

    fn on_training(&mut self, now: Instant, frame: &Frame) {
        self.introduced |= matches!(frame.kind, Kind::Cfr | Kind::Ftt);
        match frame.kind {
            Kind::Cfr => {
                self.training = Training::Short;
                self.send_page(now);
            }
            Kind::Ftt => match self.slower() {
                true => self.ask(now, Ask::Settings),
                false => {
                    let at = self.settings.map_or(0, |s| s.modulation.bit_rate());
                    self.fail(now, format!("the training check failed (FTT) at every rate down to {at} bit/s"), Blame::Line);
                }
            },
            Kind::Dis | Kind::Dtc => self.again(now, Ask::Settings, "the far end did not hear the DCS"),
            _ => self.unexpected(now, frame, Ask::Settings),
        }
    }
    /// Falls back by one rate; at the slowest, tries it once more. False if that was done.
    fn slower(&mut self) -> bool {
        let (Some(both), Some(settings)) = (&self.both, &mut self.settings) else { return false };
        if let Some(modulation) = both.slower(settings.modulation) {
            settings.modulation = modulation;
            return true;
        }
        self.slowest += 1;
        self.slowest < SLOWEST_TRIES
    }
    /// Answers to MPS, EOM, EOP (T.30 5.3.6.1.7).
    fn on_page(&mut self, now: Instant, frame: &Frame, ask: Ask, post: Post) {
        match frame.kind {
            Kind::Mcf => {
                self.confirmed();
                self.next_page(now, post, false);
            }
            Kind::Rtp => {
                self.leg.report.doubtful.push(self.page + 1);
                self.leg.event(CallEvent::Doubtful { page: self.page + 1 });
                self.next_page(now, post, true);
            }
            Kind::Rtn => self.refused(now),
            Kind::Pip => {
                self.leg.report.doubtful.push(self.page + 1);
                self.leg.event(CallEvent::Doubtful { page: self.page + 1 });
                self.fail(now, "the far end wants an operator (PIP), and there is none".into(), Blame::Peer);
            }
            Kind::Pin => self.fail(now, "the far end refused the page and wants an operator (PIN)".into(), Blame::Peer),
            _ => self.unexpected(now, frame, ask),
        }
    }
    fn confirmed(&mut self) {
        self.leg.report.confirmed.push(self.page + 1);
        self.leg.event(CallEvent::Confirmed { page: self.page + 1 });
    }
    fn next_page(&mut self, now: Instant, post: Post, train: bool) {
        self.page += 1;
        (self.refusals, self.slowest, self.block) = (0, 0, None);
        if let Some(why) = self.halt.take().filter(|_| post != Post::Eop) {
            return self.fail(now, why, Blame::Us);
        }
        match post {
            Post::Eop => self.leave(now),
            Post::Eom => self.enter(now, State::Calling),
            Post::Mps | Post::Null if train => self.ask(now, Ask::Settings),
            Post::Mps | Post::Null => self.send_page(now),
        }
    }
    fn refused(&mut self, now: Instant) {
        self.refusals += 1;
        if self.refusals >= PAGE_TRIES {
            return self.fail(now, format!("the far end refused the page (RTN) {PAGE_TRIES} times"), Blame::Line);
        }
        self.slower(); // at the slowest rate the page is still sent as often as any
        self.ask(now, Ask::Settings);
    }

    /// Answers to PPS and RR (annex A.4.4).
    fn on_block(&mut self, now: Instant, frame: &Frame, ask: Ask, post: Post) {
        if frame.kind != Kind::Rnr {
            self.leg.timers.stop(Timer::T5);
        }
        match frame.kind {
            Kind::Mcf if post == Post::Null => {
                if let Some(block) = &mut self.block {
                    block.next();
                }
                self.training = Training::Short;
                self.send_block(now);
            }
            Kind::Mcf => {
                self.confirmed();
                self.training = Training::Short;
                self.next_page(now, post, false);
            }
            Kind::Ppr => self.wanted(now, &frame.wanted(), ask, post),
            Kind::Rnr => {
                if !self.leg.timers.runs(Timer::T5) {
                    self.leg.arm(now, Timer::T5);
                }
                self.ask(now, Ask::Ready(post));
            }
            Kind::Pip | Kind::Pin => self.fail(now, format!("the far end wants an operator ({})", frame.kind.name()), Blame::Peer),
            _ => self.unexpected(now, frame, ask),
        }
    }
    /// Frames are wanted again: at this rate up to four times, then one rate lower (annex A.1.3).
    fn wanted(&mut self, now: Instant, numbers: &[u8], ask: Ask, post: Post) {
        let Some(block) = &mut self.block else { return };
        if !block.lacks(numbers) {
            self.leg.odd("PPR that wants no frame of this block");
            return self.again(now, ask, "the far end wanted no frame of the block (PPR)");
        }
        if block.asks < ASKS {
            return self.send_block(now);
        }
        block.asks = 0;
        self.correct_slower(now, post);
    }
    fn correct_slower(&mut self, now: Instant, post: Post) {
        if self.slower() {
            self.training = Training::Long; // the far modem has not trained at this rate
            return self.ask(now, Ask::Correct(post));
        }
        let left = self.block.as_ref().map_or(0, Sender::count);
        let rate = self.settings.as_ref().map_or(0, |s: &Settings| s.modulation.bit_rate());
        let frames = if left == 1 { "frame" } else { "frames" };
        self.fail(now, format!("{left} {frames} could not be corrected at any rate down to {rate} bit/s"), Blame::Line);
    }
}

//! The terminal's incoming half: answer call-ups, take messages, answer for them.
//!
//! Standard: ours (`docs/procedure.md`). In: codes off the line, verdicts, timers.
//! Out: ready answers, submissions, receipts. Left out: filing (the router's).
//! Shown by: `fixtures/dialogues`, `tests/it/procedure.rs`.

use super::codes::{BLANK, CR, CodeTable, Coder, LF};
use super::service::{Claim, Line, Stamp, Why};
use super::terminal::{Output, Terminal, Timer};
use super::wire::{self, CUT_MARK, END_MARK, Flaw, START};
use crate::line::Code;
use crate::message::{Identity, Name};
use crate::router::event::{Direction, Span};
use crate::router::{Event, Verdict};
use crate::time::Instant;

/// Where the incoming half stands.
#[derive(Debug)]
pub(super) enum Receiving {
    /// All but service lines is discarded.
    Idle,
    /// Call-up `no` came; once our answer has begun to go out (`answered`), the last codes that came.
    Called { no: u32, answered: bool, tail: Vec<Code> },
    /// From the start sequence on.
    Message { no: u32, codes: Vec<Code> },
}

/// A message at the router, not yet answered for.
#[derive(Debug)]
pub(super) struct Pending {
    no: u32,
    stamp: Stamp,
    /// As they came.
    codes: Vec<Code>,
}

/// Codes that may wait for their key to be reserved: two hours of a line of 50 Bd, more than any disk takes.
const BACKLOG: usize = 50_000;

/// Messages at the router at once; more are answered with `NOT RECEIVED … BUSY`.
const PENDING: usize = 16;

impl Terminal {
    pub(super) fn received(&mut self, now: Instant, codes: &[Code]) {
        self.backlog.extend(codes);
        if self.backlog.len() > BACKLOG {
            self.backlog.clear();
            self.step_lost(now, Why::Key, "the key was not reserved in time");
        }
        self.work_off(now);
        let watched = match &self.receiving {
            Receiving::Idle => false,
            Receiving::Called { tail, .. } => !tail.is_empty(),
            Receiving::Message { .. } => true,
        };
        if watched && !codes.is_empty() {
            self.timers.arm(Timer::Idle, now + self.timing.idle());
        }
    }
    /// Takes what came, code by code; stops where a code's key is still being reserved.
    pub(super) fn work_off(&mut self, now: Instant) {
        while !self.backlog.is_empty() && self.covered_inbound(now) {
            let Some(code) = self.backlog.pop_front() else { return };
            if !self.cipher_code(now, code) {
                self.message_code(now, code);
            }
            if let Some(body) = self.detector.take(code) {
                self.heard_service_line(now, body, Span::Clear);
            }
        }
    }
    pub(super) fn heard_service_line(&mut self, now: Instant, body: String, span: Span) {
        // What came while we waited for a heading was this line, not a heading.
        if let Receiving::Called { answered, tail, .. } = &mut self.receiving {
            tail.clear();
            if *answered {
                self.timers.stop(Timer::Idle);
                self.timers.arm(Timer::Called, now + self.timing.called());
            }
        }
        self.service_line(now, body, span);
    }

    /// A code that is not part of an enciphered span.
    fn message_code(&mut self, now: Instant, code: Code) {
        let keyed = self.keyed();
        match &mut self.receiving {
            Receiving::Idle | Receiving::Called { answered: false, .. } => {} // discarded before a call-up
            Receiving::Called { tail, .. } if tail.is_empty() && [CR, LF, BLANK].contains(&code) => {} // a service line's rest
            Receiving::Called { no, tail, .. } => {
                let no = *no;
                tail.push(code);
                if keyed {
                    tail.truncate(1); // noise: on this line a message is announced
                } else if tail.ends_with(&START) {
                    self.begin(no);
                } else if tail.ends_with(&END_MARK) {
                    self.not_received(now, no, Flaw { why: Why::Heading, text: "an end came without a start".into() });
                } else if tail.ends_with(&CUT_MARK) {
                    self.rest(now);
                } else if tail.len() >= 2 * CUT_MARK.len() {
                    tail.drain(..CUT_MARK.len());
                }
            }
            Receiving::Message { .. } => self.text_code(now, code),
        }
    }
    /// A code of a message, as it stands before a mixer.
    pub(super) fn text_code(&mut self, now: Instant, code: Code) {
        if !matches!(self.receiving, Receiving::Message { .. }) {
            return;
        }
        self.print(&[code]);
        let Receiving::Message { no, codes } = &mut self.receiving else { return };
        let no = *no;
        codes.push(code);
        if codes.ends_with(&END_MARK) {
            self.complete(now, no);
        } else if codes.ends_with(&CUT_MARK) {
            self.abandon(now, "the far end cut it");
        } else if codes.len() > self.config.longest {
            let text = format!("no end after {} codes", self.config.longest);
            self.not_received(now, no, Flaw { why: Why::Long, text });
        }
    }
    pub(super) fn begin(&mut self, no: u32) {
        self.timers.stop(Timer::Called);
        // While the far end sends, it cannot answer: our own waiting stands still.
        self.held = [Timer::Ready, Timer::Receipt].into_iter().find(|t| self.timers.stop(*t)).or(self.held);
        self.printer_home();
        self.print(&START);
        self.receiving = Receiving::Message { no, codes: START.to_vec() };
    }
    /// Back to rest; what stood still runs afresh.
    fn rest(&mut self, now: Instant) {
        self.receiving = Receiving::Idle;
        self.close_inbound();
        self.timers.stop(Timer::Idle);
        self.timers.stop(Timer::Called);
        if let Some(timer) = self.held.take() {
            self.wait(now, timer);
        }
    }

    fn complete(&mut self, now: Instant, no: u32) {
        let Receiving::Message { codes, .. } = &self.receiving else { return };
        match wire::read(codes, self.config.receive, self.config.unshift, self.utc(now)) {
            Err(flaw) => self.not_received(now, no, flaw),
            Ok(_) if self.pending.len() >= PENDING => {
                let text = format!("{PENDING} messages wait to be filed");
                self.not_received(now, no, Flaw { why: Why::Busy, text });
            }
            Ok((message, stamp)) => {
                let codes = codes.clone();
                self.rest(now);
                let token = self.next_token;
                self.next_token += 1;
                self.pending.insert(token, Pending { no, stamp, codes });
                self.push(Output::Submit { token, message });
            }
        }
    }
    pub(super) fn verdict(&mut self, token: u64, verdict: Verdict) {
        let Some(Pending { no, stamp, codes }) = self.pending.remove(&token) else { return };
        if verdict == Verdict::Filed {
            self.push(Output::Tape { dir: Direction::In, id: stamp.identity.clone(), codes });
        }
        self.say(match verdict {
            Verdict::Filed => Line::Received { before: false, stamp },
            Verdict::FiledBefore => Line::Received { before: true, stamp },
            Verdict::Refused(reason) => Line::Refused { stamp, reason: reason.text },
            Verdict::TryLater(_) => Line::NotReceived { no, why: Some(Why::Busy) },
        });
    }

    pub(super) fn not_received(&mut self, now: Instant, no: u32, flaw: Flaw) {
        self.say(Line::NotReceived { no, why: Some(flaw.why) });
        self.abandon(now, &flaw.text);
    }
    /// Gives up what is coming in; what came of it is shown, never filed.
    pub(super) fn abandon(&mut self, now: Instant, reason: &str) {
        if let Receiving::Message { codes, .. } = &self.receiving {
            let text = Coder::in_letters(self.config.receive, self.config.unshift).read(codes);
            // Line 3 of what came is the identity line, if it came whole.
            let id = text.lines().nth(2).and_then(|l| Identity::from_heading(l, self.utc(now)));
            self.push(Output::Event { event: Event::Fragment { text, reason: reason.to_owned() }, id });
        }
        self.rest(now);
    }

    /// Whether a call-up is for this station, and from one that may speak here.
    pub(super) fn is_called(&self, to: Option<&Name>, from: &Name) -> bool {
        to.is_none_or(|to| *to == self.config.station) && *from != self.config.station && self.is_peer(from)
    }
    pub(super) fn on_call(&mut self, now: Instant, to: Option<Name>, from: Name, no: u32, (code, key): (CodeTable, Option<Claim>)) {
        let called = to.as_ref().map_or("CQ".into(), Name::upper);
        if !self.is_called(to.as_ref(), &from) {
            return self.ignored(format!("`{called} DE {} CALL {no}` is not for this station, or not from its peer", from.upper()));
        }
        self.abandon(now, &format!("{} called up anew in mid-message", from.upper()));
        self.line_up(from.clone());
        if self.stopping {
            return;
        }
        self.lines.retain(|l| !matches!(l, Line::Ready { .. } | Line::NotReady { .. }));
        if code != self.config.receive {
            let here = self.config.receive.name();
            self.ignored(format!("{} would send in {}, and this line's `code` receives {here}", from.upper(), code.name()));
            return self.not_ready(from, no, &format!("THIS MACHINE READS {here}"));
        }
        if let Err(reason) = self.take_up(&from, key) {
            return self.not_ready(from, no, &reason);
        }
        self.receiving = Receiving::Called { no, answered: false, tail: vec![] };
        if let Some(cipher) = &mut self.cipher {
            cipher.ready = Some((from, no));
            self.ready_if_covered();
        } else {
            self.say(Line::Ready { to: from, from: self.config.station.clone(), no, key: None });
        }
    }
    /// From the first code of our answer on, what comes may be the heading: without pacing it can be there before we
    /// are told that the answer is out.
    pub(super) fn ready_begins(&mut self, begun: u32) {
        if let Receiving::Called { no, answered, .. } = &mut self.receiving
            && *no == begun
        {
            *answered = true;
        }
    }
    pub(super) fn ready_sent(&mut self, now: Instant, sent: u32) {
        match &self.receiving {
            Receiving::Called { no, .. } if *no == sent => self.timers.arm(Timer::Called, now + self.timing.called()),
            Receiving::Idle | Receiving::Called { .. } | Receiving::Message { .. } => {} // overtaken by another call-up
        }
    }

    pub(super) fn fell_silent(&mut self, now: Instant) {
        match &self.receiving {
            Receiving::Called { no, .. } | Receiving::Message { no, .. } => {
                let (no, text) = (*no, format!("nothing came for {} s", self.timing.idle().as_secs()));
                self.step_lost(now, Why::Idle, &text);
                if !matches!(self.receiving, Receiving::Idle) {
                    self.not_received(now, no, Flaw { why: Why::Idle, text });
                }
            }
            Receiving::Idle => {} // the timer was stopped
        }
    }
    pub(super) fn no_heading(&mut self, now: Instant) {
        let Receiving::Called { no, tail, .. } = &self.receiving else { return };
        let no = *no;
        if tail.is_empty() {
            self.ignored(format!("no message came after READY {no}"));
            self.rest(now);
        } else {
            let text = format!("no start of a message in what came for {} s", self.timing.called().as_secs());
            self.not_received(now, no, Flaw { why: Why::Heading, text });
        }
    }
}

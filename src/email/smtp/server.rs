//! A server session: takes mail from one connection. A machine.
//!
//! Standard: RFC 5321 and the extensions that `mod.rs` names. In: octets, and what the world answers. Out: octets, pieces for a spool.
//! After `Finish` and `StartTls` it takes no octets until the world has answered (what comes meanwhile is held, up to a limit).
//! Left out: sockets, the spool, who knows which desk ([`Directory`]). Shown by: `fixtures/dialogues/smtp`, `tests/it/smtp_dialogues.rs`.

use super::data::Reader;
use super::envelope::{Envelope, Who};
use super::limits::{BLOCK, Timer};
use super::replies::Say;
use super::server_auth::Login;
pub use super::server_talk::{Checked, Config, Directory, Input, Mail, NotFiled, Output, Standing};
use crate::machine::{Machine, Timers};
use crate::message::Precedence;
use crate::time::Instant;
use std::collections::BTreeSet;

/// Where the session stands.
#[derive(Debug)]
pub(super) enum Phase {
    /// Nothing was said yet.
    New,
    /// Waits for a command.
    Commands,
    /// The rest of a line that was too long is passed over.
    Skipping,
    /// In the middle of AUTH.
    Login(Login),
    /// A message comes in by DATA.
    Data,
    /// A chunk comes in; `heard` is false for one that is only passed over.
    Chunk { left: u64, last: bool, heard: bool },
    /// STARTTLS was answered.
    Handshake,
    /// A message waits to be filed.
    Filing,
    /// Over.
    Closed,
}

/// A session.
pub struct Server {
    pub(super) config: Config,
    pub(super) who: Who,
    pub(super) phase: Phase,
    /// The open message.
    pub(super) mail: Option<Envelope>,
    pub(super) asked: Option<Precedence>,
    /// The desks it is for, of a stranger's.
    pub(super) desks: BTreeSet<String>,
    /// Its octets, once they come.
    pub(super) reader: Option<Reader>,
    /// The spool gave up on it.
    pub(super) spool_failed: bool,
    pub(super) held: Vec<u8>,
    pub(super) read: usize,
    pub(super) counts: Counts,
    stopping: bool,
    timers: Timers<Timer>,
    block: usize,
    out: Vec<Output>,
}

/// What has been counted against the limits.
#[derive(Default, Debug)]
pub(super) struct Counts {
    pub errors: u32,
    pub idle: u32,
    /// Recipients of the open message that were too many.
    pub over: usize,
    pub logins: u32,
    pub messages: u32,
}

impl Server {
    /// A session with whoever connected from `address`.
    pub fn new(config: Config, address: impl Into<String>) -> Server {
        let who = Who { address: address.into(), ..Who::default() };
        Server {
            config,
            who,
            phase: Phase::New,
            mail: None,
            asked: None,
            desks: BTreeSet::new(),
            reader: None,
            spool_failed: false,
            held: vec![],
            read: 0,
            counts: Counts::default(),
            stopping: false,
            timers: Timers::default(),
            block: 0,
            out: vec![],
        }
    }

    /// Whether it waits for the world and wants no octets until then.
    pub fn waits(&self) -> bool {
        matches!(self.phase, Phase::New | Phase::Handshake | Phase::Filing | Phase::Closed)
    }

    /// Octets it holds, for those who watch over memory.
    pub fn holds(&self) -> usize {
        self.held.len()
    }

    fn connected(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::New) {
            return;
        }
        self.phase = Phase::Commands;
        self.say(Say::Greeting, &self.config.host.clone());
        self.arm(now, Timer::Session);
        self.arm(now, Timer::Command);
    }

    fn secured(&mut self, now: Instant, pinned: Option<String>) {
        // RFC 3207 4.2: nothing that was said in clear counts any more. With TLS from the start there was nothing.
        let first = matches!(self.phase, Phase::Commands) && !self.who.secured && self.who.helo.is_empty();
        if !matches!(self.phase, Phase::Handshake) && !first {
            return;
        }
        self.who = Who { address: std::mem::take(&mut self.who.address), secured: true, pinned, ..Who::default() };
        (self.mail, self.asked, self.read) = (None, None, 0);
        self.held.clear();
        self.timers.stop(Timer::Handshake);
        self.arm(now, Timer::Command);
        self.phase = Phase::Commands;
    }

    fn octets(&mut self, now: Instant, octets: &[u8]) {
        if matches!(self.phase, Phase::Closed | Phase::New) {
            return;
        }
        if self.waits() && self.held.len() + octets.len() > self.config.limits.waiting {
            return self.end(Say::Overrun);
        }
        if matches!(self.phase, Phase::Handshake) {
            // The driver reads them for TLS from here on; what comes this way came in clear.
            return self.end(Say::Ahead);
        }
        self.held.extend_from_slice(octets);
        self.run(now);
    }

    /// Goes through what has come, until it is used up or the world has to answer.
    fn run(&mut self, now: Instant) {
        loop {
            let went_on = match self.phase {
                Phase::Commands | Phase::Login(_) => self.a_line(now),
                Phase::Skipping => self.skip_line(now),
                Phase::Data | Phase::Chunk { .. } => self.some_data(now),
                Phase::New | Phase::Handshake | Phase::Filing | Phase::Closed => false,
            };
            if !went_on {
                break;
            }
        }
        self.held.drain(..self.read);
        self.read = 0;
        if self.held.is_empty() && self.held.capacity() > self.config.limits.command {
            self.held = Vec::new();
        }
    }

    /// A message is settled: says so, and goes on with what came behind it.
    fn settled(&mut self, now: Instant, say: Say, with: &str) {
        if !matches!(self.phase, Phase::Filing) {
            return;
        }
        self.phase = Phase::Commands;
        self.timers.stop(Timer::World);
        self.counts.idle = 0;
        (self.mail, self.asked) = (None, None);
        self.say(say, with);
        match self.stopping {
            true => self.end(Say::Stopping),
            false => {
                self.arm(now, Timer::Command);
                self.run(now);
            }
        }
    }

    /// Whether the answer is about the message that waits, and not a late one.
    fn is_current(&self, number: u32) -> bool {
        matches!(self.phase, Phase::Filing) && number == self.counts.messages
    }

    fn filed(&mut self, now: Instant, number: u32, id: &str) {
        if !self.is_current(number) {
            return;
        }
        let granted = self.mail.as_ref().and_then(|m| m.precedence).unwrap_or_default();
        match self.asked {
            // RFC 6710 and the registry of RFC 5248: X.3.6, the text begins with the priority that was given.
            Some(_) => {
                let text = format!("{} {granted} is what you may ask for; filed as {id}", super::priority::level(granted));
                self.settled(now, Say::FiledLower, &text);
            }
            None => self.settled(now, Say::Filed, id),
        }
    }

    fn not_filed(&mut self, now: Instant, number: u32, why: &NotFiled) {
        if !self.is_current(number) {
            return;
        }
        match why {
            NotFiled::NoRoom => self.settled(now, Say::NoRoom, ""),
            NotFiled::Trouble => self.settled(now, Say::Trouble, ""),
            NotFiled::Later(text) => self.settled(now, Say::Later, text),
            NotFiled::BookFull => self.settled(now, Say::BookFull, ""),
            NotFiled::Loop => self.settled(now, Say::Loop, ""),
            NotFiled::Content => self.settled(now, Say::Content, ""),
            NotFiled::Policy(text) => self.settled(now, Say::Policy, text),
        }
    }

    fn stop(&mut self) {
        match self.phase {
            Phase::Filing => self.stopping = true,
            Phase::Closed => {}
            _ => self.end(Say::Stopping),
        }
    }

    fn due(&mut self, now: Instant, timer: Timer) {
        match timer {
            Timer::Command | Timer::Block => self.end(Say::Idle),
            Timer::Session if matches!(self.phase, Phase::Filing) => self.stopping = true,
            Timer::Session => self.end(Say::TooLongASession),
            // Nobody can be told in the middle of a handshake.
            Timer::Handshake => self.gone(true),
            // The answer is due: better "not filed" than none. What is filed after all is told by its identity when it comes again.
            Timer::World => {
                self.out.push(Output::Discard);
                self.settled(now, Say::Trouble, "");
            }
            Timer::Greeting | Timer::Answer | Timer::Mail | Timer::Recipient | Timer::Data | Timer::Sent | Timer::Final => {
                unexpected_timer(timer);
            }
        }
    }

    pub(super) fn arm(&mut self, now: Instant, timer: Timer) {
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        self.timers.arm(timer, now + timer.length(self.config.speed));
    }

    /// From one kind of waiting to another: the timer of the new one.
    pub(super) fn enter(&mut self, now: Instant, phase: Phase) {
        if matches!(self.phase, Phase::Closed) {
            // A reply on the way here was the last error the limits allow.
            return;
        }
        for timer in [Timer::Command, Timer::Block, Timer::World, Timer::Handshake] {
            self.timers.stop(timer);
        }
        let timer = match phase {
            Phase::Commands | Phase::Skipping | Phase::Login(_) => Some(Timer::Command),
            Phase::Data | Phase::Chunk { .. } => Some(Timer::Block),
            Phase::Handshake => Some(Timer::Handshake),
            Phase::Filing => Some(Timer::World),
            Phase::New | Phase::Closed => None,
        };
        if let Some(timer) = timer {
            self.arm(now, timer);
        }
        self.block = 0;
        self.phase = phase;
    }

    /// Data came: a whole block of it winds the timer up again.
    pub(super) fn progress(&mut self, now: Instant, octets: usize) {
        self.block += octets;
        if self.block >= BLOCK {
            self.block %= BLOCK;
            self.arm(now, Timer::Block);
        }
    }

    /// Sends a reply; counts errors.
    pub(super) fn say(&mut self, say: Say, with: &str) {
        let line = say.line(with);
        self.send(&line);
        if say.is_error() {
            self.counts.errors += 1;
            if self.counts.errors >= self.config.limits.errors && !matches!(self.phase, Phase::Closed) {
                self.end(Say::TooManyErrors);
            }
        }
    }

    /// Sends octets; replies that follow each other go out together.
    pub(super) fn send(&mut self, octets: &[u8]) {
        match self.out.last_mut() {
            Some(Output::Send(before)) => before.extend_from_slice(octets),
            _ => self.out.push(Output::Send(octets.to_vec())),
        }
    }

    pub(super) fn put(&mut self, output: Output) {
        self.out.push(output);
    }

    /// Says a last reply and closes.
    pub(super) fn end(&mut self, say: Say) {
        if !matches!(self.phase, Phase::Closed) {
            let line = say.line(&self.config.host);
            self.send(&line);
            self.gone(true);
        }
    }

    /// It is over. A message that waits to be filed is filed all the same.
    pub(super) fn gone(&mut self, close: bool) {
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        if self.reader.take().is_some() {
            self.out.push(Output::Discard);
        }
        if close {
            self.out.push(Output::Close);
        }
        self.phase = Phase::Closed;
        self.timers.clear();
        (self.held, self.read, self.mail) = (vec![], 0, None);
    }

    /// The open message is given up.
    pub(super) fn forget(&mut self) {
        if self.reader.take().is_some() {
            self.out.push(Output::Discard);
        }
        (self.mail, self.asked) = (None, None);
    }
}

/// A timer of the client's in a server: it is never armed here.
fn unexpected_timer(timer: Timer) {
    debug_assert!(false, "{timer:?} is not a server's timer");
}

impl Machine for Server {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Instant, input: Input) -> Vec<Output> {
        match input {
            Input::Connected => self.connected(now),
            Input::Octets(octets) => self.octets(now, &octets),
            Input::Secured(pinned) => self.secured(now, pinned),
            Input::SpoolFailed => self.spool_failed = self.reader.is_some(),
            Input::Filed(number, id) => self.filed(now, number, &id),
            Input::NotFiled(number, why) => self.not_filed(now, number, &why),
            Input::Stop => self.stop(),
            Input::Closed => self.gone(false),
        }
        std::mem::take(&mut self.out)
    }

    fn tick(&mut self, now: Instant) -> Vec<Output> {
        while let Some(timer) = self.timers.due(now) {
            self.due(now, timer);
        }
        std::mem::take(&mut self.out)
    }

    fn deadline(&self) -> Option<Instant> {
        self.timers.deadline()
    }
}

//! A client session: hands mail to one server, several messages a connection. A machine.
//!
//! Standard: RFC 5321 and the extensions that `mod.rs` names, each only where offered. In: octets, messages, their pieces.
//! Out: octets, what became of each recipient. Never a bare CR or LF on the wire (`stuffing`).
//! Left out: sockets, TLS, which server to call, retries. Shown by: `fixtures/dialogues/smtp`, `tests/it/smtp_pair.rs`.

use super::client_message::Transfer;
use super::envelope::Envelope;
use super::limits::Timer;
use crate::email::reply::{Front, LONGEST, Reply, Stage, Verdict, broken, front, verdict};
use crate::machine::{Machine, Timers};
use crate::router::{Fault, Reason};
use crate::time::{Instant, Speed};

/// Whether the session is to be under TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tls {
    /// Nothing is handed over without it.
    Required,
    /// Where the server offers it.
    Wanted,
    /// Not asked for (a replay; TLS from the first octet).
    Never,
}

/// What a session has to know.
#[derive(Clone)]
pub struct Config {
    /// The name it says of itself.
    pub host: String,
    /// What the far end is called in sentences.
    pub peer: String,
    /// TLS.
    pub tls: Tls,
    /// Name and password; said only under TLS.
    pub login: Option<(String, String)>,
    /// Whether BDAT is used where offered. It spares nothing but the dots, so that DATA, which every server knows best, is the default.
    pub chunks: bool,
    /// The clock's speed.
    pub speed: Speed,
}

/// A message to hand over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
    /// Its number, for the answer.
    pub number: u32,
    /// Its outside.
    pub envelope: Envelope,
}

/// What the session is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// The connection stands (with TLS from the first octet: that too).
    Connected {
        /// TLS stands already.
        secured: bool,
    },
    /// Octets came.
    Octets(Vec<u8>),
    /// The handshake is done and the certificate is one we take.
    Secured,
    /// It is not, because the far end did this (`showed a certificate that is not pinned`).
    NotSecured(String),
    /// Hand this over. One at a time: after `Ready`, or once before the first.
    Job(Job),
    /// The next octets of the message, as `Read` asked.
    Piece(Vec<u8>),
    /// That was all of it.
    End,
    /// The message cannot be read, because of this.
    Unreadable(String),
    /// No more messages.
    Quit,
    /// The connection is gone, this way (`closed the connection`).
    Closed(String),
}

/// What the session does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Octets to send.
    Send(Vec<u8>),
    /// Start TLS behind what was sent.
    StartTls,
    /// It takes a message.
    Ready,
    /// Give the next piece of the message: about [`super::client::PIECE`] octets.
    Read,
    /// What became of a message, recipient by recipient, in the envelope's order.
    Settled(u32, Vec<Verdict>),
    /// The session ended without a message in hand, because of this.
    Failed(Reason),
    /// Close the connection behind what was sent.
    Close,
}

/// How large the pieces of a message should be.
pub const PIECE: usize = 32 << 10;

/// What the server offered.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Offer {
    pub pipelining: bool,
    pub sizes: bool,
    /// The most it takes, where it says so.
    pub size: Option<u64>,
    pub eight: bool,
    pub utf8: bool,
    pub chunking: bool,
    pub dsn: bool,
    pub priority: bool,
    pub tls: bool,
    pub plain: bool,
    pub login: bool,
}

/// Where the session stands.
#[derive(Debug)]
pub(super) enum Phase {
    /// Not connected.
    New,
    /// Waits for the greeting.
    Greeting,
    /// EHLO was said; HELO, if `plain`.
    Hello { plain: bool },
    /// STARTTLS was said.
    StartTls,
    /// TLS is being made.
    Handshake,
    /// AUTH was said; what is left to answer to prompts, last first.
    Login(Vec<String>),
    /// Nothing to do.
    Idle,
    /// A message.
    Message(Transfer),
    /// RSET was said.
    Reset,
    /// QUIT was said.
    Quit,
    /// Over.
    Closed,
}

/// A session.
pub struct Client {
    pub(super) config: Config,
    pub(super) phase: Phase,
    pub(super) offer: Offer,
    pub(super) secured: bool,
    pub(super) next: Option<Job>,
    held: Vec<u8>,
    quitting: bool,
    timers: Timers<Timer>,
    out: Vec<Output>,
}

impl Client {
    /// A session.
    pub fn new(config: Config) -> Client {
        Client {
            config,
            phase: Phase::New,
            offer: Offer::default(),
            secured: false,
            next: None,
            held: vec![],
            quitting: false,
            timers: Timers::default(),
            out: vec![],
        }
    }

    /// The stage, for sentences and for what a broken connection means.
    pub(super) fn stage(&self) -> Stage {
        match &self.phase {
            Phase::New | Phase::Greeting => Stage::Greeting,
            Phase::Hello { .. } => Stage::Hello,
            Phase::StartTls | Phase::Handshake => Stage::Tls,
            Phase::Login(_) => Stage::Login,
            Phase::Message(transfer) => transfer.stage(),
            Phase::Idle | Phase::Reset | Phase::Quit | Phase::Closed => Stage::Between,
        }
    }

    fn octets(&mut self, now: Instant, octets: &[u8]) {
        match self.phase {
            Phase::Closed | Phase::New => return,
            Phase::Handshake => return self.nonsense("sent something in clear behind STARTTLS"),
            _ => self.held.extend_from_slice(octets),
        }
        if !octets.contains(&b'\n') && self.held.len() < LONGEST {
            return;
        }
        loop {
            match front(&self.held) {
                Front::Whole(n, reply) => {
                    let octets: Vec<u8> = self.held.drain(..n).collect();
                    self.reply(now, reply, &octets);
                }
                Front::Nonsense => return self.nonsense("answered with something that is not SMTP"),
                Front::Part => break,
            }
            if matches!(self.phase, Phase::Closed | Phase::Handshake) {
                break;
            }
        }
        debug_assert!(self.held.len() <= LONGEST, "a part of a reply is shorter than the longest");
    }

    fn reply(&mut self, now: Instant, reply: Reply, octets: &[u8]) {
        match &self.phase {
            Phase::Greeting => self.greeted(now, &reply),
            Phase::Hello { plain } => self.answered_hello(now, *plain, &reply, octets),
            Phase::StartTls => self.answered_tls(now, &reply),
            Phase::Login(_) => self.answered_login(now, &reply),
            Phase::Message(_) => self.answered_message(now, &reply),
            Phase::Reset if reply.is_yes() => self.idle(now),
            Phase::Reset | Phase::Idle => self.fail_by(&reply),
            Phase::Quit => self.close(),
            Phase::New | Phase::Handshake | Phase::Closed => {}
        }
    }

    /// Whether what came behind a reply is still there: there must be nothing behind that to STARTTLS.
    pub(super) fn has_more(&self) -> bool {
        !self.held.is_empty()
    }

    pub(super) fn idle(&mut self, now: Instant) {
        self.wait(now, Phase::Idle, None);
        match self.next.take() {
            Some(job) => self.begin(now, job),
            None if self.quitting => self.quit(now),
            None => self.out.push(Output::Ready),
        }
    }

    fn quit(&mut self, now: Instant) {
        match self.phase {
            Phase::Idle => {
                self.send(b"QUIT\r\n");
                self.wait(now, Phase::Quit, Some(Timer::Answer));
            }
            Phase::New if self.next.is_some() => self.fail_us(format!("the session with {} was ended before it began", self.config.peer)),
            Phase::New => self.close(),
            Phase::Closed | Phase::Quit => {}
            _ => self.quitting = true,
        }
    }

    pub(super) fn send(&mut self, octets: &[u8]) {
        match self.out.last_mut() {
            Some(Output::Send(before)) => before.extend_from_slice(octets),
            _ => self.out.push(Output::Send(octets.to_vec())),
        }
    }

    pub(super) fn put(&mut self, output: Output) {
        self.out.push(output);
    }

    /// From one kind of waiting to another.
    pub(super) fn wait(&mut self, now: Instant, phase: Phase, timer: Option<Timer>) {
        self.phase = phase;
        self.await_(now, timer);
    }

    pub(super) fn await_(&mut self, now: Instant, timer: Option<Timer>) {
        self.timers.clear();
        if let Some(timer) = timer {
            self.timers.arm(timer, now + timer.length(self.config.speed));
        }
    }

    /// The far end said no, and nothing else can be tried on this connection.
    pub(super) fn fail_by(&mut self, reply: &Reply) {
        let stage = self.stage();
        let verdict = verdict(stage, &self.config.peer, reply);
        if !matches!(self.phase, Phase::Quit) {
            self.send(b"QUIT\r\n");
        }
        self.fail(&verdict);
    }

    /// The far end does not keep to the protocol.
    pub(super) fn nonsense(&mut self, what: &str) {
        let mut verdict = broken(self.stage(), &self.config.peer, what);
        if let Verdict::Deferred(reason, _) = &mut verdict {
            reason.fault = Fault::Peer;
        }
        self.fail(&verdict);
    }

    /// The far end is such that nothing can be handed to it now: a whole sentence.
    pub(super) fn fail_peer(&mut self, text: String) {
        self.fail(&Verdict::Deferred(Reason::new(Fault::Peer, text), None));
    }

    /// This end cannot go on with the session.
    pub(super) fn fail_us(&mut self, text: String) {
        self.fail(&Verdict::Deferred(Reason::new(Fault::Us, text), None));
    }

    /// The session is over; the message in hand, or the one that waits, gets this verdict where it has none.
    pub(super) fn fail(&mut self, verdict: &Verdict) {
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        let (phase, next) = (std::mem::replace(&mut self.phase, Phase::Closed), self.next.take());
        let silent = matches!(phase, Phase::Message(_) | Phase::Quit) || next.is_some();
        if let Phase::Message(transfer) = phase {
            self.out.push(transfer.settled(verdict));
        }
        if let Some(job) = next {
            // Of that one nothing was sent, whatever became of the other.
            let later = match verdict {
                Verdict::Refused(reason, _) | Verdict::InDoubt(reason) => Verdict::Deferred(reason.clone(), None),
                other => other.clone(),
            };
            self.out.push(Output::Settled(job.number, vec![later; job.envelope.to.len()]));
        }
        if let (false, Verdict::Deferred(reason, _) | Verdict::Refused(reason, _) | Verdict::InDoubt(reason)) = (silent, verdict) {
            self.out.push(Output::Failed(reason.clone()));
        }
        self.close();
    }

    pub(super) fn close(&mut self) {
        self.phase = Phase::Closed;
        self.timers.clear();
        self.held = vec![];
        self.out.push(Output::Close);
    }

    fn job(&mut self, now: Instant, job: Job) {
        match self.phase {
            Phase::Idle => self.begin(now, job),
            Phase::Closed | Phase::Quit => {
                let verdict = broken(Stage::Between, &self.config.peer, "had been left");
                self.out.push(Output::Settled(job.number, vec![verdict; job.envelope.to.len()]));
            }
            _ if self.next.is_none() => self.next = Some(job),
            _ => {
                let reason =
                    Reason::new(Fault::Us, format!("a message to {} was handed over before the last one was settled", self.config.peer));
                self.out.push(Output::Settled(job.number, vec![Verdict::Deferred(reason, None); job.envelope.to.len()]));
            }
        }
    }
}

impl Machine for Client {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Instant, input: Input) -> Vec<Output> {
        let over = matches!(self.phase, Phase::Closed);
        match input {
            Input::Connected { secured } => self.connected(now, secured),
            Input::Octets(octets) => self.octets(now, &octets),
            Input::Secured => self.now_secured(now),
            Input::NotSecured(why) if matches!(self.phase, Phase::Handshake) => {
                self.fail_peer(format!("{} {why}", self.config.peer));
            }
            Input::NotSecured(_) => {}
            Input::Job(job) => self.job(now, job),
            Input::Piece(piece) => self.piece(now, Some(&piece)),
            Input::End => self.piece(now, None),
            Input::Unreadable(why) if matches!(self.phase, Phase::Message(_)) => self.fail_us(why),
            Input::Unreadable(_) => {}
            Input::Quit => self.quit(now),
            Input::Closed(_) if over => {}
            Input::Closed(how) => {
                let verdict = broken(self.stage(), &self.config.peer, &how);
                self.fail(&verdict);
            }
        }
        std::mem::take(&mut self.out)
    }

    fn tick(&mut self, now: Instant) -> Vec<Output> {
        while let Some(timer) = self.timers.due(now) {
            let length = timer.nominal().as_secs() / 60;
            let verdict = broken(self.stage(), &self.config.peer, &format!("was silent for {length} min"));
            self.fail(&verdict);
        }
        std::mem::take(&mut self.out)
    }

    fn deadline(&self) -> Option<Instant> {
        self.timers.deadline()
    }
}

//! One connection of the client: the world around its session, kept for the next message for a while.
//!
//! Standards: RFC 5321 3.8, 4.5.3.2; RFC 3207. In: orders, octets, pieces of mails. Out: octets, reports, what is seen of the session.
//! Nothing waits here but `next`: a far end that takes no octets stops neither timers nor orders. Memory: two pieces of a mail and a reply.
//! Left out: what is said (`smtp::client`), what is sent (`outgoing`). Shown by: `tests/it/email_client.rs`.

use super::outgoing::{Piece, Pieces, Prepared};
use super::tls::Guard;
use super::wire::{Moved, Wire};
use super::{Known, Next, far_end, prepared};
use crate::email::backend::Shared;
use crate::email::keys::Kind;
use crate::email::reply::{self, Verdict};
use crate::email::smtp::client::{Client, Config, Input, Job, Output, Tls};
use crate::machine::{World, drive};
use crate::router::event::{Direction, Span};
use crate::router::{BoxFuture, Event, Fault, Order, Outcome, Port, Reason};
use crate::time::{Clock, Instant};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long an end may take that was said already: QUIT, what stands before a close.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long a station that stops waits for the answer to a message that is out.
const LAST_ANSWER: Duration = Duration::from_secs(5);
/// The longest line that is shown of a session.
const SHOWN: usize = 200;

/// How a connection ended.
pub(super) struct Ended {
    /// The station stops.
    pub stopped: bool,
    /// A delivery that a new connection is to be made for.
    pub next: Option<Next>,
}

/// Runs a session on a connection, with a first message, until it is over.
pub(super) async fn run(
    shared: &Arc<Shared>,
    port: &mut Port,
    known: &mut Known,
    first: Arc<Prepared>,
    (stream, config, guard): (TcpStream, Config, Guard),
) -> Ended {
    let clock = shared.clock.clone();
    // With a login to this machine TLS is not needed, and the session need not ask for it.
    let secured = config.tls == Tls::Never && config.login.is_some();
    let mut session = Session {
        shared: shared.clone(),
        port,
        known,
        secret: config.login.is_some(),
        peer: config.peer.clone(),
        guard,
        wire: Wire::Clear(stream),
        outbox: vec![],
        ready: VecDeque::from([Input::Connected { secured }]),
        waiting: Some(first),
        preparing: None,
        job: None,
        settled: None,
        failed: None,
        greeted: false,
        messages: 0,
        closing: false,
        stopping: false,
        quitting: false,
        unknown: false,
        until: None,
        next: None,
        reports: VecDeque::new(),
    };
    drop(drive(Client::new(config), &mut session, &clock).await);
    session.end().await
}

/// A delivery that is being prepared.
type Preparing = BoxFuture<'static, Result<Arc<Prepared>, Outcome>>;

/// A message in the session's hands.
struct InHand {
    prepared: Arc<Prepared>,
    pieces: Option<Pieces>,
    /// A piece was asked for.
    asked: bool,
    /// Octets of it that went out.
    sent: u64,
    /// All of it is out, the end included.
    ended: bool,
    called_off: bool,
}

struct Session<'a> {
    shared: Arc<Shared>,
    port: &'a mut Port,
    known: &'a mut Known,
    /// A password is said before the first message.
    secret: bool,
    peer: String,
    guard: Guard,
    wire: Wire,
    outbox: Vec<u8>,
    ready: VecDeque<Input>,
    /// The message that the session is to take first.
    waiting: Option<Arc<Prepared>>,
    preparing: Option<(u64, Preparing)>,
    job: Option<InHand>,
    /// What became of the message, to be reported.
    settled: Option<Verdict>,
    /// Why the session ended without a message.
    failed: Option<Reason>,
    /// It took or takes messages.
    greeted: bool,
    /// So many were handed over.
    messages: u32,
    closing: bool,
    stopping: bool,
    quitting: bool,
    /// The far end does not know this station: it will not in this session, whatever its operator pins.
    unknown: bool,
    /// When the end of this wait is an end.
    until: Option<Instant>,
    next: Option<Next>,
    reports: VecDeque<(u64, Outcome)>,
}

impl World<Input, Output> for Session<'_> {
    async fn next(&mut self) -> Option<Input> {
        loop {
            self.tell().await;
            if let Some(input) = self.ready.pop_front() {
                return Some(input);
            }
            if self.closing && self.outbox.is_empty() {
                return None;
            }
            if self.outbox.is_empty() {
                self.wire.greet(&self.guard, self.shared.keys.line.smtp.as_deref().unwrap_or_default());
            }
            let taking = !self.stopping && !self.closing && !self.quitting;
            let asked = self.outbox.is_empty() && self.job.as_ref().is_some_and(|job| job.asked);
            let input = tokio::select! {
                order = self.port.next_order(), if taking => self.ordered(order),
                moved = self.wire.moves(&mut self.outbox) => self.moved(moved),
                piece = piece(&mut self.job), if asked => self.piece(piece),
                (number, done) = done(&mut self.preparing) => self.prepared(number, done),
                () = wait(&self.shared.clock, self.until) => match self.over() {
                    Some(input) => Some(input),
                    None => return None,
                },
            };
            if input.is_some() {
                return input;
            }
        }
    }

    async fn act(&mut self, _: Instant, output: Output) -> ControlFlow<()> {
        match output {
            Output::Send(octets) => {
                self.show(Direction::Out, &octets);
                self.outbox.extend_from_slice(&octets);
            }
            Output::StartTls => self.wire.turn(),
            Output::Ready => self.idle(),
            Output::Read => {
                if let Some(job) = &mut self.job {
                    job.asked = true;
                    job.pieces.get_or_insert_with(|| job.prepared.clone().pieces());
                }
            }
            Output::Settled(_, verdicts) => self.settled = verdicts.into_iter().next(),
            Output::Failed(reason) => self.failed = Some(reason),
            Output::Close => {
                self.closing = true;
                self.wait(FAREWELL);
                if self.job.as_ref().is_some_and(|job| job.called_off) || matches!(self.wire, Wire::Gone) {
                    self.outbox.clear();
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// The next piece of the mail in hand.
async fn piece(job: &mut Option<InHand>) -> Piece {
    match job.as_mut().and_then(|job| job.pieces.as_mut()) {
        Some(pieces) => pieces.next().await,
        None => std::future::pending().await,
    }
}

async fn done(preparing: &mut Option<(u64, Preparing)>) -> (u64, Result<Arc<Prepared>, Outcome>) {
    match preparing {
        Some((number, work)) => (*number, work.await),
        None => std::future::pending().await,
    }
}

async fn wait(clock: &Clock, until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep(clock.until(until)).await,
        None => std::future::pending().await,
    }
}

impl Session<'_> {
    fn wait(&mut self, time: Duration) {
        self.until = Some(self.shared.clock.now() + self.shared.clock.speed().timer(time));
    }

    /// The session takes a message: the one that waits, the next that is ordered for a while, or none.
    fn idle(&mut self) {
        if !std::mem::replace(&mut self.greeted, true) {
            self.say_how();
        }
        if !self.known.shaky {
            self.known.line_up(&self.shared);
        }
        if self.unknown {
            let quit = self.quit();
            return self.ready.extend(quit);
        }
        match (self.waiting.take(), self.stopping) {
            (_, true) => self.ready.push_back(Input::Quit),
            (Some(prepared), false) => self.begin(prepared),
            (None, false) if self.preparing.is_none() => self.wait(self.shared.keys.idle()),
            (None, false) => {}
        }
    }

    fn begin(&mut self, prepared: Arc<Prepared>) {
        self.until = None;
        self.messages = self.messages.wrapping_add(1);
        self.ready.push_back(Input::Job(Job { number: self.messages, envelope: prepared.envelope.clone() }));
        self.job = Some(InHand { prepared, pieces: None, asked: false, sent: 0, ended: false, called_off: false });
    }

    /// What the connection is worth, said once.
    fn say_how(&mut self) {
        let text = match (&self.wire, self.guard.verifies()) {
            (Wire::Tls(_), true) => return,
            (Wire::Tls(_), false) => format!("{} is under TLS, but nobody knows who is there: its certificate is not verified", self.peer),
            _ => format!("{} is in clear: who is on the way can read and change mail", self.peer),
        };
        self.known.say(&self.shared, text);
    }

    fn ordered(&mut self, order: Option<Order>) -> Option<Input> {
        match order {
            None => self.stop(),
            Some(Order::Tell { .. }) => None, // nobody types here
            Some(Order::CallOff(number)) => self.call_off(number),
            Some(Order::Deliver(delivery)) if self.waiting.is_some() || self.job.is_some() || self.preparing.is_some() => {
                let text = "another message was handed to the port before the last one was settled";
                self.reports.push_back((delivery.number, Outcome::NotBegun(Reason::new(Fault::Us, text))));
                None
            }
            Some(Order::Deliver(delivery)) => {
                let (number, shared) = (delivery.number, self.shared.clone());
                self.until = None;
                self.preparing = Some((number, Box::pin(async move { prepared(&shared, delivery).await })));
                None
            }
        }
    }

    /// A message that is out is waited for a while, any other is left; what is not settled is sent again at the next start.
    fn stop(&mut self) -> Option<Input> {
        self.stopping = true;
        self.preparing = None;
        let busy = self.waiting.take().is_some() || self.job.as_ref().is_some_and(|job| !(job.ended && self.outbox.is_empty()));
        match (busy, &self.job) {
            (true, _) => {
                self.wire = Wire::Gone;
                self.job = None;
                Some(Input::Closed("was left, since the station stops,".into()))
            }
            (false, Some(_)) => {
                self.wait(LAST_ANSWER);
                None
            }
            (false, None) => self.quit(),
        }
    }

    fn quit(&mut self) -> Option<Input> {
        self.quitting = true;
        self.wait(FAREWELL);
        Some(Input::Quit)
    }

    /// Behind the final dot only the answer tells what became of it; before it the connection is broken off.
    fn call_off(&mut self, number: u64) -> Option<Input> {
        let at_first = self.waiting.as_ref().is_some_and(|p| p.delivery.number == number);
        let preparing = self.preparing.as_ref().is_some_and(|(n, _)| *n == number);
        let out = self.outbox.is_empty();
        match &mut self.job {
            Some(job) if job.prepared.delivery.number == number && !(job.ended && out) => job.called_off = true,
            _ if at_first => {
                let prepared = self.waiting.take()?;
                self.job = Some(InHand { prepared, pieces: None, asked: false, sent: 0, ended: false, called_off: true });
                self.settled = Some(Verdict::Deferred(Reason::new(Fault::Line, ""), None));
            }
            _ if preparing => {
                // Nothing of it was said: the connection is good for the next.
                self.preparing = None;
                self.wait(self.shared.keys.idle());
                self.reports.push_back((number, Outcome::CalledOff { at: "before anything of it was sent".into() }));
                return None;
            }
            Some(_) | None => return None,
        }
        self.wire = Wire::Gone;
        Some(Input::Closed("was left for something more urgent".into()))
    }

    fn prepared(&mut self, number: u64, done: Result<Arc<Prepared>, Outcome>) -> Option<Input> {
        self.preparing = None;
        match done {
            Ok(prepared) => self.begin(prepared),
            Err(outcome) => {
                self.reports.push_back((number, outcome));
                self.wait(self.shared.keys.idle());
            }
        }
        None
    }

    fn moved(&mut self, moved: Moved) -> Option<Input> {
        match moved {
            Moved::Out => None,
            Moved::Came(octets) => {
                self.show(Direction::In, &octets);
                Some(Input::Octets(octets))
            }
            Moved::Ended(how) => {
                self.wire = Wire::Gone;
                self.outbox.clear();
                Some(Input::Closed(how))
            }
            Moved::Secured(Ok((stream, notes))) => {
                self.wire = Wire::Tls(stream);
                notes.into_iter().for_each(|note| self.known.say(&self.shared, note));
                Some(Input::Secured)
            }
            Moved::Secured(Err(why)) => {
                self.wire = Wire::Gone;
                Some(Input::NotSecured(why))
            }
        }
    }

    fn piece(&mut self, piece: Piece) -> Option<Input> {
        let job = self.job.as_mut()?;
        job.asked = false;
        Some(match piece {
            Piece::Octets(octets) => {
                job.sent += octets.len() as u64;
                Input::Piece(octets)
            }
            Piece::End => {
                job.ended = true;
                Input::End
            }
            Piece::Unreadable(why) => Input::Unreadable(why),
        })
    }

    /// What was waited for did not come in time; `None` ends the connection.
    fn over(&mut self) -> Option<Input> {
        self.until = None;
        match self.closing || self.quitting || self.stopping {
            true => {
                self.outbox.clear();
                None
            }
            false => self.quit(),
        }
    }

    /// Reports what is to be reported. Cancel-safe.
    async fn tell(&mut self) {
        if let Some(prepared) = self.waiting.take_if(|_| self.closing) {
            let gone = || Reason::new(Fault::Line, format!("{} ended the session before it took a message", self.peer));
            let reason = self.failed.take().unwrap_or_else(gone);
            self.known.line_down(&self.shared, &reason.text);
            self.reports.push_back((prepared.delivery.number, reply::unopened(reason)));
        }
        if let Some(verdict) = self.settled.take()
            && let Some(job) = self.job.take()
        {
            self.settle(verdict, job);
        }
        while let Some((number, outcome)) = self.reports.front().cloned() {
            self.shared.door.report(number, outcome).await;
            self.reports.pop_front();
        }
    }

    fn settle(&mut self, mut verdict: Verdict, job: InHand) {
        let (number, size) = (job.prepared.delivery.number, job.prepared.size);
        if job.called_off && !matches!(verdict, Verdict::Taken(_) | Verdict::Refused(..)) {
            let at = match job.sent.saturating_sub(self.outbox.len() as u64) {
                0 => "before anything of it was sent".into(),
                sent => format!("after {} of {size} octets", sent.min(size)),
            };
            return self.reports.push_back((number, Outcome::CalledOff { at }));
        }
        if self.closing && self.messages > 1 && job.pieces.is_none() && reply::had_left(&verdict) {
            // The far end had closed the connection that was kept: no fault of anybody's.
            return self.next = Some(Next::Ready(job.prepared));
        }
        // Behind TLS it is our certificate that is not known; before it, TLS is asked for.
        let pinned = self.shared.keys.kind == Kind::Line && !self.secret && matches!(self.wire, Wire::Tls(_));
        if let Verdict::Deferred(reason, Some(reply)) = &mut verdict
            && reply.code == 530
            && pinned
        {
            let own = &self.shared.station;
            reason.text += &format!("; it does not know the certificate of {own}: {own}.crt is to be pinned there (molink certs pin)");
            self.known.line_down(&self.shared, &reason.text);
            (self.unknown, self.known.shaky) = (true, true);
            if self.until.is_some() {
                let quit = self.quit(); // it waits for the next message already
                self.ready.extend(quit);
            }
        }
        match &verdict {
            Verdict::InDoubt(reason) | Verdict::Deferred(reason @ Reason { fault: Fault::Line, .. }, None) => {
                self.known.shaky = true;
                self.known.line_down(&self.shared, &reason.text);
            }
            Verdict::Taken(_) | Verdict::Refused(_, Some(_)) => self.known.line_up(&self.shared),
            Verdict::Deferred(_, Some(reply)) if reply.code != 421 && !self.unknown => self.known.line_up(&self.shared),
            Verdict::Deferred(..) | Verdict::Refused(_, None) => {}
        }
        self.reports.push_back((number, reply::outcome(&verdict, &far_end(&self.shared.keys))));
    }

    /// Shows commands and replies to who watches; neither passwords nor the mail.
    fn show(&self, dir: Direction, octets: &[u8]) {
        if self.job.as_ref().is_some_and(|job| job.pieces.is_some() && dir == Direction::Out) {
            return;
        }
        let span = if matches!(self.wire, Wire::Tls(_)) { Span::Cipher } else { Span::Clear };
        for line in octets.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            let line: String = String::from_utf8_lossy(line).chars().filter(|c| !c.is_control()).take(SHOWN).collect();
            let open = ["EHLO ", "HELO ", "STARTTLS", "QUIT"].iter().any(|word| line.starts_with(word));
            let line = match dir == Direction::Out && self.secret && !self.greeted && !open {
                true => "AUTH …".into(),
                false => line,
            };
            self.shared.events.emit(Event::Service { dir, line, span }, None);
        }
    }

    async fn end(mut self) -> Ended {
        self.tell().await;
        if let Some((number, work)) = self.preparing.take() {
            match work.await {
                Ok(prepared) => self.next = Some(Next::Ready(prepared)),
                Err(outcome) => self.shared.door.report(number, outcome).await,
            }
        }
        Ended { stopped: self.stopping, next: self.next }
    }
}

//! An exchange: two fax ports of one process joined by a simulated circuit, live, at any speed. What it decides is `switch`.
//!
//! Standards: none. In: calls and orders of two [`FaxEnd`]s, commands. Out: what their modems hear, with the circuit's times.
//! The line has a time of its own, which never passes what is still due, nor goes on before both ends have dealt with what they heard: so
//! a slow machine makes the line longer and spoils nothing. At speed `max` it is skipped to the next signal; where none is on its way it
//! passes as in life. Left out: other processes (see `backend_t38`). Shown by: `tests/it/exchange.rs`, `docs/fax-call.md`.

use super::backend_line::{FaxLine, Handset, Modem, ToModem};
use super::modem::Heard;
use super::switch::{Input, Output, Switch, Told};
use crate::line::Profile;
use crate::machine::Machine;
use crate::router::{BoxFuture, Fault, Reason};
use crate::time::{Clock, Instant, Speed};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot};

/// An exchange, cheap to clone. It ends with its last handle and end.
#[derive(Clone)]
pub struct Exchange {
    name: String,
    requests: mpsc::UnboundedSender<Request>,
    fitted: Arc<AtomicU64>,
}

/// One end of it. Whoever is fitted last at an end has it; an earlier one is told that the line is gone.
pub struct FaxEnd {
    name: String,
    end: usize,
    fitting: u64,
    bell: Arc<Bell>,
    requests: mpsc::UnboundedSender<Request>,
}

/// What rings, if something does.
#[derive(Default)]
struct Bell {
    handset: Mutex<Option<Handset>>,
    rings: Notify,
}

impl Bell {
    fn set(&self, handset: Option<Handset>) {
        let rings = handset.is_some();
        *self.handset.lock().unwrap_or_else(PoisonError::into_inner) = handset;
        if rings {
            self.rings.notify_one();
        }
    }
    fn take(&self) -> Option<Handset> {
        self.handset.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

enum Request {
    Fit { end: usize, fitting: u64, bell: Arc<Bell> },
    Remove { end: usize, fitting: u64 },
    Dial { end: usize, fitting: u64, reply: oneshot::Sender<Result<Handset, Reason>> },
    GaveUp { end: usize, fitting: u64 },
    Answer { end: usize, fitting: u64 },
    Command { line: String, reply: oneshot::Sender<String> },
}

impl Exchange {
    /// Starts one, called so in sentences (`circuit satellite`). Must be called within a tokio runtime.
    pub fn start(name: impl Into<String>, profile: Profile, seed: u64, speed: Speed) -> Exchange {
        let (requests, inbox) = mpsc::unbounded_channel();
        let name = name.into();
        let switch = Switch::new(name.clone(), profile, seed, speed);
        tokio::spawn(Desk::new(switch, inbox, Clock::new(None, speed)).run());
        Exchange { name, requests, fitted: Arc::default() }
    }
    /// A port's end of the line: 0 or 1.
    pub fn end(&self, end: usize) -> FaxEnd {
        let fitting = self.fitted.fetch_add(1, Ordering::Relaxed) + 1;
        let bell = Arc::<Bell>::default();
        let _ = self.requests.send(Request::Fit { end: end.min(1), fitting, bell: bell.clone() });
        FaxEnd { name: self.name.clone(), end: end.min(1), fitting, bell, requests: self.requests.clone() }
    }
    /// One command: `cut`, `cut 30s`, `restore`, `noise clean|profile|light|heavy|17.5`, `profile hf`. Answers `ok`, or `error …`.
    pub async fn command(&self, line: &str) -> String {
        let (reply, answer) = oneshot::channel();
        let _ = self.requests.send(Request::Command { line: line.to_owned(), reply });
        answer.await.unwrap_or_else(|_| "error the exchange has ended".into())
    }
    /// The same without waiting for the answer; it is carried out before anything that is heard later. The error is a sentence.
    pub fn tell(&self, line: &str) -> Result<(), String> {
        let (reply, _) = oneshot::channel();
        line.parse::<super::switch::Command>()?;
        let _ = self.requests.send(Request::Command { line: line.to_owned(), reply });
        Ok(())
    }
}

impl FaxEnd {
    fn ended(&self) -> String {
        format!("the {} has ended", self.name)
    }
}

/// Says that a call is not waited for any more, unless it is told otherwise.
struct Waiting<'e>(&'e FaxEnd, bool);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let FaxEnd { end, fitting, requests, .. } = self.0;
        if self.1 {
            let _ = requests.send(Request::GaveUp { end: *end, fitting: *fitting });
        }
    }
}

impl FaxLine for FaxEnd {
    fn dial(&mut self) -> BoxFuture<'_, Result<Handset, Reason>> {
        Box::pin(async {
            let (reply, answer) = oneshot::channel();
            let _ = self.requests.send(Request::Dial { end: self.end, fitting: self.fitting, reply });
            let mut waiting = Waiting(self, true);
            let answer = answer.await;
            waiting.1 = false;
            answer.unwrap_or_else(|_| Err(Reason::new(Fault::Line, self.ended())))
        })
    }
    fn ring(&mut self) -> BoxFuture<'_, Result<Handset, String>> {
        Box::pin(async {
            loop {
                let rings = self.bell.rings.notified();
                if let Some(handset) = self.bell.take() {
                    let _ = self.requests.send(Request::Answer { end: self.end, fitting: self.fitting });
                    return Ok(handset);
                }
                tokio::select! {
                    () = rings => {}
                    () = self.requests.closed() => return Err(self.ended()),
                }
            }
        })
    }
    fn name(&self) -> String {
        format!("the {}", self.name)
    }
    fn holds(&self) -> Vec<String> {
        vec![format!("end {} of the {}", self.end, self.name)]
    }
}

impl Drop for FaxEnd {
    fn drop(&mut self) {
        let _ = self.requests.send(Request::Remove { end: self.end, fitting: self.fitting });
    }
}

/// An end as the exchange has it.
#[derive(Default)]
struct Seat {
    fitting: u64,
    bell: Arc<Bell>,
    /// Where the answer to a call goes.
    dialled: Option<oneshot::Sender<Result<Handset, Reason>>>,
    modem: Option<Modem>,
    /// What it was told and has not dealt with.
    unsettled: usize,
}

/// The exchange at work.
struct Desk {
    switch: Switch,
    requests: mpsc::UnboundedReceiver<Request>,
    seats: [Seat; 2],
    clock: Clock,
    /// The line's time, and when on the clock it was that.
    line: Instant,
    since: Instant,
}

/// What may come next.
enum Next {
    Request(Option<Request>),
    Modem(usize, Option<ToModem>),
    Due,
}

impl Desk {
    fn new(switch: Switch, requests: mpsc::UnboundedReceiver<Request>, clock: Clock) -> Desk {
        let (line, since) = (Instant::ZERO, clock.now());
        Desk { switch, requests, seats: Default::default(), clock, line, since }
    }

    async fn run(mut self) {
        loop {
            let wait = self.wait();
            let [one, other] = &mut self.seats;
            let next = tokio::select! {
                biased;
                told = order(&mut one.modem) => Next::Modem(0, told),
                told = order(&mut other.modem) => Next::Modem(1, told),
                request = self.requests.recv() => Next::Request(request),
                () = due(wait) => Next::Due,
            };
            match next {
                Next::Request(None) => return,
                Next::Request(Some(request)) => self.request(request),
                Next::Modem(end, None) => self.tell(Input::HangUp(end)),
                Next::Modem(end, Some(ToModem::Order(order))) => self.tell(Input::Order(end, order)),
                Next::Modem(end, Some(ToModem::Settled)) => {
                    self.seats[end].unsettled = self.seats[end].unsettled.saturating_sub(1);
                }
                Next::Due => self.happen(),
            }
        }
    }

    /// How long until the next thing is due; `None`: there is none, or an end has not dealt with what it heard.
    fn wait(&self) -> Option<Duration> {
        let at = self.switch.deadline()?;
        if self.seats.iter().any(|seat| seat.unsettled > 0) {
            return None;
        }
        let skipped = self.clock.speed() == Speed::Max && self.switch.is_under_way();
        Some(if skipped { Duration::ZERO } else { self.clock.until(self.since + at.since(self.line)) })
    }
    /// What is due happens, and the line's time goes on from there.
    fn happen(&mut self) {
        let Some(at) = self.switch.deadline() else { return };
        (self.line, self.since) = (at.max(self.line), self.clock.now());
        let said = self.switch.tick(self.line);
        self.say(said);
    }
    fn now(&self) -> Instant {
        let now = self.line + self.clock.now().since(self.since);
        self.switch.deadline().map_or(now, |due| now.min(due.max(self.line)))
    }

    fn request(&mut self, request: Request) {
        match request {
            Request::Fit { end, fitting, bell } if fitting > self.seats[end].fitting => {
                self.tell(Input::Away(end)); // whoever had it
                self.seats[end] = Seat { fitting, bell, ..Seat::default() };
                self.tell(Input::Present(end));
            }
            Request::Remove { end, fitting } if fitting == self.seats[end].fitting => self.tell(Input::Away(end)),
            Request::Dial { end, fitting, reply } if fitting == self.seats[end].fitting => {
                self.seats[end].dialled = Some(reply);
                self.tell(Input::Dial(end));
            }
            Request::GaveUp { end, fitting } if fitting == self.seats[end].fitting => self.tell(Input::GiveUp(end)),
            Request::Answer { end, fitting } if fitting == self.seats[end].fitting => self.tell(Input::Answer(end)),
            Request::Command { line, reply } => {
                let answer = match line.parse() {
                    Ok(command) => {
                        self.tell(Input::Command(command));
                        "ok".into()
                    }
                    Err(why) => format!("error {why}"),
                };
                let _ = reply.send(answer); // who no longer listens need not know
            }
            // An end that another was fitted in place of.
            Request::Fit { .. } | Request::Remove { .. } | Request::Dial { .. } | Request::GaveUp { .. } | Request::Answer { .. } => {}
        }
    }
    /// Tells the switch, and the ends what it says. Who has left the line has no modem any more, and nothing to deal with.
    fn tell(&mut self, input: Input) {
        use super::modem::Order::HangUp;
        let leaves = match &input {
            Input::HangUp(end) | Input::Away(end) | Input::Order(end, HangUp) => Some(*end),
            _ => None, // they stay
        };
        let said = self.switch.handle(self.now(), input);
        if let Some(end) = leaves {
            (self.seats[end].modem, self.seats[end].unsettled) = (None, 0);
            self.seats[end].bell.set(None);
        }
        self.say(said);
    }
    fn say(&mut self, said: Vec<Output>) {
        for Output { end, told } in said {
            let seat = &mut self.seats[end];
            match told {
                Told::Taken => {
                    let (handset, modem) = Handset::new();
                    (seat.modem, seat.unsettled) = (Some(modem), 0);
                    // A call that is not waited for any more was not made: its handset is dropped, which hangs up.
                    let _ = seat.dialled.take().map(|reply| reply.send(Ok(handset)));
                }
                Told::Refused(why) => {
                    let _ = seat.dialled.take().map(|reply| reply.send(Err(why))); // nor does anybody want to know why
                }
                Told::Rings => {
                    let (handset, modem) = Handset::new();
                    (seat.modem, seat.unsettled) = (Some(modem), 0);
                    seat.bell.set(Some(handset));
                }
                Told::RingsNoMore => {
                    (seat.modem, seat.unsettled) = (None, 0);
                    seat.bell.set(None);
                }
                Told::Heard(heard) => seat.hear(heard),
            }
        }
    }
}

impl Seat {
    /// There is room: nothing is told before what was told is dealt with.
    fn hear(&mut self, heard: Heard) {
        let told = self.modem.as_ref().is_some_and(|modem| modem.heard.try_send(heard).is_ok());
        self.unsettled += usize::from(told);
    }
}

async fn order(modem: &mut Option<Modem>) -> Option<ToModem> {
    match modem {
        Some(modem) => modem.orders.recv().await,
        None => std::future::pending().await,
    }
}

async fn due(wait: Option<Duration>) {
    match wait {
        Some(Duration::ZERO) => tokio::task::yield_now().await,
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

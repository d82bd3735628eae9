//! The conformance suite for backends: deliver, refuse, defer, call off, crash, restart, slow.
//!
//! Standards: none; what it asks is told in `docs/add-a-backend.md`.
//! In: a [`Subject`], which makes two joined ends of one medium and can cut the line between them. Out: a list of [`Verdict`]s by case.
//! Left out: content forms (a text is enough), speed. Shown by: `tests/it/conformance.rs`, which runs it for every backend.

use super::event::{EventSink, Stamped};
use super::port::{Backend, BackendError, BoxFuture, Delivery, Fault, Order, Orders, Outcome, Place, Port, PortReport, Reason, Verdict};
use crate::message::{Class, Envelope, Identity, Message, Name, Part, Precedence};
use crate::time::{Clock, Dtg, Speed};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// A medium under test.
pub trait Subject: Send + Sync {
    /// Makes the two ends of one line, of the stations `alpha` and `beta`. Called once a case, and again for an end that restarts.
    fn end(&self, station: &Name) -> Box<dyn Backend>;
    /// Cuts the line (so that nothing arrives) or mends it. Resolves when that holds.
    fn cut(&self, cut: bool) -> BoxFuture<'_, ()>;
    /// The longest a delivery of a short text may take, all retries of the medium included.
    fn patience(&self) -> Duration;
    /// Where a station's port stands, if it needs a folder or neighbours.
    fn place(&self, _station: &Name) -> Place {
        Place::default()
    }
    /// Whether what came is what was sent, as far as the medium can carry it (a fax brings pages for a text). Identity and envelope
    /// are compared before it.
    fn same_content(&self, came: &Message, sent: &Message, _receiver: &Name) -> bool {
        came.text() == sent.text()
    }
    /// The speed its ends are run at.
    fn speed(&self) -> Speed {
        Speed::Max
    }
}

/// The date of the suite's messages, and of its stations' clocks: a medium that writes years in two digits reads them back.
const DATE: Dtg = Dtg { year: 1963, month: 8, day: 30, hour: 16, minute: 0 };

/// One case: its name, and what went wrong if something did.
pub type CaseResult = (&'static str, Result<(), String>);

/// Runs all cases, each on a fresh line made by `subject`.
pub async fn run<S: Subject>(subject: impl Fn() -> S) -> Vec<CaseResult> {
    vec![
        ("deliver", deliver(&subject()).await),
        ("deliver both ways at once", both_ways(&subject()).await),
        ("repeat is delivered as before", repeat(&subject()).await),
        ("refuse", refuse(&subject()).await),
        ("far end cannot file now", try_later(&subject()).await),
        ("defer when the line is cut", defer(&subject()).await),
        ("call off", call_off(&subject()).await),
        ("crash of the sender in mid-delivery", crash(&subject(), true).await),
        ("crash of the receiver in mid-delivery", crash(&subject(), false).await),
        ("restart of both ends", restart(&subject()).await),
        ("slow disk at the far end", slow(&subject()).await),
        ("station stops", stops(&subject()).await),
    ]
}

struct Deaf;
impl EventSink for Deaf {
    fn take(&self, _: Stamped) {}
}

/// One running end, the suite playing its router.
struct End<'s> {
    subject: &'s dyn Subject,
    name: Name,
    orders: Option<Orders>,
    reports: mpsc::Receiver<(String, PortReport)>,
    task: JoinHandle<Result<(), BackendError>>,
    patience: Duration,
    /// Filed here before a crash: what was in hand then may be handed in once more, and is known.
    before: Vec<Identity>,
}

impl<'s> End<'s> {
    fn start(subject: &'s dyn Subject, name: &str) -> Result<End<'s>, String> {
        let name: Name = name.parse()?;
        let (tx, reports) = mpsc::channel(8);
        let clock = Clock::new(Some(DATE.utc()), subject.speed());
        let (port, orders) = Port::new("line", &name, tx, Arc::new(Deaf), clock);
        let task = tokio::spawn(subject.end(&name).run(port.at(subject.place(&name))));
        Ok(End { subject, name, orders: Some(orders), reports, task, patience: subject.patience(), before: vec![] })
    }

    async fn order(&self, order: Order) -> Result<(), String> {
        let gone = || format!("{}: the backend takes no orders", self.name);
        self.orders.as_ref().ok_or_else(gone)?.send(order).await.map_err(|_| gone())
    }

    async fn deliver(&self, number: u64, message: &Message) -> Result<(), String> {
        self.order(Order::Deliver(Delivery { number, message: message.clone(), channel: number as u32, again: false })).await
    }

    async fn report(&mut self, expected: &str) -> Result<PortReport, String> {
        match tokio::time::timeout(self.patience, self.reports.recv()).await {
            Ok(Some((_, report))) => Ok(report),
            Ok(None) => Err(format!("{}: the backend stopped; expected {expected}", self.name)),
            Err(_) => Err(format!("{}: nothing within {:?}; expected {expected}", self.name, self.patience)),
        }
    }

    async fn ended(&mut self, number: u64) -> Result<Outcome, String> {
        match self.report("the end of a delivery").await? {
            PortReport::Ended { delivery, outcome } if delivery == number => Ok(outcome),
            other => Err(format!("{}: got {other:?}; expected the end of delivery {number}", self.name)),
        }
    }

    async fn delivered(&mut self, number: u64) -> Result<(), String> {
        match self.ended(number).await? {
            Outcome::Delivered(_) => Ok(()),
            other => Err(format!("{}: got {other:?}; expected a receipt", self.name)),
        }
    }

    async fn comes(&mut self, message: &Message) -> Result<oneshot::Sender<Verdict>, String> {
        loop {
            match self.report("a message").await? {
                PortReport::Came { message: came, answer } if self.same(&came, message) => return Ok(answer),
                PortReport::Came { message: came, answer: to } if self.before.contains(&came.identity) => answer(to, Verdict::FiledBefore),
                other => return Err(format!("{}: got {other:?}; expected {message:?}", self.name)),
            }
        }
    }

    fn same(&self, came: &Message, sent: &Message) -> bool {
        came.identity == sent.identity && came.envelope == sent.envelope && self.subject.same_content(came, sent, &self.name)
    }

    /// As `kill -9`: the task is dropped where it stands.
    async fn crash(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

fn message(from: &str, to: &str, serial: u32, text: &str) -> Result<Message, String> {
    let identity: Identity = format!("{}-{serial:04}-{DATE}", from.to_uppercase()).parse()?;
    let desk = |station: &str| format!("operator@{station}").parse();
    let envelope = Envelope {
        from: desk(from)?,
        to: desk(to)?,
        precedence: Precedence::Routine,
        class: Class::Message,
        subject: "TEST".into(),
        via: vec![],
        post: None,
    };
    Ok(Message { identity, envelope, content: vec![Part::Text { text: text.into() }] })
}

/// Long enough that something can happen in the middle of it.
fn long_text() -> String {
    "THE QUICK BROWN FOX JUMPED OVER THE LAZY DOG\n".repeat(40).trim_end().to_owned()
}

/// Delivers until it is received, trying again after `deferred` as the router would. Returns the last number used.
async fn through(a: &mut End<'_>, b: &mut End<'_>, mut number: u64, m: &Message, verdict: &Verdict) -> Result<u64, String> {
    a.deliver(number, m).await?;
    let mut left = a.patience;
    loop {
        tokio::select! {
            came = b.comes(m) => answer(came?, verdict.clone()),
            outcome = a.ended(number) => match outcome? {
                Outcome::Delivered(_) => return Ok(number),
                Outcome::Deferred(_) if left > BACK_OFF => {
                    left -= BACK_OFF;
                    tokio::time::sleep(BACK_OFF).await;
                    number += 1;
                    a.deliver(number, m).await?;
                }
                other => return Err(format!("got {other:?}; expected a receipt")),
            },
        }
    }
}

/// The router waits seconds; a suite need not.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Two ends that have been seen to reach each other.
async fn met(s: &dyn Subject) -> Result<(End<'_>, End<'_>), String> {
    let (mut a, mut b) = (End::start(s, "alpha")?, End::start(s, "beta")?);
    let hello = message("alpha", "beta", 99, "HELLO")?;
    through(&mut a, &mut b, 900, &hello, &Verdict::Filed).await?;
    Ok((a, b))
}

async fn deliver(s: &dyn Subject) -> Result<(), String> {
    let (mut a, mut b) = met(s).await?;
    for serial in 1..=3 {
        let m = message("alpha", "beta", serial, "HELLO 123")?;
        a.deliver(u64::from(serial), &m).await?;
        answer(b.comes(&m).await?, Verdict::Filed);
        a.delivered(u64::from(serial)).await?;
    }
    Ok(())
}

fn answer(to: oneshot::Sender<Verdict>, verdict: Verdict) {
    let _ = to.send(verdict); // a backend that crashed no longer listens
}

async fn both_ways(s: &dyn Subject) -> Result<(), String> {
    let (a, b) = met(s).await?;
    let (there, back) = (message("alpha", "beta", 1, "THERE")?, message("beta", "alpha", 1, "BACK")?);
    a.deliver(1, &there).await?;
    b.deliver(1, &back).await?;
    async fn side<'s>(mut end: End<'s>, incoming: Message) -> Result<End<'s>, String> {
        let (mut came, mut ended) = (false, false);
        while !(came && ended) {
            match end.report("a message and a receipt").await? {
                PortReport::Came { message, answer: to } if end.same(&message, &incoming) => {
                    answer(to, if came { Verdict::FiledBefore } else { Verdict::Filed });
                    came = true;
                }
                PortReport::Ended { outcome: Outcome::Delivered(_), .. } => ended = true,
                other => return Err(format!("{}: got {other:?}", end.name)),
            }
        }
        Ok(end)
    }
    let (a, b) = tokio::join!(side(a, back), side(b, there));
    a.and(b).map(drop)
}

async fn repeat(s: &dyn Subject) -> Result<(), String> {
    let (mut a, mut b) = met(s).await?;
    let m = message("alpha", "beta", 1, "AGAIN")?;
    for (number, verdict) in [(1, Verdict::Filed), (2, Verdict::FiledBefore)] {
        a.deliver(number, &m).await?;
        answer(b.comes(&m).await?, verdict);
        a.delivered(number).await?;
    }
    Ok(())
}

async fn refuse(s: &dyn Subject) -> Result<(), String> {
    let (mut a, mut b) = met(s).await?;
    let m = message("alpha", "beta", 1, "FOR NOBODY")?;
    a.deliver(1, &m).await?;
    answer(b.comes(&m).await?, Verdict::Refused(Reason::new(Fault::Peer, "UNKNOWN DESK")));
    match a.ended(1).await? {
        Outcome::Refused(reason) if reason.text.to_uppercase().contains("UNKNOWN DESK") => Ok(()),
        other => Err(format!("got {other:?}; expected a refusal with its reason")),
    }
}

async fn try_later(s: &dyn Subject) -> Result<(), String> {
    let (mut a, mut b) = met(s).await?;
    let m = message("alpha", "beta", 1, "NOT NOW")?;
    a.deliver(1, &m).await?;
    // The medium may try again by itself; in the end it must say deferred, not delivered and not refused.
    loop {
        tokio::select! {
            came = b.comes(&m) => answer(came?, Verdict::TryLater(Reason::new(Fault::Us, "DISK FULL"))),
            outcome = a.ended(1) => return match outcome? {
                Outcome::Deferred(_) => Ok(()),
                other => Err(format!("got {other:?}; expected deferred")),
            },
        }
    }
}

async fn defer(s: &dyn Subject) -> Result<(), String> {
    let (mut a, mut b) = met(s).await?;
    s.cut(true).await;
    let m = message("alpha", "beta", 1, "INTO THE VOID")?;
    a.deliver(1, &m).await?;
    match a.ended(1).await? {
        Outcome::Deferred(reason) if reason.fault == Fault::Line && !reason.text.is_empty() => {}
        other => return Err(format!("got {other:?}; expected deferred by the line's fault")),
    }
    s.cut(false).await;
    through(&mut a, &mut b, 2, &m, &Verdict::Filed).await.map(drop)
}

async fn call_off(s: &dyn Subject) -> Result<(), String> {
    let (mut a, mut b) = met(s).await?;
    let long = message("alpha", "beta", 1, &long_text())?;
    a.deliver(1, &long).await?;
    a.order(Order::CallOff(1)).await?;
    // A receipt that crosses the call-off wins; otherwise nothing of the message is handed in.
    let filed = loop {
        tokio::select! {
            came = b.comes(&long) => answer(came?, Verdict::Filed),
            outcome = a.ended(1) => break match outcome? {
                Outcome::CalledOff { .. } => false,
                Outcome::Delivered(_) => true,
                other => return Err(format!("got {other:?}; expected called off, or delivered")),
            },
        }
    };
    let flash = message("alpha", "beta", 2, "FLASH")?;
    a.deliver(2, &flash).await?;
    answer(b.comes(&flash).await?, Verdict::Filed);
    a.delivered(2).await?;
    a.deliver(3, &long).await?;
    answer(b.comes(&long).await?, if filed { Verdict::FiledBefore } else { Verdict::Filed });
    a.delivered(3).await
}

async fn crash(s: &dyn Subject, sender: bool) -> Result<(), String> {
    let (mut a, mut b) = met(s).await?;
    let m = message("alpha", "beta", 1, "SURVIVES")?;
    a.deliver(1, &m).await?;
    let unanswered = b.comes(&m).await?;
    if sender {
        a.crash().await;
        answer(unanswered, Verdict::Filed); // on disk at beta, whose receipt finds nobody
        a = End::start(s, "alpha")?;
        return through(&mut a, &mut b, 2, &m, &Verdict::FiledBefore).await.map(drop);
    }
    b.crash().await;
    drop(unanswered);
    b = End::start(s, "beta")?;
    // The medium may find out by itself and try again, or say deferred; then it is delivered anew.
    loop {
        tokio::select! {
            came = b.comes(&m) => answer(came?, Verdict::Filed),
            outcome = a.ended(1) => return match outcome? {
                Outcome::Delivered(_) => Ok(()),
                Outcome::Deferred(_) => through(&mut a, &mut b, 2, &m, &Verdict::Filed).await.map(drop),
                other => Err(format!("got {other:?}; expected a receipt")),
            },
        }
    }
}

async fn restart(s: &dyn Subject) -> Result<(), String> {
    let mut filed = vec![];
    for serial in 1..=2 {
        let (mut a, mut b) = (End::start(s, "alpha")?, End::start(s, "beta")?);
        let m = message("alpha", "beta", serial, "AFTER A RESTART")?;
        b.before.clone_from(&filed);
        through(&mut a, &mut b, 1, &m, &Verdict::Filed).await?;
        filed.push(m.identity);
        a.crash().await;
        b.crash().await;
    }
    Ok(())
}

async fn slow(s: &dyn Subject) -> Result<(), String> {
    let (mut a, mut b) = met(s).await?;
    let m = message("alpha", "beta", 1, "SLOWLY FILED")?;
    a.deliver(1, &m).await?;
    let first = b.comes(&m).await?;
    // No receipt may come before the verdict.
    if let Ok(Some(early)) = tokio::time::timeout(Duration::from_secs(1), a.reports.recv()).await {
        return Err(format!("got {early:?} before the message was on disk"));
    }
    answer(first, Verdict::Filed);
    loop {
        tokio::select! {
            came = b.comes(&m) => answer(came?, Verdict::FiledBefore),
            outcome = a.ended(1) => return match outcome? {
                Outcome::Delivered(_) => Ok(()),
                other => Err(format!("got {other:?}; expected a receipt")),
            },
        }
    }
}

async fn stops(s: &dyn Subject) -> Result<(), String> {
    let mut a = End::start(s, "alpha")?;
    a.orders = None;
    let wait = a.patience;
    within(wait, &mut a.task).await.map_err(|()| "the backend did not stop when its orders ended".to_owned())?
}

async fn within(patience: Duration, task: &mut JoinHandle<Result<(), BackendError>>) -> Result<Result<(), String>, ()> {
    let ended = tokio::time::timeout(patience, task).await.map_err(|_| ())?;
    Ok(match ended {
        Ok(Ok(())) => Ok(()),
        Ok(Err(e)) => Err(format!("the backend ended with: {e}")),
        Err(e) => Err(format!("the backend panicked: {e}")),
    })
}

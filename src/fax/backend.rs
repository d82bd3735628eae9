//! The fax backend: a terminal on a line that carries calls, live.
//!
//! Standard: none; the call is the terminal's. In: a port's orders, calls, what a modem hears. Out: orders for it, reports, messages, events.
//! Left out: everything that decides (see `terminal`), the disk (`backend_spool`), drawing (`backend_document`), what is behind a line.
//! Shown by: `tests/it/fax_backend.rs`, the conformance suite.

use super::backend_document::{self, Undrawn};
use super::backend_keys::{self, Diskettes};
use super::backend_line::{FaxLine, Handset};
use super::backend_spool::{Spool, fingerprint};
use super::backend_t38::{T38Keys, T38Line};
use super::keys::Keys;
use super::modem;
use super::pages::{Look, takes};
use super::terminal::{Config, Input, Output, Terminal};
use crate::machine::{World, drive};
use crate::message::convert::{foreseen, into_receipt};
use crate::message::{Blob, Identity, Message, Name, Part, Takes};
use crate::router::{Backend, BackendError, BoxFuture, Contents, Event, Fault, Order, Outcome, Port, Reason, Submitted, Verdict};
use crate::time::{Clock, Instant, Speed};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinSet;

/// How long a stop may take: DCN takes a second and a half.
const LONGEST_STOP: Duration = Duration::from_secs(5);

/// A line.
pub type BoxLine = Box<dyn FaxLine>;
/// Opens a port's line, each time the port starts, on the station's clock. The error says what, where and what to do.
pub type LineFactory = Box<dyn Fn(Clock) -> BoxFuture<'static, Result<BoxLine, String>> + Send + Sync>;

/// A fax port.
pub struct Fax {
    keys: Keys,
    look: Look,
    open: LineFactory,
    /// What the line must have for itself.
    holds: Vec<String>,
    /// Where it waits for datagrams, if it does.
    t38: Option<T38Keys>,
}

impl Fax {
    /// The port `name` of `station` with the keys of its table in the station file; the error is one sentence.
    pub fn from_table(name: &str, station: &Name, table: toml::Table) -> Result<Fax, String> {
        let keys = Keys::read(table)?;
        let Some(line) = keys.line.clone() else {
            return Err(format!("port `{name}` has no line; add e.g. line = {{ t38 = \"HOST:PORT\", listen = \"PORT\" }}"));
        };
        if line.contains_key("circuit") {
            return Err("`line` = { circuit = … } is for scenarios, whose circuits are in memory; between stations give { t38 = \"HOST:PORT\", listen = \"PORT\" }".into());
        }
        let t38: T38Keys = toml::Value::Table(line).try_into().map_err(|e: toml::de::Error| format!("line: {}", e.message()))?;
        t38.check()?;
        let (holds, here) = (t38.holds(), Some(t38.clone()));
        let open: LineFactory = Box::new(move |clock| {
            let t38 = t38.clone();
            Box::pin(async move { Ok(Box::new(T38Line::open(&t38, clock).await?) as BoxLine) })
        });
        Ok(Fax { holds, t38: here, ..Fax::on(station, keys, open)? })
    }
    /// A port of `station` on whatever `open` opens.
    pub fn on(station: &Name, keys: Keys, open: LineFactory) -> Result<Fax, String> {
        match &keys.peer {
            None => return Err("`peer` is missing; name the station at the far end".into()),
            Some(peer) if peer == station => {
                return Err(format!("`peer = \"{station}\"` is this station itself; name the one at the far end"));
            }
            Some(_) => {}
        }
        Ok(Fax { look: keys.look()?, keys, open, holds: vec![], t38: None })
    }
}

impl Backend for Fax {
    fn takes(&self) -> Takes {
        self.keys.takes()
    }
    fn check(&self, station: &Name, speed: Speed) -> BoxFuture<'_, Result<Vec<String>, String>> {
        let (opening, station) = ((self.open)(Clock::new(None, speed)), station.clone());
        Box::pin(async move {
            let line = opening.await?;
            let peer = self.keys.peer.as_ref().map_or(String::new(), Name::to_string);
            let mut notes = vec![format!("{}, to {peer}; nobody is called, for a call is a call", line.name())];
            notes.extend(match (&self.keys.keys, &self.keys.peer) {
                (Some(dir), Some(peer)) => backend_keys::notes(dir, &station, peer)?,
                _ => vec!["in clear: no `keys`".into()],
            });
            if self.keys.number.is_empty() {
                notes.push(format!("no `number`: the far end is not told who calls ({station})"));
            }
            Ok(notes)
        })
    }
    fn listens(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            match &self.t38 {
                Some(t38) => t38.bind().await.map(drop),
                None => Ok(()),
            }
        })
    }
    fn holds(&self) -> Vec<String> {
        let diskettes = self.keys.keys.as_deref().map_or(vec![], backend_keys::held);
        self.holds.iter().cloned().chain(diskettes).collect()
    }
    fn run(self: Box<Self>, port: Port) -> BoxFuture<'static, Result<(), BackendError>> {
        Box::pin(async move {
            let clock = port.clock().clone();
            let config = self.keys.config(port.station(), port.place().clone(), clock.speed(), clock.epoch()).map_err(BackendError)?;
            let config = Config { port: port.name().to_owned(), ..config };
            let diskettes = match (self.keys.keys.clone(), self.keys.peer.clone()) {
                (Some(dir), Some(peer)) => Some(Diskettes::open(dir, port.station().clone(), peer).await.map_err(BackendError)?),
                _ => None,
            };
            let line = (self.open)(clock.clone()).await.map_err(BackendError)?;
            let dir = port.place().data.join("fax");
            let (disk, first, notes) = Disk::start(dir).await.map_err(BackendError)?;
            notes.into_iter().for_each(|text| port.events().emit(Event::Note { text }, None));
            let mut live = Live::new(port, line, self.look, disk);
            live.diskettes = diskettes;
            if let Some(diskettes) = live.diskettes.clone() {
                live.ready.extend(diskettes.look().await); // before the first call
            }
            live.ready.push_back(first);
            drop(drive(Terminal::new(config), &mut live, &clock).await);
            live.finish().await;
            live.failed.map_or(Ok(()), |why| Err(BackendError(why)))
        })
    }
}

/// Something to be done on the disk, in order; what it is answered with.
type Work = Box<dyn FnOnce(&Spool) -> Option<Input> + Send>;

/// The thread that owns the spool: nothing else waits for the disk, and nothing overtakes.
struct Disk {
    work: Option<mpsc::UnboundedSender<Work>>,
    done: mpsc::UnboundedReceiver<Input>,
    ended: oneshot::Receiver<()>,
}

impl Disk {
    /// Opens the spool; what the terminal is told of it first, and what is to be said.
    async fn start(dir: std::path::PathBuf) -> Result<(Disk, Input, Vec<String>), String> {
        let opened = tokio::task::spawn_blocking(move || Spool::open(dir)).await;
        let (spool, entries, notes) = opened.map_err(|e| format!("the fax spool could not be looked through: {e}"))??;
        // Unbounded, but at most one page waits, and a word for each that is confirmed.
        let (work, mut wanted) = mpsc::unbounded_channel::<Work>();
        let (tell, done) = mpsc::unbounded_channel();
        let (ending, ended) = oneshot::channel();
        let run = move || {
            while let Some(work) = wanted.blocking_recv() {
                if let Some(input) = work(&spool) {
                    let _ = tell.send(input); // a terminal that is gone does not ask any more
                }
            }
            let _ = ending.send(());
        };
        std::thread::Builder::new().name("fax spool".into()).spawn(run).map_err(|e| format!("no thread for the fax spool: {e}"))?;
        Ok((Disk { work: Some(work), done, ended }, Input::Spool(entries), notes))
    }
    fn does(&self, work: impl FnOnce(&Spool) -> Option<Input> + Send + 'static) {
        if let Some(queue) = &self.work {
            let _ = queue.send(Box::new(work)); // the thread ends with this
        }
    }
    /// The same, and waits for its answer.
    fn asks<T: Send + 'static>(&self, work: impl FnOnce(&Spool) -> T + Send + 'static) -> oneshot::Receiver<T> {
        let (reply, answer) = oneshot::channel();
        self.does(move |spool| {
            let _ = reply.send(work(spool));
            None
        });
        answer
    }
}

/// What was drawn last.
#[derive(Clone)]
struct Last {
    delivery: u64,
    id: Identity,
    /// By which its pages are known.
    print: String,
    left_out: Vec<String>,
    /// Of these parts the sender is told without the receipt.
    foreseen: Vec<String>,
}

/// The world around a live terminal.
struct Live {
    port: Port,
    /// Locked by whoever dials or waits for a call.
    line: Arc<Mutex<BoxLine>>,
    dialling: Option<BoxFuture<'static, Result<Handset, Reason>>>,
    handset: Option<Handset>,
    look: Look,
    contents: Contents,
    disk: Disk,
    /// Of an enciphered line.
    diskettes: Option<Diskettes>,
    /// Inputs that came together with another.
    ready: VecDeque<Input>,
    /// What is waited for: pages being drawn, the router.
    answers: JoinSet<Option<Input>>,
    /// Of the pages drawn last: whose, and their fingerprint, for what is kept of them.
    drawn: Arc<StdMutex<Option<Last>>>,
    stopping: Option<Pin<Box<tokio::time::Sleep>>>,
    failed: Option<String>,
}

impl Live {
    fn new(port: Port, line: BoxLine, look: Look, disk: Disk) -> Live {
        Live {
            contents: port.place().contents(),
            port,
            line: Arc::new(Mutex::new(line)),
            dialling: None,
            handset: None,
            look,
            disk,
            diskettes: None,
            ready: VecDeque::new(),
            answers: JoinSet::new(),
            drawn: Arc::default(),
            stopping: None,
            failed: None,
        }
    }
    /// What was asked of the disk is done.
    async fn finish(&mut self) {
        self.disk.work = None;
        let _ = tokio::time::timeout(LONGEST_STOP, &mut self.disk.ended).await;
    }

    fn draw(&mut self, delivery: u64, message: Message) {
        let (contents, look, station) = (self.contents.clone(), self.look, self.port.station().clone());
        let (id, last) = (message.identity.clone(), self.drawn.clone());
        let foreseen = foreseen(&message, &takes());
        let events = self.port.events().clone();
        let (ask, known) = oneshot::channel::<String>();
        let asked = id.clone();
        let confirmed = self.disk_asks_when(known, move |spool, print| spool.confirmed(&asked, &print));
        self.answers.spawn(async move {
            let drawn = tokio::task::spawn_blocking(move || {
                let drawn = backend_document::pages(&message, &contents, &look, &station)?;
                let print = fingerprint(&drawn.pages);
                Ok((drawn, print))
            });
            let outcome = match drawn.await {
                Ok(Ok((drawn, print))) => {
                    drawn.notes.into_iter().for_each(|text| events.emit(Event::Note { text }, Some(&id)));
                    let now = Last { delivery, id, print: print.clone(), left_out: drawn.left_out, foreseen };
                    *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
                    let _ = ask.send(print);
                    let confirmed = confirmed.await.unwrap_or(0);
                    return Some(Input::Drawn { delivery, pages: drawn.pages, confirmed });
                }
                Ok(Err(Undrawn::Never(why))) => Outcome::Refused(Reason::new(Fault::Us, why)),
                Ok(Err(Undrawn::NotNow(why))) => Outcome::Deferred(Reason::new(Fault::Us, why)),
                Err(e) => Outcome::Deferred(Reason::new(Fault::Us, format!("the pages could not be drawn: {e}"))),
            };
            Some(Input::NotDrawn { delivery, outcome })
        });
    }
    /// Asks the disk something once it is known what.
    fn disk_asks_when<T: Send + 'static>(
        &self,
        known: oneshot::Receiver<String>,
        work: impl FnOnce(&Spool, String) -> T + Send + 'static,
    ) -> BoxFuture<'static, Option<T>> {
        let queue = self.disk.work.clone();
        Box::pin(async move {
            let what = known.await.ok()?;
            let (reply, answer) = oneshot::channel();
            let work: Work = Box::new(move |spool| {
                let _ = reply.send(work(spool, what));
                None
            });
            queue?.send(work).ok()?;
            answer.await.ok()
        })
    }
    /// What was not printed stands in the receipt, so that the sender is told.
    fn told(&self, delivery: u64, mut outcome: Outcome) -> Outcome {
        let drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Outcome::Delivered(receipt), Some(last)) = (&mut outcome, drawn.as_ref().filter(|last| last.delivery == delivery)) {
            into_receipt(&mut receipt.text, &last.left_out, &last.foreseen);
        }
        outcome
    }
    fn progress(&mut self, identity: Identity, confirmed: usize, of: usize) {
        let drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(Last { print, .. }) = drawn.filter(|last| last.id == identity) else { return };
        let events = self.port.events().clone();
        self.disk.does(move |spool| {
            if let Err(text) = spool.progress(&identity, confirmed, of, &print) {
                events.emit(Event::Note { text: format!("{text}; those pages are sent again if the call breaks off") }, Some(&identity));
            }
            None
        });
    }
    /// Files a message whose content is an entry's pages.
    fn file(&mut self, token: u64, entry: super::spool::Entry, mut message: Message) {
        let (contents, door) = (self.contents.clone(), self.port.door());
        let joined = self.disk.asks(move |spool| spool.join(&entry, &contents));
        self.answers.spawn(async move {
            let verdict = match content(joined.await) {
                Ok(part) => {
                    message.content = vec![part];
                    door.submit(message).await
                }
                Err(why) => Verdict::TryLater(Reason::new(Fault::Us, why)),
            };
            Some(Input::Verdict { token, verdict })
        });
    }
    /// Waited for: the MCF that follows must not be out while a restart would still hand the message over once more.
    async fn retire(&mut self, entry: super::spool::Entry) {
        let contents = self.contents.clone();
        let events = self.port.events().clone();
        let done = self.disk.asks(move |spool| {
            let kept = spool.join(&entry, &contents).and_then(|blob| spool.retire(&entry, Some(blob)));
            if let Err(text) = kept {
                events.emit(Event::Note { text }, entry.identity.as_ref()); // found, and handed over once more, at the next start
            }
        });
        let _ = done.await; // a thread that is gone has nothing more to do
    }
    fn spool(&mut self, entry: super::spool::Entry, page: usize, received: Box<super::t30::Received>) {
        self.disk.does(move |spool| {
            let name = entry.name.clone();
            Some(match spool.put(&entry, page, &received) {
                Ok(()) => Input::Spooled { entry: name, page },
                Err(why) => Input::NotSpooled { entry: name, page, why },
            })
        });
    }
    fn let_go(&mut self) {
        self.dialling = None;
        if let Some(handset) = self.handset.take() {
            handset.order(modem::Order::HangUp);
        }
    }
}

/// The part that an entry's pages are.
fn content(joined: Result<Result<Blob, String>, oneshot::error::RecvError>) -> Result<Part, String> {
    joined.unwrap_or_else(|_| Err("the station is stopping".into())).map(Part::Page)
}

/// What happens on the line.
enum Happens {
    Heard(modem::Heard),
    Dialled(Result<Handset, Reason>),
    Rings(Result<Handset, String>),
}

/// The next thing that happens on the line. Cancel-safe: a call being dialled is kept outside.
async fn happens(
    line: &Mutex<BoxLine>,
    handset: &mut Option<Handset>,
    dialling: &mut Option<BoxFuture<'static, Result<Handset, Reason>>>,
) -> Happens {
    match (handset, dialling) {
        (Some(handset), _) => Happens::Heard(handset.heard().await),
        (None, Some(dialling)) => Happens::Dialled(dialling.await),
        (None, None) => Happens::Rings(line.lock().await.ring().await),
    }
}

impl World<Input, Output> for Live {
    async fn next(&mut self) -> Option<Input> {
        loop {
            if self.failed.is_some() {
                return None;
            }
            if let Some(input) = self.ready.pop_front() {
                return Some(input);
            }
            let stopping = self.stopping.is_some();
            let overdue = async {
                match &mut self.stopping {
                    Some(overdue) => overdue.as_mut().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                order = self.port.next_order(), if !stopping => return Some(match order {
                    Some(Order::Deliver(delivery)) => Input::Deliver(delivery),
                    Some(Order::CallOff(number)) => Input::CallOff(number),
                    Some(Order::Tell { .. }) => continue, // nobody types here
                    None => {
                        self.stopping = Some(Box::pin(tokio::time::sleep(LONGEST_STOP)));
                        Input::Stop
                    }
                }),
                Some(input) = self.disk.done.recv() => return Some(input),
                Some(answer) = self.answers.join_next(), if !self.answers.is_empty() => {
                    if let Some(input) = answer.ok().flatten() {
                        return Some(input);
                    }
                }
                happened = happens(&self.line, &mut self.handset, &mut self.dialling) => match happened {
                    Happens::Heard(heard) => return Some(Input::Heard(heard)),
                    Happens::Dialled(dialled) => {
                        self.dialling = None;
                        return Some(match dialled {
                            Ok(handset) => {
                                self.handset = Some(handset);
                                Input::LineTaken
                            }
                            Err(reason) => Input::LineRefused(reason),
                        });
                    }
                    Happens::Rings(Ok(handset)) => {
                        self.handset = Some(handset);
                        self.disk.does(|spool| Some(Input::SpoolNow(spool.entries())));
                        self.disk.does(|_| Some(Input::Rings));
                    }
                    Happens::Rings(Err(why)) => self.failed = Some(why),
                },
                () = overdue => return None,
            }
        }
    }

    async fn act(&mut self, _: Instant, output: Output) -> ControlFlow<()> {
        match output {
            Output::Draw { delivery, message } => self.draw(delivery, message),
            // Whoever calls here is about to be answered.
            Output::Dial if self.handset.is_some() => {
                let why = format!("while calling over {}: it rings here", self.line.lock().await.name());
                self.ready.push_back(Input::LineRefused(Reason::new(Fault::Peer, why)));
            }
            Output::Dial => {
                let line = self.line.clone();
                self.dialling = Some(Box::pin(async move { line.lock().await.dial().await }));
            }
            Output::Order(order) => {
                if let Some(handset) = &self.handset {
                    handset.order(order);
                }
            }
            Output::HangUp => self.let_go(),
            Output::Reserve(made) => {
                if let Some(diskettes) = self.diskettes.clone() {
                    self.answers.spawn(diskettes.reserve(made));
                }
            }
            Output::Rescan => {
                if let Some(diskettes) = self.diskettes.clone() {
                    self.answers.spawn(diskettes.look());
                }
            }
            Output::Progress { identity, confirmed, of } => self.progress(identity, confirmed, of),
            Output::Forget(identity) => self.disk.does(move |spool| {
                spool.forget(&identity);
                None
            }),
            Output::Spool { entry, page, received } => self.spool(entry, page, received),
            Output::Note(entry) => {
                let events = self.port.events().clone();
                self.disk.does(move |spool| {
                    if let Err(text) = spool.note(&entry) {
                        events.emit(Event::Note { text }, entry.identity.as_ref());
                    }
                    None
                });
            }
            Output::Retire(entry) => self.retire(entry).await,
            Output::Discard(name) => self.disk.does(move |spool| {
                spool.discard(&name);
                None
            }),
            Output::Submit { token, entry, message } => self.file(token, entry, message),
            Output::HandIn { token, entry, mut draft, key } => {
                let (contents, door) = (self.contents.clone(), self.port.door());
                let joined = self.disk.asks(move |spool| spool.join(&entry, &contents));
                self.answers.spawn(async move {
                    let submitted = match content(joined.await) {
                        Ok(part) => {
                            draft.content = vec![part];
                            door.hand_in(draft, Some(key)).await
                        }
                        Err(why) => Submitted::Stuck(why),
                    };
                    Some(Input::HandedIn { token, submitted })
                });
            }
            Output::Report { delivery, outcome } => self.port.door().report(delivery, self.told(delivery, outcome)).await,
            Output::Event { event, id } => self.port.events().emit(event, id.as_ref()),
            Output::Stopped => {
                self.let_go();
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

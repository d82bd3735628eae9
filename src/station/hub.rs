//! The hub of a running station: the world around its router.
//!
//! Standards: none. In: people (API), ports, the disk's confirmations. Out: what the router says, carried out.
//! Left out: decisions (the router's). Shown by: `tests/it/processes.rs`.

use super::ports::{FromPort, PortTask};
use super::printer::Papers;
use super::{Builder, ConfigError, StationConfig};
use crate::console::{self, Console, Desk, Feed, Submitted as Said};
use crate::faults::{KillPoint, kill_point};
use crate::machine::{World, drive};
use crate::message::{Draft, Identity, Message, Name, Part};
use crate::router::journal::Change;
use crate::router::journal::reader::Reader;
use crate::router::journal::sqlite::{Options, Sync};
use crate::router::journal::store::Store;
use crate::router::journal::writer::{Confirm, Writer};
use crate::router::port::{Orders, PortReport};
use crate::router::{
    BoxFuture, Config, Event, EventSink, History, Input, Outcome, Output, Place, Query, Router, Stamped, Submitted, Verdict,
};
use crate::time::{Clock, Instant};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Why a station did not start: what, where and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StationError(pub String);

impl From<ConfigError> for StationError {
    fn from(e: ConfigError) -> Self {
        StationError(e.0)
    }
}

/// What reaches the hub from inside the station.
enum ToHub {
    Submit { draft: Draft, key: Option<String>, answer: oneshot::Sender<Submitted> },
    Noted(Stamped),
    Confirmed(Confirm),
    Printed(Identity),
}

/// A station that runs.
pub struct Running {
    /// Its name.
    pub station: Name,
    /// Where its API listens, if it does.
    pub api: Option<std::net::SocketAddr>,
    /// Why a port takes no calls yet, one sentence each: its address could not be had when the station started.
    pub deaf: Vec<String>,
    /// Its clock.
    pub clock: Clock,
    data: PathBuf,
    desk: HubDesk,
    stop: watch::Sender<bool>,
    ended: tokio::task::JoinHandle<Result<(), StationError>>,
    feed: Feed,
}

impl Running {
    /// Hands a message in, as the API does.
    pub async fn submit(&self, draft: Draft, key: Option<String>) -> Said {
        self.desk.submit(draft, key).await
    }
    /// Its folder.
    pub fn data(&self) -> &Path {
        &self.data
    }
    /// Its events.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }
    /// Ends it in order: lines finish their character and send the cut sequence, the journal is closed.
    pub async fn stop(self) -> Result<(), StationError> {
        let _ = self.stop.send(true);
        self.ended.await.map_err(|_| StationError("the station failed inside while stopping (a bug)".into()))?
    }
    /// Resolves when the station ends by itself, with the reason.
    pub async fn ended(&mut self) -> Result<(), StationError> {
        (&mut self.ended).await.map_err(|_| StationError("the station failed inside (a bug)".into()))?
    }
}

#[derive(Clone)]
struct HubDesk(mpsc::Sender<ToHub>);

impl Desk for HubDesk {
    fn submit(&self, draft: Draft, key: Option<String>) -> BoxFuture<'static, Said> {
        let hub = self.0.clone();
        Box::pin(async move {
            let (answer, said) = oneshot::channel();
            let stopping = || Said::Stuck("the station is stopping; try again when it is back".into());
            if hub.send(ToHub::Submit { draft, key, answer }).await.is_err() {
                return stopping();
            }
            // A journal that cannot be written holds its answers; people are told to ask again with the same key.
            match tokio::time::timeout(Duration::from_secs(30), said).await {
                Ok(Ok(submitted)) => submitted,
                Ok(Err(_)) => stopping(),
                Err(_) => Said::Stuck("the journal cannot be written (see the station's log); ask again with the same key".into()),
            }
        })
    }
}

/// Takes every event of the station's ports to where it belongs.
struct Sink {
    hub: mpsc::Sender<ToHub>,
    feed: Feed,
    observers: Vec<Arc<dyn EventSink>>,
    /// The last note that was logged.
    noted: Mutex<String>,
}

impl EventSink for Sink {
    fn take(&self, event: Stamped) {
        match &event.event {
            // A port that cannot be opened has said why in a note just before.
            Event::LineDown { reason } if *self.noted.lock().unwrap_or_else(PoisonError::into_inner) == *reason => {}
            Event::LineDown { reason } => tracing::warn!(port = event.port.as_deref(), "{reason}"),
            Event::LineUp { peer } => tracing::info!(port = event.port.as_deref(), "the line to {peer} is up"),
            _ => {} // the journal tells the rest
        }
        if event.event.durable() {
            // Only line-up and line-down come this way, at the most one per call-up: a full hub is itself news enough.
            let _ = self.hub.try_send(ToHub::Noted(event));
            return;
        }
        if let Event::Note { text } = &event.event {
            tracing::info!(port = event.port.as_deref(), "{text}");
        }
        self.derived(event);
    }
    fn warn(&self, event: Stamped) {
        if let Event::Note { text } = &event.event {
            tracing::warn!(port = event.port.as_deref(), "{text}");
        }
        self.derived(event);
    }
}

impl Sink {
    /// What the journal does not keep.
    fn derived(&self, event: Stamped) {
        if let Event::Note { text } = &event.event {
            text.clone_into(&mut self.noted.lock().unwrap_or_else(PoisonError::into_inner));
        }
        self.observers.iter().for_each(|o| o.take(event.clone()));
        self.feed.take(event);
    }
}

pub(super) async fn start(builder: Builder, config: StationConfig) -> Result<Running, StationError> {
    let made = builder.check(&config)?;
    let clock = Clock::new(config.start, config.speed);
    let listener = match &config.listen {
        Some(addr) => Some(console::listen(addr).await.map_err(StationError)?),
        None => None,
    };
    let (to_hub, from_all) = mpsc::channel(1024);
    let (writer, recovered) = open_journal(&config, to_hub.clone())?;
    kill_point(KillPoint::StartUp);
    let reader = Reader::open(&journal_path(&config)).map_err(|e| StationError(e.0))?;
    let store = Store::open_in(config.data.join("content")).map_err(|e| StationError(e.0))?;
    let feed = Feed::new(reader.last_event().map_err(|e| StationError(e.0))?);
    let (stop, stopping) = watch::channel(false);

    let desk = HubDesk(to_hub.clone());
    let api = listener.as_ref().and_then(|l| l.local_addr().ok());
    if let Some(listener) = listener {
        let setup = console::Setup {
            station: config.station.clone(),
            desks: config.desks.clone(),
            data: config.data.clone(),
            listen: config.listen.clone().unwrap_or_default(),
            journal: journal_path(&config),
            store,
            feed: feed.clone(),
            desk: Arc::new(desk.clone()),
            clock: clock.clone(),
        };
        let console = Console::new(setup, &listener).map_err(StationError)?;
        let mut stopping = stopping.clone();
        let shutdown = async move { drop(stopping.wait_for(|stop| *stop).await) };
        tokio::spawn(console::serve(listener, Arc::new(console), shutdown));
    }

    let sink = Arc::new(Sink { hub: to_hub.clone(), feed: feed.clone(), observers: builder.observers.clone(), noted: Mutex::default() });
    let (reports, from_ports) = mpsc::channel(64);
    let (runs, port_news) = mpsc::channel(64);
    let deaf = deaf(made.iter().map(|(port, backend)| (port.clone(), backend.listens())).collect()).await;
    let outsides: BTreeSet<Name> = made.values().filter_map(|backend| backend.outside()).collect();
    let mut tasks = tokio::task::JoinSet::new();
    let forms = super::forms::of(&config);
    for (port, wanted) in &config.ports {
        tasks.spawn(
            PortTask {
                port: port.clone(),
                station: config.station.clone(),
                keys: wanted.keys.clone(),
                factory: builder.factory(&config, port, &wanted.backend)?.clone(),
                sink: sink.clone(),
                clock: clock.clone(),
                place: Place {
                    history: Some(History::new(journal_path(&config), feed.durable())),
                    outsides: outsides.clone(),
                    forms: forms.clone(),
                    ..config.place(port)
                },
                reports: reports.clone(),
                hub: runs.clone(),
                stopping: stopping.clone(),
            }
            .run(),
        );
    }
    drop((reports, runs));
    let router = Router::new(Config {
        station: config.station.clone(),
        epoch: clock.epoch(),
        speed: config.speed,
        desks: config.desks.clone(),
        machines: config.machines.clone(),
        unattended: made.iter().filter_map(|(name, backend)| Some((name.clone(), backend.at_desk()?.unattended?))).collect(),
        outsides,
        ports: made.iter().map(|(name, backend)| (name.clone(), backend.takes())).collect(),
        routes: config.routes.clone(),
        retry: config.retry.clone(),
        most_waiting: 100_000,
    });
    drop(made);
    let tell = to_hub.clone();
    let printed = move |id| drop(tell.blocking_send(ToHub::Printed(id)));
    let hub = Hub {
        next: VecDeque::from([Input::Recovered(recovered)]),
        papers: Papers::start(&config, &journal_path(&config), forms, printed)?,
        reader,
        store: Store::open_in(config.data.join("content")).map_err(|e| StationError(e.0))?,
        writer,
        feed: feed.clone(),
        observers: builder.observers,
        from_all,
        from_ports,
        port_news,
        orders: BTreeMap::new(),
        answers: BTreeMap::new(),
        verdicts: BTreeMap::new(),
        typing: BTreeMap::new(),
        typed: BTreeMap::new(),
        next_token: 1,
        unconfirmed: VecDeque::new(),
        stopping,
        failed: None,
    };
    let run_clock = clock.clone();
    let ended = tokio::spawn(run(router, hub, tasks, run_clock));
    Ok(Running { station: config.station, api, deaf, clock, data: config.data, desk, stop, ended, feed })
}

/// The ports that cannot listen where they should, and why.
async fn deaf(ports: Vec<(String, BoxFuture<'_, Result<(), String>>)>) -> Vec<String> {
    let mut deaf = vec![];
    for (port, listens) in ports {
        if let Err(why) = listens.await {
            deaf.push(format!("port {port} cannot be reached: {why}; it is tried again until it can be had"));
        }
    }
    deaf
}

fn journal_path(config: &StationConfig) -> PathBuf {
    config.data.join("journal.sqlite")
}

fn open_journal(config: &StationConfig, hub: mpsc::Sender<ToHub>) -> Result<(Writer, crate::router::journal::Recovered), StationError> {
    let data = &config.data;
    if data.exists() && !data.is_dir() {
        return Err(StationError(format!("the data folder `{}` is not a folder; set `data` in the station file to one", data.display())));
    }
    std::fs::create_dir_all(data).map_err(|e| {
        StationError(format!(
            "the data folder `{}` cannot be made: {e}; set `data` in the station file to one you may write",
            data.display()
        ))
    })?;
    let sync = if config.synced { Sync::Full } else { Sync::Off };
    let options = Options { sync, ..Options::new(journal_path(config), config.station.clone()) };
    let told = move |confirm| drop(hub.blocking_send(ToHub::Confirmed(confirm)));
    Writer::start(options, Box::new(told)).map_err(|e| StationError(e.0))
}

async fn run(router: Router, mut hub: Hub, mut tasks: tokio::task::JoinSet<()>, clock: Clock) -> Result<(), StationError> {
    let router = drive(router, &mut hub, &clock).await;
    // The orders end, so the backends send their cut sequences and stop; what they report meanwhile is left for the next start.
    hub.orders.clear();
    hub.from_all.close();
    let _ = tokio::time::timeout(Duration::from_secs(5), async { while tasks.join_next().await.is_some() {} }).await;
    tasks.abort_all();
    drop(router);
    hub.papers.finish(Duration::from_secs(5)).await;
    match hub.failed {
        Some(error) => Err(StationError(error)),
        None => Ok(()),
    }
}

/// What the hub may hear next.
enum Heard {
    Stop,
    Told(ToHub),
    News(FromPort),
    Report(String, PortReport),
}

struct Hub {
    /// Inputs that are ready without waiting.
    next: VecDeque<Input>,
    reader: Reader,
    store: Store,
    writer: Writer,
    feed: Feed,
    observers: Vec<Arc<dyn EventSink>>,
    papers: Papers,
    from_all: mpsc::Receiver<ToHub>,
    from_ports: mpsc::Receiver<(String, PortReport)>,
    port_news: mpsc::Receiver<FromPort>,
    orders: BTreeMap<String, Orders>,
    answers: BTreeMap<u64, oneshot::Sender<Submitted>>,
    verdicts: BTreeMap<u64, oneshot::Sender<Verdict>>,
    /// Messages being handed in at a port, with its name if they leave this station.
    typing: BTreeMap<u64, (Option<String>, oneshot::Sender<Submitted>)>,
    /// Who typed what is still on its way: that port is told what becomes of it (not after a restart).
    typed: BTreeMap<Identity, String>,
    next_token: u64,
    /// Durable events of batches not yet on disk.
    unconfirmed: VecDeque<(u64, Vec<Stamped>)>,
    stopping: watch::Receiver<bool>,
    failed: Option<String>,
}

impl World<Input, Output> for Hub {
    async fn next(&mut self) -> Option<Input> {
        loop {
            if let Some(input) = self.next.pop_front() {
                return Some(input);
            }
            let heard = tokio::select! {
                biased;
                _ = self.stopping.wait_for(|stop| *stop) => Heard::Stop,
                Some(told) = self.from_all.recv() => Heard::Told(told),
                Some(news) = self.port_news.recv() => Heard::News(news),
                Some((port, report)) = self.from_ports.recv() => Heard::Report(port, report),
            };
            match heard {
                Heard::Stop => return None,
                Heard::Told(told) => self.told(told),
                Heard::News(news) => self.port_news(news),
                Heard::Report(port, report) => self.reported(port, report),
            }
        }
    }

    async fn act(&mut self, _: Instant, output: Output) -> ControlFlow<()> {
        match output {
            Output::Persist { batch, changes } => {
                let events = changes.iter().filter_map(|c| match c {
                    Change::Event(e) => Some(e.clone()),
                    Change::New { .. } | Change::Moved { .. } | Change::Channel { .. } => None,
                });
                self.unconfirmed.push_back((batch, events.collect()));
                self.writer.persist(batch, changes);
            }
            Output::Lookup { token, query } => {
                let found = match query {
                    Query::Identity(id) => self.reader.find(&id).map(|row| row.map(|r| r.id)),
                    Query::Key(key) => self.reader.find_key(&key),
                };
                match found {
                    Ok(found) => self.next.push_back(Input::Found { token, found }),
                    // Without the journal nothing may be filed or refused: stop, say so, lose nothing.
                    Err(e) => return self.fail(e.0),
                }
            }
            Output::Recall(id) => match self.reader.find(&id) {
                Ok(row) => self.next.push_back(Input::Recalled { id, row }),
                Err(e) => return self.fail(e.0),
            },
            Output::Load(id) => {
                let message = match self.reader.content(&id) {
                    Ok(Some(Ok(message))) => Ok(message),
                    // One damaged message goes back to its sender; the others go on.
                    Ok(Some(Err(damaged))) => Err(damaged.0),
                    Ok(None) => Err(format!("the journal has no content for {id}")),
                    Err(e) => return self.fail(e.0),
                };
                self.next.push_back(Input::Loaded { id, message });
            }
            Output::Order { port, order } => {
                let sent = self.orders.get(&port).map(|orders| orders.try_send(order.clone()));
                if let (Some(Err(_)) | None, crate::router::Order::Deliver(d)) = (sent, order) {
                    let why = crate::router::Reason::new(crate::router::Fault::Us, "the port does not run");
                    self.next.push_back(Input::Ended { port, delivery: d.number, outcome: Outcome::Deferred(why) });
                }
            }
            Output::Answer { token, submitted } => match self.typing.remove(&token) {
                Some((port, answer)) => {
                    if let (Submitted::Accepted(id), Some(port)) = (&submitted, port) {
                        self.typed.insert(id.clone(), port);
                    }
                    let _ = answer.send(submitted);
                }
                None => drop(self.answers.remove(&token).map(|a| a.send(submitted))),
            },
            Output::Verdict { token, verdict } => drop(self.verdicts.remove(&token).map(|v| v.send(verdict))),
            Output::Paper(id) => self.papers.want(id),
        }
        ControlFlow::Continue(())
    }
}

impl Hub {
    fn fail(&mut self, why: String) -> ControlFlow<()> {
        tracing::error!("{why}");
        self.failed = Some(why);
        ControlFlow::Break(())
    }

    fn token(&mut self) -> u64 {
        self.next_token += 1;
        self.next_token
    }

    /// The name of a part whose bytes are not on disk here: filed, it would be an empty promise.
    fn missing_content(&self, message: &Message) -> Option<String> {
        message.content.iter().find_map(|part| match part {
            Part::Text { .. } => None,
            Part::Page(blob) | Part::File(blob) => (!self.store.has(&blob.sha256)).then(|| blob.name.clone()),
        })
    }

    fn told(&mut self, told: ToHub) {
        match told {
            ToHub::Submit { draft, key, answer } => {
                let token = self.token();
                self.answers.insert(token, answer);
                self.next.push_back(Input::Submit { token, draft, key });
            }
            ToHub::Noted(event) => self.next.push_back(Input::Noted(event)),
            ToHub::Printed(id) => self.next.push_back(Input::Printed(id)),
            ToHub::Confirmed(Confirm::Persisted { batch, events }) => {
                while self.unconfirmed.front().is_some_and(|(n, _)| *n <= batch) {
                    for event in self.unconfirmed.pop_front().map(|(_, e)| e).unwrap_or_default() {
                        self.observers.iter().for_each(|o| o.take(event.clone()));
                        self.tell_typist(&event);
                    }
                }
                self.feed.committed(events);
                self.next.push_back(Input::Persisted(batch));
            }
            ToHub::Confirmed(Confirm::Stuck { error }) => tracing::error!("{error}"),
            ToHub::Confirmed(Confirm::Unstuck) => tracing::info!("the journal can be written again"),
        }
    }

    /// Tells the machine where a message was typed what became of it.
    fn tell_typist(&mut self, event: &Stamped) {
        let ended = matches!(event.event, Event::Filed { .. } | Event::Custody { .. } | Event::Returned { .. });
        let Some((id, port)) = event.id.as_ref().filter(|_| ended).and_then(|id| self.typed.remove_entry(id)) else { return };
        // A machine that is away, or busy, prints less: the journal has it all the same.
        let tell = crate::router::Order::Tell { id, event: event.event.clone() };
        let _ = self.orders.get(&port).map(|orders| orders.try_send(tell));
    }

    fn port_news(&mut self, news: FromPort) {
        let (port, ready) = match news {
            FromPort::Runs { port, orders } => {
                self.orders.insert(port.clone(), orders);
                (port, Ok(()))
            }
            FromPort::Stopped { port, why, again } => {
                if !again {
                    tracing::warn!(port, "{why}");
                }
                self.orders.remove(&port);
                (port, Err(why))
            }
        };
        self.next.push_back(Input::PortReady { port, ready });
    }

    fn reported(&mut self, port: String, report: PortReport) {
        let input = match report {
            PortReport::Ended { delivery, outcome } => Input::Ended { port, delivery, outcome },
            PortReport::Learned { id, news, answer } => {
                let token = self.token();
                self.verdicts.insert(token, answer);
                Input::Learned { token, port, id, news }
            }
            PortReport::Typed { draft, key, answer } => {
                let token = self.token();
                let leaves = draft.envelope.to.station != draft.envelope.from.station;
                self.typing.insert(token, (leaves.then_some(port), answer));
                Input::Submit { token, draft, key }
            }
            PortReport::Came { message, answer } => {
                if let Some(missing) = self.missing_content(&message) {
                    let why = format!("the content of `{missing}` did not come with the message");
                    let _ = answer.send(Verdict::Refused(crate::router::Reason::new(crate::router::Fault::Peer, why)));
                    return;
                }
                let token = self.token();
                self.verdicts.insert(token, answer);
                Input::Came { token, port, message }
            }
        };
        self.next.push_back(input);
    }
}

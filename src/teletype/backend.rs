//! The teletype backend: a terminal on a device, live.
//!
//! Standard: none; the procedure is the terminal's. In: a port's orders, bytes off a device.
//! Out: paced bytes, reports, submissions, events. Left out: everything that decides (see `terminal`), opening devices (see `line::device`).
//! Shown by: `tests/it/backend.rs`, the conformance suite.

use super::backend_check::{call_up, key_notes, who_is_there};
use super::backend_punch::Punches;
use super::desk::Desk;
use super::keys::{Keys, Kind as Far};
use super::terminal::{Input, Output, Terminal};
use crate::faults;
use crate::key::Medium;
use crate::key::backend_disk::{Shelf, show};
use crate::key::reel::Reservation;
use crate::line::ip::tcp;
use crate::line::{AsyncReadWrite, Code, Line, LineSpec, Opened, Paced, Pacer, Settings, Switch, refuse_speed};
use crate::machine::{World, drive};
use crate::message::{Name, Takes};
use crate::router::{AtDesk, Backend, BackendError, BoxFuture, Event, Order, Port};
use crate::time::{Instant, Speed};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, ReadHalf};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

/// The pause before a lost device is tried again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long deliveries wait for a device at the start, before they are given back.
const FIRST_OPEN: Duration = Duration::from_secs(1);
/// How long a stop may take: the code in hand, the cut sequence (2 s at 50 Bd).
const LONGEST_STOP: Duration = Duration::from_secs(3);

/// Opens the device; called again after it was lost. The error says what, where and what to do.
pub type Opener = Box<dyn Fn() -> BoxFuture<'static, Result<Opened, String>> + Send + Sync>;

/// A teletype port.
pub struct Teletype {
    keys: Keys,
    open: Opener,
}

impl Teletype {
    /// The port `name` of `station` with the keys of its table in the station file; the error is one sentence.
    pub fn from_table(name: &str, station: &Name, table: toml::Table) -> Result<Teletype, String> {
        let keys = Keys::read(table)?;
        if keys.peer.as_ref() == Some(station) {
            return Err(format!("peer = `{station}` is this station itself; name the station at the far end of port `{name}`"));
        }
        if keys.keys.is_some() && keys.peer.is_none() {
            return Err("`keys` needs `peer` beside it: tapes are for the traffic with one station".into());
        }
        let Some(line) = keys.line.clone() else {
            return Err(format!("port `{name}` has no line; add e.g. line = {{ pty = \"/tmp/{name}\" }} (or serial, tcp, listen)"));
        };
        let settings = Settings { baud: keys.baud, units: keys.units };
        settings.check()?;
        if keys.motor.is_some() && !matches!(line, LineSpec::Serial(_)) {
            return Err(format!("motor = `rts` needs a serial port, which {line} is not: a pty and TCP have no RTS"));
        }
        let line = Line::new(line, settings);
        let line = match &keys.peer {
            Some(peer) => line.between(station.as_str(), peer.as_str()),
            None if keys.line.as_ref().is_some_and(LineSpec::is_tls) => {
                return Err(
                    "`line` has tls and the port no `peer`: name the station at the far end, which must show its certificate".into()
                );
            }
            None => line,
        };
        let line = Arc::new(line);
        Ok(Teletype::new(keys, Box::new(move || opening(line.clone()))))
    }
    /// A port on whatever `open` opens.
    pub fn new(keys: Keys, open: Opener) -> Teletype {
        Teletype { keys, open }
    }
}

impl Backend for Teletype {
    fn takes(&self) -> Takes {
        self.keys.takes()
    }
    fn at_desk(&self) -> Option<AtDesk> {
        (self.keys.kind == Far::Machine).then(|| AtDesk { unattended: self.keys.unattended() })
    }
    fn check(&self, station: &Name, speed: Speed) -> BoxFuture<'_, Result<Vec<String>, String>> {
        let (opening, station) = ((self.open)(), station.clone());
        Box::pin(async move {
            let mut notes = key_notes(&self.keys, &station)?;
            match tokio::time::timeout(FIRST_OPEN, opening).await {
                Ok(Ok(mut line)) => {
                    refuse_speed(&line.kind, speed)?;
                    notes.append(&mut line.notes);
                    notes.push(match self.keys.kind {
                        Far::Line => call_up(line, &self.keys, &station, speed).await,
                        Far::Machine => who_is_there(line, &self.keys, speed).await,
                    });
                    Ok(notes)
                }
                Ok(Err(why)) => Err(why),
                Err(_) => {
                    notes.push(NOBODY.into());
                    Ok(notes)
                }
            }
        })
    }
    fn listens(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            match &self.keys.line {
                Some(LineSpec::Listen { at, .. }) => tcp::listen(at).await.map(drop),
                _ => Ok(()),
            }
        })
    }
    fn holds(&self) -> Vec<String> {
        // Read without the lock, each time the station file is checked; what cannot be read is told when the port runs.
        let labels = self.keys.keys.as_deref().map_or(Ok(vec![]), show).unwrap_or_default();
        let mut held: Vec<String> = labels.into_iter().flatten().map(|shown| format!("key tape {:06}", shown.label.serial)).collect();
        held.sort();
        held.dedup(); // twice in one folder is told when the port runs
        held.extend(self.keys.line.iter().filter(|line| !matches!(line, LineSpec::Tcp { .. })).map(LineSpec::to_string));
        held
    }
    fn run(self: Box<Self>, port: Port) -> BoxFuture<'static, Result<(), BackendError>> {
        Box::pin(async move {
            let shelf = open_shelf(&self.keys, port.station()).await.map_err(BackendError)?;
            let clock = port.clock().clone();
            let machine = match self.keys.kind {
                Far::Line => None,
                Far::Machine => {
                    Some(self.keys.machine(port.station().as_str(), clock.speed(), port.place().clone()).map_err(BackendError)?)
                }
            };
            let terminal = Terminal::new(self.keys.config(port.station(), clock.speed(), clock.epoch()));
            let unit = clock.speed().real(self.keys.code_time());
            let motor = machine.as_ref().is_some_and(|m| m.motor.is_some());
            let punches = Punches::of(&self.keys, &port);
            let mut live = Live::new(port, self.open, unit, shelf, motor, punches);
            if let Some(shelf) = live.shelf.clone() {
                live.ready.extend(with_shelf(shelf, |shelf| Input::Tapes(shelf.tapes())).await); // before the first order
            }
            live.first_open().await;
            match machine {
                Some(config) => drop(drive(Desk::new(config), &mut live, &clock).await),
                None => drop(drive(terminal, &mut live, &clock).await),
            }
            live.failed.map_or(Ok(()), |why| Err(BackendError(why)))
        })
    }
}

fn opening(line: Arc<Line>) -> BoxFuture<'static, Result<Opened, String>> {
    Box::pin(async move { line.open().await })
}

/// The key tapes of a port: locked from now on. The folder is read on a thread that may wait for a disk.
async fn open_shelf(keys: &Keys, station: &Name) -> Result<Option<Arc<Mutex<Shelf>>>, String> {
    let Some(dir) = keys.keys.clone() else { return Ok(None) };
    let (station, peer) = (station.clone(), keys.peer.clone());
    let opened = tokio::task::spawn_blocking(move || Shelf::open(&dir, Medium::Tape, &station, peer.as_ref())).await;
    opened.map_err(|e| format!("the key tapes could not be looked through: {e}"))?.map(|shelf| Some(Arc::new(Mutex::new(shelf))))
}

/// Works with the tapes, on a thread that may wait for a disk.
async fn with_shelf(shelf: Arc<Mutex<Shelf>>, work: impl FnOnce(&mut Shelf) -> Input + Send + 'static) -> Option<Input> {
    tokio::task::spawn_blocking(move || work(&mut shelf.lock().unwrap_or_else(PoisonError::into_inner))).await.ok()
}

/// What is said of a device that waits for somebody to connect.
const NOBODY: &str = "nobody is at the far end yet";

/// Where the device stands.
enum Device {
    Up {
        reader: ReadHalf<Box<dyn AsyncReadWrite>>,
        pacer: Pacer,
        paced: UnboundedReceiver<Paced>,
    },
    /// Being opened, after a pause.
    Opening(BoxFuture<'static, Result<Opened, String>>),
}

/// What became of the device.
enum Change {
    Opened(Result<Opened, String>),
    Read(std::io::Result<usize>),
    Paced(Option<Paced>),
}

/// The world around a live terminal.
struct Live {
    port: Port,
    open: Opener,
    unit: Duration,
    device: Device,
    pause: Duration,
    /// Why it could not be opened, as last said.
    told: String,
    buffer: Vec<u8>,
    /// Inputs that came together with another.
    ready: VecDeque<Input>,
    /// What is waited for from the router and from the key tapes.
    answers: JoinSet<Option<Input>>,
    shelf: Option<Arc<Mutex<Shelf>>>,
    /// The tapes' folder is being looked through; and whether it has to be once more. However often it is asked for, one look waits.
    looking: bool,
    look_again: bool,
    /// Whether a motor is switched, and by what while the device is there.
    motor: bool,
    switch: Option<Switch>,
    punches: Punches,
    /// A send that has not been answered by `Transmitted` yet.
    owed: bool,
    /// Codes are on their way that the pacer has not called drained.
    undrained: bool,
    /// Set when the station stops: how long it may still take.
    stopping: Option<Pin<Box<tokio::time::Sleep>>>,
    failed: Option<String>,
}

impl Live {
    fn new(port: Port, open: Opener, unit: Duration, shelf: Option<Arc<Mutex<Shelf>>>, motor: bool, punches: Punches) -> Live {
        Live {
            port,
            device: Device::Opening(open()),
            open,
            unit,
            pause: FIRST_PAUSE,
            told: String::new(),
            buffer: vec![0; 4096],
            ready: VecDeque::new(),
            answers: JoinSet::new(),
            shelf,
            looking: false,
            look_again: false,
            motor,
            switch: None,
            punches,
            owed: false,
            undrained: false,
            stopping: None,
            failed: None,
        }
    }

    /// Tells the terminal which tapes hang there now.
    fn look_for_tapes(&mut self) {
        if std::mem::replace(&mut self.looking, true) {
            self.look_again = true;
        } else if let Some(shelf) = self.shelf.clone() {
            self.answers.spawn(with_shelf(shelf, |shelf| Input::Tapes(shelf.tapes())));
        }
    }
    fn answered(&mut self, answer: Option<Input>) {
        if matches!(answer, Some(Input::Tapes(_)) | None) {
            self.looking = false;
            if std::mem::take(&mut self.look_again) {
                self.look_for_tapes();
            }
        }
        self.ready.extend(answer);
    }
    fn reserve(&mut self, made: Reservation) {
        let Some(shelf) = self.shelf.clone() else { return };
        self.answers.spawn(with_shelf(shelf, move |shelf| match shelf.reserve(made.copy, made.serial, made.from, made.count) {
            Ok(key) => Input::Reserved { made, codes: key.into_iter().map(Code::new).collect() },
            Err(why) => Input::NotReserved { made, why },
        }));
    }

    /// Gives the device a moment before the first order is taken; without it the line begins as lost.
    async fn first_open(&mut self) {
        let Device::Opening(opening) = &mut self.device else { return };
        match tokio::time::timeout(FIRST_OPEN, opening).await {
            Ok(Ok(line)) => self.up(line),
            Ok(Err(why)) => self.not_opened(why),
            Err(_) => self.ready.push_back(Input::LineLost(NOBODY.into())),
        }
    }

    fn up(&mut self, line: Opened) {
        if let Err(why) = refuse_speed(&line.kind, self.port.clock().speed()) {
            self.failed = Some(why);
            return;
        }
        if self.motor && line.rts.is_none() {
            self.failed = Some("motor = `rts` needs a real serial port, and this is none; take the key out".into());
            return;
        }
        self.switch = line.rts;
        for text in line.notes {
            self.port.events().emit(Event::Note { text }, None);
        }
        let (reader, writer) = tokio::io::split(line.stream);
        let (pacer, paced) = Pacer::start(writer, self.unit, line.handover, tokio::runtime::Handle::current());
        self.device = Device::Up { reader, pacer, paced };
        self.pause = FIRST_PAUSE;
        self.told.clear();
        (self.owed, self.undrained) = (false, false);
    }
    /// Said once, however often it is tried; a line that was never up is not lost to anybody else.
    fn not_opened(&mut self, why: String) {
        if self.told != why {
            self.port.events().warn(why.clone());
            self.told = why.clone();
        }
        self.lost(why);
    }
    fn lost(&mut self, why: String) {
        let opening = (self.open)();
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        self.device = Device::Opening(Box::pin(async move {
            tokio::time::sleep(pause).await;
            opening.await
        }));
        (self.owed, self.undrained) = (false, false);
        self.ready.push_back(Input::LineLost(why));
    }

    fn changed(&mut self, change: Change) {
        match change {
            Change::Opened(Ok(line)) => {
                self.up(line);
                self.ready.push_back(Input::LineBack);
            }
            Change::Opened(Err(why)) => self.not_opened(why),
            Change::Read(Ok(0)) => self.lost("the far end closed it".into()),
            Change::Read(Ok(n)) => {
                let codes = self.buffer[..n].iter().map(|b| Code::new(*b)).collect();
                self.ready.push_back(Input::Received(codes));
            }
            Change::Read(Err(e)) => self.lost(format!("it cannot be read: {e}")),
            Change::Paced(Some(Paced::Low)) => self.transmitted(),
            Change::Paced(Some(Paced::Drained)) => {
                self.undrained = false;
                self.transmitted();
            }
            Change::Paced(Some(Paced::Halted { left })) => {
                (self.owed, self.undrained) = (false, false);
                self.ready.push_back(Input::Halted { left });
            }
            Change::Paced(Some(Paced::Failed(e))) => self.lost(format!("it cannot be written: {e}")),
            Change::Paced(None) => self.lost("its pacer ended".into()),
        }
    }
    /// Switches the motor; a switch that does not work is said, and printing goes on.
    fn switch_motor(&mut self, on: bool) {
        if let Some(Err(why)) = self.switch.as_mut().map(|switch| switch(on)) {
            self.port.events().emit(Event::Note { text: format!("the motor cannot be switched: {why}") }, None);
        }
    }
    /// Exactly once a send.
    fn transmitted(&mut self) {
        if std::mem::take(&mut self.owed) {
            self.ready.push_back(Input::Transmitted);
        }
    }
    /// What is still in the pacer goes out, so that the last line is whole.
    async fn drain(&mut self) {
        let mut overdue = self.stopping.take().unwrap_or_else(|| Box::pin(tokio::time::sleep(LONGEST_STOP)));
        while self.undrained {
            let change = tokio::select! {
                change = self.device.change(&mut self.buffer) => change,
                () = &mut overdue => return,
            };
            match change {
                Change::Paced(Some(Paced::Drained)) | Change::Opened(_) | Change::Paced(None) => return,
                Change::Read(Ok(1..)) | Change::Paced(Some(Paced::Low | Paced::Halted { .. })) => {}
                Change::Read(_) | Change::Paced(Some(Paced::Failed(_))) => return,
            }
        }
    }
}

impl Device {
    /// The next thing that happens to it. Cancel-safe.
    async fn change(&mut self, buffer: &mut [u8]) -> Change {
        match self {
            Device::Opening(opening) => Change::Opened(opening.await),
            Device::Up { reader, paced, .. } => tokio::select! {
                told = paced.recv() => Change::Paced(told),
                read = reader.read(buffer) => Change::Read(read),
            },
        }
    }
}

impl World<Input, Output> for Live {
    async fn next(&mut self) -> Option<Input> {
        loop {
            if self.failed.is_some() {
                return None;
            }
            if faults::dying() && !self.undrained {
                faults::die();
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
                    Some(Order::Tell { id, event }) => Input::Became { id, event },
                    None => {
                        self.stopping = Some(Box::pin(tokio::time::sleep(LONGEST_STOP)));
                        Input::Stop
                    }
                }),
                Some(answer) = self.answers.join_next(), if !self.answers.is_empty() => self.answered(answer.ok().flatten()),
                change = self.device.change(&mut self.buffer) => self.changed(change),
                () = overdue => return None,
            }
        }
    }

    async fn act(&mut self, _: Instant, output: Output) -> ControlFlow<()> {
        match (output, &mut self.device) {
            (Output::Send(_), _) if faults::dying() => {}
            (Output::Send(codes), Device::Up { pacer, .. }) => {
                (self.owed, self.undrained) = (true, true);
                pacer.send(codes);
            }
            (Output::Halt, Device::Up { pacer, .. }) => pacer.halt(),
            (Output::Send(_) | Output::Halt, Device::Opening(_)) => {} // `LineLost` is on its way to the terminal
            (Output::Reserve(made), _) => self.reserve(made),
            (Output::Rescan, _) => self.look_for_tapes(),
            (Output::Submit { token, message }, _) => {
                let verdict = self.port.door().submit(message);
                self.answers.spawn(async move { Some(Input::Verdict { token, verdict: verdict.await }) });
            }
            (Output::HandIn { token, draft }, _) => {
                let submitted = self.port.door().hand_in(draft, None);
                self.answers.spawn(async move { Some(Input::HandedIn { token, submitted: submitted.await }) });
            }
            (Output::Motor(on), _) => self.switch_motor(on),
            (Output::Tape { dir, id, codes }, _) => self.punches.take(dir, &id, codes),
            (Output::Report { delivery, outcome }, _) => self.port.door().report(delivery, outcome).await,
            (Output::Event { event, id }, _) => self.port.events().emit(event, id.as_ref()),
            (Output::Stopped, _) => {
                self.drain().await;
                self.punches.finish().await;
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

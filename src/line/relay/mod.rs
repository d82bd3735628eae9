//! A relay: two ends joined by a simulated circuit each way, live, commanded while it runs. It is what `molink line` runs, and the demo.
//!
//! Standards: none. In: two ends, a profile, a seed, commands. Out: codes, late and damaged as the circuit has it; a log; notes for people.
//! Left out: what codes mean. Memory is bounded whatever comes in: see [`engine::Engine::bound`]. The thread is a plain one because
//! tokio's timers come late under load. Shown by: `tests/it/line.rs`.

pub mod control;
mod end;
pub mod engine;
mod log;
mod socket;

pub use control::{Command, Way};
pub use end::End;

use super::device::{Kind, Settings, refuse_speed};
use super::profile::Profile;
use super::punctual;
use crate::machine::Machine;
use crate::time::{Clock, Speed};
use end::Serve;
use engine::{Engine, Entry, Input, Output};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

/// How a relay is to be.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// What lies between the ends.
    pub profile: Profile,
    /// Where its errors come from.
    pub seed: u64,
    /// Rate and units.
    pub settings: Settings,
    /// How much faster than life; delays and cut times are divided by it.
    pub speed: Speed,
    /// A file for the log.
    pub log: Option<PathBuf>,
    /// A Unix socket for commands.
    pub control: Option<PathBuf>,
}

impl Default for RelayConfig {
    fn default() -> Self {
        let (profile, settings) = (Profile::clean(), Settings::default());
        RelayConfig { profile, seed: 1, settings, speed: Speed::REAL, log: None, control: None }
    }
}

/// Starts relays.
pub struct Relay;

/// A running relay. It ends with `stop`, with the command `stop`, or when the handle is dropped.
pub struct RelayHandle {
    orders: Orders,
    notes: Option<mpsc::Receiver<String>>,
    described: [Vec<String>; 2],
    done: watch::Receiver<bool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

/// To the relay's thread.
#[derive(Debug)]
enum Order {
    Input(Input),
    /// A command and where its answer goes.
    Ask(Command, oneshot::Sender<String>),
    Stop,
}

/// An end's way to the thread.
#[derive(Clone)]
struct Inputs(Sender<Order>);

impl Inputs {
    fn send(&self, input: Input) {
        let _ = self.0.send(Order::Input(input)); // a relay that has ended wants no more
    }
}

/// Gives commands; cheap to clone.
#[derive(Clone)]
pub struct Orders(Sender<Order>);

impl Orders {
    /// One command line, as on the control socket; answers `ok …` or `error …`.
    pub async fn command(&self, line: &str) -> String {
        let command = match line.parse() {
            Ok(command) => command,
            Err(e) => return format!("error {e}"),
        };
        let (answer, answered) = oneshot::channel();
        let _ = self.0.send(Order::Ask(command, answer));
        answered.await.unwrap_or_else(|_| "error the relay has ended".into())
    }
}

impl Relay {
    /// Joins two ends. Must be called within a tokio runtime. The error is one sentence: which end, what, what to do.
    pub async fn start(a: End, b: End, config: RelayConfig) -> Result<RelayHandle, String> {
        config.settings.check()?;
        if a == b {
            return Err(format!("both ends are `{a}`: give two different ones"));
        }
        let unpaced = config.speed == Speed::Max;
        end::clear_links([&a, &b])?;
        let ready = [end::prepare(&a, &config.settings, unpaced).await?, end::prepare(&b, &config.settings, unpaced).await?];
        for kind in ready.iter().filter_map(|r| r.kind.as_ref()) {
            refuse_speed(kind, config.speed)?;
        }
        let log = config.log.as_deref().map(|path| log::Log::create(path, config.speed)).transpose()?;
        let socket = config.control.as_deref().map(socket::Socket::bind).transpose()?;

        let unit = if unpaced { Duration::ZERO } else { config.settings.code_time() };
        let lead = |far: usize| if matches!(ready[far].kind, Some(Kind::Uart { .. })) { unit } else { Duration::ZERO };
        let engine = Engine::new(config.profile, config.seed, unit, [lead(1), lead(0)]);
        let (orders, inbox) = channel();
        let (notes, told) = mpsc::channel(64);
        let (done_tx, done) = watch::channel(false);
        let described = ready.each_ref().map(|r| r.notes.clone());
        let reads = [(); 2].map(|()| Arc::new(Semaphore::new(0)));
        let (mut writes, mut tasks) = (vec![], vec![]);
        for (i, ready) in ready.into_iter().enumerate() {
            let (from_here, to_here) = if i == 0 { (Way::AToB, Way::BToA) } else { (Way::BToA, Way::AToB) };
            let (write, to_write) = mpsc::unbounded_channel(); // bounded by the engine: `most_unwritten`
            writes.push(write);
            let serve = Serve {
                ready,
                settings: config.settings,
                from_here,
                to_here,
                inputs: Inputs(orders.clone()),
                reads: reads[i].clone(),
                writes: to_write,
                notes: notes.clone(),
                chunk: end::chunk(unit),
            };
            tasks.push(tokio::spawn(serve.run()));
        }
        let orders = Orders(orders);
        tasks.extend(socket.map(|s| tokio::spawn(s.serve(orders.clone()))));
        let clock = Clock::new(None, config.speed);
        let thread = Thread { engine, clock, inbox, reads, writes, log, notes, answer: None };
        let spawned = std::thread::Builder::new().name("line".into()).spawn(move || {
            thread.run();
            let _ = done_tx.send(true);
        });
        spawned.map_err(|e| format!("cannot start a thread for the line: {e}"))?;
        Ok(RelayHandle { orders, notes: Some(told), described, done, tasks })
    }
}

impl RelayHandle {
    /// What a person should know of each end: what it is, and what is really in force.
    pub fn described(&self) -> &[Vec<String>; 2] {
        &self.described
    }
    /// Notes while it runs: an end went away, came back; the log ended. They may be left unread.
    pub fn notes(&mut self) -> Option<mpsc::Receiver<String>> {
        self.notes.take()
    }
    /// Gives commands from elsewhere.
    pub fn orders(&self) -> Orders {
        self.orders.clone()
    }
    /// One command line; answers `ok …` or `error …`.
    pub async fn command(&self, line: &str) -> String {
        self.orders.command(line).await
    }
    /// Waits until the relay has ended.
    pub async fn ended(&mut self) {
        let _ = self.done.wait_for(|done| *done).await;
    }
    /// Ends it: the log is written, the links are gone when this returns.
    pub async fn stop(mut self) {
        let _ = self.orders.0.send(Order::Stop);
        self.ended().await;
        for task in self.tasks.drain(..) {
            task.abort();
            let _ = task.await;
        }
    }
}

impl Drop for RelayHandle {
    fn drop(&mut self) {
        let _ = self.orders.0.send(Order::Stop);
        self.tasks.iter().for_each(|t| t.abort());
    }
}

/// The relay's own thread: the engine, its clock and its doors.
struct Thread {
    engine: Engine,
    clock: Clock,
    inbox: Receiver<Order>,
    reads: [Arc<Semaphore>; 2],
    writes: Vec<mpsc::UnboundedSender<Vec<u8>>>,
    log: Option<log::Log>,
    notes: mpsc::Sender<String>,
    answer: Option<oneshot::Sender<String>>,
}

impl Thread {
    fn run(mut self) {
        if self.clock.speed() != Speed::Max {
            punctual::take_place(None);
        }
        let first = self.engine.tick(self.clock.now());
        let mut going = self.obey(first);
        while going {
            let order = match self.inbox.try_recv() {
                Ok(order) => Ok(order),
                Err(_) => {
                    self.flush();
                    match self.engine.deadline() {
                        Some(at) => self.inbox.recv_timeout(self.clock.until(at)),
                        None => self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                    }
                }
            };
            let now = self.clock.now();
            let outputs = match order {
                Ok(Order::Input(input)) => self.engine.handle(now, input),
                Ok(Order::Ask(command, answer)) => {
                    self.answer = Some(answer);
                    self.engine.handle(now, Input::Command(command))
                }
                Err(RecvTimeoutError::Timeout) => self.engine.tick(now),
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            };
            going = self.obey(outputs);
        }
        self.flush();
    }

    /// Carries out; `false` ends the relay.
    fn obey(&mut self, outputs: Vec<Output>) -> bool {
        for output in outputs {
            match output {
                Output::Write(way, bytes) => {
                    let far = 1 - way as usize;
                    let _ = self.writes[far].send(bytes); // an end whose task is gone: the relay is ending
                }
                Output::Read(way) => self.reads[way as usize].add_permits(1),
                Output::Log(entry) => self.log(&entry),
                Output::Answer(text) => {
                    if let Some(answer) = self.answer.take() {
                        let _ = answer.send(text);
                    }
                }
                Output::Stop => return false,
            }
        }
        true
    }

    fn log(&mut self, entry: &Entry) {
        let added = self.log.as_mut().map_or(Ok(()), |log| log.add(entry));
        self.ended_log(added);
    }

    fn flush(&mut self) {
        let flushed = self.log.as_mut().map_or(Ok(()), |log| log.flush());
        self.ended_log(flushed);
    }

    fn ended_log(&mut self, result: Result<(), String>) {
        if let Err(why) = result {
            let _ = self.notes.try_send(why);
        }
    }
}

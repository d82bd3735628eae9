//! A world in memory: stations, circuits and disks under one virtual clock. The same routers and teletypes as live.
//!
//! Standards: none. In: a scenario (or parts put together by a test), a seed. Out: a trace, and every station's journal.
//! Left out: devices, threads, the system's clock. Shown by: `tests/it/world.rs`.

mod codes;
mod machine;
mod play;
mod ports;
mod voice;

use super::keys::SimulatedKeys;
use super::scenario::{Entry, Scenario, When, state_of};
use super::wire::Wire;
use crate::fax::terminal as fax;
use crate::key::reel::Reservation;
use crate::line::driver::Driver;
use crate::line::symbol::Code;
use crate::line::{Circuit, Profile};
use crate::machine::Machine;
use crate::message::{Draft, Identity, Name};
use crate::router::journal::Change;
use crate::router::journal::memory::MemoryJournal;
use crate::router::{self, Event, Query, Router, Stamped, Submitted};
use crate::station::StationConfig;
use crate::teletype::{self, Desk, Terminal};
use crate::time::{Instant, Speed, Utc};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::collections::BTreeMap;
use std::time::Duration;

/// A place on a station: its name and the port's.
pub type End = (Name, String);

/// How slow a station's disk may be to confirm: drawn between these for each batch.
#[derive(Clone, Copy, Debug)]
pub struct Disk {
    /// At the least.
    pub fastest: Duration,
    /// At the most.
    pub slowest: Duration,
}

impl Default for Disk {
    fn default() -> Self {
        Disk { fastest: Duration::from_micros(300), slowest: Duration::from_millis(20) }
    }
}

/// A world: see the file's head.
pub struct World {
    epoch: Utc,
    pub(super) driver: Driver<Happening>,
    pub(super) stations: BTreeMap<Name, Node>,
    pub(super) circuits: BTreeMap<String, Wire>,
    voices: BTreeMap<String, voice::VoiceWire>,
    pub(super) random: Xoshiro256PlusPlus,
    pub(super) disk: Disk,
    trace: Vec<Stamped>,
    timeline: Vec<Entry>,
    /// Identities of the timeline's messages, by their number there.
    sent: BTreeMap<usize, Identity>,
    submissions: BTreeMap<u64, usize>,
    answers: BTreeMap<u64, Submitted>,
    next_token: u64,
    pub(super) next_tape: u32,
    said: Vec<(Instant, String)>,
    papers: BTreeMap<End, machine::Paper>,
}

/// One station: what survives a kill, and what does not.
pub(super) struct Node {
    config: router::Config,
    pub(super) terminals: BTreeMap<String, teletype::Config>,
    /// Ports that are fax machines.
    faxes: BTreeMap<String, voice::Fax>,
    /// What fax ports have on disk, and the bytes of pages and files.
    store: voice::Store,
    pub(super) keys: BTreeMap<String, SimulatedKeys>,
    /// Ports that are machines at a desk.
    pub(super) desks: BTreeMap<String, teletype::desk::Config>,
    /// Messages being handed in there: the router's token, the port, its own.
    pub(super) typing: BTreeMap<u64, (String, u64)>,
    journal: MemoryJournal,
    alive: Option<Alive>,
    /// Counts starts, so that what was under way before a kill is known as such.
    pub(super) life: u64,
    pub(super) disk_busy_until: Instant,
}

struct Alive {
    router: Router,
    ports: BTreeMap<String, AnyPort>,
}

/// A line's terminal, or a machine at a desk.
type Codes = Box<dyn Machine<Input = teletype::Input, Output = teletype::Output> + Send>;

/// A port's machine.
enum AnyPort {
    Codes(Codes),
    Voice(Box<fax::Terminal>),
}

pub(super) enum Happening {
    TickRouter(Name, u64),
    TickPort(End, u64),
    OnDisk { station: Name, life: u64, batch: u64, changes: Vec<Change> },
    Reserved { end: End, life: u64, wanted: Reservation },
    Arrived { circuit: String, way: usize, flight: u64 },
    TickSwitch(String),
    Later { end: End, life: u64, what: voice::Later },
    Gone { from: End, life: u64, circuit: String, way: usize, flight: u64 },
    Typed { end: End, life: u64, flight: u64 },
    Due(usize),
    Test(Box<Draft>),
    Mend(String),
    Script(Box<dyn FnOnce(&mut World) + Send>),
}

impl World {
    /// An empty world that begins at `start`.
    pub fn new(start: Utc, seed: u64) -> World {
        World {
            epoch: start,
            driver: Driver::default(),
            stations: BTreeMap::new(),
            circuits: BTreeMap::new(),
            voices: BTreeMap::new(),
            random: Xoshiro256PlusPlus::seed_from_u64(seed),
            disk: Disk::default(),
            trace: vec![],
            timeline: vec![],
            sent: BTreeMap::new(),
            submissions: BTreeMap::new(),
            answers: BTreeMap::new(),
            next_token: 1,
            next_tape: 100_001,
            said: vec![],
            papers: BTreeMap::new(),
        }
    }

    /// A scenario's stations, circuits and timeline; `seed` in place of its own if given.
    pub fn from_scenario(scenario: &Scenario, seed: Option<u64>) -> Result<World, String> {
        let seed = seed.unwrap_or(scenario.seed);
        let mut world = World::new(scenario.start, seed);
        for (name, keys) in &scenario.stations {
            world.add_station(name, keys)?;
        }
        for (name, plan) in &scenario.circuits {
            world.add_circuit(name, plan.ends.clone(), plan.profile, seed);
        }
        world.timeline = scenario.timeline.clone();
        for (i, entry) in scenario.timeline.iter().enumerate() {
            if let When::At(after) = entry.when {
                world.driver.set(Instant::ZERO + after, Happening::Due(i));
            }
        }
        let names: Vec<Name> = world.stations.keys().cloned().collect();
        names.iter().for_each(|n| world.start(n));
        Ok(world)
    }

    /// Adds a station with the keys of a station file. It is not started yet.
    pub fn add_station(&mut self, name: &Name, keys: &toml::Table) -> Result<(), String> {
        let mut keys = keys.clone();
        keys.insert("station".into(), name.to_string().into());
        let text = toml::to_string(&keys).map_err(|e| e.to_string())?;
        let station = StationConfig::parse(&format!("station {name}"), &text).map_err(|e| e.0)?;
        let (mut ports, mut terminals, mut desks) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (mut unattended, mut faxes) = (BTreeMap::new(), BTreeMap::new());
        for (port, wanted) in station.ports.clone() {
            if wanted.backend == "fax" {
                let (fax, takes) = voice::Fax::read(wanted.keys, &station, &port, self.epoch)?;
                ports.insert(port.clone(), takes);
                faxes.insert(port, fax);
                continue;
            }
            if wanted.backend == "email" {
                return Err(format!("port {port}: mail goes over real connections, so a scenario with it is for a live run"));
            }
            let keys = teletype::keys::Keys::read(wanted.keys).map_err(|e| format!("port {port}: {e}"))?;
            if keys.kind == teletype::keys::Kind::Machine {
                desks.insert(port.clone(), keys.machine(name.as_str(), Speed::REAL, station.place(&port))?);
                unattended.extend(keys.unattended().map(|hours| (port.clone(), hours)));
            }
            ports.insert(port.clone(), keys.takes());
            terminals.insert(port, keys.config(name, Speed::REAL, self.epoch));
        }
        let config = router::Config {
            station: name.clone(),
            epoch: self.epoch,
            speed: Speed::REAL,
            desks: station.desks,
            machines: station.machines,
            unattended,
            outsides: Default::default(),
            ports,
            routes: station.routes,
            retry: station.retry,
            most_waiting: 100_000,
        };
        self.stations.insert(
            name.clone(),
            Node {
                config,
                terminals,
                faxes,
                store: voice::Store::default(),
                keys: BTreeMap::new(),
                desks,
                typing: BTreeMap::new(),
                journal: MemoryJournal::new(),
                alive: None,
                life: 0,
                disk_busy_until: Instant::ZERO,
            },
        );
        Ok(())
    }

    /// Joins two ports by a circuit. Where both are enciphered, a pair of tapes for each way is hung.
    pub fn add_circuit(&mut self, name: &str, ends: [End; 2], profile: Profile, seed: u64) {
        if self.is_voice(&ends[0]) {
            return self.add_voice(name, ends, profile, seed);
        }
        self.circuits.insert(name.to_owned(), Wire::new(ends, &profile, seed));
        self.hang_first_pairs(name, seed);
    }
    /// Sets how slow disks are.
    pub fn set_disk(&mut self, disk: Disk) {
        self.disk = disk;
    }

    // ---- what tests and timelines do ----

    /// The time.
    pub fn now(&self) -> Instant {
        self.driver.now()
    }
    /// Everything that was seen, in order.
    pub fn trace(&self) -> &[Stamped] {
        &self.trace
    }
    /// The trace as it is exported: one JSON object a line.
    pub fn trace_lines(&self) -> String {
        self.trace.iter().map(|e| serde_json::to_string(e).unwrap_or_default() + "\n").collect()
    }
    /// What the timeline said, and when.
    pub fn said(&self) -> &[(Instant, String)] {
        &self.said
    }
    /// What a station has on disk.
    pub fn journal(&self, station: &Name) -> Option<&MemoryJournal> {
        self.stations.get(station).map(|n| &n.journal)
    }
    /// Whether a station runs.
    pub fn runs(&self, station: &Name) -> bool {
        self.stations.get(station).is_some_and(|n| n.alive.is_some())
    }
    /// One way of a circuit: 0 is from its first end.
    pub fn circuit(&mut self, name: &str, way: usize) -> Option<&mut Circuit<Code>> {
        self.circuits.get_mut(name).map(|w| &mut w.ways[way].circuit)
    }
    /// From now on, writes down what is sent on a circuit.
    pub fn record(&mut self, circuit: &str) {
        if let Some(wire) = self.circuits.get_mut(circuit) {
            wire.ways.iter_mut().for_each(|way| way.recorded = Some(vec![]));
        }
    }
    /// What was sent one way since [`World::record`], whatever became of it on the way.
    pub fn recorded(&self, circuit: &str, way: usize) -> &[Code] {
        self.circuits.get(circuit).and_then(|w| w.ways[way].recorded.as_deref()).unwrap_or_default()
    }
    /// Does something to the world at a moment.
    pub fn at(&mut self, at: Instant, script: impl FnOnce(&mut World) + Send + 'static) {
        self.driver.set(at, Happening::Script(Box::new(script)));
    }

    /// Hands a message in at a station; the token names the answer (see [`World::answer`]).
    pub fn submit(&mut self, station: &Name, draft: Draft) -> u64 {
        let token = self.token();
        self.tell_router(station, router::Input::Submit { token, draft, key: None });
        token
    }
    fn token(&mut self) -> u64 {
        self.next_token += 1;
        self.next_token - 1
    }
    /// The answer to a [`World::submit`], once it was given.
    pub fn answer(&self, token: u64) -> Option<&Submitted> {
        self.answers.get(&token)
    }

    /// Starts a station from its journal.
    pub fn start(&mut self, station: &Name) {
        let Some(node) = self.stations.get_mut(station).filter(|n| n.alive.is_none()) else { return };
        node.life += 1;
        let port = |name: &String, config: &teletype::Config| -> AnyPort {
            match node.desks.get(name) {
                Some(desk) => AnyPort::Codes(Box::new(Desk::new(desk.clone()))),
                None => AnyPort::Codes(Box::new(Terminal::new(config.clone()))),
            }
        };
        let mut ports: BTreeMap<String, AnyPort> = node.terminals.iter().map(|(p, c)| (p.clone(), port(p, c))).collect();
        ports.extend(node.faxes.iter().map(|(p, c)| (p.clone(), AnyPort::Voice(Box::new(fax::Terminal::new(c.config.clone()))))));
        node.typing.clear();
        let ends: Vec<End> = ports.keys().map(|port| (station.clone(), port.clone())).collect();
        node.alive = Some(Alive { router: Router::new(node.config.clone()), ports });
        let recovered = node.journal.recover(station);
        ends.iter().for_each(|end| self.show_tapes(end));
        self.tell_router(station, router::Input::Recovered(recovered));
        for end in &ends {
            self.tell_router(station, router::Input::PortReady { port: end.1.clone(), ready: Ok(()) });
            self.switch_on(end);
            self.fit_fax(end);
        }
    }

    /// Kills a station: its memory is gone, and so is what its disk had not confirmed; its codes stop where they are.
    pub fn kill(&mut self, station: &Name) {
        let Some(node) = self.stations.get_mut(station) else { return };
        node.alive = None;
        node.life += 1;
        let faxes: Vec<End> = node.faxes.keys().map(|port| (station.clone(), port.clone())).collect();
        let machines: Vec<End> = node.desks.keys().map(|port| (station.clone(), port.clone())).collect();
        for end in &machines {
            self.cut_print(end);
        }
        faxes.iter().for_each(|end| self.fax_away(end));
        let now = self.now();
        for wire in self.circuits.values_mut() {
            for (i, way) in wire.ways.iter_mut().enumerate() {
                if wire.ends[i].0 == *station {
                    way.stop_after(now);
                }
            }
        }
    }

    // ---- running ----

    /// Runs until nothing is left to happen before `until`, or `done` says so. Returns whether `done` did.
    pub fn run(&mut self, until: Instant, mut done: impl FnMut(&World) -> bool) -> bool {
        loop {
            if done(self) {
                return true;
            }
            match self.driver.upcoming() {
                Some(at) if at <= until => {
                    if let Some(happening) = self.driver.step() {
                        self.happen(happening);
                    }
                }
                _ => {
                    self.driver.pass_to(until);
                    return false;
                }
            }
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::TickRouter(station, life) => self.tick_router(&station, life),
            Happening::TickPort(end, life) => self.tick_port(&end, life),
            Happening::OnDisk { station, life, batch, changes } => self.on_disk(&station, life, batch, changes),
            Happening::Reserved { end, life, wanted } => self.reserved(&end, life, wanted),
            Happening::Arrived { circuit, way, flight } => self.arrived(&circuit, way, flight),
            Happening::Gone { from, life, circuit, way, flight } => self.gone(&from, life, (&circuit, way, flight)),
            Happening::TickSwitch(circuit) => self.tick_switch(&circuit),
            Happening::Later { end, life, what } => self.later(&end, life, what),
            Happening::Typed { end, life, flight } => self.typed(&end, life, flight),
            Happening::Due(i) => self.due(i),
            Happening::Test(draft) => self.hand_in(*draft),
            Happening::Mend(circuit) => self.mend(&circuit),
            Happening::Script(script) => script(self),
        }
    }

    // ---- routers and disks ----

    fn tell_router(&mut self, station: &Name, input: router::Input) {
        let now = self.now();
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let Some(alive) = self.stations.get_mut(station).and_then(|n| n.alive.as_mut()) else { return };
            let outputs = alive.router.handle(now, input);
            outputs.into_iter().for_each(|o| self.router_says(station, o, &mut inputs));
        }
        self.set_router_tick(station);
    }

    fn tick_router(&mut self, station: &Name, life: u64) {
        let now = self.now();
        let Some(node) = self.stations.get_mut(station).filter(|n| n.life == life) else { return };
        let Some(alive) = node.alive.as_mut().filter(|a| a.router.deadline().is_some_and(|d| d <= now)) else { return };
        let outputs = alive.router.tick(now);
        let mut inputs = vec![];
        outputs.into_iter().for_each(|o| self.router_says(station, o, &mut inputs));
        inputs.into_iter().for_each(|i| self.tell_router(station, i));
        self.set_router_tick(station);
    }

    fn set_router_tick(&mut self, station: &Name) {
        let Some(node) = self.stations.get(station) else { return };
        if let Some(at) = node.alive.as_ref().and_then(|a| a.router.deadline()) {
            self.driver.set(at, Happening::TickRouter(station.clone(), node.life));
        }
    }

    fn router_says(&mut self, station: &Name, output: router::Output, inputs: &mut Vec<router::Input>) {
        let Some(node) = self.stations.get_mut(station) else { return };
        match output {
            router::Output::Persist { batch, changes } => {
                let life = node.life;
                let at = self.on_disk_at(station);
                self.driver.set(at, Happening::OnDisk { station: station.clone(), life, batch, changes });
            }
            router::Output::Lookup { token, query } => {
                let found = match query {
                    Query::Identity(id) => node.journal.find(&id).map(|r| r.id),
                    Query::Key(key) => node.journal.find_key(&key),
                };
                inputs.insert(0, router::Input::Found { token, found });
            }
            router::Output::Recall(id) => {
                let row = node.journal.find(&id);
                inputs.insert(0, router::Input::Recalled { id, row });
            }
            router::Output::Load(id) => {
                let message = node.journal.load(&id).ok_or_else(|| format!("the journal has no content for {id}"));
                inputs.insert(0, router::Input::Loaded { id, message });
            }
            router::Output::Order { port, order } => self.order(&(station.clone(), port), order),
            router::Output::Answer { token, submitted } => {
                if let Some((port, token)) = node.typing.remove(&token) {
                    return self.handed_in(&(station.clone(), port), token, submitted);
                }
                if let (Some(number), Submitted::Accepted(id)) = (self.submissions.remove(&token), &submitted) {
                    self.sent.insert(number, id.clone());
                    self.follow(&id.clone(), "accepted");
                }
                self.answers.insert(token, submitted);
            }
            router::Output::Verdict { token, verdict } => self.verdict(station, token, verdict),
            router::Output::Paper(_) => {} // the journal is the paper's source; a world has no desks
        }
    }

    /// When what is written now is confirmed. A disk confirms in order: each write after the one before it.
    pub(super) fn on_disk_at(&mut self, station: &Name) -> Instant {
        let spread = (self.disk.slowest - self.disk.fastest).as_micros() as u64 + 1;
        let at = self.now() + self.disk.fastest + Duration::from_micros(self.random.next_u64() % spread);
        let Some(node) = self.stations.get_mut(station) else { return at };
        node.disk_busy_until = at.max(node.disk_busy_until);
        node.disk_busy_until
    }

    fn on_disk(&mut self, station: &Name, life: u64, batch: u64, changes: Vec<Change>) {
        let Some(node) = self.stations.get_mut(station).filter(|n| n.life == life) else { return };
        let events: Vec<Stamped> = changes
            .iter()
            .filter_map(|c| match c {
                Change::Event(e) => Some(e.clone()),
                Change::New { .. } | Change::Moved { .. } | Change::Channel { .. } => None,
            })
            .collect();
        if let Err(e) = node.journal.apply(changes) {
            // A batch that does not apply is a bug of the router; the trace says so and the checks fail on it.
            self.note(station, format!("journal: {e}"));
            return;
        }
        for event in events {
            self.saw(event);
        }
        self.tell_router(station, router::Input::Persisted(batch));
    }

    fn note(&mut self, station: &Name, text: String) {
        let now = self.now();
        let utc = self.epoch.plus(now.since(Instant::ZERO));
        let event = Event::Note { text };
        self.trace.push(Stamped { t: now.micros(), utc, station: station.clone(), port: None, id: None, event });
    }

    fn saw(&mut self, event: Stamped) {
        let reached = state_of(&event.event);
        if let (Some(id), "sent" | "confirmed" | "filed" | "returned") = (event.id.clone(), reached) {
            // What the sender knows counts: the receipt comes last.
            if event.station == id.station {
                self.follow(&id, reached);
            }
        }
        self.trace.push(event);
    }
}

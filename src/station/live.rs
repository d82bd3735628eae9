//! A scenario run for real: its stations in this process, its circuits as relays and exchanges, its timeline on the clock.
//!
//! Standards: none. In: a scenario, a speed, a folder. Out: events as they happen; papers, journals and the trace in the folder.
//! Left out: telling it (see `cli::narrate`); virtual time (see `history::world`). Shown by: `molink demo`.

use super::live_circuits::{Joined, Listeners, Stage, Voices, fax_ports, mail_ports};
use super::live_mail::Tapped;
use super::{Running, Station, StationConfig, StationError};
use crate::console::Submitted;
use crate::fax::backend_exchange::Exchange;
use crate::history::Scenario;
use crate::history::exhibit::{self, Exhibit};
use crate::history::scenario::{Act, CircuitPlan, Entry, Medium, When, state_of};
use crate::key::{self, backend_disk};
use crate::message::{Draft, Envelope, Identity, Message, Name, Part};
use crate::router::event::Stamped;
use crate::router::journal::reader::Reader;
use crate::router::{Event, EventSink};
use crate::time::{Clock, Instant, Speed, Utc};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

/// Where a run's key tapes lie in its folder.
pub const KEYS: &str = "keys";
/// How often it is told that time has passed.
const MOMENT: Duration = Duration::from_millis(40);
/// Characters of a scenario's key tapes: 100 minutes of a line of 50 Bd.
const TAPE: u64 = 40_000;
/// Octets of a scenario's key diskettes: half an hour of pages at 4800 bit/s.
const DISKETTE: u64 = 1_000_000;

/// What an audience is told.
#[derive(Clone, Debug)]
pub enum Told {
    /// Something happened.
    Event(Stamped),
    /// The scenario says something.
    Say(String),
    /// Something went by a mail circuit.
    Tapped(Tapped),
    /// A message that came by mail is at its desk: as the journal there has it.
    Read(Name, Box<Message>),
    /// Nothing: a moment has passed, for who shows time.
    Moment,
}

/// A scenario on its stage.
pub struct Live {
    clock: Clock,
    /// When the story begins; at full speed its clock is set to the first test of the hour, which it would not get as far as.
    start: Utc,
    timeline: Vec<Item>,
    configs: BTreeMap<Name, StationConfig>,
    stations: BTreeMap<Name, Running>,
    circuits: BTreeMap<String, Joined>,
    voices: Voices,
    listeners: Listeners,
    heard: mpsc::UnboundedReceiver<Told>,
    observer: Arc<Observer>,
    /// Hourly tests to come, the next one first.
    tests: VecDeque<(Instant, Draft)>,
    messages: Vec<Sent>,
    lines: PathBuf,
}

/// One entry, and how far it has come.
struct Item {
    entry: Entry,
    due: Option<Instant>,
    done: bool,
}

/// What is to be done next.
enum Step {
    Entry(usize),
    Test,
}

/// One message of the timeline.
struct Sent {
    /// Its number, if entries can hang on it: hourly tests have none.
    number: Option<usize>,
    id: Identity,
    to: Name,
    /// On paper at its desk.
    printed: bool,
    /// It came there by mail.
    mailed: bool,
    /// Its sender knows it filed.
    filed: bool,
    returned: bool,
}

impl Sent {
    /// Nothing more is to be heard of it.
    fn ended(&self) -> bool {
        self.returned || (self.printed && self.filed)
    }
}

struct Observer(mpsc::UnboundedSender<Told>, Vec<Arc<dyn EventSink>>);

impl EventSink for Observer {
    fn take(&self, event: Stamped) {
        self.1.iter().for_each(|also| also.take(event.clone()));
        let _ = self.0.send(Told::Event(event));
    }
}

impl Live {
    /// Builds the stage in `out`: a folder a station, the circuits' ptys in `out/lines` while it runs.
    pub async fn start(scenario: &Scenario, speed: Speed, out: &Path) -> Result<Live, StationError> {
        Live::start_observed(scenario, speed, out, vec![]).await
    }
    /// The same; these see every event where it happens, before its port goes on.
    pub async fn start_observed(
        scenario: &Scenario,
        speed: Speed,
        out: &Path,
        also: Vec<Arc<dyn EventSink>>,
    ) -> Result<Live, StationError> {
        // Events of one story at the speed of a line; whoever performs drains them as they come.
        let (events, heard) = mpsc::unbounded_channel();
        let observer = Arc::new(Observer(events.clone(), also));
        let timeline = scenario.timeline.iter().map(|entry| Item { entry: entry.clone(), due: None, done: false }).collect();
        let mut live = Live {
            clock: Clock::new(Some(scenario.start.plus(if speed == Speed::Max { first_test(scenario) } else { Duration::ZERO })), speed),
            start: scenario.start,
            timeline,
            configs: BTreeMap::new(),
            stations: BTreeMap::new(),
            circuits: BTreeMap::new(),
            voices: Voices::new(),
            listeners: Listeners::new(),
            heard,
            observer,
            tests: VecDeque::new(),
            messages: vec![],
            lines: out.join("lines"),
        };
        let folder = |e| StationError(format!("`{}` cannot be made: {e}; give another folder with --out", live.lines.display()));
        std::fs::create_dir_all(&live.lines).map_err(folder)?;
        for (name, plan) in &scenario.circuits {
            if plan.ends.iter().all(|end| port(&scenario.stations, end).is_some_and(|p| p.contains_key("keys"))) {
                hang_tapes(&keys_of(out, name), plan, scenario.start)?;
            }
            let lines = [0, 1].map(|i| live.end_path(name, &plan.ends[i].0));
            let stage = Stage { lines, keys: &keys_of(out, name), seed: scenario.seed, clock: live.clock.clone(), tap: events.clone() };
            let joined = Joined::start(name, plan, stage).await?;
            if let Some(exchange) = joined.exchange() {
                live.voices.extend([0, 1].map(|end| (plan.ends[end].clone(), (exchange.clone(), end))));
            }
            if let Some(mail) = joined.mail() {
                live.listeners.extend([0, 1].map(|end| (plan.ends[end].clone(), mail.ends[end].listener.clone())));
            }
            live.circuits.insert(name.clone(), joined);
        }
        for (name, keys) in &scenario.stations {
            let config = live.config(name, keys, scenario, speed, out)?;
            live.configs.insert(name.clone(), config);
            live.start_station(name).await?;
        }
        Ok(live)
    }

    /// The exchange of a voice circuit.
    pub fn exchange(&self, circuit: &str) -> Option<Exchange> {
        self.circuits.get(circuit)?.exchange().cloned()
    }

    fn end_path(&self, circuit: &str, station: &Name) -> PathBuf {
        self.lines.join(format!("{circuit}-{station}"))
    }

    fn config(
        &self,
        name: &Name,
        keys: &toml::Table,
        scenario: &Scenario,
        speed: Speed,
        out: &Path,
    ) -> Result<StationConfig, StationError> {
        let mut keys = keys.clone();
        keys.insert("station".into(), name.to_string().into());
        keys.insert("listen".into(), "off".into());
        for (circuit, plan) in &scenario.circuits {
            for (end, (_, port)) in plan.ends.iter().enumerate().filter(|(_, (station, _))| station == name) {
                let table = keys.get_mut("port").and_then(|p| p.get_mut(port)).and_then(|t| t.as_table_mut());
                if let Some(table) = table {
                    if let Some(line) = self.line(circuit, name, end) {
                        table.insert("line".into(), line.into());
                    }
                    if let Some(keys) = table.get_mut("keys") {
                        *keys = keys_of(out, circuit).join(name.as_str()).display().to_string().into();
                    }
                }
            }
        }
        let text = toml::to_string(&keys).map_err(|e| StationError(e.to_string()))?;
        let mut config = StationConfig::parse(&format!("station {name}"), &text)?;
        config.data = out.join(name.as_str());
        config.start = Some(scenario.start);
        config.speed = speed;
        Ok(config)
    }

    /// The key `line` of a port at one end of a circuit; a fax port on a voice circuit needs none.
    fn line(&self, circuit: &str, station: &Name, end: usize) -> Option<toml::Table> {
        let text = |key: &str, value: String| (key.to_owned(), value.into());
        match self.circuits.get(circuit)? {
            Joined::Voice(_) => None,
            Joined::Codes(_) => Some([text("pty", self.end_path(circuit, station).display().to_string())].into_iter().collect()),
            Joined::Mail(mail) => {
                let end = &mail.ends[end];
                let listen = end.listener.local_addr().ok()?.to_string();
                let (smtp, tls) = (end.door.to_string(), end.tls.display().to_string());
                Some([text("smtp", smtp), text("listen", listen), text("tls", tls)].into_iter().collect())
            }
        }
    }

    async fn start_station(&mut self, name: &Name) -> Result<(), StationError> {
        let Some(config) = self.configs.get(name) else { return Ok(()) };
        let mut config = config.clone();
        config.start = Some(self.clock.utc(self.clock.now()));
        let mail = mail_ports(self.listeners.clone());
        let builder = Station::builder().observe(self.observer.clone()).backend("fax", fax_ports(self.voices.clone()));
        let builder = builder.backend("email", move |port, station, keys| mail(port, station, keys));
        let running = builder.start(config).await?;
        self.stations.insert(name.clone(), running);
        Ok(())
    }

    /// Plays the timeline to its end. Returns whether every message was filed.
    pub async fn perform(&mut self, mut tell: impl FnMut(Told) -> std::io::Result<()>) -> Result<bool, StationError> {
        self.clock = Clock::new(Some(self.clock.epoch()), self.clock.speed());
        for item in &mut self.timeline {
            if let When::At(after) = item.entry.when {
                item.due = Some(Instant::ZERO + after);
            }
        }
        let mut moments = tokio::time::interval(MOMENT);
        moments.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let lost = |e: std::io::Error| StationError(format!("the story cannot be told: {e}"));
        loop {
            while let Some(step) = self.ready() {
                if let Some(text) = self.step(step).await? {
                    tell(Told::Say(text)).map_err(lost)?;
                }
            }
            if self.timeline.iter().all(|i| i.done) && self.tests.is_empty() && self.messages.iter().all(Sent::ended) {
                return Ok(self.messages.iter().all(|m| m.filed));
            }
            let next = self.upcoming().map(|(at, _)| at);
            let wait = async {
                match next {
                    Some(at) if self.clock.speed() != Speed::Max => tokio::time::sleep(self.clock.until(at)).await,
                    Some(_) | None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = moments.tick() => tell(Told::Moment).map_err(lost)?,
                Some(heard) = self.heard.recv() => {
                    tell(heard.clone()).map_err(lost)?;
                    if let Told::Event(event) = heard {
                        self.follow(&event);
                        if let Some(read) = self.read(&event).await {
                            tell(read).map_err(lost)?;
                        }
                    }
                }
                () = wait => {}
            }
        }
    }

    /// What comes next of all that has its time.
    fn upcoming(&self) -> Option<(Instant, Step)> {
        let entries = self.timeline.iter().enumerate().filter(|(_, item)| !item.done);
        let entries = entries.filter_map(|(i, item)| Some((item.due?, Step::Entry(i))));
        let tests = self.tests.front().map(|(at, _)| (*at, Step::Test));
        entries.chain(tests).min_by_key(|(at, _)| *at)
    }

    /// What is due. At full speed that is what comes next, as soon as nothing earlier is unfinished.
    fn ready(&self) -> Option<Step> {
        let full = self.clock.speed() == Speed::Max && self.messages.iter().all(Sent::ended);
        let now = self.clock.now();
        self.upcoming().filter(|(at, _)| full || *at <= now).map(|(_, step)| step)
    }

    /// Does it; gives what the audience is to be told.
    async fn step(&mut self, step: Step) -> Result<Option<String>, StationError> {
        match step {
            Step::Test => {
                if let Some((_, draft)) = self.tests.pop_front() {
                    self.hand_in(None, draft).await?;
                }
                Ok(None)
            }
            Step::Entry(i) => {
                self.timeline[i].done = true;
                self.act(i).await
            }
        }
    }

    fn follow(&mut self, event: &Stamped) {
        let Some(id) = &event.id else { return };
        let Some(message) = self.messages.iter_mut().find(|m| m.id == *id) else { return };
        let number = message.number;
        match &event.event {
            Event::Filed { .. } if event.station == id.station => message.filed = true,
            Event::Filed { .. } if event.station == message.to => {
                let end = event.port.as_ref().map(|port| (event.station.clone(), port.clone()));
                message.mailed = end.is_some_and(|end| self.listeners.contains_key(&end));
            }
            Event::Printed if event.station == message.to => message.printed = true,
            Event::Returned { .. } => message.returned = true,
            _ => {} // the other events change nothing here
        }
        // `filed` counts where the receipt is known too: the sender's word comes last. What hangs on it answers what was read: it
        // waits until the message is at its desk, and was told there.
        let (filed, at_desk) = (message.filed, message.printed);
        let here = event.station == id.station;
        let reached = state_of(&event.event);
        let now = self.clock.now();
        for item in self.timeline.iter_mut().filter(|i| !i.done && i.due.is_none()) {
            let When::After { state, message, pause } = &item.entry.when else { continue };
            let has = match state.as_str() {
                "filed" => filed && at_desk,
                state => here && state == reached,
            };
            if has && Some(*message) == number {
                item.due = Some(if self.clock.speed() == Speed::Max { now } else { now + *pause });
            }
        }
    }

    /// A message that came by mail, once it is at its desk, as the journal there has it.
    async fn read(&self, event: &Stamped) -> Option<Told> {
        let (id, station) = (event.id.clone()?, event.station.clone());
        let mailed = self.messages.iter().any(|m| m.id == id && m.mailed && m.to == station);
        if !mailed || event.event != Event::Printed {
            return None;
        }
        let journal = self.configs.get(&station)?.data.join("journal.sqlite");
        let read = move || Reader::open(&journal).ok()?.load(&id).ok()?;
        let message = tokio::task::spawn_blocking(read).await.ok()??;
        Some(Told::Read(station, Box::new(message)))
    }

    /// Carries out an entry; gives what the audience is to be told.
    async fn act(&mut self, index: usize) -> Result<Option<String>, StationError> {
        let Item { entry, due, .. } = &self.timeline[index];
        let begins = due.unwrap_or(Instant::ZERO);
        match entry.act.clone() {
            Act::Send { from, to, precedence, class, subject, text, files } => {
                let number = self.timeline[..=index].iter().filter(|i| matches!(i.entry.act, Act::Send { .. })).count();
                let content = self.content(&from.station, text, files).await.map_err(|why| StationError(format!("timeline: {why}")))?;
                let envelope = Envelope { from, to, precedence, class, subject, via: vec![], post: None };
                self.hand_in(Some(number), Draft { envelope, content }).await?;
            }
            Act::Hourly(hourly) => {
                let from = self.start.plus(begins.since(Instant::ZERO));
                let planned = hourly.tests(from).into_iter().map(|t| (begins + t.after, t.draft));
                self.tests.extend(planned);
                self.tests.make_contiguous().sort_by_key(|(at, _)| *at);
            }
            Act::Cut { circuit, lasts, octets } => {
                let lasts = lasts.map(|d: Duration| format!(" {}ms", d.as_millis())).unwrap_or_default();
                let octets = octets.map(|octets| format!(" after {octets}")).unwrap_or_default();
                self.command(&circuit, format!("cut{octets}{lasts}")).await?;
            }
            Act::Restore { circuit } => self.command(&circuit, "restore".into()).await?,
            Act::Reroute { circuit, profile, text } => {
                self.command(&circuit, format!("profile {}", profile.name)).await?;
                return Ok(text);
            }
            Act::Noise { circuit, level } => self.command(&circuit, format!("noise {level}")).await?,
            Act::Kill(station) => {
                if let Some(running) = self.stations.remove(&station) {
                    running.stop().await?;
                }
            }
            Act::Start(station) => self.start_station(&station).await?,
            Act::Say(text) => return Ok(Some(text)),
        }
        Ok(None)
    }

    /// Hands a message in at its sender's station.
    async fn hand_in(&mut self, number: Option<usize>, draft: Draft) -> Result<(), StationError> {
        let (from, to) = (draft.envelope.from.station.clone(), draft.envelope.to.station.clone());
        let Some(running) = self.stations.get(&from) else {
            return Err(StationError(format!("timeline: the station `{from}` does not run")));
        };
        match running.submit(draft, None).await {
            Submitted::Accepted(id) | Submitted::Known(id) => {
                self.messages.push(Sent { number, id, to, printed: false, mailed: false, filed: false, returned: false });
                Ok(())
            }
            Submitted::Unknown(why) | Submitted::Refused(why) | Submitted::Stuck(why) => {
                let what = number.map_or("hourly test".to_owned(), |n| format!("message {n}"));
                Err(StationError(format!("timeline: {what}: {why}")))
            }
        }
    }

    /// The parts of a message; its files are kept at its station first, off this thread.
    async fn content(&self, station: &Name, text: String, files: Vec<Exhibit>) -> Result<Vec<Part>, String> {
        let contents = self.configs.get(station).map(|config| config.place("").contents());
        let contents = contents.ok_or_else(|| format!("there is no station `{station}`"))?;
        let keep = move || exhibit::parts(&text, &files, |(name, media_type, bytes)| contents.keep(&name, media_type, &bytes));
        tokio::task::spawn_blocking(keep).await.map_err(|_| "the files cannot be kept (a bug)".to_owned())?
    }

    async fn command(&self, circuit: &str, command: String) -> Result<(), StationError> {
        let joined = self.circuits.get(circuit).ok_or_else(|| StationError(format!("timeline: there is no circuit `{circuit}`")))?;
        let answer = joined.command(&command).await;
        if answer.starts_with("error") { Err(StationError(format!("timeline: `{command}` to {circuit}: {answer}"))) } else { Ok(()) }
    }

    /// Ends it in order; what is heard meanwhile is told too.
    pub async fn stop(mut self, mut tell: impl FnMut(Told)) -> Result<(), StationError> {
        for (_, running) in std::mem::take(&mut self.stations) {
            running.stop().await?;
        }
        self.voices.clear();
        for (_, joined) in std::mem::take(&mut self.circuits) {
            joined.stop().await;
        }
        while let Ok(heard) = self.heard.try_recv() {
            tell(heard);
        }
        let _ = std::fs::remove_dir(&self.lines);
        Ok(())
    }
}

/// How long after its beginning a story's first test of the hour is handed in, if its time is known then.
fn first_test(scenario: &Scenario) -> Duration {
    let first = |entry: &Entry| match (&entry.when, &entry.act) {
        (When::At(after), Act::Hourly(hourly)) => hourly.tests(scenario.start.plus(*after)).first().map(|test| *after + test.after),
        _ => None, // another act
    };
    scenario.timeline.iter().filter_map(first).min().unwrap_or_default()
}

fn port<'a>(stations: &'a BTreeMap<Name, toml::Table>, (station, port): &(Name, String)) -> Option<&'a toml::Table> {
    stations.get(station)?.get("port")?.get(port)?.as_table()
}

/// Where a circuit's key tapes lie: a folder for each station.
fn keys_of(out: &Path, circuit: &str) -> PathBuf {
    out.join(KEYS).join(circuit)
}

/// Makes a pair of key tapes, or diskettes, for each way of a circuit, and hangs the copies at its ends. A live run never uses a replay's tapes.
fn hang_tapes(keys: &Path, plan: &CircuitPlan, utc: Utc) -> Result<(), StationError> {
    let ([(one, _), (other, _)], voice) = (&plan.ends, plan.medium == Medium::Voice);
    for (from, to) in [(one, other), (other, one)] {
        let order = backend_disk::Order {
            medium: if voice { key::Medium::Diskette } else { key::Medium::Tape },
            name: format!("{from}-1"),
            characters: if voice { DISKETTE } else { TAPE },
            from: from.clone(),
            to: to.clone(),
            utc,
        };
        backend_disk::make(&order, keys, &mut |_| true).map_err(StationError)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALONE: &str = r#"
title = "one desk"
start = "2008-08-30T14:00:00Z"
[station.washington]
number = 1
desk.duty = {}
[[timeline]]
at = "+0s"
do = "send"
from = "duty@washington"
to = "duty@moscow"
text = "x"
[[timeline]]
after = "filed 1"
do = "say"
text = "It is there."
[[timeline]]
after = "delayed 1"
do = "say"
text = "It was late."
"#;

    #[test]
    fn at_full_speed_the_clock_begins_at_the_first_test_of_the_hour() {
        let story = |name: &str, text: &str| first_test(&Scenario::parse(name, text).unwrap());
        assert_eq!(story("2008.toml", include_str!("../../fixtures/scenarios/2008.toml")), Duration::from_secs(10));
        assert_eq!(story("alone.toml", ALONE), Duration::ZERO, "no test");
    }

    #[tokio::test]
    async fn what_hangs_on_a_filed_message_waits_until_it_is_at_its_desk_whichever_word_comes_first() {
        let (washington, moscow): (Name, Name) = ("washington".parse().unwrap(), "moscow".parse().unwrap());
        let scenario = Scenario::parse("alone.toml", ALONE).unwrap();
        let id: Identity = "WASHINGTON-0001-20080830T1400Z".parse().unwrap();
        let happens = |at: &Name, event| Stamped { t: 0, utc: Utc(0), station: at.clone(), port: None, id: Some(id.clone()), event };
        let filed = |at: &Name| happens(at, Event::Filed { at: moscow.clone(), receipt: String::new() });
        let (known, printed) = (filed(&washington), happens(&moscow, Event::Printed));
        for words in [[&known, &printed], [&printed, &known]] {
            let out = tempfile::tempdir().unwrap();
            let mut live = Live::start(&scenario, Speed::Max, out.path()).await.unwrap();
            let sent =
                Sent { number: Some(1), id: id.clone(), to: moscow.clone(), printed: false, mailed: false, filed: false, returned: false };
            live.messages.push(sent);
            let due = |live: &Live| live.timeline.iter().skip(1).map(|item| item.due.is_some()).collect::<Vec<_>>();
            live.follow(&filed(&moscow));
            live.follow(&happens(&washington, Event::Delayed { reason: "x".into(), retry: Utc(0) }));
            assert_eq!(due(&live), [false, true], "only what hangs on the delay");
            live.follow(words[0]);
            assert_eq!(due(&live), [false, true], "half of it has been told");
            live.follow(words[1]);
            assert_eq!(due(&live), [true, true]);
            live.stop(|_| ()).await.unwrap();
        }
    }
}

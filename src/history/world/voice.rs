//! Fax ports of a world, the voice circuits between them, and what they have on disk.
//!
//! Standards: none. In: what routers and circuits say to a port. Out: orders to its modem; what the port says to its router.
//! A port draws texts and fax pages; the files of a scenario that are pictures or PDFs are for a live run. The circuit and who is on it are
//! `fax::switch`, as live. Left out: the fax itself (`fax::terminal`). Shown by: `tests/it/satellites.rs`.

use super::{AnyPort, End, Happening, Node, World};
use crate::fax::code::Damage;
use crate::fax::composing::{Composing, fax_pages};
use crate::fax::file::PageAbout;
use crate::fax::keys::Keys;
use crate::fax::modem::Heard;
use crate::fax::pages::{Look, file_of};
use crate::fax::spool::Entry;
use crate::fax::switch::{self, Switch, Told};
use crate::fax::t30::Received;
use crate::fax::terminal as fax;
use crate::history::exhibit::Content;
use crate::line::Profile;
use crate::machine::Machine;
use crate::message::{Blob, Identity, Message, Name, Part, Takes};
use crate::paper::Page;
use crate::router::{self, Fault, Outcome, Reason};
use crate::station::StationConfig;
use crate::time::{Instant, Speed, Utc};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A voice circuit, and the ports at its ends.
pub(super) struct VoiceWire {
    ends: [End; 2],
    switch: Switch,
    /// When it is looked after next.
    set_for: Option<Instant>,
}

/// What fax ports of a station have on disk: it outlives a kill.
#[derive(Default)]
pub(super) struct Store {
    contents: BTreeMap<String, Arc<[u8]>>,
    spool: BTreeMap<String, Spooled>,
    /// Pages that a far end has confirmed.
    confirmed: BTreeMap<Identity, usize>,
}

struct Spooled {
    entry: Entry,
    pages: BTreeMap<usize, (Page, Damage)>,
}

/// What is on disk a little later, if the station lives then.
pub(in crate::history) enum Later {
    Drawn(fax::Input),
    Spooled(Entry, usize, Box<Received>),
    Noted(Entry),
    Discarded(String),
    Confirmed(Identity, usize),
    Forgotten(Identity),
}

/// A fax port as the world has it.
pub(super) struct Fax {
    pub(super) config: fax::Config,
    look: Look,
    enciphered: bool,
}

impl Fax {
    /// What a station file's keys say, and what it takes.
    pub(super) fn read(keys: toml::Table, station: &StationConfig, port: &str, epoch: Utc) -> Result<(Fax, Takes), String> {
        let keys = Keys::read(keys).map_err(|e| format!("port {port}: {e}"))?;
        let config = keys.config(&station.station, station.place(port), Speed::REAL, epoch).map_err(|e| format!("port {port}: {e}"))?;
        let config = fax::Config { port: port.to_owned(), ..config };
        Ok((Fax { config, look: keys.look()?, enciphered: keys.keys.is_some() }, keys.takes()))
    }
}

impl Store {
    fn keep(&mut self, (name, media_type, bytes): Content) -> Blob {
        let sha256: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        let blob = Blob { sha256: sha256.clone(), name, media_type: media_type.into(), size: bytes.len() as u64 };
        self.contents.insert(sha256, bytes.into());
        blob
    }
    fn entries(&self) -> Vec<Entry> {
        self.spool.values().map(|s| Entry { pages: s.pages.len(), ..s.entry.clone() }).collect()
    }
    /// An entry's pages as a content.
    fn paged(&mut self, entry: &Entry) -> Result<Vec<Part>, String> {
        let spooled = self.spool.get(&entry.name).ok_or_else(|| format!("`{}` is not in the spool", entry.name))?;
        let name = format!("{}.tif", entry.name);
        let pages = spooled.pages.values().map(|(page, damage)| (page, *damage));
        let bytes = file_of(pages, &PageAbout { name: Some(name.clone()), ..PageAbout::default() })?;
        Ok(vec![Part::Page(self.keep((name, "image/tiff", bytes)))])
    }
    /// A message as pages.
    fn draw(&self, message: &Message, station: &Name, look: &Look) -> Result<Vec<Arc<Page>>, String> {
        let mut composing = Composing::new(message, look);
        for part in &message.content {
            match part {
                Part::Text { text } => composing.text(text)?,
                Part::Page(blob) => {
                    let bytes = self.contents.get(&blob.sha256).ok_or_else(|| format!("the content of `{}` is not here", blob.name))?;
                    composing.fax_pages(&blob.name, bytes, message.identity.station == *station)?;
                }
                Part::File(blob) if composing.names() => {
                    let mark = composing.mark();
                    composing.leave_out(blob, "it has no pages", &mark);
                }
                Part::File(blob) => return Err(format!("`{}` has no pages", blob.name)),
            }
        }
        Ok(composing.done()?.pages)
    }
}

impl World {
    /// The bytes of a file, at a station; its name there.
    pub(super) fn keep(&mut self, station: &Name, content: Content) -> Result<Blob, String> {
        let node = self.stations.get_mut(station).ok_or_else(|| format!("there is no station `{station}`"))?;
        Ok(node.store.keep(content))
    }
    /// The fax pages of a file that a station has filed.
    pub fn fax_pages(&self, station: &Name, blob: &Blob) -> Vec<Page> {
        let bytes = self.stations.get(station).and_then(|node| node.store.contents.get(&blob.sha256));
        bytes.map_or_else(Vec::new, |bytes| fax_pages(bytes).unwrap_or_default())
    }
    /// A voice circuit, for what a test plans there.
    pub fn voice(&mut self, name: &str) -> Option<&mut Switch> {
        self.voices.get_mut(name).map(|wire| &mut wire.switch)
    }

    pub(super) fn add_voice(&mut self, name: &str, ends: [End; 2], profile: Profile, seed: u64) {
        let switch = Switch::new(format!("circuit {name}"), profile, seed, Speed::REAL);
        self.voices.insert(name.to_owned(), VoiceWire { ends, switch, set_for: None });
        self.hang_first_pairs(name, seed);
    }
    /// Does something to a voice circuit; `false` if it is none.
    pub(super) fn command_voice(&mut self, circuit: &str, command: switch::Command) -> bool {
        let there = self.voices.contains_key(circuit);
        if there {
            self.tell_switch(circuit, switch::Input::Command(command));
        }
        there
    }

    // ---- circuits ----

    /// The ports at the ends of a circuit.
    pub(in crate::history) fn ends_of(&self, circuit: &str) -> Option<[End; 2]> {
        let codes = self.circuits.get(circuit).map(|wire| wire.ends.clone());
        codes.or_else(|| self.voices.get(circuit).map(|wire| wire.ends.clone()))
    }

    fn voice_of(&self, end: &End) -> Option<(String, usize)> {
        self.voices.iter().find_map(|(name, w)| w.ends.iter().position(|e| e == end).map(|i| (name.clone(), i)))
    }
    fn tell_switch(&mut self, circuit: &str, input: switch::Input) {
        let now = self.now();
        let Some(wire) = self.voices.get_mut(circuit) else { return };
        let said = wire.switch.handle(now, input);
        self.switch_says(circuit, said);
    }
    pub(super) fn tick_switch(&mut self, circuit: &str) {
        let now = self.now();
        if let Some(wire) = self.voices.get_mut(circuit) {
            wire.set_for = wire.set_for.filter(|at| *at > now);
        }
        while let Some(wire) = self.voices.get_mut(circuit).filter(|w| w.switch.deadline().is_some_and(|at| at <= now)) {
            let said = wire.switch.tick(now);
            self.switch_says(circuit, said);
        }
        self.switch_says(circuit, vec![]);
    }
    fn switch_says(&mut self, circuit: &str, said: Vec<switch::Output>) {
        for switch::Output { end, told } in said {
            let Some(to) = self.voices.get(circuit).map(|wire| wire.ends[end].clone()) else { return };
            match told {
                Told::Taken => self.tell_fax(&to, fax::Input::LineTaken),
                Told::Refused(why) => self.tell_fax(&to, fax::Input::LineRefused(why)),
                Told::Rings => {
                    self.tell_switch(circuit, switch::Input::Answer(end));
                    let entries = self.stations.get(&to.0).map_or_else(Vec::new, |node| node.store.entries());
                    self.tell_fax(&to, fax::Input::SpoolNow(entries));
                    self.tell_fax(&to, fax::Input::Rings);
                }
                Told::RingsNoMore => self.tell_fax(&to, fax::Input::Heard(Heard::Lost)),
                Told::Heard(heard) => self.tell_fax(&to, fax::Input::Heard(heard)),
            }
        }
        let Some(wire) = self.voices.get_mut(circuit) else { return };
        if let Some(at) = wire.switch.deadline().filter(|at| wire.set_for.is_none_or(|set| *at < set)) {
            wire.set_for = Some(at);
            self.driver.set(at, Happening::TickSwitch(circuit.to_owned()));
        }
    }

    // ---- ports ----

    /// A port of a station that was started: it learns what lies in the spool, and can be called.
    pub(super) fn fit_fax(&mut self, end: &End) {
        let Some(node) = self.stations.get(&end.0).filter(|node| node.faxes.contains_key(&end.1)) else { return };
        let entries = node.store.entries();
        self.tell_fax(end, fax::Input::Spool(entries));
        if let Some((circuit, i)) = self.voice_of(end) {
            self.tell_switch(&circuit, switch::Input::Present(i));
        }
    }
    /// A port of a station that was killed.
    pub(super) fn fax_away(&mut self, end: &End) {
        if let Some((circuit, i)) = self.voice_of(end) {
            self.tell_switch(&circuit, switch::Input::Away(i));
        }
    }
    pub(super) fn order_fax(&mut self, end: &End, order: router::Order) {
        match order {
            router::Order::Deliver(delivery) => self.tell_fax(end, fax::Input::Deliver(delivery)),
            router::Order::CallOff(number) => self.tell_fax(end, fax::Input::CallOff(number)),
            router::Order::Tell { .. } => {} // nobody types at a fax port
        }
    }
    pub(in crate::history) fn tell_fax(&mut self, end: &End, input: fax::Input) {
        let now = self.now();
        let Some(terminal) = self.fax(end) else { return };
        let outputs = terminal.handle(now, input);
        self.fax_says(end, outputs);
    }
    pub(super) fn tick_fax(&mut self, end: &End) {
        let now = self.now();
        let Some(terminal) = self.fax(end).filter(|t| t.deadline().is_some_and(|at| at <= now)) else { return };
        let outputs = terminal.tick(now);
        self.fax_says(end, outputs);
    }
    fn fax(&mut self, end: &End) -> Option<&mut fax::Terminal> {
        match self.port(end)? {
            AnyPort::Voice(terminal) => Some(terminal),
            AnyPort::Codes(_) => None,
        }
    }
    fn fax_says(&mut self, end: &End, outputs: Vec<fax::Output>) {
        let (station, port) = end;
        for output in outputs {
            match output {
                fax::Output::Draw { delivery, message } => self.draw(end, delivery, &message),
                fax::Output::Dial => match self.voice_of(end) {
                    Some((circuit, i)) => self.tell_switch(&circuit, switch::Input::Dial(i)),
                    None => self.tell_fax(end, fax::Input::LineRefused(Reason::new(Fault::Us, "there is no circuit at this port"))),
                },
                fax::Output::Order(order) => {
                    if let Some((circuit, i)) = self.voice_of(end) {
                        self.tell_switch(&circuit, switch::Input::Order(i, order));
                    }
                }
                fax::Output::HangUp => {
                    if let Some((circuit, i)) = self.voice_of(end) {
                        self.tell_switch(&circuit, switch::Input::HangUp(i));
                    }
                }
                fax::Output::Reserve(wanted) => self.reserve_later(end, wanted),
                fax::Output::Rescan => self.show_tapes(end),
                fax::Output::Progress { identity, confirmed, .. } => self.set_later(end, Later::Confirmed(identity, confirmed)),
                fax::Output::Forget(identity) => self.set_later(end, Later::Forgotten(identity)),
                fax::Output::Spool { entry, page, received } => self.set_later(end, Later::Spooled(entry, page, received)),
                fax::Output::Note(entry) | fax::Output::Retire(entry) => self.set_later(end, Later::Noted(entry)),
                fax::Output::Discard(name) => self.set_later(end, Later::Discarded(name)),
                fax::Output::Submit { token, entry, mut message } => match self.paged(station, &entry) {
                    Ok(content) => {
                        message.content = content;
                        self.submit_from(end, token, message);
                    }
                    Err(why) => self.note(station, why),
                },
                fax::Output::HandIn { token, entry, mut draft, key } => match self.paged(station, &entry) {
                    Ok(content) => {
                        draft.content = content;
                        self.hand_in_at(end, token, draft, Some(key));
                    }
                    Err(why) => self.note(station, why),
                },
                fax::Output::Report { delivery, outcome } => {
                    self.tell_router(station, router::Input::Ended { port: port.clone(), delivery, outcome });
                }
                fax::Output::Event { event, id } => self.port_event(end, event, id),
                fax::Output::Stopped => {}
            }
        }
        let at = self.fax(end).and_then(|t| t.deadline());
        self.set_port_tick(end, at);
    }

    // ---- disks ----

    fn paged(&mut self, station: &Name, entry: &Entry) -> Result<Vec<Part>, String> {
        self.stations.get_mut(station).map_or_else(|| Err("there is no such station".into()), |node| node.store.paged(entry))
    }
    fn draw(&mut self, end: &End, delivery: u64, message: &Message) {
        let Some((node, fax)) = self.stations.get(&end.0).and_then(|node| Some((node, node.faxes.get(&end.1)?))) else { return };
        let confirmed = node.store.confirmed.get(&message.identity).copied().unwrap_or(0);
        let input = match node.store.draw(message, &end.0, &fax.look) {
            Ok(pages) => fax::Input::Drawn { delivery, pages, confirmed },
            Err(why) => fax::Input::NotDrawn { delivery, outcome: Outcome::Refused(Reason::new(Fault::Us, why)) },
        };
        self.set_later(end, Later::Drawn(input));
    }
    fn set_later(&mut self, end: &End, what: Later) {
        let Some(life) = self.stations.get(&end.0).map(|n| n.life) else { return };
        let at = self.on_disk_at(&end.0);
        self.driver.set(at, Happening::Later { end: end.clone(), life, what });
    }
    pub(super) fn later(&mut self, end: &End, life: u64, what: Later) {
        let Some(node) = self.stations.get_mut(&end.0).filter(|n| n.life == life) else { return };
        if let Some(input) = node.on_disk(what) {
            self.tell_fax(end, input);
        }
    }
}

impl Node {
    /// Whether that port has diskettes.
    pub(in crate::history) fn enciphers_pages(&self, port: &str) -> bool {
        self.faxes.get(port).is_some_and(|fax| fax.enciphered)
    }
    /// It is on disk: what its port is told.
    fn on_disk(&mut self, what: Later) -> Option<fax::Input> {
        let store = &mut self.store;
        match what {
            Later::Drawn(input) => return Some(input),
            Later::Spooled(entry, page, received) => {
                let name = entry.name.clone();
                let spooled = store.spool.entry(name.clone()).or_insert_with(|| Spooled { entry: entry.clone(), pages: BTreeMap::new() });
                spooled.entry = entry;
                spooled.pages.insert(page, (received.page, received.damage));
                return Some(fax::Input::Spooled { entry: name, page });
            }
            Later::Noted(entry) => {
                if let Some(spooled) = store.spool.get_mut(&entry.name) {
                    spooled.entry = entry;
                }
            }
            Later::Discarded(name) => drop(store.spool.remove(&name)),
            Later::Confirmed(identity, confirmed) => drop(store.confirmed.insert(identity, confirmed)),
            Later::Forgotten(identity) => drop(store.confirmed.remove(&identity)),
        }
        None
    }
}

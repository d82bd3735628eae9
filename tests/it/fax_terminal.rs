//! Two fax terminals on a circuit, in virtual time: who gets through, what is sent again and what is not, what is filed, and what is refused.

mod foreign;

use crate::fax_call::typed;
use molink::fax::keys::Keys;
use molink::fax::modem::{Heard, Modulation, Order};
use molink::fax::spool::Entry;
use molink::fax::switch::{Command, Input as Line, Switch, Told};
use molink::fax::t30::{Capabilities, Wishes, caller};
use molink::fax::terminal::{Config, Input, Output, Terminal};
use molink::line::Profile;
use molink::machine::Machine;
use molink::message::{Envelope, Identity, Message, Name, Precedence};
use molink::paper::{Page, Resolution};
use molink::router::{Delivery, Event, Fault, Outcome, Place, Reason, Submitted, Verdict};
use molink::time::{Instant, Speed, Utc};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// One station: its terminal while it lives, and its disk.
struct End {
    config: Config,
    terminal: Option<Terminal>,
    spool: BTreeMap<String, (Entry, BTreeMap<usize, Page>)>,
    sent: BTreeMap<Identity, usize>,
    /// What the router has filed, under its identity or the key it was handed in with, with its subject.
    filed: Vec<(String, Vec<Page>, String)>,
    reports: Vec<(u64, Outcome)>,
    events: Vec<Event>,
    /// What the router says to what comes; `None`: it files.
    verdict: Option<Verdict>,
    no_space: bool,
    spooled: usize,
    /// How many pages a message has.
    pages: usize,
}

struct World {
    now: Instant,
    switch: Switch,
    ends: [End; 2],
    inputs: VecDeque<(usize, Input)>,
}

fn station(end: usize) -> Name {
    ["alpha", "beta"][end].parse().unwrap()
}
/// Page `n` of a message: no two alike.
fn page(n: usize) -> Arc<Page> {
    Arc::new(typed(60, Resolution::STANDARD, n as u64))
}
fn message(from: usize, serial: u32, desk: &str) -> Message {
    let identity: Identity = format!("{}-{serial:04}-19860830T1600Z", station(from).upper()).parse().unwrap();
    let envelope = Envelope {
        from: format!("operator@{}", station(from)).parse().unwrap(),
        to: format!("{desk}@{}", station(1 - from)).parse().unwrap(),
        precedence: Precedence::Routine,
        class: molink::message::Class::Message,
        subject: format!("No. {serial}"),
        via: vec![],
        post: None,
    };
    Message { identity, envelope, content: vec![] }
}

impl World {
    fn new(more: &str) -> World {
        let end = |n: usize| {
            let text = format!("peer = \"{}\"\nnumber = \"{n}\"\n{more}", station(1 - n));
            let keys = Keys::read(text.parse().unwrap()).unwrap();
            let place = Place { number: Some(n as u8 + 1), all_desks: vec!["operator".parse().unwrap()], ..Place::default() };
            let epoch: Utc = "1986-08-30T16:00:00Z".parse().unwrap();
            End {
                config: keys.config(&station(n), place, Speed::REAL, epoch).unwrap(),
                terminal: None,
                spool: BTreeMap::new(),
                sent: BTreeMap::new(),
                filed: vec![],
                reports: vec![],
                events: vec![],
                verdict: None,
                no_space: false,
                spooled: 0,
                pages: 3,
            }
        };
        let switch = Switch::new("circuit satellite", Profile::named("geo").unwrap(), 1, Speed::REAL);
        let mut world = World { now: Instant::ZERO, switch, ends: [end(0), end(1)], inputs: VecDeque::new() };
        (0..2).for_each(|end| world.start(end));
        world
    }
    /// A station starts, with what its disk has.
    fn start(&mut self, end: usize) {
        let e = &mut self.ends[end];
        e.terminal = Some(Terminal::new(e.config.clone()));
        let entries = e.spool.values().map(|(entry, pages)| {
            let there = (1..).take_while(|n| pages.contains_key(n)).count();
            Entry { pages: if entry.filed { entry.of.unwrap_or(0) } else { there }, ..entry.clone() }
        });
        let entries = entries.collect();
        self.line(Line::Present(end));
        self.tell(end, Input::Spool(entries));
    }
    /// A station is killed: what was not on disk is gone.
    fn kill(&mut self, end: usize) {
        self.ends[end].terminal = None;
        self.inputs.retain(|(e, _)| *e != end);
        self.line(Line::Away(end));
    }
    fn deliver(&mut self, end: usize, number: u64, message: Message) {
        self.tell(end, Input::Deliver(Delivery { number, message, channel: number as u32, again: false }));
    }
    fn line(&mut self, input: Line) {
        let told = self.switch.handle(self.now, input);
        self.told(told);
    }
    fn told(&mut self, outputs: Vec<molink::fax::switch::Output>) {
        for output in outputs {
            let input = match output.told {
                Told::Taken => Input::LineTaken,
                Told::Refused(reason) => Input::LineRefused(reason),
                Told::Rings => {
                    self.line(Line::Answer(output.end));
                    Input::Rings
                }
                Told::RingsNoMore => continue,
                Told::Heard(heard) => Input::Heard(heard),
            };
            self.inputs.push_back((output.end, input));
        }
    }
    fn tell(&mut self, end: usize, input: Input) {
        self.inputs.push_back((end, input));
        while let Some((end, input)) = self.inputs.pop_front() {
            let Some(terminal) = &mut self.ends[end].terminal else { continue };
            let outputs = terminal.handle(self.now, input);
            outputs.into_iter().for_each(|output| self.carry_out(end, output));
        }
    }
    fn carry_out(&mut self, end: usize, output: Output) {
        let e = &mut self.ends[end];
        let answer = match output {
            Output::Draw { delivery, message } => {
                let pages = (1..=e.pages).map(page).collect();
                Input::Drawn { delivery, pages, confirmed: e.sent.get(&message.identity).copied().unwrap_or(0) }
            }
            Output::Reserve(made) => Input::NotReserved { made, why: "these lines are in clear".into() },
            Output::Rescan => return,
            Output::Dial => return self.line(Line::Dial(end)),
            Output::Order(order) => return self.line(Line::Order(end, order)),
            Output::HangUp => return self.line(Line::HangUp(end)),
            Output::Progress { identity, confirmed, .. } => {
                e.sent.insert(identity, confirmed);
                return;
            }
            Output::Forget(identity) => {
                e.sent.remove(&identity);
                return;
            }
            Output::Spool { entry, page, .. } if e.no_space => {
                Input::NotSpooled { entry: entry.name, page, why: "no space left on device".into() }
            }
            Output::Spool { entry, page, received } => {
                e.spooled += 1;
                let name = entry.name.clone();
                let place = e.spool.entry(name.clone()).or_insert((entry.clone(), BTreeMap::new()));
                place.0 = entry;
                place.1.insert(page, received.page);
                Input::Spooled { entry: name, page }
            }
            Output::Note(entry) => return e.spool.get_mut(&entry.name.clone()).unwrap().0 = entry.clone(),
            Output::Retire(entry) => {
                let place = e.spool.get_mut(&entry.name.clone()).unwrap();
                assert!(entry.filed);
                return place.0 = entry;
            }
            Output::Discard(name) => return drop(e.spool.remove(&name)),
            Output::Submit { token, entry, message } => Input::Verdict { token, verdict: e.file(message.identity.to_string(), &entry, "") },
            Output::HandIn { token, entry, draft, key } => {
                let submitted = match e.file(key, &entry, &draft.envelope.subject) {
                    Verdict::Filed => Submitted::Accepted(message(end, 99, "operator").identity),
                    Verdict::FiledBefore => Submitted::Known(message(end, 99, "operator").identity),
                    Verdict::Refused(reason) | Verdict::TryLater(reason) => Submitted::Stuck(reason.text),
                };
                Input::HandedIn { token, submitted }
            }
            Output::Report { delivery, outcome } => return e.reports.push((delivery, outcome)),
            Output::Event { event, .. } => return e.events.push(event),
            Output::Stopped => return e.terminal = None,
        };
        self.inputs.push_back((end, answer));
    }
    /// Goes on until something holds; panics with what was reported if it does not within two hours.
    fn until(&mut self, done: impl Fn(&World) -> bool) {
        let limit = self.now + Duration::from_secs(7200);
        while !done(self) {
            assert!(self.step() && self.now < limit, "{:?}\n{:#?}", self.ends.each_ref().map(|e| e.reports.clone()), self.tail());
        }
    }
    fn run_for(&mut self, time: Duration) {
        let until = self.now + time;
        while self.deadline().is_some_and(|at| at <= until) {
            self.step();
        }
        self.now = until;
    }
    fn tail(&self) -> Vec<String> {
        let last =
            |e: &End| e.events.iter().rev().take(12).map(|event| format!("{event:?}").chars().take(200).collect()).collect::<Vec<_>>();
        self.ends.iter().flat_map(last).collect()
    }
    fn deadline(&self) -> Option<Instant> {
        let ends = self.ends.iter().filter_map(|e| e.terminal.as_ref()?.deadline());
        self.switch.deadline().into_iter().chain(ends).min()
    }
    /// The next thing that happens.
    fn step(&mut self) -> bool {
        let Some(at) = self.deadline() else { return false };
        self.now = self.now.max(at);
        if self.switch.deadline() == Some(at) {
            let told = self.switch.tick(self.now);
            self.told(told);
        }
        for end in 0..2 {
            let due = self.ends[end].terminal.as_mut().filter(|t| t.deadline().is_some_and(|at| at <= self.now));
            let outputs = due.map(|t| t.tick(self.now)).unwrap_or_default();
            outputs.into_iter().for_each(|output| self.carry_out(end, output));
        }
        if let Some((end, input)) = self.inputs.pop_front() {
            self.tell(end, input);
        }
        true
    }
    fn reported(&self, end: usize, count: usize) -> bool {
        self.ends[end].reports.len() >= count
    }
    /// Which pages an end sent, by the sender's own count: how often each was begun.
    fn confirmed_out(&self, end: usize) -> Vec<usize> {
        let out = |e: &Event| match e {
            Event::PageConfirmed { dir: molink::router::event::Direction::Out, page, .. } => Some(*page),
            _ => None,
        };
        self.ends[end].events.iter().filter_map(out).collect()
    }
    fn outcome(&self, end: usize) -> &Outcome {
        &self.ends[end].reports.last().unwrap().1
    }
    fn last_reason(&self, end: usize) -> &Reason {
        match self.outcome(end) {
            Outcome::Deferred(reason) | Outcome::Refused(reason) | Outcome::NotBegun(reason) => reason,
            other => panic!("{other:?}"),
        }
    }
    fn delivered(&self, end: usize) -> bool {
        matches!(self.outcome(end), Outcome::Delivered(_))
    }
    /// Each message that was filed has exactly its pages.
    fn whole(&self, end: usize, pages: usize) -> bool {
        self.ends[end].filed.iter().all(|(_, came, _)| came.len() == pages && came.iter().zip(1..).all(|(came, n)| *came == *page(n)))
    }
}

impl End {
    fn file(&mut self, key: String, entry: &Entry, subject: &str) -> Verdict {
        if let Some(verdict) = &self.verdict {
            return verdict.clone();
        }
        if self.filed.iter().any(|(known, ..)| *known == key) {
            return Verdict::FiledBefore;
        }
        let pages = self.spool[&entry.name].1.values().take(entry.of.unwrap()).cloned().collect();
        self.filed.push((key, pages, subject.to_owned()));
        Verdict::Filed
    }
}

#[test]
fn a_message_arrives_page_for_page_and_is_filed_once() {
    let mut world = World::new("");
    world.deliver(0, 1, message(0, 1, "operator"));
    world.until(|w| w.reported(0, 1));
    assert!(world.delivered(0) && world.whole(1, 3) && world.ends[1].filed.len() == 1, "{:?}", world.outcome(0));
    assert!(matches!(world.outcome(0), Outcome::Delivered(r) if r.text == "MCF from 1 for page 3 of 3" && r.station.as_str() == "beta"));
    assert!(world.ends[0].sent.is_empty(), "nothing is kept of what is done with");
    let ups = |e: usize| world.ends[e].events.iter().filter(|e| matches!(e, Event::LineUp { .. })).count();
    assert_eq!((ups(0), ups(1)), (1, 1));
    let scans = |e: &Event| matches!(e, Event::Scan { .. });
    assert!(world.ends[1].events.iter().filter(|e| scans(e)).count() >= 3);
}

#[test]
fn both_ends_calling_at_once_both_get_through() {
    let mut world = World::new("");
    world.inputs.push_back((1, Input::Deliver(Delivery { number: 7, message: message(1, 1, "operator"), channel: 1, again: false })));
    world.deliver(0, 1, message(0, 1, "operator"));
    world.until(|w| w.reported(0, 1) && w.reported(1, 1));
    assert!(world.delivered(0) && world.delivered(1), "{:?} {:?}", world.outcome(0), world.outcome(1));
    assert!((world.ends[0].filed.len(), world.ends[1].filed.len()) == (1, 1) && world.whole(0, 3) && world.whole(1, 3));
}

#[test]
fn a_call_that_breaks_off_goes_on_with_the_next_page_within_the_delivery() {
    let mut world = World::new("correction = false");
    world.ends[0].pages = 5;
    world.deliver(0, 1, message(0, 1, "operator"));
    world.until(|w| w.confirmed_out(0).len() == 2);
    world.line(Line::Command(Command::Cut(Some(Duration::from_secs(16)))));
    world.until(|w| w.reported(0, 1));
    assert!(world.delivered(0), "{:?}", world.outcome(0));
    assert_eq!(world.confirmed_out(0), [1, 2, 3, 4, 5], "each once");
    assert!(world.whole(1, 5) && world.ends[1].filed.len() == 1 && world.ends[1].spooled <= 6, "{}", world.ends[1].spooled);
}

#[test]
fn a_line_that_stays_cut_defers_and_the_next_delivery_goes_on_with_the_next_page() {
    let mut world = World::new("");
    world.ends[0].pages = 4;
    world.deliver(0, 1, message(0, 1, "operator"));
    world.until(|w| w.confirmed_out(0).len() == 2);
    world.line(Line::Command(Command::Cut(None)));
    world.until(|w| w.reported(0, 1));
    assert_eq!(world.last_reason(0).fault, Fault::Line);
    world.line(Line::Command(Command::Restore));
    world.deliver(0, 2, message(0, 1, "operator"));
    world.until(|w| w.reported(0, 2));
    assert!(world.delivered(0) && world.whole(1, 4) && world.ends[1].filed.len() == 1);
    assert_eq!(world.confirmed_out(0), [1, 2, 3, 4], "each once");
}

#[test]
fn a_sender_that_is_killed_goes_on_where_it_was() {
    let mut world = World::new("");
    world.ends[0].pages = 5;
    world.deliver(0, 1, message(0, 1, "operator"));
    world.until(|w| w.confirmed_out(0).len() == 3);
    world.kill(0);
    world.run_for(Duration::from_secs(60));
    world.start(0);
    world.deliver(0, 2, message(0, 1, "operator"));
    world.until(|w| w.reported(0, 1));
    assert!(world.delivered(0) && world.whole(1, 5) && world.ends[1].filed.len() == 1);
    assert_eq!(world.confirmed_out(0), [1, 2, 3, 4, 5]);
}

#[test]
fn a_receiver_whose_spool_is_gone_says_from_which_page_on() {
    let mut world = World::new("");
    world.deliver(0, 1, message(0, 1, "operator"));
    world.until(|w| w.confirmed_out(0).len() == 2);
    world.kill(1);
    world.ends[1].spool.clear();
    world.until(|w| w.reported(0, 1));
    world.start(1);
    world.deliver(0, 2, message(0, 1, "operator"));
    world.until(|w| w.reported(0, 2));
    assert!(world.delivered(0) && world.whole(1, 3), "{:?}", world.outcome(0));
    assert_eq!(world.confirmed_out(0), [1, 2, 1, 2, 3]);
}

#[test]
fn a_repeat_of_what_is_filed_is_filed_before_even_if_only_its_last_page_comes() {
    let mut world = World::new("");
    for (number, kept) in [(1, None), (2, None), (3, Some(2))] {
        if let Some(kept) = kept {
            world.ends[0].sent.insert(message(0, 1, "operator").identity, kept);
        }
        world.deliver(0, number, message(0, 1, "operator"));
        world.until(|w| w.reported(0, number as usize));
        assert!(world.delivered(0), "{:?}", world.outcome(0));
    }
    assert!(world.ends[1].filed.len() == 1 && world.whole(1, 3));
    assert_eq!(world.confirmed_out(0), [1, 2, 3, 1, 2, 3, 3]);
}

#[test]
fn the_last_page_is_not_confirmed_before_the_message_is_filed() {
    let mut world = World::new("");
    world.ends[1].verdict = Some(Verdict::TryLater(Reason::new(Fault::Us, "the journal cannot be written")));
    world.deliver(0, 1, message(0, 1, "operator"));
    world.until(|w| w.reported(0, 1));
    assert_eq!(world.confirmed_out(0).last(), Some(&2));
    let reason = world.last_reason(0);
    assert!(reason.text.ends_with("the far end disconnected (DCN) and says: the journal cannot be written"), "{}", reason.text);
    world.ends[1].verdict = None;
    world.deliver(0, 2, message(0, 1, "operator"));
    world.until(|w| w.reported(0, 2));
    assert!(world.delivered(0) && world.whole(1, 3) && world.ends[1].filed.len() == 1);
    assert_eq!(world.confirmed_out(0), [1, 2, 3], "only the last page was sent again");
}

#[test]
fn a_crash_between_the_last_page_and_its_filing_is_made_good_at_the_start() {
    let mut world = World::new("");
    world.ends[1].verdict = Some(Verdict::TryLater(Reason::new(Fault::Us, "not now")));
    world.deliver(0, 1, message(0, 1, "operator"));
    world.until(|w| w.reported(0, 1));
    world.kill(1);
    world.ends[1].verdict = None;
    world.start(1);
    assert!(world.ends[1].filed.len() == 1 && world.whole(1, 3), "handed over without a call");
    world.deliver(0, 2, message(0, 1, "operator"));
    world.until(|w| w.reported(0, 2));
    assert!(world.delivered(0) && world.ends[1].filed.len() == 1);
}

#[test]
fn a_desk_that_is_not_there_is_refused_before_a_page_is_sent() {
    let mut world = World::new("");
    world.deliver(0, 1, message(0, 1, "nobody"));
    world.until(|w| w.reported(0, 1));
    assert!(matches!(world.outcome(0), Outcome::Refused(_)));
    assert_eq!(world.last_reason(0).text, "unknown desk `nobody`; beta has: operator");
    assert!(world.ends[1].spooled == 0 && world.ends[1].filed.is_empty());
}

#[test]
fn the_routers_refusal_reaches_the_sender_as_it_stands() {
    let mut world = World::new("");
    world.ends[1].verdict = Some(Verdict::Refused(Reason::new(Fault::Peer, "loop: beta sent this message before")));
    world.deliver(0, 1, message(0, 1, "operator"));
    world.until(|w| w.reported(0, 1));
    assert!(matches!(world.outcome(0), Outcome::Refused(r) if r.text == "loop: beta sent this message before"));
    assert!(world.ends[1].spool.is_empty(), "nothing of it is kept");
}

#[test]
fn no_space_in_the_spool_is_said_and_nothing_is_confirmed() {
    for more in ["", "correction = false"] {
        let mut world = World::new(more);
        world.ends[1].no_space = true;
        world.deliver(0, 1, message(0, 1, "operator"));
        world.until(|w| w.reported(0, 1));
        let reason = world.last_reason(0);
        assert!(reason.text.contains("page 1 cannot be stored: no space left on device"), "{}", reason.text);
        assert!(world.confirmed_out(0).is_empty());
        world.ends[1].no_space = false;
        world.deliver(0, 2, message(0, 1, "operator"));
        world.until(|w| w.reported(0, 2));
        assert!(world.delivered(0) && world.whole(1, 3));
    }
}

/// A station with 199 pages of 200 in a spool for 200, of a message whose first call began at a time; it gets another message.
fn nearly_full(began: &str) -> World {
    let mut world = World::new("spool = 200");
    let old = Entry {
        name: "ALPHA-0077-19860830T1500Z".into(),
        identity: None,
        envelope: None,
        peer: None,
        sub: None,
        port: "fax".into(),
        began: began.parse().unwrap(),
        of: None,
        broken: false,
        filed: false,
        blob: None,
        pages: 0,
    };
    let pages = (1..=199).map(|n| (n, (*page(1)).clone())).collect();
    let (identity, envelope) = (message(0, 77, "operator").identity, message(0, 77, "operator").envelope);
    let old = Entry { name: identity.to_string(), identity: Some(identity), envelope: Some(envelope), of: Some(200), ..old };
    world.ends[1].spool.insert(old.name.clone(), (old, pages));
    world.kill(1);
    world.start(1);
    world.deliver(0, 1, message(0, 1, "operator"));
    world.until(|w| w.reported(0, 1));
    world
}
#[test]
fn a_full_spool_takes_no_more_calls() {
    let world = nearly_full("1986-08-30T15:45:00Z");
    assert!(world.last_reason(0).text.contains("the spool holds 199 pages already"), "{}", world.last_reason(0).text);
}
#[test]
fn a_beginning_that_was_left_lying_makes_room() {
    let world = nearly_full("1986-08-29T16:00:00Z");
    assert!(world.delivered(0) && world.whole(1, 3), "{:#?}", world.tail());
}

#[test]
fn a_delivery_is_called_off_between_two_pages() {
    let mut world = World::new("");
    world.deliver(0, 1, message(0, 1, "operator"));
    world.until(|w| w.confirmed_out(0).len() == 1);
    world.tell(0, Input::CallOff(1));
    world.until(|w| w.reported(0, 1));
    assert!(matches!(world.outcome(0), Outcome::CalledOff { at } if at == "after page 2 of 3"), "{:?}", world.outcome(0));
    world.deliver(0, 2, message(0, 2, "operator"));
    world.until(|w| w.reported(0, 2));
    world.deliver(0, 3, message(0, 1, "operator"));
    world.until(|w| w.reported(0, 3));
    assert!(world.delivered(0) && world.ends[1].filed.len() == 2 && world.whole(1, 3));
    assert_eq!(world.confirmed_out(0), [1, 2, 1, 2, 3, 3], "what was confirmed before the call-off is not sent again");
}

#[test]
fn a_call_off_before_the_call_is_answered_at_once() {
    let mut world = World::new("");
    world.kill(1);
    world.deliver(0, 1, message(0, 1, "operator"));
    world.tell(0, Input::CallOff(1));
    world.until(|w| w.reported(0, 1));
    assert!(matches!(world.outcome(0), Outcome::CalledOff { .. }));
}

#[test]
fn an_end_that_is_killed_in_any_phase_loses_nothing_and_files_nothing_twice() {
    let mut filed = 0;
    for end in 0..2 {
        for second in 1..=40 {
            let mut world = World::new(if second % 2 == 0 { "" } else { "correction = false" });
            world.deliver(0, 1, message(0, 1, "operator"));
            world.run_for(Duration::from_secs(second));
            world.kill(end);
            world.run_for(Duration::from_secs(5));
            world.start(end);
            let mut number = 1;
            while !(world.reported(0, 1) && world.delivered(0)) {
                if end == 0 || world.reported(0, number as usize) {
                    number += 1;
                    world.ends[0].reports.clear();
                    world.deliver(0, number, message(0, 1, "operator"));
                    assert!(number < 10, "end {end} killed at {second} s: {:?}", world.ends[0].reports);
                }
                world.until(|w| w.reported(0, 1));
                number = 1;
            }
            filed += world.ends[1].filed.len();
            assert!(world.whole(1, 3) && world.ends[1].filed.len() == 1, "end {end} killed at {second} s");
        }
    }
    assert_eq!(filed, 80);
}

#[test]
fn a_line_that_is_dead_is_the_lines_fault() {
    let mut world = World::new("");
    world.line(Line::Command(Command::Cut(None)));
    world.deliver(0, 1, message(0, 1, "operator"));
    world.until(|w| w.reported(0, 1));
    assert_eq!(world.last_reason(0).fault, Fault::Line);
    assert!(world.ends[0].events.iter().any(|e| matches!(e, Event::LineDown { .. })));
}

#[test]
fn a_stop_ends_the_call_and_the_delivery() {
    for seconds in [0, 3, 20, 30] {
        let mut world = World::new("");
        world.deliver(0, 1, message(0, 1, "operator"));
        world.run_for(Duration::from_secs(seconds));
        world.tell(0, Input::Stop);
        world.until(|w| w.ends[0].terminal.is_none());
        assert_eq!(world.last_reason(0).fault, Fault::Us, "stopped at {seconds} s");
    }
}

#[test]
fn another_station_than_the_ports_is_not_sent_anything() {
    let mut world = World::new("");
    world.ends[1].config.station = "gamma".parse().unwrap();
    world.kill(1);
    world.start(1);
    world.deliver(0, 1, message(0, 1, "operator"));
    world.until(|w| w.reported(0, 1));
    assert!(world.last_reason(0).text.contains("`gamma` answers, and `peer` of this port is `beta`"), "{}", world.last_reason(0).text);
    assert!(world.ends[1].spooled == 0);
}

#[test]
fn a_subject_too_long_for_a_call_is_refused_by_name() {
    let mut world = World::new("");
    let mut long = message(0, 1, "operator");
    long.envelope.subject = "Ж".repeat(800);
    world.deliver(0, 1, long);
    world.until(|w| w.reported(0, 1));
    assert!(matches!(world.outcome(0), Outcome::Refused(r) if r.text.contains("octets too long for a fax call")), "{:?}", world.outcome(0));
}

#[test]
fn what_is_heard_and_said_at_the_wrong_time_does_no_harm() {
    let mut world = World::new("");
    for heard in [Heard::Sent, Heard::Quiet, Heard::Lost, Heard::Bits(vec![1]), Heard::Carrier(None)] {
        world.tell(0, Input::Heard(heard));
    }
    world.tell(0, Input::LineTaken);
    world.tell(0, Input::Spooled { entry: "../x".into(), page: 9 });
    world.tell(0, Input::Verdict { token: 77, verdict: Verdict::Filed });
    world.tell(0, Input::CallOff(5));
    world.line(Line::Order(0, Order::HangUp));
    world.deliver(0, 1, message(0, 1, "operator"));
    world.until(|w| w.reported(0, 1));
    assert!(world.delivered(0));
}

//! kill -9 at named points: two stations over real ptys lose no accepted message and file none twice.
//!
//! Standards: none; the points are `faults::KillPoint`, each hit at the least five times, in every third round with the other end killed too.
//! In: rounds (35 among the peers, 105 among the full figures). Out: a table of hits; every flaw found in the two journals.
//! Left out: loss of power (kill -9 leaves the page cache: see `durability`). Shown by: itself; `flaws` is shown able to find some.

use crate::support::{End, House, Process, Station, killed, molink_with_faults, peer, seconds, text};
use molink::faults::KillPoint;
use molink::message::Identity;
use molink::router::journal::State;
use molink::router::journal::reader::{Filter, Reader};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const ENDS: [&str; 2] = ["washington", "moscow"];
/// Each point is to be hit so often.
const HITS: u32 = 5;
/// From a message's acceptance to its receipt, restarts and call-ups without answer included.
const SETTLED: Duration = Duration::from_secs(240);

/// One attempt to hand in a message.
#[derive(Clone, Debug)]
struct Post {
    from: usize,
    text: String,
    /// Its identity; `None` if no answer came, so that nobody can say whether it was accepted.
    id: Option<String>,
}

/// One row of a journal, with its text.
#[derive(Clone, Debug)]
struct Held {
    id: Identity,
    /// Whether it was handed in at this station.
    ours: bool,
    state: State,
    text: String,
}

struct Rig {
    house: House,
    _line: Process,
    up: [Option<Station>; 2],
    posts: Vec<Post>,
    hits: BTreeMap<&'static str, u32>,
    /// Messages that came again at the far end in the rounds of a point: where a receipt did not get through.
    again: BTreeMap<&'static str, usize>,
    both: u32,
    /// Attempts that got no answer at first; each is made again with the same key.
    unanswered: u32,
}

/// What one round is to do.
struct Round {
    number: usize,
    point: KillPoint,
    nth: usize,
    victim: usize,
    both: bool,
}

impl Round {
    fn plan(number: usize) -> Round {
        let (point, turn) = (KillPoint::ALL[number % 7], number / 7);
        let nth = match point {
            KillPoint::BeforePersist | KillPoint::AfterPersist => 1 + turn % 6,
            KillPoint::StartUp | KillPoint::MidText | KillPoint::AfterEnd | KillPoint::ReceiptSent | KillPoint::ReceiptReceived => 1,
        };
        Round { number, point, nth, victim: turn % 2, both: number % 3 == 2 }
    }
    /// Who hands in the first message: whoever makes the victim pass its point.
    fn sender(&self) -> usize {
        if self.point == KillPoint::ReceiptSent { 1 - self.victim } else { self.victim }
    }
}

impl Rig {
    fn new() -> Rig {
        let house = House::of(molink_with_faults());
        // Half an hour before midnight: at speed 100 the day, and with it the serials, turns within each run of a station.
        let extra = "start = \"1963-08-30T23:30:00Z\"";
        for (i, link) in ["a", "b"].into_iter().enumerate() {
            house.station_file(&End { name: ENDS[i], peer: ENDS[1 - i], line: house.path(link), speed: "100", extra });
        }
        let line = house.line(&["--speed", "100", "--baud", "50"]);
        Rig { house, _line: line, up: [None, None], posts: vec![], hits: BTreeMap::new(), again: BTreeMap::new(), both: 0, unanswered: 0 }
    }

    fn start(&mut self, end: usize) {
        if self.up[end].is_none() {
            let started = self.house.start(ENDS[end], &[]);
            self.up[end] = Some(started.unwrap_or_else(|s| panic!("{} does not start again: {s}\n{}", ENDS[end], self.log(end))));
        }
    }
    fn log(&self, end: usize) -> String {
        std::fs::read_to_string(self.house.path(&format!("{}.log", ENDS[end]))).unwrap_or_default()
    }
    fn post(&mut self, from: usize, text: String) {
        let Some(station) = &self.up[from] else { return };
        let id = match station.post(&format!("operator@{}", ENDS[1 - from]), &text) {
            Some((200 | 201, body)) => Some(body["id"].as_str().unwrap().to_owned()),
            // A station that is being killed may still say that it stops.
            Some((503, _)) | None => None,
            Some(other) => panic!("{}: {other:?}", ENDS[from]),
        };
        self.unanswered += u32::from(id.is_none());
        match self.posts.iter_mut().find(|p| p.text == text) {
            Some(post) => post.id = id.or(post.id.take()),
            None => self.posts.push(Post { from, text, id }),
        }
    }
    /// Accepted messages whose sender has not heard that they are filed.
    fn open(&self) -> Vec<(&'static str, String)> {
        let accepted = self.posts.iter().filter_map(|p| p.id.clone().map(|id| (ENDS[p.from], id)));
        self.house.board.read(|s| accepted.filter(|(at, id)| !s.told(at, id, "filed")).collect())
    }
    fn settle(&self, within: Duration) -> bool {
        let open = self.open();
        self.house.board.until(within, |s| open.iter().all(|(at, id)| s.told(at, id, "filed")).then_some(())).is_some()
    }

    fn came_again(&self) -> usize {
        self.house.board.read(|s| s.events.iter().filter(|e| e["event"] == "came_again").count())
    }

    fn round(&mut self, round: &Round) {
        let before = self.came_again();
        let (victim, other) = (round.victim, 1 - round.victim);
        if let Some(station) = self.up[victim].take() {
            let status = station.stop();
            assert!(status.success(), "SIGTERM ends a station with {status}\n{}", self.log(victim));
        }
        self.start(other);
        let words = |k: usize| {
            format!("ROUND {} {}\nTHE QUICK BROWN FOX JUMPED OVER THE LAZY DOG 1234567890\nEND", round.number, ["A", "B", "C"][k])
        };
        if round.point == KillPoint::StartUp {
            self.post(other, words(2));
        }
        let at = format!("{}:{}", round.point.name(), round.nth);
        let status = match self.house.start(ENDS[victim], &[("MOLINK_KILL_AT", &at)]) {
            Err(status) => Some(status),
            Ok(station) => {
                self.up[victim] = Some(station);
                self.post(round.sender(), words(0));
                if round.number % 2 == 1 || round.nth > 3 {
                    self.post(1 - round.sender(), words(1));
                }
                self.wait_for_death(victim)
            }
        };
        if let Some(status) = status {
            assert!(killed(status), "{} ended by itself in round {}, {at}: {status}\n{}", ENDS[victim], round.number, self.log(victim));
            self.up[victim] = None;
            *self.hits.entry(round.point.name()).or_default() += 1;
        }
        if round.both {
            self.up[other].take().unwrap().process.kill();
            self.both += 1;
        }
        self.start(victim);
        self.start(other);
        // Whoever got no answer may ask again with the same key, and then has the message accepted once.
        let unanswered = self.posts.iter().filter(|p| p.id.is_none() && round.number.is_multiple_of(2));
        let unanswered: Vec<(usize, String)> = unanswered.map(|p| (p.from, p.text.clone())).collect();
        unanswered.into_iter().for_each(|(from, text)| self.post(from, text));
        // Every other round the next kill meets messages that still wait.
        if round.number.is_multiple_of(2) {
            assert!(self.settle(SETTLED), "round {}, {at}: still open {:?}\n{}\n{}", round.number, self.open(), self.log(0), self.log(1));
        }
        *self.again.entry(round.point.name()).or_default() += self.came_again() - before;
    }

    /// How the victim ended; `None` if all messages got through and it lives.
    fn wait_for_death(&mut self, victim: usize) -> Option<std::process::ExitStatus> {
        let open = self.open();
        let process = &mut self.up[victim].as_mut()?.process;
        let through = |s: &crate::support::Seen| open.iter().all(|(at, id)| s.told(at, id, "filed"));
        self.house.board.until(SETTLED, |s| (process.gone_in(s) || through(s)).then_some(()));
        // The last batches of a message that is through are written within moments.
        process.exit(Duration::from_secs(3))
    }

    fn finish(mut self) {
        let started = seconds();
        assert!(self.settle(SETTLED), "at the end still open: {:?}\n{}\n{}", self.open(), self.log(0), self.log(1));
        println!("the last message was through {:.1} s after the last round", seconds() - started);
        for end in 0..2 {
            let status = self.up[end].take().map(Station::stop);
            assert!(status.is_none_or(|s| s.success()), "{status:?}");
        }
        let held = ENDS.map(|name| held(&self.house.path(name).join("journal.sqlite")));
        let found = flaws(&self.posts, &held);
        assert!(found.is_empty(), "{found:#?}\n{}\n{}", self.log(0), self.log(1));
        for name in ENDS {
            let mut sqlite = std::process::Command::new(peer("sqlite3", "sqlite3"));
            let said = sqlite.arg(self.house.path(name).join("journal.sqlite")).arg("PRAGMA integrity_check").output().unwrap();
            assert_eq!(text(&said.stdout).trim(), "ok", "{name}: {}", text(&said.stderr));
        }
        let (all, answered) = (self.posts.len(), self.posts.iter().filter(|p| p.id.is_some()).count());
        println!(
            "{all} handed in, {answered} answered as accepted; {} tries got no answer and were made again with their key",
            self.unanswered
        );
        println!("both ends killed together {} times; integrity ok", self.both);
        println!("{:<18} hits  came again", "kill point");
        for name in KillPoint::ALL.map(KillPoint::name) {
            println!("{name:<18} {:>4} {:>11}", self.hits.get(name).unwrap_or(&0), self.again.get(name).unwrap_or(&0));
        }
    }
}

fn held(journal: &std::path::Path) -> Vec<Held> {
    let reader = Reader::open(journal).unwrap();
    let rows = reader.list(&Filter { state: None, limit: usize::MAX }).unwrap();
    let text = |id: &Identity| reader.load(id).unwrap().expect("a row has its content").text();
    rows.into_iter().map(|r| Held { text: text(&r.id), id: r.id, ours: r.came_by.is_none(), state: r.state }).collect()
}

/// What is wrong in the two journals, given what was handed in.
fn flaws(posts: &[Post], held: &[Vec<Held>; 2]) -> Vec<String> {
    let mut found = vec![];
    for (here, rows) in held.iter().enumerate() {
        let mut serials = BTreeSet::new();
        let (mut ids, mut texts) = (BTreeSet::new(), BTreeSet::new());
        for row in rows {
            let (at, id) = (ENDS[here], &row.id);
            if !ids.insert(id.clone()) {
                found.push(format!("{at} holds {id} twice"));
            }
            if !serials.insert((id.station.clone(), id.dtg.day_number(), id.serial)) {
                found.push(format!("{at}: the serial of {id} was given twice that day"));
            }
            if !texts.insert((row.ours, row.text.clone())) {
                found.push(format!("{at} holds the text of {id} twice"));
            }
            let from = if row.ours { here } else { 1 - here };
            if !posts.iter().any(|p| p.from == from && p.text == row.text) {
                found.push(format!("{at}: nobody handed in the text of {id}: {:?}", row.text));
            }
            if !matches!(row.state, State::Filed | State::Printed) {
                found.push(format!("{at}: {id} is {}", row.state));
            }
            // What one end knows as filed is a row at the other, whole.
            if row.ours && !held[1 - here].iter().any(|r| r.id == *id && !r.ours && r.text == row.text) {
                found.push(format!("{at}: {id} is not filed at the other end as it was handed in"));
            }
        }
    }
    for post in posts {
        let Some(id) = &post.id else { continue };
        if !held[1 - post.from].iter().any(|r| r.id.to_string() == *id && r.text == post.text) {
            found.push(format!("{id} was accepted and is not filed: {:?}", post.text));
        }
    }
    found
}

fn rounds(at_least: usize) {
    let started = seconds();
    let mut rig = Rig::new();
    let mut number = 0;
    let short = |rig: &Rig| KillPoint::ALL.iter().any(|p| rig.hits.get(p.name()).is_none_or(|n| *n < HITS));
    while number < at_least || (short(&rig) && number < at_least + 21) {
        rig.round(&Round::plan(number));
        number += 1;
    }
    assert!(!short(&rig), "after {number} rounds some point was hit less than {HITS} times: {:?}", rig.hits);
    rig.finish();
    println!("{number} rounds in {:.0} s", seconds() - started);
}

#[test]
#[ignore = "peer: run through tests/run"]
fn stations_killed_at_each_point_lose_and_double_nothing() {
    rounds(35);
}

#[test]
#[ignore = "full: run through tests/run --full"]
fn full_a_hundred_rounds_of_kills_lose_and_double_nothing() {
    rounds(105);
}

#[test]
fn the_check_of_the_journals_finds_what_is_lost_doubled_or_changed() {
    let id = |serial: u32, minute: u32| format!("WASHINGTON-{serial:04}-19630830T16{minute:02}Z");
    let row = |serial: u32, minute: u32, ours: bool, state: State, text: &str| Held {
        id: id(serial, minute).parse().unwrap(),
        ours,
        state,
        text: text.into(),
    };
    let posts = [Post { from: 0, text: "A".into(), id: Some(id(1, 0)) }, Post { from: 0, text: "B".into(), id: None }];
    let good = [vec![row(1, 0, true, State::Filed, "A")], vec![row(1, 0, false, State::Printed, "A")]];
    assert_eq!(flaws(&posts, &good), [""; 0]);
    let spoilt = |at: usize, rows: Vec<Held>| {
        let mut held = good.clone();
        held[at] = rows;
        flaws(&posts, &held).join("; ")
    };
    let there = |text: &str| row(1, 0, false, State::Printed, text);
    assert!(spoilt(1, vec![]).contains("accepted and is not filed"));
    assert!(spoilt(1, vec![there("A"), there("A")]).contains("WASHINGTON-0001-19630830T1600Z twice"));
    assert!(
        spoilt(1, vec![there("A"), row(2, 0, false, State::Printed, "A")]).contains("the text of WASHINGTON-0002-19630830T1600Z twice")
    );
    assert!(spoilt(1, vec![there("A"), row(1, 1, false, State::Printed, "B")]).contains("given twice that day"));
    assert!(spoilt(1, vec![there("AX")]).contains("nobody handed in"));
    assert!(spoilt(0, vec![row(1, 0, true, State::Sent, "A")]).contains("is sent"));
    assert!(spoilt(0, vec![row(1, 0, true, State::Filed, "A"), row(2, 0, true, State::Filed, "B")]).contains("not filed at the other end"));
}

//! kill -9 at named points: two stations over real ptys lose no accepted message and file none twice.
//!
//! Standards: none; the points are `faults::KillPoint`, each hit at the least five times, in every third round with the other end killed too.
//! In: rounds (five a point among the peers, a hundred and some among the full figures). Out: a table of hits; every flaw found in the
//! two journals. Over an enciphered line the recording of `molink line --log` and copies of the tapes go to the judge of key too.
//! Left out: loss of power (kill -9 leaves the page cache: see `durability`). Shown by: itself; `flaws` is shown able to find some.

use crate::judge::{Ending, Places, Span, Tape, Way, covers, forms, once_and_rising, read, refusals, reservations};
use crate::lines::{Lines, both_lines, cipher, over};
use crate::support::{End, House, Process, Station, killed, molink_with_faults, peer, seconds, text};
use molink::faults::{Fault, KillPoint};
use molink::key::Copy;
use molink::key::backend_disk::show;
use molink::key::label::Label;
use molink::key::ledger::Entry;
use molink::line::Code;
use molink::message::Identity;
use molink::router::journal::State;
use molink::router::journal::reader::{Filter, Reader};
use molink::router::{Delivery, Event};
use molink::teletype::CodeTable;
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
    line: Process,
    /// Copies of the key tapes for what each end sends, made before the first round.
    tapes: [Vec<Tape>; 2],
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

/// The points that a station on such a line passes.
fn points() -> Vec<KillPoint> {
    let elsewhere = [KillPoint::OF_A_FAX.as_slice(), &KillPoint::OF_A_MAIL].concat();
    let of_a_line = KillPoint::ALL.into_iter().filter(|p| !elsewhere.contains(p));
    of_a_line.filter(|p| cipher() || *p != KillPoint::KeyReserved).collect()
}

impl Round {
    fn plan(number: usize) -> Round {
        let points = points();
        let (point, turn) = (points[number % points.len()], number / points.len());
        let nth = match point {
            KillPoint::BeforePersist | KillPoint::AfterPersist => 1 + turn % 6,
            KillPoint::StartUp | KillPoint::KeyReserved | KillPoint::MidText => 1,
            KillPoint::AfterEnd | KillPoint::ReceiptSent | KillPoint::ReceiptReceived => 1,
            KillPoint::PageSpooled | KillPoint::BeforeHandOver | KillPoint::FiledNotConfirmed | KillPoint::PageConfirmed => 1,
            KillPoint::MailSpooled | KillPoint::MailFiled => 1,
        };
        Round { number, point, nth, victim: turn % 2, both: number % 3 == 2 }
    }
    /// Who hands in the first message: whoever makes the victim pass its point.
    fn sender(&self) -> usize {
        // Key is reserved for a message, or (in rounds 32 on, by turns of two) for the receipt of one that comes.
        let for_receipt = self.point == KillPoint::KeyReserved && self.number / points().len() % 4 >= 2;
        if self.point == KillPoint::ReceiptSent || for_receipt { 1 - self.victim } else { self.victim }
    }
}

impl Rig {
    fn new() -> Rig {
        Rig::over(House::of(molink_with_faults()), "100")
    }
    fn over(house: House, speed: &'static str) -> Rig {
        // Half an hour before midnight: at speed 100 the day, and with it the serials, turns within each run of a station.
        let extra = "start = \"1963-08-30T23:30:00Z\"";
        for (i, link) in ["a", "b"].into_iter().enumerate() {
            house.station_file(&End { name: ENDS[i], peer: ENDS[1 - i], line: house.path(link), speed, extra });
        }
        let tapes = [0, 1].map(|end| if cipher() { copies(&house, end) } else { vec![] });
        let [log, control] = ["codes.jsonl", "control"].map(|name| house.path(name).display().to_string());
        let line = house.line(&["--speed", speed, "--baud", "50", "--log", &log, "--control", &control]);
        let (hits, again) = (BTreeMap::new(), BTreeMap::new());
        Rig { house, line, tapes, up: [None, None], posts: vec![], hits, again, both: 0, unanswered: 0 }
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

    /// Both ends in order, then the line, whose log is whole then.
    fn stop(&mut self) {
        for end in 0..2 {
            let status = self.up[end].take().map(Station::stop);
            assert!(status.is_none_or(|s| s.success()), "{status:?}");
        }
        self.line.signal(rustix::process::Signal::TERM);
        assert!(self.line.exit(Duration::from_secs(20)).is_some_and(|s| s.success()), "{}", self.line.errors());
    }
    fn finish(mut self) {
        let started = seconds();
        assert!(self.settle(SETTLED), "at the end still open: {:?}\n{}\n{}", self.open(), self.log(0), self.log(1));
        println!("the last message was through {:.1} s after the last round", seconds() - started);
        self.stop();
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
        for name in points().into_iter().map(KillPoint::name) {
            println!("{name:<18} {:>4} {:>11}", self.hits.get(name).unwrap_or(&0), self.again.get(name).unwrap_or(&0));
        }
        if cipher() {
            let recorded = recording(&self.house.path("codes.jsonl"));
            let said = said(&self.house);
            for way in 0..2 {
                let way_there = Way { codes: &recorded[way], tapes: &self.tapes[way], said: &said[way] };
                let judged = Judged::new(&self.house, way, way_there).and_then(|j| j.judge(&held[1 - way]));
                let judged = judged.unwrap_or_else(|why| panic!("what {} sent: {why}\n{}\n{}", ENDS[way], self.log(0), self.log(1)));
                println!("what {} sent: {judged}", ENDS[way]);
            }
        }
    }
}

// ---- the key, judged from the recording ----

/// The tapes for what an end sends, as they were made.
fn copies(house: &House, end: usize) -> Vec<Tape> {
    let (name, far) = (ENDS[end], ENDS[1 - end]);
    let tape = house.tapes(name, far).join(format!("{name}-{far}"));
    let label = Label::read(&std::fs::read_to_string(tape.with_extension("toml")).unwrap()).unwrap();
    let key = std::fs::read(tape.with_extension("key")).unwrap();
    vec![Tape { serial: label.serial, key: key.into_iter().map(Code::new).collect() }]
}

/// What each end sent, from the line's own log; what became of it on the way is another matter.
fn recording(log: &std::path::Path) -> [Vec<Code>; 2] {
    let mut ways = [vec![], vec![]];
    for line in std::fs::read_to_string(log).unwrap().lines() {
        let one: serde_json::Value = serde_json::from_str(line).unwrap();
        let way = ["a>b", "b>a"].iter().position(|dir| one["dir"] == *dir).unwrap();
        ways[way].push(Code::new(u8::from_str_radix(one["code"].as_str().unwrap(), 16).unwrap()));
    }
    ways
}

/// What each end may have said enciphered: its messages under each number they were sent with, its answers.
fn said(house: &House) -> [BTreeSet<Vec<Code>>; 2] {
    let mut said = [refusals().collect::<BTreeSet<_>>(), refusals().collect()];
    for way in 0..2 {
        let reader = Reader::open(&house.path(ENDS[way]).join("journal.sqlite")).unwrap();
        for (_, stamped) in reader.events_after(0, usize::MAX >> 1).unwrap() {
            let (Event::Sent { channel, .. }, Some(id)) = (stamped.event, stamped.id) else { continue };
            let message = reader.load(&id).unwrap().expect("what was sent is in the journal");
            let (text, answers) = forms(&Delivery { number: 0, message, channel, again: false }, ENDS[1 - way], CodeTable::Ita2);
            said[way].insert(text);
            said[1 - way].extend(answers);
        }
    }
    said
}

/// One way of the line, as it was recorded.
struct Judged<'a> {
    house: &'a House,
    way: usize,
    recorded: Way<'a>,
    spans: Vec<Span>,
    reserved: Vec<Entry>,
    read_there: Vec<Entry>,
}

impl Judged<'_> {
    /// No key twice, rising, all of it reserved first, found where it is claimed to be by cipher and text alone; or what is wrong.
    fn new<'a>(house: &'a House, way: usize, recorded: Way<'a>) -> Result<Judged<'a>, String> {
        let spans = read(&recorded)?;
        once_and_rising(&spans)?;
        let ledger = |end: usize| std::fs::read_to_string(house.path("tapes").join(ENDS[end]).join("ledger.jsonl")).unwrap();
        let serial = recorded.tapes[0].serial;
        let reserved = reservations(&ledger(way), serial, Copy::Send)?;
        let read_there = reservations(&ledger(1 - way), serial, Copy::Receive)?;
        if let Some(span) = spans.iter().find(|s| !covers(&reserved, s)) {
            return Err(format!("{} codes of key from {} were used and not reserved", span.text.len(), span.from));
        }
        Ok(Judged { house, way, recorded, spans, reserved, read_there })
    }
    /// The labels stand where the ledgers end, and nothing is wrong with the tapes.
    fn labels_agree(&self) -> Result<(), String> {
        for (end, copy, ledger) in [(self.way, Copy::Send, &self.reserved), (1 - self.way, Copy::Receive, &self.read_there)] {
            let shown = show(&self.house.path("tapes").join(ENDS[end]))?.into_iter().collect::<Result<Vec<_>, _>>()?;
            let tape = shown.iter().find(|t| (t.label.serial, t.label.copy) == (self.recorded.tapes[0].serial, copy));
            let last = ledger.last().map_or(0, Entry::end);
            if !tape.is_some_and(|t| t.label.next == last && t.trouble.is_none()) {
                return Err(format!("{}: the ledger ends at {last}: {tape:?}", ENDS[end]));
            }
        }
        Ok(())
    }
    /// What is filed at the far end went over the line whole, and its key was reserved there too. Returns how many messages.
    fn filed_was_read(&self, held: &[Held]) -> Result<usize, String> {
        let whole = self.spans.iter().filter(|s| s.ending == Ending::Whole && s.is_message() && covers(&self.read_there, s));
        let texts: Vec<String> = whole.map(|s| s.printed(CodeTable::Ita2)).collect();
        let came = |row: &Held| texts.iter().any(|t| t.contains(&format!("\n{}\n", row.id.heading())) && t.contains(&row.text));
        let filed: Vec<&Held> = held.iter().filter(|r| !r.ours).collect();
        filed.iter().find(|r| !came(r)).map_or(Ok(filed.len()), |r| Err(format!("{} is filed, and no whole span with it was read", r.id)))
    }
    /// The same eyes see a span that is sent once more.
    fn a_span_sent_again_is_seen(&self) -> Result<(), String> {
        let Way { codes, tapes, said } = self.recorded;
        let span = self.spans.iter().rfind(|s| s.ending == Ending::Whole).ok_or("nothing was sent")?;
        let again = [codes, &codes[span.announced..span.at + span.text.len()]].concat();
        let found = read(&Way { codes: &again, tapes, said }).and_then(|spans| once_and_rising(&spans));
        if found.as_ref().is_err_and(|why| why.contains("key used twice")) { Ok(()) } else { Err(format!("sent again: {found:?}")) }
    }
    fn judge(&self, held: &[Held]) -> Result<String, String> {
        let proved = Places::of(self.recorded.tapes).prove(&self.recorded, &self.spans)?;
        self.labels_agree()?;
        let filed = self.filed_was_read(held)?;
        self.a_span_sent_again_is_seen()?;
        let used: usize = self.spans.iter().map(|s| s.text.len()).sum();
        let (end, highest) = (self.reserved.last().map_or(0, Entry::end), self.spans.last().map_or(0, Span::end) - 1);
        let count = |ending: Ending| self.spans.iter().filter(|s| s.ending == ending).count();
        let spans = format!("{} whole, {} cut, {} torn by a kill", count(Ending::Whole), count(Ending::Cut), count(Ending::Torn));
        Ok(format!(
            "{} codes; {used} of them enciphered, in {} spans ({spans}); each offset once, rising, the highest {highest}; {end} reserved in \
             {} pieces, {} of them burned; {proved} proved by cipher and text alone; {filed} messages filed once",
            self.recorded.codes.len(),
            self.spans.len(),
            self.reserved.len(),
            end - used as u64,
        ))
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
    let short = |rig: &Rig| points().iter().any(|p| rig.hits.get(p.name()).is_none_or(|n| *n < HITS));
    while number < at_least || (short(&rig) && number < at_least + 3 * points().len()) {
        rig.round(&Round::plan(number));
        number += 1;
    }
    assert!(!short(&rig), "after {number} rounds some point was hit less than {HITS} times: {:?}", rig.hits);
    rig.finish();
    println!("{number} rounds in {:.0} s", seconds() - started);
}

both_lines!(stations_killed_at_each_point_lose_and_double_nothing, #[ignore = "peer: run through tests/run"]);
fn stations_killed_at_each_point_lose_and_double_nothing() {
    rounds(points().len() * HITS as usize);
}

both_lines!(full_a_hundred_rounds_of_kills_lose_and_double_nothing, #[ignore = "full: run through tests/run --full"]);
fn full_a_hundred_rounds_of_kills_lose_and_double_nothing() {
    rounds(100usize.next_multiple_of(points().len()));
}

#[test]
#[ignore = "peer: run through tests/run"]
fn a_retry_that_reuses_key_is_seen_in_the_lines_recording() {
    over(Lines::Cipher, || {
        let mut rig = Rig::over(House::of(molink_with_faults()), "20");
        let mut control = std::os::unix::net::UnixStream::connect(rig.house.path("control")).unwrap();
        let fault = [("MOLINK_FAULT", Fault::RetryReusesKey.name())];
        rig.up = [0, 1].map(|end| Some(rig.house.start(ENDS[end], &fault).unwrap_or_else(|s| panic!("{} ended: {s}", ENDS[end]))));
        // What the ledger would have to reserve twice it refuses; a second message finds key at hand that was reserved for the first.
        rig.post(0, "ONE MESSAGE BEFORE IT".into());
        assert!(rig.settle(SETTLED), "{}\n{}", rig.log(0), rig.log(1));
        // A code of the message, so that it is asked for again.
        std::io::Write::write_all(&mut control, b"drop a>b 200\n").unwrap();
        rig.post(0, "SENT WITH THE SAME KEY TWICE".into());
        // The third call-up is for the retry; the fourth comes when that has gone out whole, and got no answer.
        let fourth = |e: &serde_json::Value| e["station"] == ENDS[0] && e["line"].as_str().is_some_and(|l| l.contains(" CALL 4 "));
        let called = rig.house.board.until(SETTLED, |s| s.events.iter().any(fourth).then_some(()));
        assert!(called.is_some(), "{}\n{}", rig.log(0), rig.log(1));
        rig.stop();
        let (recorded, said) = (recording(&rig.house.path("codes.jsonl")), said(&rig.house));
        let way = Way { codes: &recorded[0], tapes: &rig.tapes[0], said: &said[0] };
        let why = Judged::new(&rig.house, 0, way).err().expect("the judge finds nothing");
        println!("found out: {why}");
        assert!(why.contains("key used twice"), "{why}");
    });
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

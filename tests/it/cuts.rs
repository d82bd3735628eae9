//! The teletype over IP as its backend sees it: the conformance suite over TCP and TLS, and cuts at every stage of a message.
//!
//! Standards: none. In: stations of this process, a wire between them that breaks after a given byte. Out: each message on paper once.
//! Left out: what a cut does to key (`cipher`, `storm`). Shown by: itself.

use crate::lines::{self, Lines, both_lines, over};
use crate::wire::{Way, Wire, address};
use crate::world::draft;
use molink::key::{Medium, backend_disk};
use molink::message::{Identity, Name};
use molink::router::conformance::{Subject, run};
use molink::router::event::{Event, EventSink, Stamped};
use molink::router::{Backend, BoxFuture, Submitted};
use molink::station::{Running, Station, StationConfig};
use molink::teletype::Teletype;
use molink::time::Speed;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Tapes for both ways of a line, in `keys/STATION`.
fn hang_tapes(keys: &Path, ends: [&str; 2], characters: u64) {
    let [one, other] = ends.map(|e| e.parse::<Name>().unwrap());
    for (from, to) in [(&one, &other), (&other, &one)] {
        let utc = "1963-08-30T16:00:00Z".parse().unwrap();
        let order =
            backend_disk::Order { medium: Medium::Tape, name: format!("{from}-1"), characters, from: from.clone(), to: to.clone(), utc };
        backend_disk::make(&order, keys, &mut |_| true).unwrap();
    }
}

/// Certificates of both ends, each pinned by the other.
fn certificates(dir: &Path, ends: [&str; 2]) {
    use molink::line::ip::certs;
    for end in ends {
        certs::make(&dir.join(end), end, certs::world_utc(), 30).unwrap();
    }
    for (at, far) in [(ends[0], ends[1]), (ends[1], ends[0])] {
        certs::pin(&dir.join(at), &certs::file(&dir.join(far), far, "crt")).unwrap();
    }
}

/// The table of a port: alpha calls through the wire, beta listens.
fn table(dir: &Path, to: &str, station: &str, peer: &str, tls: bool) -> String {
    let end = if station == "alpha" || station == "washington" { "tcp" } else { "listen" };
    let tls = if tls { format!(", tls = \"{}\"", dir.join(station).display()) } else { String::new() };
    let keys = if lines::cipher() { format!("keys = \"{}\"\n", dir.join("keys").join(station).display()) } else { String::new() };
    format!("line = {{ {end} = \"{to}\"{tls} }}\npeer = \"{peer}\"\n{keys}")
}

/// A line over IP between `alpha` and `beta`, with a wire between them that can be cut.
struct OverIp {
    dir: tempfile::TempDir,
    listens: String,
    wire: Wire,
    tls: bool,
    lines: Lines,
}

impl OverIp {
    fn new(tls: bool, lines: Lines) -> OverIp {
        let dir = tempfile::tempdir().unwrap();
        if tls {
            certificates(dir.path(), ["alpha", "beta"]);
        }
        if lines == Lines::Cipher {
            hang_tapes(&dir.path().join("keys"), ["alpha", "beta"], 60_000);
        }
        let listens = address();
        OverIp { wire: Wire::to(&listens), listens, dir, tls, lines }
    }
}

impl Subject for OverIp {
    fn end(&self, station: &Name) -> Box<dyn Backend> {
        let (to, peer) = if station.as_str() == "alpha" { (&self.wire.at, "beta") } else { (&self.listens, "alpha") };
        let table = over(self.lines, || table(self.dir.path(), to, station.as_str(), peer, self.tls));
        Box::new(Teletype::from_table("line", station, table.parse().unwrap()).unwrap())
    }
    fn cut(&self, cut: bool) -> BoxFuture<'_, ()> {
        self.wire.cut(cut);
        Box::pin(async {})
    }
    fn patience(&self) -> Duration {
        Duration::from_secs(60)
    }
    /// 0.3 ms a code; the timers stand at their floor of 2 s.
    fn speed(&self) -> Speed {
        Speed::Times(500.0)
    }
}

fn conforms(tls: bool) {
    let lines = lines::now();
    let results = runtime().block_on(run(|| OverIp::new(tls, lines)));
    let told: Vec<String> = results.into_iter().map(|(case, result)| format!("{case}: {result:?}")).collect();
    println!("{}", told.join("\n"));
    assert!(told.len() >= 12 && told.iter().all(|t| t.ends_with("Ok(())")), "{}", told.join("\n"));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
#[ignore = "peer: run through tests/run"]
fn the_conformance_suite_passes_over_tcp_in_clear() {
    over(Lines::Clear, || conforms(false));
}
#[test]
#[ignore = "seconds in a debug build: run through tests/run"]
fn the_conformance_suite_passes_over_tls_enciphered() {
    over(Lines::Cipher, || conforms(true));
}
#[test]
#[ignore = "peer: run through tests/run"]
fn the_conformance_suite_passes_over_tcp_enciphered() {
    over(Lines::Cipher, || conforms(false));
}
#[test]
#[ignore = "peer: run through tests/run"]
fn the_conformance_suite_passes_over_tls_in_clear() {
    over(Lines::Clear, || conforms(true));
}

/// Every event of both stations.
#[derive(Default)]
struct Heard {
    events: Mutex<Vec<Stamped>>,
    changed: Notify,
}

impl EventSink for Heard {
    fn take(&self, event: Stamped) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        self.changed.notify_one();
    }
}

impl Heard {
    fn count(&self, station: &str, id: &Identity, wanted: impl Fn(&Event) -> bool) -> usize {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().filter(|e| e.station.as_str() == station && e.id.as_ref() == Some(id) && wanted(&e.event)).count()
    }
    /// Waits until the message is on paper there, and its sender knows that it is filed.
    async fn through(&self, id: &Identity, what: &str) {
        let done = async {
            let printed = |e: &Event| matches!(e, Event::Printed);
            let filed = |e: &Event| matches!(e, Event::Filed { .. });
            while self.count("moscow", id, printed) == 0 || self.count("washington", id, filed) == 0 {
                self.changed.notified().await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(60), done).await.is_err() {
            let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
            let last: Vec<String> = events.iter().rev().take(25).rev().map(|e| format!("{} {:?}", e.station, e.event)).collect();
            panic!("{what}: {id} is not through\n{}", last.join("\n"));
        }
    }
}

/// Where a line breaks.
#[derive(Clone, Copy, Debug)]
struct Point {
    /// On a connection that is made anew: then its greeting counts.
    fresh: bool,
    way: Way,
    bytes: usize,
}

/// Two stations on a line over IP that breaks.
struct Pair {
    dir: tempfile::TempDir,
    wire: Wire,
    heard: Arc<Heard>,
    washington: Running,
    moscow: Running,
}

impl Pair {
    async fn new(tls: bool, lines: Lines) -> Pair {
        let dir = tempfile::tempdir().unwrap();
        if tls {
            certificates(dir.path(), ["washington", "moscow"]);
        }
        if lines == Lines::Cipher {
            hang_tapes(&dir.path().join("keys"), ["washington", "moscow"], 60_000);
        }
        let (listens, heard) = (address(), Arc::new(Heard::default()));
        let wire = Wire::to(&listens);
        let start = async |name: &str, peer: &str, to: &str| {
            let port = over(lines, || table(dir.path(), to, name, peer, tls));
            let text = format!(
                "station = \"{name}\"\ndata = \"{}/{name}-data\"\nlisten = \"off\"\nspeed = \"max\"\nstart = \"1963-08-30T16:00:00Z\"\n\
                 [port.cable]\nbackend = \"teletype\"\n{port}[[route]]\nto = \"*@{peer}\"\nports = [\"cable\"]\n[retry]\nfirst = \"100ms\"\nlongest = \"500ms\"\n",
                dir.path().display()
            );
            let config = StationConfig::parse("a test", &text).unwrap();
            Station::builder().observe(heard.clone()).start(config).await.unwrap()
        };
        let moscow = start("moscow", "washington", &listens).await;
        let washington = start("washington", "moscow", &wire.at).await;
        Pair { dir, wire, heard, washington, moscow }
    }

    async fn send(&self, n: usize) -> (Identity, String) {
        let text = format!("MESSAGE {n} THE QUICK BROWN FOX JUMPED OVER THE LAZY DOG 1234567890");
        match self.washington.submit(draft("operator@washington", "operator@moscow", &text), None).await {
            Submitted::Accepted(id) => (id, text),
            other => panic!("not accepted: {other:?}"),
        }
    }

    /// Sends a message and breaks the line after so many bytes of it, the greeting counted if it is `fresh`; then it must come through, once.
    async fn cut_at(&self, n: usize, Point { fresh, way, bytes }: Point) -> bool {
        let before = self.wire.cuts();
        self.wire.cut_after(way, bytes, n % 2 == 1);
        if fresh {
            self.wire.cut(false); // what stands breaks; the next connection begins to count
        }
        let (id, text) = self.send(n).await;
        self.heard.through(&id, &format!("cut after {bytes} bytes {way:?}, fresh {fresh}")).await;
        let printed = self.heard.count("moscow", &id, |e| matches!(e, Event::Printed));
        let filed = self.heard.count("moscow", &id, |e| matches!(e, Event::Filed { .. }));
        assert_eq!((printed, filed), (1, 1), "{id}, cut after {bytes} bytes {way:?}");
        let paper = std::fs::read_to_string(self.dir.path().join(format!("moscow-data/paper/{id}.txt"))).unwrap();
        assert!(paper.lines().collect::<Vec<_>>().join(" ").contains(&text), "cut after {bytes} bytes {way:?}: {paper}");
        self.wire.cuts() > before
    }

    async fn stop(self, sent: usize) {
        let papers = std::fs::read_dir(self.dir.path().join("moscow-data/paper")).unwrap().count();
        assert_eq!(papers, sent, "as many papers as messages");
        self.washington.stop().await.unwrap();
        self.moscow.stop().await.unwrap();
    }
}

/// Breaks the line at every `step`th byte of what one message needs, both ways, on `rigs` lines at once; says how many cuts there were.
fn cut_everywhere(tls: bool, step: usize, rigs: usize) {
    let lines = lines::now();
    let done = runtime().block_on(async {
        // How much one message needs on a line that stands, and on one that has to be made first.
        let pair = Pair::new(tls, lines).await;
        pair.heard.through(&pair.send(0).await.0, "the first").await;
        let first = pair.wire.passed();
        pair.heard.through(&pair.send(1).await.0, "the second").await;
        let second = [pair.wire.passed()[0] - first[0], pair.wire.passed()[1] - first[1]];
        pair.stop(2).await;
        let mut points = vec![];
        for (fresh, bytes) in [(false, second), (true, first)] {
            for way in [Way::There, Way::Back] {
                points.extend((1..=bytes[way as usize]).step_by(step).map(|bytes| Point { fresh, way, bytes }));
            }
        }
        let points = Arc::new(Mutex::new(points.into_iter().enumerate()));
        let mut rigs: tokio::task::JoinSet<(usize, usize)> = (0..rigs)
            .map(|_| {
                let points = points.clone();
                async move {
                    let pair = Pair::new(tls, lines).await;
                    let (mut sent, mut cuts) = (0, 0);
                    loop {
                        let next = points.lock().unwrap().next();
                        let Some((n, point)) = next else { break };
                        cuts += usize::from(pair.cut_at(n, point).await);
                        sent += 1;
                    }
                    pair.stop(sent).await;
                    (sent, cuts)
                }
            })
            .collect();
        let mut sum = (0, 0);
        while let Some(rig) = rigs.join_next().await {
            let (sent, cuts) = rig.unwrap();
            sum = (sum.0 + sent, sum.1 + cuts);
        }
        println!("first message {first:?} bytes there and back, the next {second:?}; {} messages, {} cuts", sum.0, sum.1);
        sum
    });
    assert!(done.0 > 0 && done.1 * 10 >= done.0 * 9, "{done:?}: most points must be hit");
}

#[test]
fn a_tcp_line_cut_at_any_point_loses_and_doubles_nothing_enciphered() {
    over(Lines::Cipher, || cut_everywhere(false, 61, 4));
}
#[test]
#[ignore = "seconds in a debug build: run through tests/run"]
fn a_tls_line_cut_at_any_point_loses_and_doubles_nothing_in_clear() {
    over(Lines::Clear, || cut_everywhere(true, 211, 4));
}
#[test]
#[ignore = "peer: run through tests/run"]
fn a_tcp_line_cut_at_any_point_loses_and_doubles_nothing_in_clear() {
    over(Lines::Clear, || cut_everywhere(false, 13, 8));
}
#[test]
#[ignore = "peer: run through tests/run"]
fn a_tls_line_cut_at_any_point_loses_and_doubles_nothing_enciphered() {
    over(Lines::Cipher, || cut_everywhere(true, 47, 8));
}

fn full_a_tcp_line_cut_at_every_second_byte_loses_and_doubles_nothing() {
    cut_everywhere(false, 2, 16);
}
fn full_a_tls_line_cut_at_every_ninth_byte_loses_and_doubles_nothing() {
    cut_everywhere(true, 9, 16);
}
both_lines!(full_a_tcp_line_cut_at_every_second_byte_loses_and_doubles_nothing, #[ignore = "full: run through tests/run --full"]);
both_lines!(full_a_tls_line_cut_at_every_ninth_byte_loses_and_doubles_nothing, #[ignore = "full: run through tests/run --full"]);

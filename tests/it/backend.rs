//! The teletype backend, live: two ends on a stream in memory, with real time in small amounts.

use molink::line::{Handover, Kind, Opened, pty_pair_with_link};
use molink::message::Name;
use molink::router::conformance::{Subject, run};
use molink::router::event::{Event, EventSink, Stamped};
use molink::router::port::PortReport;
use molink::router::{Backend, BackendError, BoxFuture, Fault, Order, Outcome, Port, Verdict};
use molink::teletype::keys::Keys;
use molink::teletype::{Opener, Teletype};
use molink::time::{Clock, Speed};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::lines::{both_lines, cipher};
use crate::pair::{M, W, delivery};
use crate::support::make_tapes;

/// Runs a test of live ends in this thread, with others for the ends.
fn live(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test);
}

/// The keys of an end's port: enciphered where this test's lines are, by tapes that lie in `dir`.
fn keys_in(dir: &Path, ends: [&str; 2], station: &str, text: &str) -> toml::Table {
    let mut table: toml::Table = text.parse().unwrap();
    if cipher() {
        let dir = dir.join("tapes");
        if !dir.exists() {
            make_tapes(&dir, ends, 400_000);
        }
        table.insert("keys".into(), dir.join(station).display().to_string().into());
    }
    table
}
/// The same with tapes for all of a test, which runs in one thread.
fn keys_of(station: &str, text: &str) -> Keys {
    thread_local!(static ROOM: tempfile::TempDir = tempfile::tempdir().unwrap());
    Keys::read(ROOM.with(|room| keys_in(room.path(), ["washington", "moscow"], station, text))).unwrap()
}

#[derive(Default)]
struct Notebook(Mutex<Vec<Event>>);
impl EventSink for Notebook {
    fn take(&self, event: Stamped) {
        self.0.lock().unwrap().push(event.event);
    }
}

/// Hands out streams that a test puts in; each is a device opened once more.
fn opener(streams: mpsc::Receiver<DuplexStream>, uart: bool) -> Opener {
    let streams = Arc::new(tokio::sync::Mutex::new(streams));
    Box::new(move || {
        let streams = streams.clone();
        let kind = if uart { Kind::Uart { adapter: "driver test".into() } } else { Kind::Pty };
        Box::pin(async move {
            let stream = streams.lock().await.recv().await.ok_or("`/dev/ttyX` is gone; plug it in")?;
            Ok(Opened { stream: Box::new(stream), kind, handover: Handover::AtEnd, notes: vec!["a stream in memory".into()], rts: None })
        })
    })
}

struct End {
    orders: Option<mpsc::Sender<Order>>,
    reports: mpsc::Receiver<(String, PortReport)>,
    /// Reports that came while another kind was waited for: the two ways of a line are not in step.
    kept: Vec<PortReport>,
    events: Arc<Notebook>,
    task: JoinHandle<Result<(), BackendError>>,
    streams: mpsc::Sender<DuplexStream>,
}

fn end(side: usize, speed: Speed, uart: bool) -> End {
    let name: Name = ["washington", "moscow"][side].parse().unwrap();
    let (streams, waiting) = mpsc::channel(4);
    let keys = keys_of(name.as_str(), "baud = 50");
    let (tx, reports) = mpsc::channel(8);
    let events = Arc::new(Notebook::default());
    let clock = Clock::new(Some("1963-08-30T16:00:00Z".parse().unwrap()), speed);
    let (port, orders) = Port::new("cable", &name, tx, events.clone(), clock);
    let task = tokio::spawn(Box::new(Teletype::new(keys, opener(waiting, uart))).run(port));
    End { orders: Some(orders), reports, kept: vec![], events, task, streams }
}

async fn joined(speed: Speed) -> (End, End) {
    let (w, m) = (end(W, speed, false), end(M, speed, false));
    join(&w, &m).await;
    (w, m)
}
async fn join(w: &End, m: &End) {
    let (a, b) = tokio::io::duplex(4096);
    w.streams.send(a).await.unwrap();
    m.streams.send(b).await.unwrap();
}

impl End {
    async fn deliver(&self, side: usize, number: u32, text: &str) {
        self.orders.as_ref().unwrap().send(Order::Deliver(delivery(side, number, text))).await.unwrap();
    }
    async fn report(&mut self) -> PortReport {
        tokio::time::timeout(Duration::from_secs(60), self.reports.recv()).await.expect("a report in time").unwrap().1
    }
    async fn wanted(&mut self, wanted: impl Fn(&PortReport) -> bool) -> PortReport {
        if let Some(at) = self.kept.iter().position(&wanted) {
            return self.kept.remove(at);
        }
        loop {
            let report = self.report().await;
            if wanted(&report) {
                return report;
            }
            self.kept.push(report);
        }
    }
    async fn outcome(&mut self) -> Outcome {
        match self.wanted(|r| matches!(r, PortReport::Ended { .. })).await {
            PortReport::Ended { outcome, .. } => outcome,
            PortReport::Came { .. } | PortReport::Typed { .. } | PortReport::Learned { .. } => unreachable!("only an end is wanted"),
        }
    }
    async fn files(&mut self, verdict: Verdict) -> String {
        match self.wanted(|r| matches!(r, PortReport::Came { .. })).await {
            PortReport::Came { message, answer } => {
                answer.send(verdict).unwrap();
                message.text()
            }
            PortReport::Ended { .. } | PortReport::Typed { .. } | PortReport::Learned { .. } => unreachable!("only a message is wanted"),
        }
    }
    async fn stop(mut self) {
        self.orders = None;
        tokio::time::timeout(Duration::from_secs(5), self.task).await.expect("a stop in time").unwrap().unwrap();
    }
}

both_lines!(messages_go_both_ways_at_full_speed);
fn messages_go_both_ways_at_full_speed() {
    live(async {
        let (mut w, mut m) = joined(Speed::Max).await;
        w.deliver(W, 1, "THE QUICK BROWN FOX 1234567890").await;
        m.deliver(M, 1, "RYRY").await;
        assert_eq!(m.files(Verdict::Filed).await, "THE QUICK BROWN FOX 1234567890");
        assert_eq!(w.files(Verdict::FiledBefore).await, "RYRY");
        assert!(matches!(w.outcome().await, Outcome::Delivered(r) if !r.before && r.station.as_str() == "moscow"));
        assert!(matches!(m.outcome().await, Outcome::Delivered(r) if r.before));
        assert!(w.events.0.lock().unwrap().contains(&Event::Note { text: "a stream in memory".into() }));
        w.stop().await;
        m.stop().await;
    });
}

both_lines!(a_long_text_at_full_speed_arrives_whole);
fn a_long_text_at_full_speed_arrives_whole() {
    live(async {
        let (mut w, mut m) = joined(Speed::Max).await;
        let text = "THE QUICK BROWN FOX JUMPED OVER THE LAZY DOG 1234567890\n".repeat(1700);
        w.deliver(W, 1, text.trim_end()).await;
        assert_eq!(m.files(Verdict::Filed).await, text.trim_end());
        assert!(matches!(w.outcome().await, Outcome::Delivered(_)));
    });
}

both_lines!(a_lost_device_gives_deliveries_back_at_once_and_is_opened_again);
fn a_lost_device_gives_deliveries_back_at_once_and_is_opened_again() {
    live(async {
        let (mut w, mut m) = joined(Speed::Max).await;
        w.deliver(W, 1, "A").await;
        m.files(Verdict::Filed).await;
        w.outcome().await;
        // The far end goes; the stream ends for both.
        m.stop().await;
        let lost = |e: &Event| matches!(e, Event::LineDown { reason } if reason.contains("closed"));
        while !w.events.0.lock().unwrap().iter().any(lost) {
            tokio::task::yield_now().await;
        }
        w.deliver(W, 2, "B").await;
        let Outcome::Deferred(reason) = w.outcome().await else { panic!("not deferred") };
        assert!(reason.fault == Fault::Line && reason.text.contains("MOSCOW is gone"), "{}", reason.text);
        let mut m = end(M, Speed::Max, false);
        join(&w, &m).await;
        // The terminal is told that the line is back; until then deliveries come back at once.
        let outcome = loop {
            w.deliver(W, 3, "B").await;
            tokio::select! {
                outcome = w.outcome() => if !matches!(outcome, Outcome::Deferred(_)) { break outcome },
                text = m.files(Verdict::Filed) => { assert_eq!(text, "B"); break w.outcome().await }
            }
        };
        assert!(matches!(outcome, Outcome::Delivered(_)), "{outcome:?}");
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_never_opens_defers_with_its_own_words() {
    let mut w = end(W, Speed::Max, false);
    drop(std::mem::replace(&mut w.streams, mpsc::channel(1).0));
    w.deliver(W, 1, "A").await;
    let Outcome::Deferred(reason) = w.outcome().await else { panic!("not deferred") };
    assert!(reason.text.contains("`/dev/ttyX` is gone; plug it in"), "{}", reason.text);
    w.stop().await;
}

both_lines!(a_stop_in_mid_message_cuts_it_and_the_far_end_has_a_fragment);
fn a_stop_in_mid_message_cuts_it_and_the_far_end_has_a_fragment() {
    live(async {
        let (w, m) = joined(Speed::Times(20.0)).await;
        w.deliver(W, 1, &"RYRYRYRYRY ".repeat(200)).await;
        let printed = |m: &End| m.events.0.lock().unwrap().iter().filter(|e| matches!(e, Event::Characters { .. })).count();
        while printed(&m) < 60 {
            tokio::task::yield_now().await;
        }
        w.stop().await;
        let fragment = |e: &Event| matches!(e, Event::Fragment { reason, .. } if reason.contains("cut"));
        let wait = async {
            while !m.events.0.lock().unwrap().iter().any(fragment) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), wait).await.expect("a fragment");
        m.stop().await;
    });
}

both_lines!(a_call_off_in_mid_message_says_where_it_stopped);
fn a_call_off_in_mid_message_says_where_it_stopped() {
    live(async {
        let (mut w, m) = joined(Speed::Times(20.0)).await;
        w.deliver(W, 1, &"RYRYRYRYRY ".repeat(200)).await;
        while m.events.0.lock().unwrap().iter().filter(|e| matches!(e, Event::Characters { .. })).count() < 60 {
            tokio::task::yield_now().await;
        }
        w.orders.as_ref().unwrap().send(Order::CallOff(1)).await.unwrap();
        let Outcome::CalledOff { at } = w.outcome().await else { panic!("not called off") };
        let sent: usize = at.split(' ').nth(1).unwrap().parse().unwrap();
        assert!((60..400).contains(&sent), "{at}");
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_uart_at_another_speed_than_life_is_refused() {
    let w = end(W, Speed::Times(2.0), true);
    let (a, _b) = tokio::io::duplex(64);
    w.streams.send(a).await.unwrap();
    let why = w.task.await.unwrap().unwrap_err();
    assert!(why.0.contains("speed 2") && why.0.contains("driver test"), "{why}");
}

/// A line in memory between `alpha` and `beta` that outlives its ends: each new end is patched in anew.
struct Exchange {
    plugged: mpsc::UnboundedSender<(usize, DuplexStream)>,
    cut: Arc<AtomicBool>,
    room: tempfile::TempDir,
}

impl Exchange {
    fn new() -> Exchange {
        let (plugged, plugs) = mpsc::unbounded_channel();
        let cut = Arc::new(AtomicBool::new(false));
        tokio::spawn(relay(plugs, cut.clone()));
        Exchange { plugged, cut, room: tempfile::tempdir().unwrap() }
    }
}

/// Passes bytes between the two newest streams; what is sent into a cut, or to nobody, is gone.
async fn relay(mut plugs: mpsc::UnboundedReceiver<(usize, DuplexStream)>, cut: Arc<AtomicBool>) {
    let mut ends: [Option<DuplexStream>; 2] = [None, None];
    let mut buffers = [[0; 1024]; 2];
    loop {
        let [a, b] = &mut ends;
        let [to_a, to_b] = &mut buffers;
        let (from, n) = tokio::select! {
            plug = plugs.recv() => match plug {
                Some((side, stream)) => { ends[side] = Some(stream); continue }
                None => return,
            },
            n = read(a, to_a) => (0, n),
            n = read(b, to_b) => (1, n),
        };
        if n == 0 {
            ends[from] = None; // its end has gone
        } else if let (Some(far), false) = (&mut ends[1 - from], cut.load(Ordering::SeqCst))
            && far.write_all(&buffers[from][..n]).await.is_err()
        {
            ends[1 - from] = None;
        }
    }
}
async fn read(stream: &mut Option<DuplexStream>, buffer: &mut [u8]) -> usize {
    match stream {
        Some(stream) => stream.read(buffer).await.unwrap_or(0),
        None => std::future::pending().await,
    }
}

impl Subject for Exchange {
    fn end(&self, station: &Name) -> Box<dyn Backend> {
        let side = usize::from(station.as_str() != "alpha");
        let plugged = self.plugged.clone();
        let open: Opener = Box::new(move || {
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            let there = plugged.send((side, theirs)).map_err(|_| "the exchange is gone".to_owned());
            Box::pin(async move {
                there.map(|()| Opened { stream: Box::new(ours), kind: Kind::Pty, handover: Handover::AtEnd, notes: vec![], rts: None })
            })
        });
        let keys = Keys::read(keys_in(self.room.path(), ["alpha", "beta"], station.as_str(), "")).unwrap();
        Box::new(Teletype::new(keys, open))
    }
    fn cut(&self, cut: bool) -> BoxFuture<'_, ()> {
        self.cut.store(cut, Ordering::SeqCst);
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

both_lines!(the_teletype_passes_the_conformance_suite);
fn the_teletype_passes_the_conformance_suite() {
    live(async {
        let told: Vec<String> = run(Exchange::new).await.into_iter().map(|(case, result)| format!("{case}: {result:?}")).collect();
        println!("{}", told.join("\n"));
        assert!(told.len() >= 12 && told.iter().all(|t| t.ends_with("Ok(())")), "{}", told.join("\n"));
    });
}

both_lines!(two_stations_on_real_ptys_exchange_messages_from_their_station_files_keys);
fn two_stations_on_real_ptys_exchange_messages_from_their_station_files_keys() {
    live(async {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let (mut a, mut b) = (pty_pair_with_link(&path("washington")).unwrap(), pty_pair_with_link(&path("moscow")).unwrap());
        let wire = tokio::spawn(async move { tokio::io::copy_bidirectional(&mut a, &mut b).await });
        let end = |name: &str, peer: &str| {
            let station: Name = name.parse().unwrap();
            let text = format!("line = {{ pty = \"{}\" }}\npeer = \"{peer}\"\nbaud = 75", path(name).display());
            let table = keys_in(dir.path(), ["washington", "moscow"], name, &text);
            let backend = Teletype::from_table("cable", &station, table).unwrap();
            let (tx, reports) = mpsc::channel(8);
            let events = Arc::new(Notebook::default());
            let clock = Clock::new(Some("1963-08-30T16:00:00Z".parse().unwrap()), Speed::Times(50.0));
            let (port, orders) = Port::new("cable", &station, tx, events.clone(), clock);
            End {
                orders: Some(orders),
                reports,
                kept: vec![],
                events,
                task: tokio::spawn(Box::new(backend).run(port)),
                streams: mpsc::channel(1).0,
            }
        };
        let (mut w, mut m) = (end("washington", "moscow"), end("moscow", "washington"));
        for number in 1..=2 {
            w.deliver(W, number, "TEST 123").await;
            assert_eq!(m.files(Verdict::Filed).await, "TEST 123");
            assert!(matches!(w.outcome().await, Outcome::Delivered(_)));
        }
        m.deliver(M, 1, "RYRY").await;
        assert_eq!(w.files(Verdict::Filed).await, "RYRY");
        assert!(matches!(m.outcome().await, Outcome::Delivered(_)));
        let noted = |e: &Event| matches!(e, Event::Note { text } if text.contains("pty"));
        assert!(w.events.0.lock().unwrap().iter().any(noted));
        w.stop().await;
        m.stop().await;
        wire.abort();
    });
}

#[test]
fn a_table_without_a_line_or_with_itself_as_peer_is_refused() {
    let station: Name = "washington".parse().unwrap();
    let refused = |text: &str| Teletype::from_table("cable", &station, text.parse().unwrap()).err().unwrap();
    assert!(refused("").contains("`cable` has no line"));
    assert!(refused("line = { pty = \"x\" }\npeer = \"washington\"").contains("this station itself"));
    assert!(refused("line = { pty = \"x\" }\nbaudd = 50").contains("`baudd`"));
    let motor = refused("kind = \"machine\"\nline = { pty = \"x\" }\nmotor = \"rts\"");
    assert!(motor.contains("needs a serial port, which pty x is not"), "{motor}");
}

both_lines!(a_check_calls_up_and_says_who_answers_or_that_nobody_does);
fn a_check_calls_up_and_says_who_answers_or_that_nobody_does() {
    live(async {
        let moscow = end(M, Speed::Times(100.0), false);
        let (streams, waiting) = mpsc::channel(2);
        let keys = keys_of("washington", "baud = 50");
        let washington = Teletype::new(keys, opener(waiting, false));
        let (a, b) = tokio::io::duplex(4096);
        streams.send(a).await.unwrap();
        moscow.streams.send(b).await.unwrap();
        let station: Name = "washington".parse().unwrap();
        let notes = washington.check(&station, Speed::Times(100.0)).await.unwrap();
        let expected = if cipher() { "MOSCOW is there, and its line is enciphered too" } else { "MOSCOW is ready" };
        assert!(notes.last().unwrap().contains(expected), "{notes:?}");
        let (alone, _nobody) = tokio::io::duplex(4096);
        streams.send(alone).await.unwrap();
        let notes = washington.check(&station, Speed::Times(100.0)).await.unwrap();
        assert!(notes.last().unwrap().contains("no answer within"), "{notes:?}");
    });
}

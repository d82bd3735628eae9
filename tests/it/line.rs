//! Lines over real ptys and TCP: what a device is, what an open end is, and the relay between two ends with its faults.
//!
//! Standards: none beyond `line`'s. In: codes written by an ordinary program to a device. Out: what the other program reads.
//! Left out: real UARTs (`molink doctor` tries those), accuracy in time (`tests/bench/pacing.rs`). Shown by: itself.

use crate::support::free_port;
use molink::line::{End, Kind, LineSpec, Opened, Profile, PtyEnd, Relay, RelayConfig, RelayHandle, Settings, open, pty_pair_with_link};
use molink::time::Speed;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Nothing here takes so long unless it hangs.
const LONG: Duration = Duration::from_secs(20);

async fn soon<T>(what: &str, wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, wait).await.unwrap_or_else(|_| panic!("{what}: nothing within {LONG:?}"))
}

fn spec(path: &Path) -> LineSpec {
    LineSpec::Serial(path.to_owned())
}

/// A pty that does what its owner reads and writes: the far side of a device under test.
fn pty(dir: &tempfile::TempDir, name: &str) -> (PtyEnd, PathBuf) {
    let path = dir.path().join(name);
    (pty_pair_with_link(&path).unwrap(), path)
}

#[tokio::test]
async fn a_pty_is_recognised_by_its_device_number_and_taken_with_a_note() {
    let dir = tempfile::tempdir().unwrap();
    let (mut far, path) = pty(&dir, "line");
    let mut near = open(&spec(&path), &Settings::default()).await.unwrap();
    assert_eq!(near.kind, Kind::Pty);
    assert!(near.notes[0].contains("pty") && near.notes[0].contains("masked to 5 bits"), "{:?}", near.notes);
    let mut got = [0; 4];
    // Our end has seen the device open before it sends: else the codes would be nobody's.
    near.stream.write_all(&[0xff, 0x1f, 0, 3]).await.unwrap();
    soon("codes from the device", far.read_exact(&mut got)).await.unwrap();
    assert_eq!(got, [0xff, 0x1f, 0, 3], "a pty does not mask: we do");
    far.write_all(&[4, 0x0d, 0x11, 0x03]).await.unwrap();
    soon("codes to the device", near.stream.read_exact(&mut got)).await.unwrap();
    assert_eq!(got, [4, 0x0d, 0x11, 0x03], "no byte means anything to the pty");
}

#[tokio::test]
async fn what_comes_while_nobody_has_the_device_open_is_lost_and_the_next_gets_nothing_stale() {
    let dir = tempfile::tempdir().unwrap();
    let (mut far, path) = pty(&dir, "line");
    let watch = far.watch();
    far.write_all(&[1; 100]).await.unwrap();
    assert_eq!(watch.lost(), 100);
    let mut byte = [0; 1];
    for round in 0..5_u8 {
        let mut near = open(&spec(&path), &Settings::default()).await.unwrap();
        near.stream.write_all(&[round]).await.unwrap();
        soon("a code", far.read_exact(&mut byte)).await.unwrap();
        assert_eq!(byte, [round]);
        far.write_all(&[20, 21, 22]).await.unwrap();
        soon("a code", near.stream.read_exact(&mut byte)).await.unwrap();
        assert_eq!(byte, [20], "round {round}: the two after it stay unread");
        drop(near);
        let closed = async {
            while watch.is_open() {
                let _ = tokio::time::timeout(Duration::from_millis(5), far.read(&mut byte)).await;
            }
        };
        soon("the close to be seen", closed).await;
        far.write_all(&[23]).await.unwrap();
    }
    assert_eq!(watch.lost(), 105);
}

#[tokio::test]
async fn a_program_that_has_it_open_and_reads_nothing_costs_bounded_memory() {
    let dir = tempfile::tempdir().unwrap();
    let (mut far, path) = pty(&dir, "line");
    let mut near = open(&spec(&path), &Settings::default()).await.unwrap();
    near.stream.write_all(&[1]).await.unwrap();
    soon("a code", far.read_u8()).await.unwrap();
    for _ in 0..1_000 {
        soon("writing to never wait", far.write_all(&[7; 1_000])).await.unwrap();
    }
    assert!(far.watch().lost() > 900_000, "{}", far.watch().lost());
}

#[tokio::test]
async fn a_device_that_cannot_be_had_is_told_in_one_sentence_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let gone = dir.path().join("gone");
    std::os::unix::fs::symlink("/dev/pts/999999", &gone).unwrap();
    let (_far, busy) = pty(&dir, "busy");
    let held = open(&spec(&busy), &Settings::default()).await.unwrap();
    let cases = [
        (dir.path().join("none"), "no device", "is it plugged in"),
        (gone, "links to /dev/pts/999999, which is gone", "still run?"),
        (dir.path().to_owned(), "is a folder", "give the device"),
        (file, "is a file, not a serial device", "give a device"),
        ("/dev/null".into(), "not a tty", "give one as"),
        ("/dev/ptmx".into(), "master side of ptys", "/dev/pts/N"),
        (busy.clone(), "in use by another program", "end that first"),
    ];
    for (path, what, to_do) in cases {
        let said = open(&spec(&path), &Settings::default()).await.unwrap_err();
        let shown = path.display().to_string();
        assert!(said.contains(what) && said.contains(to_do) && said.contains(&shown), "{said}");
        assert!(!said.contains('\n') && !said.ends_with('.'), "{said}");
    }
    drop(held);
    open(&spec(&busy), &Settings::default()).await.expect("free again once it is closed");
}

#[tokio::test]
async fn a_lock_that_passes_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let (_far, path) = pty(&dir, "line");
    let held = open(&spec(&path), &Settings::default()).await.unwrap();
    // As if a child that was started just now had it until its exec: the first try finds it in use, a later one does not.
    let (spec, settings) = (spec(&path), Settings::default());
    let (opened, ()) = tokio::join!(open(&spec, &settings), async move { drop(held) });
    opened.expect("what held it is gone");
}

#[tokio::test]
async fn a_link_is_never_made_over_what_is_not_ours() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("line");
    std::fs::write(&path, "precious").unwrap();
    assert!(pty_pair_with_link(&path).err().unwrap().contains("not a link of ours"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/etc/hosts", &path).unwrap();
    assert!(pty_pair_with_link(&path).err().unwrap().contains("no pty"));
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/dev/pts/999999", &path).unwrap();
    let end = pty_pair_with_link(&path).expect("a stale link is replaced");
    assert!(pty_pair_with_link(&path).err().unwrap().contains("already links to"));
    drop(end);
    assert!(std::fs::symlink_metadata(&path).is_err(), "the link goes with its end");
}

/// A relay between two ptys, with both devices open.
struct Bench {
    relay: RelayHandle,
    a: Opened,
    b: Opened,
    dir: tempfile::TempDir,
}

impl Bench {
    async fn new(profile: Profile, speed: Speed) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let config = RelayConfig { profile, speed, log: Some(path("log")), control: Some(path("control")), ..RelayConfig::default() };
        let relay = Relay::start(End::Pty(path("a")), End::Pty(path("b")), config).await.unwrap();
        let a = open(&spec(&path("a")), &Settings::default()).await.unwrap();
        let b = open(&spec(&path("b")), &Settings::default()).await.unwrap();
        Bench { relay, a, b, dir }
    }

    async fn received(&mut self, n: usize) -> Vec<u8> {
        let mut got = vec![0; n];
        soon("codes over the relay", self.b.stream.read_exact(&mut got)).await.unwrap();
        got
    }

    /// Ends the relay and reads its log: way, code, fate, in order.
    async fn log(self) -> Vec<(String, u8, String)> {
        soon("the end", self.relay.stop()).await;
        let text = std::fs::read_to_string(self.dir.path().join("log")).unwrap();
        let mut before = 0;
        let read = |line: &str| {
            let v: Value = serde_json::from_str(line).unwrap();
            let t = v["t"].as_u64().unwrap();
            assert!(t >= before, "the log is in order of time within a way");
            before = t;
            let text = |key: &str| v[key].as_str().unwrap().to_owned();
            (text("dir"), u8::from_str_radix(&text("code"), 16).unwrap(), text("fate"))
        };
        text.lines().map(read).collect()
    }
}

fn codes(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i * 7 % 32) as u8).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_pass_intact_both_ways_at_speed_max_more_than_any_buffer_holds() {
    let mut bench = Bench::new(Profile::clean(), Speed::Max).await;
    let sent = codes(300_000);
    let (mut a_read, mut a_write) = tokio::io::split(bench.a.stream);
    let (mut b_read, mut b_write) = tokio::io::split(bench.b.stream);
    let (mut at_a, mut at_b) = (vec![0; sent.len()], vec![0; sent.len()]);
    let all = async {
        tokio::try_join!(a_write.write_all(&sent), b_write.write_all(&sent), a_read.read_exact(&mut at_a), b_read.read_exact(&mut at_b))
    };
    soon("300,000 codes each way", all).await.unwrap();
    assert!(at_a == sent && at_b == sent);
    bench.relay.command("stop").await;
    soon("the end", bench.relay.ended()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_pass_intact_and_paced_at_speed_20() {
    let mut bench = Bench::new(Profile::clean(), Speed::Times(20.0)).await;
    let clock = molink::time::Clock::new(None, Speed::REAL);
    bench.a.stream.write_all(&codes(100)).await.unwrap();
    let mut got = bench.received(1).await;
    let first = clock.now();
    got.extend(bench.received(99).await);
    let took = clock.now().since(first);
    assert_eq!(got, codes(100));
    // 99 codes of 7.5 ms: never faster; slower only by the machine.
    assert!(took >= Duration::from_micros(99 * 7_500 - 20_000), "{took:?}");
    let log = bench.log().await;
    assert_eq!(log.len(), 100);
    assert!(log.iter().all(|(dir, _, fate)| dir == "a>b" && fate == "ok"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_planned_fault_happens_exactly_at_its_code_and_is_in_the_log() {
    let mut bench = Bench::new(Profile::clean(), Speed::Max).await;
    assert_eq!(bench.relay.command("drop a>b 3").await, "ok drop of code 2 a>b");
    bench.relay.command("double a>b 10").await;
    bench.relay.command("flip a>b 17").await;
    let sent = codes(40);
    bench.a.stream.write_all(&sent).await.unwrap();
    let got = bench.received(40).await;
    let mut want = sent.clone();
    want.remove(2);
    want.insert(9, sent[9]);
    assert_eq!((got[16] ^ want[16]).count_ones(), 1);
    want[16] = got[16];
    assert_eq!(got, want);
    assert!(bench.relay.command("status").await.contains("a>b carried 40 ok 37 flip 1 drop 1 double 1 cut 0"));
    let log = bench.log().await;
    let logged: Vec<u8> = log.iter().map(|(_, code, _)| *code).collect();
    assert_eq!(logged, sent, "the log has every code as sent");
    let faults: Vec<_> = log.iter().enumerate().filter(|(_, l)| l.2 != "ok").map(|(i, l)| (i, l.2.as_str())).collect();
    assert_eq!(faults, [(2, "drop"), (9, "double"), (16, "flip")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_control_socket_cuts_and_restores_and_is_private() {
    use std::os::unix::fs::PermissionsExt;
    use tokio::io::{AsyncBufReadExt, BufReader};
    let mut bench = Bench::new(Profile::clean(), Speed::Max).await;
    let path = bench.dir.path().join("control");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut clients = vec![];
    for _ in 0..2 {
        clients.push(BufReader::new(tokio::net::UnixStream::connect(&path).await.unwrap()));
    }
    async fn ask(client: &mut BufReader<tokio::net::UnixStream>, line: &str) -> String {
        // A line that is too long is answered before all of it was read, and the socket closed: the answer is what counts.
        let _ = client.write_all(format!("{line}\n").as_bytes()).await;
        let mut answer = String::new();
        soon("an answer", client.read_line(&mut answer)).await.unwrap();
        answer
    }
    assert_eq!(ask(&mut clients[0], "cut").await, "ok cut until `restore`\n");
    bench.a.stream.write_all(&[1, 2, 3]).await.unwrap();
    // Told when all three are in the log: the status comes from the thread that carries them.
    while !ask(&mut clients[1], "status").await.contains("a>b carried 3 ") {}
    assert_eq!(ask(&mut clients[1], "restore").await, "ok restored\n");
    bench.a.stream.write_all(&[4, 5]).await.unwrap();
    assert_eq!(bench.received(2).await, [4, 5]);
    assert!(ask(&mut clients[0], "cut off").await.starts_with("error `off` is not a time"));
    assert!(ask(&mut clients[0], "drop sideways").await.starts_with("error no way"));
    let long = ask(&mut clients[0], &"x".repeat(100_000)).await;
    assert!(long.starts_with("error a command has at most 200 bytes"), "{long}");
    let log = bench.log().await;
    let fates: Vec<_> = log.iter().map(|(_, code, fate)| (*code, fate.as_str())).collect();
    assert_eq!(fates, [(1, "cut"), (2, "cut"), (3, "cut"), (4, "ok"), (5, "ok")]);
    assert!(std::fs::symlink_metadata(&path).is_err(), "the socket goes with the relay");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_garbage_into_a_line_nobody_reads_stops_at_the_sender() {
    let mut bench = Bench::new(Profile::geo(), Speed::REAL).await;
    let garbage = async {
        let mut taken = 0_u64;
        while let Ok(Ok(n)) = tokio::time::timeout(Duration::from_millis(500), bench.a.stream.write(&[0xf7; 4096])).await {
            taken += n as u64;
        }
        taken
    };
    let taken = soon("the sender to be stopped", garbage).await;
    assert!(taken < 200_000, "{taken} bytes swallowed");
    let status = bench.relay.command("status").await;
    let in_flight: usize = status.split("in-flight ").nth(1).and_then(|s| s.split(';').next()).unwrap().parse().unwrap();
    assert!((1..=60).contains(&in_flight), "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_goes_away_is_told_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let far = dir.path().join("far");
    let config = RelayConfig { speed: Speed::Max, ..RelayConfig::default() };
    let other = pty_pair_with_link(&far).unwrap();
    let mut relay = Relay::start(End::Pty(dir.path().join("near")), End::Device(far.clone()), config).await.unwrap();
    let mut notes = relay.notes().unwrap();
    drop(other);
    let note = soon("a note", notes.recv()).await.unwrap();
    assert!(note.contains("went away") && note.contains("waiting for it"), "{note}");
    let mut other = pty_pair_with_link(&far).unwrap();
    let note = soon("a note", notes.recv()).await.unwrap();
    assert!(note.ends_with("is up"), "{note}");
    let mut near = open(&spec(&dir.path().join("near")), &Settings::default()).await.unwrap();
    near.stream.write_all(&[11, 12]).await.unwrap();
    let mut got = [0; 2];
    soon("codes to the one that came back", other.read_exact(&mut got)).await.unwrap();
    assert_eq!(got, [11, 12]);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tcp_ends_take_one_peer_after_another() {
    let at = format!("127.0.0.1:{}", free_port());
    let dir = tempfile::tempdir().unwrap();
    let config = RelayConfig { speed: Speed::Max, ..RelayConfig::default() };
    let relay = Relay::start(End::Listen(at.clone()), End::Pty(dir.path().join("b")), config.clone()).await.unwrap();
    let mut b = open(&spec(&dir.path().join("b")), &Settings::default()).await.unwrap();
    for round in 1..=3_u8 {
        let mut peer = tokio::net::TcpStream::connect(&at).await.unwrap();
        peer.write_all(&[round]).await.unwrap();
        let mut got = [0; 1];
        soon("a code from the peer", b.stream.read_exact(&mut got)).await.unwrap();
        assert_eq!(got, [round]);
    }
    let again = Relay::start(End::Listen(at.clone()), End::Pty(dir.path().join("c")), config).await.err().unwrap();
    assert!(again.contains("the port is in use"), "{again}");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_log_disk_is_told_once_and_the_line_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let config = RelayConfig { speed: Speed::Max, log: Some("/dev/full".into()), ..RelayConfig::default() };
    let mut relay = Relay::start(End::Pty(path("a")), End::Pty(path("b")), config).await.unwrap();
    let mut notes = relay.notes().unwrap();
    let mut a = open(&spec(&path("a")), &Settings::default()).await.unwrap();
    let mut b = open(&spec(&path("b")), &Settings::default()).await.unwrap();
    for round in 0..3_u8 {
        a.stream.write_all(&[round]).await.unwrap();
        let mut got = [0; 1];
        soon("a code", b.stream.read_exact(&mut got)).await.unwrap();
        assert_eq!(got, [round]);
    }
    let note = soon("a note", notes.recv()).await.unwrap();
    assert!(note.contains("the line goes on"), "{note}");
    assert!(notes.try_recv().is_err(), "told once");
    relay.stop().await;
}

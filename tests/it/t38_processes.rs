//! Two stations as processes, joined by T.38 over the loopback, directly or by a relay that loses datagrams: ten pages, exact.

use crate::support::{House, free_udp_ports, text};
use crate::t38_peer::{pages, same, written};
use molink::fax::tiff::Reader as TiffReader;
use molink::message::Part;
use molink::paper::Page;
use molink::router::Contents;
use molink::router::journal::reader::Reader;
use std::io::BufReader;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Passes datagrams between two ports, and loses some both ways; ends when it is dropped.
struct Relay {
    stop: Arc<AtomicBool>,
    pub passed: Arc<AtomicUsize>,
    pub lost: Arc<AtomicUsize>,
    ways: Vec<JoinHandle<()>>,
}

impl Relay {
    /// `near` and `far` are the relay's own ports, as the two ends know them; `ends` are theirs.
    fn new(own: [u16; 2], ends: [u16; 2], thousandths: u64) -> Relay {
        let sockets = own.map(|port| Arc::new(UdpSocket::bind(("127.0.0.1", port)).unwrap()));
        let (stop, passed, lost) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let ways = [0, 1].map(|way| {
            let (from, to, end) = (sockets[way].clone(), sockets[1 - way].clone(), ends[1 - way]);
            let (stop, passed, lost) = (stop.clone(), passed.clone(), lost.clone());
            from.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            std::thread::spawn(move || {
                let (mut buffer, mut luck) = ([0; 9000], 1986 + way as u64);
                while !stop.load(Ordering::Relaxed) {
                    let Ok(length) = from.recv(&mut buffer) else { continue };
                    luck = luck.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    if (luck >> 33) % 1000 < thousandths {
                        lost.fetch_add(1, Ordering::Relaxed);
                    } else {
                        passed.fetch_add(1, Ordering::Relaxed);
                        let _ = to.send_to(&buffer[..length], ("127.0.0.1", end));
                    }
                }
            })
        });
        Relay { stop, passed, lost, ways: ways.into() }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.ways.drain(..).for_each(|way| way.join().unwrap());
    }
}

fn station(house: &House, [name, peer]: [&str; 2], number: u8, [here, there]: [u16; 2], speed: &str, more: &str) {
    let speed = if speed == "max" { "\"max\"" } else { speed };
    house.file(
        &format!("{name}.toml"),
        format!(
            "station = \"{name}\"\nnumber = {number}\ndata = \"{name}\"\nlisten = \"127.0.0.1:0\"\nspeed = {speed}\n[desk.operator]\n\
             [port.satellite]\nbackend = \"fax\"\nline = {{ t38 = \"127.0.0.1:{there}\", listen = \"{here}\" }}\npeer = \"{peer}\"\nheader = false\n{more}\n\
             [[route]]\nto = \"*@{peer}\"\nports = [\"satellite\"]\n[retry]\nfirst = \"5s\"\nlongest = \"20s\"\nexpire = \"9000h\"\n"
        ),
    );
}

/// Ten pages from Washington to Moscow; how many datagrams were lost on the way.
fn ten_pages(speed: &str, thousandths: u64, more: &str) -> usize {
    let (house, sent) = (House::new(), pages(10));
    let [w, m, near, far] = free_udp_ports();
    let relay = (thousandths > 0).then(|| Relay::new([near, far], [w, m], thousandths));
    let (to_m, to_w) = if relay.is_some() { (near, far) } else { (m, w) };
    station(&house, ["washington", "moscow"], 1, [w, to_m], speed, more);
    station(&house, ["moscow", "washington"], 2, [m, to_w], speed, more);
    let [washington, moscow] = ["washington", "moscow"].map(|name| house.start(name, &[]).unwrap_or_else(|s| panic!("{name} ended: {s}")));
    let file = written(&sent, house.dir.path());
    let args = ["send", "--station", &washington.api, "--to", "operator@moscow", "--wait", "--timeout", "200s", file.to_str().unwrap()];
    let done = house.run(&args, Duration::from_secs(210));
    let said = (text(&done.stdout), text(&done.stderr));
    assert_eq!(done.status.code(), Some(0), "{said:?}\n{}\n{}", washington.process.errors(), moscow.process.errors());
    [washington, moscow].into_iter().for_each(|station| assert!(station.stop().success()));

    let journal = Reader::open(&house.path("moscow").join("journal.sqlite")).unwrap();
    let message = journal.load(&said.0.trim().parse().unwrap()).unwrap().unwrap();
    let [Part::Page(blob)] = message.content.as_slice() else { panic!("{:?}", message.content) };
    let came = Contents::in_folder(house.path("moscow").join("content")).open(blob).unwrap();
    let mut reader = TiffReader::open(BufReader::new(came), "came.tif").unwrap();
    let came: Vec<Page> = std::iter::from_fn(|| reader.next_page()).map(|page| page.unwrap().page).collect();
    assert!(same(&sent, &came), "{} pages came, and not all are exact", came.len());
    let count = |counter: &dyn Fn(&Relay) -> &AtomicUsize| relay.as_ref().map_or(0, |r| counter(r).load(Ordering::Relaxed));
    println!("speed {speed}, {more}: passed {}, lost {}; ten pages exact", count(&|r| &r.passed), count(&|r| &r.lost));
    count(&|r| &r.lost)
}

#[test]
#[ignore = "peer: run through tests/run"]
fn ten_pages_go_between_two_processes() {
    ten_pages("max", 0, "");
    ten_pages("20", 0, "correction = false");
}

#[test]
#[ignore = "peer: run through tests/run"]
fn ten_pages_go_between_two_processes_with_one_datagram_in_twenty_lost() {
    assert!(ten_pages("max", 50, "") > 20);
    assert!(ten_pages("20", 50, "") > 20);
}

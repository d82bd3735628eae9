//! The line over UDP: who may call, one call at a time, what strangers and broken datagrams do (nothing); calls on real sockets.

use crate::fax_call::{the_answerer, the_caller, typed};
use crate::spandsp::{How, Spandsp, Told};
use crate::support::free_udp_ports;
use crate::t38_peer::{pages, read, same, written};
use molink::fax::backend_line::{FaxLine, Handset};
use molink::fax::backend_t38::{T38Keys, T38Line};
use molink::fax::modem::{Heard, Order, Tone};
use molink::fax::simulated::End;
use molink::fax::t30::{Capabilities, FrameSize, Input, Output, Report, Wishes};
use molink::fax::t38::udptl::{Datagram, Recovery};
use molink::paper::{Page, Resolution};
use molink::time::{Clock, Speed};
use std::collections::VecDeque;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(20);

fn keys(here: u16, there: u16) -> T38Keys {
    T38Keys { t38: format!("127.0.0.1:{there}"), listen: here.to_string(), version: 0, repeats: 3 }
}
async fn open(here: u16, there: u16, clock: &Clock) -> T38Line {
    T38Line::open(&keys(here, there), clock.clone()).await.unwrap()
}
async fn pair(clock: &Clock) -> [T38Line; 2] {
    let [a, b] = free_udp_ports();
    [open(a, b, clock).await, open(b, a, clock).await]
}

/// Runs an end of a call on a handset; what it reports, and the pages it has.
async fn carry(mut end: End, mut handset: Handset, clock: Clock) -> (Report, Vec<Page>) {
    let (mut pages, mut todo) = (vec![], VecDeque::from([Input::Start]));
    loop {
        let outputs = if let Some(input) = todo.pop_front() {
            end.handle(clock.now(), input)
        } else {
            let wait = end.deadline().map_or(Duration::from_secs(3600), |at| clock.until(at));
            match timeout(wait, handset.heard()).await {
                Ok(heard) => end.handle(clock.now(), Input::Heard(heard)),
                Err(_) => end.tick(clock.now()),
            }
        };
        for output in outputs {
            match output {
                Output::Order(order) => handset.order(order),
                Output::Page(received) => {
                    todo.push_back(Input::Stored { page: received.number });
                    pages.push(received.page);
                }
                Output::Event(_) | Output::Identified(_) => {}
                Output::Reserve(reservation) => panic!("there is no diskette here: {reservation:?}"),
                Output::Ended(report) => return (report, pages),
            }
        }
    }
}

#[test]
fn keys_that_make_no_sense_are_refused_in_a_sentence() {
    let check = |text: &str| toml::from_str::<T38Keys>(text).map_err(|e| e.message().to_owned()).and_then(|keys| keys.check());
    assert_eq!(check("t38 = \"10.0.0.2:6004\"\nlisten = \"6004\""), Ok(()));
    assert_eq!(check("t38 = \"moscow.example:6004\"\nlisten = \"0.0.0.0:6004\"\nversion = 2\nrepeats = 0"), Ok(()));
    for (text, says) in [
        ("t38 = \"10.0.0.2\"\nlisten = \"6004\"", "`t38 = \"10.0.0.2\"` is not the address of a far end; give HOST:PORT"),
        ("t38 = \"10.0.0.2:0\"\nlisten = \"6004\"", "the port from 1 to 65535"),
        ("t38 = \"10.0.0.2:6004\"\nlisten = \"here\"", "`listen = \"here\"` is not an address of this machine; give PORT"),
        ("t38 = \"10.0.0.2:6004\"\nlisten = \"1\"\nversion = 4", "`version = 4` is none of T.38; give 0 to 3"),
        ("t38 = \"10.0.0.2:6004\"\nlisten = \"1\"\nrepeats = 9", "`repeats = 9` is too much; give 0 to 8"),
        ("t38 = \"10.0.0.2:6004\"", "missing field `listen`"),
        ("t38 = \"a:1\"\nlisten = \"1\"\nsip = true", "unknown field `sip`"),
    ] {
        let said = check(text).unwrap_err();
        assert!(said.contains(says), "{text}: {said}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let clock = Clock::new(None, Speed::Max);
    let [a, b] = free_udp_ports();
    let _first = open(a, b, &clock).await;
    let why = T38Line::open(&keys(a, b), clock).await.err().unwrap();
    assert_eq!(why, format!("cannot listen on `127.0.0.1:{a}` (UDP): another program has it; give another `listen`"));
}

#[tokio::test]
async fn a_line_carries_one_call_and_is_busy_for_another() {
    let clock = Clock::new(None, Speed::Max);
    let [mut here, mut there] = pair(&clock).await;
    let handset = here.dial().await.unwrap();
    assert_eq!(here.dial().await.err().unwrap().text, format!("the line ({}) is busy with a call", here.name()));
    handset.order(Order::Tone(Tone::Cng));
    // Who stops waiting does not take the call with him.
    tokio::select! {
        biased;
        _ = there.ring() => panic!("it rings before anything can have come"),
        () = std::future::ready(()) => {}
    }
    let mut rung = timeout(SOON, there.ring()).await.unwrap().unwrap();
    rung.order(Order::Listen(None));
    handset.order(Order::Tone(Tone::Cng));
    assert_eq!(timeout(SOON, rung.heard()).await.unwrap(), Heard::Tone(Tone::Cng));
    // The far end hangs up, and so does this one: the line is free.
    drop((handset, rung));
    let again = timeout(SOON, here.dial()).await.unwrap().unwrap();
    again.order(Order::Tone(Tone::Cng));
    timeout(SOON, there.ring()).await.unwrap().unwrap();
}

#[tokio::test]
async fn both_ends_calling_at_once_do_not_wait_for_each_other() {
    let clock = Clock::new(None, Speed::Max);
    let [mut here, mut there] = pair(&clock).await;
    here.dial().await.unwrap().order(Order::Tone(Tone::Cng));
    let mut handset = here.dial().await.unwrap();
    handset.order(Order::Tone(Tone::Cng));
    timeout(SOON, there.ring()).await.unwrap().unwrap();
    let other = there.dial().await;
    match other {
        // It was called before, and says so …
        Err(why) => assert!(why.text.contains("the far end is calling") || why.text.contains("busy"), "{}", why.text),
        // … or calls as well: then each hears the other's tone.
        Ok(other) => {
            other.order(Order::Tone(Tone::Cng));
            assert_eq!(timeout(SOON, handset.heard()).await.unwrap(), Heard::Tone(Tone::Cng));
        }
    }
}

#[tokio::test]
async fn strangers_and_broken_datagrams_are_passed_over() {
    let clock = Clock::new(None, Speed::Max);
    let [here, far, other] = free_udp_ports();
    let mut line = open(here, far, &clock).await;
    let [peer, stranger] = [far, other].map(|port| {
        let socket = UdpSocket::bind(("127.0.0.1", port)).unwrap();
        socket.connect(("127.0.0.1", here)).unwrap();
        socket
    });
    let datagram =
        |number: u16, packet: &[u8]| Datagram { number, primary: packet.to_vec(), recovery: Recovery::Repeated(vec![]) }.encode();
    let (cng, again, preamble) = (datagram(0, &[0x02]), datagram(1, &[0x02]), datagram(2, &[0x06]));
    let _ = stranger.send(&cng); // the kernel may say that nobody is there for him
    for broken in [&b""[..], b"x", &[0; 9000], &[0, 0, 1, 0xff, 0, 0], &[0xff; 40]] {
        peer.send(broken).unwrap();
    }
    peer.send(&datagram(0, &[0x00])).unwrap(); // no signal: nobody calls
    assert!(timeout(Duration::from_millis(100), line.ring()).await.is_err(), "nobody has called, and it rings");
    peer.send(&cng).unwrap();
    let mut handset = timeout(SOON, line.ring()).await.unwrap().unwrap();
    handset.order(Order::Listen(None));
    peer.send(&again).unwrap();
    assert_eq!(timeout(SOON, handset.heard()).await.unwrap(), Heard::Tone(Tone::Cng));
    let _ = stranger.send(&datagram(2, &[0x04]));
    peer.send(&[0xff; 40]).unwrap();
    peer.send(&preamble).unwrap();
    assert_eq!(timeout(SOON, handset.heard()).await.unwrap(), Heard::Carrier(None));
}

#[tokio::test]
async fn a_far_end_that_is_not_there_ends_the_call_at_once() {
    let clock = Clock::new(None, Speed::Max);
    let [here, nobody] = free_udp_ports();
    let mut line = open(here, nobody, &clock).await;
    let mut handset = line.dial().await.unwrap();
    handset.order(Order::Tone(Tone::Cng));
    assert_eq!(timeout(SOON, handset.heard()).await.unwrap(), Heard::Lost);
}

#[tokio::test]
async fn a_caller_that_begins_anew_ends_the_old_call_and_rings() {
    let clock = Clock::new(None, Speed::Max);
    let [here, far] = free_udp_ports();
    let mut line = open(here, far, &clock).await;
    let peer = UdpSocket::bind(("127.0.0.1", far)).unwrap();
    peer.connect(("127.0.0.1", here)).unwrap();
    let send = |number: u16, packet: &[u8]| {
        peer.send(&Datagram { number, primary: packet.to_vec(), recovery: Recovery::Repeated(vec![]) }.encode()).unwrap();
    };
    send(0, &[0x02]);
    let mut handset = timeout(SOON, line.ring()).await.unwrap().unwrap();
    handset.order(Order::Listen(None));
    (1..80).for_each(|number| send(number, &[0xc0, 1, 0x80, 0, 0, 0xff])); // octets of V.21
    assert_eq!(timeout(SOON, handset.heard()).await.unwrap(), Heard::Carrier(None));
    (0..3).for_each(|number| send(number, &[0x02]));
    let heard = [
        timeout(SOON, handset.heard()).await.unwrap(),
        timeout(SOON, handset.heard()).await.unwrap(),
        timeout(SOON, handset.heard()).await.unwrap(),
    ];
    assert_eq!(heard, [Heard::Damaged("a frame that was broken off".into()), Heard::Quiet, Heard::Lost]);
    drop(handset);
    timeout(SOON, line.ring()).await.unwrap().unwrap();
}

#[tokio::test]
async fn pages_go_over_real_sockets_without_pacing() {
    let clock = Clock::new(None, Speed::Max);
    let sent: Vec<Arc<Page>> = (1..4).map(|n| Arc::new(typed(400, Resolution::FINE, n))).collect();
    for correction in [Some(FrameSize::Large), None] {
        let [mut here, mut there] = pair(&clock).await;
        let caller = the_caller(sent.clone(), Capabilities::OURS, Wishes { correction, ..Wishes::default() });
        let calls = carry(caller, here.dial().await.unwrap(), clock.clone());
        let answers = async {
            let rung = timeout(SOON, there.ring()).await.unwrap().unwrap();
            carry(the_answerer(Capabilities::OURS), rung, clock.clone()).await
        };
        let ((called, _), (answered, got)) = tokio::join!(calls, answers);
        assert!(called.complete() && answered.complete(), "{called:?} {answered:?}");
        assert!(same(&sent, &got));
    }
}

#[tokio::test]
#[ignore = "peer: run through tests/run"]
async fn spandsp_calls_and_answers_over_real_sockets_in_real_time() {
    let sent = pages(2);
    let clock = Clock::new(None, Speed::REAL);
    let (folder, one, two) = (tempfile::tempdir().unwrap(), free_udp_ports::<2>(), free_udp_ports::<2>());
    let (file, came) = (written(&sent, folder.path()), folder.path().join("received.tif"));
    let how = How { caller: true, correction: true, coding: "mmr", version: 0 };
    let done = |peer: Spandsp| tokio::task::spawn_blocking(move || peer.wait().unwrap());
    let well = |told: &[Told]| told.iter().any(|t| matches!(t, Told::Done(0, _)));

    let mut answering = open(one[0], one[1], &clock).await;
    let caller = done(Spandsp::live(how, &file, one[1], one[0]).unwrap());
    let mut calling = open(two[0], two[1], &clock).await;
    let answerer = done(Spandsp::live(How { caller: false, correction: false, ..how }, &came, two[1], two[0]).unwrap());

    let wishes = Wishes { correction: None, ..Wishes::default() };
    let ours = the_caller(sent.clone(), Capabilities::OURS, wishes);
    let calls = carry(ours, calling.dial().await.unwrap(), clock.clone());
    let answers = async {
        let rung = timeout(SOON, answering.ring()).await.unwrap().unwrap();
        carry(the_answerer(Capabilities::OURS), rung, clock.clone()).await
    };
    let ((called, _), (report, got)) = tokio::join!(calls, answers);
    let told = caller.await.unwrap();
    assert!(well(&told) && report.complete() && same(&sent, &got), "{told:?} {report:?}");

    let told = answerer.await.unwrap();
    assert!(well(&told) && called.complete() && same(&sent, &read(&came)), "{told:?} {called:?}");
}

//! Lines over TCP: a far end that vanishes, a second caller, who may call, both roles coming back.

use crate::wire::{Wire, address, vanish};
use molink::line::ip::far::OCCUPIED;
use molink::line::ip::{Patience, tcp};
use molink::line::{Line, LineSpec, Settings};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Nothing here takes so long unless it hangs.
const LONG: Duration = Duration::from_secs(20);

async fn soon<T>(what: &str, wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, wait).await.unwrap_or_else(|_| panic!("{what}: nothing within {LONG:?}"))
}

fn listening(at: &str) -> Line {
    Line::new(LineSpec::Listen { at: at.into(), tls: None, anyone: false }, Settings::default())
}
fn calling(to: &str) -> Line {
    Line::new(LineSpec::Tcp { to: to.into(), tls: None }, Settings::default())
}

async fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr().unwrap();
    let (near, far) = tokio::join!(TcpStream::connect(to), listener.accept());
    (near.unwrap(), far.unwrap().0)
}

/// How long it takes until a far end that vanished, silently or with codes on their way to it, is noticed.
async fn noticed(patience: Patience, sends: bool) -> Duration {
    let (mut near, far) = connected().await;
    tcp::set(&near, patience).unwrap();
    vanish(&far);
    let began = crate::support::seconds();
    if sends {
        near.write_all(&[1, 2, 3]).await.unwrap();
    }
    let ended = near.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(ended.kind(), std::io::ErrorKind::TimedOut, "{ended}");
    drop(far);
    Duration::from_secs_f64(crate::support::seconds() - began)
}

/// As on a line, in small.
const QUICK: Patience = Patience { idle: Duration::from_secs(1), between: Duration::from_secs(1), probes: 2 };

#[tokio::test]
async fn a_far_end_that_vanished_is_noticed_by_probes_when_nothing_is_sent() {
    let took = soon("the end", noticed(QUICK, false)).await;
    assert!(took >= Duration::from_secs(2) && took < Duration::from_secs(8), "{took:?}");
}

#[tokio::test]
async fn a_far_end_that_vanished_is_noticed_by_what_it_does_not_acknowledge() {
    let took = soon("the end", noticed(QUICK, true)).await;
    assert!(took >= Duration::from_secs(2) && took < Duration::from_secs(8), "{took:?}");
}

#[tokio::test]
#[ignore = "peer: run through tests/run"]
async fn a_line_notices_within_half_a_minute_that_its_far_end_vanished_and_says_so() {
    let (at, a_minute) = (address(), Duration::from_secs(60));
    let line = listening(&at);
    let (opened, far) = tokio::join!(line.open(), TcpStream::connect(&at));
    let (mut opened, far) = (opened.unwrap(), far.unwrap());
    vanish(&far);
    let began = crate::support::seconds();
    let said = tokio::time::timeout(a_minute, opened.stream.read(&mut [0; 1])).await.expect("noticed").unwrap_err().to_string();
    let (idle, took) = (Patience::LINE.longest().as_secs_f64(), crate::support::seconds() - began);
    assert!(said.contains("the far end has vanished: nothing came from it for 30 s"), "{said}");
    let sends = noticed(Patience::LINE, true).await;
    println!("silent: {took:.1} s; with codes on their way: {:.1} s", sends.as_secs_f64());
    assert!((idle - 6.0..idle + 6.0).contains(&took), "{took}");
    assert!((idle - 6.0..idle + 12.0).contains(&sends.as_secs_f64()), "{sends:?}");
}

#[tokio::test]
async fn a_second_caller_is_told_that_the_line_is_occupied_and_the_first_keeps_it() {
    let at = address();
    let line = listening(&at);
    let (first, called) = tokio::join!(line.open(), TcpStream::connect(&at));
    let (mut first, mut called) = (first.unwrap(), called.unwrap());
    let mut second = TcpStream::connect(&at).await.unwrap();
    second.write_all(&[1; 50]).await.unwrap(); // that it speaks first does not keep it from hearing
    let mut got = vec![];
    soon("the word", second.read_to_end(&mut got)).await.unwrap();
    assert_eq!(got, OCCUPIED);
    let mut third = soon("a connection", calling(&at).open()).await.unwrap();
    let said = soon("the word", third.stream.read_to_end(&mut vec![])).await.unwrap_err().to_string();
    assert!(said.contains("has another caller on this line (OCC)"), "{said}");
    let mut code = [0; 1];
    called.write_all(&[21]).await.unwrap();
    soon("a code", first.stream.read_exact(&mut code)).await.unwrap();
    assert_eq!(code, [21]);
}

#[tokio::test]
async fn who_calls_again_at_once_after_a_cut_is_not_taken_for_a_second_caller() {
    let at = address();
    let line = listening(&at);
    for round in 0..20_u8 {
        let (opened, called) = tokio::join!(line.open(), TcpStream::connect(&at));
        let (mut opened, mut called) = (opened.unwrap(), called.unwrap());
        called.write_all(&[round]).await.unwrap();
        let mut code = [0; 1];
        soon("a code", opened.stream.read_exact(&mut code)).await.unwrap();
        assert_eq!(code, [round]);
        drop(called);
        // The next has called before this end of the line has been read to its end.
        let next = TcpStream::connect(&at).await.unwrap();
        assert_eq!(soon("the end", opened.stream.read(&mut code)).await.unwrap(), 0);
        drop(opened);
        let mut opened = soon("the next", line.open()).await.unwrap();
        drop(next);
        assert_eq!(soon("the end", opened.stream.read(&mut code)).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_line_in_clear_listens_on_this_machine_only_unless_it_is_said() {
    let refused = |at: &str| Line::new(LineSpec::Listen { at: at.into(), tls: None, anyone: false }, Settings::default());
    for at in ["0.0.0.0:1963", "[::]:1963"] {
        let why = refused(at).open().await.unwrap_err();
        assert!(why.contains(at) && why.contains("other machines") && why.contains("tls =") && why.contains("anyone = true"), "{why}");
    }
    let why = refused("no-such-host.invalid:1963").open().await.unwrap_err();
    assert!(why.contains("no-such-host.invalid"), "{why}");
    let free = std::net::TcpListener::bind("0.0.0.0:0").unwrap().local_addr().unwrap();
    let open = Line::new(LineSpec::Listen { at: free.to_string(), tls: None, anyone: true }, Settings::default());
    let (opened, called) = tokio::join!(soon("a caller", open.open()), async {
        loop {
            match TcpStream::connect(("127.0.0.1", free.port())).await {
                Ok(called) => return called,
                Err(_) => tokio::task::yield_now().await, // not listening yet
            }
        }
    });
    assert!(opened.unwrap().notes[0].contains("in clear"));
    drop(called);
}

#[tokio::test]
async fn each_role_comes_back_after_a_cut_and_codes_pass_again_both_ways() {
    let at = address();
    let wire = Wire::to(&at);
    let (listens, calls) = (listening(&at), calling(&wire.at));
    for round in 0..5_u8 {
        let (a, b) = soon("both ends", async { tokio::join!(listens.open(), calls.open()) }).await;
        let (mut a, mut b) = (a.unwrap(), b.unwrap());
        a.stream.write_all(&[round, 30]).await.unwrap();
        b.stream.write_all(&[round, 31]).await.unwrap();
        let mut got = [0; 4];
        soon("codes", b.stream.read_exact(&mut got[..2])).await.unwrap();
        soon("codes", a.stream.read_exact(&mut got[2..])).await.unwrap();
        assert_eq!(got, [round, 30, round, 31]);
        wire.cut(true);
        assert_eq!(soon("the end", a.stream.read(&mut got)).await.unwrap_or(0), 0);
        assert_eq!(soon("the end", b.stream.read(&mut got)).await.unwrap_or(0), 0);
        let dead = async {
            // Whether connecting fails or what was connected ends at once: nothing passes.
            match calls.open().await {
                Ok(mut opened) => opened.stream.read(&mut [0; 1]).await.unwrap_or(0),
                Err(_) => 0,
            }
        };
        assert_eq!(soon("a dead line", dead).await, 0);
        wire.cut(false);
    }
}

//! Two fax ends joined by an exchange, live: whole calls at full speed, both calling at once, ends that vanish, cuts, noise.

use crate::fax_call::typed;
use molink::fax::backend_exchange::{Exchange, FaxEnd};
use molink::fax::backend_line::{FaxLine, Handset};
use molink::fax::modem::{Heard, Order, Signal, Tone};
use molink::fax::simulated::End;
use molink::fax::t30::{Answerer, Caller, Capabilities, Input, Output, Received, Report, Thresholds, Wishes, answerer, caller};
use molink::line::Profile;
use molink::paper::{Page, Resolution};
use molink::time::{Clock, Speed};
use std::sync::Arc;
use std::time::Duration;

/// Far longer than anything here takes; a test that hangs says where.
const PATIENCE: Duration = Duration::from_secs(100);

async fn within<T>(what: &str, of: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, of).await.unwrap_or_else(|_| panic!("{what}: nothing within {PATIENCE:?}"))
}

/// Runs a machine of a call over a handset, storing each page at once.
async fn talk(mut machine: End, mut line: Handset, speed: Speed) -> (Report, Vec<Received>) {
    let clock = Clock::new(None, speed);
    let (mut pages, mut inputs) = (vec![], vec![Input::Start]);
    loop {
        let mut outputs = vec![];
        match inputs.pop() {
            Some(input) => outputs.extend(machine.handle(clock.now(), input)),
            None => {
                let wait = machine.deadline().map_or(PATIENCE, |at| clock.until(at));
                tokio::select! {
                    biased;
                    heard = line.heard() => outputs.extend(machine.handle(clock.now(), Input::Heard(heard))),
                    () = tokio::time::sleep(wait) => outputs.extend(machine.tick(clock.now())),
                }
            }
        }
        for output in outputs {
            match output {
                Output::Order(order) => line.order(order),
                Output::Page(received) => {
                    inputs.push(Input::Stored { page: received.number });
                    pages.push(received);
                }
                Output::Ended(report) => return (report, pages),
                _ => {} // nobody watches
            }
        }
    }
}

fn pages(n: u64) -> Vec<Arc<Page>> {
    (1..=n).map(|seed| Arc::new(typed(200, Resolution::FINE, seed))).collect()
}

/// One call from an end to the other; what each made of it.
async fn call(from: &mut FaxEnd, to: &mut FaxEnd, sent: &[Arc<Page>], speed: Speed) -> [(Report, Vec<Received>); 2] {
    let caller = async {
        let line = from.dial().await.unwrap();
        let (number, called, capabilities, wishes) = ("1".into(), "2".into(), Capabilities::OURS, Wishes::default());
        let config = caller::Config { number, called, sub: None, pages: sent.to_vec(), capabilities, wishes, facilities: false, speed };
        talk(Box::new(Caller::new(config)), line, speed).await
    };
    let answerer = async {
        let line = to.ring().await.unwrap();
        let (number, capabilities, thresholds) = ("2".into(), Capabilities::OURS, Thresholds::default());
        talk(Box::new(Answerer::new(answerer::Config { number, capabilities, thresholds, facilities: None, speed })), line, speed).await
    };
    let (sender, receiver) = within("a call", async { tokio::join!(caller, answerer) }).await;
    [sender, receiver]
}

fn ends(speed: Speed) -> (Exchange, FaxEnd, FaxEnd) {
    let exchange = Exchange::start("circuit satellite", Profile::geo(), 7, speed);
    let (one, other) = (exchange.end(0), exchange.end(1));
    (exchange, one, other)
}

fn all_came(sent: &[Arc<Page>], [caller, answerer]: &[(Report, Vec<Received>); 2]) {
    assert!(caller.0.complete() && answerer.0.complete(), "{:?} {:?}", caller.0, answerer.0);
    assert_eq!(answerer.1.len(), sent.len());
    assert!(sent.iter().zip(&answerer.1).all(|(sent, came)| **sent == came.page), "other pages came");
}

#[tokio::test]
async fn pages_cross_an_exchange_at_full_speed_and_at_a_thousandfold_one_either_way() {
    for speed in [Speed::Max, Speed::Times(1000.0)] {
        let (_exchange, mut one, mut other) = ends(speed);
        let sent = pages(2);
        all_came(&sent, &call(&mut one, &mut other, &sent, speed).await);
        let [caller, answerer] = call(&mut other, &mut one, &sent[..1], speed).await;
        all_came(&sent[..1], &[caller, answerer]);
    }
}

#[tokio::test]
async fn when_both_call_at_once_one_is_connected_and_the_other_is_told_and_rings() {
    let (_exchange, mut one, mut other) = ends(Speed::Max);
    let (taken, refused) = within("both calls", async { tokio::join!(one.dial(), other.dial()) }).await;
    let reason = refused.err().expect("the second has no line");
    assert_eq!(reason.text, "while calling over the circuit satellite: it is engaged: it rings here, or is held here by another call");
    let line = taken.unwrap_or_else(|e| panic!("{e:?}"));
    drop(within("the bell", other.ring()).await.unwrap());
    let mut line = line;
    assert_eq!(within("the far end's leaving", line.heard()).await, Heard::Lost);
    drop(line);
    drop(within("the other way", other.dial()).await.unwrap());
}

#[tokio::test]
async fn an_end_that_is_dropped_in_a_call_is_missed_and_one_fitted_anew_is_called() {
    let (exchange, mut one, mut other) = ends(Speed::Max);
    let mut line = within("a line", one.dial()).await.unwrap();
    let far = within("the bell", other.ring()).await.unwrap();
    line.order(Order::Listen(None));
    drop((far, other));
    assert_eq!(within("the loss", line.heard()).await, Heard::Lost);
    drop(line);
    let waiting = tokio::spawn(async move { one.dial().await.map(|line| (line, one)) });
    let mut other = exchange.end(1); // a call waits a while for an end that is not there
    let far = within("the bell", other.ring()).await.unwrap();
    let (line, one) = within("the call", waiting).await.unwrap().unwrap();
    drop((far, line, one));
    assert!(other.holds()[0].contains("end 1"));
}

#[tokio::test]
async fn a_call_that_is_not_waited_for_was_not_made() {
    let (exchange, mut one, other) = ends(Speed::Max);
    drop(other);
    {
        let dial = one.dial();
        tokio::pin!(dial);
        assert!(futures_none(&mut dial).await);
    }
    let mut other = exchange.end(1);
    let line = within("the other's call", other.dial()).await.unwrap();
    drop((line, within("the bell", one.ring()).await.unwrap()));
}

/// Polled once, it is not ready.
async fn futures_none<F: Future + Unpin>(of: &mut F) -> bool {
    std::future::poll_fn(|cx| std::task::Poll::Ready(std::pin::Pin::new(&mut *of).poll(cx).is_pending())).await
}

#[tokio::test]
async fn a_cut_circuit_refuses_calls_and_takes_them_again_when_it_is_restored() {
    let (exchange, mut one, mut other) = ends(Speed::Max);
    assert_eq!(exchange.command("cut").await, "ok");
    let reason = within("a refusal", one.dial()).await.err().expect("no line");
    assert!(reason.fault == molink::router::Fault::Line && reason.text.ends_with("it is dead: nothing comes through it"), "{reason:?}");
    assert_eq!(exchange.command("restore").await, "ok");
    let sent = pages(1);
    all_came(&sent, &call(&mut one, &mut other, &sent, Speed::Max).await);
    for bad in ["noise loud", "cut 30", ""] {
        assert!(exchange.command(bad).await.starts_with("error "), "{bad}");
    }
}

#[tokio::test]
async fn under_noise_the_ends_fall_back_and_the_page_is_exact() {
    let (exchange, mut one, mut other) = ends(Speed::Max);
    exchange.command("noise light").await;
    let sent = pages(1);
    let ended = call(&mut one, &mut other, &sent, Speed::Max).await;
    let rate = ended[1].1[0].settings.modulation.bit_rate();
    assert!((4800..14_400).contains(&rate), "{rate}");
    all_came(&sent, &ended);
}

#[tokio::test]
async fn an_end_that_does_not_ask_what_it_hears_holds_the_line_and_loses_nothing() {
    let (_exchange, mut one, mut other) = ends(Speed::Max);
    let mut line = within("a line", one.dial()).await.unwrap();
    let mut far = within("the bell", other.ring()).await.unwrap();
    far.order(Order::Listen(None));
    line.order(Order::Tone(Tone::Cng));
    assert_eq!(within("the tone", far.heard()).await, Heard::Tone(Tone::Cng));
    // The tone is not dealt with yet, so this signal is not lost though it is far longer than anything waits for it.
    let frames = vec![vec![0xff, 0xc8, 1]; 40];
    line.order(Order::Send(Signal::Frames(frames.clone())));
    tokio::spawn(async move { while line.heard().await != Heard::Lost {} });
    let mut came = vec![];
    loop {
        match within("the signal", far.heard()).await {
            Heard::Frame(frame) => came.push(frame),
            Heard::Quiet => break,
            Heard::Carrier(None) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(came, frames);
}

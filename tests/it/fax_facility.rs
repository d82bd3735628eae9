//! What two stations of molink say to each other beside the standard's frames (NSF, NSS), on good lines and bad.

use crate::fax_call::typed;
use molink::fax::circuit::{Circuit, Fate};
use molink::fax::modem::Signal;
use molink::fax::simulated::{Act, Call, End, Seen};
use molink::fax::t30::facility::tag;
use molink::fax::t30::{Answerer, Blame, Caller, Capabilities, Entry, Frame, Input, Kind, Thresholds, Wishes, answerer, caller};
use molink::line::Quality;
use molink::paper::Resolution;
use molink::time::{Instant, Speed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn ends(pages: usize, kin: [bool; 2]) -> [End; 2] {
    let (speed, capabilities, wishes) = (Speed::REAL, Capabilities::OURS, Wishes::default());
    let pages = (1..=pages).map(|n| Arc::new(typed(60, Resolution::STANDARD, n as u64))).collect();
    let (number, called, sub) = ("1".into(), "2".into(), Some("12345".into()));
    let caller = caller::Config { number, called, sub, facilities: kin[0], pages, capabilities, wishes, speed };
    let (facilities, thresholds) = (kin[1].then(|| vec![Entry::new(9, "here")]), Thresholds::default());
    let answerer = answerer::Config { number: "2".into(), facilities, capabilities: Capabilities::OURS, thresholds, speed };
    [Box::new(Caller::new(caller)), Box::new(Answerer::new(answerer))]
}
fn on_a_line(ends: [End; 2]) -> Call {
    Call::new(ends, Circuit::new(Quality::geo(), 1, Duration::from_millis(250)))
}
/// What each end heard of the other: numbers of the end, and what stood in its entries.
type Known = Arc<Mutex<Vec<(usize, Option<Vec<Entry>>)>>>;

fn watched(call: &mut Call, answer: impl Fn(usize) -> Input + 'static) -> Known {
    let known = Known::default();
    let into = known.clone();
    call.decide = Box::new(move |end, far| {
        into.lock().unwrap().push((end, far.facilities.clone().map(|f| f.entries)));
        answer(end)
    });
    known
}
fn said(call: &Call, end: usize) -> Vec<Kind> {
    let signals = call.seen.iter().filter(|(_, e, _)| *e == end).filter_map(|(_, _, seen)| match seen {
        Seen::Signal(Signal::Frames(frames)) => Some(frames),
        _ => None,
    });
    signals.flatten().map(|octets| Frame::decode(octets).unwrap().kind).collect()
}
fn envelope() -> Input {
    Input::SetUp(vec![Entry::new(tag::ENVELOPE, vec![b'x'; 200])])
}

#[test]
fn two_stations_of_molink_know_each_other_before_anything_is_sent() {
    let mut call = on_a_line(ends(2, [true, true]));
    let known = watched(&mut call, |_| envelope());
    call.run().unwrap();
    let known = known.lock().unwrap();
    assert_eq!(*known, [(0, Some(vec![Entry::new(9, "here")])), (1, Some(vec![Entry::new(1, vec![b'x'; 200])]))]);
    assert_eq!(said(&call, 0)[..6], [Kind::Nss, Kind::Nss, Kind::Nss, Kind::Tsi, Kind::Sub, Kind::Dcs]);
    assert_eq!(said(&call, 1)[..3], [Kind::Nsf, Kind::Csi, Kind::Dis]);
    assert!(call.reports.iter().flatten().all(|r| r.complete() && r.confirmed == [1, 2]), "{:?}", call.reports);
    assert_eq!(call.pages.iter().map(|p| p.last).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_foreign_machine_is_told_nothing_of_ours() {
    let mut call = on_a_line(ends(1, [true, false]));
    let known = watched(&mut call, |_| envelope());
    call.run().unwrap();
    assert_eq!(*known.lock().unwrap(), [(0, None)]);
    assert_eq!(said(&call, 0), [Kind::Tsi, Kind::Sub, Kind::Dcs, Kind::Pps, Kind::Dcn]);
    let mut call = on_a_line(ends(1, [false, true]));
    let known = watched(&mut call, |_| envelope());
    call.run().unwrap();
    assert_eq!(*known.lock().unwrap(), [(1, None)], "and one that calls is asked for nothing");
    assert!(call.reports.iter().flatten().all(|r| r.complete()), "{:?}", call.reports);
}

#[test]
fn a_refusal_reaches_the_sender_as_it_was_said_before_a_page_was_sent() {
    let mut call = on_a_line(ends(1, [true, true]));
    watched(&mut call, |end| match end {
        0 => envelope(),
        _ => Input::Refuse { why: "no such desk".into(), blame: Blame::Peer, entries: vec![Entry::new(tag::REFUSED, "UNKNOWN DESK `x`")] },
    });
    call.run().unwrap();
    let report = call.reports[0].clone().unwrap();
    assert_eq!(report.parting.clone().unwrap().why().unwrap(), "UNKNOWN DESK `x`");
    let why = report.failure.unwrap().to_string();
    assert_eq!(why, "while waiting for CFR from 2: the far end disconnected (DCN) and says: UNKNOWN DESK `x`");
    assert!(call.pages.is_empty());
    assert_eq!(call.reports[1].as_ref().unwrap().failure.as_ref().unwrap().what, "no such desk");
}

#[test]
fn a_refusal_instead_of_the_last_confirmation_reaches_the_sender_too() {
    let mut call = on_a_line(ends(1, [true, true]));
    watched(&mut call, |_| envelope());
    call.storing = None;
    let refused = Input::Refuse { why: "no".into(), blame: Blame::Peer, entries: vec![Entry::new(tag::REFUSED, "A LOOP")] };
    call.at(Instant(40_000_000), Act::Tell(1, refused));
    call.run().unwrap();
    let report = call.reports[0].clone().unwrap();
    assert_eq!((report.parting.unwrap().why().unwrap().as_str(), report.confirmed.len()), ("A LOOP", 0));
    assert_eq!(call.pages.len(), 1, "the page had come");
}

#[test]
fn a_damaged_nsf_is_waited_for_and_a_damaged_nss_is_said_again() {
    for (end, signal) in [(1, 0), (0, 0)] {
        let mut call = on_a_line(ends(1, [true, true]));
        // The first frame of the first signal in V.21 (the answerer's tone is no signal).
        call.circuit.plan(end, signal, Fate::FramesDamaged(vec![0]));
        let known = watched(&mut call, |_| envelope());
        call.run().unwrap();
        assert!(call.reports.iter().flatten().all(|r| r.complete()), "{:?}", call.reports);
        let last = known.lock().unwrap().last().cloned().unwrap();
        assert_eq!(last, (1, Some(vec![Entry::new(1, vec![b'x'; 200])])), "{:#?}", call.seen);
    }
}

#[test]
fn a_call_is_halted_between_two_pages_and_before_the_first() {
    for (at, sent) in [(1, 0), (12, 0), (24, 1), (29, 2)] {
        let mut call = on_a_line(ends(3, [true, true]));
        watched(&mut call, |_| envelope());
        call.at(Instant(at * 1_000_000), Act::Tell(0, Input::Halt { why: "something more urgent waits".into() }));
        call.run().unwrap();
        let report = call.reports[0].clone().unwrap();
        assert_eq!(report.failure.unwrap().what, "something more urgent waits");
        assert_eq!((report.confirmed.len(), call.pages.len()), (sent, sent), "halted at {at} s");
    }
}

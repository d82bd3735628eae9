//! Tests of the pacer.

use super::*;
use tokio::io::AsyncReadExt;

const UNIT: Duration = Duration::from_millis(150);

fn codes(n: usize) -> Vec<Code> {
    (0..n).map(|i| Code::new(i as u8)).collect()
}

/// When, what.
type Told = Vec<(u64, &'static str)>;

/// Runs a schedule, as an obedient thread would, until it waits beyond `until`: what was handed over when, and what was told.
fn run(s: &mut Schedule, from: u64, until: u64) -> (Vec<(u64, u8)>, Told) {
    let (mut now, mut handed, mut told) = (from, vec![], vec![]);
    loop {
        match s.step(Instant(now)) {
            Step::Idle => return (handed, told),
            Step::Wait(at) if at.0 > until => return (handed, told),
            Step::Wait(at) => now = at.0,
            Step::Tell(Paced::Low) => told.push((now, "low")),
            Step::Tell(_) => told.push((now, "drained")),
            Step::Hand(codes) => {
                handed.extend(codes.iter().map(|c| (now, *c)));
                s.handed(codes.len());
            }
        }
    }
}

#[test]
fn a_code_is_handed_over_at_the_end_of_its_slot_and_the_first_starts_at_once() {
    let mut s = Schedule::new(UNIT, true);
    s.append(Instant(1_000), codes(400));
    let (handed, told) = run(&mut s, 1_000, u64::MAX);
    let due: Vec<_> = (1..=400).map(|i| 1_000 + i * 150_000).collect();
    assert_eq!(handed.iter().map(|(at, _)| *at).collect::<Vec<_>>(), due);
    assert_eq!(handed[399].0 - handed[0].0, 59_850_000); // 399 codes at 50 Bd
    assert_eq!(told, [(due[397], "low"), (due[399], "drained")]);
}

#[test]
fn a_uart_gets_it_at_the_start_and_drained_waits_for_the_end() {
    let mut s = Schedule::new(UNIT, false);
    s.append(Instant(0), codes(2));
    let (handed, told) = run(&mut s, 0, u64::MAX);
    assert_eq!(handed, [(0, 0), (150_000, 1)]);
    assert_eq!(told, [(0, "low"), (300_000, "drained")]);
}

#[test]
fn more_sent_before_the_last_slot_is_over_keeps_the_line_continuous_and_after_it_starts_anew() {
    for at_end in [true, false] {
        let mut s = Schedule::new(UNIT, at_end);
        s.append(Instant(0), codes(4));
        let (first, _) = run(&mut s, 0, 460_000);
        s.append(Instant(470_000), codes(2));
        let (more, _) = run(&mut s, 470_000, u64::MAX);
        let at: Vec<_> = first.iter().chain(&more).map(|(at, _)| *at).collect();
        let begin = if at_end { 150_000 } else { 0 };
        assert_eq!(at, (0..6).map(|i| begin + i * 150_000).collect::<Vec<_>>());
        s.append(Instant(2_000_000), codes(1));
        assert_eq!(run(&mut s, 2_000_000, u64::MAX).0, [(2_000_000 + begin, 0)]);
    }
}

#[test]
fn a_late_thread_keeps_the_schedule_but_never_sends_a_rush() {
    let mut s = Schedule::new(UNIT, true);
    s.append(Instant(0), codes(10));
    run(&mut s, 0, 310_000);
    // 140 ms late with the third: the fourth is on time.
    let (late, _) = run(&mut s, 590_000, 610_000);
    assert_eq!(late, [(590_000, 2), (600_000, 3)]);
    // Two seconds late: at once, and from there on in step.
    let (later, _) = run(&mut s, 2_750_000, 2_910_000);
    assert_eq!(later, [(2_750_000, 4), (2_900_000, 5)]);
}

#[test]
fn a_halt_forgets_the_rest_and_the_next_code_keeps_its_distance() {
    let mut s = Schedule::new(UNIT, true);
    s.append(Instant(0), codes(10));
    run(&mut s, 0, 310_000);
    assert_eq!(s.halt(Instant(310_000)), 8);
    s.append(Instant(310_000), codes(1));
    assert_eq!(run(&mut s, 310_000, u64::MAX).0, [(460_000, 0)]);

    let mut uart = Schedule::new(UNIT, false);
    uart.append(Instant(0), codes(10));
    run(&mut uart, 0, 160_000);
    assert_eq!(uart.halt(Instant(160_000)), 8);
    uart.append(Instant(160_000), codes(1));
    assert_eq!(run(&mut uart, 160_000, u64::MAX).0, [(300_000, 0)], "the second code is on the wire until then");
}

#[test]
fn nothing_to_send_is_drained_at_once() {
    let mut s = Schedule::new(UNIT, true);
    s.append(Instant(5), vec![]);
    assert_eq!(run(&mut s, 5, u64::MAX).1, [(5, "low"), (5, "drained")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_thread_writes_tells_and_can_be_halted_while_the_device_takes_nothing() {
    let (near, mut far) = tokio::io::duplex(8);
    let (pacer, mut told) = Pacer::start(near, Duration::ZERO, Handover::AtEnd, Handle::current());
    pacer.send(codes(8));
    assert!(matches!(told.recv().await, Some(Paced::Drained)) || matches!(told.recv().await, Some(Paced::Drained)));
    pacer.send(codes(20)); // the pipe is full: this write waits
    pacer.halt();
    let left = loop {
        match told.recv().await {
            Some(Paced::Halted { left }) => break left,
            Some(Paced::Low) => (),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(left, 20);
    let mut got = [0; 8];
    far.read_exact(&mut got).await.unwrap();
    assert_eq!(got, [0, 1, 2, 3, 4, 5, 6, 7]);
    drop(far);
    pacer.send(codes(1));
    assert!(matches!(told.recv().await, Some(Paced::Low)));
    assert!(matches!(told.recv().await, Some(Paced::Failed(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_thread_is_never_ahead_of_its_schedule() {
    let clock = Clock::new(None, Speed::REAL);
    let (near, mut far) = tokio::io::duplex(64);
    let unit = Duration::from_millis(4);
    let (pacer, _told) = Pacer::start(near, unit, Handover::AtEnd, Handle::current());
    let start = clock.now();
    pacer.send(codes(25));
    for i in 1..=25 {
        far.read_u8().await.unwrap();
        let early = (start + unit * i).since(clock.now());
        assert!(early <= Duration::from_micros(10), "code {i} came {early:?} early");
    }
}

//! Tests of the circuit.

use super::*;
use crate::line::Code;

const UNIT: Duration = Duration::from_millis(150);
const CODE: Code = Code::new(0b10101);

fn codes(n: usize) -> Vec<Code> {
    (0..n).map(|i| Code::new(i as u8)).collect()
}

fn fates(c: &mut Circuit<Code>, start: Instant, n: usize) -> Vec<Fate> {
    let mut out = vec![];
    c.carry_logged(start, UNIT, &codes(n), &mut |_, _, fate| out.push(fate));
    out
}

/// Where two million codes' worth of time are hit, by a probe that damages nothing outside bursts.
fn burst_times(c: &mut Circuit<Code>, offset: u64, step: u64) -> Vec<u64> {
    let burst = Profile::hf().burst.unwrap();
    (0..20_000).map(|i| offset + i * step).filter(|t| c.bursts.covers(&burst, Instant(*t))).collect()
}

#[test]
fn same_seed_gives_the_same_fates_and_another_seed_or_direction_others() {
    let run = |seed, direction| {
        let mut c = Circuit::new(Profile::hf(), seed, direction);
        c.set_noise(Noise::Heavy);
        let burst = fates(&mut c, Instant(0), 5_000);
        (burst, c.carry(Instant(0), UNIT, &codes(50)))
    };
    assert_eq!(run(7, 0), run(7, 0));
    assert_ne!(run(7, 0), run(7, 1));
    assert_ne!(run(7, 0), run(8, 0));
}

#[test]
fn one_burst_of_symbols_or_one_at_a_time_makes_no_difference() {
    let mut whole = Circuit::new(Profile::hf(), 3, 0);
    let mut single = whole.clone();
    whole.set_noise(Noise::Heavy);
    single.set_noise(Noise::Heavy);
    let sent = codes(3_000);
    let all = whole.carry(Instant(500), UNIT, &sent);
    let mut one_by_one = vec![];
    for (i, code) in sent.iter().enumerate() {
        one_by_one.extend(single.carry(Instant(500) + UNIT * i as u32, UNIT, &[*code]));
    }
    assert_eq!(all, one_by_one);
}

#[test]
fn a_code_arrives_whole_after_its_unit_and_the_delay() {
    for p in Profile::ALL {
        let mut c = Circuit::new(p, 1, 0);
        c.set_noise(Noise::None);
        let at: Vec<_> = c.carry(Instant(1_000_000), UNIT, &codes(3)).iter().map(|a| a.at.0).collect();
        let first = 1_000_000 + 150_000 + p.delay.as_micros() as u64;
        assert_eq!(at, [first, first + 150_000, first + 300_000], "{}", p.name);
    }
    assert_eq!([Profile::cable(), Profile::hf(), Profile::geo()].map(|p| p.delay.as_millis()), [80, 35, 268]);
}

#[test]
fn a_cut_loses_what_is_under_way_at_the_near_end_and_nothing_else() {
    let mut c = Circuit::new(Profile::clean(), 1, 0);
    c.cut(Instant(300_001), Some(Instant(600_000)));
    use Fate::*;
    assert_eq!(fates(&mut c, Instant(0), 6), [Ok, Ok, Cut, Cut, Ok, Ok]);
    c.cut(Instant(1_000_000), None);
    assert_eq!(fates(&mut c, Instant(900_000), 2), [Cut, Cut]);
    assert!(c.cuts_arrival(Instant(1_200_000), UNIT));
    c.restore(Instant(1_300_000));
    assert_eq!(fates(&mut c, Instant(1_200_000), 2), [Cut, Ok]);
    assert!(!c.cuts_arrival(Instant(1_500_000), UNIT));
}

#[test]
fn planned_faults_happen_exactly_at_their_symbol() {
    let mut c = Circuit::new(Profile::clean(), 1, 0);
    for (index, fate) in [(1, Fate::Drop), (3, Fate::Double), (5, Fate::Flip), (8, Fate::Cut)] {
        c.plan(index, fate);
    }
    let mut arrived: Vec<u8> = c.carry(Instant(0), UNIT, &codes(5)).iter().map(|a| a.symbol.value()).collect();
    let later = c.carry(Instant(1), UNIT, &codes(5));
    assert_eq!(arrived, [0, 2, 3, 3, 4]);
    assert_eq!(later[0].fate, Fate::Flip);
    assert_eq!(later[0].symbol.value().count_ones(), 1);
    arrived = later[1..].iter().map(|a| a.symbol.value()).collect();
    assert_eq!(arrived, [1, 2, 4]);
    assert_eq!((c.planned(), c.carried()), (0, 10));
}

#[test]
fn a_planned_fault_does_not_change_the_luck_of_the_others() {
    let mut plain = Circuit::new(Profile::clean(), 5, 0);
    plain.set_noise(Noise::Heavy);
    let mut planned = plain.clone();
    let at = 100 + fates(&mut plain.clone(), Instant(0), 1_000)[100..].iter().position(|f| *f == Fate::Ok).unwrap();
    planned.plan(at as u64, Fate::Drop);
    let (a, b) = (fates(&mut plain, Instant(0), 1_000), fates(&mut planned, Instant(0), 1_000));
    let changed: Vec<_> = (0..1_000).filter(|i| a[*i] != b[*i]).collect();
    assert_eq!(changed, [at]);
}

#[test]
fn bursts_are_in_time_and_do_not_hang_on_what_was_sent() {
    let mut quiet = Circuit::<Code>::new(Profile::hf(), 9, 0);
    let mut busy = quiet.clone();
    for i in 0..500 {
        busy.carry(Instant(i * 7_000_000), UNIT, &codes(40));
    }
    let (a, b) = (burst_times(&mut quiet, 0, 100_000), burst_times(&mut busy, 0, 100_000));
    assert_eq!(a, b);
    // 2,000 s with a mean of 1.2 s each 60 s: some 400 of 20,000 moments.
    assert!((200..700).contains(&a.len()), "{}", a.len());
    // Thirty years later they are found as quickly.
    assert!(!burst_times(&mut quiet, 30 * 365 * 86_400_000_000, 100_000).is_empty());
}

#[test]
fn errors_within_a_burst_are_the_bursts() {
    let mut c = Circuit::<Code>::new(Profile::hf(), 9, 0);
    let inside = burst_times(&mut c, 0, 100_000);
    let (mut hit, mut clear) = (0, 0);
    for i in 0..20_000_u64 {
        let at = Instant(i * 100_000);
        let fate = c.carry(at, Duration::from_micros(1), &[CODE]).first().map(|a| a.fate);
        match (fate == Some(Fate::Flip), inside.binary_search(&at.0).is_ok()) {
            (true, true) => hit += 1,
            (true, false) => clear += 1,
            (false, _) => (),
        }
    }
    // 1 - 0.85^5 = 56 % of the codes within bursts.
    let share = hit * 100 / inside.len();
    assert!((45..=67).contains(&share), "{share} %");
    assert!(clear <= 10, "{clear}");
}

#[test]
fn rates_over_a_million_symbols_are_as_stated() {
    let mut c = Circuit::new(Profile::clean(), 11, 1);
    c.set_noise(Noise::Heavy);
    let sent = vec![CODE; 1_000_000];
    let mut count = [0_u32; 5];
    c.carry_logged(Instant(0), UNIT, &sent, &mut |_, _, fate| count[fate as usize] += 1);
    let [_, flip, drop, double, cut] = count;
    // 1 - 0.98^5 = 9.61 % of codes hit; 0.2 % lost; 0.1 % doubled. Bounds: five standard deviations.
    assert!((94_300..=97_600).contains(&flip), "{flip}");
    assert!((1_775..=2_225).contains(&drop), "{drop}");
    assert!((840..=1_160).contains(&double), "{double}");
    assert_eq!(cut, 0);
}

#[test]
fn an_unknown_profile_names_the_nearest() {
    assert_eq!(Profile::named("geo"), Ok(Profile::geo()));
    assert_eq!(
        Profile::named("cabel").unwrap_err(),
        "no profile `cabel`: there are clean, cable, hf, geo, molniya, fibre; did you mean `cable`?"
    );
    assert!(!Profile::named("qq").unwrap_err().contains("did you mean"));
}

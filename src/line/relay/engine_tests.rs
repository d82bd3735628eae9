//! Tests of the relay's engine.

use super::*;

const UNIT: Duration = Duration::from_millis(150);

/// Drives an engine in virtual time with obedient ends: everything is read as soon as allowed and written at once.
struct Bench {
    engine: Engine,
    now: u64,
    unread: VecDeque<u8>,
    written: Vec<(u64, u8)>,
    fates: Vec<Fate>,
    most: usize,
    takes: bool,
    answers: Vec<String>,
}

impl Bench {
    fn new(profile: Profile, unit: Duration) -> Bench {
        let engine = Engine::new(profile, 1, unit, [Duration::ZERO; 2]);
        Bench { engine, now: 0, unread: [].into(), written: vec![], fates: vec![], most: 0, takes: true, answers: vec![] }
    }

    fn input(&mut self, input: Input) {
        let out = self.engine.handle(Instant(self.now), input);
        self.obey(out);
    }

    fn obey(&mut self, out: Vec<Output>) {
        self.most = self.most.max(self.engine.in_flight());
        for o in out {
            match o {
                Output::Write(way, bytes) => {
                    self.written.extend(bytes.iter().map(|b| (self.now, *b)));
                    if self.takes {
                        self.input(Input::Wrote(way, bytes.len()));
                    }
                }
                Output::Log(entry) => self.fates.push(entry.fate),
                Output::Answer(a) => self.answers.push(a),
                Output::Read(_) | Output::Stop => (),
            }
        }
    }

    /// Reads what is allowed, then ticks, until `until` or nothing moves.
    fn run(&mut self, until: u64) {
        loop {
            let chunk = Engine::chunk(self.engine.unit).min(self.unread.len());
            if self.engine.ways[0].reading && chunk > 0 {
                let bytes = self.unread.drain(..chunk).collect();
                self.input(Input::Bytes(Way::AToB, bytes));
                continue;
            }
            match self.engine.deadline() {
                Some(at) if at.0 <= until => {
                    self.now = self.now.max(at.0);
                    let out = self.engine.tick(Instant(self.now));
                    self.obey(out);
                }
                _ => {
                    self.now = self.now.max(until);
                    return;
                }
            }
        }
    }

    fn send(&mut self, codes: &[u8]) {
        self.unread.extend(codes);
        let out = self.engine.tick(Instant(self.now));
        self.obey(out);
    }

    fn command(&mut self, text: &str) -> String {
        self.input(Input::Command(text.parse().unwrap()));
        self.answers.pop().unwrap()
    }
}

#[test]
fn codes_given_all_at_once_go_over_at_the_lines_rate_with_its_delay() {
    let mut b = Bench::new(Profile { bit_errors_ppb: 0, drop_ppm: 0, double_ppm: 0, ..Profile::cable() }, UNIT);
    b.now = 1_000_000;
    let codes: Vec<u8> = (0..100).map(|i| i % 32).collect();
    b.send(&codes);
    b.run(u64::MAX / 2);
    let due: Vec<_> = (0..100).map(|i| (1_080_000 + i * 150_000, (i % 32) as u8)).collect();
    assert_eq!(b.written, due);
}

#[test]
fn a_paced_sender_is_followed_after_the_delay_and_lateness_does_not_add_up() {
    let mut b = Bench::new(Profile { bit_errors_ppb: 0, drop_ppm: 0, double_ppm: 0, ..Profile::cable() }, UNIT);
    for i in 1..=200_u64 {
        let late = (i * 7_919) % 9_000; // up to 9 ms
        b.run(i * 150_000 + late);
        b.send(&[1]);
        b.run(i * 150_000 + late);
    }
    b.run(u64::MAX / 2);
    assert_eq!(b.written.len(), 200);
    for (i, (at, _)) in b.written.iter().enumerate() {
        let due = (i as u64 + 1) * 150_000 + 80_000;
        assert!((due..due + 9_000).contains(at), "{i}: {at} {due}");
    }
    let least = b.written.windows(2).map(|w| w[1].0 - w[0].0).min();
    assert!(least >= Some(150_000), "codes never touch: {least:?}");
}

#[test]
fn bytes_are_masked_and_planned_faults_count_from_the_next_code() {
    let mut b = Bench::new(Profile::clean(), UNIT);
    b.send(&[0xe1, 2, 3]);
    b.run(10_000_000);
    assert_eq!(b.command("drop a>b"), "ok drop of code 3 a>b");
    b.command("double a>b 3");
    b.command("flip a>b 4");
    b.send(&[4, 5, 6, 7, 8]);
    b.run(20_000_000);
    let bytes: Vec<u8> = b.written.iter().map(|(_, c)| *c).collect();
    assert_eq!(bytes[..6], [1, 2, 3, 5, 6, 6]);
    assert_eq!((bytes[6] ^ 7).count_ones(), 1);
    use Fate::*;
    assert_eq!(b.fates, [Ok, Ok, Ok, Drop, Ok, Double, Flip, Ok]);
    let least = b.written.windows(2).map(|w| w[1].0 - w[0].0).min();
    assert!(least >= Some(150_000), "the doubled one takes its own time: {least:?}");
    assert!(b.command("status").contains("a>b carried 8 ok 5 flip 1 drop 1 double 1 cut 0 in-flight 0"));
}

#[test]
fn a_cut_takes_the_codes_of_its_time_and_no_others() {
    let mut b = Bench::new(Profile::clean(), UNIT);
    b.now = 150_000;
    b.send(&[9; 60]);
    b.run(3_000_000);
    assert_eq!(b.command("cut 3s"), "ok cut for 3 s");
    assert!(b.command("status").ends_with("cut yes"));
    b.run(u64::MAX / 2);
    let cut = b.fates.iter().filter(|f| **f == Fate::Cut).count();
    assert_eq!((cut, b.written.len()), (20, 40));
    assert!(b.command("status").ends_with("cut no"));
    b.command("cut");
    b.send(&[9]);
    b.run(b.now + 10_000_000);
    b.command("restore");
    b.send(&[9]);
    b.run(b.now + 10_000_000);
    assert_eq!(b.written.len(), 41);
}

#[test]
fn an_end_that_takes_nothing_stops_the_reading_and_nothing_grows() {
    for (profile, unit) in [(Profile::geo(), UNIT), (Profile::geo(), Duration::from_micros(800)), (Profile::cable(), Duration::ZERO)] {
        let mut b = Bench::new(profile, unit);
        b.takes = false;
        b.send(&[0xaa; 200_000]);
        b.run(3_600_000_000);
        assert!(b.unread.len() > 180_000, "{} left unread", b.unread.len());
        assert!(b.most <= b.engine.bound(), "{} over {}", b.most, b.engine.bound());
        assert!(b.engine.bound() < 40_000);
    }
}

#[test]
fn at_speed_max_all_goes_over_at_once_with_faults_and_without_delay() {
    let mut b = Bench::new(Profile::geo(), Duration::ZERO);
    b.command("drop a>b 5000");
    b.command("noise none");
    b.send(&[3; 100_000]);
    b.run(0);
    assert_eq!(b.written.len(), 99_999);
    assert_eq!(b.fates[4_999], Fate::Drop);
    assert_eq!(b.written.iter().map(|(at, _)| *at).max(), Some(0));
}

#[test]
fn a_profile_given_while_it_runs_changes_the_delay_of_what_enters_after_it() {
    let mut b = Bench::new(Profile::geo(), UNIT);
    b.command("noise none");
    b.now = 1_000_000;
    b.send(&[1]);
    b.run(1_100_000);
    assert_eq!(b.command("profile cable"), "ok profile cable");
    assert!(b.command("status").contains("profile cable noise none"));
    b.run(2_000_000);
    b.send(&[2]);
    b.run(3_000_000);
    assert_eq!(b.written, [(1_268_000, 1), (2_080_000, 2)], "what was on its way keeps its time");
    // A shorter way does not let a code overtake the one before it.
    b.command("profile geo");
    b.send(&[3]);
    b.run(3_010_000);
    b.command("profile clean");
    b.run(3_150_000);
    b.send(&[4]);
    b.run(4_000_000);
    assert_eq!(b.written[2..], [(3_268_000, 3), (3_418_000, 4)]);
}

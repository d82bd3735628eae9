//! A machine at a desk under a virtual clock: alone, with a test as its line and operator; and in a world, with router and disk.

use molink::history::World;
use molink::line::Code;
use molink::line::Profile;
use molink::machine::Machine;
use molink::message::{Class, Draft, Envelope, Message, Name, Part, Precedence};
use molink::router::event::Direction;
use molink::router::journal::State;
use molink::router::{Delivery, Event, Fault, Outcome, Place, Submitted};
use molink::station::{Station, StationConfig};
use molink::teletype::codes::LTRS;
use molink::teletype::keys::Keys;
use molink::teletype::slip::{BROKEN, DUPLICATE};
use molink::teletype::{CodeTable, Coder, Desk, Input, Output, UnshiftOnSpace};
use molink::time::{Instant, Speed};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::sync::Arc;
use std::time::Duration;

const CODE: Duration = Duration::from_millis(150);
const FOX: &str = "THE QUICK BROWN FOX JUMPED OVER THE LAZY DOG'S BACK 1234567890";

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn place() -> Place {
    let reachable = |to: &molink::message::Address, _: Class| match to.station.as_str() {
        "moscow" | "paris" => Ok(()),
        _ => Err(format!("washington has no route to `{to}`; did you mean `{}@moscow`", to.desk)),
    };
    let known = [name("washington"), name("moscow")].into();
    Place { desks: vec![name("operator"), name("chairman")], known, reachable: Arc::new(reachable), ..Place::default() }
}

fn message(number: u32, precedence: Precedence, text: &str) -> Message {
    let (from, to) = ("operator@moscow".parse().unwrap(), "operator@washington".parse().unwrap());
    Message {
        identity: format!("MOSCOW-{number:04}-19630830T1600Z").parse().unwrap(),
        envelope: Envelope { from, to, precedence, class: Class::Message, subject: String::new(), via: vec![], post: None },
        content: vec![Part::Text { text: text.into() }],
    }
}

fn codes(text: &str) -> Vec<Code> {
    let mut out = vec![LTRS];
    Coder::in_letters(CodeTable::Ita2, UnshiftOnSpace::Unknown).write(text, &mut out).unwrap();
    out
}
fn read(codes: &[Code]) -> String {
    Coder::new(CodeTable::Ita2, UnshiftOnSpace::Unknown).print(codes)
}

/// A machine, its line, its paper and its operator.
struct Bench {
    desk: Desk,
    now: Instant,
    paper: Vec<Code>,
    going: Option<(Instant, Vec<Code>)>,
    /// The line gives back what is sent.
    loops: bool,
    handed: Vec<(u64, Draft)>,
    outcomes: Vec<(u64, Outcome)>,
    events: Vec<Event>,
    motor: Vec<(u64, bool)>,
    stopped: bool,
}

impl Bench {
    fn new(keys: &str) -> Bench {
        let keys = Keys::read(format!("kind = \"machine\"\n{keys}").parse().unwrap()).unwrap();
        let config = keys.machine("washington", Speed::REAL, place()).unwrap();
        let mut bench = Bench {
            desk: Desk::new(config),
            now: Instant::ZERO,
            paper: vec![],
            going: None,
            loops: false,
            handed: vec![],
            outcomes: vec![],
            events: vec![],
            motor: vec![],
            stopped: false,
        };
        let outputs = bench.desk.tick(bench.now);
        bench.take(outputs);
        bench
    }
    fn input(&mut self, input: Input) {
        let outputs = self.desk.handle(self.now, input);
        self.take(outputs);
    }
    fn take(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(codes) => {
                    assert!(self.going.is_none() && !codes.is_empty(), "two sends at a time, or an empty one");
                    self.going = Some((self.now, codes));
                }
                Output::Halt => {
                    let (start, codes) = self.going.take().expect("something to halt");
                    let begun = (self.now.since(start).as_micros().div_ceil(CODE.as_micros()) as usize).min(codes.len());
                    self.paper.extend(&codes[..begun]);
                    self.input(Input::Halted { left: codes.len() - begun });
                }
                Output::HandIn { token, draft } => self.handed.push((token, draft)),
                Output::Report { delivery, outcome } => self.outcomes.push((delivery, outcome)),
                Output::Event { event, .. } => self.events.push(event),
                Output::Motor(on) => self.motor.push((self.now.micros() / 1000, on)),
                Output::Stopped => self.stopped = true,
                Output::Reserve(_) | Output::Rescan | Output::Submit { .. } | Output::Tape { .. } => panic!("not a machine's business"),
            }
        }
    }
    /// Lets time pass; codes that go out come to paper one by one.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let sent = self.going.as_ref().map(|(start, codes)| *start + CODE * codes.len() as u32);
            let Some(next) = sent.into_iter().chain(self.desk.deadline()).min().filter(|at| *at <= until) else { break };
            self.now = self.now.max(next);
            if sent == Some(next) {
                let (_, codes) = self.going.take().unwrap();
                self.paper.extend(&codes);
                if self.loops {
                    self.input(Input::Received(codes));
                }
                self.input(Input::Transmitted);
            } else {
                let outputs = self.desk.tick(self.now);
                self.take(outputs);
            }
        }
        self.now = until;
    }
    fn seconds(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }
    /// Somebody types, a code each 150 ms.
    fn types(&mut self, text: &str) {
        for code in codes(text) {
            self.pass(CODE);
            self.input(Input::Received(vec![code]));
        }
    }
    fn deliver(&mut self, number: u32, precedence: Precedence, text: &str) {
        self.deliver_as(number, message(number, precedence, text), false);
    }
    fn deliver_as(&mut self, number: u32, message: Message, again: bool) {
        self.input(Input::Deliver(Delivery { number: number.into(), message, channel: number, again }));
    }
    fn accepts(&mut self) -> Draft {
        let (token, draft) = self.handed.pop().expect("a message handed in");
        let id = "WASHINGTON-0007-19630830T1600Z".parse().unwrap();
        self.input(Input::HandedIn { token, submitted: Submitted::Accepted(id) });
        draft
    }
    fn paper(&self) -> String {
        read(&self.paper)
    }
}

#[test]
fn a_delivery_prints_with_its_bells_and_heading_and_is_reported() {
    let mut b = Bench::new("");
    assert!(b.desk.deadline().is_none(), "with nothing to do it does nothing");
    b.deliver(1, Precedence::Flash, FOX);
    b.seconds(60);
    let paper = b.paper();
    assert!(paper.starts_with(&format!("\n\n{}FLASH\nMOSCOW 01 301600Z AUG 63\nFM OPERATOR AT MOSCOW\n", "\u{7}".repeat(10))), "{paper:?}");
    assert!(paper.contains(&format!("\nBT\n{FOX}\nBT\n\nNNNN\n\n\n")), "{paper:?}");
    assert!(matches!(&b.outcomes[..], [(1, Outcome::Delivered(r))] if r.station == name("washington")), "{:?}", b.outcomes);
    let mut again = Bench::new("bell = false");
    again.deliver_as(2, message(2, Precedence::Flash, "X"), true);
    again.seconds(60);
    assert!(again.paper().starts_with(&format!("\n\n{DUPLICATE}\nFLASH\n")), "{}", again.paper());
}

#[test]
fn what_is_typed_is_handed_in_and_its_identity_printed_once_it_is_on_disk() {
    let mut b = Bench::new("receipts = true");
    b.types("FLASH\nTO OPERATOR AT MOSCOW\nSUBJ TEST\nTHE QUIKC EEEEEEEEQUICK FOX\nNNNN");
    b.seconds(60);
    assert_eq!(b.paper(), "", "nothing is said before it is on disk");
    let draft = b.accepts();
    assert_eq!((draft.envelope.from.to_string().as_str(), draft.envelope.precedence), ("operator@washington", Precedence::Flash));
    assert_eq!((draft.envelope.subject.as_str(), &draft.content), ("TEST", &vec![Part::Text { text: "THE QUICK FOX".into() }]));
    b.seconds(30);
    assert_eq!(b.paper(), "\nSENT WASHINGTON 07 301600Z AUG 63 TO OPERATOR AT MOSCOW\n");
    let id: molink::message::Identity = "WASHINGTON-0007-19630830T1600Z".parse().unwrap();
    b.input(Input::Became { id, event: Event::Filed { at: name("moscow"), receipt: String::new() } });
    b.seconds(30);
    assert!(b.paper().ends_with("\nFILED WASHINGTON 07 301600Z AUG 63 AT MOSCOW\n"), "{}", b.paper());
    // What nobody asked for waits for whoever types, as messages do.
    b.types("TO OPERATOR AT MOSCOW\nX");
    let before = b.paper();
    b.input(Input::Became {
        id: "WASHINGTON-0008-19630830T1600Z".parse().unwrap(),
        event: Event::Filed { at: name("moscow"), receipt: String::new() },
    });
    b.seconds(59);
    assert_eq!(b.paper(), before);
    b.seconds(30);
    assert!(b.paper().ends_with("\nFILED WASHINGTON 08 301600Z AUG 63 AT MOSCOW\n"), "{}", b.paper());
    let typed = |e: &Event| matches!(e, Event::Characters { dir: Direction::In, .. });
    assert!(b.events.iter().any(typed));
}

#[test]
fn what_is_wrong_is_said_on_the_paper_in_the_machines_letters() {
    for (typed, answer) in [
        (
            "TO OPERATOR AT MOSKOW\nX\nNNNN",
            "NOT TAKEN: WASHINGTON HAS NO ROUTE TO 'OPERATOR AT MOSKOW', DID YOU\nMEAN 'OPERATOR AT MOSCOW'",
        ),
        ("TO OPERATOR AT MOSCOW\nNNNN", "NOT SENT: THERE IS NO TEXT"),
        ("TO OPERATOR AT MOSCOW\nFM BOSS\nX\nNNNN", "NOT SENT: FM MUST NAME A DESK OF THIS MACHINE: OPERATOR, CHAIRMAN"),
        ("TO OPERATOR\n", "TYPE IT AS TO DESK AT\nSTATION"),
    ] {
        let mut b = Bench::new("");
        b.types(typed);
        b.seconds(60);
        assert!(b.paper().contains(answer) && b.handed.is_empty(), "{typed}: {}", b.paper());
    }
    let mut b = Bench::new("");
    b.types("TO A AT MOSCOW\nFM CHAIRMAN\nX\nNNNN");
    let (token, draft) = b.handed.pop().unwrap();
    assert_eq!(draft.envelope.from.to_string(), "chairman@washington");
    b.input(Input::HandedIn { token, submitted: Submitted::Stuck("the journal cannot be written just now".into()) });
    b.seconds(60);
    assert!(b.paper().contains("NOT SENT: THE JOURNAL CANNOT BE WRITTEN JUST NOW, TYPE IT AGAIN LATER"), "{}", b.paper());
    b.input(Input::Became {
        id: "WASHINGTON-0007-19630830T1600Z".parse().unwrap(),
        event: Event::Returned { reason: "no desk `x` here".into() },
    });
    b.seconds(60);
    assert!(b.paper().contains("NOT DELIVERED WASHINGTON 07 301600Z AUG 63: NO DESK 'X' HERE"), "{}", b.paper());
}

#[test]
fn wru_is_answered_with_the_drum_and_typing_is_given_back_only_if_wanted() {
    let mut b = Bench::new("answerback = \"MOLINK WASHINGTON\"");
    b.types("\u{5}");
    b.seconds(10);
    assert_eq!((b.paper().as_str(), b.paper.len()), ("\nMOLINK WASHINGTON", 20));
    b.types("HELLO");
    b.seconds(10);
    assert_eq!(b.paper.len(), 20);
    let mut b = Bench::new("echo = true\nanswerback = \"MOLINK\"");
    b.types("HELLO\n\u{5}");
    b.seconds(10);
    assert_eq!(b.paper(), "HELLO\n\nMOLINK", "all but the WRU comes back: it would start the machine's own drum");
    let mut b = Bench::new("here_is = true\nanswerback = \"MOLINK\"");
    b.deliver(1, Precedence::Routine, "X");
    b.seconds(60);
    assert!(b.paper().starts_with("\nMOLINK\n\nROUTINE\n"), "{}", b.paper());
}

#[test]
fn a_call_off_stops_at_the_next_character_and_says_so() {
    let mut b = Bench::new("");
    b.deliver(1, Precedence::Routine, FOX);
    b.seconds(15);
    b.input(Input::CallOff(1));
    b.seconds(30);
    let paper = b.paper();
    let (fragment, rest) = paper.split_at(paper.find(BROKEN).unwrap());
    assert!(fragment.contains("ROUTINE"), "{paper}");
    assert_eq!(rest, "XXXXX BROKEN OFF FOR MORE URGENT TRAFFIC\nMOSCOW 01 301600Z AUG 63 WILL BE REPEATED WHOLE\n");
    let [(1, Outcome::CalledOff { at })] = &b.outcomes[..] else { panic!("{:?}", b.outcomes) };
    assert!(at.starts_with("after 100 of "), "15 s are 100 codes: {at}");
    b.deliver(2, Precedence::Flash, "URGENT");
    b.seconds(60);
    assert!(matches!(b.outcomes[1], (2, Outcome::Delivered(_))));
    // One that has printed all but its feed is not broken off.
    b.deliver(3, Precedence::Routine, "X");
    while !b.paper().ends_with("NNNN\n") {
        b.pass(CODE);
    }
    b.input(Input::CallOff(3));
    b.seconds(60);
    assert!(matches!(b.outcomes[2], (3, Outcome::Delivered(_))), "{:?}", b.outcomes);
}

#[test]
fn who_types_is_waited_for_and_told_where_he_was() {
    let mut b = Bench::new("");
    b.types("TO OPERATOR AT MOSCOW\nI WAS SA");
    b.deliver(1, Precedence::Routine, "X");
    b.types("YING");
    b.seconds(59);
    assert_eq!(b.paper(), "");
    b.seconds(60);
    assert!(b.paper().contains("NNNN") && b.paper().ends_with("\nGO ON: YOUR MESSAGE TO OPERATOR AT MOSCOW IS OPEN\n"), "{}", b.paper());
    b.types("\nNNNN");
    assert_eq!(b.accepts().content, [Part::Text { text: "I WAS SAYING".into() }], "what was typed before the print is kept");
    // Called off while it waits: nothing of it was printed, and the router hears so.
    b.types("TO OPERATOR AT MOSCOW\n");
    b.deliver(2, Precedence::Routine, "X");
    b.input(Input::CallOff(2));
    assert!(matches!(&b.outcomes[1], (2, Outcome::NotBegun(r)) if r.fault == Fault::Peer), "{:?}", b.outcomes);
    b.deliver(3, Precedence::Flash, "URGENT");
    b.seconds(6);
    assert!(b.going.is_some(), "flash waits five seconds at the most");
    b.seconds(60);
    // A busy operator holds a routine message for half an hour, no longer.
    b.types("RY");
    b.deliver(4, Precedence::Routine, "PATIENCE");
    let began = b.now;
    while b.outcomes.len() < 4 && b.now.since(began) < Duration::from_secs(3600) {
        b.types("RYRYRYRYRYRYRYRYRYRY\n");
    }
    let waited = b.now.since(began).as_secs();
    assert!((1800..1900).contains(&waited), "{waited} s");
}

#[test]
fn on_a_half_duplex_line_our_own_codes_are_nobodys_and_typing_breaks_a_print_off() {
    let mut b = Bench::new("half_duplex = true");
    b.loops = true;
    b.types("TO OPERATOR AT MOSCOW\nX\nNNNN");
    b.accepts();
    b.deliver(1, Precedence::Routine, &format!("TO OPERATOR AT MOSCOW\n{FOX}\nNNNN"));
    b.seconds(120);
    assert!(matches!(b.outcomes[..], [(1, Outcome::Delivered(_))]) && b.handed.is_empty(), "a message does not send itself back");
    b.loops = false; // the operator falls on what prints: codes come back as others
    for round in 1..=3 {
        b.deliver_as(1, message(1, Precedence::Routine, FOX), round > 1);
        b.pass(CODE * 20);
        b.types("QQQQQQQQQQ");
        b.seconds(120);
    }
    let kinds: Vec<bool> =
        b.outcomes[1..].iter().map(|(_, o)| matches!(o, Outcome::Deferred(r) if r.text.contains("by the operator"))).collect();
    assert_eq!(kinds, [true, true, false], "twice; then it prints to its end");
    assert!(b.paper().contains("XXXXX BROKEN OFF BY THE OPERATOR\nMOSCOW 01"), "{}", b.paper());
    b.deliver(5, Precedence::Flash, FOX);
    b.pass(CODE * 20);
    b.types("QQQQQQQQQQQQQQQ");
    b.seconds(120);
    assert!(matches!(b.outcomes.last(), Some((5, Outcome::Delivered(_)))), "flash is not broken off");
}

#[test]
fn a_lost_line_tells_what_was_begun_and_what_was_not() {
    let mut b = Bench::new("");
    b.deliver(1, Precedence::Routine, FOX);
    b.seconds(10);
    b.types("TO A AT MOSCOW\nX");
    b.going = None;
    b.input(Input::LineLost("it cannot be read".into()));
    b.deliver(2, Precedence::Routine, "X");
    let [(1, Outcome::Deferred(begun)), (2, Outcome::NotBegun(not))] = &b.outcomes[..] else { panic!("{:?}", b.outcomes) };
    assert!(begun.fault == Fault::Line && begun.text.contains(" codes: it cannot be read"), "{begun:?}");
    assert!(not.fault == Fault::Line && not.text.contains("is gone"), "{not:?}");
    b.paper.clear();
    b.input(Input::LineBack);
    b.seconds(60);
    assert!(matches!(b.events.last(), Some(Event::Transmission { .. })) && b.events.iter().any(|e| matches!(e, Event::LineUp { .. })));
    assert!(b.paper().contains("YOUR MESSAGE TO A AT MOSCOW WAS DROPPED: THE LINE WAS GONE"), "{}", b.paper());
}

#[test]
fn the_port_is_up_only_after_the_right_answerback() {
    let mut b = Bench::new("expect_answerback = \"12345 ABC D\"");
    b.seconds(1);
    assert_eq!(b.paper(), "\u{5}");
    b.deliver(1, Precedence::Routine, "X");
    assert!(matches!(b.outcomes[..], [(1, Outcome::NotBegun(_))]));
    b.types("\n99 WRONG");
    b.seconds(30);
    let wrong = |e: &Event| matches!(e, Event::LineDown { reason } if reason.contains("expected the answerback `12345 ABC D`, and `99 WRONG` came"));
    assert!(b.events.iter().any(wrong), "{:?}", b.events);
    b.types("TO A AT MOSCOW\nX\nNNNN");
    assert!(b.handed.is_empty(), "nobody is taken for the operator on a wrong machine");
    b.seconds(40);
    assert_eq!(b.paper.len(), 6, "it is asked again after a minute");
    b.types("\n12345 ABC D");
    assert!(b.events.iter().any(|e| matches!(e, Event::LineUp { peer } if *peer == name("operator"))));
    b.deliver(2, Precedence::Routine, "X");
    b.seconds(60);
    assert!(matches!(b.outcomes.last(), Some((2, Outcome::Delivered(_)))));
}

#[test]
fn the_motor_runs_up_before_a_print_and_stops_after_it() {
    let mut b = Bench::new("motor = \"rts\"\nrun_up = \"2s\"\nidle = \"1m\"");
    b.seconds(100);
    b.deliver(1, Precedence::Routine, "X");
    b.pass(Duration::from_millis(1999));
    assert!(b.going.is_none() && b.motor == [(0, false), (100_000, true)], "{:?}", b.motor);
    b.seconds(30);
    let done = b.outcomes.len();
    b.seconds(100);
    assert_eq!((done, b.motor.len(), b.motor[2].1), (1, 3, false));
    let idle = b.motor[2].0 - 102_000;
    assert!((60_000..90_000).contains(&idle), "{idle} ms after the first code");
    b.types("T");
    assert_eq!(b.motor.len(), 4, "who switched it on by hand keeps it on");
}

#[test]
fn strangers_have_so_many_messages_an_hour_each_way() {
    let mut b = Bench::new("quota = 2");
    for number in 1..=3 {
        let mut m = message(number, Precedence::Routine, "X");
        m.envelope.from = "x@berlin".parse().unwrap();
        b.deliver_as(number, m, false);
        b.seconds(60);
        b.types("TO X AT PARIS\nX\nNNNN");
    }
    assert_eq!(b.handed.len(), 2);
    assert!(matches!(&b.outcomes[2], (3, Outcome::NotBegun(r)) if r.text.contains("`quota`")), "{:?}", b.outcomes);
    b.deliver(4, Precedence::Routine, "X");
    b.seconds(60);
    assert!(matches!(b.outcomes[3], (4, Outcome::Delivered(_))), "a station that a route names is no stranger");
    assert!(b.paper().contains("NOT SENT: NO ROUTE NAMES PARIS, AND 2 MESSAGES AN HOUR"), "{}", b.paper());
    b.seconds(3600);
    b.types("TO X AT PARIS\nX\nNNNN");
    assert_eq!(b.handed.len(), 3);
}

#[test]
fn a_stop_breaks_a_print_off_within_seconds() {
    let mut b = Bench::new("");
    b.deliver(1, Precedence::Routine, FOX);
    b.seconds(10);
    b.input(Input::Stop);
    b.seconds(3);
    assert!(b.stopped && b.paper().ends_with("XXXXX\n"), "{}", b.paper());
    assert!(matches!(&b.outcomes[..], [(1, Outcome::Deferred(r))] if r.fault == Fault::Us), "{:?}", b.outcomes);
    let mut b = Bench::new("");
    b.input(Input::Stop);
    assert!(b.stopped);
}

#[test]
fn an_hour_of_garbage_does_no_harm() {
    for (seed, keys) in
        [(1, "echo = true\nanswerback = \"MOLINK\""), (2, "half_duplex = true\nanswerback = \"MOLINK\""), (3, "code = \"mtk-2\"")]
    {
        let mut b = Bench::new(keys);
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let (mut delivered, mut number) = (0, 0);
        for n in 0..24_000 {
            b.pass(CODE);
            b.input(Input::Received(vec![Code::new(random.next_u64() as u8)]));
            if n % 4_000 == 0 {
                number += 1;
                b.deliver(number, Precedence::Routine, FOX);
            }
            delivered = b.outcomes.iter().filter(|(_, o)| matches!(o, Outcome::Delivered(_))).count();
        }
        assert!(b.handed.is_empty(), "garbage became a message: {:?}", b.handed);
        let broken = b.outcomes.len() - delivered;
        assert!(delivered + broken >= 5 && (delivered >= 5 || keys.contains("half")), "{keys}: {delivered} delivered, {broken} broken off");
        // Afterwards it works as ever.
        b.seconds(600);
        if !keys.contains("mtk-2") {
            b.types("\nTO OPERATOR AT MOSCOW\nSTILL HERE\nNNNN");
            assert_eq!(b.accepts().content, [Part::Text { text: "STILL HERE".into() }]);
        }
    }
}

// ---- in a world: router, disk and machine ----

const AT_A_DESK: &str = "
[desk.operator]
port = \"tty\"
[desk.chairman]
[port.tty]
backend = \"teletype\"
kind = \"machine\"
[port.cable]
backend = \"teletype\"
peer = \"moscow\"
[[route]]
to = \"*@moscow\"
ports = [\"cable\"]
";

fn world(seed: u64) -> (World, (Name, String)) {
    let mut world = World::new("1963-08-30T16:00:00Z".parse().unwrap(), seed);
    world.add_station(&name("washington"), &AT_A_DESK.parse().unwrap()).unwrap();
    world.add_station(&name("moscow"), &AT_A_DESK.replace("moscow", "washington").parse().unwrap()).unwrap();
    let ends = [(name("washington"), "cable".to_owned()), (name("moscow"), "cable".to_owned())];
    world.add_circuit("cable", ends, Profile::clean(), seed);
    for station in ["washington", "moscow"] {
        world.start(&name(station));
    }
    (world, (name("moscow"), "tty".to_owned()))
}

#[test]
fn what_is_typed_at_one_machine_prints_at_the_other() {
    let (mut world, moscow) = world(1);
    world.type_at(&(name("washington"), "tty".into()), codes("TO OPERATOR AT MOSCOW\nHELLO FROM A KEYBOARD\nNNNN"));
    let printed = |w: &World| w.journal(&name("moscow")).unwrap().count(State::Printed) == 1;
    assert!(world.run(Instant::ZERO + Duration::from_secs(600), printed), "not printed in ten minutes");
    let paper = read(world.paper(&moscow));
    assert!(paper.contains("\nFM OPERATOR AT WASHINGTON\nTO OPERATOR AT MOSCOW\nBT\nHELLO FROM A KEYBOARD\nBT\n\nNNNN\n"), "{paper}");
    let here = read(world.paper(&(name("washington"), "tty".into())));
    assert_eq!(here, "\nSENT WASHINGTON 01 301600Z AUG 63 TO OPERATOR AT MOSCOW\n");
}

#[test]
fn killed_at_any_moment_all_is_printed_and_what_prints_twice_says_so() {
    let (mut kills, mut twice) = (0, 0);
    for seed in 0..40 {
        let (mut world, moscow) = world(seed);
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        for number in 1..=4 {
            let draft = crate::world::draft("operator@moscow", "operator@moscow", &format!("NUMBER {number} {FOX}"));
            world.submit(&name("moscow"), draft);
        }
        for _ in 0..5 {
            let at = world.now() + Duration::from_micros(random.next_u64() % 40_000_000);
            if world.run(at, |w| w.journal(&name("moscow")).unwrap().count(State::Printed) == 4) {
                break;
            }
            kills += 1;
            world.kill(&name("moscow"));
            world.start(&name("moscow"));
        }
        let until = world.now() + Duration::from_secs(3600);
        assert!(world.run(until, |w| w.journal(&name("moscow")).unwrap().count(State::Printed) == 4), "seed {seed}: not all printed");
        let paper = read(world.paper(&moscow));
        for number in 1..=4 {
            let whole = format!("NUMBER {number} {FOX}\nBT\n\nNNNN");
            let whole = whole.replace("1234567890\n", "\n1234567890\n");
            let heading = format!("MOSCOW 0{number} 301600Z AUG 63\n");
            let squeezed = |t: &str| t.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(squeezed(&paper).contains(&squeezed(&whole)), "seed {seed}: {number} is not on paper\n{paper}");
            let copies: Vec<&str> = paper.match_indices(&heading).map(|(at, _)| &paper[..at]).collect();
            twice += copies.len() - 1;
            let marked = copies[1..].iter().all(|before| before.ends_with(&format!("{DUPLICATE}\nROUTINE\n")));
            assert!(marked, "seed {seed}: {number} printed twice and does not say so\n{paper}");
        }
    }
    println!("{kills} kills, {twice} prints that were repeated");
    assert!(kills > 100 && twice > 60, "{kills} kills, {twice} repeated");
}

#[test]
fn a_machine_stands_at_a_desk_and_only_there() {
    let check = |from: &str, to: &str| {
        let text = format!("station = \"washington\"\n{}", AT_A_DESK.replace("[port.tty]\n", "[port.tty]\nline = { pty = \"/tmp/a\" }\n"));
        let text = text.replace("[port.cable]\n", "[port.cable]\nline = { pty = \"/tmp/b\" }\n");
        assert!(text.contains(from), "{text}");
        let config = StationConfig::parse("w.toml", &text.replacen(from, to, 1));
        config.and_then(|c| Station::builder().check(&c).map(|_| ())).map_err(|e| e.0).err().unwrap_or_default()
    };
    assert_eq!(check("", ""), "");
    for (from, to, said) in [
        ("port = \"tty\"", "", "w.toml:6: port `tty`: is a machine, but at no desk; add port = \"tty\" to a [desk.NAME]"),
        ("port = \"tty\"", "port = \"tyt\"", "w.toml:4: there is no port `tyt`, which [desk.operator] names; did you mean `tty`"),
        ("port = \"tty\"", "prot = \"tty\"", "unknown key `prot`; did you mean `port`"),
        ("kind = \"machine\"\n", "", "w.toml:6: port `tty`: is a line to a station, and [desk.operator] names it"),
        (
            "ports = [\"cable\"]",
            "ports = [\"tty\"]",
            "is a machine at a desk, and the route to `*@moscow` names it; routes lead over lines",
        ),
    ] {
        let why = check(from, to);
        assert!(why.contains(said), "{why}\nshould say: {said}");
    }
}

//! The router and a machine at a desk: what is filed here is printed there, once, in order, as long as it takes.

use super::*;
use crate::message::Blob;

/// A station whose operator has a machine.
fn at_a_desk() -> Config {
    let mut config = config();
    let text = TextForm {
        alphabet: Alphabet::Of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .-,:()/?'".into()),
        ..config.ports["cable"].text.clone().unwrap()
    };
    config.ports.insert("tty".into(), Takes::texts(text));
    config.machines.insert("operator".parse().unwrap(), "tty".into());
    config.desks.insert("chairman".parse().unwrap());
    config
}
fn printed() -> Outcome {
    Outcome::Delivered(Receipt { station: "washington".parse().unwrap(), before: false, text: "printed, 200 codes".into() })
}
/// Whether each order since last asked was marked as a possible duplicate.
fn again(b: &mut Bench) -> Vec<bool> {
    let deliver = |o| match o {
        Output::Order { order: Order::Deliver(d), .. } => Some(d.again),
        _ => None,
    };
    b.shown().into_iter().filter_map(deliver).collect()
}
fn names(b: &Bench) -> Vec<&str> {
    b.events.iter().map(|e| e.event.name()).collect()
}

#[test]
fn what_is_filed_for_the_desk_is_printed_at_its_machine() {
    let mut b = Bench::with(at_a_desk());
    b.step(Input::Came { token: 7, port: "cable".into(), message: from_moscow(1, "operator@washington", &[]) });
    let shown = b.shown();
    let kinds: Vec<&str> = shown
        .iter()
        .map(|o| match o {
            Output::Paper(_) => "paper",
            Output::Verdict { verdict: Verdict::Filed, .. } => "filed",
            Output::Order { port, order: Order::Deliver(d) } if port == "tty" && !d.again => "print",
            _ => "other",
        })
        .collect();
    assert_eq!(kinds, ["paper", "filed", "print"], "the sender's receipt waits for no paper");
    assert_eq!(b.state(1), State::Filed);
    b.ended("tty", 1, printed());
    assert_eq!((b.state(1), &names(&b)[1..]), (State::Printed, &["filed", "printing", "printed"][..]));
    assert_eq!(b.router.waiting(), 0);
    // Another desk has no machine: its paper is the file.
    b.submit("chairman@washington", Precedence::Routine, "A");
    assert_eq!((b.orders(), b.router.waiting()), (vec![], 0));
}

#[test]
fn after_a_restart_what_is_filed_and_not_printed_is_printed_and_what_was_begun_is_marked() {
    let mut b = Bench::with(at_a_desk());
    for text in ["A", "B"] {
        b.submit("operator@washington", Precedence::Routine, text);
    }
    b.submit("chairman@washington", Precedence::Routine, "C");
    assert_eq!(b.orders(), [("tty".to_owned(), 1, "A".to_owned())]);
    let unprinted = b.rows.values().map(|(row, _)| row.clone()).collect();
    let rows = b.rows.clone();
    let mut b = Bench::with(at_a_desk());
    b.rows = rows;
    b.step(Input::Recovered(Recovered { unprinted, ..Recovered::default() }));
    assert_eq!(again(&mut b), [true], "A was with the machine when the station died");
    b.ended("tty", 1, printed());
    assert_eq!(again(&mut b), [false], "B was not");
    b.ended("tty", 2, printed());
    assert_eq!((b.orders(), b.state(3)), (vec![], State::Filed));
}

#[test]
fn a_machine_that_is_away_is_waited_for_and_nothing_is_returned_or_marked() {
    let mut b = Bench::with(at_a_desk());
    b.submit("operator@washington", Precedence::Routine, "A");
    let away = || Outcome::NotBegun(Reason::new(Fault::Line, "the machine is gone"));
    b.ended("tty", 1, away());
    assert_eq!((b.orders().len(), b.state(1)), (1, State::Filed));
    let mut tries = 0;
    for _ in 0..2000 {
        b.pass(Duration::from_secs(60));
        for (port, number, _) in b.orders() {
            tries += 1;
            b.ended(&port, number, away());
        }
    }
    assert!(tries > 300 && b.state(1) == State::Filed, "33 hours: {tries} tries, never returned");
    let up = Event::LineUp { peer: "operator".parse().unwrap() };
    let (t, utc) = (b.now.micros(), epoch());
    b.step(Input::Noted(Stamped { t, utc, station: "washington".parse().unwrap(), port: Some("tty".into()), id: None, event: up }));
    assert_eq!(again(&mut b), [false], "at once when it is back, and not as a duplicate");
    b.ended("tty", tries + 2, Outcome::Deferred(Reason::new(Fault::Line, "the machine is gone after 7 codes")));
    b.pass(Duration::from_secs(600));
    assert_eq!(again(&mut b), [true]);
    b.ended("tty", tries + 3, Outcome::Refused(Reason::new(Fault::Us, "a bug")));
    b.pass(Duration::from_secs(600));
    assert_eq!(b.orders().len(), 1, "what is filed is never given up");
}

#[test]
fn the_most_urgent_prints_first_and_calls_off_what_is_printing() {
    let mut b = Bench::with(at_a_desk());
    for (p, text) in [(Precedence::Routine, "A"), (Precedence::Deferred, "B"), (Precedence::Priority, "C")] {
        b.submit("operator@washington", p, text);
    }
    assert_eq!(b.orders(), [("tty".to_owned(), 1, "A".to_owned())]);
    b.submit("operator@washington", Precedence::Flash, "D");
    assert!(b.shown().contains(&Output::Order { port: "tty".into(), order: Order::CallOff(1) }));
    b.ended("tty", 1, Outcome::CalledOff { at: "after 3 codes".into() });
    assert_eq!(b.state(1), State::Filed);
    let mut sent = vec![];
    while let Some((port, number, text)) = b.orders().pop() {
        sent.push(text);
        b.ended(&port, number, printed());
    }
    assert_eq!(sent, ["D", "C", "A", "B"]);
    assert!((1..=4).all(|n| b.state(n) == State::Printed));
}

#[test]
fn in_unattended_hours_only_flash_and_above_is_printed() {
    let mut config = at_a_desk();
    config.unattended.insert("tty".into(), "15:00-18:00".parse().unwrap()); // it is 1600Z
    let mut b = Bench::with(config);
    b.submit("operator@washington", Precedence::Immediate, "A");
    b.submit("operator@moscow", Precedence::Routine, "B");
    assert_eq!(b.orders(), [("cable".to_owned(), 1, "B".to_owned())], "lines know no hours");
    assert!(names(&b).contains(&"delayed"), "{:?}", names(&b));
    b.submit("operator@washington", Precedence::Flash, "C");
    assert_eq!(b.orders(), [("tty".to_owned(), 2, "C".to_owned())]);
    b.ended("tty", 2, printed());
    b.pass(Duration::from_secs(7199));
    assert_eq!(b.orders(), []);
    assert_eq!(b.router.deadline(), Some(Instant::ZERO + Duration::from_secs(7200)));
    b.pass(Duration::from_secs(1));
    assert_eq!(b.orders(), [("tty".to_owned(), 3, "A".to_owned())]);
}

#[test]
fn what_a_machine_cannot_print_is_named_on_its_paper() {
    let mut b = Bench::with(at_a_desk());
    let mut message = from_moscow(1, "operator@washington", &[]);
    let blob = Blob { sha256: "0".repeat(64), name: "map.png".into(), media_type: "image/png".into(), size: 1234 };
    message.content = vec![Part::Text { text: "SEE MAP".into() }, Part::Page(blob), Part::Text { text: "Ω".into() }];
    b.step(Input::Came { token: 7, port: "cable".into(), message });
    let text = b.orders().pop().unwrap().2;
    assert!(text.starts_with("SEE MAP\n\nTHE TEXT CANNOT BE PRINTED HERE") && text.contains("MOSCOW-0001-19630830T1601Z"), "{text}");
    assert!(text.contains("\n\nATTACHMENT NOT PRINTED: MAP.PNG (IMAGE/PNG, 1234 BYTES)\nLOOK FOR MOSCOW-0001"), "{text}");
}

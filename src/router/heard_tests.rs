//! The router and what is heard later of messages that went to the world outside; and what becomes of a notice that has no way.

use super::*;

/// A station with a way to the world outside, called `mail`.
fn gateway() -> Config {
    let mut config = config();
    config.outsides.insert("mail".parse().unwrap());
    let ports = vec!["radio".to_owned()];
    config.routes.push(route::Route { to: "*@mail".parse().unwrap(), class: None, ports });
    config
}
fn relayed() -> Outcome {
    Outcome::Delivered(Receipt { station: "relay".parse().unwrap(), before: false, text: "250 2.0.0 queued".into() })
}
fn failed() -> News {
    News::Failed("mx.example.org said: 550 5.1.1 no such user".into())
}
fn arrived() -> News {
    News::Delivered("250 2.1.5 delivered".into())
}
fn learn(b: &mut Bench, id: &Identity, news: News) {
    b.step(Input::Learned { token: 7, port: "radio".into(), id: id.clone(), news });
}
/// The only message in the journal.
fn id(b: &Bench) -> Identity {
    b.rows.keys().next().unwrap().clone()
}
/// What those who brought news were told since this was asked last.
fn told(b: &mut Bench) -> Vec<Verdict> {
    let verdict = |o| match o {
        Output::Verdict { token: 7, verdict } => Some(verdict),
        _ => None,
    };
    b.shown().into_iter().filter_map(verdict).collect()
}
fn names(b: &Bench) -> Vec<&str> {
    b.events.iter().map(|e| e.event.name()).collect()
}

#[test]
fn what_a_relay_took_and_a_notice_gave_up_is_returned_once() {
    let mut b = Bench::with(gateway());
    b.submit("alice@mail", Precedence::Routine, "A");
    b.ended("radio", 1, relayed());
    let id = id(&b);
    assert_eq!(b.state(1), State::Custody);
    for news in [failed(), failed(), arrived()] {
        learn(&mut b, &id, news);
    }
    assert_eq!((b.state(1), &names(&b)[1..]), (State::Returned, &["accepted", "sent", "custody", "returned"][..]));
    assert_eq!(b.rows[&id].0.detail, "mx.example.org said: 550 5.1.1 no such user");
    assert_eq!(b.events.last().unwrap().port.as_deref(), Some("radio"));
}

#[test]
fn what_a_relay_took_and_a_notice_says_arrived_is_filed_outside() {
    let mut b = Bench::with(gateway());
    b.submit("alice@mail", Precedence::Routine, "A");
    b.ended("radio", 1, relayed());
    let id = id(&b);
    learn(&mut b, &id, arrived());
    assert_eq!(b.state(1), State::Filed);
    let filed = Event::Filed { at: "mail".parse().unwrap(), receipt: "250 2.1.5 delivered".into() };
    assert_eq!(b.events.last().unwrap().event, filed);
}

#[test]
fn a_notice_that_overtakes_the_relays_answer_is_not_lost() {
    let mut b = Bench::with(gateway());
    b.submit("alice@mail", Precedence::Routine, "A");
    let id = id(&b);
    b.shown();
    learn(&mut b, &id, failed());
    assert_eq!(b.state(1), State::Sent, "it may yet come to nothing");
    assert_eq!(told(&mut b), [Verdict::Filed], "its host may wait for this before it gives its own answer");
    b.slow = true;
    b.ended("radio", 1, relayed());
    assert_eq!(b.unconfirmed.len(), 1, "custody and what was heard are on disk together, or neither is");
    let confirmed = b.confirm();
    b.step(confirmed);
    assert_eq!((b.state(1), &names(&b)[3..]), (State::Returned, &["custody", "returned"][..]));
    assert_eq!(b.router.learning_now(), 0);
}

#[test]
fn what_was_heard_too_early_of_a_message_that_came_to_nothing_is_forgotten() {
    let mut b = Bench::with(gateway());
    b.submit("alice@mail", Precedence::Routine, "A");
    let id = id(&b);
    learn(&mut b, &id, arrived());
    b.ended("radio", 1, Outcome::Refused(Reason::new(Fault::Peer, "no such user")));
    assert_eq!((b.state(1), b.router.learning_now()), (State::Returned, 0));
}

#[test]
fn of_two_notices_at_one_time_the_first_counts_and_nothing_is_said_before_it_is_on_disk() {
    let mut b = Bench::with(gateway());
    b.submit("alice@mail", Precedence::Routine, "A");
    b.ended("radio", 1, relayed());
    let id = id(&b);
    b.shown();
    b.slow = true;
    for news in [failed(), arrived()] {
        learn(&mut b, &id, news);
    }
    assert_eq!((b.state(1), b.shown(), b.unconfirmed.len()), (State::Custody, vec![], 1));
    let confirmed = b.confirm();
    b.step(confirmed);
    assert_eq!(told(&mut b), [Verdict::Filed, Verdict::Filed], "both are on disk, or need not be");
    learn(&mut b, &id, arrived());
    assert_eq!((b.state(1), b.unconfirmed.len()), (State::Returned, 0));
    assert_eq!(told(&mut b), [Verdict::Filed], "of what has ended nothing is learned");
}

#[test]
fn the_row_is_asked_for_behind_what_is_not_on_disk_yet() {
    let mut b = Bench::with(gateway());
    b.submit("alice@mail", Precedence::Routine, "A");
    b.slow = true;
    b.ended("radio", 1, relayed());
    let id = id(&b);
    learn(&mut b, &id, failed());
    assert_eq!((b.state(1), b.unconfirmed.len()), (State::Sent, 1), "custody waits for the disk, and the news behind it");
    for _ in 0..2 {
        let confirmed = b.confirm();
        b.step(confirmed);
    }
    assert_eq!(b.state(1), State::Returned);
}

#[test]
fn a_notice_moves_nothing_that_did_not_go_to_the_world_outside() {
    let mut b = Bench::with(gateway());
    b.submit("operator@london", Precedence::Routine, "A"); // a station; the relay in between has it
    b.ended("radio", 1, relayed());
    b.submit("operator@washington", Precedence::Routine, "B"); // filed here
    b.submit("operator@moscow", Precedence::Routine, "C"); // going out
    b.step(Input::PortReady { port: "radio".into(), ready: Err("off".into()) });
    b.submit("alice@mail", Precedence::Routine, "D"); // waits, and no host knows of it
    let before = b.events.len();
    for id in b.rows.keys().cloned().collect::<Vec<_>>() {
        learn(&mut b, &id, failed());
    }
    learn(&mut b, &"WASHINGTON-0099-19630830T1600Z".parse().unwrap(), failed());
    assert_eq!(b.events.len(), before);
    b.step(Input::PortReady { port: "radio".into(), ready: Ok(()) });
    let (port, number, _) = b.orders().pop().unwrap();
    b.ended(&port, number, relayed());
    assert_eq!(b.state(4), State::Custody, "what was forged before it went out is forgotten");
}

#[test]
fn news_without_end_do_not_fill_the_memory() {
    let mut b = Bench::with(gateway());
    b.slow = true;
    b.submit("operator@washington", Precedence::Routine, "A"); // not on disk: what is asked for waits behind it
    for serial in 1..3_000 {
        learn(&mut b, &format!("WASHINGTON-{serial:04}-19630830T1500Z").parse().unwrap(), failed());
    }
    assert_eq!(b.router.learning_now(), 1_000);
    let later = told(&mut b);
    assert!(later.len() == 1_999 && later.iter().all(|v| matches!(v, Verdict::TryLater(_))), "the rest are to come again");
    let confirmed = b.confirm();
    b.step(confirmed);
    assert_eq!(b.router.learning_now(), 0);
}

#[test]
fn a_notice_that_has_no_way_back_is_told_by_an_event_at_the_station_where_it_ends() {
    let mut b = Bench::new(); // washington knows no way to `mail`
    let mut message = from_moscow(1, "x@london", &[]);
    message.envelope.from = "alice@mail".parse().unwrap();
    b.step(Input::Came { token: 3, port: "cable".into(), message });
    let (port, number, _) = b.orders().pop().unwrap();
    b.ended(&port, number, Outcome::Refused(Reason::new(Fault::Peer, "no desk `x`")));
    let [.., Event::Returned { reason }, Event::Refused { reason: told }] =
        &b.events.iter().map(|e| e.event.clone()).collect::<Vec<_>>()[..]
    else {
        panic!("{:?}", names(&b))
    };
    assert_eq!(reason, "no desk `x`");
    assert!(told.starts_with("the sender, alice@mail, could not be told: washington has no route to `alice@mail`"), "{told}");
    assert_eq!(b.rows.len(), 1);
}

#[test]
fn a_notice_for_somebody_outside_takes_the_route_there_and_there_is_none_about_it() {
    let mut b = Bench::with(gateway());
    let mut message = from_moscow(1, "x@london", &[]);
    message.envelope.from = "alice@mail".parse().unwrap();
    b.step(Input::Came { token: 3, port: "cable".into(), message });
    for reason in ["no desk `x`", "no such user"] {
        let (port, number, _) = b.orders().pop().unwrap();
        b.ended(&port, number, Outcome::Refused(Reason::new(Fault::Peer, reason)));
    }
    assert_eq!(b.orders(), []);
    assert_eq!(b.rows.values().filter(|(row, _)| row.from.desk.as_str() == "router").count(), 1);
}

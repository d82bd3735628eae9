//! The router alone: fed by hand, with a disk that confirms when told.

use super::journal::{Change, Recovered, Row, State};
use super::*;
use crate::message::{Class, Draft, Envelope, Identity, Message, Part, Precedence, Takes, TextForm};
use crate::time::{Instant, Speed, Utc};
use crate::{machine::Machine, message::Alphabet};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A router with its journal in a map; `step` runs it until nothing follows, the disk confirming at once unless `slow`.
struct Bench {
    router: Router,
    routes: Vec<route::Route>,
    now: Instant,
    rows: BTreeMap<Identity, (Row, Message)>,
    keys: BTreeMap<String, Identity>,
    events: Vec<Stamped>,
    unconfirmed: Vec<(u64, Vec<Change>)>,
    slow: bool,
    shown: Vec<Output>,
}

fn epoch() -> Utc {
    "1963-08-30T16:00:00Z".parse().unwrap()
}

fn config() -> Config {
    let text = TextForm { alphabet: Alphabet::Any, twin: None, columns: 69, longest: 1000, per_hour: Some(24_000) };
    let teletype = Takes::texts(text);
    let route = |to: &str, ports: &[&str]| route::Route {
        to: to.parse().unwrap(),
        class: None,
        ports: ports.iter().map(|p| (*p).into()).collect(),
    };
    Config {
        station: "washington".parse().unwrap(),
        epoch: epoch(),
        speed: Speed::REAL,
        desks: ["operator".parse().unwrap()].into(),
        machines: BTreeMap::new(),
        unattended: BTreeMap::new(),
        outsides: BTreeSet::new(),
        ports: [("cable".to_owned(), teletype.clone()), ("radio".to_owned(), teletype)].into(),
        routes: vec![route("*@moscow", &["cable", "radio"]), route("*@london", &["radio"])],
        retry: retry::RetryPolicy::default(),
        most_waiting: 100,
    }
}

impl Bench {
    fn new() -> Bench {
        Bench::with(config())
    }

    fn with(config: Config) -> Bench {
        let mut b = Bench {
            routes: config.routes.clone(),
            router: Router::new(config),
            now: Instant::ZERO,
            rows: BTreeMap::new(),
            keys: BTreeMap::new(),
            events: vec![],
            unconfirmed: vec![],
            slow: false,
            shown: vec![],
        };
        b.step(Input::Recovered(Recovered::default()));
        for port in ["cable", "radio", "tty"] {
            b.step(Input::PortReady { port: port.into(), ready: Ok(()) });
        }
        b.shown.clear();
        b
    }

    fn step(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for output in self.router.handle(self.now, input) {
                self.take(output, &mut inputs);
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        let mut inputs = vec![];
        for output in self.router.tick(self.now) {
            self.take(output, &mut inputs);
        }
        inputs.into_iter().for_each(|i| self.step(i));
    }

    fn take(&mut self, output: Output, inputs: &mut Vec<Input>) {
        match output {
            Output::Persist { batch, changes } => {
                self.unconfirmed.push((batch, changes));
                if !self.slow {
                    inputs.insert(0, self.confirm());
                }
            }
            Output::Lookup { token, query } => {
                let found = match query {
                    Query::Identity(id) => self.rows.contains_key(&id).then_some(id),
                    Query::Key(key) => self.keys.get(&key).cloned(),
                };
                inputs.insert(0, Input::Found { token, found });
            }
            Output::Recall(id) => inputs.insert(0, Input::Recalled { row: self.rows.get(&id).map(|(row, _)| row.clone()), id }),
            Output::Load(id) => inputs.insert(0, Input::Loaded { message: Ok(self.rows[&id].1.clone()), id }),
            shown => self.shown.push(shown),
        }
    }

    fn confirm(&mut self) -> Input {
        let mut last = 0;
        for (batch, changes) in std::mem::take(&mut self.unconfirmed) {
            last = batch;
            for change in changes {
                match change {
                    Change::New { row, message, key } => {
                        key.map(|k| self.keys.insert(k, row.id.clone()));
                        assert!(self.rows.insert(row.id.clone(), (row, message)).is_none(), "filed twice");
                    }
                    Change::Moved { id, state, attempts, detail } => {
                        let row = &mut self.rows.get_mut(&id).unwrap().0;
                        (row.state, row.attempts, row.detail) = (state, attempts, detail);
                    }
                    Change::Channel { .. } => {}
                    Change::Event(e) => self.events.push(e),
                }
            }
        }
        Input::Persisted(last)
    }

    fn submit(&mut self, to: &str, precedence: Precedence, text: &str) {
        let draft = draft(to, precedence, text);
        self.step(Input::Submit { token: 1, draft, key: None });
    }

    fn shown(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.shown)
    }

    /// The deliveries ordered since last asked: (port, number, text).
    fn orders(&mut self) -> Vec<(String, u64, String)> {
        let deliver = |o| match o {
            Output::Order { port, order: Order::Deliver(d) } => Some((port, d.number, d.message.text())),
            _ => None,
        };
        self.shown().into_iter().filter_map(deliver).collect()
    }

    fn ended(&mut self, port: &str, delivery: u64, outcome: Outcome) {
        self.step(Input::Ended { port: port.into(), delivery, outcome });
    }

    fn state(&self, serial: u32) -> State {
        self.rows.values().find(|(r, _)| r.id.serial == serial).unwrap().0.state
    }
}

fn draft(to: &str, precedence: Precedence, text: &str) -> Draft {
    let from = "operator@washington".parse().unwrap();
    let envelope =
        Envelope { from, to: to.parse().unwrap(), precedence, class: Class::Message, subject: String::new(), via: vec![], post: None };
    Draft { envelope, content: vec![Part::Text { text: text.into() }] }
}

fn from_moscow(serial: u32, to: &str, via: &[&str]) -> Message {
    let mut draft = draft(to, Precedence::Routine, "PRIVET");
    draft.envelope.from = "operator@moscow".parse().unwrap();
    draft.envelope.via = via.iter().map(|v| v.parse().unwrap()).collect();
    let identity = format!("MOSCOW-{serial:04}-19630830T1601Z").parse().unwrap();
    Message { identity, envelope: draft.envelope, content: draft.content }
}

fn receipt() -> Outcome {
    Outcome::Delivered(Receipt { station: "moscow".parse().unwrap(), before: false, text: "RECEIVED".into() })
}

fn no_answer() -> Outcome {
    Outcome::Deferred(Reason::new(Fault::Line, "no answer"))
}

#[test]
fn nothing_is_shown_before_it_is_on_disk() {
    let mut b = Bench::new();
    b.slow = true;
    b.submit("operator@moscow", Precedence::Routine, "A");
    assert_eq!(b.shown(), []);
    let confirmed = b.confirm();
    b.step(confirmed);
    assert!(matches!(b.shown()[..], [Output::Answer { submitted: Submitted::Accepted(_), .. }]));
    let confirmed = b.confirm();
    b.step(confirmed);
    assert_eq!(b.orders(), [("cable".to_owned(), 1, "A".to_owned())], "sent only once `sent` is on disk");
}

#[test]
fn a_disk_that_confirms_nothing_does_not_fill_the_memory() {
    let mut b = Bench::new();
    b.slow = true;
    let draft = || draft("operator@washington", Precedence::Routine, "A");
    (0..2000).for_each(|token| b.step(Input::Submit { token, draft: draft(), key: None }));
    assert_eq!(b.unconfirmed.len(), 500);
    let confirmed = b.confirm();
    b.step(confirmed);
    b.slow = false;
    b.shown.clear();
    b.step(Input::Submit { token: 1, draft: draft(), key: None });
    assert!(b.shown().iter().any(|o| matches!(o, Output::Answer { submitted: Submitted::Accepted(_), .. })), "and goes on when it can");
}

#[test]
fn urgent_before_old_and_flash_calls_off_what_is_being_sent() {
    let mut b = Bench::new();
    for (p, text) in [(Precedence::Routine, "A"), (Precedence::Deferred, "B"), (Precedence::Priority, "C")] {
        b.submit("operator@moscow", p, text);
    }
    assert_eq!(b.orders(), [("cable".to_owned(), 1, "A".to_owned())], "priority waits for what is being sent");
    b.submit("operator@moscow", Precedence::Flash, "D");
    assert!(b.shown().contains(&Output::Order { port: "cable".into(), order: Order::CallOff(1) }));
    b.ended("cable", 1, Outcome::CalledOff { at: "after 3 codes".into() });
    let mut sent = vec![];
    while let Some((port, number, text)) = b.orders().pop() {
        sent.push(text);
        b.ended(&port, number, receipt());
    }
    assert_eq!(sent, ["D", "C", "A", "B"]);
    assert!((1..=4).all(|n| b.state(n) == State::Filed));
}

#[test]
fn no_answer_falls_to_the_next_port_and_comes_back_to_the_first() {
    let mut b = Bench::new();
    b.submit("operator@moscow", Precedence::Routine, "A");
    assert_eq!(b.orders()[0].0, "cable");
    b.ended("cable", 1, no_answer());
    assert_eq!(b.orders()[0].0, "radio");
    b.ended("radio", 2, no_answer());
    assert_eq!(b.orders(), []);
    b.pass(Duration::from_secs(5));
    assert_eq!(b.orders()[0].0, "cable", "the first port of the route is tried first again");
    b.ended("cable", 3, receipt());
    assert_eq!(b.state(1), State::Filed);
}

/// A bench whose service messages go by radio first, and which has no way for them to London.
fn of_two_classes() -> Bench {
    let mut config = config();
    let route = |to: &str, class, ports: &[&str]| route::Route {
        to: to.parse().unwrap(),
        class: Some(class),
        ports: ports.iter().map(|p| (*p).into()).collect(),
    };
    config.routes = vec![
        route("*@moscow", Class::Service, &["radio", "cable"]),
        route("*@moscow", Class::Message, &["cable", "radio"]),
        route("*@london", Class::Message, &["radio"]),
    ];
    Bench::with(config)
}

fn service(mut draft: Draft) -> Draft {
    draft.envelope.class = Class::Service;
    draft
}

#[test]
fn a_service_message_takes_the_route_of_its_class_beside_the_other_and_falls_to_the_next_port() {
    let mut b = of_two_classes();
    b.step(Input::Submit { token: 1, draft: service(draft("operator@moscow", Precedence::Routine, "S")), key: None });
    let accepted = |e: &Stamped| match &e.event {
        Event::Accepted { class, .. } => Some(*class),
        _ => None,
    };
    assert_eq!(b.events.iter().find_map(accepted), Some(Class::Service));
    b.submit("operator@moscow", Precedence::Routine, "M");
    let orders: Vec<(String, String)> = b.orders().into_iter().map(|(port, _, text)| (port, text)).collect();
    assert_eq!(orders, [("radio".into(), "S".into()), ("cable".into(), "M".into())], "both at once");
    b.ended("cable", 2, receipt());
    b.ended("radio", 1, no_answer());
    assert_eq!(b.orders()[0].0, "cable");
}

#[test]
fn a_service_message_found_at_start_still_takes_the_route_of_its_class() {
    let mut routes = of_two_classes().routes;
    routes.iter_mut().for_each(|r| r.ports.truncate(1)); // no other port to fall to
    let config = Config { routes, ..config() };
    let mut b = Bench::with(config.clone());
    b.step(Input::Submit { token: 1, draft: service(draft("operator@moscow", Precedence::Routine, "S")), key: None });
    let (row, message) = b.rows.values().next().unwrap().clone();
    let mut again = Bench::with(config.clone());
    again.rows.insert(row.id.clone(), (row.clone(), message));
    again.router = Router::new(config);
    again.step(Input::Recovered(Recovered { waiting: vec![row], ..Recovered::default() }));
    for port in ["cable", "radio"] {
        again.step(Input::PortReady { port: port.into(), ready: Ok(()) });
    }
    assert_eq!(again.orders(), [("radio".to_owned(), 1, "S".to_owned())]);
}

#[test]
fn a_class_without_a_route_is_refused_with_the_reason() {
    let mut b = of_two_classes();
    b.step(Input::Submit { token: 1, draft: service(draft("x@london", Precedence::Routine, "S")), key: None });
    let [Output::Answer { submitted: Submitted::Unknown(why), .. }] = &b.shown()[..] else { panic!("not refused") };
    assert_eq!(why, "washington has no route to `x@london` for the class service; the route to `*@london` is for the other class only");
    b.submit("x@london", Precedence::Routine, "M");
    assert_eq!(b.orders()[0].0, "radio");
}

#[test]
fn a_repeat_is_filed_once_and_answered_as_before() {
    let mut b = Bench::new();
    for (serial, expected) in [(1, Verdict::Filed), (1, Verdict::FiledBefore), (2, Verdict::Filed)] {
        b.step(Input::Came { token: 9, port: "cable".into(), message: from_moscow(serial, "operator@washington", &[]) });
        let shown = b.shown();
        assert!(shown.contains(&Output::Verdict { token: 9, verdict: expected }), "{shown:?}");
    }
}

#[test]
fn two_copies_at_one_time_are_filed_once() {
    let mut b = Bench::new();
    b.slow = true;
    for (token, port) in [(1, "cable"), (2, "radio")] {
        b.step(Input::Came { token, port: port.into(), message: from_moscow(1, "operator@washington", &[]) });
    }
    assert_eq!(b.shown(), []);
    let confirmed = b.confirm();
    b.step(confirmed);
    let verdicts: Vec<Output> = b.shown().into_iter().filter(|o| matches!(o, Output::Verdict { .. })).collect();
    let verdict = |token, verdict| Output::Verdict { token, verdict };
    assert_eq!(verdicts, [verdict(1, Verdict::Filed), verdict(2, Verdict::FiledBefore)]);
}

#[test]
fn unknown_desks_loops_and_dead_ends_are_refused_for_good() {
    let mut b = Bench::new();
    let mut refused = |message: Message, word: &str| {
        b.step(Input::Came { token: 3, port: "cable".into(), message });
        let said = b.shown().into_iter().find_map(|o| match o {
            Output::Verdict { verdict: Verdict::Refused(r), .. } => Some(r.text),
            _ => None,
        });
        assert!(said.as_ref().is_some_and(|s| s.contains(word)), "{said:?} should name {word}");
    };
    refused(from_moscow(1, "operater@washington", &[]), "did you mean `operator`");
    refused(from_moscow(2, "operator@washington", &["washington"]), "loop");
    refused(from_moscow(3, "x@paris", &[]), "no route");
}

#[test]
fn a_message_for_elsewhere_is_passed_on_and_returned_by_a_notice() {
    let mut b = Bench::new();
    b.step(Input::Came { token: 3, port: "cable".into(), message: from_moscow(1, "x@london", &[]) });
    let orders = b.orders();
    assert_eq!(orders[0].0, "radio");
    b.ended("radio", orders[0].1, Outcome::Refused(Reason::new(Fault::Peer, "UNKNOWN DESK")));
    let orders = b.orders();
    assert_eq!(orders[0].0, "cable");
    assert!(orders[0].2.contains("WAS NOT DELIVERED:\nUNKNOWN DESK"), "broken at 69 columns: {orders:?}");
}

#[test]
fn the_same_key_gives_the_same_identity() {
    let mut b = Bench::new();
    let mut submitted = |token| {
        let draft = draft("operator@moscow", Precedence::Routine, "A");
        b.step(Input::Submit { token, draft, key: Some("k".into()) });
        b.shown().into_iter().find_map(|o| match o {
            Output::Answer { submitted, .. } => Some(submitted),
            _ => None,
        })
    };
    let Some(Submitted::Accepted(id)) = submitted(1) else { panic!("not accepted") };
    assert_eq!(submitted(2), Some(Submitted::Known(id)));
}

#[test]
fn serials_restart_each_day_and_go_on_after_a_restart() {
    let mut b = Bench::new();
    b.submit("operator@moscow", Precedence::Routine, "A");
    b.now += Duration::from_secs(86_400);
    b.submit("operator@moscow", Precedence::Routine, "B");
    let ids: Vec<String> = b.rows.keys().map(Identity::to_string).collect();
    assert_eq!(ids, ["WASHINGTON-0001-19630830T1600Z", "WASHINGTON-0001-19630831T1600Z"]);
    let mut again = Bench::new();
    again.router = Router::new(config());
    let serials = [(19_630_830, 7)].into();
    again.step(Input::Recovered(Recovered { serials, ..Recovered::default() }));
    again.submit("operator@moscow", Precedence::Routine, "C");
    assert_eq!(again.rows.keys().next().unwrap().serial, 8);
}

#[test]
fn what_is_too_old_is_returned() {
    let mut b = Bench::new();
    b.submit("operator@moscow", Precedence::Routine, "A");
    b.ended("cable", 1, no_answer());
    b.ended("radio", 2, no_answer());
    b.pass(Duration::from_secs(25 * 3600));
    assert_eq!(b.state(1), State::Returned);
}

#[test]
fn what_is_too_old_says_why_its_last_try_failed() {
    let mut b = Bench::new();
    b.submit("operator@moscow", Precedence::Routine, "OLD");
    let mut orders = b.orders();
    while b.state(1) != State::Returned {
        for (port, number, _) in orders {
            let reason = Reason::new(Fault::Peer, format!("no answer by {port}"));
            b.ended(&port, number, Outcome::Deferred(reason));
        }
        b.pass(Duration::from_secs(3600));
        orders = b.orders();
    }
    let detail = &b.rows.values().next().unwrap().0.detail;
    assert!(detail.starts_with("not delivered within ") && detail.contains(" min; at the last try: no answer by "), "{detail}");
}

#[test]
fn why_its_last_try_failed_is_known_over_a_restart_also_if_its_ports_never_come_back() {
    let mut b = Bench::new();
    b.submit("operator@moscow", Precedence::Routine, "OLD");
    let reason = Reason::new(Fault::Peer, "the far end has no paper");
    b.ended("cable", 1, Outcome::Deferred(reason));
    let (row, message) = b.rows.values().next().unwrap().clone();
    assert_eq!((row.attempts, row.detail.as_str()), (1, "the far end has no paper"));
    let mut again = Bench { router: Router::new(config()), ..Bench::new() };
    again.rows.insert(row.id.clone(), (row.clone(), message));
    again.step(Input::Recovered(Recovered { waiting: vec![row], ..Recovered::default() }));
    again.pass(Duration::from_secs(25 * 3600));
    let (row, _) = again.rows.values().next().unwrap();
    assert_eq!(row.state, State::Returned);
    assert!(row.detail.ends_with("; at the last try: the far end has no paper"), "{}", row.detail);
}

#[test]
fn a_port_that_stops_in_mid_delivery_gives_its_message_to_the_next() {
    let mut b = Bench::new();
    b.submit("operator@moscow", Precedence::Routine, "A");
    b.shown();
    b.step(Input::PortReady { port: "cable".into(), ready: Err("the adapter was pulled out".into()) });
    assert_eq!(b.orders()[0].0, "radio");
    b.ended("cable", 1, receipt());
    assert_eq!(b.state(1), State::Sent, "a report for a delivery no longer on that port changes nothing");
}

/// A mail with a file, of a stranger's.
fn mail() -> Draft {
    let mut draft = draft("operator@moscow", Precedence::Routine, "SEE FILE");
    draft.envelope.from = "alice@mail".parse().unwrap();
    draft.envelope.post = Some(Box::default());
    let (name, media_type) = ("a.zip".into(), "application/zip".into());
    draft.content.push(Part::File(crate::message::Blob { sha256: "0".repeat(64), name, media_type, size: 9 }));
    draft
}

#[test]
fn a_mail_goes_by_a_port_that_carries_all_of_it_and_else_its_file_is_named_and_the_sender_told() {
    for (whole, port, text) in
        [(true, "radio", "SEE FILE"), (false, "cable", "SEE FILE\n\nATTACHMENT NOT SENT: a.zip (application/zip, 9 bytes)")]
    {
        let mut config = config();
        config.outsides.insert("mail".parse().unwrap());
        if whole {
            config.ports.insert("radio".into(), Takes::everything());
        }
        let mut b = Bench::with(config);
        b.step(Input::Submit { token: 1, draft: mail(), key: None });
        let [(by, _, sent)] = &b.orders()[..] else { panic!("not sent") };
        assert_eq!((by.as_str(), sent.as_str()), (port, text));
        let told = |e: &Stamped| matches!(&e.event, Event::Sent { edits, .. } if edits.iter().any(|edit| edit.left_out));
        assert_eq!(b.events.iter().any(told), !whole);
    }
    let mut b = Bench::new();
    b.step(Input::Submit {
        token: 1,
        draft: Draft { envelope: draft("operator@moscow", Precedence::Routine, "").envelope, ..mail() },
        key: None,
    });
    assert!(
        matches!(&b.shown()[..], [Output::Answer { submitted: Submitted::Refused(why), .. }] if why.contains("`a.zip`")),
        "handed in here"
    );
}

#[path = "machine_tests.rs"]
mod machine;

#[path = "heard_tests.rs"]
mod heard;

#[test]
fn who_waits_for_a_busy_port_does_not_wake_the_router_again_and_again() {
    let mut b = Bench::new();
    b.submit("operator@moscow", Precedence::Routine, "A");
    b.submit("operator@moscow", Precedence::Routine, "B");
    assert_eq!(b.orders(), [("cable".to_owned(), 1, "A".to_owned())], "B waits, and the radio is free");
    let later = |b: &Bench| b.router.deadline().is_none_or(|at| at > b.now);
    assert!(later(&b), "{:?}", b.router.deadline());
    b.ended("cable", 1, no_answer());
    assert!(!b.orders().is_empty() && later(&b), "the cable rests, the radio carries one, the other waits");
    b.pass(Duration::from_secs(3600));
    assert!(later(&b), "{:?} at {:?}", b.router.deadline(), b.now);
}

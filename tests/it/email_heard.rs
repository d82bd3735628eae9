//! What others tell of our messages, and what might go on for ever and ends: notices of notices, mails and messages that come round.

use crate::courier::Courier;
use crate::email_far::soon;
use crate::email_gate::{Gate, HERE, is, notice, open_to_a_login};
use molink::email::notice::Action;
use molink::message::{Draft, Envelope, Part};
use molink::router::journal::State;
use molink::router::journal::reader::{Filter, Reader};
use molink::router::{Backend, Event};
use molink::station::{Station, StationConfig};
use std::path::Path;
use std::time::Duration;

/// A notice of Postfix's form about one of our messages.
fn postfix(about: &str, action: &str, status: &str) -> String {
    let mail = std::fs::read_to_string("fixtures/mail/notice-postfix.eml").unwrap().replace("WASHINGTON-0001-20161031T1200Z", about);
    let mail = mail.replace("Action: failed", &format!("Action: {action}")).replace("Status: 5.1.1", &format!("Status: {status}"));
    mail.replace("\r\n", "\n").replace('\n', "\r\n") + "\r\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_tell_of_our_messages_is_learned_and_a_forged_notice_moves_nothing_else() {
    let gate = Gate::new("people = { alice = \"nobody@far.example\" }").await;
    let mut ids = vec![];
    let elsewhere = gate.send("beyond@moscow").await; // in custody, and not outside
    let mut caller = None;
    for _ in 0..2 {
        let id = gate.send("alice@mail").await;
        let caller = match &mut caller {
            Some(caller) => caller,
            none => none.insert(gate.caller().await),
        };
        let (mail, rcpt, _) = caller.message().await;
        assert!(mail.contains(&format!("RET=HDRS ENVID={id}")), "{mail}");
        assert_eq!(rcpt, "RCPT TO:<nobody@far.example> NOTIFY=SUCCESS,FAILURE,DELAY");
        caller.say("250 2.0.0 queued").await;
        gate.stands(&id, State::Custody).await;
        ids.push(id);
    }
    let mut talker = gate.call().await;
    let notices =
        [(&elsewhere, "failed", "5.1.1"), (&ids[1], "delayed", "4.4.1"), (&ids[0], "failed", "5.1.1"), (&ids[1], "delivered", "2.0.0")];
    let states = [State::Custody, State::Custody, State::Returned, State::Filed];
    for ((about, action, status), state) in notices.into_iter().zip(states) {
        let filed = talker.mail("", &[HERE], postfix(&about.to_string(), action, status).as_bytes()).await;
        assert!(filed.starts_with("250 "), "{filed}");
        let now = gate.rows().into_iter().find(|row| row.id == *about).unwrap().state;
        assert_eq!(now, state, "{action}: what was learned is on disk before its 250");
    }
    let reader = Reader::open(&gate.data().join("journal.sqlite")).unwrap();
    let events: Vec<Event> = reader.events_of(&ids[0], 100).unwrap().into_iter().map(|(_, e)| e.event).collect();
    let Some(Event::Returned { reason }) = events.last() else { panic!("{events:?}") };
    assert!(reason.starts_with("mx.example said: 550 5.1.1 <nobody@far.example>"), "{reason}");
    let desk = gate.rows().iter().filter(|row| row.to.to_string() == "operator@washington").count();
    assert_eq!(desk, 4, "each is at the desk, too");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_brings_a_long_mail_back_is_heard_like_any_other() {
    let gate = Gate::new("people = { alice = \"nobody@far.example\" }").await;
    let id = gate.send("alice@mail").await;
    let mut caller = gate.caller().await;
    caller.message().await;
    caller.say("250 2.0.0 taken").await;
    gate.stands(&id, State::Custody).await;
    let long = postfix(&id.to_string(), "failed", "5.1.1") + &("x".repeat(78) + "\r\n").repeat(2_000);
    let filed = gate.call().await.mail("", &[HERE], long.as_bytes()).await;
    assert!(filed.starts_with("250 "), "{filed}");
    gate.stands(&id, State::Returned).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_that_nobody_takes_make_no_storm() {
    const MAILS: usize = 30;
    let gate = Gate::new("").await;
    for n in 0..MAILS {
        gate.mail("nobody@moscow.example", "", &format!("\r\nnumber {n}\r\n")).await;
    }
    let mut caller = gate.caller().await;
    for _ in 0..MAILS {
        caller.hears("MAIL FROM:<>").await;
        caller.say("250 2.1.0 sender").await;
        caller.hears("RCPT TO:<alice@example.org>").await;
        caller.say("550 5.1.1 no such user").await;
        if caller.hears("").await.starts_with("DATA") {
            caller.say("503 5.5.1 no recipient").await;
            caller.hears("RSET").await;
        }
        caller.say("250 2.0.0 done").await;
    }
    // And the smart-host tells that it could not deliver what it never took: a notice about a notice.
    let about = gate.rows().iter().find(|row| row.from.desk.as_str() == "router").unwrap().id.to_string();
    let mut talker = gate.call().await;
    talker.mail("", &[HERE], postfix(&about, "failed", "5.1.1").as_bytes()).await;
    gate.marker().await;
    let (report, _) = notice(&mut caller).await;
    is(&report, Action::Delivered, "2.0.0", HERE);
    let notices = gate.rows().iter().filter(|row| row.from.desk.as_str() == "router").count();
    assert_eq!((notices, gate.rows().len()), (MAILS + 1, 2 * MAILS + 3), "a notice a mail, and none about those");
}

/// A mail that its smart-host hands back to us, for somebody outside, by a login that lets it.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_a_trusted_server_hands_back_again_and_again_ends() {
    let folder = tempfile::tempdir().unwrap();
    let gate = open_to_a_login(folder.path()).await;
    let mut mail = b"From: Alice <alice@example.org>\r\nSubject: Round\r\nMessage-ID: <r@example.org>\r\n\r\nround\r\n".to_vec();
    let mut rounds = 0;
    let mut caller = None;
    loop {
        let mut talker = gate.call().await.secure(None).await;
        talker.say("AUTH PLAIN AHJlbGF5AHJvc2VidWQ=", 235).await;
        let answer = talker.mail("alice@example.org", &["bob@far.example"], &mail).await;
        if answer.starts_with("554 5.4.6") {
            break;
        }
        assert!(answer.starts_with("250 "), "{answer}");
        rounds += 1;
        assert!(rounds < 20, "it goes round without end");
        let caller = match &mut caller {
            Some(caller) => caller,
            none => none.insert(gate.caller().await),
        };
        mail = caller.message().await.2;
        caller.say("250 2.0.0 taken").await;
    }
    assert_eq!(rounds, molink::email::loops::MOST_PASSES + 1);
}

/// Two stations with two lines between them, each of which takes the other for the way to the world outside.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_between_two_stations_that_point_at_each_other_ends_and_its_sender_hears_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let start = async |here: &str, there: &str| {
        let text = format!(
            "station = \"{here}\"\ndata = \"{}\"\nlisten = \"off\"\n[desk.operator]\n[port.a]\nbackend = \"courier\"\nline = \"a\"\n\
             [port.b]\nbackend = \"courier\"\nline = \"b\"\n[[route]]\nto = \"*@{there}\"\nports = [\"a\", \"b\"]\n\
             [[route]]\nto = \"*@mail\"\nports = [\"a\", \"b\"]\n",
            path(here).display()
        );
        let (dir, own, far) = (dir.path().to_owned(), here.to_owned(), there.to_owned());
        let courier = move |port: &str, _: &molink::message::Name, _: toml::Table| {
            let socket = |dir: &Path, station: &str| dir.join(format!("{station}-{port}.sock"));
            Ok(Box::new(Courier { own: socket(&dir, &own), far: socket(&dir, &far) }) as Box<dyn Backend>)
        };
        Station::builder().backend("courier", courier).start(StationConfig::parse("x.toml", &text).unwrap()).await.unwrap()
    };
    let washington = start("washington", "moscow").await;
    let moscow = start("moscow", "washington").await;
    let envelope = Envelope {
        from: "operator@washington".parse().unwrap(),
        to: "alice@mail".parse().unwrap(),
        precedence: Default::default(),
        class: Default::default(),
        subject: "Round".into(),
        via: vec![],
        post: None,
    };
    let draft = Draft { envelope, content: vec![Part::Text { text: "x".into() }] };
    washington.submit(draft, None).await;
    let rows = |station: &str| {
        let reader = Reader::open(&path(station).join("journal.sqlite")).unwrap();
        reader.list(&Filter { state: None, limit: 100 }).unwrap()
    };
    soon("word of it", async {
        while !rows("washington").iter().any(|row| row.from.to_string() == "router@moscow") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let at_moscow = rows("moscow").into_iter().find(|row| row.to.to_string() == "alice@mail").unwrap();
    assert!(at_moscow.state == State::Returned && at_moscow.detail.contains("loop"), "{at_moscow:?}");
    assert_eq!((rows("washington").len(), rows("moscow").len()), (2, 2), "the message and the word of it, no more");
    washington.stop().await.unwrap();
    moscow.stop().await.unwrap();
}

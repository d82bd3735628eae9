//! Who is told what became of a mail, how often, and what we understand of what others tell: a gateway, a line that does as the test says, and a smart-host.

use crate::courier::Courier;
use crate::email_far::{Caller, Far, soon};
use crate::email_room::Talker;
use crate::support::free_port;
use molink::email::backend_users::Users;
use molink::email::mime::{Heading, header_of};
use molink::email::notice::{Action, Report, read};
use molink::message::{Draft, Envelope, Identity, Message, Part, Takes, TextForm};
use molink::router::journal::State;
use molink::router::journal::reader::{Filter, Reader};
use molink::router::{Backend, BackendError, BoxFuture, Event, Fault, Order, Outcome, Port, Reason, Receipt};
use molink::station::{Running, Station, StationConfig};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpStream;

/// A line to `moscow` whose far end does as the desk's name says.
struct Wire;

impl Backend for Wire {
    fn takes(&self) -> Takes {
        let form = TextForm { alphabet: molink::message::Alphabet::Any, twin: None, columns: 1_000, longest: 10_000, per_hour: None };
        Takes::texts(form)
    }
    fn run(self: Box<Self>, mut port: Port) -> BoxFuture<'static, Result<(), BackendError>> {
        Box::pin(async move {
            while let Some(order) = port.next_order().await {
                let Order::Deliver(delivery) = order else { continue };
                let to = delivery.message.envelope.to.clone();
                let receipt = |station: &str| {
                    Outcome::Delivered(Receipt { station: station.parse().unwrap(), before: false, text: "RECEIVED".into() })
                };
                let outcome = match to.desk.as_str() {
                    "nobody" => Outcome::Refused(Reason::new(Fault::Peer, "no desk `nobody` here")),
                    "busy" => Outcome::Deferred(Reason::new(Fault::Peer, "451 4.3.1 no paper")),
                    "beyond" | "lost" => receipt("london"),
                    _ => receipt("moscow"),
                };
                let lost = to.desk.as_str() == "lost";
                port.door().report(delivery.number, outcome).await;
                if lost {
                    drop(port.door().submit(given_back(&delivery.message)).await);
                }
            }
            Ok(())
        })
    }
}

/// What a far station says that could not pass a message on.
fn given_back(message: &Message) -> Message {
    let text = format!("YOUR MESSAGE {} TO {}\nWAS NOT DELIVERED: NO DESK", message.identity.heading(), message.envelope.to);
    let envelope = Envelope {
        from: "router@london".parse().unwrap(),
        to: message.envelope.from.clone(),
        subject: "RETURNED MESSAGE".into(),
        post: None,
        ..message.envelope.clone()
    };
    let identity = Identity { station: "london".parse().unwrap(), ..message.identity.clone() };
    Message { identity, envelope, content: vec![Part::Text { text }] }
}

/// The gateway `washington`, and the smart-host that its mail goes to.
struct Gate {
    dir: tempfile::TempDir,
    port: u16,
    far: Far,
    keys: String,
    running: Option<Running>,
}

impl Gate {
    async fn new(keys: &str) -> Gate {
        let (dir, far) = (tempfile::tempdir().unwrap(), Far::new().await);
        let mut gate = Gate { dir, port: free_port(), far, keys: keys.into(), running: None };
        gate.start().await;
        gate
    }
    async fn start(&mut self) {
        let text = format!(
            "station = \"washington\"\ndata = \"{}\"\nlisten = \"off\"\n[desk.operator]\n[port.wire]\nbackend = \"wire\"\n\
             [port.post]\nbackend = \"email\"\nkind = \"gateway\"\nquota = 1000\nidle = \"20s\"\n{}\n\
             domains = {{ washington = \"washington.example\", moscow = \"moscow.example\" }}\n\
             line = {{ smtp = \"{}\", listen = \"127.0.0.1:{}\", security = \"never\" }}\n\
             [[route]]\nto = \"*@moscow\"\nports = [\"wire\"]\n[[route]]\nto = \"*@mail\"\nports = [\"post\"]\n",
            self.data().display(),
            self.keys,
            self.far.address,
            self.port
        );
        let wire = |_: &str, _: &molink::message::Name, _: toml::Table| Ok(Box::new(Wire) as Box<dyn Backend>);
        let config = StationConfig::parse("washington.toml", &text).unwrap();
        self.running = Some(Station::builder().backend("wire", wire).start(config).await.unwrap());
    }
    async fn stop(&mut self) {
        self.running.take().unwrap().stop().await.unwrap();
    }
    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }
    async fn call(&self) -> Talker {
        let connected = async {
            loop {
                match TcpStream::connect(("127.0.0.1", self.port)).await {
                    Ok(stream) => return stream,
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        };
        let mut talker = Talker::new(soon("the server", connected).await);
        talker.hears(220).await;
        talker.say("EHLO client.example", 250).await;
        talker
    }
    /// Alice's mail for that desk, with parameters of RCPT.
    async fn mail(&self, to: &str, asked: &str, body: &str) {
        let mut talker = self.call().await;
        talker.say("MAIL FROM:<alice@example.org> RET=HDRS ENVID=journey-7", 250).await;
        talker.say(&format!("RCPT TO:<{to}>{asked}"), 250).await;
        let unique = free_port();
        let mail =
            format!("From: Alice <alice@example.org>\r\nSubject: Lunch\r\nMessage-ID: <{unique}-{}@example.org>\r\n{body}", to.len());
        let filed = talker.data(mail.as_bytes()).await;
        assert!(filed.starts_with("250 "), "{filed}");
    }
    /// A mail that is surely answered, sent to end the wait for one that must not be.
    async fn marker(&self) {
        self.mail("operator@washington.example", " NOTIFY=SUCCESS", "\r\nthe marker\r\n").await;
    }
    /// The smart-host's next caller, who has a message; taken.
    async fn caller(&self) -> Caller {
        let mut caller = self.far.caller().await;
        caller.say("220 smart-host ESMTP").await;
        caller.hears("EHLO washington.example").await;
        caller.say("250-smart-host").await;
        caller.say("250-DSN").await;
        caller.say("250 8BITMIME").await;
        caller
    }
    fn rows(&self) -> Vec<molink::router::journal::Row> {
        let reader = Reader::open(&self.data().join("journal.sqlite")).unwrap();
        reader.list(&Filter { state: None, limit: 1_000 }).unwrap()
    }
    /// Waits until the message stands so.
    async fn stands(&self, id: &Identity, state: State) {
        soon(&format!("{id} {state}"), async {
            while !self.rows().iter().any(|row| row.id == *id && row.state == state) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }
    /// Waits until the journal has every notice in the smart-host's custody: after a crash before, one may come twice.
    async fn notices_are_taken(&self) {
        soon("the notices", async {
            while self.rows().iter().any(|row| row.from.desk.as_str() == "router" && row.state != State::Custody) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }
    async fn send(&self, to: &str) -> Identity {
        let envelope = Envelope {
            from: "operator@washington".parse().unwrap(),
            to: to.parse().unwrap(),
            precedence: Default::default(),
            class: Default::default(),
            subject: "A test".into(),
            via: vec![],
            post: None,
        };
        let draft = Draft { envelope, content: vec![Part::Text { text: "x".into() }] };
        match self.running.as_ref().unwrap().submit(draft, None).await {
            molink::console::Submitted::Accepted(id) => id,
            other => panic!("{other:?}"),
        }
    }
}

/// A notice as the smart-host gets it: with the null reverse-path, for alice, and none about itself.
async fn notice(caller: &mut Caller) -> (Report, String) {
    let (mail, rcpt, octets) = caller.message().await;
    caller.say("250 2.0.0 taken").await;
    assert!(mail.starts_with("MAIL FROM:<>"), "{mail}");
    assert_eq!(rcpt, "RCPT TO:<alice@example.org> NOTIFY=NEVER");
    let heading = Heading::read(header_of(&octets));
    assert_eq!(heading.automatic, molink::email::mime::Automatic::Yes);
    let report = read(&octets).expect("a notice");
    assert_eq!((report.envid.as_deref(), report.fates.len()), (Some("journey-7"), 1));
    (report, String::from_utf8(octets).unwrap().replace("=\r\n", ""))
}

fn is(report: &Report, action: Action, status: &str, recipient: &str) {
    let fate = &report.fates[0];
    assert_eq!((fate.action, fate.status.as_str(), fate.recipient.as_str()), (action, status, recipient));
}

const HERE: &str = "operator@washington.example";

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_could_not_be_delivered_comes_back_as_a_notice_to_who_sent_it() {
    let gate = Gate::new("").await;
    gate.mail("nobody@moscow.example", " ORCPT=rfc822;boss@example.com", "\r\nits text\r\n").await;
    let mut caller = gate.caller().await;
    let (report, words) = notice(&mut caller).await;
    is(&report, Action::Failed, "5.1.1", "nobody@moscow.example");
    assert_eq!(report.fates[0].original.as_deref(), Some("boss@example.com"));
    assert!(words.contains("there is no desk \"nobody\" at moscow.example") && words.contains("Subject: Not delivered: Lunch"), "{words}");
    assert!(words.contains("text/rfc822-headers") && !words.contains("its text"), "RET=HDRS: {words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_for_success_hears_where_it_is_and_who_asked_for_nothing_hears_nothing() {
    let gate = Gate::new("").await;
    gate.mail("operator@moscow.example", "", "\r\nunasked\r\n").await;
    gate.mail(HERE, "", "\r\nunasked\r\n").await;
    gate.mail("nobody@moscow.example", " NOTIFY=NEVER", "\r\nnever\r\n").await;
    gate.mail("nobody@moscow.example", " NOTIFY=SUCCESS,DELAY", "\r\nno failures\r\n").await;
    let mut caller = None;
    for (to, action, words) in [
        (HERE, Action::Delivered, "on disk at WASHINGTON"),
        ("operator@moscow.example", Action::Delivered, "on disk at MOSCOW"),
        ("beyond@moscow.example", Action::Relayed, "LONDON has it"),
    ] {
        gate.mail(to, " NOTIFY=SUCCESS", "\r\nits text\r\n").await;
        let caller = match &mut caller {
            Some(caller) => caller,
            none => none.insert(gate.caller().await),
        };
        let (report, text) = notice(caller).await;
        is(&report, action, "2.0.0", to);
        assert!(text.contains(words), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_waits_is_told_of_once_and_when_it_will_be_given_up() {
    let gate = Gate::new("delay_notice = \"500ms\"").await;
    gate.mail("busy@moscow.example", "", "\r\nunasked\r\n").await;
    gate.mail("busy@moscow.example", " NOTIFY=DELAY", "\r\nits text\r\n").await;
    let mut caller = gate.caller().await;
    let (report, words) = notice(&mut caller).await;
    is(&report, Action::Delayed, "4.3.1", "busy@moscow.example");
    assert!(words.contains("Will-Retry-Until: ") && words.contains("Why: 451 4.3.1 no paper."), "{words}");
    assert!(!words.contains("Diagnostic-Code"), "no server of mail said it: {words}");
    tokio::time::sleep(Duration::from_millis(600)).await; // as long again, and no word more
    gate.marker().await;
    let (report, _) = notice(&mut caller).await;
    is(&report, Action::Delivered, "2.0.0", HERE);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_to_hear_of_a_delay_hears_of_it_after_a_restart_and_nobody_is_told_twice() {
    let mut gate = Gate::new("delay_notice = \"1500ms\"").await;
    gate.mail("nobody@moscow.example", "", "\r\nits text\r\n").await;
    gate.mail("busy@moscow.example", " NOTIFY=DELAY", "\r\nits text\r\n").await;
    let mut caller = gate.caller().await;
    is(&notice(&mut caller).await.0, Action::Failed, "5.1.1", "nobody@moscow.example");
    let cursor = gate.data().join("mail/post.clerk");
    soon("the clerk's list", async {
        while std::fs::read_to_string(&cursor).map_or(0, |text| text.lines().count()) != 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    gate.notices_are_taken().await;
    gate.stop().await;
    drop(caller);
    gate.start().await;
    let mut caller = gate.caller().await;
    is(&notice(&mut caller).await.0, Action::Delayed, "4.3.1", "busy@moscow.example");
    gate.notices_are_taken().await;
    gate.stop().await;
    drop(caller);
    std::fs::remove_file(&cursor).unwrap(); // as a crash between the notice and the cursor, and worse
    gate.start().await;
    gate.marker().await;
    let mut caller = gate.caller().await;
    is(&notice(&mut caller).await.0, Action::Delivered, "2.0.0", HERE);
    assert_eq!(gate.rows().iter().filter(|row| row.from.desk.as_str() == "router").count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_that_were_left_out_are_told_unasked_to_people_only() {
    let gate = Gate::new("").await;
    let parts = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nAt noon.\r\n--b\r\n\
                 Content-Type: application/zip\r\nContent-Disposition: attachment; filename=map.zip\r\n\r\nPK\r\n--b--\r\n";
    gate.mail("operator@moscow.example", "", &format!("Precedence: bulk\r\n{parts}")).await;
    gate.mail("operator@moscow.example", " NOTIFY=NEVER", parts).await;
    gate.mail("chairman@moscow.example", "", parts).await;
    let mut caller = gate.caller().await;
    let (report, words) = notice(&mut caller).await;
    is(&report, Action::Delivered, "2.6.4", "chairman@moscow.example");
    assert!(words.contains("left out: map.zip (application/zip, 2 bytes)"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_far_station_gives_back_leaves_as_a_notice_unless_none_was_wanted() {
    let gate = Gate::new("").await;
    gate.mail("lost@moscow.example", " NOTIFY=NEVER", "\r\nnever\r\n").await;
    soon("no notice", async {
        while !gate.rows().iter().any(|row| row.from.to_string() == "router@london" && row.state == State::Returned) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    gate.mail("lost@moscow.example", "", "\r\nits text\r\n").await;
    let mut caller = gate.caller().await;
    let (report, words) = notice(&mut caller).await;
    is(&report, Action::Failed, "5.0.0", "lost@moscow.example");
    assert!(words.contains("LONDON said: NO DESK"), "{words}");
}

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

/// The smart-host refuses Alice's mail for somebody outside, which she could hand in by a login; then it gets the notice of it.
async fn refused_by_the_smart_host(gate: &Gate) -> Vec<u8> {
    let mut talker = gate.call().await.secure(None).await;
    talker.say("AUTH PLAIN AHJlbGF5AHJvc2VidWQ=", 235).await;
    let mail = b"From: Alice <alice@example.org>\r\nSubject: Out\r\nMessage-ID: <out@example.org>\r\n\r\nx\r\n";
    assert!(talker.mail("alice@example.org", &["bob@far.example"], mail).await.starts_with("250 "));
    let mut caller = gate.caller().await;
    caller.hears("MAIL FROM:<alice@example.org>").await;
    caller.say("250 2.1.0 sender").await;
    caller.hears("RCPT TO:<bob@far.example>").await;
    caller.say("550 5.2.1 <bob@far.example>: mailbox closed").await;
    caller.hears("RSET").await;
    caller.say("250 2.0.0 done").await;
    let (from, _, notice) = caller.message().await;
    assert!(from.starts_with("MAIL FROM:<>"), "{from}");
    caller.say("250 2.0.0 taken").await;
    notice
}

/// A gateway at which `relay` may log in.
async fn open_to_a_login(folder: &Path) -> Gate {
    let users = folder.join("users");
    Users::at(&users).put("relay", "rosebud", None).unwrap();
    Gate::new(&format!("users = \"{}\"", users.display())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_names_a_correspondent_by_his_mail_address_not_by_the_name_he_has_here() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    Users::at(&users).put("duty", "rosebud", Some("operator".parse().unwrap())).unwrap();
    Users::at(&users).put("relay", "rosebud", None).unwrap();
    let gate = Gate::new(&format!("users = \"{}\"\npeople = {{ yves = \"yves.le-grand@far.example\" }}", users.display())).await;
    let mut kept = None;
    for (user, login, to) in [("duty", "AGR1dHkAcm9zZWJ1ZA==", "yves.le-grand@far.example"), ("relay", "AHJlbGF5AHJvc2VidWQ=", "yves@mail")]
    {
        let mut talker = gate.call().await.secure(None).await;
        talker.say(&format!("AUTH PLAIN {login}"), 235).await;
        let mail = format!("Subject: Out\r\nMessage-ID: <{user}@example.org>\r\n\r\nx\r\n");
        assert!(talker.mail("alice@example.org", &[to], mail.as_bytes()).await.starts_with("250 "));
        let mut caller = match kept.take() {
            Some(caller) => caller,
            None => gate.caller().await,
        };
        caller.hears("MAIL FROM:<alice@example.org>").await;
        caller.say("250 2.1.0 sender").await;
        caller.hears("RCPT TO:<yves.le-grand@far.example>").await;
        caller.say("550 5.1.1 no such mailbox").await;
        caller.hears("RSET").await;
        caller.say("250 2.0.0 done").await;
        if user == "relay" {
            let (_, _, notice) = caller.message().await;
            caller.say("250 2.0.0 taken").await;
            let text = String::from_utf8(notice).unwrap().replace("=\r\n", "");
            assert!(text.contains("\r\nFinal-Recipient: rfc822; yves.le-grand@far.example\r\n"), "{text}");
            assert!(text.contains("To: <yves.le-grand@far.example>") && !text.contains("yves@mail"), "{text}");
        }
        kept = Some(caller);
    }
    let told = || gate.rows().into_iter().find(|row| row.from.desk.as_str() == "router" && row.to.desk.as_str() == "operator");
    let row = soon("the notice for the desk", async {
        loop {
            match told() {
                Some(row) => return row,
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    })
    .await;
    let text = Reader::open(&gate.data().join("journal.sqlite")).unwrap().load(&row.id).unwrap().unwrap().text();
    assert!(text.contains(" TO yves.le-grand@far.example WAS NOT DELIVERED: "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_far_server_said_is_told_word_for_word_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let gate = open_to_a_login(folder.path()).await;
    let notice = refused_by_the_smart_host(&gate).await;
    let report = read(&notice).unwrap();
    is(&report, Action::Failed, "5.2.1", "bob@far.example");
    assert_eq!(report.fates[0].said, "550 5.2.1 <bob@far.example>: mailbox closed");
    let text = String::from_utf8(notice).unwrap().replace("=\r\n", "");
    for words in [
        "\r\nRemote-MTA: dns; [127.0.0.1]\r\nDiagnostic-Code: smtp; 550 5.2.1 <bob@far.example>: mailbox closed\r\n",
        "Why: [127.0.0.1] answered: 550 5.2.1 <bob@far.example>: mailbox closed.",
        "\r\nArrival-Date: ",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "peer: run through tests/run"]
async fn pythons_email_package_reads_our_notices_without_a_defect() {
    let folder = tempfile::tempdir().unwrap();
    let said = python(&refused_by_the_smart_host(&open_to_a_login(folder.path()).await).await);
    for words in [
        "status: 5.2.1",
        "remote-mta: dns; [127.0.0.1]",
        "diagnostic-code: smtp; 550 5.2.1 <bob@far.example>: mailbox closed",
        "arrival-date",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let gate = Gate::new("delay_notice = \"200ms\"").await;
    let mut caller = None;
    for (to, asked, expected) in [
        (
            "nobody@moscow.example",
            " NOTIFY=FAILURE ORCPT=rfc822;boss@example.com",
            ["action: failed", "status: 5.1.1", "there is no desk \"nobody\" at moscow.example. What you can do: look whether the address"],
        ),
        ("operator@moscow.example", " NOTIFY=SUCCESS", ["action: delivered", "status: 2.0.0", "is on disk at MOSCOW"]),
        ("busy@moscow.example", " NOTIFY=DELAY", ["action: delayed", "status: 4.3.1", "will-retry-until: "]),
    ] {
        gate.mail(to, asked, "\r\nits text\r\n").await;
        let caller = match &mut caller {
            Some(caller) => caller,
            none => none.insert(gate.caller().await),
        };
        let (_, _, octets) = caller.message().await;
        caller.say("250 2.0.0 taken").await;
        let said = python(&octets);
        for words in expected {
            assert!(said.contains(words), "{words}: {said}");
        }
        for words in [
            "to: alice@example.org",
            "auto-submitted: auto-replied",
            "reporting-mta: dns; washington.example",
            "original-envelope-id: journey-7",
            &format!("final-recipient: rfc822; {to}"),
            "back: text/rfc822-headers Message-ID: <",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert_eq!(said.contains("original-recipient: rfc822; boss@example.com"), to.starts_with("nobody"), "{said}");
    }
}

/// What Python's email package makes of a notice.
fn python(mail: &[u8]) -> String {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut child = Command::new("python3")
        .arg("tests/peers/notice_read.py")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is missing; run through tests/run, which installs it");
    child.stdin.take().unwrap().write_all(mail).unwrap();
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{said}\n{}", String::from_utf8_lossy(mail));
    said
}

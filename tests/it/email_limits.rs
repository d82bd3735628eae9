//! The limits of an e-mail server: connections, quotas, sizes, a far end that does not read, a spool that is full, a journal that is stuck.

use crate::email_room::Room;
use crate::email_server::plain;
use molink::email::backend_users::Users;
use molink::router::port::PortReport;
use molink::router::{Backend, History, News, Place, Port, Submitted, Verdict};
use molink::time::{Clock, Speed};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_is_told_so_and_a_place_that_is_left_is_given_again() {
    let room = Room::gateway("per_address = 2\nconnections = 5", "").await;
    let (mut first, _second) = (room.call().await, room.call().await);
    let mut third = room.call_without_greeting().await;
    assert!(third.hears(421).await.contains("too many connections"));
    assert_eq!(third.reply().await, "", "it is closed");
    first.say("QUIT", 221).await;
    drop(first);
    let again = async {
        loop {
            if room.call_without_greeting().await.reply().await.starts_with("220") {
                return;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), again).await.expect("the place is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_held_to_his_quota_and_told_to_come_later() {
    let room = Room::gateway("quota = 2", "").await;
    let mut talker = room.call().await;
    talker.say("EHLO client.example", 250).await;
    for n in 0..2 {
        assert!(talker.mail("alice@example.org", &["operator@moscow"], &plain(&n.to_string(), "x")).await.starts_with("250"));
    }
    let reply = talker.mail("alice@example.org", &["operator@moscow"], &plain("2", "x")).await;
    assert!(reply.starts_with("450 4.7.1 not now: 2 mails an hour"), "{reply}");
    assert!(talker.mail("bob@example.org", &["operator@moscow"], &plain("3", "x")).await.starts_with("250"));
    assert_eq!(room.messages().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_spool_is_452_and_what_goes_makes_room() {
    let room = Room::gateway("size = 100000\nquota = 0", "").await;
    let long = "x".repeat(78) + "\r\n";
    let mut held = vec![];
    // Each 96 kB, in the midst of its data: sixteen times the size is what the spool takes.
    let mut refused = None;
    for n in 0..18 {
        let mut talker = room.call().await;
        talker.say("EHLO client.example", 250).await;
        talker.say("MAIL FROM:<alice@example.org>", 250).await;
        talker.say("RCPT TO:<operator@moscow>", 250).await;
        talker.say("DATA", 354).await;
        talker.send(format!("Message-ID: <{n}@x>\r\n\r\n{}", long.repeat(1_200)).as_bytes()).await;
        if n >= 16 {
            talker.send(b".\r\n").await;
            refused = Some(talker.reply().await);
            break;
        }
        // The session has taken it all in before the next comes.
        room.spooled(n + 1, 90_000).await;
        held.push(talker);
    }
    let refused = refused.unwrap();
    assert!(refused.starts_with("452 4.3.1"), "{refused}");
    for talker in &mut held {
        talker.send(b".\r\n").await;
        talker.hears(250).await;
    }
    assert_eq!(room.messages().len(), 16);
    assert_eq!(std::fs::read_dir(room.data().join("mail/spool/post")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_of_twenty_megabytes_is_filed_whole() {
    use sha2::{Digest, Sha256};
    let room = Room::gateway("", "").await;
    let mut talker = room.call().await;
    talker.say("EHLO client.example", 250).await;
    let line = format!("{}\r\n", "QUJD".repeat(19));
    let head = "Subject: large\r\nMessage-ID: <l@x>\r\nContent-Type: application/octet-stream; name=large.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    let mail = [head.as_bytes(), line.repeat((20 << 20) / line.len()).as_bytes()].concat();
    let reply = talker.mail("alice@example.org", &["operator@moscow", "chairman@moscow"], &mail).await;
    assert!(reply.starts_with("250"), "{reply}");
    for message in room.messages() {
        let [molink::message::Part::File(blob)] = message.content.as_slice() else { panic!("{:?}", message.content) };
        let bytes = room.content(&blob.sha256);
        assert_eq!(bytes, b"ABC".repeat(19 * ((20 << 20) / line.len())));
        let Some(molink::message::AsCame::Kept(kept)) = message.envelope.post.unwrap().mail else { panic!("not in the journal") };
        let came = room.content(&kept.sha256);
        assert!(came.ends_with(&mail) && Sha256::digest(&came).iter().map(|b| format!("{b:02x}")).collect::<String>() == kept.sha256);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_goes_round_or_is_too_large_is_refused_for_good() {
    let room = Room::gateway("size = 10000", "").await;
    let mut talker = room.call().await;
    assert!(talker.say("EHLO client.example", 250).await.contains("SIZE 10000"));
    let round = [b"Received: from a by b\r\n".repeat(101), plain("a", "x")].concat();
    assert!(talker.mail("alice@example.org", &["operator@moscow"], &round).await.starts_with("554 5.4.6"));
    talker.say("MAIL FROM:<alice@example.org> SIZE=10001", 552).await;
    let large = plain("b", &"x\r\n".repeat(4_000));
    assert!(talker.mail("alice@example.org", &["operator@moscow"], &large).await.starts_with("552"));
    assert!(room.messages().is_empty());
}

/// A port without a station: the test is its router.
pub struct Alone {
    _dir: tempfile::TempDir,
    pub at: u16,
    pub reports: tokio::sync::mpsc::Receiver<(String, PortReport)>,
    orders: Option<molink::router::port::Orders>,
    runs: tokio::task::JoinHandle<Result<(), molink::router::BackendError>>,
}

struct Nobody;
impl molink::router::EventSink for Nobody {
    fn take(&self, _: molink::router::Stamped) {}
}

impl Alone {
    fn new(speed: Speed) -> Alone {
        Alone::with(speed, "")
    }
    pub fn with(speed: Speed, keys: &str) -> Alone {
        Alone::knowing(tempfile::tempdir().unwrap(), None, speed, keys)
    }
    /// In a folder with that past.
    fn knowing(dir: tempfile::TempDir, history: Option<History>, speed: Speed, keys: &str) -> Alone {
        Alone::heard(dir, history, speed, keys, Arc::new(Nobody))
    }
    /// The same; whoever hears its events.
    fn heard(
        dir: tempfile::TempDir,
        history: Option<History>,
        speed: Speed,
        keys: &str,
        sink: Arc<dyn molink::router::EventSink>,
    ) -> Alone {
        let at = crate::support::free_port();
        let station = "moscow".parse().unwrap();
        let table: toml::Table = format!("kind = \"gateway\"\nline = {{ listen = \"127.0.0.1:{at}\" }}\n{keys}").parse().unwrap();
        let backend = Box::new(molink::email::Email::from_table(&station, table).unwrap());
        let (tell, reports) = tokio::sync::mpsc::channel(8);
        let (port, orders) = Port::new("post", &station, tell, sink, Clock::new(None, speed));
        let place = Place { history, data: dir.path().to_owned(), all_desks: vec!["operator".parse().unwrap()], ..Place::default() };
        let place = Place { known: ["moscow", "london"].map(|n| n.parse().unwrap()).into(), ..place };
        let runs = tokio::spawn(backend.run(port.at(place)));
        Alone { _dir: dir, at, reports, orders: Some(orders), runs }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_250_before_the_routers_word_and_451_if_it_does_not_come() {
    let mut alone = Alone::new(Speed::REAL);
    let mut talker = crate::email_room::call(alone.at).await;
    talker.hears(220).await;
    talker.say("EHLO client.example", 250).await;
    for (submitted, code) in [
        (molink::router::Submitted::Stuck("the journal cannot be written just now".into()), 451),
        (molink::router::Submitted::Accepted("MOSCOW-0001-20161031T1200Z".parse().unwrap()), 250),
    ] {
        talker.say("MAIL FROM:<alice@example.org>", 250).await;
        talker.say("RCPT TO:<operator@moscow>", 250).await;
        talker.say("DATA", 354).await;
        talker.send(&[plain("a", "x"), b".\r\n".to_vec()].concat()).await;
        let Some((_, PortReport::Typed { draft, key, answer })) = alone.reports.recv().await else { panic!("no draft came") };
        assert!(key.is_some() && draft.envelope.subject == "a");
        // The draft is here, and nothing was said to the far end.
        let early = tokio::time::timeout(std::time::Duration::from_millis(100), talker.reply()).await;
        assert!(early.is_err(), "answered before the journal: {early:?}");
        answer.send(submitted).unwrap();
        talker.hears(code).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_comes_while_the_journal_cannot_be_read_is_put_off() {
    let dir = tempfile::tempdir().unwrap();
    // Where the journal was lies something that is none.
    let journal = dir.path().join("journal.sqlite");
    std::fs::write(&journal, "no journal").unwrap();
    let history = History::new(journal, tokio::sync::watch::channel(0).1);
    let mut alone = Alone::knowing(dir, Some(history), Speed::REAL, "");
    let mut talker = crate::email_room::call(alone.at).await;
    talker.hears(220).await;
    talker.say("EHLO client.example", 250).await;
    let report = std::fs::read_to_string("fixtures/mail/notice-postfix.eml").unwrap().replace("\r\n", "\n").replace('\n', "\r\n");
    let report = report + "\r\n";
    let reply = tokio::select! {
        reply = talker.mail("", &["operator@moscow"], report.as_bytes()) => reply,
        Some(_) = alone.reports.recv() => panic!("nothing is learned, and the report itself is not filed before it is"),
    };
    assert!(reply.starts_with("451 4.3.0"), "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_report_says_is_with_the_router_before_its_250() {
    // A message that went to alice@mail.
    let mut room = Room::gateway("", "").await;
    let mut talker = room.call().await;
    talker.say("EHLO client.example", 250).await;
    assert!(talker.mail("alice@example.org", &["operator@moscow"], &plain("a", "x")).await.starts_with("250"));
    let id = room.messages()[0].identity.clone();
    drop(talker);
    room.stop().await;
    let journal = room.data().join("journal.sqlite");
    let db = rusqlite::Connection::open(&journal).unwrap();
    assert_eq!(db.execute("UPDATE message SET state = 'custody', addressee = 'alice@mail'", []).unwrap(), 1);
    let history = History::new(journal, tokio::sync::watch::channel(0).1);
    let mut alone = Alone::knowing(room.dir, Some(history), Speed::REAL, "");
    let mut talker = crate::email_room::call(alone.at).await;
    talker.hears(220).await;
    talker.say("EHLO client.example", 250).await;
    let report = std::fs::read_to_string("fixtures/mail/notice-postfix.eml").unwrap();
    let report = report.replace("WASHINGTON-0001-20161031T1200Z", &id.to_string()).replace("\r\n", "\n").replace('\n', "\r\n");
    let later = Verdict::TryLater(molink::router::Reason::new(molink::router::Fault::Us, "too many reports wait for the journal"));
    for (verdict, code) in [(later, 451), (Verdict::Filed, 250)] {
        talker.say("MAIL FROM:<>", 250).await;
        talker.say("RCPT TO:<operator@moscow>", 250).await;
        talker.say("DATA", 354).await;
        talker.send(format!("{report}\r\n.\r\n").as_bytes()).await;
        let Some((_, PortReport::Learned { id: about, news, answer })) = alone.reports.recv().await else { panic!("nothing is learned") };
        assert!(about == id && matches!(news, News::Failed(_)), "{news:?}");
        assert!(alone.reports.try_recv().is_err(), "the report itself waits");
        answer.send(verdict).unwrap();
        if code == 250 {
            let Some((_, PortReport::Typed { answer, .. })) = alone.reports.recv().await else { panic!("no draft came") };
            answer.send(Submitted::Accepted("MOSCOW-0009-20161031T1200Z".parse().unwrap())).unwrap();
        }
        talker.hears(code).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_that_stops_says_421_to_all_and_ends() {
    let mut alone = Alone::new(Speed::REAL);
    let mut talkers = vec![];
    for _ in 0..3 {
        let mut talker = crate::email_room::call(alone.at).await;
        talker.hears(220).await;
        talkers.push(talker);
    }
    alone.orders.take();
    for mut talker in talkers {
        assert!(talker.hears(421).await.contains("stopping"));
    }
    alone.runs.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_recipient_of_two_that_is_refused_is_told_to_the_sender_by_a_notice() {
    let mut alone = Alone::new(Speed::REAL);
    let mut talker = crate::email_room::call(alone.at).await;
    talker.hears(220).await;
    talker.say("EHLO client.example", 250).await;
    talker.say("MAIL FROM:<alice@example.org>", 250).await;
    talker.say("RCPT TO:<operator@moscow>", 250).await;
    // One for a desk, however often it is named; and a route for anywhere (this place can reach all) is none for strangers.
    talker.say("RCPT TO:<OPERATOR@Moscow>", 250).await;
    talker.say("RCPT TO:<postmaster>", 250).await;
    talker.say("RCPT TO:<duty@paris>", 550).await;
    talker.say("RCPT TO:<duty@london>", 250).await;
    talker.say("DATA", 354).await;
    talker.send(&[plain("a", "x"), b".\r\n".to_vec()].concat()).await;
    for _ in 0..2 {
        let Some((_, PortReport::Typed { draft, answer, .. })) = alone.reports.recv().await else { panic!("no draft came") };
        let said = match draft.envelope.to.station.as_str() {
            "london" => molink::router::Submitted::Refused("files cannot go to london".into()),
            _ => molink::router::Submitted::Accepted("MOSCOW-0001-20161031T1200Z".parse().unwrap()),
        };
        answer.send(said).unwrap();
    }
    let Some((_, PortReport::Typed { draft, key, answer })) = alone.reports.recv().await else { panic!("no notice came") };
    let notice = draft.envelope.post.clone().unwrap();
    assert_eq!((draft.envelope.from.to_string(), draft.envelope.to.to_string()), ("router@moscow".into(), "alice@mail".into()));
    assert_eq!((notice.recipient.as_str(), notice.notice.unwrap().why.as_str()), ("duty@london", "files cannot go to london"));
    assert!(key.unwrap().starts_with("notice-MOSCOW-0001-20161031T1200Z-failed-"));
    answer.send(molink::router::Submitted::Accepted("MOSCOW-0002-20161031T1200Z".parse().unwrap())).unwrap();
    talker.hears(250).await;
}

/// The next draft, answered so.
async fn answered(alone: &mut Alone, said: Submitted) {
    let Some((_, PortReport::Typed { answer, .. })) = alone.reports.recv().await else { panic!("no draft came") };
    answer.send(said).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_was_put_off_by_our_own_trouble_is_not_counted_and_one_that_was_refused_is() {
    let mut alone = Alone::with(Speed::REAL, "quota = 1");
    let mut talker = crate::email_room::call(alone.at).await;
    talker.hears(220).await;
    talker.say("EHLO client.example", 250).await;
    let refused = || Submitted::Refused("not at this desk".into());
    for (from, said, code) in [
        ("alice@example.org", Submitted::Stuck("the journal cannot be written just now".into()), "451"),
        ("alice@example.org", Submitted::Stuck("still not".into()), "451"),
        ("alice@example.org", Submitted::Accepted("MOSCOW-0001-20161031T1200Z".parse().unwrap()), "250"),
        ("bob@example.org", refused(), "550"),
    ] {
        let mail = plain("a", "x");
        let both = async { tokio::join!(talker.mail(from, &["operator@moscow"], &mail), answered(&mut alone, said)).0 };
        let reply = crate::email_far::soon("a draft and a reply", both).await;
        assert!(reply.starts_with(code), "{reply}");
    }
    for from in ["alice@example.org", "bob@example.org"] {
        let reply = talker.mail(from, &["operator@moscow"], &plain("b", "x")).await;
        assert!(reply.starts_with("450 4.7.1"), "{reply}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_beyond_the_days_names_are_heard_without_a_name_and_nobody_who_is_known_is() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::new(None, Speed::REAL);
    let today = clock.utc(clock.now()).0.div_euclid(24 * 3600 * 1_000_000);
    let lines: String = (0..600).map(|n| format!("~s-{n} s{n}@x.example\n")).collect();
    std::fs::create_dir_all(dir.path().join("data/mail")).unwrap();
    std::fs::write(dir.path().join("data/mail/mail.book"), format!("# {today}\nbob bob@x.example\n{lines}")).unwrap();
    let file = dir.path().join("users.toml");
    Users::at(&file).put("anna", "secret", None).unwrap();
    let (tell, mut notes) = tokio::sync::mpsc::unbounded_channel();
    let keys = format!("users = \"{}\"\n[[route]]\nto = \"*@mail\"\nports = [\"post\"]", file.display());
    let room = Room::watched(dir, "kind = \"gateway\"", &keys, "", tell).await;
    let mut talker = room.call().await;
    talker.say("EHLO client.example", 250).await;
    let senders = ["new@x.example", "newer@x.example", "bob@x.example", "s7@x.example", ""];
    for from in senders {
        let reply = talker.mail(from, &["operator@moscow"], &plain(from, "x")).await;
        assert!(reply.starts_with("250"), "{from}: {reply}");
    }
    let named: Vec<String> = room.messages().iter().map(|m| m.envelope.from.desk.to_string()).collect();
    assert_eq!(named, ["stranger", "stranger", "bob", "s-7", "mailer-daemon"]);
    let mut anna = room.call().await;
    anna.say("EHLO client.example", 250).await;
    let mut anna = anna.secure(None).await;
    anna.say("AUTH PLAIN AGFubmEAc2VjcmV0", 235).await;
    let reply = anna.mail("anna@example.org", &["new@x.example", "operator@moscow"], &plain("anna", "x")).await;
    assert!(reply.starts_with("250"), "{reply}");
    let reply = talker.mail("new@x.example", &["operator@moscow"], &plain("answer", "x")).await;
    assert!(reply.starts_with("250"), "{reply}");
    assert_eq!(room.messages().last().unwrap().envelope.from.desk.as_str(), "new", "anna wrote to him, so that he has a name");
    drop(room);
    let mut full = vec![];
    while let Ok(note) = notes.try_recv() {
        full.extend(Some(note).filter(|note| note.contains("new strangers have had a name today")));
    }
    assert!(matches!(&full[..], [one] if one.starts_with("600 new") && one.contains("raise `quota`")), "{full:?}");
}

/// Whoever hears warnings: notes that somebody should act on.
struct Warned(tokio::sync::mpsc::UnboundedSender<String>);
impl molink::router::EventSink for Warned {
    fn take(&self, _: molink::router::Stamped) {}
    fn warn(&self, event: molink::router::Stamped) {
        if let molink::router::Event::Note { text } = event.event {
            let _ = self.0.send(text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_that_cannot_be_read_or_are_none_are_warned_of_when_the_server_starts() {
    let dir = tempfile::tempdir().unwrap();
    let (gone, empty) = (dir.path().join("gone.toml"), dir.path().join("empty.toml"));
    std::fs::write(&empty, "").unwrap();
    std::fs::set_permissions(&empty, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    for (file, why) in [(gone, "cannot be read"), (empty, "adds one")] {
        let (tell, mut warned) = tokio::sync::mpsc::unbounded_channel();
        let keys = format!("users = \"{}\"", file.display());
        let _alone = Alone::heard(tempfile::tempdir().unwrap(), None, Speed::REAL, &keys, Arc::new(Warned(tell)));
        let said = crate::email_far::soon("a warning", warned.recv()).await.unwrap();
        assert!(said.starts_with("nobody can log in: ") && said.contains(why), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_another_has_is_told_when_the_station_starts_and_once_more_when_it_is_had() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (wire, fax) = (std::net::TcpListener::bind("127.0.0.1:0").unwrap(), std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
    let [at, wire_at, fax_at] = [held.local_addr(), wire.local_addr(), fax.local_addr()].map(|at| at.unwrap().port());
    let dir = tempfile::tempdir().unwrap();
    let others = format!(
        "[port.wire]\nbackend = \"teletype\"\npeer = \"washington\"\nline = {{ listen = \"127.0.0.1:{wire_at}\" }}\n\
         [port.paper]\nbackend = \"fax\"\npeer = \"washington\"\nline = {{ t38 = \"127.0.0.1:9\", listen = \"{fax_at}\" }}"
    );
    let text = crate::email_room::station(dir.path(), at, "kind = \"gateway\"", &others, "");
    let (tell, mut notes) = tokio::sync::mpsc::unbounded_channel();
    let config = molink::station::StationConfig::parse("test.toml", &text).unwrap();
    let builder = molink::station::Station::builder().observe(Arc::new(Told(tell)));
    let running = builder.start(config).await.unwrap();
    let [paper, post, wire_said] = &running.deaf[..] else { panic!("{:?}", running.deaf) };
    assert!(paper.starts_with("port paper cannot be reached: cannot listen on `127.0.0.1:") && paper.contains("(UDP)"), "{paper}");
    let expected = format!(
        "port post cannot be reached: cannot listen on `127.0.0.1:{at}`: the port is in use; choose another or end what uses it; it is tried again until it can be had"
    );
    assert_eq!(*post, expected);
    assert!(wire_said.starts_with("port wire cannot be reached: "), "{wire_said}");
    let mut next = async |words: &str| {
        let mut before = vec![];
        loop {
            let note = crate::email_far::soon(words, notes.recv()).await.unwrap();
            match note.contains(words) {
                true => return before,
                false => before.push(note),
            }
        }
    };
    next("no mail can be taken: cannot listen on").await;
    drop(held);
    let between = next("mail is taken at").await;
    assert!(!between.iter().any(|note| note.contains("no mail can be taken")), "{between:?}");
    crate::email_room::call(at).await.hears(220).await;
    running.stop().await.unwrap();
}

/// Whoever hears every note.
struct Told(tokio::sync::mpsc::UnboundedSender<String>);
impl molink::router::EventSink for Told {
    fn take(&self, event: molink::router::Stamped) {
        if let molink::router::Event::Note { text } = event.event {
            let _ = self.0.send(text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "peer: run through tests/run"]
async fn a_person_reads_at_once_that_no_mail_can_be_taken_and_a_check_says_so() {
    use tokio::io::{AsyncBufReadExt, BufReader};
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = held.local_addr().unwrap().port();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("moscow.toml");
    std::fs::write(&file, crate::email_room::station(dir.path(), at, "kind = \"gateway\"", "", "")).unwrap();
    let check = tokio::process::Command::new(crate::support::molink()).arg("check").arg(&file).output().await.unwrap();
    let said = String::from_utf8(check.stdout).unwrap();
    assert!(said.contains(&format!("bad   port post: cannot listen on `127.0.0.1:{at}`: the port is in use; ")), "{said}");
    assert_eq!(check.status.code(), Some(2), "{said}");
    let mut command = tokio::process::Command::new(crate::support::molink());
    let command = command.arg("station").arg(&file).kill_on_drop(true).stdout(std::process::Stdio::piped());
    let mut station = command.spawn().unwrap();
    let mut lines = BufReader::new(station.stdout.take().unwrap()).lines();
    let mut line = async || crate::email_far::soon("a line", lines.next_line()).await.unwrap().unwrap();
    assert!(line().await.starts_with("moscow is up: "));
    let deaf = line().await;
    assert!(deaf.starts_with(&format!("port post cannot be reached: cannot listen on `127.0.0.1:{at}`: the port is in use; ")), "{deaf}");
}

/// The most memory that a process had, in kilobytes.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "peer: run through tests/run"]
async fn three_mails_of_twenty_megabytes_at_once_cost_a_station_less_than_a_hundred() {
    let (dir, port) = (tempfile::tempdir().unwrap(), crate::support::free_port());
    let file = dir.path().join("moscow.toml");
    std::fs::write(&file, crate::email_room::station(dir.path(), port, "kind = \"gateway\"", "", "")).unwrap();
    let mut command = tokio::process::Command::new(crate::support::molink());
    let station = command.arg("station").arg(&file).kill_on_drop(true).stdout(std::process::Stdio::null()).spawn().unwrap();
    let mut talkers = tokio::task::JoinSet::new();
    let before = {
        let mut talker = crate::email_room::call(port).await;
        talker.hears(220).await;
        peak(station.id().unwrap())
    };
    for n in 0..3 {
        talkers.spawn(async move {
            let mut talker = crate::email_room::call(port).await;
            talker.hears(220).await;
            talker.say("EHLO client.example", 250).await;
            let head = format!(
                "Message-ID: <{n}@x>\r\nContent-Type: application/octet-stream; name=large.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            );
            let line = format!("{}\r\n", "QUJD".repeat(19));
            let mail = [head.as_bytes(), line.repeat((20 << 20) / line.len()).as_bytes()].concat();
            let reply = talker.mail("alice@example.org", &["operator@moscow"], &mail).await;
            assert!(reply.starts_with("250"), "{reply}");
        });
    }
    talkers.join_all().await;
    let after = peak(station.id().unwrap());
    println!("a station's peak: {before} kB idle, {after} kB with three mails of 20 MiB");
    assert!(after < 100 << 10, "{after} kB, {before} before");
}

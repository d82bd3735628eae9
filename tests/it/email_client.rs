//! The client of an e-mail port, against a server whose every word a test chooses.

use crate::email_far::{Caller, Far, Sender, message, soon, text};
use molink::email::{mime, notice};
use molink::message::post::{AsCame, Notice, Post};
use molink::message::{Message, Part};
use molink::router::{Contents, Event, Fault, Form, Order, Outcome, Place};
use std::sync::Arc;

fn line(far: &Far) -> String {
    format!("peer = \"moscow\"\nline = {{ smtp = \"{}\" }}", far.address)
}

fn gateway(far: &Far) -> String {
    format!(
        "kind = \"gateway\"\npeople = {{ alice = \"alice@example.org\", bob = \"bob@example.net\" }}\nline = {{ smtp = \"{}\" }}",
        far.address
    )
}

fn delivered(outcome: &Outcome, station: &str, words: &str) {
    match outcome {
        Outcome::Delivered(receipt) => assert_eq!((receipt.station.as_str(), receipt.text.as_str()), (station, words)),
        other => panic!("{other:?}"),
    }
}

fn deferred(outcome: &Outcome, fault: Fault, words: &str) {
    match outcome {
        Outcome::Deferred(reason) => {
            assert!(reason.fault == fault && reason.text.contains(words), "{reason:?}, expected {fault:?}: {words}")
        }
        other => panic!("{other:?}, expected deferred: {words}"),
    }
}

/// Reads a mail back as the message it was.
fn read_back(mail: &[u8], contents: &Contents) -> Message {
    let read = mime::read(mail);
    let kept = read.message(|file| contents.keep(&file.blob.name, &file.blob.media_type, &file.bytes()));
    kept.expect("a station's message").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_go_one_after_the_other_on_a_connection_that_is_left_when_no_more_come() {
    let far = Far::new().await;
    let mut sender = Sender::start(&format!("{}\nidle = \"300ms\"\n[domains]\nmoscow = \"post.example\"", line(&far)));
    let mut caller = None;
    for serial in 1..=3 {
        let m = message(serial, "chairman@moscow", text("Линия проверена.\n.\nSecond line"));
        sender.deliver(&m).await;
        let mut there = match caller.take() {
            Some(caller) => caller,
            None => far.greeted(&["PIPELINING", "SIZE", "8BITMIME", "DSN", "MT-PRIORITY STANAG4406"]).await,
        };
        let (mail, rcpt, octets) = there.message().await;
        // A station's receipt says it all: no notices are asked for.
        assert_eq!(mail, format!("MAIL FROM:<operator@washington> SIZE={} MT-PRIORITY=4", octets.len()));
        assert_eq!(rcpt, "RCPT TO:<chairman@post.example>");
        assert_eq!(read_back(&octets, &Contents::in_folder(sender.dir.path())), m);
        there.say("250 2.0.0 filed").await;
        delivered(&sender.outcome().await, "moscow", "250 2.0.0 filed");
        caller = Some(there);
    }
    let mut there = caller.unwrap();
    there.hears("QUIT").await;
    there.say("221 bye").await;
    assert!(there.is_gone().await);
    let ups = sender.seen().into_iter().filter(|e| matches!(e, Event::LineUp { peer } if peer.as_str() == "moscow")).count();
    assert_eq!(ups, 1);
    // And another, on a connection of its own.
    sender.deliver(&message(4, "chairman@moscow", text("x"))).await;
    let mut there = far.greeted(&[]).await;
    there.message().await;
    there.say("250 ok").await;
    delivered(&sender.outcome().await, "moscow", "250 ok");
    assert!(sender.seen().is_empty(), "neither up nor down again");
    sender.stop().await;
    there.hears("QUIT").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_far_end_left_in_between_is_made_anew_without_a_word() {
    for how in ["closed", "421 when it is spoken to", "421 unasked"] {
        let far = Far::new().await;
        let mut sender = Sender::start(&line(&far));
        sender.deliver(&message(1, "chairman@moscow", text("one"))).await;
        let mut there = far.greeted(&[]).await;
        there.message().await;
        there.say("250 ok").await;
        delivered(&sender.outcome().await, "moscow", "250 ok");
        match how {
            "closed" => drop(there),
            "421 unasked" => {
                there.say("421 4.4.2 too long idle").await;
                drop(there);
            }
            _ => drop(tokio::spawn(async move {
                there.hears("MAIL").await;
                there.say("421 4.4.2 too long idle").await;
            })),
        }
        sender.deliver(&message(2, "chairman@moscow", text("two"))).await;
        let mut there = far.greeted(&[]).await;
        let (.., octets) = there.message().await;
        assert!(String::from_utf8(octets).unwrap().contains("WASHINGTON-0002"));
        there.say("250 ok").await;
        delivered(&sender.outcome().await, "moscow", "250 ok");
        assert!(!sender.seen().iter().any(|e| matches!(e, Event::LineDown { .. })), "{how}");
        sender.stop().await;
    }
}

/// Plays a session up to a stage, where something else is said than what would go on.
async fn up_to(far: &Far, stage: &str) -> Caller {
    let mut there = far.caller().await;
    for (name, expects, answer) in [
        ("greeting", "", "220 moscow"),
        ("EHLO", "EHLO", "250 moscow"),
        ("MAIL", "MAIL", "250 ok"),
        ("RCPT", "RCPT", "250 ok"),
        ("DATA", "DATA", "354 go"),
    ] {
        if !expects.is_empty() {
            there.hears(expects).await;
        }
        if name == stage {
            return there;
        }
        there.say(answer).await;
    }
    if stage == "end" {
        there.data().await;
    } else {
        there.some(20).await;
    }
    there
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_far_end_says_at_each_stage_becomes_an_outcome() {
    use Fault::*;
    for (stage, says, refused, fault) in [
        ("greeting", "554 5.3.2 go away", false, Line),
        ("greeting", "421 4.3.2 stopping", false, Line),
        ("greeting", "HTTP/1.1 400 Bad Request", false, Line),
        ("EHLO", "421 4.3.2 stopping", false, Line),
        ("MAIL", "451 4.3.0 later", false, Peer),
        ("MAIL", "530 5.7.0 log in first", false, Us),
        ("MAIL", "552 5.3.4 too large", true, Peer),
        ("RCPT", "450 4.2.1 busy", false, Peer),
        ("RCPT", "550 5.1.1 no such desk", true, Peer),
        ("RCPT", "450 4.4.1 no route", false, Line),
        ("DATA", "451 4.3.0 later", false, Peer),
        ("DATA", "554 5.5.0 never", true, Peer),
        ("middle", "552 5.2.3 enough", true, Peer),
        ("end", "452 4.3.1 disk", false, Peer),
        ("end", "554 5.6.0 bare LF", true, Peer),
        ("end", "421 4.3.2 stopping", false, Peer),
    ] {
        let far = Far::new().await;
        let mut sender = Sender::start(&line(&far));
        let m = if stage == "middle" { large(&sender, 12 << 20) } else { message(1, "chairman@moscow", text("x")) };
        sender.deliver(&m).await;
        let mut there = up_to(&far, stage).await;
        there.say(says).await;
        match sender.outcome().await {
            Outcome::Refused(reason) if refused => assert!(reason.fault == fault && reason.text.contains(says), "{reason:?}"),
            Outcome::Deferred(reason) if !refused => {
                assert!(reason.fault == fault && (reason.text.contains(says) || says.starts_with("HTTP")), "{says}: {reason:?}");
            }
            other => panic!("{stage} {says}: {other:?}"),
        }
        drop(there);
        sender.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_leaves_a_doubt_only_behind_the_final_dot() {
    for stage in ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "middle", "end"] {
        let far = Far::new().await;
        let mut sender = Sender::start(&line(&far));
        let m = if stage == "middle" { large(&sender, 12 << 20) } else { message(1, "chairman@moscow", text("x")) };
        sender.deliver(&m).await;
        drop(up_to(&far, stage).await);
        let outcome = sender.outcome().await;
        deferred(&outcome, Fault::Line, "while waiting for");
        let Outcome::Deferred(reason) = outcome else { unreachable!() };
        assert_eq!(reason.text.contains("it may have the message"), stage == "end", "{stage}: {}", reason.text);
        assert!(sender.seen().iter().any(|e| matches!(e, Event::LineDown { .. })), "{stage}");
        // Then a whole one: only when it is taken is the line up again.
        sender.deliver(&message(1, "chairman@moscow", text("x"))).await;
        let mut there = far.greeted(&[]).await;
        there.message().await;
        there.say("250 ok").await;
        delivered(&sender.outcome().await, "moscow", "250 ok");
        assert!(sender.seen().iter().any(|e| matches!(e, Event::LineUp { .. })), "{stage}");
        sender.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_the_lines_fault_and_said_once() {
    // Held, and not listened on.
    let closed = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    closed.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let nobody = closed.local_addr().unwrap().as_socket().unwrap();
    let mut sender = Sender::start(&format!("peer = \"moscow\"\nline = {{ smtp = \"{nobody}\" }}"));
    for _ in 0..2 {
        let said = format!("cannot connect to `{nobody}`");
        deferred(&sender.send(&message(1, "chairman@moscow", text("x"))).await, Fault::Line, &said);
    }
    assert_eq!(sender.seen().len(), 1);
    sender.stop().await;
}

/// A message with a file of so many octets.
fn large(sender: &Sender, octets: usize) -> Message {
    let contents = Contents::in_folder(sender.dir.path().join("content"));
    let bytes: Vec<u8> = (0..octets).map(|n| (n * 7 + n / 251) as u8).collect();
    message(1, "chairman@moscow", vec![Part::File(contents.keep("map.bin", "application/octet-stream", &bytes).unwrap())])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_goes_in_pieces_and_comes_back_exactly() {
    let far = Far::new().await;
    let mut sender = Sender::start(&line(&far));
    let sent = large(&sender, 3 << 20);
    sender.deliver(&sent).await;
    let mut there = far.greeted(&["SIZE"]).await;
    let (mail, _, octets) = there.message().await;
    assert_eq!(mail, format!("MAIL FROM:<operator@washington> SIZE={}", octets.len()));
    there.say("250 ok").await;
    delivered(&sender.outcome().await, "moscow", "250 ok");
    assert_eq!(read_back(&octets, &Contents::in_folder(sender.dir.path().join("far"))), sent);
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_off_breaks_a_message_off_even_if_the_far_end_takes_no_octets() {
    let far = Far::new().await;
    let mut sender = Sender::start(&line(&far));
    let slow = large(&sender, 12 << 20);
    let number = sender.deliver(&slow).await;
    let mut there = up_to(&far, "DATA").await;
    there.say("354 go").await;
    there.some(100_000).await; // and no more
    sender.order(Order::CallOff(number)).await;
    match sender.outcome().await {
        Outcome::CalledOff { at } => assert!(at.starts_with("after ") && at.ends_with(" octets"), "{at}"),
        other => panic!("{other:?}"),
    }
    assert!(there.is_gone().await, "the connection is left, so that nothing is filed");
    sender.deliver(&message(2, "chairman@moscow", text("FLASH"))).await;
    let mut there = far.greeted(&[]).await;
    there.message().await;
    there.say("250 ok").await;
    delivered(&sender.outcome().await, "moscow", "250 ok");
    assert!(!sender.seen().iter().any(|e| matches!(e, Event::LineDown { .. })));
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_off_before_the_session_stands_or_behind_the_final_dot_does_what_it_can() {
    let far = Far::new().await;
    let mut sender = Sender::start(&line(&far));
    let number = sender.deliver(&message(1, "chairman@moscow", text("x"))).await;
    let mut silent = far.caller().await;
    sender.order(Order::CallOff(number)).await;
    assert!(matches!(sender.outcome().await, Outcome::CalledOff { .. }));
    assert!(silent.is_gone().await);
    let number = sender.deliver(&message(1, "chairman@moscow", text("x"))).await;
    let mut there = up_to(&far, "end").await;
    sender.order(Order::CallOff(number)).await;
    sender.order(Order::CallOff(77)).await; // nobody's
    there.say("250 filed").await;
    delivered(&sender.outcome().await, "moscow", "250 filed");
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_that_stops_leaves_a_message_that_is_not_out() {
    let far = Far::new().await;
    let mut sender = Sender::start(&line(&far));
    sender.deliver(&message(1, "chairman@moscow", text("x"))).await;
    let there = up_to(&far, "RCPT").await;
    sender.stop().await;
    drop(there);
}

/// The other forms of every message: one document.
fn forms() -> Place {
    let form = Form { name: "paper.pdf".into(), media_type: "application/pdf".into(), bytes: b"%PDF-1.7 a paper".to_vec() };
    Place { forms: Arc::new(move |_, _| vec![form.clone()]), ..Place::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_the_outside_goes_to_the_books_address_with_its_other_forms() {
    let far = Far::new().await;
    let mut sender = Sender::start_at(&gateway(&far), |_| forms());
    let m = message(1, "alice@mail", text("HELLO"));
    sender.deliver(&m).await;
    let mut there = far.greeted(&["PIPELINING", "DSN", "SIZE"]).await;
    let (mail, rcpt, octets) = there.message().await;
    assert_eq!(mail, format!("MAIL FROM:<operator@washington> SIZE={} RET=HDRS ENVID=WASHINGTON-0001-20161031T1200Z", octets.len()));
    assert_eq!(rcpt, "RCPT TO:<alice@example.org> NOTIFY=SUCCESS,FAILURE,DELAY");
    let read = mime::read(&octets);
    assert_eq!(read.heading.to[0].address, "alice@example.org");
    assert_eq!(read.heading.from.as_ref().unwrap().address, "operator@washington");
    let files: Vec<(&str, Vec<u8>)> = read.files().map(|f| (f.blob.name.as_str(), f.bytes())).collect();
    assert_eq!((read.text().as_str(), files), ("HELLO", vec![("paper.pdf", b"%PDF-1.7 a paper".to_vec())]));
    there.say("250 2.0.0 queued as 4711").await;
    delivered(&sender.outcome().await, "mail-server", "250 2.0.0 queued as 4711");
    match sender.send(&message(2, "nobody@mail", text("x"))).await {
        Outcome::Refused(reason) => {
            assert!(reason.text.contains("`nobody@mail` has no mail address here"), "{}", reason.text);
            assert!(reason.text.contains("people = { nobody = \"NAME@DOMAIN\" } in [port."), "{}", reason.text);
        }
        other => panic!("{other:?}"),
    }
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_desk_writes_to_keeps_his_name_for_ever() {
    let far = Far::new().await;
    let book = std::sync::Mutex::new(std::path::PathBuf::new());
    let mut sender = Sender::start_at(&gateway(&far), |dir| {
        std::fs::create_dir_all(dir.join("mail")).unwrap();
        std::fs::write(dir.join("mail/mail.book"), "# 20000\n~carol carol@x.example\n").unwrap();
        *book.lock().unwrap() = dir.join("mail/mail.book");
        Place { data: dir.to_owned(), ..forms() }
    });
    sender.deliver(&message(1, "carol@mail", text("HELLO"))).await;
    let mut there = far.greeted(&["DSN"]).await;
    there.message().await;
    there.say("250 2.0.0 taken").await;
    delivered(&sender.outcome().await, "mail-server", "250 2.0.0 taken");
    let text = std::fs::read_to_string(&*book.lock().unwrap()).unwrap();
    assert!(text.ends_with("\ncarol carol@x.example\n"), "{text}");
    sender.stop().await;
}

fn in_transit(mail: AsCame) -> Message {
    let mut m = message(3, "alice@mail", text("read"));
    m.envelope.from = "bob@mail".parse().unwrap();
    m.envelope.post = Some(Box::new(Post {
        reverse_path: "bounces+7@example.net".into(),
        recipient: "alice@example.org".into(),
        notify: "FAILURE,DELAY".into(),
        original_recipient: Some("ali ce@old.example".into()),
        envid: Some("QQ 314".into()),
        whole: true,
        mail: Some(mail),
        ..Post::default()
    }));
    m
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_from_outside_to_outside_goes_on_as_it_came() {
    let body = "Received: from x by y\r\nSubject: caf\u{e9}\r\n\r\n.dot\r\nMixed \u{44f}\r\n";
    let far = Far::new().await;
    let mut sender = Sender::start_at(&gateway(&far), |_| forms());
    let contents = Contents::in_folder(sender.dir.path().join("content"));
    let long = format!("{body}{}", "a line of some length, many times\r\n".repeat(20_000));
    let kept = contents.keep("mail", "message/rfc822", format!("Return-Path: <bob@example.net>\r\n{long}").as_bytes()).unwrap();
    for (mail, expected) in
        [(AsCame::Short(format!("Return-Path: <bob@example.net>\r\n{body}")), body), (AsCame::Kept(kept), long.as_str())]
    {
        sender.deliver(&in_transit(mail)).await;
        let mut there = far.greeted(&["DSN", "SIZE", "8BITMIME", "SMTPUTF8"]).await;
        let (mail, rcpt, octets) = there.message().await;
        let size = expected.len();
        assert_eq!(mail, format!("MAIL FROM:<bounces+7@example.net> SIZE={size} BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=QQ+20314"));
        assert_eq!(rcpt, "RCPT TO:<alice@example.org> NOTIFY=FAILURE,DELAY ORCPT=rfc822;ali+20ce@old.example");
        assert!(octets == expected.as_bytes(), "changed on the way");
        there.say("250 ok").await;
        drop(there);
        delivered(&sender.outcome().await, "mail-server", "250 ok");
    }
    // A server that takes no eight-bit octets cannot be given them.
    sender.deliver(&in_transit(AsCame::Short(body.into()))).await;
    let there = far.greeted(&[]).await;
    assert!(matches!(sender.outcome().await, Outcome::Refused(r) if r.text.contains("SMTPUTF8")));
    drop(there);
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_goes_with_the_null_reverse_path_and_asks_for_none() {
    let far = Far::new().await;
    let mut sender = Sender::start_at(&gateway(&far), |_| forms());
    let mut m = in_transit(AsCame::Short("Return-Path: <x@y>\r\nSubject: Lost\r\nMessage-ID: <7@example.org>\r\n\r\nIts text\r\n".into()));
    m.envelope.from = "router@washington".parse().unwrap();
    let post = m.envelope.post.as_mut().unwrap();
    (post.recipient, post.reverse_path) = ("chairman@moscow".into(), String::new());
    let about: molink::message::Identity = "WASHINGTON-0009-20161031T1100Z".parse().unwrap();
    let why = "no such desk at moscow".to_owned();
    post.notice = Some(Notice { about: about.clone(), action: "failed".into(), status: "5.1.1".into(), why, until: None });
    sender.deliver(&m).await;
    let mut there = far.greeted(&["DSN", "8BITMIME"]).await;
    let (mail, rcpt, octets) = there.message().await;
    assert_eq!((mail.as_str(), rcpt.as_str()), ("MAIL FROM:<>", "RCPT TO:<alice@example.org> NOTIFY=NEVER"));
    let report = notice::read(&octets).expect("a notice");
    assert_eq!(report.fates.len(), 1);
    assert_eq!((report.fates[0].recipient.as_str(), report.fates[0].status.as_str()), ("chairman@moscow", "5.1.1"));
    let words = String::from_utf8(octets).unwrap();
    assert!(
        words.contains("no such desk at moscow") && words.contains("Original-Envelope-Id: QQ 314") && words.contains("Its text"),
        "{words}"
    );
    assert!(!words.contains("Return-Path"), "that of another journey");
    there.say("250 ok").await;
    delivered(&sender.outcome().await, "mail-server", "250 ok");
    // The station file has given the name to somebody else: the notice still goes where the mail came from.
    m.identity.serial += 1;
    m.envelope.post.as_mut().unwrap().reverse_path = "alice@before.example".into();
    sender.deliver(&m).await;
    let (_, rcpt, _) = there.message().await;
    assert_eq!(rcpt, "RCPT TO:<alice@before.example> NOTIFY=NEVER");
    there.say("250 ok").await;
    delivered(&sender.outcome().await, "mail-server", "250 ok");
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_that_is_gone_or_damaged_goes_back_to_its_sender() {
    let far = Far::new().await;
    let mut sender = Sender::start(&line(&far));
    let m = large(&sender, 1 << 20);
    let Part::File(blob) = &m.content[0] else { unreachable!() };
    let path = sender.dir.path().join("content").join(&blob.sha256);
    std::fs::write(&path, b"short").unwrap();
    assert!(matches!(sender.send(&m).await, Outcome::Refused(r) if r.text.contains("map.bin") && r.text.contains("damaged")));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(sender.send(&m).await, Outcome::Refused(r) if r.text.contains("map.bin")));
    assert!(far.is_quiet().await, "nobody is called for that");
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_for_this_machine_is_said_and_never_shown() {
    let far = Far::new().await;
    let file = tempfile::NamedTempFile::new().unwrap(); // 0600
    std::fs::write(file.path(), "molink\nrosebud\n").unwrap();
    let keys = gateway(&far);
    let keys = format!("{}, security = \"never\" }}\nlogin = \"{}\"", keys.trim_end_matches(" }"), file.path().display());
    let mut sender = Sender::start(&keys);
    sender.deliver(&message(1, "alice@mail", text("x"))).await;
    let mut there = far.greeted(&["AUTH PLAIN LOGIN"]).await;
    let said = there.hears("AUTH PLAIN ").await;
    assert_eq!(said, "AUTH PLAIN AG1vbGluawByb3NlYnVk");
    there.say("235 2.7.0 welcome").await;
    there.message().await;
    there.say("250 ok").await;
    delivered(&sender.outcome().await, "mail-server", "250 ok");
    let lines = sender.lines();
    assert!(lines.iter().any(|l| l == "AUTH …") && lines.iter().any(|l| l.starts_with("MAIL FROM")), "{lines:?}");
    assert!(!lines.iter().any(|l| l.contains("AG1v")), "{lines:?}");
    sender.stop().await;
    // A file that others can read is refused before anybody is called.
    std::fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let mut sender = Sender::start(&keys);
    deferred(&sender.send(&message(1, "alice@mail", text("x"))).await, Fault::Us, "chmod 600");
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_under_the_far_ends_nose_is_not_read_twice_into_memory() {
    // Two pieces wait at the most: a far end that takes nothing makes nothing be read.
    let far = Far::new().await;
    let mut sender = Sender::start(&line(&far));
    let m = large(&sender, 12 << 20);
    let number = sender.deliver(&m).await;
    let mut there = up_to(&far, "DATA").await;
    there.say("354 go").await;
    there.some(1).await;
    let opened = open_files_of(sender.dir.path());
    assert_eq!(opened.len(), 1, "{opened:?}");
    sender.order(Order::CallOff(number)).await;
    assert!(matches!(sender.outcome().await, Outcome::CalledOff { .. }));
    let closed = async {
        while !open_files_of(sender.dir.path()).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    soon("the file is left", closed).await;
    sender.stop().await;
}

/// Contents below a folder that this process has open.
fn open_files_of(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let content = dir.join("content");
    let links = std::fs::read_dir("/proc/self/fd").unwrap().flatten().filter_map(|fd| std::fs::read_link(fd.path()).ok());
    links.filter(|path| path.starts_with(&content)).collect()
}

//! The e-mail server of a station: what strangers, users and pinned stations bring, over real connections.

use crate::email_room::{Room, Talker};
use molink::email::backend_users::Users;
use molink::email::mime::{Domains, Outgoing, write};
use molink::line::ip::certs;
use molink::message::{AsCame, Class, Envelope, Message, Part, Precedence};
use std::path::Path;

const MAIL: &[u8] = b"From: Alice <alice@example.org>\r\nTo: chairman@moscow\r\nSubject: A map\r\nMessage-ID: <1@example.org>\r\n\
X-Priority: 1\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHere it is.\r\n.\r\n\r\n\
--b\r\nContent-Type: application/octet-stream; name=map.bin\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAwQ=\r\n--b--\r\n";

/// A plain mail with this Message-ID and text.
pub fn plain(id: &str, text: &str) -> Vec<u8> {
    format!("From: <alice@example.org>\r\nSubject: {id}\r\nMessage-ID: <{id}@example.org>\r\n\r\n{text}\r\n").into_bytes()
}

/// Connected, EHLO said.
pub async fn greeted(room: &Room) -> Talker {
    let mut talker = room.call().await;
    talker.say("EHLO client.example", 250).await;
    talker
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_mail_is_filed_with_its_attachment() {
    let room = Room::gateway("", "").await;
    let mut talker = room.call().await;
    let offered = talker.say("EHLO client.example", 250).await;
    assert!(offered.contains("STARTTLS") && !offered.contains("AUTH"), "{offered}");
    let reply = talker.mail("alice@example.org", &["chairman@moscow"], MAIL).await;
    assert!(reply.starts_with("250 2.0.0 filed as MOSCOW-0001-"), "{reply}");
    talker.say("QUIT", 221).await;
    let [message] = <[Message; 1]>::try_from(room.messages()).unwrap();
    let e = &message.envelope;
    assert_eq!((e.from.to_string(), e.to.to_string(), e.subject.as_str()), ("alice@mail".into(), "chairman@moscow".into(), "A map"));
    assert_eq!(e.precedence, Precedence::Routine, "a stranger asked for more");
    let [Part::Text { text }, Part::File(file)] = message.content.as_slice() else { panic!("{:?}", message.content) };
    assert_eq!((text.trim_end(), file.name.as_str(), room.content(&file.sha256)), ("Here it is.\n.", "map.bin", vec![0, 1, 2, 3, 4]));
    let post = e.post.clone().unwrap();
    assert_eq!((post.reverse_path.as_str(), post.recipient.as_str()), ("alice@example.org", "chairman@moscow"));
    assert!(post.answerable && !post.trusted && post.writer.contains("Alice"));
    let Some(AsCame::Short(came)) = post.mail else { panic!("a short one") };
    let trace = "Return-Path: <alice@example.org>\r\nReceived: from client.example ([127.0.0.1])\r\n\tby moscow with ESMTP id post-";
    assert!(came.starts_with(trace), "{came}");
    assert!(came.as_bytes().ends_with(MAIL));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_envelope_asks_is_kept_for_notices() {
    let room = Room::gateway("", "").await;
    let mut talker = greeted(&room).await;
    talker.say("MAIL FROM:<alice@example.org> RET=FULL ENVID=QQ314 MT-PRIORITY=4", 250).await;
    talker.say("RCPT TO:<operator@moscow> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;duty@example.net", 250).await;
    let reply = talker.data(&plain("a", "x")).await;
    assert!(reply.starts_with("250 2.3.6 -2 routine"), "{reply}");
    talker.say("MAIL FROM:<>", 250).await;
    talker.say("RCPT TO:<postmaster>", 250).await;
    assert!(talker.data(&plain("b", "x")).await.starts_with("250"));
    let [first, second] = <[Message; 2]>::try_from(room.messages()).unwrap();
    let post = first.envelope.post.unwrap();
    assert_eq!((post.notify.as_str(), post.envid.as_deref(), post.whole), ("SUCCESS,DELAY", Some("QQ314"), true));
    assert_eq!(post.original_recipient.as_deref(), Some("duty@example.net"));
    assert_eq!((second.envelope.from.to_string(), second.envelope.to.to_string()), ("mailer-daemon@mail".into(), "operator@moscow".into()));
    assert!(!second.envelope.post.unwrap().answerable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_not_passed_on_and_is_told_who_is_unknown() {
    let keys = "domains = { moscow = \"hotline.example\" }\n[[route]]\nto = \"*@mail\"\nports = [\"post\"]\n[[route]]\nto = \"*@london\"\nports = [\"post\"]";
    let room = Room::gateway(keys, "").await;
    let mut talker = greeted(&room).await;
    talker.say("MAIL FROM:<alice@example.org>", 250).await;
    for (to, code) in [
        ("bob@example.org", 550),
        ("bob@mail", 550),
        ("alice@mail", 550),
        ("nobody@moscow", 550),
        ("nobody@hotline.example", 550),
        ("operator%example.org@moscow", 550),
        ("Operator@HOTLINE.example", 250),
        ("chairman@moscow", 250),
        ("duty@london", 250),
        ("postmaster", 250),
        ("postmaster@hotline.example", 250),
    ] {
        let reply = talker.say(&format!("RCPT TO:<{to}>"), code).await;
        let relay = to == "bob@example.org";
        assert!(code == 250 || reply.contains(if relay { "5.7.1" } else { "5.1.1" }), "{to}: {reply}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_mail_again_is_filed_once() {
    let room = Room::gateway("", "").await;
    let mut talker = greeted(&room).await;
    let first = talker.mail("alice@example.org", &["operator@moscow", "chairman@moscow"], &plain("a", "x")).await;
    let again = greeted(&room).await.mail("alice@example.org", &["chairman@moscow", "operator@moscow"], &plain("a", "x")).await;
    assert_eq!((first.starts_with("250"), &first), (true, &again));
    assert_eq!(room.messages().len(), 2);
    let other = talker.mail("alice@example.org", &["operator@moscow"], &plain("a", "another text")).await;
    assert!(other.starts_with("250") && other != first);
    assert_eq!(room.messages().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_connections_at_once_lose_nothing() {
    let room = std::sync::Arc::new(Room::gateway("quota = 0", "").await);
    let mut talkers = tokio::task::JoinSet::new();
    for n in 0..20 {
        let room = room.clone();
        talkers.spawn(async move {
            let mut talker = greeted(&room).await;
            for m in 0..10 {
                let reply = talker.mail(&format!("a{n}@example.org"), &["operator@moscow"], &plain(&format!("{n}-{m}"), "x")).await;
                assert!(reply.starts_with("250"), "{reply}");
            }
        });
    }
    talkers.join_all().await;
    let subjects: std::collections::BTreeSet<String> = room.messages().into_iter().map(|m| m.envelope.subject).collect();
    assert_eq!(subjects.len(), 200);
}

/// A folder of `moscow`'s certificates with those of `stations` pinned; theirs, with their keys, in a folder `far`.
fn certificates(dir: &Path, stations: &[&str]) {
    let (own, far) = (dir.join("certs"), dir.join("far"));
    let now = certs::world_utc();
    certs::make(&own, "moscow", now, 30).unwrap();
    for station in stations {
        certs::make(&far, station, now, 30).unwrap();
        certs::pin(&own, &far.join(format!("{station}.crt"))).unwrap();
    }
}

fn message() -> Message {
    let (from, to) = ("chairman@washington".parse().unwrap(), "chairman@moscow".parse().unwrap());
    let (precedence, class, subject) = (Precedence::Flash, Class::Message, "Terms".into());
    let envelope = Envelope { from, to, precedence, class, subject, via: vec![], post: None };
    let content = vec![Part::Text { text: "TWO LINES\nOF TEXT".into() }];
    Message { identity: "WASHINGTON-0007-20161031T1200Z".parse().unwrap(), envelope, content }
}

fn as_mail(message: &Message) -> Vec<u8> {
    let mut mail = vec![];
    let outgoing = Outgoing { message, domains: &Domains::default(), on_top: "", forms: &[] };
    write(outgoing, &mut |_| Err(std::io::Error::other("no files")), &mut mail).unwrap();
    mail
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_stations_message_is_filed_as_it_is_and_once() {
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path(), &["washington"]);
    let tls = format!("tls = \"{}\"", dir.path().join("certs").display());
    let room = Room::open(dir, "peer = \"washington\"", "", &tls).await;
    let far = room.dir.path().join("far");
    for _ in 0..2 {
        let mut talker = greeted(&room).await.secure(Some((&far, "washington"))).await;
        let reply = talker.mail("chairman@washington", &["chairman@moscow"], &as_mail(&message())).await;
        assert!(reply.starts_with("250 2.0.0 filed as WASHINGTON-0007-20161031T1200Z"), "{reply}");
    }
    assert_eq!(room.messages(), [message()]);
    let nobody = Message { identity: "WASHINGTON-0008-20161031T1200Z".parse().unwrap(), ..message() };
    let to = molink::message::Envelope { to: "nobody@moscow".parse().unwrap(), ..nobody.envelope.clone() };
    let mut talker = greeted(&room).await.secure(Some((&far, "washington"))).await;
    let reply = talker.mail("chairman@washington", &["chairman@moscow"], &as_mail(&Message { envelope: to, ..nobody })).await;
    assert!(reply.starts_with("550") && reply.contains("nobody"), "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_closed_to_strangers_and_to_a_certificate_that_is_not_pinned() {
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path(), &["washington"]);
    let forged = dir.path().join("forged");
    certs::make(&forged, "washington", certs::world_utc(), 30).unwrap();
    certs::make(&forged, "oslo", certs::world_utc(), 30).unwrap();
    let tls = format!("tls = \"{}\"", dir.path().join("certs").display());
    let room = Room::open(dir, "peer = \"washington\"", "", &tls).await;
    greeted(&room).await.say("MAIL FROM:<alice@example.org>", 530).await;
    for show in [None, Some((forged.as_path(), "washington")), Some((forged.as_path(), "oslo"))] {
        let mut talker = greeted(&room).await.secure(show).await;
        let reply = talker.say("MAIL FROM:<chairman@washington>", 530).await;
        assert!(reply.contains("log in"), "{reply}");
    }
    // A certificate that is taken out of the folder is out, without a restart.
    let far = room.dir.path().join("far");
    greeted(&room).await.secure(Some((&far, "washington"))).await.say("MAIL FROM:<chairman@washington>", 250).await;
    std::fs::remove_file(room.dir.path().join("certs/washington.crt")).unwrap();
    greeted(&room).await.secure(Some((&far, "washington"))).await.say("MAIL FROM:<chairman@washington>", 530).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_may_use_tls_and_a_forged_identity_gains_nothing() {
    let room = Room::gateway("", "").await;
    let mut talker = greeted(&room).await.secure(None).await;
    let reply = talker.mail("eve@example.org", &["chairman@moscow"], &as_mail(&message())).await;
    assert!(reply.starts_with("250 2.0.0 filed as MOSCOW-0001"), "{reply}");
    let [filed] = <[Message; 1]>::try_from(room.messages()).unwrap();
    assert_eq!((filed.envelope.from.to_string(), filed.envelope.precedence), ("eve@mail".into(), Precedence::Routine));
    let Some(AsCame::Short(came)) = filed.envelope.post.unwrap().mail else { panic!("a short one") };
    assert!(came.contains("with ESMTPS id"), "{came}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_1_2_is_spoken_and_what_was_said_before_it_does_not_count() {
    let room = Room::gateway("", "").await;
    let mut talker = greeted(&room).await;
    talker.say("MAIL FROM:<alice@example.org>", 250).await;
    talker.say("RCPT TO:<operator@moscow>", 250).await;
    talker.say("STARTTLS", 503).await; // in the midst of a mail
    talker.say("RSET", 250).await;
    let mut talker = talker.secure_as(None, &rustls::version::TLS12).await;
    talker.say("MAIL FROM:<alice@example.org>", 503).await;
    talker.say("EHLO client.example", 250).await;
    assert!(talker.mail("alice@example.org", &["operator@moscow"], &plain("a", "x")).await.starts_with("250"));
    let mut early = greeted(&room).await;
    early.send(b"STARTTLS\r\nMAIL FROM:<eve@example.org>\r\n").await;
    assert!(early.reply().await.starts_with("503 5.5.0"));
    assert_eq!(early.reply().await, "", "it is closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_has_ended_names_nobody_and_is_told_of() {
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path(), &[]);
    let (old, own) = (dir.path().join("old"), dir.path().join("certs"));
    certs::make(&old, "washington", "2020-01-01T00:00:00Z".parse().unwrap(), 30).unwrap();
    certs::pin(&own, &old.join("washington.crt")).unwrap();
    let tls = format!("tls = \"{}\"", own.display());
    let (notes, mut noted) = tokio::sync::mpsc::unbounded_channel();
    let room = Room::watched(dir, "peer = \"washington\"", "", &tls, notes).await;
    for words in ["the certificate of washington ended on 2020-01-31", "no certificate of washington is pinned: its operator brings you"] {
        let mut talker = greeted(&room).await.secure(Some((&room.dir.path().join("old"), "washington"))).await;
        talker.say("MAIL FROM:<chairman@washington>", 530).await;
        let told = async {
            while let Some(note) = noted.recv().await {
                if note.contains(words) {
                    return;
                }
            }
            panic!("nobody was told");
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), told).await.expect("a note in time");
        // And that of the line's far end that is not pinned at all.
        let _ = std::fs::remove_file(own.join("washington.crt"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_logs_in_under_tls_and_writes_from_his_desk_or_by_his_address() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("users.toml");
    let users = Users::at(&file);
    users.put("duty", "geheim", Some("operator".parse().unwrap())).unwrap();
    users.put("anna", "secret", None).unwrap();
    let keys = format!("login_required = true\nusers = \"{}\"\n[[route]]\nto = \"*@mail\"\nports = [\"post\"]", file.display());
    let room = Room::open(dir, "kind = \"gateway\"", &keys, "").await;
    let mut clear = greeted(&room).await;
    clear.say("AUTH PLAIN AGR1dHkAZ2VoZWlt", 538).await;
    clear.say("MAIL FROM:<duty@moscow>", 530).await;
    let mut talker = greeted(&room).await.secure(None).await;
    talker.say("MAIL FROM:<duty@moscow>", 530).await;
    talker.say("AUTH PLAIN AGR1dHkAZ2VoZWl0", 535).await;
    talker.say("AUTH PLAIN AGR1dHkAZ2VoZWlt", 235).await; // \0duty\0geheim
    talker.say("MAIL FROM:<duty@moscow> MT-PRIORITY=4", 250).await;
    talker.say("RCPT TO:<chairman@moscow>", 250).await;
    talker.say("RCPT TO:<bob@example.org>", 250).await;
    assert!(talker.data(&plain("a", "x")).await.starts_with("250"));
    let mut talker = greeted(&room).await.secure(None).await;
    talker.say("MAIL FROM:<>", 530).await;
    talker.say("AUTH LOGIN", 334).await;
    talker.say("YW5uYQ==", 334).await;
    talker.say("c2VjcmV0", 235).await;
    talker.say("MAIL FROM:<anna@example.org>", 250).await;
    talker.say("RCPT TO:<chairman@moscow>", 250).await;
    talker.say("RCPT TO:<bob@mail>", 250).await; // as he is called here since the last mail
    talker.say("RCPT TO:<eve@mail>", 550).await;
    assert!(talker.data(&plain("b", "x")).await.starts_with("250"));
    let all: Vec<(String, String, Precedence)> =
        room.messages().iter().map(|m| (m.envelope.from.to_string(), m.envelope.to.to_string(), m.envelope.precedence)).collect();
    let row = |from: &str, to: &str, precedence| (from.to_owned(), to.to_owned(), precedence);
    let flash = Precedence::Flash;
    assert!(
        all.contains(&row("operator@moscow", "chairman@moscow", flash)) && all.contains(&row("operator@moscow", "bob@mail", flash)),
        "{all:?}"
    );
    for to in ["chairman@moscow", "bob@mail"] {
        assert!(all.contains(&row("anna@mail", to, Precedence::Routine)), "{to} {all:?}");
    }
    assert_eq!(all.len(), 4);
}

/// The next note with these words in it; the notes before it.
async fn noted(notes: &mut tokio::sync::mpsc::UnboundedReceiver<String>, words: &str) -> Vec<String> {
    let heard = async {
        let mut before = vec![];
        while let Some(note) = notes.recv().await {
            if note.contains(words) {
                return before;
            }
            before.push(note);
        }
        panic!("nobody said `{words}`: {before:?}");
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), heard).await.expect("a note in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_of_users_is_our_trouble_said_once_and_nobodys_wrong_password() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("users.toml");
    Users::at(&file).put("duty", "geheim", Some("operator".parse().unwrap())).unwrap();
    let (tell, mut notes) = tokio::sync::mpsc::unbounded_channel();
    let room = Room::watched(dir, "kind = \"gateway\"", &format!("users = \"{}\"", file.display()), "", tell).await;
    let right = "AUTH PLAIN AGR1dHkAZ2VoZWlt"; // \0duty\0geheim
    let mut before = greeted(&room).await.secure(None).await;
    before.say(right, 235).await;
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let mut talker = greeted(&room).await.secure(None).await;
    for _ in 0..5 {
        let reply = talker.say(right, 454).await;
        assert!(reply.starts_with("454 4.7.0"), "{reply}");
    }
    // Whose desk he has, nobody knows just now: he is not taken for a correspondent outside.
    assert!(before.mail("duty@moscow", &["chairman@moscow"], &plain("a", "x")).await.starts_with("451"));
    std::fs::write(&file, whole).unwrap();
    talker.say(right, 235).await;
    let said = noted(&mut notes, "the users can be read again").await;
    let of_users: Vec<&String> = said.iter().filter(|note| note.contains("nobody can log in")).collect();
    assert!(matches!(of_users[..], [one] if one.contains("users.toml` are not as") && one.contains("; mend the file")), "{said:?}");
    assert!(before.mail("duty@moscow", &["chairman@moscow"], &plain("a", "x")).await.starts_with("250"));
    assert_eq!(room.messages()[0].envelope.from.to_string(), "operator@moscow");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_many_wrong_passwords_a_right_one_is_not_called_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("users.toml");
    Users::at(&file).put("duty", "geheim", None).unwrap();
    // One round, so that three hundred wrong passwords take no time.
    let text = std::fs::read_to_string(&file).unwrap() + "[anna]\npassword = \"pbkdf2-sha256:1:00:" + &"00".repeat(32) + "\"\n";
    std::fs::write(&file, text).unwrap();
    let room = Room::open(dir, "kind = \"gateway\"", &format!("users = \"{}\"", file.display()), "").await;
    for _ in 0..100 {
        let mut talker = greeted(&room).await.secure(None).await;
        for _ in 0..3 {
            talker.say("AUTH PLAIN AGFubmEAeA==", 535).await; // \0anna\0x
        }
    }
    greeted(&room).await.secure(None).await.say("AUTH PLAIN AGR1dHkAZ2VoZWlt", 454).await;
}

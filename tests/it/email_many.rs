//! A mail for many desks: how often it is kept, how often it counts, and how many a stranger may write to.

use crate::email_limits::Alone;
use crate::email_room::Room;
use crate::email_server::plain;
use molink::email::backend_users::Users;
use molink::router::Submitted;
use molink::router::port::PortReport;
use molink::time::Speed;

/// A mail of so many texts, of a million octets each.
fn long(texts: usize) -> Vec<u8> {
    let part = format!("--b\r\n\r\n{}", ("x".repeat(78) + "\r\n").repeat(12_500));
    let head = "Message-ID: <long@x>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
    format!("{head}{}--b--\r\n", part.repeat(texts)).into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_text_for_many_is_neither_in_memory_many_times_nor_in_the_journal_too_often() {
    let mut alone = Alone::with(Speed::REAL, "quota = 0");
    let mut talker = crate::email_room::call(alone.at).await;
    talker.hears(220).await;
    talker.say("EHLO client.example", 250).await;
    let to: Vec<String> = (0..70).map(|n| format!("desk{n}@london")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let mail = long(4);
    let reply = talker.mail("alice@example.org", &to, &mail).await;
    assert!(reply.starts_with("550 5.7.1") && reply.contains("256 MiB; send it to fewer"), "280 MB in the journal: {reply}");
    let answers = async {
        // Of four megabytes four at one time: 16 MiB are the most.
        for together in [4, 4, 1] {
            let mut held = vec![];
            for _ in 0..together {
                let Some((_, PortReport::Typed { draft, answer, .. })) = alone.reports.recv().await else { panic!("no draft came") };
                assert!(draft.content.iter().filter(|part| matches!(part, molink::message::Part::Text { .. })).count() == 4);
                held.push(answer);
            }
            let early = tokio::time::timeout(std::time::Duration::from_millis(100), alone.reports.recv()).await;
            assert!(early.is_err(), "one more before these were answered");
            for answer in held {
                answer.send(Submitted::Accepted("MOSCOW-0001-20161031T1200Z".parse().unwrap())).unwrap();
            }
        }
    };
    let both = async { tokio::join!(talker.mail("alice@example.org", &to[..9], &mail), answers).0 };
    let reply = crate::email_far::soon("drafts and a reply", both).await;
    assert!(reply.starts_with("250"), "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_for_many_is_kept_once_as_it_came() {
    let room = Room::gateway(
        "quota = 0\n[desk.d0]\n[desk.d1]\n[desk.d2]\n[desk.d3]\n[desk.d4]\n[desk.d5]\n[desk.d6]\n[desk.d7]\n[desk.d8]\n[desk.d9]\n\
         [desk.e0]\n[desk.e1]\n[desk.e2]\n[desk.e3]\n[desk.e4]\n[desk.e5]\n[desk.e6]\n[desk.e7]\n[desk.e8]\n[desk.e9]",
        "",
    )
    .await;
    let to: Vec<String> = ["d", "e"].iter().flat_map(|d| (0..10).map(move |n| format!("{d}{n}@moscow"))).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let mut talker = room.call().await;
    talker.say("EHLO client.example", 250).await;
    assert!(talker.mail("alice@example.org", &to, &plain("many", "x")).await.starts_with("250"));
    let messages = room.messages();
    assert_eq!(messages.len(), 20);
    let kept = |m: &molink::message::Message| match m.envelope.post.as_ref().and_then(|post| post.mail.clone()) {
        Some(molink::message::AsCame::Kept(blob)) => blob.sha256,
        other => panic!("{other:?}"),
    };
    assert!(messages.iter().all(|m| kept(m) == kept(&messages[0])), "one content for all");
    assert!(room.content(&kept(&messages[0])).ends_with(&plain("many", "x")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_counts_once_for_each_desk_however_often_it_names_it() {
    let room = Room::gateway("quota = 2", "").await;
    let mut talker = room.call().await;
    talker.say("EHLO client.example", 250).await;
    let one = ["operator@moscow", "OPERATOR@moscow", "postmaster@moscow"];
    assert!(talker.mail("alice@example.org", &one, &plain("a", "x")).await.starts_with("250"));
    let messages = room.messages();
    assert_eq!(messages.len(), 1, "one mail for one desk");
    let two = talker.mail("alice@example.org", &["operator@moscow", "chairman@moscow"], &plain("b", "x")).await;
    assert!(two.starts_with("450 4.7.1 not now: 2 mails an hour, counted for each desk"), "{two}");
    assert!(talker.mail("alice@example.org", &["chairman@moscow"], &plain("c", "x")).await.starts_with("250"));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_desks_than_a_strangers_quota_come_in_another_mail_and_a_user_writes_to_all() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("users.toml");
    Users::at(&file).put("anna", "secret", None).unwrap();
    let keys = format!("quota = 2\nusers = \"{}\"\n[desk.third]\n[[route]]\nto = \"*@mail\"\nports = [\"post\"]", file.display());
    let room = Room::open(dir, "kind = \"gateway\"", &keys, "").await;
    let desks = ["operator@moscow", "OPERATOR@moscow", "chairman@moscow", "third@moscow"];
    let mut talker = room.call().await;
    talker.say("EHLO client.example", 250).await;
    talker.say("MAIL FROM:<alice@example.org>", 250).await;
    for (desk, code) in desks.into_iter().zip([250, 250, 250, 452]) {
        talker.say(&format!("RCPT TO:<{desk}>"), code).await;
    }
    talker.say("DATA", 354).await;
    talker.send(&[plain("a", "x"), b".\r\n".to_vec()].concat()).await;
    talker.hears(250).await;
    // The rest: his hour is not over, and it is not for ever.
    let rest = talker.mail("alice@example.org", &["third@moscow"], &plain("a", "x")).await;
    assert!(rest.starts_with("450 4.7.1 not now: 2 mails an hour"), "{rest}");
    let mut anna = room.call().await;
    anna.say("EHLO client.example", 250).await;
    let mut anna = anna.secure(None).await;
    anna.say("AUTH PLAIN AGFubmEAc2VjcmV0", 235).await;
    assert!(anna.mail("anna@example.org", &desks, &plain("b", "x")).await.starts_with("250"));
    assert_eq!(room.messages().len(), 2 + 3);
}

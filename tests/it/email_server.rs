//! The e-mail server of a station: what strangers, users and pinned stations bring, over real connections.

use crate::email_room::Room;
use molink::email::mime::{Domains, Outgoing, write};
use molink::line::ip::certs;
use molink::message::{AsCame, Class, Envelope, Message, Part, Precedence};
use std::path::Path;
use std::time::Duration;

const MAIL: &[u8] = b"From: Alice <alice@example.org>\r\nTo: chairman@moscow\r\nSubject: A map\r\nMessage-ID: <1@example.org>\r\n\
X-Priority: 1\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHere it is.\r\n.\r\n\r\n\
--b\r\nContent-Type: application/octet-stream; name=map.bin\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAwQ=\r\n--b--\r\n";

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
    assert!(
        came.starts_with("Return-Path: <alice@example.org>\r\nReceived: from client.example ([127.0.0.1])\r\n\tby moscow with ESMTP"),
        "{came}"
    );
    assert!(came.as_bytes().ends_with(MAIL));
    room.running.stop().await.unwrap();
}

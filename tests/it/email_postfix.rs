//! Deliveries to Postfix: text that tempts a mail server arrives byte for byte, whether it tolerates bare line ends or not.

use crate::email_client_tls::authority;
use crate::email_far::{Sender, message, text};
use crate::postfix::Postfix;
use molink::email::mime;
use molink::message::post::{AsCame, Post};
use molink::message::{Message, Part};
use molink::router::{Contents, Outcome};

/// Lines that a mail server may take for an end, a command or a header, and what is hard to carry.
fn tempting() -> String {
    let lines = [
        "",
        ".",
        "..",
        ".x",
        "From the begin",
        ">From",
        "QUIT",
        "DATA",
        "250 ok",
        "RSET",
        "--=_",
        "=3D=",
        "trailing ",
        "trailing\t",
        " ",
        "\t.",
        "é",
        "Линия проверена",
        "Subject: no",
        "=?utf-8?q?no?=",
        "end",
    ];
    let mut all = lines.join("\n");
    all += &format!("\n{}\n{}\n", "x".repeat(997), "я".repeat(3_000));
    all += "a bare\rCR, \r\r two, \r\n both\n.\n";
    all
}

/// Bytes of every kind and every neighbourhood of CR, LF and dot.
fn bytes() -> Vec<u8> {
    let mut all: Vec<u8> = (0..=255).collect();
    for end in ["\r\n.\r\n", "\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r\n.\r", "\r\r\n.\r\r\n", "\n\n..\n"] {
        all.extend_from_slice(end.as_bytes());
        all.extend_from_slice(b"MAIL FROM:<smuggled@example.org>\r\n");
    }
    all
}

/// As it stood in the file of the message.
fn read(mail: &[u8]) -> (String, Vec<Vec<u8>>) {
    let read = mime::read(mail);
    (read.text(), read.files().map(|f| f.bytes()).collect())
}

fn delivered(outcome: &Outcome) {
    assert!(
        matches!(outcome, Outcome::Delivered(r) if r.station.as_str() == "mail-server" && r.text.starts_with("250 2.0.0 Ok: queued as")),
        "{outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "peer: run through tests/run"]
async fn text_and_files_arrive_byte_for_byte_with_bare_line_ends_forbidden_and_not() {
    for forbid in ["yes", "no"] {
        let postfix = Postfix::start(&[("smtpd_forbid_bare_newline", forbid), ("smtpd_forbid_unauth_pipelining", "yes")]);
        let keys = format!("kind = \"gateway\"\npeople = {{ alice = \"alice@example.org\" }}\nline = {{ smtp = \"{}\" }}", postfix.address);
        let mut sender = Sender::start(&keys);
        let contents = Contents::in_folder(sender.dir.path().join("content"));
        let file = |name: &str, bytes: &[u8]| Part::File(contents.keep(name, "application/octet-stream", bytes).unwrap());
        let (long, raw) = (bytes().repeat(5_000), bytes());
        let sent: Vec<Message> = [
            text("plain"),
            text(&tempting()),
            vec![Part::Text { text: tempting() }, file("bytes.bin", &raw)],
            vec![file("Карта 1963.bin", &long)],
            text(""),
        ]
        .into_iter()
        .zip(1..)
        .map(|(content, n)| message(n, "alice@mail", content))
        .collect();
        for m in &sent {
            delivered(&sender.send(m).await);
        }
        sender.stop().await;
        let mails = postfix.wait_mails("alice", sent.len());
        let far = Contents::in_folder(sender.dir.path().join("far"));
        let mut came: Vec<Message> = mails
            .iter()
            .map(|mail| mime::read(mail).message(|f| far.keep(&f.blob.name, &f.blob.media_type, &f.bytes())).unwrap().unwrap())
            .collect();
        came.sort_by(|a, b| a.identity.cmp(&b.identity));
        for (came, sent) in came.iter().zip(&sent) {
            assert_eq!(came.content, sent.content, "smtpd_forbid_bare_newline = {forbid}: {}", sent.identity);
        }
        assert_eq!(came.len(), sent.len());
        let log = postfix.log();
        assert!(!log.contains("smuggled@example.org") && !log.contains("improper command pipelining") && !log.contains("bare"), "{log}");
        let version = postfix.command("postconf", &["-h", "mail_version"]);
        println!(
            "Postfix {} with smtpd_forbid_bare_newline = {forbid}: {} mails, {} octets of the longest file, all as sent",
            version.trim(),
            came.len(),
            long.len()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "peer: run through tests/run"]
async fn a_mail_in_transit_with_bare_line_ends_is_mended_and_nothing_in_it_is_a_command() {
    let smuggling = "From: bob@example.net\nSubject: x\n\nfirst\n.\nMAIL FROM:<a@b>\r\rsecond\r\n.\rthird\n";
    for forbid in ["yes", "no"] {
        let postfix = Postfix::start(&[("smtpd_forbid_bare_newline", forbid)]);
        let keys = format!("kind = \"gateway\"\npeople = {{ alice = \"alice@example.org\" }}\nline = {{ smtp = \"{}\" }}", postfix.address);
        let mut sender = Sender::start(&keys);
        let mut m = message(1, "alice@mail", text("x"));
        let mail = Some(AsCame::Short(smuggling.into()));
        m.envelope.post = Some(Box::new(Post { reverse_path: "bob@example.net".into(), mail, ..Post::default() }));
        delivered(&sender.send(&m).await);
        sender.stop().await;
        let mails = postfix.wait_mails("alice", 1);
        assert_eq!(mails.len(), 1, "one mail, and no second one out of it");
        let (body, _) = read(&mails[0]);
        assert_eq!(body, "first\n.\nMAIL FROM:<a@b>\n\nsecond\n.\nthird", "forbid = {forbid}");
        assert!(String::from_utf8_lossy(&mails[0]).starts_with("Return-Path: <bob@example.net>"));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "peer: run through tests/run"]
async fn a_far_end_that_knows_no_such_address_refuses_and_one_that_is_full_defers() {
    let rules = "check_recipient_access texthash:DIR/access, permit_mynetworks, reject";
    let settings = [("smtpd_recipient_restrictions", rules), ("message_size_limit", "20000")];
    let access = "dave@example.org REJECT\ncarol@example.org DEFER busy\n";
    let postfix = Postfix::start_with(&settings, |dir| std::fs::write(dir.join("access"), access).unwrap());
    let people = "people = { alice = \"alice@example.org\", nobody = \"dave@example.org\", full = \"carol@example.org\" }";
    let mut sender = Sender::start(&format!("kind = \"gateway\"\n{people}\nline = {{ smtp = \"{}\" }}", postfix.address));
    assert!(matches!(sender.send(&message(1, "nobody@mail", text("x"))).await, Outcome::Refused(r) if r.text.contains("554 5.7.1")));
    let full = sender.send(&message(2, "full@mail", text("x"))).await;
    assert!(matches!(&full, Outcome::Deferred(r) if r.text.contains("450 4.7.1")), "{full:?}");
    let large = sender.send(&message(3, "alice@mail", text(&"a line\n".repeat(4_000)))).await;
    assert!(matches!(&large, Outcome::Refused(r) if r.text.contains("takes messages of 20000 octets at the most")), "{large:?}");
    delivered(&sender.send(&message(4, "alice@mail", text("x"))).await);
    assert_eq!(postfix.wait_mails("alice", 1).len(), 1, "all on one connection, and only the last is there");
    let log = postfix.log();
    assert_eq!(
        log.matches("connect from").count() - log.matches("disconnect from").count(),
        1 + log.matches("lost connection").count(),
        "{log}"
    );
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "peer: run through tests/run"]
async fn under_tls_to_a_postfix_that_its_authority_vouches_for_and_to_no_other() {
    for (name, protocols, taken) in
        [("localhost", "TLSv1.3", true), ("localhost", "TLSv1.2", true), ("elsewhere.example", "TLSv1.3", false)]
    {
        let postfix = Postfix::start_with(
            &[
                ("smtpd_tls_security_level", "encrypt"),
                ("smtpd_tls_cert_file", "DIR/crt"),
                ("smtpd_tls_key_file", "DIR/key"),
                ("smtpd_tls_mandatory_protocols", protocols),
                ("smtpd_tls_received_header", "yes"),
            ],
            |dir| {
                let [root, crt, key] = authority(&[name], 2090);
                for (file, pem) in [("root", root), ("crt", crt), ("key", key)] {
                    std::fs::write(dir.join(file), pem).unwrap();
                }
            },
        );
        // The name that is asked for is that of the address: a relay in between gives it one.
        let relay = crate::email_relay::Relay::on("127.0.0.1:0", &postfix.address);
        let port = relay.address.rsplit_once(':').unwrap().1;
        let keys = format!(
            "kind = \"gateway\"\npeople = {{ alice = \"alice@example.org\" }}\nline = {{ smtp = \"localhost:{port}\", authority = \"{}\" }}",
            postfix.dir().join("root").display()
        );
        let mut sender = Sender::start(&keys);
        let outcome = sender.send(&message(1, "alice@mail", text("x"))).await;
        sender.stop().await;
        if taken {
            delivered(&outcome);
            let mail = String::from_utf8(postfix.wait_mails("alice", 1).remove(0)).unwrap();
            assert!(mail.contains(&format!("(using {protocols} with cipher")), "{mail}");
        } else {
            assert!(matches!(&outcome, Outcome::Deferred(r) if r.text.contains("not for `localhost`")), "{outcome:?}");
            assert!(!postfix.log().contains("client="), "no message was begun: {}", postfix.log());
        }
    }
}

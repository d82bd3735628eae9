//! The tests of reading and writing mails: what a message becomes as MIME and back, and what strangers send.

use super::*;
use crate::message::{Blob, Class, Envelope, Message, Part, Precedence};
use std::collections::BTreeMap;

fn hash(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

#[derive(Default)]
struct Kept(BTreeMap<String, Vec<u8>>);

impl Kept {
    fn blob(&mut self, name: &str, media_type: &str, bytes: &[u8]) -> Blob {
        let sha256 = hash(bytes);
        self.0.insert(sha256.clone(), bytes.to_vec());
        Blob { sha256, name: name.into(), media_type: media_type.into(), size: bytes.len() as u64 }
    }
    fn mail(&self, message: &Message) -> Vec<u8> {
        let mut out = vec![];
        let mut open = |b: &Blob| Ok(Box::new(std::io::Cursor::new(self.0[&b.sha256].clone())) as Box<dyn std::io::Read>);
        write(Outgoing { message, domains: &Domains::default(), on_top: "", forms: &[] }, &mut open, &mut out).unwrap();
        out
    }
}

fn sample(subject: &str, content: Vec<Part>) -> Message {
    let envelope = Envelope {
        from: "chairman@washington".parse().unwrap(),
        to: "chairman@moscow".parse().unwrap(),
        precedence: Precedence::Flash,
        class: Class::Service,
        subject: subject.into(),
        via: ["london", "helsinki"].map(|n| n.parse().unwrap()).to_vec(),
        post: None,
    };
    Message { identity: "WASHINGTON-0001-20161031T1200Z".parse().unwrap(), envelope, content }
}

fn text(text: &str) -> Part {
    Part::Text { text: text.into() }
}

fn back(mail: &[u8]) -> Message {
    let read = read(mail);
    assert_eq!(read.notes, Vec::<String>::new(), "{}", String::from_utf8_lossy(mail));
    read.message(|file| {
        assert_eq!(hash(&file.bytes()), file.blob.sha256);
        Ok::<Blob, ()>(file.blob.clone())
    })
    .expect("ours")
    .unwrap()
}

#[test]
fn a_message_of_every_kind_comes_back_exactly() {
    let mut kept = Kept::default();
    let long = "очень длинный текст ".repeat(400);
    let texts = [
        "",
        "A",
        "A\n",
        "\n",
        "\n\nA\n\n",
        "LINE 1\nLINE 2",
        "trailing \nspace ",
        "=3D =?utf-8?q?x?=",
        "ПРИВЕТ\nМИР",
        "a\rb\r\nc\0\u{7}",
        "From me\n.\n..",
        "--=_WASHINGTON-0001-20161031T1200Z\nx",
        "-- \nme",
        &long,
        "mostly ascii, é",
        "begin 644 x\n#0V%T\n`\nend\n",
    ];
    let picture = kept.blob("Карта «район» №5.png", "image/png", &(0..=255).cycle().take(3_001).collect::<Vec<u8>>());
    let empty = kept.blob("empty.bin", "application/octet-stream", b"");
    let koi = kept.blob("письмо.txt", "text/plain; charset=koi8-r", b"\xf0\r\n\n\xd2\0\r");
    let inner = kept.blob("forwarded; \"quoted\", (name).eml", "message/rfc822", b"Subject: x\n\nFrom here\n.\n");
    let mut all: Vec<Vec<Part>> = texts.iter().map(|t| vec![text(t)]).collect();
    all.push(vec![]);
    all.extend(texts.iter().map(|t| vec![text(t), Part::Page(picture.clone()), text(t)]));
    all.push(vec![Part::File(picture.clone())]);
    all.push(vec![Part::Page(koi.clone()), Part::File(empty), Part::File(inner), Part::File(koi)]);
    for content in all {
        for subject in [
            "",
            "TEST",
            "Испытание связи",
            &"Очень длинная тема ".repeat(20),
            "a  b",
            " lead and trail ",
            "=?utf-8?q?x?=",
            &"long ".repeat(60),
            "tab and é",
        ] {
            let message = sample(subject, content.clone());
            let mail = kept.mail(&message);
            assert!(mail.is_ascii() && mail.split(|b| *b == b'\n').all(|l| l.len() <= 79), "{}", String::from_utf8_lossy(&mail));
            assert!(!mail.windows(2).any(|w| w[1] == b'\n' && w[0] != b'\r' || w[0] == b'\r' && w[1] != b'\n'), "bare CR or LF");
            assert_eq!(back(&mail), message, "{}", String::from_utf8_lossy(&mail));
            assert_eq!(kept.mail(&message), mail);
            let in_maildir = String::from_utf8(mail).unwrap().replace("\r\n", "\n");
            assert_eq!(back(in_maildir.as_bytes()), message);
        }
    }
}

#[test]
fn every_precedence_class_and_domain_comes_back() {
    let domains = Domains::default().with("moscow".parse().unwrap(), "nrrc.example.ru");
    for precedence in Precedence::ALL {
        let mut message = sample("x", vec![text("x")]);
        (message.envelope.precedence, message.envelope.class, message.envelope.via) = (precedence, Class::Message, vec![]);
        let mut mail = vec![];
        let on_top = "Received: from a\r\n\tby b; Mon, 31 Oct 2016 12:00:00 +0000\r\n";
        write(Outgoing { message: &message, domains: &domains, on_top, forms: &[] }, &mut |_| unreachable!(), &mut mail).unwrap();
        assert!(String::from_utf8_lossy(&mail).contains("To: chairman@nrrc.example.ru\r\n"));
        assert!(String::from_utf8_lossy(&mail).contains("Date: Mon, 31 Oct 2016 12:00:00 +0000\r\n"));
        assert_eq!(back(&mail), message);
        let heading = read(&mail).heading;
        assert_eq!((heading.hops, heading.date), (1, Some(message.identity.dtg.utc())));
        assert_eq!(heading.message_id.as_deref(), Some("WASHINGTON-0001-20161031T1200Z@washington"));
    }
}

#[test]
fn a_file_that_is_not_as_the_journal_says_stops_the_mail() {
    let mut kept = Kept::default();
    let blob = kept.blob("map.png", "image/png", b"12345");
    for bytes in [&b"1234"[..], b"123456"] {
        let message = sample("", vec![Part::File(blob.clone())]);
        let mut open = |_: &Blob| Ok(Box::new(bytes) as Box<dyn std::io::Read>);
        let why = write(Outgoing { message: &message, domains: &Domains::default(), on_top: "", forms: &[] }, &mut open, &mut vec![])
            .unwrap_err();
        assert!(why.to_string().contains("`map.png` has"), "{why}");
    }
    let message = sample("", vec![Part::File(blob)]);
    let mut none = |_: &Blob| Err(std::io::Error::new(std::io::ErrorKind::NotFound, "not there"));
    let why =
        write(Outgoing { message: &message, domains: &Domains::default(), on_top: "", forms: &[] }, &mut none, &mut vec![]).unwrap_err();
    assert_eq!(why.to_string(), "`map.png`: not there");
}

#[test]
fn a_file_changed_on_the_way_is_said() {
    let mut kept = Kept::default();
    let blob = kept.blob("map.png", "image/png", &[0; 100]);
    let mail = String::from_utf8(kept.mail(&sample("", vec![Part::Page(blob)]))).unwrap().replacen("AAAA", "AAAB", 1);
    assert_eq!(read(mail.as_bytes()).notes, ["`map.png` was changed on the way: its SHA-256 is not the one it was sent with"]);
}

#[test]
fn multiparts_500_deep_are_read_to_a_bound_and_nothing_is_lost() {
    let mut mail = String::from("Subject: deep\r\n");
    for n in 0..500 {
        mail += &format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n");
    }
    mail += "Content-Type: text/plain\r\n\r\nat the bottom\r\n";
    for n in (0..500).rev() {
        mail += &format!("--b{n}--\r\n");
    }
    let found = read(mail.as_bytes());
    assert!(found.notes.iter().any(|n| n.contains("100 deep")), "{:?}", found.notes);
    let all: Vec<u8> = found.files().flat_map(|f| f.bytes()).collect();
    assert!(String::from_utf8_lossy(&all).contains("at the bottom"));
}

#[test]
fn a_mail_of_too_many_parts_is_attached_as_it_came() {
    let mail = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--\r\n", "--b\r\n\r\nx\r\n".repeat(MOST_PARTS + 5));
    let found = read(mail.as_bytes());
    assert_eq!(found.pieces.len(), MOST_PARTS + 1);
    assert_eq!(found.files().next().unwrap().bytes(), mail.as_bytes());
}

#[test]
fn hostile_mails_cost_no_more_than_their_length() {
    let piece = |s: &str| s.repeat((1 << 20) / s.len());
    for (head, body) in [
        ("Content-Type: multipart/mixed; boundary=b", piece("--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n")),
        ("Content-Type: multipart/mixed; boundary=b", piece("--")),
        ("Content-Type: multipart/mixed; boundary=b", piece("--b\r\n")),
        ("Content-Type: message/rfc822", piece("Content-Type: message/rfc822\r\n\r\n")),
        ("Content-Transfer-Encoding: base64", piece("=")),
        ("Content-Transfer-Encoding: quoted-printable", piece("= \t")),
        ("Content-Type: text/html", piece("<a href=http://x.example>")),
        (&piece("To: (((((((,<<<<@\r\n"), String::new()),
        (&format!("Subject: {}", piece("=?utf-8?b?")), String::new()),
        (&format!("Content-Type: text/plain; {}", piece("a*0*=;")), String::new()),
        (&piece("Received: from x by (((\r\n "), String::new()),
        ("A: b", piece("\0")),
        ("A: b", piece("begin 644 x\n")),
    ] {
        let mail = format!("{head}\r\n\r\n{body}");
        let found = read(mail.as_bytes());
        assert!(found.notes.len() <= MOST_NOTES && found.pieces.len() <= MOST_PARTS + 1, "{}", &mail[..60]);
    }
}

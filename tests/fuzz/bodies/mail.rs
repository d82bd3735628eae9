//! Mails: bytes as they are, multiparts that the bytes build, messages written and read back, HTML, notices.
//!
//! The first byte says which; the rest is read by it. Held to: no panic; names are safe, sizes and hashes true, texts without control
//! characters, notes and pieces bounded; a message that was written comes back exactly.

use super::Bytes;
use molink::email::mime::{self, Domains, MOST_NOTES, MOST_PARTS, Outgoing, Piece};
use molink::email::{loops, notice};
use molink::message::{Blob, Class, Envelope, Message, Part, Precedence};

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    match bytes.byte() % 8 {
        0..=2 => held(bytes.rest()),
        3..=5 => held(&built(&mut bytes)),
        6 => comes_back(&mut bytes),
        _ => html(&String::from_utf8_lossy(bytes.rest())),
    }
}

fn held(mail: &[u8]) {
    let found = mime::read(mail);
    assert!(found.notes.len() <= MOST_NOTES && found.notes.iter().all(|n| n.len() < 600 && !n.contains('\n')), "{:?}", found.notes);
    assert!(found.pieces.len() <= MOST_PARTS * 101 + 1);
    let ours = found.heading.identity.is_some();
    for piece in &found.pieces {
        match piece {
            Piece::Text(text) => {
                assert!(ours || text.chars().all(|c| matches!(c, '\n' | '\t') || !c.is_control()), "{text:?}");
                assert!(text.len() <= 4 * mail.len() + mime::LONGEST_TEXT);
            }
            Piece::File(file) => {
                let bytes = file.bytes();
                assert_eq!(bytes.len() as u64, file.blob.size);
                assert_eq!(mime::safe(&file.blob.name).as_deref(), Some(file.blob.name.as_str()));
            }
        }
    }
    assert!(!found.heading.subject.chars().any(char::is_control) && found.heading.to.len() <= 100);
    let _ = loops::round(&found.heading, &"moscow".parse().expect("a name"));
    if let Some(report) = notice::read(mail) {
        assert!(!report.fates.is_empty() && report.fates.len() <= 1_000);
        assert!(report.fates.iter().all(|f| !f.status.is_empty() && f.said.len() <= 8_000));
    }
}

/// A mail of lines that mean something to a reader, in an order that the bytes choose.
fn built(bytes: &mut Bytes) -> Vec<u8> {
    const LINES: [&str; 40] = [
        "",
        "",
        "--a",
        "--b",
        "--a--",
        "--b--",
        "Content-Type: multipart/mixed; boundary=a",
        "Content-Type: multipart/mixed; boundary=b",
        "Content-Type: multipart/alternative; boundary=a",
        "Content-Type: multipart/alternative; boundary=\"b\"",
        "Content-Type: multipart/digest; boundary=a",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
        "Content-Type: message/delivery-status",
        "Content-Type: message/rfc822",
        "Content-Type: text/html; charset=koi8-r",
        "Content-Type: text/plain; format=flowed; delsp=yes; charset=utf-7",
        "Content-Type: text/plain; charset=iso-2022-jp; name*=utf-8''%2e%2e/x",
        "Content-Disposition: attachment; filename=\"../x\"",
        "Content-Transfer-Encoding: base64",
        "Content-Transfer-Encoding: quoted-printable",
        "Content-Transfer-Encoding: x-uuencode",
        "Molink-Identity: MOSCOW-0001-20161031T1200Z",
        "Molink-Part: text",
        "Molink-Part: page; sha256=00; type=6161",
        "Molink-From: a@b",
        "Molink-To: c@d",
        "Subject: =?utf-8?b?0J/RgA==?= =?koi8-r?q?=F0?=",
        "From: \"x\" <a@b>, c@d (e)",
        "Final-Recipient: rfc822; a@b",
        "Action: failed",
        "Status: 5.1.1",
        "X-Failed-Recipients: a@b",
        "begin 644 x",
        "#0V%T",
        "end",
        "<p>a<br>b<a href=http://x>c</a>",
        "=?=3D= ",
        "VGhlIGVuZA==",
        "> quoted ",
        "-- ",
    ];
    let mut mail = vec![];
    for _ in 0..bytes.below(60) {
        match bytes.byte() % 8 {
            0 => {
                let length = bytes.below(40);
                mail.extend_from_slice(bytes.take(length));
            }
            _ => mail.extend_from_slice(bytes.of(&LINES).as_bytes()),
        }
        mail.extend_from_slice(if bytes.byte().is_multiple_of(8) { b"\n" } else { b"\r\n" });
    }
    mail
}

/// Text of the bytes that a text of a message may have.
fn text(bytes: &mut Bytes) -> String {
    let length = usize::from(bytes.byte());
    String::from_utf8_lossy(bytes.take(length)).into_owned()
}

fn comes_back(bytes: &mut Bytes) {
    let files: Vec<Vec<u8>> = (0..3).map(|_| text(bytes).into_bytes()).collect();
    let names = ["a.bin", "Карта района №5, «север».png", "quote\" and; semicolon.txt"];
    let kinds = ["image/png", "text/plain; charset=koi8-r", "message/rfc822"];
    let blob = |n: usize| {
        let sha256 = {
            use sha2_of::digest;
            digest(&files[n])
        };
        Blob { sha256, name: names[n].into(), media_type: kinds[n].into(), size: files[n].len() as u64 }
    };
    let content: Vec<Part> = (0..bytes.below(4))
        .map(|n| match bytes.byte() % 4 {
            0 => Part::Page(blob(n % 3)),
            1 => Part::File(blob(n % 3)),
            _ => Part::Text { text: text(bytes) },
        })
        .collect();
    let subject: String = text(bytes).chars().filter(|c| !c.is_control()).collect();
    let envelope = Envelope {
        from: "chairman@washington".parse().expect("an address"),
        to: "chairman@moscow".parse().expect("an address"),
        precedence: *bytes.of(&Precedence::ALL),
        class: *bytes.of(&Class::ALL),
        subject,
        via: if bytes.bit() { vec!["london".parse().expect("a name")] } else { vec![] },
        post: None,
    };
    let message = Message { identity: "WASHINGTON-0001-20161031T1200Z".parse().expect("an identity"), envelope, content };
    let mut mail = vec![];
    let mut open = |b: &Blob| {
        let n = names.iter().position(|name| *name == b.name).expect("one of them");
        Ok(Box::new(std::io::Cursor::new(files[n].clone())) as Box<dyn std::io::Read>)
    };
    mime::write(Outgoing { message: &message, domains: &Domains::default(), on_top: "", forms: &[] }, &mut open, &mut mail)
        .expect("memory takes it");
    assert!(mail.is_ascii() && mail.split(|b| *b == b'\n').all(|l| l.len() <= 79));
    let back = mime::read(&mail).message(|f| Ok::<Blob, ()>(f.blob.clone())).expect("ours").expect("kept");
    assert_eq!(back, message, "{}", String::from_utf8_lossy(&mail));
}

fn html(source: &str) {
    let text = mime::to_text(source);
    assert!(text.len() <= mime::LONGEST_TEXT.max(4 * source.len() + 100), "{} of {}", text.len(), source.len());
}

/// The hash of bytes, as the reader of mails finds it (the fuzz crate has no other way to it).
mod sha2_of {
    use molink::email::mime::{Piece, read};

    pub fn digest(bytes: &[u8]) -> String {
        let mail = [&b"Content-Type: application/octet-stream\r\n\r\n"[..], bytes].concat();
        match &read(&mail).pieces[0] {
            Piece::File(file) => file.blob.sha256.clone(),
            Piece::Text(_) => unreachable!("it is a file"),
        }
    }
}

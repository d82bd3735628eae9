//! Our mails in other people's hands, and theirs in ours: Python's `email` and `mailbox`, mutt in tmux, notmuch.

use crate::support::peer;
use crate::tty::Tmux;
use molink::email::backend_maildir::{Filed, Key, Maildir};
use molink::email::mime::{self, Domains, Outgoing};
use molink::email::notice::{self, Action, Notice, Told};
use molink::email::smtp::envelope::{Envelope as Outside, Recipient, Return};
use molink::message::{Blob, Class, Envelope, Message, Part, Precedence};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The bytes of the files of these tests, by their names.
const FILES: [(&str, &str); 3] =
    [("Карта района №5.png", "image/png"), ("a.bin", "application/octet-stream"), ("quotes \"and\"; semicolon.pdf", "application/pdf")];

fn bytes(n: usize) -> Vec<u8> {
    (0..(n * 50_000 + 3)).map(|i| (i * 31 + i / 256) as u8).collect()
}

fn blob(n: usize) -> Blob {
    let body = bytes(n);
    let mail = [b"Content-Type: application/octet-stream\r\n\r\n", &body[..]].concat();
    let sha256 = mime::read(&mail).files().next().unwrap().blob.sha256.clone();
    Blob { sha256, name: FILES[n].0.into(), media_type: FILES[n].1.into(), size: body.len() as u64 }
}

fn messages() -> Vec<Message> {
    let text = |t: &str| Part::Text { text: t.into() };
    let contents = [
        vec![text("Проверка связи.\nFrom here on\n.\n\n=3D  \nконец")],
        vec![text("PLAIN WORDS\n\n-- \nDUTY OFFICER")],
        vec![text("Смотри вложения."), Part::Page(blob(0)), Part::File(blob(1)), text("и ещё"), Part::Page(blob(2))],
        vec![],
        vec![Part::File(blob(2))],
    ];
    let subjects =
        ["Проверка связи: очень длинная тема, которая не помещается в одну строку заголовка", "TEST", "", "a  b ", "=?utf-8?q?x?="];
    let message = |(n, content): (usize, Vec<Part>)| Message {
        identity: format!("WASHINGTON-{:04}-20161031T1200Z", n + 1).parse().unwrap(),
        envelope: Envelope {
            from: "president@washington".parse().unwrap(),
            to: "chairman@moscow".parse().unwrap(),
            precedence: Precedence::ALL[n],
            class: Class::Message,
            subject: subjects[n].into(),
            via: vec![],
            post: None,
        },
        content,
    };
    contents.into_iter().enumerate().map(message).collect()
}

fn write(message: &Message, to: &mut dyn std::io::Write) -> std::io::Result<()> {
    let mut open = |b: &Blob| {
        let n = FILES.iter().position(|f| f.0 == b.name).unwrap();
        Ok(Box::new(std::io::Cursor::new(bytes(n))) as Box<dyn std::io::Read>)
    };
    let on_top = "Return-Path: <president@washington>\r\nReceived: from washington ([192.0.2.1])\r\n\tby moscow with ESMTPS id x;\r\n\tMon, 31 Oct 2016 12:00:01 +0000\r\n";
    mime::write(Outgoing { message, domains: &Domains::default(), on_top, forms: &[] }, &mut open, to)
}

/// A desk's Maildir with the messages in it.
struct Desk {
    folder: tempfile::TempDir,
    messages: Vec<Message>,
}

impl Desk {
    fn new() -> Desk {
        let desk = Desk { folder: tempfile::tempdir().unwrap(), messages: messages() };
        let maildir = Maildir::open(desk.maildir(), desk.folder.path().join("filed"), "moscow").unwrap();
        for message in desk.messages.iter().chain(&desk.messages) {
            let at = message.identity.dtg.utc();
            maildir.file(&Key::of(&message.identity), at, &mut |to| write(message, to)).unwrap();
        }
        assert_eq!(
            maildir.file(&Key::of(&desk.messages[0].identity), molink::time::Utc(0), &mut |_| unreachable!()).unwrap(),
            Filed::Before
        );
        desk
    }
    fn maildir(&self) -> PathBuf {
        self.folder.path().join("mail/chairman")
    }
}

fn python(script: &str, arguments: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script);
    let done = Command::new(peer("python3", "python3")).arg(script).args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[test]
#[ignore = "peer: run through tests/run"]
fn python_reads_every_mail_of_a_desk_back() {
    let desk = Desk::new();
    let found = json(&python("mail_read.py", &["maildir", desk.maildir().to_str().unwrap()]));
    let found = found.as_array().unwrap();
    assert_eq!(found.len(), desk.messages.len());
    for message in &desk.messages {
        let id = message.identity.to_string();
        let mail = found.iter().find(|m| m["Molink-Identity"] == id.as_str()).unwrap();
        assert_eq!(mail["defects"], json("[]"), "{id}");
        assert_eq!(
            [&mail["Subject"], &mail["From"], &mail["To"]],
            [message.envelope.subject.as_str(), "president@washington", "chairman@moscow"]
        );
        let (mut texts, mut files) = (vec![], vec![]);
        for part in &message.content {
            match part {
                Part::Text { text } => texts.push(text.clone()),
                Part::Page(b) | Part::File(b) => files.push(serde_json::json!([b.name, b.media_type, b.size, b.sha256])),
            }
        }
        let read =
            mail["texts"].as_array().unwrap().iter().map(|t| t.as_str().unwrap().replace("\r\n", "\n").trim_end_matches('\n').to_owned());
        let read: Vec<String> = if message.content.is_empty() { vec![] } else { read.collect() };
        assert_eq!(read, texts, "{id}");
        assert_eq!(mail["files"].as_array().unwrap(), &files, "{id}");
    }
    println!(
        "python: {} mails, {} files, hashes the same",
        found.len(),
        found.iter().map(|m| m["files"].as_array().unwrap().len()).sum::<usize>()
    );
}

#[test]
#[ignore = "peer: run through tests/run"]
fn what_python_writes_is_read_with_its_names_and_hashes() {
    let folder = tempfile::tempdir().unwrap();
    python("mail_write.py", &[folder.path().to_str().unwrap()]);
    let mut read = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "eml") {
            continue;
        }
        let expected = json(&std::fs::read_to_string(path.with_extension("json")).unwrap());
        let bytes = std::fs::read(&path).unwrap();
        let mail = mime::read(&bytes);
        let shown = path.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(mail.notes, Vec::<String>::new(), "{shown}");
        assert_eq!(mail.heading.subject.trim(), expected["subject"].as_str().unwrap(), "{shown}");
        assert_eq!(mail.text(), expected["text"].as_str().unwrap(), "{shown}");
        let files: Vec<_> = mail.files().collect();
        let wanted = expected["files"].as_array().unwrap();
        assert_eq!(files.len(), wanted.len(), "{shown}");
        for (file, wanted) in files.iter().zip(wanted) {
            assert_eq!(file.blob.name, wanted[0].as_str().unwrap().trim(), "{shown}");
            if let (Some(size), Some(hash)) = (wanted[1].as_u64(), wanted[2].as_str()) {
                assert_eq!((file.blob.size, file.blob.sha256.as_str()), (size, hash), "{shown}");
            }
        }
        read += 1;
    }
    assert!(read >= 12, "{read}");
    println!("python: {read} mails read");
}

#[test]
#[ignore = "peer: run through tests/run"]
fn python_understands_our_notices() {
    let message = messages().remove(0);
    let mut original = vec![];
    write(&message, &mut original).unwrap();
    let envelope = Outside {
        from: "president@washington".into(),
        ret: Some(Return::Full),
        envid: Some(message.identity.to_string()),
        ..Outside::default()
    };
    let mut told = Told {
        recipient: Recipient { original: Some("boss@moscow".into()), ..Recipient::new("chairman@moscow") },
        action: Action::Failed,
        status: "5.1.1".into(),
        why: "Нет такого стола.".into(),
        answer: Some(("mx.moscow".into(), "550 5.1.1 no such desk".into())),
        until: None,
    };
    let first = told.clone();
    (told.recipient, told.answer, told.status) = (Recipient::new("duty@moscow"), None, "5.2.3".into());
    let at = message.identity.dtg.utc();
    let told = [first, told];
    let notice = Notice { host: "moscow", id: "n1@moscow", at, envelope: &envelope, original: &original, arrived: Some(at), told: &told };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notice.eml");
    std::fs::write(&file, notice::write(&notice).unwrap().mail).unwrap();
    let found = json(&python("mail_read.py", &["mail", file.to_str().unwrap()]));
    assert_eq!(found["defects"], json("[]"));
    assert!(found["texts"][0].as_str().unwrap().contains("Нет такого стола."), "{found}");
    let reports = found["reports"].as_array().unwrap();
    assert_eq!(reports[0]["Original-Envelope-Id"], message.identity.to_string());
    assert_eq!(reports[1]["Final-Recipient"], "rfc822; chairman@moscow");
    assert_eq!([&reports[1]["Action"], &reports[1]["Status"], &reports[2]["Status"]], ["failed", "5.1.1", "5.2.3"]);
}

#[test]
#[ignore = "peer: run through tests/run"]
fn mutt_lists_and_opens_the_mails_of_a_desk() {
    let desk = Desk::new();
    let rc = desk.folder.path().join("muttrc");
    std::fs::write(
        &rc,
        "set charset=utf-8\nset folder=\"\"\nset record=\"\"\nset sort=subject\nset wait_key=no\nignore *\nunignore from subject date\nset index_format=\"%4C %Z %s\"\n",
    )
    .unwrap();
    let tmux = Tmux { socket: desk.folder.path().join("tmux").display().to_string() };
    tmux.run(&["-u", "new-session", "-d", "-s", "desk", "-x", "100", "-y", "30", "sh"]);
    peer("mutt", "mutt");
    tmux.keys(&["-l", &format!("LC_ALL=C.UTF-8 TERM=screen mutt -n -F {} -R -f {}", rc.display(), desk.maildir().display())]);
    tmux.keys(&["Enter"]);
    let list = tmux.shows("Проверка связи: очень");
    assert!(list.contains("TEST") && list.contains("=?utf-8?q?x?="), "{list}");
    tmux.keys(&["-l", "/"]);
    tmux.keys(&["-l", "Проверка"]);
    tmux.keys(&["Enter", "Enter"]);
    let opened = tmux.shows("конец");
    assert!(opened.contains("From here on") && opened.contains("=3D") && !opened.contains("^M"), "{opened}");
    tmux.keys(&["-l", "q"]);
    // The third message, the one with attachments, is the one whose subject is empty.
    tmux.keys(&["-l", "l~b вложения"]);
    tmux.keys(&["Enter", "Enter"]);
    tmux.shows("Смотри вложения.");
    tmux.keys(&["-l", "v"]);
    let parts = tmux.shows("Карта района №5.png");
    assert!(parts.contains("a.bin") && parts.contains("image/png"), "{parts}");
    tmux.keys(&["-l", "qqx"]);
}

#[test]
#[ignore = "peer: run through tests/run"]
fn notmuch_finds_mails_by_their_words_and_gives_the_files_back() {
    let desk = Desk::new();
    let config = desk.folder.path().join("config");
    std::fs::write(
        &config,
        format!("[database]\npath={}\n[user]\nname=x\nprimary_email=chairman@moscow\n", desk.folder.path().join("mail").display()),
    )
    .unwrap();
    let notmuch = |arguments: &[&str]| {
        let done = Command::new(peer("notmuch", "notmuch")).env("NOTMUCH_CONFIG", &config).args(arguments).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    };
    let said = String::from_utf8(notmuch(&["new"])).unwrap();
    assert!(said.contains(&format!("Added {} new messages", desk.messages.len())), "{said}");
    let found = String::from_utf8(notmuch(&["search", "--output=messages", "вложения"])).unwrap();
    assert_eq!(found.trim(), "id:WASHINGTON-0003-20161031T1200Z@washington");
    for (part, n) in [(3, 0), (4, 1), (6, 2)] {
        assert_eq!(notmuch(&["show", "--format=raw", &format!("--part={part}"), found.trim()]), bytes(n), "part {part}");
    }
}

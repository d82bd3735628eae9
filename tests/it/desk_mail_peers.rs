//! The mail at a desk of a running station, in other people's hands: mutt in tmux, notmuch, Python's `mailbox`.

use crate::support::{House, SOON, Station, peer, text};
use crate::tty::Tmux;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::Command;

const SUBJECT: &str = "Уведомление о происшествии в сети";
const MAP: &str = "Карта района №5.png";

/// A station that runs, with one message at the chairman's desk: a text and two files, sent by `molink send`.
struct Desk {
    house: House,
    station: Station,
    files: [(&'static str, &'static str, Vec<u8>); 2],
    id: String,
}

impl Desk {
    fn new() -> Desk {
        let house = House::new();
        house.file(
            "moscow.toml",
            "station = \"moscow\"\ndata = \"moscow\"\nlisten = \"127.0.0.1:0\"\n[desk.operator]\n[desk.chairman]\n[port.post]\nbackend = \"email\"\n\
             peer = \"washington\"\nline = { listen = \"127.0.0.1:0\" }\n",
        );
        let station = house.start("moscow", &[]).unwrap_or_else(|s| panic!("it ended: {s}"));
        let bytes = |n: u32| (0..n).map(|i| (i * 31 + i / 256) as u8).collect::<Vec<u8>>();
        let files = [(MAP, "image/png", bytes(150_001)), ("log.bin", "application/octet-stream", bytes(70_000))];
        for (name, _, bytes) in &files {
            house.file(name, bytes);
        }
        house.file("note.txt", "Смотри вложения.\n.\nFrom here on =3D\nконец\n");
        let args = ["send", "--station", &station.api, "--to", "chairman@moscow", "--precedence", "flash", "--subject", SUBJECT];
        let sent = house.run(&[&args[..], &["--wait=printed", "note.txt", MAP, "log.bin"]].concat(), SOON);
        assert_eq!(sent.status.code(), Some(0), "{}", text(&sent.stderr));
        let id = text(&sent.stdout).trim().to_owned();
        Desk { house, station, files, id }
    }
    fn maildir(&self) -> PathBuf {
        self.house.path("moscow/maildir/chairman")
    }
    fn close(self) {
        assert!(self.station.stop().success());
    }
}

#[test]
#[ignore = "peer: run through tests/run"]
fn mutt_reads_the_maildir_of_a_running_station() {
    let desk = Desk::new();
    let rc = desk.house.file(
        "muttrc",
        "set charset=utf-8\nset folder=\"\"\nset record=\"\"\nset wait_key=no\nset index_format=\"%4C %Z %[%d %b] %-12.12F %s\"\n",
    );
    let tmux = Tmux { socket: desk.house.path("tmux").display().to_string() };
    tmux.run(&["-u", "new-session", "-d", "-s", "desk", "-x", "100", "-y", "30", "sh"]);
    peer("mutt", "mutt");
    // Not read-only: mutt then moves what was read from `new` to `cur`.
    tmux.keys(&["-l", &format!("LC_ALL=C.UTF-8 TERM=screen mutt -n -F {} -f {}", rc.display(), desk.maildir().display())]);
    tmux.keys(&["Enter"]);
    let list = tmux.shows(SUBJECT);
    assert!(list.contains("1 N"), "it is new: {list}");
    tmux.keys(&["Enter"]);
    let opened = tmux.shows("Смотри вложения.");
    assert!(opened.contains(&format!("Subject: {SUBJECT}")) && opened.contains("operator@moscow"), "{opened}");
    tmux.keys(&["-l", "v"]);
    let parts = tmux.shows(MAP);
    assert!(parts.contains("log.bin") && parts.contains("image/png") && parts.contains("applica/octet-stre"), "{parts}");
    println!("{list}\n{opened}\n{parts}");
    tmux.keys(&["-l", "qqq"]);
    tmux.shows("1 kept, 0 deleted");
    let read: Vec<_> = std::fs::read_dir(desk.maildir().join("cur")).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(read.len(), 1, "mutt has moved it: {read:?}");
    // It does not come again, and the next one does.
    let maildir = desk.maildir();
    let desk = {
        let Desk { house, station, files, id } = desk;
        assert!(station.stop().success());
        let station = house.start("moscow", &[]).unwrap_or_else(|s| panic!("it ended: {s}"));
        Desk { house, station, files, id }
    };
    let args = ["send", "--station", &desk.station.api, "--to", "chairman@moscow", "--wait=printed", "note.txt"];
    assert_eq!(desk.house.run(&args, SOON).status.code(), Some(0));
    let count = |folder: &str| std::fs::read_dir(maildir.join(folder)).unwrap().count();
    assert_eq!((count("new"), count("cur"), count("tmp")), (1, 1, 0));
    desk.close();
}

#[test]
#[ignore = "peer: run through tests/run"]
fn notmuch_finds_the_mail_of_a_desk_and_gives_its_files_back() {
    let desk = Desk::new();
    let config = desk
        .house
        .file("notmuch", format!("[database]\npath={}\n[user]\nname=x\nprimary_email=chairman@moscow\n", desk.maildir().display()));
    let notmuch = |arguments: &[&str]| {
        let done = Command::new(peer("notmuch", "notmuch")).env("NOTMUCH_CONFIG", &config).args(arguments).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", text(&done.stderr));
        done.stdout
    };
    let said = text(&notmuch(&["new"]));
    assert!(said.contains("Added 1 new message"), "{said}");
    for words in ["subject:происшествии", "to:chairman@moscow", "attachment:log.bin", "вложения"] {
        let found = text(&notmuch(&["search", "--output=messages", words]));
        assert_eq!(found.trim(), format!("id:{}@moscow", desk.id), "{words}");
    }
    for (part, (name, _, bytes)) in [3, 4].into_iter().zip(&desk.files) {
        let raw = notmuch(&["show", "--format=raw", &format!("--part={part}"), &format!("id:{}@moscow", desk.id)]);
        assert!(raw == *bytes, "{name}: {} bytes, expected {}", raw.len(), bytes.len());
    }
    desk.close();
}

#[test]
#[ignore = "peer: run through tests/run"]
fn pythons_mailbox_opens_the_mail_of_a_desk_with_the_same_hashes() {
    let desk = Desk::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/mail_read.py");
    let eml = desk.house.path(&format!("moscow/mail/{}.eml", desk.id));
    for (how, path) in [("maildir", desk.maildir()), ("mail", eml)] {
        let done = Command::new(peer("python3", "python3")).arg(&script).arg(how).arg(&path).output().unwrap();
        assert!(done.status.success(), "{}", text(&done.stderr));
        let found: Value = serde_json::from_slice(&done.stdout).unwrap();
        let mail = if how == "maildir" { &found[0] } else { &found };
        assert_eq!([&mail["Subject"], &mail["Molink-Identity"]], [SUBJECT, &desk.id], "{how}");
        assert_eq!(mail["defects"], serde_json::json!([]), "{how}");
        let expected: Vec<Value> = desk
            .files
            .iter()
            .map(|(name, kind, bytes)| {
                let hash: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
                serde_json::json!([name, kind, bytes.len(), hash])
            })
            .collect();
        assert_eq!(mail["files"], Value::Array(expected), "{how}");
        println!("python, {how}: {}", mail["files"]);
    }
    desk.close();
}

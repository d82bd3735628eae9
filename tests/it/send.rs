//! `molink send` and `molink log` as processes, against the API of `api.rs`.

use crate::api::{House, house};
use crate::journal::{event, id, new};
use crate::support::free_port;
use molink::message::{Edit, Identity, Part};
use molink::router::journal::{Change, State};
use molink::router::{Event, Stamped};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};

fn molink(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_molink"));
    command.args(args).env_remove("MOLINK_LOG").env("NO_COLOR", "1").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

fn ran(output: Output) -> Ran {
    let text = |b: Vec<u8>| String::from_utf8(b).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

impl House {
    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
    fn send(&self, url: &str, args: &[&str]) -> Command {
        let token = self.dir.path().join("api-token");
        let mut command = molink(&["send", "--station", url, "--to", "operator@moscow", "--token-file"]);
        command.arg(token).args(args).current_dir(self.dir.path());
        command
    }
    fn sent(&self, args: &[&str]) -> Ran {
        ran(self.send(&self.url(), args).output().unwrap())
    }
    fn file(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.dir.path().join(name), bytes).unwrap();
    }
    /// The message moves on, as the router would have it.
    fn happens(&self, id: &Identity, state: State, what: Event) {
        let moved = Change::Moved { id: id.clone(), state, attempts: 1, detail: String::new() };
        self.desk.write(vec![moved, event(id, what)]);
    }
    fn filed(&self, id: &Identity) {
        self.happens(id, State::Filed, Event::Filed { at: "moscow".parse().unwrap(), receipt: "QSL".into() });
    }
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

#[test]
fn files_become_one_message_and_its_identity_is_printed() {
    let h = house();
    h.file("note.txt", "Здравствуйте\r\n".as_bytes());
    h.file("map.png", b"\x89PNG");
    h.file("data.bin", b"\xff\xfe");
    let r = h.sent(&["--precedence", "flash", "--from", "chairman", "--subject", "TEST", "note.txt", "map.png", "data.bin"]);
    assert_eq!((r.code, r.out.as_str(), r.err.as_str()), (Some(0), "WASHINGTON-0001-19630830T1600Z\n", ""));
    let draft = h.desk.drafts.lock().unwrap()[0].clone();
    assert_eq!(draft.envelope.from.to_string(), "chairman@washington");
    assert_eq!((draft.envelope.precedence.word(), draft.envelope.subject.as_str()), ("flash", "TEST"));
    let [Part::Text { text }, Part::Page(page), Part::File(file)] = &draft.content[..] else { panic!("{draft:?}") };
    assert_eq!((text.as_str(), page.name.as_str(), file.size), ("Здравствуйте", "map.png", 2));
    let mut child = h.send(&h.url(), &["--json", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"FROM STANDARD INPUT").unwrap();
    let r = ran(child.wait_with_output().unwrap());
    assert_eq!(serde_json::from_str::<Value>(&r.out).unwrap()["id"], "WASHINGTON-0002-19630830T1600Z");
}

#[test]
fn a_service_message_is_handed_in_as_one_and_the_log_says_so() {
    let h = house();
    h.file("note.txt", b"RADIO CIRCUIT DOWN FROM 2200Z");
    for args in [&["note.txt"][..], &["--service", "note.txt"]] {
        assert_eq!(h.sent(args).code, Some(0));
    }
    let classes: Vec<&str> = h.desk.drafts.lock().unwrap().iter().map(|d| d.envelope.class.word()).collect();
    assert_eq!(classes, ["message", "service"]);
    let log = |more: &[&str]| ran(molink(&["log", "--station", &h.url()]).args(more).output().unwrap()).out;
    let table = log(&[]);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines.len() == 4 && lines[3] == "    service", "of the usual kind nothing is said:\n{table}");
    assert_eq!(lines[0].find("TO"), lines[2].find("operator@moscow"), "the columns stand under their heads:\n{table}");
    assert!(log(&["--id", "WASHINGTON-0002-19630830T1600Z"]).contains("class       service\n"));
    assert!(!log(&["--id", "WASHINGTON-0001-19630830T1600Z"]).contains("class"));
}

#[test]
fn what_cannot_be_sent_is_said_in_one_sentence() {
    let h = house();
    h.file("memo", b"caf\xe9");
    h.file("note.txt", b"X");
    let says = |args: &[&str], code: i32, what: &str| {
        let r = h.sent(args);
        assert_eq!((r.code, r.out.as_str()), (Some(code), ""), "{args:?}: {}", r.err);
        assert!(r.err.contains(what) && !r.err.contains("panicked"), "{args:?}: {}", r.err);
    };
    says(&["memo"], 2, "byte 0xE9 at offset 3");
    says(&["missing.txt"], 2, "`missing.txt`");
    says(&["--precedence", "urgent", "note.txt"], 2, "is not a precedence");
    says(&["--wait=returned", "note.txt"], 2, "ends the wait by itself");
    says(&["--timeout", "soon", "note.txt"], 2, "is not a duration");
    says(&["--from", "nobody home", "note.txt"], 2, "is not a name");
    let other = |to: &str, code: i32, what: &str| {
        let token = h.dir.path().join("api-token");
        let mut c = molink(&["send", "--station", &h.url(), "--to", to, "--token-file"]);
        let r = ran(c.arg(token).arg(h.dir.path().join("note.txt")).output().unwrap());
        assert_eq!(r.code, Some(code), "{to}: {}", r.err);
        assert!(r.err.contains(what), "{to}: {}", r.err);
    };
    other("oprator@moscow", 1, "did you mean `operator`");
    other("refused@moscow", 1, "too long");
    other("moscow", 2, "desk@station");
    assert!(h.desk.drafts.lock().unwrap().is_empty());
}

#[test]
fn without_a_station_or_its_token_it_says_what_to_do() {
    let h = house();
    h.file("note.txt", b"X");
    let empty = tempfile::tempdir().unwrap();
    let nobody = format!("127.0.0.1:{}", free_port());
    let run = |url: &str| {
        let mut c = molink(&["send", "--station", url, "--to", "operator@moscow", "note.txt"]);
        ran(c.current_dir(h.dir.path()).env("XDG_STATE_HOME", empty.path()).output().unwrap())
    };
    let r = run(&format!("http://{nobody}"));
    assert!(r.code == Some(1) && r.err.contains("no station answers"), "{}", r.err);
    let r = run(&h.url());
    assert!(r.code == Some(2) && r.err.contains("--token-file"), "{}", r.err);
    let link = empty.path().join("molink").join(format!("127.0.0.1_{}.token", h.address.port()));
    std::fs::create_dir_all(link.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(h.dir.path().join("api-token"), link).unwrap();
    assert_eq!(run(&h.url()).code, Some(0), "the token is found by the station's address");
}

#[test]
fn a_wait_ends_with_its_state_and_not_before() {
    let h = house();
    h.file("note.txt", b"X");
    let mut child = h.send(&h.url(), &["--wait", "--timeout", "60s", "note.txt"]).spawn().unwrap();
    assert_eq!(first_line(&mut child), id(1).to_string());
    h.desk.write(vec![new(&id(50), "OTHER", None)]);
    h.filed(&id(50));
    let edit =
        Edit {
            what: "Cyrillic to Latin (ICAO Doc 9303)".into(), count: 6, example: Some("ПРИВЕТ as PRIVET".into()), left_out: false
        };
    h.happens(&id(1), State::Sent, Event::Sent { channel: 1, attempt: 1, edits: vec![edit] });
    // It has told of each state by then, and still waits: the other message was not its own.
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    assert!(line.contains("sent as number 1"), "{line}");
    assert!(line.contains("changed for this line: Cyrillic to Latin (ICAO Doc 9303) (6 times, e.g. ПРИВЕТ as PRIVET)"), "{line}");
    assert!(child.try_wait().unwrap().is_none());
    h.filed(&id(1));
    let r = ran(child.wait_with_output().unwrap());
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    assert_eq!((r.code, r.out.as_str()), (Some(0), ""));
    assert!(rest.contains("filed at moscow (receipt: QSL)"), "{rest}");
}

#[test]
fn a_message_that_is_returned_or_late_ends_with_1() {
    let h = house();
    h.file("note.txt", b"X");
    let mut child = h.send(&h.url(), &["--wait", "note.txt"]).spawn().unwrap();
    first_line(&mut child);
    h.happens(&id(1), State::Returned, Event::Returned { reason: "no answer in 3 tries".into() });
    let r = ran(child.wait_with_output().unwrap());
    assert!(r.code == Some(1) && r.err.contains("was returned: no answer in 3 tries"), "{}", r.err);
    let mut child = h.send(&h.url(), &["--wait=printed", "--timeout", "1s", "--json", "note.txt"]).spawn().unwrap();
    while h.desk.drafts.lock().unwrap().len() < 2 {
        std::thread::yield_now();
    }
    let edit = Edit { what: "é as E".into(), count: 2, example: None, left_out: false };
    h.happens(&id(2), State::Sent, Event::Sent { channel: 2, attempt: 1, edits: vec![edit] });
    let line: Value = serde_json::from_str(&first_line(&mut child)).unwrap();
    let r = ran(child.wait_with_output().unwrap());
    assert_eq!((r.code, &line["reached"], &line["state"]), (Some(1), &Value::Bool(false), &Value::from("sent")), "{}", r.err);
    assert!(r.err.contains("its last state is sent"), "{}", r.err);
    assert_eq!(line["edits"], serde_json::json!([{ "what": "é as E", "count": 2 }]), "what was changed is told");
}

/// Passes bytes on to the house, but loses the answer to the first `POST` and cuts the first event feed.
fn bad_line(h: &House) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (near, far) = (listener.local_addr().unwrap(), h.address);
    std::thread::spawn(move || {
        let (mut posts, mut feeds) = (0, 0);
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap_or(0) > 0 {}
            let lower = head.to_ascii_lowercase();
            let length = lower.split("content-length: ").nth(1).and_then(|l| l.lines().next()?.parse().ok()).unwrap_or(0);
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            // One request a connection; and the Host must be the house's.
            let head = head.replace(&near.to_string(), &far.to_string()).replacen("\r\n", "\r\nConnection: close\r\n", 1);
            let mut house = TcpStream::connect(far).unwrap();
            house.write_all(head.as_bytes()).and_then(|()| house.write_all(&body)).unwrap();
            (posts, feeds) = (posts + i32::from(head.starts_with("POST")), feeds + i32::from(head.contains("/api/events")));
            let mut answer = vec![];
            if head.starts_with("POST") && posts == 1 {
                house.read_to_end(&mut answer).unwrap(); // it was taken, and nobody hears it
            } else if head.contains("/api/events") && feeds == 1 {
                let mut part = [0; 200];
                let n = house.read(&mut part).unwrap();
                let _ = stream.write_all(&part[..n]);
            } else {
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut house, &mut stream);
                });
            }
        }
    });
    format!("http://{near}")
}

#[test]
fn a_lost_connection_makes_no_second_message_and_the_wait_goes_on() {
    let h = house();
    h.file("note.txt", b"X");
    let mut child = h.send(&bad_line(&h), &["--wait", "--timeout", "60s", "note.txt"]).spawn().unwrap();
    assert_eq!(first_line(&mut child), id(1).to_string());
    h.filed(&id(1));
    let r = ran(child.wait_with_output().unwrap());
    assert_eq!(r.code, Some(0), "{}", r.err);
    assert_eq!(h.desk.drafts.lock().unwrap().len(), 1, "the answer was lost, the message was not sent twice");
}

#[test]
fn ctrl_c_says_what_stands_and_exits_with_130() {
    let h = house();
    h.file("note.txt", b"X");
    let mut child = h.send(&h.url(), &["--wait", "note.txt"]).spawn().unwrap();
    first_line(&mut child);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let r = ran(child.wait_with_output().unwrap());
    assert_eq!(r.code, Some(130));
    assert!(r.err.contains("interrupted") && r.err.contains(&id(1).to_string()), "{}", r.err);
}

#[test]
fn the_log_fits_80_columns_and_prints_no_controls() {
    let h = house();
    h.file("note.txt", b"X");
    for _ in 0..3 {
        h.sent(&["note.txt"]);
    }
    let evil = "no answer \u{1b}[2J from the far end of the line, which was called up three times in five minutes without a reply";
    let moved = Change::Moved { id: id(2), state: State::Returned, attempts: 3, detail: evil.into() };
    h.desk.write(vec![moved, event(&id(2), Event::Returned { reason: evil.into() })]);
    let journal = h.dir.path().join("journal.sqlite");
    for source in [["--station", &h.url()], ["--journal", journal.to_str().unwrap()]] {
        let log = |more: &[&str]| {
            let r = ran(molink(&["log"]).args(source).args(more).output().unwrap());
            assert_eq!((r.code, r.err.as_str()), (Some(0), ""), "{source:?} {more:?}");
            assert!(!r.out.contains('\u{1b}'), "{}", r.out);
            r.out
        };
        let table = log(&[]);
        assert!(table.lines().all(|l| l.chars().count() <= 80), "{table}");
        let states: Vec<_> = table.lines().filter(|l| !l.starts_with(' ')).filter_map(|l| l.split_whitespace().nth(1)).collect();
        assert_eq!(states, ["STATE", "accepted", "returned", "accepted"], "{table}");
        let below: Vec<_> = table.lines().filter_map(|l| l.strip_prefix("    ")).collect();
        assert_eq!(below.join(" "), evil.replace('\u{1b}', "\\u{1b}"), "the reason is whole, below its message");
        let one = log(&["--id", &id(2).to_string()]);
        assert!(one.lines().all(|l| l.chars().count() <= 80), "{one}");
        assert!(one.contains("without a\n") || one.contains("reply"), "{one}");
        let lines: Vec<Value> = log(&["--json", "--limit", "2"]).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(lines.iter().map(|l| l["state"].as_str().unwrap()).collect::<Vec<_>>(), ["returned", "accepted"]);
        let json = log(&["--json", "--id", &id(2).to_string()]);
        let last: Stamped = serde_json::from_str(json.lines().last().unwrap()).unwrap();
        assert_eq!(last.event, Event::Returned { reason: evil.into() }, "JSON keeps what was said, escaped");
        let r = ran(molink(&["log", "--id", "MOSCOW-0001-19630830T1600Z"]).args(source).output().unwrap());
        assert!(r.code == Some(1) && r.err.contains("there is no message MOSCOW-0001"), "{}", r.err);
    }
    let r = ran(molink(&["log", "--journal", "/no/such/journal"]).output().unwrap());
    assert!(r.code == Some(2) && r.err.contains("there is no journal at"), "{}", r.err);
}

#[test]
fn the_log_says_why_a_message_waits_that_was_not_tried_itself() {
    let h = house();
    h.file("note.txt", b"X");
    for _ in 0..2 {
        h.sent(&["note.txt"]);
    }
    h.desk.write(vec![Change::Moved { id: id(1), state: State::Accepted, attempts: 1, detail: "no answer".into() }]);
    let journal = h.dir.path().join("journal.sqlite");
    for source in [["--station", &h.url()], ["--journal", journal.to_str().unwrap()]] {
        let log = |more: &[&str]| ran(molink(&["log"]).args(source).args(more).output().unwrap()).out;
        let why = format!("waits behind {}: no answer", id(1));
        let table = log(&[]);
        assert!(table.contains("    no answer\n") && table.contains(&format!("    {why}\n")), "{table}");
        assert!(log(&[&id(2).to_string()]).contains(&format!("last word   {why}\n")));
    }
}

#[test]
fn the_log_gives_as_many_messages_as_are_asked_for() {
    let h = house();
    h.desk.write((1..=2_100).map(|n| new(&id(n), "X", None)).collect());
    let journal = h.dir.path().join("journal.sqlite");
    for source in [["--station", &h.url()], ["--journal", journal.to_str().unwrap()]] {
        for (limit, first) in [("2050", 51), ("5000", 1), ("2000", 101), ("1000", 1_101), ("7", 2_094)] {
            let log = ran(molink(&["log", "--json", "--limit", limit]).args(source).output().unwrap());
            let ids: Vec<String> =
                log.out.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()["id"].as_str().unwrap().to_owned()).collect();
            assert_eq!(ids, (first..=2_100).map(|n| id(n).to_string()).collect::<Vec<_>>(), "{source:?} {limit}: {}", log.err);
        }
    }
}

#[test]
fn the_log_of_all_follows_from_its_table_on() {
    let h = house();
    h.file("note.txt", b"X");
    h.sent(&["note.txt"]);
    let mut child = molink(&["log", "--follow", "--station", &h.url()]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.by_ref().any(|l| l.contains("accepted")), "the table first");
    h.filed(&id(1));
    let line = lines.next().unwrap();
    assert!(line.contains(&id(1).to_string()) && line.contains("filed"), "{line}");
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn the_log_follows_what_happens() {
    let h = house();
    h.file("note.txt", b"X");
    h.sent(&["note.txt"]);
    let journal = h.dir.path().join("journal.sqlite");
    for (n, source) in [["--station", &h.url()], ["--journal", journal.to_str().unwrap()]].into_iter().enumerate() {
        let mut child = molink(&["log", "--follow", "--id", &id(1).to_string()]).args(source).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert!(lines.by_ref().any(|l| l.contains("came again")), "its history first");
        (0..n).for_each(|_| assert!(lines.next().unwrap().contains("filed at moscow")));
        h.filed(&id(1));
        assert!(lines.next().unwrap().contains("filed at moscow"));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn a_tape_is_read_shown_and_sent_as_the_text_it_says() {
    use molink::teletype::{CodeTable, tape, typing::typed};
    let h = house();
    let codes = |text: &str, code| tape::to_bytes(&typed(text, code, 72).unwrap().codes);
    h.file("fox.codes", &codes("THE QUICK\nBROWN FOX 12", CodeTable::Ita2));
    h.file("fox.bin", &codes("$ 12", CodeTable::UsTty));
    h.file("ours.codes", &codes("ЧЕЛОВЕК", CodeTable::Mtk2));
    h.file("note.txt", b"Also this");
    let r = h.sent(&["fox.codes", "note.txt"]);
    assert_eq!((r.code, r.err.as_str()), (Some(0), "molink: read from `fox.codes` as ita2:\n  | THE QUICK\n  | BROWN FOX 12\n"));
    assert_eq!(h.sent(&["--code", "us-tty", "fox.bin"]).code, Some(0));
    let r = h.sent(&["ours.codes"]);
    assert!(r.code == Some(2) && r.err.contains("--code mtk-2"), "{}", r.err);
    assert_eq!(h.sent(&["--code", "mtk-2", "ours.codes"]).code, Some(0));
    // By pipe, as `molink tape` makes it.
    let file = h.dir.path().join("note.txt");
    let punched = molink(&["tape", file.to_str().unwrap(), "--format", "codes"]).output().unwrap();
    let mut child = h.send(&h.url(), &["--codes", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&punched.stdout).unwrap();
    let r = ran(child.wait_with_output().unwrap());
    assert!(r.code == Some(0) && r.err.ends_with("as ita2:\n  | ALSO THIS\n"), "{}", r.err);
    let drafts = h.desk.drafts.lock().unwrap().clone();
    let texts = |d: &molink::message::Draft| d.content.iter().map(|p| format!("{p:?}")).collect::<String>();
    for (draft, said) in drafts.iter().zip(["THE QUICK\\nBROWN FOX 12", "$ 12", "ЧЕЛОВЕК", "ALSO THIS"]) {
        assert!(texts(draft).contains(said), "{draft:?}");
    }
    assert_eq!((drafts.len(), drafts[0].content.len()), (4, 2));
}

#[test]
fn what_is_no_tape_is_said_in_one_sentence() {
    let h = house();
    h.file("text.codes", b"\x1fHELLO");
    h.file("empty.codes", b"");
    h.file("blank.codes", &[0; 40]);
    h.file("note.txt", b"X");
    for (args, what) in [
        (
            &["text.codes"][..],
            "`text.codes` has byte 0x48 at offset 1, and a five-unit code is 0x00 to 0x1F; if it is a text, name it .txt",
        ),
        (&["empty.codes"], "`empty.codes` is empty; there is nothing to send"),
        (&["blank.codes"], "`blank.codes` has no letter on it (read as ita2)"),
        (&["--code", "mtk-2", "note.txt"], "--code mtk-2 is for tapes, and no FILE is one"),
        (&["--code", "morse", "note.txt"], "code `morse` is not known; give one of \"ita2\", \"us-tty\", \"mtk-2\""),
        (&["--codes", "note.txt"], "`note.txt` has byte 0x58 at offset 0"),
        (&["no.codes"], "cannot read `no.codes`"),
    ] {
        let r = h.sent(args);
        assert_eq!((r.code, r.out.as_str()), (Some(2), ""), "{args:?}: {}", r.err);
        assert!(r.err.contains(what), "{args:?}: {}", r.err);
    }
}

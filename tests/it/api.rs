//! The HTTP API over real TCP and a real journal, with a desk that stands for the router.

use crate::journal::{event, id, new, start, washington};
use molink::console::{Console, Desk, Feed, Submitted, allowed_hosts, listen, serve, token};
use molink::message::{Draft, Identity, Part};
use molink::router::journal::sqlite::Options;
use molink::router::journal::store::Store;
use molink::router::journal::writer::{Confirm, Writer};
use molink::router::{BoxFuture, Event, EventSink, Stamped};
use molink::time::{Clock, Speed, Utc};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Takes every message to `operator`, writes it to the journal, and answers once it is on disk.
pub struct TestDesk {
    disk: Mutex<(Writer, Receiver<Confirm>, u64)>,
    known: Mutex<BTreeMap<String, Identity>>,
    pub drafts: Mutex<Vec<Draft>>,
    feed: Feed,
}

impl TestDesk {
    pub fn write(&self, changes: Vec<molink::router::journal::Change>) {
        let mut disk = self.disk.lock().unwrap();
        disk.2 += 1;
        disk.0.persist(disk.2, changes);
        let heard = crate::journal::until_persisted(disk.2, &disk.1);
        let Some(Confirm::Persisted { events, .. }) = heard.last() else { panic!("{heard:?}") };
        self.feed.committed(*events);
    }
}

struct Front(Arc<TestDesk>);

impl Desk for Front {
    fn submit(&self, draft: Draft, key: Option<String>) -> BoxFuture<'static, Submitted> {
        let desk = self.0.clone();
        Box::pin(async move {
            let mut known = desk.known.lock().unwrap();
            if let Some(id) = key.as_ref().and_then(|k| known.get(k)) {
                return Submitted::Known(id.clone());
            }
            match draft.envelope.to.desk.as_str() {
                "operator" => {}
                "stuck" => return Submitted::Stuck("the disk is full; make room".into()),
                "refused" => return Submitted::Refused("the text is too long".into()),
                _ => return Submitted::Unknown("no desk `oprator` at moscow; did you mean `operator`".into()),
            }
            let mut drafts = desk.drafts.lock().unwrap();
            drafts.push(draft.clone());
            let id = id(drafts.len() as u32);
            let molink::router::journal::Change::New { mut row, mut message, .. } = new(&id, "", key.as_deref()) else { panic!() };
            row.class = draft.envelope.class;
            (message.envelope, message.content) = (draft.envelope, draft.content);
            let new = molink::router::journal::Change::New { row, message, key: key.clone() };
            desk.write(vec![new, event(&id, Event::CameAgain)]);
            known.extend(key.map(|k| (k, id.clone())));
            Submitted::Accepted(id)
        })
    }
}

pub struct House {
    pub dir: tempfile::TempDir,
    pub address: SocketAddr,
    token: String,
    feed: Feed,
    pub desk: Arc<TestDesk>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    served: Option<tokio::task::JoinHandle<std::io::Result<()>>>,
    rt: tokio::runtime::Runtime,
}

pub fn house() -> House {
    let dir = tempfile::tempdir().unwrap();
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let journal = dir.path().join("journal.sqlite");
    let (writer, _, confirms) = start(Options::new(&journal, washington())).unwrap();
    let feed = Feed::new(0);
    let desk = Arc::new(TestDesk {
        disk: Mutex::new((writer, confirms, 0)),
        known: Mutex::default(),
        drafts: Mutex::default(),
        feed: feed.clone(),
    });
    let token = token::make(dir.path()).unwrap();
    let listener = rt.block_on(listen("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let console = Console {
        desks: ["operator".parse().unwrap()].into(),
        station: washington(),
        journal,
        store: Store::open_in(dir.path().join("content")).unwrap(),
        feed: feed.clone(),
        desk: Arc::new(Front(desk.clone())),
        token: token.clone(),
        hosts: allowed_hosts("127.0.0.1:0", address),
        clock: Clock::new(None, Speed::REAL),
    };
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let shutdown = async {
        let _ = stopped.await;
    };
    let served = Some(rt.spawn(serve(listener, Arc::new(console), shutdown)));
    House { dir, address, token, feed, desk, stop: Some(stop), served, rt }
}

type Reply = (u16, Value);

impl House {
    /// Sends a request as it is written here; gives status and JSON.
    fn raw(&self, head: &str, body: &[u8]) -> Reply {
        let mut s = TcpStream::connect(self.address).unwrap();
        s.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let _ = s.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes()).and_then(|()| s.write_all(body));
        let mut reply = String::new();
        // A server that has refused a long body may close before it has read it.
        let _ = s.read_to_string(&mut reply);
        let status = reply.split(' ').nth(1).unwrap_or_else(|| panic!("no reply: `{reply}`")).parse().unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        assert!(head.to_lowercase().contains("content-type: application/json"), "{head}");
        let value: Value = serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {reply}"));
        if status >= 400 {
            assert!(value["error"].as_str().is_some_and(|e| e.len() > 10 && !e.contains('\n')), "{reply}");
        }
        (status, value)
    }
    /// `METHOD PATH`, with this house's Host and token, and more header lines.
    fn ask(&self, line: &str, more: &[String], body: &[u8]) -> Reply {
        let mut head = format!("{line} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}", self.address, self.token);
        for m in more {
            head += &format!("\r\n{m}");
        }
        if !body.is_empty() {
            head += &format!("\r\nContent-Length: {}", body.len());
        }
        self.raw(&head, body)
    }
    fn post(&self, body: &Value, more: &[&str]) -> Reply {
        let mut head = vec!["Content-Type: application/json".to_string()];
        head.extend(more.iter().map(|m| m.to_string()));
        self.ask("POST /api/messages", &head, body.to_string().as_bytes())
    }
    fn get(&self, path: &str) -> Reply {
        self.ask(&format!("GET {path}"), &[], b"")
    }
    fn events(&self, path: &str, more: &str) -> Events {
        let mut s = TcpStream::connect(self.address).unwrap();
        s.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(s, "GET {path} HTTP/1.0\r\nHost: {}{more}\r\n\r\n", self.address).unwrap();
        let mut events = Events { lines: BufReader::new(s) };
        while events.line() != "retry: 1000" {}
        events
    }
    fn note(&self, text: String) {
        let event = Event::Note { text };
        self.feed.take(Stamped { t: 0, utc: Utc(0), station: washington(), port: None, id: None, event });
    }
}

/// The event feed as one reader has it (HTTP/1.0, so that nothing is chunked).
struct Events {
    lines: BufReader<TcpStream>,
}

impl Events {
    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.lines.read_line(&mut line).expect("a line within 20 s") > 0, "the feed ended");
        line.trim_end().to_owned()
    }
    fn next(&mut self) -> (Option<u64>, Value) {
        let mut n = None;
        loop {
            let line = self.line();
            if let Some(id) = line.strip_prefix("id: ") {
                n = Some(id.parse().unwrap());
            } else if let Some(data) = line.strip_prefix("data: ") {
                return (n, serde_json::from_str(data).unwrap());
            }
        }
    }
}

fn message(text: &str) -> Value {
    json!({ "to": "operator@moscow", "parts": [{ "text": text }] })
}

#[test]
fn a_message_is_answered_201_and_can_be_read_at_once() {
    let h = house();
    let all =
        json!({ "to": "operator@moscow", "from": "Chairman", "precedence": "flash", "subject": "TEST", "parts": [{ "text": "A\r\nB\n" }] });
    let (status, reply) = h.post(&all, &[]);
    assert_eq!((status, reply["id"].as_str()), (201, Some("WASHINGTON-0001-19630830T1600Z")));
    let draft = h.desk.drafts.lock().unwrap()[0].clone();
    assert_eq!(draft.envelope.from.to_string(), "chairman@washington");
    assert_eq!(draft.content, [Part::Text { text: "A\nB".into() }]);
    let (status, one) = h.get("/api/messages/WASHINGTON-0001-19630830T1600Z");
    assert_eq!((status, &one["message"]["state"], &one["events"][0]["n"]), (200, &json!("accepted"), &json!(1)));
    let (_, list) = h.get("/api/messages?state=accepted&limit=5");
    assert_eq!(list["messages"][0]["id"], "WASHINGTON-0001-19630830T1600Z");
    assert_eq!(h.get("/api/messages?state=printed").1["messages"], json!([]));
    assert_eq!(h.get("/api/messages?before=WASHINGTON-0001-19630830T1600Z").1["messages"], json!([]));
    assert_eq!((h.get("/api/messages?before=MOSCOW-0001-19630830T1600Z").0, h.get("/api/messages?before=x").0), (404, 400));
    assert_eq!(h.get("/api/messages/MOSCOW-0001-19630830T1600Z").0, 404);
    assert_eq!(h.get("/api/messages/nonsense").0, 400);
    assert_eq!(h.get("/api/messages?state=lost").0, 400);
    assert!(h.get("/api/messages?stat=lost").1["error"].as_str().unwrap().contains("`stat`"));
    assert_eq!(h.get("/api/telegrams").0, 404);
    assert_eq!(h.ask("DELETE /api/messages", &["Content-Type: application/json".into()], b"").0, 405);
}

#[test]
fn a_messages_text_is_read_only_with_the_token() {
    let h = house();
    assert_eq!(h.post(&message("FOR THE DESK"), &[]).0, 201);
    let path = "/api/messages/WASHINGTON-0001-19630830T1600Z/content";
    let head = format!("GET {path} HTTP/1.1\r\nHost: {}", h.address);
    for without in [head.clone(), format!("{head}\r\nAuthorization: Bearer guess")] {
        let (status, said) = h.raw(&without, b"");
        assert!(status == 401 && !said.to_string().contains("FOR THE DESK"), "{said}");
    }
    let (status, message) = h.get(path);
    assert_eq!((status, &message["content"][0]["text"]), (200, &json!("FOR THE DESK")));
    assert_eq!(h.get("/api/messages/MOSCOW-0001-19630830T1600Z/content").0, 404);
    let (_, list) = h.get("/api/messages?limit=0");
    assert_eq!((&list["station"], &list["desks"]), (&json!("washington"), &json!(["operator"])));
}

#[test]
fn the_class_of_a_message_is_taken_and_shown_where_it_is_not_the_usual_one() {
    let h = house();
    for class in [json!("service"), json!("message"), Value::Null] {
        let mut body = message("X");
        body["class"] = class;
        assert_eq!(h.post(&body, &[]).0, 201);
    }
    let classes: Vec<&str> = h.desk.drafts.lock().unwrap().iter().map(|d| d.envelope.class.word()).collect();
    assert_eq!(classes, ["service", "message", "message"]);
    let (_, list) = h.get("/api/messages");
    let shown: Vec<&Value> = list["messages"].as_array().unwrap().iter().map(|m| &m["class"]).collect();
    assert_eq!(shown, [&Value::Null, &Value::Null, &json!("service")], "the newest first");
}

#[test]
fn a_writer_without_the_token_is_refused() {
    let h = house();
    let head = format!("POST /api/messages HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 2", h.address);
    assert_eq!(h.raw(&head, b"{}").0, 401);
    for wrong in ["Bearer ", "Bearer 0000", "Basic abc", &format!("Bearer {}0", h.token), &format!("Bearer {}", &h.token[1..])] {
        assert_eq!(h.raw(&format!("{head}\r\nAuthorization: {wrong}"), b"{}").0, 401, "{wrong}");
    }
    let put = format!("PUT /api/content/{} HTTP/1.1\r\nHost: {}\r\nContent-Length: 2", "0".repeat(64), h.address);
    assert_eq!(h.raw(&put, b"{}").0, 401);
    assert_eq!(h.raw(&format!("GET /api/messages HTTP/1.1\r\nHost: {}", h.address), b"").0, 200, "reading needs none here");
}

#[test]
fn a_foreign_host_or_page_or_a_form_is_refused() {
    let h = house();
    let port = h.address.port();
    for method in ["GET /api/messages", "GET /api/events", "POST /api/messages"] {
        for host in ["evil.example", &format!("evil.example:{port}"), "127.0.0.1", ""] {
            let head = format!("{method} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nContent-Length: 0", h.token);
            assert_eq!(h.raw(&head, b"").0, 421, "{method} {host}");
        }
    }
    for host in [format!("localhost:{port}"), format!("[::1]:{port}")] {
        assert_eq!(h.raw(&format!("GET /api/messages HTTP/1.1\r\nHost: {host}"), b"").0, 200, "{host}");
    }
    for origin in ["http://evil.example", "null", &format!("https://127.0.0.1:{port}"), "http://127.0.0.1:1"] {
        assert_eq!(h.post(&message("X"), &[&format!("Origin: {origin}")]).0, 403, "{origin}");
    }
    assert_eq!(h.post(&message("X"), &[&format!("Origin: http://127.0.0.1:{port}")]).0, 201);
    let body = message("X").to_string();
    for form in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp"] {
        assert_eq!(h.ask("POST /api/messages", &[format!("Content-Type: {form}")], body.as_bytes()).0, 415, "{form}");
    }
    assert_eq!(h.ask("POST /api/messages", &[], body.as_bytes()).0, 415);
    assert_eq!(h.ask(&format!("PUT /api/content/{ABC}"), &["Content-Type: text/plain".into()], b"abc").0, 415);
    assert_eq!(h.desk.drafts.lock().unwrap().len(), 1, "only the one that was answered 201");
}

#[test]
fn what_is_wrong_with_a_message_is_named() {
    let h = house();
    let wrong: [(Value, u16, &str); 17] = [
        (json!({ "to": "operator@moscow", "presedence": "flash", "parts": [{ "text": "X" }] }), 400, "`presedence`"),
        (json!({ "to": "operator@moscow", "parts": [{ "txet": "X" }] }), 400, "`txet`"),
        (json!({ "parts": [{ "text": "X" }] }), 400, "`to`"),
        (json!([1]), 400, "not a message"),
        (json!({ "to": "moscow", "parts": [{ "text": "X" }] }), 422, "desk@station"),
        (json!({ "to": "operator@moscow", "parts": [] }), 422, "0 parts"),
        (json!({ "to": "operator@moscow", "precedence": "urgent", "parts": [{ "text": "X" }] }), 422, "`urgent`"),
        (json!({ "to": "operator@moscow", "class": "servise", "parts": [{ "text": "X" }] }), 422, "one of message, service"),
        (json!({ "to": "operator@moscow", "from": "operator@moscow", "parts": [{ "text": "X" }] }), 422, "not at this station"),
        (json!({ "to": "operator@moscow", "subject": "A\nNNNN", "parts": [{ "text": "X" }] }), 422, "`subject`"),
        (json!({ "to": "operator@moscow", "parts": [{ "text": "X", "name": "a" }] }), 422, "either `text`"),
        (json!({ "to": "operator@moscow", "parts": [{ "sha256": "../../etc/passwd" }] }), 422, "`sha256`"),
        (json!({ "to": "operator@moscow", "parts": [{ "sha256": ABC }] }), 422, "PUT /api/content"),
        (json!({ "to": "operator@moscow", "parts": [{ "sha256": ABC, "type": "image/png; x" }] }), 422, "`type`"),
        (json!({ "to": "refused@moscow", "parts": [{ "text": "X" }] }), 422, "too long"),
        (json!({ "to": "oprator@moscow", "parts": [{ "text": "X" }] }), 404, "did you mean `operator`"),
        (json!({ "to": "stuck@moscow", "parts": [{ "text": "X" }] }), 503, "make room"),
    ];
    for (body, status, says) in wrong {
        let (got, reply) = h.post(&body, &[]);
        assert_eq!(got, status, "{body}: {reply}");
        assert!(reply["error"].as_str().unwrap().contains(says), "{body}: {reply}");
    }
    let head = vec!["Content-Type: application/json".to_string()];
    assert_eq!(h.ask("POST /api/messages", &head, b"\xff{").0, 400);
    assert_eq!(h.ask("POST /api/messages", &head, &[b' '; (4 << 20) + 1]).0, 413);
    let deep = "[".repeat(100_000);
    assert_eq!(h.ask("POST /api/messages", &head, deep.as_bytes()).0, 400);
    assert!(h.desk.drafts.lock().unwrap().is_empty());
}

#[test]
fn the_same_key_is_the_same_message() {
    let h = house();
    let key = "Idempotency-Key: k-1";
    assert_eq!(h.post(&message("A"), &[key]), (201, json!({ "id": "WASHINGTON-0001-19630830T1600Z" })));
    assert_eq!(h.post(&message("A"), &[key]), (200, json!({ "id": "WASHINGTON-0001-19630830T1600Z" })));
    assert_eq!(h.post(&message("A"), &["Idempotency-Key: k-2"]).1["id"], "WASHINGTON-0002-19630830T1600Z");
    let (status, reply) = h.post(&message("ANOTHER"), &[key]);
    assert_eq!(status, 409, "another message under a used key is not lost under a 200: {reply}");
    for bad in ["a b".to_string(), "x".repeat(129), String::new(), "ключ".into()] {
        assert_eq!(h.post(&message("A"), &[&format!("Idempotency-Key: {bad}")]).0, 400, "{bad}");
    }
}

const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

#[test]
fn contents_are_taken_by_hash_and_become_parts_by_type() {
    let h = house();
    let put =
        |name: &str, body: &[u8]| h.ask(&format!("PUT /api/content/{name}"), &["Content-Type: application/octet-stream".into()], body);
    assert_eq!(put(ABC, b"abc").0, 201);
    assert_eq!(put(ABC, b"abc").0, 200);
    assert_eq!(put(ABC, b"abd").0, 422);
    assert_eq!(put("abc", b"abc").0, 400);
    assert_eq!(put("..%2F..%2Fetc%2Fpasswd", b"abc").0, 400);
    let head = format!("PUT /api/content/{ABC} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}", h.address, h.token);
    assert_eq!(h.raw(&format!("{head}\r\nContent-Length: {}", (64 << 20) + 1), b"").0, 413);
    let file = |name: &str, t: &str| json!({ "sha256": ABC, "name": name, "type": t });
    let parts =
        json!([file("../map.png", "image/png"), file("a.pdf", "application/pdf"), file("a.txt", "text/plain"), file("x", "audio/wav")]);
    assert_eq!(h.post(&json!({ "to": "operator@moscow", "parts": parts }), &[]).0, 201);
    let kinds: Vec<String> = h.desk.drafts.lock().unwrap()[0]
        .content
        .iter()
        .map(|p| match p {
            Part::Text { text } => format!("text {text}"),
            Part::Page(b) => format!("page {} {}", b.name, b.size),
            Part::File(b) => format!("file {} {}", b.name, b.media_type),
        })
        .collect();
    assert_eq!(kinds, ["page map.png 3", "page a.pdf 3", "text abc", "file x audio/wav"]);
    assert_eq!(std::fs::read_dir(h.dir.path().join("content")).unwrap().count(), 1, "nothing is left of what was refused");
}

#[test]
fn a_reader_goes_on_after_the_event_it_names() {
    let h = house();
    h.desk.write(vec![new(&id(99), "X", None)]);
    for _ in 0..25 {
        h.desk.write((0..10).map(|_| event(&id(99), Event::CameAgain)).collect());
    }
    let mut fresh = h.events("/api/events", "");
    let mut header = h.events("/api/events", "\r\nLast-Event-ID: 100");
    let mut query = h.events("/api/events?after=240", "");
    for n in 101..=250 {
        assert_eq!(header.next().0, Some(n));
    }
    for n in 241..=250 {
        assert_eq!(query.next().0, Some(n));
    }
    h.note("seen".into());
    h.desk.write(vec![event(&id(99), Event::CameAgain)]);
    for reader in [&mut fresh, &mut header, &mut query] {
        // A durable and a derived event may come in either order; each comes once.
        let mut got = [reader.next(), reader.next()];
        got.sort_by_key(|(n, _)| *n);
        assert_eq!((got[0].0, &got[0].1["text"]), (None, &json!("seen")));
        assert_eq!((got[1].0, &got[1].1["event"], &got[1].1["id"]), (Some(251), &json!("came_again"), &json!(id(99))));
    }
    assert_eq!(h.ask("GET /api/events", &["Last-Event-ID: x".into()], b"").0, 400);
    assert_eq!(h.get("/api/events?before=3").0, 400);
}

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn a_hundred_readers_that_stop_do_not_grow_memory_and_lose_only_derived_events() {
    const EVENTS: usize = 50_000;
    let h = house();
    h.desk.write(vec![new(&id(99), "X", None)]);
    let mut readers: Vec<Events> = (0..100).map(|_| h.events("/api/events", "")).collect();
    let before = resident();
    for n in 0..EVENTS {
        h.note(format!("{n} {}", "x".repeat(400)));
        if n % 500 == 0 {
            h.desk.write(vec![event(&id(99), Event::CameAgain)]);
        }
    }
    let grown = resident().saturating_sub(before);
    println!("100 readers that stopped, {EVENTS} events of 500 bytes: resident memory grew by {} KiB", grown >> 10);
    // Kept for each reader they would be 2.5 GB. Other tests run in this process meanwhile, some with mails of 20 MiB.
    assert!(grown < 400 << 20, "grew by {} KiB", grown >> 10);
    for reader in readers.iter_mut().take(3) {
        let (mut seen, mut lost, mut durable, mut gaps) = (0, 0, vec![], 0);
        while seen + lost < EVENTS || durable.len() < EVENTS / 500 {
            let (n, event) = reader.next();
            match (n, event["event"].as_str().unwrap()) {
                (Some(n), _) => durable.push(n),
                (None, "gap") => (lost, gaps) = (lost + event["lost"].as_u64().unwrap() as usize, gaps + 1),
                (None, _) => seen += 1,
            }
        }
        assert_eq!((seen + lost, durable), (EVENTS, (1..=EVENTS as u64 / 500).collect::<Vec<_>>()));
        assert!(gaps > 0 && lost > 0 && seen > 0, "seen {seen}, lost {lost} in {gaps} gaps");
    }
}

#[test]
fn more_readers_than_there_are_places_are_told_so() {
    let h = house();
    let mut readers: Vec<Events> = (0..256).map(|_| h.events("/api/events", "")).collect();
    let (status, reply) = h.get("/api/events");
    assert_eq!(status, 503, "{reply}");
    assert_eq!(h.get("/api/messages").0, 200, "others are served meanwhile");
    readers.truncate(255);
    // The place is free as soon as the server has seen the reader go: ask until then.
    let again = || {
        let mut s = TcpStream::connect(h.address).unwrap();
        write!(s, "GET /api/events HTTP/1.0\r\nHost: {}\r\n\r\n", h.address).unwrap();
        let mut status = [0; 12];
        s.read_exact(&mut status).unwrap();
        status.ends_with(b"200")
    };
    assert!((0..10_000).any(|_| again()), "the place was never given back");
}

#[test]
fn a_stop_ends_readers_and_the_server() {
    let mut h = house();
    let mut reader = h.events("/api/events", "");
    h.stop.take().unwrap().send(()).unwrap();
    let served = h.served.take().unwrap();
    h.rt.block_on(async { tokio::time::timeout(Duration::from_secs(10), served).await }).unwrap().unwrap().unwrap();
    let mut rest = String::new();
    reader.lines.read_to_string(&mut rest).unwrap();
    assert_eq!(rest.trim(), "");
}

#[test]
fn only_loopback_is_listened_on() {
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let why = rt.block_on(listen("0.0.0.0:0")).unwrap_err();
    assert!(why.contains("no TLS") && why.contains("0.0.0.0"), "{why}");
    assert!(rt.block_on(listen("127.0.0.1")).unwrap_err().contains("127.0.0.1:1963"));
    let held = rt.block_on(listen("127.0.0.1:0")).unwrap();
    assert!(rt.block_on(listen(&held.local_addr().unwrap().to_string())).unwrap_err().contains("in use"));
}

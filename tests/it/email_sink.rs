//! Deliveries to Postfix's `smtp-sink`, which refuses, breaks off and stalls at any command: what becomes of them, and how many copies it got.

use crate::email_far::{SOON, Sender, message, soon, text};
use crate::support::{peer, seconds};
use crate::wire::address;
use molink::message::{Draft, Identity};
use molink::router::{Event, EventSink, Fault, Outcome, Stamped, Submitted};
use molink::station::{Running, Station, StationConfig};
use molink::time::Speed;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// A sink that puts each transaction into a file of its folder.
struct Sink {
    child: Child,
    dir: tempfile::TempDir,
}

impl Sink {
    fn at(address: &str, flags: &[&str]) -> Sink {
        let dir = tempfile::Builder::new().prefix("molink-sink").tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let child = Command::new(peer("smtp-sink", "postfix"))
            .args(if rustix::process::getuid().is_root() { &["-u", "nobody"][..] } else { &[] })
            .args(["-d", &format!("{}/mail.", dir.path().display())])
            .args(flags)
            .args([address, "64"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let sink = Sink { child, dir };
        let until = seconds() + SOON.as_secs_f64();
        while std::net::TcpStream::connect(address).is_err() {
            assert!(seconds() < until, "smtp-sink does not listen at {address}; as root it needs the user `nobody`");
            std::thread::sleep(Duration::from_millis(5));
        }
        sink
    }
    /// How many whole copies of a message it has: with its last line.
    fn copies(&self, last: &str) -> usize {
        self.ids(last).len()
    }
    /// Their Message-IDs.
    fn ids(&self, last: &str) -> Vec<String> {
        let files = std::fs::read_dir(self.dir.path()).unwrap().flatten().map(|f| std::fs::read_to_string(f.path()).unwrap());
        let id = |mail: &str| mail.lines().find_map(|l| l.strip_prefix("Message-ID: ")).unwrap_or_default().to_owned();
        files.filter(|mail| mail.trim_end().ends_with(last)).map(|mail| id(&mail)).collect()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An outcome, in short: `delivered`, `refused peer`, `deferred line`, `doubt`.
fn short(outcome: &Outcome) -> String {
    let word = |f: Fault| format!("{f:?}").to_lowercase();
    match outcome {
        Outcome::Delivered(_) => "delivered".into(),
        Outcome::Deferred(r) if r.text.contains("it may have the message") => "doubt".into(),
        Outcome::Deferred(r) => format!("deferred {}", word(r.fault)),
        Outcome::Refused(r) => format!("refused {}", word(r.fault)),
        other => format!("{other:?}"),
    }
}

async fn delivery_to(flags: &[&str], speed: Speed) -> (Outcome, usize) {
    let at = address();
    let sink = Sink::at(&at, flags);
    let mut sender = Sender::start_with(&format!("peer = \"moscow\"\nline = {{ smtp = \"{at}\" }}"), speed);
    let outcome = sender.send(&message(1, "chairman@moscow", text("one\ntwo\nthe last line"))).await;
    sender.stop().await;
    (outcome, sink.copies("the last line"))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "peer: run through tests/run"]
async fn each_way_to_refuse_or_break_off_has_its_outcome_and_its_copies() {
    let commands = ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "."];
    let expected = [
        // Who does not know EHLO is spoken to with HELO.
        ("-f", ["deferred line", "delivered", "refused peer", "refused peer", "refused peer", "refused peer"]),
        ("-r", ["deferred line", "deferred line", "deferred peer", "deferred peer", "deferred peer", "deferred peer"]),
        ("-q", ["deferred line", "deferred line", "deferred line", "deferred line", "deferred line", "doubt"]),
        ("-Q", ["deferred line", "deferred line", "deferred peer", "deferred peer", "deferred peer", "deferred peer"]),
    ];
    let mut table = String::new();
    for (flag, outcomes) in expected {
        for (command, expected) in commands.iter().zip(outcomes) {
            let (outcome, copies) = delivery_to(&[flag, command], Speed::REAL).await;
            table += &format!("{flag} {command:8} {:14} {copies} copies  {outcome:?}\n", short(&outcome));
            assert_eq!(short(&outcome), expected, "{table}");
            // Behind the dot a sink may have a copy, whatever it said; before it nothing whole can be there.
            match (expected, *command) {
                ("delivered", _) => assert_eq!(copies, 1, "{table}"),
                (_, ".") => assert!(copies <= 1, "{table}"),
                _ => assert_eq!(copies, 0, "{table}"),
            }
        }
    }
    println!("{table}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "peer: run through tests/run"]
async fn a_far_end_that_stalls_is_waited_for_or_given_up_by_the_clock_of_its_stage() {
    for command in ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "."] {
        // A second is nothing. (With PIPELINING a sink that stalls loses the order of commands: `-p`.)
        let (outcome, copies) = delivery_to(&["-p", "-W", &format!("{command}:1")], Speed::REAL).await;
        assert_eq!((short(&outcome).as_str(), copies), ("delivered", 1), "{command}: {outcome:?}");
        // On a clock 200 times as fast five minutes are two seconds and ten are three.
        let (outcome, copies) = delivery_to(&["-p", "-W", &format!("{command}:12")], Speed::Times(200.0)).await;
        let expected = if command == "." { "doubt" } else { "deferred line" };
        assert_eq!(short(&outcome), expected, "{command}: {outcome:?}");
        assert!(copies <= usize::from(command == "."), "{command}: {copies}");
        println!("-W {command}:12 {} {copies} copies {outcome:?}", short(&outcome));
    }
    // Refused before the message is at its end.
    let (outcome, copies) = delivery_to(&["-A", "0"], Speed::REAL).await;
    println!("-A 0 {outcome:?} {copies}");
    assert_eq!((short(&outcome).as_str(), copies), ("refused peer", 0), "{outcome:?}");
}

struct Seen(mpsc::UnboundedSender<Stamped>);
impl EventSink for Seen {
    fn take(&self, event: Stamped) {
        let _ = self.0.send(event);
    }
}

/// A station with a gateway to a smart-host, tried again after a tenth of a second.
struct House {
    running: Running,
    heard: mpsc::UnboundedReceiver<Stamped>,
}

impl House {
    async fn start(dir: &Path, smtp: &str) -> House {
        let text = format!(
            "station = \"washington\"\ndata = \"{}/data\"\nlisten = \"off\"\n[desk.operator]\n\
             [port.post]\nbackend = \"email\"\nkind = \"gateway\"\nline = {{ smtp = \"{smtp}\" }}\npeople = {{ alice = \"alice@example.org\" }}\n\
             [[route]]\nto = \"*@mail\"\nports = [\"post\"]\n[retry]\nfirst = \"100ms\"\n",
            dir.display()
        );
        let (events, heard) = mpsc::unbounded_channel();
        let config = StationConfig::parse("a test", &text).unwrap();
        let running = Station::builder().observe(Arc::new(Seen(events))).start(config).await.unwrap();
        House { running, heard }
    }
    async fn submit(&self, text: &str) -> Identity {
        let m = message(1, "alice@mail", crate::email_far::text(text));
        let Submitted::Accepted(id) = self.running.submit(Draft { envelope: m.envelope, content: m.content }, None).await else {
            panic!("not accepted")
        };
        id
    }
    /// Waits for such an event of a message.
    async fn until(&mut self, id: &Identity, what: impl Fn(&Event) -> bool) -> Event {
        let wait = async {
            loop {
                let event = self.heard.recv().await.unwrap();
                if event.id.as_ref() == Some(id) && what(&event.event) {
                    return event.event;
                }
            }
        };
        soon("an event", wait).await
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "peer: run through tests/run"]
async fn a_soft_no_is_tried_again_a_hard_one_goes_back_and_no_copy_is_doubled() {
    let (dir, at) = (tempfile::tempdir().unwrap(), address());
    let mut house = House::start(dir.path(), &at).await;
    for flags in [["-r", "RCPT"], ["-r", "."], ["-Q", "MAIL"], ["-q", "DATA"], ["-r", "CONNECT"]] {
        let sink = Sink::at(&at, &flags);
        let id = house.submit("one\nthe last line").await;
        house.until(&id, |e| matches!(e, Event::Delayed { .. })).await;
        let before = sink.copies("the last line");
        drop(sink);
        let sink = Sink::at(&at, &[]);
        let custody = house.until(&id, |e| matches!(e, Event::Custody { .. })).await;
        assert!(
            matches!(&custody, Event::Custody { at, receipt } if at.as_str() == "mail-server" && receipt.starts_with("250 2.0.0")),
            "{custody:?}"
        );
        // At the dot the sink has written its file before it says no.
        assert_eq!((before, sink.copies("the last line")), (usize::from(flags[1] == "."), 1), "{flags:?}");
    }
    // Broken off behind the dot, nobody knows: it is sent again, and whoever gets both can tell by the Message-ID.
    let sink = Sink::at(&at, &["-q", "."]);
    let id = house.submit("one\nthe last line").await;
    let delayed = house.until(&id, |e| matches!(e, Event::Delayed { .. })).await;
    assert!(matches!(&delayed, Event::Delayed { reason, .. } if reason.contains("it may have the message")), "{delayed:?}");
    let first = sink.ids("the last line");
    drop(sink);
    let sink = Sink::at(&at, &[]);
    house.until(&id, |e| matches!(e, Event::Custody { .. })).await;
    assert_eq!((sink.ids("the last line"), first.as_slice()), (vec![format!("<{id}@washington>")], &[format!("<{id}@washington>")][..]));
    drop(sink);
    let sink = Sink::at(&at, &["-f", "RCPT"]);
    let id = house.submit("one\nthe last line").await;
    let returned = house.until(&id, |e| matches!(e, Event::Returned { .. })).await;
    assert!(matches!(&returned, Event::Returned { reason } if reason.contains("500 5.3.0 Error: command failed")), "{returned:?}");
    assert_eq!(sink.copies("the last line"), 0);
    house.running.stop().await.unwrap();
}

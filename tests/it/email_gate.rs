//! A gateway, a line whose far end does as the test says, and a smart-host: where mails come in, go out, and are told of.
//!
//! Standards: RFC 5321, 3461. In: station keys, mails. Out: what the smart-host gets, what the journal has.
//! Left out: the stranger's side of a session (`email_room`), the smart-host's (`email_far`). Shown by: `email_notices`, `email_heard`.

use crate::email_far::{Caller, Far, soon};
use crate::email_room::Talker;
use crate::support::free_port;
use molink::email::backend_users::Users;
use molink::email::mime::{Heading, header_of};
use molink::email::notice::{Action, Report, read};
use molink::message::{Draft, Envelope, Identity, Message, Part, Takes, TextForm};
use molink::router::journal::State;
use molink::router::journal::reader::{Filter, Reader};
use molink::router::{Backend, BackendError, BoxFuture, Fault, Order, Outcome, Port, Reason, Receipt};
use molink::station::{Running, Station, StationConfig};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpStream;

/// A line to `moscow` whose far end does as the desk's name says.
struct Wire;

impl Backend for Wire {
    fn takes(&self) -> Takes {
        let form = TextForm { alphabet: molink::message::Alphabet::Any, twin: None, columns: 1_000, longest: 10_000, per_hour: None };
        Takes::texts(form)
    }
    fn run(self: Box<Self>, mut port: Port) -> BoxFuture<'static, Result<(), BackendError>> {
        Box::pin(async move {
            while let Some(order) = port.next_order().await {
                let Order::Deliver(delivery) = order else { continue };
                let to = delivery.message.envelope.to.clone();
                let receipt = |station: &str| {
                    Outcome::Delivered(Receipt { station: station.parse().unwrap(), before: false, text: "RECEIVED".into() })
                };
                let outcome = match to.desk.as_str() {
                    "nobody" => Outcome::Refused(Reason::new(Fault::Peer, "no desk `nobody` here")),
                    "busy" => Outcome::Deferred(Reason::new(Fault::Peer, "451 4.3.1 no paper")),
                    "beyond" | "lost" => receipt("london"),
                    _ => receipt("moscow"),
                };
                let lost = to.desk.as_str() == "lost";
                port.door().report(delivery.number, outcome).await;
                if lost {
                    drop(port.door().submit(given_back(&delivery.message)).await);
                }
            }
            Ok(())
        })
    }
}

/// What a far station says that could not pass a message on.
fn given_back(message: &Message) -> Message {
    let text = format!("YOUR MESSAGE {} TO {}\nWAS NOT DELIVERED: NO DESK", message.identity.heading(), message.envelope.to);
    let envelope = Envelope {
        from: "router@london".parse().unwrap(),
        to: message.envelope.from.clone(),
        subject: "RETURNED MESSAGE".into(),
        post: None,
        ..message.envelope.clone()
    };
    let identity = Identity { station: "london".parse().unwrap(), ..message.identity.clone() };
    Message { identity, envelope, content: vec![Part::Text { text }] }
}

/// The gateway `washington`, and the smart-host that its mail goes to.
pub struct Gate {
    dir: tempfile::TempDir,
    port: u16,
    far: Far,
    keys: String,
    running: Option<Running>,
}

impl Gate {
    pub async fn new(keys: &str) -> Gate {
        let (dir, far) = (tempfile::tempdir().unwrap(), Far::new().await);
        let mut gate = Gate { dir, port: free_port(), far, keys: keys.into(), running: None };
        gate.start().await;
        gate
    }
    pub async fn start(&mut self) {
        let text = format!(
            "station = \"washington\"\ndata = \"{}\"\nlisten = \"off\"\n[desk.operator]\n[port.wire]\nbackend = \"wire\"\n\
             [port.post]\nbackend = \"email\"\nkind = \"gateway\"\nquota = 1000\nidle = \"20s\"\n{}\n\
             domains = {{ washington = \"washington.example\", moscow = \"moscow.example\" }}\n\
             line = {{ smtp = \"{}\", listen = \"127.0.0.1:{}\", security = \"never\" }}\n\
             [[route]]\nto = \"*@moscow\"\nports = [\"wire\"]\n[[route]]\nto = \"*@mail\"\nports = [\"post\"]\n",
            self.data().display(),
            self.keys,
            self.far.address,
            self.port
        );
        let wire = |_: &str, _: &molink::message::Name, _: toml::Table| Ok(Box::new(Wire) as Box<dyn Backend>);
        let config = StationConfig::parse("washington.toml", &text).unwrap();
        self.running = Some(Station::builder().backend("wire", wire).start(config).await.unwrap());
    }
    pub async fn stop(&mut self) {
        self.running.take().unwrap().stop().await.unwrap();
    }
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }
    pub async fn call(&self) -> Talker {
        let connected = async {
            loop {
                match TcpStream::connect(("127.0.0.1", self.port)).await {
                    Ok(stream) => return stream,
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        };
        let mut talker = Talker::new(soon("the server", connected).await);
        talker.hears(220).await;
        talker.say("EHLO client.example", 250).await;
        talker
    }
    /// Alice's mail for that desk, with parameters of RCPT.
    pub async fn mail(&self, to: &str, asked: &str, body: &str) {
        let mut talker = self.call().await;
        talker.say("MAIL FROM:<alice@example.org> RET=HDRS ENVID=journey-7", 250).await;
        talker.say(&format!("RCPT TO:<{to}>{asked}"), 250).await;
        let unique = free_port();
        let mail =
            format!("From: Alice <alice@example.org>\r\nSubject: Lunch\r\nMessage-ID: <{unique}-{}@example.org>\r\n{body}", to.len());
        let filed = talker.data(mail.as_bytes()).await;
        assert!(filed.starts_with("250 "), "{filed}");
    }
    /// A mail that is surely answered, sent to end the wait for one that must not be.
    pub async fn marker(&self) {
        self.mail("operator@washington.example", " NOTIFY=SUCCESS", "\r\nthe marker\r\n").await;
    }
    /// The smart-host's next caller, who has a message; taken.
    pub async fn caller(&self) -> Caller {
        let mut caller = self.far.caller().await;
        caller.say("220 smart-host ESMTP").await;
        caller.hears("EHLO washington.example").await;
        caller.say("250-smart-host").await;
        caller.say("250-DSN").await;
        caller.say("250 8BITMIME").await;
        caller
    }
    pub fn rows(&self) -> Vec<molink::router::journal::Row> {
        let reader = Reader::open(&self.data().join("journal.sqlite")).unwrap();
        reader.list(&Filter { state: None, limit: 1_000 }).unwrap()
    }
    /// Waits until the message stands so.
    pub async fn stands(&self, id: &Identity, state: State) {
        soon(&format!("{id} {state}"), async {
            while !self.rows().iter().any(|row| row.id == *id && row.state == state) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }
    /// Waits until the journal has every notice in the smart-host's custody: after a crash before, one may come twice.
    pub async fn notices_are_taken(&self) {
        soon("the notices", async {
            while self.rows().iter().any(|row| row.from.desk.as_str() == "router" && row.state != State::Custody) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }
    pub async fn send(&self, to: &str) -> Identity {
        let envelope = Envelope {
            from: "operator@washington".parse().unwrap(),
            to: to.parse().unwrap(),
            precedence: Default::default(),
            class: Default::default(),
            subject: "A test".into(),
            via: vec![],
            post: None,
        };
        let draft = Draft { envelope, content: vec![Part::Text { text: "x".into() }] };
        match self.running.as_ref().unwrap().submit(draft, None).await {
            molink::console::Submitted::Accepted(id) => id,
            other => panic!("{other:?}"),
        }
    }
}

/// A notice as the smart-host gets it: with the null reverse-path, for alice, and none about itself.
pub async fn notice(caller: &mut Caller) -> (Report, String) {
    let (mail, rcpt, octets) = caller.message().await;
    caller.say("250 2.0.0 taken").await;
    assert!(mail.starts_with("MAIL FROM:<>"), "{mail}");
    assert_eq!(rcpt, "RCPT TO:<alice@example.org> NOTIFY=NEVER");
    let heading = Heading::read(header_of(&octets));
    assert_eq!(heading.automatic, molink::email::mime::Automatic::Yes);
    let report = read(&octets).expect("a notice");
    assert_eq!((report.envid.as_deref(), report.fates.len()), (Some("journey-7"), 1));
    (report, String::from_utf8(octets).unwrap().replace("=\r\n", ""))
}

pub fn is(report: &Report, action: Action, status: &str, recipient: &str) {
    let fate = &report.fates[0];
    assert_eq!((fate.action, fate.status.as_str(), fate.recipient.as_str()), (action, status, recipient));
}

pub const HERE: &str = "operator@washington.example";

/// A gateway at which `relay` may log in.
pub async fn open_to_a_login(folder: &Path) -> Gate {
    let users = folder.join("users");
    Users::at(&users).put("relay", "rosebud", None).unwrap();
    Gate::new(&format!("users = \"{}\"", users.display())).await
}

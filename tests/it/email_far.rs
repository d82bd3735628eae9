//! For tests of the sending side: an e-mail port with the test as its router, and a far end that says what the test tells it to.

use crate::email_room::Wire;
use molink::email::Email;
use molink::message::{Class, Envelope, Message, Name, Part, Precedence};
use molink::router::port::PortReport;
use molink::router::{Backend, BackendError, Delivery, Event, EventSink, Order, Outcome, Place, Port, Stamped};
use molink::time::{Clock, Speed};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Nothing here takes so long.
pub const SOON: Duration = Duration::from_secs(20);

pub async fn soon<T>(what: &str, wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, wait).await.unwrap_or_else(|_| panic!("{what}: nothing within {SOON:?}"))
}

struct Sink(mpsc::UnboundedSender<Stamped>);
impl EventSink for Sink {
    fn take(&self, event: Stamped) {
        let _ = self.0.send(event);
    }
}

/// The port `post` of the station `washington`; the test is its router.
pub struct Sender {
    pub dir: tempfile::TempDir,
    orders: Option<mpsc::Sender<Order>>,
    reports: mpsc::Receiver<(String, PortReport)>,
    events: mpsc::UnboundedReceiver<Stamped>,
    task: JoinHandle<Result<(), BackendError>>,
    number: u64,
}

impl Sender {
    /// With these keys.
    pub fn start(keys: &str) -> Sender {
        Sender::start_at(keys, |_| Place::default())
    }
    /// With these keys, on a clock of that speed.
    pub fn start_with(keys: &str, speed: Speed) -> Sender {
        Sender::make(keys, speed, |_| Place::default())
    }
    /// With these keys, at a place; its folder is set.
    pub fn start_at(keys: &str, place: impl FnOnce(&Path) -> Place) -> Sender {
        Sender::make(keys, Speed::Max, place)
    }
    fn make(keys: &str, speed: Speed, place: impl FnOnce(&Path) -> Place) -> Sender {
        let dir = tempfile::tempdir().unwrap();
        let station: Name = "washington".parse().unwrap();
        let (tell, reports) = mpsc::channel(8);
        let (sink, events) = mpsc::unbounded_channel();
        let (port, orders) = Port::new("post", &station, tell, Arc::new(Sink(sink)), Clock::new(None, speed));
        let place = Place { data: dir.path().to_owned(), all_desks: vec!["operator".parse().unwrap()], ..place(dir.path()) };
        let email = Email::from_table(&station, keys.parse().unwrap()).unwrap();
        let task = tokio::spawn(Box::new(email).run(port.at(place)));
        Sender { dir, orders: Some(orders), reports, events, task, number: 0 }
    }
    pub async fn order(&self, order: Order) {
        self.orders.as_ref().unwrap().send(order).await.unwrap();
    }
    /// Hands a message to the port; gives the delivery's number.
    pub async fn deliver(&mut self, message: &Message) -> u64 {
        self.number += 1;
        self.order(Order::Deliver(Delivery { number: self.number, message: message.clone(), channel: 1, again: false })).await;
        self.number
    }
    /// How the delivery ended that was handed over last.
    pub async fn outcome(&mut self) -> Outcome {
        match soon("a report", self.reports.recv()).await {
            Some((_, PortReport::Ended { delivery, outcome })) => {
                assert_eq!(delivery, self.number);
                outcome
            }
            other => panic!("{other:?}"),
        }
    }
    /// Hands a message over and waits for its end.
    pub async fn send(&mut self, message: &Message) -> Outcome {
        self.deliver(message).await;
        self.outcome().await
    }
    /// What was seen so far but service lines.
    pub fn seen(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.try_recv().ok()).map(|e| e.event).filter(|e| !matches!(e, Event::Service { .. })).collect()
    }
    /// The service lines seen so far.
    pub fn lines(&mut self) -> Vec<String> {
        let lines = std::iter::from_fn(|| self.events.try_recv().ok());
        lines.filter_map(|e| if let Event::Service { line, .. } = e.event { Some(line) } else { None }).collect()
    }
    /// Ends the port as a station does that stops.
    pub async fn stop(&mut self) {
        self.orders = None;
        soon("the end", &mut self.task).await.unwrap().unwrap();
        assert!(self.reports.try_recv().is_err(), "one report a delivery");
    }
}

/// A message of washington's, for a desk.
pub fn message(serial: u32, to: &str, content: Vec<Part>) -> Message {
    let envelope = Envelope {
        from: "operator@washington".parse().unwrap(),
        to: to.parse().unwrap(),
        precedence: Precedence::Flash,
        class: Class::Message,
        subject: "A test".into(),
        via: vec![],
        post: None,
    };
    Message { identity: format!("WASHINGTON-{serial:04}-20161031T1200Z").parse().unwrap(), envelope, content }
}

pub fn text(text: &str) -> Vec<Part> {
    vec![Part::Text { text: text.into() }]
}

/// A mail server whose part the test plays.
pub struct Far {
    listener: TcpListener,
    pub address: String,
}

impl Far {
    pub async fn new() -> Far {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Far { address: listener.local_addr().unwrap().to_string(), listener }
    }
    pub fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }
    pub async fn stream(&self) -> TcpStream {
        soon("a connection", self.listener.accept()).await.unwrap().0
    }
    /// The next caller, who has not been greeted.
    pub async fn caller(&self) -> Caller {
        Caller::new(self.stream().await)
    }
    /// The next caller, greeted, who is offered these.
    pub async fn greeted(&self, offers: &[&str]) -> Caller {
        let mut caller = self.caller().await;
        caller.say("220 moscow ESMTP").await;
        caller.hello(offers).await;
        caller
    }
    /// Whether nobody calls for a moment.
    pub async fn is_quiet(&self) -> bool {
        tokio::time::timeout(Duration::from_millis(300), self.listener.accept()).await.is_err()
    }
}

/// A client at the test's server.
pub struct Caller(BufReader<Box<dyn Wire>>);

impl Caller {
    pub fn new(wire: impl Wire + 'static) -> Caller {
        Caller(BufReader::new(Box::new(wire)))
    }
    pub fn into_wire(self) -> Box<dyn Wire> {
        self.0.into_inner()
    }
    pub async fn say(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        self.0.get_mut().flush().await.unwrap();
    }
    /// The next line, which begins so; empty at the end of the connection.
    pub async fn hears(&mut self, begin: &str) -> String {
        let mut line = String::new();
        let read = soon(begin, self.0.read_line(&mut line)).await;
        assert!(read.is_ok() || begin.is_empty(), "{begin}: {read:?}");
        assert!(line.starts_with(begin), "expected `{begin}`, got {line:?}");
        line.trim_end().to_owned()
    }
    /// Whether the connection is at its end.
    pub async fn is_gone(&mut self) -> bool {
        let mut rest = [0; 4096];
        let end = async { while matches!(self.0.read(&mut rest).await, Ok(1..)) {} };
        tokio::time::timeout(SOON, end).await.is_ok()
    }
    pub async fn hello(&mut self, offers: &[&str]) {
        self.hears("EHLO washington").await;
        self.say("250-moscow").await;
        for offer in offers {
            self.say(&format!("250-{offer}")).await;
        }
        self.say("250 HELP").await;
    }
    /// So many octets of a message.
    pub async fn some(&mut self, octets: usize) {
        let mut taken = vec![0; octets];
        soon("octets", self.0.read_exact(&mut taken)).await.unwrap();
    }
    /// A message up to its end, dots taken off.
    pub async fn data(&mut self) -> Vec<u8> {
        let mut all = vec![];
        loop {
            let mut line = vec![];
            soon("a line of the message", self.0.read_until(b'\n', &mut line)).await.unwrap();
            assert!(line.ends_with(b"\r\n"), "broken off: {:?}", String::from_utf8_lossy(&line));
            match line.as_slice() {
                b".\r\n" => return all,
                _ => all.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line)),
            }
        }
    }
    /// Takes a whole message but for the answer; gives MAIL, RCPT and the message. Works with and without PIPELINING.
    pub async fn message(&mut self) -> (String, String, Vec<u8>) {
        let mail = self.hears("MAIL FROM:").await;
        self.say("250 2.1.0 sender").await;
        let rcpt = self.hears("RCPT TO:").await;
        self.say("250 2.1.5 recipient").await;
        self.hears("DATA").await;
        self.say("354 go on").await;
        (mail, rcpt, self.data().await)
    }
}

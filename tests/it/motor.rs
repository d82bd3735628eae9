//! The motor of a machine at a desk, at the seam to the serial port: a pty has no RTS, so a switch that writes down stands for it.

use crate::pair::{W, delivery};
use molink::line::{Handover, Kind, Opened, Switch};
use molink::router::event::{Event, EventSink, Stamped};
use molink::router::port::PortReport;
use molink::router::{Backend, BackendError, Order, Outcome, Port};
use molink::teletype::keys::Keys;
use molink::teletype::{CodeTable, Coder, Teletype, UnshiftOnSpace};
use molink::time::{Clock, Speed};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, DuplexStream};
use tokio::sync::mpsc;

const SOON: Duration = Duration::from_secs(20);

struct Noted(mpsc::UnboundedSender<String>);

impl EventSink for Noted {
    fn take(&self, event: Stamped) {
        if let Event::Note { text } = event.event {
            let _ = self.0.send(text);
        }
    }
}

struct Machine {
    orders: mpsc::Sender<Order>,
    reports: mpsc::Receiver<(String, PortReport)>,
    notes: mpsc::UnboundedReceiver<String>,
    far: DuplexStream,
    task: tokio::task::JoinHandle<Result<(), BackendError>>,
}

/// A machine with a motor key on a device with this switch.
fn machine(switch: Option<Switch>) -> Machine {
    let keys = "kind = \"machine\"\nmotor = \"rts\"\nrun_up = \"20ms\"\nidle = \"50ms\"";
    let keys = Keys::read(keys.parse().unwrap()).unwrap();
    let (stream, far) = tokio::io::duplex(4096);
    let opened = Opened { stream: Box::new(stream), kind: Kind::Pty, handover: Handover::AtEnd, notes: vec![], rts: switch };
    let opened = Arc::new(Mutex::new(Some(opened)));
    let open = Box::new(move || {
        let opened = opened.lock().unwrap().take();
        Box::pin(async move { opened.ok_or("it is gone".to_owned()) }) as molink::router::BoxFuture<'static, _>
    });
    let (told, notes) = mpsc::unbounded_channel();
    let (tx, reports) = mpsc::channel(8);
    let clock = Clock::new(Some("1963-08-30T16:00:00Z".parse().unwrap()), Speed::Max);
    let (port, orders) = Port::new("tty", &"moscow".parse().unwrap(), tx, Arc::new(Noted(told)), clock);
    let task = tokio::spawn(Box::new(Teletype::new(keys, open)).run(port));
    Machine { orders, reports, notes, far, task }
}

impl Machine {
    /// Prints a message; gives the paper.
    async fn prints(&mut self) -> String {
        self.orders.send(Order::Deliver(delivery(W, 1, "HELLO"))).await.unwrap();
        let (_, report) = tokio::time::timeout(SOON, self.reports.recv()).await.unwrap().unwrap();
        assert!(matches!(report, PortReport::Ended { outcome: Outcome::Delivered(_), .. }), "{report:?}");
        let mut bytes = [0; 4096];
        let n = self.far.read(&mut bytes).await.unwrap();
        let codes: Vec<_> = bytes[..n].iter().map(|b| molink::line::Code::new(*b)).collect();
        Coder::new(CodeTable::Ita2, UnshiftOnSpace::Unknown).print(&codes)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rts_is_switched_on_before_a_message_and_off_after_it() {
    let (tell, mut switched) = mpsc::unbounded_channel();
    let mut machine = machine(Some(Box::new(move |on| {
        tell.send(on).unwrap();
        Ok(())
    })));
    let mut next = async || tokio::time::timeout(SOON, switched.recv()).await.unwrap().unwrap();
    assert!(!next().await, "at first it is off: opening a port has switched it on");
    assert!(machine.prints().await.contains("HELLO"));
    assert_eq!([next().await, next().await], [true, false], "on for the message, and off when nothing more came");
    drop(machine.orders);
    machine.task.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_that_fails_is_said_and_the_message_prints_all_the_same() {
    let mut machine = machine(Some(Box::new(|_| Err("no such line".into()))));
    assert!(machine.prints().await.contains("HELLO"));
    let note = tokio::time::timeout(SOON, machine.notes.recv()).await.unwrap().unwrap();
    assert_eq!(note, "the motor cannot be switched: no such line");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_rts_is_no_place_for_a_motor() {
    let machine = machine(None);
    let why = tokio::time::timeout(SOON, machine.task).await.unwrap().unwrap().unwrap_err();
    assert_eq!(why.to_string(), "motor = `rts` needs a real serial port, and this is none; take the key out");
}

//! A line that carries fax calls by T.38: one UDP socket, one far end, one call at a time.
//!
//! Standard: ITU-T T.38 9 (UDPTL over UDP). In: [`T38Keys`], the station's clock. Out: a [`FaxLine`].
//! A call begins with CNG, or with CED or V.21 after some quiet, from the configured address; what another address sends is not seen (the socket is
//! connected). Datagrams of a call are taken one at a time, each when all that was heard before it is dealt with: so nothing is missed between
//! an end of a signal and the next order. Left out: SIP (peers and ports are configured), TCP. Shown by: `docs/t38.md`, `tests/it/t38_line.rs`.

use super::backend_line::{FaxLine, Handset, Modem, ToModem};
use super::modem::{Heard, Order};
use super::t38::udptl::{LONGEST, MOST_REPEATED};
use super::t38::{Config, Indicator, Input, Output, Syntax, Terminal};
use crate::machine::Machine;
use crate::router::{BoxFuture, Fault, Reason};
use crate::time::{Clock, Instant};
use serde::Deserialize;
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};

/// Who called, and says nothing for so long, has given up: a calling tone comes every 3.5 s.
const RINGS: Duration = Duration::from_secs(8);
/// So long after a call CED or V.21 is a rest of it, and no new call.
const REST: Duration = Duration::from_secs(7);
/// So many datagrams in a row that came back ("port unreachable"): the far end is gone.
const REFUSALS: usize = 3;

/// The table `line` of a fax port: `{ t38 = "HOST:PORT", listen = "PORT" }`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct T38Keys {
    /// The far end: `HOST:PORT`. Only it can call, and only it is called.
    pub t38: String,
    /// Where this end is: `PORT` of the loopback, or `HOST:PORT` for a far end on another machine.
    pub listen: String,
    /// The far end's version of T.38: 0 and 1 have the packets of 1998, 2 and 3 those of 2002.
    #[serde(default)]
    pub version: u8,
    /// How many packets before it a datagram repeats.
    #[serde(default = "three")]
    pub repeats: usize,
}

fn three() -> usize {
    3
}

impl T38Keys {
    /// Whether they make sense; a sentence if not.
    pub fn check(&self) -> Result<(), String> {
        let port = |text: &str| text.parse::<u16>().is_ok_and(|n| n > 0);
        let whole = |text: &str| text.rsplit_once(':').is_some_and(|(host, n)| !host.is_empty() && port(n));
        if !whole(&self.t38) {
            return Err(format!("`t38 = \"{}\"` is not the address of a far end; give HOST:PORT, the port from 1 to 65535", self.t38));
        }
        if !port(&self.listen) && !whole(&self.listen) {
            return Err(format!(
                "`listen = \"{}\"` is not an address of this machine; give PORT (only this machine can call) or HOST:PORT, the port from 1 to 65535",
                self.listen
            ));
        }
        if self.version > 3 {
            return Err(format!("`version = {}` is none of T.38; give 0 to 3 (0 where nothing else is said)", self.version));
        }
        if self.repeats > MOST_REPEATED {
            return Err(format!("`repeats = {}` is too much; give 0 to {MOST_REPEATED}", self.repeats));
        }
        Ok(())
    }
    /// How its line is called in sentences.
    pub fn name(&self) -> String {
        format!("T.38 to {}", self.t38)
    }
    /// What a line with these keys has for itself (see `router::Backend::holds`).
    pub fn holds(&self) -> Vec<String> {
        vec![format!("udp {}", self.at())]
    }
    fn at(&self) -> String {
        if self.listen.contains(':') { self.listen.clone() } else { format!("127.0.0.1:{}", self.listen) }
    }
    /// The socket, of this end alone.
    pub async fn bind(&self) -> Result<UdpSocket, String> {
        let listen = self.at();
        UdpSocket::bind(&listen).await.map_err(|e| match e.kind() {
            ErrorKind::AddrInUse => format!("cannot listen on `{listen}` (UDP): another program has it; give another `listen`"),
            _ => format!("cannot listen on `{listen}` (UDP): {e}; give PORT or HOST:PORT of this machine"),
        })
    }
    fn config(&self, clock: &Clock) -> Config {
        let syntax = if self.version < 2 { Syntax::Of1998 } else { Syntax::Of2002 };
        Config { syntax, repeats: self.repeats, speed: clock.speed() }
    }
}

/// A line to one far end. Its task ends when it is dropped, or when a call that it carried then is over.
pub struct T38Line {
    keys: T38Keys,
    asks: mpsc::Sender<Ask>,
    at: SocketAddr,
}

enum Ask {
    Dial(oneshot::Sender<Result<Handset, Reason>>),
    Ring(oneshot::Sender<Handset>),
}

impl T38Line {
    /// Opens the socket. The error is one sentence. Nothing is sent before a call.
    pub async fn open(keys: &T38Keys, clock: Clock) -> Result<T38Line, String> {
        keys.check()?;
        let (listen, far) = (keys.at(), &keys.t38);
        let lost = |e: std::io::Error| format!("cannot reach `{far}` from `{listen}` (UDP): {e}; give HOST:PORT of the far end");
        // Before the socket is there: until it is connected it would take datagrams from anybody.
        let known: Vec<SocketAddr> = tokio::net::lookup_host(far.as_str()).await.map_err(lost)?.collect();
        let socket = keys.bind().await?;
        socket.connect(&known[..]).await.map_err(lost)?;
        let at = socket.local_addr().map_err(|e| format!("cannot listen on `{listen}` (UDP): {e}"))?;
        let (ask, asks) = mpsc::channel(4);
        let (buffer, ended) = (vec![0; LONGEST + 1], None);
        let task = Task {
            config: keys.config(&clock),
            name: keys.name(),
            clock,
            socket,
            asks,
            waiting: None,
            ringing: None,
            dials: None,
            ended,
            buffer,
        };
        tokio::spawn(task.run());
        Ok(T38Line { keys: keys.clone(), asks: ask, at })
    }
    /// Where this end is.
    pub fn local(&self) -> SocketAddr {
        self.at
    }
}

impl FaxLine for T38Line {
    fn dial(&mut self) -> BoxFuture<'_, Result<Handset, Reason>> {
        Box::pin(async {
            let (reply, answer) = oneshot::channel();
            let gone = || Reason::new(Fault::Us, format!("the line ({}) is closed", self.keys.name()));
            self.asks.send(Ask::Dial(reply)).await.map_err(|_| gone())?;
            answer.await.map_err(|_| gone())?
        })
    }
    fn ring(&mut self) -> BoxFuture<'_, Result<Handset, String>> {
        Box::pin(async {
            let (reply, answer) = oneshot::channel();
            let gone = || format!("the line ({}) is closed", self.keys.name());
            self.asks.send(Ask::Ring(reply)).await.map_err(|_| gone())?;
            answer.await.map_err(|_| gone())
        })
    }
    fn name(&self) -> String {
        self.keys.name()
    }
    fn holds(&self) -> Vec<String> {
        self.keys.holds()
    }
}

/// What owns the socket.
struct Task {
    config: Config,
    name: String,
    clock: Clock,
    socket: UdpSocket,
    asks: mpsc::Receiver<Ask>,
    /// Who waits for a call.
    waiting: Option<oneshot::Sender<Handset>>,
    /// When the far end called last, and with what.
    ringing: Option<(Instant, Vec<u8>)>,
    /// Who wants to call as soon as the last call is put away.
    dials: Option<oneshot::Sender<Result<Handset, Reason>>>,
    /// When the last call ended.
    ended: Option<Instant>,
    buffer: Vec<u8>,
}

/// What happens between calls.
enum Idle {
    Asked(Option<Ask>),
    Came(Option<Vec<u8>>),
}

impl Task {
    async fn run(mut self) {
        loop {
            self.answer().await;
            if let Some(reply) = self.dials.take() {
                self.dial(reply).await;
                continue;
            }
            let idle = tokio::select! {
                ask = self.asks.recv() => Idle::Asked(ask),
                came = receive(&self.socket, &mut self.buffer) => Idle::Came(came),
            };
            match idle {
                Idle::Asked(None) => return,
                Idle::Asked(Some(Ask::Ring(reply))) => self.waiting = Some(reply),
                Idle::Asked(Some(Ask::Dial(reply))) => self.dial(reply).await,
                Idle::Came(datagram) => self.rings(datagram),
            }
        }
    }
    /// A datagram between calls.
    fn rings(&mut self, datagram: Option<Vec<u8>>) {
        let Some(datagram) = datagram else { return };
        let now = self.clock.now();
        let quiet = self.ended.is_none_or(|at| now.since(at) >= self.clock.speed().timer(REST));
        match Terminal::opening(&datagram, self.config.syntax) {
            Some(Indicator::Cng) => self.ringing = Some((now, datagram)),
            Some(Indicator::Ced | Indicator::V21Preamble) if quiet => self.ringing = Some((now, datagram)),
            _ => {} // the rest of a call, or none of T.38: nobody is called by that
        }
    }
    fn fresh(&mut self) -> Option<(Instant, Vec<u8>)> {
        let (now, rings) = (self.clock.now(), self.clock.speed().timer(RINGS));
        self.ringing = self.ringing.take().filter(|(at, _)| now.since(*at) < rings);
        self.ringing.clone()
    }
    /// Somebody waits for a call, and one is there.
    async fn answer(&mut self) {
        while let Some((_, datagram)) = self.fresh() {
            let Some(waiting) = self.waiting.take() else { return };
            let (handset, modem) = Handset::new();
            if waiting.send(handset).is_ok() {
                self.ringing = None;
                self.call(modem, Some(datagram)).await;
            }
        }
    }
    async fn dial(&mut self, reply: oneshot::Sender<Result<Handset, Reason>>) {
        if self.fresh().is_some() {
            let _ = reply.send(Err(Reason::new(Fault::Peer, format!("the line ({}) is busy: the far end is calling", self.name))));
            return;
        }
        let (handset, modem) = Handset::new();
        if reply.send(Ok(handset)).is_ok() {
            self.call(modem, None).await;
        }
    }

    /// A call, until the handset is down and the last datagram is out.
    async fn call(&mut self, modem: Modem, first: Option<Vec<u8>>) {
        let mut call = Call { terminal: Terminal::new(self.config), modem, heard: VecDeque::new(), unsettled: 0, refused: 0, over: false };
        if let Some(datagram) = first {
            let outputs = call.terminal.handle(self.clock.now(), Input::Datagram(datagram));
            self.carry_out(&mut call, outputs).await;
        }
        while !(call.over && call.terminal.deadline().is_none()) {
            if self.step(&mut call).await {
                break;
            }
        }
        self.ended = Some(self.clock.now());
    }
    /// One thing that happens in a call; whether the next call is to begin at once.
    async fn step(&mut self, call: &mut Call) -> bool {
        let deadline = call.terminal.deadline();
        let wait = async {
            match deadline {
                Some(at) => tokio::time::sleep(self.clock.until(at)).await,
                None => std::future::pending().await,
            }
        };
        let deaf = call.over || !call.heard.is_empty() || call.unsettled > 0;
        let happens = tokio::select! {
            biased;
            told = call.modem.orders.recv(), if !call.over => Busy::Told(told),
            _ = call.modem.heard.reserve(), if !call.over && !call.heard.is_empty() => Busy::Room,
            () = wait => Busy::Due,
            came = receive(&self.socket, &mut self.buffer), if !deaf => Busy::Came(came),
            ask = self.asks.recv(), if !self.asks.is_closed() => Busy::Asked(ask),
        };
        let now = self.clock.now();
        let outputs = match happens {
            Busy::Told(Some(ToModem::Order(order))) => call.order(now, order),
            Busy::Told(Some(ToModem::Settled)) => {
                call.unsettled = call.unsettled.saturating_sub(1);
                return false;
            }
            Busy::Told(None) => call.order(now, Order::HangUp),
            Busy::Room => {
                // If nobody hears it the handset is down, and that is the next thing that happens.
                if call.heard.pop_front().is_some_and(|heard| call.modem.heard.try_send(heard).is_ok()) {
                    call.unsettled += 1;
                }
                return false;
            }
            Busy::Due => call.terminal.tick(now),
            Busy::Came(came) => call.came(now, came),
            Busy::Asked(ask) => return self.asked(call.over, ask),
        };
        self.carry_out(call, outputs).await;
        false
    }
    /// Somebody wants a call while there is one. Where only its last packet is said again, it gives way.
    fn asked(&mut self, over: bool, ask: Option<Ask>) -> bool {
        match ask {
            Some(Ask::Ring(reply)) => self.waiting = Some(reply),
            Some(Ask::Dial(reply)) if over => self.dials = Some(reply),
            Some(Ask::Dial(reply)) => {
                let _ = reply.send(Err(Reason::new(Fault::Peer, format!("the line ({}) is busy with a call", self.name))));
            }
            None => {}
        }
        self.dials.is_some()
    }
    async fn carry_out(&mut self, call: &mut Call, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                // A datagram that does not go out is one that is lost; UDP promises no more.
                Output::Datagram(datagram) => drop(self.socket.send(&datagram).await),
                Output::Heard(heard) => call.heard.push_back(heard),
                Output::Anew(datagram) => self.rings(Some(datagram)),
                Output::Odd(_) => {} // passed over, as noise is
            }
        }
    }
}

/// What happens in a call.
enum Busy {
    Told(Option<ToModem>),
    Room,
    Due,
    Came(Option<Vec<u8>>),
    Asked(Option<Ask>),
}

/// A call's own.
struct Call {
    terminal: Terminal,
    modem: Modem,
    /// What is to be told.
    heard: VecDeque<Heard>,
    /// What was told and is not dealt with.
    unsettled: usize,
    /// Datagrams that came back, in a row.
    refused: usize,
    over: bool,
}

impl Call {
    fn order(&mut self, now: Instant, order: Order) -> Vec<Output> {
        self.over |= order == Order::HangUp;
        self.terminal.handle(now, Input::Order(order))
    }
    fn came(&mut self, now: Instant, came: Option<Vec<u8>>) -> Vec<Output> {
        match came {
            Some(datagram) => {
                self.refused = 0;
                self.terminal.handle(now, Input::Datagram(datagram))
            }
            None => {
                self.refused += 1;
                if self.refused == REFUSALS { vec![Output::Heard(Heard::Lost)] } else { vec![] }
            }
        }
    }
}

/// The next datagram of the far end; `None`: one of ours came back.
async fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> Option<Vec<u8>> {
    match socket.recv(buffer).await {
        Ok(length) => Some(buffer[..length].to_vec()),
        Err(e) if e.kind() == ErrorKind::ConnectionRefused => None,
        Err(_) => {
            // Nothing that is known to happen; not so often that it keeps a processor busy.
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

//! The client of an e-mail port: takes the router's orders, hands messages to the far end, several a connection.
//!
//! Standards: RFC 5321, 3207, 3461 (`docs/smtp.md`). In: deliveries and call-offs. Out: one report for each; the line up, the line down.
//! Left out: the session itself (`smtp::client`), its connection (`call`), retries (the router's). Shown by: `tests/it/email_client.rs`.

mod call;
mod outgoing;
pub(in crate::email) mod tls;
mod wire;

use self::outgoing::{Prepared, prepare};
use self::tls::Guard;
use crate::email::backend::Shared;
use crate::email::keys::{Keys, Kind};
use crate::email::smtp::client::{Config, Tls};
use crate::line::ip::tcp::{self, Patience, plain};
use crate::message::Name;
use crate::router::{Delivery, Event, Fault, Order, Outcome, Port, Reason};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(30);
/// How long a far end may be silent on the wire: as long as a block of data may take (RFC 5321 4.5.3.2.5).
const PATIENCE: Patience = Patience { idle: Duration::from_secs(60), between: Duration::from_secs(15), probes: 8 };

/// A delivery on its way to a connection.
enum Next {
    /// As it was ordered.
    Ordered(Delivery),
    /// Looked at already.
    Ready(Arc<Prepared>),
}

/// What is known of the line beyond one connection.
#[derive(Default)]
struct Known {
    up: Option<bool>,
    /// The last message broke the connection: a greeting alone does not say that the line is up.
    pub shaky: bool,
    /// What was said once.
    said: Vec<String>,
}

impl Known {
    /// The far end takes messages.
    pub fn line_up(&mut self, shared: &Shared) {
        self.shaky = false;
        if self.up.replace(true) != Some(true) {
            shared.events.emit(Event::LineUp { peer: far_end(&shared.keys) }, None);
        }
    }
    /// It does not.
    pub fn line_down(&mut self, shared: &Shared, reason: &str) {
        if self.up.replace(false) != Some(false) {
            shared.events.emit(Event::LineDown { reason: reason.to_owned() }, None);
        }
    }
    /// Says something, once as long as the port runs.
    pub fn say(&mut self, shared: &Shared, text: String) {
        if !self.said.contains(&text) && self.said.len() < 20 {
            shared.note(text.clone());
            self.said.push(text);
        }
    }
}

/// What the smart-host is called where a station would be named: its receipts are of the `mail-server`.
pub(in crate::email) const MAIL_SERVER: &str = "mail-server";

/// Who gives receipts: the station at the far end, or a name for the smart-host, on the way to the world outside.
fn far_end(keys: &Keys) -> Name {
    let host = |name: &str| name.parse().ok().filter(|name| keys.outside().as_ref() != Some(name));
    let known = keys.peer.clone().filter(|_| keys.kind == Kind::Line);
    match known.or_else(|| host(MAIL_SERVER)).or_else(|| host("smart-host")) {
        Some(name) => name,
        None => unreachable!("one of two names is not the third"),
    }
}

/// Runs until the orders end.
pub(super) async fn run(shared: Arc<Shared>, mut port: Port) -> Result<(), String> {
    let mut known = Known::default();
    let mut next = None;
    loop {
        let delivery = match next.take() {
            Some(delivery) => delivery,
            None => match port.next_order().await {
                None => return Ok(()),
                Some(Order::Deliver(delivery)) => Next::Ordered(delivery),
                Some(Order::CallOff(_) | Order::Tell { .. }) => continue, // it ended before; nobody types here
            },
        };
        let number = match &delivery {
            Next::Ordered(delivery) => delivery.number,
            Next::Ready(prepared) => prepared.delivery.number,
        };
        let outcome = tokio::select! {
            biased;
            reached = reach(&shared, delivery) => match reached {
                Ok((prepared, stream, config, guard)) => {
                    let ended = call::run(&shared, &mut port, &mut known, prepared, (stream, config, guard)).await;
                    if ended.stopped {
                        return Ok(());
                    }
                    next = ended.next;
                    continue;
                }
                Err(Unreached::Settled(outcome)) => outcome,
                Err(Unreached::Down(reason)) => {
                    known.line_down(&shared, &reason.text);
                    Outcome::Deferred(reason)
                }
            },
            called_off = left(&mut port, number) => match called_off {
                true => Outcome::CalledOff { at: "before the connection was made".into() },
                false => return Ok(()), // nothing went out; the journal knows
            },
        };
        shared.door.report(number, outcome).await;
    }
}

/// Waits until this delivery is called off (`true`) or the station stops.
async fn left(port: &mut Port, number: u64) -> bool {
    loop {
        match port.next_order().await {
            None => return false,
            Some(Order::CallOff(n)) if n == number => return true,
            Some(Order::CallOff(_) | Order::Tell { .. }) => {}
            Some(Order::Deliver(other)) => {
                let text = "another message was handed to the port before the last one was settled";
                port.door().report(other.number, Outcome::NotBegun(Reason::new(Fault::Us, text))).await;
            }
        }
    }
}

enum Unreached {
    /// It is about the message.
    Settled(Outcome),
    /// It is about the line.
    Down(Reason),
}

/// Prepares a delivery and connects.
async fn reach(shared: &Arc<Shared>, next: Next) -> Result<(Arc<Prepared>, TcpStream, Config, Guard), Unreached> {
    let prepared = match next {
        Next::Ready(prepared) => prepared,
        Next::Ordered(delivery) => prepared(shared, delivery).await.map_err(Unreached::Settled)?,
    };
    let us = |text: String| Unreached::Down(Reason::new(Fault::Us, text));
    let smtp = shared.keys.line.smtp.clone();
    let smtp = smtp.ok_or_else(|| us(format!("port `{}` only receives; give it `line.smtp`, or route by another", shared.port)))?;
    let (stream, at_home) = connect(&smtp).await.map_err(|why| Unreached::Down(Reason::new(Fault::Line, why)))?;
    let (config, guard) = configured(shared, &smtp, at_home).await.map_err(us)?;
    Ok((prepared, stream, config, guard))
}

/// Prepares a delivery, on a thread that may wait for the disk.
async fn prepared(shared: &Arc<Shared>, delivery: Delivery) -> Result<Arc<Prepared>, Outcome> {
    let shared = shared.clone();
    let done = tokio::task::spawn_blocking(move || prepare(&shared, delivery)).await;
    let bug = |e| Outcome::Deferred(Reason::new(Fault::Us, format!("the mail could not be written (a bug): {e}")));
    done.map_err(bug)?.map(Arc::new)
}

/// A connection, and whether it stays on this machine.
async fn connect(to: &str) -> Result<(TcpStream, bool), String> {
    let stream = match tokio::time::timeout(CONNECT, TcpStream::connect(to)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(e)) => return Err(format!("cannot connect to `{to}`: {}; is a mail server listening there?", plain(&e))),
        Err(_) => return Err(format!("cannot connect to `{to}`: no answer within {} s; is the address right?", CONNECT.as_secs())),
    };
    tcp::set(&stream, PATIENCE).map_err(|e| format!("cannot set the connection to `{to}` up: {}", plain(&e)))?;
    let at_home = stream.peer_addr().is_ok_and(|a| a.ip().is_loopback());
    Ok((stream, at_home))
}

/// What a session has to know; the files it needs are read anew for each.
async fn configured(shared: &Arc<Shared>, smtp: &str, at_home: bool) -> Result<(Config, Guard), String> {
    let keys = &shared.keys;
    let guard = Guard::of(keys, &shared.station);
    let peer = match &keys.peer {
        Some(peer) if keys.kind == Kind::Line => peer.to_string(),
        _ => smtp.to_owned(),
    };
    let (file, look, wanted) = (keys.login.clone(), guard.clone(), keys.security());
    let read = tokio::task::spawn_blocking(move || {
        if wanted != Tls::Never {
            look.look()?;
        }
        file.map(|file| tls::login(&file)).transpose()
    });
    let login =
        read.await.map_err(|e| format!("the files of the line could not be read (a bug): {e}"))?.map_err(|why| format!("{peer} {why}"))?;
    let tls = match &login {
        None => wanted,
        Some(_) => with_password(wanted, at_home, guard.verifies()).ok_or_else(|| {
            format!("{peer} is sent no password: who is there is not known; give `line.authority` the certificate of its authority, and take `line.security` away")
        })?,
    };
    Ok((Config { host: keys.host(&shared.station), peer, tls, login, chunks: false, speed: shared.clock.speed() }, guard))
}

/// A password goes out under TLS that was verified, or stays on this machine.
fn with_password(wanted: Tls, at_home: bool, verifies: bool) -> Option<Tls> {
    match (at_home, wanted) {
        (true, _) => Some(wanted),
        (false, Tls::Required | Tls::Wanted) => verifies.then_some(Tls::Required),
        (false, Tls::Never) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_leaves_this_machine_only_under_tls_that_was_verified() {
        use Tls::*;
        for (wanted, at_home, verifies, so) in [
            (Never, true, false, Some(Never)),
            (Wanted, true, false, Some(Wanted)),
            (Wanted, false, true, Some(Required)),
            (Required, false, true, Some(Required)),
            (Required, false, false, None),
            (Wanted, false, false, None),
            (Never, false, true, None),
        ] {
            assert_eq!(with_password(wanted, at_home, verifies), so, "{wanted:?} {at_home} {verifies}");
        }
    }
}

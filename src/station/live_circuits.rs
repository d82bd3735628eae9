//! The circuits of a scenario that is run for real: codes go by ptys and a relay, voice by an exchange in this process, mail by connections.
//!
//! Standards: none. In: a circuit's plan, commands of the timeline. Out: what stations open (a pty's path, an end of an exchange, a listener).
//! Left out: other processes (`molink line`, T.38). Shown by: `molink demo`, `tests/it/satellites.rs`.

use super::live::Told;
use super::live_mail::MailCircuit;
use super::{Factory, StationError};
use crate::email::Email;
use crate::fax::Fax;
use crate::fax::backend::{BoxLine, LineFactory};
use crate::fax::backend_exchange::Exchange;
use crate::fax::keys::Keys;
use crate::history::scenario::{CircuitPlan, Medium};
use crate::line::device::Settings;
use crate::line::relay::{End, Relay, RelayConfig, RelayHandle};
use crate::message::Name;
use crate::router::Backend;
use crate::time::Clock;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;

/// The ends of voice circuits, by station and port.
pub(super) type Voices = BTreeMap<(Name, String), (Exchange, usize)>;

/// Makes the fax ports of a scenario: each on its end of a voice circuit.
pub(super) fn fax_ports(voices: Voices) -> impl Fn(&str, &Name, toml::Table) -> Result<Box<dyn Backend>, String> + Send + Sync + 'static {
    move |port, station, keys| {
        let keys = Keys::read(keys)?;
        let at = voices.get(&(station.clone(), port.to_owned())).cloned();
        let (exchange, end) = at.ok_or("no circuit of the scenario ends here; name it in the `ends` of one")?;
        let open: LineFactory = Box::new(move |_| {
            let line = Box::new(exchange.end(end)) as BoxLine;
            Box::pin(async move { Ok(line) })
        });
        Ok(Box::new(Fax::on(station, keys, open)?))
    }
}

/// The listeners of mail circuits' servers, by station and port.
pub(super) type Listeners = BTreeMap<(Name, String), Arc<std::net::TcpListener>>;

/// Makes the e-mail ports of a scenario: each on the listener of its end of a mail circuit.
pub(super) fn mail_ports(listeners: Listeners) -> Factory {
    Arc::new(move |port, station, keys| {
        let at = listeners.get(&(station.clone(), port.to_owned()));
        let listener = at.ok_or("no circuit of the scenario ends here; name it in the `ends` of one")?;
        let again = listener.try_clone().map_err(|e| format!("its listener cannot be taken over: {e}"))?;
        Ok(Box::new(Email::on(station, keys, again)?) as Box<dyn Backend>)
    })
}

/// What circuits are started with.
pub(super) struct Stage<'s> {
    /// Where the ptys of codes lie.
    pub lines: [PathBuf; 2],
    /// A folder for the circuit's keys.
    pub keys: &'s Path,
    pub seed: u64,
    /// The story's.
    pub clock: Clock,
    /// Who watches mail circuits.
    pub tap: mpsc::UnboundedSender<Told>,
}

/// A circuit at work.
pub(super) enum Joined {
    /// Codes, between two ptys.
    Codes(Box<RelayHandle>),
    /// Voice.
    Voice(Exchange),
    /// Connections.
    Mail(Box<MailCircuit>),
}

impl Joined {
    /// Joins the ends of a circuit.
    pub(super) async fn start(name: &str, plan: &CircuitPlan, stage: Stage<'_>) -> Result<Joined, StationError> {
        let Stage { lines, keys, seed, clock, tap } = stage;
        let speed = clock.speed();
        match plan.medium {
            Medium::Voice => Ok(Joined::Voice(Exchange::start(format!("circuit {name}"), plan.profile, seed, speed))),
            Medium::Mail => Ok(Joined::Mail(Box::new(MailCircuit::start(name, plan, keys, clock, tap).await?))),
            Medium::Codes => {
                let [one, other] = lines.map(End::Pty);
                let settings = Settings { baud: 50.0, units: 7.5 };
                let config = RelayConfig { profile: plan.profile, seed, settings, speed, log: None, control: None };
                let relay = Relay::start(one, other, config).await.map_err(|e| StationError(format!("circuit `{name}`: {e}")))?;
                Ok(Joined::Codes(Box::new(relay)))
            }
        }
    }
    /// The exchange of a voice circuit.
    pub(super) fn exchange(&self) -> Option<&Exchange> {
        match self {
            Joined::Codes(_) | Joined::Mail(_) => None,
            Joined::Voice(exchange) => Some(exchange),
        }
    }
    /// The mail circuit, if it is one.
    pub(super) fn mail(&self) -> Option<&MailCircuit> {
        match self {
            Joined::Mail(circuit) => Some(circuit),
            Joined::Codes(_) | Joined::Voice(_) => None,
        }
    }
    /// One command, as `molink line` takes them; answers `ok …` or `error …`.
    pub(super) async fn command(&self, line: &str) -> String {
        match self {
            Joined::Codes(relay) => relay.command(line).await,
            Joined::Voice(exchange) => exchange.command(line).await,
            Joined::Mail(circuit) => circuit.command(line),
        }
    }
    /// Ends it in order.
    pub(super) async fn stop(self) {
        match self {
            Joined::Codes(relay) => relay.stop().await,
            Joined::Voice(_) => {} // it ends with its last end
            Joined::Mail(circuit) => circuit.stop(),
        }
    }
}

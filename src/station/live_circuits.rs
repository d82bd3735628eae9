//! The circuits of a scenario that is run for real: codes go by ptys and a relay, voice by an exchange in this process.
//!
//! Standards: none. In: a circuit's plan, commands of the timeline. Out: what stations open (a pty's path, an end of an exchange).
//! Left out: other processes (`molink line`, T.38). Shown by: `molink demo`, `tests/it/satellites.rs`.

use super::StationError;
use crate::fax::Fax;
use crate::fax::backend::{BoxLine, LineFactory};
use crate::fax::backend_exchange::Exchange;
use crate::fax::keys::Keys;
use crate::history::scenario::CircuitPlan;
use crate::line::device::Settings;
use crate::line::relay::{End, Relay, RelayConfig, RelayHandle};
use crate::message::Name;
use crate::router::Backend;
use crate::time::Speed;
use std::collections::BTreeMap;
use std::path::PathBuf;

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

/// A circuit at work.
pub(super) enum Joined {
    /// Codes, between two ptys.
    Codes(Box<RelayHandle>),
    /// Voice.
    Voice(Exchange),
}

impl Joined {
    /// Joins the ends of a circuit; `paths` are where the ptys of codes lie.
    pub(super) async fn start(
        name: &str,
        plan: &CircuitPlan,
        paths: [PathBuf; 2],
        seed: u64,
        speed: Speed,
    ) -> Result<Joined, StationError> {
        if plan.voice {
            return Ok(Joined::Voice(Exchange::start(format!("circuit {name}"), plan.profile, seed, speed)));
        }
        let [one, other] = paths.map(End::Pty);
        let settings = Settings { baud: 50.0, units: 7.5 };
        let config = RelayConfig { profile: plan.profile, seed, settings, speed, log: None, control: None };
        let relay = Relay::start(one, other, config).await.map_err(|e| StationError(format!("circuit `{name}`: {e}")))?;
        Ok(Joined::Codes(Box::new(relay)))
    }
    /// The exchange of a voice circuit.
    pub(super) fn exchange(&self) -> Option<&Exchange> {
        match self {
            Joined::Codes(_) => None,
            Joined::Voice(exchange) => Some(exchange),
        }
    }
    /// One command, as `molink line` takes them; answers `ok …` or `error …`.
    pub(super) async fn command(&self, line: &str) -> String {
        match self {
            Joined::Codes(relay) => relay.command(line).await,
            Joined::Voice(exchange) => exchange.command(line).await,
        }
    }
    /// Ends it in order.
    pub(super) async fn stop(self) {
        match self {
            Joined::Codes(relay) => relay.stop().await,
            Joined::Voice(_) => {} // it ends with its last end
        }
    }
}

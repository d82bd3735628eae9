//! A configuration made into a running station: the list of backends, the hub between router, ports, disk and people.
//!
//! Standards: none. In: a station file, or a [`StationConfig`]. Out: a [`Running`] station.
//! Left out: what any medium does. Shown by: `tests/it/processes.rs`, `molink demo`.

pub mod config;
mod faxes;
mod forms;
mod hub;
pub mod live;
mod live_circuits;
pub mod live_mail;
mod mailboxes;
mod misprint;
mod owed;
mod papers;
mod ports;
mod printer;

pub use config::{ConfigError, StationConfig};
pub use hub::{Running, StationError};

use crate::message::Name;
use crate::router::{Backend, EventSink};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Makes a backend for a port: (port, station, the port's own keys) to a backend, or one sentence why not.
pub type Factory = Arc<dyn Fn(&str, &Name, toml::Table) -> Result<Box<dyn Backend>, String> + Send + Sync>;

/// THE list of backends: adding a medium is one folder and one line here.
fn backends() -> BTreeMap<String, Factory> {
    let teletype: Factory = Arc::new(|port, station, keys| {
        let backend = crate::teletype::Teletype::from_table(port, station, keys)?;
        Ok(Box::new(backend) as Box<dyn Backend>)
    });
    let fax: Factory = Arc::new(|port, station, keys| {
        let backend = crate::fax::Fax::from_table(port, station, keys)?;
        Ok(Box::new(backend) as Box<dyn Backend>)
    });
    let email: Factory = Arc::new(|_, station, keys| {
        let backend = crate::email::Email::from_table(station, keys)?;
        Ok(Box::new(backend) as Box<dyn Backend>)
    });
    BTreeMap::from([("teletype".to_owned(), teletype), ("fax".to_owned(), fax), ("email".to_owned(), email)])
}

/// A station in the making.
pub struct Builder {
    backends: BTreeMap<String, Factory>,
    observers: Vec<Arc<dyn EventSink>>,
}

/// A machine stands at a desk, and only there: routes lead over lines.
fn machines_have_desks(config: &StationConfig, made: &BTreeMap<String, Box<dyn Backend>>) -> Result<(), ConfigError> {
    for (port, backend) in made {
        let desk = config.machines.iter().find(|(_, p)| *p == port).map(|(desk, _)| desk);
        let route = config.routes.iter().find(|r| r.ports.contains(port));
        let why = match (backend.at_desk(), desk, route) {
            (Some(_), None, _) => format!("is a machine, but at no desk; add port = \"{port}\" to a [desk.NAME]"),
            (Some(_), _, Some(route)) => {
                format!("is a machine at a desk, and the route to `{}` names it; routes lead over lines", route.to)
            }
            (None, Some(desk), _) => {
                format!("is a line to a station, and [desk.{desk}] names it; a desk has a machine (`kind = \"machine\"`)")
            }
            (Some(_), Some(_), None) | (None, None, _) => continue,
        };
        return Err(config.origin.port_error(port, &why));
    }
    Ok(())
}

/// A station: see [`Station::builder`].
pub struct Station;

impl Station {
    /// Begins a station with the built-in backends.
    ///
    /// ```no_run
    /// # use molink::station::{Station, StationConfig};
    /// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
    /// let config = StationConfig::read("washington.toml".as_ref())?;
    /// let running = Station::builder().start(config).await?;
    /// running.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn builder() -> Builder {
        Builder { backends: backends(), observers: vec![] }
    }
}

impl Builder {
    /// Adds a backend (or replaces one): ports with `backend = "NAME"` are made by `factory`, again after each failure.
    pub fn backend<F>(mut self, name: &str, factory: F) -> Builder
    where
        F: Fn(&str, &Name, toml::Table) -> Result<Box<dyn Backend>, String> + Send + Sync + 'static,
    {
        self.backends.insert(name.to_owned(), Arc::new(factory));
        self
    }

    /// Adds somebody who sees every event: derived ones as they happen, durable ones once on disk.
    pub fn observe(mut self, observer: Arc<dyn EventSink>) -> Builder {
        self.observers.push(observer);
        self
    }

    /// The backend of each port, made once to see that its keys are right.
    pub fn check(&self, config: &StationConfig) -> Result<BTreeMap<String, Box<dyn Backend>>, ConfigError> {
        let mut made: BTreeMap<String, Box<dyn Backend>> = BTreeMap::new();
        let mut held: BTreeMap<String, String> = BTreeMap::new();
        for (port, wanted) in &config.ports {
            let factory = self.factory(config, port, &wanted.backend)?;
            let backend = factory(port, &config.station, wanted.keys.clone()).map_err(|e| config.origin.port_error(port, &e))?;
            for what in backend.holds() {
                if let Some(other) = held.insert(what.clone(), port.clone()) {
                    let why = format!("{what} is at port `{other}` already; each port needs its own");
                    return Err(config.origin.port_error(port, &why));
                }
            }
            made.insert(port.clone(), backend);
        }
        machines_have_desks(config, &made)?;
        Ok(made)
    }

    fn factory(&self, config: &StationConfig, port: &str, backend: &str) -> Result<&Factory, ConfigError> {
        self.backends.get(backend).ok_or_else(|| {
            let known: Vec<&str> = self.backends.keys().map(String::as_str).collect();
            let hint = match crate::message::address::nearest(backend, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`"),
                None => format!("this build has: {}", known.join(", ")),
            };
            config.origin.port_error(port, &format!("`backend` is `{backend}`, which does not exist; {hint}"))
        })
    }

    /// Starts the station: journal open, ports running, API listening.
    pub async fn start(self, config: StationConfig) -> Result<Running, StationError> {
        hub::start(self, config).await
    }
}

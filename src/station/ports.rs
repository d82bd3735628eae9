//! Keeps the backends of a station running: makes each, watches it, starts it again after a failure.
//!
//! Standards: none. In: a port's factory and keys. Out: [`FromPort`] messages to the hub.
//! Left out: what follows for messages (the router decides). Shown by: `tests/it/processes.rs`.

use super::Factory;
use crate::message::Name;
use crate::router::port::{Orders, PortReport};
use crate::router::{EventSink, Place, Port};
use crate::time::Clock;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// What the hub hears of a port's backend.
pub(super) enum FromPort {
    /// It runs; its orders go here.
    Runs { port: String, orders: Orders },
    /// It stopped, for this reason; `again`: for the same as the last time, which was said.
    Stopped { port: String, why: String, again: bool },
}

/// What one port needs to be started, again and again.
pub(super) struct PortTask {
    pub port: String,
    pub station: Name,
    pub keys: toml::Table,
    pub factory: Factory,
    pub sink: Arc<dyn EventSink>,
    pub clock: Clock,
    pub place: Place,
    pub reports: mpsc::Sender<(String, PortReport)>,
    pub hub: mpsc::Sender<FromPort>,
    pub stopping: watch::Receiver<bool>,
}

/// The first pause after a backend failed; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

impl PortTask {
    /// Runs the backend until the station stops.
    pub async fn run(mut self) {
        let (mut pause, mut said) = (FIRST_PAUSE, String::new());
        loop {
            let since = self.clock.now();
            let why = self.once().await;
            if self.clock.now().since(since) > LONGEST_PAUSE {
                (pause, said) = (FIRST_PAUSE, String::new()); // it ran well for a while
            }
            let again = why == said;
            said.clone_from(&why);
            if *self.stopping.borrow() || self.hub.send(FromPort::Stopped { port: self.port.clone(), why, again }).await.is_err() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                _ = self.stopping.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn once(&self) -> String {
        let backend = match (self.factory)(&self.port, &self.station, self.keys.clone()) {
            Ok(backend) => backend,
            Err(why) => return why,
        };
        let (port, orders) = Port::new(&self.port, &self.station, self.reports.clone(), self.sink.clone(), self.clock.clone());
        let port = port.at(self.place.clone());
        if self.hub.send(FromPort::Runs { port: self.port.clone(), orders }).await.is_err() {
            return "the station is stopping".into();
        }
        // A backend that panics takes only its own port down.
        match tokio::spawn(backend.run(port)).await {
            Ok(Ok(())) => "the backend ended".into(),
            Ok(Err(e)) => e.to_string(),
            Err(_) => "the backend failed inside (a bug); the log above says where".into(),
        }
    }
}

//! The e-mail backend: a server that takes mail in, a client that hands it on, and a clerk that tells senders what became of theirs.
//!
//! Standards: RFC 5321 and its extensions (`docs/smtp.md`). In: orders of the router, connections. Out: outcomes, messages, notices.
//! Left out: sessions (`smtp`), what a mail says (`mime`); each task's own work (`backend_server`, `backend_client`, `backend_clerk`).
//! Shown by: `tests/it/email_server.rs`, `docs/email.md`.

use super::backend_book::Book;
use super::backend_client::{self, tls};
use super::backend_users::Users;
use super::keys::Keys;
use super::mime::Domains;
use super::{backend_clerk, backend_server};
use crate::message::{Name, Takes};
use crate::router::port::Events;
use crate::router::{Backend, BackendError, BoxFuture, Door, Event, Place, Port};
use crate::time::{Clock, Speed};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// An e-mail port.
pub struct Email {
    keys: Keys,
    /// A listener that is open already.
    open: Option<std::net::TcpListener>,
}

/// What the tasks of a port share.
pub(super) struct Shared {
    pub port: String,
    pub station: Name,
    pub keys: Keys,
    pub domains: Domains,
    pub place: Place,
    pub door: Door,
    pub events: Events,
    pub clock: Clock,
    pub book: Book,
    /// Where tasks are begun from threads that are none of the runtime's.
    pub runtime: tokio::runtime::Handle,
}

impl Shared {
    /// Says something to whoever watches the port.
    pub fn note(&self, text: impl Into<String>) {
        self.events.emit(Event::Note { text: text.into() }, None);
    }
    /// Says something that somebody should act on.
    pub fn warn(&self, text: impl Into<String>) {
        self.events.warn(text);
    }
}

impl Email {
    /// Reads the port's keys.
    pub fn from_table(station: &Name, table: toml::Table) -> Result<Email, String> {
        let keys = Keys::read(table)?;
        if keys.peer.as_ref() == Some(station) {
            return Err(format!("`peer = \"{station}\"` is this station itself; name the one at the far end"));
        }
        let domains = keys.domains();
        for known in [station].into_iter().chain(&keys.peer) {
            let domain = domains.of(known);
            if let Some(other) = domains.stations(&domain).find(|other| *other != known) {
                return Err(format!(
                    "`domains`: `{domain}` is {other}'s and {known}'s too, and its mail could be for one only; give each its own"
                ));
            }
        }
        Ok(Email { keys, open: None })
    }
    /// The same, on a listener that is open already (a circuit in this process has found a free port); `line.listen` is its name.
    pub fn on(station: &Name, table: toml::Table, open: std::net::TcpListener) -> Result<Email, String> {
        Ok(Email { open: Some(open), ..Email::from_table(station, table)? })
    }
}

impl Backend for Email {
    fn takes(&self) -> Takes {
        Takes::everything()
    }
    fn outside(&self) -> Option<Name> {
        self.keys.outside()
    }
    fn check(&self, station: &Name, _: Speed) -> BoxFuture<'_, Result<Vec<String>, String>> {
        let station = station.clone();
        Box::pin(async move {
            let mut notes = backend_server::check(&self.keys, &station).await?;
            notes.extend(tls::check(&self.keys, &station, self.keys.security())?);
            Ok(notes)
        })
    }
    fn listens(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            match self.keys.line.listen.as_ref().filter(|_| self.open.is_none()) {
                Some(at) => backend_server::listen(at, self.keys.line.anyone).await.map(drop),
                None => Ok(()),
            }
        })
    }
    fn holds(&self) -> Vec<String> {
        self.keys.line.listen.iter().map(|at| format!("the address {at}")).collect()
    }
    fn sends(&self) -> Result<(), String> {
        self.keys.line.smtp.as_ref().map(drop).ok_or_else(|| "it only receives; give its `line` an `smtp`".into())
    }
    fn writers(&self) -> Vec<(String, Name)> {
        let users = self.keys.users.as_ref().and_then(|path| Users::at(path).read().ok()).unwrap_or_default();
        users.into_iter().filter_map(|(name, user)| Some((format!("user `{}`", name.escape_debug()), user.desk?))).collect()
    }
    fn run(self: Box<Self>, port: Port) -> BoxFuture<'static, Result<(), BackendError>> {
        Box::pin(async move {
            let dir = port.place().data.join("mail");
            let shared = Arc::new(Shared {
                runtime: tokio::runtime::Handle::current(),
                port: port.name().to_owned(),
                station: port.station().clone(),
                domains: self.keys.domains(),
                place: port.place().clone(),
                door: port.door(),
                events: port.events().clone(),
                clock: port.clock().clone(),
                book: Book::open(&dir, self.keys.outside().as_ref(), &self.keys.people, self.keys.quota as usize * 10)
                    .map_err(BackendError)?,
                keys: self.keys,
            });
            let (stop, stopping) = watch::channel(false);
            let mut tasks: JoinSet<Result<(), String>> = JoinSet::new(); // dropped, it ends them
            let mut server = None;
            if let Some(at) = &shared.keys.line.listen {
                let open = self.open.map(taken_over).transpose();
                let listener = open.map_err(|e| BackendError(format!("cannot listen at {at}: {e}")))?;
                server = Some(tasks.spawn(backend_server::serve(shared.clone(), at.clone(), listener, stopping)).id());
            }
            if shared.place.history.is_some() && (shared.keys.outside().is_some() || shared.keys.users.is_some()) {
                tasks.spawn(backend_clerk::run(shared.clone()));
            }
            let client = backend_client::run(shared.clone(), port);
            tokio::select! {
                ended = client => {
                    // The station stops: whoever is connected is told.
                    let _ = stop.send(true);
                    while let Some(task) = server && let Some(ended) = tasks.join_next_with_id().await {
                        server = Some(task).filter(|_| !ended.is_ok_and(|(id, _)| id == task));
                    }
                    ended.map_err(BackendError)
                }
                Some(ended) = tasks.join_next() => match ended {
                    Ok(ended) => ended.map_err(BackendError),
                    Err(e) => Err(BackendError(format!("a task of the e-mail port failed inside (a bug): {e}"))),
                },
            }
        })
    }
}

fn taken_over(open: std::net::TcpListener) -> std::io::Result<Listener> {
    open.set_nonblocking(true)?;
    Listener::from_std(open)
}

/// The listener of a server: who has to know its port before binds it himself.
pub(super) type Listener = TcpListener;

//! The console: the HTTP API and the event feed of one station.
//!
//! Standards: HTTP/1.1 (RFC 9112), Server-Sent Events (WHATWG HTML 9.2), `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).
//! In: requests from this machine. Out: JSON, each error one sentence; events.
//! Left out: TLS (so it listens on loopback only), the web pages. Shown by: `tests/it/api.rs`, `docs/api.md`.

mod api;
mod feed;
mod guard;
mod patient;
mod sse;
mod submission;
pub mod token;

pub use crate::router::Submitted;
pub use feed::Feed;
pub use guard::allowed_hosts;

use crate::message::{Draft, Name};
use crate::router::BoxFuture;
use crate::router::journal::JournalError;
use crate::router::journal::reader::Reader;
use crate::router::journal::store::Store;
use crate::time::Clock;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// Connections at a time; more wait in the kernel's queue.
const CONNECTIONS: usize = 512;
/// Readers of the event feed at a time; more are told 503.
const READERS: usize = 256;
/// Bodies being read at a time.
const BODIES: usize = 16;
/// Connections to the journal that read at a time.
const JOURNAL: usize = 8;
/// A head must have come within this; also how long an idle connection is kept.
const HEAD: Duration = Duration::from_secs(30);
/// Bytes hyper may hold for one connection, each way.
const BUFFER: usize = 16 << 10;

/// Where messages are handed in: the router's front.
pub trait Desk: Send + Sync + 'static {
    /// Hands in a message; resolves once it is on disk, or will not be.
    fn submit(&self, draft: Draft, key: Option<String>) -> BoxFuture<'static, Submitted>;
}

/// What the console serves.
pub struct Console {
    /// The station's name.
    pub station: Name,
    /// Its desks.
    pub desks: BTreeSet<Name>,
    /// The journal's file.
    pub journal: PathBuf,
    /// Where uploaded contents go.
    pub store: Store,
    /// The events.
    pub feed: Feed,
    /// Where messages are handed in.
    pub desk: Arc<dyn Desk>,
    /// What a writer must show.
    pub token: String,
    /// The `Host`s it answers to; see [`allowed_hosts`].
    pub hosts: Vec<String>,
    /// The station's clock.
    pub clock: Clock,
}

/// What a console is made of.
pub struct Setup {
    /// The station's name.
    pub station: Name,
    /// Its desks.
    pub desks: BTreeSet<Name>,
    /// The station's folder: the token lies here.
    pub data: PathBuf,
    /// The address as the station file has it.
    pub listen: String,
    /// The journal's file.
    pub journal: PathBuf,
    /// The contents.
    pub store: Store,
    /// The events.
    pub feed: Feed,
    /// Who takes messages.
    pub desk: Arc<dyn Desk>,
    /// The station's clock.
    pub clock: Clock,
}

impl Console {
    /// The console of a station: makes its token (and the link by which the command line finds it) if it has none.
    pub fn new(setup: Setup, listener: &TcpListener) -> Result<Console, String> {
        let address = listener.local_addr().map_err(|e| format!("the listening address cannot be read: {e}"))?;
        let token = token::make(&setup.data)?;
        if let Err(why) = token::link(&setup.data, address) {
            tracing::warn!("{why}; `molink send` will need `--token-file {}`", setup.data.join("api-token").display());
        }
        let hosts = allowed_hosts(&setup.listen, address);
        let Setup { station, desks, journal, store, feed, desk, clock, .. } = setup;
        Ok(Console { station, desks, journal, store, feed, desk, token, hosts, clock })
    }
}

/// Listens at `address` (`HOST:PORT`), which must be loopback; the error is one sentence.
pub async fn listen(address: &str) -> Result<TcpListener, String> {
    let bad = |e: io::Error| format!("`listen = \"{address}\"` is not an address: {e}; write it as 127.0.0.1:1963");
    let found: Vec<SocketAddr> = tokio::net::lookup_host(address).await.map_err(bad)?.collect();
    if let Some(foreign) = found.iter().find(|a| !a.ip().is_loopback()) {
        return Err(format!(
            "`listen = \"{address}\"` ({}) can be reached from other machines, and there is no TLS yet; listen on 127.0.0.1 and come in by `ssh -L`",
            foreign.ip()
        ));
    }
    TcpListener::bind(&found[..]).await.map_err(|e| match e.kind() {
        io::ErrorKind::AddrInUse => format!("`listen = \"{address}\"` is in use; stop who listens there, or take another port"),
        _ => format!("cannot listen on `{address}`: {e}"),
    })
}

/// The console at work: what it serves, and what bounds it.
pub(crate) struct Working {
    console: Arc<Console>,
    readers: Arc<Semaphore>,
    bodies: Semaphore,
    journal: Semaphore,
    idle: Mutex<Vec<Reader>>,
    stop: watch::Receiver<bool>,
}

impl Working {
    /// Asks the journal, off the async threads.
    async fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        question: impl FnOnce(&Reader) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let _turn = self.journal.acquire().await;
        let this = self.clone();
        let work = move || {
            let idle = this.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let reader = idle.map_or_else(|| Reader::open(&this.console.journal), Ok)?;
            let answer = question(&reader)?;
            this.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
            Ok(answer)
        };
        let answer = tokio::task::spawn_blocking(work).await;
        answer.unwrap_or_else(|e| Err(JournalError(format!("internal error: reading the journal: {e}"))))
    }
}

/// Serves until `shutdown` resolves; answers under way are finished, for a few seconds at the most.
pub async fn serve(listener: TcpListener, console: Arc<Console>, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    let (stop, stopped) = watch::channel(false);
    let working = Arc::new(Working {
        console,
        readers: Arc::new(Semaphore::new(READERS)),
        bodies: Semaphore::new(BODIES),
        journal: Semaphore::new(JOURNAL),
        idle: Mutex::new(vec![]),
        stop: stopped.clone(),
    });
    let routes = api::routes(working);
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = tokio::task::JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        while connections.try_join_next().is_some() {}
        let accept = async {
            let slot = slots.clone().acquire_owned().await;
            (listener.accept().await, slot)
        };
        let (accepted, slot) = tokio::select! {
            () = &mut shutdown => break,
            next = accept => next,
        };
        match accepted {
            Ok((stream, _)) => {
                let (routes, stopped) = (routes.clone(), stopped.clone());
                connections.spawn(async move {
                    let _slot = slot;
                    connection(stream, routes, stopped).await;
                });
            }
            Err(e) => {
                tracing::warn!("the console cannot take a connection: {e}");
                tokio::time::sleep(Duration::from_millis(100)).await; // out of descriptors: some will be given back
            }
        }
    }
    drop(listener);
    let _ = stop.send(true);
    let _ = tokio::time::timeout(Duration::from_secs(3), async { while connections.join_next().await.is_some() {} }).await;
    Ok(())
}

async fn connection(stream: TcpStream, routes: axum::Router, mut stopped: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(patient::Patient::new(stream)), TowerToHyperService::new(routes));
    tokio::pin!(served);
    tokio::select! {
        result = served.as_mut() => {
            if let Err(e) = result {
                tracing::debug!("a connection to the console ended: {e}");
            }
        }
        () = told(&mut stopped) => {
            served.as_mut().graceful_shutdown();
            let _ = served.await;
        }
    }
}

/// Resolves when the console is told to stop.
async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|s| *s).await.is_ok();
}

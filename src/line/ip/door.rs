//! The door of a line that waits for its far end: listens as long as the port runs, takes one far end at a time, says so to a second.
//!
//! Standards: none; OCC is telex's word for it. In: connections. Out: one at a time, proved in TLS if the line has that; or why somebody was refused.
//! Left out: when to open again (the backend). Shown by: `tests/it/ip.rs`, `tests/it/tls.rs`.

use super::tcp;
use super::tls::Tls;
use crate::line::device::{Opened, in_clear};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};

/// So many callers are looked at at once; more wait in the kernel's queue.
const CALLERS: usize = 32;
/// A far end that was cut off may call again before its end has been seen here: so long a second one waits to be told.
const GRACE: Duration = Duration::from_secs(1);
/// How long a caller that is turned away may take to hear it.
const FAREWELL: Duration = Duration::from_secs(1);

/// A listening line. It stops to listen when it is dropped; the far end that has the line keeps it.
pub struct Door {
    shared: Arc<Shared>,
    came: tokio::sync::Mutex<mpsc::Receiver<Opened>>,
    task: JoinHandle<()>,
}

struct Shared {
    at: String,
    tls: Option<Tls>,
    /// One permit: whoever holds it has the line.
    place: Arc<Semaphore>,
    came: mpsc::Sender<Opened>,
    /// The last refusal nobody has heard of yet.
    refused: Mutex<Option<String>>,
    refusal: Notify,
}

impl Door {
    /// Listens at `at`; with `tls` only for the far end whose certificate is pinned there. Without it and without `anyone`: on this machine only.
    pub async fn open(at: &str, tls: Option<Tls>, anyone: bool) -> Result<Door, String> {
        match &tls {
            Some(tls) => drop(tls.load()?), // what is wrong with the files is said at once, not at the first call
            None if !anyone => tcp::refuse_open_door(at).await?,
            None => {}
        }
        let listener = tcp::listen(at).await?;
        let (came, arrivals) = mpsc::channel(1); // as many as there are places
        let place = Arc::new(Semaphore::new(1));
        let shared = Arc::new(Shared { at: at.to_owned(), tls, place, came, refused: Mutex::default(), refusal: Notify::new() });
        let task = tokio::spawn(serve(listener, shared.clone()));
        Ok(Door { shared, came: tokio::sync::Mutex::new(arrivals), task })
    }

    /// The next far end; or, once each, why a caller was refused while nobody had the line.
    pub async fn next(&self) -> Result<Opened, String> {
        let mut came = self.came.lock().await;
        loop {
            tokio::select! {
                biased;
                Some(opened) = came.recv() => {
                    self.shared.take_refusal(); // it is about somebody else
                    return Ok(opened);
                }
                () = self.shared.refusal.notified() => {
                    if let Some(why) = self.shared.take_refusal() {
                        return Err(why);
                    }
                }
            }
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut callers = JoinSet::new();
    loop {
        tokio::select! {
            called = tcp::accept(&listener), if callers.len() < CALLERS => match called {
                Ok((stream, from)) => drop(callers.spawn(receive(stream, from, shared.clone()))),
                // It hung up at once, or there are no more files: neither is worth a word, nor a hot loop.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            },
            Some(_) = callers.join_next(), if !callers.is_empty() => {}
        }
    }
}

async fn receive(stream: TcpStream, from: SocketAddr, shared: Arc<Shared>) {
    let proved = match &shared.tls {
        None => Ok(in_clear(stream, from.to_string())),
        Some(tls) => tls.accept(stream, &from.ip().to_string()).await,
    };
    let (far, told) = match proved {
        Ok(proved) => proved,
        Err(why) => return shared.refuse(why),
    };
    match tokio::time::timeout(GRACE, shared.place.clone().acquire_owned()).await {
        Ok(Ok(place)) => {
            let _ = shared.came.send(told.open(far.in_place(place))).await;
        }
        Ok(Err(_)) | Err(_) => {
            tracing::warn!("a second caller ({}) on `listen = \"{}\"` was told that the line is occupied", from.ip(), shared.at);
            let _ = tokio::time::timeout(FAREWELL, far.turn_away()).await;
        }
    }
}

impl Shared {
    fn take_refusal(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
    fn refuse(&self, why: String) {
        if self.place.available_permits() == 0 {
            return tracing::warn!("{why}"); // the line is in use: the port hears of it by nothing else
        }
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        self.refusal.notify_one();
    }
}

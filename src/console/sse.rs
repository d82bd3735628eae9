//! `GET /api/events`: durable events from the journal, derived ones from the ring, as one stream to one reader.
//!
//! Standards: Server-Sent Events (WHATWG HTML 9.2): durable events have an `id:`, and `Last-Event-ID` goes on after it.
//! In: where the reader left off. Out: chunks of at most 16 KiB (one event may be longer), at the reader's own pace.
//! A reader that is behind loses derived events first, and is told how many (`gap`); durable ones it never loses.
//! Left out: the exact order between a durable and a derived event (see their `t`). Shown by: `tests/it/api.rs`.

use super::Working;
use crate::router::{Event, Stamped};
use axum::body::Bytes;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// Durable events read from the journal at a time.
const PAGE: usize = 100;
/// Bytes given to the connection at a time.
const CHUNK: usize = 16 << 10;
/// A comment goes out after this long without an event, so that either end notices a dead connection.
const ALIVE: Duration = Duration::from_secs(15);

pub(super) type Chunks = mpsc::Receiver<Result<Bytes, Infallible>>;

struct Pump {
    working: Arc<Working>,
    out: mpsc::Sender<Result<Bytes, Infallible>>,
    chunk: String,
}

/// The reader is gone.
struct Gone;

/// Starts the stream: durable events after number `after` (or from now on), derived ones from now on.
pub(super) fn start(working: Arc<Working>, after: Option<u64>, slot: OwnedSemaphorePermit) -> Chunks {
    let (out, chunks) = mpsc::channel(1);
    tokio::spawn(async move {
        let _slot = slot;
        let _ = Pump { working, out, chunk: String::new() }.run(after).await;
    });
    chunks
}

impl Pump {
    async fn run(mut self, after: Option<u64>) -> Result<(), Gone> {
        let feed = self.working.console.feed.clone();
        let (mut derived, mut durable) = (feed.derived(), feed.durable());
        let mut stop = self.working.stop.clone();
        let mut n = after.unwrap_or(*durable.borrow());
        let mut next = *derived.borrow();
        self.chunk.push_str("retry: 1000\n\n");
        self.flush().await?;
        loop {
            let last = *durable.borrow_and_update();
            while n < last {
                n = self.page(n).await?;
            }
            derived.borrow_and_update();
            let (lost, events, at) = feed.read(next, CHUNK);
            if lost > 0 {
                let gap = self.gap(lost);
                self.put(None, &gap).await?;
            }
            let more = !events.is_empty();
            next = at;
            for event in events {
                self.put(None, &event).await?;
            }
            self.flush().await?;
            if more {
                continue; // durable ones first, each round
            }
            tokio::select! {
                _ = durable.changed() => {}
                _ = derived.changed() => {}
                () = tokio::time::sleep(ALIVE) => self.chunk.push_str(": alive\n\n"),
                () = self.out.closed() => return Err(Gone),
                () = super::told(&mut stop) => return Ok(()),
            }
        }
    }

    /// Sends one page of durable events; gives the number of the last.
    async fn page(&mut self, n: u64) -> Result<u64, Gone> {
        let page = self.working.ask(move |r| r.events_after(n, PAGE)).await.map_err(|e| {
            tracing::warn!("the event feed: {e}");
            Gone
        })?;
        let last = page.last().map_or(u64::MAX, |(n, _)| *n); // none is a contradiction: no more durable ones
        for (n, event) in page {
            let json = serde_json::to_string(&event).map_err(|_| Gone)?;
            self.put(Some(n), &json).await?;
        }
        Ok(last)
    }

    fn gap(&self, lost: u64) -> String {
        let console = &self.working.console;
        let now = console.clock.now();
        let (station, utc, event) = (console.station.clone(), console.clock.utc(now), Event::Gap { lost });
        serde_json::to_string(&Stamped { t: now.micros(), utc, station, port: None, id: None, event }).unwrap_or_default()
    }

    async fn put(&mut self, n: Option<u64>, json: &str) -> Result<(), Gone> {
        if self.chunk.len() + json.len() > CHUNK {
            self.flush().await?;
        }
        if let Some(n) = n {
            self.chunk.push_str(&format!("id: {n}\n"));
        }
        self.chunk.push_str("data: ");
        self.chunk.push_str(json);
        self.chunk.push_str("\n\n");
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Gone> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::take(&mut self.chunk);
        self.out.send(Ok(chunk.into())).await.map_err(|_| Gone)
    }
}

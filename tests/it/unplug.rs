//! A serial device that is pulled out and put back: the port goes down, a message waits, and goes when the device is there again.

use crate::world::draft;
use molink::line::{PtyEnd, pty_pair_with_link};
use molink::message::Identity;
use molink::router::Submitted;
use molink::router::event::{Event, EventSink, Stamped};
use molink::station::{Running, Station, StationConfig};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

struct Heard(UnboundedSender<Stamped>);

impl EventSink for Heard {
    fn take(&self, event: Stamped) {
        let _ = self.0.send(event);
    }
}

/// What was heard since the last `forget`.
struct Told {
    events: UnboundedReceiver<Stamped>,
    heard: Vec<Stamped>,
}

impl Told {
    /// Waits for an event of a station; others may have come before it.
    async fn hear(&mut self, what: &str, station: &str, wanted: impl Fn(&Stamped) -> bool) -> Stamped {
        let wanted = |e: &&Stamped| e.station.as_str() == station && wanted(e);
        loop {
            if let Some(event) = self.heard.iter().find(wanted) {
                return event.clone();
            }
            let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(30), self.events.recv()).await else {
                let all: Vec<String> = self.heard.iter().map(|e| format!("{} {:?}", e.station, e.event)).collect();
                panic!("not heard: {what}\n{}", all.join("\n"));
            };
            self.heard.push(event);
        }
    }
    async fn through(&mut self, id: &Identity) {
        self.hear("printed", "moscow", |e| e.event == Event::Printed && e.id.as_ref() == Some(id)).await;
        self.hear("filed", "washington", |e| matches!(e.event, Event::Filed { .. }) && e.id.as_ref() == Some(id)).await;
    }
}

async fn start(dir: &Path, name: &str, peer: &str, events: &Arc<Heard>) -> Running {
    let text = format!(
        "station = \"{name}\"\ndata = \"{0}/{name}-data\"\nlisten = \"off\"\nspeed = \"max\"\n[port.cable]\nbackend = \"teletype\"\n\
         line = {{ serial = \"{0}/{name}\" }}\npeer = \"{peer}\"\n[[route]]\nto = \"*@{peer}\"\nports = [\"cable\"]\n[retry]\nfirst = \"100ms\"\nlongest = \"500ms\"\n",
        dir.display()
    );
    let config = StationConfig::parse("a test", &text).unwrap();
    Station::builder().observe(events.clone()).start(config).await.unwrap()
}

async fn send(from: &Running, text: &str) -> Identity {
    match from.submit(draft("operator@washington", "operator@moscow", text), None).await {
        Submitted::Accepted(id) => id,
        other => panic!("not accepted: {other:?}"),
    }
}

/// A line from Moscow's device to whichever of Washington's is plugged in; what is sent while none is, is lost.
async fn line(mut moscow: PtyEnd, mut plugs: UnboundedReceiver<Option<PtyEnd>>) {
    let mut washington: Option<PtyEnd> = None;
    let (mut there, mut back) = ([0; 512], [0; 512]);
    loop {
        let from_washington = async {
            match &mut washington {
                Some(end) => end.read(&mut there).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            plug = plugs.recv() => match plug {
                Some(end) => washington = end,
                None => return,
            },
            n = from_washington => moscow.write_all(&there[..n.unwrap()]).await.unwrap(),
            n = moscow.read(&mut back) => if let Some(end) = &mut washington {
                end.write_all(&back[..n.unwrap()]).await.unwrap();
            },
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_that_is_unplugged_takes_the_line_down_and_the_message_waits_until_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let (plug, plugs) = unbounded_channel();
    let wire = tokio::spawn(line(pty_pair_with_link(&path("moscow")).unwrap(), plugs));
    let (events, heard) = unbounded_channel();
    let (events, mut told) = (Arc::new(Heard(events)), Told { events: heard, heard: vec![] });
    plug.send(Some(pty_pair_with_link(&path("washington")).unwrap())).unwrap();
    let moscow = start(dir.path(), "moscow", "washington", &events).await;
    let washington = start(dir.path(), "washington", "moscow", &events).await;
    for round in 0..2 {
        told.through(&send(&washington, "PLUGGED IN").await).await;
        told.heard.clear();
        plug.send(None).unwrap(); // the device node is gone, with the link to it
        let down = told.hear("line down", "washington", |e| matches!(e.event, Event::LineDown { .. })).await;
        let Event::LineDown { reason } = down.event else { unreachable!() };
        assert!(reason.contains("the device is gone: was it unplugged"), "{reason}");
        assert!(std::fs::symlink_metadata(path("washington")).is_err());
        let waits = send(&washington, "WAITS").await;
        let delayed =
            told.hear("delayed", "washington", |e| matches!(e.event, Event::Delayed { .. }) && e.id.as_ref() == Some(&waits)).await;
        assert!(format!("{:?}", delayed.event).contains("MOSCOW is gone"), "{delayed:?}");
        told.hear("the reason", "washington", |e| matches!(&e.event, Event::Note { text } if text.contains("is it plugged in"))).await;
        plug.send(Some(pty_pair_with_link(&path("washington")).unwrap())).unwrap();
        told.through(&waits).await;
        assert_eq!(std::fs::read_dir(path("moscow-data/paper")).unwrap().count(), 2 * round + 2, "each once");
    }
    washington.stop().await.unwrap();
    moscow.stop().await.unwrap();
    wire.abort();
}

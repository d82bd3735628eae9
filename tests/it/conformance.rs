//! The conformance suite, run for every backend: the courier here, the teletype over a real pty circuit.

use crate::courier::Courier;
use crate::email_relay::Relay;
use crate::wire::address;
use molink::email::Email;
use molink::line::ip::certs::{self, world_utc};
use molink::message::{Message, Name};
use molink::router::conformance::{CaseResult, Subject, run};
use molink::router::{Backend, BoxFuture, EventSink, Place, Stamped};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

fn all_pass(results: Vec<CaseResult>) {
    let told: Vec<String> = results.iter().map(|(case, result)| format!("{case}: {result:?}")).collect();
    println!("{}", told.join("\n"));
    assert!(results.len() >= 12 && results.iter().all(|(_, r)| r.is_ok()), "{}", told.join("\n"));
}

struct Couriers(tempfile::TempDir);

impl Couriers {
    fn socket(&self, station: &str) -> PathBuf {
        self.0.path().join(station)
    }
}

impl Subject for Couriers {
    fn end(&self, station: &Name) -> Box<dyn Backend> {
        let far = if station.as_str() == "alpha" { "to-beta" } else { "to-alpha" };
        // The far end is reached by a link, so that the line can be cut without asking either end.
        let own = self.socket(station.as_str());
        let link = self.socket(&format!("to-{station}"));
        if !link.exists() {
            let _ = std::fs::remove_file(&link);
            std::os::unix::fs::symlink(&own, &link).unwrap();
        }
        Box::new(Courier { own, far: self.socket(far) })
    }
    fn cut(&self, cut: bool) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            for station in ["alpha", "beta"] {
                let link = self.socket(&format!("to-{station}"));
                let _ = std::fs::remove_file(&link);
                if !cut {
                    std::os::unix::fs::symlink(self.socket(station), &link).unwrap();
                }
            }
        })
    }
    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_courier_passes() {
    static N: AtomicU32 = AtomicU32::new(0);
    let subject = || {
        N.fetch_add(1, Ordering::SeqCst);
        Couriers(tempfile::tempdir().unwrap())
    };
    all_pass(run(subject).await);
    assert_eq!(N.load(Ordering::SeqCst), 12, "each case on a fresh line");
}

/// Two e-mail ports, each server reached through a relay that can be cut, each end known to the other by its certificate.
struct Mails {
    dir: tempfile::TempDir,
    servers: [(&'static str, String); 2],
    relays: [Relay; 2],
}

impl Mails {
    fn new() -> Mails {
        let dir = tempfile::tempdir().unwrap();
        let folder = |station: &str| dir.path().join(station).join("certs");
        let servers = [("alpha", address()), ("beta", address())];
        for (station, _) in &servers {
            certs::make(&folder(station), station, world_utc(), 30).unwrap();
        }
        for (here, there) in [("alpha", "beta"), ("beta", "alpha")] {
            certs::pin(&folder(here), &certs::file(&folder(there), there, "crt")).unwrap();
        }
        let relays = [Relay::to(&servers[0].1), Relay::to(&servers[1].1)];
        Mails { dir, servers, relays }
    }
}

impl Subject for Mails {
    fn end(&self, station: &Name) -> Box<dyn Backend> {
        let own = usize::from(station.as_str() == "beta");
        let table = format!(
            "peer = \"{}\"\nline = {{ smtp = \"{}\", listen = \"{}\", tls = \"{}\" }}",
            self.servers[1 - own].0,
            self.relays[1 - own].address,
            self.servers[own].1,
            self.dir.path().join(station.as_str()).join("certs").display()
        );
        Box::new(Email::from_table(station, table.parse().unwrap()).unwrap())
    }
    fn cut(&self, cut: bool) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            for relay in &self.relays {
                relay.cut(cut).await;
            }
        })
    }
    fn patience(&self) -> Duration {
        Duration::from_secs(20)
    }
    fn place(&self, station: &Name) -> Place {
        let known = self.servers.iter().map(|(name, _)| name.parse().unwrap()).collect();
        Place { data: self.dir.path().join(station.as_str()), known, all_desks: vec!["operator".parse().unwrap()], ..Place::default() }
    }
    fn same_content(&self, came: &Message, sent: &Message, _: &Name) -> bool {
        came.content == sent.content
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_passes() {
    all_pass(run(Mails::new).await);
}

struct Seen(tokio::sync::mpsc::UnboundedSender<Stamped>);
impl EventSink for Seen {
    fn take(&self, event: Stamped) {
        let _ = self.0.send(event);
    }
}

/// A whole station, built with the public API only, on the courier.
async fn station(dir: &std::path::Path, name: &str, far: &str, seen: Arc<Seen>) -> molink::station::Running {
    let text = format!(
        "station = \"{name}\"\ndata = \"{0}/{name}-data\"\nlisten = \"off\"\n[desk.operator]\n\
         [port.bag]\nbackend = \"courier\"\nown = \"{0}/{name}\"\nfar = \"{0}/{far}\"\n\
         [[route]]\nto = \"*@{far}\"\nports = [\"bag\"]\n[retry]\nfirst = \"100ms\"\n",
        dir.display()
    );
    let config = molink::station::StationConfig::parse("a test", &text).unwrap();
    let courier = |_: &str, _: &Name, keys: toml::Table| -> Result<Box<dyn Backend>, String> {
        let path = |key: &str| keys.get(key).and_then(|v| v.as_str()).map(PathBuf::from).ok_or(format!("`{key}` is missing"));
        Ok(Box::new(Courier { own: path("own")?, far: path("far")? }))
    };
    molink::station::Station::builder().backend("courier", courier).observe(seen).start(config).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stations_talk_by_a_backend_that_is_not_ours() {
    let dir = tempfile::tempdir().unwrap();
    let (events, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let seen = Arc::new(Seen(events));
    let alpha = station(dir.path(), "alpha", "beta", seen.clone()).await;
    let beta = station(dir.path(), "beta", "alpha", seen).await;
    let draft = crate::world::draft("operator@alpha", "operator@beta", "Grüße, and a lower case");
    let molink::router::Submitted::Accepted(id) = alpha.submit(draft, None).await else { panic!("not accepted") };
    let printed = async { while heard.recv().await.unwrap().event != molink::router::Event::Printed {} };
    tokio::time::timeout(Duration::from_secs(20), printed).await.expect("on paper in time");
    let papers = dir.path().join("beta-data/paper").join(format!("{id}.txt"));
    alpha.stop().await.unwrap();
    beta.stop().await.unwrap();
    assert!(std::fs::read_to_string(papers).unwrap().contains("Grüße, and a lower case"), "a courier carries any character");
}

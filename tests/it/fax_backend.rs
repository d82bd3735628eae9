//! The fax backend: the conformance suite over an exchange, and what it does with a disk that is full, both ends calling, crashes.

use molink::fax::Fax;
use molink::fax::backend::{BoxLine, LineFactory};
use molink::fax::backend_document;
use molink::fax::backend_exchange::Exchange;
use molink::fax::keys::Keys;
use molink::fax::pages::Look;
use molink::fax::tiff::Reader;
use molink::key::Medium;
use molink::key::backend_disk::{Order, make};
use molink::line::Profile;
use molink::message::{Message, Name, Part};
use molink::router::conformance::{CaseResult, Subject, run};
use molink::router::{Backend, BoxFuture, Contents, Place};
use molink::time::Speed;
use std::io::BufReader;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The keys of a port of alpha or beta, with some more.
pub fn keys(station: &Name, more: &str) -> Keys {
    let (far, own) = if station.as_str() == "alpha" { ("beta", 1) } else { ("alpha", 2) };
    let text = format!("peer = \"{far}\"\nnumber = \"+1 {own}\"\ncall = \"+1 {}\"\n{more}", 3 - own);
    Keys::read(text.parse().unwrap()).unwrap()
}
/// A pair of diskettes for each way, made where there is none yet; the folder of a station, as a line of its port's table.
fn enciphered(data: &Path, station: &Name) -> String {
    let out = data.join("keys");
    if !out.exists() {
        for (from, to) in [("alpha", "beta"), ("beta", "alpha")] {
            let (medium, name, utc) = (Medium::Diskette, format!("{from}-1"), "1986-06-17T12:00:00Z".parse().unwrap());
            let order = Order { medium, name, characters: 5_000_000, from: from.parse().unwrap(), to: to.parse().unwrap(), utc };
            make(&order, &out, &mut |_| true).unwrap();
        }
    }
    format!("keys = \"{}\"\n", out.join(station.as_str()).display())
}
pub fn on_exchange(station: &Name, exchange: &Exchange, more: &str) -> Fax {
    let (exchange, end) = (exchange.clone(), usize::from(station.as_str() != "alpha"));
    let open: LineFactory = Box::new(move |_| {
        let line = Box::new(exchange.end(end)) as BoxLine;
        Box::pin(async move { Ok(line) })
    });
    Fax::on(station, keys(station, more), open).unwrap()
}
pub fn place(data: &Path, station: &Name) -> Place {
    let number = Some(u8::from(station.as_str() == "beta") + 1);
    Place { data: data.join(station.as_str()), number, all_desks: vec!["operator".parse().unwrap()], ..Place::default() }
}
/// Whether the pages that came are those that the message sent is drawn as.
pub fn same_pages(came: &Message, sent: &Message, data: &Path, receiver: &Name) -> bool {
    let [Part::Page(blob)] = came.content.as_slice() else { return false };
    let contents = |station: &str| Contents::in_folder(data.join(station).join("content"));
    let Ok(file) = contents(receiver.as_str()).open(blob) else { return false };
    let mut reader = Reader::open(BufReader::new(file), &blob.name).unwrap();
    let sender = sent.identity.station.clone();
    let drawn = backend_document::pages(sent, &contents(sender.as_str()), &Look::default(), &sender).unwrap().pages;
    let mut pages = std::iter::from_fn(|| reader.next_page());
    drawn.iter().all(|page| pages.next().is_some_and(|came| came.unwrap().page == **page)) && pages.next().is_none()
}

struct Faxes {
    dir: tempfile::TempDir,
    exchange: Exchange,
    more: &'static str,
    enciphered: bool,
}

impl Subject for Faxes {
    fn end(&self, station: &Name) -> Box<dyn Backend> {
        let keys = if self.enciphered { enciphered(self.dir.path(), station) } else { String::new() };
        Box::new(on_exchange(station, &self.exchange, &(keys + self.more)))
    }
    fn cut(&self, cut: bool) -> BoxFuture<'_, ()> {
        Box::pin(async move { assert_eq!(self.exchange.command(if cut { "cut" } else { "restore" }).await, "ok") })
    }
    fn patience(&self) -> Duration {
        Duration::from_secs(120)
    }
    fn place(&self, station: &Name) -> Place {
        place(self.dir.path(), station)
    }
    fn same_content(&self, came: &Message, sent: &Message, receiver: &Name) -> bool {
        same_pages(came, sent, self.dir.path(), receiver)
    }
}

async fn passes(more: &'static str, enciphered: bool) {
    static SEED: AtomicU64 = AtomicU64::new(1);
    let subject = || {
        let seed = SEED.fetch_add(1, Ordering::SeqCst);
        let exchange = Exchange::start("circuit satellite", Profile::named("geo").unwrap(), seed, Speed::Max);
        Faxes { dir: tempfile::tempdir().unwrap(), exchange, more, enciphered }
    };
    let results: Vec<CaseResult> = run(subject).await;
    let told: Vec<String> = results.iter().map(|(case, result)| format!("{case}: {result:?}")).collect();
    println!("{}", told.join("\n"));
    assert!(results.len() >= 12 && results.iter().all(|(_, r)| r.is_ok()), "{}", told.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "seconds in a debug build: run through tests/run"]
async fn the_fax_passes_with_correction() {
    passes("", false).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "seconds in a debug build: run through tests/run"]
async fn the_fax_passes_enciphered() {
    passes("correction = false\n", true).await;
}

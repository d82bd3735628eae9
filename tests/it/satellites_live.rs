//! The same two satellites live, at full speed, in one process: stations, journals, exchanges, a teletype by ptys beside.

use crate::satellites::{PAGES, is_drawn, stage};
use molink::fax::backend_exchange::Exchange;
use molink::fax::tiff::Reader;
use molink::paper::Page;
use molink::router::{Contents, Event, EventSink, Stamped};
use molink::station::live::Live;
use molink::time::Speed;
use std::io::BufReader;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// Cuts Intelsat when rows of page 2 have come, before the port that told so goes on; and writes down what was confirmed, and filed.
#[derive(Default)]
struct Fate {
    cut: OnceLock<Exchange>,
    done: Mutex<bool>,
    confirmed: Mutex<Vec<(String, usize)>>,
    filed: Mutex<Vec<String>>,
}

impl EventSink for Fate {
    fn take(&self, e: Stamped) {
        let port = e.port.clone().unwrap_or_default();
        match &e.event {
            Event::Scan { page: 2, first, .. } if *first > 300 && port == "intelsat" => {
                let mut done = self.done.lock().unwrap();
                if !std::mem::replace(&mut *done, true) {
                    self.cut.get().unwrap().tell("cut").unwrap();
                }
            }
            Event::PageConfirmed { page, .. } if e.station.as_str() == "moscow" => self.confirmed.lock().unwrap().push((port, *page)),
            Event::Filed { .. } if e.station.as_str() == "moscow" => self.filed.lock().unwrap().push(port),
            _ => {} // the rest is for others
        }
    }
}

/// The pages of what came by fax at a station, as its contents have them.
fn came(data: &Path) -> Vec<Page> {
    let contents = Contents::in_folder(data.join("content"));
    let reader = molink::router::journal::reader::Reader::open(&data.join("journal.sqlite")).unwrap();
    let rows = reader.list(&molink::router::journal::reader::Filter { state: None, limit: 100 }).unwrap();
    let messages = rows.iter().filter_map(|row| reader.load(&row.id).unwrap());
    let blobs = messages.flat_map(|m| m.content).filter_map(|p| if let molink::message::Part::Page(blob) = p { Some(blob) } else { None });
    let files: Vec<_> = blobs.map(|blob| BufReader::new(contents.open(&blob).unwrap())).collect();
    let read = |file| {
        let mut reader = Reader::open(file, "it").unwrap();
        std::iter::from_fn(move || reader.next_page()).map(|page| page.unwrap().page).collect::<Vec<_>>()
    };
    files.into_iter().flat_map(read).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "seconds in a debug build: run through tests/run"]
async fn a_satellite_cut_in_mid_page_live_the_second_takes_the_call_and_the_page_comes_once() {
    let out = tempfile::tempdir().unwrap();
    let fate = Arc::new(Fate::default());
    let mut live = Live::start_observed(&stage(PAGES), Speed::Max, out.path(), vec![fate.clone()]).await.unwrap();
    assert!(fate.cut.set(live.exchange("intelsat").unwrap()).is_ok());
    let told = tokio::time::timeout(Duration::from_secs(180), live.perform(|_| Ok(()))).await.expect("the story ends");
    live.stop(|_| {}).await.unwrap();
    assert!(told.unwrap(), "every message was filed");
    assert!(*fate.done.lock().unwrap(), "it was cut");
    let by = |port: &str, page| (port.to_owned(), page);
    assert_eq!(*fate.confirmed.lock().unwrap(), [by("intelsat", 1), by("gorizont", 2), by("gorizont", 3)]);
    let pages = came(&out.path().join("moscow"));
    assert!(pages.len() == 3 && is_drawn(&pages[1], "map") && is_drawn(&pages[2], "text"), "{} pages", pages.len());
    let mut filed = fate.filed.lock().unwrap().clone();
    filed.sort();
    assert_eq!(filed.len(), 2, "the fax and the teletype's line, each once: {filed:?}");
}

//! The spool of a fax port on disk: what is there after a crash, what is passed over, what is joined, what is kept of confirmed pages.

use crate::fax_call::typed;
use molink::fax::backend_spool::{Spool, fingerprint};
use molink::fax::code::{Coding, Damage};
use molink::fax::spool::Entry;
use molink::fax::t30::{Capabilities, Received, Settings, Verdict, Wishes};
use molink::fax::tiff::Reader;
use molink::paper::Resolution;
use molink::router::Contents;
use molink::time::Utc;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

fn open(dir: &Path) -> (Spool, Vec<Entry>, Vec<String>) {
    Spool::open(dir.join("fax/satellite")).unwrap()
}
fn entry(of: Option<usize>) -> Entry {
    Entry {
        name: "call-17".into(),
        identity: None,
        envelope: None,
        peer: Some("+44 1".into()),
        sub: None,
        port: "satellite".into(),
        began: Utc(17),
        of,
        broken: false,
        filed: false,
        blob: None,
        pages: 0,
    }
}
fn received(n: u64, bad_rows: usize) -> Received {
    let page = typed(60, Resolution::FINE, n);
    let settings = Settings::choose(&Capabilities::OURS, Wishes { best_coding: Coding::Mh, ..Wishes::default() }, 1728, page.resolution);
    let damage = Damage { rows: 60, bad_rows, longest_bad_run: bad_rows, ended: true, ..Damage::default() };
    Received { number: n as usize, page, damage, verdict: Verdict::Good, settings: settings.unwrap(), last: false }
}

#[test]
fn what_was_put_in_is_there_after_a_crash_and_is_joined_to_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, entries, notes) = open(dir.path());
    assert!(entries.is_empty() && notes.is_empty());
    for n in 1..=3 {
        spool.put(&entry((n == 3).then_some(3)), n, &received(n as u64, n - 1)).unwrap();
    }
    drop(spool);
    let (spool, entries, notes) = open(dir.path());
    assert_eq!((entries.len(), entries[0].pages, entries[0].waits(), notes.len()), (1, 3, true, 0));
    let contents = Contents::in_folder(dir.path().join("content"));
    let blob = spool.join(&entries[0], &contents).unwrap();
    assert_eq!((blob.media_type.as_str(), blob.name.as_str()), ("image/tiff", "call-17.tif"));
    let mut file = Reader::open(BufReader::new(contents.open(&blob).unwrap()), "x").unwrap();
    for n in 1..=3 {
        let page = file.next_page().unwrap().unwrap();
        assert!(page.page == received(n, 0).page);
        assert_eq!(page.about.received.unwrap().bad_rows as u64, n - 1, "bad rows are told in its tags");
    }
    assert!(file.next_page().is_none());
    spool.retire(&entries[0], Some(blob.clone())).unwrap();
    let (spool, entries, _) = open(dir.path());
    assert!(entries[0].filed && !entries[0].waits() && entries[0].pages == 3);
    assert_eq!(spool.join(&entries[0], &contents).unwrap(), blob, "its pages are still to be had");
    let left = std::fs::read_dir(dir.path().join("fax/satellite/spool/call-17")).unwrap().count();
    assert_eq!(left, 1, "call.toml and nothing else");
    spool.discard("call-17");
    assert!(open(dir.path()).1.is_empty());
}

#[test]
fn what_a_crash_left_half_done_is_not_taken_for_a_page() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, ..) = open(dir.path());
    spool.put(&entry(Some(2)), 1, &received(1, 0)).unwrap();
    let place = dir.path().join("fax/satellite/spool/call-17");
    std::fs::write(place.join("002.tif.part"), b"II*").unwrap();
    std::fs::write(place.join("003.tif"), b"II*").unwrap();
    std::fs::create_dir(place.with_file_name("call-18")).unwrap();
    let (_, entries, notes) = open(dir.path());
    assert_eq!((entries.len(), entries[0].pages, entries[0].waits()), (1, 1, false), "page 3 without page 2 is none");
    assert!(notes.is_empty(), "a call without a page is nothing, and may be one that comes in at another port just now: {notes:?}");
}

#[test]
fn what_cannot_be_read_is_named_and_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, ..) = open(dir.path());
    spool.put(&entry(Some(1)), 1, &received(1, 0)).unwrap();
    let toml = dir.path().join("fax/satellite/spool/call-17/call.toml");
    for (text, why) in [
        ("colour = 1", "unknown field `colour`"),
        (&"#".repeat(70_000), "has 70000 bytes"),
        ("name = \"../x\"\nbegan = \"1986-08-30T16:00:00Z\"", "is that of `../x`"),
    ] {
        std::fs::write(&toml, text).unwrap();
        let (_, entries, notes) = open(dir.path());
        assert!(entries.is_empty() && notes.len() == 1 && notes[0].contains(why), "{notes:?}");
        assert!(toml.exists() && toml.with_file_name("001.tif").exists());
    }
    spool.note(&entry(Some(1))).unwrap();
    std::fs::write(toml.with_file_name("001.tif"), b"no TIFF").unwrap();
    let (spool, entries, _) = open(dir.path());
    let why = spool.join(&entries[0], &Contents::in_folder(dir.path().join("content"))).unwrap_err();
    assert!(why.starts_with("`call-17` in the fax spool, page 1: "), "{why}");
}

#[test]
fn confirmed_pages_are_kept_for_the_same_pages_only() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, ..) = open(dir.path());
    let id = "WASHINGTON-0001-19860830T1600Z".parse().unwrap();
    let pages = |seed: u64| (1..=3u64).map(|n| Arc::new(typed(20, Resolution::FINE, n + seed))).collect::<Vec<_>>();
    let print = fingerprint(&pages(0));
    spool.progress(&id, 2, 3, &print).unwrap();
    let (spool, ..) = open(dir.path());
    assert_eq!(spool.confirmed(&id, &print), 2);
    assert_eq!(spool.confirmed(&id, &fingerprint(&pages(1))), 0, "drawn otherwise, they are other pages");
    spool.forget(&id);
    assert_eq!(spool.confirmed(&id, &print), 0);
}

#[test]
fn a_disk_that_takes_nothing_is_said_with_the_page() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, ..) = open(dir.path());
    std::fs::write(dir.path().join("fax/satellite/spool/call-17"), b"in the way").unwrap();
    let why = spool.put(&entry(Some(1)), 1, &received(1, 0)).unwrap_err();
    assert!(why.starts_with("`call-17` in the fax spool"), "{why}");
}

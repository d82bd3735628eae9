//! The journal on a real disk: batches, confirmations, recovery, damage, a full disk; and the same rules in memory.

use molink::message::{Class, Envelope, Identity, Message, Name, Part, Precedence};
use molink::router::journal::memory::MemoryJournal;
use molink::router::journal::reader::{Filter, Reader};
use molink::router::journal::sqlite::Options;
use molink::router::journal::writer::{Confirm, Writer};
use molink::router::journal::{Change, Recovered, Row, State};
use molink::router::{Event, Stamped};
use molink::time::Utc;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub fn washington() -> Name {
    "washington".parse().unwrap()
}

pub fn id(serial: u32) -> Identity {
    Identity { serial, ..identity("WASHINGTON-0001-19630830T1600Z") }
}

fn identity(text: &str) -> Identity {
    text.parse().unwrap()
}

pub fn new(id: &Identity, text: &str, key: Option<&str>) -> Change {
    let (from, to) = ("operator@washington".parse().unwrap(), "operator@moscow".parse().unwrap());
    let envelope = Envelope {
        from,
        to,
        precedence: Precedence::Routine,
        class: Class::Message,
        subject: "TEST".into(),
        via: vec![washington()],
        post: None,
    };
    let message = Message { identity: id.clone(), envelope: envelope.clone(), content: vec![Part::Text { text: text.into() }] };
    let row = Row {
        id: id.clone(),
        from: envelope.from,
        to: envelope.to,
        precedence: envelope.precedence,
        class: envelope.class,
        subject: envelope.subject,
        accepted: id.dtg.utc(),
        came_by: None,
        state: State::Accepted,
        attempts: 0,
        detail: String::new(),
    };
    Change::New { row, message, key: key.map(Into::into) }
}

pub fn event(id: &Identity, event: Event) -> Change {
    Change::Event(Stamped { t: 0, utc: Utc(0), station: washington(), port: None, id: Some(id.clone()), event })
}

fn moved(id: &Identity, state: State) -> Change {
    Change::Moved { id: id.clone(), state, attempts: 2, detail: "QSL".into() }
}

pub struct Bench {
    pub dir: tempfile::TempDir,
    pub path: PathBuf,
}

pub fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    Bench { path: dir.path().join("data/journal.sqlite"), dir }
}

type Started = Result<(Writer, Recovered, Receiver<Confirm>), String>;

pub fn start(options: Options) -> Started {
    let (tx, rx) = channel();
    let on = Box::new(move |c| {
        let _ = tx.send(c);
    });
    Writer::start(options, on).map(|(w, r)| (w, r, rx)).map_err(|e| e.to_string())
}

impl Bench {
    fn options(&self) -> Options {
        Options::new(&self.path, washington())
    }
    fn start(&self) -> Started {
        start(self.options())
    }
    fn reader(&self) -> Reader {
        Reader::open(&self.path).unwrap()
    }
}

/// Waits until this batch is on disk; gives all that was said up to then.
pub fn until_persisted(batch: u64, rx: &Receiver<Confirm>) -> Vec<Confirm> {
    let mut heard = vec![];
    loop {
        heard.push(rx.recv_timeout(Duration::from_secs(20)).expect("a confirmation within 20 s"));
        if matches!(heard.last(), Some(Confirm::Persisted { batch: n, .. }) if *n >= batch) {
            return heard;
        }
    }
}

#[test]
fn what_was_written_is_found_again() {
    let b = bench();
    let (w, found, rx) = b.start().unwrap();
    assert_eq!(found, Recovered::default());
    w.persist(1, vec![new(&id(1), "ALPHA", Some("k1")), event(&id(1), Event::CameAgain)]);
    w.persist(2, vec![new(&id(2), "BRAVO", None), moved(&id(2), State::Filed)]);
    w.persist(3, vec![new(&identity("MOSCOW-0009-19630830T1600Z"), "CHARLIE", None)]);
    w.persist(4, vec![Change::Channel { id: id(1), port: "cable".into(), serial: 7 }, moved(&id(1), State::Sent)]);
    w.persist(5, vec![Change::Channel { id: id(2), port: "cable".into(), serial: 6 }]);
    until_persisted(5, &rx);
    drop(w);
    let (_w, found, _rx) = b.start().unwrap();
    let waiting: Vec<_> = found.waiting.iter().map(|r| (r.id.clone(), r.state)).collect();
    assert_eq!(waiting, [(id(1), State::Sent), (identity("MOSCOW-0009-19630830T1600Z"), State::Accepted)]);
    assert_eq!(found.serials.into_iter().collect::<Vec<_>>(), [(19_630_830, 2)], "the far station's serial is not ours");
    assert_eq!(found.channels.into_iter().collect::<Vec<_>>(), [("cable".to_string(), 7)]);
    assert_eq!(found.numbered.into_iter().collect::<Vec<_>>(), [((id(1), "cable".to_string()), 7)]);
    let r = b.reader();
    assert_eq!(r.load(&id(1)).unwrap().unwrap().text(), "ALPHA");
    assert_eq!(r.load(&id(1)).unwrap().unwrap().envelope.via, [washington()]);
    assert_eq!(r.find_key("k1").unwrap(), Some(id(1)));
    assert_eq!(r.find(&id(2)).unwrap().unwrap().detail, "QSL");
    assert_eq!((r.find(&id(3)).unwrap(), r.load(&id(3)).unwrap(), r.find_key("k2").unwrap()), (None, None, None));
    let listed = r.list(&Filter { state: None, limit: 2 }).unwrap();
    assert_eq!(listed.iter().map(|r| r.id.serial).collect::<Vec<_>>(), [9, 2]);
    assert_eq!(r.list(&Filter { state: Some(State::Filed), limit: 9 }).unwrap().len(), 1);
    assert_eq!(r.events_after(0, 9).unwrap().len(), 1);
    assert_eq!(r.events_of(&id(1), 9).unwrap()[0].1.event, Event::CameAgain);
}

#[test]
fn memory_and_disk_recover_the_same() {
    let b = bench();
    let (w, _, rx) = b.start().unwrap();
    let batches = vec![
        vec![new(&id(1), "A", Some("k")), event(&id(1), Event::CameAgain)],
        vec![new(&id(2), "B", None), Change::Channel { id: id(2), port: "p".into(), serial: 3 }],
        vec![moved(&id(1), State::Filed), Change::Channel { id: id(1), port: "p".into(), serial: 4 }],
        vec![new(&identity("WASHINGTON-0005-19630831T0001Z"), "C", None)],
    ];
    let mut memory = MemoryJournal::new();
    for (n, batch) in (1..).zip(batches) {
        memory.apply(batch.clone()).unwrap();
        w.persist(n, batch);
    }
    until_persisted(4, &rx);
    let r = b.reader();
    assert_eq!(r.recover(&washington()).unwrap(), memory.recover(&washington()));
    assert_eq!(r.load(&id(2)).unwrap(), memory.load(&id(2)));
    assert_eq!(r.find(&id(1)).unwrap(), memory.find(&id(1)));
    assert_eq!(r.find_key("k").unwrap(), memory.find_key("k"));
    assert_eq!(r.events_after(0, 9).unwrap().into_iter().map(|(_, e)| e).collect::<Vec<_>>(), memory.events());
}

#[test]
fn a_batch_is_written_whole_or_not_at_all() {
    let b = bench();
    let (w, _, rx) = b.start().unwrap();
    w.persist(1, vec![new(&id(1), "A", None)]);
    until_persisted(1, &rx);
    let twice = vec![new(&id(2), "B", None), new(&id(1), "AGAIN", None)];
    let mut memory = MemoryJournal::new();
    memory.apply(vec![new(&id(1), "A", None)]).unwrap();
    assert!(memory.apply(twice.clone()).unwrap_err().to_string().contains("WASHINGTON-0001"));
    assert_eq!(memory.rows().len(), 1);
    w.persist(2, twice);
    w.persist(3, vec![new(&id(3), "C", None)]);
    drop(w);
    let heard: Vec<Confirm> = rx.iter().collect();
    let [Confirm::Stuck { error }] = &heard[..] else { panic!("nothing is confirmed after a bug, and it is said once: {heard:?}") };
    assert!(error.contains("internal error") && error.contains("WASHINGTON-0001-19630830T1600Z"), "{error}");
    let r = b.reader();
    assert_eq!((r.find(&id(2)).unwrap(), r.find(&id(3)).unwrap()), (None, None));
    assert_eq!(r.load(&id(1)).unwrap().unwrap().text(), "A");
}

#[test]
fn a_change_to_a_message_that_is_not_there_is_refused() {
    let b = bench();
    let (w, _, rx) = b.start().unwrap();
    w.persist(1, vec![moved(&id(1), State::Sent)]);
    assert!(matches!(rx.recv_timeout(Duration::from_secs(20)), Ok(Confirm::Stuck { .. })));
    assert!(MemoryJournal::new().apply(vec![moved(&id(1), State::Sent)]).is_err());
}

#[test]
fn a_hundred_callers_are_confirmed_in_order() {
    let b = bench();
    let (w, _, rx) = b.start().unwrap();
    let next = Mutex::new(0);
    std::thread::scope(|s| {
        for caller in 0..100 {
            let (w, next) = (&w, &next);
            s.spawn(move || {
                for n in 0..10 {
                    let id = id(caller * 10 + n + 1);
                    let mut number = next.lock().unwrap();
                    *number += 1;
                    w.persist(*number, vec![new(&id, "X", None), event(&id, Event::CameAgain)]);
                }
            });
        }
    });
    let heard = until_persisted(1000, &rx);
    let mut last = 0;
    for c in &heard {
        let Confirm::Persisted { batch, events } = c else { panic!("{c:?}") };
        assert!(*batch > last && *events == *batch, "one event a batch: {c:?} after {last}");
        last = *batch;
    }
    assert!(heard.len() < 1000, "a thousand batches that wait together share commits, these took {}", heard.len());
    assert_eq!(b.reader().list(&Filter { state: None, limit: 2000 }).unwrap().len(), 1000);
}

#[test]
fn what_is_confirmed_can_be_read_at_once_by_another() {
    let b = bench();
    let (w, _, rx) = b.start().unwrap();
    let r = b.reader();
    for n in 1..=50 {
        w.persist(n, vec![new(&id(n as u32), "X", None)]);
        until_persisted(n, &rx);
        assert!(r.find(&id(n as u32)).unwrap().is_some(), "message {n}");
    }
}

/// What a crash leaves: the files as they stand while the writer is still open.
fn copy_as_after_a_crash(b: &Bench) -> Bench {
    let other = bench();
    std::fs::create_dir_all(other.path.parent().unwrap()).unwrap();
    for suffix in ["", "-wal"] {
        let name = |p: &Path| PathBuf::from(format!("{}{suffix}", p.display()));
        std::fs::copy(name(&b.path), name(&other.path)).unwrap();
    }
    other
}

fn wal(b: &Bench) -> PathBuf {
    PathBuf::from(format!("{}-wal", b.path.display()))
}

#[test]
fn a_torn_log_recovers_to_the_last_commit() {
    let b = bench();
    let (w, _, rx) = b.start().unwrap();
    let mut ends = vec![];
    for n in 1..=5 {
        w.persist(n, vec![new(&id(n as u32), "X", None)]);
        until_persisted(n, &rx);
        ends.push(std::fs::metadata(wal(&b)).unwrap().len());
    }
    // Torn anywhere within the last commit, cut off or garbled: the four before it stand.
    for at in [ends[3] + 1, ends[3] + 24, ends[3] + 2000, ends[4] - 1] {
        for garbled in [false, true] {
            let torn = copy_as_after_a_crash(&b);
            let log = std::fs::OpenOptions::new().write(true).open(wal(&torn)).unwrap();
            match garbled {
                true => log.write_all_at(&[0xa5; 64], at.min(ends[4] - 64)).unwrap(),
                false => log.set_len(at).unwrap(),
            }
            let (_w, found, _rx) = torn.start().unwrap();
            assert_eq!(found.waiting.len(), 4, "torn at {at} of {:?}, garbled: {garbled}", ends);
        }
    }
    let whole = copy_as_after_a_crash(&b);
    assert_eq!(whole.start().unwrap().1.waiting.len(), 5);
}

#[test]
fn a_damaged_page_is_named_and_nothing_is_changed() {
    let b = bench();
    let (w, _, rx) = b.start().unwrap();
    for n in 1..=60 {
        w.persist(n, vec![new(&id(n as u32), &"X".repeat(900), None)]);
    }
    until_persisted(60, &rx);
    drop(w);
    let sound = std::fs::read(&b.path).unwrap();
    let pages = sound.len() / 4096;
    for page in 1..=pages {
        let mut bytes = sound.clone();
        bytes[(page - 1) * 4096..page * 4096].iter_mut().for_each(|x| *x = !*x);
        std::fs::write(&b.path, &bytes).unwrap();
        let why = b.start().err().unwrap_or_else(|| panic!("page {page} of {pages} is damaged and the station started"));
        assert!(why.contains("journal.sqlite") && why.contains("nothing was changed"), "{why}");
        assert!(why.contains(&format!("page {page}")), "page {page} of {pages} is not named: {why}");
        assert_eq!(std::fs::read(&b.path).unwrap(), bytes, "page {page}: the file was changed");
    }
    std::fs::write(&b.path, &sound).unwrap();
    assert!(b.start().is_ok());
}

#[test]
fn what_is_not_our_journal_is_refused() {
    let b = bench();
    std::fs::create_dir_all(b.path.parent().unwrap()).unwrap();
    std::fs::write(&b.path, "To whom it may concern. ".repeat(400)).unwrap();
    assert!(b.start().err().unwrap().contains("is not a journal"));
    std::fs::remove_file(&b.path).unwrap();
    rusqlite::Connection::open(&b.path).unwrap().execute_batch("CREATE TABLE recipe (x)").unwrap();
    assert!(b.start().err().unwrap().contains("not a molink journal"));
    std::fs::remove_file(&b.path).unwrap();
    drop(b.start().unwrap());
    let why = start(Options::new(&b.path, "moscow".parse().unwrap())).err().unwrap();
    assert!(why.contains("of station `washington`") && why.contains("`moscow`"), "{why}");
    rusqlite::Connection::open(&b.path).unwrap().pragma_update(None, "user_version", 4).unwrap();
    assert!(b.start().err().unwrap().contains("has form 4"));
}

/// A journal as molink 0.1.0 left it before it knew classes: one message filed, one waiting, one printed here.
const FORM_1: &[u8] = include_bytes!("../../fixtures/journals/form-1.sqlite");

#[test]
fn a_journal_of_the_first_form_is_read_as_it_is_and_brought_up_to_date_at_start() {
    let b = bench();
    std::fs::create_dir_all(b.path.parent().unwrap()).unwrap();
    std::fs::write(&b.path, FORM_1).unwrap();
    let form = || {
        let db = rusqlite::Connection::open(&b.path).unwrap();
        db.query_row("PRAGMA user_version", [], |r| r.get::<_, i64>(0)).unwrap()
    };
    let all = Filter { state: None, limit: 9 };
    let before = b.reader().list(&all).unwrap();
    assert_eq!(before.iter().map(|r| r.state).collect::<Vec<_>>(), [State::Printed, State::Accepted, State::Filed]);
    assert!(before.iter().all(|r| r.class == Class::Message));
    assert_eq!(form(), 1, "who only reads changes nothing");
    let events = b.reader().last_event().unwrap();

    let (w, found, rx) = b.start().unwrap();
    assert_eq!(form(), 3);
    assert_eq!(found.waiting, before[1..2], "what waited waits");
    assert_eq!(found.serials.into_iter().collect::<Vec<_>>(), [(19_630_830, 3)]);
    assert_eq!(b.reader().list(&all).unwrap(), before);
    assert_eq!(b.reader().load(&id(1)).unwrap().unwrap().text(), "THE QUICK BROWN FOX JUMPED OVER THE LAZY DOG'S BACK 1234567890");
    let Change::New { mut row, mut message, key } = new(&id(4), "SVC", None) else { panic!() };
    (row.class, message.envelope.class) = (Class::Service, Class::Service);
    w.persist(1, vec![Change::New { row, message, key }, event(&id(4), Event::CameAgain)]);
    until_persisted(1, &rx);
    drop(w);

    let (_w, found, _rx) = b.start().unwrap();
    assert_eq!(found.waiting.iter().map(|r| r.class).collect::<Vec<_>>(), [Class::Message, Class::Service]);
    assert_eq!(b.reader().load(&id(4)).unwrap().unwrap().envelope.class, Class::Service);
    assert_eq!(b.reader().last_event().unwrap(), events + 1);
}

/// The page tells how a journal is salvaged, and that needs the number of the form.
#[test]
fn the_page_on_salvage_has_the_form_that_this_program_writes() {
    let b = bench();
    drop(b.start().unwrap());
    let db = rusqlite::Connection::open(&b.path).unwrap();
    let form: i64 = db.query_row("PRAGMA user_version", [], |r| r.get(0)).unwrap();
    assert!(include_str!("../../docs/durability.md").contains(&format!("PRAGMA user_version = {form};")), "form {form}");
}

#[test]
fn a_second_station_on_the_same_journal_is_refused_by_name() {
    let b = bench();
    let (w, _, _rx) = b.start().unwrap();
    let why = b.start().err().unwrap();
    assert!(why.contains("journal.sqlite") && why.contains(&format!("process {}", std::process::id())), "{why}");
    drop(w);
    assert!(b.start().is_ok());
}

#[test]
fn only_this_account_can_read_the_journal() {
    let b = bench();
    let (w, _, rx) = b.start().unwrap();
    w.persist(1, vec![new(&id(1), "SECRET", None)]);
    until_persisted(1, &rx);
    for path in [b.path.clone(), wal(&b), b.path.with_extension("lock")] {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
}

#[test]
fn a_full_disk_is_told_once_and_loses_nothing() {
    let b = bench();
    let most = Arc::new(AtomicU32::new(40));
    let (w, _, rx) = start(Options { most_pages: Some(most.clone()), ..b.options() }).unwrap();
    w.persist(1, vec![new(&id(1), "FITS", None)]);
    until_persisted(1, &rx);
    w.persist(2, vec![new(&id(2), &"X".repeat(400_000), None)]);
    let Ok(Confirm::Stuck { error }) = rx.recv_timeout(Duration::from_secs(20)) else { panic!("not stuck") };
    assert!(error.contains("full") && error.contains("journal.sqlite") && error.contains("make room"), "{error}");
    w.persist(3, vec![new(&id(3), "WAITS", None)]);
    // It has tried again (the timeout is the proof that nothing was said), and nothing is half written.
    assert!(rx.recv_timeout(Duration::from_millis(1500)).is_err());
    assert_eq!(b.reader().list(&Filter { state: None, limit: 9 }).unwrap().len(), 1);
    most.store(1 << 20, Ordering::SeqCst);
    assert_eq!(until_persisted(3, &rx), [Confirm::Unstuck, Confirm::Persisted { batch: 3, events: 0 }]);
    assert_eq!(b.reader().list(&Filter { state: None, limit: 9 }).unwrap().len(), 3);
}

#[test]
fn a_journal_that_is_not_there_is_said_so() {
    let b = bench();
    assert!(Reader::open(&b.dir.path().join("none.sqlite")).err().unwrap().to_string().contains("there is no journal"));
}

#[test]
fn a_content_changed_on_the_disk_is_not_taken_for_the_message() {
    let b = bench();
    let (w, _, rx) = b.start().unwrap();
    w.persist(1, vec![new(&id(1), &"RED ".repeat(3000), None)]);
    until_persisted(1, &rx);
    drop(w);
    // SQLite has no checksum of its own over a row's bytes: these letters lie in pages it finds in order.
    let mut bytes = std::fs::read(&b.path).unwrap();
    let at = bytes.windows(12).rposition(|w| w == b"RED RED RED ").unwrap();
    bytes[at..at + 3].copy_from_slice(b"BED");
    std::fs::write(&b.path, &bytes).unwrap();
    let (_w, _, _rx) = b.start().unwrap();
    let why = b.reader().load(&id(1)).unwrap_err().to_string();
    assert!(why.contains("WASHINGTON-0001-19630830T1600Z") && why.contains("changed"), "{why}");
}

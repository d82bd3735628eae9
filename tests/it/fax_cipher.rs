//! Enciphered fax calls: judged from outside, by what went over the line, the pages that were sent, and a copy of the diskette.
//!
//! The judge asks the machines nothing: cipher and known page give key, the key's place is looked up in the copy, and no place may
//! come twice with another text, nor go back. The diskettes are real folders with their ledgers, and the ledger must agree.

use crate::fax_call::typed;
use molink::fax::circuit::{Circuit, Fate};
use molink::fax::code::{BitOrder, Coding, Decoder, Layout, ReadAs, encode};
use molink::fax::modem::Signal;
use molink::fax::simulated::{Act, Call, End, Seen};
use molink::fax::t30::{
    Answerer, CallEvent, Caller, Capabilities, Frame, FrameSize, KeyEvent, Keys, Kind, Settings, Thresholds, Verdict, Wishes, answerer,
    caller,
};
use molink::key::backend_disk::{Order, Shelf, destroy, make};
use molink::key::label::Label;
use molink::key::ledger::Entry;
use molink::key::{Copy, Medium};
use molink::line::Quality;
use molink::message::Name;
use molink::paper::{Page, Resolution};
use molink::time::{Instant, Speed};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

pub fn the_caller(pages: &[Arc<Page>], wishes: Wishes, keys: Keys) -> End {
    let (number, called, pages) = ("+1 202 555 0123".into(), "+7 095 555 0177".into(), pages.to_vec());
    let (capabilities, speed) = (Capabilities::OURS, Speed::REAL);
    let config = caller::Config { number, called, sub: None, facilities: false, pages, capabilities, wishes, speed };
    Box::new(Caller::new(config).keyed(&keys))
}
pub fn the_answerer(keys: Keys) -> End {
    let (number, thresholds) = ("+7 095 555 0177".into(), Thresholds::default());
    let config = answerer::Config { number, facilities: None, capabilities: Capabilities::OURS, thresholds, speed: Speed::REAL };
    Box::new(Answerer::new(config).keyed(&keys))
}
fn plain(correction: Option<FrameSize>) -> Wishes {
    Wishes { correction, best_coding: if correction.is_some() { Coding::Mmr } else { Coding::Mh }, ..Wishes::default() }
}
fn pages(count: usize, rows: usize) -> Vec<Arc<Page>> {
    (1..=count).map(|n| Arc::new(typed(rows, Resolution::STANDARD, n as u64))).collect()
}

/// Diskettes at both ends, on disk.
struct Rig {
    dir: tempfile::TempDir,
    shelves: Rc<RefCell<[Option<Shelf>; 2]>>,
    /// The diskette, as it was made.
    copy: Vec<u8>,
}

const ENDS: [&str; 2] = ["washington", "moscow"];

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

impl Rig {
    fn new(octets: u64) -> Rig {
        let rig = Rig { dir: tempfile::tempdir().unwrap(), shelves: Rc::default(), copy: vec![] };
        rig.make("one", octets);
        let copy = fs::read(rig.folder(0).join("one.key")).unwrap();
        Rig { copy, ..rig }
    }
    fn make(&self, it: &str, characters: u64) {
        let utc = "1986-06-17T12:00:00Z".parse().unwrap();
        let order = Order { medium: Medium::Diskette, name: it.into(), characters, from: name(ENDS[0]), to: name(ENDS[1]), utc };
        make(&order, self.dir.path(), &mut |_| true).unwrap();
    }
    fn folder(&self, end: usize) -> PathBuf {
        self.dir.path().join(ENDS[end])
    }
    fn label(&self, end: usize) -> Label {
        Label::read(&fs::read_to_string(self.folder(end).join("one.toml")).unwrap()).unwrap()
    }
    /// What hangs at an end; its folder is locked until it is closed.
    fn keys(&self, end: usize) -> Keys {
        let open = Shelf::open(&self.folder(end), Medium::Diskette, &name(ENDS[end]), Some(&name(ENDS[1 - end])));
        let shelf = &mut self.shelves.borrow_mut()[end];
        let diskettes = shelf.insert(open.unwrap()).tapes();
        Keys { diskettes, jump: 200_000, warn: vec![] }
    }
    fn close(&self) {
        *self.shelves.borrow_mut() = [None, None];
    }
    fn call(&self, pages: &[Arc<Page>], wishes: Wishes, quality: Quality, seed: u64) -> Call {
        self.call_on(pages, wishes, Circuit::new(quality, seed, Duration::from_millis(250)))
    }
    fn call_on(&self, pages: &[Arc<Page>], wishes: Wishes, circuit: Circuit) -> Call {
        self.close();
        let ends = [the_caller(pages, wishes, self.keys(0)), the_answerer(self.keys(1))];
        let mut call = Call::new(ends, circuit);
        let shelves = self.shelves.clone();
        call.reserve = Box::new(move |end, made| {
            let mut shelves = shelves.borrow_mut();
            shelves[end].as_mut().unwrap().reserve(made.copy, made.serial, made.from, made.count)
        });
        call
    }
    fn run(&self, pages: &[Arc<Page>], wishes: Wishes) -> Call {
        let mut call = self.call(pages, wishes, Quality::geo(), 1);
        call.run().unwrap();
        call
    }
    fn ledger(&self, end: usize) -> Vec<Entry> {
        let text = fs::read_to_string(self.folder(end).join("ledger.jsonl")).unwrap();
        text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    }
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|e| e.unwrap()) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// A page that went out, or some frames of it.
#[derive(Clone, PartialEq, Debug)]
struct Piece {
    page: usize,
    settings: Settings,
    /// Where its first octet stands in the page.
    at: usize,
    cipher: Vec<u8>,
}

/// What went over the line in place of pages.
fn pieces(call: &Call) -> Vec<Piece> {
    let (mut settings, mut sending, mut out) = (None, None, vec![]);
    for (_, _, seen) in call.seen.iter().filter(|(_, end, _)| *end == 0) {
        match seen {
            Seen::Event(CallEvent::Sending { page, block, .. }) => sending = Some((*page, block.unwrap_or(0))),
            Seen::Signal(Signal::Frames(frames)) => {
                let dcs = frames.iter().map(|f| Frame::decode(f).unwrap()).find(|f| f.kind == Kind::Dcs);
                settings = dcs.map(|f| Settings::decode(&f.fif, &Capabilities::OURS).unwrap()).or(settings);
            }
            Seen::Signal(Signal::Bits(_, bits)) if bits.iter().any(|b| *b != 0) => {
                out.push(Piece { page: sending.unwrap().0, settings: settings.unwrap(), at: 0, cipher: bits.clone() });
            }
            Seen::Signal(Signal::FastFrames(_, frames)) => {
                let (page, block) = sending.unwrap();
                for frame in frames.iter().map(|f| Frame::decode(f).unwrap()).filter(|f| f.kind == Kind::Fcd) {
                    let at = (block * 256 + usize::from(frame.fif[0])) * 256;
                    out.push(Piece { page, settings: settings.unwrap(), at, cipher: frame.fif[1..].to_vec() });
                }
            }
            _ => {}
        }
    }
    out
}
fn clear(page: &Page, settings: &Settings) -> Vec<u8> {
    let (eol, least_bits) = (settings.coding != Coding::Mmr, settings.least_bits());
    let mut octets = encode(page, settings.coding, Layout { order: BitOrder::LsbFirst, eol, aligned: false, end: true, least_bits });
    if settings.correction.is_some() {
        octets.resize(octets.len().next_multiple_of(256), 0);
    }
    octets
}

/// The judge's book: what each octet of the diskette was used for.
#[derive(Default)]
struct Book {
    used: BTreeMap<usize, u8>,
    highest: usize,
    pages: usize,
}

impl Book {
    /// Enters what a call put on the line; or says what is wrong with it.
    fn enter(&mut self, call: &Call, sent: &[Arc<Page>], copy: &[u8]) -> Result<(), String> {
        for piece in pieces(call) {
            let clear = clear(&sent[piece.page - 1], &piece.settings);
            let key: Vec<u8> = piece.cipher.iter().zip(&clear[piece.at..]).map(|(a, b)| a ^ b).collect();
            let head = &key[..key.len().min(24)];
            let from = copy.windows(head.len()).position(|w| w == head).ok_or("key that is not on the diskette")?;
            if copy.get(from..from + key.len()) != Some(&key[..]) {
                return Err(format!("key of the diskette at {from}, and another further on"));
            }
            if !self.used.contains_key(&from) {
                if from < self.highest {
                    return Err(format!("key goes back from {} to {from}", self.highest));
                }
                self.pages += usize::from(piece.at == 0);
            }
            for (n, cipher) in piece.cipher.iter().enumerate() {
                if self.used.insert(from + n, *cipher).is_some_and(|before| before != *cipher) {
                    return Err(format!("position {} of the diskette is used twice", from + n));
                }
            }
            self.highest = self.highest.max(from + key.len());
        }
        Ok(())
    }
    /// Whether the ledger rises, and everything used stands in it.
    fn agrees(&self, ledger: &[Entry]) {
        assert!(ledger.windows(2).all(|w| w[0].end() <= w[1].from), "{ledger:?}");
        let reserved = |n: &usize| ledger.iter().any(|e| (e.from..e.end()).contains(&(*n as u64)));
        assert!(self.used.keys().all(reserved));
    }
}

fn key_events(call: &Call, end: usize) -> Vec<KeyEvent> {
    let of_end = call.seen.iter().filter(|(_, e, _)| *e == end);
    let events = of_end.filter_map(|(_, _, seen)| if let Seen::Event(CallEvent::Key(event)) = seen { Some(event.clone()) } else { None });
    events.collect()
}
fn troubles(call: &Call, end: usize) -> String {
    let said = key_events(call, end).into_iter().filter_map(|e| if let KeyEvent::Trouble { reason } = e { Some(reason) } else { None });
    said.collect::<Vec<_>>().join("; ")
}
fn why(call: &Call, end: usize) -> String {
    call.reports[end].as_ref().unwrap().failure.as_ref().unwrap().to_string()
}

#[test]
fn enciphered_pages_arrive_as_they_were_sent_and_the_line_has_cipher() {
    let sent = pages(3, 120);
    for correction in [None, Some(FrameSize::Large)] {
        let rig = Rig::new(368_640);
        let call = rig.run(&sent, plain(correction));
        assert!(call.reports.iter().flatten().all(|r| r.complete() && r.confirmed == [1, 2, 3]), "{:?}", call.reports);
        assert!(sent.iter().zip(&call.pages).all(|(sent, got)| **sent == got.page) && call.pages.len() == 3);
        let mut book = Book::default();
        book.enter(&call, &sent, &rig.copy).unwrap();
        assert_eq!((book.pages, book.used.len(), book.highest), (3, book.highest, book.used.len()), "from 0, and no gap");
        for end in 0..2 {
            book.agrees(&rig.ledger(end));
            assert_eq!(rig.label(end).next, book.highest as u64);
        }
        let said = call.seen.iter().filter_map(|(_, _, s)| if let Seen::Signal(Signal::Frames(f)) = s { Some(f) } else { None });
        let kinds: Vec<Kind> = said.flatten().map(|f| Frame::decode(f).unwrap().kind).collect();
        let count = |kind| kinds.iter().filter(|k| **k == kind).count();
        assert_eq!((count(Kind::Mps), count(Kind::Nss), count(Kind::Dcs)), (0, 3, 3), "each page names its own start: {kinds:?}");
    }
}

/// Noisy calls one after the other with one diskette, until it is used up; what the judge says of each.
fn noisy_calls(rig: &Rig, book: &mut Book) -> Result<(usize, usize), String> {
    let sent = pages(2, 60);
    let (mut calls, mut again) = (0, 0);
    for seed in 0..60 {
        let correction = (seed % 2 == 1).then_some(FrameSize::Large);
        let quality = Quality { snr: [190, 160, 140, 120, 110][seed as usize % 5], ..Quality::geo() };
        let mut call = rig.call(&sent, plain(correction), quality, seed);
        if seed % 7 == 3 {
            call.at(Instant(20_000_000 + seed * 400_000), if seed % 2 == 0 { Act::Cut } else { Act::Vanish(seed as usize / 7 % 2) });
        }
        call.run()?;
        book.enter(&call, &sent, &rig.copy).map_err(|why| format!("call {seed}: {why}"))?;
        for report in call.reports.iter().flatten() {
            for page in &report.confirmed {
                let there = call.pages.iter().any(|r| r.number == *page || correction.is_none());
                assert!(there, "call {seed}: page {page} was confirmed and is not there");
            }
        }
        calls += 1;
        again += pieces(&call).iter().filter(|p| p.at == 0).count().saturating_sub(2);
    }
    Ok((calls, again))
}

#[test]
fn no_octet_of_a_diskette_is_used_twice_in_sixty_noisy_calls() {
    let rig = Rig::new(1_000_000);
    let mut book = Book::default();
    let (calls, again) = noisy_calls(&rig, &mut book).unwrap();
    book.agrees(&rig.ledger(0));
    assert!(calls == 60 && again > 10 && book.pages > 60, "{calls} calls, {again} pages sent again, {} in all", book.pages);
    println!("{calls} calls, {} pages went out, {again} of them again; {} octets of key used, none twice", book.pages, book.used.len());
}

#[test]
#[cfg(feature = "faults")]
fn the_judge_finds_a_retry_that_reuses_key() {
    use molink::faults::{Fault, plant};
    plant(Some(Fault::RetryReusesKey));
    let found = noisy_calls(&Rig::new(1_000_000), &mut Book::default());
    plant(None);
    let why = found.unwrap_err();
    assert!(why.contains("used twice"), "{why}");
    println!("{why}");
}

#[test]
fn a_page_sent_again_takes_fresh_key() {
    let (sent, rig) = (pages(1, 100), Rig::new(368_640));
    let mut circuit = Circuit::new(Quality::geo(), 1, Duration::from_millis(250));
    circuit.plan(0, 2, Fate::Damaged);
    let mut call = rig.call_on(&sent, plain(None), circuit);
    call.run().unwrap();
    let out = pieces(&call);
    assert!(out.len() == 2 && call.pages.len() == 1 && call.pages[0].page == *sent[0], "{} times", out.len());
    let mut book = Book::default();
    book.enter(&call, &sent, &rig.copy).unwrap();
    assert_eq!(book.used.len(), out[0].cipher.len() + out[1].cipher.len());
}

#[test]
fn frames_sent_again_are_the_same_cipher() {
    let (sent, rig) = (pages(1, 200), Rig::new(368_640));
    let mut circuit = Circuit::new(Quality::geo(), 1, Duration::from_millis(250));
    circuit.plan(0, 2, Fate::FramesDamaged(vec![1, 3]));
    let mut call = rig.call_on(&sent, plain(Some(FrameSize::Large)), circuit);
    call.run().unwrap();
    let out = pieces(&call);
    for n in [1, 3] {
        let same: Vec<&Piece> = out.iter().filter(|p| p.at == n * 256).collect();
        assert!(same.len() == 2 && same[0] == same[1], "frame {n}");
    }
    assert!(call.pages[0].page == *sent[0] && call.reports[0].as_ref().unwrap().confirmed == [1]);
}

#[test]
fn a_line_that_is_half_in_clear_sends_nothing() {
    let sent = pages(1, 60);
    let rig = Rig::new(368_640);
    let clear_caller = || crate::fax_call::the_caller(sent.clone(), Capabilities::OURS, plain(None));
    let cases: [(End, End, [&str; 2]); 2] = [
        (
            the_caller(&sent, plain(None), rig.keys(0)),
            crate::fax_call::the_answerer(Capabilities::OURS),
            ["this line is enciphered, and the far end names no diskette; nothing is sent in clear", "it disconnected (DCN)"],
        ),
        (
            clear_caller(),
            the_answerer(rig.keys(1)),
            ["the far end's line is enciphered, and this one has no diskettes; nothing is sent in clear", "it disconnected (DCN)"],
        ),
    ];
    for (caller, answerer, said) in cases {
        let mut call = Call::new([caller, answerer], Circuit::new(Quality::geo(), 1, Duration::from_millis(250)));
        call.run().unwrap();
        assert_eq!(pieces(&call), []);
        for (end, said) in said.into_iter().enumerate() {
            assert!(why(&call, end).ends_with(said), "{}", why(&call, end));
        }
    }
}

#[test]
fn what_has_no_twin_or_no_key_left_is_refused_before_anything_is_sent() {
    let sent = pages(1, 60);
    let refused = |rig: &Rig, named: &str| {
        let call = rig.run(&sent, plain(None));
        assert_eq!(pieces(&call), [], "{named}");
        assert!(why(&call, 0).contains(named), "{}\nshould say: {named}", why(&call, 0));
        assert!(rig.ledger(0).iter().all(|e| e.utc.0 != 0 || e.count == 0));
        call
    };
    let short = Rig::new(500);
    refused(&short, "key is short: no diskette for what is sent here has more than 500 octets left, and the page needs");
    let other = Rig::new(368_640);
    let foreign = Rig::new(368_640);
    for file in ["one.key", "one.toml"] {
        fs::copy(foreign.folder(1).join(file), other.folder(1).join(file)).unwrap();
    }
    refused(&other, "and none of them has a twin here");
    let burnt = Rig::new(368_640);
    destroy(&burnt.folder(1).join("one.key"), "1986-06-17T12:00:00Z".parse().unwrap(), &mut |_| {}).unwrap();
    let call = refused(&burnt, "the far end has no key left for what is sent here");
    assert!(troubles(&call, 1).contains("is destroyed"), "{}", troubles(&call, 1));
    let toy = Rig::new(368_640);
    for end in 0..2 {
        let label = Label { kind: molink::key::label::Kind::Simulation, ..toy.label(end) };
        fs::write(toy.folder(end).join("one.toml"), label.text()).unwrap();
    }
    let call = refused(&toy, "key is short");
    assert!(troubles(&call, 0).contains("was made for a simulation") && troubles(&call, 1).contains("was made for a simulation"));
    let tapes = Rig::new(368_640);
    for end in 0..2 {
        let label = Label { medium: Medium::Tape, ..tapes.label(end) };
        fs::write(tapes.folder(end).join("one.toml"), label.text()).unwrap();
    }
    let call = refused(&tapes, "key is short");
    assert!(troubles(&call, 0).contains("does not fit the machine at this port, which takes diskettes"), "{}", troubles(&call, 0));
}

#[test]
fn an_old_copy_of_a_folder_is_caught_by_the_far_end() {
    let sent = pages(1, 60);
    for end in 0..2 {
        let rig = Rig::new(368_640);
        let (folder, aside) = (rig.folder(end), rig.dir.path().join("backup"));
        copied(&folder, &aside);
        let mut book = Book::default();
        for _ in 0..3 {
            book.enter(&rig.run(&sent, plain(None)), &sent, &rig.copy).unwrap();
        }
        rig.close();
        fs::remove_dir_all(&folder).unwrap();
        copied(&aside, &folder);
        assert_eq!(rig.label(end).next, 0);
        let call = rig.run(&sent, plain(None));
        book.enter(&call, &sent, &rig.copy).unwrap();
        assert_eq!((book.pages, call.pages.len()), (4, 1));
        let burned = key_events(&call, end).into_iter().any(|e| matches!(e, KeyEvent::Burned { .. }));
        assert!(burned, "{end}: {:?}", key_events(&call, end));
    }
}

#[test]
fn what_was_reserved_by_a_station_that_died_is_burned() {
    let (sent, rig) = (pages(1, 60), Rig::new(368_640));
    let mut call = rig.call(&sent, plain(None), Quality::geo(), 1);
    let (shelves, dead) = (rig.shelves.clone(), Rc::new(RefCell::new(0)));
    let count = dead.clone();
    call.reserve = Box::new(move |end, made| {
        let key = shelves.borrow_mut()[end].as_mut().unwrap().reserve(made.copy, made.serial, made.from, made.count)?;
        *count.borrow_mut() += usize::from(made.copy == Copy::Send);
        if made.copy == Copy::Send { Err("the station was killed".into()) } else { Ok(key) }
    });
    call.run().unwrap();
    assert_eq!((pieces(&call), *dead.borrow()), (vec![], 1));
    let reserved = rig.ledger(0)[0].clone();
    let call = rig.run(&sent, plain(None));
    let mut book = Book::default();
    book.enter(&call, &sent, &rig.copy).unwrap();
    assert!(book.pages == 1 && *book.used.keys().next().unwrap() as u64 >= reserved.end());
}

#[test]
fn a_piece_that_is_lost_is_damage_to_the_rest_and_never_good() {
    let page = typed(200, Resolution::STANDARD, 3);
    let key: Vec<u8> = (0..20_000u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 29) as u8).collect();
    let mix = |octets: &[u8]| octets.iter().zip(&key).map(|(a, b)| a ^ b).collect::<Vec<u8>>();
    for coding in [Coding::Mh, Coding::Mr { k: 2 }] {
        let layout = Layout { order: BitOrder::LsbFirst, eol: true, aligned: false, end: true, least_bits: 0 };
        let cipher = mix(&encode(&page, coding, layout));
        let read = |octets: &[u8]| {
            let mut decoder = Decoder::new(coding, 1728, ReadAs { order: BitOrder::LsbFirst, rows: None, aligned: false });
            decoder.push(&mix(octets), &mut |_| {});
            decoder.finish(&mut |_| {})
        };
        assert_eq!(read(&cipher).bad_rows, 0);
        for at in (0..cipher.len() - 10).step_by(cipher.len() / 150) {
            for lost in [1, 7] {
                let damage = read(&[&cipher[..at], &cipher[at + lost..]].concat());
                assert_eq!(Thresholds::default().judge(&damage), Verdict::Bad, "{lost} octets lost at {at}: {damage:?}");
            }
            let mut flipped = cipher.clone();
            flipped[at] ^= 4;
            let damage = read(&flipped);
            assert!(
                damage.bad_rows <= 3 && Thresholds::default().judge(&damage) != Verdict::Bad || at > cipher.len() - 20,
                "{at}: {damage:?}"
            );
        }
    }
}

#[test]
fn twins_that_are_none_are_found_out_also_with_correction() {
    let sent = pages(1, 100);
    for correction in [None, Some(FrameSize::Large)] {
        let rig = Rig::new(368_640);
        let mut call = rig.call(&sent, plain(correction), Quality::geo(), 1);
        let shelves = rig.shelves.clone();
        call.reserve = Box::new(move |end, made| {
            let mut key = shelves.borrow_mut()[end].as_mut().unwrap().reserve(made.copy, made.serial, made.from, made.count)?;
            key.iter_mut().for_each(|k| *k ^= if end == 1 { 0x5a } else { 0 });
            Ok(key)
        });
        call.run().unwrap();
        assert!(call.pages.is_empty() && call.reports.iter().flatten().all(|r| r.confirmed.is_empty()), "{:?}", call.reports);
        if correction.is_some() {
            assert!(
                why(&call, 1).contains("page 1 does not decipher with diskette") && why(&call, 1).ends_with("are twins"),
                "{}",
                why(&call, 1)
            );
        }
    }
}

//! Everything that reads what comes from outside: code tables, service lines, messages, labels, ledgers, station and scenario files.
//!
//! The first byte says which; the rest is read by it. Held to: no panic; output no longer than the input allows; what is composed
//! reads back; what was read and is written again reads the same.

use super::Bytes;
use molink::key::label::Label;
use molink::key::ledger::Ledger;
use molink::line::{Code, Symbol};
use molink::message::{Address, Class, Envelope, Identity, Message, Name, Part, Precedence, period};
use molink::router::Delivery;
use molink::station::StationConfig;
use molink::teletype::codes::LTRS;
use molink::teletype::keys::Keys;
use molink::teletype::service::{Claim, Detector, LONGEST, Line, Place, Stamp, Why};
use molink::teletype::wire::{CHUNK, compose, read};
use molink::teletype::{CodeTable, Coder, UnshiftOnSpace};
use molink::time::Utc;

const SETTINGS: [UnshiftOnSpace; 3] = [UnshiftOnSpace::Unknown, UnshiftOnSpace::No, UnshiftOnSpace::Yes];
/// 30 August 1963.
const NEAR: Utc = Utc(-200_160_000_000_000);

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    match bytes.byte() % 12 {
        0 => codes_decode(&mut bytes),
        1 => text_reads_back(&mut bytes),
        2 => service_lines(&mut bytes),
        3 => composed_lines(&mut bytes),
        4 => message_codes(&mut bytes),
        5 => composed_messages(&mut bytes),
        6 => label(bytes.rest()),
        7 => ledger(bytes.rest()),
        8 => text(bytes.rest(), |t| said(molink::history::Scenario::parse("s.toml", t).err())),
        9 => text(bytes.rest(), |t| said(StationConfig::parse("s.toml", t).err().map(|e| e.to_string()))),
        10 => text(bytes.rest(), |t| said(t.parse().ok().and_then(|table| Keys::read(table).err()))),
        _ => small_forms(bytes.rest()),
    }
}

fn codes(bytes: &[u8]) -> Vec<Code> {
    bytes.iter().map(|b| Code::new(*b)).collect()
}
fn text(bytes: &[u8], work: impl FnOnce(&str)) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        work(text);
    }
}
/// An error is something that can be shown.
fn said(error: Option<String>) {
    assert!(error.is_none_or(|e| !e.is_empty() && e.len() < 100_000));
}

/// Any codes decode to at most a character each, in any pieces alike, and print the same as before once sent again.
fn codes_decode(bytes: &mut Bytes) {
    let (table, setting, cut) = (*bytes.of(&CodeTable::ALL), *bytes.of(&SETTINGS), usize::from(bytes.byte()));
    let codes = codes(bytes.rest());
    let printed = Coder::new(table, setting).print(&codes);
    assert!(printed.chars().count() <= codes.len());
    let mut pieces = Coder::new(table, setting);
    let (a, b) = codes.split_at(cut.min(codes.len()));
    assert_eq!(pieces.print(a) + &pieces.print(b), printed);
    let mut again = vec![];
    Coder::new(table, setting).write(&printed, &mut again).expect("what a machine prints has codes");
    assert_eq!(Coder::new(table, setting).print(&again), printed);
}

/// Text of a table's repertoire, a character a byte.
pub fn repertoire_text(table: CodeTable, bytes: &[u8]) -> String {
    let characters: Vec<char> = (table.repertoire() + "\n").chars().collect();
    bytes.iter().map(|b| characters[usize::from(*b) % characters.len()]).collect()
}

/// What is written reads back on a machine that unshifts at a space and on one that does not, where that is not known.
fn text_reads_back(bytes: &mut Bytes) {
    let (table, setting) = (*bytes.of(&CodeTable::ALL), *bytes.of(&SETTINGS));
    let text = repertoire_text(table, bytes.rest());
    let mut codes = vec![];
    Coder::in_letters(table, setting).write(&text, &mut codes).expect("the repertoire has codes");
    assert!(codes.len() <= text.chars().count() * 4);
    assert!(!codes.windows(2).any(|pair| pair == [LTRS, LTRS]), "a text opens a service line");
    let machines = if setting == UnshiftOnSpace::Unknown { SETTINGS.to_vec() } else { vec![setting] };
    for machine in machines {
        assert_eq!(Coder::in_letters(table, machine).print(&codes), table.printed(&text));
        assert_eq!(Coder::in_letters(table, machine).read(&codes), table.read_back(&table.printed(&text)));
    }
}

/// Service lines found in any codes are short, and stay what they are when said again.
fn service_lines(bytes: &mut Bytes) {
    let setting = *bytes.of(&SETTINGS);
    let mut detector = Detector::new(setting);
    for code in codes(bytes.rest()) {
        if let Some(body) = detector.take(code) {
            said_again(&body);
        }
    }
}
fn said_again(body: &str) {
    assert!(body.len() + 6 <= LONGEST);
    if let Some(line) = Line::read(body, NEAR) {
        let once = line.body();
        assert!(once.len() <= LONGEST, "{once}");
        let again = Line::read(&once, NEAR).unwrap_or_else(|| panic!("`{body}` is said as `{once}`, which is none"));
        assert_eq!(again.body(), once);
        assert_eq!(again.answers_a_message(), line.answers_a_message());
    }
}

/// A line of ours reads back over the wire; with one code damaged it is itself or nothing.
fn composed_lines(bytes: &mut Bytes) {
    let setting = *bytes.of(&SETTINGS);
    let line = line(bytes);
    let mut codes = line.codes(setting);
    let heard = |codes: &[Code]| {
        let mut detector = Detector::new(setting);
        codes.iter().filter_map(|c| detector.take(*c)).collect::<Vec<_>>()
    };
    assert_eq!(heard(&codes), [line.body()]);
    if let Some(read) = Line::read(&line.body(), NEAR) {
        assert_eq!(read.body(), line.body());
    } else {
        panic!("{line:?} is none");
    }
    let at = usize::from(bytes.word()) % codes.len();
    match bytes.byte() % 7 {
        5 => drop(codes.remove(at)),
        6 => codes.insert(at, codes[at]),
        bit => codes[at] = codes[at].flip(u32::from(bit)),
    }
    let damaged = heard(&codes);
    assert!(damaged.is_empty() || damaged == [line.body()], "{damaged:?}");
}
fn name(bytes: &mut Bytes) -> Name {
    let letters = b"abcdefghijklmnopqrstuvwxyz0123456789-";
    let n = 1 + bytes.below(32);
    let rest: String = bytes.take(n - 1).iter().map(|b| char::from(letters[usize::from(*b) % letters.len()])).collect();
    let first = char::from(letters[bytes.below(26)]);
    format!("{first}{rest}").parse().unwrap_or_else(|_| "a".parse().expect("a name"))
}
fn identity(bytes: &mut Bytes) -> Identity {
    let day = 1 + bytes.below(31);
    let (serial, minute) = (bytes.long() % 1_000_000_000, usize::from(bytes.word()) % 1440);
    let dtg = format!("196308{day:02}T{:02}{:02}Z", minute / 60, minute % 60).parse().expect("a date-time group");
    Identity { station: name(bytes), serial, dtg }
}
fn line(bytes: &mut Bytes) -> Line {
    let number = |bytes: &mut Bytes| bytes.long() % 1_000_000_000;
    let place = |bytes: &mut Bytes| Place::new(number(bytes), number(bytes).into());
    let no = number(bytes);
    let kind = bytes.byte() % 8;
    let stamp = |bytes: &mut Bytes| {
        let check = (0..5).map(|_| char::from(b'A' + bytes.byte() % 26)).collect();
        Stamp { identity: identity(bytes), count: number(bytes) as usize, check }
    };
    let reason = |bytes: &mut Bytes| {
        let n = bytes.below(100);
        String::from_utf8_lossy(bytes.take(n)).into_owned()
    };
    match kind {
        0 | 1 => {
            let key = bytes.bit().then(|| Claim { from: place(bytes), count: number(bytes).into(), read: place(bytes) });
            let to = bytes.bit().then(|| name(bytes));
            Line::Call { to, from: name(bytes), no, code: *bytes.of(&CodeTable::ALL), key }
        }
        2 => Line::Ready { to: name(bytes), from: name(bytes), no, key: bytes.bit().then(|| place(bytes)) },
        3 => Line::NotReady { to: name(bytes), from: name(bytes), no, reason: reason(bytes) },
        4 => Line::Key { from: place(bytes), count: number(bytes).into() },
        5 => Line::Received { before: bytes.bit(), stamp: stamp(bytes) },
        6 => {
            let why = [Why::Check, Why::Idle, Why::Heading, Why::Busy, Why::Long, Why::Step, Why::Key];
            Line::NotReceived { no, why: bytes.bit().then(|| *bytes.of(&why)) }
        }
        _ => Line::Refused { stamp: stamp(bytes), reason: reason(bytes) },
    }
}

/// Any codes read as a message, or as a flaw that can be told.
fn message_codes(bytes: &mut Bytes) {
    let (table, setting) = (*bytes.of(&CodeTable::ALL), *bytes.of(&SETTINGS));
    let codes = codes(bytes.rest());
    match read(&codes, table, setting, NEAR) {
        Ok((message, stamp)) => {
            assert_eq!(stamp.count, codes.len());
            assert!(message.text().chars().count() < codes.len());
        }
        Err(flaw) => assert!(!flaw.text.is_empty()),
    }
}

/// A message of ours reads back; damaged anywhere it is itself or nothing.
fn composed_messages(bytes: &mut Bytes) {
    let (table, setting) = (*bytes.of(&CodeTable::ALL), *bytes.of(&SETTINGS));
    let damage: Vec<(u16, u8)> = (0..bytes.below(4)).map(|_| (bytes.word(), bytes.byte())).collect();
    let identity = identity(bytes);
    let (own, peer) = (name(bytes), name(bytes));
    let desk = |station: &Name| Address { desk: "operator".parse().expect("a desk"), station: station.clone() };
    let precedence = *bytes.of(&Precedence::ALL);
    let subject = if bytes.bit() { repertoire_text(table, bytes.take(20)).replace('\n', " ") } else { String::new() };
    let envelope = Envelope {
        from: desk(&own),
        to: desk(&peer),
        precedence,
        subject,
        class: *bytes.of(&[Class::Message, Class::Service]),
        via: vec![],
        post: None,
    };
    let text = repertoire_text(table, bytes.rest());
    let content = if text.is_empty() { vec![] } else { vec![Part::Text { text: text.clone() }] };
    let delivery = Delivery { number: 1, message: Message { identity: identity.clone(), envelope, content }, channel: 1, again: false };
    let wire = compose(&delivery, &own, &peer, table, setting).expect("the repertoire has codes");
    assert!(wire.ends.windows(2).all(|w| w[0] < w[1] && w[1] - w[0] <= CHUNK) && wire.ends.last() == Some(&wire.codes.len()));
    let (message, stamp) = read(&wire.codes, table, setting, NEAR).expect("reads back");
    let expected = table.read_back(&table.printed(&text));
    assert_eq!((message.text(), &message.identity, &stamp), (expected.clone(), &identity, &wire.stamp));
    let mut codes = wire.codes.clone();
    for (at, how) in damage {
        let at = usize::from(at) % codes.len().max(1);
        match how % 8 {
            _ if codes.is_empty() => {}
            5 => drop(codes.remove(at)),
            6 => codes.insert(at, codes[at]),
            7 => codes.truncate(at.max(1)),
            bit => codes[at] = codes[at].flip(u32::from(bit)),
        }
    }
    if let Ok((message, _)) = read(&codes, table, setting, NEAR) {
        assert_eq!((message.text(), message.identity), (expected, identity), "a damaged message was taken for another");
    }
}

fn label(bytes: &[u8]) {
    text(bytes, |t| match Label::read(t) {
        Ok(label) => assert_eq!(Label::read(&label.text()), Ok(label)),
        Err(why) => said(Some(why)),
    });
}

fn ledger(bytes: &[u8]) {
    match Ledger::read(bytes) {
        Ok(ledger) => {
            assert!(ledger.whole <= bytes.len() as u64);
            assert_eq!(Ledger::read(&bytes[..ledger.whole as usize]), Ok(ledger), "the same without what was torn off");
        }
        Err((line, why)) => assert!(line > 0 && !why.is_empty()),
    }
}

fn small_forms(bytes: &[u8]) {
    text(bytes, |t| {
        if let Ok(identity) = t.parse::<Identity>() {
            assert_eq!(identity.to_string().parse(), Ok(identity.clone()));
            assert_eq!(Identity::from_heading(&identity.heading(), identity.dtg.utc()), Some(identity));
        }
        if let Ok(address) = t.parse::<Address>() {
            assert_eq!(address.to_string().parse(), Ok(address));
        }
        if let Ok(utc) = t.parse::<Utc>() {
            let written: Utc = utc.to_string().parse().expect("what is written reads back");
            assert_eq!(written.to_string(), utc.to_string());
        }
        let _ = (Identity::from_heading(t, NEAR), molink::time::parse_duration(t), t.parse::<molink::time::Speed>());
        said(period::read(t, NEAR).err());
        if let Some(line) = Line::read(t, NEAR) {
            said(Some(line.body()));
        }
    });
}

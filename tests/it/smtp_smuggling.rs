//! Every combination of CR, LF and dot, up to five octets, where a message might end: `fixtures/dialogues/smtp-smuggling/table.txt`.
//!
//! A row: the octets; whether a server of ours that gets them behind `x` in DATA takes them as the end, goes on, or refuses the message and closes; the same
//! in a chunk; and what our client puts on the wire for a message of `x`, the octets and `y`.

use crate::smtp_dialogues::{WRITE, escape, server};
use molink::email::smtp::data::Reader;
use molink::email::smtp::limits::Limits;
use molink::email::smtp::server::{Input, Output};
use molink::email::smtp::stuffing::Writer;
use molink::machine::Machine;
use molink::time::Instant;
use std::fmt::Write;
use std::path::Path;

/// All words over the three signs, of one octet to five.
fn words() -> Vec<Vec<u8>> {
    let (mut all, mut longest): (Vec<Vec<u8>>, Vec<Vec<u8>>) = (vec![], vec![vec![]]);
    for _ in 0..5 {
        longest = longest.iter().flat_map(|w| b"\r\n.".map(|b| [w.as_slice(), &[b]].concat())).collect();
        all.extend(longest.clone());
    }
    all
}

/// Gives a server a message, in pieces of so many octets; what it handed out to be filed, and whether it closed.
fn given(command: &str, octets: &[u8], pieces: usize) -> (Vec<Vec<u8>>, bool, String) {
    let (mut server, now) = (server(""), Instant::ZERO);
    let (mut filed, mut piece, mut closed, mut said) = (vec![], vec![], false, String::new());
    let mut inputs = vec![Input::Connected];
    for line in ["EHLO washington", "MAIL FROM:<a@washington>", "RCPT TO:<chairman@moscow>", command] {
        inputs.push(Input::Octets(format!("{line}\r\n").into_bytes()));
    }
    inputs.extend(octets.chunks(pieces).map(|o| Input::Octets(o.to_vec())));
    inputs.reverse();
    while let Some(input) = inputs.pop() {
        for output in server.handle(now, input) {
            match output {
                Output::Piece(octets) => piece.extend(octets),
                Output::Finish(mail) => {
                    filed.push(std::mem::take(&mut piece));
                    inputs.push(Input::Filed(mail.number, "X".into()));
                }
                Output::Discard => piece.clear(),
                Output::Close => closed = true,
                Output::Send(octets) => said.push_str(&String::from_utf8(octets).unwrap()),
                Output::Open | Output::StartTls => {}
            }
        }
    }
    (filed, closed, said)
}

fn in_data(word: &[u8], pieces: usize) -> &'static str {
    let octets = [b"x", word, b"NOOP\r\n.\r\n"].concat();
    let (filed, closed, said) = given("DATA", &octets, pieces);
    match (&filed[..], closed) {
        ([one], false) if *one == b"x\r\n" => {
            assert!(said.ends_with("250 2.0.0 here\r\n500 5.5.1 no such command\r\n"), "{said}");
            "ends"
        }
        ([one], false) => {
            assert!(one.ends_with(b"NOOP\r\n"), "{}", escape(one));
            "goes on"
        }
        ([], true) => {
            assert!(said.contains("\r\n554 5.6.0 a bare CR or LF"), "{said}");
            "refused"
        }
        other => panic!("{}: {other:?}", escape(word)),
    }
}

fn in_a_chunk(word: &[u8], pieces: usize) -> &'static str {
    let octets = [b"x", word].concat();
    let (filed, closed, _) = given(&format!("BDAT {} LAST", octets.len()), &octets, pieces);
    match (&filed[..], closed) {
        ([one], false) if *one == octets => "goes on",
        ([], true) => "refused",
        other => panic!("{}: {other:?}", escape(word)),
    }
}

/// The wire for a message, and a check that a strict reader finds it ends where it ends, and is what was meant.
fn from_the_client(word: &[u8], pieces: usize) -> String {
    let message = [b"x", word, b"y"].concat();
    let (mut writer, mut wire, mut read) = (Writer::new(true, false), vec![], vec![]);
    message.chunks(pieces).for_each(|p| writer.piece(p, &mut wire).unwrap());
    writer.end(&mut wire);
    let mut reader = Reader::new(true, &Limits::default());
    assert_eq!(reader.feed(&wire, &mut read), (wire.len(), true), "{}", escape(&wire));
    let text = String::from_utf8(message).unwrap().replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n");
    assert_eq!((read, reader.flaw), (format!("{text}\r\n").into_bytes(), None), "{}", escape(&wire));
    escape(&wire)
}

#[test]
fn only_cr_lf_dot_cr_lf_ends_a_message_of_all_combinations() {
    let mut table = String::from("# octets | server, DATA | server, BDAT | our client's wire for x, the octets, y\n");
    for word in words() {
        let rows: Vec<_> = [1, 2, 3, 100].map(|p| (in_data(&word, p), in_a_chunk(&word, p), from_the_client(&word, p))).into();
        assert!(rows.iter().all(|r| *r == rows[0]), "{}: {rows:?}", escape(&word));
        let (data, chunk, wire) = &rows[0];
        writeln!(table, "{} | {data} | {chunk} | {wire}", escape(&word)).unwrap();
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/dialogues/smtp-smuggling/table.txt");
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&file, &table).unwrap();
    }
    let ends: Vec<&str> = table.lines().filter(|l| l.contains("| ends |")).collect();
    assert_eq!(ends.len(), 1, "{ends:?}");
    assert!(ends[0].starts_with("\\r\\n.\\r\\n | "));
    assert_eq!(table.lines().count(), 1 + 363);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), table);
}

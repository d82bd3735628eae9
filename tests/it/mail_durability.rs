//! A mail is on disk before it is answered with 250: a station under strace syncs its journal, and before that the content of an
//! attachment and the book of correspondents where a mail has or needs one.
//!
//! Standards: RFC 5321 4.2.5; fsync(2), fdatasync(2). In: traces of `strace -f -y`, mails of Python's smtplib. Out: where the sync is, or
//! what is missing. Left out: disks that lie about a sync. Shown by: the same check finding fault with `test_only_unsynced_journal = true`.

use crate::durability::{Call, JOURNAL, calls, end_traced, file_synced_between, text_of, traced};
use crate::support::{House, SOON, peer, text};
use crate::wire::address;
use std::path::Path;
use std::process::Command;

const BOOK: &str = "mail.book";
/// Where contents lie; the journal lies beside.
const CONTENT: &str = "/content/";
const SAID: &str = "250 2.0.0 ";

/// One mail: who sends it, and the bytes of its attachment.
type One = (&'static str, u32);

/// A new sender, one that is known, and one with a large attachment.
const MAILS: [One; 3] = [("alice@load.example", 0), ("alice@load.example", 0), ("alice@load.example", 200_000)];

/// The calls of a station that took these mails one after the other.
fn observed(extra: &str) -> Vec<Call> {
    let house = House::new();
    let at = address();
    house.file(
        "moscow.toml",
        format!(
            "station = \"moscow\"\ndata = \"moscow\"\nlisten = \"127.0.0.1:0\"\n{extra}\n[desk.operator]\n\
             [port.post]\nbackend = \"email\"\nkind = \"gateway\"\nline = {{ listen = \"{at}\" }}\nquota = 0\n"
        ),
    );
    let station = traced(&house, "moscow", None);
    let (host, port) = at.split_once(':').unwrap();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/mail_ledger.py");
    for (sender, size) in MAILS {
        let mut command = Command::new(peer("python3", "python3"));
        command.arg(&program).args(["one", host, port, sender, "operator@moscow", &size.to_string()]);
        let said = house.end(command, "mail_ledger.py one", SOON);
        assert!(said.status.success(), "{}\n{}", text(&said.stderr), station.process.errors());
    }
    end_traced(&house, station);
    calls(&text_of(&house.path("moscow.trace")))
}

/// Each time a mail is answered with 250: the last octets that were heard before it, and the answer.
fn answers(calls: &[Call]) -> Vec<(&Call, &Call)> {
    let said = calls.iter().filter(|c| c.writes() && c.args.contains("socket:") && c.args.contains(SAID) && c.args.contains("filed"));
    let heard = |said: &Call| calls.iter().rfind(|c| c.reads() && c.on == said.on && c.returned < said.began);
    said.filter_map(|said| Some((heard(said)?, said))).collect()
}

/// What is to be on disk before the n-th answer is.
fn on_disk(calls: &[Call], n: usize, files: &[&str]) -> Result<(), String> {
    let answers = answers(calls);
    let (heard, said) = answers.get(n).ok_or_else(|| format!("{} mails were answered with 250", answers.len()))?;
    files.iter().try_for_each(|file| file_synced_between(calls, file, heard, said))
}

#[test]
#[ignore = "peer: run through tests/run"]
fn no_mail_is_answered_with_250_before_a_sync_of_all_that_holds_it() {
    let calls = observed("");
    assert_eq!(answers(&calls).len(), MAILS.len());
    assert_eq!(on_disk(&calls, 0, &[BOOK, JOURNAL]), Ok(()), "a new sender");
    assert_eq!(on_disk(&calls, 1, &[JOURNAL]), Ok(()), "a sender in the book");
    assert_eq!(on_disk(&calls, 2, &[CONTENT, JOURNAL]), Ok(()), "a large attachment");
    assert!(on_disk(&calls, 1, &[BOOK]).is_err(), "and the book is written once");
    println!("{} calls: book, content and journal are synced between the end of each mail and its 250", calls.len());
}

#[test]
#[ignore = "peer: run through tests/run"]
fn a_250_of_a_journal_that_is_not_synced_is_found_out() {
    let calls = observed("test_only_unsynced_journal = true");
    for n in 0..MAILS.len() {
        let why = on_disk(&calls, n, &[JOURNAL]).unwrap_err();
        assert!(why.contains("no sync of it returns before"), "{why}");
        println!("found out: {why}");
    }
}

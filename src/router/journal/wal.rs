//! Looks through a write-ahead log before SQLite does: SQLite takes what is damaged for the log's end, and what follows it for nothing.
//!
//! Standard: SQLite's file format, section 4 ("The Write-Ahead Log"). In: the log's bytes. Out: nothing, or what is damaged.
//! A torn last commit is no damage: it was never confirmed. Each commit is synced before the next begins, so only the last can be torn;
//! two or more commits behind a damaged frame were confirmed and would be lost. Left out: the pages. Shown by: `journal::wal::tests`.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

const HEADER: usize = 32;
const FRAME: usize = 24;

/// Checks the log at `path`; one that is missing or empty is whole. `Ok(Some(…))`: what is damaged.
pub fn look(path: &Path) -> io::Result<Option<String>> {
    match File::open(path) {
        Ok(file) => read(BufReader::with_capacity(1 << 20, file)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

fn read(mut log: impl Read) -> io::Result<Option<String>> {
    let mut header = [0; HEADER];
    if !fill(&mut log, &mut header)? {
        return Ok(None); // shorter than a header: nothing was ever confirmed by it
    }
    let magic = word(&header, 0);
    let big = magic & 1 == 1; // the byte order of checksums, not of the file's numbers
    let sum = checksum((0, 0), &header[..24], big);
    if magic & !1 != 0x377f_0682 || sum != (word(&header, 24), word(&header, 28)) {
        return Ok(Some("the header of its write-ahead log does not fit".into()));
    }
    let (page, salts) = (word(&header, 8) as usize, [word(&header, 16), word(&header, 20)]);
    if !(512..=65_536).contains(&page) || !page.is_power_of_two() {
        return Ok(Some(format!("its write-ahead log claims pages of {page} bytes")));
    }
    let (mut sum, mut good, mut bad) = (sum, 0u64, None);
    let mut commits_behind = 0;
    let mut frame = vec![0; FRAME + page];
    while fill(&mut log, &mut frame)? {
        let ours = [word(&frame, 8), word(&frame, 12)] == salts;
        if bad.is_none() {
            let next = checksum(checksum(sum, &frame[..8], big), &frame[FRAME..], big);
            if ours && next == (word(&frame, 16), word(&frame, 20)) {
                (sum, good) = (next, good + 1);
                continue;
            }
            bad = Some(good + 1);
        }
        // Frames with other salts are of an earlier round of the log: old, and long in the journal.
        commits_behind += u32::from(ours && word(&frame, 4) != 0);
    }
    Ok(bad
        .filter(|_| commits_behind > 1)
        .map(|n| format!("frame {n} of its write-ahead log does not fit, and {commits_behind} commits stand behind it")))
}

/// Fills the buffer; `false` at the log's end, also in the middle of it.
fn fill(log: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match log.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e),
    }
}

/// A number of the file: big-endian, four bytes.
fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The format's running sum over pairs of words.
fn checksum((mut a, mut b): (u32, u32), bytes: &[u8], big: bool) -> (u32, u32) {
    for pair in bytes.chunks_exact(8) {
        let number = |at: usize| {
            let four = [pair[at], pair[at + 1], pair[at + 2], pair[at + 3]];
            if big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
        };
        a = a.wrapping_add(number(0)).wrapping_add(b);
        b = b.wrapping_add(number(4)).wrapping_add(a);
    }
    (a, b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    /// A log of SQLite's own, with ten commits that no checkpoint has taken.
    fn log(dir: &Path) -> Vec<u8> {
        let db = Connection::open(dir.join("j.sqlite")).unwrap();
        db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x)").unwrap();
        for i in 0..10 {
            db.execute("INSERT INTO t VALUES (?1)", [i]).unwrap();
        }
        std::fs::read(dir.join("j.sqlite-wal")).unwrap()
    }

    #[test]
    fn a_log_that_sqlite_wrote_is_whole_and_damage_before_its_last_commit_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let log = log(dir.path());
        let told = |bytes: &[u8]| read(bytes).unwrap();
        assert_eq!(told(&log), None);
        assert_eq!(told(&[]), None);
        for cut in (0..log.len()).step_by(97) {
            assert_eq!(told(&log[..cut]), None, "cut at {cut}: a log that ends early is torn, not damaged");
        }
        let turned = |at: usize| {
            let mut damaged = log.clone();
            damaged[at] ^= 0x55;
            damaged
        };
        assert!(told(&turned(17)).unwrap().contains("header"));
        let middle = told(&turned(HEADER + 3 * (FRAME + 4096) + 100)).unwrap();
        assert!(middle.contains("frame 4") && middle.contains("commits stand behind it"), "{middle}");
        assert_eq!(told(&turned(log.len() - 100)), None, "a torn last commit");
        assert_eq!(look(&dir.path().join("none")).unwrap(), None);
    }
}

//! The journal on one machine's disk: an SQLite file, its lock, its form, and how a batch is written.
//!
//! Standards: the SQLite 3 file format, write-ahead log, synchronous=FULL (each commit is synced).
//! In: [`Options`], changes. Out: an open connection, or one sentence why not (and then the file is unchanged).
//! Left out: reading (`reader`), the thread that writes (`writer`). Shown by: `tests/it/journal.rs`.

use super::store::{disk, hexadecimal, make_folder, sync_folder};
use super::{Change, JournalError, Row, form};
use crate::message::{Message, Name};
use rusqlite::{Connection, OpenFlags, params};
use rustix::fs::{FlockOperation, Mode, OFlags};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// "MLNK": marks the file as ours in its SQLite header.
const APPLICATION_ID: i64 = 0x4d4c_4e4b;
/// The form of the tables below. Form 1 had no `class`; form 2 had the text of a mail twice (`form`).
const VERSION: i64 = 3;

const SCHEMA: &str = "
CREATE TABLE station (name TEXT NOT NULL) STRICT;
CREATE TABLE message (
  n          INTEGER PRIMARY KEY,      -- order of arrival
  identity   TEXT NOT NULL UNIQUE,     -- WASHINGTON-0001-19630830T1600Z
  station    TEXT NOT NULL,            -- these three again, to find the highest serial of a day
  day        INTEGER NOT NULL,         -- YYYYMMDD
  serial     INTEGER NOT NULL,
  sender     TEXT NOT NULL,
  addressee  TEXT NOT NULL,
  precedence TEXT NOT NULL,
  subject    TEXT NOT NULL,
  accepted   INTEGER NOT NULL,         -- UTC, microseconds since 1970
  came_by    TEXT,
  state      TEXT NOT NULL,
  attempts   INTEGER NOT NULL,
  detail     TEXT NOT NULL,
  content    TEXT NOT NULL,            -- the whole message, JSON (`form`)
  sha256     TEXT NOT NULL,            -- of content: SQLite has no checksum over a row's bytes
  key        TEXT UNIQUE,              -- the idempotency key it was handed in with
  class      TEXT NOT NULL DEFAULT 'message'
) STRICT;
CREATE INDEX message_serial ON message (station, day, serial);
CREATE INDEX message_waiting ON message (n) WHERE state IN ('accepted', 'sent');
CREATE TABLE channel (
  identity TEXT NOT NULL, port TEXT NOT NULL, serial INTEGER NOT NULL,
  PRIMARY KEY (identity, port)
) STRICT, WITHOUT ROWID;
CREATE INDEX channel_serial ON channel (port, serial);
CREATE TABLE event (n INTEGER PRIMARY KEY AUTOINCREMENT, identity TEXT, json TEXT NOT NULL) STRICT;
CREATE INDEX event_identity ON event (identity, n) WHERE identity IS NOT NULL;
";

/// What makes a form into the next, form 1 first. A journal walks the steps it lacks in one transaction. Rows of form 2 are read as they are.
const STEPS: [&str; 2] = ["ALTER TABLE message ADD COLUMN class TEXT NOT NULL DEFAULT 'message'", ""];
const _: () = assert!(STEPS.len() as i64 == VERSION - 1);

/// Whether commits are synced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Sync {
    /// Each commit is on disk before it is confirmed.
    #[default]
    Full,
    /// Nothing is synced. Only for the test that must catch it.
    Off,
}

/// Where a journal lies and how it is written.
#[derive(Clone, Debug)]
pub struct Options {
    /// The SQLite file.
    pub path: PathBuf,
    /// Whose journal it is.
    pub station: Name,
    /// Whether commits are synced.
    pub sync: Sync,
    /// The most pages the file may have, read before each transaction; only for tests (a full disk).
    pub most_pages: Option<Arc<AtomicU32>>,
}

impl Options {
    /// A journal as it should be: synced, as large as the disk allows.
    pub fn new(path: impl Into<PathBuf>, station: Name) -> Options {
        Options { path: path.into(), station, sync: Sync::Full, most_pages: None }
    }
}

/// Held for as long as a station has its journal open: a second one is refused.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Drop for Lock {
    /// Said and not left to the file's end: a program that is just being started may hold the file for a moment longer.
    fn drop(&mut self) {
        let _ = rustix::fs::flock(&self.file, FlockOperation::Unlock);
    }
}

/// Opens the journal for writing, making it if it is missing. A file that is not a sound journal of this
/// station is refused and left as it was.
pub fn open(options: &Options) -> Result<(Connection, Lock), JournalError> {
    let path = &options.path;
    if let Some(dir) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
        make_folder(dir).map_err(|e| disk("make the folder", dir, &e))?;
    }
    let lock = lock(path)?;
    if path.exists() {
        check(options)?;
    } else {
        create(path).map_err(|e| disk("make the journal", path, &e))?;
    }
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|e| sql("open", path, &e))?;
    prepare(&db, options).map_err(|e| sql("open", path, &e))?;
    Ok((db, lock))
}

fn prepare(db: &Connection, options: &Options) -> rusqlite::Result<()> {
    db.busy_timeout(Duration::from_secs(5))?;
    let _mode: String = db.query_row("PRAGMA journal_mode = WAL", [], |r| r.get(0))?;
    let sync = match options.sync {
        Sync::Full => "FULL",
        Sync::Off => "OFF",
    };
    db.pragma_update(None, "synchronous", sync)?;
    db.pragma_update(None, "wal_autocheckpoint", 4000)?; // pages: about 16 MB of log
    db.pragma_update(None, "journal_size_limit", 16 << 20)?;
    db.set_prepared_statement_cache_capacity(16);
    let version = user_version(db)?;
    if version == VERSION {
        return Ok(());
    }
    let tx = db.unchecked_transaction()?;
    if version == 0 {
        tx.execute_batch(SCHEMA)?;
        tx.execute("INSERT INTO station (name) VALUES (?1)", [options.station.as_str()])?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    } else {
        let done = usize::try_from(version - 1).unwrap_or(0);
        STEPS.iter().skip(done).try_for_each(|step| tx.execute_batch(step))?;
    }
    tx.pragma_update(None, "user_version", VERSION)?;
    tx.commit()
}

/// One station a journal: an flock on the file beside it, which ends with the process however it ends.
fn lock(path: &Path) -> Result<Lock, JournalError> {
    let beside = path.with_extension("lock");
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
    let opened = rustix::fs::open(&beside, flags, Mode::RUSR | Mode::WUSR);
    let mut file: File = opened.map_err(|e| disk("open the lock", &beside, &e.into()))?.into();
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {
            // The number is only for the sentence below; without it the lock holds as well.
            let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
            Ok(Lock { file })
        }
        Err(rustix::io::Errno::WOULDBLOCK) => Err(JournalError(held(file, path))),
        Err(e) => Err(disk("lock", &beside, &e.into())),
    }
}

fn held(mut file: File, path: &Path) -> String {
    let mut holder = String::new();
    let _ = file.rewind().and_then(|()| file.take(20).read_to_string(&mut holder).map(|_| ()));
    let holder: String = holder.chars().filter(char::is_ascii_digit).collect();
    format!(
        "the journal `{}` is in use by another station (process {holder}); stop that one, or give this one its own `data` folder",
        path.display()
    )
}

/// One sentence if a station has its journal at `path` open; nothing is made, written or kept.
pub fn in_use(path: &Path) -> Option<String> {
    let file = File::open(path.with_extension("lock")).ok()?;
    // Given up with the file, at the end of this function.
    let asked = rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared);
    (asked == Err(rustix::io::Errno::WOULDBLOCK)).then(|| held(file, path))
}

fn create(path: &Path) -> std::io::Result<()> {
    let file = rustix::fs::open(path, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR)?;
    File::from(file).sync_all()?;
    sync_folder(path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

/// Looks, through a connection that cannot write, whether the file is a sound journal of this station.
fn check(options: &Options) -> Result<(), JournalError> {
    let path = &options.path;
    let shown = path.display();
    if std::fs::metadata(path).map_err(|e| disk("read the journal", path, &e))?.len() == 0 && !wal_of(path).exists() {
        return Ok(()); // made, and then the power went
    }
    let log = wal_of(path);
    if let Some(flaw) = super::wal::look(&log).map_err(|e| disk("read the write-ahead log", &log, &e))? {
        return Err(salvage(path, &flaw));
    }
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|e| damaged(path, &e))?;
    db.busy_timeout(Duration::from_secs(5)).map_err(|e| damaged(path, &e))?;
    let version = user_version(&db).map_err(|e| damaged(path, &e))?;
    let application: i64 = db.query_row("PRAGMA application_id", [], |r| r.get(0)).map_err(|e| damaged(path, &e))?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0)).map_err(|e| damaged(path, &e))?;
    if version == 0 && tables == 0 {
        return Ok(());
    }
    if application != APPLICATION_ID {
        return Err(JournalError(format!("`{shown}` is an SQLite file, but not a molink journal; name another `data` folder")));
    }
    if version > VERSION {
        return Err(JournalError(format!(
            "the journal `{shown}` has form {version} and this molink knows form {VERSION}; it was written by a newer one, use that"
        )));
    }
    let flaws = quick_check(&db).map_err(|e| damaged(path, &e))?;
    if let Some(flaw) = flaws {
        return Err(salvage(path, &flaw));
    }
    let owner: String = db.query_row("SELECT name FROM station", [], |r| r.get(0)).map_err(|e| damaged(path, &e))?;
    if owner != options.station.as_str() {
        return Err(JournalError(format!(
            "the journal `{shown}` is of station `{owner}` and this station is `{}`; name another `data` folder",
            options.station
        )));
    }
    Ok(())
}

pub(super) fn user_version(db: &Connection) -> rusqlite::Result<i64> {
    db.query_row("PRAGMA user_version", [], |r| r.get(0))
}

/// SQLite's first complaint that names a page, else its first, else none.
fn quick_check(db: &Connection) -> rusqlite::Result<Option<String>> {
    let mut statement = db.prepare("PRAGMA quick_check(20)")?;
    let mut rows = statement.query([])?;
    let mut lines: Vec<String> = vec![];
    // The trees are looked at first; a bad one then ends the look at the rows with an error that says less.
    loop {
        match rows.next() {
            Ok(Some(row)) => lines.extend(row.get::<_, String>(0)?.lines().filter(|l| *l != "ok" && !l.starts_with("***")).map(Into::into)),
            Err(e) if lines.is_empty() => return Err(e),
            Ok(None) | Err(_) => break,
        }
    }
    lines.sort_by_key(|l| !l.to_lowercase().contains("page"));
    Ok(lines.into_iter().next())
}

fn salvage(path: &Path, flaw: &str) -> JournalError {
    let shown = path.display();
    JournalError(format!(
        "the journal `{shown}` is damaged (`{}`); nothing was changed; copy the folder, then salvage the copy with `sqlite3 COPY .dump` (docs/durability.md says how)",
        flaw.escape_debug()
    ))
}

/// An error met while only looking: damage if SQLite says so.
fn damaged(path: &Path, e: &rusqlite::Error) -> JournalError {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match e.sqlite_error_code() {
        Some(NotADatabase) => JournalError(format!(
            "`{}` is not a journal (SQLite, page 1: {}); nothing was changed; move it away, or name another `data` folder",
            path.display(),
            super::lower(&e.to_string())
        )),
        // The schema stands on page 1: what cannot be read before any table is opened is that page.
        Some(DatabaseCorrupt) => salvage(path, &format!("page 1: {e}")),
        _ => sql("read", path, e),
    }
}

/// One sentence from an SQLite error: what, where, what to do.
pub(super) fn sql(what: &str, path: &Path, e: &rusqlite::Error) -> JournalError {
    use rusqlite::ErrorCode::{CannotOpen, DiskFull, PermissionDenied, ReadOnly, SystemIoFailure};
    let hint = match e.sqlite_error_code() {
        Some(DiskFull) => "; make room on that disk, writing then goes on by itself",
        Some(SystemIoFailure) => "; look at the disk (`dmesg`), writing goes on by itself once it answers",
        Some(CannotOpen | PermissionDenied | ReadOnly) => "; give this account the right to write it",
        _ => "",
    };
    JournalError(format!("cannot {what} the journal `{}`: {}{hint}", path.display(), super::lower(&e.to_string())))
}

pub(super) fn wal_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Why a batch could not be written.
pub(super) enum WriteError {
    /// The disk: may be better later.
    Disk(rusqlite::Error),
    /// A change that contradicts the journal: a bug, and never better.
    Bug(String),
}

impl From<rusqlite::Error> for WriteError {
    fn from(e: rusqlite::Error) -> WriteError {
        WriteError::Disk(e)
    }
}

/// Writes one change inside the transaction that is open; gives the number of the event it was, if it was one.
pub(super) fn write(db: &Connection, change: &Change) -> Result<Option<u64>, WriteError> {
    let known = |id: &dyn std::fmt::Display, rows: usize| match rows {
        1 => Ok(None),
        _ => Err(WriteError::Bug(format!("message {id} is not in the journal"))),
    };
    match change {
        Change::New { row, message, key } => new(db, row, message, key.as_deref()).map(|()| None),
        Change::Moved { id, state, attempts, detail } => {
            let mut s = db.prepare_cached("UPDATE message SET state = ?2, attempts = ?3, detail = ?4 WHERE identity = ?1")?;
            known(id, s.execute(params![id.to_string(), state.word(), attempts, detail])?)
        }
        Change::Channel { id, port, serial } => {
            let mut s = db.prepare_cached(
                "INSERT OR REPLACE INTO channel (identity, port, serial) SELECT ?1, ?2, ?3 FROM message WHERE identity = ?1",
            )?;
            known(id, s.execute(params![id.to_string(), port, serial])?)
        }
        Change::Event(event) => {
            let json = serde_json::to_string(event).map_err(|e| WriteError::Bug(format!("an event has no JSON: {e}")))?;
            let id = event.id.as_ref().map(ToString::to_string);
            db.prepare_cached("INSERT INTO event (identity, json) VALUES (?1, ?2)")?.execute(params![id, json])?;
            Ok(Some(db.last_insert_rowid().unsigned_abs()))
        }
    }
}

/// The SHA-256 of a content, as kept beside it.
pub(super) fn sum(content: &str) -> String {
    hexadecimal(&Sha256::digest(content.as_bytes()))
}

fn new(db: &Connection, row: &Row, message: &Message, key: Option<&str>) -> Result<(), WriteError> {
    let json = form::write(message).map_err(|e| WriteError::Bug(format!("message {} has no JSON: {e}", row.id)))?;
    let mut s = db.prepare_cached(
        "INSERT INTO message (identity, station, day, serial, sender, addressee, precedence, subject, accepted, came_by, state, attempts, detail, content, sha256, key, class)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    )?;
    let done = s.execute(params![
        row.id.to_string(),
        row.id.station.as_str(),
        row.id.dtg.day_number(),
        row.id.serial,
        row.from.to_string(),
        row.to.to_string(),
        row.precedence.word(),
        row.subject,
        row.accepted.0,
        row.came_by,
        row.state.word(),
        row.attempts,
        row.detail,
        json,
        sum(&json),
        key,
        row.class.word(),
    ]);
    match done {
        Err(e) if e.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {
            Err(WriteError::Bug(format!("message {} or its key is in the journal already", row.id)))
        }
        other => other.map(|_| ()).map_err(WriteError::Disk),
    }
}

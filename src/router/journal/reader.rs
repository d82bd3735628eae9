//! Reading the journal: through a connection of one's own that cannot write, while the station writes.
//!
//! Standards: SQL; each call sees the journal as of one commit. In: an identity, a key, a filter, an event number.
//! Out: rows, messages, numbered events, [`Recovered`]. Left out: writing (`writer`). Shown by: `tests/it/journal.rs`.
//! A reader also reads the journal of a station that has stopped (`molink log --journal`).

use super::super::event::Stamped;
use super::sqlite::{sql, sum, user_version};
use super::waits::{Ways, silent};
use super::{JournalError, Recovered, Row, State, form};
use crate::message::{Identity, Message, Name};
use crate::time::Utc;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// A connection to a journal that only reads. One a thread; open as many as needed.
pub struct Reader {
    db: Connection,
    path: PathBuf,
    /// The columns of a row, in this journal's form.
    row: &'static str,
}

/// Which rows to list.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Only those in this state.
    pub state: Option<State>,
    /// At most so many, the newest.
    pub limit: usize,
}

const ROW: &str = "identity, sender, addressee, precedence, subject, accepted, came_by, state, attempts, detail, class";
/// The same of a journal of form 1, which no station has opened since: it knew one class.
const ROW_OF_FORM_1: &str = "identity, sender, addressee, precedence, subject, accepted, came_by, state, attempts, detail, 'message'";

impl Reader {
    /// Opens the journal at `path`.
    pub fn open(path: &Path) -> Result<Reader, JournalError> {
        if !path.is_file() {
            return Err(JournalError(format!(
                "there is no journal at `{}`; look for `journal.sqlite` in the station's `data` folder",
                path.display()
            )));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags).map_err(|e| sql("read", path, &e))?;
        db.busy_timeout(Duration::from_secs(5)).map_err(|e| sql("read", path, &e))?;
        let mut reader = Reader { db, path: path.to_owned(), row: ROW };
        // Says now, rather than at first use, if this is no journal.
        reader.last_event().map_err(|e| match e.0.ends_with("is not a database") {
            true => JournalError(format!("{}; give the `journal.sqlite` of a station's `data` folder", e.0)),
            false => e,
        })?;
        if user_version(&reader.db).map_err(|e| sql("read", path, &e))? == 1 {
            reader.row = ROW_OF_FORM_1;
        }
        Ok(reader)
    }
    /// Another reader of the same journal.
    pub fn another(&self) -> Result<Reader, JournalError> {
        Reader::open(&self.path)
    }

    /// A message with its content; a content that is damaged on the disk is an error.
    pub fn load(&self, id: &Identity) -> Result<Option<Message>, JournalError> {
        self.content(id)?.transpose()
    }
    /// The same, telling a journal that cannot be read (outer error) from one message that is damaged in it (inner error).
    pub fn content(&self, id: &Identity) -> Result<Option<Result<Message, JournalError>>, JournalError> {
        let query = "SELECT content, sha256 FROM message WHERE identity = ?1";
        let mut s = self.db.prepare_cached(query).map_err(|e| self.sql(&e))?;
        let found: Option<(String, String)> =
            s.query_row([id.to_string()], |r| Ok((r.get(0)?, r.get(1)?))).optional().map_err(|e| self.sql(&e))?;
        let Some((json, kept)) = found else { return Ok(None) };
        if sum(&json) != kept {
            return Ok(Some(Err(self.flaw(&format!("the content of message {id} was changed on the disk")))));
        }
        Ok(Some(form::read(&json).map_err(|e| self.flaw(&format!("the content of message {id}: {e}")))))
    }
    /// A message's row.
    pub fn find(&self, id: &Identity) -> Result<Option<Row>, JournalError> {
        let rows = self.rows(&format!("SELECT {} FROM message WHERE identity = ?1", self.row), params![id.to_string()])?;
        Ok(rows.into_iter().next())
    }
    /// The message handed in with this idempotency key.
    pub fn find_key(&self, key: &str) -> Result<Option<Identity>, JournalError> {
        let id: Option<String> = self.one("SELECT identity FROM message WHERE key = ?1", key)?;
        id.map(|i| i.parse().map_err(|e: String| self.flaw(&e))).transpose()
    }
    /// Rows, the newest first.
    pub fn list(&self, filter: &Filter) -> Result<Vec<Row>, JournalError> {
        self.list_before(filter, None)
    }
    /// The same, of those that came before this one: the next page.
    pub fn list_before(&self, filter: &Filter, before: Option<&Identity>) -> Result<Vec<Row>, JournalError> {
        let (state, before) = (filter.state.map(State::word), before.map(ToString::to_string));
        let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
        let query = format!(
            "SELECT {} FROM message WHERE (?1 IS NULL OR state = ?1)
             AND n < coalesce((SELECT n FROM message WHERE identity = ?3), 9223372036854775807) ORDER BY n DESC LIMIT ?2",
            self.row
        );
        self.rows(&query, params![state, limit, before])
    }
    /// The rows, each told why it waits if it does and nothing was said of it yet.
    pub fn explained(&self, mut rows: Vec<Row>) -> Result<Vec<Row>, JournalError> {
        if rows.iter().any(silent) {
            let query = format!("SELECT {} FROM message WHERE state IN ('accepted', 'sent') AND detail <> ''", self.row);
            let ways = Ways::of(self.rows(&query, [])?);
            for row in rows.iter_mut().filter(|row| silent(row)) {
                row.detail = ways.why(row).unwrap_or_default();
            }
        }
        Ok(rows)
    }
    /// The next events after number `n`, oldest first, `limit` at most.
    pub fn events_after(&self, n: u64, limit: usize) -> Result<Vec<(u64, Stamped)>, JournalError> {
        let (n, limit) = (i64::try_from(n).unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(i64::MAX));
        self.events("SELECT n, json FROM event WHERE n > ?1 ORDER BY n LIMIT ?2", params![n, limit])
    }
    /// The events of one message, oldest first, `limit` at most.
    pub fn events_of(&self, id: &Identity, limit: usize) -> Result<Vec<(u64, Stamped)>, JournalError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.events("SELECT n, json FROM event WHERE identity = ?1 ORDER BY n LIMIT ?2", params![id.to_string(), limit])
    }
    /// The number of the last event; 0 if there is none.
    pub fn last_event(&self) -> Result<u64, JournalError> {
        let n: i64 = self.db.query_row("SELECT coalesce(max(n), 0) FROM event", [], |r| r.get(0)).map_err(|e| self.sql(&e))?;
        Ok(n.unsigned_abs())
    }
    /// Whose journal it is.
    pub fn station(&self) -> Result<Name, JournalError> {
        let name: String = self.db.query_row("SELECT name FROM station", [], |r| r.get(0)).map_err(|e| self.sql(&e))?;
        name.parse().map_err(|e: String| self.flaw(&e))
    }

    /// What a station called `station` finds when it starts.
    pub fn recover(&self, station: &Name) -> Result<Recovered, JournalError> {
        let waiting = self.rows(&format!("SELECT {} FROM message WHERE state IN ('accepted', 'sent') ORDER BY n", self.row), [])?;
        let here = format!("SELECT {} FROM message WHERE state = 'filed' AND addressee LIKE '%@' || ?1 ORDER BY n", self.row);
        let unprinted = self.rows(&here, [station.as_str()])?;
        let serials = self.pairs("SELECT day, max(serial) FROM message WHERE station = ?1 GROUP BY day", [station.as_str()])?;
        let channels = self.pairs("SELECT port, max(serial) FROM channel GROUP BY port", [])?;
        let query = "SELECT c.identity || ' ' || c.port, c.serial FROM channel c JOIN message m ON m.identity = c.identity
                     WHERE m.state IN ('accepted', 'sent')";
        let mut numbered = std::collections::BTreeMap::new();
        for (key, serial) in self.pairs::<String>(query, [])? {
            let (id, port) = key.split_once(' ').unwrap_or((&key, ""));
            numbered.insert((id.parse().map_err(|e: String| self.flaw(&e))?, port.to_owned()), serial);
        }
        Ok(Recovered { waiting, unprinted, serials: serials.into_iter().collect(), channels: channels.into_iter().collect(), numbered })
    }

    fn sql(&self, e: &rusqlite::Error) -> JournalError {
        if e.to_string().contains("no such table") {
            let shown = self.path.display();
            return JournalError(format!("`{shown}` holds no journal; a copy of a running station's needs `{shown}-wal` beside it"));
        }
        sql("read", &self.path, e)
    }
    fn flaw(&self, what: &str) -> JournalError {
        let shown = self.path.display();
        JournalError(format!("the journal `{shown}` holds what cannot be read: {what}; docs/durability.md says how to salvage it"))
    }
    fn one(&self, query: &str, key: &str) -> Result<Option<String>, JournalError> {
        self.db.prepare_cached(query).and_then(|mut s| s.query_row([key], |r| r.get(0)).optional()).map_err(|e| self.sql(&e))
    }
    fn pairs<K: rusqlite::types::FromSql>(&self, query: &str, p: impl rusqlite::Params) -> Result<Vec<(K, u32)>, JournalError> {
        let read = |mut s: rusqlite::Statement<'_>| s.query_map(p, |r| Ok((r.get(0)?, r.get(1)?)))?.collect();
        self.db.prepare(query).and_then(read).map_err(|e| self.sql(&e))
    }
    fn events(&self, query: &str, p: impl rusqlite::Params) -> Result<Vec<(u64, Stamped)>, JournalError> {
        let mut statement = self.db.prepare_cached(query).map_err(|e| self.sql(&e))?;
        let found = statement.query_map(p, |r| Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?))).map_err(|e| self.sql(&e))?;
        found
            .map(|pair| {
                let (n, json) = pair.map_err(|e| self.sql(&e))?;
                let event = serde_json::from_str(&json).map_err(|e| self.flaw(&format!("event {n}: {e}")))?;
                Ok((n.unsigned_abs(), event))
            })
            .collect()
    }
    fn rows(&self, query: &str, p: impl rusqlite::Params) -> Result<Vec<Row>, JournalError> {
        let mut statement = self.db.prepare_cached(query).map_err(|e| self.sql(&e))?;
        let found = statement.query_map(p, row).map_err(|e| self.sql(&e))?;
        found.map(|r| r.map_err(|e| self.sql(&e))).collect()
    }
}

fn row(r: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        id: word(r, 0)?,
        from: word(r, 1)?,
        to: word(r, 2)?,
        precedence: word(r, 3)?,
        subject: r.get(4)?,
        accepted: Utc(r.get(5)?),
        came_by: r.get(6)?,
        state: word(r, 7)?,
        attempts: r.get(8)?,
        detail: r.get(9)?,
        class: word(r, 10)?,
    })
}

fn word<T: FromStr<Err = String>>(r: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = r.get(column)?;
    text.parse().map_err(|e: String| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, e.into()))
}

//! `molink log`: a station's messages and what became of them, from its API or its journal file.
//!
//! Standards: JSON, one object a line, as in `docs/api.md`. In: a station or a journal. Out: a table for 80 columns, a history, or JSON.
//! Left out: contents (they are on the desk's paper). Shown by: `cli::log::tests`, `tests/it/send.rs`.

use super::client::{Client, Standing, error_of, json_line, one_line, usual};
use super::{COLUMNS, Usage};
use crate::message::{Identity, Precedence};
use crate::router::event::Direction;
use crate::router::journal::Row;
use crate::router::journal::reader::{Filter, Reader};
use crate::router::{Event, Stamped};
use anyhow::{anyhow, bail};
use serde_json::Value;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// How often a journal file is looked at with `--follow`: nobody tells of changes to a file.
const LOOK: Duration = Duration::from_millis(500);
/// Columns of a state: the longest word.
const STATE: usize = 8;
/// Events of one message that are shown.
const HISTORY: usize = 1000;
/// Messages that a station's API gives at a time.
const PAGE: usize = 1000;

/// Show a station's messages and what became of them
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  molink log
  molink log WASHINGTON-0001-19630830T1600Z
  molink log --follow
  molink log --journal data/journal.sqlite --json | grep '\"state\":\"printed\"'

The newest message is the last. Below it stand its precedence, unless routine,
and the last word on it: why it waits, or was returned. --json prints one object
a line: messages, then (of one message) events; with --follow also the events
that are not kept. Times are UTC.")]
pub struct Log {
    /// One message, with its history
    identity: Option<Identity>,
    /// The station's API
    #[arg(long, value_name = "URL", default_value_t = usual())]
    station: String,
    /// Read this journal (or the one in this data folder) instead; the station need not run
    #[arg(long, value_name = "FILE", conflicts_with = "station")]
    journal: Option<PathBuf>,
    /// The same as IDENTITY
    #[arg(long, value_name = "ID", conflicts_with = "identity")]
    id: Option<Identity>,
    /// Go on with what happens, until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// JSON, one object a line
    #[arg(long)]
    json: bool,
    /// How many messages, the newest
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
}

enum Source {
    Station(Client),
    Journal(Reader),
}

type Numbered = (u64, Stamped);

pub(super) fn run(mut args: Log) -> anyhow::Result<ExitCode> {
    args.id = args.id.or(args.identity.take());
    let source = match &args.journal {
        // A station's data folder will do: there is one journal in it.
        Some(dir) if dir.is_dir() => Source::Journal(Reader::open(&dir.join("journal.sqlite")).map_err(|e| Usage(e.0))?),
        Some(file) => Source::Journal(Reader::open(file).map_err(|e| Usage(e.0))?),
        None => Source::Station(Client::new(&args.station)?),
    };
    // A table is written in one piece: whoever presses Ctrl-C at its first row has the others.
    let mut out = io::BufWriter::new(io::stdout());
    match show(&args, &source, &mut out) {
        // `molink log | head` has read enough.
        Err(e) if e.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) => Ok(ExitCode::SUCCESS),
        Err(e) => Err(e),
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

fn show(args: &Log, source: &Source, out: &mut impl Write) -> anyhow::Result<()> {
    if args.follow {
        // In force before anything is shown: whoever has seen it may go.
        let standing = Standing::default();
        standing.say("what happens from here on is not shown");
        standing.on_interrupt();
    }
    let after = match &args.id {
        Some(id) => {
            let (row, events) = source.one(id)?;
            one(&row, &events, args.json, out)?;
            events.last().map_or(0, |(n, _)| *n)
        }
        None => {
            let (last, rows) = source.list(args.limit as usize)?;
            table(&rows, args.json, out)?;
            last
        }
    };
    out.flush()?;
    if !args.follow {
        return Ok(());
    }
    follow(args, source, after, out)
}

impl Source {
    /// Rows, the newest last, and the number of an event to go on from: taken first, so that nothing falls between.
    fn list(&self, limit: usize) -> anyhow::Result<(u64, Vec<Row>)> {
        let (last, mut rows): (u64, Vec<Row>) = match self {
            Source::Journal(reader) => (reader.last_event()?, reader.explained(reader.list(&Filter { state: None, limit })?)?),
            Source::Station(client) => pages(client, limit)?,
        };
        rows.reverse();
        Ok((last, rows))
    }
    fn one(&self, id: &Identity) -> anyhow::Result<(Row, Vec<Numbered>)> {
        match self {
            Source::Journal(reader) => {
                let row = reader.explained(reader.find(id)?.into_iter().collect())?.pop();
                let row = row.ok_or_else(|| anyhow!("there is no message {id} in this journal"))?;
                Ok((row, reader.events_of(id, HISTORY)?))
            }
            Source::Station(client) => {
                let mut answer = ask(client, &format!("/api/messages/{id}"))?;
                let events = answer["events"].as_array().map(Vec::as_slice).unwrap_or_default();
                let numbered = |e: &Value| Some((e["n"].as_u64()?, serde_json::from_value(e.clone()).ok()?));
                let events = events.iter().filter_map(numbered).collect();
                Ok((serde_json::from_value(answer["message"].take())?, events))
            }
        }
    }
}

/// The newest messages, the newest first; a station gives [`PAGE`] of them at a time.
fn pages(client: &Client, limit: usize) -> anyhow::Result<(u64, Vec<Row>)> {
    let page = |left: usize, before: &str| ask(client, &format!("/api/messages?limit={}{before}", left.min(PAGE)));
    let mut answer = page(limit, "")?;
    let last = answer["last_event"].as_u64().unwrap_or(0);
    let mut rows: Vec<Row> = serde_json::from_value(answer["messages"].take())?;
    let mut full = rows.len() == PAGE;
    while full && rows.len() < limit {
        let before = rows.last().map_or(String::new(), |row| format!("&before={}", row.id));
        let more: Vec<Row> = serde_json::from_value(page(limit - rows.len(), &before)?["messages"].take())?;
        full = more.len() == PAGE;
        rows.extend(more);
    }
    Ok((last, rows))
}

fn ask(client: &Client, path: &str) -> anyhow::Result<Value> {
    match client.get(path).map_err(|lost| anyhow!(lost.why))? {
        (200, answer) => Ok(answer),
        (_, answer) => bail!("{}", error_of(&answer)),
    }
}

fn table(rows: &[Row], json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if json {
        for row in rows {
            writeln!(out, "{}", json_line(row)?)?;
        }
        return Ok(());
    }
    if rows.is_empty() {
        writeln!(out, "no messages yet")?;
        return Ok(());
    }
    let widest = |of: &dyn Fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let id = widest(&|r| r.id.to_string().len()).clamp(8, 34);
    let least = |r: &Row| id + STATE + 3 + r.from.to_string().len() + r.to.to_string().len();
    let from = widest(&|r| if least(r) > COLUMNS { 0 } else { r.from.to_string().len() }).max(4);
    writeln!(out, "{:id$} {:STATE$} {:from$} TO", "IDENTITY", "STATE", "FROM")?;
    rows.iter().flat_map(|row| told(row, id, from)).try_for_each(|line| writeln!(out, "{line}"))?;
    Ok(())
}

/// A message in the table: what does not fit into its row stands below it, and nothing is cut.
fn told(row: &Row, id: usize, from: usize) -> Vec<String> {
    let start = format!("{:id$} {:STATE$}", row.id.to_string(), row.state.word());
    let (sender, to) = (row.from.to_string(), row.to.to_string());
    let whole = [from, 0].into_iter().map(|from| format!("{start} {sender:from$} {to}")).find(|line| line.len() <= COLUMNS);
    let mut lines = match whole {
        Some(line) => vec![line],
        None => {
            let both = format!("    from {sender} to {to}");
            let whom = if both.len() <= COLUMNS { vec![both] } else { vec![format!("    from {sender}"), format!("    to {to}")] };
            [vec![start.trim_end().to_owned()], whom].concat()
        }
    };
    let precedence = if row.precedence == Precedence::Routine { "" } else { row.precedence.word() };
    let class = if row.class.is_usual() { "" } else { row.class.word() };
    let below: Vec<String> = [precedence, class, &row.detail].into_iter().filter(|part| !part.is_empty()).map(one_line).collect();
    if !below.is_empty() {
        lines.extend(super::wrapped("    ", &below.join("; "), 4));
    }
    lines
}

fn one(row: &Row, events: &[Numbered], json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if json {
        writeln!(out, "{}", json_line(row)?)?;
        for (_, event) in events {
            writeln!(out, "{}", json_line(event)?)?;
        }
        return Ok(());
    }
    let mut field = |name: &str, value: &str| match value {
        "" => Ok(()),
        value => wrapped(out, &format!("{name:11} "), &one_line(value)),
    };
    field("message", &row.id.to_string())?;
    field("from", &row.from.to_string())?;
    field("to", &row.to.to_string())?;
    field("precedence", row.precedence.word())?;
    field("class", if row.class.is_usual() { "" } else { row.class.word() })?;
    field("subject", &row.subject)?;
    field("accepted", &row.accepted.to_string())?;
    field("came by", row.came_by.as_deref().unwrap_or_default())?;
    field("state", row.state.word())?;
    field("attempts", &row.attempts.to_string())?;
    field("last word", &row.detail)?;
    writeln!(out)?;
    for (_, event) in events {
        line(event, false, out)?;
    }
    Ok(())
}

/// One event for people: time, message if it is not the only one, what happened.
fn line(event: &Stamped, named: bool, out: &mut impl Write) -> io::Result<()> {
    let id = event.id.as_ref().filter(|_| named).map(|id| format!("{id} ")).unwrap_or_default();
    wrapped(out, &format!("{}  {id}", event.utc.clock_time()), &one_line(&describe(event)))
}

/// Further lines stand under the first's text, or at least not far in.
fn wrapped(out: &mut impl Write, start: &str, text: &str) -> io::Result<()> {
    let lines = super::wrapped(start, text, start.chars().count().min(12));
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}

fn follow(args: &Log, source: &Source, after: u64, out: &mut impl Write) -> anyhow::Result<()> {
    let mut take = |n: Option<u64>, event: &Stamped| -> io::Result<ControlFlow<()>> {
        let ours = args.id.is_none() || event.id == args.id;
        if ours && args.json {
            writeln!(out, "{}", json_line(event)?)?;
        } else if ours && (n.is_some() || matches!(event.event, Event::Gap { .. })) {
            line(event, args.id.is_none(), out)?;
        }
        out.flush()?;
        Ok(ControlFlow::Continue(()))
    };
    match source {
        Source::Station(client) => {
            let gone = |lost: &super::client::Lost| eprintln!("molink: {}; waiting for it to come back", lost.why);
            client.follow(Some(after), None, gone, take)?;
        }
        Source::Journal(reader) => {
            let mut last = after;
            loop {
                let page = reader.events_after(last, 100)?;
                if page.is_empty() {
                    std::thread::sleep(LOOK);
                }
                for (n, event) in page {
                    last = n;
                    let _ = take(Some(n), &event)?;
                }
            }
        }
    }
    Ok(())
}

/// An event in words.
pub(super) fn describe(event: &Stamped) -> String {
    let by = event.port.as_ref().map(|p| format!(" by {p}")).unwrap_or_default();
    let with = |receipt: &String| if receipt.is_empty() { String::new() } else { format!(" (receipt: {receipt})") };
    match &event.event {
        Event::Accepted { from, to, precedence, class, subject, .. } => {
            let about = if subject.is_empty() { String::new() } else { format!(", {subject}") };
            format!("accepted{by}: {from} to {to}, {precedence}{}{about}", class.mark())
        }
        Event::Sent { channel, attempt, edits } => {
            let edits: Vec<String> = edits.iter().map(ToString::to_string).collect();
            let changed = if edits.is_empty() { String::new() } else { format!("; changed for this line: {}", edits.join(", ")) };
            format!("sent{by} as number {channel}, attempt {attempt}{changed}")
        }
        Event::Printing { attempt, edits, .. } => {
            let edits: Vec<String> = edits.iter().map(ToString::to_string).collect();
            let changed = if edits.is_empty() { String::new() } else { format!("; changed for this machine: {}", edits.join(", ")) };
            let again = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
            format!("printing{by}{again}{changed}")
        }
        Event::Custody { at, receipt } => format!("in custody of {at}{by}{}", with(receipt)),
        Event::Filed { at, receipt } => format!("filed at {at}{by}{}", with(receipt)),
        Event::Printed => format!("printed{by}"),
        Event::CameAgain => format!("came again{by}; not filed again"),
        Event::Delayed { reason, retry } => format!("delayed{by}: {reason}; tried again by {}", retry.clock_time()),
        Event::CalledOff { at } => format!("called off{by} {at}; waits again"),
        Event::Returned { reason } => format!("returned: {reason}"),
        Event::Refused { reason } => format!("refused{by}: {reason}"),
        Event::LineUp { peer } => format!("line up{by}: {peer} answers"),
        Event::LineDown { reason } => format!("line down{by}: {reason}"),
        Event::KeyTaken { .. } | Event::KeyBurned { .. } | Event::KeyLow { .. } | Event::KeyTrouble { .. } => of_key(&event.event) + &by,
        Event::StepLost { .. } | Event::StepRegained { .. } => of_key(&event.event) + &by,
        Event::Started { version, waiting } => format!("station started (molink {version}), {waiting} messages waiting"),
        Event::PageConfirmed { dir: Direction::Out, page, .. } => format!("page {page} confirmed{by}"),
        Event::PageConfirmed { dir: Direction::In, page, rows, bad, .. } => {
            format!("page {page} came{by}: {rows} lines, {bad} of them bad")
        }
        Event::Call { peer, phase, .. } => format!("call with {peer}{by}: {phase}"),
        Event::Frame { dir: Direction::Out, frame } => format!("says {frame}{by}"),
        Event::Frame { dir: Direction::In, frame } => format!("hears {frame}{by}"),
        Event::Settled { text, .. } => format!("pages go{by} by {text}"),
        Event::Scan { page, first, .. } => format!("page {page} comes{by}, from line {first}"),
        Event::Gap { lost } => format!("({lost} events that are not kept were lost: this reader is too slow)"),
        Event::Service { .. } | Event::Transmission { .. } | Event::Characters { .. } => event.event.name().into(),
        Event::Fragment { text, reason } => format!("fragment{by} ({reason}): {text}"),
        Event::Ignored { what } => format!("ignored{by}: {what}"),
        Event::Note { text } => format!("note{by}: {text}"),
    }
}

/// What happened to key, in words; nothing for the other events.
pub(super) fn of_key(event: &Event) -> String {
    let way = |dir: &Direction| match dir {
        Direction::Out => "outgoing",
        Direction::In => "incoming",
    };
    match event {
        Event::KeyTaken { dir, tape, position, left } => {
            format!("takes up key tape {tape:06} for {} traffic at position {position}, {left} codes left", way(dir))
        }
        Event::KeyBurned { dir, tape, from, to, reason } => {
            format!("burns {} codes of {} key tape {tape:06}, from {from} to {to}: {reason}", to - from, way(dir))
        }
        Event::KeyLow { dir, left, minutes } => {
            format!("key runs low: {left} codes left for {} traffic, {minutes} minutes at line speed", way(dir))
        }
        Event::KeyTrouble { reason } => format!("key: {reason}"),
        Event::StepLost { reason } => format!("cipher out of step: {reason}"),
        Event::StepRegained { tape, position } => format!("cipher in step again, from position {position} of tape {tape:06}"),
        _ => String::new(), // not about key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Class;
    use crate::router::journal::State;
    use crate::time::Utc;

    fn row(from: &str, to: &str, precedence: Precedence, detail: &str) -> Row {
        Row {
            id: "WASHINGTON-0001-19630830T1600Z".parse().unwrap(),
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            precedence,
            class: if detail.is_empty() { Class::default() } else { Class::Service },
            subject: "TEST".into(),
            accepted: Utc(0),
            came_by: None,
            state: State::Accepted,
            attempts: 0,
            detail: detail.into(),
        }
    }

    #[test]
    fn a_table_has_who_it_is_from_and_for_whom_in_80_columns_and_cuts_nothing() {
        let (long, why) =
            ("a-name-as-long-as-one-can-be-xyz", "no answer from the far end of the line, which was called up three times; ".repeat(3));
        let rows = [
            row("operator@washington", "operator@moscow", Precedence::Routine, ""),
            row(&format!("{long}@{long}"), &format!("{long}@{long}"), Precedence::Flash, why.trim()),
        ];
        let mut out = vec![];
        table(&rows, false, &mut out).unwrap();
        let told = String::from_utf8(out).unwrap();
        assert!(told.lines().all(|line| line.len() <= COLUMNS) && !told.contains('…'), "{told}");
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines[1], "WASHINGTON-0001-19630830T1600Z accepted operator@washington operator@moscow");
        let heads = [("FROM", "operator@washington"), ("TO", "operator@moscow"), ("STATE", "accepted")];
        assert!(heads.iter().all(|(head, text)| lines[0].find(head) == lines[1].find(text)), "{told}");
        assert_eq!(
            lines[2..5],
            ["WASHINGTON-0001-19630830T1600Z accepted", &format!("    from {long}@{long}"), &format!("    to {long}@{long}")]
        );
        assert_eq!(lines[5..].iter().map(|line| line.trim()).collect::<Vec<_>>().join(" "), format!("flash; service; {}", why.trim()));
    }
}

//! `molink send`: hands a message to a running station, and waits for what becomes of it.
//!
//! Standards: the API of `docs/api.md`. In: files or standard input. Out: the identity; exit 0 only if the state asked for was reached.
//! Each message has a key of its own, so that a try repeated after a lost connection makes no second message.
//! Left out: conversion (the router's). Shown by: `tests/it/send.rs`.

use super::Usage;
use super::client::{AGAIN, Client, Standing, error_of, json_line, one_line, usual};
use super::content::Content;
use super::reader::Reader;
use crate::console::token;
use crate::message::{Address, Class, Edit, Identity, Name, Precedence};
use crate::router::journal::State;
use crate::router::{Event, Stamped};
use crate::time::{Instant, parse_duration};
use anyhow::{Context, anyhow, bail};
use serde_json::{Value, json};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// How long a station that cannot take the message is asked again, without `--timeout`.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Hand a message to a running station
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  echo 'THE QUICK BROWN FOX' | molink send --to operator@moscow -
  molink send --to chairman@moscow --precedence flash --wait note.txt
  molink send --to operator@moscow --wait=sent --timeout 10m note.txt map.png
  echo 'RADIO DOWN FROM 2200Z' | molink send --to operator@moscow --service -
  molink send --to operator@moscow message.codes
  molink send --to operator@moscow --codes - < message.codes

Files named .txt and files without an extension are text (UTF-8); images and
PDF are pages; .codes, and .bin that hold five-unit codes and nothing else, are
punched tape and sent as the text they say; all else is sent as a file. All
FILEs become one message.
Its identity goes to standard output, what happens to it to standard error.
Exit code: 0 handed in (with --wait: that state was reached), 1 not, 2 usage,
130 interrupted.")]
pub struct Send {
    /// The station's API
    #[arg(long, value_name = "URL", default_value_t = usual())]
    station: String,
    /// Who it is for
    #[arg(long, value_name = "DESK@STATION", value_parser = recipient)]
    to: Address,
    /// The desk it comes from; `operator` if not given
    #[arg(long, value_name = "DESK")]
    from: Option<Name>,
    /// deferred, routine, priority, immediate, flash or override
    #[arg(long, value_name = "P", default_value = "routine")]
    precedence: Precedence,
    /// An operators' service message: about the link itself; it takes the route of its class
    #[arg(long)]
    service: bool,
    /// One line
    #[arg(long, value_name = "S", default_value = "")]
    subject: String,
    /// Wait until it is accepted, sent, custody, filed or printed (the last only for desks of this station)
    #[arg(long, value_name = "STATE", num_args = 0..=1, require_equals = true, default_missing_value = "filed", value_parser = waitable)]
    wait: Option<State>,
    /// Give up after this long, e.g. 30s, 5m, 1h
    #[arg(long, value_name = "D", value_parser = parse_duration)]
    timeout: Option<Duration>,
    /// The file with the station's token, if it runs under another account
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Print one JSON object a message
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reader: Reader,
    /// What to send; `-` is standard input, as text (with --codes as tape)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// An address here; whoever writes a mail address is told how one is written to.
fn recipient(text: &str) -> Result<Address, String> {
    text.parse().map_err(|why| match text.split_once('@').map(|(name, domain)| (name.parse::<Name>(), domain)) {
        Some((Ok(name), domain)) if domain.contains('.') && text.len() <= 254 => format!(
            "`{}` is a mail address; give it a name in the e-mail port, people = {{ {name} = \"{0}\" }}, and write --to {name}@mail",
            text.escape_debug()
        ),
        _ => why,
    })
}

fn waitable(text: &str) -> Result<State, String> {
    match text.parse()? {
        State::Returned => {
            Err("a message that is returned ends the wait by itself; wait for accepted, sent, custody, filed or printed".into())
        }
        state => Ok(state),
    }
}

/// A FILE that is not there was perhaps meant as something else.
fn hint(args: &Send, file: &Path, error: Usage) -> Usage {
    if file.exists() || file.as_os_str() == "-" {
        return error;
    }
    let word = file.to_string_lossy();
    Usage(match word.parse::<State>() {
        Ok(state) if args.wait.is_some() => format!("there is no file `{word}`; to wait for a state, write --wait={state}, in one word"),
        _ => format!("{}; what to send is in a file, or comes through `-`: echo 'THE TEXT' | molink send --to {} -", error.0, args.to),
    })
}

/// How a wait ended.
enum Waited {
    Reached(State, String),
    Returned(String),
    TimedOut(State, String),
}

pub(super) fn run(args: Send) -> anyhow::Result<ExitCode> {
    let client = Client::new(&args.station)?;
    args.reader.check(&args.files)?;
    let contents = args.files.iter().map(|f| args.reader.read(f).map_err(|e| hint(&args, f, e))).collect::<Result<Vec<_>, _>>()?;
    let token = match &args.token_file {
        Some(file) => token::read(file),
        None => token::find(&client.host, client.port),
    };
    // Who has not started the station yet is helped more by hearing that than where its token would be.
    let token = match token {
        Ok(token) => token,
        Err(why) => match client.get("/api/messages?limit=1") {
            Err(lost) if lost.refused => bail!(lost.why),
            _ => return Err(Usage(why).into()),
        },
    };
    let until = args.timeout.map(|t| client.clock.now() + t);
    let standing = Standing::default();
    standing.say("nothing was handed in");
    standing.on_interrupt();
    let mut parts = vec![];
    for content in contents {
        parts.push(part(&client, &token, content)?);
    }
    let mut message = json!({ "to": args.to, "precedence": args.precedence, "subject": args.subject, "parts": parts });
    if args.service {
        message["class"] = json!(Class::Service);
    }
    if let Some(from) = &args.from {
        message["from"] = json!(from.as_str());
    }
    standing.say("it may have been accepted: look with `molink log` before you send it again");
    let id = hand_in(&client, &token, &message, until)?;
    standing.say(format!("{id} was accepted and is on its way"));
    let mut out = std::io::stdout();
    let Some(wanted) = args.wait else {
        let line = if args.json { json_line(&json!({ "id": id }))? } else { id.to_string() };
        writeln!(out, "{line}")?;
        return Ok(ExitCode::SUCCESS);
    };
    if !args.json {
        writeln!(out, "{id}").and_then(|()| out.flush())?;
    }
    let mut edits = vec![];
    let waited = wait(&client, &id, wanted, until, args.json, &standing, &mut edits)?;
    finish(&id, wanted, waited, args.json.then_some(edits), &mut out)
}

/// Says how it ended; as JSON, with the edits, if there are any to be put there.
fn finish(id: &Identity, wanted: State, waited: Waited, json: Option<Vec<Edit>>, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let (state, detail, reached) = match &waited {
        Waited::Reached(state, detail) => (*state, detail, true),
        Waited::Returned(reason) => (State::Returned, reason, false),
        Waited::TimedOut(state, detail) => (*state, detail, false),
    };
    if let Some(edits) = json {
        let told = json!({ "id": id, "state": state, "detail": detail, "reached": reached, "edits": edits });
        writeln!(out, "{}", json_line(&told)?)?;
    }
    match waited {
        Waited::Reached(..) => return Ok(ExitCode::SUCCESS),
        Waited::Returned(reason) => eprintln!("molink: {id} was returned: {}", one_line(&reason)),
        Waited::TimedOut(state, detail) => {
            let wanted = if wanted == State::Custody { "in custody".into() } else { wanted.to_string() };
            let last = if detail.is_empty() { String::new() } else { format!(" ({})", one_line(&detail)) };
            eprintln!(
                "molink: {id} is not {wanted} in time; its last state is {state}{last}; it stays with the station; `molink log {id}`, with the same --station, tells more"
            );
        }
    }
    Ok(ExitCode::FAILURE)
}

fn part(client: &Client, token: &str, content: Content) -> anyhow::Result<Value> {
    let Content::Blob { name, media_type, sha256, bytes } = content else {
        let Content::Text(text) = content else { return Ok(Value::Null) };
        return Ok(json!({ "text": text }));
    };
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/octet-stream")];
    // A content has its hash for a name: sending it twice is sending it once.
    let again = || client.write(true, &format!("/api/content/{sha256}"), &headers, &bytes);
    let (status, answer) = again().or_else(|lost| if lost.refused { Err(lost) } else { again() }).map_err(|l| anyhow!(l.why))?;
    match status {
        200 | 201 => Ok(json!({ "sha256": sha256, "name": name, "type": media_type })),
        _ => bail!("the station does not take `{}`: {}", name.escape_debug(), error_of(&answer)),
    }
}

/// Posts the message until the station has it on disk or will not have it: always with the same key.
pub(super) fn hand_in(client: &Client, token: &str, message: &Value, until: Option<Instant>) -> anyhow::Result<Identity> {
    let key = token::random::<16>().context("cannot make a key: the system gives no randomness")?;
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json"), ("Idempotency-Key", key.as_str())];
    let body = message.to_string();
    let until = until.unwrap_or(client.clock.now() + PATIENCE);
    let mut may_be_there = false;
    loop {
        let why = match client.write(false, "/api/messages", &headers, body.as_bytes()) {
            Ok((200 | 201, answer)) => {
                let id = answer["id"].as_str().unwrap_or_default();
                return id.parse().map_err(|e: String| anyhow!("the station's answer is not understood: {e}"));
            }
            Ok((503, answer)) => {
                may_be_there = true; // it waits for the disk, and may yet get there
                error_of(&answer)
            }
            Ok((401, answer)) => return Err(Usage(error_of(&answer)).into()),
            Ok((_, answer)) => bail!("the station at {} does not take it: {}", client.url(), error_of(&answer)),
            Err(lost) if lost.refused && !may_be_there => bail!(lost.why),
            Err(lost) => {
                may_be_there |= !lost.refused;
                lost.why
            }
        };
        let left = client.clock.until(until);
        if left.is_zero() {
            bail!("{why}; it may have been accepted: look with `molink log` before you send it again");
        }
        std::thread::sleep(AGAIN.min(left));
    }
}

/// Waits for the state or one after it, reading on from the events the message has already; `edits` become those of the last sending.
fn wait(
    client: &Client,
    id: &Identity,
    wanted: State,
    until: Option<Instant>,
    quiet: bool,
    standing: &Standing,
    edits: &mut Vec<Edit>,
) -> anyhow::Result<Waited> {
    let (mut state, mut detail) = (State::Accepted, String::new());
    if wanted == State::Accepted {
        return Ok(Waited::Reached(state, detail));
    }
    // Its first event is its acceptance; all that can have happened since follows that.
    let first = match client.get(&format!("/api/messages/{id}")) {
        Ok((200, answer)) => answer["events"][0]["n"].as_u64().unwrap_or(1) - 1,
        _ => 0, // follows the journal from its beginning: slower, and as sure
    };
    let gone = |lost: &super::client::Lost| eprintln!("molink: {}; {id} is on its disk, waiting for it to come back", lost.why);
    let found = client.follow(Some(first), until, gone, |_, event| {
        if event.id.as_ref() != Some(id) {
            return Ok(ControlFlow::Continue(()));
        }
        if let Event::Sent { edits: made, .. } = &event.event {
            edits.clone_from(made);
        }
        let Some((now, said)) = standing_of(event, state) else { return Ok(ControlFlow::Continue(())) };
        if !quiet {
            eprintln!("{}  {}", event.utc.clock_time(), one_line(&said));
        }
        (state, detail) = (now, said);
        standing.say(format!("{id} is with the station, its last state is {state}"));
        let step = match state {
            State::Returned => ControlFlow::Break(Waited::Returned(detail.clone())),
            reached if reached >= wanted => ControlFlow::Break(Waited::Reached(reached, detail.clone())),
            _ => ControlFlow::Continue(()),
        };
        Ok(step)
    })?;
    Ok(found.unwrap_or(Waited::TimedOut(state, detail)))
}

/// What an event makes of a message: its state and a sentence; nothing if it stays as it is.
fn standing_of(event: &Stamped, before: State) -> Option<(State, String)> {
    let state = match &event.event {
        // What is filed here and waits for a machine stays filed.
        Event::Printing { .. } => State::Filed,
        Event::Delayed { .. } | Event::CalledOff { .. } if before >= State::Filed => State::Filed,
        Event::Accepted { .. } | Event::Delayed { .. } | Event::CalledOff { .. } => State::Accepted,
        Event::Sent { .. } => State::Sent,
        Event::Custody { .. } => State::Custody,
        Event::Filed { .. } => State::Filed,
        Event::Printed => State::Printed,
        Event::Returned { reason } => return Some((State::Returned, reason.clone())),
        _ => return None,
    };
    Some((state, super::log::describe(event)))
}

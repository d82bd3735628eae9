//! What a demo ends with: whether all arrived, what the sources say, where the files lie.
//!
//! Standards: none. In: a scenario that was played, its folder. Out: paragraphs, an exit code.
//! Left out: playing it (`demo`). Shown by: `molink demo`.

use super::super::INTERRUPTED;
use super::super::narrate::Narrator;
use super::Ended;
use crate::history::Scenario;
use crate::message::{Message, Part};
use crate::router::Contents;
use crate::time::Utc;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Stdout;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Paths that are longer are told on two rows.
const LONGEST: usize = 75;

pub(super) fn conclude(n: &mut Narrator<Stdout>, ended: &Ended, out: &Path, scenario: &Scenario) -> anyhow::Result<ExitCode> {
    let code = verdict(n, ended, out)?;
    if matches!(ended, Ended::Interrupted) {
        return Ok(code);
    }
    n.blank()?;
    for paragraph in paragraphs(&scenario.sources) {
        n.say("  ", &paragraph)?;
    }
    n.blank()?;
    n.say("  ", "Left for you to look at:")?;
    for station in scenario.stations.keys() {
        let folder = out.join(station.as_str());
        received(n, &folder, &["paper", "tape", "fax", "mail"])?;
        n.say("    ", &folder.join("journal.sqlite").display().to_string())?;
    }
    n.say("    ", &out.join(super::TRACE).display().to_string())?;
    mailboxes(n, scenario.stations.keys().map(|station| out.join(station.as_str())))?;
    Ok(code)
}

/// The same after acts.
pub(super) fn conclude_acts(n: &mut Narrator<Stdout>, ended: &Ended, out: &Path, acts: &[(String, Scenario)]) -> anyhow::Result<ExitCode> {
    let code = verdict(n, ended, out)?;
    if matches!(ended, Ended::Interrupted) {
        return Ok(code);
    }
    n.say("  ", "From one machine to the next one rule has stayed: a message counts when the far end says that it has it.")?;
    n.blank()?;
    n.say("  ", "What the sources have, and what is ours (`molink demo --era YEAR` tells more, docs/history.md all):")?;
    for (name, scenario) in acts {
        n.say(&format!("    {name}  "), &scenario.sources)?;
    }
    n.blank()?;
    n.say("  ", "Left for you to look at, beside a journal of each station and a trace.jsonl of each act:")?;
    for (name, scenario) in acts {
        for station in scenario.stations.keys() {
            received(n, &out.join(name).join(station.as_str()), &["paper", "fax", "mail"])?;
        }
    }
    let folders = acts.iter().flat_map(|(name, act)| act.stations.keys().map(move |station| out.join(name).join(station.as_str())));
    mailboxes(n, folders)?;
    Ok(code)
}

/// What came of it, in a sentence and as an exit code.
fn verdict(n: &mut Narrator<Stdout>, ended: &Ended, out: &Path) -> anyhow::Result<ExitCode> {
    n.blank()?;
    let (said, code) = match ended {
        Ended::Interrupted => (format!("Interrupted. What there is so far lies in {}", out.display()), ExitCode::from(INTERRUPTED)),
        Ended::Told(true) => ("Every message is on file at the other end, and at its desk.".to_owned(), ExitCode::SUCCESS),
        Ended::Told(false) => ("Not every message arrived; the trace and the journals tell why.".to_owned(), ExitCode::from(1)),
    };
    n.say("  ", &said)?;
    Ok(code)
}

/// The year of a moment.
pub(super) fn year(at: Utc) -> i64 {
    at.to_string().chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or_default()
}

fn received(n: &mut Narrator<Stdout>, folder: &Path, kinds: &[&str]) -> anyhow::Result<()> {
    let mailed = folder.join("mail").is_dir();
    for kind in kinds {
        let there = folder.join(kind);
        let mut names = left(&there);
        if mailed && *kind == "paper" && !names.is_empty() {
            names = vec!["*.txt".to_owned()]; // the texts of what is named as mails
        }
        names.iter().try_for_each(|name| path(n, &there, name))?;
    }
    Ok(())
}

/// A path, on two rows if it is too long for one.
fn path(n: &mut Narrator<Stdout>, folder: &Path, name: &str) -> anyhow::Result<()> {
    let path = folder.join(name).display().to_string();
    if path.chars().count() < LONGEST {
        return Ok(n.say("    ", &path)?);
    }
    n.say("    ", &format!("{}/", folder.display()))?;
    Ok(n.say("      ", name)?)
}

/// The mailboxes of these stations' desks, and how to look into one.
fn mailboxes(n: &mut Narrator<Stdout>, stations: impl Iterator<Item = PathBuf>) -> anyhow::Result<()> {
    let desks = |station: PathBuf| {
        let folder = station.join("maildir");
        let mut desks: Vec<String> = std::fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|desk| desk.file_name().to_string_lossy().into_owned())
            .collect();
        desks.sort();
        desks.into_iter().map(move |desk| (folder.clone(), desk))
    };
    let all: Vec<(PathBuf, String)> = stations.flat_map(desks).collect();
    if all.is_empty() {
        return Ok(());
    }
    n.blank()?;
    n.say("  ", "Each desk's mails also lie in a mailbox, a Maildir; a mail program opens it (`mutt -f FOLDER`):")?;
    all.iter().try_for_each(|(folder, desk)| path(n, folder, desk))
}

/// What was attached to a mail, as files beside it: `mail/IDENTITY-1-NAME`, of the content that came.
pub(super) fn lay_out(folder: &Path, message: &Message) -> std::io::Result<()> {
    let contents = Contents::in_folder(folder.join("content"));
    let attached = message.content.iter().filter_map(|part| match part {
        Part::Page(blob) | Part::File(blob) => Some(blob),
        Part::Text { .. } => None,
    });
    for (n, blob) in attached.enumerate() {
        let name: String = blob.name.chars().filter(|c| !c.is_control() && *c != '/').collect();
        let path = folder.join("mail").join(format!("{}-{}-{name}", message.identity, n + 1));
        let mut content = contents.open(blob).map_err(std::io::Error::other)?;
        std::io::copy(&mut content, &mut std::fs::File::create(path)?)?;
    }
    Ok(())
}

/// The names of a folder's files, as a shell would take them: one line for a message, `IDENTITY.{png,txt}`.
fn left(dir: &Path) -> Vec<String> {
    let mut kinds: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    // Of a message, that is: its identity begins with its station's name in capitals.
    let of_message = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with(|c: char| c.is_ascii_uppercase());
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let files = files.filter(|file| file.path().is_file() && of_message(&file.file_name()));
    for file in files {
        let path = file.path();
        let kind = path.extension().map(|e| e.to_string_lossy().into_owned()).unwrap_or_default();
        kinds.entry(path.with_extension("").file_name().unwrap_or_default().into()).or_default().insert(kind);
    }
    let listed = |(path, kinds): (PathBuf, BTreeSet<String>)| {
        let kinds: Vec<String> = kinds.into_iter().collect();
        match kinds.as_slice() {
            [kind] => format!("{}.{kind}", path.display()),
            kinds => format!("{}.{{{}}}", path.display(), kinds.join(",")),
        }
    };
    kinds.into_iter().map(listed).collect()
}

/// Lines that begin with a blank go on with the one before.
fn paragraphs(text: &str) -> Vec<String> {
    let mut all: Vec<String> = vec![];
    for line in text.lines() {
        match all.last_mut() {
            Some(last) if line.starts_with(' ') => *last += line,
            Some(_) | None => all.push(line.to_owned()),
        }
    }
    all
}

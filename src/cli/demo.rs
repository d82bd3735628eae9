//! `molink demo`: a scenario of the link's history, run live on this machine and told to an audience.
//!
//! Standards: none; the scenario says which parts are history. In: an era. Out: the story on the terminal; papers, journals and
//! the trace in DIR. Left out: how it is run (`station::live`). Shown by: `tests/it/processes.rs`.

use super::facsimile::Paper;
use super::narrate::Narrator;
use super::screen;
use super::wires::Wires;
use super::{INTERRUPTED, Usage};
use crate::history::Scenario;
use crate::history::scenario::Medium;
use crate::station::live::{KEYS, Live, Told};
use crate::time::{Clock, Speed};
use anyhow::Context;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// The scenarios in the program, by era.
const ERAS: &[(&str, &str)] = &[
    ("1963", include_str!("../../fixtures/scenarios/1963.toml")),
    ("1976", include_str!("../../fixtures/scenarios/1976.toml")),
    ("1986", include_str!("../../fixtures/scenarios/1986.toml")),
];
/// Longer than any story takes in real time, however noisy its line.
const LONGEST: Duration = Duration::from_secs(1800);
const TRACE: &str = "trace.jsonl";

/// Run the link's story on this machine.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  molink demo\n  molink demo --speed max --out /tmp/hotline\n  molink demo --era 1986\n\nDIR gets STATION/paper/IDENTITY.{txt,png,pdf} of what came there by teletype and\nSTATION/fax/IDENTITY.{tif,pdf} of what came by fax, STATION/tape/\nIDENTITY.{codes,png} of what was sent, STATION/journal.sqlite and trace.jsonl;\na demo's earlier files in it are replaced."
)]
pub struct Demo {
    /// Which era of the link: 1963 (the line is opened), 1976 (the second circuit moves),
    /// 1986 (pages go by satellite)
    #[arg(long, default_value = "1963")]
    era: String,
    /// How fast: a number (1 = as in life) or `max` [default: the scenario's own]
    #[arg(long)]
    speed: Option<Speed>,
    /// Where papers, journals and the trace go
    #[arg(long, value_name = "DIR", default_value = "molink-demo")]
    out: PathBuf,
}

pub(super) async fn run(args: Demo) -> anyhow::Result<ExitCode> {
    let known: Vec<&str> = ERAS.iter().map(|(era, _)| *era).collect();
    let text = ERAS.iter().find(|(era, _)| *era == args.era).map(|(_, text)| *text);
    let text = text.ok_or_else(|| Usage(format!("there is no era `{}` in this build; it has: {}", args.era, known.join(", "))))?;
    let scenario = Scenario::parse(&format!("{}.toml", args.era), text).map_err(Usage)?;
    let speed = args.speed.unwrap_or(scenario.speed);
    clear(&args.out, &scenario)?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut trace = BufWriter::new(File::create(args.out.join(TRACE)).with_context(|| cannot_write(&args.out))?);
    let mut narrator = Narrator::new(std::io::stdout()).naming(&scenario.circuits);
    if screen::rows(&std::io::stdout()).is_some() {
        narrator = narrator.watching(Wires::of(&scenario), Clock::new(None, speed), Paper::of_terminal());
    }
    introduce(&mut narrator, &scenario, speed)?;

    let mut live = Live::start(&scenario, speed, &args.out).await.map_err(|e| Usage(e.0))?;
    let ended = {
        let story = live.perform(|told| match told {
            Told::Say(text) => {
                narrator.blank()?;
                narrator.say("    ", &text)?;
                narrator.blank()
            }
            Told::Event(event) => {
                serde_json::to_writer(&mut trace, &event)?;
                trace.write_all(b"\n")?;
                narrator.event(&event)
            }
            Told::Tapped(tapped) => narrator.tapped(&tapped),
            Told::Read(at, message) => narrator.read(&at, &message),
            Told::Moment => narrator.moment(screen::rows(&std::io::stdout())),
        });
        tokio::select! {
            done = story => Ended::Told(done?),
            () = tokio::time::sleep(LONGEST) => Ended::Told(false),
            _ = interrupt.recv() => Ended::Interrupted,
        }
    };
    narrator.end()?;
    let mut late = vec![];
    live.stop(|told| late.push(told)).await?;
    for told in late {
        if let Told::Event(event) = told {
            serde_json::to_writer(&mut trace, &event)?;
            trace.write_all(b"\n")?;
        }
    }
    trace.flush().with_context(|| cannot_write(&args.out))?;
    conclude(&mut narrator, &ended, &args.out, &scenario)
}

enum Ended {
    /// To the end; whether all messages were filed.
    Told(bool),
    Interrupted,
}

fn cannot_write(out: &Path) -> String {
    format!("`{}` cannot be written; give another folder with --out", out.join(TRACE).display())
}

/// Makes the folder fit: new, empty, or left by an earlier demo (whose files go).
fn clear(out: &Path, scenario: &Scenario) -> anyhow::Result<()> {
    let foreign = || Usage(format!("`{}` is not empty and was not made by a demo; give another folder with --out", out.display()));
    match std::fs::read_dir(out).map(Iterator::count) {
        Ok(entries) if !out.join(TRACE).exists() && entries > 0 => return Err(foreign().into()),
        Ok(_) => {
            for station in scenario.stations.keys() {
                let dir = out.join(station.as_str());
                let keys = out.join(KEYS);
                if keys.is_dir() {
                    std::fs::remove_dir_all(&keys).with_context(|| format!("an earlier demo's `{}` cannot be removed", keys.display()))?;
                }
                if dir.join("journal.sqlite").exists() {
                    std::fs::remove_dir_all(&dir).with_context(|| format!("an earlier demo's `{}` cannot be removed", dir.display()))?;
                }
            }
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            std::fs::create_dir_all(out)
                .map_err(|e| Usage(format!("`{}` cannot be made: {e}; give another folder with --out", out.display())))?;
        }
        Err(e) => return Err(Usage(format!("`{}` cannot be read: {e}; give another folder with --out", out.display())).into()),
    }
    Ok(())
}

fn introduce(n: &mut Narrator<Stdout>, scenario: &Scenario, speed: Speed) -> anyhow::Result<()> {
    n.blank()?;
    n.say("  MOLINK   ", &scenario.title)?;
    n.blank()?;
    for (_, line) in &scenario.cast {
        n.say("    ", line)?;
    }
    for (name, plan) in &scenario.circuits {
        let delay = plan.profile.delay.as_millis();
        let line = match plan.medium {
            Medium::Codes => format!("between them: circuit {name}, 50 baud, {delay} ms one way, played over a pty pair on this machine"),
            Medium::Voice => format!("between them: circuit {name}, which carries fax, {delay} ms one way, played in this program"),
            Medium::Mail => {
                let rate = plan.rate.map(|rate| format!("{rate} bit/s, ")).unwrap_or_default();
                format!("between them: circuit {name}, which carries mail, {rate}{delay} ms one way, by connections on this machine")
            }
        };
        n.say("    ", &line)?;
    }
    let pace = match speed {
        Speed::Max => "as fast as this machine can".to_owned(),
        Speed::Times(1.0) => "as in life".to_owned(),
        Speed::Times(times) => format!("{times} times as fast as in life"),
    };
    n.say("    ", &format!("speed: {pace}; times are UTC; what the sources say is at the end"))?;
    n.legend()?;
    n.blank()?;
    Ok(())
}

fn conclude(n: &mut Narrator<Stdout>, ended: &Ended, out: &Path, scenario: &Scenario) -> anyhow::Result<ExitCode> {
    n.blank()?;
    let code = match ended {
        Ended::Interrupted => {
            n.say("  ", &format!("Interrupted. What there is so far lies in {}", out.display()))?;
            return Ok(ExitCode::from(INTERRUPTED));
        }
        Ended::Told(true) => {
            n.say("  ", "Every message is on file at the other end, and on paper.")?;
            ExitCode::SUCCESS
        }
        Ended::Told(false) => {
            n.say("  ", "Not every message arrived; the trace and the journals tell why.")?;
            ExitCode::from(1)
        }
    };
    n.blank()?;
    for paragraph in paragraphs(&scenario.sources) {
        n.say("  ", &paragraph)?;
    }
    n.blank()?;
    n.say("  ", "Left for you to look at:")?;
    for station in scenario.stations.keys() {
        for kind in ["paper", "tape", "fax"] {
            for name in left(&out.join(station.as_str()).join(kind)) {
                n.say("    ", &name)?;
            }
        }
        n.say("    ", &out.join(station.as_str()).join("journal.sqlite").display().to_string())?;
    }
    n.say("    ", &out.join(TRACE).display().to_string())?;
    Ok(code)
}

/// The files of a folder, as a shell would take them: one line for a message, `IDENTITY.{png,txt}`.
fn left(dir: &Path) -> Vec<String> {
    let mut kinds: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten().filter(|file| file.path().is_file());
    for file in files {
        let path = file.path();
        let kind = path.extension().map(|e| e.to_string_lossy().into_owned()).unwrap_or_default();
        kinds.entry(path.with_extension("")).or_default().insert(kind);
    }
    let listed = |(path, kinds): (PathBuf, BTreeSet<String>)| {
        let kinds: Vec<String> = kinds.into_iter().collect();
        format!("{}.{{{}}}", path.display(), kinds.join(","))
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

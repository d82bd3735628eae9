//! `molink demo`: a scenario of the link's history, run live on this machine and told to an audience.
//!
//! Standards: none; the scenario says which parts are history. In: an era. Out: the story on the terminal; papers, journals and
//! the trace in DIR. Left out: how it is run (`station::live`). Shown by: `tests/it/processes.rs`.

mod after;
mod order;

use super::Usage;
use super::facsimile::Paper;
use super::narrate::Narrator;
use super::screen;
use super::wires::Wires;
use crate::history::Scenario;
use crate::history::scenario::Medium;
use crate::router::Stamped;
use crate::station::live::{KEYS, Live, Told};
use crate::time::{Clock, Speed};
use anyhow::Context;
use order::InOrder;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A story in the program: one scenario, or acts, each in a folder of its own.
struct Era {
    name: &'static str,
    acts: &'static [(&'static str, &'static str)],
}

/// The stories, as `--era` names them.
const ERAS: &[Era] = &[
    Era { name: "1963", acts: &[("1963", include_str!("../../fixtures/scenarios/1963.toml"))] },
    Era { name: "1976", acts: &[("1976", include_str!("../../fixtures/scenarios/1976.toml"))] },
    Era { name: "1986", acts: &[("1986", include_str!("../../fixtures/scenarios/1986.toml"))] },
    Era { name: "2008", acts: &[("2008", include_str!("../../fixtures/scenarios/2008.toml"))] },
    Era { name: "2013", acts: &[("2013", include_str!("../../fixtures/scenarios/2013.toml"))] },
    Era {
        name: "all",
        acts: &[
            ("1963", include_str!("../../fixtures/scenarios/all/1963.toml")),
            ("1976", include_str!("../../fixtures/scenarios/all/1976.toml")),
            ("1986", include_str!("../../fixtures/scenarios/all/1986.toml")),
            ("2008", include_str!("../../fixtures/scenarios/all/2008.toml")),
            ("2013", include_str!("../../fixtures/scenarios/all/2013.toml")),
        ],
    },
];
/// Between two acts the last lines stay for so long.
const BETWEEN: Duration = Duration::from_secs(2);
/// Longer than any story takes in real time, however noisy its line.
const LONGEST: Duration = Duration::from_secs(1800);
const TRACE: &str = "trace.jsonl";

/// Run the link's story on this machine.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  molink demo\n  molink demo --speed max --out /tmp/hotline\n  molink demo --era 2008\n  molink demo --era all\n\nDIR gets, for each STATION (with `--era all` in a folder for each act):\n  STATION/paper/    what came, as papers; of a fax or a mail the text\n  STATION/tape/     what was sent by teletype, as tapes\n  STATION/fax/      pages that came by fax, as TIFF and PDF\n  STATION/mail/     what came by mail, and the files that came with it\n  STATION/maildir/  the same as a mailbox for each desk, to open by mutt -f\n  STATION/journal.sqlite\nand a trace.jsonl of all that happened. A demo's earlier files are replaced."
)]
pub struct Demo {
    /// Which era of the link: 1963 (the line is opened), 1976 (the second circuit moves),
    /// 1986 (pages go by satellite), 2008 (chat and e-mail), 2013 (a message by the Risk
    /// Reduction Centers), or all (the whole story, about 40 s an era)
    #[arg(long, default_value = "1963")]
    era: String,
    /// How fast: a number (1 = as in life) or `max` [default: the scenario's own]
    #[arg(long)]
    speed: Option<Speed>,
    /// Where papers, mails, journals and the trace go
    #[arg(long, value_name = "DIR", default_value = "molink-demo")]
    out: PathBuf,
}

pub(super) async fn run(args: Demo) -> anyhow::Result<ExitCode> {
    let known: Vec<&str> = ERAS.iter().map(|era| era.name).collect();
    let era = ERAS.iter().find(|era| era.name == args.era);
    let era = era.ok_or_else(|| Usage(format!("there is no era `{}` in this build; it has: {}", args.era, known.join(", "))))?;
    let read = |(name, text): &(&str, &str)| Ok(((*name).to_owned(), Scenario::parse(&format!("{name}.toml"), text).map_err(Usage)?));
    let acts = era.acts.iter().map(read).collect::<anyhow::Result<Vec<(String, Scenario)>>>()?;
    let mut interrupt = signal(SignalKind::interrupt())?; // before the first word: who interrupts is always heard
    if let [(_, scenario)] = acts.as_slice() {
        clear(&args.out)?;
        let speed = args.speed.unwrap_or(scenario.speed);
        let mut narrator = narrator(scenario, speed);
        introduce(&mut narrator, scenario, speed)?;
        let ended = play(&mut narrator, scenario, speed, &args.out, &mut interrupt).await?;
        return after::conclude(&mut narrator, &ended, &args.out, scenario);
    }
    clear(&args.out)?;
    acts.iter().try_for_each(|(name, _)| make(&args.out.join(name)))?;
    play_acts(&acts, args.speed, &args.out, &mut interrupt).await
}

/// One act after the other, each with stations, a clock and a folder of its own.
async fn play_acts(acts: &[(String, Scenario)], speed: Option<Speed>, out: &Path, interrupt: &mut Signal) -> anyhow::Result<ExitCode> {
    let mut told = Narrator::new(std::io::stdout());
    told.blank()?;
    told.say("  MOLINK   ", &format!("The whole story in {} acts. What the sources say is at the end.", acts.len()))?;
    let mut before: Option<i64> = None;
    let mut ended = Ended::Told(true);
    let mut explained: Vec<Medium> = vec![];
    for (n, (name, scenario)) in acts.iter().enumerate() {
        let speed = speed.unwrap_or(scenario.speed);
        let mut narrator = narrator(scenario, speed);
        let year = after::year(scenario.start);
        title(&mut narrator, (n + 1, acts.len()), scenario, before.map(|before| year - before))?;
        let new: Vec<Medium> = media(scenario).into_iter().filter(|medium| !explained.contains(medium)).collect();
        narrator.legend(&new)?;
        explained.extend(new);
        narrator.blank()?;
        before = Some(year);
        ended = ended.and(play(&mut narrator, scenario, speed, &out.join(name), interrupt).await?);
        if matches!(ended, Ended::Interrupted) {
            break;
        }
        if speed != Speed::Max {
            tokio::select! {
                () = tokio::time::sleep(BETWEEN) => {}
                _ = interrupt.recv() => {
                    ended = Ended::Interrupted;
                    break;
                }
            }
        }
    }
    after::conclude_acts(&mut told, &ended, out, acts)
}

/// What its circuits carry.
fn media(scenario: &Scenario) -> Vec<Medium> {
    scenario.circuits.values().map(|plan| plan.medium).collect()
}

fn narrator(scenario: &Scenario, speed: Speed) -> Narrator<Stdout> {
    let narrator = Narrator::new(std::io::stdout()).naming(&scenario.circuits);
    match screen::rows(&std::io::stdout()) {
        Some(_) => narrator.watching(Wires::of(scenario), Clock::new(None, speed), Paper::of_terminal()),
        None => narrator,
    }
}

/// Plays one scenario to its end, or until it is interrupted; its files and the trace lie in `out`.
async fn play(
    narrator: &mut Narrator<Stdout>,
    scenario: &Scenario,
    speed: Speed,
    out: &Path,
    interrupt: &mut Signal,
) -> anyhow::Result<Ended> {
    let mut trace = BufWriter::new(File::create(out.join(TRACE)).with_context(|| cannot_write(out))?);
    let mut live = Live::start(scenario, speed, out).await.map_err(|e| Usage(e.0))?;
    let mut order = InOrder::new(speed);
    let mut tell = |told| match told {
        Told::Say(text) => {
            narrator.blank()?;
            narrator.say("    ", &text)?;
            narrator.blank()
        }
        Told::Event(event) => {
            write_event(&mut trace, &event)?;
            narrator.event(&event)
        }
        Told::Tapped(tapped) => narrator.tapped(&tapped),
        Told::Read(at, message) => {
            after::lay_out(&out.join(at.as_str()), &message)?;
            narrator.read(&at, &message)
        }
        Told::Moment => narrator.moment(screen::rows(&std::io::stdout())),
    };
    let ended = {
        let story = live.perform(|told| order.take(told).into_iter().try_for_each(&mut tell));
        tokio::select! {
            done = story => done.map(Ended::Told),
            () = tokio::time::sleep(LONGEST) => Ok(Ended::Told(false)),
            _ = interrupt.recv() => Ok(Ended::Interrupted),
        }
    };
    order.rest().into_iter().try_for_each(&mut tell)?;
    narrator.end()?;
    let mut late = vec![];
    live.stop(|told| late.push(told)).await?;
    for told in late {
        if let Told::Event(event) = told {
            write_event(&mut trace, &event)?;
        }
    }
    trace.flush().with_context(|| cannot_write(out))?;
    Ok(ended?) // the stage was cleared first: its keys go however a story ends
}

fn write_event(trace: &mut BufWriter<File>, event: &Stamped) -> std::io::Result<()> {
    serde_json::to_writer(&mut *trace, event)?;
    trace.write_all(b"\n")
}

enum Ended {
    /// To the end; whether all messages were filed.
    Told(bool),
    Interrupted,
}

impl Ended {
    fn and(self, next: Ended) -> Ended {
        match (self, next) {
            (Ended::Told(one), Ended::Told(other)) => Ended::Told(one && other),
            (Ended::Interrupted, _) | (_, Ended::Interrupted) => Ended::Interrupted,
        }
    }
}

fn cannot_write(out: &Path) -> String {
    format!("`{}` cannot be written; give another folder with --out", out.join(TRACE).display())
}

/// Makes the folder fit: new, empty, or left by an earlier demo of any era, whose files go.
fn clear(out: &Path) -> anyhow::Result<()> {
    let foreign = || Usage(format!("`{}` is not empty and was not made by a demo; give another folder with --out", out.display()));
    let entries = match std::fs::read_dir(out) {
        Ok(entries) => entries.flatten().map(|entry| entry.file_name()).collect::<Vec<_>>(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return make(out),
        Err(e) => return Err(Usage(format!("`{}` cannot be read: {e}; give another folder with --out", out.display())).into()),
    };
    let acts = || ERAS.iter().flat_map(|era| era.acts.iter());
    // An act that had not begun when an earlier demo was interrupted is an empty folder.
    let begun_or_empty = |dir: &Path| dir.join(TRACE).exists() || std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none());
    let act = |name: &std::ffi::OsString| acts().any(|(act, _)| name == act) && begun_or_empty(&out.join(name));
    if !entries.is_empty() && !out.join(TRACE).exists() && !entries.iter().all(act) {
        return Err(foreign().into());
    }
    let (mut stations, mut circuits) = (BTreeSet::new(), BTreeSet::new());
    for (name, text) in acts() {
        let scenario = Scenario::parse(name, text).map_err(Usage)?;
        stations.extend(scenario.stations.into_keys().map(|station| station.to_string()));
        circuits.extend(scenario.circuits.into_keys());
    }
    let ours = |name: &std::ffi::OsString| {
        let station = name.to_str().is_some_and(|name| stations.contains(name)) && out.join(name).join("journal.sqlite").exists();
        station || act(name)
    };
    for name in entries.iter().filter(|name| ours(name)) {
        let dir = out.join(name);
        std::fs::remove_dir_all(&dir).with_context(|| format!("an earlier demo's `{}` cannot be removed", dir.display()))?;
    }
    // Of keys only what circuits of a story had: key media of others cannot be made again.
    for circuit in &circuits {
        let dir = out.join(KEYS).join(circuit);
        if dir.is_dir() {
            std::fs::remove_dir_all(&dir).with_context(|| format!("an earlier demo's `{}` cannot be removed", dir.display()))?;
        }
    }
    let _ = std::fs::remove_dir(out.join(KEYS)); // if that was all
    let trace = out.join(TRACE);
    match std::fs::remove_file(&trace) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e).with_context(|| format!("`{}` cannot be removed", trace.display())),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn make(out: &Path) -> anyhow::Result<()> {
    let cannot = |e| Usage(format!("`{}` cannot be made: {e}; give another folder with --out", out.display()));
    Ok(std::fs::create_dir_all(out).map_err(cannot)?)
}

/// What stands before an act.
fn title(n: &mut Narrator<Stdout>, (act, of): (usize, usize), scenario: &Scenario, later: Option<i64>) -> anyhow::Result<()> {
    let later = later.map(|years| format!(", {years} years later")).unwrap_or_default();
    n.blank()?;
    n.say("  ", &"-".repeat(76))?;
    n.say("  ", &format!("{act} of {of}{later}"))?;
    n.blank()?;
    n.say("  MOLINK   ", &scenario.title)?;
    n.blank()?;
    scenario.cast.iter().try_for_each(|(_, line)| n.say("    ", line))?;
    Ok(())
}

/// Each circuit by its name and what it is; one that is like an earlier one says so.
fn circuits(scenario: &Scenario) -> Vec<String> {
    let mut told: Vec<(&str, String)> = vec![];
    let mut lines = vec![];
    for (name, plan) in &scenario.circuits {
        let way = if ["geo", "molniya"].contains(&plan.profile.name) { "by satellite, " } else { "" };
        let rate = plan.rate.map(|rate| format!(", {rate} bit/s")).unwrap_or_default();
        let (carries, played) = match plan.medium {
            Medium::Codes => ("for teletypes, 50 baud", " (a pty pair)"),
            Medium::Voice => ("for fax", " (in memory)"),
            Medium::Mail => ("for mail", ""),
        };
        let what = format!("{way}{carries}{rate}, {} ms one way{played}", plan.profile.delay.as_millis());
        lines.push(match told.iter().find(|(_, other)| *other == what) {
            Some((like, _)) => format!("{name}, like {like}"),
            None => format!("{name}, {what}"),
        });
        told.push((name, what));
    }
    lines
}

fn introduce(n: &mut Narrator<Stdout>, scenario: &Scenario, speed: Speed) -> anyhow::Result<()> {
    n.blank()?;
    n.say("  MOLINK   ", &scenario.title)?;
    n.blank()?;
    for (_, line) in &scenario.cast {
        n.say("    ", line)?;
    }
    for (row, circuit) in circuits(scenario).iter().enumerate() {
        n.say(&format!("    {:14}", if row == 0 { "between them:" } else { "" }), circuit)?;
    }
    let pace = match speed {
        Speed::Max => "as fast as this machine can".to_owned(),
        Speed::Times(1.0) => "as in life".to_owned(),
        Speed::Times(times) => format!("{times} times as fast as in life"),
    };
    n.say("    ", &format!("speed: {pace}; times are UTC; what the sources say is at the end"))?;
    n.legend(&media(scenario))?;
    n.blank()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::hourly::Test;
    use crate::history::scenario::{Act, When};
    use crate::time::Utc;

    #[test]
    fn an_act_is_titled_by_its_year_and_a_test_by_mail_is_handed_in_at_its_hour() {
        for era in ERAS {
            for (name, text) in era.acts {
                let scenario = Scenario::parse(name, text).unwrap();
                let titled = scenario.title.starts_with(&format!("{}: ", after::year(scenario.start)));
                assert!(titled || era.acts.len() == 1, "{name}: {}", scenario.title);
                let tests = scenario.timeline.iter().filter_map(|entry| match (&entry.when, &entry.act) {
                    (When::At(after), Act::Hourly(hourly)) => Some((after, hourly)),
                    _ => None, // another act
                });
                for (after, hourly) in tests.filter(|_| !media(&scenario).contains(&Medium::Codes)) {
                    let from = Utc(scenario.start.0 + after.as_micros() as i64);
                    let of_hour = |test: Test| from.0 + test.after.as_micros() as i64 == test.hour.0;
                    assert!(hourly.tests(from).into_iter().all(of_hour) && !hourly.subject.contains("00Z"), "{name}: {hourly:?}");
                }
            }
        }
    }

    #[test]
    fn circuits_are_told_apart_in_a_line_each() {
        for era in ERAS {
            for (name, text) in era.acts {
                let lines = circuits(&Scenario::parse(name, text).unwrap());
                assert!(lines.iter().all(|line| 18 + line.chars().count() < 80), "{name}: {lines:?}");
            }
        }
        let (_, text) = ERAS.iter().find(|era| era.name == "2008").unwrap().acts[0];
        let lines = circuits(&Scenario::parse("2008", text).unwrap());
        assert_eq!(
            lines,
            ["fibre, for mail, 45 ms one way", "sat-1, by satellite, for mail, 32000 bit/s, 268 ms one way", "sat-2, like sat-1"]
        );
    }

    #[test]
    fn every_story_can_be_read_and_says_what_its_sources_are() {
        for era in ERAS {
            for (name, text) in era.acts {
                let scenario = Scenario::parse(name, text).unwrap();
                assert!(scenario.sources.contains("ours"), "{} {name}", era.name);
                assert_eq!(after::year(scenario.start), scenario.start.to_string()[..4].parse::<i64>().unwrap());
                assert!(scenario.speed != Speed::Max && !scenario.cast.is_empty(), "{} {name}", era.name);
            }
        }
    }
}

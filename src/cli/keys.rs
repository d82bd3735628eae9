//! `molink keys`: makes key tapes and diskettes, shows how far they are used, moves a reader forward, destroys them.
//!
//! Standards: none. In: folders, .key and .toml files. Out: pairs, a table or JSON, a sentence each.
//! Exit code 0 done, 1 not done or something is damaged, 2 usage, 130 interrupted.
//! Left out: which tapes a port uses (the station says that). Shown by: `tests/it/keys.rs`, `docs/key-media.md`.

use super::keys_table::{Row, table};
use super::{INTERRUPTED, Usage};
use crate::key::backend_disk::{self, Made, Order};
use crate::key::label::LONGEST;
use crate::key::{Copy, Medium};
use crate::message::Name;
use crate::time::{Clock, Speed, Utc};
use anyhow::anyhow;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{SignalKind, signal};

/// What a diskette of 360 kB holds, in octets: 40 tracks, two sides, nine sectors of 512.
const DISKETTE: u64 = 40 * 2 * 9 * 512;

/// Make, show and destroy key tapes and diskettes
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  molink keys make --characters 120k --out keys one
  molink keys show keys/washington

docs/key-media.md tells how they are made, carried, hung and destroyed.")]
pub struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make a pair of tapes or diskettes, a copy for each end
    Make(Make),
    /// Show how far they are used, and check them
    Show(Show),
    /// Move a reader forward; what it passes over is burned
    Skip(Skip),
    /// Overwrite them with zeros
    Destroy(Destroy),
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  molink keys make --characters 120k --out keys one
  molink keys make --minutes 60 --from moscow --to washington --out keys two
  molink keys make --medium diskette --out fax-keys one

Two folders come of it, a copy in each: keys/washington and keys/moscow.
Without --from and --to it is for what washington sends to moscow. A tape is
for a teletype line, a diskette for a fax line; a folder holds one or the other.")]
struct Make {
    /// The length of a tape, one for each code: 120000 or 120k
    #[arg(long, value_name = "N", value_parser = characters, required_unless_present_any = ["minutes", "octets", "medium"])]
    characters: Option<u64>,
    /// Or its length in minutes at line speed
    #[arg(long, value_name = "M", conflicts_with = "characters")]
    minutes: Option<u64>,
    /// A tape, or a diskette
    #[arg(long, value_name = "MEDIUM", value_parser = medium, default_value_t = Medium::Tape)]
    medium: Medium,
    /// The size of a diskette; without it 368640, of 360 kB
    #[arg(long, value_name = "N", value_parser = characters)]
    octets: Option<u64>,
    /// Where the two folders are made
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Whose outgoing traffic it is for
    #[arg(long, value_name = "STATION", default_value = "washington")]
    from: Name,
    /// Who deciphers that traffic
    #[arg(long, value_name = "STATION", default_value = "moscow")]
    to: Name,
    #[command(flatten)]
    line: LineSpeed,
    /// Its name; they are taken up in order of name
    name: String,
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  molink keys show keys/washington
  molink keys show --json keys/washington/one.toml

NEXT is the next position, from 0: what lies before it is used or burned. Keys
are read and checked; nothing is written, so a station may be running.
Exit code: 0 all are sound, 1 one is not, 2 there is nothing of that name.")]
struct Show {
    /// Folders, .key or .toml files
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    line: LineSpeed,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[command(after_help = "\
Example:
  molink keys skip keys/moscow/one.key --to 5400

For when the far end is further than a station follows by itself. Stop the
station first. There is no way back: what is passed over is never used.")]
struct Skip {
    /// A .key or .toml file
    path: PathBuf,
    /// The next position then, from 0
    #[arg(long, value_name = "POSITION")]
    to: u64,
}

#[derive(clap::Args)]
#[command(after_help = "\
Example:
  molink keys destroy keys/washington/one.key

Stop the station first. The label stays, as the record. The twin at the other
end must be destroyed there. SSDs, snapshots and backups may keep old copies:
docs/key-media.md.")]
struct Destroy {
    /// .key or .toml files
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(clap::Args, Clone, Copy)]
struct LineSpeed {
    /// Bits a second on the line, for minutes
    #[arg(long, value_name = "B", default_value_t = 50.0, value_parser = positive)]
    baud: f64,
    /// Bit times to a code, for minutes
    #[arg(long, value_name = "U", default_value_t = 7.5, value_parser = positive)]
    units: f64,
    /// Bits a second of a page, for minutes of a diskette
    #[arg(long, value_name = "R", default_value_t = 4800.0, value_parser = bits)]
    rate: f64,
}

impl LineSpeed {
    fn minutes(self, medium: Medium, length: u64) -> f64 {
        let seconds = match medium {
            Medium::Tape => length as f64 * self.units / self.baud,
            Medium::Diskette => length as f64 * 8.0 / self.rate,
        };
        seconds / 60.0
    }
    fn characters(self, minutes: u64) -> u64 {
        (minutes as f64 * 60.0 * self.baud / self.units).ceil() as u64
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    number.filter(|n| (1.0..=10_000.0).contains(n)).ok_or_else(|| "give a number from 1 to 10000".to_owned())
}

fn bits(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    number.filter(|n| (1.0..=100_000.0).contains(n)).ok_or_else(|| "give a number from 1 to 100000".to_owned())
}

fn medium(text: &str) -> Result<Medium, String> {
    Medium::ALL.into_iter().find(|m| m.name() == text).ok_or_else(|| "give tape or diskette".to_owned())
}

/// `120000`, `120k`, `2M`.
fn characters(text: &str) -> Result<u64, String> {
    let (digits, times) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1_000),
        None => text.strip_suffix('M').map_or((text, 1), |digits| (digits, 1_000_000)),
    };
    let number = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(times)).filter(|n| (1..=LONGEST).contains(n));
    number.ok_or_else(|| format!("give 1 to {LONGEST}, such as 120000 or 120k"))
}

fn now() -> Utc {
    let clock = Clock::new(None, Speed::REAL);
    clock.utc(clock.now())
}

/// Does one of them.
pub async fn run(args: Keys) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Make(args) => make(args).await,
        Command::Show(args) => show(&args),
        Command::Skip(args) => skip(&args),
        Command::Destroy(args) => destroy(&args),
    }
}

/// How long it shall be: a tape in characters or minutes, a diskette in octets.
fn length(args: &Make) -> Result<u64, Usage> {
    let tape = args.characters.or(args.minutes.map(|m| args.line.characters(m)));
    match (args.medium, tape, args.octets) {
        (Medium::Tape, Some(characters), None) => Ok(characters),
        (Medium::Tape, _, Some(_)) => Err(Usage("--octets is for --medium diskette; a tape has --characters or --minutes".into())),
        (Medium::Tape, None, None) => Err(Usage("a tape needs --characters N or --minutes M".into())),
        (Medium::Diskette, Some(_), _) => Err(Usage("--characters and --minutes are for tapes; a diskette has --octets".into())),
        (Medium::Diskette, None, octets) => Ok(octets.unwrap_or(DISKETTE)),
    }
}

async fn make(args: Make) -> anyhow::Result<ExitCode> {
    let characters = length(&args)?;
    let order = Order { medium: args.medium, name: args.name, characters, from: args.from, to: args.to, utc: now() };
    order.check(&args.out).map_err(Usage)?;
    let stop = Arc::new(AtomicBool::new(false));
    let work = {
        let (stop, order, out) = (stop.clone(), order.clone(), args.out.clone());
        move || {
            let mut bar = Bar::of("made", order.medium, order.characters);
            backend_disk::make(&order, &out, &mut |done| {
                bar.at(done);
                !stop.load(Ordering::Relaxed)
            })
        }
    };
    let (mut interrupt, mut term) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut work = tokio::task::spawn_blocking(work);
    let made = tokio::select! {
        made = &mut work => made?,
        _ = async { tokio::select! { _ = interrupt.recv() => {}, _ = term.recv() => {} } } => {
            // It takes away what it has begun.
            stop.store(true, Ordering::Relaxed);
            match work.await? {
                Ok(made) => Ok(made),
                Err(_) => {
                    eprintln!("molink: interrupted; nothing is left of the {}", order.medium);
                    return Ok(ExitCode::from(INTERRUPTED));
                }
            }
        }
    };
    let made = made.map_err(|why| anyhow!("{why}; nothing is left of it"))?;
    told(&made, &order, args.line);
    Ok(ExitCode::SUCCESS)
}

/// What was made, and what comes next.
fn told(made: &Made, order: &Order, line: LineSpeed) {
    let Order { medium, from, to, characters, .. } = order;
    let speed = match medium {
        Medium::Tape => format!("{} Bd", line.baud),
        Medium::Diskette => format!("{} bit/s", line.rate),
    };
    let [send, receive] = [&made.send, &made.receive].map(|label| label.with_extension("key").display().to_string());
    let width = send.len().max(receive.len());
    say(&format!(
        "key {medium} {}, for what {from} sends to {to}: {characters} {},\n\
         {:.0} minutes at {speed}. Two equal copies:\n\
         \x20 {send:width$}  enciphers: it hangs at {from}\n\
         \x20 {receive:width$}  deciphers: it hangs at {to}\n\
         Next: carry each folder to its station, by hand, never over a line; on this\n\
         machine keep none that does not belong here (molink keys destroy FILE).\n\
         Then name it in the port's table of the station file: keys = \"FOLDER\"\n\
         What {to} sends to {from} needs a {medium} of its own:\n\
         \x20 molink keys make{} --from {to} --to {from} ...\n",
        made.serial,
        medium.units(),
        line.minutes(*medium, *characters),
        if *medium == Medium::Tape { "" } else { " --medium diskette" }
    ));
}

/// To standard output; nobody reading it is no reason to end, least of all to have ended badly.
fn say(text: &str) {
    let mut out = std::io::stdout();
    let _ = write!(out, "{text}").and_then(|()| out.flush());
}

fn show(args: &Show) -> anyhow::Result<ExitCode> {
    let mut found = vec![];
    for path in &args.paths {
        found.push((path, backend_disk::show(path).map_err(Usage)?));
    }
    let sound = found.iter().flat_map(|(_, shown)| shown).all(|s| s.as_ref().is_ok_and(|s| s.trouble.is_none()));
    let row = |shown: &Result<backend_disk::Shown, String>| Row::of(shown, |medium, n| args.line.minutes(medium, n));
    if args.json {
        let rows: Vec<Row> = found.iter().flat_map(|(_, shown)| shown).map(row).collect();
        say(&(serde_json::to_string_pretty(&rows)? + "\n"));
    } else {
        for (n, (path, shown)) in found.iter().enumerate() {
            if found.len() > 1 {
                say(&format!("{}{}:\n", if n > 0 { "\n" } else { "" }, path.display()));
            }
            let rows: Vec<Row> = shown.iter().map(row).collect();
            say(&table(&rows));
            if rows.is_empty() {
                say(&format!("no key in {}{}\n", path.display(), but_in(path)));
            }
        }
    }
    Ok(ExitCode::from(u8::from(!sound)))
}

/// Its folders that have some: `molink keys make --out DIR` makes one for each end.
fn but_in(path: &Path) -> String {
    let inside = std::fs::read_dir(path).into_iter().flatten().flatten().map(|e| e.path());
    let mut have: Vec<String> = inside
        .filter(|p| p.is_dir() && backend_disk::show(p).is_ok_and(|tapes| !tapes.is_empty()))
        .map(|p| p.display().to_string())
        .collect();
    have.sort();
    if have.is_empty() { String::new() } else { format!("; there are some in {}", have.join(" and ")) }
}

fn skip(args: &Skip) -> anyhow::Result<ExitCode> {
    one(&args.path)?;
    let (label, passed) = backend_disk::skip(&args.path, args.to, now()).map_err(|why| anyhow!(why))?;
    let left = label.characters - label.next;
    say(&format!(
        "{} {}: next position {}; {passed} {} burned, {left} left\n",
        label.medium,
        label.serial,
        label.next,
        label.medium.units()
    ));
    Ok(ExitCode::SUCCESS)
}

fn destroy(args: &Destroy) -> anyhow::Result<ExitCode> {
    let mut shown = vec![];
    for path in &args.paths {
        shown.push(one(path)?);
    }
    if !args.yes {
        if !std::io::stdin().is_terminal() {
            return Err(Usage("key is destroyed only if it is meant; add --yes".into()).into());
        }
        for tape in &shown {
            let label = &tape.label;
            let left = label.characters - label.next;
            eprintln!("{}: {} {}, {left} {} not used", tape.path.display(), label.medium, label.serial, label.medium.units());
        }
        eprint!("destroy {}? type yes: ", if shown.len() == 1 { "it".to_owned() } else { format!("these {}", shown.len()) });
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        if answer.trim() != "yes" {
            return Err(anyhow!("not destroyed"));
        }
    }
    for tape in &shown {
        let mut bar = Bar::of("destroyed", tape.label.medium, tape.label.characters);
        let label = backend_disk::destroy(&tape.path, now(), &mut |done| bar.at(done)).map_err(|why| anyhow!(why))?;
        let twin = if label.copy == Copy::Send { &label.to } else { &label.from };
        let key = tape.path.with_extension("key");
        say(&format!("{} {} destroyed: {} is zeros; its twin is at {twin}\n", label.medium, label.serial, key.display()));
    }
    say("An SSD, a snapshot or a backup may still hold old copies: docs/key-media.md\n");
    Ok(ExitCode::SUCCESS)
}

/// The one tape or diskette that a path names, or why it is none.
fn one(path: &Path) -> Result<backend_disk::Shown, Usage> {
    if path.is_dir() {
        return Err(Usage(format!("`{}` is a folder; name the .key of each that is meant", path.display())));
    }
    let shown = backend_disk::show(path).map_err(Usage)?;
    shown.into_iter().next().unwrap_or_else(|| Err(format!("`{}` is not a key tape or diskette", path.display()))).map_err(Usage)
}

/// A line on a terminal that says how far long work is; no more than a hundred times.
struct Bar {
    what: &'static str,
    medium: Medium,
    all: u64,
    told: u64,
}

impl Bar {
    fn of(what: &'static str, medium: Medium, all: u64) -> Bar {
        let shown = all >= 4_000_000 && std::io::stderr().is_terminal();
        Bar { what, medium, all, told: if shown { 0 } else { u64::MAX } }
    }
    fn at(&mut self, done: u64) {
        let percent = done * 100 / self.all.max(1);
        if percent > self.told {
            self.told = percent;
            let end = if done >= self.all { "\n" } else { "" };
            eprint!("\r{percent:3} % of {} {} {}{end}", self.all, self.medium.units(), self.what);
            let _ = std::io::stderr().flush();
        }
    }
}

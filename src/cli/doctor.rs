//! `molink doctor`: the serial devices of this machine, and which of them can do five-unit code at 45 and 50 Bd.
//!
//! Standards: none. In: what the kernel lists, or devices by name. Out: one paragraph a device, or JSON; exit 0 also when there is none.
//! Each is really set and read back, then put back as it was; nothing is sent. Left out: modems, modem lines. Shown by: `docs/serial.md`.

use super::{Usage, wrapped};
use crate::line::adapter::{Adapter, Suits};
use crate::line::device::{self, Settings};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// List serial devices and what they can do at 5 data bits
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  molink doctor\n\nA device by its name: molink doctor /dev/ttyUSB0\nTries each device's settings and puts them back; sends nothing.\ndocs/serial.md tells of adapters."
)]
pub struct Doctor {
    /// Only these; without one, all that there are
    #[arg(value_name = "DEVICE")]
    devices: Vec<PathBuf>,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Rates tried: those of the link and of telex (50), and of American teletypes (45.45).
const TRIED: [Settings; 2] = [Settings { baud: 50.0, units: 7.5 }, Settings { baud: 45.45, units: 7.42 }];

const NO_DEVICE: &str =
    "without one: `molink line pty:/tmp/a pty:/tmp/b` makes two devices joined by a line; open them with any serial program";

#[derive(Serialize)]
struct Report {
    devices: Vec<Device>,
    hint: &'static str,
}

#[derive(Serialize)]
struct Device {
    path: PathBuf,
    driver: Option<String>,
    product: Option<String>,
    known: Option<&'static str>,
    /// What is known of its kind, as on docs/serial.md
    five_bits: Option<&'static str>,
    rates: Option<&'static str>,
    stop_units: Option<&'static str>,
    remark: Option<&'static str>,
    source: Option<&'static str>,
    tried: Vec<Trial>,
    /// `yes`, `no` or `unknown`
    suits: &'static str,
}

#[derive(Serialize)]
struct Trial {
    baud: f64,
    units: f64,
    works: bool,
    says: String,
}

/// Prints what is there.
pub async fn run(args: Doctor) -> anyhow::Result<ExitCode> {
    let named = !args.devices.is_empty();
    let paths = if named { there(args.devices)? } else { listed() };
    let mut devices = vec![];
    for path in paths {
        devices.push(examine(path).await);
    }
    if args.json {
        say!("{}", serde_json::to_string_pretty(&Report { devices, hint: NO_DEVICE })?);
        return Ok(ExitCode::SUCCESS);
    }
    if devices.is_empty() {
        say!("no serial device found");
    }
    devices.iter().for_each(tell);
    if named {
        return Ok(ExitCode::SUCCESS);
    }
    let ptys = "ptys (/dev/pts/N) are not listed: they hold 8 data bits and have no speed; molink masks and paces there itself";
    [ptys, NO_DEVICE].iter().flat_map(|text| wrapped("", text, 2)).for_each(|line| say!("{line}"));
    Ok(ExitCode::SUCCESS)
}

/// All that the kernel has.
fn listed() -> Vec<PathBuf> {
    let ports = tokio_serial::available_ports().unwrap_or_default();
    let mut paths: Vec<PathBuf> = ports.into_iter().map(|p| PathBuf::from(p.port_name)).collect();
    paths.sort();
    paths
}

/// Those that were named, if each is a device.
fn there(named: Vec<PathBuf>) -> Result<Vec<PathBuf>, Usage> {
    use std::os::unix::fs::FileTypeExt;
    for path in &named {
        let shown = path.display();
        let kind =
            std::fs::metadata(path).map_err(|_| Usage(format!("there is no device `{shown}`; `molink doctor` lists what there is")))?;
        if !kind.file_type().is_char_device() {
            return Err(Usage(format!("`{shown}` is no device; `molink doctor` lists what there is")));
        }
    }
    Ok(named)
}

async fn examine(path: PathBuf) -> Device {
    let adapter = Adapter::of(&path);
    let known = adapter.known();
    let tried = match is_console(&path) {
        true => vec![],
        false => try_settings(&path).await,
    };
    let suits = match (tried.iter().any(|t| t.works), known.map(|k| k.suits)) {
        (true, Some(Suits::Depends)) => "unknown",
        (true, _) => "yes",
        (false, Some(Suits::No)) => "no",
        // Refused by what it read back, not for being busy or closed to us.
        (false, _) if tried.iter().any(|t| t.says.contains("it kept")) => "no",
        (false, _) => "unknown",
    };
    let Adapter { driver, product } = adapter;
    Device {
        path,
        driver,
        product,
        known: known.map(|k| k.name),
        five_bits: known.map(|k| k.bits),
        rates: known.map(|k| k.rates),
        stop_units: known.map(|k| k.stop),
        remark: known.map(|k| k.remark),
        source: known.map(|k| k.source),
        tried,
        suits,
    }
}

/// The kernel writes there: its settings are left alone.
fn is_console(path: &Path) -> bool {
    let active = std::fs::read_to_string("/sys/class/tty/console/active").unwrap_or_default();
    path.file_name().and_then(|n| n.to_str()).is_some_and(|name| active.split_ascii_whitespace().any(|a| a == name))
}

async fn try_settings(path: &Path) -> Vec<Trial> {
    let mut tried = vec![];
    for settings in TRIED {
        let result = device::try_settings(path, &settings).await;
        let (works, says) = match result {
            Ok(notes) => (true, notes.join("; ")),
            Err(why) => (false, why),
        };
        tried.push(Trial { baud: settings.baud, units: settings.units, works, says });
    }
    tried
}

/// A part of a paragraph.
fn part(text: &str) {
    wrapped("    ", text, 6).iter().for_each(|line| say!("{line}"));
}

fn tell(d: &Device) {
    let adapter = Adapter { driver: d.driver.clone(), product: d.product.clone() };
    say!("{} ({adapter})", d.path.display());
    let plain = |text: &'static str| text.replace("**", "");
    match adapter.known() {
        Some(k) => {
            part(k.name);
            part(&format!("5 data bits: {}; 45.45 and 50 Bd: {}; stop units: {}", plain(k.bits), plain(k.rates), k.stop));
            part(k.remark);
            part(&format!("(from {})", k.source));
        }
        None => part("a kind that docs/serial.md does not tell of: what is read back is all that is known"),
    }
    if d.tried.is_empty() {
        part("not tried: it is this machine's console");
    }
    for t in &d.tried {
        part(&format!("{} Bd, {} units: {}: {}", t.baud, t.units, if t.works { "ok" } else { "no" }, t.says));
    }
    match d.suits {
        "yes" => part("five-unit code: yes"),
        "no" => part("five-unit code: no; docs/serial.md names adapters that have 5 data bits"),
        _ => part("five-unit code: not known; docs/serial.md tells what to look for"),
    }
}

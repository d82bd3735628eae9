//! `molink certs`: makes a station's certificate, shows certificates, pins those of other stations.
//!
//! Standards: X.509 (RFC 5280), PEM (RFC 7468). In: station names, files. Out: files, a paragraph each, what to do next.
//! Exit code 0 done, 1 a certificate is out of date, 2 usage: nothing was done.
//! Left out: which certificates a line uses (the station file says that). Shown by: `tests/it/tls.rs`, `docs/lines-over-ip.md`.

use super::Usage;
use crate::line::ip::certs::{self, Age, Cert, Pin, day, world_utc};
use crate::message::Name;
use crate::time::Utc;
use anyhow::anyhow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Make, show and pin the certificates of lines in TLS
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  molink certs make washington
  molink certs show certs
  molink certs pin moscow.crt

docs/lines-over-ip.md tells how certificates are made, carried and renewed.")]
pub struct Certs {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make a station's key and certificate
    Make(Make),
    /// Show certificates: whose, how long, SHA-256
    Show(Show),
    /// Pin the certificate of another station, brought by hand
    Pin(PinOne),
}

#[derive(clap::Args)]
#[command(after_help = "\
Example:
  molink certs make washington --out certs --days 730

Two files come of it: certs/washington.key, which never leaves this machine,
and certs/washington.crt, which is for the other station. Nothing is replaced.")]
struct Make {
    /// The station's name
    station: Name,
    /// The folder
    #[arg(long, value_name = "DIR", default_value = "certs")]
    out: PathBuf,
    /// How long it is valid
    #[arg(long, value_name = "N", default_value_t = 730, value_parser = clap::value_parser!(u32).range(1..=7300))]
    days: u32,
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  molink certs show certs
  molink certs show moscow.crt

Exit code: 0 all are good today, 1 one is not, 2 there is nothing of that name.
Valid is what the system's clock says, whatever date a station plays.")]
struct Show {
    /// Folders or .crt files
    #[arg(value_name = "PATH", default_value = "certs")]
    paths: Vec<PathBuf>,
}

#[derive(clap::Args)]
#[command(after_help = "\
Example:
  molink certs pin moscow.crt

Compare the whole SHA-256 with the other operator by another way than the one
the file came: by telephone, or face to face. To take a certificate back,
delete it from the folder.")]
struct PinOne {
    /// The other station's .crt file
    file: PathBuf,
    /// The folder
    #[arg(long, value_name = "DIR", default_value = "certs")]
    out: PathBuf,
}

/// Does one of them.
pub fn run(args: Certs) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Make(args) => make(&args),
        Command::Show(args) => show(&args),
        Command::Pin(args) => pin(&args),
    }
}

fn make(args: &Make) -> anyhow::Result<ExitCode> {
    let station = args.station.as_str();
    let made = certs::make(&args.out, station, world_utc(), args.days).map_err(Usage)?;
    let (key, crt) = (made.key.display(), made.crt.display());
    say!(
        "{}\
         \x20 {key}  never leaves this machine\n\
         \x20 {crt}  for the other station\n\
         Next: bring {station}.crt to the other station, and there:\n\
         \x20 molink certs pin {station}.crt\n\
         Pin what comes from there in the same way, here with --out {}.\n\
         Then name the folder in the station file: of a teletype line\n\
         \x20 line = {{ tcp = \"HOST:PORT\", tls = \"{1}\" }}\n\
         and of an e-mail port\n\
         \x20 line = {{ smtp = \"HOST:PORT\", listen = \"HOST:PORT\", tls = \"{1}\" }}\n\
         both beside `peer`. The server of an e-mail gateway, without a `peer`, shows\n\
         {station}.crt, for the host name `{station}`: let mail programs trust it.",
        paragraph(&made.cert, world_utc()),
        args.out.display(),
    );
    Ok(ExitCode::SUCCESS)
}

fn show(args: &Show) -> anyhow::Result<ExitCode> {
    let now = world_utc();
    let mut good = true;
    for path in &args.paths {
        for file in files(path).map_err(Usage)? {
            match certs::read(&file) {
                Ok(found) => {
                    for cert in found {
                        good &= cert.age(now) == Age::Good;
                        say!("{}\x20 {}", paragraph(&cert, now), file.display());
                    }
                }
                Err(why) if path.is_dir() => {
                    good = false;
                    say!("{why}");
                }
                Err(why) => return Err(Usage(why).into()),
            }
        }
    }
    Ok(ExitCode::from(u8::from(!good)))
}

fn pin(args: &PinOne) -> anyhow::Result<ExitCode> {
    if !args.file.exists() {
        let shown = args.file.display();
        return Err(Usage(format!("there is no file `{shown}`; pin the STATION.crt that the other operator has brought")).into());
    }
    let (cert, path, pin) = certs::pin(&args.out, &args.file).map_err(Usage)?;
    let (now, station) = (world_utc(), cert.station.clone().unwrap_or_default());
    let what = match pin {
        Pin::First => format!("pinned as {}", path.display()),
        Pin::Beside(others) => format!("pinned in {}, beside {others} of {station} that were there: all of them are taken", path.display()),
        Pin::Before => format!("was pinned in {} already", path.display()),
    };
    say!("{}\x20 {what}", paragraph(&cert, now));
    say!("Compare the SHA-256 with {station}'s operator by another way than the file came; `molink certs show` tells it there.");
    if cert.age(now) != Age::Good {
        return Err(anyhow!("it is pinned, but it is not good today: {}", validity(&cert, now)));
    }
    Ok(ExitCode::SUCCESS)
}

/// The certificates a path names: the file, or all of a folder.
fn files(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.exists() {
        let shown = path.display();
        return Err(format!(
            "there is no `{shown}`; `molink certs make STATION` makes a certificate, in the folder `certs` or where --out says"
        ));
    }
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let say = |e: std::io::Error| format!("`{}` cannot be read: {e}", path.display());
    let all: Result<Vec<_>, _> = std::fs::read_dir(path).map_err(say)?.map(|entry| entry.map(|e| e.path())).collect();
    let mut all = all.map_err(say)?;
    all.retain(|f| f.extension().is_some_and(|e| e == "crt"));
    all.sort();
    match all.is_empty() {
        true => Err(format!("no certificates in `{}`; `molink certs make STATION --out {0}` makes one", path.display())),
        false => Ok(all),
    }
}

fn paragraph(cert: &Cert, now: Utc) -> String {
    let station = cert.station.as_deref().unwrap_or("(no station is named)");
    let print = cert.fingerprint();
    let (first, second) = print.split_at(48); // 16 of 32 bytes: a line of 80 columns
    format!("{station}: {}\n\x20 SHA-256 {first}\n\x20         {second}\n", validity(cert, now))
}

fn validity(cert: &Cert, now: Utc) -> String {
    let span = format!("valid {} to {}", day(cert.from), day(cert.until));
    let days = |from: Utc, to: Utc| Duration::from_micros(u64::try_from(to.0 - from.0).unwrap_or_default()).as_secs() / 86_400;
    match cert.age(now) {
        Age::Good => format!("{span}, {} days left", days(now, cert.until)),
        Age::Over => format!("{span}: ENDED {} days ago", days(cert.until, now)),
        Age::Early => format!("{span}: NOT YET, begins in {} days", days(now, cert.from)),
    }
}

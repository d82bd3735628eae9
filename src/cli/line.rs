//! `molink line A B`: joins two ends by a simulated circuit; the serial loopback that behaves like a line.
//!
//! Standards: none. In: two ends, a profile, commands on a socket. Out: one line an end, notes, a log of every code; runs until told to end.
//! Left out: what codes mean. How to test one's own gateway with it: `docs/line.md`. Shown by: `tests/it/line.rs`.

use super::{INTERRUPTED, Usage, after_interrupt};
use crate::line::relay::Orders;
use crate::line::{End, Profile, Relay, RelayConfig, Settings};
use crate::time::Speed;
use std::path::PathBuf;
use std::process::ExitCode;

const EXAMPLE: &str = "\
An end is `pty:PATH` (a pty is made, with a link at PATH), the path of a serial
device or pty, `tcp:HOST:PORT`, or `listen:PORT` (`listen:HOST:PORT` for others
than this machine).

Example: two devices joined by the cable of 1963, commanded while it runs:
  molink line pty:/tmp/a pty:/tmp/b --profile cable --control /tmp/line
  echo 'cut 30s' | socat - UNIX-CONNECT:/tmp/line

Commands: cut [TIME], restore, noise none|profile|light|heavy, profile NAME,
drop|double|flip a>b|b>a [N], status, stop";

/// Join two ends by a simulated circuit: it paces, delays, damages, cuts
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Line {
    /// The first end
    a: End,
    /// The second end
    b: End,
    /// What lies between: clean, cable, hf, geo or molniya
    #[arg(long, default_value = "clean", value_name = "P", value_parser = Profile::named)]
    profile: Profile,
    /// Where the errors come from: the same seed damages the same codes (default: drawn, and printed)
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// A Unix socket for commands
    #[arg(long, value_name = "PATH")]
    control: Option<PathBuf>,
    /// Log every code with its fate (JSON lines)
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Units a second
    #[arg(long, default_value_t = 50.0, value_name = "B")]
    baud: f64,
    /// Units a code
    #[arg(long, default_value_t = 7.5, value_name = "U")]
    units: f64,
    /// Times life, or max for no pacing and no delay; not on a real serial port
    #[arg(long, default_value = "1", value_name = "N|max")]
    speed: Speed,
}

/// Runs until Ctrl-C (130), SIGTERM (0) or the command `stop` (0).
pub async fn run(args: Line) -> anyhow::Result<ExitCode> {
    let seed = args.seed.unwrap_or_else(drawn_seed);
    let settings = Settings { baud: args.baud, units: args.units };
    let Line { profile, speed, log, control, .. } = args;
    // Before the ends are said to be there: whoever waits for them may send a signal at once.
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    let config = RelayConfig { profile, seed, settings, speed, log, control: control.clone() };
    let mut relay = Relay::start(args.a, args.b, config).await.map_err(Usage)?;
    for (end, notes) in ["a", "b"].into_iter().zip(relay.described()) {
        notes.iter().for_each(|note| say!("{end}: {note}"));
    }
    say!("{}", in_force(&profile, &settings, speed, seed));
    if let Some(path) = control {
        say!("commands at {}", path.display());
    }
    say!("ready; Ctrl-C ends it");
    let mut notes = relay.notes();
    let told = async {
        while let Some(note) = async { notes.as_mut()?.recv().await }.await {
            eprintln!("{note}");
        }
        std::future::pending().await
    };
    let orders = relay.orders();
    let code = tokio::select! {
        () = relay.ended() => 0,
        _ = term.recv() => close(&orders, 0).await,
        _ = interrupt.recv() => {
            after_interrupt();
            close(&orders, INTERRUPTED).await
        }
        code = told => code,
    };
    relay.stop().await;
    Ok(ExitCode::from(code))
}

/// Tells what passed.
async fn close(orders: &Orders, code: u8) -> u8 {
    let status = orders.command("status").await;
    status.trim_start_matches("ok ").split("; ").for_each(|part| say!("{part}"));
    code
}

fn in_force(profile: &Profile, settings: &Settings, speed: Speed, seed: u64) -> String {
    let delay = if speed == Speed::Max { 0 } else { profile.delay.as_millis() };
    let pace = match speed {
        Speed::Max => "not paced".to_owned(),
        Speed::Times(_) => format!("{:.1} ms a code", speed.real(settings.code_time()).as_secs_f64() * 1e3),
    };
    format!(
        "circuit {}: {delay} ms each way; {} Bd, {} units, speed {speed}: {pace}; seed {seed}",
        profile.name, settings.baud, settings.units
    )
}

/// Any seed does; this one is short enough to be typed again.
fn drawn_seed() -> u64 {
    let mut bytes = [0; 4];
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    u64::from(u32::from_le_bytes(bytes))
}

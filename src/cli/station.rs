//! `molink station FILE.toml`: runs a station until SIGTERM or Ctrl-C.
//!
//! Standards: none. In: a station file. Out: a running station; its address on standard output.
//! Left out: more than one station a process (see `demo`). Shown by: `tests/it/processes.rs`.

use super::{INTERRUPTED, Usage, after_interrupt};
use crate::station::{Station as AnyStation, StationConfig};
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Run a station from its file.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  molink init teletype > washington.toml\n  molink station washington.toml\n\nStops in order on SIGTERM (exit 0) and Ctrl-C (exit 130): the character on the\nline is finished, the cut sequence sent, the journal closed.\nMOLINK_LOG=debug|info|warn|error sets the log on standard error."
)]
pub struct Station {
    /// The station file (TOML)
    file: PathBuf,
}

pub(super) async fn run(args: Station) -> anyhow::Result<ExitCode> {
    let config = StationConfig::read(&args.file).map_err(|e| Usage(e.0))?;
    let ports: Vec<&str> = config.ports.keys().map(String::as_str).collect();
    let ports = if ports.is_empty() { "no ports".to_owned() } else { format!("ports {}", ports.join(", ")) };
    let data = config.data.clone();
    // Before anything can be seen of the station: whoever reads that it is up may stop it at once.
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut running = AnyStation::builder().start(config).await.map_err(|e| Usage(e.0))?;
    let api = running.api.map_or("no API".to_owned(), |a| format!("http://{a}"));
    say!("{} is up: {api}, {ports}, data in {}", running.station, data.display());
    running.deaf.iter().for_each(|why| say!("{why}"));
    let code = tokio::select! {
        ended = running.ended() => return ended.map(|()| ExitCode::SUCCESS).map_err(|e| anyhow::anyhow!("{e}")),
        _ = term.recv() => ExitCode::SUCCESS,
        _ = int.recv() => {
            after_interrupt();
            ExitCode::from(INTERRUPTED)
        }
    };
    running.stop().await?;
    say!("stopped in order");
    Ok(code)
}

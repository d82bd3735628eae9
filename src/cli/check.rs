//! `molink check FILE`: tries a station file: its keys, data folder, listen address, devices and far ends.
//!
//! Standards: none. In: a station file. Out: one line a finding; exit 0 if a station could run with it, 2 if not.
//! Left out: sending a message. Shown by: `tests/it/check.rs`, `fixtures/answers/check.txt`.

use super::{USAGE, Usage};
use crate::router::Backend;
use crate::router::journal::sqlite::in_use;
use crate::router::route::no_desk;
use crate::station::{Station, StationConfig};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

/// Try a station file: its keys, devices and far end.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  molink check washington.toml\n\nSends at most a call-up over each line; no message.")]
pub struct Check {
    /// The station file (TOML)
    file: PathBuf,
}

pub(super) async fn run(args: Check) -> anyhow::Result<ExitCode> {
    let config = StationConfig::read(&args.file).map_err(|e| Usage(e.0))?;
    let backends = Station::builder().check(&config).map_err(|e| Usage(e.0))?;
    say!("ok    {}: station {}, desks {}", args.file.display(), config.station, list(config.desks.iter()));
    let mut bad = false;
    let mut say = |found: Result<String, String>| match found {
        Ok(what) => say!("ok    {what}"),
        Err(what) => {
            bad = true;
            say!("bad   {what}");
        }
    };
    say(data_folder(&config));
    if let Some(listen) = &config.listen {
        let tried = crate::console::listen(listen).await;
        say(tried.map(|_| format!("listen {listen} is free")));
    }
    for (port, backend) in &backends {
        match backend.check(&config.station, config.speed).await {
            Ok(notes) if notes.is_empty() => say(Ok(format!("port {port}"))),
            Ok(notes) => notes.into_iter().for_each(|n| say(Ok(format!("port {port}: {n}")))),
            Err(why) => say(Err(format!("port {port}: {why}"))),
        }
    }
    nobody(&config, &backends).into_iter().chain(nowhere(&config, &backends)).for_each(|why| say(Err(why)));
    if config.routes.is_empty() {
        say!("note  no [[route]]: messages reach only this station's own desks");
    }
    Ok(ExitCode::from(if bad { USAGE } else { 0 }))
}

type Backends = BTreeMap<String, Box<dyn Backend>>;

fn list<T: std::fmt::Display>(items: impl Iterator<Item = T>) -> String {
    items.map(|i| i.to_string()).collect::<Vec<_>>().join(", ")
}

/// Who is to write from a desk that does not exist.
fn nobody(config: &StationConfig, backends: &Backends) -> Vec<String> {
    let named = backends.iter().flat_map(|(port, backend)| backend.writers().into_iter().map(move |(who, desk)| (port, who, desk)));
    let nobody = named.filter(|(_, _, desk)| !config.desks.contains(desk));
    nobody
        .map(|(port, who, desk)| format!("port {port}: {who} is to write from a desk, and there is {}", no_desk(&desk, &config.desks)))
        .collect()
}

/// Routes to ports that nothing can leave by.
fn nowhere(config: &StationConfig, backends: &Backends) -> Vec<String> {
    let legs = config.routes.iter().flat_map(|route| route.ports.iter().map(move |port| (&route.to, port)));
    let dead = legs.filter_map(|(to, port)| Some((to, port, backends.get(port)?.sends().err()?)));
    dead.map(|(to, port, why)| format!("route to {to}: nothing leaves by port {port}: {why}, or take it out of the route")).collect()
}

fn data_folder(config: &StationConfig) -> Result<String, String> {
    let data = &config.data;
    let say = |e: std::io::Error| format!("data folder {}: {e}; set `data` to a folder you may write", data.display());
    if data.exists() && !data.is_dir() {
        return Err(format!("data folder {} is not a folder; set `data` to one", data.display()));
    }
    if let Some(why) = in_use(&data.join("journal.sqlite")) {
        return Err(format!("data folder {}: {why}", data.display()));
    }
    let existed = data.exists();
    std::fs::create_dir_all(data).map_err(say)?;
    let probe = data.join(".check");
    std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe)).map_err(say)?;
    if !existed {
        std::fs::remove_dir(data).map_err(say)?;
    }
    Ok(format!("data folder {} can be written", data.display()))
}

//! The station file: TOML in, a checked configuration out.
//!
//! Standards: TOML 1.0; the keys are listed in `docs/station-file.md`.
//! In: text. Out: [`StationConfig`], or one sentence with file, line and what was probably meant.
//! Left out: a backend's own keys (each backend reads its table). Shown by: `station::config::tests`, `fixtures/stations`.

use super::misprint::line_of;
pub use super::misprint::{Origin, toml_error};
use crate::message::address::nearest;
use crate::message::{Class, Name};
use crate::router::Place;
use crate::router::port::Reachable;
use crate::router::retry::RetryPolicy;
use crate::router::route::{Pattern, Route, reachable};
use crate::time::{Speed, Utc, parse_duration};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A station file that could not be taken.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// A station, as its file says.
#[derive(Clone, Debug)]
pub struct StationConfig {
    /// Its name.
    pub station: Name,
    /// Its number, 0–99 (fax calls carry it).
    pub number: Option<u8>,
    /// Where journal, papers and content lie.
    pub data: PathBuf,
    /// Where the API listens (`HOST:PORT`); `None` for no API.
    pub listen: Option<String>,
    /// The date the clock starts at; `None` for the system's.
    pub start: Option<Utc>,
    /// How fast the clock runs.
    pub speed: Speed,
    /// Which papers are made of a filed message.
    pub papers: BTreeSet<PaperKind>,
    /// The desks.
    pub desks: BTreeSet<Name>,
    /// Desks with a machine: the port it is on.
    pub machines: BTreeMap<Name, String>,
    /// Desks of which the file says whether and where they have a Maildir.
    pub maildirs: BTreeMap<Name, MaildirAt>,
    /// The ports, each with its backend's name and keys.
    pub ports: BTreeMap<String, PortConfig>,
    /// The routes, in order.
    pub routes: Vec<Route>,
    /// When to try again and when to give up.
    pub retry: RetryPolicy,
    /// `false` only to show that the durability check can fail: the journal is then not synced.
    pub synced: bool,
    /// Where it was read, for later sentences about it.
    pub origin: Origin,
}

/// A kind of paper.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum PaperKind {
    /// Text; always made.
    Txt,
    /// A picture of the roll.
    Png,
    /// A searchable document.
    Pdf,
}

impl PaperKind {
    /// As in the station file, and the ending of its files.
    pub fn word(self) -> &'static str {
        match self {
            PaperKind::Txt => "txt",
            PaperKind::Png => "png",
            PaperKind::Pdf => "pdf",
        }
    }
}

impl std::str::FromStr for PaperKind {
    type Err = String;
    fn from_str(word: &str) -> Result<PaperKind, String> {
        let known = [PaperKind::Txt, PaperKind::Png, PaperKind::Pdf].into_iter().find(|k| k.word() == word);
        known.ok_or_else(|| format!("`{word}` is no kind of paper; give some of \"txt\", \"png\", \"pdf\""))
    }
}

/// Where a desk's Maildir is.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged, expecting = "true, false, or the path of a Maildir")]
pub enum MaildirAt {
    /// In the station's folder, or nowhere.
    Usual(bool),
    /// There.
    Folder(PathBuf),
}

/// One port of a station file.
#[derive(Clone, Debug)]
pub struct PortConfig {
    /// The backend's name.
    pub backend: String,
    /// The backend's own keys.
    pub keys: toml::Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    station: String,
    number: Option<u8>,
    data: Option<PathBuf>,
    listen: Option<String>,
    start: Option<String>,
    speed: Option<toml::Value>,
    papers: Option<Vec<String>>,
    #[serde(default)]
    desk: BTreeMap<String, Desk>,
    #[serde(default)]
    port: BTreeMap<String, toml::Table>,
    #[serde(default)]
    route: Vec<FileRoute>,
    retry: Option<Retry>,
    test_only_unsynced_journal: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Desk {
    port: Option<String>,
    maildir: Option<MaildirAt>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRoute {
    to: String,
    class: Option<String>,
    ports: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Retry {
    first: Option<String>,
    longest: Option<String>,
    expire: Option<String>,
}

impl StationConfig {
    /// Reads a station file. Relative paths in it are taken from the file's folder.
    pub fn read(path: &Path) -> Result<StationConfig, ConfigError> {
        let name = path.display().to_string();
        let say = |what: String| ConfigError(format!("{name}: {what}"));
        let size = std::fs::metadata(path).map_err(|e| say(format!("cannot be read: {e}; `molink init teletype` writes one")))?;
        if !size.is_file() || size.len() > 1 << 20 {
            return Err(say("is not a station file (a text file of at most 1 MB); `molink init teletype` writes one".into()));
        }
        let text = std::fs::read_to_string(path).map_err(|e| say(format!("cannot be read: {e}; a station file is UTF-8 text")))?;
        let mut config = StationConfig::parse(&name, &text)?;
        if config.data.is_relative() {
            config.data = path.parent().unwrap_or(Path::new(".")).join(&config.data);
        }
        let here = |there: &mut String| *there = path.parent().unwrap_or(Path::new(".")).join(&*there).display().to_string();
        for at in config.maildirs.values_mut() {
            if let MaildirAt::Folder(folder) = at {
                *folder = path.parent().unwrap_or(Path::new(".")).join(&folder);
            }
        }
        for port in config.ports.values_mut() {
            for key in ["keys", "users", "login"] {
                if let Some(toml::Value::String(named)) = port.keys.get_mut(key) {
                    here(named);
                }
            }
            for key in ["tls", "authority"] {
                if let Some(toml::Value::String(named)) = port.keys.get_mut("line").and_then(|line| line.get_mut(key)) {
                    here(named);
                }
            }
        }
        Ok(config)
    }

    /// Reads a station file's text; `name` is for sentences.
    pub fn parse(name: &str, text: &str) -> Result<StationConfig, ConfigError> {
        let file: File = toml::from_str(text).map_err(|e| match text.contains("station") {
            true => toml_error(name, text, &e),
            false => ConfigError(format!("{}; `molink init teletype` writes a station file to start from", toml_error(name, text, &e))),
        })?;
        StationConfig::take(name, text, file).map_err(|what| match line_of(text, &what) {
            Some(line) => ConfigError(format!("{name}:{line}: {what}")),
            None => ConfigError(format!("{name}: {what}")),
        })
    }

    fn take(name: &str, text: &str, file: File) -> Result<StationConfig, String> {
        let station: Name = file.station.parse()?;
        let speed = match file.speed {
            None => Speed::REAL,
            Some(toml::Value::String(s)) => s.parse()?,
            Some(other) => other.to_string().parse()?,
        };
        let mut retry = RetryPolicy::default();
        if let Some(r) = file.retry {
            let set = |to: &mut std::time::Duration, from: Option<String>| from.map_or(Ok(()), |s| parse_duration(&s).map(|d| *to = d));
            set(&mut retry.first, r.first)?;
            set(&mut retry.longest, r.longest)?;
            set(&mut retry.expire, r.expire)?;
        }
        let mut config = StationConfig {
            data: file.data.unwrap_or_else(|| PathBuf::from(format!("{station}-data"))),
            number: file.number.filter(|n| *n <= 99),
            listen: file.listen.map_or(Some("127.0.0.1:1963".to_owned()), |l| (l != "off").then_some(l)),
            start: file.start.map(|s| s.parse()).transpose()?,
            speed,
            papers: file.papers.unwrap_or_default().iter().map(|kind| kind.parse()).collect::<Result<_, _>>()?,
            desks: file.desk.keys().map(|d| d.parse()).collect::<Result<_, _>>()?,
            machines: BTreeMap::new(),
            maildirs: BTreeMap::new(),
            ports: BTreeMap::new(),
            routes: vec![],
            retry,
            synced: !file.test_only_unsynced_journal.unwrap_or(false),
            origin: Origin::new(name, text),
            station,
        };
        for (port, table) in file.port {
            config.add_port(port, table)?;
        }
        for (desk, Desk { port, maildir }) in file.desk {
            if let Some(at) = maildir {
                config.add_maildir(&desk, at)?;
            }
            if let Some(port) = port {
                config.must_have_port(&port, &format!("[desk.{desk}]"))?;
                config.machines.insert(desk.parse()?, port);
            }
        }
        for route in file.route {
            config.add_route(route)?;
        }
        if config.desks.is_empty() {
            config.desks.insert("operator".parse()?);
        }
        Ok(config)
    }

    fn add_port(&mut self, port: String, mut keys: toml::Table) -> Result<(), String> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if port.is_empty() || port.len() > 32 || !port.bytes().all(legal) {
            return Err(format!("`{port}` is not a port's name; use letters, digits, hyphens, 32 at most"));
        }
        let Some(toml::Value::String(backend)) = keys.remove("backend") else {
            return Err(format!("[port.{port}] names no backend; add a line such as backend = \"teletype\""));
        };
        self.ports.insert(port, PortConfig { backend, keys });
        Ok(())
    }

    fn add_maildir(&mut self, desk: &str, at: MaildirAt) -> Result<(), String> {
        if let MaildirAt::Folder(folder) = &at
            && folder.file_name().is_none()
        {
            return Err(format!("`maildir` of [desk.{desk}] names no folder; write maildir = \"FOLDER/Maildir\", or false for none"));
        }
        self.maildirs.insert(desk.parse()?, at);
        Ok(())
    }

    fn must_have_port(&self, port: &str, who: &str) -> Result<(), String> {
        if self.ports.contains_key(port) {
            return Ok(());
        }
        let hint = match nearest(port, self.ports.keys().map(String::as_str)) {
            Some(known) => format!("did you mean `{known}`"),
            None => format!("add a table [port.{port}]"),
        };
        Err(format!("there is no port `{port}`, which {who} names; {hint}"))
    }

    /// What that port has to know of this station. On a machine `operator` types, if that desk prints there, else the first by name.
    pub fn place(&self, port: &str) -> Place {
        let mut desks: Vec<Name> = self.machines.iter().filter(|(_, p)| *p == port).map(|(desk, _)| desk.clone()).collect();
        desks.sort_by_key(|desk| desk.as_str() != "operator");
        let known = self.routes.iter().filter_map(|r| r.to.station().cloned()).chain([self.station.clone()]).collect();
        let (own, all, routes) = (self.station.clone(), self.desks.clone(), self.routes.clone());
        let reachable: Reachable = Arc::new(move |to, class| reachable(to, class, &own, &all, &routes));
        let all_desks = self.desks.iter().cloned().collect::<Vec<Name>>();
        Place {
            desks,
            known,
            reachable,
            data: self.data.clone(),
            number: self.number,
            all_desks,
            expire: self.retry.expire,
            ..Place::default()
        }
    }

    fn add_route(&mut self, FileRoute { to, class, ports }: FileRoute) -> Result<(), String> {
        let to: Pattern = to.parse()?;
        let class: Option<Class> = class.map(|c| c.parse()).transpose()?;
        for port in &ports {
            self.must_have_port(port, &format!("the route to `{to}`"))?;
        }
        if ports.is_empty() {
            return Err(format!("route to `{to}` has no ports; name at least one, e.g. ports = [\"cable\"]"));
        }
        self.routes.push(Route { to, class, ports });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
station = "washington"
data = "w"
speed = 20
start = "1963-08-30T16:00:00Z"
[desk.operator]
[port.cable]
backend = "teletype"
line = { pty = "/tmp/w" }
baud = 50
[[route]]
to = "*@moscow"
ports = ["cable"]
"#;

    fn refused(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from));
        StationConfig::parse("w.toml", &GOOD.replacen(from, to, 1)).unwrap_err().to_string()
    }

    #[test]
    fn a_good_file_is_taken() {
        let c = StationConfig::parse("w.toml", GOOD).unwrap();
        assert_eq!((c.station.as_str(), c.speed, c.listen.as_deref()), ("washington", Speed::Times(20.0), Some("127.0.0.1:1963")));
        assert!(c.papers.is_empty(), "text is made without being asked for");
        assert_eq!(c.ports["cable"].keys.keys().collect::<Vec<_>>(), ["baud", "line"]);
    }

    #[test]
    fn every_refusal_names_the_line_and_what_was_meant() {
        assert_eq!(refused("speed", "spede"), "w.toml:4: unknown key `spede`; did you mean `speed`");
        assert_eq!(
            refused("[\"cable\"]", "[\"cabel\"]"),
            "w.toml:13: there is no port `cabel`, which the route to `*@moscow` names; did you mean `cable`"
        );
        assert!(refused("\"washington\"", "\"москва\"").starts_with("w.toml:2: `"));
        assert!(refused("speed = 20", "speed = 0").starts_with("w.toml:4: `0` is not a speed"));
        assert!(refused("backend = \"teletype\"", "").contains("[port.cable] names no backend"));
        assert!(refused("[desk.operator]", "[desk.operator").starts_with("w.toml:6:"));
        assert_eq!(refused("[\"cable\"]", "\"cable\""), "w.toml:13: string \"cable\" stands where a list, such as [\"cable\"] should");
        assert!(refused("[[route]]", "[route]").contains("write [[route]] for each"));
        assert!(refused("speed = 20", "papers = [\"txt\", \"gif\"]").starts_with("w.toml:4: `gif` is no kind of paper; give some of"));
        assert!(refused("station = \"washington\"", "").contains("the key `station` is missing"));
    }

    #[test]
    fn a_route_may_be_for_one_class() {
        assert_eq!(StationConfig::parse("w.toml", GOOD).unwrap().routes[0].class, None);
        let service = GOOD.replace("to = \"*@moscow\"", "to = \"*@moscow\"\nclass = \"service\"");
        assert_eq!(StationConfig::parse("w.toml", &service).unwrap().routes[0].class, Some(Class::Service));
        let why = StationConfig::parse("w.toml", &service.replace("\"service\"", "\"servise\"")).unwrap_err().to_string();
        assert_eq!(why, "w.toml:13: `servise` is not a class; it is one of message, service");
    }

    #[test]
    fn a_desk_may_have_its_mail_elsewhere_or_nowhere() {
        let with =
            |value: &str| StationConfig::parse("w.toml", &GOOD.replace("[desk.operator]", &format!("[desk.operator]\nmaildir = {value}")));
        let desk: Name = "operator".parse().unwrap();
        assert_eq!(with("false").unwrap().maildirs[&desk], MaildirAt::Usual(false));
        assert_eq!(with("\"/var/mail/op\"").unwrap().maildirs[&desk], MaildirAt::Folder("/var/mail/op".into()));
        assert!(StationConfig::parse("w.toml", GOOD).unwrap().maildirs.is_empty());
        assert!(with("\"..\"").unwrap_err().to_string().starts_with("w.toml:7: `maildir` of [desk.operator] names no folder"));
        assert_eq!(with("7").unwrap_err().to_string(), "w.toml:7: true, false, or the path of a Maildir");
    }
}

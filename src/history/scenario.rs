//! The scenario file: stations, circuits, and the timeline between them.
//!
//! Standards: TOML 1.0; the form is decision 13 of the project (`docs/scenarios.md`).
//! In: text. Out: a [`Scenario`], or one sentence with file and line.
//! Left out: running it (see `world` under the driver, `station::live` for real). Shown by: `fixtures/scenarios`.

use super::exhibit::{Beside, nothing_beside};
use super::timeline::FileEntry;
pub use super::timeline::{Act, Entry, When, state_of};
use crate::line::Profile;
use crate::message::Name;
use crate::time::{Speed, Utc};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The slowest mail circuit, in bits a second: slower ones would keep a greeting for minutes.
const SLOWEST: u32 = 1_200;

/// A scenario, read and checked.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// One line for people.
    pub title: String,
    /// What is documented, what is disputed and what we chose, for people.
    pub sources: String,
    /// UTC at its beginning.
    pub start: Utc,
    /// The seed of its noise.
    pub seed: u64,
    /// The speed it is told at by default.
    pub speed: Speed,
    /// What the audience is told of each station, place and machine: whoever sends first comes first.
    pub cast: Vec<(Name, String)>,
    /// Its stations: station-file keys.
    pub stations: BTreeMap<Name, toml::Table>,
    /// Its circuits.
    pub circuits: BTreeMap<String, CircuitPlan>,
    /// What happens, in the order of the file.
    pub timeline: Vec<Entry>,
}

/// A circuit between two ports.
#[derive(Clone, Debug)]
pub struct CircuitPlan {
    /// (station, port) of both ends.
    pub ends: [(Name, String); 2],
    /// How it behaves.
    pub profile: Profile,
    /// What it carries.
    pub medium: Medium,
    /// Bits a second, of a mail circuit that has a limit.
    pub rate: Option<u32>,
}

/// What a circuit carries: what its ports speak.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Medium {
    /// Five-bit codes, between teletypes.
    Codes,
    /// Voice, and so fax.
    Voice,
    /// Connections, and so mail.
    Mail,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    #[serde(default)]
    sources: String,
    start: String,
    #[serde(default)]
    seed: u64,
    speed: Option<toml::Value>,
    #[serde(default)]
    cast: BTreeMap<String, String>,
    station: BTreeMap<String, toml::Table>,
    #[serde(default)]
    circuit: BTreeMap<String, FileCircuit>,
    #[serde(default)]
    timeline: Vec<FileEntry>,
    /// Reserved for what must hold.
    #[serde(default)]
    expect: Vec<toml::Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileCircuit {
    ends: [String; 2],
    profile: Option<String>,
    via: Option<String>,
    rate: Option<u32>,
}

impl Scenario {
    /// Reads the text of a scenario that nothing lies beside; `name` is for sentences.
    pub fn parse(name: &str, text: &str) -> Result<Scenario, String> {
        Scenario::parse_beside(name, text, &nothing_beside)
    }
    /// Reads a scenario's text; files that its timeline sends are asked of `beside`.
    pub fn parse_beside(name: &str, text: &str, beside: Beside<'_>) -> Result<Scenario, String> {
        let file: File = toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(1, |s| text[..s.start.min(text.len())].matches('\n').count() + 1);
            format!("{name}:{line}: {}", e.message().replace('\n', " "))
        })?;
        Scenario::take(file, beside).map_err(|what| format!("{name}: {what}"))
    }

    fn take(file: File, beside: Beside<'_>) -> Result<Scenario, String> {
        let mut stations = BTreeMap::new();
        for (station, keys) in file.station {
            stations.insert(station.parse::<Name>()?, keys);
        }
        let mut cast =
            file.cast.into_iter().map(|(name, line)| Ok((name.parse()?, line))).collect::<Result<Vec<(Name, String)>, String>>()?;
        let mut circuits = BTreeMap::new();
        for (name, circuit) in file.circuit {
            circuits.insert(name.clone(), circuit.take(&name, &stations)?);
        }
        if !file.expect.is_empty() {
            return Err("[[expect]] is reserved and not yet carried out; take it out".into());
        }
        let number = |i: usize| format!("timeline entry {}", i + 1);
        let timeline = file.timeline.into_iter().enumerate().map(|(i, e)| e.take(beside).map_err(|why| format!("{}: {why}", number(i))));
        let speed = match file.speed {
            None => Speed::REAL,
            Some(toml::Value::String(s)) => s.parse()?,
            Some(other) => other.to_string().parse()?,
        };
        let timeline: Vec<Entry> = timeline.collect::<Result<_, String>>()?;
        let sends = timeline.iter().filter(|e| matches!(e.act, Act::Send { .. })).count();
        for (i, entry) in timeline.iter().enumerate() {
            entry.check(&stations, &circuits, sends).map_err(|why| format!("{}: {why}", number(i)))?;
        }
        let speaks = |act: &Act, name: &Name| match act {
            Act::Send { from, .. } => from.station == *name,
            Act::Hourly(hourly) => hourly.even.station == *name,
            _ => false, // nobody's word
        };
        let first_word = |name: &Name| timeline.iter().position(|e| speaks(&e.act, name));
        cast.sort_by_key(|(name, _)| first_word(name).unwrap_or(usize::MAX));
        Ok(Scenario {
            title: file.title,
            sources: file.sources,
            start: file.start.parse()?,
            seed: file.seed,
            speed,
            cast,
            stations,
            circuits,
            timeline,
        })
    }
}

impl FileCircuit {
    fn take(self, name: &str, stations: &BTreeMap<Name, toml::Table>) -> Result<CircuitPlan, String> {
        if let Some(via) = self.via.as_deref().filter(|v| !matches!(*v, "pty" | "memory")) {
            return Err(format!("circuit `{name}`: `{via}` is not a way to carry it; use `pty` or `memory`"));
        }
        let end = |e: &str| -> Result<(Name, String), String> {
            let bad = || format!("circuit `{name}`: `{e}` is not an end; write it as station:port");
            let (station, port) = e.split_once(':').ok_or_else(bad)?;
            let station: Name = station.parse()?;
            let ports = stations.get(&station).and_then(|s| s.get("port")).and_then(|p| p.as_table());
            match ports.is_some_and(|p| p.contains_key(port)) {
                true => Ok((station, port.to_owned())),
                false => Err(format!("circuit `{name}`: there is no [station.{station}.port.{port}]")),
            }
        };
        let profile = Profile::named(self.profile.as_deref().unwrap_or("clean"))?;
        let ends = [end(&self.ends[0])?, end(&self.ends[1])?];
        let backend = |(station, port): &(Name, String)| {
            let port = stations.get(station).and_then(|s| s.get("port")?.get(port));
            port.and_then(|p| p.get("backend")?.as_str().map(str::to_owned)).unwrap_or_default()
        };
        let [one, other] = ends.each_ref().map(backend);
        if one != other {
            return Err(format!("circuit `{name}`: it joins `{one}` with `{other}`; both ends need the same backend"));
        }
        let medium = match one.as_str() {
            "fax" => Medium::Voice,
            "email" => Medium::Mail,
            _ => Medium::Codes, // a teletype, or what a test plugs in
        };
        match self.rate {
            Some(_) if medium != Medium::Mail => Err(format!("circuit `{name}`: `rate` is for mail; a {one}'s rate is its port's")),
            Some(rate) if rate < SLOWEST => Err(format!("circuit `{name}`: `rate` is {rate} bits a second; {SLOWEST} at the least")),
            rate => Ok(CircuitPlan { ends, profile, medium, rate }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = include_str!("../../fixtures/scenarios/1963.toml");

    #[test]
    fn what_a_timeline_names_must_exist() {
        let good = Scenario::parse("1963.toml", GOOD).unwrap();
        let start = format!("1963.toml: timeline entry {}: ", good.timeline.len() + 1);
        for (entry, word) in [
            ("at = \"0s\"\ndo = \"cut\"\ncircuit = \"telex\"", "no [circuit.telex]"),
            ("at = \"0s\"\ndo = \"reroute\"\ncircuit = \"telex\"\nprofile = \"hf\"", "no [circuit.telex]"),
            ("at = \"0s\"\ndo = \"reroute\"\ncircuit = \"radio\"\nprofile = \"rome\"", "no profile `rome`"),
            ("at = \"0s\"\ndo = \"reroute\"\ncircuit = \"radio\"", "needs `profile`"),
            (
                "at = \"0s\"\ndo = \"send\"\nclass = \"servise\"\nfrom = \"a@moscow\"\nto = \"a@washington\"\ntext = \"X\"",
                "`servise` is not a class",
            ),
            ("at = \"0s\"\ndo = \"noise\"\ncircuit = \"cable\"\nlevel = \"loud\"", "`loud`"),
            ("at = \"0s\"\ndo = \"kill\"\nstation = \"paris\"", "no [station.paris]"),
            ("after = \"filed 4\"\ndo = \"say\"\ntext = \"x\"", "no message 4"),
            ("after = \"filed\"\ndo = \"say\"\ntext = \"x\"", "`filed` is not an event"),
            ("at = \"0s\"\ndo = \"dance\"", "`dance`"),
            ("at = \"0s\"\nafter = \"filed 1\"\ndo = \"say\"\ntext = \"x\"", "either `at` or `after`"),
            ("at = \"soon\"\ndo = \"say\"\ntext = \"x\"", "`soon`"),
            ("at = \"0s\"\ndo = \"say\"", "needs `text`"),
            ("at = \"0s\"\ndo = \"say\"\ntext = \"x\"\nfiles = [\"map\"]", "only `send` has"),
            ("at = \"0s\"\ndo = \"send\"\nfrom = \"a@moscow\"\nto = \"a@washington\"", "needs `text`, `files`"),
            ("at = \"0s\"\ndo = \"cut\"\ncircuit = \"cable\"\noctets = 100", "`octets` is for a mail circuit"),
            ("at = \"0s\"\ndo = \"say\"\ntext = \"x\"\ndocuments = []", "`say` has no `documents`"),
            ("at = \"0s\"\ndo = \"send\"\nfrom = \"a@moscow\"\nto = \"a@washington\"\nfiles = [\"mpa\"]", "no page `mpa`"),
            ("at = \"0s\"\ndo = \"send\"\nfrom = \"a@moscow\"\nto = \"a@washington\"\nfiles = [\"x.png\"]", "no files lie beside"),
        ] {
            let why = Scenario::parse("1963.toml", &format!("{GOOD}\n[[timeline]]\n{entry}\n")).unwrap_err();
            assert!(why.starts_with(&start) && why.contains(word), "{why}");
        }
        let hourly = "at = \"0s\"\ndo = \"hourly\"\neven = \"operator@washington\"\nodd = \"operator@moscow\"\nhours = 2\neven_text = [\"A\"]\nodd_text = [\"B\"]";
        let read = |entry: &str| Scenario::parse("1963.toml", &format!("{GOOD}\n[[timeline]]\n{entry}\n"));
        let Act::Hourly(usual) = read(hourly).unwrap().timeline.pop().unwrap().act else { panic!("not hourly") };
        assert_eq!((usual.basis, usual.lead), ("washington".parse().unwrap(), std::time::Duration::from_secs(180)));
        for (from, to, word) in [
            ("hours = 2", "hours = 2\nbasis = \"greenwich\"", "`greenwich` is not a basis"),
            ("hours = 2", "hours = 2\nlead = \"60m\"", "less than an hour"),
            ("hours = 2", "hours = 0", "expected 1 to 1000"),
            ("hours = 2", "", "needs `hours`"),
            ("operator@washington", "operator@paris", "no [station.paris]"),
            ("operator@washington", "operator@moscow", "name the two ends"),
            ("[\"B\"]", "[]", "`odd_text` need a text"),
        ] {
            let why = read(&hourly.replacen(from, to, 1)).unwrap_err();
            assert!(why.starts_with(&start) && why.contains(word), "{why}");
        }
        let rate = GOOD.replace("profile = \"hf\"", "profile = \"hf\"\nrate = 9600");
        assert!(Scenario::parse("1963.toml", &rate).unwrap_err().contains("`rate` is for mail"));
        let why = Scenario::parse("1963.toml", &GOOD.replace("seed = 1963", "sede = 1963")).unwrap_err();
        assert!(why.starts_with("1963.toml:") && why.contains("`sede`"), "{why}");
    }

    const MAIL: &str = include_str!("../../fixtures/scenarios/2008.toml");

    #[test]
    fn a_circuit_is_what_its_ports_speak_and_a_mail_circuit_has_a_rate_and_no_noise() {
        let good = Scenario::parse("2008.toml", MAIL).unwrap();
        let plan = |name: &str| good.circuits.get(name).map(|plan| (plan.medium, plan.rate)).unwrap();
        assert_eq!((plan("sat-1"), plan("fibre")), ((Medium::Mail, Some(32_000)), (Medium::Mail, None)));
        let typed = good.timeline.iter().find_map(|e| match &e.act {
            Act::Send { files, .. } => files.first(),
            _ => None,
        });
        let (name, kind, bytes) = typed.unwrap().content().unwrap();
        assert_eq!((name.as_str(), kind, &bytes[..5]), ("machines-of-45-years.pdf", "application/pdf", &b"%PDF-"[..]));
        let with = |entry: &str| Scenario::parse("2008.toml", &format!("{MAIL}\n[[timeline]]\nat = \"0s\"\n{entry}\n")).unwrap_err();
        let send = "do = \"send\"\nfrom = \"a@moscow\"\nto = \"a@washington\"\ndocuments = [{ name = \"NAME\", text = \"x\" }]";
        for (entry, word) in [
            ("do = \"noise\"\ncircuit = \"fibre\"\nlevel = \"heavy\"".to_owned(), "cut it instead"),
            (send.replace("NAME", "a.exe"), "`a.exe` is none that can be typed"),
            (send.replace("NAME", "../a.txt"), "it has no folders"),
        ] {
            assert!(with(&entry).contains(word), "{}", with(&entry));
        }
        let slow = MAIL.replacen("rate = 32000", "rate = 50", 1);
        assert!(Scenario::parse("2008.toml", &slow).unwrap_err().contains("1200 at the least"));
        let why = crate::history::World::from_scenario(&good, None).map(drop).unwrap_err();
        assert!(why.contains("live run"), "{why}");
    }
}

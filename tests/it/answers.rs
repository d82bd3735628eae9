//! What every command answers to a new user, right input or wrong: `fixtures/answers/COMMAND.txt`, played again line by line.
//!
//! Standards: none. In: shell lines (`$ …`), `: station NAME` to have one running, remarks (`#`). Out: below each line what it
//! answered: standard output, standard error with `! ` before it, the exit code after `-> `. `MOLINK_RENEW=1` writes them anew.
//! What differs from run to run is put in by name ([`FORMS`], [`Stage::named`]); so are folders and ports in the lines themselves.
//! Left out: terminals (`tests/it/tty.rs`), what the papers look like (`tests/it/paper.rs`). Shown by: `fixtures/answers/init.txt`.

use crate::support::{House, Process, SOON, Station, text};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

const ENGLISH: &str = "THE QUICK BROWN FOX JUMPED OVER THE LAZY DOG'S BACK 1234567890\n";
/// What a form stands for: `9` a figure, `F` one of sixteen, `#` figures, all else itself.
const FORMS: [(&str, &str, &str); 17] = [
    ("", "{print}", "FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF"),
    ("", "{moment}", "9999-99-99T99:99:99.#Z"),
    ("", "{moment}", "9999-99-99T99:99:99Z"),
    ("", "{day}", "9999-99-99"),
    ("", "{time}", "99:99:99"),
    ("tape ", "{serial}", "999999"),
    ("key diskette ", "{serial}", "999999"),
    ("\"serial\": ", "{serial}", "999999"),
    ("one  ", "{serial}", "999999"), // the row of a table
    ("two  ", "{serial}", "999999"),
    ("one      ", "{serial}", "999999"),
    ("seed ", "{seed}", "#"),
    ("process ", "{process}", "#"),
    ("/dev/pts/", "{pts}", "#"),
    ("http://127.0.0.1:", "{port}", "#"),
    // A station of ours is begun at 1600Z; what is filed there on a slow machine may be of a minute later.
    ("-19630830T16", "00Z", "99Z"),
    ("3016", "00Z AUG 63", "99Z AUG 63"),
];

/// The one example that works at a terminal only: it asks.
const ASKS: &str = "molink keys destroy keys/washington/one.key";

/// Files for commands to read; the remarks of an answers file say which of them it uses.
pub fn furnish(house: &House) {
    house.file("note.txt", "Hello \u{2014} é\nчеловек\n");
    house.file("plain.txt", ENGLISH);
    house.file("greek.txt", "αβγ\n");
    house.file("latin1.txt", b"caf\xe9\n");
    house.file("empty.txt", "");
    house.file("empty.codes", "");
    house.file("map.png", "\u{89}PNG");
    // A B CR X: struck over; figures J rings, figures D asks.
    house.file("over.codes", [0x1f, 0x03, 0x19, 0x08, 0x1d, 0x1b, 0x0b, 0x09, 0x08, 0x02]);
}

/// Where one file is played: a folder of its own, ports that are somebody's, and perhaps a station.
struct Stage {
    house: House,
    /// Nobody listens there, and nobody can begin to.
    closed: socket2::Socket,
    /// Somebody listens there who is not molink.
    stranger: u16,
    station: Option<Station>,
}

impl Stage {
    fn new() -> Stage {
        let house = House::new();
        furnish(&house);
        let closed = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        closed.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let listens = TcpListener::bind("127.0.0.1:0").unwrap();
        let stranger = listens.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for mut caller in listens.incoming().flatten() {
                let _ = caller.write_all(b"220 mail is taken here\r\n");
            }
        });
        Stage { house, closed, stranger, station: None }
    }

    /// Starts a station with two desks, at the moment the line was opened; commands then mean it.
    fn start(&mut self, name: &str) {
        let far = if name == "moscow" { "washington" } else { "moscow" };
        let file = format!(
            "station = \"{name}\"\ndata = \"data\"\nlisten = \"127.0.0.1:0\"\nstart = \"1963-08-30T16:00:00Z\"\nspeed = \"max\"\n[desk.operator]\n[desk.chairman]\n\
             [port.cable]\nbackend = \"teletype\"\nline = {{ pty = \"not-there\" }}\n[[route]]\nto = \"*@{far}\"\nports = [\"cable\"]\n"
        );
        self.house.file(&format!("{name}.toml"), file);
        self.station = Some(self.house.start(name, &[]).unwrap_or_else(|s| panic!("{name} ended: {s}")));
    }

    /// What this run has in place of a name.
    fn named(&self) -> Vec<(&'static str, String)> {
        let closed = self.closed.local_addr().unwrap().as_socket().unwrap().port();
        let mut names = vec![("{dir}", self.house.dir.path().display().to_string())];
        names.extend([("{closed}", closed.to_string()), ("{stranger}", self.stranger.to_string())]);
        names.extend(self.station.as_ref().map(|s| ("{port}", s.api.rsplit(':').next().unwrap().to_owned())));
        names
    }

    fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        let programs = self.house.program().parent().unwrap().to_owned();
        let others = std::env::var_os("PATH").unwrap_or_default();
        let all = std::env::join_paths(std::iter::once(programs).chain(std::env::split_paths(&others))).unwrap();
        self.house.clean(&mut command).env("PATH", all).args(["-c", line]);
        if let Some(station) = &self.station {
            command.env("MOLINK_STATION", &station.api);
        }
        command
    }

    /// Runs a line and tells what it answered. `# INT at: WORDS` at its end stops it once it has said that; `# INT, then its end at: WORDS`
    /// as well, and only the last line stands for what it said.
    fn answer(&self, line: &str) -> String {
        let names = self.named();
        let real = names.iter().fold(line.to_owned(), |line, (name, value)| line.replace(name, value));
        let (out, err, code) = match real.split_once("  # INT") {
            Some((line, how)) => {
                let (how, words) = how.split_once(" at: ").unwrap();
                let (out, err, code) = self.interrupted(line, words);
                let end = out.lines().rfind(|l| !l.is_empty()).unwrap_or_default().to_owned();
                (if how.is_empty() { out } else { end }, err, code)
            }
            None => {
                let done = self.house.end(self.shell(&real), &real, SOON * 3);
                (text(&done.stdout), text(&done.stderr), done.status.code())
            }
        };
        let mut said = out;
        for line in err.lines() {
            said += &format!("! {line}\n");
        }
        if !said.is_empty() && !said.ends_with('\n') {
            said.push('\n');
        }
        for (name, value) in &names {
            match *name {
                "{dir}" => said = said.replace(value, name),
                _ => said = said.replace(&format!(":{value}"), &format!(":{name}")).replace(&format!("_{value}"), &format!("_{name}")),
            }
        }
        let version = concat!("molink ", env!("CARGO_PKG_VERSION"));
        said = FORMS.iter().fold(devices(&said.replace(version, "molink {version}")), |said, form| masked(&said, form));
        format!("{said}-> {}\n", code.map_or("ended by a signal".into(), |c| c.to_string()))
    }

    /// Ctrl-C as soon as `words` are said: what was said on both pipes, and the exit code.
    fn interrupted(&self, line: &str, words: &str) -> (String, String, Option<i32>) {
        static RUN: AtomicUsize = AtomicUsize::new(0);
        let log = self.house.path(&format!("log-{}", RUN.fetch_add(1, Ordering::Relaxed)));
        let mut process = Process::start(self.shell(&format!("exec {line}")), &self.house.board, &log);
        assert!(process.line(words, SOON).is_some(), "`{line}` does not say `{words}`\n{}", process.errors());
        process.signal(Signal::INT);
        let code = process.exit(SOON).and_then(|s| s.code());
        (process.said(), process.errors(), code)
    }
}

/// Serial devices are this machine's own: whatever is told of them, or that there is none, stands as one line.
fn devices(said: &str) -> String {
    let mut within = false;
    let mut kept: Vec<&str> = vec![];
    for line in said.lines() {
        let begins = line.starts_with("/dev/tty") || line == "no serial device found";
        within = begins || (within && line.starts_with("    "));
        match within {
            true if kept.last() != Some(&"{devices}") => kept.push("{devices}"),
            true => {}
            false => kept.push(line),
        }
    }
    kept.iter().map(|l| format!("{l}\n")).collect()
}

/// Puts the name in the place of whatever has the form and follows `before`.
fn masked(said: &str, (before, name, form): &(&str, &str, &str)) -> String {
    let (mut out, mut rest) = (String::new(), said);
    while let Some(c) = rest.chars().next() {
        match out.ends_with(before).then(|| fitting(rest, form)).flatten() {
            Some(length) if !(before.is_empty() && out.ends_with(|c: char| c.is_ascii_digit())) => {
                out += name;
                rest = &rest[length..];
            }
            _ => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out
}

/// How many bytes at the start have the form.
fn fitting(text: &str, form: &str) -> Option<usize> {
    let mut at = 0;
    for c in form.chars() {
        let next = text[at..].chars().next()?;
        at += match c {
            '9' if next.is_ascii_digit() => 1,
            'F' if next.is_ascii_digit() || ('A'..='F').contains(&next) => 1,
            '#' if next.is_ascii_digit() => text[at..].chars().take_while(char::is_ascii_digit).count(),
            '9' | 'F' | '#' => return None,
            c if c == next => c.len_utf8(),
            _ => return None,
        };
    }
    Some(at)
}

/// The table of lines and answers: each line is run, and its answer set in place of what stands there.
fn answered(table: &str) -> String {
    let mut stage = Stage::new();
    let (mut said, mut within) = (String::new(), false);
    for line in table.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => {
                said += &format!("{line}\n{}", stage.answer(command));
                within = true;
            }
            None if within => within = !line.starts_with("-> "),
            None => {
                if let Some(name) = line.strip_prefix(": station ") {
                    stage.start(name);
                }
                said += &format!("{line}\n");
            }
        }
    }
    said
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/answers")
}

/// The kept answers by command: `keys make` in `keys-make.txt`.
fn kept() -> BTreeMap<String, String> {
    let files = std::fs::read_dir(folder()).unwrap().map(|f| f.unwrap().path());
    let of = |file: &PathBuf| file.file_stem().unwrap().to_str().unwrap().to_owned();
    files.map(|f| (of(&f), std::fs::read_to_string(&f).unwrap())).collect()
}

/// Each line of a table with its exit code.
fn lines(table: &str) -> Vec<(&str, &str)> {
    let mut found = vec![];
    for line in table.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            found.push((command, ""));
        } else if let (Some(code), Some(last)) = (line.strip_prefix("-> "), found.last_mut()) {
            last.1 = code;
        }
    }
    found
}

#[test]
fn every_command_answers_as_is_kept() {
    let tables = kept();
    let runs: Vec<_> = tables.into_iter().map(|(name, table)| std::thread::spawn(move || (name, answered(&table), table))).collect();
    let mut otherwise = vec![];
    for run in runs {
        let (name, said, kept) = run.join().unwrap();
        if std::env::var_os("MOLINK_RENEW").is_some() {
            std::fs::write(folder().join(format!("{name}.txt")), &said).unwrap();
        } else if said != kept {
            let differ = said.lines().zip(kept.lines()).find(|(now, then)| now != then).unwrap_or(("(its end)", "(its end)"));
            otherwise.push(format!("{name}.txt: has\n    {}\nand molink says\n    {}", differ.1, differ.0));
        }
    }
    assert!(otherwise.is_empty(), "look, then renew fixtures/answers with MOLINK_RENEW=1\n{}", otherwise.join("\n"));
}

/// The help of a command and, below it, of those that it lists.
fn helps(house: &House, path: &[&str], all: &mut BTreeMap<String, String>) {
    let help = text(&house.run(&[path, &["--help"]].concat(), SOON).stdout);
    let listed = help.lines().skip_while(|l| *l != "Commands:").skip(1).take_while(|l| !l.is_empty());
    let names: Vec<String> = listed.filter(|l| l.starts_with("  ") && !l.starts_with("   ")).map(|l| l.trim().to_owned()).collect();
    for name in names.iter().filter_map(|l| l.split(' ').next()).filter(|n| *n != "help") {
        helps(house, &[path, &[name]].concat(), all);
    }
    all.insert(if path.is_empty() { "molink".into() } else { path.join("-") }, help);
}

#[test]
fn every_command_that_help_lists_has_its_right_and_three_wrong_answers() {
    let (house, tables, mut all) = (House::new(), kept(), BTreeMap::new());
    helps(&house, &[], &mut all);
    assert!(all.len() > 15, "the help is not understood: {:?}", all.keys());
    for (command, help) in &all {
        let name = if command == "molink" { "molink".into() } else { format!("molink {}", command.replace('-', " ")) };
        let table = tables.get(command).unwrap_or_else(|| panic!("{command} has no fixtures/answers/{command}.txt"));
        let (right, wrong): (Vec<_>, Vec<_>) =
            lines(table).into_iter().filter(|(l, _)| l.contains(&name)).partition(|(_, code)| *code == "0" || *code == "130");
        assert!(!right.is_empty(), "{command}: a right run");
        assert!(wrong.len() >= 3 && wrong.iter().all(|(_, code)| ["1", "2"].contains(code)), "{command}: three wrong inputs: {wrong:?}");
        assert!(!table.contains("panicked"), "{command} panics");
        let wide = help.lines().find(|l| l.chars().count() > 80);
        assert_eq!(wide, None, "{command} --help is for 80 columns");
    }
    for command in tables.keys() {
        assert!(all.contains_key(command), "fixtures/answers/{command}.txt is of no command that help lists");
    }
}

#[test]
fn every_example_of_a_help_stands_among_the_answers_and_works() {
    let (house, tables, mut all) = (House::new(), kept(), BTreeMap::new());
    helps(&house, &[], &mut all);
    let mut missing = vec![];
    for (command, help) in &all {
        let examples = help.lines().skip_while(|l| !l.starts_with("Example")).skip(1).take_while(|l| l.starts_with("  "));
        let examples: Vec<&str> = examples.map(str::trim).filter(|l| l.contains("molink")).collect();
        assert!(!examples.is_empty() || command == "molink", "{command} --help has no example");
        for example in examples {
            let works = tables.values().flat_map(|table| lines(table)).any(|(line, code)| {
                let line = line.split("  # ").next().unwrap_or_default().trim_end_matches(" > told.txt");
                let works = ["0", "130"].contains(&code) || (example == ASKS && code == "2");
                line.replace("{dir}", "/tmp").replace("{port}", "1964") == example && works
            });
            if !works {
                missing.push(format!("{command}: {example}"));
            }
        }
    }
    assert!(missing.is_empty(), "no answers file has them working:\n{}", missing.join("\n"));
}

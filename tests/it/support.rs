//! Real processes for tests: stations, lines, commands; and a board where what they say can be waited for.
//!
//! Standards: none. In: station files, arguments. Out: processes that end with their test, lines of their standard output,
//! events of their feeds (SSE), answers of their API. Every wait is for something that happens, with a bound.
//! Left out: pacing, virtual time (see `world`). Shown by: `tests/it/processes.rs`, `tests/it/kill.rs`.

use molink::key::Medium;
use molink::key::backend_disk::{Order, make};
use molink::time::{Clock, Speed};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long a process may take for what it should do at once.
pub const SOON: Duration = Duration::from_secs(20);

/// The molink under test: this build's, or the one `MOLINK_BIN` names.
pub fn molink() -> PathBuf {
    std::env::var_os("MOLINK_BIN").map_or_else(|| env!("CARGO_BIN_EXE_molink").into(), PathBuf::from)
}

/// The same with kill points in it: this build's (feature `faults`), or the one `MOLINK_FAULTS_BIN` names.
pub fn molink_with_faults() -> PathBuf {
    std::env::var_os("MOLINK_FAULTS_BIN").map_or_else(|| env!("CARGO_BIN_EXE_molink").into(), PathBuf::from)
}

/// A program that a test speaks to, or a panic that says what to install.
pub fn peer(program: &str, package: &str) -> PathBuf {
    let found = std::env::var_os("PATH").and_then(|p| std::env::split_paths(&p).map(|d| d.join(program)).find(|f| f.is_file()));
    found.unwrap_or_else(|| panic!("`{program}` is not installed; this test needs it: apt-get install {package}"))
}

/// A TCP port at 127.0.0.1 that nobody else is given while this process lives: bound here, and not listened at. Who sets SO_REUSEADDR, as
/// every server does, may listen there; until then callers are refused.
pub fn free_port() -> u16 {
    static KEPT: Mutex<Vec<socket2::Socket>> = Mutex::new(vec![]);
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).push(socket);
    port
}

/// UDP ports at 127.0.0.1 that were free a moment ago, none of them given twice by this process.
pub fn free_udp_ports<const N: usize>() -> [u16; N] {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    [(); N].map(|()| {
        loop {
            let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if given.insert(port) {
                break port;
            }
        }
    })
}

/// Seconds since this process first asked, for bounds and figures.
pub fn seconds() -> f64 {
    static CLOCK: std::sync::OnceLock<Clock> = std::sync::OnceLock::new();
    CLOCK.get_or_init(|| Clock::new(None, Speed::REAL)).now().micros() as f64 / 1e6
}

/// What has been seen so far.
#[derive(Default)]
pub struct Seen {
    /// Lines on standard output, by process.
    pub lines: Vec<(u32, String)>,
    /// Processes whose standard output has ended.
    pub gone: BTreeSet<u32>,
    /// Events, each station's in order. One that came over two feeds stands here once if it is durable.
    pub events: Vec<Value>,
    /// (station, message, event), so that many can be asked for often.
    told: BTreeSet<(String, String, String)>,
    last: BTreeMap<String, u64>,
    processes: u32,
}

impl Seen {
    /// The names of a message's events at a station, in order.
    pub fn life(&self, station: &str, id: &str) -> Vec<&str> {
        let of = self.events.iter().filter(|e| e["station"] == station && e["id"] == id);
        of.filter_map(|e| e["event"].as_str()).collect()
    }
    /// Whether a station's feed told this of a message.
    pub fn told(&self, station: &str, id: &str, event: &str) -> bool {
        self.told.contains(&(station.into(), id.into(), event.into()))
    }
}

/// What is seen, and whoever waits for it.
#[derive(Default)]
pub struct Board {
    seen: Mutex<Seen>,
    changed: Condvar,
}

impl Board {
    fn post<T>(&self, what: impl FnOnce(&mut Seen) -> T) -> T {
        let done = what(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
        done
    }
    /// Reads what is there now.
    pub fn read<T>(&self, what: impl FnOnce(&Seen) -> T) -> T {
        what(&self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
    /// Waits until `what` finds something; `None` once `within` is over.
    pub fn until<T>(&self, within: Duration, mut what: impl FnMut(&Seen) -> Option<T>) -> Option<T> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = None;
        let wait = |s: &mut Seen| {
            found = what(s);
            found.is_none()
        };
        drop(self.changed.wait_timeout_while(seen, within, wait).unwrap_or_else(PoisonError::into_inner));
        found
    }
}

/// A process that is killed with its test.
pub struct Process {
    child: Child,
    number: u32,
    board: Arc<Board>,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; its standard error goes to `log`, after what is there.
    pub fn start(mut command: Command, board: &Arc<Board>, log: &Path) -> Process {
        command.stdin(Stdio::null());
        Process::start_typing(command, board, log)
    }
    /// The same, with what its standard input was set to.
    pub fn start_typing(mut command: Command, board: &Arc<Board>, log: &Path) -> Process {
        let errors = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        command.stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{command:?} did not start: {e}"));
        let number = board.post(|s| {
            s.processes += 1;
            s.processes
        });
        let (said, told) = (BufReader::new(child.stdout.take().unwrap()), board.clone());
        std::thread::spawn(move || {
            for line in said.lines().map_while(Result::ok) {
                told.post(|s| s.lines.push((number, line)));
            }
            told.post(|s| s.gone.insert(number));
        });
        Process { child, number, board: board.clone(), log: log.to_owned() }
    }
    /// Its standard input, if that was set to a pipe.
    pub fn input(&mut self) -> std::process::ChildStdin {
        self.child.stdin.take().expect("a pipe that nobody took yet")
    }
    /// Its number with the system.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
    /// Its first line with `what` in it; `None` if it ends, or `within` is over, before that.
    pub fn line(&self, what: &str, within: Duration) -> Option<String> {
        let found = self.board.until(within, |s| {
            let line = s.lines.iter().find(|(n, l)| *n == self.number && l.contains(what)).map(|(_, l)| l.clone());
            line.map(Some).or_else(|| s.gone.contains(&self.number).then_some(None))
        });
        found.flatten()
    }
    /// All that it said on standard output so far.
    pub fn said(&self) -> String {
        self.board.read(|s| s.lines.iter().filter(|(n, _)| *n == self.number).map(|(_, l)| format!("{l}\n")).collect())
    }
    /// Waits for its end.
    pub fn exit(&mut self, within: Duration) -> Option<ExitStatus> {
        self.board.until(within, |s| s.gone.contains(&self.number).then_some(()))?;
        self.child.wait().ok()
    }
    /// Whether it has ended, for whoever is at the board.
    pub fn gone_in(&self, seen: &Seen) -> bool {
        seen.gone.contains(&self.number)
    }
    /// `kill -9`, and waits for its end.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        assert!(self.exit(SOON).is_some(), "a killed process does not end");
    }
    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.child.id() as i32).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }
    /// What it said on standard error so far, with all before it in the same file.
    pub fn errors(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Started as the leader of a group (as strace is), it takes what it started with it.
        if let Some(pid) = rustix::process::Pid::from_raw(self.child.id() as i32).filter(|_| !self.board.read(|s| self.gone_in(s))) {
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a process ended by `kill -9`.
pub fn killed(status: ExitStatus) -> bool {
    status.signal() == Some(9)
}

/// Characters of a tape: more than any test uses.
const TAPE: u64 = 600_000;

/// Makes a pair of key tapes for each way between two stations: `OUT/STATION/FROM-TO.{key,toml}`.
pub fn make_tapes(out: &Path, ends: [&str; 2], characters: u64) {
    for [from, to] in [ends, [ends[1], ends[0]]] {
        let name = format!("{from}-{to}");
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        let order = Order { medium: Medium::Tape, name, characters, from, to, utc: "1963-08-30T00:00:00Z".parse().unwrap() };
        make(&order, out, &mut |_| true).unwrap();
    }
}

/// A folder for one test, with its board.
pub struct House {
    pub dir: tempfile::TempDir,
    molink: PathBuf,
    pub board: Arc<Board>,
}

/// One end, as a station file says it.
pub struct End<'a> {
    pub name: &'a str,
    pub peer: &'a str,
    /// The pty it opens.
    pub line: PathBuf,
    pub speed: &'a str,
    /// Further keys for the top of the file.
    pub extra: &'a str,
}

impl House {
    pub fn new() -> House {
        House::of(molink())
    }
    /// One that runs this program.
    pub fn of(molink: PathBuf) -> House {
        House { dir: tempfile::tempdir().unwrap(), molink, board: Arc::default() }
    }
    /// The program it runs.
    pub fn program(&self) -> &Path {
        &self.molink
    }
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
    /// `molink …` with nothing of this account's in its way.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.molink);
        self.clean(&mut command).args(args);
        command
    }
    /// Takes out of a command's environment what would change what it does.
    pub fn clean<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        for unset in ["MOLINK_FAULT", "MOLINK_KILL_AT", "MOLINK_LOG", "MOLINK_STATION"] {
            command.env_remove(unset);
        }
        command.env("XDG_STATE_HOME", self.path("state")).current_dir(self.dir.path())
    }
    /// Runs `molink …` to its end; it is killed after `within`.
    pub fn run(&self, args: &[&str], within: Duration) -> Output {
        self.end(self.command(args), &format!("molink {args:?}"), within)
    }
    /// Runs any command to its end; it is killed after `within`.
    pub fn end(&self, mut command: Command, shown: &str, within: Duration) -> Output {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let pid = rustix::process::Pid::from_raw(child.id() as i32).unwrap();
        let (done, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || done.send(child.wait_with_output()));
        ended.recv_timeout(within).map(Result::unwrap).unwrap_or_else(|_| {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            let said = ended.recv().unwrap().unwrap();
            panic!("{shown} did not end within {within:?}\n{}\n{}", text(&said.stdout), text(&said.stderr))
        })
    }
    /// Writes a file.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }
    /// The folder of a station's key tapes. The first who asks has a pair made for each way of its line.
    pub fn tapes(&self, name: &str, peer: &str) -> PathBuf {
        let out = self.path("tapes");
        if !out.exists() {
            make_tapes(&out, [name, peer], TAPE);
        }
        out.join(name)
    }
    /// Writes the station file of one end of a teletype line, enciphered where the test's lines are.
    pub fn station_file(&self, end: &End) -> PathBuf {
        let End { name, peer, line, speed, extra } = end;
        let line = line.display();
        let keys = match crate::lines::cipher() {
            true => format!("keys = \"{}\"\n", self.tapes(name, peer).display()),
            false => String::new(),
        };
        self.file(
            &format!("{name}.toml"),
            format!(
                "station = \"{name}\"\ndata = \"{name}\"\nlisten = \"127.0.0.1:0\"\nspeed = {speed}\n{extra}\n[desk.operator]\n\
                 [port.cable]\nbackend = \"teletype\"\nline = {{ pty = \"{line}\" }}\nbaud = 50\nunits = 7.5\npeer = \"{peer}\"\n{keys}\
                 [[route]]\nto = \"*@{peer}\"\nports = [\"cable\"]\n[retry]\nfirst = \"5s\"\nlongest = \"20s\"\nexpire = \"9000h\"\n"
            ),
        )
    }
    /// Starts a station; the error is how it ended instead.
    pub fn start(&self, name: &str, environment: &[(&str, &str)]) -> Result<Station, ExitStatus> {
        let file = self.path(&format!("{name}.toml"));
        let mut command = self.command(&["station", &file.display().to_string()]);
        command.envs(environment.iter().copied());
        self.start_as(name, command)
    }
    /// Starts a station by another command (under strace, say).
    pub fn start_as(&self, name: &str, command: Command) -> Result<Station, ExitStatus> {
        let mut process = Process::start(command, &self.board, &self.path(&format!("{name}.log")));
        let Some(line) = process.line("is up", SOON) else {
            let status = process.exit(Duration::from_secs(1));
            return Err(status.unwrap_or_else(|| panic!("{name} does not come up\n{}", process.errors())));
        };
        let api = line.split_whitespace().find(|w| w.starts_with("http://")).unwrap_or_else(|| panic!("no address in `{line}`"));
        let api = api.trim_end_matches(',').to_owned();
        // A station may be killed at any moment; what was not there then cannot be read now.
        let token = std::fs::read_to_string(self.path(name).join("api-token")).unwrap_or_default();
        let station = Station { name: name.into(), api, token: token.trim().into(), process };
        station.listen(&self.board);
        Ok(station)
    }
    /// Starts `molink line` between two ptys it makes; `a` is the link for the first.
    pub fn line(&self, args: &[&str]) -> Process {
        let (a, b) = (format!("pty:{}", self.path("a").display()), format!("pty:{}", self.path("b").display()));
        let mut command = self.command(&["line", &a, &b]);
        command.args(args);
        let line = Process::start(command, &self.board, &self.path("line.log"));
        let up = line.line("", SOON);
        assert!(up.is_some() && self.path("a").exists() && self.path("b").exists(), "molink line: {up:?}\n{}", line.errors());
        line
    }
}

/// A running station.
pub struct Station {
    pub name: String,
    pub api: String,
    pub token: String,
    pub process: Process,
}

/// The far end of an API: no proxy between, errors as answers.
fn agent(within: Option<Duration>) -> ureq::Agent {
    ureq::Agent::config_builder().proxy(None).http_status_as_error(false).timeout_global(within).build().into()
}

impl Station {
    /// `POST /api/messages`: status and body, or nothing if no answer came. The text is its own idempotency key.
    pub fn post(&self, to: &str, text: &str) -> Option<(u16, Value)> {
        let key: String = text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(100).collect();
        let body = json!({ "to": to, "subject": "TEST", "parts": [{ "text": text }] }).to_string();
        let request = agent(Some(Duration::from_secs(60))).post(format!("{}/api/messages", self.api));
        let request = request.header("Authorization", format!("Bearer {}", self.token)).header("Content-Type", "application/json");
        let mut answer = request.header("Idempotency-Key", key).send(&body).ok()?;
        let body = answer.body_mut().read_to_string().ok()?;
        Some((answer.status().as_u16(), serde_json::from_str(&body).unwrap_or(Value::String(body))))
    }
    /// Hands in a message that must be accepted; gives its identity.
    pub fn accept(&self, to: &str, text: &str) -> String {
        let answer = self.post(to, text);
        let Some((201, body)) = &answer else { panic!("{}: {answer:?}\n{}", self.name, self.process.errors()) };
        body["id"].as_str().unwrap().to_owned()
    }
    /// Stops it in order.
    pub fn stop(mut self) -> ExitStatus {
        self.process.signal(rustix::process::Signal::TERM);
        let ended = self.process.exit(SOON);
        ended.unwrap_or_else(|| panic!("{} does not stop on SIGTERM\n{}", self.name, self.process.errors()))
    }
    /// Brings its events to the board, from the last that is there, until it ends.
    fn listen(&self, board: &Arc<Board>) {
        let (name, url, board) = (self.name.clone(), format!("{}/api/events", self.api), board.clone());
        let last = board.read(|s| s.last.get(&name).copied().unwrap_or(0));
        std::thread::spawn(move || {
            let Ok(answer) = agent(None).get(url).header("Last-Event-ID", last.to_string()).call() else { return };
            let mut number = None;
            for line in BufReader::new(answer.into_body().into_reader()).lines().map_while(Result::ok) {
                if let Some(n) = line.strip_prefix("id: ") {
                    number = n.parse::<u64>().ok();
                } else if let Some(data) = line.strip_prefix("data: ") {
                    let Ok(event) = serde_json::from_str::<Value>(data) else { panic!("{name} tells of no event: {data}") };
                    let number = number.take();
                    board.post(|s| {
                        let known = s.last.entry(name.clone()).or_default();
                        // A durable event that an older feed has brought already is not told twice.
                        if number.is_none_or(|n| n > *known) {
                            *known = number.unwrap_or(*known);
                            let word = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
                            s.told.insert((word("station"), word("id"), word("event")));
                            s.events.push(event);
                        }
                    });
                }
            }
        });
    }
}

/// Output as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

//! SpanDSP's T.38 terminal as a peer: `tests/peers/spandsp_t38.c`, compiled when first asked for, stepped by pipe or run on a socket.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What the peer tells.
#[derive(Clone, PartialEq, Debug)]
pub enum Told {
    /// A packet to the far end, worth sending so often.
    Packet(u32, Vec<u8>),
    /// What was answered about a page.
    Page(u32),
    /// The call is over: a code (0 is well) and its words.
    Done(u32, String),
}

/// How the peer calls or answers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct How {
    /// It calls.
    pub caller: bool,
    /// Error correction.
    pub correction: bool,
    /// `mh`, `mr` or `mmr`.
    pub coding: &'static str,
    /// Of T.38.
    pub version: u8,
}

impl How {
    fn words(&self) -> [&'static str; 3] {
        [if self.caller { "caller" } else { "answerer" }, if self.correction { "ecm" } else { "plain" }, self.coding]
    }
}

/// A running peer; it ends with its owner.
pub struct Spandsp {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Spandsp {
    /// Starts it with pipes, and no time of its own. The error says what to install.
    pub fn stepped(how: How, file: &Path) -> Result<Spandsp, String> {
        Spandsp::start("pipe", how, file, &[])
    }
    /// Starts it on a port of the loopback, to speak to another; returns when it listens.
    pub fn live(how: How, file: &Path, here: u16, there: u16) -> Result<Spandsp, String> {
        let mut peer = Spandsp::start("udp", how, file, &[here.to_string(), there.to_string()])?;
        let mut line = String::new();
        peer.from.read_line(&mut line).map_err(|e| e.to_string())?;
        if line.trim() == "ready" { Ok(peer) } else { Err(format!("the SpanDSP peer said `{}`, and not `ready`", line.trim())) }
    }
    fn start(form: &str, how: How, file: &Path, ports: &[String]) -> Result<Spandsp, String> {
        let program = compiled()?;
        let [end, correction, coding] = how.words();
        let mut child = Command::new(&program)
            .args([form, end])
            .arg(file)
            .args([correction, coding, &how.version.to_string()])
            .args(ports)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("cannot start {}: {e}", program.display()))?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the peer has no pipes".into());
        };
        Ok(Spandsp { child, to: Some(to), from: BufReader::new(from) })
    }
    /// Hands it a packet.
    pub fn packet(&mut self, number: u16, octets: &[u8]) -> Result<Vec<Told>, String> {
        let hex: String = octets.iter().map(|o| format!("{o:02x}")).collect();
        self.ask(&format!("ifp {number} {hex}"))
    }
    /// Lets time pass: 8000 samples are a second.
    pub fn step(&mut self, samples: u32) -> Result<Vec<Told>, String> {
        self.ask(&format!("step {samples}"))
    }
    fn ask(&mut self, request: &str) -> Result<Vec<Told>, String> {
        let cut = |e: std::io::Error| format!("the SpanDSP peer on `{request}`: {e}");
        let to = self.to.as_mut().ok_or("the SpanDSP peer was let go")?;
        writeln!(to, "{request}").and_then(|()| to.flush()).map_err(cut)?;
        let mut told = vec![];
        loop {
            match self.line().map_err(cut)?.as_str() {
                "ok" => return Ok(told),
                line => told.push(read(line).ok_or_else(|| format!("the SpanDSP peer answered `{line}` to `{request}`"))?),
            }
        }
    }
    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }
    /// Waits until a live one is done; what it told.
    pub fn wait(mut self) -> Result<Vec<Told>, String> {
        let mut told = vec![];
        loop {
            match self.line().map_err(|e| e.to_string())?.as_str() {
                "" => return Ok(told),
                line => told.extend(read(line)),
            }
        }
    }
    /// Lets it close its file and end.
    pub fn quit(mut self) {
        self.to = None;
        let _ = self.child.wait();
    }
}

fn read(line: &str) -> Option<Told> {
    let mut words = line.splitn(3, ' ');
    let (what, number, rest) = (words.next()?, words.next()?.parse().ok()?, words.next());
    match what {
        "tx" => {
            let hex = rest?.as_bytes().chunks(2).map(|h| u8::from_str_radix(std::str::from_utf8(h).ok()?, 16).ok());
            Some(Told::Packet(number, hex.collect::<Option<_>>()?))
        }
        "page" => Some(Told::Page(number)),
        "done" => Some(Told::Done(number, rest?.to_owned())),
        _ => None,
    }
}

impl Drop for Spandsp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The peer's program, newer than its source.
pub fn compiled() -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/spandsp_t38.c");
    let own = std::env::current_exe().map_err(|e| e.to_string())?;
    let folder = own.parent().unwrap_or(Path::new("."));
    // Tests run side by side: each compiles for itself, and the last to be done is kept.
    let begun = folder.join(format!("spandsp_t38.{}.{:?}", std::process::id(), std::thread::current().id()));
    let program = folder.join("spandsp_t38");
    let changed = |path: &Path| path.metadata().and_then(|m| m.modified()).ok();
    if changed(&program) > changed(&source) {
        return Ok(program);
    }
    let made = Command::new("cc").args(["-O2", "-o"]).arg(&begun).arg(&source).args(["-lspandsp", "-ltiff"]).output();
    let install = "apt-get install gcc libspandsp-dev libtiff-dev";
    let made = made.map_err(|e| format!("SpanDSP is the peer here, and there is no C compiler (`cc`: {e}): {install}"))?;
    if !made.status.success() {
        let why = String::from_utf8_lossy(&made.stderr);
        return Err(format!("SpanDSP is the peer here, and tests/peers/spandsp_t38.c does not compile: {install}\n{why}"));
    }
    std::fs::rename(&begun, &program).map_err(|e| format!("{}: {e}", program.display()))?;
    Ok(program)
}

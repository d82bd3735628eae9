//! How many mails a second are on disk and answered for: molink and Postfix in turn, on one disk, under the same load.
//!
//! Standards: none. In: `cargo bench --bench mail [-- ROUNDS [MAILS]]`, as root (Postfix changes its user); `smtp-source -s 20 -l 4096`, with
//! and without `-d`. molink queues to a station whose line is down, Postfix into its hold queue: both have each mail synced at their 250.
//! Out: seconds of each round, medians, ratios, molink's peak memory, also with large mails. Exit 1 when a mail is missing. The machine is
//! shared and its disk uneven: only the ratios count. Left out: delivery. Shown by: itself.

use molink::router::journal::reader::{Filter, Reader};
use molink::time::{Clock, Speed};
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

type Done<T> = Result<T, String>;

/// What it has to come to.
const TIMES: f64 = 3.0;
const MEBIBYTES: f64 = 64.0;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Done<bool> {
    let mut numbers = std::env::args().skip(1).filter_map(|a| a.parse::<usize>().ok());
    let (rounds, mails) = (numbers.next().unwrap_or(5), numbers.next().unwrap_or(5000));
    for (program, package) in [("smtp-source", "postfix"), ("postfix", "postfix")] {
        Command::new(program).arg("-h").output().map_err(|_| format!("`{program}` is not installed: apt-get install {package}"))?;
    }
    if !rustix::process::getuid().is_root() {
        return Err("Postfix changes its user, so this bench has to be run by root".into());
    }
    let room = tempfile::Builder::new().prefix("molink-bench").tempdir().map_err(|e| e.to_string())?;
    open(room.path(), 0o755)?;
    let postfix = Postfix::start(&room.path().join("postfix"))?;
    let clock = Clock::new(None, Speed::REAL);
    let mut good = true;
    for (how, flags) in [("one mail a connection", &[][..]), ("connections kept (-d)", &["-d"][..])] {
        let (mut ours, mut theirs, mut peak) = (vec![], vec![], 0.0_f64);
        for round in 0..rounds {
            let station = Molink::start(&room.path().join("molink"))?;
            let one = station.load(&clock, flags, mails, 4096)?;
            let (there, memory) = station.end()?;
            let other = source(&clock, postfix.port, "b@bench.example", flags, mails, 4096)?;
            let held = postfix.empty_hold()?;
            if (there, held) != (mails, mails) {
                return Err(format!("of {mails} mails molink has {there} and Postfix {held}"));
            }
            println!("{how}, round {}: molink {one:.2} s, Postfix {other:.2} s, {:.1} times; {memory:.1} MiB", round + 1, other / one);
            ours.push(one);
            theirs.push(other);
            peak = peak.max(memory);
        }
        let ratio = median(theirs.iter().zip(&ours).map(|(t, o)| t / o).collect());
        let (ours, theirs) = (mails as f64 / median(ours), mails as f64 / median(theirs));
        println!("{how}: molink {ours:.0} mails/s, Postfix {theirs:.0} mails/s (medians); {ratio:.2} times; peak memory {peak:.1} MiB");
        good &= ratio >= TIMES && peak <= MEBIBYTES;
    }
    let station = Molink::start(&room.path().join("molink"))?;
    let (size, number) = (20 << 20, 40);
    let took = station.load(&clock, &["-d"], number, size)?;
    let (there, memory) = station.end()?;
    println!("20 connections, {number} mails of 20 MiB: {took:.1} s, {there} filed, peak memory {memory:.1} MiB");
    Ok(good && there == number)
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(f64::NAN)
}

fn open(path: &Path, mode: u32) -> Done<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(|e| format!("{}: {e}", path.display()))
}

fn free_port() -> Done<u16> {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).map(|a| a.port()).map_err(|e| e.to_string())
}

/// Waits for the greeting.
fn greeted(port: u16) -> Done<()> {
    for _ in 0..200 {
        let mut first = [0; 3];
        let greeting = TcpStream::connect(("127.0.0.1", port)).and_then(|mut s| {
            s.set_read_timeout(Some(Duration::from_secs(20)))?;
            s.read_exact(&mut first)
        });
        if greeting.is_ok() && &first == b"220" {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err(format!("no server greets at port {port}"))
}

/// Seconds that so many mails take.
fn source(clock: &Clock, port: u16, to: &str, flags: &[&str], mails: usize, size: usize) -> Done<f64> {
    let mut command = Command::new("smtp-source");
    command.args(["-s", "20", "-m", &mails.to_string(), "-l", &size.to_string(), "-f", "alice@load.example", "-t", to]);
    let begun = clock.now();
    let ended = command.args(flags).arg(format!("127.0.0.1:{port}")).stdin(Stdio::null()).output().map_err(|e| e.to_string())?;
    let took = clock.now().since(begun).as_secs_f64();
    match ended.status.success() && ended.stderr.is_empty() {
        true => Ok(took),
        false => Err(format!("smtp-source: {}: {}", ended.status, String::from_utf8_lossy(&ended.stderr))),
    }
}

/// A station that queues for one whose line is down.
struct Molink {
    child: Child,
    port: u16,
    dir: PathBuf,
}

impl Molink {
    fn start(dir: &Path) -> Done<Molink> {
        let _ = std::fs::remove_dir_all(dir);
        std::fs::create_dir(dir).map_err(|e| e.to_string())?;
        let (port, nobody) = (free_port()?, free_port()?);
        let file = dir.join("moscow.toml");
        let text = format!(
            "station = \"moscow\"\ndata = \"data\"\nlisten = \"off\"\n[desk.operator]\n\
             [port.post]\nbackend = \"email\"\nkind = \"gateway\"\nline = {{ listen = \"127.0.0.1:{port}\" }}\nquota = 0\nper_address = 100\n\
             [port.line]\nbackend = \"email\"\npeer = \"washington\"\nline = {{ smtp = \"127.0.0.1:{nobody}\" }}\n\
             [[route]]\nto = \"*@washington\"\nports = [\"line\"]\n"
        );
        std::fs::write(&file, text).map_err(|e| e.to_string())?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_molink"));
        command.arg("station").arg(&file).current_dir(dir).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.env("MOLINK_LOG", "error").spawn().map_err(|e| e.to_string())?;
        let mut said = String::new();
        let read = child.stdout.take().map(|out| BufReader::new(out).read_line(&mut said));
        let station = Molink { child, port, dir: dir.to_owned() };
        if !said.contains("is up") {
            return Err(format!("the station does not come up: {read:?} {said}"));
        }
        greeted(port)?;
        Ok(station)
    }
    fn load(&self, clock: &Clock, flags: &[&str], mails: usize, size: usize) -> Done<f64> {
        source(clock, self.port, "operator@washington", flags, mails, size)
    }
    /// Kills it: how many mails are in its journal all the same, and its peak memory in MiB.
    fn end(mut self) -> Done<(usize, f64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).map_err(|e| e.to_string())?;
        let kb = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).and_then(|l| l.split_whitespace().next()?.parse::<f64>().ok());
        let _ = self.child.kill();
        let _ = self.child.wait();
        let reader = Reader::open(&self.dir.join("data/journal.sqlite")).map_err(|e| e.0)?;
        let rows = reader.list(&Filter { state: None, limit: usize::MAX }).map_err(|e| e.0)?;
        Ok((rows.len(), kb.ok_or("no VmHWM")? / 1024.0))
    }
}

impl Drop for Molink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A Postfix of its own that holds all that comes.
struct Postfix {
    child: Child,
    port: u16,
    dir: PathBuf,
}

const SERVICES: &str = "pickup unix n - n 60 1 pickup\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\n\
    tlsmgr unix - - n 1000? 1 tlsmgr\nrewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\ndefer unix - - n - 0 bounce\n\
    trace unix - - n - 0 bounce\nverify unix - - n - 1 verify\nflush unix n - n 1000? 0 flush\nproxymap unix - - n - - proxymap\n\
    proxywrite unix - - n - 1 proxymap\nsmtp unix - - n - - smtp\nerror unix - - n - - error\nretry unix - - n - - error\n\
    local unix - n n - - local\nvirtual unix - n n - - virtual\nanvil unix - - n - 1 anvil\npostlog unix-dgram n - n - 1 postlogd\n";

/// All that would slow it down is out of the way; nothing that makes it durable is.
const SETTINGS: &str = "compatibility_level = 3.6\nqueue_directory = DIR/queue\ndata_directory = DIR/data\ncommand_directory = /usr/sbin\n\
    daemon_directory = /usr/lib/postfix/sbin\nshlib_directory = /usr/lib/postfix\nmail_owner = postfix\nsetgid_group = postdrop\n\
    maillog_file = DIR/log\nmaillog_file_prefixes = DIR\nmyhostname = bench.example\nmydestination = bench.example\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmynetworks = 127.0.0.0/8\n\
    local_recipient_maps =\nalias_maps =\nalias_database =\nsmtpd_peername_lookup = no\nin_flow_delay = 0\n\
    smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\n\
    smtpd_recipient_restrictions = check_client_access static:HOLD, permit_mynetworks, reject\n\
    smtpd_client_connection_count_limit = 0\nsmtpd_client_connection_rate_limit = 0\nsmtpd_client_message_rate_limit = 0\n";

impl Postfix {
    fn start(dir: &Path) -> Done<Postfix> {
        let made = |e: std::io::Error| format!("{}: {e}", dir.display());
        for (folder, mode) in [("", 0o755), ("conf", 0o755), ("queue", 0o755), ("data", 0o755)] {
            std::fs::create_dir(dir.join(folder)).map_err(made)?;
            open(&dir.join(folder), mode)?;
        }
        Command::new("chown").arg("postfix").arg(dir.join("data")).status().map_err(made)?;
        let (port, conf) = (free_port()?, dir.join("conf"));
        std::fs::write(conf.join("main.cf"), SETTINGS.replace("DIR", &dir.display().to_string())).map_err(made)?;
        std::fs::write(conf.join("master.cf"), format!("127.0.0.1:{port} inet n - n - - smtpd\n{SERVICES}")).map_err(made)?;
        let mut command = Command::new("postfix");
        command.arg("-c").arg(&conf).arg("start-fg").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let postfix = Postfix { child: command.spawn().map_err(made)?, port, dir: dir.to_owned() };
        greeted(port)?;
        Ok(postfix)
    }
    /// How many mails are on hold; they are removed.
    fn empty_hold(&self) -> Done<usize> {
        let listed = std::fs::read_dir(self.dir.join("queue/hold")).map_err(|e| e.to_string())?;
        Ok(listed.flatten().filter(|e| std::fs::remove_file(e.path()).is_ok()).count())
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let conf = self.dir.join("conf");
        let _ = Command::new("postfix").arg("-c").arg(conf).arg("stop").stdout(Stdio::null()).stderr(Stdio::null()).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! Other people's mail clients, each handing one mail in: swaks, msmtp, Python's smtplib, Postfix and exim as relays.
//!
//! Standards: their manuals. In: a [`Case`] (where to, which mail, under which certificate). Out: what the client said, once it has handed the mail over.
//! Left out: what arrived (`mail_matrix`). exim is unpacked, not installed: `MOLINK_EXIM` names it; it and Postfix need root.

use crate::postfix::Postfix;
use crate::support::{House, SOON, peer, seconds, text};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Longer than a mail takes on a machine that does other things too.
pub const LONG: Duration = Duration::from_secs(60);
pub const FROM: &str = "alice@example.org";
pub const TO: &str = "duty@washington.example";
/// Whom the station lets log in.
pub const USER: [&str; 2] = ["alice", "red-phone-1963"];

/// One mail to be handed in.
pub struct Case<'a> {
    pub house: &'a House,
    /// `HOST:PORT` of the station, or of a tap before it.
    pub at: &'a str,
    /// The mail, with CR LF.
    pub mail: PathBuf,
    pub id: &'a str,
    /// The certificate that the station shows, and the name it is for.
    pub shows: [&'a str; 2],
}

impl Case<'_> {
    fn host_and_port(&self) -> (&str, &str) {
        self.at.split_once(':').unwrap()
    }
    /// The mail as programs of Unix have it, with LF.
    fn lf(&self) -> Vec<u8> {
        text_lines(&std::fs::read(&self.mail).unwrap())
    }
    fn end(&self, command: Command, shown: &str) -> String {
        let done = self.house.end(command, shown, LONG);
        let said = format!("{}{}", text(&done.stdout), text(&done.stderr));
        assert!(done.status.success(), "{shown} ended with {}:\n{said}", done.status);
        said
    }
    /// The same with this on its standard input.
    fn feed(&self, command: &mut Command, what: Vec<u8>, shown: &str) -> String {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || input.write_all(&what));
        let pid = rustix::process::Pid::from_raw(child.id() as i32).unwrap();
        let (done, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || done.send(child.wait_with_output().unwrap()));
        let done = ended.recv_timeout(LONG).unwrap_or_else(|_| {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            panic!("{shown} does not end: {}", text(&ended.recv().unwrap().stderr))
        });
        let _ = writer.join().unwrap();
        let said = format!("{}{}", text(&done.stdout), text(&done.stderr));
        assert!(done.status.success(), "{shown} ended with {}:\n{said}", done.status);
        said
    }
}

fn text_lines(mail: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(mail.len());
    for (n, octet) in mail.iter().enumerate() {
        if !(*octet == b'\r' && mail.get(n + 1) == Some(&b'\n')) {
            out.push(*octet);
        }
    }
    out
}

/// swaks; `how`: more arguments.
pub fn swaks(case: &Case, how: &[&str]) -> String {
    let (host, port) = case.host_and_port();
    let mut command = Command::new(peer("swaks", "swaks"));
    // It puts a line's end behind whatever it is given.
    let bare = case.mail.with_extension("swaks");
    std::fs::write(&bare, std::fs::read(&case.mail).unwrap().strip_suffix(b"\r\n").unwrap()).unwrap();
    let data = format!("@{}", bare.display());
    command.args([
        "--server",
        host,
        "--port",
        port,
        "--helo",
        "swaks.example",
        "--from",
        FROM,
        "--to",
        TO,
        "--data",
        &data,
        "--hide-informational",
    ]);
    command.args(["--suppress-data", "--timeout", "60"]).args(how);
    case.end(command, "swaks")
}

/// msmtp, which reads the mail as programs of Unix have it.
pub fn msmtp(case: &Case, how: &[&str]) -> String {
    let (host, port) = case.host_and_port();
    let (host, port, from) = (format!("--host={host}"), format!("--port={port}"), format!("--from={FROM}"));
    let mut command = Command::new(peer("msmtp", "msmtp"));
    case.house.clean(&mut command).args(["--debug", "--domain=msmtp.example", &host, &port, &from]).args(how).arg(TO);
    case.feed(&mut command, case.lf(), "msmtp")
}

/// Python's smtplib, by `tests/peers/mail_smtplib.py`.
pub fn smtplib(case: &Case, how: &str) -> String {
    let (host, port) = case.host_and_port();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/mail_smtplib.py");
    let [cert, name] = case.shows;
    let mut command = Command::new(peer("python3", "python3"));
    command.arg(script).args([host, port, how]).arg(&case.mail);
    command.args([format!("ca={cert}"), format!("name={name}"), format!("user={}", USER[0]), format!("password={}", USER[1])]);
    command.arg(format!("id={}", case.id));
    case.end(command, "mail_smtplib.py")
}

/// Postfix relays it: handed to its `sendmail`, with these options, and waited for until its log says that it went.
pub fn postfix(case: &Case, settings: &[(&str, &str)], how: &[&str]) -> String {
    let (host, port) = case.host_and_port();
    let relay = format!("[{host}]:{port}");
    let mut all = vec![("relayhost", relay.as_str()), ("smtputf8_enable", "yes"), ("inet_interfaces", "127.0.0.1")];
    all.extend(settings);
    let postfix = Postfix::start(&all);
    let mut command = Command::new(peer("sendmail", "postfix"));
    command.arg("-C").arg(postfix.dir().join("conf")).args(["-i", "-f", FROM]).args(how).arg(TO);
    case.feed(&mut command, case.lf(), "Postfix's sendmail");
    let log = postfix.wait_log("status=");
    let line = log.lines().find(|l| l.contains("status=")).unwrap_or_default().to_owned();
    assert!(line.contains("status=sent"), "{log}");
    line
}

/// The exim that `tests/run` unpacked.
fn exim_program() -> PathBuf {
    std::env::var_os("MOLINK_EXIM")
        .map_or_else(|| peer("exim4", "exim4-daemon-light (or unpack it, and name it in MOLINK_EXIM)"), PathBuf::from)
}

/// exim relays it: called as a client's `sendmail` is, it delivers at once; `how`: more lines of its transport. What is asked of it
/// beyond that (the parameters of MAIL and of RCPT) it is told in a session of SMTP on its standard input.
pub fn exim(case: &Case, how: &str, from: &str, asked: [&str; 2]) -> String {
    assert!(rustix::process::getuid().is_root(), "exim changes its user, so this test has to be run by root");
    let dir = tempfile::Builder::new().prefix("molink-exim").tempdir().unwrap();
    let mode = |path: &Path| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    mode(dir.path());
    std::fs::create_dir(dir.path().join("spool")).unwrap();
    // Where it lies others may not look: its own user has to start it again.
    let program = dir.path().join("exim4");
    std::fs::copy(exim_program(), &program).unwrap();
    mode(&program);
    let owned = Command::new("chown").arg("Debian-exim").arg(dir.path().join("spool")).status().unwrap();
    assert!(owned.success(), "the user is missing: useradd --system --shell /usr/sbin/nologin Debian-exim");
    let conf = dir.path().join("exim.conf");
    std::fs::copy(case.shows[0], dir.path().join("shown.crt")).unwrap();
    std::fs::write(&conf, exim_conf(dir.path(), case, how)).unwrap();
    let mut command = Command::new(&program);
    command.arg("-C").arg(&conf).args(["-odf", "-d-all+transport+deliver"]);
    let said = match asked {
        ["", ""] => case.feed(command.args(["-i", "-f", from, TO]), case.lf(), "exim"),
        asked => case.feed(command.arg("-bs"), session(case, from, asked), "exim -bs"),
    };
    let until = seconds() + SOON.as_secs_f64();
    loop {
        let log = std::fs::read_to_string(dir.path().join("spool/main.log")).unwrap_or_default();
        if let Some(line) = log.lines().find(|l| l.contains(" => ")) {
            return format!("{line}\n{said}");
        }
        assert!(seconds() < until && !log.contains(" == ") && !log.contains(" ** "), "exim did not hand it over:\n{log}\n{said}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn session(case: &Case, from: &str, [mail, rcpt]: [&str; 2]) -> Vec<u8> {
    let mut said = format!("EHLO here.example\r\nMAIL FROM:<{from}>{mail}\r\nRCPT TO:<{TO}>{rcpt}\r\nDATA\r\n").into_bytes();
    for line in std::fs::read(&case.mail).unwrap().split_inclusive(|octet| *octet == b'\n') {
        said.extend_from_slice(if line.starts_with(b".") { b"." } else { b"" });
        said.extend_from_slice(line);
    }
    said.extend_from_slice(b".\r\nQUIT\r\n");
    said
}

fn exim_conf(dir: &Path, case: &Case, how: &str) -> String {
    let dir = dir.display();
    let (host, port) = case.host_and_port();
    let how = how.replace("CERT", &format!("{dir}/shown.crt")).replace("NAME", case.shows[1]);
    format!(
        "exim_path = {dir}/exim4\nexim_user = Debian-exim\nexim_group = Debian-exim\nspool_directory = {dir}/spool\nlog_file_path = {dir}/spool/%s.log\n\
         primary_hostname = exim.example\ntrusted_users = root\nkeep_environment =\ntls_advertise_hosts =\n\
         smtp_enforce_sync = false\ndsn_advertise_hosts = *\nacl_smtp_rcpt = accept\n\
         begin routers\nout:\n  driver = manualroute\n  route_list = * {host}::{port} byname\n  self = send\n  transport = smtp\n\
         begin transports\nsmtp:\n  driver = smtp\n  allow_localhost\n{how}\n\
         begin retry\n* * F,1h,10m\n\
         begin authenticators\nplain:\n  driver = plaintext\n  public_name = PLAIN\n  client_send = ^{}^{}\n",
        USER[0], USER[1]
    )
}

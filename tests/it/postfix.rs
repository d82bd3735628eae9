//! A Postfix of a test's own: its configuration, queue, log and mailboxes in a folder that goes with it, at an address of its own.
//!
//! Standards: postconf(5), master(5). In: settings over the usual ones. Out: an address, mails as files, the log. It needs root, and stops with the test.
//! Left out: the system's Postfix, which is neither started nor looked at. Shown by: `tests/it/email_postfix.rs`.

use crate::support::{SOON, peer, seconds};
use crate::wire::address;
use std::fmt::Write;
use std::io::Read;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running Postfix. Mail for `USER@example.org` is put into the Maildir of that user, one of [`USERS`].
pub struct Postfix {
    /// Where its SMTP server listens, `127.x.y.z:1963`.
    pub address: String,
    dir: tempfile::TempDir,
    child: Child,
}

/// Who has a mailbox.
pub const USERS: [&str; 8] = ["alice", "bob", "carol", "dave", "operator", "chairman", "president", "postmaster"];

/// Its services: the usual ones of master.cf, none in a jail.
const SERVICES: &str = "pickup unix n - n 60 1 pickup\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\ntlsmgr unix - - n 1000? 1 tlsmgr\n\
    rewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\ndefer unix - - n - 0 bounce\ntrace unix - - n - 0 bounce\n\
    verify unix - - n - 1 verify\nflush unix n - n 1000? 0 flush\nproxymap unix - - n - - proxymap\nproxywrite unix - - n - 1 proxymap\n\
    smtp unix - - n - - smtp\nrelay unix - - n - - smtp\nshowq unix n - n - - showq\nerror unix - - n - - error\nretry unix - - n - - error\n\
    discard unix - - n - - discard\nlocal unix - n n - - local\nvirtual unix - n n - - virtual\nlmtp unix - - n - - lmtp\n\
    anvil unix - - n - 1 anvil\nscache unix - - n - 1 scache\npostlog unix-dgram n - n - 1 postlogd\n";

impl Postfix {
    /// Starts one, with these settings of main.cf over the usual ones, and waits for its greeting. `DIR` in a value is its folder.
    pub fn start(settings: &[(&str, &str)]) -> Postfix {
        Postfix::start_with(settings, |_| {})
    }

    /// The same; `prepare` is given the folder before the start (certificates, tables).
    pub fn start_with(settings: &[(&str, &str)], prepare: impl FnOnce(&Path)) -> Postfix {
        let program = peer("postfix", "postfix");
        assert!(rustix::process::getuid().is_root(), "Postfix changes its user, so this test has to be run by root");
        // Its programs run as other users, and a folder of a test is 0700.
        let dir = tempfile::Builder::new().prefix("molink-postfix").tempdir().unwrap();
        let open = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        open(dir.path(), 0o755);
        for (folder, mode) in [("conf", 0o755), ("queue", 0o755), ("data", 0o755), ("mail", 0o777)] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
            open(&dir.path().join(folder), mode);
        }
        let owned = Command::new("chown").arg("postfix").arg(dir.path().join("data")).status().unwrap();
        assert!(owned.success(), "the user `postfix` comes with the package: apt-get install postfix");
        prepare(dir.path());
        let address = address();
        let conf = dir.path().join("conf");
        let boxes: String = USERS.iter().map(|user| format!("{user}@example.org {user}/\n")).collect();
        std::fs::write(conf.join("boxes"), boxes).unwrap();
        std::fs::write(conf.join("main.cf"), main_cf(dir.path(), settings)).unwrap();
        std::fs::write(conf.join("master.cf"), format!("{address} inet n - n - - smtpd\n{SERVICES}")).unwrap();
        let child = Command::new(program)
            .arg("-c")
            .arg(&conf)
            .arg("start-fg")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(dir.path().join("start")).unwrap())
            .spawn()
            .unwrap();
        let postfix = Postfix { address, dir, child };
        postfix.wait("its greeting", || greets(&postfix.address).then_some(()));
        postfix
    }

    /// Its folder: `conf`, `queue`, `mail`, `log`.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
    /// The Maildir of a user; it is there once a mail came.
    pub fn maildir(&self, user: &str) -> PathBuf {
        self.dir.path().join("mail").join(user)
    }
    /// The mails of a user that are there, in the order of their names, lines ended with LF as Postfix writes them.
    pub fn mails(&self, user: &str) -> Vec<Vec<u8>> {
        let Ok(listed) = std::fs::read_dir(self.maildir(user).join("new")) else { return vec![] };
        let mut paths: Vec<PathBuf> = listed.flatten().map(|e| e.path()).collect();
        paths.sort();
        paths.iter().map(|p| std::fs::read(p).unwrap()).collect()
    }
    /// The same, once there are `count`.
    pub fn wait_mails(&self, user: &str, count: usize) -> Vec<Vec<u8>> {
        self.wait(&format!("{count} mails of {user}"), || Some(self.mails(user)).filter(|m| m.len() >= count))
    }
    /// What it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
    /// Waits until its log says this.
    pub fn wait_log(&self, words: &str) -> String {
        self.wait(&format!("`{words}` in its log"), || Some(self.log()).filter(|l| l.contains(words)))
    }
    /// Runs one of its commands (`postqueue`, `postsuper`, `postconf`) on its own configuration; its output.
    pub fn command(&self, program: &str, args: &[&str]) -> String {
        let out = Command::new(peer(program, "postfix")).arg("-c").arg(self.dir.path().join("conf")).args(args).output().unwrap();
        assert!(out.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    /// Waits for something that happens outside of this process.
    fn wait<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let until = seconds() + SOON.as_secs_f64();
        loop {
            if let Some(found) = look() {
                return found;
            }
            if seconds() > until {
                let said = std::fs::read_to_string(self.dir.path().join("start")).unwrap_or_default();
                panic!("Postfix: no {what} within {SOON:?}\n{said}\n{}", self.log());
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let conf = self.dir.path().join("conf");
        let _ = Command::new("postfix").arg("-c").arg(conf).arg("stop").stdout(Stdio::null()).stderr(Stdio::null()).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn main_cf(dir: &Path, settings: &[(&str, &str)]) -> String {
    let usual = [
        ("compatibility_level", "3.6"),
        ("queue_directory", "DIR/queue"),
        ("data_directory", "DIR/data"),
        ("maillog_file", "DIR/log"),
        ("maillog_file_prefixes", "DIR"),
        ("command_directory", "/usr/sbin"),
        ("daemon_directory", "/usr/lib/postfix/sbin"),
        ("shlib_directory", "/usr/lib/postfix"),
        ("mail_owner", "postfix"),
        ("setgid_group", "postdrop"),
        ("inet_interfaces", "127.0.0.1"),
        ("inet_protocols", "ipv4"),
        ("myhostname", "post.example"),
        ("mydestination", ""),
        ("mynetworks", "127.0.0.0/8"),
        ("alias_maps", ""),
        ("alias_database", ""),
        ("local_recipient_maps", ""),
        ("virtual_mailbox_domains", "example.org"),
        ("virtual_mailbox_base", "DIR/mail"),
        ("virtual_mailbox_maps", "texthash:DIR/conf/boxes"),
        ("virtual_uid_maps", "static:65534"),
        ("virtual_gid_maps", "static:65534"),
        ("smtpd_peername_lookup", "no"),
        ("smtpd_client_connection_count_limit", "0"),
    ];
    let kept = usual.iter().filter(|(key, _)| !settings.iter().any(|(k, _)| k == key));
    kept.chain(settings).fold(String::new(), |mut all, (key, value)| {
        let _ = writeln!(all, "{key} = {}", value.replace("DIR", &dir.display().to_string()));
        all
    })
}

fn greets(address: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let _ = stream.set_read_timeout(Some(SOON));
    let mut first = [0; 3];
    stream.read_exact(&mut first).is_ok() && &first == b"220"
}

//! Client by feature: which of other people's mail clients was seen to make use of what, and its mail arrived octet for octet.
//!
//! Each run hands one mail in, over a tap, to a station's process, and it is looked for in the desk's Maildir with Python's packages: the
//! octets of its body, its text, name and SHA-256 of its two files. What the client made use of is read off the wire, under TLS off `Received`.
//! [`TABLE`] is also a table of `docs/smtp.md`; the run holds it to both: what it says is used was seen, what it says is not was seen in no run.

use crate::mail_clients::{Case, FROM, LONG, USER, exim, msmtp, postfix, smtplib, swaks};
use crate::mail_tap::{Feature, Tap};
use crate::support::{House, Station, peer, text};
use crate::wire::address;
use molink::email::backend_users::Users;
use molink::line::ip::certs;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Used, or why not.
enum Cell {
    Used,
    Not(&'static str),
}
use Cell::{Not, Used};

const NO_ESMTP: &str = "gives MAIL no parameters";
const NO_BDAT: &str = "has no BDAT";
const NO_PRIORITY: &str = "does not know it";

/// Client, and its cells in the order of [`Feature::ALL`].
const TABLE: [(&str, [Cell; 10]); 5] = [
    ("swaks", [Used, Used, Used, Used, Not(NO_ESMTP), Not(NO_ESMTP), Not(NO_ESMTP), Not(NO_BDAT), Not(NO_ESMTP), Not(NO_PRIORITY)]),
    (
        "msmtp",
        [
            Used,
            Used,
            Used,
            Used,
            Not("does not say it"),
            Not("does not say it"),
            Not("does not say it"),
            Not(NO_BDAT),
            Used,
            Not(NO_PRIORITY),
        ],
    ),
    ("smtplib", [Used, Used, Used, Not("waits for each reply"), Used, Used, Used, Not(NO_BDAT), Used, Used]),
    ("Postfix", [Used, Used, Used, Used, Used, Used, Used, Not("only its server has BDAT"), Used, Not(NO_PRIORITY)]),
    ("exim", [Used, Used, Used, Used, Used, Not("8-bit clean, and does not say so"), Used, Used, Used, Not(NO_PRIORITY)]),
];

/// The table as the page has it.
pub fn page() -> String {
    let head = |cell: &dyn Fn(Feature) -> String| Feature::ALL.iter().fold(String::new(), |all, f| all + " " + &cell(*f) + " |");
    let mut out = format!("| client |{}\n|---|{}\n", head(&|f| f.word().into()), head(&|_| "---".into()).replace(' ', ""));
    for (client, cells) in &TABLE {
        let cells = cells.iter().fold(String::new(), |all, cell| match cell {
            Used => all + " yes |",
            Not(why) => all + " " + why + " |",
        });
        writeln!(out, "| {client} |{cells}").unwrap();
    }
    out
}

/// A station that takes mail of anybody for its desk `duty`, with a certificate of its own and a user.
pub struct Washington {
    pub house: House,
    pub station: Station,
    /// Where its server listens.
    pub at: String,
}

impl Washington {
    /// With these keys more in the port's table, and these on top of the station file.
    pub fn start(port: &str, top: &str) -> Washington {
        let (house, at) = Washington::write(port, top);
        let station = house.start("washington", &[]).unwrap();
        Washington { house, station, at }
    }
    /// Its files alone.
    pub fn write(port: &str, top: &str) -> (House, String) {
        let (house, at) = (House::new(), address());
        certs::make(&house.path("certs"), "washington", certs::world_utc(), 30).unwrap();
        Users::at(house.path("users")).put(USER[0], USER[1], None).unwrap();
        house.file(
            "washington.toml",
            format!(
                "station = \"washington\"\ndata = \"washington\"\nlisten = \"127.0.0.1:0\"\n{top}\n[desk.duty]\n[port.post]\nbackend = \"email\"\n\
                 kind = \"gateway\"\nline = {{ listen = \"{at}\", tls = \"certs\" }}\nusers = \"users\"\n\
                 domains = {{ washington = \"washington.example\" }}\n{port}\n"
            ),
        );
        (house, at)
    }
    pub fn maildir(&self) -> PathBuf {
        self.house.path("washington/maildir/duty")
    }
    /// How many messages lie at their desks.
    pub fn printed(&self) -> usize {
        self.house.board.read(|s| s.events.iter().filter(|e| e["event"] == "printed").count())
    }
    /// Waits until so many do.
    pub fn wait_printed(&self, count: usize) {
        let there = self.house.board.until(LONG, |s| (s.events.iter().filter(|e| e["event"] == "printed").count() >= count).then_some(()));
        assert!(there.is_some(), "{} of {count} mails are at the desk\n{}", self.printed(), self.station.process.errors());
    }
}

/// `tests/peers/mail_sample.py`; what it said, and whether it ended well.
pub fn sample(arguments: &[&str]) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/mail_sample.py");
    let done = Command::new(peer("python3", "python3")).arg(script).args(arguments).output().unwrap();
    assert!(done.stderr.is_empty(), "{}", text(&done.stderr));
    (done.status.success(), text(&done.stdout))
}

/// A client, what is special about its run, the kind of mail, and how it is done.
struct Run(&'static str, &'static str, &'static str, fn(&Case) -> String);

const PASSWORD: &str = USER[1];

fn runs() -> Vec<Run> {
    vec![
        Run("swaks", "plain", "ascii", |c| swaks(c, &[])),
        Run("swaks", "plain, 8 bit", "eight", |c| swaks(c, &[])),
        Run("swaks", "STARTTLS", "ascii", |c| swaks(c, &["--tls", "--tls-verify", "--tls-ca-path", c.shows[0]])),
        Run("swaks", "AUTH PLAIN", "eight", |c| {
            swaks(c, &["--tls", "--auth", "PLAIN", "--auth-user", USER[0], "--auth-password", PASSWORD])
        }),
        Run("swaks", "AUTH LOGIN", "ascii", |c| {
            swaks(c, &["--tls", "--auth", "LOGIN", "--auth-user", USER[0], "--auth-password", PASSWORD])
        }),
        Run("swaks", "PIPELINING", "ascii", |c| swaks(c, &["--pipeline"])),
        Run("msmtp", "plain", "ascii", |c| msmtp(c, &["--tls=off"])),
        Run("msmtp", "8 bit", "utf8", |c| msmtp(c, &["--tls=off"])),
        Run("msmtp", "PIPELINING", "ascii", |c| msmtp(c, &["--tls=off"])),
        Run("msmtp", "STARTTLS", "eight", |c| msmtp(c, &msmtp_tls(c))),
        Run("msmtp", "AUTH", "ascii", |c| {
            let (user, password) = (format!("--user={}", USER[0]), format!("--passwordeval=echo {PASSWORD}"));
            let login = ["--auth=plain".to_owned(), user, password];
            msmtp(c, &msmtp_tls(c).into_iter().chain(login.iter().map(String::as_str)).collect::<Vec<_>>())
        }),
        Run("msmtp", "DSN", "ascii", |c| msmtp(c, &["--tls=off", "--dsn-notify=success,failure", "--dsn-return=headers"])),
        Run("smtplib", "plain", "ascii", |c| smtplib(c, "plain")),
        Run("smtplib", "STARTTLS", "eight", |c| smtplib(c, "starttls")),
        Run("smtplib", "AUTH", "ascii", |c| smtplib(c, "auth")),
        Run("smtplib", "8BITMIME", "eight", |c| smtplib(c, "8bit")),
        Run("smtplib", "SMTPUTF8, all its own", "", |c| smtplib(c, "native")),
        Run("smtplib", "DSN", "ascii", |c| smtplib(c, "dsn")),
        Run("smtplib", "MT-PRIORITY", "ascii", |c| smtplib(c, "priority")),
        Run("Postfix", "PIPELINING, DSN", "ascii", |c| postfix(c, &[], &["-N", "success,failure,delay", "-R", "hdrs", "-V", "matrix"])),
        Run("Postfix", "8BITMIME", "eight", |c| postfix(c, &[], &["-B", "8BITMIME"])),
        Run("Postfix", "SMTPUTF8", "utf8", |c| postfix(c, &[], &["-B", "8BITMIME"])),
        Run("Postfix", "STARTTLS", "ascii", |c| postfix(c, &postfix_tls(c), &[])),
        Run("Postfix", "AUTH", "ascii", |c| {
            let password = format!("static:{}:{PASSWORD}", USER[0]);
            let login =
                [("smtp_sasl_auth_enable", "yes"), ("smtp_sasl_security_options", "noanonymous"), ("smtp_sasl_password_maps", &password)];
            postfix(c, &[&postfix_tls(c)[..], &login].concat(), &[])
        }),
        Run("exim", "CHUNKING", "ascii", |c| exim(c, "  hosts_try_chunking = *\n  hosts_avoid_tls = *", FROM, ["", ""])),
        Run("exim", "no CHUNKING", "ascii", |c| exim(c, "  hosts_try_chunking =\n  hosts_avoid_tls = *", FROM, ["", ""])),
        Run("exim", "8BITMIME, CHUNKING", "eight", |c| exim(c, "  hosts_avoid_tls = *", FROM, [" BODY=8BITMIME", ""])),
        Run("exim", "SMTPUTF8", "utf8", |c| exim(c, "  hosts_avoid_tls = *", "алиса@example.org", ["", ""])),
        Run("exim", "DSN", "ascii", |c| exim(c, "  hosts_avoid_tls = *", FROM, [" RET=HDRS ENVID=matrix", " NOTIFY=SUCCESS,FAILURE"])),
        Run("exim", "STARTTLS", "ascii", |c| exim(c, EXIM_TLS, FROM, ["", ""])),
        Run("exim", "AUTH", "eight", |c| exim(c, &format!("{EXIM_TLS}\n  hosts_require_auth = *"), FROM, ["", ""])),
    ]
}

const EXIM_TLS: &str = "  hosts_require_tls = *\n  tls_verify_certificates = CERT\n  tls_verify_hosts = *\n  tls_verify_cert_hostnames =";

fn msmtp_tls<'a>(case: &Case<'a>) -> Vec<&'a str> {
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) }; // a test's few words
    let [cert, name] = case.shows;
    vec!["--tls=on", "--tls-starttls=on", leak(format!("--tls-trust-file={cert}")), leak(format!("--tls-host-override={name}"))]
}

fn postfix_tls<'a>(case: &Case<'a>) -> [(&'a str, &'a str); 3] {
    [("smtp_tls_security_level", "secure"), ("smtp_tls_CAfile", case.shows[0]), ("smtp_tls_secure_cert_match", case.shows[1])]
}

/// Hands one mail in and looks at what arrived: what the client made use of, and the words that show it.
fn go(washington: &Washington, tap: &Tap, n: usize, run: &Run) -> BTreeMap<Feature, String> {
    let Run(client, name, kind, how) = run;
    let (id, mail) = (format!("{n}.{client}@example.org"), washington.house.path(&format!("{n}.eml")));
    let (shown, maildir) = (format!("{client}, {name}"), washington.maildir().display().to_string());
    if !kind.is_empty() {
        assert!(sample(&["make", kind, &id, mail.to_str().unwrap()]).0);
    }
    let cert = washington.house.path("certs/washington.crt").display().to_string();
    let case = Case { house: &washington.house, at: &tap.at, mail: mail.clone(), id: &id, shows: [&cert, "washington"] };
    let before = washington.printed();
    drop(tap.take());
    tap.slow(name.contains("PIPELINING"));
    let said = how(&case);
    washington.wait_printed(before + 1);
    let (same, told) = sample(&["seen", &maildir, mail.to_str().unwrap()]);
    let told: Value = serde_json::from_str(&told).unwrap_or_else(|e| panic!("{shown}: {e}: {told}"));
    assert!(same, "{shown}: {}\n{said}", told["differs"]);
    let received = told["received"][0].as_str().unwrap();
    assert!(received.contains("by washington.example with "), "{shown}: {received}");
    let heard = tap.take();
    assert!(heard.side(false).contains("250-PIPELINING"), "{shown}: {}", heard.side(false));
    let used = heard.used(received);
    let words: Vec<&str> = used.keys().map(|f| f.word()).collect();
    println!("{shown:34} {} octets of body and 2 files the same; {}", told["body"], words.join(" "));
    used
}

#[test]
#[ignore = "peer: run through tests/run"]
fn every_client_is_understood_in_every_feature_it_has_and_its_mail_arrives_octet_for_octet() {
    let washington = Washington::start("quota = 0", "");
    let tap = Tap::to(&washington.at);
    let mut seen: BTreeMap<(&str, Feature), String> = BTreeMap::new();
    let all = runs();
    for (n, run) in all.iter().enumerate() {
        for (feature, words) in go(&washington, &tap, n, run) {
            seen.entry((run.0, feature)).or_insert_with(|| format!("{words} ({})", run.1));
        }
    }
    println!("\n{}\nseen:", page());
    let mut wrong = vec![];
    for (client, cells) in &TABLE {
        for (feature, cell) in Feature::ALL.into_iter().zip(cells) {
            let words = seen.get(&(*client, feature));
            println!("{client:8} {:12} {}", feature.word(), words.map_or("-", String::as_str));
            if matches!(cell, Used) != words.is_some() {
                wrong.push(format!("{client}, {}: {words:?}", feature.word()));
            }
        }
    }
    println!("{} runs, {} mails", all.len(), washington.printed());
    assert!(wrong.is_empty(), "not as the table has it:\n{}", wrong.join("\n"));
    assert!(washington.station.stop().success());
}

//! The fuzz targets `smtp_server` and `smtp_client`: a session whose far end, and whose world, the bytes are.
//!
//! Server: whole lines of replies and nothing else go out; nothing behind a close; a message is said to be filed only when the world said so of this
//! very message; what is handed out to be filed has no bare CR, LF or NUL, is within its limits, and is for whom it may be; memory is bounded.
//! Client: no bare CR or LF on the wire; every message gets its verdicts once, one a recipient; "taken" and "in doubt" only behind the message's end; no mail
//! and no password before TLS where it is required.

use super::Bytes;
use molink::email::reply::Verdict;
use molink::email::smtp::client::{self, Client, Job, Tls};
use molink::email::smtp::envelope::{Body, Envelope, Recipient, Who};
use molink::email::smtp::limits::Limits;
use molink::email::smtp::server::{self, Checked, Directory, NotFiled, Server, Standing};
use molink::machine::Machine;
use molink::message::Precedence;
use molink::time::{Instant, Speed};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

struct People;

impl Directory for People {
    fn standing(&self, _: &Who, address: &str) -> Standing {
        match address.as_bytes().first() {
            Some(b'e') => Standing::Elsewhere,
            Some(b'n') => Standing::NotNow,
            Some(b'u') => Standing::Unknown,
            _ => Standing::Known,
        }
    }
    fn login(&self, name: &str, password: &str) -> Checked {
        match (name, password) {
            ("operator", "red phone") => Checked::Right,
            ("later", _) => Checked::NotNow,
            _ => Checked::Wrong,
        }
    }
}

const COMMANDS: [&str; 30] = [
    "EHLO washington\r\n",
    "HELO washington\r\n",
    "STARTTLS\r\n",
    "AUTH PLAIN AG9wZXJhdG9yAHJlZCBwaG9uZQ==\r\n",
    "AUTH LOGIN\r\n",
    "b3BlcmF0b3I=\r\n",
    "cmVkIHBob25l\r\n",
    "MAIL FROM:<>\r\n",
    "MAIL FROM:<a@washington> SIZE=100 BODY=8BITMIME RET=FULL ENVID=x MT-PRIORITY=6\r\n",
    "MAIL FROM:<я@washington> SMTPUTF8\r\n",
    "RCPT TO:<chairman@moscow> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bb\r\n",
    "RCPT TO:<else@example.org>\r\n",
    "RCPT TO:<unknown@moscow>\r\n",
    "RCPT TO:<postmaster>\r\n",
    "DATA\r\n",
    "Subject: x\r\n\r\n",
    "..x\r\n",
    ".\r\n",
    "\r\n.\r\n",
    "\n.\r\n",
    "BDAT 10\r\n",
    "BDAT 3 LAST\r\na\r\n",
    "BDAT 0 LAST\r\n",
    "RSET\r\n",
    "NOOP\r\n",
    "QUIT\r\n",
    "VRFY x\r\n",
    "EXPN x\r\n",
    "MAIL FROM:<a@b",
    "\r",
];

const SIZE: u64 = 400;

/// What is held against the outputs of a server.
#[derive(Default)]
struct ServerWatch {
    closed: bool,
    open: bool,
    spool: Vec<u8>,
    waiting: Option<u32>,
}

impl ServerWatch {
    fn see(&mut self, outputs: Vec<server::Output>, said: Option<(u32, &str)>) {
        // What came behind the message goes on at its answer, and may be the next message.
        let current = said.filter(|(n, _)| self.waiting.take_if(|w| w == n).is_some());
        for output in outputs {
            assert!(!self.closed, "behind a close: {output:?}");
            match output {
                server::Output::Send(octets) => replies(&octets, current.map(|(_, id)| id)),
                server::Output::StartTls => {}
                server::Output::Open => {
                    assert!(!std::mem::replace(&mut self.open, true), "a spool is open already");
                    self.spool.clear();
                }
                server::Output::Piece(octets) => {
                    assert!(self.open, "a piece for no spool");
                    self.spool.extend(octets);
                }
                server::Output::Finish(mail) => {
                    assert!(std::mem::take(&mut self.open) && self.waiting.is_none(), "one at a time");
                    self.waiting = Some(mail.number);
                    self.finished(&mail);
                }
                server::Output::Discard => {
                    self.open = false;
                    self.waiting = None;
                }
                server::Output::Close => self.closed = true,
            }
        }
    }

    fn finished(&self, mail: &server::Mail) {
        let text = &self.spool;
        assert_eq!(text.len() as u64, mail.octets);
        assert!(mail.octets <= SIZE && !text.contains(&0));
        let pairs = text.windows(2).filter(|w| w == b"\r\n").count();
        assert_eq!([b'\r', b'\n'].map(|e| text.iter().filter(|b| **b == e).count()), [pairs; 2], "bare CR or LF");
        assert_eq!(mail.eight, !text.is_ascii());
        let e = &mail.envelope;
        assert!((1..=3).contains(&e.to.len()));
        assert!(e.to.iter().map(|t| &t.address).chain([&e.from]).all(|a| !a.chars().any(|c| c.is_control() || c == ' ')));
        assert!(mail.who.trusted() || e.precedence.is_none_or(|p| p <= Precedence::Routine));
        assert!(mail.who.trusted() || !e.to.iter().any(|t| t.address.starts_with('e')), "passed on for a stranger");
        assert!(e.utf8 || e.from.is_ascii() && e.to.iter().all(|t| t.address.is_ascii()));
    }
}

/// Whole replies; "filed as" only with this identity.
fn replies(octets: &[u8], id: Option<&str>) {
    let text = std::str::from_utf8(octets).expect("replies are text");
    assert!(text.ends_with("\r\n"));
    for line in text.split_terminator("\r\n") {
        assert!(!line.chars().any(char::is_control) && line.len() < 510, "{line:?}");
        assert!(line.as_bytes()[..3].iter().all(u8::is_ascii_digit) && b" -".contains(&line.as_bytes()[3]), "{line:?}");
        if line.contains("filed as") {
            assert!(id.is_some_and(|id| line.ends_with(id)), "{line} though the world said {id:?}");
        }
    }
}

/// The target `smtp_server`.
pub fn server(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let bits = bytes.byte();
    let limits = Limits {
        size: SIZE,
        header: 200,
        recipients: 3,
        desks: 2,
        command: 120,
        auth: 200,
        line: 80,
        idle_commands: 30,
        errors: 12,
        logins: 3,
        messages: 6,
        waiting: 300,
    };
    let config = server::Config {
        host: "moscow".into(),
        directory: Arc::new(People),
        limits,
        tls: bits & 1 != 0,
        tls_required: bits & 2 != 0,
        auth: bits & 4 != 0,
        auth_required: bits & 8 != 0,
        speed: Speed::REAL,
    };
    let (mut server, mut now, mut watch) = (Server::new(config, "192.0.2.1"), Instant::ZERO, ServerWatch::default());
    watch.see(server.handle(now, server::Input::Connected), None);
    let mut ids = 0;
    while !bytes.is_empty() {
        let kind = bytes.below(32);
        // Mostly about the message that waits, sometimes about another.
        let number = if bytes.bit() { watch.waiting.unwrap_or(0) } else { bytes.byte().into() };
        ids += 1;
        let id = format!("ID-{ids}");
        let (input, said) = match kind {
            0 => {
                now += Duration::from_secs(u64::from(bytes.word()));
                watch.see(server.tick(now), None);
                continue;
            }
            1 => (server::Input::Secured(bytes.bit().then(|| "washington".into())), None),
            2 => (server::Input::SpoolFailed, None),
            3 => (
                server::Input::NotFiled(number, if bytes.bit() { NotFiled::NoRoom } else { NotFiled::Policy("a\r\n250 b".into()) }),
                Some(number),
            ),
            4..=7 => (server::Input::Filed(number, id.clone()), Some(number)),
            8 if bytes.byte() == 0 => (server::Input::Stop, None),
            9 if bytes.byte() == 0 => (server::Input::Closed, None),
            10..=16 => {
                let n = bytes.below(200);
                (server::Input::Octets(bytes.take(n).to_vec()), None)
            }
            _ => (server::Input::Octets(bytes.of(&COMMANDS).as_bytes().to_vec()), None),
        };
        let last = matches!(input, server::Input::Closed);
        let came = if let server::Input::Octets(octets) = &input { octets.len() } else { 0 };
        watch.see(server.handle(now, input), said.map(|n| (n, id.as_str())));
        assert!(server.holds() <= 300 + came.max(200), "{} octets are held", server.holds());
        assert!(watch.closed || last || server.deadline().is_some(), "nothing is waited for");
        if watch.closed || last {
            assert!(server.handle(now, server::Input::Octets(b"NOOP\r\n".to_vec())).is_empty() && server.deadline().is_none());
            return;
        }
    }
}

const REPLIES: [&str; 20] = [
    "220 moscow\r\n",
    "250 moscow\r\n",
    "250-moscow\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250-SIZE 1000\r\n250 CHUNKING\r\n",
    "250-moscow\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n",
    "250-moscow\r\n250 CHUNKING\r\n",
    "250-moscow\r\n250-AUTH LOGIN\r\n250 8BITMIME\r\n",
    "250 2.1.0 ok\r\n",
    "250 ok\r\n250 ok\r\n250 ok\r\n",
    "354 go\r\n",
    "354 go\r\n250 ok\r\n",
    "334 VXNlcm5hbWU6\r\n",
    "235 2.7.0 ok\r\n",
    "421 4.3.2 stopping\r\n",
    "450 4.2.0 later\r\n",
    "500 what\r\n",
    "550 5.1.1 no\r\n",
    "554 5.5.1 no recipients\r\n",
    "250-",
    "\r\n",
    "250 ok",
];

/// What is held against the outputs of a client.
struct ClientWatch {
    tls: Tls,
    secured: bool,
    closed: bool,
    reads: usize,
    jobs: BTreeMap<u32, usize>,
    /// Everything that was sent, and where the last message began.
    wire: Vec<u8>,
    begun: usize,
}

impl ClientWatch {
    fn see(&mut self, outputs: Vec<client::Output>) {
        for output in outputs {
            match output {
                client::Output::Settled(number, verdicts) => self.settled(number, &verdicts),
                output if self.closed => panic!("behind a close: {output:?}"),
                client::Output::Send(octets) => self.sent(&octets),
                client::Output::Read => self.reads += 1,
                client::Output::Close => self.closed = true,
                client::Output::StartTls | client::Output::Ready | client::Output::Failed(_) => {}
            }
        }
    }

    fn sent(&mut self, octets: &[u8]) {
        self.wire.extend(octets);
        let text = String::from_utf8_lossy(octets);
        if text.starts_with("MAIL FROM:") {
            self.begun = self.wire.len() - octets.len();
            assert!(self.secured || self.tls != Tls::Required, "mail in clear");
        }
        assert!(self.secured || !text.starts_with("AUTH"), "a password in clear");
    }

    fn settled(&mut self, number: u32, verdicts: &[Verdict]) {
        let recipients = self.jobs.remove(&number).expect("a message that was handed over and not settled");
        assert_eq!(verdicts.len(), recipients);
        if verdicts.iter().any(|v| matches!(v, Verdict::Taken(_) | Verdict::InDoubt(_))) {
            let wire = &self.wire[self.begun..];
            let ended = wire.windows(5).any(|w| w == b"\r\n.\r\n") || wire.windows(7).any(|w| w == b" LAST\r\n");
            assert!(ended, "{}", String::from_utf8_lossy(wire));
        }
    }
}

fn job(bytes: &mut Bytes, number: u32) -> Job {
    let mut envelope = Envelope { from: bytes.of(&["", "a@washington", "я@washington"]).to_string(), ..Envelope::default() };
    envelope.body = if bytes.bit() { Body::Eight } else { Body::Seven };
    envelope.size = bytes.bit().then_some(u64::from(bytes.word()));
    for _ in 0..bytes.below(4) {
        envelope.to.push(Recipient::new(*bytes.of(&["a@moscow", "b@moscow", "я@moscow", "bad", "a@b\r\nDATA"])));
    }
    Job { number, envelope }
}

/// The target `smtp_client`.
pub fn client(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let tls = *bytes.of(&[Tls::Required, Tls::Wanted, Tls::Never]);
    let login = bytes.bit().then(|| ("operator".to_owned(), "phone".to_owned()));
    let (chunks, secured) = (bytes.bit(), bytes.byte() == 0);
    let config = client::Config { host: "washington".into(), peer: "moscow".into(), tls, login, chunks, speed: Speed::REAL };
    let mut watch = ClientWatch { tls, secured, closed: false, reads: 0, jobs: BTreeMap::new(), wire: vec![], begun: 0 };
    let (mut client, mut now, mut number) = (Client::new(config), Instant::ZERO, 0);
    watch.see(client.handle(now, client::Input::Connected { secured }));
    while !bytes.is_empty() {
        let input = match bytes.below(32) {
            0 => {
                now += Duration::from_secs(u64::from(bytes.word()));
                watch.see(client.tick(now));
                continue;
            }
            1 | 2 => {
                watch.secured |= watch.wire.ends_with(b"STARTTLS\r\n");
                client::Input::Secured
            }
            3 if bytes.bit() => client::Input::NotSecured("showed nothing".into()),
            4 if bytes.bit() => client::Input::Unreadable("the disk is gone".into()),
            5 if bytes.bit() => client::Input::Quit,
            6..=9 => {
                number += 1;
                let job = job(&mut bytes, number);
                watch.jobs.insert(number, job.envelope.to.len());
                client::Input::Job(job)
            }
            10..=13 => {
                let n = bytes.below(50);
                client::Input::Piece(bytes.take(n).to_vec())
            }
            14 | 15 => client::Input::End,
            16..=19 => {
                let n = bytes.below(100);
                client::Input::Octets(bytes.take(n).to_vec())
            }
            _ => client::Input::Octets(bytes.of(&REPLIES).as_bytes().to_vec()),
        };
        watch.see(client.handle(now, input));
    }
    watch.see(client.handle(now, client::Input::Closed("closed".into())));
    assert!(watch.jobs.is_empty(), "without verdicts: {:?}", watch.jobs);
    assert!(client.deadline().is_none());
    let pairs = watch.wire.windows(2).filter(|w| w == b"\r\n").count();
    assert_eq!([b'\r', b'\n'].map(|e| watch.wire.iter().filter(|b| **b == e).count()), [pairs; 2], "bare CR or LF on the wire");
    assert!(!watch.wire.contains(&0));
}

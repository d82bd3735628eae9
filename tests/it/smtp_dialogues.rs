//! Replays `fixtures/dialogues/smtp`: each file is a session of our server or our client, line by line.
//!
//! `: KEY VALUE` sets it up. In a server's file `C:` lines and `!` are what happens to it, `S:` lines and `=` what it does; in a client's the other
//! way round. `C|` and `S|` are octets with escapes; `C* N TEXT` is TEXT N times. Each comes in a packet of its own, but with `: whole packets` all lines
//! that stand together come in one (`-` parts them). `+SECONDS` stands before what time alone brought about. The others are replayed in single octets too.

use molink::email::reply::{Reply, Verdict};
use molink::email::smtp::client::{self, Client, Job, Tls};
use molink::email::smtp::envelope::{Body, Envelope, Notify, Recipient, Return, Who};
use molink::email::smtp::limits::Limits;
use molink::email::smtp::server::{self, Checked, Directory, NotFiled, Server, Standing};
use molink::machine::Machine;
use molink::router::Fault;
use molink::time::{Instant, Speed, parse_duration};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// With this variable set, what the machines do is written anew between what happens to them (then read the difference).
pub const WRITE: &str = "MOLINK_WRITE_DIALOGUES";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/dialogues/smtp")
}

/// The people of the dialogues: desks at moscow and washington, the rest of the world elsewhere.
pub struct People;

impl Directory for People {
    fn standing(&self, _: &Who, address: &str) -> Standing {
        match address.rsplit_once('@') {
            None => Standing::Known,
            Some(("chairman" | "operator" | "дежурный", "moscow" | "washington")) => Standing::Known,
            Some((desk, "moscow")) if desk.eq_ignore_ascii_case("postmaster") => Standing::Known,
            Some((desk, "moscow")) if desk.starts_with("desk") => Standing::Known,
            Some(("later", "moscow")) => Standing::NotNow,
            Some((_, "moscow" | "washington")) => Standing::Unknown,
            Some(_) => Standing::Elsewhere,
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

fn unescape(text: &str) -> Vec<u8> {
    let mut out = vec![];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next().unwrap() {
                'r' => out.push(b'\r'),
                'n' => out.push(b'\n'),
                't' => out.push(b'\t'),
                '0' => out.push(0),
                '\\' => out.push(b'\\'),
                's' => out.push(b' '),
                'x' => out.push(u8::from_str_radix(&chars.by_ref().take(2).collect::<String>(), 16).unwrap()),
                other => panic!("\\{other} in {text}"),
            },
            _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out
}

/// Octets for a line of a dialogue; long ones are cut short.
pub fn escape(octets: &[u8]) -> String {
    let shown = |octets: &[u8]| {
        let mut out = String::new();
        for chunk in octets.utf8_chunks() {
            chunk.valid().chars().for_each(|c| match c {
                '\r' => out.push_str("\\r"),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\\' => out.push_str("\\\\"),
                c if c.is_control() => write!(out, "\\x{:02x}", c as u32).unwrap(),
                c => out.push(c),
            });
            chunk.invalid().iter().for_each(|b| write!(out, "\\x{b:02x}").unwrap());
        }
        out
    };
    match octets.len() {
        0..=300 => shown(octets),
        n => format!("{}…{} ({n} octets)", shown(&octets[..40]), shown(&octets[n - 20..])),
    }
}

/// A dialogue's settings.
#[derive(Clone)]
struct Head(Vec<(String, String)>);

impl Head {
    fn of(text: &str) -> Head {
        let lines = text.lines().filter_map(|l| l.strip_prefix(": "));
        Head(lines.map(|l| l.split_once(' ').unwrap_or((l, ""))).map(|(k, v)| (k.into(), v.into())).collect())
    }
    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }
    fn number(&self, key: &str, otherwise: u64) -> u64 {
        self.get(key).map_or(otherwise, |v| v.parse().unwrap_or_else(|_| panic!("{key} {v}")))
    }

    fn server(&self) -> Server {
        let d = Limits::default();
        let limits = Limits {
            size: self.number("size", 5_000),
            header: self.number("header", d.header),
            recipients: self.number("recipients", d.recipients as u64) as usize,
            desks: self.number("desks", d.desks as u64) as usize,
            command: self.number("command", d.command as u64) as usize,
            auth: d.auth,
            line: self.number("line", d.line as u64) as usize,
            idle_commands: self.number("idle", d.idle_commands.into()) as u32,
            errors: self.number("errors", 1_000) as u32,
            logins: d.logins,
            messages: self.number("messages", d.messages.into()) as u32,
            waiting: self.number("waiting", d.waiting as u64) as usize,
        };
        let config = server::Config {
            host: "moscow".into(),
            directory: Arc::new(People),
            limits,
            tls: self.get("tls").is_some(),
            tls_required: self.get("tls") == Some("required"),
            auth: self.get("auth").is_some(),
            auth_required: self.get("auth") == Some("required"),
            speed: Speed::REAL,
        };
        Server::new(config, "192.0.2.1")
    }

    fn client(&self) -> Client {
        let tls = match self.get("tls") {
            Some("required") => Tls::Required,
            Some("wanted") => Tls::Wanted,
            _ => Tls::Never,
        };
        let login = self.get("login").map(|l| l.split_once(' ').unwrap()).map(|(n, p)| (n.to_owned(), p.to_owned()));
        let chunks = self.get("chunks").is_some();
        Client::new(client::Config { host: "washington".into(), peer: "moscow".into(), tls, login, chunks, speed: Speed::REAL })
    }
}

/// Our server as a dialogue of these settings has it.
pub fn server(head: &str) -> Server {
    Head::of(head).server()
}

/// What both kinds of session have in common, for the replay.
trait Session: Machine {
    fn octets(&self, octets: Vec<u8>) -> Self::Input;
    fn event(&mut self, words: &str) -> Self::Input;
    /// What is sent, or else how it is written, and what the world answers to it at once.
    fn show(&mut self, output: Self::Output) -> (Shown, Option<Self::Input>);
}

enum Shown {
    Sent(Vec<u8>),
    /// Joined with the one before it.
    Piece(Vec<u8>),
    Said(String),
    Nothing,
}

struct OurServer(Server);
struct OurClient {
    machine: Client,
    text: Vec<u8>,
    piece: usize,
    at: usize,
}

macro_rules! machine {
    ($t:ty, $m:ident, $f:tt) => {
        impl Machine for $t {
            type Input = $m::Input;
            type Output = $m::Output;
            fn handle(&mut self, now: Instant, input: $m::Input) -> Vec<$m::Output> {
                self.$f.handle(now, input)
            }
            fn tick(&mut self, now: Instant) -> Vec<$m::Output> {
                self.$f.tick(now)
            }
            fn deadline(&self) -> Option<Instant> {
                self.$f.deadline()
            }
        }
    };
}
machine!(OurServer, server, 0);
machine!(OurClient, client, machine);

impl Session for OurServer {
    fn octets(&self, octets: Vec<u8>) -> server::Input {
        server::Input::Octets(octets)
    }
    fn event(&mut self, words: &str) -> server::Input {
        use server::Input::*;
        let (word, rest) = words.split_once(' ').unwrap_or((words, ""));
        let number = |rest: &str| rest.split(' ').next().and_then(|n| n.parse().ok()).expect("the message's number");
        let (n, why) = rest.split_once(' ').unwrap_or((rest, ""));
        match word {
            "connected" => Connected,
            "secured" => Secured(Some(rest.to_owned()).filter(|r| !r.is_empty())),
            "spool-failed" => SpoolFailed,
            "filed" => Filed(number(n), why.into()),
            "not-filed" => NotFiled(
                number(n),
                match why {
                    "no-room" => self::NotFiled::NoRoom,
                    "trouble" => self::NotFiled::Trouble,
                    "loop" => self::NotFiled::Loop,
                    "content" => self::NotFiled::Content,
                    other => self::NotFiled::Policy(other.into()),
                },
            ),
            "stop" => Stop,
            "closed" => Closed,
            other => panic!("no event `{other}`"),
        }
    }
    fn show(&mut self, output: server::Output) -> (Shown, Option<server::Input>) {
        use server::Output::*;
        let shown = match output {
            Send(octets) => Shown::Sent(octets),
            StartTls => Shown::Said("start-tls".into()),
            Open => Shown::Said("open".into()),
            Piece(octets) => Shown::Piece(octets),
            Finish(mail) => Shown::Said(format!("finish {} {}", mail.number, mail_words(&mail))),
            Discard => Shown::Said("discard".into()),
            Close => Shown::Said("close".into()),
        };
        (shown, None)
    }
}

fn mail_words(mail: &server::Mail) -> String {
    let e = &mail.envelope;
    let mut said = format!("from=<{}>", e.from);
    for to in &e.to {
        write!(said, " to=<{}>", to.address).unwrap();
        let _ = Some(to.notify.words()).filter(|w| !w.is_empty()).map(|w| write!(said, " notify={w}").unwrap());
        let _ = to.original.as_ref().map(|o| write!(said, " orcpt={o:?}").unwrap());
    }
    let _ = e.size.map(|s| write!(said, " size={s}").unwrap());
    let _ = e.ret.map(|r| write!(said, " ret={r:?}").unwrap());
    let _ = e.envid.as_ref().map(|i| write!(said, " envid={i:?}").unwrap());
    let _ = e.precedence.map(|p| write!(said, " precedence={p}").unwrap());
    let _ = mail.asked.map(|p| write!(said, " asked={p}").unwrap());
    let flags = [(e.body == Body::Eight, "8bitmime"), (e.utf8, "utf8"), (mail.eight, "eight"), (mail.who.secured, "secured")];
    flags.iter().filter(|(set, _)| *set).for_each(|(_, word)| write!(said, " {word}").unwrap());
    let _ = mail.who.login.as_ref().map(|l| write!(said, " login={l}").unwrap());
    let _ = mail.who.pinned.as_ref().map(|l| write!(said, " pinned={l}").unwrap());
    write!(said, " octets={}", mail.octets).unwrap();
    said
}

impl Session for OurClient {
    fn octets(&self, octets: Vec<u8>) -> client::Input {
        client::Input::Octets(octets)
    }
    fn event(&mut self, words: &str) -> client::Input {
        use client::Input::*;
        let (word, rest) = words.split_once(' ').unwrap_or((words, ""));
        match word {
            "connected" => Connected { secured: rest == "secured" },
            "secured" => Secured,
            "not-secured" => NotSecured(rest.into()),
            "job" => Job(job(rest)),
            "unreadable" => Unreadable(rest.into()),
            "quit" => Quit,
            "closed" => Closed("closed the connection".into()),
            other => panic!("no event `{other}`"),
        }
    }
    fn show(&mut self, output: client::Output) -> (Shown, Option<client::Input>) {
        use client::Output::*;
        let said = match output {
            Send(octets) => return (Shown::Sent(octets), None),
            Read if self.piece == 0 => return (Shown::Said("read".into()), None),
            Read => {
                let piece = &self.text[self.at..self.text.len().min(self.at + self.piece)];
                self.at += piece.len();
                let input = if piece.is_empty() { client::Input::End } else { client::Input::Piece(piece.to_vec()) };
                return (Shown::Nothing, Some(input));
            }
            StartTls => "start-tls".into(),
            Ready => {
                self.at = 0;
                "ready".into()
            }
            Settled(number, verdicts) => {
                self.at = 0;
                let words: Vec<String> = verdicts.iter().map(verdict_words).collect();
                format!("settled {number}\n=   {}", words.join("\n=   "))
            }
            Failed(reason) => format!("failed {}: {}", fault(reason.fault), reason.text),
            Close => "close".into(),
        };
        (Shown::Said(said), None)
    }
}

fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Line => "line",
        Fault::Peer => "peer",
        Fault::Us => "us",
    }
}

fn verdict_words(verdict: &Verdict) -> String {
    let by = |reply: &Option<Reply>| if reply.is_some() { "" } else { " (no reply)" };
    match verdict {
        Verdict::Taken(reply) => format!("taken: {reply}"),
        Verdict::Deferred(reason, reply) => format!("deferred, {}{}: {}", fault(reason.fault), by(reply), reason.text),
        Verdict::Refused(reason, reply) => format!("refused, {}{}: {}", fault(reason.fault), by(reply), reason.text),
        Verdict::InDoubt(reason) => format!("in doubt, {}: {}", fault(reason.fault), reason.text),
    }
}

/// `1 from=<a@b> to=<c@d> notify=SUCCESS …`; what follows a recipient belongs to it.
fn job(words: &str) -> Job {
    let mut words = words.split(' ');
    let number = words.next().unwrap().parse().unwrap();
    let mut envelope = Envelope::default();
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let value = value.trim_start_matches('<').trim_end_matches('>');
        let text = || String::from_utf8(unescape(value)).unwrap();
        match key {
            "from" => envelope.from = text(),
            "to" => envelope.to.push(Recipient::new(text())),
            "notify" => {
                let has = |w| value.split(',').any(|v| v == w);
                let notify = Notify { never: has("NEVER"), success: has("SUCCESS"), failure: has("FAILURE"), delay: has("DELAY") };
                envelope.to.last_mut().unwrap().notify = notify;
            }
            "orcpt" => envelope.to.last_mut().unwrap().original = Some(text()),
            "size" => envelope.size = Some(value.parse().unwrap()),
            "eight" => envelope.body = Body::Eight,
            "utf8" => envelope.utf8 = true,
            "ret" => envelope.ret = Some(if value == "full" { Return::Full } else { Return::Headers }),
            "envid" => envelope.envid = Some(text()),
            "precedence" => envelope.precedence = Some(value.parse().unwrap()),
            other => panic!("no key `{other}`"),
        }
    }
    Job { number, envelope }
}

/// A replay, and what is written of it.
struct Play<S> {
    session: S,
    ours: char,
    now: Instant,
    out: String,
    /// Octets of a message since the last other thing.
    piece: Vec<u8>,
    /// Octets sent that are not a line yet.
    sent: Vec<u8>,
}

impl<S: Session> Play<S> {
    fn flush(&mut self) {
        self.lines(true);
        if !self.piece.is_empty() {
            writeln!(self.out, "= piece {}", escape(&std::mem::take(&mut self.piece))).unwrap();
        }
    }

    /// Writes what was sent, by lines.
    fn lines(&mut self, all: bool) {
        while let Some(at) = self.sent.windows(2).position(|w| w == b"\r\n") {
            let line: Vec<u8> = self.sent.drain(..at + 2).take(at).collect();
            match std::str::from_utf8(&line) {
                Ok(text) if line.len() < 300 && !text.chars().any(char::is_control) => writeln!(self.out, "{}: {text}", self.ours).unwrap(),
                _ => writeln!(self.out, "{}| {}\\r\\n", self.ours, escape(&line)).unwrap(),
            }
        }
        if all && !self.sent.is_empty() {
            writeln!(self.out, "{}| {}", self.ours, escape(&std::mem::take(&mut self.sent))).unwrap();
        }
    }

    fn take(&mut self, outputs: Vec<S::Output>) {
        for output in outputs {
            let (shown, answer) = self.session.show(output);
            match shown {
                Shown::Sent(octets) => {
                    if !self.piece.is_empty() {
                        self.flush();
                    }
                    self.sent.extend_from_slice(&octets);
                    self.lines(false);
                }
                Shown::Piece(octets) => {
                    self.lines(true);
                    self.piece.extend_from_slice(&octets);
                }
                Shown::Said(text) => {
                    self.flush();
                    writeln!(self.out, "= {text}").unwrap();
                }
                Shown::Nothing => {}
            }
            if let Some(input) = answer {
                let outputs = self.session.handle(self.now, input);
                self.take(outputs);
            }
        }
    }

    fn packet(&mut self, packet: &[u8], single: bool) {
        for octets in packet.chunks(if single { 1 } else { packet.len().max(1) }) {
            let input = self.session.octets(octets.to_vec());
            let outputs = self.session.handle(self.now, input);
            self.take(outputs);
        }
    }

    /// Time passes; what comes of it is written with its time.
    fn wait(&mut self, until: Instant) {
        while let Some(at) = self.session.deadline().filter(|at| *at <= until) {
            self.now = at;
            self.flush();
            let (before, outputs) = (self.out.len(), self.session.tick(at));
            self.take(outputs);
            self.flush();
            if self.out.len() > before {
                self.out.insert_str(before, &format!("+{}\n", at.micros() as f64 / 1e6));
            }
        }
        self.now = until;
    }
}

/// Plays a file's inputs; returns the whole of it as it should stand.
fn play<S: Session>(text: &str, session: S, ours: char, theirs: char, single: bool) -> String {
    let mut play = Play { session, ours, now: Instant::ZERO, out: String::new(), piece: vec![], sent: vec![] };
    let mut packet = vec![];
    let whole = Head::of(text).get("whole").is_some();
    for line in text.lines() {
        let kind = line.chars().next().unwrap_or(' ');
        if (kind != theirs || !whole) && !packet.is_empty() {
            play.packet(&std::mem::take(&mut packet), single);
        }
        if kind == ours || "+= ".contains(kind) {
            continue;
        }
        play.flush();
        writeln!(play.out, "{line}").unwrap();
        match (kind, line.get(1..3)) {
            ('#' | ':' | '-', _) => {}
            ('!', _) => match line[2..].strip_prefix("wait ") {
                Some(length) => play.wait(play.now + parse_duration(length).unwrap()),
                None => {
                    let input = play.session.event(&line[2..]);
                    let outputs = play.session.handle(play.now, input);
                    play.take(outputs);
                }
            },
            (_, Some(": ")) => packet.extend_from_slice(format!("{}\r\n", &line[3..]).as_bytes()),
            (_, Some("| ")) => packet.extend_from_slice(&unescape(&line[3..])),
            (_, Some("* ")) => {
                let (times, what) = line[3..].split_once(' ').unwrap();
                packet.extend_from_slice(&unescape(what).repeat(times.parse().unwrap()));
            }
            _ if line.len() == 2 => packet.extend_from_slice(b"\r\n"),
            _ => panic!("`{line}` is not a line of a dialogue"),
        }
    }
    if !packet.is_empty() {
        play.packet(&packet, single);
    }
    play.flush();
    play.out
}

fn replay(text: &str, single: bool) -> String {
    let head = Head::of(text);
    match head.get("client") {
        None => play(text, OurServer(head.server()), 'S', 'C', single),
        Some(_) => {
            let text_of = unescape(head.get("message").unwrap_or("Subject: one\\r\\n\\r\\ntwo\\r\\n"));
            let piece = head.number("pieces", 1_000) as usize;
            play(text, OurClient { machine: head.client(), text: text_of, piece, at: 0 }, 'C', 'S', single)
        }
    }
}

#[test]
fn the_replies_to_a_group_of_commands_go_out_in_one_piece() {
    let mut server = server("");
    let mut say = |input| server.handle(Instant::ZERO, input);
    say(server::Input::Connected);
    say(server::Input::Octets(b"EHLO washington\r\n".to_vec()));
    // RFC 2920 3.2; two pieces would wait for each other where the far end is slow to acknowledge.
    let group = b"MAIL FROM:<a@example.org>\r\nRCPT TO:<chairman@moscow>\r\nDATA\r\n".to_vec();
    let sent: Vec<Vec<u8>> = say(server::Input::Octets(group))
        .into_iter()
        .filter_map(|output| match output {
            server::Output::Send(octets) => Some(octets),
            _ => None, // the spool
        })
        .collect();
    let [replies] = &sent[..] else { panic!("{} pieces", sent.len()) };
    let codes: Vec<&str> = std::str::from_utf8(replies).unwrap().lines().map(|line| &line[..3]).collect();
    assert_eq!(codes, ["250", "250", "354"]);
}

#[test]
fn every_dialogue_goes_as_it_is_written_in_packets_and_in_single_octets() {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 30, "{} files", files.len());
    let mut differ = vec![];
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let played = replay(&text, false);
        if std::env::var_os(WRITE).is_some() {
            std::fs::write(&file, &played).unwrap();
        } else if played != text {
            let at = text.lines().zip(played.lines()).find(|(a, b)| a != b);
            differ.push(format!("{}: {at:?}", file.display()));
        }
        let single = replay(&text, true);
        if single != played && Head::of(&text).get("whole").is_none() {
            let at = played.lines().zip(single.lines()).find(|(a, b)| a != b);
            differ.push(format!("{} in single octets: {at:?}", file.display()));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

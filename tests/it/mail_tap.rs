//! A tap on a wire between a mail client and a station: what was said is kept, both ways, in the order it passed.
//!
//! Standards: none. In: the far end's address. Out: an address to connect to, [`Heard`]: the pieces that passed, and what they show was used.
//! Left out: what is said in TLS (the mail's own `Received` tells of that). Shown by: `tests/it/mail_matrix.rs`.

use crate::wire::address;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A line of some length: a quarter of a second, as by satellite.
const SLOW: Duration = Duration::from_millis(250);

/// A thing that a client may make use of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Feature {
    Plain,
    StartTls,
    Auth,
    Pipelining,
    Size,
    EightBit,
    Utf8,
    Chunking,
    Dsn,
    Priority,
}

impl Feature {
    pub const ALL: [Feature; 10] = [
        Feature::Plain,
        Feature::StartTls,
        Feature::Auth,
        Feature::Pipelining,
        Feature::Size,
        Feature::EightBit,
        Feature::Utf8,
        Feature::Chunking,
        Feature::Dsn,
        Feature::Priority,
    ];
    /// As EHLO has it.
    pub fn word(self) -> &'static str {
        match self {
            Feature::Plain => "in clear",
            Feature::StartTls => "STARTTLS",
            Feature::Auth => "AUTH",
            Feature::Pipelining => "PIPELINING",
            Feature::Size => "SIZE",
            Feature::EightBit => "8BITMIME",
            Feature::Utf8 => "SMTPUTF8",
            Feature::Chunking => "CHUNKING",
            Feature::Dsn => "DSN",
            Feature::Priority => "MT-PRIORITY",
        }
    }
}

/// Pieces as they passed: whether the client said it, and what.
#[derive(Clone, Default)]
pub struct Heard(Vec<(bool, Vec<u8>)>);

impl Heard {
    /// All of one side, as text.
    pub fn side(&self, client: bool) -> String {
        let pieces: Vec<u8> = self.0.iter().filter(|(c, _)| *c == client).flat_map(|(_, p)| p.clone()).collect();
        String::from_utf8_lossy(&pieces).into_owned()
    }
    /// The first line of the client's with this in it, as a command.
    fn command(&self, verb: &str, with: &str) -> Option<String> {
        let said = self.side(true);
        said.lines().find(|l| l.to_ascii_uppercase().starts_with(verb) && l.to_ascii_uppercase().contains(with)).map(str::to_owned)
    }
    /// What was made use of, and the words that show it. `received` is what the station wrote on top of the mail.
    pub fn used(&self, received: &str) -> BTreeMap<Feature, String> {
        let with = received.split(" with ").nth(1).and_then(|r| r.split(' ').next()).unwrap_or_default();
        let secured = with.trim_end_matches('A').ends_with('S');
        let said = |found: bool| found.then(|| format!("with {with}"));
        let after_tls = self.0.iter().skip_while(|(c, p)| !(*c && p.starts_with(b"STARTTLS"))).any(|(c, p)| *c && p.first() == Some(&0x16));
        let groups = self.0.chunk_by(|(a, _), (b, _)| *a && *b).filter(|group| group[0].0);
        let mut groups = groups.map(|group| group.iter().map(|(_, p)| String::from_utf8_lossy(p).to_ascii_uppercase()).collect::<String>());
        let group = groups.find(|said| said.contains("MAIL FROM:") && said.contains("\r\nRCPT TO:"));
        let verbs =
            |said: &str| ["MAIL FROM:", "RCPT TO:", "DATA", "BDAT "].iter().filter(|v| said.lines().any(|l| l.starts_with(**v))).count();
        [
            (Feature::Plain, said(!secured && self.command("EHLO", "").is_some())),
            (Feature::StartTls, said(secured && after_tls)),
            (Feature::Auth, said(with.ends_with('A'))),
            (Feature::Pipelining, group.map(|said| format!("{} kinds of command at once", verbs(&said)))),
            (Feature::Size, self.command("MAIL FROM:", " SIZE=")),
            (Feature::EightBit, self.command("MAIL FROM:", " BODY=8BITMIME")),
            (Feature::Utf8, self.command("MAIL FROM:", " SMTPUTF8").filter(|_| with.starts_with("UTF8SMTP"))),
            (Feature::Chunking, self.command("BDAT ", "")),
            (Feature::Dsn, self.command("RCPT TO:", " NOTIFY=").or_else(|| self.command("MAIL FROM:", " RET="))),
            (Feature::Priority, self.command("MAIL FROM:", " MT-PRIORITY=")),
        ]
        .into_iter()
        .filter_map(|(feature, words)| Some((feature, words?)))
        .collect()
    }
}

/// A tap: connections to `at` go on to the far end.
pub struct Tap {
    pub at: String,
    heard: Arc<Mutex<Heard>>,
    slow: Arc<AtomicBool>,
}

impl Tap {
    /// A tap on the way to `far`; it serves until the test ends.
    pub fn to(far: &str) -> Tap {
        let (at, far, heard) = (address(), far.to_owned(), Arc::<Mutex<Heard>>::default());
        let slow = Arc::<AtomicBool>::default();
        let (listener, kept, is_slow) = (TcpListener::bind(&at).unwrap(), heard.clone(), slow.clone());
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(&far) else { continue };
                for (client, from, to) in [(true, near.try_clone(), far.try_clone()), (false, far.try_clone(), near.try_clone())] {
                    let (from, to, kept, is_slow) = (from.unwrap(), to.unwrap(), kept.clone(), is_slow.clone());
                    std::thread::spawn(move || pass(client, from, to, &kept, &is_slow));
                }
            }
        });
        Tap { at, heard, slow }
    }
    /// From now on replies take [`SLOW`] to the client, or not: who does not wait for them is seen in whatever pieces he writes.
    pub fn slow(&self, slow: bool) {
        self.slow.store(slow, Ordering::Relaxed);
    }
    /// What passed since this was asked last.
    pub fn take(&self) -> Heard {
        std::mem::take(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn pass(client: bool, mut from: TcpStream, mut to: TcpStream, kept: &Mutex<Heard>, slow: &AtomicBool) {
    let mut piece = vec![0; 64 << 10];
    while let Ok(n) = from.read(&mut piece) {
        if n == 0 {
            break;
        }
        if !client && slow.load(Ordering::Relaxed) {
            std::thread::sleep(SLOW);
        }
        kept.lock().unwrap_or_else(PoisonError::into_inner).0.push((client, piece[..n].to_vec()));
        if to.write_all(&piece[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

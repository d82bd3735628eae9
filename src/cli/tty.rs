//! `molink tty`: makes this terminal a teleprinter at a station's desk: messages print as they are filed, what is typed is handed in.
//!
//! Standards: the API of `docs/api.md`. In: keys (or lines, from a program), events of the station. Out: paper; 130 by Ctrl-C, 0 by Ctrl-D at rest.
//! Left out: codes and pace (the terminal has neither). Shown by: `tests/it/tty.rs`, `docs/machine-at-a-desk.md`.

mod link;
mod page;

use super::client::{Client, usual};
use super::{INTERRUPTED, Usage};
use crate::console::token;
use crate::message::convert::{self, Alphabet, Takes, TextForm};
use crate::message::{Identity, Message, Name};
use crate::router::Event;
use crate::teletype::codes::WRU;
use crate::teletype::slip;
use crate::teletype::typist::{Heard, Typist};
use anyhow::bail;
use link::Link;
use page::{Page, Raw};
use std::collections::VecDeque;
use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Make this terminal a teleprinter at a station's desk
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  molink tty
  molink tty --station http://127.0.0.1:1964 --desk chairman
  printf 'TO OPERATOR AT MOSCOW\\nHELLO\\nNNNN\\n' | molink tty

Type    TO OPERATOR AT MOSCOW     who it is for; OPERATOR@MOSCOW will do
        PRIORITY                  if it is urgent; SUBJ ..., if you like
        HELLO                     the text
        NNNN                      sends it

There is no backspace. EEEEEEEE takes the word before it back, XXXXX the line,
CANTRAN on a line of its own the message. Ctrl-E asks WRU; Ctrl-D leaves
between messages (0), Ctrl-C at any time (130).")]
pub struct Tty {
    /// The station's API
    #[arg(long, value_name = "URL", default_value_t = usual())]
    station: String,
    /// The desk this terminal stands at
    #[arg(long, value_name = "DESK", default_value = "operator")]
    desk: Name,
    /// The file with the station's token, if it runs under another account
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// Characters of a typed text.
const LONGEST: usize = 100_000;
/// What became of messages, kept for those whose identity is not known here yet.
const KEPT: usize = 100;

/// What reaches the machine.
enum Input {
    Keys(Vec<u8>),
    End,
    /// Leave with this exit code.
    Leave(u8),
    /// A message for this desk.
    Came(Box<Message>),
    Became(Identity, Event),
    HandedIn(anyhow::Result<Identity>),
    Gone(String),
    Back,
}

pub(super) fn run(args: Tty) -> anyhow::Result<ExitCode> {
    let client = Arc::new(Client::new(&args.station)?);
    let (station, last) = link::ask(&client, &args.desk)?;
    let token = match &args.token_file {
        Some(file) => token::read(file),
        None => token::find(&client.host, client.port),
    };
    let token = token.map_err(Usage)?;
    let keys = std::io::stdin();
    let raw = if keys.is_terminal() { Some(Raw::begin().map_err(|e| anyhow::anyhow!("this terminal cannot be set: {e}"))?) } else { None };
    let (tell, told) = channel();
    let link = Link { client: client.clone(), token, station: station.clone(), desk: args.desk.clone(), tell: tell.clone() };
    link.clone().follow(last);
    read_keys(tell.clone());
    on_signals(tell);
    let mut machine = Machine {
        typist: Typist::new(LONGEST),
        page: Page::new(raw.is_some()),
        link,
        station,
        waiting: vec![],
        handing_in: 0,
        sent: vec![],
        became: VecDeque::new(),
        failed: false,
        stray: false,
        ended: false,
    };
    machine.page.line(&format!("{} AT {}", args.desk.upper(), machine.station.upper()));
    let code = machine.run(&told);
    machine.page.home();
    drop(raw); // before the exit, which drops nothing
    let code = code?;
    Ok(ExitCode::from(code))
}

/// Brings what is typed, until it ends.
fn read_keys(tell: Sender<Input>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 1024];
        loop {
            let sent = match std::io::stdin().lock().read(&mut buffer) {
                Ok(n @ 1..) => tell.send(Input::Keys(buffer[..n].to_vec())),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Ok(_) | Err(_) => {
                    let _ = tell.send(Input::End);
                    return;
                }
            };
            if sent.is_err() {
                return;
            }
        }
    });
}

/// Signals end it in order, so that the terminal is as it was. (In a terminal Ctrl-C is a key.)
fn on_signals(tell: Sender<Input>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let inside = runtime.enter();
    let kinds = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()));
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = kinds else { return };
    drop(inside);
    std::thread::spawn(move || {
        let code = runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => INTERRUPTED,
                _ = terminate.recv() => 0,
                _ = hangup.recv() => 0,
            }
        });
        tell.send(Input::Leave(code))
    });
}

struct Machine {
    typist: Typist,
    page: Page,
    link: Link,
    station: Name,
    waiting: Vec<Message>,
    /// Messages on their way to the station's disk.
    handing_in: usize,
    sent: Vec<Identity>,
    became: VecDeque<(Identity, Event)>,
    /// Something that was typed was not taken.
    failed: bool,
    /// What was typed last is no message so far, nor was it answered.
    stray: bool,
    /// Nothing more will be typed.
    ended: bool,
}

impl Machine {
    fn run(&mut self, told: &Receiver<Input>) -> anyhow::Result<u8> {
        loop {
            self.print_waiting()?;
            self.page.flush()?;
            if self.ended && self.handing_in == 0 {
                return Ok(u8::from(self.failed));
            }
            let input = match self.wait() {
                Some(time) => told.recv_timeout(time),
                None => told.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match input {
                Ok(input) => {
                    if let Some(code) = self.take(input)? {
                        return Ok(code);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    let now = self.link.client.clock.now();
                    if let Some(heard) = self.typist.tick(now) {
                        self.heard(heard)?;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => bail!("nothing reaches this terminal any more (a bug)"),
            }
        }
    }
    /// How long nothing needs to be done if nothing comes.
    fn wait(&self) -> Option<Duration> {
        let held = self.waiting.iter().filter_map(|m| self.typist.holds(m.envelope.precedence)).min();
        held.into_iter().chain(self.typist.deadline()).min().map(|at| self.link.client.clock.until(at) + Duration::from_millis(1))
    }

    fn take(&mut self, input: Input) -> anyhow::Result<Option<u8>> {
        match input {
            Input::Keys(bytes) => {
                for c in self.page.typed(&bytes) {
                    if let Some(code) = self.key(c)? {
                        return Ok(Some(code));
                    }
                }
            }
            Input::End => {
                self.key('\n')?; // a last line without an end is a line
                if let Some(to) = self.typist.forget() {
                    self.say(&format!("not sent: the input ended before NNNN; your message to {to} was dropped"));
                    self.failed = true;
                } else if self.stray && !self.failed {
                    self.say("nothing to send: begin with TO DESK AT STATION, end with NNNN");
                    self.failed = true;
                }
                self.ended = true;
            }
            Input::Leave(code) => return Ok(Some(code)),
            Input::Came(message) => self.waiting.push(*message),
            Input::Became(id, event) => {
                self.became.push_back((id, event));
                self.became.drain(..self.became.len().saturating_sub(KEPT));
                self.tell_became();
            }
            Input::HandedIn(answer) => self.handed_in(answer),
            Input::Gone(why) => self.say(&format!("{why}; waiting for it to come back")),
            Input::Back => self.say("the station is back"),
        }
        Ok(None)
    }

    /// One key; `Some` leaves.
    fn key(&mut self, c: char) -> anyhow::Result<Option<u8>> {
        match c {
            '\u{3}' => return Ok(Some(INTERRUPTED)),
            '\u{4}' if self.typist.rests() => return Ok(Some(0)),
            '\u{4}' => self.say("a message is open: NNNN sends it, CANTRAN drops it"),
            WRU => self.heard(Heard::WhoAreYou)?,
            c if c.is_control() && c != '\n' => self.page.ring(1),
            c => {
                let now = self.link.client.clock.now();
                self.stray |= !c.is_whitespace();
                for c in c.to_uppercase() {
                    self.page.echo(c);
                    // The station says at NNNN whom it can reach.
                    if let Some(heard) = self.typist.take(now, c, &|_, _| Ok(())) {
                        self.heard(heard)?;
                    }
                }
            }
        }
        Ok(None)
    }

    fn heard(&mut self, heard: Heard) -> anyhow::Result<()> {
        self.stray = false;
        match heard {
            Heard::Say(sentence) => {
                self.failed = true;
                self.say(&sentence);
            }
            Heard::WhoAreYou => self.say(&format!("MOLINK {}", self.station.upper())),
            Heard::Message(typed) => {
                self.page.home();
                self.handing_in += 1;
                self.link.clone().hand_in(typed);
            }
        }
        Ok(())
    }
    fn handed_in(&mut self, answer: anyhow::Result<Identity>) {
        self.handing_in -= 1;
        match answer {
            Ok(id) => {
                self.say(&format!("sent {}", id.heading()));
                self.sent.push(id);
                self.tell_became();
            }
            Err(why) => {
                self.failed = true;
                let why = format!("{why:#}");
                let why = why.split_once("does not take it: ").map_or(why.as_str(), |(_, reason)| reason); // which station it is, is known here
                self.say(&format!("not sent: {why}"));
            }
        }
    }
    fn tell_became(&mut self) {
        let (ours, others): (VecDeque<_>, VecDeque<_>) = self.became.drain(..).partition(|(id, _)| self.sent.contains(id));
        self.became = others;
        for (id, event) in ours {
            self.sent.retain(|sent| *sent != id);
            let heading = id.heading();
            match event {
                Event::Filed { at, .. } => self.say(&format!("filed {heading} at {at}")),
                Event::Custody { at, .. } => self.say(&format!("{heading} is in custody of {at}")),
                Event::Returned { reason } => self.say(&format!("not delivered {heading}: {reason}")),
                _ => {} // the link tells of nothing else
            }
        }
    }

    /// Prints what waits, the most urgent first, unless the operator is typing.
    fn print_waiting(&mut self) -> anyhow::Result<()> {
        loop {
            let now = self.link.client.clock.now();
            let free = |m: &Message| self.typist.holds(m.envelope.precedence).is_none_or(|until| until <= now);
            let ready = self.waiting.iter().enumerate().filter(|(_, m)| free(m));
            let Some(at) = ready.max_by_key(|(n, m)| (m.envelope.precedence, std::cmp::Reverse(*n))).map(|(n, _)| n) else { return Ok(()) };
            let message = self.waiting.remove(at);
            self.print(message);
            match self.typist.open() {
                Some(to) => self.say(&format!("go on: your message to {to} is open")),
                None => self.page.again(self.typist.line()),
            }
        }
    }
    /// A sentence; what was being typed stands below it once more.
    fn say(&mut self, sentence: &str) {
        self.page.line(sentence);
        self.page.again(self.typist.line());
    }
    fn print(&mut self, message: Message) {
        let form = TextForm { alphabet: Alphabet::Any, twin: None, columns: page::COLUMNS, longest: usize::MAX, per_hour: None };
        let takes = Takes::texts(form);
        let message = convert::printable(message, &takes);
        let message = convert::convert_message(message.clone(), &takes).map_or(message, |(made, _)| made);
        self.page.home();
        self.page.feed(1);
        self.page.ring(slip::bells(message.envelope.precedence));
        for line in slip::lines(&message, false) {
            self.page.print(&line);
        }
        self.page.feed(2);
    }
}

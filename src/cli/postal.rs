//! Mail as an audience is told of it, and watches it: what a tap on the circuit sees of a session, and the mail as it is at its desk.
//!
//! Standards: RFC 5321 and 3207 (what is said before TLS). In: octets of circuits, messages. Out: sentences; rows of at most 79 columns.
//! Left out: what is said under TLS, which no tap can read; where rows stand (`screen`). Shown by: the tests below, `molink demo --era 2008`.

use super::narrate::broken;
use super::wires::{apart, short};
use crate::history::scenario::{CircuitPlan, Medium};
use crate::message::{Message, Name, Part};
use crate::router::Event;
use crate::router::event::{Direction, Span, Stamped};
use crate::station::live_mail::{Passed, Tapped};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Columns of a row behind its label.
const WIDE: usize = 69;
/// Octets that one mark of the bar stands for, and its longest.
const MARK: u64 = 1024;
const BAR: usize = 44;
/// Lines of a session in clear that are shown, and the longest kept.
const LINES: usize = 3;
const LINE: usize = 200;
/// What a message begins with.
const WHOSE: &str = "→ MAIL FROM";
/// Moments without an octet after which a session is not shown any more.
const STILL: u32 = 30;
/// Lines of a mail's text that are shown.
const TEXT: usize = 16;
/// Columns of them.
const TEXT_WIDE: usize = 75;
/// The first octet of a TLS handshake (RFC 8446 5.1).
const HANDSHAKE: u8 = 0x16;

/// All circuits that carry mail.
#[derive(Default)]
pub(super) struct Postal {
    /// The circuit of each end of one.
    ends: BTreeMap<(Name, String), String>,
    /// By circuit and caller; the last one of each.
    sessions: BTreeMap<(String, Name), Session>,
    /// What TLS is has been told.
    explained: bool,
    /// Messages that came by mail.
    came: BTreeSet<String>,
}

/// A session, as far as a tap can follow it.
#[derive(Default)]
struct Session {
    number: u64,
    to: String,
    /// What was said: in clear as the tap has it, under TLS as the caller tells it; `→` the caller's.
    said: VecDeque<String>,
    /// What each side has begun to say.
    begun: [Vec<u8>; 2],
    enciphered: bool,
    /// Octets of the caller's, under TLS, since the last message was done.
    octets: u64,
    /// What a printer would make of the last of them.
    glimpse: String,
    still: u32,
    on: bool,
}

impl Postal {
    pub fn new(circuits: &BTreeMap<String, CircuitPlan>) -> Postal {
        let mail = circuits.iter().filter(|(_, plan)| plan.medium == Medium::Mail);
        let ends = mail.flat_map(|(name, plan)| plan.ends.iter().map(move |end| (end.clone(), name.clone())));
        Postal { ends: ends.collect(), ..Postal::default() }
    }

    /// Whether a port is an end of a mail circuit.
    pub fn carries(&self, station: &Name, port: Option<&String>) -> bool {
        port.is_some_and(|port| self.ends.contains_key(&(station.clone(), port.clone())))
    }
    /// A message has come by mail; whether one has.
    pub fn came(&mut self, id: String) {
        self.came.insert(id);
    }
    pub fn has(&self, id: &str) -> bool {
        self.came.contains(id)
    }

    /// Takes what a tap saw. What is to be told of it.
    pub fn take(&mut self, tapped: &Tapped) -> Option<String> {
        let [from, to] = &tapped.way;
        let key = |caller: &Name| (tapped.circuit.clone(), caller.clone());
        match &tapped.what {
            Passed::Called => {
                let session = Session { number: tapped.connection, to: to.upper(), on: true, ..Session::default() };
                self.sessions.insert(key(from), session);
                None
            }
            Passed::Octets(octets) => {
                let number = tapped.connection;
                let caller = [from, to].into_iter().find(|n| self.sessions.get(&key(n)).is_some_and(|s| s.number == number))?;
                let session = self.sessions.get_mut(&key(caller))?;
                if !session.hears(usize::from(caller != from), octets) {
                    return None;
                }
                let (caller, circuit, called) = (caller.upper(), &tapped.circuit, &session.to);
                let why = match std::mem::replace(&mut self.explained, true) {
                    true => "",
                    false => ": each knows the other by a certificate, and nobody between can read along",
                };
                Some(format!("{caller} ({circuit}) calls {called} and goes over to TLS{why}"))
            }
            Passed::Ended => {
                self.over(tapped);
                None
            }
            Passed::BrokeOff => {
                let octets = self.over(tapped).filter(|octets| *octets > 0)?;
                Some(format!("The circuit {} breaks off; {} octets had gone, and are worth nothing", tapped.circuit, thousands(octets)))
            }
        }
    }
    /// What a caller says or hears of a session under TLS, where no tap does.
    pub fn speaks(&mut self, e: &Stamped) {
        let Event::Service { dir, line, span: Span::Cipher } = &e.event else { return };
        let Some(circuit) = e.port.as_ref().and_then(|port| self.ends.get(&(e.station.clone(), port.clone()))) else { return };
        if let Some(session) = self.sessions.get_mut(&(circuit.clone(), e.station.clone())) {
            session.still = 0;
            session.says(usize::from(*dir == Direction::In), line);
        }
    }
    /// A connection is over: how many octets of the message in hand had gone.
    fn over(&mut self, tapped: &Tapped) -> Option<u64> {
        let session = self.sessions.get_mut(&(tapped.circuit.clone(), tapped.way[0].clone()));
        let session = session.filter(|session| session.number == tapped.connection)?;
        session.on = false;
        Some(std::mem::take(&mut session.octets))
    }

    /// The far end of a circuit has a message on file: how many octets went for it.
    pub fn done(&mut self, station: &Name, port: Option<&String>) -> Option<String> {
        let circuit = self.ends.get(&(station.clone(), port?.clone()))?;
        let session = self.sessions.get_mut(&(circuit.clone(), station.clone()))?;
        Some(thousands(std::mem::take(&mut session.octets)))
    }

    /// A moment has passed.
    pub fn pass(&mut self) {
        self.sessions.values_mut().for_each(|session| session.still = session.still.saturating_add(1));
    }
    /// All of it is over.
    pub fn end(&mut self) {
        self.sessions.clear();
    }
    /// The rows of the sessions at work.
    pub fn in_hand(&self) -> Vec<String> {
        let at_work = self.sessions.iter().filter(|(_, session)| session.on && session.still < STILL);
        at_work.flat_map(|((circuit, caller), session)| session.rows(circuit, caller)).collect()
    }
}

impl Session {
    /// Hears octets of the caller (0) or the called (1). Whether TLS begins with them.
    fn hears(&mut self, side: usize, octets: &[u8]) -> bool {
        self.still = 0;
        let begins = !self.enciphered && octets.first() == Some(&HANDSHAKE);
        self.enciphered |= begins;
        if self.enciphered {
            if side == 0 {
                self.octets += octets.len() as u64;
            }
            self.glimpse = octets.iter().take(WIDE).map(|b| if (0x21..0x7f).contains(b) { char::from(*b) } else { '·' }).collect();
            return begins;
        }
        self.begun[side].extend(octets);
        while let Some(end) = self.begun[side].iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = self.begun[side].drain(..=end).take(LINE).collect();
            let line: String = String::from_utf8_lossy(&line).chars().filter(|c| !c.is_control()).collect();
            self.says(side, &line);
        }
        self.begun[side].truncate(LINE);
        begins
    }
    fn says(&mut self, side: usize, line: &str) {
        let line: String = line.chars().filter(|c| !c.is_control()).take(WIDE).collect();
        // Of an answer of many lines the first is enough.
        if side == 1 && self.last_is(&line) {
            return;
        }
        let line = format!("{} {line}", if side == 0 { "→" } else { "←" });
        // Whose message it is stays in view until the next one's.
        if line.starts_with(WHOSE) {
            self.said.retain(|line| !line.starts_with(WHOSE));
        }
        self.said.push_back(line);
        while self.said.len() > LINES {
            let stays = usize::from(self.said[0].starts_with(WHOSE));
            self.said.remove(stays);
        }
    }
    /// Whether an answer's line goes on with the one told last: `250-moscow`, `250 STARTTLS`.
    fn last_is(&self, line: &str) -> bool {
        let last = self.said.back().and_then(|said| said.strip_prefix("← "));
        last.zip(line.get(..3)).is_some_and(|(last, code)| last.get(..4) == Some(format!("{code}-").as_str()))
    }

    fn rows(&self, circuit: &str, caller: &Name) -> Vec<String> {
        let mut rows = vec![format!(" MAIL BY {}: {} calls {}", circuit.to_uppercase(), caller.upper(), self.to)];
        let row = |text: &str| format!(" {:6} : {}", short(circuit), text.chars().take(WIDE).collect::<String>()).trim_end().to_owned();
        match self.enciphered {
            false => rows.extend(self.said.iter().map(|line| row(line))),
            true => {
                let [caller, _] = apart([&caller.upper(), &self.to]);
                rows.extend(self.said.iter().map(|line| format!(" {caller:6} | {line}")));
                rows.push(row(&self.glimpse));
                let marks = usize::try_from(self.octets / MARK).unwrap_or(BAR).min(BAR);
                let bar = "#".repeat(marks) + if marks > 0 { " " } else { "" };
                if self.octets > 0 {
                    rows.push(format!(" {:6}   {bar}{} octets, enciphered", "", thousands(self.octets)));
                }
            }
        }
        rows
    }
}

/// A mail at its desk: what the audience is told, and the rows of it.
pub(super) fn read(at: &Name, message: &Message) -> (String, Vec<String>) {
    let chat = !message.envelope.class.is_usual();
    let (who, id, subject) = (at.upper(), message.identity.heading(), &message.envelope.subject);
    let told = match chat {
        true => format!("{who} reads {id} on the screen:"),
        false => format!("{who} has {id} in its mailbox: {subject}"),
    };
    let texts = message.content.iter().filter_map(|part| match part {
        Part::Text { text } => Some(text.as_str()),
        Part::Page(_) | Part::File(_) => None,
    });
    let lines: Vec<&str> = texts.flat_map(str::lines).collect();
    let mut rows: Vec<String> = lines.iter().take(TEXT).flat_map(|line| on_screen(line)).collect();
    if lines.len() > TEXT {
        rows.push(format!("  | ... and {} lines more", lines.len() - TEXT));
    }
    rows.extend(message.content.iter().filter_map(|part| match part {
        Part::Page(blob) | Part::File(blob) => {
            let hash: String = blob.sha256.chars().take(12).collect();
            let name: String = blob.name.chars().take(30).collect();
            Some(format!("  + {name}, {} octets, SHA-256 {hash}...", thousands(blob.size)))
        }
        Part::Text { .. } => None,
    }));
    (told, rows)
}

/// A line of a text as it was written; one that is too long is broken between words.
fn on_screen(line: &str) -> Vec<String> {
    let line: String = line.chars().filter(|c| !c.is_control()).collect();
    if line.chars().count() <= TEXT_WIDE {
        return vec![format!("  | {line}").trim_end().to_owned()];
    }
    let words = line.split_whitespace().map(|word| word.chars().take(TEXT_WIDE - 1).collect::<String>());
    let rows = broken("    ", &words.collect::<Vec<_>>().join(" "));
    rows.into_iter().map(|row| format!("  | {}", row.trim_start())).collect()
}

/// `61,204`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Profile;

    fn postal() -> Postal {
        let ends = ["washington", "moscow"].map(|s| (s.parse().unwrap(), "sat".to_owned()));
        let plan = CircuitPlan { ends, profile: Profile::geo(), medium: Medium::Mail, rate: None };
        Postal::new(&[("sat-1".to_owned(), plan)].into())
    }
    fn tapped(caller: bool, what: Passed) -> Tapped {
        let way = if caller { ["washington", "moscow"] } else { ["moscow", "washington"] };
        Tapped { utc: crate::time::Utc(0), circuit: "sat-1".into(), connection: 1, way: way.map(|s| s.parse().unwrap()), what }
    }
    fn octets(caller: bool, octets: &[u8]) -> Tapped {
        tapped(caller, Passed::Octets(octets.to_vec()))
    }

    #[test]
    fn a_session_is_shown_in_clear_until_tls_begins_and_counted_from_there() {
        let mut postal = postal();
        for (caller, line) in [
            (false, "220 moscow ESMTP molink\r\n"),
            (true, "EHLO washington\r\n"),
            (false, "250-moscow\r\n250-SIZE\r\n250 STARTTLS\r\n"),
            (true, "STARTTLS\r\n"),
            (false, "220 2.0.0 begin TLS\r\n"),
        ] {
            if line.starts_with("220 moscow") {
                assert_eq!(postal.take(&tapped(true, Passed::Called)), None);
            }
            assert_eq!(postal.take(&octets(caller, line.as_bytes())), None);
        }
        let rows = postal.in_hand();
        assert_eq!(
            rows,
            [
                " MAIL BY SAT-1: WASHINGTON calls MOSCOW",
                " sat-1  : ← 250-moscow",
                " sat-1  : → STARTTLS",
                " sat-1  : ← 220 2.0.0 begin TLS"
            ]
        );
        let hello = [&[HANDSHAKE][..], &[b'A'; 3000]].concat();
        let told = postal.take(&octets(true, &hello)).unwrap();
        assert!(told.starts_with("WASHINGTON (sat-1) calls MOSCOW and goes over to TLS: "), "{told}");
        assert_eq!(postal.take(&octets(false, &hello)), None, "and only once");
        let said = |dir, line: &str| Stamped {
            t: 0,
            utc: crate::time::Utc(0),
            station: "washington".parse().unwrap(),
            port: Some("sat".into()),
            id: None,
            event: Event::Service { dir, line: line.into(), span: Span::Cipher },
        };
        postal.speaks(&said(Direction::Out, "MAIL FROM:<duty@washington>"));
        postal.speaks(&said(Direction::In, "250 2.1.0 sender taken"));
        assert_eq!(postal.in_hand()[2..4], [" WASH.  | → MAIL FROM:<duty@washington>", " WASH.  | ← 250 2.1.0 sender taken"]);
        for (dir, line) in [(Direction::Out, "RCPT TO:<duty@moscow>"), (Direction::Out, "DATA"), (Direction::In, "354 go on")] {
            postal.speaks(&said(dir, line));
        }
        assert_eq!(postal.in_hand()[1..4], [" WASH.  | → MAIL FROM:<duty@washington>", " WASH.  | → DATA", " WASH.  | ← 354 go on"]);
        let rows = [vec![String::new()], postal.in_hand().split_off(4)].concat();
        assert_eq!(rows[1..], [format!(" sat-1  : ·{}", "A".repeat(WIDE - 1)), "          ## 3,001 octets, enciphered".to_owned()]);
        assert!(rows.iter().all(|row| row.chars().count() < 80));
        assert_eq!(postal.done(&"washington".parse().unwrap(), Some(&"sat".to_owned())).as_deref(), Some("3,001"));
        (0..=STILL).for_each(|_| postal.pass());
        assert!(postal.in_hand().is_empty(), "a session that rests is not shown");
    }

    #[test]
    fn a_circuit_that_breaks_off_is_told_with_what_had_gone() {
        let mut postal = postal();
        postal.take(&tapped(true, Passed::Called));
        assert!(postal.take(&octets(true, &[HANDSHAKE; 12_345])).is_some());
        let told = postal.take(&tapped(true, Passed::BrokeOff)).unwrap();
        assert_eq!(told, "The circuit sat-1 breaks off; 12,345 octets had gone, and are worth nothing");
        assert!(postal.in_hand().is_empty());
        postal.take(&tapped(true, Passed::Called));
        assert_eq!(postal.take(&tapped(true, Passed::BrokeOff)), None, "nothing had gone");
    }

    #[test]
    fn a_line_without_end_and_octets_of_any_kind_stay_bounded_and_on_one_row() {
        let mut postal = postal();
        postal.take(&tapped(true, Passed::Called));
        for _ in 0..1000 {
            postal.take(&octets(true, &[b'x'; 4000]));
        }
        postal.take(&octets(true, b"\x1b[2J\r\n"));
        assert!(postal.in_hand().iter().all(|row| row.chars().count() < 80 && !row.contains('\x1b')), "{:?}", postal.in_hand());
    }

    #[test]
    fn a_mail_is_shown_as_it_is_written_and_a_long_line_of_chat_is_broken() {
        let words = "A greeting follows by satellite 1, with a document attached: please say when you have all of it.";
        assert_eq!(on_screen("  1. indented"), ["  |   1. indented"]);
        assert_eq!(on_screen(""), ["  |"]);
        let rows = on_screen(words);
        assert!(rows.len() == 2 && rows.iter().all(|row| row.chars().count() < 80), "{rows:?}");
        assert_eq!(rows.iter().map(|row| &row[4..]).collect::<Vec<_>>().join(" "), words);
        assert!(on_screen(&"X".repeat(300)).iter().all(|row| row.chars().count() < 80));
    }

    #[test]
    fn the_caller_of_a_session_is_told_from_the_called_also_where_their_names_begin_alike() {
        for (names, label) in [
            (["nrrc-washington", "nrrc-moscow"], "WASH."),
            (["nrrc-moscow", "nrrc-washington"], "MOSCOW"),
            (["washington", "moscow"], "WASH."),
            (["washington-east", "washington-west"], "EAST"),
            (["washington", "washington-west"], "."),
            (["washington-west", "washington"], ".-WEST"),
            (["peterhof", "petersburg"], ".HOF"),
        ] {
            let [caller, called] = names.map(|name| name.parse::<Name>().unwrap());
            let plan = CircuitPlan {
                ends: [(caller.clone(), "a".into()), (called.clone(), "a".into())],
                profile: Profile::geo(),
                medium: Medium::Mail,
                rate: None,
            };
            let mut postal = Postal::new(&[("a".to_owned(), plan)].into());
            let tapped =
                |what| Tapped { utc: crate::time::Utc(0), circuit: "a".into(), connection: 1, way: [caller.clone(), called.clone()], what };
            postal.take(&tapped(Passed::Called));
            postal.take(&tapped(Passed::Octets(vec![HANDSHAKE])));
            let line = Event::Service { dir: Direction::Out, line: "DATA".into(), span: Span::Cipher };
            postal.speaks(&Stamped {
                t: 0,
                utc: crate::time::Utc(0),
                station: caller.clone(),
                port: Some("a".into()),
                id: None,
                event: line,
            });
            assert!(postal.in_hand().contains(&format!(" {label:6} | → DATA")), "{names:?}: {:?}", postal.in_hand());
            let [one, other] = apart([&caller.upper(), &called.upper()]);
            assert!(one != other && one.len() <= 6 && other.len() <= 6, "{one} and {other}");
        }
    }
}

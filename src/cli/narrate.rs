//! Tells a running scenario to an audience: who, which machine, characters as they print, receipts.
//!
//! Standards: none; fits 80 columns without colour, and reads the same piped to a file.
//! In: events of all stations, in order of arrival. Out: lines of text. Left out: what happens next (see `demo`).
//! Shown by: `molink demo`, `cli::narrate::tests`.

use super::facsimile::{Facsimile, Paper};
use super::log::of_key;
use super::postal::{self, Postal};
use super::screen::Screen;
use super::wires::Wires;
use crate::history::scenario::{CircuitPlan, Medium};
use crate::message::{Message, Name};
use crate::router::Event;
use crate::router::event::{Direction, Span, Stamped};
use crate::station::live_mail::Tapped;
use crate::time::{Clock, Utc};
use std::collections::{BTreeMap, VecDeque};
use std::io::Write;

/// Who prints: a station, and the circuit where there are several.
type Printer = (Name, Option<String>);

/// Where a narrator's line stands.
enum Carriage {
    /// At the margin.
    Margin,
    /// In the middle of what this one prints, so many characters along.
    Printing(Printer, usize),
}

/// A narrator writing to `out`.
pub(super) struct Narrator<W: Write> {
    out: Screen<W>,
    /// On a terminal: the circuits, and the time as fast as the stations'.
    watched: Option<(Wires, Clock)>,
    /// The fax calls, and how many rows one may be watched on.
    fax: Facsimile,
    room: usize,
    /// The mail circuits.
    mail: Postal,
    carriage: Carriage,
    /// Whose printing was told last, with no news since.
    printing: Option<Printer>,
    /// Names of circuits by station and port; empty if there is only one.
    circuits: BTreeMap<(Name, String), String>,
    /// Lines that others print while one is being told, not yet whole.
    begun: BTreeMap<Printer, String>,
    /// The same, whole: told as soon as the line in hand ends.
    whole: VecDeque<(Printer, String)>,
    /// The time of the last event, or of a later one: each station has its clock, and what is told goes on.
    utc: Utc,
    time: String,
}

/// Columns of an ordinary terminal.
const COLUMNS: usize = 80;
/// What a printed line begins with.
const PAPER: &str = "  | ";
/// How rows are to be read.
const LEGENDS: [(Medium, &str); 2] = [
    (
        Medium::Codes,
        "each line of a message is shown on the sender's paper, as a printer tapped into the circuit would have it (:), and on the receiver's paper",
    ),
    (Medium::Mail, "while a mail goes, its rows are what its sender says (→) and hears (←), and what a tap on the circuit has of it (:)"),
];
/// Whole lines of others that wait before the line in hand is broken for them.
const PATIENCE: usize = 3;
/// Rows of lines in hand, and as many of them while there is a fax call.
const ROWS: usize = 16;
const ROWS_BESIDE_FAX: usize = 6;
/// Rows that a fax call leaves of a terminal: for lines in hand, the cursor, and the news above.
const AROUND_FAX: usize = ROWS_BESIDE_FAX + 1 + 3;

impl<W: Write> Narrator<W> {
    pub fn new(out: W) -> Self {
        Narrator {
            out: Screen::new(out),
            watched: None,
            fax: Facsimile::new(&BTreeMap::new()),
            room: 0,
            mail: Postal::default(),
            carriage: Carriage::Margin,
            printing: None,
            circuits: BTreeMap::new(),
            begun: BTreeMap::new(),
            whole: VecDeque::new(),
            utc: Utc(i64::MIN),
            time: String::new(),
        }
    }

    /// Names the circuits in what it tells, if there are several.
    pub fn naming(mut self, circuits: &BTreeMap<String, CircuitPlan>) -> Self {
        self.fax = Facsimile::new(circuits);
        self.mail = Postal::new(circuits);
        if circuits.len() > 1 {
            let ends = circuits.iter().flat_map(|(name, plan)| plan.ends.iter().map(move |end| (end.clone(), name.clone())));
            self.circuits = ends.collect();
        }
        self
    }

    #[cfg(test)]
    pub fn into_inner(self) -> W {
        self.out.into_inner()
    }
    /// What it has told so far.
    #[cfg(test)]
    pub fn told(&self) -> String
    where
        W: AsRef<[u8]>,
    {
        self.out.written()
    }
    /// Shows both papers and the line between them as they fill, instead of the receiver's alone.
    pub fn watching(mut self, wires: Wires, clock: Clock, paper: Paper) -> Self {
        self.fax.on(paper);
        self.watched = Some((wires, clock));
        self
    }

    /// How what is watched is to be read, of each medium that there is.
    pub fn legend(&mut self, media: &[Medium]) -> std::io::Result<()> {
        let all = if self.watched.is_some() { &LEGENDS[..] } else { &[] };
        all.iter().filter(|(medium, _)| media.contains(medium)).try_for_each(|(_, text)| self.say("    ", text))
    }
    /// Time has passed, on a terminal of so many rows. One that is none any more is told the story by lines from here on.
    pub fn moment(&mut self, rows: Option<usize>) -> std::io::Result<()> {
        let Some((wires, clock)) = &mut self.watched else { return Ok(()) };
        wires.pass(clock.now());
        self.mail.pass();
        self.room = rows.unwrap_or_default().saturating_sub(AROUND_FAX);
        if rows.is_none() {
            wires.end();
            self.fax.end();
            self.mail.end();
        }
        self.paint()?;
        if rows.is_none() {
            self.watched = None;
        }
        Ok(())
    }
    /// What went by the line before this news of it is told before it.
    fn settle(&mut self, e: &Stamped) -> std::io::Result<()> {
        let Some((wires, clock)) = &mut self.watched else { return Ok(()) };
        wires.settle(e, matches!(&e.event, Event::Filed { .. } | Event::LineUp { .. } | Event::CameAgain), clock.now());
        wires.whole().into_iter().try_for_each(|row| writeln!(self.out, "{row}"))
    }
    /// What is whole goes above, what is in hand stays below.
    fn paint(&mut self) -> std::io::Result<()> {
        let pages = self.fax.whole();
        if let Some((wires, _)) = &mut self.watched {
            pages.into_iter().chain(wires.whole()).try_for_each(|row| writeln!(self.out, "{row}"))?;
            let fax = self.fax.in_hand(self.room);
            let most = if fax.is_empty() { ROWS } else { ROWS_BESIDE_FAX };
            let mut lines = wires.in_hand(most);
            lines.extend(self.mail.in_hand().into_iter().take(most.saturating_sub(lines.len())));
            self.out.below(fax.into_iter().chain(lines).collect());
        }
        self.out.flush()
    }

    /// A paragraph, broken at the terminal's width, each line after `lead` or as much blank.
    pub fn say(&mut self, lead: &str, text: &str) -> std::io::Result<()> {
        self.finish_all()?;
        self.paragraph(lead, text)
    }
    /// The story is over: what is in hand stays as it is.
    pub fn end(&mut self) -> std::io::Result<()> {
        if let Some((wires, _)) = &mut self.watched {
            wires.end();
        }
        self.fax.end();
        self.mail.end();
        self.paint()?;
        self.watched = None;
        self.finish_all()
    }

    fn paragraph(&mut self, lead: &str, text: &str) -> std::io::Result<()> {
        self.printing = None;
        broken(lead, text).into_iter().try_for_each(|row| writeln!(self.out, "{row}"))?;
        self.paint()
    }

    /// Something went by a mail circuit, if an audience wants to know.
    pub fn tapped(&mut self, tapped: &Tapped) -> std::io::Result<()> {
        let Some(said) = self.mail.take(tapped) else { return Ok(()) };
        self.goes_on(tapped.utc);
        self.finish_all()?;
        self.paragraph(&format!("{}  ", self.time), &said)
    }
    /// A mail is at its desk.
    pub fn read(&mut self, at: &Name, message: &Message) -> std::io::Result<()> {
        let (said, rows) = postal::read(at, message);
        self.finish_all()?;
        self.paragraph(&format!("{}  ", self.time), &said)?;
        rows.iter().try_for_each(|row| writeln!(self.out, "{row}"))?;
        self.paint()
    }

    /// An empty line.
    pub fn blank(&mut self) -> std::io::Result<()> {
        self.finish_all()?;
        writeln!(self.out)
    }

    /// One event, if an audience wants to see it.
    pub fn event(&mut self, e: &Stamped) -> std::io::Result<()> {
        self.goes_on(e.utc);
        if let Some((wires, clock)) = &mut self.watched {
            wires.take(e, clock.now());
        }
        if self.mail.carries(&e.station, e.port.as_ref()) && matches!(e.event, Event::Service { .. }) {
            self.mail.speaks(e);
            return Ok(()); // of a session the tap tells, and the rows in hand show the rest
        }
        let shown = self.watched.is_some();
        let printer = self.printer(e);
        let who = titled(&printer);
        let id = e.id.as_ref().map(|i| i.heading()).unwrap_or_default();
        let said = match &e.event {
            Event::Accepted { to, precedence, class, .. } if e.port.is_none() => {
                let service = if class.is_usual() { "" } else { ", a service message" };
                format!("{who} accepts {id}, {precedence}{service}, for {to}; it is on disk")
            }
            Event::Sent { attempt, .. } if *attempt > 1 => format!("{who} tries again, attempt {attempt}"),
            Event::Sent { edits, .. } if !edits.is_empty() => {
                let edits: Vec<String> = edits.iter().map(ToString::to_string).collect();
                format!("{who} changes for the line: {}", edits.join(", "))
            }
            // Where the line is watched, the line itself says it.
            Event::Service { dir: Direction::Out, line, .. } if line.starts_with("KEY ") && shown => format!("{who} goes over to cipher:"),
            Event::Service { dir: Direction::Out, span: Span::Clear, .. } if shown => format!("{who} sends, in clear:"),
            Event::Service { dir: Direction::Out, line, .. } if line.starts_with("KEY ") => format!("{who} goes over to cipher: {line}"),
            Event::Service { dir: Direction::Out, line, span: Span::Cipher } => format!("{who} sends, enciphered: {line}"),
            Event::Service { dir: Direction::Out, line, .. } => format!("{who} sends  {line}"),
            // Its greeting was told, and what a message met with is.
            Event::LineUp { .. } | Event::LineDown { .. } if self.mail.carries(&e.station, e.port.as_ref()) => return Ok(()),
            Event::LineUp { peer } => format!("{who} has the line to {}", peer.upper()),
            Event::LineDown { reason } => format!("{who} has lost the line: {reason}"),
            Event::Filed { at, receipt } if *at == e.station && receipt.is_empty() => {
                if self.mail.carries(&e.station, e.port.as_ref()) {
                    self.mail.came(id.clone());
                }
                format!("{who} files {id}: it is on disk")
            }
            Event::Filed { at, .. } => {
                let octets = self.mail.done(&e.station, e.port.as_ref());
                let octets = octets.map(|octets| format!(", {octets} octets under TLS")).unwrap_or_default();
                format!("{who} knows: {id} is on file at {}{octets}", at.upper())
            }
            Event::Custody { at, .. } => format!("{who} knows: {} answers for {id} now", at.upper()),
            Event::Printing { attempt, .. } if *attempt > 1 => format!("{who} prints {id} once more, as a duplicate"),
            Event::Printed if self.mail.has(&id) => return Ok(()), // it is shown as it is read
            Event::Printed => format!("{who} has {id} on paper"),
            Event::CameAgain => format!("{who} has {id} already and does not file it again"),
            Event::Delayed { reason, .. } => format!("{who} could not deliver {id} yet: {reason}"),
            Event::CalledOff { at } => format!("{who} stops {id} {at}: something more urgent waits"),
            Event::Returned { reason } => format!("{who} returns {id} to the sender: {reason}"),
            Event::Refused { reason } => format!("{who} refuses {id}: {reason}"),
            Event::Fragment { reason, .. } => format!("{who} received a part of a message and does not file it: {reason}"),
            Event::KeyTaken { dir: Direction::Out, .. } | Event::KeyLow { .. } | Event::KeyTrouble { .. } => {
                format!("{who}: {}", of_key(&e.event))
            }
            Event::StepLost { .. } | Event::StepRegained { .. } => format!("{who}: {}", of_key(&e.event)),
            Event::Characters { .. } if shown => return Ok(()),
            Event::Characters { dir: Direction::In, text } => return self.characters(e, text),
            Event::KeyTaken { .. } | Event::KeyBurned { .. } => return Ok(()),
            // The far end of a line tells the rest.
            Event::Accepted { .. } | Event::Sent { .. } | Event::Printing { .. } | Event::Service { .. } | Event::Characters { .. } => {
                return Ok(());
            }
            Event::PageConfirmed { .. } | Event::Call { .. } | Event::Frame { .. } | Event::Settled { .. } | Event::Scan { .. } => {
                let Some(news) = self.fax.take(e) else { return Ok(()) };
                format!("{who} {news}")
            }
            Event::Started { .. } | Event::Transmission { .. } | Event::Ignored { .. } | Event::Note { .. } | Event::Gap { .. } => {
                return Ok(());
            }
        };
        let lead = format!("{}  ", self.time);
        if let (Some((wires, _)), Event::Service { .. }) = (&mut self.watched, &e.event) {
            // Told when the line begins, and kept with it: without a time, for other news may be kept first.
            wires.announce(e, broken(&" ".repeat(lead.len()), &said));
            return Ok(());
        }
        self.finish_line()?;
        self.release_own(&printer)?;
        self.settle(e)?;
        self.paragraph(&lead, &said)
    }

    fn goes_on(&mut self, utc: Utc) {
        self.utc = self.utc.max(utc);
        self.time = self.utc.clock_time();
    }

    fn printer(&self, e: &Stamped) -> Printer {
        let circuit = e.port.as_ref().and_then(|port| self.circuits.get(&(e.station.clone(), port.clone())));
        (e.station.clone(), circuit.cloned())
    }

    /// One prints as the characters come; what others print meanwhile is told by whole lines.
    fn characters(&mut self, event: &Stamped, text: &str) -> std::io::Result<()> {
        let printer = self.printer(event);
        for c in text.chars().filter(|c| *c != '\r') {
            if matches!(self.carriage, Carriage::Margin) {
                self.release()?;
            }
            if matches!(&self.carriage, Carriage::Printing(other, _) if *other != printer) {
                self.hold(&printer, c);
            } else {
                let before = self.begun.remove(&printer).unwrap_or_default();
                before.chars().chain([c]).try_for_each(|c| self.print(&printer, c))?;
            }
            if self.whole.len() >= PATIENCE {
                self.release()?;
            }
        }
        if matches!(self.carriage, Carriage::Margin) {
            self.release()?;
        }
        self.out.flush()
    }

    fn print(&mut self, printer: &Printer, c: char) -> std::io::Result<()> {
        let column = match &self.carriage {
            Carriage::Printing(_, column) => *column,
            Carriage::Margin if c == '\n' => return Ok(()),
            Carriage::Margin => {
                if self.printing.as_ref() != Some(printer) {
                    writeln!(self.out, "{}  {} prints", self.time, titled(printer))?;
                    self.printing = Some(printer.clone());
                }
                write!(self.out, "{PAPER}")?;
                0
            }
        };
        match c {
            '\n' => return self.finish_line(),
            '\u{7}' => write!(self.out, "*")?, // the bell, shown and not rung
            c if c.is_control() => {}
            c => write!(self.out, "{c}")?,
        }
        self.carriage = Carriage::Printing(printer.clone(), column + 1);
        if PAPER.len() + column + 2 >= COLUMNS {
            self.finish_line()?;
        }
        Ok(())
    }

    fn hold(&mut self, printer: &Printer, c: char) {
        let line = self.begun.entry(printer.clone()).or_default();
        if c != '\n' {
            return line.push(c);
        }
        if let Some(line) = self.begun.remove(printer).filter(|line| !line.is_empty()) {
            self.whole.push_back((printer.clone(), line));
        }
    }

    /// Tells the whole lines that wait.
    fn release(&mut self) -> std::io::Result<()> {
        self.finish_line()?;
        while let Some((printer, line)) = self.whole.pop_front() {
            line.chars().chain(['\n']).try_for_each(|c| self.print(&printer, c))?;
        }
        Ok(())
    }

    /// Tells what waits of one printer, whole or not: there is news of it, and what it printed came before.
    fn release_own(&mut self, printer: &Printer) -> std::io::Result<()> {
        let begun = self.begun.remove(printer).filter(|line| !line.is_empty()).map(|line| (printer.clone(), line));
        let (own, others): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.whole).into_iter().chain(begun).partition(|(p, _)| p == printer);
        self.whole = own;
        self.release()?;
        self.whole = others;
        Ok(())
    }

    /// Tells all that waits, whole or not: something else begins.
    fn finish_all(&mut self) -> std::io::Result<()> {
        let begun = std::mem::take(&mut self.begun).into_iter().filter(|(_, line)| !line.is_empty());
        self.whole.extend(begun);
        self.release()
    }

    fn finish_line(&mut self) -> std::io::Result<()> {
        if matches!(self.carriage, Carriage::Printing(..)) {
            writeln!(self.out)?;
        }
        self.carriage = Carriage::Margin;
        Ok(())
    }
}

/// A text in rows of the terminal's width, each after `lead` or as much blank.
pub(super) fn broken(lead: &str, text: &str) -> Vec<String> {
    let indent = lead.chars().count();
    let mut rows = vec![];
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && indent + line.chars().count() + 1 + word.chars().count() >= COLUMNS {
                rows.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        rows.push(line);
    }
    let lead = |n: usize| if n == 0 { lead.to_owned() } else { " ".repeat(indent) };
    rows.into_iter().enumerate().map(|(n, row)| lead(n) + &row).collect()
}

/// `MOSCOW`, or `MOSCOW (radio)`.
fn titled((station, circuit): &Printer) -> String {
    let circuit = circuit.as_ref().map(|c| format!(" ({c})")).unwrap_or_default();
    format!("{}{circuit}", station.upper())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Scenario;
    use crate::message::Edit;
    use crate::time::Speed;

    fn event(station: &str, event: Event) -> Stamped {
        Stamped { t: 0, utc: Utc(0), station: station.parse().unwrap(), port: None, id: None, event }
    }
    fn characters(text: &str) -> Event {
        Event::Characters { dir: Direction::In, text: text.into() }
    }

    #[test]
    fn characters_print_as_they_come_and_a_line_of_news_starts_at_the_margin() {
        let mut n = Narrator::new(vec![]);
        for e in [
            event("moscow", characters("THE QU")),
            event("moscow", characters("ICK\r\r\nFOX")),
            event("washington", characters("DA")),
            event("moscow", Event::LineUp { peer: "washington".parse().unwrap() }),
            event("washington", characters("WN\n")),
        ] {
            n.event(&e).unwrap();
        }
        let told = String::from_utf8(n.into_inner()).unwrap();
        let expected = format!(
            "00:00:00  MOSCOW prints\n{PAPER}THE QUICK\n{PAPER}FOX\n00:00:00  MOSCOW has the line to WASHINGTON\n\
             00:00:00  WASHINGTON prints\n{PAPER}DAWN\n"
        );
        assert_eq!(told, expected);
    }

    /// Two circuits, as a scenario plans them.
    fn two() -> BTreeMap<String, CircuitPlan> {
        let plan = |port: &str| CircuitPlan {
            ends: ["washington", "moscow"].map(|s| (s.parse().unwrap(), format!("{port}-port"))),
            profile: crate::line::Profile::clean(),
            medium: crate::history::scenario::Medium::Codes,
            rate: None,
        };
        ["cable", "radio"].map(|name| (name.to_owned(), plan(name))).into()
    }

    #[test]
    fn two_circuits_at_work_are_named_and_neither_breaks_the_others_lines() {
        let by = |circuit: &str, e: Event| Stamped { port: Some(format!("{circuit}-port")), ..event("moscow", e) };
        let mut n = Narrator::new(vec![]).naming(&two());
        let (cable, radio) = ("THE QUICK BROWN\nFOX\n", "\nOVER THE\nLAZY DOG\n");
        for i in 0..cable.len().max(radio.len()) {
            for (circuit, text) in [("cable", cable), ("radio", radio)] {
                n.event(&by(circuit, characters(text.get(i..=i).unwrap_or_default()))).unwrap();
            }
        }
        n.event(&by("radio", Event::LineUp { peer: "washington".parse().unwrap() })).unwrap();
        let told = String::from_utf8(n.into_inner()).unwrap();
        for line in ["THE QUICK BROWN", "FOX", "OVER THE", "LAZY DOG"] {
            assert!(told.contains(&format!("{PAPER}{line}\n")), "`{line}` stands whole in\n{told}");
        }
        assert!(told.starts_with("00:00:00  MOSCOW (cable) prints\n") && told.contains("MOSCOW (radio) prints\n"), "{told}");
        assert!(told.ends_with("MOSCOW (radio) has the line to WASHINGTON\n"), "{told}");
    }

    #[test]
    fn what_was_printed_is_told_before_the_news_of_it() {
        let by = |circuit: &str, e: Event| Stamped { port: Some(format!("{circuit}-port")), ..event("moscow", e) };
        let mut n = Narrator::new(vec![]).naming(&two());
        n.event(&by("cable", characters("SLOW"))).unwrap();
        n.event(&by("radio", characters("BT\nNNNN"))).unwrap();
        let filed = Event::Filed { at: "moscow".parse().unwrap(), receipt: String::new() };
        n.event(&by("radio", filed)).unwrap();
        n.event(&by("cable", characters("LY\n"))).unwrap();
        let told = String::from_utf8(n.into_inner()).unwrap();
        let places = ["| SLOW\n", "| BT\n", "| NNNN\n", "(radio) files", "| LY\n"].map(|t| told.find(t));
        assert!(places.is_sorted() && places[0].is_some(), "{told}");
    }

    #[test]
    fn a_line_that_never_ends_does_not_keep_the_others_back() {
        let by = |circuit: &str, text: &str| Stamped { port: Some(format!("{circuit}-port")), ..event("moscow", characters(text)) };
        let mut n = Narrator::new(vec![]).naming(&two());
        n.event(&by("cable", "STALLED")).unwrap();
        n.event(&by("radio", "1\n2\n3\n4")).unwrap();
        n.say("  ", "the end").unwrap();
        let told = String::from_utf8(n.into_inner()).unwrap();
        let places = ["STALLED", "| 1\n", "| 2\n", "| 3\n", "| 4\n", "the end"].map(|t| told.find(t));
        assert!(places.is_sorted() && places[0].is_some(), "{told}");
    }

    #[test]
    fn what_is_changed_for_a_line_is_told() {
        let mut n = Narrator::new(vec![]);
        let edit =
            |what: &str, count, example: Option<&str>| Edit { what: what.into(), count, example: example.map(Into::into), left_out: false };
        let edits = vec![edit("Ё as Е", 1, None), edit("Ч as 4 (one code)", 2, Some("2Ч as 24"))];
        n.event(&event("moscow", Event::Sent { channel: 1, attempt: 1, edits })).unwrap();
        n.event(&event("moscow", Event::Sent { channel: 1, attempt: 1, edits: vec![] })).unwrap();
        let told = String::from_utf8(n.into_inner()).unwrap();
        assert_eq!(told, "00:00:00  MOSCOW changes for the line: Ё as Е (once), Ч as 4 (one code) (2\n          times, e.g. 2Ч as 24)\n");
    }

    #[test]
    fn the_time_that_is_told_never_goes_back() {
        let mut n = Narrator::new(vec![]);
        let up = || Event::LineUp { peer: "washington".parse().unwrap() };
        for (station, seconds) in [("moscow", 6), ("washington", 5), ("moscow", 7)] {
            n.event(&Stamped { utc: Utc(seconds * 1_000_000), ..event(station, up()) }).unwrap();
        }
        let times: Vec<String> = n.told().lines().map(|line| line[..8].to_owned()).collect();
        assert_eq!(times, ["00:00:06", "00:00:06", "00:00:07"]);
    }

    #[test]
    fn a_circuit_that_breaks_off_is_told_with_its_own_time() {
        use crate::station::live_mail::Passed;
        let mail = Scenario::parse("2008.toml", include_str!("../../fixtures/scenarios/2008.toml")).unwrap();
        let mut n = Narrator::new(vec![]).naming(&mail.circuits);
        let tapped = |seconds: i64, what| {
            let way = ["washington", "moscow"].map(|s| s.parse().unwrap());
            Tapped { utc: Utc(seconds * 1_000_000), circuit: "sat-1".into(), connection: 1, way, what }
        };
        for (seconds, what) in [(1, Passed::Called), (2, Passed::Octets(vec![0x16; 9])), (6, Passed::BrokeOff)] {
            n.tapped(&tapped(seconds, what)).unwrap();
        }
        let told = n.told();
        let times: Vec<&str> = told.lines().map(|line| &line[..8]).filter(|time| !time.trim().is_empty()).collect();
        assert_eq!(times, ["00:00:02", "00:00:06"], "{told}");
    }

    #[test]
    fn how_the_rows_are_to_be_read_is_told_of_what_the_circuits_carry() {
        let mail = Scenario::parse("2008.toml", include_str!("../../fixtures/scenarios/2008.toml")).unwrap();
        for (watched, medium, has, lacks) in [
            (true, Medium::Mail, "a tap on the circuit", "paper"),
            (true, Medium::Codes, "receiver's paper", "mail"),
            (false, Medium::Mail, "", "tap"),
        ] {
            let mut n = Narrator::new(vec![]);
            if watched {
                n = n.watching(Wires::of(&mail), Clock::new(None, Speed::Max), Paper::None);
            }
            n.legend(&[medium]).unwrap();
            let told = n.told();
            let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(told.contains(has) && !told.contains(lacks), "{told}");
        }
    }

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        let mut n = Narrator::new(vec![]);
        n.say("  ", &"word ".repeat(60)).unwrap();
        n.event(&event("moscow", characters(&"X".repeat(200)))).unwrap();
        let told = String::from_utf8(n.into_inner()).unwrap();
        assert!(told.lines().all(|l| l.chars().count() < COLUMNS), "{told}");
        assert_eq!(told.matches('X').count(), 200);
    }
}

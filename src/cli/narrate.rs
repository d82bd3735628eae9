//! Tells a running scenario to an audience: who, which machine, characters as they print, receipts.
//!
//! Standards: none; fits 80 columns without colour, and reads the same piped to a file.
//! In: events of all stations, in order of arrival. Out: lines of text. Left out: what happens next (see `demo`).
//! Shown by: `molink demo`, `cli::narrate::tests`.

use super::log::of_key;
use crate::message::Name;
use crate::router::Event;
use crate::router::event::{Direction, Stamped};
use std::io::Write;

/// Where a narrator's line stands.
enum Carriage {
    /// At the margin.
    Margin,
    /// In the middle of what this station prints, so many characters along.
    Printing(Name, usize),
}

/// A narrator writing to `out`.
pub(super) struct Narrator<W: Write> {
    out: W,
    carriage: Carriage,
    /// Whose printing was told last, with no news since.
    printing: Option<Name>,
}

/// Columns of an ordinary terminal.
const COLUMNS: usize = 80;
/// What a printed line begins with.
const PAPER: &str = "  | ";

impl<W: Write> Narrator<W> {
    pub fn new(out: W) -> Self {
        Narrator { out, carriage: Carriage::Margin, printing: None }
    }

    /// A paragraph, broken at the terminal's width, each line after `lead` or as much blank.
    pub fn say(&mut self, lead: &str, text: &str) -> std::io::Result<()> {
        self.finish_line()?;
        self.printing = None;
        let width = COLUMNS - 1 - lead.chars().count();
        let blank = " ".repeat(lead.chars().count());
        let mut lead = lead;
        for paragraph in text.lines() {
            let mut line = String::new();
            for word in paragraph.split_whitespace() {
                if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                    writeln!(self.out, "{lead}{line}")?;
                    lead = &blank;
                    line.clear();
                }
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
            writeln!(self.out, "{lead}{line}")?;
            lead = &blank;
        }
        self.out.flush()
    }

    /// An empty line.
    pub fn blank(&mut self) -> std::io::Result<()> {
        self.finish_line()?;
        writeln!(self.out)
    }

    /// One event, if an audience wants to see it.
    pub fn event(&mut self, e: &Stamped) -> std::io::Result<()> {
        let who = e.station.upper();
        let id = e.id.as_ref().map(|i| i.heading()).unwrap_or_default();
        let said = match &e.event {
            Event::Accepted { to, precedence, .. } if e.port.is_none() => {
                format!("{who} accepts {id}, {precedence}, for {to}; it is on disk")
            }
            Event::Sent { attempt, .. } if *attempt > 1 => format!("{who} tries again, attempt {attempt}"),
            Event::Sent { edits, .. } if !edits.is_empty() => {
                let edits: Vec<String> = edits.iter().map(ToString::to_string).collect();
                format!("{who} changes for the line: {}", edits.join(", "))
            }
            Event::Service { dir: Direction::Out, line, .. } => format!("{who} sends  {line}"),
            Event::LineUp { peer } => format!("{who} has the line to {}", peer.upper()),
            Event::LineDown { reason } => format!("{who} has lost the line: {reason}"),
            Event::Filed { at, receipt } if *at == e.station && receipt.is_empty() => format!("{who} files {id}: it is on disk"),
            Event::Filed { at, .. } => format!("{who} knows: {id} is on file at {}", at.upper()),
            Event::Custody { at, .. } => format!("{who} knows: {} answers for {id} now", at.upper()),
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
            Event::Characters { dir: Direction::In, text } => return self.characters(e, text),
            Event::KeyTaken { .. } | Event::KeyBurned { .. } => return Ok(()),
            // The far end of a line tells the rest.
            Event::Accepted { .. } | Event::Sent { .. } | Event::Service { .. } | Event::Characters { .. } => return Ok(()),
            Event::Started { .. } | Event::Transmission { .. } | Event::Ignored { .. } | Event::Note { .. } | Event::Gap { .. } => {
                return Ok(());
            }
        };
        self.say(&format!("{}  ", e.utc.clock_time()), &said)
    }

    fn characters(&mut self, event: &Stamped, text: &str) -> std::io::Result<()> {
        let station = &event.station;
        for c in text.chars().filter(|c| *c != '\r') {
            let column = match &self.carriage {
                Carriage::Printing(who, column) if who == station => *column,
                _ if c == '\n' => continue,
                _ => {
                    self.finish_line()?;
                    if self.printing.as_ref() != Some(station) {
                        writeln!(self.out, "{}  {} prints", event.utc.clock_time(), station.upper())?;
                        self.printing = Some(station.clone());
                    }
                    write!(self.out, "{PAPER}")?;
                    0
                }
            };
            let full = PAPER.len() + column + 2 >= COLUMNS;
            match c {
                '\n' => {
                    writeln!(self.out)?;
                    self.carriage = Carriage::Margin;
                    continue;
                }
                '\u{7}' => write!(self.out, "*")?, // the bell, shown and not rung
                c if c.is_control() => {}
                c => write!(self.out, "{c}")?,
            }
            self.carriage = Carriage::Printing(station.clone(), column + 1);
            if full {
                self.finish_line()?;
            }
        }
        self.out.flush()
    }

    fn finish_line(&mut self) -> std::io::Result<()> {
        if matches!(self.carriage, Carriage::Printing(..)) {
            writeln!(self.out)?;
        }
        self.carriage = Carriage::Margin;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Edit;
    use crate::time::Utc;

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
        ] {
            n.event(&e).unwrap();
        }
        let told = String::from_utf8(n.out).unwrap();
        let expected = format!(
            "00:00:00  MOSCOW prints\n{PAPER}THE QUICK\n{PAPER}FOX\n\
             00:00:00  WASHINGTON prints\n{PAPER}DA\n00:00:00  MOSCOW has the line to WASHINGTON\n"
        );
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_changed_for_a_line_is_told() {
        let mut n = Narrator::new(vec![]);
        let edit = |what: &str, count, example: Option<&str>| Edit { what: what.into(), count, example: example.map(Into::into) };
        let edits = vec![edit("Ё as Е", 1, None), edit("Ч as 4 (one code)", 2, Some("2Ч as 24"))];
        n.event(&event("moscow", Event::Sent { channel: 1, attempt: 1, edits })).unwrap();
        n.event(&event("moscow", Event::Sent { channel: 1, attempt: 1, edits: vec![] })).unwrap();
        let told = String::from_utf8(n.out).unwrap();
        assert_eq!(told, "00:00:00  MOSCOW changes for the line: Ё as Е (once), Ч as 4 (one code) (2\n          times, e.g. 2Ч as 24)\n");
    }

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        let mut n = Narrator::new(vec![]);
        n.say("  ", &"word ".repeat(60)).unwrap();
        n.event(&event("moscow", characters(&"X".repeat(200)))).unwrap();
        let told = String::from_utf8(n.out).unwrap();
        assert!(told.lines().all(|l| l.chars().count() < COLUMNS), "{told}");
        assert_eq!(told.matches('X').count(), 200);
    }
}

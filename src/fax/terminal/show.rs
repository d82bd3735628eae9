//! What people see of a fax call: its phases, frames, how pages are sent, scan lines as they come, confirmed pages.
//!
//! Standards: phases A to E of ITU-T T.30 3; PackBits of TIFF 6.0 section 9. In: what the machines of a call tell. Out: the router's events.
//! Bounded: some tens of rows are held back. Left out: who looks (see `console`, `cli`). Shown by: the tests below.

use crate::fax::code::Coding;
use crate::fax::t30::{CallEvent, Settings};
use crate::paper::page::pack;
use crate::router::Event;
use crate::router::event::Direction;
use std::fmt::Write;

/// Rows of an event: some tens, so that a viewer draws them in bands.
const ROWS: usize = 48;

/// What is being shown.
pub(super) struct Show {
    /// Whether the line is known to be up, or down.
    pub(super) up: Option<bool>,
    dir: Direction,
    peer: String,
    unnamed: String,
    phase: char,
    per_inch: u16,
    /// Rows that came and were not shown: the page, the first row, the pels of a row, the words.
    rows: Option<(usize, usize, usize, Vec<u64>)>,
}

impl Show {
    pub(super) fn new(unnamed: String) -> Show {
        Show { up: None, dir: Direction::In, peer: String::new(), unnamed, phase: 'A', per_inch: 0, rows: None }
    }
    /// A call is to be made, or is answered.
    pub(super) fn begins(&mut self, outgoing: bool, called: &str) {
        (self.dir, self.phase, self.rows) = (if outgoing { Direction::Out } else { Direction::In }, 'A', None);
        self.peer = if called.is_empty() { self.unnamed.clone() } else { called.to_owned() };
    }
    pub(super) fn takes_line(&mut self, called: &str) {
        self.peer = called.to_owned();
    }
    /// The far end gave its number.
    pub(super) fn far(&mut self, number: Option<&str>) {
        if let Some(number) = number {
            self.peer = number.to_owned();
        }
    }
    fn phase(&mut self, doing: &str) -> Event {
        self.phase = match doing {
            "idle" | "waiting for DIS" | "taking the line" | "sounding CED" => 'A',
            "saying a command" | "answering" if matches!(self.phase, 'C' | 'D') => 'D',
            "sending" | "waiting for a page" | "receiving" => 'C',
            "waiting for MCF" | "waiting for CTR" | "waiting for what follows the page" | "storing" => 'D',
            "waiting for DCN" | "disconnecting" | "done" => 'E',
            _ => 'B',
        };
        Event::Call { dir: self.dir, peer: self.peer.clone(), phase: format!("{}: {doing}", self.phase) }
    }
    /// What is shown of something that happened.
    pub(super) fn events(&mut self, event: &CallEvent, outgoing: bool) -> Vec<Event> {
        let (own, far) = (Direction::Out, Direction::In);
        let pages = if outgoing { Direction::Out } else { Direction::In };
        let mut shown = vec![];
        if matches!(event, CallEvent::Judged { .. } | CallEvent::State { name: "done" }) {
            shown.extend(self.flush());
        }
        shown.extend(match event {
            CallEvent::Said { frame } => Some(Event::Frame { dir: own, frame: frame.clone() }),
            CallEvent::Heard { frame } => Some(Event::Frame { dir: far, frame: frame.clone() }),
            CallEvent::Odd { what } => Some(Event::Ignored { what: what.clone() }),
            CallEvent::State { name } => Some(self.phase(name)),
            CallEvent::RanOut { timer } => Some(Event::Note { text: format!("{timer} ran out") }),
            CallEvent::Settled { settings } => {
                self.per_inch = settings.resolution.y;
                Some(Event::Settled { dir: pages, text: text_of(settings), rate: settings.modulation.bit_rate() })
            }
            CallEvent::Checked { .. } | CallEvent::Sending { .. } => Some(Event::Note { text: event.to_string() }),
            CallEvent::Judged { bad: 0, .. } => None,
            CallEvent::Judged { .. } => Some(Event::Note { text: event.to_string() }),
            CallEvent::Rows { page, first, width, words } => self.rows(*page, *first, *width, words),
            CallEvent::Confirmed { .. } | CallEvent::Doubtful { .. } | CallEvent::Key(_) => None, // the terminal tells of it with what it knows besides
        });
        shown
    }
    /// What is left to be shown when a call is over.
    pub(super) fn over(&mut self) -> Option<Event> {
        self.flush()
    }
    fn rows(&mut self, page: usize, first: usize, width: usize, words: &[u64]) -> Option<Event> {
        let before = match &mut self.rows {
            Some((p, at, w, held)) if *p == page && *w == width && *at + held.len() / stride(width) == first => {
                held.extend_from_slice(words);
                None
            }
            other => {
                let before = other.take();
                *other = Some((page, first, width, words.to_vec()));
                before
            }
        };
        let shown = before.map(|rows| self.scan(rows));
        let full = self.rows.as_ref().is_some_and(|(_, _, width, held)| held.len() / stride(*width) >= ROWS);
        if shown.is_none() && full { self.flush() } else { shown }
    }
    fn flush(&mut self) -> Option<Event> {
        let rows = self.rows.take()?;
        Some(self.scan(rows))
    }
    fn scan(&self, (page, first, width, words): (usize, usize, usize, Vec<u64>)) -> Event {
        let mut octets = vec![];
        let mut packed = vec![];
        for row in words.chunks(stride(width)) {
            octets.clear();
            pack(row, width, &mut octets);
            pack_bits(&octets, &mut packed);
        }
        let mut lines = String::with_capacity(packed.len() * 2);
        packed.iter().for_each(|octet| {
            let _ = write!(lines, "{octet:02x}"); // writing to a string does not fail
        });
        Event::Scan { page, first, width, per_inch: self.per_inch, lines }
    }
}

fn stride(width: usize) -> usize {
    width.div_ceil(64).max(1)
}

/// `V.17 14400, MMR, correction by 256, 196 rows an inch`.
fn text_of(settings: &Settings) -> String {
    let coding = match settings.coding {
        Coding::Mh => "MH",
        Coding::Mr { .. } => "MR",
        Coding::Mmr => "MMR",
    };
    let correction = settings.correction.map_or("without correction".into(), |s| format!("correction by {}", s.octets()));
    format!("{}, {coding}, {correction}, {} rows an inch", settings.modulation, settings.resolution.y)
}

/// PackBits of one row, appended: runs of two to 128 octets, and up to 128 octets as they are.
fn pack_bits(octets: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while at < octets.len() {
        let same = |from: usize| octets[from..].iter().take(128).take_while(|o| **o == octets[from]).count();
        let run = same(at);
        if run > 1 {
            out.extend([(257 - run) as u8, octets[at]]);
            at += run;
            continue;
        }
        let mut end = at + 1;
        while end < octets.len() && end - at < 128 && same(end) < 3 {
            end += 1;
        }
        out.push((end - at - 1) as u8);
        out.extend_from_slice(&octets[at..end]);
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpack(mut packed: &[u8]) -> Vec<u8> {
        let mut out = vec![];
        while let [n, rest @ ..] = packed {
            if *n < 128 {
                let (these, after) = rest.split_at(usize::from(*n) + 1);
                out.extend_from_slice(these);
                packed = after;
            } else {
                out.extend(vec![rest[0]; 257 - usize::from(*n)]);
                packed = &rest[1..];
            }
        }
        out
    }

    #[test]
    fn packed_rows_unpack_to_what_they_were() {
        let mut luck = 7u64;
        for length in [1, 2, 127, 128, 129, 216, 1000] {
            for _ in 0..20 {
                let octets: Vec<u8> = (0..length)
                    .map(|_| {
                        luck = luck.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        ((luck >> 62) as u8).saturating_sub(1)
                    })
                    .collect();
                let mut packed = vec![];
                pack_bits(&octets, &mut packed);
                assert_eq!(unpack(&packed), octets);
            }
        }
        let mut white = vec![];
        pack_bits(&[0; 216], &mut white);
        assert_eq!(white, [129, 0, 169, 0]);
    }

    #[test]
    fn rows_are_shown_in_bands_and_none_is_left_out() {
        let mut show = Show::new("x".into());
        let mut seen = vec![];
        for row in 0..100 {
            let rows = CallEvent::Rows { page: 1, first: row, width: 70, words: vec![row as u64, 0] };
            seen.extend(show.events(&rows, false));
        }
        seen.extend(show.events(&CallEvent::State { name: "done" }, false));
        let firsts: Vec<(usize, usize)> = seen
            .iter()
            .filter_map(|e| match e {
                Event::Scan { first, lines, .. } => {
                    let octets: Vec<u8> = (0..lines.len()).step_by(2).map(|i| u8::from_str_radix(&lines[i..i + 2], 16).unwrap()).collect();
                    Some((*first, unpack(&octets).len() / 9))
                }
                _ => None,
            })
            .collect();
        assert_eq!(firsts, [(0, 48), (48, 48), (96, 4)]);
    }

    #[test]
    fn what_is_said_belongs_to_the_phase_it_is_said_in() {
        let mut show = Show::new("MOSCOW".into());
        let states = [
            "waiting for DIS",
            "deciding what to say",
            "saying a command",
            "sending",
            "saying a command",
            "waiting for MCF",
            "disconnecting",
        ];
        let letters: String = states
            .iter()
            .filter_map(|name| match show.phase(name) {
                Event::Call { phase, .. } => phase.chars().next(),
                _ => None,
            })
            .collect();
        assert_eq!(letters, "ABBCDDE");
    }
}

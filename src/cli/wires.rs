//! The circuits of a scenario as an audience watches them: the sender's paper, what a printer tapped into the line makes of it, and the
//! receiver's paper, each filling as the codes go.
//!
//! Standards: none. In: events of both ends, the time. Out: rows of at most 79 columns: of lines that are whole, and of those in hand.
//! Left out: where rows stand (`screen`). What a burst says is told, not with which of its codes: that is spelt out anew.
//! Shown by: the tests below, `molink demo`.

use crate::history::Scenario;
use crate::line::{Code, symbol};
use crate::machine::Codec;
use crate::message::Name;
use crate::router::Event;
use crate::router::event::{Direction, Stamped};
use crate::teletype::keys::Codes;
use crate::teletype::{CodeTable, Coder, UnshiftOnSpace};
use crate::time::Instant;
use std::collections::VecDeque;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Columns of a paper: as many as a line of text has at the most.
const PAPER: usize = 69;
/// Columns of the name before it.
const LABEL: usize = 6;
/// Lines of one way that are shown in hand; what is older is shown when it is whole.
const SHOWN: usize = 2;
/// Lines of one way that wait for the receiver; the oldest goes when there would be more.
const LINES: usize = 500;
/// By how many codes news of the end of a line may be ahead of the times known here.
const AHEAD: u32 = 4;
/// How a message begins, and with how many codes each.
const START: (&str, [usize; 4]) = ("ZCZC", [2, 1, 1, 1]);
/// How it ends after its last line.
const FEED: (&str, [usize; 8]) = ("\n\n\n\nNNNN", [3, 1, 1, 1, 3, 1, 1, 1]);
/// Its last line, which has no line feed.
const END: &str = "NNNN";

/// All circuits, both ways of each.
pub(super) struct Wires {
    ways: Vec<Way>,
    /// How many bursts there were.
    count: u64,
    /// Rows of lines that are whole, until they are taken.
    whole: Vec<String>,
}

/// One way of a circuit.
struct Way {
    from: (Name, String),
    to: (Name, String),
    /// The sender's, the circuit's, the receiver's.
    labels: [String; 3],
    /// The printer tapped into the line.
    tapped: Coder,
    /// The sender's machine, and its spelling so far, to know with which code a character goes.
    machine: (CodeTable, UnshiftOnSpace),
    spells: Coder,
    bursts: VecDeque<Burst>,
    /// Codes of a message, until what they say is told: that comes next. What the receiver prints meanwhile waits, too.
    waits: Option<Burst>,
    early: String,
    /// What is to be told when the next burst begins.
    title: Vec<String>,
    /// When the last burst will be out.
    busy: Instant,
    lines: VecDeque<Line>,
}

/// Codes given to the line at once.
struct Burst {
    /// Bursts that begin at one time go in this order.
    number: u64,
    codes: Vec<Code>,
    begins: Instant,
    unit: Duration,
    title: Vec<String>,
    /// What they say before the mixer, each character with the number of codes that are out with it; a service line has none here.
    text: Option<VecDeque<(usize, char)>>,
    /// Whether a message begins with it.
    first: bool,
    /// How many codes are out.
    out: usize,
}

/// One line of text on its way.
#[derive(Default)]
struct Line {
    /// Told before it.
    title: Vec<String>,
    /// On the sender's paper; a service line has none.
    sent: Option<String>,
    tapped: String,
    printed: String,
    /// Nothing more is sent, or printed, on it.
    sent_all: bool,
    printed_all: bool,
}

impl Wires {
    /// The circuits of a scenario at rest.
    pub fn of(scenario: &Scenario) -> Wires {
        let named = scenario.circuits.len() > 1;
        let both = scenario.circuits.iter().flat_map(|(name, plan)| [[0, 1], [1, 0]].map(|[from, to]| (name, plan, from, to)));
        let ways = both.map(|(name, plan, from, to)| {
            let (from, to) = (plan.ends[from].clone(), plan.ends[to].clone());
            let label = if named { name } else { "line" };
            let [sender, receiver] = apart([&from.0.upper(), &to.0.upper()]);
            let labels = [sender, short(label), receiver];
            let machine = sends(scenario, &from);
            let (tapped, spells) = (Coder::new(machine.0, UnshiftOnSpace::Unknown), Coder::in_letters(machine.0, machine.1));
            Way {
                from,
                to,
                labels,
                tapped,
                machine,
                spells,
                bursts: VecDeque::new(),
                waits: None,
                early: String::new(),
                title: vec![],
                busy: Instant::ZERO,
                lines: VecDeque::new(),
            }
        });
        Wires { ways: ways.collect(), count: 0, whole: vec![] }
    }

    /// What the station that says a service line is told of, in rows; it stands before that line.
    pub fn announce(&mut self, e: &Stamped, title: Vec<String>) {
        if let Some(way) = self.ways.iter_mut().find(|w| w.from.0 == e.station && Some(&w.from.1) == e.port.as_ref()) {
            way.title = title;
        }
    }
    /// Takes an event that is about codes or characters; `now` is the time of this audience, as fast as the stations'.
    pub fn take(&mut self, e: &Stamped, now: Instant) {
        let Some(port) = &e.port else { return };
        let here = (e.station.clone(), port.clone());
        if !matches!(e.event, Event::Characters { .. }) {
            self.ways.iter_mut().filter(|w| w.from == here).for_each(Way::says_nothing);
        }
        match &e.event {
            Event::Transmission { dir: Direction::Out, codes, start, unit, .. } => {
                self.pass(now); // a question stands above its answer
                self.count += 1;
                let number = self.count;
                let Some(way) = self.ways.iter_mut().find(|w| w.from == here) else { return };
                let begins = (now + Duration::from_micros(start.saturating_sub(e.t))).max(way.busy);
                let unit = Duration::from_micros(*unit);
                let codes = symbol::from_hex(codes);
                way.busy = begins + unit * codes.len() as u32;
                let title = std::mem::take(&mut way.title);
                let burst = Burst { number, codes, begins, unit, title, text: None, first: false, out: 0 };
                match burst.title.is_empty() {
                    true => way.waits = Some(burst),
                    false => way.bursts.push_back(burst), // a service line
                }
            }
            Event::Characters { dir: Direction::Out, text } => {
                let Some(way) = self.ways.iter_mut().find(|w| w.from == here) else { return };
                way.says(text);
                self.pass(now);
                let Some(way) = self.ways.iter_mut().find(|w| w.from == here) else { return };
                std::mem::take(&mut way.early).chars().for_each(|c| way.prints(c));
            }
            Event::Characters { dir: Direction::In, text } => {
                self.pass(now); // nothing is printed before it was sent
                let Some(way) = self.ways.iter_mut().find(|w| w.to == here) else { return };
                match way.waits {
                    Some(_) => way.early.push_str(text),
                    None => text.chars().for_each(|c| way.prints(c)),
                }
            }
            Event::CalledOff { .. } | Event::LineDown { .. } => {
                if let Some(way) = self.ways.iter_mut().find(|w| w.from == here) {
                    way.bursts.clear(); // never went out
                    way.busy = now;
                }
            }
            _ => {} // not on the line
        }
    }

    /// Time has passed.
    pub fn pass(&mut self, now: Instant) {
        let mut still = vec![false; self.ways.len()];
        loop {
            let begins = |(n, way): (usize, &Way)| way.bursts.front().filter(|_| !still[n]).map(|burst| (burst.begins, burst.number, n));
            let Some((_, _, next)) = self.ways.iter().enumerate().filter_map(begins).min() else { break };
            let way = &mut self.ways[next];
            still[next] = !way.pass(now, &mut self.whole);
            way.finish(&mut self.whole);
        }
        self.ways.iter_mut().for_each(|way| way.finish(&mut self.whole));
    }

    /// There is news of an end: if a message has ended with it, what has gone by is on paper, or never will be. `came`: because of what came to it.
    pub fn settle(&mut self, e: &Stamped, came: bool, now: Instant) {
        self.pass(now);
        let here = |(station, port): &(Name, String)| *station == e.station && e.port.as_ref() == Some(port);
        let (heard, sent) = ends(e);
        for way in &mut self.ways {
            let (to, from) = (here(&way.to), here(&way.from));
            if to && came {
                let ahead = way.bursts.front().map_or(Duration::ZERO, |burst| burst.unit * AHEAD);
                while way.pass(now + ahead, &mut self.whole) {}
                way.finish(&mut self.whole);
            }
            if way.bursts.is_empty() && (to && heard || from && sent) {
                way.release(&mut self.whole);
            }
        }
    }
    /// All of it is over.
    pub fn end(&mut self) {
        for way in &mut self.ways {
            way.release(&mut self.whole);
        }
    }

    /// The rows of lines that have become whole.
    pub fn whole(&mut self) -> Vec<String> {
        std::mem::take(&mut self.whole)
    }
    /// The rows of the lines in hand, the last ones if there are too many.
    pub fn in_hand(&self, most: usize) -> Vec<String> {
        let older = |way: &Way| way.lines.len().saturating_sub(SHOWN);
        let mut rows: Vec<String> =
            self.ways.iter().flat_map(|way| way.lines.iter().skip(older(way)).flat_map(|l| way.rows_of(l))).collect();
        rows.drain(..rows.len().saturating_sub(most));
        rows
    }
}

impl Way {
    /// What the last burst says.
    fn says(&mut self, text: &str) {
        let first = text.starts_with(START.0);
        if first {
            self.spells = Coder::in_letters(self.machine.0, self.machine.1);
        }
        let counts = self.counts(text, first);
        let Some(mut burst) = self.waits.take() else { return };
        let (all, characters, spelt) = (burst.codes.len(), counts.len(), counts.iter().sum::<usize>() == burst.codes.len());
        let mut out = 0;
        let place = |(n, count): (usize, usize)| {
            out += count;
            if spelt { out } else { (n + 1) * all / characters } // not as it is spelt here: spread evenly
        };
        burst.first = first;
        burst.text = Some(counts.into_iter().enumerate().map(place).zip(text.chars()).collect());
        self.bursts.push_back(burst);
    }
    /// The last burst was of no message.
    fn says_nothing(&mut self) {
        self.bursts.extend(self.waits.take());
        std::mem::take(&mut self.early).chars().for_each(|c| self.prints(c));
    }
    /// How many codes each character takes, its shift among them.
    fn counts(&mut self, text: &str, first: bool) -> Vec<usize> {
        let (start, rest) = if first { (&START.1[..], &text[START.0.len()..]) } else { (&[][..], text) };
        let (body, end) = rest.strip_suffix(FEED.0).map_or((rest, &[][..]), |body| (body, &FEED.1[..]));
        let mut counts = start.to_vec();
        for c in body.chars() {
            let mut codes = vec![];
            let _ = self.spells.encode(c, &mut codes); // one that cannot be takes none, and then the sum is wrong
            counts.push(codes.len());
        }
        counts.extend(end);
        counts
    }
    /// The next burst goes as far as it can; whether all of it is out.
    fn pass(&mut self, now: Instant, whole: &mut Vec<String>) -> bool {
        let Some(mut burst) = self.bursts.pop_front_if(|burst| burst.begins <= now) else { return false };
        if burst.out == 0 {
            if burst.first {
                self.release(whole); // what is left of an earlier message stays as it is
            }
            self.begins(burst.text.is_some(), std::mem::take(&mut burst.title));
        }
        let begun = match burst.unit.as_micros() {
            0 => burst.codes.len(),
            unit => (now.since(burst.begins).as_micros() / unit) as usize + 1,
        };
        while burst.out < burst.codes.len().min(begun) {
            self.goes(&mut burst);
        }
        if burst.out < burst.codes.len() {
            self.bursts.push_front(burst);
            return false;
        }
        if let Some(line) = self.lines.back_mut().filter(|line| line.sent.is_none()) {
            line.sent_all = true;
        }
        true
    }
    /// A burst begins: on a new line, unless the one in hand goes on.
    fn begins(&mut self, message: bool, title: Vec<String>) {
        let goes_on = self.lines.back().is_some_and(|line| !line.sent_all && line.sent.is_some() == message);
        if !goes_on || !title.is_empty() {
            self.lines.push_back(Line { title, sent: message.then(String::new), ..Line::default() });
        }
    }
    /// One code goes out.
    fn goes(&mut self, burst: &mut Burst) {
        let code = burst.codes[burst.out];
        burst.out += 1;
        let sign = self.tapped.decode(code).filter(|c| !c.is_control());
        if self.lines.is_empty() {
            self.begins(burst.text.is_some(), vec![]); // the one it began on has been released
        }
        if let Some(line) = self.lines.back_mut() {
            line.tapped.extend(sign);
        }
        let Some(text) = &mut burst.text else { return };
        while let Some((_, c)) = text.pop_front_if(|(with, _)| *with <= burst.out) {
            if self.lines.back().is_none_or(|line| line.sent_all) && !c.is_control() {
                self.lines.push_back(Line { sent: Some(String::new()), ..Line::default() });
            }
            let Some(line) = self.lines.back_mut() else { continue };
            match c {
                '\n' => line.sent_all = line.sent.as_ref().is_some_and(|sent| !sent.is_empty()), // blank lines are not shown
                c => line.sent.get_or_insert_default().extend(shown(c)),
            }
        }
    }
    /// The receiver prints a character.
    fn prints(&mut self, c: char) {
        let line = self.lines.iter_mut().find(|line| line.sent.is_some() && !line.printed_all);
        match (c, line) {
            ('\n', Some(line)) => line.printed_all = !line.printed.is_empty(),
            ('\n', None) => {}
            (c, Some(line)) => line.printed.extend(shown(c)),
            (c, None) => {
                // Sooner than the times known here have it, or of noise: what is sent next stands with it.
                let printed = shown(c).into_iter().collect();
                self.lines.push_back(Line { sent: Some(String::new()), printed, ..Line::default() });
            }
        }
    }
    fn finish(&mut self, whole: &mut Vec<String>) {
        while self.lines.front().is_some_and(Line::is_whole) || self.lines.len() > LINES {
            self.oldest(whole);
        }
    }
    fn release(&mut self, whole: &mut Vec<String>) {
        while !self.lines.is_empty() {
            self.oldest(whole);
        }
    }
    fn oldest(&mut self, whole: &mut Vec<String>) {
        if let Some(line) = self.lines.pop_front() {
            whole.extend(self.rows_of(&line));
        }
    }

    fn rows_of(&self, line: &Line) -> Vec<String> {
        let [from, circuit, to] = &self.labels;
        let Some(sent) = &line.sent else { return [line.title.clone(), rows(circuit, ':', &line.tapped)].concat() };
        [line.title.clone(), rows(from, '|', sent), rows(circuit, ':', &line.tapped), rows(to, '|', &line.printed)].concat()
    }
}

impl Line {
    fn is_whole(&self) -> bool {
        let ended = self.sent.as_ref().is_some_and(|sent| sent == END && *sent == self.printed);
        ended || self.sent_all && (self.printed_all || self.sent.is_none())
    }
}

/// Whether a message has ended with this news of an end: one that came to it, one that went from it. Other news may be late, and the next
/// message has begun: what the journal keeps is told when it is on disk, characters are told at once.
fn ends(e: &Stamped) -> (bool, bool) {
    match &e.event {
        Event::Filed { at, receipt } if *at == e.station && receipt.is_empty() => (true, false),
        Event::CameAgain | Event::Fragment { .. } | Event::Refused { .. } | Event::Printed => (true, false),
        Event::Filed { .. } | Event::Delayed { .. } | Event::CalledOff { .. } | Event::Returned { .. } => (false, true),
        Event::LineDown { .. } => (true, true),
        _ => (false, false), // it goes on
    }
}

/// The code that a port sends in, and what it takes the far machine for.
fn sends(scenario: &Scenario, (station, port): &(Name, String)) -> (CodeTable, UnshiftOnSpace) {
    let key = |name: &str| scenario.stations.get(station).and_then(|s| s.get("port")?.get(port)?.get(name)).cloned();
    let code = key("code").and_then(|code| code.try_into::<Codes>().ok()).unwrap_or_default();
    (code.send, key("unshift_on_space").and_then(|setting| setting.try_into().ok()).unwrap_or_default())
}

/// A name of at most so many letters: `WASH.` for Washington.
pub(super) fn short(name: &str) -> String {
    match name.chars().count() {
        0..=LABEL => name.to_owned(),
        _ => name.chars().take(LABEL - 2).chain(['.']).collect(),
    }
}

/// Two names, each of at most so many letters, told apart: of `NRRC-WASHINGTON` and `NRRC-MOSCOW` what they have in common is left out.
pub(super) fn apart([one, other]: [&str; 2]) -> [String; 2] {
    if one == other || short(one) != short(other) {
        return [one, other].map(short);
    }
    let same = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let rest = [one, other].map(|name| name.get(same..).unwrap_or_default());
    // Not in the midst of a word, if it is told by its beginning then.
    let word = one[..same].rfind('-').map(|hyphen| [one, other].map(|name| short(&name[hyphen + 1..])));
    word.filter(|[one, other]| one != other && !one.is_empty() && !other.is_empty())
        .unwrap_or_else(|| rest.map(|name| short(&format!(".{name}"))))
}

/// What is seen of a character; the bell is shown and not rung.
fn shown(c: char) -> Option<char> {
    match c {
        '\u{7}' => Some('*'),
        c if c.is_control() => None,
        c => Some(c),
    }
}

/// A row after its label; what is too long goes on below. There is always one.
fn rows(label: &str, edge: char, text: &str) -> Vec<String> {
    let text: Vec<char> = text.chars().collect();
    let pieces: Vec<&[char]> = if text.is_empty() { vec![&[]] } else { text.chunks(PAPER).collect() };
    let row = |(n, piece): (usize, &&[char])| {
        let label = if n == 0 { label } else { "" };
        let row = format!(" {label:LABEL$} {edge} {}", piece.iter().collect::<String>());
        row.trim_end().to_owned()
    };
    pieces.iter().enumerate().map(row).collect()
}

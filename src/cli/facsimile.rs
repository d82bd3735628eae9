//! Fax calls as an audience is told of them, and watches them: the phase of the call, frames by name, the page as it comes in.
//!
//! Standards: phases and frames are T.30's (`docs/fax-call.md`). In: events of both ends. Out: sentences; rows of at most 79 columns: of the
//! call in hand, and of pages that are whole. Left out: where rows stand (`screen`).
//! Shown by: the tests below, `molink demo --era 1986`.

mod blocks;
mod scan;
#[cfg(test)]
mod tests;

use crate::history::scenario::CircuitPlan;
use crate::message::Name;
use crate::router::Event;
use crate::router::event::{Direction, Stamped};
use blocks::Blocks;
use std::collections::{BTreeMap, VecDeque};

/// Columns of a page; with a margin on either side they are the paper.
const PAGE: usize = 54;
/// Columns of what is told beside it.
const BESIDE: usize = 21;
/// The fewest rows of a call that is shown.
const LEAST: usize = 8;
/// Frames that are kept of a call.
const FRAMES: usize = 40;
/// Black on white, whatever the terminal's own; and back.
const WHITE: (&str, &str) = ("\x1b[30;47m", "\x1b[0m");

/// All circuits that carry fax calls.
pub(super) struct Facsimile {
    /// The circuit and the other end of each end of one.
    ends: BTreeMap<(Name, String), (String, Name)>,
    /// By circuit.
    calls: BTreeMap<String, Call>,
    /// The circuit of which was heard last.
    latest: String,
    sheets: Sheets,
}

/// What pages are shown on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Paper {
    /// Nothing: a page is told of.
    None,
    /// Between lines, in the terminal's colours.
    Ruled,
    /// Black on white.
    White,
}

/// Pages that are whole.
struct Sheets {
    paper: Paper,
    /// Their rows, until they are taken.
    rows: Vec<String>,
}

impl Paper {
    /// What a terminal has by its environment.
    pub fn of_terminal() -> Paper {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
        Paper::of(locale.as_deref(), set("NO_COLOR").is_none())
    }
    /// Block characters need Unicode; a locale that does not say what it has is taken to have it.
    fn of(locale: Option<&str>, colour: bool) -> Paper {
        match locale {
            Some(locale) if !locale.to_ascii_lowercase().replace('-', "").contains("utf8") => Paper::None,
            Some(_) | None if colour => Paper::White,
            Some(_) | None => Paper::Ruled,
        }
    }
}

/// A call, as far as it has come.
#[derive(Default)]
struct Call {
    /// Who calls whom.
    ends: Option<[Name; 2]>,
    /// The phase by its letter, and what is being done.
    phase: char,
    doing: String,
    /// How pages are sent.
    settled: String,
    frames: VecDeque<String>,
    page: Option<Incoming>,
}

/// A page that comes in.
struct Incoming {
    number: usize,
    rows: usize,
    blocks: Blocks,
}

impl Facsimile {
    pub fn new(circuits: &BTreeMap<String, CircuitPlan>) -> Facsimile {
        let both = circuits.iter().flat_map(|(name, plan)| [(0, 1), (1, 0)].map(|(here, there)| (name, plan, here, there)));
        let end = |(name, plan, here, there): (&String, &CircuitPlan, usize, usize)| {
            (plan.ends[here].clone(), (name.clone(), plan.ends[there].0.clone()))
        };
        Facsimile {
            ends: both.map(end).collect(),
            calls: BTreeMap::new(),
            latest: String::new(),
            sheets: Sheets { paper: Paper::None, rows: vec![] },
        }
    }

    /// Pages are shown from here on.
    pub fn on(&mut self, paper: Paper) {
        self.sheets.paper = paper;
    }

    /// Takes an event. What is to be told of it, behind the name of its station.
    pub fn take(&mut self, e: &Stamped) -> Option<String> {
        let end = (e.station.clone(), e.port.clone()?);
        let (circuit, other) = self.ends.get(&end).cloned()?;
        let call = self.calls.entry(circuit.clone()).or_default();
        let told = match &e.event {
            Event::Call { dir, peer, phase } => call.goes_on(*dir, [&e.station, &other], peer, phase, &mut self.sheets),
            Event::Frame { dir, frame } => return call.frame(*dir, &e.station, frame),
            Event::Settled { dir, text, .. } => call.settles(*dir, text),
            Event::Scan { page, first, width, per_inch, lines } => {
                let lines = scan::lines(lines, *width);
                call.scan((*page, *first), (*width, *per_inch), &lines, &mut self.sheets)
            }
            Event::PageConfirmed { dir, page, of, rows, bad } => {
                let of = of.map(|of| format!(" of {of}")).unwrap_or_default();
                if *dir == Direction::In {
                    // The one in hand: no other begins before it is confirmed.
                    call.close(&[format!("page {page}{of}"), counted(*rows, *bad)], &mut self.sheets);
                }
                Some(match dir {
                    Direction::In => format!("has page {page}{of} on disk: {}", counted(*rows, *bad)),
                    Direction::Out => format!("knows: page {page}{of} arrived"),
                })
            }
            _ => return None, // not of a fax call
        };
        self.latest = circuit;
        told
    }
    /// All of it is over: what is in hand stays as it is.
    pub fn end(&mut self) {
        for call in self.calls.values_mut() {
            call.cut_off(&mut self.sheets);
        }
        self.calls.clear();
    }

    /// The rows of pages that are whole.
    pub fn whole(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sheets.rows)
    }
    /// The call in hand in at most so many rows; none where there is none, or no room.
    pub fn in_hand(&self, room: usize) -> Vec<String> {
        let on = |(name, call): &(&String, &Call)| call.is_on().then_some(*name == &self.latest);
        let shown = self.calls.iter().filter(|c| on(c).is_some()).max_by_key(on);
        match (shown, self.sheets.paper) {
            (Some((circuit, call)), paper @ (Paper::Ruled | Paper::White)) if room >= LEAST => call.shown(circuit, room, paper),
            (Some(_) | None, _) => vec![],
        }
    }
}

impl Call {
    fn is_on(&self) -> bool {
        self.ends.is_some() && self.phase != 'E'
    }
    /// Another phase, or another thing done in it, as the caller has it; of the answerer's account it is enough that it answered.
    fn goes_on(&mut self, dir: Direction, [here, other]: [&Name; 2], peer: &str, phase: &str, sheets: &mut Sheets) -> Option<String> {
        let letter = phase.chars().next().unwrap_or(' ');
        if dir == Direction::In {
            return None;
        }
        // Between pages that are agreed on anew the caller waits for DIS as at the beginning (T.30 EOM): that is no new call.
        let letter = if letter == 'A' && self.is_on() && self.phase != 'A' { 'B' } else { letter };
        let before = std::mem::replace(&mut self.phase, letter);
        if letter == 'A' && before != 'A' {
            self.cut_off(sheets);
            *self = Call { phase: letter, ..Call::default() };
        }
        self.ends = Some([here.clone(), other.clone()]);
        self.doing = phase.get(1..).unwrap_or_default().trim_start_matches([':', ' ']).to_owned();
        match letter {
            'A' if before != 'A' => Some(format!("calls {peer} by fax")),
            'E' if before != 'E' => {
                self.cut_off(sheets);
                Some("hangs up".to_owned())
            }
            _ => None,
        }
    }
    /// A frame is told by who says it; some are news.
    fn frame(&mut self, dir: Direction, here: &Name, frame: &str) -> Option<String> {
        if dir == Direction::In {
            return None;
        }
        let caller = self.ends.as_ref().is_some_and(|[caller, _]| caller == here);
        // Of a frame whose field is bits (DIS, DCS) the name is enough.
        let bits = |field: &str| field.len() > 4 && field.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase());
        let shown = frame.split_once(' ').filter(|(name, field)| name.starts_with('D') && bits(field)).map_or(frame, |(name, _)| name);
        self.frames.push_back(format!("{} {shown}", if caller { "→" } else { "←" }));
        if self.frames.len() > FRAMES {
            self.frames.pop_front();
        }
        match frame.split(' ').next() {
            Some("FTT") => Some("cannot read the training check at this rate (FTT)".to_owned()),
            Some("RTN") => Some("cannot read the page and asks for it again (RTN)".to_owned()),
            Some("RTP") => Some("has the page, and asks to train anew (RTP)".to_owned()),
            Some(_) | None => None,
        }
    }
    fn settles(&mut self, dir: Direction, text: &str) -> Option<String> {
        let news = dir == Direction::Out && self.settled != text;
        self.settled = text.to_owned();
        news.then(|| format!("sends pages by {text}"))
    }
    /// Scan lines, `page` by number and the first of them, `form` in pels of a line and lines an inch.
    fn scan(&mut self, (number, first): (usize, usize), form: (usize, u16), lines: &[Vec<u8>], sheets: &mut Sheets) -> Option<String> {
        let begins = first == 0 || self.page.as_ref().is_none_or(|page| page.number != number);
        if begins {
            self.cut_off(sheets);
            let blocks = Blocks::new(form.0, form.1, PAGE)?;
            self.page = Some(Incoming { number, rows: 0, blocks });
        }
        let page = self.page.as_mut()?;
        for (n, line) in lines.iter().enumerate() {
            page.blocks.line(first.saturating_add(n), line);
        }
        page.rows = page.rows.max(first.saturating_add(lines.len()));
        begins.then(|| format!("sees page {number} come in"))
    }
    /// The page in hand goes no further.
    fn cut_off(&mut self, sheets: &mut Sheets) {
        let said = self.page.as_ref().map(|page| format!("page {}, not whole", page.number));
        self.close(said.as_slice(), sheets);
    }
    /// The page in hand is done with: all of it goes up, with what is to be said of it beside.
    fn close(&mut self, said: &[String], sheets: &mut Sheets) {
        let Some(page) = self.page.take() else { return };
        if sheets.paper == Paper::None {
            return;
        }
        let rows = page.blocks.inked().max(said.len());
        sheets.rows.extend((0..rows).map(|n| row(said.get(n).map_or("", String::as_str), Some(&page.blocks.row(n)), sheets.paper)));
    }

    /// The call beside the page, of which the last rows are shown.
    fn shown(&self, circuit: &str, room: usize, paper: Paper) -> Vec<String> {
        let arrived = self.page.as_ref().map_or(0, |page| page.blocks.rows());
        let rows = arrived.clamp(LEAST, room);
        let beside = self.beside(circuit, rows);
        let from = arrived.saturating_sub(rows);
        let page = |n: usize| self.page.as_ref().filter(|_| from + n < arrived).map(|page| page.blocks.row(from + n));
        (0..rows).map(|n| row(beside.get(n).map_or("", String::as_str), page(n).as_deref(), paper)).collect()
    }
    fn beside(&self, circuit: &str, rows: usize) -> Vec<String> {
        let who = self.ends.as_ref().map(|[from, to]| format!("{} to {}", from.upper(), to.upper())).unwrap_or_default();
        let page = self.page.as_ref().map(|page| format!("page {}, row {}", page.number, page.rows)).unwrap_or_default();
        let mut told = vec![format!("FAX BY {}", circuit.to_uppercase()), who];
        told.push(format!("{}: {}", self.phase, self.doing));
        told.extend(pieces(&self.settled));
        told.push(page);
        let frames = rows.saturating_sub(told.len());
        told.extend(self.frames.iter().skip(self.frames.len().saturating_sub(frames)).cloned());
        told
    }
}

/// What is agreed, in rows of their own where it is too long for one.
fn pieces(text: &str) -> Vec<String> {
    let mut rows: Vec<String> = vec![];
    for part in text.split(", ") {
        match rows.last_mut() {
            Some(last) if last.chars().count() + 2 + part.chars().count() <= BESIDE => *last += &format!(", {part}"),
            Some(_) | None => rows.push(part.to_owned()),
        }
    }
    rows
}

/// A row: what is told, and the page beside it.
fn row(told: &str, page: Option<&str>, paper: Paper) -> String {
    let told: String = told.chars().take(BESIDE).collect();
    match (page, paper) {
        (Some(page), Paper::White) => format!(" {told:BESIDE$} {} {page} {}", WHITE.0, WHITE.1),
        (Some(page), Paper::Ruled) => format!(" {told:BESIDE$} |{page}|"),
        (_, Paper::None) | (None, _) => format!(" {told}").trim_end().to_owned(),
    }
}

/// `1146 rows, none bad`.
fn counted(rows: usize, bad: usize) -> String {
    match bad {
        0 => format!("{rows} rows, none bad"),
        _ => format!("{rows} rows, {bad} bad"),
    }
}

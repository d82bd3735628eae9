//! What an operator types, made into messages: from the line `TO DESK AT STATION` to `NNNN`, with corrections.
//!
//! Standards: the heading's words after ACP 127; `NNNN` ends as on the military networks; eight E's are their sign of an error in the
//! word before (ACP 126). That the word is then taken back, `XXXXX` for the line and all answers are ours (`docs/machine-at-a-desk.md`).
//! In: characters, one at a time. Out: messages, sentences for the paper, WRU. Left out: codes, echo, who answers (`desk`, `molink tty`).
//! Shown by: `teletype::typist::tests`, `tests/it/desk.rs`.

use super::codes::{BELL, WRU};
use crate::message::period::{typed_address, urgency};
use crate::message::{Address, Class, Name, Precedence};
use crate::time::Instant;
use std::time::Duration;

/// Characters of one typed line; a page has 72 columns at the most, the rest is for who forgets the carriage return.
const LINE: usize = 160;
/// Characters of a subject.
const SUBJECT: usize = 60;
/// What is printed waits for whoever types until nothing was typed for this long; flash and above for [`URGENT_PAUSE`].
const PAUSE: Duration = Duration::from_secs(60);
const URGENT_PAUSE: Duration = Duration::from_secs(5);
/// A message left open for so long is dropped.
const ABANDONED: Duration = Duration::from_secs(30 * 60);
/// The sign of an error in the word before; so many E's.
const ERROR: &str = "EEEEEEEE";
/// Takes the whole line back.
const ERASE: &str = "XXXXX";

/// A message that was typed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Typed {
    /// Who it is for.
    pub to: Address,
    /// The desk it comes from, if it was said.
    pub from: Option<Name>,
    /// How urgent.
    pub precedence: Precedence,
    /// Which kind of traffic.
    pub class: Class,
    /// May be empty.
    pub subject: String,
    /// Lines parted by LF.
    pub text: String,
}

/// What comes of a character.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Heard {
    /// A message is complete.
    Message(Typed),
    /// Print this sentence.
    Say(String),
    /// Send the answerback.
    WhoAreYou,
}

/// Whether an address can be reached, or one sentence that names the nearest.
pub type Known<'a> = &'a dyn Fn(&Address, Class) -> Result<(), String>;

/// The operator's side of a machine at a desk.
pub struct Typist {
    longest: usize,
    line: String,
    /// The line in hand is longer than [`LINE`].
    over: bool,
    /// The carriage is back; what follows without a line feed is a new line all the same.
    returned: bool,
    /// More of the letter that a correction ends with is part of it.
    swallow: Option<char>,
    page: Page,
    last: Instant,
}

enum Page {
    /// Between messages; a precedence line may have been typed.
    Rest((Precedence, Class)),
    Open(Box<Open>),
    /// What is typed up to `NNNN` belongs to a message that was not taken.
    Passing,
}

struct Open {
    typed: Typed,
    in_text: bool,
    marked: bool,
    chars: usize,
}

impl Typist {
    /// Nothing typed yet; a text has `longest` characters at the most.
    pub fn new(longest: usize) -> Typist {
        let page = Page::Rest(Default::default());
        Typist { longest, line: String::new(), over: false, returned: false, swallow: None, page, last: Instant::ZERO }
    }

    /// Takes one character (capitals, as machines have them).
    pub fn take(&mut self, now: Instant, c: char, known: Known) -> Option<Heard> {
        self.last = now;
        match c {
            WRU => return Some(Heard::WhoAreYou),
            BELL => return None,
            '\r' => {
                self.returned = !self.line.is_empty();
                return None;
            }
            '\n' => return self.end_line(known),
            _ => {}
        }
        let ended = if self.returned { self.end_line(known) } else { None };
        if self.swallow.take_if(|s| *s == c).is_some() {
            self.swallow = Some(c);
            return ended;
        }
        let corrected = self.swallow.take().is_some();
        if corrected && c == ' ' && (self.line.is_empty() || self.line.ends_with(' ')) {
            return ended; // the space between the sign and the word set right
        }
        if self.line.chars().count() >= LINE {
            self.over = true;
        } else {
            self.line.push(c);
            self.correct();
        }
        ended.or_else(|| self.ends_message().then(|| self.end_message(known)).flatten())
    }

    /// Whether a message is open, and for whom.
    pub fn open(&self) -> Option<&Address> {
        match &self.page {
            Page::Open(open) => Some(&open.typed.to),
            Page::Rest(_) | Page::Passing => None,
        }
    }
    /// The line in hand.
    pub fn line(&self) -> &str {
        &self.line
    }
    /// Whether nothing at all is in hand.
    pub fn rests(&self) -> bool {
        self.line.is_empty() && !matches!(self.page, Page::Open(_))
    }
    /// Until when a message of this precedence waits to be printed, if nothing more is typed; `None` if nobody types.
    ///
    /// Noise between messages holds nothing up: only what may become a heading line does.
    pub fn holds(&self, precedence: Precedence) -> Option<Instant> {
        let pause = if precedence >= Precedence::Flash { URGENT_PAUSE } else { PAUSE };
        let begins = |word: &str| word.starts_with(self.line.as_str()) || self.line.starts_with(word);
        let heading = !self.line.is_empty() && (begins("TO ") || Precedence::ALL.iter().any(|p| begins(&p.word().to_ascii_uppercase())));
        (self.open().is_some() || heading).then(|| self.last + pause)
    }
    /// When an open message is dropped, if nothing more is typed.
    pub fn deadline(&self) -> Option<Instant> {
        self.open().map(|_| self.last + ABANDONED)
    }
    /// Drops an open message whose time is up.
    pub fn tick(&mut self, now: Instant) -> Option<Heard> {
        self.deadline().filter(|at| *at <= now)?;
        self.forget().map(|to| Heard::Say(format!("your message to {to} was dropped: nothing was typed for 30 minutes")))
    }
    /// Drops all that is in hand; tells whom an open message was for.
    pub fn forget(&mut self) -> Option<Address> {
        let to = self.open().cloned();
        *self = Typist { last: self.last, ..Typist::new(self.longest) };
        to
    }

    /// Takes back what a correction at the end of the line says.
    fn correct(&mut self) {
        if self.line.ends_with(ERROR) {
            self.line.truncate(self.line.len() - ERROR.len());
            let kept = self.line.trim_end().rfind(' ').map_or(0, |at| at + 1);
            self.line.truncate(kept);
            self.swallow = Some('E');
        } else if self.line == ERASE || self.line.ends_with(&format!(" {ERASE}")) {
            self.line.clear();
            self.swallow = Some('X');
        }
    }
    fn ends_message(&self) -> bool {
        !self.over && (self.line == "NNNN" || self.line.ends_with(" NNNN"))
    }

    fn end_line(&mut self, known: Known) -> Option<Heard> {
        (self.returned, self.swallow) = (false, None);
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.over) {
            let heard = matches!(self.page, Page::Open(_)) || line.starts_with("TO ");
            return heard.then(|| Heard::Say(format!("that line is longer than {LINE} characters and was not taken; type it again")));
        }
        let line = line.trim_end();
        match &mut self.page {
            Page::Rest(urgent) => match (urgency(line), line.strip_prefix("TO ")) {
                (_, Some(to)) => {
                    let urgent = *urgent;
                    self.begin(to, urgent, known)
                }
                (Ok(said), None) => {
                    *urgent = said;
                    None
                }
                (Err(_), None) => {
                    if !line.is_empty() {
                        *urgent = Default::default();
                    }
                    None
                }
            },
            // Text of a message that was not taken may well begin with TO; only a whole address begins anew.
            Page::Passing => match line.strip_prefix("TO ").filter(|to| typed_address(to).is_ok()) {
                Some(to) => self.begin(to, Default::default(), known),
                None => None,
            },
            Page::Open(open) if open.in_text => self.text_line(line),
            Page::Open(_) => self.heading_line(line, known),
        }
    }

    fn begin(&mut self, to: &str, (precedence, class): (Precedence, Class), known: Known) -> Option<Heard> {
        let checked = typed_address(to).and_then(|to| known(&to, class).map(|()| to));
        match checked {
            Ok(to) => {
                let (subject, text) = (String::new(), String::new());
                let typed = Typed { to, from: None, precedence, class, subject, text };
                self.page = Page::Open(Box::new(Open { typed, in_text: false, marked: false, chars: 0 }));
                None
            }
            Err(why) => {
                self.page = Page::Passing;
                Some(Heard::Say(format!("not taken: {why}")))
            }
        }
    }

    /// A line after `TO` that may still belong to the heading; the first that does not begins the text.
    fn heading_line(&mut self, line: &str, known: Known) -> Option<Heard> {
        let Page::Open(open) = &mut self.page else { return None };
        let typed = &mut open.typed;
        if let Ok(said) = urgency(line) {
            (typed.precedence, typed.class) = said;
        } else if let Some(subject) = line.strip_prefix("SUBJ ") {
            typed.subject = subject.trim().chars().take(SUBJECT).collect();
        } else if let Some(to) = line.strip_prefix("TO ") {
            let urgent = (typed.precedence, typed.class);
            return self.begin(to, urgent, known);
        } else if let Some(from) = line.strip_prefix("FM ") {
            let desk = from.split([' ', '/', '@']).next().unwrap_or_default().parse();
            match desk {
                Ok(desk) => typed.from = Some(desk),
                Err(why) => {
                    self.page = Page::Passing;
                    return Some(Heard::Say(format!("not taken: {why}")));
                }
            }
        } else if line == "BT" {
            (open.in_text, open.marked) = (true, true);
        } else if !line.is_empty() {
            open.in_text = true;
            return self.text_line(line);
        }
        None
    }

    fn text_line(&mut self, line: &str) -> Option<Heard> {
        let Page::Open(open) = &mut self.page else { return None };
        if line == "CANTRAN" {
            self.forget();
            return Some(Heard::Say("cancelled; nothing was sent".into()));
        }
        open.chars += line.chars().count() + 1; // a line feed counts too: empty lines end somewhere
        if open.chars > self.longest {
            self.page = Page::Passing;
            return Some(Heard::Say(format!("not sent: the text is longer than {} characters; send it in parts", self.longest)));
        }
        open.typed.text.push_str(line);
        open.typed.text.push('\n');
        None
    }

    fn end_message(&mut self, known: Known) -> Option<Heard> {
        self.line.truncate(self.line.len() - "NNNN".len());
        let said = if self.line.trim().is_empty() { None } else { self.end_line(known) };
        self.line.clear();
        let rest = Page::Rest(Default::default());
        match std::mem::replace(&mut self.page, rest) {
            Page::Passing => said,
            Page::Rest(_) => said.or_else(|| Some(Heard::Say("nothing to send: begin with TO DESK AT STATION".into()))),
            Page::Open(open) => {
                let mut typed = open.typed;
                let mut text = typed.text.trim_end_matches('\n');
                if open.marked && (text == "BT" || text.ends_with("\nBT")) {
                    text = text[..text.len() - 2].trim_end_matches('\n');
                }
                typed.text = text.to_owned();
                match typed.text.trim().is_empty() {
                    true => Some(Heard::Say("not sent: there is no text between the heading and NNNN".into())),
                    false => Some(Heard::Message(typed)),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(to: &Address, _: Class) -> Result<(), String> {
        let here = ["moscow", "washington"].contains(&to.station.as_str());
        here.then_some(()).ok_or_else(|| format!("no route to `{to}`; did you mean `{}@moscow`", to.desk))
    }
    fn typed(typist: &mut Typist, text: &str) -> Vec<Heard> {
        text.chars().filter_map(|c| typist.take(Instant(1), c, &known)).collect()
    }
    fn message(text: &str) -> Typed {
        match &typed(&mut Typist::new(1000), text)[..] {
            [Heard::Message(m)] => m.clone(),
            other => panic!("{text}: {other:?}"),
        }
    }
    fn said(text: &str) -> String {
        match &typed(&mut Typist::new(100), text)[..] {
            [Heard::Say(s)] => s.clone(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn from_to_to_nnnn_it_is_a_message_in_all_its_forms() {
        let plain = message("TO OPERATOR AT MOSCOW\r\r\nHELLO\r\r\n\r\r\nTHERE\r\r\nNNNN");
        assert_eq!((plain.to.to_string().as_str(), plain.text.as_str()), ("operator@moscow", "HELLO\n\nTHERE"));
        assert_eq!((plain.precedence, plain.class, plain.from), (Precedence::Routine, Class::Message, None));
        let full = "FLASH SVC\nTO OPERATOR/MOSCOW\nFM CHAIRMAN AT WASHINGTON\nSUBJ A TEST\nBT\nTO BE\nBT\n\nNNNN\n";
        let full = message(full);
        assert_eq!((full.precedence, full.class, full.subject.as_str()), (Precedence::Flash, Class::Service, "A TEST"));
        assert_eq!((full.from.unwrap().as_str(), full.text.as_str()), ("chairman", "TO BE"));
        assert_eq!(message("TO OPERATOR@MOSCOW\nPRIORITY\nHELLO NNNN").precedence, Precedence::Priority);
        assert_eq!(message("TO A AT MOSCOW\nTO B AT MOSCOW\nX\nNNNN").to.desk.as_str(), "b", "a second TO before the text mends the first");
        assert_eq!(message("TO A AT MOSCOW\nBT\nBT\nBT\nNNNN").text, "BT", "only the last BT is the end's");
        assert_eq!(message("TO A AT MOSCOW\rHELLO\rNNNN").text, "HELLO", "a carriage return alone ends a line too");
        assert_eq!(message("TO A AT MOSCOW\n\rHELLO\n\rTHERE\n\rNNNN").text, "HELLO\nTHERE");
    }

    #[test]
    fn corrections_take_back_the_word_or_the_line() {
        let text = |t: &str| message(&format!("TO A AT MOSCOW\n{t}\nNNNN")).text;
        assert_eq!(text("THE QUIKC EEEEEEEE QUICK FOX"), "THE QUICK FOX");
        assert_eq!(text("THE QUIKCEEEEEEEEEEE QUICK"), "THE QUICK");
        assert_eq!(text("ALL WRONG XXXXX RIGHT"), "RIGHT");
        assert_eq!(text("KEEP\nALL WRONG XXXXXXX\nRIGHT"), "KEEP\n\nRIGHT");
        assert_eq!(text("XXX AND EEEE STAY, SO DOES AXXXXX"), "XXX AND EEEE STAY, SO DOES AXXXXX");
        assert_eq!(message("TO A AT MOSKOW EEEEEEEEMOSCOW\nX\nNNNN").to.station.as_str(), "moscow");
        assert!(said("TO A AT MOSCOW\nNO\nCANTRAN\n").contains("cancelled"));
    }

    #[test]
    fn what_is_not_taken_is_answered_at_once_and_its_text_passes() {
        let mut t = Typist::new(100);
        let heard = typed(&mut t, "TO OPERATOR AT PARIS\nTO BE OR NOT\nNNNN\nTO A AT MOSCOW\nX\nNNNN");
        assert!(matches!(&heard[..], [Heard::Say(why), Heard::Message(_)] if why.contains("did you mean `operator@moscow`")), "{heard:?}");
        assert!(said("TO OPERATOR MOSCOW\nTEXT\nNNNN").contains("TO DESK AT STATION"));
        assert!(said("TO A AT MOSCOW\nNNNN").contains("no text"));
        assert!(said("TO A AT MOSCOW\nBT\nBT\nNNNN").contains("no text"));
        assert!(said("NNNN").contains("begin with TO"));
        assert!(said(&format!("TO A AT MOSCOW\nBT\n{}", "Y\n".repeat(60))).contains("longer than 100 characters"));
        assert!(said(&format!("TO A AT MOSCOW\nBT\n{}", "\n".repeat(101))).contains("longer than 100"));
        assert!(said(&format!("TO A AT MOSCOW\n{}\n", "Y".repeat(161))).contains("longer than 160"));
        assert_eq!(typed(&mut Typist::new(9), "NOISE\n\u{7}MORE\n"), [], "noise between messages is not answered");
        assert_eq!(typed(&mut Typist::new(9), "A\u{5}"), [Heard::WhoAreYou]);
    }

    #[test]
    fn only_who_types_a_message_holds_the_printer() {
        let held = |text: &str, p| {
            let mut t = Typist::new(100);
            typed(&mut t, text);
            t.holds(p).map(|at| at.since(Instant(1)).as_secs())
        };
        let (routine, flash) = (Precedence::Routine, Precedence::Flash);
        assert_eq!([held("", routine), held("XYZ", routine), held("XYZ\n", routine)], [None; 3]);
        assert_eq!([held("T", routine), held("FLA", routine), held("TO A", flash)], [Some(60), Some(60), Some(5)]);
        assert_eq!([held("TO A AT MOSCOW\n", routine), held("TO A AT PARIS\nX", routine)], [Some(60), None]);
        let mut t = Typist::new(100);
        typed(&mut t, "TO A AT MOSCOW\nX");
        assert_eq!((t.tick(Instant(1) + Duration::from_secs(1799)), t.rests()), (None, false));
        assert!(matches!(t.tick(Instant(1) + ABANDONED), Some(Heard::Say(s)) if s.contains("a@moscow was dropped")));
        assert!(t.rests());
    }
}

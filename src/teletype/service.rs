//! Service lines: what the two ends say to each other between messages.
//!
//! Standard: none is published; ours (`docs/procedure.md`), after the call-up and ready answer seen on the link in 1988.
//! In: a [`Line`] to send, codes off the line. Out: codes; lines whose check group fits. Left out: who answers what.
//! Shown by: `fixtures/dialogues`.

use super::codes::{CR, CodeTable, Coder, LF, LTRS, UnshiftOnSpace};
use crate::line::Code;
use crate::machine::Codec;
use crate::message::{Identity, Name};
use crate::time::Utc;
use sha2::{Digest, Sha256};

/// The longest service line, check group included; what is longer is not one.
pub const LONGEST: usize = 160;
/// Service lines read the same in every code, so any table does.
const COMMON: CodeTable = CodeTable::Ita2;
/// The longest reason of a refusal.
const LONGEST_REASON: usize = 60;

/// What names one transmission of a message: its identity, its count of codes, its check group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// Which message.
    pub identity: Identity,
    /// Codes from the first of the heading to the last of the end sequence.
    pub count: usize,
    /// Check group over these codes.
    pub check: String,
}

impl Stamp {
    /// As it stands in a line: `WASHINGTON 01 301600Z AUG 63 132 KXQPB`.
    pub fn text(&self) -> String {
        format!("{} {} {}", self.identity.heading(), self.count, self.check)
    }
}

/// A place on a key tape.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The tape's serial number.
    pub serial: u32,
    /// The position of a code on it, from 0.
    pub position: u64,
}

/// What a call-up says of key tapes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    /// From where the sender would encipher.
    pub from: Place,
    /// How many codes.
    pub count: u64,
    /// How far the sender has read the far end's own tape: answers must not begin before this.
    pub read: Place,
}

/// Why a message was not received: one word on the line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// Its confirmation line or end does not fit what came.
    Check,
    /// Nothing more came for too long.
    Idle,
    /// The heading cannot be read.
    Heading,
    /// It cannot be filed now.
    Busy,
    /// It is longer than a message may be.
    Long,
    /// It does not decipher: a code was lost or doubled, or the key is another.
    Step,
    /// The key tape ended here.
    Key,
}

impl Why {
    const ALL: [Why; 7] = [Why::Check, Why::Idle, Why::Heading, Why::Busy, Why::Long, Why::Step, Why::Key];
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Why::Check => "CHECK",
            Why::Idle => "IDLE",
            Why::Heading => "HEADING",
            Why::Busy => "BUSY",
            Why::Long => "LONG",
            Why::Step => "STEP",
            Why::Key => "KEY",
        }
    }
}

/// A service line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Line {
    /// `MOSCOW DE WASHINGTON CALL 7`: may I send? (`CQ` where the far end's name is not known.)
    Call {
        /// Who is called; `None` for `CQ`, whoever is there.
        to: Option<Name>,
        /// Who calls.
        from: Name,
        /// Number of the call-up, from 1 since the program started.
        no: u32,
        /// What the message will be in; named where it is not ITA2: `… CALL 7 CODE MTK-2`.
        code: CodeTable,
        /// On an enciphered line: the tapes. `MOSCOW DE WASHINGTON CALL 7 KEY 483920 1240 512 READ 711034 560`.
        key: Option<Claim>,
    },
    /// `WASHINGTON DE MOSCOW READY 7`: send.
    Ready {
        /// Who called.
        to: Name,
        /// Who answers.
        from: Name,
        /// The call-up answered.
        no: u32,
        /// On an enciphered line: the larger of the caller's position and ours. `WASHINGTON DE MOSCOW READY 7 KEY 483920 1240`.
        key: Option<Place>,
    },
    /// `WASHINGTON DE MOSCOW NOT READY 7 NO TAPE 483920`: not on this line, as things stand.
    NotReady {
        /// Who called.
        to: Name,
        /// Who answers.
        from: Name,
        /// The call-up answered.
        no: u32,
        /// Why, in the characters of a service line.
        reason: String,
    },
    /// `KEY 483920 1240 512`: from the code after this line's end on, so many codes are enciphered from this place on.
    Key {
        /// From where.
        from: Place,
        /// How many codes at the most (a message that is cut has fewer).
        count: u64,
    },
    /// `RECEIVED [BEFORE] …`: it is on disk here.
    Received {
        /// It was already.
        before: bool,
        /// What was received.
        stamp: Stamp,
    },
    /// `NOT RECEIVED 7 [CHECK]`: send again.
    NotReceived {
        /// The call-up under which it came.
        no: u32,
        /// Why, where a word that we know was said.
        why: Option<Why>,
    },
    /// `REFUSED … UNKNOWN DESK`: do not send again.
    Refused {
        /// What was refused.
        stamp: Stamp,
        /// Why, in the characters of a service line.
        reason: String,
    },
}

impl Line {
    /// The line without its check group.
    pub fn body(&self) -> String {
        match self {
            Line::Call { to, from, no, code, key } => {
                let called = to.as_ref().map_or("CQ".into(), Name::upper);
                let code = if *code == COMMON { String::new() } else { format!(" CODE {}", code.name().to_ascii_uppercase()) };
                let key = key.map_or(String::new(), |k| format!(" KEY {} {} READ {}", k.from.text(), k.count, k.read.text()));
                format!("{called} DE {} CALL {no}{code}{key}", from.upper())
            }
            Line::Ready { to, from, no, key } => {
                let key = key.map_or(String::new(), |place| format!(" KEY {}", place.text()));
                format!("{} DE {} READY {no}{key}", to.upper(), from.upper())
            }
            Line::NotReady { to, from, no, reason } => with_reason(format!("{} DE {} NOT READY {no} ", to.upper(), from.upper()), reason),
            Line::Key { from, count } => format!("KEY {} {count}", from.text()),
            Line::Received { before, stamp } => format!("RECEIVED {}{}", if *before { "BEFORE " } else { "" }, stamp.text()),
            Line::NotReceived { no, why: Some(why) } => format!("NOT RECEIVED {no} {}", why.word()),
            Line::NotReceived { no, why: None } => format!("NOT RECEIVED {no}"),
            Line::Refused { stamp, reason } => with_reason(format!("REFUSED {} ", stamp.text()), reason),
        }
    }

    /// Reads a line without its check group; `near` settles the century. `None` if it is none of ours.
    pub fn read(body: &str, near: Utc) -> Option<Line> {
        let words: Vec<&str> = body.split(' ').collect();
        match words.as_slice() {
            [to, "DE", from, "CALL", no, rest @ ..] => {
                let (code, key) = code(rest)?;
                let to = if *to == "CQ" { None } else { Some(to.parse().ok()?) };
                Some(Line::Call { to, from: from.parse().ok()?, no: number(no)?, code, key: claim(key)? })
            }
            [to, "DE", from, "READY", no, key @ ..] => {
                let key = match key {
                    [] => None,
                    ["KEY", serial, position] => Some(place(serial, position)?),
                    _ => return None, // reported as ignored by the terminal
                };
                Some(Line::Ready { to: to.parse().ok()?, from: from.parse().ok()?, no: number(no)?, key })
            }
            [to, "DE", from, "NOT", "READY", no, reason @ ..] => {
                Some(Line::NotReady { to: to.parse().ok()?, from: from.parse().ok()?, no: number(no)?, reason: reason.join(" ") })
            }
            ["KEY", serial, position, count] => Some(Line::Key { from: place(serial, position)?, count: number(count)?.into() }),
            ["NOT", "RECEIVED", no] => Some(Line::NotReceived { no: number(no)?, why: None }),
            ["NOT", "RECEIVED", no, why, ..] => {
                Some(Line::NotReceived { no: number(no)?, why: Why::ALL.into_iter().find(|w| w.word() == *why) })
            }
            ["RECEIVED", "BEFORE", stamped @ ..] if stamped.len() == 7 => {
                Some(Line::Received { before: true, stamp: stamp(stamped, near)? })
            }
            ["RECEIVED", stamped @ ..] if stamped.len() == 7 => Some(Line::Received { before: false, stamp: stamp(stamped, near)? }),
            ["REFUSED", rest @ ..] if rest.len() >= 7 => {
                Some(Line::Refused { stamp: stamp(&rest[..7], near)?, reason: rest[7..].join(" ") })
            }
            _ => None, // reported as ignored by the terminal
        }
    }

    /// Whether it is an answer to a message: on an enciphered line these are enciphered, and none is believed in clear.
    pub fn answers_a_message(&self) -> bool {
        match self {
            Line::Received { .. } | Line::NotReceived { .. } | Line::Refused { .. } => true,
            Line::Call { .. } | Line::Ready { .. } | Line::NotReady { .. } | Line::Key { .. } => false,
        }
    }

    /// As it goes over the line: `CR CR LF LTRS LTRS BODY SP CHECK CR CR LF`.
    pub fn codes(&self, setting: UnshiftOnSpace) -> Vec<Code> {
        frame(&self.body(), setting)
    }
}

impl Place {
    /// A place.
    pub fn new(serial: u32, position: u64) -> Place {
        Place { serial, position }
    }
    /// As it stands in a line: `483920 1240`.
    fn text(self) -> String {
        format!("{:06} {}", self.serial, self.position)
    }
}

/// A body that ends in a reason, as much of it as fits.
fn with_reason(body: String, reason: &str) -> String {
    let room = LONGEST_REASON.min((LONGEST - 6).saturating_sub(body.len()));
    let reason: String = plain(reason).chars().take(room).collect();
    format!("{body}{}", reason.trim_end()).trim_end().to_owned()
}

/// The code that a call-up names, and what follows it.
fn code<'a, 'b>(words: &'a [&'b str]) -> Option<(CodeTable, &'a [&'b str])> {
    let ["CODE", name, rest @ ..] = words else { return Some((COMMON, words)) };
    Some((CodeTable::ALL.into_iter().find(|c| c.name().eq_ignore_ascii_case(name))?, rest))
}

/// What a call-up says of key: `Some(None)` for nothing.
fn claim(words: &[&str]) -> Option<Option<Claim>> {
    match words {
        [] => Some(None),
        ["KEY", serial, position, count, "READ", theirs, read] => {
            Some(Some(Claim { from: place(serial, position)?, count: number(count)?.into(), read: place(theirs, read)? }))
        }
        _ => None, // reported as ignored by the terminal
    }
}

fn place(serial: &str, position: &str) -> Option<Place> {
    Some(Place { serial: number(serial)?, position: number(position)?.into() })
}

/// Puts a body between its marks, with its check group.
fn frame(body: &str, setting: UnshiftOnSpace) -> Vec<Code> {
    let mut codes = vec![CR, CR, LF, LTRS, LTRS];
    // Every character of a body has a code, the same in every table: names, numbers and `plain` reasons hold nothing else.
    let _ = Coder::in_letters(COMMON, setting).write(&format!("{body} {}\n", check_group(body.bytes())), &mut codes);
    codes
}

/// Five letters: SHA-256 over the bytes, the first five bytes of it modulo 26 as A to Z.
pub fn check_group(bytes: impl IntoIterator<Item = u8>) -> String {
    let bytes: Vec<u8> = bytes.into_iter().collect();
    Sha256::digest(&bytes).iter().take(5).map(|b| char::from(b'A' + b % 26)).collect()
}

fn number(word: &str) -> Option<u32> {
    (word.len() <= 9 && word.bytes().all(|b| b.is_ascii_digit())).then(|| word.parse().ok())?
}

fn stamp(words: &[&str], near: Utc) -> Option<Stamp> {
    let (identity, rest) = words.split_at_checked(5)?;
    let [count, check] = rest else { return None };
    let identity = Identity::from_heading(&identity.join(" "), near)?;
    Some(Stamp { identity, count: number(count)? as usize, check: (*check).to_owned() })
}

/// What all three alphabets have (ITA2, US-TTY, MTK-2): letters, digits, `- ? : ( ) . , /`.
fn plain(text: &str) -> String {
    let one = |c: char| match c.to_ascii_uppercase() {
        c @ ('A'..='Z' | '0'..='9' | ' ' | '-' | '?' | ':' | '(' | ')' | '.' | ',' | '/') => c,
        '@' => '/',
        ';' => ',',
        _ => '?',
    };
    let spelt: String = text.chars().filter(|c| !['`', '\'', '"'].contains(c)).map(one).collect();
    spelt.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// Finds service lines among everything that comes off a line. Holds one line of at most [`LONGEST`] characters.
#[derive(Debug)]
pub struct Detector {
    setting: UnshiftOnSpace,
    last: Code,
    line: Option<(Coder, String)>,
}

impl Detector {
    /// Nothing heard yet.
    pub fn new(setting: UnshiftOnSpace) -> Detector {
        Detector { setting, last: LF, line: None }
    }
    /// Takes one code; gives the body of a line that ends with it and whose check group fits. All else is noise, left out.
    pub fn take(&mut self, code: Code) -> Option<String> {
        let pair = (self.last, code) == (LTRS, LTRS);
        self.last = code;
        if pair {
            self.line = Some((Coder::in_letters(COMMON, self.setting), String::new()));
            return None;
        }
        let (coder, line) = self.line.as_mut()?;
        match coder.decode(code) {
            None => {}
            Some('\r' | '\n') => {
                let (_, line) = self.line.take()?;
                let (body, check) = line.rsplit_once(' ')?;
                return (check_group(body.bytes()) == check).then(|| body.to_owned());
            }
            Some(c) if line.len() < LONGEST && !c.is_control() => line.push(c),
            Some(_) => self.line = None,
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::teletype::codes::key;

    fn stamp_of(station: &str) -> Stamp {
        let identity = Identity { station: station.parse().unwrap(), ..("W-0001-19630830T1600Z".parse().unwrap()) };
        Stamp { identity, count: 132, check: "KXQPB".into() }
    }
    fn lines() -> Vec<Line> {
        let claim = Claim { from: Place::new(483_920, 100_000_000), count: 512, read: Place::new(100_000, 0) };
        let (w, m): (Name, Name) = ("washington".parse().unwrap(), "moscow".parse().unwrap());
        vec![
            Line::Call { to: Some(m.clone()), from: w.clone(), no: 7, code: CodeTable::Ita2, key: None },
            Line::Call { to: None, from: w.clone(), no: 7, code: CodeTable::Mtk2, key: Some(claim) },
            Line::Call { to: Some(w.clone()), from: m.clone(), no: 7, code: CodeTable::UsTty, key: None },
            Line::Ready { to: w.clone(), from: m.clone(), no: 123_456, key: None },
            Line::Ready { to: w.clone(), from: m.clone(), no: 123_456, key: Some(claim.read) },
            Line::NotReady { to: w, from: m, no: 7, reason: "NO TAPE 483920".into() },
            Line::Key { from: claim.from, count: 99_999 },
            Line::Received { before: false, stamp: stamp_of("washington") },
            Line::Received { before: true, stamp: stamp_of("new-york-2") },
            Line::NotReceived { no: 7, why: None },
            Line::NotReceived { no: 7, why: Some(Why::Heading) },
            Line::Refused { stamp: stamp_of("washington"), reason: "UNKNOWN DESK X (KNOWN: Y)".into() },
        ]
    }
    fn heard(codes: &[Code], setting: UnshiftOnSpace) -> Vec<String> {
        let mut detector = Detector::new(setting);
        codes.iter().filter_map(|c| detector.take(*c)).collect()
    }

    #[test]
    fn every_line_reads_back_over_the_wire_in_all_settings() {
        let near = "1963-08-30T16:00:00Z".parse().unwrap();
        for setting in [UnshiftOnSpace::Unknown, UnshiftOnSpace::No, UnshiftOnSpace::Yes] {
            for line in lines() {
                let bodies = heard(&line.codes(setting), setting);
                assert_eq!(bodies, [line.body()]);
                assert_eq!(Line::read(&bodies[0], near), Some(line));
            }
        }
    }

    #[test]
    fn a_service_line_prints_the_same_on_every_machine() {
        for setting in [UnshiftOnSpace::Unknown, UnshiftOnSpace::No, UnshiftOnSpace::Yes] {
            for line in lines() {
                let codes = line.codes(setting);
                let printed = CodeTable::ALL.map(|code| Coder::in_letters(code, setting).read(&codes));
                assert!(printed.iter().all(|p| p.starts_with(&format!("\n{} ", line.body()))), "{printed:?}");
                assert!(printed.iter().all(|p| *p == printed[0]), "{printed:?}");
            }
        }
    }

    #[test]
    fn any_single_flip_drop_or_double_in_body_or_check_silences_the_line() {
        use crate::line::Symbol;
        for line in lines() {
            let codes = line.codes(UnshiftOnSpace::Unknown);
            let whole = heard(&codes, UnshiftOnSpace::Unknown);
            let mut silenced = 0;
            for at in 0..codes.len() {
                let mut damaged = vec![codes.clone(); 7];
                (0..5).for_each(|bit| damaged[bit][at] = codes[at].flip(bit as u32));
                damaged[5].remove(at);
                damaged[6].insert(at, codes[at]);
                for d in damaged {
                    let now = heard(&d, UnshiftOnSpace::Unknown);
                    // Damage before or after the line proper may leave it whole; it never makes another line of it.
                    assert!(now.is_empty() || now == whole, "{now:?}");
                    silenced += usize::from(now.is_empty());
                }
            }
            assert!(silenced > codes.len() * 4);
        }
    }

    #[test]
    fn a_line_longer_than_the_bound_is_not_one() {
        let fits = "A".repeat(LONGEST - 6);
        assert_eq!(heard(&frame(&fits, UnshiftOnSpace::No), UnshiftOnSpace::No), std::slice::from_ref(&fits));
        assert!(heard(&frame(&(fits + "A"), UnshiftOnSpace::No), UnshiftOnSpace::No).is_empty());
    }

    #[test]
    fn a_refusal_always_fits_the_bound_and_the_common_characters() {
        let name = "x".repeat(32);
        let line = Line::Refused { stamp: stamp_of(&name), reason: "unknown desk `vaktsjéf@oslo`; known: a, b ".repeat(9) };
        let body = line.body();
        assert!(body.len() + 6 <= LONGEST, "{body}");
        assert_eq!(heard(&line.codes(UnshiftOnSpace::Unknown), UnshiftOnSpace::Unknown), [body]);
    }

    #[test]
    fn garbage_is_held_to_one_line() {
        let mut detector = Detector::new(UnshiftOnSpace::Unknown);
        detector.take(LTRS);
        detector.take(LTRS);
        for _ in 0..1_000_000 {
            assert_eq!(detector.take(key('A')), None);
        }
        assert!(detector.line.is_none());
    }

    #[test]
    fn what_is_no_line_of_ours_is_not_read() {
        for body in [
            "",
            "HELLO",
            "A DE B CALL",
            "A DE B CALL -1",
            "RECEIVED X",
            "A DE B CALL 9999999999",
            "REFUSED A B C D E F G",
            "KEY 1 2",
            "A DE B CALL 1 CODE ASCII",
        ] {
            assert_eq!(Line::read(body, Utc(0)), None, "{body}");
        }
    }
}

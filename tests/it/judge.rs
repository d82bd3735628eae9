//! The judge of key: reads what went over an enciphered line, one direction at a time, and says which key each code was given.
//!
//! Standards: none. In: codes as sent, copies of the tapes, all that may have been said. Out: the spans; or what is wrong with them.
//! Every code must be accounted for: a service line in clear, an enciphered span, or what a kill left of one of them.
//! It asks the mixer and the reels nothing, and what a `KEY` line claims counts only where the text that comes out is one of ours.
//! Left out: what arrived, how a recording was made. Shown by: its own tests, the planted faults of `storm`, `kill`.

use molink::key::Copy;
use molink::key::ledger::Entry;
use molink::line::Code;
use molink::router::Delivery;
use molink::teletype::codes::{CR, CodeTable, Coder, LF, LTRS, UnshiftOnSpace};
use molink::teletype::service::{Detector, Line, Stamp, Why};
use molink::teletype::wire::{CUT, CUT_MARK, START, compose};
use std::collections::{BTreeMap, BTreeSet};

const SETTING: UnshiftOnSpace = UnshiftOnSpace::Unknown;
const LINE_START: [Code; 5] = [CR, CR, LF, LTRS, LTRS];
/// So many codes of key are found at one place only: 60 bits.
const WINDOW: usize = 12;

/// The copy of a tape, made before it was used.
#[derive(Clone, Debug)]
pub struct Tape {
    pub serial: u32,
    pub key: Vec<Code>,
}

/// One direction of a line.
pub struct Way<'a> {
    /// As sent, in order.
    pub codes: &'a [Code],
    pub tapes: &'a [Tape],
    /// Whatever may have been said enciphered, whole, before the mixer.
    pub said: &'a BTreeSet<Vec<Code>>,
}

/// How a span ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// All of a message or of an answer.
    Whole,
    /// By the cut sequence.
    Cut,
    /// In the middle: its station was killed.
    Torn,
}

/// Codes that were enciphered one after the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// Where the line that announces it begins in the recording.
    pub announced: usize,
    /// Where its first code stands in the recording.
    pub at: usize,
    pub serial: u32,
    /// The position of its first code on the tape.
    pub from: u64,
    /// What it says.
    pub text: Vec<Code>,
    pub ending: Ending,
}

impl Span {
    /// The position after its last code.
    pub fn end(&self) -> u64 {
        self.from + self.text.len() as u64
    }
    /// As a printer has it.
    pub fn printed(&self, code: CodeTable) -> String {
        Coder::in_letters(code, SETTING).read(&self.text)
    }
    pub fn is_message(&self) -> bool {
        self.text.starts_with(&START)
    }
}

// ---- what may have been said ----

/// The codes of a message each time it was sent, and its answers' (which go the other way).
pub fn forms(delivery: &Delivery, far: &str, code: CodeTable) -> (Vec<Code>, [Vec<Code>; 2]) {
    let own = &delivery.message.identity.station;
    let wire = compose(delivery, own, &far.parse().unwrap(), code, SETTING).unwrap();
    let answer = |before: bool, stamp: &Stamp| Line::Received { before, stamp: stamp.clone() }.codes(SETTING);
    let answers = [answer(false, &wire.stamp), answer(true, &wire.stamp)];
    (wire.codes, answers)
}

/// `NOT RECEIVED` in all its forms, for the first call-ups of a station's life.
pub fn refusals() -> impl Iterator<Item = Vec<Code>> {
    static FORMS: std::sync::OnceLock<Vec<Vec<Code>>> = std::sync::OnceLock::new();
    let whys = [Why::Check, Why::Idle, Why::Heading, Why::Busy, Why::Long, Why::Step, Why::Key].map(Some);
    let forms = |no: u32| whys.into_iter().chain([None]).map(move |why| Line::NotReceived { no, why }.codes(SETTING));
    FORMS.get_or_init(|| (1..=400).flat_map(forms).collect()).iter().cloned()
}

// ---- reading a recording ----

/// A service line found in clear: from its first code to the one after its last.
struct Clear {
    start: usize,
    end: usize,
    body: String,
}

/// What was enciphered; the error says where the recording holds what nobody should have sent.
pub fn read(way: &Way) -> Result<Vec<Span>, String> {
    let lines = clear_lines(way.codes)?;
    let (mut spans, mut at) = (vec![], 0);
    for (i, line) in lines.iter().enumerate() {
        if !torn_lines(&way.codes[at..line.start]) {
            return Err(format!("codes {at} to {} are neither clear nor announced", line.start));
        }
        at = line.end;
        let until = lines.get(i + 1).map_or(way.codes.len(), |next| next.start);
        if let Some(Line::Key { from, count }) = read_line(&line.body) {
            let found = span(way, at, until, from.serial, from.position, count);
            let found = found.map_err(|why| format!("`{}` at code {at}: {why}", line.body))?;
            at += found.text.len();
            spans.push(Span { announced: line.start, ..found });
        }
    }
    match torn_lines(&way.codes[at..]) {
        true => Ok(spans),
        false => Err(format!("the codes from {at} on are neither clear nor announced")),
    }
}

fn read_line(body: &str) -> Option<Line> {
    Line::read(body, "1963-08-30T16:00:00Z".parse().unwrap())
}

fn clear_lines(codes: &[Code]) -> Result<Vec<Clear>, String> {
    let (mut detector, mut found, mut pair) = (Detector::new(SETTING), vec![], 0);
    for (i, code) in codes.iter().enumerate() {
        if i > 0 && codes[i - 1..=i] == [LTRS, LTRS] {
            pair = i - 1;
        }
        let Some(body) = detector.take(*code) else { continue };
        if read_line(&body).is_none_or(|l| l.answers_a_message()) {
            return Err(format!("`{body}` at code {pair} does not belong in clear"));
        }
        let start = pair.checked_sub(3).filter(|s| codes[*s..pair] == LINE_START[..3]);
        let start = start.ok_or_else(|| format!("`{body}` at code {pair} does not begin as a line does"))?;
        if let Some(last) = found.last_mut() {
            // A line that a kill left without its end is ended by the beginning of the next.
            let last: &mut Clear = last;
            last.end = last.end.min(start);
        }
        found.push(Clear { start, end: i + 1 + common(&codes[i + 1..], &[CR, LF]), body });
    }
    Ok(found)
}

/// How many codes two begin with alike.
fn common(a: &[Code], b: &[Code]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Whether these are beginnings of service lines in clear, as kills leave them; nothing at all is too.
fn torn_lines(codes: &[Code]) -> bool {
    if codes.is_empty() {
        return true;
    }
    let head = common(codes, &LINE_START);
    if head < LINE_START.len() {
        return head == codes.len() || (head > 0 && torn_lines(&codes[head..]));
    }
    let rest = &codes[LINE_START.len()..];
    let end = rest.iter().position(|c| *c == CR).unwrap_or(rest.len());
    let text = Coder::in_letters(CodeTable::Ita2, SETTING).read(&rest[..end]);
    let like = |w: &str| text.starts_with(w) || w.starts_with(&text);
    ["KEY ", "CQ DE ", "WASHINGTON DE ", "MOSCOW DE "].iter().any(|w| like(w)) && torn_lines(&rest[end..])
}

/// The span announced for `at`, if nothing else begins before `until`.
fn span(way: &Way, at: usize, until: usize, serial: u32, from: u64, count: u64) -> Result<Span, String> {
    let tape = way.tapes.iter().find(|t| t.serial == serial).ok_or("no such tape was made for this direction")?;
    let room = &way.codes[at..until];
    let key = tape.key.get(from as usize..).ok_or("beyond the end of the tape")?;
    let deciphered: Vec<Code> = room.iter().zip(key).map(|(c, k)| Code::new(c.value() ^ k.value())).collect();
    let (length, ending) = extent(&deciphered, way.said);
    // A torn span's last code may look longer by chance than it was: what follows it must begin as a line does.
    let length = (0..=2.min(length)).map(|less| length - less).find(|n| torn_lines(&room[*n..]));
    let length = length.ok_or_else(|| {
        let text = Coder::in_letters(CodeTable::Ita2, SETTING).read(&deciphered[..deciphered.len().min(60)]);
        format!("with that key it is no text of ours after {} codes of {}: {text:?}", extent(&deciphered, way.said).0, room.len())
    })?;
    if length as u64 > count {
        return Err(format!("{length} codes were enciphered"));
    }
    Ok(Span { announced: at, at, serial, from, text: deciphered[..length].to_vec(), ending })
}

/// How many of these codes are something we say, and how it ends.
fn extent(codes: &[Code], said: &BTreeSet<Vec<Code>>) -> (usize, Ending) {
    // Sorted, those with the longest common beginning stand next to each other.
    let before = said.range(..=codes.to_vec()).next_back();
    let after = said.range(codes.to_vec()..).next();
    let mut best = (0, Ending::Torn);
    for one in before.into_iter().chain(after) {
        let same = common(codes, one);
        best = best.max_by_length((same, if same == one.len() { Ending::Whole } else { Ending::Torn }));
    }
    if best.1 != Ending::Whole {
        let message = |n: usize| codes[..n].starts_with(&START) || START.starts_with(&codes[..n]);
        for from in (best.0.saturating_sub(2)..=best.0).filter(|n| message(*n)) {
            let cut = common(&codes[from..], &CUT);
            if cut >= CUT_MARK.len() {
                return (from + cut, Ending::Cut);
            }
            best = best.max_by_length((from + cut, Ending::Torn));
        }
    }
    best
}

trait Longer {
    fn max_by_length(self, other: Self) -> Self;
}
impl Longer for (usize, Ending) {
    fn max_by_length(self, other: Self) -> Self {
        if other.0 > self.0 { other } else { self }
    }
}

// ---- what must hold ----

/// Each place of each tape at most once, and rising.
pub fn once_and_rising(spans: &[Span]) -> Result<(), String> {
    let mut ends: BTreeMap<u32, (u64, usize)> = BTreeMap::new();
    for span in spans {
        let (end, at) = ends.get(&span.serial).copied().unwrap_or_default();
        if span.from < end && !span.text.is_empty() {
            return Err(format!(
                "key used twice or going back: tape {} from {} at code {} of the recording, and to {end} at code {at}",
                span.serial, span.from, span.at
            ));
        }
        ends.insert(span.serial, (end.max(span.end()), span.at));
    }
    Ok(())
}

/// The reservations of one tape in a ledger, in order; none overlaps another.
pub fn reservations(ledger: &str, serial: u32, copy: Copy) -> Result<Vec<Entry>, String> {
    let mut found: Vec<Entry> = vec![];
    for line in ledger.lines() {
        let entry: Entry = serde_json::from_str(line).map_err(|e| format!("`{line}`: {e}"))?;
        if (entry.serial, entry.copy) == (serial, copy) {
            if let Some(last) = found.last().filter(|last| entry.from < last.end()) {
                return Err(format!("the reservations of tape {serial} overlap: {line} after one that ends at {}", last.end()));
            }
            found.push(entry);
        }
    }
    Ok(found)
}

/// Whether all of a span's key was reserved.
pub fn covers(reserved: &[Entry], span: &Span) -> bool {
    let mut at = span.from;
    for entry in reserved {
        if entry.from <= at && at < entry.end() {
            at = entry.end();
        }
    }
    at >= span.end()
}

/// All places of the tapes, to be found by the key that stands there.
pub struct Places(Vec<(u64, u32, u64)>);

impl Places {
    pub fn of(tapes: &[Tape]) -> Places {
        let windows = |t: &Tape| {
            let serial = t.serial;
            let found: Vec<_> = t.key.windows(WINDOW).enumerate().map(|(at, w)| (number(w.iter().copied()), serial, at as u64)).collect();
            found
        };
        let mut all: Vec<_> = tapes.iter().flat_map(windows).collect();
        all.sort_unstable();
        Places(all)
    }
    fn find(&self, window: u64) -> impl Iterator<Item = (u32, u64)> {
        let first = self.0.partition_point(|(w, _, _)| *w < window);
        self.0[first..].iter().take_while(move |(w, _, _)| *w == window).map(|(_, serial, at)| (*serial, *at))
    }
    /// Without a look at what was claimed: cipher and known text give the key, and it is found on the tapes at one place, which is
    /// the one claimed. Spans shorter than a window are passed over; returns how many codes were proved.
    pub fn prove(&self, way: &Way, spans: &[Span]) -> Result<usize, String> {
        let heads: BTreeSet<&[Code]> = way.said.iter().filter_map(|t| t.get(..WINDOW)).collect();
        let mut proved = 0;
        for span in spans.iter().filter(|s| s.text.len() >= WINDOW) {
            let cipher = &way.codes[span.at..];
            let key = |head: &[Code]| number(cipher.iter().zip(head).map(|(c, t)| Code::new(c.value() ^ t.value())));
            let found: Vec<(u32, u64)> = heads.iter().flat_map(|head| self.find(key(head))).collect();
            if found != [(span.serial, span.from)] {
                return Err(format!("at code {} the key is tape {} from {}, and was found at {found:?}", span.at, span.serial, span.from));
            }
            proved += span.text.len();
        }
        Ok(proved)
    }
}

/// Codes as one number.
fn number(codes: impl Iterator<Item = Code>) -> u64 {
    codes.fold(0, |n, c| n << 5 | u64::from(c.value()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use molink::message::{Class, Envelope, Message, Part, Precedence};
    use molink::teletype::service::Place;

    fn delivery(channel: u32, text: &str) -> Delivery {
        let envelope = Envelope {
            from: "operator@washington".parse().unwrap(),
            to: "operator@moscow".parse().unwrap(),
            precedence: Precedence::Routine,
            class: Class::Message,
            subject: String::new(),
            via: vec![],
            post: None,
        };
        let content = vec![Part::Text { text: text.into() }];
        let message = Message { identity: format!("WASHINGTON-{channel:04}-19630830T1600Z").parse().unwrap(), envelope, content };
        Delivery { number: 1, message, channel, again: false }
    }
    fn tape() -> Tape {
        let mut n = 7u64;
        let mut next = || {
            n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            Code::new((n >> 59) as u8)
        };
        Tape { serial: 100_001, key: (0..5_000).map(|_| next()).collect() }
    }
    fn said() -> BTreeSet<Vec<Code>> {
        let messages = (1..4).map(|n| forms(&delivery(n, &format!("TEXT {n} RYRYRY")), "moscow", CodeTable::Ita2).0);
        messages.chain(refusals()).collect()
    }
    /// As a station sends it: announced as `claimed`, enciphered from `from`.
    fn sent(text: &[Code], claimed: u64, from: u64) -> Vec<Code> {
        let mut codes = Line::Key { from: Place::new(100_001, claimed), count: 900 }.codes(SETTING);
        let tape = tape();
        codes.extend(text.iter().zip(&tape.key[from as usize..]).map(|(c, k)| Code::new(c.value() ^ k.value())));
        codes
    }
    fn call() -> Vec<Code> {
        Line::Call { to: None, from: "washington".parse().unwrap(), no: 1, code: CodeTable::Ita2, key: None }.codes(SETTING)
    }
    fn judged(parts: &[Vec<Code>]) -> Result<Vec<Span>, String> {
        let (codes, tapes, said) = (parts.concat(), [tape()], said());
        let way = Way { codes: &codes, tapes: &tapes, said: &said };
        let spans = read(&way)?;
        once_and_rising(&spans)?;
        Places::of(&tapes).prove(&way, &spans).map(|_| spans)
    }

    #[test]
    fn what_was_said_in_order_is_read_with_its_places() {
        let messages: Vec<Vec<Code>> = said().into_iter().filter(|m| m.starts_with(&START)).collect();
        let answer = refusals().nth(9).unwrap();
        let n = messages[0].len();
        let cut = [&messages[1][..77], &CUT].concat();
        let torn = sent(&messages[2][..55], 2_000, 2_000);
        let parts = [
            call(),
            sent(&messages[0], 0, 0),
            sent(&answer, n as u64, n as u64),
            sent(&cut, 900, 900),
            torn,
            call()[..20].to_vec(),
            call()[..call().len() - 3].to_vec(), // killed before its end
            call(),
        ];
        let spans = judged(&parts).unwrap();
        let told: Vec<_> = spans.iter().map(|s| (s.from, s.text.len(), s.ending, s.is_message())).collect();
        let expected = [
            (0, n, Ending::Whole, true),
            (n as u64, answer.len(), Ending::Whole, false),
            (900, 77 + CUT.len(), Ending::Cut, true),
            (2_000, 55, Ending::Torn, true),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn key_used_again_clear_text_and_false_claims_are_found() {
        let one = said().into_iter().find(|m| m.starts_with(&START)).unwrap();
        let n = one.len() as u64;
        let found = |parts: &[Vec<Code>], what: &str| {
            let why = judged(parts).unwrap_err();
            assert!(why.contains(what), "{why}");
        };
        found(&[sent(&one, 0, 0), sent(&one, 0, 0)], "used twice");
        found(&[sent(&one, 0, 0), sent(&one, n - 1, n - 1)], "used twice");
        found(&[sent(&one, 900, 900), sent(&one, 0, 0)], "going back");
        found(&[sent(&one, 0, 0), sent(&one, n, 0)], "no text of ours");
        found(&[call(), one.clone(), call()], "neither clear nor announced");
        found(&[call(), one.clone()], "neither clear nor announced");
        found(&[sent(&one, 0, 0), one[..9].to_vec(), call()], "no text of ours");
        found(&[sent(&one[20..], 0, 0)], "no text of ours");
        found(&[sent(&one, 4_990, 4_900)], "no text of ours");
        found(&[refusals().next().unwrap()], "does not belong in clear");
        // Read with the right key, claimed to be another's: cipher and text know better.
        let twice = Tape { serial: 100_002, key: tape().key };
        let (codes, said) = (sent(&one, 0, 0), said());
        let way = Way { codes: &codes, tapes: &[tape()], said: &said };
        let why = Places::of(&[tape(), twice]).prove(&way, &read(&way).unwrap()).unwrap_err();
        assert!(why.contains("(100001, 0), (100002, 0)"), "{why}");
    }

    #[test]
    fn reservations_that_overlap_or_do_not_cover_are_found() {
        let line = |from: u64, count: u64| {
            format!("{{\"utc\":\"1963-08-30T16:00:00Z\",\"serial\":100001,\"copy\":\"send\",\"from\":{from},\"count\":{count}}}\n")
        };
        let reserved = |ledger: String| reservations(&ledger, 100_001, Copy::Send);
        let good = reserved(line(0, 100) + &line(100, 50) + &line(400, 10)).unwrap();
        let span = |from: u64, n: usize| Span { announced: 0, at: 0, serial: 100_001, from, text: vec![CR; n], ending: Ending::Whole };
        assert!(covers(&good, &span(90, 60)) && covers(&good, &span(400, 10)));
        assert!(!covers(&good, &span(90, 61)) && !covers(&good, &span(300, 1)) && !covers(&good, &span(399, 2)));
        assert!(reserved(line(0, 100) + &line(99, 50)).unwrap_err().contains("overlap"));
        assert!(reservations(&line(0, 1), 100_001, Copy::Receive).unwrap().is_empty());
    }
}

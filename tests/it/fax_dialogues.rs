//! Replays `fixtures/dialogues/fax`: each file is a call over a geostationary hop, signal by signal, to the hundredth of a second.
//!
//! `: KEY VALUE` sets the call up (`: enciphered both ends`, `caller` or `answerer`); `C>` and `A>` are signals of caller and answerer, with what becomes of them behind `   -- `;
//! `!` is done to the call at that time; `=` is what comes of it.

use crate::fax_call::{the_answerer, the_caller, typed};
use molink::fax::circuit::{Circuit, Fate};
use molink::fax::code::Coding;
use molink::fax::modem::{Modulation, Signal};
use molink::fax::simulated::{Act, Call, End, Nobody, Seen};
use molink::fax::t30::cipher::{Start, read_offer};
use molink::fax::t30::{CallEvent, Capabilities, Frame, FrameSize, Input, Keys, Kind, Report, Wishes, capabilities::ScanTime, facility};
use molink::key::{Tape, Tapes};
use molink::line::Quality;
use molink::paper::Resolution;
use molink::time::Instant;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// With this variable set, the dialogues are written anew from their settings, commands and fates (then read the difference).
const WRITE: &str = "MOLINK_WRITE_DIALOGUES";
const SIDES: [&str; 2] = ["C> ", "A> "];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/dialogues/fax")
}

struct Dialogue<'a> {
    head: Vec<&'a str>,
    lines: Vec<&'a str>,
}

impl<'a> Dialogue<'a> {
    fn parse(text: &'a str) -> Dialogue<'a> {
        let (head, lines) = text.lines().filter(|l| !l.is_empty()).partition(|l| l.starts_with(['#', ':']));
        Dialogue { head, lines }
    }
    fn set(&self, key: &str) -> Option<&'a str> {
        self.head.iter().find_map(|l| l.strip_prefix(": ")?.strip_prefix(key)?.strip_prefix(' '))
    }
    /// Lines with their times, without the time.
    fn timed(&self) -> impl Iterator<Item = (Instant, &'a str)> {
        self.lines.iter().map(|l| {
            let (at, rest) = l.strip_prefix('+').and_then(|l| l.split_once(' ')).unwrap_or_else(|| panic!("`{l}` has no time"));
            (Instant((at.parse::<f64>().unwrap_or_else(|_| panic!("`{at}` is not a time")) * 1e6).round() as u64), rest)
        })
    }
    /// What becomes of each signal of a side, in order, as written.
    fn fates(&self, side: usize) -> Vec<Option<&'a str>> {
        let signals = self.timed().filter(|(_, rest)| rest.starts_with(SIDES[side]));
        signals.map(|(_, rest)| rest.split_once("   -- ").map(|(_, fate)| fate)).collect()
    }

    fn call(&self) -> Call {
        let resolution = |name: &str| match name {
            "standard" => Resolution::STANDARD,
            "fine" => Resolution::FINE,
            _ => panic!("no resolution `{name}`"),
        };
        let pages = self.set("pages").unwrap_or("60 standard").split(", ").enumerate().map(|(n, p)| {
            let (rows, name) = p.split_once(' ').unwrap();
            Arc::new(typed(rows.parse().unwrap(), resolution(name), n as u64 + 1))
        });
        let pages: Vec<_> = pages.collect();
        let correction = match self.set("correction") {
            None | Some("off") => None,
            Some("64") => Some(FrameSize::Small),
            Some("256") => Some(FrameSize::Large),
            Some(other) => panic!("no correction `{other}`"),
        };
        let best_coding = match self.set("coding") {
            None | Some("mh") => Coding::Mh,
            Some("mr") => Coding::Mr { k: 2 },
            Some("mmr") => Coding::Mmr,
            Some(other) => panic!("no coding `{other}`"),
        };
        let from = self.set("fastest").unwrap_or("V.17 14400");
        let fastest = Modulation::FAST.into_iter().find(|m| m.to_string() == from).unwrap_or_else(|| panic!("no modulation `{from}`"));
        let scan = ScanTime { standard: self.set("row time").map_or(0, |ms| ms.parse().unwrap()), ..ScanTime::NONE };
        let capabilities = Capabilities { scan, ..Capabilities::OURS };
        let wishes = Wishes { fastest, correction, best_coding };
        let enciphered = self.set("enciphered").unwrap_or_default();
        let caller = || match enciphered {
            "both ends" | "caller" => crate::fax_cipher::the_caller(&pages, wishes, self.diskettes(0)),
            _ => the_caller(pages.clone(), Capabilities::OURS, wishes),
        };
        let other: End = match self.set("answerer") {
            None if matches!(enciphered, "both ends" | "answerer") => crate::fax_cipher::the_answerer(self.diskettes(1)),
            None => the_answerer(capabilities),
            Some("is absent") => Box::new(Nobody),
            Some("calls too") => caller(),
            Some(other) => panic!("no answerer `{other}`"),
        };
        let mut circuit = Circuit::new(Quality::geo(), 1, Duration::from_millis(250));
        for side in 0..2 {
            for (n, fate) in self.fates(side).into_iter().enumerate() {
                if let Some(fate) = fate {
                    circuit.plan(side, n, read_fate(fate));
                }
            }
        }
        let mut call = Call::new([caller(), other], circuit);
        call.reserve = Box::new(|_, made| Ok((made.from..made.from + made.count).map(|n| (((n * n) >> 3) ^ n) as u8).collect()));
        call.storing = match self.set("storing") {
            None => Some(Duration::ZERO),
            Some("never") => None,
            Some(text) => Some(molink::time::parse_duration(text).unwrap()),
        };
        call
    }

    /// `: diskettes SERIAL NEXT OCTETS, SERIAL NEXT OCTETS`: that of the caller, that of the answerer.
    fn diskettes(&self, end: usize) -> Keys {
        let all = self.set("diskettes").unwrap_or("483920 1240 368640, 483920 1240 368640");
        let mut words = all.split(", ").nth(end).unwrap().split(' ').map(|w| w.parse::<u64>().unwrap());
        let mut word = || words.next().unwrap();
        let hung = vec![Tape { serial: word() as u32, next: word(), characters: word() }];
        let (send, receive) = if end == 0 { (hung, vec![]) } else { (vec![], hung) };
        Keys { diskettes: Tapes { send, receive, troubles: vec![] }, jump: 200_000, warn: vec![] }
    }

    fn replay(&self) -> Vec<String> {
        let mut call = self.call();
        let commands: Vec<(Instant, &str)> = self.timed().filter(|(_, rest)| rest.starts_with("! ")).collect();
        for (at, command) in &commands {
            call.at(*at, read_command(&command[2..]));
        }
        let held = call.run().unwrap_or_else(|why| panic!("{why}"));
        let mut commands = commands.into_iter().peekable();
        let (mut out, mut counts) = (vec![], [0, 0]);
        for (at, end, seen) in &call.seen {
            while let Some((when, command)) = commands.next_if(|(when, _)| when <= at) {
                out.push(format!("+{:.2} {command}", when.0 as f64 / 1e6));
            }
            let fate = match seen {
                Seen::Signal(_) => {
                    counts[*end] += 1;
                    self.fates(*end).get(counts[*end] - 1).copied().flatten()
                }
                Seen::Event(_) | Seen::Ended(_) => None,
            };
            if let Some(line) = show(*end, seen) {
                out.push(format!("+{:.2} {line}{}", at.0 as f64 / 1e6, fate.map_or(String::new(), |f| format!("   -- {f}"))));
            }
        }
        out.push(format!("+{:.2} = the line is free", held.as_secs_f64()));
        out
    }
}

fn show(end: usize, seen: &Seen) -> Option<String> {
    let who = ["caller", "answerer"][end];
    match seen {
        Seen::Signal(signal) => Some(format!("{}{}", SIDES[end], signal_text(signal))),
        Seen::Ended(report) => Some(format!("= {who} ends: {}", report_text(report))),
        Seen::Event(event) => match event {
            CallEvent::Said { .. } | CallEvent::Heard { .. } | CallEvent::State { .. } | CallEvent::Rows { .. } => None,
            CallEvent::Sending { .. } | CallEvent::Doubtful { .. } => None, // its signal, and the report, show it
            CallEvent::Settled { .. } if end == 1 => None,
            _ => Some(format!("= {who}: {event}")),
        },
    }
}
fn signal_text(signal: &Signal) -> String {
    let name = |octets: &Vec<u8>| Frame::decode(octets).map_or("?".into(), |f| f.to_string());
    match signal {
        Signal::Frames(frames) => frames.iter().map(name).collect::<Vec<_>>().join(", ") + &key_named(frames),
        Signal::Bits(fast, bits) if bits.iter().all(|b| *b == 0) => format!("training check at {}", fast.modulation),
        Signal::Bits(fast, bits) => format!("page at {}, {} octets", fast.modulation, bits.len()),
        Signal::FastFrames(fast, frames) => {
            let numbers = frames.iter().filter_map(|f| Frame::decode(f).ok()).filter(|f| f.kind == Kind::Fcd).map(|f| f.fif[0]);
            let numbers = Frame::ppr(numbers).to_string().replace("PPR ", "");
            let training = format!("{:?}", fast.training).to_lowercase();
            format!("frames {numbers} at {}, {training} training", fast.modulation)
        }
    }
}
/// What stands in NSF or NSS of key.
fn key_named(frames: &[Vec<u8>]) -> String {
    let makers = frames.iter().filter_map(|f| Frame::decode(f).ok()).filter(|f| matches!(f.kind, Kind::Nsf | Kind::Nss));
    let fields: Vec<Vec<u8>> = makers.map(|f| f.fif).collect();
    let said = facility::decode(fields.iter().map(Vec::as_slice)).and_then(Result::ok);
    let Some(value) = said.as_ref().and_then(|said| said.value(facility::tag::CIPHER)) else { return String::new() };
    match (Start::read(value), read_offer(value)) {
        (Ok(start), _) => format!(" [key {:06} from {}, {} octets]", start.at.serial, start.at.position, start.count),
        (_, Ok(places)) => places.iter().map(|p| format!(" [reads {:06} at {}]", p.serial, p.position)).collect(),
        (Err(why), Err(_)) => format!(" [{why}]"),
    }
}
fn report_text(report: &Report) -> String {
    let pages = |what: &str, pages: &[usize]| {
        let list = pages.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        if pages.is_empty() { String::new() } else { format!("; {what} {list}") }
    };
    let how = report.failure.as_ref().map_or("in order".into(), |f| format!("{f} ({:?})", f.blame));
    format!("{how}{}{}", pages("confirmed", &report.confirmed), pages("doubtful", &report.doubtful))
}

fn read_command(words: &str) -> Act {
    match words {
        "the line is cut" => Act::Cut,
        "the line is mended" => Act::Restore,
        "caller vanishes" => Act::Vanish(0),
        "answerer vanishes" => Act::Vanish(1),
        "caller is stopped" => Act::Tell(0, Input::Stop { why: "the operator stopped the call".into() }),
        "answerer is stopped" => Act::Tell(1, Input::Stop { why: "the station stops".into() }),
        "answerer has no room" => Act::Tell(1, Input::NotStored { page: 1, why: "no space on the device".into() }),
        _ => panic!("`{words}` is no command"),
    }
}
/// Frames as a fate names them: types, or octets in hexadecimal.
fn frames(words: &str) -> Vec<Vec<u8>> {
    words
        .split(", ")
        .map(|word| match word.strip_prefix("octets ") {
            Some(hex) => hex.split(' ').map(|o| u8::from_str_radix(o, 16).unwrap()).collect(),
            None => {
                let kinds = [
                    Kind::Cfr,
                    Kind::Ftt,
                    Kind::Mcf,
                    Kind::Rtp,
                    Kind::Rtn,
                    Kind::Pip,
                    Kind::Pin,
                    Kind::Crp,
                    Kind::Dcn,
                    Kind::Rnr,
                    Kind::Err,
                ];
                let kind = kinds.into_iter().find(|k| k.name() == word).unwrap_or_else(|| panic!("no frame `{word}`"));
                Frame::bare(kind).encode()
            }
        })
        .collect()
}
fn read_fate(fate: &str) -> Fate {
    match fate.split_once(' ') {
        None if fate == "lost" => Fate::Lost,
        None if fate == "damaged" => Fate::Damaged,
        None if fate == "unreadable" => Fate::Unreadable,
        Some(("damaged:", numbers)) => Fate::FramesDamaged(numbers.split(' ').map(|n| n.parse().unwrap()).collect()),
        Some(("becomes", words)) => Fate::Becomes(Signal::Frames(frames(words))),
        _ => panic!("`{fate}` is no fate: lost, damaged, unreadable, damaged: N N, becomes FRAME, becomes octets HH HH"),
    }
}

#[test]
fn every_call_goes_as_written() {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut replayed = 0;
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        let dialogue = Dialogue::parse(&text);
        let now = dialogue.replay();
        if std::env::var_os(WRITE).is_some() {
            std::fs::write(file, format!("{}\n\n{}\n", dialogue.head.join("\n"), now.join("\n"))).unwrap();
            continue;
        }
        for i in 0..now.len().max(dialogue.lines.len()) {
            let (written, came) = (dialogue.lines.get(i).copied(), now.get(i).map(String::as_str));
            assert!(
                written == came,
                "{}: line {} of the dialogue\n  written: {}\n  came:    {}",
                file.display(),
                i + 1,
                written.unwrap_or("(the end)"),
                came.unwrap_or("(the end)")
            );
        }
        replayed += 1;
    }
    assert!(replayed >= 40 || std::env::var_os(WRITE).is_some(), "{replayed} dialogues");
}

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/fax-call.md")).unwrap()
}

#[test]
fn every_case_is_on_the_page_and_every_case_of_the_page_is_there() {
    let page = page();
    let branches = page.split("## Branches").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let mut listed: Vec<&str> = branches
        .lines()
        .filter(|l| l.starts_with("| `"))
        .flat_map(|l| l.split(" |").next().unwrap().split('`').skip(1).step_by(2))
        .collect();
    listed.sort_unstable();
    let mut there: Vec<String> =
        std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().replace(".txt", "")).collect();
    there.sort();
    assert_eq!(listed, there, "docs/fax-call.md, Branches, and fixtures/dialogues/fax");
}

#[test]
fn line_seconds_agree_with_the_pages_arithmetic() {
    let (page, mut sum, mut calls) = (page(), 0.0, 0);
    let section = page.split("## Line seconds").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    for cells in section.lines().filter(|l| l.starts_with('|')).map(|l| l.split('|').map(str::trim).collect::<Vec<_>>()) {
        let seconds = cells[3].trim_matches('*');
        if let Some(name) = cells[1].strip_prefix("**`").and_then(|c| c.strip_suffix("`**")) {
            let total: f64 = seconds.parse().unwrap();
            let text = std::fs::read_to_string(folder().join(format!("{name}.txt"))).unwrap();
            let held = Dialogue::parse(&text).call().run().unwrap().as_secs_f64();
            assert!((sum - total).abs() < 0.0005, "{name}: the column adds up to {sum:.4}, not {total}");
            assert!((held - total).abs() < 0.002, "{name}: the line was held for {held:.4} s, the page says {total}");
            (sum, calls) = (0.0, calls + 1);
        } else {
            sum += seconds.parse::<f64>().unwrap_or(0.0);
        }
    }
    assert_eq!(calls, 3);
}

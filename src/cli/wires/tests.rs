//! What an audience sees of lines in step, behind, lost and longer than a row.

use super::*;
use crate::cli::screen::tests::terminal;
use crate::time::Utc;

/// As many as a narrator asks for at the most.
const ROWS: usize = 16;

fn wires() -> Wires {
    Wires::of(&Scenario::parse("1963.toml", include_str!("../../../fixtures/scenarios/1963.toml")).unwrap())
}
fn event(station: &str, port: &str, event: Event) -> Stamped {
    Stamped { t: 0, utc: Utc(0), station: station.parse().unwrap(), port: Some(port.into()), id: None, event }
}
fn at(millis: u64) -> Instant {
    Instant(millis * 1000)
}
/// Codes given to a line at 100 ms each, and what they say if they are a message's.
fn sends(wires: &mut Wires, station: &str, codes: &[u8], text: Option<&str>, now: Instant) {
    let codes: String = codes.iter().map(|c| format!("{c:02x}")).collect();
    let span = crate::router::event::Span::Cipher;
    let sent = Event::Transmission { dir: Direction::Out, codes, start: 0, unit: 100_000, span, key: None };
    wires.take(&event(station, "cable", sent), now);
    if let Some(text) = text {
        wires.take(&event(station, "cable", Event::Characters { dir: Direction::Out, text: text.into() }), now);
    }
}
fn prints(wires: &mut Wires, station: &str, text: &str, now: Instant) {
    wires.take(&event(station, "cable", Event::Characters { dir: Direction::In, text: text.into() }), now);
}

#[test]
fn both_papers_and_the_line_between_fill_in_step() {
    let mut w = wires();
    // On the line, as a printer has it: Q W, back to the margin, E R, figures, 3 4. The text would be spelt otherwise: it is spread evenly.
    sends(&mut w, "washington", &[0x17, 0x13, 0x08, 0x01, 0x0a, 0x1b, 0x01, 0x0a], Some("ABCDEFG\n"), at(0));
    w.pass(at(0));
    assert_eq!(w.in_hand(ROWS), [" WASH.  | A", " cable  : Q", " MOSCOW |"]);
    prints(&mut w, "moscow", "A", at(150));
    prints(&mut w, "moscow", "B", at(390));
    w.pass(at(390));
    assert_eq!(w.in_hand(ROWS), [" WASH.  | ABCD", " cable  : QWE", " MOSCOW | AB"]);
    assert!(w.whole().is_empty());
    prints(&mut w, "moscow", "CDEFG", at(799));
    w.pass(at(799));
    assert_eq!(w.whole(), [""; 0], "the receiver has no line feed yet");
    prints(&mut w, "moscow", "\n", at(850));
    w.pass(at(850));
    assert_eq!(w.whole(), [" WASH.  | ABCDEFG", " cable  : QWER34", " MOSCOW | ABCDEFG"]);
    assert!(w.in_hand(ROWS).is_empty());
}

#[test]
fn what_follows_waits_until_the_line_is_free_and_ends_with_its_last_letter() {
    let mut w = wires();
    sends(&mut w, "moscow", &[0x17; 4], Some("ONE\n"), at(0));
    sends(&mut w, "moscow", &[0x13; 4], Some("NNNN"), at(200)); // told two codes early, as a pacer does
    w.pass(at(399));
    assert_eq!(w.in_hand(ROWS), [" MOSCOW | ONE", " cable  : QQQQ", " WASH.  |"]);
    prints(&mut w, "washington", "ONE\nNNNN", at(800));
    w.pass(at(800));
    assert_eq!(w.whole(), [" MOSCOW | ONE", " cable  : QQQQ", " WASH.  | ONE", " MOSCOW | NNNN", " cable  : WWWW", " WASH.  | NNNN"]);
}

#[test]
fn a_service_line_is_one_row_below_what_is_told_of_it() {
    let mut w = wires();
    w.announce(&event("moscow", "radio", Event::Printed), vec!["not this one".into()]);
    w.announce(&event("moscow", "cable", Event::Printed), vec!["          MOSCOW (cable) sends, in clear:".into()]);
    sends(&mut w, "moscow", &[0x17; 70], None, at(0));
    w.pass(at(50));
    assert_eq!(w.in_hand(ROWS), ["          MOSCOW (cable) sends, in clear:", " cable  : Q"]);
    w.pass(at(7000));
    let whole = w.whole();
    assert_eq!(whole[1..], [format!(" cable  : {}", "Q".repeat(69)), "        : Q".into()]);
    assert!(whole.iter().all(|row| row.chars().count() < 80));
}

#[test]
fn news_of_an_end_leaves_a_lost_line_as_it_is_and_a_line_called_off_goes_no_further() {
    let mut w = wires();
    sends(&mut w, "washington", &[0x17; 4], Some("LOST"), at(0));
    prints(&mut w, "moscow", "L", at(150));
    w.settle(&event("moscow", "radio", Event::Printed), true, at(400));
    assert!(w.whole().is_empty(), "news of another circuit");
    w.settle(&event("moscow", "cable", Event::Printed), true, at(400));
    assert_eq!(w.whole(), [" WASH.  | LOST", " cable  : QQQQ", " MOSCOW | L"]);
    sends(&mut w, "washington", &[0x17; 9], Some("CALLEDOFF"), at(1000));
    w.pass(at(1250));
    let off = event("washington", "cable", Event::CalledOff { at: "after 3 of 9 codes".into() });
    w.take(&off, at(1250));
    w.settle(&off, false, at(1900));
    assert_eq!(w.whole(), [" WASH.  | CAL", " cable  : QQQ", " MOSCOW |"]);
    // Noise before anything is sent stands alone; a new message does not go on with it.
    prints(&mut w, "moscow", "#", at(2000));
    assert_eq!(w.in_hand(ROWS), [" WASH.  |", " cable  :", " MOSCOW | #"]);
    sends(&mut w, "washington", &[0x17; 4], Some("ZCZC"), at(2000));
    w.pass(at(2000));
    assert_eq!(w.in_hand(ROWS), [" WASH.  | Z", " cable  : Q", " MOSCOW |"]);
}

/// Told as at full speed: all codes are out at once, and ports do not wait for each other's words.
fn told_at_once(w: &mut Wires, station: &str, line: Option<&str>) {
    let span = crate::router::event::Span::Cipher;
    if let Some(line) = line {
        let said = event(station, "cable", Event::Service { dir: Direction::Out, line: line.into(), span });
        w.take(&said, at(0));
        w.announce(&said, vec![format!("          {line}")]);
    }
    let sent = Event::Transmission { dir: Direction::Out, codes: "17".repeat(4), start: 0, unit: 0, span, key: None };
    w.take(&event(station, "cable", sent), at(0));
}

#[test]
fn at_full_speed_an_answer_stands_below_its_question_whichever_end_is_listed_first() {
    for (one, other) in [("washington", "moscow"), ("moscow", "washington")] {
        let mut w = wires();
        told_at_once(&mut w, one, Some("CALL"));
        told_at_once(&mut w, other, Some("READY"));
        w.pass(at(0));
        assert_eq!(w.whole(), ["          CALL", " cable  : QQQQ", "          READY", " cable  : QQQQ"]);
    }
}

#[test]
fn at_full_speed_a_line_keeps_together_whatever_is_told_before_its_text() {
    let mut w = wires();
    let says = |w: &mut Wires, text: &str| {
        w.take(&event("washington", "cable", Event::Characters { dir: Direction::Out, text: text.into() }), at(0));
    };
    told_at_once(&mut w, "washington", None);
    prints(&mut w, "washington", "X", at(0)); // of the other way
    says(&mut w, "ZCZC ONE\n");
    prints(&mut w, "moscow", "ZCZC ", at(0));
    told_at_once(&mut w, "washington", None);
    prints(&mut w, "moscow", "ONE\nTW", at(0)); // the receiver's is told before the sender's
    let late = event("moscow", "cable", Event::LineUp { peer: "washington".parse().unwrap() });
    w.settle(&late, true, at(0)); // from the disk, in the midst of the message
    says(&mut w, "TWO\n");
    prints(&mut w, "moscow", "O\n", at(0));
    w.pass(at(0));
    let row = |text: &str| [format!(" WASH.  | {text}"), " cable  : QQQQ".into(), format!(" MOSCOW | {text}")];
    assert_eq!(w.whole(), [row("ZCZC ONE"), row("TWO")].concat());
}

#[test]
fn never_more_rows_are_in_hand_than_a_terminal_has() {
    let mut w = wires();
    for n in 0..600 {
        for station in ["washington", "moscow"] {
            w.announce(&event(station, "cable", Event::Printed), vec!["title".into(); 2]);
            sends(&mut w, station, &[0x17; 80], (n % 3 > 0).then_some("NEVER PRINTED\n"), at(0));
        }
        w.pass(at((n + 1) * 8000));
        assert!(w.in_hand(ROWS).len() <= ROWS);
    }
    assert!(w.ways.iter().all(|way| way.lines.len() <= LINES));
    w.end();
    assert!(w.in_hand(ROWS).is_empty() && !w.whole().is_empty());
}

#[test]
fn names_are_cut_to_the_label() {
    assert_eq!(["WASHINGTON", "MOSCOW", "LINE", "СТАНЦИЯ"].map(short), ["WASH.", "MOSCOW", "LINE", "СТАН."]);
}

#[test]
fn a_narrator_keeps_rows_below_its_news_and_leaves_nothing_half_erased() {
    use crate::cli::facsimile::Paper;
    use crate::cli::narrate::Narrator;
    use crate::time::{Clock, Speed};
    let scenario = Scenario::parse("1963.toml", include_str!("../../../fixtures/scenarios/1963.toml")).unwrap();
    let clock = Clock::new(None, Speed::REAL);
    let mut n = Narrator::new(vec![]).naming(&scenario.circuits).watching(Wires::of(&scenario), clock, Paper::None);
    let at_once = |text: &str| {
        let codes = "17".repeat(text.chars().count());
        let span = crate::router::event::Span::Cipher;
        let sent = Event::Transmission { dir: Direction::Out, codes, start: 0, unit: 0, span, key: None };
        [sent, Event::Characters { dir: Direction::Out, text: text.into() }].map(|e| event("moscow", "cable", e))
    };
    let printed = |text: &str| event("washington", "cable", Event::Characters { dir: Direction::In, text: text.into() });
    let tell = |n: &mut Narrator<Vec<u8>>, events: &[Stamped]| events.iter().for_each(|e| n.event(e).unwrap());
    tell(&mut n, &at_once("ПРОБА\n"));
    n.moment(Some(24)).unwrap();
    tell(&mut n, &[printed("ПРО")]);
    n.moment(Some(24)).unwrap();
    let peer = "washington".parse().unwrap();
    tell(&mut n, &[event("moscow", "radio", Event::LineUp { peer })]);
    n.say("    ", "The story goes on.").unwrap();
    tell(&mut n, &[printed("БА\n")]);
    n.moment(Some(24)).unwrap();
    tell(&mut n, &at_once("КОНЕЦ"));
    n.moment(Some(24)).unwrap();
    n.end().unwrap();
    let told = String::from_utf8(n.into_inner()).unwrap();
    let wanted = [
        "00:00:00  MOSCOW (radio) has the line to WASHINGTON",
        "    The story goes on.",
        " MOSCOW | ПРОБА",
        " cable  : QQQQQQ",
        " WASH.  | ПРОБА",
        " MOSCOW | КОНЕЦ",
        " cable  : QQQQQ",
        " WASH.  |",
        "",
    ];
    assert_eq!(terminal(&told), wanted);
}

#[test]
fn every_character_goes_with_its_code_and_a_message_is_seen_line_by_line() {
    use crate::message::{Envelope, Message, Part};
    use crate::router::Delivery;
    use crate::teletype::wire::compose;
    let text = "ПРОБА 12 3 ЛУЧШЕ, THE DOG'S BACK\n\nЧАС 4";
    let envelope = Envelope {
        from: "operator@moscow".parse().unwrap(),
        to: "operator@washington".parse().unwrap(),
        precedence: crate::message::Precedence::Flash,
        class: Default::default(),
        subject: "TEST 1".into(),
        via: vec![],
        post: None,
    };
    let content = vec![Part::Text { text: text.into() }];
    let message = Message { identity: "MOSCOW-0001-19630830T1600Z".parse().unwrap(), envelope, content };
    let delivery = Delivery { number: 1, message, channel: 1, again: false };
    let [own, peer] = ["moscow", "washington"].map(|name| name.parse().unwrap());
    let wire = compose(&delivery, &own, &peer, CodeTable::Mtk2, UnshiftOnSpace::Unknown).unwrap();
    let mut w = wires();
    let mut printer = Coder::in_letters(CodeTable::Mtk2, UnshiftOnSpace::Unknown);
    let (mut from, mut now) = (0, at(0));
    for end in wire.ends {
        let codes: Vec<u8> = wire.codes[from..end].iter().map(|c| c.value()).collect();
        let says = printer.print(&wire.codes[from..end]);
        sends(&mut w, "moscow", &codes, Some(&says), now);
        let way = w.ways.iter().find(|way| way.from.0 == own).unwrap();
        let burst = way.bursts.back().unwrap();
        let mut letters = Coder::in_letters(CodeTable::Mtk2, UnshiftOnSpace::Unknown);
        letters.print(&wire.codes[..from]);
        let told = |n: usize, letters: &mut Coder| {
            letters.print(&wire.codes[from + n..=from + n]).chars().map(move |c| (n + 1, c)).collect::<Vec<_>>()
        };
        let wanted: Vec<(usize, char)> = (0..end - from).flat_map(|n| told(n, &mut letters)).collect();
        assert_eq!(burst.text.as_ref().unwrap(), &wanted, "{says}");
        // The receiver prints each a code later.
        for (with, c) in wanted {
            prints(&mut w, "washington", &c.to_string(), now + Duration::from_millis(100 * with as u64 + 100));
        }
        now += Duration::from_millis(100 * (end - from) as u64 + 200);
        from = end;
    }
    w.pass(now);
    let whole: Vec<String> = w.whole();
    let paper = |label: &str| whole.iter().filter_map(|row| row.strip_prefix(label)).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(paper(" MOSCOW | "), paper(" WASH.  | "));
    assert!(paper(" MOSCOW | ").contains(&"ПРОБА 12 3 ЛУ4ШЕ, THE DOG'S BACK".to_owned()), "{whole:?}");
    assert_eq!((whole[0].as_str(), whole.last().unwrap().as_str()), (" MOSCOW | ZCZC MW001", " WASH.  | NNNN"));
    assert!(w.in_hand(ROWS).is_empty());
}

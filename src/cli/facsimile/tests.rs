//! What an audience sees and is told of fax calls: pages of the chart as they come in, cut, doubled, and on terminals of every size.

use super::*;
use crate::cli::narrate::Narrator;
use crate::cli::screen::tests::terminal;
use crate::cli::wires::Wires;
use crate::history::Scenario;
use crate::line::Profile;
use crate::paper::{Page, Resolution, chart};
use crate::time::{Clock, Speed, Utc};

const PORT: &str = "sky";

fn circuits() -> BTreeMap<String, CircuitPlan> {
    let ends = ["washington", "moscow"].map(|station| (station.parse().unwrap(), PORT.to_owned()));
    [("intelsat".to_owned(), CircuitPlan { ends, profile: Profile::clean(), medium: crate::history::scenario::Medium::Voice, rate: None })]
        .into()
}
fn event(station: &str, event: Event) -> Stamped {
    Stamped { t: 0, utc: Utc(0), station: station.parse().unwrap(), port: Some(PORT.into()), id: None, event }
}
fn call(phase: &str) -> Stamped {
    event("washington", Event::Call { dir: Direction::Out, peer: "MOSCOW".into(), phase: phase.into() })
}
fn frame(station: &str, dir: Direction, frame: &str) -> Stamped {
    event(station, Event::Frame { dir, frame: frame.into() })
}
fn settled() -> Stamped {
    event("washington", Event::Settled { dir: Direction::Out, text: "V.27ter 4800, MR, standard".into(), rate: 4800 })
}
/// A page of the chart at 98 rows an inch.
fn page(name: &str) -> Page {
    let form = crate::paper::Form { width: crate::paper::Width::A4, resolution: Resolution::STANDARD };
    chart::chart(name, &form).unwrap()
}
/// Its scan lines, as plain octets in PackBits.
fn scans(number: usize, page: &Page, rows: std::ops::Range<usize>) -> Vec<Stamped> {
    let scan = |first: usize| {
        let mut octets = vec![];
        (first..(first + 20).min(rows.end)).for_each(|y| page.pack(y, &mut octets));
        let lines = octets.chunks(128).map(|c| format!("{:02x}", c.len() - 1) + &c.iter().map(|o| format!("{o:02x}")).collect::<String>());
        event("moscow", Event::Scan { page: number, first, width: page.width(), per_inch: 98, lines: lines.collect() })
    };
    rows.clone().step_by(20).map(scan).collect()
}
fn confirmed(station: &str, dir: Direction, page: usize, bad: usize) -> Stamped {
    event(station, Event::PageConfirmed { dir, page, of: Some(2), rows: 1146, bad })
}
fn begins() -> Vec<Stamped> {
    let mut all = vec![call("A: waiting for the far end")];
    all.extend(["CSI +7 095 555 0177", "DIS 00eefac4808101"].map(|f| frame("moscow", Direction::Out, f)));
    all.push(frame("washington", Direction::In, "DIS 00eefac4808101"));
    all.push(call("B: training"));
    all.extend(["TSI +1 202 555 0123", "DCS 002278"].map(|f| frame("washington", Direction::Out, f)));
    all.push(settled());
    all.push(frame("moscow", Direction::Out, "CFR"));
    all.push(call("C: sending page 1"));
    all
}
fn narrator(paper: Paper) -> Narrator<Vec<u8>> {
    let scenario = Scenario::parse("1963.toml", include_str!("../../../fixtures/scenarios/1963.toml")).unwrap();
    let n = Narrator::new(vec![]).naming(&circuits());
    n.watching(Wires::of(&scenario), Clock::new(None, Speed::REAL), paper)
}
fn tell(n: &mut Narrator<Vec<u8>>, events: &[Stamped], rows: Option<usize>) {
    for e in events {
        n.event(e).unwrap();
        n.moment(rows).unwrap();
    }
}

#[test]
fn a_call_is_told_by_lines_where_no_page_can_be_shown() {
    let mut n = Narrator::new(vec![]).naming(&circuits());
    let (letter, map) = (page("text"), page("map"));
    tell(&mut n, &begins(), None);
    tell(&mut n, &scans(1, &letter, 0..letter.height()), None);
    let done = [
        confirmed("moscow", Direction::In, 1, 0),
        frame("moscow", Direction::Out, "RTP"),
        confirmed("washington", Direction::Out, 1, 0),
        call("A: waiting for DIS"), // the next page is agreed on anew
        call("C: sending page 2"),
    ];
    tell(&mut n, &done, None);
    tell(&mut n, &scans(2, &map, 0..200), None);
    tell(&mut n, &[confirmed("moscow", Direction::In, 2, 3), call("D: waiting for MCF"), call("E: hanging up"), call("E: done")], None);
    let told = String::from_utf8(n.into_inner()).unwrap();
    let wanted = [
        "WASHINGTON calls MOSCOW by fax",
        "WASHINGTON sends pages by V.27ter 4800, MR, standard",
        "MOSCOW sees page 1 come in",
        "MOSCOW has page 1 of 2 on disk: 1146 rows, none bad",
        "MOSCOW has the page, and asks to train anew (RTP)",
        "WASHINGTON knows: page 1 of 2 arrived",
        "MOSCOW sees page 2 come in",
        "MOSCOW has page 2 of 2 on disk: 1146 rows, 3 bad",
        "WASHINGTON hangs up",
    ];
    assert_eq!(told.lines().map(|line| line.strip_prefix("00:00:00  ").unwrap()).collect::<Vec<_>>(), wanted);
}

#[test]
fn a_page_grows_from_its_top_scrolls_and_stays_whole_above_when_it_is_confirmed() {
    let map = page("map");
    for (paper, rows) in [(Paper::White, 24), (Paper::Ruled, 24), (Paper::White, 20), (Paper::White, 40)] {
        let mut n = narrator(paper);
        tell(&mut n, &begins(), Some(rows));
        for part in scans(1, &map, 0..map.height()) {
            tell(&mut n, &[part], Some(rows));
            let shown = terminal(&n.told());
            let below = shown.iter().skip_while(|row| !row.starts_with(" FAX BY INTELSAT")).count();
            assert!((LEAST + 1..=rows - 9).contains(&below), "{below} of {rows} rows:\n{}", shown.join("\n"));
        }
        let shown = terminal(&n.told());
        let beside: Vec<&str> = shown.iter().rev().skip(1).take(8).map(|row| row.get(..24).unwrap_or(row).trim()).collect();
        assert!(shown.iter().any(|row| row.starts_with(" page 1, row 1146")), "{beside:?}");
        tell(&mut n, &[confirmed("moscow", Direction::In, 1, 0)], Some(rows));
        let shown = terminal(&n.told());
        let whole: Vec<&String> = shown.iter().skip_while(|row| !row.starts_with(" page 1 of 2")).collect();
        assert!(whole[1].starts_with(" 1146 rows, none bad"));
        assert!(shown.last().is_some_and(String::is_empty) && whole.len() > 35, "{}", shown.join("\n"));
        n.end().unwrap();
        let shown = terminal(&n.told());
        assert!(!shown.iter().any(|row| row.starts_with(" FAX BY")), "{}", shown.join("\n"));
    }
}

#[test]
fn what_came_of_a_page_that_is_cut_off_stays_and_the_next_call_begins_it_anew() {
    let photograph = page("photograph");
    let mut n = narrator(Paper::White);
    tell(&mut n, &begins(), Some(24));
    tell(&mut n, &scans(1, &photograph, 0..400), Some(24));
    tell(&mut n, &[call("E: no carrier")], Some(24));
    let shown = terminal(&n.told());
    assert!(shown.iter().any(|row| row.starts_with(" page 1, not whole")), "{}", shown.join("\n"));
    assert!(!shown.iter().any(|row| row.starts_with(" FAX BY")), "{}", shown.join("\n"));
    tell(&mut n, &begins(), Some(24));
    tell(&mut n, &scans(1, &photograph, 0..20), Some(24));
    let shown = terminal(&n.told());
    assert_eq!(shown.iter().filter(|row| row.contains("MOSCOW sees page 1 come in")).count(), 2);
    assert_eq!(shown.iter().filter(|row| row.starts_with(" page 1, row 20")).count(), 1);
}

#[test]
fn scans_that_no_fax_sends_and_events_of_no_call_change_nothing() {
    let mut n = narrator(Paper::White);
    let scan =
        |page, first, width, per_inch, lines: &str| event("moscow", Event::Scan { page, first, width, per_inch, lines: lines.into() });
    let most = usize::MAX;
    let odd = [
        (0, 0, 0, 98, "00ff"),
        (1, 0, most, 98, "00ff"),
        (1, 0, 1728, 0, "81ff81ff"),
        (most, most, 1728, 98, "81ff81ff"),
        (1, 5, 64, 600, "zz"),
    ];
    tell(&mut n, &odd.map(|(page, first, width, per_inch, lines)| scan(page, first, width, per_inch, lines)), Some(24));
    tell(&mut n, &[frame("paris", Direction::Out, "DCN"), call(""), call("Ж"), confirmed("moscow", Direction::In, 9, 9)], Some(24));
    tell(&mut n, &[scan(1, 100_000, 1728, 98, &"81ff".repeat(9000))], Some(24));
    n.end().unwrap();
    assert!(terminal(&n.told()).len() < 20);
}

#[test]
fn a_locale_without_unicode_gets_no_pages() {
    for (locale, colour, paper) in [
        (None, true, Paper::White),
        (Some("ru_RU.UTF-8"), true, Paper::White),
        (Some("C.utf8"), false, Paper::Ruled),
        (Some("C"), true, Paper::None),
        (Some("ru_RU.KOI8-R"), true, Paper::None),
    ] {
        assert_eq!(Paper::of(locale, colour), paper, "{locale:?}");
    }
}

//! Calls over T.38 between our own ends, in virtual time: pages are exact, or the call fails by name, whatever the network does.

use crate::fax_call::{the_answerer, the_caller, typed};
use crate::t38_net::{AS_1998, AS_2002, Call, Net, Side};
use molink::fax::code::Coding;
use molink::fax::t30::{Capabilities, FrameSize, Wishes};
use molink::fax::t38::Config;
use molink::paper::{Page, Resolution};
use molink::time::{Instant, Speed};
use std::sync::Arc;

fn pages(count: u64) -> Vec<Arc<Page>> {
    (1..=count).map(|n| Arc::new(typed(150, Resolution::FINE, n))).collect()
}
fn ours(pages: &[Arc<Page>], wishes: Wishes, config: Config, net: Net) -> Call {
    let caller = Side::ours(the_caller(pages.to_vec(), Capabilities::OURS, wishes), config);
    Call::new([caller, Side::ours(the_answerer(Capabilities::OURS), config)], net)
}
const CORRECTED: Wishes =
    Wishes { correction: Some(FrameSize::Large), best_coding: Coding::Mmr, fastest: molink::fax::modem::Modulation::V17At14400 };
const PLAIN: Wishes = Wishes { correction: None, ..CORRECTED };

#[test]
fn pages_arrive_as_they_were_sent() {
    let pages = pages(2);
    for config in [AS_1998, AS_2002, Config { speed: Speed::Max, ..AS_1998 }] {
        for wishes in [CORRECTED, PLAIN] {
            let mut call = ours(&pages, wishes, config, Net::default());
            let held = call.run();
            assert!(held.is_ok() && call.report(0).complete() && call.report(1).complete(), "{held:?} {:#?}", call.events);
            assert!(pages.iter().zip(&call.pages).all(|(sent, got)| **sent == got.page) && call.pages.len() == 2);
            assert!(call.odd.is_empty(), "{:?}", call.odd);
        }
    }
}

#[test]
fn a_call_over_t38_lasts_as_long_as_on_the_line_it_stands_for() {
    use molink::fax::{circuit::Circuit, simulated};
    let pages = pages(2);
    for wishes in [CORRECTED, PLAIN] {
        let mut call = ours(&pages, wishes, AS_1998, Net::default());
        let packets = call.run().unwrap();
        let ends = [the_caller(pages.clone(), Capabilities::OURS, wishes), the_answerer(Capabilities::OURS)];
        let quality = molink::line::Quality { delay: std::time::Duration::from_millis(10), ..molink::line::Quality::geo() };
        let line = simulated::Call::new(ends, Circuit::new(quality, 1, std::time::Duration::from_millis(40))).run().unwrap();
        assert!(packets.abs_diff(line).as_millis() < 500, "{packets:?} {line:?}");
    }
}

#[test]
fn lost_doubled_and_late_datagrams_cost_no_page() {
    let pages = pages(2);
    let mut lost = 0;
    for seed in 0..20 {
        for wishes in [CORRECTED, PLAIN] {
            let mut call = ours(&pages, wishes, AS_1998, Net { lost: 50, doubled: 50, late: 100, seed });
            call.run().unwrap();
            assert!(call.report(0).complete() && call.report(1).complete(), "seed {seed}: {:#?}", call.events);
            assert!(pages.iter().zip(&call.pages).all(|(sent, got)| **sent == got.page), "seed {seed}");
            assert!(call.pages.len() == 2, "seed {seed}: {} pages", call.pages.len());
            lost += call.lost;
        }
    }
    assert!(lost > 500, "only {lost} were lost");
}

/// Nothing is repeated, and one in ten is lost: frames are damaged, never wrong.
#[test]
fn with_correction_a_page_is_exact_or_not_confirmed_however_much_is_lost() {
    let pages = pages(2);
    let (mut complete, mut confirmed, mut damaged) = (0, 0, 0);
    for (seed, lost) in (0..40).flat_map(|seed| [(seed, 20), (seed, 100), (seed, 300)]) {
        let mut call = ours(&pages, CORRECTED, Config { repeats: 0, ..AS_1998 }, Net { lost, doubled: 20, late: 50, seed });
        call.run().unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        let report = call.report(0);
        complete += usize::from(report.complete());
        confirmed += report.confirmed.len();
        damaged += call.events.iter().filter(|e| e.contains("packets are missing")).count();
        for page in &report.confirmed {
            assert!(call.pages.iter().any(|got| got.page == *pages[page - 1]), "seed {seed}: page {page} was confirmed");
        }
        assert!(report.complete() || report.failure.is_some());
    }
    assert!(complete >= 40 && confirmed > 80 && damaged > 20, "{complete} {confirmed} {damaged}");
}

#[test]
fn no_call_hangs_wherever_an_end_vanishes() {
    let pages = pages(1);
    for wishes in [CORRECTED, PLAIN] {
        for (side, tenths) in (0..2).flat_map(|side| (0..300).step_by(7).map(move |tenths| (side, tenths))) {
            let mut call = ours(&pages, wishes, AS_1998, Net::default());
            call.vanishes(side, Instant(tenths * 100_000));
            let held = call.run().unwrap_or_else(|why| panic!("side {side} at {tenths}: {why}"));
            assert!(held.as_secs() < 130, "side {side} at {tenths}: {held:?}");
        }
    }
}

/// A call's datagrams with what they say, each once; of each end's signals the first and the last few.
fn exchange() -> String {
    use molink::fax::t38::{Ifp, Syntax, udptl::Datagram};
    let page = [Arc::new(typed(40, Resolution::STANDARD, 1))];
    let mut call = ours(&page, PLAIN, Config { repeats: 1, ..AS_1998 }, Net::default());
    call.run().unwrap();
    let mut lines: Vec<(usize, bool, String)> = vec![];
    let mut before = [None, None];
    for (at, side, octets) in &call.sent {
        let datagram = Datagram::decode(octets).unwrap();
        if before[*side].replace(datagram.number) == Some(datagram.number) {
            continue; // sent again, as nothing followed
        }
        let ifp = Ifp::decode(&datagram.primary, Syntax::Of1998).unwrap();
        let hex: Vec<String> = octets.iter().take(22).map(|o| format!("{o:02x}")).collect();
        let more = if octets.len() > 22 { format!(" … {} octets", octets.len()) } else { String::new() };
        let data = matches!(ifp, Ifp::Data(..)) && !ifp.to_string().contains("SigEnd");
        lines.push((
            *side,
            data,
            format!("{:>7.3} {}  {ifp}\n            {}{more}\n", at.micros() as f64 / 1e6, ["C", "A"][*side], hex.join(" ")),
        ));
    }
    // Of a row of data packets the first two stand for all.
    let mut text = String::new();
    let mut row = 0;
    for (n, (side, data, line)) in lines.iter().enumerate() {
        row = if *data && n > 0 && lines[n - 1].0 == *side && lines[n - 1].1 { row + 1 } else { 0 };
        match row {
            0 | 1 => text.push_str(line),
            2 => text.push_str("            …\n"),
            _ => {}
        }
    }
    text
}

#[test]
fn the_exchange_of_the_page_is_what_the_program_says() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/t38.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- exchange -->\n```\n", "```\n<!-- end of exchange -->");
    let (before, rest) = page.split_once(begin).expect("where the exchange begins");
    let (kept, after) = rest.split_once(end).expect("where the exchange ends");
    let made = exchange();
    if std::env::var_os("MOLINK_RENEW").is_some() {
        std::fs::write(&path, format!("{before}{begin}{made}{end}{after}")).unwrap();
        return;
    }
    let differs = kept.lines().zip(made.lines()).find(|(a, b)| a != b);
    assert!(kept == made, "docs/t38.md does not say what the program does, first at {differs:?}; renew it with MOLINK_RENEW=1");
}

//! Calls over a simulated circuit: what arrives, how long the line was held, and that no case hangs.

use molink::fax::circuit::Circuit;
use molink::fax::code::Coding;
use molink::fax::modem::Modulation;
use molink::fax::simulated::{Act, Call, Nobody, Seen};
use molink::fax::t30::{Answerer, Caller, CallEvent, Capabilities, FrameSize, Thresholds, Verdict, Wishes, answerer, caller};
use molink::line::Quality;
use molink::paper::{Page, Resolution};
use molink::time::{Instant, Speed};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

const PIECE: Duration = Duration::from_millis(250);

/// Some rows of words, as a typed page has them: lines of marks, and white between. The same every time.
pub fn typed(rows: usize, seed: u64) -> Page {
    let mut page = Page::white(1728, rows, Resolution::STANDARD);
    let mut luck = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for y in (0..rows).filter(|y| y % 20 < 11) {
        for word in &mut page.row_mut(y)[2..25] {
            luck = luck.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *word = if luck >> 60 < 11 { (luck >> 20 & 0x7) * 0x0042_1080_0210_8400 } else { 0 };
        }
    }
    page
}

pub fn caller(pages: Vec<Arc<Page>>, capabilities: Capabilities, wishes: Wishes) -> Caller {
    let (number, called) = ("+1 202 555 0123".into(), "+7 095 555 0177".into());
    Caller::new(caller::Config { number, called, sub: None, pages, capabilities, wishes, speed: Speed::REAL })
}
pub fn answerer(capabilities: Capabilities) -> Answerer {
    Answerer::new(answerer::Config { number: "+7 095 555 0177".into(), capabilities, thresholds: Thresholds::default(), speed: Speed::REAL })
}

#[test]
fn a_page_arrives_as_it_was_sent() {
    let pages: Vec<_> = (1..3).map(|n| Arc::new(typed(200, n))).collect();
    for (correction, best_coding) in [(None, Coding::Mh), (None, Coding::Mmr), (Some(FrameSize::Large), Coding::Mmr), (Some(FrameSize::Small), Coding::Mh)] {
        let wishes = Wishes { correction, best_coding, ..Wishes::default() };
        let ends: [molink::fax::simulated::End; 2] =
            [Box::new(caller(pages.clone(), Capabilities::OURS, wishes)), Box::new(answerer(Capabilities::OURS))];
        let mut call = Call::new(ends, Circuit::new(Quality::geo(), 1, PIECE));
        let held = call.run();
        for (at, end, seen) in &call.seen {
            if let Seen::Event(e) = seen && !matches!(e, CallEvent::Rows{..}) { println!("{:9.3} {end} {e}", at.0 as f64 / 1e6); }
        }
        let held = held.unwrap();
        println!("{held:?} {:?}", call.reports);
        assert_eq!(call.pages.len(), 2);
        for (sent, got) in pages.iter().zip(&call.pages) {
            assert!(**sent == got.page, "{} rows came", got.page.height());
        }
        assert!(call.reports.iter().flatten().all(|r| r.complete() && r.confirmed == [1, 2]));
    }
}

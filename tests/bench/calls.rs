//! Eight pages by fax over a simulated satellite hop, in virtual time: how many times faster than life.
//!
//! Standards: none. In: `cargo bench --bench calls`. Out: a line for each of correction off and on: line seconds, seconds of work, × real time,
//! Left out: memory. Exit 1 when a page is not confirmed. Shown by: itself.

use molink::fax::circuit::Circuit;
use molink::fax::simulated::Call;
use molink::fax::t30::{Answerer, Caller, Capabilities, FrameSize, Thresholds, Wishes, answerer, caller};
use molink::line::Quality;
use molink::paper::{Page, Resolution};
use molink::time::{Clock, Speed};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// A page of A4 at fine resolution, with lines of marks. The same every time.
fn page(seed: u64) -> Page {
    let mut page = Page::white(1728, 2292, Resolution::FINE);
    let mut luck = seed | 1;
    for y in (0..page.height()).filter(|y| y % 32 < 20) {
        for word in &mut page.row_mut(y)[2..25] {
            luck = luck.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *word = [0, 0x3f << 40, 0x00fc_0000_003f_0000, 0x7 << 20][(luck >> 62) as usize];
        }
    }
    page
}

fn main() -> ExitCode {
    let pages: Vec<_> = (1..=8).map(|n| Arc::new(page(n * 1986))).collect();
    let clock = Clock::new(None, Speed::REAL);
    for correction in [None, Some(FrameSize::Large)] {
        let (capabilities, speed) = (Capabilities::OURS, Speed::REAL);
        let wishes = Wishes { correction, ..Wishes::default() };
        let (number, called) = ("1".to_owned(), "2".to_owned());
        let caller = caller::Config { number, called, sub: None, facilities: false, pages: pages.clone(), capabilities, wishes, speed };
        let answerer = answerer::Config {
            number: "2".into(),
            facilities: None,
            capabilities: Capabilities::OURS,
            thresholds: Thresholds::default(),
            speed,
        };
        let circuit = Circuit::new(Quality::geo(), 1, Duration::from_secs(1));
        let begun = clock.now();
        let mut call = Call::new([Box::new(Caller::new(caller)), Box::new(Answerer::new(answerer))], circuit);
        let held = match call.run() {
            Ok(held) => held.as_secs_f64(),
            Err(why) => {
                eprintln!("{why}");
                return ExitCode::FAILURE;
            }
        };
        let worked = clock.now().since(begun).as_secs_f64();
        let how = if correction.is_some() { "MMR, with correction" } else { "MR, without correction" };
        println!("8 pages, {how}: {held:.1} s of line, {worked:.3} s of work, {:.0} x real time", held / worked);
        if call.reports.iter().flatten().any(|r| r.confirmed.len() != 8) {
            eprintln!("not every page was confirmed: {:?}", call.reports);
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

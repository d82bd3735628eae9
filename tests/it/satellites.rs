//! Fax over two satellites under the driver, with a teletype beside: fall-over in mid-page, kills, cuts, slow disks, the same bytes again.

use crate::world::{hours, name};
use molink::history::world::Disk;
use molink::history::{Scenario, World};
use molink::message::{Message, Part};
use molink::paper::{Form, Page, chart};
use molink::router::Event;
use molink::router::journal::State;
use molink::time::Instant;
use std::time::Duration;

/// Two stations of 1986: a fax on each of two satellites, and a teletype.
pub const STAGE: &str = r#"
title = "two satellites and a cable"
start = "1986-10-13T12:00:00Z"
seed = 1986
speed = 20

[station.washington]
number = 1
desk.operator = {}
port.cable = { backend = "teletype", peer = "moscow" }
port.intelsat = { backend = "fax", peer = "moscow", number = "1 202 555 0123", correction = false }
port.gorizont = { backend = "fax", peer = "moscow", number = "1 202 555 0124", correction = false }
route = [{ to = "*@moscow", class = "service", ports = ["cable"] }, { to = "*@moscow", ports = ["intelsat", "gorizont"] }]

[station.moscow]
number = 2
desk.operator = {}
port.cable = { backend = "teletype", peer = "washington" }
port.intelsat = { backend = "fax", peer = "washington", number = "7 095 555 0177", correction = false }
port.gorizont = { backend = "fax", peer = "washington", number = "7 095 555 0178", correction = false }
route = [{ to = "*@washington", class = "service", ports = ["cable"] }, { to = "*@washington", ports = ["gorizont", "intelsat"] }]

[circuit.cable]
ends = ["washington:cable", "moscow:cable"]
profile = "cable"

[circuit.intelsat]
ends = ["washington:intelsat", "moscow:intelsat"]
profile = "geo"

[circuit.gorizont]
ends = ["washington:gorizont", "moscow:gorizont"]
profile = "geo"
"#;

/// Three pages by fax from Washington, and a line by teletype beside it.
pub const PAGES: &str = r#"
[[timeline]]
at = "+0s"
do = "send"
from = "operator@washington"
to = "operator@moscow"
subject = "THREE PAGES"
text = "A LETTER AND TWO PAGES FOLLOW."
files = ["map", "text"]

[[timeline]]
at = "+1s"
do = "send"
from = "operator@washington"
to = "operator@moscow"
class = "service"
text = "PAGES FOLLOW BY SATELLITE."
"#;

pub fn stage(timeline: &str) -> Scenario {
    Scenario::parse("stage.toml", &format!("{STAGE}{timeline}")).unwrap()
}
fn seconds(s: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(s)
}

/// What a station has filed, in order.
fn filed(world: &World, station: &str) -> Vec<Message> {
    let journal = world.journal(&name(station)).unwrap();
    let here = journal.rows().iter().filter(|r| r.to.station.as_str() == station && r.state >= State::Filed);
    here.map(|r| journal.load(&r.id).unwrap()).collect()
}
/// The fax pages of a message there.
fn pages(world: &World, station: &str, message: &Message) -> Vec<Page> {
    let blobs = message.content.iter().filter_map(|p| if let Part::Page(blob) = p { Some(blob) } else { None });
    blobs.flat_map(|blob| world.fax_pages(&name(station), blob)).collect()
}
/// A drawn page is there, pel by pel, under the line over it.
pub fn is_drawn(came: &Page, page: &str) -> bool {
    let drawn = chart(page, &Form::of(came).unwrap()).unwrap();
    let above = came.height() - drawn.height();
    (1..100).contains(&above) && drawn.rows().enumerate().all(|(y, row)| came.row(above + y) == row)
}
/// Pages confirmed at a station's ports, in order: port, page.
fn confirmed(world: &World, station: &str) -> Vec<(String, usize)> {
    let of = |e: &molink::router::Stamped| match &e.event {
        Event::PageConfirmed { page, .. } if e.station == name(station) => Some((e.port.clone().unwrap(), *page)),
        _ => None,
    };
    world.trace().iter().filter_map(of).collect()
}
fn over(world: &World) -> bool {
    ["washington", "moscow"].iter().all(|s| {
        let journal = world.journal(&name(s)).unwrap();
        world.runs(&name(s)) && !journal.rows().is_empty() && journal.rows().iter().all(|r| r.state.ended())
    })
}
fn play(timeline: &str, seed: u64) -> World {
    World::from_scenario(&stage(&format!("{PAGES}{timeline}")), Some(seed)).unwrap()
}
fn all_came(world: &World, why: &str) {
    let came = filed(world, "moscow");
    let fax: Vec<&Message> = came.iter().filter(|m| m.envelope.subject == "THREE PAGES").collect();
    assert_eq!((came.len(), fax.len()), (2, 1), "{why}: each once\n{}", world.trace_lines());
    let pages = pages(world, "moscow", fax[0]);
    assert!(pages.len() == 3 && is_drawn(&pages[1], "map") && is_drawn(&pages[2], "text"), "{why}: {} pages", pages.len());
}

#[test]
fn three_pages_go_by_satellite_while_the_teletype_goes_on() {
    let mut world = play("", 1);
    assert!(world.run(hours(1), over), "{}", world.trace_lines());
    all_came(&world, "no trouble");
    assert_eq!(confirmed(&world, "moscow"), [1, 2, 3].map(|n| ("intelsat".to_owned(), n)));
    let minutes = world.now().since(Instant::ZERO).as_secs_f64() / 60.0;
    assert!((1.0..10.0).contains(&minutes), "{minutes} minutes of line");
}

/// Rows of this page are coming in at Moscow over that circuit.
fn comes(event: &molink::router::Stamped, circuit: &str, page: usize) -> bool {
    let there = event.station == name("moscow") && event.port.as_deref() == Some(circuit);
    there && matches!(event.event, Event::Scan { page: p, first, .. } if p == page && first > 300)
}

#[test]
fn a_satellite_cut_in_mid_page_the_second_takes_the_call_from_that_page_on() {
    let mut world = play("", 2);
    assert!(world.run(hours(1), |w| w.trace().last().is_some_and(|e| comes(e, "intelsat", 2))), "{}", world.trace_lines());
    world.cut("intelsat", None);
    let cut = world.now();
    assert!(world.run(hours(1), over), "{}", world.trace_lines());
    all_came(&world, "fall-over");
    let by = |port: &str, page| (port.to_owned(), page);
    assert_eq!(confirmed(&world, "moscow"), [by("intelsat", 1), by("gorizont", 2), by("gorizont", 3)]);
    assert_eq!(confirmed(&world, "washington"), confirmed(&world, "moscow"));
    let came_by = crate::world::came_by(&world, "moscow");
    assert!(came_by.contains(&"cable".into()) && came_by.contains(&"gorizont".into()), "{came_by:?}");
    let teletype = |e: &&molink::router::Stamped| e.port.as_deref() == Some("cable") && e.t > cut.micros();
    assert!(world.now() > cut && world.trace().iter().any(|e| teletype(&e)), "the teletype went on beside it");
}

/// A letter of some pages.
fn letter_entry() -> String {
    let text = "THE QUICK BROWN FOX JUMPED OVER THE LAZY DOG.\\n".repeat(180);
    let who = "from = \"operator@washington\"\nto = \"operator@moscow\"\nsubject = \"THREE PAGES\"";
    format!("[[timeline]]\nat = \"+0s\"\ndo = \"send\"\n{who}\ntext = \"{text}\"\n")
}
/// The letter in a coarse form, which is quick to draw.
fn letter(seed: u64) -> World {
    let stage = STAGE.replace("correction = false", "correction = false, resolution = \"standard\"");
    World::from_scenario(&Scenario::parse("letter.toml", &format!("{stage}{}", letter_entry())).unwrap(), Some(seed)).unwrap()
}
/// The letter came once, as many pages as one that had no trouble, each the same.
fn letter_came(world: &World, expected: &[Page], why: &str) {
    let came = filed(world, "moscow");
    assert_eq!(came.len(), 1, "{why}: once\n{}", world.trace_lines());
    let pages = pages(world, "moscow", &came[0]);
    assert!(pages == expected, "{why}: {} pages came, or others", pages.len());
}

/// What a station may suffer at a moment drawn from the seed.
fn suffers(world: &mut World, seed: u64) {
    let at = seconds(5 + seed * 13 % 150) + Duration::from_millis(seed * 377 % 1000);
    let who = name(["moscow", "washington"][(seed % 2) as usize]);
    world.set_disk(Disk { fastest: Duration::from_millis(1), slowest: Duration::from_millis([5, 800, 4000][(seed % 3) as usize]) });
    match seed % 5 {
        0 | 1 => {
            let again = at + Duration::from_secs(1 + seed % 90);
            let dead = who.clone();
            world.at(at, move |w| w.kill(&dead));
            world.at(again, move |w| w.start(&who));
        }
        2 => world.at(at, |w| w.cut("intelsat", Some(Duration::from_secs(40)))),
        3 => {
            world.at(at, |w| w.cut("intelsat", Some(Duration::from_secs(120))));
            world.at(at + Duration::from_secs(30), |w| w.cut("gorizont", Some(Duration::from_secs(100))));
        }
        _ => {
            world.at(at, move |w| w.kill(&who));
            world.at(at + Duration::from_millis(300), |w| ["moscow", "washington"].iter().for_each(|s| w.kill(&name(s))));
            world.at(at + Duration::from_secs(9), |w| ["moscow", "washington"].iter().for_each(|s| w.start(&name(s))));
        }
    }
}
fn survives(seeds: std::ops::Range<u64>) {
    let mut quiet = letter(0);
    assert!(quiet.run(hours(1), over), "{}", quiet.trace_lines());
    let expected = pages(&quiet, "moscow", &filed(&quiet, "moscow")[0]);
    assert!(expected.len() > 2);
    for seed in seeds {
        let mut world = letter(seed);
        suffers(&mut world, seed);
        assert!(world.run(hours(6), over), "seed {seed}: {}", world.trace_lines());
        letter_came(&world, &expected, &format!("seed {seed}"));
    }
}

#[test]
fn a_letter_by_fax_survives_kills_cuts_and_slow_disks_at_any_moment_and_comes_once() {
    survives(0..10);
}

#[test]
#[ignore = "full: run through tests/run --full"]
fn full_a_letter_by_fax_survives_two_hundred_troubles() {
    survives(10..210);
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_any_thread() {
    let run = |seed: u64| {
        let mut world = letter(seed);
        suffers(&mut world, seed);
        assert!(world.run(hours(6), over));
        world.trace_lines()
    };
    let threads: Vec<_> = (0..3).map(|_| std::thread::spawn(move || run(4))).collect();
    let here = run(4);
    assert!(threads.into_iter().all(|t| t.join().unwrap() == here));
    assert_ne!(run(9), here);
}

#[test]
fn enciphered_pages_go_through_kills_and_cuts_too() {
    let keyed = STAGE.replace("correction = false", "correction = false, resolution = \"standard\", keys = \"keys\"");
    for seed in [0, 2, 4] {
        let scenario = Scenario::parse("keyed.toml", &format!("{keyed}{}", letter_entry())).unwrap();
        let mut world = World::from_scenario(&scenario, Some(seed)).unwrap();
        suffers(&mut world, seed);
        assert!(world.run(hours(6), over), "seed {seed}: {}", world.trace_lines());
        assert_eq!(filed(&world, "moscow").len(), 1, "seed {seed}");
        let taken = |e: &molink::router::Stamped| matches!(e.event, Event::KeyTaken { .. }) && e.station == name("washington");
        assert!(world.trace().iter().any(taken), "seed {seed}: key was used");
    }
}

#[test]
fn the_scenario_of_1986_is_replayed_the_same_each_time() {
    let scenario = Scenario::parse("1986.toml", OF_1986).unwrap();
    let run = |scenario: &Scenario| {
        let mut world = World::from_scenario(scenario, None).unwrap();
        assert!(world.run(hours(2), |w| over(w) && filed(w, "washington").len() == 2), "{}", world.trace_lines());
        let letter = filed(&world, "moscow").into_iter().find(|m| m.envelope.subject == "Earth stations").unwrap();
        assert_eq!(pages(&world, "moscow", &letter).len(), 3);
        println!("the story of 1986 takes {:.0} s of line time", world.now().micros() as f64 / 1e6);
        world.trace_lines()
    };
    let other = scenario.clone();
    let elsewhere = std::thread::spawn(move || run(&other));
    assert!(run(&scenario) == elsewhere.join().unwrap());
}

const OF_1986: &str = include_str!("../../fixtures/scenarios/1986.toml");

#[test]
fn the_story_of_1986_sends_each_page_once_although_a_satellite_fades_in_the_second() {
    let scenario = Scenario::parse("1986.toml", OF_1986).unwrap();
    let mut world = World::from_scenario(&scenario, None).unwrap();
    let sends = OF_1986.matches("do = \"send\"").count();
    let told = |world: &World| over(world) && world.journal(&name("moscow")).is_some_and(|journal| journal.rows().len() == sends);
    assert!(world.run(hours(1), told), "{}", world.trace_lines());
    let molink::time::Speed::Times(speed) = scenario.speed else { panic!("as fast as it can") };
    let seconds = world.now().since(Instant::ZERO).as_secs_f64();
    println!("the story of 1986 takes {seconds:.0} s of line time, {:.0} s at its default speed {speed}", seconds / speed);
    assert!((60.0..90.0).contains(&(seconds / speed)), "{seconds} s at {speed}");
    let by = |port: &str, page| (port.to_owned(), page);
    assert_eq!(confirmed(&world, "moscow"), [by("intelsat", 1), by("gorizont", 2), by("gorizont", 3)]);
    let came = filed(&world, "moscow");
    let fax = came.iter().find(|m| m.envelope.subject == "Earth stations").unwrap();
    let pages = pages(&world, "moscow", fax);
    assert!(pages.len() == 3 && is_drawn(&pages[1], "satellites") && is_drawn(&pages[2], "photograph"), "{} pages", pages.len());
    let begun = |page: usize| {
        world.trace().iter().any(|e| e.port.as_deref() == Some("intelsat") && matches!(e.event, Event::Scan { page: p, .. } if p == page))
    };
    assert!(begun(1) && begun(2) && !begun(3), "it fades in the midst of the second");
    // What there was not in 1986: correction, V.17, MMR.
    let settled = world.trace().iter().filter_map(|e| if let Event::Settled { text, .. } = &e.event { Some(text) } else { None });
    settled.for_each(|text| assert!(text.starts_with("V.27ter 4800") && text.contains("without correction"), "{text}"));
}

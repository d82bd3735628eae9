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
port.intelsat = { backend = "fax", peer = "moscow", number = "1 202 555 0123" }
port.gorizont = { backend = "fax", peer = "moscow", number = "1 202 555 0124" }
route = [{ to = "*@moscow", class = "service", ports = ["cable"] }, { to = "*@moscow", ports = ["intelsat", "gorizont"] }]

[station.moscow]
number = 2
desk.operator = {}
port.cable = { backend = "teletype", peer = "washington" }
port.intelsat = { backend = "fax", peer = "washington", number = "7 095 555 0177" }
port.gorizont = { backend = "fax", peer = "washington", number = "7 095 555 0178" }
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
fn is_drawn(came: &Page, page: &str) -> bool {
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

const OF_1986: &str = include_str!("../../fixtures/scenarios/1986.toml");

#[test]
fn the_story_of_1986_sends_each_page_once_although_a_satellite_fades_in_the_second() {
    let scenario = Scenario::parse("1986.toml", OF_1986).unwrap();
    let mut world = World::from_scenario(&scenario, None).unwrap();
    let sends = OF_1986.matches("do = \"send\"").count();
    let told = |world: &World| over(world) && world.journal(&name("moscow")).is_some_and(|journal| journal.rows().len() == sends);
    assert!(world.run(hours(1), told), "{}", world.trace_lines());
    if std::env::var_os("DUMP").is_some() {
        println!("{}", world.trace_lines());
    }
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
    // What there was not in 1986: correction, V.17, MMR.
    let settled = world.trace().iter().filter_map(|e| if let Event::Settled { text, .. } = &e.event { Some(text) } else { None });
    settled.for_each(|text| assert!(text.starts_with("V.27ter 4800") && text.contains("without correction"), "{text}"));
}

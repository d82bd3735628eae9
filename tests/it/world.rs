//! Whole stations under the driver: the scenario of 1963, lines that fail in every way, kills, fail-over, determinism.

use molink::history::world::Disk;
use molink::history::{Scenario, World};
use molink::line::Fate;
use molink::message::{Class, Draft, Envelope, Name, Part, Precedence};
use molink::router::Event;
use molink::router::Submitted;
use molink::router::journal::State;
use molink::time::Instant;
use std::time::Duration;

pub const TEST_LINE: &str = "THE QUICK BROWN FOX JUMPED OVER THE LAZY DOG'S BACK 1234567890";
const SCENARIO: &str = include_str!("../../fixtures/scenarios/1963.toml");

pub fn name(s: &str) -> Name {
    s.parse().unwrap()
}

pub fn hours(h: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(3600 * h)
}

/// Washington and Moscow of 1963, nothing on the timeline.
pub fn pair(seed: u64) -> World {
    let mut scenario = Scenario::parse("1963.toml", SCENARIO).unwrap();
    scenario.timeline.clear();
    World::from_scenario(&scenario, Some(seed)).unwrap()
}

pub fn draft(from: &str, to: &str, text: &str) -> Draft {
    let envelope = Envelope {
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        precedence: Precedence::Routine,
        class: Class::Message,
        subject: "TEST".into(),
        via: vec![],
    };
    Draft { envelope, content: vec![Part::Text { text: text.into() }] }
}

pub fn filed(world: &World, station: &str) -> Vec<String> {
    let journal = world.journal(&name(station)).unwrap();
    let here = journal.rows().iter().filter(|r| r.to.station.as_str() == station && r.state >= State::Filed);
    here.map(|r| journal.load(&r.id).unwrap().text()).collect()
}

/// Every message handed in is known as ended by its sender.
pub fn settled(world: &World) -> bool {
    ["washington", "moscow"].iter().all(|s| {
        let journal = world.journal(&name(s)).unwrap();
        world.runs(&name(s)) && journal.rows().iter().all(|r| r.state.ended())
    })
}

#[test]
fn the_scenario_of_1963_goes_through_and_takes_as_long_as_it_says() {
    let scenario = Scenario::parse("1963.toml", SCENARIO).unwrap();
    let mut world = World::from_scenario(&scenario, None).unwrap();
    let told = world.run(hours(1), |w| filed(w, "washington").len() == 1 && settled(w));
    assert!(told, "{}", world.trace_lines());
    assert_eq!(filed(&world, "moscow"), [TEST_LINE]);
    assert_eq!(filed(&world, "washington"), ["YOUR TEST RECEIVED COMPLETE. WE READ YOU WELL."]);
    assert_eq!(world.said().len(), 2);
    let seconds = world.now().micros() as f64 / 1e6;
    let molink::time::Speed::Times(speed) = scenario.speed else { panic!("the default speed is a number") };
    let real = seconds / speed;
    println!("the story takes {seconds:.1} s of line time, {real:.1} s at its default speed {speed}");
    assert!((60.0..=90.0).contains(&real), "{real}");
}

#[test]
fn the_trace_has_the_events_in_order() {
    let scenario = Scenario::parse("1963.toml", SCENARIO).unwrap();
    let mut world = World::from_scenario(&scenario, None).unwrap();
    world.run(hours(1), |w| filed(w, "moscow").len() == 1 && settled(w));
    let id = world.journal(&name("moscow")).unwrap().rows()[0].id.clone();
    let seen: Vec<(String, String)> = world
        .trace()
        .iter()
        .filter(|e| e.id.as_ref() == Some(&id))
        .filter(|e| e.event.durable())
        .map(|e| (e.station.to_string(), e.event.name().to_owned()))
        .collect();
    let expected = [("washington", "accepted"), ("washington", "sent"), ("moscow", "filed"), ("washington", "filed")];
    let seen: Vec<(&str, &str)> = seen.iter().map(|(s, e)| (s.as_str(), e.as_str())).collect();
    assert_eq!(seen, expected);
}

/// How many codes a clean exchange of the test line takes, each way: where faults can be placed.
fn codes_of_an_exchange() -> [u64; 2] {
    let mut world = pair(0);
    world.submit(&name("washington"), draft("operator@washington", "operator@moscow", TEST_LINE));
    assert!(world.run(hours(1), |w| filed(w, "moscow").len() == 1 && settled(w)));
    [0, 1].map(|way| world.circuit("cable", way).unwrap().carried())
}

/// Each message of a station: accepted, then sent, then filed at the far end, then known as filed; whatever happened between.
fn in_order(world: &World, origin: &str) -> Result<(), String> {
    for row in world.journal(&name(origin)).unwrap().rows().iter().filter(|r| r.id.station == name(origin)) {
        let first = |station: &str, event: &str| {
            let found =
                world.trace().iter().position(|e| e.id.as_ref() == Some(&row.id) && e.station == name(station) && e.event.name() == event);
            found.ok_or(format!("{}: {station} never says {event}", row.id))
        };
        let far = row.to.station.to_string();
        let steps = [first(origin, "accepted")?, first(origin, "sent")?, first(&far, "filed")?, first(origin, "filed")?];
        if !steps.is_sorted() {
            return Err(format!("{}: events out of order: {steps:?}", row.id));
        }
    }
    Ok(())
}

#[test]
fn two_hundred_seeds_of_drops_doubles_flips_and_cuts_lose_and_double_nothing() {
    let lengths = codes_of_an_exchange();
    let mut tally = std::collections::BTreeMap::new();
    for seed in 0..200u64 {
        let mut world = pair(seed);
        // One to three faults, spread by the seed over call-up, heading, text, end and receipt, both ways.
        let mut mix = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut draw = |n: u64| {
            mix = mix.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (mix >> 33) % n
        };
        for _ in 0..1 + draw(3) {
            let way = usize::from(draw(4) == 0);
            let fate = [Fate::Drop, Fate::Double, Fate::Flip][draw(3) as usize];
            world.circuit("cable", way).unwrap().plan(draw(lengths[way]), fate);
        }
        if draw(3) == 0 {
            let (at, lasts) = (Duration::from_millis(draw(60_000)), Duration::from_millis(100 + draw(40_000)));
            world.at(Instant::ZERO + at, move |w| w.cut("cable", Some(lasts)));
        }
        world.submit(&name("washington"), draft("operator@washington", "operator@moscow", TEST_LINE));
        world.submit(&name("moscow"), draft("operator@moscow", "operator@washington", "REPLY 42"));
        let done = world.run(hours(2), |w| filed(w, "moscow").len() == 1 && filed(w, "washington").len() == 1 && settled(w));
        assert!(done, "seed {seed}: not delivered\n{}", world.trace_lines());
        world.run(hours(3), |_| false);
        assert_eq!(filed(&world, "moscow"), [TEST_LINE], "seed {seed}");
        assert_eq!(filed(&world, "washington"), ["REPLY 42"], "seed {seed}");
        for station in ["washington", "moscow"] {
            in_order(&world, station).unwrap_or_else(|what| panic!("seed {seed}: {what}\n{}", world.trace_lines()));
        }
        for e in world.trace() {
            *tally.entry(e.event.name()).or_insert(0u32) += 1;
        }
    }
    println!("200 seeds: {tally:?}");
    assert!(tally.contains_key("fragment") && tally.contains_key("came_again"), "the faults did something: {tally:?}");
}

#[test]
fn stations_killed_at_any_moment_file_each_accepted_message_once() {
    for seed in 0..100u64 {
        let mut world = pair(seed);
        world.set_disk(Disk { fastest: Duration::from_millis(1), slowest: Duration::from_secs(5) });
        for round in 0..4u64 {
            let at = Instant::ZERO + Duration::from_millis(3_000 + round * 31_000 + seed.wrapping_mul(7_919) % 30_000);
            let victim = name(["washington", "moscow"][((seed + round) % 2) as usize]);
            let both = seed % 5 == 0;
            world.at(at, move |w| {
                w.kill(&victim);
                if both {
                    w.kill(&name("washington"));
                    w.kill(&name("moscow"));
                }
                let again = w.now() + Duration::from_secs(2);
                w.at(again, |w| ["washington", "moscow"].iter().for_each(|s| w.start(&name(s))));
            });
        }
        let tokens: Vec<(u64, String)> = (0..3)
            .map(|i| {
                (world.submit(&name("washington"), draft("operator@washington", "operator@moscow", &format!("NR {i}"))), format!("NR {i}"))
            })
            .collect();
        world.run(hours(3), |w| w.now() > hours(1) && settled(w));
        let mut got = filed(&world, "moscow");
        got.sort();
        let mut unique = got.clone();
        unique.dedup();
        assert_eq!(got, unique, "seed {seed}: filed twice");
        for (token, text) in tokens {
            if matches!(world.answer(token), Some(Submitted::Accepted(_))) {
                assert!(got.contains(&text), "seed {seed}: {text} was accepted and is lost\n{}", world.trace_lines());
            }
        }
    }
}

#[test]
fn a_cut_cable_falls_to_the_radio_and_comes_back() {
    let two = SCENARIO
        .replace("port.cable = { backend = \"teletype\", peer = \"moscow\", baud = 50, units = 7.5 }", "port.cable = { backend = \"teletype\", peer = \"moscow\" }\nport.radio = { backend = \"teletype\", peer = \"moscow\" }")
        .replace("port.cable = { backend = \"teletype\", peer = \"washington\", baud = 50, units = 7.5 }", "port.cable = { backend = \"teletype\", peer = \"washington\" }\nport.radio = { backend = \"teletype\", peer = \"washington\" }")
        .replace("ports = [\"cable\"]", "ports = [\"cable\", \"radio\"]")
        .replace("[circuit.cable]", "[circuit.radio]\nends = [\"washington:radio\", \"moscow:radio\"]\nprofile = \"hf\"\n[circuit.cable]");
    let mut scenario = Scenario::parse("two.toml", &two).unwrap();
    scenario.timeline.clear();
    let mut world = World::from_scenario(&scenario, Some(3)).unwrap();
    world.cut("cable", Some(Duration::from_secs(1800)));
    world.submit(&name("washington"), draft("operator@washington", "operator@moscow", "BY RADIO"));
    assert!(world.run(hours(1), |w| filed(w, "moscow").len() == 1 && settled(w)));
    let by = |w: &World, n: usize| w.journal(&name("moscow")).unwrap().rows()[n].came_by.clone();
    assert_eq!(by(&world, 0).as_deref(), Some("radio"));
    world.run(hours(1), |_| false);
    world.submit(&name("washington"), draft("operator@washington", "operator@moscow", "BY CABLE"));
    assert!(world.run(hours(2), |w| filed(w, "moscow").len() == 2 && settled(w)));
    assert_eq!(by(&world, 1).as_deref(), Some("cable"), "the first port of the route is taken again once it answers");
}

#[test]
fn the_same_seed_gives_the_same_trace_at_one_and_two_threads() {
    let story = |seed: u64| {
        let mut world = pair(seed);
        world.circuit("cable", 0).unwrap().set_noise(molink::line::Noise::Light);
        world.submit(&name("washington"), draft("operator@washington", "operator@moscow", TEST_LINE));
        world.run(hours(1), |w| filed(w, "moscow").len() == 1 && settled(w));
        world.trace_lines()
    };
    let one: Vec<String> = (0..8).map(story).collect();
    assert!(one.iter().all(|t| t.lines().count() > 10));
    assert_ne!(one[0], one[1], "another seed gives other noise");
    let two: Vec<String> = std::thread::scope(|s| {
        let halves = [s.spawn(|| (0..4).map(story).collect::<Vec<_>>()), s.spawn(|| (4..8).map(story).collect::<Vec<_>>())];
        halves.into_iter().flat_map(|h| h.join().unwrap()).collect()
    });
    assert!(one == two, "the same seeds gave other traces in two threads");
}

#[test]
fn an_unknown_desk_comes_back_to_the_sender() {
    let mut world = pair(1);
    world.submit(&name("washington"), draft("operator@washington", "operater@moscow", "FOR WHOM"));
    assert!(world.run(hours(1), |w| w.journal(&name("washington")).unwrap().rows().iter().any(|r| r.state == State::Returned)));
    let returned = world.trace().iter().find_map(|e| match &e.event {
        Event::Returned { reason } => Some(reason.clone()),
        _ => None,
    });
    assert!(returned.unwrap().to_lowercase().contains("operator"), "the nearest desk is named");
}

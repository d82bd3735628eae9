//! Whole stations under the driver: the scenario of 1963, lines that fail in every way, kills, fail-over, determinism.

use crate::lines::both_lines;
use molink::history::world::Disk;
use molink::history::{Scenario, World};
use molink::line::Fate;
use molink::message::{Class, Draft, Envelope, Name, Part, Precedence};
use molink::router::Event;
use molink::router::Submitted;
use molink::router::journal::State;
use molink::time::Instant;
use std::time::Duration;

/// What Moscow answers: every letter that MTK-2 has in its figures shift, and the key that is 4 and Ч.
pub const RUSSIAN_LINE: &str = "ПРОБА ПРИНЯТА ПОЛНОСТЬЮ. СЛЫШИМ ВАС ХОРОШО. ЧЕМ ЭТА ЛИСА ЛУЧШЕ ЩЕНКА?\n1234567890";
pub const TEST_LINE: &str = "THE QUICK BROWN FOX JUMPED OVER THE LAZY DOG'S BACK 1234567890";
const SCENARIO: &str = include_str!("../../fixtures/scenarios/1963.toml");

pub fn name(s: &str) -> Name {
    s.parse().unwrap()
}

pub fn hours(h: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(3600 * h)
}

/// Washington and Moscow of 1963, nothing on the timeline, with the cable alone.
pub fn pair(seed: u64) -> World {
    let mut scenario = Scenario::parse("1963.toml", SCENARIO).unwrap();
    scenario.timeline.clear();
    crate::lines::set(&mut scenario);
    scenario.circuits.remove("radio");
    for keys in scenario.stations.values_mut() {
        keys["port"].as_table_mut().unwrap().remove("radio").unwrap();
        let routes = keys["route"].as_array_mut().unwrap();
        routes.retain(|r| r.get("class").is_none());
        routes.iter_mut().for_each(|r| r["ports"] = vec!["cable"].into());
    }
    World::from_scenario(&scenario, Some(seed)).unwrap()
}

/// The same with cable and radio, each the other's reserve.
pub fn pair_by_two_circuits(seed: u64) -> World {
    let mut scenario = Scenario::parse("1963.toml", SCENARIO).unwrap();
    scenario.timeline.clear();
    crate::lines::set(&mut scenario);
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
        post: None,
    };
    Draft { envelope, content: vec![Part::Text { text: text.into() }] }
}

pub fn filed(world: &World, station: &str) -> Vec<String> {
    let journal = world.journal(&name(station)).unwrap();
    let here = journal.rows().iter().filter(|r| r.to.station.as_str() == station && r.state >= State::Filed);
    here.map(|r| journal.load(&r.id).unwrap().text()).collect()
}

/// The ports by which what is filed at a station came, in order.
pub fn came_by(world: &World, station: &str) -> Vec<String> {
    let rows = world.journal(&name(station)).unwrap().rows().iter();
    rows.filter(|r| r.to.station.as_str() == station).filter_map(|r| r.came_by.clone()).collect()
}

/// Every message handed in is known as ended by its sender.
pub fn settled(world: &World) -> bool {
    ["washington", "moscow"].iter().all(|s| {
        let journal = world.journal(&name(s)).unwrap();
        world.runs(&name(s)) && journal.rows().iter().all(|r| r.state.ended())
    })
}

both_lines!(the_scenario_of_1963_goes_through_and_takes_as_long_as_it_says);
fn the_scenario_of_1963_goes_through_and_takes_as_long_as_it_says() {
    let scenario = Scenario::parse("1963.toml", SCENARIO).unwrap();
    let mut world = World::from_scenario(&scenario, None).unwrap();
    let told = world.run(hours(1), |w| filed(w, "washington").len() == 1 && settled(w));
    assert!(told, "{}", world.trace_lines());
    assert_eq!(filed(&world, "moscow"), [TEST_LINE, "RADIO CIRCUIT IS FOR OUR SERVICE TRAFFIC. NEXT TEST AT 1700Z."]);
    assert_eq!(filed(&world, "washington"), [RUSSIAN_LINE]);
    assert_eq!(came_by(&world, "moscow"), ["cable", "radio"], "the service message took the route of its class");
    assert_eq!(came_by(&world, "washington"), ["cable"]);
    assert_eq!(world.said().len(), 3);
    let seconds = world.now().micros() as f64 / 1e6;
    let molink::time::Speed::Times(speed) = scenario.speed else { panic!("the default speed is a number") };
    let real = seconds / speed;
    println!("the story takes {seconds:.1} s of line time, {real:.1} s at its default speed {speed}");
    assert!((60.0..=90.0).contains(&real), "{real}");
}

both_lines!(the_trace_has_the_events_in_order);
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

both_lines!(two_hundred_seeds_of_drops_doubles_flips_and_cuts_lose_and_double_nothing);
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

both_lines!(stations_killed_at_any_moment_file_each_accepted_message_once);
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

both_lines!(a_cut_cable_falls_to_the_radio_and_comes_back);
fn a_cut_cable_falls_to_the_radio_and_comes_back() {
    let mut world = pair_by_two_circuits(3);
    world.cut("cable", Some(Duration::from_secs(1800)));
    world.submit(&name("washington"), draft("operator@washington", "operator@moscow", "BY RADIO"));
    assert!(world.run(hours(1), |w| filed(w, "moscow").len() == 1 && settled(w)));
    assert_eq!(came_by(&world, "moscow"), ["radio"]);
    world.run(hours(1), |_| false);
    world.submit(&name("washington"), draft("operator@washington", "operator@moscow", "BY CABLE"));
    assert!(world.run(hours(2), |w| filed(w, "moscow").len() == 2 && settled(w)));
    assert_eq!(came_by(&world, "moscow"), ["radio", "cable"], "the first port of the route is taken again once it answers");
}

both_lines!(the_same_seed_gives_the_same_trace_at_one_and_two_threads);
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
    let lines = crate::lines::now();
    let some = |seeds: std::ops::Range<u64>| crate::lines::over(lines, || seeds.map(story).collect::<Vec<_>>());
    let two: Vec<String> = std::thread::scope(|s| {
        let halves = [s.spawn(|| some(0..4)), s.spawn(|| some(4..8))];
        halves.into_iter().flat_map(|h| h.join().unwrap()).collect()
    });
    assert!(one == two, "the same seeds gave other traces in two threads");
}

both_lines!(an_unknown_desk_comes_back_to_the_sender);
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
const OF_1976: &str = include_str!("../../fixtures/scenarios/1976.toml");

#[test]
fn the_scenario_of_1976_is_re_routed_tested_each_hour_and_passes_a_cut_by_the_second_circuit() {
    let scenario = Scenario::parse("1976.toml", OF_1976).unwrap();
    let mut world = World::from_scenario(&scenario, None).unwrap();
    assert_eq!(world.circuit("second", 0).unwrap().profile().name, "hf");
    let told = world.run(hours(4), |w| filed(w, "moscow").len() == 3 && filed(w, "washington").len() == 3 && settled(w));
    assert!(told, "{}", world.trace_lines());
    assert_eq!([0, 1].map(|way| world.circuit("second", way).unwrap().profile().name), ["cable"; 2]);
    let seconds = world.now().micros() as f64 / 1e6;
    let molink::time::Speed::Times(speed) = scenario.speed else { panic!("the default speed is a number") };
    println!("the story of 1976 takes {seconds:.0} s of line time, {:.0} s at its default speed {speed}", seconds / speed);

    // Who sent the test of each hour, and by which circuit it came: Washington at even hours of its own summer clock.
    let tests: Vec<(u32, String, String)> = accepted(&world, "HOURLY TEST")
        .into_iter()
        .map(|row| {
            let local = row.id.dtg.utc().plus(Duration::from_secs(180)).0 / 3_600_000_000 - 4;
            let far = if row.from.station == name("moscow") { "washington" } else { "moscow" };
            let there = world.journal(&name(far)).unwrap().find(&row.id).unwrap();
            (local.rem_euclid(24) as u32, row.from.station.to_string(), there.came_by.unwrap())
        })
        .collect();
    let of = |hour, who: &str, by: &str| (hour, who.to_owned(), by.to_owned());
    let expected = [of(8, "washington", "cable"), of(9, "moscow", "second"), of(10, "washington", "cable"), of(11, "moscow", "cable")];
    assert_eq!(tests, expected, "the cut cable's test went by the second circuit, and both ends came back");
    assert!(tests.iter().all(|(hour, who, _)| (hour % 2 == 0) == (who == "washington")));
    assert_eq!(came_by(&world, "moscow"), ["cable", "second", "cable"], "the service message went by the second circuit");
    assert_eq!(came_by(&world, "washington"), ["second", "second", "cable"]);
}

/// The rows of this subject, at the stations that accepted them, in order of time.
fn accepted(world: &World, subject: &str) -> Vec<molink::router::journal::Row> {
    let at =
        |s: &str| world.journal(&name(s)).unwrap().rows().iter().filter(|r| r.came_by.is_none() && r.subject == subject).cloned().collect();
    let mut rows: Vec<_> = ["washington", "moscow"].into_iter().flat_map(|s| -> Vec<_> { at(s) }).collect();
    rows.sort_by_key(|r| r.accepted);
    rows
}

#[test]
fn an_hourly_test_has_no_number_for_entries_to_hang_on() {
    let numbered = format!("{OF_1976}\n[[timeline]]\nafter = \"filed 1\"\ndo = \"say\"\ntext = \"the first message\"\n");
    let scenario = Scenario::parse("1976.toml", &numbered).unwrap();
    let mut world = World::from_scenario(&scenario, None).unwrap();
    world.run(hours(1), |w| w.said().iter().any(|(_, said)| said == "the first message"));
    let filed: Vec<&str> =
        accepted(&world, "HOURLY TEST").iter().chain(&accepted(&world, "SECOND CIRCUIT")).map(|r| r.state.word()).collect();
    assert_eq!(filed, ["filed", "filed"], "a test was filed before, and the entry waited for the message that has the number");
    assert!(world.now() > Instant::ZERO + Duration::from_secs(14 * 60));
}

#[test]
fn a_circuit_re_routed_has_another_delay_from_then_on() {
    let mut took = vec![];
    let mut world = pair(5);
    for way in 0..2 {
        world.circuit("cable", way).unwrap().set_noise(molink::line::Noise::None);
    }
    for profile in [molink::line::Profile::cable(), molink::line::Profile::geo()] {
        world.reroute("cable", profile);
        let began = world.now();
        let before = filed(&world, "moscow").len();
        world.submit(&name("washington"), draft("operator@washington", "operator@moscow", TEST_LINE));
        assert!(world.run(hours(1), |w| filed(w, "moscow").len() > before && settled(w)));
        took.push(world.now().since(began));
    }
    // Call-up, ready answer, message, receipt: four times over the line, each 188 ms more; the disks draw a few milliseconds.
    let more = took[1].saturating_sub(took[0]).as_millis();
    assert!((652..852).contains(&more), "{took:?}");
}

#[test]
fn a_circuit_re_routed_at_any_moment_loses_at_most_what_is_on_its_way() {
    for seed in 0..60u64 {
        let mut world = pair(seed);
        let at = |s: u64| Instant::ZERO + Duration::from_millis(s * 1000 + seed * 37);
        world.at(at(seed), |w| w.reroute("cable", molink::line::Profile::geo()));
        world.at(at(seed + 1), |w| w.reroute("cable", molink::line::Profile::clean()));
        world.submit(&name("washington"), draft("operator@washington", "operator@moscow", TEST_LINE));
        world.submit(&name("moscow"), draft("operator@moscow", "operator@washington", "REPLY 42"));
        world.run(hours(1), |_| false);
        assert!(settled(&world), "seed {seed}: {}", world.trace_lines());
        assert_eq!(
            (filed(&world, "moscow"), filed(&world, "washington")),
            (vec![TEST_LINE.to_owned()], vec!["REPLY 42".to_owned()]),
            "seed {seed}"
        );
    }
}

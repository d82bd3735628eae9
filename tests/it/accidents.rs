//! Accidents and attacks on an enciphered line: tapes swapped, copied back, cut short; recordings, forged positions. Each ends in its
//! own sentence, the message waits or takes the other circuit, and no key is used twice.

use crate::cipher::{end, key_is_used_once, names, spans};
use crate::lines::{Lines, over};
use crate::pair::{M, Pair, W};
use crate::world::{draft, filed, hours, name, pair, settled};
use molink::history::World;
use molink::history::keys::SimulatedKeys;
use molink::key::Copy;
use molink::line::Code;
use molink::router::Event;
use molink::router::event::Direction;
use molink::teletype::service::{Claim, Line, Place};
use molink::teletype::{CodeTable, Input, UnshiftOnSpace};
use molink::time::Instant;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::time::Duration;

/// A world with one message handed in after `accident`; runs an hour.
fn after(accident: impl FnOnce(&mut World)) -> World {
    let mut world = pair(5);
    world.submit(&name("washington"), draft("operator@washington", "operator@moscow", "FIRST"));
    assert!(world.run(hours(1), |w| filed(w, "moscow").len() == 1 && settled(w)));
    ["washington", "moscow"].iter().for_each(|s| world.kill(&name(s)));
    accident(&mut world);
    ["washington", "moscow"].iter().for_each(|s| world.start(&name(s)));
    world.submit(&name("washington"), draft("operator@washington", "operator@moscow", "SECOND"));
    let until = world.now() + Duration::from_secs(3600);
    world.run(until, |w| filed(w, "moscow").len() == 2 && settled(w));
    world
}
fn keys<'a>(world: &'a mut World, station: &str) -> &'a mut SimulatedKeys {
    world.keys(&end(station)).unwrap()
}
fn said(world: &World, sentence: &str) {
    let reasons: Vec<String> = world
        .trace()
        .iter()
        .filter_map(|e| match &e.event {
            Event::KeyTrouble { reason } | Event::Delayed { reason, .. } | Event::KeyBurned { reason, .. } => Some(reason.clone()),
            Event::Ignored { what } => Some(what.clone()),
            _ => None,
        })
        .collect();
    assert!(reasons.iter().any(|r| r.contains(sentence)), "`{sentence}` was not said:\n{}", reasons.join("\n"));
}
fn waits(world: &World) {
    assert_eq!(filed(world, "moscow"), ["FIRST"], "{}", world.trace_lines());
    assert!(!settled(world), "the message waits");
    key_is_used_once(world.trace()).unwrap();
}
fn went(world: &World) {
    assert_eq!(filed(world, "moscow"), ["FIRST", "SECOND"], "{}", world.trace_lines());
    key_is_used_once(world.trace()).unwrap();
}

#[test]
fn tapes_swapped_between_the_directions_are_named_and_the_message_waits() {
    over(Lines::Cipher, || {
        let world = after(|w| {
            let tapes = &mut keys(w, "washington").tapes;
            std::mem::swap(&mut tapes.send, &mut tapes.receive);
        });
        said(&world, "WASHINGTON calls up with tape 100002, and its twin does not hang here");
        said(&world, "MOSCOW is not ready: NO TAPE 100002");
        waits(&world);
    });
}

#[test]
fn another_tape_under_the_same_label_never_deciphers_and_the_message_waits() {
    over(Lines::Cipher, || {
        let world = after(|w| {
            let mut other = SimulatedKeys::new(999);
            other.tapes = keys(w, "moscow").tapes.clone();
            *keys(w, "moscow") = other;
        });
        said(&world, "while waiting for the receipt from MOSCOW");
        let lost = names(&world, "moscow").iter().filter(|e| **e == "step_lost").count();
        assert!(lost >= 3, "{lost}");
        waits(&world);
    });
}

#[test]
fn a_senders_tape_copied_back_from_a_backup_starts_where_the_receiver_has_read_to() {
    over(Lines::Cipher, || {
        let world = after(|w| keys(w, "washington").tapes.send[0].next = 0);
        said(&world, "WASHINGTON calls up from 0 of tape 100001, which was read here to 512; the line starts there");
        said(&world, "MOSCOW has read to here");
        went(&world);
    });
}

#[test]
fn a_receivers_tape_copied_back_reads_on_from_where_the_sender_is() {
    over(Lines::Cipher, || {
        let world = after(|w| keys(w, "moscow").tapes.receive[0].next = 0);
        went(&world);
    });
}

#[test]
fn an_answering_tape_copied_back_is_told_how_far_it_was_read() {
    over(Lines::Cipher, || {
        let world = after(|w| keys(w, "moscow").tapes.send[0].next = 0);
        said(&world, "WASHINGTON has read to here");
        went(&world);
    });
}

#[test]
fn a_twin_of_another_length_is_told_before_any_key_is_used() {
    over(Lines::Cipher, || {
        let world = after(|w| keys(w, "moscow").tapes.receive[0].characters = 600);
        said(&world, "whose twin here ends at 600");
        said(&world, "MOSCOW is not ready: TAPE 100001 ENDS AT 600 HERE");
        waits(&world);
    });
}

#[test]
fn a_tape_one_character_too_short_is_not_begun_and_the_next_one_is_taken_up() {
    over(Lines::Cipher, || {
        // What the second message needs: found by leaving less and less.
        let need = {
            let world = after(|_| {});
            let call = world.trace().iter().rev().find_map(|e| match &e.event {
                Event::Service { dir: Direction::Out, line, .. } if line.contains(" CALL ") => Some(line.clone()),
                _ => None,
            });
            let call = call.unwrap();
            call.split(' ').nth(8).unwrap().parse::<u64>().unwrap_or_else(|_| panic!("{call}"))
        };
        let short = |left: u64| {
            after(|w| {
                ["washington", "moscow"].iter().zip([true, false]).for_each(|(s, sends)| {
                    let tapes = &mut keys(w, s).tapes;
                    let tape = if sends { &mut tapes.send[0] } else { &mut tapes.receive[0] };
                    tape.characters = 512 + left;
                });
            })
        };
        went(&short(need));
        let mut world = short(need - 1);
        said(&world, &format!("have {} codes left and the message needs {need} in one piece; hang a new tape", need - 1));
        waits(&world);
        // A new pair is hung while both stations run: the message goes.
        let serial = world.hang_pair("cable", 0, 100_000);
        assert!(world.run(hours(8), |w| filed(w, "moscow").len() == 2 && settled(w)), "{}", world.trace_lines());
        went(&world);
        assert!(spans(world.trace()).iter().any(|(_, key, _)| key.tape == serial));
    });
}

#[test]
fn tapes_are_taken_up_in_turn_as_they_run_out() {
    over(Lines::Cipher, || {
        let mut world = pair(4);
        for way in 0..2 {
            for _ in 0..4 {
                world.hang_pair("cable", way, 900);
            }
        }
        for station in ["washington", "moscow"] {
            let tapes = &mut keys(&mut world, station).tapes;
            tapes.send.remove(0);
            tapes.receive.remove(0);
            world.kill(&name(station));
        }
        ["washington", "moscow"].iter().for_each(|s| world.start(&name(s)));
        for n in 0..10 {
            world.submit(&name("washington"), draft("operator@washington", "operator@moscow", &format!("NR {n}")));
        }
        // In the midst of it, each end in its turn forgets which tape it was at.
        for (station, filed_by_then) in [("washington", 4), ("moscow", 7)] {
            assert!(world.run(hours(3), |w| filed(w, "moscow").len() == filed_by_then), "{}", world.trace_lines());
            world.kill(&name(station));
            world.start(&name(station));
        }
        assert!(world.run(hours(3), |w| filed(w, "moscow").len() == 10 && settled(w)), "{}", world.trace_lines());
        let mut taken: Vec<u32> =
            spans(world.trace()).iter().filter(|(e, ..)| e.0 == name("washington")).map(|(_, key, _)| key.tape).collect();
        taken.dedup();
        assert!(taken.len() >= 3 && taken.is_sorted(), "{taken:?}");
        let low = names(&world, "washington").iter().filter(|e| **e == "key_low").count();
        assert!(low >= 1, "a warning comes before the last tape ends");
        key_is_used_once(world.trace()).unwrap();
    });
}

#[test]
fn a_jump_over_the_limit_waits_for_the_operator() {
    over(Lines::Cipher, || {
        let mut world = after(|w| keys(w, "washington").tapes.send[0].next = 1_000_000);
        said(&world, "more than 20000 further; see that it is the right tape, then `molink keys skip` it");
        waits(&world);
        world.kill(&name("moscow"));
        keys(&mut world, "moscow").tapes.receive[0].next = 1_000_000;
        world.start(&name("moscow"));
        assert!(world.run(hours(8), |w| filed(w, "moscow").len() == 2 && settled(w)));
        went(&world);
    });
}

#[test]
fn a_cable_without_key_leaves_its_messages_to_the_radio() {
    over(Lines::Cipher, || {
        let mut world = crate::world::pair_by_two_circuits(5);
        ["washington", "moscow"].iter().for_each(|s| world.kill(&name(s)));
        keys(&mut world, "moscow").tapes.receive.clear();
        ["washington", "moscow"].iter().for_each(|s| world.start(&name(s)));
        world.submit(&name("washington"), draft("operator@washington", "operator@moscow", "BY RADIO"));
        assert!(world.run(hours(1), |w| filed(w, "moscow").len() == 1 && settled(w)), "{}", world.trace_lines());
        assert_eq!(world.journal(&name("moscow")).unwrap().rows()[0].came_by.as_deref(), Some("radio"));
        said(&world, "its twin does not hang here");
        key_is_used_once(world.trace()).unwrap();
    });
}

#[test]
fn a_line_with_key_at_one_end_only_carries_nothing_and_says_why() {
    let world = |keyed: &str| {
        let text = include_str!("../../fixtures/scenarios/1963.toml");
        let mut scenario = molink::history::Scenario::parse("1963.toml", text).unwrap();
        scenario.timeline.clear();
        scenario.circuits.retain(|name, _| name == "cable");
        over(Lines::Cipher, || crate::lines::set(&mut scenario));
        let other = if keyed == "washington" { "moscow" } else { "washington" };
        let ports = scenario.stations.get_mut(&name(other)).unwrap().get_mut("port").unwrap().as_table_mut().unwrap();
        ports["cable"].as_table_mut().unwrap().remove("keys");
        let mut world = World::from_scenario(&scenario, Some(1)).unwrap();
        if keyed == "washington" {
            let keys = keys(&mut world, "washington");
            keys.hang(Copy::Send, 100_777, 5_000);
            keys.hang(Copy::Receive, 100_778, 5_000);
            ["washington", "moscow"].iter().for_each(|s| world.kill(&name(s)));
            ["washington", "moscow"].iter().for_each(|s| world.start(&name(s)));
        }
        world.submit(&name("washington"), draft("operator@washington", "operator@moscow", "SECRET"));
        world.run(hours(1), |_| false);
        assert!(filed(&world, "moscow").is_empty());
        world
    };
    said(&world("washington"), "MOSCOW is not ready: NO KEY TAPES ON THIS LINE");
    said(&world("moscow"), "MOSCOW is not ready: THIS LINE IS ENCIPHERED");
}

/// A pair after one message, and all that Washington sent for it.
fn recorded<'a>() -> (Pair<'a>, Vec<Code>) {
    let heard = std::rc::Rc::new(std::cell::RefCell::new(vec![]));
    let tap = heard.clone();
    let mut pair = Pair::new(UnshiftOnSpace::Unknown, move |span| {
        if span.side == W {
            tap.borrow_mut().extend(span.codes.iter().copied());
        }
        None
    });
    pair.deliver(W, 1, "A SECRET");
    pair.run(600);
    assert_eq!(pair.ends[M].texts, ["A SECRET"]);
    let codes = heard.borrow().clone();
    (pair, codes)
}

#[test]
fn a_recorded_line_replayed_at_the_receiver_is_not_read() {
    over(Lines::Cipher, || {
        let (mut pair, codes) = recorded();
        let before = pair.log.len();
        pair.now = Instant(700_000_000);
        pair.input(M, Input::Received(codes));
        pair.run(2_000);
        let log = pair.log[before..].join("\n");
        assert_eq!(pair.ends[M].texts, ["A SECRET"], "{log}");
        assert!(log.contains("WASHINGTON DE MOSCOW READY 1 KEY 100001 1"), "the place it has read to is named: {log}");
        assert!(
            log.contains("from 0 of tape 100001, which was read here to 1") && log.contains("a recording, or its tape was copied back"),
            "{log}"
        );
        assert!(!log.contains("files") && !log.contains("RECEIVED WASHINGTON"), "{log}");
    });
}

#[test]
fn a_far_end_that_claims_a_lower_position_is_told_the_higher_and_not_read_below_it() {
    over(Lines::Cipher, || {
        let (mut pair, _) = recorded();
        let before = pair.log.len();
        pair.now = Instant(700_000_000);
        let claim = Claim { from: Place::new(100_001, 3), count: 200, read: Place::new(100_002, 0) };
        let (to, from) = (Some("moscow".parse().unwrap()), "washington".parse().unwrap());
        pair.hears(M, &Line::Call { to, from, no: 9, code: CodeTable::Ita2, key: Some(claim) });
        pair.run(720);
        pair.hears(M, &Line::Key { from: Place::new(100_001, 3), count: 200 });
        pair.input(M, Input::Received(vec![Code::new(7); 200]));
        pair.run(2_000);
        let log = pair.log[before..].join("\n");
        assert!(log.contains("calls up from 3 of tape 100001, which was read here to 1"), "{log}");
        assert!(log.contains("READY 9 KEY 100001 1") && log.contains("it is not read"), "{log}");
        assert_eq!(pair.ends[M].texts, ["A SECRET"]);
    });
}

#[test]
fn endless_cipher_after_its_announcement_is_bounded_and_told() {
    over(Lines::Cipher, || {
        let (mut pair, _) = recorded();
        pair.now = Instant(700_000_000);
        let place = Place::new(100_001, 2_000);
        let claim = Claim { from: place, count: 400, read: Place::new(100_002, 0) };
        let (to, from) = (Some("moscow".parse().unwrap()), "washington".parse().unwrap());
        pair.hears(M, &Line::Call { to, from, no: 9, code: CodeTable::Ita2, key: Some(claim) });
        pair.run(720);
        pair.hears(M, &Line::Key { from: place, count: 400 });
        let key = pair.ends[M].keys.key(100_001, 2_000, 5);
        let start = molink::teletype::wire::START.iter().zip(key).map(|(c, k)| Code::new(c.value() ^ k.value())).collect();
        pair.input(M, Input::Received(start));
        let mut random = Xoshiro256PlusPlus::seed_from_u64(9);
        for n in 0..500 {
            let codes = (0..100).map(|_| Code::new(random.next_u32() as u8 % 31)).collect();
            pair.at(Instant(721_000_000 + n * 1_000_000), M, Input::Received(codes));
        }
        pair.run(3_000);
        let log = pair.log.join("\n");
        assert!(log.contains("moscow is out of step") && log.contains("M> NOT RECEIVED 9 STEP"), "{log}");
        assert_eq!(log.matches("M> NOT RECEIVED").count(), 1, "{log}");
        assert_eq!(pair.ends[M].texts, ["A SECRET"]);
    });
}

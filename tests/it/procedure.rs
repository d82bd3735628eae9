//! The teletype procedure between two terminals: every line lost, every code damaged, every crossing.

use crate::lines::both_lines;
use crate::pair::{Fate, M, Pair, Span, W, delivery};
use molink::line::Code;
use molink::machine::Machine;
use molink::router::{Event, Fault, Outcome, Reason, Verdict};
use molink::teletype::service::Line;
use molink::teletype::wire::{START, compose};
use molink::teletype::{Input, Output, Terminal, UnshiftOnSpace};
use molink::time::Instant;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const TEXT: &str = "THE QUICK BROWN FOX JUMPED OVER\nTHE LAZY DOG'S BACK 1234567890";

fn delivered(pair: &Pair, side: usize, number: u64) -> bool {
    matches!(pair.ends[side].outcomes.as_slice(), [(n, Outcome::Delivered(_))] if *n == number)
}
fn told(pair: &Pair) -> String {
    pair.log.join("\n")
}
/// Damages the first span of `side` whose text begins so.
fn once(side: usize, begins: &'static str, fate: Fate) -> impl FnMut(&mut Span) -> Option<Fate> {
    let mut left = 1;
    move |span| {
        let hit = left > 0 && span.side == side && span.text.starts_with(begins);
        left -= i32::from(hit);
        hit.then_some(fate)
    }
}
fn fragments(pair: &Pair, side: usize) -> Vec<String> {
    let text = |e: &Event| if let Event::Fragment { text, .. } = e { Some(text.clone()) } else { None };
    pair.ends[side].events.iter().filter_map(text).collect()
}

both_lines!(messages_cross_both_ways_at_once_in_all_three_settings);
fn messages_cross_both_ways_at_once_in_all_three_settings() {
    for setting in [UnshiftOnSpace::Unknown, UnshiftOnSpace::No, UnshiftOnSpace::Yes] {
        let mut pair = Pair::new(setting, |_| None);
        pair.deliver(W, 1, TEXT);
        pair.deliver(M, 1, "RYRYRY 2");
        pair.run(600);
        assert!(delivered(&pair, W, 1) && delivered(&pair, M, 1), "{}", told(&pair));
        assert_eq!((&pair.ends[M].texts, &pair.ends[W].texts), (&vec![TEXT.to_string()], &vec!["RYRYRY 2".to_string()]));
        // Full duplex: together they take little longer than the longer one alone.
        let both = pair.now;
        let mut alone = Pair::new(setting, |_| None);
        alone.deliver(W, 1, TEXT);
        alone.run(600);
        assert!(both.micros() < alone.now.micros() + 30_000_000, "{both:?} {:?}", alone.now);
    }
}

both_lines!(with_nothing_to_do_a_terminal_does_nothing);
fn with_nothing_to_do_a_terminal_does_nothing() {
    let pair = Pair::clean();
    assert_eq!(pair.ends.each_ref().map(|e| e.terminal.deadline()), [None, None]);
    let mut pair = Pair::clean();
    pair.deliver(W, 1, TEXT);
    pair.run(600);
    assert_eq!(pair.ends.each_ref().map(|e| e.terminal.deadline()), [None, None], "{}", told(&pair));
}

both_lines!(each_service_line_lost_is_made_good_and_the_message_filed_once);
fn each_service_line_lost_is_made_good_and_the_message_filed_once() {
    for (side, line) in [(W, "MOSCOW DE"), (M, "WASHINGTON DE"), (M, "RECEIVED")] {
        let mut pair = Pair::new(UnshiftOnSpace::Unknown, once(side, line, Fate::Lost));
        pair.deliver(W, 1, TEXT);
        pair.run(900);
        assert!(delivered(&pair, W, 1), "{line}: {}", told(&pair));
        assert_eq!(pair.ends[M].texts, [TEXT], "{line}");
    }
}

both_lines!(a_lost_receipt_is_followed_by_received_before);
fn a_lost_receipt_is_followed_by_received_before() {
    let mut pair = Pair::new(UnshiftOnSpace::Unknown, once(M, "RECEIVED", Fate::Lost));
    pair.deliver(W, 1, TEXT);
    pair.run(900);
    let Outcome::Delivered(receipt) = &pair.ends[W].outcomes[0].1 else { panic!("{}", told(&pair)) };
    assert!(receipt.before && receipt.text.starts_with("RECEIVED BEFORE WASHINGTON 01 301600Z AUG 63 "));
    assert_eq!(receipt.station.as_str(), "moscow");
}

both_lines!(a_flip_in_the_text_is_not_received_and_sent_again);
fn a_flip_in_the_text_is_not_received_and_sent_again() {
    let mut pair = Pair::new(UnshiftOnSpace::Unknown, once(W, "| THE QUICK", Fate::Flipped(9)));
    pair.deliver(W, 1, TEXT);
    pair.run(900);
    assert!(delivered(&pair, W, 1) && pair.ends[M].texts == [TEXT], "{}", told(&pair));
    assert!(told(&pair).contains("M> NOT RECEIVED 1 CHECK"), "{}", told(&pair));
}

// Every code of the message, flipped, dropped or doubled in its turn.
both_lines!(damage_to_any_code_of_a_message_leaves_it_intact_and_filed_once);
fn damage_to_any_code_of_a_message_leaves_it_intact_and_filed_once() {
    let d = delivery(W, 1, "A 1");
    let wire =
        compose(&d, &"washington".parse().unwrap(), &"moscow".parse().unwrap(), molink::teletype::CodeTable::Ita2, UnshiftOnSpace::Unknown)
            .unwrap();
    for at in 0..wire.codes.len() {
        for fate in [Fate::Flipped, Fate::Dropped, Fate::Doubled] {
            let (mut passed, mut done) = (0, false);
            let mut pair = Pair::new(UnshiftOnSpace::Unknown, move |span| {
                let mine = span.side == W && span.text.starts_with('|') && !done;
                let from = passed;
                passed += if mine { span.codes.len() } else { 0 };
                (mine && (from..passed).contains(&at)).then(|| {
                    done = true;
                    fate(at - from)
                })
            });
            pair.deliver(W, 1, "A 1");
            pair.run(2000);
            assert!(delivered(&pair, W, 1) && pair.ends[M].texts == ["A 1"], "{at}: {}", told(&pair));
        }
    }
}

both_lines!(two_hundred_noisy_lines_deliver_intact_and_once_or_give_back);
fn two_hundred_noisy_lines_deliver_intact_and_once_or_give_back() {
    let (mut arrived, mut damaged) = (0, 0);
    for seed in 0..200 {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut hits = 0;
        let mut pair = Pair::new(UnshiftOnSpace::Unknown, |span| {
            let at = rng.next_u32() as usize % span.codes.len();
            let hit = rng.next_u32().is_multiple_of(20);
            hits += u32::from(hit);
            hit.then(|| match rng.next_u32() % 4 {
                0 => Fate::Lost,
                1 => Fate::Flipped(at),
                2 => Fate::Dropped(at),
                _ => Fate::Doubled(at),
            })
        });
        pair.deliver(W, 1, TEXT);
        pair.deliver(M, 1, "NYET 5");
        pair.run(5000);
        for (side, text) in [(W, TEXT), (M, "NYET 5")] {
            let filed = &pair.ends[1 - side].texts;
            assert_eq!(pair.ends[side].outcomes.len(), 1, "seed {seed}: {}", told(&pair));
            assert!(filed.is_empty() || *filed == [text], "seed {seed}: {}", told(&pair));
            if delivered(&pair, side, 1) {
                assert_eq!(*filed, [text], "seed {seed}");
                arrived += 1;
            }
        }
        drop(pair);
        damaged += hits;
    }
    assert!(arrived > 350 && damaged > 300, "{arrived} arrived, {damaged} spans damaged");
}

both_lines!(no_answer_to_three_call_ups_defers_with_the_line_at_fault);
fn no_answer_to_three_call_ups_defers_with_the_line_at_fault() {
    let mut pair = Pair::new(UnshiftOnSpace::Unknown, |span| (span.side == W).then_some(Fate::Lost));
    pair.deliver(W, 1, TEXT);
    pair.run(600);
    let Outcome::Deferred(reason) = &pair.ends[W].outcomes[0].1 else { panic!("{}", told(&pair)) };
    assert_eq!(reason.fault, Fault::Line);
    assert_eq!(reason.text, "while waiting for READY from MOSCOW: no answer to 3 call-ups");
    assert!(pair.ends[W].events.iter().any(|e| matches!(e, Event::LineDown { .. })));
    let calls: Vec<&String> = pair.log.iter().filter(|l| l.contains("W> MOSCOW DE WASHINGTON CALL")).collect();
    assert_eq!(calls.len(), 3);
    assert!(calls[2].contains("CALL 3"));
}

both_lines!(three_transmissions_without_a_full_receipt_defer);
fn three_transmissions_without_a_full_receipt_defer() {
    let mut pair = Pair::new(UnshiftOnSpace::Unknown, |span| (span.side == M && span.text.starts_with("REC")).then_some(Fate::Lost));
    pair.deliver(W, 1, TEXT);
    pair.run(1200);
    let Outcome::Deferred(reason) = &pair.ends[W].outcomes[0].1 else { panic!("{}", told(&pair)) };
    assert!(reason.text.contains("3 transmissions") && reason.text.contains("MOSCOW"), "{}", reason.text);
    assert_eq!(pair.ends[M].texts, [TEXT]);
}

both_lines!(refused_is_final_and_names_the_reason);
fn refused_is_final_and_names_the_reason() {
    let mut pair = Pair::clean();
    pair.ends[M].verdicts.push(Verdict::Refused(Reason::new(Fault::Us, "unknown desk `chairmann`; known: chairman")));
    pair.deliver(W, 1, TEXT);
    pair.run(600);
    let Outcome::Refused(reason) = &pair.ends[W].outcomes[0].1 else { panic!("{}", told(&pair)) };
    assert_eq!((reason.fault, reason.text.as_str()), (Fault::Peer, "MOSCOW refused it: UNKNOWN DESK CHAIRMANN, KNOWN: CHAIRMAN"));
    assert!(pair.ends[M].texts.is_empty());
}

both_lines!(a_busy_far_end_defers_with_the_peer_at_fault);
fn a_busy_far_end_defers_with_the_peer_at_fault() {
    let mut pair = Pair::clean();
    pair.ends[M].verdicts.push(Verdict::TryLater(Reason::new(Fault::Us, "disk full")));
    pair.deliver(W, 1, TEXT);
    pair.run(600);
    assert!(matches!(&pair.ends[W].outcomes[0].1, Outcome::Deferred(r) if r.fault == Fault::Peer), "{}", told(&pair));
}

both_lines!(a_call_off_in_mid_text_cuts_and_leaves_a_fragment);
fn a_call_off_in_mid_text_cuts_and_leaves_a_fragment() {
    let mut pair = Pair::clean();
    pair.deliver(W, 1, &format!("{TEXT}\n{TEXT}"));
    assert!(pair.run_until(600, |p| told(p).contains("| THE LAZY")));
    pair.at(pair.now + std::time::Duration::from_secs(2), W, Input::CallOff(1));
    pair.deliver(W, 2, "FLASH");
    pair.run(900);
    let [(1, Outcome::CalledOff { at }), (2, Outcome::Delivered(_))] = pair.ends[W].outcomes.as_slice() else { panic!("{}", told(&pair)) };
    assert!(at.starts_with("after ") && at.ends_with(" codes"), "{at}");
    assert_eq!(pair.ends[M].texts, ["FLASH"]);
    let fragments = fragments(&pair, M);
    assert!(fragments.len() == 1 && fragments[0].contains("QUICK BROWN"), "{fragments:?}");
    assert!(!told(&pair).contains("NOT RECEIVED"), "{}", told(&pair));
}

both_lines!(a_call_off_before_the_heading_ends_at_once);
fn a_call_off_before_the_heading_ends_at_once() {
    let mut pair = Pair::clean();
    pair.deliver(W, 1, TEXT);
    pair.deliver(W, 2, TEXT);
    pair.input(W, Input::CallOff(2));
    pair.input(W, Input::CallOff(1));
    pair.input(W, Input::CallOff(77));
    pair.run(600);
    let kinds: Vec<u64> = pair.ends[W].outcomes.iter().map(|(n, o)| if matches!(o, Outcome::CalledOff { .. }) { *n } else { 99 }).collect();
    assert_eq!(kinds, [2, 1], "{}", told(&pair));
}

both_lines!(a_receipt_that_crosses_a_call_off_wins);
fn a_receipt_that_crosses_a_call_off_wins() {
    // The call-off comes when all is out and the receipt is on its way.
    let mut pair = Pair::clean();
    pair.deliver(W, 1, TEXT);
    assert!(pair.run_until(600, |p| told(p).contains("M> RECEIVED")));
    pair.input(W, Input::CallOff(1));
    pair.run(600);
    assert!(delivered(&pair, W, 1), "{}", told(&pair));
    // The first receipt is late (lost on the way, said again by hand) and comes in mid-text of the second transmission.
    let mut pair = Pair::new(UnshiftOnSpace::Unknown, once(M, "RECEIVED", Fate::Lost));
    pair.deliver(W, 1, TEXT);
    assert!(pair.run_until(600, |p| told(p).matches("| THE QUICK").count() == 2));
    let said = pair.log.iter().find_map(|l| l.split_once("M> RECEIVED ")).unwrap().1.trim_end_matches("   -- lost").to_owned();
    let line = Line::read(&format!("RECEIVED {said}"), molink::time::Utc(0)).unwrap();
    let soon = pair.now + std::time::Duration::from_millis(70); // within its first code
    pair.at(soon, W, Input::CallOff(1));
    let codes = pair.as_sent_to(W, &line);
    pair.at(soon, W, Input::Received(codes));
    pair.run(600);
    assert!(delivered(&pair, W, 1), "{}", told(&pair));
    assert_eq!(pair.ends[M].texts, [TEXT]);
}

both_lines!(a_call_off_after_all_is_out_waits_for_the_receipt_and_no_longer);
fn a_call_off_after_all_is_out_waits_for_the_receipt_and_no_longer() {
    let mut pair = Pair::new(UnshiftOnSpace::Unknown, |span| (span.text.starts_with("REC")).then_some(Fate::Lost));
    pair.deliver(W, 1, TEXT);
    assert!(pair.run_until(600, |p| told(p).contains("M> RECEIVED")));
    pair.input(W, Input::CallOff(1));
    pair.run(600);
    assert!(matches!(&pair.ends[W].outcomes[..], [(1, Outcome::CalledOff { at })] if at.contains("no receipt")), "{}", told(&pair));
    assert_eq!(told(&pair).matches("CALL").count(), 1);
}

both_lines!(a_sender_that_restarts_in_mid_message_is_answered_and_its_fragment_shown);
fn a_sender_that_restarts_in_mid_message_is_answered_and_its_fragment_shown() {
    let mut pair = Pair::clean();
    pair.deliver(W, 1, TEXT);
    assert!(pair.run_until(600, |p| told(p).contains("| THE LAZY")));
    pair.restart(W);
    pair.deliver(W, 1, TEXT);
    pair.run(900);
    assert!(delivered(&pair, W, 1), "{}", told(&pair));
    assert_eq!((pair.ends[M].texts.len(), fragments(&pair, M).len()), (1, 1), "{}", told(&pair));
}

both_lines!(a_receiver_that_restarts_in_mid_message_gets_it_again);
fn a_receiver_that_restarts_in_mid_message_gets_it_again() {
    let mut pair = Pair::clean();
    pair.deliver(W, 1, TEXT);
    assert!(pair.run_until(600, |p| told(p).contains("| THE LAZY")));
    pair.restart(M);
    pair.run(900);
    assert!(delivered(&pair, W, 1) && pair.ends[M].texts == [TEXT], "{}", told(&pair));
}

both_lines!(answers_to_what_was_not_asked_change_nothing);
fn answers_to_what_was_not_asked_change_nothing() {
    for body in [
        "WASHINGTON DE MOSCOW READY 99",
        "RECEIVED WASHINGTON 09 301600Z AUG 63 132 KXQPB",
        "RECEIVED BEFORE WASHINGTON 01 301600Z AUG 63 1 AAAAA",
        "REFUSED WASHINGTON 01 301600Z AUG 63 1 AAAAA NO",
        "NOT RECEIVED 99 CHECK",
        "PARIS DE MOSCOW CALL 1",
        "WASHINGTON DE PARIS CALL 1",
        "WASHINGTON DE WASHINGTON CALL 1",
        "WASHINGTON DE PARIS READY 1",
    ] {
        let line = Line::read(body, "1963-08-30T16:00:00Z".parse().unwrap()).unwrap();
        for moment in ["W> MOSCOW", "| THE QUICK", "M> RECEIVED"] {
            let mut pair = Pair::clean();
            pair.hears(W, &line);
            pair.deliver(W, 1, TEXT);
            assert!(pair.run_until(600, |p| told(p).contains(moment)));
            pair.hears(W, &line);
            pair.run(600);
            assert!(delivered(&pair, W, 1), "{body}: {}", told(&pair));
            assert_eq!(told(&pair).matches("washington ignores").count(), 2, "{body}: {}", told(&pair));
            // An enciphered line that was not said by the far end moves our reader on: the next call-up tells it so.
            let calls = told(&pair).matches("W> MOSCOW DE WASHINGTON CALL").count();
            assert!(calls == 1 || (calls == 2 && crate::lines::cipher() && line.answers_a_message()), "{body}: {}", told(&pair));
        }
    }
}

both_lines!(a_receipt_with_another_count_or_check_does_not_end_the_delivery);
fn a_receipt_with_another_count_or_check_does_not_end_the_delivery() {
    let mut pair = Pair::new(UnshiftOnSpace::Unknown, once(M, "RECEIVED", Fate::Lost));
    pair.deliver(W, 1, TEXT);
    assert!(pair.run_until(600, |p| told(p).contains("M> RECEIVED")));
    let wrong = Line::read("RECEIVED WASHINGTON 01 301600Z AUG 63 132 KXQPB", "1963-08-30T16:00:00Z".parse().unwrap()).unwrap();
    pair.hears(W, &wrong);
    assert!(pair.run_until(600, |p| told(p).contains("fits nothing that waits")));
    assert!(pair.ends[W].outcomes.is_empty());
    pair.run(900);
    assert!(delivered(&pair, W, 1));
}

both_lines!(a_million_codes_of_garbage_before_a_call_up_leave_no_trace);
fn a_million_codes_of_garbage_before_a_call_up_leave_no_trace() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(6);
    let mut pair = Pair::clean();
    let terminal: &mut Terminal = &mut pair.ends[M].terminal;
    let mut outputs = 0;
    for _ in 0..10_000 {
        let codes: Vec<Code> = (0..100).map(|_| Code::new(rng.next_u32() as u8)).collect();
        outputs += terminal.handle(Instant(1), Input::Received(codes)).len();
    }
    assert_eq!((outputs, terminal.deadline()), (0, None));
    pair.deliver(W, 1, TEXT);
    pair.run(600);
    assert!(delivered(&pair, W, 1), "{}", told(&pair));
}

#[test]
fn endless_codes_after_a_ready_answer_are_bounded() {
    let call = Line::Call { to: None, from: "moscow".parse().unwrap(), no: 5, code: molink::teletype::CodeTable::Ita2, key: None }
        .codes(UnshiftOnSpace::Unknown);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    for start in [&START[..], &[]] {
        let mut pair = Pair::clean();
        let terminal: &mut Terminal = &mut pair.ends[W].terminal;
        let mut now = Instant(1);
        terminal.handle(now, Input::Received(call.clone()));
        terminal.handle(now, Input::Transmitted);
        terminal.handle(now, Input::Received(start.to_vec()));
        let mut said = vec![];
        for _ in 0..10_000 {
            // No letters shift, so that no end, cut or service line comes about.
            let codes: Vec<Code> = (0..100).map(|_| Code::new(rng.next_u32() as u8 % 31)).collect();
            now = Instant(now.0 + 1_000_000);
            let outputs = terminal.handle(now, Input::Received(codes)).into_iter().chain(terminal.tick(now));
            said.extend(outputs.filter_map(|o| match o {
                Output::Event { event: Event::Service { line, .. }, .. } => Some(line),
                _ => None,
            }));
        }
        let expected = if start.is_empty() { "NOT RECEIVED 5 HEADING" } else { "NOT RECEIVED 5 LONG" };
        assert_eq!(said, [expected]);
    }
}

both_lines!(a_message_falls_silent_and_is_asked_for_again);
fn a_message_falls_silent_and_is_asked_for_again() {
    // The end sequence with its line is lost.
    let mut pair = Pair::new(UnshiftOnSpace::Unknown, once(W, "| CFM", Fate::Lost));
    pair.deliver(W, 1, TEXT);
    pair.run(900);
    assert!(delivered(&pair, W, 1) && pair.ends[M].texts == [TEXT], "{}", told(&pair));
    assert!(told(&pair).contains("M> NOT RECEIVED 1 IDLE"), "{}", told(&pair));
    assert_eq!(fragments(&pair, M).len(), 1);
}

both_lines!(a_lost_device_defers_what_is_in_hand_and_what_comes_until_it_is_back);
fn a_lost_device_defers_what_is_in_hand_and_what_comes_until_it_is_back() {
    let mut pair = Pair::clean();
    pair.deliver(W, 1, TEXT);
    assert!(pair.run_until(600, |p| told(p).contains("| THE QUICK")));
    pair.restart(M);
    let outputs = pair.ends[W].terminal.handle(pair.now, Input::LineLost("hung up".into()));
    let reports = |outputs: &[Output]| outputs.iter().filter(|o| matches!(o, Output::Report { outcome: Outcome::Deferred(_), .. })).count();
    assert_eq!(reports(&outputs), 1);
    let later = pair.ends[W].terminal.handle(pair.now, Input::Deliver(delivery(W, 2, "X")));
    assert_eq!((later.len(), reports(&later)), (1, 1));
    assert_eq!(pair.ends[W].terminal.deadline(), None);
    let mut fresh = Pair::clean();
    fresh.input(W, Input::LineLost("hung up".into()));
    fresh.input(W, Input::LineBack);
    fresh.deliver(W, 1, TEXT);
    fresh.run(600);
    assert!(delivered(&fresh, W, 1));
}

both_lines!(a_stop_in_mid_message_cuts_it_and_ends);
fn a_stop_in_mid_message_cuts_it_and_ends() {
    let mut pair = Pair::clean();
    pair.deliver(W, 1, TEXT);
    assert!(pair.run_until(600, |p| told(p).contains("| THE QUICK")));
    let asked = pair.now;
    pair.input(W, Input::Stop);
    assert!(pair.run_until(600, |p| p.ends[W].stopped));
    assert!(pair.now.since(asked).as_millis() < 2_500, "{:?}", pair.now.since(asked));
    pair.run(900);
    assert!(matches!(pair.ends[W].outcomes[..], [(1, Outcome::Deferred(_))]), "{}", told(&pair));
    assert_eq!((fragments(&pair, M).len(), pair.ends[M].texts.len()), (1, 0));
    let mut idle = Pair::clean();
    idle.input(W, Input::Stop);
    idle.run(1);
    assert!(idle.ends[W].stopped && told(&idle).matches("stopped").count() == 1);
}

both_lines!(without_a_configured_peer_the_name_is_learnt);
fn without_a_configured_peer_the_name_is_learnt() {
    let mut pair = Pair::clean();
    for side in [W, M] {
        let config = molink::teletype::Config { peer: None, ..crate::pair::config(side, UnshiftOnSpace::Unknown) };
        pair.ends[side].terminal = crate::pair::hung(config, &pair.ends[side].keys);
    }
    pair.deliver(W, 1, TEXT);
    pair.run(600);
    pair.now = Instant(600_000_000);
    pair.deliver(M, 1, TEXT);
    pair.run(1200);
    assert!(delivered(&pair, W, 1) && delivered(&pair, M, 1), "{}", told(&pair));
    assert!(told(&pair).contains("W> CQ DE WASHINGTON CALL 1") && told(&pair).contains("M> WASHINGTON DE MOSCOW CALL 1"));
}

both_lines!(timers_run_out_also_under_a_flood_that_never_lets_the_clock_tick);
fn timers_run_out_also_under_a_flood_that_never_lets_the_clock_tick() {
    let mut pair = Pair::clean();
    let terminal: &mut Terminal = &mut pair.ends[W].terminal;
    let mut outputs = terminal.handle(Instant(0), Input::Deliver(delivery(W, 1, TEXT)));
    for second in 1..120 {
        let now = Instant(second * 1_000_000);
        outputs.extend(terminal.handle(now, Input::Transmitted));
        outputs.extend(terminal.handle(now, Input::Received(vec![Code::new(1); 1000])));
    }
    assert!(outputs.iter().any(|o| matches!(o, Output::Report { outcome: Outcome::Deferred(_), .. })));
}

both_lines!(no_service_line_goes_out_inside_a_message);
fn no_service_line_goes_out_inside_a_message() {
    // Moscow calls while Washington sends a long text: the answer waits for its end, and Moscow waits for the answer.
    let long = format!("{TEXT}\n").repeat(20);
    let mut pair = Pair::clean();
    pair.deliver(W, 1, long.trim_end());
    assert!(pair.run_until(600, |p| told(p).contains("| THE QUICK")));
    pair.deliver(M, 1, "NYET");
    pair.run(2000);
    assert!(delivered(&pair, W, 1) && delivered(&pair, M, 1), "{}", told(&pair));
    let spans: Vec<&str> = pair.log.iter().filter_map(|l| l.split_once("W> ")).map(|(_, said)| said).collect();
    let (start, end) = (spans.iter().position(|s| s.contains("ZCZC")).unwrap(), spans.iter().position(|s| s.contains("NNNN")).unwrap());
    assert!(end > start + 40 && spans[start..=end].iter().all(|s| s.starts_with('|')), "{spans:?}");
    assert_eq!(told(&pair).matches("M> WASHINGTON DE MOSCOW CALL").count(), 1, "{}", told(&pair));
}

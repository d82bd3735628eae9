//! What hostile input found out (`tests/fuzz`), each as a case of its own: a forged line, a stranger's call, a device that is ahead, tapes at
//! their end, a tape taken away.

use crate::lines::{Lines, over};
use crate::pair::{CODE, M, Pair, W, config, delivery, hung};
use molink::history::keys::SimulatedKeys;
use molink::key::Copy;
use molink::line::Code;
use molink::machine::Machine;
use molink::router::event::{Direction, KeySpan};
use molink::router::{Event, Outcome};
use molink::teletype::service::{Claim, Line, Place};
use molink::teletype::{CodeTable, Input, Output, UnshiftOnSpace};
use molink::time::Instant;

const TEXT: &str = "THE QUICK BROWN FOX JUMPED OVER\nTHE LAZY DOG'S BACK 1234567890";

/// A pair whose tapes have so many characters; after the first pair of each way there is a long one.
fn with_tapes<'a>(characters: u64) -> Pair<'a> {
    let mut pair = Pair::clean();
    for side in [W, M] {
        let mut keys = SimulatedKeys::new(1963);
        for (sender, serial) in [(W, 100_001), (M, 100_002)] {
            let copy = if side == sender { Copy::Send } else { Copy::Receive };
            keys.hang(copy, serial, characters);
            keys.hang(copy, serial + 2, 100_000);
        }
        pair.ends[side].keys = keys;
        pair.hang(side);
    }
    pair
}
fn delivered(pair: &Pair, side: usize) -> usize {
    pair.ends[side].outcomes.iter().filter(|(_, o)| matches!(o, Outcome::Delivered(_))).count()
}
fn count(pair: &Pair, side: usize, one: impl Fn(&Event) -> bool) -> usize {
    pair.ends[side].events.iter().filter(|e| one(e)).count()
}
fn lost(event: &Event) -> bool {
    matches!(event, Event::StepLost { .. })
}
fn at(seconds: u64) -> Instant {
    Instant(seconds * 1_000_000)
}

#[test]
fn cipher_of_no_codes_is_ignored() {
    over(Lines::Cipher, || {
        let mut pair = Pair::clean();
        pair.hears(W, &Line::Key { from: Place::new(100_002, 0), count: 0 });
        pair.input(W, Input::Received(vec![Code::new(5); 40]));
        pair.deliver(M, 1, TEXT);
        pair.run(900);
        assert_eq!((delivered(&pair, M), count(&pair, W, lost)), (1, 0), "{}", pair.log.join("\n"));
    });
}

#[test]
fn a_call_up_in_mid_message_at_a_tapes_end_leaves_that_message_its_tape() {
    over(Lines::Cipher, || {
        let mut pair = with_tapes(420); // so that in mid-message too little for an answer is left
        pair.deliver(W, 1, TEXT);
        pair.at(at(38), M, Input::Deliver(delivery(M, 1, "CROSSING")));
        pair.run(900);
        assert_eq!([delivered(&pair, W), delivered(&pair, M)], [1, 1], "{}", pair.log.join("\n"));
        println!("{}", pair.log.join("\n"));
        assert_eq!([count(&pair, M, lost), count(&pair, W, lost)], [0, 0], "{}", pair.log.join("\n"));
    });
}

#[test]
fn a_forged_call_up_in_mid_message_does_not_move_the_tape_that_is_being_sent_with() {
    over(Lines::Cipher, || {
        let mut pair = Pair::clean();
        pair.deliver(W, 1, TEXT);
        pair.run_until(40, |p| p.now >= at(40));
        let key = Some(Claim { from: Place::new(100_002, 0), count: 5, read: Place::new(100_001, 9_000) });
        let (to, from) = (Some("washington".parse().unwrap()), "moscow".parse().unwrap());
        pair.hears(W, &Line::Call { to, from, no: 7, code: CodeTable::Ita2, key });
        pair.run(900);
        assert_eq!((delivered(&pair, W), count(&pair, M, lost)), (1, 0), "{}", pair.log.join("\n"));
    });
}

#[test]
fn a_strangers_call_in_mid_message_never_opens_it_to_clear_text() {
    over(Lines::Cipher, || {
        let mut pair = Pair::clean();
        pair.deliver(W, 1, TEXT);
        pair.run_until(40, |p| p.now >= at(40));
        let (to, from) = (Some("paris".parse().unwrap()), "rome".parse().unwrap());
        pair.hears(M, &Line::Call { to, from, no: 7, code: CodeTable::Ita2, key: None });
        let clear: Vec<Code> = [0x10, 0x14, 0x01].iter().cycle().take(60).map(|c| Code::new(*c)).collect();
        pair.input(M, Input::Received(clear));
        pair.run(900);
        let printed = |e: &Event| matches!(e, Event::Characters { dir: Direction::In, text } if text.contains("THETHE"));
        assert_eq!((count(&pair, M, printed), count(&pair, M, lost)), (0, 1), "{}", pair.log.join("\n"));
        assert_eq!((delivered(&pair, W), &pair.ends[M].texts), (1, &vec![TEXT.to_owned()]));
    });
}

#[test]
fn a_reader_that_was_burned_to_its_tapes_end_takes_both_ends_to_the_next_tape() {
    over(Lines::Cipher, || {
        for killed in [W, M] {
            let mut pair = with_tapes(520);
            pair.deliver(W, 1, "A");
            pair.run(300);
            pair.restart(killed); // the rest of the block that was reserved is burned: all of the tape
            pair.hang(W);
            pair.hang(M);
            for number in 2..5 {
                pair.deliver(W, number, "B");
                pair.run(600 * u64::from(number));
            }
            assert_eq!(delivered(&pair, W), 4, "killed {killed}: {}", pair.log.join("\n"));
        }
    });
}

#[test]
fn a_message_whose_tape_is_taken_away_is_given_back() {
    over(Lines::Cipher, || {
        let mut pair = Pair::clean();
        pair.deliver(W, 1, &TEXT.repeat(10));
        pair.run_until(40, |p| p.now >= at(40));
        pair.ends[W].keys.tapes.send.clear();
        pair.hang(W);
        pair.run(900);
        let [(1, Outcome::Deferred(reason))] = pair.ends[W].outcomes.as_slice() else { panic!("{}", pair.log.join("\n")) };
        assert_eq!(reason.text, "the key tape that was being sent with has been taken away");
    });
}

#[test]
fn nothing_is_sent_by_an_end_that_has_stopped() {
    for lines in [Lines::Clear, Lines::Cipher] {
        over(lines, || {
            let mut pair = Pair::clean();
            pair.deliver(W, 1, "A");
            pair.deliver(M, 1, &TEXT.repeat(5));
            assert!(pair.run_until(300, |p| p.ends[M].filed.len() == 1));
            pair.input(M, Input::Stop); // the answer to what was filed comes while its own message is being cut
            pair.run(900);
            let after = pair.log.iter().skip_while(|l| !l.ends_with("moscow stopped")).filter(|l| l.contains(" M> ")).count();
            assert!(pair.ends[M].stopped && after == 0, "{}", pair.log.join("\n"));
        });
    }
}

/// Where the next span sent is enciphered from, and whether something was sent at all.
fn spans(outputs: &[Output]) -> Vec<KeySpan> {
    let key = |o: &Output| if let Output::Event { event: Event::Transmission { key, .. }, .. } = o { *key } else { None };
    outputs.iter().filter_map(key).collect()
}

#[test]
fn a_cut_goes_on_where_the_line_stopped_though_the_device_was_told_more() {
    over(Lines::Cipher, || {
        let mut keys = SimulatedKeys::new(1963);
        keys.hang(Copy::Send, 100_001, 10_000);
        keys.hang(Copy::Receive, 100_002, 10_000);
        let mut terminal = hung(config(W, UnshiftOnSpace::Unknown), &keys);
        let mut now = Instant::ZERO;
        let mut tell = |input: Input| {
            now += CODE;
            let mut outputs = terminal.handle(now, input);
            while let Some(Output::Reserve(made)) = outputs.iter().find(|o| matches!(o, Output::Reserve(_))) {
                let made = made.clone();
                let codes = keys.reserve(&made).unwrap();
                outputs.retain(|o| !matches!(o, Output::Reserve(_)));
                outputs.extend(terminal.handle(now, Input::Reserved { made, codes }));
            }
            outputs
        };
        tell(Input::Deliver(delivery(W, 1, TEXT)));
        tell(Input::Transmitted);
        let ready =
            Line::Ready { to: "washington".parse().unwrap(), from: "moscow".parse().unwrap(), no: 1, key: Some(Place::new(100_001, 0)) };
        tell(Input::Received(ready.codes(UnshiftOnSpace::Unknown)));
        // The device is told the second line while two codes of the first are in it, and the third while five of the second are.
        assert_eq!(spans(&tell(Input::Transmitted)), [KeySpan { tape: 100_001, position: 15 }]);
        let third = spans(&tell(Input::Transmitted))[0].position;
        assert!(tell(Input::CallOff(1)).iter().any(|o| matches!(o, Output::Halt)));
        let chunk = 36; // of the identity line
        assert_eq!(third, 26);
        let cut = tell(Input::Halted { left: chunk + 5 });
        assert_eq!(spans(&cut), [KeySpan { tape: 100_001, position: third - 5 }]);
    });
}

//! A terminal's mixer at moments that a line in memory does not make by itself: a pacer that takes codes ahead, a call-up in mid-message.

use crate::lines::{Lines, over};
use crate::pair::{M, W, config, delivery, hung};
use molink::history::keys::SimulatedKeys;
use molink::key::Copy;
use molink::line::Code;
use molink::machine::Machine;
use molink::teletype::service::{Claim, Detector, Line, Place};
use molink::teletype::wire::{CUT, START};
use molink::teletype::{CodeTable, Input, Output, Terminal, UnshiftOnSpace};
use molink::time::Instant;

const SETTING: UnshiftOnSpace = UnshiftOnSpace::Unknown;

/// Washington's terminal, in the middle of a message; all that it sends.
struct Sender {
    terminal: Terminal,
    keys: SimulatedKeys,
    /// Each send by itself.
    sent: Vec<Vec<Code>>,
}

impl Sender {
    fn tell(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for output in self.terminal.handle(Instant(1_000_000), input) {
                match output {
                    Output::Send(codes) => self.sent.push(codes),
                    Output::Reserve(made) => {
                        let codes = self.keys.reserve(&made).unwrap();
                        inputs.push(Input::Reserved { made, codes });
                    }
                    _ => {}
                }
            }
        }
    }
    fn hears(&mut self, line: &Line) {
        self.tell(Input::Received(line.codes(SETTING)));
    }
    /// The message has begun: its announcement and first chunk are with the pacer.
    fn sending() -> Sender {
        let mut keys = SimulatedKeys::new(1963);
        keys.hang(Copy::Send, 100_001, 100_000);
        keys.hang(Copy::Receive, 100_002, 100_000);
        let mut sender = Sender { terminal: hung(config(W, SETTING), &keys), keys, sent: vec![] };
        sender.tell(Input::Deliver(delivery(W, 1, "ONE LINE OF A MESSAGE\nAND ANOTHER ONE\nAND A THIRD")));
        sender.tell(Input::Transmitted);
        let (to, from) = ("washington".parse().unwrap(), "moscow".parse().unwrap());
        sender.hears(&Line::Ready { to, from, no: 1, key: Some(Place::new(100_001, 0)) });
        assert_eq!(sender.sent.len(), 2, "the call-up, and the first chunk with its announcement");
        sender
    }
    /// Deciphers with the key from `from` on.
    fn deciphered(&self, codes: &[Code], from: u64) -> Vec<Code> {
        let key = self.keys.key(100_001, from, codes.len() as u64);
        codes.iter().zip(key).map(|(c, k)| Code::new(c.value() ^ k.value())).collect()
    }
}

/// The announcement of a send, and the codes after it.
fn announced(codes: &[Code]) -> (String, &[Code]) {
    let mut detector = Detector::new(SETTING);
    let found = codes.iter().enumerate().find_map(|(i, c)| detector.take(*c).map(|body| (body, i)));
    let (body, end) = found.expect("an announcement");
    (body, &codes[end + 3..])
}

#[test]
fn the_cut_sequence_follows_the_last_code_that_went_out_however_many_sends_the_pacer_held() {
    over(Lines::Cipher, || {
        for unsent in [0, 3, 20, 30, 40] {
            let mut sender = Sender::sending();
            // A fast line's pacer asks for more at once: it holds three chunks when it is stopped.
            sender.tell(Input::Transmitted);
            sender.tell(Input::Transmitted);
            let sent: Vec<Code> = sender.sent[1..].concat();
            let (body, cipher) = announced(&sent);
            assert!(body.starts_with("KEY 100001 0 "), "{body}");
            let out = cipher[..cipher.len() - unsent].to_vec();
            sender.tell(Input::CallOff(1));
            sender.tell(Input::Halted { left: unsent });
            let cut = sender.sent.last().unwrap().clone();
            assert_eq!(sender.deciphered(&cut, out.len() as u64), CUT, "{unsent} codes had not gone out");
            assert_eq!(sender.deciphered(&out, 0)[..START.len()], START);
        }
    });
}

#[test]
fn a_call_up_in_mid_message_moves_the_tape_after_the_message_and_not_under_it() {
    over(Lines::Cipher, || {
        let mut sender = Sender::sending();
        let claim = Claim { from: Place::new(100_002, 0), count: 200, read: Place::new(100_001, 512) };
        let (to, from) = (Some("washington".parse().unwrap()), "moscow".parse().unwrap());
        sender.hears(&Line::Call { to, from, no: 1, code: CodeTable::Ita2, key: Some(claim) });
        let (mut told, before) = (0, sender.sent.len());
        while sender.sent.len() > told {
            told = sender.sent.len();
            sender.tell(Input::Transmitted);
        }
        let ready =
            Line::Ready { to: "moscow".parse().unwrap(), from: "washington".parse().unwrap(), no: 1, key: Some(Place::new(100_002, 0)) };
        assert_eq!(sender.sent.last(), Some(&ready.codes(SETTING)), "said once the message is out");
        let chunks = &sender.sent[before..told - 1];
        let message: Vec<Code> = announced(&sender.sent[1]).1.iter().chain(chunks.iter().flatten()).copied().collect();
        let text = CodeTable::Ita2;
        let text = molink::teletype::Coder::in_letters(text, SETTING).read(&sender.deciphered(&message, 0));
        assert!(text.starts_with("ZCZC WM001\n") && text.trim_end().ends_with("NNNN"), "{text}");
        // What is said next begins where Moscow has read to.
        let codes = delivery(M, 1, "RYRY");
        let (wire, _) = crate::judge::forms(&codes, "washington", CodeTable::Ita2);
        let key = sender.keys.key(100_002, 0, wire.len() as u64);
        let mut came = Line::Key { from: Place::new(100_002, 0), count: wire.len() as u64 }.codes(SETTING);
        came.extend(wire.iter().zip(key).map(|(c, k)| Code::new(c.value() ^ k.value())));
        sender.tell(Input::Received(came));
        sender.tell(Input::Verdict { token: 1, verdict: molink::router::Verdict::Filed });
        let (body, _) = announced(sender.sent.last().unwrap());
        assert!(body.starts_with("KEY 100001 512 "), "{body}");
    });
}

//! Two terminals, in clear or with key tapes, joined by a line that the bytes rule: noise, forged lines, replays, halts, late or
//! refused reservations, tapes changed, crashes, lost devices, time.
//!
//! Held to, whatever comes: no panic; at most one send outstanding; nothing but service lines in clear on a keyed line; no key
//! offset twice, offsets rising, none before it is on disk; what is filed was handed in at the far end, letter for letter; a receipt is
//! believed only of what was filed; every delivery ends in one report once the line is calm; and where nobody forged a line and no tape is
//! missing, a message goes through again without an operator.

use super::ends::End;
use super::{Bytes, decoder, forge};
use molink::history::keys::SimulatedKeys;
use molink::key::{Copy, Tapes};
use molink::line::Code;
use molink::machine::Machine;
use molink::message::{Address, Class, Envelope, Identity, Message, Name, Part, Precedence};
use molink::router::{Delivery, Fault, Outcome, Reason, Verdict};
use molink::teletype::{CodeTable, Config, Input, Rules, Terminal, UnshiftOnSpace};
use molink::time::{Instant, Speed};
use std::collections::BTreeMap;
use std::time::Duration;

/// The time of a code.
pub const CODE: Duration = Duration::from_millis(150);
const NAMES: [&str; 2] = ["washington", "moscow"];
/// Steps of one input, at the most.
const STEPS: u32 = 300;
/// Codes that went by are kept for replay, so many.
const RECORDED: usize = 20_000;

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let mut line = Joined::new(&mut bytes);
    for _ in 0..STEPS {
        if bytes.is_empty() {
            break;
        }
        line.step(&mut bytes);
    }
    line.calm();
}

struct Joined {
    ends: [End; 2],
    now: Instant,
    /// Codes handed over at once.
    batch: usize,
    /// The device says `Transmitted` with so many codes left.
    low: usize,
    /// Disk and router answer at once.
    prompt: bool,
    /// What noise does to the codes to come, each way: after so many codes, how.
    noise: [Vec<(u16, u8)>; 2],
    /// A look into the tapes' folder that has not been told yet.
    looked: [Option<Tapes>; 2],
    /// What was handed in, by identity: where the far end's machine prints it.
    handed_in: BTreeMap<Identity, (String, Envelope)>,
    next: u32,
    next_tape: u32,
    /// Nobody forged a line, no tape is missing or cut: it must mend itself.
    sound: bool,
    restarts: u32,
}

impl Joined {
    fn new(bytes: &mut Bytes) -> Joined {
        let (kind, tables, jump) = (bytes.byte(), bytes.byte(), bytes.byte());
        let (batch, low) = (1 + bytes.below(96), bytes.below(4) * 2);
        let unshift = *bytes.of(&[UnshiftOnSpace::Unknown, UnshiftOnSpace::No, UnshiftOnSpace::Yes]);
        let keyed = kind % 4 != 0;
        let jump = if jump % 4 == 0 { 600 } else { 20_000 };
        let table = |n: u8| CodeTable::ALL[usize::from(n) % 3];
        let config = |side: usize| Config {
            station: NAMES[side].parse().expect("a name"),
            peer: (kind & 0xf0 != 0xf0).then(|| NAMES[1 - side].parse().expect("a name")),
            send: table(tables >> (side * 4)),
            receive: table(tables >> ((1 - side) * 4)),
            unshift,
            code_time: CODE,
            speed: Speed::REAL,
            epoch: "1963-08-30T16:00:00Z".parse().expect("a time"),
            max_delay: Duration::from_secs(1),
            first_call: 1,
            longest: 5_000,
            cipher: keyed.then(|| Rules { jump, warn: vec![600, 300] }),
        };
        let mut line = Joined {
            ends: [0, 1].map(|side| End::new(config(side), SimulatedKeys::new(1963))),
            now: Instant::ZERO,
            batch,
            low,
            prompt: true,
            noise: [vec![], vec![]],
            looked: [None, None],
            handed_in: BTreeMap::new(),
            next: 1,
            next_tape: 100_001,
            sound: jump == 20_000,
            restarts: 0,
        };
        for _ in 0..if keyed { 1 + bytes.below(3) } else { 0 } {
            for way in 0..2 {
                let characters = 300 + u64::from(bytes.byte()) * 8;
                line.hang_pair(way, characters);
            }
        }
        line.show_tapes();
        line
    }
    fn hang_pair(&mut self, way: usize, characters: u64) {
        let serial = self.next_tape;
        self.next_tape += 1;
        self.ends[way].keys.hang(Copy::Send, serial, characters);
        self.ends[1 - way].keys.hang(Copy::Receive, serial, characters);
    }
    fn show_tapes(&mut self) {
        for side in 0..2 {
            let tapes = self.ends[side].keys.tapes.clone();
            self.tell(side, Input::Tapes(tapes));
        }
    }

    /// Tells an end something and takes note of what it does.
    fn tell(&mut self, side: usize, input: Input) {
        if self.ends[side].stopped {
            return;
        }
        let codes = if let Input::Received(codes) = &input { codes.len() } else { 0 };
        let outputs = self.ends[side].terminal.handle(self.now, input);
        self.carry_out(side, outputs, codes);
    }
    fn tick(&mut self, side: usize) {
        if self.ends[side].terminal.deadline().is_some_and(|at| at <= self.now) && !self.ends[side].stopped {
            let outputs = self.ends[side].terminal.tick(self.now);
            self.carry_out(side, outputs, 0);
            assert!(self.ends[side].terminal.deadline().is_none_or(|at| at > self.now), "a timer that is due stays due");
        }
    }
    fn carry_out(&mut self, side: usize, outputs: Vec<molink::teletype::Output>, codes: usize) {
        let end = &mut self.ends[side];
        end.unread += codes;
        assert!(outputs.len() <= 100 + 8 * end.unread, "{} outputs to {} codes", outputs.len(), end.unread);
        for output in outputs {
            if let molink::teletype::Output::Submit { message, .. } = &output {
                self.was_handed_in(message);
            }
            self.ends[side].output(output);
        }
        if self.ends[side].asked.iter().all(|a| a.copy == Copy::Send) {
            self.ends[side].unread = 0;
        }
        while let Some((number, outcome)) = self.ends[side].outcomes.pop() {
            if let Outcome::Delivered(receipt) = outcome {
                let filed = self.ends[1 - side].filed.iter().any(|id| receipt.text.contains(&id.heading()));
                assert!(filed, "delivery {number} counts as delivered by `{}`, and nothing of it is filed", receipt.text);
            }
        }
    }
    fn was_handed_in(&self, message: &Message) {
        let Some((text, envelope)) = self.handed_in.get(&message.identity) else { panic!("{} was never sent", message.identity) };
        assert_eq!((&message.text(), &message.envelope), (text, envelope), "a wrong text is filed");
    }

    fn step(&mut self, bytes: &mut Bytes) {
        let choice = bytes.byte();
        let side = usize::from(choice >> 7);
        match choice % 32 {
            0..=4 => self.pass(1 + u32::from(bytes.byte() % 32)),
            5..=8 => self.pass(8 * u32::from(bytes.byte()) + 1),
            9 | 10 => {
                let words = bytes.below(40);
                let (table, way) = (self.ends[side].config.send, bytes.below(6));
                let text = decoder::repertoire_text(table, bytes.take(words));
                self.deliver(side, &text, Precedence::ALL[way]);
            }
            11 => {
                let open: Vec<u64> = self.ends[side].open.keys().copied().collect();
                if !open.is_empty() {
                    let number = *bytes.of(&open);
                    self.tell(side, Input::CallOff(number));
                }
            }
            12 => self.prompt = !self.prompt,
            13 => self.grant(side, bytes),
            14 => self.rule(side, bytes),
            15 => self.rescan(side, bytes),
            16..=19 => {
                let after = bytes.word() % 600;
                let how = bytes.byte();
                self.noise[side].push((after, how));
            }
            20 => {
                let n = bytes.below(64);
                let codes: Vec<Code> = bytes.take(n).iter().map(|b| Code::new(*b)).collect();
                self.ends[side].inbox.extend(codes);
            }
            21 | 22 => {
                let line = forge::line(bytes, &self.ends[side], &self.ends[1 - side]);
                let codes = line.codes(self.ends[side].config.unshift);
                self.ends[side].inbox.extend(codes);
                self.sound = false;
            }
            23 => {
                let recorded = &self.ends[usize::from(bytes.bit())].recorded;
                let from = usize::from(bytes.word()) % recorded.len().max(1);
                let to = recorded.len().min(from + 4 * usize::from(bytes.byte()));
                let codes = recorded.get(from..to).unwrap_or_default().to_vec();
                self.ends[side].inbox.extend(codes);
            }
            24 => self.wait(bytes.byte()),
            25 => self.restart(side, bytes.byte()),
            26 => self.line_lost(side),
            27 => self.line_back(side),
            28 => self.change_tapes(side, bytes),
            29 => {
                if !self.ends[side].stopping {
                    self.ends[side].stopping = true;
                    self.tell(side, Input::Stop);
                }
            }
            30 => self.batch = 1 + bytes.below(96),
            _ => self.ends[side].halting = self.ends[side].halting.map(|_| bytes.byte() % 3),
        }
        if self.prompt {
            self.answer_all();
        }
    }

    /// `n` code times go by.
    fn pass(&mut self, n: u32) {
        for _ in 0..n {
            self.now += CODE;
            for side in 0..2 {
                self.one_code(side);
            }
            for side in 0..2 {
                if self.ends[side].inbox.len() >= self.batch || self.ends[1 - side].queue.is_empty() {
                    self.read(side);
                }
                self.tick(side);
            }
            if self.prompt {
                self.answer_all();
            }
        }
        (0..2).for_each(|side| self.read(side));
        if self.prompt {
            self.answer_all();
        }
    }
    fn read(&mut self, side: usize) {
        let codes = std::mem::take(&mut self.ends[side].inbox);
        if !codes.is_empty() && !self.ends[side].lost {
            self.tell(side, Input::Received(codes));
        }
    }
    fn one_code(&mut self, side: usize) {
        if self.ends[side].halting == Some(0) {
            let left = self.ends[side].halted();
            return self.tell(side, Input::Halted { left });
        }
        self.ends[side].halting = self.ends[side].halting.map(|n| n - 1);
        if let Some(code) = self.ends[side].next_code() {
            let mut arriving = vec![code];
            self.noise[side].retain_mut(|(after, how)| match after.checked_sub(1) {
                Some(less) => {
                    *after = less;
                    true
                }
                None => {
                    arriving = arriving.iter().flat_map(|c| forge::damaged(*how, *c)).collect();
                    false
                }
            });
            let recorded = &mut self.ends[side].recorded;
            recorded.extend(&arriving);
            recorded.truncate(RECORDED);
            self.ends[1 - side].inbox.extend(arriving);
        }
        if self.ends[side].owed && self.ends[side].queue.len() <= self.low {
            self.ends[side].owed = false;
            self.tell(side, Input::Transmitted);
        }
    }
    /// Time goes by and the line stands still.
    fn wait(&mut self, how: u8) {
        let deadline = self.ends.iter().filter_map(|e| e.terminal.deadline()).min();
        match deadline.filter(|_| how < 128) {
            Some(at) => self.now = self.now.max(at),
            None => self.now += Duration::from_secs(u64::from(how)),
        }
        (0..2).for_each(|side| self.tick(side));
    }

    fn deliver(&mut self, side: usize, text: &str, precedence: Precedence) {
        let (own, far): (Name, Name) = (NAMES[side].parse().expect("a name"), NAMES[1 - side].parse().expect("a name"));
        let identity = Identity { station: own.clone(), serial: self.next, dtg: "19630830T1600Z".parse().expect("a time") };
        let desk = |station: Name| Address { desk: "operator".parse().expect("a desk"), station };
        let envelope =
            Envelope { from: desk(own), to: desk(far), precedence, class: Class::Message, subject: String::new(), via: vec![], post: None };
        let content = if text.is_empty() { vec![] } else { vec![Part::Text { text: text.into() }] };
        let table = self.ends[side].config.send;
        self.handed_in.insert(identity.clone(), (table.read_back(&table.printed(text)), envelope.clone()));
        self.carry(side, Message { identity, envelope, content });
    }
    fn carry(&mut self, side: usize, message: Message) {
        let delivery = Delivery { number: u64::from(self.next), message, channel: self.next, again: false };
        self.next += 1;
        if self.ends[side].stopped {
            return;
        }
        self.ends[side].hand_in(&delivery);
        self.tell(side, Input::Deliver(delivery));
    }
    fn grant(&mut self, side: usize, bytes: &mut Bytes) {
        if !self.ends[side].asked.is_empty() {
            let (at, refuse) = (bytes.below(self.ends[side].asked.len()), bytes.byte() > 200);
            let input = self.ends[side].granted(at, refuse);
            self.tell(side, input);
        }
    }
    fn rule(&mut self, side: usize, bytes: &mut Bytes) {
        if self.ends[side].pending.is_empty() {
            return;
        }
        let (token, message) = self.ends[side].pending.remove(bytes.below(self.ends[side].pending.len()));
        let reason = Reason::new(Fault::Us, "unknown desk `x`");
        let verdict = match bytes.byte() % 4 {
            0 => Verdict::Refused(reason),
            1 => Verdict::TryLater(reason),
            _ if self.ends[side].filed.insert(message.identity) => Verdict::Filed,
            _ => Verdict::FiledBefore,
        };
        self.tell(side, Input::Verdict { token, verdict });
    }
    /// A look into the folder: told now, or begun now and told later.
    fn rescan(&mut self, side: usize, bytes: &mut Bytes) {
        if bytes.bit() {
            self.looked[side] = Some(self.ends[side].keys.tapes.clone());
        } else if let Some(tapes) = self.looked[side].take() {
            self.tell(side, Input::Tapes(tapes));
        }
    }
    /// Disk and router answer all they were asked.
    fn answer_all(&mut self) {
        for side in 0..2 {
            for _ in 0..50 {
                let end = &mut self.ends[side];
                if !end.asked.is_empty() {
                    let input = end.granted(0, false);
                    self.tell(side, input);
                } else if let Some((token, message)) = end.pending.pop() {
                    let verdict = if end.filed.insert(message.identity) { Verdict::Filed } else { Verdict::FiledBefore };
                    self.tell(side, Input::Verdict { token, verdict });
                } else if end.rescans > 0 {
                    end.rescans = 0;
                    let tapes = end.keys.tapes.clone();
                    self.tell(side, Input::Tapes(tapes));
                } else {
                    break;
                }
            }
        }
    }

    /// The process dies and starts again: what is on disk stays, and what was asked of the disk may have been done.
    fn restart(&mut self, side: usize, done: u8) {
        if self.restarts >= 16 {
            return;
        }
        self.restarts += 1;
        let end = &mut self.ends[side];
        end.forget_line();
        for asked in std::mem::take(&mut end.asked) {
            let _ = (done & 1 == 1).then(|| end.keys.reserve(&asked));
        }
        for (_, message) in std::mem::take(&mut end.pending) {
            let _ = (done & 2 == 2).then(|| end.filed.insert(message.identity));
        }
        end.inbox.clear();
        (end.rescans, end.lost, end.stopping, end.stopped) = (0, false, false, false);
        let waiting: Vec<Message> = std::mem::take(&mut end.open).into_values().map(|d| d.message).collect();
        end.terminal = Terminal::new(end.config.clone());
        self.looked[side] = None;
        let tapes = end.keys.tapes.clone();
        self.tell(side, Input::Tapes(tapes));
        for message in waiting {
            self.carry(side, message);
        }
    }
    fn line_lost(&mut self, side: usize) {
        if !self.ends[side].lost {
            self.ends[side].forget_line();
            self.ends[side].lost = true;
            self.tell(side, Input::LineLost("unplugged".into()));
        }
    }
    fn line_back(&mut self, side: usize) {
        if self.ends[side].lost {
            self.ends[side].lost = false;
            self.ends[side].inbox.clear();
            self.tell(side, Input::LineBack);
        }
    }
    /// What people do with tapes, right and wrong.
    fn change_tapes(&mut self, side: usize, bytes: &mut Bytes) {
        let characters = 100 + u64::from(bytes.byte()) * 8;
        match bytes.byte() % 6 {
            0..=2 => self.hang_pair(side, characters),
            3 => {
                let copy = if bytes.bit() { Copy::Send } else { Copy::Receive };
                self.ends[side].keys.hang(copy, self.next_tape, characters);
                self.next_tape += 1;
                self.sound = false;
            }
            4 => {
                let tapes = &mut self.ends[side].keys.tapes;
                let of = if bytes.bit() { &mut tapes.send } else { &mut tapes.receive };
                if !of.is_empty() {
                    of.remove(bytes.below(of.len()));
                }
                self.sound = false;
            }
            _ => {
                self.hang_pair(side, characters);
                if let Some(twin) = self.ends[1 - side].keys.tapes.receive.last_mut() {
                    twin.characters -= 50;
                }
                self.sound = false;
            }
        }
        self.ends[side].rescans += 1;
        self.ends[1 - side].rescans += 1;
    }

    /// All mischief ends. What was begun must end, and a sound line carry a message again.
    fn calm(&mut self) {
        (self.noise, self.looked, self.prompt) = ([vec![], vec![]], [None, None], true);
        self.restarts = 0;
        for side in 0..2 {
            self.line_back(side);
            if self.ends[side].stopped {
                self.restart(side, 0);
            }
        }
        self.answer_all();
        self.run_until_quiet();
        for (end, name) in self.ends.iter().zip(NAMES) {
            let open: Vec<&u64> = end.open.keys().collect();
            assert!(open.is_empty() || end.stopped, "{name}: deliveries {open:?} are never reported");
        }
        if self.sound && self.ends.iter().all(|e| !e.stopped) {
            self.goes_through(0);
            self.goes_through(1);
        }
    }
    fn run_until_quiet(&mut self) {
        for _ in 0..20_000 {
            self.pass(12);
            let idle = self.ends.iter().all(|e| e.queue.is_empty() && !e.owed && e.halting.is_none());
            if idle {
                match self.ends.iter().filter(|e| !e.stopped).filter_map(|e| e.terminal.deadline()).min() {
                    None => return,
                    Some(at) if at > self.now + CODE => self.now = at,
                    Some(_) => {}
                }
            }
        }
        panic!("the line never falls quiet");
    }
    fn goes_through(&mut self, side: usize) {
        if self.ends[side].keyed() {
            self.hang_pair(side, 20_000);
            self.hang_pair(1 - side, 20_000);
            self.show_tapes();
        }
        self.deliver(side, "AGAIN 1", Precedence::Routine);
        let identity = self.handed_in.keys().find(|id| id.serial == self.next - 1).cloned().expect("just handed in");
        for _ in 0..8 {
            self.run_until_quiet();
            if self.ends[1 - side].filed.contains(&identity) {
                return;
            }
            let (text, envelope) = self.handed_in[&identity].clone();
            self.carry(side, Message { identity: identity.clone(), envelope, content: vec![Part::Text { text }] });
        }
        panic!("{}: nothing goes through any more", NAMES[side]);
    }
}

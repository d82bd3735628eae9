//! The modem of a call over T.38: orders become packets with the pace of the line they stand for, packets become what is heard.
//!
//! Standard: ITU-T T.38 7 and 8.2 (data rate management method 2: training checks go end to end, as data). In: [`Input`]. Out: [`Output`].
//! It sends or hears, never both. A hole in a frame damages it; in bits without correction it is just missing. Every carrier is followed by `Quiet`.
//! What is sent when is `sending`, what comes in is `hearing`. Left out: who the far end is (see `backend_t38`). Shown by: the tests below, `tests/it/t38.rs`.

use super::hearing::Hearing;
use super::ifp::{Ifp, Indicator, Syntax};
use super::sending::{Step, cng, signal};
use super::udptl::{Datagram, Got, Receiver, Sender};
use crate::fax::modem::{CED, Heard, Order, Tone};
use crate::machine::Machine;
use crate::time::{Instant, Speed};
use std::collections::VecDeque;
use std::time::Duration;

/// The last packet before a pause is sent again so long after, where nothing follows it that would repeat it. Ours.
const AGAIN: [Duration; 3] = [Duration::from_millis(40), Duration::from_millis(120), Duration::from_millis(240)];

/// What a terminal has to know.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Config {
    /// How fields are written and read.
    pub syntax: Syntax,
    /// How many packets before it a datagram repeats.
    pub repeats: usize,
    /// The clock's speed. At `max` there is no pace but what the network needs.
    pub speed: Speed,
}

/// What a terminal is told.
#[derive(Clone, PartialEq, Debug)]
pub enum Input {
    /// By the fax machine.
    Order(Order),
    /// A datagram of the far end.
    Datagram(Vec<u8>),
}

/// What a terminal wants done.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// Send this to the far end.
    Datagram(Vec<u8>),
    /// Tell the fax machine. After `Lost` nothing more is heard.
    Heard(Heard),
    /// The far end has begun a new call with this datagram; the old one is lost.
    Anew(Vec<u8>),
    /// A datagram that could not be read, or that stands for something this terminal does not know: why.
    Odd(String),
}

/// A call's modem.
#[derive(Clone, Debug)]
pub struct Terminal {
    config: Config,
    sender: Sender,
    receiver: Receiver,
    hearing: Hearing,
    plan: VecDeque<(Instant, Step)>,
    /// The datagram that is sent again, from when on, and how often it was.
    again: Option<(Instant, usize, Vec<u8>)>,
    /// Whether the line has a signal of ours on it.
    sounding: bool,
    /// Whether anything was heard but tones.
    met: bool,
    lost: bool,
    out: Vec<Output>,
}

impl Terminal {
    /// A call's, from its beginning.
    pub fn new(config: Config) -> Terminal {
        Terminal {
            config,
            sender: Sender::new(config.repeats),
            receiver: Receiver::new(),
            hearing: Hearing::new(config.speed),
            plan: VecDeque::new(),
            again: None,
            sounding: false,
            met: false,
            lost: false,
            out: vec![],
        }
    }
    /// What a datagram that comes while no call is on begins with.
    pub fn opening(octets: &[u8], syntax: Syntax) -> Option<Indicator> {
        let datagram = Datagram::decode(octets).ok()?;
        match Ifp::decode(&datagram.primary, syntax) {
            Ok(Ifp::Indicator(indicator)) => Some(indicator),
            Ok(Ifp::Data(..)) | Err(_) => None,
        }
    }

    fn order(&mut self, now: Instant, order: Order) {
        self.plan.clear();
        if std::mem::take(&mut self.sounding) {
            self.send(now, &Ifp::Indicator(Indicator::NoSignal), true);
        }
        let listens = match &order {
            Order::Tone(Tone::Cng) => Some(None),
            Order::Listen(fast) => Some(*fast),
            Order::Tone(Tone::Ced) | Order::Send(_) | Order::HangUp => None,
        };
        let told = self.hearing.listen(listens);
        self.heard(told);
        match order {
            Order::Tone(Tone::Cng) => self.plan.extend(cng(now)),
            Order::Tone(Tone::Ced) => {
                self.plan.push_back((now, Step::Packet(Ifp::Indicator(Indicator::Ced), true)));
                self.plan.push_back((now + if self.config.speed == Speed::Max { Duration::ZERO } else { CED }, Step::Sent));
            }
            Order::Send(what) => self.plan.extend(signal(now, what, self.config.speed)),
            Order::Listen(_) | Order::HangUp => {}
        }
        self.due(now);
    }
    fn datagram(&mut self, now: Instant, octets: Vec<u8>) {
        match Datagram::decode(&octets) {
            Ok(datagram) => {
                let got = self.receiver.take(now, datagram);
                self.got(now, got, Some(octets));
            }
            Err(flaw) => self.out.push(Output::Odd(format!("a datagram that is none of T.38: {flaw}"))),
        }
    }
    fn got(&mut self, now: Instant, got: Vec<Got>, whole: Option<Vec<u8>>) {
        for got in got {
            match got {
                Got::Packet(octets) => match Ifp::decode(&octets, self.config.syntax) {
                    Ok(ifp) => {
                        self.met |= matches!(ifp, Ifp::Data(..));
                        let told = self.hearing.packet(now, &ifp);
                        self.heard(told);
                    }
                    Err(flaw) => {
                        // It held something, and that is missing now.
                        self.hearing.hole();
                        self.out.push(Output::Odd(format!("a packet that is none of T.38: {flaw}")));
                    }
                },
                Got::Hole(_) => self.hearing.hole(),
                Got::Anew if self.met => {
                    let told = self.hearing.end();
                    self.heard(told);
                    self.heard(vec![Heard::Lost]);
                    self.lost = true;
                    self.plan.clear();
                    self.out.extend(whole.map(Output::Anew));
                    return;
                }
                Got::Anew => {}
            }
        }
    }
    fn heard(&mut self, told: Vec<Heard>) {
        if !self.lost {
            self.out.extend(told.into_iter().map(Output::Heard));
        }
    }

    /// Does what is planned up to now.
    fn due(&mut self, now: Instant) {
        while let Some((at, step)) = self.plan.pop_front_if(|(at, _)| *at <= now) {
            match step {
                Step::Packet(ifp, pause) => {
                    self.sounding = ifp != Ifp::Indicator(Indicator::NoSignal);
                    self.send(at, &ifp, pause);
                }
                Step::Sent => {
                    self.sounding = false;
                    self.heard(vec![Heard::Sent]);
                }
                Step::CngAgain => self.plan.extend(cng(at)),
            }
        }
    }
    fn send(&mut self, at: Instant, ifp: &Ifp, pause: bool) {
        let datagram = self.sender.datagram(ifp.encode(self.config.syntax));
        self.again = pause.then(|| (at, 0, datagram.clone()));
        self.out.push(Output::Datagram(datagram));
    }
    fn repeat(&mut self, now: Instant) {
        if let Some((since, times, datagram)) = &mut self.again {
            while AGAIN.get(*times).is_some_and(|after| *since + *after <= now) {
                *times += 1;
                self.out.push(Output::Datagram(datagram.clone()));
            }
            if *times == AGAIN.len() {
                self.again = None;
            }
        }
    }
}

impl Machine for Terminal {
    type Input = Input;
    type Output = Output;
    fn handle(&mut self, now: Instant, input: Input) -> Vec<Output> {
        let mut out = self.tick(now);
        match input {
            Input::Order(order) => self.order(now, order),
            Input::Datagram(octets) => self.datagram(now, octets),
        }
        out.append(&mut self.out);
        out
    }
    fn tick(&mut self, now: Instant) -> Vec<Output> {
        self.due(now);
        self.repeat(now);
        let got = self.receiver.tick(now);
        self.got(now, got, None);
        let told = self.hearing.tick(now);
        self.heard(told);
        std::mem::take(&mut self.out)
    }
    fn deadline(&self) -> Option<Instant> {
        let planned = self.plan.front().map(|(at, _)| *at);
        let again = self.again.as_ref().and_then(|(since, times, _)| AGAIN.get(*times).map(|after| *since + *after));
        [planned, again, self.receiver.deadline(), self.hearing.deadline()].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fax::modem::{Fast, Modulation, Signal, Training};
    use crate::fax::t38::hearing::DROP;
    use crate::fax::t38::udptl::HOLD;

    const CONFIG: Config = Config { syntax: Syntax::Of1998, repeats: 0, speed: Speed::REAL };
    const FAST: Fast = Fast { modulation: Modulation::V17At14400, training: Training::Long, framed: false };

    /// All that a terminal sends for an order, with times.
    fn sent(order: Order, config: Config) -> Vec<(Instant, Vec<u8>)> {
        let mut terminal = Terminal::new(config);
        let mut outputs = terminal.handle(Instant::ZERO, Input::Order(order));
        let (mut all, mut now) = (vec![], Instant::ZERO);
        loop {
            let out = outputs.contains(&Output::Heard(Heard::Sent));
            all.extend(outputs.into_iter().filter_map(|o| if let Output::Datagram(octets) = o { Some((now, octets)) } else { None }));
            all.dedup_by_key(|(_, octets)| octets.clone()); // what is sent again
            match terminal.deadline() {
                Some(at) if !out => (now, outputs) = (at, terminal.tick(at)),
                _ => return all,
            }
        }
    }
    fn hear(terminal: &mut Terminal, now: Instant, datagrams: &[(Instant, Vec<u8>)]) -> Vec<Heard> {
        let outputs = datagrams.iter().flat_map(|(_, octets)| terminal.handle(now, Input::Datagram(octets.clone()))).collect();
        heard(outputs)
    }
    fn heard(outputs: Vec<Output>) -> Vec<Heard> {
        outputs.into_iter().filter_map(|o| if let Output::Heard(heard) = o { Some(heard) } else { None }).collect()
    }
    fn listening(fast: Option<Fast>) -> Terminal {
        let mut terminal = Terminal::new(CONFIG);
        terminal.handle(Instant::ZERO, Input::Order(Order::Listen(fast)));
        terminal
    }
    fn frames() -> Vec<Vec<u8>> {
        vec![(0..12).collect(), (20..32).collect()]
    }

    #[test]
    fn a_signal_is_heard_as_it_was_sent() {
        let all = sent(Order::Send(Signal::Frames(frames())), CONFIG);
        let [a, b] = [0, 1].map(|n| Heard::Frame(frames()[n].clone()));
        assert_eq!(hear(&mut listening(None), Instant::ZERO, &all), [Heard::Carrier(None), a, b, Heard::Quiet]);
        let bits: Vec<u8> = (0..200).collect();
        let all = sent(Order::Send(Signal::Bits(FAST, bits.clone())), CONFIG);
        let got = hear(&mut listening(Some(FAST)), Instant::ZERO, &all);
        assert_eq!((&got[0], got.last()), (&Heard::Carrier(Some(FAST.modulation)), Some(&Heard::Quiet)));
        let came: Vec<u8> = got.iter().flat_map(|h| if let Heard::Bits(bits) = h { bits.clone() } else { vec![] }).collect();
        assert_eq!(came, bits);
        // Silence, training, and the bits at their rate: as on the line.
        let time = 75_000 + 1_393_000 + 200 * 8 * 1_000_000 / 14_400;
        assert!(all.last().is_some_and(|(at, _)| at.micros().abs_diff(time) < 5), "{:?}", all.last());
    }

    #[test]
    fn whatever_is_missing_of_a_frame_damages_it() {
        let all = sent(Order::Send(Signal::Frames(frames())), CONFIG);
        for missing in 1..all.len() - 1 {
            let mut terminal = listening(None);
            let some: Vec<_> = all.iter().enumerate().filter(|(n, _)| *n != missing).map(|(_, d)| d.clone()).collect();
            let mut got = hear(&mut terminal, Instant::ZERO, &some);
            got.extend(heard(terminal.tick(Instant::ZERO + HOLD)));
            let good: Vec<_> = got.iter().filter_map(|h| if let Heard::Frame(frame) = h { Some(frame) } else { None }).collect();
            // Without its end a frame runs on into the next, and both are gone.
            assert!(good.len() <= 1 && good.iter().all(|frame| frames().contains(frame)), "{missing}: {got:?}");
            let damaged = got.iter().any(|h| matches!(h, Heard::Damaged(_)));
            assert!(damaged && got.last() == Some(&Heard::Quiet), "{missing}: {got:?}");
        }
    }

    #[test]
    fn a_carrier_that_nothing_follows_is_given_up_and_its_rest_is_no_frame() {
        let all = sent(Order::Send(Signal::Frames(frames())), CONFIG);
        let mut terminal = listening(None);
        assert_eq!(hear(&mut terminal, Instant::ZERO, &all[..2]), [Heard::Carrier(None)]);
        let later = Instant::ZERO + DROP;
        assert_eq!(heard(terminal.tick(later)), [Heard::Damaged("a frame that was broken off".into()), Heard::Quiet]);
        let rest = hear(&mut terminal, later, &all[2..]);
        assert_eq!(
            rest[1..],
            [Heard::Damaged("a frame that packets are missing of".into()), Heard::Frame(frames()[1].clone()), Heard::Quiet]
        );
    }

    #[test]
    fn who_sends_hears_nothing_and_may_join_where_a_frame_begins() {
        let all = sent(Order::Send(Signal::Frames(frames())), CONFIG);
        let mut terminal = Terminal::new(CONFIG);
        terminal.handle(Instant::ZERO, Input::Order(Order::Tone(Tone::Ced)));
        assert_eq!(hear(&mut terminal, Instant::ZERO, &all[..2]), []);
        terminal.handle(Instant::ZERO, Input::Order(Order::Listen(None)));
        assert_eq!(hear(&mut terminal, Instant::ZERO, &all[2..]), [Heard::Carrier(None), Heard::Frame(frames()[1].clone()), Heard::Quiet]);
    }

    #[test]
    fn no_signal_is_passed_over_and_what_is_not_listened_for_cannot_be_read() {
        let mut terminal = listening(None);
        let say = |number: u16, packet: u8| (Instant::ZERO, [&number.to_be_bytes()[..], &[1, packet, 0, 0]].concat());
        assert_eq!(hear(&mut terminal, Instant::ZERO, &[say(0, 0x00), say(1, 0x02), say(2, 0x00)]), [Heard::Tone(Tone::Cng)]);
        assert_eq!(hear(&mut terminal, Instant::ZERO, &[say(3, 0x1e), say(4, 0x00)]), [Heard::Unreadable, Heard::Quiet]);
    }
}

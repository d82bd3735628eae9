//! A circuit between two fax ports, and who is on the line: what an exchange decides. A machine; live and under the driver the same.
//!
//! Standards: none. In: an end comes or goes, dials, answers, orders its modem, hangs up; commands (`cut 30s`, `noise heavy`, `profile hf`).
//! Out: what each end is told. Who dials first has the line; the other is told that it is engaged, and that it rings. One tick, one thing.
//! Who hangs up is missed at the far end (`Heard::Lost`) after the circuit's delay, unless that is cut. Left out: numbers, more than two ends.
//! Shown by: the tests below, `tests/it/exchange.rs`, `docs/fax-call.md`.

use super::circuit::{Circuit, Due};
use super::modem::{Heard, Order};
use crate::line::driver::Driver;
use crate::line::relay::control::duration;
use crate::line::{Profile, Quality, VoiceNoise};
use crate::machine::Machine;
use crate::router::{Fault, Reason};
use crate::time::{Instant, Speed};
use std::time::Duration;

/// How long a call waits for a far end that is not there (a station that starts). Ours.
pub const NO_ANSWER: Duration = Duration::from_secs(6);
/// A page's bits are heard in pieces of this length: a few rows each.
const PIECE: Duration = Duration::from_millis(100);

/// What a switch is told. Ends are 0 and 1.
#[derive(Debug)]
pub enum Input {
    /// An end is there: it can be called.
    Present(usize),
    /// An end is not there any more; on a call it hangs up.
    Away(usize),
    /// An end calls the other. Answered by [`Told::Taken`] or [`Told::Refused`].
    Dial(usize),
    /// An end no longer waits for that answer.
    GiveUp(usize),
    /// An end that rings picks up.
    Answer(usize),
    /// An end's modem is to do this.
    Order(usize, Order),
    /// An end leaves the line.
    HangUp(usize),
    /// The circuit becomes another.
    Command(Command),
}

/// What an end is told.
#[derive(Clone, PartialEq, Debug)]
pub enum Told {
    /// The line is its: its modem may be ordered. Nobody need have answered yet.
    Taken,
    /// There is no call, and why.
    Refused(Reason),
    /// It is called.
    Rings,
    /// It is called no more.
    RingsNoMore,
    /// What its modem hears.
    Heard(Heard),
}

/// Something said to an end.
#[derive(Clone, PartialEq, Debug)]
pub struct Output {
    /// Which.
    pub end: usize,
    /// What.
    pub told: Told,
}

/// What may be done to a circuit, as a timeline or a person writes it.
#[derive(Clone, PartialEq, Debug)]
pub enum Command {
    /// Cut it both ways, for a time of the line or until `restore`.
    Cut(Option<Duration>),
    /// End the cut.
    Restore,
    /// Another noise.
    Noise(VoiceNoise),
    /// Another way: another delay, another noise.
    Profile(Profile),
}

impl std::str::FromStr for Command {
    type Err = String;
    fn from_str(line: &str) -> Result<Command, String> {
        match line.split_ascii_whitespace().collect::<Vec<_>>().as_slice() {
            ["cut"] => Ok(Command::Cut(None)),
            ["cut", time] => Ok(Command::Cut(Some(duration(time)?))),
            ["restore"] => Ok(Command::Restore),
            ["noise", noise] => Ok(Command::Noise(noise.parse()?)),
            ["profile", name] => Ok(Command::Profile(Profile::named(name)?)),
            _ => Err(format!("`{line}` is no command; there are `cut`, `cut 30s`, `restore`, `noise heavy`, `profile geo`")),
        }
    }
}

/// Where an end stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Party {
    Away,
    OnHook,
    /// It has called an end that is not there; the call's number.
    Dialling(u64),
    Rung,
    OnTheLine,
}

/// What is to happen.
enum Coming {
    Due(Due),
    /// The far end of this one has hung up.
    Lost(usize),
    /// A call that nobody was there for.
    NoAnswer(usize, u64),
}

impl Coming {
    /// Whether nothing is on its way with it.
    fn is_pause(&self) -> bool {
        match self {
            Coming::Due(due) => due.is_pause(),
            Coming::Lost(_) => false,
            Coming::NoAnswer(..) => true,
        }
    }
}

/// The switch: see the file's head.
pub struct Switch {
    name: String,
    profile: Profile,
    noise: VoiceNoise,
    circuit: Circuit,
    coming: Driver<Coming>,
    /// How many of `coming` are on their way.
    under_way: usize,
    ends: [Party; 2],
    calls: u64,
    patience: Duration,
}

impl Switch {
    /// A circuit of this name (`circuit satellite`), nobody at its ends. `speed` is its clock's.
    pub fn new(name: impl Into<String>, profile: Profile, seed: u64, speed: Speed) -> Switch {
        Switch {
            name: name.into(),
            profile,
            noise: VoiceNoise::default(),
            circuit: Circuit::new(Quality::of(&profile), seed, PIECE),
            coming: Driver::default(),
            under_way: 0,
            ends: [Party::Away; 2],
            calls: 0,
            patience: speed.timer(NO_ANSWER),
        }
    }
    /// How it is called in sentences.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Whether something is on its way: a signal, or the news that an end hung up. What is not only waits, and no time may be skipped for it.
    pub fn is_under_way(&self) -> bool {
        self.under_way > 0
    }
    /// The circuit itself, for what tests plan.
    pub fn circuit(&mut self) -> &mut Circuit {
        &mut self.circuit
    }
    /// Its profile.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    fn dial(&mut self, now: Instant, end: usize) -> Vec<Output> {
        let far = 1 - end;
        let why = match (self.ends[end], self.ends[far]) {
            (Party::OnTheLine | Party::Rung | Party::Dialling(_), _) => {
                (Fault::Peer, "engaged: it rings here, or is held here by another call")
            }
            (_, Party::OnTheLine | Party::Rung) => (Fault::Peer, "engaged: the far end is still on a call"),
            _ if (0..2).any(|way| self.circuit.way(way).is_cut(now)) => (Fault::Line, "dead: nothing comes through it"),
            (Party::OnHook | Party::Away, Party::OnHook | Party::Dialling(_)) => return self.connect(end),
            (Party::OnHook | Party::Away, Party::Away) => {
                self.calls += 1;
                self.ends[end] = Party::Dialling(self.calls);
                self.set(now + self.patience, Coming::NoAnswer(end, self.calls));
                return vec![];
            }
        };
        vec![self.refuse(end, why)]
    }
    fn refuse(&self, end: usize, (fault, why): (Fault, &str)) -> Output {
        let why = format!("while calling over the {}: it is {why}", self.name);
        Output { end, told: Told::Refused(Reason::new(fault, why)) }
    }
    fn connect(&mut self, caller: usize) -> Vec<Output> {
        self.circuit.begin_call();
        self.clear();
        self.ends[caller] = Party::OnTheLine;
        self.ends[1 - caller] = Party::Rung;
        vec![Output { end: caller, told: Told::Taken }, Output { end: 1 - caller, told: Told::Rings }]
    }
    fn present(&mut self, end: usize) -> Vec<Output> {
        if self.ends[end] == Party::Away {
            self.ends[end] = Party::OnHook;
            if matches!(self.ends[1 - end], Party::Dialling(_)) {
                return self.connect(1 - end);
            }
        }
        vec![]
    }
    fn hang_up(&mut self, now: Instant, end: usize) -> Vec<Output> {
        let was = std::mem::replace(&mut self.ends[end], Party::OnHook);
        match was {
            Party::Away | Party::OnHook => self.ends[end] = was,
            Party::Dialling(_) => self.clear(),
            Party::Rung | Party::OnTheLine => {
                let due = self.circuit.order(now, end, Order::HangUp);
                self.under_way_too(due);
                return self.left_alone(now, 1 - end);
            }
        }
        vec![]
    }
    /// The other end has hung up.
    fn left_alone(&mut self, now: Instant, end: usize) -> Vec<Output> {
        match self.ends[end] {
            Party::OnTheLine => {
                let way = self.circuit.way(1 - end);
                if !way.is_cut(now) {
                    let at = now + way.quality().delay;
                    self.set(at, Coming::Lost(end));
                }
                vec![]
            }
            Party::Rung => {
                self.ends[end] = Party::OnHook;
                self.clear();
                vec![Output { end, told: Told::RingsNoMore }]
            }
            Party::Away | Party::OnHook | Party::Dialling(_) => {
                self.clear();
                vec![]
            }
        }
    }

    fn command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Cut(lasts) => (0..2).for_each(|way| self.circuit.way(way).cut(now, lasts.map(|d| now + d))),
            Command::Restore => (0..2).for_each(|way| self.circuit.way(way).restore(now)),
            Command::Noise(noise) => self.noise = noise,
            Command::Profile(profile) => self.profile = profile,
        }
        let quality = Quality::of(&self.profile).under(self.noise);
        for way in 0..2 {
            if self.circuit.way(way).quality() != quality {
                self.circuit.way(way).set_quality(quality);
            }
        }
    }

    fn clear(&mut self) {
        (self.coming, self.under_way) = (Driver::default(), 0);
    }
    fn set(&mut self, at: Instant, coming: Coming) {
        self.under_way += usize::from(!coming.is_pause());
        self.coming.set(at, coming);
    }
    fn under_way_too(&mut self, due: Vec<Due>) {
        due.into_iter().for_each(|due| self.set(due.at, Coming::Due(due)));
    }
    fn happen(&mut self, coming: Coming) -> Option<Output> {
        self.under_way -= usize::from(!coming.is_pause());
        let heard = match coming {
            Coming::Due(due) => {
                let (heard, more) = self.circuit.happen(due);
                self.under_way_too(more);
                heard
            }
            Coming::Lost(end) => Some((end, Heard::Lost)),
            Coming::NoAnswer(end, call) if self.ends[end] == Party::Dialling(call) => {
                self.ends[end] = Party::OnHook;
                return Some(self.refuse(end, (Fault::Line, "without answer: nobody is at its far end")));
            }
            Coming::NoAnswer(..) => None, // somebody came
        };
        let (end, heard) = heard?;
        (self.ends[end] == Party::OnTheLine).then_some(Output { end, told: Told::Heard(heard) })
    }
}

impl Machine for Switch {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Instant, input: Input) -> Vec<Output> {
        match input {
            Input::Present(end) => return self.present(end),
            Input::Dial(end) => return self.dial(now, end),
            Input::HangUp(end) | Input::Order(end, Order::HangUp) => return self.hang_up(now, end),
            Input::GiveUp(end) if matches!(self.ends[end], Party::Dialling(_)) => return self.hang_up(now, end),
            Input::GiveUp(_) => {} // it was answered
            Input::Away(end) => {
                let said = self.hang_up(now, end);
                self.ends[end] = Party::Away;
                return said;
            }
            Input::Answer(end) if self.ends[end] == Party::Rung => self.ends[end] = Party::OnTheLine,
            Input::Answer(_) => {} // the caller has gone
            Input::Order(end, order) if matches!(self.ends[end], Party::OnTheLine | Party::Rung) => {
                self.ends[end] = Party::OnTheLine; // whose modem does something has picked up
                let due = self.circuit.order(now, end, order);
                self.under_way_too(due);
            }
            Input::Order(..) => {} // nobody on the line
            Input::Command(command) => self.command(now, command),
        }
        vec![]
    }
    /// The next thing that is due, if its time has come.
    fn tick(&mut self, now: Instant) -> Vec<Output> {
        let due = self.deadline().filter(|at| *at <= now).and_then(|_| self.coming.step());
        due.and_then(|coming| self.happen(coming)).into_iter().collect()
    }
    fn deadline(&self) -> Option<Instant> {
        self.coming.upcoming()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fax::modem::{Signal, Tone};

    fn switch() -> Switch {
        let mut switch = Switch::new("circuit test", Profile::geo(), 1, Speed::REAL);
        for end in 0..2 {
            assert!(switch.handle(Instant::ZERO, Input::Present(end)).is_empty());
        }
        switch
    }
    fn told(end: usize, told: Told) -> Output {
        Output { end, told }
    }
    fn refused(said: &[Output]) -> &str {
        let [Output { told: Told::Refused(reason), .. }] = said else { panic!("{said:?}") };
        assert_eq!(reason.fault == Fault::Peer, reason.text.contains("engaged"));
        &reason.text
    }
    /// All that is told until nothing is under way; at the most so many things.
    fn run(switch: &mut Switch) -> Vec<(u64, Output)> {
        let mut said = vec![];
        for _ in 0..100_000 {
            let Some(at) = switch.deadline().filter(|_| switch.is_under_way()) else { return said };
            said.extend(switch.tick(at).into_iter().map(|o| (at.micros() / 1000, o)));
        }
        panic!("there is no end of it")
    }
    fn connected() -> Switch {
        let mut s = switch();
        s.handle(Instant::ZERO, Input::Dial(0));
        s.handle(Instant::ZERO, Input::Answer(1));
        s
    }
    const FRAME: &[u8] = &[0xff, 0xc8, 0x5f];
    fn frame() -> Order {
        Order::Send(Signal::Frames(vec![FRAME.to_vec()]))
    }

    #[test]
    fn who_dials_first_has_the_line_and_the_other_is_told_so_and_rings() {
        let mut s = switch();
        assert_eq!(s.handle(Instant(1), Input::Dial(1)), [told(1, Told::Taken), told(0, Told::Rings)]);
        assert!(refused(&s.handle(Instant(1), Input::Dial(0))).contains("engaged: it rings here"));
        s.handle(Instant(2), Input::Answer(0));
        s.handle(Instant(3), Input::HangUp(1));
        assert!(refused(&s.handle(Instant(4), Input::Dial(1))).contains("engaged: the far end"), "it has not heard of it yet");
        s.handle(Instant(5), Input::HangUp(0));
        assert_eq!(s.handle(Instant(6), Input::Dial(0)), [told(0, Told::Taken), told(1, Told::Rings)]);
    }

    #[test]
    fn a_signal_passes_and_who_hangs_up_is_missed_after_the_delay() {
        let mut s = connected();
        s.handle(Instant::ZERO, Input::Order(1, Order::Listen(None)));
        s.handle(Instant::ZERO, Input::Order(0, frame()));
        let said = run(&mut s);
        assert_eq!(said.last(), Some(&(1_523, told(1, Told::Heard(Heard::Quiet)))), "docs: MCF");
        assert!(said.contains(&(1_523, told(1, Told::Heard(Heard::Frame(FRAME.to_vec()))))), "{said:?}");
        s.handle(Instant(2_000_000), Input::HangUp(0));
        assert_eq!(run(&mut s), [(2_268, told(1, Told::Heard(Heard::Lost)))]);
    }

    #[test]
    fn a_call_that_was_given_up_rings_no_more() {
        let mut s = switch();
        s.handle(Instant::ZERO, Input::Dial(0));
        assert_eq!(s.handle(Instant::ZERO, Input::HangUp(0)), [told(1, Told::RingsNoMore)]);
        s.handle(Instant::ZERO, Input::Answer(1));
        assert_eq!(s.handle(Instant::ZERO, Input::Dial(1)), [told(1, Told::Taken), told(0, Told::Rings)], "picked up too late");
    }

    #[test]
    fn nobody_there_is_waited_for_and_then_named() {
        let mut s = switch();
        s.handle(Instant::ZERO, Input::Away(1));
        assert!(s.handle(Instant::ZERO, Input::Dial(0)).is_empty() && !s.is_under_way());
        assert!(s.tick(Instant(5_999_999)).is_empty());
        assert!(refused(&s.tick(Instant(6_000_000))).contains("without answer"));
        s.handle(Instant(7), Input::Dial(0));
        assert_eq!(s.handle(Instant(8), Input::Present(1)), [told(0, Told::Taken), told(1, Told::Rings)], "it came");
        s.handle(Instant(9), Input::Away(1));
        assert_eq!(run(&mut s), [(268, told(0, Told::Heard(Heard::Lost)))], "and went");
    }

    #[test]
    fn a_cut_circuit_is_dead_and_a_call_on_it_loses_its_carrier_without_a_word() {
        let mut s = connected();
        s.handle(Instant::ZERO, Input::Order(1, Order::Listen(None)));
        s.handle(Instant::ZERO, Input::Order(0, frame()));
        s.handle(Instant(500_000), Input::Command(Command::Cut(None)));
        let said: Vec<Told> = run(&mut s).into_iter().filter(|(_, o)| o.end == 1).map(|(_, o)| o.told).collect();
        assert_eq!(said, [Told::Heard(Heard::Carrier(None)), Told::Heard(Heard::Quiet)]);
        s.handle(Instant(3_000_000), Input::HangUp(0));
        assert!(run(&mut s).is_empty(), "nobody hears of it");
        s.handle(Instant(3_000_000), Input::HangUp(1));
        assert!(refused(&s.handle(Instant(3_000_000), Input::Dial(0))).contains("dead"));
        s.handle(Instant(4_000_000), Input::Command(Command::Restore));
        assert_eq!(s.handle(Instant(4_000_000), Input::Dial(0))[0].told, Told::Taken);
    }

    #[test]
    fn a_tone_that_nobody_answers_skips_no_time() {
        let mut s = connected();
        s.handle(Instant::ZERO, Input::Order(0, Order::Tone(Tone::Cng)));
        let said = run(&mut s);
        assert!(said.is_empty() && s.deadline() == Some(Instant(3_500_000)), "{said:?}");
    }

    #[test]
    fn commands_are_read_and_keep_what_they_do_not_name() {
        let mut s = switch();
        let do_to = |s: &mut Switch, c: &str| s.handle(Instant::ZERO, Input::Command(c.parse().unwrap()));
        do_to(&mut s, "noise light");
        do_to(&mut s, "profile cable");
        let quality = s.circuit().way(1).quality();
        assert_eq!((quality.snr, quality.delay), (Quality::LIGHT, Duration::from_millis(80)));
        do_to(&mut s, "cut 2s");
        assert!(s.circuit().way(0).is_cut(Instant(1_999_999)) && !s.circuit().way(0).is_cut(Instant(2_000_000)));
        for bad in ["", "cut 2", "noise", "noise loud", "profile moon", "stop now"] {
            assert!(bad.parse::<Command>().unwrap_err().contains('`'), "{bad}");
        }
    }
}

//! T.38: packets, datagrams, a terminal that hears whatever the bytes say, and two terminals on a network that the bytes rule.
//!
//! The first byte says which. Held to: no panic; what is read and written again reads the same; a carrier is quiet before the next one comes;
//! what is waited for has a time; a frame that is heard is one that was sent, however datagrams are lost, doubled, put out of order.

use super::Bytes;
use molink::fax::modem::{Fast, Heard, Modulation, Order, Signal, Tone, Training};
use molink::fax::t38::udptl::Datagram;
use molink::fax::t38::{Config, Ifp, Input, Output, Syntax, Terminal};
use molink::machine::Machine;
use molink::time::{Instant, Speed};
use std::time::Duration;

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    match bytes.byte() % 4 {
        0 => packet(bytes.rest()),
        1 => datagram(bytes.rest()),
        2 => hostile(&mut bytes),
        _ => network(&mut bytes),
    }
}

fn packet(octets: &[u8]) {
    for syntax in [Syntax::Of1998, Syntax::Of2002] {
        match Ifp::decode(octets, syntax) {
            Ok(ifp) => {
                let again = ifp.encode(syntax);
                assert_eq!(Ifp::decode(&again, syntax), Ok(ifp.clone()));
                assert!(!ifp.to_string().is_empty());
            }
            Err(flaw) => assert!(!flaw.is_empty()),
        }
    }
}
fn datagram(octets: &[u8]) {
    if let Ok(datagram) = Datagram::decode(octets) {
        packet(&datagram.primary);
        assert_eq!(Datagram::decode(&datagram.encode()), Ok(datagram));
    }
}

const FAST: Fast = Fast { modulation: Modulation::V17At14400, training: Training::Long, framed: true };

fn order(bytes: &mut Bytes) -> Order {
    let frames: Vec<Vec<u8>> = (0..bytes.below(4)).map(|_| vec![bytes.byte(); usize::from(bytes.byte() % 30) + 1]).collect();
    let modulation = *bytes.of(&Modulation::FAST);
    let fast = Fast { modulation, framed: bytes.bit(), ..FAST };
    match bytes.below(8) {
        0 => Order::Tone(Tone::Cng),
        1 => Order::Tone(Tone::Ced),
        2 => Order::Send(Signal::Frames(frames)),
        3 => Order::Send(Signal::FastFrames(fast, frames)),
        4 => Order::Send(Signal::Bits(fast, frames.concat())),
        5 => Order::Listen(Some(fast)),
        6 => Order::Listen(None),
        _ if bytes.byte() == 7 => Order::HangUp,
        _ => Order::Listen(Some(FAST)),
    }
}

/// Whether a carrier is on, as the fax machine was told.
#[derive(Default)]
struct Told {
    carrier: bool,
    lost: bool,
}

impl Told {
    fn take(&mut self, outputs: &[Output]) {
        for output in outputs {
            let Output::Heard(heard) = output else { continue };
            assert!(!self.lost, "after the line was lost: {heard:?}");
            match heard {
                Heard::Carrier(_) => assert!(!std::mem::replace(&mut self.carrier, true), "a carrier on top of another"),
                Heard::Quiet => self.carrier = false,
                Heard::Frame(_) | Heard::Bits(_) | Heard::Damaged(_) => assert!(self.carrier, "{heard:?} without a carrier"),
                Heard::Lost => self.lost = true,
                Heard::Tone(_) | Heard::Unreadable | Heard::Sent => {}
            }
        }
    }
    /// Who stops listening does not hear the end.
    fn order(&mut self, order: &Order) {
        self.carrier &= matches!(order, Order::Listen(_) | Order::Tone(Tone::Cng));
    }
}

fn hostile(bytes: &mut Bytes) {
    let syntax = *bytes.of(&[Syntax::Of1998, Syntax::Of2002]);
    let speed = *bytes.of(&[Speed::REAL, Speed::Max, Speed::Times(20.0)]);
    let mut terminal = Terminal::new(Config { syntax, repeats: bytes.below(9), speed });
    let (mut now, mut told, mut number) = (Instant::ZERO, Told::default(), 0u16);
    while !bytes.is_empty() {
        now += Duration::from_millis(u64::from(bytes.byte()) * 8);
        let outputs = match bytes.below(6) {
            0 => {
                let order = order(bytes);
                // What was due before comes first.
                told.take(&terminal.tick(now));
                told.order(&order);
                terminal.handle(now, Input::Order(order))
            }
            1 => terminal.handle(now, Input::Datagram(bytes.take(40).to_vec())),
            2 => terminal.tick(now),
            _ => {
                number = number.wrapping_add(u16::from(bytes.byte() % 5));
                let repeated = (0..bytes.below(3)).map(|_| bytes.take(6).to_vec()).collect();
                let recovery = molink::fax::t38::udptl::Recovery::Repeated(repeated);
                let length = bytes.below(12);
                terminal.handle(now, Input::Datagram(Datagram { number, primary: bytes.take(length).to_vec(), recovery }.encode()))
            }
        };
        told.take(&outputs);
    }
    let mut steps = 0;
    while let Some(at) = terminal.deadline().filter(|at| at.since(now) < Duration::from_secs(60)) {
        steps += 1;
        assert!(steps < 100_000, "it is never at rest");
        told.take(&terminal.tick(at));
    }
    assert!(!told.carrier || told.lost, "a carrier that never ends");
}

/// One sends, the other hears; the bytes say which datagrams come, when, and how often.
fn network(bytes: &mut Bytes) {
    let config = Config { syntax: *bytes.of(&[Syntax::Of1998, Syntax::Of2002]), repeats: bytes.below(5), speed: Speed::REAL };
    let (mut near, mut far) = (Terminal::new(config), Terminal::new(config));
    let (mut now, mut sent, mut on_way, mut told) = (Instant::ZERO, vec![], vec![], Told::default());
    far.handle(now, Input::Order(Order::Listen(Some(FAST))));
    for _ in 0..1 + bytes.below(4) {
        let count = 1 + bytes.below(3);
        let frames: Vec<Vec<u8>> =
            (0..count).map(|n| (0..20 + bytes.below(60)).map(|k| (k * 7 + n * 3 + sent.len()) as u8).collect()).collect();
        sent.extend(frames.clone());
        let signal = if bytes.bit() { Signal::Frames(frames) } else { Signal::FastFrames(FAST, frames) };
        let mut outputs = near.handle(now, Input::Order(Order::Send(signal)));
        let mut out = false;
        while !out {
            for output in std::mem::take(&mut outputs) {
                match output {
                    Output::Datagram(datagram) => on_way.push(datagram),
                    Output::Heard(heard) => out |= heard == Heard::Sent,
                    Output::Anew(_) | Output::Odd(_) => panic!("it heard nothing"),
                }
            }
            while !on_way.is_empty() && !bytes.is_empty() && bytes.byte() % 8 != 7 {
                // Mostly the first in line, now and then another; mostly once, and some are lost.
                let which = if bytes.byte().is_multiple_of(8) { bytes.below(on_way.len()) } else { 0 };
                let datagram = if bytes.byte().is_multiple_of(16) { on_way[which].clone() } else { on_way.remove(which) };
                if bytes.byte() % 5 != 4 {
                    arrives(&mut far, now, datagram, &sent, &mut told);
                }
            }
            if let Some(at) = near.deadline().filter(|_| !out) {
                now = now.max(at);
                outputs = near.tick(now);
            }
        }
    }
    for datagram in on_way {
        arrives(&mut far, now, datagram, &sent, &mut told);
    }
}
fn arrives(far: &mut Terminal, now: Instant, datagram: Vec<u8>, sent: &[Vec<u8>], told: &mut Told) {
    let outputs = far.handle(now, Input::Datagram(datagram));
    told.take(&outputs);
    for output in outputs {
        if let Output::Heard(Heard::Frame(frame)) = output {
            assert!(sent.contains(&frame), "a frame that nobody sent: {frame:02x?}");
        }
    }
}

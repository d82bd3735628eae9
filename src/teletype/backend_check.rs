//! Tries a line before a station runs on it: opens the device, calls up, listens for the ready answer. No message is sent.
//!
//! Standard: none; the call-up is the procedure's (`docs/procedure.md`). In: an open device. Out: notes for people.
//! Left out: whether a station is right to go on without an answer (people's). Shown by: `tests/it/backend.rs`, `molink check`.

use super::cipher::ENCIPHERED;
use super::codes::Coder;
use super::keys::{Keys, Kind};
use super::service::{Detector, Line};
use super::slip::Hand;
use crate::key::backend_disk::Shelf;
use crate::key::{Medium, Tape};
use crate::line::{Code, LineSpec, Opened, Pacer};
use crate::message::Name;
use crate::time::{Clock, Speed};
use tokio::io::AsyncReadExt;

/// What is to be said of a port's key tapes before it runs; `Err` if it could not run.
pub(super) fn key_notes(keys: &Keys, station: &Name) -> Result<Vec<String>, String> {
    if keys.kind == Kind::Machine {
        return Ok(vec![]); // always in clear
    }
    let Some(dir) = &keys.keys else {
        let tls = keys.line.as_ref().is_some_and(LineSpec::is_tls);
        return Ok(vec![if tls { "in TLS, the text itself in clear: no `keys`".into() } else { "in clear: no `keys`".into() }]);
    };
    let tapes = Shelf::open(dir, Medium::Tape, station, keys.peer.as_ref())?.tapes();
    let minutes = |codes: u64| codes as f64 * keys.code_time().as_secs_f64() / 60.0;
    let tell = |way: &str, hung: &[Tape]| {
        let left: u64 = hung.iter().map(Tape::left).sum();
        format!("key for {way} traffic: {} tapes, {left} codes left, {:.0} minutes at line speed", hung.len(), minutes(left))
    };
    let mut notes = vec![tell("outgoing", &tapes.send), tell("incoming", &tapes.receive)];
    notes.extend(tapes.troubles);
    Ok(notes)
}

/// Asks a machine at a desk who it is, if its answerback is known; nothing is printed on it.
pub(super) async fn who_is_there(line: Opened, keys: &Keys, speed: Speed) -> String {
    let hand = Hand { code: keys.code.send, unshift: keys.unshift_on_space };
    let (Some(wanted), Some(question)) = (&keys.expect_answerback, hand.who_are_you()) else {
        return "a machine at a desk; it is not asked who it is (`expect_answerback`), and nothing was printed".into();
    };
    let (mut reader, writer) = tokio::io::split(line.stream);
    let (pacer, _paced) = Pacer::start(writer, speed.real(keys.code_time()), line.handover, tokio::runtime::Handle::current());
    pacer.send(question);
    let mut printed = String::new();
    let mut coder = Coder::in_letters(keys.code.receive, keys.unshift_on_space);
    let answer = async {
        let mut buffer = [0; 64];
        while let Ok(n @ 1..) = reader.read(&mut buffer).await {
            let codes: Vec<Code> = buffer[..n].iter().map(|byte| Code::new(*byte)).collect();
            printed.extend(coder.print(&codes).chars().filter(|c| !c.is_control()).take(200));
            if printed.contains(wanted.as_str()) {
                return;
            }
        }
    };
    let limit = speed.real(keys.code_time() * 60).max(crate::time::TIMER_FLOOR);
    let came = tokio::time::timeout(limit, answer).await;
    let what = if printed.is_empty() { "nothing came".to_owned() } else { format!("`{printed}` came") };
    match came {
        Ok(()) if printed.contains(wanted.as_str()) => format!("WRU was answered: {wanted}"),
        Ok(()) | Err(_) => format!("WRU was not answered with `{wanted}` within {:.0} s: {what}; is the machine on?", limit.as_secs_f64()),
    }
}

/// Calls up once; says who answered, or that nobody did within the ready timer.
pub(super) async fn call_up(line: Opened, keys: &Keys, station: &Name, speed: Speed) -> String {
    let clock = Clock::new(None, speed);
    let config = keys.config(station, speed, clock.epoch());
    let ready = config.timing().ready() + config.code_time * 60; // the call-up itself has about 60 codes
    let call = Line::Call { to: keys.peer.clone(), from: station.clone(), no: 1, code: config.send, key: None };
    let said = call.body();
    let (mut reader, writer) = tokio::io::split(line.stream);
    let (pacer, _paced) = Pacer::start(writer, speed.real(config.code_time), line.handover, tokio::runtime::Handle::current());
    pacer.send(call.codes(keys.unshift_on_space));
    let mut detector = Detector::new(keys.unshift_on_space);
    let answer = async {
        let mut buffer = [0; 64];
        loop {
            let n = match reader.read(&mut buffer).await {
                Ok(0) | Err(_) => return None,
                Ok(n) => n,
            };
            for body in buffer[..n].iter().filter_map(|byte| detector.take(Code::new(*byte))) {
                match Line::read(&body, clock.utc(clock.now())) {
                    Some(Line::Ready { to, from, no: 1, .. }) if to == *station => return Some((from, "is ready".to_owned())),
                    // A check names no key, so that none is used for it.
                    Some(Line::NotReady { to, from, no: 1, reason }) if to == *station && keys.keys.is_some() && reason == ENCIPHERED => {
                        return Some((from, "is there, and its line is enciphered too; the first message tries the tapes".to_owned()));
                    }
                    Some(Line::NotReady { to, from, no: 1, reason }) if to == *station => {
                        return Some((from, format!("is there and says: {reason}")));
                    }
                    _ => {} // somebody else's line, or not an answer to this
                }
            }
        }
    };
    let limit = speed.real(ready).max(crate::time::TIMER_FLOOR);
    match tokio::time::timeout(limit, answer).await {
        Ok(Some((from, what))) => format!("`{said}` was answered: {} {what}", from.upper()),
        Ok(None) => format!("`{said}`: the line went away while the answer was waited for"),
        Err(_) => format!("`{said}`: no answer within {:.0} s; is the far station running? Messages would wait", limit.as_secs_f64()),
    }
}

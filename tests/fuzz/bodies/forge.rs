//! Service lines that somebody on the line forges: well formed, their check groups right, and nearly true.

use super::Bytes;
use super::ends::End;
use molink::line::Code;
use molink::message::Name;
use molink::teletype::service::{Claim, Line, Place, Stamp, Why};

/// A line for `to` to hear, as if `far` had said it, or somebody else.
pub fn line(bytes: &mut Bytes, to: &End, far: &End) -> Line {
    let (own, peer) = (to.config.station.clone(), far.config.station.clone());
    let other: Name = "paris".parse().expect("a name");
    let [to_name, from_name] = match bytes.byte() {
        0..224 => [&own, &peer],
        224..236 => [&peer, &own],
        236..248 => [&other, &peer],
        _ => [&own, &other],
    };
    let (to_name, from) = (to_name.clone(), from_name.clone());
    let no = u32::from(bytes.byte() % 16);
    match bytes.byte() % 8 {
        0 | 1 => {
            let claim = |bytes: &mut Bytes| Claim { from: place(bytes, far, to), count: count(bytes), read: place(bytes, to, far) };
            let key = (bytes.byte() < 240).then(|| claim(bytes));
            Line::Call { to: (bytes.byte() < 200).then_some(to_name), from, no, code: far.config.send, key }
        }
        2 => Line::Ready { to: to_name, from, no, key: (bytes.byte() < 240).then(|| place(bytes, to, far)) },
        3 => Line::NotReady { to: to_name, from, no, reason: "NO TAPE".into() },
        4 | 5 => Line::Key { from: place(bytes, far, to), count: count(bytes) },
        6 => {
            let why = *bytes.of(&[Why::Check, Why::Idle, Why::Heading, Why::Busy, Why::Long, Why::Step, Why::Key]);
            Line::NotReceived { no, why: Some(why) }
        }
        _ => {
            let identity = to.open.values().next().map(|d| d.message.identity.clone());
            let identity = identity.unwrap_or_else(|| "WASHINGTON-0001-19630830T1600Z".parse().expect("an identity"));
            let stamp = Stamp { identity, count: usize::from(bytes.word()), check: "AAAAA".into() };
            if bytes.bit() { Line::Received { before: false, stamp } } else { Line::Refused { stamp, reason: "NO".into() } }
        }
    }
}
fn count(bytes: &mut Bytes) -> u64 {
    match bytes.byte() % 4 {
        0 => 0,
        1 => u64::from(bytes.byte()),
        2 => u64::from(bytes.word()),
        _ => 999_999_999,
    }
}
/// A place near where a tape of `sender` stands, as the sender or the reader has it.
fn place(bytes: &mut Bytes, sender: &End, reader: &End) -> Place {
    let tapes = if bytes.bit() { &sender.keys.tapes.send } else { &reader.keys.tapes.receive };
    let tape = (!tapes.is_empty()).then(|| bytes.of(tapes).clone());
    let (serial, next) = tape.map_or((123_456, 0), |t| (t.serial, t.next));
    let position = match bytes.byte() % 6 {
        0 | 1 => next,
        2 => next.saturating_sub(u64::from(bytes.byte())),
        3 => next + u64::from(bytes.byte()),
        4 => next + u64::from(bytes.word()),
        _ => u64::from(bytes.long()) % 1_000_000_000,
    };
    Place::new(serial, position.min(999_999_999))
}

/// What noise does to one code.
pub fn damaged(how: u8, code: Code) -> Vec<Code> {
    match how % 34 {
        0 => vec![],
        1 => vec![code, code],
        bits => vec![Code::new(code.value() ^ (bits - 2))],
    }
}

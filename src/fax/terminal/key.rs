//! The diskettes of a fax port: which hang there, how far they are reserved, and what people are told of them.
//!
//! Standard: none; ours (`docs/fax-cipher.md`). In: diskettes as they hang, reservations that are on disk, events of key in a call.
//! Out: what a call has to know of key, the router's events. A trouble that goes on is told once.
//! Left out: the call (see `t30::cipher`), disks (see `key::backend_disk`). Shown by: `tests/it/fax_cipher.rs`, the tests of the backend.

use super::{Output, Terminal};
use crate::fax::t30::{self, KeyEvent, Keys};
use crate::key::reel::Reservation;
use crate::key::{Copy, Tape, Tapes};
use crate::router::Event;
use crate::router::event::Direction;
use crate::time::Instant;

/// Bits a second for which the minutes of a warning are counted: what the fax of 1986 is said to have had.
const RATE: u64 = 4800;

/// Troubles that are remembered, so that each is told once.
const MOST_TOLD: usize = 16;

/// What is known of key.
#[derive(Default)]
pub(super) struct Key {
    diskettes: Tapes,
    /// The troubles told last.
    told: Vec<String>,
}

impl Terminal {
    /// What a call on this line has to know of key; `None` in clear.
    pub(super) fn keys(&self) -> Option<Keys> {
        let rules = self.config.key.as_ref()?;
        Some(Keys { diskettes: self.key.diskettes.clone(), jump: rules.jump, warn: rules.warn.clone() })
    }
    /// These hang at the port. A look into the folder may be older than a reservation made since.
    pub(super) fn diskettes(&mut self, mut now: Tapes) {
        for copy in [Copy::Send, Copy::Receive] {
            let known = self.key.diskettes.of(copy).to_vec();
            let next = |t: &Tape| known.iter().find(|k| k.serial == t.serial).map_or(t.next, |k| k.next.max(t.next));
            of(&mut now, copy).iter_mut().for_each(|t| t.next = next(t));
        }
        self.key.diskettes = now;
    }
    pub(super) fn look_for_diskettes(&mut self) {
        if self.config.key.is_some() {
            self.out.push(Output::Rescan);
        }
    }
    /// A reservation is on disk: whatever becomes of the call, that key is not used again.
    pub(super) fn reserved(&mut self, now: Instant, made: Reservation, key: Vec<u8>) {
        let end = made.from + key.len() as u64;
        for tape in of(&mut self.key.diskettes, made.copy).iter_mut().filter(|t| t.serial == made.serial) {
            tape.next = tape.next.max(end);
        }
        self.tell(now, t30::Input::Reserved { made, key });
    }
    /// Tells people what became of key.
    pub(super) fn key_event(&mut self, event: KeyEvent) {
        let dir = |copy| if copy == Copy::Send { Direction::Out } else { Direction::In };
        let event = match event {
            KeyEvent::Taken { copy, at, left } => Event::KeyTaken { dir: dir(copy), tape: at.serial, position: at.position, left },
            KeyEvent::Burned { copy, from, to, reason } => {
                Event::KeyBurned { dir: dir(copy), tape: from.serial, from: from.position, to, reason }
            }
            KeyEvent::Low { copy, left } => Event::KeyLow { dir: dir(copy), left, minutes: left * 8 / RATE / 60 },
            KeyEvent::Trouble { reason } if self.key.told.contains(&reason) => Event::Note { text: reason },
            KeyEvent::Trouble { reason } => {
                self.key.told.truncate(MOST_TOLD - 1);
                self.key.told.insert(0, reason.clone());
                Event::KeyTrouble { reason }
            }
            page @ KeyEvent::Page { .. } => {
                // It works: what is said from here on is new, unless it is of a diskette that still hangs there.
                self.key.told.retain(|told| self.key.diskettes.troubles.contains(told));
                Event::Note { text: page.to_string() }
            }
        };
        let id = self.identity();
        self.event(event, id.as_ref());
    }
}

fn of(tapes: &mut Tapes, copy: Copy) -> &mut Vec<Tape> {
    match copy {
        Copy::Send => &mut tapes.send,
        Copy::Receive => &mut tapes.receive,
    }
}

//! The timers of a call, and how often a command is said.
//!
//! Standard: ITU-T T.30 5.4.3.1 and annex A; the values as Cisco lists them for Group 3. Clauses beside the timers are from secondary sources.
//! In: the clock's speed. Out: lengths on its scaled clock, never under two seconds of real time (`time::Speed::timer`).
//! Left out: T3, which calls an operator; there is none. Shown by: `fixtures/dialogues/fax`.

use crate::time::Speed;
use std::time::Duration;

/// What a machine may wait for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Timer {
    /// 60 s ± 5 s: the caller, from dialling until it hears the far end (T.30 4.1.1).
    T0,
    /// 35 s ± 5 s: both, until they have identified each other (T.30 5.4.3.1).
    T1,
    /// 6 s ± 1 s: the receiver, until the next command begins (T.30 5.4.3.1). Flags stop it.
    T2,
    /// 3 s ± 15 %: the sender, until an answer begins (T.30 5.4.3.1; 4.5 s where a person dials). Flags stop it.
    T4,
    /// 60 s ± 5 s: the sender, while the receiver says it is not ready (annex A.5.4.1).
    T5,
    /// Ours. A V.21 signal ends within this: the longest frames of T.30 together take 9 s.
    Carrier,
    /// Ours. The same between stations of molink: eight frames of facilities take another 22 s.
    LongCarrier,
    /// Ours. A training check begins and ends within this after its DCS, else it failed: 75 ms, 1.393 s, 1.5 s, and half a second.
    Check,
    /// Ours. A page that is being stored this long is answered RNR, where that is possible.
    Storing,
    /// Ours. A page is on disk within this, or the call is given up: later than the sender's T5.
    Stored,
    /// Ours. It is decided what is said to the far end, or whether its message is taken.
    Deciding,
    /// Before CED: T.30 4, 1.8 to 2.5 s after the line is taken (secondary sources).
    Pickup,
    /// Ours. A fast signal ends within this: the longest page at the slowest rate is refused before.
    Page,
}

impl Timer {
    /// Its length in life.
    pub const fn nominal(self) -> Duration {
        Duration::from_millis(match self {
            Timer::T0 => 60_000,
            Timer::T1 => 35_000,
            Timer::T2 => 6_000,
            Timer::T4 => 3_000,
            Timer::T5 => 60_000,
            Timer::Carrier => 12_000,
            Timer::LongCarrier => 35_000,
            Timer::Deciding => 20_000,
            Timer::Check => 3_600,
            Timer::Storing => 1_000,
            Timer::Stored => 70_000,
            Timer::Pickup => 2_000,
            Timer::Page => 1_800_000,
        })
    }
    /// Its length on a clock of a speed. What only paces the machine itself keeps its own, and at full speed nothing is paced.
    pub fn length(self, speed: Speed) -> Duration {
        match self {
            Timer::Pickup if speed == Speed::Max => Duration::ZERO,
            Timer::Pickup | Timer::Storing => self.nominal(),
            _ => speed.timer(self.nominal()),
        }
    }
    /// Its name, as T.30 has it.
    pub const fn name(self) -> &'static str {
        match self {
            Timer::T0 => "T0",
            Timer::T1 => "T1",
            Timer::T2 => "T2",
            Timer::T4 => "T4",
            Timer::T5 => "T5",
            Timer::Carrier | Timer::LongCarrier => "the longest V.21 signal",
            Timer::Check => "the longest training check",
            Timer::Storing => "storing",
            Timer::Stored => "the longest storing",
            Timer::Deciding => "deciding",
            Timer::Pickup => "pickup",
            Timer::Page => "the longest page",
        }
    }
}

/// How often a command is said before the call is given up (T.30 figures 5-2: "3rd try").
pub const TRIES: u32 = 3;
/// How often a block is asked for at one rate (annex A.1.3: "PPR is received four times").
pub const ASKS: u32 = 4;
/// Ours: how often a page that was refused (RTN) is sent.
pub const PAGE_TRIES: u32 = 3;
/// Ours: a command that begins within this after the same command ended is that command repeated, if nothing was heard between:
/// T4 of the machines that wait longest (4.5 s), and some.
pub const REPEATED: Duration = Duration::from_secs(5);
/// Ours: how often a DIS or DCS is passed over because a frame beside it was damaged, which might have been of a station of molink.
pub const PASSED_OVER: u32 = 2;
/// Ours: answers, and signals that said nothing, without a page or block received between, after which the answerer gives up.
pub const MOST_TURNS: u32 = 100;
/// Ours: how often a block is corrected anew (CTC) at the slowest rate.
pub const SLOWEST_TRIES: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_keeps_its_floor_of_real_time() {
        assert_eq!(Timer::T4.length(Speed::REAL), Duration::from_secs(3));
        assert_eq!(Timer::T4.length(Speed::Times(20.0)), Duration::from_secs(40));
        assert_eq!(Timer::Pickup.length(Speed::Times(20.0)), Duration::from_secs(2));
    }
}

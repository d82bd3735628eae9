//! How long each end waits: every timer of the procedure, in code times and seconds.
//!
//! Standard: none; ours, each with its reason below and its seconds at 50 Bd in `docs/procedure.md`.
//! In: the time of a code, the longest delay of the line, the speed. Out: durations on the scaled clock.
//! Left out: retry after a failed delivery (the router's). Shown by: `tests/it/procedure.rs`.

use crate::time::Speed;
use std::time::Duration;

/// Call-ups to one transmission before the line counts as down.
pub const CALLS: u32 = 3;
/// Transmissions of one delivery before it is given back to the router.
pub const TRANSMISSIONS: u32 = 3;

/// The timers' one maker.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    code: Duration,
    delay: Duration,
    speed: Speed,
    /// By how many codes lines are longer where the line is enciphered: tapes are named, answers announced.
    longer: u32,
}

impl Timing {
    /// For a line that takes `code` for each code, delays it by `delay` at the most, and is enciphered or not.
    pub fn new(code: Duration, delay: Duration, speed: Speed, cipher: bool) -> Timing {
        Timing { code, delay, speed, longer: if cipher { 80 } else { 0 } }
    }
    /// From the call-up's last code to the ready answer: the far end may first end a service line (75 codes) and the
    /// answer is about 50.
    pub fn ready(&self) -> Duration {
        self.timer(100 + self.longer, 5) + self.delay * 2
    }
    /// From the message's last code to the receipt: about 80 codes, an answer before it, and the far disk.
    pub fn receipt(&self) -> Duration {
        self.timer(120 + self.longer, 15) + self.delay * 2
    }
    /// Silence inside a message: a simulated line hands over a text line of up to 90 codes at once.
    pub fn idle(&self) -> Duration {
        self.timer(120, 3)
    }
    /// From the ready answer's last code to the heading: the far end may first end a service line.
    pub fn called(&self) -> Duration {
        self.timer(120 + self.longer, 10) + self.delay * 2
    }
    fn timer(&self, codes: u32, seconds: u64) -> Duration {
        self.speed.timer(self.code * codes + Duration::from_secs(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_50_bd_the_timers_are_those_of_the_document() {
        let t = Timing::new(Duration::from_millis(150), Duration::from_secs(1), Speed::REAL, false);
        let seconds = [t.ready(), t.receipt(), t.idle(), t.called()].map(|d| d.as_secs());
        assert_eq!(seconds, [22, 35, 21, 30]);
        let t = Timing::new(Duration::from_millis(150), Duration::from_secs(1), Speed::REAL, true);
        let seconds = [t.ready(), t.receipt(), t.idle(), t.called()].map(|d| d.as_secs());
        assert_eq!(seconds, [34, 47, 21, 42]);
    }

    #[test]
    fn a_fast_clock_keeps_the_real_floor() {
        let t = Timing::new(Duration::from_millis(150), Duration::ZERO, Speed::Times(20.0), false);
        assert_eq!(t.idle(), Duration::from_secs(40));
    }
}

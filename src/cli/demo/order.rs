//! At full speed: what is told of each station, in the order in which it happened there.
//!
//! Standards: none. What the journal keeps is told when it is on disk, anything else at once; that takes milliseconds, in which at full speed
//! much has happened, and a caller hangs up before its page is confirmed. In: what is told, as it comes. Out: the same a little later, what came
//! late put before what happened later at its station. Left out: other speeds, where nothing waits. Shown by: the tests below, `molink demo --speed max`.

use crate::station::live::Told;
use crate::time::Speed;
use std::collections::VecDeque;

/// For so many moments what is told waits for what happened before it.
const MOMENTS: u64 = 5;

/// What waits to be told.
pub(super) struct InOrder {
    /// Nothing waits.
    at_once: bool,
    moment: u64,
    /// Each with the moment it came in.
    waiting: VecDeque<(u64, Told)>,
}

impl InOrder {
    pub fn new(speed: Speed) -> InOrder {
        InOrder { at_once: speed != Speed::Max, moment: 0, waiting: VecDeque::new() }
    }
    /// Takes what is told; gives what is to be told now.
    pub fn take(&mut self, told: Told) -> Vec<Told> {
        match told {
            told if self.at_once => vec![told],
            Told::Moment => {
                self.moment += 1;
                let long = self.waiting.iter().take_while(|(came, _)| came + MOMENTS <= self.moment).count();
                self.waiting.drain(..long).map(|(_, told)| told).chain([Told::Moment]).collect()
            }
            Told::Event(event) => {
                // Before what happened there later; nothing else changes places, so that no answer is told before its question.
                let later = |told: &Told| matches!(told, Told::Event(other) if other.station == event.station && other.utc > event.utc);
                let place = self.waiting.iter().position(|(_, told)| later(told));
                let came = place.map_or(self.moment, |place| self.waiting[place].0);
                self.waiting.insert(place.unwrap_or(self.waiting.len()), (came, Told::Event(event)));
                vec![]
            }
            Told::Say(_) | Told::Tapped(_) | Told::Read(..) => {
                self.waiting.push_back((self.moment, told));
                vec![]
            }
        }
    }
    /// All that waits: nothing more comes.
    pub fn rest(&mut self) -> Vec<Told> {
        self.waiting.drain(..).map(|(_, told)| told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::{Event, Stamped};
    use crate::time::Utc;

    fn at(micros: i64, station: &str) -> Told {
        let station = station.parse().unwrap();
        Told::Event(Stamped { t: 0, utc: Utc(micros), station, port: None, id: None, event: Event::Printed })
    }
    fn words(told: &[Told]) -> Vec<String> {
        let word = |told: &Told| match told {
            Told::Event(e) => format!("{} {}", e.station, e.utc.0),
            Told::Say(text) => text.clone(),
            Told::Moment => "-".into(),
            Told::Tapped(_) | Told::Read(..) => "?".into(),
        };
        told.iter().map(word).collect()
    }

    #[test]
    fn at_full_speed_what_was_late_is_told_where_it_belongs_and_at_another_nothing_waits() {
        let all =
            || [at(7, "moscow"), at(4, "washington"), Told::Say("a word".into()), at(9, "moscow"), at(2, "moscow"), at(3, "washington")];
        let mut max = InOrder::new(Speed::Max);
        for told in all() {
            assert!(max.take(told).is_empty());
        }
        for _ in 1..MOMENTS {
            assert_eq!(words(&max.take(Told::Moment)), ["-"]);
        }
        assert!(max.take(at(10, "moscow")).is_empty());
        let told = max.take(Told::Moment);
        assert_eq!(words(&told), ["moscow 2", "moscow 7", "washington 3", "washington 4", "a word", "moscow 9", "-"]);
        assert_eq!(words(&max.rest()), ["moscow 10"]);
        let mut real = InOrder::new(Speed::REAL);
        assert!(all().into_iter().all(|told| real.take(told).len() == 1) && real.rest().is_empty());
    }
}

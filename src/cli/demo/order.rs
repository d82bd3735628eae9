//! At full speed: what is told of each station, in the order in which it happened there.
//!
//! Standards: none. What the journal keeps is told when it is on disk, anything else at once; that takes milliseconds, in which at full speed
//! much has happened, and a caller hangs up before its page is confirmed. In: what is told, as it comes. Out: the same a little later, each
//! station's events sorted by its clock. Left out: other speeds, where nothing waits. Shown by: the tests below, `molink demo --speed max`.

use crate::message::Name;
use crate::station::live::Told;
use crate::time::{Speed, Utc};
use std::collections::{BTreeMap, VecDeque};

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
        if self.at_once {
            return vec![told];
        }
        if !matches!(told, Told::Moment) {
            self.waiting.push_back((self.moment, told));
            return vec![];
        }
        self.moment += 1;
        self.sort();
        let long = self.waiting.iter().take_while(|(came, _)| came + MOMENTS <= self.moment).count();
        self.waiting.drain(..long).map(|(_, told)| told).chain([told]).collect()
    }
    /// All that waits: nothing more comes.
    pub fn rest(&mut self) -> Vec<Told> {
        self.sort();
        self.waiting.drain(..).map(|(_, told)| told).collect()
    }

    /// The places of a station's events stay, so that nothing is told before what it follows from at the other.
    fn sort(&mut self) {
        let mut places: BTreeMap<Name, Vec<(Utc, usize)>> = BTreeMap::new();
        for (n, (_, told)) in self.waiting.iter().enumerate() {
            if let Told::Event(event) = told {
                places.entry(event.station.clone()).or_default().push((event.utc, n));
            }
        }
        let mut sorted = vec![];
        for of_one in places.values() {
            let mut happened = of_one.clone();
            happened.sort(); // at one time: as they came
            let of = happened.iter().map(|(_, n)| self.waiting[*n].1.clone());
            sorted.extend(of_one.iter().map(|(_, place)| *place).zip(of));
        }
        for (place, told) in sorted {
            self.waiting[place].1 = told;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::{Event, Stamped};

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
        assert_eq!(words(&told), ["moscow 2", "washington 3", "a word", "moscow 7", "moscow 9", "washington 4", "-"]);
        assert_eq!(words(&max.rest()), ["moscow 10"]);
        let mut real = InOrder::new(Speed::REAL);
        assert!(all().into_iter().all(|told| real.take(told).len() == 1) && real.rest().is_empty());
    }
}

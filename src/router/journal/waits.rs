//! Why a message waits of which nothing was said yet: it was not tried, as another that goes the same way was or is.
//!
//! Standards: none. In: rows. Out: the same, with that as the last word of each that has none. Nothing is written for it: it is read when it is asked for.
//! Left out: routes (a journal has none: the same station and class is taken for the same way), lines that nobody has tried.
//! Shown by: the tests below, `tests/it/journal.rs`.

use super::{Row, State};
use crate::message::{Identity, Name, Precedence};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Whether nothing was said yet of a row that waits.
pub(super) fn silent(row: &Row) -> bool {
    row.state == State::Accepted && row.detail.is_empty()
}

/// Of those of which something was said, by the way they go: the one that keeps the others waiting.
pub(super) struct Ways(BTreeMap<(Name, &'static str), Row>);

type Order = (Reverse<Precedence>, i64, Identity);

fn order(row: &Row) -> Order {
    (Reverse(row.precedence), row.accepted.0, row.id.clone())
}

impl Ways {
    /// What is on the line goes before what was tried and goes next.
    pub fn of(told: Vec<Row>) -> Ways {
        let first = |row: &Row| (row.state != State::Sent, order(row));
        let mut ways = BTreeMap::new();
        for row in told {
            match ways.entry((row.to.station.clone(), row.class.word())) {
                Entry::Vacant(way) => drop(way.insert(row)),
                Entry::Occupied(mut way) if first(&row) < first(way.get()) => drop(way.insert(row)),
                Entry::Occupied(_) => {}
            }
        }
        Ways(ways)
    }
    /// Why a row waits of which nothing was said; `None` if nothing was of its way either.
    pub fn why(&self, row: &Row) -> Option<String> {
        let other = self.0.get(&(row.to.station.clone(), row.class.word()))?;
        Some(match (other.state, order(other) < order(row)) {
            (State::Sent, _) => format!("waits for {}, which goes out {}", other.id, other.detail),
            (_, true) => format!("waits behind {}: {}", other.id, other.detail),
            (_, false) => format!("waits as {} does: {}", other.id, other.detail),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Class;
    use crate::time::Utc;

    fn row(serial: u32, to: &str, precedence: Precedence, state: State, detail: &str) -> Row {
        Row {
            id: format!("WASHINGTON-{serial:04}-19630830T1600Z").parse().unwrap(),
            from: "operator@washington".parse().unwrap(),
            to: to.parse().unwrap(),
            precedence,
            class: Class::Message,
            subject: String::new(),
            accepted: Utc(i64::from(serial)),
            came_by: None,
            state,
            attempts: 0,
            detail: detail.into(),
        }
    }

    #[test]
    fn who_was_not_tried_waits_behind_or_with_whom_was_and_only_on_its_own_way() {
        use Precedence::{Flash, Routine};
        let tried = row(2, "a@moscow", Routine, State::Accepted, "no answer");
        let later = row(3, "b@moscow", Routine, State::Accepted, "");
        let flash = row(4, "b@moscow", Flash, State::Accepted, "");
        let elsewhere = row(5, "a@london", Routine, State::Accepted, "");
        let service = Row { class: Class::Service, ..later.clone() };
        let told = vec![row(7, "a@moscow", Routine, State::Accepted, "busy"), tried.clone()];
        let told = Ways::of(told);
        assert_eq!(told.why(&later).unwrap(), "waits behind WASHINGTON-0002-19630830T1600Z: no answer");
        assert_eq!(told.why(&flash).unwrap(), "waits as WASHINGTON-0002-19630830T1600Z does: no answer");
        assert_eq!([told.why(&elsewhere), told.why(&service)], [None, None]);
        let sent = Ways::of(vec![tried.clone(), row(6, "a@moscow", Routine, State::Sent, "by cable")]);
        assert_eq!(sent.why(&later).unwrap(), "waits for WASHINGTON-0006-19630830T1600Z, which goes out by cable");
        assert!(silent(&later) && !silent(&tried) && !silent(&Row { state: State::Filed, ..later }));
    }
}

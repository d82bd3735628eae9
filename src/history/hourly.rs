//! The hourly test of the link: whose turn each full hour is, when that side calls up, and what it sends.
//!
//! Standards: none. Tests every hour are documented; even hours Washington and odd hours Moscow only remembered (`docs/history.md`).
//! In: an entry of a timeline, and when it begins. Out: [`Test`]s, in order of time.
//! Left out: summer time (a basis is a fixed distance from UTC). Shown by: `history::hourly::tests`, `fixtures/scenarios/1976.toml`.

use crate::message::{Address, Class, Draft, Envelope, Part, Precedence};
use crate::time::{Utc, parse_duration};
use std::str::FromStr;
use std::time::Duration;

/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;
/// Tests of one entry at the most: six weeks of them.
const MOST: u32 = 1000;

/// By whose clock an hour is even: a fixed distance from UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Basis {
    /// Microseconds ahead of UTC.
    ahead: i64,
}

impl FromStr for Basis {
    type Err = String;
    fn from_str(s: &str) -> Result<Basis, String> {
        let bad =
            || format!("`{s}` is not a basis; it is one of washington, moscow, utc, or hours ahead of or behind UTC, such as +3h or -5h");
        let hours = |h: i64| Ok(Basis { ahead: h * HOUR });
        let (sign, ahead) = match (s, s.strip_prefix('+'), s.strip_prefix('-')) {
            // Eastern Standard Time, as the winter's clocks show it.
            ("washington", ..) => return hours(-5),
            // Moscow time before 1981, when the Soviet Union had no summer time; and in winter since.
            ("moscow", ..) => return hours(3),
            ("utc", ..) => return hours(0),
            (_, Some(ahead), _) => (1, ahead),
            (_, None, Some(behind)) => (-1, behind),
            (_, None, None) => return Err(bad()),
        };
        let ahead = i64::try_from(parse_duration(ahead).map_err(|_| bad())?.as_micros()).map_err(|_| bad())?;
        if ahead > 14 * HOUR { Err(bad()) } else { Ok(Basis { ahead: sign * ahead }) }
    }
}

/// An entry of a timeline that tests the link each hour.
#[derive(Clone, PartialEq, Debug)]
pub struct Hourly {
    /// Who sends at even hours, to the other.
    pub even: Address,
    /// Who sends at odd hours.
    pub odd: Address,
    /// By whose clock.
    pub basis: Basis,
    /// How long before the hour the message is handed in, so that its call-up comes before the hour.
    pub lead: Duration,
    /// How many tests.
    pub hours: u32,
    /// How urgent.
    pub precedence: Precedence,
    /// Which kind of traffic.
    pub class: Class,
    /// About what.
    pub subject: String,
    /// What the even side sends, in turn.
    pub even_text: Vec<String>,
    /// What the odd side sends, in turn.
    pub odd_text: Vec<String>,
}

/// One test.
#[derive(Clone, PartialEq, Debug)]
pub struct Test {
    /// When it is handed in, counted from the entry's own time.
    pub after: Duration,
    /// The full hour it is for.
    pub hour: Utc,
    /// What is handed in, at the station of its sender.
    pub draft: Draft,
}

impl Hourly {
    /// One sentence on what is wrong with it, if anything is.
    pub fn check(&self) -> Result<(), String> {
        if !(1..=MOST).contains(&self.hours) {
            return Err(format!("`hours` is {}; expected 1 to {MOST}", self.hours));
        }
        if self.lead.as_micros() >= HOUR.unsigned_abs().into() {
            return Err("`lead` must be less than an hour".into());
        }
        if self.even == self.odd {
            return Err(format!("`even` and `odd` are both `{}`; name the two ends", self.even));
        }
        if self.even_text.is_empty() || self.odd_text.is_empty() {
            return Err("`even_text` and `odd_text` need a text each at the least".into());
        }
        Ok(())
    }

    /// The tests of an entry that begins at `from`: the first is for the first full hour whose call-up is still to come.
    pub fn tests(&self, from: Utc) -> Vec<Test> {
        let lead = i64::try_from(self.lead.as_micros()).unwrap_or(0);
        let local = from.0 + self.basis.ahead;
        let first = (local + lead).div_euclid(HOUR) + i64::from((local + lead).rem_euclid(HOUR) > 0);
        let mut sent = [0usize; 2];
        let hours = first..first + i64::from(self.hours);
        hours.map(|hour| self.test(hour, from, lead, &mut sent)).collect()
    }

    /// The test of a local hour, counted from 1970; a day has an even number of hours, so that the count is even when the hour is.
    fn test(&self, hour: i64, from: Utc, lead: i64, sent: &mut [usize; 2]) -> Test {
        let odd = hour.rem_euclid(2) == 1;
        let (from_whom, to, texts) = match odd {
            false => (&self.even, &self.odd, &self.even_text),
            true => (&self.odd, &self.even, &self.odd_text),
        };
        let turn = &mut sent[usize::from(odd)];
        let text = texts.get(*turn % texts.len().max(1)).cloned().unwrap_or_default();
        *turn += 1;
        let (precedence, class, subject) = (self.precedence, self.class, self.subject.clone());
        let envelope = Envelope { from: from_whom.clone(), to: to.clone(), precedence, class, subject, via: vec![], post: None };
        let at = hour * HOUR - self.basis.ahead;
        Test {
            after: Duration::from_micros(u64::try_from(at - lead - from.0).unwrap_or(0)),
            hour: Utc(at),
            draft: Draft { envelope, content: vec![Part::Text { text }] },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hourly(basis: &str, lead: u64, hours: u32) -> Hourly {
        Hourly {
            even: "operator@washington".parse().unwrap(),
            odd: "operator@moscow".parse().unwrap(),
            basis: basis.parse().unwrap(),
            lead: Duration::from_secs(lead),
            hours,
            precedence: Precedence::Routine,
            class: Class::Message,
            subject: "TEST".into(),
            even_text: vec!["E1".into(), "E2".into()],
            odd_text: vec!["O1".into()],
        }
    }

    /// (seconds from the start, UTC of the hour, sender, text) of each test from `start` on.
    fn told(h: &Hourly, start: &str) -> Vec<(u64, String, String, String)> {
        let told = |t: Test| {
            let Some(Part::Text { text }) = t.draft.content.first().cloned() else { panic!("a test has a text") };
            (t.after.as_secs(), t.hour.clock_time(), t.draft.envelope.from.station.to_string(), text)
        };
        h.tests(start.parse().unwrap()).into_iter().map(told).collect()
    }

    #[test]
    fn sides_take_turns_by_the_parity_of_the_local_hour_and_texts_take_turns_too() {
        let of = |s: u64, hour: &str, who: &str, text: &str| (s, hour.to_owned(), who.to_owned(), text.to_owned());
        // 17:00Z is 12:00 by Washington's winter clock.
        let told = told(&hourly("washington", 180, 4), "1964-01-06T16:30:00Z");
        assert_eq!(
            told,
            [
                of(1620, "17:00:00", "washington", "E1"),
                of(5220, "18:00:00", "moscow", "O1"),
                of(8820, "19:00:00", "washington", "E2"),
                of(12420, "20:00:00", "moscow", "O1"),
            ]
        );
    }

    #[test]
    fn the_basis_decides_whose_hour_it_is() {
        let first = |basis: &str| told(&hourly(basis, 0, 1), "1976-08-07T12:00:00Z").remove(0).2;
        // In winter the capitals are 8 h apart, an even number: either basis gives the same. UTC does not, and neither does summer time.
        assert_eq!(["washington", "moscow", "-5h", "+3h"].map(first), ["moscow"; 4]);
        assert_eq!(["utc", "-4h", "+0h"].map(first), ["washington"; 3]);
        assert_eq!(told(&hourly("+5h30m", 0, 1), "1976-08-07T12:00:00Z")[0].1, "12:30:00", "a full hour by that clock");
    }

    #[test]
    fn an_hour_whose_call_up_has_passed_is_left_out() {
        let first = |start: &str| told(&hourly("utc", 180, 1), start).remove(0);
        assert_eq!((first("1976-08-07T11:57:00Z").0, first("1976-08-07T11:57:00Z").1.as_str()), (0, "12:00:00"));
        assert_eq!((first("1976-08-07T11:57:01Z").0, first("1976-08-07T11:57:01Z").1.as_str()), (3599, "13:00:00"));
        assert_eq!(told(&hourly("utc", 0, 48), "1976-12-31T23:00:00Z").iter().filter(|t| t.2 == "washington").count(), 24);
    }

    #[test]
    fn what_is_no_basis_is_refused() {
        for bad in ["", "london", "3h", "+", "-x", "+15h", "+99999999999999h"] {
            assert!(bad.parse::<Basis>().unwrap_err().contains("is not a basis"), "{bad}");
        }
    }
}

//! Time: instants, UTC, date-time groups, and the one clock that reads the system's.
//!
//! Standards: date-time group as in ACP 121/126 (`DDHHMMZ MMM YY`).
//! In: the system's clocks, a start (an era's date), a speed. Out: [`Instant`]s for machines, [`Utc`] for people.
//! Left out: time zones other than UTC (Z). Shown by: `time::tests`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A moment on a station's own clock: microseconds since that clock began. Machines see nothing else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Instant(pub u64);

impl Instant {
    /// The moment the clock began.
    pub const ZERO: Instant = Instant(0);
    /// Microseconds since the clock began.
    pub fn micros(self) -> u64 {
        self.0
    }
    /// Time passed since `earlier`; zero if `earlier` is later.
    pub fn since(self, earlier: Instant) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add<Duration> for Instant {
    type Output = Instant;
    fn add(self, d: Duration) -> Instant {
        Instant(self.0.saturating_add(u64::try_from(d.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl std::ops::AddAssign<Duration> for Instant {
    fn add_assign(&mut self, d: Duration) {
        *self = *self + d;
    }
}

/// Coordinated universal time: microseconds since 1970-01-01T00:00:00Z (negative before).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Utc(pub i64);

impl Utc {
    /// This moment plus a duration.
    pub fn plus(self, d: Duration) -> Utc {
        Utc(self.0.saturating_add(i64::try_from(d.as_micros()).unwrap_or(i64::MAX)))
    }
    /// Years outside 0001–9999 cannot be written; they are held to that range.
    fn timestamp(self) -> jiff::Timestamp {
        let lowest = jiff::Timestamp::MIN.as_microsecond();
        let highest = jiff::Timestamp::MAX.as_microsecond();
        jiff::Timestamp::from_microsecond(self.0.clamp(lowest, highest)).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
    fn civil(self) -> jiff::civil::DateTime {
        jiff::tz::Offset::UTC.to_datetime(self.timestamp())
    }
    /// `HH:MM:SS`, for people.
    pub fn clock_time(self) -> String {
        self.civil().strftime("%H:%M:%S").to_string()
    }
}

impl fmt::Display for Utc {
    /// RFC 3339 with milliseconds: `1963-08-30T16:00:00.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.civil().strftime("%Y-%m-%dT%H:%M:%S.%3fZ"))
    }
}

impl FromStr for Utc {
    type Err = String;
    fn from_str(s: &str) -> Result<Utc, String> {
        s.parse::<jiff::Timestamp>()
            .map(|t| Utc(t.as_microsecond()))
            .map_err(|_| format!("`{s}` is not a UTC time; write it as 1963-08-30T16:00:00Z"))
    }
}

impl Serialize for Utc {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Utc {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Utc, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A date-time group: day, hour and minute in UTC with month and year (ACP 121; here always zone Z).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Dtg {
    /// Full year, 1–9999.
    pub year: i16,
    /// Month, 1–12.
    pub month: u8,
    /// Day of the month, 1–31.
    pub day: u8,
    /// Hour, 0–23.
    pub hour: u8,
    /// Minute, 0–59.
    pub minute: u8,
}

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

impl Dtg {
    /// The group of a moment; seconds are cut off.
    pub fn of(at: Utc) -> Dtg {
        let c = at.civil();
        Dtg { year: c.year(), month: c.month() as u8, day: c.day() as u8, hour: c.hour() as u8, minute: c.minute() as u8 }
    }

    /// As printed in a heading: `301600Z AUG 63`.
    pub fn heading(&self) -> String {
        let month = MONTHS[usize::from(self.month.clamp(1, 12)) - 1];
        format!("{:02}{:02}{:02}Z {} {:02}", self.day, self.hour, self.minute, month, self.year.rem_euclid(100))
    }

    /// Reads `301600Z AUG 63`; the two-digit year is the one nearest to `near` (the station's own clock).
    pub fn from_heading(text: &str, near: Utc) -> Option<Dtg> {
        let mut words = text.split_ascii_whitespace();
        let (group, month, year) = (words.next()?, words.next()?, words.next()?);
        let digits = group.strip_suffix('Z').filter(|d| d.len() == 6 && d.bytes().all(|b| b.is_ascii_digit()))?;
        let month = MONTHS.iter().position(|m| *m == month)? as u8 + 1;
        let two: i16 = Some(year).filter(|y| y.len() == 2 && y.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
        let here = near.civil().year();
        let century = here - here.rem_euclid(100);
        let year = [century - 100 + two, century + two, century + 100 + two]
            .into_iter()
            .min_by_key(|y| (i32::from(*y) - i32::from(here)).abs())?;
        let n = |i: usize| digits[i..i + 2].parse::<u8>().ok();
        Dtg { year, month, day: n(0)?, hour: n(2)?, minute: n(4)? }.checked()
    }

    fn checked(self) -> Option<Dtg> {
        let (y, mo, d, h, mi) = (self.year, self.month as i8, self.day as i8, self.hour as i8, self.minute as i8);
        (y > 0).then_some(())?;
        jiff::civil::DateTime::new(y, mo, d, h, mi, 0, 0).ok().map(|_| self)
    }

    /// The moment this group names (its minute's first microsecond).
    pub fn utc(&self) -> Utc {
        let c = jiff::civil::DateTime::new(self.year, self.month as i8, self.day as i8, self.hour as i8, self.minute as i8, 0, 0);
        c.ok().and_then(|c| jiff::tz::Offset::UTC.to_timestamp(c).ok()).map_or(Utc(0), |t| Utc(t.as_microsecond()))
    }

    /// The day as a number that rises from day to day (YYYYMMDD): serials restart with it.
    pub fn day_number(&self) -> u32 {
        u32::from(self.year.unsigned_abs()) * 10_000 + u32::from(self.month) * 100 + u32::from(self.day)
    }
}

impl fmt::Display for Dtg {
    /// As in identities and file names: `19630830T1600Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}{:02}{:02}T{:02}{:02}Z", self.year, self.month, self.day, self.hour, self.minute)
    }
}

impl FromStr for Dtg {
    type Err = String;
    fn from_str(s: &str) -> Result<Dtg, String> {
        let bad = || format!("`{s}` is not a date-time group; write it as 19630830T1600Z");
        let b = s.as_bytes();
        let digits = |r: std::ops::Range<usize>| b[r].iter().all(u8::is_ascii_digit);
        if b.len() != 14 || b[8] != b'T' || b[13] != b'Z' || !digits(0..8) || !digits(9..13) {
            return Err(bad());
        }
        let n = |r: std::ops::Range<usize>| s[r].parse::<u8>().map_err(|_| bad());
        let year = s[0..4].parse().map_err(|_| bad())?;
        Dtg { year, month: n(4..6)?, day: n(6..8)?, hour: n(9..11)?, minute: n(11..13)? }.checked().ok_or_else(bad)
    }
}

/// Reads a duration as people write it: `500ms`, `30s`, `5m`, `2h`, `1d`, or several together: `1h30m`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is not a duration; write it as 500ms, 30s, 5m, 2h or 1h30m");
    let (mut rest, mut sum) = (text, Duration::ZERO);
    if rest.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let letters = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let n: f64 = rest[..digits].parse().map_err(|_| bad())?;
        let unit = match &rest[digits..digits + letters] {
            "ms" => 0.001,
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return Err(bad()),
        };
        sum = Duration::try_from_secs_f64(n * unit).ok().and_then(|d| sum.checked_add(d)).ok_or_else(bad)?;
        rest = &rest[digits + letters..];
    }
    Ok(sum)
}

/// Hours of each day, in UTC on the station's clock: `22:00-06:00`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hours {
    /// Minute of the day they begin.
    from: i64,
    /// Minute of the day they end.
    to: i64,
}

impl Hours {
    /// How long they still last at a moment; `None` outside them.
    pub fn left(self, at: Utc) -> Option<Duration> {
        const DAY: i64 = 86_400_000_000;
        let (from, to) = (self.from * 60_000_000, self.to * 60_000_000);
        let (into, length) = ((at.0 - from).rem_euclid(DAY), (to - from).rem_euclid(DAY));
        (into < length).then(|| Duration::from_micros((length - into).unsigned_abs()))
    }
}

impl FromStr for Hours {
    type Err = String;
    fn from_str(s: &str) -> Result<Hours, String> {
        let minute = |t: &str| {
            let (h, m) = t.split_once(':').filter(|(h, m)| h.len() == 2 && m.len() == 2)?;
            let (h, m): (i64, i64) = (h.parse().ok()?, m.parse().ok()?);
            ((0..24).contains(&h) && (0..60).contains(&m)).then_some(h * 60 + m)
        };
        let hours = s.split_once('-').and_then(|(from, to)| Some(Hours { from: minute(from)?, to: minute(to)? }));
        hours.filter(|h| h.from != h.to).ok_or_else(|| format!("`{s}` is not a span of hours; write it as 22:00-06:00 (UTC)"))
    }
}

/// How much faster than life pacing and circuit delay run.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Speed {
    /// Times life; 1 is life itself.
    Times(f64),
    /// No pacing and no circuit delay; protocol timers in real time.
    Max,
}

/// Protocol timers are never shorter than this in real time, however fast the clock runs.
pub const TIMER_FLOOR: Duration = Duration::from_secs(2);

impl Speed {
    /// Life itself.
    pub const REAL: Speed = Speed::Times(1.0);

    /// The length, on the scaled clock, of a protocol timer that the procedure sets to `nominal`:
    /// as it is, but never under [`TIMER_FLOOR`] of real time.
    pub fn timer(self, nominal: Duration) -> Duration {
        match self {
            Speed::Times(n) if n > 1.0 => nominal.max(TIMER_FLOOR.mul_f64(n)),
            Speed::Times(_) | Speed::Max => nominal,
        }
    }

    /// A pacing interval in real time; zero at [`Speed::Max`].
    pub fn real(self, scaled: Duration) -> Duration {
        match self {
            Speed::Times(n) => scaled.div_f64(n),
            Speed::Max => Duration::ZERO,
        }
    }

    fn rate(self) -> f64 {
        match self {
            Speed::Times(n) => n,
            Speed::Max => 1.0,
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Speed::Times(n) => write!(f, "{n}"),
            Speed::Max => f.write_str("max"),
        }
    }
}

impl FromStr for Speed {
    type Err = String;
    fn from_str(s: &str) -> Result<Speed, String> {
        match s.parse::<f64>() {
            _ if s == "max" => Ok(Speed::Max),
            Ok(n) if (0.1..=1000.0).contains(&n) => Ok(Speed::Times(n)),
            _ => Err(format!("`{s}` is not a speed; give a number from 0.1 to 1000 (1 = as in life) or `max`")),
        }
    }
}

/// The only reader of the system's clock.
///
/// `now()` is monotonic and runs [`Speed`] times as fast as life; `utc()` adds it to a start that can be set (an era's date).
#[derive(Clone, Debug)]
pub struct Clock {
    origin: std::time::Instant,
    epoch: Utc,
    speed: Speed,
}

impl Clock {
    /// A clock that begins now, at `start` (or at the system's UTC).
    #[allow(clippy::disallowed_methods)] // the one place
    pub fn new(start: Option<Utc>, speed: Speed) -> Clock {
        let system = || {
            let d = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            Utc(0).plus(d)
        };
        Clock { origin: std::time::Instant::now(), epoch: start.unwrap_or_else(system), speed }
    }
    /// The moment on this clock.
    #[allow(clippy::disallowed_methods)]
    pub fn now(&self) -> Instant {
        Instant::ZERO + self.origin.elapsed().mul_f64(self.speed.rate())
    }
    /// UTC at a moment of this clock.
    pub fn utc(&self, at: Instant) -> Utc {
        self.epoch.plus(Duration::from_micros(at.0))
    }
    /// UTC when the clock began; `utc(at) = epoch + at`.
    pub fn epoch(&self) -> Utc {
        self.epoch
    }
    /// The speed it runs at.
    pub fn speed(&self) -> Speed {
        self.speed
    }
    /// When, on the system's monotonic clock, this clock shows `at`.
    pub fn system_instant(&self, at: Instant) -> std::time::Instant {
        self.origin + Duration::from_micros(at.0).div_f64(self.speed.rate())
    }
    /// Real time left until `at`; zero when it has passed.
    pub fn until(&self, at: Instant) -> Duration {
        at.since(self.now()).div_f64(self.speed.rate())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_may_pass_midnight_and_end_on_the_minute() {
        let at = |t: &str| format!("1963-08-30T{t}Z").parse::<Utc>().unwrap();
        let left = |hours: &str, t: &str| hours.parse::<Hours>().unwrap().left(at(t)).map(|d| d.as_secs());
        assert_eq!(left("22:00-06:00", "21:59:59"), None);
        assert_eq!(left("22:00-06:00", "22:00:00"), Some(8 * 3600));
        assert_eq!(left("22:00-06:00", "05:59:59"), Some(1));
        assert_eq!(left("22:00-06:00", "06:00:00"), None);
        assert_eq!([left("12:30-13:00", "12:45:00"), left("12:30-13:00", "00:00:00")], [Some(900), None]);
        for bad in ["", "22-6", "22:00", "24:00-06:00", "22:00-06:60", "9:00-10:00", "06:00-06:00"] {
            assert!(bad.parse::<Hours>().unwrap_err().contains("22:00-06:00"), "{bad}");
        }
    }

    #[test]
    fn date_time_group_reads_back_both_forms() {
        let d: Dtg = "19630830T1600Z".parse().unwrap();
        assert_eq!(d.heading(), "301600Z AUG 63");
        assert_eq!(Dtg::from_heading("301600Z AUG 63", d.utc()), Some(d));
        assert_eq!(d.to_string(), "19630830T1600Z");
        assert_eq!(Dtg::of(d.utc()), d);
    }

    #[test]
    fn two_digit_year_is_the_nearest_to_the_stations_clock() {
        let near = |s: &str| s.parse::<Dtg>().unwrap().utc();
        let year = |text: &str, at: &str| Dtg::from_heading(text, near(at)).unwrap().year;
        assert_eq!(year("312359Z DEC 99", "20000101T0000Z"), 1999);
        assert_eq!(year("010001Z JAN 00", "19991231T2359Z"), 2000);
        assert_eq!(year("301600Z AUG 63", "19630830T1600Z"), 1963);
    }

    #[test]
    fn impossible_groups_are_refused() {
        for s in ["19630230T1600Z", "19630830T2460Z", "19630830T1660Z", "1963083001600", "", "19630830T1600ZZ", "1963а830T160Z"] {
            assert!(s.parse::<Dtg>().is_err(), "{s}");
        }
        for s in ["321600Z AUG 63", "301600 AUG 63", "301600Z AGU 63", "301600Z AUG 1963", "30160ZZ AUG 63", ""] {
            assert_eq!(Dtg::from_heading(s, Utc(0)), None, "{s}");
        }
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        let read = |s| parse_duration(s).map(|d| d.as_millis()).ok();
        assert_eq!([read("500ms"), read("1h30m"), read("1.5s"), read("2d")], [Some(500), Some(5_400_000), Some(1500), Some(172_800_000)]);
        for s in ["", "5", "s", "5 s", "-5s", "5x", "99999999999999999999d", "é"] {
            assert_eq!(read(s), None, "{s}");
        }
    }

    #[test]
    fn timers_keep_their_floor_of_real_time() {
        assert_eq!(Speed::Times(20.0).timer(Duration::from_secs(10)), Duration::from_secs(40));
        assert_eq!(Speed::Times(20.0).timer(Duration::from_secs(100)), Duration::from_secs(100));
        assert_eq!(Speed::REAL.timer(Duration::from_secs(1)), Duration::from_secs(1));
    }
}

//! The commands of a running relay, as a person or a test writes them: one a line.
//!
//! Standards: none, ours. In: `cut 30s`, `restore`, `noise heavy`, `profile hf`, `drop a>b 3`, `status`, `stop`.
//! Out: a [`Command`], or an error that says what may be written. Left out: answers (the engine's). Shown by: `line::relay::control::tests`.

use crate::line::{Fate, Noise, Profile};
use std::str::FromStr;
use std::time::Duration;

/// A direction of a relay.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Way {
    /// From the first end to the second.
    AToB,
    /// From the second end to the first.
    BToA,
}

impl Way {
    /// Both.
    pub const BOTH: [Way; 2] = [Way::AToB, Way::BToA];
    /// As logs and commands write it.
    pub fn name(self) -> &'static str {
        match self {
            Way::AToB => "a>b",
            Way::BToA => "b>a",
        }
    }
}

/// What a relay may be told.
#[derive(Clone, PartialEq, Debug)]
pub enum Command {
    /// Cut both ways, for a time or until `restore`.
    Cut(Option<Duration>),
    /// End the cut.
    Restore,
    /// Choose the errors.
    Noise(Noise),
    /// Become another kind of circuit.
    Profile(Profile),
    /// One fault at the n-th code from now (1 is the next).
    Plan {
        /// Which way.
        way: Way,
        /// Which fault.
        fate: Fate,
        /// Counted from 1.
        nth: u64,
    },
    /// Say what passed.
    Status,
    /// End.
    Stop,
}

const COMMANDS: [&str; 9] = ["cut", "restore", "noise", "profile", "drop", "double", "flip", "status", "stop"];

impl FromStr for Command {
    type Err = String;
    fn from_str(line: &str) -> Result<Command, String> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words.as_slice() {
            [] => Err(format!("an empty line: there are {}", COMMANDS.join(", "))),
            ["cut"] => Ok(Command::Cut(None)),
            ["cut", time] => Ok(Command::Cut(Some(duration(time)?))),
            ["restore"] => Ok(Command::Restore),
            ["noise", noise] => Ok(Command::Noise(noise.parse()?)),
            ["profile", name] => Ok(Command::Profile(Profile::named(name)?)),
            ["drop", rest @ ..] => plan(Fate::Drop, rest),
            ["double", rest @ ..] => plan(Fate::Double, rest),
            ["flip", rest @ ..] => plan(Fate::Flip, rest),
            ["status"] => Ok(Command::Status),
            ["stop"] => Ok(Command::Stop),
            [word, ..] if COMMANDS.contains(word) => Err(format!("`{line}` is not complete or too long: write {}", usage(word))),
            [word, ..] => {
                let near = crate::line::profile::nearest(word, &COMMANDS).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
                Err(format!("no command `{word}`: there are {}{near}", COMMANDS.join(", ")))
            }
        }
    }
}

fn usage(word: &str) -> String {
    match word {
        "cut" => "`cut` or `cut 30s`".into(),
        "noise" => "`noise none`, `noise profile`, `noise light` or `noise heavy`".into(),
        "profile" => "`profile cable`".into(),
        "drop" | "double" | "flip" => format!("`{word} a>b` or `{word} b>a 12`"),
        _ => format!("`{word}` alone"),
    }
}

fn plan(fate: Fate, rest: &[&str]) -> Result<Command, String> {
    let (way, nth) = match rest {
        [way] => (*way, "1"),
        [way, nth] => (*way, *nth),
        _ => return Err("a fault needs its way: write as `drop a>b` or `drop b>a 12`".into()),
    };
    let way = Way::BOTH.into_iter().find(|w| w.name() == way).ok_or_else(|| format!("no way `{way}`: there are a>b and b>a"))?;
    match nth.parse() {
        Ok(n @ 1..=1_000_000_000) => Ok(Command::Plan { way, fate, nth: n }),
        _ => Err(format!("`{nth}` is not the number of a code: 1 is the next one")),
    }
}

/// `30s`, `500ms`, `2m`, `1h`; up to a week.
pub fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is not a time: write 500ms, 30s, 2m or 1h, up to 168h");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(bad()),
    };
    let n: u64 = Some(digits).filter(|d| d.bytes().all(|b| b.is_ascii_digit())).and_then(|d| d.parse().ok()).ok_or_else(bad)?;
    n.checked_mul(unit).filter(|ms| (1..=168 * 3_600_000).contains(ms)).map(Duration::from_millis).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_is_read() {
        let read = |s: &str| s.parse::<Command>();
        assert_eq!(read("cut"), Ok(Command::Cut(None)));
        assert_eq!(read(" cut  30s\r"), Ok(Command::Cut(Some(Duration::from_secs(30)))));
        assert_eq!(read("restore"), Ok(Command::Restore));
        assert_eq!(read("noise heavy"), Ok(Command::Noise(Noise::Heavy)));
        assert_eq!(read("profile geo"), Ok(Command::Profile(Profile::geo())));
        assert_eq!(read("drop a>b"), Ok(Command::Plan { way: Way::AToB, fate: Fate::Drop, nth: 1 }));
        assert_eq!(read("flip b>a 12"), Ok(Command::Plan { way: Way::BToA, fate: Fate::Flip, nth: 12 }));
        assert_eq!([read("status"), read("stop")], [Ok(Command::Status), Ok(Command::Stop)]);
    }

    #[test]
    fn what_cannot_be_read_is_told_with_what_can() {
        for (text, part) in [
            ("", "empty"),
            ("ctu 30s", "did you mean `cut`?"),
            ("cut 30", "write 500ms, 30s"),
            ("cut 30ss", "write 500ms, 30s"),
            ("cut s", "write 500ms, 30s"),
            ("cut ж", "write 500ms, 30s"),
            ("cut 99999999999999999999h", "up to 168h"),
            ("cut 1s 2s", "`cut 30s`"),
            ("drop", "needs its way"),
            ("drop a<b", "no way `a<b`"),
            ("drop a>b 0", "1 is the next one"),
            ("noise loud", "there are none, profile, light, heavy"),
            ("profile cabel", "did you mean `cable`?"),
            ("stop now", "`stop` alone"),
        ] {
            let said = text.parse::<Command>().unwrap_err();
            assert!(said.contains(part), "{text}: {said}");
        }
    }
}

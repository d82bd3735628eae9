//! MT-PRIORITY: precedence as a number of SMTP.
//!
//! Standard: RFC 6710 with the profile STANAG4406: deferred −4, routine −2, priority 0, immediate 2, flash 4, override 6; range −9 to 9.
//! In: a precedence or a number. Out: the other. A number between two levels means the lower (ours: nobody gains urgency by rounding).
//! Left out: the profiles MIXER and NSEP. Shown by: the tests here, `fixtures/dialogues/smtp`.

use crate::message::Precedence;

/// The name of the profile, as EHLO says it.
pub const PROFILE: &str = "STANAG4406";

/// The level of a precedence.
pub const fn level(precedence: Precedence) -> i8 {
    match precedence {
        Precedence::Deferred => -4,
        Precedence::Routine => -2,
        Precedence::Priority => 0,
        Precedence::Immediate => 2,
        Precedence::Flash => 4,
        Precedence::Override => 6,
    }
}

/// The precedence of a level; `None` outside −9 to 9.
pub fn precedence(number: i64) -> Option<Precedence> {
    (-9..=9).contains(&number).then(|| {
        let reached = Precedence::ALL.into_iter().rev().find(|p| i64::from(level(*p)) <= number);
        reached.unwrap_or(Precedence::Deferred)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_read_back_and_between_two_the_lower_counts() {
        assert!(Precedence::ALL.into_iter().all(|p| precedence(level(p).into()) == Some(p)));
        let named: Vec<&str> = (-9..=9).map(|n| &precedence(n).unwrap().word()[..3]).collect();
        assert_eq!(named.join(" "), "def def def def def def def rou rou pri pri imm imm fla fla ove ove ove ove");
        assert_eq!([precedence(-10), precedence(10), precedence(i64::MIN)], [None; 3]);
    }
}

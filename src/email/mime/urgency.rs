//! Precedence in a mail's header: ours, the military's, the standard's, and what mail programs show.
//!
//! Standards: RFC 6758 (MT-Priority) with the levels of RFC 6710's profile STANAG4406; RFC 6477 (MMHS-Primary-Precedence, 0 to 5);
//! RFC 2156 (Priority, Importance); X-Priority by custom. In: a precedence, or a header. Out: the other.
//! Left out: who may ask for what: the backend clamps. Shown by: the tests here.

use super::fields::field;
use crate::email::smtp::priority;
use crate::message::Precedence;

/// The fields that say it, in the order in which they are believed.
pub fn fields(precedence: Precedence) -> [(&'static str, String); 6] {
    let (x, priority, importance) = match precedence {
        Precedence::Deferred => ("5 (Lowest)", "non-urgent", "low"),
        Precedence::Routine => ("3 (Normal)", "normal", "normal"),
        Precedence::Priority => ("2 (High)", "urgent", "high"),
        Precedence::Immediate | Precedence::Flash | Precedence::Override => ("1 (Highest)", "urgent", "high"),
    };
    let number = Precedence::ALL.iter().position(|p| *p == precedence).unwrap_or(1);
    [
        ("Molink-Precedence", precedence.word().to_owned()),
        ("MMHS-Primary-Precedence", format!("{number} ({precedence})")),
        ("MT-Priority", format!("{} ({precedence})", priority::level(precedence))),
        ("X-Priority", x.to_owned()),
        ("Priority", priority.to_owned()),
        ("Importance", importance.to_owned()),
    ]
}

/// What a header asks for; `None` if it asks for nothing.
pub fn asked(header: &[u8]) -> Option<Precedence> {
    let first = |name: &str| field(header, name).and_then(|v| v.split([' ', '(', ';']).next().map(str::to_ascii_lowercase));
    let number = |name: &str| first(name).and_then(|w| w.parse::<i32>().ok());
    let ours = || first("Molink-Precedence").and_then(|w| w.parse().ok());
    let military = || number("MMHS-Primary-Precedence").and_then(|n| Precedence::ALL.get(usize::try_from(n).ok()?).copied());
    let transfer = || priority::precedence(number("MT-Priority")?.into());
    let shown = || match number("X-Priority")? {
        1 => Some(Precedence::Immediate),
        2 => Some(Precedence::Priority),
        3 => Some(Precedence::Routine),
        4 | 5 => Some(Precedence::Deferred),
        _ => None,
    };
    let word = || match first("Priority").or_else(|| first("Importance"))?.as_str() {
        "urgent" | "high" => Some(Precedence::Priority),
        "normal" => Some(Precedence::Routine),
        "non-urgent" | "low" => Some(Precedence::Deferred),
        _ => None,
    };
    ours().or_else(military).or_else(transfer).or_else(shown).or_else(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_alone_still_tells_and_the_first_three_tell_exactly() {
        for precedence in Precedence::ALL {
            for (n, (name, value)) in fields(precedence).iter().enumerate() {
                let told = asked(format!("{name}: {value}\r\n").as_bytes()).unwrap();
                assert!(if n < 3 { told == precedence } else { told <= precedence }, "{name}: {value}");
            }
        }
    }

    #[test]
    fn what_is_no_precedence_asks_for_nothing() {
        for header in
            ["", "X-Priority: 9\n", "MT-Priority: 99\n", "Molink-Precedence: now\n", "Priority: \n", "MMHS-Primary-Precedence: -1\n"]
        {
            assert_eq!(asked(header.as_bytes()), None, "{header}");
        }
        assert_eq!(asked(b"MT-Priority: 3\n"), Some(Precedence::Immediate));
        assert_eq!(asked(b"Molink-Precedence: zebra\nMT-Priority: -9\n"), Some(Precedence::Deferred));
    }
}

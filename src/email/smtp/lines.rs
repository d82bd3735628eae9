//! Octets of a connection as lines, strictly.
//!
//! Standard: RFC 5321 2.3.8: a line ends with CR LF, and CR or LF come in no other way.
//! In: what has come so far. Out: a line, or why there is none. Left out: lines of a message (`data`).
//! Shown by: the tests here, `fixtures/dialogues/smtp/smuggling-*`.

/// What stands at the front of the octets that have come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Front {
    /// A line of so many octets, without its CR LF.
    Line(usize),
    /// A CR or LF that is not one of a CR LF.
    Bare,
    /// More octets than a line may have, and no end yet.
    TooLong,
    /// Not a whole line yet.
    Part,
}

/// Looks at the front; `most` is the most octets of a line with its CR LF.
pub fn front(octets: &[u8], most: usize) -> Front {
    let Some(at) = octets.iter().take(most).position(|b| matches!(b, b'\r' | b'\n')) else {
        return if octets.len() >= most { Front::TooLong } else { Front::Part };
    };
    match (octets[at], octets.get(at + 1)) {
        (b'\r', Some(b'\n')) if at + 2 <= most => Front::Line(at),
        (b'\r', Some(b'\n')) => Front::TooLong,
        (b'\r', None) => Front::Part,
        _ => Front::Bare,
    }
}

/// Passes over the rest of a line that was too long. Returns how many octets belong to it, and whether its end was among them.
pub fn skip(octets: &[u8]) -> (usize, bool) {
    match octets.windows(2).position(|w| w == b"\r\n") {
        Some(at) => (at + 2, true),
        // A CR at the end may be the first half of the end.
        None => (octets.len() - usize::from(octets.last() == Some(&b'\r')), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cr_lf_ends_a_line() {
        for (octets, expected) in [
            ("", Front::Part),
            ("QUIT", Front::Part),
            ("QUIT\r", Front::Part),
            ("QUIT\r\nX", Front::Line(4)),
            ("\r\n", Front::Line(0)),
            ("QUIT\n", Front::Bare),
            ("QUIT\rX", Front::Bare),
            ("QUIT\r\r\n", Front::Bare),
            ("12345678\r\n", Front::Line(8)),
            ("123456789\r\n", Front::TooLong),
            ("1234567890", Front::TooLong),
        ] {
            assert_eq!(front(octets.as_bytes(), 10), expected, "{octets:?}");
        }
    }

    #[test]
    fn the_rest_of_a_long_line_is_passed_over_wherever_it_is_split() {
        let octets = b"aaaa\rb\nc\r\nNOOP\r\n";
        for split in 0..octets.len() {
            let (mut rest, mut ended) = (vec![], false);
            for piece in [&octets[..split], &octets[split..]] {
                rest.extend_from_slice(piece);
                if !ended {
                    let (n, end) = skip(&rest);
                    rest.drain(..n);
                    ended = end;
                }
            }
            assert_eq!(rest, b"NOOP\r\n", "split at {split}");
        }
    }
}

//! Letters that people read in the holes at the beginning of a tape: five holes high, track 1 at the top.
//!
//! Standard: none; operators punched such leaders, the shapes are ours.
//! In: letters. Out: columns of holes, as codes. Left out: small letters (taken as capitals). Shown by: `docs/paper.md`.

use super::BLANK;
use crate::line::Code;

/// The columns of a text, a blank one after each letter. `Err` is a character that has no shape here.
pub(super) fn columns(text: &str) -> Result<Vec<Code>, char> {
    let mut out = vec![];
    for c in text.chars() {
        let capital = c.to_uppercase().next().unwrap_or(c);
        let rows = SHAPES.iter().find(|(of, _)| of.contains(capital)).map(|(_, rows)| rows).ok_or(c)?;
        for column in 0..rows[0].len() {
            let holes = (0..5).filter(|track| rows[*track].as_bytes()[column] == b'O').fold(0, |bits, track| bits | 1 << track);
            out.push(Code::new(holes));
        }
        out.push(BLANK);
    }
    Ok(out)
}

/// Shapes, each for the letters that look alike: a row a track, `O` a hole.
const SHAPES: &[(&str, [&str; 5])] = &[
    (" ", ["  ", "  ", "  ", "  ", "  "]),
    ("AА", [" OO ", "O  O", "OOOO", "O  O", "O  O"]),
    ("BВ", ["OOO ", "O  O", "OOO ", "O  O", "OOO "]),
    ("CС", [" OOO", "O   ", "O   ", "O   ", " OOO"]),
    ("D", ["OOO ", "O  O", "O  O", "O  O", "OOO "]),
    ("EЕЁ", ["OOO", "O  ", "OO ", "O  ", "OOO"]),
    ("F", ["OOO", "O  ", "OO ", "O  ", "O  "]),
    ("G", [" OOO", "O   ", "O OO", "O  O", " OOO"]),
    ("HН", ["O  O", "O  O", "OOOO", "O  O", "O  O"]),
    ("I", ["OOO", " O ", " O ", " O ", "OOO"]),
    ("J", ["  OO", "   O", "   O", "O  O", " OO "]),
    ("KК", ["O  O", "O O ", "OO  ", "O O ", "O  O"]),
    ("L", ["O  ", "O  ", "O  ", "O  ", "OOO"]),
    ("MМ", ["O   O", "OO OO", "O O O", "O   O", "O   O"]),
    ("N", ["O  O", "OO O", "O OO", "O  O", "O  O"]),
    ("OО", [" OO ", "O  O", "O  O", "O  O", " OO "]),
    ("PР", ["OOO ", "O  O", "OOO ", "O   ", "O   "]),
    ("Q", [" OO ", "O  O", "O  O", "O OO", " OOO"]),
    ("R", ["OOO ", "O  O", "OOO ", "O O ", "O  O"]),
    ("S", [" OOO", "O   ", " OO ", "   O", "OOO "]),
    ("TТ", ["OOO", " O ", " O ", " O ", " O "]),
    ("U", ["O  O", "O  O", "O  O", "O  O", " OO "]),
    ("V", ["O   O", "O   O", "O   O", " O O ", "  O  "]),
    ("W", ["O   O", "O   O", "O O O", "OO OO", "O   O"]),
    ("XХ", ["O   O", " O O ", "  O  ", " O O ", "O   O"]),
    ("Y", ["O   O", " O O ", "  O  ", "  O  ", "  O  "]),
    ("Z", ["OOOO", "  O ", " O  ", "O   ", "OOOO"]),
    ("Б", ["OOO ", "O   ", "OOO ", "O  O", "OOO "]),
    ("Г", ["OOO", "O  ", "O  ", "O  ", "O  "]),
    ("Д", [" OO ", " OO ", "O  O", "OOOO", "O  O"]),
    ("Ж", ["O O O", "O O O", " OOO ", "O O O", "O O O"]),
    ("З3", ["OOO ", "   O", " OO ", "   O", "OOO "]),
    ("ИЙ", ["O  O", "O  O", "O OO", "OO O", "O  O"]),
    ("Л", [" OO ", "O  O", "O  O", "O  O", "O  O"]),
    ("П", ["OOOO", "O  O", "O  O", "O  O", "O  O"]),
    ("У", ["O  O", "O  O", " OOO", "   O", "OOO "]),
    ("Ф", [" OOO ", "O O O", " OOO ", "  O  ", "  O  "]),
    ("Ц", ["O O ", "O O ", "O O ", "OOOO", "   O"]),
    ("Ч", ["O  O", "O  O", " OOO", "   O", "   O"]),
    ("Ш", ["O O O", "O O O", "O O O", "O O O", "OOOOO"]),
    ("Щ", ["O O O ", "O O O ", "O O O ", "OOOOOO", "     O"]),
    ("Ъ", ["OO   ", " O   ", " OOO ", " O  O", " OOO "]),
    ("Ы", ["O    O", "O    O", "OOO  O", "O  O O", "OOO  O"]),
    ("Ь", ["O   ", "O   ", "OOO ", "O  O", "OOO "]),
    ("Э", ["OOO ", "   O", " OOO", "   O", "OOO "]),
    ("Ю", ["O OO ", "OO  O", "OO  O", "OO  O", "O OO "]),
    ("Я", [" OOO", "O  O", " OOO", " O O", "O  O"]),
    ("0", ["OOO", "O O", "O O", "O O", "OOO"]),
    ("1", [" O ", "OO ", " O ", " O ", "OOO"]),
    ("2", ["OOO ", "   O", " OO ", "O   ", "OOOO"]),
    ("4", ["O O ", "O O ", "OOOO", "  O ", "  O "]),
    ("5", ["OOOO", "O   ", "OOO ", "   O", "OOO "]),
    ("6", [" OO ", "O   ", "OOO ", "O  O", " OO "]),
    ("7", ["OOOO", "   O", "  O ", " O  ", " O  "]),
    ("8", [" OO ", "O  O", " OO ", "O  O", " OO "]),
    ("9", [" OO ", "O  O", " OOO", "   O", " OO "]),
    ("-", ["   ", "   ", "OOO", "   ", "   "]),
    (".", [" ", " ", " ", " ", "O"]),
    (",", ["  ", "  ", "  ", " O", "O "]),
    ("/", ["    O", "   O ", "  O  ", " O   ", "O    "]),
    ("+", ["   ", " O ", "OOO", " O ", "   "]),
    ("?", ["OOO ", "   O", " OO ", "    ", " O  "]),
    ("!", ["O", "O", "O", " ", "O"]),
    (":", [" ", "O", " ", "O", " "]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_even_and_each_letter_has_one_that_no_other_has() {
        let mut seen = std::collections::BTreeSet::new();
        for (letters, rows) in SHAPES {
            assert!(rows.iter().all(|r| r.len() == rows[0].len() && r.bytes().all(|b| b == b'O' || b == b' ')), "{letters}");
            assert!(rows[0].len() <= 6 && seen.insert(rows), "{letters}");
        }
        let all = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ-.,/+?!: ";
        assert!(columns(all).is_ok());
        assert_eq!(columns("Moscow"), columns("MOSCOW"));
        assert_eq!(columns("L").unwrap().iter().map(|c| c.value()).collect::<Vec<_>>(), [31, 16, 16, 0]);
    }
}

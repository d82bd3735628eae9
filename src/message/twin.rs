//! A letter and a digit that share one code on a machine, such as Ч and 4 on MTK-2: what is printed, and how it is read.
//!
//! Standard: none; that Ч is sent as 4 is Soviet practice, the rule of reading back is ours.
//! In: a text. Out: the text as printed (the digit everywhere), or as a reader takes it. Left out: which machine has a pair.
//! Shown by: `message::twin::tests`.

/// A letter without a code of its own, and the digit that serves for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Twin {
    /// The letter, Cyrillic.
    pub letter: char,
    /// The digit: what is sent, and what the machine prints.
    pub digit: char,
}

impl Twin {
    /// The character that is sent for `c`.
    pub const fn sent_as(self, c: char) -> char {
        if c == self.letter { self.digit } else { c }
    }
    /// The text as the machine prints it.
    pub fn printed(self, text: &str) -> String {
        text.chars().map(|c| self.sent_as(c)).collect()
    }
    /// How the printed text is read: a group of the digit is the letter where it touches a Cyrillic letter and no other digit.
    ///
    /// So `Т-34` and `4 4ЕЛОВЕКА` read `Т-34` and `4 ЧЕЛОВЕКА`; `2Ч` reads `24` and `А4` reads `АЧ`.
    pub fn read_back(self, text: &str) -> String {
        let chars: Vec<char> = self.printed(text).chars().collect();
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        while at < chars.len() {
            let group = chars[at..].iter().take_while(|c| **c == self.digit).count();
            if group == 0 {
                out.push(chars[at]);
                at += 1;
                continue;
            }
            let touched = [at.checked_sub(1).and_then(|i| chars.get(i)), chars.get(at + group)];
            let letter = touched.iter().flatten().any(|c| is_cyrillic(**c));
            let digit = touched.iter().flatten().any(|c| c.is_ascii_digit());
            let read = if letter && !digit { self.letter } else { self.digit };
            out.extend(std::iter::repeat_n(read, group));
            at += group;
        }
        out
    }
}

/// Whether it is a letter of the Cyrillic script (Unicode block Cyrillic, its historic and extended letters too).
pub fn is_cyrillic(c: char) -> bool {
    ('\u{400}'..='\u{52f}').contains(&c) && c.is_alphabetic()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHE: Twin = Twin { letter: 'Ч', digit: '4' };

    #[test]
    fn a_four_among_cyrillic_letters_is_read_as_che_and_else_as_four() {
        for (sent, printed, read) in [
            ("ЧЕЛОВЕЧЕСТВО ПОЛУЧИЛО ДОЧЬ", "4ЕЛОВЕ4ЕСТВО ПОЛУ4ИЛО ДО4Ь", "ЧЕЛОВЕЧЕСТВО ПОЛУЧИЛО ДОЧЬ"),
            ("4 ЧАСА, 14 ЧАСОВ, 1944 ГОД", "4 4АСА, 14 4АСОВ, 1944 ГОД", "4 ЧАСА, 14 ЧАСОВ, 1944 ГОД"),
            ("Т-34", "Т-34", "Т-34"),
            ("ЧЧ А", "44 А", "44 А"),
            ("ОЧЧ", "О44", "ОЧЧ"),
            ("Ч", "4", "4"),
            ("2Ч", "24", "24"),
            ("А4", "А4", "АЧ"),
            ("К445", "К445", "К445"),
            ("МИГ-15 И 5Ч6А", "МИГ-15 И 546А", "МИГ-15 И 546А"),
            ("ABC4", "ABC4", "ABC4"),
            ("НОЧЬЮ\nЧАС", "НО4ЬЮ\n4АС", "НОЧЬЮ\nЧАС"),
        ] {
            assert_eq!((CHE.printed(sent).as_str(), CHE.read_back(sent).as_str()), (printed, read));
            assert_eq!(CHE.read_back(printed), read);
            assert_eq!(CHE.read_back(read), read, "reading again changes nothing");
        }
    }
}

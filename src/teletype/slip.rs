//! What a machine at a desk prints: a message with its bells and its end, the answerback, a sentence.
//!
//! Standards: the heading as `message::period`; answerback of 20 codes at the most (ITU-T S.6); bells after the wire services of the
//! time: 3, 5 and 10 for urgent, bulletin and flash, as people of United Press International recall it (others recall other counts).
//! In: a delivery, a code table. Out: codes, line by line. Left out: when it is printed (`desk`). Shown by: `teletype::slip::tests`.

use super::codes::{BELL, CR, CodeTable, Coder, LF, LTRS, UnshiftOnSpace, WRU};
use crate::line::Code;
use crate::machine::Codec;
use crate::message::{Message, Precedence, period};

/// How often the bell rings before a message. Which precedence answers to which class of news, and the bells of override, are ours.
pub const BELLS: [(Precedence, usize); 6] = [
    (Precedence::Deferred, 0),
    (Precedence::Routine, 0),
    (Precedence::Priority, 3),
    (Precedence::Immediate, 5),
    (Precedence::Flash, 10),
    (Precedence::Override, 15),
];
/// Heads what may be on the desk's paper already, whole or in part. The words are ours.
pub const DUPLICATE: &str = "SUSPECTED DUPLICATE";
/// Stands where a message breaks off.
pub const BROKEN: &str = "XXXXX";
/// Codes of an answerback, with its framing.
const DRUM: usize = 20;
/// Line feeds after a message, so that its end stands above the edge where the paper is torn (ours).
const FEED: usize = 8;

/// Rings for a precedence.
pub fn bells(precedence: Precedence) -> usize {
    BELLS.iter().find(|(p, _)| *p == precedence).map_or(0, |(_, n)| *n)
}

/// The lines of a message on paper, from heading to `NNNN`; `again`: it may have been printed before.
pub fn lines(message: &Message, again: bool) -> Vec<String> {
    let head = again.then(|| DUPLICATE.to_owned());
    let heading = period::heading(message, &message.envelope.subject);
    let text = message.text();
    let text = text.split('\n').map(str::to_owned);
    head.into_iter().chain(heading).chain(text).chain(["BT", "", "NNNN"].map(str::to_owned)).collect()
}

/// A machine's way of being written to.
#[derive(Clone, Copy, Debug)]
pub struct Hand {
    /// Its code.
    pub code: CodeTable,
    /// What it does at a space.
    pub unshift: UnshiftOnSpace,
}

impl Hand {
    /// Codes of some lines, each from its beginning; what the machine has no type for is a `?`.
    fn write(self, lines: &[String]) -> Vec<Vec<Code>> {
        let mut coder = Coder::in_letters(self.code, self.unshift);
        let mut line = |text: &String| {
            let mut codes = vec![LTRS];
            coder = Coder::in_letters(self.code, self.unshift);
            for c in text.chars().chain(['\n']) {
                if coder.encode(c, &mut codes).is_err() {
                    let _ = coder.encode('?', &mut codes); // every table has it
                }
            }
            codes
        };
        lines.iter().map(&mut line).collect()
    }
    /// Sentences on lines of their own.
    pub fn say(self, lines: &[String]) -> Vec<Code> {
        let mut codes = vec![CR, CR, LF];
        codes.extend(self.write(lines).concat());
        codes
    }
    /// A whole message: bells first, if `ring`, `NNNN` and the feed last.
    pub fn message(self, message: &Message, again: bool, ring: bool) -> Vec<Vec<Code>> {
        let mut written = self.write(&lines(message, again));
        let mut start = vec![LTRS, CR, CR, LF, LF];
        let bell = self.code.table().find(BELL).filter(|_| ring);
        if let (Some((shift, code)), rings @ 1..) = (bell, bells(message.envelope.precedence)) {
            start.extend(self.code.table().shift_code(shift));
            start.extend(vec![code; rings]);
            start.push(LTRS);
        }
        written.insert(0, start);
        written.push(vec![LF; FEED]);
        written
    }
    /// What asks a machine for its answerback; `None` where the code has no such sign.
    pub fn who_are_you(self) -> Option<Vec<Code>> {
        let (shift, code) = self.code.table().find(WRU)?;
        Some(self.code.table().shift_code(shift).into_iter().chain([code, LTRS]).collect())
    }
    /// The drum of an answerback: letters shift, carriage return, line feed, the text. The error says what is wrong with it.
    pub fn drum(self, text: &str) -> Result<Vec<Code>, String> {
        if self.who_are_you().is_none() {
            return Err(format!("code {} has no WRU, so nothing can be answered or asked", self.code.name()));
        }
        let mut codes = vec![LTRS, CR, LF];
        let mut coder = Coder::in_letters(self.code, self.unshift);
        for c in text.chars() {
            let legal = c == ' ' || self.code.repertoire().contains(c);
            if !legal || coder.encode(c, &mut codes).is_err() {
                return Err(format!("`{text}` cannot be an answerback: `{}` is not on the machine's keys", c.escape_debug()));
            }
        }
        match codes.len() {
            0..=3 => Err("an answerback needs some text, such as MOLINK WASHINGTON".into()),
            4..=DRUM => Ok(codes),
            n => Err(format!("the answerback `{text}` takes {n} codes with its shifts, CR and LF; a drum has {DRUM}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Class, Envelope, Part};
    use crate::teletype::codes::FIGS;

    const ITA2: Hand = Hand { code: CodeTable::Ita2, unshift: UnshiftOnSpace::Unknown };

    fn message(precedence: Precedence) -> Message {
        let (from, to) = ("operator@moscow".parse().unwrap(), "operator@washington".parse().unwrap());
        Message {
            identity: "MOSCOW-0001-19630830T1600Z".parse().unwrap(),
            envelope: Envelope { from, to, precedence, class: Class::Message, subject: String::new(), via: vec![], post: None },
            content: vec![Part::Text { text: "HELLO 12".into() }],
        }
    }

    #[test]
    fn a_message_prints_with_its_heading_and_its_end() {
        let codes = ITA2.message(&message(Precedence::Routine), false, true).concat();
        let printed = Coder::new(CodeTable::Ita2, UnshiftOnSpace::Unknown).print(&codes);
        let text = "\n\nROUTINE\nMOSCOW 01 301600Z AUG 63\nFM OPERATOR AT MOSCOW\nTO OPERATOR AT WASHINGTON\nBT\nHELLO 12\nBT\n\nNNNN\n";
        assert_eq!(printed, format!("{text}{}", "\n".repeat(FEED)));
        assert!(lines(&message(Precedence::Flash), true).starts_with(&[DUPLICATE.into(), "FLASH".into()]));
    }

    #[test]
    fn the_bell_rings_by_precedence_where_the_machine_has_one() {
        for (precedence, rings) in BELLS {
            for (code, has) in [(CodeTable::Ita2, true), (CodeTable::UsTty, true), (CodeTable::Mtk2, false)] {
                let codes = Hand { code, ..ITA2 }.message(&message(precedence), false, true).concat();
                let printed = Coder::new(code, UnshiftOnSpace::Unknown).print(&codes);
                assert_eq!(printed.matches(BELL).count(), if has { rings } else { 0 }, "{precedence} {}", code.name());
            }
        }
        assert!(!ITA2.message(&message(Precedence::Flash), false, false)[0].contains(&FIGS));
    }

    #[test]
    fn a_drum_has_twenty_codes_at_the_most() {
        assert_eq!(ITA2.drum("MOLINK WASHINGTON").unwrap().len(), 20);
        assert_eq!(ITA2.drum("47 ABC").unwrap().len(), 3 + 1 + 2 + 1 + 1 + 3);
        assert!(ITA2.drum("MOLINK WASHINGTON D").unwrap_err().contains("takes 22 codes"));
        assert!(ITA2.drum("molink").unwrap_err().contains("`m` is not on"));
        assert!(ITA2.drum("").unwrap_err().contains("needs some text"));
        assert!(Hand { code: CodeTable::UsTty, ..ITA2 }.drum("A").unwrap_err().contains("no WRU"));
        assert_eq!(Hand { code: CodeTable::Mtk2, ..ITA2 }.who_are_you().map(|c| c.len()), Some(3));
    }
}

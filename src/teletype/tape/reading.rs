//! What a tape says, for who sends it as a message.
//!
//! Standards: the code's; a message's own tape has the forms of `wire`. In: codes. Out: a text, and what was left out of it; of a
//! message's tape only its text, once its confirmation line fits. Left out: guessing the code, but for one sign of MTK-2.
//! Shown by: the tests below, `docs/paper.md`, `tests/it/punch.rs`.

use crate::line::Code;
use crate::machine::Codec;
use crate::message::Message;
use crate::paper::Sheet;
use crate::teletype::codes::{BELL, BLANK, CodeTable, Coder, UnshiftOnSpace, WRU};
use crate::teletype::wire::{self, END_MARK, START};
use crate::time::Utc;

/// A tape, read.
#[derive(Clone, PartialEq, Debug)]
pub struct Reading {
    /// What is to be sent; never without a letter.
    pub text: String,
    /// The message whose tape it is, if it is one's.
    pub of: Option<Message>,
    /// What the text has not: each with its number, such as `2 bells`.
    pub left_out: Vec<String>,
}

/// Reads a tape; `near` settles the century of a message's date. The error is half a sentence about the tape.
pub fn reading(codes: &[Code], code: CodeTable, near: Utc) -> Result<Reading, String> {
    let codes = unpunched_off(codes);
    if codes.starts_with(&START) && codes.ends_with(&END_MARK) {
        // Only a reader that goes back to letters at a space reads otherwise; a wrong guess cannot read the confirmation.
        let [first, second] = [UnshiftOnSpace::Unknown, UnshiftOnSpace::Yes].map(|setting| wire::read(codes, code, setting, near));
        let (message, _) = first.or_else(|flaw| second.map_err(|_| flaw)).map_err(|flaw| {
            format!("is the tape of a message and damaged: {}; read it with `molink tape`, mend the text and send that", flaw.text)
        })?;
        let text = message.text();
        return match text.trim().is_empty() {
            true => Err("is the tape of a message without a text".into()),
            false => Ok(Reading { text, of: Some(message), left_out: vec![] }),
        };
    }
    let (text, left_out) = plain(codes, code);
    match text.trim().is_empty() {
        true => Err("has no letter on it".into()),
        false => Ok(Reading { text, of: None, left_out }),
    }
}

/// Whether a tape has unpunched places between its codes: nothing on ITA2 and US-TTY, and on MTK-2 the shift to Cyrillic.
pub fn may_be_cyrillic(codes: &[Code]) -> bool {
    unpunched_off(codes).contains(&BLANK)
}

fn unpunched_off(codes: &[Code]) -> &[Code] {
    let from = codes.iter().position(|c| *c != BLANK).unwrap_or(codes.len());
    let to = codes.iter().rposition(|c| *c != BLANK).map_or(from, |last| last + 1);
    &codes[from..to]
}

/// The lines as paper has them (of two struck over each other the first), without bells and WRU.
fn plain(codes: &[Code], code: CodeTable) -> (String, Vec<String>) {
    let (mut coder, mut sheet, mut column) = (Coder::new(code, UnshiftOnSpace::Unknown), Sheet::new(), 0);
    let (mut bells, mut asked) = (0, 0);
    for sign in codes.iter().filter_map(|code| coder.decode(*code)) {
        match sign {
            '\r' => column = 0,
            '\n' => {
                sheet.feed();
                column = 0;
            }
            BELL => bells += 1,
            WRU => asked += 1,
            letter => {
                sheet.strike(column, letter);
                column += 1;
            }
        }
    }
    let counted = [(bells, "bell"), (asked, "WRU"), (sheet.overstrikes().len(), "letter struck over another")];
    let plural = |n: usize, what: &str| match (n, what) {
        (1, _) | (_, "WRU") => format!("{n} {what}"),
        (_, "bell") => format!("{n} bells"),
        (_, _) => format!("{n} letters struck over others"),
    };
    let left_out = counted.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| plural(n, what)).collect();
    (code.read_back(sheet.text().trim_matches('\n')), left_out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Symbol;
    use crate::message::{Envelope, Part, Precedence};
    use crate::router::Delivery;
    use crate::teletype::codes::{CR, FIGS, LF, LTRS, key};
    use crate::teletype::typing::typed;

    fn near() -> Utc {
        "1963-08-30T16:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_text_comes_back_and_what_is_no_text_is_counted() {
        for (text, code) in [("THE QUICK\n\n  BROWN FOX 12", CodeTable::Ita2), ("ЧЕЛОВЕК, 1963\n(4)", CodeTable::Mtk2)] {
            let codes = [vec![BLANK; 8], typed(text, code, 72).unwrap().codes, vec![BLANK; 8]].concat();
            assert_eq!(reading(&codes, code, near()), Ok(Reading { text: text.into(), of: None, left_out: vec![] }));
            assert_eq!(may_be_cyrillic(&codes), code == CodeTable::Mtk2);
        }
        let [a, b, d, j, x] = ['A', 'B', 'D', 'J', 'X'].map(key);
        let odd = [LTRS, a, b, CR, x, LF, FIGS, j, d, j, LTRS, LTRS, b];
        let Reading { text, left_out, .. } = reading(&odd, CodeTable::Ita2, near()).unwrap();
        assert_eq!((text.as_str(), left_out.join(", ").as_str()), ("AB\nB", "2 bells, 1 WRU, 1 letter struck over another"));
    }

    #[test]
    fn of_a_messages_tape_only_the_text_is_taken_and_only_if_it_fits() {
        let envelope = Envelope {
            from: "operator@moscow".parse().unwrap(),
            to: "operator@washington".parse().unwrap(),
            precedence: Precedence::Flash,
            class: Default::default(),
            subject: "RE TEST".into(),
            via: vec![],
            post: None,
        };
        let message = |text: &str| {
            let content = vec![Part::Text { text: text.into() }];
            Message { identity: "MOSCOW-0001-19630830T1600Z".parse().unwrap(), envelope: envelope.clone(), content }
        };
        for setting in [UnshiftOnSpace::Unknown, UnshiftOnSpace::No, UnshiftOnSpace::Yes] {
            let delivery = Delivery { number: 1, message: message("12 AB\n3 C"), channel: 1, again: false };
            let [own, peer] = ["moscow", "washington"].map(|name| name.parse().unwrap());
            let codes = wire::compose(&delivery, &own, &peer, CodeTable::Mtk2, setting).unwrap().codes;
            let read = reading(&[vec![BLANK; 3], codes.clone(), vec![BLANK]].concat(), CodeTable::Mtk2, near()).unwrap();
            assert_eq!((read.text.as_str(), read.of), ("12 AB\n3 C", Some(delivery.message)), "{setting:?}");
            let mut damaged = codes;
            damaged[60] = damaged[60].flip(1);
            let why = reading(&damaged, CodeTable::Mtk2, near()).unwrap_err();
            assert!(why.contains("damaged") && why.contains("mend the text"), "{why}");
        }
    }

    #[test]
    fn a_tape_that_says_nothing_is_no_message() {
        let nothing = [BLANK, LTRS, LTRS, CR, LF, BLANK];
        assert_eq!(reading(&nothing, CodeTable::Ita2, near()), Err("has no letter on it".into()));
        assert!(reading(&[BLANK; 9], CodeTable::Ita2, near()).is_err() && reading(&[], CodeTable::Ita2, near()).is_err());
    }
}

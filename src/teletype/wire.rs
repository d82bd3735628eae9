//! A message as codes on the line, written and read back.
//!
//! Standards: heading after ACP 127 (`ZCZC`, channel line, `NNNN`; `message::period`); the confirmation line is ours.
//! In: a delivery. Out: its codes and how to send them; from codes, the message, or what is wrong with them.
//! Left out: the procedure around it. Shown by: `fixtures/dialogues/worked-call.txt`.

use super::codes::{CR, CodeTable, Coder, LF, LTRS, UnshiftOnSpace, key};
use super::service::{Stamp, Why, check_group};
use crate::line::Code;
use crate::message::{Message, Name, Part, convert, period};
use crate::router::Delivery;
use crate::time::Utc;

const Z: Code = key('Z');
const C: Code = key('C');
const N: Code = key('N');
const E: Code = key('E');

/// Start of message.
pub const START: [Code; 5] = [LTRS, Z, C, Z, C];
/// End of message.
pub const END: [Code; 12] = [CR, CR, LF, LF, LF, LF, LTRS, LTRS, N, N, N, N];
/// By how much of [`END`] it is known.
pub const END_MARK: [Code; 6] = [LTRS, LTRS, N, N, N, N];
/// Cut: what came of this message is void (eight errors, as an operator sends them; the pair of LTRS is ours).
pub const CUT: [Code; 13] = [LTRS, LTRS, E, E, E, E, E, E, E, E, CR, CR, LF];
/// By how much of [`CUT`] it is known.
pub const CUT_MARK: [Code; 10] = [LTRS, LTRS, E, E, E, E, E, E, E, E];
/// Codes handed to the line at once, at the most; a line of text is handed over whole where it fits.
pub const CHUNK: usize = 90;

/// A message ready to send.
#[derive(Clone, Debug)]
pub struct Wire {
    /// All its codes, as they stand before a mixer.
    pub codes: Vec<Code>,
    /// What its receipt must say.
    pub stamp: Stamp,
    /// Where each chunk ends, rising; the last is the number of codes.
    pub ends: Vec<usize>,
}

/// The codes of a delivery from `own` to `peer`: the same each time it is sent. `Err` says what has no code.
pub fn compose(delivery: &Delivery, own: &Name, peer: &Name, code: CodeTable, setting: UnshiftOnSpace) -> Result<Wire, String> {
    let message = &delivery.message;
    if let Some(Part::Page(blob) | Part::File(blob)) = message.content.iter().find(|p| !matches!(p, Part::Text { .. })) {
        return Err(format!("a teletype line carries text only, and `{}` is none", blob.name));
    }
    let letter = |n: &Name| n.upper().chars().take(1).collect::<String>();
    let subject = convert::convert_line(&message.envelope.subject, &code.text_form(50.0, 7.5, usize::MAX));
    let mut lines = vec![format!(" {}{}{:03}", letter(own), letter(peer), delivery.channel)];
    lines.extend(period::heading(message, &subject));
    let text = message.text();
    if !text.is_empty() {
        lines.push(text);
    }
    lines.push("BT".into());
    let lines = lines.join("\n");
    let missing = |c: char| format!("`{}` is not in the code {}", c.escape_debug(), code.name());
    let repertoire = code.repertoire();
    if let Some(c) = lines.chars().find(|c| *c != '\n' && !repertoire.contains(*c)) {
        return Err(missing(c));
    }
    let (mut codes, mut coder) = (START.to_vec(), Coder::in_letters(code, setting));
    coder.write(&lines, &mut codes).map_err(missing)?;
    let confirmation = format!("\nCFM {} {}", codes.len(), group(&codes));
    coder.write(&confirmation, &mut codes).map_err(missing)?;
    codes.extend(END);
    let stamp = Stamp { identity: message.identity.clone(), count: codes.len(), check: group(&codes) };
    Ok(Wire { ends: chunks(&codes), codes, stamp })
}

/// What is wrong with a message that came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flaw {
    /// The word for the service line.
    pub why: Why,
    /// The sentence for people.
    pub text: String,
}

/// Reads a message's codes, from [`START`] to [`END`]; `near` settles the century.
pub fn read(codes: &[Code], code: CodeTable, setting: UnshiftOnSpace, near: Utc) -> Result<(Message, Stamp), Flaw> {
    let check = |text: &str| Flaw { why: Why::Check, text: text.into() };
    let body = codes.strip_suffix(&END).ok_or_else(|| check("the end sequence is damaged"))?;
    let text = Coder::in_letters(code, setting).read(body);
    let (text, confirmation) = text.rsplit_once('\n').ok_or_else(|| check("no confirmation line"))?;
    let last = body.iter().rposition(|c| *c == LF).unwrap_or(0);
    let covered = body[..=last].strip_suffix(&[CR, CR, LF]).ok_or_else(|| check("the line before the confirmation is damaged"))?;
    let expected = format!("CFM {} {}", covered.len(), group(covered));
    if confirmation != expected {
        return Err(check(&format!("the codes that came would be confirmed by `{expected}`, got `{confirmation}`")));
    }
    let heading = |text: String| Flaw { why: Why::Heading, text };
    let (_channel, lines) = text.split_once('\n').ok_or_else(|| heading("the heading ends in its first line".into()))?;
    let message = period::read(lines, near).map_err(heading)?;
    let stamp = Stamp { identity: message.identity.clone(), count: codes.len(), check: group(codes) };
    Ok((message, stamp))
}

/// The check group over codes, one byte each.
pub fn group(codes: &[Code]) -> String {
    check_group(codes.iter().map(|c| c.value()))
}

fn chunks(codes: &[Code]) -> Vec<usize> {
    let mut ends = vec![];
    let mut from = 0;
    while from < codes.len() {
        let room = &codes[from..codes.len().min(from + CHUNK)];
        // The end sequence stays in one piece with the line before it as far as it fits.
        let line = room.iter().position(|c| *c == LF).filter(|at| codes.len() - from - at > END.len());
        from += line.map_or(room.len(), |at| at + 1);
        ends.push(from);
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::CodeTable::Ita2;
    use super::*;
    use crate::line::Symbol;
    use crate::message::{Class, Envelope, Precedence};

    fn delivery(text: &str) -> Delivery {
        let envelope = Envelope {
            from: "operator@washington".parse().unwrap(),
            to: "operator@moscow".parse().unwrap(),
            precedence: Precedence::Flash,
            class: Class::Message,
            subject: "Test no. 1".into(),
            via: vec![],
            post: None,
        };
        let content = if text.is_empty() { vec![] } else { vec![Part::Text { text: text.into() }] };
        let message = Message { identity: "WASHINGTON-0001-19630830T1600Z".parse().unwrap(), envelope, content };
        Delivery { number: 1, message, channel: 1, again: false }
    }
    fn composed(code: CodeTable, text: &str, setting: UnshiftOnSpace) -> Wire {
        compose(&delivery(text), &"washington".parse().unwrap(), &"moscow".parse().unwrap(), code, setting).unwrap()
    }
    fn near() -> Utc {
        "1963-08-30T16:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_message_reads_back_with_the_stamp_it_was_sent_with() {
        for setting in [UnshiftOnSpace::Unknown, UnshiftOnSpace::No, UnshiftOnSpace::Yes] {
            for code in CodeTable::ALL {
                for text in ["", "DOG'S BACK 1234567890", "BT\n\nZCZC NNNN\nCFM 1 ABCDE", "\n\nA\n", &"1A".repeat(500)] {
                    let wire = composed(code, text, setting);
                    let (message, stamp) = read(&wire.codes, code, setting, near()).unwrap();
                    assert_eq!((message.text(), stamp), (text.to_owned(), wire.stamp.clone()), "{code:?} {setting:?}");
                    assert_eq!(message.envelope.subject, "TEST NO. 1");
                }
            }
        }
    }

    #[test]
    fn a_russian_message_reads_back_over_mtk_2_and_has_no_codes_on_the_others() {
        let text = "СЪЕШЬ ЕЩЁ ЭТИХ ЮЖНЫХ ЩУК, ЧТО В 4 ЧАСА".replace('Ё', "Е").replace('Ъ', "Ь");
        for setting in [UnshiftOnSpace::Unknown, UnshiftOnSpace::No, UnshiftOnSpace::Yes] {
            let wire = composed(CodeTable::Mtk2, &text, setting);
            let (message, stamp) = read(&wire.codes, CodeTable::Mtk2, setting, near()).unwrap();
            assert_eq!((message.text(), stamp), (text.clone(), wire.stamp));
        }
        let (own, peer) = ("a".parse().unwrap(), "b".parse().unwrap());
        let why = compose(&delivery(&text), &own, &peer, CodeTable::UsTty, UnshiftOnSpace::No).unwrap_err();
        assert_eq!(why, "`С` is not in the code us-tty");
    }

    #[test]
    fn any_single_flip_drop_or_double_is_noticed() {
        let wire = composed(Ita2, "THE QUICK BROWN FOX 12 34\nJUMPED", UnshiftOnSpace::Unknown);
        for at in 0..wire.codes.len() {
            let mut damaged = vec![wire.codes.clone(); 7];
            (0..5).for_each(|bit| damaged[bit][at] = wire.codes[at].flip(bit as u32));
            damaged[5].remove(at);
            damaged[6].insert(at, wire.codes[at]);
            for d in damaged.into_iter().filter(|d| *d != wire.codes) {
                // Damage to the confirmation's own shifts may leave the text proven; then the receipt does not match.
                if let Ok((message, stamp)) = read(&d, Ita2, UnshiftOnSpace::Unknown, near()) {
                    assert_eq!(message.text(), "THE QUICK BROWN FOX 12 34\nJUMPED");
                    assert_ne!(stamp, wire.stamp);
                }
            }
        }
    }

    #[test]
    fn chunks_are_lines_and_never_longer_than_the_bound() {
        let wire = composed(Ita2, &format!("{}\nSHORT", "1A".repeat(300)), UnshiftOnSpace::Unknown);
        let mut from = 0;
        for end in &wire.ends {
            assert!(*end > from && end - from <= CHUNK);
            from = *end;
        }
        assert_eq!(from, wire.codes.len());
        assert_eq!(wire.codes[..wire.ends[0]].last(), Some(&LF));
    }

    #[test]
    fn only_the_end_and_the_cut_hold_two_letters_shifts_running() {
        let wire = composed(Ita2, "A 1 B 2\nNNNN", UnshiftOnSpace::Unknown);
        let pairs: Vec<usize> = (1..wire.codes.len()).filter(|i| wire.codes[i - 1..=*i] == [LTRS, LTRS]).collect();
        assert_eq!(pairs, [wire.codes.len() - 5]);
    }

    #[test]
    fn what_has_no_code_is_named() {
        let (own, peer) = ("a".parse().unwrap(), "b".parse().unwrap());
        let why = compose(&delivery("É"), &own, &peer, Ita2, UnshiftOnSpace::No).unwrap_err();
        assert_eq!(why, "`É` is not in the code ita2");
        assert!(compose(&delivery("A\u{7}"), &own, &peer, Ita2, UnshiftOnSpace::No).is_err());
    }

    #[test]
    fn anything_else_is_a_flaw() {
        for codes in [&[][..], &END, &[START.as_slice(), &END].concat(), &[LF; 40]] {
            assert!(read(codes, Ita2, UnshiftOnSpace::No, near()).is_err());
        }
    }
}

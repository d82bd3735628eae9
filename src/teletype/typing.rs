//! A text typed for a machine: what it has not is spelt otherwise and told, lines are broken, shifts put in.
//!
//! Standards: the code tables'; the spelling is `message::convert`'s, the same as for a line.
//! In: a text, a code, columns. Out: codes, and the list of changes. Left out: headings and receipts (see `wire`).
//! Shown by: the tests below, `tests/it/paper.rs`.

use super::codes::{CodeTable, Coder, UnshiftOnSpace};
use super::printer::{Settings, print};
use crate::line::Code;
use crate::message::convert::{convert, fits};
use crate::message::{Edit, Part, Takes, is_cyrillic};
use crate::paper::Sheet;
use std::time::Duration;

/// Codes, and what was changed to have them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Typed {
    /// The codes, ending in CR CR LF.
    pub codes: Vec<Code>,
    /// Every kind of change.
    pub edits: Vec<Edit>,
}

/// Types a text in lines of at most `columns`. The error is one sentence.
///
/// Shifts are sent so that machines that unshift at a space and those that do not print the same.
pub fn typed(text: &str, code: CodeTable, columns: usize) -> Result<Typed, String> {
    let mut form = code.text_form(50.0, 7.5, usize::MAX);
    form.columns = columns;
    let takes = Takes::texts(form);
    let parts = [Part::Text { text: text.into() }];
    fits(&parts, &takes)?;
    let (parts, edits) = convert(&parts, &takes)?;
    let (mut codes, mut coder) = (vec![], Coder::new(code, UnshiftOnSpace::Unknown));
    for part in &parts {
        if let Part::Text { text } = part {
            coder.write(text, &mut codes).map_err(|c| format!("`{}` is not in the code {}", c.escape_debug(), code.name()))?;
        }
    }
    coder.write("\n", &mut codes).map_err(|c| format!("`{}` is not in the code {}", c.escape_debug(), code.name()))?;
    Ok(Typed { codes, edits })
}

/// The sheet that a machine of this code prints of a text, and what was changed for it.
pub fn printed(text: &str, code: CodeTable, columns: usize) -> Result<(Sheet, Vec<Edit>), String> {
    let Typed { codes, edits } = typed(text, code, columns)?;
    let (sheet, _) = print(&codes, Settings { columns, ..Settings::of(code) }, Duration::ZERO);
    Ok((sheet, edits))
}

/// The code of a machine that has the text's letters: MTK-2 where there are Cyrillic ones, else ITA2.
pub fn code_for(text: &str) -> CodeTable {
    if text.chars().any(is_cyrillic) { CodeTable::Mtk2 } else { CodeTable::Ita2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, code: CodeTable) -> (String, Vec<String>) {
        let (sheet, edits) = printed(text, code, 72).unwrap();
        assert!(sheet.overstrikes().is_empty());
        (sheet.text(), edits.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_text_prints_as_the_machine_has_it_and_changes_are_told() {
        assert_eq!(
            shown("The dog's 12\n\nend", CodeTable::Ita2),
            ("THE DOG'S 12\n\nEND\n".into(), vec!["upper case (9 times, e.g. The as THE)".into()])
        );
        assert_eq!(shown("ЧЕЛОВЕК 1963", CodeTable::Mtk2), ("4ЕЛОВЕК 1963\n".into(), vec![]));
        assert_eq!(shown("ДОМ", CodeTable::UsTty).0, "DOM\n");
        let (text, edits) = shown(&"WORD ".repeat(20), CodeTable::Ita2);
        assert_eq!((text.lines().count(), edits.len()), (2, 1), "{text} {edits:?}");
        assert!(printed("ΑΒΓ", CodeTable::Ita2, 72).unwrap_err().contains("no letter for `Α`"));
    }

    #[test]
    fn cyrillic_wants_a_machine_that_has_it() {
        assert_eq!([code_for("HELLO"), code_for("A Я"), code_for("")], [CodeTable::Ita2, CodeTable::Mtk2, CodeTable::Ita2]);
    }
}

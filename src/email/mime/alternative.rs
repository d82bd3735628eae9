//! Which of a multipart's alternatives is read.
//!
//! Standard: RFC 2046 5.1.4 (the last one that can be shown); ours: plain text before HTML, for it is what its writer meant for paper.
//! In: the pieces of each alternative. Out: the texts of one, and the files of all. Left out: choosing by language.
//! Shown by: `email::mime::tests`, `fixtures/mail/alternative.eml`.

use super::Piece;

/// One alternative: its pieces, and whether its text came as plain text.
pub(super) struct Choice<'a> {
    pub pieces: Vec<Piece<'a>>,
    pub plain: bool,
}

/// The last alternative with plain text, else the last with any text; its texts, and everybody's files.
pub(super) fn chosen(choices: Vec<Choice<'_>>) -> Choice<'_> {
    let says = |c: &Choice<'_>| c.pieces.iter().any(|p| matches!(p, Piece::Text(t) if !t.trim().is_empty()));
    let last = |plain: bool| choices.iter().rposition(|c| says(c) && (c.plain || !plain));
    let taken = last(true).or_else(|| last(false));
    let plain = taken.is_some_and(|t| choices[t].plain);
    let mut pieces = vec![];
    for (n, choice) in choices.into_iter().enumerate() {
        pieces.extend(choice.pieces.into_iter().filter(|p| Some(n) == taken || matches!(p, Piece::File(_))));
    }
    Choice { pieces, plain }
}

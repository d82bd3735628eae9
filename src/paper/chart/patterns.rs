//! Pages that are hard on a code: runs of all lengths, the worst case, noise.
//!
//! Standard: none; ours. In: a [`Form`]. Out: a page. Numbers are drawn by [`mix`], so they are the same everywhere.
//! Left out: what people read (see `texts`, `drawing`). Shown by: `paper::chart`.

use super::super::form::Form;
use super::super::ink::mix;
use super::super::page::{Page, WORD, last_word};

/// Runs of drawn lengths, short and long; each stays for some rows, moving a little, as edges of print do.
pub(super) fn runs(form: &Form) -> Page {
    let mut page = form.blank();
    let width = page.width();
    let mut edges: Vec<usize> = vec![];
    for y in 0..page.height() {
        let draw = |n: usize| mix(0x7275_6e73 ^ (y as u64) << 20 ^ n as u64) as usize;
        if y % 24 == 0 {
            edges.clear();
            let mut at = 0;
            while at < width {
                edges.push(at);
                let n = edges.len();
                at += 1 + draw(n) % [4, 16, 64, 64, 300, 2600][draw(n + 5000) % 6];
            }
        } else {
            edges.iter_mut().enumerate().for_each(|(n, x)| *x = (*x + [0, 0, 0, 1, 1, 2, 3, 4][draw(n) % 8]).saturating_sub(1).min(width));
            edges.sort_unstable();
        }
        let row = page.row_mut(y);
        edges.chunks(2).for_each(|two| fill(row, two[0], two.get(1).copied().unwrap_or(width)));
    }
    page
}

/// Every pel another than its neighbours, each row the opposite of the one above: the most changes there can be.
pub(super) fn alternate(form: &Form) -> Page {
    rows(form, |y, _| if y % 2 == 0 { 0x5555_5555_5555_5555 } else { 0xaaaa_aaaa_aaaa_aaaa })
}

/// Black lines a pel wide, a pel apart, from top to foot.
pub(super) fn verticals(form: &Form) -> Page {
    rows(form, |_, _| 0x5555_5555_5555_5555)
}

/// Every pel drawn for itself.
pub(super) fn noise(form: &Form) -> Page {
    rows(form, |y, n| mix(0x006e_6f69_7365 ^ (y as u64) << 20 ^ n as u64))
}

fn rows(form: &Form, word: impl Fn(usize, usize) -> u64) -> Page {
    let mut page = form.blank();
    let last = last_word(page.width());
    for y in 0..page.height() {
        let row = page.row_mut(y);
        row.iter_mut().enumerate().for_each(|(n, into)| *into = word(y, n));
        row[row.len() - 1] &= last;
    }
    page
}

/// Blackens a row from a pel up to another.
pub(super) fn fill(row: &mut [u64], from: usize, to: usize) {
    let mut at = from;
    while at < to {
        let end = to.min(at / WORD * WORD + WORD);
        let bits = if end - at == WORD { !0 } else { !(!0 << (end - at)) << (WORD - 1 - (end - 1) % WORD) };
        row[at / WORD] |= bits;
        at = end;
    }
}

/// Makes pels of a row white.
pub(super) fn unfill(row: &mut [u64], from: usize, to: usize) {
    let mut at = from;
    while at < to {
        let end = to.min(at / WORD * WORD + WORD);
        let bits = if end - at == WORD { !0 } else { !(!0 << (end - at)) << (WORD - 1 - (end - 1) % WORD) };
        row[at / WORD] &= !bits;
        at = end;
    }
}

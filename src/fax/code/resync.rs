//! A row of T.4 that cannot be read, or does not end with an EOL: how many rows it was, and where the next begins.
//!
//! Standards: none; T.4 leaves it open. In: bits from the row's first on. Out: rows (good ones that an EOL was lost between, copies of the
//! last good row for the others), the bit to go on from. Left out: mending codes. Shown by: `tests`, `tests/it/fax_damage.rs`.

use super::bits::Bits;
use super::decode::{Out, State};
use super::lines::{EOL_ZEROS, Is};
use super::rows;

/// A row's codes take fewer bits; so many without an EOL are not a row.
const LONGEST_ROW: usize = 16_384 * 8;
/// Where codes have no EOLs, how far the next row is looked for.
const LOOK: usize = 4096;
/// How far behind a lost EOL's place the next row may begin.
const NEAR: usize = 40;

impl State {
    /// `full`: where the codes filled the row. None: more bytes are needed.
    #[cold]
    pub(super) fn resync(&mut self, row: Bits, full: Option<usize>, last: bool, out: &mut impl Out) -> Option<usize> {
        if self.lines < 2 {
            return self.search(row, last, out);
        }
        if let Some(place) = full.filter(|place| *place <= row.end()) {
            match self.ended_by(&row, place, last) {
                Is::There(end) => {
                    self.whole(&row, place, out);
                    return Some(self.tagged(&row, place, end));
                }
                Is::Unknown => return None,
                Is::Not => {}
            }
        }
        let begun = self.next_eol(row, row.place(), last)?;
        if self.eols > 2 && self.damage.rows > 0 {
            // Noise behind an RTC of less than six.
            (self.damage.ended, self.done) = (true, true);
            return Some(begun);
        }
        if self.eols == 2 && self.damage.rows > 0 {
            self.skip(1, out);
        }
        if self.other_tag(&row, begun) {
            return Some(self.whole(&row, begun, out));
        }
        if !self.tag {
            self.skip(1, out);
            return Some(begun);
        }
        if let Some(on) = self.split(&row, full, begun, out) {
            return Some(on);
        }
        let on = self.joined(&row, begun, last)?;
        let next = if self.has_tags() { on } else { self.next_eol(row, row.end().min(on + 16), last)? };
        self.skip(self.rows_in(&row, begun, next - on), out);
        Some(on)
    }
    /// Whether a row that fills the width has an EOL behind it, or what would be one but for one bit (it ends there).
    fn ended_by(&self, row: &Bits, place: usize, last: bool) -> Is {
        match self.eol(row.from(place), last) {
            Is::There(_) => return Is::There(place),
            Is::Unknown if last => return Is::There(place),
            Is::Unknown => return Is::Unknown,
            Is::Not => {}
        }
        match nearly_eol(row.from(place)) {
            Is::There(end) if last || end + self.behind() <= row.end() => Is::There(end),
            Is::There(_) | Is::Unknown if !last => Is::Unknown,
            _ => Is::Not,
        }
    }
    /// The row just read was good, its EOL need not be.
    fn whole(&mut self, row: &Bits, place: usize, out: &mut impl Out) -> usize {
        self.t4_good(place - row.place(), out);
        place
    }
    /// Rows that cannot be read.
    pub(super) fn skip(&mut self, rows: usize, out: &mut impl Out) {
        for _ in 0..rows {
            if !self.done {
                self.bad(out);
            }
        }
        (self.eols, self.waits) = (0, true);
    }
    /// On behind an EOL that was not quite one; before a true one.
    fn tagged(&mut self, row: &Bits, place: usize, end: usize) -> usize {
        if place == end {
            return end;
        }
        self.eols = 1;
        if !self.has_tags() {
            return end;
        }
        self.tag = row.from(end).window >> 63 == 1;
        end + 1
    }
    /// Where the next EOL's zeros begin, or the bytes end. None: more bytes are needed.
    fn next_eol(&self, row: Bits, from: usize, last: bool) -> Option<usize> {
        let mut at = from;
        loop {
            match row.from(at).zeros() {
                Some(zeros) if zeros >= EOL_ZEROS => return Some(at),
                Some(zeros) => at += zeros + 1,
                None if last || row.end() > from + LONGEST_ROW => return Some(row.end().max(from)),
                None => return None,
            }
        }
    }
    /// Whether the row can be read, whole, if its tag bit was wrong.
    fn other_tag(&mut self, row: &Bits, end: usize) -> bool {
        let (mut bits, width) = (*row, self.width);
        let good = match self.tag {
            false => rows::one(&mut bits, &mut self.row, width),
            true => self.has_tags() && !self.waits && rows::two(&mut bits, &mut self.row, &self.above, width),
        };
        good && ends_at(&bits, end)
    }
    /// Two rows with something between them that is no EOL: the second is looked for near by, and where an EOL nearly is.
    fn split(&mut self, row: &Bits, full: Option<usize>, end: usize, out: &mut impl Out) -> Option<usize> {
        let near = full.map_or(0..0, |place| place + 1..(place + NEAR).min(end));
        // So that no piece of one row is taken for a whole one by chance, it has to be long for one row.
        let far = if end - row.place() > self.usual + self.usual / 2 { row.place()..end } else { 0..0 };
        let far = far.filter_map(|at| match nearly_eol(row.from(at)) {
            Is::There(to) if to < end => Some(to),
            _ => None,
        });
        let starts: Vec<usize> = near.chain(far).collect();
        let tags = usize::from(self.has_tags());
        for start in starts {
            let mut bits = row.from(start + tags);
            if rows::one(&mut bits, &mut self.row, self.width) && ends_at(&bits, end) {
                match full {
                    Some(place) => {
                        let mut first = *row;
                        rows::one(&mut first, &mut self.row, self.width);
                        self.whole(row, place, out);
                    }
                    None => self.skip(1, out),
                }
                return Some(start + tags);
            }
        }
        None
    }
    /// Where to go on behind a row that is bad: at the EOL behind it, or, if that seems a false one, at the next.
    fn joined(&mut self, row: &Bits, end: usize, last: bool) -> Option<usize> {
        let (pels, width) = (self.pels(row, end), self.width);
        if pels >= width || end >= row.end() {
            return Some(end);
        }
        let Is::There(begun) = self.eol(row.from(end), true) else { return Some(end) };
        let begun = (begun + usize::from(self.has_tags())).min(row.end());
        let second = self.next_eol(*row, begun, last)?;
        let mut bits = row.from(begun);
        let good = rows::one(&mut bits, &mut self.row, width) && ends_at(&bits, second);
        // Two bad rows are about twice as many bits as a row is.
        let one_row = !good && !self.has_tags() && second > begun + 8 && second - row.place() < self.usual + self.usual / 2;
        Some(if one_row { second } else { end })
    }
    /// About how many rows lie up to an EOL, by their pels and by their bits; `next`: the bits of the row behind.
    fn rows_in(&self, row: &Bits, end: usize, next: usize) -> usize {
        let by_pels = (self.pels(row, end) + self.width / 2) / self.width;
        let usual = self.usual.max(next).max(64);
        let by_bits = (end - row.place() + usual / 4) / usual;
        by_pels.min(by_bits).clamp(1, 8)
    }
    /// The pels of what can be read as codes.
    fn pels(&self, row: &Bits, end: usize) -> usize {
        let (mut bits, mut black, mut sum) = (*row, 0, 0);
        while bits.place() < end {
            match rows::run(&mut bits, black, 1 << 14) {
                Some(pels) => (sum, black) = (sum + pels as usize, black ^ 1),
                None => bits = bits.from(bits.place() + 1),
            }
        }
        sum
    }
    /// Without EOLs: the next two rows that can be read, one behind the other.
    fn search(&mut self, row: Bits, last: bool, out: &mut impl Out) -> Option<usize> {
        let (from, width) = (row.place(), self.width);
        if !last && row.end() < from + LOOK + 2 * LONGEST_ROW {
            return None;
        }
        let step = if self.aligned { 8 } else { 1 };
        let mut at = (from + 1).next_multiple_of(step);
        while at < row.end().min(from + LOOK) && self.patience > 0 {
            self.patience -= 1;
            let mut bits = row.from(at);
            let mut good = rows::one(&mut bits, &mut self.row, width);
            if good && bits.place() + 8 < row.end() {
                bits = row.from(bits.place().next_multiple_of(step));
                good = rows::one(&mut bits, &mut self.row, width);
            }
            if good && bits.place() <= row.end() {
                self.skip(self.rows_in(&row, at, 0), out);
                return Some(at);
            }
            at += step;
        }
        self.skip(1, out);
        self.done = true;
        Some(row.end())
    }
}

/// Whether nothing but fill lies between what was read and an EOL.
fn ends_at(bits: &Bits, end: usize) -> bool {
    let place = bits.place();
    place >= end && place <= bits.end() && bits.from(end).zeros().is_none_or(|zeros| place <= end + zeros.saturating_sub(EOL_ZEROS))
}

/// Whether what is next would be an EOL but for a 1 too many among its zeros, fill before it included.
pub(super) fn nearly_eol(mut bits: Bits) -> Is {
    let place = bits.place();
    let Some(first) = bits.zeros() else { return Is::Unknown };
    if first >= EOL_ZEROS {
        return Is::Not;
    }
    match bits.from(place + first + 1).zeros() {
        Some(second) if first + 1 + second >= EOL_ZEROS => Is::There(place + first + 1 + second + 1),
        Some(_) => Is::Not,
        None => Is::Unknown,
    }
}

//! Rows of T.6, one behind the other, and their end.
//!
//! Standards: ITU-T T.6 2.2, 2.4.1.1 (EOFB). In: bits. Out: rows; at the first that cannot be read it is over.
//! Left out: uncompressed mode. Shown by: `tests`, `tests/it/fax_codes.rs`.

use super::bits::Bits;
use super::decode::{Out, State};
use super::lines::EOL_ZEROS;
use super::lookup::PEEK;
use super::rows;

impl State {
    /// Reads rows until the bytes are used up; what is not a whole row is left for next time, unless these are the `last`.
    pub(super) fn t6(&mut self, bytes: &[u8], last: bool, out: &mut impl Out) {
        let mut bits = Bits::at(bytes, self.at);
        while !self.done {
            if self.aligned && self.lines == 0 {
                bits = bits.from(bits.place().next_multiple_of(8));
            }
            bits.refill();
            if bits.window >> (64 - EOL_ZEROS) == 0 {
                if !self.t6_end(&mut bits, last) {
                    break;
                }
                continue;
            }
            let begun = bits.place();
            if self.above.n == 0 && !self.aligned && bits.window >> 63 == 1 && begun + 128 < bits.end() {
                // White rows below a white one, a bit each.
                let rows = (!bits.window).leading_zeros().min(32);
                bits.skip(rows);
                self.eols = 0;
                self.again(rows as usize, out);
                continue;
            }
            let good = rows::two(&mut bits, &mut self.row, &self.above, self.width);
            let place = bits.place();
            if !last && place + PEEK as usize > bits.end() {
                self.at = begun;
                return;
            }
            if !good || place > bits.end() {
                // What came before is kept; nothing tells where the next row begins.
                self.bad(out);
                self.done = true;
                break;
            }
            self.eols = 0;
            // Nothing but V0: the row above again.
            let same = place - begun == self.row.n + 1 && self.row.n == self.above.n;
            self.good(same, out);
        }
        self.at = bits.place().min(bits.end());
    }
    /// An EOL, of which two are the end, or the end of the bytes. False where it does not go on.
    #[cold]
    fn t6_end(&mut self, bits: &mut Bits, last: bool) -> bool {
        let Some(zeros) = bits.zeros() else {
            self.done |= last;
            return false;
        };
        *bits = bits.from(bits.place() + zeros + 1);
        self.lines = 2;
        self.eols += 1;
        self.damage.ended = self.eols == 2;
        self.done |= self.damage.ended;
        true
    }
}

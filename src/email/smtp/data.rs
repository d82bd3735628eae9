//! A message as it comes in: the dots of DATA taken out, its end found, its octets looked at.
//!
//! Standards: RFC 5321 4.5.2 (transparency), 4.1.1.4 (only CR LF . CR LF ends DATA), 2.3.8 (no bare CR or LF); RFC 3030 (chunks).
//! In: octets. Out: octets for the spool, the end, and the first flaw. Nothing is held but a state; after a flaw nothing is given out.
//! Left out: what the message says. Shown by: the tests here, `fixtures/dialogues/smtp/smuggling-*`, the fuzz target `smtp`.

use super::limits::Limits;

/// What is wrong with a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// A CR without LF or an LF without CR.
    Bare,
    /// A NUL.
    Nul,
    /// A line over the limit.
    LongLine,
    /// A header over the limit.
    LongHeader,
    /// A message over the limit.
    TooBig,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    LineStart,
    Text,
    Cr,
    Dot,
    DotCr,
}

/// Reads one message.
#[derive(Clone, Debug)]
pub struct Reader {
    dots: bool,
    state: State,
    line: usize,
    header: u64,
    in_header: bool,
    limits: (u64, u64, usize),
    /// Octets of the message so far.
    pub octets: u64,
    /// Octets that came on the wire, for how long a flawed message is listened to.
    pub came: u64,
    /// Whether one of them has its eighth bit set.
    pub eight: bool,
    /// What is wrong; a bare CR or LF weighs more than any other.
    pub flaw: Option<Flaw>,
}

impl Reader {
    /// For DATA (with dots) or BDAT (without).
    pub fn new(dots: bool, limits: &Limits) -> Reader {
        let limits = (limits.size, limits.header, limits.line);
        let (state, in_header) = (State::LineStart, true);
        Reader { dots, state, line: 0, header: 0, in_header, limits, octets: 0, came: 0, eight: false, flaw: None }
    }

    /// Takes octets in, appends what belongs to the message to `out`. Returns how many were taken, and whether the end of DATA was among them.
    pub fn feed(&mut self, octets: &[u8], out: &mut Vec<u8>) -> (usize, bool) {
        let mut at = 0;
        while at < octets.len() {
            let run = self.run(&octets[at..], out);
            at += run;
            if let Some(b) = octets.get(at).filter(|_| run == 0) {
                self.came += 1;
                at += 1;
                if self.step(*b, out) {
                    return (at, true);
                }
            }
        }
        (at, false)
    }

    /// Takes the octets within a line that need no look of their own, as far as no limit is near. Returns how many.
    fn run(&mut self, octets: &[u8], out: &mut Vec<u8>) -> usize {
        if self.state != State::Text || self.flaw.is_some() {
            return 0;
        }
        let header = if self.in_header { self.limits.1.saturating_sub(self.header) } else { u64::MAX };
        let room = header.min(self.limits.0.saturating_sub(self.octets));
        let most = self.limits.2.saturating_sub(self.line + 2).min(usize::try_from(room).unwrap_or(usize::MAX)).min(octets.len());
        let n = octets[..most].iter().position(|b| matches!(b, b'\r' | b'\n' | 0)).unwrap_or(most);
        let run = &octets[..n];
        out.extend_from_slice(run);
        self.eight |= !run.is_ascii();
        self.line += n;
        self.came += n as u64;
        self.count(n as u64);
        n
    }

    /// Says that all chunks have come: a CR at the very end is bare too.
    pub fn end(&mut self) {
        if self.state == State::Cr {
            self.blame(Flaw::Bare);
        }
    }

    fn step(&mut self, b: u8, out: &mut Vec<u8>) -> bool {
        use State::*;
        self.state = match (self.state, b) {
            (Cr, b'\n') => self.line_ends(out),
            (DotCr, b'\n') => return true,
            (LineStart, b'.') if self.dots => Dot,
            (Dot, b'\r') => DotCr,
            // A dot and then CR alone: the dot was no end. A CR here may still be followed by LF.
            (Cr | DotCr, b'\r') => self.bare(Cr),
            (LineStart | Text, b'\r') => Cr,
            (_, b'\n') => self.bare(Text),
            (Cr | DotCr, _) => self.bare(Text),
            (LineStart | Text | Dot, b) => self.text(b, out),
        };
        false
    }

    fn text(&mut self, b: u8, out: &mut Vec<u8>) -> State {
        self.eight |= b >= 0x80;
        if b == 0 {
            self.blame(Flaw::Nul);
        }
        self.line += 1;
        if self.line + 2 > self.limits.2 {
            self.blame(Flaw::LongLine);
        }
        self.count(1);
        if self.flaw.is_none() {
            out.push(b);
        }
        State::Text
    }

    fn line_ends(&mut self, out: &mut Vec<u8>) -> State {
        self.count(2);
        if self.flaw.is_none() {
            out.extend_from_slice(b"\r\n");
        }
        self.in_header &= self.line > 0;
        self.line = 0;
        State::LineStart
    }

    fn count(&mut self, n: u64) {
        self.octets += n;
        if self.in_header {
            self.header += n;
            if self.header > self.limits.1 {
                self.blame(Flaw::LongHeader);
            }
        }
        if self.octets > self.limits.0 {
            self.blame(Flaw::TooBig);
        }
    }

    fn bare(&mut self, next: State) -> State {
        self.blame(Flaw::Bare);
        next
    }

    fn blame(&mut self, flaw: Flaw) {
        if self.flaw.is_none() || flaw == Flaw::Bare {
            self.flaw = Some(flaw);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read, what is left behind the end (`None`: no end), the flaw.
    fn read(dots: bool, octets: &[u8], pieces: usize) -> (Vec<u8>, Option<usize>, Option<Flaw>) {
        let mut reader = Reader::new(dots, &Limits { size: 40, header: 30, line: 12, ..Limits::default() });
        let (mut out, mut at) = (vec![], 0);
        for piece in octets.chunks(pieces) {
            let (n, end) = reader.feed(piece, &mut out);
            at += n;
            if end {
                return (out, Some(octets.len() - at), reader.flaw);
            }
        }
        reader.end();
        (out, None, reader.flaw)
    }

    #[test]
    fn dots_are_taken_out_and_only_crlf_dot_crlf_ends() {
        for pieces in 1..9 {
            for (wire, message, left) in [
                ("a\r\n.\r\nQUIT", "a\r\n", Some(4)),
                (".\r\n", "", Some(0)),
                ("..\r\n...\r\n.a\r\n.\r\n", ".\r\n..\r\na\r\n", Some(0)),
                ("a\r\n.b.\r\n.\r\n", "a\r\nb.\r\n", Some(0)),
                ("a.\r\n", "a.\r\n", None),
            ] {
                assert_eq!(read(true, wire.as_bytes(), pieces), (message.into(), left, None), "{wire:?} in pieces of {pieces}");
            }
            assert_eq!(read(false, b".\r\n..\r\n", pieces), (b".\r\n..\r\n".to_vec(), None, None));
        }
    }

    #[test]
    fn no_other_form_of_an_end_is_one_and_each_is_a_flaw() {
        for wire in [
            "a\n.\r\n",
            "a\r.\r\n",
            "a\r\n.\n",
            "a\r\n.\r",
            "a\r\n.\r\r\n",
            "a\n\r.\r\n",
            "a\r\r\n.\r\r\n",
            "a\n.\n",
            "a\r\n.\rb\r\n",
            "a\r\n.\n\r\n",
        ] {
            for pieces in 1..7 {
                let (_, left, flaw) = read(true, wire.as_bytes(), pieces);
                assert_eq!(left, None, "{wire:?}");
                assert!(flaw == Some(Flaw::Bare) || wire.ends_with(".\r"), "{wire:?}: {flaw:?}");
            }
        }
        assert_eq!(read(false, b"a\r", 9).2, Some(Flaw::Bare));
    }

    #[test]
    fn limits_are_reached_at_their_octet_and_not_before() {
        let flaw = |text: &str| read(false, text.as_bytes(), 7).2;
        assert_eq!([flaw("1234567890\r\n"), flaw("12345678901\r\n")], [None, Some(Flaw::LongLine)]);
        let header = "12345678\r\n".repeat(3);
        assert_eq!(
            [flaw(&format!("{}\r\n", &header[..20])), flaw(&header), flaw(&format!("{header}\r\n"))],
            [None, None, Some(Flaw::LongHeader)]
        );
        let message = format!("\r\n{}12345678", header);
        assert_eq!([flaw(&message), flaw(&format!("{message}9"))], [None, Some(Flaw::TooBig)]);
        assert_eq!(flaw("a\0b\r\n\n"), Some(Flaw::Bare), "weighs more than a NUL");
        assert_eq!(flaw("a\0b\r\n"), Some(Flaw::Nul));
    }
}

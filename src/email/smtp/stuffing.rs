//! A message as it goes out: lines ended with CR LF, dots doubled, nothing on the wire that a server could take for an end.
//!
//! Standards: RFC 5321 4.5.2, 2.3.8, 4.5.3.1.6 (998 octets and CR LF). A bare CR or a bare LF becomes CR LF, and is counted; a message
//! without a line's end at its end gets one. In: pieces of a message. Out: octets for the wire, or why the message cannot go.
//! Left out: conversion of eight-bit text (MIME's). Shown by: the tests here, `fixtures/dialogues/smtp-smuggling/table.txt`.

/// Octets of a line, without CR LF.
const LONGEST: usize = 998;

/// Why a message cannot be sent as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unfit {
    /// It has a NUL.
    Nul,
    /// It has a line over 998 octets.
    LongLine,
    /// It was declared as ASCII and is not.
    Eight,
}

impl Unfit {
    /// For a sentence: `the message has …`.
    pub fn words(self) -> &'static str {
        match self {
            Unfit::Nul => "the message has a NUL, which mail cannot carry; attach it as a file",
            Unfit::LongLine => "the message has a line of more than 998 octets; encode it as quoted-printable or base64",
            Unfit::Eight => "the message has eight-bit octets and was handed over as ASCII",
        }
    }
}

/// Writes one message.
#[derive(Clone, Debug)]
pub struct Writer {
    dots: bool,
    eight: bool,
    line: usize,
    cr: bool,
    empty: bool,
    /// How many bare CRs and LFs became CR LF.
    pub mended: u64,
}

impl Writer {
    /// For DATA (with dots) or BDAT (without); whether eight-bit octets may go.
    pub fn new(dots: bool, eight: bool) -> Writer {
        Writer { dots, eight, line: 0, cr: false, empty: true, mended: 0 }
    }

    /// Appends a piece as it goes on the wire.
    pub fn piece(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
        let mut at = 0;
        while at < piece.len() {
            // Within a line most octets need no look of their own.
            let room = if self.line > 0 && !self.cr { LONGEST - self.line } else { 0 };
            let rest = &piece[at..piece.len().min(at + room)];
            let run = rest.iter().position(|b| matches!(b, b'\r' | b'\n' | 0) || *b >= 0x80 && !self.eight).unwrap_or(rest.len());
            out.extend_from_slice(&rest[..run]);
            self.line += run;
            at += run;
            let Some(b) = piece.get(at) else { break };
            at += 1;
            match (self.cr, *b) {
                (true, b'\n') => self.end_line(out, false),
                (_, b'\r') => {
                    if std::mem::replace(&mut self.cr, true) {
                        self.end_line(out, true);
                        self.cr = true;
                    }
                }
                (true, b) => {
                    self.end_line(out, true);
                    self.text(b, out)?;
                }
                (false, b'\n') => self.end_line(out, true),
                (false, b) => self.text(b, out)?,
            }
        }
        Ok(())
    }

    /// Ends the message: its last line, and with dots the final dot.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        if self.cr || self.line > 0 || self.empty {
            let mended = self.cr;
            self.end_line(out, mended);
        }
        if self.dots {
            out.extend_from_slice(b".\r\n");
        }
    }

    fn text(&mut self, b: u8, out: &mut Vec<u8>) -> Result<(), Unfit> {
        if b == 0 {
            return Err(Unfit::Nul);
        }
        if b >= 0x80 && !self.eight {
            return Err(Unfit::Eight);
        }
        if self.line == LONGEST {
            return Err(Unfit::LongLine);
        }
        if self.dots && self.line == 0 && b == b'.' {
            out.push(b'.');
        }
        out.push(b);
        self.line += 1;
        self.empty = false;
        Ok(())
    }

    fn end_line(&mut self, out: &mut Vec<u8>, mended: bool) {
        out.extend_from_slice(b"\r\n");
        self.mended += u64::from(mended);
        (self.line, self.cr, self.empty) = (0, false, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(message: &[u8], pieces: usize) -> (String, u64) {
        let (mut writer, mut out) = (Writer::new(true, true), vec![]);
        message.chunks(pieces).for_each(|p| writer.piece(p, &mut out).unwrap());
        writer.end(&mut out);
        (String::from_utf8(out).unwrap(), writer.mended)
    }

    #[test]
    fn a_dot_at_a_lines_start_is_doubled_and_every_end_is_cr_lf() {
        for pieces in 1..8 {
            for (message, expected, mended) in [
                ("a\r\n", "a\r\n.\r\n", 0),
                ("a", "a\r\n.\r\n", 0),
                ("", "\r\n.\r\n", 0),
                (".", "..\r\n.\r\n", 0),
                ("a\n.\nb\n", "a\r\n..\r\nb\r\n.\r\n", 3),
                ("a\r.\rb", "a\r\n..\r\nb\r\n.\r\n", 2),
                ("a\r\r\n.\r\n", "a\r\n\r\n..\r\n.\r\n", 1),
                ("a\n\r.\r\n", "a\r\n\r\n..\r\n.\r\n", 2),
                ("a\r", "a\r\n.\r\n", 1),
            ] {
                assert_eq!(wire(message.as_bytes(), pieces), (expected.into(), mended), "{message:?} in pieces of {pieces}");
            }
        }
    }

    #[test]
    fn what_no_server_has_to_take_is_not_sent() {
        let fits = |eight, message: &[u8]| Writer::new(true, eight).piece(message, &mut vec![]);
        assert_eq!([fits(true, &[b'x'; 998]), fits(true, &[b'x'; 999])], [Ok(()), Err(Unfit::LongLine)]);
        assert_eq!([fits(true, b"\xe9"), fits(false, b"\xe9"), fits(true, b"a\0")], [Ok(()), Err(Unfit::Eight), Err(Unfit::Nul)]);
    }
}

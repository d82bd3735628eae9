//! Base64, written to a stream and read from whatever came.
//!
//! Standard: RFC 2045 6.8 (lines of 76, what is not of the alphabet is passed over). In: bytes. Out: bytes; how many signs were none of it.
//! Left out: base64 of URLs. Shown by: the tests here.

use std::io::{Read, Write};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut i = 0;
    while i < 64 {
        values[ALPHABET[i] as usize] = i as u8;
        i += 1;
    }
    values
};
/// Bytes in a line of 76 signs.
const LINE: usize = 57;

/// Decodes what came, a piece at a time; gives how many signs were neither of the alphabet nor white space nor `=`, and whether bits were left over.
pub(super) fn decode<E>(coded: &[u8], mut out: impl FnMut(&[u8]) -> Result<(), E>) -> Result<usize, E> {
    let (mut bits, mut held, mut bad) = (0u32, 0, 0);
    let mut piece = Vec::with_capacity(8_192);
    for &sign in coded {
        match VALUES[usize::from(sign)] {
            // Padding ends a group; a second piece of base64 may follow (mails pasted together).
            255 if sign == b'=' => {
                bad += usize::from(held == 6);
                (bits, held) = (0, 0);
            }
            255 => bad += usize::from(!sign.is_ascii_whitespace()),
            value => {
                (bits, held) = (bits << 6 | u32::from(value), held + 6);
                if held >= 8 {
                    held -= 8;
                    piece.push((bits >> held & 0xff) as u8);
                    bits &= 0xff;
                }
            }
        }
        if piece.len() >= 8_000 {
            out(&piece)?;
            piece.clear();
        }
    }
    out(&piece)?;
    Ok(bad + usize::from(held == 6))
}

/// Writes all that `from` gives in lines of 76, each with its CR LF.
pub(super) fn encode(from: &mut dyn Read, to: &mut dyn Write) -> std::io::Result<()> {
    let mut chunk = vec![0; LINE * 144];
    loop {
        let mut filled = 0;
        while filled < chunk.len() {
            match from.read(&mut chunk[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        let mut lines = Vec::with_capacity(filled / LINE * 78 + 78);
        chunk[..filled].chunks(LINE).for_each(|line| one_line(line, &mut lines));
        to.write_all(&lines)?;
        if filled < chunk.len() {
            return Ok(());
        }
    }
}

fn one_line(bytes: &[u8], out: &mut Vec<u8>) {
    for three in bytes.chunks(3) {
        let at = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for i in 0..4 {
            out.push(if i <= three.len() { ALPHABET[(bits >> (18 - 6 * i) & 63) as usize] } else { b'=' });
        }
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(coded: &[u8]) -> (Vec<u8>, usize) {
        let mut out = vec![];
        let bad = decode::<()>(coded, |b| {
            out.extend_from_slice(b);
            Ok(())
        });
        (out, bad.unwrap())
    }

    #[test]
    fn bytes_of_every_length_come_back() {
        let bytes: Vec<u8> = (0..20_000u32).map(|i| (i * 7 + i / 256) as u8).collect();
        for length in [0, 1, 2, 3, 56, 57, 58, 114, 8_207, 8_208, 8_209, 20_000] {
            let mut coded = vec![];
            encode(&mut &bytes[..length], &mut coded).unwrap();
            assert!(coded.split(|b| *b == b'\n').all(|l| l.len() <= 77));
            assert_eq!(decoded(&coded), (bytes[..length].to_vec(), 0), "{length}");
        }
        let mut coded = vec![];
        encode(&mut &b"Man is"[..], &mut coded).unwrap();
        assert_eq!(coded, b"TWFuIGlz\r\n");
    }

    #[test]
    fn damage_costs_no_more_than_what_it_hits() {
        assert_eq!(decoded(b"TW\0Fu\r\n !IGlz"), (b"Man is".to_vec(), 2));
        assert_eq!(decoded(b"TWE=TWE="), (b"MaMa".to_vec(), 0));
        assert_eq!(decoded(b"TWFuI"), (b"Man".to_vec(), 1));
        assert_eq!(decoded(b"TWFu="), (b"Man".to_vec(), 0));
    }
}

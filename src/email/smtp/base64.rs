//! Base64, for AUTH.
//!
//! Standard: RFC 4648 4, strictly: padding is there, and bits that stand for nothing are zero.
//! In: octets or text. Out: the other. Left out: MIME's lines. Shown by: the tests here.

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Octets as text.
pub fn encode(octets: &[u8]) -> String {
    let mut out = String::with_capacity(octets.len().div_ceil(3) * 4);
    for group in octets.chunks(3) {
        let bits = group.iter().fold(0_u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - group.len()));
        for n in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * n) & 63) as usize];
            out.push(if n <= group.len() { letter.into() } else { '=' });
        }
    }
    out
}

/// Text as octets; `None` when it is not base64.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let groups = text.as_bytes().chunks(4);
    let last = groups.len();
    for (n, group) in groups.enumerate() {
        let padding = group.iter().rev().take_while(|b| **b == b'=').count();
        if group.len() != 4 || padding > 2 || padding > 0 && n + 1 != last {
            return None;
        }
        let mut bits = 0_u32;
        for b in &group[..4 - padding] {
            bits = bits << 6 | LETTERS.iter().position(|l| l == b)? as u32;
        }
        bits <<= 6 * padding;
        let octets = [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8];
        if octets[3 - padding..].iter().any(|b| *b != 0) {
            return None;
        }
        out.extend_from_slice(&octets[..3 - padding]);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_reads_back_and_what_is_not_base64_is_refused() {
        for (octets, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("\0user\0pass word", "AHVzZXIAcGFzcyB3b3Jk")] {
            assert_eq!((encode(octets.as_bytes()).as_str(), decode(text).as_deref()), (text, Some(octets.as_bytes())));
        }
        for bad in ["Z", "Zg", "Zg=", "Zg===", "====", "Zh==", "Zm8=Zm8=", "Zm9v\n", "Zm 9", "Жg=="] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}

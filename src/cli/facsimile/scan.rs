//! Scan lines out of an event.
//!
//! Standards: PackBits, TIFF 6.0 section 9. In: hexadecimal digits. Out: lines of whole octets; as many as are whole.
//! Left out: what they show (`blocks`). Shown by: the tests below.

/// Octets that are unpacked of one event, at most.
const MOST: usize = 1 << 22;

/// The lines, each of so many pels.
pub(super) fn lines(hex: &str, width: usize) -> Vec<Vec<u8>> {
    let octets = unpacked(hex);
    octets.chunks_exact(width.div_ceil(8).max(1)).map(<[u8]>::to_vec).collect()
}

fn unpacked(hex: &str) -> Vec<u8> {
    let mut packed = hex.as_bytes().chunks_exact(2).map_while(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
    let mut octets = vec![];
    while let Some(n) = packed.next().filter(|_| octets.len() < MOST) {
        match n {
            0..=127 => octets.extend(packed.by_ref().take(usize::from(n) + 1)),
            128 => {} // means nothing
            129..=255 => octets.extend(packed.next().into_iter().flat_map(|octet| std::iter::repeat_n(octet, 257 - usize::from(n)))),
        }
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_plain_octets_come_out_and_what_is_cut_short_is_left() {
        let hex = "fd0f 02010203 80 ff7f 00ff fe00".replace(' ', "");
        let plain = [15, 15, 15, 15, 1, 2, 3, 127, 127, 255, 0, 0, 0];
        assert_eq!(unpacked(&hex), plain);
        assert_eq!(lines(&hex, 33), [&plain[..5], &plain[5..10]]);
        assert_eq!(lines(&hex, 105).len(), 0);
        for cut in ["", "0", "03aa", "fe", "80", "zz00"] {
            assert!(lines(cut, 16).is_empty(), "{cut}");
        }
        assert_eq!(unpacked("80808100"), [0; 128]);
        assert_eq!(unpacked(&"8100".repeat(40_000)).len(), MOST.next_multiple_of(128));
    }
}

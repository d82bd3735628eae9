//! How a strike looks: no two blows of a machine are alike, but the same sheet always looks the same.
//!
//! Standard: none; ours. In: the sheet's seed, a strike's place and character. Out: a [`Look`].
//! Left out: anything that would move a strike sideways: the pitch is exact. Shown by: `paper::ink::tests`.

use super::Sheet;

/// How one strike came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Look {
    /// How far above its line, in quarters of a 150th of an inch, -2 to 2. Half of it is the type's own, half the blow's.
    pub(super) rise: i32,
    /// How dark, 0 (worn ribbon) to 7.
    pub(super) dark: u32,
    /// Which side of the type hit harder, -3 (left) to 3 (right).
    pub(super) lean: i32,
}

/// A number that stands for all strikes of a sheet.
pub(super) fn seed(sheet: &Sheet) -> u64 {
    let mut seed = 0x6d6f_6c69_6e6b;
    for (row, strikes) in sheet.rows().iter().enumerate() {
        for strike in strikes {
            seed = mix(seed ^ (row as u64) << 40 ^ (strike.column as u64) << 24 ^ u64::from(strike.character));
        }
    }
    seed
}

/// How strike `number` of a row came out.
pub(super) fn look(seed: u64, row: usize, number: usize, character: char) -> Look {
    let own = mix(u64::from(character) ^ 0x7479_7065);
    let blow = mix(seed ^ mix((row as u64) << 20 ^ number as u64));
    let sag = [0, 0, 1, -1][(own & 3) as usize];
    let jump = [0, 0, 0, 0, 0, 1, -1, 0][(blow & 7) as usize];
    // A ribbon darkens and pales over some dozen strikes.
    let ribbon = mix(seed ^ (row as u64) << 8 ^ (number / 16) as u64) & 1;
    let dark = [7, 6, 6, 5, 7, 4, 6, 7][(blow >> 8 & 7) as usize] - ribbon as u32;
    let lean = [(own >> 8) % 3, (blow >> 16) % 3].iter().map(|v| *v as i32 - 1).sum();
    Look { rise: sag + jump, dark, lean }
}

/// A well mixed number (the finisher of SplitMix64): the same everywhere.
pub const fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ n >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_vary_within_bounds_and_come_again() {
        let looks: Vec<Look> = (0..200).map(|n| look(7, n / 70, n, 'A')).collect();
        assert_eq!(looks, (0..200).map(|n| look(7, n / 70, n, 'A')).collect::<Vec<_>>());
        assert!(looks.iter().all(|l| (-2..=2).contains(&l.rise) && (3..=7).contains(&l.dark) && (-3..=3).contains(&l.lean)));
        let mut kinds: Vec<u32> = looks.iter().map(|l| l.dark).collect();
        kinds.sort_unstable();
        kinds.dedup();
        assert!(kinds.len() >= 4, "{kinds:?}");
        assert_ne!(seed(&Sheet::of_text("A")), seed(&Sheet::of_text("B")));
    }
}

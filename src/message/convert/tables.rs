//! What stands for a character that a line has not. Data, laid out to be read as tables; the page of the code tables shows them.
//!
//! Standards: Cyrillic to Latin is ICAO Doc 9303 Part 3, section 6.B. The signs are telex practice (`%` as `O/O`) or ours.
//! In: nothing. Out: the tables. Left out: the exceptions that Doc 9303 makes for single languages (Ukrainian Г as H, Serbian Х
//! as H …), since a text does not say its language. Shown by: `docs/code-tables.md`, `message::convert::tests`.

/// Characters, and what each becomes. The first row wins that names the character and whose result the line has;
/// a character that the line has is never replaced.
pub const SUBSTITUTES: &[(&str, &str)] = &[
    // Signs.
    ("“”„«»", "\""),
    ("“”„«»\"", "''"),
    ("‘’‚`´", "'"),
    ("–—−‐‑_~", "-"),
    ("…", "..."),
    (";", ","),
    ("!", "."),
    ("&", "+"),
    ("+", " PLUS "),
    ("=", " EQUALS "),
    ("@", " AT "),
    ("%", " O/O"),
    ("‰", " O/OO"),
    ("№", "#"),
    ("#№", "NR "),
    ("*×", "X"),
    ("[{<", "("),
    ("]}>", ")"),
    ("\\|", "/"),
    ("\u{a0}\u{2009}\u{202f}\t", " "),
    ("°", " DEG "),
    ("€", "EUR "),
    ("$", "USD "),
    ("£", "GBP "),
    // Latin letters with accents.
    ("ÀÁÂÃÅĀĂĄ", "A"),
    ("ÄÆ", "AE"),
    ("ÇĆČ", "C"),
    ("ÐĎ", "D"),
    ("ÈÉÊËĒĘĚ", "E"),
    ("ĞĢ", "G"),
    ("ÌÍÎÏĪİ", "I"),
    ("ŁĽ", "L"),
    ("ÑŃŇ", "N"),
    ("ÒÓÔÕŌŐ", "O"),
    ("ÖØŒ", "OE"),
    ("ŘŔ", "R"),
    ("ŚŠŞȘ", "S"),
    ("ẞß", "SS"),
    ("ŤȚŢ", "T"),
    ("ÙÚÛŪŮŰ", "U"),
    ("Ü", "UE"),
    ("ÝŸ", "Y"),
    ("ŹŻŽ", "Z"),
    ("Þ", "TH"),
    // Cyrillic letters that a Cyrillic machine has not: Ё and Ъ as decided, the Ukrainian and Belarusian ones as the nearest (ours).
    ("Ё", "Е"),
    ("Ъ", "Ь"),
    ("ІЇ", "И"),
    ("Є", "Е"),
    ("Ґ", "Г"),
    ("Ў", "У"),
];

/// The number of the row that stands for `c` on a line that has the characters `has` says; `None` if no row fits.
pub fn row(c: char, has: impl Fn(char) -> bool) -> Option<usize> {
    let upper: String = c.to_uppercase().collect();
    SUBSTITUTES.iter().position(|(from, to)| (from.contains(c) || from.contains(upper.as_str())) && to.chars().all(&has))
}

/// The name of the standard below, as the sender is told it.
pub const CYRILLIC_STANDARD: &str = "ICAO Doc 9303";

/// Cyrillic letters in Latin ones, A to Z only: Doc 9303 Part 3, section 6.B. Ь, which it does not list, is left out.
pub const CYRILLIC_TO_LATIN: &[(char, &str)] = &[
    // Russian.
    ('А', "A"),
    ('Б', "B"),
    ('В', "V"),
    ('Г', "G"),
    ('Д', "D"),
    ('Е', "E"),
    ('Ё', "E"),
    ('Ж', "ZH"),
    ('З', "Z"),
    ('И', "I"),
    ('Й', "I"),
    ('К', "K"),
    ('Л', "L"),
    ('М', "M"),
    ('Н', "N"),
    ('О', "O"),
    ('П', "P"),
    ('Р', "R"),
    ('С', "S"),
    ('Т', "T"),
    ('У', "U"),
    ('Ф', "F"),
    ('Х', "KH"),
    ('Ц', "TS"),
    ('Ч', "CH"),
    ('Ш', "SH"),
    ('Щ', "SHCH"),
    ('Ъ', "IE"),
    ('Ы', "Y"),
    ('Ь', ""),
    ('Э', "E"),
    ('Ю', "IU"),
    ('Я', "IA"),
    // Ukrainian, Belarusian.
    ('І', "I"),
    ('Ї', "I"),
    ('Є', "IE"),
    ('Ґ', "G"),
    ('Ў', "U"),
    // Serbian, Macedonian, old letters.
    ('Ђ', "D"),
    ('Ѓ', "G"),
    ('Ѕ', "DZ"),
    ('Ј', "J"),
    ('Ќ', "K"),
    ('Љ', "LJ"),
    ('Њ', "NJ"),
    ('Ћ', "C"),
    ('Џ', "DZ"),
    ('Ѵ', "Y"),
    ('Ѫ', "U"),
];

/// Letters that some programs write as two characters, and the one they are.
pub(super) const COMPOSED: &[(&str, &str)] = &[
    ("и\u{306}", "й"),
    ("И\u{306}", "Й"),
    ("е\u{308}", "ё"),
    ("Е\u{308}", "Ё"),
    ("і\u{308}", "ї"),
    ("І\u{308}", "Ї"),
    ("у\u{306}", "ў"),
    ("У\u{306}", "Ў"),
];

//! Text into lines and pages: wrapped at words, tabs to every eighth column, a form feed begins a page.
//!
//! Standard: none; ours. In: text, columns, lines a page. Out: lines of one character a column; what is not print.
//! A lone CR, NEL and the Unicode separators end a line as CR LF does. A letter and its accent as two characters are made one where
//! Russian and its neighbours need it. Left out: hyphenation. Shown by: the tests below.

use std::collections::BTreeSet;

/// Most pages of one text.
pub const MOST_PAGES: usize = 500;
const TAB: usize = 8;

/// Pages of lines.
#[derive(Default, Debug)]
pub(super) struct Layout {
    pub(super) pages: Vec<Vec<String>>,
    /// All characters printed, at first; whoever knows the font keeps those it lacks.
    pub(super) missing: BTreeSet<char>,
    pub(super) dropped: BTreeSet<char>,
    pub(super) drops: usize,
}

/// What a character does.
enum Kind {
    Print(char),
    Tab,
    Line,
    Page,
    Drop,
    Nothing,
}

/// How many columns the longest line of a text needs.
pub(super) fn longest(text: &str) -> usize {
    let (mut most, mut column) = (0, 0);
    for (c, next) in pairs(text) {
        match kind(c, next) {
            Kind::Print(_) => column += 1,
            Kind::Tab => column = (column / TAB + 1) * TAB,
            Kind::Line | Kind::Page => column = 0,
            Kind::Drop | Kind::Nothing => {}
        }
        most = most.max(column);
    }
    most
}

impl Layout {
    /// Wraps the text. The error is one sentence.
    pub(super) fn of(text: &str, columns: usize, lines: usize) -> Result<Layout, String> {
        let mut layout = Layout { pages: vec![vec![]], ..Layout::default() };
        let (mut line, mut seen) = (vec![], 0);
        for (c, next) in pairs(text) {
            seen += 1;
            match kind(c, next) {
                Kind::Print(c) => {
                    if let Some(whole) = line.last().and_then(|base| composed(*base, c)) {
                        line.pop();
                        line.push(whole);
                    } else {
                        line.push(c);
                    }
                }
                Kind::Tab => line.resize((line.len() / TAB + 1) * TAB, ' '),
                Kind::Line => layout.line(std::mem::take(&mut line), lines),
                Kind::Page => layout.page(std::mem::take(&mut line), lines),
                Kind::Drop => {
                    layout.drops += 1;
                    layout.dropped.insert(c);
                }
                Kind::Nothing => {}
            }
            // A blank that would open a line only because the one before is full is swallowed.
            while line.len() > columns {
                let rest = rest(&mut line, columns);
                layout.line(std::mem::replace(&mut line, rest), lines);
            }
            if layout.pages.len() > MOST_PAGES {
                return Err(format!("the text fills more than {MOST_PAGES} pages by its character {seen}; send it in parts"));
            }
        }
        layout.page(line, lines);
        while layout.pages.len() > 1 && layout.pages.last().is_some_and(Vec::is_empty) {
            layout.pages.pop();
        }
        Ok(layout)
    }
    fn line(&mut self, line: Vec<char>, lines: usize) {
        if self.pages.last().is_none_or(|page| page.len() >= lines) {
            self.pages.push(vec![]);
        }
        self.missing.extend(line.iter().filter(|c| **c != ' '));
        if let Some(page) = self.pages.last_mut() {
            page.push(line.into_iter().collect::<String>().trim_end().to_owned());
        }
    }
    /// Ends a page; a line that is not begun is none, unless the page would have no other.
    fn page(&mut self, line: Vec<char>, lines: usize) {
        let blank = self.pages.last().is_none_or(Vec::is_empty);
        if !line.is_empty() || (blank && self.pages.len() == 1) {
            self.line(line, lines);
        }
        self.pages.push(vec![]);
    }
}

/// Takes off a line what does not fit, at a word's end where there is one.
fn rest(line: &mut Vec<char>, columns: usize) -> Vec<char> {
    let word = |at: &usize| line[*at] == ' ' || (line[*at - 1] == '-' && line[*at].is_alphanumeric());
    let indented = line.iter().take_while(|c| **c == ' ').count();
    let at = (indented + 1..=columns).rev().find(word).unwrap_or(columns);
    let mut rest = line.split_off(at);
    if rest.first() == Some(&' ') {
        rest.remove(0);
    }
    rest
}

fn pairs(text: &str) -> impl Iterator<Item = (char, Option<char>)> + '_ {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut characters = text.chars().peekable();
    std::iter::from_fn(move || Some((characters.next()?, characters.peek().copied())))
}

fn kind(c: char, next: Option<char>) -> Kind {
    match c {
        '\r' if next == Some('\n') => Kind::Nothing,
        '\n' | '\r' | '\u{b}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Kind::Line,
        '\t' => Kind::Tab,
        '\u{c}' => Kind::Page,
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Kind::Print(' '),
        '\u{2010}' | '\u{2011}' | '\u{2212}' => Kind::Print('-'),
        // Soft hyphens, joiners, marks of direction: no control of a machine, but nothing to print either.
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' => Kind::Nothing,
        '\u{feff}' | '\u{fff9}'..='\u{fffb}' => Kind::Drop,
        c if c.is_control() => Kind::Drop,
        c => Kind::Print(c),
    }
}

/// A letter and an accent that follows it, as one.
fn composed(base: char, accent: char) -> Option<char> {
    const GRAVE: &str = "AÀEÈIÌOÒUÙaàeèiìoòuùЕЀИЍеѐиѝ";
    const ACUTE: &str = "AÁEÉIÍOÓUÚYÝaáeéiíoóuúyýCĆcćNŃnńSŚsśZŹzźГЃгѓКЌкќ";
    const HAT: &str = "AÂEÊIÎOÔUÛaâeêiîoôuû";
    const TILDE: &str = "AÃNÑOÕaãnñoõ";
    const BREVE: &str = "AĂaăGĞgğИЙийУЎуў";
    const DOTS: &str = "AÄEËIÏOÖUÜaäeëiïoöuüyÿЕЁеёІЇії";
    const RING: &str = "AÅaåUŮuů";
    const HOOK: &str = "CČcčEĚeěRŘrřSŠsšZŽzžNŇnňDĎTŤ";
    let table = match accent {
        '\u{300}' => GRAVE,
        '\u{301}' => ACUTE,
        '\u{302}' => HAT,
        '\u{303}' => TILDE,
        '\u{306}' => BREVE,
        '\u{308}' => DOTS,
        '\u{30a}' => RING,
        '\u{30c}' => HOOK,
        _ => return None,
    };
    let mut entries = table.chars();
    while let (Some(plain), Some(whole)) = (entries.next(), entries.next()) {
        if plain == base {
            return Some(whole);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, columns: usize) -> Vec<Vec<String>> {
        Layout::of(text, columns, 3).unwrap().pages
    }

    #[test]
    fn lines_are_broken_between_words_and_within_a_word_only_where_it_is_too_long() {
        assert_eq!(lines("one two three", 7), [["one two", "three"]]);
        assert_eq!(lines("one twos three", 7), [["one", "twos", "three"]]);
        assert_eq!(lines("  indented words", 10), [["  indented", "words"]]);
        assert_eq!(lines("abcdefghijk", 4), [["abcd", "efgh", "ijk"]]);
        assert_eq!(lines("    abcdefgh", 6), [["    ab", "cdefgh"]]);
        assert_eq!(lines("Washington-Moscow", 12), [["Washington-", "Moscow"]]);
        assert_eq!(lines("abcd  efgh", 4), [["abcd", " efg", "h"]]);
    }

    #[test]
    fn line_ends_of_all_systems_tabs_and_pages() {
        assert_eq!(lines("\u{feff}a\r\nb\rc\nd", 9), [vec!["a", "b", "c"], vec!["d"]]);
        assert_eq!(lines("a\tb\n\tc", 20), [["a       b", "        c"]]);
        assert_eq!(lines("a\x0cb\n\x0cc", 20), [["a"], ["b"], ["c"]]);
        assert_eq!(lines("a\nb\nc\n", 20), [["a", "b", "c"]], "a line's end at a page's end begins no other");
        assert_eq!(lines("a\nb\nc\n\x0cd", 20), [vec!["a", "b", "c"], vec!["d"]]);
        assert_eq!(lines("", 20), [[""]]);
        assert_eq!(lines("a\x0c", 20), [["a"]]);
    }

    #[test]
    fn what_is_not_print_is_left_out_and_told() {
        let layout = Layout::of("a\0b\x1b[1m\u{200b}c\u{ad}и\u{306}", 20, 3).unwrap();
        assert_eq!(layout.pages, [["ab[1mcй"]]);
        assert_eq!((layout.drops, layout.dropped.into_iter().collect::<String>()), (2, "\0\x1b".into()));
        let nuls = Layout::of(&"\0".repeat(1000), 20, 3).unwrap();
        assert_eq!((nuls.drops, nuls.pages.len()), (1000, 1));
    }

    #[test]
    fn a_text_without_end_is_refused_by_its_pages() {
        let why = Layout::of(&"x".repeat(10_000_000), 70, 59).unwrap_err();
        assert!(why.contains("more than 500 pages"), "{why}");
        assert!(Layout::of(&"\x0c".repeat(100_000), 70, 59).is_err());
        assert_eq!(Layout::of(&"word ".repeat(20_000), 70, 59).unwrap().pages.len(), 25);
    }
}

//! The page of the code tables, written from the tables themselves, so that it cannot differ from the program.
//!
//! Standards: the tables'. In: the three tables, the tables of substitution. Out: Markdown.
//! Left out: where it is kept (a test compares it with the committed page and can renew it).
//! Shown by: `docs/code-tables.md`, `tests/it/docs.rs`.

use super::{CodeTable, Row, Shift, Sign};
use crate::message::convert::tables::{CYRILLIC_TO_LATIN, SUBSTITUTES, row};
use std::fmt::Write;

/// The whole page.
pub fn page() -> String {
    let mut out = String::from(OPENING);
    out.push_str(&tables());
    out.push_str(NOTES);
    out.push_str(&repertoires());
    out.push_str(SUBSTITUTION);
    out.push_str(&substitutes());
    out.push_str(&cyrillic_to_latin());
    out
}

const OPENING: &str = "\
# Code tables

This page is written by the program from its own tables (`teletype::codes::page`); a test compares the two. Do not edit it: change the tables, then run
`MOLINK_RENEW=1 cargo test --test it docs::`.

A port names the code of its machines with the key `code` ([station-file.md](station-file.md)).

## All 32 codes

Elements 1 to 5 stand in the order in which they go over the line; 1 is mark, a hole in the tape. In the hexadecimal value element 1 is the lowest bit. The order of rows is that of
the printed table of ITA2.

";

const NOTES: &str = "
SP is space, CR carriage return, LF line feed, LTRS, FIGS and CYR are the shifts. BELL rings, WRU asks for the answerback; a machine at a desk acts on them ([machine-at-a-desk.md](machine-at-a-desk.md)), on a line to a station they are shown as signs.
\"national\" is not defined by S.1 (clause 4.2), and countries had signs of their own there: such a code is never sent and prints nothing here. \"–\" does nothing.

## What is documented and what is ours

- **ITA2**: ITU-T S.1 (03/93), Table 1/S.1; clause 4.4 has the shifts. As documented.
- **US-TTY**: no standard was at hand. The table is the one collectors of the machines publish. Which signs the Model 28 sets of the link had is not documented; both ends of the
  English channel were alike, so either Latin table fits. An apostrophe of one table rings the bell of the other.
- **MTK-2**: GOST 15607 (1970; a later edition is of 1984) is the standard. It was not at hand; the table is its column as course notes print it, and as the Crypto Museum shows it. The German
  Wikipedia prints 1 for figures X; the others have `/`.
- **Ч and 4 are one code** on MTK-2. That Ч is sent as 4 is documented. The machine prints 4 (ours: one type, one glyph). Read back, a group of that code is Ч where it touches a Cyrillic letter
  and no other digit, else 4 (ours). So `ЧЕЛОВЕК` goes over as `4ЕЛОВЕК` and is filed as `ЧЕЛОВЕК`; `Т-34` and `14 ЧАСОВ` stay; `А4` is filed as `АЧ` and `2Ч` as `24`. The last two are changes, and the
  sender is told.
- **Ё and Ъ** have no code on MTK-2. They are sent as Е and Ь, and the sender is told.
- **A space** takes a machine that unshifts from figures to Latin letters; in Cyrillic it stays (ours: no source says).
- A pair of LTRS never occurs in a text: it opens a service line ([procedure.md](procedure.md)). Service lines use only what is the same code in all three: A to Z, 0 to 9, space and `- ? : ( ) . , /`.
";

const SUBSTITUTION: &str = "
## What stands for other characters

A character that the line has is never replaced. For another, the first row wins that names it and whose result the line has; \"on\" says on which codes that happens. The rows of signs are telex
practice or ours; what stands for Ukrainian and Belarusian letters on MTK-2 is ours. Signs that no row names become `?`; a text with a letter that nothing stands for (Greek, Georgian, …) is refused, and the letter named. Every change is counted, and told to the sender with an example: `molink send --wait`,
`molink log`, the event `sent` ([api.md](api.md)).

";

fn shown(sign: Sign) -> String {
    match sign {
        Sign::Char(c) if c.is_alphanumeric() => c.to_string(),
        Sign::Char(c) => format!("`{c}`"),
        Sign::Space => "SP".into(),
        Sign::CarriageReturn => "CR".into(),
        Sign::LineFeed => "LF".into(),
        Sign::Bell => "BELL".into(),
        Sign::WhoAreYou => "WRU".into(),
        Sign::To(Shift::Letters) => "LTRS".into(),
        Sign::To(Shift::Figures) => "FIGS".into(),
        Sign::To(Shift::Cyrillic) => "CYR".into(),
        Sign::Blank => "–".into(),
        Sign::National => "national".into(),
    }
}

fn tables() -> String {
    let columns: Vec<(CodeTable, Shift)> = CodeTable::ALL.iter().flat_map(|c| c.table().shifts.iter().map(|s| (*c, *s))).collect();
    let heads: Vec<String> = ["code".to_owned(), "1–5".to_owned()]
        .into_iter()
        .chain(columns.iter().map(|(code, shift)| format!("{} {}", code.name(), shift_word(*shift))))
        .collect();
    let mut out = format!("| {} |\n|{}\n", heads.join(" | "), "---|".repeat(heads.len()));
    for row in &CodeTable::Ita2.table().rows {
        let signs: Vec<String> = columns.iter().map(|(code, shift)| cell(*code, code.table().sign(*shift, row.code))).collect();
        let _ = writeln!(out, "| {:02X} | {} | {} |", row.code.value(), elements(row), signs.join(" | "));
    }
    out
}

/// A sign, and the letter that shares its code.
fn cell(code: CodeTable, sign: Sign) -> String {
    let twin = code.twin().filter(|twin| sign == Sign::Char(twin.digit));
    twin.map_or_else(|| shown(sign), |twin| format!("{} and {}", twin.digit, twin.letter))
}

fn elements(row: &Row) -> String {
    (0..5).map(|bit| if row.code.value() >> bit & 1 == 1 { '1' } else { '0' }).collect()
}

fn shift_word(shift: Shift) -> &'static str {
    match shift {
        Shift::Letters => "letters",
        Shift::Figures => "figures",
        Shift::Cyrillic => "Cyrillic",
    }
}

fn repertoires() -> String {
    let mut out = String::from(
        "\n## What a text may hold\n\nBesides space and line feed. Small letters are put in capitals.\n\n| code | characters | source of the table |\n|---|---|---|\n",
    );
    for code in CodeTable::ALL {
        let mut chars: Vec<char> = code.repertoire().chars().filter(|c| *c != ' ').collect();
        chars.sort_by_key(|c| (!c.is_alphabetic(), !c.is_ascii(), !c.is_ascii_digit(), *c));
        let _ = writeln!(out, "| {} | `{}` | {} |", code.name(), chars.into_iter().collect::<String>(), code.table().source);
    }
    out
}

fn substitutes() -> String {
    let mut out = String::from("| characters | become | on |\n|---|---|---|\n");
    for (number, (from, to)) in SUBSTITUTES.iter().enumerate() {
        let used = |code: &&CodeTable| {
            let repertoire = code.repertoire();
            let has = |c: char| repertoire.contains(c);
            from.chars().any(|c| !has(c) && row(c, has) == Some(number))
        };
        let on: Vec<&str> = CodeTable::ALL.iter().filter(used).map(|code| code.name()).collect();
        let from: Vec<String> = from.chars().map(named).collect();
        let to = if to.trim().is_empty() { "space".into() } else { format!("`{}`", to.trim()) };
        let _ = writeln!(out, "| {} | {to} | {} |", from.join(" "), on.join(", "));
    }
    out
}

/// A character so that it can be seen in a table.
fn named(c: char) -> String {
    match c {
        '|' | '`' | '\\' | '*' | '_' | '<' | '[' | '~' => format!("&#{};", u32::from(c)),
        c if c.is_whitespace() || c == '\u{2011}' => format!("U+{:04X}", u32::from(c)),
        c => c.to_string(),
    }
}

fn cyrillic_to_latin() -> String {
    let mut out = String::from(CYRILLIC);
    let columns = 8;
    let _ = writeln!(out, "|{}\n|{}", " | |".repeat(columns), "---|".repeat(columns * 2));
    for pairs in CYRILLIC_TO_LATIN.chunks(columns) {
        let cells: Vec<String> = pairs.iter().map(|(c, to)| format!("{c} | {}", if to.is_empty() { "–" } else { to })).collect();
        let _ = writeln!(out, "| {} |{}", cells.join(" | "), " | |".repeat(columns - pairs.len()));
    }
    out
}

const CYRILLIC: &str = "
## Cyrillic to Latin

On a line without Cyrillic a Cyrillic letter becomes Latin ones by ICAO Doc 9303, Part 3, section 6.B, which uses A to Z only. The standard itself was not at hand; the table is
its list of 48 signs as a translators' encyclopedia quotes it, compared with the extract that Russian authorities publish and with two programs that implement it. Its exceptions for single languages (Ukrainian Г as H, Belarusian Ё as IO, Serbian Х as H and
others) are left out, since a text does not say its language. Ь is not in the standard's table and is left out. On MTK-2 the table is used only for letters that the machine has not and
the table above does not name.

";

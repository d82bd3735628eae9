//! Texts made into what a line has: every change told, nothing spoilt in silence.

use super::*;
use crate::message::Blob;
use crate::teletype::CodeTable;

fn teletype() -> Takes {
    let alphabet = Alphabet::Of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -?:().,'/+=".into());
    Takes::texts(TextForm { alphabet, twin: None, columns: 20, longest: 100, per_hour: Some(24_000) })
}
/// What a line with this code takes.
fn takes(code: CodeTable) -> Takes {
    Takes::texts(code.text_form(50.0, 7.5, 1000))
}
/// A text converted for a line with this code, and the changes as the sender is told them.
fn converted(code: CodeTable, sent: &str) -> (String, Vec<String>) {
    let (parts, edits) = convert(&text(sent), &takes(code)).unwrap();
    let Part::Text { text } = &parts[0] else { panic!("{parts:?}") };
    (text.clone(), edits.iter().map(ToString::to_string).collect())
}
fn text(s: &str) -> Vec<Part> {
    vec![Part::Text { text: s.into() }]
}

#[test]
fn text_becomes_what_the_machine_has_and_every_change_is_listed() {
    let (parts, edits) = convert(&text("Dear “Nikita” — 5 % is é;\r\n\r\n"), &teletype()).unwrap();
    assert_eq!(parts, text("DEAR ''NIKITA'' - 5\nO/O IS E,"));
    let listed: Vec<String> = edits.iter().map(|e| format!("{} x{}", e.what, e.count)).collect();
    assert!(listed.contains(&"“ as '' x1".to_string()), "{listed:?}");
    assert!(listed.iter().any(|e| e.starts_with("upper case")) && listed.iter().any(|e| e.starts_with("é as E")));
    assert!(listed.contains(&"lines broken at 20 columns x1".to_string()));
}

#[test]
fn what_a_machine_has_passes_unchanged() {
    let (parts, edits) = convert(&text("RYRY 123\n\n  A (B)"), &teletype()).unwrap();
    assert_eq!((parts, edits), (text("RYRY 123\n\n  A (B)"), vec![]));
}

#[test]
fn a_word_longer_than_the_line_is_broken() {
    let (parts, _) = convert(&text(&"X".repeat(45)), &teletype()).unwrap();
    assert_eq!(parts, text(&format!("{0}\n{0}\nXXXXX", "X".repeat(20))));
}

#[test]
fn too_long_a_text_is_refused_with_its_hours() {
    let why = convert(&text(&"X".repeat(48_000)), &teletype()).unwrap_err();
    assert!(why.contains("48000 characters (2.0 hours at line speed)"), "{why}");
    assert!(convert(&text(&"Щ".repeat(25)), &teletype()).is_ok(), "100 letters, in lines of 20");
    let why = convert(&text(&"Щ".repeat(26)), &teletype()).unwrap_err();
    assert!(why.contains("104 characters as the line spells it") && why.contains("takes 100"), "{why}");
}

#[test]
fn a_text_in_letters_the_line_has_not_is_refused_and_not_spoilt() {
    for (letters, named) in [("Γειά, café", "no letter for `Γ` and 3 others"), ("გამარჯობა", "no letter for `გ` and 8 others")]
    {
        for code in CodeTable::ALL {
            let why = convert(&text(letters), &takes(code)).unwrap_err();
            assert!(why.contains(named), "{why}");
        }
    }
    let (parts, edits) = convert(&text("10 € → 5 ♥"), &teletype()).unwrap();
    assert_eq!(parts, text("10 EUR  ? 5 ?"));
    assert!(edits.iter().any(|e| e.what == "→ as ?"), "{edits:?}");
}

#[test]
fn russian_on_a_latin_line_becomes_latin_and_is_told_with_a_word() {
    for code in [CodeTable::Ita2, CodeTable::UsTty] {
        let told = converted(code, "В ПРИВЕТ, ОБЪЕКТ ЁЛКА МОЩЬ");
        assert_eq!(
            told,
            ("V PRIVET, OBIEEKT ELKA MOSHCH".into(), vec!["Cyrillic to Latin (ICAO Doc 9303) (21 times, e.g. ПРИВЕТ as PRIVET)".into()])
        );
        let (made, edits) = converted(code, "Юлия Щеглова; Київ, Мінск – Ўладзімір");
        assert!(made.starts_with("IULIIA SHCHEGLOVA") && made.ends_with("KIIV, MINSK - ULADZIMIR"), "{made}");
        assert!(edits.iter().any(|e| e.contains("(29 times, e.g. Юлия as IULIIA)")), "{edits:?}");
    }
}

#[test]
fn russian_and_english_pass_on_a_cyrillic_line() {
    let same = "ЭТО ЮЖНЫЕ ЩУКИ, ЧТО ШУМЯТ В 4 ЧАСА. HELLO, MR. CHAIRMAN: 14:44";
    assert_eq!(converted(CodeTable::Mtk2, same), (same.into(), vec![]));
    let told = converted(CodeTable::Mtk2, "Ёлка, подъезд и объём");
    let edits = ["Ё as Е (once)", "upper case (13 times, e.g. Ёлка as ЕЛКА)", "ъ as Ь (2 times)", "ё as Е (once)"];
    assert_eq!(told, ("ЕЛКА, ПОДЬЕЗД И ОБЬЕМ".into(), edits.map(String::from).into()));
    assert_eq!(converted(CodeTable::Mtk2, "КИЇВ").0, "КИИВ");
    assert_eq!(converted(CodeTable::Mtk2, "Љ"), ("LJ".into(), vec!["Cyrillic to Latin (ICAO Doc 9303) (once, e.g. Љ as LJ)".into()]));
}

#[test]
fn che_and_four_that_will_be_read_as_the_other_are_told() {
    let told = converted(CodeTable::Mtk2, "2Ч, ЧЕЛОВЕК А4, ДОМ 4, Ч");
    let edits = ["Ч as 4 (one code) (2 times, e.g. 2Ч as 24)", "4 as Ч (one code) (once, e.g. А4 as АЧ)"];
    assert_eq!(told, ("24, ЧЕЛОВЕК АЧ, ДОМ 4, 4".into(), edits.map(String::from).into()));
    assert_eq!(converted(CodeTable::Mtk2, &told.0), (told.0, vec![]), "what was converted is converted no further");
}

#[test]
fn the_first_row_that_the_line_has_wins_and_what_it_has_stays() {
    for (code, sent, made) in [
        (CodeTable::UsTty, "$5 & #1! \"A\"; B'S", "$5 & #1! \"A\"; B'S"),
        (CodeTable::Ita2, "$5 & #1! \"A\"; B'S", "USD 5 + NR 1. ''A'', B'S"),
        (CodeTable::UsTty, "“A”, №1: 2+2=4", "\"A\", #1: 2 PLUS 2 EQUALS 4"),
        (CodeTable::Ita2, "“A”, №1: 2+2=4", "''A'', NR 1: 2+2=4"),
        (CodeTable::Mtk2, "«А», №1; Б!", "''А'', NR 1, Б."),
    ] {
        assert_eq!(converted(code, sent).0, made, "{code:?}");
    }
}

#[test]
fn every_row_of_a_table_stands_for_something_somewhere_and_latin_fits_every_line() {
    let all: Vec<(CodeTable, String)> = CodeTable::ALL.iter().map(|c| (*c, c.repertoire())).collect();
    for (number, (from, to)) in tables::SUBSTITUTES.iter().enumerate() {
        let used = all.iter().any(|(_, has)| from.chars().any(|c| !has.contains(c) && tables::row(c, |t| has.contains(t)) == Some(number)));
        assert!(used, "row {number}, {from} as {to}, is never used");
    }
    let letters: std::collections::BTreeSet<char> = tables::CYRILLIC_TO_LATIN.iter().map(|(c, _)| *c).collect();
    assert_eq!(letters.len(), tables::CYRILLIC_TO_LATIN.len());
    assert!(('А'..='Я').chain("ЁІЇЄҐЎ".chars()).all(|c| letters.contains(&c)), "the Russian, Ukrainian and Belarusian alphabets are whole");
    assert!(tables::CYRILLIC_TO_LATIN.iter().all(|(_, to)| to.bytes().all(|b| b.is_ascii_uppercase())));
}

#[test]
fn letters_written_as_two_characters_are_the_one_they_are() {
    assert_eq!(converted(CodeTable::Mtk2, "МОИ\u{306} Е\u{308}Ж").0, "МОЙ ЕЖ");
    assert_eq!(converted(CodeTable::Ita2, "МОИ\u{306}").0, "MOI");
}

#[test]
fn a_subjects_changes_are_told_as_the_subjects() {
    let form = CodeTable::Ita2.text_form(50.0, 7.5, 100);
    let (made, edits) = convert_subject("Мир", &form);
    assert_eq!((made.as_str(), edits[0].what.as_str(), edits[0].count), ("MIR", "subject: Cyrillic to Latin (ICAO Doc 9303)", 3));
}

#[test]
fn a_long_list_of_changes_is_cut_but_keeps_every_count() {
    let signs: String = ('←'..='⇿').take(40).collect();
    let (_, edits) = convert(&text(&format!("{signs} Привет")), &takes(CodeTable::Ita2)).unwrap();
    let others = edits.iter().find(|e| e.what == "others").unwrap();
    assert_eq!((others.count, edits.iter().map(|e| e.count).sum::<usize>()), (24, 46));
    assert!(edits.iter().any(|e| e.what.starts_with("Cyrillic to Latin")), "{edits:?}");
}

#[test]
fn pages_and_files_are_refused_by_name() {
    let blob = Blob { sha256: "0".repeat(64), name: "map.png".into(), media_type: "image/png".into(), size: 1 };
    assert!(convert(&[Part::Page(blob.clone())], &teletype()).unwrap_err().contains("`map.png`"));
    assert!(convert(&[Part::File(blob)], &Takes::everything()).is_ok());
}

/// A mail of alice's with two texts around an attachment.
fn mail(parts: Vec<Part>) -> Message {
    let post = crate::message::Post { writer: "Ålice \"Al\" Example <alice@example.org>".into(), ..Default::default() };
    let envelope = Envelope {
        from: "alice@mail".parse().unwrap(),
        to: "operator@moscow".parse().unwrap(),
        precedence: Default::default(),
        class: Default::default(),
        subject: "Lunch?".into(),
        via: vec![],
        post: Some(Box::new(post)),
    };
    Message { identity: "WASHINGTON-0001-20081030T1600Z".parse().unwrap(), envelope, content: parts }
}
fn zip() -> Part {
    let media_type = "application/zip".into();
    Part::File(Blob { sha256: "0".repeat(64), name: "Отчёт_1.zip".into(), media_type, size: 12_345 })
}

#[test]
fn a_mails_attachments_are_named_below_the_text_and_its_writer_stands_above() {
    let takes = takes(CodeTable::Ita2);
    let (made, edits) = convert_message(mail(vec![zip(), Part::Text { text: "At noon.".into() }]), &takes).unwrap();
    assert_eq!(
        made.text(),
        "BY MAIL FROM ALICE ''AL'' EXAMPLE (ALICE(AT)EXAMPLE.ORG)\n\nAT NOON.\n\nATTACHMENT NOT SENT: OTCHET-1.ZIP (APPLICATION/ZIP, 12345 BYTES)"
    );
    assert_eq!((made.content.len(), made.envelope.subject.as_str()), (3, "LUNCH?"));
    let left_out: Vec<String> = edits.iter().filter(|e| e.left_out).map(ToString::to_string).collect();
    assert_eq!(left_out, ["left out: Отчёт_1.zip (application/zip, 12345 bytes)"]);
    assert_eq!(edits[0].to_string(), "upper case (5 times, e.g. noon as NOON)", "of the text only");
    let (alone, _) = convert_message(mail(vec![zip()]), &takes).unwrap();
    assert!(alone.text().ends_with("ATTACHMENT NOT SENT: OTCHET-1.ZIP (APPLICATION/ZIP, 12345 BYTES)"));
    let (us, _) = convert_message(mail(vec![]), &Takes::texts(CodeTable::UsTty.text_form(50.0, 7.5, 100))).unwrap();
    assert_eq!(us.text(), "BY MAIL FROM ALICE \"AL\" EXAMPLE (ALICE(AT)EXAMPLE.ORG)");
}

#[test]
fn the_setting_of_a_port_decides_and_unset_what_was_handed_in_here_is_refused() {
    let here = Message { envelope: Envelope { post: None, ..mail(vec![]).envelope }, ..mail(vec![zip()]) };
    let with = |attachments| Takes { attachments, ..takes(CodeTable::Ita2) };
    let admitted = |m: &Message, a| admits(&m.envelope, &m.content, &with(a)).is_ok() && convert_message(m.clone(), &with(a)).is_ok();
    for (attachments, of_a_mail, of_here) in
        [(Attachments::AsItCame, true, false), (Attachments::Name, true, true), (Attachments::Refuse, false, false)]
    {
        assert_eq!((admitted(&mail(vec![zip()]), attachments), admitted(&here, attachments)), (of_a_mail, of_here), "{attachments:?}");
    }
    assert!(convert_message(here, &with(Attachments::Refuse)).unwrap_err().contains("carries no files, and `Отчёт_1.zip`"));
    let strange = mail(vec![Part::Text { text: "Γειά".into() }]);
    assert!(convert_message(strange, &with(Attachments::Name)).unwrap_err().contains("no letter for `Γ`"), "a text is never left out");
}

#[test]
fn a_line_with_a_cover_says_it_there_and_one_that_takes_all_says_nothing() {
    let content = vec![Part::Text { text: "At noon.".into() }, zip()];
    let (made, edits) = convert_message(mail(content.clone()), &crate::fax::pages::takes()).unwrap();
    assert_eq!((&made.content, edits.len(), edits[0].left_out), (&content, 1, true));
    let (made, edits) = convert_message(mail(content.clone()), &Takes::everything()).unwrap();
    assert_eq!((made, edits), (mail(content), vec![]));
}

#[test]
fn a_desks_machine_names_what_it_cannot_print_in_the_same_way() {
    let takes = takes(CodeTable::Ita2);
    let shown = printable(mail(vec![zip(), Part::Text { text: "Γειά".into() }]), &takes);
    let (made, edits) = convert_message(shown, &takes).unwrap();
    let text = made.text();
    assert!(text.starts_with("BY MAIL FROM ALICE") && text.contains("THE TEXT CANNOT BE PRINTED HERE: THE LINE HAS NO LETTER FOR '?'"));
    let named =
        "ATTACHMENT NOT PRINTED: OTCHET-1.ZIP (APPLICATION/ZIP, 12345 BYTES)\nLOOK FOR WASHINGTON-0001-20081030T1600Z AT THE STATION";
    assert!(text.ends_with(named), "{text}");
    assert!(!edits.iter().any(|e| e.left_out), "it is at the desk's station");
}

#[test]
fn a_long_subject_is_cut_for_paper_and_told() {
    let mut long = mail(vec![]);
    long.envelope.subject = "x".repeat(500);
    let (made, edits) = convert_message(long.clone(), &takes(CodeTable::Ita2)).unwrap();
    assert_eq!(made.envelope.subject.len(), 200);
    assert!(edits.iter().any(|e| e.what == "subject: cut to 200 characters"));
    assert_eq!(convert_message(long, &Takes::everything()).unwrap().0.envelope.subject.len(), 500);
}

//! Three alphabets on one line: each end sends in its own language and receives in the other's.

use crate::pair::{M, Pair, W, config};
use molink::message::convert::convert;
use molink::message::{Part, Takes};
use molink::router::event::Direction;
use molink::router::{Event, Outcome};
use molink::teletype::keys::Keys;
use molink::teletype::{CodeTable, Config, Terminal, UnshiftOnSpace};

/// A pair where washington sends with `english` and moscow with MTK-2.
fn bilingual(english: CodeTable, setting: UnshiftOnSpace) -> Pair<'static> {
    let mut pair = Pair::new(setting, |_| None);
    let machines = [(english, CodeTable::Mtk2), (CodeTable::Mtk2, english)];
    for (side, (send, receive)) in machines.into_iter().enumerate() {
        pair.ends[side].terminal = Terminal::new(Config { send, receive, ..config(side, setting) });
    }
    pair
}
/// What the printer at `side` printed, character by character.
fn printed(pair: &Pair, side: usize) -> String {
    let characters = |e: &Event| if let Event::Characters { dir: Direction::In, text } = e { Some(text.clone()) } else { None };
    pair.ends[side].events.iter().filter_map(characters).collect()
}

#[test]
fn english_goes_one_way_and_russian_the_other() {
    let (english, russian) = ("DOG'S BACK 1234567890", "ЧЕЛОВЕК И ЩУКА: В 4 ЧАСА ЭТО (ЮЖНАЯ) ШЕСТЬ\nMR. CHAIRMAN, Т-34 1944");
    for setting in [UnshiftOnSpace::Unknown, UnshiftOnSpace::No, UnshiftOnSpace::Yes] {
        for latin in [CodeTable::Ita2, CodeTable::UsTty] {
            let mut pair = bilingual(latin, setting);
            pair.deliver(W, 1, english);
            pair.deliver(M, 1, russian);
            pair.run(900);
            for side in [W, M] {
                assert!(matches!(pair.ends[side].outcomes.as_slice(), [(1, Outcome::Delivered(_))]), "{}", pair.log.join("\n"));
            }
            assert_eq!((&pair.ends[M].texts, &pair.ends[W].texts), (&vec![english.to_string()], &vec![russian.to_string()]));
            // The machine prints 4 for Ч; what is filed is what a reader takes it for.
            let paper = printed(&pair, W);
            assert!(paper.contains("4ЕЛОВЕК И ЩУКА: В 4 4АСА ЭТО (ЮЖНАЯ) ШЕСТЬ\nMR. CHAIRMAN, Т-34 1944\nBT"), "{paper}");
        }
    }
}

#[test]
fn what_the_sender_is_told_is_what_the_far_end_files() {
    let port = |code: &str| Keys::read(format!("code = {code}").parse().unwrap()).unwrap();
    let text = "Привет, «друзья»! 2Ч, съезд, Ёлки; café – 5 € & A4/А4";
    for (code, made, kinds) in [
        ("{ send = \"ita2\", receive = \"mtk-2\" }", "PRIVET, ''DRUZIA''. 2CH, SIEEZD, ELKI, CAFE - 5 EUR  + A4/A4", 10),
        ("\"us-tty\"", "PRIVET, \"DRUZIA\"! 2CH, SIEEZD, ELKI; CAFE - 5 EUR  & A4/A4", 7),
        ("\"mtk-2\"", "ПРИВЕТ, ''ДРУЗЬЯ''. 24, СЬЕЗД, ЕЛКИ, CAFE - 5 EUR  + A4/АЧ", 13),
    ] {
        let keys = port(code);
        let takes: Takes = keys.takes();
        let (parts, edits) = convert(&[Part::Text { text: text.into() }], &takes).unwrap();
        let Part::Text { text: converted } = &parts[0] else { panic!("{parts:?}") };
        assert_eq!((converted.as_str(), edits.len()), (made, kinds), "{code}: {edits:?}");
        let mut pair = Pair::clean();
        let both = |side| Config { send: keys.code.send, receive: keys.code.send, ..config(side, UnshiftOnSpace::Unknown) };
        [W, M].into_iter().for_each(|side| pair.ends[side].terminal = Terminal::new(both(side)));
        pair.deliver(W, 1, converted);
        pair.run(900);
        assert_eq!(pair.ends[M].texts, [converted.as_str()], "{code}: filed as told");
    }
}

//! Tapes that stations leave: of what they send and of what comes in, code for code as before the mixer; and of a disk that takes none.

use crate::lines::both_lines;
use crate::pair::{Fate, M, Pair, W, delivery};
use crate::support::{House, text};
use molink::line::{PtyEnd, pty_pair_with_link};
use molink::message::{Draft, Envelope, Part, Precedence};
use molink::router::event::Direction;
use molink::router::{Event, EventSink, Stamped};
use molink::station::{Running, Station, StationConfig};
use molink::teletype::wire::{compose, read};
use molink::teletype::{CodeTable, UnshiftOnSpace, tape};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

const SOON: Duration = Duration::from_secs(30);
const TEXT: &str = "THE QUICK BROWN FOX JUMPED OVER\nTHE LAZY DOG'S BACK 1234567890";

both_lines!(a_message_has_one_tape_here_and_the_same_one_there);
fn a_message_has_one_tape_here_and_the_same_one_there() {
    let mut spoilt = 1;
    let mut pair = Pair::new(UnshiftOnSpace::Unknown, move |span| {
        let hit = spoilt > 0 && span.side == W && span.text.contains("THE QUICK");
        spoilt -= i32::from(hit);
        hit.then_some(Fate::Flipped(3))
    });
    pair.deliver(W, 1, TEXT);
    pair.run(600);
    let delivery = delivery(W, 1, TEXT);
    let [own, peer] = ["washington", "moscow"].map(|name| name.parse().unwrap());
    let wire = compose(&delivery, &own, &peer, CodeTable::Ita2, UnshiftOnSpace::Unknown).unwrap();
    let id = delivery.message.identity;
    assert!(pair.log.iter().any(|line| line.contains("NOT RECEIVED")), "it went twice:\n{}", pair.log.join("\n"));
    assert_eq!(pair.ends[W].tapes, [(Direction::Out, id.clone(), wire.codes.clone())], "and was punched once");
    assert_eq!(pair.ends[M].tapes, [(Direction::In, id, wire.codes)]);
}

/// The names in a folder of tapes.
fn tapes(dir: &Path) -> BTreeSet<String> {
    std::fs::read_dir(dir).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect()
}
/// The text of a message's tape.
fn text_of(file: &Path, code: CodeTable) -> String {
    let codes = tape::from_bytes(&std::fs::read(file).unwrap()).unwrap();
    let (message, _) = read(&codes, code, UnshiftOnSpace::Unknown, "1963-08-30T16:00:00Z".parse().unwrap()).unwrap();
    message.text()
}

#[test]
fn the_demo_leaves_the_tape_of_every_message_with_its_sender() {
    let house = House::new();
    let done = house.run(&["demo", "--speed", "max", "--out", "d"], 2 * SOON);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let mut messages = 0;
    for (from, to, code) in [("washington", "moscow", CodeTable::Ita2), ("moscow", "washington", CodeTable::Mtk2)] {
        let (tape, paper) = (house.path("d").join(from).join("tape"), house.path("d").join(to).join("paper"));
        let names = tapes(&tape);
        let filed: BTreeSet<String> = tapes(&paper).into_iter().filter(|n| n.ends_with(".txt")).collect();
        let wanted = filed.iter().flat_map(|n| ["codes", "png"].map(|kind| n.replace("txt", kind)));
        assert_eq!(names, wanted.collect(), "what {from} sent");
        for name in filed {
            let said = text_of(&tape.join(name.replace("txt", "codes")), code);
            assert!(std::fs::read_to_string(paper.join(&name)).unwrap().contains(&said), "{said}");
            assert!(std::fs::metadata(tape.join(name.replace("txt", "png"))).unwrap().len() < 30_000);
            messages += 1;
        }
    }
    assert_eq!(messages, 3);
    let listed = text(&done.stdout);
    assert!(listed.contains("d/moscow/tape/MOSCOW-0001-19630830T1600Z.{codes,png}\n"), "{listed}");
}

struct Heard(mpsc::UnboundedSender<Stamped>);

impl EventSink for Heard {
    fn take(&self, event: Stamped) {
        let _ = self.0.send(event);
    }
}

/// A station with its data in `dir`, on a pty there, and what it tells.
async fn station(dir: &Path, name: &str, peer: &str) -> (Running, mpsc::UnboundedReceiver<Stamped>, PtyEnd) {
    let line = dir.join(format!("{name}-cable"));
    let far = pty_pair_with_link(&line).unwrap();
    let file = format!(
        "station = \"{name}\"\ndata = \"{}\"\nlisten = \"off\"\nspeed = \"max\"\nstart = \"1963-08-30T16:00:00Z\"\n[desk.operator]\n[port.cable]\n\
         backend = \"teletype\"\npeer = \"{peer}\"\npunch = [\"codes\"]\nreperforator = [\"png\", \"codes\"]\nline = {{ pty = \"{}\" }}\n\
         [[route]]\nto = \"*@{peer}\"\nports = [\"cable\"]\n",
        dir.join(name).display(),
        line.display()
    );
    let (heard, events) = mpsc::unbounded_channel();
    let config = StationConfig::parse("test.toml", &file).unwrap();
    let running = Station::builder().observe(Arc::new(Heard(heard))).start(config).await.unwrap();
    (running, events, far)
}

async fn until(events: &mut mpsc::UnboundedReceiver<Stamped>, what: impl Fn(&Event) -> bool) -> Event {
    let wait = async {
        loop {
            let event = events.recv().await.unwrap().event;
            if what(&event) {
                return event;
            }
        }
    };
    tokio::time::timeout(SOON, wait).await.expect("it was not told")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stations_keep_tapes_of_both_ways_and_one_whose_folder_takes_none_says_so_once_and_sends() {
    let dir = tempfile::tempdir().unwrap();
    let (washington, mut at_washington, mut a) = station(dir.path(), "washington", "moscow").await;
    let (moscow, mut at_moscow, mut b) = station(dir.path(), "moscow", "washington").await;
    tokio::spawn(async move { tokio::io::copy_bidirectional(&mut a, &mut b).await });
    let tape: PathBuf = dir.path().join("moscow").join("tape");
    std::fs::write(&tape, "in the way").unwrap();
    let mut ids = vec![];
    for (from, to, words) in [(&washington, "moscow", TEXT), (&moscow, "washington", "RECEIVED"), (&moscow, "washington", "AGAIN")] {
        let address = |station: &str| format!("operator@{station}").parse().unwrap();
        let (from_desk, to) = (address(from.station.as_str()), address(to));
        let envelope = Envelope {
            from: from_desk,
            to,
            precedence: Precedence::Routine,
            class: Default::default(),
            subject: String::new(),
            via: vec![],
            post: None,
        };
        let said = from.submit(Draft { envelope, content: vec![Part::Text { text: words.into() }] }, None).await;
        let molink::console::Submitted::Accepted(id) = said else { panic!("{said:?}") };
        let events = if from.station.as_str() == "washington" { &mut at_washington } else { &mut at_moscow };
        let mut notes = vec![];
        let filed = |e: &Event| matches!(e, Event::Filed { receipt, .. } if !receipt.is_empty()) || matches!(e, Event::Note { .. });
        while let Event::Note { text } = until(events, filed).await {
            notes.push(text);
        }
        ids.push((id.to_string(), notes));
    }
    let [one, two, three] = &ids[..] else { panic!("{ids:?}") };
    // A stop waits for tapes in hand, but not for ever; this machine may be slow.
    let last = dir.path().join("washington").join("tape").join(format!("{}.png", three.0));
    let punched = async {
        while !last.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, punched).await.expect("the last picture was not punched");
    washington.stop().await.unwrap();
    moscow.stop().await.unwrap();
    let names = tapes(&dir.path().join("washington").join("tape"));
    let wanted = [format!("{}.codes", one.0), format!("{}.codes", two.0), format!("{}.png", two.0), format!("{}.codes", three.0)];
    assert_eq!(names, wanted.into_iter().chain([format!("{}.png", three.0)]).collect());
    let sent = dir.path().join("washington").join("tape").join(format!("{}.codes", one.0));
    assert_eq!(text_of(&sent, CodeTable::Ita2), TEXT);
    let told: Vec<&String> = [&one.1, &two.1, &three.1].into_iter().flatten().filter(|t| t.contains("cannot be punched")).collect();
    let [told] = &told[..] else { panic!("said once: {told:?}") };
    assert!(told.contains(&format!("`{}", tape.display())) && told.ends_with("; the message goes on without its tape"), "{told}");
    assert_eq!(std::fs::read_to_string(&tape).unwrap(), "in the way");
}

//! Replays `fixtures/dialogues`: each file is a script and what must come of it, to the hundredth of a second.

use crate::lines::{Lines, over};
use crate::pair::{Fate, Pair};
use molink::teletype::UnshiftOnSpace;
use molink::time::Instant;
use std::path::{Path, PathBuf};

/// With this variable set, the dialogues are written anew from their commands and fates (then read the difference).
const WRITE: &str = "MOLINK_WRITE_DIALOGUES";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/dialogues")
}

struct Dialogue {
    comments: Vec<String>,
    lines: Vec<String>,
}

impl Dialogue {
    fn parse(text: &str) -> Dialogue {
        let (comments, lines): (Vec<&str>, Vec<&str>) = text.lines().filter(|l| !l.is_empty()).partition(|l| l.starts_with('#'));
        let owned = |l: Vec<&str>| l.into_iter().map(str::to_owned).collect();
        Dialogue { comments: owned(comments), lines: owned(lines) }
    }

    /// Over an enciphered line where the first comment says so.
    fn replay(&self) -> Vec<String> {
        let enciphered = self.comments.first().is_some_and(|c| c.contains("enciphered"));
        over(if enciphered { Lines::Cipher } else { Lines::Clear }, || self.play())
    }
    fn play(&self) -> Vec<String> {
        let fates: Vec<Vec<Option<Fate>>> = ["W> ", "M> "].map(|side| self.fates(side)).into();
        let mut pair = Pair::new(UnshiftOnSpace::Unknown, |span| fates[span.side].get(span.number - 1).copied().flatten());
        pair.codes = self.comments.iter().any(|c| c.contains("with every code"));
        let mut commands = 0;
        for (at, words) in self.lines.iter().filter_map(|l| l.strip_prefix('+')?.split_once(' ')) {
            let seconds: f64 = at.parse().unwrap_or_else(|_| panic!("`{at}` is not a time"));
            commands += u32::from(pair.command(Instant((seconds * 1e6).round() as u64), words));
        }
        assert!(commands > 0, "a dialogue without a command");
        pair.run(3600);
        drop(fates.iter());
        std::mem::take(&mut pair.log)
    }

    /// What becomes of each span of a side, in order.
    fn fates(&self, side: &str) -> Vec<Option<Fate>> {
        let spans = self.lines.iter().filter_map(|l| l.split_once(' ').filter(|(_, rest)| rest.starts_with(side)));
        spans.map(|(_, rest)| rest.split_once("   -- ").map(|(_, fate)| read_fate(fate))).collect()
    }
}

fn read_fate(fate: &str) -> Fate {
    match fate.split(' ').collect::<Vec<_>>().as_slice() {
        ["lost"] => Fate::Lost,
        ["code", at, "flipped"] => Fate::Flipped(at.parse().unwrap()),
        ["code", at, "dropped"] => Fate::Dropped(at.parse().unwrap()),
        ["code", at, "doubled"] => Fate::Doubled(at.parse().unwrap()),
        _ => panic!("`{fate}` is no fate: lost, code N flipped, code N dropped, code N doubled"),
    }
}

#[test]
fn every_dialogue_goes_as_written() {
    let mut replayed = 0;
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.is_file()); // those of fax have their own test
    files.sort();
    for file in files {
        let dialogue = Dialogue::parse(&std::fs::read_to_string(&file).unwrap());
        let now = dialogue.replay();
        if std::env::var_os(WRITE).is_some() {
            std::fs::write(&file, format!("{}\n\n{}\n", dialogue.comments.join("\n"), now.join("\n"))).unwrap();
            continue;
        }
        let longest = now.len().max(dialogue.lines.len());
        for i in 0..longest {
            let (written, came) = (dialogue.lines.get(i), now.get(i));
            assert!(
                written == came,
                "{}: line {} of the dialogue\n  written: {}\n  came:    {}",
                file.display(),
                i + 1,
                written.map_or("(the end)", |s| s),
                came.map_or("(the end)", |s| s)
            );
        }
        replayed += 1;
    }
    assert!(replayed >= 13 || std::env::var_os(WRITE).is_some(), "{replayed} dialogues");
}

#[test]
fn the_document_shows_the_worked_call_as_it_is_replayed() {
    let document = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/procedure.md")).unwrap();
    let dialogue = Dialogue::parse(&std::fs::read_to_string(folder().join("worked-call.txt")).unwrap());
    assert!(document.contains(&dialogue.lines.join("\n")), "docs/procedure.md does not hold fixtures/dialogues/worked-call.txt");
}

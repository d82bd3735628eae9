//! The demo as an audience in a terminal sees it: both papers and the line between, in step, nothing half erased.

use crate::support::{House, molink, peer};
use crate::tty::Tmux;
use crate::world::{RUSSIAN_LINE, TEST_LINE};
use molink::teletype::CodeTable;

impl Tmux {
    /// The demo in a terminal of so many columns; its end is shown as `LEFT WITH code`.
    fn demo(house: &House, columns: &str, args: &str) -> Tmux {
        let tmux = Tmux { socket: house.path("tmux").display().to_string() };
        let command = format!("cd {}; {} demo --out d {args}; echo LEFT WITH $?; cat", house.dir.path().display(), molink().display());
        tmux.run(&["new-session", "-d", "-s", "desk", "-x", columns, "-y", "24", &command]);
        tmux
    }
    /// Everything shown so far.
    fn all(&self) -> Vec<String> {
        self.run(&["capture-pane", "-p", "-S", "-2000", "-t", "desk"]).lines().map(|line| line.trim_end().to_owned()).collect()
    }
}

#[test]
#[ignore = "peer: run through tests/run"]
fn an_audience_sees_both_papers_and_the_cipher_between_them() {
    peer("tmux", "tmux");
    let house = House::new();
    let tmux = Tmux::demo(&house, "80", "--speed 20");
    tmux.shows(" MOSCOW | THE QUICK BROWN");
    tmux.shows("LEFT WITH 0");
    let all = tmux.all();
    assert!(all.iter().all(|line| line.chars().count() < 80));
    let russian = CodeTable::Mtk2.printed(RUSSIAN_LINE.lines().next().unwrap());
    for (from, circuit, to, text) in [
        (" WASH.  | ", " cable  : ", " MOSCOW | ", TEST_LINE),
        (" MOSCOW | ", " cable  : ", " WASH.  | ", &russian),
        (" WASH.  | ", " radio  : ", " MOSCOW | ", "RADIO CIRCUIT IS FOR OUR SERVICE TRAFFIC. NEXT TEST AT 1700Z."),
    ] {
        let sent = format!("{from}{text}");
        let places: Vec<usize> = (0..all.len()).filter(|n| all[*n] == sent).collect();
        let [at] = places[..] else { panic!("`{sent}` stands {} times in\n{}", places.len(), all.join("\n")) };
        assert!(all[at + 1].starts_with(circuit) && all[at + 1].chars().count() > 30, "{}", all[at + 1]);
        assert!(text.split(' ').filter(|word| word.len() > 3).all(|word| !all[at + 1].contains(word)), "{}", all[at + 1]);
        let below = if all[at + 2].starts_with("        : ") { 3 } else { 2 }; // a long line goes on below
        assert_eq!(all[at + below], format!("{to}{text}"));
    }
    let clear = |line: &&String| line.starts_with(" cable  : MOSCOW DE WASHINGTON CALL 1 ");
    assert_eq!(all.iter().filter(clear).count(), 1, "and the call-up, which is in clear");
}

#[test]
#[ignore = "peer: run through tests/run"]
fn a_narrow_terminal_is_told_the_story_by_lines_and_ctrl_c_ends_it_cleanly() {
    peer("tmux", "tmux");
    let house = House::new();
    let tmux = Tmux::demo(&house, "79", "--speed 20");
    tmux.shows("  | THE QUICK BROWN");
    tmux.keys(&["C-c"]);
    tmux.shows("Interrupted. What there is so far lies in d\nLEFT WITH 130");
    assert!(!tmux.all().iter().any(|line| line.starts_with(" WASH.  |")));
    drop(tmux);
    // In the midst of a line: what is there stays, and then the sentence.
    let house = House::new();
    let tmux = Tmux::demo(&house, "80", "");
    tmux.shows(" WASH.  | WASHINGTON 01");
    tmux.keys(&["C-c"]);
    let screen = tmux.shows("Interrupted. What there is so far lies in d\nLEFT WITH 130");
    assert_eq!(screen.matches(" WASH.  | WASHINGTON 01").count(), 1, "{screen}");
}

#[test]
#[ignore = "peer: run through tests/run"]
fn a_page_by_fax_grows_beside_the_teletype_and_ctrl_c_in_the_midst_of_it_leaves_no_colours() {
    peer("tmux", "tmux");
    let house = House::new();
    let tmux = Tmux::demo(&house, "80", "--era 1986 --speed 20");
    tmux.shows("FAX BY INTELSAT");
    tmux.shows(" page 1, row ");
    tmux.run(&["resize-window", "-t", "desk", "-x", "100", "-y", "40"]);
    tmux.shows("FAX BY GORIZONT");
    tmux.run(&["resize-window", "-t", "desk", "-x", "80", "-y", "20"]);
    tmux.shows(" page 3, row ");
    tmux.keys(&["C-c"]);
    let screen = tmux.shows("Interrupted. What there is so far lies in d\nLEFT WITH 130");
    assert!(!screen.contains("FAX BY GORIZONT"), "{screen}");
    let coloured = tmux.run(&["capture-pane", "-e", "-p", "-t", "desk"]);
    let end = coloured.lines().skip_while(|line| !line.contains("Interrupted.")).collect::<String>();
    assert!(!["\u{1b}[30m", "\u{1b}[47m", ";47m"].iter().any(|code| end.contains(code)), "{end:?}");
    let all = tmux.all();
    assert!(all.iter().any(|line| line.contains('▌') || line.contains('█')), "pages stay above: {}", all.join("\n"));
}

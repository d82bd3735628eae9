//! `molink tty`: driven by a program line by line, and in tmux as a person would.

use crate::support::{House, Process, SOON, Station, peer, text};
use std::io::Write;
use std::process::{Command, Stdio};

/// A station alone: its two desks can write to each other.
fn station(house: &House) -> Station {
    house.file("washington.toml", "station = \"washington\"\ndata = \"washington\"\nlisten = \"127.0.0.1:0\"\nstart = \"1963-08-30T16:00:00Z\"\n[desk.operator]\n[desk.chairman]\n");
    house.start("washington", &[]).unwrap_or_else(|s| panic!("it ended: {s}"))
}

/// `molink tty` with these lines for its keyboard, to its end: exit code, paper, errors.
fn typed(house: &House, station: &Station, args: &[&str], lines: &str) -> (Option<i32>, String, String) {
    let mut command = house.command(&["tty", "--station", &station.api]);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    (done.status.code(), text(&done.stdout), text(&done.stderr))
}

#[test]
fn a_program_types_line_by_line_and_reads_the_answers() {
    let house = House::new();
    let washington = station(&house);
    let (code, paper, errors) = typed(&house, &washington, &[], "priority\nto chairman@washington\nsubj test\nhello there\nNNNN\n");
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{paper}");
    assert_eq!(paper, "OPERATOR AT WASHINGTON\nSENT WASHINGTON 01 301600Z AUG 63\n");
    for (lines, said) in [
        ("TO CHAIRMAN AT WASHINTON\nX\nNNNN\n", "DID YOU MEAN 'CHAIRMAN@WASHINGTON'"),
        ("TO BOSS AT WASHINGTON\nX\nNNNN\n", "THERE IS NO DESK 'BOSS' AT WASHINGTON"),
        ("TO CHAIRMAN AT WASHINGTON\nNNNN\n", "NOT SENT: THERE IS NO TEXT"),
        ("TO CHAIRMAN AT WASHINGTON\nX\n", "NOT SENT: THE INPUT ENDED BEFORE NNNN"),
    ] {
        let (code, paper, _) = typed(&house, &washington, &[], lines);
        let paper = paper.replace('\n', " ");
        assert!(code == Some(1) && paper.contains(said), "{lines}: {code:?} {paper}");
    }
    assert_eq!(typed(&house, &washington, &[], "\u{5}\n").1, "OPERATOR AT WASHINGTON\nMOLINK WASHINGTON\n", "WRU");
    // Its desk's messages print as they are filed, and those of no other desk.
    let mut command = house.command(&["tty", "--station", &washington.api, "--desk", "chairman"]);
    command.stdin(Stdio::piped());
    let tty = Process::start_typing(command, &house.board, &house.path("tty.log"));
    assert!(tty.line("CHAIRMAN AT WASHINGTON", SOON).is_some(), "{}", tty.errors());
    washington.accept("operator@washington", "NOT FOR YOU");
    washington.accept("chairman@washington", "a \u{1b}[2J wolf\nTWO");
    for line in ["ROUTINE", "FM OPERATOR AT WASHINGTON", "TO CHAIRMAN AT WASHINGTON", "A ?[2J WOLF", "TWO", "NNNN"] {
        assert!(tty.line(line, SOON).is_some(), "`{line}` is not printed\n{}", tty.errors());
    }
    assert!(!house.board.read(|s| s.lines.iter().any(|(_, l)| l.contains("NOT FOR YOU"))));
}

#[test]
fn without_a_station_or_a_desk_it_says_what_to_do() {
    let house = House::new();
    // Held, and not listened on: a number alone may be anybody's.
    let closed = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    closed.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let nobody = closed.local_addr().unwrap().as_socket().unwrap();
    let done = house.run(&["tty", "--station", &format!("http://{nobody}")], SOON);
    assert_eq!(done.status.code(), Some(1));
    assert!(text(&done.stderr).contains("start it with `molink station FILE.toml`"), "{}", text(&done.stderr));
    let done = house.run(&["tty", "--station", "washington"], SOON);
    assert!(done.status.code() == Some(2) && text(&done.stderr).contains("is not a URL"), "{}", text(&done.stderr));
    let done = house.run(&["tty", "--desk", "1st"], SOON);
    assert!(done.status.code() == Some(2) && text(&done.stderr).contains("`1st` is not a name"), "{}", text(&done.stderr));
    let washington = station(&house);
    let (code, _, errors) = typed(&house, &washington, &["--token-file", "nowhere"], "");
    assert!(code == Some(2) && errors.contains("nowhere"), "{errors}");
    let (code, _, errors) = typed(&house, &washington, &["--desk", "cellar"], "");
    assert!(code == Some(2) && errors.contains("there is no desk `cellar` at washington"), "{errors}");
}

/// A terminal of 80 × 24 with a person at it.
pub struct Tmux {
    pub socket: String,
}

impl Tmux {
    pub fn run(&self, args: &[&str]) -> String {
        let done = Command::new(peer("tmux", "tmux")).args(["-S", &self.socket, "-f", "/dev/null"]).args(args).output().unwrap();
        assert!(done.status.success(), "tmux {args:?}: {}", text(&done.stderr));
        text(&done.stdout)
    }
    pub fn keys(&self, keys: &[&str]) {
        self.run(&[&["send-keys", "-t", "desk"], keys].concat());
    }
    fn screen(&self) -> String {
        self.run(&["capture-pane", "-p", "-t", "desk"])
    }
    /// Waits until the screen shows this; its lines are then as a person reads them.
    pub fn shows(&self, wanted: &str) -> String {
        let until = crate::support::seconds() + 20.0;
        loop {
            let screen = self.screen();
            if screen.contains(wanted) {
                return screen;
            }
            assert!(crate::support::seconds() < until, "the screen does not show `{wanted}`:\n{screen}");
            std::thread::yield_now();
        }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = Command::new("tmux").args(["-S", &self.socket, "kill-server"]).output();
    }
}

#[test]
#[ignore = "peer: run through tests/run"]
fn a_person_in_tmux_types_reads_loses_the_station_and_leaves() {
    let house = House::new();
    let washington = station(&house);
    let port = washington.api.rsplit(':').next().unwrap().to_owned();
    let tmux = Tmux { socket: house.path("tmux").display().to_string() };
    let command = format!(
        "XDG_STATE_HOME={} {} tty --station {} --desk chairman; echo LEFT WITH $?; stty -a | grep -c ' echo '",
        house.path("state").display(),
        crate::support::molink().display(),
        washington.api
    );
    tmux.run(&["new-session", "-d", "-s", "desk", "-x", "80", "-y", "24", "sh"]);
    tmux.keys(&["-l", &command]);
    tmux.keys(&["Enter"]);
    tmux.shows("CHAIRMAN AT WASHINGTON");
    // A message, with a slip, in small letters, over the margin.
    tmux.keys(&["-l", "to operator@washington"]);
    tmux.keys(&["Enter"]);
    tmux.keys(&["-l", "the quikc EEEEEEEEquick brown fox jumped over the lazy dog's back 1234567890 and on"]);
    tmux.keys(&["Enter"]);
    tmux.keys(&["-l", "NNNN"]);
    let screen = tmux.shows("SENT WASHINGTON 01 301600Z AUG 63");
    assert!(screen.lines().any(|l| l.starts_with("THE QUIKC EEEEEEEEQUICK") && l.chars().count() == 72), "{screen}");
    // WRU, a wrong address, a key that is not there.
    tmux.keys(&["C-e"]);
    tmux.shows("MOLINK WASHINGTON");
    tmux.keys(&["-l", "to bos@washington"]);
    tmux.keys(&["Enter", "x", "Enter", "BSpace"]);
    tmux.keys(&["-l", "NNNN"]);
    tmux.shows("THERE IS NO DESK 'BOS' AT WASHINGTON");
    // What comes waits until the line is quiet, and then says where one was.
    tmux.keys(&["-l", "to operator at washington"]);
    tmux.keys(&["Enter"]);
    tmux.keys(&["-l", "i was sa"]);
    tmux.shows("I WAS SA");
    house.run(&["send", "--station", &washington.api, "--to", "chairman@washington", "--precedence", "flash", "washington.toml"], SOON);
    let screen = tmux.shows("GO ON: YOUR MESSAGE TO OPERATOR@WASHINGTON IS OPEN\nI WAS SA");
    assert!(screen.contains("NNNN"), "{screen}");
    tmux.keys(&["C-d"]);
    tmux.shows("A MESSAGE IS OPEN: NNNN SENDS IT, CANTRAN DROPS IT\nI WAS SA");
    tmux.keys(&["-l", "ying"]);
    tmux.keys(&["Enter"]);
    tmux.keys(&["-l", "NNNN"]);
    tmux.shows("SENT WASHINGTON 03");
    // The station goes and comes back on the same port; what was filed meanwhile is not lost.
    assert!(washington.stop().success());
    tmux.shows("WAITING");
    let again = std::fs::read_to_string(house.path("washington.toml")).unwrap().replace("127.0.0.1:0", &format!("127.0.0.1:{port}"));
    house.file("washington.toml", again);
    let washington = house.start("washington", &[]).unwrap();
    tmux.shows("THE STATION IS BACK");
    washington.accept("chairman@washington", "AFTER THE PAUSE");
    tmux.shows("AFTER THE PAUSE");
    tmux.keys(&["C-d"]);
    tmux.shows("LEFT WITH 0\n1");
    tmux.keys(&["-l", &command]);
    tmux.keys(&["Enter"]);
    tmux.shows("CHAIRMAN AT WASHINGTON\n\n");
    tmux.keys(&["T", "O", "C-c"]);
    let screen = tmux.shows("LEFT WITH 130\n1");
    assert!(screen.contains("\nTO\n"), "{screen}");
}

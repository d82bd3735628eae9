//! A machine at a desk on a real pty: a script at the far end types, reads what prints, asks WRU, makes noise, pulls the plug.

use molink::line::{Code, PtyEnd, pty_pair_with_link};
use molink::message::Identity;
use molink::router::journal::State;
use molink::router::journal::reader::{Filter, Reader};
use molink::station::{Running, Station, StationConfig};
use molink::teletype::slip::DUPLICATE;
use molink::teletype::{CodeTable, Coder, UnshiftOnSpace};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SOON: Duration = Duration::from_secs(30);

/// A script at the far end of a machine's pty.
struct Script {
    pty: PtyEnd,
    coder: Coder,
    paper: String,
    codes: usize,
}

impl Script {
    fn at(path: &Path) -> Script {
        let mut pty = pty_pair_with_link(path).unwrap();
        pty.wait_when_full(true); // a burst comes whole
        Script { pty, coder: Coder::new(CodeTable::Ita2, UnshiftOnSpace::Unknown), paper: String::new(), codes: 0 }
    }
    async fn types(&mut self, text: &str) {
        let mut codes = vec![];
        Coder::new(CodeTable::Ita2, UnshiftOnSpace::Unknown).write(text, &mut codes).unwrap();
        let bytes: Vec<u8> = codes.iter().map(|c| c.value()).collect();
        self.pty.write_all(&bytes).await.unwrap();
    }
    /// Reads on until the paper says this; what is before it stays read.
    async fn until(&mut self, wanted: &str) {
        let reads = async {
            let mut buffer = [0; 256];
            while !self.paper.contains(wanted) {
                let n = self.pty.read(&mut buffer).await.unwrap();
                self.codes += n;
                let codes: Vec<Code> = buffer[..n].iter().map(|b| Code::new(*b)).collect();
                assert!(codes.iter().zip(&buffer).all(|(c, b)| c.value() == *b), "more than five bits were sent");
                self.paper += &self.coder.print(&codes);
            }
        };
        if tokio::time::timeout(SOON, reads).await.is_err() {
            panic!("`{wanted}` was not printed:\n{}", self.paper);
        }
    }
}

/// Two stations, each with a machine at the operator's desk, joined by a cable.
struct House {
    dir: tempfile::TempDir,
    stations: Vec<Running>,
}

async fn station(dir: &Path, name: &str, far: &str) -> Running {
    let at = |what: &str| dir.join(format!("{name}-{what}")).display().to_string();
    let text = format!(
        "station = \"{name}\"\ndata = \"{}\"\nlisten = \"off\"\nspeed = 60\nstart = \"1963-08-30T16:00:00Z\"\n[desk.operator]\nport = \"tty\"\n\
         [port.tty]\nbackend = \"teletype\"\nkind = \"machine\"\nline = {{ pty = \"{}\" }}\nanswerback = \"MOLINK {}\"\nreceipts = true\n\
         [port.cable]\nbackend = \"teletype\"\npeer = \"{far}\"\nline = {{ pty = \"{}\" }}\n[[route]]\nto = \"*@{far}\"\nports = [\"cable\"]\n",
        at("data"),
        at("tty"),
        name.to_uppercase(),
        at("cable")
    );
    Station::builder().start(StationConfig::parse("test.toml", &text).unwrap()).await.unwrap()
}

impl House {
    async fn open() -> (House, Script, Script) {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let (mut a, mut b) = (pty_pair_with_link(&path("washington-cable")).unwrap(), pty_pair_with_link(&path("moscow-cable")).unwrap());
        tokio::spawn(async move { tokio::io::copy_bidirectional(&mut a, &mut b).await });
        let scripts = ["washington-tty", "moscow-tty"].map(|name| Script::at(&path(name)));
        let stations = vec![station(dir.path(), "washington", "moscow").await, station(dir.path(), "moscow", "washington").await];
        let [w, m] = scripts;
        (House { dir, stations }, w, m)
    }
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
    /// Identity, state and text of what a station has for its desk, oldest first.
    fn at_desk(&self, station: &str) -> Vec<(Identity, State, String)> {
        let reader = Reader::open(&self.path(&format!("{station}-data")).join("journal.sqlite")).unwrap();
        let mut rows = reader.list(&Filter { state: None, limit: 1000 }).unwrap();
        rows.reverse();
        rows.retain(|r| r.to.station.as_str() == station);
        rows.iter().map(|r| (r.id.clone(), r.state, reader.load(&r.id).unwrap().unwrap().text())).collect()
    }
    async fn close(self) {
        for station in self.stations {
            station.stop().await.unwrap();
        }
    }
}

/// How a machine names the first message from Washington: the minute is the one in which it was handed in, and lasts a second here.
fn first(paper: &str) -> &str {
    let from = paper.find("WASHINGTON 01 ").unwrap_or_else(|| panic!("no message is named:\n{paper}"));
    let named = &paper[from..][.."WASHINGTON 01 301600Z AUG 63".len()];
    assert!(named.starts_with("WASHINGTON 01 3016") && named.ends_with("Z AUG 63"), "{named}");
    named
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_at_a_machines_pty_types_a_message_that_prints_at_the_other_station() {
    let (house, mut washington, mut moscow) = House::open().await;
    washington.types("PRIORITY\nTO OPERATOR/MOSCOW\nTHE QUIKC EEEEEEEEQUICK BROWN FOX 12 3\nNNNN").await;
    washington.until("Z AUG 63 TO OPERATOR AT MOSCOW\n").await;
    let id = first(&washington.paper).to_owned();
    assert!(washington.paper.contains(&format!("\nSENT {id} TO OPERATOR AT MOSCOW\n")), "{}", washington.paper);
    moscow.until("NNNN").await;
    let rings = "\u{7}".repeat(3);
    let sheet =
        format!("{rings}PRIORITY\n{id}\nFM OPERATOR AT WASHINGTON\nTO OPERATOR AT MOSCOW\nBT\nTHE QUICK BROWN FOX 12 3\nBT\n\nNNNN");
    assert!(moscow.paper.contains(&sheet), "{}", moscow.paper);
    washington.until(&format!("\nFILED {id} AT MOSCOW\n")).await;
    // WRU, both ways of a drum's length.
    let before = moscow.codes;
    moscow.until("\n\n\n").await;
    moscow.types("\u{5}").await;
    moscow.until("\nMOLINK MOSCOW").await;
    assert!(moscow.codes > before);
    // A burst of noise, as fast as a pty takes it; then the machine works as ever.
    let mut random = Xoshiro256PlusPlus::seed_from_u64(4);
    let noise: Vec<u8> = (0..60_000).map(|_| random.next_u64() as u8).collect();
    washington.pty.write_all(&noise).await.unwrap();
    washington.types("\nTO OPERATOR AT MOSKOW\nX\nNNNN\nTO OPERATOR AT MOSCOW\nAFTER THE NOISE\nNNNN").await;
    washington.until("NOT TAKEN: WASHINGTON HAS NO ROUTE TO 'OPERATOR AT MOSKOW', DID YOU\nMEAN 'OPERATOR AT MOSCOW'").await;
    moscow.until("AFTER THE NOISE\nBT\n\nNNNN").await;
    let filed: Vec<String> = house.at_desk("moscow").into_iter().map(|(_, _, text)| text).collect();
    assert_eq!(filed, ["THE QUICK BROWN FOX 12 3", "AFTER THE NOISE"], "and the noise became no message");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_is_pulled_out_is_waited_for_and_what_was_begun_is_marked() {
    let (house, mut washington, mut moscow) = House::open().await;
    let fox = "THE QUICK BROWN FOX JUMPED OVER THE LAZY DOG\n".repeat(12);
    washington.types(&format!("TO OPERATOR AT MOSCOW\n{fox}NNNN")).await;
    moscow.until("LAZY DOG").await;
    assert_eq!(house.at_desk("moscow")[0].1, State::Filed, "the sender's receipt has not waited for the paper");
    drop(moscow);
    washington.until("FILED WASHINGTON 01").await;
    washington.types("TO OPERATOR AT MOSCOW\nSECOND\nNNNN").await;
    washington.until("FILED WASHINGTON 02").await;
    let mut moscow = Script::at(&house.path("moscow-tty"));
    moscow.until("SECOND\nBT\n\nNNNN").await;
    let whole = format!("{DUPLICATE}\nROUTINE\n{}\n", first(&washington.paper));
    assert!(moscow.paper.contains(&whole) && moscow.paper.matches("LAZY DOG").count() == 12, "{}", moscow.paper);
    assert!(!moscow.paper.contains(&format!("{DUPLICATE}\nROUTINE\nWASHINGTON 02")), "{}", moscow.paper);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_filed_and_not_printed_prints_after_a_restart() {
    let (mut house, mut washington, moscow) = House::open().await;
    drop(moscow); // nobody is there
    washington.types("TO OPERATOR AT MOSCOW\nWHILE YOU WERE AWAY\nNNNN").await;
    washington.until("FILED WASHINGTON 01").await;
    house.stations.pop().unwrap().stop().await.unwrap();
    let (id, state, _) = house.at_desk("moscow").remove(0);
    let paper = house.path("moscow-data").join(format!("paper/{id}.txt"));
    assert!(std::fs::read_to_string(paper).unwrap().contains("WHILE YOU WERE AWAY"), "the file is made at filing");
    assert_eq!(state, State::Filed, "and is not the desk's paper");
    let mut moscow = Script::at(&house.path("moscow-tty"));
    house.stations.push(station(house.dir.path(), "moscow", "washington").await);
    moscow.until("WHILE YOU WERE AWAY\nBT\n\nNNNN").await;
    assert!(!moscow.paper.contains(DUPLICATE), "nothing of it had been printed: {}", moscow.paper);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "seconds in a debug build: run through tests/run"]
async fn a_tape_in_the_machines_reader_is_fast_typing_and_its_messages_are_filed() {
    let (house, mut washington, mut moscow) = House::open().await;
    let text: Vec<String> = (1..=30).map(|n| format!("LINE {n} OF A TAPE: THE QUICK BROWN FOX JUMPED OVER THE DOG'S BACK")).collect();
    let text = text.join("\n");
    // Two messages on one tape with the feed of a real one, without a pause: a pty takes it faster than any line.
    let feed = vec![0u8; 60];
    washington.pty.write_all(&feed).await.unwrap();
    washington.types(&format!("TO OPERATOR/MOSCOW\nBT\n{text}\nNNNN\n\n\nFLASH\nTO OPERATOR/MOSCOW\nSECOND 12\nNNNN")).await;
    washington.pty.write_all(&feed).await.unwrap();
    washington.until("SENT WASHINGTON 01 ").await;
    washington.until("SENT WASHINGTON 02 ").await;
    moscow.until("SECOND 12\nBT\n\nNNNN").await;
    moscow.until("LINE 30 OF").await;
    let mut filed: Vec<String> = house.at_desk("moscow").into_iter().map(|(_, _, text)| text).collect();
    filed.sort();
    assert_eq!(filed, [text, "SECOND 12".into()]);
    house.close().await;
}

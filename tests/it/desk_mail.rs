//! Mail at the desks of a station: once, as it came, or made of the message; over restarts and full disks.

use molink::email::mime::{self, Piece};
use molink::message::post::{AsCame, Post};
use molink::message::{Alphabet, Class, Draft, Envelope, Identity, Message, Part, Precedence, Takes, TextForm};
use molink::router::port::AtDesk;
use molink::router::{Backend, BackendError, BoxFuture, Contents, Event, EventSink, Order, Outcome, Port, Receipt, Stamped};
use molink::station::{Running, Station, StationConfig};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

/// Tells of each message that is printed.
struct Printed(Mutex<mpsc::Sender<Identity>>);

impl EventSink for Printed {
    fn take(&self, event: Stamped) {
        if let (Event::Printed, Some(id)) = (event.event, event.id) {
            let _ = self.0.lock().unwrap().send(id);
        }
    }
}

/// A station with three desks and an e-mail port, in a folder of its own.
struct House {
    dir: tempfile::TempDir,
    file: String,
}

/// It runs.
struct Open {
    running: Running,
    printed: mpsc::Receiver<Identity>,
}

impl House {
    fn new(desks: &str) -> House {
        let file = format!(
            "station = \"moscow\"\ndata = \"data\"\nlisten = \"off\"\n{desks}\n[port.post]\nbackend = \"email\"\npeer = \"washington\"\n\
             line = {{ listen = \"127.0.0.1:0\" }}\ndomains = {{ moscow = \"hotline.example\" }}\n"
        );
        House { dir: tempfile::tempdir().unwrap(), file }
    }
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
    fn contents(&self) -> Contents {
        Contents::in_folder(self.path("data/content"))
    }
    async fn open(&self) -> Open {
        std::fs::write(self.path("moscow.toml"), &self.file).unwrap();
        let config = StationConfig::read(&self.path("moscow.toml")).unwrap();
        let (tell, printed) = mpsc::channel();
        let fast = |_: &str, _: &molink::message::Name, _: toml::Table| Ok(Box::new(Fast) as Box<dyn Backend>);
        let running = Station::builder().backend("fast", fast).observe(Arc::new(Printed(Mutex::new(tell)))).start(config).await.unwrap();
        Open { running, printed }
    }
    /// The mails in a Maildir.
    fn mails(&self, maildir: &str) -> Vec<Vec<u8>> {
        let Ok(found) = std::fs::read_dir(self.path(maildir).join("new")) else { return vec![] };
        found.map(|f| std::fs::read(f.unwrap().path()).unwrap()).collect()
    }
    fn eml(&self, id: &Identity) -> Vec<u8> {
        std::fs::read(self.path(&format!("data/mail/{id}.eml"))).unwrap()
    }
}

impl Open {
    /// Hands a message in, and waits until it is at its desk.
    async fn send(&self, draft: Draft) -> Identity {
        let id = self.accept(draft).await;
        self.wait(&id);
        id
    }
    async fn accept(&self, draft: Draft) -> Identity {
        match self.running.submit(draft, None).await {
            molink::router::Submitted::Accepted(id) => id,
            other => panic!("{other:?}"),
        }
    }
    fn wait(&self, id: &Identity) {
        let said = self.printed.recv_timeout(SOON).unwrap_or_else(|e| panic!("{id} is not printed: {e}"));
        assert_eq!(said, *id);
    }
}

fn draft(to: &str, content: Vec<Part>, post: Option<Post>) -> Draft {
    let envelope = Envelope {
        from: "operator@moscow".parse().unwrap(),
        to: to.parse().unwrap(),
        precedence: Precedence::Routine,
        class: Class::Message,
        subject: "Карта района".into(),
        via: vec![],
        post: post.map(Box::new),
    };
    Draft { envelope, content }
}

fn text(text: &str) -> Part {
    Part::Text { text: text.into() }
}

fn lf(mail: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(mail).replace("\r\n", "\n").into_bytes()
}

const DESKS: &str = "[desk.operator]\n[desk.chairman]";

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_at_its_desk_once_over_restarts_and_reads_back() {
    let house = House::new(DESKS);
    let open = house.open().await;
    let map: Vec<u8> = (0..200_000u32).map(|n| (n * 7 + n / 256) as u8).collect();
    let blob = house.contents().keep("Карта №5.png", "image/png", &map).unwrap();
    let sent = draft("chairman@moscow", vec![text("Смотри вложение.\n.\n"), Part::Page(blob.clone())], None);
    let id = open.send(sent.clone()).await;
    let mails = house.mails("data/maildir/chairman");
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0], lf(&house.eml(&id)), "the same with the line ends of Unix");
    let paper = std::fs::read_to_string(house.path(&format!("data/paper/{id}.txt"))).unwrap();
    assert!(paper.contains(&format!("ENCL as a mail: mail/{id}.eml\n")), "{paper}");
    let mail = mime::read(&mails[0]);
    let expected = Message { identity: id.clone(), envelope: sent.envelope, content: sent.content };
    let read = mail.message(|file| Ok::<_, ()>(file.blob.clone())).unwrap().unwrap();
    assert_eq!(read, expected);
    assert_eq!(mail.files().next().unwrap().bytes(), map);
    let shown = String::from_utf8_lossy(&mails[0]).into_owned();
    let top = format!(
        "Return-Path: <operator@hotline.example>\nDelivered-To: chairman@hotline.example\nReceived: by hotline.example id {id};\n\t"
    );
    assert!(shown.starts_with(&top), "{shown}");
    open.running.stop().await.unwrap();

    // Its reader moves it, as readers do; then the journal forgets that it was printed.
    let new = std::fs::read_dir(house.path("data/maildir/chairman/new")).unwrap().next().unwrap().unwrap();
    let read = house.path("data/maildir/chairman/cur").join(format!("{}:2,S", new.file_name().to_str().unwrap()));
    std::fs::rename(new.path(), read).unwrap();
    std::fs::remove_file(house.path(&format!("data/mail/{id}.eml"))).unwrap();
    unprint(&house.path("data/journal.sqlite"));
    let open = house.open().await;
    open.wait(&id);
    assert_eq!(house.mails("data/maildir/chairman"), Vec::<Vec<u8>>::new(), "not twice");
    assert_eq!(lf(&house.eml(&id)), mails[0], "and the same bytes again");
    open.running.stop().await.unwrap();
}

/// As after a crash before that was on disk.
fn unprint(journal: &Path) {
    let db = rusqlite::Connection::open(journal).unwrap();
    assert_eq!(db.execute("UPDATE message SET state = 'filed' WHERE state = 'printed'", []).unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_at_its_desk_as_it_came() {
    let house = House::new(DESKS);
    let open = house.open().await;
    let short =
        "Return-Path: <alice@example.org>\r\nReceived: from x by y;\r\n\tz\r\nSubject: \tодин  \r\nX-Odd:\r\n\r\nтекст \t\r\n..\r\n";
    // Not UTF-8, and long.
    let mut long = b"Return-Path: <alice@example.org>\r\nSubject: caf\xe9\r\n\r\n".to_vec();
    long.extend((0..5000).flat_map(|n| format!("\u{41f}{n} \u{1}\r\n").into_bytes()));
    long.extend(b"\xff\xfe");
    let kept = house.contents().keep("mail.eml", "message/rfc822", &long).unwrap();
    for (mail, bytes) in [(AsCame::Short(short.into()), short.as_bytes()), (AsCame::Kept(kept), &long)] {
        let post = Post { reverse_path: "alice@example.org".into(), mail: Some(mail), ..Post::default() };
        let id = open.send(draft("chairman@moscow", vec![text("as we understood it")], Some(post))).await;
        assert_eq!(house.eml(&id), bytes);
        let expected = [b"Delivered-To: chairman@hotline.example\n".to_vec(), bytes.to_vec()].concat();
        let mut unix = vec![];
        expected.split_inclusive(|b| *b == b'\n').for_each(|line| match line.strip_suffix(b"\r\n") {
            Some(line) => unix.extend([line, b"\n"].concat()),
            None => unix.extend(line),
        });
        assert!(house.mails("data/maildir/chairman").contains(&unix), "{id}");
    }
    assert_eq!(house.mails("data/maildir/chairman").len(), 2);
    open.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_may_have_its_mail_elsewhere_or_none() {
    let house = House::new("[desk.operator]\n[desk.chairman]\nmaildir = \"home/chairman/Maildir\"\n[desk.archive]\nmaildir = false");
    let open = house.open().await;
    let id = open.send(draft("chairman@moscow", vec![text("to the other place")], None)).await;
    assert_eq!(house.mails("home/chairman/Maildir").len(), 1);
    assert!(house.path(&format!("home/chairman/.Maildir.filed-chairman-moscow/{id}")).exists(), "the record lies beside it");
    assert!(!house.path("data/maildir").exists());
    let id = open.send(draft("archive@moscow", vec![text("on paper only")], None)).await;
    assert!(!house.path("data/maildir").exists() && house.path(&format!("data/paper/{id}.txt")).exists());
    assert!(!house.eml(&id).is_empty(), "the station keeps each mail");
    open.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_without_mail_makes_a_maildir_where_it_is_told_to() {
    let mut house = House::new("[desk.operator]\nmaildir = true\n[desk.chairman]");
    house.file = house.file.split("[port.post]").next().unwrap().to_owned();
    let open = house.open().await;
    open.send(draft("operator@moscow", vec![text("one")], None)).await;
    open.send(draft("chairman@moscow", vec![text("two")], None)).await;
    assert_eq!(house.mails("data/maildir/operator").len(), 1);
    assert!(!house.path("data/maildir/chairman").exists());
    let left: Vec<_> = std::fs::read_dir(house.path("data/mail")).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(left, ["filed"], "and no file of its own");
    open.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_cannot_be_filed_waits_and_holds_no_other_desk_up() {
    let house = House::new("[desk.operator]\n[desk.chairman]\nmaildir = \"home/chairman\"");
    // A file has its name; rights would not stop root.
    std::fs::write(house.path("home"), "in the way").unwrap();
    let open = house.open().await;
    let waits = open.accept(draft("chairman@moscow", vec![text("later")], None)).await;
    open.send(draft("operator@moscow", vec![text("now")], None)).await;
    assert!(house.path(&format!("data/paper/{waits}.txt")).exists(), "its paper is there");
    open.running.stop().await.unwrap();
    // Still so after a restart; then there is room.
    let open = house.open().await;
    open.send(draft("operator@moscow", vec![text("now too")], None)).await;
    std::fs::remove_file(house.path("home")).unwrap();
    open.wait(&waits);
    assert_eq!(house.mails("home/chairman").len(), 1);
    assert_eq!(house.mails("data/maildir/operator").len(), 2);
    let mode = std::fs::metadata(house.path("home/chairman")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    open.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_is_named_in_the_mail() {
    let house = House::new(DESKS);
    let open = house.open().await;
    let blob = house.contents().keep("a.bin", "application/octet-stream", b"bytes").unwrap();
    let other = house.contents().keep("mail.eml", "message/rfc822", b"Subject: x\r\n\r\n").unwrap();
    std::fs::remove_file(house.path("data/content").join(&other.sha256)).unwrap();
    let post = Post { mail: Some(AsCame::Kept(other.clone())), ..Post::default() };
    let id = open.send(draft("chairman@moscow", vec![text("as understood"), Part::File(blob.clone())], Some(post))).await;
    let mails = house.mails("data/maildir/chairman");
    assert!(mime::read(&mails[0]).text().contains("as understood"), "the mail itself is gone, the message is not");
    open.running.stop().await.unwrap();
    std::fs::remove_file(house.path("data/content").join(&blob.sha256)).unwrap();
    std::fs::remove_dir_all(house.path("data/mail")).unwrap();
    unprint(&house.path("data/journal.sqlite"));
    let open = house.open().await;
    open.wait(&id);
    let mail = house.eml(&id);
    let mail = mime::read(&mail);
    assert!(
        matches!(&mail.pieces[1], Piece::Text(t) if t.contains("a.bin (application/octet-stream, 5 bytes) is not at the station any more"))
    );
    open.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maildir_whose_disk_is_not_mounted_is_not_made_anew_and_its_mail_waits() {
    let house = House::new("[desk.operator]\n[desk.chairman]\nmaildir = \"disk/mail/chairman\"");
    let (disk, drawer) = (house.path("disk"), house.path("drawer"));
    let unmount = || {
        std::fs::rename(&disk, &drawer).unwrap();
        std::fs::create_dir(&disk).unwrap();
    };
    let mount = || {
        let below = std::fs::read_dir(&disk).unwrap().count();
        assert_eq!(below, 0, "nothing was made below");
        std::fs::remove_dir(&disk).unwrap();
        std::fs::rename(&drawer, &disk).unwrap();
    };
    let open = house.open().await;
    open.send(draft("chairman@moscow", vec![text("first")], None)).await;
    // While it runs, and at a start.
    unmount();
    let second = open.accept(draft("chairman@moscow", vec![text("second")], None)).await;
    open.send(draft("operator@moscow", vec![text("here")], None)).await;
    open.running.stop().await.unwrap();
    let open = house.open().await;
    open.send(draft("operator@moscow", vec![text("here too")], None)).await;
    mount();
    open.wait(&second);
    assert_eq!(house.mails("disk/mail/chairman").len(), 2);
    // One that is to be elsewhere from now on is made there.
    open.running.stop().await.unwrap();
    let house = House { file: house.file.replace("disk/mail", "new/mail"), ..house };
    let open = house.open().await;
    open.send(draft("chairman@moscow", vec![text("third")], None)).await;
    assert_eq!(house.mails("new/mail/chairman").len(), 1);
    open.running.stop().await.unwrap();
}

/// A machine that prints at once.
struct Fast;

impl Backend for Fast {
    fn takes(&self) -> Takes {
        Takes::texts(TextForm { alphabet: Alphabet::Any, twin: None, columns: 1_000, longest: 10_000, per_hour: None })
    }
    fn at_desk(&self) -> Option<AtDesk> {
        Some(AtDesk::default())
    }
    fn run(self: Box<Self>, mut port: Port) -> BoxFuture<'static, Result<(), BackendError>> {
        Box::pin(async move {
            while let Some(order) = port.next_order().await {
                let Order::Deliver(delivery) = order else { continue };
                let receipt = Receipt { station: port.station().clone(), before: false, text: "printed".into() };
                port.door().report(delivery.number, Outcome::Delivered(receipt)).await;
            }
            Ok(())
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_owed_is_filed_after_a_restart_however_many_were_printed_since() {
    let desks = "[desk.operator]\n[desk.chairman]\nmaildir = \"home/chairman\"\nport = \"desk\"\n[port.desk]\nbackend = \"fast\"";
    let house = House::new(desks);
    std::fs::write(house.path("home"), "in the way").unwrap();
    let open = house.open().await;
    open.send(draft("chairman@moscow", vec![text("printed, and not filed")], None)).await;
    let other = open.send(draft("operator@moscow", vec![text("one of many")], None)).await;
    open.running.stop().await.unwrap();
    // Many more were printed since.
    let db = rusqlite::Connection::open(house.path("data/journal.sqlite")).unwrap();
    let many = "WITH RECURSIVE k(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM k WHERE i < 1200)
        INSERT INTO message (identity, station, day, serial, sender, addressee, precedence, subject, accepted, state, attempts, detail, content, sha256)
        SELECT replace(identity, '-0002-', printf('-%04d-', i)), station, day, i, sender, addressee, precedence, subject, accepted, state, attempts,
        detail, content, sha256 FROM message JOIN k WHERE identity = ?1";
    assert_eq!(db.execute(many, [other.to_string()]).unwrap(), 1198);
    drop(db);
    std::fs::remove_file(house.path("home")).unwrap();
    let open = house.open().await;
    let filed = async {
        while house.mails("home/chairman").is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, filed).await.expect("its mail is out of sight");
    // All is made now, and that is known at the next start: what its reader took away, marks and all, does not come again.
    open.running.stop().await.unwrap();
    std::fs::remove_dir_all(house.path("home")).unwrap();
    std::fs::remove_dir_all(house.path("data/mail")).unwrap();
    let open = house.open().await;
    open.send(draft("chairman@moscow", vec![text("the next")], None)).await;
    open.send(draft("operator@moscow", vec![text("after it")], None)).await;
    assert_eq!(house.mails("home/chairman").len(), 1, "only the next");
    open.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_owed_of_a_machine_that_was_taken_away_is_filed_and_not_told_as_printed_again() {
    let desk = "[desk.operator]\n[desk.chairman]\nmaildir = \"home/chairman\"\n";
    let house = House::new(&format!("{desk}port = \"desk\"\n[port.desk]\nbackend = \"fast\""));
    std::fs::write(house.path("home"), "in the way").unwrap();
    let open = house.open().await;
    let owed = open.send(draft("chairman@moscow", vec![text("printed, and not filed")], None)).await;
    open.running.stop().await.unwrap();
    std::fs::remove_file(house.path("home")).unwrap();
    // No machine stands there any more.
    let house = House { file: House::new(desk).file, ..house };
    let open = house.open().await;
    let filed = async {
        while house.mails("home/chairman").is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, filed).await.expect("its mail is owed all the same");
    // The next word is of the next message: the machine itself had said that it printed the other.
    let next = open.send(draft("chairman@moscow", vec![text("the next")], None)).await;
    assert_ne!(next, owed);
    open.running.stop().await.unwrap();
    let db = rusqlite::Connection::open(house.path("data/journal.sqlite")).unwrap();
    let said = "SELECT count(*) FROM event WHERE json LIKE '%\"printed\"%' AND json LIKE ?1";
    assert_eq!(db.query_row(said, [format!("%{owed}%")], |row| row.get::<_, i64>(0)).unwrap(), 1, "printed once");
}

/// Makes a file look as if it was written so many days ago.
fn age(file: &Path, days: u64) {
    let file = std::fs::OpenOptions::new().write(true).open(file).unwrap();
    let then = file.metadata().unwrap().modified().unwrap() - Duration::from_secs(days * 24 * 3600);
    file.set_modified(then).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_at_a_desk_whose_machine_has_not_printed_for_long_is_not_filed_twice() {
    let desks = "[desk.operator]\n[desk.chairman]\nport = \"tty\"\n[port.tty]\nbackend = \"teletype\"\nkind = \"machine\"\nline = { pty = \"no-machine\" }";
    let house = House::new(desks);
    let open = house.open().await;
    let id = open.accept(draft("chairman@moscow", vec![text("for a machine that is away")], None)).await;
    open.send(draft("operator@moscow", vec![text("after it")], None)).await;
    assert_eq!(house.mails("data/maildir/chairman").len(), 1);
    // Its reader takes it away: in `new` the same mail would have the same name again.
    std::fs::remove_dir_all(house.path("data/maildir/chairman/new")).unwrap();
    std::fs::create_dir(house.path("data/maildir/chairman/new")).unwrap();
    let (paper, record) = (house.path(&format!("data/paper/{id}.txt")), house.path("data/mail/filed/chairman"));
    let (mark, other) = (record.join(id.to_string()), record.join("OTHER-0001-20161031T1200Z"));
    std::fs::write(&other, "").unwrap();
    [&paper, &mark, &other].iter().for_each(|file| age(file, 30));
    // A quiet moment later it forgets what is old.
    let forgets = async {
        while other.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, forgets).await.expect("nothing is forgotten");
    open.running.stop().await.unwrap();
    let open = house.open().await;
    open.send(draft("operator@moscow", vec![text("after that")], None)).await;
    assert_eq!(house.mails("data/maildir/chairman"), Vec::<Vec<u8>>::new(), "not twice");
    let written = |file: &Path| std::fs::metadata(file).unwrap().modified().unwrap();
    assert!(written(&mark) >= written(&paper), "what is made again is known as long as its paper is new");
    open.running.stop().await.unwrap();
}

//! Lines over real ptys and TCP: what a device is, what an open end is, and the relay between two ends with its faults.
//!
//! Standards: none beyond `line`'s. In: codes written by an ordinary program to a device. Out: what the other program reads.
//! Left out: real UARTs (`molink doctor` tries those), accuracy in time (`tests/bench/pacing.rs`). Shown by: itself.

use molink::line::{Kind, LineSpec, PtyEnd, Settings, open, pty_pair_with_link};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Nothing here takes so long unless it hangs.
const LONG: Duration = Duration::from_secs(20);

async fn soon<T>(what: &str, wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, wait).await.unwrap_or_else(|_| panic!("{what}: nothing within {LONG:?}"))
}

fn spec(path: &Path) -> LineSpec {
    LineSpec::Serial(path.to_owned())
}

/// A pty that does what its owner reads and writes: the far side of a device under test.
fn pty(dir: &tempfile::TempDir, name: &str) -> (PtyEnd, PathBuf) {
    let path = dir.path().join(name);
    (pty_pair_with_link(&path).unwrap(), path)
}

#[tokio::test]
async fn a_pty_is_recognised_by_its_device_number_and_taken_with_a_note() {
    let dir = tempfile::tempdir().unwrap();
    let (mut far, path) = pty(&dir, "line");
    let mut near = open(&spec(&path), &Settings::default()).await.unwrap();
    assert_eq!(near.kind, Kind::Pty);
    assert!(near.notes[0].contains("pty") && near.notes[0].contains("masked to 5 bits"), "{:?}", near.notes);
    let mut got = [0; 4];
    // Our end has seen the device open before it sends: else the codes would be nobody's.
    near.stream.write_all(&[0xff, 0x1f, 0, 3]).await.unwrap();
    soon("codes from the device", far.read_exact(&mut got)).await.unwrap();
    assert_eq!(got, [0xff, 0x1f, 0, 3], "a pty does not mask: we do");
    far.write_all(&[4, 0x0d, 0x11, 0x03]).await.unwrap();
    soon("codes to the device", near.stream.read_exact(&mut got)).await.unwrap();
    assert_eq!(got, [4, 0x0d, 0x11, 0x03], "no byte means anything to the pty");
}

#[tokio::test]
async fn what_comes_while_nobody_has_the_device_open_is_lost_and_the_next_gets_nothing_stale() {
    let dir = tempfile::tempdir().unwrap();
    let (mut far, path) = pty(&dir, "line");
    let watch = far.watch();
    far.write_all(&[1; 100]).await.unwrap();
    assert_eq!(watch.lost(), 100);
    let mut byte = [0; 1];
    for round in 0..5_u8 {
        let mut near = open(&spec(&path), &Settings::default()).await.unwrap();
        near.stream.write_all(&[round]).await.unwrap();
        soon("a code", far.read_exact(&mut byte)).await.unwrap();
        assert_eq!(byte, [round]);
        far.write_all(&[20, 21, 22]).await.unwrap();
        soon("a code", near.stream.read_exact(&mut byte)).await.unwrap();
        assert_eq!(byte, [20], "round {round}: the two after it stay unread");
        drop(near);
        let closed = async {
            while watch.is_open() {
                let _ = tokio::time::timeout(Duration::from_millis(5), far.read(&mut byte)).await;
            }
        };
        soon("the close to be seen", closed).await;
        far.write_all(&[23]).await.unwrap();
    }
    assert_eq!(watch.lost(), 105);
}

#[tokio::test]
async fn a_program_that_has_it_open_and_reads_nothing_costs_bounded_memory() {
    let dir = tempfile::tempdir().unwrap();
    let (mut far, path) = pty(&dir, "line");
    let mut near = open(&spec(&path), &Settings::default()).await.unwrap();
    near.stream.write_all(&[1]).await.unwrap();
    soon("a code", far.read_u8()).await.unwrap();
    for _ in 0..1_000 {
        soon("writing to never wait", far.write_all(&[7; 1_000])).await.unwrap();
    }
    assert!(far.watch().lost() > 900_000, "{}", far.watch().lost());
}

#[tokio::test]
async fn a_device_that_cannot_be_had_is_told_in_one_sentence_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let gone = dir.path().join("gone");
    std::os::unix::fs::symlink("/dev/pts/999999", &gone).unwrap();
    let (_far, busy) = pty(&dir, "busy");
    let held = open(&spec(&busy), &Settings::default()).await.unwrap();
    let cases = [
        (dir.path().join("none"), "no device", "is it plugged in?"),
        (gone, "links to /dev/pts/999999, which is gone", "still run?"),
        (dir.path().to_owned(), "is a folder", "give the device"),
        (file, "is a file, not a serial device", "give a device"),
        ("/dev/null".into(), "not a tty", "give one as"),
        ("/dev/ptmx".into(), "master side of ptys", "/dev/pts/N"),
        (busy.clone(), "in use by another program", "end that first"),
    ];
    for (path, what, to_do) in cases {
        let said = open(&spec(&path), &Settings::default()).await.unwrap_err();
        let shown = path.display().to_string();
        assert!(said.contains(what) && said.contains(to_do) && said.contains(&shown), "{said}");
        assert!(!said.contains('\n') && !said.ends_with('.'), "{said}");
    }
    drop(held);
    open(&spec(&busy), &Settings::default()).await.expect("free again once it is closed");
}

#[tokio::test]
async fn a_link_is_never_made_over_what_is_not_ours() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("line");
    std::fs::write(&path, "precious").unwrap();
    assert!(pty_pair_with_link(&path).err().unwrap().contains("not a link of ours"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/etc/hosts", &path).unwrap();
    assert!(pty_pair_with_link(&path).err().unwrap().contains("no pty"));
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/dev/pts/999999", &path).unwrap();
    let end = pty_pair_with_link(&path).expect("a stale link is replaced");
    assert!(pty_pair_with_link(&path).err().unwrap().contains("already links to"));
    drop(end);
    assert!(std::fs::symlink_metadata(&path).is_err(), "the link goes with its end");
}

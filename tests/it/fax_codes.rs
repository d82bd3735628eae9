//! The fax codes against other people's: libtiff (by a small C program, and `fax2tiff`), netpbm (`pbmtog3`, `g3topbm`).

use crate::libtiff::Libtiff;
use crate::support::peer;
use molink::fax::code::{BitOrder, Coding, Damage, Layout, ReadAs, decode, encode};
use molink::paper::form::{Form, Width};
use molink::paper::{Page, Resolution, chart};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const CODINGS: [(&str, Coding); 3] = [("mh", Coding::Mh), ("mr", Coding::Mr { k: 4 }), ("mmr", Coding::Mmr)];

/// The chart's pages, and one of the widest rows.
fn pages() -> Vec<(&'static str, Page)> {
    let form = Form::new(Width::A4, Resolution::FINE).unwrap();
    let mut pages: Vec<_> = chart::PAGES.iter().map(|name| (*name, chart::chart(name, &form).unwrap())).collect();
    let mut wide = Page::white(4864, 300, Resolution::FINE);
    for y in 0..wide.height() {
        let black = y * 16..(y * 16 + y * y / 20).min(4864);
        black.for_each(|x| wide.row_mut(y)[x / 64] |= 1 << (63 - x % 64));
    }
    pages.push(("wide", wide));
    pages
}
fn packed(page: &Page) -> Vec<u8> {
    let mut rows = vec![];
    (0..page.height()).for_each(|y| page.pack(y, &mut rows));
    rows
}
fn back(codes: &[u8], coding: Coding, page: &Page, read: ReadAs) -> (Vec<u8>, Damage) {
    let (back, damage) = decode(codes, coding, page.width(), read, page.resolution);
    (packed(&back), damage)
}
/// Most changes of a row.
fn changes(page: &Page) -> usize {
    let of = |y: usize| (1..page.width()).filter(|x| page.black(*x, y) != page.black(*x - 1, y)).count();
    (0..page.height()).map(of).max().unwrap_or(0)
}

/// What a program writes when it is given bytes.
fn piped(program: &str, package: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new(peer(program, package));
    let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut to, input) = (child.stdin.take().unwrap(), input.to_vec());
    let writes = std::thread::spawn(move || to.write_all(&input));
    let output = child.wait_with_output().unwrap();
    // A program may stop reading at the RTC.
    let _ = writes.join().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", output.status);
    output.stdout
}
/// The rows of a P4 PBM.
fn pbm_rows(pbm: &[u8], page: &Page) -> Vec<u8> {
    let head = format!("P4\n{} {}\n", page.width(), page.height());
    assert!(pbm.starts_with(head.as_bytes()), "not {head:?}: {:?}", String::from_utf8_lossy(&pbm[..20.min(pbm.len())]));
    pbm[head.len()..].to_vec()
}

#[test]
#[ignore = "peer: run through tests/run"]
fn libtiff_reads_what_is_written_and_writes_what_is_read_pel_for_pel() {
    let mut libtiff = Libtiff::start().unwrap();
    for (name, page) in pages() {
        let rows = packed(&page);
        for (coding_name, coding) in CODINGS {
            let layout = Layout { eol: true, end: coding == Coding::Mmr, ..Layout::default() };
            let ours = encode(&page, coding, layout);
            let theirs = libtiff.encode(coding_name, page.width(), page.height(), 1, &rows).unwrap().bytes;
            assert!(ours == theirs, "{name} in {coding_name}: not the bits that libtiff writes");
            let (read, damage) = back(&theirs, coding, &page, ReadAs::default());
            assert_eq!((damage.rows, damage.bad_rows), (page.height(), 0), "{name} in {coding_name}");
            assert!(read == rows, "{name} in {coding_name}");
            // libtiff 4.5 gives up on rows of more changes than this in MH.
            if coding != Coding::Mh || changes(&page) <= 1700 {
                let read = libtiff.decode(coding_name, page.width(), page.height(), 1, &ours).unwrap();
                assert!(read.bytes == rows, "{name} in {coding_name}: libtiff reads {} rows", read.rows);
            }
        }
    }
}

#[test]
#[ignore = "peer: run through tests/run"]
fn fax2tiff_reads_every_layout() {
    let folder = tempfile::tempdir().unwrap();
    let (codes, tiff) = (folder.path().join("codes.g3"), folder.path().join("page.tif"));
    for (name, page) in pages().into_iter().filter(|(name, _)| ["text", "halftone"].contains(name)) {
        for (coding, kind) in [(Coding::Mh, "-1"), (Coding::Mr { k: 2 }, "-2"), (Coding::Mr { k: 4 }, "-2"), (Coding::Mmr, "-4")] {
            for n in 0..8 {
                let order = if n & 1 == 0 { BitOrder::MsbFirst } else { BitOrder::LsbFirst };
                let aligned = n & 2 > 0 && coding != Coding::Mmr;
                let layout = Layout { order, eol: true, aligned, end: true, least_bits: n / 4 * 288 };
                std::fs::write(&codes, encode(&page, coding, layout)).unwrap();
                let bits = if order == BitOrder::MsbFirst { "-M" } else { "-L" };
                fax2tiff(&[kind, bits, "-X", "1728", "-W", "1728", "-R", "196"], &codes, &tiff);
                let pbm = piped("tifftopnm", "netpbm", &[tiff.to_str().unwrap()], &[]);
                // It takes the EOLs of an RTC for rows.
                let height = std::str::from_utf8(&pbm[8..12]).unwrap().parse::<usize>().unwrap();
                assert!((page.height()..=page.height() + 6).contains(&height), "{name} {coding:?} {layout:?}: {height} rows");
                assert!(pbm[13..].starts_with(&packed(&page)), "{name} {coding:?} {layout:?}");
            }
        }
    }
}
fn fax2tiff(arguments: &[&str], codes: &Path, tiff: &Path) {
    let mut command = Command::new(peer("fax2tiff", "libtiff-tools"));
    let output = command.args(arguments).arg("-o").arg(tiff).arg(codes).output().unwrap();
    assert!(output.status.success(), "fax2tiff {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Also the rows that libtiff cannot read.
#[test]
#[ignore = "peer: run through tests/run"]
fn netpbm_reads_mh_and_writes_mh_pel_for_pel() {
    let mut dense = 0;
    for (name, page) in pages().into_iter().filter(|(name, _)| *name != "wide") {
        let rows = packed(&page);
        let layout = Layout { eol: true, end: true, ..Layout::default() };
        let pbm = piped("g3topbm", "netpbm", &[], &encode(&page, Coding::Mh, layout));
        assert!(pbm_rows(&pbm, &page) == rows, "{name}: read by g3topbm");
        for (option, order) in [("-align8", BitOrder::MsbFirst), ("-reversebits", BitOrder::LsbFirst)] {
            let head = format!("P4\n{} {}\n", page.width(), page.height()).into_bytes();
            let codes = piped("pbmtog3", "netpbm", &[option], &[head, rows.clone()].concat());
            let (read, damage) = back(&codes, Coding::Mh, &page, ReadAs { order, ..ReadAs::default() });
            assert_eq!(damage, Damage { rows: page.height(), ended: true, ..Damage::default() }, "{name} {option}");
            assert!(read == rows, "{name} {option}: written by pbmtog3");
        }
        dense += usize::from(changes(&page) > 1700);
    }
    assert!(dense > 0, "no page has the rows that libtiff cannot read");
}

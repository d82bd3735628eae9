//! Files of fax pages as other programs write and read them: libtiff's tools, HylaFAX, ImageMagick, netpbm. Both ways, pel for pel.
//!
//! The pages are those of the chart. (Which rows libtiff 4.5 cannot take in MH is said at `too_busy`.)

use crate::support::peer;
use molink::fax::code::Coding;
use molink::fax::file::{FilePage, PageAbout};
use molink::fax::{pbm, raw, tiff};
use molink::paper::{Form, Page, Resolution, Width, chart};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::Command;

const CODINGS: [Coding; 3] = [Coding::Mh, Coding::Mr { k: 4 }, Coding::Mmr];

/// Runs a program that must be content; gives its standard output.
fn run(program: &str, package: &str, arguments: &[&str]) -> Vec<u8> {
    let done = Command::new(peer(program, package)).args(arguments).output().unwrap();
    assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}
/// The same; it may not have anything to say against the file.
fn silent(program: &str, package: &str, arguments: &[&str]) -> Vec<u8> {
    let done = Command::new(peer(program, package)).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.is_empty(), "{program} {arguments:?}: {said}");
    done.stdout
}

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Desk {
        Desk(tempfile::tempdir().unwrap())
    }
    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }
    fn pbm(&self, name: &str, page: &Page) -> String {
        let path = self.path(name);
        pbm::write(page, File::create(&path).unwrap()).unwrap();
        path
    }
    fn tiff(&self, name: &str, pages: &[&Page], coding: Coding) -> String {
        let path = self.path(name);
        let options = tiff::WriteOptions { pages: pages.len() as u16, ..tiff::WriteOptions::new(coding) };
        let mut writer = tiff::Writer::new(File::create(&path).unwrap(), name, options);
        pages.iter().for_each(|page| writer.page(page, &PageAbout::default()).unwrap());
        writer.finish().unwrap();
        path
    }
}

fn read(path: &str) -> Vec<FilePage> {
    let mut reader = tiff::Reader::open(File::open(path).unwrap(), path).unwrap();
    std::iter::from_fn(|| reader.next_page()).map(Result::unwrap).collect()
}
fn read_pbm(path: impl AsRef<Path>, resolution: Resolution) -> Vec<Page> {
    let file = BufReader::new(File::open(path.as_ref()).unwrap());
    let mut reader = pbm::Reader::new(file, "a.pbm", Some(resolution));
    std::iter::from_fn(|| reader.next_page()).map(Result::unwrap).collect()
}

/// The pages of the chart, and one that is not as wide as any paper.
fn pages() -> Vec<(String, Page)> {
    let form = Form::new(Width::A4, Resolution::FINE).unwrap();
    let mut pages: Vec<(String, Page)> =
        molink::paper::chart::PAGES.iter().map(|name| ((*name).to_owned(), chart(name, &form).unwrap())).collect();
    let coarse = Form::new(Width::A3, Resolution::STANDARD).unwrap();
    pages.push(("a3 text".into(), chart("text", &coarse).unwrap()));
    let mut odd = Page::new(1001, Resolution { x: 300, y: 300 });
    let noise = chart("noise", &form).unwrap();
    noise.rows().take(300).for_each(|row| odd.push(&row[..odd.stride()]));
    pages.push(("odd".into(), odd));
    pages
}
/// libtiff 4.5 keeps as many changes of a row as fit its buffer, which rows of single pels exceed in MH and MR.
fn too_busy(page: &Page) -> bool {
    let changes = |row: &[u64]| {
        (1..page.width()).filter(|x| (row[x / 64] >> (63 - x % 64) ^ row[(x - 1) / 64] >> (63 - (x - 1) % 64)) & 1 == 1).count()
    };
    page.rows().any(|row| changes(row) > 1_700)
}

/// The page as libtiff decodes it, by `tiffcp -c none` and our own reading of what is not coded.
fn by_libtiff(desk: &Desk, file: &str, page: &Page) -> Page {
    let plain = desk.path("plain.tif");
    run("tiffcp", "libtiff-tools", &["-c", "none", file, &plain]);
    let mut pages = read(&plain);
    assert_eq!(pages.len(), 1);
    let found = pages.remove(0);
    assert_eq!((found.coding, found.page.resolution), (None, page.resolution));
    found.page
}

#[test]
#[ignore = "peer: run through tests/run"]
fn libtiff_reads_every_page_that_we_write_in_every_coding() {
    let desk = Desk::new();
    let mut read = 0;
    for (name, page) in pages() {
        for coding in CODINGS {
            if too_busy(&page) && coding != Coding::Mmr {
                continue;
            }
            let file = desk.tiff("ours.tif", &[&page], coding);
            assert!(by_libtiff(&desk, &file, &page) == page, "{name} {coding:?}");
            read += 1;
        }
    }
    println!("{read} files");
    assert!(read > 20, "{read}");
}

#[test]
#[ignore = "peer: run through tests/run"]
fn libtiff_has_nothing_to_say_against_a_file_of_many_pages_and_its_comparer_finds_no_difference_between_codings() {
    let desk = Desk::new();
    let pages: Vec<Page> = pages().into_iter().map(|(_, page)| page).filter(|page| !too_busy(page)).collect();
    let pages: Vec<&Page> = pages.iter().collect();
    let files: Vec<String> = CODINGS.iter().enumerate().map(|(n, coding)| desk.tiff(&format!("{n}.tif"), &pages, *coding)).collect();
    let kind = ["Group 3 Options: EOL padding", "Group 3 Options: 2-d encoding+EOL padding", "CCITT Group 4"];
    for (file, kind) in files.iter().zip(kind) {
        let told = String::from_utf8(silent("tiffinfo", "libtiff-tools", &["-D", file])).unwrap();
        for (word, times) in
            [(kind, pages.len()), ("FillOrder: lsb-to-msb", pages.len()), ("min-is-white", pages.len()), ("204, 98 pixels/inch", 1)]
        {
            assert_eq!(told.matches(word).count(), times, "{word} in {told}");
        }
        assert!(told.contains(&format!("Page Number: {}-{}", pages.len() - 1, pages.len())), "{told}");
        let compared = String::from_utf8(silent("tiffcmp", "libtiff-tools", &["-t", &files[0], file])).unwrap();
        // It names the directories, and T4Options where that is another; of a pel it would say where.
        let fine = |line: &str| line.starts_with("Directory ") || line.starts_with("Group3Options: ") || line.starts_with("Compression: ");
        assert!(compared.lines().count() >= pages.len() - 1 && compared.lines().all(fine), "{compared}");
    }
}

#[test]
#[ignore = "peer: run through tests/run"]
fn every_file_that_libtiff_writes_is_read_whatever_its_coding_order_photometric_and_strips() {
    let desk = Desk::new();
    let mut files = 0;
    for (name, page) in pages() {
        let bare = desk.pbm("page.pbm", &page);
        for photometric in ["-miniswhite", "-minisblack"] {
            let (x, y) = (page.resolution.x.to_string(), page.resolution.y.to_string());
            let plain = desk.path("plain.tif");
            let made = run("pnmtotiff", "netpbm", &["-none", photometric, "-xresolution", &x, "-yresolution", &y, &bare]);
            std::fs::write(&plain, made).unwrap();
            let ways: &[&[&str]] =
                &[&["-f", "msb2lsb"], &["-f", "lsb2msb", "-B"], &["-r", "100", "-f", "lsb2msb"], &["-r", "7", "-L"], &["-r", "100000"]];
            // Every page in every coding; two pages also in every other way.
            let all = name == "dense" || name == "odd";
            for way in ways.iter().take(if all { ways.len() } else { usize::from(photometric == "-miniswhite") }) {
                for coding in ["none", "packbits", "g3:1d", "g3:1d:fill", "g3:2d", "g3:2d:fill", "g4"] {
                    let file = desk.path("theirs.tif");
                    run("tiffcp", "libtiff-tools", &[*way, &["-c", coding, &plain, &file]].concat());
                    let found = read(&file);
                    assert_eq!(found.len(), 1, "{name} {way:?} {coding}");
                    assert!(found[0].page == page, "{name} {photometric} {way:?} {coding}: {:?}", (found[0].damage, &found[0].notes));
                    assert_eq!((found[0].damage.bad_rows, found[0].notes.len()), (0, 0), "{name} {way:?} {coding}: {:?}", found[0].notes);
                    assert_eq!(found[0].coding.is_none(), ["none", "packbits"].contains(&coding));
                    files += 1;
                }
            }
        }
    }
    println!("{files} files");
    assert!(files > 200, "{files}");
}

#[test]
#[ignore = "peer: run through tests/run"]
fn fax2tiff_makes_of_our_raw_data_a_file_with_our_rows_and_we_read_it() {
    let desk = Desk::new();
    for (name, page) in pages() {
        for (coding, input, output) in [
            (Coding::Mh, ["-3", "-1"], ["-7", "-5"]),
            (Coding::Mr { k: 4 }, ["-3", "-2"], ["-7", "-6"]),
            (Coding::Mmr, ["-4", "-M"], ["-8", "-m"]),
        ] {
            if too_busy(&page) && coding != Coding::Mmr {
                continue;
            }
            let (bits, file) = (desk.path("page.raw"), desk.path("page.tif"));
            raw::write(&page, coding, File::create(&bits).unwrap()).unwrap();
            let (width, rows) = (page.width().to_string(), page.resolution.y.to_string());
            let common = ["-M", "-X", &width, "-R", &rows, "-o", &file];
            // It grumbles at the end of the page, which it takes for rows.
            run("fax2tiff", "libtiff-tools", &[&input[..], &output[..], &common, &[&bits]].concat());
            let found = read(&file).remove(0).page;
            assert!(found.height() >= page.height() && found.height() <= page.height() + 6, "{name} {coding:?}: {}", found.height());
            assert!(found.rows().zip(page.rows()).all(|(a, b)| a == b), "{name} {coding:?}");
            assert!(found.width() == page.width());
        }
    }
}

#[test]
#[ignore = "peer: run through tests/run"]
fn netpbm_reads_our_pbm_and_raw_mh_and_our_tiff_and_we_read_what_it_writes() {
    let desk = Desk::new();
    for (name, page) in pages() {
        let ours = desk.pbm("ours.pbm", &page);
        // Through netpbm and back: as digits, and packed.
        for flag in [&["-plain"][..], &[]] {
            let theirs = desk.path("theirs.pbm");
            std::fs::write(&theirs, run("pnminvert", "netpbm", &[flag, &[&ours]].concat())).unwrap();
            let turned = read_pbm(&theirs, page.resolution).remove(0);
            let mut back = Page::new(page.width(), page.resolution);
            turned.rows().for_each(|row| back.push(&row.iter().map(|w| !w).collect::<Vec<_>>()));
            assert!(back == page, "{name} {flag:?}");
        }
        for coding in [Coding::Mmr, Coding::Mh] {
            if coding == Coding::Mh && too_busy(&page) {
                continue;
            }
            let file = desk.tiff("ours.tif", &[&page], coding);
            let theirs = desk.path("theirs.pbm");
            std::fs::write(&theirs, run("tifftopnm", "netpbm", &[&file])).unwrap();
            assert!(read_pbm(&theirs, page.resolution).remove(0) == page, "{name} {coding:?}");
        }
    }
}

#[test]
#[ignore = "peer: run through tests/run"]
fn imagemagick_reads_ours_and_writes_files_that_we_read() {
    let desk = Desk::new();
    let page = chart("dense", &Form::new(Width::A4, Resolution::FINE).unwrap()).unwrap();
    for coding in CODINGS {
        let (file, theirs) = (desk.tiff("ours.tif", &[&page], coding), desk.path("theirs.pbm"));
        silent("convert", "imagemagick", &[&file, &theirs]);
        assert!(read_pbm(&theirs, page.resolution).remove(0) == page, "{coding:?}");
    }
    let ours = desk.pbm("ours.pbm", &page);
    for (compression, endian) in [("fax", "lsb"), ("group4", "msb"), ("none", "msb"), ("rle", "lsb")] {
        let theirs = desk.path("theirs.tif");
        let endian = format!("tiff:endian={endian}");
        let arguments =
            ["-density", "204x196", "-units", "PixelsPerInch", &ours, &ours, "-compress", compression, "-define", &endian, &theirs];
        silent("convert", "imagemagick", &arguments);
        let found = read(&theirs);
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|f| f.page == page), "{compression}: {:?}", found[0].notes);
    }
}

#[test]
#[ignore = "peer: run through tests/run"]
fn tiff2pdf_takes_our_strips_as_they_are() {
    let desk = Desk::new();
    let page = chart("text", &Form::new(Width::A4, Resolution::FINE).unwrap()).unwrap();
    let (file, document) = (desk.tiff("ours.tif", &[&page, &page], Coding::Mmr), desk.path("theirs.pdf"));
    silent("tiff2pdf", "libtiff-tools", &["-o", &document, &file]);
    let list = String::from_utf8(silent("pdfimages", "poppler-utils", &["-list", &document])).unwrap();
    assert_eq!(list.lines().filter(|l| l.contains("1728  2292") && l.contains("ccitt")).count(), 2, "{list}");
}

/// HylaFAX's programs out of its Debian package, which wants to be configured when it is installed.
fn hylafax(desk: &Desk) -> PathBuf {
    let dir = desk.0.path().to_owned();
    let got =
        Command::new(peer("apt-get", "apt")).args(["download", "hylafax-server", "hylafax-client"]).current_dir(&dir).output().unwrap();
    assert!(got.status.success(), "hylafax-server cannot be fetched: {}", String::from_utf8_lossy(&got.stderr));
    let packages = std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "deb"));
    packages.for_each(|package| drop(run("dpkg", "dpkg", &["-x", package.to_str().unwrap(), dir.to_str().unwrap()])));
    dir.join("usr/lib/hylafax")
}

#[test]
#[ignore = "peer: run through tests/run"]
fn hylafax_sends_our_files_as_they_are() {
    let desk = Desk::new();
    let home = hylafax(&desk);
    let ask = |program: &str, arguments: &[&str]| {
        let done = Command::new(home.join("bin").join(program)).args(arguments).env("LD_LIBRARY_PATH", &home).output().unwrap();
        assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    for (resolution, rows) in [(Resolution::STANDARD, "98"), (Resolution::FINE, "196"), (Resolution::SUPERFINE, "391")] {
        let page = chart("text", &Form::new(Width::A4, resolution).unwrap()).unwrap();
        for (coding, flag, format) in [(CODINGS[0], "-1", "1-D MH"), (CODINGS[1], "-2", "2-D MR"), (CODINGS[2], "-3", "2-D MMR")] {
            let file = desk.tiff("ours.tif", &[&page, &page], coding);
            // A sheet of our chart is 297.03 mm at 196 rows an inch, and the program counts whole ones.
            assert_eq!(ask("tiffcheck", &[flag, "-r", rows, "-l", "298", &file]), "OK\n", "{coding:?}");
            let told = ask("faxinfo", &[&file]);
            assert!(told.contains("Pages: 2") && told.contains("1728 by") && told.contains(format), "{told}");
        }
    }
    let wide = chart("text", &Form::new(Width::B4, Resolution::FINE).unwrap()).unwrap();
    let file = desk.tiff("ours.tif", &[&wide], Coding::Mmr);
    assert!(ask("tiffcheck", &["-3", "-r", "196", "-l", "298", &file]).contains("RESIZE"), "it would say so if it did not like a file");
}

//! What others make of the PDFs of `molink convert`: poppler, qpdf and libtiff see the same pels, tesseract reads the words.

use crate::support::{House, peer, text};
use image::codecs::jpeg::JpegEncoder;
use molink::paper::chart::{PAGES, chart};
use molink::paper::{Form, Resolution, Width};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(300);
/// Of the words of a text, so many in a hundred must be read.
const ENOUGH: usize = 97;

const ENGLISH: &str = "\
Dear Mr. Chairman,

I have the honor to acknowledge the receipt of your message of yesterday about
the direct line of communication between our two governments. The equipment has
been tested every hour, day and night, since the thirtieth of August, and both
circuits are in order. The technicians of the two sides exchange texts of their
own choice; ours are taken from books, and contain nothing of importance.

We propose that the next meeting of the experts should discuss the following
points, which were left open when the memorandum was signed in Geneva:

   1. the replacement of the wire circuit by a second one over satellites;
   2. the transmission of pictures and maps beside the printed text;
   3. the supply of key tapes for the following year.

It would be of great help if the list of members of your delegation could reach
us before the end of the month, together with the names of those who will bring
the apparatus. Rooms will be reserved for them in the same building as before.

I take this opportunity to assure you that the link has proved its worth. It is
a small machine in a quiet room, and nobody wishes that it should ever be used;
but it is good to know that it works, and that there is somebody at the far end
who reads what is written and answers it with care.

The rules of the service remain as they were. Each side writes in its own language
and in its own letters, so that no meaning is lost on the way; each answers every
hour, and each keeps what it has received until the other says that it has read
it. If a line should be cut, the other one is used without waiting for orders. The
officers on watch may ask one another for a repetition, and for nothing else.

Please accept the assurances of my highest consideration, and my best wishes
for the health of everybody who keeps watch at your end of the line.

Yours sincerely,

The President
";

const RUSSIAN: &str = "\
Уважаемый господин Президент!

Подтверждаю получение Вашего послания о линии прямой связи между столицами.
Аппаратура проверяется каждый час, днем и ночью, и обе линии исправны. Дежурные
передают друг другу тексты по своему выбору: отрывки из книг и описания погоды.

Предлагаем обсудить на следующей встрече специалистов передачу карт и рисунков,
замену проводной линии второй линией через спутники, а также снабжение лентами
на будущий год. Просим сообщить состав делегации до конца месяца.

С глубоким уважением,
Председатель
";

fn convert(house: &House, line: &str) {
    let args: Vec<&str> = std::iter::once("convert").chain(line.split(' ')).collect();
    let done = house.run(&args, LONG);
    assert_eq!((done.status.code(), text(&done.stderr).as_str()), (Some(0), ""), "{line}");
}

fn run(house: &House, program: &str, package: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(peer(program, package));
    command.args(arguments).current_dir(&house.dir).env("OMP_THREAD_LIMIT", "1");
    let done = house.end(command, program, LONG);
    assert!(done.status.success(), "{program} {arguments:?}: {}", text(&done.stderr));
    text(&done.stdout)
}

fn bytes(house: &House, name: &str) -> Vec<u8> {
    std::fs::read(house.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// A page as a viewer shows it, as a grey picture of so many pels an inch.
fn shown(house: &House, pdf: &str, inch: u32, what: &str) -> PathBuf {
    run(house, "pdftoppm", "poppler-utils", &["-r", &inch.to_string(), "-gray", "-cropbox", "-singlefile", pdf, what]);
    house.path(&format!("{what}.pgm"))
}

fn words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| w.chars().count() > 2).map(str::to_lowercase).collect()
}

/// Reads a page, and wants nearly all words of the text.
fn reads(house: &House, pdf: &str, language: &str, original: &str) {
    let picture = shown(house, pdf, 300, "read");
    let read = words(&run(house, "tesseract", "tesseract-ocr", &[picture.to_str().unwrap(), "-", "-l", language]));
    let wanted = words(original);
    let missed: Vec<&String> = wanted.difference(&read).collect();
    let share = 100 * (wanted.len() - missed.len()) / wanted.len();
    println!("{pdf}: {} of {} words read ({share} %)", wanted.len() - missed.len(), wanted.len());
    assert!(share >= ENOUGH, "{pdf}: {share} % of the words; not {missed:?}");
}

/// It is sound, of fax images, and an A4 sheet.
fn is_a_fax_on_a4(house: &House, pdf: &str) {
    assert!(run(house, "qpdf", "qpdf", &["--check", pdf]).contains("No syntax or stream encoding errors"));
    let info = run(house, "pdfinfo", "poppler-utils", &[pdf]);
    assert!(info.contains("(A4)") && info.contains("PDF version:     1.4") && !info.contains("PDF/X"), "{info}");
    let images = run(house, "pdfimages", "poppler-utils", &["-list", pdf]);
    let coded: Vec<&str> = images.lines().skip(2).filter(|l| l.split_whitespace().nth(8) == Some("ccitt")).collect();
    assert!(!coded.is_empty() && coded.len() == images.lines().count() - 2, "{images}");
}

#[test]
#[ignore = "peer: run through tests/run"]
fn a_letter_is_a_small_pdf_that_is_read_word_by_word() {
    let house = House::new();
    assert!((1_800..=2_000).contains(&ENGLISH.chars().count()), "{}", ENGLISH.chars().count());
    for (name, language, original) in [("english", "eng", ENGLISH), ("russian", "rus", RUSSIAN)] {
        house.file(&format!("{name}.txt"), original);
        convert(&house, &format!("{name}.txt {name}.pdf --title Записка"));
        is_a_fax_on_a4(&house, &format!("{name}.pdf"));
        assert!(run(&house, "pdfinfo", "poppler-utils", &[&format!("{name}.pdf")]).contains("Title:           Записка"));
        println!("{name}.pdf: {} bytes", bytes(&house, &format!("{name}.pdf")).len());
        assert!(bytes(&house, &format!("{name}.pdf")).len() < 60_000);
        reads(&house, &format!("{name}.pdf"), language, original);
        convert(&house, &format!("{name}.txt {name}-std.pdf --resolution standard"));
        is_a_fax_on_a4(&house, &format!("{name}-std.pdf"));
        reads(&house, &format!("{name}-std.pdf"), language, original);
    }
}

/// Left, right, top and bottom of what is dark, in thousandths of the picture.
fn extent(picture: &PathBuf) -> [usize; 4] {
    let grey = image::open(picture).unwrap().into_luma8();
    let (w, h) = grey.dimensions();
    let dark: Vec<(u32, u32)> = grey.enumerate_pixels().filter(|(.., p)| p.0[0] < 128).map(|(x, y, _)| (x, y)).collect();
    let ends = |of: Vec<u32>, all: u32| [of.iter().min(), of.iter().max()].map(|v| *v.unwrap() as usize * 1000 / all as usize);
    let ([left, right], [top, bottom]) = (ends(dark.iter().map(|d| d.0).collect(), w), ends(dark.iter().map(|d| d.1).collect(), h));
    [left, right, top, bottom]
}

#[test]
#[ignore = "peer: run through tests/run"]
fn a_standard_page_has_the_proportions_of_a_fine_one() {
    let house = House::new();
    house.file("letter.txt", ENGLISH);
    let mut extents = vec![];
    for resolution in ["standard", "fine", "superfine"] {
        let pdf = format!("{resolution}.pdf");
        convert(&house, &format!("letter.txt {pdf} --resolution {resolution}"));
        is_a_fax_on_a4(&house, &pdf);
        extents.push(extent(&shown(&house, &pdf, 150, resolution)));
    }
    println!("{extents:?} thousandths of the sheet");
    for other in &extents[1..] {
        assert!(extents[0].iter().zip(other).all(|(a, b)| a.abs_diff(*b) <= 3), "{extents:?}");
    }
}

#[test]
#[ignore = "peer: run through tests/run"]
fn a_viewer_at_the_faxs_resolution_shows_every_pel() {
    let house = House::new();
    for (resolution, name) in [(Resolution::FINE, "fine"), (Resolution::STANDARD, "standard"), (Resolution::SUPERFINE, "superfine")] {
        for width in [Width::A4, Width::B4, Width::A3] {
            let form = Form::new(width, resolution).unwrap();
            for page in PAGES.iter().filter(|p| **p != "noise" || width == Width::A4) {
                let drawn = chart(page, &form).unwrap();
                let mut rows = format!("P4\n{} {}\n", drawn.width(), drawn.height()).into_bytes();
                (0..drawn.height()).for_each(|y| drawn.pack(y, &mut rows));
                house.file("in.pbm", &rows);
                convert(&house, &format!("in.pbm out.pdf --resolution {name}"));
                let (x, y) = (resolution.x.to_string(), resolution.y.to_string());
                run(&house, "pdftoppm", "poppler-utils", &["-rx", &x, "-ry", &y, "-mono", "-singlefile", "out.pdf", "seen"]);
                assert!(bytes(&house, "seen.pbm") == rows, "{page} at {name}, {width:?}");
            }
        }
    }
}

#[test]
#[ignore = "peer: run through tests/run"]
fn a_scan_of_a_letter_is_read_word_by_word() {
    let house = House::new();
    house.file("letter.txt", ENGLISH);
    convert(&house, "letter.txt letter.pdf --resolution superfine");
    let mut scan = image::open(shown(&house, "letter.pdf", 200, "scan")).unwrap().into_luma8();
    // Paper that is not white and darkens to one side, ink that is not black, and a sensor's noise.
    let (wide, mut state) = (scan.width(), 1u32);
    for (x, _, pel) in scan.enumerate_pixels_mut() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let paper = 235 - 35 * x / wide;
        let ink = u32::from(pel.0[0]) * (paper - 60) / 255 + 60;
        pel.0[0] = (ink + (state >> 28)).saturating_sub(8).min(255) as u8;
    }
    let mut jpeg = vec![];
    JpegEncoder::new_with_quality(&mut jpeg, 75).encode_image(&scan).unwrap();
    house.file("scan.jpg", &jpeg);
    for resolution in ["fine", "standard"] {
        convert(&house, &format!("scan.jpg {resolution}.pdf --resolution {resolution}"));
        is_a_fax_on_a4(&house, &format!("{resolution}.pdf"));
        println!("{resolution}.pdf: {} bytes", bytes(&house, &format!("{resolution}.pdf")).len());
        reads(&house, &format!("{resolution}.pdf"), "eng", ENGLISH);
    }
}

#[test]
#[ignore = "peer: run through tests/run"]
fn a_pdf_of_real_text_is_read_word_by_word() {
    let house = House::new();
    let lines: String = ENGLISH.lines().map(|line| format!("({line}) '\n").replace("(   ", "(      ")).collect();
    let content = format!("BT /F 11 Tf 15 TL 70 780 Td\n{lines}ET");
    let objects = [
        "<</Type/Catalog /Pages 2 0 R>>".to_owned(),
        "<</Type/Pages /Kids[3 0 R] /Count 1>>".into(),
        "<</Type/Page /Parent 2 0 R /MediaBox[0 0 595.28 841.89] /Contents 4 0 R /Resources<</Font<</F 5 0 R>>>>>>".into(),
        format!("<</Length {}>>\nstream\n{content}\nendstream", content.len()),
        "<</Type/Font /Subtype/Type1 /BaseFont/Times-Roman>>".into(),
    ];
    house.file("note.pdf", crate::convert_bad::pdf(&objects.map(String::into_bytes)));
    for resolution in ["fine", "standard"] {
        convert(&house, &format!("note.pdf {resolution}.pdf --resolution {resolution}"));
        is_a_fax_on_a4(&house, &format!("{resolution}.pdf"));
        reads(&house, &format!("{resolution}.pdf"), "eng", ENGLISH);
    }
}

#[test]
#[ignore = "peer: run through tests/run"]
fn a_pdf_of_libtiffs_comes_back_pel_for_pel_and_takes_the_strip_as_it_is() {
    let house = House::new();
    house.file("letter.txt", ENGLISH);
    convert(&house, "letter.txt mine.tif");
    convert(&house, "mine.tif mine.pbm");
    for (coding, options) in [("g4", "g4"), ("mh", "g3:1d"), ("mr", "g3:2d:fill")] {
        run(&house, "tiffcp", "libtiff-tools", &["-c", options, "-r", "10000", "mine.tif", "theirs.tif"]);
        run(&house, "tiff2pdf", "libtiff-tools", &["-o", "theirs.pdf", "theirs.tif"]);
        convert(&house, "theirs.pdf back.pbm");
        assert!(bytes(&house, "back.pbm") == bytes(&house, "mine.pbm"), "{coding}");
    }
    // A T.6 strip of a TIFF goes into the PDF as it is.
    run(&house, "tiffcp", "libtiff-tools", &["-c", "g4", "-r", "10000", "-f", "msb2lsb", "mine.tif", "strip.tif"]);
    convert(&house, "strip.tif strip.pdf");
    run(&house, "pdfimages", "poppler-utils", &["-ccitt", "strip.pdf", "strip"]);
    let code = bytes(&house, "strip-000.ccitt");
    assert!(code.len() > 1_000 && bytes(&house, "strip.tif").windows(code.len()).any(|w| w == code));
}

/// A disk of 256 KiB of its own, in a namespace of its own, with the command on it: what is told, and what lies there afterwards.
fn on_a_small_disk(house: &House, line: &str) -> String {
    std::fs::create_dir_all(house.path("small")).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=256k tmpfs small || exit 99; cp small.pbm small/; \"$0\" convert {line} 2>&1; echo \"code $?\"; ls -A small; df --output=used small"
    );
    let mut unshare = Command::new(peer("unshare", "util-linux"));
    house.clean(&mut unshare).args(["-U", "-r", "-m", "sh", "-c", &script]).arg(house.program());
    let done = house.end(unshare, line, LONG);
    assert!(done.status.success(), "a disk cannot be mounted: {}", text(&done.stderr));
    text(&done.stdout)
}

#[test]
#[ignore = "peer: run through tests/run"]
fn a_disk_that_is_full_indeed_is_told_and_what_was_there_stays() {
    let house = House::new();
    let noise = chart("noise", &Form::new(Width::A4, Resolution::FINE).unwrap()).unwrap();
    let mut pbm = vec![];
    molink::fax::pbm::write(&noise, &mut pbm).unwrap();
    house.file("noise.pbm", &pbm);
    house.file("small.pbm", "P1\n8 1\n10101010\n");
    let before = on_a_small_disk(&house, "--help > /dev/null");
    let used = before.lines().last().unwrap().to_owned();
    for out in ["out.pdf", "out.tif", "out.pbm", "out.g4", "small.pbm"] {
        let told = on_a_small_disk(&house, &format!("noise.pbm small/{out}"));
        let lines: Vec<&str> = told.lines().collect();
        assert!(lines[0].contains("cannot be written: No space left on device"), "{out}: {told}");
        assert_eq!(lines[1..3], ["code 1", "small.pbm"], "{told}");
        assert_eq!(*lines.last().unwrap(), used, "and no byte of it: {told}");
    }
    let told = on_a_small_disk(&house, "small.pbm small/out.tif");
    assert!(told.contains("code 0\nout.tif\nsmall.pbm"), "what fits is made: {told}");
}

#[test]
#[ignore = "full: run through tests/run --full"]
fn full_five_hundred_pages_become_a_pdf_within_three_and_a_half_times_its_size() {
    let house = House::new();
    let form = Form::new(Width::A4, Resolution::FINE).unwrap();
    let mut rows = vec![];
    for name in ["text", "dense", "runs"] {
        let page = chart(name, &form).unwrap();
        rows.extend(format!("P4\n{} {}\n", page.width(), page.height()).into_bytes());
        (0..page.height()).for_each(|y| page.pack(y, &mut rows));
    }
    house.file("three.pbm", &rows);
    convert(&house, "three.pbm three.tif");
    let inputs = vec!["three.tif"; 167].join(" ");
    convert(&house, &format!("{inputs} many.tif --page-range 1-500"));
    let most = |program: &str, arguments: &[&str]| {
        let script = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
        let all = [&["-c", script, program], arguments].concat();
        run(&house, "python3", "python3", &all).trim().parse::<usize>().unwrap()
    };
    let program = house.program().display().to_string();
    let peak = most(&program, &["convert", "many.tif", "many.pdf"]);
    let theirs = most(peer("tiff2pdf", "libtiff-tools").to_str().unwrap(), &["-o", "theirs.pdf", "many.tif"]);
    let size = bytes(&house, "many.pdf").len() / 1024;
    println!("500 pages: {peak} KB for a PDF of {size} KB; tiff2pdf {theirs} KB");
    assert!(run(&house, "pdfinfo", "poppler-utils", &["many.pdf"]).contains("Pages:           500"));
    assert!(peak <= size * 7 / 2 + (32 << 10), "{peak} KB for {size} KB");
}

//! `molink convert` and inputs of the worst kind: what it says, that it ends, within how much memory, and that nothing is left behind.

use crate::support::{House, text};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(120);
/// KiB of addresses that each run gets: its own limits must hold below this.
const ADDRESSES: u32 = 1_800_000;

pub fn fixture(name: &str) -> Vec<u8> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "fixtures", name].iter().collect();
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A PDF of these objects, from 1; the first is the catalogue.
pub fn pdf(objects: &[Vec<u8>]) -> Vec<u8> {
    let (mut file, mut places) = (b"%PDF-1.7\n".to_vec(), vec![]);
    for (n, object) in objects.iter().enumerate() {
        places.push(file.len());
        file.extend_from_slice(format!("{} 0 obj\n", n + 1).as_bytes());
        file.extend_from_slice(object);
        file.extend_from_slice(b"\nendobj\n");
    }
    let start = file.len();
    let mut rest = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    places.iter().for_each(|at| writeln!(rest, "{at:010} 00000 n ").unwrap());
    write!(rest, "trailer\n<</Size {} /Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1).unwrap();
    file.extend_from_slice(rest.as_bytes());
    file
}

fn stream(dict: &str, data: &[u8]) -> Vec<u8> {
    [format!("<<{dict} /Length {}>>\nstream\n", data.len()).as_bytes(), data, b"\nendstream"].concat()
}

/// One page with these entries, this content, and whatever objects follow from 5.
pub fn page(entries: &str, content: &[u8], more: &[Vec<u8>]) -> Vec<u8> {
    let mut objects = vec![
        b"<</Type/Catalog /Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages /Kids[3 0 R] /Count 1>>".to_vec(),
        format!("<</Type/Page /Parent 2 0 R /Contents 4 0 R {entries}>>").into_bytes(),
        stream("", content),
    ];
    objects.extend_from_slice(more);
    pdf(&objects)
}

const A4: &str = "/MediaBox[0 0 595.28 841.89]";

/// A PNG that says it has so many pels, and has a row's beginning.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    let mut out = vec![];
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_chunk(png::chunk::IDAT, &miniz_oxide::deflate::compress_to_vec_zlib(&[0; 100], 9)).unwrap();
    drop(writer);
    out
}

fn house() -> House {
    let house = House::new();
    house.file("letter.txt", "A letter.\n");
    for name in ["empty.pdf", "empty.tif", "empty.png", "empty.txt", "empty.pbm", "empty.g3"] {
        house.file(name, "");
    }
    for name in ["noise.pdf", "noise.tif", "noise.png", "noise.pbm"] {
        house.file(name, (0..4000u32).map(|n| (n * n / 7 % 251) as u8 | 1).collect::<Vec<_>>());
    }
    std::fs::create_dir(house.path("folder.pdf")).unwrap();
    house.file("latin1.txt", b"caf\xe9\n");
    house.file("locked.pdf", fixture("pdf/locked.pdf"));
    house.file("owner.pdf", fixture("pdf/owner.pdf"));
    house.file("disguised.tif", fixture("pdf/owner.pdf"));
    house
}

fn pdfs(house: &House) {
    let whole = fixture("pdf/owner.pdf");
    house.file("cut.pdf", &whole[..whole.len() / 3]);
    house.file("head.pdf", "%PDF-1.7\n");
    house.file("nopages.pdf", pdf(&[b"<</Type/Catalog /Pages 2 0 R>>".to_vec(), b"<</Type/Pages /Kids[] /Count 0>>".to_vec()]));
    house.file("round.pdf", pdf(&[b"<</Type/Catalog /Pages 2 0 R>>".to_vec(), b"<</Type/Pages /Kids[2 0 R] /Count 1>>".to_vec()]));
    house.file("zero.pdf", page("/MediaBox[0 0 0 0]", b"", &[]));
    house.file("nowhere.pdf", page("/MediaBox[0 0 100 100] /CropBox[200 200 300 300]", b"", &[]));
    house.file("huge.pdf", page("/MediaBox[0 0 1000000000 1000000000]", b"0 0 500000000 500000000 re f", &[]));
    house.file("thin.pdf", page("/MediaBox[0 0 1000000 1]", b"0 0 500000 1 re f", &[]));
    house.file("swapped.pdf", page("/MediaBox[595 842 0 0]", b"0 0 99 99 re f", &[]));
    house.file("endless.pdf", page("/MediaBox[0 0 99999999999999999999999999999999999999999 842]", b"", &[]));
    let count = pdf(&[
        b"<</Type/Catalog /Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages /Kids[3 0 R] /Count 2000000000>>".to_vec(),
        format!("<</Type/Page /Parent 2 0 R {A4}>>").into_bytes(),
    ]);
    house.file("count.pdf", count);
    let kids: String = (0..10_000).map(|n| format!("{} 0 R ", n + 3)).collect();
    let mut many = vec![b"<</Type/Catalog /Pages 2 0 R>>".to_vec(), format!("<</Type/Pages /Kids[{kids}] /Count 10000>>").into_bytes()];
    many.extend((0..10_000).map(|_| format!("<</Type/Page /Parent 2 0 R {A4}>>").into_bytes()));
    house.file("many.pdf", pdf(&many));
}

/// More than a thousand million zeros (RFC 1951 3.2.6): a zero, then copies of 258 of them, 13 bits each, so that 13 bytes repeat.
pub fn zeros() -> Vec<u8> {
    let copies = "1100010100000".repeat(24);
    let bits: Vec<u8> = format!("11000110000{copies}").bytes().map(|b| b - b'0').collect();
    let bytes: Vec<u8> = bits.chunks_exact(8).map(|eight| eight.iter().enumerate().map(|(n, bit)| bit << n).sum()).collect();
    [b"\x78\x9c".as_slice(), &bytes[..2], &bytes[2..15].repeat(600_000)].concat()
}

/// PDFs that want all memory, all stack or all time.
fn greedy(house: &House) {
    let nested = [b"[".repeat(300_000), b"]".repeat(300_000)].concat();
    house.file("nested.pdf", page(A4, &nested, &[]));
    let tree = [b"<</Type/Catalog /Pages 2 0 R /X ".as_slice(), &nested, b">>"].concat();
    house.file("nested-tree.pdf", pdf(&[tree, b"<</Type/Pages /Kids[] /Count 0>>".to_vec()]));
    let image = |wide: u32, high: u32, filter: &str, data: &[u8]| {
        let dict = format!("/Type/XObject /Subtype/Image /Width {wide} /Height {high} /BitsPerComponent 8 /ColorSpace/DeviceRGB {filter}");
        page(&format!("{A4} /Resources<</XObject<</I 5 0 R>>>>"), b"595 0 0 842 0 0 cm /I Do", &[stream(&dict, data)])
    };
    house.file("bomb.pdf", image(30_000, 30_000, "/Filter/FlateDecode", &zeros()));
    house.file("large.pdf", image(30_000, 30_000, "", b"short"));
    house.file("lying.pdf", image(2_000_000_000, 2_000_000_000, "", b"short"));
    let form = stream("/Type/XObject /Subtype/Form /BBox[0 0 9 9] /Resources<</XObject<</I 5 0 R>>>>", b"/I Do /I Do");
    house.file("forms.pdf", page(&format!("{A4} /Resources<</XObject<</I 5 0 R>>>>"), b"/I Do", &[form]));
    let fax = |how: &str, high: u32| {
        let dict = format!(
            "/Type/XObject /Subtype/Image /Width 1728 /Height {high} /BitsPerComponent 1 /ColorSpace/DeviceGray /Filter/CCITTFaxDecode /DecodeParms<<{how}>>"
        );
        page(&format!("{A4} /Resources<</XObject<</I 5 0 R>>>>"), b"q 595 0 0 842 0 0 cm /I Do Q", &[stream(&dict, &[0xff; 20])])
    };
    house.file("fax-short.pdf", fax("/K -1 /Columns 1728 /Rows 2292", 2292));
    house.file("fax-lying.pdf", fax("/K -1 /Columns 2000000000 /Rows -5", 2_000_000_000));
}

/// Command, exit code, what it says.
type Case = (&'static str, i32, &'static str);

fn check(house: &House, cases: &[Case]) {
    let mut wrong = String::new();
    for (line, code, says) in cases {
        let before = listed(house);
        let mut command = Command::new("sh");
        let limited = format!("ulimit -v {ADDRESSES}; exec \"$0\" convert {line}");
        house.clean(command.current_dir(&house.dir)).arg("-c").arg(limited).arg(house.program());
        let done = house.end(command, line, SOON);
        let said = text(&done.stderr);
        let sentence = said.lines().count() <= 1 && !said.contains("panicked");
        if done.status.code() != Some(*code) || !said.contains(says) || !sentence {
            writeln!(wrong, "{line}\n    {:?} {said}    and not {code} with `{says}`", done.status).unwrap();
        }
        if *code != 0 && listed(house) != before {
            writeln!(wrong, "{line}\n    left {:?}", listed(house)).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn listed(house: &House) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(&house.dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn wrong_uses_are_told_in_a_sentence_and_nothing_is_made() {
    let house = house();
    check(
        &house,
        &[
            ("nowhere.txt o.pdf", 2, "cannot read `nowhere.txt`"),
            ("letter.txt nowhere/o.pdf", 2, "`nowhere/o.pdf` cannot be written"),
            ("folder.pdf o.pdf", 2, "`folder.pdf`: it is a folder"),
            ("letter.txt folder.pdf", 2, "`folder.pdf`: it is a folder"),
            ("letter.txt letter.txt --to pdf", 2, "`letter.txt`: it is one of the inputs"),
            ("letter.txt o.doc", 2, "`o.doc`: its ending does not say what to make"),
            ("letter.txt -", 2, "standard output has no ending; give --to"),
            ("letter.txt - --to pdf --json", 2, "--json and the pages"),
            ("- - o.pdf", 2, "standard input is given twice"),
            ("letter.txt o.pdf --coding mh", 2, "--coding `mh` does not go with pdf"),
            ("letter.txt o.png --coding mh", 2, "--coding does not go with png"),
            ("letter.txt o.g3 --coding mmr", 2, "--coding `mmr` does not go with g3"),
            ("letter.txt o.pdf --page-range 2-", 2, "--page-range `2-`: the document ends with page 1"),
            ("letter.txt o.pdf --page-range 0", 2, "`0` is no range of pages"),
            ("letter.txt o.pdf --resolution 300", 2, "`300` is not known; give one of: standard, fine, superfine"),
            ("letter.txt letter.txt - --to png", 2, "it takes one page of this format"),
            ("letter.txt /dev/full --to pdf", 1, "`/dev/full` cannot be written: No space left on device"),
            ("letter.txt /dev/full --to tif", 1, "`/dev/full` cannot be written: No space left on device"),
        ],
    );
}

#[test]
fn empty_damaged_and_mistaken_files_are_named() {
    let house = house();
    check(
        &house,
        &[
            ("empty.pdf o.tif", 2, "`empty.pdf`: it is empty"),
            ("empty.tif o.pdf", 2, "`empty.tif`: it is empty"),
            ("empty.png o.pdf", 2, "`empty.png`: it is empty"),
            ("empty.txt o.pdf", 2, "`empty.txt`: it is empty"),
            ("empty.pbm o.pdf", 2, "`empty.pbm`: it is empty"),
            ("empty.g3 o.pdf", 2, "`empty.g3`: it is empty"),
            ("/dev/null o.pdf --from pdf", 2, "`/dev/null`: it is empty"),
            ("/dev/zero o.pdf --from txt --page-range 1", 2, "`/dev/zero`"),
            ("noise.pdf o.tif", 2, "`noise.pdf`: it is no PDF"),
            ("noise.tif o.pdf", 2, "`noise.tif`"),
            ("noise.png o.pdf", 2, "`noise.png`"),
            ("noise.pbm o.pdf", 2, "`noise.pbm`"),
            ("latin1.txt o.pdf", 2, "`latin1.txt`: it is not UTF-8 text (byte 0xE9 at offset 3)"),
            ("disguised.tif o.pdf", 2, "`disguised.tif`: it begins as a .pdf does"),
            ("letter.txt nowhere.tif o.pdf", 2, "cannot read `nowhere.tif`"),
            ("letter.txt noise.tif o.pdf", 2, "`noise.tif`"),
            ("letter.txt noise.tif o.png", 2, "`noise.tif`"),
        ],
    );
}

#[test]
fn pictures_of_all_sizes_are_made_or_refused() {
    let house = house();
    house.file("head.png", &png(10, 10)[..40]);
    house.file("one.pgm", b"P5 1 1 255\n\0");
    house.file("large.png", png(30_000, 30_000));
    house.file("wide.ppm", "P6 30000 30000 255\n");
    house.file("none.pgm", "P5 0 5 255\n");
    house.file("long.pbm", [b"P4 8 100000\n".as_slice(), &[0; 100_000]].concat());
    house.file("roll.pbm", [b"P4 1728 100000\n".as_slice(), &vec![0; 216 * 100_000]].concat());
    house.file("longer.pbm", "P4 1728 100001\n");
    house.file("wide.pbm", "P4 30000 30000\n");
    house.file("lying.pbm", "P4 1728 99999\nshort");
    check(
        &house,
        &[
            ("one.pgm one.pdf", 0, ""),
            ("head.png o.pdf", 2, "`head.png`"),
            ("large.png o.pdf", 2, "`large.png` is a picture of 30000 x 30000 pels"),
            ("wide.ppm o.pdf", 2, "`wide.ppm` is a picture of 30000 x 30000 pels"),
            ("none.pgm o.pdf", 2, "`none.pgm`"),
            ("long.pbm long.tif", 0, ""),
            ("roll.pbm roll.tif", 0, ""),
            ("roll.pbm o.pdf", 2, "longer than the 200 inches of a PDF's page"),
            ("longer.pbm o.pdf", 2, "`longer.pbm` page 1: height is 100001"),
            ("wide.pbm o.pdf", 2, "`wide.pbm` page 1: width is 30000"),
            ("lying.pbm o.pdf", 2, "`lying.pbm` page 1: row 1 of 99999"),
        ],
    );
}

#[test]
fn pdfs_that_are_locked_lying_or_cut_are_told_by_file_and_page() {
    let house = house();
    pdfs(&house);
    check(
        &house,
        &[
            ("locked.pdf o.tif", 2, "`locked.pdf`: it is locked with a password"),
            ("owner.pdf owner.tif", 0, ""),
            ("cut.pdf o.tif", 2, "`cut.pdf` page 1: its /Contents cannot be read; the file is damaged"),
            ("head.pdf o.tif", 2, "`head.pdf`: it is damaged: no page can be found"),
            ("nopages.pdf o.tif", 2, "`nopages.pdf`: it has no page"),
            ("round.pdf o.tif", 2, "`round.pdf`: it has no page"),
            ("zero.pdf o.tif", 2, "`zero.pdf` page 1: its box (/MediaBox and /CropBox) is 0.00 x 0.00 points"),
            ("nowhere.pdf o.tif", 2, "`nowhere.pdf` page 1: its box"),
            ("huge.pdf huge.tif", 0, ""),
            ("thin.pdf thin.tif", 0, ""),
            ("swapped.pdf swapped.tif", 0, ""),
            ("endless.pdf o.tif", 2, "`endless.pdf` page 1: its box (/MediaBox and /CropBox) is inf x 842.00 points"),
            ("count.pdf count.tif", 0, ""),
            ("many.pdf o.pdf", 2, "10000 pages, and a PDF takes 5000"),
            ("many.pdf few.pdf --page-range 9998-", 0, ""),
        ],
    );
}

#[test]
#[ignore = "seconds in a debug build: run through tests/run"]
fn pdfs_that_want_all_memory_or_stack_end_in_a_sentence() {
    let house = house();
    greedy(&house);
    check(
        &house,
        &[
            ("nested.pdf nested.tif", 0, ""),
            ("nested-tree.pdf o.tif", 2, "`nested-tree.pdf`"),
            ("bomb.pdf o.tif", 2, "`bomb.pdf` page 1: drawing it takes more than 1024 MiB of memory"),
            ("large.pdf large.tif", 0, ""),
            ("lying.pdf o.tif", 2, "`lying.pdf` page 1: drawing it takes more than 1024 MiB of memory"),
            ("forms.pdf forms.tif", 0, ""),
            ("fax-short.pdf fax-short.tif", 0, ""),
            ("fax-lying.pdf o.tif", 2, "`fax-lying.pdf` page 1: drawing it takes more than 1024 MiB of memory"),
        ],
    );
}

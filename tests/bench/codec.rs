//! How fast the fax codes are, beside libtiff in the same run: `cargo bench --bench codec -- DIR` takes every P4 PBM of a folder.
//!
//! Packed rows (1 = black, as in a PBM file) to raw codes and back; MSB first; MH and MR with an EOL before each row, no fill, no RTC, K = 4;
//! MMR with EOFB. Each figure is the best of many tries, the two programs taking turns. Without a folder: the pages of the test chart.
//! `--page NAME` takes one page; `--alone` leaves libtiff out; `--instructions` counts them instead, by callgrind, which no other
//! program on the machine disturbs; `--once mh|mr|mmr enc|dec TIMES` does one thing and is what callgrind watches.

#[path = "../peers/libtiff.rs"]
mod libtiff;

use libtiff::Libtiff;
use molink::fax::code::{Coding, Decoder, Encoder, Layout, ReadAs};
use molink::paper::form::{Form, Width};
use molink::paper::{Resolution, chart};
use molink::time::{Clock, Speed};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

const CODINGS: [(&str, Coding); 3] = [("mh", Coding::Mh), ("mr", Coding::Mr { k: 4 }), ("mmr", Coding::Mmr)];
/// Turns of each program, and how long each lasts at least, and of how many goes it is.
const TURNS: usize = 9;
const TURN_MICROS: u64 = 30_000;
const GOES: u32 = 6;

struct Sheet {
    name: String,
    width: usize,
    rows: usize,
    packed: Vec<u8>,
}

impl Sheet {
    fn stride(&self) -> usize {
        self.width.div_ceil(8)
    }
    fn pels(&self) -> f64 {
        (self.width * self.rows) as f64
    }
    fn blank(&self) -> bool {
        self.packed.iter().all(|b| *b == 0)
    }
}

fn layout(coding: Coding) -> Layout {
    Layout { eol: true, end: coding == Coding::Mmr, ..Layout::default() }
}
fn encode(sheet: &Sheet, coding: Coding, out: &mut Vec<u8>) {
    out.clear();
    let mut encoder = Encoder::new(coding, sheet.width, layout(coding));
    sheet.packed.chunks_exact(sheet.stride()).for_each(|row| encoder.packed(row, out));
    encoder.finish(out);
}
fn decode(sheet: &Sheet, coding: Coding, codes: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let read = ReadAs { rows: Some(sheet.rows), ..ReadAs::default() };
    let mut decoder = Decoder::new(coding, sheet.width, read);
    decoder.push_packed(codes, out);
    decoder.finish_packed(out);
}

/// Best nanoseconds of one go.
fn best(clock: &Clock, mut work: impl FnMut()) -> f64 {
    let (begun, mut best) = (clock.now().micros(), f64::MAX);
    let (mut times, mut goes) = (1, 0);
    loop {
        goes += 1;
        let at = clock.now().micros();
        (0..times).for_each(|_| work());
        let took = clock.now().micros() - at;
        if took < 1000 {
            times *= 2;
        } else {
            best = best.min(took as f64 * 1e3 / f64::from(times));
        }
        if clock.now().micros() - begun > TURN_MICROS && goes >= GOES && best < f64::MAX {
            return best;
        }
    }
}

struct Ratio {
    what: String,
    page: String,
    blank: bool,
    times: f64,
}

fn measure(sheet: &Sheet, name: &str, coding: Coding, peer: &mut Option<Libtiff>, ratios: &mut Vec<Ratio>) -> Result<(), String> {
    let clock = Clock::new(None, Speed::REAL);
    let (mut codes, mut back) = (vec![], vec![]);
    encode(sheet, coding, &mut codes);
    decode(sheet, coding, &codes, &mut back);
    if back != sheet.packed {
        return Err(format!("{} does not come back from {name}", sheet.name));
    }
    let (mut ours, mut theirs) = ([f64::MAX; 2], [f64::MAX; 2]);
    let (width, rows) = (sheet.width, sheet.rows);
    // Of libtiff's own codes, which are the same: else somebody is wrong.
    if let Some(peer) = peer {
        let made = peer.encode(name, width, rows, 1, &sheet.packed)?;
        if made.bytes != codes {
            return Err(format!("{} in {name}: {} bytes, libtiff {}", sheet.name, codes.len(), made.bytes.len()));
        }
    }
    let times = ((4e9 / 150.0) / sheet.pels()).clamp(f64::from(GOES), 50.0) as u32;
    for _ in 0..TURNS {
        ours[0] = ours[0].min(best(&clock, || encode(sheet, coding, &mut codes)));
        ours[1] = ours[1].min(best(&clock, || decode(sheet, coding, &codes, &mut back)));
        if let Some(peer) = peer {
            theirs[0] = theirs[0].min(peer.encode(name, width, rows, times, &sheet.packed)?.nanoseconds as f64);
            let answer = peer.decode(name, width, rows, times, &codes)?;
            if answer.rows == rows {
                theirs[1] = theirs[1].min(answer.nanoseconds as f64);
            }
        }
    }
    for (i, way) in ["enc", "dec"].into_iter().enumerate() {
        let speed = |nanoseconds: f64| sheet.pels() * 1e3 / nanoseconds;
        println!("molink,{name},{way},{},{:.0}", sheet.name, speed(ours[i]));
        if peer.is_some() && theirs[i] == f64::MAX {
            println!("libtiff,{name},{way},{},cannot read it", sheet.name);
        } else if peer.is_some() {
            println!("libtiff,{name},{way},{},{:.0}", sheet.name, speed(theirs[i]));
            let (what, page) = (format!("{name},{way}"), sheet.name.clone());
            ratios.push(Ratio { what, page, blank: sheet.blank(), times: theirs[i] / ours[i] });
        }
    }
    Ok(())
}

/// How many times as fast as libtiff: by page, and the geometric mean without blank pages.
fn tell(ratios: &[Ratio]) {
    for name in ["mh,enc", "mh,dec", "mr,enc", "mr,dec", "mmr,enc", "mmr,dec"] {
        let of: Vec<&Ratio> = ratios.iter().filter(|r| r.what == name).collect();
        let counted: Vec<f64> = of.iter().filter(|r| !r.blank).map(|r| r.times.ln()).collect();
        let pages: Vec<String> = of.iter().map(|r| format!("{} {:.2}", r.page, r.times)).collect();
        let mean = (counted.iter().sum::<f64>() / counted.len().max(1) as f64).exp();
        let least = of.iter().map(|r| r.times).fold(f64::MAX, f64::min);
        println!("ratio,{name},mean {mean:.2},least {least:.2},{}", pages.join(" "));
    }
}

fn read(path: &Path) -> Result<Sheet, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let (mut at, mut numbers) = (2, vec![]);
    while bytes.starts_with(b"P4") && numbers.len() < 2 && at < bytes.len() {
        if bytes[at] == b'#' {
            at += bytes[at..].iter().position(|b| *b == b'\n').unwrap_or(bytes.len());
        } else if bytes[at].is_ascii_digit() {
            let end = at + bytes[at..].iter().position(|b| !b.is_ascii_digit()).unwrap_or(0);
            numbers.push(String::from_utf8_lossy(&bytes[at..end]).parse::<usize>().map_err(|e| format!("{}: {e}", path.display()))?);
            at = end;
        } else {
            at += 1;
        }
    }
    let [width, rows] = numbers[..] else { return Err(format!("{} is no P4 PBM", path.display())) };
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let packed = bytes.get(at + 1..at + 1 + width.div_ceil(8) * rows).ok_or_else(|| format!("{} is cut off", path.display()))?;
    Ok(Sheet { name, width, rows, packed: packed.to_vec() })
}

fn sheets(folder: Option<&str>) -> Result<Vec<Sheet>, String> {
    let Some(folder) = folder else { return own() };
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{folder}: {e}"))?;
    let mut paths: Vec<_> =
        entries.filter_map(|e| e.ok().map(|e| e.path())).filter(|p| p.extension().is_some_and(|e| e == "pbm")).collect();
    paths.sort();
    if paths.is_empty() {
        return Err(format!("there is no *.pbm in {folder}"));
    }
    paths.iter().map(|path| read(path)).collect()
}

/// The project's own pages: the test chart's.
fn own() -> Result<Vec<Sheet>, String> {
    let form = Form::new(Width::A4, Resolution::FINE)?;
    let sheet = |name: &&str| {
        let page = chart::chart(name, &form)?;
        let mut packed = vec![];
        (0..page.height()).for_each(|y| page.pack(y, &mut packed));
        Ok(Sheet { name: (*name).into(), width: page.width(), rows: page.height(), packed })
    };
    chart::PAGES.iter().map(sheet).collect()
}

fn run() -> Result<(), String> {
    let mut arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let mut flag = |name: &str, values: usize| {
        let at = arguments.iter().position(|a| a == name)?;
        (arguments.len() > at + values).then(|| arguments.drain(at..=at + values).skip(1).collect::<Vec<_>>())
    };
    let (alone, count, once, page) = (flag("--alone", 0), flag("--instructions", 0), flag("--once", 3), flag("--page", 1));
    let mut sheets = sheets(arguments.first().map(String::as_str))?;
    sheets.retain(|sheet| page.as_ref().is_none_or(|page| page[0] == sheet.name));
    if let Some(what) = once {
        return do_once(&sheets, &what);
    }
    if count.is_some() {
        return instructions(&sheets);
    }
    let mut peer = match alone {
        Some(_) => None,
        None => Some(Libtiff::start()?),
    };
    let mut ratios = vec![];
    for sheet in &sheets {
        for (name, coding) in CODINGS {
            measure(sheet, name, coding, &mut peer, &mut ratios)?;
        }
    }
    if peer.is_some() {
        tell(&ratios);
    }
    Ok(())
}

/// Instructions a pel, of both programs: what two goes more cost.
fn instructions(sheets: &[Sheet]) -> Result<(), String> {
    let folder = std::env::temp_dir().join(format!("molink-codec-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let counted = sheets.iter().try_for_each(|sheet| count(sheet, &folder));
    std::fs::remove_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    counted
}
fn count(sheet: &Sheet, folder: &Path) -> Result<(), String> {
    let file = folder.join(format!("{}.pbm", sheet.name));
    let pbm = [format!("P4\n{} {}\n", sheet.width, sheet.rows).as_bytes(), &sheet.packed].concat();
    std::fs::write(&file, pbm).map_err(|e| format!("{}: {e}", file.display()))?;
    let own = std::env::current_exe().map_err(|e| e.to_string())?;
    let (folder, stride) = (folder.display().to_string(), sheet.stride());
    for (name, coding) in CODINGS {
        let mut codes = vec![];
        encode(sheet, coding, &mut codes);
        for (way, input) in [("enc", &sheet.packed), ("dec", &codes)] {
            let ours = |times: &str| callgrind(&own, &[&folder, "--page", &sheet.name, "--once", name, way, times], &[]);
            let theirs = |times: usize| {
                let head = format!("{way} {name} {} {} {times} {}\n", sheet.width, sheet.rows, input.len());
                callgrind(&libtiff::compiled()?, &[], &[head.as_bytes(), input].concat())
            };
            let each = |few: u64, more: u64| more.saturating_sub(few) as f64 / 2.0 / (stride * 8 * sheet.rows) as f64;
            println!("instructions,molink,{name},{way},{},{:.3}", sheet.name, each(ours("1")?, ours("3")?));
            println!("instructions,libtiff,{name},{way},{},{:.3}", sheet.name, each(theirs(1)?, theirs(3)?));
        }
    }
    std::fs::remove_file(&file).map_err(|e| format!("{}: {e}", file.display()))
}
fn callgrind(program: &Path, arguments: &[&str], input: &[u8]) -> Result<u64, String> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program).args(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let child = child.as_mut().map_err(|e| format!("cannot start valgrind ({e}): apt-get install valgrind"))?;
    if let Some(mut to) = child.stdin.take() {
        to.write_all(input).map_err(|e| format!("valgrind: {e}"))?;
    }
    let mut said = String::new();
    if let Some(mut from) = child.stderr.take() {
        from.read_to_string(&mut said).map_err(|e| format!("valgrind: {e}"))?;
    }
    child.wait().map_err(|e| format!("valgrind: {e}"))?;
    let count = said.lines().find_map(|line| line.split_once("Collected : ")).and_then(|(_, n)| n.trim().parse().ok());
    count.ok_or_else(|| format!("valgrind counted nothing: {said}"))
}

fn do_once(sheets: &[Sheet], what: &[String]) -> Result<(), String> {
    let [name, way, times] = what else { return Err("--once mh|mr|mmr enc|dec TIMES".into()) };
    let (_, coding) = CODINGS.into_iter().find(|(n, _)| n == name).ok_or("no such coding")?;
    let times: usize = times.parse().map_err(|e| format!("`{times}`: {e}"))?;
    let (mut codes, mut back) = (vec![], vec![]);
    for sheet in sheets {
        encode(sheet, coding, &mut codes);
        for _ in 0..times {
            match way.as_str() {
                "enc" => encode(sheet, coding, &mut codes),
                _ => decode(sheet, coding, &codes, &mut back),
            }
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("codec: {why}");
            ExitCode::FAILURE
        }
    }
}

//! Five hundred pages from TIFF to PDF and from TIFF to TIFF: pages a second and most memory, beside libtiff's `tiff2pdf` and `tiffcp` in one run.
//!
//! Standards: none. In: `cargo bench --bench convert -- [--pages N]`; python3 and libtiff-tools. Out: lines
//! `PROGRAM,INPUT,PAGES,PAGES/S,PEAK KB,OUTPUT KB`, the median of three rounds, interleaved. Pages are those of the chart, in turn.
//! Bounds: memory of the PDF at most 3.5 times the output and 32 MB. Shown by: itself.

use molink::fax::code::Coding;
use molink::fax::file::PageAbout;
use molink::fax::tiff;
use molink::paper::chart::{PAGES, chart};
use molink::paper::{Form, Resolution, Width};
use molink::time::{Clock, Speed};
use std::fs::File;
use std::path::Path;
use std::process::{Command, ExitCode};

const ROUNDS: usize = 3;
/// Runs a command to its end and prints its most memory, in KB.
const MEASURE: &str = "import resource, subprocess, sys\nsubprocess.run(sys.argv[1:], check=True)\nprint(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let pages = args.iter().position(|a| a == "--pages").and_then(|n| args.get(n + 1)?.parse().ok()).unwrap_or(500);
    match figures(pages) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("convert: {why}");
            ExitCode::FAILURE
        }
    }
}

fn figures(pages: usize) -> Result<bool, String> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let path = |name: &str| dir.path().join(name).display().to_string();
    let molink = env!("CARGO_BIN_EXE_molink");
    let mut sound = true;
    println!("program,input,pages,pages/s,peak KB,output KB");
    for coding in [Coding::Mmr, Coding::Mh] {
        let name = if coding == Coding::Mmr { "mmr.tif" } else { "mh.tif" };
        let (input, pdf, theirs, tif) = (path(name), path("out.pdf"), path("theirs.pdf"), path("out.tif"));
        made(Path::new(&input), coding, pages)?;
        let commands = [
            ("molink to pdf", vec![molink, "convert", &input, &pdf], &pdf),
            ("tiff2pdf", vec!["tiff2pdf", "-o", &theirs, &input], &theirs),
            ("molink to tif", vec![molink, "convert", &input, &tif], &tif),
            ("tiffcp", vec!["tiffcp", "-c", "g4", &input, &tif], &tif),
        ];
        let mut seen = vec![vec![]; commands.len()];
        for _ in 0..ROUNDS {
            for (n, (_, command, _)) in commands.iter().enumerate() {
                seen[n].push(measured(command)?);
            }
        }
        for ((program, _, out), mut runs) in commands.iter().zip(seen) {
            runs.sort_by(|a, b| a.0.total_cmp(&b.0));
            let ((seconds, _), peak) = (runs[ROUNDS / 2], runs.iter().map(|r| r.1).max().unwrap_or(0));
            let size = std::fs::metadata(out).map_err(|e| e.to_string())?.len() / 1024;
            println!("{program},{name},{pages},{:.0},{peak},{size}", pages as f64 / seconds);
            sound &= *program != "molink to pdf" || peak <= size * 7 / 2 + (32 << 10);
        }
    }
    Ok(sound)
}

/// Seconds, and most memory in KB.
fn measured(command: &[&str]) -> Result<(f64, u64), String> {
    let clock = Clock::new(None, Speed::REAL);
    let began = clock.now();
    let done = Command::new("python3").args(["-c", MEASURE]).args(command).output().map_err(|e| format!("python3: {e}"))?;
    let took = clock.now().since(began).as_secs_f64();
    let peak = String::from_utf8_lossy(&done.stdout).lines().last().and_then(|l| l.trim().parse().ok());
    peak.map(|peak| (took, peak)).ok_or_else(|| format!("{command:?}: {}", String::from_utf8_lossy(&done.stderr)))
}

fn made(path: &Path, coding: Coding, pages: usize) -> Result<(), String> {
    let form = Form::new(Width::A4, Resolution::FINE)?;
    let drawn = PAGES.iter().map(|name| chart(name, &form)).collect::<Result<Vec<_>, _>>()?;
    let file = File::create(path).map_err(|e| e.to_string())?;
    let options = tiff::WriteOptions { pages: pages as u16, ..tiff::WriteOptions::new(coding) };
    let mut writer = tiff::Writer::new(file, "in.tif", options);
    // Rows of MH with more changes than libtiff's reader takes would end its run.
    let drawn: Vec<_> = PAGES.iter().zip(drawn).filter(|(name, _)| !["noise", "alternate", "verticals"].contains(name)).collect();
    for n in 0..pages {
        writer.page(&drawn[n % drawn.len()].1, &PageAbout::default()).map_err(|e| e.to_string())?;
    }
    writer.finish().map(drop).map_err(|e| e.to_string())
}

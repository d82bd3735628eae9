//! `molink convert`: anything with pages made fax pages, and a file of them.
//!
//! Standards: see `paper` and `fax`. In: files, or a pipe. Out: one document; every output whole or not there at all.
//! Left out: sending it. Shown by: `docs/fax-pages.md`, `tests/it/convert.rs`, `fixtures/answers/convert.txt`.

mod apart;
mod files;
mod format;
mod input;
mod output;
mod progress;
mod report;

pub use apart::PdfApart;
pub(super) use apart::run as apart;

use super::Usage;
use crate::fax::code::Coding;
use crate::fax::kind::Kind;
use crate::fax::pdf::MOST_PAGES;
use crate::fax::range::Pages;
use crate::paper::letter::{header, heading};
use crate::paper::{About, Asked, Dither, Resolution, Width};
use crate::time::{Clock, Dtg, Speed};
use anyhow::Result;
use files::{Target, Workshop};
use input::{Input, Sheet};
use output::Output;
use progress::Progress;
use report::{Entry, Report};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Make fax pages of texts, pictures, PDFs and fax files, and files of fax pages
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  molink convert letter.txt letter.pdf
  molink convert letter.txt scan.png fax.tif
  molink convert fax.tif page.png --page-range 1-2
  molink convert scan.png - --to tif --coding mh > scan.tif
  molink convert page.g3 page.pdf --width a4 --json

What a file is, its ending says: txt, png, jpg, gif, bmp, webp, pgm, ppm, pdf,
tif, pbm, g3, g4, mh, mr, mmr are read; pdf, tif, pbm, png, g3, g4, mh, mr, mmr
are written. Several inputs become one document. A png, g3 or g4 holds one page:
more become OUT-001.png, OUT-002.png, ...

A black and white page as wide as a fax (1728, 2048, 2432 pels) passes as it is,
unless another --width or --resolution is asked for. All else is made A4, fine.

Taken at the most: a text of 3 MiB and 500 pages; a picture of 128 MiB and 100
million pels; a PDF of 128 MiB, read in a process of its own with 1 GiB and 30 s
a page; pages of 4864 pels and 100,000 rows; a PDF made of 5,000 pages and 256
MiB. Memory: 1 GiB for a picture, else 300 MiB and twice the PDF that is made.")]
pub struct Convert {
    /// What is read, in the order of its pages, and last what is made; `-` for a pipe
    #[arg(value_name = "IN... OUT", required = true)]
    files: Vec<PathBuf>,
    /// What the inputs are, where their endings do not say it
    #[arg(long, value_name = "FORMAT", value_parser = format::from)]
    from: Option<Kind>,
    /// What is made, where the ending of OUT does not say it
    #[arg(long, value_name = "FORMAT", value_parser = format::to)]
    to: Option<String>,
    /// mh, mr or mmr [default: mmr in a TIFF, mh in a g3]
    #[arg(long, value_name = "NAME", value_parser = format::coding)]
    coding: Option<Coding>,
    /// standard, fine or superfine [default: as it is, or fine]
    #[arg(long, value_name = "NAME", value_parser = resolution)]
    resolution: Option<Resolution>,
    /// a4, b4 or a3 [default: as it is, or a4]
    #[arg(long, value_name = "NAME", value_parser = width)]
    width: Option<Width>,
    /// auto, none, floyd or ordered: how grey becomes black and white
    #[arg(long, value_name = "NAME", value_parser = dither, default_value = "auto")]
    dither: Dither,
    /// A line with date, sender and page over each page
    #[arg(long, value_name = "on|off", value_parser = on, default_value = "off", action = clap::ArgAction::Set)]
    header: bool,
    /// The pages to take of all that are read, e.g. 2-5,7
    #[arg(long, value_name = "PAGES", default_value = "1-", allow_hyphen_values = true)]
    page_range: Pages,
    /// Title of a PDF [default: the first input's name]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Who sends it: for the header, a PDF's author, a TIFF's Artist
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    sender: String,
    /// When, e.g. 19630830T1600Z [default: as a TIFF has it; header: now]
    #[arg(long, value_name = "TIME")]
    date: Option<Dtg>,
    /// Tell on standard output, as JSON, what became of the pages
    #[arg(long)]
    json: bool,
}

fn one_of<T: Copy>(text: &str, of: &[(&str, T)]) -> Result<T, String> {
    let known: Vec<&str> = of.iter().map(|(name, _)| *name).collect();
    let found = of.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    found.ok_or_else(|| format!("`{text}` is not known; give one of: {}", known.join(", ")))
}

fn resolution(text: &str) -> Result<Resolution, String> {
    one_of(text, &[("standard", Resolution::STANDARD), ("fine", Resolution::FINE), ("superfine", Resolution::SUPERFINE)])
}

fn width(text: &str) -> Result<Width, String> {
    one_of(text, &[("a4", Width::A4), ("b4", Width::B4), ("a3", Width::A3)])
}

fn dither(text: &str) -> Result<Dither, String> {
    one_of(text, &[("auto", Dither::Auto), ("none", Dither::None), ("floyd", Dither::Floyd), ("ordered", Dither::Ordered)])
}

fn on(text: &str) -> Result<bool, String> {
    one_of(text, &[("on", true), ("off", false)])
}

pub(super) fn run(args: Convert) -> Result<ExitCode> {
    let Some((out, inputs)) = args.files.split_last().filter(|(_, inputs)| !inputs.is_empty()) else {
        let why = "`molink convert` needs what is read and what is made, as in `molink convert letter.txt letter.pdf`";
        return Err(Usage(why.into()).into());
    };
    let out_is_pipe = out.as_os_str() == "-";
    if inputs.iter().filter(|i| i.as_os_str() == "-").count() > 1 {
        return Err(Usage("standard input is given twice; there is only one".into()).into());
    }
    if args.json && out_is_pipe {
        return Err(Usage("--json and the pages cannot both go to standard output; give a file for the pages".into()).into());
    }
    let to = format::of_output(out, &files::shown(out), args.to.as_deref(), args.coding)?;
    let shop = Workshop::open()?;
    let there = there(inputs)?;
    Target::of(out, &there)?;
    let mut job = Job::begin(&args, inputs)?;
    let pages = job.total.map(|n| args.page_range.of(n));
    if let Some(pages) = pages.filter(|n| to == format::To::Pdf && *n > MOST_PAGES) {
        let shown = files::shown(out);
        return Err(Usage(format!(
            "{shown}: {pages} pages, and a PDF takes {MOST_PAGES}; write them in parts with --page-range, or as TIFF"
        ))
        .into());
    }
    let first = job.first()?;
    let about = job.about(&first, inputs);
    let mut output = Output::begin(shop, out, to, there, &about, pages)?;
    let mut progress = Progress::new(pages);
    let mut next = Some(first);
    while let Some(sheet) = next {
        job.give(sheet, &mut output, &progress)?;
        progress.step();
        next = job.next()?;
    }
    let files = output.finish()?;
    progress.end();
    if let Some(rest) = job.report.rest() {
        super::complain(&rest);
    }
    if args.json {
        say!("{}", job.report.json(&files, &format::named(to)));
    }
    Ok(ExitCode::SUCCESS)
}

/// Device and file number of the inputs, so that none is written over.
fn there(inputs: &[PathBuf]) -> Result<Vec<(u64, u64)>> {
    let mut found = vec![];
    for path in inputs.iter().filter(|i| i.as_os_str() != "-") {
        let there = std::fs::metadata(path).map_err(|e| Usage(format!("cannot read {}: {e}", files::shown(path))))?;
        if there.is_dir() {
            return Err(Usage(format!("{}: it is a folder; name the files in it", files::shown(path))).into());
        }
        found.push((there.dev(), there.ino()));
    }
    Ok(found)
}

/// The inputs, as one row of pages.
struct Job<'a> {
    args: &'a Convert,
    asked: Asked,
    left: std::slice::Iter<'a, PathBuf>,
    input: Option<Input>,
    /// Pages of the inputs, passed over ones too.
    page: usize,
    /// Pages of the input that is open.
    of_input: usize,
    /// Pages that were made.
    made: usize,
    total: Option<usize>,
    report: Report,
}

/// A page, and where it is from.
struct Next {
    sheet: Sheet,
    input: String,
    page: usize,
}

impl<'a> Job<'a> {
    fn begin(args: &'a Convert, inputs: &'a [PathBuf]) -> Result<Job<'a>> {
        let asked = Asked { width: args.width, resolution: args.resolution, dither: args.dither };
        let report = Report::new(args.json);
        let mut job = Job { args, asked, left: inputs.iter(), input: None, page: 0, of_input: 0, made: 0, total: None, report };
        job.open()?;
        job.total = match (&mut job.input, inputs) {
            (Some(input), [_]) => input.pages(),
            _ if args.header => job.counted(inputs)?,
            _ => None,
        };
        Ok(job)
    }
    fn open(&mut self) -> Result<()> {
        self.of_input = 0;
        let range = self.args.page_range.after(self.page);
        let open = |path: &PathBuf| input::open(path, self.args.from, self.asked, &range);
        self.input = self.left.next().map(open).transpose()?;
        Ok(())
    }
    /// How many pages all inputs have together, if that can be known before they are read.
    fn counted(&self, inputs: &[PathBuf]) -> Result<Option<usize>> {
        let mut sum = Some(0);
        for path in inputs {
            let pages = match path.as_os_str() == "-" {
                true => None,
                false => input::open(path, self.args.from, self.asked, &Pages::default().after(0))?.pages(),
            };
            sum = sum.zip(pages).map(|(a, b)| a + b);
        }
        Ok(sum)
    }
    /// The first page that is wanted; there must be one.
    fn first(&mut self) -> Result<Next> {
        match self.next()? {
            Some(next) => Ok(next),
            None if self.page == 0 => Err(Usage("there is no page in what was given".into()).into()),
            None => Err(Usage(format!("--page-range `{}`: the document ends with page {}", self.args.page_range, self.page)).into()),
        }
    }
    fn next(&mut self) -> Result<Option<Next>> {
        while let Some(input) = &mut self.input {
            if self.args.page_range.over(self.page + 1) {
                return Ok(None);
            }
            let wanted = self.args.page_range.wants(self.page + 1);
            match input.next(wanted).map_err(Usage)? {
                None => self.open()?,
                Some(sheet) => {
                    (self.page, self.of_input) = (self.page + 1, self.of_input + 1);
                    if let Some(sheet) = sheet {
                        return Ok(Some(Next { sheet, input: input.shown.clone(), page: self.of_input }));
                    }
                }
            }
        }
        Ok(None)
    }
    /// What the document says of itself.
    fn about(&self, first: &Next, inputs: &[PathBuf]) -> About {
        let stem = inputs.first().filter(|p| p.as_os_str() != "-").and_then(|p| Path::new(p).file_stem());
        let title = self.args.title.clone().or_else(|| stem.map(|s| s.to_string_lossy().into_owned())).unwrap_or_else(|| "fax".into());
        let author =
            if self.args.sender.is_empty() { first.sheet.about.sender.clone().unwrap_or_default() } else { self.args.sender.clone() };
        About { title, author, date: self.args.date.or(first.sheet.about.date.map(Dtg::of)) }
    }
    /// Makes the page what was asked for, and hands it to the output.
    fn give(&mut self, next: Next, output: &mut Output, progress: &Progress) -> Result<()> {
        let Next { mut sheet, input, page } = next;
        self.made += 1;
        let named = |why: String| Usage(format!("{input} page {page}: {why}"));
        if sheet.page.height() == 0 {
            return Err(named("it has no rows".into()).into());
        }
        let (made, note) = self.asked.fit(sheet.page).map_err(named)?;
        let kept = note.is_none() && !self.args.header;
        sheet.page = made;
        sheet.notes.extend(note);
        if self.args.header {
            header(&mut sheet.page, &self.line());
        }
        if !kept {
            sheet.t6 = None;
        }
        let about = output::about(&sheet, kept, &self.args.sender, self.args.date);
        output.page(&sheet, &about)?;
        let entry = Entry { input: &input, page, made: &sheet.page, damage: sheet.damage, notes: &sheet.notes, kept };
        self.report.page(&entry, |sentence| progress.tell(&sentence));
        Ok(())
    }
    /// The header's words.
    fn line(&self) -> String {
        let now = || {
            let clock = Clock::new(None, Speed::REAL);
            Dtg::of(clock.utc(clock.now()))
        };
        let date = self.args.date.unwrap_or_else(now);
        match self.total {
            Some(total) => heading(Some(date), &self.args.sender, self.made, self.args.page_range.of(total)),
            None => format!("{date}\t{}\tPAGE {}", self.args.sender, self.made),
        }
    }
}

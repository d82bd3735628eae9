//! A stranger's PDF is read in a process of its own, with little memory, time and stack: what it does to that process stays there.
//!
//! Standards: setrlimit(2): RLIMIT_AS, RLIMIT_CPU. In: a file, a form, a range. Out: pages as they come, or one sentence.
//! Between the two: lines (`scan …`, `grey …`, `note …`, `error …`, `end`), each page's bytes behind its line.
//! Left out: other kinds of file, whose readers are bounded themselves. Shown by: `tests/it/convert_bad.rs`.

use super::code::Damage;
use super::pdf::{self, Drawn, MOST_FILE};
use super::range::Pages;
use crate::paper::page::{MOST_ROWS, WIDEST};
use crate::paper::{Form, Grey, Page, Resolution, Width};
use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitCode, ExitStatus, Stdio};
use std::sync::OnceLock;

/// Memory of the process, bytes of addresses.
pub const MEMORY: u64 = 1 << 30;
/// Seconds of processor time to open a file, and again for each page.
pub const SECONDS: u64 = 30;
/// Stack of the thread that reads: deep nesting ends the process.
const STACK: usize = 64 << 20;
/// Longest line between the two.
const LINE: u64 = 4_000;

/// A PDF's pages, read apart.
pub struct Apart {
    child: Child,
    from: BufReader<ChildStdout>,
    /// How many pages there are.
    pub pages: usize,
    form: Form,
    notes: Vec<String>,
    most: Option<u64>,
}

/// What went wrong.
#[derive(Debug)]
pub struct Wrong {
    /// On which page; 0: with the file.
    pub page: usize,
    /// A sentence without the file's name.
    pub why: String,
    /// Whether it is this machine's fault and not the file's.
    pub ours: bool,
}

/// The file's fault.
fn wrong(page: usize, why: impl Into<String>) -> Wrong {
    Wrong { page, why: why.into(), ours: false }
}

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
    }
}

impl Apart {
    /// Opens a file; only the pages of `range` will be read, in `most` seconds of processor time for all of them, if that is given.
    pub fn open(file: File, form: Form, range: &Pages, most: Option<u64>) -> Result<Apart, Wrong> {
        let cannot = |e: io::Error| Wrong { page: 0, why: format!("the process that reads it cannot be started: {e}"), ours: true };
        let Form { width, resolution: Resolution { x, y } } = form;
        let width = Width::ALL.iter().position(|w| *w == width).unwrap_or(0);
        let mut child = Command::new(program().map_err(cannot)?)
            .args(["pdf-apart", &width.to_string(), &x.to_string(), &y.to_string(), &range.to_string()])
            .args(most.map(|n| n.to_string()))
            .stdin(Stdio::from(file))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(cannot)?;
        let out = child.stdout.take().ok_or_else(|| wrong(0, "the process that reads it has no output (a bug)"))?;
        let mut apart = Apart { child, from: BufReader::new(out), pages: 0, form, notes: vec![], most };
        let words = apart.line(0)?;
        match words.split_once(' ') {
            Some(("pages", n)) => apart.pages = n.parse().unwrap_or(0),
            _ => return Err(wrong(0, format!("the process that reads it said `{words}` (a bug)"))),
        }
        Ok(apart)
    }
    /// The next page of the range, which should be this one.
    pub fn next(&mut self, page: usize) -> Result<Drawn, Wrong> {
        loop {
            let line = self.line(page)?;
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            let numbers: Vec<usize> = rest.split(' ').map_while(|n| n.parse().ok()).collect();
            match (word, &numbers[..]) {
                ("note", _) => self.notes.push(rest.to_owned()),
                ("scan", [width, height, x, y, bad, run, ended]) => {
                    let resolution = Resolution { x: *x as u16, y: *y as u16 };
                    let damage = Damage { rows: *height, bad_rows: *bad, longest_bad_run: *run, ended: *ended == 1, too_many: false };
                    let sound = (1..=WIDEST).contains(width) && (1..=MOST_ROWS).contains(height);
                    let rows = if sound { self.rows(*width, *height, resolution) } else { None };
                    let notes = std::mem::take(&mut self.notes);
                    return rows.map(|rows| Drawn::Scan { rows, damage, notes }).ok_or_else(|| self.gone(page));
                }
                ("grey", [width, height, x, y]) => {
                    let most = self.form.pels() * self.form.rows() * 2;
                    let mut pels = vec![0; width.saturating_mul(*height).min(most)];
                    self.from.read_exact(&mut pels).map_err(|_| self.gone(page))?;
                    let grey = Grey { width: *width, height: *height, pels, dpi: Some((*x as f32, *y as f32)) };
                    return Ok(Drawn::Grey { grey, notes: std::mem::take(&mut self.notes) });
                }
                _ => return Err(wrong(page, format!("the process that reads it said `{line}` (a bug)"))),
            }
        }
    }
    fn rows(&mut self, width: usize, height: usize, resolution: Resolution) -> Option<Page> {
        let (mut page, mut row) = (Page::new(width, resolution), vec![0; width.div_ceil(8)]);
        for _ in 0..height {
            self.from.read_exact(&mut row).ok()?;
            page.push_packed(&row);
        }
        Some(page)
    }
    /// A line that is no error.
    fn line(&mut self, page: usize) -> Result<String, Wrong> {
        let mut line = String::new();
        let read = (&mut self.from).take(LINE).read_line(&mut line);
        match (read, line.trim_end().split_once(' ')) {
            (Ok(_), Some(("error", why))) => Err(wrong(page, why)),
            (Ok(n), _) if n > 0 && line.ends_with('\n') => Ok(line.trim_end().to_owned()),
            _ => Err(self.gone(page)),
        }
    }
    /// It has ended without a word: why.
    fn gone(&mut self, page: usize) -> Wrong {
        let _ = self.child.kill(); // if only its output has ended
        wrong(page, self.child.wait().map_or_else(|e| e.to_string(), |status| died(page, status, self.most)))
    }
}

/// Who reads where this process is no molink, as in tests.
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Names the molink that reads; the first one named stays. Unnamed, it is the program of this process.
pub fn read_by(program: PathBuf) {
    let _ = PROGRAM.set(program); // the same one
}

fn program() -> io::Result<PathBuf> {
    // The link leads to the program that runs, also when another has been put in its place since.
    let own = PathBuf::from("/proc/self/exe");
    PROGRAM.get().cloned().map_or_else(|| if own.exists() { Ok(own) } else { std::env::current_exe() }, Ok)
}

fn died(page: usize, status: ExitStatus, most: Option<u64>) -> String {
    let doing = if page == 0 { "reading it" } else { "drawing it" };
    match status.signal() {
        Some(s) if s == Signal::XCPU.as_raw() || s == Signal::KILL.as_raw() => {
            let all = most.map(|most| format!(" for a page, or {most} for all")).unwrap_or_default();
            format!("{doing} takes more than {SECONDS} seconds of processor time{all}, and no more is given")
        }
        Some(_) => format!("{doing} takes more than {} MiB of memory, or it nests too deeply", MEMORY >> 20),
        None => format!("{doing} failed (a fault of the PDF reader, {status})"),
    }
}

/// What the other side is to do with the PDF at its standard input.
pub struct Task {
    /// Which of [`Width::ALL`].
    pub width: usize,
    /// Pels an inch.
    pub resolution: Resolution,
    /// The pages that are wanted.
    pub range: Pages,
    /// Seconds of processor time for all of them.
    pub most: Option<u64>,
}

/// The other side (`molink pdf-apart`): bounds itself, reads, and tells.
pub fn run(task: Task) -> Result<ExitCode, String> {
    // Before anything of the file is seen. A system without a limit still has the others.
    for (what, most) in [(Resource::As, MEMORY), (Resource::Core, 0)] {
        let _ = setrlimit(what, Rlimit { current: Some(most), maximum: Some(most) });
    }
    let most = task.most.unwrap_or(u64::MAX);
    seconds(1, most);
    let form = Form::new(*Width::ALL.get(task.width).unwrap_or(&Width::A4), task.resolution)?;
    let reading = std::thread::Builder::new().stack_size(STACK).spawn(move || tell(&form, &task.range, most));
    let reading = reading.map_err(|e| format!("no thread to read in: {e}"))?;
    Ok(match reading.join() {
        Ok(Ok(())) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// Allows so many times the seconds in all, but no more than the most.
fn seconds(times: usize, most: u64) {
    let most = SECONDS.saturating_mul(times as u64).min(most);
    let _ = setrlimit(Resource::Cpu, Rlimit { current: Some(most), maximum: None }); // as above
}

/// A panic of the reader's is an error of the page like any other.
fn caught<T>(read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let fault = |_| Err("it cannot be read (a fault of the PDF reader, which gave up)".to_owned());
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(fault)
}

fn tell(form: &Form, range: &Pages, most: u64) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout());
    let mut bytes = vec![];
    io::stdin().take(MOST_FILE + 1).read_to_end(&mut bytes)?;
    let file = match caught(|| pdf::File::open(bytes)) {
        Ok(file) => file,
        Err(why) => return error(&mut out, &why),
    };
    let pages = file.pages();
    if pages == 0 {
        return error(&mut out, "it has no page (its /Pages has no /Kids that are there)");
    }
    writeln!(out, "pages {pages}")?;
    out.flush()?;
    for (n, page) in (1..=pages).filter(|page| range.wants(*page)).enumerate() {
        seconds(n + 2, most);
        match caught(|| file.page(page - 1, form)) {
            Ok(drawn) => hand_on(&mut out, drawn)?,
            Err(why) => return error(&mut out, &why),
        }
        out.flush()?;
    }
    Ok(())
}

fn error(out: &mut impl Write, why: &str) -> io::Result<()> {
    writeln!(out, "error {}", why.escape_debug())?;
    out.flush()
}

fn hand_on(out: &mut impl Write, drawn: Drawn) -> io::Result<()> {
    let (Drawn::Scan { notes, .. } | Drawn::Grey { notes, .. }) = &drawn;
    for note in notes {
        writeln!(out, "note {}", note.escape_debug())?;
    }
    match drawn {
        Drawn::Scan { rows, damage, .. } => {
            let Resolution { x, y } = rows.resolution;
            let Damage { bad_rows, longest_bad_run, ended, .. } = damage;
            writeln!(out, "scan {} {} {x} {y} {bad_rows} {longest_bad_run} {}", rows.width(), rows.height(), u8::from(ended))?;
            let mut packed = vec![];
            for y in 0..rows.height() {
                packed.clear();
                rows.pack(y, &mut packed);
                out.write_all(&packed)?;
            }
            Ok(())
        }
        Drawn::Grey { grey, .. } => {
            let (x, y) = grey.dpi.unwrap_or_default();
            writeln!(out, "grey {} {} {x} {y}", grey.width, grey.height)?;
            out.write_all(&grey.pels)
        }
    }
}

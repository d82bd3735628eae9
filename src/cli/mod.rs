//! The commands, one file each; what they share: exit codes, the log, Ctrl-C.
//!
//! Standards: exit codes 0 done, 1 not delivered or check failed, 2 usage or configuration, 130 interrupted.
//! In: the command line. Out: an exit code. Left out: what a station does. Shown by: `tests/it/processes.rs`.

/// A line to standard output, as `println!` has it, but nobody reading it is no reason to end.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::say(format_args!($($text)*)) };
}

mod certs;
mod check;
mod client;
mod content;
mod convert;
mod demo;
mod doctor;
mod facsimile;
mod init;
mod keys;
mod keys_table;
mod line;
mod log;
mod mail;
mod misread;
mod narrate;
mod paper;
mod postal;
mod reader;
mod screen;
mod send;
mod source;
mod station;
mod tape;
mod tty;
mod wires;

use clap::{CommandFactory, Parser, Subcommand};
use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

/// The Washington-Moscow hotline as working software.
#[derive(Parser)]
#[command(
    name = "molink",
    version,
    term_width = COLUMNS, // in a pipe too
    after_help = "\
Show it:         molink demo
Test routing:    molink station FILE.toml, molink send, molink log, molink line
Plug in machine: molink doctor, molink init desk, molink check FILE.toml,
                 molink tty"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the link's story on this machine; nothing needs to be set up
    Demo(demo::Demo),
    /// Run a station from its file
    Station(station::Station),
    /// Hand a message to a running station
    Send(send::Send),
    /// Show a station's messages and what became of them
    Log(log::Log),
    /// Make this terminal a teleprinter at a station's desk
    Tty(tty::Tty),
    /// Join two ends by a simulated circuit that behaves like a line
    Line(line::Line),
    /// Print a text, raw codes or a filed message as a teleprinter would
    Paper(paper::Paper),
    /// Punch a tape: as a picture, or as raw codes; and read raw codes back
    Tape(tape::Tape),
    /// Make fax pages of texts, pictures, PDFs and fax files, and files of fax pages
    Convert(convert::Convert),
    /// Make, show and destroy key tapes
    Keys(keys::Keys),
    /// Make, show and pin the certificates of lines in TLS
    Certs(certs::Certs),
    /// Say who may log in at an e-mail port
    Mail(mail::Mail),
    /// Write a commented station file to start from
    Init(init::Init),
    /// Try a station file: its keys, devices and far end
    Check(check::Check),
    /// List serial devices and what each can do
    Doctor(doctor::Doctor),
    #[command(hide = true)]
    PdfApart(convert::PdfApart),
}

/// Columns of an operator's terminal.
pub(crate) const COLUMNS: usize = 80;
/// Usage or configuration: the user can mend it.
pub(crate) const USAGE: u8 = 2;
/// Interrupted by Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;

/// An error of the user's configuration or usage: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub String);

/// Parses the command line and runs the command.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misread(&error),
    };
    let level = match std::env::var("MOLINK_LOG").as_deref() {
        Ok("debug") => tracing::Level::DEBUG,
        Ok("error") => tracing::Level::ERROR,
        Ok("warn") => tracing::Level::WARN,
        _ => tracing::Level::INFO,
    };
    let quiet = matches!(cli.command, Command::Demo(_)) && std::env::var_os("MOLINK_LOG").is_none();
    let level = if quiet { tracing::Level::ERROR } else { level };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .init();
    let done = match cli.command {
        Command::Send(args) => send::run(args),
        Command::Log(args) => log::run(args),
        Command::Certs(args) => certs::run(args),
        Command::Mail(args) => mail::run(args),
        Command::Tty(args) => tty::run(args),
        Command::Init(args) => init::run(args),
        Command::Paper(args) => paper::run(args),
        Command::Tape(args) => tape::run(args),
        Command::Convert(args) => convert::run(args),
        Command::PdfApart(args) => convert::apart(args),
        Command::Demo(args) => block_on(demo::run(args)),
        Command::Doctor(args) => block_on(doctor::run(args)),
        Command::Keys(args) => block_on(keys::run(args)),
        Command::Line(args) => block_on(line::run(args)),
        Command::Station(args) => block_on(station::run(args)),
        Command::Check(args) => block_on(check::run(args)),
    };
    let code = done.unwrap_or_else(|error| {
        // Whoever read what was told has read enough: `molink demo | head`.
        if error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == ErrorKind::BrokenPipe) {
            return ExitCode::SUCCESS;
        }
        complain(&format!("{error:#}"));
        ExitCode::from(if error.is::<Usage>() { USAGE } else { 1 })
    });
    if code == ExitCode::SUCCESS && UNSAID.load(Ordering::Relaxed) { ExitCode::FAILURE } else { code }
}

/// Something was to be told and could not be written: no success.
static UNSAID: AtomicBool = AtomicBool::new(false);

/// Help and the version as they were asked for; else what is wrong with the command line.
fn misread(error: &clap::Error) -> ExitCode {
    let words: Vec<String> = std::env::args_os().skip(1).map(|w| w.to_string_lossy().into_owned()).collect();
    match misread::sentence(error, Cli::command(), &words) {
        Some(sentence) => complain(&sentence),
        None => drop(error.print()), // a pipe that is closed has read enough
    }
    ExitCode::from(if error.use_stderr() { USAGE } else { 0 })
}

/// A line, or lines, to standard output; nobody reading it is no reason to end, least of all to have ended badly.
pub(crate) fn say(text: impl std::fmt::Display) {
    let mut out = std::io::stdout();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            if !UNSAID.swap(true, Ordering::Relaxed) {
                complain(&format!("standard output cannot be written: {e}"));
            }
        }
        Err(_) | Ok(()) => {}
    }
}

/// Ctrl-C was pressed, and a terminal has shown it as `^C`: what is said next begins a line.
pub(crate) fn after_interrupt() {
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        say("");
    }
}

/// Breaks `start` and `text` at blanks to lines of 80 columns; further ones stand `indent` columns in.
pub(crate) fn wrapped(start: &str, text: &str, indent: usize) -> Vec<String> {
    let mut lines = vec![];
    let (mut line, mut empty) = (start.to_owned(), true);
    for word in text.split(' ') {
        if !empty && line.chars().count() + 1 + word.chars().count() > COLUMNS {
            lines.push(line.trim_end().to_owned());
            (line, empty) = (" ".repeat(indent), true);
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// A sentence to standard error.
fn complain(sentence: &str) {
    let _ = writeln!(std::io::stderr(), "molink: {sentence}"); // there is nobody else to tell
}

fn block_on(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(command);
    // A thread that still waits on a device must not hold the exit.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    done
}

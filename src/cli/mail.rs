//! `molink mail user`: puts somebody who may log in at an e-mail port into its file of users.
//!
//! Standards: PBKDF2 (RFC 8018). In: a name; the password from the terminal, not shown, or from standard input. Out: the file, a line.
//! Left out: taking users out (their table is removed by hand). Shown by: `tests/it/email_server.rs`, `fixtures/answers/mail.txt`.

use super::Usage;
use crate::email::backend_users::Users;
use crate::message::Name;
use anyhow::Context;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Who may log in at an e-mail port
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  molink mail user anna --file users.toml < password.txt

docs/email.md tells what a user may do.")]
pub struct Mail {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Let somebody log in, or give him another password
    User(User),
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  molink mail user anna --file users.toml < password.txt
  molink mail user duty --file users.toml --desk operator < password.txt

At a terminal the password is asked for twice and not shown; else it is the
first line of standard input. The file holds a salted hash of it (0600).")]
struct User {
    /// The name to log in under
    name: String,
    /// The file that the port's key `users` names
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// The desk that what this user sends comes from; without it, a correspondent outside
    #[arg(long)]
    desk: Option<Name>,
}

pub(super) fn run(args: Mail) -> anyhow::Result<ExitCode> {
    let Command::User(User { name, file, desk }) = args.command;
    let password = password(&name)?;
    let shown = desk.as_ref().map_or(String::new(), |desk| format!(", from the desk `{desk}`"));
    let before = Users::at(&file).put(&name, &password, desk).map_err(Usage)?;
    let (what, file) = (if before { "has another password" } else { "may log in" }, file.display());
    say!("`{name}` {what}{shown}; the port that has users = \"{file}\" knows it at once");
    Ok(ExitCode::SUCCESS)
}

fn password(name: &str) -> anyhow::Result<String> {
    if !std::io::stdin().is_terminal() {
        return line();
    }
    let first = unseen(&format!("password of {name}: "))?;
    let second = unseen("once more: ")?;
    if first != second {
        return Err(Usage("the two were not the same; nothing was changed".into()).into());
    }
    Ok(first)
}

/// Asks on the terminal, and does not show what is typed.
fn unseen(prompt: &str) -> anyhow::Result<String> {
    let stdin = std::io::stdin();
    let before = tcgetattr(&stdin).context("the terminal cannot be asked")?;
    let mut silent = before.clone();
    silent.local_modes -= LocalModes::ECHO;
    let mut err = std::io::stderr();
    write!(err, "{prompt}").and_then(|()| err.flush())?;
    tcsetattr(&stdin, OptionalActions::Flush, &silent).context("the terminal cannot be asked")?;
    let typed = line();
    let _ = tcsetattr(&stdin, OptionalActions::Now, &before); // a terminal that is gone shows nothing anyway
    writeln!(err)?;
    typed
}

/// The first line of standard input, without its end.
fn line() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().lock().take(4_096).read_line(&mut text).context("the password cannot be read")?;
    let line = text.trim_end_matches(['\r', '\n']);
    if line.is_empty() {
        return Err(Usage("no password was given; type one, or give it on standard input".into()).into());
    }
    Ok(line.to_owned())
}

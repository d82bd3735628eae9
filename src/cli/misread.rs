//! A command line that cannot be read, told in one sentence: which word it is, and what to write instead.
//!
//! Standards: none. In: what clap found wrong. Out: a sentence, with the command's own example where a word is missing or too many.
//! Left out: finding it (clap), wrong values' reasons (who parses them says why). Shown by: `fixtures/answers`.

use clap::Command;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use std::error::Error as _;

/// What is wrong with the command line: one sentence. `None` where help or the version was asked for, which clap prints.
pub(super) fn sentence(error: &Error, top: Command, words: &[String]) -> Option<String> {
    use ErrorKind::*;
    let (name, command) = named(top, words);
    let arg = first(error, ContextKind::InvalidArg);
    let value = first(error, ContextKind::InvalidValue);
    Some(match error.kind() {
        DisplayHelp | DisplayVersion | DisplayHelpOnMissingArgumentOrSubcommand => return None,
        MissingRequiredArgument => {
            let missing: Vec<String> = all(error, ContextKind::InvalidArg).iter().map(|a| bare(a)).collect();
            format!("`{name}` needs {}{}", listed(&missing), as_in(&name, &command))
        }
        // Of `-50` clap tells `-5`, the option that it would be.
        UnknownArgument => match words.iter().find(|w| w.starts_with(&arg) && w.parse::<f64>().is_ok_and(|n| n < 0.0)) {
            Some(number) => format!("`{number}` is below zero, and no number of `{name}` is; `{name} --help` tells what is taken"),
            None => unknown(error, &name, &command, &arg),
        },
        InvalidSubcommand => {
            let meant = all(error, ContextKind::SuggestedSubcommand);
            let word = first(error, ContextKind::InvalidSubcommand);
            format!("`{name}` has no command `{}`; {}", word.escape_debug(), meant_or_help(meant.first(), &name))
        }
        ArgumentConflict => {
            let (one, other) = (option(&arg), first(error, ContextKind::PriorArg));
            match option(&other) {
                other if other == one => format!("{one} is given twice; give it once"),
                other => format!("{one} and {other} do not go together; give one of them"),
            }
        }
        InvalidValue if value.is_empty() => format!("{} is missing after {}{}", what(&arg), option(&arg), as_in(&name, &command)),
        ValueValidation | InvalidValue => {
            let why = error.source().map(ToString::to_string).unwrap_or_default();
            let why = in_words(&why, &value);
            match arg.starts_with(['<', '[']) {
                true => why,
                false => format!("{}: {why}", option(&arg)),
            }
        }
        _ => {
            let said = error.to_string();
            let said = said.lines().next().unwrap_or_default().trim_start_matches("error: ");
            format!("{said}; `{name} --help` tells how it is written")
        }
    })
}

/// The command that the first words name: as it is typed, and as clap knows it.
fn named(top: Command, words: &[String]) -> (String, Command) {
    let mut at = (top.get_name().to_owned(), top);
    for word in words {
        match at.1.find_subcommand(word) {
            Some(next) => at = (format!("{} {word}", at.0), next.clone()),
            None => break,
        }
    }
    at
}

fn unknown(error: &Error, name: &str, command: &Command, word: &str) -> String {
    let shown = word.escape_debug();
    match word.starts_with('-') {
        true => {
            let meant = all(error, ContextKind::SuggestedArg);
            format!("`{name}` has no option `{shown}`; {}", meant_or_help(meant.first(), name))
        }
        false => format!("`{shown}` is one word too many for `{name}`{}", as_in(name, command)),
    }
}

fn meant_or_help(meant: Option<&String>, name: &str) -> String {
    match meant {
        Some(meant) => format!("did you mean `{}`?", option(meant)),
        None => format!("`{name} --help` lists what it has"),
    }
}

/// The first example of a command's help that is one of this command.
fn as_in(name: &str, command: &Command) -> String {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let lines = help.lines().skip_while(|l| !l.starts_with("Example"));
    let example = lines.map(str::trim).find(|l| *l == name || l.contains(&format!("{name} ")));
    example.map_or_else(|| format!("; `{name} --help` tells how it is written"), |e| format!("; as in: {e}"))
}

/// Standard library's words for a number that is none.
fn in_words(why: &str, value: &str) -> String {
    let shown = value.escape_debug();
    if let Some((least, most)) = why.strip_prefix(&format!("{value} is not in ")).and_then(|r| r.split_once("..=")) {
        return format!("`{shown}` is not possible; give {least} to {most}");
    }
    match why {
        "invalid digit found in string" => format!("`{shown}` is not a whole number; give one, such as 20"),
        "invalid float literal" => format!("`{shown}` is not a number; give one, such as 50 or 7.5"),
        why if why.starts_with("number too ") => format!("`{shown}` is too large"),
        why if why.contains(&format!("`{shown}`")) => why.to_owned(),
        why => format!("`{shown}`: {why}"),
    }
}

/// `A, B and C`.
fn listed(names: &[String]) -> String {
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    }
}

/// `--to <DESK@STATION>` as `--to DESK@STATION`; `<FILE>...` as `FILE`.
fn bare(arg: &str) -> String {
    arg.trim_end_matches("...").replace(['<', '>'], "")
}

/// `--to <DESK@STATION>` as `--to`, `--wait[=<STATE>]` as `--wait`, `[IDENTITY]` as `IDENTITY`.
fn option(arg: &str) -> String {
    bare(arg.trim_start_matches('[').split([' ', '[', '=']).next().unwrap_or_default().trim_end_matches(']'))
}

/// `--to <DESK@STATION>` as `DESK@STATION`.
fn what(arg: &str) -> String {
    bare(arg.rsplit([' ', '=']).next().unwrap_or_default().trim_end_matches(']'))
}

fn first(error: &Error, kind: ContextKind) -> String {
    all(error, kind).into_iter().next().unwrap_or_default()
}

fn all(error: &Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(one)) => vec![one.clone()],
        Some(ContextValue::Strings(many)) => many.clone(),
        Some(_) | None => vec![],
    }
}

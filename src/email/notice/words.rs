//! What people read in a notice: which message, what became of it, why, and what they can do.
//!
//! Standards: RFC 3464 2 (the first part is for people). In: a notice. Out: its text. Reasons are sentences of routers and lines (`email::reply`).
//! Left out: how our own lines and files are set up, which is nothing for a stranger: `molink log` has it. Languages but English.
//! Shown by: `email::notice::tests`, `tests/it/email_notices.rs`.

use super::{Action, Notice, Told, date, one_line};
use crate::email::mime::{Heading, header_of};
use crate::email::reply;

/// The text.
pub(super) fn words(notice: &Notice<'_>, told: &[&Told]) -> String {
    let mut text = format!("This is the mail program of {}. It tells you what became of your message.\n\n", notice.host);
    let subject: String = one_line(&Heading::read(header_of(notice.original)).subject).chars().take(200).collect();
    if !subject.is_empty() {
        text += &format!("Subject: {subject}\n");
    }
    if let Some(at) = notice.arrived {
        text += &format!("Received here: {}\n", date(at));
    }
    for t in told {
        text += &format!("To: <{}>\n\n{}.\n", t.recipient.address, became(t.action));
        let why = why(t);
        if !why.is_empty() {
            let intro = if matches!(t.action, Action::Failed | Action::Delayed) { "Why: " } else { "" };
            text += &format!("{intro}{why}{}\n", if why.ends_with(['.', '?', '!']) { "" } else { "." });
        }
        if let Some(until) = t.until {
            text += &format!("It is tried until {}; if that does not help you are told.\n", date(until));
        }
        if let Some(advice) = advice(t, notice.host) {
            text += &format!("What you can do: {advice}.\n");
        }
        text += "\n";
    }
    text + &format!("A person reads what you write to <postmaster@{}>.\n", notice.host)
}

fn became(action: Action) -> &'static str {
    match action {
        Action::Failed => "It was not delivered, and is not tried any more",
        Action::Delayed => "It is not delivered yet, and is still being tried",
        Action::Delivered => "It was delivered",
        Action::Relayed => "It was passed on to a station or a mail server that tells nothing more; you are told if it comes back",
        Action::Expanded => "It was passed on to several",
    }
}

/// Subject and detail of a status.
fn detail(status: &str) -> (u16, u16) {
    let mut numbers = status.split('.').skip(1).map(|n| n.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// The reason, as a stranger can understand it.
fn why(t: &Told) -> String {
    let failed = matches!(t.action, Action::Failed | Action::Delayed);
    let reason = one_line(&t.why);
    let (tried, last) = match reply::expired(&reason) {
        Some(last) => (reason.split(';').next().unwrap_or_default(), last),
        None => ("", reason.as_str()),
    };
    let last = match (&t.answer, detail(&t.status)) {
        (Some((host, reply)), _) => format!("{} answered: {}", one_line(host), one_line(reply)),
        (None, (4, 1)) if failed => "nobody answers at its station or mail server".into(),
        (None, (4, 2)) if failed => "the connection to its station or mail server broke".into(),
        (None, (7, 0 | 5)) if failed => {
            "the next station or mail server is not known here as it should be, or does not let this one in".into()
        }
        (None, (3, 0)) if failed => "something is wrong at this station".into(),
        (None, _) => here(last, &t.recipient.address),
    };
    match (tried.is_empty(), last.is_empty()) {
        (true, _) => last,
        (false, true) => tried.to_owned(),
        (false, false) => format!("{tried}: {last}"),
    }
}

/// What a far station says of itself, `no desk "x" here`, is not of this one.
fn here(reason: &str, recipient: &str) -> String {
    let reason = reason.replace('`', "\"");
    let place = recipient.rsplit_once('@').map_or("that station", |(_, place)| place);
    match reason.strip_prefix("no desk \"").and_then(|rest| rest.split_once("\" here")) {
        Some((desk, rest)) => format!("there is no desk \"{desk}\" at {place}{rest}"),
        // A file of ours.
        None if reason.contains("\"/") => "something is wrong at this station".into(),
        None => reason,
    }
}

fn advice(t: &Told, host: &str) -> Option<String> {
    let failed = t.action == Action::Failed;
    let text = match detail(&t.status) {
        _ if t.action == Action::Delayed => "nothing; you need not send it again",
        (6, 4) if !failed => "if they need what was left out, send it as text or reach them another way",
        _ if !failed => return None,
        (1, _) => "look whether the address is right, and send it again with the right one",
        (4, 6) => return Some(format!("it went round in a circle, which is no fault of yours: please tell <postmaster@{host}>")),
        (3, 4) | (2, 3) => "send less at a time: a shorter text, fewer or smaller files",
        (2 | 4, _) | (3, 1 | 2) => "send it again later, or reach them another way",
        (6, _) => "send what matters as plain text",
        (7, 0 | 5) | (3, 0) => return Some(format!("please tell <postmaster@{host}>, and reach them another way")),
        (7, _) => "reach them another way; the same again would be refused again",
        _ => return Some(format!("if you do not know why, ask <postmaster@{host}>")),
    };
    Some(text.to_owned())
}

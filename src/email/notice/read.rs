//! A notice that came: what became of which recipients of which of our messages.
//!
//! Standards: RFC 3464 (fields of the report), RFC 6522; `X-Failed-Recipients` as exim has it; qmail's QSBMF form (its author's page).
//! In: a mail. Out: a [`Report`], or nothing if it is no notice. What it says is a stranger's word: forging one is easy.
//! Left out: reading prose. Shown by: `email::notice::tests`, `fixtures/mail/notice-*.eml`.

use super::Action;
use crate::email::mime::{Entity, field, header_of, leaves};
use crate::message::Identity;

/// The most recipients that are read of a notice.
const MOST: usize = 1_000;
/// The most bytes that are read of a report, and of what it brings back.
const LARGEST: usize = 256 << 10;

/// What a notice says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Our message, if the notice says which.
    pub identity: Option<Identity>,
    /// The Message-ID of the mail it is about, without its angle brackets.
    pub message_id: Option<String>,
    /// Our own name for that mail, as it was given in the session (ENVID).
    pub envid: Option<String>,
    /// The host that speaks.
    pub by: Option<String>,
    /// Its recipients.
    pub fates: Vec<Fate>,
}

/// What became of one recipient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fate {
    /// The address it went to in the end.
    pub recipient: String,
    /// The address we gave, if the notice tells.
    pub original: Option<String>,
    /// What became of it.
    pub action: Action,
    /// The enhanced status code; `5.0.0` where none is given.
    pub status: String,
    /// What the far end said.
    pub said: String,
}

/// Reads a notice; `None` if the mail is none.
pub fn read(mail: &[u8]) -> Option<Report> {
    let (media_type, parts) = leaves(mail);
    let is_status = |e: &&Entity<'_>| matches!(e.media_type.as_str(), "message/delivery-status" | "message/global-delivery-status");
    let mut report = match parts.iter().find(is_status) {
        Some(part) => fields(&part.text(LARGEST)),
        None if media_type.starts_with("multipart/") && media_type != "multipart/report" => return None,
        None => older(mail, &parts)?,
    };
    if report.fates.is_empty() {
        return None;
    }
    if let Some(back) = parts.iter().rev().find(|e| {
        e.media_type.starts_with("message/rfc822")
            || e.media_type.starts_with("message/global") && !is_status(e)
            || e.media_type == "text/rfc822-headers"
    }) {
        about(&mut report, back.text(LARGEST).trim_start().as_bytes());
    }
    let ours = || field(header_of(mail), "Molink-Notice").and_then(|v| v.split(' ').nth(1)?.parse().ok());
    report.identity = report.identity.take().or_else(ours);
    Some(report)
}

/// What the mail that is brought back says of itself.
fn about(report: &mut Report, back: &[u8]) {
    let header = header_of(back);
    report.identity = field(header, "Molink-Identity").and_then(|v| v.parse().ok()).or(report.identity.take());
    report.message_id = field(header, "Message-ID").map(|v| v.trim_matches(['<', '>']).to_owned()).or(report.message_id.take());
}

/// The groups of fields of a delivery report.
fn fields(text: &str) -> Report {
    let mut report = Report::default();
    for group in text.replace("\r\n", "\n").split("\n\n") {
        let of = |name: &str| field(group.as_bytes(), name).filter(|v| !v.is_empty());
        // `rfc822; a@b`: the type is told apart; some hosts leave it out.
        let typed = |name: &str| {
            of(name).map(|v| v.split_once(';').map_or(v.clone(), |(_, a)| a.to_owned()).trim().trim_matches(['<', '>']).to_owned())
        };
        report.by = report.by.take().or_else(|| typed("Reporting-MTA"));
        report.envid = report.envid.take().or_else(|| of("Original-Envelope-Id"));
        let Some(action) = of("Action").and_then(|word| action(&word)) else { continue };
        let Some(recipient) = typed("Final-Recipient").or_else(|| typed("Original-Recipient")) else { continue };
        if report.fates.len() < MOST {
            let status = of("Status").and_then(|s| status(&s)).unwrap_or_else(|| unsaid(action));
            let said = typed("Diagnostic-Code").or_else(|| of("Status")).unwrap_or_default();
            report.fates.push(Fate { recipient, original: typed("Original-Recipient"), action, status, said });
        }
    }
    report
}

fn action(word: &str) -> Option<Action> {
    let word = word.split([' ', '(', ';']).next()?.to_ascii_lowercase();
    Action::ALL.into_iter().find(|a| a.word() == word)
}

fn unsaid(action: Action) -> String {
    match action {
        Action::Failed => "5.0.0",
        Action::Delayed => "4.0.0",
        Action::Delivered | Action::Relayed | Action::Expanded => "2.0.0",
    }
    .into()
}

/// `5.1.1` at the begin of what may go on (`5.1.1 (bad mailbox)`).
fn status(text: &str) -> Option<String> {
    let code = text.split([' ', '(', ';']).next()?;
    let numbers: Vec<&str> = code.split('.').collect();
    let good = numbers.len() == 3
        && numbers.iter().all(|n| (1..=3).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit()))
        && matches!(numbers[0], "2" | "4" | "5");
    good.then(|| code.to_owned())
}

/// Notices without a report: exim's field, qmail's paragraphs.
fn older(mail: &[u8], parts: &[Entity<'_>]) -> Option<Report> {
    let header = header_of(mail);
    let text = parts.iter().find(|e| e.media_type == "text/plain")?.text(LARGEST);
    let mut report = Report::default();
    let failed = |recipient: &str, said: &str| Fate {
        recipient: recipient.trim().to_owned(),
        original: None,
        action: Action::Failed,
        status: said.split([' ', '\n', '(', ')', '#', ':']).find_map(status).unwrap_or_else(|| unsaid(Action::Failed)),
        said: said.split_ascii_whitespace().collect::<Vec<_>>().join(" ").chars().take(1_000).collect(),
    };
    if let Some(list) = field(header, "X-Failed-Recipients") {
        report.fates = list.split(',').filter(|r| r.contains('@')).take(MOST).map(|r| failed(r, &behind(&text, r.trim()))).collect();
    } else if text.trim_start().starts_with("Hi. This is the") {
        let paragraphs = text.split("\n\n").map(str::trim_start);
        let told = paragraphs.filter_map(|p| p.strip_prefix('<')?.split_once(">:")).filter(|(r, _)| r.contains('@'));
        report.fates = told.take(MOST).map(|(r, said)| failed(r, said)).collect();
    } else {
        return None;
    }
    // What they bring back stands below a line of dashes.
    let below = text.rfind("\n---").and_then(|at| text[at + 1..].split_once('\n')).map_or("", |(_, below)| below);
    about(&mut report, below.trim_start().as_bytes());
    Some(report)
}

/// The paragraph that begins with a recipient's address.
fn behind(text: &str, recipient: &str) -> String {
    let at = text.find(&format!("\n  {recipient}\n")).map(|at| &text[at + recipient.len() + 4..]);
    at.and_then(|rest| rest.split("\n\n").next()).unwrap_or_default().to_owned()
}

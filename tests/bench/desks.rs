//! Mails for the desks of one station: how fast they are accepted, and how fast they are in their Maildirs, on disk.
//!
//! Standards: none. In: `cargo bench --bench desks`. Out: a line for a station without Maildirs and one for a station with them: messages
//! accepted a second, messages at their desks a second. Left out: sessions (`tests/it/email_*.rs`). Exit 1 when a mail is missing. Shown by: itself.

use molink::message::post::{AsCame, Post};
use molink::message::{Class, Draft, Envelope, Part, Precedence};
use molink::router::{Event, EventSink, Stamped, Submitted};
use molink::station::{Station, StationConfig};
use molink::time::{Clock, Speed};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const MESSAGES: usize = 5000;
const SENDERS: usize = 20;
const OCTETS: usize = 4096;

#[derive(Default)]
struct Printed(AtomicUsize, tokio::sync::Notify);

impl EventSink for Printed {
    fn take(&self, event: Stamped) {
        if matches!(event.event, Event::Printed) && self.0.fetch_add(1, Ordering::Relaxed) + 1 == MESSAGES {
            self.1.notify_one();
        }
    }
}

fn draft(n: usize) -> Draft {
    let text = format!("{n:09}\n{}", "The quick brown fox jumps over the lazy dog.\n".repeat(OCTETS / 45));
    let mail = format!("Return-Path: <alice@example.org>\nSubject: {n}\n\n{text}").replace('\n', "\r\n");
    let post = Post { reverse_path: "alice@example.org".into(), mail: Some(AsCame::Short(mail)), ..Post::default() };
    let envelope = Envelope {
        from: "operator@moscow".parse().unwrap_or_else(|e| panic!("{e}")),
        to: ["operator@moscow", "chairman@moscow"][n % 2].parse().unwrap_or_else(|e| panic!("{e}")),
        precedence: Precedence::Routine,
        class: Class::Message,
        subject: n.to_string(),
        via: vec![],
        post: Some(Box::new(post)),
    };
    Draft { envelope, content: vec![Part::Text { text }] }
}

/// Messages accepted and at their desks, a second; mails found in the Maildirs.
async fn round(maildirs: bool) -> Result<(f64, f64, usize), String> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let text = format!(
        "station = \"moscow\"\ndata = \"{}\"\nlisten = \"off\"\n[desk.operator]\nmaildir = {maildirs}\n[desk.chairman]\nmaildir = {maildirs}\n{}",
        dir.path().display(),
        if maildirs { "[port.post]\nbackend = \"email\"\nline = { listen = \"127.0.0.1:0\" }\n" } else { "" }
    );
    let config = StationConfig::parse("bench.toml", &text).map_err(|e| e.to_string())?;
    let printed = Arc::new(Printed::default());
    let running = Arc::new(Station::builder().observe(printed.clone()).start(config).await.map_err(|e| e.to_string())?);
    let clock = Clock::new(None, Speed::REAL);
    let begun = clock.now();
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..SENDERS {
        let running = running.clone();
        senders.spawn(async move {
            for n in (sender..MESSAGES).step_by(SENDERS) {
                match running.submit(draft(n), None).await {
                    Submitted::Accepted(_) => {}
                    other => return Err(format!("{other:?}")),
                }
            }
            Ok(())
        });
    }
    while let Some(sender) = senders.join_next().await {
        sender.map_err(|e| e.to_string())??;
    }
    let accepted = clock.now().since(begun).as_secs_f64();
    printed.1.notified().await;
    let at_desks = clock.now().since(begun).as_secs_f64();
    let count = |desk: &str| std::fs::read_dir(dir.path().join("maildir").join(desk).join("new")).map_or(0, Iterator::count);
    let found = count("operator") + count("chairman");
    let running = Arc::into_inner(running).ok_or("a sender still runs")?;
    running.stop().await.map_err(|e| e.to_string())?;
    Ok((MESSAGES as f64 / accepted, MESSAGES as f64 / at_desks, found))
}

#[tokio::main]
async fn main() -> ExitCode {
    for (maildirs, expected) in [(false, 0), (true, MESSAGES)] {
        let how = if maildirs { "papers, .eml and Maildirs" } else { "papers" };
        match round(maildirs).await {
            Ok((accepted, at_desks, found)) => {
                println!(
                    "{MESSAGES} messages of {OCTETS} octets from {SENDERS} senders, {how}: {accepted:.0} accepted/s, {at_desks:.0} at their desks/s"
                );
                if found != expected {
                    eprintln!("{found} mails are in the Maildirs, expected {expected}");
                    return ExitCode::FAILURE;
                }
            }
            Err(why) => {
                eprintln!("{why}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

//! Mails of every bad habit, and what comes of each: `fixtures/mail/NAME.eml` against `NAME.txt`; renewed with `MOLINK_RENEW=1`.

use molink::email::mime::{self, Mail, Piece};
use molink::email::{loops, notice};
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/mail")
}

pub fn fixtures() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "eml")).collect();
    all.sort();
    assert!(all.len() >= 40, "{} mails", all.len());
    all
}

fn short(text: &str) -> String {
    let length = text.chars().count();
    if length <= 160 { text.to_owned() } else { format!("{}… ({length} characters)", text.chars().take(60).collect::<String>()) }
}

fn shown(bytes: &[u8], mail: &Mail<'_>) -> String {
    let h = &mail.heading;
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(out, "{name}: {}", short(&value));
        }
    };
    line("from", h.from.as_ref().map(|m| format!("{} <{}>", m.name, m.address)).unwrap_or_default());
    line("to", h.to.iter().map(|m| format!("{} <{}>", m.name, m.address)).collect::<Vec<_>>().join(", "));
    line("subject", h.subject.clone());
    line("date", h.date.map(|d| d.to_string()).unwrap_or_default());
    line("message-id", h.message_id.clone().unwrap_or_default());
    line("identity", h.identity.as_ref().map(|i| i.to_string()).unwrap_or_default());
    line("asks for", h.precedence.map(|p| p.to_string()).unwrap_or_default());
    line("hops", if h.hops > 0 { h.hops.to_string() } else { String::new() });
    line("may be answered", loops::may_answer(h, "duty@nrrc.example").to_string());
    for piece in &mail.pieces {
        match piece {
            Piece::Text(text) => text.split('\n').for_each(|l| line("text", format!("| {l}"))),
            Piece::File(f) => {
                let kind = if f.page { "page" } else { "file" };
                line(kind, format!("`{}` {} {} bytes {}", f.blob.name, f.blob.media_type, f.blob.size, &f.blob.sha256[..12]));
            }
        }
    }
    mail.notes.iter().for_each(|n| line("note", n.clone()));
    if let Some(report) = notice::read(bytes) {
        line(
            "notice about",
            format!("{:?} {:?} {:?} by {:?}", report.identity.map(|i| i.to_string()), report.message_id, report.envid, report.by),
        );
        report.fates.iter().for_each(|f| line("fate", format!("{} {:?} {} {}: {}", f.recipient, f.original, f.action, f.status, f.said)));
    }
    out
}

#[test]
fn of_each_kept_mail_comes_what_stands_beside_it() {
    let renew = std::env::var_os("MOLINK_RENEW").is_some();
    let mut wrong = String::new();
    for file in fixtures() {
        let bytes = std::fs::read(&file).unwrap();
        let mail = mime::read(&bytes);
        let (got, beside) = (shown(&bytes, &mail), file.with_extension("txt"));
        if renew {
            std::fs::write(&beside, &got).unwrap();
        }
        if std::fs::read_to_string(&beside).unwrap_or_default() != got {
            let _ = writeln!(wrong, "{}:\n{got}", file.display());
        }
    }
    assert!(wrong.is_empty(), "not as it stands beside:\n{wrong}");
}

#[test]
fn every_cut_of_every_kept_mail_is_still_read() {
    for file in fixtures() {
        let bytes = std::fs::read(&file).unwrap();
        for end in (0..bytes.len()).step_by(1 + bytes.len() / 300) {
            let mail = mime::read(&bytes[..end]);
            for f in mail.files() {
                assert_eq!(f.bytes().len() as u64, f.blob.size);
                assert_eq!(mime::safe(&f.blob.name).as_deref(), Some(f.blob.name.as_str()));
            }
            notice::read(&bytes[..end]);
        }
    }
}

#[test]
fn line_ends_of_either_kind_read_the_same() {
    for file in fixtures() {
        let bytes = std::fs::read(&file).unwrap();
        let bare: Vec<u8> = String::from_utf8_lossy(&bytes).replace("\r\n", "\n").into_bytes();
        if String::from_utf8(bytes.clone()).is_ok() {
            let texts = |b: &[u8]| mime::read(b).text();
            assert_eq!(texts(&bare), texts(&bytes), "{}", file.display());
        }
    }
}

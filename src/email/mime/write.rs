//! A message as a mail.
//!
//! Standards: RFC 5322 3.6, 2046 5.1, 2183, 2231, 6758; our own fields are in `docs/mail.md`. In: a message, domains, who reads its files.
//! Out: bytes on a stream; the same message gives the same bytes. Memory: its texts, and 8 KiB of a file at a time.
//! Left out: signing; dots doubled for SMTP. Shown by: `email::mime::tests`, `tests/it/mail_peers.rs`.

use super::encode::{self, Head};
use super::own::{Kind, Own};
use super::{Domains, base64, head, urgency};
use crate::message::{Blob, Message, Name, Part};
use crate::router::Form;
use std::io::{Error, Read, Write};

/// A message on its way out.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The message.
    pub message: &'a Message,
    /// Which domains stand for which stations.
    pub domains: &'a Domains,
    /// Fields that stand on top: `Received`, `Return-Path`, `Auto-Submitted`; ASCII, folded, each with its CR LF.
    pub on_top: &'a str,
    /// Other forms of the message, for people outside: a text stands before everything where the message has none, files are attached behind it.
    pub forms: &'a [Form],
}

/// Whom a mail is from and to, as mail addresses, where those are not desk@domain: correspondents of the world outside.
#[derive(Clone, Copy, Debug)]
pub struct People<'a> {
    /// Its writer.
    pub from: &'a str,
    /// Its reader.
    pub to: &'a str,
}

/// Writes the mail; `open` gives the bytes of a file. An error is a file's or the stream's; the sentence names the file.
pub fn write(mail: Outgoing<'_>, open: &mut dyn FnMut(&Blob) -> std::io::Result<Box<dyn Read>>, to: &mut dyn Write) -> std::io::Result<()> {
    let e = &mail.message.envelope;
    let (from, reader) = (mail.domains.mail(&e.from), mail.domains.mail(&e.to));
    write_between(mail, People { from: &from, to: &reader }, open, to)
}

/// The same, between these people.
pub fn write_between(
    mail: Outgoing<'_>,
    people: People<'_>,
    open: &mut dyn FnMut(&Blob) -> std::io::Result<Box<dyn Read>>,
    to: &mut dyn Write,
) -> std::io::Result<()> {
    let message = mail.message;
    to.write_all(mail.on_top.as_bytes())?;
    to.write_all(&heading(message, mail.domains, people).0)?;
    match message.content.as_slice() {
        parts if !mail.forms.is_empty() => several(message, parts, mail.forms, open, to),
        [] => to.write_all(b"Content-Type: text/plain; charset=utf-8\r\nMolink-Part: none\r\n\r\n"),
        // The line end that ends a mail is not the text's; the reader takes one away.
        [Part::Text { text }] => to.write_all(&text_part(&format!("{text}\n"), "")),
        parts => several(message, parts, &[], open, to),
    }
}

/// The fields of the heading, MIME-Version the last.
fn heading(message: &Message, domains: &Domains, people: People<'_>) -> Head {
    let (e, id) = (&message.envelope, &message.identity);
    let mut head = Head::default();
    head.date("Date", id.dtg.utc());
    head.raw("From", people.from);
    head.raw("To", people.to);
    head.words("Subject", &e.subject);
    head.raw("Message-ID", &format!("<{id}@{}>", domains.of(&id.station)));
    head.raw("Molink-Identity", &id.to_string());
    head.raw("Molink-From", &e.from.to_string());
    head.raw("Molink-To", &e.to.to_string());
    if !e.class.is_usual() {
        head.raw("Molink-Class", e.class.word());
    }
    if !e.via.is_empty() {
        head.raw("Molink-Via", &e.via.iter().map(Name::as_str).collect::<Vec<_>>().join("\r\n "));
    }
    for (name, value) in urgency::fields(e.precedence) {
        head.raw(name, &value);
    }
    head.raw("MIME-Version", "1.0");
    head
}

fn text_part(text: &str, boundary: &str) -> Vec<u8> {
    // Without a boundary nothing can be taken for one.
    let (coding, body) = encode::text(text, if boundary.is_empty() { "\n" } else { boundary });
    let mut head = Head::default();
    head.kind("Content-Type", "text/plain", &[("charset", "utf-8")]);
    head.raw("Content-Transfer-Encoding", coding);
    head.raw("Molink-Part", &Own::text().value());
    head.0.extend_from_slice(b"\r\n");
    head.0.extend_from_slice(&body);
    head.0
}

fn several(
    message: &Message,
    parts: &[Part],
    forms: &[Form],
    open: &mut dyn FnMut(&Blob) -> std::io::Result<Box<dyn Read>>,
    to: &mut dyn Write,
) -> std::io::Result<()> {
    // `=_` occurs neither in base64 nor in quoted-printable (RFC 2045 6.7); a text that has it in a line's begin is coded.
    let boundary = format!("=_{}", message.identity);
    to.write_all(format!("Content-Type: multipart/mixed;\r\n boundary=\"{boundary}\"\r\n\r\n").as_bytes())?;
    let (told, files): (Vec<&Form>, Vec<&Form>) = forms.iter().partition(|form| form.media_type == Form::TEXT);
    let silent = !parts.iter().any(|part| matches!(part, Part::Text { .. }));
    for form in told.iter().filter(|_| silent) {
        to.write_all(format!("--{boundary}\r\n").as_bytes())?;
        to.write_all(&text_part(&String::from_utf8_lossy(&form.bytes), &boundary))?;
        to.write_all(b"\r\n")?;
    }
    for part in parts {
        to.write_all(format!("--{boundary}\r\n").as_bytes())?;
        match part {
            Part::Text { text } => {
                to.write_all(&text_part(text, &boundary))?;
                to.write_all(b"\r\n")?;
            }
            Part::Page(blob) => file(blob, Kind::Page, open, to)?,
            Part::File(blob) => file(blob, Kind::File, open, to)?,
        }
    }
    for form in files {
        to.write_all(format!("--{boundary}\r\n").as_bytes())?;
        to.write_all(&form_head(form).0)?;
        base64::encode(&mut form.bytes.as_slice(), to)?;
    }
    to.write_all(format!("--{boundary}--\r\n").as_bytes())
}

/// An attached form is no part of the message, and says so of no part.
fn form_head(form: &Form) -> Head {
    let mut head = Head::default();
    head.kind("Content-Type", &form.media_type, &[("name", &form.name)]);
    head.raw("Content-Transfer-Encoding", "base64");
    head.kind("Content-Disposition", "attachment", &[("filename", &form.name), ("size", &form.bytes.len().to_string())]);
    head.0.extend_from_slice(b"\r\n");
    head
}

fn file(blob: &Blob, kind: Kind, open: &mut dyn FnMut(&Blob) -> std::io::Result<Box<dyn Read>>, to: &mut dyn Write) -> std::io::Result<()> {
    to.write_all(&file_head(blob, kind).0)?;
    let named = |e: Error| Error::new(e.kind(), format!("`{}`: {e}", blob.name));
    let mut bytes = Counted { from: open(blob).map_err(named)?, read: 0, size: blob.size };
    base64::encode(&mut bytes, to)?;
    match bytes.read == blob.size {
        true => Ok(()),
        false => {
            Err(Error::other(format!("`{}` has {} bytes on disk, expected {}; its content is damaged", blob.name, bytes.read, blob.size)))
        }
    }
}

fn file_head(blob: &Blob, kind: Kind) -> Head {
    let (major, minor) = blob.media_type.split_once('/').unwrap_or(("", ""));
    let plain = head::media_type(major, minor);
    // RFC 2046 5.2 and 5.1: parts of these types may not be in base64, in which alone bytes stay as they are.
    let held = if plain.starts_with("message/") || plain.starts_with("multipart/") { "application/octet-stream" } else { &plain };
    let size = blob.size.to_string();
    let mut head = Head::default();
    head.kind("Content-Type", held, &[("name", &blob.name)]);
    head.raw("Content-Transfer-Encoding", "base64");
    head.kind("Content-Disposition", "attachment", &[("filename", &blob.name), ("size", &size)]);
    let media_type = (held != blob.media_type).then(|| blob.media_type.clone());
    head.raw("Molink-Part", &Own { kind, sha256: Some(blob.sha256.clone()), media_type }.value());
    head.0.extend_from_slice(b"\r\n");
    head
}

/// A stream that counts, and gives no more than one byte over what is expected.
struct Counted {
    from: Box<dyn Read>,
    read: u64,
    size: u64,
}

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let room = usize::try_from(self.size + 1 - self.read.min(self.size)).unwrap_or(usize::MAX).min(out.len());
        if self.read > self.size {
            return Ok(0);
        }
        let n = self.from.read(&mut out[..room])?;
        self.read += n as u64;
        Ok(n)
    }
}

//! What a part's header says of the part.
//!
//! Standards: RFC 2045 5 and 6 (type, transfer encoding), RFC 2183 (disposition), RFC 2231 (parameters), RFC 3676 (flowed).
//! In: the bytes of a header. Out: a [`Head`]; what is not understood is as if it were not there. mail-parser reads the fields.
//! Left out: Content-ID, Content-Location, language. Shown by: `email::mime::tests`.

use super::own::Own;
use super::walk::Multi;
use mail_parser::{MessageParser, MimeHeaders};

/// How a body is coded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Coding {
    /// As it is: 7bit, 8bit, binary, or a word we do not know.
    #[default]
    Plain,
    Base64,
    Quoted,
    Uuencode,
}

/// What a part's header says of the part.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Head {
    /// In lower case, `type/subtype`; `text/plain` when none is given.
    pub media_type: String,
    /// Whether none is given.
    pub untyped: bool,
    pub charset: Option<String>,
    pub boundary: Option<String>,
    /// As it came.
    pub name: Option<String>,
    /// Whether it is to be kept apart from the text.
    pub attachment: bool,
    pub coding: Coding,
    /// A transfer encoding that is none of ours.
    pub strange_coding: Option<String>,
    pub flowed: bool,
    pub delsp: bool,
    pub own: Option<Own>,
}

impl Head {
    pub fn read(header: &[u8]) -> Head {
        let plain = Head { media_type: "text/plain".into(), untyped: true, ..Head::default() };
        let parser = MessageParser::new().with_mime_headers().default_header_raw();
        let Some(message) = parser.parse_headers(header) else { return plain };
        let mut head = plain;
        if let Some(kind) = message.content_type() {
            head.untyped = false;
            let sub = kind.subtype().unwrap_or(if kind.ctype().eq_ignore_ascii_case("text") { "plain" } else { "x-unknown" });
            head.media_type = media_type(kind.ctype(), sub);
            let attribute = |name: &str| kind.attribute(name).map(str::to_owned);
            head.charset = attribute("charset");
            head.boundary = attribute("boundary");
            head.name = attribute("name");
            head.flowed = kind.attribute("format").is_some_and(|f| f.eq_ignore_ascii_case("flowed"));
            head.delsp = kind.attribute("delsp").is_some_and(|f| f.eq_ignore_ascii_case("yes"));
        }
        if let Some(disposition) = message.content_disposition() {
            head.attachment = disposition.ctype().eq_ignore_ascii_case("attachment");
            head.name = disposition.attribute("filename").map(str::to_owned).or(head.name);
        }
        let coding = message.content_transfer_encoding().unwrap_or_default().trim().to_ascii_lowercase();
        head.coding = match coding.as_str() {
            "base64" => Coding::Base64,
            "quoted-printable" => Coding::Quoted,
            "x-uuencode" | "uuencode" | "x-uue" => Coding::Uuencode,
            _ => Coding::Plain,
        };
        let known = matches!(coding.as_str(), "" | "7bit" | "8bit" | "binary") || head.coding != Coding::Plain;
        head.strange_coding = (!known).then(|| coding.chars().take(40).collect());
        head.own = super::fields::field(header, "Molink-Part").and_then(|value| Own::read(&value));
        head
    }

    /// How its parts belong together and what parts them, if it is a multipart that says so.
    pub fn multipart(&self) -> Option<(Multi, &[u8])> {
        let sub = self.media_type.strip_prefix("multipart/")?;
        // RFC 2046 5.1.1: at most 70 characters; spaces at its end are not part of it.
        let boundary = self.boundary.as_deref()?.trim_end().as_bytes();
        if boundary.is_empty() || boundary.len() > 250 {
            return None;
        }
        let multi = match sub {
            "alternative" => Multi::Alternative,
            "digest" => Multi::Digest,
            _ => Multi::Mixed,
        };
        Some((multi, boundary))
    }
}

/// `type/subtype` in lower case, or what stands for anything when it is not made of a type's characters.
pub(super) fn media_type(kind: &str, sub: &str) -> String {
    let token = |t: &str| (1..=100).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b));
    match token(kind) && token(sub) {
        true => format!("{kind}/{sub}").to_ascii_lowercase(),
        false => "application/octet-stream".into(),
    }
}

//! What a mail brought along that a message has no place for: where its notices go, what was asked of them, the mail as it came.
//!
//! Standards: RFC 3461 4 (NOTIFY, ORCPT, RET, ENVID), RFC 3464 2.3 (actions of a notice), RFC 3463 (status). In: a mail's envelope.
//! Out: plain values, kept with the message in the journal. Left out: what follows from them (the e-mail medium's).
//! Shown by: `tests/it/email_notices.rs`.

use super::{Blob, Identity};
use crate::time::Utc;
use serde::{Deserialize, Serialize};

/// What came with a mail; or, with `notice`, what a notice about a message has to say.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Post {
    /// The reverse-path: where notices go; empty: nowhere.
    pub reverse_path: String,
    /// The recipient, as RCPT named it.
    pub recipient: String,
    /// Who wrote it, as the mail's From field shows it; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub writer: String,
    /// The value of NOTIFY; empty: nothing was said (then failures are told).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notify: String,
    /// ORCPT without its type (`rfc822;`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_recipient: Option<String>,
    /// ENVID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envid: Option<String>,
    /// Whether RET=FULL was asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    /// Whether it came from a pinned station or a user that had logged in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trusted: bool,
    /// Whether a program may answer it by itself (RFC 3834 2).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub answerable: bool,
    /// The mail as it came, trace fields on top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<AsCame>,
    /// The message is itself a notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Notice>,
}

impl Post {
    /// Whether its sender asked to hear of a delay.
    pub fn tell_delay(&self) -> bool {
        self.notify.split(',').any(|word| word == "DELAY")
    }
}

/// A mail as it came, byte for byte.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AsCame {
    /// A short one, that is UTF-8.
    Short(String),
    /// Any other: a content of the station.
    Kept(Blob),
}

/// What a notice says of one message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Notice {
    /// The message it is about.
    pub about: Identity,
    /// `failed`, `delayed`, `delivered` or `relayed` (RFC 3464 2.3.3).
    pub action: String,
    /// Class, subject, detail: `5.1.1` (RFC 3463).
    pub status: String,
    /// Why, or what was changed on the way, in words.
    pub why: String,
    /// Until when it is tried, of a late one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Utc>,
}

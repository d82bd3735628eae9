//! The clerk of an e-mail port: tells the senders of mails what became of them, by notices.
//!
//! Standards: RFC 3464, 3461, 3834. In: the station's durable events. Out: notices, handed in as messages, each once.
//! Left out: the form of a notice (`notice`). Shown by: `tests/it/email_notices.rs`.

use super::backend::Shared;
use super::mime::Heading;
use std::sync::Arc;

/// Runs until the port ends.
pub(super) async fn run(_shared: Arc<Shared>) -> Result<(), String> {
    std::future::pending().await
}

/// A report came (a mail with the null reverse-path): learns from it what became of a message of ours. It may wait for the disk.
pub(super) fn heard(_shared: &Shared, _mail: &[u8], _heading: &Heading) {}

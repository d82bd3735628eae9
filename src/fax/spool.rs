//! What lies in the spool of a station's fax ports: calls whose pages came and whose message is not yet filed, and, for a while, those that are.
//!
//! Standards: none; ours (`docs/fax.md`). In: what was said of a message, pages. Out: values that a disk keeps (`backend_spool`).
//! Left out: the disk, pels. Shown by: `tests/it/fax_terminal.rs`, `tests/it/fax_spool.rs`.

use crate::message::{Blob, Envelope, Identity};
use crate::time::Utc;
use serde::{Deserialize, Serialize};

/// One message, or one call of a machine that does not say which message it is.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name on disk: the identity; `sub-DIGITS`; `call-MICROSECONDS`. Letters, digits and hyphens.
    pub name: String,
    /// Of a station of molink: which message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// Of a station of molink: from whom, for whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope: Option<Envelope>,
    /// The number that the far end gave (TSI).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// The sub-address that it gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The port that its first call came in at.
    #[serde(default)]
    pub port: String,
    /// When its first call began.
    pub began: Utc,
    /// How many pages it has in all, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<usize>,
    /// Whether the call ended before its last page, and no other can bring the rest.
    #[serde(default)]
    pub broken: bool,
    /// Whether its message is filed: then its pages are no longer here.
    #[serde(default)]
    pub filed: bool,
    /// Its pages, where the station keeps contents, once they are there. (The disk's business; a terminal does not look.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<Blob>,
    /// How many pages are there, from the first on. (On disk that is what files there are.)
    #[serde(skip)]
    pub pages: usize,
}

impl Entry {
    /// Whether all pages are there, and none is filed.
    pub fn waits(&self) -> bool {
        !self.filed && self.of.is_some_and(|of| self.pages >= of && self.pages > 0)
    }
}

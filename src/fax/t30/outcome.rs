//! How a call ended: which pages the far end confirmed, and if it failed, in which stage, with whom, and what was expected.
//!
//! Standards: phases A to E of ITU-T T.30 3. In: nothing. Out: values, and their sentences.
//! Left out: what follows (another try, another route: the router's business). Shown by: `fixtures/dialogues/fax`.

use super::facility::Facilities;
use std::fmt;

/// Who or what a failure is to be laid to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Blame {
    /// The line: silence, noise. Another try may go better.
    Line,
    /// The far end: it refused, or did what the standard does not have.
    Peer,
    /// This station: no room, stopped.
    Us,
}

/// A call that failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// What was being done: `while waiting for CFR`.
    pub stage: String,
    /// The far end, as it calls itself, or as it was called.
    pub peer: String,
    /// What happened instead: `no reply after 3 tries of DCS`.
    pub what: String,
    /// Whose fault it seems.
    pub blame: Blame,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.stage, self.peer, self.what)
    }
}

/// How a call went, as one end knows it. Pages are counted from 1.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// The far end's number (CSI, TSI).
    pub peer: Option<String>,
    /// The sub-address it named (SUB).
    pub sub: Option<String>,
    /// Pages confirmed by MCF: said by the caller of those it sent, by the answerer of those it answered so.
    pub confirmed: Vec<usize>,
    /// Pages answered RTP or PIP: they are there, and damaged.
    pub doubtful: Vec<usize>,
    /// What the far end said together with its DCN, if it is a station of molink (`facility`): why it refuses, or from which page on.
    pub parting: Option<Facilities>,
    /// None when all went as it should.
    pub failure: Option<Failure>,
}

impl Report {
    /// Whether every page was confirmed and the call ended in order.
    pub fn complete(&self) -> bool {
        self.failure.is_none() && self.doubtful.is_empty()
    }
}

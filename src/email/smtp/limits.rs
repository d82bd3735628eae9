//! What a session takes at the most: sizes, counts and times.
//!
//! Standard: RFC 5321 4.5.3.1 (sizes) and 4.5.3.2 (timers); the clause stands beside each.
//! In: nothing. Out: [`Limits`], [`Timer`]. Left out: how many connections there may be at once: the backend's.
//! Shown by: `fixtures/dialogues/smtp`.

use crate::time::Speed;
use std::time::Duration;

/// The most of everything that a far end may make a server session hold or do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Octets of a message as it is spooled, told in EHLO as SIZE (RFC 1870).
    pub size: u64,
    /// Octets of a message's header, of these.
    pub header: u64,
    /// Recipients of a message; RFC 5321 4.5.3.1.8 asks for 100 at the least.
    pub recipients: usize,
    /// Desks that a message of who is not known is for. More than he may ever write to at one time would be put off for ever.
    pub desks: usize,
    /// Octets of a command line with its CR LF. RFC 5321 4.5.3.1.4 has 512; the extensions add about 1,400 together.
    pub command: usize,
    /// Octets of a line of AUTH (RFC 4954 4).
    pub auth: usize,
    /// Octets of a line of text with its CR LF. RFC 5321 4.5.3.1.6 asks for 1,000 at the least.
    pub line: usize,
    /// Commands that brought no message forward, one after the other.
    pub idle_commands: u32,
    /// Commands that were refused, in a session.
    pub errors: u32,
    /// Logins that failed, in a session.
    pub logins: u32,
    /// Messages in a session.
    pub messages: u32,
    /// Octets taken in while the session waits for the world: more breaks the connection off.
    pub waiting: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            size: 25 << 20,
            header: 256 << 10,
            recipients: 1_000,
            desks: 1_000,
            command: 2_048,
            auth: 12_288,
            line: 4_096,
            idle_commands: 50,
            errors: 20,
            logins: 3,
            messages: 1_000,
            waiting: 64 << 10,
        }
    }
}

/// What a session waits for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Timer {
    /// Server: the next whole command (RFC 5321 4.5.3.2.7).
    Command,
    /// Server: the next [`BLOCK`] octets of a message, or its end (ours, after 4.5.3.2.5: a block, not an octet, so that a trickle ends).
    Block,
    /// Server: the whole session (ours).
    Session,
    /// Client: the greeting (4.5.3.2.1).
    Greeting,
    /// Client: the answer to EHLO, STARTTLS, AUTH, RSET, QUIT (not in 4.5.3.2; ours, as for MAIL).
    Answer,
    /// Client: the answer to MAIL (4.5.3.2.2).
    Mail,
    /// Client: the answer to RCPT (4.5.3.2.3).
    Recipient,
    /// Client: the answer to DATA (4.5.3.2.4).
    Data,
    /// Client: a block of data is taken by the far end, or answered (BDAT) (4.5.3.2.5).
    Sent,
    /// Client: the answer to the final dot, or to `BDAT … LAST` (4.5.3.2.6).
    Final,
    /// Both: TLS stands (ours).
    Handshake,
    /// Both: the world answers (a message on disk, the next piece of a message) (ours).
    World,
}

/// Octets of data that a client must bring within [`Timer::Block`]: about 14 a second.
pub const BLOCK: usize = 4_096;

impl Timer {
    /// Its length in life.
    pub const fn nominal(self) -> Duration {
        Duration::from_secs(match self {
            Timer::Command => 5 * 60,
            Timer::Block => 5 * 60,
            Timer::Session => 2 * 3600,
            Timer::Greeting => 5 * 60,
            Timer::Answer => 5 * 60,
            Timer::Mail => 5 * 60,
            Timer::Recipient => 5 * 60,
            Timer::Data => 2 * 60,
            Timer::Sent => 3 * 60,
            Timer::Final => 10 * 60,
            Timer::Handshake => 60,
            Timer::World => 9 * 60,
        })
    }
    /// Its length on a clock of that speed.
    pub fn length(self, speed: Speed) -> Duration {
        speed.timer(self.nominal())
    }
}

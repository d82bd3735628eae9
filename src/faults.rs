//! Planted faults and kill points, by which the tests check their own checkers (feature `faults`).
//!
//! Standards: none. In: `plant` (per thread), `MOLINK_FAULT=fault`, `MOLINK_KILL_AT=point[:n]`. Out: a wrong turn where one is asked for; SIGKILL at a point.
//! Left out of every ordinary build: without the feature all of it is constant and vanishes.
//! Shown by: `tests/it/storm.rs`, `tests/it/kill.rs`.

/// A fault that can be planted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The router shows effects before the batch is on disk.
    ReceiptBeforeSync,
    /// Messages are filed once per station and serial, whatever their date-time group.
    FilingKeyWithoutDtg,
    /// The serial restarts when the station does.
    SerialTwiceAfterRestart,
    /// Any receipt ends the delivery that is waiting.
    LateReceiptTaken,
    /// The receipt timer is not armed for a message sent again.
    TimerNotRearmed,
    /// A message sent again is enciphered with the key it was sent with before.
    RetryReusesKey,
    /// A reservation of key is not synced before the key is given out.
    ReservationNotSynced,
    /// A page of a fax is not synced before it is confirmed.
    PageNotSynced,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 8] = {
        use Fault::*;
        [
            ReceiptBeforeSync,
            FilingKeyWithoutDtg,
            SerialTwiceAfterRestart,
            LateReceiptTaken,
            TimerNotRearmed,
            RetryReusesKey,
            ReservationNotSynced,
            PageNotSynced,
        ]
    };
    /// Its name in `MOLINK_FAULT`.
    pub fn name(self) -> &'static str {
        match self {
            Fault::ReceiptBeforeSync => "receipt-before-sync",
            Fault::FilingKeyWithoutDtg => "filing-key-without-dtg",
            Fault::SerialTwiceAfterRestart => "serial-twice-after-restart",
            Fault::LateReceiptTaken => "late-receipt-taken",
            Fault::TimerNotRearmed => "timer-not-rearmed",
            Fault::RetryReusesKey => "retry-reuses-key",
            Fault::ReservationNotSynced => "reservation-not-synced",
            Fault::PageNotSynced => "page-not-synced",
        }
    }
}

/// A place in a message's life where a station may be killed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KillPoint {
    /// During start-up, the journal open.
    StartUp,
    /// A batch is about to be written.
    BeforePersist,
    /// A batch is on disk; nobody has been told.
    AfterPersist,
    /// Key for what goes out is reserved on disk; none of it has been used.
    KeyReserved,
    /// In the middle of a text going out.
    MidText,
    /// The end sequence has gone out.
    AfterEnd,
    /// A receipt has gone out.
    ReceiptSent,
    /// A receipt has come in; nobody has been told.
    ReceiptReceived,
    /// A page of a fax is in the spool, and is not confirmed.
    PageSpooled,
    /// All pages of a fax are in the spool, and their message is about to be handed over.
    BeforeHandOver,
    /// A message that came by fax is filed, and its last page is not confirmed.
    FiledNotConfirmed,
    /// A page of a fax is confirmed, and the next is to come.
    PageConfirmed,
    /// A mail has come in whole, and nothing of it is handed in.
    MailSpooled,
    /// A mail is filed, and its 250 has not gone out.
    MailFiled,
}

impl KillPoint {
    /// All of them.
    pub const ALL: [KillPoint; 14] = {
        use KillPoint::*;
        [
            StartUp,
            BeforePersist,
            AfterPersist,
            KeyReserved,
            MidText,
            AfterEnd,
            ReceiptSent,
            ReceiptReceived,
            PageSpooled,
            BeforeHandOver,
            FiledNotConfirmed,
            PageConfirmed,
            MailSpooled,
            MailFiled,
        ]
    };
    /// Those that only a fax call comes by.
    pub const OF_A_FAX: [KillPoint; 4] =
        [KillPoint::PageSpooled, KillPoint::BeforeHandOver, KillPoint::FiledNotConfirmed, KillPoint::PageConfirmed];
    /// Those that only a mail comes by.
    pub const OF_A_MAIL: [KillPoint; 2] = [KillPoint::MailSpooled, KillPoint::MailFiled];
    /// Its name in `MOLINK_KILL_AT`.
    pub fn name(self) -> &'static str {
        match self {
            KillPoint::StartUp => "start-up",
            KillPoint::BeforePersist => "before-persist",
            KillPoint::AfterPersist => "after-persist",
            KillPoint::KeyReserved => "key-reserved",
            KillPoint::MidText => "mid-text",
            KillPoint::AfterEnd => "after-end",
            KillPoint::ReceiptSent => "receipt-sent",
            KillPoint::ReceiptReceived => "receipt-received",
            KillPoint::PageSpooled => "page-spooled",
            KillPoint::BeforeHandOver => "before-hand-over",
            KillPoint::FiledNotConfirmed => "filed-not-confirmed",
            KillPoint::PageConfirmed => "page-confirmed",
            KillPoint::MailSpooled => "mail-spooled",
            KillPoint::MailFiled => "mail-filed",
        }
    }
}

#[cfg(feature = "faults")]
mod planted {
    use super::{Fault, KillPoint};
    use std::cell::Cell;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    thread_local!(static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) });

    /// Plants a fault in this thread (worlds under the driver run in one), or takes it out.
    pub fn plant(fault: Option<Fault>) {
        PLANTED.set(fault);
    }
    /// Whether the fault is planted in this thread, or by `MOLINK_FAULT` in this process.
    pub fn planted(fault: Fault) -> bool {
        static NAMED: OnceLock<Option<Fault>> = OnceLock::new();
        let named = || std::env::var("MOLINK_FAULT").ok().and_then(|name| Fault::ALL.into_iter().find(|f| f.name() == name));
        PLANTED.get() == Some(fault) || *NAMED.get_or_init(named) == Some(fault)
    }
    /// Kills this process, as `kill -9` would, the n-th time it comes to the point named in `MOLINK_KILL_AT`.
    pub fn kill_point(point: KillPoint) {
        if reached(point) {
            die();
        }
    }
    /// The same, once all codes sent so far have left: until then nothing more goes out (see `teletype::backend`).
    /// A pacer takes a good many codes ahead, so that what has been sent has not yet left.
    pub fn kill_point_once_sent(point: KillPoint) {
        if reached(point) {
            DYING.store(true, Ordering::SeqCst);
        }
    }
    /// Whether this process is to be killed once its codes have left.
    pub fn dying() -> bool {
        DYING.load(Ordering::SeqCst)
    }
    /// Kills this process.
    pub fn die() {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        std::thread::sleep(std::time::Duration::from_secs(60)); // SIGKILL arrives before this ends
    }

    static DYING: AtomicBool = AtomicBool::new(false);

    fn reached(point: KillPoint) -> bool {
        static PASSED: AtomicU32 = AtomicU32::new(0);
        let Ok(wanted) = std::env::var("MOLINK_KILL_AT") else { return false };
        let (name, nth) = wanted.split_once(':').unwrap_or((&wanted, "1"));
        name == point.name() && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == nth.parse().unwrap_or(1)
    }
}
#[cfg(feature = "faults")]
pub use planted::{die, dying, kill_point, kill_point_once_sent, plant, planted};

/// Whether the fault is planted: never, in this build.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn planted(_: Fault) -> bool {
    false
}
/// A place where a test may kill the station: nothing, in this build.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn kill_point(_: KillPoint) {}
/// The same, once what was sent has left: nothing, in this build.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn kill_point_once_sent(_: KillPoint) {}
/// Whether this process is to be killed once its codes have left: never, in this build.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn dying() -> bool {
    false
}
/// Kills this process: nothing, in this build.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn die() {}

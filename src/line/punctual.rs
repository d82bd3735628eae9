//! Threads that wake in time: on a processor of their own each, and before others where the system allows it.
//!
//! Standards: POSIX SCHED_FIFO (lowest priority). In: nothing. Out: a thread's place and priority; never an error, as it works without.
//! Left out: other systems than Linux keep one ordinary thread. Such a thread must sleep nearly always. Shown by: `tests/bench/pacing.rs`.
//!
//! Seen on Linux 6.18 (two processors, two busy programs and builds beside), codes handed over more than 5 ms late: by one ordinary
//! thread 14 to 35 in a hundred, by one on each processor 1 to 9, with real-time priority none (the worst 0.1 ms). That priority is
//! root's, or theirs whose limits give it (`rtprio` in limits.conf, `LimitRTPRIO=` of a service).

use thread_priority::{RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};

/// Where the threads that wait for the same moment live: of several on different processors one is nearly always in time.
pub fn places() -> Vec<Option<usize>> {
    let processors = processors();
    match processors.len() {
        0 | 1 => vec![None],
        2..=4 => processors.into_iter().map(Some).collect(),
        // Where there are many, one may look for an idle one itself.
        _ => processors.into_iter().take(3).map(Some).chain([None]).collect(),
    }
}

/// Puts this thread in its place, before others if allowed.
pub fn take_place(place: Option<usize>) {
    if let Some(processor) = place {
        stay_on(processor);
    }
    // Not allowed: then as everybody.
    let _ = thread_priority::set_thread_priority_and_policy(
        thread_priority::thread_native_id(),
        ThreadPriority::Min,
        ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo),
    );
}

#[cfg(target_os = "linux")]
fn processors() -> Vec<usize> {
    let allowed = rustix::thread::sched_getaffinity(None);
    allowed.map(|set| (0..rustix::thread::CpuSet::MAX_CPU).filter(|c| set.is_set(*c)).collect()).unwrap_or_default()
}

#[cfg(not(target_os = "linux"))]
fn processors() -> Vec<usize> {
    vec![]
}

#[cfg(target_os = "linux")]
fn stay_on(processor: usize) {
    let mut set = rustix::thread::CpuSet::new();
    set.set(processor);
    let _ = rustix::thread::sched_setaffinity(None, &set); // not allowed: then wherever the kernel likes
}

#[cfg(not(target_os = "linux"))]
fn stay_on(_: usize) {}

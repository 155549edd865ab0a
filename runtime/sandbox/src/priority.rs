//! Lowers the priority of background work (compiling, loading, isolated calls), so that records are moved first when
//! processors are short.

use rustix::process::{Pid, getpid, getppid, getpriority_process, setpriority_process};

/// Niceness added for background threads: other threads then get about ten times as much processor time. Half of this
/// would not keep a shared worker from waiting for an isolated call.
const NICENESS_STEP: i32 = 10;
/// The highest niceness that exists.
const NICENESS_MAX: i32 = 19;

/// Lowers the calling thread's priority below this process's.
pub(crate) fn lower_priority() {
    lower_priority_below(getpid());
}

/// Lowers a child's main thread below the process that started it.
pub(crate) fn lower_priority_in_child() {
    lower_priority_below(getppid().unwrap_or_else(getpid));
}

/// Without permission to do so the thread keeps its priority.
fn lower_priority_below(process: Pid) {
    let niceness = niceness(process).saturating_add(NICENESS_STEP).min(NICENESS_MAX);
    let _ = setpriority_process(None, niceness);
}

/// The niceness of a process's main thread.
fn niceness(process: Pid) -> i32 {
    getpriority_process(Some(process)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn threads_stand_back_behind_the_process_whatever_they_did_before() {
        let own = thread::spawn(|| {
            lower_priority();
            lower_priority();
            getpriority_process(None).expect("a niceness")
        });
        let wanted = (niceness(getpid()) + NICENESS_STEP).min(NICENESS_MAX);
        assert_eq!(own.join().expect("no panic"), wanted);
    }
}

//! What the records that are being moved have before other work, where there is not enough of the processors.

use rustix::process::{Pid, getpid, getppid, getpriority_process, setpriority_process};

/// How far a thread stands back: others then get ten times as much. Loading can wait; and whoever holds a thread for long is
/// not waited for by those that do not, which half of this would not see to.
const BEHIND: i32 = 10;
/// The highest niceness that there is.
const NICENESS_MAX: i32 = 19;

/// The calling thread stands back behind those that move records.
pub(crate) fn stand_back() {
    stand_back_behind(getpid());
}

/// A child's main thread stands back behind the process that started it.
pub(crate) fn stand_back_in_child() {
    stand_back_behind(getppid().unwrap_or_else(getpid));
}

/// If the system does not allow it, the thread is in the others' way a little.
fn stand_back_behind(process: Pid) {
    let niceness = niceness(process).saturating_add(BEHIND).min(NICENESS_MAX);
    let _ = setpriority_process(None, niceness);
}

/// A process's own as it was started, which is its main thread's.
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
            stand_back();
            stand_back();
            getpriority_process(None).expect("a niceness")
        });
        let wanted = (niceness(getpid()) + BEHIND).min(NICENESS_MAX);
        assert_eq!(own.join().expect("no panic"), wanted);
    }
}

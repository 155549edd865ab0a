//! What the records that are being moved have before other work, where there is not enough of the processors.

use rustix::process::{Pid, getpid, getppid, getpriority_process, setpriority_process};

/// How far a thread stands back behind those that move records.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Priority {
    /// It does not.
    Records,
    /// They get more than twice as much. Whoever holds a thread for long has its turn as often as others, but is not
    /// waited for by them.
    Apart,
    /// They get ten times as much: loading can wait.
    Loading,
}

/// The highest there is.
const NICENESS_MAX: i32 = 19;

impl Priority {
    /// Of the calling thread, behind the process as it was started.
    pub(crate) fn set(self) {
        self.set_behind(getpid());
    }

    /// Of a child's main thread, behind the process that started it.
    pub(crate) fn set_in_child(self) {
        self.set_behind(getppid().unwrap_or_else(getpid));
    }

    /// If the system does not allow it, the thread is in the others' way a little.
    fn set_behind(self, process: Pid) {
        let behind = match self {
            Self::Records => return,
            Self::Apart => 4,
            Self::Loading => 10,
        };
        let niceness = niceness(process).saturating_add(behind).min(NICENESS_MAX);
        let _ = setpriority_process(None, niceness);
    }
}

/// A process's own, which is its main thread's.
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
            Priority::Loading.set();
            Priority::Loading.set();
            getpriority_process(None).expect("a niceness")
        });
        let wanted = (niceness(getpid()) + 10).min(NICENESS_MAX);
        assert_eq!(own.join().expect("no panic"), wanted);
    }
}

//! What this process holds, as its kernel tells.

use std::{fmt::Debug, fs, time::Duration};

use crate::support::DEADLINE;

/// After the last fault, nothing is left of it for longer.
const BACK_WITHIN: Duration = Duration::from_secs(10);

/// Threads and file descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) threads: usize,
    pub(crate) descriptors: usize,
}

impl Held {
    pub(crate) fn now() -> Self {
        let entries = |dir: &str| fs::read_dir(dir).expect("the kernel's account").count();
        Self {
            threads: entries("/proc/self/task"),
            descriptors: entries("/proc/self/fd"),
        }
    }

    /// Waits until no more is held than this.
    pub(crate) async fn is_back(self) -> Result<(), String> {
        let fine = |now: &Self| now.threads <= self.threads && now.descriptors <= self.descriptors;
        within(BACK_WITHIN, Self::now, fine).await
    }
}

/// Resident memory in MiB.
pub(crate) fn resident_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("the kernel's account");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.expect("resident memory") >> 10
}

/// Waits until something is so, or says how it was when time was up.
pub(crate) async fn eventually<T: Debug>(look: impl Fn() -> T, fine: impl Fn(&T) -> bool) -> Result<(), String> {
    within(DEADLINE, look, fine).await
}

async fn within<T: Debug>(time: Duration, look: impl Fn() -> T, fine: impl Fn(&T) -> bool) -> Result<(), String> {
    let wait = async {
        while !fine(&look()) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    match tokio::time::timeout(time, wait).await {
        Ok(()) => Ok(()),
        Err(_) => Err(format!("after {} s it is {:?}", time.as_secs(), look())),
    }
}

//! What this process holds, as its kernel tells.

use std::{fs, time::Duration};

use crate::support::DEADLINE;

/// Threads and file descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub threads: usize,
    pub descriptors: usize,
}

impl Held {
    pub fn now() -> Self {
        let entries = |dir: &str| fs::read_dir(dir).expect("the kernel's account").count();
        Self {
            threads: entries("/proc/self/task"),
            descriptors: entries("/proc/self/fd"),
        }
    }
}

/// Resident memory in MiB.
pub fn resident_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("the kernel's account");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) >> 10
}

/// Waits until something is so, or says how it was when time was up.
pub async fn eventually<T: std::fmt::Debug>(look: impl Fn() -> T, fine: impl Fn(&T) -> bool) -> Result<(), String> {
    let wait = async {
        while !fine(&look()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    match tokio::time::timeout(DEADLINE, wait).await {
        Ok(()) => Ok(()),
        Err(_) => Err(format!("after {} s it is {:?}", DEADLINE.as_secs(), look())),
    }
}

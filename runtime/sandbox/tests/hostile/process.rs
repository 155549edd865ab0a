//! What this process holds, as its kernel tells.

use std::{
    fmt::Debug,
    fs,
    time::{Duration, Instant},
};

use crate::support::DEADLINE;

/// How long something of a behaviour may be left after it.
const BACK_WITHIN: Duration = Duration::from_secs(10);

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

/// What the machine's processors have done so far, in hundredths of a second.
#[derive(Debug, Clone, Copy)]
pub struct Worked {
    at: Instant,
    all: u64,
    own: u64,
}

impl Worked {
    pub fn now() -> Self {
        let numbers = |text: &str| -> Vec<u64> { text.split(' ').filter_map(|word| word.parse().ok()).collect() };
        let all = fs::read_to_string("/proc/stat").expect("the kernel's account");
        // Of all processors: user, nice, system, idle, waiting, interrupts (two), and what other machines took.
        let all = numbers(all.lines().next().unwrap_or_default());
        let own = fs::read_to_string("/proc/self/stat").expect("the kernel's account");
        // Behind the name, which may have spaces: the state, and 11th to 14th user and system, its own and its children's.
        let own: Vec<&str> = own.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        Self {
            at: Instant::now(),
            all: [0, 1, 2, 5, 6, 7].iter().filter_map(|field| all.get(*field)).sum(),
            own: own[11..15].iter().filter_map(|field| field.parse::<u64>().ok()).sum(),
        }
    }

    /// Whether others had less than a tenth of a processor since.
    pub fn was_quiet(self) -> bool {
        let now = Self::now();
        let others = (now.all - self.all).saturating_sub(now.own - self.own);
        others as f64 / 100.0 < self.at.elapsed().as_secs_f64() / 10.0
    }
}

/// Resident memory in bytes.
pub fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("the kernel's account");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kib.expect("resident memory") << 10
}

/// Waits until something is so, or says how it was when time was up.
pub async fn eventually<T: Debug>(look: impl Fn() -> T, fine: impl Fn(&T) -> bool) -> Result<(), String> {
    within(DEADLINE, look, fine).await
}

/// The same for what must be back where it was soon after the last fault.
pub async fn back<T: Debug>(look: impl Fn() -> T, fine: impl Fn(&T) -> bool) -> Result<(), String> {
    within(BACK_WITHIN, look, fine).await
}

async fn within<T: Debug>(time: Duration, look: impl Fn() -> T, fine: impl Fn(&T) -> bool) -> Result<(), String> {
    let wait = async {
        while !fine(&look()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    match tokio::time::timeout(time, wait).await {
        Ok(()) => Ok(()),
        Err(_) => Err(format!("after {} s it is {:?}", time.as_secs(), look())),
    }
}

//! What this process holds, as its kernel tells.

use std::{
    fmt::Debug,
    fs,
    time::{Duration, Instant},
};

use crate::support::DEADLINE;

/// How long something of a behaviour may be left after it.
const RECOVERY_TIME_MAX: Duration = Duration::from_secs(10);

/// Threads and file descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceUsage {
    pub threads: usize,
    pub descriptors: usize,
}

impl ResourceUsage {
    pub fn now() -> Self {
        let entries = |dir: &str| fs::read_dir(dir).expect("the kernel's account").count();
        Self {
            threads: entries("/proc/self/task"),
            descriptors: entries("/proc/self/fd"),
        }
    }
}

/// What other programs have had of the machine's processors so far, in hundredths of a second. Each program's own account
/// is exact; the processors' account is sampled, and much of what neighbours do happens when it is. Programs that this one
/// cannot see, in other containers, are not in it.
#[derive(Debug, Clone, Copy)]
pub struct OtherLoad {
    at: Instant,
    hundredths: u64,
}

impl OtherLoad {
    pub fn since_start() -> Self {
        let programs = fs::read_dir("/proc").expect("the kernel's account");
        // Beside programs there are `self` and `thread-self`, which is the thread that looks.
        let ids = programs.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        let accounts = ids.filter_map(|id| fs::read_to_string(format!("/proc/{id}/stat")).ok());
        let own = std::process::id().to_string();
        let others = accounts.filter_map(|account| {
            let (id, rest) = account.split_once(" (")?;
            // Behind the name, which may have anything in it: the state, the parent, and 12th to 15th user and system time,
            // its own and that of its children that have ended.
            let fields: Vec<&str> = rest.rsplit_once(')')?.1.split_whitespace().collect();
            let is_own = id == own || fields.get(1) == Some(&own.as_str());
            let times = fields.get(11..15)?.iter().filter_map(|field| field.parse::<u64>().ok());
            (!is_own).then(|| times.sum::<u64>())
        });
        Self {
            at: Instant::now(),
            hundredths: others.sum::<u64>() + taken_by_other_machines(),
        }
    }

    /// Whether they had less than a tenth of a processor since.
    pub fn was_low(self) -> bool {
        let had = Self::since_start().hundredths.saturating_sub(self.hundredths);
        (had as f64 / 100.0) < self.at.elapsed().as_secs_f64() / 10.0
    }
}

fn taken_by_other_machines() -> u64 {
    let all = fs::read_to_string("/proc/stat").expect("the kernel's account");
    let line = all.lines().next().unwrap_or_default();
    // `cpu`, then: user, nice, system, idle, waiting, interrupts (two), stolen.
    line.split_whitespace()
        .nth(8)
        .and_then(|field| field.parse().ok())
        .unwrap_or_default()
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
pub async fn recovers<T: Debug>(look: impl Fn() -> T, fine: impl Fn(&T) -> bool) -> Result<(), String> {
    within(RECOVERY_TIME_MAX, look, fine).await
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

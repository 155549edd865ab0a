//! The status of a spool.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The status of a spool, as an operator sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpoolStatus {
    /// Bytes in the spool, with keys and attributes.
    pub bytes: u64,
    /// Most bytes it may hold.
    pub bytes_max: u64,
    /// The spool is out of room: sources answer 503, sinks stop reading.
    pub full: bool,
    /// Records and messages in the spool, without refused ones.
    pub records: u64,
    /// Records among those that the broker has accepted and may still lose.
    pub unconfirmed: u64,
    /// Records that the broker will never accept, stored until they are removed.
    pub refused: u64,
    /// When the oldest was stored, in milliseconds since 1970-01-01 UTC.
    pub oldest_ms: Option<u64>,
    /// Topics whose messages are spilled to disk, because the target did not process them in time.
    pub holding: Vec<String>,
    /// The current error of each topic; empty when all is well.
    pub troubles: BTreeMap<String, String>,
}

/// The current reports of a spool's tasks.
#[derive(Default)]
pub(crate) struct StatusBoard {
    reports: Mutex<BTreeMap<SpoolTask, TaskReport>>,
    /// Something changed.
    pub(crate) changed: Notify,
}

/// A task of a spool.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SpoolTask {
    /// Publishes the records of a topic.
    Forwarder(String),
    /// Relays the messages of a topic for a subscription.
    Consumer(String, String),
}

/// The state of a task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TaskReport {
    pub(crate) trouble: Option<String>,
    pub(crate) unconfirmed: u64,
    pub(crate) oldest_ms: Option<u64>,
    pub(crate) holding: bool,
}

impl StatusBoard {
    /// Changes a task's report.
    pub(crate) fn report(&self, task: &SpoolTask, change: impl FnOnce(&mut TaskReport)) {
        let mut reports = self.reports.lock();
        if !reports.contains_key(task) {
            reports.insert(task.clone(), TaskReport::default());
        }
        let Some(report) = reports.get_mut(task) else { return };
        let before = report.clone();
        change(report);
        if *report != before {
            self.changed.notify_one();
        }
    }

    /// Removes a task that has ended.
    pub(crate) fn remove(&self, task: &SpoolTask) {
        self.reports.lock().remove(task);
        self.changed.notify_one();
    }

    /// Adds the tasks' reports to a status.
    pub(crate) fn add_to(&self, status: &mut SpoolStatus) {
        for (task, report) in &*self.reports.lock() {
            let (SpoolTask::Forwarder(topic) | SpoolTask::Consumer(topic, _)) = task;
            status.unconfirmed += report.unconfirmed;
            status.oldest_ms = [status.oldest_ms, report.oldest_ms].into_iter().flatten().min();
            if report.holding {
                status.holding.push(topic.clone());
            }
            if let Some(trouble) = &report.trouble {
                status.troubles.insert(topic.clone(), trouble.clone());
            }
        }
    }
}

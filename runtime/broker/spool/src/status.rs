//! What a spool says of itself.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// A spool as an operator sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpoolStatus {
    /// Bytes it holds, with keys and attributes.
    pub bytes: u64,
    /// Most bytes it may hold.
    pub bytes_max: u64,
    /// It refused something for want of room: sources are told to come back, sinks read no further.
    pub full: bool,
    /// Records and messages it holds, but for the refused ones.
    pub records: u64,
    /// Of these, records that the broker has accepted and may still lose.
    pub unconfirmed: u64,
    /// Records that the broker will never accept, set aside.
    pub refused: u64,
    /// When the oldest was put here, in milliseconds since 1970-01-01 UTC.
    pub oldest_ms: Option<u64>,
    /// Topics whose messages go by way of the disk, because the target did not take them in time.
    pub holding: Vec<String>,
    /// What is in the way, by topic; nothing when all is well.
    pub troubles: BTreeMap<String, String>,
}

/// Where the parts of a spool say how they are.
#[derive(Default)]
pub(crate) struct Board {
    reports: Mutex<BTreeMap<Part, Report>>,
    /// Something changed.
    pub(crate) changed: Notify,
}

/// A part of a spool.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// Publishes what is here for a topic.
    Forwarder(String),
    /// Holds the messages of a topic for a subscription.
    Consumer(String, String),
}

/// How a part is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) trouble: Option<String>,
    pub(crate) unconfirmed: u64,
    pub(crate) oldest_ms: Option<u64>,
    pub(crate) holding: bool,
}

impl Board {
    /// Changes what a part says.
    pub(crate) fn report(&self, part: &Part, change: impl FnOnce(&mut Report)) {
        let mut reports = self.reports.lock();
        if !reports.contains_key(part) {
            reports.insert(part.clone(), Report::default());
        }
        let Some(report) = reports.get_mut(part) else { return };
        let before = report.clone();
        change(report);
        if *report != before {
            self.changed.notify_one();
        }
    }

    /// A part has ended.
    pub(crate) fn forget(&self, part: &Part) {
        self.reports.lock().remove(part);
        self.changed.notify_one();
    }

    /// Adds up what the parts say.
    pub(crate) fn fill(&self, status: &mut SpoolStatus) {
        for (part, report) in &*self.reports.lock() {
            let (Part::Forwarder(topic) | Part::Consumer(topic, _)) = part;
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

//! What a connector is doing, for health, the terminal and whoever waits for it.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};

/// Crashes in a row after which a connector counts as down: by then it has been tried for more than a minute.
const CRASHES_DOWN: u32 = 30;

/// State of a running connector.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Status {
    /// Waits for its turn to start.
    Pending,
    /// Is being started; why it has not yet, if a try has failed.
    Starting(Option<String>),
    /// Works.
    #[default]
    Running,
    /// Goes on, but is held up: the reason is for the operator.
    Degraded(String),
    /// Does nothing for now, and tries again by itself, ever less often.
    Down(String),
    /// Has stopped by itself and stays so until it is changed or restarted.
    Failed(String),
    /// A fault that a fresh start may cure ended it: a panic, a subscription that is lost. Its supervisor starts it again.
    Crashed(String),
    /// Was told to stop.
    Stopped,
}

impl Status {
    /// Whether nothing follows by itself.
    fn is_final(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Crashed(_) | Self::Stopped)
    }

    /// Its name: closed metric label, and what `/health/connectors` shows.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Starting(_) => "starting",
            Self::Running => "running",
            Self::Degraded(_) => "degraded",
            Self::Down(_) => "down",
            Self::Failed(_) | Self::Crashed(_) => "failed",
            Self::Stopped => "stopped",
        }
    }

    /// Why it does not run as it should, if it does not.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Degraded(why) | Self::Down(why) | Self::Failed(why) | Self::Crashed(why) => Some(why),
            Self::Starting(why) => why.as_deref(),
            Self::Pending | Self::Running | Self::Stopped => None,
        }
    }
}

/// What can hold a connector up. Each is apart from the others: what ends one does not hide another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// The component's instances keep dying.
    Component,
    /// The target does not take writes.
    Target,
    /// The target does not answer when it is asked.
    Unreachable,
    /// The broker does not take records.
    Broker,
    /// The broker does not give messages of this subscription.
    Subscription(usize),
    /// The broker gives nothing more of this subscription, though there is something.
    Standstill(usize),
    /// The broker has skipped messages of this subscription, and no operator has acknowledged it.
    Gap(usize),
    /// This lane of a subscription waits for something.
    Lane(usize, usize),
    /// A poisonous message blocks its key on this lane of a subscription.
    BlockedKey(usize, usize),
    /// The upstream gives no events to this reader.
    Upstream(usize),
    /// The upstream does not take this reader's confirmations.
    Confirmations(usize),
}

/// Writes a connector's status: the worst of what holds it up now. `Failed`, `Crashed` and `Stopped` are final.
#[derive(Debug, Clone)]
pub struct StatusCell(Arc<Cell>);

#[derive(Debug)]
struct Cell {
    shown: watch::Sender<Status>,
    held_up: Mutex<BTreeMap<Cause, HeldUp>>,
}

#[derive(Debug)]
struct HeldUp {
    /// `Degraded` or `Down`.
    status: Status,
    last: Instant,
}

impl Default for StatusCell {
    fn default() -> Self {
        Self(Arc::new(Cell {
            shown: watch::Sender::new(Status::Running),
            held_up: Mutex::default(),
        }))
    }
}

impl StatusCell {
    /// Follows the status.
    pub fn subscribe(&self) -> watch::Receiver<Status> {
        self.0.shown.subscribe()
    }

    /// The status now.
    pub fn get(&self) -> Status {
        self.0.shown.borrow().clone()
    }

    /// This holds the connector up.
    pub(crate) fn held_up(&self, cause: Cause, reason: impl Into<String>) {
        self.note(cause, Status::Degraded(reason.into()));
    }

    /// The component's instances keep dying: so many in a row.
    pub(crate) fn crashing(&self, crashes: u32, last: &dyn std::fmt::Display) {
        let reason = format!("the component's instances keep dying, {crashes} in a row; the last time: {last}");
        self.note(
            Cause::Component,
            match crashes >= CRASHES_DOWN {
                true => Status::Down(reason),
                false => Status::Degraded(reason),
            },
        );
    }

    /// This does not hold it up any more.
    pub(crate) fn well(&self, cause: Cause) {
        let mut held_up = self.0.held_up.lock();
        if held_up.remove(&cause).is_some() {
            self.show(worst(&held_up));
        }
    }

    /// When this was last in the way, if it still counts.
    pub(crate) fn last(&self, cause: Cause) -> Option<Instant> {
        self.0.held_up.lock().get(&cause).map(|held_up| held_up.last)
    }

    /// Why, if this holds the connector up.
    pub(crate) fn why(&self, cause: Cause) -> Option<String> {
        match &self.0.held_up.lock().get(&cause)?.status {
            Status::Degraded(why) | Status::Down(why) => Some(why.clone()),
            _ => None,
        }
    }

    /// Stopped by itself.
    pub fn failed(&self, reason: impl Into<String>) {
        self.show(Status::Failed(reason.into()));
    }

    /// Ended by a fault that a fresh start may cure.
    pub(crate) fn crashed(&self, reason: impl Into<String>) {
        self.show(Status::Crashed(reason.into()));
    }

    /// Stopped because it was told to.
    pub fn stopped(&self) {
        self.show(Status::Stopped);
    }

    fn note(&self, cause: Cause, status: Status) {
        let last = Instant::now();
        let mut held_up = self.0.held_up.lock();
        held_up.insert(cause, HeldUp { status, last });
        // Told under the lock, so that news is shown in its order.
        self.show(worst(&held_up));
    }

    fn show(&self, status: Status) {
        self.0.shown.send_if_modified(|now| {
            let news = !now.is_final() && *now != status;
            if news {
                *now = status;
            }
            news
        });
    }
}

fn worst(held_up: &BTreeMap<Cause, HeldUp>) -> Status {
    let down = held_up.values().find(|h| matches!(h.status, Status::Down(_)));
    down.or_else(|| held_up.values().next())
        .map_or(Status::Running, |held_up| held_up.status.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_the_last_word() {
        let cell = StatusCell::default();
        cell.held_up(Cause::Target, "the database is away");
        cell.well(Cause::Target);
        assert_eq!(cell.get(), Status::Running);
        cell.failed("bad credentials");
        cell.well(Cause::Target);
        assert_eq!(cell.get(), Status::Failed("bad credentials".into()));
    }

    #[test]
    fn what_ends_one_cause_does_not_hide_another_and_the_worst_is_shown() {
        let cell = StatusCell::default();
        cell.held_up(Cause::Broker, "the broker is away");
        cell.crashing(CRASHES_DOWN, &"a trap");
        assert!(matches!(cell.get(), Status::Down(why) if why.contains("a trap")));
        cell.well(Cause::Broker);
        assert!(matches!(cell.get(), Status::Down(_)));
        cell.held_up(Cause::Lane(0, 1), "waits");
        cell.well(Cause::Component);
        assert_eq!(cell.get(), Status::Degraded("waits".into()));
        cell.well(Cause::Lane(0, 1));
        assert_eq!(cell.get(), Status::Running);
    }
}

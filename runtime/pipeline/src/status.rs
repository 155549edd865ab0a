//! What a connector is doing, for health, the terminal and waiting tasks.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};

/// Crashes in a row after which a connector counts as down: by then it has been tried for more than a minute.
const CRASHES_DOWN: u32 = 30;

/// State of a running connector.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Status {
    /// Waits to be started.
    Pending,
    /// Is being started; why it has not yet, if a try has failed.
    Starting(Option<String>),
    /// Works.
    #[default]
    Running,
    /// Works, but something delays it: the reason is for the operator.
    Degraded(String),
    /// Does nothing for now, and tries again by itself, ever less often.
    Down(String),
    /// Takes nothing new until an operator resumes it.
    Paused,
    /// Has stopped by itself and stays so until it is changed or restarted.
    Failed(String),
    /// A fault that a fresh start may cure ended it: a panic, a subscription that is lost. Its supervisor starts it again.
    Crashed(String),
    /// Was asked to stop.
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
            Self::Paused => "paused",
            Self::Failed(_) | Self::Crashed(_) => "failed",
            Self::Stopped => "stopped",
        }
    }

    /// Why it does not run as it should, if it does not.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Degraded(why) | Self::Down(why) | Self::Failed(why) | Self::Crashed(why) => Some(why),
            Self::Starting(why) => why.as_deref(),
            Self::Pending | Self::Running | Self::Paused | Self::Stopped => None,
        }
    }
}

/// What can degrade a connector. Each counts by itself: the end of one does not hide another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// The component's instances keep dying.
    Component,
    /// The target does not take writes.
    Target,
    /// One of the targets, by its place, takes no writes until somebody acts.
    UnfitTarget(usize),
    /// The target has put off writes of this lane of a subscription.
    PutOff(usize, usize),
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

/// Writes a connector's status: the worst of its degradations. `Failed`, `Crashed` and `Stopped` are final.
#[derive(Debug, Clone)]
pub struct StatusCell(Arc<Cell>);

#[derive(Debug)]
struct Cell {
    shown: watch::Sender<Status>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    degradations: BTreeMap<Cause, Degradation>,
    paused: bool,
}

impl State {
    /// What is shown of it: that an operator has paused it explains everything else.
    fn status(&self) -> Status {
        match self.paused {
            true => Status::Paused,
            false => worst(&self.degradations),
        }
    }
}

#[derive(Debug)]
struct Degradation {
    /// `Degraded` or `Down`.
    status: Status,
    last: Instant,
}

impl Default for StatusCell {
    fn default() -> Self {
        Self(Arc::new(Cell {
            shown: watch::Sender::new(Status::Running),
            state: Mutex::default(),
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

    /// The connector is degraded for this cause.
    pub(crate) fn degrade(&self, cause: Cause, reason: impl Into<String>) {
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

    /// This cause is over.
    pub(crate) fn recover(&self, cause: Cause) {
        let mut state = self.0.state.lock();
        if state.degradations.remove(&cause).is_some() {
            self.show(state.status());
        }
    }

    /// An operator has paused or resumed the connector.
    pub(crate) fn set_paused(&self, paused: bool) {
        let mut state = self.0.state.lock();
        state.paused = paused;
        self.show(state.status());
    }

    /// When this cause was last reported, if it still counts.
    pub(crate) fn last_seen(&self, cause: Cause) -> Option<Instant> {
        self.0
            .state
            .lock()
            .degradations
            .get(&cause)
            .map(|degradation| degradation.last)
    }

    /// The reason, if this cause degrades the connector.
    pub(crate) fn reason_of(&self, cause: Cause) -> Option<String> {
        match &self.0.state.lock().degradations.get(&cause)?.status {
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

    /// Stopped because it was asked to.
    pub fn stopped(&self) {
        self.show(Status::Stopped);
    }

    fn note(&self, cause: Cause, status: Status) {
        let last = Instant::now();
        let mut state = self.0.state.lock();
        state.degradations.insert(cause, Degradation { status, last });
        // Shown under the lock, so that changes are shown in their order.
        self.show(state.status());
    }

    fn show(&self, status: Status) {
        self.0.shown.send_if_modified(|now| {
            let changed = !now.is_final() && *now != status;
            if changed {
                *now = status;
            }
            changed
        });
    }
}

fn worst(degradations: &BTreeMap<Cause, Degradation>) -> Status {
    let down = degradations.values().find(|h| matches!(h.status, Status::Down(_)));
    down.or_else(|| degradations.values().next())
        .map_or(Status::Running, |degradation| degradation.status.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_final() {
        let cell = StatusCell::default();
        cell.degrade(Cause::Target, "the database is away");
        cell.recover(Cause::Target);
        assert_eq!(cell.get(), Status::Running);
        cell.failed("bad credentials");
        cell.recover(Cause::Target);
        assert_eq!(cell.get(), Status::Failed("bad credentials".into()));
    }

    #[test]
    fn what_ends_one_cause_does_not_hide_another_and_the_worst_is_shown() {
        let cell = StatusCell::default();
        cell.degrade(Cause::Broker, "the broker is away");
        cell.crashing(CRASHES_DOWN, &"a trap");
        assert!(matches!(cell.get(), Status::Down(why) if why.contains("a trap")));
        cell.recover(Cause::Broker);
        assert!(matches!(cell.get(), Status::Down(_)));
        cell.degrade(Cause::Lane(0, 1), "waits");
        cell.recover(Cause::Component);
        assert_eq!(cell.get(), Status::Degraded("waits".into()));
        cell.recover(Cause::Lane(0, 1));
        assert_eq!(cell.get(), Status::Running);
    }

    #[test]
    fn a_paused_connector_says_so_whatever_else_is_wrong_and_goes_on_as_it_was() {
        let cell = StatusCell::default();
        cell.set_paused(true);
        cell.degrade(Cause::Target, "the database is away");
        assert_eq!(cell.get(), Status::Paused);
        cell.set_paused(false);
        assert_eq!(cell.get(), Status::Degraded("the database is away".into()));
        cell.failed("bad credentials");
        cell.set_paused(true);
        assert_eq!(cell.get(), Status::Failed("bad credentials".into()));
    }
}

//! One connector as the supervisor holds it: what is desired of it, and what its task reports.

use std::sync::Arc;

use danube_wasm_model::ConnectorId;
use tokio::sync::watch;

use super::{Condition, Direction, Launcher, Shared, task::Task};
use crate::status::Status;

/// A connector as it is to run.
pub(super) struct Version<L: Launcher> {
    /// Higher than any before it.
    pub(super) number: u64,
    pub(super) spec: L::Spec,
    pub(super) direction: Direction,
    pub(super) claims: Vec<String>,
    pub(super) prepared: L::Prepared,
    /// Connectors that are leaving and still hold one of these claims.
    pub(super) after: Vec<Wait<L::Error>>,
    /// First tries of sinks that this source goes after.
    pub(super) sinks_first: Vec<Wait<L::Error>>,
}

/// What is desired of a connector.
pub(super) enum Desired<L: Launcher> {
    Run(Arc<Version<L>>),
    /// After these.
    Stop(Arc<[Wait<L::Error>]>),
}

impl<L: Launcher> Clone for Desired<L> {
    fn clone(&self) -> Self {
        match self {
            Self::Run(version) => Self::Run(version.clone()),
            Self::Stop(after) => Self::Stop(after.clone()),
        }
    }
}

/// What a connector's task reports.
#[derive(Debug, Clone)]
pub(super) struct Report<E> {
    pub(super) condition: Condition,
    /// Number of the newest version that was tried, and what came of its last try.
    pub(super) tried: u64,
    pub(super) outcome: Option<Outcome<E>>,
    /// How often it has stopped.
    pub(super) stops: u64,
}

/// What came of a try to start.
#[derive(Debug, Clone)]
pub(super) enum Outcome<E> {
    Started,
    Waiting(String),
    Refused(E),
}

/// Waits for a report of a connector's task, or for the end of the task.
#[derive(Debug)]
pub(super) struct Wait<E> {
    report: watch::Receiver<Report<E>>,
    event: Event,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    /// A version of this number, or a newer one, has been tried.
    Tried(u64),
    /// It has stopped more often than this.
    Stopped(u64),
}

impl<E> Clone for Wait<E> {
    fn clone(&self) -> Self {
        Self {
            report: self.report.clone(),
            event: self.event,
        }
    }
}

impl<E: Clone> Wait<E> {
    /// Waits for it. Gives what came of the try, if it is one.
    pub(super) async fn done(mut self) -> Option<Outcome<E>> {
        let event = self.event;
        let happened = |report: &Report<E>| match event {
            Event::Tried(number) => report.tried >= number,
            Event::Stopped(before) => report.stops > before,
        };
        let report = self.report.wait_for(happened).await.ok()?;
        report.outcome.clone()
    }
}

/// See the module.
pub(super) struct Slot<L: Launcher> {
    /// As it was desired to run last.
    version: Arc<Version<L>>,
    desired: watch::Sender<Desired<L>>,
    report: watch::Receiver<Report<L::Error>>,
}

impl<L: Launcher> Slot<L> {
    /// Begins a task that runs this.
    pub(super) fn spawn(shared: Arc<Shared<L>>, id: ConnectorId, version: Arc<Version<L>>) -> Self {
        let desired = watch::Sender::new(Desired::Run(version.clone()));
        let report = watch::Sender::new(Report {
            condition: Condition {
                direction: version.direction,
                status: Status::Pending,
                restarts: 0,
            },
            tried: 0,
            outcome: None,
            stops: 0,
        });
        shared.launcher.changed(&id, &report.borrow().condition);
        let slot = Self {
            version,
            desired: desired.clone(),
            report: report.subscribe(),
        };
        tokio::spawn(Task::new(shared, id, desired.subscribe(), report).run_guarded());
        slot
    }

    /// Tells the task to run this.
    pub(super) fn run(&mut self, version: Arc<Version<L>>) {
        self.version = version.clone();
        self.desired.send_replace(Desired::Run(version));
    }

    /// Tells the task to stop after these.
    pub(super) fn stop(&mut self, after: Arc<[Wait<L::Error>]>) {
        self.desired.send_replace(Desired::Stop(after));
    }

    /// Whether this is desired, and has not ended by itself.
    pub(super) fn runs(&self, spec: &L::Spec) -> bool {
        let report = self.report.borrow();
        let refused = matches!(report.outcome, Some(Outcome::Refused(_)));
        let ended = matches!(report.condition.status, Status::Failed(_) | Status::Crashed(_));
        self.version.spec == *spec && !self.is_leaving() && !refused && !ended
    }

    pub(super) fn is_leaving(&self) -> bool {
        matches!(*self.desired.borrow(), Desired::Stop(_))
    }

    pub(super) fn direction(&self) -> Direction {
        self.version.direction
    }

    pub(super) fn claims_any(&self, claims: &[String]) -> bool {
        self.version.claims.iter().any(|claim| claims.contains(claim))
    }

    pub(super) fn condition(&self) -> Condition {
        self.report.borrow().condition.clone()
    }

    /// When it has stopped once more.
    pub(super) fn stopped(&self) -> Wait<L::Error> {
        let stops = self.report.borrow().stops;
        self.wait(Event::Stopped(stops))
    }

    /// When this version has been tried.
    pub(super) fn tried(&self, number: u64) -> Wait<L::Error> {
        self.wait(Event::Tried(number))
    }

    fn wait(&self, event: Event) -> Wait<L::Error> {
        Wait {
            report: self.report.clone(),
            event,
        }
    }
}

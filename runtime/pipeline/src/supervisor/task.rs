//! The task of one connector: brings it up as it is desired, stays with it, starts it again when it crashes, takes it down.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use danube_wasm_model::{ConnectorId, clock};
use futures_util::FutureExt;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{
    Condition, Desired, Direction, Launcher, Outcome, Report, Running, SINKS_FIRST_MAX, Shared, StartError, Version,
    Wait,
};
use crate::{
    backoff::{Backoff, BackoffPolicy},
    failpoints::{self, FailPoint},
    panics,
    status::Status,
};

/// Longest wait between tries of what is expected to pass: when it has, the connector starts no later than this.
const TRY_WAIT_MAX: Duration = Duration::from_secs(5);
/// After so long without a crash, the next one counts as the first.
const CRASHES_FORGOTTEN: Duration = Duration::from_secs(60);

/// See the module.
pub(super) struct Task<L: Launcher> {
    shared: Arc<Shared<L>>,
    id: ConnectorId,
    desired: watch::Receiver<Desired<L>>,
    report: watch::Sender<Report<L::Error>>,
    live: Option<Live<L>>,
    drains: JoinSet<()>,
    crashes: Backoff,
}

/// A connector that was started.
struct Live<L: Launcher> {
    connector: Arc<dyn Running>,
    version: Arc<Version<L>>,
    since: Instant,
}

/// Something else is desired, or nobody is there to desire anything.
struct Superseded;

impl<L: Launcher> Task<L> {
    pub(super) fn new(
        shared: Arc<Shared<L>>,
        id: ConnectorId,
        desired: watch::Receiver<Desired<L>>,
        report: watch::Sender<Report<L::Error>>,
    ) -> Self {
        Self {
            shared,
            id,
            desired,
            report,
            live: None,
            drains: JoinSet::new(),
            crashes: BackoffPolicy::default().start(),
        }
    }

    /// Runs until the connector has stopped and is no longer desired. A panic of this task itself is reported.
    pub(super) async fn run_guarded(self) {
        let (shared, id) = (self.shared.clone(), self.id.clone());
        if let Err(panic) = AssertUnwindSafe(self.run()).catch_unwind().await {
            shared.launcher.lost(&id, &panics::message(&*panic));
        }
    }

    async fn run(mut self) {
        // The sender is dropped with the supervisor.
        while self.desired.has_changed().is_ok() {
            let desired = self.desired.borrow_and_update().clone();
            match desired {
                Desired::Run(version) => {
                    if self.bring_up(&version).await.is_ok() {
                        self.stay().await;
                    }
                }
                Desired::Stop(after) => {
                    if self.take_down(&after).await.is_ok() && self.leave() {
                        return;
                    }
                }
            }
        }
    }

    /// Starts this version, as often as it takes. Done when it runs, or when only the user can help.
    async fn bring_up(&mut self, version: &Arc<Version<L>>) -> Result<(), Superseded> {
        if self.live.is_none() {
            self.say(Status::Pending);
        }
        // What is waited for may hang, and must not hold this one up.
        let left = timeout(self.shared.grace, all(&version.after));
        drop(self.unless_superseded(left).await?);
        let tried = timeout(SINKS_FIRST_MAX, all(&version.sinks_first));
        drop(self.unless_superseded(tried).await?);
        if version.direction == Direction::Sink {
            self.drain().await;
        }
        let mut backoff = BackoffPolicy::default().up_to(TRY_WAIT_MAX).start();
        let mut last = None;
        loop {
            match self.attempt(version, last.take()).await? {
                Ok(connector) => {
                    self.replace(connector, version);
                    self.settle(version, Outcome::Started);
                    return Ok(());
                }
                Err(StartError::Permanent(error)) => {
                    self.refused(&error);
                    self.settle(version, Outcome::Refused(error));
                    return Ok(());
                }
                Err(StartError::Transient(why)) => {
                    let wait = backoff.next(None);
                    tracing::warn!(connector = %self.id, %why, tries = backoff.tries(), wait_ms = clock::millis(wait), "not started yet; trying again");
                    self.say(self.waiting(&why));
                    self.settle(version, Outcome::Waiting(why.clone()));
                    last = Some(why);
                    self.unless_superseded(sleep(wait)).await?;
                }
            }
        }
    }

    /// One try, when there is room for it.
    async fn attempt(
        &mut self,
        version: &Version<L>,
        last: Option<String>,
    ) -> Result<Result<Arc<dyn Running>, StartError<L::Error>>, Superseded> {
        let shared = self.shared.clone();
        let id = self.id.clone();
        let permit = self.unless_superseded(shared.starts.acquire()).await?;
        if self.live.is_none() {
            self.say(Status::Starting(last));
        }
        let starting = async {
            failpoints::reach(FailPoint::Starting);
            shared.launcher.start(&id, &version.prepared).await
        };
        let started = self
            .unless_superseded(AssertUnwindSafe(starting).catch_unwind())
            .await?;
        drop(permit);
        Ok(started.unwrap_or_else(|panic| {
            let why = format!("the host panicked while it started: {}", panics::message(&*panic));
            Err(StartError::Transient(why))
        }))
    }

    /// This one runs now; a source's predecessor drains beside it.
    fn replace(&mut self, connector: Arc<dyn Running>, version: &Arc<Version<L>>) {
        let status = connector.status().borrow().clone();
        let live = Live {
            connector,
            version: version.clone(),
            since: Instant::now(),
        };
        if let Some(old) = self.live.replace(live) {
            self.begin_drain(old);
        }
        self.say(status);
    }

    /// Only the user can help. A source's predecessor keeps its endpoints and runs on.
    fn refused(&mut self, error: &L::Error) {
        let why = error.to_string();
        tracing::error!(connector = %self.id, %why, "the connector cannot start: correct what is wrong, and apply the file again or restart");
        self.say(match &self.live {
            Some(_) => Status::Degraded(format!(
                "it runs as it was before; as it is configured now it cannot: {why}"
            )),
            None => Status::Failed(why),
        });
    }

    /// Follows what runs until something else is desired, and starts it again when it crashes.
    async fn stay(&mut self) {
        loop {
            let Some(live) = &self.live else {
                return drop(self.desired.changed().await);
            };
            let is_current = self.is_current(live);
            let mut status = live.connector.status();
            let now = status.borrow_and_update().clone();
            if let Status::Crashed(why) = now {
                if self.restart(why).await.is_err() {
                    return;
                }
                continue;
            }
            if is_current {
                self.say(now);
            }
            tokio::select! {
                biased;
                _ = self.desired.changed() => return,
                followed = status.changed() => if followed.is_err() {
                    return drop(self.desired.changed().await);
                }
            }
        }
    }

    /// Waits, ever longer, and starts what has crashed again. A source answers that it is not there meanwhile.
    async fn restart(&mut self, why: String) -> Result<(), Superseded> {
        let Some(live) = &self.live else { return Ok(()) };
        let version = live.version.clone();
        if live.since.elapsed() >= CRASHES_FORGOTTEN {
            self.crashes = BackoffPolicy::default().start();
        }
        let wait = self.crashes.next(None);
        tracing::error!(connector = %self.id, %why, crashes = self.crashes.tries(), wait_ms = clock::millis(wait), "the connector has crashed; it is started again");
        self.say(Status::Crashed(why));
        if version.direction == Direction::Sink {
            self.drain().await;
        }
        self.unless_superseded(sleep(wait)).await?;
        self.change(|report| report.condition.restarts += 1);
        self.bring_up(&version).await
    }

    /// Drains, after these.
    async fn take_down(&mut self, after: &[Wait<L::Error>]) -> Result<(), Superseded> {
        self.unless_superseded(all(after)).await?;
        self.drain().await;
        self.say(Status::Stopped);
        self.report.send_modify(|report| report.stops += 1);
        Ok(())
    }

    /// Gives the slot up, unless the connector is desired again.
    fn leave(&self) -> bool {
        let mut slots = self.shared.slots.lock();
        let wanted = self.desired.has_changed().unwrap_or(false);
        if !wanted {
            slots.by_id.remove(&self.id);
            self.shared.launcher.removed(&self.id);
        }
        !wanted
    }

    /// Drains what runs, and waits for it and for predecessors that still drain.
    async fn drain(&mut self) {
        if let Some(live) = self.live.take() {
            self.begin_drain(live);
        }
        // A panic has been logged; what is left of the connector is dropped with it.
        while self.drains.join_next().await.is_some() {}
    }

    fn begin_drain(&mut self, live: Live<L>) {
        let deadline = Instant::now() + self.shared.grace;
        self.drains.spawn(async move { live.connector.drain(deadline).await });
    }

    async fn unless_superseded<T>(&mut self, done: impl Future<Output = T>) -> Result<T, Superseded> {
        tokio::select! {
            biased;
            _ = self.desired.changed() => Err(Superseded),
            done = done => Ok(done),
        }
    }

    /// Whether what runs is the newest version that was tried.
    fn is_current(&self, live: &Live<L>) -> bool {
        live.version.number >= self.report.borrow().tried
    }

    fn waiting(&self, why: &str) -> Status {
        match &self.live {
            Some(_) => Status::Degraded(format!(
                "it runs as it was before; as it is configured now it waits: {why}"
            )),
            None => Status::Starting(Some(why.to_owned())),
        }
    }

    fn settle(&self, version: &Version<L>, outcome: Outcome<L::Error>) {
        self.report.send_if_modified(|report| {
            // An older one that is started again after a crash says nothing about the newest.
            let is_newest = version.number >= report.tried;
            if is_newest {
                (report.tried, report.outcome) = (version.number, Some(outcome));
            }
            is_newest
        });
    }

    fn say(&self, status: Status) {
        self.change(|report| report.condition.status = status);
    }

    /// Changes the connector's condition, and reports it if it differs.
    fn change(&self, change: impl FnOnce(&mut Report<L::Error>)) {
        let mut changed: Option<Condition> = None;
        self.report.send_if_modified(|report| {
            let before = report.condition.clone();
            change(report);
            changed = (report.condition != before).then(|| report.condition.clone());
            changed.is_some()
        });
        if let Some(condition) = changed {
            self.shared.launcher.changed(&self.id, &condition);
        }
    }
}

async fn all<E: Clone>(waits: &[Wait<E>]) {
    for wait in waits {
        wait.clone().done().await;
    }
}

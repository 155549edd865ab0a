//! Starts, changes and stops connectors so that what runs is what is desired.
//!
//! [`Supervisor::apply`] is the one way in: the first start, a reload and the end of a pipeline are all a difference
//! between what runs and what is desired. Everything new is prepared (components loaded, settings checked) before
//! anything that runs is touched, so a bad change is refused whole. Sinks start before sources, so that nothing is
//! published before its subscription is there; sources stop before sinks. A changed source is started beside its
//! predecessor, which then drains; a changed sink waits for its predecessor to drain, because both would read the same
//! subscription.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use danube_wasm_model::ConnectorId;
use tokio::{sync::watch, time::Instant};

use crate::{
    failpoints::{self, FailPoint},
    status::Status,
};

/// Which way a connector moves data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// From the broker to a target. Starts first.
    Sink,
    /// From the outside world to the broker. Stops first.
    Source,
}

/// Makes connectors from what the user wrote.
#[async_trait]
pub trait Launcher: Send + Sync + 'static {
    /// What the user wrote about one connector. Equal specs mean: leave it running.
    type Spec: Clone + PartialEq + Send + Sync + 'static;
    /// A connector that is ready to start and has touched nothing outside.
    type Prepared: Send;
    /// Why it can't.
    type Error: fmt::Display + Send;

    /// Which way it moves data.
    fn direction(&self, spec: &Self::Spec) -> Direction;

    /// Loads and checks, without binding, subscribing or writing anything.
    async fn prepare(&self, id: &ConnectorId, spec: &Self::Spec) -> Result<Self::Prepared, Self::Error>;

    /// Starts it. A source with a predecessor takes over its endpoints.
    async fn start(&self, id: &ConnectorId, prepared: Self::Prepared) -> Result<Arc<dyn Running>, Self::Error>;

    /// It has drained and is wanted no more: what is kept about it may go.
    fn gone(&self, id: &ConnectorId);
}

/// A connector that runs.
#[async_trait]
pub trait Running: Send + Sync + 'static {
    /// Follows its status.
    fn status(&self) -> watch::Receiver<Status>;

    /// Takes nothing new, finishes what it has, ends; at the deadline at the latest.
    async fn drain(&self, deadline: Instant);
}

/// What runs.
pub struct Supervisor<L: Launcher> {
    launcher: L,
    grace: Duration,
    running: tokio::sync::Mutex<BTreeMap<ConnectorId, Entry<L::Spec>>>,
}

struct Entry<S> {
    spec: S,
    direction: Direction,
    connector: Arc<dyn Running>,
}

/// What [`Supervisor::apply`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// New ones.
    pub started: Vec<ConnectorId>,
    /// Those that run with another specification now.
    pub changed: Vec<ConnectorId>,
    /// Those that are gone.
    pub stopped: Vec<ConnectorId>,
    /// Those that were left alone.
    pub unchanged: Vec<ConnectorId>,
}

/// Connectors that could not be prepared or started, each with its reason.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(|(id, why)| format!("{id}: {why}")).collect::<Vec<_>>().join("\n"))]
pub struct Refused<E: fmt::Display>(pub Vec<(ConnectorId, E)>);

impl<L: Launcher> Supervisor<L> {
    /// Nothing runs yet. `grace` is how long a connector may take to drain.
    pub fn new(launcher: L, grace: Duration) -> Self {
        Self {
            launcher,
            grace,
            running: tokio::sync::Mutex::default(),
        }
    }

    /// What makes connectors.
    pub fn launcher(&self) -> &L {
        &self.launcher
    }

    /// Makes what runs what is desired. On a refusal by `prepare` nothing has changed; after a failed start the
    /// connectors that are not named in the error run as desired.
    pub async fn apply(&self, desired: Vec<(ConnectorId, L::Spec)>) -> Result<Applied, Refused<L::Error>> {
        let mut running = self.running.lock().await;
        let mut applied = Applied::default();
        let mut refused = Vec::new();
        let mut prepared = Vec::new();
        for (id, spec) in &desired {
            if running
                .get(id)
                .is_some_and(|entry| entry.spec == *spec && !has_ended(&entry.connector))
            {
                applied.unchanged.push(id.clone());
                continue;
            }
            match self.launcher.prepare(id, spec).await {
                Ok(ready) => prepared.push((self.launcher.direction(spec), id.clone(), spec.clone(), ready)),
                Err(error) => refused.push((id.clone(), error)),
            }
        }
        if !refused.is_empty() {
            return Err(Refused(refused));
        }
        // Sources that go, go first: what they publish last is still read.
        let gone: Vec<_> = running
            .keys()
            .filter(|id| !desired.iter().any(|(wanted, _)| wanted == *id))
            .cloned()
            .collect();
        self.stop(&mut running, &gone, Direction::Source).await;
        prepared.sort_by_key(|(direction, ..)| *direction);
        for (direction, id, spec, ready) in prepared {
            let mut predecessor = running.remove(&id);
            if direction == Direction::Sink
                && let Some(old) = predecessor.take()
            {
                old.connector.drain(self.deadline()).await;
                applied.changed.push(id.clone());
            }
            failpoints::reach(FailPoint::Starting);
            match self.launcher.start(&id, ready).await {
                Ok(connector) => {
                    running.insert(
                        id.clone(),
                        Entry {
                            spec,
                            direction,
                            connector,
                        },
                    );
                    match predecessor {
                        Some(old) => {
                            old.connector.drain(self.deadline()).await;
                            applied.changed.push(id);
                        }
                        None if applied.changed.last() == Some(&id) => {}
                        None => applied.started.push(id),
                    }
                }
                Err(error) => {
                    // A source's predecessor still has its endpoints: it goes on.
                    predecessor
                        .into_iter()
                        .for_each(|old| drop(running.insert(id.clone(), old)));
                    refused.push((id, error));
                }
            }
        }
        self.stop(&mut running, &gone, Direction::Sink).await;
        gone.iter().for_each(|id| self.launcher.gone(id));
        applied.stopped = gone;
        if refused.is_empty() {
            Ok(applied)
        } else {
            Err(Refused(refused))
        }
    }

    /// Stops everything: sources, then sinks.
    pub async fn shutdown(&self) {
        let mut running = self.running.lock().await;
        let all: Vec<_> = running.keys().cloned().collect();
        self.stop(&mut running, &all, Direction::Source).await;
        self.stop(&mut running, &all, Direction::Sink).await;
    }

    /// The status of each connector.
    pub async fn statuses(&self) -> Vec<(ConnectorId, watch::Receiver<Status>)> {
        let running = self.running.lock().await;
        running
            .iter()
            .map(|(id, entry)| (id.clone(), entry.connector.status()))
            .collect()
    }

    /// Drains those of one direction, side by side.
    async fn stop(
        &self,
        running: &mut BTreeMap<ConnectorId, Entry<L::Spec>>,
        ids: &[ConnectorId],
        direction: Direction,
    ) {
        let deadline = self.deadline();
        let mut draining = tokio::task::JoinSet::new();
        for id in ids {
            if running.get(id).is_some_and(|entry| entry.direction == direction)
                && let Some(entry) = running.remove(id)
            {
                draining.spawn(async move { entry.connector.drain(deadline).await });
            }
        }
        while draining.join_next().await.is_some() {}
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.grace
    }
}

/// A connector that failed is started again when its specification is applied again.
fn has_ended(connector: &Arc<dyn Running>) -> bool {
    matches!(*connector.status().borrow(), Status::Failed(_) | Status::Stopped)
}

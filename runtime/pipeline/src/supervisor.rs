//! Starts, changes, restarts and stops connectors so that what runs is what is desired.
//!
//! Every connector has a task of its own (see [`task`]), and no connector waits for another:
//!
//! ```text
//! pending → starting → running ⇄ degraded, down
//!              ↑ ↓         ↓
//!   a try failed for now   crashed: `failed`, then starting again, ever less often
//!   or needs the user: `failed`, until it is changed             told to stop: draining → stopped
//! ```
//!
//! [`Supervisor::dispatch`] is the one way in: the first start, a reload and the end of a pipeline are all a difference
//! between what runs and what is desired. Everything new is prepared (components loaded, settings checked) before
//! anything that runs is touched, so a bad change is refused whole. What is desired can change at any time, also while
//! connectors start or stop.
//!
//! Order is kept only where it is needed. A new source waits, for a while, until the sinks that were desired with it have
//! been tried once, so that nothing is published before its subscription is there; a sink that leaves drains after the
//! sources that leave with it. A changed source starts beside its predecessor, which then drains; a changed sink waits for
//! its predecessor to drain, because both would read the same subscription. What two connectors cannot both have
//! ([`Launcher::claims`]) is waited for until the one that leaves has let it go.

mod slot;
mod task;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use danube_wasm_model::ConnectorId;
use parking_lot::Mutex;
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};

use self::slot::{Desired, Outcome, Report, Slot, Version, Wait};
use crate::status::Status;

/// Most tries to start a connector that are under way at a time.
const STARTS_MAX: usize = 8;
/// Longest wait of a source for the first tries of sinks: one that hangs must not hold it up.
const SINKS_FIRST_MAX: Duration = Duration::from_secs(10);
/// Longest time that [`Applying::settled`] waits for first tries.
const FIRST_TRIES_MAX: Duration = Duration::from_secs(30);

/// Which way a connector moves data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// From the broker to a target.
    Sink,
    /// From the outside world to the broker.
    Source,
}

/// Why a connector did not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartError<E> {
    /// Expected to pass: the broker is away, a topic is not made yet. It is tried again.
    Transient(String),
    /// Needs the user.
    Permanent(E),
}

/// How a connector is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Which way it moves data.
    pub direction: Direction,
    /// What it is doing.
    pub status: Status,
    /// How often it has been started again after a crash.
    pub restarts: u64,
}

/// Makes connectors from what the user wrote.
#[async_trait]
pub trait Launcher: Send + Sync + 'static {
    /// What the user wrote about one connector. Equal specs mean: leave it running.
    type Spec: Clone + PartialEq + Send + Sync + 'static;
    /// A connector that is ready to start and has touched nothing outside.
    type Prepared: Send + Sync + 'static;
    /// Why it can't.
    type Error: fmt::Display + Clone + Send + Sync + 'static;

    /// Which way it moves data.
    fn direction(&self, spec: &Self::Spec) -> Direction;

    /// What no two connectors can have at a time, by name: an address, a subscription for one consumer.
    fn claims(&self, _: &Self::Spec) -> Vec<String> {
        Vec::new()
    }

    /// Loads and checks, without binding, subscribing or writing anything.
    async fn prepare(&self, id: &ConnectorId, spec: &Self::Spec) -> Result<Self::Prepared, Self::Error>;

    /// Starts it. A source with a predecessor takes over its endpoints. Called again when it fails for now, and when the
    /// connector has crashed; dropped when something else is desired meanwhile.
    async fn start(
        &self,
        id: &ConnectorId,
        prepared: &Self::Prepared,
    ) -> Result<Arc<dyn Running>, StartError<Self::Error>>;

    /// It is so from now on. Called in order.
    fn changed(&self, id: &ConnectorId, condition: &Condition);

    /// Its task has panicked: nobody follows this connector any more.
    fn lost(&self, id: &ConnectorId, why: &str);

    /// It has drained and is wanted no more: what is kept about it may be deleted.
    fn removed(&self, id: &ConnectorId);
}

/// A connector that runs.
#[async_trait]
pub trait Running: Send + Sync + 'static {
    /// Follows its status.
    fn status(&self) -> watch::Receiver<Status>;

    /// Takes nothing new, finishes what it has, ends; at the deadline at the latest.
    async fn drain(&self, deadline: Instant);
}

/// What [`Supervisor::dispatch`] did, when every connector has been tried once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// New ones.
    pub started: Vec<ConnectorId>,
    /// Those that run with another specification now.
    pub changed: Vec<ConnectorId>,
    /// Those that were removed.
    pub stopped: Vec<ConnectorId>,
    /// Those that were left alone.
    pub unchanged: Vec<ConnectorId>,
    /// New and changed ones that could not start yet, each with what it waits for.
    pub waiting: Vec<(ConnectorId, String)>,
}

/// Connectors that could not be prepared or started, each with its reason.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(|(id, why)| format!("{id}: {why}")).collect::<Vec<_>>().join("\n"))]
pub struct Refused<E: fmt::Display>(pub Vec<(ConnectorId, E)>);

/// What runs. Dropping it drops every connector undrained.
pub struct Supervisor<L: Launcher>(Arc<Shared<L>>);

struct Shared<L: Launcher> {
    launcher: L,
    grace: Duration,
    starts: Semaphore,
    slots: Mutex<Slots<L>>,
}

struct Slots<L: Launcher> {
    by_id: BTreeMap<ConnectorId, Slot<L>>,
    versions: u64,
}

impl<L: Launcher> Supervisor<L> {
    /// Nothing runs yet. `grace` is how long a connector may take to drain.
    pub fn new(launcher: L, grace: Duration) -> Self {
        Self(Arc::new(Shared {
            launcher,
            grace,
            starts: Semaphore::new(STARTS_MAX),
            slots: Mutex::new(Slots {
                by_id: BTreeMap::new(),
                versions: 0,
            }),
        }))
    }

    /// What makes connectors.
    pub fn launcher(&self) -> &L {
        &self.0.launcher
    }

    /// Begins to make what runs what is desired. On a refusal nothing has changed. The rest happens by itself;
    /// [`Applying::settled`] returns the result.
    pub async fn dispatch(
        &self,
        desired: Vec<(ConnectorId, L::Spec)>,
    ) -> Result<Applying<L::Error>, Refused<L::Error>> {
        let (mut fresh, mut unchanged, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for (id, spec) in desired {
            if self.0.runs(&id, &spec) {
                unchanged.push(id);
                continue;
            }
            match self.0.launcher.prepare(&id, &spec).await {
                Ok(prepared) => fresh.push((id, spec, prepared)),
                Err(error) => refused.push((id, error)),
            }
        }
        match refused.is_empty() {
            true => Ok(self.0.transition(fresh, unchanged)),
            false => Err(Refused(refused)),
        }
    }

    /// Dispatches, and waits until it has settled.
    pub async fn apply(&self, desired: Vec<(ConnectorId, L::Spec)>) -> Result<Applied, Refused<L::Error>> {
        self.dispatch(desired).await?.settled().await
    }

    /// Stops everything: sources, then sinks. What was leaving already is waited for, too.
    pub async fn shutdown(&self) {
        drop(self.0.transition(Vec::new(), Vec::new()));
        let leaving: Vec<_> = self.0.slots.lock().by_id.values().map(Slot::stopped).collect();
        for wait in leaving {
            wait.done().await;
        }
    }

    /// How each connector is.
    pub fn conditions(&self) -> Vec<(ConnectorId, Condition)> {
        let slots = self.0.slots.lock();
        let each = slots.by_id.iter();
        each.map(|(id, slot)| (id.clone(), slot.condition())).collect()
    }
}

impl<L: Launcher> Drop for Supervisor<L> {
    fn drop(&mut self) {
        self.0.slots.lock().by_id.clear();
    }
}

impl<L: Launcher> Shared<L> {
    /// Whether exactly this is desired already, and has not ended by itself.
    fn runs(&self, id: &ConnectorId, spec: &L::Spec) -> bool {
        let slots = self.slots.lock();
        slots.by_id.get(id).is_some_and(|slot| slot.runs(spec))
    }

    /// Tells every connector's task what is desired now.
    fn transition(
        self: &Arc<Self>,
        mut fresh: Vec<(ConnectorId, L::Spec, L::Prepared)>,
        unchanged: Vec<ConnectorId>,
    ) -> Applying<L::Error> {
        let mut slots = self.slots.lock();
        let stays = |id: &ConnectorId| unchanged.contains(id) || fresh.iter().any(|(new, ..)| new == id);
        let removed: Vec<_> = slots.by_id.keys().filter(|id| !stays(id)).cloned().collect();
        let mut applying = Applying {
            leaving: slots.stop(removed),
            applied: Applied {
                unchanged,
                ..Applied::default()
            },
            tried: Vec::new(),
        };
        fresh.sort_by_key(|(_, spec, _)| self.launcher.direction(spec));
        let mut sinks = Vec::new();
        for (id, spec, prepared) in fresh {
            let (direction, claims) = (self.launcher.direction(&spec), self.launcher.claims(&spec));
            let after = slots.leaving_with(&claims, &id);
            let sinks_first = match direction {
                Direction::Source => sinks.clone(),
                Direction::Sink => Vec::new(),
            };
            slots.versions += 1;
            let version = Version {
                number: slots.versions,
                spec,
                direction,
                claims,
                prepared,
                after,
                sinks_first,
            };
            let (tried, is_new) = slots.run(self, &id, version);
            if direction == Direction::Sink {
                sinks.push(tried.clone());
            }
            let list = match is_new {
                true => &mut applying.applied.started,
                false => &mut applying.applied.changed,
            };
            list.push(id.clone());
            applying.tried.push((id, tried));
        }
        applying
    }
}

impl<L: Launcher> Slots<L> {
    /// Tells these to stop, sinks after sources, unless they are stopping already.
    fn stop(&mut self, ids: Vec<ConnectorId>) -> Vec<(ConnectorId, Wait<L::Error>)> {
        let mut leaving = Vec::new();
        for direction in [Direction::Source, Direction::Sink] {
            let after: Arc<[_]> = leaving.iter().map(|(_, wait): &(_, Wait<_>)| wait.clone()).collect();
            for id in &ids {
                let slot = self.by_id.get_mut(id);
                if let Some(slot) = slot.filter(|slot| slot.direction() == direction && !slot.is_leaving()) {
                    leaving.push((id.clone(), slot.stopped()));
                    slot.stop(after.clone());
                }
            }
        }
        leaving
    }

    /// Others that leave and have one of these claims.
    fn leaving_with(&self, claims: &[String], id: &ConnectorId) -> Vec<Wait<L::Error>> {
        let others = self
            .by_id
            .iter()
            .filter(|(other, slot)| *other != id && slot.is_leaving());
        let claimed = others.filter(|(_, slot)| slot.claims_any(claims));
        claimed.map(|(_, slot)| slot.stopped()).collect()
    }

    /// Tells a connector's task, which is made if there is none, to run this. Returns a wait for the first try, and
    /// whether the connector is new.
    fn run(&mut self, shared: &Arc<Shared<L>>, id: &ConnectorId, version: Version<L>) -> (Wait<L::Error>, bool) {
        let number = version.number;
        let version = Arc::new(version);
        let (slot, is_new) = match self.by_id.get_mut(id) {
            Some(slot) => {
                let was_leaving = slot.is_leaving();
                slot.run(version);
                (slot, was_leaving)
            }
            None => {
                let slot = Slot::spawn(shared.clone(), id.clone(), version);
                (self.by_id.entry(id.clone()).or_insert(slot), true)
            }
        };
        (slot.tried(number), is_new)
    }
}

/// A change that is under way. Dropping this does not stop it.
pub struct Applying<E> {
    applied: Applied,
    tried: Vec<(ConnectorId, Wait<E>)>,
    leaving: Vec<(ConnectorId, Wait<E>)>,
}

impl<E: fmt::Display + Clone + Send + Sync + 'static> Applying<E> {
    /// Waits until every new and changed connector has been tried once, or for half a minute, and everything that leaves
    /// has drained. Those that are not named in an error run, or wait for what will pass.
    pub async fn settled(mut self) -> Result<Applied, Refused<E>> {
        let until = Instant::now() + FIRST_TRIES_MAX;
        let mut refused = Vec::new();
        for (id, wait) in self.tried {
            let tried = tokio::time::timeout_at(until, wait.done()).await;
            match tried.ok().flatten() {
                Some(Outcome::Started) => {}
                Some(Outcome::Refused(why)) => refused.push((id, why)),
                Some(Outcome::Waiting(why)) => self.applied.waiting.push((id, why)),
                None => self.applied.waiting.push((id, "it is still being started".to_owned())),
            }
        }
        for (id, wait) in self.leaving {
            wait.done().await;
            self.applied.stopped.push(id);
        }
        match refused.is_empty() {
            true => Ok(self.applied),
            false => Err(Refused(refused)),
        }
    }
}

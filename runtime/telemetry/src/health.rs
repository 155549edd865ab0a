//! The health of the process: its parts, its connectors, and whether it can make progress.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use parking_lot::RwLock;
use serde::Serialize;

/// State of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "reason", rename_all = "snake_case")]
pub enum State {
    /// Works.
    Ready,
    /// Does nothing because an operator has paused it. As good as ready: that a connector rests is no reason to send a
    /// process's other connectors no traffic, or to restart it.
    Paused,
    /// Not ready, and expected to recover by itself.
    Degraded(String),
    /// Does not work and will not recover by itself.
    Down(String),
}

impl State {
    fn is_ready(&self) -> bool {
        matches!(self, Self::Ready | Self::Paused)
    }
}

/// All parts. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<RwLock<HealthState>>);

#[derive(Debug, Default)]
struct HealthState {
    /// By name, with the number of the handle that sets it.
    states: BTreeMap<String, (u64, State)>,
    handles: u64,
    connectors: BTreeMap<String, Connector>,
    /// Connectors that have to start before the process counts as started.
    expected: BTreeSet<String>,
    start: StartPhase,
    /// What cannot continue, and why.
    dead: BTreeMap<&'static str, String>,
    draining: bool,
}

/// The start phase of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum StartPhase {
    /// Some configured connectors are not known yet.
    Reading,
    /// All are known, and some have not started once.
    Starting,
    /// It has started; from now on its parts decide.
    #[default]
    Done,
}

/// A connector, as `/health/connectors` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Connector {
    /// `source` or `sink`.
    pub direction: &'static str,
    /// `pending`, `starting`, `running`, `degraded`, `down`, `paused`, `failed` or `stopped`.
    pub state: &'static str,
    /// Why it does not run as it should.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Number of restarts after a crash.
    pub restarts: u64,
    /// Its contribution to readiness.
    #[serde(skip)]
    pub ready: State,
    /// Whether it runs, and so has started.
    #[serde(skip)]
    pub has_started: bool,
}

/// What `/health/live` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Liveness {
    /// Whether the process can make progress. If not, only a restart helps.
    pub live: bool,
    /// What cannot continue, each with its reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dead: BTreeMap<&'static str, String>,
}

/// What `/health/ready` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether every configured connector has started once, every part is ready and nothing is draining.
    pub ready: bool,
    /// Whether the process is about to end.
    pub draining: bool,
    /// Each part with its state.
    pub checks: BTreeMap<String, State>,
}

impl Health {
    /// For a process that is not ready before [`Health::all_known`] and before each of its connectors has started once.
    pub fn starting() -> Self {
        Self(Arc::new(RwLock::new(HealthState {
            start: StartPhase::Reading,
            ..HealthState::default()
        })))
    }

    /// Call it when every configured connector is known, with their names: each has to start once before the process is
    /// ready, those too of which nothing was heard yet.
    pub fn all_known(&self, connectors: impl IntoIterator<Item = impl Into<String>>) {
        let mut parts = self.0.write();
        if parts.start == StartPhase::Reading {
            parts.start = StartPhase::Starting;
        }
        parts.expected = connectors.into_iter().map(Into::into).collect();
        parts.update_start();
    }

    /// Sets the state of a connector.
    pub fn set_connector(&self, name: &str, mut connector: Connector) {
        let mut parts = self.0.write();
        let before = parts.connectors.get(name);
        connector.has_started |= before.is_some_and(|before| before.has_started);
        parts.connectors.insert(name.to_owned(), connector);
        parts.update_start();
    }

    /// Removes a connector.
    pub fn remove_connector(&self, name: &str) {
        let mut parts = self.0.write();
        parts.connectors.remove(name);
        parts.expected.remove(name);
        parts.update_start();
    }

    /// Each connector.
    pub fn connectors(&self) -> BTreeMap<String, Connector> {
        self.0.read().connectors.clone()
    }

    /// Marks something as unable to continue that the process needs.
    pub fn set_dead(&self, what: &'static str, why: impl Into<String>) {
        self.0.write().dead.insert(what, why.into());
    }

    /// Marks it as working again.
    pub fn set_alive(&self, what: &'static str) {
        self.0.write().dead.remove(what);
    }

    /// Whether the process can make progress.
    pub fn liveness(&self) -> Liveness {
        let dead = self.0.read().dead.clone();
        Liveness {
            live: dead.is_empty(),
            dead,
        }
    }

    /// Adds a part, which is not ready until its handle reports that. It is removed when the handle is dropped. A new
    /// part with the same name replaces it.
    pub fn part(&self, name: impl Into<String>) -> HealthHandle {
        let name = name.into();
        let mut parts = self.0.write();
        parts.handles += 1;
        let number = parts.handles;
        let starting = State::Degraded("starting".to_owned());
        parts.states.insert(name.clone(), (number, starting));
        HealthHandle {
            health: self.clone(),
            name,
            number,
        }
    }

    /// Makes the process not ready, independent of what its parts report.
    pub fn set_draining(&self) {
        self.0.write().draining = true;
    }

    /// The states of all parts.
    pub fn report(&self) -> Report {
        let parts = self.0.read();
        let states = parts.states.iter().map(|(name, (_, state))| (name, state));
        let connectors = parts.connectors.iter().map(|(name, of)| (name, &of.ready));
        let checks: BTreeMap<_, _> = states
            .chain(connectors)
            .map(|(name, state)| (name.clone(), state.clone()))
            .collect();
        let ready = parts.start == StartPhase::Done && checks.values().all(State::is_ready);
        Report {
            ready: ready && !parts.draining,
            draining: parts.draining,
            checks,
        }
    }
}

impl HealthState {
    fn update_start(&mut self) {
        let is_known = |name: &String| self.connectors.contains_key(name);
        let all_started = self.connectors.values().all(|connector| connector.has_started);
        if self.start == StartPhase::Starting && self.expected.iter().all(is_known) && all_started {
            self.start = StartPhase::Done;
        }
    }
}

/// Sets the state of one part.
#[derive(Debug)]
pub struct HealthHandle {
    health: Health,
    name: String,
    number: u64,
}

impl HealthHandle {
    /// Sets the state.
    pub fn set(&self, state: State) {
        if let Some((number, current)) = self.health.0.write().states.get_mut(&self.name)
            && *number == self.number
        {
            *current = state;
        }
    }
}

impl Drop for HealthHandle {
    fn drop(&mut self) {
        let mut parts = self.health.0.write();
        let mine = parts
            .states
            .get(&self.name)
            .is_some_and(|(number, _)| *number == self.number);
        if mine {
            parts.states.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_means_every_part_is_and_nothing_drains() {
        let health = Health::default();
        assert!(health.report().ready, "nothing is not ready");
        let (a, b) = (health.part("a"), health.part("b"));
        a.set(State::Ready);
        assert!(!health.report().ready, "b is starting");
        b.set(State::Degraded("the database is away".into()));
        assert_eq!(
            health.report().checks["b"],
            State::Degraded("the database is away".into())
        );
        drop(b);
        assert!(health.report().ready);
        health.set_draining();
        assert!(!health.report().ready);
    }

    fn connector(state: &'static str, ready: State) -> Connector {
        Connector {
            direction: "sink",
            state,
            reason: None,
            restarts: 0,
            has_started: state == "running",
            ready,
        }
    }

    #[test]
    fn it_is_not_ready_before_every_configured_connector_has_started_once() {
        let health = Health::starting();
        let starting = || connector("starting", State::Degraded("starting".into()));
        health.part("broker").set(State::Ready);
        assert!(!health.report().ready, "the connectors are not known");
        health.set_connector("p/a", connector("running", State::Ready));
        health.all_known(["p/a", "p/b"]);
        assert!(!health.report().ready, "nothing was heard of b");
        health.set_connector("p/b", starting());
        assert!(!health.report().ready, "b has not started");
        health.set_connector("p/a", connector("failed", State::Down("a panic".into())));
        health.set_connector("p/b", connector("running", State::Ready));
        assert!(!health.report().ready, "a does not run now");
        health.set_connector("p/a", connector("running", State::Ready));
        assert!(health.report().ready);
        health.set_connector("p/c", starting());
        assert!(!health.report().ready, "c does not do its work");
        health.remove_connector("p/c");
        assert!(health.report().ready);
        assert_eq!(health.connectors().len(), 2);
    }

    #[test]
    fn what_cannot_go_on_ends_liveness_and_what_goes_on_again_gives_it_back() {
        let health = Health::default();
        assert!(health.liveness().live);
        health.set_dead("log", "its writer has ended");
        assert_eq!(health.liveness().dead["log"], "its writer has ended");
        assert!(!health.liveness().live);
        health.set_alive("log");
        assert!(health.liveness().live);
    }

    #[test]
    fn a_part_that_is_replaced_takes_nothing_of_its_successor_with_it() {
        let health = Health::default();
        let old = health.part("stripe/source");
        let new = health.part("stripe/source");
        new.set(State::Down("the port is taken".into()));
        old.set(State::Ready);
        drop(old);
        assert_eq!(
            health.report().checks["stripe/source"],
            State::Down("the port is taken".into())
        );
        drop(new);
        assert!(health.report().checks.is_empty());
    }
}

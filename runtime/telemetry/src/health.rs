//! What works and what does not, told as it is.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::RwLock;
use serde::Serialize;

/// State of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "reason", rename_all = "snake_case")]
pub enum State {
    /// Works.
    Ready,
    /// Is held up: not ready, and expected to recover by itself.
    Degraded(String),
    /// Does not work and will not by itself.
    Down(String),
}

/// All parts. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<RwLock<Parts>>);

#[derive(Debug, Default)]
struct Parts {
    states: BTreeMap<String, State>,
    draining: bool,
}

/// What `/health/ready` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether every part is ready and nothing is being drained.
    pub ready: bool,
    /// Whether the process is about to end.
    pub draining: bool,
    /// Each part with its state.
    pub checks: BTreeMap<String, State>,
}

impl Health {
    /// Adds a part, which is not ready until its handle says so. It is gone when the handle is dropped.
    pub fn part(&self, name: impl Into<String>) -> HealthHandle {
        let name = name.into();
        self.0
            .write()
            .states
            .insert(name.clone(), State::Degraded("starting".to_owned()));
        HealthHandle {
            health: self.clone(),
            name,
        }
    }

    /// From now on the process is not ready, whatever its parts say.
    pub fn set_draining(&self) {
        self.0.write().draining = true;
    }

    /// The state of everything.
    pub fn report(&self) -> Report {
        let parts = self.0.read();
        let ready = !parts.draining && parts.states.values().all(|state| *state == State::Ready);
        Report {
            ready,
            draining: parts.draining,
            checks: parts.states.clone(),
        }
    }
}

/// Says how one part is.
#[derive(Debug)]
pub struct HealthHandle {
    health: Health,
    name: String,
}

impl HealthHandle {
    /// Sets the state.
    pub fn set(&self, state: State) {
        self.health.0.write().states.insert(self.name.clone(), state);
    }
}

impl Drop for HealthHandle {
    fn drop(&mut self) {
        self.health.0.write().states.remove(&self.name);
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
}

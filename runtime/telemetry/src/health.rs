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
    /// By name, with the number of the handle that speaks for it.
    states: BTreeMap<String, (u64, State)>,
    handles: u64,
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
    /// Adds a part, which is not ready until its handle says so. It is gone when the handle is dropped. A part that
    /// takes another's place under its name is from then on the only one that counts.
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

    /// From now on the process is not ready, whatever its parts say.
    pub fn set_draining(&self) {
        self.0.write().draining = true;
    }

    /// The state of everything.
    pub fn report(&self) -> Report {
        let parts = self.0.read();
        let ready = !parts.draining && parts.states.values().all(|(_, state)| *state == State::Ready);
        Report {
            ready,
            draining: parts.draining,
            checks: parts
                .states
                .iter()
                .map(|(name, (_, state))| (name.clone(), state.clone()))
                .collect(),
        }
    }
}

/// Says how one part is.
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

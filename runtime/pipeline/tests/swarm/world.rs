//! The state that all parts of a run share.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use danube_wasm_model::{ConnectorId, TopicName};
use tokio::time::Instant;

use super::{
    faults::{Fault, FaultSchedule},
    journal::Journal,
    oracle::Oracle,
    rng::Rng,
    scenario::Scenario,
};

/// The source's endpoint.
pub const ENDPOINT: &str = "/in";

pub fn source_id() -> ConnectorId {
    ConnectorId::try_new("swarm", "source").expect("a valid name")
}

pub fn sink_id() -> ConnectorId {
    ConnectorId::try_new("swarm", "sink").expect("a valid name")
}

/// The topic between the source and the sink.
pub fn topic() -> TopicName {
    "/swarm/in".parse().expect("a valid name")
}

/// See the module.
pub struct World {
    pub scenario: Scenario,
    pub faults: FaultSchedule,
    pub oracle: Oracle,
    journal: Journal,
    begun: Instant,
    repaired: AtomicBool,
}

impl World {
    /// Draws a run that begins now, in virtual time.
    pub fn begin(rng: &Rng) -> Self {
        Self::of(Scenario::draw(rng), rng)
    }

    pub fn of(scenario: Scenario, rng: &Rng) -> Self {
        let journal = Journal::begin();
        let faults = FaultSchedule::draw(scenario.fault_phase, rng);
        journal.note(format_args!("{scenario:?}"));
        journal.note(format_args!("wall: {:?}", scenario.wall_clock));
        journal.note(format_args!("faults: {}", faults.describe(tokio::time::Instant::now())));
        Self {
            oracle: Oracle::new(&scenario),
            faults,
            journal,
            begun: Instant::now(),
            repaired: AtomicBool::new(false),
            scenario,
        }
    }

    pub fn note(&self, what: fmt::Arguments<'_>) {
        self.journal.note(what);
    }

    /// Time since the last journal entry.
    pub fn silence(&self) -> Duration {
        self.journal.silence()
    }

    pub fn take_journal(&self) -> String {
        self.journal.take()
    }

    pub fn strikes(&self, fault: Fault, rng: &Rng) -> bool {
        self.faults.strikes(fault, rng)
    }

    /// What the wall clock says now, in milliseconds since 1970-01-01 UTC.
    pub fn wall_ms(&self) -> u64 {
        self.scenario.wall_clock.ms(self.begun.elapsed())
    }

    /// Waits as long as a call takes: longer while the fault `slow` is active.
    pub async fn pause(&self, slow: Fault, rng: &Rng) {
        let usual = Duration::from_millis(rng.between(0..=self.scenario.latency_ms_max));
        let more = match self.strikes(slow, rng) {
            true => rng.millis(500..=8_000),
            false => Duration::ZERO,
        };
        if !(usual + more).is_zero() {
            tokio::time::sleep(usual + more).await;
        }
    }

    /// Ends the phase with faults. If poison is not dead-lettered, component and target are repaired.
    pub fn repair(&self) {
        self.note(format_args!("the storm is over"));
        self.repaired
            .store(!self.scenario.dead_letters_poison(), Ordering::Relaxed);
    }

    pub fn is_repaired(&self) -> bool {
        self.repaired.load(Ordering::Relaxed)
    }
}

//! What all parts of one run share.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use danube_wasm_model::{ConnectorId, TopicName};

use super::{
    dice::Dice,
    journal::Journal,
    oracle::Oracle,
    scenario::Scenario,
    weather::{Fault, Weather},
};

/// Where events come in.
pub const ENDPOINT: &str = "/in";

pub fn source_id() -> ConnectorId {
    ConnectorId::try_new("swarm", "source").expect("a valid name")
}

pub fn sink_id() -> ConnectorId {
    ConnectorId::try_new("swarm", "sink").expect("a valid name")
}

/// Between the source and the sink.
pub fn topic() -> TopicName {
    "/swarm/in".parse().expect("a valid name")
}

/// One run's surroundings.
pub struct World {
    pub scenario: Scenario,
    pub weather: Weather,
    pub oracle: Oracle,
    journal: Journal,
    mended: AtomicBool,
}

impl World {
    /// From now on, in virtual time.
    pub fn begin(dice: &Dice) -> Self {
        let scenario = Scenario::draw(dice);
        let journal = Journal::begin();
        let weather = Weather::draw(scenario.storm, dice);
        journal.note(format_args!("{scenario:?}"));
        journal.note(format_args!("wall: {:?}", scenario.wall));
        journal.note(format_args!(
            "weather: {}",
            weather.describe(tokio::time::Instant::now())
        ));
        Self {
            oracle: Oracle::new(&scenario),
            weather,
            journal,
            mended: AtomicBool::new(false),
            scenario,
        }
    }

    pub fn note(&self, what: fmt::Arguments<'_>) {
        self.journal.note(what);
    }

    /// How long nothing has happened.
    pub fn silence(&self) -> Duration {
        self.journal.silence()
    }

    pub fn take_journal(&self) -> String {
        self.journal.take()
    }

    pub fn strikes(&self, fault: Fault, dice: &Dice) -> bool {
        self.weather.strikes(fault, dice)
    }

    /// A call takes its time: much of it in a bad spell.
    pub async fn pause(&self, slow: Fault, dice: &Dice) {
        let usual = Duration::from_millis(dice.between(0..=self.scenario.latency_ms_max));
        let more = match self.strikes(slow, dice) {
            true => dice.millis(500..=8_000),
            false => Duration::ZERO,
        };
        if !(usual + more).is_zero() {
            tokio::time::sleep(usual + more).await;
        }
    }

    /// Component and target have been repaired where poison is not buried.
    pub fn mend(&self) {
        self.note(format_args!("the storm is over"));
        self.mended.store(!self.scenario.buries_poison(), Ordering::Relaxed);
    }

    pub fn is_mended(&self) -> bool {
        self.mended.load(Ordering::Relaxed)
    }
}

//! What is drawn for one run before it begins.

use std::{collections::HashMap, num::NonZeroUsize, time::Duration};

use danube_wasm_model::SubscriptionType;
use danube_wasm_pipeline::{
    BackoffPolicy, BatchPolicy, BreakerPolicy, ErrorBudget, OnFailure, OnInvalid, OnPoison, Patience, SourceLimits,
};

use super::{dice::Dice, oddities::Oddities, wall::Wall};

/// One run.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Number of partitions; 0 for a topic without.
    pub partitions: u32,
    pub subscription: SubscriptionType,
    /// The broker gives a message again that is not acknowledged for so long.
    pub ack_timeout: Option<Duration>,
    pub source_lanes: usize,
    pub sink_lanes: usize,
    pub limits: SourceLimits,
    pub batch: BatchPolicy,
    pub on_invalid: OnInvalid,
    pub on_failure: OnFailure,
    pub patience: Patience,
    /// Merged outputs have ids of their own; else the host makes them.
    pub own_merge_ids: bool,
    /// Longest time that any call takes in good weather, in milliseconds.
    pub latency_ms_max: u64,
    /// How long load, faults and crashes last.
    pub storm: Duration,
    /// One sender for each; the last has no key.
    pub senders: usize,
    pub events_each: u64,
    pub oddities: Oddities,
    /// Most events that a sender has under way.
    pub window: usize,
    pub disruptions: Vec<Disruption>,
    pub wall: Wall,
}

/// The runtime is killed, or told to stop.
#[derive(Debug, Clone, Copy)]
pub struct Disruption {
    pub at: Duration,
    pub source: bool,
    pub sink: bool,
    pub how: How,
    /// Until it is started again.
    pub downtime: Duration,
}

/// How a connector ends.
#[derive(Debug, Clone, Copy)]
pub enum How {
    Crash,
    Drain { grace: Duration },
}

impl Scenario {
    pub fn draw(dice: &Dice) -> Self {
        let storm = dice.millis(10_000..=60_000);
        let waits = waits(dice);
        Self {
            partitions: dice.between(0..=3) as u32,
            subscription: dice.pick(&[
                SubscriptionType::Exclusive,
                SubscriptionType::Shared,
                SubscriptionType::Failover,
                SubscriptionType::KeyShared,
            ]),
            ack_timeout: dice.chance(50).then(|| dice.millis(3_000..=30_000)),
            source_lanes: dice.size(1..=3),
            sink_lanes: dice.size(1..=3),
            limits: SourceLimits {
                queue_events_max: dice.pick(&[4, 64, 4096]),
                batch_events_max: dice.pick(&[1, 3, 16, 512]),
                batch_bytes_max: dice.pick(&[100, 4 << 20]),
            },
            batch: BatchPolicy {
                messages_max: dice.pick(&[1, 3, 8, 32, 500]),
                bytes_max: dice.pick(&[100, 4 << 20]),
                linger: dice.millis(1..=1000),
                idle: dice.millis(1..=50),
                on_poison: dice.pick(&[
                    OnPoison::DeadLetter,
                    OnPoison::DeadLetter,
                    OnPoison::DeadLetter,
                    OnPoison::BlockKey,
                    OnPoison::Stop,
                ]),
                ..BatchPolicy::default()
            },
            on_invalid: dice.pick(&[OnInvalid::Reject, OnInvalid::DeadLetter]),
            on_failure: dice.pick(&[OnFailure::Reject, OnFailure::DeadLetter]),
            patience: Patience {
                waits,
                component: BreakerPolicy {
                    failures_max: dice.between(3..=20) as u32,
                    waits,
                },
                publishing: BreakerPolicy {
                    failures_max: dice.between(1..=5) as u32,
                    waits,
                },
                dead_letters: ErrorBudget {
                    count: NonZeroUsize::new(dice.pick(&[4, 1000, 1000])).expect("not zero"),
                    per: Duration::from_secs(10),
                },
            },
            own_merge_ids: dice.chance(50),
            latency_ms_max: dice.pick(&[0, 2, 30]),
            storm,
            senders: dice.size(1..=6),
            events_each: dice.between(5..=40),
            oddities: Oddities::draw(dice),
            window: dice.size(1..=12),
            disruptions: disruptions(storm, dice),
            wall: Wall::draw(storm, dice),
        }
    }

    pub fn on_invalid(&self) -> HashMap<String, OnInvalid> {
        HashMap::from([(super::world::ENDPOINT.to_owned(), self.on_invalid)])
    }

    pub fn on_failure(&self) -> HashMap<String, OnFailure> {
        HashMap::from([(super::world::ENDPOINT.to_owned(), self.on_failure)])
    }

    /// Poison becomes a dead letter; else it waits until somebody mends what is wrong.
    pub fn buries_poison(&self) -> bool {
        self.batch.on_poison == OnPoison::DeadLetter
    }
}

fn waits(dice: &Dice) -> BackoffPolicy {
    let first = dice.millis(10..=200);
    BackoffPolicy::try_new(first, first + dice.millis(0..=4_000))
        .expect("rising")
        .seeded(dice.next())
}

fn disruptions(storm: Duration, dice: &Dice) -> Vec<Disruption> {
    let mut all: Vec<_> = (0..dice.between(0..=6))
        .map(|_| {
            let (source, sink) = dice.pick(&[(true, false), (false, true), (true, true)]);
            let grace = dice.pick(&[Duration::ZERO, Duration::from_millis(20), Duration::from_secs(60)]);
            Disruption {
                at: dice.millis(0..=storm.as_millis() as u64),
                source,
                sink,
                how: dice.pick(&[How::Crash, How::Crash, How::Drain { grace }, How::Drain { grace }]),
                downtime: dice.millis(1..=3_000),
            }
        })
        .collect();
    all.sort_by_key(|disruption| disruption.at);
    all
}

//! The parameters of one run, drawn before it begins.

use std::{collections::HashMap, num::NonZeroUsize, time::Duration};

use danube_wasm_model::SubscriptionType;
use danube_wasm_pipeline::{
    BackoffPolicy, BatchPolicy, BreakerPolicy, ErrorBudget, OnFailure, OnInvalid, OnPoison, RetryPolicy, SourceLimits,
};

use super::{event_mix::EventMix, rng::Rng, wall_clock::WallClock};

/// One run.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Number of partitions; 0 for a topic without.
    pub partitions: u32,
    pub subscription: SubscriptionType,
    /// The broker redelivers a message that is unacknowledged for this long.
    pub ack_timeout: Option<Duration>,
    pub source_lanes: usize,
    pub sink_lanes: usize,
    pub limits: SourceLimits,
    pub batch: BatchPolicy,
    pub on_invalid: OnInvalid,
    pub on_failure: OnFailure,
    pub retry_policy: RetryPolicy,
    /// Whether the component gives ids to merged outputs; otherwise the host does.
    pub own_merge_ids: bool,
    /// In so many of a hundred calls the source component's records of different keys change places.
    pub keys_change_places_percent: u64,
    /// Longest time that a call takes without a fault, in milliseconds.
    pub latency_ms_max: u64,
    /// How long load, faults and crashes last.
    pub fault_phase: Duration,
    /// One sender for each; the last has no key.
    pub senders: usize,
    pub events_each: u64,
    pub event_mix: EventMix,
    /// Most unanswered events of a sender.
    pub window: usize,
    /// So many of a hundred times a sender sends what it has together as one request.
    pub requests_percent: u64,
    pub disruptions: Vec<Disruption>,
    pub wall_clock: WallClock,
    pub earlier_orders: EarlierOrders,
}

/// What a process knows of the orders that were given before it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlierOrders {
    /// The highest: of a log in this process, and of a buffer on disk.
    Known,
    /// Nothing: on a cluster without a buffer.
    Unknown,
}

/// Connectors are killed or stopped.
#[derive(Debug, Clone, Copy)]
pub struct Disruption {
    pub at: Duration,
    pub source: bool,
    pub sink: bool,
    pub kind: DisruptionKind,
    /// Time until the restart.
    pub downtime: Duration,
}

/// How a connector ends.
#[derive(Debug, Clone, Copy)]
pub enum DisruptionKind {
    Crash,
    Drain { grace: Duration },
}

impl Scenario {
    pub fn draw(rng: &Rng) -> Self {
        let fault_phase = rng.millis(10_000..=60_000);
        let waits = waits(rng);
        Self {
            partitions: rng.between(0..=3) as u32,
            subscription: rng.pick(&[
                SubscriptionType::Exclusive,
                SubscriptionType::Shared,
                SubscriptionType::Failover,
                SubscriptionType::KeyShared,
            ]),
            ack_timeout: rng.chance(50).then(|| rng.millis(3_000..=30_000)),
            source_lanes: rng.size(1..=3),
            sink_lanes: rng.size(1..=3),
            limits: SourceLimits {
                queue_events_max: rng.pick(&[4, 64, 4096]),
                batch_events_max: rng.pick(&[1, 3, 16, 512]),
                batch_bytes_max: rng.pick(&[100, 4 << 20]),
            },
            batch: BatchPolicy {
                messages_max: rng.pick(&[1, 3, 8, 32, 500]),
                bytes_max: rng.pick(&[100, 4 << 20]),
                linger: rng.millis(1..=1000),
                idle: rng.millis(1..=50),
                on_poison: rng.pick(&[
                    OnPoison::DeadLetter,
                    OnPoison::DeadLetter,
                    OnPoison::DeadLetter,
                    OnPoison::BlockKey,
                    OnPoison::Stop,
                ]),
                ..BatchPolicy::default()
            },
            on_invalid: rng.pick(&[OnInvalid::Reject, OnInvalid::DeadLetter]),
            on_failure: rng.pick(&[OnFailure::Reject, OnFailure::DeadLetter]),
            retry_policy: RetryPolicy {
                waits,
                component: BreakerPolicy {
                    failures_max: rng.between(1..=20) as u32,
                    waits,
                },
                publishing: BreakerPolicy {
                    failures_max: rng.between(1..=5) as u32,
                    waits,
                },
                dead_letters: ErrorBudget {
                    count: NonZeroUsize::new(rng.pick(&[4, 1000, 1000])).expect("not zero"),
                    per: Duration::from_secs(10),
                },
            },
            own_merge_ids: rng.chance(50),
            keys_change_places_percent: 20,
            latency_ms_max: rng.pick(&[0, 2, 30]),
            fault_phase,
            senders: rng.size(1..=6),
            events_each: rng.between(5..=40),
            event_mix: EventMix::draw(rng),
            window: rng.size(1..=12),
            requests_percent: rng.pick(&[0, 0, 30, 100]),
            disruptions: disruptions(fault_phase, rng),
            wall_clock: WallClock::draw(fault_phase, rng),
            earlier_orders: rng.pick(&[EarlierOrders::Known, EarlierOrders::Unknown]),
        }
    }

    pub fn on_invalid(&self) -> HashMap<String, OnInvalid> {
        HashMap::from([(super::world::ENDPOINT.to_owned(), self.on_invalid)])
    }

    pub fn on_failure(&self) -> HashMap<String, OnFailure> {
        HashMap::from([(super::world::ENDPOINT.to_owned(), self.on_failure)])
    }

    /// Whether poison becomes a dead letter; otherwise it waits until the component or the target is repaired.
    pub fn dead_letters_poison(&self) -> bool {
        self.batch.on_poison == OnPoison::DeadLetter
    }
}

fn waits(rng: &Rng) -> BackoffPolicy {
    let first = rng.millis(10..=200);
    BackoffPolicy::try_new(first, first + rng.millis(0..=4_000))
        .expect("rising")
        .seeded(rng.next())
}

fn disruptions(fault_phase: Duration, rng: &Rng) -> Vec<Disruption> {
    let mut all: Vec<_> = (0..rng.between(0..=6))
        .map(|_| {
            let (source, sink) = rng.pick(&[(true, false), (false, true), (true, true)]);
            let grace = rng.pick(&[Duration::ZERO, Duration::from_millis(20), Duration::from_secs(60)]);
            Disruption {
                at: rng.millis(0..=fault_phase.as_millis() as u64),
                source,
                sink,
                kind: rng.pick(&[
                    DisruptionKind::Crash,
                    DisruptionKind::Crash,
                    DisruptionKind::Drain { grace },
                    DisruptionKind::Drain { grace },
                ]),
                downtime: rng.millis(1..=3_000),
            }
        })
        .collect();
    all.sort_by_key(|disruption| disruption.at);
    all
}

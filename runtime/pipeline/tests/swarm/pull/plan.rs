//! What is drawn for one run before it begins.

use std::time::Duration;

use bytes::Bytes;
use danube_wasm_pipeline::OnInvalid;

use crate::{
    rng::Rng,
    scenario::Scenario,
    test_event::{AtSource, TestEvent},
};

/// See the module.
#[derive(Debug, Clone)]
pub struct Plan {
    /// As of the other runs; of it, what concerns a source, the broker and the component.
    pub scenario: Scenario,
    pub streams: Vec<Vec<Item>>,
    pub on_invalid: OnInvalid,
    pub independent_keys: bool,
    pub in_flight_bytes_max: usize,
    /// Percentage of reads that return no events while faults occur.
    pub trouble_percent: u64,
    /// Percentage of confirmations that fail while faults occur.
    pub confirm_fails_percent: u64,
}

/// What is in a stream.
#[derive(Debug, Clone)]
pub struct Item {
    /// `None`: a marker.
    pub event: Option<(TestEvent, Option<Bytes>)>,
    /// When it is there, from the beginning.
    pub at: Duration,
    /// The position that it is delivered with.
    pub position: u64,
    /// The position that confirms it: of an event of a transaction, that of its end.
    pub ends_at: u64,
}

impl Plan {
    pub fn draw(rng: &Rng) -> Self {
        let on_invalid = rng.pick(&[
            OnInvalid::DeadLetter,
            OnInvalid::DeadLetter,
            OnInvalid::Skip,
            OnInvalid::Stop,
        ]);
        let mut scenario = Scenario::draw(rng);
        scenario.keys_change_places_percent = rng.pick(&[0, 20]);
        scenario.on_invalid = match on_invalid {
            OnInvalid::Skip => OnInvalid::Reject,
            OnInvalid::Reject | OnInvalid::DeadLetter | OnInvalid::Stop => OnInvalid::DeadLetter,
        };
        let mut numbers = 0..;
        let streams = (0..rng.between(1..=4)).map(|_| stream(&scenario, on_invalid, &mut numbers, rng));
        Self {
            streams: streams.collect(),
            scenario,
            on_invalid,
            independent_keys: rng.chance(30),
            in_flight_bytes_max: rng.pick(&[500, 5_000, 1 << 20]),
            trouble_percent: rng.pick(&[0, 5, 20]),
            confirm_fails_percent: rng.pick(&[0, 0, 20, 60]),
        }
    }

    /// Whether records keep the order of each key only.
    pub fn orders_by_key(&self) -> bool {
        self.independent_keys || self.scenario.keys_change_places_percent > 0
    }
}

fn stream(scenario: &Scenario, on_invalid: OnInvalid, numbers: &mut std::ops::RangeFrom<u64>, rng: &Rng) -> Vec<Item> {
    let (mut items, mut position, mut at) = (Vec::new(), rng.between(0..=100), Duration::ZERO);
    let mean = scenario.fault_phase.as_millis() as u64 / scenario.events_each / 2;
    let transactions_percent = rng.pick(&[0, 0, 30]);
    let mut left = scenario.events_each;
    while left > 0 {
        at += rng.millis(0..=2 * mean);
        // Holes: what was compacted away, or is another stream's.
        let before = position;
        position += rng.pick(&[1, 1, 1, 7]);
        let event = |position, ends_at, number| {
            let key = rng.pick(&[None, Some("a"), Some("b"), Some("c")]);
            Item {
                event: Some((test_event(scenario, on_invalid, number, rng), key.map(Bytes::from))),
                at,
                position,
                ends_at,
            }
        };
        if rng.chance(transactions_percent) {
            let n = rng.between(1..=5).min(left);
            position += n;
            items.extend(numbers.take(n as usize).map(|number| event(before, position, number)));
            items.push(marker(position, at));
            left -= n;
        } else if rng.chance(15) {
            items.push(marker(position, at));
        } else {
            items.extend(numbers.next().map(|number| event(position, position, number)));
            left -= 1;
        }
    }
    items
}

fn marker(position: u64, at: Duration) -> Item {
    Item {
        event: None,
        at,
        position,
        ends_at: position,
    }
}

/// The simulated broker has no more room for dead letters than for records: what is too large can only be skipped.
fn test_event(scenario: &Scenario, on_invalid: OnInvalid, number: u64, rng: &Rng) -> TestEvent {
    let test_event = scenario.event_mix.test_event(number, rng);
    match test_event.at_source {
        AtSource::TooLarge if on_invalid != OnInvalid::Skip => TestEvent {
            at_source: AtSource::Plain,
            ..test_event
        },
        _ => test_event,
    }
}

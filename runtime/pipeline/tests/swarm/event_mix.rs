//! The unusual events of one run: a few kinds at a time, so that events of the same kind meet more often.

use super::{
    rng::Rng,
    test_event::{AT_SINK, AT_SOURCE, AtSink, AtSource, TestEvent},
};

/// See the module.
#[derive(Debug, Clone)]
pub struct EventMix {
    /// Percentage of events that are unusual, on each side.
    percent: u64,
    at_source: Vec<AtSource>,
    at_sink: Vec<AtSink>,
}

impl EventMix {
    pub fn draw(rng: &Rng) -> Self {
        Self {
            percent: rng.pick(&[0, 5, 20, 50]),
            at_source: some(&AT_SOURCE, rng),
            at_sink: some(&AT_SINK, rng),
        }
    }

    /// An event: usual or unusual, as drawn.
    pub fn test_event(&self, number: u64, rng: &Rng) -> TestEvent {
        let plain = TestEvent::plain(number);
        TestEvent {
            number,
            at_source: if rng.chance(self.percent) {
                rng.pick(&self.at_source)
            } else {
                plain.at_source
            },
            at_sink: if rng.chance(self.percent) {
                rng.pick(&self.at_sink)
            } else {
                plain.at_sink
            },
        }
    }
}

/// All kinds, or between one and four of them.
fn some<T: Copy>(all: &[T], rng: &Rng) -> Vec<T> {
    match rng.chance(25) {
        true => all.to_vec(),
        false => (0..rng.between(1..=4)).map(|_| rng.pick(all)).collect(),
    }
}

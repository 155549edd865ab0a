//! Senders: each sends the events of one key in order, some at a time, and repeats those that were not accepted.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use danube_wasm_model::{door::Outcome, event::Event};
use tokio::{task::JoinSet, time::sleep};

use super::{
    listener::Listener,
    rng::Rng,
    test_event::TestEvent,
    world::{ENDPOINT, World},
};

/// A sender.
#[derive(Clone)]
pub struct Sender {
    pub world: Arc<World>,
    pub listener: Arc<Listener>,
    pub rng: Rng,
    pub key: Option<Bytes>,
    /// Percentage of refusals after which it gives the event up.
    pub gives_up_percent: u64,
}

impl Sender {
    /// Sends these events, spread over the phase with faults.
    pub async fn run(self, numbers: std::ops::Range<u64>) {
        let scenario = &self.world.scenario;
        let mean = scenario.fault_phase.as_millis() as u64 * scenario.window as u64 / scenario.events_each / 2;
        let mut left = numbers;
        while !left.is_empty() {
            sleep(self.rng.millis(0..=mean.max(1))).await;
            let mut together = JoinSet::new();
            let n = self.rng.size(1..=scenario.window as u64);
            for number in left.by_ref().take(n) {
                let test_event = scenario.event_mix.test_event(number, &self.rng);
                together.spawn(self.clone().send(test_event));
            }
            while together.join_next().await.is_some() {}
        }
    }

    /// Sends until the event is accepted or rejected, or gives up. Returns whether there was a final answer.
    pub async fn send(self, test_event: TestEvent) -> bool {
        let Self {
            world,
            listener,
            rng,
            key,
            ..
        } = self;
        world.oracle.sent(test_event, key.clone());
        loop {
            let outcome = match listener.connect() {
                None => None,
                Some(attempt) => {
                    world.oracle.offered(test_event.number, attempt.process());
                    attempt.offer(event(test_event, key.clone())).await
                }
            };
            let text = match &outcome {
                None => "no answer".to_owned(),
                Some(outcome) => format!("{outcome:?}"),
            };
            world.note(format_args!(
                "{} {:?}: {}",
                test_event.id(),
                test_event.at_source,
                &text[..text.len().min(100)]
            ));
            let wait = match outcome {
                None => rng.millis(100..=1_500),
                Some(outcome) => {
                    world.oracle.answered(test_event, &outcome);
                    let Outcome::Unavailable { retry_after, .. } = outcome else {
                        return true;
                    };
                    retry_after + rng.millis(0..=200)
                }
            };
            if rng.chance(self.gives_up_percent) {
                return false;
            }
            sleep(wait.min(Duration::from_secs(10))).await;
        }
    }
}

fn event(test_event: TestEvent, key: Option<Bytes>) -> Event {
    Event {
        endpoint: ENDPOINT.into(),
        id: test_event.id(),
        payload: test_event.payload().into(),
        content_type: "text/plain".into(),
        key,
        received_ms: 1,
        attributes: Vec::new(),
        headers: Vec::new(),
        traceparent: None,
    }
}

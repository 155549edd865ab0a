//! Senders: each sends the events of one key in order, some at a time or several as one request, and repeats those that were
//! not accepted.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use danube_wasm_model::{
    door::{OnRefusal, Outcome},
    event::Event,
};
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
            let numbers = left.by_ref().take(n);
            let test_events: Vec<_> = numbers
                .map(|number| scenario.event_mix.test_event(number, &self.rng))
                .collect();
            if self.rng.chance(scenario.requests_percent) {
                self.send_together(test_events).await;
                continue;
            }
            for test_event in test_events {
                together.spawn(self.clone().send(test_event));
            }
            while together.join_next().await.is_some() {}
        }
    }

    /// Sends events as one request until all are accepted, or gives up. Those beside a refused one are sent alone afterwards, where
    /// the request is refused as a whole.
    async fn send_together(&self, test_events: Vec<TestEvent>) {
        let on_refusal = self.rng.pick(&[OnRefusal::KeepOthers, OnRefusal::RefuseAll]);
        for test_event in &test_events {
            self.world.oracle.sent(*test_event, self.key.clone());
        }
        loop {
            let outcomes = self.offer_all(&test_events, on_refusal).await;
            let is_refused = |outcome: &Outcome| matches!(outcome, Outcome::Invalid { .. } | Outcome::Failed { .. });
            let is_not_now = |outcome: &Outcome| matches!(outcome, Outcome::Unavailable { .. });
            if let Some(outcomes) = &outcomes {
                self.check_request(&test_events, outcomes);
                if on_refusal == OnRefusal::RefuseAll && outcomes.iter().any(is_refused) {
                    self.world.oracle.request_refused(&test_events);
                }
                if !outcomes.iter().any(is_not_now) {
                    return;
                }
                if on_refusal == OnRefusal::RefuseAll && outcomes.iter().any(is_refused) {
                    let left = test_events
                        .iter()
                        .zip(outcomes)
                        .filter(|(_, outcome)| is_not_now(outcome));
                    for (test_event, _) in left {
                        self.clone().send(*test_event).await;
                    }
                    return;
                }
            }
            if self.rng.chance(self.gives_up_percent) {
                return;
            }
            sleep(self.rng.millis(100..=1_500)).await;
        }
    }

    async fn offer_all(&self, test_events: &[TestEvent], on_refusal: OnRefusal) -> Option<Vec<Outcome>> {
        let attempt = self.listener.connect()?;
        for test_event in test_events {
            self.world.oracle.offered(test_event.number, attempt.process());
        }
        let events = test_events
            .iter()
            .map(|test_event| event(*test_event, self.key.clone()));
        let outcomes = attempt.offer_all(events.collect(), on_refusal).await;
        let numbers: Vec<_> = test_events.iter().map(|test_event| test_event.number).collect();
        let answered = outcomes.as_ref().map_or(0, Vec::len);
        self.world
            .note(format_args!("request {numbers:?} {on_refusal:?}: {answered} answers"));
        outcomes
    }

    /// A request has one answer: nobody is told that an event is taken while another one is to be sent again.
    fn check_request(&self, test_events: &[TestEvent], outcomes: &[Outcome]) {
        let oracle = &self.world.oracle;
        for (test_event, outcome) in test_events.iter().zip(outcomes) {
            let text = format!("{outcome:?}");
            let text = &text[..text.len().min(100)];
            self.world
                .note(format_args!("{} {:?}: {text}", test_event.id(), test_event.at_source));
            oracle.answered(*test_event, outcome);
        }
        let any = |is: fn(&Outcome) -> bool| outcomes.iter().any(is);
        let is_mixed = any(|outcome| matches!(outcome, Outcome::Unavailable { .. }))
            && any(|outcome| matches!(outcome, Outcome::Accepted { .. }));
        if is_mixed || outcomes.len() != test_events.len() {
            oracle.violation(format!(
                "a request of {} events was answered {outcomes:?}",
                test_events.len()
            ));
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
        refusal: test_event.refusal(),
    }
}

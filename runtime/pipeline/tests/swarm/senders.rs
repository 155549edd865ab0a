//! The outside world: each sender sends the events of one key in order, some at a time, and sends again what was not taken.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use danube_wasm_model::{door::Outcome, event::Event};
use tokio::{task::JoinSet, time::sleep};

use super::{
    dice::Dice,
    front::Front,
    parcel::Parcel,
    world::{ENDPOINT, World},
};

/// A sender.
#[derive(Clone)]
pub struct Sender {
    pub world: Arc<World>,
    pub front: Arc<Front>,
    pub dice: Dice,
    pub key: Option<Bytes>,
    /// After so many of a hundred refusals it does not send again.
    pub gives_up_percent: u64,
}

impl Sender {
    /// Sends so many events, spread over the storm.
    pub async fn run(self, numbers: std::ops::Range<u64>) {
        let scenario = &self.world.scenario;
        let mean = scenario.storm.as_millis() as u64 * scenario.window as u64 / scenario.events_each / 2;
        let mut left = numbers;
        while !left.is_empty() {
            sleep(self.dice.millis(0..=mean.max(1))).await;
            let mut together = JoinSet::new();
            let n = self.dice.size(1..=scenario.window as u64);
            for number in left.by_ref().take(n) {
                let parcel = scenario.oddities.parcel(number, &self.dice);
                together.spawn(self.clone().send(parcel));
            }
            while together.join_next().await.is_some() {}
        }
    }

    /// Sends until the event's fate is known, or gives up. Whether it is known.
    pub async fn send(self, parcel: Parcel) -> bool {
        let Self {
            world,
            front,
            dice,
            key,
            ..
        } = self;
        world.oracle.minted(parcel, key.clone());
        loop {
            let outcome = match front.knock() {
                None => None,
                Some(attempt) => {
                    world.oracle.offered(parcel.number, attempt.start());
                    attempt.offer(event(parcel, key.clone())).await
                }
            };
            let said = match &outcome {
                None => "no answer".to_owned(),
                Some(outcome) => format!("{outcome:?}"),
            };
            world.note(format_args!(
                "{} {:?}: {}",
                parcel.id(),
                parcel.at_source,
                &said[..said.len().min(100)]
            ));
            let wait = match outcome {
                None => dice.millis(100..=1_500),
                Some(outcome) => {
                    world.oracle.answered(parcel, &outcome);
                    let Outcome::Unavailable { retry_after, .. } = outcome else {
                        return true;
                    };
                    retry_after + dice.millis(0..=200)
                }
            };
            if dice.chance(self.gives_up_percent) {
                return false;
            }
            sleep(wait.min(Duration::from_secs(10))).await;
        }
    }
}

fn event(parcel: Parcel, key: Option<Bytes>) -> Event {
    Event {
        endpoint: ENDPOINT.into(),
        id: parcel.id(),
        payload: parcel.payload().into(),
        content_type: "text/plain".into(),
        key,
        received_ms: 1,
        attributes: Vec::new(),
        headers: Vec::new(),
        traceparent: None,
    }
}

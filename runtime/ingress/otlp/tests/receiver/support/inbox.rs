//! What is behind the source where a test says what becomes of events.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use danube_wasm_model::{
    door::{Intake, OnRefusal, Outcome, Violation},
    event::Event,
};
use tokio::sync::watch;

/// Keeps what it is offered, and answers as it is told: each request of its script once, then "accepted". While its gate is
/// shut it answers nothing.
pub(crate) struct Inbox {
    requests: watch::Sender<Vec<Vec<Event>>>,
    script: Mutex<VecDeque<Vec<Outcome>>>,
    gate: watch::Sender<bool>,
}

impl Inbox {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            requests: watch::Sender::default(),
            script: Mutex::default(),
            gate: watch::Sender::new(true),
        })
    }

    /// The outcomes of the next request: as many as it has events.
    pub(crate) fn then(&self, outcomes: Vec<Outcome>) {
        self.script.lock().expect("no panic").push_back(outcomes);
    }

    pub(crate) fn open(&self) {
        self.gate.send_replace(true);
    }

    pub(crate) fn shut(&self) {
        self.gate.send_replace(false);
    }

    /// Forgets what it was offered.
    pub(crate) fn clear(&self) {
        self.requests.send_replace(Vec::new());
    }

    /// The events of each request.
    pub(crate) fn requests(&self) -> Vec<Vec<Event>> {
        self.requests.borrow().clone()
    }

    /// All events.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.requests().concat()
    }
}

#[async_trait]
impl Intake for Inbox {
    async fn offer(&self, event: Event) -> Outcome {
        panic!("an event of its own: {event:?}");
    }

    async fn offer_all(&self, events: Vec<Event>, on_refusal: OnRefusal) -> Vec<Outcome> {
        assert_eq!(
            on_refusal,
            OnRefusal::KeepOthers,
            "a sender is told which ones were refused"
        );
        let ids: Vec<_> = events.iter().map(|event| event.id.clone()).collect();
        self.requests.send_modify(|requests| requests.push(events));
        let mut gate = self.gate.subscribe();
        gate.wait_for(|open| *open).await.expect("the inbox is there");
        let scripted = self.script.lock().expect("no panic").pop_front();
        scripted.unwrap_or_else(|| ids.iter().map(|id| accepted(id)).collect())
    }
}

pub(crate) fn accepted(id: &str) -> Outcome {
    Outcome::Accepted {
        id: id.to_owned(),
        records: 1,
        durable: true,
        answer: None,
    }
}

pub(crate) fn invalid(why: &str) -> Outcome {
    Outcome::Invalid {
        error: "the payload violates schema `s`".to_owned(),
        violations: vec![Violation {
            path: "/name".to_owned(),
            message: why.to_owned(),
        }],
    }
}

pub(crate) fn unavailable(retry_after: Duration) -> Outcome {
    Outcome::Unavailable {
        message: "the queue is full".to_owned(),
        retry_after,
    }
}

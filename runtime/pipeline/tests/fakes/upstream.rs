//! An upstream that delivers what a test tells it to, and remembers what it was told.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use danube_wasm_model::{
    event::{Event, EventRefusal},
    upstream::{Backlog, Confirmer, Connect, Delivery, Position, Room, StreamId, Upstream, UpstreamError},
};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::event;

/// See the module. Each session that is made of it goes on where the one before ended.
#[derive(Clone, Default)]
pub struct Scripted(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Default)]
struct State {
    script: VecDeque<Step>,
    confirmed: Vec<(String, u64, u128)>,
    released: Vec<String>,
    rooms: Vec<Room>,
    delivered: usize,
    connects: usize,
    closes: usize,
    confirm_fault: Option<UpstreamError>,
    connect_fault: Option<UpstreamError>,
    backlogs: Vec<Backlog>,
}

impl State {
    /// Events only where there is room for them.
    fn next(&mut self, room: Room) -> Option<Step> {
        let needs_room = |step: &Step| matches!(step, Step::Give(Ok(Delivery::Events { .. })));
        let fits = |step: &&Step| room.events > 0 || !needs_room(step);
        self.script.front().filter(fits)?;
        self.script.pop_front()
    }
}

enum Step {
    Give(Result<Delivery, UpstreamError>),
    Panic,
}

/// A position that means nothing else than what it says.
pub fn at(position: u64) -> Position {
    Position::from(position)
}

pub fn transient(message: &str) -> UpstreamError {
    UpstreamError::Transient {
        message: message.into(),
        retry_after: None,
    }
}

/// Events `ids` of a stream, at the positions 10, 20, and so on behind `first`.
pub fn events(stream: &str, epoch: u64, first: u64, ids: &[&str]) -> Delivery {
    let positions = (1..).map(|i| at(first + 10 * i));
    Delivery::Events {
        stream: StreamId::new(stream),
        epoch,
        events: ids.iter().map(|id| event(id, "{}")).zip(positions).collect(),
    }
}

/// An event that the source itself cannot take.
pub fn refused(stream: &str, epoch: u64, position: u64, id: &str, error: &str) -> Delivery {
    let event = Event {
        refusal: Some(Box::new(EventRefusal {
            error: error.to_owned(),
            has_payload: false,
        })),
        ..event(id, "")
    };
    Delivery::Events {
        stream: StreamId::new(stream),
        epoch,
        events: vec![(event, at(position))],
    }
}

pub fn passed(stream: &str, epoch: u64, position: u64) -> Delivery {
    Delivery::Passed {
        stream: StreamId::new(stream),
        epoch,
        position: at(position),
    }
}

pub fn lost(stream: &str) -> Delivery {
    Delivery::Lost {
        streams: vec![StreamId::new(stream)],
    }
}

pub fn revoked(stream: &str, within: Duration) -> Delivery {
    Delivery::Revoked {
        streams: vec![StreamId::new(stream)],
        deadline: (tokio::time::Instant::now() + within).into_std(),
    }
}

impl Scripted {
    fn step(&self, step: Step) {
        self.0.state.lock().script.push_back(step);
        self.0.news.notify_waiters();
    }

    pub fn give(&self, delivery: Delivery) {
        self.step(Step::Give(Ok(delivery)));
    }

    pub fn fail(&self, error: UpstreamError) {
        self.step(Step::Give(Err(error)));
    }

    pub fn panic(&self) {
        self.step(Step::Panic);
    }

    pub fn fail_confirms_with(&self, fault: Option<UpstreamError>) {
        self.0.state.lock().confirm_fault = fault;
    }

    pub fn fail_connects_with(&self, fault: Option<UpstreamError>) {
        self.0.state.lock().connect_fault = fault;
    }

    /// What it says that it keeps: stream, messages, bytes.
    pub fn keeps(&self, backlogs: &[(&str, Option<u64>, Option<u64>)]) {
        let backlogs = backlogs.iter().map(|(stream, messages, bytes)| Backlog {
            stream: StreamId::new(*stream),
            messages: *messages,
            bytes: *bytes,
        });
        self.0.state.lock().backlogs = backlogs.collect();
    }

    /// What was confirmed, in order: stream, epoch, position.
    pub fn confirmed(&self) -> Vec<(String, u64, u128)> {
        self.0.state.lock().confirmed.clone()
    }

    pub fn last_confirmed(&self) -> Option<(String, u64, u128)> {
        self.0.state.lock().confirmed.last().cloned()
    }

    pub fn released(&self) -> Vec<String> {
        self.0.state.lock().released.clone()
    }

    /// What there was room for each time it was asked for more.
    pub fn rooms(&self) -> Vec<Room> {
        self.0.state.lock().rooms.clone()
    }

    pub fn delivered(&self) -> usize {
        self.0.state.lock().delivered
    }

    pub fn connects(&self) -> usize {
        self.0.state.lock().connects
    }

    pub fn closes(&self) -> usize {
        self.0.state.lock().closes
    }

    /// Waits until the condition holds; the test fails if it never does.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(3600), waiting)
            .await
            .unwrap_or_else(|_| panic!("never happened: {what}"));
    }
}

#[async_trait]
impl Connect for Scripted {
    async fn connect(&self) -> Result<Box<dyn Upstream>, UpstreamError> {
        let mut state = self.0.state.lock();
        state.connects += 1;
        match state.connect_fault.clone() {
            Some(fault) => Err(fault),
            None => Ok(Box::new(self.clone())),
        }
    }
}

#[async_trait]
impl Upstream for Scripted {
    async fn receive(&mut self, room: Room) -> Result<Delivery, UpstreamError> {
        if room.events > 0 {
            self.0.state.lock().rooms.push(room);
        }
        loop {
            let news = self.0.news.notified();
            let step = self.0.state.lock().next(room);
            match step {
                Some(Step::Give(given)) => {
                    if let Ok(Delivery::Events { events, .. }) = &given {
                        self.0.state.lock().delivered += events.len();
                    }
                    return given;
                }
                Some(Step::Panic) => panic!("told to panic"),
                None => news.await,
            }
        }
    }

    fn confirmer(&self) -> Arc<dyn Confirmer> {
        Arc::new(self.clone())
    }

    async fn close(self: Box<Self>, _: Instant) {
        self.0.state.lock().closes += 1;
    }
}

#[async_trait]
impl Confirmer for Scripted {
    async fn confirm(&self, stream: &StreamId, epoch: u64, upto: Position) -> Result<(), UpstreamError> {
        let mut state = self.0.state.lock();
        if let Some(fault) = state.confirm_fault.clone() {
            return Err(fault);
        }
        state.confirmed.push((stream.to_string(), epoch, upto.get()));
        Ok(())
    }

    async fn release(&self, streams: &[StreamId]) {
        let names = streams.iter().map(StreamId::to_string);
        self.0.state.lock().released.extend(names);
    }

    async fn backlog(&self) -> Result<Vec<Backlog>, UpstreamError> {
        Ok(self.0.state.lock().backlogs.clone())
    }
}

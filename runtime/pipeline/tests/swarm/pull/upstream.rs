//! The upstream: it keeps what was not confirmed, and outlives every crash of the source.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use danube_wasm_model::upstream::{Connect, StreamId, Upstream, UpstreamError};
use danube_wasm_pipeline::OnInvalid;
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use super::{
    plan::Plan,
    session::Session,
    stream::{Owner, Stream, Worth},
};
use crate::{rng::Rng, world::World};

/// See the module.
pub struct Feed {
    pub world: Arc<World>,
    pub plan: Arc<Plan>,
    pub rng: Rng,
    pub begun: Instant,
    pub state: Mutex<State>,
    /// Something may be there to be delivered.
    pub news: Notify,
}

pub struct State {
    pub streams: Vec<Stream>,
    /// The present session; others are over.
    pub session: u64,
    pub is_open: bool,
    /// Sessions up to this one the driver knows to be over.
    pub known_over: u64,
}

impl Feed {
    pub fn new(world: &Arc<World>, plan: &Arc<Plan>, rng: Rng) -> Arc<Self> {
        for (test_event, key) in plan.streams.iter().flatten().filter_map(|item| item.event.clone()) {
            world.oracle.sent(test_event, key);
        }
        let streams = plan.streams.iter().cloned().enumerate();
        Arc::new(Self {
            world: world.clone(),
            plan: plan.clone(),
            rng,
            begun: Instant::now(),
            state: Mutex::new(State {
                streams: streams.map(|(number, items)| Stream::new(number, items)).collect(),
                session: 0,
                is_open: false,
                known_over: 0,
            }),
            news: Notify::new(),
        })
    }

    /// Whether trouble of a kind that comes so often strikes now.
    pub fn strikes(&self, percent: u64) -> bool {
        let faults_strike = self.begun.elapsed() < self.plan.scenario.fault_phase;
        faults_strike && self.rng.chance(percent)
    }

    pub async fn pause(&self) {
        let ms = self.rng.between(0..=self.plan.scenario.latency_ms_max);
        if ms > 0 {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
    }

    pub fn violation(&self, what: String) {
        self.world.oracle.violation(what);
    }

    /// The session is over, whoever ended it; what is not confirmed comes again.
    pub fn disconnect(&self, session: u64) {
        let mut state = self.state.lock();
        if state.session != session || !state.is_open {
            return;
        }
        state.is_open = false;
        for stream in &mut state.streams {
            stream.known_over = stream.epoch;
            stream.leave(Duration::ZERO);
        }
        self.world.note(format_args!("upstream: session {session} is over"));
    }

    /// The driver is told, or has closed it itself.
    pub fn mark_known_over(&self, session: u64) {
        let mut state = self.state.lock();
        state.known_over = state.known_over.max(session);
    }

    /// Everything up to here need not be kept.
    pub fn confirm(&self, session: u64, stream: &StreamId, epoch: u64, upto: u64) {
        let mut state = self.state.lock();
        self.world
            .note(format_args!("upstream: confirm {stream} {upto} of epoch {epoch}"));
        if session <= state.known_over {
            return self.violation(format!(
                "{stream} {upto} was confirmed in session {session}, which is over"
            ));
        }
        if !state.is_open {
            return;
        }
        let skips = self.plan.on_invalid == OnInvalid::Skip;
        let Some(known) = state.streams.iter_mut().find(|known| known.id == *stream) else {
            return self.violation(format!("{stream} is no stream"));
        };
        match known.worth(epoch, upto) {
            Worth::Wrong => self.violation(format!(
                "{stream} {upto} was confirmed in epoch {epoch}; the driver knows that {} is over",
                known.known_over
            )),
            Worth::Late => {}
            Worth::Counts(upto) if upto < known.confirmed => {
                self.violation(format!("what is confirmed of {stream} went back"));
            }
            Worth::Counts(upto) => {
                let events = known.items[known.confirmed..upto]
                    .iter()
                    .filter_map(|item| item.event.as_ref());
                let early = events.filter(|(test_event, _)| !self.world.oracle.is_kept(*test_event, skips));
                early.for_each(|(test_event, _)| {
                    self.violation(format!("{test_event:?} was confirmed and is not durable"));
                });
                known.confirmed = upto;
            }
        }
    }

    /// These may be another reader's.
    pub fn release(&self, session: u64, streams: &[StreamId]) {
        let mut state = self.state.lock();
        self.world.note(format_args!("upstream: {streams:?} are let go"));
        if state.session != session {
            return;
        }
        for known in state.streams.iter_mut().filter(|known| streams.contains(&known.id)) {
            if let Owner::Leaving { .. } = known.owner {
                known.known_over = known.epoch;
                known.leave(self.rng.millis(0..=3_000));
            }
        }
        drop(state);
        self.news.notify_waiters();
    }

    /// Whether nothing is left to be kept.
    pub fn is_confirmed(&self) -> bool {
        let state = self.state.lock();
        state
            .streams
            .iter()
            .all(|stream| stream.confirmed == stream.items.len())
    }

    pub fn unconfirmed(&self) -> String {
        let state = self.state.lock();
        let left = state.streams.iter().filter_map(|stream| {
            let first = stream.items.get(stream.confirmed)?;
            Some(format!("{} from {first:?}, {:?}", stream.id, stream.owner))
        });
        left.collect::<Vec<_>>().join("; ")
    }

    /// What can only be told at the end.
    pub fn close(&self) {
        let state = self.state.lock();
        let skips = self.plan.on_invalid == OnInvalid::Skip;
        for stream in &state.streams {
            let events = stream.items.iter().filter_map(|item| item.event.clone());
            let events: Vec<_> = events.collect();
            let lost = events
                .iter()
                .filter(|(test_event, _)| !self.world.oracle.is_kept(*test_event, skips));
            lost.for_each(|(test_event, _)| self.violation(format!("{test_event:?} is lost")));
            self.world.oracle.in_order(&events, self.plan.orders_by_key());
        }
        if state.is_open {
            self.violation("the session was not closed".to_owned());
        }
    }
}

/// What the source connects by.
pub struct Line(pub Arc<Feed>);

#[async_trait]
impl Connect for Line {
    async fn connect(&self) -> Result<Box<dyn Upstream>, UpstreamError> {
        let feed = &self.0;
        feed.pause().await;
        if feed.strikes(feed.plan.trouble_percent) {
            return Err(UpstreamError::Transient {
                message: "connection refused".into(),
                retry_after: feed.rng.chance(30).then(|| feed.rng.millis(1..=2_000)),
            });
        }
        let mut state = feed.state.lock();
        if state.is_open {
            feed.violation("there are two sessions at a time".to_owned());
        }
        state.session += 1;
        state.is_open = true;
        let number = state.session;
        feed.world.note(format_args!("upstream: session {number}"));
        drop(state);
        Ok(Box::new(Session::new(feed, number)))
    }
}

//! One session: what it delivers, and what goes wrong with it.

use std::{
    sync::Arc,
    time::{Duration, Instant as StdInstant},
};

use async_trait::async_trait;
use danube_wasm_model::{
    event::Event,
    upstream::{Confirmer, Delivery, Position, Room, StreamId, Upstream, UpstreamError},
};
use tokio::time::{Instant, timeout};

use super::{
    confirmer::SimConfirmer,
    plan::Item,
    stream::{Owner, Stream},
    upstream::Feed,
};
use crate::world::ENDPOINT;

/// See the module. Dropping it is what a crash of its process is.
pub struct Session {
    feed: Arc<Feed>,
    number: u64,
    /// The last delivery, for one that comes too late.
    last: Option<Delivery>,
}

/// How long a session that has nothing to deliver waits before it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

type Given = Result<Delivery, UpstreamError>;

impl Session {
    pub fn new(feed: &Arc<Feed>, number: u64) -> Self {
        Self {
            feed: feed.clone(),
            number,
            last: None,
        }
    }

    /// Something else than events, if there is something that it can happen to.
    fn trouble(&mut self) -> Option<Given> {
        let feed = self.feed.clone();
        match feed.rng.between(0..=5) {
            0 => Some(Err(UpstreamError::Transient {
                message: "the leader moves".into(),
                retry_after: feed.rng.chance(30).then(|| feed.rng.millis(1..=2_000)),
            })),
            1 => Some(Err(self.disconnected())),
            2 => self.lose().map(Ok),
            3 => self.revoke().map(Ok),
            4 => self.reconnect(),
            _ => self.stale().map(Ok),
        }
    }

    fn disconnected(&self) -> UpstreamError {
        self.feed.disconnect(self.number);
        self.feed.mark_known_over(self.number);
        UpstreamError::Disconnected {
            message: "the connection was reset".into(),
        }
    }

    /// Some of the streams that are here.
    fn some(&self, each: impl Fn(&mut Stream)) -> Vec<StreamId> {
        let mut state = self.feed.state.lock();
        let here = state.streams.iter_mut().filter(|stream| stream.owner == Owner::Here);
        let some = here.filter(|_| self.feed.rng.chance(60)).map(|stream| {
            each(stream);
            stream.id.clone()
        });
        some.collect()
    }

    fn lose(&self) -> Option<Delivery> {
        let streams = self.some(|stream| {
            stream.known_over = stream.epoch;
            stream.leave(self.feed.rng.millis(0..=2_000));
        });
        self.feed.world.note(format_args!("upstream: {streams:?} are lost"));
        (!streams.is_empty()).then_some(Delivery::Lost { streams })
    }

    fn revoke(&self) -> Option<Delivery> {
        let deadline = Instant::now() + self.feed.rng.millis(1..=5_000);
        let streams = self.some(|stream| stream.owner = Owner::Leaving { deadline });
        self.feed.world.note(format_args!("upstream: {streams:?} are revoked"));
        let deadline = deadline.into_std();
        (!streams.is_empty()).then_some(Delivery::Revoked { streams, deadline })
    }

    /// All streams begin anew; the driver sees it by their epochs.
    fn reconnect(&self) -> Option<Given> {
        let mut state = self.feed.state.lock();
        let here = state.streams.iter_mut().filter(|stream| stream.owner == Owner::Here);
        here.for_each(Stream::assign);
        self.feed.world.note(format_args!("upstream: reconnected"));
        None
    }

    /// A delivery of an epoch that is over.
    fn stale(&self) -> Option<Delivery> {
        let last = self.last.clone()?;
        let (Delivery::Events { stream, epoch, .. } | Delivery::Passed { stream, epoch, .. }) = &last else {
            return None;
        };
        let state = self.feed.state.lock();
        let known = state.streams.iter().find(|known| known.id == *stream)?;
        if known.known_over < *epoch {
            return None;
        }
        self.feed
            .world
            .note(format_args!("upstream: {stream} of epoch {epoch} comes late"));
        Some(last)
    }

    /// Time has passed: streams come back, and those that nobody let go are taken away.
    fn tick(&self) {
        let mut state = self.feed.state.lock();
        let now = Instant::now();
        for stream in &mut state.streams {
            match stream.owner {
                Owner::Away { until } if until <= now => stream.assign(),
                Owner::Leaving { deadline } if deadline + LOOK_AGAIN < now => {
                    let text = format!("{} was not let go at its deadline", stream.id);
                    self.feed.violation(text);
                    stream.leave(Duration::ZERO);
                }
                _ => {}
            }
        }
    }

    fn deliver(&mut self, room: Room) -> Option<Delivery> {
        let feed = self.feed.clone();
        let mut state = feed.state.lock();
        let elapsed = feed.begun.elapsed();
        let mut ready: Vec<_> = state
            .streams
            .iter_mut()
            .filter(|stream| stream.is_ready(elapsed, room.events > 0))
            .collect();
        if ready.is_empty() {
            return None;
        }
        let stream = ready.swap_remove(feed.rng.size(0..=ready.len() as u64 - 1));
        // The driver sees by this that the one before is over.
        stream.known_over = stream.epoch - 1;
        let delivery = match stream.items[stream.cursor].event {
            None => {
                let position = Position::from(stream.items[stream.cursor].position);
                stream.cursor += 1;
                Delivery::Passed {
                    stream: stream.id.clone(),
                    epoch: stream.epoch,
                    position,
                }
            }
            Some(_) => Delivery::Events {
                stream: stream.id.clone(),
                epoch: stream.epoch,
                events: take(stream, room, feed.rng.size(1..=20), elapsed),
            },
        };
        feed.world.note(format_args!(
            "upstream: {} to {} of epoch {}",
            stream.id, stream.cursor, stream.epoch
        ));
        self.last = Some(delivery.clone());
        Some(delivery)
    }
}

fn take(stream: &mut Stream, room: Room, max: usize, elapsed: Duration) -> Vec<(Event, Position)> {
    let (mut events, mut bytes) = (Vec::new(), 0);
    while events.len() < max.min(room.events) && bytes < room.bytes {
        let next = stream.items.get(stream.cursor).filter(|item| item.at <= elapsed);
        let Some(event) = next.and_then(event) else { break };
        bytes += event.0.payload.len();
        events.push(event);
        stream.cursor += 1;
    }
    events
}

fn event(item: &Item) -> Option<(Event, Position)> {
    let (test_event, key) = item.event.clone()?;
    let event = Event {
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
    };
    Some((event, Position::from(item.position)))
}

#[async_trait]
impl Upstream for Session {
    async fn receive(&mut self, room: Room) -> Given {
        loop {
            // Cancelled here, nothing has been taken yet.
            self.feed.pause().await;
            if !self.feed.state.lock().is_open {
                return Err(self.disconnected());
            }
            self.tick();
            if self.feed.strikes(self.feed.plan.trouble_percent)
                && let Some(trouble) = self.trouble()
            {
                return trouble;
            }
            match self.deliver(room) {
                Some(delivery) => return Ok(delivery),
                None => drop(timeout(LOOK_AGAIN, self.feed.news.notified()).await),
            }
        }
    }

    fn confirmer(&self) -> Arc<dyn Confirmer> {
        Arc::new(SimConfirmer {
            feed: self.feed.clone(),
            session: self.number,
        })
    }

    async fn close(self: Box<Self>, _: StdInstant) {
        self.feed.mark_known_over(self.number);
        self.feed.pause().await;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.feed.mark_known_over(self.number);
        self.feed.disconnect(self.number);
    }
}

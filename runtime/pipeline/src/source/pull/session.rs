//! One session with an upstream as the lanes see it: what is still to be done, and what is done.

use std::sync::Arc;

use danube_wasm_model::{
    OnInvalid,
    door::Outcome,
    event::Event,
    upstream::{Position, StreamId},
};
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    frontier::{Due, Frontier, Stale},
    in_flight::Permit,
    not_durable,
};
use crate::source::shared::{Answer, Pending, Shared};

/// See the module. Over when its streams are all lost.
pub(crate) struct Session {
    pub(super) shared: Arc<Shared>,
    frontier: Mutex<Frontier>,
    /// Something has become confirmable, was confirmed or is lost.
    pub(super) changed: Notify,
    /// The upstream has ended the session elsewhere than at `receive`.
    pub(super) over: CancellationToken,
}

impl Session {
    pub(super) fn new(shared: &Arc<Shared>) -> Arc<Self> {
        Arc::new(Self {
            shared: shared.clone(),
            frontier: Mutex::default(),
            changed: Notify::new(),
            over: CancellationToken::new(),
        })
    }

    /// Changes what is known, and wakes all who wait for it.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Frontier) -> T) -> T {
        let result = change(&mut self.frontier.lock());
        self.changed.notify_waiters();
        result
    }

    /// Events were delivered: each with its finalizer. None if they are of an epoch that is over.
    pub(super) fn admit(
        self: &Arc<Self>,
        stream: &StreamId,
        epoch: u64,
        events: Vec<(Event, Position)>,
    ) -> Result<Vec<Pending>, Stale> {
        let positions = events.iter().map(|(_, position)| *position);
        let first = self.change(|frontier| frontier.deliver(stream, epoch, Instant::now(), positions))?;
        let finalizer = |number, permit| Finalizer {
            session: self.clone(),
            stream: stream.clone(),
            epoch,
            number,
            permit,
        };
        let pending = (first..).zip(events).filter_map(|(number, (event, _))| {
            let permit = self.shared.pull()?.in_flight.add(&event);
            let answer = Answer::Upstream(finalizer(number, permit));
            Some(Pending { event, answer })
        });
        Ok(pending.collect())
    }

    pub(super) fn look<T>(&self, look: impl FnOnce(&Frontier) -> T) -> T {
        look(&self.frontier.lock())
    }

    pub(super) fn take_due(&self) -> Vec<Due> {
        self.frontier.lock().take_due()
    }

    fn is_live(&self, stream: &StreamId, epoch: u64) -> bool {
        let halted = self.shared.pull().is_none_or(|pull| pull.stop.is_cancelled());
        !halted && self.frontier.lock().is_live(stream, epoch)
    }

    fn done(&self, stream: &StreamId, epoch: u64, numbers: impl IntoIterator<Item = u64>) {
        let mut frontier = self.frontier.lock();
        let changed = frontier.done(stream, epoch, numbers);
        drop(frontier);
        if changed {
            self.changed.notify_waiters();
        }
    }

    /// Waits until the frontier is as asked.
    pub(super) async fn until(&self, holds: impl Fn(&Frontier) -> bool) {
        loop {
            let changed = self.changed.notified();
            if holds(&self.frontier.lock()) {
                return;
            }
            changed.await;
        }
    }
}

/// Tells that an event is done. Dropped without that, it is not: it is never confirmed, and comes again.
pub(crate) struct Finalizer {
    session: Arc<Session>,
    stream: StreamId,
    epoch: u64,
    number: u64,
    permit: Permit,
}

impl Finalizer {
    pub(crate) fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// Whether two events are of one epoch of one stream.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        self.stream == other.stream && self.epoch == other.epoch && Arc::ptr_eq(&self.session, &other.session)
    }

    /// Whether the event may still be worked on.
    pub(crate) fn is_live(&self) -> bool {
        self.session.is_live(&self.stream, self.epoch)
    }

    /// When it may not.
    pub(crate) async fn cancelled(&self) {
        let Some(pull) = self.session.shared.pull() else { return };
        let lost = self
            .session
            .until(|frontier| !frontier.is_live(&self.stream, self.epoch));
        tokio::select! {
            biased;
            () = pull.stop.cancelled() => {}
            () = lost => {}
        }
    }

    /// The event's fate is known.
    pub(crate) fn answered(self, event: &Event, outcome: Outcome) {
        match outcome {
            Outcome::Accepted { durable: true, .. } | Outcome::DeadLettered { durable: true, .. } => self.done(),
            Outcome::Accepted { .. } | Outcome::DeadLettered { .. } => self.not_durable(),
            Outcome::Invalid { error, .. } | Outcome::Failed { message: error, .. } => self.refused(event, &error),
            // Its stream is lost, or the connector has stopped: it comes again.
            Outcome::Unavailable { .. } if !self.is_live() => {}
            Outcome::Unavailable { message, .. } => self.session.shared.guard().crashed(format!(
                "event {} of stream {} was given up: {message}",
                event.id, self.stream
            )),
        }
    }

    /// Their events are done. As many of a stream as follow each other are told of at once.
    pub(super) fn all_done(finalizers: Vec<Self>) {
        for beside in finalizers.chunk_by(Self::is_beside) {
            let Some(first) = beside.first() else { continue };
            let numbers = beside.iter().map(|finalizer| finalizer.number);
            first.session.done(&first.stream, first.epoch, numbers);
        }
        Permit::release_all(finalizers.into_iter().map(|finalizer| finalizer.permit));
    }

    fn done(self) {
        Self::all_done(vec![self]);
    }

    /// It is in the broker, which may lose it.
    fn not_durable(&self) {
        let configs = self.session.shared.guest.producer_configs();
        if let Some(config) = configs.first() {
            self.session.shared.fail(not_durable(&config.topic));
        }
    }

    /// Nothing is kept of it here.
    fn refused(self, event: &Event, error: &str) {
        let shared = self.session.shared.clone();
        let policy = shared.pull().map(|pull| pull.on_invalid(event));
        let (id, stream) = (&event.id, self.stream.clone());
        match policy.unwrap_or_default() {
            OnInvalid::Skip => {
                tracing::warn!(connector = %shared.guest.id(), endpoint = &*event.endpoint, event = %id, %stream, error, "an event is skipped");
                self.done();
            }
            OnInvalid::Stop => shared.fail(format!(
                "event {id} of stream {stream} is refused, and on_invalid = \"stop\": {error}"
            )),
            OnInvalid::DeadLetter | OnInvalid::Reject => shared.fail(format!(
                "event {id} of stream {stream} is refused and too large for a dead letter: {error}; raise the broker's limit, \
                 or say on_invalid = \"skip\""
            )),
        }
    }
}

//! Reads from one session.

use std::{sync::Arc, time::Duration};

use danube_wasm_model::{
    clock,
    event::Event,
    upstream::{Confirmer, Delivery, Position, Room, StreamId, Upstream, UpstreamError},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{
    confirm::{confirm, release},
    driver::{Driver, SessionEnd},
    frontier::Frontier,
    session::Session,
};
use crate::{
    backoff::{Backoff, BackoffPolicy},
    failpoints::{self, FailPoint},
    source::refuse::refuse_unreadable,
    status::Cause,
};

/// An upstream that gives neither an event nor an error for so long is there.
const SILENCE: Duration = Duration::from_secs(1);
/// Longest wait between two tries to read: a stream that is to be given up meanwhile waits for it.
const READ_WAIT_MAX: Duration = Duration::from_secs(5);
/// What there is when what is in flight is as much as may be.
const NO_ROOM: Room = Room { events: 0, bytes: 0 };

/// See the module.
pub(super) struct Reader<'a> {
    driver: &'a Driver,
    session: Arc<Session>,
    confirmer: Arc<dyn Confirmer>,
    tasks: JoinSet<()>,
    drive: usize,
    cause: Cause,
    waits: BackoffPolicy,
    backoff: Backoff,
}

impl<'a> Reader<'a> {
    pub(super) fn new(driver: &'a Driver, confirmer: Arc<dyn Confirmer>, drive: usize) -> Self {
        let waits = driver.shared.waits.up_to(READ_WAIT_MAX);
        let mut reader = Self {
            driver,
            session: Session::new(&driver.shared),
            confirmer: confirmer.clone(),
            tasks: JoinSet::new(),
            drive,
            cause: Cause::Upstream(drive),
            waits,
            backoff: waits.start(),
        };
        let confirming = confirm(reader.session.clone(), confirmer.clone(), Cause::Confirmations(drive));
        reader.spawn("what confirms", confirming);
        driver.measured.begin(drive, &reader.session);
        reader.spawn(
            "what measures the backlog",
            driver.measured.clone().ask(drive, confirmer),
        );
        reader
    }

    fn spawn(&mut self, what: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(self.driver.shared.guard().run(what, task));
    }

    /// Until the session is over or nothing more is to be read.
    pub(super) async fn read(&mut self, upstream: &mut dyn Upstream) -> SessionEnd {
        loop {
            match self.driver.unless_stopped(self.next(upstream)).await {
                Err(end) => return end,
                Ok(Ok(delivery)) => self.take(delivery),
                Ok(Err(UpstreamError::Transient { message, retry_after })) => {
                    if let Err(end) = self.wait(message, retry_after).await {
                        return end;
                    }
                }
                Ok(Err(UpstreamError::Disconnected { message })) => return SessionEnd::Disconnected(message),
                Ok(Err(error)) => return self.driver.failed(&error),
            }
            while self.tasks.try_join_next().is_some() {}
        }
    }

    /// When everything that was read is confirmed.
    pub(super) async fn settled(&self) {
        self.session.until(Frontier::is_all_settled).await;
    }

    /// Nothing of it is processed any more, not even what the lanes still have.
    pub(super) async fn end(mut self) {
        self.session.change(Frontier::lose_all);
        self.tasks.shutdown().await;
    }

    async fn next(&self, upstream: &mut dyn Upstream) -> Result<Delivery, UpstreamError> {
        tokio::select! {
            biased;
            () = self.session.over.cancelled() => Err(UpstreamError::Disconnected {
                message: "the upstream ended the session".to_owned(),
            }),
            received = self.receive_unless_paused(upstream) => received,
        }
    }

    /// As [`Self::receive`], and what takes streams away also while the source is paused.
    async fn receive_unless_paused(&self, upstream: &mut dyn Upstream) -> Result<Delivery, UpstreamError> {
        let pause = &self.driver.pause;
        loop {
            let received = match pause.is_paused() {
                false => tokio::select! {
                    biased;
                    () = pause.paused() => None,
                    received = self.receive(upstream) => Some(received),
                },
                true => tokio::select! {
                    biased;
                    () = pause.resumed() => None,
                    received = upstream.receive(NO_ROOM) => Some(received),
                },
            };
            if let Some(received) = received {
                return received;
            }
        }
    }

    /// Events when there is room for them; what takes streams away at any time.
    async fn receive(&self, upstream: &mut dyn Upstream) -> Result<Delivery, UpstreamError> {
        let more = tokio::select! {
            biased;
            room = self.driver.in_flight.room() => Ok(room),
            received = upstream.receive(NO_ROOM) => Err(received),
        };
        let room = match more {
            Ok(room) => room,
            Err(received) => return received,
        };
        let mut receiving = upstream.receive(room);
        let status = &self.driver.shared.status;
        if status.last_seen(self.cause).is_some() {
            // Nothing may come for long: no error for a while is as good as an event.
            match timeout(SILENCE, &mut receiving).await {
                Ok(received) => return received,
                Err(_) => status.recover(self.cause),
            }
        }
        receiving.await
    }

    async fn wait(&mut self, message: String, asked: Option<Duration>) -> Result<(), SessionEnd> {
        let wait = self.backoff.next(asked);
        let shared = &self.driver.shared;
        tracing::warn!(connector = %shared.guest.id(), error = %message, tries = self.backoff.tries(), wait_ms = clock::millis(wait), "cannot read from the upstream; trying again");
        shared.status.degrade(self.cause, message);
        self.driver.unless_stopped(sleep(wait)).await
    }

    fn take(&mut self, delivery: Delivery) {
        self.driver.shared.status.recover(self.cause);
        self.backoff = self.waits.start();
        match delivery {
            Delivery::Events { stream, epoch, events } => self.events(&stream, epoch, events),
            Delivery::Passed {
                stream,
                epoch,
                position,
            } => {
                let passed = self.session.change(|frontier| frontier.pass(&stream, epoch, position));
                self.ignored(passed.is_err(), &stream, epoch);
            }
            Delivery::Revoked { streams, deadline } => self.revoked(streams, Instant::from_std(deadline)),
            Delivery::Lost { streams } => {
                tracing::warn!(connector = %self.driver.shared.guest.id(), ?streams, "streams are lost; what is not confirmed comes again");
                let lose = |frontier: &mut Frontier| streams.iter().for_each(|stream| frontier.lose(stream));
                self.session.change(lose);
            }
        }
    }

    fn events(&mut self, stream: &StreamId, epoch: u64, events: Vec<(Event, Position)>) {
        let shared = &self.driver.shared;
        let endpoints = events.iter().map(|(event, _)| &*event.endpoint);
        shared.instruments.received(endpoints);
        let admitted = self.session.admit(stream, epoch, events);
        self.ignored(admitted.is_err(), stream, epoch);
        // What nobody is asked about need not wait for a lane.
        let readable = refuse_unreadable(shared, admitted.unwrap_or_default(), &mut self.tasks);
        self.driver.enqueue(stream, readable);
        shared.count_in_flight();
    }

    fn ignored(&self, is_stale: bool, stream: &StreamId, epoch: u64) {
        if is_stale {
            let connector = self.driver.shared.guest.id();
            tracing::info!(%connector, %stream, epoch, "a delivery of an epoch that is over is ignored");
        }
    }

    fn revoked(&mut self, streams: Vec<StreamId>, deadline: Instant) {
        // One that nothing was delivered of is released with the others.
        let epoch = |frontier: &mut Frontier, stream: &StreamId| frontier.revoke(stream).unwrap_or_default();
        let with_epochs = self.session.change(|frontier| {
            let each = streams.into_iter();
            each.map(|stream| (stream.clone(), epoch(frontier, &stream))).collect()
        });
        failpoints::reach(FailPoint::SourceRevoked);
        let (session, confirmer) = (self.session.clone(), self.confirmer.clone());
        self.spawn(
            "what releases streams",
            release(session, confirmer, with_epochs, deadline),
        );
    }
}

impl Drop for Reader<'_> {
    /// Also when the driving task is dropped.
    fn drop(&mut self) {
        self.session.change(Frontier::lose_all);
        self.driver.measured.end(self.drive);
    }
}

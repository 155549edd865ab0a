//! Makes sessions and reads from them.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_trait::async_trait;
use danube_wasm_model::{
    clock,
    event::Event,
    upstream::{Confirmer, Connect, Delivery, DriveEnd, Position, PullDriver, StreamId, Upstream, UpstreamError},
};
use futures_util::FutureExt;
use parking_lot::RwLock;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{
    confirm::{confirm, release},
    frontier::Frontier,
    in_flight::InFlight,
    session::Session,
};
use crate::{
    backoff::Backoff,
    lane_of_key, panics,
    source::shared::{Pending, Shared},
    status::{Cause, Status},
};

/// An upstream that gives neither an event nor an error for so long is there.
const SILENCE: Duration = Duration::from_secs(1);
/// Longest time that a session may take to close when nobody says until when.
const CLOSE_MAX: Duration = Duration::from_secs(5);
/// A session that has lasted so long did not end because of how it began.
const SESSION_GOOD: Duration = Duration::from_secs(60);

/// See the module.
pub(super) struct Driver {
    shared: Arc<Shared>,
    in_flight: Arc<InFlight>,
    lanes: RwLock<Vec<mpsc::UnboundedSender<Pending>>>,
    independent_keys: bool,
    /// Until when everything must have ended, once it is to.
    stop: watch::Sender<Option<Instant>>,
    drives: watch::Sender<Drives>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Drives {
    begun: usize,
    running: usize,
}

/// Why a session is over.
enum SessionEnd {
    /// Told to stop.
    Stopped,
    /// A new one is needed.
    Disconnected(String),
    /// There will be no more.
    Failed,
}

impl Driver {
    pub(super) fn new(
        shared: Arc<Shared>,
        in_flight: Arc<InFlight>,
        lanes: Vec<mpsc::UnboundedSender<Pending>>,
        independent_keys: bool,
    ) -> Self {
        Self {
            shared,
            in_flight,
            lanes: RwLock::new(lanes),
            independent_keys,
            stop: watch::Sender::new(None),
            drives: watch::Sender::default(),
        }
    }

    /// Nothing more is read.
    pub(super) fn stop(&self, deadline: Instant) {
        self.stop.send_replace(Some(deadline));
    }

    /// When every session is closed, or the deadline is over.
    pub(super) async fn ended(&self, deadline: Instant) {
        let mut drives = self.drives.subscribe();
        let ended = drives.wait_for(|drives| drives.running == 0);
        let _ = timeout_at(deadline, ended).await;
    }

    pub(super) fn close_lanes(&self) {
        self.lanes.write().clear();
    }

    /// Runs this until the source is to stop or has ended.
    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, SessionEnd> {
        let mut stop = self.stop.subscribe();
        tokio::select! {
            biased;
            () = self.halted() => Err(SessionEnd::Failed),
            _ = stop.wait_for(Option::is_some) => Err(SessionEnd::Stopped),
            done = work => Ok(done),
        }
    }

    async fn halted(&self) {
        match self.shared.pull() {
            Some(pull) => pull.halt.cancelled().await,
            None => std::future::pending().await,
        }
    }

    fn deadline(&self) -> Instant {
        self.stop.borrow().unwrap_or_else(|| Instant::now() + CLOSE_MAX)
    }

    /// Session after session.
    async fn sessions(&self, upstreams: &dyn Connect, drive: usize) -> SessionEnd {
        let mut backoff = self.shared.waits.start();
        loop {
            let (why, asked) = match self.unless_stopped(upstreams.connect()).await {
                Err(end) => return end,
                Ok(Ok(upstream)) => {
                    let begun = Instant::now();
                    match self.session(upstream, drive).await {
                        SessionEnd::Disconnected(why) => {
                            if begun.elapsed() >= SESSION_GOOD {
                                backoff = self.shared.waits.start();
                            }
                            (why, None)
                        }
                        end => return end,
                    }
                }
                Ok(Err(UpstreamError::Transient { message, retry_after })) => (message, retry_after),
                Ok(Err(UpstreamError::Disconnected { message })) => (message, None),
                Ok(Err(error)) => return self.failed(&error),
            };
            let wait = backoff.next(asked);
            tracing::warn!(connector = %self.shared.guest.id(), error = %why, tries = backoff.tries(), wait_ms = clock::millis(wait), "there is no session with the upstream; a new one is made");
            self.shared.status.held_up(Cause::Upstream(drive), why);
            if let Err(end) = self.unless_stopped(sleep(wait)).await {
                return end;
            }
        }
    }

    fn failed(&self, error: &UpstreamError) -> SessionEnd {
        self.shared.fail(match error {
            UpstreamError::Gap { message } => format!("the upstream has lost what was not read: {message}"),
            error => error.to_string(),
        });
        SessionEnd::Failed
    }

    /// Reads until the session is over, and closes it.
    async fn session(&self, mut upstream: Box<dyn Upstream>, drive: usize) -> SessionEnd {
        let confirmer = upstream.confirmer();
        let mut reading = Reading {
            driver: self,
            session: Session::new(&self.shared),
            confirmer: confirmer.clone(),
            tasks: JoinSet::new(),
            cause: Cause::Upstream(drive),
            backoff: self.shared.waits.start(),
        };
        let confirming = confirm(reading.session.clone(), confirmer, Cause::Confirmations(drive));
        reading.spawn("what confirms", confirming);
        let end = reading.read(&mut *upstream).await;
        if matches!(end, SessionEnd::Stopped) {
            let settled = reading.session.until(Frontier::is_all_settled);
            tokio::select! {
                biased;
                () = self.halted() => {}
                _ = timeout_at(self.deadline(), settled) => {}
            }
        }
        // Nothing of it is wanted any more, whatever its lanes still have.
        reading.session.change(Frontier::lose_all);
        reading.tasks.shutdown().await;
        let deadline = self.deadline();
        let _ = timeout_at(deadline, upstream.close(deadline.into_std())).await;
        end
    }
}

/// A session that is read from.
struct Reading<'a> {
    driver: &'a Driver,
    session: Arc<Session>,
    confirmer: Arc<dyn Confirmer>,
    tasks: JoinSet<()>,
    cause: Cause,
    backoff: Backoff,
}

impl Reading<'_> {
    fn spawn(&mut self, what: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(self.driver.shared.guard().run(what, task));
    }

    async fn read(&mut self, upstream: &mut dyn Upstream) -> SessionEnd {
        loop {
            let next = self.driver.unless_stopped(self.next(upstream)).await;
            match next {
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

    /// What the upstream gives next, when there is room for it.
    async fn next(&self, upstream: &mut dyn Upstream) -> Result<Delivery, UpstreamError> {
        let reading = async {
            let room = self.driver.in_flight.room().await;
            let mut receiving = upstream.receive(room);
            if self.backoff.tries() > 0 {
                // Nothing may come for long: no error for a while is as good as an event.
                match timeout(SILENCE, &mut receiving).await {
                    Ok(received) => return received,
                    Err(_) => self.driver.shared.status.well(self.cause),
                }
            }
            receiving.await
        };
        tokio::select! {
            biased;
            () = self.session.over.cancelled() => Err(UpstreamError::Disconnected {
                message: "the upstream ended the session".to_owned(),
            }),
            received = reading => received,
        }
    }

    async fn wait(&mut self, message: String, asked: Option<Duration>) -> Result<(), SessionEnd> {
        let wait = self.backoff.next(asked);
        let shared = &self.driver.shared;
        tracing::warn!(connector = %shared.guest.id(), error = %message, tries = self.backoff.tries(), wait_ms = clock::millis(wait), "cannot read from the upstream; trying again");
        shared.status.held_up(self.cause, message);
        self.driver.unless_stopped(sleep(wait)).await
    }

    fn take(&mut self, delivery: Delivery) {
        self.driver.shared.status.well(self.cause);
        self.backoff = self.driver.shared.waits.start();
        match delivery {
            Delivery::Events { stream, epoch, events } => self.enqueue(&stream, epoch, events),
            Delivery::Passed {
                stream,
                epoch,
                position,
            } => {
                let passed = self.session.change(|frontier| frontier.pass(&stream, epoch, position));
                self.ignored(passed.is_err(), &stream, epoch);
            }
            Delivery::Revoked { streams, deadline } => self.revoke(streams, Instant::from_std(deadline)),
            Delivery::Lost { streams } => {
                tracing::warn!(connector = %self.driver.shared.guest.id(), ?streams, "streams are lost; what is not confirmed comes again at another reader");
                let lose = |frontier: &mut Frontier| streams.iter().for_each(|stream| frontier.lose(stream));
                self.session.change(lose);
            }
        }
    }

    fn enqueue(&self, stream: &StreamId, epoch: u64, events: Vec<(Event, Position)>) {
        let shared = &self.driver.shared;
        for (event, _) in &events {
            shared.probe.received(&event.endpoint, 1);
        }
        let admitted = self.session.admit(stream, epoch, events);
        self.ignored(admitted.is_err(), stream, epoch);
        let lanes = self.driver.lanes.read();
        for pending in admitted.into_iter().flatten() {
            let key = pending.event.key.as_deref().filter(|_| self.driver.independent_keys);
            let lane = lane_of_key(key.unwrap_or(stream.as_str().as_bytes()), lanes.len().max(1));
            if let Some(lane) = lanes.get(lane) {
                // A lane that is gone has ended the source.
                let _ = lane.send(pending);
            }
        }
        shared.count_in_flight();
    }

    fn ignored(&self, is_stale: bool, stream: &StreamId, epoch: u64) {
        if is_stale {
            let connector = self.driver.shared.guest.id();
            tracing::debug!(%connector, %stream, epoch, "a delivery of an epoch that is over is ignored");
        }
    }

    fn revoke(&mut self, streams: Vec<StreamId>, deadline: Instant) {
        let (session, confirmer) = (self.session.clone(), self.confirmer.clone());
        let mut with_epochs = Vec::with_capacity(streams.len());
        session.change(|frontier| {
            // One that nothing was delivered of is let go with the others.
            let epoch = |stream: StreamId| {
                frontier
                    .revoke(&stream)
                    .map_or((stream.clone(), 0), |epoch| (stream, epoch))
            };
            with_epochs.extend(streams.into_iter().map(epoch));
        });
        self.spawn(
            "what lets go of streams",
            release(session, confirmer, with_epochs, deadline),
        );
    }
}

#[async_trait]
impl PullDriver for Driver {
    async fn drive(&self, upstreams: Arc<dyn Connect>) -> DriveEnd {
        let mut number = 0;
        self.drives.send_modify(|drives| {
            number = drives.begun;
            drives.begun += 1;
            drives.running += 1;
        });
        let _running = Running(&self.drives);
        let driving = AssertUnwindSafe(self.sessions(&*upstreams, number)).catch_unwind();
        match driving.await {
            Ok(SessionEnd::Stopped) => DriveEnd::Stopped,
            Ok(SessionEnd::Failed | SessionEnd::Disconnected(_)) => self.end(),
            Err(panic) => {
                let what = panics::message(&*panic);
                self.shared
                    .guard()
                    .crashed(format!("what reads from the upstream panicked: {what}"));
                self.end()
            }
        }
    }
}

impl Driver {
    fn end(&self) -> DriveEnd {
        match self.shared.status.get() {
            Status::Failed(message) | Status::Crashed(message) => DriveEnd::Failed { message },
            _ => DriveEnd::Stopped,
        }
    }
}

/// A drive is running as long as this is there.
struct Running<'a>(&'a watch::Sender<Drives>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|drives| drives.running -= 1);
    }
}
